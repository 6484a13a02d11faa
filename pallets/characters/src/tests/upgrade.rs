use frame_support::{assert_noop, assert_ok};

use super::{fan_power, rank};
use crate::{mock::*, Error};

#[test]
fn upgrade_should_take_the_tier_that_is_deserved_now() {
	build_and_execute(|| {
		let ada = create(ALICE);
		assert_ok!(Characters::join(signed(BOB), ada));
		bond(BOB, ada, 6_000);
		spend(BOB, ada, 1_000);
		assert_ok!(Characters::upgrade(signed(BOB), ada));
		assert_eq!((rank(ada, BOB), fan_power(ada, BOB)), ((2, 2), 2));
	});
}

#[test]
fn upgrade_should_take_the_points_of_a_lower_line() {
	build_and_execute(|| {
		let ada = create(ALICE);
		assert_ok!(Characters::join(signed(BOB), ada));
		let mut charter = chosen();
		charter.advanced_from = 0;
		assert_ok!(Characters::customise(signed(ALICE), ada, Box::new(charter)));
		assert_ok!(Characters::upgrade(signed(BOB), ada));
		assert_eq!(rank(ada, BOB), (0, 1));
	});
}

#[test]
fn upgrade_should_fail_when_nothing_higher_is_deserved() {
	build_and_execute(|| {
		let ada = create(ALICE);
		assert_noop!(Characters::upgrade(signed(BOB), ada), Error::<Test>::NotFan);
		assert_noop!(Characters::upgrade(signed(BOB), 9), Error::<Test>::UnknownCharacter);
		assert_ok!(Characters::join(signed(BOB), ada));
		assert_noop!(Characters::upgrade(signed(BOB), ada), Error::<Test>::TierNotReached);
		bond(BOB, ada, 1_999);
		assert_noop!(Characters::upgrade(signed(BOB), ada), Error::<Test>::TierNotReached);
	});
}
