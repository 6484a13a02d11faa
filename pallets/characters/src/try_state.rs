//! What must hold between the storage items at the end of every block.

#![cfg(any(feature = "try-runtime", test))]

use alloc::collections::{BTreeMap, BTreeSet};
use autonomy_primitives::community::Communities;
use frame_support::{
	ensure,
	traits::{fungible::InspectHold, Get},
};
use sp_runtime::{traits::Zero, SaturatedConversion, Saturating, TryRuntimeError};

use crate::{
	charter, maths, ActiveCharacters, AskedParents, BalanceOf, CharacterByCommunity, CharacterId, CharacterInfoOf,
	Characters, Collectives, Config, Customisations, Fans, HoldReason, Invested, Memories, NextCharacterId,
	NextCollectiveId, NextTemplateId, Pallet, RoundOf, Rounds, Spent, Talks, TemplateVersions, Templates, MAX_POINTS,
	MAX_TIERS,
};

type Sums<T> = BTreeMap<<T as frame_system::Config>::AccountId, BalanceOf<T>>;

fn add<T: Config>(sums: &mut Sums<T>, who: &T::AccountId, amount: BalanceOf<T>) {
	let sum = sums.entry(who.clone()).or_default();
	*sum = sum.saturating_add(amount);
}

fn count<K: Ord>(counts: &mut BTreeMap<K, u32>, key: K) {
	let count = counts.entry(key).or_default();
	*count = count.saturating_add(1);
}

fn ensure_held<T: Config>(reason: HoldReason, sums: Sums<T>) -> Result<(), TryRuntimeError> {
	let reason = reason.into();
	for (who, sum) in sums {
		ensure!(
			T::Currency::balance_on_hold(&reason, &who) == sum,
			"money on hold is not the sum of what it is held for"
		);
	}
	Ok(())
}

impl<T: Config> Pallet<T> {
	pub(crate) fn do_try_state() -> Result<(), TryRuntimeError> {
		let mut deposits = Sums::<T>::new();
		Self::try_state_templates()?;
		Self::try_state_characters(&mut deposits)?;
		Self::try_state_fans(&mut deposits)?;
		Self::try_state_rounds()?;
		Self::try_state_collectives(&mut deposits)?;
		ensure_held::<T>(HoldReason::Deposit, deposits)?;
		Self::try_state_talks()
	}

	/// - templates are numbered without a gap, and so are the versions of each;
	/// - every version is sound.
	fn try_state_templates() -> Result<(), TryRuntimeError> {
		let next = NextTemplateId::<T>::get();
		let newest: BTreeMap<_, _> = TemplateVersions::<T>::iter().collect();
		ensure!(newest.keys().copied().eq(0..next), "templates are not numbered without a gap");
		let mut versions = BTreeMap::new();
		for (template, version, bounds) in Templates::<T>::iter() {
			let last = newest.get(&template).copied().unwrap_or(0);
			ensure!(version >= 1 && version <= last, "a version out of range");
			ensure!(charter::check_template(&bounds).is_ok(), "a template that contradicts itself");
			count(&mut versions, template);
		}
		ensure!(versions == newest, "versions are not numbered without a gap");
		Ok(())
	}

	/// - characters are numbered without a gap, each with a customisation and an open community of its own;
	/// - every charter is whole and within the newest bounds, but for what was promised, which investors have;
	/// - sub-identities are two levels deep, counted by their parents, and in no collective.
	fn try_state_characters(deposits: &mut Sums<T>) -> Result<(), TryRuntimeError> {
		let next = NextCharacterId::<T>::get();
		let mut children: BTreeMap<CharacterId, u32> = BTreeMap::new();
		let (mut characters, mut active) = (0u32, 0u32);
		for (character, info) in Characters::<T>::iter() {
			ensure!(character < next, "a character's number is not below the next");
			ensure!(T::Communities::exists(info.community), "a character without a community");
			ensure!(
				CharacterByCommunity::<T>::get(info.community) == Some(character),
				"a community does not lead to its character"
			);
			Self::try_state_charter(character, &info)?;
			if let Some(parent) = info.parent {
				let above = Characters::<T>::get(parent).ok_or("an unknown parent")?;
				ensure!(above.parent.is_none() && info.children == 0, "sub-identities more than two levels deep");
				ensure!(info.collective.is_none(), "a sub-identity in a collective");
				count(&mut children, parent);
			}
			add::<T>(deposits, &info.creator, info.deposit);
			characters = characters.saturating_add(1);
			active = active.saturating_add(u32::from(info.active));
		}
		ensure!(
			ActiveCharacters::<T>::get() == active,
			"ActiveCharacters is not the count of those that take messages"
		);
		ensure!(characters == next, "characters are not numbered without a gap");
		ensure!(Customisations::<T>::iter_keys().count() == next as usize, "a customisation of no character");
		ensure!(CharacterByCommunity::<T>::iter_keys().count() == next as usize, "a community of no character");
		for (character, info) in Characters::<T>::iter() {
			ensure!(
				info.children == children.get(&character).copied().unwrap_or(0),
				"children are not those that have it as parent"
			);
			ensure!(info.children <= T::MaxChildren::get(), "a character has too many children");
		}
		for (child, parent) in AskedParents::<T>::iter() {
			ensure!(child != parent && child < next && parent < next, "a parent was asked that cannot be one");
		}
		ensure!(Memories::<T>::iter().all(|(id, memory)| id < next && memory.sequence > 0), "a memory of nothing");
		Ok(())
	}

