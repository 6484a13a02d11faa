//! Benchmarks of every call and of what other pallets ask, each on records that are as long as they get: full histories of
//! power, delegations of both topics, a full portfolio, and as much unbonding as there can be.

use super::*;
use crate::ring::{Ring, WINDOW};
use autonomy_primitives::community::X_COMMUNITY;
use frame_benchmarking::v2::*;
use frame_support::traits::fungible::{Inspect as _, Mutate as _};
use frame_system::RawOrigin;

/// The day on which everything is measured.
const TODAY: Day = 200;

fn go_to<T: Config>(day: Day) {
	frame_system::Pallet::<T>::set_block_number(Pallet::<T>::blocks_per_day().saturating_mul(day.into()));
}

/// Some times the least bond.
fn amount<T: Config>(times: u32) -> BalanceOf<T> {
	T::MinBond::get().saturating_mul(times.into())
}

fn funded<T: Config>(name: &'static str) -> T::AccountId {
	let who: T::AccountId = account(name, 0, 0);
	let deposits = T::Currency::minimum_balance().saturating_mul(10u32.into());
	T::Currency::set_balance(&who, amount::<T>(10_000).saturating_add(deposits));
	who
}

/// The X Community, and its pot of AUTON.
fn x<T: Config>() -> (CommunityId, Pot) {
	if !Communities::<T>::contains_key(X_COMMUNITY) {
		Pallet::<T>::open_x();
	}
	(X_COMMUNITY, Pot::Auton)
}

/// A community whose shares are all one account's, and its pot of shares.
fn shares<T: Config>(holder: &T::AccountId) -> (CommunityId, Pot) {
	x::<T>();
	let asset = T::BenchmarkHelper::create_shares(holder, amount::<T>(10_000));
	let community = Pallet::<T>::do_open(Some(asset)).expect("the asset is free");
	(community, Pot::Shares)
}

/// A value that has changed on every day of the window.
fn full<V: Clone + PartialEq>(latest: V, other: V) -> Ring<V> {
	let mut ring = Ring::new(latest.clone());
	for day in TODAY.saturating_sub(WINDOW)..TODAY {
		let is_odd = TODAY.saturating_sub(day) % 2 == 1;
		ring.set(day, if is_odd { latest.clone() } else { other.clone() });
	}
	ring
}

/// Makes the histories of an account's power full: its own, that of its class, and those of a delegate for each topic.
fn fill_power<T: Config>(community: CommunityId, class: Class, who: &T::AccountId, power: Power) {
	let ring = full(power, power.saturating_add(1));
	OwnPower::<T>::insert((community, class, who), ring.clone());
	ClassTotals::<T>::insert(community, class, ring.clone());
	for (index, topic) in (0u32..).zip(Topic::ALL) {
		let to: T::AccountId = account("delegate", index, 0);
		let delegation = Delegation { to: full(Some(to.clone()), None), expires: TODAY };
		Delegations::<T>::insert((community, class, topic, who), delegation);
		let delegated = Delegated { power: ring.clone(), delegators: 1 };
		Inbound::<T>::insert((community, class, topic, to), delegated);
	}
}

/// Fills an account's portfolio, all but `room`, with bonds that are older than those that it has.
fn fill_portfolio<T: Config>(who: &T::AccountId, room: u32) {
	Portfolios::<T>::mutate(who, |bonds| {
		let length = u32::try_from(bonds.len()).expect("at most MaxBonds");
		for index in 0..T::MaxBonds::get().saturating_sub(room).saturating_sub(length) {
			let older = (CommunityId::MAX.saturating_sub(index), Pot::Auton);
			bonds.try_insert(0, older).expect("below MaxBonds");
		}
	});
}

/// Brings revenue to a pot.
fn earn<T: Config>(community: CommunityId, pot: Pot) {
	let (account, amount) = (Pallet::<T>::pot_account(community, pot), amount::<T>(10));
	T::Currency::set_balance(&account, T::Currency::balance(&account).saturating_add(amount));
	Pallet::<T>::do_distribute(community, pot, amount);
}

