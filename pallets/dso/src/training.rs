//! What a model's community does about training: budgets on hold in its treasury, checkpoints that they are paid for, and
//! data that whoever offered it can take back.

use autonomy_primitives::{
	community::{Communities as _, CommunityId, PowerSource as _},
	digest::Cid,
};
use frame_support::{
	ensure,
	pallet_prelude::{DispatchError, DispatchResult},
	traits::{
		fungible::{Inspect as _, MutateHold as _},
		tokens::{Fortitude, Precision, Restriction},
	},
};
use sp_runtime::{
	traits::{Saturating, Zero},
	ArithmeticError, SaturatedConversion,
};

use crate::{
	actions::{ModelAction, MAX_TRAINING_DAYS},
	traits::{Anchors as _, Subjects as _},
	types::{Anchor, KindTag, Path, Training, TrainingId},
	BalanceOf, Config, DataGivers, Error, Event, HoldReason, NextTrainingId, Pallet, TrainingOf, Trainings,
};

impl<T: Config> Pallet<T> {
	fn known_training(community: CommunityId, training: TrainingId) -> Result<TrainingOf<T>, DispatchError> {
		Ok(Trainings::<T>::get(community, training).ok_or(Error::<T>::UnknownTraining)?)
	}

	/// What can be known to be wrong with a training run before anybody votes on it.
	pub(crate) fn check_training(budget: BalanceOf<T>, days: u32) -> DispatchResult {
		ensure!(budget >= T::Currency::minimum_balance(), Error::<T>::AmountIsZero);
		ensure!((1..=MAX_TRAINING_DAYS).contains(&days), Error::<T>::TrainingDaysOutOfRange);
		Ok(())
	}

	/// What can be known to be wrong with a checkpoint before anybody votes on it.
	pub(crate) fn check_checkpoint(
		community: CommunityId,
		training: TrainingId,
		payment: BalanceOf<T>,
	) -> DispatchResult {
		ensure!(payment <= Self::known_training(community, training)?.left, Error::<T>::BudgetExceeded);
		Ok(())
	}

	/// Puts a budget aside. It counts as spent by the path that the proposal took.
	pub(crate) fn do_start_training(
		community: CommunityId,
		path: Path,
		recipe: Cid,
		trainer: T::AccountId,
		budget: BalanceOf<T>,
		days: u32,
	) -> DispatchResult {
		Self::check_training(budget, days)?;
		let balance = Self::spendable(community, &None);
		Self::note_spending(community, KindTag::Model, path, &None, balance, budget.saturated_into())?;
		T::Currency::hold(&HoldReason::Training.into(), &T::Registry::treasury(community), budget)?;
		let id = NextTrainingId::<T>::get();
		NextTrainingId::<T>::put(id.checked_add(1).ok_or(ArithmeticError::Overflow)?);
		let expires = T::Power::today().saturating_add(days);
		let training = Training { recipe, trainer, left: budget, checkpoint: None, expires };
		Trainings::<T>::insert(community, id, &training);
		Self::deposit_event(Event::TrainingStarted { community, training: id, details: training });
		Ok(())
	}

	/// Publishes a checkpoint and pays for it.
	pub(crate) fn do_publish_checkpoint(
		community: CommunityId,
		id: TrainingId,
		checkpoint: Cid,
		payment: BalanceOf<T>,
	) -> DispatchResult {
		let mut training = Self::known_training(community, id)?;
		ensure!(payment <= training.left, Error::<T>::BudgetExceeded);
		let (treasury, reason) = (T::Registry::treasury(community), HoldReason::Training.into());
		if !payment.is_zero() {
			T::Currency::transfer_on_hold(
				&reason,
				&treasury,
				&training.trainer,
				payment,
				Precision::Exact,
				Restriction::Free,
				Fortitude::Polite,
			)?;
		}
		training.left = training.left.saturating_sub(payment);
		training.checkpoint = Some(checkpoint);
		Trainings::<T>::insert(community, id, training);
		Self::deposit_event(Event::CheckpointPublished { community, training: id, checkpoint, payment });
		Ok(())
	}

	/// Ends a training run by the community's decision.
	pub(crate) fn end_training_run(community: CommunityId, id: TrainingId) -> DispatchResult {
		let training = Self::known_training(community, id)?;
		Trainings::<T>::remove(community, id);
		Self::release(HoldReason::Training, &T::Registry::treasury(community), training.left)?;
		Self::deposit_event(Event::TrainingEnded { community, training: id, returned: training.left });
		Ok(())
	}

	/// Ends a training run whose time is over, or from which nothing is left.
	pub(crate) fn do_end_training(community: CommunityId, id: TrainingId) -> DispatchResult {
		let training = Self::known_training(community, id)?;
		let is_over = training.left.is_zero() || training.expires <= T::Power::today();
		ensure!(is_over, Error::<T>::TrainingRuns);
		Self::end_training_run(community, id)
	}

	/// Notes who has offered data that a community approves of, and forgets it when the approval ends.
	pub(crate) fn note_data(community: CommunityId, action: &ModelAction<BalanceOf<T>>, proposer: &T::AccountId) {
		match action {
			ModelAction::SetDataRoot { root, approved: true } => {
				if !DataGivers::<T>::contains_key(community, root) {
					DataGivers::<T>::insert(community, root, proposer);
				}
			}
			ModelAction::SetDataRoot { root, approved: false } => DataGivers::<T>::remove(community, root),
			ModelAction::AcceptVersion(_)
			| ModelAction::RejectVersion(_)
			| ModelAction::SetRules(_)
			| ModelAction::OpenSource
			| ModelAction::SetPrice(_)
			| ModelAction::SetActive(_) => (),
		}
	}

	/// Whoever has offered data takes it back. Nobody votes on it.
	pub(crate) fn do_withdraw_data(who: &T::AccountId, community: CommunityId, root: Cid) -> DispatchResult {
		let giver = DataGivers::<T>::get(community, root).ok_or(Error::<T>::UnknownData)?;
		ensure!(giver == *who, Error::<T>::NotGiver);
		let Some(Anchor::Model(model)) = T::Anchors::anchor(community) else {
			return Err(Error::<T>::UnknownData.into());
		};
		let action = ModelAction::SetDataRoot { root, approved: false };
		T::Subjects::model(Self::origin_of(community), model, action)?;
		DataGivers::<T>::remove(community, root);
		Self::deposit_event(Event::DataWithdrawn { community, root, giver });
		Ok(())
	}
}
