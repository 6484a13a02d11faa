//! What somebody might try, and what comes of it.

use autonomy_primitives::community::{Class, Communities as _, Pot, PowerSource, Topic};
use frame_support::{assert_noop, assert_ok, traits::fungible::Mutate, traits::tokens::Preservation};
use sp_runtime::TokenError;

use super::inbound;
use crate::{mock::*, Error, Pots, Tier};

/// Power that a proposal submitted now counts for an account.
fn at_snapshot(n: u8, community: u32, class: Class) -> u128 {
	let day = <Bonds as PowerSource<sp_runtime::AccountId32>>::snapshot_day().unwrap();
	<Bonds as PowerSource<_>>::power_at(community, class, &account(n), day).unwrap()
}

#[test]
fn same_tokens_should_not_be_bonded_twice() {
	build_and_execute(|| {
		bond(2, X, Pot::Auton, 100);
		bond(2, PLAIN, Pot::Auton, 100);
		bond(1, X, Pot::Auton, FUNDS);
		for community in [X, PLAIN] {
			assert_noop!(
				Bonds::bond(signed(1), community, Pot::Auton, 100, Tier::Days14),
				Error::<Test>::BalanceTooLow
			);
		}
		// Nor while they are unbonding.
		assert_ok!(Bonds::unbond(signed(1), X, Pot::Auton, Tier::Days14, FUNDS));
		assert_noop!(Bonds::bond(signed(1), PLAIN, Pot::Auton, 100, Tier::Days14), Error::<Test>::BalanceTooLow);
	});
}

#[test]
fn bonded_tokens_should_not_move_to_a_second_account() {
	build_and_execute(|| {
		bond(2, X, Pot::Auton, 100);
		bond(2, C, Pot::Shares, 100);
		bond(1, X, Pot::Auton, 600_000);
		bond(1, C, Pot::Shares, 600_000);
		let send = |amount| Balances::transfer_allow_death(signed(1), account(3), amount);
		assert_noop!(send(400_001), TokenError::Frozen);
		assert_ok!(send(400_000));
		let send = |amount| Assets::transfer(signed(1), SHARES, account(3), amount);
		assert_noop!(send(400_001), pallet_assets::Error::<Test>::BalanceLow);
		assert_ok!(send(400_000));
		// Nor while they are unbonding.
		assert_ok!(Bonds::unbond(signed(1), C, Pot::Shares, Tier::Days14, 600_000));
		assert_noop!(send(1), pallet_assets::Error::<Test>::BalanceLow);
		// Nor can the issuer burn them.
		assert_ok!(Assets::burn(signed(ISSUER), SHARES, account(1), 600_000));
		assert_eq!(Assets::balance(SHARES, account(1)), 600_000);
	});
}

#[test]
fn flash_bond_should_have_no_power_at_the_snapshot_of_its_day() {
	build_and_execute(|| {
		bond(1, C, Pot::Shares, 100);
		go_on(1);
		// Borrowed, bonded and voted with on one day.
		assert_ok!(Assets::transfer(signed(2), SHARES, account(3), FUNDS));
		bond(3, C, Pot::Shares, 2 * FUNDS);
		assert_eq!((at_snapshot(1, C, Class::Investor), at_snapshot(3, C, Class::Investor)), (200, 0));
		assert_eq!(<Bonds as PowerSource<sp_runtime::AccountId32>>::total_at(C, Class::Investor, 1), Some(200));
		// It cannot be given back before the delay is over.
		assert_ok!(Bonds::unbond(signed(3), C, Pot::Shares, Tier::Days14, 2 * FUNDS));
		assert_noop!(Assets::transfer(signed(3), SHARES, account(2), FUNDS), pallet_assets::Error::<Test>::BalanceLow);
		go_on(1);
		assert_eq!(at_snapshot(3, C, Class::Investor), 0);
	});
}

#[test]
fn unbonded_tokens_should_have_no_power_at_later_snapshots() {
	build_and_execute(|| {
		bond(1, X, Pot::Auton, 1_000);
		go_on(1);
		assert_eq!(at_snapshot(1, X, Class::Token), 2_000);
		assert_ok!(Bonds::unbond(signed(1), X, Pot::Auton, Tier::Days14, 1_000));
		// The snapshot of today's proposals is yesterday's end: the tokens are exposed to what they decide.
		assert_eq!(at_snapshot(1, X, Class::Token), 2_000);
		go_on(1);
		assert_eq!(at_snapshot(1, X, Class::Token), 0);
	});
}

