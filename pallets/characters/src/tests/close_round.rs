use frame_support::{assert_noop, assert_ok};

use super::info;
use crate::{mock::*, Error, Event, Rounds};

#[test]
fn close_round_should_keep_the_promise_when_shares_were_sold() {
	build_and_execute(|| {
		let ada = create(ALICE);
		assert_ok!(Characters::invest(signed(BOB), ada, 1, 100));
		assert_noop!(Characters::close_round(signed(DAVE), ada), Error::<Test>::RoundRunning);
		run_to(DAY + 100);
		assert_ok!(Characters::close_round(signed(DAVE), ada));
		assert!(Rounds::<Test>::get(ada).unwrap().closed);
		assert_eq!(info(ada).promise, ppm(100_000));
		let event = Event::RoundClosed { character: ada, sold: 1, raised: 100, promise: ppm(100_000) };
		assert_eq!(last_event(), event);
		assert_noop!(Characters::close_round(signed(DAVE), ada), Error::<Test>::RoundOver);
	});
}

#[test]
fn close_round_should_end_the_promise_when_nothing_was_sold() {
	build_and_execute(|| {
		let ada = create(ALICE);
		run_to(DAY + 100);
		assert_ok!(Characters::close_round(signed(DAVE), ada));
		assert_eq!(info(ada).promise, ppm(0));
	});
}

#[test]
fn close_round_should_not_wait_when_everything_is_sold() {
	build_and_execute(|| {
		let mut small = details();
		small.round.as_mut().unwrap().supply = 2;
		assert_ok!(Characters::create(signed(ALICE), small));
		assert_ok!(Characters::invest(signed(BOB), 0, 2, 201));
		assert_ok!(Characters::close_round(signed(DAVE), 0));
	});
}

#[test]
fn close_round_should_fail_when_there_is_none() {
	build_and_execute(|| {
		assert_noop!(Characters::close_round(signed(DAVE), 0), Error::<Test>::NoRound);
	});
}
