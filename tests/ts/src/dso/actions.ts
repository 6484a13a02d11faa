// What people do in a community: proposing, voting, closing, executing; and what the chain says of it. Names of actions and
// fields are the chain's own.

import assert from 'node:assert/strict';
import type { SubmittableExtrinsic } from '@polkadot/api/types';
import type { KeyringPair } from '@polkadot/keyring/types';
import type { Codec } from '@polkadot/types/types';
import { Chain, DispatchFailure, type Included, event, int } from '../chain.js';
import { bytes } from '../inputs.js';
import { fields, items, optional, some, variant } from './codec.js';

/** The X Community. */
export const X = 0;

/** A character, or a model, that a community is of. */
export type Anchor = { Character: number } | { Model: number };

export type Side = 'Aye' | 'Nay' | 'Abstain';

/** As what somebody votes. */
export type Capacity = { Holder: Anchor } | { Member: 'Investor' | 'Fan' | 'Contributor' | 'Token' };

export type Phase = 'One' | 'Two' | 'Three' | 'Four';

export type Track = 'Templates' | 'Interaction' | 'Economic' | 'Models' | 'Data';

/** A call that was noted as a preimage. */
export interface Noted {
	hash: string;
	len: number;
}

// polkadot.js reads a field of this name as `hash_`, because every value has a hash of its own.
const preimage = ({ hash, len }: Noted) => ({ hash, hash_: hash, len });

/** What proposals do. */
export const action = {
	signal: 'Signal',
	setCharter: (values: readonly (readonly [string, number])[]) => ({ SetCharter: values }),
	spend: (to: string, amount: bigint) => ({ Spend: { asset: null, to, amount } }),
	grantBadge: (who: string, points: number) => ({ GrantBadge: { who, points } }),
	voteReferendum: (referendum: number, aye: boolean, balance: bigint, conviction: number) => ({
		Character: { VoteReferendum: { referendum, aye, balance, conviction } },
	}),
	acceptVersion: (proposal: number) => ({ Model: { AcceptVersion: proposal } }),
	openSource: { Model: 'OpenSource' },
	dispatch: (track: Track, call: Noted) => ({ Dispatch: { track, ...preimage(call) } }),
	motion: (call: Noted) => ({ Motion: { dual: false, ...preimage(call) } }),
} as const;

/** A proposal that was submitted. */
export interface Submitted {
	id: number;
	community: number;
	/** In planck. */
	deposit: bigint;
	/** The closed day that power is taken from. */
	snap: number;
	times: Times;
}

/** The blocks of a voting period. */
export interface Times {
	/** First block in which ballots are taken. */
	start: number;
	/** From here on AIs are settled. */
	cutOff: number;
	/** First block in which no ballot is taken. */
	end: number;
}

/** The blocks of a period without extensions, as `Voting` of autonomy-governance counts them. */
function timesOf(voting: Codec | undefined): Times {
	const { start, length } = fields(voting);
	const [from, blocks] = [Number(int(start)), Number(int(length))];
	return { start: from, cutOff: from + Math.floor((blocks * 70) / 100), end: from + blocks };
}

/** The call that proposes something. */
export const submission = (chain: Chain, community: number, what: unknown, prose = '') =>
	chain.api.tx.dso.submit(community, what, bytes(prose));

/** Proposes something. */
export async function submit(
	chain: Chain,
	who: KeyringPair,
	community: number,
	what: unknown,
	prose = '',
): Promise<Submitted> {
	const done = await chain.send(submission(chain, community, what, prose), who);
	const { proposal, deposit, snap, voting } = event(done, 'dso', 'Submitted').data;
	return { id: Number(int(proposal)), community, deposit: int(deposit), snap: Number(int(snap)), times: timesOf(voting) };
}

/** Somebody's ballot. */
export interface Vote {
	who: KeyringPair;
	as: Capacity;
	side: Side;
}

/** Casts ballots on a proposal, all at once. */
export const vote = (chain: Chain, { id }: Submitted, votes: readonly Vote[]): Promise<Included[]> =>
	Promise.all(votes.map(({ who, as, side }) => chain.send(chain.api.tx.dso.vote(id, as, side), who)));

/** Casts ballots of a community below on a proposal of the one above, all at once. */
export const voteChild = (chain: Chain, { id }: Submitted, child: number, votes: readonly Vote[]): Promise<Included[]> =>
	Promise.all(votes.map(({ who, as, side }) => chain.send(chain.api.tx.dso.voteChild(id, child, as, side), who)));

/** What a close has come to. */
export interface Closed {
	/** The block that has it. */
	included: Included;
	/** Approved, or what it failed of. */
	result: { approval: bigint; from: number; expires: number } | { failure: string };
	/** Whether the deposit was burned; nothing when it stays on hold. */
	burned: boolean | undefined;
}

/** Has a proposal counted whose voting is over. */
export async function close(chain: Chain, who: KeyringPair, { id }: Submitted): Promise<Closed> {
	const included = await chain.send(chain.api.tx.dso.close(id), who);
	const of = (method: string) => included.events.find((e) => e.section === 'dso' && e.method === method)?.data;
	const [approved, rejected, settled] = [of('Approved'), of('Rejected'), of('DepositSettled')];
	const burned = settled ? settled.burned?.toString() === 'true' : undefined;
	if (approved) {
		const { approval, from, expires } = approved;
		return { included, burned, result: { approval: int(approval), from: Number(int(from)), expires: Number(int(expires)) } };
	}
	assert.ok(rejected, `closing ${id} has neither approved nor rejected it`);
	return { included, burned, result: { failure: String(rejected.failure) } };
}

