#![cfg_attr(not(feature = "std"), no_std)]
#![doc = include_str!("../README.md")]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
#[cfg(test)]
mod mock;
pub mod runtime_api;
#[cfg(test)]
mod tests;
mod try_state;
mod types;
pub mod weights;

pub use pallet::*;
pub use types::{Licence, ModelDetails, ModelInfo, ModelItems, ModelView, NftItems, MAX_LICENCE_BYTES};
pub use weights::WeightInfo;

use alloc::{boxed::Box, vec::Vec};
use autonomy_primitives::{
	digest::{cid_text, is_cid, Cid},
	model::{ModelRegistry, ModelTerms},
	Digest, ModelId,
};
use codec::Encode;
use frame_support::{
	pallet_prelude::*,
	traits::fungible::{Inspect, Mutate, MutateHold},
	PalletId,
};
use frame_system::pallet_prelude::*;
use sp_runtime::{
	traits::{AccountIdConversion, Zero},
	ArithmeticError,
};

/// Balance of the configured currency, in planck.
pub type BalanceOf<T> = <<T as Config>::Currency as Inspect<<T as frame_system::Config>::AccountId>>::Balance;
/// Number of an NFT collection.
pub type CollectionIdOf<T> = <<T as Config>::Items as ModelItems<<T as frame_system::Config>::AccountId>>::CollectionId;
/// A registered model of this chain.
pub type ModelInfoOf<T> = ModelInfo<<T as frame_system::Config>::AccountId, BalanceOf<T>, BlockNumberFor<T>>;
/// A model of this chain with its owner.
pub type ModelViewOf<T> = ModelView<<T as frame_system::Config>::AccountId, BalanceOf<T>, BlockNumberFor<T>>;

#[frame_support::pallet]
pub mod pallet {
	use super::*;

	/// Configuration.
	#[pallet::config]
	pub trait Config: frame_system::Config {
		/// Currency of prices and deposits.
		type Currency: Mutate<Self::AccountId> + MutateHold<Self::AccountId, Reason = Self::RuntimeHoldReason>;
		/// The runtime's hold reasons.
		type RuntimeHoldReason: From<HoldReason>;
		/// Where a model's NFT lives: [`NftItems`] over pallet-nfts.
		type Items: ModelItems<Self::AccountId>;
		/// Source of the account that owns the collection. Nobody has a key to it.
		#[pallet::constant]
		type PalletId: Get<PalletId>;
		/// Part of the storage deposit that does not depend on size, in planck.
		#[pallet::constant]
		type DepositBase: Get<BalanceOf<Self>>;
		/// Storage deposit for each encoded byte, in planck.
		#[pallet::constant]
		type DepositPerByte: Get<BalanceOf<Self>>;
		/// Largest compute budget of a model, in blocks.
		#[pallet::constant]
		type MaxBudget: Get<u32>;
		/// Weights of the calls.
		type WeightInfo: WeightInfo;
	}

	/// The in-code storage version.
	const STORAGE_VERSION: StorageVersion = StorageVersion::new(0);

	/// The model registry.
	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// Why the pallet holds money.
	#[pallet::composite_enum]
	pub enum HoldReason {
		/// Storage deposit of a registered model.
		Registration,
	}

	/// Number of the next model, which is also the count of models.
	#[pallet::storage]
	pub type NextModelId<T: Config> = StorageValue<_, ModelId, ValueQuery>;

	/// The models.
	#[pallet::storage]
	pub type Models<T: Config> = StorageMap<_, Twox64Concat, ModelId, ModelInfoOf<T>>;

	/// The model of each manifest: a manifest cannot be registered twice.
	#[pallet::storage]
	pub type ModelByManifest<T: Config> = StorageMap<_, Blake2_128Concat, Cid, ModelId>;

	/// The NFT collection whose items are the models, created at genesis.
	#[pallet::storage]
	pub type Collection<T: Config> = StorageValue<_, CollectionIdOf<T>>;

	/// Creates the Models collection.
	#[pallet::genesis_config]
	#[derive(frame_support::DefaultNoBound)]
	pub struct GenesisConfig<T: Config> {
		#[doc(hidden)]
		#[serde(skip)]
		pub _config: core::marker::PhantomData<T>,
	}

