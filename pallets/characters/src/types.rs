//! What the pallet stores and what it asks of its neighbours.

use autonomy_primitives::{community::CommunityId, digest::Cid, job::JobInput, CharacterId, Digest, JobId, ModelId};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{
	pallet_prelude::Member,
	traits::{fungibles, Get, Incrementable},
	weights::Weight,
	BoundedVec, Parameter,
};
use frame_system::pallet_prelude::BlockNumberFor;
use pallet_nfts::{
	CollectionConfig, CollectionSetting, CollectionSettings, ItemConfig, ItemSetting, ItemSettings, MintSettings,
};
use scale_info::TypeInfo;
use sp_runtime::{traits::ConstU32, DispatchError, DispatchResult, Permill};

use crate::{AssetIdOf, BalanceOf};

/// Number of a template, counted from 0.
pub type TemplateId = u32;
/// Version of a template, counted from 1.
pub type TemplateVersion = u32;
/// Number of a collective, counted from 0.
pub type CollectiveId = u32;

/// Longest name of a character, a template, a tier or a collective, in bytes of UTF-8.
pub const MAX_NAME_BYTES: u32 = 64;
/// Most fan tiers.
pub const MAX_TIERS: u32 = 8;
/// Most points of a fan's tier.
pub const MAX_POINTS: u8 = 5;
/// Most numbers that a template keeps for the character's DSO.
pub const MAX_DSO_FIELDS: u32 = 32;
/// Most members of a collective, and most that are invited into it at a time.
pub const MAX_MEMBERS: u32 = 16;
/// Shares over which [`PriceRule::Linear`] rises by its slope.
pub const SLOPE_SHARES: u128 = 1_000_000;
/// Price multiplier of a character that takes nothing on top of the job's fee, in per mille.
pub const PLAIN_PRICE: u32 = 1_000;

/// A name: 1 to [`MAX_NAME_BYTES`] bytes of UTF-8 without control characters.
pub type Name = BoundedVec<u8, ConstU32<MAX_NAME_BYTES>>;
/// Members of a collective, in the order in which they joined.
pub type Members = BoundedVec<CharacterId, ConstU32<MAX_MEMBERS>>;

/// A template of this chain.
pub type TemplateOf<T> = Template<BalanceOf<T>, BlockNumberFor<T>>;
/// A charter of this chain.
pub type CustomisationOf<T> = Customisation<BalanceOf<T>>;
/// What a creation on this chain says.
pub type CharacterDetailsOf<T> = CharacterDetails<BalanceOf<T>, BlockNumberFor<T>>;
/// A character of this chain.
pub type CharacterInfoOf<T> = CharacterInfo<<T as frame_system::Config>::AccountId, BalanceOf<T>, BlockNumberFor<T>>;
/// Terms of an investment round of this chain.
pub type RoundTermsOf<T> = RoundTerms<BalanceOf<T>, BlockNumberFor<T>>;
/// An investment round of this chain.
pub type RoundOf<T> = Round<AssetIdOf<T>, BalanceOf<T>, BlockNumberFor<T>>;
/// A fan's badge of this chain.
pub type BadgeOf<T> = Badge<BalanceOf<T>, BlockNumberFor<T>>;
/// A collective of this chain.
pub type CollectiveOf<T> = Collective<<T as frame_system::Config>::AccountId, BalanceOf<T>>;
/// A message of this chain whose job is not final.
pub type TalkOf<T> = Talk<<T as frame_system::Config>::AccountId, BalanceOf<T>>;
/// All about a character of this chain.
pub type CharacterPageOf<T> =
	CharacterPage<<T as frame_system::Config>::AccountId, AssetIdOf<T>, BalanceOf<T>, BlockNumberFor<T>>;
/// All about a fan of this chain.
pub type FanPageOf<T> = FanPage<BalanceOf<T>, BlockNumberFor<T>>;

/// What a value may be. The default lies between the others.
#[derive(
	Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Bounds<Value> {
	/// The least.
	pub min: Value,
	/// What holds when nothing is said.
	pub default: Value,
	/// The most.
	pub max: Value,
}

impl<Value: PartialOrd + Copy> Bounds<Value> {
	/// Whether the default lies between the others.
	pub fn is_ordered(&self) -> bool {
		self.min <= self.default && self.default <= self.max
	}

