//! What must hold between the storage items at the end of every block.

#![cfg(any(feature = "try-runtime", test))]

use alloc::collections::{BTreeMap, BTreeSet};
use autonomy_primitives::{JobId, ModelId};
use codec::{Encode, MaxEncodedLen};
use frame_support::{
	ensure,
	traits::{fungible::InspectHold, Get},
};
use sp_runtime::{
	traits::{Saturating, Zero},
	TryRuntimeError,
};

use crate::{
	Agenda, AgendaCursor, Audit, BalanceOf, BondedOperators, Config, EngineFaults, HoldReason, JobOf, JobState, Jobs,
	Juries, JuryOf, JuryPhase, Memberships, NextJobId, OpenBallots, OpenEvaluations, OpenJobs, OpenSeats,
	OperatorCount, Operators, Pallet, PausedClasses, Provenance, Purpose, SeatOf, SlotAt, SlotCount, SplitOf, Splits,
	Tier, WorkerOf,
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
		Self::try_state_jobs()?;
		Self::try_state_splits()?;
		Self::try_state_exposures()?;
		Self::try_state_faults()
	}

	/// - what an owner has on hold as a bond is its bond and what is unbonding;
	/// - slots and open seats are within bounds; a bond may be below what the slots take, after a slash;
	/// - workers and operators are a bijection, and no owner works for another;
	/// - operators with a bond are counted.
	fn try_state_operators() -> Result<(), TryRuntimeError> {
		let mut used: BTreeMap<T::AccountId, u32> = BTreeMap::new();
		for (_, owner, membership) in Memberships::<T>::iter() {
			let slots = used.entry(owner).or_default();
			*slots = slots.saturating_add(membership.slots);
		}
		let workers: BTreeMap<_, _> = WorkerOf::<T>::iter().collect();
		let open: BTreeMap<_, _> = OpenSeats::<T>::iter().collect();
		let mut bonds = Sums::<T>::new();
		let (mut count, mut bonded) = (0usize, 0u32);
		for (owner, operator) in Operators::<T>::iter() {
			bonded = bonded.saturating_add(u32::from(!operator.bond.is_zero()));
			let slots = used.remove(&owner).unwrap_or(0);
			ensure!(operator.slots_used == slots, "slots_used is not the sum over the memberships");
			ensure!(slots <= T::MaxSlotsPerOperator::get(), "an operator has too many slots");
			ensure!(operator.seats <= T::MaxOpenSeats::get(), "an operator has too many open seats");
			ensure!(workers.get(&operator.worker) == Some(&owner), "a worker does not lead to its operator");
			ensure!(
				workers.get(&owner).is_none_or(|worked_for| *worked_for == owner),
				"an owner works for another operator"
			);
			ensure!(operator.withdraw_at.is_some() == (operator.unbonding > 0u32.into()), "unbonding without a block");
			let seats = open.get(&owner).map_or(0, |jobs| jobs.len());
			ensure!(seats == operator.seats as usize, "seats is not the count of open seats");
			add::<T>(&mut bonds, owner, operator.bond.saturating_add(operator.unbonding));
			count = count.saturating_add(1);
		}
		ensure!(used.is_empty(), "a membership without an operator");
		ensure!(workers.len() == count, "a worker of nobody");
		ensure!(BondedOperators::<T>::get() == bonded, "BondedOperators is not the count of operators with a bond");
		ensure_held::<T>(HoldReason::Bond, bonds)
	}

	/// - slots are numbered densely: each number below `SlotCount` once;
	/// - each slot is a position of its operator's membership, and the other way round;
	/// - only memberships that have proved a version have positions, as many as slots;
	/// - what was proved before is another version than what was proved last.
	fn try_state_slots() -> Result<(), TryRuntimeError> {
		let mut slots: BTreeMap<(ModelId, u32), T::AccountId> =
			SlotAt::<T>::iter().map(|(model, index, owner)| ((model, index), owner)).collect();
		let mut counts: BTreeMap<ModelId, (u32, u32)> = BTreeMap::new();
		for (model, index) in slots.keys() {
			let (count, _) = counts.entry(*model).or_default();
			ensure!(index == count, "the slots of a model have a gap");
			*count = count.saturating_add(1);
		}
		for (model, owner, membership) in Memberships::<T>::iter() {
			ensure!(membership.slots > 0, "a membership without slots");
			let expected = if membership.proved.is_some() { membership.slots as usize } else { 0 };
			ensure!(membership.positions.len() == expected, "positions do not match slots");
			let before = membership.proved_before;
			ensure!(before.is_none() || before != membership.proved, "a version that was proved twice in a row");
			for position in membership.positions {
				ensure!(slots.remove(&(model, position)).as_ref() == Some(&owner), "a position is another's slot");
			}
			if membership.proved.is_some() {
				let (_, operators) = counts.entry(model).or_default();
				*operators = operators.saturating_add(1);
			}
		}
		ensure!(slots.is_empty(), "a slot that no membership knows");
		let (of_slots, of_operators) = (
			counts.iter().map(|(model, (slots, _))| (*model, *slots)).collect(),
			counts.iter().map(|(model, (_, operators))| (*model, *operators)).collect(),
		);
		ensure!(SlotCount::<T>::iter().collect::<BTreeMap<_, _>>() == of_slots, "SlotCount is not the count of slots");
		ensure!(
			OperatorCount::<T>::iter().collect::<BTreeMap<_, _>>() == of_operators,
			"OperatorCount is not the count of proved operators"
		);
		Ok(())
	}

	/// - what requesters and challengers have on hold is the sum of their jobs' escrows, deposits and bonds;
	/// - every job stands in the agenda once, under its deadline, which the agenda has not passed;
	/// - there is a jury for every job in dispute, and for no other;
	/// - seats, auditor, jury, seed and challenge are those of the job's state;
	/// - a job that has ended leaves nothing but its provenance.
	fn try_state_jobs() -> Result<(), TryRuntimeError> {
		let (mut fees, mut deposits, mut challenges) = (Sums::<T>::new(), Sums::<T>::new(), Sums::<T>::new());
		let mut open: BTreeMap<T::AccountId, u32> = BTreeMap::new();
		let (next, cursor) = (NextJobId::<T>::get(), AgendaCursor::<T>::get());
		let (mut count, mut disputes) = (0usize, 0usize);
		for (id, job) in Jobs::<T>::iter() {
			let due = job.state.due();
			ensure!(id < next, "a job's number is not below NextJobId");
			ensure!(Agenda::<T>::contains_key(due, id), "a job is not in the agenda");
			ensure!(due >= cursor, "the agenda has passed a job's deadline");
			ensure!(!Provenance::<T>::contains_key(id), "a final job is still stored");
			ensure!(job.encoded_size() <= JobOf::<T>::max_encoded_len(), "a job is larger than its bound");
			ensure!((1..=T::MaxCommittee::get()).contains(&job.k), "a committee out of bounds");
			let jury = Juries::<T>::get(id);
			Self::ensure_fits(&job, jury.as_ref())?;
			disputes = disputes.saturating_add(usize::from(jury.is_some()));
			let jobs = open.entry(job.requester.clone()).or_default();
			*jobs = jobs.saturating_add(1);
			add::<T>(&mut fees, job.requester.clone(), job.escrow());
			add::<T>(&mut deposits, job.requester, job.deposit);
			if let Some(challenge) = job.challenge {
				add::<T>(&mut challenges, challenge.challenger, challenge.bond);
			}
			count = count.saturating_add(1);
		}
		ensure!(Agenda::<T>::iter_keys().count() == count, "the agenda has an entry without a job");
		ensure!(Juries::<T>::iter_keys().count() == disputes, "a jury without a job");
		ensure!(OpenJobs::<T>::iter().collect::<BTreeMap<_, _>>() == open, "OpenJobs is not the count of jobs");
		ensure!(
			open.values().all(|jobs| *jobs <= T::MaxOpenJobsPerAccount::get()),
			"a requester has too many open jobs"
		);
		ensure_held::<T>(HoldReason::JobFee, fees)?;
		ensure_held::<T>(HoldReason::JobDeposit, deposits)?;
		ensure_held::<T>(HoldReason::Challenge, challenges)
	}

	/// - every job has a split, and every split a job;
	/// - the split has the job's character, and its rates are within their bounds;
	/// - an evaluation's input is one, and no other job's; the same of ballots;
	/// - a ballot has the tier of ballots, and nobody is barred from another job;
	/// - an evaluation or ballot that nobody has reported is final, and its row says that it is one.
	fn try_state_splits() -> Result<(), TryRuntimeError> {
		let mut count = 0usize;
		for (id, job) in Jobs::<T>::iter() {
			let split = Splits::<T>::get(id).ok_or("a job without a split")?;
			ensure!(split.encoded_size() <= SplitOf::<T>::max_encoded_len(), "a split is larger than its bound");
			ensure!(split.rates == split.rates.clamped(), "a split's rates are out of their bounds");
			let character = split.character.map(|of| of.character);
			let named = match job.purpose {
				Purpose::Character(character) => Some(character),
				Purpose::Plain | Purpose::Evaluation | Purpose::Ballot => None,
			};
			ensure!(character == named, "a split has another character than its job");
			let asked_for = match job.purpose {
				Purpose::Plain | Purpose::Character(_) => Purpose::Plain,
				Purpose::Evaluation | Purpose::Ballot => job.purpose,
			};
			ensure!(Purpose::of(&job.input) == asked_for, "an input does not fit its job's purpose");
			let is_ballot = job.purpose == Purpose::Ballot;
			ensure!(!is_ballot || job.tier == Tier::Ballot, "a ballot of another tier");
			ensure!(is_ballot || job.barred.is_none(), "somebody is barred from a job that is no ballot");
			count = count.saturating_add(1);
		}
		ensure!(Splits::<T>::iter_keys().count() == count, "a split without a job");
		for id in OpenEvaluations::<T>::iter_keys() {
			let row = Provenance::<T>::get(id).ok_or("an open evaluation without a row of provenance")?;
			ensure!(row.purpose == Purpose::Evaluation, "an open evaluation of a job that is none");
		}
		for id in OpenBallots::<T>::iter_keys() {
			let row = Provenance::<T>::get(id).ok_or("an open ballot without a row of provenance")?;
			ensure!(row.purpose == Purpose::Ballot, "an open ballot of a job that is none");
		}
		Ok(())
	}

	/// Whether a job's parts are those of its state.
	fn ensure_fits(job: &JobOf<T>, jury: Option<&JuryOf<T>>) -> Result<(), TryRuntimeError> {
		let count = |has: fn(&SeatOf<T>) -> bool| job.seats.iter().filter(|seat| has(seat)).count();
		let (k, seats) = (usize::from(job.k), job.seats.len());
		let committed = count(|seat| seat.commitment.is_some());
		let revealed = count(|seat| seat.revealed.is_some());
		let all_revealed = (1..=k).contains(&seats) && committed == seats && revealed == seats;
		let found = job.auditor.as_ref().map(|auditor| auditor.found);
		let is_quiet = found.is_none() && job.challenge.is_none();
		let fits = match job.state {
			JobState::Open { .. } => job.seats.is_empty() && is_quiet,
			JobState::Committing { fill_at, .. } => {
				let full = seats == k && committed < k;
				is_quiet && revealed == 0 && if fill_at.is_some() { seats < k } else { full }
			}
			JobState::Revealing { .. } => is_quiet && seats == k && committed == k && revealed < k,
			JobState::Agreed { audit, .. } => {
				let agreed = job.outcome();
				let auditor_fits = match audit {
					Audit::Pending { .. } => found.is_none(),
					Audit::Waiting { .. } => found == Some(None),
					Audit::Closed => found.is_none_or(|found| found == agreed),
				};
				let equal = job.seats.iter().all(|seat| seat.revealed == agreed);
				all_revealed && equal && auditor_fits && job.challenge.is_none()
			}
			JobState::Jury { .. } => all_revealed && found != Some(None),
		};
		ensure!(fits, "a job's parts do not fit its state");
		ensure!(matches!(job.state, JobState::Open { .. }) != job.seed.is_some(), "an assigned job without a seed");
		match (job.state, jury) {
			(JobState::Jury { phase }, Some(jury)) => Self::ensure_jury_fits(phase, jury),
			(JobState::Jury { .. }, None) => Err("a job in dispute without a jury".into()),
			(_, Some(_)) => Err("a jury of a job that is not in dispute".into()),
			_ => Ok(()),
		}
	}

	fn ensure_jury_fits(phase: JuryPhase<crate::BlockNumberFor<T>>, jury: &JuryOf<T>) -> Result<(), TryRuntimeError> {
		ensure!(jury.encoded_size() <= JuryOf::<T>::max_encoded_len(), "a jury is larger than its bound");
		ensure!(matches!(jury.panel, 1 | 2), "a third panel");
		let first = usize::from(jury.first);
		ensure!(first <= jury.seats.len() && (jury.panel == 2 || first == 0), "a panel begins outside of the jury");
		ensure!(jury.drawn <= jury.wanted, "a panel is larger than wanted");
		let (before, panel) = jury.seats.split_at_checked(first).ok_or("a panel outside of the jury")?;
		ensure!(before.iter().all(|seat| seat.revealed.is_some()), "an earlier juror that did not reveal");
		ensure!(panel.len() <= usize::from(jury.drawn), "a panel is larger than it was drawn");
		let committed = panel.iter().filter(|seat| seat.commitment.is_some()).count();
		let revealed = panel.iter().filter(|seat| seat.revealed.is_some()).count();
		let fits = match phase {
			JuryPhase::Drawing { .. } => panel.is_empty() && jury.drawn == 0,
			JuryPhase::Committing { .. } => committed < panel.len() && revealed == 0,
			JuryPhase::Revealing { .. } => !panel.is_empty() && committed == panel.len(),
		};
		ensure!(fits, "a jury does not fit its phase");
		Ok(())
	}

	/// Who has a part in a job: committee, auditor, jurors.
	fn parts(job: &JobOf<T>, jury: Option<&JuryOf<T>>) -> alloc::vec::Vec<T::AccountId> {
		let seats = job.seats.iter().map(|seat| &seat.operator);
		let auditor = job.auditor.iter().map(|auditor| &auditor.operator);
		let jurors = jury.into_iter().flat_map(|jury| &jury.seats).map(|seat| &seat.operator);
		seats.chain(auditor).chain(jurors).cloned().collect()
	}

	/// - nobody has two parts in one job, and each part is an open seat of its operator;
	/// - nobody that a job turned away or that is barred from it has a part in it, nor its requester and challenger;
	/// - what an operator has exposed is the sum over its parts and the faults in which it is a suspect, and is covered by
	///   its bond.
	fn try_state_exposures() -> Result<(), TryRuntimeError> {
		let (mut exposed, mut seats) = (Sums::<T>::new(), BTreeSet::<(T::AccountId, JobId)>::new());
		for (id, job) in Jobs::<T>::iter() {
			for operator in Self::parts(&job, Juries::<T>::get(id).as_ref()) {
				ensure!(operator != job.requester, "a requester has a part in its job");
				ensure!(!job.excluded.contains(&operator), "an operator that was turned away has a part in the job");
				ensure!(job.barred.as_ref() != Some(&operator), "somebody has a part in a job that it is barred from");
				add::<T>(&mut exposed, operator.clone(), job.exposure);
				ensure!(seats.insert((operator, id)), "an operator twice on a job");
			}
		}
		for fault in EngineFaults::<T>::iter_values() {
			for suspect in fault.suspects {
				add::<T>(&mut exposed, suspect, fault.exposure);
			}
		}
		let stored: BTreeSet<_> = OpenSeats::<T>::iter()
			.flat_map(|(operator, jobs)| jobs.into_iter().map(move |job| (operator.clone(), job)))
			.collect();
		ensure!(stored == seats, "open seats are not the parts in the jobs");
		for (owner, operator) in Operators::<T>::iter() {
			let sum = exposed.remove(&owner).unwrap_or_default();
			ensure!(operator.exposed == sum, "exposed is not the sum over seats and faults");
			ensure!(operator.bond >= operator.exposed, "a bond does not cover what is exposed");
		}
		ensure!(exposed.is_empty(), "an exposure without an operator");
		Ok(())
	}

	/// - a fault names suspects and their classes, and none twice;
	/// - a class is paused for as many faults as name it.
	fn try_state_faults() -> Result<(), TryRuntimeError> {
		let mut paused: BTreeMap<_, u32> = BTreeMap::new();
		for (id, fault) in EngineFaults::<T>::iter() {
			ensure!(
				!Jobs::<T>::contains_key(id) && !Provenance::<T>::contains_key(id),
				"a fault of a job that goes on"
			);
			let suspects: BTreeSet<_> = fault.suspects.iter().collect();
			ensure!(suspects.len() == fault.suspects.len() && !suspects.is_empty(), "suspects twice, or none");
			ensure!(!fault.honest.iter().any(|honest| suspects.contains(honest)), "a suspect that was right");
			let classes: BTreeSet<_> = fault.classes.iter().copied().collect();
			ensure!(classes.len() == fault.classes.len() && !classes.is_empty(), "classes twice, or none");
			for class in classes {
				let faults = paused.entry((fault.model, class)).or_default();
				*faults = faults.saturating_add(1);
			}
		}
		let stored: BTreeMap<_, _> =
			PausedClasses::<T>::iter().map(|(model, class, faults)| ((model, class), faults)).collect();
		ensure!(stored == paused, "PausedClasses is not the count of faults");
		Ok(())
	}
}
