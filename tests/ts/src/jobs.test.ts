// A user of polkadot.js Apps orders a picture and a reply, and every planck is accounted for.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { KeyringPair } from '@polkadot/keyring/types';
import type { Codec } from '@polkadot/types/types';
import { AUTON, Chain, type ChainEvent, type Included, event, hex, int } from './chain.js';
import { image, seed, text } from './inputs.js';
import { type Ended, ended, jobPaid, total } from './money.js';
import { CID_PREFIX, cidOf, cidText, network, verify } from './network.js';
import { readPng } from './png.js';

const K = 3;

let chain: Chain;
let requester: KeyringPair;

before(async () => {
	chain = await Chain.connect();
	requester = await chain.fundedAccount('jobs');
});
after(() => chain.disconnect());

interface Quote {
	fee: bigint;
	auditReserve: bigint;
	deposit: bigint;
	k: bigint;
}

/** The most that a job can cost: its fee, and what an audit is paid from. */
const most = ({ fee, auditReserve }: Quote) => fee + auditReserve;

async function quote(model: number, input: unknown): Promise<Quote> {
	const answer = (await chain.api.call.inferenceApi.quote(model, input, K, null)) as unknown as {
		isSome: boolean;
		unwrap(): { fee: Codec; auditReserve: Codec; deposit: Codec; k: Codec };
	};
	assert.ok(answer.isSome, 'the runtime quotes no price for a valid job');
	const { fee, auditReserve, deposit, k } = answer.unwrap();
	return { fee: int(fee), auditReserve: int(auditReserve), deposit: int(deposit), k: int(k) };
}

/** Submits a job as Apps does. */
async function submit(model: number, input: unknown, policy: unknown, maxFee: bigint) {
	const submitted = await chain.send(
		chain.api.tx.inference.submitJob(model, input, K, null, policy, maxFee),
		requester,
	);
	return { submitted, job: int(event(submitted, 'inference', 'JobSubmitted').data.job) };
}

/** Submits a job and waits for its end. */
async function run(model: number, input: unknown, policy: unknown, maxFee: bigint): Promise<Ended & { job: bigint }> {
	const { submitted, job } = await submit(model, input, policy, maxFee);
	return { job, ...(await ended(chain, requester.address, submitted)) };
}

/** Requester pays the fee and the transaction, everybody who has a part of the fee gets it, and nothing else moves. */
async function checkBalances({ fee, auditReserve }: Quote, end: Ended) {
	const { submitted, final, before } = end;
	const during = await chain.balance(requester.address, submitted.hash);
	const deposit = int(event(submitted, 'inference', 'JobSubmitted').data.deposit);
	const held = fee + auditReserve + deposit;
	assert.equal(during.held - before.held, held, 'fee, audit reserve and deposit are on hold while the job runs');
	assert.equal(before.free - during.free, held + submitted.transactionFee);

	const { payments, burned, spent } = await jobPaid(chain, end);
	assert.equal(spent, fee, 'without an audit the fee is paid, and nothing else');
	const part = (name: string) => payments.filter((row) => row.part === name);
	const seats = (final.data.operators as unknown as Codec[]).map(String);
	assert.equal(new Set(seats).size, K, 'three different operators');
	const each = int(final.data.paidPerSeat);
	assert.deepEqual(
		part('operator').map(({ payee, amount }) => [payee, amount]),
		seats.map((account) => [{ kind: 'account', account }, each]),
	);
	assert.equal(each * BigInt(K), (fee * 70n) / 100n, 'seventy per cent are the operators’');
	assert.equal(total(part('model')), (fee * 18n) / 100n, 'eighteen per cent are for the model');
	assert.equal(burned, (fee * 3n) / 100n, 'three per cent are burned');
	// Without a character its part is the model's community's, as is that of a community.
	assert.equal(total(part('character')), (fee * 7n) / 100n);
	assert.equal(total(part('community')), (fee * 2n) / 100n);
	const model = int(event(submitted, 'inference', 'JobSubmitted').data.model);
	const info = (await chain.api.query.models.models(model)) as unknown as { unwrap(): { community: Codec } };
	const treasury = { kind: 'treasury', community: Number(int(info.unwrap().community)) };
	for (const { payee } of [...part('character'), ...part('community')]) assert.deepEqual(payee, treasury);
	const others = network().operators.filter(({ owner }) => !seats.includes(owner));
	for (const { owner } of others) {
		const [first, last] = [await chain.balance(owner, submitted.parent), await chain.balance(owner, final.hash)];
		assert.equal(last.free, first.free, `${owner} had no seat`);
	}
}

