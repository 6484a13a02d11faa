//! Doing what was decided, once, after the time-lock, with the community's own origin and never more.

use autonomy_governance::{StepRule, Steps, Track};
use autonomy_primitives::community::{Class, CommunityId, Day, PowerSource as _};
use codec::DecodeLimit;
use frame_support::{
	dispatch::GetDispatchInfo,
	ensure,
	pallet_prelude::{DispatchError, DispatchResult},
	storage::with_storage_layer,
	traits::{ContainsPair as _, QueryPreimage as _},
	weights::Weight,
	MAX_EXTRINSIC_DEPTH,
};
use sp_runtime::traits::Dispatchable;

use crate::{
	actions::{Action, CharacterAction},
	origins::Origin,
	traits::{StepSource as _, Subjects as _, TrialSource as _},
	types::{Anchor, Kind, Outcome, ProposalId, Stage, MAX_CALL_BYTES},
	CallSteps, Config, Error, Event, Pallet, ProposalOf,
};

/// Days for which a model is in the shadow before X is asked about it.
const TRIAL_DAYS: Day = 7;

impl<T: Config> Pallet<T> {
	pub(crate) fn do_execute(id: ProposalId, weight_limit: Weight) -> DispatchResult {
		let proposal = Self::known_proposal(id)?;
		match Self::stage_of(&proposal) {
			Stage::Executable => (),
			Stage::Locked => return Err(Error::<T>::Locked.into()),
			Stage::Lapsed => return Err(Error::<T>::ExecutionExpired.into()),
			Stage::Queued | Stage::Open | Stage::Settling | Stage::Counting | Stage::Objection | Stage::Ended(_) => {
				return Err(Error::<T>::NotApproved.into())
			}
		}
		ensure!(!Self::is_paused(&proposal), Error::<T>::Paused);
		if let Some(track) = proposal.track {
			// The phase may have been set back since.
			ensure!(Self::phase() >= track.opens(), Error::<T>::TrackClosed);
		}
		ensure!(Self::phase() >= proposal.action.kind().opens(), Error::<T>::ActionTooEarly);
		// What cannot be done now can be tried again until it expires: nobody ends a proposal by choosing a bad moment.
		with_storage_layer(|| {
			// Over before it begins: what is called cannot execute it again.
			Self::end(id, proposal.clone(), Outcome::Done, false)?;
			let action = proposal.action.clone();
			Self::run(id, proposal, weight_limit)?;
			// A motion keeps its call until the holders have it.
			if !matches!(action, Action::Motion { .. }) {
				Self::unpin(&action);
			}
			Ok(())
		})
	}

	fn run(id: ProposalId, proposal: ProposalOf<T>, weight_limit: Weight) -> DispatchResult {
		let community = proposal.community;
		let info = Self::known(community)?;
		let (kind, tag) = (info.kind, info.kind.tag());
		ensure!(proposal.action.fits(kind), Error::<T>::ActionNotAllowed);
		// What it takes from whom may be another by now: nobody is left with less without having been asked.
		let was_asked = |class: &Class| {
			let line = proposal.lines.iter().find(|line| line.class == *class);
			line.is_none_or(|line| line.consent || !line.votes.has_members())
		};
		let losers = Self::losers_of(community, &info, &proposal.action);
		ensure!(losers.iter().all(was_asked), Error::<T>::ConsentMissing);
		match proposal.action {
			Action::Signal => Ok(()),
			Action::SetCharter(changes) => Self::do_set_charter(community, tag, changes),
			Action::Spend { asset, to, amount } => Self::do_spend(community, tag, proposal.path, asset, to, amount),
			Action::GrantBadge { who, points } => Self::set_badge(community, who, Class::Contributor, points),
			Action::GrantComputeBadge { who, points } => Self::set_badge(community, who, Class::Compute, points),
			Action::LapseBadge { who } => Self::end_badge(community, who),
			Action::Character(action) => {
				let Kind::Anchored(Anchor::Character(character)) = kind else {
					return Err(Error::<T>::ActionNotAllowed.into());
				};
				if let CharacterAction::SetTiers { rows, advanced_from } = &action {
					Self::note_tiers(community, character, rows, *advanced_from)?;
				}
				T::Subjects::character(Self::origin_of(community), character, action)
			}
			Action::Model(action) => {
				let Kind::Anchored(Anchor::Model(model)) = kind else {
					return Err(Error::<T>::ActionNotAllowed.into());
				};
				Self::note_data(community, &action, &proposal.proposer);
				T::Subjects::model(Self::origin_of(community), model, action)
			}
			Action::StartTraining { recipe, trainer, budget, days } => {
				Self::do_start_training(community, proposal.path, recipe, trainer, budget, days)
			}
			Action::PublishCheckpoint { training, checkpoint, payment } => {
				Self::do_publish_checkpoint(community, training, checkpoint, payment)
			}
			Action::EndTraining(training) => Self::end_training_run(community, training),
			Action::Dispatch { track, hash, len } => Self::dispatch_call(id, track, &hash, len, weight_limit),
			Action::Motion { dual, hash, len } => Self::push_motion(id, dual, hash, len),
		}
	}

