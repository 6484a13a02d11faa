//! Jobs: submission, commitments, reveals, settlement.

use autonomy_primitives::{
	digest::{self, is_cid, Sealed},
	job::{JobInput, Modality, SeedPolicy},
	model::{ModelRegistry, ModelTerms},
	Digest, JobId, ModelId,
};
use codec::Encode;
use frame_support::{
	defensive, ensure,
	pallet_prelude::{DispatchError, DispatchResult},
	storage::with_storage_layer,
	traits::{
		fungible::MutateHold,
		tokens::{Fortitude, Precision, Restriction},
		Get,
	},
	BoundedVec,
};
use frame_system::{ensure_signed, pallet_prelude::OriginFor};
use sp_runtime::{
	traits::{BlakeTwo256, CheckedDiv, CheckedMul, Hash, Saturating, Zero},
	ArithmeticError,
};

use crate::{
	draw::Drawn, Agenda, BalanceOf, Config, Error, Event, FailReason, HoldReason, Job, JobOf, JobState, Jobs,
	NextJobId, OpenJobs, OpenSeats, OperatorCount, Operators, Outcome, Pallet, Provenance, ProvenanceRow, Quote, Seat,
	WorkerOf,
};

/// How a seat ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SeatEnd {
	/// Its operator did the work and was paid.
	Completed,
	/// Its operator committed or revealed nothing.
	Missed,
	/// The job ended for a reason that is not the seat's.
	Released,
}

impl<T: Config> Pallet<T> {
	/// Checks an input against a model and prices it.
	pub(crate) fn do_quote(
		model: ModelId,
		input: &JobInput,
		k: Option<u8>,
	) -> Result<(ModelTerms<BalanceOf<T>>, Quote<BalanceOf<T>>), Error<T>> {
		let terms = T::Models::terms(model).ok_or(Error::<T>::UnknownModel)?;
		ensure!(terms.active, Error::<T>::ModelInactive);
		input.check(terms.modality, &terms.limits)?;
		let k = k.unwrap_or(match terms.modality {
			Modality::Image => T::DefaultImageCommittee::get(),
			Modality::Text => T::DefaultTextCommittee::get(),
		});
		ensure!((T::MinCommittee::get()..=T::MaxCommittee::get()).contains(&k), Error::<T>::CommitteeSizeOutOfRange);
		let units = input.units();
		let fee = terms
			.price_per_unit
			.checked_mul(&units.into())
			.and_then(|seat| seat.checked_mul(&k.into()))
			.ok_or(Error::<T>::FeeOverflow)?;
		let deposit = Self::job_deposit(input, k);
		Ok((terms, Quote { fee, deposit, units, k }))
	}

	/// Storage deposit for the encoded size of the input and `k` seats.
	fn job_deposit(input: &JobInput, k: u8) -> BalanceOf<T> {
		let seat = <Seat<T::AccountId> as codec::MaxEncodedLen>::max_encoded_len();
		let bytes = input.encoded_size().saturating_add(seat.saturating_mul(k.into()));
		let bytes: BalanceOf<T> = u32::try_from(bytes).unwrap_or(u32::MAX).into();
		T::JobDepositBase::get().saturating_add(T::JobDepositPerByte::get().saturating_mul(bytes))
	}

	pub(crate) fn do_submit_job(
		requester: T::AccountId,
		model: ModelId,
		input: JobInput,
		k: Option<u8>,
		seed_policy: SeedPolicy,
		max_fee: BalanceOf<T>,
	) -> Result<JobId, DispatchError> {
		let (terms, Quote { fee, deposit, k, .. }) = Self::do_quote(model, &input, k)?;
		ensure!(fee <= max_fee, Error::<T>::FeeAboveLimit);
		ensure!(OperatorCount::<T>::get(model) >= k.into(), Error::<T>::NotEnoughOperators);
		OpenJobs::<T>::try_mutate(&requester, |open| {
			ensure!(*open < T::MaxOpenJobsPerAccount::get(), Error::<T>::TooManyOpenJobs);
			open.saturating_inc();
			Ok::<_, DispatchError>(())
		})?;
		T::Currency::hold(&HoldReason::JobFee.into(), &requester, fee)?;
		T::Currency::hold(&HoldReason::JobDeposit.into(), &requester, deposit)?;
		let id = NextJobId::<T>::get();
		NextJobId::<T>::put(id.checked_add(1).ok_or(ArithmeticError::Overflow)?);
		let draw_at = Self::after(T::DrawDelay::get());
		let job = Job {
			requester: requester.clone(),
			model,
			input_hash: digest::input_hash(&input),
			input,
			k,
			seed_policy,
			seed: None,
			fee,
			deposit,
			round: 0,
			state: JobState::Open { draw_at },
			seats: BoundedVec::new(),
			submitted_at: frame_system::Pallet::<T>::block_number(),
			weights_root: terms.weights_root,
			engine: terms.engine,
			budget: terms.budget,
		};
		Jobs::<T>::insert(id, job);
		Agenda::<T>::insert(draw_at, id, ());
		Self::deposit_event(Event::JobSubmitted { job: id, requester, model, k, fee, deposit, draw_at });
		Ok(id)
	}

