// The chain and the operators that the tests run against, as `scripts/start` describes them.

import assert from 'node:assert/strict';
import { type ExecFileException, execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hexToU8a } from '@polkadot/util';
import { base32Encode } from '@polkadot/util-crypto';

export interface Operator {
	/** SS58 address of the owner, whom jobs pay. */
	owner: string;
	/** Where the worker serves its pictures and its state. */
	url: string;
	/** Settings of the worker. */
	config: string;
}

export interface Network {
	/** WebSocket address of the node. */
	url: string;
	/** Program of the worker, to verify jobs with. */
	worker: string;
	/** Folder of the model folders. */
	models: string;
	/** Numbers of the demo models on chain. On the network of governance nobody serves `shapes`, and `keeper` is not there. */
	shapes: number;
	keeper: number;
	/** The model that answers ballots, on the network of governance. */
	council?: number;
	operators: Operator[];
}

/** The number of the model that answers ballots. */
export function council(): number {
	const { council: model } = network();
	assert.ok(model !== undefined, 'this network has no model `council`: start one with `scripts/start --governance`');
	return model;
}

/** The network of this run. */
export function network(): Network {
	const file = process.env.AUTONOMY_NETWORK;
	assert.ok(file, 'AUTONOMY_NETWORK is not set: run `npm test`, or name the network.json that scripts/start wrote');
	return JSON.parse(readFileSync(file, 'utf8')) as Network;
}

/** CIDv1, raw codec, SHA-256 of 32 bytes. */
export const CID_PREFIX = '0x01551220';

/** The CID of a file's bytes, as the chain has it. */
export const cidOf = (file: Uint8Array) => `${CID_PREFIX}${createHash('sha256').update(file).digest('hex')}`;

/** The text of a CID, which is the name of its file: `bafkrei…`. */
export const cidText = (cid: string) => base32Encode(hexToU8a(cid), true);

/** Longest that a command of the worker may take, in milliseconds. */
const COMMAND = 120_000;

/**
 * Runs the worker's program and gives its standard output. A failure is thrown with the line that says what was wrong. Files
 * that the program needs and that are not here come from the operators.
 */
export function worker(
	arguments_: readonly string[],
	{ patience = COMMAND, environment = {} as Record<string, string> } = {},
): Promise<string> {
	const { worker: program, operators } = network();
	const peers = JSON.stringify(operators.map(({ url }) => url));
	const env = { ...process.env, AUTONOMY_ARTIFACTS__PEERS: peers, ...environment };
	return new Promise((resolve, reject) => {
		const done = (error: ExecFileException | null, stdout: string, stderr: string) => {
			if (!error) {
				resolve(stdout);
				return;
			}
			const line = stderr.split('\n').find((text) => text.startsWith('error: ')) ?? error.message;
			reject(new Error(`autonomy-worker ${arguments_.slice(0, 2).join(' ')}: ${line.replace(/^error: /, '')}`));
		};
		execFile(program, [...arguments_], { encoding: 'utf8', timeout: patience, env, maxBuffer: 64 << 20 }, done);
	});
}

/**
 * Runs a job, or the one behind a work `collection/item`, again on this machine and compares the digest, as anyone can. Throws
 * what the worker says when it differs. `folders` has the models that are not among the shipped ones.
 */
export function verify(subject: bigint | string, folders: readonly string[] = []): Promise<string> {
	const { models, url } = network();
	const dirs = [models, ...folders].flatMap((folder) => ['--models', folder]);
	return worker(['verify', String(subject), '--url', url, ...dirs]);
}

/** Stores a file with every operator, for good, and gives its CID. */
export async function store(file: string): Promise<string> {
	for (const { config } of network().operators) await worker(['artifacts', 'put', file, '--config', config]);
	return cidOf(readFileSync(file));
}

/** Fetches a file from the operators, and checks that it is the one of the CID. */
export async function download(cid: string): Promise<Buffer> {
	const name = cidText(cid);
	for (const { url } of network().operators) {
		const answer = await fetch(`${url}/artifacts/${name}`);
		if (answer.status !== 200) continue;
		const file = Buffer.from(await answer.arrayBuffer());
		assert.equal(cidOf(file), cid, 'the CID is the hash of the file');
		return file;
	}
	throw new Error(`no operator serves ${name}`);
}
