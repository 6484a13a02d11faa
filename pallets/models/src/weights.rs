//! Weights of the calls.
//!
//! Database reads and writes are counted from the code at their worst. The execution time is an assumed constant for
//! each call and each step of a loop, at least four times what was seen natively on a busy machine. Both are
//! conservative; weights measured with `benchmarking` take their place.

use core::marker::PhantomData;
use frame_support::{
	traits::Get,
	weights::{constants::WEIGHT_REF_TIME_PER_MICROS, Weight},
};

/// Weights that the pallet needs.
pub trait WeightInfo {
	/// Weight of `register`.
	fn register() -> Weight;
	/// Weight of `set_price`.
	fn set_price() -> Weight;
	/// Weight of `set_active`.
	fn set_active() -> Weight;
}

/// Execution time of one call without its database access, in picoseconds.
const CALL: u64 = 400 * WEIGHT_REF_TIME_PER_MICROS;
/// Bytes of proof for one database entry of this pallet, at most.
const ENTRY: u64 = 6 * 1024;

/// Counted weights with the runtime's own database costs.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> SubstrateWeight<T> {
	fn counted(reads: u64, writes: u64) -> Weight {
		Weight::from_parts(CALL, ENTRY.saturating_mul(reads))
			.saturating_add(T::DbWeight::get().reads_writes(reads, writes))
	}
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
	/// Reads and writes: NextModelId, Models, ModelByManifest, Collection, account, holds; in pallet-nfts the collection,
	/// its configuration, the item, its configuration, its metadata and the account index.
	fn register() -> Weight {
		Self::counted(14, 12)
	}
	/// Reads Collection, the item and Models; writes Models.
	fn set_price() -> Weight {
		Self::counted(3, 1)
	}
	/// Reads Collection, the item and Models; writes Models.
	fn set_active() -> Weight {
		Self::counted(3, 1)
	}
}

/// No cost at all, for the mock.
impl WeightInfo for () {
	fn register() -> Weight {
		Weight::zero()
	}
	fn set_price() -> Weight {
		Weight::zero()
	}
	fn set_active() -> Weight {
		Weight::zero()
	}
}
