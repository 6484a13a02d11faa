//! Limits: bounds of a charter's fields, how fast a value may move, and how much may be spent.

use autonomy_primitives::community::Day;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_arithmetic::{Perbill, Rounding};

use crate::numbers::part_of;

/// All weights of a charter together, in basis points.
pub const WEIGHTS: u32 = 10_000;
/// Days until a change of the franchise takes effect.
pub const FRANCHISE_DELAY_DAYS: Day = 7;
/// Days in which what is spent is limited.
pub const SPEND_DAYS: usize = 7;

/// Bounds of a field and what it is unless said otherwise, in the field's unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Bounds {
	/// Least.
	pub least: u32,
	/// Unless said otherwise.
	pub default: u32,
	/// Most.
	pub most: u32,
}

impl Bounds {
	/// From least to most.
	pub const fn new(least: u32, default: u32, most: u32) -> Self {
		Self { least, default, most }
	}

	/// Whether the default is within them.
	pub fn is_sound(&self) -> bool {
		self.contains(self.default)
	}

	/// Whether a value is within them.
	pub fn contains(&self, value: u32) -> bool {
		(self.least..=self.most).contains(&value)
	}

	/// The value that is nearest within them. With bounds that are not sound, the most.
	pub fn clamp(&self, value: u32) -> u32 {
		value.max(self.least).min(self.most)
	}
}

/// Bounds of a community's charter. Shares in basis points.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct CharterBounds {
	/// ω: weights of owner, investors, fans and contributors. Together [`WEIGHTS`].
	pub weights: [Bounds; 4],
	/// α: share of the AI's own decision in its preference.
	pub own_share: Bounds,
	/// u*: turnout at which members speak with their full voice.
	pub participation: Bounds,
	/// s: least ayes, of all that members could cast.
	pub quorum: Bounds,
	/// θ: least approval.
	pub approval: Bounds,
	/// Days of voting.
	pub voting_days: Bounds,
	/// Days of the time-lock.
	pub lock_days: Bounds,
	/// Share of an asset of the treasury that may be spent in any [`SPEND_DAYS`] days.
	pub spend: Bounds,
	/// κ of the community's own AI.
	pub own_ai_share: Bounds,
}

impl CharterBounds {
	/// Of a character, until governance says otherwise.
	pub const CHARACTER: Self = Self {
		weights: [
			Bounds::new(1_500, 3_000, 4_500),
			Bounds::new(1_500, 3_000, 4_500),
			Bounds::new(1_500, 2_500, 4_500),
			Bounds::new(0, 1_500, 3_000),
		],
		own_share: Bounds::new(2_000, 4_000, 5_000),
		participation: Bounds::new(500, 2_000, 5_000),
		quorum: Bounds::new(500, 1_000, 4_000),
		approval: Bounds::new(5_000, 5_000, 8_000),
		voting_days: Bounds::new(3, 5, 10),
		lock_days: Bounds::new(1, 2, 7),
		spend: Bounds::new(500, 1_000, 2_500),
		own_ai_share: Bounds::new(0, 0, 2_000),
	};

	/// Whether every default is within its bounds, and those of the weights add up.
	pub fn is_sound(&self) -> bool {
		let fields = [
			self.own_share,
			self.participation,
			self.quorum,
			self.approval,
			self.voting_days,
			self.lock_days,
			self.spend,
			self.own_ai_share,
		];
		fields.iter().chain(&self.weights).all(Bounds::is_sound)
			&& self.weights.iter().fold(0u32, |sum, bounds| sum.saturating_add(bounds.default)) == WEIGHTS
	}
}

/// Whether each weight is within its bounds and all together are [`WEIGHTS`].
pub fn are_weights(weights: &[(u16, Bounds)]) -> bool {
	let sum = weights.iter().fold(0u32, |sum, (weight, _)| sum.saturating_add((*weight).into()));
	sum == WEIGHTS && weights.iter().all(|(weight, bounds)| bounds.contains((*weight).into()))
}

/// How far a value may move in how many days.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct StepRule {
	/// Of each value that was in force in these days; rounded down.
	pub relative: Perbill,
	/// Allowed however small those were, in the value's unit: without it, a value of 0 would stay there.
	pub absolute: u128,
	/// Days.
	pub days: Day,
}

