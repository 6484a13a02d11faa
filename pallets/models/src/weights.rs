//! Weights of the calls, and of what other pallets ask.
//!
//! Database reads and writes are counted from the code at their worst. The execution time is an assumed constant for
//! each call and each step of a loop, chosen like those of the other pallets and not measured. Weights measured with
//! `benchmarking` take their place.

use core::marker::PhantomData;
use frame_support::{
	traits::Get,
	weights::{constants::WEIGHT_REF_TIME_PER_MICROS, Weight},
};

/// Weights that the pallet needs, and its neighbours.
pub trait WeightInfo {
	/// Weight of `register`.
	fn register() -> Weight;
	/// Weight of `set_price`.
	fn set_price() -> Weight;
	/// Weight of `set_active`.
	fn set_active() -> Weight;
	/// Weight of `register_derived`, with the most parents.
	fn register_derived() -> Weight;
	/// Weight of `propose_version`.
	fn propose_version() -> Weight;
	/// Weight of `evaluate`. What `Evaluations::order` does is counted as a submitted job.
	fn evaluate() -> Weight;
	/// Weight of `accept_version`.
	fn accept_version() -> Weight;
	/// Weight of `reject_version`.
	fn reject_version() -> Weight;
	/// Weight of `withdraw_version`.
	fn withdraw_version() -> Weight;
	/// Weight of `expire_version`.
	fn expire_version() -> Weight;
	/// Weight of `claim_vested`, with the creation of the asset.
	fn claim_vested() -> Weight;
	/// Weight of `dispute`.
	fn dispute() -> Weight;
	/// Weight of `resolve_dispute`.
	fn resolve_dispute() -> Weight;
	/// Weight of `set_charter`.
	fn set_charter() -> Weight;
	/// Weight of `set_data_root`.
	fn set_data_root() -> Weight;
	/// Weight of `open_source`.
	fn open_source() -> Weight;
	/// Weight of `EvaluationResults::on_evaluated`, with an acceptance.
	fn on_evaluated() -> Weight;
	/// Weight of `ModelRevenue::revenue`, with the most ancestors.
	fn revenue() -> Weight;
}

/// Execution time of one call without its database access, in picoseconds.
const CALL: u64 = 400 * WEIGHT_REF_TIME_PER_MICROS;
/// Execution time of one step of a loop over parents or ancestors, in picoseconds.
const STEP: u64 = 80 * WEIGHT_REF_TIME_PER_MICROS;
/// Bytes of proof for one database entry of this pallet, at most.
const ENTRY: u64 = 6 * 1024;
/// Reads that tell who speaks for a model: the collection, the item, the model; its community, the length of a day, and the
/// power of four classes of it.
const GOVERNS: u64 = 9;
/// Reads that tell whether a model has provenance: Origins, DataRoots, ModelsWithProvenance.
const PROVENANCE: u64 = 3;
/// Reads of a minted item: the collection's number, the collection, its configuration, the item's configuration and metadata
/// and their deposits.
const MINT_READS: u64 = 7;
/// Writes of a minted item: the collection, the item, its configuration, its metadata and an account index.
const MINT_WRITES: u64 = 5;
/// Reads of a submitted job: the model and its owner, prices, the depositor's account and holds, counters, the agenda.
const ORDER_READS: u64 = 16;
/// Writes of a submitted job.
const ORDER_WRITES: u64 = 8;
/// Most parents, and the ancestors that each of them can have.
const PARENTS: u64 = 8;
/// Steps over the ancestors of the most parents.
const FLATTEN_STEPS: u64 = 8 * 17;
/// Most ancestors.
const ANCESTORS: u64 = 16;

