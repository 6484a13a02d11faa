use autonomy_primitives::community::Pot;
use frame_support::{assert_noop, assert_ok, storage::with_storage_layer};
use pallet_nfts::{PriceDirection, PriceWithDirection};
use sp_runtime::{DispatchError, TokenError};

use super::{drain, free, held, works};
use crate::{mock::*, Error, HoldReason, Listings, OnSale};

#[test]
fn sale_should_not_go_round_the_royalties_through_pallet_nfts() {
	build_and_execute(|| {
		mint(9, BOB);
		let off = || pallet_nfts::Error::<Test>::MethodDisabled;
		assert_noop!(Nfts::set_price(signed(ALICE), WORKS, 0, Some(1_000), None), off());
		assert_noop!(Nfts::buy_item(signed(BOB), WORKS, 0, 1_000), off());
		let price = Some(PriceWithDirection { amount: 1_000, direction: PriceDirection::Receive });
		let swap = Nfts::create_swap(signed(ALICE), WORKS, 0, WORKS, Some(9), price.clone(), 10);
		assert_eq!(swap, Err(off().into()));
		assert_noop!(Nfts::claim_swap(signed(BOB), WORKS, 9, WORKS, 0, price), off());
	});
}

#[test]
fn selling_to_oneself_should_cost_the_royalties() {
	build_and_execute(|| {
		let listing = list(0, ALICE, 1_000);
		assert_noop!(Market::buy(signed(ALICE), listing, 1_000), Error::<Test>::OwnItem);
		// A second account of the seller's pays like everybody.
		assert_ok!(Market::buy(signed(BOB), listing, 1_000));
		assert_eq!((free(CREATOR), free(COMMUNITY)), (FUNDS + 100, FUNDS + 50));
	});
}

#[test]
fn buying_ones_own_item_should_not_go_round_the_royalty_by_any_way() {
	build_and_execute(|| {
		let listing = list(0, ALICE, 1_000);
		assert_noop!(Market::buy(signed(ALICE), listing, 1_000), Error::<Test>::OwnItem);
		assert_noop!(Market::make_offer(signed(ALICE), WORKS, 1, 1_000, 50), Error::<Test>::OwnItem);
		let auction = auction(2, ALICE, 1_000);
		assert_noop!(Market::bid(signed(ALICE), auction, 1_000), Error::<Test>::OwnItem);
		// An offer that was made before the bidder came by the item is not accepted by itself.
		offer(3, BOB, 1_000);
		assert_ok!(Nfts::transfer(signed(ALICE), WORKS, 3, account(BOB)));
		let own = Market::accept_offer(signed(BOB), WORKS, 3, account(BOB), 0);
		assert_eq!(own, Err(Error::<Test>::OwnItem.into()));
		// Whoever sells to itself by a second account pays creator and bonded holders each time, whichever way it takes.
		assert_ok!(Market::buy(signed(BOB), listing, 1_000));
		offer(0, ALICE, 1_000);
		assert_ok!(Market::accept_offer(signed(BOB), WORKS, 0, account(ALICE), 0));
		assert_ok!(Market::bid(signed(BOB), auction, 1_000));
		run_to(200);
		assert_ok!(Market::settle_auction(signed(BOB), auction));
		assert_eq!((free(CREATOR), free(COMMUNITY)), (FUNDS + 3 * 100, FUNDS + 3 * 50));
		assert_eq!(divided_among(0, Pot::Shares), 3 * 50);
		assert_eq!(free(TREASURY), FUNDS + 3 * 25);
	});
}

#[test]
fn bundle_should_pay_holders_of_the_same_pot_once_and_in_full() {
	build_and_execute(|| {
		ItemRoyalties::mutate(|all| {
			all.insert(0, vec![(COMMUNITY, 100_000)]);
			all.insert(1, vec![(COMMUNITY, 100_000), (CREATOR, 100_000)]);
		});
		assert_ok!(Market::list_bundle(signed(ALICE), works(&[0, 1]), 3_000, None));
		// 20 % of the price, divided 200 to 100.
		assert_eq!(Market::listing(0).unwrap().royalties.len(), 2);
		assert_ok!(Market::buy(signed(BOB), 0, 3_000));
		assert_eq!((free(COMMUNITY), free(CREATOR)), (FUNDS + 399, FUNDS + 199));
	});
}

#[test]
fn bundle_should_not_dilute_a_royalty() {
	build_and_execute(|| {
		// Five items that bear nothing, around one that bears 15 %.
		for item in 1..6 {
			ItemRoyalties::mutate(|all| all.insert(item, vec![]));
		}
		assert_ok!(Market::list_bundle(signed(ALICE), works(&[1, 2, 0, 3, 4, 5]), 1_000, None));
		assert_ok!(Market::buy(signed(BOB), 0, 1_000));
		assert_eq!((free(CREATOR), free(COMMUNITY)), (FUNDS + 100, FUNDS + 50));
	});
}