	#[pallet::genesis_build]
	impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
		fn build(&self) {
			Pallet::<T>::collection_or_create().expect("the first collection of a new chain can be created");
		}
	}

	/// Events.
	#[pallet::event]
	#[pallet::generate_deposit(pub(super) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A model was registered and its NFT minted.
		ModelRegistered {
			/// Number of the model and of its NFT.
			model: ModelId,
			/// Who got the NFT.
			owner: T::AccountId,
			/// The kind of output.
			modality: autonomy_primitives::job::Modality,
			/// CID of the manifest.
			manifest: Cid,
			/// Root over the weights' bytes.
			weights_root: Digest,
			/// Kernel specification.
			engine: Digest,
			/// Price of one unit of work for one operator, in planck.
			price_per_unit: BalanceOf<T>,
			/// Storage deposit put on hold, in planck.
			deposit: BalanceOf<T>,
		},
		/// The price changed. Jobs that were submitted before keep theirs.
		PriceSet {
			/// The model.
			model: ModelId,
			/// New price of one unit of work for one operator, in planck.
			price_per_unit: BalanceOf<T>,
		},
		/// The model was opened to new jobs, or closed.
		ActiveSet {
			/// The model.
			model: ModelId,
			/// Whether new jobs are taken.
			active: bool,
		},
	}

	/// Errors. Each says what to do about it.
	#[pallet::error]
	pub enum Error<T> {
		/// There is no such model. Look the number up in `models.models`.
		UnknownModel,
		/// The caller does not hold the model's NFT. Sign with the account that `nfts.item` names as its owner.
		NotOwner,
		/// A model with this manifest is registered. Use it, or change the manifest: its CID must be new.
		ManifestTaken,
		/// The manifest is not a CIDv1 with the raw codec and a SHA-256 hash. Add the file with
		/// `ipfs add --cid-version 1 --raw-leaves`.
		ManifestNotCid,
		/// The price is zero. Operators are paid by it: set at least 1 planck per unit.
		PriceIsZero,
		/// The budget is zero or above `MaxBudget`. State the blocks that one job takes a slow operator.
		BudgetOutOfRange,
		/// The golden job's input does not fit the model's own kind and limits. Correct the one or the other.
		GoldenInputOutOfLimits,
		/// The licence is empty or has bytes outside printable ASCII. Give an SPDX expression such as `Apache-2.0`.
		LicenceNotSpdx,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::call(weight = <T as Config>::WeightInfo)]
	impl<T: Config> Pallet<T> {
		/// Registers a model and mints its NFT to the caller.
		///
		/// The storage deposit, `DepositBase + DepositPerByte × encoded size`, stays on hold as long as the model is
		/// registered. The model takes jobs at once.
		///
		/// - `details`: see [`ModelDetails`].
		///
		/// Emits [`Event::ModelRegistered`].
		#[pallet::call_index(0)]
		pub fn register(origin: OriginFor<T>, details: Box<ModelDetails<BalanceOf<T>>>) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_register(who, *details).map(|_| ())
		}

		/// Sets the price of a model. Only the holder of its NFT may. Jobs under way keep the price they were submitted at.
		///
		/// - `model`: number of the model.
		/// - `price_per_unit`: price of one unit of work for one operator, in planck; at least 1.
		///
		/// Emits [`Event::PriceSet`].
		#[pallet::call_index(1)]
		pub fn set_price(
			origin: OriginFor<T>,
			model: ModelId,
			#[pallet::compact] price_per_unit: BalanceOf<T>,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			ensure!(!price_per_unit.is_zero(), Error::<T>::PriceIsZero);
			Self::mutate_owned(&who, model, |info| info.price_per_unit = price_per_unit)?;
			Self::deposit_event(Event::PriceSet { model, price_per_unit });
			Ok(())
		}

		/// Opens a model to new jobs, or closes it. Only the holder of its NFT may. Jobs under way go on.
		///
		/// - `model`: number of the model.
		/// - `active`: whether new jobs are taken.
		///
		/// Emits [`Event::ActiveSet`].
		#[pallet::call_index(2)]
		pub fn set_active(origin: OriginFor<T>, model: ModelId, active: bool) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::mutate_owned(&who, model, |info| info.active = active)?;
			Self::deposit_event(Event::ActiveSet { model, active });
			Ok(())
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// A model and its owner, or nothing when there is no such model.
		pub fn model(model: ModelId) -> Option<ModelViewOf<T>> {
			let info = Models::<T>::get(model)?;
			Some(ModelView { id: model, owner: Self::owner(model), info })
		}

		/// The model registered under a manifest.
		pub fn model_by_manifest(manifest: Cid) -> Option<ModelId> {
			ModelByManifest::<T>::get(manifest)
		}

		/// Holder of the model's NFT.
		pub fn owner(model: ModelId) -> Option<T::AccountId> {
			T::Items::owner(&Collection::<T>::get()?, model)
		}
	}
}

