use frame_support::{assert_noop, assert_ok};

use super::{adopt, info};
use crate::{mock::*, AskedParents, Error, Event, Seat};

#[test]
fn accept_child_should_seat_it_under_its_parent() {
	build_and_execute(|| {
		let (ada, bea) = (create(ALICE), create(BOB));
		assert_ok!(Characters::ask_parent(signed(BOB), bea, Some(ada)));
		assert_noop!(Characters::accept_child(signed(BOB), ada, bea), Error::<Test>::NotGovernor);
		assert_ok!(Characters::accept_child(signed(ALICE), ada, bea));
		assert_eq!((info(bea).parent, info(ada).children), (Some(ada), 1));
		assert_eq!(AskedParents::<Test>::get(bea), None);
		assert_eq!(Characters::seat(bea), Some(Seat::Under(ada)));
		assert_eq!(last_event(), Event::ParentSet { child: bea, parent: Some(ada) });
	});
}

#[test]
fn accept_child_should_fail_when_things_have_changed_since() {
	build_and_execute(|| {
		let [ada, bea, cleo] = [(); 3].map(|()| create(ALICE));
		assert_ok!(Characters::ask_parent(signed(ALICE), bea, Some(ada)));
		adopt(bea, cleo, ALICE);
		assert_noop!(Characters::accept_child(signed(ALICE), ada, bea), Error::<Test>::TooDeep);
		assert_noop!(Characters::accept_child(signed(ALICE), ada, cleo), Error::<Test>::ParentNotAsked);
	});
}

#[test]
fn accept_child_should_fail_when_there_are_too_many() {
	build_and_execute(|| {
		let [ada, bea, cleo, dora] = [(); 4].map(|()| create(ALICE));
		assert_ok!(Characters::ask_parent(signed(ALICE), dora, Some(ada)));
		adopt(ada, bea, ALICE);
		adopt(ada, cleo, ALICE);
		assert_noop!(Characters::accept_child(signed(ALICE), ada, dora), Error::<Test>::TooManyChildren);
	});
}
