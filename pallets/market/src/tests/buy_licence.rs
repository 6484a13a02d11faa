use autonomy_primitives::community::Pot;
use codec::MaxEncodedLen;
use frame_support::{assert_noop, assert_ok};
use sp_runtime::{ArithmeticError, DispatchError, TokenError};

use super::{free, held};
use crate::{mock::*, Error, Event, HoldReason, Licence, LicenceKind, LicenceOf, LicenceTerms, Licences};

const PERIOD: LicenceKind = LicenceKind::Period;
const PERPETUAL: LicenceKind = LicenceKind::Perpetual;

fn sold() {
	let terms = LicenceTerms { per_period: Some(1_003), period: 100, perpetual: Some(20_000) };
	assert_ok!(Market::set_licence_terms(signed(ALICE), MODEL, Some(terms)));
}

fn until(who: u8) -> Option<u64> {
	Licences::<Test>::get(MODEL, account(who)).unwrap().until
}

#[test]
fn buy_licence_should_pay_the_owner_and_the_beneficiaries() {
	build_and_execute(|| {
		sold();
		let before = free(ALICE);
		assert_ok!(Market::buy_licence(signed(BOB), MODEL, PERIOD, 1_003));
		let deposit = held(HoldReason::Deposit, BOB);
		assert_eq!(deposit, DEPOSIT_BASE + LicenceOf::<Test>::max_encoded_len() as u128);
		assert_eq!(free(BOB), FUNDS - 1_003 - deposit);
		// 2.5 % to the treasury; of the 978 that are left 10 % and 5 % to the payees, each rounded down; the rest to the owner.
		assert_eq!((free(CREATOR), free(COMMUNITY), free(TREASURY)), (FUNDS + 97, FUNDS + 48, FUNDS + 25));
		assert_eq!(free(ALICE), before + 833);
		assert_eq!(Market::licence(MODEL, account(BOB)), Some(Licence { until: Some(101), deposit }));
		let event = Event::LicenceBought {
			model: MODEL,
			licensee: account(BOB),
			owner: account(ALICE),
			kind: PERIOD,
			until: Some(101),
			price: 1_003,
			split: divided_licence(1_003),
		};
		assert_eq!(last_event(), event);
	});
}

#[test]
fn licence_should_hold_until_its_end() {
	build_and_execute(|| {
		sold();
		assert!(!Market::has_licence(MODEL, account(BOB)));
		assert_ok!(Market::buy_licence(signed(BOB), MODEL, PERIOD, 1_003));
		run_to(100);
		assert!(Market::has_licence(MODEL, account(BOB)));
		run_to(101);
		assert!(!Market::has_licence(MODEL, account(BOB)));
		assert!(!Market::has_licence(MODEL, account(CAROL)));
		assert!(Market::has_licence(MODEL, account(ALICE)), "the owner needs none");
	});
}

#[test]
fn buy_licence_should_extend_what_the_caller_has() {
	build_and_execute(|| {
		sold();
		assert_ok!(Market::buy_licence(signed(BOB), MODEL, PERIOD, 1_003));
		let deposit = held(HoldReason::Deposit, BOB);
		run_to(50);
		assert_ok!(Market::buy_licence(signed(BOB), MODEL, PERIOD, 1_003));
		assert_eq!(until(BOB), Some(201), "the rest of the first is not lost");
		run_to(300);
		assert_ok!(Market::buy_licence(signed(BOB), MODEL, PERIOD, 1_003));
		assert_eq!(until(BOB), Some(400), "the time between is not paid for");
		assert_ok!(Market::buy_licence(signed(BOB), MODEL, PERPETUAL, 20_000));
		assert_eq!(until(BOB), None);
		assert_eq!(held(HoldReason::Deposit, BOB), deposit, "one deposit for one licence");
		run_to(1_000_000);
		assert!(Market::has_licence(MODEL, account(BOB)));
		for kind in [PERIOD, PERPETUAL] {
			let error = Error::<Test>::AlreadyLicensed;
			assert_noop!(Market::buy_licence(signed(BOB), MODEL, kind, u128::MAX), error);
		}
	});
}

#[test]
fn licence_should_go_on_when_the_terms_change_or_the_model_is_sold() {
	build_and_execute(|| {
		sold();
		assert_ok!(Market::buy_licence(signed(BOB), MODEL, PERPETUAL, 20_000));
		assert_ok!(Market::set_licence_terms(signed(ALICE), MODEL, None));
		ModelOwners::mutate(|owners| owners.insert(MODEL, account(CAROL)));
		assert!(Market::has_licence(MODEL, account(BOB)));
		assert!(!Market::has_licence(MODEL, account(ALICE)), "a former owner has none");
	});
}

