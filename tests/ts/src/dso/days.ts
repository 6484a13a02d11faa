// The clock of a development chain. It makes a block every second by itself, which is the pace of jobs, and besides on the RPC
// call `engine_createBlock`, as fast as the machine can: that is how governance days pass here. Days never pass while a job is
// under way, because its operators need real time for it.

import assert from 'node:assert/strict';
import type { Codec } from '@polkadot/types/types';
import { Chain, PATIENCE, int } from '../chain.js';
import { network } from '../network.js';

/** Blocks that are made before they are made final together. */
const BATCH = 16;
/** Blocks after which it is asked again whether what is waited for has come about. */
const LOOK = 10;

/** Number of the newest finalised block. */
async function finalised(chain: Chain): Promise<number> {
	return (await chain.api.rpc.chain.getHeader(await chain.finalised())).number.toNumber();
}

export class Clock {
	private constructor(
		private readonly chain: Chain,
		/** Blocks of a governance day. */
		readonly day: number,
	) {}

	/** The clock of a chain; how long its days are, genesis has said. */
	static async of(chain: Chain): Promise<Clock> {
		const stored = (await chain.api.query.bonds.dayLength()) as unknown as { isSome: boolean; unwrap(): Codec };
		const day = stored.isSome ? stored.unwrap() : (chain.api.consts.bonds.blocksPerDay as unknown as Codec);
		return new Clock(chain, Number(int(day)));
	}

	/** The newest finalised block. */
	now(): Promise<number> {
		return finalised(this.chain);
	}

	/** The present governance day. */
	async today(): Promise<number> {
		return Number(int(await this.chain.api.call.bondsApi.today()));
	}

	/** Lets the chain come to a block. */
	async passTo(block: number): Promise<void> {
		if ((await this.now()) >= block) return;
		await this.quiet();
		const behind = block - (await this.now());
		if (behind > 0) await this.make(behind);
		await this.chain.waitForEvent(block, `block ${block}`, () => true);
		await this.seen();
	}

	/** Lets days pass, to the first block of one. */
	async passDays(days: number): Promise<void> {
		await this.passToDay((await this.today()) + days);
	}

	/** Lets days pass, to the first block of that one. */
	passToDay(day: number): Promise<void> {
		return this.passTo(day * this.day);
	}

	/** Lets blocks pass until something holds, `days` at most. */
	async passUntil(what: string, days: number, holds: () => Promise<boolean>): Promise<void> {
		const end = (await this.now()) + days * this.day;
		while (!(await holds())) {
			const now = await this.now();
			assert.ok(now < end, `${what} did not come about in ${days} days`);
			await this.passTo(Math.min(now + LOOK, end));
		}
	}

	/** Waits, at the chain's own pace, until no job is under way. */
	quiet(): Promise<void> {
		const isQuiet = async () => (await this.chain.api.query.inference.jobs.keys()).length === 0;
		return this.chain.until('the end of all jobs', isQuiet, 2 * PATIENCE);
	}

	/** Waits until every operator has seen what has passed. */
	private async seen(): Promise<void> {
		const at = await this.now();
		const head = async (url: string) => {
			const summary = (await (await fetch(`${url}/api/v1/summary`)).json()) as { head: number | null };
			return summary.head ?? 0;
		};
		const haveSeen = async () => (await Promise.all(network().operators.map(({ url }) => head(url)))).every((n) => n >= at);
		await this.chain.until(`block ${at} at every operator`, haveSeen);
	}

	/** Makes blocks, and has them made final. */
	private async make(count: number): Promise<void> {
		for (let made = 1; made <= count; made += 1) {
			const { hash } = await this.chain.provider.send<{ hash: string }>('engine_createBlock', [true, false, null]);
			if (made % BATCH > 0 && made < count) continue;
			// The chain's own block may have been made final on top of this one before it: then this one is final too.
			await this.chain.provider.send('engine_finalizeBlock', [hash, null]).catch(() => undefined);
		}
	}
}
