use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Error, Event, Listings};

#[test]
fn set_price_should_change_the_price_when_the_seller_asks() {
	build_and_execute(|| {
		let listing = list(0, ALICE, 1_000);
		assert_ok!(Market::set_price(signed(ALICE), listing, 2_000));
		assert_eq!(Listings::<Test>::get(listing).unwrap().price, 2_000);
		assert_eq!(last_event(), Event::PriceSet { listing, price: 2_000 });
	});
}

#[test]
fn set_price_should_fail_when_the_caller_is_not_the_seller() {
	build_and_execute(|| {
		let listing = list(0, ALICE, 1_000);
		assert_noop!(Market::set_price(signed(BOB), listing, 2_000), Error::<Test>::NotSeller);
		assert_noop!(Market::set_price(signed(ALICE), 9, 2_000), Error::<Test>::UnknownListing);
	});
}

#[test]
fn set_price_should_fail_when_the_price_is_too_low() {
	build_and_execute(|| {
		let listing = list(0, ALICE, 1_000);
		assert_noop!(Market::set_price(signed(ALICE), listing, MIN_PRICE - 1), Error::<Test>::PriceTooLow);
	});
}
