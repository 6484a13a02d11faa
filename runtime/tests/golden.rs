//! What clients and wallets rely on: a change here breaks them and has to be meant.

mod common;

use autonomy_runtime::{AllPalletsWithSystem, Runtime, RuntimeCall, TxExtension, UncheckedExtrinsic, VERSION};
use codec::Encode;
use frame_support::traits::{GetCallName, PalletsInfoAccess};
use sp_runtime::traits::TransactionExtension;

#[test]
fn pallets_should_keep_their_names_and_indices() {
	let pallets: Vec<_> = AllPalletsWithSystem::infos().into_iter().map(|p| (p.index, p.name.to_string())).collect();
	let expected = [
		(0, "System"),
		(1, "Timestamp"),
		(2, "Babe"),
		(3, "Authorship"),
		(4, "Balances"),
		(5, "TransactionPayment"),
		(6, "Offences"),
		(7, "Historical"),
		(8, "Session"),
		(9, "Grandpa"),
		(10, "Utility"),
		(11, "Multisig"),
		(12, "Proxy"),
		(13, "Preimage"),
		(14, "Scheduler"),
		(15, "Sudo"),
		(16, "SkipFeelessPayment"),
		(17, "Parameters"),
		(20, "Assets"),
		(21, "Nfts"),
		(22, "AssetsFreezer"),
		(30, "Models"),
		(31, "Inference"),
		(32, "Bonds"),
		(33, "Characters"),
		(34, "Creations"),
		(35, "Market"),
		(40, "Dso"),
		(41, "Democracy"),
		(42, "GuardCommittee"),
	];
	assert_eq!(pallets, expected.map(|(index, name)| (index, name.to_string())));
}

#[test]
fn calls_of_our_pallets_should_keep_their_order() {
	assert_eq!(
		pallet_models::Call::<Runtime>::get_call_names(),
		[
			"register",
			"set_price",
			"set_active",
			"register_derived",
			"propose_version",
			"evaluate",
			"accept_version",
			"reject_version",
			"withdraw_version",
			"expire_version",
			"claim_vested",
			"dispute",
			"resolve_dispute",
			"set_charter",
			"set_data_root",
			"open_source",
		]
	);
	assert_eq!(
		pallet_characters::Call::<Runtime>::get_call_names(),
		[
			"set_template",
			"create",
			"set_persona",
			"set_models",
			"customise",
			"set_active",
			"join",
			"upgrade",
			"leave",
			"refresh_fan",
			"invest",
			"close_round",
			"ask_parent",
			"accept_child",
			"leave_parent",
			"found_collective",
			"invite",
			"join_collective",
			"leave_collective",
			"talk",
			"order",
		]
	);
	assert_eq!(
		pallet_inference::Call::<Runtime>::get_call_names(),
		[
			"register_operator",
			"set_worker_key",
			"bond_more",
			"start_unbond",
			"withdraw",
			"join_model",
			"leave_model",
			"prove_engine",
			"submit_job",
			"cancel_job",
			"commit",
			"reveal",
			"poke",
			"decline",
			"audit",
			"challenge",
			"resolve_engine_fault",
			"report_evaluation",
			"report_ballot",
		]
	);
	assert_eq!(pallet_creations::Call::<Runtime>::get_call_names(), ["mint", "create_collection", "burn"]);
	assert_eq!(
		pallet_market::Call::<Runtime>::get_call_names(),
		[
			"list",
			"list_bundle",
			"set_price",
			"cancel_listing",
			"expire_listing",
			"buy",
			"make_offer",
			"cancel_offer",
			"expire_offer",
			"accept_offer",
			"start_auction",
			"bid",
			"cancel_auction",
			"settle_auction",
			"set_licence_terms",
			"open_licence",
			"buy_licence",
			"end_licence",
		]
	);
	assert_eq!(
		pallet_dso::Call::<Runtime>::get_call_names(),
		[
			"open_community",
			"open_group",
			"close_community",
			"reap_dormant",
			"claim_seat",
			"purge_seat",
			"open_ai_seat",
			"refresh_seat",
			"set_template",
			"set_track",
			"lapse_badge",
			"submit",
			"edit",
			"withdraw",
			"vote",
			"vote_child",
			"unvote",
			"request_decision",
			"settle_ai",
			"close",
			"execute",
			"cancel",
			"pause",
			"lift_pause",
			"flush_outbox",
			"drop_motion",
			"reap",
			"advance_phase",
			"regress_phase",
			"refresh_model_seat",
			"end_training",
			"withdraw_data",
		]
	);
}

/// Every extension is one that polkadot.js knows, or adds no byte to a transaction.
#[test]
fn transaction_extensions_should_be_those_that_wallets_know() {
	let known = [
		"CheckNonZeroSender",
		"CheckSpecVersion",
		"CheckTxVersion",
		"CheckGenesis",
		"CheckMortality",
		"CheckNonce",
		"CheckWeight",
		"ChargeTransactionPayment",
		"CheckMetadataHash",
		"WeightReclaim",
	];
	let metadata = <TxExtension as TransactionExtension<RuntimeCall>>::metadata();
	let unknown: Vec<_> = metadata.iter().map(|e| e.identifier).filter(|id| !known.contains(id)).collect();
	assert_eq!(unknown, ["AuthorizeCall"]);
	assert_eq!(frame_system::AuthorizeCall::<Runtime>::new().encode(), Vec::<u8>::new());
}

#[test]
fn version_should_be_that_of_a_chain_whose_upgrades_wait_two_blocks() {
	assert_eq!((VERSION.spec_version, VERSION.transaction_version, VERSION.system_version), (2, 1, 3));
	assert_eq!(VERSION.spec_name, "autonomy");
}

#[test]
fn a_signed_transaction_should_be_version_4() {
	common::chain("development").execute_with(|| {
		common::next_block();
		let call = RuntimeCall::System(frame_system::Call::remark { remark: vec![1] });
		let bytes = common::transaction(sp_keyring::Sr25519Keyring::Alice, 0, call).encode();
		// After the compact length (two bytes here): version 4 with the signed bit.
		assert_eq!(bytes[2], 0x84);
		let _: UncheckedExtrinsic = codec::Decode::decode(&mut &bytes[..]).expect("it decodes");
	});
}

/// The metadata that the worker is compiled against is that of this runtime. `scripts/metadata` writes it anew.
#[test]
fn committed_metadata_should_be_that_of_this_runtime() {
	let committed = std::fs::read("../inference-worker/chain-api/metadata.scale")
		.expect("inference-worker/chain-api/metadata.scale is there: run scripts/metadata");
	// Some constants follow what the chain says, so there has to be one: an empty one has the defaults.
	let current = sp_io::TestExternalities::default().execute_with(|| Runtime::metadata_at_version(15));
	let current = current.expect("version 15 is served");
	assert!(**current == committed[..], "the runtime changed and the committed metadata did not: run scripts/metadata");
}

#[test]
fn lock_file_should_hold_one_sdk() {
	let lock = include_str!("../../Cargo.lock");
	for name in ["sp-runtime", "sp-core", "frame-support", "sp-io", "sc-service"] {
		let count = lock.matches(&format!("name = \"{name}\"\n")).count();
		assert_eq!(count, 1, "Cargo.lock holds {count} versions of {name}");
	}
}
