//! Weights of the calls.
//!
//! Database reads and writes are counted from the code at their worst. The execution time is an assumed constant for
//! each call and each step of a loop, chosen like those of the other pallets and not measured. Weights measured with
//! `benchmarking` take their place.

use core::marker::PhantomData;
use frame_support::{
	traits::Get,
	weights::{constants::WEIGHT_REF_TIME_PER_MICROS, Weight},
};

/// Weights that the pallet needs.
pub trait WeightInfo {
	/// Weight of `list`.
	fn list() -> Weight;
	/// Weight of `list_bundle` with `n` items.
	fn list_bundle(n: u32) -> Weight;
	/// Weight of `set_price`.
	fn set_price() -> Weight;
	/// Weight of `cancel_listing` with `n` items.
	fn cancel_listing(n: u32) -> Weight;
	/// Weight of `expire_listing` with `n` items.
	fn expire_listing(n: u32) -> Weight;
	/// Weight of `buy` with `n` items and `p` payees.
	fn buy(n: u32, p: u32) -> Weight;
	/// Weight of `make_offer`.
	fn make_offer() -> Weight;
	/// Weight of `cancel_offer`.
	fn cancel_offer() -> Weight;
	/// Weight of `expire_offer`.
	fn expire_offer() -> Weight;
	/// Weight of `accept_offer` with `p` payees.
	fn accept_offer(p: u32) -> Weight;
	/// Weight of `start_auction`.
	fn start_auction() -> Weight;
	/// Weight of `bid`.
	fn bid() -> Weight;
	/// Weight of `cancel_auction`.
	fn cancel_auction() -> Weight;
	/// Weight of `settle_auction` with `p` payees.
	fn settle_auction(p: u32) -> Weight;
	/// Weight of `set_licence_terms`.
	fn set_licence_terms() -> Weight;
	/// Weight of `open_licence`.
	fn open_licence() -> Weight;
	/// Weight of `buy_licence` with `p` payees.
	fn buy_licence(p: u32) -> Weight;
	/// Weight of `end_licence`.
	fn end_licence() -> Weight;
}

/// Execution time of one call without its database access, in picoseconds.
const CALL: u64 = 400 * WEIGHT_REF_TIME_PER_MICROS;
/// Execution time of one step of a loop over items or payees, in picoseconds.
const STEP: u64 = 80 * WEIGHT_REF_TIME_PER_MICROS;
/// Bytes of proof for one database entry of this pallet, at most.
const ENTRY: u64 = 6 * 1024;
/// Reads that tell whether an item can be sold, and whose it is: the item, two configurations, its transfer lock, whether
/// it is on sale, and three for its royalties.
const LOOK: u64 = 8;
/// Reads of an item's transfer: the item, the collection, two configurations, its transfer lock, whether it is on sale, and
/// its owner before.
const MOVE_READS: u64 = 7;
/// Writes of an item's transfer: its lock, the item, two account indices, its price and its swap.
const MOVE_WRITES: u64 = 6;

/// Reads for one payee: the pot, once for its account and once to divide what came, and the accounts of pot and treasury.
const PAYEE_READS: u64 = 4;
/// Writes for one payee: the pot, and the accounts of pot and treasury.
const PAYEE_WRITES: u64 = 3;

