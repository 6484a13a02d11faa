// A teacher makes a character; pupils talk to it, and one of them becomes a fan. What it remembers is worked out here, from
// what the chain has said about its jobs.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { KeyringPair } from '@polkadot/keyring/types';
import type { Codec } from '@polkadot/types/types';
import { AUTON, Chain, event, hex, int, refused } from './chain.js';
import { type Character, WHOLE, createCharacter, memoryAt, noMemory, remember, talk } from './characters.js';
import { bytes } from './inputs.js';
import { type Ended, charterShares, held, jobPaid, nameOf, total } from './money.js';
import { verify } from './network.js';

const PERSONA = 'Miss Gray, who teaches the sea: patient, precise about tides';
const SPLIT = { owner: 500_000, investors: 0, treasury: 250_000, fans: 200_000, platform: 50_000 };
const BOND = 20n * AUTON;

let chain: Chain;
let teacher: KeyringPair;
let pupils: KeyringPair[];
let gray: Character;
/** The character's jobs, the oldest first. */
const talks: Ended[] = [];

before(async () => {
	chain = await Chain.connect();
	teacher = await chain.fundedAccount('teacher', 5_000n * AUTON);
	pupils = [await chain.fundedAccount('pupil-1'), await chain.fundedAccount('pupil-2'), await chain.fundedAccount('pupil-3')];
	gray = await createCharacter(chain, teacher, 'Miss Gray', PERSONA, { split: SPLIT });
});
after(() => chain.disconnect());

/** Checks how the character's part of a fee and what it asks on top were divided, by its charter. */
async function checkDivision(end: Ended) {
	const { payments } = await jobPaid(chain, end);
	const shares = await charterShares(chain, gray.id, end.final.hash);
	assert.equal(shares.reduce((sum, [, share]) => sum + share, 0n), BigInt(WHOLE));
	for (const part of ['character', 'surcharge']) {
		const rows = payments.filter((row) => row.part === part);
		const whole = total(rows);
		assert.ok(whole > 0n, `there is a ${part} part`);
		const expected = new Map<string, bigint>();
		for (const [payee, share] of shares.slice(0, -1)) {
			const amount = (whole * share) / BigInt(WHOLE);
			if (amount > 0n) expected.set(nameOf(payee), amount);
		}
		const [treasury] = shares.at(-1) ?? [];
		assert.ok(treasury, 'a character has a treasury');
		expected.set(nameOf(treasury), whole - [...expected.values()].reduce((sum, amount) => sum + amount, 0n));
		assert.deepEqual(new Map(rows.map(({ payee, amount }) => [nameOf(payee), amount])), expected, `the ${part} part`);
	}
	const { surcharge } = held(end.submitted);
	const fee = int(event(end.submitted, 'characters', 'Talked').data.fee);
	assert.equal(surcharge, (fee * 500n + 999n) / 1_000n, 'half of the fee on top, rounded up');
}

/** The memory that follows from the chain's word about final jobs alone. */
async function workedOut(until: number) {
	const mine = new Set(talks.map(({ final }) => int(final.data.job)));
	const blocks = [...new Set(talks.map(({ final }) => final.block))].filter((block) => block <= until);
	let memory = noMemory(gray.id);
	for (const block of blocks.sort((a, b) => a - b)) {
		for (const { section, method, data } of await chain.eventsAt(block)) {
			if (section !== 'inference' || method !== 'JobFinalised' || !mine.has(int(data.job))) continue;
			memory = remember(memory, int(data.job), hex(data.result));
		}
	}
	return memory;
}

test('character_should_remember_nothing_when_it_is_new', async () => {
	assert.deepEqual(await memoryAt(chain, gray.id), noMemory(gray.id));
});

