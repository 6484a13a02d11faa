use frame_support::{assert_noop, assert_ok, traits::fungible::Inspect};

use super::with_members;
use crate::{mock::*, types::Anchor, Action, Communities, CommunityByAnchor, Error, Event};

#[test]
fn close_community_should_return_the_deposit() {
	build_and_execute(|| {
		assert_ok!(Dso::open_community(signed(DAVE), Anchor::Character(ADA)));
		assert_noop!(Dso::close_community(signed(BOB), of(ADA)), Error::<Test>::NotDepositor);
		assert_ok!(Dso::close_community(signed(DAVE), of(ADA)));
		assert_eq!(Balances::free_balance(account(DAVE)), FUNDS);
		assert!(!CommunityByAnchor::<Test>::contains_key(Anchor::Character(ADA)));
		assert!(pallet_bonds::Communities::<Test>::contains_key(of(ADA)), "the character goes on");
		assert_eq!(last_event(), Event::CommunityClosed { community: of(ADA) });
	});
}

#[test]
fn close_community_should_fail_when_it_is_not_empty() {
	build_and_execute(|| {
		let community = with_members();
		assert_noop!(Dso::close_community(signed(ALICE), community), Error::<Test>::CommunityNotEmpty);
		let id = propose(ALICE, community, Action::Signal);
		assert_ok!(Dso::purge_seat(signed(ALICE), community, Anchor::Character(ADA)));
		assert_noop!(Dso::close_community(signed(ALICE), community), Error::<Test>::CommunityNotEmpty);
		assert_ok!(Dso::withdraw(signed(ALICE), id));
		assert_ok!(Dso::reap(signed(DAVE), id, 10));
		// Bob and the fans have a say: who holds the character does not end it.
		assert_noop!(Dso::close_community(signed(ALICE), community), Error::<Test>::CommunityNotEmpty);
		go_on(100);
		assert_noop!(Dso::reap_dormant(signed(EVE), community), Error::<Test>::CommunityNotEmpty);
	});
}

#[test]
fn close_community_should_leave_an_owner_alone() {
	build_and_execute(|| {
		claim(ALICE, ADA);
		go_on(1);
		assert_ok!(Dso::purge_seat(signed(ALICE), of(ADA), Anchor::Character(ADA)));
		assert_ok!(Dso::close_community(signed(ALICE), of(ADA)));
	});
}

#[test]
fn treasury_of_a_group_should_go_to_the_community_above() {
	build_and_execute(|| {
		assert_ok!(Dso::open_group(signed(BOB), X));
		let group = pallet_bonds::NextCommunityId::<Test>::get() - 1;
		endow(group, 5_000);
		// While anybody has power in it, it stays.
		assert_noop!(Dso::close_community(signed(BOB), group), pallet_bonds::Error::<Test>::CommunityNotEmpty);
		go_on(60);
		assert_ok!(Dso::lapse_badge(signed(DAVE), group, account(BOB)));
		assert_ok!(Dso::close_community(signed(BOB), group));
		assert_eq!(Balances::balance(&treasury(X)), 5_000);
		assert_eq!(Communities::<Test>::get(X).unwrap().groups, 0);
	});
}

#[test]
fn reap_dormant_should_close_what_nobody_uses() {
	build_and_execute(|| {
		assert_ok!(Dso::open_community(signed(DAVE), Anchor::Character(ADA)));
		assert_noop!(Dso::reap_dormant(signed(BOB), of(ADA)), Error::<Test>::NotDormant);
		go_on(100);
		assert_ok!(Dso::reap_dormant(signed(BOB), of(ADA)));
		assert_eq!(Balances::free_balance(account(DAVE)), FUNDS);
		assert_noop!(Dso::reap_dormant(signed(BOB), X), Error::<Test>::XNeverCloses);
	});
}
