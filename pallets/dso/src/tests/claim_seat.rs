use autonomy_primitives::community::{Class, PowerSource};
use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, types::Anchor, Error, Event, Seat, Seats};

const ADAS: Anchor = Anchor::Character(ADA);

#[test]
fn claim_seat_should_give_power_from_tomorrow() {
	build_and_execute(|| {
		assert_ok!(Dso::claim_seat(signed(ALICE), of(ADA), ADAS));
		assert_eq!(Seats::<Test>::get(of(ADA), ADAS), Some(Seat { holder: account(ALICE), since: 40 }));
		assert_eq!(
			last_event(),
			Event::SeatClaimed { community: of(ADA), anchor: ADAS, holder: account(ALICE), since: 40 }
		);
		go_on(1);
		let total = <Bonds as PowerSource<sp_runtime::AccountId32>>::total_at(of(ADA), Class::Owner, 40);
		assert_eq!(total, Some(1));
	});
}

#[test]
fn claim_seat_should_fail_for_others_and_elsewhere() {
	build_and_execute(|| {
		assert_noop!(Dso::claim_seat(signed(BOB), of(ADA), ADAS), Error::<Test>::NotHolder);
		assert_noop!(Dso::claim_seat(signed(ALICE), of(2), ADAS), Error::<Test>::NotSeatedHere);
		assert_noop!(Dso::claim_seat(signed(ALICE), X, ADAS), Error::<Test>::NotSeatedHere);
		claim(ALICE, ADA);
		assert_noop!(Dso::claim_seat(signed(ALICE), of(ADA), ADAS), Error::<Test>::SeatClaimed);
	});
}

#[test]
fn buyer_should_take_the_seat_over_from_its_own_day_on() {
	build_and_execute(|| {
		claim(ALICE, ADA);
		go_on(3);
		sell(ADA, ALICE, BOB);
		assert_ok!(Dso::claim_seat(signed(BOB), of(ADA), ADAS));
		assert_eq!(Seats::<Test>::get(of(ADA), ADAS), Some(Seat { holder: account(BOB), since: 43 }));
		assert_eq!(Dso::community(of(ADA)).unwrap().seats, 1);
	});
}

#[test]
fn members_of_a_collective_should_have_a_seat_each() {
	build_and_execute(|| {
		sell(2, ALICE, BOB);
		Collectives::mutate(|all| all.insert(0, (true, vec![1, 2])));
		assert_ok!(Dso::open_community(signed(DAVE), Anchor::Collective(0)));
		let band = crate::CommunityByAnchor::<Test>::get(Anchor::Collective(0)).unwrap();
		assert_ok!(Dso::claim_seat(signed(ALICE), band, ADAS));
		assert_ok!(Dso::claim_seat(signed(BOB), band, Anchor::Character(2)));
		assert_noop!(Dso::claim_seat(signed(ALICE), band, Anchor::Character(3)), Error::<Test>::NotSeatedHere);
		assert_eq!(Dso::community(band).unwrap().seats, 2);
	});
}
