//! Bonds: what is frozen, with which delay, and how it is released.

use autonomy_primitives::community::{Class, CommunityId, Pot};
use frame_support::{
	ensure,
	pallet_prelude::{DispatchError, DispatchResult},
	traits::{
		fungible::{InspectFreeze as _, MutateFreeze as _},
		fungibles::{InspectFreeze as _, MutateFreeze as _},
		Get,
	},
};
use sp_runtime::{
	helpers_128bit::multiply_by_rational_with_rounding,
	traits::{CheckedAdd, CheckedSub, One, Saturating, Zero},
	ArithmeticError, Rounding, SaturatedConversion,
};

use crate::{
	Amounts, AssetIdOf, BalanceOf, BondInfoOf, Bonds, Chunk, Communities, Config, Error, Event, FreezeReason, Pallet,
	Portfolios, PotInfoOf, Pots, Tier, Unbonding, Unvested,
};

/// What is bonded.
pub(crate) enum Asset<AssetId> {
	Auton,
	Shares(AssetId),
}

/// Where a bond is stored.
type Key<'a, T> = (CommunityId, Pot, &'a <T as frame_system::Config>::AccountId);

impl<T: Config> Pallet<T> {
	/// What is bonded in a pot of a community.
	pub(crate) fn asset_of(community: CommunityId, pot: Pot) -> Result<Asset<AssetIdOf<T>>, DispatchError> {
		let shares = Self::known(community)?.shares;
		match pot {
			Pot::Auton => Ok(Asset::Auton),
			Pot::Shares => Ok(Asset::Shares(shares.ok_or(Error::<T>::NoShares)?)),
		}
	}

	/// What this pallet has frozen of an account: all its bonds of the asset, and what of them is unbonding.
	pub(crate) fn frozen(asset: &Asset<AssetIdOf<T>>, who: &T::AccountId) -> BalanceOf<T> {
		let reason = FreezeReason::Bond.into();
		match asset {
			Asset::Auton => T::Currency::balance_frozen(&reason, who),
			Asset::Shares(id) => T::Shares::balance_frozen(id.clone(), &reason, who),
		}
	}

	/// The most that may be frozen of an account: all that it has, what is on hold counted, but for what vests.
	pub(crate) fn freezable(asset: &Asset<AssetIdOf<T>>, who: &T::AccountId) -> BalanceOf<T> {
		match asset {
			Asset::Auton => {
				let unvested = <T::Unvested as Unvested<T::AccountId, BalanceOf<T>>>::unvested(who);
				T::Currency::balance_freezable(who).saturating_sub(unvested)
			}
			Asset::Shares(id) => T::Shares::balance_freezable(id.clone(), who),
		}
	}

	/// One freeze for all bonds of an asset, set to their sum: no unit is bonded twice.
	fn set_frozen(asset: &Asset<AssetIdOf<T>>, who: &T::AccountId, amount: BalanceOf<T>) -> DispatchResult {
		let reason = FreezeReason::Bond.into();
		match asset {
			Asset::Auton => T::Currency::set_freeze(&reason, who, amount),
			Asset::Shares(id) => T::Shares::set_freeze(id.clone(), &reason, who, amount),
		}
	}

	/// The least that one tier of a bond can have.
	fn least(pot: Pot) -> BalanceOf<T> {
		match pot {
			Pot::Auton => T::MinBond::get(),
			Pot::Shares => One::one(),
		}
	}

	pub(crate) fn do_bond(
		who: &T::AccountId,
		community: CommunityId,
		pot: Pot,
		amount: BalanceOf<T>,
		tier: Tier,
	) -> DispatchResult {
		ensure!(!amount.is_zero(), Error::<T>::AmountIsZero);
		ensure!(!Self::is_excluded(who), Error::<T>::AccountExcluded);
		let asset = Self::asset_of(community, pot)?;
		Self::open_pot(community, pot, who)?;
		let frozen = Self::frozen(&asset, who).checked_add(&amount).ok_or(ArithmeticError::Overflow)?;
		ensure!(frozen <= Self::freezable(&asset, who), Error::<T>::BalanceTooLow);
		Self::set_frozen(&asset, who, frozen)?;
		Self::mutate_bond(community, pot, who, |bond, _| Self::add(&mut bond.amounts, pot, tier, amount))?;
		Self::deposit_event(Event::Bonded { community, pot, who: who.clone(), tier, amount });
		Ok(())
	}

