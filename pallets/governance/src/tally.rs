//! What members cast, class by class, and the tally of a community.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_arithmetic::{Perbill, Rounding};

use crate::{
	numbers::{mul_div, part_of, parts_of, ratio},
	ConsentRule, Lean, Parts, Power, Side, WHOLE,
};

/// Most that rounding moves one of a tally's sums: less than a part in each class's quotient, whose mean is less than a
/// part, and less than another in the mean.
pub(crate) const ROUNDING: Parts = 2;

/// Power that was cast on each side.
#[derive(
	Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Votes {
	/// For it.
	pub ayes: Power,
	/// Against it.
	pub nays: Power,
	/// Neither.
	pub abstentions: Power,
}

impl Votes {
	/// Power on one side.
	pub fn of(&self, side: Side) -> Power {
		match side {
			Side::Aye => self.ayes,
			Side::Nay => self.nays,
			Side::Abstain => self.abstentions,
		}
	}

	fn with(self, side: Side, power: Power) -> Self {
		match side {
			Side::Aye => Self { ayes: power, ..self },
			Side::Nay => Self { nays: power, ..self },
			Side::Abstain => Self { abstentions: power, ..self },
		}
	}

	/// With `power` more on a side. `None` when that has no room.
	pub fn add(self, side: Side, power: Power) -> Option<Self> {
		Some(self.with(side, self.of(side).checked_add(power)?))
	}

	/// With `power` less on a side. `None` when there is less.
	pub fn remove(self, side: Side, power: Power) -> Option<Self> {
		Some(self.with(side, self.of(side).checked_sub(power)?))
	}

	/// All sides together. `None` when that has no room.
	pub fn sum(&self) -> Option<Power> {
		self.ayes.checked_add(self.nays)?.checked_add(self.abstentions)
	}
}

/// Power that a ballot counts: what was there at the snapshot, but no more than what still stands behind it.
pub fn ballot_power(at_snapshot: Power, standing: Power) -> Power {
	at_snapshot.min(standing)
}

/// Denominator floor of a class of fans or contributors: the power of so many members, each `worth` as much.
pub fn members_floor(members: u32, worth: Power) -> Power {
	worth.saturating_mul(members.into())
}

/// Denominator floor of investors: part of the issued shares, each of power `unit`, rounded up. `unit` is what a share has
/// in the lightest tier.
pub fn shares_floor(issued: u128, part: Perbill, unit: Power) -> Power {
	part_of(issued, part, Rounding::Up).saturating_mul(unit)
}

/// A class at a proposal: what was frozen when it was submitted, and what has been cast since.
#[derive(
	Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct ClassVotes {
	/// Weight ω of the class, in basis points. Only its ratio to the others' matters.
	pub weight: u16,
	/// Power of the whole class at the snapshot. A class without any has no members, and its weight goes to the others.
	pub total: Power,
	/// Denominator floor D: what the class is taken to have at least, so that a lone member is not all of it.
	pub floor: Power,
	/// What was cast.
	pub votes: Votes,
}

impl ClassVotes {
	/// Whether the class had members at the snapshot.
	pub fn has_members(&self) -> bool {
		self.total > 0
	}

	/// What votes are counted against: the total, at least the floor.
	pub fn denominator(&self) -> Power {
		self.total.max(self.floor)
	}

	/// What was cast on a side, of the denominator, in parts of [`WHOLE`]. For a class that has members.
	fn parts(&self, side: Side, rounding: Rounding) -> u128 {
		mul_div(self.votes.of(side), WHOLE.into(), self.denominator(), rounding).min(WHOLE.into())
	}

	/// Ayes of what was cast for and against, rounded down. `None` when that is nothing.
	pub fn share_of_ayes(&self) -> Option<Perbill> {
		// Halved until the sum has room: at 2^127 that is less than a billionth.
		let Votes { ayes, nays, .. } = self.votes;
		match ayes.checked_add(nays) {
			Some(cast) => ratio(ayes, cast),
			None => ratio(ayes >> 1, (ayes >> 1).saturating_add(nays.div_ceil(2))),
		}
	}

	/// Ayes of the denominator, rounded down.
	pub fn support(&self) -> Perbill {
		ratio(self.votes.ayes, self.denominator()).unwrap_or_default()
	}

