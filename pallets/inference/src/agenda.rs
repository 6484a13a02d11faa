//! The agenda: every job that has not ended stands in it once, under the block at which its state ends by itself.
//!
//! Blocks are served in order. What does not fit into a block's share of weight stays where it is, and the cursor with
//! it, so that the next block starts there: nothing is ever skipped or lost.

use autonomy_primitives::JobId;
use frame_support::{
	ensure,
	pallet_prelude::DispatchError,
	traits::Get,
	weights::{Weight, WeightMeter},
};
use sp_runtime::traits::{One, Saturating};

use crate::{
	Agenda, AgendaCursor, Audit, BlockNumberFor, Config, Error, JobOf, JobState, Jobs, JuryPhase, Pallet, Purpose,
	WeightInfo,
};

/// What one step of a job took.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Served {
	/// Slots that a draw looked at.
	pub looks: u32,
	/// Seats that were taken or closed.
	pub seats: u32,
}

impl Served {
	/// A number of seats.
	pub fn count(seats: usize) -> u32 {
		u32::try_from(seats).unwrap_or(u32::MAX)
	}

	/// The same after a draw of so many looks.
	pub fn after(self, looks: u32) -> Self {
		Self { looks: self.looks.saturating_add(looks), ..self }
	}
}

impl<T: Config> Pallet<T> {
	/// Serves what is due, within `AgendaWeight`.
	pub(crate) fn serve_agenda(now: BlockNumberFor<T>) -> Weight {
		let mut meter = WeightMeter::with_limit(T::AgendaWeight::get());
		meter.consume(T::WeightInfo::agenda_base());
		let worst = Self::worst_job();
		let start = AgendaCursor::<T>::get();
		let mut block = start;
		'blocks: while block <= now && meter.try_consume(T::WeightInfo::agenda_block()).is_ok() {
			// Serving removes the entry that was just read and adds entries to later blocks only.
			for job in Agenda::<T>::iter_key_prefix(block) {
				if !meter.can_consume(worst) {
					break 'blocks;
				}
				meter.consume(Self::serve(job, block));
			}
			block = block.saturating_add(One::one());
		}
		if block != start {
			AgendaCursor::<T>::put(block);
		}
		meter.consumed()
	}

	/// Serves one job whose deadline has passed.
	pub(crate) fn do_poke(id: JobId) -> Result<Weight, DispatchError> {
		let due = Jobs::<T>::get(id).ok_or(Error::<T>::UnknownJob)?.state.due();
		ensure!(frame_system::Pallet::<T>::block_number() >= due, Error::<T>::NothingDue);
		Ok(Self::serve(id, due))
	}

	/// Takes the next step of a job that is due. Returns the weight that it took.
	pub(crate) fn serve(id: JobId, entry: BlockNumberFor<T>) -> Weight {
		let job = match Jobs::<T>::get(id) {
			Some(job) if job.state.due() == entry => job,
			_ => {
				frame_support::defensive!("an entry of the agenda without its job");
				Agenda::<T>::remove(entry, id);
				return T::WeightInfo::agenda_job(0);
			}
		};
		// Whoever hears of the end of a job of a character is part of `agenda_job`; any step of a ballot can be its failure.
		let told = match job.purpose {
			Purpose::Plain | Purpose::Character(_) | Purpose::Evaluation => Weight::zero(),
			Purpose::Ballot => T::WeightInfo::ballot_failed(),
		};
		let served = match job.state {
			JobState::Open { .. } => Self::serve_open(id, job),
			// At its deadline a state ends, whatever else is due: a draw that is put off then would go to this very block.
			JobState::Committing { deadline, fill_at } if fill_at == Some(entry) && entry < deadline => {
				Self::serve_fill(id, job)
			}
			JobState::Committing { .. } => Self::serve_no_shows(id, job),
			JobState::Revealing { .. } => Self::serve_unrevealed(id, job),
			JobState::Agreed { audit: Audit::Pending { .. }, .. } => Self::serve_lottery(id, job),
			JobState::Agreed { audit: Audit::Waiting { .. }, .. } => Self::serve_late_auditor(id, job),
			JobState::Agreed { audit: Audit::Closed, .. } => Self::serve_final(id, job),
			JobState::Jury { phase: JuryPhase::Drawing { .. } } => Self::serve_jury_draw(id, job),
			JobState::Jury { phase: JuryPhase::Committing { .. } } => Self::serve_jury_commits(id, job),
			JobState::Jury { phase: JuryPhase::Revealing { .. } } => Self::serve_verdict(id, job),
		};
		T::WeightInfo::agenda_draw(served.looks)
			.saturating_add(T::WeightInfo::agenda_job(served.seats))
			.saturating_add(told)
	}

	/// Puts a job into a new state, and into the agenda under its end.
	pub(crate) fn set_state(id: JobId, job: &mut JobOf<T>, state: JobState<BlockNumberFor<T>>) {
		Agenda::<T>::remove(job.state.due(), id);
		job.state = state;
		Agenda::<T>::insert(state.due(), id, ());
	}
}
