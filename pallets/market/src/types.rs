//! What the pallet stores and what it asks of its neighbours.

use alloc::vec::Vec;
use autonomy_primitives::{
	payout::{Payee, Share},
	ModelId,
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{
	pallet_prelude::Member,
	traits::nonfungibles_v2::{Inspect, Transfer},
	BoundedVec, Parameter,
};
use scale_info::TypeInfo;
use sp_runtime::{traits::ConstU32, DispatchResult, Permill};

/// Number of a listing or an auction, counted from 0 in the order in which they were opened.
pub type SaleId = u64;

/// Most items of one listing.
pub const MAX_BUNDLE: u32 = 16;
/// Most payees that the royalty of one sale is divided among.
pub const MAX_PAYEES: u32 = 20;
/// Largest share of a price that royalties take together: 25 %.
pub const MAX_ROYALTY: Permill = Permill::from_percent(25);
/// Most offers on one page of an [`OrderBook`].
pub const OFFERS_PER_PAGE: u32 = 50;
/// Largest share of a price that the market's fee takes: 10 %. A higher fee is read as this.
pub const MAX_FEE: Permill = Permill::from_percent(10);
/// Smallest step between two bids of an auction, in per mille of the earlier one.
pub const MIN_INCREMENT: u16 = 10;
/// Largest step between two bids of an auction, in per mille of the earlier one.
pub const MAX_INCREMENT: u16 = 1_000;

/// Who gets which share of a price: accounts, bonded holders, treasuries of communities. Those of a sale add up to at most
/// [`MAX_ROYALTY`].
pub type Royalties<AccountId> = BoundedVec<Share<AccountId>, ConstU32<MAX_PAYEES>>;
/// Items of one sale: collection and number. None stands in it twice.
pub type Items<CollectionId, ItemId> = BoundedVec<(CollectionId, ItemId), ConstU32<MAX_BUNDLE>>;

/// What an item is locked by.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Sale {
	/// A listing, alone or in a bundle.
	#[codec(index = 0)]
	Listing(SaleId),
	/// An auction.
	#[codec(index = 1)]
	Auction(SaleId),
}

/// How an item was sold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum SoldBy {
	/// Somebody bought a listing.
	#[codec(index = 0)]
	Listing(SaleId),
	/// An auction was settled.
	#[codec(index = 1)]
	Auction(SaleId),
	/// The owner accepted an offer.
	#[codec(index = 2)]
	Offer,
}

/// Items for sale at a fixed price. Fee and royalties are those of the day on which it was opened.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Listing<AccountId, Balance, BlockNumber, CollectionId, ItemId> {
	/// Who sells.
	pub seller: AccountId,
	/// What is sold, all together.
	pub items: Items<CollectionId, ItemId>,
	/// Price of all items together, in planck.
	pub price: Balance,
	/// First block at which it cannot be bought any more; `None` for never.
	pub expires: Option<BlockNumber>,
	/// The market's share of the price.
	pub fee: Permill,
	/// Who gets which share of the price.
	pub royalties: Royalties<AccountId>,
	/// Storage deposit of the seller on hold, in planck.
	pub deposit: Balance,
}

/// The highest bid of an auction.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Bid<AccountId, Balance> {
	/// Who bids.
	pub bidder: AccountId,
	/// How much, in planck; on hold.
	pub amount: Balance,
}

/// An English auction of one item. Fee and royalties are those of the day on which it was opened.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Auction<AccountId, Balance, BlockNumber, CollectionId, ItemId> {
	/// Who sells.
	pub seller: AccountId,
	/// Collection of the item.
	pub collection: CollectionId,
	/// Number of the item.
	pub item: ItemId,
	/// Least first bid, in planck.
	pub reserve: Balance,
	/// Least step between two bids, in per mille of the earlier one.
	pub increment: u16,
	/// First block at which no bid is taken any more. A late bid moves it.
	pub ends_at: BlockNumber,
	/// Blocks that are left for others after every bid.
	pub soft_close: BlockNumber,
	/// The highest bid so far.
	pub top: Option<Bid<AccountId, Balance>>,
	/// The market's share of the price.
	pub fee: Permill,
	/// Who gets which share of the price.
	pub royalties: Royalties<AccountId>,
	/// Storage deposit of the seller on hold, in planck.
	pub deposit: Balance,
}

/// An offer for an item, whoever owns it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Offer<Balance, BlockNumber> {
	/// How much, in planck; on hold.
	pub amount: Balance,
	/// First block at which it cannot be accepted any more.
	pub expires: BlockNumber,
	/// Storage deposit of the bidder on hold, in planck.
	pub deposit: Balance,
}

/// What licences to a model cost. At least one of the two prices is set.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct LicenceTerms<Balance, BlockNumber> {
	/// Price of one period, in planck; `None` when periods are not sold.
	pub per_period: Option<Balance>,
	/// Length of a period, in blocks; at least 1.
	pub period: BlockNumber,
	/// Price of a licence for ever, in planck; `None` when none is sold.
	pub perpetual: Option<Balance>,
}

/// Licence terms as they are stored.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct StoredTerms<AccountId, Balance, BlockNumber> {
	/// The terms.
	pub terms: LicenceTerms<Balance, BlockNumber>,
	/// Who set them and paid the deposit.
	pub depositor: AccountId,
	/// Storage deposit on hold, in planck.
	pub deposit: Balance,
}

/// The kinds of licence.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum LicenceKind {
	/// One period, after what the caller has already.
	#[codec(index = 0)]
	Period,
	/// For ever.
	#[codec(index = 1)]
	Perpetual,
}

