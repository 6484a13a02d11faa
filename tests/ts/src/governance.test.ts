// The story of `scripts/demo --governance` as a test, act by act: each needs those before it. It runs on a network of its own,
// because days pass there, and phases.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Chain } from './chain.js';
import { phase } from './dso/actions.js';
import { BILLION, WHOLE } from './dso/recount.js';
import { Story } from './dso/story.js';

let chain: Chain;
let story: Story;
let begun: Awaited<ReturnType<Story['constitute']>>;
const scratch = mkdtempSync(join(tmpdir(), 'autonomy-governance-'));

before(async () => {
	chain = await Chain.connect();
	story = await Story.begin(chain);
});
after(async () => {
	await chain.disconnect();
	rmSync(scratch, { recursive: true, force: true });
});

const refusals = () => new Map(story.refusals.map(({ tried, failure }) => [tried, failure]));

test('bond_should_have_power_when_a_day_has_passed', async () => {
	const { bonds } = await story.found();
	const of = (name: string) => bonds.find(({ who }) => who === name)!;
	// A planck has 2, 3 and 6 by its tier.
	assert.equal(of('Juno').after, 2n * of('Juno').amount);
	assert.equal(of('Ivo').after, 3n * of('Ivo').amount);
	assert.equal(of('Hana').after, 6n * of('Hana').amount);
});

test('use_should_burn_when_people_talk', async () => {
	const [[, first], [, second], [, third]] = await story.use();
	assert.ok(first > second && second > third, 'who is talked to more burns more');
});

test('seat_should_cost_more_when_others_were_opened', async () => {
	const burned = await story.openSeats();
	assert.equal(burned.length, story.souls.length);
});

test('community_should_change_its_charter_when_its_members_agree', async () => {
	begun = await story.constitute();
	const { counted, before, after } = begun;
	assert.equal(before.get('VotingDays'), 5);
	assert.equal(after.get('VotingDays'), 3);
	assert.equal(counted.count.failure, undefined);
	assert.ok(counted.data.classes.filter(({ total }) => total > 0n).length >= 3, 'owner, investors and fans have voted');
});

test('chain_should_refuse_by_name_when_a_rule_is_broken', () => {
	const found = refusals();
	const expected = {
		'beginning phase two, by root': 'dso.ShadowTooShort',
		'a charter out of its bounds: 11 days of voting': 'dso.FieldOutOfBounds',
		'a rule of interaction, before its phase': 'dso.TrackClosed',
		'a second live proposal of one proposer': 'dso.OneLiveProposal',
		'a vote after the end': 'dso.VotingClosed',
		'doing it before the time-lock ends': 'dso.Locked',
		'spending more than a week allows': 'dso.SpendLimitReached',
		'spam, for which nobody votes': 'NobodyVoted',
	};
	for (const [tried, failure] of Object.entries(expected)) assert.equal(found.get(tried), failure, tried);
});

test('ais_should_count_nothing_when_the_phase_is_the_first', async () => {
	const { answers, count } = await story.shadow();
	assert.equal(answers.length, 3, 'all three were heard');
	assert.equal(count.ais.length, 3);
	assert.equal(count.aiShare, 0n);
});

test('franchise_should_change_when_a_week_has_passed', async () => {
	const charter = await story.franchise();
	assert.equal(charter.get('AiOwnShare'), 4_800);
});

test('phase_two_should_begin_when_the_holders_decide_so_and_a_treasury_votes_with_them', async () => {
	const carried = await story.carry(begun.phaseTwo);
	assert.equal(carried.counted.data.question.aiShare, 0n, 'no AI counts on the constitution');
	assert.equal(await story.badge(begun.work), 5);
	const weighed = await story.weighSeats();
	assert.ok(weighed.every(({ weight }) => weight >= 100n && weight <= 300n), 'each seat has what it needs');
	let balance = 0n;
	const { votes } = await story.referendum(carried, 'Two', async (index) => {
		balance = await story.treasuryVotes(index);
	});
	assert.ok(balance > 0n && votes.length === 3);
	assert.equal(await phase(chain), 'Two');
});

test('ais_should_count_a_fifth_at_most_when_x_decides_on_interaction', async () => {
	const { answers, count, data, closed } = await story.interaction();
	assert.equal(data.question.aiShare, BILLION / 5n, 'κ of the second phase');
	assert.ok(count.aiShare > 0n && count.aiShare <= BILLION / 5n);
	assert.ok('approval' in closed.result && closed.result.approval === count.approval);
	assert.notEqual(count.approval, count.human, 'the AIs have moved the result');
	assert.ok(new Set(answers.map(({ runs }) => runs[0]?.stance)).size > 1, 'different minds say different things');
	for (const { members, decision, preference } of count.ais) {
		for (const part of [members, decision, preference]) assert.ok(part >= -WHOLE && part <= WHOLE);
	}
	// A community whose members disagree speaks softer than one whose members agree.
	const strengths = count.ais.map(({ members }) => (members < 0n ? -members : members));
	assert.ok(new Set(strengths).size > 1, 'members of different opinions lean differently');
});

test('phase_three_should_begin_when_the_second_has_lasted', async () => {
	await story.claimModel();
	assert.equal(refusals().get('opening a model, before its phase'), 'dso.ActionTooEarly');
	const motion = await story.propose('Two', 'Three');
	const { versions } = await story.provenance(scratch);
	assert.deepEqual(versions, [1, 2], 'the community has accepted both versions');
	await story.referendum(await story.carry(motion), 'Three');
	assert.equal(await phase(chain), 'Three');
});

test('economy_should_change_when_x_decides_in_the_third_phase', async () => {
	const motion = await story.propose('Three', 'Four');
	const { before, after, count } = await story.economy();
	assert.equal(after, (before * 6n) / 5n);
	assert.equal(count.approval, count.human, 'people alone decide when no AI is asked');
	await story.referendum(await story.carry(motion), 'Four');
	assert.equal(await phase(chain), 'Four');
});

test('model_should_stay_open_when_its_community_has_opened_it', async () => {
	await story.open();
	const found = refusals();
	assert.equal(found.get('opening the model again, as its owner'), 'models.ModelIsOpen');
	assert.equal(found.get('opening the model again, as its community'), 'models.ModelIsOpen');
	assert.ok(found.has('closing the open model: selling licences to it again'));
});
