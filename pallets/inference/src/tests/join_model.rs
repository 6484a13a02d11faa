use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, CpuClass, Error, Event, Memberships, Operators, SlotCount};

#[test]
fn join_model_should_take_slots_when_owner_or_worker_asks() {
	build_and_execute(|| {
		operators(2);
		for (owner, caller) in [(1, 1), (2, 102)] {
			assert_ok!(Inference::join_model(signed(caller), IMAGE, 3, ENGINE, CpuClass::Aarch64));
			let membership = Memberships::<Test>::get(IMAGE, account(owner)).unwrap();
			assert_eq!((membership.slots, membership.proved, membership.positions.len()), (3, None, 0));
			assert_eq!(Operators::<Test>::get(account(owner)).unwrap().slots_used, 3);
			let (operator, cpu_class) = (account(owner), CpuClass::Aarch64);
			let expected = Event::ModelJoined { model: IMAGE, operator, slots: 3, engine: ENGINE, cpu_class };
			assert_eq!(last_event(), expected);
		}
		assert_eq!(SlotCount::<Test>::get(IMAGE), 0, "nobody is drawn before the proof");
	});
}

#[test]
fn join_model_should_fail_when_the_slots_do_not_fit() {
	build_and_execute(|| {
		operators(1);
		let join = |model, slots| Inference::join_model(signed(1), model, slots, ENGINE, CpuClass::Other);
		assert_noop!(join(IMAGE, 0), Error::<Test>::SlotsAreZero);
		assert_noop!(join(IMAGE, 17), Error::<Test>::TooManySlots);
		assert_noop!(join(IMAGE, u32::MAX), Error::<Test>::TooManySlots);
		assert_ok!(Inference::start_unbond(signed(1), BOND - 8 * SLOT_BOND));
		assert_noop!(join(IMAGE, 9), Error::<Test>::BondTooSmallForSlots);
		assert_ok!(join(IMAGE, 5));
		assert_noop!(join(TEXT, 4), Error::<Test>::BondTooSmallForSlots);
		assert_noop!(join(TEXT, u32::MAX), Error::<Test>::TooManySlots);
		assert_ok!(join(TEXT, 3));
	});
}

#[test]
fn join_model_should_fail_when_the_bond_is_unbonding() {
	build_and_execute(|| {
		operators(1);
		assert_ok!(Inference::start_unbond(signed(1), BOND - SLOT_BOND));
		let join = Inference::join_model(signed(1), IMAGE, 2, ENGINE, CpuClass::Other);
		assert_noop!(join, Error::<Test>::BondTooSmallForSlots);
	});
}

#[test]
fn join_model_should_fail_when_the_model_or_engine_is_another() {
	build_and_execute(|| {
		operators(1);
		let unknown = Inference::join_model(signed(1), 9, 1, ENGINE, CpuClass::Other);
		assert_noop!(unknown, Error::<Test>::UnknownModel);
		let other = Inference::join_model(signed(1), IMAGE, 1, [9; 32], CpuClass::Other);
		assert_noop!(other, Error::<Test>::EngineMismatch);
	});
}

#[test]
fn join_model_should_fail_when_the_operator_is_on_it_or_is_none() {
	build_and_execute(|| {
		operators(1);
		join(1, IMAGE, 1);
		let again = Inference::join_model(signed(1), IMAGE, 1, ENGINE, CpuClass::Other);
		assert_noop!(again, Error::<Test>::AlreadyJoined);
		let nobody = Inference::join_model(signed(2), IMAGE, 1, ENGINE, CpuClass::Other);
		assert_noop!(nobody, Error::<Test>::NotOperator);
	});
}
