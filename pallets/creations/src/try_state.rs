//! What must hold between the storage items at the end of every block.

#![cfg(any(feature = "try-runtime", test))]

use alloc::collections::{BTreeMap, BTreeSet};
use frame_support::{
	ensure,
	traits::{fungible::InspectHold, Get},
};
use sp_runtime::{traits::Saturating, TryRuntimeError};

use crate::{
	metadata, BalanceOf, CollectionCount, Collections, Config, CreationOf, Creations, DefaultCollection, HoldReason,
	MintedJobs, MintedResults, Pallet, MAX_ROYALTY,
};

type Sums<T> = BTreeMap<<T as frame_system::Config>::AccountId, BalanceOf<T>>;

fn add<T: Config>(sums: &mut Sums<T>, who: T::AccountId, amount: BalanceOf<T>) {
	let sum = sums.entry(who).or_default();
	*sum = sum.saturating_add(amount);
}

fn ensure_held<T: Config>(reason: HoldReason, sums: Sums<T>) -> Result<(), TryRuntimeError> {
	let reason = reason.into();
	for (who, sum) in sums {
		ensure!(T::Currency::balance_on_hold(&reason, &who) == sum, "a deposit on hold is not the sum of the deposits");
	}
	Ok(())
}

impl<T: Config> Pallet<T> {
	pub(crate) fn do_try_state() -> Result<(), TryRuntimeError> {
		Self::try_state_collections()?;
		Self::try_state_creations()?;
		Self::try_state_minted()
	}

	/// - the open collection is one of the collections, and the only one without a creator;
	/// - every creator's count is that of its collections, and within the bound;
	/// - what each creator has on hold is the sum of its collections' deposits.
	fn try_state_collections() -> Result<(), TryRuntimeError> {
		let mut counts: BTreeMap<T::AccountId, u32> = BTreeMap::new();
		let mut held = Sums::<T>::new();
		for (collection, info) in Collections::<T>::iter() {
			ensure!(metadata::is_name(&info.name), "a collection's name is not a name");
			match info.creator {
				Some(creator) => {
					let count = counts.entry(creator.clone()).or_default();
					*count = count.saturating_add(1);
					add::<T>(&mut held, creator, info.deposit);
				}
				None => {
					ensure!(DefaultCollection::<T>::get() == Some(collection), "a collection without a creator");
				}
			}
		}
		let stored: BTreeMap<_, _> = CollectionCount::<T>::iter().collect();
		ensure!(stored == counts, "CollectionCount is not the count of collections");
		ensure!(
			counts.values().all(|count| *count <= T::MaxCollectionsPerAccount::get()),
			"an account has too many collections"
		);
		ensure_held::<T>(HoldReason::Collection, held)
	}

	/// - a work's number is below its collection's next; an own collection has works of its creator only;
	/// - job and result of a work lead to it;
	/// - royalties are within their bounds;
	/// - what each creator has on hold is the sum of its works' deposits.
	fn try_state_creations() -> Result<(), TryRuntimeError> {
		let mut held = Sums::<T>::new();
		for (collection, item, creation) in Creations::<T>::iter() {
			let info = Collections::<T>::get(collection).ok_or("a work in an unknown collection")?;
			ensure!(item < info.next_item, "a work's number is not below the next");
			let creator = &creation.work.requester;
			ensure!(info.creator.is_none_or(|owner| owner == *creator), "a work in another creator's collection");
			ensure!(MintedJobs::<T>::get(creation.job) == Some((collection, item)), "a job does not lead to its work");
			ensure!(
				MintedResults::<T>::get(creation.work.result) == Some(creation.job),
				"a result does not lead to its job"
			);
			ensure!(metadata::is_name(&creation.name), "a work's name is not a name");
			Self::ensure_royalties(&creation)?;
			add::<T>(&mut held, creator.clone(), creation.deposit);
		}
		ensure_held::<T>(HoldReason::Creation, held)
	}

	fn ensure_royalties(creation: &CreationOf<T>) -> Result<(), TryRuntimeError> {
		let payees: BTreeSet<_> = creation.royalties.iter().map(|(payee, _)| payee).collect();
		ensure!(payees.len() == creation.royalties.len(), "a payee has two shares in a work");
		ensure!(creation.royalties.iter().all(|(_, share)| !share.is_zero()), "a share of nothing");
		let total = creation.royalties.iter().map(|(_, share)| share.deconstruct()).fold(0, u32::saturating_add);
		ensure!(total <= MAX_ROYALTY.deconstruct(), "royalties above the cap");
		Ok(())
	}

	/// - no two jobs share a number or a result, and every result's job was minted;
	/// - as many jobs were minted as numbers were given.
	fn try_state_minted() -> Result<(), TryRuntimeError> {
		let mut numbers = BTreeSet::new();
		let mut jobs = 0u32;
		for (_, (collection, item)) in MintedJobs::<T>::iter() {
			let info = Collections::<T>::get(collection).ok_or("a job minted into an unknown collection")?;
			ensure!(item < info.next_item, "a job was minted under a number that was not given");
			ensure!(numbers.insert((codec::Encode::encode(&collection), item)), "two jobs minted under one number");
			jobs = jobs.saturating_add(1);
		}
		let given = Collections::<T>::iter_values().map(|info| info.next_item).fold(0, u32::saturating_add);
		ensure!(jobs == given, "a number was given for no job");
		let mut results = 0u32;
		for job in MintedResults::<T>::iter_values() {
			ensure!(MintedJobs::<T>::contains_key(job), "a result of a job that was not minted");
			results = results.saturating_add(1);
		}
		ensure!(results == jobs, "a job was minted without a result");
		Ok(())
	}
}
