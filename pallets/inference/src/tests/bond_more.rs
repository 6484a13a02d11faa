use frame_support::{assert_noop, assert_ok};
use sp_runtime::{DispatchError, TokenError};

use super::held;
use crate::{mock::*, Error, Event, HoldReason};

#[test]
fn bond_more_should_add_to_the_bond_when_the_owner_asks() {
	build_and_execute(|| {
		operators(1);
		assert_ok!(Inference::bond_more(signed(1), 5));
		assert_eq!(held(HoldReason::Bond, 1), BOND + 5);
		assert_eq!(last_event(), Event::Bonded { operator: account(1), amount: 5, total: BOND + 5 });
	});
}

#[test]
fn bond_more_should_fail_when_the_caller_is_no_owner() {
	build_and_execute(|| {
		operators(1);
		assert_noop!(Inference::bond_more(signed(101), 5), Error::<Test>::NotOperator);
	});
}

#[test]
fn bond_more_should_fail_when_the_amount_is_nothing_or_too_much() {
	build_and_execute(|| {
		operators(1);
		assert_noop!(Inference::bond_more(signed(1), 0), Error::<Test>::AmountIsZero);
		assert_noop!(Inference::bond_more(signed(1), FUNDS), DispatchError::from(TokenError::FundsUnavailable));
	});
}
