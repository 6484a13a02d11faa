use autonomy_primitives::community::{Class, Power, PowerSource};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::AccountId32;

use crate::{mock::*, types::Anchor, AiSeats, Error, Event, Place};

/// Power of AIs in X at the end of yesterday.
fn house() -> Power {
	<Bonds as PowerSource<AccountId32>>::total_at(X, Class::Ai, Bonds::today() - 1).unwrap()
}

#[test]
fn open_ai_seat_should_weigh_use_and_backing_of_the_last_period() {
	build_and_execute(|| {
		let before = wealth(DAVE);
		seat_ais(&[ADA], 250);
		let seat = AiSeats::<Test>::get(of(ADA)).unwrap();
		assert_eq!((seat.parent, seat.weight, seat.controller), (X, 250, Some(account(ALICE))));
		assert_eq!((house(), wealth(DAVE)), (250, before - F0));
	});
}

#[test]
fn seat_should_weigh_300_at_most_and_nothing_below_the_least() {
	build_and_execute(|| {
		seat_ais(&[1], 1_000);
		assert_eq!(AiSeats::<Test>::get(of(1)).unwrap().weight, 300);
		// Enough use, too little backing.
		assert_ok!(Dso::open_community(signed(DAVE), Anchor::Character(2)));
		use_ai(2, 10 * U);
		bond(EVE, of(2), S - 1);
		go_to_day(90);
		assert_ok!(Dso::open_ai_seat(signed(DAVE), of(2)));
		assert_eq!(AiSeats::<Test>::get(of(2)).unwrap().weight, 0);
	});
}

#[test]
fn opening_should_cost_more_the_more_seats_were_opened() {
	build_and_execute(|| {
		assert_eq!(Dso::seat_burn(), F0);
		seat_ais(&[1, 2, 3, 4], 100);
		assert_eq!(Dso::seat_burn(), 2 * F0);
		go_on(45);
		assert!(Dso::seat_burn() < 2 * F0, "they are forgotten again");
		go_on(30);
		assert_eq!(Dso::seat_burn(), F0);
	});
}

#[test]
fn refresh_seat_should_be_possible_once_in_a_period() {
	build_and_execute(|| {
		seat_ais(&[ADA], 100);
		assert_noop!(Dso::refresh_seat(signed(DAVE), of(ADA)), Error::<Test>::RefreshedLately);
		assert_noop!(Dso::refresh_seat(signed(DAVE), of(2)), Error::<Test>::NoSeat);
		use_ai(ADA, 2 * U);
		bond(EVE, of(ADA), S);
		go_to_day(90);
		assert_ok!(Dso::refresh_seat(signed(DAVE), of(ADA)));
		let controller = Some(account(ALICE));
		assert_eq!(last_event(), Event::AiSeatRefreshed { child: of(ADA), parent: X, weight: 200, controller });
		// Nobody used it since.
		go_to_day(120);
		assert_ok!(Dso::refresh_seat(signed(DAVE), of(ADA)));
		assert_eq!(AiSeats::<Test>::get(of(ADA)).unwrap().weight, 0);
	});
}

#[test]
fn seat_should_move_with_the_character() {
	build_and_execute(|| {
		seat_ais(&[1, 2], 100);
		assert_eq!(house(), 200);
		Parents::mutate(|parents| parents.insert(2, 1));
		assert_ok!(Dso::refresh_seat(signed(DAVE), of(2)));
		go_on(1);
		assert_eq!(house(), 100);
		let under = <Bonds as PowerSource<AccountId32>>::total_at(of(1), Class::Ai, Bonds::today() - 1);
		assert_eq!(under, Some(100));
	});
}

#[test]
fn pooled_members_should_have_one_seat_of_their_sum() {
	build_and_execute(|| {
		seat_ais(&[1, 2], 100);
		Collectives::mutate(|all| all.insert(0, (true, vec![1, 2])));
		assert_ok!(Dso::open_community(signed(DAVE), Anchor::Collective(0)));
		let band = crate::CommunityByAnchor::<Test>::get(Anchor::Collective(0)).unwrap();
		for member in [1, 2] {
			assert_ok!(Dso::refresh_seat(signed(DAVE), of(member)));
			assert!(!AiSeats::<Test>::contains_key(of(member)), "it has no seat of its own any more");
		}
		assert_ok!(Dso::open_ai_seat(signed(DAVE), band));
		assert_eq!(AiSeats::<Test>::get(band).unwrap().weight, 200);
		go_on(1);
		assert_eq!(house(), 200);
	});
}

#[test]
fn collective_should_lose_the_weight_of_who_leaves() {
	build_and_execute(|| {
		seat_ais(&[1, 2, 3], 100);
		Collectives::mutate(|all| all.insert(0, (true, vec![1, 2, 3])));
		assert_ok!(Dso::open_community(signed(DAVE), Anchor::Collective(0)));
		let band = crate::CommunityByAnchor::<Test>::get(Anchor::Collective(0)).unwrap();
		assert_ok!(Dso::open_ai_seat(signed(DAVE), band));
		assert_noop!(Dso::refresh_seat(signed(DAVE), band), Error::<Test>::RefreshedLately);
		Collectives::mutate(|all| all.insert(0, (true, vec![1, 2])));
		assert_ok!(Dso::refresh_seat(signed(DAVE), band));
		assert_eq!(AiSeats::<Test>::get(band).unwrap().weight, 200);
		assert_eq!(AiSeats::<Test>::get(band).unwrap().refreshed.len(), 1);
	});
}

#[test]
fn open_ai_seat_should_fail_where_there_is_no_ai() {
	build_and_execute(|| {
		assert_noop!(Dso::open_ai_seat(signed(DAVE), of_model()), Error::<Test>::NoAi);
		assert_noop!(Dso::open_ai_seat(signed(DAVE), X), Error::<Test>::NoAi);
		assert_noop!(Dso::open_ai_seat(signed(DAVE), 99), Error::<Test>::UnknownCommunity);
		seat_ais(&[ADA], 100);
		assert_noop!(Dso::open_ai_seat(signed(DAVE), of(ADA)), Error::<Test>::SeatClaimed);
		Parents::mutate(|parents| parents.insert(2, 3));
		// The seat is one level up, in a community that is not open yet.
		assert_noop!(Dso::open_ai_seat(signed(DAVE), of(2)), Error::<Test>::UnknownCommunity);
		assert_eq!(<MockAnchors as crate::traits::Anchors<_>>::place(Anchor::Character(2)), Some(Place::Under(3)));
	});
}

#[test]
fn buyer_of_an_ai_should_be_its_controller_at_once() {
	build_and_execute(|| {
		seat_ais(&[1, 2], 100);
		sell(2, ALICE, BOB);
		// More use and backing count in the next period.
		use_ai(2, 10 * U);
		bond(EVE, of(2), 10 * S);
		go_on(2);
		assert_ok!(Dso::refresh_seat(signed(DAVE), of(2)));
		let controller = Some(account(BOB));
		assert_eq!(last_event(), Event::AiSeatRefreshed { child: of(2), parent: X, weight: 100, controller });
		assert_eq!(house(), 200);
		assert_noop!(Dso::refresh_seat(signed(DAVE), of(2)), Error::<Test>::RefreshedLately);
	});
}
