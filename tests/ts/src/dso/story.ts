// What happens on a chain that begins in its first phase and comes to its fourth: communities decide, three characters of
// different minds vote, the holders of AUTON take each step by a referendum. `governance.ts` tells it, `governance.test.ts`
// tests it. Each act checks what it does, and gives what there is to tell.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SubmittableExtrinsic } from '@polkadot/api/types';
import type { KeyringPair } from '@polkadot/keyring/types';
import type { Codec } from '@polkadot/types/types';
import { AUTON, Chain, DispatchFailure, SHARE, event, int, keyOf, refused } from '../chain.js';
import { type Character, companionTemplate, createCharacter, talk } from '../characters.js';
import { drawings, evaluationSet } from '../drawings.js';
import { cidText, council, network, store, worker } from '../network.js';
import {
	type Closed,
	type Phase,
	type Submitted,
	type Vote,
	X,
	action,
	approved,
	charterOf,
	close,
	execution,
	note,
	numberOf,
	parameter,
	phase,
	setParameter,
	settle,
	submission,
	submit,
	vote,
	voteChild,
} from './actions.js';
import { fields, items, optional, some, variant } from './codec.js';
import { Clock } from './days.js';
import { type Page, compare, readCase, readPage } from './raw.js';
import { type Answer, answer, ask } from './reasons.js';
import { type Case, type Count, PERIOD, recount, seatWeight } from './recount.js';

/** The characters: a name, and the file of the persona. */
const MINDS = [
	['Ines', 'reformer'],
	['Bruno', 'cautious'],
	['Kofi', 'operators-friend'],
] as const;

/** What everybody begins with. */
const FUNDS = 3_000n * AUTON;
/** What each treasury begins with, to pay for decisions and to spend. */
const TREASURY = 400n * AUTON;
/** Blocks in which a ballot can be challenged here, where a day has few. */
const BALLOT_WINDOW = 10;
/** Days that a persona must be unchanged before a snapshot. */
const PERSONA_DAYS = 7;
/** Days until a change of who decides is in force. */
const FRANCHISE_DELAY = 7;
/** Days that all talks take at most. */
const TALK_DAYS = 10;
/** Most days from a motion's execution to the end of its referendum. */
const REFERENDUM_DAYS = 20;
/** Steps of the training runs that the community of the picture model accepts. They have to differ, not to be good. */
const STEPS = { data: 8, compute: 12 };
/** Pictures that they are trained on. */
const LESSONS = 24;
/** Longest training, in milliseconds. */
const TRAINING = 900_000;
/** Greatest part of the AI house that one controller votes with: 33 %, in basis points, the most that there is. */
const CONTROLLER_CAP = 3_300;

/** Somebody with a key. */
export interface Person {
	name: string;
	account: KeyringPair;
}

/** A character with its community. */
export interface Soul extends Character {
	name: string;
	/** The text of its persona. */
	text: string;
	owner: Person;
	fans: Person[];
	treasury: string;
}

/** An AI's seat as it was weighed. */
export interface Weighed {
	soul: Soul;
	/** Burned by its use in the last closed period, in planck. */
	burned: bigint;
	/** Bonded behind it, in planck of the shortest tier. */
	backed: bigint;
	/** U and S, in planck. */
	rule: { burn: bigint; backing: bigint };
	weight: bigint;
}

/** A refusal: what was tried, and the chain's word for it. */
export interface Refusal {
	tried: string;
	failure: string;
	explanation: string;
}

/** A proposal that was counted twice: by the runtime, and here. */
export interface Counted {
	proposal: Submitted;
	data: Case;
	count: Count;
	page: Page;
}

/** A proposal that AIs had their say on. */
export interface Heard extends Counted {
	answers: (Answer & { verified: string })[];
	closed: Closed;
}

/** A motion that has passed in X. */
export interface Carried {
	counted: Counted;
	/** First block in which it can be handed over to the holders. */
	from: number;
}

/** What became of a motion. */
export interface Referendum {
	counted: Counted;
	index: number;
	/** Who voted with what, in planck. */
	votes: { who: string; aye: boolean; balance: bigint }[];
	phase: Phase;
	/** What there was of what the phase needs, by name. */
	readiness: [string, string][];
}

type Names = 'Hana' | 'Ivo' | 'Juno' | 'Pim' | 'Karl' | 'Gil';

export class Story {
	readonly refusals: Refusal[] = [];
	private readonly people = new Map<string, Person>();
	private souls_: Soul[] = [];
	/** The period of 30 days in which characters were talked to. */
	private talkPeriod = 0;
	private cap = 0n;

	private constructor(
		readonly chain: Chain,
		readonly clock: Clock,
	) {}

	static async begin(chain: Chain): Promise<Story> {
		const story = new Story(chain, await Clock.of(chain));
		assert.equal(await phase(chain), 'One', 'the story begins on a chain in its first phase');
		return story;
	}

	get souls(): readonly Soul[] {
		return this.souls_;
	}

	// --- who is who ---

	person(name: Names): KeyringPair {
		const found = this.people.get(name);
		assert.ok(found, `${name} does not play a part yet`);
		return found.account;
	}

	private newcomer(name: string): Person {
		const person = { name, account: this.chain.account(`governance-${name.toLowerCase()}`) };
		this.people.set(name, person);
		return person;
	}

