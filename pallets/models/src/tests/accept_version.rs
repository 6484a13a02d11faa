use autonomy_primitives::{digest::cid, model::ModelRegistry};
use frame_support::{assert_noop, assert_ok, traits::fungible::InspectHold};
use sp_runtime::{AccountId32, DispatchError};

use crate::{
	mock::*, Claim, Contributions, Error, Event, HoldReason, ModelByManifest, ModelStates, Proposals, Version, Versions,
};

fn terms(model: u32) -> autonomy_primitives::model::ModelTerms<AccountId32, u64> {
	<Models as ModelRegistry<AccountId32, u64>>::terms(model).unwrap()
}

#[test]
fn accept_version_should_make_it_the_current_one_and_grant_shares() {
	build_and_execute(|| {
		let model = registered("model");
		let proposal = proposed(model, "next");
		measure(ordered(proposal), 900_000);
		run_to(7);
		assert_ok!(Models::accept_version(signed(1), proposal));
		// A gain of 10 % at a weight of 50 % is 5 % of the cap.
		let granted = CAP / 20;
		let event = Event::VersionAccepted {
			model,
			version: 1,
			proposal,
			candidate: candidate("next"),
			beneficiary: account(3),
			gain: 100_000,
			granted,
			automatic: false,
		};
		assert_eq!(last_event(), event);
		let next = candidate("next");
		assert_eq!(terms(model).weights_root, next.weights_root, "new jobs run the new weights");
		assert_eq!(<Models as ModelRegistry<AccountId32, u64>>::golden_result(model), Some([9; 32]));
		let row = Version {
			manifest: next.manifest,
			weights_root: next.weights_root,
			engine: [2; 32],
			golden_result: [9; 32],
			accepted_at: 7,
			contribution: Some(1),
		};
		assert_eq!(Models::version(model), Some((1, row)));
		assert_eq!(Versions::<Test>::get(model, 0).unwrap().manifest, cid(b"model"), "the first one stays on record");
		assert_eq!(ModelByManifest::<Test>::get(next.manifest), Some(model));
		let contribution = Contributions::<Test>::get(model, 1).unwrap();
		assert_eq!((contribution.granted, contribution.claimed, contribution.started), (granted, 0, 7));
		assert_eq!((contribution.gain, contribution.claim), (100_000, Claim::Open));
		let state = ModelStates::<Test>::get(model);
		assert_eq!((state.version, state.baseline, state.granted, state.proposals), (1, 1, granted, 0));
		assert_eq!(Proposals::<Test>::get(proposal), None);
		assert_eq!(Balances::balance_on_hold(&HoldReason::Proposal.into(), &account(2)), 0);
		assert_eq!(Balances::free_balance(account(2)), FUNDS);
	});
}

#[test]
fn accept_version_should_grant_a_part_of_what_remains() {
	build_and_execute(|| {
		let model = registered("model");
		accepted(model, "one", 100_000);
		accepted(model, "two", 100_000);
		let first = CAP / 20;
		let granted = |n| Contributions::<Test>::get(model, n).unwrap().granted;
		assert_eq!((granted(1), granted(2)), (first, (CAP - first) / 20));
	});
}

#[test]
fn accept_version_should_grant_no_more_than_the_bound() {
	build_and_execute(|| {
		let model = registered("model");
		accepted(model, "one", 1_000_000);
		assert_eq!(ModelStates::<Test>::get(model).granted, CAP / 5);
	});
}

#[test]
fn accept_version_should_grant_nothing_when_it_was_not_evaluated() {
	build_and_execute(|| {
		let model = registered("model");
		let proposal = proposed(model, "next");
		assert_ok!(Models::accept_version(signed(1), proposal));
		let state = ModelStates::<Test>::get(model);
		assert_eq!((state.version, state.baseline, state.granted), (1, 0, 0));
		assert_eq!(Contributions::<Test>::get(model, 1).unwrap().gain, 0);
	});
}

#[test]
fn accept_version_should_be_the_communitys() {
	build_and_execute(|| {
		let model = registered("model");
		let proposal = proposed(model, "next");
		assert_noop!(Models::accept_version(signed(2), proposal), Error::<Test>::NotOwner);
		assert_noop!(Models::accept_version(RuntimeOrigin::none(), proposal), DispatchError::BadOrigin);
		assert_ok!(Models::accept_version(signed(COMMUNITY), proposal));
		assert_noop!(Models::accept_version(signed(COMMUNITY), proposal), Error::<Test>::UnknownProposal);
	});
}

#[test]
fn accept_version_should_fail_when_the_evaluation_is_under_way() {
	build_and_execute(|| {
		let model = registered("model");
		let proposal = proposed(model, "next");
		let job = ordered(proposal);
		assert_noop!(Models::accept_version(signed(1), proposal), Error::<Test>::EvaluationUnderWay);
		measure(job, 900_000);
		assert_ok!(Models::accept_version(signed(1), proposal));
	});
}

#[test]
fn accept_version_should_fail_when_its_manifest_was_registered_meanwhile() {
	build_and_execute(|| {
		let model = registered("model");
		let proposal = proposed(model, "next");
		assert_ok!(Models::register(signed(5), details("next")));
		assert_noop!(Models::accept_version(signed(1), proposal), Error::<Test>::ManifestTaken);
		assert_ok!(Models::withdraw_version(signed(2), proposal));
	});
}

#[test]
fn manifest_of_a_version_should_not_be_registered_again() {
	build_and_execute(|| {
		let model = registered("model");
		accepted(model, "next", 0);
		for name in ["model", "next"] {
			assert_noop!(Models::register(signed(5), details(name)), Error::<Test>::ManifestTaken);
		}
	});
}
