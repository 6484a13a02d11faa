//! Characters: their creation, their persona, models and charter, who governs them and who shares what they earn.

use alloc::{boxed::Box, vec, vec::Vec};
use autonomy_primitives::{
	community::{Communities, Pot},
	digest::{cid_text, is_cid, Cid},
	job::Modality,
	model::ModelRegistry,
	payout::{storage_deposit, Payee},
	CharacterId, ModelId,
};
use codec::MaxEncodedLen;
use frame_support::{
	ensure,
	storage::with_storage_layer,
	traits::{
		fungible::{Mutate, MutateHold},
		tokens::{Fortitude, Precision, Preservation},
		Contains, EnsureOrigin, Get,
	},
};
use frame_system::{ensure_signed_or_root, pallet_prelude::OriginFor};
use sp_runtime::{
	traits::{AccountIdConversion, Zero},
	ArithmeticError, DispatchError, DispatchResult, Permill,
};

use crate::{
	charter, ActiveCharacters, BalanceOf, CharacterByCommunity, CharacterDetailsOf, CharacterInfo, CharacterInfoOf,
	CharacterItems, CharacterPage, CharacterPageOf, Characters, Collection, CollectionIdOf, CollectiveMode,
	Collectives, Config, CustomisationOf, Customisations, Error, Event, HoldReason, NextCharacterId, Pallet,
	RevenueSplit, RoundOf, Rounds, Seat, ShareAssets,
};

impl<T: Config> Pallet<T> {
	/// The account that owns the collection and issues the shares.
	pub fn account_id() -> T::AccountId {
		T::PalletId::get().into_account_truncating()
	}

	/// The collection; a chain that got the pallet by an upgrade creates it at the first creation.
	pub(crate) fn collection_or_create() -> Result<CollectionIdOf<T>, DispatchError> {
		if let Some(collection) = Collection::<T>::get() {
			return Ok(collection);
		}
		let collection = T::Items::create_collection(&Self::account_id())?;
		Collection::<T>::put(collection);
		Ok(collection)
	}

	/// A character of `owner`, who is funded, with models of both kinds, for benchmarks of other pallets.
	#[cfg(feature = "runtime-benchmarks")]
	pub fn benchmark_character(owner: &T::AccountId) -> CharacterId {
		crate::benchmarking::character::<T>(owner)
	}

	// --- deposits ---

	/// Storage deposit for this many encoded bytes, in planck.
	pub fn deposit_for(bytes: usize) -> BalanceOf<T> {
		storage_deposit(T::DepositBase::get(), T::DepositPerByte::get(), bytes)
	}

	/// Storage deposit of a character, in planck. What stands in it can change, so it is that of the largest.
	pub fn character_deposit(with_round: bool) -> BalanceOf<T> {
		let round = if with_round { RoundOf::<T>::max_encoded_len() } else { 0 };
		let bytes = [CharacterInfoOf::<T>::max_encoded_len(), CustomisationOf::<T>::max_encoded_len(), round];
		Self::deposit_for(bytes.into_iter().fold(0, usize::saturating_add))
	}

	/// Holds the storage deposit for a record of `bytes`. Returns it.
	pub(crate) fn hold_deposit(who: &T::AccountId, bytes: usize) -> Result<BalanceOf<T>, DispatchError> {
		let deposit = Self::deposit_for(bytes);
		T::Currency::hold(&HoldReason::Deposit.into(), who, deposit)?;
		Ok(deposit)
	}

	/// Releases money on hold. What is released is at least the existential deposit, so the account can take it whatever
	/// else it has.
	pub(crate) fn release(reason: HoldReason, who: &T::AccountId, amount: BalanceOf<T>) -> DispatchResult {
		if !amount.is_zero() {
			T::Currency::release(&reason.into(), who, amount, Precision::Exact)?;
		}
		Ok(())
	}

	// --- who governs ---

	/// Whether the caller governs a character: its community, root, or the holder of its NFT as long as that may. Returns
	/// who pays for what the caller has decided.
	pub(crate) fn ensure_governs(origin: OriginFor<T>, character: CharacterId) -> Result<T::AccountId, DispatchError> {
		let info = Self::known(character)?;
		match T::CommunityOrigin::try_origin(origin) {
			Ok(community) => {
				ensure!(community == info.community, Error::<T>::NotGovernor);
				Ok(T::Communities::treasury(community))
			}
			Err(origin) => match ensure_signed_or_root(origin)? {
				None => Ok(T::Communities::treasury(info.community)),
				Some(who) => {
					let holds = Self::owner(character).as_ref() == Some(&who);
					let may = holds && T::OwnerMayGovern::contains(&info.community);
					ensure!(may, Error::<T>::NotGovernor);
					Ok(who)
				}
			},
		}
	}

