use frame_support::{assert_noop, assert_ok, dispatch::CheckIfFeeless};

use super::{lost, operator, record};
use crate::{mock::*, Call, Error, Event, JobState, Jobs};

fn decline(job: u64, n: u8) -> sp_runtime::DispatchResult {
	Inference::decline(signed(worker(n)), job)
}

fn feeless(who: u8, job: u64) -> bool {
	Call::<Test>::decline { job }.is_feeless(&signed(who))
}

#[test]
fn decline_should_give_the_seat_to_another_when_it_is_early() {
	build_and_execute(|| {
		serving_operators(4);
		let (job, seats) = submit_and_draw(ALICE);
		assert!(feeless(worker(seats[1]), job));
		assert_ok!(decline(job, seats[1]));
		assert_eq!(last_event(), Event::SeatDeclined { job, operator: account(seats[1]), draw_at: 5 });
		assert_eq!(stored(job).state, JobState::Committing { deadline: 25, fill_at: Some(5) });
		let n = seats[1];
		assert_eq!((lost(n), record(n), operator(n).exposed, operator(n).declines), (0, (0, 0), 0, 1));
		assert!(!feeless(worker(n), job));
		assert_noop!(decline(job, n), Error::<Test>::NotSeated);
		// The others go on, but nothing is opened before the seat is filled.
		for n in [seats[0], seats[2]] {
			assert_ok!(commit(job, n, outcome(1)));
		}
		assert!(matches!(stored(job).state, JobState::Committing { .. }));
		run_to(5);
		let fourth = (1..=4).find(|n| !seats.contains(n)).unwrap();
		assert_eq!(super::super::mock::seats(job), vec![seats[0], seats[2], fourth]);
		assert_ok!(commit(job, fourth, outcome(1)));
		assert!(matches!(stored(job).state, JobState::Revealing { .. }));
	});
}

#[test]
fn decline_should_use_one_draw_when_several_decline() {
	build_and_execute(|| {
		serving_operators(6);
		let (job, seats) = submit_and_draw(ALICE);
		assert_ok!(decline(job, seats[0]));
		run_to(4);
		assert_ok!(decline(job, seats[1]));
		assert_ok!(decline(job, seats[2]));
		assert_eq!(last_event(), Event::SeatDeclined { job, operator: account(seats[2]), draw_at: 5 });
		assert!(stored(job).seats.is_empty());
		run_to(5);
		assert_eq!(stored(job).seats.len(), 3);
		assert!(super::super::mock::seats(job).iter().all(|n| !seats.contains(n)));
	});
}

#[test]
fn decline_should_fail_when_it_is_late() {
	build_and_execute(|| {
		serving_operators(4);
		let (job, seats) = submit_and_draw(ALICE);
		run_to(6);
		assert_ok!(decline(job, seats[0]));
		run_to(7);
		assert!(!feeless(worker(seats[1]), job));
		assert_noop!(decline(job, seats[1]), Error::<Test>::TooLateToDecline);
	});
}

#[test]
fn decline_should_fail_when_the_deadline_has_passed_and_the_agenda_is_late() {
	build_and_execute(|| {
		serving_operators(4);
		TestTiming::mutate(|timing| timing.decline_period = 50);
		let (job, seats) = submit_and_draw(ALICE);
		stop_agenda();
		run_to(24);
		assert_ok!(decline(job, seats[0]));
		run_to(25);
		assert!(!feeless(worker(seats[1]), job));
		assert_noop!(decline(job, seats[1]), Error::<Test>::DeadlinePassed);
	});
}

#[test]
fn decline_should_fail_when_the_seat_has_committed() {
	build_and_execute(|| {
		serving_operators(4);
		let (job, seats) = submit_and_draw(ALICE);
		assert_ok!(commit(job, seats[0], outcome(1)));
		assert_noop!(decline(job, seats[0]), Error::<Test>::AlreadyCommitted);
		for n in &seats[1..] {
			assert_ok!(commit(job, *n, outcome(1)));
		}
		assert_noop!(decline(job, seats[0]), Error::<Test>::NotCommitting);
	});
}

#[test]
fn decline_should_fail_when_there_is_no_such_seat() {
	build_and_execute(|| {
		serving_operators(4);
		assert_noop!(decline(0, 1), Error::<Test>::UnknownJob);
		let job = submit(ALICE);
		assert_noop!(decline(job, 1), Error::<Test>::NotCommitting);
		run_on(job);
		assert_noop!(decline(job, outsider(job, 4)), Error::<Test>::NotSeated);
		assert_noop!(Inference::decline(signed(seats(job)[0]), job), Error::<Test>::NotWorker);
	});
}

#[test]
fn decline_should_fail_when_the_job_can_turn_nobody_away_any_more() {
	build_and_execute(|| {
		serving_operators(4);
		let (job, seats) = submit_and_draw(ALICE);
		let everybody = vec![account(250); crate::MAX_EXCLUDED as usize].try_into().unwrap();
		Jobs::<Test>::mutate(job, |job| job.as_mut().unwrap().excluded = everybody);
		assert_noop!(decline(job, seats[0]), Error::<Test>::TooLateToDecline);
	});
}

#[test]
fn decline_should_be_counted_in_each_period_when_the_quota_is_used() {
	build_and_execute(|| {
		serving_operators(1);
		let next = || {
			let job = submit_with(ALICE, Some(1), None);
			run_on(job);
			job
		};
		for used in 0..3 {
			assert_eq!(operator(1).declines, used);
			assert_ok!(decline(next(), 1));
			run_for(10);
		}
		let job = next();
		assert!(!feeless(worker(1), job));
		assert_noop!(decline(job, 1), Error::<Test>::DeclineQuotaUsed);
		agree(job);
		// The period began with the registration at block 1.
		run_to(197);
		let job = next();
		assert_eq!(System::block_number(), 199);
		assert_noop!(decline(job, 1), Error::<Test>::DeclineQuotaUsed);
		run_to(201);
		assert_ok!(decline(job, 1));
		assert_eq!((operator(1).declines, operator(1).declines_since), (1, 201));
	});
}
