// The recount alone, without a chain: examples worked out by hand, and properties over numbers drawn from a fixed seed.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
	type AiStanding,
	BILLION,
	type Case,
	type ClassVotes,
	type House,
	type Tally,
	WHOLE,
	aiShare,
	approval,
	countAis,
	countBallots,
	houseParts,
	isFresh,
	lean,
	preference,
	quotient,
	ratio,
	recount,
	seatWeight,
	shareOfAyes,
	sideOf,
	support,
	tally,
	turnout,
} from './recount.js';

const percent = (value: bigint) => (BILLION * value) / 100n;
const parts = (value: bigint) => (WHOLE * value) / 100n;

function votes(fields: Partial<ClassVotes> = {}): ClassVotes {
	return { class: 'Token', weight: 1n, total: 100n, floor: 0n, consent: false, ayes: 0n, nays: 0n, abstentions: 0n, ...fields };
}

const human = (ayes: bigint, nays: bigint): Tally => ({ ayes: parts(ayes), nays: parts(nays), abstentions: 0n });

/** A house of weight 100 of which these percent are cast. */
const house = (ayes: bigint, nays: bigint): House => ({
	ayes: ayes * WHOLE,
	nays: nays * WHOLE,
	abstentions: (100n - ayes - nays) * WHOLE,
	total: 100n,
});

function standing(fields: Partial<AiStanding> = {}): AiStanding {
	const all = { child: 1, decision: 0n, ownShare: percent(40n), participation: percent(20n), classes: [], weight: 100n };
	return { ...all, controller: 'holder', ...fields };
}

/** A generator of numbers below 2^32 (Mulberry32), so that every run draws the same. */
function draws(seed: number): (below: bigint) => bigint {
	let state = seed;
	const next = () => {
		state = (state + 0x6d2b79f5) | 0;
		let t = Math.imul(state ^ (state >>> 15), 1 | state);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return BigInt((t ^ (t >>> 14)) >>> 0);
	};
	return (below) => ((next() << 64n) + (next() << 32n) + next()) % below;
}

describe('quotients', () => {
	test('quotient_should_be_rounded_as_said_when_it_is_not_whole', () => {
		assert.deepEqual([quotient(7n, 2n, 'down'), quotient(7n, 2n, 'up')], [3n, 4n]);
		assert.deepEqual([quotient(-7n, 2n, 'down'), quotient(-7n, 2n, 'up')], [-4n, -3n]);
		assert.deepEqual([quotient(6n, 2n, 'down'), quotient(-6n, 2n, 'up')], [3n, -3n]);
		assert.throws(() => quotient(1n, 0n, 'down'), RangeError);
	});

	test('ratio_should_be_rounded_down_when_it_is_not_whole', () => {
		assert.equal(ratio(2n, 3n), 666_666_666n);
		assert.equal(ratio(5n, 3n), BILLION, 'never more than a whole');
		assert.equal(ratio(1n, 0n), undefined);
	});
});

