use frame_support::{assert_noop, assert_ok};

use super::held;
use crate::{mock::*, Error, Event, HoldReason, Operators};

#[test]
fn start_unbond_should_keep_the_money_on_hold_when_the_owner_asks() {
	build_and_execute(|| {
		operators(1);
		assert_ok!(Inference::start_unbond(signed(1), SLOT_BOND));
		let operator = Operators::<Test>::get(account(1)).unwrap();
		assert_eq!(
			(operator.bond, operator.unbonding, operator.withdraw_at),
			((BOND - SLOT_BOND), SLOT_BOND, Some(21))
		);
		assert_eq!(held(HoldReason::Bond, 1), BOND);
		assert_eq!(last_event(), Event::UnbondStarted { operator: account(1), amount: SLOT_BOND, at: 21 });
	});
}

#[test]
fn start_unbond_should_start_the_period_again_when_it_is_called_twice() {
	build_and_execute(|| {
		operators(1);
		assert_ok!(Inference::start_unbond(signed(1), SLOT_BOND));
		run_to(20);
		assert_ok!(Inference::start_unbond(signed(1), SLOT_BOND));
		let operator = Operators::<Test>::get(account(1)).unwrap();
		assert_eq!((operator.unbonding, operator.withdraw_at), (2 * SLOT_BOND, Some(40)));
	});
}

#[test]
fn start_unbond_should_fail_when_slots_need_the_bond() {
	build_and_execute(|| {
		operators(1);
		join(1, IMAGE, 5);
		assert_noop!(Inference::start_unbond(signed(1), 15 * SLOT_BOND + 1), Error::<Test>::BondNeededForSlots);
		assert_ok!(Inference::start_unbond(signed(1), 15 * SLOT_BOND));
	});
}

#[test]
fn start_unbond_should_fail_when_a_busy_seat_needs_the_bond() {
	build_and_execute(|| {
		serving_operators(3);
		let (job, seats) = submit_and_draw(ALICE);
		let n = seats[0];
		let unbond = |amount| Inference::start_unbond(signed(n), amount);
		assert_noop!(unbond(BOND), Error::<Test>::BondNeededForSlots);
		for model in [IMAGE, TEXT] {
			assert_ok!(Inference::leave_model(signed(n), model));
		}
		assert_noop!(unbond(BOND), Error::<Test>::BondExposed);
		assert_noop!(unbond(BOND - EXPOSURE + 1), Error::<Test>::BondExposed);
		assert_ok!(unbond(BOND - EXPOSURE));
		agree(job);
		run_out(job);
		assert_ok!(unbond(EXPOSURE));
	});
}

#[test]
fn start_unbond_should_fail_when_too_little_stays() {
	build_and_execute(|| {
		operators(1);
		assert_noop!(Inference::start_unbond(signed(1), (BOND - SLOT_BOND) + 1), Error::<Test>::BondTooSmall);
		assert_noop!(Inference::start_unbond(signed(1), BOND + 1), Error::<Test>::NotEnoughBonded);
		assert_noop!(Inference::start_unbond(signed(1), 0), Error::<Test>::AmountIsZero);
		assert_ok!(Inference::start_unbond(signed(1), BOND));
	});
}

#[test]
fn start_unbond_should_fail_when_the_worker_key_is_stolen() {
	build_and_execute(|| {
		operators(1);
		assert_noop!(Inference::start_unbond(signed(101), SLOT_BOND), Error::<Test>::NotOperator);
		assert_noop!(Inference::withdraw(signed(101)), Error::<Test>::NotOperator);
	});
}
