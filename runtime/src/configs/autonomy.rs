//! Autonomy's own pallets.

use frame_support::{
	parameter_types,
	traits::{ConstU32, ConstU8},
	weights::Weight,
	PalletId,
};
use sp_runtime::Perbill;

use super::{
	consensus::BabeDraw,
	system::{deposit, RuntimeBlockWeights, UNBONDING_PERIOD},
};
use crate::{Balance, Balances, BlockNumber, Models, Runtime, RuntimeHoldReason, AUTON};

parameter_types! {
	pub const ModelsPalletId: PalletId = PalletId(*b"aut/modl");
	pub const ModelDepositBase: Balance = deposit(3, 0);
	pub const ModelDepositPerByte: Balance = deposit(0, 1);
}

impl pallet_models::Config for Runtime {
	type Currency = Balances;
	type DepositBase = ModelDepositBase;
	type DepositPerByte = ModelDepositPerByte;
	type Items = pallet_models::NftItems<Runtime>;
	/// An hour of blocks for one job.
	type MaxBudget = ConstU32<{ crate::HOURS }>;
	type PalletId = ModelsPalletId;
	type RuntimeHoldReason = RuntimeHoldReason;
	type WeightInfo = pallet_models::weights::SubstrateWeight<Runtime>;
}

parameter_types! {
	pub const SlotBond: Balance = 100 * AUTON;
	pub const UnbondingPeriod: BlockNumber = UNBONDING_PERIOD;
	pub const JobDepositBase: Balance = deposit(2, 0);
	pub const JobDepositPerByte: Balance = deposit(0, 1);
	/// Two blocks, so that the draw's randomness comes from a block that nobody has seen when the job is submitted.
	pub const DrawDelay: BlockNumber = 2;
	pub const CommitGrace: BlockNumber = 10;
	pub const RevealPeriod: BlockNumber = 10;
	pub const ImageWindow: BlockNumber = 5;
	pub const TextWindow: BlockNumber = 3;
	/// A tenth of a block for deadlines.
	pub AgendaWeight: Weight = Perbill::from_percent(10) * RuntimeBlockWeights::get().max_block;
}

impl pallet_inference::Config for Runtime {
	type AgendaWeight = AgendaWeight;
	type CommitGrace = CommitGrace;
	type Currency = Balances;
	type DefaultImageCommittee = ConstU8<3>;
	type DefaultTextCommittee = ConstU8<1>;
	type DrawAttemptsPerSeat = ConstU32<16>;
	type DrawDelay = DrawDelay;
	type DrawRandomness = BabeDraw;
	type ImageWindow = ImageWindow;
	type JobDepositBase = JobDepositBase;
	type JobDepositPerByte = JobDepositPerByte;
	type MaxCommittee = ConstU8<15>;
	type MaxDrawRetries = ConstU32<3>;
	type MaxOpenJobsPerAccount = ConstU32<100>;
	type MaxOpenSeats = ConstU32<64>;
	type MaxSlotsPerOperator = ConstU32<100>;
	type MinCommittee = ConstU8<1>;
	type Models = Models;
	type RevealPeriod = RevealPeriod;
	type RuntimeHoldReason = RuntimeHoldReason;
	type SlotBond = SlotBond;
	type TextWindow = TextWindow;
	type UnbondingPeriod = UnbondingPeriod;
	type WeightInfo = pallet_inference::weights::SubstrateWeight<Runtime>;
}
