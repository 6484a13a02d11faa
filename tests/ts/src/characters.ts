// Characters as an app makes them: a template, charters within it, talks, pictures, and the memory that anyone can work out.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KeyringPair } from '@polkadot/keyring/types';
import type { Codec } from '@polkadot/types/types';
import { hexToU8a, stringToU8a, u8aConcat, u8aToHex } from '@polkadot/util';
import { blake2AsU8a } from '@polkadot/util-crypto';
import { AUTON, Chain, SHARE, event, hex, int } from './chain.js';
import { bytes } from './inputs.js';
import { type Ended, ended, littleEndian } from './money.js';
import { network, store } from './network.js';

/** The whole of a character's part, in parts per million. */
export const WHOLE = 1_000_000;

const between = <T>(min: T, preset: T, max: T) => ({ min, default: preset, max });

/** Bounds for characters that talk and draw: who shares what they earn, how they talk, two fan tiers, a round. */
export function companion() {
	return {
		name: bytes('Companion'),
		split: {
			owner: between(0, 300_000, 600_000),
			investors: between(0, 250_000, 600_000),
			treasury: between(0, 200_000, WHOLE),
			fans: between(0, 200_000, 400_000),
			platform: between(50_000, 50_000, 50_000),
		},
		interaction: {
			maxMessageBytes: between(1, 128, 256),
			maxReplyTokens: between(1, 32, 64),
			temperatureCenti: between(0, 0, 100),
			pricePermille: between(1_000, 1_500, 3_000),
		},
		tiers: [
			{ name: bytes('Friend'), bonded: between(AUTON, 10n * AUTON, 1_000n * AUTON), spent: between(0n, 0n, 0n) },
			{ name: bytes('Patron'), bonded: between(AUTON, 100n * AUTON, 10_000n * AUTON), spent: between(0n, 0n, 0n) },
		],
		advancedFrom: between(0, 1, 1),
		// Prices are those of the smallest unit of a share: 1 AUTON a share by default.
		round: {
			supply: between(SHARE, 1_000n * SHARE, 1_000_000n * SHARE),
			price: between(0n, AUTON / SHARE, 1_000n * (AUTON / SHARE)),
			slope: between(0n, 0n, AUTON / SHARE),
			cap: between(SHARE, 1_000n * SHARE, 1_000_000n * SHARE),
			duration: between(1, 1_000, 1_000_000),
			promise: between(0, 200_000, 600_000),
		},
		dso: [],
	};
}

/** Shares of those who divide what a character earns, in parts per million; together {@link WHOLE}. */
export interface Split {
	owner: number;
	investors: number;
	treasury: number;
	fans: number;
	platform: number;
}

/** What a new character of the template chooses. */
export function charter(split: Partial<Split> = {}) {
	const all: Split = { owner: 300_000, investors: 250_000, treasury: 200_000, fans: 200_000, platform: 50_000, ...split };
	assert.equal(all.owner + all.investors + all.treasury + all.fans + all.platform, WHOLE, 'the shares of a split');
	return {
		split: all,
		interaction: { maxMessageBytes: 128, maxReplyTokens: 32, temperatureCenti: 0, pricePermille: 1_500 },
		tiers: [
			{ name: bytes('Friend'), bonded: 10n * AUTON, spent: 0n },
			{ name: bytes('Patron'), bonded: 100n * AUTON, spent: 0n },
		],
		advancedFrom: 1,
		dso: [],
	};
}

/** Makes the template of {@link companion}, or finds one of its name. */
export async function companionTemplate(chain: Chain): Promise<number> {
	const bounds = companion();
	const count = Number(int(await chain.api.query.characters.nextTemplateId()));
	for (let template = 0; template < count; template += 1) {
		const found = (await chain.api.call.charactersApi.template(template)) as unknown as {
			isSome: boolean;
			unwrap(): [Codec, { name: Codec }];
		};
		if (found.isSome && hex(found.unwrap()[1].name) === bounds.name) return template;
	}
	const made = await chain.sudo(chain.api.tx.characters.setTemplate(null, bounds));
	return Number(int(event(made, 'characters', 'TemplateSet').data.template));
}

