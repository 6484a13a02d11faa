use frame_support::{assert_noop, assert_ok};
use sp_runtime::{DispatchError, TokenError};

use super::held;
use crate::{mock::*, Error, Event, HoldReason, Operators, WorkerOf};

#[test]
fn register_operator_should_hold_the_bond_when_all_is_well() {
	build_and_execute(|| {
		assert_ok!(Inference::register_operator(signed(1), account(101), SLOT_BOND));
		let operator = Operators::<Test>::get(account(1)).unwrap();
		assert_eq!((operator.worker, operator.bond, operator.slots_used), (account(101), SLOT_BOND, 0));
		assert_eq!(held(HoldReason::Bond, 1), SLOT_BOND);
		assert_eq!(WorkerOf::<Test>::get(account(101)), Some(account(1)));
		let expected = Event::OperatorRegistered { operator: account(1), worker: account(101), bond: SLOT_BOND };
		assert_eq!(events(), vec![expected]);
	});
}

#[test]
fn register_operator_should_take_the_owner_as_worker_when_it_is_its_own() {
	build_and_execute(|| {
		assert_ok!(Inference::register_operator(signed(1), account(1), SLOT_BOND));
		assert_eq!(WorkerOf::<Test>::get(account(1)), Some(account(1)));
	});
}

#[test]
fn register_operator_should_fail_when_it_is_registered() {
	build_and_execute(|| {
		operators(1);
		let again = Inference::register_operator(signed(1), account(102), SLOT_BOND);
		assert_noop!(again, Error::<Test>::AlreadyOperator);
	});
}

#[test]
fn register_operator_should_fail_when_the_worker_works_for_another() {
	build_and_execute(|| {
		operators(1);
		let other = Inference::register_operator(signed(2), account(101), SLOT_BOND);
		assert_noop!(other, Error::<Test>::WorkerTaken);
	});
}

#[test]
fn register_operator_should_fail_when_the_worker_is_another_operator() {
	build_and_execute(|| {
		operators(1);
		let other = Inference::register_operator(signed(2), account(1), SLOT_BOND);
		assert_noop!(other, Error::<Test>::WorkerIsOperator);
	});
}

#[test]
fn register_operator_should_fail_when_the_owner_is_a_worker() {
	build_and_execute(|| {
		operators(1);
		let other = Inference::register_operator(signed(101), account(102), SLOT_BOND);
		assert_noop!(other, Error::<Test>::OwnerIsWorker);
	});
}

#[test]
fn register_operator_should_fail_when_the_bond_is_too_small() {
	build_and_execute(|| {
		let small = Inference::register_operator(signed(1), account(101), SLOT_BOND - 1);
		assert_noop!(small, Error::<Test>::BondTooSmall);
	});
}

#[test]
fn register_operator_should_fail_when_the_bond_is_not_there() {
	build_and_execute(|| {
		let poor = Inference::register_operator(signed(1), account(101), FUNDS);
		assert_noop!(poor, DispatchError::from(TokenError::FundsUnavailable));
		let unsigned = Inference::register_operator(RuntimeOrigin::root(), account(101), SLOT_BOND);
		assert_noop!(unsigned, DispatchError::BadOrigin);
	});
}
