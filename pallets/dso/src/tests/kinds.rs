//! What communities of identities, collectives and groups decide.

use autonomy_governance::Side;
use autonomy_primitives::community::{Class, CommunityId};
use frame_support::{assert_noop, assert_ok, traits::fungible::Inspect};

use super::{charter, in_force, pay};
use crate::{
	mock::*,
	types::{Anchor, Capacity},
	Action, AiSeats, CharacterAction, Charters, CommunityByAnchor, Error, Event, Field, ModelAction, ProposalId,
	SpendWindows, Usages,
};

const PERSON: Anchor = Anchor::Identity(1);

fn opened(anchor: Anchor) -> CommunityId {
	assert_ok!(Dso::open_community(signed(DAVE), anchor));
	CommunityByAnchor::<Test>::get(anchor).unwrap()
}

/// Bob's identity, whose seat he has claimed since yesterday.
fn identity() -> CommunityId {
	let community = opened(PERSON);
	assert_ok!(Dso::claim_seat(signed(BOB), community, PERSON));
	go_on(1);
	community
}

/// A band of characters 1 and 2, of Alice and of Bob, who have claimed their seats in it since yesterday.
fn band(pooled: bool) -> CommunityId {
	sell(2, ALICE, BOB);
	Collectives::mutate(|all| all.insert(0, (pooled, vec![1, 2])));
	let community = opened(Anchor::Collective(0));
	for (who, character) in [(ALICE, 1), (BOB, 2)] {
		assert_ok!(Dso::claim_seat(signed(who), community, Anchor::Character(character)));
	}
	go_on(1);
	community
}

fn vote_for(id: ProposalId, voters: &[(u8, Anchor)]) {
	open(id);
	for (who, anchor) in voters {
		assert_ok!(Dso::vote(signed(*who), id, Capacity::Holder(*anchor), Side::Aye));
	}
}

#[test]
fn identity_should_decide_about_its_charter_and_its_treasury() {
	build_and_execute(|| {
		let community = identity();
		endow(community, 10_000 + ED);
		let id = propose(BOB, community, pay(EVE, 1_000));
		vote_for(id, &[(BOB, PERSON)]);
		close(id);
		let before = wealth(EVE);
		execute(id);
		assert_eq!(wealth(EVE), before + 1_000);
		let id = propose(BOB, community, charter(&[(Field::VotingDays, 7)]));
		vote_for(id, &[(BOB, PERSON)]);
		close(id);
		execute(id);
		assert_eq!(in_force(community).get(Field::VotingDays), 7);
		// It is nobody's character, and has no AI.
		let persona = Action::Character(CharacterAction::SetActive(false));
		assert_noop!(
			Dso::submit(signed(BOB), community, Box::new(persona), prose("")),
			Error::<Test>::ActionNotAllowed
		);
		assert_noop!(Dso::open_ai_seat(signed(DAVE), community), Error::<Test>::NoAi);
	});
}

#[test]
fn collective_should_decide_by_its_members() {
	build_and_execute(|| {
		let community = band(false);
		let submit = |who| Dso::submit(signed(who), community, Box::new(Action::Signal), prose(""));
		assert_noop!(submit(CAROL), Error::<Test>::NotMember);
		let id = propose(BOB, community, Action::GrantBadge { who: account(CAROL), points: 5 });
		open(id);
		assert_noop!(
			Dso::vote(signed(ALICE), id, Capacity::Holder(Anchor::Character(2)), Side::Aye),
			Error::<Test>::NotHolder
		);
		// One of two against the other.
		assert_ok!(Dso::vote(signed(ALICE), id, Capacity::Holder(Anchor::Character(1)), Side::Nay));
		assert_ok!(Dso::vote(signed(BOB), id, Capacity::Holder(Anchor::Character(2)), Side::Aye));
		close(id);
		execute(id);
		go_on(1);
		// Now there is a contributor, of a fifth of the weight.
		let id = propose(CAROL, community, Action::Signal);
		let weights: Vec<_> = proposal(id).lines.iter().map(|line| (line.class, line.votes.weight)).collect();
		assert_eq!(weights, [(Class::Owner, 8_000), (Class::Contributor, 2_000)]);
		let model = Action::Model(ModelAction::SetActive(false));
		assert_noop!(Dso::submit(signed(BOB), community, Box::new(model), prose("")), Error::<Test>::ActionNotAllowed);
	});
}

