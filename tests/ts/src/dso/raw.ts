// What the chain stores of a proposal, read entry by entry, for the recount: ballots, totals of the closed day, seats. Nothing
// here comes from the runtime's own count; that is read apart from it, to be compared.

import assert from 'node:assert/strict';
import type { Codec } from '@polkadot/types/types';
import { stringToU8a } from '@polkadot/util';
import { Chain, int } from '../chain.js';
import { keyless, littleEndian } from '../money.js';
import type { Phase } from './actions.js';
import { fields, items, optional, some, variant } from './codec.js';
import {
	type AiStanding,
	type Ballot,
	type Case,
	type ClassTotals,
	type ClassVotes,
	type Count,
	type Failure,
	type Side,
	countBallots,
	isFresh,
} from './recount.js';

/** The chain at one block. */
type At = Awaited<ReturnType<Chain['api']['at']>>;

/** Most that AIs count in each phase, in billionths. */
const PHASE_LIMIT: Record<Phase, bigint> = { One: 0n, Two: 200_000_000n, Three: 333_333_333n, Four: 333_333_333n };

/** The account that the AI of a community has its power as; nobody has a key to it. */
export function aiAccount(chain: Chain, child: number): string {
	const pallet = (chain.api.consts.dso.palletId as unknown as Codec).toU8a();
	return keyless(pallet, stringToU8a('ai'), littleEndian(child, 32));
}

/** Totals of the classes of a poll. */
const totalsOf = (lines: Codec | undefined): ClassTotals[] =>
	items(lines).map((line) => {
		const row = fields(line);
		const { weight, total, floor } = fields(row.votes);
		return {
			class: String(row.class),
			weight: int(weight),
			total: int(total),
			floor: int(floor),
			consent: String(row.consent) === 'true',
		};
	});

/** What the chain says that the classes of a poll have cast. */
const votesOf = (lines: Codec | undefined): ClassVotes[] =>
	items(lines).map((line, n) => {
		const { ayes, nays, abstentions } = fields(fields(fields(line).votes).votes);
		return { ...totalsOf(lines)[n], ayes: int(ayes), nays: int(nays), abstentions: int(abstentions) };
	});

/** Every ballot that was cast in a community on a proposal. */
async function ballotsOf(at: At, proposal: number, community: number): Promise<Ballot[]> {
	const entries = await at.query.dso.ballots.entries(proposal, community);
	return entries.map(([key, value]) => {
		const voter = variant(key.args[2] as unknown as Codec);
		const { side, power } = fields(some(value as unknown as Codec, 'ballot'));
		const chosen = optional(side);
		return {
			// The ballot of an item is its owner's; that of an account names the class.
			class: voter.name === 'Item' ? 'Owner' : String(items(voter.inner)[0]),
			side: chosen && (String(chosen) as Side),
			power: int(power),
		};
	});
}

/** Adds up the ballots of a poll, and checks that its totals are those that pallet-bonds has for the closed day. */
async function poll(at: At, proposal: number, community: number, lines: Codec | undefined, snap: bigint): Promise<ClassVotes[]> {
	const totals = totalsOf(lines);
	for (const row of totals) {
		const total = some(await at.call.bondsApi.classTotal(community, row.class, snap), `total of ${row.class}`);
		assert.equal(row.total, int(total), `power of class ${row.class} of community ${community} on day ${snap}`);
	}
	const counted = countBallots(totals, await ballotsOf(at, proposal, community));
	assert.deepEqual(counted, votesOf(lines), `the ballots of community ${community} on proposal ${proposal}`);
	return counted;
}

/** Communities whose members voted on a proposal, or whose AI was asked, in the order of their numbers. */
async function childrenOf(at: At, proposal: number): Promise<number[]> {
	const keys = [
		...(await at.query.dso.childPolls.keys(proposal)),
		...(await at.query.dso.decisions.keys(proposal)),
	];
	return [...new Set(keys.map((key) => Number(int(key.args[1] as unknown as Codec))))].sort((a, b) => a - b);
}

/** An AI's decision in parts: what its ballot job found, and 0 without any. */
async function decisionOf(at: At, proposal: number, child: number): Promise<bigint> {
	const stored = optional((await at.query.dso.decisions(proposal, child)) as unknown as Codec);
	if (!stored) return 0n;
	const { name, inner } = variant(stored);
	return name === 'Given' ? int(inner) : 0n;
}

/** Weight of an AI's seat at a snapshot, and who holds it. */
async function seatOf(chain: Chain, at: At, parent: number, child: number, snap: bigint) {
	const account = aiAccount(chain, child);
	const seat = optional((await at.query.dso.aiSeats(child)) as unknown as Codec);
	if (!seat) return { weight: 0n, controller: account };
	const { refreshed, controller } = fields(seat);
	const counts = isFresh(items(refreshed).map(int), snap);
	const power = optional(await at.call.bondsApi.powerOf(parent, 'Ai', account, snap));
	return {
		weight: counts && power ? int(power) : 0n,
		controller: optional(controller)?.toString() ?? account,
	};
}

