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
	/// Weight of `open_community`.
	fn open_community() -> Weight;
	/// Weight of `open_group`.
	fn open_group() -> Weight;
	/// Weight of `close_community`.
	fn close_community() -> Weight;
	/// Weight of `reap_dormant`.
	fn reap_dormant() -> Weight;
	/// Weight of `claim_seat`.
	fn claim_seat() -> Weight;
	/// Weight of `purge_seat`.
	fn purge_seat() -> Weight;
	/// Weight of `open_ai_seat`.
	fn open_ai_seat() -> Weight;
	/// Weight of `refresh_seat`.
	fn refresh_seat() -> Weight;
	/// Weight of `set_template`.
	fn set_template() -> Weight;
	/// Weight of `set_track`.
	fn set_track() -> Weight;
	/// Weight of `lapse_badge`.
	fn lapse_badge() -> Weight;
	/// Weight of `submit`.
	fn submit() -> Weight;
	/// Weight of `edit`.
	fn edit() -> Weight;
	/// Weight of `withdraw`.
	fn withdraw() -> Weight;
	/// Weight of `vote`.
	fn vote() -> Weight;
	/// Weight of `vote_child`.
	fn vote_child() -> Weight;
	/// Weight of `unvote`.
	fn unvote() -> Weight;
	/// Weight of `request_decision`, without the order.
	fn request_decision() -> Weight;
	/// Weight of `settle_ai` with `n` children.
	fn settle_ai(n: u32) -> Weight;
	/// Weight of `close`.
	fn close() -> Weight;
	/// Weight of `execute`, without what other pallets do.
	fn execute() -> Weight;
	/// Weight of `cancel`.
	fn cancel() -> Weight;
	/// Weight of `pause`.
	fn pause() -> Weight;
	/// Weight of `lift_pause`.
	fn lift_pause() -> Weight;
	/// Weight of `flush_outbox`, without what the gate does.
	fn flush_outbox() -> Weight;
	/// Weight of `drop_motion`.
	fn drop_motion() -> Weight;
	/// Weight of `reap` of `n` entries.
	fn reap(n: u32) -> Weight;
	/// Weight of `advance_phase`.
	fn advance_phase() -> Weight;
	/// Weight of `regress_phase`.
	fn regress_phase() -> Weight;
	/// Weight of `refresh_model_seat`.
	fn refresh_model_seat() -> Weight;
	/// Weight of `end_training`.
	fn end_training() -> Weight;
	/// Weight of `withdraw_data`, without what other pallets do.
	fn withdraw_data() -> Weight;
	/// Weight of `UsageSink::on_burned`.
	fn on_burned() -> Weight;
	/// Weight of `BallotResults::on_ballot`.
	fn on_ballot() -> Weight;
}

/// Execution time of one call without its database access, in picoseconds.
const CALL: u64 = 400 * WEIGHT_REF_TIME_PER_MICROS;
/// Execution time of one step of a loop, in picoseconds.
const STEP: u64 = 80 * WEIGHT_REF_TIME_PER_MICROS;
/// Bytes of proof for one database entry of this pallet, at most.
const ENTRY: u64 = 6 * 1024;
/// Reads for an item: the NFT, its owner, its place.
const ITEM: u64 = 4;
/// Most members of a collective.
const MEMBERS: u64 = 16;
/// Reads for the charter in force: the template and its version, what was chosen, what waits.
const CHARTER: u64 = 4;
/// Writes of power of a class that is not bonded, and reads for it: community, own, total, delegations of both topics.
const POWER: u64 = 7;