#[test]
fn bundle_should_not_take_an_item_that_is_not_the_sellers() {
	build_and_execute(|| {
		mint(9, CAROL);
		let done = Market::list_bundle(signed(ALICE), works(&[0, 9]), 1_000, None);
		assert_eq!(done, Err(Error::<Test>::NotOwner.into()));
		assert_eq!(OnSale::<Test>::iter().count(), 0, "nothing stays locked");
	});
}

#[test]
fn item_should_not_leave_while_it_is_listed() {
	build_and_execute(|| {
		assert_ok!(Nfts::approve_transfer(signed(ALICE), WORKS, 0, account(DAVE), None));
		let listing = list(0, ALICE, 1_000);
		for who in [ALICE, DAVE] {
			let locked = pallet_nfts::Error::<Test>::ItemLocked;
			assert_noop!(Nfts::transfer(signed(who), WORKS, 0, account(who)), locked);
		}
		assert_ok!(Market::buy(signed(BOB), listing, 1_000));
		// The seller's delegate cannot take it back from the buyer.
		let denied = pallet_nfts::Error::<Test>::NoPermission;
		assert_noop!(Nfts::transfer(signed(DAVE), WORKS, 0, account(DAVE)), denied);
	});
}

#[test]
fn offer_should_not_be_accepted_by_a_former_owner() {
	build_and_execute(|| {
		offer(0, BOB, 1_000);
		assert_ok!(Nfts::transfer(signed(ALICE), WORKS, 0, account(CAROL)));
		let done = Market::accept_offer(signed(ALICE), WORKS, 0, account(BOB), 0);
		assert_eq!(done, Err(Error::<Test>::NotOwner.into()));
		assert_ok!(Market::accept_offer(signed(CAROL), WORKS, 0, account(BOB), 0));
		assert_eq!((free(ALICE), free(CAROL)), (FUNDS, FUNDS + 825));
	});
}

#[test]
fn offer_should_not_be_accepted_when_it_has_expired_or_shrunk() {
	build_and_execute(|| {
		assert_ok!(Market::make_offer(signed(BOB), WORKS, 0, 5_000, 10));
		run_to(10);
		let error = Error::<Test>::Expired;
		assert_noop!(Market::accept_offer(signed(ALICE), WORKS, 0, account(BOB), 0), error);
		// The bidder offers less just before it is accepted.
		assert_ok!(Market::cancel_offer(signed(BOB), WORKS, 0));
		offer(0, BOB, 100);
		let error = Error::<Test>::OfferBelowLimit;
		assert_noop!(Market::accept_offer(signed(ALICE), WORKS, 0, account(BOB), 5_000), error);
	});
}

#[test]
fn price_should_not_be_raised_under_a_buyers_hands() {
	build_and_execute(|| {
		let listing = list(0, ALICE, 1_000);
		assert_ok!(Market::set_price(signed(ALICE), listing, 900_000));
		assert_noop!(Market::buy(signed(BOB), listing, 1_000), Error::<Test>::PriceAboveLimit);
		// Nor by another listing of the item: it has another number.
		assert_ok!(Market::cancel_listing(signed(ALICE), listing));
		list(0, ALICE, 900_000);
		assert_noop!(Market::buy(signed(BOB), listing, 1_000), Error::<Test>::UnknownListing);
	});
}

#[test]
fn auction_should_not_be_sniped() {
	build_and_execute(|| {
		let auction = auction(0, ALICE, 1_000);
		assert_ok!(Market::bid(signed(BOB), auction, 1_000));
		run_to(100);
		assert_ok!(Market::bid(signed(CAROL), auction, 1_050));
		run_to(101);
		assert_noop!(Market::settle_auction(signed(CAROL), auction), Error::<Test>::AuctionRunning);
		run_to(109);
		assert_ok!(Market::bid(signed(BOB), auction, 2_000));
		run_to(119);
		assert_ok!(Market::settle_auction(signed(CAROL), auction));
		assert_eq!(owner(0), Some(account(BOB)));
	});
}

