//! What must hold between the storage items at the end of every block.

#![cfg(any(feature = "try-runtime", test))]

use alloc::collections::{BTreeMap, BTreeSet};
use autonomy_primitives::ModelId;
use frame_support::{
	ensure,
	traits::{fungible::InspectHold, Get},
};
use sp_runtime::{traits::Saturating, TryRuntimeError};

use crate::{
	Agenda, AgendaCursor, BalanceOf, Config, HoldReason, JobState, Jobs, Memberships, NextJobId, OpenJobs, OpenSeats,
	OperatorCount, Operators, Pallet, Provenance, SlotAt, SlotCount, WorkerOf,
};

type Sums<T> = BTreeMap<<T as frame_system::Config>::AccountId, BalanceOf<T>>;

fn add<T: Config>(sums: &mut Sums<T>, who: T::AccountId, amount: BalanceOf<T>) {
	let sum = sums.entry(who).or_default();
	*sum = sum.saturating_add(amount);
}

fn ensure_held<T: Config>(reason: HoldReason, sums: Sums<T>) -> Result<(), TryRuntimeError> {
	let reason = reason.into();
	for (who, sum) in sums {
		ensure!(
			T::Currency::balance_on_hold(&reason, &who) == sum,
			"money on hold is not the sum of what it is held for"
		);
	}
	Ok(())
}

impl<T: Config> Pallet<T> {
	pub(crate) fn do_try_state() -> Result<(), TryRuntimeError> {
		Self::try_state_operators()?;
		Self::try_state_slots()?;
		Self::try_state_jobs()
	}

	/// - what an owner has on hold as a bond is its bond and what is unbonding;
	/// - the bond covers the slots, and slots are within bounds;
	/// - workers and operators are a bijection, and no owner works for another.
	fn try_state_operators() -> Result<(), TryRuntimeError> {
		let mut used: BTreeMap<T::AccountId, u32> = BTreeMap::new();
		for (_, owner, membership) in Memberships::<T>::iter() {
			let slots = used.entry(owner).or_default();
			*slots = slots.saturating_add(membership.slots);
		}
		let mut bonds = Sums::<T>::new();
		let mut count = 0usize;
		for (owner, operator) in Operators::<T>::iter() {
			let slots = used.remove(&owner).unwrap_or(0);
			ensure!(operator.slots_used == slots, "slots_used is not the sum over the memberships");
			ensure!(slots <= T::MaxSlotsPerOperator::get(), "an operator has too many slots");
			ensure!(operator.bond >= Self::bond_of_slots(slots), "a bond does not cover its slots");
			ensure!(
				WorkerOf::<T>::get(&operator.worker).as_ref() == Some(&owner),
				"a worker does not lead to its operator"
			);
			ensure!(
				WorkerOf::<T>::get(&owner).is_none_or(|worked_for| worked_for == owner),
				"an owner works for another operator"
			);
			ensure!(operator.withdraw_at.is_some() == (operator.unbonding > 0u32.into()), "unbonding without a block");
			ensure!(
				OpenSeats::<T>::get(&owner).len() == operator.seats as usize,
				"seats is not the count of open seats"
			);
			add::<T>(&mut bonds, owner, operator.bond.saturating_add(operator.unbonding));
			count = count.saturating_add(1);
		}
		ensure!(used.is_empty(), "a membership without an operator");
		ensure!(WorkerOf::<T>::iter().count() == count, "a worker of nobody");
		ensure_held::<T>(HoldReason::Bond, bonds)
	}

