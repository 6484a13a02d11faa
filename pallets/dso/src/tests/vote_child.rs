use autonomy_governance::Side;
use autonomy_primitives::community::Class;
use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, types::Anchor, Action, Capacity, ChildPolls, Error, Event, Unsettled};

const FAN: Capacity = Capacity::Member(Class::Fan);

#[test]
fn vote_child_should_count_in_the_community_below() {
	build_and_execute(|| {
		claim(ALICE, ADA);
		fan(CAROL, ADA);
		seat_ais(&[ADA], 100);
		let id = propose(BOB, X, Action::Signal);
		open(id);
		assert_ok!(Dso::vote_child(signed(CAROL), id, of(ADA), FAN, Side::Nay));
		assert_ok!(Dso::vote_child(signed(ALICE), id, of(ADA), Capacity::Holder(Anchor::Character(ADA)), Side::Aye));
		let poll = ChildPolls::<Test>::get(id, of(ADA)).unwrap();
		let votes: Vec<_> = poll.lines.iter().map(|line| (line.votes.votes.ayes, line.votes.votes.nays)).collect();
		assert_eq!(votes, [(1, 0), (0, 0), (0, 5), (0, 0)]);
		assert!(Unsettled::<Test>::contains_key(id, of(ADA)));
		assert!(events().contains(&Event::Voted {
			proposal: id,
			community: of(ADA),
			who: account(CAROL),
			capacity: FAN,
			side: Side::Nay
		}));
		assert_eq!(proposal(id).ai.ayes, 0, "nothing counts above before it is settled");
	});
}

#[test]
fn vote_child_should_end_at_the_cut_off() {
	build_and_execute(|| {
		fan(CAROL, ADA);
		seat_ais(&[ADA], 100);
		let id = propose(BOB, X, Action::Signal);
		cut_off(id);
		assert_noop!(Dso::vote_child(signed(CAROL), id, of(ADA), FAN, Side::Aye), Error::<Test>::VotingClosed);
	});
}

#[test]
fn vote_child_should_fail_where_there_is_no_seat_above() {
	build_and_execute(|| {
		fan(CAROL, 2);
		seat_ais(&[ADA], 100);
		let id = propose(BOB, X, Action::Signal);
		open(id);
		for child in [of(2), X, 99] {
			assert_noop!(Dso::vote_child(signed(CAROL), id, child, FAN, Side::Aye), Error::<Test>::NotBelow);
		}
	});
}