	/** Gives accounts money, all in one transaction. */
	private async fund(to: readonly (readonly [string, bigint])[]): Promise<void> {
		const { tx } = this.chain.api;
		const transfers = to.map(([address, amount]) => tx.balances.transferKeepAlive(address, amount));
		await this.chain.send(tx.utility.batchAll(transfers), this.chain.alice);
	}

	/** Expects a transaction to be refused, and takes that down. */
	private async refuse(tried: string, failure: string, tx: SubmittableExtrinsic<'promise'>, who: KeyringPair): Promise<void> {
		const { explanation } = await this.chain.refuses(failure, tx, who);
		this.refusals.push({ tried, failure, explanation });
	}

	// --- the beginning ---

	/** Who plays a part: characters with owners, fans and an investor, holders of AUTON; and what a short day asks for. */
	async found(): Promise<{ bonds: { who: string; amount: bigint; tier: string; before: bigint; after: bigint }[] }> {
		const { chain, clock } = this;
		const { tx, call } = chain.api;
		const holders = [
			['Hana', 100_000n * AUTON, 'Days168'],
			['Ivo', 60_000n * AUTON, 'Days28'],
			['Juno', 40_000n * AUTON, 'Days14'],
			['Pim', 5n * AUTON, 'Days14'],
		] as const;
		const casts = [
			{ owner: 'Mira', fans: ['Ada', 'Ben'] },
			{ owner: 'Nora', fans: ['Cleo', 'Dan'] },
			{ owner: 'Otto', fans: ['Eve', 'Finn'] },
		].map(({ owner, fans }) => ({ owner: this.newcomer(owner), fans: fans.map((name) => this.newcomer(name)) }));
		const others = [...casts.flatMap(({ owner, fans }) => [owner, ...fans]), this.newcomer('Karl'), this.newcomer('Gil')];
		await this.fund([
			...holders.map(([name, amount]) => [this.newcomer(name).account.address, amount + FUNDS] as const),
			...others.map(({ account }) => [account.address, FUNDS] as const),
		]);

		// A ballot is final 300 blocks after its operators agree, which is half an hour of a network and 15 days here.
		await chain.sudo(setParameter(chain, 'Tiers', tiers(BALLOT_WINDOW)));

		// Everybody needs the same template.
		await companionTemplate(chain);
		const souls = MINDS.map(async ([name, file], n): Promise<Soul> => {
			const text = readFileSync(join(network().models, 'council', 'personas', `${file}.txt`), 'utf8');
			const { owner, fans } = casts[n];
			// The first has investors too.
			const terms = { supply: 20n * SHARE, start: AUTON / SHARE, slope: 0n, cap: 20n * SHARE, duration: 100_000, promise: 200_000 };
			const made = await createCharacter(chain, owner.account, name, text, {
				round: n === 0 ? terms : undefined,
				models: { image: null, language: council() },
			});
			const treasury = (await call.bondsApi.treasuryOf(made.community)).toString();
			return { ...made, name, text, owner, fans, treasury };
		});
		this.souls_ = await Promise.all(souls);
		await this.fund(this.souls_.map(({ treasury }) => [treasury, TREASURY]));

		const bonds = holders.map(async ([name, amount, tier]) => {
			await chain.send(tx.bonds.bond(X, 'Auton', amount, tier), this.person(name));
		});
		const fans = this.souls_.flatMap((soul, n) =>
			soul.fans.map(async ({ account }, m) => {
				const [amount, tier] = n === 0 ? [150n * AUTON, 'Days28'] : [(m === 0 ? 120n : 100n) * AUTON, 'Days14'];
				await chain.send(tx.bonds.bond(soul.community, 'Auton', amount, tier), account);
				await chain.send(tx.characters.join(soul.id), account);
			}),
		);
		const [first] = this.souls_;
		const gil = this.person('Gil');
		const invest = async () => {
			await chain.send(tx.characters.invest(first.id, 20n * SHARE, 20n * AUTON), gil);
			await chain.send(tx.bonds.bond(first.community, 'Shares', 20n * SHARE, 'Days28'), gil);
		};
		const seats = this.souls_.map((soul) =>
			chain.send(tx.dso.claimSeat(soul.community, { Character: soul.id }), soul.owner.account),
		);
		await Promise.all([...bonds, ...fans, invest(), ...seats]);

		// Power counts from the next day on.
		const powerOf = async (name: Names) => {
			const lines = items(await call.dsoApi.power(X, this.person(name).address)).map((line) => fields(line));
			const line = lines.find((row) => String(row.class) === 'Token');
			return line ? int(line.own) : 0n;
		};
		const day = await clock.today();
		const before = await Promise.all(holders.map(([name]) => powerOf(name)));
		if ((await clock.today()) === day) assert.deepEqual(before, holders.map(() => 0n), 'a bond of today has no power yet');
		await clock.passDays(1);
		const after = await Promise.all(holders.map(([name]) => powerOf(name)));
		assert.ok(after.every((power) => power > 0n), 'a bond of yesterday has power');
		return {
			bonds: holders.map(([who, amount, tier], n) => ({ who, amount, tier, before: before[n], after: after[n] })),
		};
	}