#[test]
fn buy_licence_should_pay_the_present_owner() {
	build_and_execute(|| {
		sold();
		ModelOwners::mutate(|owners| owners.insert(MODEL, account(CAROL)));
		assert_ok!(Market::buy_licence(signed(BOB), MODEL, PERIOD, 1_003));
		assert_eq!(free(CAROL), FUNDS + 833);
	});
}

#[test]
fn buy_licence_should_fail_when_none_is_sold() {
	build_and_execute(|| {
		assert_noop!(Market::buy_licence(signed(BOB), MODEL, PERIOD, 1_003), Error::<Test>::NoTerms);
		assert_noop!(Market::buy_licence(signed(BOB), 9, PERIOD, 1_003), Error::<Test>::UnknownModel);
		let terms = LicenceTerms { per_period: Some(1_000), period: 100, perpetual: None };
		assert_ok!(Market::set_licence_terms(signed(ALICE), MODEL, Some(terms)));
		assert_noop!(Market::buy_licence(signed(BOB), MODEL, PERPETUAL, 1_003), Error::<Test>::KindNotSold);
		assert_noop!(Market::buy_licence(signed(ALICE), MODEL, PERIOD, 1_003), Error::<Test>::OwnItem);
		assert_noop!(Market::buy_licence(RuntimeOrigin::root(), MODEL, PERIOD, 1_003), DispatchError::BadOrigin);
	});
}

#[test]
fn buy_licence_should_fail_when_the_price_is_above_the_limit() {
	build_and_execute(|| {
		sold();
		assert_noop!(Market::buy_licence(signed(BOB), MODEL, PERIOD, 1_002), Error::<Test>::PriceAboveLimit);
	});
}

#[test]
fn buy_licence_should_fail_when_the_shares_are_above_the_whole() {
	build_and_execute(|| {
		sold();
		LicenceShares::set(vec![(CREATOR, 900_000), (COMMUNITY, 100_001)]);
		assert_noop!(Market::buy_licence(signed(BOB), MODEL, PERIOD, 1_003), Error::<Test>::RoyaltyAboveCap);
	});
}

#[test]
fn buy_licence_should_divide_all_but_the_fee_when_the_payees_have_everything() {
	build_and_execute(|| {
		sold();
		let before = free(ALICE);
		LicenceShares::set(vec![(CREATOR, 333_333), (COMMUNITY, 666_667)]);
		let quote = Market::quote_licence(MODEL, PERIOD).unwrap();
		assert_ok!(Market::buy_licence(signed(BOB), MODEL, PERIOD, 1_003));
		assert_eq!((free(CREATOR), free(COMMUNITY), free(TREASURY)), (FUNDS + 325, FUNDS + 652, FUNDS + 25));
		assert_eq!(divided_among(0, Pot::Shares), 652);
		assert_eq!(free(ALICE), before + 1, "what rounding leaves");
		assert!(matches!(last_event(), Event::LicenceBought { split, .. } if split == quote));
	});
}

#[test]
fn buy_licence_should_pay_the_treasury_what_an_owner_without_balance_cannot_take() {
	build_and_execute(|| {
		sold();
		LicenceShares::set(vec![(COMMUNITY, 999_000)]);
		ModelOwners::mutate(|owners| owners.insert(MODEL, account(60)));
		assert_ok!(Market::buy_licence(signed(BOB), MODEL, PERIOD, 1_003));
		// 0.1 % of 978 is below the existential deposit.
		assert_eq!((free(60), free(COMMUNITY), free(TREASURY)), (0, FUNDS + 977, FUNDS + 26));
	});
}

#[test]
fn quote_licence_should_be_what_is_paid_and_nothing_for_what_is_not_sold() {
	build_and_execute(|| {
		assert_eq!(Market::quote_licence(MODEL, PERIOD), None);
		let terms = LicenceTerms { per_period: Some(1_003), period: 100, perpetual: None };
		assert_ok!(Market::set_licence_terms(signed(ALICE), MODEL, Some(terms)));
		assert_eq!(Market::quote_licence(MODEL, PERIOD), Some(divided_licence(1_003)));
		assert_eq!(Market::quote_licence(MODEL, PERPETUAL), None);
	});
}

#[test]
fn buy_licence_should_change_nothing_when_the_money_is_not_there() {
	build_and_execute(|| {
		let terms = LicenceTerms { per_period: Some(2 * FUNDS), period: 100, perpetual: None };
		assert_ok!(Market::set_licence_terms(signed(ALICE), MODEL, Some(terms)));
		assert_noop!(
			Market::buy_licence(signed(BOB), MODEL, PERIOD, u128::MAX),
			DispatchError::from(TokenError::FundsUnavailable)
		);
	});
}

#[test]
fn buy_licence_should_fail_when_blocks_run_out() {
	new_test_ext().execute_with(|| {
		sold();
		run_to(u64::MAX - 10);
		assert_noop!(Market::buy_licence(signed(BOB), MODEL, PERIOD, 1_003), ArithmeticError::Overflow);
	});
}
