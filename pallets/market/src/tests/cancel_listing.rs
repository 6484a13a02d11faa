use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError;

use super::{free, works};
use crate::{mock::*, Error, Event, Listings, OnSale, SaleCount};

#[test]
fn cancel_listing_should_unlock_the_items_and_return_the_deposit() {
	build_and_execute(|| {
		assert_ok!(Market::list_bundle(signed(ALICE), works(&[0, 1]), 1_000, Some(10)));
		// Before and after it has expired.
		run_to(20);
		assert_ok!(Market::cancel_listing(signed(ALICE), 0));
		assert_eq!(free(ALICE), FUNDS);
		assert!(!Listings::<Test>::contains_key(0));
		assert_eq!(OnSale::<Test>::iter().count(), 0);
		assert!(!SaleCount::<Test>::contains_key(account(ALICE)));
		assert_eq!(last_event(), Event::ListingClosed { listing: 0, expired: false });
		assert_ok!(Nfts::transfer(signed(ALICE), WORKS, 0, account(BOB)));
	});
}

#[test]
fn cancel_listing_should_fail_when_the_caller_is_not_the_seller() {
	build_and_execute(|| {
		let listing = list(0, ALICE, 1_000);
		assert_noop!(Market::cancel_listing(signed(BOB), listing), Error::<Test>::NotSeller);
		assert_noop!(Market::cancel_listing(signed(ALICE), 9), Error::<Test>::UnknownListing);
		assert_noop!(Market::cancel_listing(RuntimeOrigin::root(), listing), DispatchError::BadOrigin);
	});
}

#[test]
fn cancel_listing_should_fail_when_the_number_is_an_auctions() {
	build_and_execute(|| {
		let auction = auction(0, ALICE, 1_000);
		assert_noop!(Market::cancel_listing(signed(ALICE), auction), Error::<Test>::UnknownListing);
	});
}
