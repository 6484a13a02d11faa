use frame_support::{assert_noop, assert_ok};

use super::free;
use crate::{mock::*, Error, Event, OnSale};

#[test]
fn expire_listing_should_return_the_deposit_when_anyone_asks_after_the_end() {
	build_and_execute(|| {
		assert_ok!(Market::list(signed(ALICE), WORKS, 0, 1_000, Some(10)));
		run_to(9);
		assert_noop!(Market::expire_listing(signed(DAVE), 0), Error::<Test>::NotExpired);
		run_to(10);
		assert_ok!(Market::expire_listing(signed(DAVE), 0));
		assert_eq!((free(ALICE), free(DAVE)), (FUNDS, FUNDS));
		assert!(!OnSale::<Test>::contains_key(WORKS, 0));
		assert_eq!(last_event(), Event::ListingClosed { listing: 0, expired: true });
		assert_noop!(Market::expire_listing(signed(DAVE), 0), Error::<Test>::UnknownListing);
	});
}

#[test]
fn expire_listing_should_fail_when_the_listing_has_no_end() {
	build_and_execute(|| {
		let listing = list(0, ALICE, 1_000);
		run_to(1_000_000);
		assert_noop!(Market::expire_listing(signed(DAVE), listing), Error::<Test>::NotExpired);
	});
}