	pub(crate) fn do_extend(
		who: &T::AccountId,
		community: CommunityId,
		pot: Pot,
		from: Tier,
		to: Tier,
		amount: BalanceOf<T>,
	) -> DispatchResult {
		ensure!(!amount.is_zero(), Error::<T>::AmountIsZero);
		ensure!(to.days() > from.days(), Error::<T>::TierNotLonger);
		Self::mutate_bond(community, pot, who, |bond, _| {
			Self::take(&mut bond.amounts, pot, from, amount)?;
			Self::add(&mut bond.amounts, pot, to, amount)
		})?;
		Self::deposit_event(Event::Extended { community, pot, who: who.clone(), from, to, amount });
		Ok(())
	}

	pub(crate) fn do_unbond(
		who: &T::AccountId,
		community: CommunityId,
		pot: Pot,
		tier: Tier,
		amount: BalanceOf<T>,
	) -> DispatchResult {
		ensure!(!amount.is_zero(), Error::<T>::AmountIsZero);
		// The delay counts from the end of today, so that it is never shorter than the tier says.
		let due = Self::today().saturating_add(tier.days()).saturating_add(1);
		Self::mutate_bond(community, pot, who, |bond, _| {
			Self::take(&mut bond.amounts, pot, tier, amount)?;
			Self::push_chunk((community, pot, who), Chunk { due, amount, power: tier.power(amount) })
		})?;
		Self::deposit_event(Event::Unbonded { community, pot, who: who.clone(), tier, amount, due });
		Ok(())
	}

	pub(crate) fn do_withdraw(who: &T::AccountId, community: CommunityId, pot: Pot) -> DispatchResult {
		let (today, key) = (Self::today(), (community, pot, who));
		let asset = Self::asset_of(community, pot)?;
		let amount = Self::mutate_bond(community, pot, who, |_, _| {
			let mut chunks = Unbonding::<T>::get(key);
			ensure!(!chunks.is_empty(), Error::<T>::NothingToWithdraw);
			let due = chunks.iter().filter(|chunk| chunk.due <= today);
			let amount = due.fold(BalanceOf::<T>::zero(), |sum, chunk| sum.saturating_add(chunk.amount));
			ensure!(!amount.is_zero(), Error::<T>::StillUnbonding);
			chunks.retain(|chunk| chunk.due > today);
			Self::set_chunks(key, chunks);
			Ok(amount)
		})?;
		Self::set_frozen(&asset, who, Self::frozen(&asset, who).saturating_sub(amount))?;
		Self::deposit_event(Event::Withdrawn { community, pot, who: who.clone(), amount });
		Ok(())
	}

	pub(crate) fn do_poke_bond(who: &T::AccountId, community: CommunityId, pot: Pot) -> DispatchResult {
		let asset = Self::asset_of(community, pot);
		let frozen = asset.as_ref().map_or_else(|_| Zero::zero(), |asset| Self::frozen(asset, who));
		let there = asset.as_ref().map_or_else(|_| Zero::zero(), |asset| Self::freezable(asset, who));
		let missing = frozen.saturating_sub(there);
		if missing.is_zero() {
			let forgotten = Self::forget_own(community, Class::of_bond(community, pot), who);
			ensure!(forgotten, Error::<T>::NothingToPoke);
			return Ok(());
		}
		ensure!(Self::is_newest(who, community, pot), Error::<T>::PokeNewerBond);
		let (unbonding, bonded) = Self::mutate_bond(community, pot, who, |bond, _| {
			let unbonding = Self::shrink_chunks((community, pot, who), missing);
			Ok((unbonding, Self::shrink(&mut bond.amounts, missing.saturating_sub(unbonding))))
		})?;
		let taken = unbonding.saturating_add(bonded.sum());
		Self::set_frozen(&asset?, who, frozen.saturating_sub(taken))?;
		Self::deposit_event(Event::BondShrunk { community, pot, who: who.clone(), unbonding, bonded });
		Ok(())
	}

