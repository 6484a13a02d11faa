//! The committee: its draw, commitments and reveals, and the seats that have to be drawn anew.

use alloc::vec::Vec;
use autonomy_primitives::{
	digest::{self, chain_seed, is_cid, Sealed},
	job::SeedPolicy,
	trace::TraceOpening,
	Digest, JobId,
};
use frame_support::{defensive, ensure, pallet_prelude::DispatchResult};
use frame_system::{ensure_signed, pallet_prelude::OriginFor};
use sp_runtime::traits::{One, Saturating, Zero};

use crate::{
	agenda::Served, draw::Pick, jobs::account_bytes, settlement::SeatEnd, Audit, BlockNumberFor, Config, DisputeCause,
	DrawRandomness, Duty, Error, Event, FailReason, JobOf, JobState, Jobs, Juries, JuryOf, JuryPhase, OperatorOf,
	Operators, Outcome, Pallet, Seat, SeatOf, WorkerOf,
};

/// On which bench of a job an operator sits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Bench {
	/// The committee.
	Committee,
	/// The jury's present panel.
	Jury,
}

/// An operator's seat that can act now: its bench, and its index there.
type Place = (Bench, usize);

fn has_committed<A, B>(seat: &Seat<A, B>) -> bool {
	seat.commitment.is_some()
}

fn has_revealed<A, B>(seat: &Seat<A, B>) -> bool {
	seat.revealed.is_some()
}

impl<T: Config> Pallet<T> {
	// --- draws ---

	/// Draws the committee of an open job.
	pub(crate) fn serve_open(id: JobId, mut job: JobOf<T>) -> Served {
		let Some(random) = T::DrawRandomness::random(id) else { return Self::postpone(id, job, 0) };
		let (picks, looks) = Self::pick(&random, id, &job, None, job.k.into());
		if picks.len() < usize::from(job.k) {
			return Self::postpone(id, job, looks);
		}
		let seed = match job.seed_policy {
			SeedPolicy::User(seed) => seed,
			SeedPolicy::Chain => chain_seed(&random, id),
		};
		job.seed = Some(seed);
		let (operators, deadline) = Self::seat_committee(id, &mut job, picks);
		let seats = Served::count(operators.len());
		Self::deposit_event(Event::JobAssigned { job: id, operators, seed, deadline });
		Jobs::<T>::insert(id, job);
		Served { looks, seats }
	}

	/// Draws operators for the committee's empty seats.
	pub(crate) fn serve_fill(id: JobId, mut job: JobOf<T>) -> Served {
		let Some(random) = T::DrawRandomness::random(id) else { return Self::postpone(id, job, 0) };
		let empty = usize::from(job.k).saturating_sub(job.seats.len());
		let (picks, looks) = Self::pick(&random, id, &job, None, empty);
		if picks.len() < empty {
			return Self::postpone(id, job, looks);
		}
		let (operators, deadline) = Self::seat_committee(id, &mut job, picks);
		let seats = Served::count(operators.len());
		Self::deposit_event(Event::SeatsRedrawn { job: id, operators, deadline });
		Jobs::<T>::insert(id, job);
		Served { looks, seats }
	}

	/// Gives drawn operators their seats on the committee. Returns them and the commit deadline.
	pub(crate) fn seat_committee(
		id: JobId,
		job: &mut JobOf<T>,
		picks: Vec<Pick<T::AccountId>>,
	) -> (Vec<T::AccountId>, BlockNumberFor<T>) {
		let mut operators = Vec::with_capacity(picks.len());
		for pick in picks {
			operators.push(pick.operator.clone());
			let seat = Self::take_seat(id, job, pick);
			if job.seats.try_push(seat).is_err() {
				defensive!("a committee above its bound");
			}
		}
		job.tries = 0;
		let mut deadline = Self::commit_deadline(job.budget);
		if let JobState::Committing { deadline: earlier, .. } = job.state {
			deadline = deadline.max(earlier);
		}
		Self::set_state(id, job, JobState::Committing { deadline, fill_at: None });
		(operators, deadline)
	}

