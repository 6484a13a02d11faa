//! What a value was at the end of each of the last [`WINDOW`] days, in a bounded record. Nothing of FRAME.
//!
//! A ring stores only the days on which its value changed. A second change on the same day overwrites the first: a day has
//! one value, the one at its end. Days that have left the window collapse into one, so that the record never has more than
//! [`WINDOW`] entries, whatever is done to it. Yet it answers for each closed day of the window as a record of everything
//! would.

use autonomy_primitives::community::Day;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_runtime::{traits::ConstU32, BoundedVec};

/// Closed days that can be asked for.
pub const WINDOW: Day = 40;

/// The history of one value.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Ring<V> {
	/// The value on every day before the first checkpoint.
	baseline: V,
	/// Days on which the value changed, ascending, with the value at their end.
	checkpoints: BoundedVec<(Day, V), ConstU32<WINDOW>>,
}

impl<V: Clone + PartialEq> Ring<V> {
	/// A value that has never changed.
	pub fn new(baseline: V) -> Self {
		Self { baseline, checkpoints: BoundedVec::new() }
	}

	/// The value now.
	pub fn latest(&self) -> &V {
		self.checkpoints.last().map_or(&self.baseline, |(_, value)| value)
	}

	/// The value at the end of `day`, in O(log [`WINDOW`]). `None` when the day is not closed, or before the window.
	pub fn at(&self, day: Day, today: Day) -> Option<&V> {
		if day >= today || day < today.saturating_sub(WINDOW) {
			return None;
		}
		let before = self.checkpoints.partition_point(|(changed, _)| *changed <= day);
		let checkpoint = before.checked_sub(1).and_then(|index| self.checkpoints.get(index));
		Some(checkpoint.map_or(&self.baseline, |(_, value)| value))
	}

	/// Sets the value from today on. A day before the last change counts as the day of that change.
	pub fn set(&mut self, today: Day, value: V) {
		let today = self.checkpoints.last().map_or(today, |(last, _)| today.max(*last));
		self.collapse(today);
		if self.checkpoints.last().is_some_and(|(last, _)| *last == today) {
			self.checkpoints.pop();
		}
		if *self.latest() == value {
			return;
		}
		let pushed = self.checkpoints.try_push((today, value));
		debug_assert!(pushed.is_ok(), "the days after `today - WINDOW` up to `today` are WINDOW");
	}

	/// Forgets what no closed day of the window needs any more.
	pub fn collapse(&mut self, today: Day) {
		let Some(oldest) = today.checked_sub(WINDOW) else { return };
		let gone = self.checkpoints.partition_point(|(day, _)| *day <= oldest);
		let Some((_, value)) = gone.checked_sub(1).and_then(|index| self.checkpoints.get(index)) else { return };
		self.baseline = value.clone();
		self.checkpoints.retain(|(day, _)| *day > oldest);
	}

	/// Whether the value is `blank` on every day, so that the record says nothing.
	pub fn is_blank(&self, blank: &V) -> bool {
		self.checkpoints.is_empty() && self.baseline == *blank
	}

	/// Checkpoints that are stored, ascending.
	pub fn checkpoints(&self) -> &[(Day, V)] {
		&self.checkpoints
	}
}

#[cfg(test)]
mod tests {
	use std::collections::BTreeMap;

	use proptest::prelude::*;

	use super::*;

	#[test]
	fn days_before_the_first_checkpoint_should_have_the_baseline() {
		let mut ring = Ring::<u128>::default();
		ring.set(3, 7);
		assert_eq!([0, 2, 3, 4].map(|day| ring.at(day, 5)), [Some(&0), Some(&0), Some(&7), Some(&7)]);
		assert_eq!(ring.latest(), &7);
	}