	/// Whether a value is within them.
	pub fn contains(&self, value: Value) -> bool {
		self.min <= value && value <= self.max
	}

	/// The value within them that is nearest.
	pub fn clamp(&self, value: Value) -> Value {
		if value < self.min {
			self.min
		} else if value > self.max {
			self.max
		} else {
			value
		}
	}
}

/// Something for each of those among whom a character's part is divided.
#[derive(
	Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Division<Value> {
	/// Holder of the character's NFT.
	pub owner: Value,
	/// Whoever has bonded the character's shares.
	pub investors: Value,
	/// The character's treasury.
	pub treasury: Value,
	/// Whoever has bonded AUTON behind the character.
	pub fans: Value,
	/// The platform.
	pub platform: Value,
}

/// How a character's part of each fee is divided. The shares add up to the whole.
pub type RevenueSplit = Division<Permill>;
/// Bounds of the shares in a character's part.
pub type SplitBounds = Division<Bounds<Permill>>;

/// How a character talks.
#[derive(
	Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Interaction {
	/// Longest message, in bytes of UTF-8.
	pub max_message_bytes: u16,
	/// Most tokens of a reply.
	pub max_reply_tokens: u16,
	/// Sampling temperature in hundredths: 70 is 0.7; 0 is greedy.
	pub temperature_centi: u16,
	/// What a message costs, in per mille of the job's fee; 1000 for the fee alone. The rest is the character's.
	pub price_permille: u32,
}

/// Bounds of how a character talks.
#[derive(
	Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct InteractionBounds {
	/// Longest message, in bytes; at least 1.
	pub max_message_bytes: Bounds<u16>,
	/// Most tokens of a reply; at least 1.
	pub max_reply_tokens: Bounds<u16>,
	/// Sampling temperature in hundredths.
	pub temperature_centi: Bounds<u16>,
	/// What a message costs, in per mille of the job's fee; at least 1000.
	pub price_permille: Bounds<u32>,
}

/// A rung of the fan club. A fan is on it who meets what it and every lower one ask for.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct FanTier<Balance> {
	/// Its name.
	pub name: Name,
	/// AUTON that the fan has bonded behind the character, in planck.
	pub bonded: Balance,
	/// What the fan has spent on the character's jobs since the beginning, in planck.
	pub spent: Balance,
}

/// Bounds of a rung of the fan club.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct TierBounds<Balance> {
	/// Its name unless the character has another one.
	pub name: Name,
	/// AUTON bonded, in planck.
	pub bonded: Bounds<Balance>,
	/// Lifetime spend, in planck.
	pub spent: Bounds<Balance>,
}

/// Tiers of a fan club, the lowest first.
pub type FanTiers<Balance> = BoundedVec<FanTier<Balance>, ConstU32<MAX_TIERS>>;

/// How the price of a share follows from how many were sold before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum PriceRule<Balance> {
	/// All shares cost the same.
	#[codec(index = 0)]
	Fixed {
		/// Price of one share, in planck.
		price: Balance,
	},
	/// The share number *i*, counted from 0, costs `start + slope × i / 1,000,000`.
	#[codec(index = 1)]
	Linear {
		/// Price of the first share, in planck.
		start: Balance,
		/// Rise over a million shares, in planck.
		slope: Balance,
	},
}

/// Terms of an investment round.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct RoundTerms<Balance, BlockNumber> {
	/// Shares for sale; never more are made by the round.
	pub supply: Balance,
	/// Their price.
	pub price: PriceRule<Balance>,
	/// Most shares that one account buys in the round.
	pub cap: Balance,
	/// Blocks that the round is open.
	pub duration: BlockNumber,
	/// Least share of the character's part that investors get, for ever. At most what the split gives them.
	pub promise: Permill,
}

/// Bounds of an investment round.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct RoundBounds<Balance, BlockNumber> {
	/// Shares for sale; at least 1.
	pub supply: Bounds<Balance>,
	/// Price of the first share, in planck.
	pub price: Bounds<Balance>,
	/// Rise over a million shares, in planck.
	pub slope: Bounds<Balance>,
	/// Most shares of one account; at least 1.
	pub cap: Bounds<Balance>,
	/// Blocks that the round is open; at least 1.
	pub duration: Bounds<BlockNumber>,
	/// Least share of the character's part that investors get.
	pub promise: Bounds<Permill>,
}

