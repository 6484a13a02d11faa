use frame_support::{assert_noop, assert_ok};

use super::{badge, fan_power, held, rank};
use crate::{mock::*, Error, Event, HoldReason};

#[test]
fn refresh_fan_should_lower_a_tier_that_is_not_deserved() {
	build_and_execute(|| {
		let ada = create(ALICE);
		bond(BOB, ada, 2_000);
		assert_ok!(Characters::join(signed(BOB), ada));
		unbond(BOB, ada, 500);
		assert_ok!(Characters::refresh_fan(signed(DAVE), ada, account(BOB)));
		assert_eq!((rank(ada, BOB), fan_power(ada, BOB)), ((0, 0), 0));
	});
}

#[test]
fn refresh_fan_should_end_a_badge_without_a_tier() {
	build_and_execute(|| {
		let ada = create(ALICE);
		assert_ok!(Characters::join(signed(BOB), ada));
		let mut charter = chosen();
		charter.tiers[0].spent = 1;
		assert_ok!(Characters::customise(signed(ALICE), ada, Box::new(charter)));
		assert_ok!(Characters::refresh_fan(signed(DAVE), ada, account(BOB)));
		assert_eq!((badge(ada, BOB), held(HoldReason::Deposit, BOB)), (None, 0));
		assert_eq!(last_event(), Event::FanLeft { character: ada, who: account(BOB) });
	});
}

#[test]
fn refresh_fan_should_take_the_points_of_a_higher_line() {
	build_and_execute(|| {
		let ada = create(ALICE);
		bond(BOB, ada, 2_000);
		assert_ok!(Characters::join(signed(BOB), ada));
		let mut charter = chosen();
		charter.advanced_from = 2;
		assert_ok!(Characters::customise(signed(ALICE), ada, Box::new(charter)));
		assert_ok!(Characters::refresh_fan(signed(DAVE), ada, account(BOB)));
		assert_eq!((rank(ada, BOB), fan_power(ada, BOB)), ((1, 0), 0));
	});
}

#[test]
fn refresh_fan_should_fail_when_the_tier_is_deserved() {
	build_and_execute(|| {
		let ada = create(ALICE);
		let refresh = |id| Characters::refresh_fan(signed(DAVE), id, account(BOB));
		assert_noop!(refresh(ada), Error::<Test>::NotFan);
		assert_noop!(refresh(9), Error::<Test>::UnknownCharacter);
		assert_ok!(Characters::join(signed(BOB), ada));
		assert_noop!(refresh(ada), Error::<Test>::TierDeserved);
		// Nobody but the fan raises it.
		bond(BOB, ada, 5_000);
		assert_noop!(refresh(ada), Error::<Test>::TierDeserved);
	});
}
