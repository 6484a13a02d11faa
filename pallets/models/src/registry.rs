//! Registering a model: its checks, its NFT, its community, its lineage.

use alloc::vec::Vec;
use autonomy_primitives::{
	community::Communities,
	digest::{cid_text, is_cid, Cid},
	ModelId,
};
use codec::Encode;
use frame_support::{
	ensure,
	pallet_prelude::{DispatchError, DispatchResult},
	traits::{fungible::MutateHold, Get},
};
use sp_runtime::{traits::Zero, ArithmeticError};

use crate::{
	lineage::{flatten, total, MAX_ANCESTORS_SHARE},
	BalanceOf, Collection, CollectionIdOf, Config, Error, Event, HoldReason, Licence, Lineage, Lineages,
	ModelByCommunity, ModelByManifest, ModelDetails, ModelInfo, ModelItems, ModelStateOf, ModelStates, Models,
	NextModelId, Pallet, Parents, ParentsOf, Version, Versions,
};

impl<T: Config> Pallet<T> {
	/// The collection; a chain that got the pallet by an upgrade creates it at the first registration.
	pub(crate) fn collection_or_create() -> Result<CollectionIdOf<T>, DispatchError> {
		if let Some(collection) = Collection::<T>::get() {
			return Ok(collection);
		}
		let collection = T::Items::create_collection(&Self::account_id())?;
		Collection::<T>::put(collection);
		Ok(collection)
	}

	pub(crate) fn do_register(
		who: T::AccountId,
		details: ModelDetails<BalanceOf<T>>,
		parents: Parents,
	) -> Result<ModelId, DispatchError> {
		Self::check(&details)?;
		let lineage = Self::lineage_of(&parents)?;
		let model = NextModelId::<T>::get();
		let next = model.checked_add(1).ok_or(ArithmeticError::Overflow)?;
		let ModelDetails { modality, manifest, weights_root, engine, limits, price_per_unit, budget, .. } = details;

		let mut info = ModelInfo {
			modality,
			manifest,
			weights_root,
			engine,
			limits,
			price_per_unit,
			budget,
			golden_input: *details.golden_input,
			golden_seed: details.golden_seed,
			golden_result: details.golden_result,
			licence: details.licence,
			registered_at: frame_system::Pallet::<T>::block_number(),
			deposit: Zero::zero(),
			depositor: who.clone(),
			active: true,
			community: T::Communities::open(None)?,
		};
		let mut bytes = info.encoded_size();
		if !parents.is_empty() {
			bytes = bytes.saturating_add(parents.encoded_size()).saturating_add(lineage.encoded_size());
		}
		let deposit = Self::deposit_for(bytes);
		info.deposit = deposit;
		T::Currency::hold(&HoldReason::Registration.into(), &who, deposit)?;

		let collection = Self::collection_or_create()?;
		T::Items::mint(&collection, model, &who, &metadata(&manifest))?;
		NextModelId::<T>::put(next);
		ModelByManifest::<T>::insert(manifest, model);
		let (community, golden_result, accepted_at) = (info.community, info.golden_result, info.registered_at);
		let version = Version { manifest, weights_root, engine, golden_result, accepted_at, contribution: None };
		Versions::<T>::insert(model, 0, version);
		ModelStates::<T>::insert(model, ModelStateOf::<T>::default());
		ModelByCommunity::<T>::insert(community, model);
		Models::<T>::insert(model, info);
		Self::deposit_event(Event::ModelRegistered {
			model,
			owner: who,
			modality,
			manifest,
			weights_root,
			engine,
			price_per_unit,
			deposit,
		});
		Self::deposit_event(Event::CommunityOpened { model, community });
		if !parents.is_empty() {
			ParentsOf::<T>::insert(model, &parents);
			Lineages::<T>::insert(model, &lineage);
			Self::deposit_event(Event::LineageSet { model, parents, lineage });
		}
		Ok(model)
	}

	/// The ancestors that a model with these parents pays.
	fn lineage_of(parents: &Parents) -> Result<Lineage, DispatchError> {
		let mut above = Vec::new();
		for (index, (parent, share)) in parents.iter().enumerate() {
			ensure!(Models::<T>::contains_key(parent), Error::<T>::UnknownParent);
			ensure!(!share.is_zero(), Error::<T>::ParentShareIsZero);
			let twice = parents.iter().take(index).any(|(other, _)| other == parent);
			ensure!(!twice, Error::<T>::ParentTwice);
			above.push((*parent, *share, Lineages::<T>::get(parent).into_inner()));
		}
		ensure!(total(parents) <= u64::from(MAX_ANCESTORS_SHARE), Error::<T>::AncestorsAboveCap);
		Ok(Lineage::truncate_from(flatten(&above)))
	}

	fn check(details: &ModelDetails<BalanceOf<T>>) -> DispatchResult {
		ensure!(is_cid(&details.manifest), Error::<T>::ManifestNotCid);
		ensure!(!ModelByManifest::<T>::contains_key(details.manifest), Error::<T>::ManifestTaken);
		ensure!(!details.price_per_unit.is_zero(), Error::<T>::PriceIsZero);
		ensure!((1..=T::MaxBudget::get()).contains(&details.budget), Error::<T>::BudgetOutOfRange);
		let golden = &details.golden_input;
		let is_plain = golden.modality() == details.modality;
		ensure!(
			is_plain && golden.check(details.modality, &details.limits).is_ok(),
			Error::<T>::GoldenInputOutOfLimits
		);
		Self::check_licence(&details.licence)
	}

	pub(crate) fn check_licence(licence: &Licence) -> DispatchResult {
		let printable = licence.iter().all(|c| c.is_ascii_graphic() || *c == b' ');
		ensure!(printable && !licence.is_empty(), Error::<T>::LicenceNotSpdx);
		Ok(())
	}
}

/// Metadata of a model's NFT: the address of its manifest.
pub(crate) fn metadata(manifest: &Cid) -> Vec<u8> {
	[&b"ipfs://"[..], &cid_text(manifest)[..]].concat()
}
