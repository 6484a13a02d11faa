//! Weights of the calls, and of what other pallets ask.
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
	/// Weight of `set_template`.
	fn set_template() -> Weight;
	/// Weight of `create`.
	fn create() -> Weight;
	/// Weight of `set_persona`.
	fn set_persona() -> Weight;
	/// Weight of `set_models`.
	fn set_models() -> Weight;
	/// Weight of `customise`.
	fn customise() -> Weight;
	/// Weight of `set_active`.
	fn set_active() -> Weight;
	/// Weight of `join`.
	fn join() -> Weight;
	/// Weight of `upgrade`.
	fn upgrade() -> Weight;
	/// Weight of `leave`.
	fn leave() -> Weight;
	/// Weight of `refresh_fan`.
	fn refresh_fan() -> Weight;
	/// Weight of `invest`.
	fn invest() -> Weight;
	/// Weight of `close_round`.
	fn close_round() -> Weight;
	/// Weight of `ask_parent`.
	fn ask_parent() -> Weight;
	/// Weight of `accept_child`.
	fn accept_child() -> Weight;
	/// Weight of `leave_parent`.
	fn leave_parent() -> Weight;
	/// Weight of `found_collective`.
	fn found_collective() -> Weight;
	/// Weight of `invite`.
	fn invite() -> Weight;
	/// Weight of `join_collective`.
	fn join_collective() -> Weight;
	/// Weight of `leave_collective`.
	fn leave_collective() -> Weight;
	/// Weight of `talk`.
	fn talk() -> Weight;
	/// Weight of `order`.
	fn order() -> Weight;
	/// Weight of `record_spend`.
	fn record_spend() -> Weight;
	/// Weight of `on_job_final`.
	fn on_job_final() -> Weight;
	/// Weight of `on_job_failed`.
	fn on_job_failed() -> Weight;
}

/// Execution time of one call without its database access, in picoseconds.
const CALL: u64 = 400 * WEIGHT_REF_TIME_PER_MICROS;
/// Bytes of proof for one database entry of this pallet, at most.
const ENTRY: u64 = 6 * 1024;

/// Database entries that tell whether a character's holder decides alone, at most.
const OWNERSHIP: u64 = 6;