	/** People talk to the characters: what that burns makes their seats weigh, a period later. Gives what each has burned. */
	async use(): Promise<[Soul, bigint][]> {
		const { chain, clock } = this;
		const today = await clock.today();
		const next = (Math.floor(today / Number(PERIOD)) + 1) * Number(PERIOD);
		if (next - today < TALK_DAYS) await clock.passToDay(next);
		const period = await this.periodNow();
		// The busier, the more: three talks, two, one.
		const talks = this.souls_.map(async (soul, n) => {
			for (let said = this.souls_.length - n; said > 0; said -= 1) {
				await talk(chain, soul.fans[0].account, soul.id, 'who are you?');
			}
		});
		await Promise.all(talks);
		this.talkPeriod = await this.periodNow();
		assert.equal(this.talkPeriod, period, `all talks fall into one period of ${PERIOD} days`);
		const burned = await Promise.all(this.souls_.map((soul) => this.burnedBy(soul)));
		assert.ok(burned.every((amount) => amount > 0n), 'every talk burns a part of its fee');
		// On this chain a seat needs what the least used of them has, less a fifth.
		const rules = {
			burn: (burned.reduce((a, b) => (a < b ? a : b)) * 4n) / 5n,
			backing: 100n * AUTON,
			opening: AUTON,
			target: 10,
			controllerCap: CONTROLLER_CAP,
		};
		await chain.sudo(setParameter(chain, 'Seats', rules));
		this.cap = BigInt(CONTROLLER_CAP) * 100_000n;
		await clock.quiet();
		return this.souls_.map((soul, n) => [soul, burned[n]]);
	}

	private async periodNow(): Promise<number> {
		return Math.floor((await this.clock.today()) / Number(PERIOD));
	}

	/** What a character's use has burned in the present period. */
	private async burnedBy({ community }: Soul): Promise<bigint> {
		return int(fields((await this.chain.api.query.dso.usages(community)) as unknown as Codec).burned);
	}

	/** AI seats are opened, which burns AUTON, more each time. Gives what each has burned. */
	async openSeats(): Promise<bigint[]> {
		const { chain } = this;
		const burned: bigint[] = [];
		for (const { community, owner } of this.souls_) {
			const due = int(await chain.api.call.dsoApi.seatBurn());
			const opened = await chain.send(chain.api.tx.dso.openAiSeat(community), owner.account);
			assert.equal(int(event(opened, 'dso', 'AiSeatOpened').data.burned), due, 'a seat burns what was said');
			assert.ok(burned.every((before) => before < due), 'each seat costs more than the one before');
			burned.push(due);
		}
		return burned;
	}

	/** Seats are weighed, once the period of the talks is closed; the weight is the one of the formula. */
	async weighSeats(): Promise<Weighed[]> {
		const { chain, clock } = this;
		const { tx, call, query } = chain.api;
		await clock.passToDay((this.talkPeriod + 1) * Number(PERIOD));
		assert.equal(await this.periodNow(), this.talkPeriod + 1, 'seats are weighed in the period after the talks');
		const rules = fields(await parameter(chain, 'Seats'));
		const rule = { burn: int(rules.burn), backing: int(rules.backing) };
		const weighed = await Promise.all(
			this.souls_.map(async (soul): Promise<Weighed> => {
				const yesterday = (await clock.today()) - 1;
				const backing = int(some(await call.bondsApi.classTotal(soul.community, 'Backing', yesterday), 'backing'));
				const usage = fields((await query.dso.usages(soul.community)) as unknown as Codec);
				const done = await chain.send(tx.dso.refreshSeat(soul.community), soul.owner.account);
				const { weight, controller } = event(done, 'dso', 'AiSeatRefreshed').data;
				assert.equal(optional(controller)?.toString(), soul.owner.account.address, 'the holder of the NFT controls the seat');
				// A planck has a power of 2 in the shortest tier.
				const [burned, backed] = [int(usage.burned), backing / 2n];
				assert.equal(int(weight), seatWeight(burned, backed, rule), `the weight of ${soul.name}'s seat`);
				return { soul, burned, backed, rule, weight: int(weight) };
			}),
		);
		assert.ok(weighed.every(({ weight }) => weight > 0n), 'three seats weigh something');
		await this.refuse(
			'weighing a seat twice in a period',
			'dso.RefreshedLately',
			tx.dso.refreshSeat(this.souls_[0].community),
			this.souls_[0].owner.account,
		);
		await clock.passDays(1);
		return weighed;
	}

	// --- the first phase: people decide ---

