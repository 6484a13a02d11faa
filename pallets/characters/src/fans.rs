//! Fan clubs: soul-bound badges by what a fan has bonded and spent.

use autonomy_primitives::community::{Class, PowerSink};
use codec::MaxEncodedLen;
use frame_support::{ensure, storage::with_storage_layer};
use sp_runtime::{traits::Zero, DispatchError, DispatchResult, Saturating};

use crate::{
	maths, Badge, BadgeOf, BalanceOf, Bonding, CharacterId, CharacterInfoOf, Characters, Config, Error, Event, FanPage,
	FanPageOf, Fans, HoldReason, Pallet, Spent,
};

/// A tier and its points.
type Rank = (u8, u8);

impl<T: Config> Pallet<T> {
	pub(crate) fn do_join(who: T::AccountId, character: CharacterId) -> DispatchResult {
		let info = Self::known(character)?;
		ensure!(!Fans::<T>::contains_key(character, &who), Error::<T>::AlreadyFan);
		let (tier, points) = Self::deserved(character, &info, &who)?.ok_or(Error::<T>::TierNotReached)?;
		with_storage_layer(|| {
			let deposit = Self::hold_deposit(&who, BadgeOf::<T>::max_encoded_len())?;
			let since = frame_system::Pallet::<T>::block_number();
			Self::mutate(character, |info| {
				info.fans = info.fans.saturating_add(1);
				Ok(())
			})?;
			Self::set_badge(character, &info, who, Badge { tier, points, since, deposit })
		})
	}

	pub(crate) fn do_upgrade(who: T::AccountId, character: CharacterId) -> DispatchResult {
		let info = Self::known(character)?;
		let badge = Fans::<T>::get(character, &who).ok_or(Error::<T>::NotFan)?;
		let (tier, points) = Self::deserved(character, &info, &who)?.ok_or(Error::<T>::TierNotReached)?;
		// More points for the same tier: the line was lowered.
		let higher = tier > badge.tier || (tier == badge.tier && points > badge.points);
		ensure!(higher, Error::<T>::TierNotReached);
		with_storage_layer(|| Self::set_badge(character, &info, who, Badge { tier, points, ..badge }))
	}

	pub(crate) fn do_leave(who: T::AccountId, character: CharacterId) -> DispatchResult {
		let info = Self::known(character)?;
		let badge = Fans::<T>::get(character, &who).ok_or(Error::<T>::NotFan)?;
		Self::end_badge(character, &info, who, &badge)
	}

	pub(crate) fn do_refresh_fan(who: T::AccountId, character: CharacterId) -> DispatchResult {
		let info = Self::known(character)?;
		let badge = Fans::<T>::get(character, &who).ok_or(Error::<T>::NotFan)?;
		let Some((tier, points)) = Self::deserved(character, &info, &who)? else {
			return Self::end_badge(character, &info, who, &badge);
		};
		// A tier is raised by the fan alone.
		let tier = tier.min(badge.tier);
		let points = points.min(badge.points);
		ensure!((tier, points) != (badge.tier, badge.points), Error::<T>::TierDeserved);
		with_storage_layer(|| Self::set_badge(character, &info, who, Badge { tier, points, ..badge }))
	}

	pub(crate) fn do_record_spend(character: CharacterId, who: &T::AccountId, amount: BalanceOf<T>) {
		if amount.is_zero() || !Characters::<T>::contains_key(character) {
			return;
		}
		Spent::<T>::mutate(character, who, |spent| *spent = spent.saturating_add(amount));
		Self::deposit_event(Event::SpendRecorded { character, who: who.clone(), amount });
	}

	pub(crate) fn fan(character: CharacterId, who: &T::AccountId) -> Option<FanPageOf<T>> {
		let info = Characters::<T>::get(character)?;
		let deserved = Self::deserved(character, &info, who).ok()?;
		Some(FanPage {
			badge: Fans::<T>::get(character, who),
			bonded: T::Bonding::bonded(info.community, who),
			spent: Spent::<T>::get(character, who),
			deserved: deserved.map(|(tier, _)| tier),
		})
	}

	/// The tier that an account deserves now, by the charter as it is now.
	fn deserved(
		character: CharacterId,
		info: &CharacterInfoOf<T>,
		who: &T::AccountId,
	) -> Result<Option<Rank>, DispatchError> {
		let charter = Self::charter_of(character, info)?;
		let bonded = T::Bonding::bonded(info.community, who);
		let spent = Spent::<T>::get(character, who);
		let tiers = charter.tiers.iter().map(|tier| (tier.bonded, tier.spent));
		let tier = maths::tier(tiers, &bonded, &spent);
		Ok(tier.map(|tier| (tier, maths::points(tier, charter.advanced_from))))
	}

	fn set_badge(
		character: CharacterId,
		info: &CharacterInfoOf<T>,
		who: T::AccountId,
		badge: BadgeOf<T>,
	) -> DispatchResult {
		T::Power::set_power(info.community, Class::Fan, &who, badge.points.into())?;
		Fans::<T>::insert(character, &who, &badge);
		Self::deposit_event(Event::FanTierSet { character, who, badge });
		Ok(())
	}

	fn end_badge(
		character: CharacterId,
		info: &CharacterInfoOf<T>,
		who: T::AccountId,
		badge: &BadgeOf<T>,
	) -> DispatchResult {
		with_storage_layer(|| {
			T::Power::set_power(info.community, Class::Fan, &who, 0)?;
			Fans::<T>::remove(character, &who);
			Self::mutate(character, |info| {
				info.fans = info.fans.saturating_sub(1);
				Ok(())
			})?;
			Self::release(HoldReason::Deposit, &who, badge.deposit)?;
			Self::deposit_event(Event::FanLeft { character, who });
			Ok(())
		})
	}
}
