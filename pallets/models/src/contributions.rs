//! Contributions: vesting, claims, disputes; and what a community decides about versions.

use autonomy_primitives::{
	community::Communities,
	digest::{is_cid, Cid},
	ModelId,
};
use frame_support::{
	ensure,
	pallet_prelude::{DispatchError, DispatchResult},
	traits::Get,
};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::{traits::Saturating, ArithmeticError, SaturatedConversion};

use crate::{
	maths, Charter, Charters, Claim, Config, ContributionId, ContributionInfoOf, ContributionKind, ContributionView,
	ContributionViewOf, Contributions, DataRoots, Error, Event, ModelShares, ModelStates, Models, ModelsWithProvenance,
	Origins, Pallet, ShareAmount, ShareAssetOf,
};

impl<T: Config> Pallet<T> {
	pub(crate) fn do_claim(who: T::AccountId, model: ModelId, id: ContributionId) -> DispatchResult {
		let mut info = Self::known_contribution(model, id)?;
		ensure!(info.beneficiary == who, Error::<T>::NotBeneficiary);
		let now = Self::now();
		if let Claim::Disputed { at } = info.claim {
			ensure!(Self::has_lapsed(at, now), Error::<T>::ClaimFrozen);
			info.claim = Claim::Cleared;
			Self::deposit_event(Event::DisputeResolved { model, contribution: id, upheld: false, burnt: 0 });
		}
		let amount = Self::vested(&info, now).saturating_sub(info.claimed);
		ensure!(amount > 0, Error::<T>::NothingToClaim);
		info.claimed = info.claimed.checked_add(amount).ok_or(ArithmeticError::Overflow)?;
		Contributions::<T>::insert(model, id, info);
		let mut state = ModelStates::<T>::get(model);
		state.issued = state.issued.checked_add(amount).ok_or(ArithmeticError::Overflow)?;
		let asset = match &state.shares {
			Some(asset) => asset.clone(),
			None => Self::open_shares(model)?,
		};
		state.shares = Some(asset.clone());
		ModelStates::<T>::insert(model, state);
		T::Shares::mint(&asset, &who, amount)?;
		Self::deposit_event(Event::SharesClaimed { model, contribution: id, beneficiary: who, amount });
		Ok(())
	}

	/// Creates a model's shares and gives them to its community.
	fn open_shares(model: ModelId) -> Result<ShareAssetOf<T>, DispatchError> {
		let community = Models::<T>::get(model).ok_or(Error::<T>::UnknownModel)?.community;
		let asset = T::Shares::create(model)?;
		T::Communities::attach_shares(community, asset.clone())?;
		Self::deposit_event(Event::SharesOpened { model, asset: asset.clone() });
		Ok(asset)
	}

	pub(crate) fn do_dispute(model: ModelId, id: ContributionId) -> DispatchResult {
		let mut info = Self::known_contribution(model, id)?;
		match info.claim {
			Claim::Open => {}
			Claim::Disputed { .. } | Claim::Cleared | Claim::Cut => return Err(Error::<T>::DisputedBefore.into()),
		}
		let now = Self::now();
		ensure!(Self::vested(&info, now) < info.granted, Error::<T>::AllVested);
		info.claim = Claim::Disputed { at: now };
		Contributions::<T>::insert(model, id, info);
		Self::deposit_event(Event::ContributionDisputed { model, contribution: id });
		Ok(())
	}

	pub(crate) fn do_resolve(model: ModelId, id: ContributionId, upheld: bool) -> DispatchResult {
		let mut info = Self::known_contribution(model, id)?;
		let at = match info.claim {
			Claim::Disputed { at } if !Self::has_lapsed(at, Self::now()) => at,
			Claim::Open | Claim::Disputed { .. } | Claim::Cleared | Claim::Cut => {
				return Err(Error::<T>::NotDisputed.into());
			}
		};
		let mut burnt = 0;
		if upheld {
			// Claims stood still since then, so no more than this was claimed.
			let kept = Self::vested(&info, at).max(info.claimed);
			burnt = info.granted.saturating_sub(kept);
			info.granted = kept;
			ModelStates::<T>::mutate(model, |state| state.granted = state.granted.saturating_sub(burnt));
		}
		info.claim = if upheld { Claim::Cut } else { Claim::Cleared };
		if upheld {
			// What is not what it was said to be says nothing about the model.
			Self::note_origin(model, &info.kind, false);
		}
		Contributions::<T>::insert(model, id, info);
		Self::deposit_event(Event::DisputeResolved { model, contribution: id, upheld, burnt });
		Ok(())
	}