	// --- creation and changes ---

	pub(crate) fn do_create(
		who: T::AccountId,
		details: Box<CharacterDetailsOf<T>>,
	) -> Result<CharacterId, DispatchError> {
		let (_, bounds) = Self::newest(details.template)?;
		ensure!(charter::is_name(&details.name), Error::<T>::NameInvalid);
		ensure!(is_cid(&details.persona), Error::<T>::PersonaNotCid);
		Self::ensure_models(details.image_model, details.language_model)?;
		Self::check(&bounds, &details.customisation, details.round.as_ref()).map_err(Self::error_of)?;
		let character = NextCharacterId::<T>::get();
		let next = character.checked_add(1).ok_or(ArithmeticError::Overflow)?;
		let burned = T::CreationBurn::get();
		let deposit = Self::character_deposit(details.round.is_some());
		with_storage_layer(|| {
			if !burned.is_zero() {
				T::Currency::burn_from(&who, burned, Preservation::Preserve, Precision::Exact, Fortitude::Polite)?;
			}
			T::Currency::hold(&HoldReason::Deposit.into(), &who, deposit)?;
			let shares = match &details.round {
				Some(_) => Some(T::Shares::create(character, &Self::account_id())?),
				None => None,
			};
			let community = T::Communities::open(shares.clone())?;
			let collection = Self::collection_or_create()?;
			T::Items::mint(&collection, character, &who, &metadata(&details.persona))?;
			NextCharacterId::<T>::put(next);
			let now = frame_system::Pallet::<T>::block_number();
			let info = CharacterInfo {
				template: details.template,
				community,
				name: details.name.clone(),
				persona: details.persona,
				image_model: details.image_model,
				language_model: details.language_model,
				created_at: now,
				changed_at: now,
				promise: details.round.as_ref().map_or(Permill::zero(), |round| round.promise),
				parent: None,
				children: 0,
				collective: None,
				fans: 0,
				active: true,
				creator: who.clone(),
				deposit,
			};
			Characters::<T>::insert(character, info);
			ActiveCharacters::<T>::mutate(|active| *active = active.saturating_add(1));
			Customisations::<T>::insert(character, &details.customisation);
			CharacterByCommunity::<T>::insert(community, character);
			if let (Some(terms), Some(shares)) = (details.round, shares.clone()) {
				Self::open_round(character, terms, shares);
			}
			let owner = who;
			Self::deposit_event(Event::CharacterCreated {
				character,
				owner,
				community,
				shares,
				details,
				burned,
				deposit,
			});
			Ok(character)
		})
	}

	pub(crate) fn do_set_persona(character: CharacterId, persona: Cid) -> DispatchResult {
		ensure!(is_cid(&persona), Error::<T>::PersonaNotCid);
		with_storage_layer(|| {
			Self::mutate(character, |info| {
				info.persona = persona;
				info.changed_at = frame_system::Pallet::<T>::block_number();
				Ok(())
			})?;
			if Self::owner(character).is_some() {
				T::Items::set_metadata(&Self::collection_or_create()?, character, &metadata(&persona))?;
			}
			Self::deposit_event(Event::PersonaSet { character, persona });
			Ok(())
		})
	}

	pub(crate) fn do_set_models(
		character: CharacterId,
		image_model: Option<ModelId>,
		language_model: Option<ModelId>,
	) -> DispatchResult {
		Self::ensure_models(image_model, language_model)?;
		Self::mutate(character, |info| {
			info.image_model = image_model;
			info.language_model = language_model;
			info.changed_at = frame_system::Pallet::<T>::block_number();
			Ok(())
		})?;
		Self::deposit_event(Event::ModelsSet { character, image_model, language_model });
		Ok(())
	}

