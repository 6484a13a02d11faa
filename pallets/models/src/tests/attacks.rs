use autonomy_primitives::evaluation::{Evaluated, EvaluationResults};
use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Contributions, Error, Evaluation, ModelStates, Proposals};

fn granted(model: u32) -> u128 {
	ModelStates::<Test>::get(model).granted
}

#[test]
fn shares_should_not_be_granted_without_an_agreed_evaluation() {
	build_and_execute(|| {
		let model = registered("model");
		// The community waves a version through.
		let proposal = proposed(model, "waved");
		assert_ok!(Models::accept_version(signed(1), proposal));
		// A job without agreement.
		let proposal = proposed(model, "failed");
		Models::on_evaluated(ordered(proposal), Evaluated::Failed);
		assert_ok!(Models::accept_version(signed(1), proposal));
		// A job that nobody ordered.
		let proposal = proposed(model, "unordered");
		Models::on_evaluated(77, Evaluated::Measured { base: 1_000, candidate: 1 });
		assert_ok!(Models::accept_version(signed(1), proposal));
		assert_eq!((ModelStates::<Test>::get(model).version, granted(model)), (3, 0));
	});
}

#[test]
fn evaluation_should_not_be_replayed() {
	build_and_execute(|| {
		let model = registered("model");
		let proposal = proposed(model, "next");
		let job = ordered(proposal);
		measure(job, 990_000);
		// The same job again, with more.
		measure(job, 1);
		assert_eq!(
			Proposals::<Test>::get(proposal).unwrap().evaluation,
			Evaluation::Measured { base: 0, gain: 10_000 }
		);
		assert_ok!(Models::accept_version(signed(1), proposal));
		let before = granted(model);
		measure(job, 1);
		assert_eq!(granted(model), before);
	});
}

#[test]
fn evaluation_should_not_count_for_another_proposal() {
	build_and_execute(|| {
		let model = registered("model");
		let (good, bad) = (proposed(model, "good"), proposed(model, "bad"));
		let job = ordered(good);
		assert_ok!(Models::withdraw_version(signed(2), good));
		measure(job, 1);
		assert_eq!(Proposals::<Test>::get(bad).unwrap().evaluation, Evaluation::None);
	});
}

#[test]
fn one_gain_should_not_be_granted_twice() {
	build_and_execute(|| {
		let model = registered("model");
		let (first, copy) = (proposed(model, "first"), proposed(model, "copy"));
		let (job, other) = (ordered(first), ordered(copy));
		measure(job, 900_000);
		measure(other, 900_000);
		assert_ok!(Models::accept_version(signed(1), first));
		let before = granted(model);
		assert_noop!(Models::accept_version(signed(1), copy), Error::<Test>::EvaluationOutdated);
		// Compared with the version that has the gain, the copy has none.
		Models::on_evaluated(ordered(copy), Evaluated::Measured { base: 900_000, candidate: 900_000 });
		assert_ok!(Models::accept_version(signed(1), copy));
		assert_eq!(granted(model), before);
	});
}

#[test]
fn spoiling_a_model_and_making_it_good_should_earn_nothing() {
	build_and_execute(|| {
		let model = registered("model");
		let spoilt = proposed(model, "spoilt");
		assert_ok!(Models::accept_version(signed(1), spoilt));
		let repaired = proposed(model, "repaired");
		let job = ordered(repaired);
		let order = Orders::get().pop().unwrap();
		assert_eq!(order.base.weights_root, [1; 32], "it is compared with the version before");
		measure(job, 1_000_000);
		assert_ok!(Models::accept_version(signed(1), repaired));
		assert_eq!(granted(model), 0);
	});
}

#[test]
fn shares_should_not_be_claimed_twice() {
	build_and_execute(|| {
		let model = registered("model");
		accepted(model, "next", 100_000);
		run_to(40);
		assert_ok!(Models::claim_vested(signed(3), model, 1));
		let claimed = shares(model, 3);
		assert_noop!(Models::claim_vested(signed(3), model, 1), Error::<Test>::NothingToClaim);
		assert_eq!(shares(model, 3), claimed);
	});
}

#[test]
fn shares_should_not_be_claimed_while_the_claim_is_frozen() {
	build_and_execute(|| {
		let model = registered("model");
		accepted(model, "next", 100_000);
		run_to(40);
		assert_ok!(Models::dispute(signed(1), model, 1));
		for block in [40, 41, 40 + DISPUTE - 1] {
			run_to(block);
			assert_noop!(Models::claim_vested(signed(3), model, 1), Error::<Test>::ClaimFrozen);
		}
		assert_ok!(Models::resolve_dispute(RuntimeOrigin::root(), model, 1, true));
		assert_ok!(Models::claim_vested(signed(3), model, 1));
		let kept = Contributions::<Test>::get(model, 1).unwrap().granted;
		assert_eq!(kept, CAP / 20 * 39 / 90, "nothing vests while a dispute that is upheld is open");
	});
}

#[test]
fn expired_proposal_should_not_be_accepted() {
	build_and_execute(|| {
		let model = registered("model");
		assert_ok!(Models::set_charter(signed(1), model, charter(Some(1_000))));
		let (by_hand, by_job) = (proposed(model, "by hand"), proposed(model, "by job"));
		let job = ordered(by_job);
		run_to(1 + LIFETIME);
		assert_noop!(Models::accept_version(signed(1), by_hand), Error::<Test>::ProposalExpired);
		measure(job, 1);
		assert_eq!(ModelStates::<Test>::get(model).version, 0);
		assert_noop!(Models::accept_version(signed(1), by_job), Error::<Test>::ProposalExpired);
		assert_ok!(Models::expire_version(signed(5), by_job));
	});
}

#[test]
fn weight_should_not_be_lowered_under_an_open_proposal() {
	build_and_execute(|| {
		let model = registered("model");
		let proposal = proposed(model, "next");
		measure(ordered(proposal), 900_000);
		let mut none = charter(None);
		none.weights.training = sp_runtime::Permill::zero();
		assert_ok!(Models::set_charter(signed(1), model, none));
		assert_ok!(Models::accept_version(signed(1), proposal));
		assert_eq!(granted(model), CAP / 20);
	});
}

#[test]
fn former_owner_should_not_accept() {
	build_and_execute(|| {
		let model = registered("model");
		let proposal = proposed(model, "next");
		assert_ok!(Nfts::transfer(signed(1), crate::Collection::<Test>::get().unwrap(), model, account(5)));
		assert_noop!(Models::accept_version(signed(1), proposal), Error::<Test>::NotOwner);
		assert_ok!(Models::accept_version(signed(5), proposal));
	});
}

#[test]
fn asset_should_not_be_taken_beforehand() {
	build_and_execute(|| {
		let model = registered("model");
		accepted(model, "next", 100_000);
		run_to(40);
		let asset = FirstShares::get() + model;
		assert!(Assets::create(signed(5), asset, account(5), 1).is_err());
		assert_ok!(Assets::create(signed(5), FirstShares::get() - 1, account(5), 1));
		assert_ok!(Models::claim_vested(signed(3), model, 1));
		assert_eq!(ModelStates::<Test>::get(model).shares, Some(asset));
	});
}
