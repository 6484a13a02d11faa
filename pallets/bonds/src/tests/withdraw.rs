use autonomy_primitives::community::{Class, Pot};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError;

use super::{portfolio, unbonding};
use crate::{mock::*, Bonds as BondMap, Communities, Error, Event, Tier};

#[test]
fn withdraw_should_release_what_is_due() {
	build_and_execute(|| {
		bond(1, C, Pot::Shares, 1_000);
		assert_ok!(Bonds::unbond(signed(1), C, Pot::Shares, Tier::Days14, 100));
		go_to_day(2);
		assert_ok!(Bonds::unbond(signed(1), C, Pot::Shares, Tier::Days14, 200));
		go_to_day(16);
		assert_ok!(Bonds::withdraw(signed(1), C, Pot::Shares));
		let (community, pot, who) = (C, Pot::Shares, account(1));
		assert_eq!(last_event(), Event::Withdrawn { community, pot, who, amount: 100 });
		assert_eq!((frozen(1, Pot::Shares), unbonding(1, C, Pot::Shares)), (900, vec![(17, 200)]));
		assert_ok!(Assets::transfer(signed(1), SHARES, account(2), FUNDS - 900));
		go_to_day(30);
		assert_ok!(Bonds::withdraw(signed(1), C, Pot::Shares));
		assert_eq!(frozen(1, Pot::Shares), 700);
	});
}

#[test]
fn withdraw_should_leave_other_bonds_frozen() {
	build_and_execute(|| {
		bond(1, X, Pot::Auton, 1_000);
		bond(1, PLAIN, Pot::Auton, 500);
		assert_ok!(Bonds::unbond(signed(1), X, Pot::Auton, Tier::Days14, 1_000));
		go_to_day(16);
		assert_ok!(Bonds::withdraw(signed(1), X, Pot::Auton));
		assert_eq!(frozen(1, Pot::Auton), 500);
	});
}

#[test]
fn withdraw_should_remove_the_bond_when_nothing_is_left() {
	build_and_execute(|| {
		bond(1, X, Pot::Auton, 1_000);
		assert_ok!(Bonds::unbond(signed(1), X, Pot::Auton, Tier::Days14, 1_000));
		assert_eq!(portfolio(1), [(X, Pot::Auton)]);
		go_to_day(16);
		assert_ok!(Bonds::withdraw(signed(1), X, Pot::Auton));
		assert!(!BondMap::<Test>::contains_key((X, Pot::Auton, account(1))));
		assert_eq!((portfolio(1), Communities::<Test>::get(X).unwrap().bonds), (vec![], 0));
		assert_eq!((frozen(1, Pot::Auton), total(X, Class::Token)), (0, 0));
		let removed = Event::BondRemoved { community: X, pot: Pot::Auton, who: account(1) };
		assert!(events().contains(&removed));
	});
}

#[test]
fn withdraw_should_keep_the_bond_when_revenue_is_owed() {
	build_and_execute(|| {
		bond(1, X, Pot::Auton, 1_000);
		bond(1, PLAIN, Pot::Auton, 1_000);
		earn(PLAIN, Pot::Auton, 500);
		assert_ok!(Bonds::unbond(signed(1), PLAIN, Pot::Auton, Tier::Days14, 1_000));
		assert_eq!(portfolio(1), [(X, Pot::Auton), (PLAIN, Pot::Auton)]);
		go_to_day(16);
		assert_ok!(Bonds::withdraw(signed(1), PLAIN, Pot::Auton));
		// Nothing of it is frozen, so it goes first.
		assert_eq!(portfolio(1), [(PLAIN, Pot::Auton), (X, Pot::Auton)]);
		assert_eq!(claimable(1, PLAIN, Pot::Auton), 500);
		bond(1, PLAIN, Pot::Auton, 100);
		assert_eq!(portfolio(1), [(X, Pot::Auton), (PLAIN, Pot::Auton)]);
	});
}

#[test]
fn withdraw_should_fail_when_nothing_is_due() {
	build_and_execute(|| {
		assert_noop!(Bonds::withdraw(signed(1), X, Pot::Auton), Error::<Test>::NothingToWithdraw);
		bond(1, X, Pot::Auton, 1_000);
		assert_noop!(Bonds::withdraw(signed(1), X, Pot::Auton), Error::<Test>::NothingToWithdraw);
		assert_ok!(Bonds::unbond(signed(1), X, Pot::Auton, Tier::Days14, 1_000));
		go_to_day(15);
		assert_noop!(Bonds::withdraw(signed(1), X, Pot::Auton), Error::<Test>::StillUnbonding);
		go_to_day(16);
		assert_ok!(Bonds::withdraw(signed(1), X, Pot::Auton));
		assert_noop!(Bonds::withdraw(signed(1), X, Pot::Auton), Error::<Test>::NothingToWithdraw);
		assert_noop!(Bonds::withdraw(signed(1), 99, Pot::Auton), Error::<Test>::UnknownCommunity);
		assert_noop!(Bonds::withdraw(signed(1), PLAIN, Pot::Shares), Error::<Test>::NoShares);
		assert_noop!(Bonds::withdraw(RuntimeOrigin::root(), X, Pot::Auton), DispatchError::BadOrigin);
	});
}

#[test]
fn each_tier_should_be_released_after_its_own_delay() {
	build_and_execute(|| {
		for tier in Tier::ALL {
			bond_in(1, C, Pot::Auton, 100, tier);
			assert_ok!(Bonds::unbond(signed(1), C, Pot::Auton, tier, 100));
			go_on(tier.days());
			assert_noop!(Bonds::withdraw(signed(1), C, Pot::Auton), Error::<Test>::StillUnbonding);
			go_on(1);
			assert_ok!(Bonds::withdraw(signed(1), C, Pot::Auton));
			assert_eq!(frozen(1, Pot::Auton), 0);
		}
	});
}
