//! Removing what is over, and what is done when there is time left in a block.

use autonomy_primitives::community::Day;
use frame_support::{
	ensure,
	pallet_prelude::{DispatchError, DispatchResult},
	storage::with_storage_layer,
	traits::Get as _,
	weights::{Weight, WeightMeter},
	BoundedVec,
};
use sp_runtime::SaturatedConversion;

use crate::{
	traits::RootGate as _,
	types::{Decision, Moment, ProposalId, Stage, Status, MAX_MOTIONS},
	ActiveKeys, BallotJobs, Ballots, ChildPolls, Config, ControllerCasts, Decisions, EndedProposals, Error, Event,
	Outbox, Pallet, ProposalOf, Proposals, ReapCursor, SettleCursor, Unsettled, WeightInfo,
};

/// Days for which an approved proposal is kept, so that an older one of the same kind cannot be approved after it. Longer
/// than anything is voted on.
const KEPT_DAYS: Day = 60;
/// Entries that are looked at in one block for AIs to settle.
const LOOKED_AT: u32 = 8;
/// Entries that are removed in one block.
const REAPED: u32 = 32;

impl<T: Config> Pallet<T> {
	/// Removes at most `limit` entries of a proposal that is over. Returns how many.
	pub(crate) fn do_reap(id: ProposalId, limit: u32) -> Result<u32, DispatchError> {
		let proposal = Self::known_proposal(id)?;
		ensure!(matches!(proposal.status, Status::Ended(_)), Error::<T>::ProposalRuns);
		let most = usize::try_from(limit).unwrap_or(usize::MAX);
		let mut removed = Ballots::<T>::drain_prefix((id,)).take(most).count();
		removed = removed.saturating_add(ChildPolls::<T>::drain_prefix(id).take(most.saturating_sub(removed)).count());
		for (_, decision) in Decisions::<T>::drain_prefix(id).take(most.saturating_sub(removed)) {
			if let Decision::Ordered(job) = decision {
				BallotJobs::<T>::remove(job);
			}
			removed = removed.saturating_add(1);
		}
		removed =
			removed.saturating_add(ControllerCasts::<T>::drain_prefix(id).take(most.saturating_sub(removed)).count());
		removed = removed.saturating_add(Unsettled::<T>::drain_prefix(id).take(most.saturating_sub(removed)).count());
		if removed < most && Self::is_forgettable(id, &proposal) {
			Self::forget(id, &proposal)?;
			removed = removed.saturating_add(1);
		}
		ensure!(removed > 0, Error::<T>::NothingToReap);
		let removed = u32::try_from(removed).unwrap_or(u32::MAX);
		Self::deposit_event(Event::Reaped { proposal: id, removed });
		Ok(removed)
	}

	/// Whether nothing refers to a proposal any more that is over.
	fn is_forgettable(id: ProposalId, proposal: &ProposalOf<T>) -> bool {
		let Some(key) = proposal.action.key() else { return true };
		ActiveKeys::<T>::get(proposal.community, key) != Some(id) || Self::now() >= Self::kept_until(proposal)
	}

	/// The block until which it is known whether something newer of the same kind was approved.
	pub(crate) fn kept_until(proposal: &ProposalOf<T>) -> Moment {
		proposal.submitted.saturating_add(Self::days(KEPT_DAYS)).saturating_add(Self::queue())
	}

	fn queue() -> Moment {
		T::QueuePeriod::get().saturated_into()
	}

	fn forget(id: ProposalId, proposal: &ProposalOf<T>) -> DispatchResult {
		if let Some(key) = proposal.action.key() {
			if ActiveKeys::<T>::get(proposal.community, key) == Some(id) {
				ActiveKeys::<T>::remove(proposal.community, key);
			}
		}
		Proposals::<T>::remove(id);
		EndedProposals::<T>::remove(id);
		Self::mutate_community(proposal.community, |info| {
			info.proposals = info.proposals.saturating_sub(1);
			Ok(())
		})
	}

	// --- when there is time left ---

	/// Hands a motion over, settles AIs and removes what is over, in that order, as far as the weight goes.
	pub(crate) fn idle(limit: Weight) -> Weight {
		let mut meter = WeightMeter::with_limit(limit);
		let gate = T::Gate::weight().saturating_mul(MAX_MOTIONS.into());
		let flush = T::WeightInfo::flush_outbox().saturating_add(gate);
		if meter.try_consume(T::DbWeight::get().reads(1)).is_err() {
			return meter.consumed();
		}
		if !Outbox::<T>::get().is_empty() && meter.try_consume(flush).is_ok() {
			// A gate that is busy or refuses is asked again in the next block.
			let _ = with_storage_layer(Self::do_flush_outbox);
		}
		Self::settle_in_idle(&mut meter);
		Self::reap_in_idle(&mut meter);
		meter.consumed()
	}

	fn settle_in_idle(meter: &mut WeightMeter) {
		let each = T::WeightInfo::settle_ai(1);
		if !meter.can_consume(each) {
			return;
		}
		let mut entries = match SettleCursor::<T>::get() {
			Some(cursor) => Unsettled::<T>::iter_keys_from(cursor.into_inner()),
			None => Unsettled::<T>::iter_keys(),
		};
		let mut last = None;
		for _ in 0..LOOKED_AT {
			if meter.try_consume(each).is_err() {
				break;
			}
			let Some((id, child)) = entries.next() else {
				last = None;
				break;
			};
			last = Some(Unsettled::<T>::hashed_key_for(id, child));
			let Some(mut proposal) = Proposals::<T>::get(id) else { continue };
			if Self::stage_of(&proposal) != Stage::Settling {
				continue;
			}
			let settled = with_storage_layer(|| Self::settle(id, &mut proposal, child));
			if settled.is_ok() {
				Proposals::<T>::insert(id, proposal);
			}
		}
		match last.and_then(|key| BoundedVec::try_from(key).ok()) {
			Some(cursor) => SettleCursor::<T>::put(cursor),
			None => SettleCursor::<T>::kill(),
		}
	}

	fn reap_in_idle(meter: &mut WeightMeter) {
		if meter.try_consume(T::WeightInfo::reap(REAPED)).is_err() {
			return;
		}
		let mut entries = match ReapCursor::<T>::get() {
			Some(last) => EndedProposals::<T>::iter_keys_from(EndedProposals::<T>::hashed_key_for(last)),
			None => EndedProposals::<T>::iter_keys(),
		};
		let Some(id) = entries.next() else { return ReapCursor::<T>::kill() };
		// One that has to be kept for a while is looked at again, after the others.
		let reaped = with_storage_layer(|| Self::do_reap(id, REAPED));
		if reaped.is_err() || !Proposals::<T>::contains_key(id) {
			ReapCursor::<T>::put(id);
		}
	}
}
