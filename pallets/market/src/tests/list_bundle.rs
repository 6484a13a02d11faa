use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError;

use super::works;
use crate::{mock::*, Error, Items, Listings, OnSale, Sale, MAX_BUNDLE};

fn bundle(items: &[u32]) -> sp_runtime::DispatchResult {
	Market::list_bundle(signed(ALICE), works(items), 1_000, None)
}

#[test]
fn list_bundle_should_lock_every_item() {
	build_and_execute(|| {
		assert_ok!(bundle(&[0, 2, 4]));
		for item in 0..6 {
			let locked = (item % 2 == 0).then_some(Sale::Listing(0));
			assert_eq!(OnSale::<Test>::get(WORKS, item), locked);
		}
	});
}

#[test]
fn list_bundle_should_take_the_largest() {
	build_and_execute(|| {
		let items: Vec<u32> = (100..100 + MAX_BUNDLE).collect();
		items.iter().for_each(|item| mint(*item, ALICE));
		assert_ok!(bundle(&items));
		assert_ok!(Market::buy(signed(BOB), 0, 1_000));
		assert!(items.iter().all(|item| owner(*item) == Some(account(BOB))));
	});
}

#[test]
fn list_bundle_should_bear_the_highest_royalty_among_its_items() {
	build_and_execute(|| {
		let bears = |item, shares: &[(u8, u32)]| {
			let shares = shares.to_vec();
			ItemRoyalties::mutate(|all| all.insert(item, shares));
		};
		bears(0, &[(CREATOR, 200_000)]);
		bears(1, &[]);
		bears(2, &[(COMMUNITY, 50_000)]);
		assert_ok!(bundle(&[0, 1, 2]));
		// 20 % of the price, divided 200 to 50.
		let expected = royalties(&[(CREATOR, 160_000), (COMMUNITY, 40_000)]);
		assert_eq!(Listings::<Test>::get(0).unwrap().royalties, expected);
	});
}

#[test]
fn list_bundle_should_fail_when_it_is_empty() {
	build_and_execute(|| {
		assert_noop!(bundle(&[]), Error::<Test>::NoItems);
	});
}

#[test]
fn list_bundle_should_fail_when_an_item_is_named_twice() {
	build_and_execute(|| {
		assert_noop!(bundle(&[0, 1, 0]), Error::<Test>::AlreadyOnSale);
	});
}

#[test]
fn list_bundle_should_fail_when_an_item_is_anothers_or_gone() {
	build_and_execute(|| {
		mint(9, BOB);
		assert_noop!(bundle(&[0, 9]), Error::<Test>::NotOwner);
		assert_noop!(bundle(&[0, 8]), Error::<Test>::UnknownItem);
		let items: Items<u32, u32> = vec![(WORKS, 0), (OTHERS, 0)].try_into().unwrap();
		assert_noop!(Market::list_bundle(signed(ALICE), items, 1_000, None), Error::<Test>::NotTradable);
		assert_noop!(Market::list_bundle(RuntimeOrigin::none(), works(&[0]), 1_000, None), DispatchError::BadOrigin);
	});
}

#[test]
fn list_bundle_should_fail_when_the_items_have_too_many_payees() {
	build_and_execute(|| {
		for item in 0..3 {
			let shares = (0..7).map(|n| (100 + 7 * item as u8 + n, 10_000)).collect();
			ItemRoyalties::mutate(|all| all.insert(item, shares));
		}
		assert_noop!(bundle(&[0, 1, 2]), Error::<Test>::TooManyPayees);
		assert_ok!(bundle(&[0, 1]));
	});
}
