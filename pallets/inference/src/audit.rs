//! The audit: one more operator, drawn after everything was revealed, runs an agreed job again.

use autonomy_primitives::{
	digest::{draw_number, is_cid, opening_draw},
	trace::TraceOpening,
	Digest, JobId,
};
use frame_support::{defensive, ensure, pallet_prelude::DispatchResult};
use frame_system::{ensure_signed, pallet_prelude::OriginFor};
use sp_runtime::traits::{Saturating, Zero};

use crate::{
	agenda::Served, maths, Audit, Auditor, BlockNumberFor, Config, DisputeCause, DrawRandomness, Duty, Error, Event,
	FailReason, JobOf, JobState, Jobs, Outcome, Pallet, WorkerOf,
};

/// Number of the draw that decides on an audit. The numbers before it pick operators, of which no draw takes so many.
const LOTTERY: u32 = u32::MAX;

impl<T: Config> Pallet<T> {
	/// Every seat that revealed has the same outcome: the time for challenges begins, and chance decides on an audit. It is
	/// `certain` when a seat is missing. The caller stores the job.
	pub(crate) fn agree(id: JobId, job: &mut JobOf<T>, outcome: Outcome, certain: bool) {
		let final_at = Self::after(job.window);
		let audit = if certain || !job.audit_probability.is_zero() {
			Audit::Pending { draw_at: Self::after(Self::timing().draw_delay), certain }
		} else {
			Audit::Closed
		};
		job.round = job.round.saturating_add(1);
		(job.tries, job.redraws) = (0, 0);
		Self::set_state(id, job, JobState::Agreed { final_at, audit });
		Self::deposit_event(Event::JobAgreed { job: id, result: outcome.result, final_at });
	}

	/// Lets chance decide whether the job is audited, and by whom.
	pub(crate) fn serve_lottery(id: JobId, mut job: JobOf<T>) -> Served {
		let JobState::Agreed { final_at, audit: Audit::Pending { draw_at, certain } } = job.state else {
			defensive!("a lottery without an agreed job");
			return Served::default();
		};
		let Some(random) = T::DrawRandomness::random(id) else { return Self::postpone(id, job, 0) };
		let number = draw_number(&random, id, job.round, LOTTERY);
		if !certain && !maths::is_audited(number, job.audit_probability) {
			Self::close_audit(id, &mut job);
			Jobs::<T>::insert(id, job);
			return Served::default();
		}
		// Chance has decided: only the auditor is still to be found, should this draw not come together.
		job.state = JobState::Agreed { final_at, audit: Audit::Pending { draw_at, certain: true } };
		let (picks, looks) = Self::pick(&random, id, &job, None, 1);
		let Some(pick) = picks.into_iter().next() else { return Self::postpone(id, job, looks) };
		let seat = Self::take_seat(id, &job, pick);
		let deadline = Self::commit_deadline(job.budget);
		Self::deposit_event(Event::AuditDrawn { job: id, operator: seat.operator.clone(), deadline });
		let draw = opening_draw(&random, id, job.round);
		let auditor = Auditor {
			operator: seat.operator,
			cpu_class: seat.cpu_class,
			round: seat.round,
			drawn_at: seat.drawn_at,
			draw,
			found: None,
		};
		job.auditor = Some(auditor);
		job.tries = 0;
		Self::set_state(id, &mut job, JobState::Agreed { final_at, audit: Audit::Waiting { deadline } });
		Jobs::<T>::insert(id, job);
		Served { looks, seats: 1 }
	}

	/// The draw of the auditor that can audit the job now with this outcome, or why not.
	fn check_audit(
		job: &JobOf<T>,
		operator: &T::AccountId,
		outcome: Outcome,
		opening: Option<&TraceOpening>,
	) -> Result<Digest, Error<T>> {
		let JobState::Agreed { audit: Audit::Waiting { deadline }, .. } = job.state else {
			return Err(Error::<T>::NotAudited);
		};
		let auditor = job.auditor.as_ref().filter(|auditor| auditor.operator == *operator);
		let draw = auditor.ok_or(Error::<T>::NotAuditor)?.draw;
		ensure!(frame_system::Pallet::<T>::block_number() < deadline, Error::<T>::DeadlinePassed);
		ensure!(is_cid(&outcome.artifact) || outcome.fault().is_some(), Error::<T>::ArtifactNotCid);
		Self::check_opening(outcome, operator, &draw, opening)?;
		Ok(draw)
	}

