//! Ballots of people: on a proposal of their own community, and on one of the community above.

use autonomy_governance::{ballot_power, Side};
use autonomy_primitives::community::{Class, CommunityId, Day, Power, PowerSource as _, Topic};
use frame_support::{
	ensure,
	pallet_prelude::{DispatchError, DispatchResult},
};
use sp_runtime::ArithmeticError;

use crate::{
	traits::Anchors as _,
	types::{Ballot, Capacity, ChildPoll, Field, Line, Lines, ProposalId, Stage, Status, VoterKey},
	Ballots, ChildPolls, Config, Error, Event, Pallet, ProposalOf, Proposals, Seats, Unsettled,
};

/// Where and when a ballot is cast.
struct Booth {
	proposal: ProposalId,
	community: CommunityId,
	topic: Topic,
	snap: Day,
}

/// Power of a voter at the snapshot.
struct Voter<AccountId> {
	key: VoterKey<AccountId>,
	class: Class,
	/// Its own, as the class counts it.
	full: Power,
	/// Its own, as far as it still stands behind it.
	own: Power,
	/// What others have delegated to it.
	inbound: Power,
	/// Whom it has delegated to.
	delegate: Option<AccountId>,
}

impl<T: Config> Pallet<T> {
	pub(crate) fn do_vote(who: &T::AccountId, id: ProposalId, capacity: Capacity, side: Side) -> DispatchResult {
		let mut proposal = Self::known_proposal(id)?;
		match Self::stage_of(&proposal) {
			Stage::Open | Stage::Settling => (),
			Stage::Objection => ensure!(side == Side::Nay, Error::<T>::NaysOnly),
			Stage::Queued | Stage::Counting | Stage::Locked | Stage::Executable | Stage::Lapsed | Stage::Ended(_) => {
				return Err(Error::<T>::VotingClosed.into())
			}
		}
		let community = proposal.community;
		Self::change_votes(id, &mut proposal, who, capacity, Some(side))?;
		Self::deposit_event(Event::Voted { proposal: id, community, who: who.clone(), capacity, side });
		Ok(())
	}

	/// Changes votes of a proposal's own community, and prolongs the vote when the leading side has changed late.
	fn change_votes(
		id: ProposalId,
		proposal: &mut ProposalOf<T>,
		who: &T::AccountId,
		capacity: Capacity,
		side: Option<Side>,
	) -> DispatchResult {
		let led = Self::result_of(proposal).is_ok();
		let booth = Booth { proposal: id, community: proposal.community, topic: proposal.topic, snap: proposal.snap };
		Self::cast(&booth, &mut proposal.lines, who, capacity, side)?;
		if proposal.status == Status::Voting && Self::result_of(proposal).is_ok() != led {
			let before = proposal.voting;
			proposal.voting = before.flipped(Self::now());
			if proposal.voting != before {
				Self::deposit_event(Event::Extended { proposal: id, ends: proposal.voting.end() });
			}
		}
		Proposals::<T>::insert(id, &*proposal);
		Ok(())
	}

	pub(crate) fn do_vote_child(
		who: &T::AccountId,
		id: ProposalId,
		child: CommunityId,
		capacity: Capacity,
		side: Side,
	) -> DispatchResult {
		let proposal = Self::known_proposal(id)?;
		ensure!(Self::stage_of(&proposal) == Stage::Open, Error::<T>::VotingClosed);
		ensure!(child != proposal.community, Error::<T>::NotBelow);
		ensure!(Self::ai_seat_in(proposal.community, child).is_some(), Error::<T>::NotBelow);
		let mut poll = Self::child_poll(id, child, &proposal)?;
		let booth = Booth { proposal: id, community: child, topic: proposal.topic, snap: proposal.snap };
		Self::cast(&booth, &mut poll.lines, who, capacity, Some(side))?;
		ChildPolls::<T>::insert(id, child, poll);
		Unsettled::<T>::insert(id, child, ());
		Self::deposit_event(Event::Voted { proposal: id, community: child, who: who.clone(), capacity, side });
		Ok(())
	}

	pub(crate) fn do_unvote(
		who: &T::AccountId,
		id: ProposalId,
		community: CommunityId,
		capacity: Capacity,
	) -> DispatchResult {
		let mut proposal = Self::known_proposal(id)?;
		let stage = Self::stage_of(&proposal);
		if community == proposal.community {
			ensure!(matches!(stage, Stage::Open | Stage::Settling), Error::<T>::VotingClosed);
			Self::change_votes(id, &mut proposal, who, capacity, None)?;
		} else {
			ensure!(stage == Stage::Open, Error::<T>::VotingClosed);
			let mut poll = ChildPolls::<T>::get(id, community).ok_or(Error::<T>::NotVoted)?;
			let booth = Booth { proposal: id, community, topic: proposal.topic, snap: proposal.snap };
			Self::cast(&booth, &mut poll.lines, who, capacity, None)?;
			ChildPolls::<T>::insert(id, community, poll);
		}
		Self::deposit_event(Event::Unvoted { proposal: id, community, who: who.clone(), capacity });
		Ok(())
	}

	/// The poll of a community below; a new one takes everything from the snapshot.
	pub(crate) fn child_poll(
		id: ProposalId,
		child: CommunityId,
		proposal: &ProposalOf<T>,
	) -> Result<ChildPoll, DispatchError> {
		if let Some(poll) = ChildPolls::<T>::get(id, child) {
			return Ok(poll);
		}
		let info = Self::known(child)?;
		let charter = Self::charter_at(child, info.kind.tag(), proposal);
		Ok(ChildPoll {
			lines: Self::freeze_lines(child, info.kind, &charter, proposal.snap, &[])?,
			own_share: charter.part(Field::AiOwnShare),
			participation: charter.part(Field::Participation),
			settled: None,
		})
	}

