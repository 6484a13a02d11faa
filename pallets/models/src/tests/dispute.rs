use autonomy_primitives::digest::cid;
use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError;

use crate::{
	mock::*, Claim, Contribution, ContributionKind, Contributions, Error, Event, ModelStates, ModelsWithProvenance,
	NextProposalId,
};

const GRANTED: u128 = CAP / 20;

/// A third of it has vested.
fn contributed() -> u32 {
	let model = registered("model");
	accepted(model, "next", 100_000);
	run_to(1 + VESTING / 3);
	model
}

fn resolve(model: u32, uphold: bool) {
	assert_ok!(Models::resolve_dispute(RuntimeOrigin::root(), model, 1, uphold));
}

#[test]
fn dispute_should_freeze_claims_and_no_balances() {
	build_and_execute(|| {
		let model = contributed();
		assert_ok!(Models::claim_vested(signed(3), model, 1));
		run_to(2 + VESTING / 3);
		assert_ok!(Models::dispute(signed(COMMUNITY), model, 1));
		assert_eq!(last_event(), Event::ContributionDisputed { model, contribution: 1 });
		run_to(10 + VESTING / 3);
		assert_noop!(Models::claim_vested(signed(3), model, 1), Error::<Test>::ClaimFrozen);
		assert_eq!(Models::claimable(account(3), model, 1), 0);
		let asset = ModelStates::<Test>::get(model).shares.unwrap();
		assert_ok!(Assets::transfer(signed(3), asset, account(5), (GRANTED / 3) as u64));
	});
}

#[test]
fn upheld_dispute_should_burn_what_had_not_vested() {
	build_and_execute(|| {
		let model = contributed();
		assert_ok!(Models::dispute(signed(1), model, 1));
		run_to(20 + VESTING / 3);
		resolve(model, true);
		let (kept, burnt) = (GRANTED / 3, GRANTED - GRANTED / 3);
		assert_eq!(last_event(), Event::DisputeResolved { model, contribution: 1, upheld: true, burnt });
		assert_eq!(ModelStates::<Test>::get(model).granted, kept, "what was burnt can be granted again");
		assert_ok!(Models::claim_vested(signed(3), model, 1));
		assert_eq!(shares(model, 3), kept as u64);
		run_to(10 * VESTING);
		assert_noop!(Models::claim_vested(signed(3), model, 1), Error::<Test>::NothingToClaim);
	});
}

#[test]
fn dismissed_dispute_should_change_nothing() {
	build_and_execute(|| {
		let model = contributed();
		assert_ok!(Models::dispute(signed(1), model, 1));
		resolve(model, false);
		let event = Event::DisputeResolved { model, contribution: 1, upheld: false, burnt: 0 };
		assert_eq!(last_event(), event);
		run_to(1 + VESTING);
		assert_ok!(Models::claim_vested(signed(3), model, 1));
		assert_eq!(shares(model, 3), GRANTED as u64);
	});
}

#[test]
fn dispute_should_lapse_when_nobody_resolves_it() {
	build_and_execute(|| {
		let model = contributed();
		let at = 1 + VESTING / 3;
		assert_ok!(Models::dispute(signed(1), model, 1));
		run_to(at + DISPUTE - 1);
		assert_noop!(Models::claim_vested(signed(3), model, 1), Error::<Test>::ClaimFrozen);
		run_to(at + DISPUTE);
		let late = Models::resolve_dispute(RuntimeOrigin::root(), model, 1, true);
		assert_eq!(late, Err(Error::<Test>::NotDisputed.into()));
		assert_ok!(Models::claim_vested(signed(3), model, 1));
		assert_eq!(Contributions::<Test>::get(model, 1).unwrap().claim, Claim::Cleared);
		assert!(events().contains(&Event::DisputeResolved { model, contribution: 1, upheld: false, burnt: 0 }));
	});
}

#[test]
fn dispute_should_be_possible_once() {
	build_and_execute(|| {
		let model = contributed();
		assert_ok!(Models::dispute(signed(1), model, 1));
		assert_noop!(Models::dispute(signed(1), model, 1), Error::<Test>::DisputedBefore);
		resolve(model, false);
		assert_noop!(Models::dispute(signed(1), model, 1), Error::<Test>::DisputedBefore);
		assert_noop!(Models::resolve_dispute(RuntimeOrigin::root(), model, 1, true), Error::<Test>::NotDisputed);
	});
}