	/// - slots are numbered densely;
	/// - each slot is a position of its operator's membership, and the other way round;
	/// - only proved memberships have positions, as many as slots.
	fn try_state_slots() -> Result<(), TryRuntimeError> {
		let mut counts: BTreeMap<ModelId, (u32, u32)> = BTreeMap::new();
		for (model, owner, membership) in Memberships::<T>::iter() {
			let positions: BTreeSet<u32> = membership.positions.iter().copied().collect();
			ensure!(membership.slots > 0, "a membership without slots");
			let expected = if membership.proved { membership.slots as usize } else { 0 };
			ensure!(membership.positions.len() == expected, "positions do not match slots");
			ensure!(positions.len() == expected, "a position twice");
			for position in &positions {
				ensure!(SlotAt::<T>::get(model, position).as_ref() == Some(&owner), "a position is another's slot");
			}
			if membership.proved {
				let (slots, operators) = counts.entry(model).or_default();
				*slots = slots.saturating_add(membership.slots);
				*operators = operators.saturating_add(1);
			}
		}
		let mut slots: BTreeMap<ModelId, u32> = BTreeMap::new();
		for (model, index, _) in SlotAt::<T>::iter() {
			ensure!(index < SlotCount::<T>::get(model), "a slot beyond SlotCount");
			let count = slots.entry(model).or_default();
			*count = count.saturating_add(1);
		}
		for (model, (expected, operators)) in &counts {
			ensure!(SlotCount::<T>::get(model) == *expected, "SlotCount is not the sum of the proved slots");
			ensure!(OperatorCount::<T>::get(model) == *operators, "OperatorCount is not the count of proved operators");
			ensure!(slots.remove(model) == Some(*expected), "slots have a gap");
		}
		ensure!(slots.is_empty(), "slots of a model without operators");
		ensure!(SlotCount::<T>::iter_keys().all(|model| counts.contains_key(&model)), "SlotCount of an empty model");
		ensure!(
			OperatorCount::<T>::iter_keys().all(|model| counts.contains_key(&model)),
			"OperatorCount of an empty model"
		);
		Ok(())
	}

	/// - what a requester has on hold is the sum of its jobs' fees and deposits;
	/// - every job stands in the agenda once, under its deadline, which the agenda has not passed;
	/// - seats are distinct, and each is an open seat of its operator;
	/// - a job's seats, seed, commitments and reveals are those of its state;
	/// - a job that has ended leaves nothing but its provenance.
	fn try_state_jobs() -> Result<(), TryRuntimeError> {
		let (mut fees, mut deposits) = (Sums::<T>::new(), Sums::<T>::new());
		let mut open: BTreeMap<T::AccountId, u32> = BTreeMap::new();
		let mut seats = BTreeSet::new();
		let (next, cursor) = (NextJobId::<T>::get(), AgendaCursor::<T>::get());
		let mut count = 0usize;
		for (id, job) in Jobs::<T>::iter() {
			let due = job.state.due();
			ensure!(id < next, "a job's number is not below NextJobId");
			ensure!(Agenda::<T>::contains_key(due, id), "a job is not in the agenda");
			ensure!(due >= cursor, "the agenda has passed a job's deadline");
			ensure!(!Provenance::<T>::contains_key(id), "a final job is still stored");
			ensure!(job.round <= T::MaxDrawRetries::get(), "a job was drawn too often");
			let committed = job.seats.iter().filter(|seat| seat.commitment.is_some()).count();
			let revealed = job.seats.iter().filter(|seat| seat.revealed.is_some()).count();
			let k = usize::from(job.k);
			let fits = match job.state {
				JobState::Open { .. } => job.seats.is_empty() && job.seed.is_none(),
				JobState::Committing { .. } => job.seats.len() == k && committed < k && revealed == 0,
				JobState::Revealing { .. } => job.seats.len() == k && committed == k && revealed < k,
				JobState::Agreed { .. } => job.seats.len() == k && committed == k && revealed == k,
			};
			ensure!(fits, "a job's seats do not fit its state");
			ensure!(job.seats.is_empty() || job.seed.is_some(), "an assigned job without a seed");
			for seat in &job.seats {
				ensure!(seats.insert((seat.operator.clone(), id)), "an operator twice on a job");
			}
			let jobs = open.entry(job.requester.clone()).or_default();
			*jobs = jobs.saturating_add(1);
			add::<T>(&mut fees, job.requester.clone(), job.fee);
			add::<T>(&mut deposits, job.requester, job.deposit);
			count = count.saturating_add(1);
		}
		ensure!(Agenda::<T>::iter_keys().count() == count, "the agenda has an entry without a job");
		ensure!(OpenJobs::<T>::iter().collect::<BTreeMap<_, _>>() == open, "OpenJobs is not the count of jobs");
		let stored: BTreeSet<_> = OpenSeats::<T>::iter()
			.flat_map(|(operator, jobs)| jobs.into_iter().map(move |job| (operator.clone(), job)))
			.collect();
		ensure!(stored == seats, "open seats are not the seats of the jobs");
		ensure_held::<T>(HoldReason::JobFee, fees)?;
		ensure_held::<T>(HoldReason::JobDeposit, deposits)
	}
}