	/** What the first phase begins with: what is refused, then proposals of every kind, and everybody's votes. */
	async constitute() {
		const { chain, clock } = this;
		const { tx } = chain.api;
		const [first, second] = this.souls_;
		const [mira, nora] = [first.owner.account, second.owner.account];
		const [ada, ben] = first.fans.map(({ account }) => account);
		const [cleo, dan] = second.fans.map(({ account }) => account);
		const [hana, ivo, juno, pim, karl, gil] = (['Hana', 'Ivo', 'Juno', 'Pim', 'Karl', 'Gil'] as const).map((name) =>
			this.person(name),
		);

		// Root itself begins no phase before its time.
		const early = await refused(chain.sudo(tx.dso.advancePhase('One', 'Two')));
		assert.equal(early.failure, 'dso.ShadowTooShort');
		this.refusals.push({ tried: 'beginning phase two, by root', failure: early.failure, explanation: early.explanation });
		await this.refuse(
			'a charter out of its bounds: 11 days of voting',
			'dso.FieldOutOfBounds',
			submission(chain, first.community, action.setCharter([['VotingDays', 11]])),
			ben,
		);
		const rules = await note(chain, ivo, this.longerReveals());
		await this.refuse(
			'a rule of interaction, before its phase',
			'dso.TrackClosed',
			submission(chain, X, action.dispatch('Interaction', rules)),
			ivo,
		);

		// A tenth of the treasury in seven days is routine: each of these is less, both are more.
		const [server, party] = [(TREASURY * 6n) / 100n, (TREASURY * 7n) / 100n];
		const motion = await note(chain, hana, tx.dso.advancePhase('One', 'Two'));
		const [days, share, badge, one, other, work, spam, phaseTwo] = await Promise.all([
			submit(chain, mira, first.community, action.setCharter([['VotingDays', 3], ['LockDays', 1]]), 'We can decide faster.'),
			submit(chain, ada, first.community, action.setCharter([['AiOwnShare', 4_800]]), `${first.name} knows best.`),
			submit(chain, gil, first.community, action.grantBadge(karl.address, 3), 'Karl writes the lore.'),
			submit(chain, nora, second.community, action.spend(nora.address, server), 'For the server.'),
			submit(chain, cleo, second.community, action.spend(cleo.address, party), 'For the party.'),
			submit(chain, juno, X, action.grantBadge(karl.address, 5), 'Karl looks after the data.'),
			submit(chain, pim, X, action.signal, 'Buy PimCoin.'),
			submit(chain, hana, X, action.motion(motion), 'The AIs are ready to vote.'),
		]);
		await this.refuse(
			'a second live proposal of one proposer',
			'dso.OneLiveProposal',
			submission(chain, first.community, action.signal),
			mira,
		);
		const all = [days, share, badge, one, other, work, spam, phaseTwo];
		await clock.passTo(Math.max(...all.map(({ times }) => times.start)));

		const holder = (soul: Soul, side: Vote['side']): Vote => ({ who: soul.owner.account, as: { Holder: { Character: soul.id } }, side });
		const fan = (who: KeyringPair, side: Vote['side']): Vote => ({ who, as: { Member: 'Fan' }, side });
		const token = (who: KeyringPair, side: Vote['side']): Vote => ({ who, as: { Member: 'Token' }, side });
		const investor: Vote = { who: gil, as: { Member: 'Investor' }, side: 'Aye' };
		const rounds = async (votes: readonly (readonly [Submitted, readonly Vote[]])[]) => {
			for (const [proposal, cast] of votes) await vote(chain, proposal, cast);
		};
		await Promise.all([
			rounds([
				[days, [holder(first, 'Aye'), fan(ada, 'Aye'), fan(ben, 'Nay'), investor]],
				[share, [holder(first, 'Aye'), fan(ada, 'Aye'), fan(ben, 'Aye'), investor]],
				[badge, [holder(first, 'Aye'), investor]],
			]),
			rounds([
				[one, [holder(second, 'Aye'), fan(cleo, 'Aye')]],
				[other, [holder(second, 'Aye'), fan(cleo, 'Aye'), fan(dan, 'Nay')]],
			]),
			rounds([
				[work, [token(hana, 'Aye'), token(juno, 'Aye')]],
				[phaseTwo, [token(hana, 'Aye'), token(ivo, 'Nay'), token(juno, 'Aye')]],
			]),
		]);

		// The communities of the characters decide first.
		const below = [days, share, badge, one, other];
		await clock.passTo(Math.max(...below.map(({ times }) => times.end)));
		await this.refuse('a vote after the end', 'dso.VotingClosed', tx.dso.vote(days.id, { Member: 'Fan' }, 'Nay'), ben);
		const counted = await this.count(days);
		const froms: number[] = [];
		for (const proposal of below) froms.push(approved(await close(chain, karl, proposal)).from);
		await this.refuse('doing it before the time-lock ends', 'dso.Locked', execution(chain, days), karl);
		const before = await charterOf(chain, first.community);
		await clock.passTo(Math.max(...froms));
		for (const proposal of [days, share, badge, one]) await chain.send(execution(chain, proposal), karl);
		await this.refuse('spending more than a week allows', 'dso.SpendLimitReached', execution(chain, other), karl);
		const after = await charterOf(chain, first.community);
		assert.equal(after.get('VotingDays'), 3);
		assert.equal(after.get('LockDays'), 1);
		assert.equal(after.get('AiOwnShare'), before.get('AiOwnShare'), 'who decides changes a week later');

		// Hardly anybody was for it.
		await clock.passTo(spam.times.end);
		const money = await chain.balance(pim.address, await chain.finalised());
		const ended = await close(chain, karl, spam);
		assert.ok('failure' in ended.result, 'spam does not pass');
		assert.equal(ended.burned, true, 'the deposit of spam is burned');
		const left = await chain.balance(pim.address, ended.included.hash);
		assert.equal(money.held - left.held, spam.deposit, 'the deposit is not on hold any more');
		assert.equal(left.free, money.free, 'and has not come back');
		this.refusals.push({ tried: 'spam, for which nobody votes', failure: ended.result.failure, explanation: 'its deposit is burned' });
		return { counted, before, after, first, spam, work, phaseTwo };
	}

