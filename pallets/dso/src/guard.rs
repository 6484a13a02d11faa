//! The guard: it stops, for a while, and does nothing else.

use alloc::vec::Vec;
use autonomy_governance::Phase;
use autonomy_primitives::community::{Day, PowerSource as _, X_COMMUNITY};
use frame_support::{ensure, pallet_prelude::DispatchResult};

use crate::{
	origins::Scope,
	types::{Moment, Outcome, Pause, ProposalId, Stage, Status, Suspension},
	Config, CurrentPhase, Error, Event, Pallet, Pauses, ProposalOf,
};

/// Days after which what the guard has stopped goes on.
pub const GUARD_DAYS: Day = 14;

impl<T: Config> Pallet<T> {
	pub(crate) fn do_cancel(id: ProposalId, reason: [u8; 32], is_spam: bool) -> DispatchResult {
		// What was executed may still wait for the holders; the proposal itself may be gone by then.
		if Self::cancel_motion(id) {
			Self::deposit_event(Event::Cancelled { proposal: id, reason, is_spam: false });
			return Ok(());
		}
		let proposal = Self::known_proposal(id)?;
		let is_over = matches!(Self::stage_of(&proposal), Stage::Ended(_));
		ensure!(!is_over, Error::<T>::ProposalOver);
		Self::deposit_event(Event::Cancelled { proposal: id, reason, is_spam });
		Self::end(id, proposal, Outcome::Cancelled, is_spam)
	}

	/// A scope and those that stop all that it stops: as long as one of these has to rest, so has it.
	fn rests_with(scope: Scope) -> [Scope; 3] {
		match scope {
			Scope::All => [Scope::All; 3],
			Scope::Community(_) => [Scope::All, scope, scope],
			Scope::Track(_) => [Scope::All, Scope::Community(X_COMMUNITY), scope],
		}
	}

	pub(crate) fn do_pause(scope: Scope, reason: [u8; 32]) -> DispatchResult {
		let now = Self::now();
		for before in Self::rests_with(scope).into_iter().filter_map(Pauses::<T>::get) {
			// As long a time without a pause as with one: it cannot be made to last, neither under another name.
			let rest = before.until.saturating_add(before.until.saturating_sub(before.since));
			ensure!(now >= rest, Error::<T>::PausedLately);
		}
		let pause = Pause { since: now, until: now.saturating_add(Self::days(GUARD_DAYS)), reason };
		Pauses::<T>::insert(scope, pause);
		Self::deposit_event(Event::PauseSet { scope, pause });
		Ok(())
	}

	pub(crate) fn do_lift_pause(scope: Scope) -> DispatchResult {
		let now = Self::now();
		let mut pause = Pauses::<T>::get(scope).filter(|pause| now < pause.until).ok_or(Error::<T>::NotPaused)?;
		// It stays on record, so that it cannot be set anew at once.
		pause.until = now;
		Pauses::<T>::insert(scope, pause);
		Self::deposit_event(Event::PauseLifted { scope });
		Ok(())
	}

	/// The pauses that concern a proposal.
	fn pauses_of(proposal: &ProposalOf<T>) -> impl Iterator<Item = Pause> {
		let track = proposal.track.map(Scope::Track);
		let scopes = [Some(Scope::All), track, Some(Scope::Community(proposal.community))];
		scopes.into_iter().flatten().filter_map(Pauses::<T>::get)
	}

	/// Whether the execution of a proposal is stopped now.
	pub(crate) fn is_paused(proposal: &ProposalOf<T>) -> bool {
		let now = Self::now();
		Self::pauses_of(proposal).any(|pause| now < pause.until)
	}

	/// The block in which an approved proposal lapses. Pauses do not use up its time, however they follow each other.
	pub(crate) fn expiry(proposal: &ProposalOf<T>) -> Moment {
		let Status::Approved { from, expires } = proposal.status else { return Moment::MAX };
		let mut pauses: Vec<Pause> = Self::pauses_of(proposal).collect();
		pauses.sort_by_key(|pause| pause.since);
		let (_, expiry) = pauses.into_iter().fold((from, expires), |(counted, expiry), pause| {
			let since = pause.since.max(counted);
			if since >= expiry || since >= pause.until {
				return (counted, expiry);
			}
			(pause.until, expiry.saturating_add(pause.until.saturating_sub(since)))
		});
		expiry
	}

	/// Sets the phase back for a while.
	pub(crate) fn suspend_phase(to: Phase) -> DispatchResult {
		let mut info = CurrentPhase::<T>::get();
		ensure!(to < info.reached, Error::<T>::NotLower);
		let today = T::Power::today();
		if let Some(before) = info.suspension {
			ensure!(today >= before.until.saturating_add(GUARD_DAYS), Error::<T>::PausedLately);
		}
		let until = today.saturating_add(GUARD_DAYS);
		info.suspension = Some(Suspension { phase: to, until });
		CurrentPhase::<T>::put(info);
		Self::deposit_event(Event::PhaseSuspended { phase: to, until });
		Ok(())
	}
}
