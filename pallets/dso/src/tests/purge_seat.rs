use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, types::Anchor, Error, Event, Seats};

const ADAS: Anchor = Anchor::Character(ADA);

#[test]
fn purge_seat_should_free_the_seat_of_a_former_holder() {
	build_and_execute(|| {
		claim(ALICE, ADA);
		assert_noop!(Dso::purge_seat(signed(DAVE), of(ADA), ADAS), Error::<Test>::SeatStands);
		sell(ADA, ALICE, BOB);
		assert_ok!(Dso::purge_seat(signed(DAVE), of(ADA), ADAS));
		assert_eq!((Seats::<Test>::iter().count(), Dso::community(of(ADA)).unwrap().seats), (0, 0));
		assert_eq!(last_event(), Event::SeatPurged { community: of(ADA), anchor: ADAS });
		assert_noop!(Dso::purge_seat(signed(DAVE), of(ADA), ADAS), Error::<Test>::NoSeat);
	});
}

#[test]
fn holder_should_leave_its_own_seat() {
	build_and_execute(|| {
		claim(ALICE, ADA);
		assert_ok!(Dso::purge_seat(signed(ALICE), of(ADA), ADAS));
		claim(ALICE, ADA);
	});
}
