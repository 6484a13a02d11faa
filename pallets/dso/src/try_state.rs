//! What must hold between the storage items at the end of every block.

#![cfg(any(feature = "try-runtime", test))]

use alloc::collections::BTreeMap;
use autonomy_governance::{Side, Votes, WHOLE};
use autonomy_primitives::community::{Class, Communities as _, CommunityId, PowerSource as _, X_COMMUNITY};
use frame_support::{
	ensure,
	traits::{
		fungible::{Inspect as _, InspectHold as _},
		Get,
	},
};
use sp_runtime::{traits::Zero, Saturating, TryRuntimeError};

use crate::{
	templates::check_template,
	types::{Kind, KindTag, Lines, ProposalId, Status, VoterKey, MAX_DEPTH, MAX_LIVE, MAX_LIVE_ON_TRACK},
	ActiveKeys, AiSeatOf, AiSeats, Badges, BalanceOf, BallotJobs, Ballots, ChildPolls, Communities, CommunityByAnchor,
	Config, ControllerCasts, Decisions, EndedProposals, HoldReason, LiveBy, LiveOnTrack, ModelSeats, NextProposalId,
	NextTrainingId, Pallet, ProposalOf, Proposals, Seats, Templates, Trainings, Unsettled,
};

/// What was cast in each class of each poll.
type Cast = BTreeMap<(ProposalId, CommunityId, Class), Votes>;
type Sums<T> = BTreeMap<<T as frame_system::Config>::AccountId, BalanceOf<T>>;

fn add<T: Config>(sums: &mut Sums<T>, who: &T::AccountId, amount: BalanceOf<T>) {
	let sum = sums.entry(who.clone()).or_default();
	*sum = sum.saturating_add(amount);
}

fn count<K: Ord>(counts: &mut BTreeMap<K, u32>, key: K) {
	let count = counts.entry(key).or_default();
	*count = count.saturating_add(1);
}

impl<T: Config> Pallet<T> {
	pub(crate) fn do_try_state() -> Result<(), TryRuntimeError> {
		Self::try_state_settings()?;
		Self::try_state_templates()?;
		Self::try_state_communities()?;
		Self::try_state_proposals()?;
		Self::try_state_ballots()?;
		Self::try_state_ais()?;
		Self::try_state_training()?;
		Self::try_state_deposits()
	}

	/// - a day has blocks;
	/// - a deposit can always be released, even to an account without any free balance.
	fn try_state_settings() -> Result<(), TryRuntimeError> {
		ensure!(!T::BlocksPerDay::get().is_zero(), "BlocksPerDay is zero");
		let least = T::Currency::minimum_balance();
		let enough = T::CommunityDeposit::get() >= least && T::ProposalDeposit::get() >= least;
		ensure!(enough, "a deposit is below the existential deposit");
		Ok(())
	}

	/// - every stored template is sound.
	fn try_state_templates() -> Result<(), TryRuntimeError> {
		for (kind, _, template) in Templates::<T>::iter() {
			ensure!(check_template(kind, &template).is_ok(), "a template that is unsound");
		}
		Ok(())
	}

	/// - X is open; every other community is at most three levels below it;
	/// - an item leads to its community and back; seats and groups are counted;
	/// - a badge and a seat have the power that they say.
	fn try_state_communities() -> Result<(), TryRuntimeError> {
		ensure!(Communities::<T>::contains_key(X_COMMUNITY), "X is not open");
		let (mut groups, mut seats): (BTreeMap<CommunityId, u32>, BTreeMap<CommunityId, u32>) = Default::default();
		for (community, anchor, _) in Seats::<T>::iter() {
			let power = T::Power::standing(community, Class::Owner, &Self::seat_account(anchor));
			ensure!(power == 1, "a seat without its power");
			count(&mut seats, community);
		}
		for (community, who, badge) in Badges::<T>::iter() {
			let power = T::Power::standing(community, badge.class, &who);
			ensure!(power == badge.points.into(), "a badge without its power");
		}
		let mut anchored = 0usize;
		for (community, info) in Communities::<T>::iter() {
			ensure!(info.depth <= MAX_DEPTH, "a community that is too deep");
			ensure!((info.kind.tag() == KindTag::X) == (community == X_COMMUNITY), "a second X");
			ensure!(info.seats == seats.remove(&community).unwrap_or(0), "a community does not count its seats");
			match info.kind {
				Kind::X => (),
				Kind::Group { parent } => {
					let above = Communities::<T>::get(parent).ok_or("a group under nothing")?;
					ensure!(above.depth.saturating_add(1) == info.depth, "a group on the wrong level");
					count(&mut groups, parent);
				}
				Kind::Anchored(anchor) => {
					ensure!(CommunityByAnchor::<T>::get(anchor) == Some(community), "an item leads elsewhere");
					anchored = anchored.saturating_add(1);
				}
			}
		}
		ensure!(seats.is_empty(), "a seat in a community that is not open");
		ensure!(CommunityByAnchor::<T>::iter_keys().count() == anchored, "an item of no community");
		for (community, info) in Communities::<T>::iter() {
			let under = groups.remove(&community).unwrap_or(0);
			ensure!(info.groups == under, "a community does not count its groups");
		}
		Ok(())
	}

