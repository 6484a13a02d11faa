use autonomy_primitives::{
	digest::{self, canonical_evaluation, ResultContext},
	evaluation::Evaluated,
	job::Modality,
};
use frame_support::{assert_noop, assert_ok, dispatch::Pays};

use crate::{mock::*, Error, Event, OpenEvaluations, Outcome};

const BASE: u64 = 2_500_000_000;
const CANDIDATE: u64 = 2_250_000_001;

/// The result of a job that found these losses.
fn result(job: u64, base: u64, candidate: u64) -> Outcome {
	let stored = stored(job);
	let context = ResultContext {
		genesis: System::block_hash(0u64).0,
		model_root: stored.weights_root,
		engine: stored.engine,
		input_hash: stored.input_hash,
		seed: stored.seed.unwrap(),
		modality: Modality::Evaluation,
	};
	Outcome { result: digest::result(&context, &canonical_evaluation(base, candidate)), ..outcome(1) }
}

/// An evaluation that found these losses and is final.
fn evaluated(base: u64, candidate: u64) -> u64 {
	TestTiers::mutate(|tiers| tiers.creation.audit = sp_runtime::Permill::zero());
	let job = evaluate(ALICE).unwrap();
	run_on(job);
	agree_on(job, result(job, base, candidate));
	run_out(job);
	job
}

fn report(job: u64, base: u64, candidate: u64) -> frame_support::dispatch::DispatchResultWithPostInfo {
	Inference::report_evaluation(signed(BOB), job, base, candidate)
}

#[test]
fn report_evaluation_should_tell_the_registry_when_the_losses_give_the_result() {
	build_and_execute(|| {
		serving_operators(3);
		let job = evaluated(BASE, CANDIDATE);
		assert_eq!(told(job), []);
		let info = report(job, BASE, CANDIDATE).unwrap();
		assert_eq!(info.pays_fee, Pays::No);
		let reported = Event::EvaluationReported { job, base_loss: BASE, candidate_loss: CANDIDATE };
		assert_eq!(last_event(), reported);
		let outcome = Evaluated::Measured { base: BASE, candidate: CANDIDATE };
		assert_eq!(told(job), [Told::Evaluated { job, outcome }]);
		assert!(!OpenEvaluations::<Test>::contains_key(job));
	});
}

#[test]
fn report_evaluation_should_fail_when_the_losses_are_others() {
	build_and_execute(|| {
		serving_operators(3);
		let job = evaluated(BASE, CANDIDATE);
		for (base, candidate) in [(CANDIDATE, BASE), (BASE, CANDIDATE - 1), (BASE + 1, CANDIDATE), (0, 0)] {
			assert_noop!(report(job, base, candidate), Error::<Test>::LossesMismatch);
		}
		assert_eq!(told(job), []);
		assert_ok!(report(job, BASE, CANDIDATE));
	});
}

#[test]
fn report_evaluation_should_fail_when_it_was_reported_before() {
	build_and_execute(|| {
		serving_operators(3);
		let job = evaluated(BASE, CANDIDATE);
		assert_ok!(report(job, BASE, CANDIDATE));
		assert_noop!(report(job, BASE, CANDIDATE), Error::<Test>::AlreadyReported);
		assert_eq!(told(job).len(), 1);
	});
}

#[test]
fn report_evaluation_should_fail_when_a_loss_has_no_place_in_a_result() {
	build_and_execute(|| {
		serving_operators(3);
		// What is larger gives the same digest as the largest.
		let most = i64::MAX as u64;
		let job = evaluated(most, most);
		for (base, candidate) in [(most + 1, most), (most, most + 1), (u64::MAX, u64::MAX)] {
			assert_noop!(report(job, base, candidate), Error::<Test>::LossOutOfRange);
		}
		assert_ok!(report(job, most, most));
	});
}

#[test]
fn report_evaluation_should_fail_when_the_job_is_not_final_or_no_evaluation() {
	build_and_execute(|| {
		serving_operators(3);
		assert_noop!(report(0, BASE, CANDIDATE), Error::<Test>::NotFinal);
		let job = evaluate(ALICE).unwrap();
		run_on(job);
		assert_noop!(report(job, BASE, CANDIDATE), Error::<Test>::NotFinal);
		// No seat commits: it fails, and stays without a result.
		run_out(job);
		assert_noop!(report(job, BASE, CANDIDATE), Error::<Test>::NotFinal);
		assert_eq!(told(job), [Told::Evaluated { job, outcome: Evaluated::Failed }]);
	});
	build_and_execute(|| {
		serving_operators(3);
		let (job, _) = submit_and_draw(ALICE);
		agree(job);
		run_out(job);
		assert_noop!(report(job, BASE, CANDIDATE), Error::<Test>::NotEvaluation);
	});
}
