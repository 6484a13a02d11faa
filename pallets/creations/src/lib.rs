#![cfg_attr(not(feature = "std"), no_std)]
#![doc = include_str!("../README.md")]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
pub mod metadata;
#[cfg(test)]
mod mock;
pub mod runtime_api;
#[cfg(test)]
mod tests;
mod try_state;
mod types;
pub mod weights;

pub use pallet::*;
pub use types::{
	CollectionInfo, Creation, CreationItems, FinalJob, ItemId, Name, NftItems, Provenance, Royalties, RoyaltyTerms,
	MAX_CREATOR_SHARE, MAX_NAME_BYTES, MAX_PAYEES, MAX_ROYALTY,
};
pub use weights::WeightInfo;

use alloc::{string::String, vec::Vec};
use autonomy_primitives::{
	digest::Cid,
	payout::{storage_deposit, Payee},
	Digest, JobId, ModelId,
};
use codec::Encode;
use frame_support::{
	pallet_prelude::*,
	storage::with_storage_layer,
	traits::{
		fungible::{Inspect, Mutate, MutateHold},
		tokens::Precision,
	},
	PalletId,
};
use frame_system::pallet_prelude::*;
use sp_runtime::{
	traits::{AccountIdConversion, Zero},
	ArithmeticError, Permill, Saturating,
};

/// Balance of the configured currency, in planck.
pub type BalanceOf<T> = <<T as Config>::Currency as Inspect<<T as frame_system::Config>::AccountId>>::Balance;
/// Number of an NFT collection.
pub type CollectionIdOf<T> =
	<<T as Config>::Items as CreationItems<<T as frame_system::Config>::AccountId>>::CollectionId;
/// A work of this chain.
pub type CreationOf<T> = Creation<<T as frame_system::Config>::AccountId, BalanceOf<T>, BlockNumberFor<T>>;
/// A collection of works of this chain.
pub type CollectionInfoOf<T> = CollectionInfo<<T as frame_system::Config>::AccountId, BalanceOf<T>>;
/// Royalties of a work of this chain.
pub type RoyaltiesOf<T> = Royalties<<T as frame_system::Config>::AccountId>;

/// Name of the collection that is open to everybody.
const DEFAULT_NAME: &[u8] = b"Creations";

#[frame_support::pallet]
pub mod pallet {
	use super::*;

	/// Configuration.
	#[pallet::config]
	pub trait Config: frame_system::Config {
		/// Currency of deposits.
		type Currency: Mutate<Self::AccountId> + MutateHold<Self::AccountId, Reason = Self::RuntimeHoldReason>;
		/// The runtime's hold reasons.
		type RuntimeHoldReason: From<HoldReason>;
		/// Where final jobs are looked up.
		type Jobs: Provenance<Self::AccountId, BlockNumberFor<Self>>;
		/// Who besides the creator has a share in the sales of a work. Asked once, at the mint.
		type RoyaltyTerms: RoyaltyTerms<Self::AccountId>;
		/// Where works live as NFTs: [`NftItems`] over pallet-nfts.
		type Items: CreationItems<Self::AccountId>;
		/// Source of the account that owns the collections. Nobody has a key to it.
		#[pallet::constant]
		type PalletId: Get<PalletId>;
		/// Part of a work's storage deposit that does not depend on size, in planck. At least the existential deposit.
		#[pallet::constant]
		type DepositBase: Get<BalanceOf<Self>>;
		/// Storage deposit for each byte of a work, in planck.
		#[pallet::constant]
		type DepositPerByte: Get<BalanceOf<Self>>;
		/// Deposit for a collection of one's own, in planck.
		#[pallet::constant]
		type CollectionDeposit: Get<BalanceOf<Self>>;
		/// Most collections of one creator.
		#[pallet::constant]
		type MaxCollectionsPerAccount: Get<u32>;
		/// Weights of the calls.
		type WeightInfo: WeightInfo;
	}

	/// The in-code storage version.
	const STORAGE_VERSION: StorageVersion = StorageVersion::new(0);

	/// Works as NFTs.
	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// Why the pallet holds money.
	#[pallet::composite_enum]
	pub enum HoldReason {
		/// Storage deposit of a work.
		Creation,
		/// Deposit of a collection.
		Collection,
	}

