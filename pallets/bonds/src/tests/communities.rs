use autonomy_primitives::community::{Class, Communities as _, Pot, PowerSink};
use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, ClassTotals, Communities, CommunityByShares, Error, Event, NextCommunityId, Pots, Tier};

fn set_power(class: Class, power: u128) {
	assert_ok!(<Bonds as PowerSink<_>>::set_power(C, class, &account(1), power));
}

#[test]
fn x_should_be_open_from_genesis() {
	build_and_execute(|| {
		assert!(Bonds::exists(X));
		assert_eq!(Bonds::shares(X), None);
		assert_eq!(NextCommunityId::<Test>::get(), 3);
	});
}

#[test]
fn open_should_number_communities_and_never_use_a_number_twice() {
	build_and_execute(|| {
		assert_eq!(Bonds::open(None), Ok(3));
		assert_eq!(last_event(), Event::CommunityOpened { community: 3, shares: None });
		assert_ok!(Bonds::close(3));
		assert_eq!(Bonds::open(None), Ok(4));
		assert!(!Bonds::exists(3) && Bonds::exists(4));
	});
}

#[test]
fn open_should_fail_when_the_asset_is_not_free() {
	build_and_execute(|| {
		assert_noop!(Bonds::open(Some(SHARES)), Error::<Test>::AssetTaken);
		assert_noop!(Bonds::open(Some(99)), Error::<Test>::UnknownAsset);
	});
}

#[test]
fn attach_shares_should_make_them_bondable() {
	build_and_execute(|| {
		assert_ok!(Assets::force_create(RuntimeOrigin::root(), 8, account(ISSUER), true, 1));
		assert_ok!(Assets::mint(signed(ISSUER), 8, account(1), 100));
		assert_ok!(Bonds::attach_shares(PLAIN, 8));
		assert_eq!(last_event(), Event::SharesAttached { community: PLAIN, shares: 8 });
		assert_eq!(Bonds::shares(PLAIN), Some(8));
		assert_noop!(Bonds::attach_shares(PLAIN, 8), Error::<Test>::SharesAttachedBefore);
		assert_noop!(Bonds::attach_shares(C, 8), Error::<Test>::SharesAttachedBefore);
		assert_noop!(Bonds::attach_shares(X, 8), Error::<Test>::AssetTaken);
		assert_noop!(Bonds::attach_shares(X, 99), Error::<Test>::UnknownAsset);
		assert_noop!(Bonds::attach_shares(99, 8), Error::<Test>::UnknownCommunity);
	});
}

#[test]
fn close_should_move_what_is_left_of_pots_to_the_treasury() {
	build_and_execute(|| {
		bond(1, C, Pot::Shares, 3);
		earn(C, Pot::Shares, 601);
		assert_ok!(Bonds::unbond(signed(1), C, Pot::Shares, Tier::Days14, 3));
		go_to_day(16);
		assert_ok!(Bonds::withdraw(signed(1), C, Pot::Shares));
		assert_ok!(Bonds::claim(signed(1), C, Pot::Shares));
		let left = balance(&Bonds::pot_account(C, Pot::Shares));
		assert!(left >= ED);
		assert_ok!(Bonds::close(C));
		assert_eq!(last_event(), Event::CommunityClosed { community: C, swept: left });
		assert_eq!(balance(&Bonds::treasury_of(C)), left);
		assert_eq!(balance(&Bonds::pot_account(C, Pot::Shares)), 0);
		assert!(!Communities::<Test>::contains_key(C));
		assert_eq!(Pots::<Test>::iter_prefix(C).count() + ClassTotals::<Test>::iter_prefix(C).count(), 0);
		assert_noop!(Bonds::close(C), Error::<Test>::UnknownCommunity);
		// The asset is free for another community.
		assert!(!CommunityByShares::<Test>::contains_key(SHARES));
		assert_ok!(Bonds::open(Some(SHARES)));
	});
}

#[test]
fn close_should_fail_when_somebody_has_something_there() {
	build_and_execute(|| {
		assert_noop!(Bonds::close(X), Error::<Test>::XNeverCloses);
		bond(1, C, Pot::Shares, 1_000);
		assert_noop!(Bonds::close(C), Error::<Test>::CommunityNotEmpty);
		assert_ok!(Bonds::unbond(signed(1), C, Pot::Shares, Tier::Days14, 1_000));
		assert_noop!(Bonds::close(C), Error::<Test>::CommunityNotEmpty);
		go_to_day(16);
		assert_ok!(Bonds::withdraw(signed(1), C, Pot::Shares));
		for class in [Class::Owner, Class::Fan, Class::Contributor, Class::Ai, Class::Compute] {
			set_power(class, 1);
			assert_noop!(Bonds::close(C), Error::<Test>::CommunityNotEmpty);
			set_power(class, 0);
		}
		assert_ok!(Bonds::close(C));
	});
}

#[test]
fn claims_should_not_be_frozen_where_there_is_no_community() {
	build_and_execute(|| {
		assert_noop!(Bonds::set_claims_frozen(99, true), Error::<Test>::UnknownCommunity);
	});
}

#[test]
fn accounts_of_communities_should_differ() {
	build_and_execute(|| {
		let accounts: std::collections::BTreeSet<_> = [X, C, PLAIN, u32::MAX]
			.into_iter()
			.flat_map(|community| {
				let pots = Pot::ALL.map(|pot| Bonds::pot_account(community, pot));
				pots.into_iter().chain([Bonds::treasury(community)])
			})
			.collect();
		assert_eq!(accounts.len(), 12);
	});
}
