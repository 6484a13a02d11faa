//! What an AI prefers, what its seat weighs, and the house that all AIs make.

use autonomy_primitives::community::{Day, Power};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_arithmetic::{PerThing, Perbill, Rounding};

use crate::{
	numbers::{mul_div, part_of, ratio, BILLION},
	Bounds, Lean, Side, WHOLE,
};

/// An AI whose preference is weaker than this abstains.
pub const ABSTENTION_BAND: Perbill = Perbill::from_percent(5);
/// Days that persona and model must have been unchanged at a snapshot for the AI's own decision to count.
pub const PERSONA_DAYS: Day = 7;
/// Days of a period in which use is counted and seats are refreshed.
pub const SEAT_PERIOD_DAYS: Day = 30;
/// Weight of a seat that has what it needs, once.
pub const SEAT_WEIGHT: u32 = 100;
/// Most that a seat weighs, however much it has.
pub const SEAT_WEIGHT_MOST: u32 = 300;
/// Bounds of the share of an AI house's weight that one controller's seats may vote with, in basis points.
pub const CONTROLLER_CAP: Bounds = Bounds::new(500, 2_000, 3_300);

/// What an AI prefers: `own_share` of its decision and the rest of its members' preference, rounded towards nay.
pub fn preference(own_share: Perbill, decision: Lean, members: Lean) -> Lean {
	let own = i128::from(own_share.deconstruct());
	let rest = i128::from(own_share.left_from_one().deconstruct());
	let sum = own
		.saturating_mul(decision.parts().into())
		.saturating_add(rest.saturating_mul(members.parts().into()))
		.div_euclid(BILLION as i128);
	Lean::from_parts(i64::try_from(sum).unwrap_or(0))
}

/// Whether the AI's own decision counts: persona and model were last changed on `changed`, long enough before the snapshot.
pub fn is_settled_persona(changed: Day, snapshot: Day) -> bool {
	changed.checked_add(PERSONA_DAYS).is_some_and(|settled| settled <= snapshot)
}

/// The period that a day is in, counted from 0.
pub fn period_of(day: Day) -> u32 {
	day / SEAT_PERIOD_DAYS
}

/// Whether a seat that was last refreshed in one period counts at a snapshot in another: in the same and in the next.
pub fn is_fresh(refreshed: u32, snapshot: u32) -> bool {
	snapshot.checked_sub(refreshed).is_some_and(|periods| periods <= 1)
}

/// What a seat needs for a weight of [`SEAT_WEIGHT`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct SeatRule {
	/// U: protocol fees that the AI's use burned in the last closed period, in planck.
	pub burn: u128,
	/// S: what is bonded behind the seat, in planck, or whatever else the caller counts backing in.
	pub backing: u128,
}

/// Weight of a seat: ⌊100 · min(3, burned/U, backed/S)⌋, and nothing unless both are at least 1. Never more by splitting
/// what one seat has among several, below its cap. Where the rule asks for nothing, nothing limits.
pub fn seat_weight(burned: u128, backed: u128, rule: &SeatRule) -> u32 {
	let of = |amount: u128, needed: u128| match needed {
		0 => SEAT_WEIGHT_MOST,
		_ if amount < needed => 0,
		_ => {
			let weight = mul_div(amount, SEAT_WEIGHT.into(), needed, Rounding::Down);
			u32::try_from(weight).unwrap_or(SEAT_WEIGHT_MOST).min(SEAT_WEIGHT_MOST)
		}
	};
	of(burned, rule.burn).min(of(backed, rule.backing))
}

/// What opening a seat burns, in planck: `base` · 2^(opened/target), where `opened` seats were opened in the last 30 days.
/// Between whole multiples of the target it follows the straight line, which is never below the power of two and at most
/// 6.2 % above it; rounded up. What has no room is [`u128::MAX`]. A target of 0 is one of 1.
pub fn creation_burn(base: u128, opened: u32, target: u32) -> u128 {
	let target = target.max(1);
	let doublings = opened.checked_div(target).unwrap_or(0);
	let over = opened.checked_rem(target).unwrap_or(0);
	let doubled = doubled(base, doublings);
	doubled.saturating_add(mul_div(doubled, over.into(), target.into(), Rounding::Up))
}

/// `base` · 2^`times`, or [`u128::MAX`] when that has no room.
pub(crate) fn doubled(base: u128, times: u32) -> u128 {
	1u128.checked_shl(times).map_or_else(|| base.saturating_mul(u128::MAX), |factor| base.saturating_mul(factor))
}

/// Weight with which a seat may vote: its own, as long as all seats of its controller together stay within `cap` of the
/// house's `total`. `applied` is what the controller's other seats have voted with. Rounded down.
pub fn capped_weight(weight: u32, applied: Power, total: Power, cap: Perbill) -> u32 {
	let left = part_of(total, cap, Rounding::Down).saturating_sub(applied);
	u32::try_from(left).unwrap_or(u32::MAX).min(weight)
}

/// The AI house of a community at a proposal. Sides are sums of weight times strength, in parts of [`WHOLE`] of a weight;
/// exact.
#[derive(
	Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct AiVotes {
	/// For it.
	pub ayes: u128,
	/// Against it.
	pub nays: u128,
	/// Neither.
	pub abstentions: u128,
	/// Weight of the whole house at the snapshot, those included that do not vote.
	pub total: Power,
}

impl AiVotes {
	/// A house of this weight, in which nobody has voted.
	pub fn new(total: Power) -> Self {
		Self { total, ..Self::default() }
	}