/// Counted weights with the runtime's own database costs.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> SubstrateWeight<T> {
	fn counted(reads: u64, writes: u64, steps: u64) -> Weight {
		let time = CALL.saturating_add(STEP.saturating_mul(steps));
		Weight::from_parts(time, ENTRY.saturating_mul(reads))
			.saturating_add(T::DbWeight::get().reads_writes(reads, writes))
	}

	/// A listing of `n` items that is closed: Listings, SaleCount, the seller's account and holds; the lock of each item.
	fn closed(n: u32) -> Weight {
		let n = u64::from(n);
		Self::counted(4, n.saturating_add(4), n)
	}
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
	/// See `list_bundle`.
	fn list() -> Weight {
		Self::list_bundle(1)
	}
	/// SaleCount, NextSaleId, the fee, account, holds, and what tells about each item; writes Listings and each item's lock
	/// too.
	fn list_bundle(n: u32) -> Weight {
		let n = u64::from(n);
		Self::counted(n.saturating_mul(LOOK).saturating_add(5), n.saturating_add(5), n.saturating_mul(2))
	}
	/// Listings.
	fn set_price() -> Weight {
		Self::counted(1, 1, 0)
	}
	/// See `closed`.
	fn cancel_listing(n: u32) -> Weight {
		Self::closed(n)
	}
	/// See `closed`.
	fn expire_listing(n: u32) -> Weight {
		Self::closed(n)
	}
	/// Listings, SaleCount, the seller's account and holds, the buyer's and the treasury's account; the transfer of each
	/// item; each payee's account, and the pot behind it.
	fn buy(n: u32, p: u32) -> Weight {
		let (n, p) = (u64::from(n), u64::from(p));
		Self::counted(
			n.saturating_mul(MOVE_READS).saturating_add(p.saturating_mul(PAYEE_READS)).saturating_add(6),
			n.saturating_mul(MOVE_WRITES).saturating_add(p.saturating_mul(PAYEE_WRITES)).saturating_add(6),
			n.saturating_mul(2).saturating_add(p.saturating_mul(2)),
		)
	}
	/// What tells about the item, Offers, OfferCount, account, holds.
	fn make_offer() -> Weight {
		Self::counted(LOOK.saturating_add(4), 4, 2)
	}
	/// Offers, OfferCount, account, holds.
	fn cancel_offer() -> Weight {
		Self::counted(4, 4, 0)
	}
	/// Offers, OfferCount, account, holds.
	fn expire_offer() -> Weight {
		Self::counted(4, 4, 0)
	}
	/// Offers, OfferCount, the fee, the bidder's account and holds, the seller's and the treasury's account; what tells about
	/// the item and its transfer; each payee's account, and the pot behind it.
	fn accept_offer(p: u32) -> Weight {
		let p = u64::from(p);
		Self::counted(
			LOOK.saturating_add(MOVE_READS).saturating_add(p.saturating_mul(PAYEE_READS)).saturating_add(7),
			MOVE_WRITES.saturating_add(p.saturating_mul(PAYEE_WRITES)).saturating_add(6),
			p.saturating_mul(2).saturating_add(3),
		)
	}
	/// As a listing of one item.
	fn start_auction() -> Weight {
		Self::list_bundle(1)
	}
	/// Auctions, account and holds of both bidders.
	fn bid() -> Weight {
		Self::counted(5, 5, 0)
	}
	/// As a listing of one item.
	fn cancel_auction() -> Weight {
		Self::closed(1)
	}
	/// As a purchase of one item, and the bidder's holds.
	fn settle_auction(p: u32) -> Weight {
		Self::buy(1, p).saturating_add(T::DbWeight::get().reads_writes(1, 1))
	}
	/// The model's owner, OpenModels, Terms, account and holds of both depositors.
	fn set_licence_terms() -> Weight {
		Self::counted(9, 5, 0)
	}
	/// The model's owner, OpenModels, Terms, account and holds of the depositor.
	fn open_licence() -> Weight {
		Self::counted(7, 4, 0)
	}
	/// The model's owner and, for its payees, the model and two reads of each; OpenModels, Terms, the fee, Licences, the
	/// licensee's account and holds, the owner's and the treasury's account; each payee's account, and the pot behind it.
	fn buy_licence(p: u32) -> Weight {
		let p = u64::from(p);
		let reads = p.saturating_mul(PAYEE_READS.saturating_add(2));
		Self::counted(reads.saturating_add(14), p.saturating_mul(PAYEE_WRITES).saturating_add(5), p.saturating_mul(2))
	}
	/// Licences, OpenModels, account, holds.
	fn end_licence() -> Weight {
		Self::counted(4, 3, 0)
	}
}

/// No cost at all, for the mock.
impl WeightInfo for () {
	fn list() -> Weight {
		Weight::zero()
	}
	fn list_bundle(_: u32) -> Weight {
		Weight::zero()
	}
	fn set_price() -> Weight {
		Weight::zero()
	}
	fn cancel_listing(_: u32) -> Weight {
		Weight::zero()
	}
	fn expire_listing(_: u32) -> Weight {
		Weight::zero()
	}
	fn buy(_: u32, _: u32) -> Weight {
		Weight::zero()
	}
	fn make_offer() -> Weight {
		Weight::zero()
	}
	fn cancel_offer() -> Weight {
		Weight::zero()
	}
	fn expire_offer() -> Weight {
		Weight::zero()
	}
	fn accept_offer(_: u32) -> Weight {
		Weight::zero()
	}
	fn start_auction() -> Weight {
		Weight::zero()
	}
	fn bid() -> Weight {
		Weight::zero()
	}
	fn cancel_auction() -> Weight {
		Weight::zero()
	}
	fn settle_auction(_: u32) -> Weight {
		Weight::zero()
	}
	fn set_licence_terms() -> Weight {
		Weight::zero()
	}
	fn open_licence() -> Weight {
		Weight::zero()
	}
	fn buy_licence(_: u32) -> Weight {
		Weight::zero()
	}
	fn end_licence() -> Weight {
		Weight::zero()
	}
}
