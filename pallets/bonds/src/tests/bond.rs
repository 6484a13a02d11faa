use autonomy_primitives::community::{Class, Communities as _, Pot};
use frame_support::{assert_noop, assert_ok, traits::ReservableCurrency};
use sp_runtime::{DispatchError, TokenError};

use super::portfolio;
use crate::{mock::*, Amounts, Communities, Error, Event, Tier};

#[test]
fn bond_should_freeze_at_once_and_give_power_from_the_next_day() {
	build_and_execute(|| {
		assert_ok!(Bonds::bond(signed(1), C, Pot::Shares, 1_000, Tier::Days28));
		assert_eq!((frozen(1, Pot::Shares), frozen(1, Pot::Auton)), (1_000, 0));
		assert_eq!(stored(1, C, Pot::Shares).amounts, Amounts { days_28: 1_000, ..Default::default() });
		assert_eq!((power(1, C, Class::Investor), total(C, Class::Investor)), (0, 0), "yesterday is closed");
		assert_eq!(Bonds::power_of(C, Class::Investor, account(1), Bonds::today()), None, "today is not");
		go_on(1);
		assert_eq!((power(1, C, Class::Investor), total(C, Class::Investor)), (3_000, 3_000));
		let (community, pot, who) = (C, Pot::Shares, account(1));
		assert_eq!(
			events(),
			vec![
				Event::PotOpened {
					community,
					pot,
					account: Bonds::pot_account(C, Pot::Shares),
					who: who.clone(),
					deposit: ED
				},
				Event::PowerSet { community, class: Class::Investor, who: who.clone(), power: 3_000 },
				Event::Bonded { community, pot, who, tier: Tier::Days28, amount: 1_000 },
			]
		);
	});
}

#[test]
fn bond_should_add_to_what_is_bonded() {
	build_and_execute(|| {
		bond_in(1, X, Pot::Auton, 100, Tier::Days14);
		bond_in(1, X, Pot::Auton, 200, Tier::Days168);
		bond_in(1, X, Pot::Auton, 1, Tier::Days14);
		let amounts = Amounts { days_14: 101, days_168: 200, ..Default::default() };
		assert_eq!(stored(1, X, Pot::Auton).amounts, amounts);
		assert_eq!(frozen(1, Pot::Auton), 301);
		assert_eq!((portfolio(1), Communities::<Test>::get(X).unwrap().bonds), (vec![(X, Pot::Auton)], 1));
		go_on(1);
		assert_eq!(power(1, X, Class::Token), 202 + 1_200);
	});
}

#[test]
fn bond_should_give_power_in_the_class_of_what_is_bonded() {
	build_and_execute(|| {
		bond(1, X, Pot::Auton, 100);
		bond(1, PLAIN, Pot::Auton, 200);
		bond(1, C, Pot::Shares, 1);
		go_on(1);
		assert_eq!(power(1, X, Class::Token), 200);
		assert_eq!((power(1, PLAIN, Class::Backing), power(1, PLAIN, Class::Token)), (400, 0));
		assert_eq!((power(1, C, Class::Investor), power(1, C, Class::Backing)), (2, 0));
	});
}

#[test]
fn bonds_of_auton_should_be_one_freeze_over_all_communities() {
	build_and_execute(|| {
		bond(1, X, Pot::Auton, 100);
		bond(1, PLAIN, Pot::Auton, 200);
		bond(1, C, Pot::Auton, 300);
		assert_eq!(frozen(1, Pot::Auton), 600);
		assert_eq!(pallet_balances::Freezes::<Test>::get(account(1)).len(), 1);
	});
}

#[test]
fn bond_should_take_the_deposit_of_the_pot_from_the_first_only() {
	build_and_execute(|| {
		bond(1, X, Pot::Auton, 100);
		bond(2, X, Pot::Auton, 100);
		assert_eq!((balance(&account(1)), balance(&account(2))), (FUNDS - ED, FUNDS));
		assert_eq!(balance(&Bonds::pot_account(X, Pot::Auton)), ED);
	});
}

#[test]
fn bond_should_cover_what_is_reserved_too() {
	build_and_execute(|| {
		bond(2, X, Pot::Auton, 100);
		assert_ok!(Balances::reserve(&account(1), 500_000));
		// All that the account has, free or not: democracy counts it likewise.
		assert_ok!(Bonds::bond(signed(1), X, Pot::Auton, FUNDS, Tier::Days14));
		assert_eq!(Balances::unreserve(&account(1), 500_000), 0);
	});
}

