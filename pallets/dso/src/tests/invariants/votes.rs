//! Ballots of people.

use std::collections::BTreeMap;

use autonomy_governance::Side;
use autonomy_primitives::community::{Class, CommunityId, PowerSource, Topic};
use frame_support::assert_ok;
use proptest::{prelude::*, test_runner::TestCaseError};
use sp_runtime::StateVersion;

use super::{apply, change, config, holders, person, side, PEOPLE, TOKEN};
use crate::{
	mock::*,
	tests::with_members,
	types::{Anchor, VoterKey},
	Action, Ballots, Capacity, ChildPolls, Line, ProposalId, Stage,
};

/// Fans that take part.
const FANS: [u8; 5] = [CAROL, 20, 21, 22, 23];
const FAN: Capacity = Capacity::Member(Class::Fan);

/// Something that somebody does with a vote.
#[derive(Clone, Debug)]
enum Move {
	Vote { who: u8, side: Side },
	Unvote { who: u8 },
	Delegate { who: u8, to: u8 },
}

fn moves(people: [u8; 5]) -> impl Strategy<Value = Vec<Move>> {
	let person = move || prop::sample::select(people.to_vec());
	let step = prop_oneof![
		4 => (person(), side()).prop_map(|(who, side)| Move::Vote { who, side }),
		1 => person().prop_map(|who| Move::Unvote { who }),
		1 => (person(), person()).prop_map(|(who, to)| Move::Delegate { who, to }),
	];
	proptest::collection::vec(step, 1..40)
}

/// What a recount of everybody's last intent gives.
fn recount(
	id: ProposalId,
	community: CommunityId,
	line: &Line,
	people: [u8; 5],
	intents: &BTreeMap<u8, Side>,
) -> Result<(), TestCaseError> {
	let (snap, topic) = (proposal(id).snap, proposal(id).topic);
	let own = |who: u8| Bonds::power_of(community, line.class, account(who), snap).unwrap();
	let delegate = |who: u8| {
		let to = <Bonds as PowerSource<_>>::delegate_at(community, line.class, topic, &account(who), snap);
		people.into_iter().find(|n| Some(account(*n)) == to)
	};
	let mut sums: BTreeMap<u8, u128> = BTreeMap::new();
	for who in people {
		// A ballot of one's own, or else the delegate's.
		let side = intents.get(&who).or_else(|| intents.get(&delegate(who)?));
		if let Some(side) = side {
			*sums.entry(*side as u8).or_default() += own(who);
		}
	}
	for side in Side::ALL {
		prop_assert_eq!(line.votes.votes.of(side), sums.get(&(side as u8)).copied().unwrap_or(0));
	}
	Ok(())
}

/// What was cast in a class, ballot by ballot.
fn sum_of_ballots(id: ProposalId, community: CommunityId, class: Class) -> [u128; 3] {
	let mut sums = [0; 3];
	for (voter, ballot) in Ballots::<Test>::iter_prefix((id, community)) {
		let of = match voter {
			VoterKey::Item(_) => Class::Owner,
			VoterKey::Account(class, _) => class,
		};
		if let Some(side) = ballot.side.filter(|_| of == class) {
			sums[side as usize] += ballot.power;
		}
	}
	sums
}

/// In which capacity somebody in the community of [`ADA`] votes.
fn capacity(who: u8) -> Capacity {
	match who {
		ALICE => Capacity::Holder(Anchor::Character(ADA)),
		BOB => Capacity::Member(Class::Investor),
		24 => Capacity::Member(Class::Contributor),
		_ => FAN,
	}
}

