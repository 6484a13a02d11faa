use autonomy_primitives::community::{Class, Pot, PowerSource, Topic};
use frame_support::assert_ok;
use sp_runtime::BuildStorage;

use crate::{mock::*, Amounts, BondView, Chunk, Communities, Pots, Tier};

#[test]
fn day_should_be_as_long_as_genesis_says_or_else_as_the_runtime_does() {
	new_test_ext().execute_with(|| {
		assert_eq!((Bonds::blocks_per_day(), Bonds::today()), (DAY, 1));
		System::set_block_number(DAY * 3 - 1);
		assert_eq!(Bonds::today(), 2);
	});
	let config = RuntimeGenesisConfig { bonds: crate::GenesisConfig { day_length: Some(4) }, ..Default::default() };
	let mut ext = sp_io::TestExternalities::new(config.build_storage().unwrap());
	ext.execute_with(|| {
		assert_eq!(Bonds::blocks_per_day(), 4);
		System::set_block_number(11);
		assert_eq!((Bonds::today(), Bonds::snapshot_day()), (2, Some(1)));
		assert!(Communities::<Test>::contains_key(X));
	});
}

#[test]
#[should_panic(expected = "a day has at least one block")]
fn day_without_blocks_should_be_refused_at_genesis() {
	let config = RuntimeGenesisConfig { bonds: crate::GenesisConfig { day_length: Some(0) }, ..Default::default() };
	let _ = config.build_storage();
}

#[test]
fn portfolio_should_give_every_bond_with_all_that_belongs_to_it() {
	build_and_execute(|| {
		assert_eq!(Bonds::portfolio(account(1)), vec![]);
		bond(1, X, Pot::Auton, 1_000);
		bond_in(1, C, Pot::Shares, 16, Tier::Days28);
		earn(C, Pot::Shares, 96);
		assert_ok!(Bonds::unbond(signed(1), X, Pot::Auton, Tier::Days14, 400));
		let first = BondView {
			community: X,
			pot: Pot::Auton,
			amounts: Amounts { days_14: 600, ..Default::default() },
			power: 1_200,
			unbonding: vec![Chunk { due: 16, amount: 400, power: 800 }],
			claimable: 0,
		};
		let second = BondView {
			community: C,
			pot: Pot::Shares,
			amounts: Amounts { days_28: 16, ..Default::default() },
			power: 48,
			unbonding: vec![],
			claimable: 96,
		};
		assert_eq!(Bonds::bond_of(account(1), X, Pot::Auton), Some(first.clone()));
		assert_eq!(Bonds::unbonding_of(account(1), X, Pot::Auton), first.unbonding);
		assert_eq!(Bonds::portfolio(account(1)), vec![first, second]);
		assert_eq!(Bonds::bond_of(account(2), X, Pot::Auton), None);
	});
}

#[test]
fn views_should_give_what_is_stored() {
	build_and_execute(|| {
		bond(1, C, Pot::Shares, 10);
		assert_eq!(Bonds::community(C), Communities::<Test>::get(C));
		assert_eq!((Bonds::community(C).unwrap().shares, Bonds::community(99)), (Some(SHARES), None));
		assert_eq!(Bonds::pot(C, Pot::Shares), Pots::<Test>::get(C, Pot::Shares));
		assert_eq!(Bonds::pot(99, Pot::Shares), Default::default());
	});
}

#[test]
fn other_pallets_should_read_what_clients_read() {
	build_and_execute(|| {
		bond(1, C, Pot::Shares, 10);
		assert_ok!(Bonds::delegate(signed(1), C, Class::Investor, Topic::Critical, account(2)));
		go_on(1);
		let (class, topic) = (Class::Investor, Topic::Critical);
		for day in 0..4 {
			let at = <Bonds as PowerSource<_>>::power_at(C, class, &account(1), day);
			assert_eq!(at, Bonds::power_of(C, class, account(1), day));
			let at = <Bonds as PowerSource<sp_runtime::AccountId32>>::total_at(C, class, day);
			assert_eq!(at, Bonds::class_total(C, class, day));
			let at = <Bonds as PowerSource<_>>::inbound_at(C, class, topic, &account(2), day);
			assert_eq!(at, Bonds::inbound_of(C, class, topic, account(2), day));
		}
		assert_eq!(<Bonds as PowerSource<sp_runtime::AccountId32>>::today(), Bonds::today());
		assert_eq!(Bonds::inbound_of(C, class, topic, account(2), 1), Some(20));
	});
}
