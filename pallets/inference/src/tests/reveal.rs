use frame_support::{assert_noop, assert_ok, dispatch::CheckIfFeeless};

use autonomy_primitives::fault::FaultCode;

use crate::{mock::*, Audit, Call, DisputeCause, Error, Event, JobState, Outcome};

fn feeless(who: u8, job: u64, n: u8, outcome: Outcome) -> bool {
	Call::<Test>::reveal { job, operator: account(n), outcome, salt: salt(n), opening: None }.is_feeless(&signed(who))
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
		assert_eq!(stored(job).state, JobState::Agreed { final_at: 8, audit: Audit::Closed });
	});
}

#[test]
fn reveal_should_work_when_anyone_sends_it() {
	build_and_execute(|| {
		serving_operators(3);
		let (job, seats) = submit_and_draw(ALICE);
		commit_all(job);
		let n = seats[0];
		assert!(feeless(BOB, job, n, outcome(1)));
		assert_ok!(Inference::reveal(signed(BOB), job, account(n), outcome(1), salt(n), None));
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
		let foreign = Inference::reveal(signed(BOB), job, account(n), outcome(1), salt(seats[1]), None);
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
fn reveal_should_fail_when_the_deadline_has_passed_and_the_agenda_is_late() {
	build_and_execute(|| {
		serving_operators(3);
		let (job, seats) = submit_and_draw(ALICE);
		commit_all(job);
		stop_agenda();
		run_to(12);
		assert_ok!(reveal(job, seats[0], outcome(1)));
		run_to(13);
		assert_noop!(reveal(job, seats[1], outcome(1)), Error::<Test>::DeadlinePassed);
	});
}

#[test]
fn reveal_should_open_a_dispute_when_any_part_of_the_outcome_differs() {
	for different in [
		outcome(2),
		Outcome { result: [9; 32], ..outcome(1) },
		Outcome { trace_root: [9; 32], ..outcome(1) },
		Outcome { artifact: outcome(2).artifact, ..outcome(1) },
		fault(FaultCode::InputRejected),
	] {
		build_and_execute(|| {
			serving_operators(3);
			let (job, seats) = submit_and_draw(ALICE);
			play(job, &[(seats[0], outcome(1)), (seats[1], outcome(1)), (seats[2], different)]);
			assert_eq!(last_event(), Event::JobDisputed { job, cause: DisputeCause::Split, draw_at: 5 });
			assert!(is_in_dispute(job));
		});
	}
}

#[test]
fn reveal_should_go_on_with_those_that_came_when_a_seat_is_late() {
	build_and_execute(|| {
		serving_operators(3);
		let (job, seats) = submit_and_draw(ALICE);
		commit_all(job);
		assert_ok!(reveal(job, seats[0], outcome(1)));
		assert_ok!(reveal(job, seats[2], outcome(1)));
		run_to(12);
		assert_eq!(seats.len(), stored(job).seats.len());
		run_to(13);
		let state = JobState::Agreed { final_at: 18, audit: Audit::Pending { draw_at: 15, certain: true } };
		assert_eq!(stored(job).state, state);
		assert_eq!(super::record(seats[1]), (0, 1));
	});
}

#[test]
fn reveal_should_need_an_opening_when_it_is_a_jurors() {
	build_and_execute(|| {
		serving_operators(12);
		let (job, _) = split(ALICE);
		run_on(job);
		let panel = jurors(job);
		for n in &panel {
			assert_ok!(commit(job, *n, outcome(1)));
		}
		let draw = stored_jury(job).draw;
		let (n, other) = (panel[0], panel[1]);
		let with = |opening| Inference::reveal(signed(BOB), job, account(n), outcome(1), salt(n), opening);
		let feeless = |opening| {
			let call = Call::<Test>::reveal { job, operator: account(n), outcome: outcome(1), salt: salt(n), opening };
			call.is_feeless(&signed(BOB))
		};
		assert!(!feeless(None));
		assert_noop!(with(None), Error::<Test>::OpeningMissing);
		for wrong in
			[opening(n, outcome(2), &draw), opening(n, outcome(1), &[0; 32]), opening(other, outcome(1), &draw)]
		{
			assert!(!feeless(wrong.clone()));
			assert_noop!(with(wrong), Error::<Test>::OpeningInvalid);
		}
		assert!(feeless(opening(n, outcome(1), &draw)));
		assert_ok!(with(opening(n, outcome(1), &draw)));
		assert_noop!(with(opening(n, outcome(1), &draw)), Error::<Test>::AlreadyRevealed);
	});
}
