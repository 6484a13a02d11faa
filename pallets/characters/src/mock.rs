//! A chain of system, balances, nfts, assets with their freezer, bonds and this pallet. Models and jobs are what a test says.

use autonomy_primitives::{
	character::Characters as CharacterJobs,
	community::{CommunityId, Pot},
	digest::{cid, Cid},
	job::{JobInput, Modality},
	model::{ModelLimits, ModelRegistry, ModelTerms},
	CharacterId, Digest, JobId, ModelId,
};
use frame_support::{
	assert_ok, derive_impl, parameter_types,
	traits::{AsEnsureOriginWithArg, ConstU128, ConstU32, ConstU64, Contains, EnsureOrigin, Nothing},
	PalletId,
};
use frame_system::{EnsureRoot, EnsureSigned};
use pallet_nfts::PalletFeatures;
use sp_runtime::{
	traits::{IdentifyAccount, IdentityLookup, Verify},
	AccountId32, BuildStorage, DispatchError, MultiSignature, Permill,
};

use crate as pallet_characters;
use crate::{
	AssetShares, Bonding, Bounds, CharacterDetails, Customisation, Division, Event, FanTier, Interaction,
	InteractionBounds, Name, NftItems, PriceRule, RevenueSplit, RoundBounds, RoundTerms, SplitBounds, Submitted,
	TalkJobs, Template, TierBounds,
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
	pub type Assets = pallet_assets;
	#[runtime::pallet_index(4)]
	pub type AssetsFreezer = pallet_assets_freezer;
	#[runtime::pallet_index(5)]
	pub type Bonds = pallet_bonds;
	#[runtime::pallet_index(6)]
	pub type Characters = pallet_characters;
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
	type FreezeIdentifier = RuntimeFreezeReason;
	type MaxFreezes = ConstU32<1>;
}

#[derive_impl(pallet_assets::config_preludes::TestDefaultConfig)]
impl pallet_assets::Config for Test {
	type Balance = u128;
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
	pub Features: PalletFeatures = PalletFeatures::all_enabled();
	pub const BondsPalletId: PalletId = PalletId(*b"aut/bond");
	pub const CharactersPalletId: PalletId = PalletId(*b"aut/char");
	pub PlatformAccount: AccountId32 = account(PLATFORM);
	/// Whether the holder of an NFT governs.
	pub static OwnerGoverns: bool = true;
	/// The community that [`DSO`] decides for.
	pub static Deciding: Option<CommunityId> = None;
	/// What a job costs.
	pub static JobFee: u128 = 1_000;
	/// The job that was submitted last, from 1.
	pub static LastJob: JobId = 0;
	/// Its input.
	pub static LastInput: Option<JobInput> = None;
}

impl pallet_nfts::Config for Test {
	type RuntimeEvent = RuntimeEvent;
	type CollectionId = u32;
	type ItemId = u32;
	type Currency = Balances;
	type CreateOrigin = AsEnsureOriginWithArg<EnsureSigned<Self::AccountId>>;
	type ForceOrigin = EnsureRoot<Self::AccountId>;
	type Locker = ();
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

/// Blocks of a day.
pub const DAY: u64 = 10;

impl pallet_bonds::Config for Test {
	type Currency = Balances;
	type Shares = AssetsFreezer;
	type RuntimeFreezeReason = RuntimeFreezeReason;
	type Unvested = ();
	type Excluded = Nothing;
	type PalletId = BondsPalletId;
	type BlocksPerDay = ConstU64<DAY>;
	type MinBond = ConstU128<100>;
	type MaxBonds = ConstU32<16>;
	type MaxChunks = ConstU32<16>;
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = NoHelper;
	type WeightInfo = ();
}

/// Bonds are not benchmarked here.
#[cfg(feature = "runtime-benchmarks")]
pub struct NoHelper;
#[cfg(feature = "runtime-benchmarks")]
impl pallet_bonds::BenchmarkHelper<AccountId32, u32, u128> for NoHelper {
	fn create_shares(_: &AccountId32, _: u128) -> u32 {
		u32::MAX
	}
}

/// What is bonded in pallet-bonds.
pub struct MockBonding;
impl Bonding<AccountId32, u128> for MockBonding {
	fn bonded(community: CommunityId, who: &AccountId32) -> u128 {
		pallet_bonds::Bonds::<Test>::get((community, Pot::Auton, who)).map_or(0, |bond| bond.amounts.sum())
	}
}

/// An image model that takes jobs.
pub const IMAGE: ModelId = 1;
/// A language model that takes jobs.
pub const TEXT: ModelId = 2;
/// A language model that takes none.
pub const CLOSED: ModelId = 3;

/// [`IMAGE`], [`TEXT`] and [`CLOSED`].
pub struct MockModels;
impl ModelRegistry<AccountId32, u128> for MockModels {
	fn terms(model: ModelId) -> Option<ModelTerms<AccountId32, u128>> {
		let modality = match model {
			IMAGE => Modality::Image,
			TEXT | CLOSED => Modality::Text,
			_ => return None,
		};
		Some(ModelTerms {
			owner: None,
			modality,
			weights_root: [0; 32],
			engine: [0; 32],
			limits: ModelLimits::default(),
			price_per_unit: 1,
			budget: 1,
			active: model != CLOSED,
		})
	}

