use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError;

use crate::{mock::*, Contributions, Error, Event, ModelStates, Models as ModelMap};
use autonomy_primitives::community::Communities;

/// A gain of 10 %, for account 3: 5 % of the cap, from block 1 on.
const GRANTED: u128 = CAP / 20;

fn contributed() -> u32 {
	let model = registered("model");
	accepted(model, "next", 100_000);
	model
}

#[test]
fn claim_vested_should_issue_what_has_vested() {
	build_and_execute(|| {
		let model = contributed();
		assert_eq!(ModelStates::<Test>::get(model).shares, None, "no asset before the first claim");
		run_to(1 + VESTING / 3);
		assert_ok!(Models::claim_vested(signed(3), model, 1));
		let amount = GRANTED / 3;
		assert_eq!(shares(model, 3), amount as u64);
		let event = Event::SharesClaimed { model, contribution: 1, beneficiary: account(3), amount };
		assert_eq!(last_event(), event);
		let state = ModelStates::<Test>::get(model);
		assert_eq!(state.issued, amount);
		let asset = state.shares.unwrap();
		let community = ModelMap::<Test>::get(model).unwrap().community;
		assert_eq!(<Bonds as Communities<_, _>>::shares(community), Some(asset), "they are the community's shares");
		assert!(events().contains(&Event::SharesOpened { model, asset }));
		// Twice as much, in two more claims; then everything, once.
		run_to(1 + 2 * VESTING / 3);
		assert_ok!(Models::claim_vested(signed(3), model, 1));
		assert_eq!(shares(model, 3), (2 * GRANTED / 3) as u64);
		run_to(1 + 10 * VESTING);
		assert_ok!(Models::claim_vested(signed(3), model, 1));
		assert_eq!(shares(model, 3), GRANTED as u64);
		assert_noop!(Models::claim_vested(signed(3), model, 1), Error::<Test>::NothingToClaim);
	});
}

#[test]
fn claim_vested_should_use_one_asset_for_all_contributions() {
	build_and_execute(|| {
		let model = contributed();
		accepted(model, "later", 100_000);
		run_to(1 + VESTING);
		assert_ok!(Models::claim_vested(signed(3), model, 1));
		let asset = ModelStates::<Test>::get(model).shares;
		assert_ok!(Models::claim_vested(signed(3), model, 2));
		assert_eq!(ModelStates::<Test>::get(model).shares, asset);
		assert_eq!(u128::from(shares(model, 3)), ModelStates::<Test>::get(model).granted);
	});
}

#[test]
fn shares_should_be_issued_by_the_registry_alone() {
	build_and_execute(|| {
		let model = contributed();
		run_to(1 + VESTING);
		assert_ok!(Models::claim_vested(signed(3), model, 1));
		let asset = ModelStates::<Test>::get(model).shares.unwrap();
		assert_eq!(asset, FirstShares::get() + model);
		let details = pallet_assets::Asset::<Test>::get(asset).unwrap();
		assert!(details.is_sufficient, "somebody without AUTON can be given shares");
		for who in [1, 2, 3] {
			assert!(Assets::mint(signed(who), asset, account(who), 1).is_err());
		}
	});
}

#[test]
fn claim_vested_should_pay_a_beneficiary_without_any_money() {
	build_and_execute(|| {
		let model = registered("model");
		assert_ok!(Models::propose_version(signed(2), model, candidate("next"), training(99)));
		measure(ordered(0), 900_000);
		assert_ok!(Models::accept_version(signed(1), 0));
		run_to(1 + VESTING);
		assert_ok!(Models::claim_vested(signed(99), model, 1));
		assert_eq!(shares(model, 99), GRANTED as u64);
	});
}

#[test]
fn claim_vested_should_fail_when_there_is_nothing_to_claim() {
	build_and_execute(|| {
		let model = contributed();
		assert_noop!(Models::claim_vested(signed(3), model, 1), Error::<Test>::NothingToClaim);
		run_to(50);
		assert_noop!(Models::claim_vested(signed(2), model, 1), Error::<Test>::NotBeneficiary);
		assert_noop!(Models::claim_vested(signed(3), model, 0), Error::<Test>::UnknownContribution);
		assert_noop!(Models::claim_vested(signed(3), model + 1, 1), Error::<Test>::UnknownContribution);
		assert_noop!(Models::claim_vested(RuntimeOrigin::root(), model, 1), DispatchError::BadOrigin);
		// A contribution without a gain.
		accepted(model, "worse", 0);
		run_to(50 + VESTING);
		assert_noop!(Models::claim_vested(signed(3), model, 2), Error::<Test>::NothingToClaim);
		assert_eq!(Contributions::<Test>::get(model, 2).unwrap().granted, 0);
	});
}
