//! Runtime API of the creations pallet.

use alloc::vec::Vec;
use autonomy_primitives::{Digest, JobId};
use codec::Codec;

use crate::types::{CollectionInfo, Creation, ItemId, Royalties};

sp_api::decl_runtime_apis! {
	/// Reads of works for clients. `pallet-creations` has a view function of the same name for each.
	pub trait CreationsApi<AccountId, Balance, BlockNumber, CollectionId> where
		AccountId: Codec,
		Balance: Codec,
		BlockNumber: Codec,
		CollectionId: Codec,
	{
		/// A work, or nothing when there is none of this number or it has been burnt.
		fn creation(collection: CollectionId, item: ItemId) -> Option<Creation<AccountId, Balance, BlockNumber>>;
		/// A collection of works.
		fn collection(collection: CollectionId) -> Option<CollectionInfo<AccountId, Balance>>;
		/// The number that a job's output was minted under, burnt or not.
		fn creation_of_job(job: JobId) -> Option<(CollectionId, ItemId)>;
		/// The job that an output was minted for, by its result digest, burnt or not.
		fn job_of_result(result: Digest) -> Option<JobId>;
		/// Who gets which share of each sale of a work.
		fn royalties(collection: CollectionId, item: ItemId) -> Option<Royalties<AccountId>>;
		/// The JSON that a work's metadata links to, in UTF-8.
		fn metadata_json(collection: CollectionId, item: ItemId) -> Option<Vec<u8>>;
		/// The JSON that a collection's metadata links to, in UTF-8.
		fn collection_metadata_json(collection: CollectionId) -> Option<Vec<u8>>;
	}
}
