//! Money: what a seat puts at stake, what it costs to be late or wrong, and the end of a job.
//!
//! Nothing is minted. A requester's escrow is divided once, when the job ends; a bond shrinks by penalties, which are
//! burned, and by slashes, of which at least half are.

use alloc::vec::Vec;
use autonomy_primitives::{
	ballot::{BallotResults, UsageSink},
	character::Characters,
	evaluation::{Evaluated, EvaluationResults},
	JobId,
};
use frame_support::{
	defensive,
	storage::with_storage_layer,
	traits::{
		fungible::{Balanced, BalancedHold, Credit, MutateHold},
		tokens::{Fortitude, Precision},
		Imbalance,
	},
	BoundedVec,
};
use sp_runtime::traits::{Saturating, Zero};

use crate::{
	agenda::Served, draw::Pick, maths, split::Paid, Agenda, BalanceOf, Config, CpuClass, Duty, EngineFault,
	EngineFaults, Error, Event, FailReason, HoldReason, JobOf, JobState, Jobs, Juries, JuryOf, OpenBallots,
	OpenEvaluations, OpenJobs, OpenSeats, OperatorOf, Operators, Outcome, Pallet, PausedClasses, Provenance,
	ProvenanceRow, Purpose, Seat, SeatOf, Splits, LEAST_OF_CLASS,
};

type CreditOf<T> = Credit<<T as frame_system::Config>::AccountId, <T as Config>::Currency>;

/// How an operator's part in a job ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SeatEnd {
	/// It found what held.
	Completed,
	/// It was late.
	Missed,
	/// Neither: the job or the seat was given up without its fault.
	Released,
	/// It was wrong.
	Slashed,
	/// It was wrong in a way that looks like a fault of the engine: its exposure stays.
	Frozen,
}

/// In which part an operator says what it found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Role {
	Seat,
	Auditor,
	Juror,
}

/// What an operator found.
struct Voice<AccountId> {
	operator: AccountId,
	cpu_class: CpuClass,
	outcome: Outcome,
	role: Role,
}

impl<T: Config> Pallet<T> {
	// --- seats ---

	/// Gives a drawn operator a seat on a job, with its exposure at stake.
	pub(crate) fn take_seat(id: JobId, job: &JobOf<T>, pick: Pick<T::AccountId>) -> SeatOf<T> {
		let Pick { operator, cpu_class } = pick;
		if OpenSeats::<T>::try_mutate(&operator, |open| open.try_push(id)).is_err() {
			defensive!("an operator above its bound");
		}
		Self::mutate_seated(&operator, |account| {
			account.seats.saturating_inc();
			account.exposed = account.exposed.saturating_add(job.exposure);
		});
		let drawn_at = frame_system::Pallet::<T>::block_number();
		Seat { operator, cpu_class, round: job.round, drawn_at, commitment: None, revealed: None }
	}

	/// Ends an operator's part in a job.
	pub(crate) fn close_seat(id: JobId, operator: &T::AccountId, exposure: BalanceOf<T>, end: SeatEnd) {
		OpenSeats::<T>::mutate_exists(operator, |open| {
			if let Some(jobs) = open {
				jobs.retain(|job| *job != id);
			}
			if open.as_ref().is_some_and(|jobs| jobs.is_empty()) {
				*open = None;
			}
		});
		Self::mutate_seated(operator, |account| {
			account.seats = account.seats.saturating_sub(1);
			if end != SeatEnd::Frozen {
				account.exposed = account.exposed.saturating_sub(exposure);
			}
			match end {
				SeatEnd::Completed => {
					account.completed.saturating_inc();
					account.record = account.record.push(false);
					if account.record.is_clean() {
						account.suspensions = 0;
					}
				}
				SeatEnd::Missed => {
					account.missed.saturating_inc();
					account.record = account.record.push(true);
					if account.record.is_bad() {
						Self::suspend(operator, account);
					}
				}
				SeatEnd::Slashed => Self::suspend(operator, account),
				SeatEnd::Released | SeatEnd::Frozen => (),
			}
		});
	}

