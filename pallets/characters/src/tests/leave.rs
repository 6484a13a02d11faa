use frame_support::{assert_noop, assert_ok};

use super::{badge, fan_power, held, info};
use crate::{mock::*, Error, Event, HoldReason, Spent};

#[test]
fn leave_should_return_the_deposit_and_end_the_power() {
	build_and_execute(|| {
		let ada = create(ALICE);
		bond(BOB, ada, 2_000);
		spend(BOB, ada, 70);
		assert_ok!(Characters::join(signed(BOB), ada));
		assert_eq!(fan_power(ada, BOB), 1);
		assert_ok!(Characters::leave(signed(BOB), ada));
		assert_eq!((badge(ada, BOB), fan_power(ada, BOB), held(HoldReason::Deposit, BOB)), (None, 0, 0));
		assert_eq!((info(ada).fans, Spent::<Test>::get(ada, account(BOB))), (0, 70));
		assert_eq!(last_event(), Event::FanLeft { character: ada, who: account(BOB) });
	});
}

#[test]
fn leave_should_fail_when_the_account_is_no_fan() {
	build_and_execute(|| {
		let ada = create(ALICE);
		assert_noop!(Characters::leave(signed(BOB), ada), Error::<Test>::NotFan);
		assert_noop!(Characters::leave(signed(BOB), 9), Error::<Test>::UnknownCharacter);
	});
}
