use autonomy_governance::Side;
use autonomy_primitives::community::{Class, Topic};
use frame_support::{assert_noop, assert_ok};

use super::{ballot, cast, sides, with_members};
use crate::{mock::*, types::Anchor, Action, Ballot, Capacity, Error, Event};

const TOKEN: Capacity = Capacity::Member(Class::Token);

#[test]
fn vote_should_count_power_of_the_snapshot_and_change_until_the_end() {
	build_and_execute(|| {
		let id = propose(ALICE, X, Action::Signal);
		assert_noop!(Dso::vote(signed(ALICE), id, TOKEN, Side::Aye), Error::<Test>::VotingClosed);
		open(id);
		assert_ok!(Dso::vote(signed(ALICE), id, TOKEN, Side::Aye));
		assert_eq!(sides(cast(id, Class::Token)), (2_000_000, 0, 0));
		assert_eq!(
			last_event(),
			Event::Voted { proposal: id, community: X, who: account(ALICE), capacity: TOKEN, side: Side::Aye }
		);
		assert_ok!(Dso::vote(signed(ALICE), id, TOKEN, Side::Nay));
		assert_ok!(Dso::vote(signed(BOB), id, TOKEN, Side::Abstain));
		assert_eq!(sides(cast(id, Class::Token)), (0, 2_000_000, 2_000_000));
		finish(id);
		assert_noop!(Dso::vote(signed(ALICE), id, TOKEN, Side::Aye), Error::<Test>::VotingClosed);
	});
}

#[test]
fn vote_should_fail_without_power_or_in_a_class_that_does_not_vote() {
	build_and_execute(|| {
		let id = propose(ALICE, X, Action::Signal);
		open(id);
		let vote = |who, capacity| Dso::vote(signed(who), id, capacity, Side::Aye);
		assert_noop!(vote(DAVE, TOKEN), Error::<Test>::NoPower);
		assert_noop!(vote(ALICE, Capacity::Member(Class::Fan)), Error::<Test>::ClassDoesNotVote);
		assert_noop!(vote(ALICE, Capacity::Member(Class::Ai)), Error::<Test>::NotAMemberClass);
		assert_noop!(vote(ALICE, Capacity::Member(Class::Owner)), Error::<Test>::NotAMemberClass);
		assert_noop!(vote(ALICE, Capacity::Holder(Anchor::Character(ADA))), Error::<Test>::NoSeat);
	});
}

#[test]
fn ballot_should_count_no_more_than_what_still_stands() {
	build_and_execute(|| {
		let id = propose(ALICE, X, Action::Signal);
		open(id);
		// A slash has left Alice with less than what she has bonded, and nobody has poked.
		assert_ok!(Balances::force_set_balance(RuntimeOrigin::root(), account(ALICE), 900_000));
		vote(ALICE, id, Class::Token, Side::Aye);
		assert!(cast(id, Class::Token).ayes < 2_000_000);
	});
}

#[test]
fn holder_should_vote_with_one_seat() {
	build_and_execute(|| {
		let community = with_members();
		let id = propose(ALICE, community, Action::Signal);
		open(id);
		vote_as_holder(ALICE, id, ADA, Side::Aye);
		assert_eq!(sides(cast(id, Class::Owner)), (1, 0, 0));
		let bobs = Dso::vote(signed(BOB), id, Capacity::Holder(Anchor::Character(ADA)), Side::Aye);
		assert_eq!(bobs, Err(Error::<Test>::NotHolder.into()));
	});
}

#[test]
fn delegate_should_cast_what_was_delegated_until_it_is_overridden() {
	build_and_execute(|| {
		for who in [BOB, CAROL] {
			assert_ok!(Bonds::delegate(signed(who), X, Class::Token, Topic::Routine, account(ALICE)));
		}
		go_on(1);
		let id = propose(ALICE, X, Action::Signal);
		open(id);
		vote(ALICE, id, Class::Token, Side::Aye);
		assert_eq!(sides(cast(id, Class::Token)), (6_000_000, 0, 0));
		vote(BOB, id, Class::Token, Side::Nay);
		assert_eq!(sides(cast(id, Class::Token)), (4_000_000, 2_000_000, 0));
		// Before the delegate votes, it is noted.
		let id = propose(BOB, X, Action::Signal);
		open(id);
		vote(CAROL, id, Class::Token, Side::Nay);
		let noted = Ballot { side: None, power: 0, overridden: 2_000_000 };
		assert_eq!(ballot(id, X, Class::Token, ALICE), Some(noted));
		vote(ALICE, id, Class::Token, Side::Aye);
		assert_eq!(sides(cast(id, Class::Token)), (4_000_000, 2_000_000, 0));
	});
}

#[test]
fn routine_delegation_should_not_cover_what_is_critical() {
	build_and_execute(|| {
		assert_ok!(Bonds::delegate(signed(BOB), X, Class::Token, Topic::Routine, account(ALICE)));
		go_on(1);
		let id = propose(ALICE, X, motion(false, &template_call()));
		assert_eq!(proposal(id).topic, Topic::Critical);
		open(id);
		vote(ALICE, id, Class::Token, Side::Aye);
		assert_eq!(sides(cast(id, Class::Token)), (2_000_000, 0, 0));
	});
}

#[test]
fn late_change_of_the_leading_side_should_extend_twice_at_most() {
	build_and_execute(|| {
		let id = propose(ALICE, X, Action::Signal);
		open(id);
		vote(ALICE, id, Class::Token, Side::Aye);
		let length = u64::from(proposal(id).voting.length);
		let mut side = Side::Nay;
		for extensions in 1..=3u8 {
			go_to(u64::from(proposal(id).voting.end()) - 1);
			vote(ALICE, id, Class::Token, side);
			side = if side == Side::Nay { Side::Aye } else { Side::Nay };
			assert_eq!(proposal(id).voting.extensions, extensions.min(2));
		}
		let voting = proposal(id).voting;
		assert_eq!(u64::from(voting.end() - voting.start), length + 2 * (length.div_ceil(4)));
		assert_eq!(proposal(id).voting.cut_off(), voting.start + voting.length * 7 / 10, "for AIs nothing changes");
	});
}
