use frame_support::{assert_noop, assert_ok};

use super::free;
use crate::{mock::*, Auctions, Error, Event, OnSale};

#[test]
fn cancel_auction_should_return_item_and_deposit_before_the_first_bid() {
	build_and_execute(|| {
		let auction = auction(0, ALICE, 1_000);
		assert_ok!(Market::cancel_auction(signed(ALICE), auction));
		assert_eq!(free(ALICE), FUNDS);
		assert!(!OnSale::<Test>::contains_key(WORKS, 0));
		assert_eq!(Auctions::<Test>::iter().count(), 0);
		assert_eq!(last_event(), Event::AuctionClosed { auction, cancelled: true });
		assert_ok!(Nfts::transfer(signed(ALICE), WORKS, 0, account(BOB)));
	});
}

#[test]
fn cancel_auction_should_fail_when_there_is_a_bid() {
	build_and_execute(|| {
		let auction = auction(0, ALICE, 1_000);
		assert_ok!(Market::bid(signed(BOB), auction, 1_000));
		assert_noop!(Market::cancel_auction(signed(ALICE), auction), Error::<Test>::HasBid);
		run_to(500);
		assert_noop!(Market::cancel_auction(signed(ALICE), auction), Error::<Test>::HasBid);
	});
}

#[test]
fn cancel_auction_should_fail_when_the_caller_is_not_the_seller() {
	build_and_execute(|| {
		let auction = auction(0, ALICE, 1_000);
		assert_noop!(Market::cancel_auction(signed(BOB), auction), Error::<Test>::NotSeller);
		assert_noop!(Market::cancel_auction(signed(ALICE), 9), Error::<Test>::UnknownAuction);
	});
}
