use autonomy_primitives::community::{Class, Pot, PowerSource, Topic};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::{DispatchError, DispatchResult};

use super::{inbound, unbonding};
use crate::{mock::*, ring::WINDOW, Amounts, Bonds as BondMap, Error, Event, OwnPower, Tier};

/// Somebody pokes the bond of AUTON of account 1 in a community.
fn poke(community: u32) -> DispatchResult {
	Bonds::poke_bond(signed(5), account(1), community, Pot::Auton)
}

#[test]
fn poke_bond_should_shrink_the_bond_to_what_is_there() {
	build_and_execute(|| {
		bond(1, X, Pot::Auton, 600_000);
		assert_ok!(Bonds::delegate(signed(1), X, Class::Token, Topic::Routine, account(2)));
		go_on(1);
		slash_to(1, 250_000);
		assert_ok!(poke(X));
		let bonded = Amounts { days_14: 350_000, ..Default::default() };
		let (community, pot, who) = (X, Pot::Auton, account(1));
		assert_eq!(last_event(), Event::BondShrunk { community, pot, who, unbonding: 0, bonded });
		assert_eq!((stored(1, X, Pot::Auton).amounts.sum(), frozen(1, Pot::Auton)), (250_000, 250_000));
		assert_eq!(inbound(2, X, Class::Token, Topic::Routine), 500_000);
		go_on(1);
		assert_eq!((power(1, X, Class::Token), total(X, Class::Token)), (500_000, 500_000));
	});
}

#[test]
fn poke_bond_should_take_what_is_unbonding_first_and_the_latest_of_it() {
	build_and_execute(|| {
		bond_in(1, X, Pot::Auton, 400_000, Tier::Days14);
		bond_in(1, X, Pot::Auton, 200_000, Tier::Days28);
		assert_ok!(Bonds::unbond(signed(1), X, Pot::Auton, Tier::Days14, 100_000));
		assert_ok!(Bonds::unbond(signed(1), X, Pot::Auton, Tier::Days28, 50_000));
		assert_eq!(unbonding(1, X, Pot::Auton), [(16, 100_000), (30, 50_000)]);
		slash_to(1, 480_000);
		assert_ok!(poke(X));
		assert_eq!(unbonding(1, X, Pot::Auton), [(16, 30_000)]);
		let amounts = Amounts { days_14: 300_000, days_28: 150_000, ..Default::default() };
		assert_eq!((stored(1, X, Pot::Auton).amounts, frozen(1, Pot::Auton)), (amounts, 480_000));
		// The part that is left has its part of the power.
		let standing = <Bonds as PowerSource<_>>::standing(X, Class::Token, &account(1));
		assert_eq!(standing, 2 * 300_000 + 3 * 150_000 + 2 * 30_000);
	});
}

#[test]
fn poke_bond_should_take_the_shortest_tiers_first() {
	build_and_execute(|| {
		for tier in Tier::ALL {
			bond_in(1, X, Pot::Auton, 100_000, tier);
		}
		slash_to(1, 150_000);
		assert_ok!(poke(X));
		let amounts = Amounts { days_84: 50_000, days_168: 100_000, ..Default::default() };
		assert_eq!(stored(1, X, Pot::Auton).amounts, amounts);
	});
}

#[test]
fn poke_bond_should_take_the_newest_bond_first() {
	build_and_execute(|| {
		bond(1, X, Pot::Auton, 300_000);
		bond(1, C, Pot::Auton, 200_000);
		bond(1, PLAIN, Pot::Auton, 100_000);
		bond(1, C, Pot::Shares, 100);
		slash_to(1, 350_000);
		for older in [X, C] {
			assert_noop!(poke(older), Error::<Test>::PokeNewerBond);
		}
		assert_ok!(poke(PLAIN));
		assert!(!BondMap::<Test>::contains_key((PLAIN, Pot::Auton, account(1))));
		assert_noop!(poke(X), Error::<Test>::PokeNewerBond);
		assert_ok!(poke(C));
		assert_eq!(stored(1, C, Pot::Auton).amounts.sum(), 50_000);
		assert_eq!((stored(1, X, Pot::Auton).amounts.sum(), frozen(1, Pot::Auton)), (300_000, 350_000));
		assert_noop!(poke(X), Error::<Test>::NothingToPoke);
		assert_noop!(poke(C), Error::<Test>::NothingToPoke);
	});
}

