// The count of a proposal, written down a second time: from the formulas of pallets/governance/README.md alone, with whole
// numbers of any size and exact fractions. It takes what the chain stores (ballots, totals of a closed day, weights of seats)
// and says what must come of it, to the last digit.
//
// Units: power, whole numbers; shares, billionths; tallies and preferences, parts of 10^14. A quotient is rounded where the
// formulas say so, against the proposal, and nowhere else.

/** All of a share. */
export const BILLION = 10n ** 9n;
/** All of a tally, and of a preference. */
export const WHOLE = 10n ** 14n;
/** Parts of a tally in a billionth. */
const PARTS = WHOLE / BILLION;
/** An AI whose preference is weaker than this abstains: 5 %, in parts. */
const BAND = WHOLE / 20n;
/** Most that rounding adds to a tally's nays or abstentions, in parts. */
const ROUNDING = 2n;
/** Weight of a seat that has what it needs once, and the most that one weighs. */
const SEAT_WEIGHT = 100n;
const SEAT_WEIGHT_MOST = 300n;
/** Days of a period of use. */
export const PERIOD = 30n;

export type Rounding = 'down' | 'up';
export type Side = 'Aye' | 'Nay' | 'Abstain';

/** `a / b`, rounded towards minus or plus infinity. */
export function quotient(a: bigint, b: bigint, rounding: Rounding): bigint {
	if (b <= 0n) throw new RangeError(`cannot divide by ${b}`);
	const towardsZero = a / b;
	const rest = a % b;
	if (rest === 0n) return towardsZero;
	if (rounding === 'down') return a < 0n ? towardsZero - 1n : towardsZero;
	return a > 0n ? towardsZero + 1n : towardsZero;
}

const least = (a: bigint, b: bigint) => (a < b ? a : b);
const most = (a: bigint, b: bigint) => (a > b ? a : b);
const sum = (values: readonly bigint[]) => values.reduce((all, value) => all + value, 0n);

/** An exact fraction of which the denominator is above 0. */
class Fraction {
	readonly over: bigint;
	readonly under: bigint;

	constructor(over: bigint, under = 1n) {
		if (under <= 0n) throw new RangeError(`a fraction over ${under}`);
		this.over = over;
		this.under = under;
	}

	plus(other: Fraction): Fraction {
		return new Fraction(this.over * other.under + other.over * this.under, this.under * other.under);
	}

	minus(other: Fraction): Fraction {
		return new Fraction(this.over * other.under - other.over * this.under, this.under * other.under);
	}

	times(other: Fraction): Fraction {
		return new Fraction(this.over * other.over, this.under * other.under);
	}

	by(other: Fraction): Fraction {
		return new Fraction(this.over * other.under, this.under * other.over);
	}

	isBelow(other: Fraction): boolean {
		return this.over * other.under < other.over * this.under;
	}

	billionths(rounding: Rounding): bigint {
		return quotient(this.over * BILLION, this.under, rounding);
	}
}

const ONE = new Fraction(1n);

/** A share in billionths as a fraction. */
const share = (billionths: bigint) => new Fraction(billionths, BILLION);

/** `part` of `whole` in billionths, rounded down; nothing when `whole` is 0. */
export function ratio(part: bigint, whole: bigint): bigint | undefined {
	return whole === 0n ? undefined : least(quotient(part * BILLION, whole, 'down'), BILLION);
}

// --- people ---

/** A ballot as it is stored. */
export interface Ballot {
	class: string;
	/** None when only others have overridden their delegate. */
	side: Side | undefined;
	power: bigint;
}

/** What a class has and weighs: frozen when the proposal was submitted. */
export interface ClassTotals {
	class: string;
	/** ω, in basis points. */
	weight: bigint;
	/** T: power of the whole class at the snapshot. */
	total: bigint;
	/** D: what it is taken to have at least. */
	floor: bigint;
	/** Whether the proposal needs its consent. */
	consent: boolean;
}

/** A class with what it has cast. */
export interface ClassVotes extends ClassTotals {
	ayes: bigint;
	nays: bigint;
	abstentions: bigint;
}

