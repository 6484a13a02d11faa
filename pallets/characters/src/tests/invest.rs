use frame_support::{assert_noop, assert_ok};

use super::free;
use crate::{mock::*, Error, Event, Invested, PriceRule, Rounds};

#[test]
fn invest_should_move_money_and_mint_shares() {
	build_and_execute(|| {
		let ada = create(ALICE);
		// 100 to 109, then 110 and 111.
		assert_ok!(Characters::invest(signed(BOB), ada, 10, 1_045));
		assert_ok!(Characters::invest(signed(CAROL), ada, 2, 221));
		assert_eq!((free(BOB), free(CAROL)), (FUNDS - 1_045, FUNDS - 221));
		assert_eq!(Balances::free_balance(treasury(ada)), 1_266);
		assert_eq!(Assets::balance(FIRST_SHARES, account(BOB)), 10);
		let round = Rounds::<Test>::get(ada).unwrap();
		assert_eq!((round.sold, round.raised), (12, 1_266));
		assert_eq!(Invested::<Test>::get(ada, account(CAROL)), 2);
		let event = Event::Invested { character: ada, who: account(CAROL), shares: 2, cost: 221 };
		assert_eq!(last_event(), event);
	});
}

#[test]
fn invest_should_take_a_fixed_price() {
	build_and_execute(|| {
		let mut details = details();
		details.round.as_mut().unwrap().price = PriceRule::Fixed { price: 7 };
		assert_ok!(Characters::create(signed(ALICE), details));
		assert_ok!(Characters::invest(signed(BOB), 0, 10, 70));
		assert_ok!(Characters::invest(signed(BOB), 0, 10, 70));
		assert_eq!(free(BOB), FUNDS - 140);
	});
}

#[test]
fn invest_should_fail_when_it_is_not_for_sale() {
	build_and_execute(|| {
		let ada = create(ALICE);
		let mut bare = details();
		bare.round = None;
		assert_ok!(Characters::create(signed(ALICE), bare));
		let invest = |id, shares, max| Characters::invest(signed(BOB), id, shares, max);
		assert_noop!(invest(9, 1, 1_000), Error::<Test>::UnknownCharacter);
		assert_noop!(invest(1, 1, 1_000), Error::<Test>::NoRound);
		assert_noop!(invest(ada, 0, 1_000), Error::<Test>::SharesAreZero);
		assert_noop!(invest(ada, 1_001, u128::MAX), Error::<Test>::NotEnoughShares);
		assert_noop!(invest(ada, 10, 1_044), Error::<Test>::PriceAboveLimit);
		run_to(DAY + 100);
		assert_noop!(invest(ada, 1, 1_000), Error::<Test>::RoundOver);
	});
}

#[test]
fn invest_should_fail_when_the_money_is_missing() {
	build_and_execute(|| {
		let ada = create(ALICE);
		let invest = Characters::invest(signed(50), ada, 10, 2_000);
		assert!(invest.is_err());
	});
}
