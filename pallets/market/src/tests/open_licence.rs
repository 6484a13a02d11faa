use frame_support::{assert_noop, assert_ok};

use super::free;
use crate::{mock::*, Error, Event, LicenceKind, LicenceTerms, OpenModels, Terms};

fn terms() -> Option<LicenceTerms<u128, u64>> {
	Some(LicenceTerms { per_period: Some(1_000), period: 100, perpetual: Some(5_000) })
}

#[test]
fn open_licence_should_let_everybody_in_and_return_the_deposit() {
	build_and_execute(|| {
		assert_ok!(Market::set_licence_terms(signed(ALICE), MODEL, terms()));
		assert!(!Market::has_licence(MODEL, account(DAVE)));
		assert_ok!(Market::open_licence(signed(ALICE), MODEL));
		assert_eq!(free(ALICE), FUNDS);
		assert!(OpenModels::<Test>::contains_key(MODEL) && !Terms::<Test>::contains_key(MODEL));
		assert!(Market::has_licence(MODEL, account(DAVE)) && !Market::requires_licence(MODEL));
		assert_eq!(last_event(), Event::ModelOpened { model: MODEL });
	});
}

#[test]
fn open_licence_should_be_one_way() {
	build_and_execute(|| {
		assert_ok!(Market::open_licence(signed(ALICE), MODEL));
		let is_open = Error::<Test>::ModelIsOpen;
		assert_noop!(Market::set_licence_terms(signed(ALICE), MODEL, terms()), is_open);
		let is_open = Error::<Test>::ModelIsOpen;
		assert_noop!(Market::set_licence_terms(signed(ALICE), MODEL, None), is_open);
		assert_noop!(Market::open_licence(signed(ALICE), MODEL), Error::<Test>::ModelIsOpen);
		// Nor by a later owner.
		ModelOwners::mutate(|owners| owners.insert(MODEL, account(BOB)));
		let is_open = Error::<Test>::ModelIsOpen;
		assert_noop!(Market::set_licence_terms(signed(BOB), MODEL, terms()), is_open);
		let kind = LicenceKind::Perpetual;
		assert_noop!(Market::buy_licence(signed(CAROL), MODEL, kind, u128::MAX), Error::<Test>::ModelIsOpen);
	});
}

#[test]
fn open_licence_should_fail_when_the_caller_does_not_own_the_model() {
	build_and_execute(|| {
		assert_noop!(Market::open_licence(signed(BOB), MODEL), Error::<Test>::NotModelOwner);
		assert_noop!(Market::open_licence(signed(ALICE), 9), Error::<Test>::UnknownModel);
	});
}
