// A game studio buys a licence to a picture model, orders a sprite sheet for its game, and checks what it has got.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { KeyringPair } from '@polkadot/keyring/types';
import type { Codec } from '@polkadot/types/types';
import { AUTON, Chain, event, hex, int, refused } from './chain.js';
import { seed, spriteSheet } from './inputs.js';
import { chainTreasury, checkRoyalties, ended, jobPaid, nameOf, pricePaid, total } from './money.js';
import { download, network, verify } from './network.js';
import { type Png, readPng } from './png.js';

/** Price of a licence for one period. */
const PRICE = 25n * AUTON;
/** Blocks of a period, more than the test takes. */
const PERIOD = 5_000;
const CELLS = ['a red star', 'a green heart', 'a blue ring', 'a yellow circle'];
const COLUMNS = 2;
const CELL = 64;

let chain: Chain;
let studio: KeyringPair;
let stranger: KeyringPair;

/** Whether licences to the model are sold, so that not everybody may use it. */
const isLicensed = async () => (await chain.api.call.marketApi.requiresLicence(network().shapes)).toString() === 'true';

const may = async (who: KeyringPair) =>
	(await chain.api.call.marketApi.hasLicence(network().shapes, who.address)).toString() === 'true';

/** Ends the sale of licences, so that the model is everybody's again, as the other tests have it. */
const withdraw = () => chain.send(chain.api.tx.market.setLicenceTerms(network().shapes, null), chain.alice);

const sprites = () =>
	chain.api.tx.inference.submitJob(
		network().shapes,
		spriteSheet({ cells: CELLS, columns: COLUMNS, width: CELL, height: CELL, steps: 12, guidanceCenti: 150 }),
		3,
		null,
		seed(21),
		50n * AUTON,
	);

before(async () => {
	chain = await Chain.connect();
	studio = await chain.fundedAccount('studio');
	stranger = await chain.fundedAccount('stranger');
	const terms = { perPeriod: PRICE, period: PERIOD, perpetual: null };
	await chain.send(chain.api.tx.market.setLicenceTerms(network().shapes, terms), chain.alice);
});
after(async () => {
	if (await isLicensed()) await withdraw();
	await chain.disconnect();
});

test('job_should_be_refused_when_the_model_is_licensed_and_the_requester_is_not', async () => {
	assert.ok(await isLicensed());
	assert.equal(await may(stranger), false);
	const { failure, explanation } = await refused(chain.send(sprites(), stranger));
	assert.equal(failure, 'inference.LicenceMissing');
	assert.match(explanation, /market\.buyLicence/, 'the error says what to do');
});

test('price_of_a_licence_should_be_divided_to_the_planck_when_the_studio_buys_it', async () => {
	const { shapes } = network();
	const owner = (await chain.api.call.modelsApi.owner(shapes)).toString();
	const cheap = chain.api.tx.market.buyLicence(shapes, 'Period', PRICE - 1n);
	assert.equal((await refused(chain.send(cheap, studio))).failure, 'market.PriceAboveLimit');
	const before = await chain.balance(studio.address, await chain.finalised());
	const bought = await chain.send(chain.api.tx.market.buyLicence(shapes, 'Period', PRICE), studio);
	const licence = event(bought, 'market', 'LicenceBought');
	assert.equal(int(licence.data.until), BigInt(bought.block + PERIOD), 'it holds for one period');

	const paid = pricePaid(licence, owner);
	assert.equal(paid.price, PRICE);
	const fee = paid.payments.filter(({ part }) => part === 'market');
	assert.deepEqual(fee.map(({ payee, amount }) => [nameOf(payee), amount]), [[chainTreasury(), PRICE / 50n]]);
	assert.equal(total(paid.payments) - total(fee), (PRICE * 49n) / 50n, 'all but the market’s two per cent is for the model');
	await checkRoyalties(chain, bought, paid, [studio.address]);
	const after = await chain.balance(studio.address, bought.hash);
	const deposit = after.held - before.held;
	assert.equal(before.free - after.free, PRICE + deposit + bought.transactionFee, 'price, deposit and transaction, nothing else');
	assert.ok(await may(studio));
});

/** The opacity of each pixel of a cell. */
function opacity({ width, pixels }: Png, cell: number): number[] {
	const [left, top] = [(cell % COLUMNS) * CELL, Math.floor(cell / COLUMNS) * CELL];
	return Array.from({ length: CELL * CELL }, (_, n) => pixels[4 * ((top + Math.floor(n / CELL)) * width + left + (n % CELL)) + 3]);
}

test('sprite_sheet_should_be_a_transparent_png_that_anybody_can_verify_when_the_studio_orders_it', async () => {
	const end = await ended(chain, studio.address, await chain.send(sprites(), studio));
	await jobPaid(chain, end);
	const { final } = end;
	const sheet = readPng(await download(hex(final.data.artifact)));
	const { width, height, channels, pixels } = sheet;
	assert.deepEqual([width, height, channels], [COLUMNS * CELL, (CELLS.length / COLUMNS) * CELL, 4]);
	for (let at = 0; at < pixels.length; at += 4) {
		const pixel = pixels.subarray(at, at + 4);
		assert.ok(pixel[3] === 255 || pixel.every((value) => value === 0), 'a pixel is opaque, or nothing at all');
	}
	for (const [cell, what] of CELLS.entries()) {
		const seen = opacity(sheet, cell).filter((value) => value === 255).length;
		assert.ok(seen > 0, `${what} can be seen`);
		assert.ok(seen < CELL * CELL, `${what} has lost its background`);
	}
	const job = int(final.data.job);
	const said = await verify(job);
	assert.ok(said.includes(`verified job ${job}`) && said.includes(hex(final.data.result)), said);
	const row = (await chain.api.call.inferenceApi.provenance(job)) as unknown as { unwrap(): Record<string, Codec> };
	assert.equal(row.unwrap().modality.toString(), 'SpriteSheet');
});

test('model_should_be_for_everybody_when_the_terms_are_withdrawn', async () => {
	await withdraw();
	assert.equal(await isLicensed(), false);
	const { events } = await chain.send(sprites(), stranger);
	const submitted = events.find((e) => e.section === 'inference' && e.method === 'JobSubmitted');
	assert.ok(submitted, 'without terms the stranger may order');
	const job = int(submitted.data.job);
	// It is of no use any more: taken back before its committee is drawn, or left to its end.
	await chain.send(chain.api.tx.inference.cancelJob(job), stranger).catch(() => undefined);
});