/// Bonds in all tiers, of which as many parts are unbonding as asked for, all due; revenue that has not been settled; and
/// full records.
fn busy<T: Config>(community: CommunityId, pot: Pot, who: &T::AccountId, parts: u32) {
	let first = TODAY.saturating_sub(Tier::Days14.days()).saturating_sub(parts).saturating_sub(1);
	go_to::<T>(first);
	for tier in Tier::ALL {
		let amount = amount::<T>(parts.saturating_add(20));
		Pallet::<T>::do_bond(who, community, pot, amount, tier).expect("the account has enough");
	}
	for part in 0..parts {
		go_to::<T>(first.saturating_add(part));
		Pallet::<T>::do_unbond(who, community, pot, Tier::Days14, amount::<T>(1)).expect("as much is bonded");
	}
	go_to::<T>(TODAY);
	let power = Bonds::<T>::get((community, pot, who)).expect("just bonded").amounts.power();
	fill_power::<T>(community, Class::of_bond(community, pot), who, power);
	fill_portfolio::<T>(who, 0);
	earn::<T>(community, pot);
}

/// Unbonds all that is left, on the same day as the last part.
fn unbond_rest<T: Config>(community: CommunityId, pot: Pot, who: &T::AccountId) {
	go_to::<T>(TODAY.saturating_sub(Tier::Days168.days()).saturating_sub(1));
	for tier in Tier::ALL {
		let rest = Bonds::<T>::get((community, pot, who)).expect("bonded").amounts.of(tier);
		if !rest.is_zero() {
			Pallet::<T>::do_unbond(who, community, pot, tier, rest).expect("as much is bonded");
		}
	}
	go_to::<T>(TODAY);
}

/// Writes the bonds of other holders, without what is frozen for them.
fn add_holders<T: Config>(community: CommunityId, pot: Pot, holders: u32) {
	let amounts = Amounts { days_168: T::MinBond::get(), ..Default::default() };
	let (class, power) = (Class::of_bond(community, pot), amounts.power());
	for index in 0..holders {
		let who: T::AccountId = account("among", index, 0);
		let bond = BondInfo { amounts, paid_per_unit: 0, owed: Zero::zero() };
		Bonds::<T>::insert((community, pot, &who), bond);
		OwnPower::<T>::insert((community, class, who), Ring::new(power));
	}
	let all = power.saturating_mul(holders.into());
	ClassTotals::<T>::insert(community, class, Ring::new(all));
	Pots::<T>::mutate(community, pot, |info| info.accumulator.units = all);
}

#[benchmarks]
mod benches {
	use super::*;