	/** A change of who decides is in force a week after it was executed. */
	async franchise(): Promise<Map<string, number>> {
		const [first] = this.souls_;
		const pending = optional((await this.chain.api.query.dso.pendingCharters(first.community)) as unknown as Codec);
		if (pending) await this.clock.passToDay(Number(int(fields(pending).effective)));
		else await this.clock.passDays(FRANCHISE_DELAY);
		const charter = await charterOf(this.chain, first.community);
		assert.equal(charter.get('AiOwnShare'), 4_800, "the AI's own share is what was decided");
		return charter;
	}

	/** A wish, on which the AIs vote for the first time: it is recorded, and counts nothing yet. */
	async shadow(): Promise<Heard> {
		const created = await this.bornOn();
		// The snapshot, which is yesterday, must be a week after the persona was set.
		await this.clock.passToDay(created + PERSONA_DAYS + 1);
		const heard = await this.hear(
			await submit(this.chain, this.person('Ivo'), X, action.signal, 'Operators should answer for every failure.'),
			[['Hana', 'Aye'], ['Ivo', 'Aye'], ['Juno', 'Nay']],
		);
		assert.equal(heard.count.aiShare, 0n, 'AIs count nothing in the first phase');
		assert.equal(heard.count.approval, heard.count.human, 'people alone decide');
		return heard;
	}

	/** The day on which the last of the characters got its persona. */
	private async bornOn(): Promise<number> {
		const infos = await Promise.all(this.souls_.map(({ id }) => this.chain.api.query.characters.characters(id)));
		const blocks = infos.map((info) => Number(int(fields(some(info as unknown as Codec, 'character')).changedAt)));
		return Math.floor(Math.max(...blocks) / this.clock.day);
	}

	// --- proposals that AIs are heard on ---

	/** Counts a proposal a second time, from what the chain stores, and compares. Its voting must be over. */
	async count(proposal: Submitted): Promise<Counted> {
		const hash = await this.chain.finalised();
		const [data, page] = await Promise.all([
			readCase(this.chain, proposal.id, hash, this.cap),
			readPage(this.chain, proposal.id, hash),
		]);
		const count = recount(data);
		compare(count, page);
		return { proposal, data, count, page };
	}

	/**
	 * Has people vote on a proposal of X, the characters' members in their communities, and the characters themselves, by jobs
	 * that operators run; then counts it.
	 */
	private async hear(proposal: Submitted, sides: readonly (readonly [Names, Vote['side']])[]): Promise<Heard> {
		const { chain, clock } = this;
		await clock.passTo(proposal.times.start);
		const asked = await Promise.all(
			this.souls_.map(({ community, owner }) => ask(chain, owner.account, proposal.id, community)),
		);
		const people = sides.map(([name, side]): Vote => {
			return { who: this.person(name), as: { Member: name === 'Karl' ? 'Contributor' : 'Token' }, side };
		});
		// The members of the three see it differently.
		const opinions: [Vote['side'], Vote['side'], Vote['side']][] = [
			['Aye', 'Aye', 'Abstain'],
			['Nay', 'Nay', 'Aye'],
			['Aye', 'Nay', 'Nay'],
		];
		const below = this.souls_.map(({ id, community, owner, fans }, n) => {
			const [own, one, other] = opinions[n];
			return voteChild(chain, proposal, community, [
				{ who: owner.account, as: { Holder: { Character: id } }, side: own },
				{ who: fans[0].account, as: { Member: 'Fan' }, side: one },
				{ who: fans[1].account, as: { Member: 'Fan' }, side: other },
			]);
		});
		await Promise.all([vote(chain, proposal, people), ...below]);
		const answers = await Promise.all(asked.map((one) => answer(chain, one)));
		await clock.passTo(proposal.times.cutOff);
		await settle(chain, this.person('Juno'), proposal, this.souls_.map(({ community }) => community));
		const [{ owner, id, community }] = this.souls_;
		const late = chain.api.tx.dso.voteChild(proposal.id, community, { Holder: { Character: id } }, 'Nay');
		assert.equal((await refused(chain.send(late, owner.account))).failure, 'dso.VotingClosed', 'the AIs are counted');
		await clock.passTo(proposal.times.end);
		const counted = await this.count(proposal);
		for (const { child, decision } of counted.count.ais) {
			const said = answers.find((one) => one.child === child)?.decision ?? 0;
			assert.equal(decision, BigInt(said) * 10n ** 12n, `what the operators found community ${child} to say`);
		}
		const closed = await close(chain, this.person('Juno'), proposal);
		assert.equal('approval' in closed.result, counted.count.failure === undefined, 'it is closed as it was counted');
		if ('approval' in closed.result) assert.equal(closed.result.approval, counted.count.approval);
		return { ...counted, answers, closed };
	}

	// --- the holders ---

	/** Has a motion of X counted, which must have passed. */
	async carry(motion: Submitted): Promise<Carried> {
		await this.clock.passTo(motion.times.end);
		const counted = await this.count(motion);
		const { from } = approved(await close(this.chain, this.person('Juno'), motion));
		return { counted, from };
	}

