// A client of the chain as an app built on polkadot.js has it: it signs, waits for events and reads, and nothing else.

import '@polkadot/api/augment';
import assert from 'node:assert/strict';
import { ApiPromise, Keyring, WsProvider } from '@polkadot/api';
import type { SubmittableExtrinsic } from '@polkadot/api/types';
import type { KeyringPair } from '@polkadot/keyring/types';
import type { Codec, ISubmittableResult } from '@polkadot/types/types';
import type { DispatchError, EventRecord } from '@polkadot/types/interfaces';

export const AUTON = 10n ** 12n;

/** One share of a model or a character, in its smallest unit. */
export const SHARE = 10n ** 6n;

/** Longest wait for one thing, in milliseconds: far above what a 2-core machine needs. */
export const PATIENCE = 240_000;

/** A dispatch that the chain refused, with the name of the error as polkadot.js Apps shows it: `inference.FeeAboveLimit`. */
export class DispatchFailure extends Error {
	readonly failure: string;
	/** What the error's documentation says about it, as polkadot.js Apps shows it. */
	readonly explanation: string;
	/** What the refused transaction cost, in planck. */
	readonly transactionFee: bigint;

	constructor(failure: string, explanation: string, transactionFee: bigint) {
		super(explanation ? `${failure}: ${explanation}` : failure);
		this.failure = failure;
		this.explanation = explanation;
		this.transactionFee = transactionFee;
	}
}

/** An event of one block. */
export interface ChainEvent {
	section: string;
	method: string;
	data: Record<string, Codec>;
	/** Number of the block. */
	block: number;
	/** Hash of the block. */
	hash: string;
}

/** What became of a transaction. */
export interface Included {
	events: ChainEvent[];
	/** Number of the block that has it. */
	block: number;
	/** Hash of that block. */
	hash: string;
	/** Hash of the block before it, to read the state as it was. */
	parent: string;
	/** What the signer paid for the transaction itself, in planck. */
	transactionFee: bigint;
}

function toEvent({ event }: EventRecord, block: number, hash: string): ChainEvent {
	const data: Record<string, Codec> = {};
	const names = event.data.names ?? [];
	event.data.forEach((value, index) => {
		data[names[index] ?? String(index)] = value;
	});
	return { section: event.section, method: event.method, data, block, hash };
}

/** The integer of a codec value: u8 to u128, or Compact of one. */
export function int(value: Codec | undefined): bigint {
	assert.ok(value, 'a number is missing');
	return BigInt(value.toString());
}

/** The hexadecimal digits of a codec value of bytes. */
export function hex(value: Codec | undefined): string {
	assert.ok(value, 'bytes are missing');
	return value.toHex();
}

/** Where the keys of these programs come from: each account is `//Alice//tests//<name>`. */
export const keyOf = (name: string) => `//Alice//tests//${name}`;

export class Chain {
	readonly api: ApiPromise;
	/** The connection, for methods that are not polkadot.js's own. */
	readonly provider: WsProvider;
	/** Who has the root key and registered the demo models; the block author of a development chain. */
	readonly alice: KeyringPair;
	private readonly keyring = new Keyring({ type: 'sr25519' });

	private constructor(api: ApiPromise, provider: WsProvider) {
		this.api = api;
		this.provider = provider;
		this.alice = this.keyring.addFromUri('//Alice');
	}

	/** Connects to the chain that the runner started, or that AUTONOMY_URL names. */
	static async connect(): Promise<Chain> {
		const url = process.env.AUTONOMY_URL;
		assert.ok(url, 'AUTONOMY_URL is not set: run `npm test`, which starts a chain, or name one of yours');
		const provider = new WsProvider(url);
		const api = await ApiPromise.create({ provider, noInitWarn: true, throwOnConnect: true });
		return new Chain(api, provider);
	}

	async disconnect(): Promise<void> {
		await this.api.disconnect();
	}