/** Terms of an investment round. */
export interface Round {
	/** In the smallest unit of a share. */
	supply: bigint;
	/** Price of the first unit, in planck. */
	start: bigint;
	/** Rise over a million units, which are a share, in planck. */
	slope: bigint;
	/** Most of one account, in units. */
	cap: bigint;
	/** Blocks. */
	duration: number;
	/** Least share of the investors, in parts per million. */
	promise: number;
}

/** A character that was created. */
export interface Character {
	id: number;
	community: number;
	/** CID of its persona. */
	persona: string;
	/** The asset that is its shares. */
	shares: number | undefined;
	/** What the creation burned, in planck. */
	burned: bigint;
	/** What stays on hold for it, in planck. */
	deposit: bigint;
}

/** Stores a text with every operator, and gives its CID. */
export async function storeText(text: string): Promise<string> {
	const folder = mkdtempSync(join(tmpdir(), 'autonomy-text-'));
	try {
		const file = join(folder, 'text');
		writeFileSync(file, text);
		return await store(file);
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

/** What a character draws with, if it does, and what it talks with. */
interface Models {
	image: number | null;
	language: number;
}

const demoModels = (): Models => ({ image: network().shapes, language: network().keeper });

/** Creates a character of the template; without other models, one that talks with `keeper` and draws with `shapes`. */
export async function createCharacter(
	chain: Chain,
	owner: KeyringPair,
	name: string,
	persona: string,
	{ split = {} as Partial<Split>, round = undefined as Round | undefined, models = demoModels() } = {},
): Promise<Character> {
	const [template, cid] = [await companionTemplate(chain), await storeText(persona)];
	const terms = round && {
		supply: round.supply,
		price: round.slope === 0n ? { Fixed: { price: round.start } } : { Linear: { start: round.start, slope: round.slope } },
		cap: round.cap,
		duration: round.duration,
		promise: round.promise,
	};
	const details = {
		template,
		name: bytes(name),
		persona: cid,
		imageModel: models.image,
		languageModel: models.language,
		customisation: charter(split),
		round: terms ?? null,
	};
	const created = await chain.send(chain.api.tx.characters.create(details), owner);
	const { character, community, shares, burned, deposit } = event(created, 'characters', 'CharacterCreated').data;
	const asset = shares?.toString();
	return {
		id: Number(int(character)),
		community: Number(int(community)),
		persona: cid,
		shares: asset ? Number(asset) : undefined,
		burned: int(burned),
		deposit: int(deposit),
	};
}

/** Says something to a character and waits for the end of its reply. */
export async function talk(chain: Chain, who: KeyringPair, character: number, message: string): Promise<Ended> {
	const call = chain.api.tx.characters.talk(character, bytes(message), 10n * AUTON);
	return ended(chain, who.address, await chain.send(call, who));
}

/** Orders a picture, an animation, a sprite sheet or a tile of a character and waits for its end. */
export async function order(chain: Chain, who: KeyringPair, character: number, input: unknown): Promise<Ended> {
	const call = chain.api.tx.characters.order(character, input, 100n * AUTON);
	return ended(chain, who.address, await chain.send(call, who));
}

/** A character's memory: the head of the hash chain over its jobs, and how many are in it. */
export interface Memory {
	head: string;
	sequence: bigint;
}

/** The memory as the chain has it. */
export async function memoryAt(chain: Chain, character: number, hash?: string): Promise<Memory> {
	const { call } = hash ? await chain.api.at(hash) : chain.api;
	const memory = (await call.charactersApi.memoryAt(character)) as unknown as { head: Codec; sequence: Codec };
	return { head: hex(memory.head), sequence: int(memory.sequence) };
}

/** The memory of a character that has done nothing: H("AUTON/memory/0" ‖ u32 character). */
export function noMemory(character: number): Memory {
	const head = blake2AsU8a(u8aConcat(stringToU8a('AUTON/memory/0'), littleEndian(character, 32)));
	return { head: u8aToHex(head), sequence: 0n };
}

/** The memory after a job: H("AUTON/memory/1" ‖ memory ‖ u64 job ‖ result). */
export function remember({ head, sequence }: Memory, job: bigint, result: string): Memory {
	const parts = [stringToU8a('AUTON/memory/1'), hexToU8a(head), littleEndian(job, 64), hexToU8a(result)];
	return { head: u8aToHex(blake2AsU8a(u8aConcat(...parts))), sequence: sequence + 1n };
}
