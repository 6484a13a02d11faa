use frame_support::{
	assert_noop, assert_ok,
	traits::{LockableCurrency, WithdrawReasons},
};
use sp_runtime::Permill;

use super::{drain, free, held, works};
use crate::{mock::*, Auctions, Error, Event, HoldReason, OnSale, SaleCount, SoldBy};

/// An auction of item 0 that Bob has won with a bid, at its end.
fn won(amount: u128) -> u64 {
	let auction = auction(0, ALICE, 1_000);
	assert_ok!(Market::bid(signed(BOB), auction, amount));
	run_to(101);
	auction
}

#[test]
fn settle_auction_should_move_item_money_and_royalties_together() {
	build_and_execute(|| {
		let auction = won(1_003);
		assert_ok!(Market::settle_auction(signed(DAVE), auction));
		assert_eq!(owner(0), Some(account(BOB)));
		assert_eq!((free(CREATOR), free(COMMUNITY), free(TREASURY)), (FUNDS + 100, FUNDS + 50, FUNDS + 25));
		assert_eq!((free(ALICE), free(BOB), free(DAVE)), (FUNDS + 828, FUNDS - 1_003, FUNDS));
		assert_eq!(held(HoldReason::Bid, BOB), 0);
		assert!(!Auctions::<Test>::contains_key(auction));
		assert!(!OnSale::<Test>::contains_key(WORKS, 0));
		assert!(!SaleCount::<Test>::contains_key(account(ALICE)));
		let event = Event::Sold {
			by: SoldBy::Auction(auction),
			seller: account(ALICE),
			buyer: account(BOB),
			items: works(&[0]),
			price: 1_003,
			split: divided(1_003),
		};
		assert_eq!(last_event(), event);
		assert_noop!(Market::settle_auction(signed(DAVE), auction), Error::<Test>::UnknownAuction);
	});
}

#[test]
fn settle_auction_should_return_the_item_when_nobody_has_bid() {
	build_and_execute(|| {
		let auction = auction(0, ALICE, 1_000);
		run_to(101);
		assert_ok!(Market::settle_auction(signed(DAVE), auction));
		assert_eq!((owner(0), free(ALICE)), (Some(account(ALICE)), FUNDS));
		assert_eq!(last_event(), Event::AuctionClosed { auction, cancelled: false });
		assert_ok!(Nfts::transfer(signed(ALICE), WORKS, 0, account(BOB)));
	});
}

#[test]
fn settle_auction_should_keep_the_terms_of_the_day_on_which_it_was_opened() {
	build_and_execute(|| {
		let auction = won(1_000);
		TestFee::set(Permill::from_percent(10));
		ItemRoyalties::mutate(|all| all.insert(0, vec![(DAVE, 250_000)]));
		assert_ok!(Market::settle_auction(signed(DAVE), auction));
		assert_eq!((free(TREASURY), free(DAVE), free(CREATOR)), (FUNDS + 25, FUNDS, FUNDS + 100));
	});
}

#[test]
fn settle_auction_should_fail_when_it_has_not_ended() {
	build_and_execute(|| {
		let auction = auction(0, ALICE, 1_000);
		assert_ok!(Market::bid(signed(BOB), auction, 1_000));
		run_to(100);
		assert_noop!(Market::settle_auction(signed(BOB), auction), Error::<Test>::AuctionRunning);
		// A late bid has moved the end.
		assert_ok!(Market::bid(signed(CAROL), auction, 2_000));
		run_to(109);
		assert_noop!(Market::settle_auction(signed(BOB), auction), Error::<Test>::AuctionRunning);
		run_to(110);
		assert_ok!(Market::settle_auction(signed(BOB), auction));
		assert_eq!(owner(0), Some(account(CAROL)));
	});
}

#[test]
fn settle_auction_should_be_void_when_the_item_cannot_be_transferred_any_more() {
	build_and_execute(|| {
		let auction = won(1_000);
		assert_ok!(Nfts::lock_item_transfer(signed(TEAM), WORKS, 0));
		assert_ok!(Market::settle_auction(signed(DAVE), auction));
		assert_eq!((free(ALICE), free(BOB), free(CREATOR)), (FUNDS, FUNDS, FUNDS));
		assert_eq!(owner(0), Some(account(ALICE)));
		let error = pallet_nfts::Error::<Test>::ItemLocked.into();
		assert_eq!(last_event(), Event::AuctionVoid { auction, bidder: account(BOB), amount: 1_000, error });
	});
}

#[test]
fn settle_auction_should_pay_a_seller_and_take_from_a_bidder_that_have_nothing_else() {
	build_and_execute(|| {
		let auction = won(1_000);
		drain(ALICE);
		drain(BOB);
		let deposit = held(HoldReason::Deposit, ALICE);
		assert_ok!(Market::settle_auction(signed(DAVE), auction));
		assert_eq!((free(ALICE), free(BOB)), (deposit + divided(1_000).proceeds, 0));
		assert_eq!(owner(0), Some(account(BOB)));
	});
}

#[test]
fn settle_auction_should_work_when_the_bidder_has_frozen_everything() {
	build_and_execute(|| {
		let auction = won(1_000);
		Balances::set_lock(*b"votelock", &account(BOB), FUNDS, WithdrawReasons::all());
		assert_ok!(Market::settle_auction(signed(DAVE), auction));
		assert_eq!((owner(0), free(CREATOR)), (Some(account(BOB)), FUNDS + 100));
	});
}