	/// Whether the class itself is for it. Exact: neither comparison is moved by rounding. Only ayes count towards the
	/// support, so no nay ever helps.
	pub fn agrees(&self, rule: &ConsentRule) -> bool {
		self.share_of_ayes().is_some_and(|share| share >= rule.approval) && self.support() >= rule.support
	}
}

/// The weighted means of what classes cast, each of its class's denominator, in parts of [`WHOLE`]. Ayes are rounded down,
/// nays and abstentions up, each by less than 2 parts.
#[derive(
	Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Tally {
	/// A: for it.
	pub ayes: Parts,
	/// N: against it.
	pub nays: Parts,
	/// B: neither.
	pub abstentions: Parts,
}

/// The tally of a community. Classes without members give their weight to the others, in the proportion of theirs. Nothing
/// when no class has both members and weight.
pub fn tally(classes: &[ClassVotes]) -> Tally {
	tally_of(classes.iter().copied())
}

pub(crate) fn tally_of(classes: impl Iterator<Item = ClassVotes> + Clone) -> Tally {
	let members = classes.filter(ClassVotes::has_members);
	let weights = members.clone().fold(0u128, |sum, class| sum.saturating_add(class.weight.into()));
	if weights == 0 {
		return Tally::default();
	}
	let mean = |side: Side, rounding: Rounding| {
		let weighed = members.clone().map(|class| class.parts(side, rounding).saturating_mul(class.weight.into()));
		let sum = weighed.fold(0u128, |sum, part| sum.saturating_add(part));
		Parts::try_from(mul_div(sum, 1, weights, rounding)).unwrap_or(WHOLE).min(WHOLE)
	};
	Tally {
		ayes: mean(Side::Aye, Rounding::Down),
		nays: mean(Side::Nay, Rounding::Up),
		abstentions: mean(Side::Abstain, Rounding::Up),
	}
}

impl Tally {
	/// A + N, in parts.
	pub(crate) fn cast(&self) -> u128 {
		u128::from(self.ayes).saturating_add(self.nays.into())
	}

	/// A, rounded down. What a quorum asks for: neither nays nor abstentions bring it nearer.
	pub fn support(&self) -> Perbill {
		ratio(self.ayes.into(), WHOLE.into()).unwrap_or_default()
	}

	/// A + N, rounded down, at most one whole.
	pub fn turnout(&self) -> Perbill {
		ratio(self.cast(), WHOLE.into()).unwrap_or_default()
	}

	/// A / (A + N), rounded down. `None` when nobody voted for or against.
	pub fn share_of_ayes(&self) -> Option<Perbill> {
		ratio(self.ayes.into(), self.cast())
	}