describe('people', () => {
	test('ballots_should_be_added_up_by_class_and_side', () => {
		const totals = votes();
		const counted = countBallots(
			[totals, { ...totals, class: 'Contributor' }],
			[
				{ class: 'Token', side: 'Aye', power: 5n },
				{ class: 'Token', side: 'Aye', power: 7n },
				{ class: 'Token', side: undefined, power: 0n },
				{ class: 'Contributor', side: 'Nay', power: 3n },
				{ class: 'Contributor', side: 'Abstain', power: 2n },
			],
		);
		assert.deepEqual(counted.map(({ ayes, nays, abstentions }) => [ayes, nays, abstentions]), [[12n, 0n, 0n], [0n, 3n, 2n]]);
		assert.throws(() => countBallots([totals], [{ class: 'Fan', side: 'Aye', power: 1n }]), /does not vote/);
	});

	test('tally_should_weigh_classes', () => {
		const both = tally([votes({ weight: 3_000n, total: 1n, ayes: 1n }), votes({ weight: 3_000n, ayes: 50n, nays: 25n, abstentions: 25n })]);
		assert.deepEqual(both, { ayes: parts(75n), nays: parts(25n) / 2n, abstentions: parts(25n) / 2n });
		assert.equal(support(both), percent(75n));
		assert.equal(turnout(both), 875_000_000n);
		assert.equal(shareOfAyes(both), 857_142_857n);
	});

	test('tally_should_round_ayes_down_and_nays_up', () => {
		const third = tally([votes({ total: 3n, ayes: 1n, nays: 1n, abstentions: 1n })]);
		assert.deepEqual(third, { ayes: 33_333_333_333_333n, nays: 33_333_333_333_334n, abstentions: 33_333_333_333_334n });
		assert.equal(shareOfAyes(third), 499_999_999n);
	});

	test('class_without_members_should_give_its_weight_to_the_others', () => {
		const alone = tally([votes({ weight: 3_000n, total: 10n, ayes: 4n })]);
		assert.deepEqual(tally([votes({ weight: 3_000n, total: 10n, ayes: 4n }), votes({ weight: 4_500n, total: 0n })]), alone);
		assert.deepEqual(tally([]), { ayes: 0n, nays: 0n, abstentions: 0n });
		assert.deepEqual(tally([votes({ weight: 0n, ayes: 10n })]), { ayes: 0n, nays: 0n, abstentions: 0n });
	});

	test('lone_fan_should_not_be_the_whole_class_when_there_is_a_floor', () => {
		assert.equal(tally([votes({ total: 1n, floor: 5n, ayes: 1n })]).ayes, parts(20n));
	});

	test('members_should_speak_softly_when_they_hardly_vote', () => {
		const of = (ayes: bigint, nays: bigint, abstentions: bigint) =>
			lean(tally([votes({ ayes, nays, abstentions })]), percent(20n));
		assert.equal(of(1n, 0n, 0n), parts(5n));
		assert.equal(of(20n, 0n, 0n), WHOLE);
		assert.equal(of(0n, 40n, 0n), -WHOLE);
		assert.equal(of(40n, 20n, 40n), parts(20n));
		assert.equal(of(0n, 0n, 100n), 0n);
		assert.equal(lean({ ayes: 0n, nays: 0n, abstentions: 0n }, 0n), 0n);
	});

	test('lean_should_be_rounded_towards_nay', () => {
		const ahead = lean({ ayes: 2n, nays: 1n, abstentions: 0n }, 0n);
		assert.equal(ahead, 33_333_333_333_333n);
		const behind = lean({ ayes: 1n, nays: 2n, abstentions: 0n }, 0n);
		assert.equal(behind, -33_333_333_333_334n);
		// Two parts of abstentions may come from rounding alone: a nay is not softened by them.
		assert.equal(lean({ ayes: 0n, nays: 10n, abstentions: 2n }, 0n), -WHOLE);
		assert.equal(lean({ ayes: 10n, nays: 0n, abstentions: 2n }, 0n), (WHOLE * 10n) / 12n);
	});
});

describe('AIs', () => {
	test('preference_should_mix_decision_and_members_towards_nay', () => {
		const alpha = percent(40n);
		assert.equal(preference(alpha, WHOLE, -parts(50n)), parts(10n));
		assert.equal(preference(alpha, 0n, -WHOLE), -parts(60n));
		assert.equal(preference(BILLION, parts(30n), -WHOLE), parts(30n));
		assert.equal(preference(333_333_333n, -1n, 0n), -1n);
	});

	test('ai_should_abstain_when_it_is_weaker_than_the_band', () => {
		assert.equal(sideOf(parts(5n)), 'Aye');
		assert.equal(sideOf(-parts(5n)), 'Nay');
		assert.equal(sideOf(parts(5n) - 1n), 'Abstain');
		assert.equal(sideOf(0n), 'Abstain');
	});

	test('seat_should_weigh_by_the_lesser_of_burn_and_backing', () => {
		const rule = { burn: 10n, backing: 1_000n };
		assert.equal(seatWeight(10n, 1_000n, rule), 100n);
		assert.equal(seatWeight(25n, 1_999n, rule), 199n);
		assert.equal(seatWeight(25n, 9_000n, rule), 250n);
		assert.equal(seatWeight(9_000n, 9_000n, rule), 300n);
		assert.equal(seatWeight(9n, 9_000n, rule), 0n);
		assert.equal(seatWeight(9_000n, 999n, rule), 0n);
		assert.equal(seatWeight(0n, 2_000n, { ...rule, burn: 0n }), 200n);
	});

	test('seat_should_be_fresh_in_its_period_and_the_next', () => {
		assert.ok(isFresh([29n], 59n) && isFresh([30n], 30n) && isFresh([3n, 31n], 60n));
		assert.ok(!isFresh([29n], 60n) && !isFresh([31n], 30n) && !isFresh([], 1n));
	});

	test('house_should_add_up_strength_by_side', () => {
		// α = 1, so that the decision is the preference.
		const of = (weight: bigint, decision: bigint, child: number) =>
			standing({ child, weight, decision: parts(decision), ownShare: BILLION, controller: `${child}` });
		const { house: all } = countAis([of(100n, 60n, 1), of(300n, -5n, 2), of(200n, 4n, 3), of(100n, 0n, 4)], 1_000n, BILLION);
		assert.deepEqual([all.ayes, all.nays], [60n * WHOLE, 15n * WHOLE]);
		assert.equal(all.ayes + all.nays + all.abstentions, 700n * WHOLE);
		assert.deepEqual(houseParts(all), { ayes: (60n * WHOLE) / 1_000n, nays: (15n * WHOLE) / 1_000n });
		assert.equal(shareOfAyes(all), percent(80n));
		assert.deepEqual(houseParts({ ayes: 1n, nays: 1n, abstentions: 0n, total: 3n }), { ayes: 0n, nays: 1n });
		assert.deepEqual(houseParts({ ayes: 1n, nays: 1n, abstentions: 0n, total: 0n }), { ayes: 0n, nays: 0n });
	});

	test('controller_should_count_with_no_more_than_the_cap', () => {
		const seats = [1, 2, 3].map((child) => standing({ child, weight: 150n }));
		const { counts } = countAis(seats, 1_000n, percent(20n));
		assert.deepEqual(counts.map(({ applied }) => applied), [150n, 50n, 0n]);
		const others = countAis(seats.map((seat) => ({ ...seat, controller: `${seat.child}` })), 1_000n, percent(20n));
		assert.deepEqual(others.counts.map(({ applied }) => applied), [150n, 150n, 150n]);
	});
});

