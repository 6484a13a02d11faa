use autonomy_primitives::community::{Class, Pot};
use frame_support::{assert_noop, assert_ok, traits::fungible::Inspect};

use super::with_members;
use crate::{mock::*, types::Anchor, Action, AiSeats, Communities, CommunityByAnchor, Error, Event};

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
		// Alice would decide alone: investors and fans are still there.
		assert_noop!(Dso::close_community(signed(ALICE), community), Error::<Test>::CommunityNotEmpty);
		go_on(100);
		assert_noop!(Dso::reap_dormant(signed(ALICE), community), Error::<Test>::CommunityNotEmpty);
		let all = Bonds::bond_of(account(BOB), community, Pot::Shares).unwrap().amounts.days_14;
		assert_ok!(Bonds::unbond(signed(BOB), community, Pot::Shares, pallet_bonds::Tier::Days14, all));
		for fan_of_hers in [CAROL, 20, 21, 22, 23] {
			set_power(fan_of_hers, community, Class::Fan, 0);
		}
		go_on(1);
		assert_ok!(Dso::close_community(signed(ALICE), community));
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
fn close_community_should_not_silence_an_ai() {
	build_and_execute(|| {
		// Dave has opened it, and has no part in it.
		seat_ais(&[ADA], 100);
		assert_noop!(Dso::close_community(signed(DAVE), of(ADA)), Error::<Test>::CommunityNotEmpty);
		go_on(60);
		assert_ok!(Dso::close_community(signed(DAVE), of(ADA)));
		assert!(!AiSeats::<Test>::contains_key(of(ADA)), "it has counted nothing for two periods");
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
