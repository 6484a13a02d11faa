use autonomy_primitives::{
	digest::{self, canonical_ballot, ResultContext},
	job::Modality,
	Digest,
};
use frame_support::{
	assert_noop, assert_ok,
	dispatch::{DispatchResultWithPostInfo, Pays},
};
use sp_runtime::Permill;

use crate::{mock::*, Error, Event, OpenBallots, Outcome};

/// Digest of what the character said.
const REASONS: Digest = [7; 32];

/// The result of a job that decided this.
fn result(job: u64, decision: Option<i8>) -> Outcome {
	let stored = stored(job);
	let context = ResultContext {
		genesis: System::block_hash(0u64).0,
		model_root: stored.weights_root,
		engine: stored.engine,
		input_hash: stored.input_hash,
		seed: stored.seed.unwrap(),
		modality: Modality::Ballot,
	};
	Outcome { result: digest::result(&context, &canonical_ballot(decision, &REASONS)), ..outcome(1) }
}

/// A ballot that decided this and is final.
fn decided(decision: Option<i8>) -> u64 {
	TestTiers::mutate(|tiers| tiers.ballot.audit = Permill::zero());
	let job = ballot(ALICE).unwrap();
	run_on(job);
	agree_on(job, result(job, decision));
	run_out(job);
	job
}

fn report(job: u64, decision: Option<i8>) -> DispatchResultWithPostInfo {
	Inference::report_ballot(signed(BOB), job, decision, REASONS)
}

#[test]
fn report_ballot_should_tell_governance_when_the_decision_gives_the_result() {
	build_and_execute(|| {
		ballot_operators(5);
		for decision in [Some(100), Some(50), Some(0), Some(-50), Some(-100), None] {
			let job = decided(decision);
			assert_eq!(told(job), []);
			let info = report(job, decision).unwrap();
			assert_eq!(info.pays_fee, Pays::No);
			assert_eq!(last_event(), Event::BallotReported { job, decision, reasons: REASONS });
			assert_eq!(told(job), [Told::Ballot { job, decision }]);
			assert!(!OpenBallots::<Test>::contains_key(job));
		}
	});
}

#[test]
fn report_ballot_should_fail_when_the_decision_or_the_reasons_are_others() {
	build_and_execute(|| {
		ballot_operators(5);
		let job = decided(Some(-50));
		for decision in [Some(50), Some(-51), Some(-100), Some(0), None] {
			assert_noop!(report(job, decision), Error::<Test>::DecisionMismatch);
		}
		let others = Inference::report_ballot(signed(BOB), job, Some(-50), [8; 32]);
		assert_noop!(others, Error::<Test>::DecisionMismatch);
		// Silence is not indifference.
		let silent = decided(None);
		assert_noop!(report(silent, Some(0)), Error::<Test>::DecisionMismatch);
		assert_eq!(Heard::get(), []);
		assert_ok!(report(job, Some(-50)));
		assert_ok!(report(silent, None));
	});
}

#[test]
fn report_ballot_should_fail_when_it_was_reported_before() {
	build_and_execute(|| {
		ballot_operators(5);
		let job = decided(Some(100));
		assert_ok!(report(job, Some(100)));
		assert_noop!(report(job, Some(100)), Error::<Test>::AlreadyReported);
		assert_noop!(report(job, None), Error::<Test>::AlreadyReported);
		assert_eq!(told(job).len(), 1);
	});
}

#[test]
fn report_ballot_should_fail_when_the_decision_is_out_of_range() {
	build_and_execute(|| {
		ballot_operators(5);
		// Whatever operators agree on, no AI has more than one voice.
		let job = decided(Some(101));
		for decision in [101, -101, i8::MAX, i8::MIN] {
			assert_noop!(report(job, Some(decision)), Error::<Test>::DecisionOutOfRange);
		}
		assert!(OpenBallots::<Test>::contains_key(job));
		assert_eq!(told(job), []);
	});
}

#[test]
fn report_ballot_should_fail_when_the_job_is_not_final_or_no_ballot() {
	build_and_execute(|| {
		ballot_operators(5);
		assert_noop!(report(0, None), Error::<Test>::NotFinal);
		let job = ballot(ALICE).unwrap();
		run_on(job);
		assert_noop!(report(job, None), Error::<Test>::NotFinal);
		// No seat commits: it fails, and stays without a result.
		run_out(job);
		assert_noop!(report(job, None), Error::<Test>::NotFinal);
		assert_eq!(told(job), [Told::Ballot { job, decision: None }]);
	});
	build_and_execute(|| {
		ballot_operators(5);
		let (job, _) = submit_and_draw(ALICE);
		agree(job);
		run_out(job);
		assert_noop!(report(job, None), Error::<Test>::NotBallot);
		let losses = Inference::report_evaluation(signed(BOB), decided(None), 1, 1);
		assert_noop!(losses, Error::<Test>::NotEvaluation);
	});
}