/** The result of a close that must have approved. */
export function approved({ result }: Closed): { approval: bigint; from: number; expires: number } {
	if ('failure' in result) throw new Error(`the proposal has not passed: ${result.failure}`);
	return result;
}

/** Most that a call of X may weigh here. */
const WEIGHT = { refTime: 20_000_000_000n, proofSize: 2_000_000n };
const NO_WEIGHT = { refTime: 0, proofSize: 0 };

/** Does what was approved. `isCall` when it dispatches a call of X. */
export const execution = (chain: Chain, { id }: Submitted, isCall = false) =>
	chain.api.tx.dso.execute(id, isCall ? WEIGHT : NO_WEIGHT);

/** Counts the AIs of these communities. Whatever a block had time for has been counted before: that is no failure. */
export async function settle(chain: Chain, who: KeyringPair, { id }: Submitted, children: readonly number[]): Promise<void> {
	try {
		await chain.send(chain.api.tx.dso.settleAi(id, children), who);
	} catch (error) {
		if (!(error instanceof DispatchFailure && error.failure === 'dso.NothingToSettle')) throw error;
	}
	const polls = await Promise.all(children.map((child) => chain.api.query.dso.childPolls(id, child)));
	polls.forEach((poll, n) => {
		const { settled } = fields(some(poll as unknown as Codec, `poll of community ${children[n]}`));
		assert.ok(optional(settled), `the AI of community ${children[n]} is not settled on proposal ${id}`);
	});
}

/** Notes a call as a preimage, so that it can be decided on by its hash. It may be there already. */
export async function note(chain: Chain, who: KeyringPair, call: SubmittableExtrinsic<'promise'>): Promise<Noted> {
	const encoded = call.method.toHex();
	try {
		await chain.send(chain.api.tx.preimage.notePreimage(encoded), who);
	} catch (error) {
		if (!(error instanceof DispatchFailure && error.failure === 'preimage.AlreadyNoted')) throw error;
	}
	return { hash: call.method.hash.toHex(), len: encoded.length / 2 - 1 };
}

/** The phase in force. */
export const phase = async (chain: Chain) => String(await chain.api.call.dsoApi.phaseNow()) as Phase;

/** The charter in force, field by field. */
export async function charterOf(chain: Chain, community: number): Promise<Map<string, number>> {
	const charter = some((await chain.api.call.dsoApi.charter(community)) as unknown as Codec, `community ${community}`);
	const names = fieldNames(chain);
	const values = items(charter).map((value) => Number(int(value)));
	assert.equal(values.length, names.length, 'a charter has a value for every field');
	return new Map(names.map((name, n) => [name, values[n]]));
}

/** The names of a charter's fields, in their order, as the metadata has them. */
function fieldNames(chain: Chain): string[] {
	const { lookup } = chain.api.registry;
	const type = lookup.types.find(({ type }) => type.path.map(String).join('::') === 'pallet_dso::types::Field');
	assert.ok(type, 'the metadata has no type of charter fields');
	return type.type.def.asVariant.variants.map(({ name }) => name.toString());
}

// --- numbers that governance changes without an upgrade ---

/** The group of a parameter, as the metadata has it: `Inference` for `Tiers`. */
function groupOf(chain: Chain, name: string): string {
	const { lookup } = chain.api.registry;
	const groups = lookup.types.find(({ type }) => type.path.at(-1)?.toString() === 'RuntimeParameters');
	assert.ok(groups, 'the runtime has no parameters');
	for (const group of groups.type.def.asVariant.variants) {
		const field = group.fields.at(0);
		if (!field) continue;
		const { def } = lookup.getSiType(field.type);
		if (def.isVariant && def.asVariant.variants.some((of) => of.name.toString() === name)) return group.name.toString();
	}
	throw new Error(`the runtime has no parameter ${name}`);
}

/** The call that sets a parameter. */
export function setParameter(chain: Chain, name: string, value: unknown): SubmittableExtrinsic<'promise'> {
	const { setParameter: call } = chain.api.tx.parameters as unknown as Record<
		string,
		(what: unknown) => SubmittableExtrinsic<'promise'>
	>;
	return call({ [groupOf(chain, name)]: { [name]: [null, value] } });
}

/** A parameter that somebody has set; nothing where it is still what the runtime begins with. */
export async function parameter(chain: Chain, name: string): Promise<Codec | undefined> {
	const { parameters } = chain.api.query.parameters as unknown as Record<string, (key: unknown) => Promise<Codec>>;
	const stored = optional(await parameters({ [groupOf(chain, name)]: { [name]: null } }));
	return stored && variant(variant(stored).inner).inner;
}

/** A parameter that is one number; `otherwise` where it is still what the runtime begins with. */
export async function numberOf(chain: Chain, name: string, otherwise: bigint): Promise<bigint> {
	const stored = await parameter(chain, name);
	return stored ? int(stored) : otherwise;
}
