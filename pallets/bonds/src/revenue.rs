//! Revenue: pots that divide what arrives among whoever has bonded, and claims.

use autonomy_primitives::community::{CommunityId, Pot, RevenueSink};
use frame_support::{
	defensive, ensure,
	pallet_prelude::DispatchResult,
	traits::{
		fungible::{Inspect as _, Mutate as _},
		tokens::Preservation,
	},
};
use sp_runtime::{
	traits::{CheckedSub, Saturating, Zero},
	ArithmeticError, SaturatedConversion,
};

use crate::{BalanceOf, BondInfoOf, Config, Error, Event, Pallet, PotInfoOf, Pots};

impl<T: Config> Pallet<T> {
	/// What a bond has earned since it was last settled, in planck.
	pub(crate) fn pending(info: &PotInfoOf<T>, bond: &BondInfoOf<T>) -> BalanceOf<T> {
		info.accumulator.pending(bond.amounts.power(), bond.paid_per_unit).saturated_into()
	}

	/// Credits a bond with what it has earned.
	pub(crate) fn settle(
		community: CommunityId,
		pot: Pot,
		who: &T::AccountId,
		info: &PotInfoOf<T>,
		bond: &mut BondInfoOf<T>,
	) {
		let amount = Self::pending(info, bond);
		bond.paid_per_unit = info.accumulator.per_unit;
		if !amount.is_zero() {
			bond.owed = bond.owed.saturating_add(amount);
			Self::deposit_event(Event::Settled { community, pot, who: who.clone(), amount });
		}
	}

	/// Has whoever bonds first into a pot pay the existential deposit of its account. So the pot takes the smallest revenue,
	/// and the last claim leaves an account that is not reaped with what others are owed.
	pub(crate) fn open_pot(community: CommunityId, pot: Pot, who: &T::AccountId) -> DispatchResult {
		let account = Self::pot_account(community, pot);
		if !T::Currency::balance(&account).is_zero() {
			return Ok(());
		}
		let deposit = T::Currency::minimum_balance();
		T::Currency::transfer(who, &account, deposit, Preservation::Preserve)?;
		Self::deposit_event(Event::PotOpened { community, pot, account, who: who.clone(), deposit });
		Ok(())
	}

	pub(crate) fn do_claim(who: &T::AccountId, community: CommunityId, pot: Pot) -> DispatchResult {
		ensure!(!Self::known(community)?.claims_frozen, Error::<T>::ClaimsFrozen);
		let amount = Self::mutate_bond(community, pot, who, |bond, info| {
			let amount = core::mem::take(&mut bond.owed);
			ensure!(!amount.is_zero(), Error::<T>::NothingToClaim);
			info.unclaimed = info.unclaimed.checked_sub(&amount).ok_or(ArithmeticError::Underflow)?;
			T::Currency::transfer(&Self::pot_account(community, pot), who, amount, Preservation::Preserve)?;
			Ok(amount)
		})?;
		Self::deposit_event(Event::Claimed { community, pot, who: who.clone(), amount });
		Ok(())
	}

	pub(crate) fn do_distribute(community: CommunityId, pot: Pot, amount: BalanceOf<T>) {
		if amount.is_zero() {
			return;
		}
		let mut info = Pots::<T>::get(community, pot);
		if info.accumulator.units == 0 {
			// It went to the treasury, as `account` had said.
			Self::deposit_event(Event::RevenueToTreasury { community, pot, amount });
			return;
		}
		let account = Self::pot_account(community, pot);
		let reserved = info.unclaimed.saturating_add(T::Currency::minimum_balance());
		let arrived = T::Currency::balance(&account).saturating_sub(reserved);
		if arrived < amount {
			defensive!("revenue was said to have arrived that is not there");
		}
		let amount = amount.min(arrived);
		if amount.is_zero() {
			return;
		}
		if info.accumulator.distribute(amount.saturated_into()) {
			info.unclaimed = info.unclaimed.saturating_add(amount);
			let (units, per_unit) = (info.accumulator.units, info.accumulator.per_unit);
			Pots::<T>::insert(community, pot, info);
			Self::deposit_event(Event::RevenueDivided { community, pot, amount, units, per_unit });
		} else if T::Currency::transfer(&account, &Self::treasury_of(community), amount, Preservation::Preserve).is_ok()
		{
			Self::deposit_event(Event::RevenueToTreasury { community, pot, amount });
		}
	}
}

impl<T: Config> RevenueSink<T::AccountId, BalanceOf<T>> for Pallet<T> {
	fn account(community: CommunityId, pot: Pot) -> T::AccountId {
		if Pots::<T>::get(community, pot).accumulator.units == 0 {
			Self::treasury_of(community)
		} else {
			Self::pot_account(community, pot)
		}
	}

	fn treasury(community: CommunityId) -> T::AccountId {
		Self::treasury_of(community)
	}

	fn distribute(community: CommunityId, pot: Pot, amount: BalanceOf<T>) {
		Self::do_distribute(community, pot, amount);
	}
}
