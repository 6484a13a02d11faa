//! Disputes: challenges, juries and their verdict.

use alloc::vec::Vec;
use autonomy_primitives::{
	digest::{is_cid, opening_draw},
	Digest, JobId,
};
use frame_support::{
	defensive, ensure,
	pallet_prelude::DispatchResult,
	traits::{fungible::MutateHold, Get},
	BoundedVec,
};
use sp_runtime::traits::{One, Saturating};

use crate::{
	agenda::Served, draw::Pick, maths, Audit, BalanceOf, BlockNumberFor, Challenge, ChallengeTerms, Config,
	DisputeCause, DrawRandomness, Duty, Error, Event, FailReason, HoldReason, JobOf, JobState, Jobs, Juries, Jury,
	JuryOf, JuryPhase, Outcome, Pallet, SeatOf,
};

impl<T: Config> Pallet<T> {
	/// Puts a challenger's bond on hold and has a jury drawn.
	pub(crate) fn do_challenge(challenger: T::AccountId, id: JobId, outcome: Outcome) -> DispatchResult {
		let mut job = Jobs::<T>::get(id).ok_or(Error::<T>::UnknownJob)?;
		let JobState::Agreed { final_at, audit } = job.state else { return Err(Error::<T>::NotAgreed.into()) };
		ensure!(!matches!(audit, Audit::Waiting { .. }), Error::<T>::AuditOpen);
		ensure!(frame_system::Pallet::<T>::block_number() < final_at, Error::<T>::DeadlinePassed);
		ensure!(is_cid(&outcome.artifact) || outcome.fault().is_some(), Error::<T>::ArtifactNotCid);
		ensure!(job.outcome() != Some(outcome), Error::<T>::SameOutcome);
		let bond = Self::challenge_bond(&job);
		T::Currency::hold(&HoldReason::Challenge.into(), &challenger, bond)?;
		Self::deposit_event(Event::Challenged { job: id, challenger: challenger.clone(), outcome, bond });
		job.challenge = Some(Challenge { challenger, bond, outcome });
		Self::dispute(id, &mut job, DisputeCause::Challenge);
		Jobs::<T>::insert(id, job);
		Ok(())
	}

	/// What challenging a job takes now, and until when it can be. Nothing while no challenge is taken.
	pub(crate) fn do_challenge_terms(id: JobId) -> Option<ChallengeTerms<BalanceOf<T>, BlockNumberFor<T>>> {
		let job = Jobs::<T>::get(id)?;
		let JobState::Agreed { final_at, audit } = job.state else { return None };
		let is_open = frame_system::Pallet::<T>::block_number() < final_at && !matches!(audit, Audit::Waiting { .. });
		let last_block = final_at.saturating_sub(One::one());
		is_open.then(|| ChallengeTerms { bond: Self::challenge_bond(&job), last_block })
	}

	/// What challenging a job takes, in planck.
	pub(crate) fn challenge_bond(job: &JobOf<T>) -> BalanceOf<T> {
		let fees = Self::disputes().challenge_bond;
		job.seat_fee.saturating_mul(fees.into()).max(T::JobDepositBase::get())
	}

	/// Has a first panel drawn. The caller stores the job.
	pub(crate) fn dispute(id: JobId, job: &mut JobOf<T>, cause: DisputeCause) {
		let jury = Jury {
			panel: 1,
			draw: Digest::default(),
			wanted: Self::disputes().first_panel,
			drawn: 0,
			seats: BoundedVec::new(),
			first: 0,
		};
		Juries::<T>::insert(id, jury);
		let draw_at = Self::schedule_panel(id, job);
		Self::deposit_event(Event::JobDisputed { job: id, cause, draw_at });
	}

	fn schedule_panel(id: JobId, job: &mut JobOf<T>) -> BlockNumberFor<T> {
		let draw_at = Self::after(Self::timing().draw_delay);
		job.round = job.round.saturating_add(1);
		job.tries = 0;
		Self::set_state(id, job, JobState::Jury { phase: JuryPhase::Drawing { draw_at } });
		draw_at
	}

	/// Draws a panel. Fewer jurors than wanted will do, down to the fewest that can find a verdict.
	pub(crate) fn serve_jury_draw(id: JobId, mut job: JobOf<T>) -> Served {
		let Some(mut jury) = Juries::<T>::get(id) else { return Self::without_jury(id, job) };
		let Some(random) = T::DrawRandomness::random(id) else { return Self::postpone(id, job, 0) };
		let (picks, looks) = Self::pick(&random, id, &job, Some(&jury), jury.wanted.into());
		let least = Self::disputes().least_reveals.min(jury.wanted.into());
		let drawn = Served::count(picks.len());
		if drawn < least {
			return Self::postpone(id, job, looks);
		}
		jury.draw = opening_draw(&random, id, job.round);
		let (operators, deadline) = Self::seat_panel(id, &mut job, &mut jury, picks);
		Self::deposit_event(Event::JuryDrawn { job: id, panel: jury.panel, operators, deadline });
		Juries::<T>::insert(id, jury);
		Jobs::<T>::insert(id, job);
		Served { looks, seats: drawn }
	}