/// A template: what a character of it can be, and is when its owner says nothing.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Template<Balance, BlockNumber> {
	/// Its name.
	pub name: Name,
	/// How the character's part is divided. Some split within the bounds, and the default, are whole.
	pub split: SplitBounds,
	/// How the character talks.
	pub interaction: InteractionBounds,
	/// Tiers of the fan club, the lowest first.
	pub tiers: BoundedVec<TierBounds<Balance>, ConstU32<MAX_TIERS>>,
	/// The lowest tier of advanced fans, counted from 0.
	pub advanced_from: Bounds<u8>,
	/// Investment round; `None` when characters of this template have none.
	pub round: Option<RoundBounds<Balance, BlockNumber>>,
	/// Numbers for the character's DSO, which this pallet keeps and does not read.
	pub dso: BoundedVec<Bounds<u32>, ConstU32<MAX_DSO_FIELDS>>,
}

/// What a character's owner has chosen within the bounds of its template. As the reads give it, it is within the newest
/// bounds: its charter.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Customisation<Balance> {
	/// How the character's part is divided.
	pub split: RevenueSplit,
	/// How the character talks.
	pub interaction: Interaction,
	/// Tiers of the fan club, the lowest first. A tier that is missing is as the template has it by default.
	pub tiers: FanTiers<Balance>,
	/// The lowest tier of advanced fans, counted from 0.
	pub advanced_from: u8,
	/// Numbers for the character's DSO. One that is missing is as the template has it by default.
	pub dso: BoundedVec<u32, ConstU32<MAX_DSO_FIELDS>>,
}

/// A field of a template or a customisation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Field {
	/// Share of the owner, in parts per million.
	#[codec(index = 0)]
	SplitOwner,
	/// Share of the investors, in parts per million.
	#[codec(index = 1)]
	SplitInvestors,
	/// Share of the treasury, in parts per million.
	#[codec(index = 2)]
	SplitTreasury,
	/// Share of the fans, in parts per million.
	#[codec(index = 3)]
	SplitFans,
	/// Share of the platform, in parts per million.
	#[codec(index = 4)]
	SplitPlatform,
	/// All shares together, in parts per million.
	#[codec(index = 5)]
	SplitSum,
	/// Longest message, in bytes.
	#[codec(index = 6)]
	MessageBytes,
	/// Most tokens of a reply.
	#[codec(index = 7)]
	ReplyTokens,
	/// Sampling temperature, in hundredths.
	#[codec(index = 8)]
	Temperature,
	/// Price multiplier, in per mille.
	#[codec(index = 9)]
	PricePermille,
	/// How many tiers there are.
	#[codec(index = 10)]
	TierCount,
	/// Length of a tier's name, in bytes; within the bounds when it is empty, blank or no UTF-8.
	#[codec(index = 11)]
	TierName,
	/// AUTON bonded for a tier, in planck.
	#[codec(index = 12)]
	TierBonded,
	/// Lifetime spend for a tier, in planck.
	#[codec(index = 13)]
	TierSpent,
	/// The lowest tier of advanced fans.
	#[codec(index = 14)]
	AdvancedFrom,
	/// Rounds: 1 where the template has none.
	#[codec(index = 15)]
	Round,
	/// Shares for sale.
	#[codec(index = 16)]
	RoundSupply,
	/// Price of the first share, in planck.
	#[codec(index = 17)]
	RoundPrice,
	/// Rise over a million shares, in planck.
	#[codec(index = 18)]
	RoundSlope,
	/// Most shares of one account.
	#[codec(index = 19)]
	RoundCap,
	/// Blocks that the round is open.
	#[codec(index = 20)]
	RoundDuration,
	/// Least share of the investors, in parts per million.
	#[codec(index = 21)]
	RoundPromise,
	/// Price of all shares together, in planck.
	#[codec(index = 22)]
	RoundTotal,
	/// How many numbers there are for the DSO.
	#[codec(index = 23)]
	DsoCount,
	/// A number for the DSO.
	#[codec(index = 24)]
	Dso,
}

/// Why a template or a customisation was refused: which field, what stands in it, and what may.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct CheckError {
	/// The field.
	pub field: Field,
	/// Number of the tier or of the DSO's number, counted from 0; else 0.
	pub index: u32,
	/// What stands in it.
	pub value: u128,
	/// The least that may.
	pub min: u128,
	/// The most that may.
	pub max: u128,
}

