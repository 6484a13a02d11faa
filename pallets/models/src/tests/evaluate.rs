use autonomy_primitives::{
	digest::cid,
	evaluation::{Evaluated, EvaluatedWeights, EvaluationResults},
};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError;

use crate::{mock::*, Charter, Error, Evaluation, EvaluationJobs, Event, ModelStates, Proposals};

fn evaluation(proposal: u64) -> Evaluation {
	Proposals::<Test>::get(proposal).unwrap().evaluation
}

#[test]
fn evaluate_should_order_a_job_that_compares_with_the_best_version() {
	build_and_execute(|| {
		let model = registered("model");
		let proposal = proposed(model, "next");
		assert_ok!(Models::evaluate(signed(4), proposal));
		let order = Orders::get().pop().unwrap();
		assert_eq!((order.payer, order.model, order.evaluation_set), (account(4), model, cid(b"held-out")));
		assert_eq!(order.base, EvaluatedWeights { manifest: cid(b"model"), weights_root: [1; 32], engine: [2; 32] });
		let next = candidate("next");
		let expected = EvaluatedWeights { manifest: next.manifest, weights_root: next.weights_root, engine: [2; 32] };
		assert_eq!(order.candidate, expected);
		assert_eq!(evaluation(proposal), Evaluation::Ordered { job: 0, base: 0 });
		assert_eq!(EvaluationJobs::<Test>::get(0), Some(proposal));
		let event =
			Event::EvaluationOrdered { proposal, job: 0, base: 0, evaluation_set: cid(b"held-out"), payer: account(4) };
		assert_eq!(last_event(), event);
	});
}

#[test]
fn on_evaluated_should_store_the_gain() {
	build_and_execute(|| {
		let model = registered("model");
		let proposal = proposed(model, "next");
		let job = ordered(proposal);
		measure(job, 900_000);
		assert_eq!(evaluation(proposal), Evaluation::Measured { base: 0, gain: 100_000 });
		assert_eq!(EvaluationJobs::<Test>::get(job), None);
		let event =
			Event::Evaluated { proposal, job, base: 0, base_loss: 1_000_000, candidate_loss: 900_000, gain: 100_000 };
		assert_eq!(last_event(), event);
	});
}

#[test]
fn on_evaluated_should_give_no_gain_when_the_candidate_is_worse() {
	build_and_execute(|| {
		let model = registered("model");
		let proposal = proposed(model, "next");
		measure(ordered(proposal), 1_000_001);
		assert_eq!(evaluation(proposal), Evaluation::Measured { base: 0, gain: 0 });
	});
}

#[test]
fn evaluate_should_be_possible_again_when_the_job_has_failed() {
	build_and_execute(|| {
		let model = registered("model");
		let proposal = proposed(model, "next");
		let job = ordered(proposal);
		assert_noop!(Models::evaluate(signed(4), proposal), Error::<Test>::EvaluationUnderWay);
		Models::on_evaluated(job, Evaluated::Failed);
		assert_eq!(last_event(), Event::EvaluationFailed { proposal, job });
		assert_eq!(evaluation(proposal), Evaluation::None);
		assert_eq!(ordered(proposal), 1);
	});
}

#[test]
fn evaluate_should_fail_when_it_was_measured_before() {
	build_and_execute(|| {
		let model = registered("model");
		let proposal = proposed(model, "next");
		measure(ordered(proposal), 990_000);
		assert_noop!(Models::evaluate(signed(4), proposal), Error::<Test>::EvaluatedBefore);
		// A better version has been accepted since: what was measured counts for nothing.
		accepted(model, "better", 50_000);
		assert_noop!(Models::accept_version(signed(1), proposal), Error::<Test>::EvaluationOutdated);
		assert_ok!(Models::evaluate(signed(4), proposal));
		assert_eq!(Orders::get().pop().unwrap().base.manifest, cid(b"better"));
	});
}

