use frame_support::{assert_noop, assert_ok};

use super::collective;
use crate::{mock::*, CollectiveMode, Collectives, Error, Event, MAX_MEMBERS};

#[test]
fn invite_should_be_for_every_member() {
	build_and_execute(|| {
		let [ada, bea, cleo] = [(); 3].map(|()| create(ALICE));
		let id = collective(ada, bea, ALICE, CollectiveMode::Pooled);
		assert_ok!(Characters::invite(signed(ALICE), bea, cleo));
		assert_eq!(Collectives::<Test>::get(id).unwrap().invited.into_inner(), vec![cleo]);
		assert_eq!(last_event(), Event::Invited { collective: id, character: cleo });
	});
}

#[test]
fn invite_should_fail_when_it_cannot_be() {
	build_and_execute(|| {
		let [ada, bea, cleo] = [(); 3].map(|()| create(ALICE));
		let invite = |who, member, id| Characters::invite(signed(who), member, id);
		assert_noop!(invite(ALICE, ada, bea), Error::<Test>::NotMember);
		collective(ada, bea, ALICE, CollectiveMode::Pooled);
		assert_noop!(invite(BOB, ada, cleo), Error::<Test>::NotGovernor);
		assert_noop!(invite(ALICE, ada, 9), Error::<Test>::UnknownCharacter);
		assert_noop!(invite(ALICE, ada, bea), Error::<Test>::AlreadyInCollective);
		assert_ok!(invite(ALICE, ada, cleo));
		assert_noop!(invite(ALICE, bea, cleo), Error::<Test>::InvitedBefore);
	});
}

#[test]
fn invite_should_fail_when_there_are_too_many() {
	build_and_execute(|| {
		let ada = create(ALICE);
		assert_ok!(Characters::found_collective(signed(ALICE), ada, name("Band"), CollectiveMode::Pooled));
		for _ in 0..MAX_MEMBERS {
			let next = create(BOB);
			assert_ok!(Characters::invite(signed(ALICE), ada, next));
		}
		let last = create(BOB);
		assert_noop!(Characters::invite(signed(ALICE), ada, last), Error::<Test>::CollectiveFull);
		// All of them but one find a place.
		for id in 1..MAX_MEMBERS {
			assert_ok!(Characters::join_collective(signed(BOB), 0, id));
		}
		let join = || Characters::join_collective(signed(BOB), 0, MAX_MEMBERS);
		assert_eq!(join(), Err(Error::<Test>::CollectiveFull.into()));
	});
}