/// What a creation says about a character.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct CharacterDetails<Balance, BlockNumber> {
	/// Number of the template.
	pub template: TemplateId,
	/// Name of the character.
	pub name: Name,
	/// CID of the persona: who the character is, in words.
	pub persona: Cid,
	/// Model that the character makes pictures with.
	pub image_model: Option<ModelId>,
	/// Model that the character talks with.
	pub language_model: Option<ModelId>,
	/// Choices within the template's bounds.
	pub customisation: Customisation<Balance>,
	/// Investment round, which opens at once; `None` for a character without investors.
	pub round: Option<RoundTerms<Balance, BlockNumber>>,
}

/// A character.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct CharacterInfo<AccountId, Balance, BlockNumber> {
	/// Its template. Charters are read by the newest version.
	pub template: TemplateId,
	/// Its community, which has its treasury, its shares and its power.
	pub community: CommunityId,
	/// Its name.
	pub name: Name,
	/// CID of the persona.
	pub persona: Cid,
	/// Model that it makes pictures with.
	pub image_model: Option<ModelId>,
	/// Model that it talks with.
	pub language_model: Option<ModelId>,
	/// Block of the creation.
	pub created_at: BlockNumber,
	/// Block at which persona or models changed last. Decisions of a character that changed lately do not count.
	pub changed_at: BlockNumber,
	/// Least share of the character's part that investors get.
	pub promise: Permill,
	/// The character that this one is a sub-identity of.
	pub parent: Option<CharacterId>,
	/// Sub-identities of this character.
	pub children: u32,
	/// The collective that it is a member of.
	pub collective: Option<CollectiveId>,
	/// Fans.
	pub fans: u32,
	/// Whether it takes messages.
	pub active: bool,
	/// Who created it and paid the deposit. Owning it is another matter: the owner is whoever holds the NFT.
	pub creator: AccountId,
	/// Storage deposit on hold, in planck.
	pub deposit: Balance,
}

/// A fan's badge. It cannot be given to anybody else.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Badge<Balance, BlockNumber> {
	/// The fan's tier, counted from 0.
	pub tier: u8,
	/// Voting power: 0 for fans below the charter's line, else 1 to [`MAX_POINTS`].
	pub points: u8,
	/// Block at which the fan joined.
	pub since: BlockNumber,
	/// Storage deposit of the fan on hold, in planck.
	pub deposit: Balance,
}

/// An investment round.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Round<AssetId, Balance, BlockNumber> {
	/// Its terms, which never change.
	pub terms: RoundTerms<Balance, BlockNumber>,
	/// The asset that is the character's shares.
	pub shares: AssetId,
	/// First block at which nothing can be bought any more.
	pub closes_at: BlockNumber,
	/// Shares sold.
	pub sold: Balance,
	/// What was paid for them, in planck.
	pub raised: Balance,
	/// Whether it was closed.
	pub closed: bool,
}

/// How members of a collective are seated.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum CollectiveMode {
	/// Each member keeps its own seat, the collective has none.
	#[codec(index = 0)]
	Federated,
	/// The collective has one seat, its members have none.
	#[codec(index = 1)]
	Pooled,
}

/// Characters that act together. It is complete with two members.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Collective<AccountId, Balance> {
	/// Its name.
	pub name: Name,
	/// How its members are seated.
	pub mode: CollectiveMode,
	/// Its members, the oldest first.
	pub members: Members,
	/// Who may join.
	pub invited: Members,
	/// Who paid the deposit.
	pub founder: AccountId,
	/// Storage deposit on hold, in planck.
	pub deposit: Balance,
}

/// Where a character is seated. Nobody is seated twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Seat {
	/// In the X Community, for itself.
	#[codec(index = 0)]
	Own,
	/// In the community of its parent.
	#[codec(index = 1)]
	Under(CharacterId),
	/// In the X Community, through the one seat of a collective.
	#[codec(index = 2)]
	Pooled(CollectiveId),
}

/// A character's state of mind: the end of the hash chain over its jobs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Memory {
	/// The end of the chain.
	pub head: Digest,
	/// Jobs in it.
	pub sequence: u64,
}