	/** The referendum on a motion that has passed, and what comes of it. `during` is done while the holders vote. */
	async referendum({ counted, from }: Carried, to: Phase, during?: (index: number) => Promise<void>): Promise<Referendum> {
		const { chain, clock } = this;
		const { tx, query } = chain.api;
		const [juno, motion] = [this.person('Juno'), counted.proposal];
		await clock.passTo(from);
		const index = Number(int(await query.democracy.referendumCount()));
		await chain.send(execution(chain, motion), juno);
		const isStarted = async () => Number(int(await query.democracy.referendumCount())) > index;
		await clock.passUntil(`the referendum on motion ${motion.id}`, REFERENDUM_DAYS, isStarted);
		const voices = [
			['Hana', true, 2_000n * AUTON],
			['Ivo', true, 1_500n * AUTON],
			// With few votes, a nay weighs far more than an aye: that is what a super-majority means.
			['Juno', false, 10n * AUTON],
		] as const;
		const ballots = voices.map(([name, aye, balance]) => {
			const ballot = { Standard: { vote: { aye, conviction: 'Locked1x' }, balance } };
			return chain.send(tx.democracy.vote(index, ballot), this.person(name));
		});
		await Promise.all(ballots);
		await during?.(index);
		const readiness = await this.readiness();
		await clock.passUntil(`phase ${to}`, REFERENDUM_DAYS, async () => (await phase(chain)) === to);
		const votes = voices.map(([who, aye, balance]) => ({ who, aye, balance }));
		return { counted, index, votes, phase: to, readiness };
	}

	/** What there is of what the next phase needs, and what it needs, as the chain says both. */
	async readiness(): Promise<[string, string][]> {
		const human = (value: Codec) => Object.entries(value.toHuman() as Record<string, unknown>);
		const there = human((await this.chain.api.call.dsoApi.readiness()) as Codec);
		const needed = human((await this.chain.api.call.dsoApi.needs()) as Codec);
		return [
			...there.map(([what, value]): [string, string] => [`there is: ${what}`, String(value)]),
			...needed.map(([what, value]): [string, string] => [`needed: ${what}`, String(value)]),
		];
	}

	/** The first character's treasury votes in a referendum, because its community has decided so. Gives what it votes with. */
	async treasuryVotes(index: number): Promise<bigint> {
		const { chain, clock } = this;
		const { community, owner, fans, treasury, id } = this.souls_[0];
		const balance = TREASURY / 4n;
		const decided = await submit(chain, owner.account, community, action.voteReferendum(index, true, balance, 1));
		await clock.passTo(decided.times.start);
		await vote(chain, decided, [
			{ who: owner.account, as: { Holder: { Character: id } }, side: 'Aye' },
			{ who: fans[0].account, as: { Member: 'Fan' }, side: 'Aye' },
			{ who: this.person('Gil'), as: { Member: 'Investor' }, side: 'Aye' },
			{ who: this.person('Karl'), as: { Member: 'Contributor' }, side: 'Aye' },
		]);
		await clock.passTo(decided.times.end);
		await clock.passTo(approved(await close(chain, owner.account, decided)).from);
		await chain.send(execution(chain, decided), owner.account);
		const voting = variant((await chain.api.query.democracy.votingOf(treasury)) as unknown as Codec);
		assert.equal(voting.name, 'Direct', 'the treasury votes itself');
		const votes = items(fields(voting.inner).votes).map((row) => items(row));
		const cast = votes.find(([of]) => Number(int(of)) === index);
		assert.ok(cast, `the treasury has voted in referendum ${index}`);
		assert.equal(int(fields(variant(cast[1]).inner).balance), balance, 'with its own money');
		return balance;
	}

	/** Asks the holders for the next phase: the motion, and what X's members say of it. */
	async propose(from: Phase, to: Phase): Promise<Submitted> {
		const { chain, clock } = this;
		const hana = this.person('Hana');
		const call = await note(chain, hana, chain.api.tx.dso.advancePhase(from, to));
		const motion = await submit(chain, hana, X, action.motion(call), `It is time for phase ${to.toLowerCase()}.`);
		await clock.passTo(motion.times.start);
		await vote(chain, motion, [
			{ who: hana, as: { Member: 'Token' }, side: 'Aye' },
			{ who: this.person('Juno'), as: { Member: 'Token' }, side: 'Aye' },
			{ who: this.person('Karl'), as: { Member: 'Contributor' }, side: 'Aye' },
		]);
		return motion;
	}

	/** X gives Karl the badge that was voted on in the beginning. */
	async badge(proposal: Submitted): Promise<number> {
		const { chain, clock } = this;
		const karl = this.person('Karl');
		await clock.passTo(proposal.times.end);
		await clock.passTo(approved(await close(chain, karl, proposal)).from);
		const done = await chain.send(execution(chain, proposal), karl);
		const { points } = fields(event(done, 'dso', 'BadgeSet').data.badge);
		return Number(int(points));
	}

	// --- the second phase: AIs vote ---

	/** Operators have longer to reveal what they have found: one number of one parameter, by a fifth. */
	private longerReveals(): SubmittableExtrinsic<'promise'> {
		return setParameter(this.chain, 'Timing', { ...TIMING, revealPeriod: LONGER });
	}

