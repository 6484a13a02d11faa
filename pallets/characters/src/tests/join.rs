use frame_support::{assert_noop, assert_ok};
use sp_runtime::{DispatchError, TokenError};

use super::{badge, fan_power, held, info, rank};
use crate::{mock::*, Error, Event, HoldReason};

#[test]
fn join_should_give_the_tier_that_is_deserved() {
	build_and_execute(|| {
		let ada = create(ALICE);
		assert_ok!(Characters::join(signed(BOB), ada));
		assert_eq!((rank(ada, BOB), fan_power(ada, BOB)), ((0, 0), 0));
		bond(CAROL, ada, 6_000);
		assert_ok!(Characters::join(signed(CAROL), ada));
		assert_eq!((rank(ada, CAROL), fan_power(ada, CAROL)), ((1, 1), 1));
		bond(DAVE, ada, 6_000);
		spend(DAVE, ada, 1_000);
		run_to(30);
		assert_ok!(Characters::join(signed(DAVE), ada));
		assert_eq!((rank(ada, DAVE), fan_power(ada, DAVE)), ((2, 2), 2));
		let stored = badge(ada, DAVE).unwrap();
		assert_eq!((stored.since, held(HoldReason::Deposit, DAVE)), (30, stored.deposit));
		assert_eq!(info(ada).fans, 3);
		assert_eq!(last_event(), Event::FanTierSet { character: ada, who: account(DAVE), badge: stored });
	});
}

#[test]
fn join_should_fail_when_no_tier_is_met() {
	build_and_execute(|| {
		let ada = create(ALICE);
		let mut charter = chosen();
		charter.tiers[0].bonded = 500;
		assert_ok!(Characters::customise(signed(ALICE), ada, Box::new(charter)));
		assert_noop!(Characters::join(signed(BOB), ada), Error::<Test>::TierNotReached);
		bond(BOB, ada, 500);
		assert_ok!(Characters::join(signed(BOB), ada));
	});
}

#[test]
fn join_should_fail_when_the_account_is_a_fan() {
	build_and_execute(|| {
		let ada = create(ALICE);
		assert_ok!(Characters::join(signed(BOB), ada));
		assert_noop!(Characters::join(signed(BOB), ada), Error::<Test>::AlreadyFan);
		assert_noop!(Characters::join(signed(BOB), 9), Error::<Test>::UnknownCharacter);
	});
}

#[test]
fn join_should_fail_when_the_deposit_cannot_be_paid() {
	build_and_execute(|| {
		let ada = create(ALICE);
		assert_noop!(Characters::join(signed(50), ada), DispatchError::from(TokenError::FundsUnavailable));
	});
}