/// A message whose job is not final.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Talk<AccountId, Balance> {
	/// The character.
	pub character: CharacterId,
	/// Who talks to it.
	pub requester: AccountId,
	/// What the character gets on top of the job's fee, in planck; on hold.
	pub surcharge: Balance,
}

/// The price of shares now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct RoundQuote<Balance> {
	/// What they cost together, in planck, rounded up.
	pub cost: Balance,
	/// Shares that nobody has bought.
	pub left: Balance,
	/// Whether the round takes money.
	pub open: bool,
}

/// All about a character, as the runtime API and the view functions give it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct CharacterPage<AccountId, AssetId, Balance, BlockNumber> {
	/// Number of the character and of its NFT.
	pub id: CharacterId,
	/// Holder of the NFT; `None` once it has been burnt.
	pub owner: Option<AccountId>,
	/// The account of its treasury.
	pub treasury: AccountId,
	/// What is stored of it.
	pub info: CharacterInfo<AccountId, Balance, BlockNumber>,
	/// Its charter: what its owner has chosen, within the newest bounds.
	pub charter: Customisation<Balance>,
	/// Newest version of its template.
	pub version: TemplateVersion,
	/// Its investment round.
	pub round: Option<Round<AssetId, Balance, BlockNumber>>,
	/// Its memory.
	pub memory: Memory,
	/// Where it is seated.
	pub seat: Seat,
}

/// All about a fan, as the runtime API and the view functions give it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct FanPage<Balance, BlockNumber> {
	/// The badge, when the account has joined.
	pub badge: Option<Badge<Balance, BlockNumber>>,
	/// AUTON bonded behind the character, in planck.
	pub bonded: Balance,
	/// Spent on the character's jobs since the beginning, in planck.
	pub spent: Balance,
	/// The tier that the account deserves now.
	pub deserved: Option<u8>,
}

/// The NFT side of a character: one collection whose items are the characters.
pub trait CharacterItems<AccountId> {
	/// Number of a collection.
	type CollectionId: Parameter + Member + MaxEncodedLen + Copy;

	/// Creates the collection, owned by `owner`, free of any deposit.
	fn create_collection(owner: &AccountId) -> Result<Self::CollectionId, DispatchError>;
	/// Mints item `character` to `to`, free of any deposit.
	fn mint(collection: &Self::CollectionId, character: CharacterId, to: &AccountId, metadata: &[u8])
		-> DispatchResult;
	/// Replaces the metadata of item `character`, free of any deposit. Nobody else can.
	fn set_metadata(collection: &Self::CollectionId, character: CharacterId, metadata: &[u8]) -> DispatchResult;
	/// Holder of item `character`.
	fn owner(collection: &Self::CollectionId, character: CharacterId) -> Option<AccountId>;
}

/// [`CharacterItems`] over pallet-nfts. Items can be transferred. Only this pallet changes their metadata, when the persona
/// changes; attributes are fixed.
///
/// The collection needs no deposit: the pallet's account owns it and has no money, and every item is paid for by the
/// character's own deposit.
pub struct NftItems<T, I = ()>(core::marker::PhantomData<(T, I)>);

impl<T, I> CharacterItems<T::AccountId> for NftItems<T, I>
where
	T: pallet_nfts::Config<I, ItemId = CharacterId>,
	I: 'static,
{
	type CollectionId = T::CollectionId;

	fn create_collection(owner: &T::AccountId) -> Result<Self::CollectionId, DispatchError> {
		let collection = pallet_nfts::NextCollectionId::<T, I>::get()
			.or(T::CollectionId::initial_value())
			.ok_or(pallet_nfts::Error::<T, I>::UnknownCollection)?;
		let locked = CollectionSetting::UnlockedMetadata
			| CollectionSetting::UnlockedAttributes
			| CollectionSetting::DepositRequired;
		let config = CollectionConfig {
			settings: CollectionSettings::from_disabled(locked),
			max_supply: None,
			mint_settings: MintSettings { default_item_settings: item_settings(), ..Default::default() },
		};
		pallet_nfts::Pallet::<T, I>::do_create_collection(
			collection,
			owner.clone(),
			owner.clone(),
			config,
			Default::default(),
			pallet_nfts::Event::ForceCreated { collection, owner: owner.clone() },
		)?;
		pallet_nfts::NextCollectionId::<T, I>::set(collection.increment());
		Ok(collection)
	}

	fn mint(
		collection: &Self::CollectionId,
		character: CharacterId,
		to: &T::AccountId,
		metadata: &[u8],
	) -> DispatchResult {
		use frame_support::traits::nonfungibles_v2::Mutate;
		let config = ItemConfig { settings: item_settings() };
		<pallet_nfts::Pallet<T, I> as Mutate<_, _>>::mint_into(collection, &character, to, &config, true)?;
		Self::set_metadata(collection, character, metadata)
	}

	fn set_metadata(collection: &Self::CollectionId, character: CharacterId, metadata: &[u8]) -> DispatchResult {
		use frame_support::traits::nonfungibles_v2::Mutate;
		<pallet_nfts::Pallet<T, I> as Mutate<T::AccountId, ItemConfig>>::set_item_metadata(
			None, collection, &character, metadata,
		)
	}

	fn owner(collection: &Self::CollectionId, character: CharacterId) -> Option<T::AccountId> {
		pallet_nfts::Pallet::<T, I>::owner(*collection, character)
	}
}

