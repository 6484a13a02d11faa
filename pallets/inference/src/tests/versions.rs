//! Versions of a model: who has proved which, and who is drawn for which jobs.

use frame_support::{assert_noop, assert_ok};

use super::{failure, free, is_final, record};
use crate::{mock::*, Error, Event, FailReason, Memberships, OperatorCount, SlotCount, Tier};

/// What an operator has proved of the image model: last, and before that.
fn proved(n: u8) -> (Option<u8>, Option<u8>) {
	let membership = Memberships::<Test>::get(IMAGE, account(n)).unwrap();
	let first = |root: Option<[u8; 32]>| root.map(|root| root[0]);
	(first(membership.proved), first(membership.proved_before))
}

#[test]
fn engine_should_be_proved_again_when_the_model_has_another_version() {
	build_and_execute(|| {
		operators(1);
		join(1, IMAGE, 3);
		assert_eq!(proved(1), (Some(1), None));
		new_version(IMAGE, 2);
		// The golden result is another one too.
		assert_noop!(Inference::prove_engine(signed(101), IMAGE, GOLDEN), Error::<Test>::WrongGoldenResult);
		prove(1, IMAGE);
		let event = Event::EngineProved { model: IMAGE, operator: account(1), weights_root: [2; 32] };
		assert_eq!((last_event(), proved(1)), (event, (Some(2), Some(1))));
		assert_eq!((SlotCount::<Test>::get(IMAGE), OperatorCount::<Test>::get(IMAGE)), (3, 1), "its slots were there");
		assert_noop!(Inference::prove_engine(signed(101), IMAGE, golden(IMAGE)), Error::<Test>::AlreadyProved);
		// A version that it has left out does not count.
		new_version(IMAGE, 3);
		new_version(IMAGE, 4);
		prove(1, IMAGE);
		assert_eq!(proved(1), (Some(4), Some(2)));
	});
}

#[test]
fn proof_should_be_forgotten_when_the_operator_leaves() {
	build_and_execute(|| {
		operators(1);
		join(1, IMAGE, 1);
		new_version(IMAGE, 2);
		prove(1, IMAGE);
		assert_ok!(Inference::leave_model(signed(1), IMAGE));
		assert_ok!(Inference::join_model(signed(1), IMAGE, 1, ENGINE, crate::CpuClass::X86V3));
		assert_eq!(proved(1), (None, None));
		assert_eq!(SlotCount::<Test>::get(IMAGE), 0);
	});
}

#[test]
fn draw_should_pass_over_operators_that_have_not_proved_the_jobs_version() {
	build_and_execute(|| {
		serving_operators(6);
		new_version(IMAGE, 2);
		for n in 1..=3 {
			prove(n, IMAGE);
		}
		for _ in 0..3 {
			let (job, mut seats) = submit_and_draw(ALICE);
			seats.sort();
			assert_eq!(seats, [1, 2, 3]);
			agree(job);
			run_out(job);
			assert!(is_final(job));
		}
		assert!((4..=6).all(|n| record(n) == (0, 0)), "nobody is blamed for an old version");
	});
}

#[test]
fn looks_should_be_bounded_however_many_have_not_proved_the_version() {
	build_and_execute(|| {
		serving_operators(12);
		new_version(IMAGE, 2);
		let job = submit(ALICE);
		let (picks, looks) = Inference::pick(&[1; 32], job, &stored(job), None, 3);
		assert_eq!((picks.len(), looks), (0, 3 * 16), "each look counts, taken or not");
		run_out(job);
		assert_eq!((failure(job), free(ALICE)), (Some(FailReason::NotEnoughOperators), FUNDS));
	});
}

#[test]
fn jobs_of_the_version_before_should_be_done_by_those_who_have_gone_on() {
	build_and_execute(|| {
		serving_operators(3);
		let job = submit(ALICE);
		new_version(IMAGE, 2);
		for n in 1..=3 {
			prove(n, IMAGE);
		}
		run_on(job);
		assert_eq!(stored(job).weights_root, WEIGHTS);
		agree(job);
		run_out(job);
		assert!(is_final(job));

		// With two versions since, nobody is left that has it at hand.
		let job = submit(ALICE);
		for version in [3, 4] {
			new_version(IMAGE, version);
			for n in 1..=3 {
				prove(n, IMAGE);
			}
		}
		run_out(job);
		assert_eq!(failure(job), Some(FailReason::NotEnoughOperators));
	});
}

#[test]
fn redraw_should_look_for_the_jobs_own_version() {
	build_and_execute(|| {
		serving_operators(6);
		let (job, drawn) = submit_and_draw(ALICE);
		let others: Vec<u8> = (1..=6).filter(|n| !drawn.contains(n)).collect();
		// Two of the others go on by two versions; the third is the only one left for the empty seat.
		for version in [2, 3] {
			new_version(IMAGE, version);
			for n in &others[..2] {
				prove(*n, IMAGE);
			}
		}
		assert_ok!(Inference::decline(signed(worker(drawn[0])), job));
		choose(job, |picks| picks.len() == 1);
		run_on(job);
		assert_eq!(seats(job), [drawn[1], drawn[2], others[2]]);
		agree(job);
		run_out(job);
		assert!(is_final(job));
	});
}

#[test]
fn auditor_and_jurors_should_have_proved_the_jobs_version() {
	build_and_execute(|| {
		serving_operators(14);
		let job = submit_with(ALICE, None, Some(Tier::Creation));
		run_on(job);
		let seats = seats(job);
		agree_on(job, outcome(2));
		let others: Vec<u8> = (1..=14).filter(|n| !seats.contains(n)).collect();
		for version in [2, 3] {
			new_version(IMAGE, version);
			for n in &others[..3] {
				prove(*n, IMAGE);
			}
		}
		run_on(job);
		let n = auditor(job).unwrap();
		assert!(others[3..].contains(&n));
		assert_ok!(audit(job, n, outcome(1)));
		run_on(job);
		let panel = jurors(job);
		assert!(panel.len() >= 3 && panel.iter().all(|n| others[3..].contains(n)), "{panel:?}");
	});
}

#[test]
fn evaluation_should_be_done_by_whoever_has_proved_any_version() {
	build_and_execute(|| {
		serving_operators(3);
		new_version(IMAGE, 7);
		new_version(IMAGE, 8);
		prove(1, IMAGE);
		// Version 1 against version 2: one operator has gone on to 8, two still have version 1.
		let job = evaluate(ALICE).unwrap();
		run_on(job);
		let mut seats = seats(job);
		seats.sort();
		assert_eq!(seats, [1, 2, 3]);
	});
}
