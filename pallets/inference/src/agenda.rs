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

use crate::{Agenda, AgendaCursor, BlockNumberFor, Config, Error, JobOf, JobState, Jobs, Pallet, WeightInfo};

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
			let mut due = Agenda::<T>::iter_key_prefix(block);
			while let Some(job) = due.next() {
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
	fn serve(id: JobId, entry: BlockNumberFor<T>) -> Weight {
		let job = match Jobs::<T>::get(id) {
			Some(job) if job.state.due() == entry => job,
			_ => {
				frame_support::defensive!("an entry of the agenda without its job");
				Agenda::<T>::remove(entry, id);
				return T::WeightInfo::agenda_job(0);
			}
		};
		match job.state {
			JobState::Open { .. } => {
				let (attempts, seats) = Self::serve_open(id, job);
				T::WeightInfo::agenda_draw(attempts).saturating_add(T::WeightInfo::agenda_job(seats))
			}
			JobState::Committing { .. } | JobState::Revealing { .. } => {
				T::WeightInfo::agenda_job(Self::serve_missed(id, job))
			}
			JobState::Agreed { .. } => T::WeightInfo::agenda_job(Self::serve_final(id, job)),
		}
	}

	/// Puts a job into a new state, and into the agenda under its end.
	pub(crate) fn set_state(id: JobId, job: &mut JobOf<T>, state: JobState<BlockNumberFor<T>>) {
		Agenda::<T>::remove(job.state.due(), id);
		job.state = state;
		Agenda::<T>::insert(state.due(), id, ());
	}
}