	/// - live proposals are counted by community, by track and by proposer, within their limits; only they have a deposit;
	/// - those that are over wait to be reaped;
	/// - an action's key leads to a proposal that was approved.
	fn try_state_proposals() -> Result<(), TryRuntimeError> {
		let (mut live, mut all) = (BTreeMap::<CommunityId, u32>::new(), BTreeMap::<CommunityId, u32>::new());
		let mut on_track = BTreeMap::<u8, u32>::new();
		let (mut lives, mut ended) = (0usize, 0usize);
		for (id, proposal) in Proposals::<T>::iter() {
			ensure!(id < NextProposalId::<T>::get(), "a proposal's number is not below the next");
			count(&mut all, proposal.community);
			if proposal.is_live() {
				count(&mut live, proposal.community);
				if let Some(track) = proposal.track {
					count(&mut on_track, track as u8);
				}
				let by = LiveBy::<T>::get(proposal.community, &proposal.proposer);
				ensure!(by == Some(id), "a live proposal that its proposer does not lead to");
				lives = lives.saturating_add(1);
			} else {
				ensure!(proposal.deposit.is_zero(), "a deposit of a proposal that is decided");
			}
			let is_over = matches!(proposal.status, Status::Ended(_));
			ensure!(is_over == EndedProposals::<T>::contains_key(id), "a proposal that is over and not in line");
			ended = ended.saturating_add(usize::from(is_over));
			Self::try_state_proposal(&proposal)?;
		}
		ensure!(LiveBy::<T>::iter().count() == lives, "a proposer leads to no live proposal");
		ensure!(EndedProposals::<T>::iter_keys().count() == ended, "no proposal is in line to be reaped");
		for (community, info) in Communities::<T>::iter() {
			let counted = live.remove(&community).unwrap_or(0);
			ensure!(info.live == counted, "a community does not count its live proposals");
			ensure!(counted <= MAX_LIVE || community == X_COMMUNITY, "too many live proposals");
			let kept = all.remove(&community).unwrap_or(0);
			ensure!(info.proposals == kept, "a community does not count its proposals");
		}
		ensure!(live.is_empty() && all.is_empty(), "a proposal in a community that is not open");
		for (track, counted) in LiveOnTrack::<T>::iter() {
			let live = on_track.remove(&(track as u8)).unwrap_or(0);
			ensure!(counted == live && live <= MAX_LIVE_ON_TRACK, "a track does not count its live proposals");
		}
		ensure!(on_track.is_empty(), "a live proposal on a track that does not count it");
		for (_, _, id) in ActiveKeys::<T>::iter() {
			let approved = Proposals::<T>::get(id).is_some_and(|proposal| !proposal.is_live());
			ensure!(approved, "the key of an action leads to a proposal that was not decided");
		}
		Ok(())
	}

	/// - weights of a community's classes add up to 10,000;
	/// - AIs have not voted with more than their house has;
	/// - people alone can pass what every AI is against.
	fn try_state_proposal(proposal: &ProposalOf<T>) -> Result<(), TryRuntimeError> {
		let weights = proposal.lines.iter().fold(0u32, |sum, line| sum.saturating_add(line.votes.weight.into()));
		// Bounds that were tightened since can have clamped some of them: only the ratio matters.
		ensure!(weights > 0, "no class has a weight");
		let cast = proposal.ai.ayes.saturating_add(proposal.ai.nays).saturating_add(proposal.ai.abstentions);
		ensure!(cast <= proposal.ai.total.saturating_mul(WHOLE.into()), "AIs have cast more than their house has");
		ensure!(proposal.question.rule.is_sound(), "people alone could not pass it");
		Ok(())
	}

