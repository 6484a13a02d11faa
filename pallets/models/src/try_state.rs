//! What must hold between the storage items at the end of every block.

#![cfg(any(feature = "try-runtime", test))]

use alloc::collections::BTreeMap;
use autonomy_primitives::{community::Communities, ModelId};
use frame_support::{
	ensure,
	traits::{fungible::InspectHold, Get},
};
use sp_runtime::{traits::Saturating, TryRuntimeError};

use crate::{
	lineage::{total, MAX_ANCESTORS_SHARE},
	BalanceOf, Claim, Config, ContributionKind, Contributions, Evaluation, EvaluationJobs, HoldReason, KnownOrigins,
	Lineages, ModelByCommunity, ModelByManifest, ModelInfoOf, ModelShares, ModelStates, Models, ModelsWithProvenance,
	NextModelId, NextProposalId, Origins, Pallet, ParentsOf, ProposalByManifest, Proposals, ShareAmount, Versions,
};

type Sums<T> = BTreeMap<<T as frame_system::Config>::AccountId, BalanceOf<T>>;

fn ensure_held<T: Config>(reason: HoldReason, sums: Sums<T>) -> Result<(), TryRuntimeError> {
	let reason = reason.into();
	for (who, sum) in sums {
		let on_hold = T::Currency::balance_on_hold(&reason, &who);
		ensure!(on_hold == sum, "a deposit on hold is not the sum of what it is held for");
	}
	Ok(())
}

impl<T: Config> Pallet<T> {
	/// - models are numbered without a gap up to `NextModelId`;
	/// - `ModelByManifest` is the inverse of the manifests of all versions, and `ModelByCommunity` of the communities;
	/// - where models come from is what their contributions say, and those with provenance are counted;
	/// - what each depositor has on hold is the sum of its models' deposits;
	/// - what the parts below say.
	pub(crate) fn do_try_state() -> Result<(), TryRuntimeError> {
		ensure!(!T::MinGain::get().is_zero(), "MinGain is zero: what is not better would be accepted");
		let next = NextModelId::<T>::get();
		let (mut count, mut with_provenance): (u32, u32) = (0, 0);
		let mut held = Sums::<T>::new();
		for (model, info) in Models::<T>::iter() {
			ensure!(model < next, "a model's number is not below NextModelId");
			ensure!(
				info.golden_input.modality() == info.modality
					&& info.golden_input.check(info.modality, &info.limits).is_ok(),
				"a golden input breaks its own limits"
			);
			ensure!(T::Communities::exists(info.community), "a model's community is not open");
			Self::try_state_versions(model, &info)?;
			Self::try_state_shares(model, &info)?;
			Self::try_state_lineage(model)?;
			Self::try_state_origins(model)?;
			ensure!(
				ModelByCommunity::<T>::get(info.community) == Some(model),
				"a community does not lead to its model"
			);
			with_provenance = with_provenance.saturating_add(u32::from(Self::has_provenance(model)));
			let sum = held.entry(info.depositor).or_default();
			*sum = sum.saturating_add(info.deposit);
			count = count.saturating_add(1);
		}
		ensure!(count == next, "models are not numbered without a gap");
		ensure!(ModelByCommunity::<T>::iter().count() == count as usize, "a community of no model");
		ensure!(ModelsWithProvenance::<T>::get() == with_provenance, "models with provenance are counted wrong");
		ensure!(ModelStates::<T>::iter().count() == count as usize, "a state of no model");
		let versions = Versions::<T>::iter().count();
		ensure!(ModelByManifest::<T>::iter().count() == versions, "a manifest leads to no version");
		let first = count as usize;
		ensure!(
			Contributions::<T>::iter().count().saturating_add(first) == versions,
			"a contribution without a version"
		);
		ensure_held::<T>(HoldReason::Registration, held)?;
		Self::try_state_proposals()
	}

	/// - what is known of where a model comes from is the count of its contributions that no dispute has cut.
	fn try_state_origins(model: ModelId) -> Result<(), TryRuntimeError> {
		let mut known = KnownOrigins::default();
		for (_, contribution) in Contributions::<T>::iter_prefix(model) {
			if contribution.claim == Claim::Cut {
				continue;
			}
			match contribution.kind {
				ContributionKind::Data { .. } => known.data = known.data.saturating_add(1),
				ContributionKind::Compute { .. } => known.runs = known.runs.saturating_add(1),
				ContributionKind::Training => (),
			}
		}
		ensure!(Origins::<T>::get(model) == known, "where a model comes from is not what its contributions say");
		Ok(())
	}