	/// Gives drawn operators their seats on the present panel. Returns them and the commit deadline. The caller stores both.
	pub(crate) fn seat_panel(
		id: JobId,
		job: &mut JobOf<T>,
		jury: &mut JuryOf<T>,
		picks: Vec<Pick<T::AccountId>>,
	) -> (Vec<T::AccountId>, BlockNumberFor<T>) {
		jury.drawn = u8::try_from(picks.len()).unwrap_or(u8::MAX);
		jury.first = u8::try_from(jury.seats.len()).unwrap_or(u8::MAX);
		let mut operators = Vec::with_capacity(picks.len());
		for pick in picks {
			operators.push(pick.operator.clone());
			let seat = Self::take_seat(id, job, pick);
			if jury.seats.try_push(seat).is_err() {
				defensive!("a jury above its bound");
			}
		}
		job.tries = 0;
		let deadline = Self::commit_deadline(job.budget);
		Self::set_state(id, job, JobState::Jury { phase: JuryPhase::Committing { deadline } });
		(operators, deadline)
	}

	/// Opens the panel's reveals. The caller stores the job.
	pub(crate) fn open_jury_reveals(id: JobId, job: &mut JobOf<T>) {
		let deadline = Self::after(Self::timing().reveal_period);
		Self::set_state(id, job, JobState::Jury { phase: JuryPhase::Revealing { deadline } });
		Self::deposit_event(Event::RevealOpened { job: id, deadline });
	}

	/// Goes on with the jurors that committed in time.
	pub(crate) fn serve_jury_commits(id: JobId, mut job: JobOf<T>) -> Served {
		let Some(mut jury) = Juries::<T>::get(id) else { return Self::without_jury(id, job) };
		let closed = Self::dismiss(id, &mut job, &mut jury, Duty::Commit, |seat| seat.commitment.is_some());
		if jury.seats.len() <= usize::from(jury.first) {
			return Self::undecided(id, job, jury, closed);
		}
		Self::open_jury_reveals(id, &mut job);
		Juries::<T>::insert(id, jury);
		Jobs::<T>::insert(id, job);
		Served { looks: 0, seats: closed }
	}

	/// Counts what the panel revealed.
	pub(crate) fn serve_verdict(id: JobId, mut job: JobOf<T>) -> Served {
		let Some(mut jury) = Juries::<T>::get(id) else { return Self::without_jury(id, job) };
		let closed = Self::dismiss(id, &mut job, &mut jury, Duty::Reveal, |seat| seat.revealed.is_some());
		let (mut outcomes, mut counts): (Vec<Outcome>, Vec<u32>) = Default::default();
		for outcome in jury.seats.iter().skip(jury.first.into()).filter_map(|seat| seat.revealed) {
			match outcomes.iter().zip(&mut counts).find(|(other, _)| **other == outcome) {
				Some((_, count)) => *count = count.saturating_add(1),
				None => {
					outcomes.push(outcome);
					counts.push(1);
				}
			}
		}
		// A first panel is small: two thirds of it are within reach of a coalition that is far from a third of all slots.
		let unanimous = jury.panel == 1 || jury.drawn < jury.wanted;
		let least = Self::disputes().least_reveals.min(jury.wanted.into());
		match maths::verdict(&counts, least, unanimous).and_then(|index| outcomes.get(index)) {
			Some(outcome) => {
				let served = Self::conclude(id, job, Some(jury), *outcome);
				Served { seats: served.seats.saturating_add(closed), ..served }
			}
			None => Self::undecided(id, job, jury, closed),
		}
	}

	/// Has a second panel drawn after the first, and gives the job up after the second.
	fn undecided(id: JobId, mut job: JobOf<T>, mut jury: JuryOf<T>, closed: u32) -> Served {
		if jury.panel > 1 {
			Juries::<T>::insert(id, jury);
			let served = Self::fail(id, job, FailReason::Disputed);
			return Served { seats: served.seats.saturating_add(closed), ..served };
		}
		jury.panel = 2;
		jury.wanted = Self::disputes().second_panel;
		jury.drawn = 0;
		jury.first = u8::try_from(jury.seats.len()).unwrap_or(u8::MAX);
		Juries::<T>::insert(id, jury);
		let draw_at = Self::schedule_panel(id, &mut job);
		Self::deposit_event(Event::JuryUndecided { job: id, draw_at });
		Jobs::<T>::insert(id, job);
		Served { looks: 0, seats: closed }
	}

	/// Penalises the panel's jurors that did not do their `duty` and takes them away. Returns how many.
	fn dismiss(
		id: JobId,
		job: &mut JobOf<T>,
		jury: &mut JuryOf<T>,
		duty: Duty,
		has_done: fn(&SeatOf<T>) -> bool,
	) -> u32 {
		let panel = jury.seats.iter().skip(jury.first.into());
		let late: Vec<_> = panel.filter(|seat| !has_done(seat)).map(|seat| seat.operator.clone()).collect();
		jury.seats.retain(|seat| !late.contains(&seat.operator));
		for operator in &late {
			Self::miss(id, job, operator, duty);
		}
		Served::count(late.len())
	}

	fn without_jury(id: JobId, job: JobOf<T>) -> Served {
		defensive!("a job in dispute without its jury");
		Self::fail(id, job, FailReason::Disputed)
	}
}