	fn try_state_charter(character: CharacterId, info: &CharacterInfoOf<T>) -> Result<(), TryRuntimeError> {
		let (_, bounds) = Self::newest(info.template).map_err(|_| "a character without a template")?;
		let charter = Self::charter_of(character, info).map_err(|_| "a character without a customisation")?;
		ensure!(maths::total(&charter.split) == maths::WHOLE, "a split that is not whole");
		ensure!(charter.split.investors >= info.promise, "investors have less than they were promised");
		let fits = charter::check(&bounds, &charter, info.promise).is_ok();
		ensure!(fits || !info.promise.is_zero(), "a charter out of bounds");
		let again = charter::clamp(&bounds, &charter, info.promise);
		ensure!(again == charter, "a charter that changes when it is read again");
		Ok(())
	}

	/// - badges are of characters, which count them, with a tier and points within their bounds;
	/// - nothing is recorded as spent on a character that does not exist.
	fn try_state_fans(deposits: &mut Sums<T>) -> Result<(), TryRuntimeError> {
		let mut fans: BTreeMap<CharacterId, u32> = BTreeMap::new();
		for (character, who, badge) in Fans::<T>::iter() {
			ensure!(u32::from(badge.tier) < MAX_TIERS && badge.points <= MAX_POINTS, "a badge out of bounds");
			add::<T>(deposits, &who, badge.deposit);
			count(&mut fans, character);
		}
		for (character, info) in Characters::<T>::iter() {
			ensure!(info.fans == fans.remove(&character).unwrap_or(0), "fans are not those that have a badge");
		}
		ensure!(fans.is_empty(), "a badge of no character");
		let next = NextCharacterId::<T>::get();
		ensure!(Spent::<T>::iter().all(|(id, _, spent)| id < next && !spent.is_zero()), "a spend on nothing");
		Ok(())
	}

	/// - what a round has sold is the sum of what was bought, at most what there is, and nobody has more than its cap;
	/// - what was paid is at least the price of it all;
	/// - the shares are the community's; the promise is the round's, unless nothing was sold.
	fn try_state_rounds() -> Result<(), TryRuntimeError> {
		let mut bought: BTreeMap<CharacterId, BalanceOf<T>> = BTreeMap::new();
		for (character, _, shares) in Invested::<T>::iter() {
			let round = Rounds::<T>::get(character).ok_or("an investment without a round")?;
			ensure!(!shares.is_zero() && shares <= round.terms.cap, "an investor above the cap");
			let sum = bought.entry(character).or_default();
			*sum = sum.saturating_add(shares);
		}
		for (character, round) in Rounds::<T>::iter() {
			let info = Characters::<T>::get(character).ok_or("a round of no character")?;
			let sold = bought.remove(&character).unwrap_or_default();
			ensure!(round.sold == sold && sold <= round.terms.supply, "shares sold are not those bought");
			Self::try_state_round(&info, &round)?;
		}
		Ok(())
	}

	fn try_state_round(info: &CharacterInfoOf<T>, round: &RoundOf<T>) -> Result<(), TryRuntimeError> {
		let rule = charter::price(&round.terms.price);
		let cost = maths::cost(&rule, 0, round.sold.saturated_into()).ok_or("a price without a number")?;
		ensure!(cost <= round.raised.saturated_into::<u128>(), "shares were sold below their price");
		ensure!(T::Communities::shares(info.community).as_ref() == Some(&round.shares), "shares of another community");
		let lapsed = round.closed && round.sold.is_zero();
		ensure!(lapsed || info.promise == round.terms.promise, "the promise is not the round's");
		Ok(())
	}

	/// - members and collectives lead to each other, and no character is in two;
	/// - nobody is both a member and invited.
	fn try_state_collectives(deposits: &mut Sums<T>) -> Result<(), TryRuntimeError> {
		let next = NextCollectiveId::<T>::get();
		let mut members = BTreeSet::new();
		for (id, collective) in Collectives::<T>::iter() {
			ensure!(id < next, "a collective's number is not below the next");
			ensure!(!collective.members.is_empty(), "a collective without members");
			for member in &collective.members {
				ensure!(members.insert(*member), "a character is seated twice");
				let info = Characters::<T>::get(member).ok_or("an unknown member")?;
				ensure!(info.collective == Some(id), "a member does not lead to its collective");
				ensure!(!collective.invited.contains(member), "a member that is invited");
			}
			add::<T>(deposits, &collective.founder, collective.deposit);
		}
		let joined = Characters::<T>::iter_values().filter(|info| info.collective.is_some()).count();
		ensure!(joined == members.len(), "a character in a collective that does not have it");
		Ok(())
	}

	/// - what each account has on hold for messages is the sum of their surcharges.
	fn try_state_talks() -> Result<(), TryRuntimeError> {
		let mut surcharges = Sums::<T>::new();
		for talk in Talks::<T>::iter_values() {
			ensure!(Characters::<T>::contains_key(talk.character), "a message to no character");
			add::<T>(&mut surcharges, &talk.requester, talk.surcharge);
		}
		ensure_held::<T>(HoldReason::Surcharge, surcharges)
	}
}