	/// The collection that is open to everybody, created at genesis.
	#[pallet::storage]
	pub type DefaultCollection<T: Config> = StorageValue<_, CollectionIdOf<T>>;

	/// Collections of works.
	#[pallet::storage]
	pub type Collections<T: Config> = StorageMap<_, Blake2_128Concat, CollectionIdOf<T>, CollectionInfoOf<T>>;

	/// How many collections an account has created.
	#[pallet::storage]
	pub type CollectionCount<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, u32, ValueQuery>;

	/// The works that have not been burnt.
	#[pallet::storage]
	pub type Creations<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, CollectionIdOf<T>, Twox64Concat, ItemId, CreationOf<T>>;

	/// The number that each job's output was minted under. An entry stays when the work is burnt.
	#[pallet::storage]
	pub type MintedJobs<T: Config> = StorageMap<_, Twox64Concat, JobId, (CollectionIdOf<T>, ItemId)>;

	/// The job that each output was minted for, by its result digest. An entry stays when the work is burnt.
	#[pallet::storage]
	pub type MintedResults<T: Config> = StorageMap<_, Blake2_128Concat, Digest, JobId>;

	/// Creates the collection that is open to everybody.
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
			Pallet::<T>::default_or_create().expect("a collection of a new chain can be created");
		}
	}

	/// Events.
	#[pallet::event]
	#[pallet::generate_deposit(pub(super) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A collection was created.
		CollectionCreated {
			/// Its number in pallet-nfts.
			collection: CollectionIdOf<T>,
			/// Who alone may mint into it; `None` for the one that is open to everybody.
			creator: Option<T::AccountId>,
			/// Its name.
			name: Name,
			/// Deposit put on hold, in planck.
			deposit: BalanceOf<T>,
		},
		/// A job's output was minted. What the job left is in `inference.provenance`.
		Minted {
			/// The collection.
			collection: CollectionIdOf<T>,
			/// Number of the work in it.
			item: ItemId,
			/// The job.
			job: JobId,
			/// Who ordered it and got the NFT.
			creator: T::AccountId,
			/// The model.
			model: ModelId,
			/// Result digest.
			result: Digest,
			/// CID of the stored file.
			artifact: Cid,
			/// Name of the work.
			name: Name,
			/// Who gets which share of each sale.
			royalties: RoyaltiesOf<T>,
			/// Storage deposit put on hold, in planck.
			deposit: BalanceOf<T>,
		},
		/// A work was burnt. Its job's output can never be minted again.
		Burnt {
			/// The collection.
			collection: CollectionIdOf<T>,
			/// Number of the work in it.
			item: ItemId,
			/// The job.
			job: JobId,
			/// Who had minted it and got the deposit back.
			creator: T::AccountId,
			/// The deposit, in planck.
			deposit: BalanceOf<T>,
		},
	}

	/// Errors. Each says what to do about it.
	#[pallet::error]
	pub enum Error<T> {
		/// There is no such job, or it is not final. Wait for `inference.JobFinalised`.
		JobNotFinal,
		/// Only the requester of a job may mint its output. Sign with the account that submitted the job.
		NotRequester,
		/// The output of this job has been minted. See `creations.mintedJobs` for its number.
		JobMinted,
		/// The same output has been minted for another job with the same input and seed, see `creations.mintedResults`. Leave
		/// the seed of a job to the chain to have an output alone.
		OutputMinted,
		/// The pallet has no such collection. Leave it out, or call `create_collection`.
		UnknownCollection,
		/// The collection is another creator's. Leave it out, or name one of your own.
		NotCollectionCreator,
		/// The name is empty or blank, has control characters or is not UTF-8.
		NameInvalid,
		/// The creator's share is above 10 %. Ask for less.
		CreatorShareTooHigh,
		/// The royalties add up to more than 25 %. Ask for a smaller share for yourself.
		RoyaltyAboveCap,
		/// The royalties name more than 20 payees.
		TooManyPayees,
		/// The caller has `MaxCollectionsPerAccount` collections.
		TooManyCollections,
		/// There is no such work, or it has been burnt.
		UnknownCreation,
		/// The caller does not hold the work. Sign with the account that `nfts.item` names as its owner.
		NotOwner,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn integrity_test() {
			// So that a deposit can always be released, even to an account without any free balance.
			assert!(T::DepositBase::get() >= T::Currency::minimum_balance(), "DepositBase is below the ED");
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::call(weight = <T as Config>::WeightInfo)]
	impl<T: Config> Pallet<T> {
		/// Mints the output of a final job as an NFT, once for ever. The caller is the job's requester, who gets the NFT.
		///
		/// A storage deposit, `DepositBase + DepositPerByte × bytes`, goes on hold and comes back when the work is burnt. The
		/// royalties are fixed: the creator's share, and those of the model's and the character's payees as they are now:
		/// owners, bonded holders, treasuries. Together they are at most 25 %.
		///
		/// - `job`: number of the job. Neither its output nor an equal one may have been minted before.
		/// - `collection`: one of the caller's own, or none for the one that is open to everybody.
		/// - `name`: 1 to 64 bytes of UTF-8 without control characters.
		/// - `creator_share`: what the caller gets of each sale, in parts per million; at most 10 %.
		///
		/// Emits [`Event::Minted`].
		#[pallet::call_index(0)]
		pub fn mint(
			origin: OriginFor<T>,
			job: JobId,
			collection: Option<CollectionIdOf<T>>,
			name: Name,
			creator_share: Permill,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_mint(who, job, collection, name, creator_share).map(|_| ())
		}

		/// Creates a collection that only the caller may mint into. In pallet-nfts it belongs to this pallet's account, so
		/// that nobody can change its settings. `CollectionDeposit` goes on hold for good.
		///
		/// - `name`: 1 to 64 bytes of UTF-8 without control characters.
		///
		/// Emits [`Event::CollectionCreated`].
		#[pallet::call_index(1)]
		pub fn create_collection(origin: OriginFor<T>, name: Name) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_create_collection(who, name).map(|_| ())
		}

		/// Burns a work. The caller is its holder; anyone, when the NFT has been burnt in pallet-nfts itself. The deposit goes
		/// back to whoever minted it. A work on sale is locked: take it off the market first.
		///
		/// - `collection`: number of the collection.
		/// - `item`: number of the work in it.
		///
		/// Emits [`Event::Burnt`].
		#[pallet::call_index(2)]
		pub fn burn(origin: OriginFor<T>, collection: CollectionIdOf<T>, item: ItemId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_burn(who, collection, item)
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// A work, or nothing when there is none of this number or it has been burnt.
		pub fn creation(collection: CollectionIdOf<T>, item: ItemId) -> Option<CreationOf<T>> {
			Creations::<T>::get(collection, item)
		}

		/// A collection of works.
		pub fn collection(collection: CollectionIdOf<T>) -> Option<CollectionInfoOf<T>> {
			Collections::<T>::get(collection)
		}

		/// The number that a job's output was minted under, burnt or not.
		pub fn creation_of_job(job: JobId) -> Option<(CollectionIdOf<T>, ItemId)> {
			MintedJobs::<T>::get(job)
		}

		/// The job that an output was minted for, by its result digest, burnt or not.
		pub fn job_of_result(result: Digest) -> Option<JobId> {
			MintedResults::<T>::get(result)
		}

		/// Who gets which share of each sale of a work.
		pub fn royalties(collection: CollectionIdOf<T>, item: ItemId) -> Option<RoyaltiesOf<T>> {
			Creations::<T>::get(collection, item).map(|creation| creation.royalties)
		}

		/// The JSON that a work's metadata links to, in UTF-8.
		pub fn metadata_json(collection: CollectionIdOf<T>, item: ItemId) -> Option<Vec<u8>> {
			Creations::<T>::get(collection, item).map(|creation| metadata::item_json(&creation))
		}

		/// The JSON that a collection's metadata links to, in UTF-8.
		pub fn collection_metadata_json(collection: CollectionIdOf<T>) -> Option<Vec<u8>> {
			Collections::<T>::get(collection).map(|info| metadata::collection_json(&info.name))
		}
	}
}

