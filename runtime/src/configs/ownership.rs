//! What is owned together: pallet-models and pallet-characters over pallet-nfts, pallet-assets, pallet-bonds and
//! pallet-inference.

use alloc::format;
use autonomy_primitives::{
	community::{CommunityId, Pot},
	job::{JobInput, SeedPolicy},
	CharacterId, ModelId,
};
use frame_support::{
	parameter_types,
	traits::{ConstU32, EitherOf},
	weights::Weight,
	PalletId,
};
use frame_system::{EnsureRoot, RawOrigin};
use pallet_characters::Submitted;
use pallet_dso::{EnsureCommunity, XModels, XTemplate};
use pallet_inference::{Order, Purpose, WeightInfo};
use sp_core::ConstU128;
use sp_runtime::{DispatchError, DispatchResult, Permill};

use super::{
	governance::{HolderDecides, SpeaksForModel},
	parameters::{dynamic, ShareWithin, Within},
	rules::{GAIN, GRANT, MAX_CREATION_BURN},
	system::deposit,
	works::TreasuryAccount,
};
use crate::{
	AccountId, Assets, Balance, Balances, BlockNumber, Bonds, Inference, Models, Runtime, RuntimeHoldReason, DAYS,
};

/// The first asset that is somebody's shares: nobody can create it, or one after it, but the pallets.
pub const FIRST_SHARES: u32 = FIRST_CHARACTER_SHARES;
/// The shares of character *n* are the asset of this number and *n*.
const FIRST_CHARACTER_SHARES: u32 = 1 << 30;
/// The shares of model *n* are the asset of this number and *n*.
const FIRST_MODEL_SHARES: u32 = 1 << 31;
/// Decimals of shares.
const SHARE_DECIMALS: u8 = 6;
/// A million shares.
const MILLION_SHARES: u128 = 1_000_000 * 10u128.pow(SHARE_DECIMALS as u32);

parameter_types! {
	pub const ModelsPalletId: PalletId = PalletId(*b"aut/modl");
	pub const ModelDepositBase: Balance = deposit(5, 0);
	pub const ModelDepositPerByte: Balance = deposit(0, 1);
	pub const MaxClassWeight: Permill = Permill::one();
	pub const VestingPeriod: BlockNumber = 90 * DAYS;
	pub const DisputePeriod: BlockNumber = 14 * DAYS;
	pub const ProposalLifetime: BlockNumber = 28 * DAYS;
	pub const FirstModelShares: u32 = FIRST_MODEL_SHARES;
}

impl pallet_models::Config for Runtime {
	type AdminOrigin = EitherOf<EnsureRoot<AccountId>, XModels>;
	type Communities = Bonds;
	type Currency = Balances;
	type DepositBase = ModelDepositBase;
	type DepositPerByte = ModelDepositPerByte;
	type DisputePeriod = DisputePeriod;
	type Evaluations = Inference;
	type Items = pallet_models::NftItems<Runtime>;
	/// An hour of blocks for one job.
	type MaxBudget = ConstU32<{ crate::HOURS }>;
	type MaxClassWeight = MaxClassWeight;
	type MaxGrant = ShareWithin<dynamic::models::MaxGrant, { GRANT.0 }, { GRANT.1 }>;
	type MinGain = ShareWithin<dynamic::models::MinGain, { GAIN.0 }, { GAIN.1 }>;
	type ModelOrigin = SpeaksForModel;
	type PalletId = ModelsPalletId;
	type ProposalLifetime = ProposalLifetime;
	type RuntimeHoldReason = RuntimeHoldReason;
	type ShareCap = ConstU128<MILLION_SHARES>;
	type Shares = NamedShares;
	type VestingPeriod = VestingPeriod;
	type WeightInfo = pallet_models::weights::SubstrateWeight<Runtime>;
}

/// Shares as assets with a name, a symbol and decimals that wallets show.
pub struct NamedShares;

type ModelAssets = pallet_models::AssetShares<Runtime, Assets, FirstModelShares>;
type CharacterAssets = pallet_characters::AssetShares<Assets, FirstCharacterShares>;

impl NamedShares {
	fn name(asset: u32, kind: &str, symbol: char, number: u32) -> DispatchResult {
		let (name, symbol) = (format!("Autonomy {kind} {number}"), format!("{symbol}{number}"));
		let origin = RawOrigin::Root.into();
		Assets::force_set_metadata(origin, asset.into(), name.into(), symbol.into(), SHARE_DECIMALS, false)
	}
}

impl pallet_models::ModelShares<AccountId> for NamedShares {
	type AssetId = u32;