	/// Keeps an operator out of every draw for a while, longer each time, and begins its record anew.
	fn suspend(operator: &T::AccountId, account: &mut OperatorOf<T>) {
		let period = maths::cool_down(Self::penalties().suspension, account.suspensions);
		let until = Self::after(period);
		account.suspensions.saturating_inc();
		account.suspended_until = Some(until);
		account.record = Default::default();
		Self::deposit_event(Event::OperatorSuspended { operator: operator.clone(), until });
	}

	fn mutate_seated(operator: &T::AccountId, change: impl FnOnce(&mut OperatorOf<T>)) {
		Operators::<T>::mutate(operator, |account| match account {
			Some(account) => {
				let before = !account.bond.is_zero();
				change(account);
				Self::count_bonded(before, !account.bond.is_zero());
			}
			None => {
				defensive!("a seat without an operator");
			}
		});
	}

	/// Burns what missing a duty costs, at most the exposure. Returns it. The caller closes the seat.
	pub(crate) fn penalise(operator: &T::AccountId, exposure: BalanceOf<T>, duty: Duty) -> BalanceOf<T> {
		let penalties = Self::penalties();
		let mut burned = Zero::zero();
		Self::mutate_seated(operator, |account| {
			let penalty = match duty {
				Duty::Commit | Duty::Audit => {
					maths::no_show_penalty(exposure, penalties.no_show, account.record.streak())
				}
				Duty::Reveal => penalties.no_reveal.mul_floor(exposure),
			};
			burned = Self::burn(HoldReason::Bond, operator, penalty.min(account.bond));
			account.bond = account.bond.saturating_sub(burned);
		});
		burned
	}

	// --- the end of a job ---

	/// Ends an agreed job that nobody has put in doubt.
	pub(crate) fn serve_final(id: JobId, job: JobOf<T>) -> Served {
		match job.outcome() {
			Some(outcome) => Self::conclude(id, job, None, outcome),
			None => {
				defensive!("an agreed job without an outcome");
				Self::fail(id, job, FailReason::Expired)
			}
		}
	}

	/// What each operator found, in the order seats, auditor, jurors.
	fn voices(job: &JobOf<T>, jury: Option<&JuryOf<T>>) -> Vec<Voice<T::AccountId>> {
		let voice = |seat: &SeatOf<T>, role| {
			let (operator, cpu_class) = (seat.operator.clone(), seat.cpu_class);
			seat.revealed.map(|outcome| Voice { operator, cpu_class, outcome, role })
		};
		let seats = job.seats.iter().filter_map(|seat| voice(seat, Role::Seat));
		let auditor = job.auditor.iter().filter_map(|auditor| {
			let (operator, cpu_class) = (auditor.operator.clone(), auditor.cpu_class);
			auditor.found.map(|outcome| Voice { operator, cpu_class, outcome, role: Role::Auditor })
		});
		let jurors = jury.into_iter().flat_map(|jury| &jury.seats).filter_map(|seat| voice(seat, Role::Juror));
		seats.chain(auditor).chain(jurors).collect()
	}

