//! AUTON and transaction fees.

use frame_support::{
	parameter_types,
	traits::{fungible::Credit, ConstU32, Get, OnUnbalanced},
	weights::{
		constants::ExtrinsicBaseWeight, ConstantMultiplier, WeightToFeeCoefficient, WeightToFeeCoefficients,
		WeightToFeePolynomial,
	},
};
use pallet_transaction_payment::{FungibleAdapter, Multiplier, TargetedFeeAdjustment};
use smallvec::smallvec;
use sp_runtime::{traits::Bounded, FixedPointNumber, Perbill, Perquintill};

use super::{
	parameters::{dynamic::fees, Within},
	rules::{BYTE_FEE, COMPUTATION_FEE},
};
use crate::{
	AccountId, Authorship, Balance, Balances, Runtime, RuntimeEvent, RuntimeFreezeReason, RuntimeHoldReason, System,
	MILLI_AUTON,
};

parameter_types! {
	/// Least that an account can hold: 1 mAUTON.
	pub const ExistentialDeposit: Balance = MILLI_AUTON;
}

impl pallet_balances::Config for Runtime {
	type AccountStore = System;
	type Balance = Balance;
	type DoneSlashHandler = ();
	type DustRemoval = ();
	type ExistentialDeposit = ExistentialDeposit;
	type FreezeIdentifier = RuntimeFreezeReason;
	type MaxFreezes = ConstU32<16>;
	type MaxLocks = ConstU32<50>;
	type MaxReserves = ConstU32<50>;
	type ReserveIdentifier = [u8; 8];
	type RuntimeEvent = RuntimeEvent;
	type RuntimeFreezeReason = RuntimeFreezeReason;
	type RuntimeHoldReason = RuntimeHoldReason;
	type WeightInfo = pallet_balances::weights::SubstrateWeight<Runtime>;
}

/// What an empty transaction costs, in planck.
pub type ComputationFee = Within<fees::Computation, { COMPUTATION_FEE.0 }, { COMPUTATION_FEE.1 }>;
/// What a byte of a transaction costs, in planck.
pub type ByteFee = Within<fees::Byte, { BYTE_FEE.0 }, { BYTE_FEE.1 }>;

/// Fee by weight: an empty transaction costs what governance says, everything else in proportion to its computation.
pub struct WeightToFee;

impl WeightToFeePolynomial for WeightToFee {
	type Balance = Balance;

	fn polynomial() -> WeightToFeeCoefficients<Balance> {
		let (price, weight) = (ComputationFee::get(), Balance::from(ExtrinsicBaseWeight::get().ref_time()));
		smallvec![WeightToFeeCoefficient {
			degree: 1,
			negative: false,
			coeff_frac: Perbill::from_rational(price % weight, weight),
			coeff_integer: price / weight,
		}]
	}
}

/// Gives fees and tips to the block's author; they are burned where a block names none.
pub struct ToAuthor;

impl OnUnbalanced<Credit<AccountId, Balances>> for ToAuthor {
	fn on_nonzero_unbalanced(credit: Credit<AccountId, Balances>) {
		use frame_support::traits::fungible::Balanced;
		if let Some(author) = Authorship::author() {
			// An author whose account cannot take the amount loses it: it is burned with the dropped credit.
			let _ = Balances::resolve(&author, credit);
		}
	}
}

parameter_types! {
	/// Fees rise when blocks are more than a quarter full and fall when they are less.
	pub const TargetBlockFullness: Perquintill = Perquintill::from_percent(25);
	pub AdjustmentVariable: Multiplier = Multiplier::saturating_from_rational(75, 1_000_000);
	pub MinimumMultiplier: Multiplier = Multiplier::saturating_from_rational(1, 10u128);
	pub MaximumMultiplier: Multiplier = Bounded::max_value();
	pub const OperationalFeeMultiplier: u8 = 5;
}

impl pallet_transaction_payment::Config for Runtime {
	type FeeMultiplierUpdate =
		TargetedFeeAdjustment<Self, TargetBlockFullness, AdjustmentVariable, MinimumMultiplier, MaximumMultiplier>;
	type LengthToFee = ConstantMultiplier<Balance, ByteFee>;
	type OnChargeTransaction = FungibleAdapter<Balances, ToAuthor>;
	type OperationalFeeMultiplier = OperationalFeeMultiplier;
	type RuntimeEvent = RuntimeEvent;
	type WeightInfo = pallet_transaction_payment::weights::SubstrateWeight<Runtime>;
	type WeightToFee = WeightToFee;
}

impl pallet_skip_feeless_payment::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
}