	/// Puts a draw that did not come together off by a block, or gives it up.
	pub(crate) fn postpone(id: JobId, mut job: JobOf<T>, looks: u32) -> Served {
		if job.tries >= Self::timing().draw_retries {
			let given_up = match job.state {
				JobState::Open { .. } => Self::fail(id, job, FailReason::NotEnoughOperators),
				JobState::Jury { .. } => Self::fail(id, job, FailReason::Disputed),
				JobState::Agreed { .. } => Self::skip_audit(id, job),
				JobState::Committing { .. } | JobState::Revealing { .. } => Self::fail(id, job, FailReason::Expired),
			};
			return given_up.after(looks);
		}
		let draw_at = Self::after(Zero::zero());
		let state = match job.state {
			JobState::Open { .. } => JobState::Open { draw_at },
			JobState::Committing { deadline, .. } => JobState::Committing { deadline, fill_at: Some(draw_at) },
			JobState::Agreed { final_at, audit } => {
				let certain = matches!(audit, Audit::Pending { certain: true, .. });
				JobState::Agreed { final_at, audit: Audit::Pending { draw_at, certain } }
			}
			JobState::Jury { .. } => JobState::Jury { phase: JuryPhase::Drawing { draw_at } },
			JobState::Revealing { .. } => {
				defensive!("a job without a draw is put off");
				job.state
			}
		};
		job.round = job.round.saturating_add(1);
		job.tries = job.tries.saturating_add(1);
		Self::set_state(id, &mut job, state);
		Self::deposit_event(Event::DrawPostponed { job: id, round: job.round, draw_at });
		Jobs::<T>::insert(id, job);
		Served { looks, seats: 0 }
	}

	// --- commitments ---

	/// The place of an operator that can commit now, or why not.
	fn check_commit(job: &JobOf<T>, jury: Option<&JuryOf<T>>, operator: &T::AccountId) -> Result<Place, Error<T>> {
		let (bench, deadline) = match job.state {
			JobState::Committing { deadline, .. } => (Bench::Committee, deadline),
			JobState::Jury { phase: JuryPhase::Committing { deadline } } => (Bench::Jury, deadline),
			_ => return Err(Error::<T>::NotCommitting),
		};
		ensure!(frame_system::Pallet::<T>::block_number() < deadline, Error::<T>::DeadlinePassed);
		let (index, seat) = Self::seat_of(bench, job, jury, operator)?;
		ensure!(seat.commitment.is_none(), Error::<T>::AlreadyCommitted);
		Ok((bench, index))
	}

	/// Whether `commit` would succeed.
	pub(crate) fn can_commit(origin: &OriginFor<T>, id: JobId) -> bool {
		let Ok(who) = ensure_signed(origin.clone()) else { return false };
		let Some(operator) = WorkerOf::<T>::get(who) else { return false };
		let Some(job) = Jobs::<T>::get(id) else { return false };
		Self::check_commit(&job, Self::jury_of(id, &job).as_ref(), &operator).is_ok()
	}

	pub(crate) fn do_commit(operator: T::AccountId, id: JobId, hash: Digest) -> DispatchResult {
		let mut job = Jobs::<T>::get(id).ok_or(Error::<T>::UnknownJob)?;
		let mut jury = Self::jury_of(id, &job);
		let (bench, index) = Self::check_commit(&job, jury.as_ref(), &operator)?;
		Self::deposit_event(Event::Committed { job: id, operator });
		match (bench, &mut jury) {
			(Bench::Jury, Some(jury)) => {
				if let Some(seat) = jury.seats.get_mut(index) {
					seat.commitment = Some(hash);
				}
				if jury.seats.iter().skip(jury.first.into()).all(has_committed) {
					Self::open_jury_reveals(id, &mut job);
				}
				Juries::<T>::insert(id, jury);
			}
			_ => {
				if let Some(seat) = job.seats.get_mut(index) {
					seat.commitment = Some(hash);
				}
				if job.seats.len() == usize::from(job.k) && job.seats.iter().all(has_committed) {
					let deadline = Self::after(Self::timing().reveal_period);
					Self::set_state(id, &mut job, JobState::Revealing { deadline });
					Self::deposit_event(Event::RevealOpened { job: id, deadline });
				}
			}
		}
		Jobs::<T>::insert(id, job);
		Ok(())
	}