	/// - versions are numbered without a gap up to the current one, which is what the model says;
	/// - each but the first has the contribution of its number;
	/// - the baseline is one of them.
	fn try_state_versions(model: ModelId, info: &ModelInfoOf<T>) -> Result<(), TryRuntimeError> {
		let state = ModelStates::<T>::get(model);
		ensure!(state.baseline <= state.version, "a baseline that is not a version");
		let mut count: u32 = 0;
		for (number, version) in Versions::<T>::iter_prefix(model) {
			ensure!(number <= state.version, "a version's number is above the current one's");
			ensure!(
				ModelByManifest::<T>::get(version.manifest) == Some(model),
				"a manifest does not lead to its model"
			);
			let expected = if number == 0 { None } else { Some(number) };
			ensure!(version.contribution == expected, "a version with another's contribution");
			ensure!(
				number == 0 || Contributions::<T>::contains_key(model, number),
				"a version without its contribution"
			);
			if number == state.version {
				let (row, now) = (
					(version.manifest, version.weights_root, version.engine, version.golden_result),
					(info.manifest, info.weights_root, info.engine, info.golden_result),
				);
				ensure!(row == now, "the current version is not what the model says");
			}
			count = count.saturating_add(1);
		}
		ensure!(count == state.version.saturating_add(1), "versions are not numbered without a gap");
		Ok(())
	}

	/// - of each contribution no more is claimed than has vested, and no more has vested than was granted;
	/// - granted and issued are the sums over contributions, and within the cap;
	/// - no more shares are about than were issued, and they are the community's.
	fn try_state_shares(model: ModelId, info: &ModelInfoOf<T>) -> Result<(), TryRuntimeError> {
		let state = ModelStates::<T>::get(model);
		let now = Self::now();
		let (mut granted, mut issued): (ShareAmount, ShareAmount) = (0, 0);
		for (_, contribution) in Contributions::<T>::iter_prefix(model) {
			let until = match contribution.claim {
				Claim::Disputed { at } => at,
				Claim::Open | Claim::Cleared | Claim::Cut => now,
			};
			let vested = Self::vested(&contribution, until);
			ensure!(contribution.claimed <= vested, "more is claimed than has vested");
			ensure!(vested <= contribution.granted, "more has vested than was granted");
			ensure!(contribution.gain > 0 || contribution.granted == 0, "shares without a measured gain");
			granted = granted.saturating_add(contribution.granted);
			issued = issued.saturating_add(contribution.claimed);
		}
		ensure!(state.granted == granted, "granted shares are not the sum over contributions");
		ensure!(state.issued == issued, "issued shares are not the sum over contributions");
		ensure!(granted <= T::ShareCap::get(), "more shares are granted than there can be");
		ensure!(state.shares.is_some() == (issued > 0), "shares without an asset, or the reverse");
		ensure!(T::Communities::shares(info.community) == state.shares, "the community has other shares");
		if let Some(asset) = state.shares {
			ensure!(T::Shares::supply(&asset) <= issued, "shares were issued by somebody else");
		}
		Ok(())
	}

	/// - parents and ancestors are older, the sums of their shares are the same and within the cap.
	fn try_state_lineage(model: ModelId) -> Result<(), TryRuntimeError> {
		let (parents, lineage) = (ParentsOf::<T>::get(model), Lineages::<T>::get(model));
		ensure!(total(&parents) == total(&lineage), "a lineage gives more or less than the parents' shares");
		ensure!(total(&lineage) <= u64::from(MAX_ANCESTORS_SHARE), "ancestors get more than the cap");
		for (ancestor, share) in parents.iter().chain(lineage.iter()) {
			ensure!(*ancestor < model, "an ancestor is not older than the model");
			ensure!(*share > 0, "an ancestor without a share");
		}
		Ok(())
	}

	/// - proposals have a number below the next, a model, and their manifest leads to them;
	/// - every model's count is that of its proposals;
	/// - an evaluation job leads to the proposal that waits for it, and the reverse;
	/// - what each proposer has on hold is the sum of its proposals' deposits.
	fn try_state_proposals() -> Result<(), TryRuntimeError> {
		let next = NextProposalId::<T>::get();
		let mut held = Sums::<T>::new();
		let mut counts: BTreeMap<ModelId, u32> = BTreeMap::new();
		let (mut count, mut jobs): (usize, usize) = (0, 0);
		for (id, proposal) in Proposals::<T>::iter() {
			ensure!(id < next, "a proposal's number is not below the next");
			let manifest = proposal.candidate.manifest;
			ensure!(ProposalByManifest::<T>::get(manifest) == Some(id), "a manifest does not lead to its proposal");
			if let Evaluation::Ordered { job, .. } = proposal.evaluation {
				ensure!(EvaluationJobs::<T>::get(job) == Some(id), "a job does not lead to its proposal");
				jobs = jobs.saturating_add(1);
			}
			let sum = held.entry(proposal.proposer).or_default();
			*sum = sum.saturating_add(proposal.deposit);
			let of_model = counts.entry(proposal.model).or_default();
			*of_model = of_model.saturating_add(1);
			count = count.saturating_add(1);
		}
		ensure!(ProposalByManifest::<T>::iter().count() == count, "a manifest leads to no proposal");
		ensure!(EvaluationJobs::<T>::iter().count() == jobs, "a job that no proposal waits for");
		for (model, state) in ModelStates::<T>::iter() {
			let of_model = counts.remove(&model).unwrap_or(0);
			ensure!(state.proposals == of_model, "a model's count is not that of its proposals");
		}
		ensure!(counts.is_empty(), "a proposal of no model");
		ensure_held::<T>(HoldReason::Proposal, held)
	}
}
