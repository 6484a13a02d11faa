//! Weights of the calls and of the agenda.
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
	/// Weight of `register_operator`.
	fn register_operator() -> Weight;
	/// Weight of `set_worker_key`.
	fn set_worker_key() -> Weight;
	/// Weight of `bond_more`.
	fn bond_more() -> Weight;
	/// Weight of `start_unbond`.
	fn start_unbond() -> Weight;
	/// Weight of `withdraw`.
	fn withdraw() -> Weight;
	/// Weight of `join_model`.
	fn join_model() -> Weight;
	/// Weight of `leave_model` with `s` slots.
	fn leave_model(s: u32) -> Weight;
	/// Weight of `prove_engine` with `s` slots.
	fn prove_engine(s: u32) -> Weight;
	/// Weight of `submit_job`.
	fn submit_job() -> Weight;
	/// Weight of `cancel_job`.
	fn cancel_job() -> Weight;
	/// Weight of `commit`.
	fn commit() -> Weight;
	/// Weight of `reveal`.
	fn reveal() -> Weight;
	/// Weight of `poke` without the job that it serves.
	fn poke() -> Weight;
	/// Weight of `decline`.
	fn decline() -> Weight;
	/// Weight of `audit`.
	fn audit() -> Weight;
	/// Weight of `challenge`.
	fn challenge() -> Weight;
	/// Weight of `resolve_engine_fault` with `n` suspects.
	fn resolve_engine_fault(n: u32) -> Weight;
	/// Weight of the agenda in a block without anything due.
	fn agenda_base() -> Weight;
	/// Weight of stepping over one block of the agenda.
	fn agenda_block() -> Weight;
	/// Weight of serving one job with `n` seats, those of its jury included: they are taken, or closed and paid.
	fn agenda_job(n: u32) -> Weight;
	/// Weight of a draw that looks at `a` slots.
	fn agenda_draw(a: u32) -> Weight;
}

/// Execution time of one call without its database access, in picoseconds.
const CALL: u64 = 400 * WEIGHT_REF_TIME_PER_MICROS;
/// Execution time of one step of a loop over slots or seats, in picoseconds.
const STEP: u64 = 80 * WEIGHT_REF_TIME_PER_MICROS;
/// Bytes of proof for one database entry of this pallet, at most.
const ENTRY: u64 = 6 * 1024;