#[test]
fn poke_bond_should_pass_over_bonds_that_are_owed_revenue_only() {
	build_and_execute(|| {
		bond(1, X, Pot::Auton, 300_000);
		bond(1, PLAIN, Pot::Auton, 100_000);
		earn(PLAIN, Pot::Auton, 200_000);
		assert_ok!(Bonds::unbond(signed(1), PLAIN, Pot::Auton, Tier::Days14, 100_000));
		go_to_day(16);
		assert_ok!(Bonds::withdraw(signed(1), PLAIN, Pot::Auton));
		slash_to(1, 200_000);
		assert_ok!(poke(X));
		assert_eq!(stored(1, X, Pot::Auton).amounts.sum(), 200_000);
		assert_eq!(claimable(1, PLAIN, Pot::Auton), 200_000);
	});
}

#[test]
fn poke_bond_should_settle_before_it_shrinks() {
	build_and_execute(|| {
		bond(1, X, Pot::Auton, 1 << 18);
		bond(2, X, Pot::Auton, 1 << 18);
		earn(X, Pot::Auton, 1_024);
		slash_to(1, 1 << 17);
		assert_ok!(poke(X));
		earn(X, Pot::Auton, 1_536);
		assert_eq!((claimable(1, X, Pot::Auton), claimable(2, X, Pot::Auton)), (512 + 512, 512 + 1_024));
	});
}

#[test]
fn poke_bond_should_shrink_bonds_of_shares_too() {
	build_and_execute(|| {
		bond(1, C, Pot::Shares, 600_000);
		// Only an administrator of the chain could do this to frozen shares.
		pallet_assets::Account::<Test>::mutate(SHARES, account(1), |stored| {
			stored.as_mut().unwrap().balance = 100_000;
		});
		assert_ok!(Bonds::poke_bond(signed(5), account(1), C, Pot::Shares));
		assert_eq!((stored(1, C, Pot::Shares).amounts.sum(), frozen(1, Pot::Shares)), (100_000, 100_000));
	});
}

#[test]
fn poke_bond_should_remove_a_history_that_no_closed_day_needs() {
	build_and_execute(|| {
		bond(1, X, Pot::Auton, 100);
		go_to_day(2);
		assert_ok!(Bonds::unbond(signed(1), X, Pot::Auton, Tier::Days14, 100));
		go_to_day(17);
		assert_ok!(Bonds::withdraw(signed(1), X, Pot::Auton));
		go_to_day(1 + WINDOW);
		assert_noop!(poke(X), Error::<Test>::NothingToPoke);
		go_to_day(2 + WINDOW);
		assert_ok!(poke(X));
		assert_eq!(OwnPower::<Test>::iter().count(), 0);
		assert_noop!(poke(X), Error::<Test>::NothingToPoke);
	});
}

#[test]
fn poke_bond_should_fail_when_nothing_is_missing() {
	build_and_execute(|| {
		assert_noop!(poke(X), Error::<Test>::NothingToPoke);
		assert_noop!(poke(99), Error::<Test>::NothingToPoke);
		bond(1, X, Pot::Auton, 600_000);
		slash_to(1, 600_000);
		assert_noop!(poke(X), Error::<Test>::NothingToPoke);
		let root = RuntimeOrigin::root();
		assert_noop!(Bonds::poke_bond(root, account(1), X, Pot::Auton), DispatchError::BadOrigin);
	});
}
