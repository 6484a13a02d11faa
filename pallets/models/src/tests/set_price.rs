use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError;

use crate::{mock::*, Collection, Error, Event, Models as ModelMap};

#[test]
fn set_price_should_change_the_price_when_the_owner_asks() {
	build_and_execute(|| {
		assert_ok!(Models::register(RuntimeOrigin::signed(account(1)), details("model")));
		assert_ok!(Models::set_price(RuntimeOrigin::signed(account(1)), 0, 9));
		assert_eq!(ModelMap::<Test>::get(0).unwrap().price_per_unit, 9);
		assert_eq!(events().pop(), Some(Event::PriceSet { model: 0, price_per_unit: 9 }));
	});
}

#[test]
fn set_price_should_follow_the_nft_when_it_is_transferred() {
	build_and_execute(|| {
		let (seller, buyer) = (RuntimeOrigin::signed(account(1)), RuntimeOrigin::signed(account(2)));
		assert_ok!(Models::register(seller.clone(), details("model")));
		assert_ok!(Nfts::transfer(seller.clone(), Collection::<Test>::get().unwrap(), 0, account(2)));
		assert_noop!(Models::set_price(seller, 0, 9), Error::<Test>::NotOwner);
		assert_ok!(Models::set_price(buyer, 0, 9));
		assert_eq!(Models::owner(0), Some(account(2)));
	});
}

#[test]
fn set_price_should_fail_when_the_caller_is_not_the_owner() {
	build_and_execute(|| {
		assert_ok!(Models::register(RuntimeOrigin::signed(account(1)), details("model")));
		assert_noop!(Models::set_price(RuntimeOrigin::signed(account(2)), 0, 9), Error::<Test>::NotOwner);
		assert_noop!(Models::set_price(RuntimeOrigin::root(), 0, 9), DispatchError::BadOrigin);
	});
}

#[test]
fn set_price_should_fail_when_the_nft_is_burnt() {
	build_and_execute(|| {
		let owner = RuntimeOrigin::signed(account(1));
		assert_ok!(Models::register(owner.clone(), details("model")));
		assert_ok!(Nfts::burn(owner.clone(), Collection::<Test>::get().unwrap(), 0));
		assert_noop!(Models::set_price(owner, 0, 9), Error::<Test>::NotOwner);
		assert_eq!(Models::model(0).unwrap().owner, None);
	});
}

#[test]
fn set_price_should_fail_when_the_model_is_unknown() {
	build_and_execute(|| {
		assert_noop!(Models::set_price(RuntimeOrigin::signed(account(1)), 0, 9), Error::<Test>::UnknownModel);
	});
}

#[test]
fn set_price_should_fail_when_the_price_is_zero() {
	build_and_execute(|| {
		assert_ok!(Models::register(RuntimeOrigin::signed(account(1)), details("model")));
		assert_noop!(Models::set_price(RuntimeOrigin::signed(account(1)), 0, 0), Error::<Test>::PriceIsZero);
	});
}