impl<T: Config> Pallet<T> {
	/// The account that owns the collection.
	pub fn account_id() -> T::AccountId {
		T::PalletId::get().into_account_truncating()
	}

	/// Storage deposit of a model of this encoded size, in planck.
	pub fn deposit_for(bytes: usize) -> BalanceOf<T> {
		types::deposit_for::<BalanceOf<T>, T::DepositBase, T::DepositPerByte>(bytes)
	}

	/// The collection; a chain that got the pallet by an upgrade creates it at the first registration.
	fn collection_or_create() -> Result<CollectionIdOf<T>, DispatchError> {
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
	) -> Result<ModelId, DispatchError> {
		Self::check(&details)?;
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
		};
		let deposit = Self::deposit_for(info.encoded_size());
		info.deposit = deposit;
		T::Currency::hold(&HoldReason::Registration.into(), &who, deposit)?;

		let collection = Self::collection_or_create()?;
		T::Items::mint(&collection, model, &who, &metadata(&manifest))?;
		NextModelId::<T>::put(next);
		ModelByManifest::<T>::insert(manifest, model);
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
		Ok(model)
	}

	fn check(details: &ModelDetails<BalanceOf<T>>) -> DispatchResult {
		ensure!(is_cid(&details.manifest), Error::<T>::ManifestNotCid);
		ensure!(!ModelByManifest::<T>::contains_key(details.manifest), Error::<T>::ManifestTaken);
		ensure!(!details.price_per_unit.is_zero(), Error::<T>::PriceIsZero);
		ensure!((1..=T::MaxBudget::get()).contains(&details.budget), Error::<T>::BudgetOutOfRange);
		ensure!(
			details.golden_input.check(details.modality, &details.limits).is_ok(),
			Error::<T>::GoldenInputOutOfLimits
		);
		let printable = details.licence.iter().all(|c| c.is_ascii_graphic() || *c == b' ');
		ensure!(printable && !details.licence.is_empty(), Error::<T>::LicenceNotSpdx);
		Ok(())
	}

	fn mutate_owned(who: &T::AccountId, model: ModelId, change: impl FnOnce(&mut ModelInfoOf<T>)) -> DispatchResult {
		Models::<T>::try_mutate(model, |info| {
			let info = info.as_mut().ok_or(Error::<T>::UnknownModel)?;
			ensure!(Self::owner(model).as_ref() == Some(who), Error::<T>::NotOwner);
			change(info);
			Ok(())
		})
	}
}

/// Metadata of a model's NFT: the address of its manifest.
pub(crate) fn metadata(manifest: &Cid) -> Vec<u8> {
	[&b"ipfs://"[..], &cid_text(manifest)[..]].concat()
}

impl<T: Config> ModelRegistry<T::AccountId, BalanceOf<T>> for Pallet<T> {
	fn terms(model: ModelId) -> Option<ModelTerms<T::AccountId, BalanceOf<T>>> {
		let info = Models::<T>::get(model)?;
		Some(ModelTerms {
			owner: Self::owner(model),
			modality: info.modality,
			weights_root: info.weights_root,
			engine: info.engine,
			limits: info.limits,
			price_per_unit: info.price_per_unit,
			budget: info.budget,
			active: info.active,
		})
	}

	fn golden_result(model: ModelId) -> Option<Digest> {
		Models::<T>::get(model).map(|info| info.golden_result)
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_model() -> ModelId {
		benchmarking::registered_model::<T>()
	}
}