/// Counted weights with the runtime's own database costs.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> SubstrateWeight<T> {
	fn counted(reads: u64, writes: u64, steps: u64) -> Weight {
		let time = CALL.saturating_add(STEP.saturating_mul(steps));
		Weight::from_parts(time, ENTRY.saturating_mul(reads))
			.saturating_add(T::DbWeight::get().reads_writes(reads, writes))
	}

	/// A proposal that is closed: Proposals, ModelStates, who speaks for the model, the proposer's account and holds; writes
	/// ProposalByManifest and EvaluationJobs too.
	fn closed() -> Weight {
		Self::counted(GOVERNS.saturating_add(4), 6, 0)
	}
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
	/// ModelByManifest, NextModelId, account, holds, the next community; the item. Writes Models, ModelByCommunity, Versions,
	/// ModelStates and the community too.
	fn register() -> Weight {
		Self::counted(MINT_READS.saturating_add(5), MINT_WRITES.saturating_add(10), 1)
	}
	/// Who speaks for the model; the model.
	fn set_price() -> Weight {
		Self::counted(GOVERNS, 1, 0)
	}
	/// Who speaks for the model; the model.
	fn set_active() -> Weight {
		Self::counted(GOVERNS, 1, 0)
	}
	/// As `register`; each parent and its ancestors. Writes ParentsOf and Lineages too.
	fn register_derived() -> Weight {
		Self::register().saturating_add(Self::counted(PARENTS.saturating_mul(2), 2, FLATTEN_STEPS))
	}
	/// Models, ModelByManifest, ProposalByManifest, Charters, NextProposalId, ModelStates, account, holds; writes Proposals too.
	fn propose_version() -> Weight {
		Self::counted(8, 6, 0)
	}
	/// Proposals, Models, ModelStates, Charters, Versions, EvaluationJobs; the job.
	fn evaluate() -> Weight {
		Self::counted(ORDER_READS.saturating_add(6), ORDER_WRITES.saturating_add(2), 0)
	}
	/// Proposals, ModelStates, ModelByManifest, who speaks for the model, account, holds, provenance; writes Models, Versions,
	/// Contributions and ProposalByManifest too.
	fn accept_version() -> Weight {
		Self::counted(GOVERNS.saturating_add(PROVENANCE).saturating_add(5), 11, 0)
	}
	/// See `closed`.
	fn reject_version() -> Weight {
		Self::closed()
	}
	/// See `closed`.
	fn withdraw_version() -> Weight {
		Self::closed()
	}
	/// See `closed`.
	fn expire_version() -> Weight {
		Self::closed()
	}
	/// Contributions, ModelStates, Models; the asset and the beneficiary's account and holding of it; the community and the
	/// community of the asset. Four numbers of assets may be tried.
	fn claim_vested() -> Weight {
		Self::counted(14, 8, 1)
	}
	/// Who speaks for the model; Contributions.
	fn dispute() -> Weight {
		Self::counted(GOVERNS.saturating_add(1), 1, 0)
	}
	/// Contributions, ModelStates, provenance.
	fn resolve_dispute() -> Weight {
		Self::counted(PROVENANCE.saturating_add(2), 4, 0)
	}
	/// Who speaks for the model; writes Charters.
	fn set_charter() -> Weight {
		Self::counted(GOVERNS, 1, 0)
	}
	/// Who speaks for the model; DataRoots, provenance.
	fn set_data_root() -> Weight {
		Self::counted(GOVERNS.saturating_add(PROVENANCE), 2, 1)
	}
	/// Who speaks for the model; ModelStates.
	fn open_source() -> Weight {
		Self::counted(GOVERNS.saturating_add(1), 1, 0)
	}
	/// EvaluationJobs, Charters, DataRoots; as `accept_version`.
	fn on_evaluated() -> Weight {
		Self::accept_version().saturating_add(Self::counted(3, 1, 1))
	}
	/// Models, Lineages, ModelStates, and for each ancestor Models, ModelStates, the collection and the item.
	fn revenue() -> Weight {
		Self::counted(ANCESTORS.saturating_mul(4).saturating_add(5), 0, ANCESTORS)
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
	fn register_derived() -> Weight {
		Weight::zero()
	}
	fn propose_version() -> Weight {
		Weight::zero()
	}
	fn evaluate() -> Weight {
		Weight::zero()
	}
	fn accept_version() -> Weight {
		Weight::zero()
	}
	fn reject_version() -> Weight {
		Weight::zero()
	}
	fn withdraw_version() -> Weight {
		Weight::zero()
	}
	fn expire_version() -> Weight {
		Weight::zero()
	}
	fn claim_vested() -> Weight {
		Weight::zero()
	}
	fn dispute() -> Weight {
		Weight::zero()
	}
	fn resolve_dispute() -> Weight {
		Weight::zero()
	}
	fn set_charter() -> Weight {
		Weight::zero()
	}
	fn set_data_root() -> Weight {
		Weight::zero()
	}
	fn open_source() -> Weight {
		Weight::zero()
	}
	fn on_evaluated() -> Weight {
		Weight::zero()
	}
	fn revenue() -> Weight {
		Weight::zero()
	}
}