#[test]
fn bond_should_fail_when_the_account_has_less_than_all_its_bonds() {
	build_and_execute(|| {
		bond(2, X, Pot::Auton, 100);
		bond(2, PLAIN, Pot::Auton, 100);
		bond(1, X, Pot::Auton, 600_000);
		let bond_more = |amount| Bonds::bond(signed(1), PLAIN, Pot::Auton, amount, Tier::Days14);
		assert_noop!(bond_more(400_001), Error::<Test>::BalanceTooLow);
		assert_ok!(bond_more(400_000));
		bond(2, C, Pot::Shares, 1);
		let bond_shares = |amount| Bonds::bond(signed(1), C, Pot::Shares, amount, Tier::Days14);
		assert_noop!(bond_shares(FUNDS + 1), Error::<Test>::BalanceTooLow);
		assert_ok!(bond_shares(FUNDS));
		assert_noop!(bond_shares(1), Error::<Test>::BalanceTooLow);
	});
}

#[test]
fn bond_should_fail_when_the_tokens_still_vest() {
	build_and_execute(|| {
		bond(2, X, Pot::Auton, 100);
		Vesting::mutate(|vesting| vesting.insert(1, FUNDS - 500));
		assert_noop!(Bonds::bond(signed(1), X, Pot::Auton, 501, Tier::Days14), Error::<Test>::BalanceTooLow);
		assert_ok!(Bonds::bond(signed(1), X, Pot::Auton, 500, Tier::Days14));
	});
}

#[test]
fn bond_should_fail_when_it_is_too_small() {
	build_and_execute(|| {
		let bond = |pot, amount, tier| Bonds::bond(signed(1), C, pot, amount, tier);
		assert_noop!(bond(Pot::Auton, 0, Tier::Days14), Error::<Test>::AmountIsZero);
		assert_noop!(bond(Pot::Auton, MIN_BOND - 1, Tier::Days14), Error::<Test>::BondTooSmall);
		assert_ok!(bond(Pot::Auton, MIN_BOND, Tier::Days14));
		assert_ok!(bond(Pot::Auton, 1, Tier::Days14));
		assert_noop!(bond(Pot::Auton, 1, Tier::Days28), Error::<Test>::BondTooSmall);
		assert_noop!(bond(Pot::Shares, 0, Tier::Days14), Error::<Test>::AmountIsZero);
		assert_ok!(bond(Pot::Shares, 1, Tier::Days14));
	});
}

#[test]
fn bond_should_fail_when_there_is_nothing_to_bond_in() {
	build_and_execute(|| {
		assert_noop!(Bonds::bond(signed(1), 99, Pot::Auton, 100, Tier::Days14), Error::<Test>::UnknownCommunity);
		assert_noop!(Bonds::bond(signed(1), PLAIN, Pot::Shares, 100, Tier::Days14), Error::<Test>::NoShares);
	});
}

#[test]
fn bond_should_fail_when_the_account_is_excluded() {
	build_and_execute(|| {
		let accounts = [
			account(RESERVE),
			Bonds::treasury_of(X),
			Bonds::treasury_of(C),
			Bonds::pot_account(C, Pot::Shares),
			Bonds::pot_account(99, Pot::Auton),
		];
		for who in accounts {
			let origin = RuntimeOrigin::signed(who);
			assert_noop!(Bonds::bond(origin, X, Pot::Auton, 100, Tier::Days14), Error::<Test>::AccountExcluded);
		}
	});
}

#[test]
fn bond_should_fail_when_the_account_has_too_many() {
	build_and_execute(|| {
		bond(1, X, Pot::Auton, 100);
		bond(1, PLAIN, Pot::Auton, 100);
		bond(1, C, Pot::Auton, 100);
		bond(1, C, Pot::Shares, 100);
		let fifth = Bonds::open(None).unwrap();
		assert_noop!(Bonds::bond(signed(1), fifth, Pot::Auton, 100, Tier::Days14), Error::<Test>::TooManyBonds);
		// It may add to those that it has.
		bond(1, C, Pot::Auton, 100);
	});
}

#[test]
fn bond_should_fail_when_the_first_cannot_pay_the_deposit() {
	build_and_execute(|| {
		assert_ok!(Assets::transfer(signed(1), SHARES, account(50), 100));
		assert_noop!(Bonds::bond(signed(50), C, Pot::Shares, 100, Tier::Days14), TokenError::FundsUnavailable);
		bond(1, C, Pot::Shares, 1);
		bond(50, C, Pot::Shares, 100);
	});
}

#[test]
fn bond_should_fail_when_nobody_signed() {
	build_and_execute(|| {
		let root = RuntimeOrigin::root();
		assert_noop!(Bonds::bond(root, X, Pot::Auton, 100, Tier::Days14), DispatchError::BadOrigin);
	});
}
