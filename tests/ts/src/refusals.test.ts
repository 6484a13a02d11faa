// What the chain refuses, it refuses by name, and it costs the transaction's fee alone.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { KeyringPair } from '@polkadot/keyring/types';
import { AUTON, Chain, refused } from './chain.js';
import { image, seed, text } from './inputs.js';
import { network } from './network.js';

const PLENTY = 500n * AUTON;

let chain: Chain;
let requester: KeyringPair;

before(async () => {
	chain = await Chain.connect();
	requester = await chain.fundedAccount('refusals');
});
after(() => chain.disconnect());

/** Submits what must be refused, and checks that only the transaction's fee is gone. */
async function refuse(expected: string, model: number, input: unknown, options: { k?: number; tier?: string; maxFee?: bigint } = {}) {
	const before = await chain.balance(requester.address, await chain.finalised());
	const tx = chain.api.tx.inference.submitJob(
		model,
		input,
		options.k ?? 3,
		options.tier ?? null,
		seed(1),
		options.maxFee ?? PLENTY,
	);
	const { failure, transactionFee } = await refused(chain.send(tx, requester));
	assert.equal(failure, `inference.${expected}`);
	const after = await chain.balance(requester.address, await chain.finalised());
	assert.ok(transactionFee > 0n);
	assert.equal(before.free - after.free, transactionFee, 'a refused job costs the transaction alone');
	assert.equal(after.held, before.held, 'a refused job holds nothing');
}

test('job_should_be_refused_when_the_model_is_unknown', () => refuse('UnknownModel', 4_000_000_000, image()));

test('job_should_be_refused_when_the_fee_is_above_the_limit', () =>
	refuse('FeeAboveLimit', network().shapes, image(), { maxFee: 1n }));

test('job_should_be_refused_when_it_asks_for_another_kind_of_output', async () => {
	await refuse('WrongModality', network().shapes, text());
	await refuse('WrongModality', network().keeper, image());
});

test('job_should_be_refused_when_it_has_too_many_steps', async () => {
	await refuse('StepsOutOfRange', network().shapes, image({ steps: 65_535 }));
	await refuse('StepsOutOfRange', network().shapes, image({ steps: 0 }));
});

test('job_should_be_refused_when_it_has_too_many_pixels', () =>
	refuse('PixelsOutOfRange', network().shapes, image({ width: 4096, height: 4096 })));

test('job_should_be_refused_when_it_has_too_many_tokens', () =>
	refuse('TokensOutOfRange', network().keeper, text({ maxTokens: 65_535 })));

test('job_should_be_refused_when_the_prompt_is_empty_or_too_long', async () => {
	await refuse('PromptEmpty', network().shapes, image({ prompt: '' }));
	await refuse('PromptTooLong', network().shapes, image({ prompt: 'x'.repeat(2048) }));
});

test('job_should_be_refused_when_its_tier_is_too_low_or_reserved', async () => {
	await refuse('TierTooLow', network().shapes, image(), { tier: 'Text' });
	await refuse('TierReserved', network().shapes, image(), { tier: 'Ballot' });
});

test('job_should_be_refused_when_there_are_too_few_operators', () =>
	refuse('NotEnoughOperators', network().shapes, image(), { k: 5 }));