impl<T: Config> Pallet<T> {
	/// The account that owns the collections.
	pub fn account_id() -> T::AccountId {
		T::PalletId::get().into_account_truncating()
	}

	/// Storage deposit of a work of this many bytes, in planck.
	pub fn deposit_for(bytes: usize) -> BalanceOf<T> {
		storage_deposit(T::DepositBase::get(), T::DepositPerByte::get(), bytes)
	}

	/// The collection that is open to everybody; a chain that got the pallet by an upgrade creates it at the first mint.
	fn default_or_create() -> Result<CollectionIdOf<T>, DispatchError> {
		if let Some(collection) = DefaultCollection::<T>::get() {
			return Ok(collection);
		}
		let collection = Self::new_collection(None, Name::truncate_from(DEFAULT_NAME.to_vec()), Zero::zero())?;
		DefaultCollection::<T>::put(collection);
		Ok(collection)
	}

	fn new_collection(
		creator: Option<T::AccountId>,
		name: Name,
		deposit: BalanceOf<T>,
	) -> Result<CollectionIdOf<T>, DispatchError> {
		let uri = metadata::uri(&metadata::collection_json(&name));
		let collection = T::Items::create_collection(&Self::account_id(), uri.as_bytes())?;
		let info = CollectionInfo { creator: creator.clone(), name: name.clone(), next_item: 0, deposit };
		Collections::<T>::insert(collection, info);
		Self::deposit_event(Event::CollectionCreated { collection, creator, name, deposit });
		Ok(collection)
	}

