//! The numbers of the protocol, and the amounts that follow from them.
//!
//! The defaults are the runtime's: `runtime/src/configs/parameters.rs`, and `autonomy.rs` beside it. The test
//! `numbers_should_be_those_of_the_runtime` compares them.

use pallet_inference::{
	maths::{self, SeatPay},
	FeeSplit, LEAST_OF_CLASS,
};
use sp_runtime::Permill;

/// An amount, in planck.
pub type Balance = u128;

/// One AUTON, the seat fee of every tier unless a test says otherwise, in planck.
pub const AUTON: Balance = 1_000_000_000_000;

/// What a kind of job asks for.
#[derive(Clone, Copy, Debug)]
pub struct Tier {
	/// What the tables call it.
	pub name: &'static str,
	/// Seats on the committee.
	pub seats: usize,
	/// Probability of an audit.
	pub audit: Permill,
	/// Least exposure of a seat, in planck.
	pub least_exposure: Balance,
	/// Fee of one seat, in planck.
	pub seat_fee: Balance,
}

const fn tier(name: &'static str, seats: usize, audit: u32, least_exposure: Balance) -> Tier {
	Tier { name, seats, audit: Permill::from_percent(audit), least_exposure: least_exposure * AUTON, seat_fee: AUTON }
}

/// Every tier, with a seat fee of one AUTON.
pub const TIERS: [Tier; 4] =
	[tier("text", 1, 20, 1), tier("image", 3, 5, 1), tier("creation", 3, 25, 10), tier("ballot", 5, 100, 50)];

/// Jurors of a panel, and what it takes for a verdict.
#[derive(Clone, Copy, Debug)]
pub struct Panel {
	/// Jurors that are drawn, while there are as many.
	pub jurors: usize,
	/// Whether two thirds of the reveals are not enough.
	pub unanimous: bool,
}

/// What holds for every tier.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
	/// A seat's exposure, in seat fees, where the tier's least exposure is not more.
	pub exposure_factor: u32,
	/// What an audit is paid, in thousandths of a seat fee.
	pub audit_pay: u32,
	/// A challenger's bond, in seat fees.
	pub challenge_bond: u32,
	/// Least bond of a challenger, in planck.
	pub least_challenge_bond: Balance,
	/// Part of the exposure that a no-show costs, doubled for each in a row before it.
	pub no_show: Permill,
	/// Part of the exposure that a commitment without a reveal costs.
	pub no_reveal: Permill,
	/// Times that empty seats are drawn anew; and once a job is agreed, that an auditor who is late is replaced.
	pub redraws: u32,
	/// Slots that a draw looks at for each seat.
	pub looks_per_seat: usize,
	/// Times that a draw which found too few is tried again.
	pub draw_retries: u32,
	/// The juries, one after the other.
	pub juries: [Panel; 2],
	/// Fewest reveals of a jury with a verdict.
	pub least_reveals: u32,
	/// Operators of one class of processors that must agree against a verdict before it looks like a fault of the engine.
	pub least_of_class: u32,
	/// Whether governance runs a job again that shows such a fault, and has liars slashed. Otherwise everyone is cleared.
	pub faults_are_judged: bool,
	/// How a seat's fee is divided.
	pub split: FeeSplit,
	/// Jobs that a first suspension lasts. The runtime counts blocks, of which there are none here.
	pub suspension: u64,
	/// What honest work costs an operator: a part of the seat fee.
	pub work: Permill,
}

impl Default for Rules {
	fn default() -> Self {
		Self {
			exposure_factor: 25,
			audit_pay: 1_500,
			challenge_bond: 8,
			least_challenge_bond: 40 * AUTON / 1_000,
			no_show: Permill::from_percent(2),
			no_reveal: Permill::from_percent(10),
			redraws: 3,
			looks_per_seat: 16,
			draw_retries: 3,
			juries: [Panel { jurors: 7, unanimous: true }, Panel { jurors: 15, unanimous: false }],
			least_reveals: 3,
			least_of_class: LEAST_OF_CLASS,
			faults_are_judged: true,
			split: FeeSplit {
				model: Permill::from_percent(18),
				character: Permill::from_percent(7),
				community: Permill::from_percent(2),
				burn: Permill::from_percent(3),
				fault_pay: Permill::from_percent(25),
			},
			suspension: 100,
			work: Permill::from_percent(60),
		}
	}
}

impl Rules {
	/// How a seat's fee is divided, in planck.
	pub fn seat_pay(&self, tier: &Tier) -> SeatPay<Balance> {
		maths::seat_pay(tier.seat_fee, &self.split)
	}

	/// The part of a seat's fee that is not its operator's.
	pub fn fees_of_others(&self) -> f64 {
		let FeeSplit { model, character, community, burn, .. } = self.split;
		[model, character, community, burn].into_iter().map(|part| f64::from(part.deconstruct()) / 1e6).sum()
	}

	/// What a seat, an auditor or a juror puts at stake, in planck.
	pub fn exposure(&self, tier: &Tier) -> Balance {
		maths::exposure(tier.seat_fee, self.exposure_factor, tier.least_exposure)
	}

	/// The same in seat fees.
	pub fn exposure_in_fees(&self, tier: &Tier) -> f64 {
		self.exposure(tier) as f64 / tier.seat_fee.max(1) as f64
	}

	/// What an audit is paid, in planck. As much is on hold besides the seats' fees.
	pub fn audit_pay(&self, tier: &Tier) -> Balance {
		tier.seat_fee * Balance::from(self.audit_pay) / 1_000
	}

	/// A challenger's bond, in planck.
	pub fn challenge_bond(&self, tier: &Tier) -> Balance {
		(tier.seat_fee * Balance::from(self.challenge_bond)).max(self.least_challenge_bond)
	}

	/// What honest work costs an operator, in planck.
	pub fn work_cost(&self, tier: &Tier) -> Balance {
		self.work.mul_floor(tier.seat_fee)
	}
}
