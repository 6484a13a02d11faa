use frame_support::{assert_noop, assert_ok, dispatch::CheckIfFeeless};
use sp_runtime::Permill;

use super::{failure, free, held, is_final, lost, operator, record};
use crate::{
	mock::*, Audit, Call, DisputeCause, Duty, Error, Event, FailReason, HoldReason, JobState, Outcome, Provenance, Tier,
};

/// What a seat of the tier that is always audited puts at stake.
const AT_STAKE: u64 = 2_000;

/// Has every job audited by chance with this probability.
fn audits(probability: Permill) {
	TestTiers::mutate(|tiers| tiers.image.audit = probability);
}

/// A job of which one seat was not revealed, before the draw of its auditor.
fn with_a_gap() -> (u64, Vec<u8>) {
	let (job, seats) = submit_and_draw(ALICE);
	commit_all(job);
	for n in &seats[..2] {
		assert_ok!(reveal(job, *n, outcome(1)));
	}
	run_on(job);
	(job, seats)
}

fn feeless(who: u8, job: u64, outcome: Outcome) -> bool {
	let draw = stored(job).auditor.map(|auditor| auditor.draw).unwrap_or_default();
	Call::<Test>::audit { job, outcome, opening: opening(who - 100, outcome, &draw) }.is_feeless(&signed(who))
}

#[test]
fn audit_should_let_the_job_become_final_when_it_agrees() {
	build_and_execute(|| {
		serving_operators(5);
		let (job, seats, n) = audited();
		assert!(!seats.contains(&n));
		let state = |audit| JobState::Agreed { final_at: 13, audit };
		assert_eq!(stored(job).state, state(Audit::Waiting { deadline: 27 }));
		assert_eq!(last_event(), Event::AuditDrawn { job, operator: account(n), deadline: 27 });
		assert_eq!(operator(n).exposed, AT_STAKE);
		// The time for challenges stands still while the auditor works.
		run_to(15);
		assert!(feeless(worker(n), job, outcome(1)));
		assert_ok!(audit(job, n, outcome(1)));
		assert_eq!(last_event(), Event::Audited { job, operator: account(n), result: outcome(1).result, agrees: true });
		assert_eq!(stored(job).state, JobState::Agreed { final_at: 23, audit: Audit::Closed });
		run_to(22);
		assert!(!is_final(job));
		run_to(23);
		assert_eq!(Provenance::<Test>::get(job).unwrap().k, 4);
		assert_eq!((free(n), record(n)), (FUNDS - BOND + AUDIT_PAY, (1, 0)));
		assert_eq!(free(seats[0]), FUNDS - BOND + SEAT_PAY);
		assert_eq!(free(ALICE), FUNDS - 3 * SEAT_FEE - AUDIT_PAY);
	});
}

#[test]
fn reserve_should_go_back_when_chance_picks_no_audit() {
	build_and_execute(|| {
		serving_operators(5);
		audits(Permill::from_parts(1));
		let (job, _) = submit_and_draw(ALICE);
		assert_eq!(held(HoldReason::JobFee, ALICE), 3 * SEAT_FEE + AUDIT_PAY);
		agree(job);
		let pending = Audit::Pending { draw_at: 5, certain: false };
		assert_eq!(stored(job).state, JobState::Agreed { final_at: 8, audit: pending });
		run_to(5);
		assert_eq!(stored(job).state, JobState::Agreed { final_at: 8, audit: Audit::Closed });
		run_to(8);
		assert!(is_final(job));
		assert_eq!(free(ALICE), FUNDS - 3 * SEAT_FEE);
	});
}

#[test]
fn audit_should_open_a_dispute_when_it_finds_something_else() {
	for other in [outcome(2), Outcome { artifact: outcome(2).artifact, ..outcome(1) }] {
		build_and_execute(|| {
			serving_operators(5);
			let (job, _, n) = audited();
			assert_ok!(audit(job, n, other));
			assert_eq!(last_event(), Event::JobDisputed { job, cause: DisputeCause::Audit, draw_at: 7 });
			assert!(is_in_dispute(job));
			assert_eq!(stored(job).auditor.unwrap().found, Some(other));
		});
	}
}

#[test]
fn auditor_should_be_slashed_when_the_jury_finds_it_wrong() {
	build_and_execute(|| {
		serving_operators(12);
		let (job, seats, n) = audited();
		assert_ok!(audit(job, n, outcome(2)));
		let jurors = judge(job, |_| outcome(1));
		assert!(is_final(job));
		assert_eq!((lost(n), free(n)), (AT_STAKE, FUNDS - BOND));
		// 30 % among three seats and seven jurors; nobody accused.
		assert_eq!(free(jurors[0]), FUNDS - BOND + 60);
		assert_eq!(free(seats[0]), FUNDS - BOND + 60 + SEAT_PAY);
		assert_eq!(free(ALICE), FUNDS - 3 * SEAT_FEE, "the reserve is back");
	});
}

#[test]
fn audit_should_fail_when_the_job_has_no_auditor() {
	build_and_execute(|| {
		serving_operators(5);
		assert_noop!(audit(0, 1, outcome(1)), Error::<Test>::UnknownJob);
		let (job, _) = submit_and_draw(ALICE);
		assert_noop!(audit(job, 1, outcome(1)), Error::<Test>::NotAudited);
		agree(job);
		assert_noop!(audit(job, 1, outcome(1)), Error::<Test>::NotAudited);
		assert!(!feeless(worker(1), job, outcome(1)));
	});
}

