use frame_support::{assert_noop, assert_ok};
use sp_runtime::{DispatchError, TokenError};

use super::{drain, failure, free, held, is_final, lost, record};
use crate::{mock::*, DisputeCause, Error, Event, FailReason, HoldReason, Provenance};

/// An agreed job of Alice's, with its seats.
fn agreed() -> (u64, Vec<u8>) {
	let (job, seats) = submit_and_draw(ALICE);
	agree(job);
	(job, seats)
}

#[test]
fn challenge_should_hold_a_bond_and_open_a_dispute() {
	build_and_execute(|| {
		serving_operators(10);
		let (job, _) = agreed();
		assert_ok!(challenge(job, 2));
		let (challenger, outcome) = (account(CAROL), outcome(2));
		let challenged = Event::Challenged { job, challenger, outcome, bond: CHALLENGE_BOND };
		let disputed = Event::JobDisputed { job, cause: DisputeCause::Challenge, draw_at: 5 };
		assert_eq!(events()[events().len() - 2..], [challenged, disputed]);
		assert_eq!((held(HoldReason::Challenge, CAROL), free(CAROL)), (CHALLENGE_BOND, FUNDS - CHALLENGE_BOND));
	});
}

#[test]
fn challenger_should_have_its_bond_and_a_fifth_when_it_is_right() {
	build_and_execute(|| {
		serving_operators(10);
		let (job, seats) = agreed();
		assert_ok!(challenge(job, 2));
		let jurors = judge(job, |_| outcome(2));
		let slashed = 3 * EXPOSURE;
		assert_eq!(free(CAROL), FUNDS + slashed / 5);
		assert!(seats.iter().all(|n| lost(*n) == EXPOSURE && free(*n) == FUNDS - BOND));
		assert!(jurors.iter().all(|n| free(*n) == FUNDS - BOND + slashed * 3 / 10 / 7));
		// Nobody of the committee is paid, and the right result stands.
		assert_eq!(free(ALICE), FUNDS);
		assert_eq!(Provenance::<Test>::get(job).unwrap().result, outcome(2).result);
		let (challenger, bond) = (account(CAROL), CHALLENGE_BOND);
		assert!(events().contains(&Event::ChallengeEnded {
			job,
			challenger,
			won: true,
			bond,
			each_juror: 0,
			burned: 0
		}));
	});
}

#[test]
fn challenger_should_pay_the_jury_when_it_is_wrong() {
	// Whether it named another result than the jury found, or the seats' was right.
	for claim in [2, 3] {
		build_and_execute(|| {
			serving_operators(10);
			let (job, seats) = agreed();
			assert_ok!(challenge(job, claim));
			let jurors = judge(job, |_| outcome(1));
			assert_eq!((free(CAROL), held(HoldReason::Challenge, CAROL)), (FUNDS - CHALLENGE_BOND, 0));
			assert!(jurors.iter().all(|n| free(*n) == FUNDS - BOND + CHALLENGE_BOND / 7));
			assert!(seats.iter().all(|n| free(*n) == FUNDS - BOND + SEAT_PAY && record(*n) == (1, 0)));
			assert!(is_final(job));
			assert_eq!(free(ALICE), FUNDS - 3 * SEAT_FEE);
		});
	}
}

#[test]
fn challenger_should_pay_the_jury_when_it_named_a_third_result() {
	build_and_execute(|| {
		serving_operators(10);
		let (job, seats) = agreed();
		assert_ok!(challenge(job, 3));
		let jurors = judge(job, |_| outcome(2));
		assert_eq!(free(CAROL), FUNDS - CHALLENGE_BOND, "nothing for an accusation by chance");
		assert!(seats.iter().all(|n| lost(*n) == EXPOSURE));
		assert_eq!(free(jurors[0]), FUNDS - BOND + 3 * EXPOSURE * 3 / 10 / 7 + CHALLENGE_BOND / 7);
	});
}

#[test]
fn bond_should_be_burned_where_jurors_cannot_take_it() {
	build_and_execute(|| {
		serving_operators(8);
		let input = Box::new(image(b"x", 1));
		let seed = autonomy_primitives::job::SeedPolicy::Chain;
		assert_ok!(Inference::submit_job(signed(ALICE), IMAGE, input, Some(1), None, seed, u64::MAX));
		run_on(0);
		agree(0);
		assert_ok!(challenge(0, 2));
		// The least bond is the deposit's base, 50, and 7 for each juror are below the existential deposit.
		run_on(0);
		for n in jurors(0) {
			drain(n);
		}
		let panel: Vec<_> = jurors(0).into_iter().map(|n| (n, outcome(1))).collect();
		play(0, &panel);
		run_on(0);
		let (challenger, bond) = (account(CAROL), DEPOSIT_BASE);
		assert!(events().contains(&Event::ChallengeEnded {
			job: 0,
			challenger,
			won: false,
			bond,
			each_juror: 7,
			burned: 50
		}));
		assert!(is_final(0));
	});
}

#[test]
fn bond_should_come_back_when_no_verdict_is_found() {
	build_and_execute(|| {
		serving_operators(4);
		let (job, seats) = agreed();
		assert_ok!(challenge(job, 2));
		run_out(job);
		assert_eq!(failure(job), Some(FailReason::Disputed));
		assert_eq!((free(CAROL), free(ALICE)), (FUNDS, FUNDS));
		assert!(seats.iter().all(|n| lost(*n) == 0 && record(*n) == (0, 0)));
	});
}

#[test]
fn challenge_should_fail_when_the_job_is_not_agreed() {
	build_and_execute(|| {
		serving_operators(10);
		assert_noop!(challenge(0, 2), Error::<Test>::UnknownJob);
		let (job, _) = submit_and_draw(ALICE);
		assert_noop!(challenge(job, 2), Error::<Test>::NotAgreed);
		agree(job);
		assert_ok!(challenge(job, 2));
		assert_noop!(challenge(job, 3), Error::<Test>::NotAgreed);
	});
}

#[test]
fn challenge_should_fail_when_it_names_the_agreed_outcome() {
	build_and_execute(|| {
		serving_operators(10);
		let (job, _) = agreed();
		assert_noop!(challenge(job, 1), Error::<Test>::SameOutcome);
	});
}

#[test]
fn challenge_should_fail_when_the_time_is_over_and_the_agenda_is_late() {
	build_and_execute(|| {
		serving_operators(10);
		let (job, _) = agreed();
		stop_agenda();
		run_to(8);
		assert_noop!(challenge(job, 2), Error::<Test>::DeadlinePassed);
	});
}

#[test]
fn challenge_should_fail_when_the_bond_is_not_there() {
	build_and_execute(|| {
		serving_operators(10);
		let (job, _) = agreed();
		drain(CAROL);
		assert_noop!(challenge(job, 2), DispatchError::from(TokenError::FundsUnavailable));
	});
}

#[test]
fn challenger_should_not_judge_its_own_challenge() {
	// An operator challenges with its owner's or its worker's account.
	for challenger in [10, worker(10)] {
		build_and_execute(|| {
			serving_operators(10);
			let (job, _) = draw_such(ALICE, |seats| !seats.contains(&10));
			agree(job);
			assert_ok!(Inference::challenge(signed(challenger), job, outcome(2)));
			run_on(job);
			assert_eq!(jurors(job).len(), 6);
			assert!(!jurors(job).contains(&10));
		});
	}
}
