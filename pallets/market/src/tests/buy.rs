use autonomy_primitives::community::Pot;
use frame_support::{assert_noop, assert_ok};
use sp_runtime::{DispatchError, Permill, TokenError};

use super::{drain, free, works};
use crate::{maths, mock::*, Error, Event, Listings, OnSale, SaleCount, SoldBy, Split};

#[test]
fn buy_should_move_item_money_and_royalties_together() {
	build_and_execute(|| {
		let listing = list(0, ALICE, 1_003);
		assert_ok!(Market::buy(signed(BOB), listing, 1_003));
		assert_eq!(owner(0), Some(account(BOB)));
		// 10 % and 5 % to the beneficiaries, 2.5 % to the treasury, each rounded down; the rest to the seller.
		assert_eq!((free(CREATOR), free(COMMUNITY), free(TREASURY)), (FUNDS + 100, FUNDS + 50, FUNDS + 25));
		assert_eq!((free(ALICE), free(BOB)), (FUNDS + 828, FUNDS - 1_003));
		assert!(!Listings::<Test>::contains_key(listing));
		assert!(!OnSale::<Test>::contains_key(WORKS, 0));
		assert!(!SaleCount::<Test>::contains_key(account(ALICE)));
		let split = divided(1_003);
		assert_eq!(split.proceeds, 828);
		let event = Event::Sold {
			by: SoldBy::Listing(listing),
			seller: account(ALICE),
			buyer: account(BOB),
			items: works(&[0]),
			price: 1_003,
			split,
		};
		assert_eq!(last_event(), event);
		assert_ok!(Nfts::transfer(signed(BOB), WORKS, 0, account(CAROL)));
	});
}

#[test]
fn buy_should_hand_over_the_whole_bundle() {
	build_and_execute(|| {
		assert_ok!(Market::list_bundle(signed(ALICE), works(&[1, 3, 5]), 10_000, None));
		assert_ok!(Market::buy(signed(BOB), 0, u128::MAX));
		for item in 0..6 {
			let expected = if item % 2 == 1 { BOB } else { ALICE };
			assert_eq!(owner(item), Some(account(expected)));
		}
		assert_eq!(free(CREATOR), FUNDS + 1_000);
	});
}

#[test]
fn buy_should_keep_the_terms_of_the_day_on_which_it_was_listed() {
	build_and_execute(|| {
		let listing = list(0, ALICE, 1_000);
		TestFee::set(Permill::from_percent(10));
		ItemRoyalties::mutate(|all| all.insert(0, vec![(DAVE, 250_000)]));
		assert_ok!(Market::buy(signed(BOB), listing, 1_000));
		assert_eq!((free(TREASURY), free(DAVE), free(CREATOR)), (FUNDS + 25, FUNDS, FUNDS + 100));
	});
}

#[test]
fn buy_should_read_a_fee_above_the_cap_as_the_cap() {
	build_and_execute(|| {
		TestFee::set(Permill::one());
		let listing = list(0, ALICE, 1_000);
		assert_ok!(Market::buy(signed(BOB), listing, 1_000));
		assert_eq!(free(TREASURY), FUNDS + 100);
	});
}

#[test]
fn buy_should_fail_when_the_listing_is_the_callers() {
	build_and_execute(|| {
		let listing = list(0, ALICE, 1_000);
		assert_noop!(Market::buy(signed(ALICE), listing, 1_000), Error::<Test>::OwnItem);
		assert_noop!(Market::buy(RuntimeOrigin::root(), listing, 1_000), DispatchError::BadOrigin);
	});
}

#[test]
fn buy_should_fail_when_the_price_is_above_the_limit() {
	build_and_execute(|| {
		let listing = list(0, ALICE, 1_000);
		assert_ok!(Market::set_price(signed(ALICE), listing, 5_000));
		assert_noop!(Market::buy(signed(BOB), listing, 1_000), Error::<Test>::PriceAboveLimit);
		assert_ok!(Market::buy(signed(BOB), listing, 5_000));
	});
}

