use frame_support::{assert_noop, assert_ok};

use super::info;
use crate::{mock::*, Error, Event, Seat};

#[test]
fn leave_parent_should_be_for_either_side() {
	build_and_execute(|| {
		let (ada, bea) = (create(ALICE), create(BOB));
		for who in [ALICE, BOB] {
			assert_ok!(Characters::ask_parent(signed(BOB), bea, Some(ada)));
			assert_ok!(Characters::accept_child(signed(ALICE), ada, bea));
			assert_noop!(Characters::leave_parent(signed(CAROL), bea), Error::<Test>::NotGovernor);
			assert_ok!(Characters::leave_parent(signed(who), bea));
			assert_eq!((info(bea).parent, info(ada).children), (None, 0));
			assert_eq!(Characters::seat(bea), Some(Seat::Own));
			assert_eq!(last_event(), Event::ParentSet { child: bea, parent: None });
		}
	});
}

#[test]
fn leave_parent_should_fail_when_there_is_none() {
	build_and_execute(|| {
		let ada = create(ALICE);
		assert_noop!(Characters::leave_parent(signed(ALICE), ada), Error::<Test>::NoParent);
		assert_noop!(Characters::leave_parent(signed(ALICE), 9), Error::<Test>::UnknownCharacter);
	});
}
