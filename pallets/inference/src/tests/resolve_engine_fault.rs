use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError;

use super::{failure, free, lost, operator, record};
use crate::{mock::*, CpuClass, EngineFaults, Error, Event, FailReason, PausedClasses};

/// Operators whose processors are of the new class.
const NEW: std::ops::RangeInclusive<u8> = 1..=4;

fn is_new(n: &u8) -> bool {
	NEW.contains(n)
}

/// Operators `1..=n`, the first four of another class than the rest.
fn two_classes(n: u8) {
	operators(n);
	for owner in 1..=n {
		let class = if is_new(&owner) { CpuClass::X86V4 } else { CpuClass::X86V3 };
		join_as(owner, IMAGE, 1, class);
	}
}

/// What an operator finds when the new class computes something else.
fn found(n: u8) -> crate::Outcome {
	outcome(if is_new(&n) { 2 } else { 1 })
}

/// A job of two seats of the new class and one of the old, in whose dispute a jury of the old class found for the old.
/// Returns the suspects and those who were right.
fn diverge() -> (u64, Vec<u8>, Vec<u8>) {
	let (job, seats) = draw_such(ALICE, |seats| is_new(&seats[0]) && is_new(&seats[1]) && !is_new(&seats[2]));
	play(job, &seats.iter().map(|n| (*n, found(*n))).collect::<Vec<_>>());
	choose(job, |panel| panel.len() == 7 && !panel.iter().any(is_new));
	let mut right = judge(job, |_| outcome(1));
	right.push(seats[2]);
	(job, seats[..2].to_vec(), right)
}

fn paused() -> u32 {
	PausedClasses::<Test>::get(IMAGE, CpuClass::X86V4)
}

#[test]
fn divergence_should_slash_nobody_and_refund_when_it_runs_along_processors() {
	build_and_execute(|| {
		two_classes(14);
		let (job, suspects, right) = diverge();
		assert_eq!((failure(job), free(ALICE)), (Some(FailReason::EngineFault), FUNDS));
		let operators = suspects.iter().map(|n| account(*n)).collect();
		let found = Event::EngineFaultFound { job, model: IMAGE, classes: vec![CpuClass::X86V4], suspects: operators };
		assert!(events().contains(&found));
		assert_eq!(paused(), 1);
		assert!(!PausedClasses::<Test>::contains_key(IMAGE, CpuClass::X86V3));
		for n in &suspects {
			let operator = operator(*n);
			assert_eq!((operator.bond, operator.exposed, operator.seats), (BOND, EXPOSURE, 0));
		}
		for n in &right {
			assert_eq!((operator(*n).exposed, record(*n), free(*n)), (0, (1, 0), FUNDS - BOND));
		}
		let fault = EngineFaults::<Test>::get(job).unwrap();
		assert_eq!((fault.model, fault.exposure, fault.accuser), (IMAGE, EXPOSURE, None));
		assert_eq!(fault.classes.to_vec(), vec![CpuClass::X86V4]);
		// The class is not drawn for this model until then.
		for _ in 0..6 {
			let (job, seats) = submit_and_draw(BOB);
			assert!(!seats.iter().any(is_new));
			agree(job);
		}
	});
}

#[test]
fn suspects_should_have_their_exposure_back_when_they_are_not_guilty() {
	build_and_execute(|| {
		two_classes(14);
		let (job, suspects, right) = diverge();
		assert_noop!(Inference::resolve_engine_fault(signed(ALICE), job, false), DispatchError::BadOrigin);
		assert_ok!(Inference::resolve_engine_fault(RuntimeOrigin::root(), job, false));
		assert_eq!(last_event(), Event::EngineFaultResolved { job, guilty: false });
		for n in &suspects {
			let operator = operator(*n);
			assert_eq!((operator.bond, operator.exposed, operator.suspended_until), (BOND, 0, None));
		}
		assert_eq!((free(right[0]), paused()), (FUNDS - BOND, 0));
		assert!(!PausedClasses::<Test>::contains_key(IMAGE, CpuClass::X86V4));
		draw_such(ALICE, |seats| seats.iter().any(is_new));
	});
}

#[test]
fn suspects_should_be_slashed_when_they_are_guilty() {
	build_and_execute(|| {
		two_classes(14);
		let (job, suspects, right) = diverge();
		assert_ok!(Inference::resolve_engine_fault(RuntimeOrigin::root(), job, true));
		for n in &suspects {
			assert_eq!((lost(*n), operator(*n).exposed), (EXPOSURE, 0));
			assert_eq!(operator(*n).suspended_until, Some(System::block_number() + 100));
		}
		let each = 2 * EXPOSURE * 3 / 10 / right.len() as u64;
		assert!(right.iter().all(|n| free(*n) == FUNDS - BOND + each));
		assert_eq!(burned(), 2 * EXPOSURE - each * right.len() as u64);
		assert_eq!(paused(), 0);
	});
}

