use frame_support::{assert_noop, assert_ok};

use super::{collective, held, info};
use crate::{mock::*, CollectiveMode, Collectives, Error, Event, HoldReason, Seat};

#[test]
fn leave_collective_should_return_seat_and_deposit() {
	build_and_execute(|| {
		let (ada, bea) = (create(ALICE), create(ALICE));
		let before = held(HoldReason::Deposit, ALICE);
		let id = collective(ada, bea, ALICE, CollectiveMode::Pooled);
		assert_ok!(Characters::leave_collective(signed(ALICE), ada));
		assert_eq!((info(ada).collective, Characters::seat(ada)), (None, Some(Seat::Own)));
		// One alone is no collective.
		assert_eq!(Characters::seat(bea), Some(Seat::Own));
		assert_eq!(last_event(), Event::CollectiveLeft { collective: id, character: ada, ended: false });
		assert_ok!(Characters::leave_collective(signed(ALICE), bea));
		assert_eq!(last_event(), Event::CollectiveLeft { collective: id, character: bea, ended: true });
		assert_eq!((Collectives::<Test>::get(id), held(HoldReason::Deposit, ALICE)), (None, before));
	});
}

#[test]
fn leave_collective_should_fail_when_it_is_in_none() {
	build_and_execute(|| {
		let ada = create(ALICE);
		assert_noop!(Characters::leave_collective(signed(ALICE), ada), Error::<Test>::NotMember);
		assert_noop!(Characters::leave_collective(signed(BOB), ada), Error::<Test>::NotGovernor);
	});
}
