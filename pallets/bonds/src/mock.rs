//! A chain of system, balances, assets with their freezer, and this pallet.

use std::collections::BTreeMap;

use autonomy_primitives::community::{Class, Communities as _, CommunityId, Day, Pot, Power, RevenueSink};
use frame_support::{
	assert_ok, derive_impl, parameter_types,
	traits::{
		fungible::{InspectFreeze as _, Mutate},
		fungibles::InspectFreeze as _,
		tokens::Preservation,
		AsEnsureOriginWithArg, ConstU32, ConstU64, Contains,
	},
	PalletId,
};
use frame_system::{EnsureRoot, EnsureSigned};
use sp_runtime::{
	traits::{IdentifyAccount, IdentityLookup, Verify},
	AccountId32, BuildStorage, MultiSignature,
};

use crate as pallet_bonds;
use crate::{BondInfoOf, Bonds as BondMap, Event, FreezeReason, Tier, Unvested};

type Block = frame_system::mocking::MockBlock<Test>;

#[frame_support::runtime]
mod runtime {
	#[runtime::runtime]
	#[runtime::derive(
		RuntimeCall,
		RuntimeEvent,
		RuntimeError,
		RuntimeOrigin,
		RuntimeFreezeReason,
		RuntimeHoldReason,
		RuntimeSlashReason,
		RuntimeLockId,
		RuntimeTask,
		RuntimeViewFunction
	)]
	pub struct Test;

	#[runtime::pallet_index(0)]
	pub type System = frame_system;
	#[runtime::pallet_index(1)]
	pub type Balances = pallet_balances;
	#[runtime::pallet_index(2)]
	pub type Assets = pallet_assets;
	#[runtime::pallet_index(3)]
	pub type AssetsFreezer = pallet_assets_freezer;
	#[runtime::pallet_index(4)]
	pub type Bonds = pallet_bonds;
}

pub type AccountPublic = <MultiSignature as Verify>::Signer;

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type AccountId = <AccountPublic as IdentifyAccount>::AccountId;
	type Lookup = IdentityLookup<Self::AccountId>;
	type Block = Block;
	type AccountData = pallet_balances::AccountData<u64>;
}

/// Existential deposit of the mock, in planck.
pub const ED: u64 = 10;

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
	type AccountStore = System;
	type ExistentialDeposit = ConstU64<ED>;
	type FreezeIdentifier = RuntimeFreezeReason;
	type MaxFreezes = ConstU32<1>;
}

#[derive_impl(pallet_assets::config_preludes::TestDefaultConfig)]
impl pallet_assets::Config for Test {
	type Balance = u64;
	type Currency = Balances;
	type CreateOrigin = AsEnsureOriginWithArg<EnsureSigned<Self::AccountId>>;
	type ForceOrigin = EnsureRoot<Self::AccountId>;
	type Freezer = AssetsFreezer;
}

impl pallet_assets_freezer::Config for Test {
	type RuntimeEvent = RuntimeEvent;
	type RuntimeFreezeReason = RuntimeFreezeReason;
}

parameter_types! {
	pub const BondsPalletId: PalletId = PalletId(*b"aut/bond");
	/// AUTON that still vests, by account.
	pub static Vesting: BTreeMap<u8, u64> = BTreeMap::new();
	/// AUTON that [`slash_to`] has burned.
	pub static Slashed: u64 = 0;
}

/// What [`Vesting`] says.
pub struct MockVesting;
impl Unvested<AccountId32, u64> for MockVesting {
	fn unvested(who: &AccountId32) -> u64 {
		let bytes: &[u8] = who.as_ref();
		bytes.first().and_then(|n| Vesting::get().get(n).copied()).unwrap_or(0)
	}
}

/// The reserve.
pub struct MockExcluded;
impl Contains<AccountId32> for MockExcluded {
	fn contains(who: &AccountId32) -> bool {
		*who == account(RESERVE)
	}
}

