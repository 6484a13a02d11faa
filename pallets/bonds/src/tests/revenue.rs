use autonomy_primitives::community::{Pot, RevenueSink};
use frame_support::assert_ok;

use crate::{mock::*, Event, Pots, Tier};

#[test]
fn revenue_should_go_to_the_treasury_when_nobody_has_bonded() {
	build_and_execute(|| {
		earn(C, Pot::Shares, 500);
		assert_eq!(last_event(), Event::RevenueToTreasury { community: C, pot: Pot::Shares, amount: 500 });
		assert_eq!(balance(&Bonds::treasury_of(C)), 500);
		// Nor is it anybody's who bonds afterwards.
		bond(1, C, Pot::Shares, 100);
		assert_eq!(claimable(1, C, Pot::Shares), 0);
		// A bond of the other kind is another pot's.
		earn(C, Pot::Auton, 70);
		assert_eq!(balance(&Bonds::treasury_of(C)), 570);
	});
}

#[test]
fn revenue_should_go_to_the_treasury_again_when_all_have_unbonded() {
	build_and_execute(|| {
		bond(1, C, Pot::Shares, 100);
		earn(C, Pot::Shares, 200);
		assert_ok!(Bonds::unbond(signed(1), C, Pot::Shares, Tier::Days14, 100));
		earn(C, Pot::Shares, 500);
		assert_eq!((claimable(1, C, Pot::Shares), balance(&Bonds::treasury_of(C))), (200, 500));
	});
}

#[test]
fn revenue_should_be_divided_by_amount_and_tier() {
	build_and_execute(|| {
		for (n, tier) in (1..).zip(Tier::ALL) {
			bond_in(n, C, Pot::Shares, 16, tier);
		}
		bond_in(5, C, Pot::Shares, 8, Tier::Days14);
		// Units of 32, 48, 64, 96 and 16.
		earn(C, Pot::Shares, 2_560);
		let got: Vec<u64> = (1..=5).map(|n| claimable(n, C, Pot::Shares)).collect();
		assert_eq!(got, [320, 480, 640, 960, 160]);
		let info = Pots::<Test>::get(C, Pot::Shares);
		assert_eq!((info.accumulator.units, info.unclaimed), (256, 2_560));
		assert_eq!(
			last_event(),
			Event::RevenueDivided {
				community: C,
				pot: Pot::Shares,
				amount: 2_560,
				units: 256,
				per_unit: info.accumulator.per_unit
			}
		);
	});
}

#[test]
fn smallest_revenue_should_not_be_lost() {
	build_and_execute(|| {
		for n in 1..=3 {
			bond(n, C, Pot::Shares, 1);
		}
		for _ in 0..300 {
			earn(C, Pot::Shares, 1);
		}
		// Rounding takes less than one planck of each holder.
		for n in 1..=3 {
			assert!((99..=100).contains(&claimable(n, C, Pot::Shares)));
		}
		let info = Pots::<Test>::get(C, Pot::Shares);
		assert_eq!(info.unclaimed, 300);
		assert!(info.accumulator.remainder < info.accumulator.units);
	});
}

#[test]
fn nothing_should_happen_when_nothing_arrives() {
	build_and_execute(|| {
		bond(1, C, Pot::Shares, 1);
		System::reset_events();
		<Bonds as RevenueSink<_, u64>>::distribute(C, Pot::Shares, 0);
		assert_eq!(events(), vec![]);
	});
}

#[test]
#[cfg_attr(debug_assertions, should_panic(expected = "revenue was said to have arrived"))]
fn revenue_that_is_not_there_should_not_be_divided() {
	build_and_execute(|| {
		bond(1, C, Pot::Shares, 1);
		<Bonds as RevenueSink<_, u64>>::distribute(C, Pot::Shares, 500);
		assert_eq!((claimable(1, C, Pot::Shares), Pots::<Test>::get(C, Pot::Shares).unclaimed), (0, 0));
	});
}

#[test]
fn donation_to_a_pot_should_be_nobodys() {
	build_and_execute(|| {
		bond(1, C, Pot::Shares, 1);
		let pot = Bonds::pot_account(C, Pot::Shares);
		assert_ok!(Balances::transfer_allow_death(signed(2), pot, 1_000));
		assert_eq!(claimable(1, C, Pot::Shares), 0);
		earn(C, Pot::Shares, 200);
		assert_eq!(claimable(1, C, Pot::Shares), 200);
	});
}

#[test]
fn revenue_of_an_unknown_community_should_have_an_account() {
	build_and_execute(|| {
		let account = <Bonds as RevenueSink<_, u64>>::account(99, Pot::Auton);
		assert_eq!(account, Bonds::treasury_of(99));
	});
}