#[test]
fn class_should_stay_paused_when_another_fault_names_it() {
	build_and_execute(|| {
		two_classes(16);
		// Both committees are drawn before the class is paused.
		let jobs: Vec<_> = (0..2)
			.map(|_| draw_such(ALICE, |seats| is_new(&seats[0]) && is_new(&seats[1]) && !is_new(&seats[2])))
			.collect();
		for (job, seats) in &jobs {
			play(*job, &seats.iter().map(|n| (*n, found(*n))).collect::<Vec<_>>());
			choose(*job, |panel| panel.len() == 7 && !panel.iter().any(is_new));
			judge(*job, |_| outcome(1));
		}
		assert_eq!(paused(), 2);
		assert_ok!(Inference::resolve_engine_fault(RuntimeOrigin::root(), jobs[0].0, false));
		assert_eq!(paused(), 1);
		assert_ok!(Inference::resolve_engine_fault(RuntimeOrigin::root(), jobs[1].0, true));
		assert_eq!(paused(), 0);
	});
}

#[test]
fn resolve_engine_fault_should_fail_when_there_is_none() {
	build_and_execute(|| {
		two_classes(14);
		let resolve = |job| Inference::resolve_engine_fault(RuntimeOrigin::root(), job, true);
		assert_noop!(resolve(0), Error::<Test>::NoEngineFault);
		let (job, ..) = diverge();
		assert_ok!(resolve(job));
		assert_noop!(resolve(job), Error::<Test>::NoEngineFault);
	});
}

#[test]
fn single_voice_of_a_class_should_be_slashed_as_any_other() {
	build_and_execute(|| {
		two_classes(14);
		let (job, seats) = draw_such(ALICE, |seats| is_new(&seats[0]) && !is_new(&seats[1]) && !is_new(&seats[2]));
		play(job, &seats.iter().map(|n| (*n, found(*n))).collect::<Vec<_>>());
		choose(job, |panel| panel.len() == 7 && !panel.iter().any(is_new));
		judge(job, |_| outcome(1));
		assert_eq!((failure(job), lost(seats[0]), paused()), (None, EXPOSURE, 0));
	});
}

#[test]
fn challenger_should_be_paid_when_the_suspects_that_it_accused_are_guilty() {
	build_and_execute(|| {
		two_classes(14);
		let (job, _) = draw_such(ALICE, |seats| seats.iter().all(is_new));
		agree_on(job, outcome(2));
		assert_ok!(challenge(job, 1));
		choose(job, |panel| panel.len() == 7 && !panel.iter().any(is_new));
		judge(job, |_| outcome(1));
		assert_eq!((failure(job), free(CAROL)), (Some(FailReason::EngineFault), FUNDS));
		assert_ok!(Inference::resolve_engine_fault(RuntimeOrigin::root(), job, true));
		assert_eq!(free(CAROL), FUNDS + 3 * EXPOSURE / 5);
	});
}

/// The one that claimed the guilty's own result used to be rewarded with a fifth of what they lost.
#[test]
fn challenger_should_not_be_paid_when_it_backed_the_guilty() {
	build_and_execute(|| {
		two_classes(27);
		let (job, _) = draw_such(ALICE, |seats| !seats.iter().any(is_new));
		agree(job);
		assert_ok!(challenge(job, 2));
		choose(job, |panel| panel.len() == 7 && panel.iter().filter(|n| is_new(n)).count() == 2);
		run_on(job);
		let first: Vec<_> = jurors(job).into_iter().map(|n| (n, found(n))).collect();
		play(job, &first);
		run_on(job);
		choose(job, |panel| panel.len() == 15);
		run_on(job);
		let second: Vec<_> = jurors(job).into_iter().map(|n| (n, found(n))).collect();
		play(job, &second);
		run_on(job);
		assert_eq!(failure(job), Some(FailReason::EngineFault));
		// Who knows yet that it was no fault of the engine: the bond is back.
		assert_eq!(free(CAROL), FUNDS);
		assert_ok!(Inference::resolve_engine_fault(RuntimeOrigin::root(), job, true));
		assert_eq!(free(CAROL), FUNDS, "nothing for accusing those who were right");
	});
}

#[test]
fn bond_should_stay_while_the_exposure_is_frozen() {
	build_and_execute(|| {
		two_classes(14);
		let (job, suspects, _) = diverge();
		let n = suspects[0];
		assert_ok!(Inference::leave_model(signed(n), IMAGE));
		assert_noop!(Inference::start_unbond(signed(n), BOND), Error::<Test>::BondExposed);
		assert_ok!(Inference::start_unbond(signed(n), BOND - EXPOSURE));
		run_for(20);
		assert_noop!(Inference::withdraw(signed(n)), Error::<Test>::SeatsOpen);
		assert_ok!(Inference::resolve_engine_fault(RuntimeOrigin::root(), job, false));
		assert_ok!(Inference::withdraw(signed(n)));
	});
}
