use frame_support::{assert_noop, assert_ok};

use super::free;
use crate::{mock::*, Error, Event};

#[test]
fn expire_offer_should_return_everything_when_anyone_asks_after_the_end() {
	build_and_execute(|| {
		assert_ok!(Market::make_offer(signed(BOB), WORKS, 0, 5_000, 10));
		run_to(9);
		assert_noop!(Market::expire_offer(signed(DAVE), WORKS, 0, account(BOB)), Error::<Test>::NotExpired);
		run_to(10);
		assert_ok!(Market::expire_offer(signed(DAVE), WORKS, 0, account(BOB)));
		assert_eq!((free(BOB), free(DAVE)), (FUNDS, FUNDS));
		let event = Event::OfferClosed { collection: WORKS, item: 0, bidder: account(BOB), expired: true };
		assert_eq!(last_event(), event);
	});
}

#[test]
fn expire_offer_should_fail_when_there_is_none() {
	build_and_execute(|| {
		assert_noop!(Market::expire_offer(signed(DAVE), WORKS, 0, account(BOB)), Error::<Test>::UnknownOffer);
	});
}
