use autonomy_primitives::{
	digest::{cid, cid_text},
	job::{JobInput, Modality},
	model::ModelRegistry,
};
use codec::Encode;
use frame_support::{assert_noop, assert_ok, traits::fungible::InspectHold};
use sp_runtime::{ArithmeticError, DispatchError, TokenError};

use crate::{
	mock::*, Collection, Error, Event, HoldReason, ModelByManifest, ModelDetails, Models as ModelMap, NextModelId,
};

fn with(change: impl FnOnce(&mut ModelDetails<u64>)) -> Box<ModelDetails<u64>> {
	let mut details = details("model");
	change(&mut details);
	details
}

#[test]
fn register_should_store_the_model_and_mint_its_nft_when_the_details_are_good() {
	build_and_execute(|| {
		let details = details("model");
		assert_ok!(Models::register(signed(1), details.clone()));

		let info = ModelMap::<Test>::get(0).unwrap();
		assert_eq!(info.manifest, details.manifest);
		assert_eq!(info.golden_input, *details.golden_input);
		assert!(info.active);
		assert_eq!(info.depositor, account(1));
		let deposit = 1_000 + 2 * info.encoded_size() as u64;
		assert_eq!(info.deposit, deposit);
		assert_eq!(Balances::balance_on_hold(&HoldReason::Registration.into(), &account(1)), deposit);
		assert_eq!(Balances::free_balance(account(1)), FUNDS - deposit, "the nft must cost nothing on top");

		let collection = Collection::<Test>::get().unwrap();
		assert_eq!(Nfts::owner(collection, 0), Some(account(1)));
		let metadata = pallet_nfts::ItemMetadataOf::<Test>::get(collection, 0).unwrap();
		let expected = [b"ipfs://".to_vec(), cid_text(&details.manifest).to_vec()].concat();
		assert_eq!(metadata.data.to_vec(), expected);

		assert_eq!(NextModelId::<Test>::get(), 1);
		assert_eq!(ModelByManifest::<Test>::get(details.manifest), Some(0));
		assert_eq!(
			events(),
			vec![
				Event::ModelRegistered {
					model: 0,
					owner: account(1),
					modality: Modality::Image,
					manifest: details.manifest,
					weights_root: details.weights_root,
					engine: details.engine,
					price_per_unit: 7,
					deposit,
				},
				Event::CommunityOpened { model: 0, community: info.community },
			]
		);
	});
}

#[test]
fn registry_should_give_the_terms_when_a_model_is_registered() {
	build_and_execute(|| {
		assert!(<Models as ModelRegistry<sp_runtime::AccountId32, u64>>::terms(0).is_none());
		assert!(<Models as ModelRegistry<sp_runtime::AccountId32, u64>>::golden_result(0).is_none());
		assert_ok!(Models::register(signed(1), details("model")));
		let terms = <Models as ModelRegistry<sp_runtime::AccountId32, u64>>::terms(0).unwrap();
		assert_eq!((terms.price_per_unit, terms.budget, terms.active), (7, 5, true));
		assert_eq!(<Models as ModelRegistry<sp_runtime::AccountId32, u64>>::golden_result(0), Some([4; 32]));
	});
}

#[test]
fn views_should_answer_when_a_model_is_registered() {
	build_and_execute(|| {
		assert_eq!(Models::model(0), None);
		assert_ok!(Models::register(signed(1), details("model")));
		let view = Models::model(0).unwrap();
		assert_eq!((view.id, view.owner, view.info), (0, Some(account(1)), ModelMap::<Test>::get(0).unwrap()));
		assert_eq!(Models::model_by_manifest(cid(b"model")), Some(0));
		assert_eq!(Models::model_by_manifest(cid(b"other")), None);
		assert_eq!(Models::owner(0), Some(account(1)));
		assert_eq!(Models::owner(1), None);
	});
}

#[test]
fn genesis_should_create_the_collection_without_any_money() {
	build_and_execute(|| {
		let collection = Collection::<Test>::get().unwrap();
		let details = pallet_nfts::Collection::<Test>::get(collection).unwrap();
		assert_eq!(details.owner, Models::account_id());
		assert_eq!(Balances::free_balance(Models::account_id()), 0);
		// The number is taken: a user's collection gets the next one.
		assert_ok!(Nfts::create(signed(2), account(2), Default::default()));
		assert!(pallet_nfts::Collection::<Test>::contains_key(collection + 1));
	});
}

