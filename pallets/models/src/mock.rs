//! A chain of system, balances, nfts, assets, bonds and this pallet. Evaluation jobs end when a test says so.

use autonomy_primitives::{
	digest::{cid, Cid},
	evaluation::{Evaluated, EvaluatedWeights, EvaluationResults, Evaluations},
	job::{ImageInput, JobInput, Modality, TextInput},
	model::ModelLimits,
	JobId, ModelId,
};
use frame_support::{
	assert_ok, derive_impl, parameter_types,
	traits::{
		AsEnsureOriginWithArg, ConstU128, ConstU32, ConstU64, EnsureOrigin, EnsureOriginWithArg, Nothing, OriginTrait,
	},
	PalletId,
};
use frame_system::{EnsureRoot, EnsureSigned};
use pallet_nfts::PalletFeatures;
use sp_runtime::{
	traits::{IdentifyAccount, IdentityLookup, Verify},
	AccountId32, BuildStorage, DispatchError, MultiSignature, Permill,
};

use crate as pallet_models;
use crate::{
	AssetShares, Candidate, Charter, Contribution, ContributionKind, Event, Holder, ModelDetails, NextProposalId,
	NftItems, ProposalId,
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
	pub type Models = pallet_models;
	#[runtime::pallet_index(4)]
	pub type Assets = pallet_assets;
	#[runtime::pallet_index(5)]
	pub type AssetsFreezer = pallet_assets_freezer;
	#[runtime::pallet_index(6)]
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

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
	type AccountStore = System;
	type ExistentialDeposit = ConstU64<10>;
	type FreezeIdentifier = RuntimeFreezeReason;
	type MaxFreezes = ConstU32<1>;
}

#[derive_impl(pallet_assets::config_preludes::TestDefaultConfig)]
impl pallet_assets::Config for Test {
	type Balance = u64;
	type Currency = Balances;
	type CreateOrigin = BelowShares;
	type ForceOrigin = EnsureRoot<Self::AccountId>;
	type Freezer = AssetsFreezer;
}

/// Any account, for assets that cannot be taken for somebody's shares.
pub struct BelowShares;
impl EnsureOriginWithArg<RuntimeOrigin, u32> for BelowShares {
	type Success = AccountId32;

	fn try_origin(origin: RuntimeOrigin, asset: &u32) -> Result<AccountId32, RuntimeOrigin> {
		if *asset >= FirstShares::get() {
			return Err(origin);
		}
		<EnsureSigned<AccountId32> as EnsureOrigin<_>>::try_origin(origin)
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn try_successful_origin(_: &u32) -> Result<RuntimeOrigin, ()> {
		<EnsureSigned<AccountId32> as EnsureOrigin<RuntimeOrigin>>::try_successful_origin()
	}
}

impl pallet_assets_freezer::Config for Test {
	type RuntimeEvent = RuntimeEvent;
	type RuntimeFreezeReason = RuntimeFreezeReason;
}

impl pallet_bonds::Config for Test {
	type Currency = Balances;
	type Shares = AssetsFreezer;
	type RuntimeFreezeReason = RuntimeFreezeReason;
	type Unvested = ();
	type Excluded = Nothing;
	type PalletId = BondsPalletId;
	type BlocksPerDay = ConstU64<10>;
	type MinBond = ConstU64<100>;
	type MaxBonds = ConstU32<4>;
	type MaxChunks = ConstU32<3>;
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = NoHelper;
	type WeightInfo = ();
}

/// The benchmarks of pallet-bonds do not run here.
#[cfg(feature = "runtime-benchmarks")]
pub struct NoHelper;
#[cfg(feature = "runtime-benchmarks")]
impl pallet_bonds::BenchmarkHelper<AccountId32, u32, u64> for NoHelper {
	fn create_shares(_: &AccountId32, _: u64) -> u32 {
		unreachable!("not benchmarked here")
	}
}

parameter_types! {
	pub Features: PalletFeatures = PalletFeatures::all_enabled();
	pub const ModelsPalletId: PalletId = PalletId(*b"auton/md");
	pub const BondsPalletId: PalletId = PalletId(*b"aut/bond");
	pub const MaxGrant: Permill = Permill::from_percent(20);
	pub const MaxClassWeight: Permill = Permill::from_percent(60);
	pub const MinGain: Permill = Permill::from_parts(1_000);
	/// Evaluation jobs that were ordered, oldest first.
	pub static Orders: Vec<Order> = Vec::new();
	/// The first asset that is a model's shares.
	pub const FirstShares: u32 = 1_000;
	/// Whether no evaluation can be ordered.
	pub static Refused: bool = false;
}

impl pallet_nfts::Config for Test {
	type RuntimeEvent = RuntimeEvent;
	type CollectionId = u32;
	type ItemId = u32;
	type Currency = Balances;
	type CreateOrigin = AsEnsureOriginWithArg<frame_system::EnsureSigned<Self::AccountId>>;
	type ForceOrigin = frame_system::EnsureRoot<Self::AccountId>;
	type Locker = ();
	type CollectionDeposit = ConstU64<200>;
	type ItemDeposit = ConstU64<100>;
	type MetadataDepositBase = ConstU64<100>;
	type AttributeDepositBase = ConstU64<100>;
	type DepositPerByte = ConstU64<1>;
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

impl pallet_models::Config for Test {
	type Currency = Balances;
	type RuntimeHoldReason = RuntimeHoldReason;
	type Items = NftItems<Test>;
	type PalletId = ModelsPalletId;
	type DepositBase = ConstU64<1_000>;
	type DepositPerByte = ConstU64<2>;
	type MaxBudget = ConstU32<100>;
	type ModelOrigin = HolderOrCommunity;
	type AdminOrigin = EnsureRoot<Self::AccountId>;
	type Communities = Bonds;
	type Shares = AssetShares<Test, Assets, FirstShares>;
	type Evaluations = MockEvaluations;
	type ShareCap = ConstU128<CAP>;
	type MaxGrant = MaxGrant;
	type MaxClassWeight = MaxClassWeight;
	type MinGain = MinGain;
	type VestingPeriod = ConstU64<VESTING>;
	type DisputePeriod = ConstU64<DISPUTE>;
	type ProposalLifetime = ConstU64<LIFETIME>;
	type WeightInfo = ();
}

/// Most shares of a model.
pub const CAP: u128 = 1_000_000_000;
/// Blocks over which shares vest.
pub const VESTING: u64 = 90;
/// Blocks after which a dispute lapses.
pub const DISPUTE: u64 = 30;
/// Blocks for which a proposal can be accepted.
pub const LIFETIME: u64 = 50;
/// An account that speaks for the community of every model.
pub const COMMUNITY: u8 = 70;

/// The holder of the NFT, or the account [`COMMUNITY`].
pub struct HolderOrCommunity;
impl EnsureOriginWithArg<RuntimeOrigin, ModelId> for HolderOrCommunity {
	type Success = ();

