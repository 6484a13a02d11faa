//! What must hold between the storage items at the end of every block.

#![cfg(any(feature = "try-runtime", test))]

use alloc::collections::{BTreeMap, BTreeSet};
use autonomy_primitives::community::{Class, CommunityId, Day, Pot, Power, Topic, X_COMMUNITY};
use frame_support::{ensure, traits::fungible::Inspect as _};
use sp_runtime::{
	traits::{Saturating, Zero},
	SaturatedConversion, TryRuntimeError,
};

use crate::{
	bonds::Asset,
	ring::{Ring, WINDOW},
	BalanceOf, Bonds, ClassTotals, Communities, CommunityByShares, Config, Delegations, Inbound, NextCommunityId,
	OwnPower, Pallet, Portfolios, Pots, Unbonding,
};

/// Whom power is delegated to, and which.
type Delegate<T> = (CommunityId, Class, Topic, <T as frame_system::Config>::AccountId);

/// Values of many rings, added up.
#[derive(Default)]
struct Sums {
	/// The latest.
	latest: Power,
	/// On each closed day of the window.
	days: BTreeMap<Day, Power>,
}

impl Sums {
	fn add(&mut self, ring: &Ring<Power>, today: Day) {
		self.latest = self.latest.saturating_add(*ring.latest());
		for day in today.saturating_sub(WINDOW)..today {
			self.add_on(day, ring.at(day, today).copied().unwrap_or(0));
		}
	}

	fn add_on(&mut self, day: Day, power: Power) {
		let sum = self.days.entry(day).or_default();
		*sum = sum.saturating_add(power);
	}

	fn fits(&self, ring: &Ring<Power>, today: Day) -> bool {
		let on = |day: Day| self.days.get(&day).copied().unwrap_or(0);
		self.latest == *ring.latest()
			&& (today.saturating_sub(WINDOW)..today).all(|day| ring.at(day, today) == Some(&on(day)))
	}
}

impl<T: Config> Pallet<T> {
	pub(crate) fn do_try_state() -> Result<(), TryRuntimeError> {
		Self::try_state_communities()?;
		Self::try_state_bonds()?;
		Self::try_state_freezes()?;
		Self::try_state_pots()?;
		Self::try_state_power()?;
		Self::try_state_delegations()
	}

	/// - every community's number is below the next one, and X is open;
	/// - `CommunityByShares` is the inverse of the communities' shares;
	/// - a community counts its bonds, and each bond is in its account's portfolio once;
	/// - a portfolio has the bonds of which nothing is frozen first.
	fn try_state_communities() -> Result<(), TryRuntimeError> {
		ensure!(Communities::<T>::contains_key(X_COMMUNITY), "X is not open");
		let mut counts: BTreeMap<CommunityId, u32> = BTreeMap::new();
		let mut bonds = BTreeSet::new();
		for (community, pot, who) in Bonds::<T>::iter_keys() {
			let count = counts.entry(community).or_default();
			*count = count.saturating_add(1);
			bonds.insert((who, community, pot));
		}
		let mut with_shares = 0usize;
		for (community, info) in Communities::<T>::iter() {
			ensure!(community < NextCommunityId::<T>::get(), "a community's number is not below the next one");
			ensure!(info.bonds == counts.remove(&community).unwrap_or(0), "a community does not count its bonds");
			if let Some(asset) = info.shares {
				ensure!(CommunityByShares::<T>::get(asset) == Some(community), "shares do not lead to their community");
				with_shares = with_shares.saturating_add(1);
			}
		}
		ensure!(counts.is_empty(), "a bond in a community that is not open");
		ensure!(CommunityByShares::<T>::iter().count() == with_shares, "shares of no community");
		for (who, portfolio) in Portfolios::<T>::iter() {
			ensure!(!portfolio.is_empty(), "an empty portfolio");
			let mut is_frozen_before = false;
			for (community, pot) in portfolio {
				ensure!(bonds.remove(&(who.clone(), community, pot)), "a portfolio names a bond twice, or none");
				let amounts = Bonds::<T>::get((community, pot, &who)).unwrap_or_default().amounts;
				let is_frozen = !amounts.sum().is_zero() || Unbonding::<T>::contains_key((community, pot, &who));
				ensure!(is_frozen || !is_frozen_before, "a bond of which nothing is frozen stands behind another");
				is_frozen_before = is_frozen;
			}
		}
		ensure!(bonds.is_empty(), "a bond that is in no portfolio");
		Ok(())
	}

