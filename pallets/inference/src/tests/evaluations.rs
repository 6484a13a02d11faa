//! Evaluations as the model registry orders them, and their end.

use autonomy_primitives::{
	evaluation::{Evaluated, Evaluations},
	fault::FaultCode,
	job::{EvaluationInput, JobInput, Modality, SeedPolicy, EVALUATION_RUNS},
};
use frame_support::{assert_noop, assert_ok};

use super::{failure, free, held, is_final, payments};
use crate::{
	mock::*, Error, FailReason, HoldReason, JobState, OpenEvaluations, Order, Part, Provenance, Purpose, Tier,
};

/// What auditing an evaluation of the image model pays.
const EVALUATION_AUDIT: u64 = EVALUATION_FEE * 3 / 2;

/// The model registry is told that a job found nothing.
fn failed(job: u64) -> Vec<Told> {
	vec![Told::Evaluated { job, outcome: Evaluated::Failed }]
}

#[test]
fn order_should_submit_a_job_that_compares_two_versions() {
	build_and_execute(|| {
		serving_operators(3);
		// The order of versions is the registry's: what is current now plays no part.
		new_version(IMAGE, 9);
		let id = evaluate(ALICE).unwrap();
		let job = stored(id);
		let input = EvaluationInput {
			base: version(1),
			candidate: version(2),
			set: evaluation_set(),
			model: Modality::Image,
			samples: SAMPLES,
			size: 128 * 128,
		};
		assert_eq!(job.input, JobInput::Evaluation(input));
		assert_eq!((job.requester, job.model, job.purpose), (account(ALICE), IMAGE, Purpose::Evaluation));
		assert_eq!((job.k, job.tier, job.seed_policy), (3, Tier::Creation, SeedPolicy::Chain));
		assert_eq!((job.weights_root, job.engine), ([1; 32], ENGINE));
		assert_eq!((job.seat_fee, job.audit_reserve), (EVALUATION_FEE, EVALUATION_AUDIT));
		assert_eq!(job.budget, BUDGET * EVALUATION_RUNS);
		assert_eq!(held(HoldReason::JobFee, ALICE), 3 * EVALUATION_FEE + EVALUATION_AUDIT);
	});
}

#[test]
fn order_should_count_tokens_when_the_model_makes_text() {
	build_and_execute(|| {
		serving_operators(3);
		let (who, set) = (account(BOB), evaluation_set());
		let ordered = <Inference as Evaluations<_>>::order(&who, TEXT, &version(1), &version(2), &set);
		let job = stored(ordered.unwrap());
		let JobInput::Evaluation(input) = job.input else { panic!("an evaluation") };
		// 64 tokens, and 64 bytes of prompt.
		assert_eq!((input.model, input.size), (Modality::Text, 80));
		assert_eq!((job.tier, job.seat_fee), (Tier::Creation, 2 * 80 * u64::from(SAMPLES) * PRICE));
	});
}

#[test]
fn evaluation_should_have_three_seats_and_the_tier_of_a_work_whatever_is_asked_for() {
	build_and_execute(|| {
		serving_operators(5);
		let input = stored(evaluate(ALICE).unwrap()).input;
		let with = |k, tier| {
			let order = Order { input: input.clone(), k, tier, ..order(Purpose::Evaluation) };
			let job = stored(Inference::submit(account(ALICE), order).unwrap());
			(job.k, job.tier)
		};
		assert_eq!(with(Some(1), None), (3, Tier::Creation));
		assert_eq!(with(Some(4), Some(Tier::Text)), (4, Tier::Creation));
		assert_eq!(with(None, Some(Tier::Ballot)), (3, Tier::Creation));
		TestTiers::mutate(|tiers| tiers.creation.committee = 1);
		assert_eq!(with(None, None), (3, Tier::Creation));
		TestTiers::mutate(|tiers| tiers.creation.committee = 5);
		assert_eq!(stored(evaluate(BOB).unwrap()).k, 5);
	});
}

#[test]
fn order_should_fail_where_submit_job_does() {
	build_and_execute(|| {
		assert_noop!(evaluate(ALICE), Error::<Test>::NotEnoughOperators);
		serving_operators(3);
		let order = |model, candidate: &_| {
			<Inference as Evaluations<_>>::order(&account(ALICE), model, &version(1), candidate, &evaluation_set())
		};
		assert_noop!(order(7, &version(2)), Error::<Test>::UnknownModel);
		let mut other = version(2);
		other.engine = [9; 32];
		assert_noop!(order(IMAGE, &other), Error::<Test>::EnginesDiffer);
		change_model(IMAGE, |model| model.terms.limits.max_pixels = 0);
		assert_noop!(evaluate(ALICE), Error::<Test>::SampleSizeIsZero);
		change_model(IMAGE, |model| model.terms.limits.max_pixels = 64 * 64);
		set_active(IMAGE, false);
		assert_noop!(evaluate(ALICE), Error::<Test>::ModelInactive);
		set_active(IMAGE, true);
		// Nothing that a licence is for comes of an evaluation.
		Licensed::set(Some(IMAGE));
		assert_ok!(evaluate(ALICE));
	});
}

#[test]
fn evaluation_should_wait_for_its_report_when_it_is_final() {
	build_and_execute(|| {
		serving_operators(5);
		let job = evaluate(ALICE).unwrap();
		run_on(job);
		let seats = seats(job);
		let deadline = System::block_number() + u64::from(3 * BUDGET * EVALUATION_RUNS) + 10;
		assert_eq!(stored(job).state, JobState::Committing { deadline, fill_at: None });
		agree(job);
		run_on(job);
		assert_ok!(audit(job, auditor(job).unwrap(), outcome(1)));
		run_out(job);
		assert!(is_final(job) && OpenEvaluations::<Test>::contains_key(job));
		assert_eq!(told(job), []);
		let row = Provenance::<Test>::get(job).unwrap();
		assert_eq!((row.purpose, row.modality), (Purpose::Evaluation, Modality::Evaluation));
		assert_eq!((row.weights_root, row.requester), ([1; 32], account(ALICE)));
		assert_eq!(free(ALICE), FUNDS - 3 * EVALUATION_FEE - EVALUATION_AUDIT);
		let (payments, ..) = payments(job);
		assert_eq!(payments.iter().filter(|payment| payment.part == Part::Operator).count(), seats.len());
	});
}

#[test]
fn registry_should_be_told_at_once_when_an_evaluation_has_no_result() {
	build_and_execute(|| {
		serving_operators(3);
		let job = evaluate(ALICE).unwrap();
		assert_ok!(Inference::cancel_job(signed(ALICE), job));
		assert_eq!(told(job), failed(job));

		TestTiers::mutate(|tiers| tiers.creation.audit = sp_runtime::Permill::zero());
		let job = evaluate(ALICE).unwrap();
		run_on(job);
		agree_on(job, fault(FaultCode::InputRejected));
		run_out(job);
		assert_eq!(failure(job), Some(FailReason::InputFault(FaultCode::InputRejected)));
		assert_eq!(told(job), failed(job));

		let job = evaluate(ALICE).unwrap();
		run_out(job);
		assert_eq!((failure(job), told(job)), (Some(FailReason::Expired), failed(job)));
		assert_eq!(OpenEvaluations::<Test>::iter().count(), 0);
	});
}