#[test]
fn buy_should_fail_when_the_listing_is_over_or_gone() {
	build_and_execute(|| {
		assert_ok!(Market::list(signed(ALICE), WORKS, 0, 1_000, Some(10)));
		assert_noop!(Market::buy(signed(BOB), 9, 1_000), Error::<Test>::UnknownListing);
		run_to(10);
		assert_noop!(Market::buy(signed(BOB), 0, 1_000), Error::<Test>::Expired);
		let listing = list(1, ALICE, 1_000);
		assert_ok!(Market::buy(signed(BOB), listing, 1_000));
		assert_noop!(Market::buy(signed(CAROL), listing, 1_000), Error::<Test>::UnknownListing);
	});
}

#[test]
fn buy_should_change_nothing_when_the_buyer_cannot_pay_everything() {
	build_and_execute(|| {
		// Enough for the royalties, not for the rest.
		let listing = list(0, ALICE, 2 * FUNDS);
		assert_noop!(Market::buy(signed(BOB), listing, u128::MAX), DispatchError::from(TokenError::FundsUnavailable));
		assert_eq!(owner(0), Some(account(ALICE)));
		// Nor does a purchase take the buyer's existential deposit.
		assert_ok!(Market::set_price(signed(ALICE), listing, FUNDS));
		assert!(frame_support::storage::with_storage_layer(|| Market::buy(signed(BOB), listing, FUNDS)).is_err());
		assert_ok!(Market::set_price(signed(ALICE), listing, FUNDS - ED));
		assert_ok!(Market::buy(signed(BOB), listing, FUNDS));
		assert_eq!(free(BOB), ED);
	});
}

#[test]
fn buy_should_change_nothing_when_an_item_cannot_be_transferred_any_more() {
	build_and_execute(|| {
		assert_ok!(Market::list_bundle(signed(ALICE), works(&[0, 1]), 1_000, None));
		assert_ok!(Nfts::lock_item_transfer(signed(TEAM), WORKS, 1));
		assert_noop!(Market::buy(signed(BOB), 0, 1_000), pallet_nfts::Error::<Test>::ItemLocked);
		assert_eq!((owner(0), owner(1)), (Some(account(ALICE)), Some(account(ALICE))));
	});
}

#[test]
fn buy_should_pay_the_treasury_what_a_beneficiary_cannot_take() {
	build_and_execute(|| {
		// 1 % of 900 is below the existential deposit, and account 60 does not exist.
		ItemRoyalties::mutate(|all| all.insert(0, vec![(60, 10_000), (CREATOR, 100_000)]));
		let listing = list(0, ALICE, 900);
		assert_ok!(Market::buy(signed(BOB), listing, 900));
		assert_eq!((free(60), free(CREATOR), free(TREASURY)), (0, FUNDS + 90, FUNDS + 22 + 9));
		assert_eq!(free(ALICE), FUNDS + 900 - 90 - 22 - 9);
		assert!(events().contains(&Event::RoyaltyRedirected { payee: payee(60), amount: 9 }));
		let split = Split { royalties: vec![(payee(CREATOR), 90)], fee: 31, proceeds: 779 };
		assert!(matches!(last_event(), Event::Sold { split: paid, .. } if paid == split));
	});
}

#[test]
fn buy_should_pay_the_seller_what_even_the_treasury_cannot_take() {
	build_and_execute(|| {
		drain(TREASURY);
		// 2.5 % of 300 is below the existential deposit.
		let listing = list(0, ALICE, 300);
		assert_ok!(Market::buy(signed(BOB), listing, 300));
		assert_eq!(free(TREASURY), 0);
		assert_eq!(free(ALICE), FUNDS + 300 - 30 - 15);
	});
}

#[test]
fn buy_should_pay_a_beneficiary_that_buys_or_sells() {
	build_and_execute(|| {
		ItemRoyalties::mutate(|all| all.insert(0, vec![(BOB, 100_000), (ALICE, 50_000)]));
		let listing = list(0, ALICE, 1_000);
		assert_ok!(Market::buy(signed(BOB), listing, 1_000));
		assert_eq!((free(ALICE), free(BOB)), (FUNDS + 875, FUNDS - 900));
	});
}

