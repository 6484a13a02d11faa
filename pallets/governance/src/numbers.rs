//! Numbers: parts of a tally, leans, and quotients that keep every bit of their products.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_arithmetic::{helpers_128bit::multiply_by_rational_with_rounding, Perbill, Rounding};

/// A part of a tally, of [`WHOLE`]. Finer than billionths, because the share of ayes is a quotient by a turnout that may be
/// small.
pub type Parts = u64;

/// All of a tally: 10^14. The product of two parts and a number of billionths has room in 128 bits, so that an approval is
/// rounded once, at its end.
pub const WHOLE: Parts = 100_000_000_000_000;

/// Billionths in one whole.
pub(crate) const BILLION: u128 = 1_000_000_000;

/// Parts in a billionth.
const PARTS_PER_BILLIONTH: u32 = 100_000;

/// A share in parts of [`WHOLE`]. Exact.
pub(crate) fn parts_of(share: Perbill) -> Parts {
	u64::from(share.deconstruct()).saturating_mul(PARTS_PER_BILLIONTH.into())
}

/// `a · b / c` with every bit of the product, rounded as said; [`u128::MAX`] when that has no room or `c` is 0.
pub(crate) fn mul_div(a: u128, b: u128, c: u128, rounding: Rounding) -> u128 {
	multiply_by_rational_with_rounding(a, b, c, rounding).unwrap_or(u128::MAX)
}

/// A number of billionths as a share, at most one whole.
pub(crate) fn share(billionths: u128) -> Perbill {
	Perbill::from_parts(u32::try_from(billionths).unwrap_or(u32::MAX))
}

/// `part` of `whole`, rounded down, at most one whole. `None` when `whole` is 0.
pub(crate) fn ratio(part: u128, whole: u128) -> Option<Perbill> {
	multiply_by_rational_with_rounding(part.min(whole), BILLION, whole, Rounding::Down).map(share)
}

/// A share of an amount, rounded as said.
pub(crate) fn part_of(amount: u128, share: Perbill, rounding: Rounding) -> u128 {
	mul_div(amount, share.deconstruct().into(), BILLION, rounding)
}

/// Basis points as a share, at most one whole. Exact.
pub const fn basis_points(points: u16) -> Perbill {
	Perbill::from_parts((points as u32).saturating_mul(100_000))
}

/// A side of a ballot.
#[derive(
	Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Side {
	/// For it.
	#[codec(index = 0)]
	Aye,
	/// Against it.
	#[codec(index = 1)]
	Nay,
	/// Neither.
	#[codec(index = 2)]
	Abstain,
}

impl Side {
	/// Every side.
	pub const ALL: [Self; 3] = [Self::Aye, Self::Nay, Self::Abstain];
}

/// How far somebody leans: −1 is all nay, 0 is neither, 1 is all aye. Kept in parts of [`WHOLE`]; whatever is decoded is
/// never read as more than a whole.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Debug,
	Default,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Lean(i64);

impl Lean {
	const MOST: i64 = WHOLE as i64;
	const LEAST: i64 = -Self::MOST;
	/// All nay.
	pub const NAY: Self = Self(Self::LEAST);
	/// Neither.
	pub const NEUTRAL: Self = Self(0);
	/// All aye.
	pub const AYE: Self = Self(Self::MOST);

	/// From parts of [`WHOLE`], nay below 0; what is beyond a whole is a whole.
	pub const fn from_parts(parts: i64) -> Self {
		if parts > Self::MOST {
			Self(Self::MOST)
		} else if parts < Self::LEAST {
			Self(Self::LEAST)
		} else {
			Self(parts)
		}
	}

	/// From billionths, nay below 0; what is beyond a whole is a whole.
	pub const fn from_billionths(billionths: i32) -> Self {
		Self::from_parts((billionths as i64).saturating_mul(PARTS_PER_BILLIONTH as i64))
	}

	/// In parts of [`WHOLE`].
	pub const fn parts(self) -> i64 {
		Self::from_parts(self.0).0
	}

	/// In billionths, rounded towards nay.
	pub fn billionths(self) -> i32 {
		self.parts().div_euclid(PARTS_PER_BILLIONTH.into()) as i32
	}

	/// Its strength, whatever the side, in parts of [`WHOLE`].
	pub(crate) fn strength(self) -> u64 {
		self.parts().unsigned_abs()
	}

	/// The side that it is on: neither when it is 0 or weaker than `band`.
	pub fn side(self, band: Perbill) -> Side {
		match self.parts() {
			0 => Side::Abstain,
			_ if self.strength() < parts_of(band) => Side::Abstain,
			parts if parts > 0 => Side::Aye,
			_ => Side::Nay,
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn sides_should_keep_their_indices() {
		assert_eq!(Side::ALL.encode(), [0, 1, 2]);
	}

	#[test]
	fn ratio_should_round_down_and_stop_at_one() {
		assert_eq!(ratio(2, 3), Some(Perbill::from_parts(666_666_666)));
		assert_eq!(ratio(u128::MAX, u128::MAX), Some(Perbill::one()));
		assert_eq!(ratio(u128::MAX, 1), Some(Perbill::one()));
		assert_eq!(ratio(0, u128::MAX), Some(Perbill::zero()));
		assert_eq!(ratio(1, 0), None);
	}

	#[test]
	fn mul_div_should_keep_every_bit() {
		assert_eq!(mul_div(u128::MAX, u128::MAX - 1, u128::MAX, Rounding::Down), u128::MAX - 1);
		assert_eq!(mul_div(1, 1, u128::MAX, Rounding::Up), 1);
		assert_eq!(mul_div(u128::MAX, 2, 1, Rounding::Down), u128::MAX);
		assert_eq!(mul_div(1, 1, 0, Rounding::Down), u128::MAX);
	}

	#[test]
	fn basis_points_should_be_exact() {
		assert_eq!(basis_points(0), Perbill::zero());
		assert_eq!(basis_points(1), Perbill::from_parts(100_000));
		assert_eq!(basis_points(10_000), Perbill::one());
		assert_eq!(basis_points(u16::MAX), Perbill::one());
	}

	#[test]
	fn lean_should_stay_between_nay_and_aye() {
		assert_eq!(Lean::from_billionths(i32::MAX), Lean::AYE);
		assert_eq!(Lean::from_billionths(i32::MIN), Lean::NAY);
		assert_eq!(Lean::from_billionths(-250_000_000).billionths(), -250_000_000);
		assert_eq!(Lean::from_parts(-1).billionths(), -1, "towards nay");
		let beyond = Lean::decode(&mut &i64::MIN.encode()[..]).unwrap();
		assert_eq!((beyond.parts(), beyond.billionths()), (-100_000_000_000_000, -1_000_000_000));
	}

	#[test]
	fn lean_should_abstain_when_it_is_weaker_than_the_band() {
		let band = Perbill::from_percent(5);
		assert_eq!(Lean::from_billionths(50_000_000).side(band), Side::Aye);
		assert_eq!(Lean::from_billionths(-50_000_000).side(band), Side::Nay);
		assert_eq!(Lean::from_parts(4_999_999_999_999).side(band), Side::Abstain);
		assert_eq!(Lean::NEUTRAL.side(Perbill::zero()), Side::Abstain);
	}
}