	fn try_origin(origin: RuntimeOrigin, model: &ModelId) -> Result<(), RuntimeOrigin> {
		let is_community = origin.as_signer() == Some(&account(COMMUNITY));
		if is_community {
			Ok(())
		} else {
			Holder::<Test>::try_origin(origin, model)
		}
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn try_successful_origin(_: &ModelId) -> Result<RuntimeOrigin, ()> {
		Ok(RuntimeOrigin::signed(account(COMMUNITY)))
	}
}

/// An evaluation job as it was ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
	pub payer: AccountId32,
	pub model: ModelId,
	pub base: EvaluatedWeights,
	pub candidate: EvaluatedWeights,
	pub evaluation_set: Cid,
}

/// Numbers jobs in order and keeps them in [`Orders`].
pub struct MockEvaluations;
impl Evaluations<AccountId32> for MockEvaluations {
	type Error = DispatchError;

	fn order(
		payer: &AccountId32,
		model: ModelId,
		base: &EvaluatedWeights,
		candidate: &EvaluatedWeights,
		evaluation_set: &Cid,
	) -> Result<JobId, DispatchError> {
		if Refused::get() {
			return Err(DispatchError::Unavailable);
		}
		let order = Order {
			payer: payer.clone(),
			model,
			base: base.clone(),
			candidate: candidate.clone(),
			evaluation_set: *evaluation_set,
		};
		Ok(Orders::mutate(|orders| {
			orders.push(order);
			orders.len() as JobId - 1
		}))
	}
}

/// Balance that every funded account starts with.
pub const FUNDS: u64 = 1_000_000;

pub fn account(n: u8) -> AccountId32 {
	AccountId32::new([n; 32])
}

pub fn image_input() -> JobInput {
	JobInput::Image(ImageInput {
		prompt: b"a red circle".to_vec().try_into().unwrap(),
		negative_prompt: Default::default(),
		width: 64,
		height: 64,
		steps: 20,
		guidance_centi: 250,
	})
}

pub fn text_input() -> JobInput {
	JobInput::Text(TextInput {
		prompt: b"hello".to_vec().try_into().unwrap(),
		max_tokens: 16,
		temperature_centi: 0,
		top_p_permille: 1000,
		top_k: 0,
	})
}

/// An image model whose manifest is the CID of `name`.
pub fn details(name: &str) -> Box<ModelDetails<u64>> {
	Box::new(ModelDetails {
		modality: Modality::Image,
		manifest: cid(name.as_bytes()),
		weights_root: [1; 32],
		engine: [2; 32],
		limits: ModelLimits { max_prompt_bytes: 64, max_steps: 50, max_pixels: 128 * 128, max_tokens: 0 },
		price_per_unit: 7,
		budget: 5,
		golden_input: Box::new(image_input()),
		golden_seed: [3; 32],
		golden_result: [4; 32],
		licence: b"Apache-2.0".to_vec().try_into().unwrap(),
	})
}

pub fn signed(n: u8) -> RuntimeOrigin {
	RuntimeOrigin::signed(account(n))
}

/// Weights whose manifest is the CID of `name`.
pub fn candidate(name: &str) -> Candidate {
	let weights_root = sp_io::hashing::blake2_256(name.as_bytes());
	Candidate { manifest: cid(name.as_bytes()), weights_root, golden_result: [9; 32] }
}

/// A contribution of new weights.
pub fn training(beneficiary: u8) -> Box<Contribution<AccountId32>> {
	Box::new(Contribution { kind: ContributionKind::Training, beneficiary: account(beneficiary) })
}

/// A contribution of the data set `name`.
pub fn data(name: &str, beneficiary: u8) -> Box<Contribution<AccountId32>> {
	let licence = b"CC-BY-4.0".to_vec().try_into().unwrap();
	let kind = ContributionKind::Data { dataset: cid(name.as_bytes()), size: 1_000, licence };
	Box::new(Contribution { kind, beneficiary: account(beneficiary) })
}

/// The default charter with an evaluation set, which accepts at a gain.
pub fn charter(accept_at_gain: Option<u32>) -> Charter {
	Charter {
		accept_at_gain: accept_at_gain.map(Permill::from_parts),
		evaluation_set: Some(cid(b"held-out")),
		..Charter::default()
	}
}

/// Registers a model of account 1 whose charter names an evaluation set, and gives its number.
pub fn registered(name: &str) -> ModelId {
	assert_ok!(Models::register(signed(1), details(name)));
	let model = crate::NextModelId::<Test>::get() - 1;
	assert_ok!(Models::set_charter(signed(1), model, charter(None)));
	model
}

/// Account 2 proposes new weights for the benefit of account 3.
pub fn proposed(model: ModelId, name: &str) -> ProposalId {
	assert_ok!(Models::propose_version(signed(2), model, candidate(name), training(3)));
	NextProposalId::<Test>::get() - 1
}

/// Account 4 has a proposal evaluated. Gives the job.
pub fn ordered(proposal: ProposalId) -> JobId {
	assert_ok!(Models::evaluate(signed(4), proposal));
	Orders::get().len() as JobId - 1
}

/// A job ends with a loss of 1,000 thousand for the base and `candidate` for the candidate.
pub fn measure(job: JobId, candidate: u64) {
	Models::on_evaluated(job, Evaluated::Measured { base: 1_000_000, candidate });
}

/// A version of weights `name` with this gain in parts per million, accepted by the owner. Gives its number.
pub fn accepted(model: ModelId, name: &str, gain: u32) -> u32 {
	let proposal = proposed(model, name);
	measure(ordered(proposal), 1_000_000 - u64::from(gain));
	assert_ok!(Models::accept_version(signed(1), proposal));
	crate::ModelStates::<Test>::get(model).version
}

pub fn run_to(block: u64) {
	System::set_block_number(block);
}

pub fn last_event() -> Event<Test> {
	events().pop().unwrap()
}

/// Shares of a model that an account has.
pub fn shares(model: ModelId, who: u8) -> u64 {
	let asset = crate::ModelStates::<Test>::get(model).shares;
	asset.map_or(0, |asset| Assets::balance(asset, account(who)))
}

pub fn new_test_ext() -> sp_io::TestExternalities {
	let config = RuntimeGenesisConfig {
		balances: pallet_balances::GenesisConfig {
			balances: (1..=5).map(|n| (account(n), FUNDS)).collect(),
			..Default::default()
		},
		..Default::default()
	};
	let mut ext = sp_io::TestExternalities::new(config.build_storage().unwrap());
	ext.execute_with(|| {
		Orders::set(Vec::new());
		Refused::set(false);
		System::set_block_number(1);
	});
	ext
}

/// Runs a test, and `try_state` after it.
pub fn build_and_execute(test: impl FnOnce()) {
	new_test_ext().execute_with(|| {
		test();
		Models::do_try_state().unwrap();
	});
}

/// Events of this pallet so far, oldest first.
pub fn events() -> Vec<Event<Test>> {
	let of_pallet = |record: frame_system::EventRecord<RuntimeEvent, _>| match record.event {
		RuntimeEvent::Models(event) => Some(event),
		_ => None,
	};
	System::events().into_iter().filter_map(of_pallet).collect()
}