	/// Ends a job whose outcome is certain: whoever was wrong is slashed, the challenge is settled, the seats that were
	/// right are paid, and the rest of the escrow goes back.
	pub(crate) fn conclude(id: JobId, job: JobOf<T>, jury: Option<JuryOf<T>>, outcome: Outcome) -> Served {
		let voices = Self::voices(&job, jury.as_ref());
		let (right, others): (Vec<_>, Vec<_>) = voices.iter().partition(|voice| voice.outcome == outcome);
		let reveals = voices.iter().map(|voice| (voice.cpu_class, voice.outcome));
		let diverges =
			|voice: &&Voice<T::AccountId>| maths::diverges(&voice.cpu_class, reveals.clone(), &outcome, LEAST_OF_CLASS);
		let (suspects, wrong): (Vec<_>, Vec<_>) = others.into_iter().partition(diverges);

		let honest: Vec<_> =
			right.iter().filter(|voice| voice.role != Role::Auditor).map(|voice| &voice.operator).collect();
		let auditor = right.iter().find(|voice| voice.role == Role::Auditor).map(|voice| &voice.operator);
		let accuser = match &job.challenge {
			Some(challenge) => (challenge.outcome == outcome).then_some(&challenge.challenger),
			None => auditor,
		};
		let slashed: Vec<_> = wrong.iter().map(|voice| &voice.operator).collect();
		Self::slash(id, &slashed, job.exposure, &honest, accuser);

		let jurors: Vec<_> =
			right.iter().filter(|voice| voice.role == Role::Juror).map(|voice| &voice.operator).collect();
		let backed = |claim| suspects.iter().any(|voice| voice.outcome == claim);
		let won = job.challenge.as_ref().is_some_and(|c| c.outcome == outcome || backed(c.outcome));
		Self::settle_challenge(id, &job, won, &jurors);

		for voice in &voices {
			let is_one_of = |group: &[&Voice<T::AccountId>]| group.iter().any(|other| other.operator == voice.operator);
			let end = match () {
				() if is_one_of(&suspects) => SeatEnd::Frozen,
				() if is_one_of(&wrong) => SeatEnd::Slashed,
				() => SeatEnd::Completed,
			};
			Self::close_seat(id, &voice.operator, job.exposure, end);
		}
		let closed = Served { looks: 0, seats: Served::count(voices.len()) };

		if !suspects.is_empty() {
			Self::freeze(id, &job, &suspects, &honest, accuser);
			let refunded = Self::refund(&job);
			Self::remove(id, &job);
			Self::failed(id, &job, FailReason::EngineFault, Zero::zero(), refunded);
			return closed;
		}
		let seats: Vec<_> =
			right.iter().filter(|voice| voice.role == Role::Seat).map(|voice| voice.operator.clone()).collect();
		let Paid { per_seat, payments, burned, spent, refunded, community } =
			Self::pay(id, &job, &outcome, &seats, auditor);
		Self::remove(id, &job);
		if let Some(code) = outcome.fault() {
			Self::deposit_event(Event::InputFaultPaid {
				job: id,
				operators: seats,
				paid_per_seat: per_seat,
				payments,
				burned,
			});
			Self::failed(id, &job, FailReason::InputFault(code), per_seat, refunded);
			return closed;
		}
		let Outcome { result, trace_root, artifact } = outcome;
		Self::deposit_event(Event::JobFinalised {
			job: id,
			result,
			artifact,
			operators: seats,
			paid_per_seat: per_seat,
			payments,
			burned,
			refunded,
		});
		let row = ProvenanceRow {
			model: job.model,
			requester: job.requester.clone(),
			purpose: job.purpose,
			modality: job.input.modality(),
			engine: job.engine,
			weights_root: job.weights_root,
			input_hash: job.input_hash,
			seed: job.seed.unwrap_or_default(),
			result,
			trace_root,
			artifact,
			k: u8::try_from(right.len()).unwrap_or(u8::MAX),
			finalised_at: frame_system::Pallet::<T>::block_number(),
		};
		Provenance::<T>::insert(id, row);
		match job.purpose {
			Purpose::Plain => (),
			Purpose::Character(character) => {
				T::Characters::on_job_final(id, character, &job.requester, spent, &result);
				if let Some(community) = community.filter(|_| !burned.is_zero()) {
					T::Usage::on_burned(community, burned);
				}
			}
			Purpose::Evaluation => OpenEvaluations::<T>::insert(id, ()),
			Purpose::Ballot => OpenBallots::<T>::insert(id, ()),
		}
		closed
	}

	/// Ends a job without a result. Nobody is blamed, and the requester and a challenger have everything back.
	pub(crate) fn fail(id: JobId, job: JobOf<T>, reason: FailReason) -> Served {
		if let Some(challenge) = &job.challenge {
			Self::release(HoldReason::Challenge, &challenge.challenger, challenge.bond);
		}
		let refunded = Self::refund(&job);
		let jury = Self::jury_of(id, &job);
		let jurors = jury.iter().flat_map(|jury| &jury.seats).map(|seat| &seat.operator);
		let auditor = job.auditor.iter().map(|auditor| &auditor.operator);
		let mut seats = 0u32;
		for operator in job.seats.iter().map(|seat| &seat.operator).chain(auditor).chain(jurors) {
			Self::close_seat(id, operator, job.exposure, SeatEnd::Released);
			seats = seats.saturating_add(1);
		}
		Self::remove(id, &job);
		Self::failed(id, &job, reason, Zero::zero(), refunded);
		Served { looks: 0, seats }
	}

