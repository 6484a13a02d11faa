//! Communities as the pallets see each other's part of them: numbers, classes, voting power and revenue.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// Number of a community, counted from 0 in the order of opening. A number is never used twice.
pub type CommunityId = u32;
/// The X Community, in which all others have their say. It is there from genesis and never closed.
pub const X_COMMUNITY: CommunityId = 0;

/// A governance day, counted from 0 at genesis; as many blocks as the runtime says. A day is closed when the next one has
/// begun: nothing that happens later changes what was true at its end.
pub type Day = u32;

/// Voting power. A bonded planck or share has 2, 3, 4 or 6 by its release tier, which is twice the tier's weight of 1, 1.5,
/// 2 or 3. In a class that another pallet writes, whatever that pallet counts by.
pub type Power = u128;

/// A class of members. Power is counted by class; a community's charter weighs the classes.
#[derive(
	Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
pub enum Class {
	/// Whoever holds the NFT of the character or the model.
	#[codec(index = 0)]
	Owner,
	/// Whoever has bonded the community's shares.
	#[codec(index = 1)]
	Investor,
	/// Members of the fan club's advanced tiers.
	#[codec(index = 2)]
	Fan,
	/// Whoever gave data or work.
	#[codec(index = 3)]
	Contributor,
	/// Whoever has bonded AUTON in the X Community.
	#[codec(index = 4)]
	Token,
	/// Whoever has bonded AUTON behind the community's AI seat.
	#[codec(index = 5)]
	Backing,
	/// AIs: seats of the communities below.
	#[codec(index = 6)]
	Ai,
	/// Whoever gave a model compute.
	#[codec(index = 7)]
	Compute,
}

impl Class {
	/// Every class.
	pub const ALL: [Self; 8] = [
		Self::Owner,
		Self::Investor,
		Self::Fan,
		Self::Contributor,
		Self::Token,
		Self::Backing,
		Self::Ai,
		Self::Compute,
	];

	/// The class whose power a bond in a community gives.
	pub fn of_bond(community: CommunityId, pot: Pot) -> Self {
		match pot {
			Pot::Shares => Self::Investor,
			Pot::Auton if community == X_COMMUNITY => Self::Token,
			Pot::Auton => Self::Backing,
		}
	}

	/// Whether its power comes from bonds alone.
	pub fn is_bonded(self) -> bool {
		match self {
			Self::Investor | Self::Token | Self::Backing => true,
			Self::Owner | Self::Fan | Self::Contributor | Self::Ai | Self::Compute => false,
		}
	}

	/// Whether its members vote as accounts and so can delegate. Owners vote by item, AIs by seat, backers not at all.
	pub fn is_delegable(self) -> bool {
		match self {
			Self::Investor | Self::Fan | Self::Contributor | Self::Token | Self::Compute => true,
			Self::Owner | Self::Backing | Self::Ai => false,
		}
	}
}

/// What is bonded in a community, and the pot of revenue that is divided among whoever has bonded it.
#[derive(
	Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
pub enum Pot {
	/// The community's own shares.
	#[codec(index = 0)]
	Shares,
	/// AUTON.
	#[codec(index = 1)]
	Auton,
}

impl Pot {
	/// Both.
	pub const ALL: [Self; 2] = [Self::Shares, Self::Auton];
}

/// What a delegation covers. One for routine matters never covers critical ones.
#[derive(
	Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
pub enum Topic {
	/// Everything that is not critical.
	#[codec(index = 0)]
	Routine,
	/// Franchise, large spending and what else a charter calls critical.
	#[codec(index = 1)]
	Critical,
}

impl Topic {
	/// Both.
	pub const ALL: [Self; 2] = [Self::Routine, Self::Critical];
}

/// Opening and closing communities. Whoever has something to own together (a model, a character, a group) opens one.
pub trait Communities<AccountId, AssetId> {
	/// Why something was refused: the runtime's dispatch error.
	type Error;