impl StepRule {
	/// Of the franchise, in basis points: a fifth in any 30 days.
	pub const FRANCHISE: Self = Self { relative: Perbill::from_percent(20), absolute: 100, days: 30 };
	/// Of economic parameters: a quarter in any 7 days.
	pub const ECONOMIC: Self = Self { relative: Perbill::from_percent(25), absolute: 1, days: 7 };
}

/// What a value was, from its first change after so many days without any.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Steps {
	/// The least that it was.
	pub lowest: u128,
	/// The most that it was.
	pub highest: u128,
	/// The day of the last change.
	pub changed: Day,
}

impl Steps {
	/// What counts today: the record, or once it has lapsed the value as it is.
	fn in_force(steps: Option<Self>, current: u128, today: Day, rule: &StepRule) -> Self {
		match steps {
			Some(steps) if today < steps.changed.saturating_add(rule.days) => {
				Self { lowest: steps.lowest.min(current), highest: steps.highest.max(current), changed: steps.changed }
			}
			_ => Self { lowest: current, highest: current, changed: today },
		}
	}

	/// The least and the most that the value may be set to today. Both ends are within the limit of every value in force
	/// in the last [`StepRule::days`] days; the value as it is always lies between them.
	pub fn allowed(steps: Option<Self>, current: u128, today: Day, rule: &StepRule) -> (u128, u128) {
		let Self { lowest, highest, .. } = Self::in_force(steps, current, today, rule);
		let step = |from: u128| part_of(from, rule.relative, Rounding::Down).max(rule.absolute);
		let least = highest.saturating_sub(step(highest)).min(current);
		let most = lowest.saturating_add(step(lowest)).max(current);
		(least, most)
	}

	/// The record after the value is set to `next`. `None` when that is too far.
	pub fn step(steps: Option<Self>, current: u128, next: u128, today: Day, rule: &StepRule) -> Option<Self> {
		let (least, most) = Self::allowed(steps, current, today, rule);
		let Self { lowest, highest, .. } = Self::in_force(steps, current, today, rule);
		(least..=most).contains(&next).then(|| Self {
			lowest: lowest.min(next),
			highest: highest.max(next),
			changed: today,
		})
	}
}

/// What was spent of one asset by one path in the last seven days, day by day, so that any seven days in a row are within
/// the limit. A week after it was spent, an amount is forgotten.
#[derive(
	Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct SpendWindow {
	/// The day of the first amount.
	day: Day,
	/// Amounts, that of `day` first, then those of the days before.
	amounts: [u128; SPEND_DAYS],
}

impl SpendWindow {
	/// As it is on a day. A day before the last one is taken for the last one.
	fn on(self, today: Day) -> Self {
		let passed = today.saturating_sub(self.day);
		let mut amounts = [0; SPEND_DAYS];
		for (to, from) in amounts.iter_mut().skip(usize::try_from(passed).unwrap_or(SPEND_DAYS)).zip(self.amounts) {
			*to = from;
		}
		Self { day: self.day.max(today), amounts }
	}

	fn sum(&self) -> u128 {
		self.amounts.iter().fold(0u128, |sum, amount| sum.saturating_add(*amount))
	}

	/// What was spent in the seven days that end today.
	pub fn spent(&self, today: Day) -> u128 {
		self.on(today).sum()
	}

	/// What may still be spent today: `limit` of what there would be had nothing been spent, rounded down, less what was
	/// spent. Never more than the balance.
	pub fn left(&self, today: Day, balance: u128, limit: Perbill) -> u128 {
		let spent = self.spent(today);
		part_of(balance.saturating_add(spent), limit, Rounding::Down).saturating_sub(spent).min(balance)
	}

