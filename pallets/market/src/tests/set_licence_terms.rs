use codec::Encode;
use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError;

use super::{free, held};
use crate::{mock::*, Error, Event, HoldReason, LicenceTerms, Terms};

fn terms(per_period: Option<u128>, perpetual: Option<u128>) -> LicenceTerms<u128, u64> {
	LicenceTerms { per_period, period: 100, perpetual }
}

fn set(who: u8, terms: LicenceTerms<u128, u64>) -> sp_runtime::DispatchResult {
	Market::set_licence_terms(signed(who), MODEL, Some(terms))
}

#[test]
fn set_licence_terms_should_store_what_licences_cost() {
	build_and_execute(|| {
		let terms = terms(Some(1_000), Some(20_000));
		assert_ok!(set(ALICE, terms.clone()));
		let stored = Terms::<Test>::get(MODEL).unwrap();
		let deposit = held(HoldReason::Deposit, ALICE);
		assert_eq!((&stored.terms, &stored.depositor, stored.deposit), (&terms, &account(ALICE), deposit));
		assert_eq!(deposit, DEPOSIT_BASE + stored.encoded_size() as u128);
		assert_eq!(free(ALICE), FUNDS - deposit);
		assert!(Market::requires_licence(MODEL));
		assert_eq!(last_event(), Event::LicenceTermsSet { model: MODEL, terms: Some(terms), deposit });
	});
}

#[test]
fn set_licence_terms_should_return_the_deposit_when_they_are_withdrawn() {
	build_and_execute(|| {
		assert_ok!(set(ALICE, terms(Some(1_000), None)));
		assert_ok!(Market::set_licence_terms(signed(ALICE), MODEL, None));
		assert_eq!(free(ALICE), FUNDS);
		assert!(!Market::requires_licence(MODEL));
		assert_eq!(last_event(), Event::LicenceTermsSet { model: MODEL, terms: None, deposit: 0 });
		assert_noop!(Market::set_licence_terms(signed(ALICE), MODEL, None), Error::<Test>::NoTerms);
	});
}

#[test]
fn set_licence_terms_should_return_an_earlier_owners_deposit() {
	build_and_execute(|| {
		assert_ok!(set(ALICE, terms(Some(1_000), None)));
		ModelOwners::mutate(|owners| owners.insert(MODEL, account(BOB)));
		assert_noop!(set(ALICE, terms(Some(1), None)), Error::<Test>::NotModelOwner);
		assert_ok!(set(BOB, terms(None, Some(5_000))));
		assert_eq!(free(ALICE), FUNDS);
		assert!(held(HoldReason::Deposit, BOB) > 0);
		assert_eq!(Market::licence_terms(MODEL), Some(terms(None, Some(5_000))));
	});
}

#[test]
fn set_licence_terms_should_fail_when_the_caller_does_not_own_the_model() {
	build_and_execute(|| {
		assert_noop!(set(BOB, terms(Some(1_000), None)), Error::<Test>::NotModelOwner);
		let some = Some(terms(Some(1_000), None));
		assert_noop!(Market::set_licence_terms(signed(ALICE), 9, some.clone()), Error::<Test>::UnknownModel);
		assert_noop!(Market::set_licence_terms(RuntimeOrigin::root(), MODEL, some), DispatchError::BadOrigin);
	});
}

#[test]
fn set_licence_terms_should_fail_when_a_number_is_out_of_range() {
	build_and_execute(|| {
		assert_noop!(set(ALICE, terms(None, None)), Error::<Test>::NoPrice);
		assert_noop!(set(ALICE, terms(Some(0), None)), Error::<Test>::PriceTooLow);
		assert_noop!(set(ALICE, terms(Some(1_000), Some(MIN_PRICE - 1))), Error::<Test>::PriceTooLow);
		for period in [0, MAX_DURATION + 1] {
			let terms = LicenceTerms { period, ..terms(Some(1_000), None) };
			assert_noop!(set(ALICE, terms), Error::<Test>::PeriodOutOfRange);
		}
	});
}