	/** X changes a rule of interaction, and the AIs count up to a fifth. */
	async interaction(): Promise<Heard> {
		const { chain, clock } = this;
		const [ivo, juno] = [this.person('Ivo'), this.person('Juno')];
		const call = await note(chain, juno, this.longerReveals());
		const proposal = await submit(chain, ivo, X, action.dispatch('Interaction', call), 'Slow machines deserve a chance.');
		const heard = await this.hear(proposal, [['Hana', 'Aye'], ['Ivo', 'Aye'], ['Juno', 'Nay'], ['Karl', 'Abstain']]);
		assert.ok(heard.count.ais.some(({ applied, side }) => applied > 0n && side !== 'Abstain'), 'at least one AI counts');
		assert.ok(heard.count.aiShare <= heard.data.question.aiShare, 'AIs never count more than κ');
		await clock.passTo(approved(heard.closed).from);
		await chain.send(execution(chain, proposal, true), juno);
		const after = fields(await parameter(chain, 'Timing'));
		assert.equal(int(after.revealPeriod), BigInt(LONGER), 'the rule is what was decided');
		return heard;
	}

	// --- the third phase: X decides on the economy ---

	/** X changes the market's fee. Gives it before and after, in parts per million. */
	async economy(): Promise<Counted & { before: bigint; after: bigint }> {
		const { chain, clock } = this;
		const [ivo, juno] = [this.person('Ivo'), this.person('Juno')];
		const before = await numberOf(chain, 'Fee', MARKET_FEE);
		// A quarter in seven days is the most.
		const after = (before * 6n) / 5n;
		const call = await note(chain, juno, setParameter(chain, 'Fee', after));
		const proposal = await submit(chain, ivo, X, action.dispatch('Economic', call), 'The treasury needs it.');
		await clock.passTo(proposal.times.start);
		await vote(chain, proposal, [
			{ who: this.person('Hana'), as: { Member: 'Token' }, side: 'Aye' },
			{ who: ivo, as: { Member: 'Token' }, side: 'Aye' },
			{ who: juno, as: { Member: 'Token' }, side: 'Nay' },
			{ who: this.person('Karl'), as: { Member: 'Contributor' }, side: 'Aye' },
		]);
		await clock.passTo(proposal.times.end);
		const counted = await this.count(proposal);
		await clock.passTo(approved(await close(chain, juno, proposal)).from);
		await chain.send(execution(chain, proposal, true), juno);
		const now = await parameter(chain, 'Fee');
		assert.ok(now, 'the fee is set');
		assert.equal(int(now), after, 'the fee is what was decided');
		return { ...counted, before, after };
	}

	// --- models ---

	/** The community of the picture model decides something about it: whoever has a vote there is for it. */
	private async ofModel(what: unknown, prose: string): Promise<Submitted> {
		const { chain, clock } = this;
		const proposal = await submit(chain, chain.alice, await this.modelCommunity(), what, prose);
		await clock.passTo(proposal.times.start);
		// Its owner, and Karl as soon as his work has given him a class there.
		for (const who of [chain.alice, this.person('Karl')]) {
			const doable = items(await chain.api.call.dsoApi.doable(proposal.id, who.address)).map((can) => variant(can));
			for (const { inner } of doable.filter(({ name }) => name === 'Vote')) {
				await chain.send(chain.api.tx.dso.vote(proposal.id, inner, 'Aye'), who);
			}
		}
		await clock.passTo(proposal.times.end);
		await clock.passTo(approved(await close(chain, chain.alice, proposal)).from);
		return proposal;
	}

	private async modelCommunity(): Promise<number> {
		const info = some((await this.chain.api.query.models.models(network().shapes)) as unknown as Codec, 'model');
		return Number(int(fields(info).community));
	}

	/** Alice, who holds the NFT of the picture model, takes her seat in its community. What it may not decide yet is refused. */
	async claimModel(): Promise<number> {
		const community = await this.modelCommunity();
		const { chain } = this;
		await chain.send(chain.api.tx.dso.claimSeat(community, { Model: network().shapes }), chain.alice);
		await this.clock.passDays(1);
		await this.refuse(
			'opening a model, before its phase',
			'dso.ActionTooEarly',
			submission(chain, community, action.openSource),
			chain.alice,
		);
		return community;
	}

	/**
	 * The picture model gets a provenance: its community accepts a version for its data and one for a training run that
	 * anybody can run again. `scratch` is a folder for what is not kept.
	 */
	async provenance(scratch: string): Promise<{ data: string; versions: number[] }> {
		const { chain } = this;
		const folder = (name: string) => {
			const path = join(scratch, name);
			rmSync(path, { recursive: true, force: true });
			mkdirSync(path, { recursive: true });
			return path;
		};
		const lessons = folder('lessons');
		const samples = drawings(0, LESSONS);
		for (const [n, { caption, png }] of samples.entries()) {
			writeFileSync(join(lessons, `${n}.png`), png);
			writeFileSync(join(lessons, `${n}.txt`), `${caption}\n`);
		}
		const file = join(scratch, 'data.json');
		writeFileSync(file, evaluationSet(samples));
		const data = cidText(await store(file));
		const size = String(statSync(file).size);
		const given = [
			[STEPS.data, ['--contribution', 'data', '--dataset', data, '--size', size, '--licence', 'CC0-1.0']],
			[STEPS.compute, ['--contribution', 'compute']],
		] as const;
		const versions: number[] = [];
		for (const [steps, contribution] of given) {
			const proposal = await this.train(lessons, folder('version'), folder('trainer'), steps, contribution);
			const accepted = await this.ofModel(action.acceptVersion(proposal), 'Everybody can see where it comes from.');
			const done = await chain.send(execution(chain, accepted), chain.alice);
			versions.push(Number(int(event(done, 'models', 'VersionAccepted').data.version)));
		}
		return { data, versions };
	}

