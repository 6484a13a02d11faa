//! Motions to the holders of AUTON: handed over one by one, so that none takes another one's place.

use autonomy_primitives::community::{Day, PowerSource as _};
use frame_support::{ensure, pallet_prelude::DispatchResult, storage::with_storage_layer, traits::QueryPreimage as _};

use crate::{
	origins::{Origin, Scope},
	traits::RootGate as _,
	types::{Motion, ProposalId},
	Config, Error, Event, Outbox, Pallet, Pauses,
};

/// Days for which a motion waits.
const MOTION_DAYS: Day = 180;

impl<T: Config> Pallet<T> {
	pub(crate) fn push_motion(id: ProposalId, dual: bool, hash: T::Hash, len: u32) -> DispatchResult {
		let expires = T::Power::today().saturating_add(MOTION_DAYS);
		let motion = Motion { proposal: id, dual, hash, len, expires };
		Outbox::<T>::try_append(motion).map_err(|()| Error::<T>::OutboxFull)?;
		Self::deposit_event(Event::MotionQueued { proposal: id, dual, hash });
		Ok(())
	}

	pub(crate) fn do_flush_outbox() -> DispatchResult {
		let paused = Pauses::<T>::get(Scope::All).is_some_and(|pause| Self::now() < pause.until);
		ensure!(!paused, Error::<T>::Paused);
		let mut outbox = Outbox::<T>::get();
		ensure!(!outbox.is_empty(), Error::<T>::OutboxEmpty);
		ensure!(T::Gate::is_free(), Error::<T>::GateBusy);
		// Motions that cannot be handed over do not block those behind them.
		for index in 0..outbox.len() {
			let Some(motion) = outbox.get(index).cloned() else { break };
			let origin = if motion.dual { Origin::ConstitutionDual } else { Origin::Constitution };
			let handed = with_storage_layer(|| T::Gate::submit(origin, motion.hash, motion.len));
			if handed.is_ok() {
				outbox.remove(index);
				Outbox::<T>::put(outbox);
				Self::release_call(&motion.hash);
				Self::deposit_event(Event::MotionSubmitted { proposal: motion.proposal, hash: motion.hash });
				return Ok(());
			}
		}
		Err(Error::<T>::GateRefuses.into())
	}

	pub(crate) fn do_drop_motion(id: ProposalId) -> DispatchResult {
		let mut outbox = Outbox::<T>::get();
		let index = outbox.iter().position(|motion| motion.proposal == id).ok_or(Error::<T>::NoMotion)?;
		let motion = outbox.remove(index);
		ensure!(motion.expires <= T::Power::today(), Error::<T>::MotionRuns);
		Outbox::<T>::put(outbox);
		Self::release_call(&motion.hash);
		Self::deposit_event(Event::MotionDropped { proposal: id, hash: motion.hash });
		Ok(())
	}

	/// Takes the motion of a proposal away. Returns whether there was one.
	pub(crate) fn cancel_motion(id: ProposalId) -> bool {
		let mut outbox = Outbox::<T>::get();
		let Some(index) = outbox.iter().position(|motion| motion.proposal == id) else { return false };
		let motion = outbox.remove(index);
		Outbox::<T>::put(outbox);
		Self::release_call(&motion.hash);
		Self::deposit_event(Event::MotionDropped { proposal: id, hash: motion.hash });
		true
	}

	fn release_call(hash: &T::Hash) {
		if T::Preimages::is_requested(hash) {
			T::Preimages::unrequest(hash);
		}
	}
}
