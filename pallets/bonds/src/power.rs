//! Voting power: what each account has, what each class has, at the end of every day.

use autonomy_primitives::community::{Class, CommunityId, Day, Pot, Power, PowerSink, PowerSource, Topic};
use frame_support::{
	ensure,
	pallet_prelude::{DispatchError, DispatchResult},
};
use sp_runtime::{traits::Saturating, ArithmeticError, SaturatedConversion};

use crate::{
	types::HEAVIEST, Bonds, ClassTotals, Config, Delegations, Error, Event, Inbound, OwnPower, Pallet, Unbonding,
};

impl<T: Config> Pallet<T> {
	/// Sets an account's own power from today on, and with it the power of the class and of the account's delegates.
	pub(crate) fn set_own(community: CommunityId, class: Class, who: &T::AccountId, power: Power) -> DispatchResult {
		let today = Self::today();
		let mut own = OwnPower::<T>::get((community, class, who));
		let before = *own.latest();
		if before == power {
			return Ok(());
		}
		let mut total = ClassTotals::<T>::get(community, class);
		let sum = total.latest().checked_sub(before).and_then(|rest| rest.checked_add(power));
		total.set(today, sum.ok_or(ArithmeticError::Overflow)?);
		own.set(today, power);
		if total.is_blank(&0) {
			ClassTotals::<T>::remove(community, class);
		} else {
			ClassTotals::<T>::insert(community, class, total);
		}
		if own.is_blank(&0) {
			OwnPower::<T>::remove((community, class, who));
		} else {
			OwnPower::<T>::insert((community, class, who), own);
		}
		if class.is_delegable() {
			for topic in Topic::ALL {
				if let Some(to) = Self::delegate_of(community, class, topic, who) {
					Self::mutate_inbound(community, class, topic, &to, before, power, 0)?;
				}
			}
		}
		Self::deposit_event(Event::PowerSet { community, class, who: who.clone(), power });
		Ok(())
	}

	/// An account's own power now.
	pub(crate) fn own(community: CommunityId, class: Class, who: &T::AccountId) -> Power {
		*OwnPower::<T>::get((community, class, who)).latest()
	}

	/// Removes a history of power that says nothing about any closed day of the window. Returns whether there was one.
	pub(crate) fn forget_own(community: CommunityId, class: Class, who: &T::AccountId) -> bool {
		if !OwnPower::<T>::contains_key((community, class, who)) {
			return false;
		}
		let mut own = OwnPower::<T>::get((community, class, who));
		own.collapse(Self::today());
		let is_blank = own.is_blank(&0);
		if is_blank {
			OwnPower::<T>::remove((community, class, who));
		}
		is_blank
	}

	/// Power of a bond that is bonded or unbonding. After a slash that nobody has poked yet, what is missing counts as if it
	/// were the heaviest part of each of the account's bonds.
	fn standing_bond(community: CommunityId, pot: Pot, who: &T::AccountId) -> Power {
		let bonded = Bonds::<T>::get((community, pot, who)).map_or(0, |bond| bond.amounts.power());
		let chunks = Unbonding::<T>::get((community, pot, who));
		let standing = chunks.iter().fold(bonded, |sum, chunk| sum.saturating_add(chunk.power));
		let Ok(asset) = Self::asset_of(community, pot) else { return 0 };
		let missing = Self::frozen(&asset, who).saturating_sub(Self::freezable(&asset, who));
		standing.saturating_sub(missing.saturated_into::<Power>().saturating_mul(HEAVIEST))
	}
}

impl<T: Config> PowerSource<T::AccountId> for Pallet<T> {
	fn today() -> Day {
		Self::today()
	}

	fn power_at(community: CommunityId, class: Class, who: &T::AccountId, day: Day) -> Option<Power> {
		OwnPower::<T>::get((community, class, who)).at(day, Self::today()).copied()
	}

	fn total_at(community: CommunityId, class: Class, day: Day) -> Option<Power> {
		Self::class_total(community, class, day)
	}

	fn inbound_at(community: CommunityId, class: Class, topic: Topic, who: &T::AccountId, day: Day) -> Option<Power> {
		Inbound::<T>::get((community, class, topic, who)).power.at(day, Self::today()).copied()
	}

	fn delegate_at(
		community: CommunityId,
		class: Class,
		topic: Topic,
		who: &T::AccountId,
		day: Day,
	) -> Option<T::AccountId> {
		Delegations::<T>::get((community, class, topic, who))?.to.at(day, Self::today())?.clone()
	}

	fn standing(community: CommunityId, class: Class, who: &T::AccountId) -> Power {
		match class {
			Class::Investor => Self::standing_bond(community, Pot::Shares, who),
			Class::Token | Class::Backing if Class::of_bond(community, Pot::Auton) == class => {
				Self::standing_bond(community, Pot::Auton, who)
			}
			Class::Token | Class::Backing => 0,
			Class::Owner | Class::Fan | Class::Contributor | Class::Ai | Class::Compute => {
				Self::own(community, class, who)
			}
		}
	}
}

impl<T: Config> PowerSink<T::AccountId> for Pallet<T> {
	type Error = DispatchError;

	fn set_power(community: CommunityId, class: Class, who: &T::AccountId, power: Power) -> DispatchResult {
		ensure!(!class.is_bonded(), Error::<T>::PowerIsBonded);
		Self::known(community)?;
		Self::set_own(community, class, who, power)
	}
}
