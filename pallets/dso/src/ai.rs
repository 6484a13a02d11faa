//! Ballots of AIs: asking them, being told, and counting them.

use autonomy_governance::{
	capped_weight, is_fresh, is_settled_persona, period_of, preference, tally, ClassVotes, Lean, SEAT_WEIGHT,
};
use autonomy_primitives::{
	community::{Class, Communities as _, CommunityId, Day, PowerSource as _},
	JobId,
};
use frame_support::{
	ensure,
	pallet_prelude::{DispatchError, DispatchResult},
	traits::fungible::Inspect as _,
};
use sp_runtime::SaturatedConversion;

use crate::{
	prompt,
	traits::{Anchors as _, BallotOrder, BallotResults, Ballots as _, Mind},
	types::{Anchor, Batch, ChildPoll, Decision, Kind, Moment, Path, ProposalId, Settlement, Stage},
	AiSeatOf, BallotJobs, ChildPolls, Config, ControllerCasts, Decisions, Error, Event, Pallet, ProposalOf, Proposals,
	ShadowVotes, Unsettled,
};

/// The part of a settlement that only storage knows.
struct Standing<AccountId> {
	/// Weight of the seat at the snapshot.
	weight: u32,
	/// Who controls it; none for a community's own AI, which no cap binds.
	controller: Option<AccountId>,
	/// Whether its members' preference counts.
	has_members: bool,
}

impl<T: Config> Pallet<T> {
	/// The day of a block.
	fn day_of(block: Moment) -> Day {
		block.checked_div(Self::days(1)).unwrap_or(0)
	}

	/// The AI of a community, if it may speak on a proposal: it has a seat there, or the proposal is its own community's.
	fn speaker(proposal: &ProposalOf<T>, child: CommunityId) -> Result<Mind, DispatchError> {
		if child != proposal.community {
			ensure!(Self::ai_seat_in(proposal.community, child).is_some(), Error::<T>::NotBelow);
		}
		match Self::known(child)?.kind {
			Kind::Anchored(anchor) => Ok(T::Anchors::mind(anchor).ok_or(Error::<T>::NoAi)?),
			Kind::X | Kind::Group { .. } => Err(Error::<T>::NoAi.into()),
		}
	}

	pub(crate) fn do_request_decision(id: ProposalId, child: CommunityId) -> DispatchResult {
		let proposal = Self::known_proposal(id)?;
		ensure!(Self::stage_of(&proposal) == Stage::Open, Error::<T>::VotingClosed);
		ensure!(!Decisions::<T>::contains_key(id, child), Error::<T>::AskedBefore);
		let mind = Self::speaker(&proposal, child)?;
		// Nobody gives an AI another mind for a vote.
		ensure!(is_settled_persona(Self::day_of(mind.changed_at), proposal.snap), Error::<T>::PersonaTooNew);
		let controller = T::Anchors::owner(Anchor::Character(mind.character));
		let treasury = T::Registry::treasury(child);
		let free = || T::Currency::balance(&treasury).saturated_into::<u128>();
		let (before, had) = (Self::spendable(child, &None), free());
		let job = T::Ballots::order(BallotOrder {
			payer: treasury.clone(),
			controller,
			mind,
			question: prompt::of::<T>(id, &proposal),
			prose: proposal.prose.clone(),
		})?;
		// Anybody can ask: what the treasury pays for it in seven days is limited. Locks of referenda overlap holds, so what can
		// be spent does not say what was put on hold.
		let paid = had.saturating_sub(free());
		let tag = Self::known(child)?.kind.tag();
		Self::note_spending(child, tag, Path::Decision, &None, before, paid)?;
		ensure!(!BallotJobs::<T>::contains_key(job), Error::<T>::JobTaken);
		BallotJobs::<T>::insert(job, (id, child));
		Decisions::<T>::insert(id, child, Decision::Ordered(job));
		Unsettled::<T>::insert(id, child, ());
		let today = T::Power::today();
		let mut shadow = ShadowVotes::<T>::get().on(today);
		shadow.since.get_or_insert(today);
		shadow.asked = shadow.asked.saturating_add(1);
		ShadowVotes::<T>::put(shadow);
		Self::deposit_event(Event::DecisionRequested { proposal: id, child, job });
		Ok(())
	}

	pub(crate) fn do_settle_ai(id: ProposalId, children: Batch) -> Result<u32, DispatchError> {
		let mut proposal = Self::known_proposal(id)?;
		ensure!(Self::stage_of(&proposal) == Stage::Settling, Error::<T>::NotSettling);
		let mut settled = 0u32;
		for child in children {
			// Somebody may have settled some of them in the meantime: the others still count.
			if Self::settle(id, &mut proposal, child).is_ok() {
				settled = settled.saturating_add(1);
			}
		}
		ensure!(settled > 0, Error::<T>::NothingToSettle);
		Proposals::<T>::insert(id, proposal);
		Ok(settled)
	}

