// What the chain refuses, it refuses by name, and it costs the transaction's fee alone.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type { SubmittableExtrinsic } from '@polkadot/api/types';
import type { KeyringPair } from '@polkadot/keyring/types';
import { AUTON, Chain, SHARE, event, int, refused } from './chain.js';
import { type Character, charter, createCharacter } from './characters.js';
import { bytes, image, seed, text } from './inputs.js';
import { ended } from './money.js';
import { cidOf, network } from './network.js';

const PLENTY = 500n * AUTON;

let chain: Chain;
let requester: KeyringPair;

before(async () => {
	chain = await Chain.connect();
	requester = await chain.fundedAccount('refusals');
});
after(() => chain.disconnect());

/** Sends what must be refused by name, with an explanation. */
async function refuseCall(expected: string, call: SubmittableExtrinsic<'promise'>, signer: KeyringPair) {
	const { failure, explanation } = await refused(chain.send(call, signer));
	assert.equal(failure, expected);
	assert.notEqual(explanation, '', `${failure} says what to do`);
}

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
	const { failure, explanation, transactionFee } = await refused(chain.send(tx, requester));
	assert.equal(failure, `inference.${expected}`);
	assert.notEqual(explanation, '', `${failure} says what to do`);
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

/** 32 bytes that nobody has used. */
const digest = () => `0x${randomBytes(32).toString('hex')}`;

/** Weights as an evaluation names them. */
const weights = () => ({ manifest: cidOf(randomBytes(8)), weightsRoot: digest(), engine: digest() });

test('evaluation_should_be_refused_when_it_is_not_the_registry_that_orders_it', () => {
	const sides = { base: weights(), candidate: weights(), set: cidOf(randomBytes(8)) };
	return refuse('EvaluationReserved', network().shapes, { Evaluation: { ...sides, model: 'Image', samples: 8, size: 4_096 } });
});

describe('a work', () => {
	let job: bigint;
	let collection: bigint;
	let item: bigint;

	before(async () => {
		const call = chain.api.tx.inference.submitJob(network().keeper, text(), 1, null, 'Chain', AUTON);
		const { final } = await ended(chain, requester.address, await chain.send(call, requester));
		job = int(final.data.job);
		const minted = await chain.send(chain.api.tx.creations.mint(job, null, 'Once', 0), requester);
		const { data } = event(minted, 'creations', 'Minted');
		[collection, item] = [int(data.collection), int(data.item)];
	});

	test('mint_should_be_refused_when_the_job_was_minted', () =>
		refuseCall('creations.JobMinted', chain.api.tx.creations.mint(job, null, 'Twice', 0), requester));

	test('purchase_should_be_refused_when_the_listing_is_ones_own', async () => {
		const listed = await chain.send(chain.api.tx.market.list(collection, item, 5n * AUTON, null), requester);
		const listing = int(event(listed, 'market', 'Listed').data.listing);
		await refuseCall('market.OwnItem', chain.api.tx.market.buy(listing, 5n * AUTON), requester);
		await chain.send(chain.api.tx.market.cancelListing(listing), requester);
	});
});

describe('a character', () => {
	let owner: KeyringPair;
	let first: Character;
	let second: Character;

	before(async () => {
		owner = await chain.fundedAccount('refusals-characters', 10_000n * AUTON);
		const terms = { supply: 10n * SHARE, start: AUTON / SHARE, slope: 0n, cap: 10n * SHARE };
		const round = { ...terms, duration: 10_000, promise: 250_000 };
		first = await createCharacter(chain, owner, 'Ebb', 'Ebb, who keeps promises', { round });
		second = await createCharacter(chain, owner, 'Flow', 'Flow, who comes along');
	});

	test('promise_should_stay_when_the_owner_would_lower_it', async () => {
		const { tx } = chain.api;
		const less = charter({ owner: 300_001, investors: 249_999 });
		await refuseCall('characters.PromiseLowered', tx.characters.customise(first.id, less), owner);
		// The other shares may change.
		await chain.send(tx.characters.customise(first.id, charter({ owner: 350_000, treasury: 150_000 })), owner);
	});

	test('identity_should_be_seated_once_when_collectives_want_it', async () => {
		const { tx } = chain.api;
		const founded = await chain.send(tx.characters.foundCollective(first.id, bytes('Tides'), 'Pooled'), owner);
		const tides = int(event(founded, 'characters', 'CollectiveFounded').data.collective);
		await chain.send(tx.characters.invite(first.id, second.id), owner);
		await chain.send(tx.characters.foundCollective(second.id, bytes('Waves'), 'Federated'), owner);
		// It is invited, and seated elsewhere.
		await refuseCall('characters.AlreadyInCollective', tx.characters.joinCollective(tides, second.id), owner);
		await refuseCall('characters.AlreadyInCollective', tx.characters.foundCollective(second.id, bytes('More'), 'Pooled'), owner);
		await refuseCall('characters.AlreadyInCollective', tx.characters.askParent(second.id, first.id), owner);
	});
});

describe('a contribution', () => {
	let owner: KeyringPair;
	let model: bigint;

	/** Proposes a version without any merit, and gives its number. */
	async function propose(): Promise<bigint> {
		const candidate = { manifest: cidOf(randomBytes(8)), weightsRoot: digest(), goldenResult: digest() };
		const contribution = { kind: 'Training', beneficiary: owner.address };
		const proposed = await chain.send(chain.api.tx.models.proposeVersion(model, candidate, contribution), owner);
		return int(event(proposed, 'models', 'VersionProposed').data.proposal);
	}

	before(async () => {
		owner = await chain.fundedAccount('refusals-models');
		// A model that nobody serves: what is refused here needs no operators.
		const details = {
			modality: 'Text',
			...weights(),
			limits: { maxPromptBytes: 64, maxSteps: 0, maxPixels: 0, maxTokens: 32 },
			pricePerUnit: 1n,
			budget: 1,
			goldenInput: text(),
			goldenSeed: digest(),
			goldenResult: digest(),
			licence: bytes('Apache-2.0'),
		};
		const registered = await chain.send(chain.api.tx.models.register(details), owner);
		model = int(event(registered, 'models', 'ModelRegistered').data.model);
	});

	test('shares_should_be_refused_when_no_evaluation_was_agreed', async () => {
		const { tx } = chain.api;
		const proposal = await propose();
		await refuseCall('models.UnknownContribution', tx.models.claimVested(model, 1), owner);
		await refuseCall('models.NoEvaluationSet', tx.models.evaluate(proposal), owner);
		// Whoever speaks for a model can have it otherwise, but not for shares.
		const accepted = event(await chain.send(tx.models.acceptVersion(proposal), owner), 'models', 'VersionAccepted');
		assert.deepEqual([int(accepted.data.gain), int(accepted.data.granted)], [0n, 0n]);
		await refuseCall('models.NothingToClaim', tx.models.claimVested(model, 1), owner);
	});

	test('shares_should_be_refused_when_they_are_somebody_elses', () =>
		refuseCall('models.NotBeneficiary', chain.api.tx.models.claimVested(model, 1), requester));
});
