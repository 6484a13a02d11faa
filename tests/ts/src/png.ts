// PNG files of 8 bits a channel, as far as pictures of this chain need it: written without, read with any of the five filters.

import assert from 'node:assert/strict';
import { deflateSync, inflateSync } from 'node:zlib';

export interface Png {
	width: number;
	height: number;
	/** 3 for RGB, 4 with opacity. */
	channels: 3 | 4;
	/** Rows from the top, `width × channels` bytes each. */
	pixels: Buffer;
}

const SIGNATURE = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
/** Remainders of CRC-32, by byte. */
const REMAINDERS = Uint32Array.from({ length: 256 }, (_, byte) => {
	let remainder = byte;
	for (let bit = 0; bit < 8; bit += 1) remainder = remainder & 1 ? 0xedb88320 ^ (remainder >>> 1) : remainder >>> 1;
	return remainder;
});

/** CRC-32, which zlib of Node.js has from 20.15 on only. */
function checksum(bytes: Uint8Array): number {
	let crc = 0xffffffff;
	for (const byte of bytes) crc = REMAINDERS[(crc ^ byte) & 255] ^ (crc >>> 8);
	return ~crc >>> 0;
}

/** Reads a PNG file and checks its parts. */
export function readPng(file: Buffer): Png {
	assert.deepEqual(file.subarray(0, 8), SIGNATURE, 'it is a PNG file');
	let header: Buffer | undefined;
	const data: Buffer[] = [];
	for (let at = 8; at < file.length; ) {
		const length = file.readUInt32BE(at);
		const kind = file.toString('latin1', at + 4, at + 8);
		const body = file.subarray(at + 8, at + 8 + length);
		assert.equal(file.readUInt32BE(at + 8 + length), checksum(file.subarray(at + 4, at + 8 + length)), `${kind} is whole`);
		if (kind === 'IHDR') header = body;
		if (kind === 'IDAT') data.push(body);
		at += 12 + length;
	}
	assert.ok(header, 'a PNG file has a header');
	const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
	const [depth, colour, , , interlace] = header.subarray(8);
	assert.equal(depth, 8, 'bits of a channel');
	assert.equal(interlace, 0, 'it is not interlaced');
	assert.ok(colour === 2 || colour === 6, `colour type ${colour} is RGB or RGB with opacity`);
	const channels = colour === 2 ? 3 : 4;
	return { width, height, channels, pixels: unfilter(inflateSync(Buffer.concat(data)), width * channels, height, channels) };
}

/** Undoes the filter of each row: PNG specification, 9.2. */
function unfilter(rows: Buffer, stride: number, height: number, channels: number): Buffer {
	assert.equal(rows.length, (stride + 1) * height, 'every row is there');
	const pixels = Buffer.alloc(stride * height);
	for (let y = 0; y < height; y += 1) {
		const filter = rows[y * (stride + 1)];
		for (let x = 0; x < stride; x += 1) {
			const left = x >= channels ? pixels[y * stride + x - channels] : 0;
			const above = y > 0 ? pixels[(y - 1) * stride + x] : 0;
			const corner = x >= channels && y > 0 ? pixels[(y - 1) * stride + x - channels] : 0;
			const predicted = predict(filter, left, above, corner);
			pixels[y * stride + x] = (rows[y * (stride + 1) + 1 + x] + predicted) & 255;
		}
	}
	return pixels;
}

function predict(filter: number, left: number, above: number, corner: number): number {
	switch (filter) {
		case 0:
			return 0;
		case 1:
			return left;
		case 2:
			return above;
		case 3:
			return (left + above) >> 1;
		case 4: {
			const estimate = left + above - corner;
			const [a, b, c] = [left, above, corner].map((value) => Math.abs(estimate - value)) as [number, number, number];
			return a <= b && a <= c ? left : b <= c ? above : corner;
		}
		default:
			throw new Error(`a row of filter ${filter}`);
	}
}

/** A PNG file of RGB pixels. */
export function writePng(width: number, height: number, rgb: Uint8Array): Buffer {
	assert.equal(rgb.length, 3 * width * height, 'bytes of the picture');
	const header = Buffer.alloc(13);
	header.writeUInt32BE(width, 0);
	header.writeUInt32BE(height, 4);
	header.set([8, 2, 0, 0, 0], 8);
	const rows = Buffer.alloc((3 * width + 1) * height);
	for (let y = 0; y < height; y += 1) rows.set(rgb.subarray(3 * width * y, 3 * width * (y + 1)), (3 * width + 1) * y + 1);
	return Buffer.concat([
		SIGNATURE,
		chunk('IHDR', header),
		chunk('IDAT', deflateSync(rows, { level: 9 })),
		chunk('IEND', Buffer.alloc(0)),
	]);
}

function chunk(kind: string, body: Buffer): Buffer {
	const whole = Buffer.alloc(12 + body.length);
	whole.writeUInt32BE(body.length, 0);
	whole.write(kind, 4, 'latin1');
	whole.set(body, 8);
	whole.writeUInt32BE(checksum(whole.subarray(4, 8 + body.length)), 8 + body.length);
	return whole;
}