	/// Counts one AI, once. Nothing is written when it fails.
	pub(crate) fn settle(id: ProposalId, proposal: &mut ProposalOf<T>, child: CommunityId) -> DispatchResult {
		let decision = Decisions::<T>::get(id, child);
		ensure!(decision.is_some() || ChildPolls::<T>::contains_key(id, child), Error::<T>::NothingToSettle);
		ensure!(!Self::is_awaited(proposal, decision), Error::<T>::DecisionPending);
		let mut poll = Self::child_poll(id, child, proposal)?;
		ensure!(poll.settled.is_none(), Error::<T>::SettledBefore);
		let standing = Self::standing_of(proposal, child);
		let mut settlement = Self::settlement(&poll, decision, &standing);
		if let Some(controller) = &standing.controller {
			let cast = ControllerCasts::<T>::get(id, controller);
			settlement.weight = capped_weight(standing.weight, cast, proposal.ai.total, Self::controller_cap());
			ControllerCasts::<T>::insert(id, controller, cast.saturating_add(settlement.weight.into()));
		}
		proposal.ai = proposal.ai.add(settlement.weight, settlement.preference);
		poll.settled = Some(settlement);
		ChildPolls::<T>::insert(id, child, poll);
		Unsettled::<T>::remove(id, child);
		Self::deposit_event(Event::AiSettled { proposal: id, child, settlement });
		Ok(())
	}

	/// Whether a decision is on its way and there is still time for it. Afterwards it counts as none: nobody keeps an AI's
	/// members from being counted by letting a job run late.
	pub(crate) fn is_awaited(proposal: &ProposalOf<T>, decision: Option<Decision>) -> bool {
		matches!(decision, Some(Decision::Ordered(_))) && Self::now() < proposal.voting.last_answer()
	}

	/// What an AI would be counted as, without the cap on its controller.
	pub(crate) fn preview(
		id: ProposalId,
		proposal: &ProposalOf<T>,
		child: CommunityId,
	) -> Option<(Settlement, Option<Decision>)> {
		let decision = Decisions::<T>::get(id, child);
		let poll = Self::child_poll(id, child, proposal).ok()?;
		let standing = Self::standing_of(proposal, child);
		Some((Self::settlement(&poll, decision, &standing), decision))
	}

	fn settlement(poll: &ChildPoll, decision: Option<Decision>, standing: &Standing<T::AccountId>) -> Settlement {
		let decision = match decision {
			Some(Decision::Given(lean)) => lean,
			Some(Decision::Ordered(_) | Decision::Failed) | None => Lean::NEUTRAL,
		};
		let classes: alloc::vec::Vec<ClassVotes> = poll.lines.iter().map(|line| line.votes).collect();
		let members = tally(&classes).lean(poll.participation);
		let (members, preference) = if standing.has_members {
			(members, preference(poll.own_share, decision, members))
		} else {
			(Lean::NEUTRAL, decision)
		};
		Settlement { decision, members, preference, weight: standing.weight }
	}

	/// Weight of a community's AI at a proposal's snapshot, and who controls it.
	fn standing_of(proposal: &ProposalOf<T>, child: CommunityId) -> Standing<T::AccountId> {
		if child == proposal.community {
			// Its members vote there themselves. Without a share it only advises.
			let weight = if proposal.own_ai { SEAT_WEIGHT } else { 0 };
			return Standing { weight, controller: None, has_members: false };
		}
		// Without a place above, it has none in the community of its model either.
		let belongs = || {
			let of_model = || Self::model_of(child) == Some(proposal.community);
			Self::place_of(child).is_some_and(|above| above == proposal.community || of_model())
		};
		let counts = |seat: &AiSeatOf<T>| Self::is_refreshed(seat, proposal.snap) && belongs();
		let seat = Self::ai_seat_in(proposal.community, child).filter(counts);
		let Some(seat) = seat else {
			return Standing { weight: 0, controller: None, has_members: true };
		};
		let account = Self::ai_account(child);
		let weight = T::Power::power_at(proposal.community, Class::Ai, &account, proposal.snap).unwrap_or(0);
		// A seat that nobody holds is as good as its own controller.
		let controller = seat.controller.unwrap_or(account);
		Standing { weight: u32::try_from(weight).unwrap_or(0), controller: Some(controller), has_members: true }
	}

	/// Where a community's AI belongs now. One that is seated through a collective has no voice of its own, even before
	/// anybody has taken its old seat away.
	pub(crate) fn place_of(child: CommunityId) -> Option<CommunityId> {
		match Self::known(child).ok()?.kind {
			Kind::Anchored(anchor) => Self::seated_in(anchor),
			Kind::X | Kind::Group { .. } => None,
		}
	}

	/// Whether a seat had been refreshed, at a snapshot, in its period or the one before.
	pub(crate) fn is_refreshed(seat: &AiSeatOf<T>, snap: Day) -> bool {
		seat.refreshed.iter().any(|day| *day <= snap && is_fresh(period_of(*day), period_of(snap)))
	}
}

impl<T: Config> BallotResults for Pallet<T> {
	fn on_ballot(job: JobId, decision: Option<i8>) {
		let Some((id, child)) = BallotJobs::<T>::take(job) else { return };
		let given = decision
			.map(|percent| Lean::from_billionths(i32::from(percent.clamp(-100, 100)).saturating_mul(10_000_000)));
		let decision = given.map_or(Decision::Failed, Decision::Given);
		Decisions::<T>::insert(id, child, decision);
		if given.is_some() {
			let mut shadow = ShadowVotes::<T>::get().on(T::Power::today());
			shadow.given = shadow.given.saturating_add(1);
			ShadowVotes::<T>::put(shadow);
		}
		Self::deposit_event(Event::DecisionReported { proposal: id, child, job, decision });
	}
}
