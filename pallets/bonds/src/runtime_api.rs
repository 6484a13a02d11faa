//! Runtime API of the bonds pallet.

use alloc::vec::Vec;
use autonomy_primitives::community::{Class, CommunityId, Day, Pot, Power, Topic};
use codec::Codec;

use crate::types::{BondView, Chunk, CommunityInfo, DelegationView, PotInfo};

sp_api::decl_runtime_apis! {
	/// Reads of bonds, power and revenue for clients. `pallet-bonds` has a view function of the same name for each.
	pub trait BondsApi<AccountId, Balance, AssetId> where
		AccountId: Codec,
		Balance: Codec,
		AssetId: Codec,
	{
		/// The present governance day.
		fn today() -> Day;
		/// Blocks of a governance day, from the first block on.
		fn blocks_per_day() -> u32;
		/// An open community.
		fn community(community: CommunityId) -> Option<CommunityInfo<AssetId>>;
		/// The account of a community's treasury.
		fn treasury_of(community: CommunityId) -> AccountId;
		/// A pot of revenue.
		fn pot(community: CommunityId, pot: Pot) -> PotInfo<Balance>;
		/// An account's own power at the end of a day. Nothing when the day is not closed, or more than 40 days ago.
		fn power_of(community: CommunityId, class: Class, who: AccountId, day: Day) -> Option<Power>;
		/// Power of a whole class at the end of a day. Nothing when the day is not closed, or more than 40 days ago.
		fn class_total(community: CommunityId, class: Class, day: Day) -> Option<Power>;
		/// Power that others had delegated to an account at the end of a day. Nothing when the day is not closed, or more
		/// than 40 days ago.
		fn inbound_of(community: CommunityId, class: Class, topic: Topic, who: AccountId, day: Day) -> Option<Power>;
		/// Whom an account delegates to now.
		fn delegation_of(
			community: CommunityId,
			class: Class,
			topic: Topic,
			who: AccountId,
		) -> Option<DelegationView<AccountId>>;
		/// Revenue that an account can claim now, in planck.
		fn claimable(who: AccountId, community: CommunityId, pot: Pot) -> Balance;
		/// A bond, with what is unbonding of it and what it can claim.
		fn bond_of(who: AccountId, community: CommunityId, pot: Pot) -> Option<BondView<Balance>>;
		/// What is unbonding of a bond, the earliest due first.
		fn unbonding_of(who: AccountId, community: CommunityId, pot: Pot) -> Vec<Chunk<Balance>>;
		/// All bonds of an account, the oldest first; at most `MaxBonds`.
		fn portfolio(who: AccountId) -> Vec<BondView<Balance>>;
	}
}
