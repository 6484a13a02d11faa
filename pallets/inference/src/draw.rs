//! The draw of committees, auditors and jurors.

use alloc::vec::Vec;
use autonomy_primitives::{digest::draw_number, Digest, JobId};
use frame_support::{defensive, traits::Get};
use sp_runtime::traits::Saturating;

use crate::{
	BalanceOf, BlockNumberFor, Config, CpuClass, JobOf, JuryOf, Memberships, OperatorOf, Operators, Pallet,
	PausedClasses, SlotAt, SlotCount, BUDGET_FACTOR,
};

/// A drawn operator.
pub(crate) struct Pick<AccountId> {
	/// Owner's account.
	pub operator: AccountId,
	/// Processor that it runs on.
	pub cpu_class: CpuClass,
}

impl<T: Config> Pallet<T> {
	/// Draws up to `count` different operators of the job's model, each with a chance in proportion to its slots, in at most
	/// `DrawAttemptsPerSeat × count` looks at a slot. Whoever has or had to do with the job is passed over, as is whoever is
	/// barred from it or has not proved its version of the model. Returns them, and the looks.
	///
	/// The bias of taking a 128-bit number modulo the count of slots is below 2^-96.
	pub(crate) fn pick(
		random: &Digest,
		id: JobId,
		job: &JobOf<T>,
		jury: Option<&JuryOf<T>>,
		count: usize,
	) -> (Vec<Pick<T::AccountId>>, u32) {
		let most = u32::try_from(count).unwrap_or(u32::MAX).saturating_mul(T::DrawAttemptsPerSeat::get());
		Self::pick_within(most, random, id, job, jury, count)
	}

	/// The same in at most so many looks.
	pub(crate) fn pick_within(
		most: u32,
		random: &Digest,
		id: JobId,
		job: &JobOf<T>,
		jury: Option<&JuryOf<T>>,
		count: usize,
	) -> (Vec<Pick<T::AccountId>>, u32) {
		let slots = SlotCount::<T>::get(job.model);
		let mut picks: Vec<Pick<T::AccountId>> = Vec::with_capacity(count);
		for n in 0..most {
			if picks.len() == count {
				return (picks, n);
			}
			let number = draw_number(random, id, job.round, n);
			// Without any slots there is nothing to look at.
			let Some(index) = number.checked_rem(slots.into()) else { return (picks, n) };
			let Some(operator) = u32::try_from(index).ok().and_then(|index| SlotAt::<T>::get(job.model, index)) else {
				defensive!("a gap in the slots");
				return (picks, n);
			};
			if picks.iter().any(|pick| pick.operator == operator) || Self::is_involved(&operator, job, jury) {
				continue;
			}
			if let Some(cpu_class) = Self::available_class(&operator, job) {
				picks.push(Pick { operator, cpu_class });
			}
		}
		(picks, most)
	}

	/// Whether an operator has a part in the job already, had one and lost it, or must not have any.
	pub(crate) fn is_involved(operator: &T::AccountId, job: &JobOf<T>, jury: Option<&JuryOf<T>>) -> bool {
		job.seats.iter().any(|seat| seat.operator == *operator)
			|| job.excluded.contains(operator)
			|| job.barred.as_ref() == Some(operator)
			|| job.auditor.as_ref().is_some_and(|auditor| auditor.operator == *operator)
			|| job.challenge.as_ref().is_some_and(|challenge| challenge.challenger == *operator)
			|| job.requester == *operator
			|| jury.is_some_and(|jury| jury.seats.iter().any(|seat| seat.operator == *operator))
	}

	/// The processor of an operator that can take a seat on the job now.
	fn available_class(operator: &T::AccountId, job: &JobOf<T>) -> Option<CpuClass> {
		let account = Operators::<T>::get(operator)?;
		let challenger = job.challenge.as_ref().map(|challenge| &challenge.challenger);
		let parties = [Some(&job.requester), job.barred.as_ref(), challenger];
		if parties.contains(&Some(&account.worker)) || !Self::can_take(&account, job.exposure) {
			return None;
		}
		let membership = Memberships::<T>::get(job.model, operator)?;
		if !membership.can_do(job.purpose, &job.weights_root) {
			return None;
		}
		(!PausedClasses::<T>::contains_key(job.model, membership.cpu_class)).then_some(membership.cpu_class)
	}

	/// Whether an operator has a hand free, is not suspended, and has bond enough for its slots and one more exposure.
	pub(crate) fn can_take(operator: &OperatorOf<T>, exposure: BalanceOf<T>) -> bool {
		let now = frame_system::Pallet::<T>::block_number();
		operator.seats < T::MaxOpenSeats::get()
			&& operator.suspended_until.is_none_or(|until| now >= until)
			&& operator.bond >= operator.exposed.saturating_add(exposure)
			&& operator.bond >= Self::bond_of_slots(operator.slots_used)
	}

	/// First block at which no commitment is taken any more, for operators drawn now.
	pub(crate) fn commit_deadline(budget: u32) -> BlockNumberFor<T> {
		let work: BlockNumberFor<T> = budget.saturating_mul(BUDGET_FACTOR).into();
		Self::after(work.saturating_add(Self::timing().commit_grace))
	}
}
