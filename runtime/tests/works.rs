//! A finished job's output on the real runtime: minted, sold with royalties, sold again, and no way round either.

mod common;

use autonomy_primitives::digest::cid;
use autonomy_runtime::{
	configs::works::TreasuryAccount, AccountId, Balance, Balances, Creations, Inference, Market, Models, Nfts, Runtime,
	System, AUTON,
};
use common::*;
use frame_support::{
	assert_noop, assert_ok,
	traits::fungible::{Inspect, InspectHold},
};
use pallet_market::{LicenceKind, LicenceTerms};
use sp_keyring::Sr25519Keyring as Key;
use sp_runtime::{MultiAddress, Permill};

/// Number of the job whose output is minted.
const JOB: u64 = 7;
/// Number of the work in its collection.
const ITEM: u32 = 0;

fn total(who: &AccountId) -> Balance {
	<Balances as Inspect<AccountId>>::total_balance(who)
}

fn works() -> u32 {
	pallet_creations::DefaultCollection::<Runtime>::get().expect("there from genesis")
}

fn owner() -> AccountId {
	Nfts::owner(works(), ITEM).expect("the work is there")
}

/// A job of Ferdie's on Alice's model that became final.
fn finish_job() {
	let row = pallet_inference::ProvenanceRow {
		model: register_model(),
		requester: account(Key::Ferdie),
		purpose: pallet_inference::Purpose::Plain,
		modality: autonomy_primitives::job::Modality::Image,
		engine: ENGINE,
		weights_root: [5; 32],
		input_hash: [1; 32],
		seed: [2; 32],
		result: [3; 32],
		trace_root: [4; 32],
		artifact: cid(b"png"),
		k: 3,
		finalised_at: 1,
	};
	pallet_inference::Provenance::<Runtime>::insert(JOB, row);
}

fn mint(who: Key) -> sp_runtime::DispatchResult {
	let name = b"Blue star".to_vec().try_into().expect("short");
	Creations::mint(signed(who), JOB, None, name, Permill::from_percent(10))
}

/// Runs with a work of Ferdie's, whose sales pay him a tenth and Alice, for the model, a twentieth.
fn test(run: impl FnOnce()) {
	chain("development").execute_with(|| {
		next_block();
		finish_job();
		assert_ok!(mint(Key::Ferdie));
		let before = Balances::total_issuance();
		run();
		assert_eq!(Balances::total_issuance(), before, "nothing was made or lost");
	});
}

#[test]
fn work_should_be_minted_once_and_by_its_requester() {
	chain("development").execute_with(|| {
		next_block();
		finish_job();
		assert_noop!(mint(Key::Bob), pallet_creations::Error::<Runtime>::NotRequester);
		assert_ok!(mint(Key::Ferdie));
		assert_noop!(mint(Key::Ferdie), pallet_creations::Error::<Runtime>::JobMinted);
		assert_eq!(owner(), account(Key::Ferdie));
		let json = Creations::metadata_json(works(), ITEM).expect("the work is there");
		let json: serde_json::Value = serde_json::from_slice(&json).expect("metadata is JSON");
		assert_eq!(json["name"], "Blue star");
		assert!(json["image"].as_str().is_some_and(|image| image.starts_with("ipfs://bafkrei")), "{json}");
	});
}

#[test]
fn royalties_should_be_paid_on_every_sale_to_the_planck() {
	test(|| {
		let (price, treasury) = (100 * AUTON, TreasuryAccount::get());
		let parties = [account(Key::Ferdie), account(Key::Alice), account(Key::Bob), account(Key::Charlie), treasury];
		let before = parties.each_ref().map(total);
		assert_ok!(Market::list(signed(Key::Ferdie), works(), ITEM, price, None));
		assert_ok!(Market::buy(signed(Key::Bob), 0, price));
		assert_eq!(owner(), account(Key::Bob));
		assert_ok!(Market::list(signed(Key::Bob), works(), ITEM, 2 * price, None));
		assert_ok!(Market::buy(signed(Key::Charlie), 1, 2 * price));
		assert_eq!(owner(), account(Key::Charlie));
		let percent = |n: Balance| price * n / 100;
		let [creator, model, reseller, buyer, fee] =
			[0, 1, 2, 3, 4].map(|n| total(&parties[n]).wrapping_sub(before[n]));
		// He sold at 100 and has his share of 200 too; the fee of 2 % and the model's 5 % are never his.
		assert_eq!(creator, percent(93) + percent(20));
		assert_eq!(model, percent(5) + percent(10));
		assert_eq!(reseller, percent(166) - percent(100));
		assert_eq!(buyer, 0u128.wrapping_sub(percent(200)));
		assert_eq!(fee, percent(2) + percent(4));
	});
}

