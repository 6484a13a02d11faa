//! Dividing revenue among any number of holders without looking at one of them. Nothing of FRAME.
//!
//! The accumulator says what one unit has earned since the beginning. A holder remembers what it said when the holder was
//! last settled; what it has grown by since, times the holder's units, is what the holder is owed (the scalable reward
//! distribution of Batog, Boca and Johnson, 2018). It is a fixed-point number with 64 fractional bits.
//!
//! Rounding never makes money: what one unit earns is rounded down and the rest carried to the next division; what a holder
//! is owed is rounded down at each settlement, so that a settlement leaves less than one planck in the pot.
//!
//! The number may wrap round, as Uniswap's fee growth does: differences stay right as long as a unit earns less than 2⁶⁴
//! planck between two settlements of its holder. Whoever sleeps through more than that is owed less, never more.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::U256;

/// One planck, with 64 fractional bits.
const PLANCK: u128 = 1 << 64;

/// What one unit has earned, and what has not been divided yet.
#[derive(
	Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Accumulator {
	/// Units that share: the sum over all holders.
	pub units: u128,
	/// What one unit has earned, in planck with 64 fractional bits. Wraps round.
	pub per_unit: u128,
	/// What rounding has left over, in 2⁻⁶⁴ planck.
	pub remainder: u128,
}

impl Accumulator {
	/// Divides `amount` planck. Returns whether it could be divided: not without units, nor when one unit would get 2⁶⁴
	/// planck or more at once. If not, nothing has changed.
	#[must_use]
	pub fn distribute(&mut self, amount: u128) -> bool {
		let Some((step, remainder)) = self.step(amount) else { return false };
		self.per_unit = self.per_unit.wrapping_add(step);
		self.remainder = remainder;
		true
	}

	/// What each unit gets of `amount` and the remainder before it, and the remainder after it.
	fn step(&self, amount: u128) -> Option<(u128, u128)> {
		let units = U256::from(self.units);
		let whole = U256::from(amount).checked_mul(PLANCK.into())?.checked_add(self.remainder.into())?;
		let step = whole.checked_div(units)?;
		let remainder = whole.checked_rem(units)?;
		Some((step.try_into().ok()?, remainder.try_into().ok()?))
	}

	/// What `units` have earned since the accumulator said `paid`, in planck.
	pub fn pending(&self, units: u128, paid: u128) -> u128 {
		let grown = self.per_unit.wrapping_sub(paid);
		let earned = U256::from(units).checked_mul(grown.into()).and_then(|parts| parts.checked_div(PLANCK.into()));
		// More than any balance can only be a fault: owe nothing rather than too much.
		earned.and_then(|earned| earned.try_into().ok()).unwrap_or(0)
	}

	/// Replaces one holder's units. `None` when there are not so many, or would be too many; then nothing has changed.
	pub fn replace_units(&mut self, before: u128, after: u128) -> Option<()> {
		self.units = self.units.checked_sub(before)?.checked_add(after)?;
		Some(())
	}
}

#[cfg(test)]
mod tests {
	use proptest::prelude::*;
	use sp_core::U512;

	use super::*;

	/// A fraction, always reduced.
	#[derive(Clone, Copy, Debug)]
	struct Fraction {
		over: U512,
		under: U512,
	}

	impl Fraction {
		fn new(over: u128, under: u128) -> Self {
			Self { over: over.into(), under: under.into() }.reduced()
		}

		fn reduced(self) -> Self {
			let (mut a, mut b) = (self.over, self.under);
			while !b.is_zero() {
				(a, b) = (b, a % b);
			}
			Self { over: self.over / a, under: self.under / a }
		}

		fn plus(self, other: Self) -> Self {
			let over = self.over * other.under + other.over * self.under;
			Self { over, under: self.under * other.under }.reduced()
		}

		fn is_below(self, other: Self) -> bool {
			self.over * other.under < other.over * self.under
		}
	}

	#[test]
	fn distribution_should_fail_when_nobody_has_units() {
		let mut accumulator = Accumulator::default();
		assert!(!accumulator.distribute(5));
		assert_eq!(accumulator, Accumulator::default());
	}

	#[test]
	fn distribution_should_fail_when_one_unit_would_get_too_much() {
		let mut accumulator = Accumulator { units: 1, ..Default::default() };
		assert!(!accumulator.distribute(1 << 64));
		assert!(accumulator.distribute((1 << 64) - 1));
		assert_eq!(accumulator.pending(1, 0), (1 << 64) - 1);
	}

	#[test]
	fn remainder_should_be_divided_with_the_next_amount() {
		let mut accumulator = Accumulator { units: 3, ..Default::default() };
		assert!(accumulator.distribute(1));
		assert_eq!((accumulator.pending(1, 0), accumulator.remainder), (0, 1));
		assert!(accumulator.distribute(1));
		assert!(accumulator.distribute(1));
		assert_eq!((accumulator.pending(1, 0), accumulator.remainder), (1, 0));
	}

	#[test]
	fn units_should_stay_as_they_are_when_they_cannot_be_replaced() {
		let mut accumulator = Accumulator { units: 5, ..Default::default() };
		assert_eq!(accumulator.replace_units(6, 0), None);
		assert_eq!(accumulator.replace_units(0, u128::MAX), None);
		assert_eq!(accumulator.units, 5);
		assert_eq!(accumulator.replace_units(5, 7), Some(()));
		assert_eq!(accumulator.units, 7);
	}