	/// - something is left of every bond;
	/// - what is unbonding belongs to a bond, is sorted by its day, and is not empty.
	fn try_state_bonds() -> Result<(), TryRuntimeError> {
		for (key, bond) in Bonds::<T>::iter() {
			let is_empty = bond.amounts.sum().is_zero() && bond.owed.is_zero() && !Unbonding::<T>::contains_key(key);
			ensure!(!is_empty, "a bond of which nothing is left");
		}
		for (key, chunks) in Unbonding::<T>::iter() {
			ensure!(Bonds::<T>::contains_key(key), "unbonding of no bond");
			ensure!(!chunks.is_empty(), "an empty list of what is unbonding");
			ensure!(chunks.iter().all(|chunk| !chunk.amount.is_zero()), "a part of nothing is unbonding");
			let mut days = chunks.iter().zip(chunks.iter().skip(1));
			ensure!(days.all(|(one, next)| one.due < next.due), "what is unbonding is not sorted by its day");
		}
		Ok(())
	}

	/// - what an account has frozen of AUTON is the sum of its bonds of AUTON and of what of them is unbonding, over all
	///   communities; and of an asset likewise, which belongs to one community.
	fn try_state_freezes() -> Result<(), TryRuntimeError> {
		let mut auton: BTreeMap<T::AccountId, BalanceOf<T>> = BTreeMap::new();
		for ((community, pot, who), bond) in Bonds::<T>::iter() {
			let chunks = Unbonding::<T>::get((community, pot, &who));
			let sum =
				chunks.iter().fold(bond.amounts.sum(), |sum: BalanceOf<T>, chunk| sum.saturating_add(chunk.amount));
			match pot {
				Pot::Auton => {
					let all = auton.entry(who).or_default();
					*all = all.saturating_add(sum);
				}
				Pot::Shares => {
					let asset =
						Self::asset_of(community, pot).map_err(|_| "bonded shares of a community without any")?;
					ensure!(Self::frozen(&asset, &who) == sum, "frozen shares are not the sum of what is bonded");
				}
			}
		}
		for (who, sum) in auton {
			ensure!(Self::frozen(&Asset::Auton, &who) == sum, "frozen AUTON is not the sum over the bonds");
		}
		Ok(())
	}

	/// - a pot's units are the sum over its bonds;
	/// - what all bonds together can claim, and the remainder, are at most what is unclaimed, and that is in the pot's account
	///   over and above the existential deposit.
	fn try_state_pots() -> Result<(), TryRuntimeError> {
		let mut sums: BTreeMap<(CommunityId, Pot), (Power, u128)> = BTreeMap::new();
		for ((community, pot, who), bond) in Bonds::<T>::iter() {
			let (units, owed) = sums.entry((community, pot)).or_default();
			*units = units.saturating_add(bond.amounts.power());
			let claimable: u128 = Self::claimable(who, community, pot).saturated_into();
			*owed = owed.saturating_add(claimable);
		}
		for (community, pot, info) in Pots::<T>::iter() {
			let (units, owed) = sums.remove(&(community, pot)).unwrap_or_default();
			ensure!(info.accumulator.units == units, "the units of a pot are not the sum over its bonds");
			let remainder = info.accumulator.remainder.checked_shr(64).unwrap_or(0);
			let unclaimed: u128 = info.unclaimed.saturated_into();
			ensure!(owed.saturating_add(remainder) <= unclaimed, "a pot owes more than is unclaimed");
			let least = info.unclaimed.saturating_add(T::Currency::minimum_balance());
			let balance = T::Currency::balance(&Self::pot_account(community, pot));
			ensure!(balance >= least, "a pot has less than is unclaimed");
		}
		ensure!(sums.values().all(|(units, owed)| *units == 0 && *owed == 0), "a bond without a pot");
		Ok(())
	}