fn item_settings() -> ItemSettings {
	ItemSettings::from_disabled(ItemSetting::UnlockedMetadata | ItemSetting::UnlockedAttributes)
}

/// The assets that are characters' shares.
pub trait ShareAssets<AccountId, Balance> {
	/// Number of an asset.
	type AssetId: Parameter + Member + MaxEncodedLen;

	/// Creates the shares of a character, of which there are none yet. `admin` alone can do anything to them.
	fn create(character: CharacterId, admin: &AccountId) -> Result<Self::AssetId, DispatchError>;
	/// Makes shares for whoever has bought them.
	fn mint(shares: &Self::AssetId, to: &AccountId, amount: Balance) -> DispatchResult;
	/// Shares that there are.
	fn issued(shares: &Self::AssetId) -> Balance;
}

/// [`ShareAssets`] over pallet-assets: the shares of a character are the asset `First + character`. Nobody else may be able
/// to create assets from `First` on.
pub struct AssetShares<Assets, First>(core::marker::PhantomData<(Assets, First)>);

impl<AccountId, Assets, First> ShareAssets<AccountId, <Assets as fungibles::Inspect<AccountId>>::Balance>
	for AssetShares<Assets, First>
where
	AccountId: Clone + Eq,
	Assets: fungibles::Create<AccountId, AssetId = u32> + fungibles::Mutate<AccountId>,
	First: Get<u32>,
{
	type AssetId = u32;

	fn create(character: CharacterId, admin: &AccountId) -> Result<u32, DispatchError> {
		let asset = First::get().checked_add(character).ok_or(sp_runtime::ArithmeticError::Overflow)?;
		// One share is enough to have an account.
		Assets::create(asset, admin.clone(), true, sp_runtime::traits::One::one())?;
		Ok(asset)
	}

	fn mint(
		shares: &u32,
		to: &AccountId,
		amount: <Assets as fungibles::Inspect<AccountId>>::Balance,
	) -> DispatchResult {
		Assets::mint_into(*shares, to, amount).map(|_| ())
	}

	fn issued(shares: &u32) -> <Assets as fungibles::Inspect<AccountId>>::Balance {
		Assets::total_issuance(*shares)
	}
}

/// What accounts have bonded behind characters.
pub trait Bonding<AccountId, Balance> {
	/// AUTON bonded in a community, without what is unbonding, in planck.
	fn bonded(community: CommunityId, who: &AccountId) -> Balance;
}

/// A job that was submitted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Submitted<Balance> {
	/// Its number.
	pub job: JobId,
	/// What it costs at most, in planck.
	pub fee: Balance,
}

/// Jobs of characters: pallet-inference.
pub trait TalkJobs<AccountId, Balance> {
	/// Submits a job of `character` that `requester` pays, for `max_fee` planck at most. The runtime answers with
	/// [`Characters`](autonomy_primitives::character::Characters).
	fn submit(
		requester: &AccountId,
		model: ModelId,
		input: JobInput,
		character: CharacterId,
		max_fee: Balance,
	) -> Result<Submitted<Balance>, DispatchError>;
	/// Weight of [`TalkJobs::submit`].
	fn weight() -> Weight;
	/// A model of a kind that takes jobs, for benchmarks.
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_model(kind: autonomy_primitives::job::Modality) -> ModelId;
}
