//! Seats that become empty are drawn anew, and nobody else's is.

use frame_support::{assert_noop, assert_ok};

use super::{failure, free, is_final, lost, record};
use crate::{mock::*, Duty, Error, Event, FailReason, JobState, Jobs};

#[test]
fn redraw_should_keep_the_seats_that_committed_when_another_did_not() {
	build_and_execute(|| {
		serving_operators(6);
		let (job, seats) = submit_and_draw(ALICE);
		for n in &seats[..2] {
			assert_ok!(commit(job, *n, outcome(1)));
		}
		let kept = stored(job).seats[..2].to_vec();
		run_to(25);
		let late = account(seats[2]);
		let missed = Event::SeatMissed { job, operator: late.clone(), duty: Duty::Commit, penalty: 35 };
		assert!(events().contains(&missed));
		assert_eq!(last_event(), Event::RedrawScheduled { job, seats: 1, draw_at: 27 });
		assert_eq!((lost(seats[2]), record(seats[2])), (35, (0, 1)));
		assert_noop!(commit(job, seats[2], outcome(1)), Error::<Test>::NotSeated);
		assert_eq!(stored(job).seats.to_vec(), kept);

		run_to(27);
		let drawn = stored(job);
		assert_eq!(drawn.seats[..2], kept[..], "an honest seat cannot be shuffled out");
		let fresh = drawn.seats[2].clone();
		assert_eq!((fresh.round, fresh.drawn_at, fresh.commitment), (1, 27, None));
		assert!(fresh.operator != late && !seats.contains(&number(&fresh.operator)));
		let operators = vec![fresh.operator.clone()];
		assert_eq!(last_event(), Event::SeatsRedrawn { job, operators, deadline: 49 });
		assert_eq!(drawn.state, JobState::Committing { deadline: 49, fill_at: None });

		// Commitments of both rounds open.
		assert_noop!(commit(job, seats[0], outcome(2)), Error::<Test>::AlreadyCommitted);
		let fresh = number(&fresh.operator);
		assert_ok!(commit(job, fresh, outcome(1)));
		for n in [seats[0], seats[1], fresh] {
			assert_ok!(reveal(job, n, outcome(1)));
		}
		run_out(job);
		assert!(is_final(job));
		assert_eq!(free(ALICE), FUNDS - 3 * SEAT_FEE);
		assert_eq!(free(seats[2]), FUNDS - BOND);
	});
}

#[test]
fn job_should_expire_when_no_committee_ever_commits() {
	build_and_execute(|| {
		serving_operators(12);
		let (job, _) = submit_and_draw(ALICE);
		let scheduled = || events().iter().filter(|event| matches!(event, Event::RedrawScheduled { .. })).count();
		for (block, redraws) in [(25, 1), (49, 2), (73, 3), (96, 3)] {
			run_to(block);
			assert_eq!((stored(job).redraws as usize, scheduled()), (redraws, redraws));
		}
		run_to(97);
		assert_eq!((failure(job), free(ALICE)), (Some(FailReason::Expired), FUNDS));
		assert!((1..=12).all(|n| record(n) == (0, 1)), "nobody is asked twice");
	});
}

#[test]
fn job_should_expire_when_nobody_is_left_to_take_a_seat() {
	build_and_execute(|| {
		serving_operators(3);
		let (job, seats) = submit_and_draw(ALICE);
		assert_ok!(commit(job, seats[0], outcome(1)));
		run_to(30);
		assert_eq!((failure(job), free(ALICE)), (Some(FailReason::Expired), FUNDS));
		assert_eq!(record(seats[0]), (0, 0), "it did what it should");
	});
}

#[test]
fn committee_should_be_drawn_anew_when_nobody_reveals() {
	build_and_execute(|| {
		serving_operators(6);
		let (job, seats) = submit_and_draw(ALICE);
		commit_all(job);
		run_to(13);
		assert_eq!(last_event(), Event::RedrawScheduled { job, seats: 3, draw_at: 15 });
		for n in &seats {
			assert_eq!((lost(*n), record(*n)), (EXPOSURE / 10, (0, 1)));
		}
		run_to(15);
		assert!(seats.iter().all(|n| !super::super::mock::seats(job).contains(n)));
		agree(job);
		run_out(job);
		assert!(is_final(job));
	});
}

#[test]
fn redraw_should_wait_for_operators_and_randomness_when_there_are_none() {
	build_and_execute(|| {
		serving_operators(4);
		let (job, seats) = submit_and_draw(ALICE);
		for n in &seats[..2] {
			assert_ok!(commit(job, *n, outcome(1)));
		}
		run_to(25);
		Randomness::set(None);
		for tries in 1..=3u32 {
			run_for(if tries == 1 { 2 } else { 1 });
			assert_eq!(stored(job).tries, tries);
			Inference::do_try_state().unwrap();
		}
		Randomness::set(Some([9; 32]));
		run_for(1);
		assert_eq!((stored(job).seats.len(), stored(job).tries), (3, 0));
		run_out(job);
	});
}

/// The draw of an empty seat used to be put off within the very block that the agenda was serving, which then went on
/// and never came back to the job.
#[test]
fn redraw_should_not_be_lost_when_it_is_put_off_until_the_deadline() {
	build_and_execute(|| {
		serving_operators(4);
		TestTiming::mutate(|timing| (timing.commit_grace, timing.draw_retries) = (1, 100));
		let (job, seats) = submit_and_draw(ALICE);
		for n in &seats[..2] {
			assert_ok!(commit(job, *n, outcome(1)));
		}
		Randomness::set(None);
		// Through every deadline until the redraws are used up.
		for _ in 0..120 {
			run_for(1);
			Inference::do_try_state().unwrap();
			let overdue = Jobs::<Test>::iter_values().any(|job| job.state.due() <= System::block_number());
			assert!(!overdue, "a job that nobody serves any more");
		}
		assert_eq!((failure(job), free(ALICE)), (Some(FailReason::Expired), FUNDS));
	});
}

#[test]
fn redraw_should_come_before_the_deadline_when_the_delay_is_longer_than_the_work() {
	build_and_execute(|| {
		serving_operators(6);
		let (job, seats) = submit_and_draw(ALICE);
		for n in &seats[..2] {
			assert_ok!(commit(job, *n, outcome(1)));
		}
		TestTiming::mutate(|timing| timing.draw_delay = 50);
		run_to(75);
		assert_eq!((stored(job).seats.len(), stored(job).redraws), (3, 1));
		run_out(job);
	});
}

#[test]
fn redraw_should_not_take_a_seat_from_those_who_still_work_when_another_declines() {
	build_and_execute(|| {
		serving_operators(6);
		let (job, seats) = submit_and_draw(ALICE);
		assert_ok!(Inference::decline(signed(worker(seats[0])), job));
		run_on(job);
		assert_eq!(stored(job).state, JobState::Committing { deadline: 27, fill_at: None });
		agree(job);
		run_out(job);
		assert_eq!(record(seats[1]), (1, 0));
	});
}