	fn failed(id: JobId, job: &JobOf<T>, reason: FailReason, paid_per_seat: BalanceOf<T>, refunded: BalanceOf<T>) {
		Self::deposit_event(Event::JobFailed { job: id, reason, paid_per_seat, refunded });
		Self::tell_failed(id, job.purpose);
	}

	/// Tells whoever a job was done for that it will never have a result.
	pub(crate) fn tell_failed(id: JobId, purpose: Purpose) {
		match purpose {
			Purpose::Plain => (),
			Purpose::Character(character) => T::Characters::on_job_failed(id, character),
			Purpose::Evaluation => T::EvaluationResults::on_evaluated(id, Evaluated::Failed),
			Purpose::Ballot => T::BallotResults::on_ballot(id, None),
		}
	}

	/// Takes an ended job out of storage.
	pub(crate) fn remove(id: JobId, job: &JobOf<T>) {
		Jobs::<T>::remove(id);
		Splits::<T>::remove(id);
		Agenda::<T>::remove(job.state.due(), id);
		if matches!(job.state, JobState::Jury { .. }) {
			Juries::<T>::remove(id);
		}
		OpenJobs::<T>::mutate_exists(&job.requester, |open| {
			*open = open.unwrap_or(0).checked_sub(1).filter(|open| *open > 0);
		});
	}

	// --- the escrow ---

	/// Gives the requester everything back. The deposit first: it is at least the existential deposit, so an account
	/// without any free balance can take it, and then the fee.
	pub(crate) fn refund(job: &JobOf<T>) -> BalanceOf<T> {
		let deposit = Self::release(HoldReason::JobDeposit, &job.requester, job.deposit);
		deposit.saturating_add(Self::release(HoldReason::JobFee, &job.requester, job.escrow()))
	}

	pub(crate) fn release(reason: HoldReason, who: &T::AccountId, amount: BalanceOf<T>) -> BalanceOf<T> {
		if amount.is_zero() {
			return amount;
		}
		let released = with_storage_layer(|| T::Currency::release(&reason.into(), who, amount, Precision::Exact));
		released.unwrap_or_else(|error| {
			defensive!("money on hold could not be released", error);
			Zero::zero()
		})
	}

	pub(crate) fn burn(reason: HoldReason, who: &T::AccountId, amount: BalanceOf<T>) -> BalanceOf<T> {
		if amount.is_zero() {
			return amount;
		}
		let burned = with_storage_layer(|| {
			T::Currency::burn_held(&reason.into(), who, amount, Precision::Exact, Fortitude::Force)
		});
		burned.unwrap_or_else(|error| {
			defensive!("money on hold could not be burned", error);
			Zero::zero()
		})
	}

	// --- slashes ---

	/// Takes the exposure of each operator that was wrong, and divides it between those that were right and whoever found
	/// it out. What nobody takes is burned. The caller closes the seats.
	fn slash(
		id: JobId,
		wrong: &[&T::AccountId],
		exposure: BalanceOf<T>,
		honest: &[&T::AccountId],
		accuser: Option<&T::AccountId>,
	) {
		if wrong.is_empty() {
			return;
		}
		let mut pot = CreditOf::<T>::zero();
		for operator in wrong {
			let (credit, missing) = T::Currency::slash(&HoldReason::Bond.into(), operator, exposure);
			if !missing.is_zero() {
				defensive!("a bond does not cover an exposure");
			}
			let amount = credit.peek();
			pot.subsume(credit);
			Self::mutate_seated(operator, |account| account.bond = account.bond.saturating_sub(amount));
			Self::deposit_event(Event::Slashed { job: id, operator: (*operator).clone(), amount });
		}
		let shares = maths::slash_shares(pot.peek(), Served::count(honest.len()), accuser.is_some());
		for operator in honest {
			Self::give(&mut pot, operator, shares.each_honest);
		}
		if let Some(accuser) = accuser {
			Self::give(&mut pot, accuser, shares.challenger);
		}
		Self::deposit_event(Event::SlashShared {
			job: id,
			each_honest: shares.each_honest,
			accuser: accuser.cloned(),
			reward: shares.challenger,
			burned: pot.peek(),
		});
	}