	/// What the members prefer: (A − N) / max(A + N + B, `target`), rounded towards nay. A community that hardly votes speaks
	/// softly. An aye more never lowers it, a nay more never raises it.
	pub fn lean(&self, target: Perbill) -> Lean {
		// Abstentions draw it towards 0. Those of a community that is against must not be rounded up.
		let abstentions =
			if self.nays > self.ayes { self.abstentions.saturating_sub(ROUNDING) } else { self.abstentions };
		let whole = self.cast().saturating_add(abstentions.into()).max(parts_of(target).into());
		let ahead = i128::from(self.ayes).saturating_sub(self.nays.into()).saturating_mul(WHOLE.into());
		let parts = i128::try_from(whole).ok().and_then(|whole| ahead.checked_div_euclid(whole)).unwrap_or(0);
		Lean::from_parts(i64::try_from(parts).unwrap_or(0))
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn class(weight: u16, total: Power, ayes: Power, nays: Power, abstentions: Power) -> ClassVotes {
		ClassVotes { weight, total, floor: 0, votes: Votes { ayes, nays, abstentions } }
	}

	fn percent(parts: Parts) -> f64 {
		parts as f64 * 100.0 / WHOLE as f64
	}

	#[test]
	fn votes_should_be_refused_when_they_have_no_room_or_are_not_there() {
		let votes = Votes::default().add(Side::Aye, u128::MAX).unwrap();
		assert_eq!(votes.add(Side::Aye, 1), None);
		assert_eq!(votes.remove(Side::Nay, 1), None);
		assert_eq!(votes.remove(Side::Aye, u128::MAX), Some(Votes::default()));
		assert_eq!(votes.add(Side::Abstain, 1).unwrap().sum(), None);
	}

	#[test]
	fn tally_should_weigh_classes() {
		// 3000 · 1 + 3000 · ½ of 6000, and nays of 3000 · ¼.
		let tally = tally(&[class(3_000, 1, 1, 0, 0), class(3_000, 100, 50, 25, 25)]);
		assert_eq!([tally.ayes, tally.nays, tally.abstentions].map(percent), [75.0, 12.5, 12.5]);
		assert_eq!(tally.support(), Perbill::from_percent(75));
		assert_eq!(tally.turnout(), Perbill::from_parts(875_000_000));
		assert_eq!(tally.share_of_ayes(), Some(Perbill::from_parts(857_142_857)));
	}

	#[test]
	fn empty_classes_should_give_their_weight_to_the_others() {
		let alone = tally(&[class(3_000, 10, 4, 0, 0)]);
		assert_eq!(tally(&[class(3_000, 10, 4, 0, 0), class(4_500, 0, 0, 0, 0)]), alone);
		assert_eq!(percent(alone.ayes), 40.0);
		assert_eq!(tally(&[]), Tally::default());
		assert_eq!(tally(&[class(0, 10, 10, 0, 0)]), Tally::default(), "a class without weight decides nothing");
	}

	#[test]
	fn lone_fan_should_not_be_the_whole_class_when_there_is_a_floor() {
		let floor = members_floor(5, 1);
		let fan = ClassVotes { floor, ..class(10_000, 1, 1, 0, 0) };
		assert_eq!(percent(tally(&[fan]).ayes), 20.0);
		assert_eq!(fan.support(), Perbill::from_percent(20));
	}

	#[test]
	fn floors_should_be_rounded_up() {
		assert_eq!(shares_floor(1_001, Perbill::from_percent(20), 2), 402);
		assert_eq!(shares_floor(u128::MAX, Perbill::one(), 2), u128::MAX);
		assert_eq!(members_floor(u32::MAX, u128::MAX), u128::MAX);
	}

	#[test]
	fn ayes_should_be_rounded_down_and_nays_up() {
		let tally = tally(&[class(1, 3, 1, 1, 1)]);
		assert_eq!((tally.ayes, tally.nays), (33_333_333_333_333, 33_333_333_333_334));
		assert_eq!(tally.share_of_ayes(), Some(Perbill::from_parts(499_999_999)));
	}

	#[test]
	fn tally_should_hold_the_largest_powers() {
		let max = u128::MAX;
		let all = tally(&[class(u16::MAX, max, max, 0, 0), class(u16::MAX, max, 0, max, 0)]);
		assert_eq!((all.ayes, all.nays), (WHOLE / 2, WHOLE / 2));
		let torn = class(1, max, max, max, max);
		assert_eq!(torn.share_of_ayes(), Some(Perbill::from_parts(499_999_999)));
	}

	#[test]
	fn members_that_hardly_vote_should_speak_softly() {
		let target = Perbill::from_percent(20);
		let lean = |ayes, nays, abstentions| tally(&[class(1, 100, ayes, nays, abstentions)]).lean(target).billionths();
		assert_eq!(lean(1, 0, 0), 50_000_000);
		assert_eq!(lean(20, 0, 0), 1_000_000_000);
		assert_eq!(lean(0, 40, 0), -1_000_000_000);
		assert_eq!(lean(40, 20, 40), 200_000_000);
		assert_eq!(lean(0, 0, 100), 0);
		assert_eq!(Tally::default().lean(Perbill::zero()), Lean::NEUTRAL);
	}

	#[test]
	fn class_should_agree_when_both_share_and_support_are_reached() {
		let agrees = |ayes, nays| class(1, 1_000, ayes, nays, 0).agrees(&ConsentRule::CONSENT);
		assert!(agrees(100, 100));
		assert!(!agrees(100, 101));
		assert!(!agrees(99, 0));
		assert!(!agrees(99, 1), "a nay does not make up for an aye that is missing");
		assert!(class(1, 1_000, 1, 1, 0).agrees(&ConsentRule::CONCURRENCE));
		assert!(!class(1, 1_000, 0, 0, 9).agrees(&ConsentRule::CONCURRENCE));
	}

	#[test]
	fn ballot_should_count_what_still_stands() {
		assert_eq!((ballot_power(5, 3), ballot_power(3, 5)), (3, 3));
	}
}