#[test]
fn power_should_not_be_counted_twice_when_tokens_change_hands() {
	build_and_execute(|| {
		bond(1, C, Pot::Shares, FUNDS);
		go_to_day(2);
		assert_ok!(Bonds::unbond(signed(1), C, Pot::Shares, Tier::Days14, FUNDS));
		go_to_day(17);
		assert_ok!(Bonds::withdraw(signed(1), C, Pot::Shares));
		assert_ok!(Assets::transfer(signed(1), SHARES, account(2), FUNDS - 1));
		bond(2, C, Pot::Shares, 2 * FUNDS - 1);
		go_on(1);
		for day in 0..Bonds::today() {
			let of = |n| Bonds::power_of(C, Class::Investor, account(n), day).unwrap();
			assert!(of(1) == 0 || of(2) == 0, "day {day}");
		}
		assert_eq!(Bonds::power_of(C, Class::Investor, account(1), 1), Some(2 * u128::from(FUNDS)));
	});
}

#[test]
fn delegation_should_not_go_round() {
	build_and_execute(|| {
		for n in 1..=3 {
			bond(n, X, Pot::Auton, 100);
		}
		let delegate = |from, to| Bonds::delegate(signed(from), X, Class::Token, Topic::Routine, account(to));
		assert_ok!(delegate(1, 2));
		assert_noop!(delegate(2, 1), Error::<Test>::DelegateDelegates);
		assert_noop!(delegate(2, 3), Error::<Test>::HasDelegators);
		assert_noop!(delegate(3, 1), Error::<Test>::DelegateDelegates);
		assert_ok!(delegate(3, 2));
		assert_eq!(inbound(2, X, Class::Token, Topic::Routine), 400);
	});
}

#[test]
fn unwanted_delegation_should_not_bind_the_delegate() {
	build_and_execute(|| {
		bond(1, X, Pot::Auton, 100);
		bond(2, X, Pot::Auton, 100);
		let (class, topic) = (Class::Token, Topic::Routine);
		assert_ok!(Bonds::delegate(signed(1), X, class, topic, account(2)));
		assert_ok!(Bonds::expire_delegation(signed(2), account(1), X, class, topic));
		assert_ok!(Bonds::delegate(signed(2), X, class, topic, account(3)));
	});
}

#[test]
fn revenue_should_not_be_claimed_twice() {
	build_and_execute(|| {
		bond(1, X, Pot::Auton, 100);
		bond(2, X, Pot::Auton, 100);
		earn(X, Pot::Auton, 400);
		assert_ok!(Bonds::claim(signed(1), X, Pot::Auton));
		assert_noop!(Bonds::claim(signed(1), X, Pot::Auton), Error::<Test>::NothingToClaim);
		// Nor by bonding anew, nor by leaving and coming back.
		bond(1, X, Pot::Auton, 1_000);
		assert_noop!(Bonds::claim(signed(1), X, Pot::Auton), Error::<Test>::NothingToClaim);
		assert_ok!(Bonds::unbond(signed(1), X, Pot::Auton, Tier::Days14, 1_100));
		go_on(15);
		assert_ok!(Bonds::withdraw(signed(1), X, Pot::Auton));
		bond(1, X, Pot::Auton, 1_000);
		assert_noop!(Bonds::claim(signed(1), X, Pot::Auton), Error::<Test>::NothingToClaim);
		assert_eq!(claimable(2, X, Pot::Auton), 200);
	});
}

#[test]
fn late_bond_should_have_no_part_in_earlier_revenue() {
	build_and_execute(|| {
		bond(1, X, Pot::Auton, 100);
		earn(X, Pot::Auton, 600);
		bond(2, X, Pot::Auton, FUNDS);
		assert_eq!((claimable(1, X, Pot::Auton), claimable(2, X, Pot::Auton)), (600, 0));
	});
}

