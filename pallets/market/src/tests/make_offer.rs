use frame_support::{assert_noop, assert_ok};
use sp_runtime::{DispatchError, TokenError};

use super::{free, held};
use crate::{mock::*, Error, Event, HoldReason, Offer, OfferCount, Offers};

#[test]
fn make_offer_should_hold_the_money() {
	build_and_execute(|| {
		assert_ok!(Market::make_offer(signed(BOB), WORKS, 0, 5_000, 50));
		let deposit = held(HoldReason::Deposit, BOB);
		assert!(deposit > DEPOSIT_BASE);
		assert_eq!(held(HoldReason::Offer, BOB), 5_000);
		assert_eq!(free(BOB), FUNDS - 5_000 - deposit);
		let expected = Offer { amount: 5_000, expires: 50, deposit };
		assert_eq!(Offers::<Test>::get((WORKS, 0u32, account(BOB))), Some(expected));
		assert_eq!(OfferCount::<Test>::get(account(BOB)), 1);
		let event =
			Event::OfferMade { collection: WORKS, item: 0, bidder: account(BOB), amount: 5_000, expires: 50, deposit };
		assert_eq!(events(), vec![event]);
	});
}

#[test]
fn make_offer_should_let_several_bid_for_one_item_and_one_for_several() {
	build_and_execute(|| {
		list(0, ALICE, 9_000);
		offer(0, BOB, 1_000);
		offer(0, CAROL, 2_000);
		offer(1, BOB, 3_000);
		assert_eq!(held(HoldReason::Offer, BOB), 4_000);
		assert_eq!(Offers::<Test>::iter_prefix((WORKS, 0u32)).count(), 2);
	});
}

#[test]
fn make_offer_should_fail_when_the_caller_has_one() {
	build_and_execute(|| {
		offer(0, BOB, 1_000);
		assert_noop!(Market::make_offer(signed(BOB), WORKS, 0, 2_000, 50), Error::<Test>::OfferExists);
	});
}

#[test]
fn make_offer_should_fail_when_the_item_is_the_callers_or_gone_or_not_sold_here() {
	build_and_execute(|| {
		assert_noop!(Market::make_offer(signed(ALICE), WORKS, 0, 2_000, 50), Error::<Test>::OwnItem);
		assert_noop!(Market::make_offer(signed(BOB), WORKS, 99, 2_000, 50), Error::<Test>::UnknownItem);
		assert_noop!(Market::make_offer(signed(BOB), OTHERS, 0, 2_000, 50), Error::<Test>::NotTradable);
		assert_noop!(Market::make_offer(RuntimeOrigin::root(), WORKS, 0, 2_000, 50), DispatchError::BadOrigin);
	});
}

#[test]
fn make_offer_should_fail_when_the_amount_or_the_end_is_out_of_range() {
	build_and_execute(|| {
		assert_noop!(Market::make_offer(signed(BOB), WORKS, 0, 0, 50), Error::<Test>::PriceTooLow);
		assert_noop!(Market::make_offer(signed(BOB), WORKS, 0, MIN_PRICE - 1, 50), Error::<Test>::PriceTooLow);
		for expires in [0, 1, 2 + MAX_DURATION] {
			let done = Market::make_offer(signed(BOB), WORKS, 0, 2_000, expires);
			assert_eq!(done, Err(Error::<Test>::EndOutOfRange.into()));
		}
	});
}

#[test]
fn make_offer_should_fail_when_the_account_has_too_many() {
	build_and_execute(|| {
		(0..3).for_each(|item| offer(item, BOB, 1_000));
		assert_noop!(Market::make_offer(signed(BOB), WORKS, 3, 2_000, 50), Error::<Test>::TooManyOffers);
		assert_ok!(Market::cancel_offer(signed(BOB), WORKS, 0));
		offer(3, BOB, 1_000);
	});
}

#[test]
fn make_offer_should_fail_when_the_money_is_not_there() {
	build_and_execute(|| {
		for amount in [FUNDS, u128::MAX] {
			assert_noop!(
				Market::make_offer(signed(BOB), WORKS, 0, amount, 50),
				DispatchError::from(TokenError::FundsUnavailable)
			);
		}
	});
}
