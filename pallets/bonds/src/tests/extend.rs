use autonomy_primitives::community::{Class, Pot};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError;

use crate::{mock::*, Amounts, Error, Event, Tier};

#[test]
fn extend_should_raise_the_weight_and_freeze_no_more() {
	build_and_execute(|| {
		bond(1, X, Pot::Auton, 1_000);
		assert_ok!(Bonds::extend(signed(1), X, Pot::Auton, Tier::Days14, Tier::Days168, 400));
		let amounts = Amounts { days_14: 600, days_168: 400, ..Default::default() };
		assert_eq!((stored(1, X, Pot::Auton).amounts, frozen(1, Pot::Auton)), (amounts, 1_000));
		let (community, pot, who) = (X, Pot::Auton, account(1));
		assert_eq!(
			last_event(),
			Event::Extended { community, pot, who, from: Tier::Days14, to: Tier::Days168, amount: 400 }
		);
		go_on(1);
		assert_eq!((power(1, X, Class::Token), total(X, Class::Token)), (1_200 + 2_400, 3_600));
	});
}

#[test]
fn extend_should_divide_later_revenue_by_the_new_weight() {
	build_and_execute(|| {
		bond(1, X, Pot::Auton, 100);
		bond(2, X, Pot::Auton, 100);
		earn(X, Pot::Auton, 400);
		assert_ok!(Bonds::extend(signed(1), X, Pot::Auton, Tier::Days14, Tier::Days168, 100));
		earn(X, Pot::Auton, 400);
		assert_eq!((claimable(1, X, Pot::Auton), claimable(2, X, Pot::Auton)), (200 + 300, 200 + 100));
	});
}

#[test]
fn extend_should_fail_when_the_tier_is_not_longer() {
	build_and_execute(|| {
		bond_in(1, X, Pot::Auton, 1_000, Tier::Days84);
		for to in [Tier::Days14, Tier::Days28, Tier::Days84] {
			assert_noop!(Bonds::extend(signed(1), X, Pot::Auton, Tier::Days84, to, 400), Error::<Test>::TierNotLonger);
		}
	});
}

#[test]
fn extend_should_fail_when_the_tier_has_less() {
	build_and_execute(|| {
		let extend = |amount| Bonds::extend(signed(1), X, Pot::Auton, Tier::Days14, Tier::Days28, amount);
		assert_noop!(extend(1), Error::<Test>::NotEnoughBonded);
		bond(1, X, Pot::Auton, 1_000);
		assert_noop!(extend(1_001), Error::<Test>::NotEnoughBonded);
		assert_noop!(extend(0), Error::<Test>::AmountIsZero);
		assert_ok!(extend(1_000));
	});
}

#[test]
fn extend_should_fail_when_it_leaves_too_little_or_is_too_little() {
	build_and_execute(|| {
		bond(1, X, Pot::Auton, 1_000);
		let extend = |amount| Bonds::extend(signed(1), X, Pot::Auton, Tier::Days14, Tier::Days28, amount);
		assert_noop!(extend(MIN_BOND - 1), Error::<Test>::BondTooSmall);
		assert_noop!(extend(1_000 - MIN_BOND + 1), Error::<Test>::BondTooSmall);
		assert_ok!(extend(MIN_BOND));
	});
}

#[test]
fn extend_should_fail_when_nobody_signed() {
	build_and_execute(|| {
		assert_noop!(
			Bonds::extend(RuntimeOrigin::root(), X, Pot::Auton, Tier::Days14, Tier::Days28, 1),
			DispatchError::BadOrigin
		);
	});
}
