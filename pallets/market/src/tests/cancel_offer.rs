use frame_support::{assert_noop, assert_ok};

use super::{drain, free};
use crate::{mock::*, Error, Event, OfferCount, Offers};

#[test]
fn cancel_offer_should_return_money_and_deposit() {
	build_and_execute(|| {
		offer(0, BOB, 5_000);
		assert_ok!(Market::cancel_offer(signed(BOB), WORKS, 0));
		assert_eq!(free(BOB), FUNDS);
		assert_eq!(Offers::<Test>::iter().count(), 0);
		assert!(!OfferCount::<Test>::contains_key(account(BOB)));
		let event = Event::OfferClosed { collection: WORKS, item: 0, bidder: account(BOB), expired: false };
		assert_eq!(last_event(), event);
	});
}

#[test]
fn cancel_offer_should_work_when_the_item_is_gone_or_the_offer_has_expired() {
	build_and_execute(|| {
		offer(0, BOB, 5_000);
		offer(1, BOB, 6_000);
		assert_ok!(Nfts::burn(signed(ALICE), WORKS, 0));
		run_to(1_000);
		assert_ok!(Market::cancel_offer(signed(BOB), WORKS, 0));
		assert_ok!(Market::cancel_offer(signed(BOB), WORKS, 1));
		assert_eq!(free(BOB), FUNDS);
	});
}

#[test]
fn cancel_offer_should_pay_back_an_account_that_has_nothing_else() {
	build_and_execute(|| {
		offer(0, BOB, MIN_PRICE);
		drain(BOB);
		assert_ok!(Market::cancel_offer(signed(BOB), WORKS, 0));
		assert!(free(BOB) > MIN_PRICE);
	});
}

#[test]
fn cancel_offer_should_fail_when_there_is_none() {
	build_and_execute(|| {
		offer(0, BOB, 5_000);
		assert_noop!(Market::cancel_offer(signed(CAROL), WORKS, 0), Error::<Test>::UnknownOffer);
		assert_noop!(Market::cancel_offer(signed(BOB), WORKS, 1), Error::<Test>::UnknownOffer);
	});
}
