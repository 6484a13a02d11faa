use frame_support::assert_ok;

use super::works;
use crate::{maths, mock::*, AuctionView, Auctions, Listings, Sale};

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
