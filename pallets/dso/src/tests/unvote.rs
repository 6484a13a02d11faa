use autonomy_governance::Side;
use autonomy_primitives::community::{Class, Topic};
use frame_support::{assert_noop, assert_ok};

use super::{cast, sides};
use crate::{mock::*, Action, Ballots, Capacity, Error, Event};

const TOKEN: Capacity = Capacity::Member(Class::Token);

#[test]
fn unvote_should_take_a_ballot_back() {
	build_and_execute(|| {
		let id = propose(ALICE, X, Action::Signal);
		open(id);
		assert_noop!(Dso::unvote(signed(ALICE), id, X, TOKEN), Error::<Test>::NotVoted);
		vote(ALICE, id, Class::Token, Side::Aye);
		assert_ok!(Dso::unvote(signed(ALICE), id, X, TOKEN));
		assert_eq!((sides(cast(id, Class::Token)), Ballots::<Test>::iter().count()), ((0, 0, 0), 0));
		assert_eq!(last_event(), Event::Unvoted { proposal: id, community: X, who: account(ALICE), capacity: TOKEN });
	});
}

#[test]
fn unvote_should_give_power_back_to_the_delegate() {
	build_and_execute(|| {
		assert_ok!(Bonds::delegate(signed(BOB), X, Class::Token, Topic::Routine, account(ALICE)));
		go_on(1);
		let id = propose(ALICE, X, Action::Signal);
		open(id);
		vote(BOB, id, Class::Token, Side::Nay);
		vote(ALICE, id, Class::Token, Side::Aye);
		assert_eq!(sides(cast(id, Class::Token)), (2_000_000, 2_000_000, 0));
		assert_ok!(Dso::unvote(signed(BOB), id, X, TOKEN));
		assert_eq!(sides(cast(id, Class::Token)), (4_000_000, 0, 0));
	});
}

#[test]
fn unvote_should_work_in_a_community_below_until_the_cut_off() {
	build_and_execute(|| {
		fan(CAROL, ADA);
		seat_ais(&[ADA], 100);
		let id = propose(BOB, X, Action::Signal);
		open(id);
		let fan = Capacity::Member(Class::Fan);
		assert_noop!(Dso::unvote(signed(CAROL), id, of(ADA), fan), Error::<Test>::NotVoted);
		assert_ok!(Dso::vote_child(signed(CAROL), id, of(ADA), fan, Side::Aye));
		assert_ok!(Dso::unvote(signed(CAROL), id, of(ADA), fan));
		cut_off(id);
		assert_noop!(Dso::unvote(signed(CAROL), id, of(ADA), fan), Error::<Test>::VotingClosed);
	});
}