	/// The first bond into a pot, by an account that has bonded there before.
	#[benchmark]
	fn bond() {
		let who = funded::<T>("holder");
		let (community, pot) = shares::<T>(&who);
		go_to::<T>(TODAY);
		fill_power::<T>(community, Class::Investor, &who, 0);
		fill_portfolio::<T>(&who, 1);

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), community, pot, amount::<T>(10), Tier::Days168);

		assert!(Bonds::<T>::contains_key((community, pot, who)));
	}

	#[benchmark]
	fn extend() {
		let who = funded::<T>("holder");
		let (community, pot) = shares::<T>(&who);
		busy::<T>(community, pot, &who, T::MaxChunks::get());
		let before = Bonds::<T>::get((community, pot, &who)).expect("bonded").amounts.power();

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), community, pot, Tier::Days14, Tier::Days168, amount::<T>(10));

		assert!(Bonds::<T>::get((community, pot, who)).expect("bonded").amounts.power() > before);
	}

	#[benchmark]
	fn unbond() {
		let who = funded::<T>("holder");
		let (community, pot) = shares::<T>(&who);
		busy::<T>(community, pot, &who, T::MaxChunks::get().saturating_sub(1));

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), community, pot, Tier::Days168, amount::<T>(10));

		assert_eq!(Unbonding::<T>::get((community, pot, who)).len(), T::MaxChunks::get() as usize);
	}

	/// All of a bond, with as many parts as there can be, of which nothing is left.
	#[benchmark]
	fn withdraw() {
		let who = funded::<T>("holder");
		let (community, pot) = shares::<T>(&who);
		let parts = T::MaxChunks::get();
		let first = TODAY.saturating_sub(Tier::Days14.days()).saturating_sub(parts).saturating_sub(1);
		go_to::<T>(first);
		Pallet::<T>::do_bond(&who, community, pot, amount::<T>(parts), Tier::Days14).expect("enough");
		for part in 0..parts {
			go_to::<T>(first.saturating_add(part));
			Pallet::<T>::do_unbond(&who, community, pot, Tier::Days14, amount::<T>(1)).expect("bonded");
		}
		go_to::<T>(TODAY);
		fill_power::<T>(community, Class::Investor, &who, 0);
		fill_portfolio::<T>(&who, 0);

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), community, pot);

		assert!(!Bonds::<T>::contains_key((community, pot, who)));
	}

	/// Of a bond of which nothing else is left.
	#[benchmark]
	fn claim() {
		let who = funded::<T>("holder");
		let (community, pot) = shares::<T>(&who);
		go_to::<T>(TODAY.saturating_sub(Tier::Days168.days()).saturating_sub(1));
		Pallet::<T>::do_bond(&who, community, pot, amount::<T>(10), Tier::Days168).expect("enough");
		earn::<T>(community, pot);
		unbond_rest::<T>(community, pot, &who);
		Pallet::<T>::do_withdraw(&who, community, pot).expect("due today");
		fill_power::<T>(community, Class::Investor, &who, 0);
		fill_portfolio::<T>(&who, 0);

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), community, pot);

		assert!(!Bonds::<T>::contains_key((community, pot, who)));
	}

	/// From one delegate to another, to whom others delegate, too.
	#[benchmark]
	fn delegate() {
		let who = funded::<T>("holder");
		let (community, pot) = shares::<T>(&who);
		busy::<T>(community, pot, &who, 0);
		let (class, topic) = (Class::Investor, Topic::Routine);
		let to: T::AccountId = account("other", 0, 0);
		let delegated = Delegated { power: full(1, 2), delegators: 1 };
		Inbound::<T>::insert((community, class, topic, &to), delegated);

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), community, class, topic, to.clone());

		assert_eq!(Pallet::<T>::delegate_of(community, class, topic, &who), Some(to));
	}

	#[benchmark]
	fn undelegate() {
		let who = funded::<T>("holder");
		let (community, pot) = shares::<T>(&who);
		busy::<T>(community, pot, &who, 0);

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), community, Class::Investor, Topic::Routine);

		assert_eq!(Pallet::<T>::delegate_of(community, Class::Investor, Topic::Routine, &who), None);
	}

	#[benchmark]
	fn expire_delegation() {
		let (who, caller) = (funded::<T>("holder"), funded::<T>("anyone"));
		let (community, pot) = shares::<T>(&who);
		busy::<T>(community, pot, &who, 0);

		#[extrinsic_call]
		_(RawOrigin::Signed(caller), who.clone(), community, Class::Investor, Topic::Routine);

		assert_eq!(Pallet::<T>::delegate_of(community, Class::Investor, Topic::Routine, &who), None);
	}

	/// All that is unbonding is gone, and of the bond all but one least part.
	#[benchmark]
	fn poke_bond() {
		let (who, caller) = (funded::<T>("holder"), funded::<T>("anyone"));
		let (community, pot) = x::<T>();
		busy::<T>(community, pot, &who, T::MaxChunks::get());
		T::Currency::set_balance(&who, amount::<T>(1));

		#[extrinsic_call]
		_(RawOrigin::Signed(caller), who.clone(), community, pot);

		assert!(!Unbonding::<T>::contains_key((community, pot, &who)));
		assert_eq!(Bonds::<T>::get((community, pot, who)).expect("bonded").amounts.sum(), amount::<T>(1));
	}

	#[benchmark]
	fn open() {
		let who = funded::<T>("holder");
		x::<T>();
		let asset = T::BenchmarkHelper::create_shares(&who, amount::<T>(1));
		let community;

		#[block]
		{
			community = Pallet::<T>::do_open(Some(asset)).expect("the asset is free");
		}

		assert!(Communities::<T>::contains_key(community));
	}

	#[benchmark]
	fn attach_shares() {
		let who = funded::<T>("holder");
		x::<T>();
		let community = Pallet::<T>::do_open(None).expect("numbers are left");
		let asset = T::BenchmarkHelper::create_shares(&who, amount::<T>(1));

		#[block]
		{
			Pallet::<T>::do_attach_shares(community, asset).expect("the asset is free");
		}

		assert!(Communities::<T>::get(community).is_some_and(|info| info.shares.is_some()));
	}

	/// A community that had members in all classes, and has something left in both pots.
	#[benchmark]
	fn close() {
		let who = funded::<T>("holder");
		let (community, _) = shares::<T>(&who);
		go_to::<T>(TODAY);
		for class in Class::ALL {
			ClassTotals::<T>::insert(community, class, full(0, 1));
		}
		for pot in Pot::ALL {
			Pallet::<T>::open_pot(community, pot, &who).expect("the account has enough");
			Pots::<T>::insert(community, pot, PotInfoOf::<T>::default());
		}

		#[block]
		{
			Pallet::<T>::do_close(community).expect("nobody is left");
		}

		assert!(!Communities::<T>::contains_key(community));
	}

	#[benchmark]
	fn set_claims_frozen() {
		let (community, _) = x::<T>();

		#[block]
		{
			Pallet::<T>::do_set_claims_frozen(community, true).expect("X is open");
		}

		assert!(Communities::<T>::get(community).is_some_and(|info| info.claims_frozen));
	}

	#[benchmark]
	fn set_power() {
		use autonomy_primitives::community::PowerSink;
		let who = funded::<T>("fan");
		let (community, _) = x::<T>();
		go_to::<T>(TODAY);
		fill_power::<T>(community, Class::Fan, &who, 5);

		#[block]
		{
			<Pallet<T> as PowerSink<T::AccountId>>::set_power(community, Class::Fan, &who, 3).expect("not bonded");
		}

		assert_eq!(Pallet::<T>::own(community, Class::Fan, &who), 3);
	}

	#[benchmark]
	fn distribute() {
		use autonomy_primitives::community::RevenueSink;
		let who = funded::<T>("holder");
		let (community, pot) = x::<T>();
		busy::<T>(community, pot, &who, 0);
		let before = Pots::<T>::get(community, pot).accumulator.per_unit;

		#[block]
		{
			let account = <Pallet<T> as RevenueSink<T::AccountId, BalanceOf<T>>>::account(community, pot);
			T::Currency::set_balance(&account, T::Currency::balance(&account).saturating_add(amount::<T>(10)));
			Pallet::<T>::do_distribute(community, pot, amount::<T>(10));
		}

		assert!(Pots::<T>::get(community, pot).accumulator.per_unit > before);
	}

	/// A claim among `h` holders. Its cost must not depend on them.
	#[benchmark(extra)]
	fn claim_among_holders(h: Linear<10, 100_000>) {
		let who = funded::<T>("claimer");
		let (community, pot) = x::<T>();
		add_holders::<T>(community, pot, h);
		Pallet::<T>::do_bond(&who, community, pot, amount::<T>(1_000), Tier::Days168).expect("enough");
		earn::<T>(community, pot);
		let before = T::Currency::balance(&who);

		#[block]
		{
			// With very many others there may be nothing to claim: the work is the same up to the transfer.
			let _ = Pallet::<T>::do_claim(&who, community, pot);
		}

		assert!(T::Currency::balance(&who) >= before);
	}

	/// A bond among `h` holders. Its cost must not depend on them.
	#[benchmark(extra)]
	fn bond_among_holders(h: Linear<10, 100_000>) {
		let who = funded::<T>("bonder");
		let (community, pot) = x::<T>();
		add_holders::<T>(community, pot, h);

		#[block]
		{
			Pallet::<T>::do_bond(&who, community, pot, amount::<T>(1), Tier::Days168).expect("enough");
		}

		assert!(Bonds::<T>::contains_key((community, pot, who)));
	}

	/// Revenue that is divided among `h` holders. Its cost must not depend on them.
	#[benchmark(extra)]
	fn distribute_among_holders(h: Linear<10, 100_000>) {
		let who = funded::<T>("bonder");
		let (community, pot) = x::<T>();
		add_holders::<T>(community, pot, h);
		Pallet::<T>::do_bond(&who, community, pot, amount::<T>(1), Tier::Days168).expect("enough");

		#[block]
		{
			earn::<T>(community, pot);
		}

		assert_eq!(Pots::<T>::get(community, pot).unclaimed, amount::<T>(10));
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