	/// - what a class has cast is the sum of its ballots, and never more than the class has;
	/// - nobody has overridden more than was delegated.
	fn try_state_ballots() -> Result<(), TryRuntimeError> {
		let mut sums = Cast::new();
		for ((id, community, voter), ballot) in Ballots::<T>::iter() {
			let class = match voter {
				VoterKey::Item(_) => Class::Owner,
				VoterKey::Account(class, _) => class,
			};
			ensure!(ballot.side.is_some() || ballot.overridden > 0, "a ballot that says nothing");
			let sum = sums.entry((id, community, class)).or_default();
			if let Some(side) = ballot.side {
				*sum = sum.add(side, ballot.power).ok_or("ballots that overflow")?;
			}
		}
		let fits = |id: ProposalId, community: CommunityId, lines: &Lines, sums: &mut Cast| {
			lines.iter().all(|line| {
				let sum = sums.remove(&(id, community, line.class)).unwrap_or_default();
				let within = sum.sum().is_some_and(|cast| cast <= line.votes.denominator());
				sum == line.votes.votes && within
			})
		};
		for (id, proposal) in Proposals::<T>::iter() {
			if matches!(proposal.status, Status::Ended(_)) {
				// Its ballots are being reaped.
				sums.retain(|(of, _, _), _| *of != id);
				continue;
			}
			ensure!(fits(id, proposal.community, &proposal.lines, &mut sums), "votes are not the sum of the ballots");
		}
		for (id, child, poll) in ChildPolls::<T>::iter() {
			let is_over = Proposals::<T>::get(id).is_none_or(|proposal| matches!(proposal.status, Status::Ended(_)));
			ensure!(
				is_over || fits(id, child, &poll.lines, &mut sums),
				"votes of a community below are not the sum of its ballots"
			);
		}
		let is_empty = |votes: &Votes| [Side::Aye, Side::Nay, Side::Abstain].iter().all(|side| votes.of(*side) == 0);
		ensure!(sums.values().all(is_empty), "a ballot of no poll");
		Ok(())
	}

	/// - a decision under way and its job lead to each other;
	/// - what is not settled has a proposal; what was cast by a controller is within its cap.
	fn try_state_ais() -> Result<(), TryRuntimeError> {
		use crate::types::Decision;
		let mut under_way = 0usize;
		for (id, child, decision) in Decisions::<T>::iter() {
			if let Decision::Ordered(job) = decision {
				ensure!(BallotJobs::<T>::get(job) == Some((id, child)), "a job is another ballot's");
				under_way = under_way.saturating_add(1);
			}
		}
		ensure!(BallotJobs::<T>::iter_keys().count() == under_way, "a job of no ballot");
		for (id, child) in Unsettled::<T>::iter_keys() {
			ensure!(Proposals::<T>::contains_key(id), "an AI to settle on no proposal");
			let settled = ChildPolls::<T>::get(id, child).is_some_and(|poll| poll.settled.is_some());
			ensure!(!settled, "an AI that was settled waits for it");
		}
		for (id, _, cast) in ControllerCasts::<T>::iter() {
			let proposal = Proposals::<T>::get(id).ok_or("AIs of no proposal")?;
			// The cap may be another by now: never more than the largest one.
			let most = proposal.ai.total.saturating_mul(3_300).div_ceil(10_000);
			ensure!(cast <= most, "a controller's AIs have cast more than its cap");
		}
		Ok(())
	}

	/// - an AI with a seat in the community of its model has one above;
	/// - a training run's number is below the next;
	/// - seats weigh in their communities what they say.
	fn try_state_training() -> Result<(), TryRuntimeError> {
		for (child, seat) in ModelSeats::<T>::iter() {
			ensure!(AiSeats::<T>::contains_key(child), "an AI with a seat in its model's community alone");
			Self::try_state_seat(child, &seat)?;
		}
		for (child, seat) in AiSeats::<T>::iter() {
			Self::try_state_seat(child, &seat)?;
		}
		for (_, training) in Trainings::<T>::iter_keys() {
			ensure!(training < NextTrainingId::<T>::get(), "a training run's number is not below the next");
		}
		Ok(())
	}

	fn try_state_seat(child: CommunityId, seat: &AiSeatOf<T>) -> Result<(), TryRuntimeError> {
		let power = T::Power::standing(seat.parent, Class::Ai, &Self::ai_account(child));
		ensure!(power == seat.weight.into(), "an AI's seat without its power");
		Ok(())
	}

	/// - what an account has on hold is the sum of what it is held for.
	fn try_state_deposits() -> Result<(), TryRuntimeError> {
		let (mut communities, mut proposals) = (Sums::<T>::new(), Sums::<T>::new());
		for info in Communities::<T>::iter_values() {
			if let Some(depositor) = &info.depositor {
				add::<T>(&mut communities, depositor, info.deposit);
			}
		}
		for proposal in Proposals::<T>::iter_values() {
			add::<T>(&mut proposals, &proposal.proposer, proposal.deposit);
		}
		let mut trainings = Sums::<T>::new();
		for (community, _, training) in Trainings::<T>::iter() {
			add::<T>(&mut trainings, &T::Registry::treasury(community), training.left);
		}
		let reasons = [
			(HoldReason::Community, communities),
			(HoldReason::Proposal, proposals),
			(HoldReason::Training, trainings),
		];
		for (reason, sums) in reasons {
			let reason = reason.into();
			for (who, sum) in sums {
				ensure!(
					T::Currency::balance_on_hold(&reason, &who) == sum,
					"money on hold is not the sum of what it is held for"
				);
			}
		}
		Ok(())
	}
}
