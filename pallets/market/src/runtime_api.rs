//! Runtime API of the market.

// A runtime API spells its types out.
#![allow(clippy::type_complexity)]

use autonomy_primitives::ModelId;
use codec::Codec;

use crate::types::{AuctionView, Licence, LicenceKind, LicenceTerms, Listing, Offer, OrderBook, Sale, SaleId, Split};

sp_api::decl_runtime_apis! {
	/// Reads of the market for clients. `pallet-market` has a view function of the same name for each.
	pub trait MarketApi<AccountId, Balance, BlockNumber, CollectionId, ItemId> where
		AccountId: Codec,
		Balance: Codec,
		BlockNumber: Codec,
		CollectionId: Codec,
		ItemId: Codec,
	{
		/// What an item is on sale by, which is what it is locked by.
		fn sale_of(collection: CollectionId, item: ItemId) -> Option<Sale>;
		/// A listing.
		fn listing(listing: SaleId) -> Option<Listing<AccountId, Balance, BlockNumber, CollectionId, ItemId>>;
		/// The listing of an item, with its number.
		fn listing_of(
			collection: CollectionId,
			item: ItemId,
		) -> Option<(SaleId, Listing<AccountId, Balance, BlockNumber, CollectionId, ItemId>)>;
		/// An auction and the least next bid.
		fn auction(auction: SaleId) -> Option<AuctionView<AccountId, Balance, BlockNumber, CollectionId, ItemId>>;
		/// An account's offer for an item.
		fn offer(collection: CollectionId, item: ItemId, bidder: AccountId) -> Option<Offer<Balance, BlockNumber>>;
		/// How a price for an item would be divided now; nothing when the item cannot be sold here.
		fn quote(collection: CollectionId, item: ItemId, price: Balance) -> Option<Split<AccountId, Balance>>;
		/// How the price of a listing will be divided.
		fn quote_listing(listing: SaleId) -> Option<Split<AccountId, Balance>>;
		/// What is on offer for an item, and what it is on sale by: one page of the offers, from the first on, or after that
		/// of the bidder that the page before named as `next`.
		fn order_book(
			collection: CollectionId,
			item: ItemId,
			after: Option<AccountId>,
		) -> OrderBook<AccountId, Balance, BlockNumber, CollectionId, ItemId>;
		/// How the price of a licence would be divided now; nothing when the kind is not sold.
		fn quote_licence(model: ModelId, kind: LicenceKind) -> Option<Split<AccountId, Balance>>;
		/// What licences to a model cost.
		fn licence_terms(model: ModelId) -> Option<LicenceTerms<Balance, BlockNumber>>;
		/// An account's licence to a model, over or not.
		fn licence(model: ModelId, who: AccountId) -> Option<Licence<Balance, BlockNumber>>;
		/// Whether an account may use a model under a licence: the model is open, or the account owns it, or has a licence
		/// that is not over.
		fn has_licence(model: ModelId, who: AccountId) -> bool;
		/// Whether licences to a model are sold, and it is not open.
		fn requires_licence(model: ModelId) -> bool;
	}
}