	/// The index of a seat that can be declined now, or why not.
	fn check_decline(job: &JobOf<T>, operator: &T::AccountId) -> Result<usize, Error<T>> {
		let JobState::Committing { deadline, .. } = job.state else { return Err(Error::<T>::NotCommitting) };
		let now = frame_system::Pallet::<T>::block_number();
		ensure!(now < deadline, Error::<T>::DeadlinePassed);
		let (index, seat) = Self::seat_of(Bench::Committee, job, None, operator)?;
		ensure!(seat.commitment.is_none(), Error::<T>::AlreadyCommitted);
		let last = seat.drawn_at.saturating_add(Self::timing().decline_period);
		ensure!(now <= last && !job.excluded.is_full(), Error::<T>::TooLateToDecline);
		let account = Operators::<T>::get(operator).ok_or(Error::<T>::NotOperator)?;
		ensure!(Self::declines(&account).0 < Self::penalties().decline_quota, Error::<T>::DeclineQuotaUsed);
		Ok(index)
	}

	/// Seats that an operator has declined in the present period, and the block at which that began.
	fn declines(account: &OperatorOf<T>) -> (u32, BlockNumberFor<T>) {
		let now = frame_system::Pallet::<T>::block_number();
		if now >= account.declines_since.saturating_add(Self::penalties().decline_quota_period) {
			(0, now)
		} else {
			(account.declines, account.declines_since)
		}
	}

	/// Whether `decline` would succeed.
	pub(crate) fn can_decline(origin: &OriginFor<T>, id: JobId) -> bool {
		let Ok(who) = ensure_signed(origin.clone()) else { return false };
		let Some(operator) = WorkerOf::<T>::get(who) else { return false };
		Jobs::<T>::get(id).is_some_and(|job| Self::check_decline(&job, &operator).is_ok())
	}

	/// Gives back a seat that has not committed. Free of any penalty, within the quota.
	pub(crate) fn do_decline(operator: T::AccountId, id: JobId) -> DispatchResult {
		let mut job = Jobs::<T>::get(id).ok_or(Error::<T>::UnknownJob)?;
		let index = Self::check_decline(&job, &operator)?;
		let JobState::Committing { deadline, fill_at } = job.state else {
			return Err(Error::<T>::NotCommitting.into());
		};
		Operators::<T>::mutate(&operator, |account| {
			if let Some(account) = account {
				let (declines, since) = Self::declines(account);
				(account.declines, account.declines_since) = (declines.saturating_add(1), since);
			}
		});
		job.excluded.try_push(operator.clone()).map_err(|_| Error::<T>::TooLateToDecline)?;
		job.seats.remove(index);
		Self::close_seat(id, &operator, job.exposure, SeatEnd::Released);
		let draw_at = fill_at.unwrap_or_else(|| Self::after(Self::timing().draw_delay));
		job.round = job.round.saturating_add(1);
		Self::set_state(id, &mut job, JobState::Committing { deadline, fill_at: Some(draw_at) });
		Self::deposit_event(Event::SeatDeclined { job: id, operator, draw_at });
		Jobs::<T>::insert(id, job);
		Ok(())
	}

	/// Takes the seats that did not commit in time away and has them drawn anew.
	pub(crate) fn serve_no_shows(id: JobId, mut job: JobOf<T>) -> Served {
		let closed = Self::evict(id, &mut job, Duty::Commit, has_committed);
		Self::redraw(id, job, closed)
	}

	// --- reveals ---