#[test]
fn dispute_should_fail_when_everything_has_vested() {
	build_and_execute(|| {
		let model = contributed();
		run_to(VESTING);
		assert_ok!(Models::dispute(signed(1), model, 1));
		let other = registered("other");
		accepted(other, "version", 100_000);
		run_to(2 * VESTING);
		assert_noop!(Models::dispute(signed(1), other, 1), Error::<Test>::AllVested);
	});
}

#[test]
fn dispute_should_fail_when_the_caller_or_the_contribution_is_wrong() {
	build_and_execute(|| {
		let model = contributed();
		assert_noop!(Models::dispute(signed(3), model, 1), Error::<Test>::NotOwner);
		assert_noop!(Models::dispute(signed(1), model, 2), Error::<Test>::UnknownContribution);
		assert_noop!(Models::dispute(signed(1), model + 1, 1), Error::<Test>::UnknownModel);
		assert_noop!(Models::dispute(RuntimeOrigin::none(), model, 1), DispatchError::BadOrigin);
		assert_noop!(Models::resolve_dispute(signed(1), model, 1, true), DispatchError::BadOrigin);
		let root = RuntimeOrigin::root;
		assert_noop!(Models::resolve_dispute(root(), model, 1, true), Error::<Test>::NotDisputed);
		assert_noop!(Models::resolve_dispute(root(), model, 2, true), Error::<Test>::UnknownContribution);
	});
}

/// Has a proposal with this contribution accepted as the next version.
fn accept(model: u32, name: &str, kind: ContributionKind) -> u32 {
	let contribution = Box::new(Contribution { kind, beneficiary: account(3) });
	assert_ok!(Models::propose_version(signed(2), model, candidate(name), contribution));
	let proposal = NextProposalId::<Test>::get() - 1;
	assert_ok!(Models::accept_version(signed(1), proposal));
	Models::version(model).unwrap().0
}

fn run(name: &str) -> ContributionKind {
	ContributionKind::Compute { recipe: cid(name.as_bytes()), digest: [1; 32] }
}

#[test]
fn provenance_should_need_known_data_and_a_run_that_can_be_run_again() {
	build_and_execute(|| {
		let model = registered("model");
		let is_counted = || (Models::has_provenance(model), ModelsWithProvenance::<Test>::get());
		accept(model, "one", ContributionKind::Training);
		accept(model, "two", run("recipe"));
		assert_eq!(is_counted(), (false, 0), "nothing is known of the data");
		assert_ok!(Models::set_data_root(signed(1), model, cid(b"cats"), true));
		assert_eq!(is_counted(), (true, 1));
		assert_ok!(Models::set_data_root(signed(1), model, cid(b"cats"), false));
		assert_eq!(is_counted(), (false, 0));
		let licence = b"CC0-1.0".to_vec().try_into().unwrap();
		accept(model, "three", ContributionKind::Data { dataset: cid(b"dogs"), size: 7, licence });
		accept(model, "four", run("other recipe"));
		assert_eq!(is_counted(), (true, 1), "a second run counts no second time");
	});
}

#[test]
fn provenance_should_end_when_a_dispute_says_that_the_run_is_not_what_it_was_said_to_be() {
	build_and_execute(|| {
		let model = registered("model");
		assert_ok!(Models::set_data_root(signed(1), model, cid(b"cats"), true));
		// Only what has a part that can be cut is disputed, so it needs a gain.
		let contribution = Box::new(Contribution { kind: run("recipe"), beneficiary: account(3) });
		assert_ok!(Models::propose_version(signed(2), model, candidate("next"), contribution));
		let proposal = NextProposalId::<Test>::get() - 1;
		measure(ordered(proposal), 900_000);
		assert_ok!(Models::accept_version(signed(1), proposal));
		assert!(Models::has_provenance(model));
		assert_ok!(Models::dispute(signed(1), model, 1));
		resolve(model, true);
		assert_eq!((Models::has_provenance(model), ModelsWithProvenance::<Test>::get()), (false, 0));
	});
}