	pub(crate) fn do_customise(character: CharacterId, customisation: Box<CustomisationOf<T>>) -> DispatchResult {
		let info = Self::known(character)?;
		let (_, bounds) = Self::newest(info.template)?;
		ensure!(customisation.split.investors >= info.promise, Error::<T>::PromiseLowered);
		charter::check(&bounds, &customisation, info.promise).map_err(Self::error_of)?;
		Customisations::<T>::insert(character, &*customisation);
		Self::deposit_event(Event::Customised { character, customisation });
		Ok(())
	}

	pub(crate) fn do_set_active(character: CharacterId, active: bool) -> DispatchResult {
		Self::mutate(character, |info| {
			match (info.active, active) {
				(false, true) => ActiveCharacters::<T>::mutate(|count| *count = count.saturating_add(1)),
				(true, false) => ActiveCharacters::<T>::mutate(|count| *count = count.saturating_sub(1)),
				(true, true) | (false, false) => (),
			}
			info.active = active;
			Ok(())
		})?;
		Self::deposit_event(Event::ActiveSet { character, active });
		Ok(())
	}

	fn ensure_models(image_model: Option<ModelId>, language_model: Option<ModelId>) -> DispatchResult {
		for (model, modality) in [(image_model, Modality::Image), (language_model, Modality::Text)] {
			let Some(model) = model else { continue };
			let terms = T::Models::terms(model).ok_or(Error::<T>::ModelUnfit)?;
			ensure!(terms.active && terms.modality == modality, Error::<T>::ModelUnfit);
		}
		Ok(())
	}

	// --- reads ---

	pub(crate) fn known(character: CharacterId) -> Result<CharacterInfoOf<T>, DispatchError> {
		Ok(Characters::<T>::get(character).ok_or(Error::<T>::UnknownCharacter)?)
	}

	pub(crate) fn mutate(
		character: CharacterId,
		change: impl FnOnce(&mut CharacterInfoOf<T>) -> DispatchResult,
	) -> DispatchResult {
		Characters::<T>::try_mutate(character, |info| change(info.as_mut().ok_or(Error::<T>::UnknownCharacter)?))
	}

	/// What a character's owner has chosen, within the newest bounds of its template.
	pub(crate) fn charter_of(
		character: CharacterId,
		info: &CharacterInfoOf<T>,
	) -> Result<CustomisationOf<T>, DispatchError> {
		let (_, bounds) = Self::newest(info.template)?;
		let chosen = Customisations::<T>::get(character).ok_or(Error::<T>::UnknownCharacter)?;
		Ok(charter::clamp(&bounds, &chosen, info.promise))
	}

	/// Where a character is seated.
	pub(crate) fn seat_of(info: &CharacterInfoOf<T>) -> Seat {
		if let Some(parent) = info.parent {
			return Seat::Under(parent);
		}
		let pooled = info.collective.filter(|id| {
			// One member alone is no collective yet.
			Collectives::<T>::get(id)
				.is_some_and(|found| found.mode == CollectiveMode::Pooled && found.members.len() > 1)
		});
		pooled.map_or(Seat::Own, Seat::Pooled)
	}

	pub(crate) fn page(character: CharacterId) -> Option<CharacterPageOf<T>> {
		let info = Characters::<T>::get(character)?;
		let (version, _) = Self::newest(info.template).ok()?;
		Some(CharacterPage {
			id: character,
			owner: Self::owner(character),
			treasury: T::Communities::treasury(info.community),
			charter: Self::charter_of(character, &info).ok()?,
			version,
			round: Rounds::<T>::get(character),
			memory: Self::memory_at(character),
			seat: Self::seat_of(&info),
			info,
		})
	}

	/// Payees of a split with their shares, the treasury last. The share of an owner that is gone is the treasury's.
	pub(crate) fn payees(
		character: CharacterId,
		info: &CharacterInfoOf<T>,
		split: &RevenueSplit,
	) -> Vec<(Payee<T::AccountId>, Permill)> {
		let treasury = || Payee::Treasury(info.community);
		let owner = Self::owner(character).map_or_else(treasury, Payee::Account);
		vec![
			(owner, split.owner),
			(Payee::Pot(info.community, Pot::Shares), split.investors),
			(Payee::Pot(info.community, Pot::Auton), split.fans),
			(Payee::Account(T::Platform::get()), split.platform),
			(treasury(), split.treasury),
		]
	}
}

/// Metadata of a character's NFT: the address of its persona.
pub(crate) fn metadata(persona: &Cid) -> Vec<u8> {
	[&b"ipfs://"[..], &cid_text(persona)[..]].concat()
}