	/// The place whose commitment these values open now, or why they do not.
	fn check_reveal(
		id: JobId,
		job: &JobOf<T>,
		jury: Option<&JuryOf<T>>,
		operator: &T::AccountId,
		outcome: Outcome,
		salt: [u8; 32],
		opening: Option<&TraceOpening>,
	) -> Result<Place, Error<T>> {
		let (bench, deadline) = match job.state {
			JobState::Revealing { deadline } => (Bench::Committee, deadline),
			JobState::Jury { phase: JuryPhase::Revealing { deadline } } => (Bench::Jury, deadline),
			_ => return Err(Error::<T>::NotRevealing),
		};
		ensure!(frame_system::Pallet::<T>::block_number() < deadline, Error::<T>::DeadlinePassed);
		ensure!(is_cid(&outcome.artifact) || outcome.fault().is_some(), Error::<T>::ArtifactNotCid);
		let (index, seat) = Self::seat_of(bench, job, jury, operator)?;
		ensure!(seat.revealed.is_none(), Error::<T>::AlreadyRevealed);
		let Outcome { result, trace_root, artifact } = outcome;
		let sealed = Sealed { result, trace_root, artifact, salt };
		let hash = digest::commitment(id, seat.round, &account_bytes(operator), &sealed);
		ensure!(seat.commitment == Some(hash), Error::<T>::CommitmentMismatch);
		if let (Bench::Jury, Some(jury)) = (bench, jury) {
			Self::check_opening(outcome, operator, &jury.draw, opening)?;
		}
		Ok((bench, index))
	}

	/// Whether `opening` shows that its sender has run the job: the chunk that chance picked, under the outcome's own trace
	/// root. A fault has no trace.
	pub(crate) fn check_opening(
		outcome: Outcome,
		operator: &T::AccountId,
		draw: &Digest,
		opening: Option<&TraceOpening>,
	) -> Result<(), Error<T>> {
		if outcome.fault().is_some() {
			return Ok(());
		}
		let opening = opening.ok_or(Error::<T>::OpeningMissing)?;
		ensure!(opening.verify(&outcome.trace_root, &account_bytes(operator), draw), Error::<T>::OpeningInvalid);
		Ok(())
	}

	/// Whether `reveal` would succeed.
	pub(crate) fn can_reveal(
		id: JobId,
		operator: &T::AccountId,
		outcome: Outcome,
		salt: [u8; 32],
		opening: Option<&TraceOpening>,
	) -> bool {
		let Some(job) = Jobs::<T>::get(id) else { return false };
		let jury = Self::jury_of(id, &job);
		Self::check_reveal(id, &job, jury.as_ref(), operator, outcome, salt, opening).is_ok()
	}

	pub(crate) fn do_reveal(
		id: JobId,
		operator: T::AccountId,
		outcome: Outcome,
		salt: [u8; 32],
		opening: Option<&TraceOpening>,
	) -> DispatchResult {
		let mut job = Jobs::<T>::get(id).ok_or(Error::<T>::UnknownJob)?;
		let mut jury = Self::jury_of(id, &job);
		let (bench, index) = Self::check_reveal(id, &job, jury.as_ref(), &operator, outcome, salt, opening)?;
		let Outcome { result, trace_root, artifact } = outcome;
		Self::deposit_event(Event::Revealed { job: id, operator, result, trace_root, artifact });
		match (bench, &mut jury) {
			(Bench::Jury, Some(jury)) => {
				if let Some(seat) = jury.seats.get_mut(index) {
					seat.revealed = Some(outcome);
				}
				if jury.seats.iter().skip(jury.first.into()).all(has_revealed) {
					// The next block's agenda finds the verdict, so that no reveal costs more than another.
					let deadline = Self::after(Zero::zero());
					Self::set_state(id, &mut job, JobState::Jury { phase: JuryPhase::Revealing { deadline } });
				}
				Juries::<T>::insert(id, jury);
			}
			_ => {
				if let Some(seat) = job.seats.get_mut(index) {
					seat.revealed = Some(outcome);
				}
				if job.seats.iter().all(has_revealed) {
					Self::compare(id, &mut job, false);
				}
			}
		}
		Jobs::<T>::insert(id, job);
		Ok(())
	}

	/// Compares the reveals of the committee: all of them equal, or a dispute. The caller stores the job.
	fn compare(id: JobId, job: &mut JobOf<T>, audited: bool) {
		let mut outcomes = job.seats.iter().filter_map(|seat| seat.revealed);
		let Some(outcome) = outcomes.next() else {
			defensive!("reveals are compared without any");
			return;
		};
		if outcomes.all(|other| other == outcome) {
			Self::agree(id, job, outcome, audited);
		} else {
			Self::dispute(id, job, DisputeCause::Split);
		}
	}