	/** An account of this test alone, with `amount` planck from Alice. Its name makes it the same on every run. */
	async fundedAccount(name: string, amount = 1_000n * AUTON): Promise<KeyringPair> {
		const account = this.account(name);
		await this.send(this.api.tx.balances.transferKeepAlive(account.address, amount), this.alice);
		return account;
	}

	/** An account as it is, with or without funds. */
	account(name: string): KeyringPair {
		return this.keyring.addFromUri(keyOf(name));
	}

	/** Has root do something, by the key of a development chain. What root is refused is thrown as a {@link DispatchFailure}. */
	async sudo(call: SubmittableExtrinsic<'promise'>): Promise<Included> {
		const done = await this.send(this.api.tx.sudo.sudo(call), this.alice);
		const result = event(done, 'sudo', 'Sudid').data.sudoResult as unknown as { isErr: boolean; asErr: DispatchError };
		if (result.isErr) throw this.failure(result.asErr, done.transactionFee);
		return done;
	}

	/** Signs, submits and waits for finality. A dispatch error is thrown as a {@link DispatchFailure}. */
	async send(tx: SubmittableExtrinsic<'promise'>, signer: KeyringPair): Promise<Included> {
		const result = await new Promise<ISubmittableResult>((resolve, reject) => {
			let unsubscribe: (() => void) | undefined;
			const done = (act: () => void) => {
				clearTimeout(timer);
				unsubscribe?.();
				act();
			};
			const timer = setTimeout(
				() => done(() => reject(new Error(`${tx.method.section}.${tx.method.method} was not finalised in time`))),
				PATIENCE,
			);
			tx.signAndSend(signer, { nonce: -1 }, (update) => {
				if (update.isFinalized) done(() => resolve(update));
				else if (update.isError) done(() => reject(new Error(`the pool dropped it: ${update.status.type}`)));
			}).then(
				(stop) => {
					unsubscribe = stop;
				},
				(error: unknown) => done(() => reject(error instanceof Error ? error : new Error(String(error)))),
			);
		});
		const hash = result.status.asFinalized.toHex();
		const header = await this.api.rpc.chain.getHeader(hash);
		const block = header.number.toNumber();
		const events = result.events.map((record) => toEvent(record, block, hash));
		const paid = events.find((e) => e.section === 'transactionPayment' && e.method === 'TransactionFeePaid');
		const transactionFee = paid ? int(paid.data.actualFee) : 0n;
		if (result.dispatchError) {
			throw this.failure(result.dispatchError, transactionFee);
		}
		return { events, block, hash, parent: header.parentHash.toHex(), transactionFee };
	}

	private failure(error: DispatchError, transactionFee: bigint): DispatchFailure {
		if (!error.isModule) return new DispatchFailure(error.toString(), '', transactionFee);
		const { section, name, docs } = this.api.registry.findMetaError(error.asModule);
		return new DispatchFailure(`${section}.${name}`, docs.join(' ').trim(), transactionFee);
	}

	/** The events of a block. */
	async eventsAt(block: number): Promise<ChainEvent[]> {
		const hash = (await this.api.rpc.chain.getBlockHash(block)).toHex();
		const at = await this.api.at(hash);
		const records = (await at.query.system.events()) as unknown as EventRecord[];
		return records.map((record) => toEvent(record, block, hash));
	}

