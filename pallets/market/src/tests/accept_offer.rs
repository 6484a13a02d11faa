use frame_support::{
	assert_noop, assert_ok,
	traits::{LockableCurrency, WithdrawReasons},
};
use sp_runtime::{DispatchError, Permill};

use super::{free, held, works};
use crate::{mock::*, Error, Event, HoldReason, OfferCount, Offers, SoldBy};

fn accept(seller: u8, bidder: u8) -> frame_support::dispatch::DispatchResultWithPostInfo {
	Market::accept_offer(signed(seller), WORKS, 0, account(bidder), 0)
}

#[test]
fn accept_offer_should_sell_the_item_for_the_money_on_hold() {
	build_and_execute(|| {
		offer(0, BOB, 1_003);
		offer(0, CAROL, 2_000);
		assert_ok!(accept(ALICE, BOB));
		assert_eq!(owner(0), Some(account(BOB)));
		assert_eq!((free(CREATOR), free(COMMUNITY), free(TREASURY)), (FUNDS + 100, FUNDS + 50, FUNDS + 25));
		assert_eq!((free(ALICE), free(BOB)), (FUNDS + 828, FUNDS - 1_003));
		assert_eq!(held(HoldReason::Offer, BOB), 0);
		assert!(!Offers::<Test>::contains_key((WORKS, 0u32, account(BOB))));
		assert!(!OfferCount::<Test>::contains_key(account(BOB)));
		let event = Event::Sold {
			by: SoldBy::Offer,
			seller: account(ALICE),
			buyer: account(BOB),
			items: works(&[0]),
			price: 1_003,
			split: divided(1_003),
		};
		assert_eq!(last_event(), event);
		// The other offer is for whoever owns the item.
		assert_ok!(accept(BOB, CAROL));
		assert_eq!(owner(0), Some(account(CAROL)));
	});
}

#[test]
fn accept_offer_should_take_the_terms_of_now() {
	build_and_execute(|| {
		offer(0, BOB, 1_000);
		TestFee::set(Permill::from_percent(5));
		ItemRoyalties::mutate(|all| all.insert(0, vec![(CREATOR, 200_000)]));
		assert_ok!(accept(ALICE, BOB));
		assert_eq!((free(CREATOR), free(COMMUNITY), free(TREASURY)), (FUNDS + 200, FUNDS, FUNDS + 50));
	});
}

#[test]
fn accept_offer_should_fail_when_the_caller_does_not_own_the_item() {
	build_and_execute(|| {
		offer(0, BOB, 1_000);
		assert_noop!(accept(CAROL, BOB), Error::<Test>::NotOwner);
		assert_noop!(accept(ALICE, CAROL), Error::<Test>::UnknownOffer);
		let origin = RuntimeOrigin::root();
		assert_noop!(Market::accept_offer(origin, WORKS, 0, account(BOB), 0), DispatchError::BadOrigin);
	});
}

#[test]
fn accept_offer_should_fail_when_the_offer_is_below_the_limit() {
	build_and_execute(|| {
		offer(0, BOB, 1_000);
		let error = Error::<Test>::OfferBelowLimit;
		assert_noop!(Market::accept_offer(signed(ALICE), WORKS, 0, account(BOB), 1_001), error);
		assert_ok!(Market::accept_offer(signed(ALICE), WORKS, 0, account(BOB), 1_000));
	});
}

#[test]
fn accept_offer_should_fail_when_it_has_expired() {
	build_and_execute(|| {
		assert_ok!(Market::make_offer(signed(BOB), WORKS, 0, 1_000, 10));
		run_to(10);
		assert_noop!(accept(ALICE, BOB), Error::<Test>::Expired);
	});
}

#[test]
fn accept_offer_should_fail_when_the_item_is_on_sale() {
	build_and_execute(|| {
		offer(0, BOB, 1_000);
		let listing = list(0, ALICE, 5_000);
		assert_noop!(accept(ALICE, BOB), Error::<Test>::AlreadyOnSale);
		assert_ok!(Market::cancel_listing(signed(ALICE), listing));
		let auction = auction(0, ALICE, 5_000);
		assert_noop!(accept(ALICE, BOB), Error::<Test>::AlreadyOnSale);
		assert_ok!(Market::cancel_auction(signed(ALICE), auction));
		assert_ok!(accept(ALICE, BOB));
	});
}

#[test]
fn accept_offer_should_fail_when_the_bidder_has_got_the_item_in_another_way() {
	build_and_execute(|| {
		offer(0, BOB, 1_000);
		assert_ok!(Nfts::transfer(signed(ALICE), WORKS, 0, account(BOB)));
		assert_noop!(accept(BOB, BOB), Error::<Test>::OwnItem);
		assert_noop!(accept(ALICE, BOB), Error::<Test>::NotOwner);
		assert_ok!(Market::cancel_offer(signed(BOB), WORKS, 0));
	});
}

#[test]
fn accept_offer_should_fail_when_the_item_was_burnt() {
	build_and_execute(|| {
		offer(0, BOB, 1_000);
		assert_ok!(Nfts::burn(signed(ALICE), WORKS, 0));
		assert_noop!(accept(ALICE, BOB), Error::<Test>::UnknownItem);
	});
}

#[test]
fn accept_offer_should_work_when_the_bidder_has_frozen_everything() {
	build_and_execute(|| {
		offer(0, BOB, 1_000);
		Balances::set_lock(*b"votelock", &account(BOB), FUNDS, WithdrawReasons::all());
		assert_ok!(accept(ALICE, BOB));
		assert_eq!(free(CREATOR), FUNDS + 100);
	});
}