	/// Goes on with the reveals that came in time. Without any, the committee is drawn anew; with one missing, an audit
	/// takes its place.
	pub(crate) fn serve_unrevealed(id: JobId, mut job: JobOf<T>) -> Served {
		let closed = Self::evict(id, &mut job, Duty::Reveal, has_revealed);
		if job.seats.is_empty() {
			return Self::redraw(id, job, closed);
		}
		Self::compare(id, &mut job, true);
		Jobs::<T>::insert(id, job);
		Served { looks: 0, seats: closed }
	}

	// --- empty seats ---

	/// Penalises the seats that did not do their `duty` and takes them away. Returns how many.
	fn evict(id: JobId, job: &mut JobOf<T>, duty: Duty, has_done: fn(&SeatOf<T>) -> bool) -> u32 {
		let late: Vec<_> = job.seats.iter().filter(|seat| !has_done(seat)).map(|seat| seat.operator.clone()).collect();
		job.seats.retain(has_done);
		for operator in &late {
			Self::miss(id, job, operator, duty);
		}
		Served::count(late.len())
	}

	/// Penalises an operator that missed its `duty`, closes its seat, and turns it away from the job.
	pub(crate) fn miss(id: JobId, job: &mut JobOf<T>, operator: &T::AccountId, duty: Duty) {
		let penalty = Self::penalise(operator, job.exposure, duty);
		Self::close_seat(id, operator, job.exposure, SeatEnd::Missed);
		Self::deposit_event(Event::SeatMissed { job: id, operator: operator.clone(), duty, penalty });
		// Once the list is full no further draw is scheduled, see `may_redraw`.
		let _ = job.excluded.try_push(operator.clone());
	}

	/// Whether seats can be drawn anew once more.
	pub(crate) fn may_redraw(job: &JobOf<T>) -> bool {
		job.redraws < Self::timing().redraws && !job.excluded.is_full()
	}

	/// Has the empty seats of the committee drawn anew, or gives the job up. `closed` seats were closed before.
	fn redraw(id: JobId, mut job: JobOf<T>, closed: u32) -> Served {
		let empty = usize::from(job.k).saturating_sub(job.seats.len());
		if empty > 0 && !Self::may_redraw(&job) {
			let mut served = Self::fail(id, job, FailReason::Expired);
			served.seats = served.seats.saturating_add(closed);
			return served;
		}
		let draw_at = Self::after(Self::timing().draw_delay);
		let deadline = Self::commit_deadline(job.budget).max(draw_at.saturating_add(One::one()));
		job.redraws = job.redraws.saturating_add(1);
		job.round = job.round.saturating_add(1);
		let fill_at = (empty > 0).then_some(draw_at);
		Self::set_state(id, &mut job, JobState::Committing { deadline, fill_at });
		Self::deposit_event(Event::RedrawScheduled { job: id, seats: Served::count(empty), draw_at });
		Jobs::<T>::insert(id, job);
		Served { looks: 0, seats: closed }
	}

	/// An operator's seat on a bench: its index, and the seat.
	fn seat_of<'a>(
		bench: Bench,
		job: &'a JobOf<T>,
		jury: Option<&'a JuryOf<T>>,
		operator: &T::AccountId,
	) -> Result<(usize, &'a SeatOf<T>), Error<T>> {
		let (seats, first) = match (bench, jury) {
			(Bench::Committee, _) => (job.seats.as_slice(), 0),
			(Bench::Jury, Some(jury)) => (jury.seats.as_slice(), usize::from(jury.first)),
			(Bench::Jury, None) => return Err(Error::<T>::NotSeated),
		};
		let found = seats.iter().enumerate().skip(first).find(|(_, seat)| seat.operator == *operator);
		found.ok_or(Error::<T>::NotSeated)
	}

	/// The jury of a job in dispute.
	pub(crate) fn jury_of(id: JobId, job: &JobOf<T>) -> Option<JuryOf<T>> {
		matches!(job.state, JobState::Jury { .. }).then(|| Juries::<T>::get(id)).flatten()
	}
}
