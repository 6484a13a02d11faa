use autonomy_primitives::evaluation::{Evaluated, EvaluationResults};
use frame_support::{assert_noop, assert_ok, traits::fungible::InspectHold};
use sp_runtime::DispatchError;

use crate::{mock::*, Closing, Error, EvaluationJobs, Event, HoldReason, ModelStates, Proposals};

fn is_gone(proposal: u64) {
	assert_eq!(Proposals::<Test>::get(proposal), None);
	assert_eq!(Balances::balance_on_hold(&HoldReason::Proposal.into(), &account(2)), 0);
	assert_eq!(Balances::free_balance(account(2)), FUNDS);
}

#[test]
fn reject_version_should_return_the_deposit() {
	build_and_execute(|| {
		let model = registered("model");
		let proposal = proposed(model, "next");
		assert_noop!(Models::reject_version(signed(2), proposal), Error::<Test>::NotOwner);
		assert_noop!(Models::reject_version(signed(1), 9), Error::<Test>::UnknownProposal);
		assert_ok!(Models::reject_version(signed(COMMUNITY), proposal));
		is_gone(proposal);
		assert_eq!(last_event(), Event::ProposalClosed { proposal, reason: Closing::Rejected });
		// The manifest can be proposed again.
		proposed(model, "next");
	});
}

#[test]
fn withdraw_version_should_be_the_proposers() {
	build_and_execute(|| {
		let model = registered("model");
		let proposal = proposed(model, "next");
		// Neither the owner nor the beneficiary.
		for who in [1, 3] {
			assert_noop!(Models::withdraw_version(signed(who), proposal), Error::<Test>::NotProposer);
		}
		assert_noop!(Models::withdraw_version(RuntimeOrigin::root(), proposal), DispatchError::BadOrigin);
		assert_noop!(Models::withdraw_version(signed(2), 9), Error::<Test>::UnknownProposal);
		assert_ok!(Models::withdraw_version(signed(2), proposal));
		is_gone(proposal);
		assert_eq!(last_event(), Event::ProposalClosed { proposal, reason: Closing::Withdrawn });
	});
}

#[test]
fn expire_version_should_be_anybodys_when_the_time_is_over() {
	build_and_execute(|| {
		let model = registered("model");
		let proposal = proposed(model, "next");
		run_to(LIFETIME);
		assert_noop!(Models::expire_version(signed(5), proposal), Error::<Test>::ProposalNotExpired);
		run_to(1 + LIFETIME);
		assert_noop!(Models::expire_version(RuntimeOrigin::root(), proposal), DispatchError::BadOrigin);
		assert_noop!(Models::expire_version(signed(5), 9), Error::<Test>::UnknownProposal);
		assert_ok!(Models::expire_version(signed(5), proposal));
		is_gone(proposal);
		assert_eq!(last_event(), Event::ProposalClosed { proposal, reason: Closing::Expired });
	});
}

#[test]
fn job_under_way_should_change_nothing_when_its_proposal_is_closed() {
	build_and_execute(|| {
		let model = registered("model");
		assert_ok!(Models::set_charter(signed(1), model, charter(Some(1_000))));
		let proposal = proposed(model, "next");
		let job = ordered(proposal);
		assert_ok!(Models::withdraw_version(signed(2), proposal));
		assert_eq!(EvaluationJobs::<Test>::get(job), None);
		let before = events().len();
		Models::on_evaluated(job, Evaluated::Measured { base: 100, candidate: 1 });
		assert_eq!(events().len(), before);
		assert_eq!(ModelStates::<Test>::get(model).version, 0);
	});
}