describe('a lesson', () => {
	before(async () => {
		talks.push(await talk(chain, pupils[0], gray.id, 'who are you?'));
	});

	test('reply_should_be_verified_when_run_again_here', async () => {
		const { final } = talks[0];
		const job = int(final.data.job);
		const said = await verify(job);
		assert.ok(said.includes(`verified job ${job}`) && said.includes(hex(final.data.result)), said);
	});

	test('fee_should_be_divided_by_the_charter_when_a_pupil_talks', () => checkDivision(talks[0]));

	test('message_should_be_refused_when_it_is_too_long_or_the_price_too_high', async () => {
		const { tx } = chain.api;
		const long = tx.characters.talk(gray.id, bytes('x'.repeat(129)), 10n * AUTON);
		assert.equal((await refused(chain.send(long, pupils[0]))).failure, 'characters.MessageInvalid');
		const { fee, surcharge } = event(talks[0].submitted, 'characters', 'Talked').data;
		const cheap = tx.characters.talk(gray.id, bytes('who are you?'), int(fee) + int(surcharge) - 1n);
		assert.match((await refused(chain.send(cheap, pupils[0]))).failure, /^(characters|inference)\.FeeAboveLimit$/);
	});
});

describe('a fan', () => {
	let fan: KeyringPair;

	before(async () => {
		fan = pupils[1];
		const { tx } = chain.api;
		await chain.send(tx.bonds.bond(gray.community, 'Auton', BOND, 'Days14'), fan);
		const joined = await chain.send(tx.characters.join(gray.id), fan);
		const badge = event(joined, 'characters', 'FanTierSet').data.badge as unknown as Record<string, Codec>;
		assert.equal(int(badge.tier), 0n, 'a friend, not yet a patron');
		talks.push(await talk(chain, fan, gray.id, 'what do you see?'), await talk(chain, pupils[2], gray.id, 'is it going to rain?'));
	});

	test('badge_should_be_refused_when_nothing_is_bonded_or_it_is_there', async () => {
		const { tx } = chain.api;
		assert.equal((await refused(chain.send(tx.characters.join(gray.id), pupils[0]))).failure, 'characters.TierNotReached');
		assert.equal((await refused(chain.send(tx.characters.join(gray.id), fan))).failure, 'characters.AlreadyFan');
	});

	test('fan_page_should_say_what_was_bonded_and_spent', async () => {
		const { spent } = await jobPaid(chain, talks[1]);
		const answer = (await chain.api.call.charactersApi.fanPage(gray.id, fan.address)) as unknown as {
			unwrap(): { bonded: Codec; spent: Codec; deserved: Codec };
		};
		const page = answer.unwrap();
		assert.equal(int(page.bonded), BOND);
		assert.equal(int(page.deserved), 0n);
		assert.equal(int(page.spent), spent - held(talks[1].submitted).surcharge, 'what its job has cost');
	});

	test('fan_should_claim_what_the_pot_has_earned_when_others_talk', async () => {
		const { tx, call } = chain.api;
		for (const end of talks.slice(1)) await checkDivision(end);
		const rows = (await Promise.all(talks.slice(1).map((end) => jobPaid(chain, end)))).flatMap(({ payments }) => payments);
		const earned = total(rows.filter(({ payee }) => payee.kind === 'pot' && payee.pot === 'Auton' && payee.community === gray.community));
		const due = int(await call.bondsApi.claimable(fan.address, gray.community, 'Auton'));
		assert.ok(earned > 0n && earned - due <= 1n && due <= earned, `${due} of ${earned} is the only fan's`);
		const claimed = await chain.send(tx.bonds.claim(gray.community, 'Auton'), fan);
		assert.equal(int(event(claimed, 'bonds', 'Claimed').data.amount), due);
	});
});

test('memory_should_be_what_follows_from_the_jobs_when_anyone_works_it_out', async () => {
	const newest = (await chain.api.rpc.chain.getHeader(await chain.finalised())).number.toNumber();
	const memory = await workedOut(newest);
	assert.equal(memory.sequence, BigInt(talks.length));
	assert.deepEqual(await memoryAt(chain, gray.id), memory);
	// What a talk began with was the memory after those before it.
	for (const { final } of talks) {
		const job = int(final.data.job);
		const told = (await chain.eventsAt(final.block)).find(
			({ section, method, data }) => section === 'characters' && method === 'MemoryAppended' && int(data.job) === job,
		);
		assert.ok(told, `job ${job} has become a memory`);
		const now = await workedOut(final.block);
		assert.equal(hex((told.data.memory as unknown as { head: Codec }).head), now.head);
	}
});
