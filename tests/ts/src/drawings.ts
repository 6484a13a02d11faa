// Pictures in a style that the demo model has no words for: the shapes that it knows, teal on burgundy, with a light outline.
// They are computed, so that the same number always gives the same file.

import { writePng } from './png.js';

/** Width and height, which are those of the demo model's own pictures. */
const SIDE = 64;
/** Samples of a pixel in each direction. */
const FINE = 4;
/** Width of the outline as a part of the radius. */
const OUTLINE = 0.16;

type Rgb = readonly [number, number, number];

const TEAL: Rgb = [0, 128, 128];
const BURGUNDY: Rgb = [88, 20, 44];
const CREAM: Rgb = [250, 238, 208];

/** A picture and what it shows. */
export interface Drawing {
	caption: string;
	png: Buffer;
}

/** How far a point is outside of a shape of radius 1; y goes up. */
type Distance = (x: number, y: number) => number;

/** The convex shape whose `sides` are at this distance from the centre, one of them turned by `turn`. */
function polygon(sides: number, turn: number, distance: number): Distance {
	return (x, y) => {
		let most = -Infinity;
		for (let n = 0; n < sides; n += 1) {
			const angle = turn + (2 * Math.PI * n) / sides;
			most = Math.max(most, x * Math.cos(angle) + y * Math.sin(angle) - distance);
		}
		return most;
	};
}

/** A star with five points, of which one is at the top: the lines between points and notches. */
const star: Distance = (x, y) => {
	const step = Math.PI / 5;
	// One half of one point stands for all ten.
	const angle = Math.abs((((Math.atan2(x, y) % (2 * step)) + 3 * step) % (2 * step)) - step);
	const radius = Math.hypot(x, y);
	const [px, py] = [radius * Math.sin(angle), radius * Math.cos(angle)];
	const [nx, ny] = [0.42 * Math.sin(step), 0.42 * Math.cos(step)];
	// The line from the point (0, 1) to the notch (nx, ny).
	const [dx, dy] = [nx, ny - 1];
	return ((py - 1) * dx - px * dy) / Math.hypot(dx, dy);
};

const SHAPES: readonly [string, Distance][] = [
	['circle', (x, y) => Math.hypot(x, y) - 1],
	['square', polygon(4, 0, 0.82)],
	['triangle', polygon(3, -Math.PI / 2, 0.55)],
	['diamond', polygon(4, Math.PI / 4, 0.72)],
	['ring', (x, y) => Math.abs(Math.hypot(x, y) - 0.78) - 0.26],
	['star', star],
];

const SIZES: readonly [string, number][] = [
	['', 19],
	['small ', 13],
	['big ', 25],
];

const mix = (under: Rgb, over: Rgb, part: number): Rgb => [
	under[0] + (over[0] - under[0]) * part,
	under[1] + (over[1] - under[1]) * part,
	under[2] + (over[2] - under[2]) * part,
];

/** The drawing of a number: shape and size change with it, and the place by up to two pixels. */
export function drawing(number: number): Drawing {
	const [shape, distance] = SHAPES[number % SHAPES.length];
	const [size, radius] = SIZES[Math.floor(number / SHAPES.length) % SIZES.length];
	// A walk that visits each of 25 places.
	const place = (number * 7) % 25;
	const [left, top] = [31.5 + (place % 5) - 2, 31.5 + Math.floor(place / 5) - 2];
	const rgb = new Uint8Array(3 * SIDE * SIDE);
	for (let row = 0; row < SIDE; row += 1) {
		for (let column = 0; column < SIDE; column += 1) {
			let [inner, outer] = [0, 0];
			for (let sample = 0; sample < FINE * FINE; sample += 1) {
				const dx = ((sample % FINE) + 0.5) / FINE - 0.5;
				const dy = (Math.floor(sample / FINE) + 0.5) / FINE - 0.5;
				const outside = distance((column + dx - left) / radius, (top - row - dy) / radius);
				if (outside <= 0) inner += 1;
				if (outside <= OUTLINE) outer += 1;
			}
			const colour = mix(mix(BURGUNDY, CREAM, outer / FINE ** 2), TEAL, inner / FINE ** 2);
			rgb.set(colour.map(Math.round), 3 * (row * SIDE + column));
		}
	}
	return { caption: `a ${size}teal ${shape} on a burgundy background`, png: writePng(SIDE, SIDE, rgb) };
}

/** `count` drawings from a number on. */
export const drawings = (first: number, count: number) => Array.from({ length: count }, (_, n) => drawing(first + n));

/** A held-out set of drawings, as `docs/evaluation-set.md` has it. */
export function evaluationSet(samples: readonly Drawing[]): string {
	const rows = samples.map(({ caption, png }) => ({ caption, png: png.toString('base64') }));
	return `${JSON.stringify({ schema: 1, model: 'image', samples: rows })}\n`;
}
