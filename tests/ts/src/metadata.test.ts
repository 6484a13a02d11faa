// What polkadot.js needs of a chain to offer it without any custom types: properties, extensions, names, docs.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Codec } from '@polkadot/types/types';
import { AUTON, Chain, hex, int } from './chain.js';
import { image } from './inputs.js';
import { network } from './network.js';

let chain: Chain;

before(async () => {
	chain = await Chain.connect();
});
after(() => chain.disconnect());

test('properties_should_name_the_token_when_apps_asks', async () => {
	const properties = await chain.api.rpc.system.properties();
	assert.deepEqual(properties.tokenSymbol.unwrap().toJSON(), ['AUTON']);
	assert.deepEqual(properties.tokenDecimals.unwrap().toJSON(), [12]);
	assert.equal(properties.ss58Format.unwrap().toNumber(), 42);
	assert.equal((chain.api.consts.system.ss58Prefix as unknown as Codec).toString(), '42');
});

test('extensions_should_be_known_or_empty_when_a_wallet_signs', () => {
	// The ones that @polkadot/types 16.5.6 knows how to fill in.
	const known = new Set([
		'CheckNonZeroSender', 'CheckSpecVersion', 'CheckTxVersion', 'CheckGenesis', 'CheckMortality', 'CheckEra',
		'CheckNonce', 'CheckWeight', 'ChargeTransactionPayment', 'CheckMetadataHash', 'SkipCheckIfFeeless', 'WeightReclaim',
	]);
	const { registry, runtimeMetadata } = chain.api;
	const { transactionExtensions } = runtimeMetadata.asLatest.extrinsic;
	assert.ok(transactionExtensions.length > 0, 'the metadata lists the extensions');
	for (const extension of transactionExtensions) {
		const name = extension.identifier.toString();
		if (known.has(name)) continue;
		for (const type of [extension.type, extension.implicit]) {
			const empty = registry.createType(registry.createLookupType(type));
			assert.equal(empty.toU8a().length, 0, `${name} is unknown to wallets and has bytes, so nothing could be signed`);
		}
	}
	const signed = registry.signedExtensions;
	for (const name of ['CheckGenesis', 'CheckNonce', 'ChargeTransactionPayment']) {
		assert.ok(signed.includes(name), `${name} is missing among ${signed.join(', ')}`);
	}
});

test('pallets_should_keep_their_places_when_the_runtime_grows', () => {
	const places = Object.fromEntries(
		chain.api.runtimeMetadata.asLatest.pallets.map((p) => [p.name.toString(), p.index.toNumber()]),
	);
	const expected = {
		System: 0, Timestamp: 1, Babe: 2, Authorship: 3, Balances: 4, TransactionPayment: 5, Session: 8, Grandpa: 9,
		Utility: 10, Multisig: 11, Proxy: 12, Preimage: 13, Scheduler: 14, Sudo: 15, Assets: 20, Nfts: 21, Models: 30,
		Inference: 31, Bonds: 32, Characters: 33, Creations: 34, Market: 35, Dso: 40, Democracy: 41, GuardCommittee: 42,
	};
	for (const [name, index] of Object.entries(expected)) assert.equal(places[name], index, name);
});

test('calls_should_be_explained_when_apps_shows_them', () => {
	for (const [section, calls] of [['models', 16], ['inference', 19], ['characters', 21], ['dso', 32]] as const) {
		assert.equal(Object.keys(chain.api.tx[section]).length, calls, `calls of ${section}`);
		for (const [name, call] of Object.entries(chain.api.tx[section])) {
			assert.ok(call.meta.docs.length > 0, `${section}.${name} has no explanation`);
		}
		for (const [name, error] of Object.entries(chain.api.errors[section])) {
			assert.ok(error.meta.docs.length > 0, `the error ${section}.${name} has no explanation`);
		}
		for (const [name, happening] of Object.entries(chain.api.events[section])) {
			assert.ok(happening.meta.docs.length > 0, `the event ${section}.${name} has no explanation`);
		}
	}
});

test('runtime_apis_should_answer_when_a_client_reads', async () => {
	const { shapes, keeper, operators } = network();
	for (const [model, modality] of [[shapes, 'Image'], [keeper, 'Text']] as const) {
		const view = (await chain.api.call.modelsApi.model(model)) as unknown as {
			isSome: boolean;
			unwrap(): { info: Record<string, Codec> };
		};
		assert.ok(view.isSome, `model ${model}`);
		const { info } = view.unwrap();
		assert.equal(String(info.modality), modality);
		const by = await chain.api.call.modelsApi.modelByManifest(hex(info.manifest));
		assert.equal(String(by), String(model), 'the model is found by the CID of its manifest');
	}
	for (const { owner } of operators) {
		const view = (await chain.api.call.inferenceApi.operator(owner)) as unknown as {
			isSome: boolean;
			unwrap(): { info: Record<string, Codec> };
		};
		assert.ok(view.isSome, `operator ${owner}`);
		assert.ok(int(view.unwrap().info.bond) >= AUTON, 'an operator has a bond');
	}
	const none = (await chain.api.call.inferenceApi.quote(4_000_000_000, image(), null, null)) as unknown as { isNone: boolean };
	assert.ok(none.isNone, 'no price for an unknown model');
});

test('model_should_be_an_nft_when_registered', async () => {
	const collection = (await chain.api.query.models.collection()) as unknown as { unwrapOr?(other: null): Codec };
	const id = collection.unwrapOr ? collection.unwrapOr(null) : (collection as unknown as Codec);
	const item = (await chain.api.query.nfts.item(id, network().shapes)) as unknown as {
		isSome: boolean;
		unwrap(): { owner: Codec };
	};
	assert.ok(item.isSome, 'the model is an item of the collection');
	const owner = await chain.api.call.modelsApi.owner(network().shapes);
	assert.equal(String(owner), item.unwrap().owner.toString());
});
