use std::collections::{BTreeMap, BTreeSet};

use frame_support::assert_ok;

use super::works;
use crate::{maths, mock::*, AuctionView, Auctions, Listings, OrderBook, Sale, OFFERS_PER_PAGE};

#[test]
fn views_should_give_what_is_stored() {
	build_and_execute(|| {
		let listing = list(0, ALICE, 1_000);
		let auction = auction(1, ALICE, 1_000);
		offer(0, BOB, 900);
		let stored = Listings::<Test>::get(listing);
		assert_eq!(Market::listing(listing), stored);
		assert_eq!(Market::listing_of(WORKS, 0), stored.map(|stored| (listing, stored)));
		assert_eq!(Market::listing_of(WORKS, 1), None, "it is in an auction");
		assert_eq!(Market::listing_of(WORKS, 2), None);
		let sales = [Some(Sale::Listing(listing)), Some(Sale::Auction(auction)), None];
		assert_eq!([0, 1, 2].map(|item| Market::sale_of(WORKS, item)), sales);
		assert_eq!(Market::offer(WORKS, 0, account(BOB)).unwrap().amount, 900);
		assert_eq!(Market::offer(WORKS, 0, account(CAROL)), None);
		assert_eq!(Market::auction(9), None);
	});
}

#[test]
fn auction_should_come_with_the_least_next_bid() {
	build_and_execute(|| {
		let id = auction(0, ALICE, 1_000);
		let view = |least_bid| AuctionView { auction: Auctions::<Test>::get(id).unwrap(), least_bid: Some(least_bid) };
		assert_eq!(Market::auction(id), Some(view(1_000)));
		assert_ok!(Market::bid(signed(BOB), id, 1_001));
		// 5 % of 1,001, rounded up.
		assert_eq!(Market::auction(id), Some(view(1_052)));
		assert_ok!(Market::bid(signed(CAROL), id, 1_052));
	});
}

#[test]
fn quote_should_be_to_the_planck() {
	build_and_execute(|| {
		let split = Market::quote(WORKS, 0, 1_003).unwrap();
		assert_eq!(split, divided(1_003));
		let sum: u128 = split.royalties.iter().map(|(_, amount)| amount).sum();
		assert_eq!(sum + split.fee + split.proceeds, 1_003);
		assert_eq!(Market::quote(OTHERS, 0, 1_003), None);
		let largest = Market::quote(WORKS, 0, u128::MAX).unwrap();
		let sum: u128 = largest.royalties.iter().map(|(_, amount)| amount).sum();
		assert_eq!(sum + largest.fee + largest.proceeds, u128::MAX);
	});
}

#[test]
fn quote_listing_should_be_what_a_sale_pays() {
	build_and_execute(|| {
		assert_ok!(Market::list_bundle(signed(ALICE), works(&[0, 1]), 1_003, None));
		assert_eq!(Market::quote_listing(0), Some(divided(1_003)));
		assert_eq!(Market::quote_listing(1), None);
		let listing = Market::listing(0).unwrap();
		assert_eq!(Market::quote_listing(0), Some(maths::split(1_003, listing.fee, &listing.royalties)));
	});
}

#[test]
fn order_book_should_show_what_an_item_is_on_sale_by_and_who_offers() {
	build_and_execute(|| {
		let empty = OrderBook { listing: None, auction: None, offers: vec![], next: None };
		assert_eq!(Market::order_book(WORKS, 0, None), empty);
		assert_ok!(Market::list_bundle(signed(ALICE), works(&[0, 1]), 1_000, None));
		let auction = auction(2, ALICE, 1_000);
		offer(0, BOB, 900);
		offer(0, CAROL, 950);
		let book = Market::order_book(WORKS, 0, None);
		assert_eq!(book.listing, Listings::<Test>::get(0).map(|listing| (0, listing)));
		assert_eq!((book.auction, book.next), (None, None));
		let amounts: BTreeMap<_, _> = book.offers.into_iter().map(|(bidder, offer)| (bidder, offer.amount)).collect();
		assert_eq!(amounts, BTreeMap::from([(account(BOB), 900), (account(CAROL), 950)]));
		let book = Market::order_book(WORKS, 2, None);
		assert_eq!(book.auction, Market::auction(auction).map(|view| (auction, view)));
		assert_eq!((book.listing, book.offers), (None, vec![]));
	});
}

#[test]
fn order_book_should_give_every_offer_on_one_page() {
	build_and_execute(|| {
		// More than a page, less than two.
		let bidders: Vec<u8> = (100..).take(OFFERS_PER_PAGE as usize + 7).collect();
		for bidder in &bidders {
			assert_ok!(Balances::transfer_allow_death(signed(ALICE), account(*bidder), 10_000));
			offer(0, *bidder, 900);
		}
		let first = Market::order_book(WORKS, 0, None);
		assert_eq!(first.offers.len(), OFFERS_PER_PAGE as usize);
		assert!(first.next.is_some());
		let second = Market::order_book(WORKS, 0, first.next.clone());
		assert_eq!((second.offers.len(), second.next), (7, None));
		let all: BTreeSet<_> = first.offers.into_iter().chain(second.offers).map(|(bidder, _)| bidder).collect();
		assert_eq!(all, bidders.iter().map(|bidder| account(*bidder)).collect::<BTreeSet<_>>());
		// A bidder that took its offer back meanwhile is still a place to go on from.
		let last = first.next.unwrap();
		let last: &[u8; 32] = last.as_ref();
		assert_ok!(Market::cancel_offer(signed(last[0]), WORKS, 0));
		assert_eq!(Market::order_book(WORKS, 0, Some(account(last[0]))).offers.len(), 7);
	});
}
