//! Weights of the calls.
//!
//! Database reads and writes are counted from the code at their worst. The execution time is an assumed constant for
//! each call, chosen like those of the other pallets and not measured. Weights measured with `benchmarking` take their
//! place.

use core::marker::PhantomData;
use frame_support::{
	traits::Get,
	weights::{constants::WEIGHT_REF_TIME_PER_MICROS, Weight},
};

/// Weights that the pallet needs.
pub trait WeightInfo {
	/// Weight of `mint`.
	fn mint() -> Weight;
	/// Weight of `create_collection`.
	fn create_collection() -> Weight;
	/// Weight of `burn`.
	fn burn() -> Weight;
}

/// Execution time of one call without its database access, in picoseconds.
const CALL: u64 = 400 * WEIGHT_REF_TIME_PER_MICROS;
/// Execution time of writing the JSON and the attributes of a work and of hashing them, in picoseconds.
const METADATA: u64 = 400 * WEIGHT_REF_TIME_PER_MICROS;
/// Bytes of proof for one database entry of this pallet, at most.
const ENTRY: u64 = 6 * 1024;

/// Counted weights with the runtime's own database costs.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> SubstrateWeight<T> {
	fn counted(time: u64, reads: u64, writes: u64) -> Weight {
		Weight::from_parts(time, ENTRY.saturating_mul(reads))
			.saturating_add(T::DbWeight::get().reads_writes(reads, writes))
	}
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
	/// Reads the job and its model, four entries for the royalty terms, MintedJobs, MintedResults, DefaultCollection,
	/// Collections, account, holds; in pallet-nfts the item, the collection, its configuration, the item's configuration,
	/// its metadata and eight attributes. Writes Creations, MintedJobs, MintedResults, Collections and the money; in
	/// pallet-nfts what it reads and the account index. The first work of all also creates the collection.
	fn mint() -> Weight {
		Self::counted(CALL.saturating_add(METADATA), 27, 27)
	}
	/// Reads CollectionsOf, account, holds, and the collection and its number in pallet-nfts; writes Collections too, and
	/// in pallet-nfts the roles, the configuration, the account index and the metadata.
	fn create_collection() -> Weight {
		Self::counted(CALL, 7, 10)
	}
	/// Reads and writes Creations, account, holds; in pallet-nfts the collection, the item, its configuration, metadata,
	/// price, swap and approvals, the account index and eight attributes, and whether it is locked.
	fn burn() -> Weight {
		Self::counted(CALL, 22, 20)
	}
}

/// No cost at all, for the mock.
impl WeightInfo for () {
	fn mint() -> Weight {
		Weight::zero()
	}
	fn create_collection() -> Weight {
		Weight::zero()
	}
	fn burn() -> Weight {
		Weight::zero()
	}
}
