//! What the pallet stores and what it asks of its neighbours.

use alloc::vec::Vec;
use autonomy_primitives::community::{CommunityId, Day, Pot, Power};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_runtime::{
	traits::{AtLeast32BitUnsigned, Zero},
	SaturatedConversion,
};

use crate::{accumulator::Accumulator, ring::Ring};

/// Days that a delegation lasts.
pub const DELEGATION_DAYS: Day = 180;
/// Power of one planck or share in the longest tier: the largest [`Tier::weight`].
pub const HEAVIEST: Power = 6;

/// How long what is bonded stays after it is unbonded. The longer, the more it weighs, in voting power and in revenue.
#[derive(
	Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Tier {
	/// 14 days, weight 1.
	#[codec(index = 0)]
	Days14,
	/// 28 days, weight 1.5.
	#[codec(index = 1)]
	Days28,
	/// 84 days, weight 2.
	#[codec(index = 2)]
	Days84,
	/// 168 days, weight 3.
	#[codec(index = 3)]
	Days168,
}

impl Tier {
	/// Every tier, the shortest first.
	pub const ALL: [Self; 4] = [Self::Days14, Self::Days28, Self::Days84, Self::Days168];

	/// Whole days from the end of the day of unbonding to the release.
	pub fn days(self) -> Day {
		match self {
			Self::Days14 => 14,
			Self::Days28 => 28,
			Self::Days84 => 84,
			Self::Days168 => 168,
		}
	}

	/// Power of one planck or share: twice the tier's weight of 1, 1.5, 2 or 3, so that it is whole.
	pub fn weight(self) -> Power {
		match self {
			Self::Days14 => 2,
			Self::Days28 => 3,
			Self::Days84 => 4,
			Self::Days168 => HEAVIEST,
		}
	}

	/// Power of `amount` in this tier.
	pub fn power<Balance: AtLeast32BitUnsigned>(self, amount: Balance) -> Power {
		amount.saturated_into::<Power>().saturating_mul(self.weight())
	}
}

/// An amount for each tier, in planck or shares.
#[derive(
	Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Amounts<Balance> {
	/// With 14 days.
	pub days_14: Balance,
	/// With 28 days.
	pub days_28: Balance,
	/// With 84 days.
	pub days_84: Balance,
	/// With 168 days.
	pub days_168: Balance,
}

impl<Balance: AtLeast32BitUnsigned + Copy> Amounts<Balance> {
	/// The amount of one tier.
	pub fn of(&self, tier: Tier) -> Balance {
		match tier {
			Tier::Days14 => self.days_14,
			Tier::Days28 => self.days_28,
			Tier::Days84 => self.days_84,
			Tier::Days168 => self.days_168,
		}
	}

	/// The amount of one tier, to be changed.
	pub fn of_mut(&mut self, tier: Tier) -> &mut Balance {
		match tier {
			Tier::Days14 => &mut self.days_14,
			Tier::Days28 => &mut self.days_28,
			Tier::Days84 => &mut self.days_84,
			Tier::Days168 => &mut self.days_168,
		}
	}

	/// All tiers together.
	pub fn sum(&self) -> Balance {
		Tier::ALL.into_iter().fold(Zero::zero(), |sum: Balance, tier| sum.saturating_add(self.of(tier)))
	}

	/// Power of all tiers together. It is also the units by which revenue is divided.
	pub fn power(&self) -> Power {
		Tier::ALL.into_iter().fold(0, |sum: Power, tier| sum.saturating_add(tier.power(self.of(tier))))
	}
}

/// What one account has bonded in one community, of AUTON or of shares.
#[derive(
	Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct BondInfo<Balance> {
	/// What is bonded, without what is unbonding.
	pub amounts: Amounts<Balance>,
	/// What one unit of the pot had earned when the account was last settled.
	pub paid_per_unit: u128,
	/// Revenue that was settled and not claimed, in planck.
	pub owed: Balance,
}

/// What is unbonding and will be released on the same day.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Chunk<Balance> {
	/// First day on which it can be withdrawn.
	pub due: Day,
	/// How much, in planck or shares.
	pub amount: Balance,
	/// Power that it had when it was unbonded.
	pub power: Power,
}

/// A pot of revenue, and what is bonded into it.
#[derive(
	Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct PotInfo<Balance> {
	/// What one unit has earned.
	pub accumulator: Accumulator,
	/// What was divided and not claimed, in planck: all that is owed, and what rounding has left.
	pub unclaimed: Balance,
}

/// An open community.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct CommunityInfo<AssetId> {
	/// The asset that is its shares.
	pub shares: Option<AssetId>,
	/// Bonds in it, those counted that are unbonding or owed revenue only.
	pub bonds: u32,
	/// Whether claims of revenue are stopped.
	pub claims_frozen: bool,
}

/// Whom an account delegates to.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Delegation<AccountId> {
	/// The delegate on each day.
	pub to: Ring<Option<AccountId>>,
	/// First day on which anybody may end it.
	pub expires: Day,
}

/// What is delegated to an account.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Delegated {
	/// The sum of the delegators' own power on each day.
	pub power: Ring<Power>,
	/// Delegators now.
	pub delegators: u32,
}

/// A bond with all that belongs to it, as the runtime API and the view functions give it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct BondView<Balance> {
	/// The community.
	pub community: CommunityId,
	/// What is bonded.
	pub pot: Pot,
	/// How much with which delay, in planck or shares.
	pub amounts: Amounts<Balance>,
	/// Power of it all now. It counts from tomorrow if it has changed today.
	pub power: Power,
	/// What is unbonding.
	pub unbonding: Vec<Chunk<Balance>>,
	/// Revenue that can be claimed now, in planck.
	pub claimable: Balance,
}

/// Whom an account delegates to now, as the runtime API and the view functions give it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct DelegationView<AccountId> {
	/// The delegate.
	pub to: AccountId,
	/// First day on which anybody may end it.
	pub expires: Day,
}

/// What of an account's AUTON is not its own yet, and so gives no power: tokens that vest.
pub trait Unvested<AccountId, Balance> {
	/// How much of it, in planck.
	fn unvested(who: &AccountId) -> Balance;
}

impl<AccountId, Balance: Zero> Unvested<AccountId, Balance> for () {
	fn unvested(_: &AccountId) -> Balance {
		Zero::zero()
	}
}

/// What a benchmark needs of the assets that serve as shares.
#[cfg(feature = "runtime-benchmarks")]
pub trait BenchmarkHelper<AccountId, AssetId, Balance> {
	/// Creates an asset, with a supply that is all in one account.
	fn create_shares(holder: &AccountId, supply: Balance) -> AssetId;
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn weight_should_be_twice_that_of_the_design() {
		assert_eq!(Tier::ALL.map(|tier| (tier.days(), tier.weight())), [(14, 2), (28, 3), (84, 4), (168, 6)]);
		assert_eq!(Tier::ALL.map(Tier::weight).into_iter().max(), Some(HEAVIEST));
		assert_eq!(Tier::ALL.encode(), [0, 1, 2, 3]);
	}

	#[test]
	fn power_should_be_the_sum_over_the_tiers() {
		let amounts = Amounts { days_14: 1u64, days_28: 10, days_84: 100, days_168: 1_000 };
		assert_eq!(amounts.sum(), 1_111);
		assert_eq!(amounts.power(), 2 + 30 + 400 + 6_000);
		for tier in Tier::ALL {
			let mut one = Amounts::<u64>::default();
			*one.of_mut(tier) = 7;
			assert_eq!((one.of(tier), one.sum(), one.power()), (7, 7, 7 * tier.weight()));
		}
	}
}
