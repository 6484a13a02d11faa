use frame_support::{assert_noop, assert_ok};

use super::{free, held, operator};
use crate::{mock::*, BondedOperators, Error, Event, HoldReason, Operators, WorkerOf};

#[test]
fn withdraw_should_release_the_money_when_the_period_is_over() {
	build_and_execute(|| {
		operators(1);
		assert_ok!(Inference::start_unbond(signed(1), SLOT_BOND));
		run_to(21);
		assert_ok!(Inference::withdraw(signed(1)));
		assert_eq!((held(HoldReason::Bond, 1), free(1)), ((BOND - SLOT_BOND), FUNDS - (BOND - SLOT_BOND)));
		assert_eq!(last_event(), Event::Withdrawn { operator: account(1), amount: SLOT_BOND });
		assert_noop!(Inference::withdraw(signed(1)), Error::<Test>::NothingToWithdraw);
	});
}

#[test]
fn withdraw_should_remove_the_operator_when_no_bond_is_left() {
	build_and_execute(|| {
		operators(1);
		assert_eq!(BondedOperators::<Test>::get(), 1);
		assert_ok!(Inference::start_unbond(signed(1), BOND));
		assert_eq!(BondedOperators::<Test>::get(), 0, "what unbonds is no bond");
		run_to(21);
		assert_ok!(Inference::withdraw(signed(1)));
		assert_eq!(last_event(), Event::OperatorLeft { operator: account(1) });
		assert!(!Operators::<Test>::contains_key(account(1)));
		assert!(!WorkerOf::<Test>::contains_key(account(101)));
		assert_eq!(free(1), FUNDS);
		// Both accounts can start anew.
		assert_ok!(Inference::register_operator(signed(101), account(1), SLOT_BOND));
	});
}

#[test]
fn withdraw_should_fail_when_the_period_is_not_over() {
	build_and_execute(|| {
		operators(1);
		assert_noop!(Inference::withdraw(signed(1)), Error::<Test>::NothingToWithdraw);
		assert_ok!(Inference::start_unbond(signed(1), SLOT_BOND));
		run_to(20);
		assert_noop!(Inference::withdraw(signed(1)), Error::<Test>::StillUnbonding);
	});
}

#[test]
fn withdraw_should_fail_when_a_seat_is_open() {
	build_and_execute(|| {
		serving_operators(3);
		let n = 1;
		assert_ok!(Inference::leave_model(signed(n), TEXT));
		run_to(18);
		let (job, _) = submit_and_draw(ALICE);
		// The seat stays an obligation after the operator has left and taken its bond out.
		assert_ok!(Inference::leave_model(signed(n), IMAGE));
		assert_ok!(Inference::start_unbond(signed(n), BOND - EXPOSURE));
		run_to(41);
		assert_noop!(Inference::withdraw(signed(n)), Error::<Test>::SeatsOpen);
		agree(job);
		run_to(45);
		assert_noop!(Inference::withdraw(signed(n)), Error::<Test>::SeatsOpen);
		run_to(46);
		assert_ok!(Inference::withdraw(signed(n)));
		assert_eq!(free(n), FUNDS - EXPOSURE + SEAT_PAY);
	});
}

#[test]
fn withdraw_should_fail_when_the_caller_is_no_operator() {
	build_and_execute(|| {
		assert_noop!(Inference::withdraw(signed(1)), Error::<Test>::NotOperator);
	});
}

#[test]
fn withdraw_should_keep_the_operator_when_its_slots_are_still_in_the_draw() {
	build_and_execute(|| {
		serving_operators(11);
		// All that is not at stake unbonds, and the rest is slashed: no bond is left, and the places on models are.
		for model in [IMAGE, TEXT] {
			assert_ok!(Inference::leave_model(signed(1), model));
		}
		assert_ok!(Inference::start_unbond(signed(1), BOND - EXPOSURE));
		join(1, IMAGE, 1);
		let (job, seats) = draw_such(ALICE, |seats| seats[2] == 1);
		play(job, &[(seats[0], outcome(1)), (seats[1], outcome(1)), (1, outcome(2))]);
		judge(job, |_| outcome(1));
		assert_eq!((operator(1).bond, BondedOperators::<Test>::get()), (0, 10), "a slash has taken the last of it");
		run_for(20);
		assert_ok!(Inference::withdraw(signed(1)));
		assert!(Operators::<Test>::contains_key(account(1)), "a place on a model would be left without an operator");
		Inference::do_try_state().unwrap();
		assert_noop!(Inference::withdraw(signed(1)), Error::<Test>::NothingToWithdraw);
		// It goes for good when it has left the model.
		assert_ok!(Inference::leave_model(signed(1), IMAGE));
		assert_ok!(Inference::withdraw(signed(1)));
		assert_eq!(last_event(), Event::OperatorLeft { operator: account(1) });
		assert!(!Operators::<Test>::contains_key(account(1)));
	});
}