/** Adds ballots up, class by class. A ballot of a class that does not vote is an error. */
export function countBallots(totals: readonly ClassTotals[], ballots: readonly Ballot[]): ClassVotes[] {
	for (const ballot of ballots) {
		if (!totals.some((row) => row.class === ballot.class)) throw new Error(`class ${ballot.class} does not vote here`);
	}
	return totals.map((row) => {
		const of = (side: Side) =>
			sum(ballots.filter((ballot) => ballot.class === row.class && ballot.side === side).map(({ power }) => power));
		return { ...row, ayes: of('Aye'), nays: of('Nay'), abstentions: of('Abstain') };
	});
}

/** A, N and B in parts. */
export interface Tally {
	ayes: bigint;
	nays: bigint;
	abstentions: bigint;
}

const hasMembers = ({ total }: ClassTotals) => total > 0n;
const denominator = ({ total, floor }: ClassTotals) => most(total, floor);

/** A = Σ ω'·A/max(T, D) over the classes with members, ω' adding up to 1. Ayes are rounded down, nays and abstentions up. */
export function tally(classes: readonly ClassVotes[]): Tally {
	const members = classes.filter(hasMembers);
	const weights = sum(members.map(({ weight }) => weight));
	if (weights === 0n) return { ayes: 0n, nays: 0n, abstentions: 0n };
	const mean = (cast: (row: ClassVotes) => bigint, rounding: Rounding) => {
		const parts = members.map((row) => least(quotient(cast(row) * WHOLE, denominator(row), rounding), WHOLE) * row.weight);
		return least(quotient(sum(parts), weights, rounding), WHOLE);
	};
	return {
		ayes: mean(({ ayes }) => ayes, 'down'),
		nays: mean(({ nays }) => nays, 'up'),
		abstentions: mean(({ abstentions }) => abstentions, 'up'),
	};
}

/** Support, A, in billionths. */
export const support = ({ ayes }: Tally) => quotient(ayes, PARTS, 'down');

/** Turnout, x_H = A + N, in billionths. */
export const turnout = ({ ayes, nays }: Tally) => least(quotient(ayes + nays, PARTS, 'down'), BILLION);

/** r_H = A / (A + N), in billionths; nothing when nobody voted for or against. */
export const shareOfAyes = ({ ayes, nays }: { ayes: bigint; nays: bigint }) => ratio(ayes, ayes + nays);

/** What members prefer: m = (A − N) / max(A + N + B, u*), in parts, rounded towards nay. `target` is in billionths. */
export function lean({ ayes, nays, abstentions }: Tally, target: bigint): bigint {
	// Abstentions draw it towards 0: what rounding has added to them must not soften a nay.
	const drawn = nays > ayes ? most(abstentions - ROUNDING, 0n) : abstentions;
	const whole = most(ayes + nays + drawn, target * PARTS);
	return whole === 0n ? 0n : quotient((ayes - nays) * WHOLE, whole, 'down');
}

/** Whether a class is for it by itself: half of what was cast, and this much of the class, in billionths. */
function agrees(row: ClassVotes, leastSupport: bigint): boolean {
	const [cast, ayes] = [shareOfAyes(row), ratio(row.ayes, denominator(row)) ?? 0n];
	return cast !== undefined && cast >= BILLION / 2n && ayes >= leastSupport;
}

// --- AIs ---

/** s = α·d + (1 − α)·m in parts, rounded towards nay. α is in billionths. */
export const preference = (ownShare: bigint, decision: bigint, members: bigint) =>
	quotient(ownShare * decision + (BILLION - ownShare) * members, BILLION, 'down');

/** The side of a preference: neither when it is weaker than 5 %. */
export function sideOf(preferred: bigint): Side {
	if (preferred === 0n || (preferred < BAND && preferred > -BAND)) return 'Abstain';
	return preferred > 0n ? 'Aye' : 'Nay';
}

