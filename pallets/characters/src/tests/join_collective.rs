use frame_support::{assert_noop, assert_ok};

use super::{adopt, collective, info};
use crate::{mock::*, AskedParents, CollectiveMode, Error, Event, Seat};

#[test]
fn join_collective_should_need_both_consents() {
	build_and_execute(|| {
		let (ada, bea) = (create(ALICE), create(BOB));
		assert_ok!(Characters::found_collective(signed(ALICE), ada, name("Band"), CollectiveMode::Pooled));
		let join = |who| Characters::join_collective(signed(who), 0, bea);
		assert_noop!(join(BOB), Error::<Test>::NotInvited);
		assert_ok!(Characters::invite(signed(ALICE), ada, bea));
		assert_noop!(join(ALICE), Error::<Test>::NotGovernor);
		assert_ok!(join(BOB));
		assert_eq!(info(bea).collective, Some(0));
		assert_eq!(last_event(), Event::CollectiveJoined { collective: 0, character: bea });
	});
}

#[test]
fn join_collective_should_pool_seats_or_leave_them() {
	build_and_execute(|| {
		let [ada, bea, cleo, dora] = [(); 4].map(|()| create(ALICE));
		let pooled = collective(ada, bea, ALICE, CollectiveMode::Pooled);
		collective(cleo, dora, ALICE, CollectiveMode::Federated);
		assert_eq!([ada, bea].map(Characters::seat), [Some(Seat::Pooled(pooled)); 2]);
		assert_eq!([cleo, dora].map(Characters::seat), [Some(Seat::Own); 2]);
	});
}

#[test]
fn join_collective_should_fail_when_the_character_is_seated() {
	build_and_execute(|| {
		let [ada, bea, cleo] = [(); 3].map(|()| create(ALICE));
		assert_ok!(Characters::found_collective(signed(ALICE), ada, name("Band"), CollectiveMode::Pooled));
		assert_ok!(Characters::invite(signed(ALICE), ada, cleo));
		adopt(bea, cleo, ALICE);
		assert_noop!(Characters::join_collective(signed(ALICE), 0, cleo), Error::<Test>::HasParent);
		assert_noop!(Characters::join_collective(signed(ALICE), 0, ada), Error::<Test>::AlreadyInCollective);
		assert_noop!(Characters::join_collective(signed(ALICE), 9, bea), Error::<Test>::UnknownCollective);
	});
}

#[test]
fn join_collective_should_end_the_question_for_a_parent() {
	build_and_execute(|| {
		let [ada, bea, cleo] = [(); 3].map(|()| create(ALICE));
		assert_ok!(Characters::ask_parent(signed(ALICE), bea, Some(cleo)));
		collective(ada, bea, ALICE, CollectiveMode::Pooled);
		assert_eq!(AskedParents::<Test>::get(bea), None);
		assert_noop!(Characters::accept_child(signed(ALICE), cleo, bea), Error::<Test>::ParentNotAsked);
	});
}
