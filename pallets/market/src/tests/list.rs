use codec::Encode;
use frame_support::{assert_noop, assert_ok};
use sp_runtime::{ArithmeticError, DispatchError, TokenError};

use super::{free, held, works};
use crate::{mock::*, Error, Event, HoldReason, Listing, Listings, NextSaleId, OnSale, Sale, SaleCount};

#[test]
fn list_should_lock_the_item_and_keep_the_terms_of_the_day() {
	build_and_execute(|| {
		assert_ok!(Market::list(signed(ALICE), WORKS, 0, 1_000, Some(50)));
		let deposit = held(HoldReason::Deposit, ALICE);
		let expected = Listing {
			seller: account(ALICE),
			items: works(&[0]),
			price: 1_000,
			expires: Some(50),
			fee: FEE,
			royalties: royalties(&ROYALTIES),
			deposit,
		};
		assert_eq!(Listings::<Test>::get(0), Some(expected.clone()));
		let bytes = expected.encoded_size() + ((WORKS, 0u32), Sale::Listing(0)).encoded_size();
		assert_eq!(deposit, DEPOSIT_BASE + bytes as u128);
		assert_eq!(free(ALICE), FUNDS - deposit);
		assert_eq!(OnSale::<Test>::get(WORKS, 0), Some(Sale::Listing(0)));
		assert_eq!(SaleCount::<Test>::get(account(ALICE)), 1);
		let event = Event::Listed {
			listing: 0,
			seller: account(ALICE),
			items: works(&[0]),
			price: 1_000,
			expires: Some(50),
			fee: FEE,
			royalties: royalties(&ROYALTIES),
			deposit,
		};
		assert_eq!(events(), vec![event]);
	});
}

#[test]
fn list_should_fail_when_the_item_is_not_the_callers() {
	build_and_execute(|| {
		assert_noop!(Market::list(signed(BOB), WORKS, 0, 1_000, None), Error::<Test>::NotOwner);
		assert_noop!(Market::list(signed(ALICE), WORKS, 99, 1_000, None), Error::<Test>::UnknownItem);
		assert_noop!(Market::list(RuntimeOrigin::root(), WORKS, 0, 1_000, None), DispatchError::BadOrigin);
	});
}

#[test]
fn list_should_fail_when_the_collection_is_not_sold_here() {
	build_and_execute(|| {
		assert_noop!(Market::list(signed(ALICE), OTHERS, 0, 1_000, None), Error::<Test>::NotTradable);
	});
}

#[test]
fn list_should_fail_when_the_item_cannot_be_transferred() {
	build_and_execute(|| {
		assert_ok!(Nfts::lock_item_transfer(signed(TEAM), WORKS, 0));
		assert_noop!(Market::list(signed(ALICE), WORKS, 0, 1_000, None), Error::<Test>::NotTransferable);
	});
}

#[test]
fn list_should_fail_when_the_item_is_on_sale() {
	build_and_execute(|| {
		list(0, ALICE, 1_000);
		auction(1, ALICE, 1_000);
		for item in [0, 1] {
			assert_noop!(Market::list(signed(ALICE), WORKS, item, 1_000, None), Error::<Test>::AlreadyOnSale);
		}
	});
}

#[test]
fn list_should_fail_when_the_price_is_too_low() {
	build_and_execute(|| {
		for price in [0, 1, MIN_PRICE - 1] {
			assert_noop!(Market::list(signed(ALICE), WORKS, 0, price, None), Error::<Test>::PriceTooLow);
		}
		list(0, ALICE, MIN_PRICE);
	});
}

#[test]
fn list_should_fail_when_the_end_is_out_of_range() {
	build_and_execute(|| {
		for expires in [0, 1, 2 + MAX_DURATION] {
			let done = Market::list(signed(ALICE), WORKS, 0, 1_000, Some(expires));
			assert_eq!(done, Err(Error::<Test>::EndOutOfRange.into()));
		}
		assert_ok!(Market::list(signed(ALICE), WORKS, 0, 1_000, Some(1 + MAX_DURATION)));
		assert_ok!(Market::list(signed(ALICE), WORKS, 1, 1_000, Some(2)));
	});
}

#[test]
fn list_should_fail_when_the_royalties_are_above_the_cap() {
	build_and_execute(|| {
		ItemRoyalties::mutate(|all| all.insert(0, vec![(CREATOR, 200_000), (COMMUNITY, 50_001)]));
		assert_noop!(Market::list(signed(ALICE), WORKS, 0, 1_000, None), Error::<Test>::RoyaltyAboveCap);
		ItemRoyalties::mutate(|all| all.insert(0, vec![(CREATOR, 200_000), (COMMUNITY, 50_000)]));
		list(0, ALICE, 1_000);
	});
}

#[test]
fn list_should_fail_when_the_account_has_too_many_sales() {
	build_and_execute(|| {
		for item in 0..3 {
			list(item, ALICE, 1_000);
		}
		auction(3, ALICE, 1_000);
		assert_noop!(Market::list(signed(ALICE), WORKS, 4, 1_000, None), Error::<Test>::TooManySales);
		assert_ok!(Market::cancel_listing(signed(ALICE), 0));
		list(4, ALICE, 1_000);
	});
}

#[test]
fn list_should_fail_when_the_deposit_cannot_be_paid() {
	build_and_execute(|| {
		mint(9, 99);
		assert_noop!(
			Market::list(signed(99), WORKS, 9, 1_000, None),
			DispatchError::from(TokenError::FundsUnavailable)
		);
	});
}

#[test]
fn list_should_fail_when_numbers_run_out() {
	new_test_ext().execute_with(|| {
		NextSaleId::<Test>::put(u64::MAX);
		assert_noop!(Market::list(signed(ALICE), WORKS, 0, 1_000, None), ArithmeticError::Overflow);
	});
}

#[test]
fn listed_item_should_stay_where_it_is() {
	build_and_execute(|| {
		assert_ok!(Nfts::approve_transfer(signed(ALICE), WORKS, 0, account(DAVE), None));
		list(0, ALICE, 1_000);
		let locked = pallet_nfts::Error::<Test>::ItemLocked;
		assert_noop!(Nfts::transfer(signed(ALICE), WORKS, 0, account(BOB)), locked);
		let locked = pallet_nfts::Error::<Test>::ItemLocked;
		assert_noop!(Nfts::transfer(signed(DAVE), WORKS, 0, account(DAVE)), locked);
		let locked = pallet_nfts::Error::<Test>::ItemLocked;
		assert_noop!(Nfts::burn(signed(ALICE), WORKS, 0), locked);
		assert_ok!(Market::cancel_listing(signed(ALICE), 0));
		assert_ok!(Nfts::transfer(signed(ALICE), WORKS, 0, account(BOB)));
	});
}