#[test]
fn register_should_fail_when_the_manifest_is_taken() {
	build_and_execute(|| {
		assert_ok!(Models::register(signed(1), details("model")));
		assert_noop!(Models::register(signed(2), details("model")), Error::<Test>::ManifestTaken);
	});
}

#[test]
fn register_should_fail_when_the_manifest_is_no_cid() {
	build_and_execute(|| {
		assert_noop!(Models::register(signed(1), with(|d| d.manifest = [7; 36])), Error::<Test>::ManifestNotCid);
	});
}

#[test]
fn register_should_fail_when_the_price_is_zero() {
	build_and_execute(|| {
		assert_noop!(Models::register(signed(1), with(|d| d.price_per_unit = 0)), Error::<Test>::PriceIsZero);
	});
}

#[test]
fn register_should_fail_when_the_budget_is_out_of_range() {
	build_and_execute(|| {
		for budget in [0, 101] {
			assert_noop!(Models::register(signed(1), with(|d| d.budget = budget)), Error::<Test>::BudgetOutOfRange);
		}
		assert_ok!(Models::register(signed(1), with(|d| d.budget = 100)));
	});
}

#[test]
fn register_should_fail_when_the_golden_input_breaks_the_limits() {
	build_and_execute(|| {
		let error = Error::<Test>::GoldenInputOutOfLimits;
		assert_noop!(Models::register(signed(1), with(|d| d.limits.max_steps = 19)), error);
		let error = Error::<Test>::GoldenInputOutOfLimits;
		assert_noop!(Models::register(signed(1), with(|d| *d.golden_input = text_input())), error);
		// A picture model draws tiles too, and yet its golden job is a picture.
		let tile = with(|d| {
			if let JobInput::Image(input) = &*d.golden_input {
				*d.golden_input = JobInput::Tile(input.clone());
			}
		});
		let error = Error::<Test>::GoldenInputOutOfLimits;
		assert_noop!(Models::register(signed(1), tile), error);
	});
}

#[test]
fn register_should_fail_when_the_licence_is_no_expression() {
	build_and_execute(|| {
		for licence in [b"".to_vec(), b"MIT\n".to_vec(), "\u{e9}".as_bytes().to_vec()] {
			let details = with(|d| d.licence = licence.try_into().unwrap());
			assert_noop!(Models::register(signed(1), details), Error::<Test>::LicenceNotSpdx);
		}
	});
}

#[test]
fn register_should_fail_when_the_deposit_cannot_be_paid() {
	build_and_execute(|| {
		assert_noop!(Models::register(signed(99), details("model")), DispatchError::from(TokenError::FundsUnavailable));
	});
}

#[test]
fn register_should_fail_when_numbers_run_out() {
	new_test_ext().execute_with(|| {
		NextModelId::<Test>::put(u32::MAX);
		assert_noop!(Models::register(signed(1), details("model")), ArithmeticError::Overflow);
	});
}

#[test]
fn register_should_fail_when_nobody_signed() {
	build_and_execute(|| {
		assert_noop!(Models::register(RuntimeOrigin::root(), details("model")), DispatchError::BadOrigin);
	});
}

#[test]
fn nft_should_keep_its_metadata_when_its_holder_tries_to_change_it() {
	build_and_execute(|| {
		assert_ok!(Models::register(signed(1), details("model")));
		let collection = Collection::<Test>::get().unwrap();
		let before = pallet_nfts::ItemMetadataOf::<Test>::get(collection, 0).unwrap();
		assert!(Nfts::set_metadata(signed(1), collection, 0, b"mine".to_vec().try_into().unwrap()).is_err());
		assert!(Nfts::clear_metadata(signed(1), collection, 0).is_err());
		assert!(Nfts::force_mint(signed(1), collection, 1, account(1), Default::default()).is_err());
		assert_eq!(pallet_nfts::ItemMetadataOf::<Test>::get(collection, 0).unwrap().data, before.data);
	});
}