/// Counted weights with the runtime's own database costs.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> SubstrateWeight<T> {
	fn counted(reads: u64, writes: u64) -> Weight {
		Weight::from_parts(CALL, ENTRY.saturating_mul(reads))
			.saturating_add(T::DbWeight::get().reads_writes(reads, writes))
	}

	/// The same for what a character's holder may decide as long as it decides alone.
	fn governed(reads: u64, writes: u64) -> Weight {
		Self::counted(reads.saturating_add(OWNERSHIP), writes)
	}
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
	/// TemplateVersions, NextTemplateId; writes Templates too.
	fn set_template() -> Weight {
		Self::counted(2, 3)
	}
	/// TemplateVersions, Templates, two models, NextCharacterId, the number of the next community, the collection
	/// with its configuration, the asset, the account and its holds; writes the character's three records, community,
	/// shares, item with its metadata and owner, ActiveCharacters, and the round.
	fn create() -> Weight {
		Self::counted(17, 21)
	}
	/// Characters, the item, its configurations and its metadata.
	fn set_persona() -> Weight {
		Self::governed(8, 4)
	}
	/// Characters, the item, two models.
	fn set_models() -> Weight {
		Self::governed(5, 1)
	}
	/// Characters, the item, TemplateVersions, Templates; writes Customisations.
	fn customise() -> Weight {
		Self::governed(5, 1)
	}
	/// Characters, the item, ActiveCharacters.
	fn set_active() -> Weight {
		Self::governed(4, 2)
	}
	/// Characters, Fans, TemplateVersions, Templates, Customisations, the bond, Spent, the account and its holds; the
	/// power of the fan, the class and two delegates.
	fn join() -> Weight {
		Self::counted(18, 11)
	}
	/// As `join`, without the hold.
	fn upgrade() -> Weight {
		Self::counted(16, 7)
	}
	/// Characters, Fans, the account and its holds; the power of the fan, the class and two delegates.
	fn leave() -> Weight {
		Self::counted(13, 11)
	}
	/// As `join` at its worst, which ends the badge.
	fn refresh_fan() -> Weight {
		Self::counted(18, 11)
	}
	/// Characters, Rounds, Invested, two accounts, the asset and the buyer's account in it.
	fn invest() -> Weight {
		Self::counted(8, 7)
	}
	/// Rounds and Characters.
	fn close_round() -> Weight {
		Self::counted(2, 2)
	}
	/// Two characters and the item; writes AskedParents.
	fn ask_parent() -> Weight {
		Self::governed(4, 1)
	}
	/// AskedParents, two characters and the item.
	fn accept_child() -> Weight {
		Self::governed(5, 3)
	}
	/// Two characters and their items.
	fn leave_parent() -> Weight {
		Self::governed(6, 2)
	}
	/// Characters, the item, NextCollectiveId, AskedParents, the account and its holds; writes Collectives.
	fn found_collective() -> Weight {
		Self::governed(7, 6)
	}
	/// Two characters, the item and Collectives.
	fn invite() -> Weight {
		Self::governed(5, 1)
	}
	/// Characters, the item, Collectives and AskedParents.
	fn join_collective() -> Weight {
		Self::governed(5, 3)
	}
	/// Characters, the item, Collectives, AskedParents, the founder's account and holds.
	fn leave_collective() -> Weight {
		Self::governed(7, 5)
	}
	/// Characters, TemplateVersions, Templates, Customisations, Memories, the account and its holds; what a job
	/// takes: the model, the queue, the job and its input; writes Talks.
	fn talk() -> Weight {
		Self::counted(20, 14)
	}
	/// As `talk`.
	fn order() -> Weight {
		Self::counted(20, 14)
	}
	/// Characters and Spent.
	fn record_spend() -> Weight {
		Self::counted(2, 1)
	}
	/// Characters, Memories, Talks, TemplateVersions, Templates, Customisations, the item; two pots, five accounts,
	/// the requester's holds.
	fn on_job_final() -> Weight {
		Self::counted(18, 14)
	}
	/// Talks, the requester's account and holds.
	fn on_job_failed() -> Weight {
		Self::counted(3, 3)
	}
}

/// No cost at all, for the mock.
impl WeightInfo for () {
	fn set_template() -> Weight {
		Weight::zero()
	}
	fn create() -> Weight {
		Weight::zero()
	}
	fn set_persona() -> Weight {
		Weight::zero()
	}
	fn set_models() -> Weight {
		Weight::zero()
	}
	fn customise() -> Weight {
		Weight::zero()
	}
	fn set_active() -> Weight {
		Weight::zero()
	}
	fn join() -> Weight {
		Weight::zero()
	}
	fn upgrade() -> Weight {
		Weight::zero()
	}
	fn leave() -> Weight {
		Weight::zero()
	}
	fn refresh_fan() -> Weight {
		Weight::zero()
	}
	fn invest() -> Weight {
		Weight::zero()
	}
	fn close_round() -> Weight {
		Weight::zero()
	}
	fn ask_parent() -> Weight {
		Weight::zero()
	}
	fn accept_child() -> Weight {
		Weight::zero()
	}
	fn leave_parent() -> Weight {
		Weight::zero()
	}
	fn found_collective() -> Weight {
		Weight::zero()
	}
	fn invite() -> Weight {
		Weight::zero()
	}
	fn join_collective() -> Weight {
		Weight::zero()
	}
	fn leave_collective() -> Weight {
		Weight::zero()
	}
	fn talk() -> Weight {
		Weight::zero()
	}
	fn order() -> Weight {
		Weight::zero()
	}
	fn record_spend() -> Weight {
		Weight::zero()
	}
	fn on_job_final() -> Weight {
		Weight::zero()
	}
	fn on_job_failed() -> Weight {
		Weight::zero()
	}
}
