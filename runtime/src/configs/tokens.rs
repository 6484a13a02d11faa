//! Fungible assets (shares) and NFTs (models and works).

use frame_support::{
	parameter_types,
	traits::{AsEnsureOriginWithArg, ConstU128, ConstU32, EnsureOrigin, EnsureOriginWithArg},
};
use frame_system::{EnsureRoot, EnsureSigned};
use pallet_nfts::{PalletFeature, PalletFeatures};
use sp_runtime::traits::Verify;

use super::{ownership::FIRST_SHARES, system::deposit};
use crate::{
	AccountId, AssetsFreezer, Balance, Balances, BlockNumber, Market, Runtime, RuntimeEvent, RuntimeFreezeReason,
	RuntimeOrigin, Signature, System, AUTON, DAYS, MILLI_AUTON,
};

parameter_types! {
	pub const AssetDeposit: Balance = 10 * AUTON;
	pub const AssetAccountDeposit: Balance = deposit(1, 16);
	pub const AssetMetadataDepositBase: Balance = deposit(1, 68);
	pub const AssetMetadataDepositPerByte: Balance = deposit(0, 1);
}

impl pallet_assets::Config for Runtime {
	type ApprovalDeposit = ConstU128<MILLI_AUTON>;
	type AssetAccountDeposit = AssetAccountDeposit;
	type AssetDeposit = AssetDeposit;
	type AssetId = u32;
	type AssetIdAllocator = ();
	type AssetIdParameter = codec::Compact<u32>;
	type Balance = Balance;
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = ();
	type CallbackHandle = ();
	type CreateOrigin = BelowShares;
	type Currency = Balances;
	type Extra = ();
	type ForceOrigin = EnsureRoot<AccountId>;
	/// Bonded shares cannot be transferred.
	type Freezer = AssetsFreezer;
	type Holder = ();
	type MetadataDepositBase = AssetMetadataDepositBase;
	type MetadataDepositPerByte = AssetMetadataDepositPerByte;
	type RemoveItemsLimit = ConstU32<1000>;
	type ReserveData = ();
	type RuntimeEvent = RuntimeEvent;
	type StringLimit = ConstU32<50>;
	type WeightInfo = pallet_assets::weights::SubstrateWeight<Runtime>;
}

/// Any account, for assets that cannot be taken for somebody's shares: numbers below [`FIRST_SHARES`].
pub struct BelowShares;

impl EnsureOriginWithArg<RuntimeOrigin, u32> for BelowShares {
	type Success = AccountId;

	fn try_origin(origin: RuntimeOrigin, asset: &u32) -> Result<AccountId, RuntimeOrigin> {
		if *asset >= FIRST_SHARES {
			return Err(origin);
		}
		<EnsureSigned<AccountId> as EnsureOrigin<_>>::try_origin(origin)
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn try_successful_origin(_: &u32) -> Result<RuntimeOrigin, ()> {
		<EnsureSigned<AccountId> as EnsureOrigin<RuntimeOrigin>>::try_successful_origin()
	}
}

impl pallet_assets_freezer::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type RuntimeFreezeReason = RuntimeFreezeReason;
}

parameter_types! {
	/// Every feature of pallet-nfts but those that sell: pallet-market does, and pays royalties.
	pub NftFeatures: PalletFeatures = PalletFeatures::from_disabled(PalletFeature::Trading | PalletFeature::Swaps);
	pub const CollectionDeposit: Balance = 10 * AUTON;
	pub const ItemDeposit: Balance = deposit(1, 164);
	pub const NftMetadataDepositBase: Balance = deposit(1, 36);
	pub const NftAttributeDepositBase: Balance = deposit(1, 82);
	pub const NftDepositPerByte: Balance = deposit(0, 1);
	pub const MaxDeadlineDuration: BlockNumber = 365 * DAYS;
}

impl pallet_nfts::Config for Runtime {
	type ApprovalsLimit = ConstU32<20>;
	type AttributeDepositBase = NftAttributeDepositBase;
	type BlockNumberProvider = System;
	type CollectionDeposit = CollectionDeposit;
	type CollectionId = u32;
	type CreateOrigin = AsEnsureOriginWithArg<EnsureSigned<AccountId>>;
	type Currency = Balances;
	type DepositPerByte = NftDepositPerByte;
	type Features = NftFeatures;
	type ForceOrigin = EnsureRoot<AccountId>;
	#[cfg(feature = "runtime-benchmarks")]
	type Helper = ();
	type ItemAttributesApprovalsLimit = ConstU32<30>;
	type ItemDeposit = ItemDeposit;
	type ItemId = u32;
	type KeyLimit = ConstU32<64>;
	/// An item on sale can be neither transferred nor burnt.
	type Locker = Market;
	type MaxAttributesPerCall = ConstU32<10>;
	type MaxDeadlineDuration = MaxDeadlineDuration;
	type MaxTips = ConstU32<10>;
	type MetadataDepositBase = NftMetadataDepositBase;
	type OffchainPublic = <Signature as Verify>::Signer;
	type OffchainSignature = Signature;
	type RuntimeEvent = RuntimeEvent;
	type StringLimit = ConstU32<256>;
	type ValueLimit = ConstU32<256>;
	type WeightInfo = pallet_nfts::weights::SubstrateWeight<Runtime>;
}
