//! Communities: opening, closing, their shares and their accounts.

use autonomy_primitives::community::{Class, CommunityId, Pot, X_COMMUNITY};
use frame_support::{
	ensure,
	pallet_prelude::{DispatchError, DispatchResult},
	traits::{
		fungible::{Inspect as _, Mutate as _},
		fungibles::Inspect as _,
		tokens::Preservation,
		Contains, Get,
	},
	PalletId,
};
use sp_runtime::{
	traits::{AccountIdConversion, Saturating, Zero},
	ArithmeticError,
};

use crate::{
	AssetIdOf, BalanceOf, ClassTotals, Communities, CommunityByShares, CommunityInfo, CommunityInfoOf, Config, Error,
	Event, NextCommunityId, Pallet, Pots,
};

/// What tells a community's accounts from each other.
pub(crate) type Purpose = u8;
/// The treasury.
pub(crate) const TREASURY: Purpose = 1;
/// Revenue of bonded shares.
const SHARES_POT: Purpose = 2;
/// Revenue of bonded AUTON.
const AUTON_POT: Purpose = 3;
/// Number of the first community after X.
const FIRST: CommunityId = X_COMMUNITY + 1;

impl<T: Config> Pallet<T> {
	pub(crate) fn sub_account(purpose: Purpose, community: CommunityId) -> T::AccountId {
		T::PalletId::get().into_sub_account_truncating((purpose, community))
	}

	/// The account that a pot's revenue lies in.
	pub fn pot_account(community: CommunityId, pot: Pot) -> T::AccountId {
		let purpose = match pot {
			Pot::Shares => SHARES_POT,
			Pot::Auton => AUTON_POT,
		};
		Self::sub_account(purpose, community)
	}

	/// Whether an account cannot bond or be delegated to: the runtime says so, or it is one of this pallet's.
	pub(crate) fn is_excluded(who: &T::AccountId) -> bool {
		let source = PalletId::try_from_sub_account::<(Purpose, CommunityId)>(who).map(|(source, _)| source);
		source == Some(T::PalletId::get()) || T::Excluded::contains(who)
	}

	pub(crate) fn known(community: CommunityId) -> Result<CommunityInfoOf<T>, DispatchError> {
		Communities::<T>::get(community).ok_or_else(|| Error::<T>::UnknownCommunity.into())
	}

	/// Opens the X Community at genesis.
	pub(crate) fn open_x() {
		Communities::<T>::insert(X_COMMUNITY, CommunityInfo { shares: None, bonds: 0, claims_frozen: false });
		NextCommunityId::<T>::put(FIRST);
	}

	pub(crate) fn do_open(shares: Option<AssetIdOf<T>>) -> Result<CommunityId, DispatchError> {
		let community = NextCommunityId::<T>::get().max(FIRST);
		let next = community.checked_add(1).ok_or(ArithmeticError::Overflow)?;
		if let Some(asset) = &shares {
			Self::take_asset(asset, community)?;
		}
		NextCommunityId::<T>::put(next);
		Communities::<T>::insert(community, CommunityInfo { shares: shares.clone(), bonds: 0, claims_frozen: false });
		Self::deposit_event(Event::CommunityOpened { community, shares });
		Ok(community)
	}

	pub(crate) fn do_attach_shares(community: CommunityId, shares: AssetIdOf<T>) -> DispatchResult {
		Communities::<T>::try_mutate(community, |info| -> DispatchResult {
			let info = info.as_mut().ok_or(Error::<T>::UnknownCommunity)?;
			ensure!(info.shares.is_none(), Error::<T>::SharesAttachedBefore);
			Self::take_asset(&shares, community)?;
			info.shares = Some(shares.clone());
			Ok(())
		})?;
		Self::deposit_event(Event::SharesAttached { community, shares });
		Ok(())
	}

	fn take_asset(asset: &AssetIdOf<T>, community: CommunityId) -> DispatchResult {
		ensure!(T::Shares::asset_exists(asset.clone()), Error::<T>::UnknownAsset);
		ensure!(!CommunityByShares::<T>::contains_key(asset), Error::<T>::AssetTaken);
		CommunityByShares::<T>::insert(asset, community);
		Ok(())
	}

	pub(crate) fn do_close(community: CommunityId) -> DispatchResult {
		ensure!(community != X_COMMUNITY, Error::<T>::XNeverCloses);
		let info = Self::known(community)?;
		ensure!(info.bonds == 0, Error::<T>::CommunityNotEmpty);
		let is_empty = |class: Class| ClassTotals::<T>::get(community, class).latest().is_zero();
		ensure!(Class::ALL.into_iter().all(is_empty), Error::<T>::CommunityNotEmpty);
		for class in Class::ALL {
			ClassTotals::<T>::remove(community, class);
		}
		let mut swept: BalanceOf<T> = Zero::zero();
		for pot in Pot::ALL {
			swept = swept.saturating_add(Self::sweep(community, pot)?);
			Pots::<T>::remove(community, pot);
		}
		if let Some(asset) = info.shares {
			CommunityByShares::<T>::remove(asset);
		}
		Communities::<T>::remove(community);
		Self::deposit_event(Event::CommunityClosed { community, swept });
		Ok(())
	}

	/// Moves all that lies in the pot of a community without bonds to its treasury.
	fn sweep(community: CommunityId, pot: Pot) -> Result<BalanceOf<T>, DispatchError> {
		let (from, to) = (Self::pot_account(community, pot), Self::treasury_of(community));
		let rest = T::Currency::balance(&from);
		if rest.is_zero() {
			return Ok(rest);
		}
		T::Currency::transfer(&from, &to, rest, Preservation::Expendable)
	}

	pub(crate) fn do_set_claims_frozen(community: CommunityId, frozen: bool) -> DispatchResult {
		Communities::<T>::try_mutate(community, |info| -> DispatchResult {
			info.as_mut().ok_or(Error::<T>::UnknownCommunity)?.claims_frozen = frozen;
			Ok(())
		})?;
		Self::deposit_event(Event::ClaimsFrozenSet { community, frozen });
		Ok(())
	}
}

impl<T: Config> autonomy_primitives::community::Communities<T::AccountId, AssetIdOf<T>> for Pallet<T> {
	type Error = DispatchError;

	fn open(shares: Option<AssetIdOf<T>>) -> Result<CommunityId, DispatchError> {
		Self::do_open(shares)
	}

	fn attach_shares(community: CommunityId, shares: AssetIdOf<T>) -> DispatchResult {
		Self::do_attach_shares(community, shares)
	}

	fn close(community: CommunityId) -> DispatchResult {
		Self::do_close(community)
	}

	fn exists(community: CommunityId) -> bool {
		Communities::<T>::contains_key(community)
	}

	fn shares(community: CommunityId) -> Option<AssetIdOf<T>> {
		Communities::<T>::get(community)?.shares
	}

	fn treasury(community: CommunityId) -> T::AccountId {
		Self::treasury_of(community)
	}

	fn set_claims_frozen(community: CommunityId, frozen: bool) -> DispatchResult {
		Self::do_set_claims_frozen(community, frozen)
	}
}