describe('the result', () => {
	const kappa = percent(20n);

	test('ais_should_weigh_their_share_when_they_vote_as_much_as_people', () => {
		assert.equal(aiShare(human(10n, 10n), house(20n, 0n), kappa), kappa);
		assert.equal(approval(human(10n, 10n), house(20n, 0n), kappa), percent(60n));
		assert.equal(approval(human(10n, 10n), house(100n, 0n), kappa), percent(60n));
		assert.equal(approval(human(10n, 10n), house(0n, 100n), kappa), percent(40n));
	});

	test('ais_should_weigh_less_when_they_vote_less', () => {
		// y = 1/2: κ' = 0.1 / 0.9.
		assert.equal(aiShare(human(20n, 20n), house(20n, 0n), kappa), 111_111_111n);
		assert.equal(approval(human(20n, 20n), house(20n, 0n), kappa), 555_555_555n);
	});

	test('approval_should_be_that_of_people_when_no_ai_votes', () => {
		assert.equal(approval(human(20n, 10n), house(0n, 0n), kappa), 666_666_666n);
		assert.equal(approval(human(0n, 0n), house(100n, 0n), kappa), undefined, 'AIs alone pass nothing');
		assert.equal(aiShare(human(0n, 0n), house(100n, 0n), kappa), 0n);
	});

	const question = { approval: percent(50n), support: percent(10n), aiShare: 0n, concurring: 0n, aiHouse: undefined };
	const of = (fields: Partial<Case>) =>
		recount({ question, classes: [], ais: [], houseTotal: 0n, controllerCap: percent(20n), ...fields });

	test('only_ayes_should_count_towards_support', () => {
		const failure = (ayes: bigint, nays: bigint) => of({ classes: [votes({ ayes, nays })] }).failure;
		assert.equal(failure(10n, 0n), undefined);
		assert.equal(failure(9n, 0n), 'Support');
		assert.equal(failure(9n, 5n), 'Support');
		assert.equal(failure(10n, 11n), 'Approval');
		assert.equal(failure(0n, 0n), 'NobodyVoted');
	});

	test('people_should_be_needed_when_every_ai_is_captured', () => {
		const captured = standing({ decision: WHOLE, ownShare: BILLION });
		const failure = (ayes: bigint) =>
			of({
				question: { ...question, aiShare: kappa },
				classes: [votes({ ayes, nays: 80n - ayes })],
				ais: [captured],
				houseTotal: 100n,
				controllerCap: BILLION,
			}).failure;
		// 37.5 % of 80.
		assert.equal(failure(30n), undefined);
		assert.equal(failure(29n), 'Approval');
	});

	test('classes_should_concur_and_consent_where_they_are_asked', () => {
		const [most, torn] = [votes({ ayes: 60n }), votes({ class: 'Fan', ayes: 1n, nays: 2n })];
		assert.equal(of({ question: { ...question, concurring: 2n }, classes: [most, torn] }).failure, 'Concurrence');
		assert.equal(of({ question: { ...question, concurring: 2n }, classes: [most, votes({ total: 0n })] }).failure, undefined);
		const loser = (ayes: bigint, nays: bigint) => votes({ class: 'Fan', consent: true, ayes, nays });
		assert.equal(of({ classes: [most, loser(10n, 10n)] }).failure, undefined);
		assert.equal(of({ classes: [most, loser(10n, 11n)] }).failure, 'Consent');
		assert.equal(of({ classes: [most, loser(9n, 0n)] }).failure, 'Consent');
	});

	test('ai_house_should_be_heard_when_any_ai_votes', () => {
		const asked = { ...question, aiHouse: percent(50n) };
		const against = standing({ decision: -WHOLE, ownShare: BILLION });
		const [classes, houseTotal] = [[votes({ ayes: 90n })], 100n];
		assert.equal(of({ question: asked, classes, houseTotal }).failure, undefined);
		assert.equal(of({ question: asked, classes, houseTotal, ais: [against] }).failure, 'AiHouse');
	});
});