/// Counted weights with the runtime's own database costs.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> SubstrateWeight<T> {
	fn counted(reads: u64, writes: u64, steps: u64) -> Weight {
		let time = CALL.saturating_add(STEP.saturating_mul(steps));
		Weight::from_parts(time, ENTRY.saturating_mul(reads))
			.saturating_add(T::DbWeight::get().reads_writes(reads, writes))
	}
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
	/// Operators of owner and worker, WorkerOf of owner and worker, account, holds; writes Operators, WorkerOf and the
	/// money.
	fn register_operator() -> Weight {
		Self::counted(6, 4, 0)
	}
	/// Operators of owner and worker, WorkerOf of the worker; writes Operators and WorkerOf twice.
	fn set_worker_key() -> Weight {
		Self::counted(4, 3, 0)
	}
	/// Operators and the money.
	fn bond_more() -> Weight {
		Self::counted(3, 3, 0)
	}
	/// Operators.
	fn start_unbond() -> Weight {
		Self::counted(1, 1, 0)
	}
	/// Operators and the money; WorkerOf and OpenSeats when the operator leaves.
	fn withdraw() -> Weight {
		Self::counted(4, 5, 0)
	}
	/// Operators, WorkerOf, the model, Memberships.
	fn join_model() -> Weight {
		Self::counted(5, 2, 0)
	}
	/// Operators, WorkerOf, Memberships, SlotCount, OperatorCount; for each slot the last slot and its holder's
	/// membership.
	fn leave_model(s: u32) -> Weight {
		let s = u64::from(s);
		Self::counted(s.saturating_mul(2).saturating_add(5), s.saturating_mul(3).saturating_add(4), s)
	}
	/// WorkerOf, Memberships, the model, SlotCount, OperatorCount; for each slot one write.
	fn prove_engine(s: u32) -> Weight {
		let s = u64::from(s);
		Self::counted(5, s.saturating_add(3), s)
	}
	/// The model, OperatorCount, OpenJobs, NextJobId and the money; writes Jobs and Agenda too. Two steps for hashing the
	/// longest input.
	fn submit_job() -> Weight {
		Self::counted(7, 6, 2)
	}
	/// Jobs, OpenJobs and the money; writes Agenda too.
	fn cancel_job() -> Weight {
		Self::counted(5, 5, 0)
	}
	/// WorkerOf and Jobs, once more for the check that decides whether the call is free; writes Agenda twice.
	fn commit() -> Weight {
		Self::counted(4, 3, 1)
	}
	/// Jobs and Juries, once more for the check that decides whether the call is free; writes Jobs, Juries and Agenda twice.
	/// Four steps for the hashes of an opening, checked twice.
	fn reveal() -> Weight {
		Self::counted(4, 4, 4)
	}
	/// Jobs.
	fn poke() -> Weight {
		Self::counted(1, 0, 0)
	}
	/// WorkerOf, Jobs and Operators, once more for the check that decides whether the call is free; writes Jobs, Operators,
	/// OpenSeats and Agenda twice.
	fn decline() -> Weight {
		Self::counted(7, 5, 1)
	}
	/// WorkerOf and Jobs, once more for the check that decides whether the call is free; writes Jobs, Juries and Agenda
	/// twice. Four steps for the hashes of an opening, checked twice.
	fn audit() -> Weight {
		Self::counted(4, 4, 4)
	}
	/// Jobs and the money; writes Jobs, Juries and Agenda twice.
	fn challenge() -> Weight {
		Self::counted(3, 6, 1)
	}
	/// EngineFaults and PausedClasses of four classes; for each suspect Operators and the money, and the money of as many
	/// that were right.
	fn resolve_engine_fault(n: u32) -> Weight {
		let n = u64::from(n);
		Self::counted(n.saturating_mul(4).saturating_add(5), n.saturating_mul(4).saturating_add(5), n.saturating_mul(2))
	}
	/// AgendaCursor and the first key of this block.
	fn agenda_base() -> Weight {
		Self::counted(2, 1, 0)
	}
	/// The first key of the block.
	fn agenda_block() -> Weight {
		Self::counted(1, 0, 0)
	}
	/// Jobs, Juries, OpenJobs, the accounts and holds of the requester, the model's owner and a challenger; for each seat
	/// Operators, OpenSeats and the owner's account and holds; writes Agenda twice, Provenance, EngineFaults and
	/// PausedClasses too.
	fn agenda_job(n: u32) -> Weight {
		let seats = u64::from(n).saturating_mul(4);
		Self::counted(seats.saturating_add(13), seats.saturating_add(18), u64::from(n).saturating_mul(2))
	}
	/// SlotCount and the randomness; for each look a slot, its operator, its membership and whether its class is
	/// paused.
	fn agenda_draw(a: u32) -> Weight {
		let looks = u64::from(a);
		Self::counted(looks.saturating_mul(4).saturating_add(2), 0, looks)
	}
}

/// No cost, except for the agenda, whose meter needs one: a job counts as 1,000 units of time, for the mock.
impl WeightInfo for () {
	fn register_operator() -> Weight {
		Weight::zero()
	}
	fn set_worker_key() -> Weight {
		Weight::zero()
	}
	fn bond_more() -> Weight {
		Weight::zero()
	}
	fn start_unbond() -> Weight {
		Weight::zero()
	}
	fn withdraw() -> Weight {
		Weight::zero()
	}
	fn join_model() -> Weight {
		Weight::zero()
	}
	fn leave_model(_: u32) -> Weight {
		Weight::zero()
	}
	fn prove_engine(_: u32) -> Weight {
		Weight::zero()
	}
	fn submit_job() -> Weight {
		Weight::zero()
	}
	fn cancel_job() -> Weight {
		Weight::zero()
	}
	fn commit() -> Weight {
		Weight::zero()
	}
	fn reveal() -> Weight {
		Weight::zero()
	}
	fn poke() -> Weight {
		Weight::zero()
	}
	fn decline() -> Weight {
		Weight::zero()
	}
	fn audit() -> Weight {
		Weight::zero()
	}
	fn challenge() -> Weight {
		Weight::zero()
	}
	fn resolve_engine_fault(_: u32) -> Weight {
		Weight::zero()
	}
	fn agenda_base() -> Weight {
		Weight::from_parts(10, 0)
	}
	fn agenda_block() -> Weight {
		Weight::from_parts(1, 0)
	}
	fn agenda_job(_: u32) -> Weight {
		Weight::from_parts(1_000, 0)
	}
	fn agenda_draw(_: u32) -> Weight {
		Weight::zero()
	}
}