	pub(crate) fn do_cancel_job(who: T::AccountId, id: JobId) -> DispatchResult {
		let job = Jobs::<T>::get(id).ok_or(Error::<T>::UnknownJob)?;
		ensure!(job.requester == who, Error::<T>::NotRequester);
		ensure!(matches!(job.state, JobState::Open { .. }), Error::<T>::NotOpen);
		let refunded = Self::refund(&job);
		Self::remove(id, &job, |_| SeatEnd::Released);
		Self::deposit_event(Event::JobCancelled { job: id, refunded });
		Ok(())
	}

	/// Draws the committee, or puts the draw off, or gives up. Returns the looks at a slot and the seats touched.
	pub(crate) fn serve_open(id: JobId, mut job: JobOf<T>) -> (u32, u32) {
		let (drawn, attempts) = Self::draw(id, &job);
		let Some(drawn) = drawn else {
			if job.round >= T::MaxDrawRetries::get() {
				return (attempts, Self::fail(id, job, FailReason::NotEnoughOperators));
			}
			let draw_at = Self::after(Zero::zero());
			job.round = job.round.saturating_add(1);
			Self::set_state(id, &mut job, JobState::Open { draw_at });
			Self::deposit_event(Event::DrawPostponed { job: id, round: job.round, draw_at });
			Jobs::<T>::insert(id, job);
			return (attempts, 0);
		};
		let seats = Self::assign(id, &mut job, drawn);
		Jobs::<T>::insert(id, job);
		(attempts, seats)
	}

	/// Gives a drawn committee its seats. Returns how many. The caller stores the job.
	pub(crate) fn assign(id: JobId, job: &mut JobOf<T>, drawn: Drawn<T::AccountId>) -> u32 {
		for operator in &drawn.operators {
			let open = OpenSeats::<T>::try_mutate(operator, |open| open.try_push(id));
			let seat = Seat { operator: operator.clone(), commitment: None, revealed: None };
			if open.is_err() || job.seats.try_push(seat).is_err() {
				defensive!("a committee or an operator above its bound");
			}
			Operators::<T>::mutate(operator, |operator| match operator {
				Some(operator) => operator.seats.saturating_inc(),
				None => {
					defensive!("a slot without an operator");
				}
			});
		}
		let deadline = Self::commit_deadline(job.budget);
		job.seed = Some(drawn.seed);
		Self::set_state(id, job, JobState::Committing { deadline });
		let seats = u32::try_from(drawn.operators.len()).unwrap_or(u32::MAX);
		Self::deposit_event(Event::JobAssigned { job: id, operators: drawn.operators, seed: drawn.seed, deadline });
		seats
	}

	/// The seat of an operator that can commit now, or why not.
	fn check_commit(job: &JobOf<T>, operator: &T::AccountId) -> Result<usize, Error<T>> {
		let JobState::Committing { deadline } = job.state else { return Err(Error::<T>::NotCommitting) };
		ensure!(frame_system::Pallet::<T>::block_number() < deadline, Error::<T>::DeadlinePassed);
		let (index, seat) = Self::seat_of(job, operator)?;
		ensure!(seat.commitment.is_none(), Error::<T>::AlreadyCommitted);
		Ok(index)
	}

	/// Whether `commit` would succeed.
	pub(crate) fn can_commit(origin: &OriginFor<T>, id: JobId) -> bool {
		let Ok(who) = ensure_signed(origin.clone()) else { return false };
		let Some(operator) = WorkerOf::<T>::get(who) else { return false };
		Jobs::<T>::get(id).is_some_and(|job| Self::check_commit(&job, &operator).is_ok())
	}

	pub(crate) fn do_commit(operator: T::AccountId, id: JobId, hash: Digest) -> DispatchResult {
		let mut job = Jobs::<T>::get(id).ok_or(Error::<T>::UnknownJob)?;
		let index = Self::check_commit(&job, &operator)?;
		if let Some(seat) = job.seats.get_mut(index) {
			seat.commitment = Some(hash);
		}
		Self::deposit_event(Event::Committed { job: id, operator });
		if job.seats.iter().all(|seat| seat.commitment.is_some()) {
			let deadline = Self::after(T::RevealPeriod::get());
			Self::set_state(id, &mut job, JobState::Revealing { deadline });
			Self::deposit_event(Event::RevealOpened { job: id, deadline });
		}
		Jobs::<T>::insert(id, job);
		Ok(())
	}

