//! Bonds of AUTON and of shares: voting power and revenue of communities.

use frame_support::{parameter_types, traits::Contains, PalletId};
use sp_core::{ConstU32, TypeId};

use super::{
	governance::DsoPalletId,
	ownership::{CharactersPalletId, ModelsPalletId},
	works::CreationsPalletId,
};
use crate::{AccountId, AssetsFreezer, Balance, Balances, BlockNumber, Runtime, RuntimeFreezeReason, AUTON, DAYS};

parameter_types! {
	pub const BondsPalletId: PalletId = PalletId(*b"aut/bond");
	/// A day, unless genesis says that it is shorter.
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

/// Accounts that belong to everybody and have no key: those of the pallets that own collections, and the seats of
/// communities. They have no say by bonds. Treasuries of communities, that of X among them, and pots are pallet-bonds' own,
/// which it refuses by itself.
pub struct Keyless;

impl Contains<AccountId> for Keyless {
	fn contains(who: &AccountId) -> bool {
		let bytes: &[u8] = who.as_ref();
		let Some((kind, rest)) = bytes.split_at_checked(PalletId::TYPE_ID.len()) else { return false };
		let sources = [DsoPalletId::get(), ModelsPalletId::get(), CharactersPalletId::get(), CreationsPalletId::get()];
		kind == PalletId::TYPE_ID && sources.iter().any(|source| rest.starts_with(&source.0))
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