	/// The origin that stands for a community. Which one it is comes from the proposal, never from what it does.
	pub(crate) fn origin_of(community: CommunityId) -> T::RuntimeOrigin {
		Origin::Community(community).into()
	}

	/// The call that a hash and a length stand for.
	pub(crate) fn call_of(hash: &T::Hash, len: u32) -> Result<T::RuntimeCall, DispatchError> {
		ensure!(len <= MAX_CALL_BYTES, Error::<T>::CallTooLong);
		let bytes = T::Preimages::fetch(hash, Some(len)).map_err(|_| Error::<T>::PreimageMissing)?;
		let call = T::RuntimeCall::decode_all_with_depth_limit(MAX_EXTRINSIC_DEPTH, &mut &bytes[..]);
		Ok(call.map_err(|_| Error::<T>::CallUndecodable)?)
	}

	/// Whether a track may dispatch a call, which is there.
	pub(crate) fn check_call(track: Track, hash: &T::Hash, len: u32) -> DispatchResult {
		ensure!(T::Preimages::len(hash) == Some(len), Error::<T>::PreimageMissing);
		let call = Self::call_of(hash, len)?;
		ensure!(T::TrackCalls::contains(&track, &call), Error::<T>::CallNotAllowed);
		Self::check_trial(track, &call)
	}

	/// Whether what a call of the track of models puts into use has been in the shadow for long enough, and was evaluated.
	fn check_trial(track: Track, call: &T::RuntimeCall) -> DispatchResult {
		if track != Track::Models {
			return Ok(());
		}
		if let Some(trial) = T::Trials::trial(call) {
			let due = trial.since.map(|since| since.saturating_add(Self::days(TRIAL_DAYS)));
			ensure!(due.is_some_and(|due| due <= Self::now()), Error::<T>::TrialTooShort);
			ensure!(trial.evaluation.is_some(), Error::<T>::NotEvaluated);
		}
		Ok(())
	}

	fn dispatch_call(id: ProposalId, track: Track, hash: &T::Hash, len: u32, weight_limit: Weight) -> DispatchResult {
		let call = Self::call_of(hash, len)?;
		ensure!(T::TrackCalls::contains(&track, &call), Error::<T>::CallNotAllowed);
		Self::check_trial(track, &call)?;
		ensure!(call.get_dispatch_info().call_weight.all_lte(weight_limit), Error::<T>::WeightLimitTooLow);
		for step in T::Steps::steps(&call) {
			let rule = &StepRule::ECONOMIC;
			let before = CallSteps::<T>::get(step.key);
			let after = Steps::step(before, step.from, step.to, T::Power::today(), rule);
			CallSteps::<T>::insert(step.key, after.ok_or(Error::<T>::StepTooLarge)?);
		}
		let origin = Origin::of_track(track).ok_or(Error::<T>::TrackDispatchesNothing)?;
		call.dispatch(origin.into()).map_err(|failed| failed.error)?;
		Self::deposit_event(Event::Dispatched { proposal: id, track, hash: *hash });
		Ok(())
	}
}