	pub(crate) fn do_set_charter(model: ModelId, charter: Charter) -> DispatchResult {
		let bound = T::MaxClassWeight::get();
		let within = charter.weights.all().into_iter().all(|weight| weight <= bound);
		ensure!(within, Error::<T>::ClassWeightAboveBound);
		let noise = charter.accept_at_gain.is_some_and(|least| least < T::MinGain::get());
		ensure!(!noise, Error::<T>::GainBelowBound);
		ensure!(charter.evaluation_set.is_none_or(|set| is_cid(&set)), Error::<T>::EvaluationSetNotCid);
		Charters::<T>::insert(model, charter);
		Self::deposit_event(Event::CharterSet { model, charter });
		Ok(())
	}

	pub(crate) fn do_set_data_root(model: ModelId, root: Cid, approved: bool) -> DispatchResult {
		ensure!(is_cid(&root), Error::<T>::DataRootNotCid);
		let before = Self::has_provenance(model);
		DataRoots::<T>::try_mutate(model, |roots| -> DispatchResult {
			ensure!(roots.contains(&root) != approved, Error::<T>::DataRootUnchanged);
			if approved {
				roots.try_push(root).map_err(|_| Error::<T>::TooManyDataRoots)?;
			} else {
				roots.retain(|other| *other != root);
			}
			Ok(())
		})?;
		Self::count_provenance(model, before);
		Self::deposit_event(Event::DataRootSet { model, root, approved });
		Ok(())
	}

	/// Whether it is known what a model was made of and how: some data, contributed or approved, and a training run that
	/// anybody can run again.
	pub fn has_provenance(model: ModelId) -> bool {
		let known = Origins::<T>::get(model);
		known.runs > 0 && (known.data > 0 || DataRoots::<T>::decode_len(model).is_some_and(|roots| roots > 0))
	}

	/// Keeps the count of models with provenance; `before` is what the model had.
	fn count_provenance(model: ModelId, before: bool) {
		match (before, Self::has_provenance(model)) {
			(false, true) => ModelsWithProvenance::<T>::mutate(|count| *count = count.saturating_add(1)),
			(true, false) => ModelsWithProvenance::<T>::mutate(|count| *count = count.saturating_sub(1)),
			(true, true) | (false, false) => (),
		}
	}

	/// Takes down that a contribution is part of a model, or that it is not what it was said to be.
	pub(crate) fn note_origin(model: ModelId, kind: &ContributionKind, holds: bool) {
		let (before, mut known) = (Self::has_provenance(model), Origins::<T>::get(model));
		let count = match kind {
			ContributionKind::Data { .. } => &mut known.data,
			ContributionKind::Compute { .. } => &mut known.runs,
			ContributionKind::Training => return,
		};
		*count = if holds { count.saturating_add(1) } else { count.saturating_sub(1) };
		Origins::<T>::insert(model, known);
		Self::count_provenance(model, before);
	}

	/// Shares of a contribution that have vested by a block.
	pub(crate) fn vested(info: &ContributionInfoOf<T>, at: BlockNumberFor<T>) -> ShareAmount {
		match info.claim {
			Claim::Cut => info.granted,
			Claim::Open | Claim::Disputed { .. } | Claim::Cleared => {
				let elapsed = at.saturating_sub(info.started).saturated_into::<u128>();
				maths::vested(info.granted, elapsed, T::VestingPeriod::get().saturated_into::<u128>())
			}
		}
	}

	/// A contribution with what of it can be claimed now.
	pub(crate) fn contribution_of(model: ModelId, id: ContributionId) -> Option<ContributionViewOf<T>> {
		let info = Contributions::<T>::get(model, id)?;
		let now = Self::now();
		let vested = Self::vested(&info, now);
		let frozen = match info.claim {
			Claim::Disputed { at } => !Self::has_lapsed(at, now),
			Claim::Open | Claim::Cleared | Claim::Cut => false,
		};
		let claimable = if frozen { 0 } else { vested.saturating_sub(info.claimed) };
		Some(ContributionView { info, vested, claimable })
	}

	/// Whether a dispute of block `at` has ended by itself.
	fn has_lapsed(at: BlockNumberFor<T>, now: BlockNumberFor<T>) -> bool {
		now >= at.saturating_add(T::DisputePeriod::get())
	}

	fn known_contribution(model: ModelId, id: ContributionId) -> Result<ContributionInfoOf<T>, DispatchError> {
		Contributions::<T>::get(model, id).ok_or_else(|| Error::<T>::UnknownContribution.into())
	}
}
