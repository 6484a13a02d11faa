//! A chain of system, balances, nfts and this pallet, which is the locker of pallet-nfts. Royalties, models and the fee
//! are what a test says.

use std::collections::{BTreeMap, BTreeSet};

use autonomy_primitives::{
	community::{CommunityId, Pot, RevenueSink},
	payout::Payee,
	ModelId,
};
use frame_support::{
	assert_ok, derive_impl, parameter_types,
	traits::{AsEnsureOriginWithArg, ConstU128, ConstU32, ConstU64},
};
use pallet_nfts::{
	CollectionConfig, CollectionSetting, CollectionSettings, MintSettings, PalletFeature, PalletFeatures,
};
use sp_runtime::{
	traits::{IdentifyAccount, IdentityLookup, Verify},
	AccountId32, BuildStorage, MultiSignature, Permill,
};

use crate as pallet_market;
use crate::{
	Auctions, Event, Licences, LicensedModels, Listings, NextSaleId, NftItems, Offers, Royalties, SaleId, Split, Terms,
	Tradable,
};

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
	pub type Nfts = pallet_nfts;
	#[runtime::pallet_index(3)]
	pub type Market = pallet_market;
}

pub type AccountPublic = <MultiSignature as Verify>::Signer;

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type AccountId = <AccountPublic as IdentifyAccount>::AccountId;
	type Lookup = IdentityLookup<Self::AccountId>;
	type Block = Block;
	type AccountData = pallet_balances::AccountData<u128>;
}

/// Existential deposit of the mock, in planck.
pub const ED: u128 = 10;

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
	type AccountStore = System;
	type Balance = u128;
	type ExistentialDeposit = ConstU128<ED>;
}

/// Shares as a test writes them: [`payee`] and parts per million.
pub type Shares = Vec<(u8, u32)>;

parameter_types! {
	/// As a runtime with this pallet has to have them.
	pub Features: PalletFeatures = PalletFeatures::from_disabled(PalletFeature::Trading | PalletFeature::Swaps);
	pub TreasuryAccount: AccountId32 = account(TREASURY);
	/// The market's fee.
	pub static TestFee: Permill = FEE;
	/// Royalties of items other than [`ROYALTIES`].
	pub static ItemRoyalties: BTreeMap<u32, Shares> = BTreeMap::new();
	/// Owners of models.
	pub static ModelOwners: BTreeMap<ModelId, AccountId32> = BTreeMap::new();
	/// Shares in every licence.
	pub static LicenceShares: Shares = Vec::new();
	/// The pots in which nobody has bonded.
	pub storage Unbonded: BTreeSet<(CommunityId, Pot)> = BTreeSet::new();
	/// What was divided among the bonded holders of each pot. In storage, so that it is undone with everything else.
	pub storage Divided: BTreeMap<(CommunityId, Pot), u128> = BTreeMap::new();
}

/// Payees as a test writes them: accounts up to 199, from there on four for each community: the pot of its shares, the pot
/// of AUTON, nobody, and its treasury. The account of each has its number.
pub fn payee(n: u8) -> Payee<AccountId32> {
	let Some(of_community) = n.checked_sub(200) else { return Payee::Account(account(n)) };
	let community = u32::from(of_community / 4);
	match of_community % 4 {
		0 => Payee::Pot(community, Pot::Shares),
		1 => Payee::Pot(community, Pot::Auton),
		3 => Payee::Treasury(community),
		_ => panic!("{n} is nobody"),
	}
}

/// The pots and treasuries of communities, with a ledger of what was divided.
pub struct MockRevenue;

impl MockRevenue {
	fn numbered(community: CommunityId, place: u32) -> AccountId32 {
		let number = 200 + 4 * community + place;
		match u8::try_from(number) {
			Ok(n) => account(n),
			Err(_) => {
				let mut bytes = [0xee; 32];
				bytes[..4].copy_from_slice(&number.to_le_bytes());
				AccountId32::new(bytes)
			}
		}
	}

	/// A pot's own account.
	pub fn pot(community: CommunityId, pot: Pot) -> AccountId32 {
		Self::numbered(community, pot as u32)
	}
}

impl RevenueSink<AccountId32, u128> for MockRevenue {
	fn account(community: CommunityId, pot: Pot) -> AccountId32 {
		match Unbonded::get().contains(&(community, pot)) {
			true => Self::treasury(community),
			false => Self::pot(community, pot),
		}
	}

