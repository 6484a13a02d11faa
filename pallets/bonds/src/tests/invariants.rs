use std::collections::BTreeMap;

use autonomy_primitives::community::{
	Class, Communities as _, CommunityId, Day, Pot, Power, PowerSink, PowerSource, Topic,
};
use frame_support::storage::with_storage_layer;
use proptest::{
	prelude::*,
	test_runner::{FileFailurePersistence, TestCaseError},
};
use sp_runtime::{DispatchResult, StateVersion};

use crate::{mock::*, ring::WINDOW, Event, OwnPower, Tier};

/// Accounts that take part.
const PEOPLE: u8 = 5;

#[derive(Clone, Debug)]
enum Step {
	Bond { who: u8, community: CommunityId, pot: Pot, amount: u64, tier: Tier },
	Extend { who: u8, community: CommunityId, pot: Pot, from: Tier, to: Tier, amount: u64 },
	Unbond { who: u8, community: CommunityId, pot: Pot, tier: Tier, amount: u64 },
	Withdraw { who: u8, community: CommunityId, pot: Pot },
	Claim { who: u8, community: CommunityId, pot: Pot },
	Delegate { who: u8, community: CommunityId, class: Class, topic: Topic, to: u8 },
	Undelegate { who: u8, community: CommunityId, class: Class, topic: Topic },
	Expire { caller: u8, who: u8, community: CommunityId, class: Class, topic: Topic },
	Poke { who: u8, community: CommunityId, pot: Pot },
	SetPower { who: u8, community: CommunityId, class: Class, power: Power },
	Earn { community: CommunityId, pot: Pot, amount: u64 },
	Freeze { community: CommunityId, frozen: bool },
	Transfer { who: u8, to: u8, amount: u64, shares: bool },
	Slash { who: u8, percent: u64 },
	Vest { who: u8, amount: u64 },
	Days { count: Day },
}

fn step() -> impl Strategy<Value = Step> {
	let who = || 1..=PEOPLE;
	let community = || prop_oneof![4 => 0u32..3, 1 => Just(9u32)];
	let pot = || prop::sample::select(Pot::ALL.to_vec());
	let tier = || prop::sample::select(Tier::ALL.to_vec());
	let class = || {
		prop_oneof![
			2 => Just(Class::Token), 2 => Just(Class::Investor), 2 => Just(Class::Fan), 1 => Just(Class::Owner),
			1 => Just(Class::Backing),
		]
	};
	let topic = || prop::sample::select(Topic::ALL.to_vec());
	// What a holder may have in all, about the least, and nothing.
	let amount = || prop_oneof![4 => 100u64..1_000, 2 => 1u64..10, 2 => 1_000u64..1_200_000, 1 => Just(0u64)];
	prop_oneof![
		12 => (who(), community(), pot(), amount(), tier())
			.prop_map(|(who, community, pot, amount, tier)| Step::Bond { who, community, pot, amount, tier }),
		4 => (who(), community(), pot(), tier(), tier(), amount())
			.prop_map(|(who, community, pot, from, to, amount)| Step::Extend { who, community, pot, from, to, amount }),
		8 => (who(), community(), pot(), tier(), amount())
			.prop_map(|(who, community, pot, tier, amount)| Step::Unbond { who, community, pot, tier, amount }),
		6 => (who(), community(), pot()).prop_map(|(who, community, pot)| Step::Withdraw { who, community, pot }),
		6 => (who(), community(), pot()).prop_map(|(who, community, pot)| Step::Claim { who, community, pot }),
		8 => (who(), community(), class(), topic(), 1..=PEOPLE)
			.prop_map(|(who, community, class, topic, to)| Step::Delegate { who, community, class, topic, to }),
		3 => (who(), community(), class(), topic())
			.prop_map(|(who, community, class, topic)| Step::Undelegate { who, community, class, topic }),
		3 => (who(), who(), community(), class(), topic()).prop_map(|(caller, who, community, class, topic)| {
			Step::Expire { caller, who, community, class, topic }
		}),
		5 => (who(), community(), pot()).prop_map(|(who, community, pot)| Step::Poke { who, community, pot }),
		4 => (who(), community(), class(), 0u128..20)
			.prop_map(|(who, community, class, power)| Step::SetPower { who, community, class, power }),
		10 => (community(), pot(), prop_oneof![1u64..4, 1u64..5_000])
			.prop_map(|(community, pot, amount)| Step::Earn { community, pot, amount }),
		1 => (community(), any::<bool>()).prop_map(|(community, frozen)| Step::Freeze { community, frozen }),
		3 => (who(), who(), amount(), any::<bool>())
			.prop_map(|(who, to, amount, shares)| Step::Transfer { who, to, amount, shares }),
		2 => (who(), 1u64..100).prop_map(|(who, percent)| Step::Slash { who, percent }),
		1 => (who(), amount()).prop_map(|(who, amount)| Step::Vest { who, amount }),
		12 => prop_oneof![6 => 1u32..4, 3 => 10u32..30, 1 => 38u32..60, 1 => 150u32..200]
			.prop_map(|count| Step::Days { count }),
	]
}