describe('any numbers', () => {
	const draw = draws(20_260_521);
	const drawn = (): [Tally, House, bigint] => {
		const [ayes, nays] = [draw(WHOLE / 2n), draw(WHOLE / 2n)];
		const total = 1n + draw(10_000n);
		const [pro, contra] = [draw(total / 2n + 1n), draw(total / 2n + 1n)];
		const cast: House = { ayes: pro * WHOLE, nays: contra * WHOLE, abstentions: (total - pro - contra) * WHOLE, total };
		return [{ ayes, nays, abstentions: 0n }, cast, draw(333_333_334n)];
	};

	test('aye_should_never_lower_the_approval_nor_nay_raise_it', () => {
		for (let n = 0; n < 2_000; n += 1) {
			const [voted, cast, kappa] = drawn();
			const at = approval(voted, cast, kappa);
			if (at === undefined) continue;
			const of = (more: Partial<Tally>) => approval({ ...voted, ...more }, cast, kappa) ?? 0n;
			assert.ok(of({ ayes: voted.ayes + 1n + draw(WHOLE / 4n) }) >= at);
			assert.ok(of({ nays: voted.nays + 1n + draw(WHOLE / 4n) }) <= at);
			assert.ok((approval(voted, { ...cast, ayes: cast.ayes + WHOLE }, kappa) ?? 0n) >= at);
			assert.ok((approval(voted, { ...cast, nays: cast.nays + WHOLE }, kappa) ?? 0n) <= at);
		}
	});

	test('ais_should_never_weigh_more_than_their_share', () => {
		for (let n = 0; n < 2_000; n += 1) {
			const [voted, cast, kappa] = drawn();
			const weight = aiShare(voted, cast, kappa);
			assert.ok(weight >= 0n && weight <= kappa);
			const [at, people] = [approval(voted, cast, kappa), shareOfAyes(voted)];
			if (at === undefined || people === undefined) continue;
			// At most κ' of the result is theirs: the rest is that of people, to three billionths.
			assert.ok(at + 3n >= ((BILLION - kappa) * people) / BILLION && at <= people + kappa + 3n);
		}
	});

	test('preference_should_lie_between_nay_and_aye', () => {
		for (let n = 0; n < 2_000; n += 1) {
			const total = 1n + draw(10n ** 24n);
			const [ayes, nays, abstentions] = [draw(total), draw(total), draw(total)].map((power) => power / 3n);
			const members = lean(tally([votes({ total, ayes, nays, abstentions })]), percent(20n));
			const preferred = preference(draw(BILLION + 1n), draw(2n * WHOLE + 1n) - WHOLE, members);
			assert.ok(members >= -WHOLE && members <= WHOLE);
			assert.ok(preferred >= -WHOLE && preferred <= WHOLE);
		}
	});

	test('splitting_a_seat_should_never_raise_its_weight', () => {
		for (let n = 0; n < 2_000; n += 1) {
			const rule = { burn: 1n + draw(1_000n), backing: 1n + draw(1_000n) };
			const [burned, backed] = [draw(3_000n), draw(3_000n)];
			const whole = seatWeight(burned, backed, rule);
			if (whole >= 300n) continue;
			const [part, half] = [draw(burned + 1n), draw(backed + 1n)];
			assert.ok(seatWeight(part, half, rule) + seatWeight(burned - part, backed - half, rule) <= whole);
		}
	});
});