	fn treasury(community: CommunityId) -> AccountId32 {
		Self::numbered(community, 3)
	}

	fn distribute(community: CommunityId, pot: Pot, amount: u128) {
		if Unbonded::get().contains(&(community, pot)) {
			return;
		}
		let mut divided = Divided::get();
		*divided.entry((community, pot)).or_default() += amount;
		Divided::set(&divided);
	}
}

/// What was divided among the holders of a pot.
pub fn divided_among(community: CommunityId, pot: Pot) -> u128 {
	Divided::get().get(&(community, pot)).copied().unwrap_or_default()
}

/// Whether anybody has bonded in a pot.
pub fn set_bonded(community: CommunityId, pot: Pot, bonded: bool) {
	let mut unbonded = Unbonded::get();
	match bonded {
		true => unbonded.remove(&(community, pot)),
		false => unbonded.insert((community, pot)),
	};
	Unbonded::set(&unbonded);
}

impl pallet_nfts::Config for Test {
	type RuntimeEvent = RuntimeEvent;
	type CollectionId = u32;
	type ItemId = u32;
	type Currency = Balances;
	type CreateOrigin = AsEnsureOriginWithArg<frame_system::EnsureSigned<Self::AccountId>>;
	type ForceOrigin = frame_system::EnsureRoot<Self::AccountId>;
	type Locker = Market;
	type CollectionDeposit = ConstU128<200>;
	type ItemDeposit = ConstU128<100>;
	type MetadataDepositBase = ConstU128<100>;
	type AttributeDepositBase = ConstU128<100>;
	type DepositPerByte = ConstU128<1>;
	type StringLimit = ConstU32<256>;
	type KeyLimit = ConstU32<64>;
	type ValueLimit = ConstU32<256>;
	type ApprovalsLimit = ConstU32<10>;
	type ItemAttributesApprovalsLimit = ConstU32<2>;
	type MaxTips = ConstU32<10>;
	type MaxDeadlineDuration = ConstU64<10_000>;
	type MaxAttributesPerCall = ConstU32<2>;
	type Features = Features;
	type OffchainSignature = MultiSignature;
	type OffchainPublic = AccountPublic;
	type WeightInfo = ();
	#[cfg(feature = "runtime-benchmarks")]
	type Helper = ();
	type BlockNumberProvider = System;
}

pub fn royalties(shares: &[(u8, u32)]) -> Royalties<AccountId32> {
	let shares: Vec<_> = shares.iter().map(|(who, parts)| (payee(*who), Permill::from_parts(*parts))).collect();
	shares.try_into().unwrap()
}

/// Items of [`WORKS`] can be sold; those of [`OTHERS`] cannot.
pub struct MockTradable;
impl Tradable<AccountId32, u32, u32> for MockTradable {
	fn royalties(collection: &u32, item: &u32) -> Option<Royalties<AccountId32>> {
		if *collection != WORKS {
			return None;
		}
		let shares = ItemRoyalties::get().get(item).cloned();
		Some(royalties(&shares.unwrap_or_else(|| ROYALTIES.to_vec())))
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_item(owner: &AccountId32) -> (u32, u32) {
		let item = 100 + pallet_nfts::Collection::<Test>::get(WORKS).unwrap().items;
		assert_ok!(Nfts::force_mint(RuntimeOrigin::root(), WORKS, item, owner.clone(), Default::default()));
		ItemRoyalties::mutate(|all| all.insert(item, (0..20).map(|n| (100 + n, 12_500)).collect()));
		(WORKS, item)
	}
}

pub struct MockModels;
impl LicensedModels<AccountId32> for MockModels {
	fn owner(model: ModelId) -> Option<AccountId32> {
		ModelOwners::get().get(&model).cloned()
	}