fn apply(step: &Step) -> DispatchResult {
	match *step {
		Step::Bond { who, community, pot, amount, tier } => Bonds::bond(signed(who), community, pot, amount, tier),
		Step::Extend { who, community, pot, from, to, amount } => {
			Bonds::extend(signed(who), community, pot, from, to, amount)
		}
		Step::Unbond { who, community, pot, tier, amount } => Bonds::unbond(signed(who), community, pot, tier, amount),
		Step::Withdraw { who, community, pot } => Bonds::withdraw(signed(who), community, pot),
		Step::Claim { who, community, pot } => Bonds::claim(signed(who), community, pot),
		Step::Delegate { who, community, class, topic, to } => {
			Bonds::delegate(signed(who), community, class, topic, account(to))
		}
		Step::Undelegate { who, community, class, topic } => Bonds::undelegate(signed(who), community, class, topic),
		Step::Expire { caller, who, community, class, topic } => {
			Bonds::expire_delegation(signed(caller), account(who), community, class, topic)
		}
		Step::Poke { who, community, pot } => Bonds::poke_bond(signed(6), account(who), community, pot),
		Step::SetPower { who, community, class, power } => {
			with_storage_layer(|| <Bonds as PowerSink<_>>::set_power(community, class, &account(who), power))
		}
		Step::Earn { community, pot, amount } => {
			// A treasury without money takes no less than the existential deposit.
			earn(community, pot, amount.max(ED));
			Ok(())
		}
		Step::Freeze { community, frozen } => Bonds::set_claims_frozen(community, frozen),
		Step::Transfer { who, to, amount, shares: true } => Assets::transfer(signed(who), SHARES, account(to), amount),
		Step::Transfer { who, to, amount, shares: false } => {
			Balances::transfer_keep_alive(signed(who), account(to), amount)
		}
		Step::Slash { who, percent } => {
			slash_to(who, (balance(&account(who)) / 100 * percent).max(ED).min(balance(&account(who))));
			Ok(())
		}
		Step::Vest { who, amount } => {
			Vesting::mutate(|vesting| vesting.insert(who, amount));
			Ok(())
		}
		Step::Days { count } => {
			go_on(count);
			Ok(())
		}
	}
}

/// Who delegates which power.
type Delegator = (CommunityId, Class, Topic, u8);

/// Everything that every account had at the end of every day, without an end.
#[derive(Default)]
struct History {
	own: BTreeMap<(CommunityId, Class, u8), BTreeMap<Day, Power>>,
	delegate: BTreeMap<Delegator, BTreeMap<Day, Option<u8>>>,
	/// Brought to pots, and claimed from them.
	divided: BTreeMap<(CommunityId, Pot), (u64, u64)>,
}

impl History {
	/// Reads the events off the chain: what an indexer can do, too.
	fn read(&mut self) {
		let today = Bonds::today();
		let number = |who: &sp_runtime::AccountId32| (0..=LAST).find(|n| account(*n) == *who).unwrap();
		for event in events() {
			match event {
				Event::PowerSet { community, class, who, power } => {
					self.own.entry((community, class, number(&who))).or_default().insert(today, power);
				}
				Event::PowerDelegated { community, class, topic, who, to, .. } => {
					let days = self.delegate.entry((community, class, topic, number(&who))).or_default();
					days.insert(today, Some(number(&to)));
				}
				Event::DelegationEnded { community, class, topic, who, .. } => {
					self.delegate.entry((community, class, topic, number(&who))).or_default().insert(today, None);
				}
				Event::RevenueDivided { community, pot, amount, .. } => {
					self.divided.entry((community, pot)).or_default().0 += amount;
				}
				Event::Claimed { community, pot, amount, .. } => {
					self.divided.entry((community, pot)).or_default().1 += amount;
				}
				_ => (),
			}
		}
		System::reset_events();
	}

	fn own_at(&self, community: CommunityId, class: Class, n: u8, day: Day) -> Power {
		let days = self.own.get(&(community, class, n));
		days.and_then(|days| days.range(..=day).next_back()).map_or(0, |(_, power)| *power)
	}

	fn delegate_at(&self, community: CommunityId, class: Class, topic: Topic, n: u8, day: Day) -> Option<u8> {
		let days = self.delegate.get(&(community, class, topic, n));
		days.and_then(|days| days.range(..=day).next_back()).and_then(|(_, to)| *to)
	}

