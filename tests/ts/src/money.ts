// Who is paid what: the payees that the chain names in its events, the accounts behind them, and the sums that must fit.

import assert from 'node:assert/strict';
import type { Codec } from '@polkadot/types/types';
import { bnToU8a, stringToU8a, u8aConcat } from '@polkadot/util';
import { encodeAddress } from '@polkadot/util-crypto';
import { Chain, type ChainEvent, type Included, event, int } from './chain.js';

export type Pot = 'Shares' | 'Auton';

/** Where a part of a sum goes. */
export type Payee =
	| { kind: 'account'; account: string }
	| { kind: 'pot'; community: number; pot: Pot }
	| { kind: 'treasury'; community: number };

/** A part of a fee, a surcharge or a price, and whose it is. */
export interface Payment {
	/** What it is a part for: `operator`, `model`, `royalty`, … */
	part: string;
	payee: Payee;
	/** In planck. */
	amount: bigint;
}

/** Whoever shares what a character earns, in the order in which the chain names them. */
export const SHARERS = ['owner', 'investors', 'fans', 'platform', 'treasury'] as const;

/** A value of a Rust enum. */
interface Variant {
	type: string;
	inner: Codec;
}

/** Reads a payee of the chain. */
export function payee(value: Codec): Payee {
	const { type, inner } = value as unknown as Variant;
	switch (type) {
		case 'Account':
			return { kind: 'account', account: inner.toString() };
		case 'Pot': {
			const [community, pot] = inner as unknown as [Codec, Codec];
			return { kind: 'pot', community: Number(int(community)), pot: pot.toString() as Pot };
		}
		case 'Treasury':
			return { kind: 'treasury', community: Number(int(inner)) };
		default:
			throw new Error(`${value.toString()} is no payee`);
	}
}

/** A name that is the same for the same payee. */
export function nameOf(payee: Payee): string {
	switch (payee.kind) {
		case 'account':
			return payee.account;
		case 'pot':
			return `pot of ${payee.pot === 'Shares' ? 'shares' : 'AUTON'} of community ${payee.community}`;
		case 'treasury':
			return `treasury of community ${payee.community}`;
	}
}

export const total = (payments: readonly { amount: bigint }[]) => payments.reduce((sum, { amount }) => sum + amount, 0n);

/** What tells the accounts of a community from each other. */
const PURPOSE = { treasury: 1, Shares: 2, Auton: 3 } as const;

/** An account of a community, which nobody has a key to: derived here as the chain derives it. */
export function communityAccount(chain: Chain, community: number, purpose: keyof typeof PURPOSE): string {
	const pallet = (chain.api.consts.bonds.palletId as unknown as Codec).toU8a();
	return keyless(pallet, new Uint8Array([PURPOSE[purpose]]), littleEndian(community, 32));
}

/** The account that the market's fees and the platform's parts go to: the treasury of X. */
export const chainTreasury = () =>
	keyless(stringToU8a('aut/bond'), new Uint8Array([PURPOSE.treasury]), littleEndian(0, 32));

/** The account that FRAME derives of a pallet's identifier. */
export function keyless(...parts: Uint8Array[]): string {
	const account = new Uint8Array(32);
	account.set(u8aConcat(stringToU8a('modl'), ...parts));
	return encodeAddress(account, 42);
}

/** A whole number as SCALE has it: little-endian, of fixed width. */
export const littleEndian = (value: bigint | number, bitLength: 32 | 64) => bnToU8a(value, { bitLength, isLe: true });

/** What a job, which has just been submitted, can cost: all that it puts on hold. */
export interface Held {
	job: bigint;
	fee: bigint;
	auditReserve: bigint;
	deposit: bigint;
	/** What a character asks on top. */
	surcharge: bigint;
	/** All of it. */
	all: bigint;
}