	fn create(model: ModelId) -> Result<u32, DispatchError> {
		let asset = <ModelAssets as pallet_models::ModelShares<AccountId>>::create(model)?;
		Self::name(asset, "model", 'M', model)?;
		Ok(asset)
	}

	fn mint(asset: &u32, to: &AccountId, amount: u128) -> DispatchResult {
		<ModelAssets as pallet_models::ModelShares<AccountId>>::mint(asset, to, amount)
	}

	fn supply(asset: &u32) -> u128 {
		<ModelAssets as pallet_models::ModelShares<AccountId>>::supply(asset)
	}
}

impl pallet_characters::ShareAssets<AccountId, Balance> for NamedShares {
	type AssetId = u32;

	fn create(character: CharacterId, admin: &AccountId) -> Result<u32, DispatchError> {
		let asset = <CharacterAssets as pallet_characters::ShareAssets<_, _>>::create(character, admin)?;
		Self::name(asset, "character", 'C', character)?;
		Ok(asset)
	}

	fn mint(shares: &u32, to: &AccountId, amount: Balance) -> DispatchResult {
		<CharacterAssets as pallet_characters::ShareAssets<_, _>>::mint(shares, to, amount)
	}

	fn issued(shares: &u32) -> Balance {
		<CharacterAssets as pallet_characters::ShareAssets<AccountId, _>>::issued(shares)
	}
}

parameter_types! {
	pub const CharactersPalletId: PalletId = PalletId(*b"aut/char");
	pub const FirstCharacterShares: u32 = FIRST_CHARACTER_SHARES;
	pub const CharacterDepositBase: Balance = deposit(4, 0);
	pub const CharacterDepositPerByte: Balance = deposit(0, 1);
}

impl pallet_characters::Config for Runtime {
	type Bonding = BondedAuton;
	type Communities = Bonds;
	type CommunityOrigin = EnsureCommunity;
	type CreationBurn = Within<dynamic::characters::CreationBurn, 0, MAX_CREATION_BURN>;
	type Currency = Balances;
	type DepositBase = CharacterDepositBase;
	type DepositPerByte = CharacterDepositPerByte;
	type Items = pallet_characters::NftItems<Runtime>;
	type Jobs = CharacterJobs;
	type MaxChildren = ConstU32<16>;
	type Models = Models;
	type OwnerMayGovern = HolderDecides;
	type PalletId = CharactersPalletId;
	type Platform = TreasuryAccount;
	type Power = Bonds;
	type Revenue = Bonds;
	type RuntimeHoldReason = RuntimeHoldReason;
	type Shares = NamedShares;
	type TemplateOrigin = EitherOf<EnsureRoot<AccountId>, XTemplate>;
	type WeightInfo = pallet_characters::weights::SubstrateWeight<Runtime>;
}

/// What fans have bonded.
pub struct BondedAuton;

impl pallet_characters::Bonding<AccountId, Balance> for BondedAuton {
	fn bonded(community: CommunityId, who: &AccountId) -> Balance {
		pallet_bonds::Bonds::<Runtime>::get((community, Pot::Auton, who)).map_or(0, |bond| bond.amounts.sum())
	}
}

/// Jobs of characters, with the committee and the tier of their kind of output.
pub struct CharacterJobs;

impl pallet_characters::TalkJobs<AccountId, Balance> for CharacterJobs {
	fn submit(
		requester: &AccountId,
		model: ModelId,
		input: JobInput,
		character: CharacterId,
		max_fee: Balance,
	) -> Result<Submitted<Balance>, DispatchError> {
		let order = Order {
			model,
			input,
			k: None,
			tier: None,
			seed_policy: SeedPolicy::Chain,
			max_fee,
			purpose: Purpose::Character(character),
		};
		let job = Inference::submit(requester.clone(), order)?;
		let fee = pallet_inference::Jobs::<Runtime>::get(job).map(|job| job.escrow()).unwrap_or_default();
		Ok(Submitted { job, fee })
	}

	fn weight() -> Weight {
		<Runtime as pallet_inference::Config>::WeightInfo::submit_job()
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_model(kind: autonomy_primitives::job::Modality) -> ModelId {
		use autonomy_primitives::model::ModelRegistry;
		let model = <Models as ModelRegistry<AccountId, Balance>>::benchmark_model();
		pallet_models::Models::<Runtime>::mutate(model, |info| {
			if let Some(info) = info {
				(info.modality, info.limits.max_tokens) = (kind, u16::MAX);
			}
		});
		// As many as any committee needs.
		pallet_inference::OperatorCount::<Runtime>::insert(model, 15);
		model
	}
}