	/// The chain answers for each closed day of the window as the unbounded history does, and for no other.
	fn check_power(&self) -> Result<(), TestCaseError> {
		let today = Bonds::today();
		for day in today.saturating_sub(WINDOW + 2)..=today {
			let is_open = day < today && day + WINDOW >= today;
			for (community, class) in (0..3).flat_map(|community| Class::ALL.map(|class| (community, class))) {
				let own = |n| self.own_at(community, class, n, day);
				for n in 1..=PEOPLE {
					let read = Bonds::power_of(community, class, account(n), day);
					prop_assert_eq!(read, is_open.then(|| own(n)));
				}
				let total = is_open.then(|| (1..=PEOPLE).map(own).sum::<Power>());
				prop_assert_eq!(Bonds::class_total(community, class, day), total);
				for topic in Topic::ALL {
					let delegate = |n| self.delegate_at(community, class, topic, n, day);
					for n in 1..=PEOPLE {
						let read = <Bonds as PowerSource<_>>::delegate_at(community, class, topic, &account(n), day);
						prop_assert_eq!(read, delegate(n).filter(|_| is_open).map(account));
						let inbound = (1..=PEOPLE).filter(|from| delegate(*from) == Some(n)).map(own).sum::<Power>();
						let read = Bonds::inbound_of(community, class, topic, account(n), day);
						prop_assert_eq!(read, is_open.then_some(inbound));
					}
				}
			}
		}
		Ok(())
	}

	/// What was claimed and what can be claimed is never more than what was divided.
	fn check_revenue(&self) -> Result<(), TestCaseError> {
		for ((community, pot), (divided, claimed)) in &self.divided {
			let owed: u64 = (1..=PEOPLE).map(|n| claimable(n, *community, *pot)).sum();
			prop_assert!(claimed + owed <= *divided, "{} and {} of {}", claimed, owed, divided);
			prop_assert_eq!(Bonds::pot(*community, *pot).unclaimed, divided - claimed);
		}
		Ok(())
	}
}

/// A freeze is above the balance only after a slash, and what is missing can be taken off.
fn check_freezes() -> Result<(), TestCaseError> {
	for n in 1..=PEOPLE {
		prop_assert!(frozen(n, Pot::Shares) <= Assets::balance(SHARES, account(n)));
		while frozen(n, Pot::Auton) > balance(&account(n)) {
			let missing = frozen(n, Pot::Auton) - balance(&account(n));
			let poked = (0..3).any(|community| Bonds::poke_bond(signed(6), account(n), community, Pot::Auton).is_ok());
			prop_assert!(poked && frozen(n, Pot::Auton) - balance(&account(n)).min(frozen(n, Pot::Auton)) < missing);
		}
	}
	Ok(())
}

proptest! {
	#![proptest_config(ProptestConfig {
		cases: std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(32),
		max_shrink_iters: 2_000,
		failure_persistence: Some(Box::new(FileFailurePersistence::SourceParallel("proptest-regressions"))),
		..ProptestConfig::default()
	})]

	#[test]
	fn state_should_stay_consistent_when_calls_come_in_any_order(
		steps in proptest::collection::vec(step(), 1..100),
	) {
		new_test_ext().execute_with(|| {
			let before = issuance();
			let mut history = History::default();
			for step in &steps {
				let root = sp_io::storage::root(StateVersion::V1);
				if apply(step).is_err() {
					prop_assert_eq!(root, sp_io::storage::root(StateVersion::V1), "a failed call left a trace: {:?}", step);
				}
				history.read();
				prop_assert_eq!(check(before), Ok(()), "{:?}", step);
				history.check_revenue()?;
			}
			history.check_power()?;
			Vesting::set(BTreeMap::new());
			check_freezes()?;
			history.read();
			prop_assert_eq!(check(before), Ok(()));

			// Whoever wants to leave can.
			for community in 0..3 {
				prop_assert!(Bonds::set_claims_frozen(community, false).is_ok());
			}
			leave_all()?;
			prop_assert_eq!(check(before), Ok(()));
			for n in 1..=PEOPLE {
				prop_assert_eq!((frozen(n, Pot::Auton), frozen(n, Pot::Shares)), (0, 0));
				prop_assert_eq!(Bonds::portfolio(account(n)), vec![]);
			}
			for pot in [Pot::Auton, Pot::Shares] {
				prop_assert_eq!(Bonds::pot(C, pot).accumulator.units, 0);
			}
			let bonded = OwnPower::<Test>::iter().filter(|((_, class, _), own)| class.is_bonded() && own.latest() > &0);
			prop_assert_eq!(bonded.count(), 0);
			Ok(())
		})?;
	}
}

/// Everybody unbonds everything, waits, withdraws and claims.
fn leave_all() -> Result<(), TestCaseError> {
	for tier in Tier::ALL {
		for n in 1..=PEOPLE {
			for bond in Bonds::portfolio(account(n)) {
				let amount = bond.amounts.of(tier);
				if amount > 0 {
					// Room for one more day of release.
					go_on(169);
					let _ = Bonds::withdraw(signed(n), bond.community, bond.pot);
					let done = Bonds::unbond(signed(n), bond.community, bond.pot, tier, amount);
					prop_assert_eq!(done, Ok(()));
				}
			}
		}
	}
	go_on(169);
	for n in 1..=PEOPLE {
		for bond in Bonds::portfolio(account(n)) {
			if !bond.unbonding.is_empty() {
				prop_assert_eq!(Bonds::withdraw(signed(n), bond.community, bond.pot), Ok(()));
			}
			if claimable(n, bond.community, bond.pot) > 0 {
				prop_assert_eq!(Bonds::claim(signed(n), bond.community, bond.pot), Ok(()));
			}
		}
	}
	Ok(())
}