proptest! {
	#![proptest_config(config(24))]

	/// Property 1 of the design: for every class of a live proposal, what was cast is the sum of the ballots and never more
	/// than the class has; the weights add up to 10,000.
	#[test]
	fn votes_of_every_class_should_be_the_sum_of_its_ballots(
		steps in proptest::collection::vec(
			(prop::sample::select(vec![ALICE, BOB, CAROL, 20, 21, 24]), proptest::option::of(side())),
			1..30,
		),
	) {
		new_test_ext().execute_with(|| {
			let community = with_members();
			assert_ok!(Dso::set_badge(community, account(24), Class::Contributor, 4));
			go_on(1);
			let id = propose(ALICE, community, Action::Signal);
			open(id);
			for (who, side) in steps {
				let _ = match side {
					Some(side) => Dso::vote(signed(who), id, capacity(who), side),
					None => Dso::unvote(signed(who), id, community, capacity(who)),
				};
				let lines = proposal(id).lines;
				for line in &lines {
					let cast = Side::ALL.map(|side| line.votes.votes.of(side));
					prop_assert_eq!(cast, sum_of_ballots(id, community, line.class));
					prop_assert!(cast.iter().sum::<u128>() <= line.votes.denominator());
				}
				prop_assert_eq!(lines.iter().map(|line| u32::from(line.votes.weight)).sum::<u32>(), 10_000);
				prop_assert_eq!(check(), Ok(()));
			}
			Ok(())
		})?;
	}

	/// Property 3 of the design: after any order of votes, changes, take-backs and delegations, what was cast is what a
	/// recount of the last intents gives. A delegation after the snapshot changes nothing.
	#[test]
	fn tally_should_equal_a_recount(
		delegations in proptest::collection::vec((person(), person()), 0..6),
		moves in moves(PEOPLE),
	) {
		new_test_ext().execute_with(|| {
			holders();
			for (who, to) in delegations {
				let _ = Bonds::delegate(signed(who), X, Class::Token, Topic::Routine, account(to));
			}
			go_on(1);
			let id = propose(ALICE, X, Action::Signal);
			open(id);
			let mut intents: BTreeMap<u8, Side> = BTreeMap::new();
			for step in &moves {
				let root = sp_io::storage::root(StateVersion::V1);
				let done = match *step {
					Move::Vote { who, side } => Dso::vote(signed(who), id, TOKEN, side).map(|()| {
						intents.insert(who, side);
					}),
					Move::Unvote { who } => Dso::unvote(signed(who), id, X, TOKEN).map(|()| {
						intents.remove(&who);
					}),
					Move::Delegate { who, to } => {
						Bonds::delegate(signed(who), X, Class::Token, Topic::Routine, account(to))
					}
				};
				if done.is_err() {
					prop_assert_eq!(root, sp_io::storage::root(StateVersion::V1), "a failed call left a trace: {:?}", step);
				}
				let line = proposal(id).lines[0];
				prop_assert_eq!(line.class, Class::Token);
				recount(id, X, &line, PEOPLE, &intents)?;
				prop_assert_eq!(check(), Ok(()));
			}
			Ok(())
		})?;
	}

	/// Property 3 of the design, of the members of a community below.
	#[test]
	fn poll_below_should_equal_a_recount(
		delegations in proptest::collection::vec((0usize..5, 0usize..5), 0..6),
		moves in moves(FANS),
	) {
		new_test_ext().execute_with(|| {
			for (index, who) in FANS.into_iter().enumerate() {
				set_power(who, of(ADA), Class::Fan, index as u128 + 1);
			}
			seat_ais(&[ADA], 100);
			for (who, to) in delegations {
				let _ = Bonds::delegate(signed(FANS[who]), of(ADA), Class::Fan, Topic::Routine, account(FANS[to]));
			}
			go_on(1);
			let id = propose(BOB, X, Action::Signal);
			open(id);
			let mut intents: BTreeMap<u8, Side> = BTreeMap::new();
			for step in &moves {
				let _ = match *step {
					Move::Vote { who, side } => Dso::vote_child(signed(who), id, of(ADA), FAN, side).map(|()| {
						intents.insert(who, side);
					}),
					Move::Unvote { who } => Dso::unvote(signed(who), id, of(ADA), FAN).map(|()| {
						intents.remove(&who);
					}),
					Move::Delegate { who, to } => {
						Bonds::delegate(signed(who), of(ADA), Class::Fan, Topic::Routine, account(to))
					}
				};
				if let Some(poll) = ChildPolls::<Test>::get(id, of(ADA)) {
					recount(id, of(ADA), &poll.lines[2], FANS, &intents)?;
				}
				prop_assert_eq!(check(), Ok(()));
			}
			Ok(())
		})?;
	}

	/// Property 2 of the design: power of a class is the sum over its members, and what is delegated the sum over the
	/// delegators, on each day that a proposal can ask for.
	#[test]
	fn totals_should_be_the_sum_of_their_parts(changes in proptest::collection::vec(change(), 1..30)) {
		new_test_ext().execute_with(|| {
			for change in &changes {
				apply(change);
			}
			go_on(1);
			let today = Bonds::today();
			for day in today.saturating_sub(40)..today {
				let own = |who: u8| Bonds::power_of(X, Class::Token, account(who), day).unwrap();
				let total = Bonds::class_total(X, Class::Token, day).unwrap();
				prop_assert_eq!(total, PEOPLE.into_iter().map(own).sum::<u128>());
				for (to, topic) in PEOPLE.into_iter().flat_map(|to| Topic::ALL.map(|topic| (to, topic))) {
					let delegates = |who: &u8| {
						let to_whom = <Bonds as PowerSource<_>>::delegate_at(X, Class::Token, topic, &account(*who), day);
						to_whom == Some(account(to))
					};
					let inbound = Bonds::inbound_of(X, Class::Token, topic, account(to), day).unwrap();
					prop_assert_eq!(inbound, PEOPLE.into_iter().filter(delegates).map(own).sum::<u128>());
				}
			}
			Ok(())
		})?;
	}

	/// Property 4 of the design: whatever is sold, bonded, joined or delegated after submission, no more can be cast than
	/// before, and no item and no unit counts twice.
	#[test]
	fn power_of_a_live_proposal_should_not_grow(changes in proptest::collection::vec(change(), 1..12)) {
		new_test_ext().execute_with(|| {
			with_members();
			let (below, above) = (propose(BOB, of(ADA), Action::Signal), propose(ALICE, X, Action::Signal));
			open(below);
			for change in &changes {
				apply(change);
				if !matches!(Dso::proposal(below).unwrap().stage, Stage::Open | Stage::Settling) {
					break;
				}
				for who in PEOPLE {
					for class in [Class::Fan, Class::Investor, Class::Contributor] {
						let _ = Dso::vote(signed(who), below, Capacity::Member(class), Side::Aye);
					}
					let _ = Dso::vote(signed(who), below, Capacity::Holder(Anchor::Character(ADA)), Side::Aye);
					let _ = Dso::vote(signed(who), above, TOKEN, Side::Aye);
				}
				for (id, community) in [(below, of(ADA)), (above, X)] {
					let stored = proposal(id);
					for line in &stored.lines {
						let there_was = Bonds::class_total(community, line.class, stored.snap).unwrap();
						prop_assert_eq!(line.votes.total, there_was);
						prop_assert!(line.votes.votes.sum().unwrap() <= there_was);
					}
					for (voter, ballot) in Ballots::<Test>::iter_prefix((id, community)) {
						let VoterKey::Account(class, who) = voter else {
							prop_assert_eq!(ballot.power, 1);
							continue;
						};
						let own = Bonds::power_of(community, class, who.clone(), stored.snap).unwrap();
						let inbound = Bonds::inbound_of(community, class, stored.topic, who, stored.snap).unwrap();
						prop_assert!(ballot.power <= own + inbound - ballot.overridden);
					}
				}
				prop_assert_eq!(check(), Ok(()));
			}
			Ok(())
		})?;
	}

	/// Property 5 of the design, of people: an aye more never turns a pass into a failure, a nay more never a failure into a
	/// pass. AIs and their members: `aye_more_of_an_ai_should_never_harm_its_side`.
	#[test]
	fn vote_should_never_harm_its_own_side(
		votes in proptest::collection::vec((person(), side()), 0..8),
		who in person(),
		is_critical in any::<bool>(),
	) {
		new_test_ext().execute_with(|| {
			holders();
			let action = if is_critical { motion(false, &template_call()) } else { Action::Signal };
			let id = propose(ALICE, X, action);
			open(id);
			for (who, side) in votes {
				vote(who, id, Class::Token, side);
			}
			let passes = || Dso::proposal(id).unwrap().passes;
			let approval = || Dso::proposal(id).unwrap().approval;
			let before = (passes(), approval());
			vote(who, id, Class::Token, Side::Aye);
			let with_aye = (passes(), approval());
			prop_assert!(with_aye.0 || !before.0);
			vote(who, id, Class::Token, Side::Nay);
			let with_nay = (passes(), approval());
			prop_assert!(!with_nay.0 || before.0);
			if let (Some(before), Some(aye), Some(nay)) = (before.1, with_aye.1, with_nay.1) {
				prop_assert!(nay <= before && before <= aye);
			}
			Ok(())
		})?;
	}
}