/** w = ⌊100 · min(3, burned/U, backed/S)⌋, and 0 unless both are 1 at least. */
export function seatWeight(burned: bigint, backed: bigint, rule: { burn: bigint; backing: bigint }): bigint {
	const of = (amount: bigint, needed: bigint) => {
		if (needed === 0n) return SEAT_WEIGHT_MOST;
		return amount < needed ? 0n : least((SEAT_WEIGHT * amount) / needed, SEAT_WEIGHT_MOST);
	};
	return least(of(burned, rule.burn), of(backed, rule.backing));
}

/** Whether a seat that was refreshed on these days counts at a snapshot: in its period of 30 days, or the one before. */
export const isFresh = (refreshed: readonly bigint[], snap: bigint) =>
	refreshed.some((day) => day <= snap && snap / PERIOD - day / PERIOD <= 1n);

/** An AI as it stands before it is counted. */
export interface AiStanding {
	/** Its community. */
	child: number;
	/** d in parts; 0 when it was not asked, or failed. */
	decision: bigint;
	/** α and u*, in billionths. */
	ownShare: bigint;
	participation: bigint;
	/** What its members have cast. */
	classes: readonly ClassVotes[];
	/** Weight of its seat at the snapshot. */
	weight: bigint;
	/** Who holds the seat. */
	controller: string;
}

/** An AI as it is counted. */
export interface AiCount {
	child: number;
	/** What its members have cast, as parts. */
	tally: Tally;
	/** d, m and s, in parts. */
	decision: bigint;
	members: bigint;
	preference: bigint;
	/** Weight of its seat, and what is left of it under the cap on its controller. */
	weight: bigint;
	applied: bigint;
	side: Side;
}

/** The AI house: sums of weight times strength, in parts of a weight. */
export interface House {
	ayes: bigint;
	nays: bigint;
	abstentions: bigint;
	/** T_I: weight of the whole house at the snapshot. */
	total: bigint;
}

/** Counts the AIs in the order in which they were settled. `cap` is C, in billionths. */
export function countAis(ais: readonly AiStanding[], total: bigint, cap: bigint): { counts: AiCount[]; house: House } {
	const house: House = { ayes: 0n, nays: 0n, abstentions: 0n, total };
	const cast = new Map<string, bigint>();
	const counts = ais.map((ai): AiCount => {
		const voted = tally(ai.classes);
		const members = lean(voted, ai.participation);
		const preferred = preference(ai.ownShare, ai.decision, members);
		const before = cast.get(ai.controller) ?? 0n;
		const applied = least(most(quotient(total * cap, BILLION, 'down') - before, 0n), ai.weight);
		cast.set(ai.controller, before + applied);
		const side = sideOf(preferred);
		const strength = side === 'Abstain' ? 0n : preferred < 0n ? -preferred : preferred;
		if (side === 'Aye') house.ayes += applied * strength;
		if (side === 'Nay') house.nays += applied * strength;
		house.abstentions += applied * (WHOLE - strength);
		const { child, decision, weight } = ai;
		return { child, tally: voted, decision, members, preference: preferred, weight, applied, side };
	});
	return { counts, house };
}

/** a and n of the house's weight, in parts: ayes rounded down, nays up. */
export function houseParts({ ayes, nays, total }: House): { ayes: bigint; nays: bigint } {
	if (total === 0n) return { ayes: 0n, nays: 0n };
	return { ayes: least(quotient(ayes, total, 'down'), WHOLE), nays: least(quotient(nays, total, 'up'), WHOLE) };
}

// --- the result ---

/** What a proposal must meet, in billionths. */
export interface Question {
	/** θ */
	approval: bigint;
	/** s */
	support: bigint;
	/** κ, as far as the present phase lets AIs count. */
	aiShare: bigint;
	/** Classes that must each be for it. */
	concurring: bigint;
	/** Least ayes of the AI house, if any AI votes. */
	aiHouse: bigint | undefined;
}

/** y = min(1, x_I / x_H), as a fraction. */
function relativeTurnout(voted: Tally, house: House): Fraction {
	const { ayes, nays } = houseParts(house);
	const y = new Fraction(ayes + nays, voted.ayes + voted.nays);
	return ONE.isBelow(y) ? ONE : y;
}

