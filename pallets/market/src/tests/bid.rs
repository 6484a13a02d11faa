use frame_support::{assert_noop, assert_ok};
use sp_runtime::{ArithmeticError, DispatchError, TokenError};

use super::{drain, free, held};
use crate::{mock::*, Auctions, Bid, Error, Event, HoldReason};

#[test]
fn bid_should_hold_the_money() {
	build_and_execute(|| {
		let auction = auction(0, ALICE, 1_000);
		assert_ok!(Market::bid(signed(BOB), auction, 1_000));
		assert_eq!((held(HoldReason::Bid, BOB), free(BOB)), (1_000, FUNDS - 1_000));
		let top = Some(Bid { bidder: account(BOB), amount: 1_000 });
		assert_eq!(Auctions::<Test>::get(auction).unwrap().top, top);
		let event = Event::BidPlaced { auction, bidder: account(BOB), amount: 1_000, outbid: None, ends_at: 101 };
		assert_eq!(last_event(), event);
	});
}

#[test]
fn bid_should_release_the_one_that_it_beats() {
	build_and_execute(|| {
		let auction = auction(0, ALICE, 1_000);
		assert_ok!(Market::bid(signed(BOB), auction, 1_000));
		assert_noop!(Market::bid(signed(CAROL), auction, 1_049), Error::<Test>::BidTooLow);
		assert_ok!(Market::bid(signed(CAROL), auction, 1_050));
		assert_eq!((free(BOB), held(HoldReason::Bid, BOB)), (FUNDS, 0));
		assert_eq!(held(HoldReason::Bid, CAROL), 1_050);
		assert!(matches!(last_event(), Event::BidPlaced { outbid, .. } if outbid == Some(account(BOB))));
	});
}

#[test]
fn bid_should_raise_the_callers_own() {
	build_and_execute(|| {
		let auction = auction(0, ALICE, 1_000);
		// The second bid needs the money of the first.
		assert_ok!(Market::bid(signed(BOB), auction, FUNDS / 2));
		assert_ok!(Market::bid(signed(BOB), auction, FUNDS - ED));
		assert_eq!((held(HoldReason::Bid, BOB), free(BOB)), (FUNDS - ED, ED));
	});
}

#[test]
fn bid_should_move_the_end_when_it_is_late() {
	build_and_execute(|| {
		let auction = auction(0, ALICE, 1_000);
		let ends_at = || Auctions::<Test>::get(auction).unwrap().ends_at;
		run_to(91);
		assert_ok!(Market::bid(signed(BOB), auction, 1_000));
		assert_eq!(ends_at(), 101, "ten blocks are left");
		run_to(92);
		assert_ok!(Market::bid(signed(CAROL), auction, 2_000));
		assert_eq!(ends_at(), 102);
		run_to(101);
		assert_ok!(Market::bid(signed(BOB), auction, 3_000));
		assert_eq!(ends_at(), 111);
		run_to(111);
		assert_noop!(Market::bid(signed(CAROL), auction, 4_000), Error::<Test>::AuctionOver);
	});
}

#[test]
fn bid_should_release_an_account_that_has_nothing_else() {
	build_and_execute(|| {
		let auction = auction(0, ALICE, MIN_PRICE);
		assert_ok!(Market::bid(signed(BOB), auction, MIN_PRICE));
		drain(BOB);
		assert_ok!(Market::bid(signed(CAROL), auction, 2 * MIN_PRICE));
		assert_eq!(free(BOB), MIN_PRICE);
	});
}

#[test]
fn bid_should_fail_when_it_is_below_the_reserve() {
	build_and_execute(|| {
		let auction = auction(0, ALICE, 1_000);
		for amount in [0, 999] {
			assert_noop!(Market::bid(signed(BOB), auction, amount), Error::<Test>::BidTooLow);
		}
	});
}

#[test]
fn bid_should_fail_when_the_auction_is_the_callers_or_unknown() {
	build_and_execute(|| {
		let auction = auction(0, ALICE, 1_000);
		let listing = list(1, ALICE, 1_000);
		assert_noop!(Market::bid(signed(ALICE), auction, 1_000), Error::<Test>::OwnItem);
		assert_noop!(Market::bid(signed(BOB), listing, 1_000), Error::<Test>::UnknownAuction);
		assert_noop!(Market::bid(RuntimeOrigin::none(), auction, 1_000), DispatchError::BadOrigin);
	});
}

#[test]
fn bid_should_fail_when_the_money_is_not_there() {
	build_and_execute(|| {
		let auction = auction(0, ALICE, 1_000);
		assert_ok!(Market::bid(signed(BOB), auction, 1_000));
		for amount in [FUNDS, u128::MAX] {
			assert_noop!(
				Market::bid(signed(CAROL), auction, amount),
				DispatchError::from(TokenError::FundsUnavailable)
			);
		}
		assert_eq!(held(HoldReason::Bid, BOB), 1_000, "nobody is outbid by a bid that fails");
	});
}

#[test]
fn bid_should_fail_when_no_balance_is_large_enough() {
	new_test_ext().execute_with(|| {
		let auction = auction(0, ALICE, 1_000);
		Auctions::<Test>::mutate(auction, |stored| {
			stored.as_mut().unwrap().top = Some(Bid { bidder: account(BOB), amount: u128::MAX });
		});
		assert_noop!(Market::bid(signed(CAROL), auction, u128::MAX), ArithmeticError::Overflow);
		assert_eq!(Market::auction(auction).unwrap().least_bid, None);
	});
}
