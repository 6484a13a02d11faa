//! Sizes as people write them.

use std::{fmt, str::FromStr};

use serde::{de, Deserialize, Deserializer, Serialize, Serializer};

/// A number of bytes, written as a plain number or with a suffix: `10G` is 10 × 1024³ bytes. K, M, G and T are known, with
/// or without `B` or `iB` after them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ByteSize(pub u64);

/// A text that is no [`ByteSize`].
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("'{0}' is not a size: a whole number of bytes, or one with K, M, G or T behind it, such as 10G")]
pub struct NotASize(String);

const UNITS: [(&str, u32); 4] = [("T", 40), ("G", 30), ("M", 20), ("K", 10)];

impl FromStr for ByteSize {
	type Err = NotASize;

	fn from_str(text: &str) -> Result<Self, NotASize> {
		let error = || NotASize(text.into());
		let upper = text.trim().to_ascii_uppercase();
		let upper = upper.strip_suffix("IB").or_else(|| upper.strip_suffix('B')).unwrap_or(&upper);
		let (digits, shift) =
			UNITS.iter().find_map(|(unit, shift)| Some((upper.strip_suffix(unit)?, *shift))).unwrap_or((upper, 0));
		let digits = digits.trim_end();
		if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
			return Err(error());
		}
		let number: u64 = digits.parse().map_err(|_| error())?;
		number.checked_mul(1 << shift).map(Self).ok_or_else(error)
	}
}

/// The shortest form that is exact, so that it reads back as the same number.
impl fmt::Display for ByteSize {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let fits = |shift: u32| self.0 > 0 && self.0.trailing_zeros() >= shift;
		match UNITS.iter().find(|(_, shift)| fits(*shift)) {
			Some((unit, shift)) => write!(f, "{}{unit}", self.0 >> shift),
			None => write!(f, "{}", self.0),
		}
	}
}

impl Serialize for ByteSize {
	fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
		serializer.collect_str(self)
	}
}

impl<'de> Deserialize<'de> for ByteSize {
	fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
		struct Visitor;
		impl de::Visitor<'_> for Visitor {
			type Value = ByteSize;

			fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
				f.write_str("a size such as \"10G\"")
			}

			fn visit_u64<E: de::Error>(self, value: u64) -> Result<ByteSize, E> {
				Ok(ByteSize(value))
			}

			fn visit_i64<E: de::Error>(self, value: i64) -> Result<ByteSize, E> {
				let value = u64::try_from(value).map_err(|_| E::custom(NotASize(value.to_string())))?;
				Ok(ByteSize(value))
			}

			fn visit_str<E: de::Error>(self, text: &str) -> Result<ByteSize, E> {
				text.parse().map_err(E::custom)
			}
		}
		deserializer.deserialize_any(Visitor)
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	#[test]
	fn size_should_be_read_when_it_has_a_suffix() {
		for (text, bytes) in [
			("0", 0),
			("1000", 1000),
			("10K", 10 << 10),
			("512m", 512 << 20),
			("10G", 10 << 30),
			("10 GiB", 10 << 30),
			("2TB", 2 << 40),
		] {
			assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
		}
	}

	#[test]
	fn size_should_be_refused_when_it_is_none() {
		for text in ["", "G", "1.5G", "-1", "+1", "10X", "ten", "99999999999T", "99999999999999999999999"] {
			let error = text.parse::<ByteSize>().unwrap_err().to_string();
			assert!(error.starts_with(&format!("'{text}' is not a size")), "{error}");
		}
	}

	proptest! {
		#[test]
		fn size_should_read_back_as_itself(number in any::<u32>(), shift in 0u32..32) {
			let size = ByteSize(u64::from(number) << shift);
			prop_assert_eq!(size.to_string().parse(), Ok(size));
		}
	}
}
