//! Why a job cannot be done by anybody: what an operator commits to in place of a result.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_crypto_hashing::blake2_256;

use crate::{digest::Cid, Digest};

/// A fault that every honest operator finds in the same job. It takes the place of a result: sealed, revealed and compared
/// in the same way, with a trace root of zeros and an artifact of zeros.
#[derive(
	Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum FaultCode {
	/// The model cannot take the input, although it is within the limits on chain.
	#[codec(index = 0)]
	InputRejected,
	/// A number that is not finite came up.
	#[codec(index = 1)]
	NonFinite,
	/// The run needs more time or memory than the model's registration allows.
	#[codec(index = 2)]
	ResourceLimit,
}

/// The artifact of a fault: there is none.
pub const NO_ARTIFACT: Cid = [0; 36];
/// The trace root of a fault: there is none.
pub const NO_TRACE: Digest = [0; 32];

impl FaultCode {
	/// Every code.
	pub const ALL: [Self; 3] = [Self::InputRejected, Self::NonFinite, Self::ResourceLimit];

	/// What stands in place of the result: `H("AUTON/fault/1" ‖ u8 code)`.
	pub fn digest(self) -> Digest {
		(b"AUTON/fault/1", self).using_encoded(blake2_256)
	}

	/// The code whose digest this is.
	pub fn of(result: &Digest) -> Option<Self> {
		Self::ALL.into_iter().find(|code| code.digest() == *result)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn code_should_be_known_by_its_digest_alone() {
		for code in FaultCode::ALL {
			assert_eq!(FaultCode::of(&code.digest()), Some(code));
		}
		assert_eq!(FaultCode::of(&[0; 32]), None);
	}
}
