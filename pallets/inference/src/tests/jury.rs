use frame_support::{assert_noop, assert_ok};

use super::{failure, free, is_final, lost, record};
use crate::{mock::*, Duty, Error, Event, FailReason, JobState, Juries, JuryPhase, Provenance};

/// A second panel of a job whose first found no verdict: six for 1, one for 2.
fn second_panel() -> (u64, Vec<u8>, Vec<u8>) {
	let (job, seats) = split(ALICE);
	let first = judge(job, |index| outcome(if index == 6 { 2 } else { 1 }));
	assert_eq!(stored_jury(job).panel, 2);
	(job, seats, first)
}

fn ones_then_twos(ones: usize) -> impl Fn(usize) -> crate::Outcome {
	move |index| outcome(if index < ones { 1 } else { 2 })
}

#[test]
fn jury_should_be_drawn_from_those_who_have_no_part_in_the_job() {
	build_and_execute(|| {
		serving_operators(12);
		let (job, seats) = split(ALICE);
		assert_eq!(stored(job).state, JobState::Jury { phase: JuryPhase::Drawing { draw_at: 5 } });
		run_to(5);
		let panel = jurors(job);
		assert!(panel.len() == 7 && panel.iter().all(|n| !seats.contains(n)));
		let operators = panel.into_iter().map(account).collect();
		assert_eq!(last_event(), Event::JuryDrawn { job, panel: 1, operators, deadline: 27 });
	});
}

#[test]
fn first_panel_should_slash_who_was_wrong_when_it_is_unanimous() {
	build_and_execute(|| {
		serving_operators(12);
		let (job, seats) = split(ALICE);
		let jurors = judge(job, |_| outcome(1));
		assert!(is_final(job));
		assert_eq!((lost(seats[2]), free(seats[2])), (EXPOSURE, FUNDS - BOND));
		let share = EXPOSURE * 3 / 10 / 9;
		assert!(seats[..2].iter().all(|n| free(*n) == FUNDS - BOND + SEAT_PAY + share));
		assert!(jurors.iter().all(|n| free(*n) == FUNDS - BOND + share && record(*n) == (1, 0)));
		assert_eq!(free(ALICE), FUNDS - 2 * SEAT_FEE, "the seat that was wrong is not paid");
		assert!(events().contains(&Event::Slashed { job, operator: account(seats[2]), amount: EXPOSURE }));
		assert_eq!(Provenance::<Test>::get(job).unwrap().k, 9);
		assert!(!Juries::<Test>::contains_key(job));
	});
}

#[test]
fn second_panel_should_be_drawn_when_the_first_is_not_unanimous() {
	build_and_execute(|| {
		serving_operators(30);
		let (job, seats, first) = second_panel();
		assert!(matches!(last_event(), Event::JuryUndecided { .. }));
		run_on(job);
		let second = jurors(job);
		assert_eq!(second.len(), 15);
		assert!(second.iter().all(|n| !seats.contains(n) && !first.contains(n)));
		// Only the present panel is asked.
		assert_noop!(commit(job, first[0], outcome(1)), Error::<Test>::NotSeated);
	});
}

#[test]
fn second_panel_should_judge_when_two_thirds_are_of_one_mind() {
	build_and_execute(|| {
		serving_operators(30);
		let (job, seats, first) = second_panel();
		let second = judge(job, ones_then_twos(10));
		assert!(is_final(job));
		// Wrong are a seat, a juror of the first panel, and five of the second.
		for n in [seats[2], first[6]].iter().chain(&second[10..]) {
			assert_eq!(lost(*n), EXPOSURE, "operator {n}");
		}
		let share = 7 * EXPOSURE * 3 / 10 / (2 + 6 + 10);
		for n in first[..6].iter().chain(&second[..10]) {
			assert_eq!(free(*n), FUNDS - BOND + share);
		}
		assert_eq!(Provenance::<Test>::get(job).unwrap().k, 18);
	});
}

#[test]
fn job_should_be_disputed_when_the_second_panel_has_no_two_thirds() {
	build_and_execute(|| {
		serving_operators(30);
		let (job, seats, first) = second_panel();
		let second = judge(job, ones_then_twos(9));
		assert_eq!((failure(job), free(ALICE)), (Some(FailReason::Disputed), FUNDS));
		for n in seats.iter().chain(&first).chain(&second) {
			assert_eq!((lost(*n), record(*n)), (0, (0, 0)));
		}
		assert!(!Juries::<Test>::contains_key(job));
	});
}

#[test]
fn smaller_second_panel_should_be_unanimous() {
	for (ones, verdict) in [(7, false), (8, true)] {
		build_and_execute(|| {
			serving_operators(18);
			let (job, ..) = second_panel();
			let second = judge(job, ones_then_twos(ones));
			assert_eq!(second.len(), 8);
			assert_eq!((is_final(job), failure(job).is_some()), (verdict, !verdict));
		});
	}
}

#[test]
fn smaller_first_panel_should_do_when_operators_are_few() {
	build_and_execute(|| {
		serving_operators(6);
		let (job, _) = split(ALICE);
		assert_eq!(judge(job, |_| outcome(1)).len(), 3);
		assert!(is_final(job));
	});
}

