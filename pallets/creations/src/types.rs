//! What the pallet stores and what it asks of its neighbours.

use alloc::{string::String, vec::Vec};
use autonomy_primitives::{digest::Cid, job::Modality, payout::Share, Digest, JobId, ModelId};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{
	pallet_prelude::Member,
	traits::{
		nonfungibles_v2::{Inspect, Mutate},
		Incrementable,
	},
	BoundedVec, Parameter,
};
use pallet_nfts::{CollectionConfig, CollectionSetting, CollectionSettings, ItemConfig, MintSettings};
use scale_info::TypeInfo;
use sp_runtime::{traits::ConstU32, DispatchError, DispatchResult, Permill};

/// Number of a work within its collection, counted from 0 and never given twice.
pub type ItemId = u32;

/// Longest name of a work or a collection, in bytes of UTF-8.
pub const MAX_NAME_BYTES: u32 = 64;
/// Most payees that the royalty of one work is divided among.
pub const MAX_PAYEES: u32 = 20;
/// Largest share of a sale that a creator can ask for: 10 %.
pub const MAX_CREATOR_SHARE: Permill = Permill::from_percent(10);
/// Largest share of a sale that all royalties of a work take together: 25 %.
pub const MAX_ROYALTY: Permill = Permill::from_percent(25);

/// Name of a work or a collection: UTF-8 without control characters, not blank.
pub type Name = BoundedVec<u8, ConstU32<MAX_NAME_BYTES>>;

/// Who gets which share of each sale of a work: its creator, bonded holders, treasuries of communities. No payee stands in
/// it twice, no share is zero, and the shares add up to at most [`MAX_ROYALTY`]. Fixed when the work is minted.
pub type Royalties<AccountId> = BoundedVec<Share<AccountId>, ConstU32<MAX_PAYEES>>;

/// What is known of a final job: all that it takes to make its output again and to compare.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct FinalJob<AccountId, BlockNumber> {
	/// Who ordered it, and may mint its output.
	pub requester: AccountId,
	/// The model.
	pub model: ModelId,
	/// The kind of output.
	pub modality: Modality,
	/// Kernel specification.
	pub engine: Digest,
	/// Root over the model's weights: it names the model's version.
	pub weights_root: Digest,
	/// The seed.
	pub seed: Digest,
	/// Digest of the input.
	pub input_hash: Digest,
	/// Result digest.
	pub result: Digest,
	/// CID of the stored file.
	pub artifact: Cid,
	/// Block at which the job became final.
	pub finalised_at: BlockNumber,
}

/// A work: the output of a final job as an NFT. Nothing of it ever changes.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Creation<AccountId, Balance, BlockNumber> {
	/// The job whose output it is.
	pub job: JobId,
	/// What the job left. Its requester is the work's creator, who paid the deposit.
	pub work: FinalJob<AccountId, BlockNumber>,
	/// Name that the creator gave it.
	pub name: Name,
	/// Who gets which share of each sale.
	pub royalties: Royalties<AccountId>,
	/// Block of the mint.
	pub minted_at: BlockNumber,
	/// Storage deposit on hold, in planck. It goes back to the creator when the work is burnt, whoever burns it.
	pub deposit: Balance,
}

/// A collection of works. In pallet-nfts it is owned by this pallet's account, to which nobody has a key.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct CollectionInfo<AccountId, Balance> {
	/// Who alone may mint into it; `None` for the one that is open to everybody.
	pub creator: Option<AccountId>,
	/// Its name.
	pub name: Name,
	/// Number of the next work, which is also the count of works ever minted into it.
	pub next_item: ItemId,
	/// Deposit on hold, in planck. It stays as long as the collection, which is never removed.
	pub deposit: Balance,
}

/// Where finished jobs are looked up.
pub trait Provenance<AccountId, BlockNumber> {
	/// A job that is final, or `None` when there is no such job, or it is under way, or has failed.
	fn final_job(job: JobId) -> Option<FinalJob<AccountId, BlockNumber>>;
	/// Makes a final job of `requester` for a benchmark, another one at each call.
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_job(requester: &AccountId) -> JobId;
}

/// Who besides the creator has a share in the sales of a work.
pub trait RoyaltyTerms<AccountId> {
	/// Payees and their shares for the output of a job: those of its model and of its character, if it has one, such as
	/// owners, bonded holders and treasuries. Asked once, when the work is minted. A payee may stand in it several times.
	fn terms(job: JobId, model: ModelId) -> Vec<Share<AccountId>>;
}

/// Nobody.
impl<AccountId> RoyaltyTerms<AccountId> for () {
	fn terms(_: JobId, _: ModelId) -> Vec<Share<AccountId>> {
		Vec::new()
	}
}