	#[test]
	fn difference_should_be_right_when_the_accumulator_wraps_round() {
		let mut accumulator = Accumulator { units: 4, per_unit: u128::MAX - 5, ..Default::default() };
		let paid = accumulator.per_unit;
		assert!(accumulator.distribute(400));
		assert!(accumulator.per_unit < paid);
		assert_eq!(accumulator.pending(3, paid), 300);
	}

	#[test]
	fn largest_numbers_should_not_panic() {
		let mut accumulator = Accumulator { units: u128::MAX, per_unit: 3, remainder: u128::MAX };
		assert!(accumulator.distribute(u128::MAX));
		let _ = accumulator.pending(u128::MAX, 0);
		let accumulator = Accumulator { units: 1, per_unit: u128::MAX, remainder: 0 };
		assert_eq!(accumulator.pending(u128::MAX, 0), 0, "more than any balance is a fault");
	}

	/// What happens to a pot of four holders.
	#[derive(Clone, Debug)]
	enum Step {
		/// A holder changes its units.
		Units(usize, u128),
		/// Revenue arrives.
		Revenue(u128),
		/// A holder is settled without a change.
		Settle(usize),
	}

	fn step(units: u128, revenue: u128) -> impl Strategy<Value = Step> {
		prop_oneof![
			3 => (0usize..4, 0..units).prop_map(|(holder, units)| Step::Units(holder, units)),
			2 => prop_oneof![Just(1u128), 0..revenue].prop_map(Step::Revenue),
			1 => (0usize..4).prop_map(Step::Settle),
		]
	}

	#[derive(Clone, Copy, Default)]
	struct Holder {
		units: u128,
		paid: u128,
		owed: u128,
		settlements: u128,
	}

	impl Holder {
		fn settle(&mut self, accumulator: &Accumulator) {
			self.owed += accumulator.pending(self.units, self.paid);
			self.paid = accumulator.per_unit;
			self.settlements += 1;
		}
	}

	/// Plays the steps. Returns the holders, all settled, what was divided in all, and what each holder should have got.
	fn play(steps: Vec<Step>, start: u128) -> (Accumulator, [Holder; 4], u128, [Fraction; 4]) {
		let mut accumulator = Accumulator { per_unit: start, ..Default::default() };
		let mut holders = [Holder { paid: start, ..Default::default() }; 4];
		let (mut divided, mut exact) = (0, [Fraction::new(0, 1); 4]);
		for step in steps {
			match step {
				Step::Units(holder, units) => {
					holders[holder].settle(&accumulator);
					accumulator.replace_units(holders[holder].units, units).unwrap();
					holders[holder].units = units;
				}
				Step::Revenue(amount) => {
					let units = accumulator.units;
					assert_eq!(accumulator.distribute(amount), units > 0);
					if units > 0 {
						divided += amount;
						for (holder, exact) in holders.iter().zip(&mut exact) {
							*exact = exact.plus(Fraction::new(amount * holder.units, units));
						}
					}
				}
				Step::Settle(holder) => holders[holder].settle(&accumulator),
			}
			assert!(accumulator.remainder < 1 << 64, "a whole planck was not divided");
		}
		holders.iter_mut().for_each(|holder| holder.settle(&accumulator));
		(accumulator, holders, divided, exact)
	}

	proptest! {
		#![proptest_config(ProptestConfig::with_cases(256))]

		/// All claims together never exceed what came in; a holder's differ from its exact share by less than one planck for
		/// each settlement, and never by as much as one planck to its good.
		#[test]
		fn claims_should_be_the_exact_shares_rounded_down(
			steps in proptest::collection::vec(step(1 << 14, 1 << 40), 1..24),
			start in prop_oneof![Just(0u128), Just(u128::MAX - 5), any::<u128>()],
		) {
			let (accumulator, holders, divided, exact) = play(steps, start);
			let claimed: u128 = holders.iter().map(|holder| holder.owed).sum();
			prop_assert!(claimed + (accumulator.remainder >> 64) <= divided);
			let settlements: u128 = holders.iter().map(|holder| holder.settlements).sum();
			prop_assert!(divided - claimed <= settlements, "more was lost than one planck for each settlement");
			for (holder, exact) in holders.iter().zip(exact) {
				prop_assert!(Fraction::new(holder.owed, 1).is_below(exact.plus(Fraction::new(1, 1))));
				prop_assert!(exact.is_below(Fraction::new(holder.owed + holder.settlements + 1, 1)));
			}
		}

		/// With amounts and units as large as a currency has them, nothing is made.
		#[test]
		fn claims_should_never_exceed_the_revenue_when_numbers_are_large(
			steps in proptest::collection::vec(step(1 << 84, 1 << 80), 1..60),
			start in any::<u128>(),
		) {
			let mut accumulator = Accumulator { per_unit: start, ..Default::default() };
			let mut holders = [Holder { paid: start, ..Default::default() }; 4];
			let (mut divided, mut settlements) = (0u128, 0u128);
			for step in steps {
				match step {
					Step::Units(holder, units) => {
						holders[holder].settle(&accumulator);
						accumulator.replace_units(holders[holder].units, units).unwrap();
						holders[holder].units = units;
					}
					Step::Revenue(amount) => divided += if accumulator.distribute(amount) { amount } else { 0 },
					Step::Settle(holder) => holders[holder].settle(&accumulator),
				}
			}
			for holder in &mut holders {
				holder.settle(&accumulator);
				settlements += holder.settlements;
			}
			let claimed: u128 = holders.iter().map(|holder| holder.owed).sum();
			prop_assert!(claimed <= divided);
			// A remainder is below the units that were there, 2⁸⁶ parts of 2⁻⁶⁴ planck.
			prop_assert!(divided - claimed <= settlements + (accumulator.remainder >> 64) + 1);
		}
	}
}