#[test]
fn job_should_be_disputed_when_no_jury_can_be_drawn() {
	for randomness in [None, Some([7; 32])] {
		build_and_execute(|| {
			serving_operators(5);
			let (job, _) = split(ALICE);
			Randomness::set(randomness);
			run_out(job);
			assert_eq!((failure(job), free(ALICE)), (Some(FailReason::Disputed), FUNDS));
			assert_eq!(System::block_number(), 8, "three more tries");
		});
	}
}

#[test]
fn jurors_should_be_dismissed_when_they_are_late() {
	build_and_execute(|| {
		serving_operators(12);
		let (job, _) = split(ALICE);
		run_on(job);
		let panel = jurors(job);
		for n in &panel[1..] {
			assert_ok!(commit(job, *n, outcome(1)));
		}
		run_on(job);
		assert_eq!((lost(panel[0]), record(panel[0])), (EXPOSURE / 50, (0, 1)));
		let missed = |n, duty, penalty| Event::SeatMissed { job, operator: account(n), duty, penalty };
		assert!(events().contains(&missed(panel[0], Duty::Commit, EXPOSURE / 50)));
		assert_noop!(reveal(job, panel[0], outcome(1)), Error::<Test>::NotSeated);
		for n in &panel[2..] {
			assert_ok!(reveal(job, *n, outcome(1)));
		}
		run_on(job);
		assert!(events().contains(&missed(panel[1], Duty::Reveal, EXPOSURE / 10)));
		assert!(is_final(job), "five of one mind");
		assert_eq!(lost(panel[1]), EXPOSURE / 10);
	});
}

#[test]
fn second_panel_should_be_drawn_when_too_few_of_the_first_reveal() {
	for reveals in [0, 2, 3] {
		build_and_execute(|| {
			serving_operators(30);
			let (job, _) = split(ALICE);
			run_on(job);
			let panel = jurors(job);
			for n in &panel {
				assert_ok!(commit(job, *n, outcome(1)));
			}
			for n in &panel[..reveals] {
				assert_ok!(reveal(job, *n, outcome(1)));
			}
			run_on(job);
			assert_eq!(is_final(job), reveals == 3, "{reveals} of seven");
			if reveals < 3 {
				assert_eq!((stored_jury(job).panel, stored_jury(job).seats.len()), (2, reveals));
			}
		});
	}
}

#[test]
fn second_panel_should_be_drawn_when_nobody_of_the_first_commits() {
	build_and_execute(|| {
		serving_operators(30);
		let (job, _) = split(ALICE);
		run_on(job);
		let first = jurors(job);
		run_on(job);
		assert!(first.iter().all(|n| lost(*n) == EXPOSURE / 50));
		assert!(matches!(last_event(), Event::JuryUndecided { .. }));
		let second = judge(job, |_| outcome(1));
		assert!(second.iter().all(|n| !first.contains(n)));
		assert!(is_final(job));
	});
}

#[test]
fn jurors_should_be_refused_when_they_are_late_and_so_is_the_agenda() {
	build_and_execute(|| {
		serving_operators(12);
		let (job, seats) = split(ALICE);
		assert_noop!(commit(job, seats[0], outcome(1)), Error::<Test>::NotCommitting);
		run_on(job);
		let panel = jurors(job);
		assert_noop!(commit(job, seats[0], outcome(1)), Error::<Test>::NotSeated);
		for n in &panel[1..] {
			assert_ok!(commit(job, *n, outcome(1)));
		}
		assert_noop!(commit(job, panel[1], outcome(1)), Error::<Test>::AlreadyCommitted);
		assert_noop!(reveal(job, panel[1], outcome(1)), Error::<Test>::NotRevealing);
		stop_agenda();
		run_on(job);
		assert_noop!(commit(job, panel[0], outcome(1)), Error::<Test>::DeadlinePassed);
		assert_ok!(Inference::poke(signed(BOB), job));
		assert_noop!(reveal(job, panel[1], outcome(2)), Error::<Test>::CommitmentMismatch);
		assert_ok!(reveal(job, panel[1], outcome(1)));
		run_on(job);
		assert_noop!(reveal(job, panel[2], outcome(1)), Error::<Test>::DeadlinePassed);
		start_agenda();
	});
}

#[test]
fn jury_should_find_a_result_that_no_seat_had() {
	build_and_execute(|| {
		serving_operators(12);
		let (job, seats) = split(ALICE);
		judge(job, |_| outcome(3));
		assert!(is_final(job));
		assert_eq!(Provenance::<Test>::get(job).unwrap().result, outcome(3).result);
		assert!(seats.iter().all(|n| lost(*n) == EXPOSURE));
		assert_eq!(free(ALICE), FUNDS, "nobody of the committee is paid");
	});
}

#[test]
fn jury_should_keep_its_size_when_the_rules_change() {
	build_and_execute(|| {
		serving_operators(30);
		let (job, _) = split(ALICE);
		TestDisputes::mutate(|disputes| (disputes.first_panel, disputes.second_panel) = (3, 5));
		judge(job, |index| outcome(if index == 6 { 2 } else { 1 }));
		assert_eq!(stored_jury(job).wanted, 5, "a panel that is called later has the new size");
		run_out(job);
	});
}