	/// With the ballot of one AI more: its weight times the strength of its preference for or against, the rest of its
	/// weight for neither.
	pub fn add(self, weight: u32, preference: Lean) -> Self {
		let whole = u128::from(weight).saturating_mul(WHOLE.into());
		let side = preference.side(ABSTENTION_BAND);
		let cast = match side {
			Side::Aye | Side::Nay => u128::from(weight).saturating_mul(preference.strength().into()),
			Side::Abstain => 0,
		};
		let abstentions = self.abstentions.saturating_add(whole.saturating_sub(cast));
		match side {
			Side::Aye => Self { ayes: self.ayes.saturating_add(cast), abstentions, ..self },
			Side::Nay => Self { nays: self.nays.saturating_add(cast), abstentions, ..self },
			Side::Abstain => Self { abstentions, ..self },
		}
	}

	/// Ayes and nays of the house's weight, in parts of [`WHOLE`]: ayes rounded down, nays up.
	pub(crate) fn parts(&self) -> (u128, u128) {
		let of = |sum: u128, rounding: Rounding| match self.total {
			0 => 0,
			total => mul_div(sum, 1, total, rounding).min(WHOLE.into()),
		};
		(of(self.ayes, Rounding::Down), of(self.nays, Rounding::Up))
	}

	/// Ayes of what was cast for and against, rounded down. `None` when that is nothing.
	pub fn share_of_ayes(&self) -> Option<Perbill> {
		ratio(self.ayes, self.ayes.saturating_add(self.nays))
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	const RULE: SeatRule = SeatRule { burn: 10, backing: 1_000 };

	fn lean(percent: i32) -> Lean {
		Lean::from_billionths(percent * 10_000_000)
	}

	#[test]
	fn preference_should_mix_decision_and_members() {
		let alpha = Perbill::from_percent(40);
		assert_eq!(preference(alpha, Lean::AYE, lean(-50)), lean(10));
		assert_eq!(preference(alpha, Lean::NEUTRAL, Lean::NAY), lean(-60));
		assert_eq!(preference(Perbill::one(), lean(30), Lean::NAY), lean(30));
		let third = preference(Perbill::from_parts(333_333_333), Lean::from_parts(-1), Lean::NEUTRAL);
		assert_eq!(third.parts(), -1, "towards nay");
	}

	#[test]
	fn decision_should_count_only_when_the_persona_is_settled() {
		assert!(is_settled_persona(3, 10));
		assert!(!is_settled_persona(4, 10));
		assert!(!is_settled_persona(Day::MAX, Day::MAX));
	}

	#[test]
	fn seat_should_be_fresh_in_its_period_and_the_next() {
		assert_eq!((period_of(29), period_of(30)), (0, 1));
		assert!(is_fresh(4, 4) && is_fresh(4, 5));
		assert!(!is_fresh(4, 6) && !is_fresh(5, 4));
	}

	#[test]
	fn seat_should_weigh_by_the_lesser_of_burn_and_backing() {
		assert_eq!(seat_weight(10, 1_000, &RULE), 100);
		assert_eq!(seat_weight(25, 1_999, &RULE), 199);
		assert_eq!(seat_weight(25, 9_000, &RULE), 250);
		assert_eq!(seat_weight(u128::MAX, u128::MAX, &RULE), 300);
		assert_eq!(seat_weight(9, u128::MAX, &RULE), 0);
		assert_eq!(seat_weight(u128::MAX, 999, &RULE), 0);
		assert_eq!(seat_weight(0, 2_000, &SeatRule { burn: 0, ..RULE }), 200, "no burn is asked for");
	}

	#[test]
	fn creation_burn_should_double_with_every_target() {
		assert_eq!([0, 10, 20, 30].map(|opened| creation_burn(7, opened, 10)), [7, 14, 28, 56]);
		assert_eq!(creation_burn(7, 15, 10), 21);
		assert_eq!(creation_burn(7, 1, 10), 8, "rounded up");
		assert_eq!(creation_burn(7, 3, 0), 56);
		assert_eq!(creation_burn(1, u32::MAX, 1), u128::MAX);
		assert_eq!(creation_burn(0, u32::MAX, 1), 0);
	}

	#[test]
	fn controller_should_vote_with_no_more_than_the_cap() {
		let cap = Perbill::from_percent(20);
		assert_eq!(capped_weight(100, 0, 1_000, cap), 100);
		assert_eq!(capped_weight(100, 150, 1_000, cap), 50);
		assert_eq!(capped_weight(100, 200, 1_000, cap), 0);
		assert_eq!(capped_weight(100, 300, 1_000, cap), 0);
		assert_eq!(capped_weight(100, 0, 4, cap), 0);
		assert_eq!(capped_weight(300, 0, u128::MAX, cap), 300);
		assert!(CONTROLLER_CAP.is_sound());
	}

	#[test]
	fn house_should_add_up_strength_by_side() {
		let whole = u128::from(WHOLE);
		let house = AiVotes::new(1_000).add(100, lean(60)).add(300, lean(-5)).add(200, lean(4)).add(100, Lean::NEUTRAL);
		assert_eq!((house.ayes, house.nays), (60 * whole, 15 * whole));
		assert_eq!(house.ayes + house.nays + house.abstentions, 700 * whole);
		assert_eq!(house.parts(), (60 * whole / 1_000, 15 * whole / 1_000));
		assert_eq!(house.share_of_ayes(), Some(Perbill::from_percent(80)));
		assert_eq!(AiVotes::new(5).share_of_ayes(), None);
		assert_eq!(AiVotes::new(0).add(1, Lean::AYE).parts(), (0, 0));
	}
}
