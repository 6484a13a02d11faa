//! The draw of a committee.

use alloc::vec::Vec;
use autonomy_primitives::{
	digest::{chain_seed, draw_number},
	job::SeedPolicy,
	Digest, JobId,
};
use frame_support::traits::Get;

use crate::{BlockNumberFor, Config, DrawRandomness, JobOf, OpenSeats, Pallet, SlotAt, SlotCount, BUDGET_FACTOR};

/// A drawn committee.
pub(crate) struct Drawn<AccountId> {
	/// Owners' accounts of the seats, all different.
	pub operators: Vec<AccountId>,
	/// The job's seed.
	pub seed: Digest,
}

impl<T: Config> Pallet<T> {
	/// Draws `k` different operators of the job's model, each with a chance in proportion to its slots, in at most
	/// `DrawAttemptsPerSeat × k` looks at a slot. Returns the committee, if it came together, and the looks.
	pub(crate) fn draw(id: JobId, job: &JobOf<T>) -> (Option<Drawn<T::AccountId>>, u32) {
		let Some(random) = T::DrawRandomness::random(id) else { return (None, 0) };
		let most = u32::from(job.k).saturating_mul(T::DrawAttemptsPerSeat::get());
		let (operators, attempts) = Self::draw_operators(&random, id, job, most);
		let seed = match job.seed_policy {
			SeedPolicy::User(seed) => seed,
			SeedPolicy::Chain => chain_seed(&random, id),
		};
		(operators.map(|operators| Drawn { operators, seed }), attempts)
	}

	/// Looks at `most` slots at most, until `k` different operators are found that have their hands free.
	///
	/// The bias of taking a 128-bit number modulo the count of slots is below 2^-96.
	pub(crate) fn draw_operators(
		random: &Digest,
		id: JobId,
		job: &JobOf<T>,
		most: u32,
	) -> (Option<Vec<T::AccountId>>, u32) {
		let slots = SlotCount::<T>::get(job.model);
		let seats = usize::from(job.k);
		let mut operators = Vec::with_capacity(seats);
		for n in 0..most {
			let number = draw_number(random, id, job.round, n);
			// Without any slots there is nothing to look at.
			let Some(index) = number.checked_rem(slots.into()) else { return (None, n) };
			let Some(operator) = u32::try_from(index).ok().and_then(|index| SlotAt::<T>::get(job.model, index)) else {
				frame_support::defensive!("a gap in the slots");
				return (None, n);
			};
			if operators.contains(&operator) || Self::is_full(&operator) {
				continue;
			}
			operators.push(operator);
			if operators.len() == seats {
				return (Some(operators), n.saturating_add(1));
			}
		}
		(None, most)
	}

	fn is_full(operator: &T::AccountId) -> bool {
		let open = OpenSeats::<T>::decode_len(operator).unwrap_or(0);
		u32::try_from(open).map_or(true, |open| open >= T::MaxOpenSeats::get())
	}

	/// First block at which no commitment is taken any more, for a committee drawn now.
	pub(crate) fn commit_deadline(budget: u32) -> BlockNumberFor<T> {
		use sp_runtime::traits::Saturating;
		let work: BlockNumberFor<T> = budget.saturating_mul(BUDGET_FACTOR).into();
		Self::after(work.saturating_add(T::CommitGrace::get()))
	}
}
