//! Amounts of AUTON as people write them, exact to the planck.

use std::{fmt, str::FromStr};

/// Decimals of AUTON: one AUTON is 10^12 planck.
pub const DECIMALS: usize = 12;
const UNIT: u128 = 10u128.pow(DECIMALS as u32);

/// An amount in planck that reads and prints as AUTON with up to 12 decimals: `0.5`, `1000`, `0.000000000001`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Auton(pub u128);

/// Why a text is not an amount.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AmountError {
	/// Not digits with at most one decimal point.
	#[error("'{0}' is not an amount: write AUTON as digits with an optional decimal point, such as 0.5")]
	NotANumber(String),
	/// More decimals than a planck can show.
	#[error("'{0}' has {1} decimals, AUTON has {DECIMALS}")]
	TooFine(String, usize),
	/// Above 2^128 − 1 planck.
	#[error("'{0}' is more AUTON than can exist")]
	TooLarge(String),
}

impl FromStr for Auton {
	type Err = AmountError;

	fn from_str(text: &str) -> Result<Self, AmountError> {
		let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
		let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
		if !digits(whole) || !digits(fraction) {
			return Err(AmountError::NotANumber(text.into()));
		}
		if fraction.len() > DECIMALS {
			return Err(AmountError::TooFine(text.into(), fraction.len()));
		}
		let large = || AmountError::TooLarge(text.into());
		let whole: u128 = whole.parse().map_err(|_| large())?;
		let fraction: u128 = format!("{fraction:0<DECIMALS$}").parse().map_err(|_| large())?;
		whole.checked_mul(UNIT).and_then(|w| w.checked_add(fraction)).map(Self).ok_or_else(large)
	}
}

impl fmt::Display for Auton {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let (whole, fraction) = (self.0 / UNIT, self.0 % UNIT);
		if fraction == 0 {
			return write!(f, "{whole}");
		}
		let fraction = format!("{fraction:0>DECIMALS$}");
		write!(f, "{whole}.{}", fraction.trim_end_matches('0'))
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	#[test]
	fn amount_should_be_exact_when_it_has_decimals() {
		for (text, planck) in [
			("0.5", 500_000_000_000),
			("1000", 1_000_000_000_000_000),
			("0.000000000001", 1),
			("1.10", 1_100_000_000_000),
			("0", 0),
		] {
			assert_eq!(text.parse(), Ok(Auton(planck)), "{text}");
		}
	}

	#[test]
	fn amount_should_be_refused_when_it_is_not_one() {
		for text in ["", ".", "1.", ".5", "-1", "+1", "1e3", "1,5", "1.2.3", " 1", "0x10"] {
			assert_eq!(text.parse::<Auton>(), Err(AmountError::NotANumber(text.into())), "{text}");
		}
		assert_eq!("0.0000000000001".parse::<Auton>(), Err(AmountError::TooFine("0.0000000000001".into(), 13)));
		let text = "340282366920938463463374608";
		assert_eq!(text.parse::<Auton>(), Err(AmountError::TooLarge(text.into())));
	}

	proptest! {
		#[test]
		fn amount_should_come_back_when_printed(planck in any::<u128>()) {
			prop_assert_eq!(Auton(planck).to_string().parse(), Ok(Auton(planck)));
		}

		#[test]
		fn amount_should_never_panic_when_text_is_anything(text in ".*") {
			let _ = text.parse::<Auton>();
		}
	}
}