/// Counted weights with the runtime's own database costs.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> SubstrateWeight<T> {
	/// What reading a call of X takes beyond an entry of this pallet.
	fn call() -> Weight {
		Weight::from_parts(0, crate::types::MAX_CALL_BYTES.into())
	}

	fn counted(reads: u64, writes: u64) -> Weight {
		Weight::from_parts(CALL, ENTRY.saturating_mul(reads))
			.saturating_add(T::DbWeight::get().reads_writes(reads, writes))
	}

	fn steps(n: u32, reads: u64, writes: u64) -> Weight {
		Weight::from_parts(STEP, ENTRY.saturating_mul(reads))
			.saturating_add(T::DbWeight::get().reads_writes(reads, writes))
			.saturating_mul(n.into())
	}
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
	/// The item, CommunityByAnchor, the account, its holds; for a new one the registry's three.
	fn open_community() -> Weight {
		Self::counted(ITEM + 6, 6)
	}
	/// The parent, its members and its four classes, the registry's three, the account, its holds, the badge and its power.
	fn open_group() -> Weight {
		Self::counted(10 + MEMBERS * ITEM + POWER, 11)
	}
	/// Community, parent, the registry with its classes and pots, both treasuries, the account, its holds; both seats of its
	/// AI and their power; what it had chosen, how far that moved, what it has spent.
	fn close_community() -> Weight {
		Self::counted(ITEM + 27 + 2 * POWER + 40, 35 + 40)
	}
	/// As `close_community`.
	fn reap_dormant() -> Weight {
		Self::close_community()
	}
	/// The item and the collective's members, community, seat, its power; what opening reads.
	fn claim_seat() -> Weight {
		Self::counted(2 * ITEM + 6 + POWER, 10)
	}
	/// The item and the collective's members, community, seat, its power.
	fn purge_seat() -> Weight {
		Self::counted(2 * ITEM + 2 + POWER, 6)
	}
	/// As `refresh_seat`, the openings, the account.
	fn open_ai_seat() -> Weight {
		Self::counted((MEMBERS + 1) * (ITEM + 3) + 2 * POWER + 6, 12)
	}
	/// Seat, community, parent; of each member of a collective the item, what its use burned, what is bonded; power of the
	/// seat in the old parent and in the new one.
	fn refresh_seat() -> Weight {
		Self::counted((MEMBERS + 1) * (ITEM + 3) + 2 * POWER + 3, 8)
	}
	/// Version and template.
	fn set_template() -> Weight {
		Self::counted(1, 2)
	}
	/// The terms.
	fn set_track() -> Weight {
		Self::counted(0, 1)
	}
	/// Badge and its power.
	fn lapse_badge() -> Weight {
		Self::counted(1 + POWER, 5)
	}
	/// Community, members, live proposals, charter twice, four totals with floors, the AI house, the call and its list,
	/// what the treasury has, steps of every field, the account, its holds.
	fn submit() -> Weight {
		Self::counted(2 * CHARTER + 20 + MEMBERS * ITEM + 33, 12).saturating_add(Self::call())
	}
	/// As `submit`.
	fn edit() -> Weight {
		Self::counted(2 * CHARTER + 20 + 33, 5).saturating_add(Self::call())
	}
	/// Proposal, community, the account, its holds, the call.
	fn withdraw() -> Weight {
		Self::counted(12, 10)
	}
	/// Proposal, phase, pauses; seat and item or power, standing, delegations; own ballot and the delegate's.
	fn vote() -> Weight {
		Self::counted(22, 3)
	}
	/// As `vote`, the AI's seat and the poll, and for a new one the charter and four totals with floors.
	fn vote_child() -> Weight {
		Self::counted(25 + CHARTER + 8, 5)
	}
	/// As `vote_child`.
	fn unvote() -> Weight {
		Self::counted(24, 4)
	}
	/// Proposal, pauses, both seats, community, item, decision, job, treasury, what it has paid lately, charter, what was
	/// asked, the call.
	fn request_decision() -> Weight {
		Self::counted(16 + ITEM + CHARTER, 5).saturating_add(Self::call())
	}
	/// Proposal, pauses; for each child decision, poll, both seats, item, power, cast of the controller, and for a new poll
	/// what `vote_child` reads.
	fn settle_ai(n: u32) -> Weight {
		Self::counted(5, 1).saturating_add(Self::steps(n, 9 + ITEM + CHARTER + 8, 3))
	}
	/// Proposal, pauses, phase, key, the older proposal and its call, community, the account, its holds, second votes.
	fn close() -> Weight {
		Self::counted(20, 16)
	}
	/// Proposal, pauses, phase, community; at most what a charter needs; the call.
	fn execute() -> Weight {
		Self::counted(14 + 2 * CHARTER + 40, 36).saturating_add(Self::call())
	}
	/// Outbox, proposal, pauses, community, the account, its holds, the call.
	fn cancel() -> Weight {
		Self::counted(15, 10)
	}
	/// The pause, and those of what it is a part of.
	fn pause() -> Weight {
		Self::counted(3, 1)
	}
	/// The pause.
	fn lift_pause() -> Weight {
		Self::counted(1, 1)
	}
	/// Outbox, pause, the call.
	fn flush_outbox() -> Weight {
		Self::counted(4, 3)
	}
	/// Outbox, the call.
	fn drop_motion() -> Weight {
		Self::counted(3, 3)
	}
	/// Proposal, key, community; each entry, and its job.
	fn reap(n: u32) -> Weight {
		Self::counted(4, 4).saturating_add(Self::steps(n, 2, 2))
	}
	/// Phase, what it needs, shadow votes, what the chain's state reads.
	fn advance_phase() -> Weight {
		Self::counted(9, 1)
	}
	/// Phase.
	fn regress_phase() -> Weight {
		Self::counted(1, 1)
	}
	/// Both seats, community, item, the model's community; power of the seat in the old one and in the new one.
	fn refresh_model_seat() -> Weight {
		Self::counted(ITEM + 4 + 2 * POWER, 8)
	}
	/// The training run, the treasury, its holds.
	fn end_training() -> Weight {
		Self::counted(3, 3)
	}
	/// Who offered the data, and the model that a community is of.
	fn withdraw_data() -> Weight {
		Self::counted(1 + ITEM, 1)
	}
	/// Usage.
	fn on_burned() -> Weight {
		Self::counted(1, 1)
	}
	/// Job, decision, shadow votes.
	fn on_ballot() -> Weight {
		Self::counted(2, 3)
	}
}