	fn golden_result(_: ModelId) -> Option<Digest> {
		None
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_model() -> ModelId {
		IMAGE
	}
}

/// Jobs that cost [`JobFee`], which nobody takes.
pub struct MockJobs;
impl TalkJobs<AccountId32, u128> for MockJobs {
	fn submit(
		_: &AccountId32,
		model: ModelId,
		input: JobInput,
		_: CharacterId,
		max_fee: u128,
	) -> Result<Submitted<u128>, DispatchError> {
		frame_support::ensure!(model == TEXT || model == IMAGE, "no such model");
		let fee = JobFee::get();
		frame_support::ensure!(fee <= max_fee, "the fee is above the limit");
		LastJob::mutate(|job| *job += 1);
		LastInput::set(Some(input));
		Ok(Submitted { job: LastJob::get(), fee })
	}

	fn weight() -> frame_support::weights::Weight {
		Default::default()
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_model(kind: Modality) -> ModelId {
		if kind == Modality::Text {
			TEXT
		} else {
			IMAGE
		}
	}
}

/// [`DSO`] decides for the community that [`Deciding`] says.
pub struct EnsureCommunity;
impl EnsureOrigin<RuntimeOrigin> for EnsureCommunity {
	type Success = CommunityId;

	fn try_origin(origin: RuntimeOrigin) -> Result<CommunityId, RuntimeOrigin> {
		match (frame_system::ensure_signed(origin.clone()), Deciding::get()) {
			(Ok(who), Some(community)) if who == account(DSO) => Ok(community),
			_ => Err(origin),
		}
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn try_successful_origin() -> Result<RuntimeOrigin, ()> {
		Err(())
	}
}

/// What [`OwnerGoverns`] says.
pub struct MockOwners;
impl Contains<CommunityId> for MockOwners {
	fn contains(_: &CommunityId) -> bool {
		OwnerGoverns::get()
	}
}

/// What a creation burns.
pub const BURN: u128 = 500;
pub const DEPOSIT_BASE: u128 = 50;
/// The asset that is the shares of character 0.
pub const FIRST_SHARES: u32 = 1_000;

impl pallet_characters::Config for Test {
	type Currency = Balances;
	type RuntimeHoldReason = RuntimeHoldReason;
	type Items = NftItems<Test>;
	type Shares = AssetShares<Assets, ConstU32<FIRST_SHARES>>;
	type Communities = Bonds;
	type Power = Bonds;
	type Revenue = Bonds;
	type Bonding = MockBonding;
	type Models = MockModels;
	type Jobs = MockJobs;
	type TemplateOrigin = EnsureRoot<AccountId32>;
	type CommunityOrigin = EnsureCommunity;
	type OwnerMayGovern = MockOwners;
	type Platform = PlatformAccount;
	type PalletId = CharactersPalletId;
	type CreationBurn = ConstU128<BURN>;
	type DepositBase = ConstU128<DEPOSIT_BASE>;
	type DepositPerByte = ConstU128<1>;
	type MaxChildren = ConstU32<2>;
	type WeightInfo = ();
}

/// Balance that every funded account starts with.
pub const FUNDS: u128 = 1_000_000_000;
/// The owner of most characters.
pub const ALICE: u8 = 1;
/// A fan and investor.
pub const BOB: u8 = 2;
/// Another one.
pub const CAROL: u8 = 3;
/// Someone who watches.
pub const DAVE: u8 = 4;
pub const PLATFORM: u8 = 90;
/// The account that decides for a community.
pub const DSO: u8 = 99;

pub fn account(n: u8) -> AccountId32 {
	AccountId32::new([n; 32])
}

pub fn signed(n: u8) -> RuntimeOrigin {
	RuntimeOrigin::signed(account(n))
}

pub fn name(text: &str) -> Name {
	text.as_bytes().to_vec().try_into().unwrap()
}

pub fn ppm(parts: u32) -> Permill {
	Permill::from_parts(parts)
}

/// Owner, investors, treasury, fans and platform, in parts per million.
pub fn split(parts: [u32; 5]) -> RevenueSplit {
	let [owner, investors, treasury, fans, platform] = parts.map(ppm);
	Division { owner, investors, treasury, fans, platform }
}

pub fn bounds<V>(min: V, default: V, max: V) -> Bounds<V> {
	Bounds { min, default, max }
}

fn shares(min: u32, default: u32, max: u32) -> Bounds<Permill> {
	bounds(ppm(min), ppm(default), ppm(max))
}

fn tier_bounds(text: &str, bonded: [u128; 3], spent: [u128; 3]) -> TierBounds<u128> {
	let of = |[min, default, max]: [u128; 3]| bounds(min, default, max);
	TierBounds { name: name(text), bonded: of(bonded), spent: of(spent) }
}

pub fn tier(text: &str, bonded: u128, spent: u128) -> FanTier<u128> {
	FanTier { name: name(text), bonded, spent }
}

/// The template of the mock.
pub fn template() -> Template<u128, u64> {
	let tiers = vec![
		tier_bounds("Friend", [0, 0, 1_000], [0, 0, 1_000]),
		tier_bounds("Patron", [100, 1_000, 10_000], [0, 0, 5_000]),
		tier_bounds("Muse", [1_000, 5_000, 50_000], [0, 500, 5_000]),
	];
	Template {
		name: name("Musician"),
		split: SplitBounds {
			owner: shares(200_000, 400_000, 700_000),
			investors: shares(0, 200_000, 500_000),
			treasury: shares(100_000, 200_000, 600_000),
			fans: shares(0, 100_000, 300_000),
			platform: shares(50_000, 100_000, 100_000),
		},
		interaction: InteractionBounds {
			max_message_bytes: bounds(1, 256, 1_024),
			max_reply_tokens: bounds(1, 128, 512),
			temperature_centi: bounds(0, 70, 200),
			price_permille: bounds(1_000, 1_000, 3_000),
		},
		tiers: tiers.try_into().unwrap(),
		advanced_from: bounds(0, 1, 2),
		round: Some(RoundBounds {
			supply: bounds(1, 1_000, 1_000_000),
			price: bounds(1, 100, 10_000),
			slope: bounds(0, 0, 1_000_000_000),
			cap: bounds(1, 400, 1_000_000),
			duration: bounds(1, 100, 1_000),
			promise: shares(0, 100_000, 500_000),
		}),
		dso: vec![bounds(5, 10, 40), bounds(50, 50, 80)].try_into().unwrap(),
	}
}

/// A choice within the bounds of [`template`], other than its defaults.
pub fn chosen() -> Customisation<u128> {
	let tiers = vec![tier("Listener", 0, 0), tier("Patron", 2_000, 0), tier("Muse", 6_000, 1_000)];
	Customisation {
		split: split([300_000, 300_000, 200_000, 150_000, 50_000]),
		interaction: Interaction {
			max_message_bytes: 100,
			max_reply_tokens: 64,
			temperature_centi: 100,
			price_permille: 1_500,
		},
		tiers: tiers.try_into().unwrap(),
		advanced_from: 1,
		dso: vec![20, 60].try_into().unwrap(),
	}
}

/// 1,000 shares from 100 planck, one more for each; 400 for one account, 100 blocks, 10 % promised.
pub fn round_terms() -> RoundTerms<u128, u64> {
	RoundTerms {
		supply: 1_000,
		price: PriceRule::Linear { start: 100, slope: 1_000_000 },
		cap: 400,
		duration: 100,
		promise: ppm(100_000),
	}
}

pub fn persona(text: &str) -> Cid {
	cid(text.as_bytes())
}

/// A character of template 0 with [`chosen`] and a round.
pub fn details() -> Box<CharacterDetails<u128, u64>> {
	Box::new(CharacterDetails {
		template: 0,
		name: name("Ada"),
		persona: persona("Ada"),
		image_model: Some(IMAGE),
		language_model: Some(TEXT),
		customisation: chosen(),
		round: Some(round_terms()),
	})
}

/// Creates a character of an account with a round, and gives its number.
pub fn create(owner: u8) -> CharacterId {
	assert_ok!(Characters::create(signed(owner), details()));
	crate::NextCharacterId::<Test>::get() - 1
}

pub fn community(character: CharacterId) -> CommunityId {
	crate::Characters::<Test>::get(character).unwrap().community
}

/// The account of a character's treasury.
pub fn treasury(character: CharacterId) -> AccountId32 {
	Bonds::treasury_of(community(character))
}

/// Bonds AUTON behind a character.
pub fn bond(who: u8, character: CharacterId, amount: u128) {
	let tier = pallet_bonds::Tier::Days14;
	assert_ok!(Bonds::bond(signed(who), community(character), Pot::Auton, amount, tier));
}

pub fn unbond(who: u8, character: CharacterId, amount: u128) {
	let tier = pallet_bonds::Tier::Days14;
	assert_ok!(Bonds::unbond(signed(who), community(character), Pot::Auton, tier, amount));
}

/// An account pays for a job of a character.
pub fn spend(who: u8, character: CharacterId, amount: u128) {
	Characters::do_record_spend(character, &account(who), amount);
}

/// The job becomes final.
pub fn finalise(job: JobId, character: CharacterId, who: u8) {
	let result = sp_io::hashing::blake2_256(&job.to_le_bytes());
	<Characters as CharacterJobs<AccountId32, u128>>::on_job_final(job, character, &account(who), 0, &result);
}

/// The job fails.
pub fn fail(job: JobId) {
	<Characters as CharacterJobs<AccountId32, u128>>::on_job_failed(job, 0);
}

pub fn run_to(block: u64) {
	System::set_block_number(block);
}

/// Genesis with template 0; block 10, the first of day 1.
pub fn new_test_ext() -> sp_io::TestExternalities {
	let accounts = (ALICE..=5).chain([PLATFORM]);
	let config = RuntimeGenesisConfig {
		balances: pallet_balances::GenesisConfig {
			balances: accounts.map(|n| (account(n), FUNDS)).collect(),
			..Default::default()
		},
		..Default::default()
	};
	let mut ext = sp_io::TestExternalities::new(config.build_storage().unwrap());
	ext.execute_with(|| {
		OwnerGoverns::set(true);
		Deciding::set(None);
		JobFee::set(1_000);
		LastJob::set(0);
		LastInput::set(None);
		System::set_block_number(DAY);
		assert_ok!(Characters::set_template(RuntimeOrigin::root(), None, Box::new(template())));
		System::reset_events();
	});
	ext
}

/// Runs a test. After it [`check`] holds.
pub fn build_and_execute(test: impl FnOnce()) {
	new_test_ext().execute_with(|| {
		test();
		check().unwrap();
	});
}

/// `try_state` holds, nothing is on hold that the pallet does not know of, no AUTON was made or lost but for what creations
/// have burned, and there are as many shares as were sold.
pub fn check() -> Result<(), sp_runtime::TryRuntimeError> {
	Characters::do_try_state()?;
	let burned = BURN * u128::from(crate::NextCharacterId::<Test>::get());
	frame_support::ensure!(Balances::total_issuance() + burned == 6 * FUNDS, "money was made or lost");
	let held: u128 = pallet_balances::Holds::<Test>::iter_values().flatten().map(|hold| hold.amount).sum();
	let characters: u128 = crate::Characters::<Test>::iter_values().map(|info| info.deposit).sum();
	let fans: u128 = crate::Fans::<Test>::iter_values().map(|badge| badge.deposit).sum();
	let collectives: u128 = crate::Collectives::<Test>::iter_values().map(|collective| collective.deposit).sum();
	let talks: u128 = crate::Talks::<Test>::iter_values().map(|talk| talk.surcharge).sum();
	frame_support::ensure!(held == characters + fans + collectives + talks, "money is on hold for nothing");
	for round in crate::Rounds::<Test>::iter_values() {
		frame_support::ensure!(Assets::total_supply(round.shares) == round.sold, "shares were made or lost");
	}
	Ok(())
}

/// Events of this pallet so far, oldest first.
pub fn events() -> Vec<Event<Test>> {
	let of_pallet = |record: frame_system::EventRecord<RuntimeEvent, _>| match record.event {
		RuntimeEvent::Characters(event) => Some(event),
		_ => None,
	};
	System::events().into_iter().filter_map(of_pallet).collect()
}

pub fn last_event() -> Event<Test> {
	events().pop().unwrap()
}