/// The NFT side of works.
pub trait CreationItems<AccountId> {
	/// Number of a collection.
	type CollectionId: Parameter + Member + MaxEncodedLen + Copy;

	/// Creates a collection with fixed metadata, owned by `owner`, free of any deposit.
	fn create_collection(owner: &AccountId, metadata: &[u8]) -> Result<Self::CollectionId, DispatchError>;
	/// Mints an item to `to` with fixed metadata and attributes, free of any deposit.
	fn mint(
		collection: &Self::CollectionId,
		item: ItemId,
		to: &AccountId,
		metadata: &[u8],
		attributes: &[(&'static str, String)],
	) -> DispatchResult;
	/// Burns an item that `owner` holds, but for its attributes.
	fn burn(collection: &Self::CollectionId, item: ItemId, owner: &AccountId) -> DispatchResult;
	/// Removes attributes that [`CreationItems::mint`] set. One that is gone is passed over.
	fn clear_attributes(collection: &Self::CollectionId, item: ItemId, keys: &[&'static str]) -> DispatchResult;
	/// Holder of an item; `None` once it has been burnt.
	fn owner(collection: &Self::CollectionId, item: ItemId) -> Option<AccountId>;
}

/// [`CreationItems`] over pallet-nfts.
///
/// Metadata and attributes are fixed without any lock: only a collection's admin could change them, which is the pallet's
/// account. So burning an item leaves nothing behind. The attributes stand in the pallet's own namespace. A collection
/// needs no deposit in pallet-nfts: what is stored is paid for by this pallet's deposits.
pub struct NftItems<T, I = ()>(core::marker::PhantomData<(T, I)>);

impl<T, I> CreationItems<T::AccountId> for NftItems<T, I>
where
	T: pallet_nfts::Config<I, ItemId = ItemId>,
	I: 'static,
{
	type CollectionId = T::CollectionId;

	fn create_collection(owner: &T::AccountId, metadata: &[u8]) -> Result<Self::CollectionId, DispatchError> {
		let collection = pallet_nfts::NextCollectionId::<T, I>::get()
			.or(T::CollectionId::initial_value())
			.ok_or(pallet_nfts::Error::<T, I>::UnknownCollection)?;
		let locked = CollectionSetting::UnlockedMetadata
			| CollectionSetting::UnlockedAttributes
			| CollectionSetting::DepositRequired;
		// Items are minted by the issuer only, which is the owner.
		let config = CollectionConfig {
			settings: CollectionSettings::from_disabled(locked),
			max_supply: None,
			mint_settings: MintSettings::default(),
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
		<pallet_nfts::Pallet<T, I> as Mutate<T::AccountId, ItemConfig>>::set_collection_metadata(
			None,
			&collection,
			metadata,
		)?;
		Ok(collection)
	}

	fn mint(
		collection: &Self::CollectionId,
		item: ItemId,
		to: &T::AccountId,
		metadata: &[u8],
		attributes: &[(&'static str, String)],
	) -> DispatchResult {
		let config = ItemConfig::default();
		<pallet_nfts::Pallet<T, I> as Mutate<T::AccountId, ItemConfig>>::mint_into(
			collection, &item, to, &config, true,
		)?;
		<pallet_nfts::Pallet<T, I> as Mutate<T::AccountId, ItemConfig>>::set_item_metadata(
			None, collection, &item, metadata,
		)?;
		for (key, value) in attributes {
			<pallet_nfts::Pallet<T, I> as Mutate<T::AccountId, ItemConfig>>::set_attribute(
				collection,
				&item,
				key.as_bytes(),
				value.as_bytes(),
			)?;
		}
		Ok(())
	}

	fn burn(collection: &Self::CollectionId, item: ItemId, owner: &T::AccountId) -> DispatchResult {
		<pallet_nfts::Pallet<T, I> as Mutate<T::AccountId, ItemConfig>>::burn(collection, &item, Some(owner))
	}

	fn clear_attributes(collection: &Self::CollectionId, item: ItemId, keys: &[&'static str]) -> DispatchResult {
		for key in keys {
			let key = key.as_bytes();
			let found =
				<pallet_nfts::Pallet<T, I> as Inspect<T::AccountId>>::system_attribute(collection, Some(&item), key);
			if found.is_some() {
				<pallet_nfts::Pallet<T, I> as Mutate<T::AccountId, ItemConfig>>::clear_attribute(
					collection, &item, key,
				)?;
			}
		}
		Ok(())
	}

	fn owner(collection: &Self::CollectionId, item: ItemId) -> Option<T::AccountId> {
		pallet_nfts::Pallet::<T, I>::owner(*collection, item)
	}
}