#[test]
fn federated_collective_should_leave_its_members_their_seats() {
	build_and_execute(|| {
		seat_ais(&[1, 2], 100);
		let community = band(false);
		assert_noop!(Dso::open_ai_seat(signed(DAVE), community), Error::<Test>::NoAi);
		assert_noop!(Dso::refresh_seat(signed(DAVE), of(1)), Error::<Test>::RefreshedLately);
		// The other one was sold.
		assert_ok!(Dso::refresh_seat(signed(DAVE), of(2)));
		for member in [1, 2] {
			assert_eq!(AiSeats::<Test>::get(of(member)).unwrap().weight, 100);
		}
	});
}

#[test]
fn group_should_decide_by_its_contributors() {
	build_and_execute(|| {
		assert_ok!(Dso::open_group(signed(BOB), X));
		let group = pallet_bonds::NextCommunityId::<Test>::get() - 1;
		go_on(1);
		// One of five members' worth is enough to take in others.
		for who in [CAROL, 20] {
			let id = propose(BOB, group, Action::GrantBadge { who: account(who), points: 5 });
			open(id);
			vote(BOB, id, Class::Contributor, Side::Aye);
			close(id);
			execute(id);
		}
		go_on(1);
		endow(group, 1_000 + ED);
		let id = propose(CAROL, group, pay(EVE, 100));
		open(id);
		for who in [BOB, CAROL, 20] {
			vote(who, id, Class::Contributor, Side::Aye);
		}
		close(id);
		execute(id);
		assert_eq!(Balances::balance(&treasury(group)), 900 + ED);
	});
}

#[test]
fn community_should_outlive_the_character_that_is_no_more() {
	build_and_execute(|| {
		let community = super::with_members();
		assert_ok!(Nfts::burn(signed(ALICE), CHARACTERS, ADA));
		// Nobody holds it: its seat is free. Investors and fans go on.
		assert_ok!(Dso::purge_seat(signed(DAVE), community, Anchor::Character(ADA)));
		go_on(1);
		endow(community, 10_000 + ED);
		let id = propose(BOB, community, pay(BOB, 1_000));
		open(id);
		vote(BOB, id, Class::Investor, Side::Aye);
		for who in [CAROL, 20, 21, 22, 23] {
			vote(who, id, Class::Fan, Side::Aye);
		}
		close(id);
		execute(id);
		assert_noop!(Dso::claim_seat(signed(ALICE), community, Anchor::Character(ADA)), Error::<Test>::NotHolder);
	});
}

#[test]
fn ai_of_what_is_no_more_should_lose_its_seat() {
	build_and_execute(|| {
		seat_ais(&[1, 2, 3, 4, 5], 100);
		assert_ok!(Nfts::burn(signed(ALICE), CHARACTERS, ADA));
		assert_ok!(Dso::refresh_seat(signed(DAVE), of(ADA)));
		assert_eq!(last_event(), Event::AiSeatEnded { child: of(ADA), parent: X });
		// A band that has dissolved.
		Collectives::mutate(|all| all.insert(0, (true, vec![2, 3])));
		let band = opened(Anchor::Collective(0));
		assert_ok!(Dso::open_ai_seat(signed(DAVE), band));
		Collectives::mutate(|all| all.remove(&0));
		assert_ok!(Dso::refresh_seat(signed(DAVE), band));
		assert!(!AiSeats::<Test>::contains_key(band));
		assert_ok!(Dso::close_community(signed(DAVE), band));
	});
}

#[test]
fn closed_community_should_leave_nothing_behind() {
	build_and_execute(|| {
		// That of an item goes on elsewhere, and opens again with the charter that it had.
		seat_ais(&[ADA], 100);
		Charters::<Test>::mutate(of(ADA), |chosen| chosen.try_insert(Field::VotingDays, 7).unwrap());
		go_on(60);
		assert_ok!(Dso::close_community(signed(DAVE), of(ADA)));
		assert!(!AiSeats::<Test>::contains_key(of(ADA)));
		assert_ok!(Dso::open_community(signed(DAVE), Anchor::Character(ADA)));
		assert_eq!(in_force(of(ADA)).get(Field::VotingDays), 7);
		// One of its own number is gone for ever.
		let community = identity();
		endow(community, 10_000 + ED);
		let id = propose(BOB, community, pay(EVE, 1_000));
		vote_for(id, &[(BOB, PERSON)]);
		close(id);
		execute(id);
		assert_ok!(Dso::reap(signed(DAVE), id, 100));
		assert_ok!(Dso::purge_seat(signed(BOB), community, PERSON));
		assert_ok!(Dso::close_community(signed(DAVE), community));
		assert_eq!(SpendWindows::<Test>::iter_prefix(community).count(), 0);
		assert!(!Charters::<Test>::contains_key(community) && !Usages::<Test>::contains_key(community));
		assert_eq!(Balances::balance(&treasury(X)), 9_000 + ED);
	});
}
