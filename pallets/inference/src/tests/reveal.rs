use frame_support::{assert_noop, assert_ok, dispatch::CheckIfFeeless};

use super::{free, record};
use crate::{mock::*, Call, Error, Event, FailReason, JobState, Jobs, Outcome};

fn feeless(who: u8, job: u64, n: u8, outcome: Outcome) -> bool {
	let Outcome { result, trace_root, artifact } = outcome;
	Call::<Test>::reveal { job, operator: account(n), result, trace_root, artifact, salt: salt(n) }
		.is_feeless(&signed(who))
}

#[test]
fn reveal_should_agree_when_every_seat_reveals_the_same() {
	build_and_execute(|| {
		serving_operators(3);
		let (job, seats) = submit_and_draw(ALICE);
		commit_all(job);
		for n in &seats {
			assert_ok!(reveal(job, *n, outcome(1)));
		}
		let Outcome { result, trace_root, artifact } = outcome(1);
		let revealed = Event::Revealed { job, operator: account(seats[2]), result, trace_root, artifact };
		assert!(events().contains(&revealed));
		assert_eq!(last_event(), Event::JobAgreed { job, result, final_at: 8 });
		assert_eq!(Jobs::<Test>::get(job).unwrap().state, JobState::Agreed { final_at: 8 });
	});
}

#[test]
fn reveal_should_work_when_anyone_sends_it() {
	build_and_execute(|| {
		serving_operators(3);
		let (job, seats) = submit_and_draw(ALICE);
		commit_all(job);
		let Outcome { result, trace_root, artifact } = outcome(1);
		let n = seats[0];
		assert!(feeless(BOB, job, n, outcome(1)));
		assert_ok!(Inference::reveal(signed(BOB), job, account(n), result, trace_root, artifact, salt(n)));
		assert!(!feeless(BOB, job, n, outcome(1)));
		assert_noop!(reveal(job, n, outcome(1)), Error::<Test>::AlreadyRevealed);
	});
}

#[test]
fn reveal_should_fail_when_not_every_seat_has_committed() {
	build_and_execute(|| {
		serving_operators(3);
		let (job, seats) = submit_and_draw(ALICE);
		assert_ok!(commit(job, seats[0], outcome(1)));
		assert_ok!(commit(job, seats[1], outcome(1)));
		assert_noop!(reveal(job, seats[0], outcome(1)), Error::<Test>::NotRevealing);
		assert!(!feeless(worker(seats[0]), job, seats[0], outcome(1)));
	});
}

#[test]
fn reveal_should_fail_when_the_values_are_not_those_committed() {
	build_and_execute(|| {
		serving_operators(3);
		let (job, seats) = submit_and_draw(ALICE);
		commit_all(job);
		let n = seats[0];
		let other = Outcome { trace_root: [9; 32], ..outcome(1) };
		assert_noop!(reveal(job, n, outcome(2)), Error::<Test>::CommitmentMismatch);
		assert_noop!(reveal(job, n, other), Error::<Test>::CommitmentMismatch);
		assert!(!feeless(BOB, job, n, other));
		// Another seat's salt does not open this one.
		let Outcome { result, trace_root, artifact } = outcome(1);
		let foreign = Inference::reveal(signed(BOB), job, account(n), result, trace_root, artifact, salt(seats[1]));
		assert_noop!(foreign, Error::<Test>::CommitmentMismatch);
	});
}

#[test]
fn reveal_should_fail_when_the_artifact_is_no_cid() {
	build_and_execute(|| {
		serving_operators(1);
		assert_ok!(Inference::submit_job(
			signed(ALICE),
			TEXT,
			Box::new(text_input()),
			None,
			autonomy_primitives::job::SeedPolicy::Chain,
			u64::MAX
		));
		run_to(3);
		let bad = Outcome { artifact: [0; 36], ..outcome(1) };
		assert_ok!(commit(0, 1, bad));
		assert_noop!(reveal(0, 1, bad), Error::<Test>::ArtifactNotCid);
	});
}