#[test]
fn on_evaluated_should_accept_what_the_charter_says() {
	build_and_execute(|| {
		let model = registered("model");
		assert_ok!(Models::set_charter(signed(1), model, charter(Some(50_000))));
		let below = proposed(model, "below");
		measure(ordered(below), 950_001);
		assert_eq!(ModelStates::<Test>::get(model).version, 0, "a gain of 49,999 is below the charter's");
		let enough = proposed(model, "enough");
		measure(ordered(enough), 950_000);
		assert_eq!(ModelStates::<Test>::get(model).version, 1);
		assert!(matches!(last_event(), Event::VersionAccepted { version: 1, gain: 50_000, automatic: true, .. }));
		assert_eq!(Proposals::<Test>::get(enough), None);
	});
}

#[test]
fn on_evaluated_should_not_accept_by_itself_when_the_data_is_not_approved() {
	build_and_execute(|| {
		let model = registered("model");
		assert_ok!(Models::set_charter(signed(1), model, charter(Some(50_000))));
		for (name, approved) in [("first", false), ("second", true)] {
			let proposal = crate::NextProposalId::<Test>::get();
			assert_ok!(Models::propose_version(signed(2), model, candidate(name), data("cats", 3)));
			if approved {
				assert_ok!(Models::set_data_root(signed(1), model, cid(b"cats"), true));
			}
			measure(ordered(proposal), 900_000);
			assert_eq!(ModelStates::<Test>::get(model).version == 1, approved);
		}
	});
}

#[test]
fn on_evaluated_should_not_accept_by_itself_when_what_is_in_force_was_not_measured() {
	build_and_execute(|| {
		let model = registered("model");
		assert_ok!(Models::set_charter(signed(1), model, charter(Some(50_000))));
		let trusted = proposed(model, "trusted");
		assert_ok!(Models::accept_version(signed(1), trusted));
		// It is better than version 0, and maybe not than version 1.
		let proposal = proposed(model, "next");
		measure(ordered(proposal), 900_000);
		assert_eq!(ModelStates::<Test>::get(model).version, 1);
		assert_ok!(Models::accept_version(signed(1), proposal));
	});
}

#[test]
fn on_evaluated_should_leave_the_proposal_when_it_cannot_be_accepted() {
	build_and_execute(|| {
		let model = registered("model");
		assert_ok!(Models::set_charter(signed(1), model, charter(Some(50_000))));
		let proposal = proposed(model, "next");
		let job = ordered(proposal);
		// Somebody registers the manifest as a model of its own.
		assert_ok!(Models::register(signed(5), details("next")));
		measure(job, 900_000);
		let error = Error::<Test>::ManifestTaken.into();
		assert_eq!(last_event(), Event::AcceptanceFailed { proposal, error });
		assert_eq!(evaluation(proposal), Evaluation::Measured { base: 0, gain: 100_000 });
		assert_eq!(ModelStates::<Test>::get(model).version, 0);
	});
}

#[test]
fn evaluate_should_fail_when_there_is_nothing_to_evaluate_on() {
	build_and_execute(|| {
		let model = registered("model");
		let proposal = proposed(model, "next");
		assert_ok!(Models::set_charter(signed(1), model, Charter::default()));
		assert_noop!(Models::evaluate(signed(4), proposal), Error::<Test>::NoEvaluationSet);
	});
}

#[test]
fn evaluate_should_fail_when_there_is_no_open_proposal() {
	build_and_execute(|| {
		let model = registered("model");
		let proposal = proposed(model, "next");
		assert_noop!(Models::evaluate(signed(4), 9), Error::<Test>::UnknownProposal);
		assert_noop!(Models::evaluate(RuntimeOrigin::root(), proposal), DispatchError::BadOrigin);
		Refused::set(true);
		assert_noop!(Models::evaluate(signed(4), proposal), DispatchError::Unavailable);
		Refused::set(false);
		run_to(1 + LIFETIME);
		assert_noop!(Models::evaluate(signed(4), proposal), Error::<Test>::ProposalExpired);
	});
}

#[test]
fn evaluate_should_fail_when_the_job_is_known() {
	build_and_execute(|| {
		let model = registered("model");
		let (first, second) = (proposed(model, "a"), proposed(model, "b"));
		ordered(first);
		// The other side numbers from the beginning again.
		Orders::set(Vec::new());
		assert_noop!(Models::evaluate(signed(4), second), Error::<Test>::JobTaken);
	});
}
