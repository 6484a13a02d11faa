// An artist has a work made, mints it and sells it; whoever sells it on pays the artist and the model again.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { KeyringPair } from '@polkadot/keyring/types';
import type { Codec } from '@polkadot/types/types';
import { u8aConcat, u8aToHex, u8aToString } from '@polkadot/util';
import { AUTON, Chain, type ChainEvent, type Included, event, int, refused } from './chain.js';
import { text } from './inputs.js';
import { network, verify } from './network.js';

/** What the artist asks of each sale, in parts per million. */
const CREATOR_SHARE = 100_000;
const PRICE = 10n * AUTON;

let chain: Chain;
let artist: KeyringPair;
let collector: KeyringPair;
let gallery: KeyringPair;
let collection: bigint;
let item: bigint;

/** The output of a job of its own: the seed is the chain's. */
async function work(): Promise<bigint> {
	const submitted = await chain.send(
		chain.api.tx.inference.submitJob(network().keeper, text(), 1, null, 'Chain', AUTON),
		artist,
	);
	const job = int(event(submitted, 'inference', 'JobSubmitted').data.job);
	await chain.waitForFinal(job, submitted.block);
	return job;
}

async function owner(): Promise<string> {
	const answer = (await chain.api.query.nfts.item(collection, item)) as unknown as {
		isSome: boolean;
		unwrap(): { owner: Codec };
	};
	assert.ok(answer.isSome, 'the work is an item of pallet-nfts');
	return answer.unwrap().owner.toString();
}

/** Puts the work up for sale and sells it. */
async function sell(seller: KeyringPair, buyer: KeyringPair, price: bigint): Promise<Included> {
	const listed = await chain.send(chain.api.tx.market.list(collection, item, price, null), seller);
	const listing = int(event(listed, 'market', 'Listed').data.listing);
	return chain.send(chain.api.tx.market.buy(listing, price), buyer);
}

/** Who is paid a part of a price: an account, the bonded holders of a community, or its treasury. */
type Payee = Codec & { isAccount: boolean; asAccount: Codec };

/** What each payee got of a sale: accounts by address, communities as JSON. */
function shares(sold: ChainEvent): { royalties: Map<string, bigint>; fee: bigint; proceeds: bigint } {
	const split = sold.data.split as unknown as { royalties: [Payee, Codec][]; fee: Codec; proceeds: Codec };
	const name = (payee: Payee) => (payee.isAccount ? payee.asAccount : payee).toString();
	const royalties = new Map(split.royalties.map(([payee, amount]) => [name(payee), int(amount)]));
	return { royalties, fee: int(split.fee), proceeds: int(split.proceeds) };
}

before(async () => {
	chain = await Chain.connect();
	artist = await chain.fundedAccount('artist');
	collector = await chain.fundedAccount('collector');
	gallery = await chain.fundedAccount('gallery');
	const job = await work();
	const minted = await chain.send(
		chain.api.tx.creations.mint(job, null, 'The lighthouse at night', CREATOR_SHARE),
		artist,
	);
	({ collection, item } = (() => {
		const { data } = event(minted, 'creations', 'Minted');
		return { collection: int(data.collection), item: int(data.item) };
	})());
});
after(() => chain.disconnect());

test('work_should_say_what_it_is_when_a_gallery_asks', async () => {
	assert.equal(await owner(), artist.address);
	// By state_call: @polkadot/api 16.5.6 takes the answer's own bytes for those of its `Option<Bytes>`.
	const { registry } = chain.api;
	const key = [collection, item].map((n) => registry.createType('u32', n).toU8a());
	const answer = await chain.api.rpc.state.call('CreationsApi_metadata_json', u8aToHex(u8aConcat(...key)));
	const bytes = registry.createType('Option<Bytes>', answer.toU8a(true).slice());
	const json = JSON.parse(u8aToString(bytes.unwrap().toU8a(true))) as Record<string, unknown>;
	assert.equal(json.name, 'The lighthouse at night');
	const attributes = json.attributes as { trait_type: string; value: string }[];
	const job = attributes.find((attribute) => attribute.trait_type === 'job')?.value;
	assert.ok(job, JSON.stringify(json));
	// From the NFT alone to the same bytes.
	assert.ok((await verify(`${collection}/${item}`)).includes(`verified job ${job}`));
});

test('work_should_be_minted_once_when_its_job_is_final', async () => {
	const minted = (await chain.api.query.creations.creations(collection, item)) as unknown as { unwrap(): { job: Codec } };
	const again = chain.api.tx.creations.mint(int(minted.unwrap().job), null, 'Once more', 0);
	assert.equal((await refused(chain.send(again, artist))).failure, 'creations.JobMinted');
	assert.equal((await refused(chain.send(again, collector))).failure, 'creations.NotRequester');
});

test('work_should_stay_where_it_is_when_it_is_on_sale', async () => {
	const listed = await chain.send(chain.api.tx.market.list(collection, item, PRICE, null), artist);
	const gift = chain.api.tx.nfts.transfer(collection, item, collector.address);
	assert.equal((await refused(chain.send(gift, artist))).failure, 'nfts.ItemLocked');
	const listing = int(event(listed, 'market', 'Listed').data.listing);
	const cheap = chain.api.tx.market.buy(listing, PRICE - 1n);
	assert.equal((await refused(chain.send(cheap, collector))).failure, 'market.PriceAboveLimit');
	await chain.send(chain.api.tx.market.cancelListing(listing), artist);
	// The sale without royalties that pallet-nfts has by itself is switched off.
	const aside = chain.api.tx.nfts.setPrice(collection, item, PRICE, null);
	assert.equal((await refused(chain.send(aside, artist))).failure, 'nfts.MethodDisabled');
});

test('artist_and_model_should_be_paid_when_the_work_is_sold_and_sold_on', async () => {
	const model = (await chain.api.call.modelsApi.owner(network().keeper)).toString();
	const first = shares(event(await sell(artist, gallery, PRICE), 'market', 'Sold'));
	assert.equal(await owner(), gallery.address);
	assert.equal(first.fee, PRICE / 50n, 'two per cent are the market’s');
	assert.equal(first.royalties.get(model), PRICE / 20n, 'five per cent are the model’s');

	const before = (await chain.balance(artist.address, await chain.finalised())).free;
	const resold = await sell(gallery, collector, 2n * PRICE);
	const second = shares(event(resold, 'market', 'Sold'));
	assert.equal(await owner(), collector.address);
	assert.equal(second.royalties.get(artist.address), (2n * PRICE) / 10n);
	const paid = [...second.royalties.values()].reduce((sum, amount) => sum + amount, second.fee + second.proceeds);
	assert.equal(paid, 2n * PRICE, 'the parts make the price');
	assert.equal((await chain.balance(artist.address, resold.hash)).free - before, PRICE / 5n);
});
