//! Versions: proposing, evaluating, accepting and closing.

use autonomy_primitives::{
	digest::is_cid,
	evaluation::{Evaluated, EvaluatedWeights, EvaluationResults, Evaluations},
	JobId, ModelId,
};
use codec::Encode;
use frame_support::{
	defensive, ensure,
	pallet_prelude::{DispatchError, DispatchResult},
	storage::with_storage_layer,
	traits::{fungible::MutateHold, tokens::Precision, Get},
};
use frame_system::pallet_prelude::{BlockNumberFor, OriginFor};
use sp_runtime::{
	traits::{Saturating, Zero},
	ArithmeticError,
};

use crate::{
	maths, Candidate, Charter, Charters, Claim, Closing, Config, ContributionInfo, ContributionKind, ContributionOf,
	Contributions, DataRoots, Error, Evaluation, EvaluationJobs, Event, HoldReason, ModelByManifest, ModelStates,
	Models, NextProposalId, Pallet, Proposal, ProposalByManifest, ProposalId, ProposalOf, Proposals, Version,
	VersionNumber, Versions,
};

impl<T: Config> Pallet<T> {
	pub(crate) fn do_propose(
		who: T::AccountId,
		model: ModelId,
		candidate: Candidate,
		contribution: ContributionOf<T>,
	) -> DispatchResult {
		let info = Models::<T>::get(model).ok_or(Error::<T>::UnknownModel)?;
		ensure!(is_cid(&candidate.manifest), Error::<T>::ManifestNotCid);
		ensure!(!ModelByManifest::<T>::contains_key(candidate.manifest), Error::<T>::ManifestTaken);
		ensure!(!ProposalByManifest::<T>::contains_key(candidate.manifest), Error::<T>::ManifestProposed);
		ensure!(candidate.weights_root != info.weights_root, Error::<T>::SameWeights);
		Self::check_contribution(&contribution.kind)?;

		let id = NextProposalId::<T>::get();
		let next = id.checked_add(1).ok_or(ArithmeticError::Overflow)?;
		let class_weight = Charters::<T>::get(model).weights.of(&contribution.kind);
		let expires = Self::now().saturating_add(T::ProposalLifetime::get());
		let mut proposal = Proposal {
			model,
			proposer: who.clone(),
			candidate,
			contribution: contribution.clone(),
			class_weight,
			evaluation: Evaluation::None,
			expires,
			deposit: Zero::zero(),
		};
		let deposit = Self::deposit_for(proposal.encoded_size());
		proposal.deposit = deposit;
		T::Currency::hold(&HoldReason::Proposal.into(), &who, deposit)?;
		NextProposalId::<T>::put(next);
		Proposals::<T>::insert(id, proposal);
		ProposalByManifest::<T>::insert(candidate.manifest, id);
		ModelStates::<T>::mutate(model, |state| state.proposals = state.proposals.saturating_add(1));
		Self::deposit_event(Event::VersionProposed {
			proposal: id,
			model,
			proposer: who,
			candidate,
			contribution,
			class_weight,
			expires,
			deposit,
		});
		Ok(())
	}

	fn check_contribution(kind: &ContributionKind) -> DispatchResult {
		match kind {
			ContributionKind::Data { dataset, size, licence } => {
				ensure!(is_cid(dataset), Error::<T>::DatasetNotCid);
				ensure!(*size > 0, Error::<T>::DatasetEmpty);
				Self::check_licence(licence)
			}
			ContributionKind::Compute { recipe, digest: _ } => {
				ensure!(is_cid(recipe), Error::<T>::RecipeNotCid);
				Ok(())
			}
			ContributionKind::Training => Ok(()),
		}
	}

	pub(crate) fn do_evaluate(payer: T::AccountId, id: ProposalId) -> DispatchResult {
		let mut proposal = Self::known_proposal(id)?;
		Self::ensure_open(&proposal)?;
		let info = Models::<T>::get(proposal.model).ok_or(Error::<T>::UnknownModel)?;
		let baseline = ModelStates::<T>::get(proposal.model).baseline;
		match proposal.evaluation {
			Evaluation::None => {}
			Evaluation::Ordered { .. } => return Err(Error::<T>::EvaluationUnderWay.into()),
			Evaluation::Measured { base, .. } => ensure!(base != baseline, Error::<T>::EvaluatedBefore),
		}
		let evaluation_set = Charters::<T>::get(proposal.model).evaluation_set.ok_or(Error::<T>::NoEvaluationSet)?;
		let base = Versions::<T>::get(proposal.model, baseline).ok_or(Error::<T>::UnknownModel)?.weights();
		let Candidate { manifest, weights_root, .. } = proposal.candidate;
		let candidate = EvaluatedWeights { manifest, weights_root, engine: info.engine };
		let job = T::Evaluations::order(&payer, proposal.model, &base, &candidate, &evaluation_set)?;
		ensure!(!EvaluationJobs::<T>::contains_key(job), Error::<T>::JobTaken);
		EvaluationJobs::<T>::insert(job, id);
		proposal.evaluation = Evaluation::Ordered { job, base: baseline };
		Proposals::<T>::insert(id, proposal);
		Self::deposit_event(Event::EvaluationOrdered { proposal: id, job, base: baseline, evaluation_set, payer });
		Ok(())
	}