	pub(crate) fn do_create_collection(who: T::AccountId, name: Name) -> Result<CollectionIdOf<T>, DispatchError> {
		ensure!(metadata::is_name(&name), Error::<T>::NameInvalid);
		let count = CollectionCount::<T>::get(&who).saturating_add(1);
		ensure!(count <= T::MaxCollectionsPerAccount::get(), Error::<T>::TooManyCollections);
		let deposit = T::CollectionDeposit::get();
		with_storage_layer(|| {
			T::Currency::hold(&HoldReason::Collection.into(), &who, deposit)?;
			CollectionCount::<T>::insert(&who, count);
			Self::new_collection(Some(who), name, deposit)
		})
	}

	pub(crate) fn do_mint(
		who: T::AccountId,
		job: JobId,
		collection: Option<CollectionIdOf<T>>,
		name: Name,
		creator_share: Permill,
	) -> Result<(CollectionIdOf<T>, ItemId), DispatchError> {
		let work = T::Jobs::final_job(job).ok_or(Error::<T>::JobNotFinal)?;
		ensure!(work.requester == who, Error::<T>::NotRequester);
		ensure!(!MintedJobs::<T>::contains_key(job), Error::<T>::JobMinted);
		ensure!(!MintedResults::<T>::contains_key(work.result), Error::<T>::OutputMinted);
		ensure!(metadata::is_name(&name), Error::<T>::NameInvalid);
		let royalties = Self::royalties_at_mint(job, work.model, &who, creator_share)?;
		let minted_at = frame_system::Pallet::<T>::block_number();
		with_storage_layer(|| {
			let (collection, item) = Self::next_item(&who, collection)?;
			Self::insert(collection, item, Creation { job, work, name, royalties, minted_at, deposit: Zero::zero() })?;
			Ok((collection, item))
		})
	}

	/// Shares in the sales of a work that is minted now. What one payee gets several times is added up.
	fn royalties_at_mint(
		job: JobId,
		model: ModelId,
		creator: &T::AccountId,
		creator_share: Permill,
	) -> Result<RoyaltiesOf<T>, DispatchError> {
		ensure!(creator_share <= MAX_CREATOR_SHARE, Error::<T>::CreatorShareTooHigh);
		let mut royalties = RoyaltiesOf::<T>::default();
		let mut total = 0u32;
		let own = core::iter::once((Payee::Account(creator.clone()), creator_share));
		for (payee, share) in own.chain(T::RoyaltyTerms::terms(job, model)) {
			if share.is_zero() {
				continue;
			}
			total = total.saturating_add(share.deconstruct());
			ensure!(total <= MAX_ROYALTY.deconstruct(), Error::<T>::RoyaltyAboveCap);
			if let Some((_, sum)) = royalties.iter_mut().find(|(known, _)| *known == payee) {
				*sum = sum.saturating_add(share);
			} else {
				royalties.try_push((payee, share)).map_err(|_| Error::<T>::TooManyPayees)?;
			}
		}
		Ok(royalties)
	}