	/** Karl trains another version of the picture model, and proposes it. Gives the proposal. */
	private async train(
		lessons: string,
		output: string,
		store: string,
		steps: number,
		contribution: readonly string[],
	): Promise<number> {
		const { shapes, models, url } = network();
		const candidate = join(output, 'shapes');
		await worker(
			['train', 'lora', '--base', join(models, 'shapes'), '--data', lessons, '--out', candidate, '--steps', String(steps)],
			{ patience: TRAINING },
		);
		const environment = { GOVERNANCE_TRAINER: keyOf('governance-karl'), AUTONOMY_DATA_DIR: store };
		const proposed = await worker(
			[
				...['models', 'propose', String(shapes), candidate, ...contribution],
				...['--suri-env', 'GOVERNANCE_TRAINER', '--url', url, '--json'],
			],
			{ patience: TRAINING, environment },
		);
		const { proposal } = JSON.parse(proposed.trim().split('\n').at(-1) ?? '') as { proposal: number };
		return proposal;
	}

	/** The community opens its model, and nobody can close it again. */
	async open(): Promise<void> {
		const { chain } = this;
		const { shapes } = network();
		const { tx, call } = chain.api;
		const stranger = this.person('Pim');
		const isOpen = async () => String(await call.modelsApi.isOpen(shapes)) === 'true';
		// As long as licences are sold, nobody uses it without one.
		const terms = { perPeriod: 25n * AUTON, period: 5_000, perpetual: null };
		await chain.send(tx.market.setLicenceTerms(shapes, terms), chain.alice);
		const job = () => tx.inference.submitJob(shapes, PICTURE, 1, null, 'Chain', AUTON);
		await chain.refuses('inference.LicenceMissing', job(), stranger);
		assert.equal(await isOpen(), false);
		const opened = await this.ofModel(action.openSource, 'Let everybody draw.');
		await chain.send(execution(chain, opened), chain.alice);
		assert.equal(await isOpen(), true);
		// What was sold is free: what stops the job now is that nobody serves the model here.
		await chain.refuses('inference.NotEnoughOperators', job(), stranger);
		await this.refuse('opening the model again, as its owner', 'models.ModelIsOpen', tx.models.openSource(shapes), chain.alice);
		const again = await this.ofModel(action.openSource, 'Once more.');
		await this.refuse('opening the model again, as its community', 'models.ModelIsOpen', execution(chain, again), chain.alice);
		await this.closeAgain(terms, job(), stranger);
	}

	/** Whoever holds the model's NFT tries to sell licences again: refused, or of no effect. The model stays open. */
	private async closeAgain(terms: unknown, job: SubmittableExtrinsic<'promise'>, stranger: KeyringPair): Promise<void> {
		const { chain } = this;
		const { shapes } = network();
		const tried = 'closing the open model: selling licences to it again';
		try {
			await chain.send(chain.api.tx.market.setLicenceTerms(shapes, terms), chain.alice);
			const { explanation } = await chain.refuses('inference.NotEnoughOperators', job, stranger);
			this.refusals.push({ tried, failure: 'no effect: nobody needs one', explanation });
		} catch (error) {
			if (!(error instanceof DispatchFailure)) throw error;
			assert.equal(error.failure, 'market.ModelIsOpen');
			this.refusals.push({ tried, failure: error.failure, explanation: error.explanation });
		}
		assert.equal(String(await chain.api.call.modelsApi.isOpen(shapes)), 'true', 'an open model stays open');
	}
}

/** A picture that anybody may order of an open model. */
const PICTURE = {
	Image: { prompt: '0x61', negativePrompt: '0x', width: 64, height: 64, steps: 8, guidanceCenti: 250 },
};

/** The market's fee that the runtime begins with, in parts per million. */
const MARKET_FEE = 20_000n;

/** How long things take where the runtime begins, in blocks and counts. */
const TIMING = { drawDelay: 2, drawRetries: 3, commitGrace: 10, revealPeriod: 10, declinePeriod: 3, redraws: 3 };
/** Blocks in which operators reveal from then on. */
const LONGER = 12;

/** The tiers that the runtime begins with, with another window for ballots. */
function tiers(window: number) {
	const rules = (committee: number, audit: number, blocks: number, auton: bigint) => ({
		committee,
		audit,
		window: blocks,
		leastExposure: auton * AUTON,
	});
	return {
		text: rules(1, 200_000, 20, 1n),
		image: rules(3, 50_000, 50, 1n),
		creation: rules(3, 250_000, 100, 10n),
		ballot: rules(5, 1_000_000, window, 50n),
	};
}
