use autonomy_primitives::community::{Class, Pot, PowerSource};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError;

use super::unbonding;
use crate::{mock::*, Error, Event, Tier};

#[test]
fn unbond_should_end_power_at_once_and_release_after_the_delay() {
	build_and_execute(|| {
		bond(1, X, Pot::Auton, 1_000);
		go_to_day(2);
		assert_ok!(Bonds::unbond(signed(1), X, Pot::Auton, Tier::Days14, 600));
		// 14 whole days from the end of day 2.
		assert_eq!(unbonding(1, X, Pot::Auton), [(17, 600)]);
		let (community, pot, who) = (X, Pot::Auton, account(1));
		assert_eq!(last_event(), Event::Unbonded { community, pot, who, tier: Tier::Days14, amount: 600, due: 17 });
		assert_eq!(frozen(1, Pot::Auton), 1_000, "the tokens stay frozen");
		assert_eq!(power(1, X, Class::Token), 2_000, "yesterday is closed");
		go_to_day(3);
		assert_eq!((power(1, X, Class::Token), total(X, Class::Token)), (800, 800));
		assert_eq!(Bonds::power_of(X, Class::Token, account(1), 1), Some(2_000));
	});
}

#[test]
fn unbond_should_end_revenue_at_once() {
	build_and_execute(|| {
		bond(1, X, Pot::Auton, 100);
		bond(2, X, Pot::Auton, 100);
		earn(X, Pot::Auton, 100);
		assert_ok!(Bonds::unbond(signed(1), X, Pot::Auton, Tier::Days14, 100));
		earn(X, Pot::Auton, 100);
		assert_eq!((claimable(1, X, Pot::Auton), claimable(2, X, Pot::Auton)), (50, 150));
	});
}

#[test]
fn unbond_should_merge_what_is_due_on_the_same_day() {
	build_and_execute(|| {
		bond_in(1, X, Pot::Auton, 1_000, Tier::Days28);
		bond_in(1, X, Pot::Auton, 1_000, Tier::Days14);
		assert_ok!(Bonds::unbond(signed(1), X, Pot::Auton, Tier::Days28, 100));
		assert_ok!(Bonds::unbond(signed(1), X, Pot::Auton, Tier::Days28, 200));
		assert_ok!(Bonds::unbond(signed(1), X, Pot::Auton, Tier::Days14, 300));
		assert_eq!(unbonding(1, X, Pot::Auton), [(16, 300), (30, 300)]);
		go_to_day(15);
		assert_ok!(Bonds::unbond(signed(1), X, Pot::Auton, Tier::Days14, 400));
		assert_eq!(unbonding(1, X, Pot::Auton), [(16, 300), (30, 700)]);
		assert_eq!(<Bonds as PowerSource<_>>::standing(X, Class::Token, &account(1)), 2_000 + 3_000);
	});
}

#[test]
fn unbond_should_take_a_whole_tier_whatever_is_in_the_others() {
	build_and_execute(|| {
		for tier in Tier::ALL {
			bond_in(1, X, Pot::Auton, MIN_BOND, tier);
		}
		for tier in [Tier::Days168, Tier::Days14, Tier::Days84] {
			assert_ok!(Bonds::unbond(signed(1), X, Pot::Auton, tier, MIN_BOND));
		}
		assert_eq!(stored(1, X, Pot::Auton).amounts.sum(), MIN_BOND);
	});
}

#[test]
fn unbond_should_fail_when_the_tier_has_less() {
	build_and_execute(|| {
		let unbond = |tier, amount| Bonds::unbond(signed(1), X, Pot::Auton, tier, amount);
		assert_noop!(unbond(Tier::Days14, 1), Error::<Test>::NotEnoughBonded);
		bond(1, X, Pot::Auton, 1_000);
		assert_noop!(unbond(Tier::Days14, 1_001), Error::<Test>::NotEnoughBonded);
		assert_noop!(unbond(Tier::Days28, 1), Error::<Test>::NotEnoughBonded);
		assert_noop!(unbond(Tier::Days14, 0), Error::<Test>::AmountIsZero);
		assert_noop!(unbond(Tier::Days14, 1_000 - MIN_BOND + 1), Error::<Test>::BondTooSmall);
		assert_ok!(unbond(Tier::Days14, 1_000));
		assert_noop!(unbond(Tier::Days14, 1), Error::<Test>::NotEnoughBonded);
	});
}

#[test]
fn unbond_should_fail_when_too_many_parts_are_unbonding() {
	build_and_execute(|| {
		bond(1, X, Pot::Auton, 1_000);
		for _ in 0..MAX_CHUNKS {
			assert_ok!(Bonds::unbond(signed(1), X, Pot::Auton, Tier::Days14, 100));
			go_on(1);
		}
		assert_noop!(Bonds::unbond(signed(1), X, Pot::Auton, Tier::Days14, 100), Error::<Test>::TooManyChunks);
		go_to_day(16);
		assert_ok!(Bonds::withdraw(signed(1), X, Pot::Auton));
		assert_ok!(Bonds::unbond(signed(1), X, Pot::Auton, Tier::Days14, 100));
	});
}

#[test]
fn unbond_should_fail_when_nobody_signed() {
	build_and_execute(|| {
		let root = RuntimeOrigin::root();
		assert_noop!(Bonds::unbond(root, X, Pot::Auton, Tier::Days14, 1), DispatchError::BadOrigin);
	});
}