	/// The number of the next work in a collection that `who` may mint into.
	fn next_item(
		who: &T::AccountId,
		collection: Option<CollectionIdOf<T>>,
	) -> Result<(CollectionIdOf<T>, ItemId), DispatchError> {
		let collection = match collection {
			Some(collection) => collection,
			None => Self::default_or_create()?,
		};
		Collections::<T>::try_mutate(collection, |info| {
			let info = info.as_mut().ok_or(Error::<T>::UnknownCollection)?;
			ensure!(info.creator.as_ref().is_none_or(|creator| creator == who), Error::<T>::NotCollectionCreator);
			let item = info.next_item;
			info.next_item = item.checked_add(1).ok_or(ArithmeticError::Overflow)?;
			Ok((collection, item))
		})
	}

	/// Stores a work, mints its NFT to its creator and holds the deposit.
	fn insert(collection: CollectionIdOf<T>, item: ItemId, mut creation: CreationOf<T>) -> DispatchResult {
		let creator = creation.work.requester.clone();
		let uri = metadata::uri(&metadata::item_json(&creation));
		let attributes = metadata::facts(&creation);
		creation.deposit = Self::deposit_for(Self::stored_bytes(&creation, &uri, &attributes));
		T::Currency::hold(&HoldReason::Creation.into(), &creator, creation.deposit)?;
		T::Items::mint(&collection, item, &creator, uri.as_bytes(), &attributes)?;

		MintedJobs::<T>::insert(creation.job, (collection, item));
		MintedResults::<T>::insert(creation.work.result, creation.job);
		Self::deposit_event(Event::Minted {
			collection,
			item,
			job: creation.job,
			creator,
			model: creation.work.model,
			result: creation.work.result,
			artifact: creation.work.artifact,
			name: creation.name.clone(),
			royalties: creation.royalties.clone(),
			deposit: creation.deposit,
		});
		Creations::<T>::insert(collection, item, creation);
		Ok(())
	}

	/// Bytes that a work takes, here and in pallet-nfts.
	fn stored_bytes(creation: &CreationOf<T>, uri: &str, attributes: &[(&'static str, String)]) -> usize {
		let pair = |(key, value): &(&'static str, String)| key.len().saturating_add(value.len());
		let attributes = attributes.iter().map(pair).fold(0usize, usize::saturating_add);
		creation.encoded_size().saturating_add(uri.len()).saturating_add(attributes)
	}

	pub(crate) fn do_burn(who: T::AccountId, collection: CollectionIdOf<T>, item: ItemId) -> DispatchResult {
		let creation = Creations::<T>::get(collection, item).ok_or(Error::<T>::UnknownCreation)?;
		let (job, creator, deposit) = (creation.job, creation.work.requester, creation.deposit);
		with_storage_layer(|| {
			// Burnt in pallet-nfts itself: anyone may clean up.
			if let Some(owner) = T::Items::owner(&collection, item) {
				ensure!(owner == who, Error::<T>::NotOwner);
				T::Items::burn(&collection, item, &who)?;
			}
			T::Items::clear_attributes(&collection, item, &metadata::ATTRIBUTES)?;
			Creations::<T>::remove(collection, item);
			T::Currency::release(&HoldReason::Creation.into(), &creator, deposit, Precision::Exact)?;
			Self::deposit_event(Event::Burnt { collection, item, job, creator, deposit });
			Ok(())
		})
	}

	/// A work of `owner` with as many payees as there can be, for the benchmarks of pallets that sell works. It stands for
	/// a job that no other call gives: the numbers are taken from the top.
	#[cfg(feature = "runtime-benchmarks")]
	pub fn benchmark_creation(owner: &T::AccountId) -> (CollectionIdOf<T>, ItemId) {
		benchmarking::creation_of::<T>(owner)
	}
}