/// An account's licence to a model.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Licence<Balance, BlockNumber> {
	/// First block at which it is over; `None` for never.
	pub until: Option<BlockNumber>,
	/// Storage deposit of the licensee on hold, in planck.
	pub deposit: Balance,
}

impl<Balance, BlockNumber: PartialOrd> Licence<Balance, BlockNumber> {
	/// Whether it holds at a block.
	pub fn holds_at(&self, now: &BlockNumber) -> bool {
		self.until.as_ref().is_none_or(|until| now < until)
	}
}

/// How a price is divided. Fee, royalties and proceeds add up to it exactly.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct Split<AccountId, Balance> {
	/// What each payee gets, in planck, rounded down. None is listed that gets nothing.
	pub royalties: Vec<(Payee<AccountId>, Balance)>,
	/// What the treasury gets, in planck, rounded down.
	pub fee: Balance,
	/// What the seller gets, in planck: the rest.
	pub proceeds: Balance,
}

/// An auction together with what the next bid has to be, as the runtime API and the view functions give it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct AuctionView<AccountId, Balance, BlockNumber, CollectionId, ItemId> {
	/// The auction.
	pub auction: Auction<AccountId, Balance, BlockNumber, CollectionId, ItemId>,
	/// Least next bid, in planck; `None` when no balance is large enough.
	pub least_bid: Option<Balance>,
}

/// A listing with its number.
pub type NumberedListing<AccountId, Balance, BlockNumber, CollectionId, ItemId> =
	(SaleId, Listing<AccountId, Balance, BlockNumber, CollectionId, ItemId>);
/// An auction with its number.
pub type NumberedAuction<AccountId, Balance, BlockNumber, CollectionId, ItemId> =
	(SaleId, AuctionView<AccountId, Balance, BlockNumber, CollectionId, ItemId>);

/// What is on offer for an item and against it: one page of the offers, and what it is on sale by.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct OrderBook<AccountId, Balance, BlockNumber, CollectionId, ItemId> {
	/// The listing, alone or in a bundle, with its number.
	pub listing: Option<NumberedListing<AccountId, Balance, BlockNumber, CollectionId, ItemId>>,
	/// The auction, with its number.
	pub auction: Option<NumberedAuction<AccountId, Balance, BlockNumber, CollectionId, ItemId>>,
	/// Up to [`OFFERS_PER_PAGE`] offers with their bidders, in no order that means anything; expired ones among them.
	pub offers: Vec<(AccountId, Offer<Balance, BlockNumber>)>,
	/// The bidder to ask for the next page with; `None` on the last one.
	pub next: Option<AccountId>,
}

/// Which items can be sold here, and who has a share in it.
pub trait Tradable<AccountId, CollectionId, ItemId> {
	/// Payees of a sale of an item and their shares, together at most [`MAX_ROYALTY`]; `None` when items of the
	/// collection are not sold here. A collection whose team has keys should never be: it could lock an item, and void its
	/// auction.
	fn royalties(collection: &CollectionId, item: &ItemId) -> Option<Royalties<AccountId>>;
	/// Makes an item of `owner` that can be sold, with as many payees as there can be, another one at each call.
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_item(owner: &AccountId) -> (CollectionId, ItemId);
}

/// The models that licences are sold to.
pub trait LicensedModels<AccountId> {
	/// Holder of a model's NFT, who sets the terms and is paid; `None` when there is no such model or its NFT is burnt.
	fn owner(model: ModelId) -> Option<AccountId>;
	/// Payees of a licence besides the owner, such as ancestors and shareholders of the model. Their shares are parts of what
	/// is left of the price after the market's fee, together at most the whole of it; the owner gets the rest.
	fn royalties(model: ModelId) -> Royalties<AccountId>;
	/// Makes a model of `owner`, with as many payees as there can be.
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_model(owner: &AccountId) -> ModelId;
}

/// The NFT side of the market.
pub trait MarketItems<AccountId> {
	/// Number of a collection.
	type CollectionId: Parameter + Member + MaxEncodedLen + Copy;
	/// Number of an item within its collection.
	type ItemId: Parameter + Member + MaxEncodedLen + Copy;

	/// Holder of an item.
	fn owner(collection: &Self::CollectionId, item: &Self::ItemId) -> Option<AccountId>;
	/// Whether an item's own and its collection's settings let it be transferred.
	fn can_transfer(collection: &Self::CollectionId, item: &Self::ItemId) -> bool;
	/// Gives an item to somebody else.
	fn transfer(collection: &Self::CollectionId, item: &Self::ItemId, to: &AccountId) -> DispatchResult;
}

/// [`MarketItems`] over pallet-nfts. Its `Locker` is this pallet.
pub struct NftItems<T, I = ()>(core::marker::PhantomData<(T, I)>);

impl<T, I> MarketItems<T::AccountId> for NftItems<T, I>
where
	T: pallet_nfts::Config<I>,
	I: 'static,
{
	type CollectionId = T::CollectionId;
	type ItemId = T::ItemId;

	fn owner(collection: &Self::CollectionId, item: &Self::ItemId) -> Option<T::AccountId> {
		pallet_nfts::Pallet::<T, I>::owner(*collection, *item)
	}

	fn can_transfer(collection: &Self::CollectionId, item: &Self::ItemId) -> bool {
		<pallet_nfts::Pallet<T, I> as Inspect<T::AccountId>>::can_transfer(collection, item)
	}

	fn transfer(collection: &Self::CollectionId, item: &Self::ItemId, to: &T::AccountId) -> DispatchResult {
		<pallet_nfts::Pallet<T, I> as Transfer<T::AccountId>>::transfer(collection, item, to)
	}
}