	pub(crate) fn do_accept(origin: OriginFor<T>, id: ProposalId) -> DispatchResult {
		let proposal = Self::known_proposal(id)?;
		Self::ensure_governs(origin, proposal.model)?;
		Self::ensure_open(&proposal)?;
		Self::accept(id, proposal, false)
	}

	pub(crate) fn do_reject(origin: OriginFor<T>, id: ProposalId) -> DispatchResult {
		let proposal = Self::known_proposal(id)?;
		Self::ensure_governs(origin, proposal.model)?;
		Self::close(id, proposal, Closing::Rejected)
	}

	pub(crate) fn do_withdraw(who: T::AccountId, id: ProposalId) -> DispatchResult {
		let proposal = Self::known_proposal(id)?;
		ensure!(proposal.proposer == who, Error::<T>::NotProposer);
		Self::close(id, proposal, Closing::Withdrawn)
	}

	pub(crate) fn do_expire(id: ProposalId) -> DispatchResult {
		let proposal = Self::known_proposal(id)?;
		ensure!(Self::is_over(&proposal), Error::<T>::ProposalNotExpired);
		Self::close(id, proposal, Closing::Expired)
	}

	/// Makes a candidate the current version and grants the shares of its contribution.
	fn accept(id: ProposalId, proposal: ProposalOf<T>, automatic: bool) -> DispatchResult {
		let Proposal { model, proposer, candidate, contribution, class_weight, evaluation, deposit, .. } = proposal;
		let mut info = Models::<T>::get(model).ok_or(Error::<T>::UnknownModel)?;
		let mut state = ModelStates::<T>::get(model);
		let gain = Self::proven_gain(evaluation, state.baseline)?;
		ensure!(!ModelByManifest::<T>::contains_key(candidate.manifest), Error::<T>::ManifestTaken);

		let cap = T::ShareCap::get();
		let remaining = cap.saturating_sub(state.granted);
		let granted = maths::grant(remaining, gain, class_weight.deconstruct(), T::MaxGrant::get().mul_floor(cap));
		let version = state.version.checked_add(1).ok_or(ArithmeticError::Overflow)?;
		state.version = version;
		if gain > 0 {
			state.baseline = version;
		}
		state.granted = state.granted.checked_add(granted).ok_or(ArithmeticError::Overflow)?;
		state.proposals = state.proposals.saturating_sub(1);
		ModelStates::<T>::insert(model, state);

		let Candidate { manifest, weights_root, golden_result } = candidate;
		(info.manifest, info.weights_root, info.golden_result) = (manifest, weights_root, golden_result);
		let (engine, now) = (info.engine, Self::now());
		Models::<T>::insert(model, info);
		ModelByManifest::<T>::insert(manifest, model);
		let row =
			Version { manifest, weights_root, engine, golden_result, accepted_at: now, contribution: Some(version) };
		Versions::<T>::insert(model, version, row);
		let beneficiary = contribution.beneficiary.clone();
		Self::note_origin(model, &contribution.kind, true);
		let row = ContributionInfo {
			kind: contribution.kind,
			beneficiary: contribution.beneficiary,
			gain,
			granted,
			claimed: 0,
			started: now,
			claim: Claim::Open,
		};
		Contributions::<T>::insert(model, version, row);
		ProposalByManifest::<T>::remove(manifest);
		Proposals::<T>::remove(id);
		T::Currency::release(&HoldReason::Proposal.into(), &proposer, deposit, Precision::Exact)?;
		Self::deposit_event(Event::VersionAccepted {
			model,
			version,
			proposal: id,
			candidate,
			beneficiary,
			gain,
			granted,
			automatic,
		});
		Ok(())
	}