	/// The seat whose commitment these values open now, or why they do not.
	fn check_reveal(
		id: JobId,
		job: &JobOf<T>,
		operator: &T::AccountId,
		outcome: Outcome,
		salt: [u8; 32],
	) -> Result<usize, Error<T>> {
		let JobState::Revealing { deadline } = job.state else { return Err(Error::<T>::NotRevealing) };
		ensure!(frame_system::Pallet::<T>::block_number() < deadline, Error::<T>::DeadlinePassed);
		ensure!(is_cid(&outcome.artifact), Error::<T>::ArtifactNotCid);
		let (index, seat) = Self::seat_of(job, operator)?;
		ensure!(seat.revealed.is_none(), Error::<T>::AlreadyRevealed);
		let Outcome { result, trace_root, artifact } = outcome;
		let sealed = Sealed { result, trace_root, artifact, salt };
		let hash = digest::commitment(id, job.round, &account_bytes(operator), &sealed);
		ensure!(seat.commitment == Some(hash), Error::<T>::CommitmentMismatch);
		Ok(index)
	}

	/// Whether `reveal` would succeed.
	pub(crate) fn can_reveal(id: JobId, operator: &T::AccountId, outcome: Outcome, salt: [u8; 32]) -> bool {
		Jobs::<T>::get(id).is_some_and(|job| Self::check_reveal(id, &job, operator, outcome, salt).is_ok())
	}

	/// Returns the seats that it closed: all of them when the last reveal differs.
	pub(crate) fn do_reveal(
		id: JobId,
		operator: T::AccountId,
		outcome: Outcome,
		salt: [u8; 32],
	) -> Result<u32, DispatchError> {
		let mut job = Jobs::<T>::get(id).ok_or(Error::<T>::UnknownJob)?;
		let index = Self::check_reveal(id, &job, &operator, outcome, salt)?;
		if let Some(seat) = job.seats.get_mut(index) {
			seat.revealed = Some(outcome);
		}
		let Outcome { result, trace_root, artifact } = outcome;
		Self::deposit_event(Event::Revealed { job: id, operator, result, trace_root, artifact });
		if job.seats.iter().any(|seat| seat.revealed.is_none()) {
			Jobs::<T>::insert(id, job);
			return Ok(0);
		}
		if job.seats.iter().any(|seat| seat.revealed != Some(outcome)) {
			return Ok(Self::fail(id, job, FailReason::Split));
		}
		let final_at = Self::after(match job.input.modality() {
			Modality::Image => T::ImageWindow::get(),
			Modality::Text => T::TextWindow::get(),
		});
		Self::set_state(id, &mut job, JobState::Agreed { final_at });
		Jobs::<T>::insert(id, job);
		Self::deposit_event(Event::JobAgreed { job: id, result, final_at });
		Ok(0)
	}

	/// Ends a job whose commit or reveal deadline has passed. Returns the seats closed.
	pub(crate) fn serve_missed(id: JobId, job: JobOf<T>) -> u32 {
		let reason = match job.state {
			JobState::Revealing { .. } => FailReason::MissingReveal,
			_ => FailReason::MissingCommit,
		};
		Self::fail(id, job, reason)
	}

	fn fail(id: JobId, job: JobOf<T>, reason: FailReason) -> u32 {
		let refunded = Self::refund(&job);
		let seats = Self::remove(id, &job, |seat| match reason {
			FailReason::MissingCommit if seat.commitment.is_none() => SeatEnd::Missed,
			FailReason::MissingReveal if seat.revealed.is_none() => SeatEnd::Missed,
			_ => SeatEnd::Released,
		});
		Self::deposit_event(Event::JobFailed { job: id, reason, refunded });
		seats
	}

