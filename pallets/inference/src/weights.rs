//! Weights of the calls and of the agenda. A runtime measures its own with `benchmarking`.

use frame_support::weights::Weight;

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
	/// Weight of `submit_job`, and of what other pallets order: for a character, an evaluation or a ballot.
	fn submit_job() -> Weight;
	/// Weight of `cancel_job`, without what governance does when it was a ballot.
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
	/// Weight of `report_evaluation`.
	fn report_evaluation() -> Weight;
	/// Weight of `report_ballot`.
	fn report_ballot() -> Weight;
	/// Weight of telling governance that a ballot failed.
	fn ballot_failed() -> Weight;
	/// Weight of the agenda in a block without anything due.
	fn agenda_base() -> Weight;
	/// Weight of stepping over one block of the agenda.
	fn agenda_block() -> Weight;
	/// Weight of serving one job with `n` seats, those of its jury included: they are taken, or closed and paid.
	fn agenda_job(n: u32) -> Weight;
	/// Weight of a draw that looks at `a` slots.
	fn agenda_draw(a: u32) -> Weight;
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
	fn report_evaluation() -> Weight {
		Weight::zero()
	}
	fn report_ballot() -> Weight {
		Weight::zero()
	}
	fn ballot_failed() -> Weight {
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
