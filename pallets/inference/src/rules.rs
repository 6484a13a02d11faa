//! The numbers of the protocol that governance may change, in groups that are read together, each within its bounds.
//!
//! A runtime keeps them in pallet-parameters. A value out of bounds cannot be refused there, so it is taken for the
//! nearest bound whenever it is read: `clamped`.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_runtime::{traits::AtLeast32BitUnsigned, Permill};

use crate::types::Tier;

/// How long things take, in blocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Timing<BlockNumber> {
	/// From submission to the draw, and from every later reason for a draw to it. 2 to 50: the randomness must come from a
	/// block that nobody has seen.
	pub draw_delay: BlockNumber,
	/// Draws that are tried again, each in the next block, before a job fails. 0 to 100.
	pub draw_retries: u32,
	/// What a commit deadline leaves above [`crate::BUDGET_FACTOR`] times the model's budget. 1 to 600.
	pub commit_grace: BlockNumber,
	/// From the last commitment to the reveal deadline. 2 to 600.
	pub reveal_period: BlockNumber,
	/// From a seat's draw to the last block at which it can be declined. 0 to 50.
	pub decline_period: BlockNumber,
	/// Times that empty seats are drawn anew before a job expires. 0 to 3.
	pub redraws: u32,
}

/// What operators lose, and how they are kept from losing more.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Penalties<BlockNumber> {
	/// Part of the exposure that a no-show costs; doubled for each no-show in a row before it. 0.1 % to 50 %.
	pub no_show: Permill,
	/// Part of the exposure that a commitment without a reveal costs. 1 % to 100 %.
	pub no_reveal: Permill,
	/// Blocks of a first suspension; each further one lasts twice as long. 10 to 100,000.
	pub suspension: BlockNumber,
	/// Seats that may be declined in one `decline_quota_period`. 0 to 100.
	pub decline_quota: u32,
	/// In blocks. 1 to 100,000.
	pub decline_quota_period: BlockNumber,
}

/// What a seat puts at stake, and who judges it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Disputes {
	/// A seat's exposure, in seat fees. 1 to 1,000.
	pub exposure_factor: u32,
	/// What an audit is paid, in thousandths of a seat fee. 1,000 to 5,000.
	pub audit_pay: u32,
	/// Jurors of the first panel. 3 to 7.
	pub first_panel: u8,
	/// Jurors of the second panel. 3 to 15.
	pub second_panel: u8,
	/// Fewest reveals of a panel with a verdict. 3 to 7.
	pub least_reveals: u32,
	/// A challenger's bond, in seat fees. It pays the jury when the challenge is lost. 2 to 100.
	pub challenge_bond: u32,
}

/// Who gets what of a seat's fee; the operator gets the rest.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct FeeSplit {
	/// The model's part, which is divided among its payees. At most 50 %.
	pub model: Permill,
	/// The character's part, which is divided among its payees; without a character it goes to the treasury of the model's
	/// community. At most 20 %.
	pub character: Permill,
	/// The part of the community's treasury: the character's, without one the model's. At most 10 %.
	pub community: Permill,
	/// The part that is burned. At most 20 %.
	pub burn: Permill,
	/// Part of a seat's fee that is paid for finding that an input cannot be computed. At most 100 %.
	pub fault_pay: Permill,
}

/// What a tier asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct TierRules<Balance, BlockNumber> {
	/// Seats of a job that does not say how many. 1 to 15.
	pub committee: u8,
	/// Probability of an audit.
	pub audit: Permill,
	/// Blocks in which an agreed outcome can be challenged. 3 to 14,400.
	pub window: BlockNumber,
	/// Least exposure of a seat, in planck.
	pub least_exposure: Balance,
}

/// The rules of every tier.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Tiers<Balance, BlockNumber> {
	/// Replies.
	pub text: TierRules<Balance, BlockNumber>,
	/// Pictures.
	pub image: TierRules<Balance, BlockNumber>,
	/// Works that are minted, evaluations.
	pub creation: TierRules<Balance, BlockNumber>,
	/// Ballots.
	pub ballot: TierRules<Balance, BlockNumber>,
}

impl<Balance: Copy, BlockNumber: Copy> Tiers<Balance, BlockNumber> {
	/// The rules of one tier.
	pub fn of(&self, tier: Tier) -> TierRules<Balance, BlockNumber> {
		match tier {
			Tier::Text => self.text,
			Tier::Image => self.image,
			Tier::Creation => self.creation,
			Tier::Ballot => self.ballot,
		}
	}
}

fn clamp<BlockNumber: AtLeast32BitUnsigned + Copy>(value: BlockNumber, min: u32, max: u32) -> BlockNumber {
	value.clamp(min.into(), max.into())
}

impl<BlockNumber: AtLeast32BitUnsigned + Copy> Timing<BlockNumber> {
	/// Every field within its bounds.
	pub fn clamped(self) -> Self {
		Self {
			draw_delay: clamp(self.draw_delay, 2, 50),
			draw_retries: self.draw_retries.min(100),
			commit_grace: clamp(self.commit_grace, 1, 600),
			reveal_period: clamp(self.reveal_period, 2, 600),
			decline_period: clamp(self.decline_period, 0, 50),
			redraws: self.redraws.min(3),
		}
	}
}