#[test]
fn reveal_should_fail_when_there_is_no_such_seat() {
	build_and_execute(|| {
		serving_operators(4);
		assert_noop!(reveal(0, 1, outcome(1)), Error::<Test>::UnknownJob);
		let (job, seats) = submit_and_draw(ALICE);
		commit_all(job);
		let outsider = (1..=4).find(|n| !seats.contains(n)).unwrap();
		assert_noop!(reveal(job, outsider, outcome(1)), Error::<Test>::NotSeated);
	});
}

#[test]
fn copied_commitment_should_be_worth_nothing_when_it_is_revealed() {
	build_and_execute(|| {
		serving_operators(3);
		let (job, seats) = submit_and_draw(ALICE);
		let (honest, copier) = (seats[0], seats[1]);
		assert_ok!(commit(job, honest, outcome(1)));
		let copied = Jobs::<Test>::get(job).unwrap().seats[0].commitment.unwrap();
		assert_ok!(Inference::commit(signed(worker(copier)), job, copied));
		assert_ok!(commit(job, seats[2], outcome(1)));
		assert_ok!(reveal(job, honest, outcome(1)));
		// The copier now knows everything that the honest seat sealed, and still cannot open its own seat.
		let Outcome { result, trace_root, artifact } = outcome(1);
		for salt in [salt(honest), salt(copier)] {
			let opened =
				Inference::reveal(signed(worker(copier)), job, account(copier), result, trace_root, artifact, salt);
			assert_noop!(opened, Error::<Test>::CommitmentMismatch);
		}
		assert_ok!(reveal(job, seats[2], outcome(1)));
		run_to(13);
		assert!(matches!(last_event(), Event::JobFailed { reason: FailReason::MissingReveal, .. }));
		assert_eq!((record(honest), record(copier)), ((0, 0), (0, 1)));
		assert_eq!((free(ALICE), free(copier)), (FUNDS, FUNDS - 8 * SLOT_BOND));
	});
}

#[test]
fn job_should_be_refunded_in_full_when_reveals_differ() {
	for different in [
		outcome(2),
		Outcome { trace_root: [9; 32], ..outcome(1) },
		Outcome { artifact: outcome(2).artifact, ..outcome(1) },
	] {
		build_and_execute(|| {
			serving_operators(3);
			let (job, seats) = submit_and_draw(ALICE);
			let paid = FUNDS - free(ALICE);
			for (n, outcome) in [(seats[0], outcome(1)), (seats[1], outcome(1)), (seats[2], different)] {
				assert_ok!(commit(job, n, outcome));
			}
			assert_ok!(reveal(job, seats[0], outcome(1)));
			assert_ok!(reveal(job, seats[2], different));
			assert_ok!(reveal(job, seats[1], outcome(1)));
			assert_eq!(last_event(), Event::JobFailed { job, reason: FailReason::Split, refunded: paid });
			assert_eq!(free(ALICE), FUNDS);
			for n in seats {
				assert_eq!((free(n), record(n)), (FUNDS - 8 * SLOT_BOND, (0, 0)));
			}
		});
	}
}

#[test]
fn job_should_be_refunded_in_full_when_a_seat_does_not_reveal() {
	build_and_execute(|| {
		serving_operators(3);
		let (job, seats) = submit_and_draw(ALICE);
		commit_all(job);
		assert_ok!(reveal(job, seats[0], outcome(1)));
		assert_ok!(reveal(job, seats[2], outcome(1)));
		run_to(12);
		assert!(Jobs::<Test>::contains_key(job));
		run_to(13);
		assert!(matches!(last_event(), Event::JobFailed { reason: FailReason::MissingReveal, .. }));
		assert_eq!(free(ALICE), FUNDS);
		assert_eq!(seats.iter().map(|n| record(*n)).collect::<Vec<_>>(), vec![(0, 0), (0, 1), (0, 0)]);
	});
}

#[test]
fn reveal_should_fail_when_the_deadline_has_passed_and_the_agenda_is_late() {
	build_and_execute(|| {
		serving_operators(3);
		let (job, seats) = submit_and_draw(ALICE);
		commit_all(job);
		AgendaWeight::set(Default::default());
		run_to(12);
		assert_ok!(reveal(job, seats[0], outcome(1)));
		run_to(13);
		assert_noop!(reveal(job, seats[1], outcome(1)), Error::<Test>::DeadlinePassed);
	});
}