/** What stands on hold for the job that a transaction has submitted. */
export function held(submitted: Included): Held {
	const { job, fee, auditReserve, deposit } = event(submitted, 'inference', 'JobSubmitted').data;
	const talked = submitted.events.find((e) => e.section === 'characters' && e.method === 'Talked');
	const [a, b, c] = [int(fee), int(auditReserve), int(deposit)];
	const surcharge = talked ? int(talked.data.surcharge) : 0n;
	return { job: int(job), fee: a, auditReserve: b, deposit: c, surcharge, all: a + b + c + surcharge };
}

/** The payments of a job's end, the burned part left out. */
export function payments(final: ChainEvent): Payment[] {
	const list = final.data.payments as unknown as { payee: Codec; part: Codec; amount: Codec }[];
	return list.map((row) => ({
		part: row.part.toString().toLowerCase(),
		payee: payee(row.payee),
		amount: int(row.amount),
	}));
}

/** How a character's part is divided, at a block. */
export async function charterShares(chain: Chain, character: number, hash: string): Promise<[Payee, bigint][]> {
	const at = await chain.api.at(hash);
	const terms = (await at.call.charactersApi.termsOf(character)) as unknown as { isSome: boolean; unwrap(): [Codec, Codec][] };
	assert.ok(terms.isSome, `there is no character ${character}`);
	return terms.unwrap().map(([who, share]) => [payee(who), int(share)]);
}

/** Who got the surcharge of a message or a picture. */
export async function surchargePayments(chain: Chain, settled: ChainEvent): Promise<Payment[]> {
	const shares = await charterShares(chain, Number(int(settled.data.character)), settled.hash);
	const paid = settled.data.paid as unknown as Record<(typeof SHARERS)[number], Codec>;
	const parts = SHARERS.map((sharer, index) => {
		const share = shares[index];
		assert.ok(share, `nobody is there for the part of ${sharer}`);
		return { part: 'surcharge', payee: share[0], amount: int(paid[sharer]) };
	});
	return parts.filter(({ amount }) => amount > 0n);
}

/** How a job was paid. */
export interface JobPaid {
	job: bigint;
	requester: string;
	payments: Payment[];
	burned: bigint;
	/** What it cost the requester, without the transaction: all payments and what was burned. */
	spent: bigint;
}

/** A job from its submission to its end, with what its requester had before: a node forgets old states. */
export interface Ended {
	requester: string;
	before: { free: bigint; held: bigint };
	submitted: Included;
	final: ChainEvent;
}

/** Waits for the end of the job that a transaction of `requester` has submitted. */
export async function ended(chain: Chain, requester: string, submitted: Included, patience?: number): Promise<Ended> {
	const before = await chain.balance(requester, submitted.parent);
	const { job } = held(submitted);
	return { requester, before, submitted, final: await chain.waitForFinal(job, submitted.block, patience) };
}

/**
 * Reads how a job was paid, and checks it to the planck: what was on hold is what was paid, burned and given back; the
 * requester, who has done nothing else since, has lost just that and the transaction's fee; and everybody has what the events
 * say.
 */
export async function jobPaid(chain: Chain, { requester, before, submitted, final }: Ended): Promise<JobPaid> {
	const on = held(submitted);
	assert.equal(int(final.data.job), on.job);
	const [burned, refunded] = [int(final.data.burned), int(final.data.refunded)];
	const settled = (await chain.eventsAt(final.block)).find(
		(e) => e.section === 'characters' && e.method === 'SurchargeSettled' && int(e.data.job) === on.job,
	);
	const surcharge = settled ? await surchargePayments(chain, settled) : [];
	assert.equal(total(surcharge), on.surcharge, `the surcharge of job ${on.job} is divided without a rest`);
	const paid = [...payments(final), ...surcharge];
	const spent = total(paid) + burned;
	assert.equal(spent + refunded, on.all, `what job ${on.job} had on hold is paid, burned or back`);
	const after = await chain.balance(requester, final.hash);
	assert.equal(before.free - after.free, spent + submitted.transactionFee, `what job ${on.job} cost its requester`);
	assert.equal(after.held, before.held, `nothing of job ${on.job} is still on hold`);
	await checkReceived(chain, final.block);
	return { job: on.job, requester, payments: paid, burned, spent };
}

