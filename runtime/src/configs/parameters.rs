//! The numbers that governance may change without an upgrade of the runtime, under `parameters.setParameter`.
//!
//! Each is read within the bounds that its type documents. A job takes what it depends on along when it is submitted, so a
//! change reaches only the jobs after it; deadlines that are set later follow the numbers of their own block.

use frame_support::dynamic_params::{dynamic_pallet_params, dynamic_params};
use frame_system::EnsureRoot;
use sp_runtime::Permill;

use crate::{AccountId, Balance, BlockNumber, Runtime, RuntimeEvent, AUTON, DAYS, HOURS};

#[dynamic_params(RuntimeParameters, pallet_parameters::Parameters::<Runtime>)]
pub mod dynamic {
	use super::*;

	/// Inference jobs.
	#[dynamic_pallet_params]
	#[codec(index = 0)]
	pub mod inference {
		use super::super::*;

		/// How long things take. The draw's two blocks make sure that its randomness comes from a block that nobody has
		/// seen when the job is submitted.
		#[codec(index = 0)]
		pub static Timing: pallet_inference::Timing<BlockNumber> = pallet_inference::Timing {
			draw_delay: 2,
			draw_retries: 3,
			commit_grace: 10,
			reveal_period: 10,
			decline_period: 3,
			redraws: 3,
		};

		/// What operators lose for being late.
		#[codec(index = 1)]
		pub static Penalties: pallet_inference::Penalties<BlockNumber> = pallet_inference::Penalties {
			no_show: Permill::from_percent(2),
			no_reveal: Permill::from_percent(10),
			suspension: HOURS,
			decline_quota: 20,
			decline_quota_period: DAYS,
		};

		/// What a seat puts at stake, and who judges it.
		#[codec(index = 2)]
		pub static Disputes: pallet_inference::Disputes = pallet_inference::Disputes {
			exposure_factor: 25,
			audit_pay: 1_500,
			first_panel: 7,
			second_panel: 15,
			least_reveals: 3,
			challenge_bond: 8,
		};

		/// Who gets what of a seat's fee.
		#[codec(index = 3)]
		pub static FeeSplit: pallet_inference::FeeSplit = pallet_inference::FeeSplit {
			model: Permill::from_percent(18),
			character: Permill::from_percent(7),
			community: Permill::from_percent(2),
			burn: Permill::from_percent(3),
			fault_pay: Permill::from_percent(25),
		};

		/// What each tier asks for.
		#[codec(index = 4)]
		pub static Tiers: pallet_inference::Tiers<Balance, BlockNumber> = pallet_inference::Tiers {
			text: pallet_inference::TierRules {
				committee: 1,
				audit: Permill::from_percent(20),
				window: 20,
				least_exposure: AUTON,
			},
			image: pallet_inference::TierRules {
				committee: 3,
				audit: Permill::from_percent(5),
				window: 50,
				least_exposure: AUTON,
			},
			creation: pallet_inference::TierRules {
				committee: 3,
				audit: Permill::from_percent(25),
				window: 100,
				least_exposure: 10 * AUTON,
			},
			ballot: pallet_inference::TierRules {
				committee: 5,
				audit: Permill::one(),
				window: 300,
				least_exposure: 50 * AUTON,
			},
		};
	}

	/// The market.
	#[dynamic_pallet_params]
	#[codec(index = 1)]
	pub mod market {
		use super::super::*;

		/// The market's share of each price, at most 10 %.
		#[codec(index = 0)]
		pub static Fee: Permill = Permill::from_percent(2);
	}
}

impl pallet_parameters::Config for Runtime {
	type AdminOrigin = EnsureRoot<AccountId>;
	type RuntimeEvent = RuntimeEvent;
	type RuntimeParameters = RuntimeParameters;
	/// The pallet's own measurement; it publishes no other.
	type WeightInfo = ();
}

#[cfg(feature = "runtime-benchmarks")]
impl Default for RuntimeParameters {
	fn default() -> Self {
		RuntimeParameters::Inference(dynamic::inference::Parameters::Disputes(
			dynamic::inference::Disputes,
			Some(<dynamic::inference::Disputes as frame_support::traits::Get<_>>::get()),
		))
	}
}