	/// Whether `audit` would succeed.
	pub(crate) fn can_audit(
		origin: &OriginFor<T>,
		id: JobId,
		outcome: Outcome,
		opening: Option<&TraceOpening>,
	) -> bool {
		let Ok(who) = ensure_signed(origin.clone()) else { return false };
		let Some(operator) = WorkerOf::<T>::get(who) else { return false };
		Jobs::<T>::get(id).is_some_and(|job| Self::check_audit(&job, &operator, outcome, opening).is_ok())
	}

	pub(crate) fn do_audit(
		operator: T::AccountId,
		id: JobId,
		outcome: Outcome,
		opening: Option<&TraceOpening>,
	) -> DispatchResult {
		let mut job = Jobs::<T>::get(id).ok_or(Error::<T>::UnknownJob)?;
		Self::check_audit(&job, &operator, outcome, opening)?;
		let agrees = job.outcome() == Some(outcome);
		if let Some(auditor) = job.auditor.as_mut() {
			auditor.found = Some(outcome);
		}
		Self::deposit_event(Event::Audited { job: id, operator, result: outcome.result, agrees });
		if agrees {
			Self::close_audit(id, &mut job);
		} else {
			Self::dispute(id, &mut job, DisputeCause::Audit);
		}
		Jobs::<T>::insert(id, job);
		Ok(())
	}

	/// Penalises the auditor that was late, and has another one drawn as often as is allowed.
	pub(crate) fn serve_late_auditor(id: JobId, mut job: JobOf<T>) -> Served {
		let JobState::Agreed { final_at, .. } = job.state else {
			defensive!("an auditor without an agreed job");
			return Served::default();
		};
		let Some(auditor) = job.auditor.take() else {
			defensive!("an audit waits for nobody");
			return Self::skip_audit(id, job);
		};
		Self::miss(id, &mut job, &auditor.operator, Duty::Audit);
		let final_at = Self::resumed(final_at, auditor.drawn_at);
		let may_redraw = Self::may_redraw(&job);
		job.redraws = job.redraws.saturating_add(1);
		job.round = job.round.saturating_add(1);
		let draw_at = Self::after(if may_redraw { Self::timing().draw_delay } else { Zero::zero() });
		let audit = Audit::Pending { draw_at, certain: true };
		Self::set_state(id, &mut job, JobState::Agreed { final_at, audit });
		if !may_redraw {
			let mut served = Self::skip_audit(id, job);
			served.seats = served.seats.saturating_add(1);
			return served;
		}
		Self::deposit_event(Event::RedrawScheduled { job: id, seats: 1, draw_at });
		Jobs::<T>::insert(id, job);
		Served { looks: 0, seats: 1 }
	}

	/// Goes on without the audit that did not come together. When a seat did not reveal either, nobody has confirmed what
	/// is left of the committee, and the job is given up.
	pub(crate) fn skip_audit(id: JobId, mut job: JobOf<T>) -> Served {
		if job.seats.len() < usize::from(job.k) {
			return Self::fail(id, job, FailReason::Expired);
		}
		Self::close_audit(id, &mut job);
		Self::deposit_event(Event::AuditSkipped { job: id });
		Jobs::<T>::insert(id, job);
		Served::default()
	}

	/// Nothing more to wait for but the end of the time for challenges. The caller stores the job.
	fn close_audit(id: JobId, job: &mut JobOf<T>) {
		let JobState::Agreed { final_at, audit } = job.state else {
			defensive!("an audit of a job that is not agreed");
			return;
		};
		let final_at = match (audit, &job.auditor) {
			(Audit::Waiting { .. }, Some(auditor)) => Self::resumed(final_at, auditor.drawn_at),
			_ => final_at,
		};
		let final_at = final_at.max(Self::after(Zero::zero()));
		Self::set_state(id, job, JobState::Agreed { final_at, audit: Audit::Closed });
	}

	/// The end of the time for challenges, which stood still since `drawn_at`.
	fn resumed(final_at: BlockNumberFor<T>, drawn_at: BlockNumberFor<T>) -> BlockNumberFor<T> {
		let now = frame_system::Pallet::<T>::block_number();
		final_at.saturating_add(now.saturating_sub(drawn_at))
	}
}