	/// - power of a class is the sum over its members, now and on every closed day of the window;
	/// - power of a class that is bonded is that of the account's bond.
	fn try_state_power() -> Result<(), TryRuntimeError> {
		let today = Self::today();
		let mut sums: BTreeMap<(CommunityId, Class), Sums> = BTreeMap::new();
		for ((community, class, who), own) in OwnPower::<T>::iter() {
			ensure!(!own.is_blank(&0), "a history of power that says nothing");
			sums.entry((community, class)).or_default().add(&own, today);
			for pot in Pot::ALL {
				if Class::of_bond(community, pot) == class {
					let bonded = Bonds::<T>::get((community, pot, &who)).map_or(0, |bond| bond.amounts.power());
					ensure!(*own.latest() == bonded, "power of a bonded class is not that of the bond");
				}
			}
		}
		for ((community, pot, who), bond) in Bonds::<T>::iter() {
			let own = Self::own(community, Class::of_bond(community, pot), &who);
			ensure!(own == bond.amounts.power(), "a bond does not give its power");
		}
		for (community, class, total) in ClassTotals::<T>::iter() {
			let sum = sums.remove(&(community, class)).unwrap_or_default();
			ensure!(sum.fits(&total, today), "power of a class is not the sum over its members");
		}
		// A community that was closed leaves histories of accounts, which all end with nothing.
		ensure!(sums.values().all(|sum| sum.latest == 0), "power in a class without a total");
		Ok(())
	}

	/// - what is delegated to an account is the sum of its delegators' own power, now and on every closed day of the window;
	/// - nobody that delegates is a delegate for the same class and topic, nor a delegate to itself.
	fn try_state_delegations() -> Result<(), TryRuntimeError> {
		let today = Self::today();
		let mut sums: BTreeMap<Delegate<T>, (Sums, u32)> = BTreeMap::new();
		for ((community, class, topic, who), delegation) in Delegations::<T>::iter() {
			ensure!(class.is_delegable(), "a delegation in a class that has none");
			let own = OwnPower::<T>::get((community, class, &who));
			for day in today.saturating_sub(WINDOW)..today {
				if let Some(to) = delegation.to.at(day, today).cloned().flatten() {
					let (sum, _) = sums.entry((community, class, topic, to)).or_default();
					sum.add_on(day, own.at(day, today).copied().unwrap_or(0));
				}
			}
			let Some(to) = delegation.to.latest().clone() else { continue };
			ensure!(to != who, "an account delegates to itself");
			let delegators = Inbound::<T>::get((community, class, topic, &who)).delegators;
			ensure!(delegators == 0, "a delegate delegates");
			let (sum, count) = sums.entry((community, class, topic, to)).or_default();
			sum.latest = sum.latest.saturating_add(*own.latest());
			*count = count.saturating_add(1);
		}
		for (key, inbound) in Inbound::<T>::iter() {
			let (sum, count) = sums.remove(&key).unwrap_or_default();
			ensure!(inbound.delegators == count, "an account does not count its delegators");
			ensure!(sum.fits(&inbound.power, today), "what is delegated is not the sum over the delegators");
		}
		let nothing = |(sum, count): &(Sums, u32)| *count == 0 && sum.latest == 0 && sum.days.values().all(|p| *p == 0);
		ensure!(sums.values().all(nothing), "a delegation that its delegate does not know of");
		Ok(())
	}
}