/** Reads all that a recount of a proposal needs, at a block. `cap` is the controllers' cap, in billionths. */
export async function readCase(chain: Chain, proposal: number, hash: string, cap: bigint): Promise<Case> {
	const at = await chain.api.at(hash);
	const stored = fields(some((await at.query.dso.proposals(proposal)) as unknown as Codec, `proposal ${proposal}`));
	const [community, snap] = [Number(int(stored.community)), int(stored.snap)];
	const { rule, concurring, aiHouse } = fields(stored.question);
	const { approval, support, aiShare } = fields(rule);
	const classes = await poll(at, proposal, community, stored.lines, snap);
	const ais: AiStanding[] = [];
	for (const child of await childrenOf(at, proposal)) {
		const polled = fields(some((await at.query.dso.childPolls(proposal, child)) as unknown as Codec, `poll of ${child}`));
		ais.push({
			child,
			decision: await decisionOf(at, proposal, child),
			ownShare: int(polled.ownShare),
			participation: int(polled.participation),
			classes: await poll(at, proposal, child, polled.lines, snap),
			...(await seatOf(chain, at, community, child, snap)),
		});
	}
	const house = int(some(await at.call.bondsApi.classTotal(community, 'Ai', snap), 'total of the AI house'));
	const limit = PHASE_LIMIT[String(await at.call.dsoApi.phaseNow()) as Phase];
	const frozen = int(aiShare);
	const needed = optional(aiHouse);
	return {
		question: {
			approval: int(approval),
			support: int(support),
			aiShare: frozen < limit ? frozen : limit,
			concurring: int(concurring),
			aiHouse: needed && int(needed),
		},
		classes,
		ais,
		houseTotal: house,
		controllerCap: cap,
	};
}

/** The runtime's own count of a proposal. */
export interface Page {
	stage: string;
	tally: { ayes: bigint; nays: bigint; abstentions: bigint };
	human: bigint | undefined;
	house: { ayes: bigint; nays: bigint; abstentions: bigint; total: bigint };
	aiHouse: bigint | undefined;
	aiShare: bigint;
	approval: bigint | undefined;
	passes: boolean;
	/** What it lacks, by name. */
	missing: string[];
	ais: {
		child: number;
		weight: bigint;
		members: bigint;
		preference: bigint;
		settled: { decision: bigint; members: bigint; preference: bigint; weight: bigint } | undefined;
	}[];
}

/** Asks the runtime for its count, at a block. */
export async function readPage(chain: Chain, proposal: number, hash: string): Promise<Page> {
	const at = await chain.api.at(hash);
	const page = fields(some(await at.call.dsoApi.proposal(proposal), `proposal ${proposal}`));
	const number = (value: Codec | undefined) => {
		const found = optional(value);
		return found && int(found);
	};
	const [tally, ai] = [fields(page.tally), fields(fields(page.proposal).ai)];
	return {
		stage: variant(page.stage).name,
		tally: { ayes: int(tally.ayes), nays: int(tally.nays), abstentions: int(tally.abstentions) },
		human: number(page.human),
		house: { ayes: int(ai.ayes), nays: int(ai.nays), abstentions: int(ai.abstentions), total: int(ai.total) },
		aiHouse: number(page.aiHouse),
		aiShare: int(page.aiShare),
		approval: number(page.approval),
		passes: String(page.passes) === 'true',
		missing: items(page.missing).map((lack) => variant(lack).name),
		ais: items(page.ais).map((row) => {
			const { child, weight, members, preference, settled } = fields(row);
			const found = optional(settled);
			const as = found && fields(found);
			return {
				child: Number(int(child)),
				weight: int(weight),
				members: int(members),
				preference: int(preference),
				settled: as && {
					decision: int(as.decision),
					members: int(as.members),
					preference: int(as.preference),
					weight: int(as.weight),
				},
			};
		}),
	};
}

/** What `missing` of the runtime's page says first for a failure. Nobody's vote lacks support and approval. */
const LACKS: Record<Failure, string> = {
	NobodyVoted: 'Approval',
	Support: 'Support',
	Approval: 'Approval',
	AiHouse: 'AiHouse',
	Concurrence: 'Concurrence',
	Consent: 'Consent',
};

/** Checks that the runtime has counted what the recount has, to the last digit. Every AI must be settled. */
export function compare(counted: Count, page: Page): void {
	assert.deepEqual(page.tally, counted.tally, 'A, N and B');
	assert.equal(page.human, counted.human, 'r_H');
	assert.deepEqual(page.house, counted.house, 'the AI house');
	assert.equal(page.aiHouse, counted.aiHouse, 'r_I');
	assert.equal(page.aiShare, counted.aiShare, "κ'");
	assert.equal(page.approval, counted.approval, 'the approval');
	assert.equal(page.passes, counted.failure === undefined, `whether it passes (recount: ${counted.failure ?? 'it does'})`);
	if (counted.failure) assert.ok(page.missing.includes(LACKS[counted.failure]), `it lacks ${counted.failure}`);
	else assert.deepEqual(page.missing, [], 'what it lacks');
	assert.deepEqual(
		page.ais,
		counted.ais.map(({ child, weight, members, preference, decision, applied }) => ({
			child,
			weight,
			members,
			preference,
			settled: { decision, members, preference, weight: applied },
		})),
		'what each AI says',
	);
}
