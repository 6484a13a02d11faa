//! The arithmetic of contributions: gain, shares, vesting. Integers only, nothing of FRAME. Everything is rounded down.

use sp_runtime::{helpers_128bit::multiply_by_rational_with_rounding, Rounding};

use crate::types::ShareAmount;

/// One whole in parts per million.
pub const MILLION: u32 = 1_000_000;
/// The square of it: the unit of a product of two shares.
const MILLION_SQUARED: u128 = 1_000_000_000_000;

/// `amount × numerator ÷ denominator`, rounded down; 0 for a denominator of 0. Never above `amount` while the numerator is
/// not above the denominator.
pub fn part(amount: u128, numerator: u128, denominator: u128) -> u128 {
	if denominator == 0 {
		return 0;
	}
	multiply_by_rational_with_rounding(amount, numerator, denominator, Rounding::Down).unwrap_or(u128::MAX)
}

/// Gain of a version: the relative fall of the held-out loss, in parts per million.
///
/// `gain = ⌊(base − candidate) × 10⁶ ÷ base⌋`, and 0 when the candidate is not better or the base has no loss to lose. At
/// most 10⁶, for a candidate without loss.
pub fn gain(base: u64, candidate: u64) -> u32 {
	let fall = base.saturating_sub(candidate);
	let gain = part(fall.into(), MILLION.into(), base.into());
	u32::try_from(gain).unwrap_or(MILLION).min(MILLION)
}

/// Shares of a contribution.
///
/// `shares = min(⌊remaining × gain × weight ÷ 10¹²⌋, most, remaining)`, where `remaining` is what may still be granted
/// (the supply cap less all that was granted and not burnt), `gain` and `weight` are parts per million and `most` bounds
/// one contribution. Since a contribution takes a part of what is left, the sum never reaches the cap, and the same gain is
/// worth more the earlier it comes.
pub fn grant(remaining: ShareAmount, gain: u32, weight: u32, most: ShareAmount) -> ShareAmount {
	let rate = u128::from(gain.min(MILLION)).saturating_mul(weight.min(MILLION).into());
	part(remaining, rate, MILLION_SQUARED).min(most).min(remaining)
}

/// How much of a grant has vested `elapsed` blocks after it: `⌊granted × min(elapsed, period) ÷ period⌋`; all of it when the
/// period is 0.
pub fn vested(granted: ShareAmount, elapsed: u128, period: u128) -> ShareAmount {
	if elapsed >= period {
		return granted;
	}
	part(granted, elapsed, period)
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	#[test]
	fn gain_should_be_the_relative_fall_of_the_loss() {
		assert_eq!(gain(1_000, 900), 100_000);
		assert_eq!(gain(3, 2), 333_333, "rounded down");
		assert_eq!(gain(1_000, 0), MILLION);
		assert_eq!(gain(1_000, 1_000), 0);
		assert_eq!(gain(1_000, 1_001), 0, "worse is no gain");
		assert_eq!(gain(0, 0), 0);
		assert_eq!(gain(0, 5), 0);
		assert_eq!(gain(u64::MAX, 0), MILLION);
		assert_eq!(gain(u64::MAX, u64::MAX - 1), 0);
	}

	#[test]
	fn grant_should_be_a_part_of_what_remains() {
		assert_eq!(grant(1_000_000, 100_000, 500_000, u128::MAX), 50_000);
		assert_eq!(grant(950_000, 100_000, 500_000, u128::MAX), 47_500, "the same gain is worth less later");
		assert_eq!(grant(19, 100_000, 500_000, u128::MAX), 0, "rounded down");
		assert_eq!(grant(1_000_000, 100_000, 500_000, 20_000), 20_000);
		assert_eq!(grant(7, MILLION, MILLION, u128::MAX), 7);
		assert_eq!(grant(u128::MAX, u32::MAX, u32::MAX, u128::MAX), u128::MAX);
		assert_eq!(grant(1_000_000, 0, MILLION, u128::MAX), 0);
		assert_eq!(grant(1_000_000, MILLION, 0, u128::MAX), 0);
		assert_eq!(grant(0, MILLION, MILLION, u128::MAX), 0);
	}

	#[test]
	fn vested_should_be_linear() {
		assert_eq!(vested(90, 0, 90), 0);
		assert_eq!(vested(90, 45, 90), 45);
		assert_eq!(vested(89, 45, 90), 44, "rounded down");
		assert_eq!(vested(90, 90, 90), 90);
		assert_eq!(vested(90, 900, 90), 90);
		assert_eq!(vested(90, 0, 0), 90);
		assert_eq!(vested(u128::MAX, 1, 2), u128::MAX / 2);
	}

	proptest! {
		#[test]
		fn gain_should_never_be_above_the_whole(base: u64, candidate: u64) {
			let gain = gain(base, candidate);
			prop_assert!(gain <= MILLION);
			if candidate >= base {
				prop_assert_eq!(gain, 0);
			}
			// Exact: the gain is the largest number of parts that the fall has.
			let fall = u128::from(base.saturating_sub(candidate)) * 1_000_000;
			prop_assert!(u128::from(gain) * u128::from(base) <= fall);
			prop_assert!(base == 0 || (u128::from(gain) + 1) * u128::from(base) > fall);
		}

		#[test]
		fn granting_should_never_go_above_the_supply_cap(
			cap: u128,
			most: u128,
			grants in proptest::collection::vec((0..=MILLION, 0..=MILLION), 0..40),
		) {
			let mut granted = 0u128;
			for (gain, weight) in grants {
				let shares = grant(cap - granted, gain, weight, most);
				prop_assert!(shares <= most);
				granted = granted.checked_add(shares).unwrap();
				prop_assert!(granted <= cap);
			}
		}

		#[test]
		fn a_better_gain_should_never_be_granted_less(remaining: u128, weight in 0..=MILLION, a in 0..=MILLION, b in 0..=MILLION) {
			let (low, high) = (a.min(b), a.max(b));
			prop_assert!(grant(remaining, low, weight, u128::MAX) <= grant(remaining, high, weight, u128::MAX));
		}

		#[test]
		fn vested_should_rise_to_the_grant_and_no_further(granted: u128, period in 1u128..2_000_000, at in 0u128..3_000_000, later in 0u128..3_000_000) {
			let (first, second) = (vested(granted, at, period), vested(granted, at + later, period));
			prop_assert!(first <= second);
			prop_assert!(second <= granted);
			prop_assert_eq!(vested(granted, period, period), granted);
		}
	}
}