	/// What a caller has in a capacity, at a booth's snapshot.
	fn voter(booth: &Booth, who: &T::AccountId, capacity: Capacity) -> Result<Voter<T::AccountId>, DispatchError> {
		match capacity {
			Capacity::Holder(anchor) => {
				let seat = Seats::<T>::get(booth.community, anchor).ok_or(Error::<T>::NoSeat)?;
				let holds = seat.holder == *who && T::Anchors::owner(anchor).as_ref() == Some(who);
				ensure!(holds, Error::<T>::NotHolder);
				ensure!(seat.since <= booth.snap, Error::<T>::SeatTooNew);
				let account = Self::seat_account(anchor);
				let full = T::Power::power_at(booth.community, Class::Owner, &account, booth.snap).unwrap_or(0);
				let key = VoterKey::Item(anchor);
				Ok(Voter { key, class: Class::Owner, full, own: full, inbound: 0, delegate: None })
			}
			Capacity::Member(class) => {
				ensure!(class.is_delegable(), Error::<T>::NotAMemberClass);
				let Booth { community, topic, snap, .. } = *booth;
				let full = T::Power::power_at(community, class, who, snap).unwrap_or(0);
				Ok(Voter {
					key: VoterKey::Account(class, who.clone()),
					class,
					full,
					own: ballot_power(full, T::Power::standing(community, class, who)),
					inbound: T::Power::inbound_at(community, class, topic, who, snap).unwrap_or(0),
					delegate: T::Power::delegate_at(community, class, topic, who, snap),
				})
			}
		}
	}

	/// Casts a ballot, changes it or takes it back, in the same number of steps whatever was delegated to whom: a delegate
	/// casts its own power and what was delegated to it, less that of whoever has voted itself; whoever votes itself takes
	/// its power off the side of its delegate, or leaves word for when the delegate votes.
	fn cast(
		booth: &Booth,
		lines: &mut Lines,
		who: &T::AccountId,
		capacity: Capacity,
		side: Option<Side>,
	) -> DispatchResult {
		let voter = Self::voter(booth, who, capacity)?;
		let line = lines.iter_mut().find(|line| line.class == voter.class).ok_or(Error::<T>::ClassDoesNotVote)?;
		let key = (booth.proposal, booth.community, voter.key.clone());
		let before = Ballots::<T>::get(&key).unwrap_or_default();
		ensure!(side.is_some() || before.side.is_some(), Error::<T>::NotVoted);
		if let Some(old) = before.side {
			Self::remove(line, old, before.power)?;
		}
		let power = match side {
			Some(_) => voter.own.saturating_add(voter.inbound.saturating_sub(before.overridden)),
			None => 0,
		};
		// What is taken from the delegate goes first: the class never has more cast than it has.
		if let Some(delegate) = &voter.delegate {
			match (before.side, side) {
				(None, Some(_)) => Self::override_delegate(booth, line, delegate, voter.full)?,
				(Some(_), None) => Self::restore_delegate(booth, line, delegate, voter.full)?,
				(None, None) | (Some(_), Some(_)) => (),
			}
		}
		if let Some(new) = side {
			ensure!(power > 0, Error::<T>::NoPower);
			Self::add(line, new, power)?;
		}
		Self::set_ballot(&key, Ballot { side, power, overridden: before.overridden });
		Ok(())
	}

	fn override_delegate(booth: &Booth, line: &mut Line, delegate: &T::AccountId, power: Power) -> DispatchResult {
		let key = (booth.proposal, booth.community, VoterKey::Account(line.class, delegate.clone()));
		let mut ballot = Ballots::<T>::get(&key).unwrap_or_default();
		ballot.overridden = ballot.overridden.checked_add(power).ok_or(ArithmeticError::Overflow)?;
		if let Some(side) = ballot.side {
			Self::remove(line, side, power)?;
			ballot.power = ballot.power.checked_sub(power).ok_or(ArithmeticError::Underflow)?;
		}
		Self::set_ballot(&key, ballot);
		Ok(())
	}

	fn restore_delegate(booth: &Booth, line: &mut Line, delegate: &T::AccountId, power: Power) -> DispatchResult {
		let key = (booth.proposal, booth.community, VoterKey::Account(line.class, delegate.clone()));
		let mut ballot = Ballots::<T>::get(&key).unwrap_or_default();
		ballot.overridden = ballot.overridden.checked_sub(power).ok_or(ArithmeticError::Underflow)?;
		if let Some(side) = ballot.side {
			Self::add(line, side, power)?;
			ballot.power = ballot.power.checked_add(power).ok_or(ArithmeticError::Overflow)?;
		}
		Self::set_ballot(&key, ballot);
		Ok(())
	}

	fn set_ballot(key: &(ProposalId, CommunityId, VoterKey<T::AccountId>), ballot: Ballot) {
		if ballot.side.is_none() && ballot.overridden == 0 {
			Ballots::<T>::remove(key);
		} else {
			Ballots::<T>::insert(key, ballot);
		}
	}

	fn add(line: &mut Line, side: Side, power: Power) -> DispatchResult {
		line.votes.votes = line.votes.votes.add(side, power).ok_or(ArithmeticError::Overflow)?;
		// Never more than the class has.
		let cast = line.votes.votes.sum().ok_or(ArithmeticError::Overflow)?;
		ensure!(cast <= line.votes.denominator(), ArithmeticError::Overflow);
		Ok(())
	}

	fn remove(line: &mut Line, side: Side, power: Power) -> DispatchResult {
		line.votes.votes = line.votes.votes.remove(side, power).ok_or(ArithmeticError::Underflow)?;
		Ok(())
	}
}
