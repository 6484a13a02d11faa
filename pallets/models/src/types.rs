//! What the pallet stores and what it asks of its neighbours.

use alloc::boxed::Box;
use autonomy_primitives::{
	digest::Cid,
	job::{JobInput, Modality},
	model::ModelLimits,
	Digest, ModelId,
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{pallet_prelude::Member, traits::Get, traits::Incrementable, BoundedVec, Parameter};
use pallet_nfts::{
	CollectionConfig, CollectionSetting, CollectionSettings, ItemConfig, ItemSetting, ItemSettings, MintSettings,
};
use scale_info::TypeInfo;
use sp_runtime::{traits::ConstU32, DispatchError, DispatchResult};

/// Longest SPDX licence expression, in bytes.
pub const MAX_LICENCE_BYTES: u32 = 64;

/// An SPDX licence expression in printable ASCII, for example `Apache-2.0`.
pub type Licence = BoundedVec<u8, ConstU32<MAX_LICENCE_BYTES>>;

/// What a registration says about a model.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct ModelDetails<Balance> {
	/// The kind of output.
	pub modality: Modality,
	/// CID of the manifest: architecture, files, tokenizer.
	pub manifest: Cid,
	/// Root over the weights' bytes in the manifest's order.
	pub weights_root: Digest,
	/// Kernel specification that results are made with.
	pub engine: Digest,
	/// Bounds of one job.
	pub limits: ModelLimits,
	/// Price of one unit of work for one operator, in planck; at least 1.
	pub price_per_unit: Balance,
	/// Blocks that one job takes the slowest supported operator; 1 to `MaxBudget`.
	pub budget: u32,
	/// Input of the golden job, which every operator has to reproduce. Within the limits.
	pub golden_input: Box<JobInput>,
	/// Seed of the golden job.
	pub golden_seed: Digest,
	/// Result digest of the golden job, with the genesis hash set to zero.
	pub golden_result: Digest,
	/// Licence of the weights.
	pub licence: Licence,
}

/// A registered model.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct ModelInfo<AccountId, Balance, BlockNumber> {
	/// The kind of output.
	pub modality: Modality,
	/// CID of the manifest.
	pub manifest: Cid,
	/// Root over the weights' bytes in the manifest's order.
	pub weights_root: Digest,
	/// Kernel specification that results are made with.
	pub engine: Digest,
	/// Bounds of one job.
	pub limits: ModelLimits,
	/// Price of one unit of work for one operator, in planck.
	pub price_per_unit: Balance,
	/// Blocks that one job takes the slowest supported operator.
	pub budget: u32,
	/// Input of the golden job.
	pub golden_input: JobInput,
	/// Seed of the golden job.
	pub golden_seed: Digest,
	/// Result digest of the golden job.
	pub golden_result: Digest,
	/// Licence of the weights.
	pub licence: Licence,
	/// Block of the registration.
	pub registered_at: BlockNumber,
	/// Storage deposit on hold, in planck.
	pub deposit: Balance,
	/// Who paid the deposit. Owning the model is another matter: the owner is whoever holds the NFT.
	pub depositor: AccountId,
	/// Whether new jobs are taken.
	pub active: bool,
}

/// A model together with its owner, as the runtime API and the view functions give it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct ModelView<AccountId, Balance, BlockNumber> {
	/// Number of the model and of its NFT.
	pub id: ModelId,
	/// Holder of the NFT; `None` once it has been burnt.
	pub owner: Option<AccountId>,
	/// The registration.
	pub info: ModelInfo<AccountId, Balance, BlockNumber>,
}

/// The NFT side of a model: one collection whose items are the models.
pub trait ModelItems<AccountId> {
	/// Number of a collection.
	type CollectionId: Parameter + Member + MaxEncodedLen + Copy;

	/// Creates the collection, owned by `owner`, free of any deposit.
	fn create_collection(owner: &AccountId) -> Result<Self::CollectionId, DispatchError>;
	/// Mints item `model` to `to` with fixed metadata, free of any deposit.
	fn mint(collection: &Self::CollectionId, model: ModelId, to: &AccountId, metadata: &[u8]) -> DispatchResult;
	/// Holder of item `model`.
	fn owner(collection: &Self::CollectionId, model: ModelId) -> Option<AccountId>;
}

/// [`ModelItems`] over pallet-nfts. Items can be transferred; metadata and attributes are fixed, so that an item says
/// the same about its model for ever.
///
/// The collection needs no deposit: the pallet's account owns it and has no money, and every item is paid for by the
/// registration's own deposit.
pub struct NftItems<T, I = ()>(core::marker::PhantomData<(T, I)>);

impl<T, I> ModelItems<T::AccountId> for NftItems<T, I>
where
	T: pallet_nfts::Config<I, ItemId = ModelId>,
	I: 'static,
{
	type CollectionId = T::CollectionId;

	fn create_collection(owner: &T::AccountId) -> Result<Self::CollectionId, DispatchError> {
		let collection = pallet_nfts::NextCollectionId::<T, I>::get()
			.or(T::CollectionId::initial_value())
			.ok_or(pallet_nfts::Error::<T, I>::UnknownCollection)?;
		let locked = CollectionSetting::UnlockedMetadata
			| CollectionSetting::UnlockedAttributes
			| CollectionSetting::DepositRequired;
		let config = CollectionConfig {
			settings: CollectionSettings::from_disabled(locked),
			max_supply: None,
			mint_settings: MintSettings { default_item_settings: item_settings(), ..Default::default() },
		};
		pallet_nfts::Pallet::<T, I>::do_create_collection(
			collection,
			owner.clone(),
			owner.clone(),
			config,
			Default::default(),
			pallet_nfts::Event::ForceCreated { collection, owner: owner.clone() },
		)?;
		pallet_nfts::NextCollectionId::<T, I>::set(collection.increment());
		Ok(collection)
	}

	fn mint(collection: &Self::CollectionId, model: ModelId, to: &T::AccountId, metadata: &[u8]) -> DispatchResult {
		use frame_support::traits::nonfungibles_v2::Mutate;
		let config = ItemConfig { settings: item_settings() };
		<pallet_nfts::Pallet<T, I> as Mutate<_, _>>::mint_into(collection, &model, to, &config, true)?;
		<pallet_nfts::Pallet<T, I> as Mutate<T::AccountId, ItemConfig>>::set_item_metadata(
			None, collection, &model, metadata,
		)
	}

	fn owner(collection: &Self::CollectionId, model: ModelId) -> Option<T::AccountId> {
		pallet_nfts::Pallet::<T, I>::owner(*collection, model)
	}
}

fn item_settings() -> ItemSettings {
	ItemSettings::from_disabled(ItemSetting::UnlockedMetadata | ItemSetting::UnlockedAttributes)
}

/// `base + per_byte × bytes`, in planck, at most the largest balance.
pub(crate) fn deposit_for<Balance, Base, PerByte>(bytes: usize) -> Balance
where
	Balance: sp_runtime::traits::AtLeast32BitUnsigned,
	Base: Get<Balance>,
	PerByte: Get<Balance>,
{
	let bytes = Balance::from(u32::try_from(bytes).unwrap_or(u32::MAX));
	Base::get().saturating_add(PerByte::get().saturating_mul(bytes))
}