/// Blocks of a day.
pub const DAY: u64 = 10;
/// Least AUTON in one tier.
pub const MIN_BOND: u64 = 100;
/// Most bonds of an account.
pub const MAX_BONDS: u32 = 4;
/// Most days on which parts of a bond are released.
pub const MAX_CHUNKS: u32 = 3;

impl pallet_bonds::Config for Test {
	type Currency = Balances;
	type Shares = AssetsFreezer;
	type RuntimeFreezeReason = RuntimeFreezeReason;
	type Unvested = MockVesting;
	type Excluded = MockExcluded;
	type PalletId = BondsPalletId;
	type BlocksPerDay = ConstU64<DAY>;
	type MinBond = ConstU64<MIN_BOND>;
	type MaxBonds = ConstU32<MAX_BONDS>;
	type MaxChunks = ConstU32<MAX_CHUNKS>;
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = MockHelper;
	type WeightInfo = ();
}

/// Creates assets for benchmarks.
#[cfg(feature = "runtime-benchmarks")]
pub struct MockHelper;
#[cfg(feature = "runtime-benchmarks")]
impl crate::BenchmarkHelper<AccountId32, u32, u64> for MockHelper {
	fn create_shares(holder: &AccountId32, supply: u64) -> u32 {
		let asset = (0..).find(|id| !pallet_assets::Asset::<Test>::contains_key(id)).unwrap();
		assert_ok!(Assets::force_create(RuntimeOrigin::root(), asset, account(ISSUER), true, 1));
		assert_ok!(Assets::mint(signed(ISSUER), asset, holder.clone(), supply));
		asset
	}
}

/// Balance that every funded account starts with, and shares that every holder does.
pub const FUNDS: u64 = 1_000_000;
/// The account that issues shares and brings revenue.
pub const ISSUER: u8 = 200;
/// An account that cannot bond.
pub const RESERVE: u8 = 201;
/// Last of the accounts that tests use.
pub const LAST: u8 = RESERVE;
/// The X Community.
pub const X: CommunityId = 0;
/// A community with shares.
pub const C: CommunityId = 1;
/// A community without shares.
pub const PLAIN: CommunityId = 2;
/// The shares of [`C`].
pub const SHARES: u32 = 7;

pub fn account(n: u8) -> AccountId32 {
	AccountId32::new([n; 32])
}

pub fn signed(n: u8) -> RuntimeOrigin {
	RuntimeOrigin::signed(account(n))
}

/// Accounts 1 to 9 have AUTON and shares. Communities X, [`C`] and [`PLAIN`] are open. First block of day 1.
pub fn new_test_ext() -> sp_io::TestExternalities {
	let config = RuntimeGenesisConfig {
		balances: pallet_balances::GenesisConfig {
			balances: (1..=9).chain([ISSUER, RESERVE]).map(|n| (account(n), FUNDS)).collect(),
			..Default::default()
		},
		..Default::default()
	};
	let mut ext = sp_io::TestExternalities::new(config.build_storage().unwrap());
	ext.execute_with(|| {
		Vesting::set(BTreeMap::new());
		Slashed::set(0);
		System::set_block_number(DAY);
		assert_ok!(Assets::force_create(RuntimeOrigin::root(), SHARES, account(ISSUER), true, 1));
		for n in 1..=9 {
			assert_ok!(Assets::mint(signed(ISSUER), SHARES, account(n), FUNDS));
		}
		assert_eq!(Bonds::open(Some(SHARES)), Ok(C));
		assert_eq!(Bonds::open(None), Ok(PLAIN));
		System::reset_events();
	});
	ext
}

/// Runs a test. After it `try_state` holds, nothing is frozen that the pallet does not know of, and no AUTON or shares were
/// made or lost.
pub fn build_and_execute(test: impl FnOnce()) {
	new_test_ext().execute_with(|| {
		let before = issuance();
		test();
		check(before).unwrap();
	});
}

/// AUTON and shares there are, what was slashed counted.
pub fn issuance() -> (u64, u64) {
	(Balances::total_issuance() + Slashed::get(), Assets::total_supply(SHARES))
}