	/// Gives somebody a part of a pot, unless the account cannot take it.
	fn give(pot: &mut CreditOf<T>, who: &T::AccountId, amount: BalanceOf<T>) {
		if let Err(part) = T::Currency::resolve(who, pot.extract(amount)) {
			pot.subsume(part);
		}
	}

	/// Gives the challenger's bond back when it was right, else to the jurors that were, in equal parts; what rounding
	/// leaves is burned.
	fn settle_challenge(id: JobId, job: &JobOf<T>, won: bool, jurors: &[&T::AccountId]) {
		let Some(challenge) = &job.challenge else { return };
		let (challenger, bond) = (&challenge.challenger, challenge.bond);
		let (mut each_juror, mut burned) = (Zero::zero(), Zero::zero());
		if won {
			Self::release(HoldReason::Challenge, challenger, bond);
		} else {
			let (mut pot, _) = T::Currency::slash(&HoldReason::Challenge.into(), challenger, bond);
			let count: BalanceOf<T> = Served::count(jurors.len()).max(1).into();
			each_juror = pot.peek() / count;
			for juror in jurors {
				Self::give(&mut pot, juror, each_juror);
			}
			burned = pot.peek();
		}
		let challenger = challenger.clone();
		Self::deposit_event(Event::ChallengeEnded { job: id, challenger, won, bond, each_juror, burned });
	}

	// --- faults of the engine ---

	/// Keeps the suspects' exposure and their classes of processors out of the model's draws until somebody has looked.
	fn freeze(
		id: JobId,
		job: &JobOf<T>,
		suspects: &[&Voice<T::AccountId>],
		honest: &[&T::AccountId],
		accuser: Option<&T::AccountId>,
	) {
		let mut classes: Vec<_> = suspects.iter().map(|voice| voice.cpu_class).collect();
		classes.sort_unstable();
		classes.dedup();
		for class in &classes {
			PausedClasses::<T>::mutate(job.model, class, |count| count.saturating_inc());
		}
		let classes = BoundedVec::truncate_from(classes);
		let suspects = BoundedVec::truncate_from(suspects.iter().map(|voice| voice.operator.clone()).collect());
		let honest = BoundedVec::truncate_from(honest.iter().map(|operator| (*operator).clone()).collect());
		Self::deposit_event(Event::EngineFaultFound {
			job: id,
			model: job.model,
			classes: classes.to_vec(),
			suspects: suspects.to_vec(),
		});
		let fault = EngineFault {
			model: job.model,
			classes,
			exposure: job.exposure,
			suspects,
			honest,
			accuser: accuser.cloned(),
		};
		EngineFaults::<T>::insert(id, fault);
	}

	/// Returns how many suspects there were.
	pub(crate) fn do_resolve_engine_fault(id: JobId, guilty: bool) -> Result<u32, Error<T>> {
		let fault = EngineFaults::<T>::take(id).ok_or(Error::<T>::NoEngineFault)?;
		for class in &fault.classes {
			PausedClasses::<T>::mutate_exists(fault.model, class, |count| {
				*count = count.unwrap_or(0).checked_sub(1).filter(|count| *count > 0);
			});
		}
		let suspects: Vec<_> = fault.suspects.iter().collect();
		if guilty {
			let honest: Vec<_> = fault.honest.iter().collect();
			Self::slash(id, &suspects, fault.exposure, &honest, fault.accuser.as_ref());
		}
		for operator in &suspects {
			Self::mutate_seated(operator, |account| {
				account.exposed = account.exposed.saturating_sub(fault.exposure);
				if guilty {
					Self::suspend(operator, account);
				}
			});
		}
		Self::deposit_event(Event::EngineFaultResolved { job: id, guilty });
		Ok(Served::count(suspects.len()))
	}
}