#[test]
fn dust_should_not_be_made_into_money() {
	build_and_execute(|| {
		// Many settlements of bonds that share badly.
		for n in 1..=7 {
			bond(n, C, Pot::Shares, u64::from(n));
		}
		let mut brought = 0;
		for round in 0..50u64 {
			earn(C, Pot::Shares, 1 + round % 3);
			brought += 1 + round % 3;
			bond(1 + (round % 7) as u8, C, Pot::Shares, 1);
		}
		let owed: u64 = (1..=7).map(|n| claimable(n, C, Pot::Shares)).sum();
		assert!(owed <= brought && brought - owed <= 57, "{owed} of {brought}");
		assert_eq!(Pots::<Test>::get(C, Pot::Shares).unclaimed, brought);
		for n in 1..=7 {
			if claimable(n, C, Pot::Shares) > 0 {
				assert_ok!(Bonds::claim(signed(n), C, Pot::Shares));
			}
		}
		assert_eq!(balance(&Bonds::pot_account(C, Pot::Shares)), ED + brought - owed);
	});
}

#[test]
fn last_claim_should_be_paid_when_little_is_left_in_the_pot() {
	build_and_execute(|| {
		bond(1, C, Pot::Shares, 1);
		bond(2, C, Pot::Shares, 1);
		// Less than the existential deposit for each.
		earn(C, Pot::Shares, 4);
		assert_ok!(Bonds::claim(signed(1), C, Pot::Shares));
		assert_ok!(Bonds::claim(signed(2), C, Pot::Shares));
		assert_eq!(balance(&Bonds::pot_account(C, Pot::Shares)), ED);
	});
}

#[test]
fn slash_that_undercuts_should_take_power_and_nothing_from_others() {
	build_and_execute(|| {
		bond(1, X, Pot::Auton, 800_000);
		bond(2, X, Pot::Auton, 400_000);
		go_on(1);
		slash_to(1, 100_000);
		// Before anybody pokes, a ballot counts no more than what is there.
		assert_eq!(<Bonds as PowerSource<_>>::standing(X, Class::Token, &account(1)), 0);
		assert_ok!(Bonds::poke_bond(signed(3), account(1), X, Pot::Auton));
		assert_eq!(<Bonds as PowerSource<_>>::standing(X, Class::Token, &account(1)), 200_000);
		go_on(1);
		assert_eq!((at_snapshot(1, X, Class::Token), at_snapshot(2, X, Class::Token)), (200_000, 800_000));
		assert_eq!(frozen(2, Pot::Auton), 400_000);
		// What comes in afterwards is free.
		let sent = <Balances as Mutate<_>>::transfer(&account(3), &account(1), 500, Preservation::Preserve);
		assert_ok!(sent);
		assert_ok!(Balances::transfer_allow_death(signed(1), account(3), 500));
	});
}

#[test]
fn somebody_else_should_not_choose_which_bond_a_slash_takes() {
	build_and_execute(|| {
		bond(1, X, Pot::Auton, 500_000);
		bond(1, PLAIN, Pot::Auton, 300_000);
		slash_to(1, 600_000);
		let poke = |community| Bonds::poke_bond(signed(2), account(1), community, Pot::Auton);
		assert_noop!(poke(X), Error::<Test>::PokeNewerBond);
		assert_ok!(poke(PLAIN));
		assert_noop!(poke(X), Error::<Test>::NothingToPoke);
		assert_eq!(stored(1, X, Pot::Auton).amounts.sum(), 500_000);
	});
}

#[test]
fn history_should_not_grow_with_what_a_user_does() {
	build_and_execute(|| {
		for day in 1..=90 {
			go_to_day(day);
			for n in 1..=3 {
				bond(n, C, Pot::Shares, 1);
			}
		}
		let own = crate::OwnPower::<Test>::get((C, Class::Investor, account(1)));
		let total = crate::ClassTotals::<Test>::get(C, Class::Investor);
		assert_eq!((own.checkpoints().len(), total.checkpoints().len()), (40, 40));
	});
}

#[test]
fn community_should_not_be_closed_under_its_members() {
	build_and_execute(|| {
		bond(1, C, Pot::Shares, 100);
		earn(C, Pot::Shares, 200);
		assert_noop!(Bonds::close(C), Error::<Test>::CommunityNotEmpty);
		assert_ok!(Bonds::unbond(signed(1), C, Pot::Shares, Tier::Days14, 100));
		go_on(15);
		assert_ok!(Bonds::withdraw(signed(1), C, Pot::Shares));
		assert_noop!(Bonds::close(C), Error::<Test>::CommunityNotEmpty);
		assert_ok!(Bonds::claim(signed(1), C, Pot::Shares));
		assert_ok!(Bonds::close(C));
	});
}