/// See [`build_and_execute`].
pub fn check(before: (u64, u64)) -> Result<(), sp_runtime::TryRuntimeError> {
	Bonds::do_try_state()?;
	frame_support::ensure!(issuance() == before, "money was made or lost");
	let frozen = |pot| (0..=LAST).map(|n| frozen(n, pot)).sum::<u64>();
	let auton: u64 = pallet_balances::Freezes::<Test>::iter_values().flatten().map(|freeze| freeze.amount).sum();
	frame_support::ensure!(auton == frozen(Pot::Auton), "AUTON of an account without bonds is frozen");
	let shares: u64 = pallet_assets_freezer::FrozenBalances::<Test>::iter_values().sum();
	frame_support::ensure!(shares == frozen(Pot::Shares), "shares of an account without bonds are frozen");
	Ok(())
}

/// What an account has frozen, of AUTON or of shares of [`C`].
pub fn frozen(n: u8, pot: Pot) -> u64 {
	let reason = RuntimeFreezeReason::from(FreezeReason::Bond);
	match pot {
		Pot::Auton => Balances::balance_frozen(&reason, &account(n)),
		Pot::Shares => AssetsFreezer::balance_frozen(SHARES, &reason, &account(n)),
	}
}

/// AUTON of an account.
pub fn balance(who: &AccountId32) -> u64 {
	Balances::free_balance(who)
}

/// First block of a day.
pub fn go_to_day(day: Day) {
	System::set_block_number(u64::from(day) * DAY);
}

/// First block of the day that is some days from now.
pub fn go_on(days: Day) {
	go_to_day(Bonds::today() + days);
}

pub fn bond(n: u8, community: CommunityId, pot: Pot, amount: u64) {
	bond_in(n, community, pot, amount, Tier::Days14);
}

pub fn bond_in(n: u8, community: CommunityId, pot: Pot, amount: u64, tier: Tier) {
	assert_ok!(Bonds::bond(signed(n), community, pot, amount, tier));
}

pub fn stored(n: u8, community: CommunityId, pot: Pot) -> BondInfoOf<Test> {
	BondMap::<Test>::get((community, pot, account(n))).unwrap()
}

/// Power of an account on the last closed day.
pub fn power(n: u8, community: CommunityId, class: Class) -> Power {
	Bonds::power_of(community, class, account(n), Bonds::today() - 1).unwrap()
}

/// Power of a class on the last closed day.
pub fn total(community: CommunityId, class: Class) -> Power {
	Bonds::class_total(community, class, Bonds::today() - 1).unwrap()
}

pub fn claimable(n: u8, community: CommunityId, pot: Pot) -> u64 {
	Bonds::claimable(account(n), community, pot)
}

/// Revenue arrives as other pallets bring it.
pub fn earn(community: CommunityId, pot: Pot, amount: u64) {
	let to = <Bonds as RevenueSink<AccountId32, u64>>::account(community, pot);
	let paid = <Balances as Mutate<AccountId32>>::transfer(&account(ISSUER), &to, amount, Preservation::Preserve);
	assert_ok!(paid);
	<Bonds as RevenueSink<AccountId32, u64>>::distribute(community, pot, amount);
}

/// Leaves an account with this much AUTON, whatever is frozen.
pub fn slash_to(n: u8, left: u64) {
	Slashed::mutate(|slashed| *slashed += balance(&account(n)) - left);
	assert_ok!(Balances::force_set_balance(RuntimeOrigin::root(), account(n), left));
}

/// Events of this pallet so far, oldest first.
pub fn events() -> Vec<Event<Test>> {
	let of_pallet = |record: frame_system::EventRecord<RuntimeEvent, _>| match record.event {
		RuntimeEvent::Bonds(event) => Some(event),
		_ => None,
	};
	System::events().into_iter().filter_map(of_pallet).collect()
}

pub fn last_event() -> Event<Test> {
	events().pop().unwrap()
}