	/// Pays the committee and leaves the provenance row. Returns the seats closed.
	pub(crate) fn serve_final(id: JobId, job: JobOf<T>) -> u32 {
		let outcome = job.seats.first().and_then(|seat| seat.revealed);
		let (Some(outcome), Some(seed)) = (outcome, job.seed) else {
			defensive!("an agreed job without an outcome or a seed");
			return Self::fail(id, job, FailReason::MissingReveal);
		};
		let paid_per_seat = Self::pay(id, &job);
		let seats = Self::remove(id, &job, |_| SeatEnd::Completed);
		let Outcome { result, trace_root, artifact } = outcome;
		let operators = job.seats.into_iter().map(|seat| seat.operator).collect();
		let row = ProvenanceRow {
			model: job.model,
			requester: job.requester,
			engine: job.engine,
			weights_root: job.weights_root,
			input_hash: job.input_hash,
			seed,
			result,
			trace_root,
			artifact,
			k: job.k,
			finalised_at: frame_system::Pallet::<T>::block_number(),
		};
		Provenance::<T>::insert(id, row);
		Self::deposit_event(Event::JobFinalised { job: id, result, artifact, paid_per_seat, operators });
		seats
	}

	/// Pays each seat its part of the fee and gives the rest and the deposit back. Returns a seat's part.
	///
	/// The fee is a multiple of the seats by construction, so nothing is left over unless an account cannot take its pay.
	/// The requester's own freezes do not stop what it owes.
	fn pay(id: JobId, job: &JobOf<T>) -> BalanceOf<T> {
		Self::release(HoldReason::JobDeposit, &job.requester, job.deposit);
		let share = job.fee.checked_div(&job.k.into()).unwrap_or_default();
		let mut rest = job.fee;
		for seat in &job.seats {
			let paid = with_storage_layer(|| {
				T::Currency::transfer_on_hold(
					&HoldReason::JobFee.into(),
					&job.requester,
					&seat.operator,
					share,
					Precision::Exact,
					Restriction::Free,
					Fortitude::Force,
				)
			});
			match paid {
				Ok(paid) => rest = rest.saturating_sub(paid),
				Err(_) => {
					let operator = seat.operator.clone();
					Self::deposit_event(Event::PayReturned { job: id, operator, amount: share });
				}
			}
		}
		Self::release(HoldReason::JobFee, &job.requester, rest);
		share
	}

	/// Gives the requester everything back. The deposit first: it is at least the existential deposit, so an account
	/// without any free balance can take it, and then the fee.
	fn refund(job: &JobOf<T>) -> BalanceOf<T> {
		let deposit = Self::release(HoldReason::JobDeposit, &job.requester, job.deposit);
		let fee = Self::release(HoldReason::JobFee, &job.requester, job.fee);
		deposit.saturating_add(fee)
	}

	fn release(reason: HoldReason, who: &T::AccountId, amount: BalanceOf<T>) -> BalanceOf<T> {
		if amount.is_zero() {
			return amount;
		}
		let released = with_storage_layer(|| T::Currency::release(&reason.into(), who, amount, Precision::Exact));
		released.unwrap_or_else(|error| {
			defensive!("money on hold could not be released", error);
			Zero::zero()
		})
	}

	/// Takes an ended job out of storage and closes its seats. Returns how many.
	fn remove(id: JobId, job: &JobOf<T>, end: impl Fn(&Seat<T::AccountId>) -> SeatEnd) -> u32 {
		Jobs::<T>::remove(id);
		Agenda::<T>::remove(job.state.due(), id);
		OpenJobs::<T>::mutate_exists(&job.requester, |open| {
			*open = open.unwrap_or(0).checked_sub(1).filter(|open| *open > 0);
		});
		for seat in &job.seats {
			OpenSeats::<T>::mutate_exists(&seat.operator, |open| {
				if let Some(jobs) = open {
					jobs.retain(|job| *job != id);
				}
				if open.as_ref().is_some_and(|jobs| jobs.is_empty()) {
					*open = None;
				}
			});
			Operators::<T>::mutate(&seat.operator, |operator| {
				let Some(operator) = operator else {
					defensive!("a seat without an operator");
					return;
				};
				operator.seats = operator.seats.saturating_sub(1);
				match end(seat) {
					SeatEnd::Completed => operator.completed.saturating_inc(),
					SeatEnd::Missed => operator.missed.saturating_inc(),
					SeatEnd::Released => (),
				}
			});
		}
		u32::try_from(job.seats.len()).unwrap_or(u32::MAX)
	}

	fn seat_of<'a>(job: &'a JobOf<T>, operator: &T::AccountId) -> Result<(usize, &'a Seat<T::AccountId>), Error<T>> {
		job.seats.iter().enumerate().find(|(_, seat)| seat.operator == *operator).ok_or(Error::<T>::NotSeated)
	}
}

/// The operator's 32 bytes in a commitment: its account as it is encoded, or the hash of that where accounts are not 32
/// bytes long.
pub(crate) fn account_bytes<AccountId: Encode>(account: &AccountId) -> [u8; 32] {
	account.using_encoded(|bytes| bytes.try_into().unwrap_or_else(|_| BlakeTwo256::hash(bytes).0))
}