describe('a picture', () => {
	let end: Ended;
	let submitted: Included;
	let final: ChainEvent;
	let job: bigint;
	let quoted: Quote;

	before(async () => {
		quoted = await quote(network().shapes, image());
		const done = await run(network().shapes, image(), seed(7), most(quoted));
		end = done;
		({ submitted, final, job } = done);
	});

	test('picture_should_cost_what_was_quoted_when_final', async () => {
		const data = event(submitted, 'inference', 'JobSubmitted').data;
		assert.equal(int(data.fee), quoted.fee);
		assert.equal(int(data.deposit), quoted.deposit);
		assert.equal(quoted.k, BigInt(K));
		await checkBalances(quoted, end);
	});

	test('picture_should_be_verified_when_run_again_here', async () => {
		const said = await verify(job);
		assert.match(said, /verified/);
		assert.ok(said.includes(hex(final.data.result)), `the digest on chain is ${hex(final.data.result)}: ${said}`);
	});

	test('provenance_should_say_what_made_the_picture_when_final', async () => {
		const answer = (await chain.api.call.inferenceApi.provenance(job)) as unknown as {
			isSome: boolean;
			unwrap(): Record<string, Codec>;
		};
		assert.ok(answer.isSome, 'a final job has a row of provenance');
		const row = answer.unwrap();
		assert.equal(hex(row.result), hex(final.data.result));
		assert.equal(hex(row.artifact), hex(final.data.artifact));
		assert.equal(hex(row.seed), seed(7).User);
		assert.equal(String(row.requester), requester.address);
		assert.equal(int(row.model), BigInt(network().shapes));
		const open = (await chain.api.query.inference.jobs(job)) as unknown as { isNone: boolean };
		assert.ok(open.isNone, 'a final job leaves the list of open ones');
	});

	test('artifact_should_be_a_png_under_its_cid_when_an_operator_serves_it', async () => {
		const cid = hex(final.data.artifact);
		assert.ok(cid.startsWith(CID_PREFIX), cid);
		const name = cidText(cid);
		const seats = (final.data.operators as unknown as Codec[]).map(String);
		for (const operator of network().operators.filter((o) => seats.includes(o.owner))) {
			const answer = await fetch(`${operator.url}/artifacts/${name}`);
			assert.equal(answer.status, 200, `${operator.url}/artifacts/${name}`);
			const file = Buffer.from(await answer.arrayBuffer());
			assert.equal(cidOf(file), cid, 'the CID is the hash of the file');
			const { width, height, channels } = readPng(file);
			assert.deepEqual([width, height, channels], [64, 64, 3]);
		}
	});

	test('picture_should_have_the_same_artifact_when_ordered_again_with_the_same_seed', async () => {
		const ordered = [
			await submit(network().shapes, image(), seed(7), most(quoted)),
			await submit(network().shapes, image(), seed(8), most(quoted)),
		];
		const ends = ordered.map(({ job, submitted }) => chain.waitForFinal(job, submitted.block));
		const [again, other] = await Promise.all(ends);
		assert.equal(hex(again!.data.artifact), hex(final.data.artifact));
		assert.equal(hex(again!.data.result), hex(final.data.result));
		assert.notEqual(hex(other!.data.artifact), hex(final.data.artifact));
	});
});

describe('a reply', () => {
	test('reply_should_be_paid_and_verified_when_the_chain_draws_the_seed', async () => {
		const quoted = await quote(network().keeper, text());
		// A limit far above the price: only the price is taken.
		const end = await run(network().keeper, text(), 'Chain', most(quoted) + 100n * AUTON);
		const { final, job } = end;
		await checkBalances(quoted, end);
		const said = await verify(job);
		assert.match(said, /verified/);
		assert.ok(said.includes(hex(final.data.result)), said);
	});
});
