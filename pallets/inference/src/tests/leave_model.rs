use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Error, Event, Memberships, OperatorCount, Operators, SlotAt, SlotCount};

#[test]
fn leave_model_should_keep_the_slots_dense_when_any_operator_leaves() {
	// Every order of leaving, so that the last slots are moved into gaps of all shapes.
	for order in [[1, 2, 3], [1, 3, 2], [2, 1, 3], [2, 3, 1], [3, 1, 2], [3, 2, 1]] {
		build_and_execute(|| {
			operators(3);
			for (n, slots) in [(1, 2), (2, 5), (3, 3)] {
				join(n, IMAGE, slots);
			}
			for (gone, n) in order.into_iter().enumerate() {
				let (before, slots) =
					(SlotCount::<Test>::get(IMAGE), Memberships::<Test>::get(IMAGE, account(n)).unwrap().slots);
				assert_ok!(Inference::leave_model(signed(n), IMAGE));
				assert_eq!(last_event(), Event::ModelLeft { model: IMAGE, operator: account(n) });
				assert_eq!(SlotCount::<Test>::get(IMAGE), before - slots);
				assert_eq!(OperatorCount::<Test>::get(IMAGE), 2 - gone as u32);
				assert_eq!(Operators::<Test>::get(account(n)).unwrap().slots_used, 0);
				Inference::do_try_state().unwrap();
			}
			assert_eq!(SlotAt::<Test>::iter().count(), 0);
		});
	}
}

#[test]
fn leave_model_should_work_when_the_engine_is_not_proved() {
	build_and_execute(|| {
		operators(1);
		assert_ok!(Inference::join_model(signed(1), IMAGE, 2, ENGINE, crate::CpuClass::X86V4));
		assert_ok!(Inference::leave_model(signed(101), IMAGE));
		assert!(!Memberships::<Test>::contains_key(IMAGE, account(1)));
	});
}

#[test]
fn leave_model_should_leave_the_seat_when_the_operator_has_one() {
	build_and_execute(|| {
		serving_operators(3);
		let (job, seats) = submit_and_draw(ALICE);
		for n in seats {
			assert_ok!(Inference::leave_model(signed(n), IMAGE));
		}
		agree(job);
		run_to(System::block_number() + 5);
		assert_eq!(super::record(1), (1, 0));
	});
}

#[test]
fn leave_model_should_fail_when_the_operator_is_not_on_it() {
	build_and_execute(|| {
		operators(1);
		assert_noop!(Inference::leave_model(signed(1), IMAGE), Error::<Test>::NotJoined);
		assert_noop!(Inference::leave_model(signed(2), IMAGE), Error::<Test>::NotOperator);
	});
}