	fn royalties(_: ModelId) -> Royalties<AccountId32> {
		royalties(&LicenceShares::get())
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_model(owner: &AccountId32) -> ModelId {
		LicenceShares::set((0..20).map(|n| (100 + n, 12_500)).collect());
		ModelOwners::mutate(|owners| owners.insert(MODEL, owner.clone()));
		MODEL
	}
}

pub const MIN_PRICE: u128 = 100;
pub const DEPOSIT_BASE: u128 = 50;
pub const MAX_DURATION: u64 = 1_000;
pub const SOFT_CLOSE: u64 = 10;
/// The market's fee unless a test says otherwise: 2.5 %.
pub const FEE: Permill = Permill::from_parts(25_000);

impl pallet_market::Config for Test {
	type Currency = Balances;
	type RuntimeHoldReason = RuntimeHoldReason;
	type Items = NftItems<Test>;
	type Tradable = MockTradable;
	type Models = MockModels;
	type Revenue = MockRevenue;
	type Treasury = TreasuryAccount;
	type Fee = TestFee;
	type MinPrice = ConstU128<MIN_PRICE>;
	type MaxDuration = ConstU64<MAX_DURATION>;
	type SoftClose = ConstU64<SOFT_CLOSE>;
	type DepositBase = ConstU128<DEPOSIT_BASE>;
	type DepositPerByte = ConstU128<1>;
	type MaxSalesPerAccount = ConstU32<4>;
	type MaxOffersPerAccount = ConstU32<3>;
	type WeightInfo = ();
}

/// Balance that every funded account starts with.
pub const FUNDS: u128 = 1_000_000_000;
/// A seller.
pub const ALICE: u8 = 1;
/// A buyer.
pub const BOB: u8 = 2;
/// Another one.
pub const CAROL: u8 = 3;
/// Someone who watches.
pub const DAVE: u8 = 4;
/// A creator, who gets 10 % of each sale.
pub const CREATOR: u8 = 50;
/// Whoever has bonded shares of community 0, who get 5 % of each sale.
pub const COMMUNITY: u8 = 200;
/// The treasury of that community.
pub const COMMUNITY_TREASURY: u8 = 203;
pub const TREASURY: u8 = 90;
/// The team of both collections.
pub const TEAM: u8 = 91;
/// Royalties of an item unless a test says otherwise.
pub const ROYALTIES: [(u8, u32); 2] = [(CREATOR, 100_000), (COMMUNITY, 50_000)];
/// The collection that is sold here.
pub const WORKS: u32 = 0;
/// One that is not.
pub const OTHERS: u32 = 1;
/// A model of Alice's.
pub const MODEL: ModelId = 7;

pub fn account(n: u8) -> AccountId32 {
	AccountId32::new([n; 32])
}

pub fn signed(n: u8) -> RuntimeOrigin {
	RuntimeOrigin::signed(account(n))
}

/// Mints an item of [`WORKS`].
pub fn mint(item: u32, to: u8) {
	assert_ok!(Nfts::force_mint(RuntimeOrigin::root(), WORKS, item, account(to), Default::default()));
}

pub fn owner(item: u32) -> Option<AccountId32> {
	Nfts::owner(WORKS, item)
}

/// Number of the sale that was opened last.
pub fn last_sale() -> SaleId {
	NextSaleId::<Test>::get() - 1
}

/// Lists an item without an end, and gives the listing's number.
pub fn list(item: u32, seller: u8, price: u128) -> SaleId {
	assert_ok!(Market::list(signed(seller), WORKS, item, price, None));
	last_sale()
}

/// Opens an auction with steps of 5 % over 100 blocks, and gives its number.
pub fn auction(item: u32, seller: u8, reserve: u128) -> SaleId {
	assert_ok!(Market::start_auction(signed(seller), WORKS, item, reserve, 50, 100));
	last_sale()
}

/// Offers money for an item for 100 blocks.
pub fn offer(item: u32, bidder: u8, amount: u128) {
	let expires = System::block_number() + 100;
	assert_ok!(Market::make_offer(signed(bidder), WORKS, item, amount, expires));
}

pub fn run_to(block: u64) {
	System::set_block_number(block);
}

/// Genesis with items 0 to 5 of [`WORKS`], which are Alice's, one of [`OTHERS`], and Alice's model; block 1.
pub fn new_test_ext() -> sp_io::TestExternalities {
	let accounts = (ALICE..=5).chain([CREATOR, COMMUNITY, COMMUNITY_TREASURY, TREASURY]);
	let config = RuntimeGenesisConfig {
		balances: pallet_balances::GenesisConfig {
			balances: accounts.map(|n| (account(n), FUNDS)).collect(),
			..Default::default()
		},
		..Default::default()
	};
	let mut ext = sp_io::TestExternalities::new(config.build_storage().unwrap());
	ext.execute_with(|| {
		TestFee::set(FEE);
		ItemRoyalties::set(BTreeMap::new());
		ModelOwners::set(BTreeMap::from([(MODEL, account(ALICE))]));
		LicenceShares::set(ROYALTIES.to_vec());
		System::set_block_number(1);
		for _ in [WORKS, OTHERS] {
			let config = CollectionConfig {
				settings: CollectionSettings::from_disabled(CollectionSetting::DepositRequired.into()),
				max_supply: None,
				mint_settings: MintSettings::default(),
			};
			assert_ok!(Nfts::force_create(RuntimeOrigin::root(), account(TEAM), config));
		}
		(0..6).for_each(|item| mint(item, ALICE));
		assert_ok!(Nfts::force_mint(RuntimeOrigin::root(), OTHERS, 0, account(ALICE), Default::default()));
		System::reset_events();
	});
	ext
}

/// Runs a test. After it [`check`] holds, and no money was made or lost.
pub fn build_and_execute(test: impl FnOnce()) {
	new_test_ext().execute_with(|| {
		let issuance = Balances::total_issuance();
		test();
		check().unwrap();
		assert_eq!(Balances::total_issuance(), issuance);
	});
}

/// `try_state` holds, and nothing is on hold that the pallet does not know of.
pub fn check() -> Result<(), sp_runtime::TryRuntimeError> {
	Market::do_try_state()?;
	let held: u128 = pallet_balances::Holds::<Test>::iter_values().flatten().map(|hold| hold.amount).sum();
	let listings: u128 = Listings::<Test>::iter_values().map(|listing| listing.deposit).sum();
	let auctions: u128 =
		Auctions::<Test>::iter_values().map(|auction| auction.deposit + auction.top.map_or(0, |top| top.amount)).sum();
	let offers: u128 = Offers::<Test>::iter_values().map(|offer| offer.amount + offer.deposit).sum();
	let terms: u128 = Terms::<Test>::iter_values().map(|stored| stored.deposit).sum();
	let licences: u128 = Licences::<Test>::iter_values().map(|licence| licence.deposit).sum();
	frame_support::ensure!(held == listings + auctions + offers + terms + licences, "money is on hold for nothing");
	// What lies in a pot was divided to the planck. The first one had money from genesis.
	for ((community, pot), divided) in Divided::get() {
		let start = if (community, pot) == (0, Pot::Shares) { FUNDS } else { 0 };
		let lies = Balances::free_balance(MockRevenue::pot(community, pot));
		frame_support::ensure!(lies == start + divided, "a pot has other money than what was divided");
	}
	frame_support::ensure!(
		Balances::free_balance(account(COMMUNITY)) == FUNDS + divided_among(0, Pot::Shares),
		"a pot was paid and not told"
	);
	Ok(())
}

/// Events of this pallet so far, oldest first.
pub fn events() -> Vec<Event<Test>> {
	let of_pallet = |record: frame_system::EventRecord<RuntimeEvent, _>| match record.event {
		RuntimeEvent::Market(event) => Some(event),
		_ => None,
	};
	System::events().into_iter().filter_map(of_pallet).collect()
}

pub fn last_event() -> Event<Test> {
	events().pop().unwrap()
}

/// How a price is divided with the fee and the royalties that a test finds.
pub fn divided(price: u128) -> Split<AccountId32, u128> {
	let part = |parts: u128| price * parts / 1_000_000;
	let (creator, community, fee) = (part(100_000), part(50_000), part(25_000));
	Split {
		royalties: vec![(payee(CREATOR), creator), (payee(COMMUNITY), community)],
		fee,
		proceeds: price - creator - community - fee,
	}
}

/// How the price of a licence is divided with the fee and the shares that a test finds: the fee first.
pub fn divided_licence(price: u128) -> Split<AccountId32, u128> {
	let fee = price * 25_000 / 1_000_000;
	let part = |parts: u128| (price - fee) * parts / 1_000_000;
	let (creator, community) = (part(100_000), part(50_000));
	Split {
		royalties: vec![(payee(CREATOR), creator), (payee(COMMUNITY), community)],
		fee,
		proceeds: price - creator - community - fee,
	}
}
