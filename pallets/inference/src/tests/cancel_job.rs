use frame_support::{assert_noop, assert_ok};

use super::free;
use crate::{mock::*, Agenda, Error, Event, Jobs, Tier};

#[test]
fn cancel_job_should_refund_everything_when_the_job_is_open() {
	build_and_execute(|| {
		serving_operators(3);
		let job = submit(ALICE);
		let paid = FUNDS - free(ALICE);
		assert_ok!(Inference::cancel_job(signed(ALICE), job));
		assert_eq!(free(ALICE), FUNDS);
		assert_eq!(last_event(), Event::JobCancelled { job, refunded: paid });
		assert!(!Jobs::<Test>::contains_key(job));
		assert_eq!(Agenda::<Test>::iter().count(), 0);
		run_to(10);
		assert_eq!(last_event(), Event::JobCancelled { job, refunded: paid });
	});
}

#[test]
fn cancel_job_should_refund_the_reserve_of_an_audit_too() {
	build_and_execute(|| {
		serving_operators(3);
		let job = submit_with(ALICE, None, Some(Tier::Creation));
		assert_ok!(Inference::cancel_job(signed(ALICE), job));
		assert_eq!(free(ALICE), FUNDS);
	});
}

#[test]
fn cancel_job_should_fail_when_the_caller_is_another() {
	build_and_execute(|| {
		serving_operators(3);
		let job = submit(ALICE);
		assert_noop!(Inference::cancel_job(signed(BOB), job), Error::<Test>::NotRequester);
	});
}

#[test]
fn cancel_job_should_fail_when_the_committee_is_drawn() {
	build_and_execute(|| {
		serving_operators(3);
		let (job, _) = submit_and_draw(ALICE);
		assert_noop!(Inference::cancel_job(signed(ALICE), job), Error::<Test>::NotOpen);
	});
}

#[test]
fn cancel_job_should_fail_when_the_job_is_unknown() {
	build_and_execute(|| {
		assert_noop!(Inference::cancel_job(signed(ALICE), 0), Error::<Test>::UnknownJob);
	});
}