	/// Whether a bond is the one that what is missing after a slash comes off first. An account has one bond of shares for
	/// each asset, but many of AUTON.
	fn is_newest(who: &T::AccountId, community: CommunityId, pot: Pot) -> bool {
		match pot {
			Pot::Shares => true,
			Pot::Auton => {
				let bonds = Portfolios::<T>::get(who);
				let newest = bonds.iter().rev().find(|(_, of)| *of == Pot::Auton);
				newest == Some(&(community, pot))
			}
		}
	}

	/// Settles a bond, changes it, and brings the pot, the portfolio and the account's power in line with it.
	pub(crate) fn mutate_bond<R>(
		community: CommunityId,
		pot: Pot,
		who: &T::AccountId,
		change: impl FnOnce(&mut BondInfoOf<T>, &mut PotInfoOf<T>) -> Result<R, DispatchError>,
	) -> Result<R, DispatchError> {
		let key = (community, pot, who);
		let stored = Bonds::<T>::get(key);
		let is_new = stored.is_none();
		let mut bond = stored.unwrap_or_default();
		let mut info = Pots::<T>::get(community, pot);
		Self::settle(community, pot, who, &info, &mut bond);

		let (power_before, was_frozen) = (bond.amounts.power(), Self::is_frozen(key, &bond));
		let result = change(&mut bond, &mut info)?;
		let (power, is_frozen) = (bond.amounts.power(), Self::is_frozen(key, &bond));

		info.accumulator.replace_units(power_before, power).ok_or(ArithmeticError::Overflow)?;
		Pots::<T>::insert(community, pot, info);
		let is_empty = !is_frozen && bond.owed.is_zero();
		if is_empty {
			Bonds::<T>::remove(key);
		} else {
			Bonds::<T>::insert(key, bond);
		}
		match (is_new, is_empty) {
			(true, false) => Self::enter_portfolio(key)?,
			(false, true) => Self::leave_portfolio(key)?,
			(false, false) if was_frozen != is_frozen => Self::move_in_portfolio(key, is_frozen),
			(true, true) | (false, false) => (),
		}
		Self::set_own(community, Class::of_bond(community, pot), who, power)?;
		Ok(result)
	}

	/// Whether anything of a bond is frozen.
	fn is_frozen(key: Key<'_, T>, bond: &BondInfoOf<T>) -> bool {
		!bond.amounts.sum().is_zero() || Unbonding::<T>::contains_key(key)
	}

	fn enter_portfolio((community, pot, who): Key<'_, T>) -> DispatchResult {
		let entered = Portfolios::<T>::try_mutate(who, |bonds| bonds.try_push((community, pot)));
		entered.map_err(|_| Error::<T>::TooManyBonds)?;
		Self::mutate_count(community, |bonds| bonds.checked_add(1))
	}

	fn leave_portfolio((community, pot, who): Key<'_, T>) -> DispatchResult {
		Portfolios::<T>::mutate_exists(who, |stored| {
			if let Some(bonds) = stored {
				bonds.retain(|bond| *bond != (community, pot));
				if bonds.is_empty() {
					*stored = None;
				}
			}
		});
		Self::mutate_count(community, |bonds| bonds.checked_sub(1))?;
		Self::deposit_event(Event::BondRemoved { community, pot, who: who.clone() });
		Ok(())
	}

	/// Bonds of which nothing is frozen stand first, so that the last one of AUTON always has what can be taken off.
	fn move_in_portfolio((community, pot, who): Key<'_, T>, is_frozen: bool) {
		Portfolios::<T>::mutate(who, |bonds| {
			bonds.retain(|bond| *bond != (community, pot));
			let index = if is_frozen { bonds.len() } else { 0 };
			let inserted = bonds.try_insert(index, (community, pot));
			debug_assert!(inserted.is_ok(), "there is room for what was just taken out");
		});
	}

