use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Error, Event, Operators, WorkerOf};

#[test]
fn set_worker_key_should_hand_seats_to_the_new_key_when_the_old_is_stolen() {
	build_and_execute(|| {
		serving_operators(3);
		let (job, seats) = submit_and_draw(ALICE);
		let n = seats[0];
		assert_ok!(Inference::set_worker_key(signed(n), account(150)));
		let expected = Event::WorkerKeySet { operator: account(n), worker: account(150) };
		assert_eq!(last_event(), expected);
		assert_eq!(WorkerOf::<Test>::get(account(worker(n))), None);
		assert_eq!(Operators::<Test>::get(account(n)).unwrap().worker, account(150));
		assert_noop!(commit(job, n, outcome(1)), Error::<Test>::NotWorker);
		assert_ok!(Inference::commit(signed(150), job, sealed(job, n, outcome(1))));
	});
}

#[test]
fn set_worker_key_should_fail_when_the_caller_is_no_owner() {
	build_and_execute(|| {
		operators(1);
		assert_noop!(Inference::set_worker_key(signed(101), account(150)), Error::<Test>::NotOperator);
		assert_noop!(Inference::set_worker_key(signed(2), account(150)), Error::<Test>::NotOperator);
	});
}

#[test]
fn set_worker_key_should_fail_when_the_account_is_taken() {
	build_and_execute(|| {
		operators(2);
		assert_noop!(Inference::set_worker_key(signed(1), account(102)), Error::<Test>::WorkerTaken);
		assert_noop!(Inference::set_worker_key(signed(1), account(101)), Error::<Test>::WorkerTaken);
		assert_noop!(Inference::set_worker_key(signed(1), account(2)), Error::<Test>::WorkerIsOperator);
	});
}
