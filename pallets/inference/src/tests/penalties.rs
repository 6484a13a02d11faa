//! What it costs to be late, again and again.

use autonomy_primitives::job::SeedPolicy;
use frame_support::assert_ok;
use sp_runtime::Permill;

use super::{lost, operator, record};
use crate::{maths::RECORD_LENGTH, mock::*, Duty, Event, JobState, NextJobId};

/// What a seat of [`text_input`] puts at stake.
const TEXT_EXPOSURE: u64 = 25 * 17 * PRICE;

/// Has a text job with one seat drawn.
fn text_job() -> u64 {
	let input = Box::new(text_input());
	assert_ok!(Inference::submit_job(signed(ALICE), TEXT, input, None, None, SeedPolicy::Chain, u64::MAX));
	let job = NextJobId::<Test>::get() - 1;
	run_on(job);
	job
}

/// The only operator misses a job. Returns what that cost.
fn miss() -> u64 {
	let before = lost(1);
	let job = text_job();
	assert_eq!(seats(job), vec![1]);
	run_out(job);
	lost(1) - before
}

fn complete() {
	let job = text_job();
	agree(job);
	run_out(job);
}

fn suspended_for() -> u64 {
	operator(1).suspended_until.unwrap() - last_suspension_at()
}

/// The block of the last deadline that was missed: the job expires three blocks after the draw that follows.
fn last_suspension_at() -> u64 {
	System::block_number() - 5
}

fn wait() {
	run_to(operator(1).suspended_until.unwrap());
}

#[test]
fn penalty_should_double_when_an_operator_misses_in_a_row() {
	build_and_execute(|| {
		serving_operators(1);
		let two_percent = |times: u32| Permill::from_percent(2 * times).mul_floor(TEXT_EXPOSURE);
		assert_eq!([miss(), miss(), miss()], [two_percent(1), two_percent(2), two_percent(4)]);
		complete();
		assert_eq!(operator(1).suspended_until, None, "it is a miss that suspends");
		assert_eq!(miss(), two_percent(1), "a seat that is completed ends the row");
	});
}

#[test]
fn operator_should_be_suspended_for_twice_as_long_each_time() {
	build_and_execute(|| {
		serving_operators(1);
		for times in [1, 2, 4] {
			for _ in 0..3 {
				miss();
				assert!(operator(1).suspended_until.is_none_or(|until| until <= System::block_number()));
			}
			miss();
			let until = operator(1).suspended_until.unwrap();
			assert_eq!(suspended_for(), 100 * times);
			assert!(events().contains(&Event::OperatorSuspended { operator: account(1), until }));
			assert_eq!(operator(1).record.length, 0, "the record begins anew");
			// It is not drawn until then.
			run_to(until - 3);
			let input = Box::new(text_input());
			assert_ok!(Inference::submit_job(signed(BOB), TEXT, input, None, None, SeedPolicy::Chain, u64::MAX));
			let job = NextJobId::<Test>::get() - 1;
			run_to(until - 1);
			assert!(matches!(stored(job).state, JobState::Open { .. }));
			run_to(until);
			assert_eq!(seats(job), vec![1]);
			agree(job);
			run_out(job);
			// A record of completed seats that a later series of misses starts from.
			crate::Operators::<Test>::mutate(account(1), |operator| {
				operator.as_mut().unwrap().record = Default::default()
			});
		}
	});
}

#[test]
fn suspension_should_be_forgiven_when_a_whole_record_is_clean() {
	build_and_execute(|| {
		serving_operators(1);
		for _ in 0..4 {
			miss();
		}
		assert_eq!((operator(1).suspensions, record(1)), (1, (0, 4)));
		wait();
		for completed in 1..=RECORD_LENGTH {
			assert_eq!(operator(1).suspensions, 1, "after {completed}");
			complete();
		}
		assert_eq!((operator(1).suspensions, record(1)), (0, (RECORD_LENGTH, 4)));
	});
}

#[test]
fn penalty_should_be_its_own_for_each_duty_and_go_to_nobody() {
	build_and_execute(|| {
		serving_operators(3);
		TestPenalties::mutate(|penalties| {
			(penalties.no_show, penalties.no_reveal) = (Permill::from_percent(3), Permill::from_percent(40));
		});
		let (job, seats) = submit_and_draw(ALICE);
		commit_all(job);
		run_to(13);
		let missed = |duty, penalty| Event::SeatMissed { job, operator: account(seats[0]), duty, penalty };
		assert!(events().contains(&missed(Duty::Reveal, 700)));
		assert_eq!((lost(seats[0]), burned()), (700, 2_100));
	});
}