	fn mutate_count(community: CommunityId, change: impl FnOnce(u32) -> Option<u32>) -> DispatchResult {
		Communities::<T>::try_mutate(community, |info| {
			let info = info.as_mut().ok_or(Error::<T>::UnknownCommunity)?;
			info.bonds = change(info.bonds).ok_or(ArithmeticError::Overflow)?;
			Ok(())
		})
	}

	fn add(amounts: &mut Amounts<BalanceOf<T>>, pot: Pot, tier: Tier, amount: BalanceOf<T>) -> DispatchResult {
		let of_tier = amounts.of_mut(tier);
		*of_tier = of_tier.checked_add(&amount).ok_or(ArithmeticError::Overflow)?;
		ensure!(*of_tier >= Self::least(pot), Error::<T>::BondTooSmall);
		Ok(())
	}

	fn take(amounts: &mut Amounts<BalanceOf<T>>, pot: Pot, tier: Tier, amount: BalanceOf<T>) -> DispatchResult {
		let of_tier = amounts.of_mut(tier);
		*of_tier = of_tier.checked_sub(&amount).ok_or(Error::<T>::NotEnoughBonded)?;
		ensure!(of_tier.is_zero() || *of_tier >= Self::least(pot), Error::<T>::BondTooSmall);
		Ok(())
	}

	/// Takes at most `missing` off the tiers, the shortest first. Returns what was taken.
	fn shrink(amounts: &mut Amounts<BalanceOf<T>>, mut missing: BalanceOf<T>) -> Amounts<BalanceOf<T>> {
		let mut taken = Amounts::default();
		for tier in Tier::ALL {
			let of_tier = amounts.of_mut(tier);
			let less = missing.min(*of_tier);
			*of_tier = of_tier.saturating_sub(less);
			missing = missing.saturating_sub(less);
			*taken.of_mut(tier) = less;
		}
		taken
	}

	fn push_chunk(key: Key<'_, T>, chunk: Chunk<BalanceOf<T>>) -> DispatchResult {
		let mut chunks = Unbonding::<T>::get(key);
		match chunks.binary_search_by_key(&chunk.due, |other| other.due) {
			Ok(index) => {
				if let Some(same) = chunks.get_mut(index) {
					same.amount = same.amount.saturating_add(chunk.amount);
					same.power = same.power.saturating_add(chunk.power);
				}
			}
			Err(index) => chunks.try_insert(index, chunk).map_err(|_| Error::<T>::TooManyChunks)?,
		}
		Self::set_chunks(key, chunks);
		Ok(())
	}

	/// Takes at most `missing` off what is unbonding, the latest due first. Returns what was taken.
	fn shrink_chunks(key: Key<'_, T>, missing: BalanceOf<T>) -> BalanceOf<T> {
		let (mut chunks, mut rest) = (Unbonding::<T>::get(key), missing);
		while let Some(last) = chunks.last_mut().filter(|_| !rest.is_zero()) {
			if last.amount <= rest {
				rest = rest.saturating_sub(last.amount);
				chunks.pop();
				continue;
			}
			let (before, left) = (last.amount, last.amount.saturating_sub(rest));
			let power = multiply_by_rational_with_rounding(
				last.power,
				left.saturated_into(),
				before.saturated_into(),
				Rounding::Down,
			);
			(last.amount, last.power) = (left, power.unwrap_or(0));
			rest = Zero::zero();
		}
		Self::set_chunks(key, chunks);
		missing.saturating_sub(rest)
	}

	fn set_chunks(key: Key<'_, T>, chunks: crate::ChunksOf<T>) {
		if chunks.is_empty() {
			Unbonding::<T>::remove(key);
		} else {
			Unbonding::<T>::insert(key, chunks);
		}
	}
}