/** The account that a payment has arrived at. What is for a pot that nobody has bonded into is the treasury's. */
function accountOf(chain: Chain, to: Payee, events: readonly ChainEvent[]): string {
	switch (to.kind) {
		case 'account':
			return to.account;
		case 'treasury':
			return communityAccount(chain, to.community, 'treasury');
		case 'pot': {
			const isEmpty = events.some(
				({ section, method, data }) =>
					section === 'bonds' &&
					method === 'RevenueToTreasury' &&
					Number(int(data.community)) === to.community &&
					data.pot?.toString() === to.pot,
			);
			return communityAccount(chain, to.community, isEmpty ? 'treasury' : to.pot);
		}
	}
}

/**
 * Checks that everybody whom a block's final jobs paid has just that much more than before it, whatever the events say of
 * it. The author's account is left out when it has got the fees of transactions besides.
 */
async function checkReceived(chain: Chain, block: number): Promise<void> {
	const events = await chain.eventsAt(block);
	const due = new Map<string, bigint>();
	const add = (account: string, amount: bigint) => due.set(account, (due.get(account) ?? 0n) + amount);
	let hasFees = false;
	for (const e of events) {
		const name = `${e.section}.${e.method}`;
		if (name === 'inference.JobFinalised') {
			for (const { payee, amount } of payments(e)) add(accountOf(chain, payee, events), amount);
		} else if (name === 'characters.SurchargeSettled') {
			for (const { payee, amount } of await surchargePayments(chain, e)) add(accountOf(chain, payee, events), amount);
		} else if (name === 'transactionPayment.TransactionFeePaid') {
			hasFees = true;
		}
	}
	if (hasFees) due.delete(chain.alice.address);
	const hash = (await chain.api.rpc.chain.getBlockHash(block)).toHex();
	const parent = (await chain.api.rpc.chain.getHeader(hash)).parentHash.toHex();
	for (const [account, amount] of due) {
		const [before, after] = [await chain.balance(account, parent), await chain.balance(account, hash)];
		assert.equal(after.free - before.free, amount, `what ${account} got in block ${block}`);
	}
}

/** How a price was divided. */
export interface PricePaid {
	payments: Payment[];
	price: bigint;
}

/** Reads how the price of a sale or a licence was divided, and checks that the parts make the price. `seller` gets what is left. */
export function pricePaid(sold: ChainEvent, seller: string): PricePaid {
	const split = sold.data.split as unknown as { royalties: [Codec, Codec][]; fee: Codec; proceeds: Codec };
	const price = int(sold.data.price);
	const all: Payment[] = [
		...split.royalties.map(([to, amount]) => ({ part: 'royalty', payee: payee(to), amount: int(amount) })),
		{ part: 'market', payee: { kind: 'account', account: chainTreasury() }, amount: int(split.fee) },
		{ part: 'seller', payee: { kind: 'account', account: seller }, amount: int(split.proceeds) },
	];
	assert.equal(total(all), price, 'the parts make the price');
	return { payments: all.filter(({ amount }) => amount > 0n), price };
}

/**
 * Checks that everybody but the seller and the buyer, whose deposits move too, has got its part of a price. The author's
 * account, which gets the transaction's fee, is left out.
 */
export async function checkRoyalties(
	chain: Chain,
	sold: Included,
	{ payments }: PricePaid,
	dealers: readonly string[],
): Promise<void> {
	const due = new Map<string, bigint>();
	for (const { payee, amount } of payments) {
		const account = accountOf(chain, payee, sold.events);
		if (account === chain.alice.address || dealers.includes(account)) continue;
		due.set(account, (due.get(account) ?? 0n) + amount);
	}
	for (const [account, amount] of due) {
		const [before, after] = [await chain.balance(account, sold.parent), await chain.balance(account, sold.hash)];
		assert.equal(after.free - before.free, amount, `what ${account} got of the price`);
	}
}
