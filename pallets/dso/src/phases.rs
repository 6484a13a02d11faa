//! The four phases: forward one by one by the holders' decision and with what they need on chain, back at once.

use autonomy_governance::{check_advance, Needs, Perbill, Phase, Readiness, Unready};
use autonomy_primitives::community::{Day, PowerSource as _};
use frame_support::{ensure, pallet_prelude::DispatchResult, traits::Get};

use crate::{
	traits::{ChainState as _, OnPhase as _},
	types::PhaseInfo,
	Config, CurrentPhase, Error, Event, GenesisNeeds, Pallet, ShadowVotes,
};

impl<T: Config> Pallet<T> {
	/// The phase in force on a day.
	pub(crate) fn phase_on(today: Day) -> Phase {
		let info = CurrentPhase::<T>::get();
		match info.suspension {
			Some(suspension) if today < suspension.until => info.reached.min(suspension.phase),
			Some(_) | None => info.reached,
		}
	}

	/// What phases need on this chain.
	pub(crate) fn phase_needs() -> Needs {
		GenesisNeeds::<T>::get().unwrap_or_else(T::PhaseNeeds::get)
	}

	/// What there is of what the next phase needs.
	pub(crate) fn readiness_now() -> Readiness {
		let (today, info) = (T::Power::today(), CurrentPhase::<T>::get());
		let shadow = ShadowVotes::<T>::get().on(today);
		let asked = shadow.asked.saturating_add(shadow.asked_before);
		let given = shadow.given.saturating_add(shadow.given_before);
		Readiness {
			active_characters: T::State::active_characters(),
			bonded_workers: T::State::bonded_workers(),
			shadow_days: shadow.since.map_or(0, |since| today.saturating_sub(since)),
			shadow_settled: if asked == 0 { Perbill::zero() } else { Perbill::from_rational(given, asked) },
			days_in_phase: today.saturating_sub(info.since),
			unresolved_slashes: T::State::unresolved_slashes(),
			models_with_provenance: T::State::models_with_provenance(),
		}
	}

	pub(crate) fn do_advance_phase(from: Phase, to: Phase) -> DispatchResult {
		let (info, today) = (CurrentPhase::<T>::get(), T::Power::today());
		ensure!(info.reached == from, Error::<T>::OtherPhase);
		ensure!(Self::phase_on(today) == from, Error::<T>::PhaseIsSuspended);
		check_advance(from, to, &Self::readiness_now(), &Self::phase_needs()).map_err(Self::unready)?;
		CurrentPhase::<T>::put(PhaseInfo { reached: to, since: today, suspension: None });
		T::OnPhase::on_phase(from, to);
		Self::deposit_event(Event::PhaseSet { phase: to });
		Ok(())
	}

	pub(crate) fn do_regress_phase(to: Phase) -> DispatchResult {
		let from = CurrentPhase::<T>::get().reached;
		ensure!(to < from, Error::<T>::NotLower);
		CurrentPhase::<T>::put(PhaseInfo { reached: to, since: T::Power::today(), suspension: None });
		T::OnPhase::on_phase(from, to);
		Self::deposit_event(Event::PhaseSet { phase: to });
		Ok(())
	}

	fn unready(missing: Unready) -> Error<T> {
		match missing {
			Unready::NotNext => Error::<T>::OtherPhase,
			Unready::Characters => Error::<T>::TooFewCharacters,
			Unready::Workers => Error::<T>::TooFewWorkers,
			Unready::ShadowDays | Unready::ShadowSettled => Error::<T>::ShadowTooShort,
			Unready::DaysInPhase => Error::<T>::PhaseTooYoung,
			Unready::Slashes => Error::<T>::SlashesUnresolved,
			Unready::Provenance => Error::<T>::NoProvenance,
		}
	}
}
