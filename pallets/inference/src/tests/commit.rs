use frame_support::{assert_noop, assert_ok, dispatch::CheckIfFeeless};

use crate::{mock::*, Call, Error, Event, JobState, Jobs};

fn feeless(who: u8, job: u64, hash: [u8; 32]) -> bool {
	Call::<Test>::commit { job, hash }.is_feeless(&signed(who))
}

#[test]
fn commit_should_open_the_reveals_when_the_last_seat_commits() {
	build_and_execute(|| {
		serving_operators(3);
		let (job, seats) = submit_and_draw(ALICE);
		assert_eq!(Jobs::<Test>::get(job).unwrap().state, JobState::Committing { deadline: 25, fill_at: None });
		for n in &seats[..2] {
			assert_ok!(commit(job, *n, outcome(1)));
			assert_eq!(last_event(), Event::Committed { job, operator: account(*n) });
		}
		run_to(7);
		assert_ok!(commit(job, seats[2], outcome(1)));
		assert_eq!(last_event(), Event::RevealOpened { job, deadline: 17 });
		assert_eq!(Jobs::<Test>::get(job).unwrap().state, JobState::Revealing { deadline: 17 });
	});
}

#[test]
fn commit_should_be_free_exactly_when_it_succeeds() {
	build_and_execute(|| {
		serving_operators(4);
		let (job, seats) = submit_and_draw(ALICE);
		let outsider = (1..=4).find(|n| !seats.contains(n)).unwrap();
		let n = seats[0];
		assert!(feeless(worker(n), job, [0; 32]));
		assert!(!feeless(n, job, [0; 32]), "the owner is not the worker");
		assert!(!feeless(worker(outsider), job, [0; 32]));
		assert!(!feeless(worker(n), job + 1, [0; 32]));
		assert!(!Call::<Test>::commit { job, hash: [0; 32] }.is_feeless(&RuntimeOrigin::root()));
		assert_ok!(commit(job, n, outcome(1)));
		assert!(!feeless(worker(n), job, [0; 32]));
	});
}

#[test]
fn commit_should_fail_when_it_is_made_twice() {
	build_and_execute(|| {
		serving_operators(3);
		let (job, seats) = submit_and_draw(ALICE);
		assert_ok!(commit(job, seats[0], outcome(1)));
		let before = Jobs::<Test>::get(job).unwrap();
		assert_noop!(commit(job, seats[0], outcome(2)), Error::<Test>::AlreadyCommitted);
		assert_eq!(Jobs::<Test>::get(job).unwrap(), before);
	});
}

#[test]
fn commit_should_fail_when_the_caller_has_no_seat() {
	build_and_execute(|| {
		serving_operators(4);
		let (job, seats) = submit_and_draw(ALICE);
		let outsider = (1..=4).find(|n| !seats.contains(n)).unwrap();
		assert_noop!(commit(job, outsider, outcome(1)), Error::<Test>::NotSeated);
		assert_noop!(Inference::commit(signed(seats[0]), job, [0; 32]), Error::<Test>::NotWorker);
		assert_noop!(Inference::commit(signed(ALICE), job, [0; 32]), Error::<Test>::NotWorker);
	});
}

#[test]
fn commit_should_fail_when_the_job_is_elsewhere() {
	build_and_execute(|| {
		serving_operators(3);
		assert_noop!(commit(0, 1, outcome(1)), Error::<Test>::UnknownJob);
		let job = submit(ALICE);
		assert_noop!(commit(job, 1, outcome(1)), Error::<Test>::NotCommitting);
		run_to(3);
		commit_all(job);
		assert_noop!(commit(job, 1, outcome(1)), Error::<Test>::NotCommitting);
	});
}

#[test]
fn commit_should_fail_when_the_deadline_has_passed_and_the_agenda_is_late() {
	build_and_execute(|| {
		serving_operators(3);
		let (job, seats) = submit_and_draw(ALICE);
		stop_agenda();
		run_to(24);
		assert_ok!(commit(job, seats[0], outcome(1)));
		run_to(25);
		assert_noop!(commit(job, seats[1], outcome(1)), Error::<Test>::DeadlinePassed);
		assert!(!feeless(worker(seats[1]), job, [0; 32]));
	});
}