	/// The gain that an evaluation has proved against the version that counts; 0 when there was none.
	fn proven_gain(evaluation: Evaluation, baseline: VersionNumber) -> Result<u32, DispatchError> {
		match evaluation {
			Evaluation::None => Ok(0),
			Evaluation::Ordered { .. } => Err(Error::<T>::EvaluationUnderWay.into()),
			Evaluation::Measured { base, gain } => {
				ensure!(base == baseline, Error::<T>::EvaluationOutdated);
				Ok(gain)
			}
		}
	}

	fn close(id: ProposalId, proposal: ProposalOf<T>, reason: Closing) -> DispatchResult {
		// What a job under way finds is nobody's any more.
		if let Evaluation::Ordered { job, .. } = proposal.evaluation {
			EvaluationJobs::<T>::remove(job);
		}
		ProposalByManifest::<T>::remove(proposal.candidate.manifest);
		Proposals::<T>::remove(id);
		ModelStates::<T>::mutate(proposal.model, |state| state.proposals = state.proposals.saturating_sub(1));
		T::Currency::release(&HoldReason::Proposal.into(), &proposal.proposer, proposal.deposit, Precision::Exact)?;
		Self::deposit_event(Event::ProposalClosed { proposal: id, reason });
		Ok(())
	}

	/// Whether the charter accepts a candidate with this gain by itself.
	fn is_accepted_at(proposal: &ProposalOf<T>, base: VersionNumber, gain: u32) -> bool {
		let charter: Charter = Charters::<T>::get(proposal.model);
		let state = ModelStates::<T>::get(proposal.model);
		let enough = charter.accept_at_gain.is_some_and(|least| gain > 0 && gain >= least.deconstruct());
		// It has to be better than what is in force, not only than what was proven before.
		let is_better = base == state.baseline && base == state.version;
		let approved = match &proposal.contribution.kind {
			ContributionKind::Data { dataset, .. } => DataRoots::<T>::get(proposal.model).contains(dataset),
			ContributionKind::Compute { .. } | ContributionKind::Training => true,
		};
		enough && is_better && approved && !Self::is_over(proposal)
	}

	/// What a job measured, and what follows from it.
	fn measured(id: ProposalId, mut proposal: ProposalOf<T>, job: JobId, base: VersionNumber, losses: (u64, u64)) {
		let (base_loss, candidate_loss) = losses;
		let gain = maths::gain(base_loss, candidate_loss);
		proposal.evaluation = Evaluation::Measured { base, gain };
		Proposals::<T>::insert(id, &proposal);
		Self::deposit_event(Event::Evaluated { proposal: id, job, base, base_loss, candidate_loss, gain });
		if !Self::is_accepted_at(&proposal, base, gain) {
			return;
		}
		if let Err(error) = with_storage_layer(|| Self::accept(id, proposal, true)) {
			Self::deposit_event(Event::AcceptanceFailed { proposal: id, error });
		}
	}

	fn known_proposal(id: ProposalId) -> Result<ProposalOf<T>, DispatchError> {
		Proposals::<T>::get(id).ok_or_else(|| Error::<T>::UnknownProposal.into())
	}

	fn is_over(proposal: &ProposalOf<T>) -> bool {
		Self::now() >= proposal.expires
	}

	fn ensure_open(proposal: &ProposalOf<T>) -> DispatchResult {
		ensure!(!Self::is_over(proposal), Error::<T>::ProposalExpired);
		Ok(())
	}

	pub(crate) fn now() -> BlockNumberFor<T> {
		frame_system::Pallet::<T>::block_number()
	}
}

impl<T: Config> EvaluationResults for Pallet<T> {
	fn on_evaluated(job: JobId, outcome: Evaluated) {
		// Not one of ours, told of before, or its proposal is closed.
		let Some(id) = EvaluationJobs::<T>::take(job) else { return };
		let Some(mut proposal) = Proposals::<T>::get(id) else {
			defensive!("an evaluation job of a proposal that is no more");
			return;
		};
		let base = match proposal.evaluation {
			Evaluation::Ordered { job: ordered, base } if ordered == job => base,
			Evaluation::None | Evaluation::Ordered { .. } | Evaluation::Measured { .. } => {
				defensive!("an evaluation job that its proposal does not wait for");
				return;
			}
		};
		match outcome {
			Evaluated::Failed => {
				proposal.evaluation = Evaluation::None;
				Proposals::<T>::insert(id, proposal);
				Self::deposit_event(Event::EvaluationFailed { proposal: id, job });
			}
			Evaluated::Measured { base: base_loss, candidate } => {
				Self::measured(id, proposal, job, base, (base_loss, candidate));
			}
		}
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_evaluation(job: JobId) {
		crate::benchmarking::ordered_as::<T>(job);
	}
}
