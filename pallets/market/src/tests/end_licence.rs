use frame_support::{assert_noop, assert_ok};

use super::free;
use crate::{mock::*, Error, Event, LicenceKind, LicenceTerms, Licences};

fn licensed(kind: LicenceKind) {
	let terms = LicenceTerms { per_period: Some(1_000), period: 100, perpetual: Some(1_000) };
	assert_ok!(Market::set_licence_terms(signed(ALICE), MODEL, Some(terms)));
	assert_ok!(Market::buy_licence(signed(BOB), MODEL, kind, 1_000));
}

#[test]
fn end_licence_should_return_the_deposit_when_anyone_asks_after_its_end() {
	build_and_execute(|| {
		licensed(LicenceKind::Period);
		run_to(100);
		assert_noop!(Market::end_licence(signed(DAVE), MODEL, account(BOB)), Error::<Test>::NotExpired);
		run_to(101);
		assert_ok!(Market::end_licence(signed(DAVE), MODEL, account(BOB)));
		assert_eq!(free(BOB), FUNDS - 1_000);
		assert!(!Licences::<Test>::contains_key(MODEL, account(BOB)));
		assert_eq!(last_event(), Event::LicenceEnded { model: MODEL, licensee: account(BOB) });
	});
}

#[test]
fn end_licence_should_let_the_licensee_give_it_up() {
	build_and_execute(|| {
		licensed(LicenceKind::Perpetual);
		assert_ok!(Market::end_licence(signed(BOB), MODEL, account(BOB)));
		assert_eq!(free(BOB), FUNDS - 1_000);
		assert!(!Market::has_licence(MODEL, account(BOB)));
	});
}

#[test]
fn end_licence_should_work_for_anyone_when_the_model_is_open() {
	build_and_execute(|| {
		licensed(LicenceKind::Perpetual);
		assert_noop!(Market::end_licence(signed(DAVE), MODEL, account(BOB)), Error::<Test>::NotExpired);
		assert_ok!(Market::open_licence(signed(ALICE), MODEL));
		assert_ok!(Market::end_licence(signed(DAVE), MODEL, account(BOB)));
		assert!(Market::has_licence(MODEL, account(BOB)));
	});
}

#[test]
fn end_licence_should_fail_when_there_is_none() {
	build_and_execute(|| {
		assert_noop!(Market::end_licence(signed(BOB), MODEL, account(BOB)), Error::<Test>::UnknownLicence);
	});
}