	/// The window after `amount` is spent today of a balance that still has it. `None` when that is more than is left.
	pub fn spend(self, today: Day, balance: u128, limit: Perbill, amount: u128) -> Option<Self> {
		if amount > self.left(today, balance, limit) {
			return None;
		}
		let mut window = self.on(today);
		let first = window.amounts.first_mut()?;
		*first = first.checked_add(amount)?;
		Some(window)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	const TENTH: Perbill = Perbill::from_percent(10);

	#[test]
	fn bounds_should_clamp_what_is_beyond_them() {
		let bounds = Bounds::new(5, 10, 40);
		assert_eq!([0, 5, 20, 40, 41].map(|value| bounds.clamp(value)), [5, 5, 20, 40, 40]);
		assert_eq!([4, 5, 40, 41].map(|value| bounds.contains(value)), [false, true, true, false]);
		assert!(bounds.is_sound() && !Bounds::new(5, 4, 40).is_sound() && !Bounds::new(2, 2, 1).is_sound());
		assert_eq!(Bounds::new(2, 2, 1).clamp(7), 1);
	}

	#[test]
	fn charter_of_a_character_should_be_sound() {
		assert!(CharterBounds::CHARACTER.is_sound());
	}

	#[test]
	fn weights_should_be_within_bounds_and_add_up() {
		let bounds = CharterBounds::CHARACTER.weights;
		let are = |weights: [u16; 4]| {
			let [owner, investor, fan, contributor] = weights;
			let [of_owner, of_investor, of_fan, of_contributor] = bounds;
			are_weights(&[(owner, of_owner), (investor, of_investor), (fan, of_fan), (contributor, of_contributor)])
		};
		assert!(are([3_000, 3_000, 2_500, 1_500]) && are([4_500, 4_000, 1_500, 0]));
		assert!(!are([3_000, 3_000, 2_500, 1_499]));
		assert!(!are([4_600, 3_900, 1_500, 0]));
	}

	#[test]
	fn value_should_move_a_fifth_in_thirty_days() {
		let rule = &StepRule::FRANCHISE;
		assert_eq!(Steps::allowed(None, 3_000, 100, rule), (2_400, 3_600));
		let up = Steps::step(None, 3_000, 3_600, 100, rule).unwrap();
		assert_eq!(Steps::step(Some(up), 3_600, 3_601, 129, rule), None);
		assert_eq!(Steps::allowed(Some(up), 3_600, 129, rule), (2_880, 3_600));
		let down = Steps::step(Some(up), 3_600, 3_000, 129, rule).unwrap();
		assert_eq!(Steps::allowed(Some(down), 3_000, 158, rule), (2_880, 3_600), "the record is kept");
		assert_eq!(Steps::allowed(Some(down), 3_000, 159, rule), (2_400, 3_600), "and lapses");
	}

	#[test]
	fn small_value_should_be_able_to_grow() {
		let rule = &StepRule::FRANCHISE;
		assert_eq!(Steps::allowed(None, 0, 0, rule), (0, 100));
		let some = Steps::step(None, 0, 100, 0, rule).unwrap();
		assert_eq!(Steps::step(Some(some), 100, 101, 29, rule), None);
		assert_eq!(Steps::allowed(Some(some), 100, 30, rule), (0, 200));
		assert_eq!(Steps::allowed(None, u128::MAX, Day::MAX, rule).1, u128::MAX);
	}

	#[test]
	fn treasury_should_spend_its_limit_in_any_seven_days() {
		let window = SpendWindow::default().spend(10, 1_000, TENTH, 60).unwrap();
		assert_eq!(window.left(10, 940, TENTH), 40);
		let window = window.spend(13, 940, TENTH, 40).unwrap();
		assert_eq!((window.spent(16), window.left(16, 900, TENTH)), (100, 0));
		assert_eq!(window.spend(16, 900, TENTH, 1), None);
		assert_eq!((window.spent(17), window.left(17, 900, TENTH)), (40, 54), "what was spent on day 10 is forgotten");
		assert_eq!((window.spent(20), window.left(20, 900, TENTH)), (0, 90));
		assert_eq!(window.spent(Day::MAX), 0);
	}

	#[test]
	fn limit_should_grow_with_what_comes_in() {
		let window = SpendWindow::default().spend(0, 1_000, TENTH, 100).unwrap();
		assert_eq!(window.left(0, 900, TENTH), 0);
		assert_eq!(window.left(0, 1_900, TENTH), 100);
		assert_eq!(window.left(0, 50, Perbill::one()), 50, "never more than there is");
	}

	#[test]
	fn days_should_never_go_back() {
		let window = SpendWindow::default().spend(10, 1_000, TENTH, 100).unwrap();
		assert_eq!(window.spent(9), 100);
		assert_eq!(window.on(9).day, 10);
	}
}
