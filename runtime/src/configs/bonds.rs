//! Bonds of AUTON and of shares: voting power and revenue of communities.

use frame_support::{parameter_types, traits::Contains, PalletId};
use sp_core::ConstU32;

use super::works::TreasuryAccount;
use crate::{
	AccountId, AssetsFreezer, Balance, Balances, BlockNumber, Characters, Creations, Models, Runtime,
	RuntimeFreezeReason, AUTON, DAYS,
};

parameter_types! {
	pub const BondsPalletId: PalletId = PalletId(*b"aut/bond");
	pub const GovernanceDay: BlockNumber = DAYS;
	pub const MinBond: Balance = AUTON;
}

impl pallet_bonds::Config for Runtime {
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = Helper;
	type BlocksPerDay = GovernanceDay;
	type Currency = Balances;
	type Excluded = Keyless;
	type MaxBonds = ConstU32<128>;
	type MaxChunks = ConstU32<16>;
	type MinBond = MinBond;
	type PalletId = BondsPalletId;
	type RuntimeFreezeReason = RuntimeFreezeReason;
	type Shares = AssetsFreezer;
	/// Shares are issued when they have vested.
	type Unvested = ();
	type WeightInfo = pallet_bonds::weights::SubstrateWeight<Runtime>;
}

/// Accounts that belong to everybody: they have no say.
pub struct Keyless;

impl Contains<AccountId> for Keyless {
	fn contains(who: &AccountId) -> bool {
		[TreasuryAccount::get(), Models::account_id(), Characters::account_id(), Creations::account_id()].contains(who)
	}
}

/// Makes assets for benchmarks.
#[cfg(feature = "runtime-benchmarks")]
pub struct Helper;

#[cfg(feature = "runtime-benchmarks")]
impl pallet_bonds::BenchmarkHelper<AccountId, u32, Balance> for Helper {
	fn create_shares(holder: &AccountId, supply: Balance) -> u32 {
		use crate::{Assets, RuntimeOrigin};
		let asset = (0..).find(|id| !pallet_assets::Asset::<Runtime>::contains_key(id)).expect("ids are left");
		let id = codec::Compact(asset);
		let issuer = sp_runtime::MultiAddress::Id(holder.clone());
		Assets::force_create(RuntimeOrigin::root(), id, issuer.clone(), true, 1).expect("the id is free");
		Assets::mint(RuntimeOrigin::signed(holder.clone()), id, issuer, supply).expect("the holder issues it");
		asset
	}
}
