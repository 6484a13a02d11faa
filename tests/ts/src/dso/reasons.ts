// What a character has said for its ballot: the file of its job, as every operator serves it.

import assert from 'node:assert/strict';
import type { Codec } from '@polkadot/types/types';
import { Chain, type ChainEvent, hex, int } from '../chain.js';
import { cidText, download, verify } from '../network.js';
import { some } from './codec.js';

/** What a stance is worth, in percent. */
const STANCES: Record<string, number> = {
	'strongly for': 100,
	for: 50,
	neutral: 0,
	against: -50,
	'strongly against': -100,
};

/** One asking. */
export interface Run {
	/** The proposer's words; none in the run without them. */
	prose: string | null;
	stance: string;
	decision: number;
	reason: string;
}

/** The file of a ballot. */
export interface Reasons {
	/** In percent; none when the proposer's words turned the character round. */
	decision: number | null;
	question: string;
	/** CID of the persona. */
	persona: string;
	/** With the proposer's words, if there were any, and without them. */
	runs: Run[];
	/** Digest of stances and reasons over their tokens, in hexadecimal digits: what `inference.reportBallot` takes. */
	reasons: string;
}

/** A character's answer. */
export interface Answer extends Reasons {
	job: bigint;
	child: number;
	/** CID of the file. */
	artifact: string;
}

/** The decision that follows from runs: none when they contradict each other, else the one nearer to 0. */
export function decide(runs: readonly Run[]): number | null {
	const decisions = runs.map(({ decision }) => decision);
	if (decisions.some((one) => one > 0) && decisions.some((one) => one < 0)) return null;
	return decisions.reduce((a, b) => (Math.abs(b) < Math.abs(a) ? b : a));
}

/** Checks that a file is one of a ballot, and that its decision follows from what it says. */
export function check(file: unknown): asserts file is Reasons {
	const reasons = file as Reasons;
	assert.deepEqual(Object.keys(reasons), ['decision', 'question', 'persona', 'runs', 'reasons'], 'the fields of a ballot');
	assert.match(reasons.reasons, /^[0-9a-f]{64}$/, 'the digest of the reasons');
	assert.ok(reasons.runs.length >= 1 && reasons.runs.length <= 2, 'a ballot has one run or two');
	for (const { stance, decision, reason } of reasons.runs) {
		assert.equal(decision, STANCES[stance], `the stance "${stance}"`);
		assert.equal(typeof reason, 'string');
	}
	assert.equal(reasons.decision, decide(reasons.runs), 'the decision is the weaker of both, or none');
}

/** Orders a character's decision on a proposal. Gives the ballot job, and the block that has it. */
export async function ask(
	chain: Chain,
	who: Parameters<Chain['send']>[1],
	proposal: number,
	child: number,
): Promise<{ job: bigint; child: number; from: number }> {
	const asked = await chain.send(chain.api.tx.dso.requestDecision(proposal, child), who);
	const requested = asked.events.find((e) => e.section === 'dso' && e.method === 'DecisionRequested');
	assert.ok(requested, `nobody was asked on proposal ${proposal}`);
	return { job: int(requested.data.job), child, from: asked.block };
}

/**
 * Waits until the chain knows a character's decision, fetches what it said, has its job run again on this machine, and checks
 * that file and chain say the same.
 */
export async function answer(
	chain: Chain,
	{ job, child, from }: { job: bigint; child: number; from: number },
): Promise<Answer & { verified: string }> {
	const isReport = (e: ChainEvent) => e.section === 'dso' && e.method === 'DecisionReported' && int(e.data.job) === job;
	const reported = await chain.waitForEvent(from, `decision of community ${child} in job ${job}`, isReport);
	const row = some((await chain.api.call.inferenceApi.provenance(job)) as unknown as Codec, `provenance of job ${job}`);
	const artifact = hex((row as unknown as { artifact: Codec }).artifact);
	const file: unknown = JSON.parse((await download(artifact)).toString('utf8'));
	check(file);
	const { type, inner } = reported.data.decision as unknown as { type: string; inner: Codec };
	if (file.decision === null) {
		assert.equal(type, 'Failed', `job ${job} has no decision`);
	} else {
		assert.equal(type, 'Given', `job ${job} has a decision`);
		// Percent in parts of 10^14.
		assert.equal(int(inner), BigInt(file.decision) * 10n ** 12n, `the decision of job ${job}`);
	}
	const said = await verify(job);
	const verified = said.split('\n').find((line) => line.includes('verified'));
	assert.ok(verified, `job ${job} is not verified: ${said}`);
	return { ...file, job, child, artifact: cidText(artifact), verified: verified.trim() };
}
