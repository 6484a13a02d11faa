//! Autonomy's own pallets.

use autonomy_primitives::{model::ModelAccess, ModelId};
use frame_support::{
	parameter_types,
	traits::{ConstU32, ConstU8, EitherOf, Get},
	weights::Weight,
};
use frame_system::EnsureRoot;
use pallet_dso::XModels;
use pallet_inference::{TierRules, Tiers};
use sp_runtime::Perbill;

use super::{
	consensus::BabeDraw,
	parameters::dynamic::inference,
	rules::{BALLOT_COMMITTEE, BALLOT_EXPOSURE, MAX_STAKE},
	system::{deposit, RuntimeBlockWeights, UNBONDING_PERIOD},
};
use crate::{
	AccountId, Balance, Balances, BlockNumber, Bonds, Characters, Dso, Market, Models, Runtime, RuntimeHoldReason,
	AUTON,
};

parameter_types! {
	pub const SlotBond: Balance = 100 * AUTON;
	pub const UnbondingPeriod: BlockNumber = UNBONDING_PERIOD;
	pub const JobDepositBase: Balance = deposit(2, 0);
	pub const JobDepositPerByte: Balance = deposit(0, 1);
	/// A tenth of a block for deadlines.
	pub AgendaWeight: Weight = Perbill::from_percent(10) * RuntimeBlockWeights::get().max_block;
}

impl pallet_inference::Config for Runtime {
	type Access = OpenOrLicensed;
	type AdminOrigin = EitherOf<EnsureRoot<AccountId>, XModels>;
	type AgendaWeight = AgendaWeight;
	type BallotResults = Dso;
	type Characters = Characters;
	type Currency = Balances;
	type Disputes = inference::Disputes;
	type DrawAttemptsPerSeat = ConstU32<16>;
	type DrawRandomness = BabeDraw;
	type EvaluationResults = Models;
	type EvaluationSamples = inference::EvaluationSamples;
	type FeeSplit = inference::FeeSplit;
	type JobDepositBase = JobDepositBase;
	type JobDepositPerByte = JobDepositPerByte;
	type MaxCommittee = ConstU8<15>;
	type MaxOpenJobsPerAccount = ConstU32<100>;
	type MaxOpenSeats = ConstU32<64>;
	type MaxSlotsPerOperator = ConstU32<100>;
	type MinCommittee = ConstU8<1>;
	type ModelRevenue = Models;
	type Models = Models;
	type Penalties = inference::Penalties;
	type Revenue = Bonds;
	type RuntimeHoldReason = RuntimeHoldReason;
	type SlotBond = SlotBond;
	type Tiers = BoundedTiers;
	type Timing = inference::Timing;
	type UnbondingPeriod = UnbondingPeriod;
	type Usage = Dso;
	type WeightInfo = crate::weights::pallet_inference::WeightInfo<Runtime>;
}

/// What each tier asks for, within those bounds of its rule that pallet-inference does not keep to by itself: it would
/// take fewer than five for a ballot.
pub struct BoundedTiers;

impl Get<Tiers<Balance, BlockNumber>> for BoundedTiers {
	fn get() -> Tiers<Balance, BlockNumber> {
		let Tiers { text, image, creation, ballot }: Tiers<Balance, BlockNumber> = inference::Tiers::get();
		let within = |tier: TierRules<Balance, BlockNumber>| TierRules {
			least_exposure: tier.least_exposure.min(MAX_STAKE),
			..tier
		};
		Tiers {
			text: within(text),
			image: within(image),
			creation: within(creation),
			ballot: TierRules {
				committee: ballot.committee.clamp(BALLOT_COMMITTEE.0, BALLOT_COMMITTEE.1),
				least_exposure: ballot.least_exposure.clamp(BALLOT_EXPOSURE, MAX_STAKE),
				..ballot
			},
		}
	}
}

/// A model whose owner sells licences is for those who have one, unless it has been opened to everybody.
pub struct OpenOrLicensed;

impl ModelAccess<AccountId> for OpenOrLicensed {
	fn may_use(model: ModelId, who: &AccountId) -> bool {
		Models::is_open(model) || Market::may_use(model, who)
	}
}
