// The chain and the operators that the tests run against, as `scripts/start` describes them.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';

export interface Operator {
	/** SS58 address of the owner, whom jobs pay. */
	owner: string;
	/** Where the worker serves its pictures and its state. */
	url: string;
}

export interface Network {
	/** WebSocket address of the node. */
	url: string;
	/** Program of the worker, to verify jobs with. */
	worker: string;
	/** Folder of the model folders. */
	models: string;
	/** Numbers of the demo models on chain. */
	shapes: number;
	keeper: number;
	operators: Operator[];
}

/** The network of this run. */
export function network(): Network {
	const file = process.env.AUTONOMY_NETWORK;
	assert.ok(file, 'AUTONOMY_NETWORK is not set: run `npm test`, or name the network.json that scripts/start wrote');
	return JSON.parse(readFileSync(file, 'utf8')) as Network;
}

/** Runs a job, or the one behind a work `collection/item`, again on this machine and compares the digest, as anyone can. Throws what the worker says when it differs. */
export async function verify(subject: bigint | string): Promise<string> {
	const { worker, models, url } = network();
	const arguments_ = ['verify', String(subject), '--url', url, '--models', models];
	const { stdout, stderr } = await promisify(execFile)(worker, arguments_, { timeout: 120_000 });
	return stdout + stderr;
}