/// No cost at all, for the mock.
impl WeightInfo for () {
	fn open_community() -> Weight {
		Weight::zero()
	}
	fn open_group() -> Weight {
		Weight::zero()
	}
	fn close_community() -> Weight {
		Weight::zero()
	}
	fn reap_dormant() -> Weight {
		Weight::zero()
	}
	fn claim_seat() -> Weight {
		Weight::zero()
	}
	fn purge_seat() -> Weight {
		Weight::zero()
	}
	fn open_ai_seat() -> Weight {
		Weight::zero()
	}
	fn refresh_seat() -> Weight {
		Weight::zero()
	}
	fn set_template() -> Weight {
		Weight::zero()
	}
	fn set_track() -> Weight {
		Weight::zero()
	}
	fn lapse_badge() -> Weight {
		Weight::zero()
	}
	fn submit() -> Weight {
		Weight::zero()
	}
	fn edit() -> Weight {
		Weight::zero()
	}
	fn withdraw() -> Weight {
		Weight::zero()
	}
	fn vote() -> Weight {
		Weight::zero()
	}
	fn vote_child() -> Weight {
		Weight::zero()
	}
	fn unvote() -> Weight {
		Weight::zero()
	}
	fn request_decision() -> Weight {
		Weight::zero()
	}
	fn settle_ai(_: u32) -> Weight {
		Weight::zero()
	}
	fn close() -> Weight {
		Weight::zero()
	}
	fn execute() -> Weight {
		Weight::zero()
	}
	fn cancel() -> Weight {
		Weight::zero()
	}
	fn pause() -> Weight {
		Weight::zero()
	}
	fn lift_pause() -> Weight {
		Weight::zero()
	}
	fn flush_outbox() -> Weight {
		Weight::zero()
	}
	fn drop_motion() -> Weight {
		Weight::zero()
	}
	fn reap(_: u32) -> Weight {
		Weight::zero()
	}
	fn advance_phase() -> Weight {
		Weight::zero()
	}
	fn regress_phase() -> Weight {
		Weight::zero()
	}
	fn refresh_model_seat() -> Weight {
		Weight::zero()
	}
	fn end_training() -> Weight {
		Weight::zero()
	}
	fn withdraw_data() -> Weight {
		Weight::zero()
	}
	fn on_burned() -> Weight {
		Weight::zero()
	}
	fn on_ballot() -> Weight {
		Weight::zero()
	}
}