#[test]
fn shill_should_buy_the_item_or_be_outbid() {
	build_and_execute(|| {
		let auction = auction(0, ALICE, 1_000);
		assert_noop!(Market::bid(signed(ALICE), auction, 1_000), Error::<Test>::OwnItem);
		// A second account of the seller's drives the price, and must hold all of it.
		assert_ok!(Market::bid(signed(BOB), auction, 1_000));
		assert_ok!(Market::bid(signed(DAVE), auction, 500_000));
		assert_eq!((free(BOB), held(HoldReason::Bid, DAVE)), (FUNDS, 500_000));
		assert_noop!(Market::cancel_auction(signed(ALICE), auction), Error::<Test>::HasBid);
		run_to(101);
		assert_ok!(Market::settle_auction(signed(BOB), auction));
		assert_eq!(free(CREATOR), FUNDS + 50_000, "the shill pays the royalties");
	});
}

#[test]
fn bidder_should_not_block_an_auction_by_emptying_its_account() {
	build_and_execute(|| {
		let auction = auction(0, ALICE, MIN_PRICE);
		assert_ok!(Market::bid(signed(BOB), auction, MIN_PRICE));
		drain(BOB);
		assert_ok!(Market::bid(signed(CAROL), auction, 1_000));
		drain(CAROL);
		assert_eq!(free(BOB), MIN_PRICE);
		run_to(101);
		assert_ok!(Market::settle_auction(signed(DAVE), auction));
		assert_eq!(owner(0), Some(account(CAROL)));
	});
}

#[test]
fn nothing_should_be_sold_for_nothing() {
	build_and_execute(|| {
		assert_noop!(Market::list(signed(ALICE), WORKS, 0, 0, None), Error::<Test>::PriceTooLow);
		assert_noop!(Market::list_bundle(signed(ALICE), works(&[0]), 0, None), Error::<Test>::PriceTooLow);
		assert_noop!(Market::make_offer(signed(BOB), WORKS, 0, 0, 50), Error::<Test>::PriceTooLow);
		assert_noop!(Market::start_auction(signed(ALICE), WORKS, 0, 0, 50, 100), Error::<Test>::PriceTooLow);
		let listing = list(0, ALICE, 1_000);
		assert_noop!(Market::set_price(signed(ALICE), listing, 0), Error::<Test>::PriceTooLow);
	});
}

#[test]
fn royalty_above_the_cap_should_not_be_taken() {
	build_and_execute(|| {
		ItemRoyalties::mutate(|all| all.insert(0, vec![(CREATOR, 1_000_000)]));
		let cap = || Error::<Test>::RoyaltyAboveCap;
		assert_noop!(Market::list(signed(ALICE), WORKS, 0, 1_000, None), cap());
		assert_noop!(Market::list_bundle(signed(ALICE), works(&[1, 0]), 1_000, None), cap());
		assert_noop!(Market::start_auction(signed(ALICE), WORKS, 0, 1_000, 50, 100), cap());
		assert_noop!(Market::make_offer(signed(BOB), WORKS, 0, 1_000, 50), cap());
		// An offer that was made before.
		offer(1, BOB, 1_000);
		ItemRoyalties::mutate(|all| all.insert(1, vec![(CREATOR, 1_000_000)]));
		assert_noop!(Market::accept_offer(signed(ALICE), WORKS, 1, account(BOB), 0), cap());
	});
}

#[test]
fn largest_price_should_not_overflow() {
	build_and_execute(|| {
		let listing = list(0, ALICE, u128::MAX);
		assert_ok!(Market::list_bundle(signed(ALICE), works(&[1, 2]), u128::MAX, None));
		let quote = Market::quote_listing(listing).unwrap();
		let sum: u128 = quote.royalties.iter().map(|(_, amount)| amount).sum();
		assert_eq!(sum + quote.fee + quote.proceeds, u128::MAX);
		for listing in [listing, last_sale()] {
			assert!(with_storage_layer(|| Market::buy(signed(BOB), listing, u128::MAX)).is_err());
		}
		assert_eq!((owner(0), free(CREATOR)), (Some(account(ALICE)), FUNDS));
		let auction = auction(3, ALICE, u128::MAX);
		assert_noop!(Market::bid(signed(BOB), auction, u128::MAX), DispatchError::from(TokenError::FundsUnavailable));
	});
}

#[test]
fn seller_without_any_balance_should_be_paid() {
	build_and_execute(|| {
		offer(0, BOB, MIN_PRICE);
		let listing = list(1, ALICE, MIN_PRICE);
		let deposit = Listings::<Test>::get(listing).unwrap().deposit;
		drain(ALICE);
		let proceeds = divided(MIN_PRICE).proceeds;
		assert_ok!(Market::accept_offer(signed(ALICE), WORKS, 0, account(BOB), 0));
		assert_eq!(free(ALICE), proceeds);
		assert_ok!(Market::buy(signed(BOB), listing, MIN_PRICE));
		assert_eq!(free(ALICE), 2 * proceeds + deposit);
	});
}
