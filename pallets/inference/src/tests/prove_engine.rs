use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, CpuClass, Error, Event, Memberships, OperatorCount, SlotAt, SlotCount};

#[test]
fn prove_engine_should_put_slots_into_the_draw_when_the_result_is_golden() {
	build_and_execute(|| {
		operators(1);
		assert_ok!(Inference::join_model(signed(1), IMAGE, 3, ENGINE, CpuClass::X86V3));
		assert_ok!(Inference::prove_engine(signed(101), IMAGE, GOLDEN));
		let proved = Event::EngineProved { model: IMAGE, operator: account(1), weights_root: WEIGHTS };
		assert_eq!(last_event(), proved);
		assert_eq!((SlotCount::<Test>::get(IMAGE), OperatorCount::<Test>::get(IMAGE)), (3, 1));
		assert_eq!(Memberships::<Test>::get(IMAGE, account(1)).unwrap().positions.to_vec(), vec![0, 1, 2]);
		assert_eq!(SlotAt::<Test>::get(IMAGE, 2), Some(account(1)));
	});
}

#[test]
fn prove_engine_should_fail_when_the_result_is_another() {
	build_and_execute(|| {
		operators(1);
		assert_ok!(Inference::join_model(signed(1), IMAGE, 3, ENGINE, CpuClass::X86V3));
		assert_noop!(Inference::prove_engine(signed(101), IMAGE, [0; 32]), Error::<Test>::WrongGoldenResult);
		assert_eq!(SlotCount::<Test>::get(IMAGE), 0);
	});
}

#[test]
fn prove_engine_should_fail_when_it_is_proved() {
	build_and_execute(|| {
		operators(1);
		join(1, IMAGE, 1);
		assert_noop!(Inference::prove_engine(signed(101), IMAGE, GOLDEN), Error::<Test>::AlreadyProved);
	});
}

#[test]
fn prove_engine_should_be_asked_again_when_the_operator_comes_back() {
	build_and_execute(|| {
		operators(1);
		join(1, IMAGE, 1);
		assert_ok!(Inference::leave_model(signed(1), IMAGE));
		assert_noop!(Inference::prove_engine(signed(101), IMAGE, GOLDEN), Error::<Test>::NotJoined);
		assert_ok!(Inference::join_model(signed(1), IMAGE, 1, ENGINE, CpuClass::X86V3));
		assert_eq!(SlotCount::<Test>::get(IMAGE), 0);
	});
}

#[test]
fn prove_engine_should_fail_when_the_caller_is_no_worker() {
	build_and_execute(|| {
		operators(1);
		assert_ok!(Inference::join_model(signed(1), IMAGE, 1, ENGINE, CpuClass::X86V3));
		assert_noop!(Inference::prove_engine(signed(1), IMAGE, GOLDEN), Error::<Test>::NotWorker);
	});
}