	/// Opens a community, with the asset that is its shares if it has any. An asset belongs to one community.
	fn open(shares: Option<AssetId>) -> Result<CommunityId, Self::Error>;
	/// Gives shares to a community that was opened without any.
	fn attach_shares(community: CommunityId, shares: AssetId) -> Result<(), Self::Error>;
	/// Closes a community in which nobody has bonds, power or unclaimed revenue. What is left of its pots goes to its
	/// treasury; the treasury itself is not touched.
	fn close(community: CommunityId) -> Result<(), Self::Error>;
	/// Whether the community is open.
	fn exists(community: CommunityId) -> bool;
	/// The asset that is the community's shares.
	fn shares(community: CommunityId) -> Option<AssetId>;
	/// The community's treasury: an account without a key.
	fn treasury(community: CommunityId) -> AccountId;
	/// Stops or resumes claims of revenue, while it is disputed who is owed what. Revenue goes on being divided, bonds and
	/// balances are not touched.
	fn set_claims_frozen(community: CommunityId, frozen: bool) -> Result<(), Self::Error>;
}

/// Voting power at the end of a closed day. Every read costs the same however many members there are.
pub trait PowerSource<AccountId> {
	/// The present day.
	fn today() -> Day;
	/// The day that a proposal submitted now takes power from: yesterday. `None` on day 0.
	fn snapshot_day() -> Option<Day> {
		Self::today().checked_sub(1)
	}
	/// An account's own power. `None` when the day is not closed, or more than 40 days ago.
	fn power_at(community: CommunityId, class: Class, who: &AccountId, day: Day) -> Option<Power>;
	/// Power of the whole class, the sum over its members. `None` as above.
	fn total_at(community: CommunityId, class: Class, day: Day) -> Option<Power>;
	/// Power that others had delegated to an account: the sum of their own. `None` as above.
	fn inbound_at(community: CommunityId, class: Class, topic: Topic, who: &AccountId, day: Day) -> Option<Power>;
	/// Whom an account had delegated to. `None` also when the day cannot be asked for.
	fn delegate_at(community: CommunityId, class: Class, topic: Topic, who: &AccountId, day: Day) -> Option<AccountId>;
	/// Power that an account still stands behind now: what is bonded, or unbonding and not withdrawn. A ballot counts the
	/// lesser of this and the power at its snapshot.
	fn standing(community: CommunityId, class: Class, who: &AccountId) -> Power;
}

/// Writing power of the classes that are not bonded.
pub trait PowerSink<AccountId> {
	/// Why something was refused: the runtime's dispatch error.
	type Error;

	/// Sets an account's power from today on; yesterday stays as it was. Refused for a class whose power comes from bonds.
	/// AIs and owners have the account of their seat for `who`.
	fn set_power(community: CommunityId, class: Class, who: &AccountId, power: Power) -> Result<(), Self::Error>;
}

/// Dividing revenue. In one call: ask for the account, pay it, say that it has been paid.
pub trait RevenueSink<AccountId, Balance> {
	/// Where revenue of a pot goes now: the pot's own account while anybody has bonded into it, else the community's
	/// treasury. A treasury that has nothing takes no less than the existential deposit.
	fn account(community: CommunityId, pot: Pot) -> AccountId;
	/// A community's treasury: an account without a key.
	fn treasury(community: CommunityId) -> AccountId;
	/// Divides `amount` planck, which has just arrived at that account, among whoever has bonded. Nothing happens to what
	/// went to the treasury.
	fn distribute(community: CommunityId, pot: Pot, amount: Balance);
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn indices_should_never_change() {
		assert_eq!(Class::ALL.encode(), [0, 1, 2, 3, 4, 5, 6, 7]);
		assert_eq!(Pot::ALL.encode(), [0, 1]);
		assert_eq!(Topic::ALL.encode(), [0, 1]);
	}

	#[test]
	fn bond_should_give_power_in_one_class() {
		assert_eq!(Class::of_bond(X_COMMUNITY, Pot::Auton), Class::Token);
		assert_eq!(Class::of_bond(1, Pot::Auton), Class::Backing);
		assert_eq!(Class::of_bond(1, Pot::Shares), Class::Investor);
		let bonded: Vec<_> = Class::ALL.into_iter().filter(|class| class.is_bonded()).collect();
		assert_eq!(bonded, [Class::Investor, Class::Token, Class::Backing]);
	}
}