#[test]
fn work_should_be_locked_and_not_sold_otherwise_while_it_is_on_sale() {
	test(|| {
		let locked = || pallet_nfts::Error::<Runtime>::ItemLocked;
		let off = || pallet_nfts::Error::<Runtime>::MethodDisabled;
		assert_ok!(Market::list(signed(Key::Ferdie), works(), ITEM, AUTON, None));
		let bob = MultiAddress::Id(account(Key::Bob));
		assert_noop!(Nfts::transfer(signed(Key::Ferdie), works(), ITEM, bob.clone()), locked());
		assert_noop!(Creations::burn(signed(Key::Ferdie), works(), ITEM), locked());
		assert_ok!(Market::cancel_listing(signed(Key::Ferdie), 0));
		assert_noop!(Nfts::set_price(signed(Key::Ferdie), works(), ITEM, Some(1), None), off());
		assert_noop!(Nfts::buy_item(signed(Key::Bob), works(), ITEM, 1), off());
		assert_ok!(Nfts::transfer(signed(Key::Ferdie), works(), ITEM, bob));
		assert_eq!(owner(), account(Key::Bob));
	});
}

#[test]
fn auction_should_give_the_item_to_the_highest_bid_and_every_other_bid_back() {
	test(|| {
		let held = |key: Key| {
			let reason = pallet_market::HoldReason::Bid.into();
			<Balances as InspectHold<AccountId>>::balance_on_hold(&reason, &account(key))
		};
		assert_ok!(Market::start_auction(signed(Key::Ferdie), works(), ITEM, 10 * AUTON, 100, 200));
		assert_ok!(Market::bid(signed(Key::Bob), 0, 10 * AUTON));
		assert_noop!(Market::bid(signed(Key::Dave), 0, 10 * AUTON), pallet_market::Error::<Runtime>::BidTooLow);
		assert_ok!(Market::bid(signed(Key::Dave), 0, 11 * AUTON));
		assert_eq!((held(Key::Bob), held(Key::Dave)), (0, 11 * AUTON));
		System::set_block_number(System::block_number() + 200);
		assert_ok!(Market::settle_auction(signed(Key::Eve), 0));
		assert_eq!((owner(), held(Key::Dave)), (account(Key::Dave), 0));
	});
}

#[test]
fn model_should_be_for_licensees_when_its_owner_sells_licences() {
	test(|| {
		three_operators();
		let submit = || {
			let input = Box::new(picture("a blue star"));
			Inference::submit_job(signed(Key::Ferdie), 0, input, Some(3), None, seed(), AUTON)
		};
		let terms = LicenceTerms { per_period: Some(AUTON), period: 100, perpetual: None };
		assert_ok!(Market::set_licence_terms(signed(Key::Alice), 0, Some(terms)));
		assert_noop!(submit(), pallet_inference::Error::<Runtime>::LicenceMissing);
		assert_ok!(Market::buy_licence(signed(Key::Ferdie), 0, LicenceKind::Period, AUTON));
		assert_ok!(submit());
		System::set_block_number(System::block_number() + 100);
		assert_noop!(submit(), pallet_inference::Error::<Runtime>::LicenceMissing);
		assert_ok!(Market::open_licence(signed(Key::Alice), 0));
		assert_ok!(submit());
		assert_eq!(Models::owner(0), Some(account(Key::Alice)));
	});
}
