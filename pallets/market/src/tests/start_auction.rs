use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError;

use super::{free, held};
use crate::{mock::*, Auction, Auctions, Error, Event, HoldReason, OnSale, Sale, SaleCount, MAX_INCREMENT};

#[test]
fn start_auction_should_lock_the_item_and_keep_the_terms_of_the_day() {
	build_and_execute(|| {
		assert_ok!(Market::start_auction(signed(ALICE), WORKS, 0, 1_000, 50, 100));
		let deposit = held(HoldReason::Deposit, ALICE);
		assert!(deposit > DEPOSIT_BASE);
		assert_eq!(free(ALICE), FUNDS - deposit);
		let expected = Auction {
			seller: account(ALICE),
			collection: WORKS,
			item: 0,
			reserve: 1_000,
			increment: 50,
			ends_at: 101,
			soft_close: SOFT_CLOSE,
			top: None,
			fee: FEE,
			royalties: royalties(&ROYALTIES),
			deposit,
		};
		assert_eq!(Auctions::<Test>::get(0), Some(expected));
		assert_eq!(OnSale::<Test>::get(WORKS, 0), Some(Sale::Auction(0)));
		assert_eq!(SaleCount::<Test>::get(account(ALICE)), 1);
		let event = Event::AuctionStarted {
			auction: 0,
			seller: account(ALICE),
			collection: WORKS,
			item: 0,
			reserve: 1_000,
			increment: 50,
			ends_at: 101,
			fee: FEE,
			royalties: royalties(&ROYALTIES),
			deposit,
		};
		assert_eq!(events(), vec![event]);
		let locked = pallet_nfts::Error::<Test>::ItemLocked;
		assert_noop!(Nfts::transfer(signed(ALICE), WORKS, 0, account(BOB)), locked);
	});
}

#[test]
fn start_auction_should_fail_when_the_item_cannot_be_sold() {
	build_and_execute(|| {
		let start = |who, collection, item| Market::start_auction(signed(who), collection, item, 1_000, 50, 100);
		assert_noop!(start(BOB, WORKS, 0), Error::<Test>::NotOwner);
		assert_noop!(start(ALICE, WORKS, 99), Error::<Test>::UnknownItem);
		assert_noop!(start(ALICE, OTHERS, 0), Error::<Test>::NotTradable);
		list(1, ALICE, 1_000);
		auction(2, ALICE, 1_000);
		assert_noop!(start(ALICE, WORKS, 1), Error::<Test>::AlreadyOnSale);
		assert_noop!(start(ALICE, WORKS, 2), Error::<Test>::AlreadyOnSale);
		assert_ok!(Nfts::lock_item_transfer(signed(TEAM), WORKS, 3));
		assert_noop!(start(ALICE, WORKS, 3), Error::<Test>::NotTransferable);
		let origin = RuntimeOrigin::root();
		assert_noop!(Market::start_auction(origin, WORKS, 0, 1_000, 50, 100), DispatchError::BadOrigin);
	});
}

#[test]
fn start_auction_should_fail_when_a_number_is_out_of_range() {
	build_and_execute(|| {
		let start =
			|reserve, increment, duration| Market::start_auction(signed(ALICE), WORKS, 0, reserve, increment, duration);
		assert_noop!(start(MIN_PRICE - 1, 50, 100), Error::<Test>::PriceTooLow);
		assert_noop!(start(0, 50, 100), Error::<Test>::PriceTooLow);
		for increment in [0, 9, MAX_INCREMENT + 1] {
			assert_noop!(start(1_000, increment, 100), Error::<Test>::IncrementOutOfRange);
		}
		for duration in [0, SOFT_CLOSE - 1, MAX_DURATION + 1] {
			assert_noop!(start(1_000, 50, duration), Error::<Test>::DurationOutOfRange);
		}
		assert_ok!(start(MIN_PRICE, 10, SOFT_CLOSE));
	});
}

#[test]
fn start_auction_should_fail_when_the_account_has_too_many_sales() {
	build_and_execute(|| {
		for item in 0..4 {
			auction(item, ALICE, 1_000);
		}
		let done = Market::start_auction(signed(ALICE), WORKS, 4, 1_000, 50, 100);
		assert_eq!(done, Err(Error::<Test>::TooManySales.into()));
	});
}