	/** The first event from block `from` on that `matches`, waiting for blocks as they are finalised. */
	async waitForEvent(
		from: number,
		what: string,
		matches: (event: ChainEvent) => boolean,
		patience = PATIENCE,
	): Promise<ChainEvent> {
		let next = from;
		const scan = async (upTo: number): Promise<ChainEvent | undefined> => {
			while (next <= upTo) {
				const found = (await this.eventsAt(next)).find(matches);
				if (found) return found;
				next += 1;
			}
			return undefined;
		};
		return new Promise<ChainEvent>((resolve, reject) => {
			let busy = false;
			let unsubscribe: (() => void) | undefined;
			const done = (act: () => void) => {
				clearTimeout(timer);
				unsubscribe?.();
				act();
			};
			const timer = setTimeout(
				() => done(() => reject(new Error(`no ${what} from block ${from} to ${next}`))),
				patience,
			);
			this.api.rpc.chain
				.subscribeFinalizedHeads((head) => {
					if (busy) return; // the scan in progress leaves `next` where the following head goes on
					busy = true;
					scan(head.number.toNumber()).then(
						(found) => {
							busy = false;
							if (found) done(() => resolve(found));
						},
						(error: Error) => done(() => reject(error)),
					);
				})
				.then(
					(stop) => {
						unsubscribe = stop;
					},
					(error: Error) => done(() => reject(error)),
				);
		});
	}

	/** The end of a job: `JobFinalised`; any other end is an error that says which. */
	async waitForFinal(job: bigint, from: number, patience = PATIENCE): Promise<ChainEvent> {
		const ends = ['JobFinalised', 'JobFailed', 'JobCancelled'];
		const end = await this.waitForEvent(
			from,
			`end of job ${job}`,
			(e) => e.section === 'inference' && ends.includes(e.method) && int(e.data.job) === job,
			patience,
		);
		assert.equal(end.method, 'JobFinalised', `job ${job} ended as ${end.method}: ${JSON.stringify(end.data)}`);
		return end;
	}

	/** Free and held planck of an account, at a block. */
	async balance(address: string, hash: string): Promise<{ free: bigint; held: bigint }> {
		const at = await this.api.at(hash);
		const account = (await at.query.system.account(address)) as unknown as { data: { free: Codec; reserved: Codec } };
		return { free: int(account.data.free), held: int(account.data.reserved) };
	}

	/** Sends what the chain must refuse with this error, and returns how it did. What it says about it must not be empty. */
	async refuses(failure: string, tx: SubmittableExtrinsic<'promise'>, signer: KeyringPair): Promise<DispatchFailure> {
		const found = await refused(this.send(tx, signer));
		assert.equal(found.failure, failure, found.message);
		assert.notEqual(found.explanation, '', `${failure} says what to do`);
		return found;
	}

	/** Waits until something holds, which is asked again with every finalised block. */
	async until(what: string, holds: () => Promise<boolean>, patience = PATIENCE): Promise<void> {
		if (await holds()) return;
		await new Promise<void>((resolve, reject) => {
			let busy = false;
			let unsubscribe: (() => void) | undefined;
			const done = (act: () => void) => {
				clearTimeout(timer);
				unsubscribe?.();
				act();
			};
			const timer = setTimeout(() => done(() => reject(new Error(`${what} did not come about in time`))), patience);
			this.api.rpc.chain
				.subscribeFinalizedHeads(() => {
					if (busy) return;
					busy = true;
					holds().then(
						(does) => {
							busy = false;
							if (does) done(resolve);
						},
						(error: Error) => done(() => reject(error)),
					);
				})
				.then(
					(stop) => {
						unsubscribe = stop;
					},
					(error: Error) => done(() => reject(error)),
				);
		});
	}

	/** Hash of the newest finalised block. */
	async finalised(): Promise<string> {
		return (await this.api.rpc.chain.getFinalizedHead()).toHex();
	}
}

/** The event of a transaction, which must be there. */
export function event(included: Included, section: string, method: string): ChainEvent {
	const found = included.events.find((e) => e.section === section && e.method === method);
	const seen = included.events.map((e) => `${e.section}.${e.method}`).join(', ');
	assert.ok(found, `no ${section}.${method} among ${seen}`);
	return found;
}

/** Runs an action that the chain must refuse, and returns how it refused. */
export async function refused(action: Promise<unknown>): Promise<DispatchFailure> {
	try {
		await action;
	} catch (error) {
		if (error instanceof DispatchFailure) return error;
		throw error;
	}
	throw new assert.AssertionError({ message: 'the chain took what it must refuse' });
}