#[test]
fn buy_should_pay_a_seller_that_has_nothing_else() {
	build_and_execute(|| {
		let listing = list(0, ALICE, MIN_PRICE);
		drain(ALICE);
		let deposit = Listings::<Test>::get(listing).unwrap().deposit;
		assert_ok!(Market::buy(signed(BOB), listing, MIN_PRICE));
		assert_eq!(free(ALICE), deposit + divided(MIN_PRICE).proceeds);
	});
}

#[test]
fn buy_should_pay_twenty_beneficiaries() {
	build_and_execute(|| {
		let shares: Vec<_> = (0..20).map(|n| (100 + n, 12_500)).collect();
		ItemRoyalties::mutate(|all| all.insert(0, shares.clone()));
		let listing = list(0, ALICE, 100_000);
		assert_ok!(Market::buy(signed(BOB), listing, 100_000));
		assert!(shares.iter().all(|(payee, _)| free(*payee) == 1_250));
		assert_eq!(free(ALICE), FUNDS + 100_000 - 25_000 - 2_500);
		let quote = maths::split(100_000u128, FEE, &royalties(&shares));
		assert!(matches!(last_event(), Event::Sold { split, .. } if split == quote));
	});
}

#[test]
fn buy_should_divide_the_part_of_bonded_holders() {
	build_and_execute(|| {
		// 4 % to the bonded shares, 3 % to the bonded AUTON and 2 % to the treasury of community 2.
		ItemRoyalties::mutate(|all| all.insert(0, vec![(208, 40_000), (209, 30_000), (211, 20_000)]));
		let listing = list(0, ALICE, 1_000);
		assert_ok!(Market::buy(signed(BOB), listing, 1_000));
		assert_eq!((divided_among(2, Pot::Shares), divided_among(2, Pot::Auton)), (40, 30));
		assert_eq!((free(208), free(209), free(211)), (40, 30, 20));
		assert_eq!(free(ALICE), FUNDS + 1_000 - 90 - 25);
		let royalties = vec![(payee(208), 40), (payee(209), 30), (payee(211), 20)];
		let split = Split { royalties, fee: 25, proceeds: 885 };
		assert!(matches!(last_event(), Event::Sold { split: paid, .. } if paid == split));
	});
}

#[test]
fn buy_should_pay_the_communitys_treasury_when_nobody_has_bonded() {
	build_and_execute(|| {
		let listing = list(0, ALICE, 1_000);
		set_bonded(0, Pot::Shares, false);
		assert_ok!(Market::buy(signed(BOB), listing, 1_000));
		assert_eq!((free(COMMUNITY), free(COMMUNITY_TREASURY)), (FUNDS, FUNDS + 50));
		assert_eq!(divided_among(0, Pot::Shares), 0);
		// From the first bond on it is the holders'.
		set_bonded(0, Pot::Shares, true);
		let listing = list(1, ALICE, 1_000);
		assert_ok!(Market::buy(signed(BOB), listing, 1_000));
		assert_eq!((free(COMMUNITY), free(COMMUNITY_TREASURY)), (FUNDS + 50, FUNDS + 50));
	});
}

#[test]
fn buy_should_pay_the_treasury_what_a_pot_cannot_take() {
	build_and_execute(|| {
		// 0.5 % of 1,000 is below the existential deposit, and the pot of community 2 has nothing.
		ItemRoyalties::mutate(|all| all.insert(0, vec![(208, 5_000), (CREATOR, 100_000)]));
		let listing = list(0, ALICE, 1_000);
		assert_ok!(Market::buy(signed(BOB), listing, 1_000));
		assert_eq!((free(208), divided_among(2, Pot::Shares)), (0, 0));
		assert_eq!((free(CREATOR), free(TREASURY)), (FUNDS + 100, FUNDS + 25 + 5));
		assert!(events().contains(&Event::RoyaltyRedirected { payee: payee(208), amount: 5 }));
	});
}

#[test]
fn buy_should_divide_nothing_when_the_sale_fails_after_the_pot_was_paid() {
	build_and_execute(|| {
		// Enough for the royalties, not for the rest.
		let listing = list(0, ALICE, 2 * FUNDS);
		assert_noop!(Market::buy(signed(BOB), listing, u128::MAX), DispatchError::from(TokenError::FundsUnavailable));
		assert_eq!((divided_among(0, Pot::Shares), free(COMMUNITY)), (0, FUNDS));
	});
}