/** κ' = κ·y / (1 − κ + κ·y), exactly. */
function exactAiShare(voted: Tally, house: House, kappa: bigint): Fraction {
	const [k, y] = [share(kappa), relativeTurnout(voted, house)];
	return k.times(y).by(ONE.minus(k).plus(k.times(y)));
}

/** κ' in billionths, rounded down; 0 while nobody has voted for or against. */
export function aiShare(voted: Tally, house: House, kappa: bigint): bigint {
	if (voted.ayes + voted.nays === 0n) return 0n;
	return exactAiShare(voted, house, kappa).billionths('down');
}

/** (1 − κ')·r_H + κ'·r_I in billionths, rounded down once; nothing while nobody has voted for or against. */
export function approval(voted: Tally, house: House, kappa: bigint): bigint | undefined {
	if (voted.ayes + voted.nays === 0n) return undefined;
	const human = new Fraction(voted.ayes, voted.ayes + voted.nays);
	const { ayes, nays } = houseParts(house);
	// Without ballots of AIs their share is 0, and what they say does not matter.
	const ais = ayes + nays === 0n ? new Fraction(0n) : new Fraction(ayes, ayes + nays);
	const weight = exactAiShare(voted, house, kappa);
	return ONE.minus(weight).times(human).plus(weight.times(ais)).billionths('down');
}

/** Everything that a count needs. */
export interface Case {
	question: Question;
	classes: readonly ClassVotes[];
	/** In the order in which they were settled. */
	ais: readonly AiStanding[];
	/** T_I */
	houseTotal: bigint;
	/** C, in billionths. */
	controllerCap: bigint;
}

export type Failure = 'NobodyVoted' | 'Support' | 'Approval' | 'AiHouse' | 'Concurrence' | 'Consent';

/** What comes of it. Shares in billionths. */
export interface Count {
	tally: Tally;
	/** A */
	support: bigint;
	/** x_H */
	turnout: bigint;
	/** r_H */
	human: bigint | undefined;
	ais: AiCount[];
	house: House;
	/** x_I */
	houseTurnout: bigint;
	/** r_I */
	aiHouse: bigint | undefined;
	/** y */
	relativeTurnout: bigint | undefined;
	/** κ' */
	aiShare: bigint;
	approval: bigint | undefined;
	/** What it fails of first; nothing when it passes. */
	failure: Failure | undefined;
}

/** Counts a proposal. */
export function recount({ question, classes, ais, houseTotal, controllerCap }: Case): Count {
	const voted = tally(classes);
	const { counts, house } = countAis(ais, houseTotal, controllerCap);
	// Members alone can always pass what every AI is against.
	const kappa = least(question.aiShare, BILLION - question.approval);
	const approved = approval(voted, house, kappa);
	const parts = houseParts(house);
	const aiHouse = shareOfAyes(house);
	const members = classes.filter(hasMembers);
	const concur = BigInt(members.filter((row) => agrees(row, 0n)).length);
	const consents = members.every((row) => !row.consent || agrees(row, BILLION / 10n));
	const fails: [Failure, boolean][] = [
		['NobodyVoted', approved === undefined],
		['Support', support(voted) < question.support],
		['Approval', (approved ?? 0n) < question.approval],
		['AiHouse', question.aiHouse !== undefined && aiHouse !== undefined && aiHouse < question.aiHouse],
		['Concurrence', concur < least(question.concurring, BigInt(members.length))],
		['Consent', !consents],
	];
	return {
		tally: voted,
		support: support(voted),
		turnout: turnout(voted),
		human: shareOfAyes(voted),
		ais: counts,
		house,
		houseTurnout: least(quotient(parts.ayes + parts.nays, PARTS, 'down'), BILLION),
		aiHouse,
		relativeTurnout: voted.ayes + voted.nays === 0n ? undefined : relativeTurnout(voted, house).billionths('down'),
		aiShare: aiShare(voted, house, kappa),
		approval: approved,
		failure: fails.find(([, fails]) => fails)?.[0],
	};
}