	#[test]
	fn day_should_have_no_value_before_it_is_closed_or_after_it_left_the_window() {
		let mut ring = Ring::<u128>::default();
		ring.set(3, 7);
		assert_eq!(ring.at(3, 3), None);
		assert_eq!(ring.at(4, 3), None);
		assert_eq!(ring.at(3, 4), Some(&7));
		assert_eq!(ring.at(3, 3 + WINDOW), Some(&7));
		assert_eq!(ring.at(3, 4 + WINDOW), None);
	}

	#[test]
	fn second_change_of_a_day_should_overwrite_the_first() {
		let mut ring = Ring::<u128>::default();
		ring.set(3, 7);
		ring.set(3, 9);
		assert_eq!(ring.checkpoints(), [(3, 9)]);
		ring.set(3, 0);
		assert!(ring.is_blank(&0), "a day on which nothing changed in the end leaves nothing");
	}

	#[test]
	fn value_that_does_not_change_should_take_no_checkpoint() {
		let mut ring = Ring::new(Some(1));
		ring.set(3, Some(1));
		ring.set(4, Some(2));
		ring.set(5, Some(2));
		assert_eq!(ring.checkpoints(), [(4, Some(2))]);
	}

	#[test]
	fn ring_should_be_full_when_the_value_changes_every_day() {
		let mut ring = Ring::<u128>::default();
		for day in 0..100 {
			ring.set(day, u128::from(day) + 1);
			assert!(ring.checkpoints().len() <= WINDOW as usize);
		}
		assert_eq!(ring.checkpoints().len(), WINDOW as usize);
		assert_eq!(ring.at(59, 99), Some(&60));
		assert_eq!(ring.at(98, 99), Some(&99));
	}

	#[test]
	fn ring_should_forget_only_what_no_closed_day_needs() {
		let mut ring = Ring::<u128>::default();
		ring.set(3, 7);
		ring.set(9, 0);
		ring.collapse(8 + WINDOW);
		assert_eq!(ring.at(8, 8 + WINDOW), Some(&7));
		assert!(!ring.is_blank(&0));
		ring.collapse(9 + WINDOW);
		assert!(ring.is_blank(&0));
	}

	#[test]
	fn clock_that_goes_back_should_change_the_last_day_and_no_other() {
		let mut ring = Ring::<u128>::default();
		ring.set(10, 1);
		ring.set(20, 2);
		ring.set(15, 3);
		assert_eq!(ring.checkpoints(), [(10, 1), (20, 3)]);
	}

	proptest! {
		#![proptest_config(ProptestConfig::with_cases(512))]

		/// The ring answers for each closed day of the window as an unbounded history does.
		#[test]
		fn ring_should_answer_like_an_unbounded_history(
			changes in proptest::collection::vec(
				(prop_oneof![5 => 0u32..3, 3 => 3u32..15, 1 => 35u32..45, 1 => 45u32..200], 0u128..4),
				1..120,
			),
		) {
			let (mut ring, mut history, mut today) = (Ring::<u128>::default(), BTreeMap::new(), 0u32);
			for (days, value) in changes {
				today += days;
				ring.set(today, value);
				history.insert(today, value);
				prop_assert!(ring.checkpoints().len() <= WINDOW as usize);
				prop_assert!(ring.checkpoints().windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 != pair[1].1));
				// As of now, and as of later days on which nothing was written.
				for now in [today, today + 1, today + 17, today + WINDOW, today + WINDOW + 1] {
					for day in now.saturating_sub(WINDOW + 2)..=now {
						let is_open = day < now && day + WINDOW >= now;
						let expected = is_open.then(|| history.range(..=day).next_back().map_or(0, |(_, value)| *value));
						prop_assert_eq!(ring.at(day, now).copied(), expected, "day {} as of day {}", day, now);
					}
				}
				let mut collapsed = ring.clone();
				collapsed.collapse(today);
				for day in today.saturating_sub(WINDOW)..today {
					prop_assert_eq!(collapsed.at(day, today), ring.at(day, today));
				}
			}
		}
	}
}
