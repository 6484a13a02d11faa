//! Who is paid: shares of accounts, of pots and of treasuries in a sum, and their division to the planck; and what storage
//! costs.

use alloc::vec::Vec;
use bounded_collections::{BoundedVec, ConstU32};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_arithmetic::{traits::AtLeast32BitUnsigned, Permill};

use crate::{
	community::{CommunityId, Pot, RevenueSink},
	ModelId,
};

/// Most payees of a model: sixteen ancestors, the model's shareholders and the holder of its NFT.
pub const MAX_MODEL_PAYEES: u32 = 18;
/// Most payees of a character: owner, investors, fans, platform and treasury.
pub const MAX_CHARACTER_PAYEES: u32 = 5;

/// Where a part of a sum goes.
#[derive(
	Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Payee<AccountId> {
	/// An account.
	#[codec(index = 0)]
	Account(AccountId),
	/// Whoever has bonded in a community.
	#[codec(index = 1)]
	Pot(CommunityId, Pot),
	/// A community's treasury.
	#[codec(index = 2)]
	Treasury(CommunityId),
}

/// A payee and its share. The shares of a list add up to one whole; the last of it takes what rounding leaves.
pub type Share<AccountId> = (Payee<AccountId>, Permill);
/// The payees of a model.
pub type ModelPayees<AccountId> = BoundedVec<Share<AccountId>, ConstU32<MAX_MODEL_PAYEES>>;
/// The payees of a character.
pub type CharacterPayees<AccountId> = BoundedVec<Share<AccountId>, ConstU32<MAX_CHARACTER_PAYEES>>;

impl<AccountId: Clone> Payee<AccountId> {
	/// The account that a payment goes to now.
	pub fn account<Balance, R: RevenueSink<AccountId, Balance>>(&self) -> AccountId {
		match self {
			Self::Account(account) => account.clone(),
			Self::Pot(community, pot) => R::account(*community, *pot),
			Self::Treasury(community) => R::treasury(*community),
		}
	}

	/// Says that `amount` has just arrived at [`Payee::account`].
	pub fn paid<Balance, R: RevenueSink<AccountId, Balance>>(&self, amount: Balance) {
		match self {
			Self::Account(_) | Self::Treasury(_) => (),
			Self::Pot(community, pot) => R::distribute(*community, *pot, amount),
		}
	}
}

/// `amount` among payees: each its share, rounded down, and the last one what is left. Exact: the sum of the parts is
/// `amount`. Nothing for an empty list.
pub fn divide<AccountId: Clone, Balance: AtLeast32BitUnsigned + Copy>(
	amount: Balance,
	payees: &[Share<AccountId>],
) -> Vec<(Payee<AccountId>, Balance)> {
	let Some((last, others)) = payees.split_last() else { return Vec::new() };
	let mut left = amount;
	let mut parts = Vec::with_capacity(payees.len());
	for (payee, share) in others {
		let part = share.mul_floor(amount).min(left);
		left = left.saturating_sub(part);
		parts.push((payee.clone(), part));
	}
	parts.push((last.0.clone(), left));
	parts.retain(|(_, part)| !part.is_zero());
	parts
}

/// Storage deposit for this many encoded bytes: `base + per_byte × bytes`, at most the largest balance.
pub fn storage_deposit<Balance: AtLeast32BitUnsigned>(base: Balance, per_byte: Balance, bytes: usize) -> Balance {
	let bytes = Balance::from(u32::try_from(bytes).unwrap_or(u32::MAX));
	base.saturating_add(per_byte.saturating_mul(bytes))
}

/// The question that is asked when a job is submitted or a licence is sold: the answer is the job's, or the sale's, for
/// good.
pub trait ModelRevenue<AccountId> {
	/// The payees of a model, ancestors first; empty when there is no such model.
	fn revenue(model: ModelId) -> ModelPayees<AccountId>;
	/// The model's community.
	fn community(model: ModelId) -> Option<CommunityId>;
}

impl<AccountId> ModelRevenue<AccountId> for () {
	fn revenue(_: ModelId) -> ModelPayees<AccountId> {
		Default::default()
	}

	fn community(_: ModelId) -> Option<CommunityId> {
		None
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	fn payees(shares: &[u32]) -> Vec<Share<u8>> {
		(0u8..).zip(shares).map(|(who, share)| (Payee::Account(who), Permill::from_parts(*share))).collect()
	}

	#[test]
	fn last_payee_should_take_what_rounding_leaves() {
		let thirds = payees(&[333_333, 333_333, 333_334]);
		let parts = divide(100u128, &thirds);
		assert_eq!(parts, [(Payee::Account(0), 33), (Payee::Account(1), 33), (Payee::Account(2), 34)]);
		assert_eq!(divide(1u128, &thirds), [(Payee::Account(2), 1)], "nobody is paid nothing");
		assert_eq!(divide(0u128, &thirds), []);
		assert_eq!(divide(5u128, &payees(&[])), []);
	}

	proptest! {
		#[test]
		fn division_should_be_exact(amount: u128, shares in proptest::collection::vec(0u32..=1_000_000, 1..18)) {
			let parts = divide(amount, &payees(&shares));
			let sum = parts.iter().map(|(_, part)| *part).try_fold(0u128, u128::checked_add);
			prop_assert_eq!(sum, Some(amount));
		}
	}
}
