//! The numbers that governance may change without an upgrade of the runtime, under `parameters.setParameter`.
//!
//! Each is read within the bounds that its rule in [`rules`](super::rules) has, which also says on which track of X it is
//! changed. A job takes what it depends on along when it is submitted, so a change reaches only the jobs after it;
//! deadlines that are set later follow the numbers of their own block.

use core::marker::PhantomData;
use frame_support::{
	dynamic_params::{dynamic_pallet_params, dynamic_params},
	traits::{EnsureOrigin, EnsureOriginWithArg, Get},
};
use frame_system::EnsureRoot;
use pallet_dso::{SeatRules, Track, XData, XEconomic, XInteraction, XModels, XTemplate};
use sp_runtime::Permill;

use super::rules;
use crate::{
	AccountId, Balance, BlockNumber, Runtime, RuntimeEvent, RuntimeOrigin, AUTON, DAYS, HOURS, MICRO_AUTON, MILLI_AUTON,
};

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

		/// Samples of an evaluation.
		#[codec(index = 5)]
		pub static EvaluationSamples: u16 = 16;
	}

	/// The market, and royalties on works.
	#[dynamic_pallet_params]
	#[codec(index = 1)]
	pub mod market {
		use super::super::*;

		/// The market's share of each price.
		#[codec(index = 0)]
		pub static Fee: Permill = Permill::from_percent(2);

		/// What a model gets of each sale of a work that it made, divided as its part of a fee is. A work has what it was when
		/// it was minted.
		#[codec(index = 1)]
		pub static ModelRoyalty: Permill = Permill::from_percent(5);

		/// What whoever has bonded a character's shares gets of each sale of the character, and of a work that was ordered of
		/// it. A work has what it was when it was minted.
		#[codec(index = 2)]
		pub static CharacterRoyalty: Permill = Permill::from_percent(5);
	}

	/// Characters. How they divide what they earn, how they talk and what fans and investors are offered is in their
	/// templates.
	#[dynamic_pallet_params]
	#[codec(index = 2)]
	pub mod characters {
		use super::super::*;

		/// What a creation burns, in planck.
		#[codec(index = 0)]
		pub static CreationBurn: Balance = AUTON;
	}

	/// Models.
	#[dynamic_pallet_params]
	#[codec(index = 3)]
	pub mod models {
		use super::super::*;

		/// Most that one contribution is granted of all shares that a model can have.
		#[codec(index = 0)]
		pub static MaxGrant: Permill = Permill::from_percent(10);

		/// Least gain that a charter can accept versions at.
		#[codec(index = 1)]
		pub static MinGain: Permill = Permill::from_parts(1_000);
	}

	/// Governance itself.
	#[dynamic_pallet_params]
	#[codec(index = 4)]
	pub mod governance {
		use super::super::*;

		/// What AI seats cost and weigh, and how many of them one controller votes with.
		#[codec(index = 0)]
		pub static Seats: SeatRules<Balance> = SeatRules {
			burn: 100 * MILLI_AUTON,
			backing: 100 * AUTON,
			opening: 10 * AUTON,
			target: 20,
			controller_cap: 2_000,
		};

		/// Least denominator of the holders of AUTON in X, in planck of the shortest tier of bonds.
		#[codec(index = 1)]
		pub static TokenFloor: Balance = 10_000 * AUTON;

		/// Storage deposit of a community, in planck.
		#[codec(index = 2)]
		pub static CommunityDeposit: Balance = 10 * AUTON;

		/// Deposit of a proposal, in planck; twice as much for each eight that are live in its community.
		#[codec(index = 3)]
		pub static ProposalDeposit: Balance = 5 * AUTON;
	}

	/// Fees of transactions.
	#[dynamic_pallet_params]
	#[codec(index = 5)]
	pub mod fees {
		use super::super::*;

		/// What an empty transaction's computation costs, in planck; everything else in proportion to its own.
		#[codec(index = 0)]
		pub static Computation: Balance = MILLI_AUTON;

		/// What a byte of a transaction costs, in planck.
		#[codec(index = 1)]
		pub static Byte: Balance = 10 * MICRO_AUTON;
	}
}

/// An amount in planck, read within bounds.
pub struct Within<Parameter, const LEAST: Balance, const MOST: Balance>(PhantomData<Parameter>);

impl<Parameter: Get<Balance>, const LEAST: Balance, const MOST: Balance> Get<Balance>
	for Within<Parameter, LEAST, MOST>
{
	fn get() -> Balance {
		Parameter::get().clamp(LEAST, MOST)
	}
}

/// A share, read within bounds in parts per million.
pub struct ShareWithin<Parameter, const LEAST: u32, const MOST: u32>(PhantomData<Parameter>);

impl<Parameter: Get<Permill>, const LEAST: u32, const MOST: u32> Get<Permill> for ShareWithin<Parameter, LEAST, MOST> {
	fn get() -> Permill {
		Permill::from_parts(Parameter::get().deconstruct().clamp(LEAST, MOST))
	}
}

/// Who may change a parameter: root, and X on the one track that its rule names.
pub struct RootOrTrack;

impl EnsureOriginWithArg<RuntimeOrigin, RuntimeParametersKey> for RootOrTrack {
	type Success = ();

	fn try_origin(origin: RuntimeOrigin, key: &RuntimeParametersKey) -> Result<(), RuntimeOrigin> {
		let origin = match <EnsureRoot<AccountId> as EnsureOrigin<RuntimeOrigin>>::try_origin(origin) {
			Ok(()) => return Ok(()),
			Err(origin) => origin,
		};
		match rules::of(key).track {
			Track::Templates => XTemplate::try_origin(origin),
			Track::Interaction => XInteraction::try_origin(origin),
			Track::Economic => XEconomic::try_origin(origin),
			Track::Models => XModels::try_origin(origin),
			Track::Data => XData::try_origin(origin),
			Track::Wish
			| Track::TreasurySmall
			| Track::TreasuryLarge
			| Track::Constitution
			| Track::ConstitutionDual => Err(origin),
		}
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn try_successful_origin(_: &RuntimeParametersKey) -> Result<RuntimeOrigin, ()> {
		Ok(RuntimeOrigin::root())
	}
}

impl pallet_parameters::Config for Runtime {
	type AdminOrigin = RootOrTrack;
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