#[test]
fn audit_should_fail_when_the_caller_was_not_drawn() {
	build_and_execute(|| {
		serving_operators(5);
		let (job, seats, n) = audited();
		assert_noop!(audit(job, seats[0], outcome(1)), Error::<Test>::NotAuditor);
		assert!(!feeless(worker(seats[0]), job, outcome(1)));
		assert_noop!(Inference::audit(signed(n), job, outcome(1), None), Error::<Test>::NotWorker);
		assert_ok!(audit(job, n, outcome(1)));
		assert_noop!(audit(job, n, outcome(2)), Error::<Test>::NotAudited);
	});
}

#[test]
fn audit_should_fail_when_the_deadline_has_passed_and_the_agenda_is_late() {
	build_and_execute(|| {
		serving_operators(5);
		let (job, _, n) = audited();
		stop_agenda();
		run_to(27);
		assert!(!feeless(worker(n), job, outcome(1)));
		assert_noop!(audit(job, n, outcome(1)), Error::<Test>::DeadlinePassed);
	});
}

#[test]
fn audit_should_fail_when_the_artifact_is_no_cid() {
	build_and_execute(|| {
		serving_operators(5);
		let (job, _, n) = audited();
		let bad = Outcome { artifact: [0; 36], ..outcome(1) };
		assert_noop!(audit(job, n, bad), Error::<Test>::ArtifactNotCid);
	});
}

#[test]
fn late_auditor_should_be_replaced_and_pay_for_it() {
	build_and_execute(|| {
		serving_operators(6);
		let (job, seats, n) = audited();
		run_to(27);
		let missed = Event::SeatMissed { job, operator: account(n), duty: Duty::Audit, penalty: AT_STAKE / 50 };
		assert!(events().contains(&missed));
		assert_eq!(last_event(), Event::RedrawScheduled { job, seats: 1, draw_at: 29 });
		// 22 blocks of the time for challenges were the auditor's.
		let pending = Audit::Pending { draw_at: 29, certain: true };
		assert_eq!(stored(job).state, JobState::Agreed { final_at: 35, audit: pending });
		run_to(29);
		let second = auditor(job).unwrap();
		assert!(second != n && !seats.contains(&second));
		assert_ok!(audit(job, second, outcome(1)));
		run_out(job);
		assert!(is_final(job));
		assert_eq!(free(second), FUNDS - BOND + AUDIT_PAY);
	});
}

#[test]
fn audit_should_be_skipped_when_every_auditor_is_late() {
	build_and_execute(|| {
		serving_operators(8);
		let (job, ..) = audited();
		run_out(job);
		assert!(events().contains(&Event::AuditSkipped { job }));
		let late = events().iter().filter(|event| matches!(event, Event::SeatMissed { duty: Duty::Audit, .. })).count();
		assert_eq!(late, 4);
		assert!(is_final(job));
		assert_eq!(free(ALICE), FUNDS - 3 * SEAT_FEE, "nobody was paid for an audit");
	});
}

#[test]
fn audit_should_be_skipped_when_chance_or_operators_are_missing() {
	for randomness in [None, Some([3; 32])] {
		build_and_execute(|| {
			serving_operators(3);
			let job = submit_with(ALICE, None, Some(Tier::Creation));
			run_on(job);
			agree(job);
			Randomness::set(randomness);
			run_to(8);
			assert_eq!(last_event(), Event::AuditSkipped { job });
			run_out(job);
			assert!(is_final(job));
			assert_eq!(System::block_number(), 13);
		});
	}
}

#[test]
fn lottery_should_not_be_held_again_when_it_has_decided() {
	build_and_execute(|| {
		serving_operators(3);
		let job = submit_with(ALICE, None, Some(Tier::Creation));
		run_on(job);
		agree(job);
		run_on(job);
		// Nobody can audit yet; that there is an audit stays decided.
		assert!(matches!(stored(job).state, JobState::Agreed { audit: Audit::Pending { certain: true, .. }, .. }));
		operators_from(4, 5);
		run_for(1);
		assert!(is_waiting_for_audit(job));
	});
}

#[test]
fn job_should_be_audited_for_certain_when_a_seat_does_not_reveal() {
	build_and_execute(|| {
		serving_operators(5);
		let (job, seats) = with_a_gap();
		assert!(matches!(stored(job).state, JobState::Agreed { audit: Audit::Pending { certain: true, .. }, .. }));
		run_on(job);
		let n = auditor(job).unwrap();
		assert!(!seats.contains(&n), "not even the seat that is gone");
		assert_ok!(audit(job, n, outcome(1)));
		run_out(job);
		assert!(is_final(job));
		assert_eq!((lost(seats[2]), free(seats[2])), (EXPOSURE / 10, FUNDS - BOND));
		assert_eq!((free(seats[0]), free(ALICE)), (FUNDS - BOND + SEAT_PAY, FUNDS - 2 * SEAT_FEE));
	});
}

#[test]
fn job_should_expire_when_a_seat_does_not_reveal_and_nobody_can_audit() {
	build_and_execute(|| {
		serving_operators(3);
		let (job, seats) = with_a_gap();
		run_out(job);
		assert_eq!((failure(job), free(ALICE)), (Some(FailReason::Expired), FUNDS));
		assert_eq!((record(seats[0]), free(seats[0])), ((0, 0), FUNDS - BOND));
	});
}

#[test]
fn job_should_expire_when_a_seat_does_not_reveal_and_every_auditor_is_late() {
	build_and_execute(|| {
		serving_operators(12);
		let (job, _) = with_a_gap();
		run_out(job);
		assert_eq!((failure(job), free(ALICE)), (Some(FailReason::Expired), FUNDS));
	});
}