impl<BlockNumber: AtLeast32BitUnsigned + Copy> Penalties<BlockNumber> {
	/// Every field within its bounds.
	pub fn clamped(self) -> Self {
		Self {
			no_show: self.no_show.clamp(Permill::from_parts(1_000), Permill::from_percent(50)),
			no_reveal: self.no_reveal.max(Permill::from_percent(1)),
			suspension: clamp(self.suspension, 10, 100_000),
			decline_quota: self.decline_quota.min(100),
			decline_quota_period: clamp(self.decline_quota_period, 1, 100_000),
		}
	}
}

impl Disputes {
	/// Every field within its bounds.
	pub fn clamped(self) -> Self {
		Self {
			exposure_factor: self.exposure_factor.clamp(1, 1_000),
			audit_pay: self.audit_pay.clamp(1_000, 5_000),
			first_panel: self.first_panel.clamp(3, 7),
			second_panel: self.second_panel.clamp(3, 15),
			least_reveals: self.least_reveals.clamp(3, 7),
			challenge_bond: self.challenge_bond.clamp(2, 100),
		}
	}
}

impl FeeSplit {
	/// Every field within its bounds.
	pub fn clamped(self) -> Self {
		Self {
			model: self.model.min(Permill::from_percent(50)),
			character: self.character.min(Permill::from_percent(20)),
			community: self.community.min(Permill::from_percent(10)),
			burn: self.burn.min(Permill::from_percent(20)),
			fault_pay: self.fault_pay,
		}
	}
}

impl<Balance, BlockNumber: AtLeast32BitUnsigned + Copy> TierRules<Balance, BlockNumber> {
	fn clamped(self) -> Self {
		Self { committee: self.committee.clamp(1, 15), window: clamp(self.window, 3, 14_400), ..self }
	}
}

impl<Balance, BlockNumber: AtLeast32BitUnsigned + Copy> Tiers<Balance, BlockNumber> {
	/// Every field within its bounds.
	pub fn clamped(self) -> Self {
		Self {
			text: self.text.clamped(),
			image: self.image.clamped(),
			creation: self.creation.clamped(),
			ballot: self.ballot.clamped(),
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn rules_should_be_the_nearest_bound_when_they_are_out_of_bounds() {
		let low = Timing::<u64> {
			draw_delay: 0,
			draw_retries: 0,
			commit_grace: 0,
			reveal_period: 0,
			decline_period: 0,
			redraws: 0,
		};
		let clamped = low.clamped();
		assert_eq!((clamped.draw_delay, clamped.commit_grace, clamped.reveal_period), (2, 1, 2));
		let high = Timing { draw_delay: 51, draw_retries: 101, redraws: 4, decline_period: 51, ..low }.clamped();
		assert_eq!((high.draw_delay, high.draw_retries, high.redraws, high.decline_period), (50, 100, 3, 50));

		let none = Permill::zero();
		let penalties = Penalties::<u64> {
			no_show: none,
			no_reveal: none,
			suspension: 0,
			decline_quota: 1_000,
			decline_quota_period: 0,
		};
		let clamped = penalties.clamped();
		assert_eq!((clamped.no_show.deconstruct(), clamped.no_reveal), (1_000, Permill::from_percent(1)));
		assert_eq!((clamped.suspension, clamped.decline_quota, clamped.decline_quota_period), (10, 100, 1));

		let disputes = Disputes {
			exposure_factor: 0,
			audit_pay: 0,
			first_panel: 99,
			second_panel: 99,
			least_reveals: 0,
			challenge_bond: 0,
		};
		let expected = Disputes {
			exposure_factor: 1,
			audit_pay: 1_000,
			first_panel: 7,
			second_panel: 15,
			least_reveals: 3,
			challenge_bond: 2,
		};
		assert_eq!(disputes.clamped(), expected);

		let all = Permill::one();
		let split = FeeSplit { model: all, character: all, community: all, burn: all, fault_pay: all }.clamped();
		let most = [50, 20, 10, 20].map(Permill::from_percent);
		assert_eq!([split.model, split.character, split.community, split.burn], most);

		let tier = TierRules::<u64, u64> { committee: 0, audit: all, window: 0, least_exposure: 7 };
		let tiers = Tiers { text: tier, image: tier, creation: tier, ballot: tier }.clamped();
		assert_eq!((tiers.ballot.committee, tiers.of(Tier::Ballot).window, tiers.text.least_exposure), (1, 3, 7));
	}

	#[test]
	fn rules_should_stay_what_they_are_when_they_are_within_their_bounds() {
		let timing = Timing::<u64> {
			draw_delay: 2,
			draw_retries: 3,
			commit_grace: 10,
			reveal_period: 10,
			decline_period: 3,
			redraws: 3,
		};
		assert_eq!(timing.clamped(), timing);
	}
}
