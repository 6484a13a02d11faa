use autonomy_primitives::digest::cid;
use codec::Encode;
use frame_support::{assert_noop, assert_ok, traits::fungible::InspectHold};
use sp_runtime::{DispatchError, Permill, TokenError};

use crate::{
	mock::*, Charter, ClassWeights, Contribution, ContributionKind, Error, Evaluation, Event, HoldReason, ModelStates,
	Proposals,
};

fn held(who: u8) -> u64 {
	Balances::balance_on_hold(&HoldReason::Proposal.into(), &account(who))
}

#[test]
fn propose_version_should_store_the_proposal_and_hold_a_deposit() {
	build_and_execute(|| {
		let model = registered("model");
		assert_ok!(Models::propose_version(signed(2), model, candidate("next"), training(3)));
		let proposal = Proposals::<Test>::get(0).unwrap();
		assert_eq!(proposal.deposit, 1_000 + 2 * proposal.encoded_size() as u64);
		assert_eq!(held(2), proposal.deposit);
		assert_eq!((proposal.model, proposal.evaluation), (model, Evaluation::None));
		assert_eq!(proposal.expires, 1 + LIFETIME);
		assert_eq!(ModelStates::<Test>::get(model).proposals, 1);
		let event = Event::VersionProposed {
			proposal: 0,
			model,
			proposer: account(2),
			candidate: candidate("next"),
			contribution: *training(3),
			class_weight: Permill::from_percent(50),
			expires: 1 + LIFETIME,
			deposit: proposal.deposit,
		};
		assert_eq!(last_event(), event);
	});
}

#[test]
fn propose_version_should_keep_the_weight_of_its_class_when_the_charter_changes() {
	build_and_execute(|| {
		let model = registered("model");
		proposed(model, "next");
		let weights = ClassWeights { data: Permill::zero(), compute: Permill::zero(), training: Permill::zero() };
		assert_ok!(Models::set_charter(signed(1), model, Charter { weights, ..charter(None) }));
		assert_eq!(Proposals::<Test>::get(0).unwrap().class_weight, Permill::from_percent(50));
		proposed(model, "later");
		assert_eq!(Proposals::<Test>::get(1).unwrap().class_weight, Permill::zero());
	});
}

#[test]
fn propose_version_should_fail_when_the_candidate_is_not_new() {
	build_and_execute(|| {
		let model = registered("model");
		let propose = |candidate| Models::propose_version(signed(2), model, candidate, training(3));
		let mut wrong = candidate("next");
		wrong.manifest = [7; 36];
		assert_noop!(propose(wrong), Error::<Test>::ManifestNotCid);
		assert_noop!(propose(candidate("model")), Error::<Test>::ManifestTaken);
		let mut same = candidate("next");
		same.weights_root = [1; 32];
		assert_noop!(propose(same), Error::<Test>::SameWeights);
		assert_ok!(propose(candidate("next")));
		assert_noop!(propose(candidate("next")), Error::<Test>::ManifestProposed);
	});
}

#[test]
fn propose_version_should_fail_when_the_contribution_is_not_described() {
	build_and_execute(|| {
		let model = registered("model");
		let licence = || b"CC0-1.0".to_vec().try_into().unwrap();
		let propose = |kind| {
			let contribution = Box::new(Contribution { kind, beneficiary: account(3) });
			Models::propose_version(signed(2), model, candidate("next"), contribution)
		};
		let no_cid = ContributionKind::Data { dataset: [7; 36], size: 1, licence: licence() };
		assert_noop!(propose(no_cid), Error::<Test>::DatasetNotCid);
		let empty = ContributionKind::Data { dataset: cid(b"data"), size: 0, licence: licence() };
		assert_noop!(propose(empty), Error::<Test>::DatasetEmpty);
		let no_licence = ContributionKind::Data { dataset: cid(b"data"), size: 1, licence: Default::default() };
		assert_noop!(propose(no_licence), Error::<Test>::LicenceNotSpdx);
		let no_recipe = ContributionKind::Compute { recipe: [7; 36], digest: [1; 32] };
		assert_noop!(propose(no_recipe), Error::<Test>::RecipeNotCid);
		assert_ok!(propose(ContributionKind::Compute { recipe: cid(b"recipe"), digest: [1; 32] }));
	});
}

#[test]
fn propose_version_should_fail_when_the_model_is_unknown_or_the_money_is_not_there() {
	build_and_execute(|| {
		let unknown = Models::propose_version(signed(2), 0, candidate("next"), training(3));
		assert_eq!(unknown, Err(Error::<Test>::UnknownModel.into()));
		let model = registered("model");
		assert_noop!(
			Models::propose_version(signed(99), model, candidate("next"), training(3)),
			DispatchError::from(TokenError::FundsUnavailable)
		);
		assert_noop!(
			Models::propose_version(RuntimeOrigin::root(), model, candidate("next"), training(3)),
			DispatchError::BadOrigin
		);
	});
}
