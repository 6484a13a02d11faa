#![cfg_attr(not(feature = "std"), no_std)]
#![doc = include_str!("../README.md")]

extern crate alloc;

mod auctions;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod licences;
mod listings;
pub mod maths;
#[cfg(test)]
mod mock;
mod offers;
pub mod runtime_api;
mod settlement;
#[cfg(test)]
mod tests;
mod try_state;
mod types;
pub mod weights;

pub use pallet::*;
pub use types::{
	Auction, AuctionView, Bid, Items, Licence, LicenceKind, LicenceTerms, LicensedModels, Listing, MarketItems,
	NftItems, Offer, OrderBook, Royalties, Sale, SaleId, SoldBy, Split, StoredTerms, Tradable, MAX_BUNDLE, MAX_FEE,
	MAX_INCREMENT, MAX_PAYEES, MAX_ROYALTY, MIN_INCREMENT, OFFERS_PER_PAGE,
};
pub use weights::WeightInfo;

use alloc::vec::Vec;
use autonomy_primitives::{community::RevenueSink, model::ModelAccess, payout::Payee, ModelId};
use frame_support::{
	pallet_prelude::*,
	traits::{
		fungible::{Inspect, Mutate, MutateHold},
		tokens::Locker,
	},
};
use frame_system::pallet_prelude::*;
use sp_runtime::{traits::Zero, Permill, Saturating};

/// Balance of the configured currency, in planck.
pub type BalanceOf<T> = <<T as Config>::Currency as Inspect<<T as frame_system::Config>::AccountId>>::Balance;
/// Number of an NFT collection.
pub type CollectionIdOf<T> =
	<<T as Config>::Items as MarketItems<<T as frame_system::Config>::AccountId>>::CollectionId;
/// Number of an NFT within its collection.
pub type ItemIdOf<T> = <<T as Config>::Items as MarketItems<<T as frame_system::Config>::AccountId>>::ItemId;
/// Items of one sale of this chain.
pub type ItemsOf<T> = Items<CollectionIdOf<T>, ItemIdOf<T>>;
/// Shares in a price of this chain.
pub type RoyaltiesOf<T> = Royalties<<T as frame_system::Config>::AccountId>;
/// How a price of this chain is divided.
pub type SplitOf<T> = Split<<T as frame_system::Config>::AccountId, BalanceOf<T>>;
/// A listing of this chain.
pub type ListingOf<T> =
	Listing<<T as frame_system::Config>::AccountId, BalanceOf<T>, BlockNumberFor<T>, CollectionIdOf<T>, ItemIdOf<T>>;
/// An auction of this chain.
pub type AuctionOf<T> =
	Auction<<T as frame_system::Config>::AccountId, BalanceOf<T>, BlockNumberFor<T>, CollectionIdOf<T>, ItemIdOf<T>>;
/// An auction of this chain with its least next bid.
pub type AuctionViewOf<T> = AuctionView<
	<T as frame_system::Config>::AccountId,
	BalanceOf<T>,
	BlockNumberFor<T>,
	CollectionIdOf<T>,
	ItemIdOf<T>,
>;
/// What is on offer for an item of this chain.
pub type OrderBookOf<T> =
	OrderBook<<T as frame_system::Config>::AccountId, BalanceOf<T>, BlockNumberFor<T>, CollectionIdOf<T>, ItemIdOf<T>>;
/// An offer of this chain.
pub type OfferOf<T> = Offer<BalanceOf<T>, BlockNumberFor<T>>;
/// Licence terms of this chain.
pub type LicenceTermsOf<T> = LicenceTerms<BalanceOf<T>, BlockNumberFor<T>>;
/// Stored licence terms of this chain.
pub type StoredTermsOf<T> = StoredTerms<<T as frame_system::Config>::AccountId, BalanceOf<T>, BlockNumberFor<T>>;
/// A licence of this chain.
pub type LicenceOf<T> = Licence<BalanceOf<T>, BlockNumberFor<T>>;

#[frame_support::pallet]
pub mod pallet {
	use super::*;

	/// Configuration.
	#[pallet::config]
	pub trait Config: frame_system::Config {
		/// Currency of prices, bids and deposits.
		type Currency: Mutate<Self::AccountId> + MutateHold<Self::AccountId, Reason = Self::RuntimeHoldReason>;
		/// The runtime's hold reasons.
		type RuntimeHoldReason: From<HoldReason>;
		/// Where items live: [`NftItems`] over a pallet-nfts whose `Locker` is this pallet.
		type Items: MarketItems<Self::AccountId>;
		/// Which items can be sold, and who has a share in it.
		type Tradable: Tradable<Self::AccountId, CollectionIdOf<Self>, ItemIdOf<Self>>;
		/// The models that licences are sold to.
		type Models: LicensedModels<Self::AccountId>;
		/// Whom bonded holders' parts are paid to, and who divides them: pallet-bonds.
		type Revenue: RevenueSink<Self::AccountId, BalanceOf<Self>>;
		/// Who gets the market's fee, and what a payee cannot take.
		type Treasury: Get<Self::AccountId>;
		/// The market's share of each price; at most [`MAX_FEE`]. Governance may change it: a listing or an auction keeps
		/// the one that it was opened with.
		type Fee: Get<Permill>;
		/// Least price, offer, bid and price of a licence, in planck. At least twice the existential deposit, so that a
		/// seller can always be paid and a bidder always be paid back.
		#[pallet::constant]
		type MinPrice: Get<BalanceOf<Self>>;
		/// Longest time for which a listing, an offer, an auction or a licence's period is opened, in blocks.
		#[pallet::constant]
		type MaxDuration: Get<BlockNumberFor<Self>>;
		/// Blocks that are left for others after every bid; also the shortest auction. At least 1.
		#[pallet::constant]
		type SoftClose: Get<BlockNumberFor<Self>>;
		/// Part of a storage deposit that does not depend on size, in planck. At least the existential deposit.
		#[pallet::constant]
		type DepositBase: Get<BalanceOf<Self>>;
		/// Storage deposit for each encoded byte, in planck.
		#[pallet::constant]
		type DepositPerByte: Get<BalanceOf<Self>>;
		/// Most listings and auctions of one account at a time.
		#[pallet::constant]
		type MaxSalesPerAccount: Get<u32>;
		/// Most offers of one account at a time.
		#[pallet::constant]
		type MaxOffersPerAccount: Get<u32>;
		/// Weights of the calls.
		type WeightInfo: WeightInfo;
	}

	/// The in-code storage version.
	const STORAGE_VERSION: StorageVersion = StorageVersion::new(0);

	/// The market.
	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// Why the pallet holds money.
	#[pallet::composite_enum]
	pub enum HoldReason {
		/// Storage deposits of listings, auctions, offers, licence terms and licences.
		Deposit,
		/// Money of an offer.
		Offer,
		/// The highest bid of an auction.
		Bid,
	}

	/// Number of the next listing or auction.
	#[pallet::storage]
	pub type NextSaleId<T: Config> = StorageValue<_, SaleId, ValueQuery>;

	/// What is on sale, and by what. These items are locked.
	#[pallet::storage]
	pub type OnSale<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, CollectionIdOf<T>, Blake2_128Concat, ItemIdOf<T>, Sale>;

	/// Open listings.
	#[pallet::storage]
	pub type Listings<T: Config> = StorageMap<_, Twox64Concat, SaleId, ListingOf<T>>;

	/// Auctions that have not been settled.
	#[pallet::storage]
	pub type Auctions<T: Config> = StorageMap<_, Twox64Concat, SaleId, AuctionOf<T>>;

	/// Open offers, by item and bidder.
	#[pallet::storage]
	pub type Offers<T: Config> = StorageNMap<
		_,
		(
			NMapKey<Blake2_128Concat, CollectionIdOf<T>>,
			NMapKey<Blake2_128Concat, ItemIdOf<T>>,
			NMapKey<Blake2_128Concat, T::AccountId>,
		),
		OfferOf<T>,
	>;

	/// How many listings and auctions an account has.
	#[pallet::storage]
	pub type SaleCount<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, u32, ValueQuery>;

	/// How many offers an account has.
	#[pallet::storage]
	pub type OfferCount<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, u32, ValueQuery>;

	/// What licences to a model cost.
	#[pallet::storage]
	pub type Terms<T: Config> = StorageMap<_, Twox64Concat, ModelId, StoredTermsOf<T>>;

	/// Models that everybody may use for ever.
	#[pallet::storage]
	pub type OpenModels<T: Config> = StorageMap<_, Twox64Concat, ModelId, ()>;

	/// Licences, by model and licensee. One that is over stays until somebody ends it.
	#[pallet::storage]
	pub type Licences<T: Config> =
		StorageDoubleMap<_, Twox64Concat, ModelId, Blake2_128Concat, T::AccountId, LicenceOf<T>>;

	/// Events.
	#[pallet::event]
	#[pallet::generate_deposit(pub(super) fn deposit_event)]
	pub enum Event<T: Config> {
		/// Items are for sale at a fixed price, and locked.
		Listed {
			/// Number of the listing.
			listing: SaleId,
			/// Who sells.
			seller: T::AccountId,
			/// What is sold, all together.
			items: ItemsOf<T>,
			/// Price of all items together, in planck.
			price: BalanceOf<T>,
			/// First block at which it cannot be bought any more.
			expires: Option<BlockNumberFor<T>>,
			/// The market's share of the price.
			fee: Permill,
			/// Who gets which share of the price.
			royalties: RoyaltiesOf<T>,
			/// Storage deposit put on hold, in planck.
			deposit: BalanceOf<T>,
		},
		/// The price of a listing changed.
		PriceSet {
			/// The listing.
			listing: SaleId,
			/// The new price, in planck.
			price: BalanceOf<T>,
		},
		/// A listing was closed without a sale: items unlocked, deposit returned.
		ListingClosed {
			/// The listing.
			listing: SaleId,
			/// Whether it had expired; if not, the seller took it back.
			expired: bool,
		},
		/// Items were sold: they are the buyer's, the money is paid, the seller's deposit is returned.
		Sold {
			/// How.
			by: SoldBy,
			/// Who sold.
			seller: T::AccountId,
			/// Who bought.
			buyer: T::AccountId,
			/// What was sold.
			items: ItemsOf<T>,
			/// Price, in planck.
			price: BalanceOf<T>,
			/// How it was divided.
			split: SplitOf<T>,
		},
		/// A payee's account could not take its part, which went to the market's treasury: it has no free balance and the part
		/// is below the existential deposit.
		RoyaltyRedirected {
			/// The payee.
			payee: Payee<T::AccountId>,
			/// Its part, in planck.
			amount: BalanceOf<T>,
		},
		/// Somebody offers money for an item.
		OfferMade {
			/// Collection of the item.
			collection: CollectionIdOf<T>,
			/// The item.
			item: ItemIdOf<T>,
			/// Who offers.
			bidder: T::AccountId,
			/// How much, in planck; on hold.
			amount: BalanceOf<T>,
			/// First block at which it cannot be accepted any more.
			expires: BlockNumberFor<T>,
			/// Storage deposit put on hold, in planck.
			deposit: BalanceOf<T>,
		},
		/// An offer was closed without a sale: money and deposit are returned.
		OfferClosed {
			/// Collection of the item.
			collection: CollectionIdOf<T>,
			/// The item.
			item: ItemIdOf<T>,
			/// Who had offered.
			bidder: T::AccountId,
			/// Whether it had expired; if not, the bidder took it back.
			expired: bool,
		},
		/// An auction was opened, and its item is locked.
		AuctionStarted {
			/// Number of the auction.
			auction: SaleId,
			/// Who sells.
			seller: T::AccountId,
			/// Collection of the item.
			collection: CollectionIdOf<T>,
			/// The item.
			item: ItemIdOf<T>,
			/// Least first bid, in planck.
			reserve: BalanceOf<T>,
			/// Least step between two bids, in per mille of the earlier one.
			increment: u16,
			/// First block at which no bid is taken any more, if none comes late.
			ends_at: BlockNumberFor<T>,
			/// The market's share of the price.
			fee: Permill,
			/// Who gets which share of the price.
			royalties: RoyaltiesOf<T>,
			/// Storage deposit put on hold, in planck.
			deposit: BalanceOf<T>,
		},
		/// A bid is the highest now. What the earlier bidder had on hold is released.
		BidPlaced {
			/// The auction.
			auction: SaleId,
			/// Who bids.
			bidder: T::AccountId,
			/// How much, in planck; on hold.
			amount: BalanceOf<T>,
			/// Whose bid it beats.
			outbid: Option<T::AccountId>,
			/// First block at which no bid is taken any more.
			ends_at: BlockNumberFor<T>,
		},
		/// An auction was closed without a sale: the item is unlocked, the deposit returned.
		AuctionClosed {
			/// The auction.
			auction: SaleId,
			/// Whether the seller took it back; if not, it ended without a bid.
			cancelled: bool,
		},
		/// An auction was void, since its item could not be transferred: the bid is released, the item unlocked, the deposit
		/// returned.
		AuctionVoid {
			/// The auction.
			auction: SaleId,
			/// Who had won.
			bidder: T::AccountId,
			/// The bid that was released, in planck.
			amount: BalanceOf<T>,
			/// Why.
			error: DispatchError,
		},
		/// A model's owner set what licences cost, or withdrew the terms. Licences that were sold go on.
		LicenceTermsSet {
			/// The model.
			model: ModelId,
			/// The terms; `None` when licences are not sold any more.
			terms: Option<LicenceTermsOf<T>>,
			/// Storage deposit put on hold, in planck.
			deposit: BalanceOf<T>,
		},
		/// A model was opened: everybody may use it for ever.
		ModelOpened {
			/// The model.
			model: ModelId,
		},
		/// A licence was bought or extended.
		LicenceBought {
			/// The model.
			model: ModelId,
			/// Who has the licence.
			licensee: T::AccountId,
			/// Whom the price was paid to.
			owner: T::AccountId,
			/// What was bought.
			kind: LicenceKind,
			/// First block at which it is over; `None` for never.
			until: Option<BlockNumberFor<T>>,
			/// Price, in planck.
			price: BalanceOf<T>,
			/// How it was divided.
			split: SplitOf<T>,
		},
		/// A licence was removed and its deposit returned.
		LicenceEnded {
			/// The model.
			model: ModelId,
			/// Who had it.
			licensee: T::AccountId,
		},
	}

	/// Errors. Each says what to do about it.
	#[pallet::error]
	pub enum Error<T> {
		/// There is no such item.
		UnknownItem,
		/// The caller does not own the item. Sign with the account that `nfts.item` names as its owner.
		NotOwner,
		/// Items of this collection are not sold here.
		NotTradable,
		/// The item's or its collection's settings do not let it be transferred.
		NotTransferable,
		/// The item is on sale. Cancel its listing, or wait for the end of its auction.
		AlreadyOnSale,
		/// No items. Name at least one.
		NoItems,
		/// The royalties of the item are above 25 %, or the shares in a licence above the whole.
		RoyaltyAboveCap,
		/// The royalties of the items name more than 20 payees. Sell fewer of them together.
		TooManyPayees,
		/// The price, offer or reserve is below `MinPrice`.
		PriceTooLow,
		/// The block is not in the future, or more than `MaxDuration` blocks away.
		EndOutOfRange,
		/// The duration is below `SoftClose` or above `MaxDuration`.
		DurationOutOfRange,
		/// The caller has `MaxSalesPerAccount` listings and auctions. Close one.
		TooManySales,
		/// The caller has `MaxOffersPerAccount` offers. Cancel one.
		TooManyOffers,
		/// There is no such listing: sold, closed or never opened.
		UnknownListing,
		/// Only the seller may do this.
		NotSeller,
		/// The listing, offer or licence has not expired.
		NotExpired,
		/// The listing or offer has expired.
		Expired,
		/// The price is above the caller's `max_price`. Look it up and decide again.
		PriceAboveLimit,
		/// The offer is below the caller's `min_amount`. Look it up and decide again.
		OfferBelowLimit,
		/// The item, or the model, is the caller's own.
		OwnItem,
		/// The caller has an offer for this item. Cancel it first.
		OfferExists,
		/// There is no such offer: accepted, closed or never made.
		UnknownOffer,
		/// There is no such auction: settled, closed or never opened.
		UnknownAuction,
		/// The increment is not in 10 to 1000 per mille.
		IncrementOutOfRange,
		/// The auction has ended. Anyone may settle it.
		AuctionOver,
		/// The auction has not ended.
		AuctionRunning,
		/// The auction has a bid, and cannot be taken back any more.
		HasBid,
		/// The bid is too low. The auction's view gives the least next bid.
		BidTooLow,
		/// There is no such model, or its NFT has been burnt.
		UnknownModel,
		/// The caller does not hold the model's NFT.
		NotModelOwner,
		/// Neither a price of a period nor one for ever is set. Set one, or send no terms to withdraw them.
		NoPrice,
		/// The period is zero or above `MaxDuration`.
		PeriodOutOfRange,
		/// Everybody may use the model: it was opened, which cannot be undone.
		ModelIsOpen,
		/// Licences to this model are not sold.
		NoTerms,
		/// This kind of licence is not sold for the model.
		KindNotSold,
		/// The caller has a licence for ever.
		AlreadyLicensed,
		/// There is no such licence.
		UnknownLicence,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn integrity_test() {
			let least = T::Currency::minimum_balance();
			// Royalties and fee leave the seller 65 %: more than the existential deposit, which any account can take.
			assert!(T::MinPrice::get() >= least.saturating_mul(2u32.into()), "MinPrice is below twice the ED");
			assert!(!T::MinPrice::get().is_zero(), "MinPrice is zero");
			// So that a deposit can always be released, even to an account without any free balance.
			assert!(T::DepositBase::get() >= least, "DepositBase is below the ED");
			assert!(!T::SoftClose::get().is_zero(), "SoftClose is zero");
			assert!(T::SoftClose::get() <= T::MaxDuration::get(), "no auction would be short enough");
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::call(weight = <T as Config>::WeightInfo)]
	impl<T: Config> Pallet<T> {
		/// Puts an item up for sale at a fixed price. The caller owns it. It is locked until it is sold or the listing is
		/// closed. A storage deposit goes on hold.
		///
		/// - `collection`, `item`: the item.
		/// - `price`: in planck, at least `MinPrice`. Fee and royalties are taken from it.
		/// - `expires`: first block at which it cannot be bought any more, at most `MaxDuration` away; none for never.
		///
		/// Emits [`Event::Listed`].
		#[pallet::call_index(0)]
		pub fn list(
			origin: OriginFor<T>,
			collection: CollectionIdOf<T>,
			item: ItemIdOf<T>,
			#[pallet::compact] price: BalanceOf<T>,
			expires: Option<BlockNumberFor<T>>,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_list(who, ItemsOf::<T>::truncate_from(alloc::vec![(collection, item)]), price, expires)
		}

		/// Puts up to 16 items up for sale together at one price. The price bears the highest royalty among the items, and
		/// all of their payees share it.
		///
		/// - `items`: what is sold, all together; the caller owns all of it.
		/// - `price`, `expires`: see [`Pallet::list`].
		///
		/// Emits [`Event::Listed`].
		#[pallet::call_index(1)]
		#[pallet::weight(T::WeightInfo::list_bundle(items.len() as u32))]
		pub fn list_bundle(
			origin: OriginFor<T>,
			items: ItemsOf<T>,
			#[pallet::compact] price: BalanceOf<T>,
			expires: Option<BlockNumberFor<T>>,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_list(who, items, price, expires)
		}

		/// Changes the price of a listing. The caller is the seller.
		///
		/// - `listing`: number of the listing.
		/// - `price`: in planck, at least `MinPrice`.
		///
		/// Emits [`Event::PriceSet`].
		#[pallet::call_index(2)]
		pub fn set_price(
			origin: OriginFor<T>,
			#[pallet::compact] listing: SaleId,
			#[pallet::compact] price: BalanceOf<T>,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_set_price(who, listing, price)
		}

		/// Takes a listing back: its items are unlocked, the deposit returns. The caller is the seller.
		///
		/// - `listing`: number of the listing.
		///
		/// Emits [`Event::ListingClosed`].
		#[pallet::call_index(3)]
		#[pallet::weight(T::WeightInfo::cancel_listing(MAX_BUNDLE))]
		pub fn cancel_listing(origin: OriginFor<T>, #[pallet::compact] listing: SaleId) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			let items = Self::do_cancel_listing(who, listing)?;
			Ok(Some(T::WeightInfo::cancel_listing(items)).into())
		}

		/// Closes a listing that has expired: its items are unlocked, the deposit goes back to the seller. The caller is
		/// anyone.
		///
		/// - `listing`: number of the listing.
		///
		/// Emits [`Event::ListingClosed`].
		#[pallet::call_index(4)]
		#[pallet::weight(T::WeightInfo::expire_listing(MAX_BUNDLE))]
		pub fn expire_listing(origin: OriginFor<T>, #[pallet::compact] listing: SaleId) -> DispatchResultWithPostInfo {
			ensure_signed(origin)?;
			let items = Self::do_expire_listing(listing)?;
			Ok(Some(T::WeightInfo::expire_listing(items)).into())
		}

		/// Buys all items of a listing. They, the price, the royalties and the fee change hands in this call, or nothing does.
		///
		/// - `listing`: number of the listing.
		/// - `max_price`: most that the caller pays, in planck.
		///
		/// Emits [`Event::Sold`].
		#[pallet::call_index(5)]
		#[pallet::weight(T::WeightInfo::buy(MAX_BUNDLE, MAX_PAYEES))]
		pub fn buy(
			origin: OriginFor<T>,
			#[pallet::compact] listing: SaleId,
			#[pallet::compact] max_price: BalanceOf<T>,
		) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			let (items, payees) = Self::do_buy(who, listing, max_price)?;
			Ok(Some(T::WeightInfo::buy(items, payees)).into())
		}

		/// Offers money for an item, whoever owns it, on sale or not. The money and a storage deposit go on hold. One offer
		/// for each item and caller.
		///
		/// - `collection`, `item`: the item; not the caller's own.
		/// - `amount`: in planck, at least `MinPrice`.
		/// - `expires`: first block at which it cannot be accepted any more, at most `MaxDuration` away.
		///
		/// Emits [`Event::OfferMade`].
		#[pallet::call_index(6)]
		pub fn make_offer(
			origin: OriginFor<T>,
			collection: CollectionIdOf<T>,
			item: ItemIdOf<T>,
			#[pallet::compact] amount: BalanceOf<T>,
			expires: BlockNumberFor<T>,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_make_offer(who, collection, item, amount, expires)
		}

		/// Takes the caller's offer for an item back, at any time. Money and deposit return.
		///
		/// - `collection`, `item`: the item.
		///
		/// Emits [`Event::OfferClosed`].
		#[pallet::call_index(7)]
		pub fn cancel_offer(origin: OriginFor<T>, collection: CollectionIdOf<T>, item: ItemIdOf<T>) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_close_offer(collection, item, who, false)
		}

		/// Closes an offer that has expired: money and deposit go back to the bidder. The caller is anyone.
		///
		/// - `collection`, `item`: the item.
		/// - `bidder`: who made the offer.
		///
		/// Emits [`Event::OfferClosed`].
		#[pallet::call_index(8)]
		pub fn expire_offer(
			origin: OriginFor<T>,
			collection: CollectionIdOf<T>,
			item: ItemIdOf<T>,
			bidder: T::AccountId,
		) -> DispatchResult {
			ensure_signed(origin)?;
			Self::do_close_offer(collection, item, bidder, true)
		}

		/// Accepts an offer for an item. The caller owns it, and has it not on sale. Fee and royalties are those of now.
		///
		/// - `collection`, `item`: the item.
		/// - `bidder`: who made the offer.
		/// - `min_amount`: least that the offer has to be, in planck.
		///
		/// Emits [`Event::Sold`].
		#[pallet::call_index(9)]
		#[pallet::weight(T::WeightInfo::accept_offer(MAX_PAYEES))]
		pub fn accept_offer(
			origin: OriginFor<T>,
			collection: CollectionIdOf<T>,
			item: ItemIdOf<T>,
			bidder: T::AccountId,
			#[pallet::compact] min_amount: BalanceOf<T>,
		) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			let payees = Self::do_accept_offer(who, collection, item, bidder, min_amount)?;
			Ok(Some(T::WeightInfo::accept_offer(payees)).into())
		}

		/// Opens an English auction of an item. The caller owns it. It is locked until the auction is settled or taken back. A
		/// storage deposit goes on hold.
		///
		/// - `collection`, `item`: the item.
		/// - `reserve`: least first bid, in planck, at least `MinPrice`.
		/// - `increment`: least step between two bids, 10 to 1000 per mille of the earlier one.
		/// - `duration`: `SoftClose` to `MaxDuration` blocks. A bid with fewer than `SoftClose` blocks left moves the end.
		///
		/// Emits [`Event::AuctionStarted`].
		#[pallet::call_index(10)]
		pub fn start_auction(
			origin: OriginFor<T>,
			collection: CollectionIdOf<T>,
			item: ItemIdOf<T>,
			#[pallet::compact] reserve: BalanceOf<T>,
			increment: u16,
			duration: BlockNumberFor<T>,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_start_auction(who, collection, item, reserve, increment, duration)
		}

		/// Bids in an auction. The money goes on hold; the highest bid so far is released.
		///
		/// - `auction`: number of the auction; not the caller's own.
		/// - `amount`: in planck; at least the reserve, or the highest bid and its increment.
		///
		/// Emits [`Event::BidPlaced`].
		#[pallet::call_index(11)]
		pub fn bid(
			origin: OriginFor<T>,
			#[pallet::compact] auction: SaleId,
			#[pallet::compact] amount: BalanceOf<T>,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_bid(who, auction, amount)
		}

		/// Takes an auction back before its first bid. The caller is the seller.
		///
		/// - `auction`: number of the auction.
		///
		/// Emits [`Event::AuctionClosed`].
		#[pallet::call_index(12)]
		pub fn cancel_auction(origin: OriginFor<T>, #[pallet::compact] auction: SaleId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_cancel_auction(who, auction)
		}

		/// Settles an auction that has ended: item and money change hands, or the item is unlocked when nobody has bid. The
		/// caller is anyone.
		///
		/// - `auction`: number of the auction.
		///
		/// Emits [`Event::Sold`], [`Event::AuctionClosed`] or, should the item not be transferable, [`Event::AuctionVoid`].
		#[pallet::call_index(13)]
		#[pallet::weight(T::WeightInfo::settle_auction(MAX_PAYEES))]
		pub fn settle_auction(origin: OriginFor<T>, #[pallet::compact] auction: SaleId) -> DispatchResultWithPostInfo {
			ensure_signed(origin)?;
			let payees = Self::do_settle_auction(auction)?;
			Ok(Some(T::WeightInfo::settle_auction(payees)).into())
		}

		/// Sets what licences to a model cost, or withdraws the terms. The caller holds the model's NFT. A storage deposit goes
		/// on hold; that of earlier terms returns to whoever paid it. Licences that were sold go on.
		///
		/// - `model`: number of the model.
		/// - `terms`: the prices, each at least `MinPrice`; none to sell no more.
		///
		/// Emits [`Event::LicenceTermsSet`].
		#[pallet::call_index(14)]
		pub fn set_licence_terms(
			origin: OriginFor<T>,
			#[pallet::compact] model: ModelId,
			terms: Option<LicenceTermsOf<T>>,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_set_licence_terms(who, model, terms)
		}

		/// Opens a model to everybody, for ever: nobody can undo it, not even a later owner. The caller holds the model's NFT.
		///
		/// - `model`: number of the model.
		///
		/// Emits [`Event::ModelOpened`].
		#[pallet::call_index(15)]
		pub fn open_licence(origin: OriginFor<T>, #[pallet::compact] model: ModelId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_open_licence(who, model)
		}

		/// Buys a licence to a model, or extends the caller's. The market's fee is taken from the price; what is left is divided
		/// among the model's payees, such as its shareholders, and the rest is the owner's. A storage deposit goes on hold with
		/// the first one.
		///
		/// - `model`: number of the model; not the caller's own.
		/// - `kind`: one period, after what the caller has already, or for ever.
		/// - `max_price`: most that the caller pays, in planck.
		///
		/// Emits [`Event::LicenceBought`].
		#[pallet::call_index(16)]
		#[pallet::weight(T::WeightInfo::buy_licence(MAX_PAYEES))]
		pub fn buy_licence(
			origin: OriginFor<T>,
			#[pallet::compact] model: ModelId,
			kind: LicenceKind,
			#[pallet::compact] max_price: BalanceOf<T>,
		) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			let payees = Self::do_buy_licence(who, model, kind, max_price)?;
			Ok(Some(T::WeightInfo::buy_licence(payees)).into())
		}

		/// Removes a licence and returns its deposit. The caller is the licensee, who gives it up; or anyone, when it is over
		/// or the model is open.
		///
		/// - `model`: number of the model.
		/// - `licensee`: who has the licence.
		///
		/// Emits [`Event::LicenceEnded`].
		#[pallet::call_index(17)]
		pub fn end_licence(
			origin: OriginFor<T>,
			#[pallet::compact] model: ModelId,
			licensee: T::AccountId,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_end_licence(who, model, licensee)
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// What an item is on sale by, which is what it is locked by.
		pub fn sale_of(collection: CollectionIdOf<T>, item: ItemIdOf<T>) -> Option<Sale> {
			OnSale::<T>::get(collection, item)
		}

		/// A listing.
		pub fn listing(listing: SaleId) -> Option<ListingOf<T>> {
			Listings::<T>::get(listing)
		}

		/// The listing of an item, with its number.
		pub fn listing_of(collection: CollectionIdOf<T>, item: ItemIdOf<T>) -> Option<(SaleId, ListingOf<T>)> {
			match OnSale::<T>::get(collection, item)? {
				Sale::Listing(id) => Listings::<T>::get(id).map(|listing| (id, listing)),
				Sale::Auction(_) => None,
			}
		}

		/// An auction and the least next bid.
		pub fn auction(auction: SaleId) -> Option<AuctionViewOf<T>> {
			let auction = Auctions::<T>::get(auction)?;
			let least_bid = Self::least_bid(&auction);
			Some(AuctionView { auction, least_bid })
		}

		/// An account's offer for an item.
		pub fn offer(collection: CollectionIdOf<T>, item: ItemIdOf<T>, bidder: T::AccountId) -> Option<OfferOf<T>> {
			Offers::<T>::get((collection, item, bidder))
		}

		/// How a price for an item would be divided now; nothing when the item cannot be sold here.
		pub fn quote(collection: CollectionIdOf<T>, item: ItemIdOf<T>, price: BalanceOf<T>) -> Option<SplitOf<T>> {
			let royalties = Self::royalties_of(&[(collection, item)]).ok()?;
			Some(maths::split(price, Self::fee(), &royalties))
		}

		/// How the price of a listing will be divided.
		pub fn quote_listing(listing: SaleId) -> Option<SplitOf<T>> {
			Listings::<T>::get(listing).map(|listing| maths::split(listing.price, listing.fee, &listing.royalties))
		}

		/// What is on offer for an item, and what it is on sale by: one page of the offers, from the first on, or after that
		/// of the bidder that the page before named as `next`.
		pub fn order_book(
			collection: CollectionIdOf<T>,
			item: ItemIdOf<T>,
			after: Option<T::AccountId>,
		) -> OrderBookOf<T> {
			let mut book = OrderBook { listing: None, auction: None, offers: Vec::new(), next: None };
			match OnSale::<T>::get(collection, item) {
				Some(Sale::Listing(id)) => book.listing = Self::listing(id).map(|listing| (id, listing)),
				Some(Sale::Auction(id)) => book.auction = Self::auction(id).map(|auction| (id, auction)),
				None => {}
			}
			let mut offers = match after {
				Some(bidder) => {
					let start = Offers::<T>::hashed_key_for((collection, item, bidder));
					Offers::<T>::iter_prefix_from((collection, item), start)
				}
				None => Offers::<T>::iter_prefix((collection, item)),
			};
			book.offers = offers.by_ref().take(OFFERS_PER_PAGE as usize).collect();
			if offers.next().is_some() {
				book.next = book.offers.last().map(|(bidder, _)| bidder.clone());
			}
			book
		}

		/// How the price of a licence would be divided now; nothing when the kind is not sold.
		pub fn quote_licence(model: ModelId, kind: LicenceKind) -> Option<SplitOf<T>> {
			let terms = Terms::<T>::get(model)?.terms;
			let price = match kind {
				LicenceKind::Period => terms.per_period,
				LicenceKind::Perpetual => terms.perpetual,
			};
			Some(maths::licence(price?, Self::fee(), &T::Models::royalties(model)))
		}

		/// What licences to a model cost.
		pub fn licence_terms(model: ModelId) -> Option<LicenceTermsOf<T>> {
			Terms::<T>::get(model).map(|stored| stored.terms)
		}

		/// An account's licence to a model, over or not.
		pub fn licence(model: ModelId, who: T::AccountId) -> Option<LicenceOf<T>> {
			Licences::<T>::get(model, who)
		}

		/// Whether an account may use a model under a licence: the model is open, or the account owns it, or has a licence
		/// that is not over.
		pub fn has_licence(model: ModelId, who: T::AccountId) -> bool {
			let now = frame_system::Pallet::<T>::block_number();
			OpenModels::<T>::contains_key(model)
				|| T::Models::owner(model).as_ref() == Some(&who)
				|| Licences::<T>::get(model, who).is_some_and(|licence| licence.holds_at(&now))
		}

		/// Whether licences to a model are sold, and it is not open.
		pub fn requires_licence(model: ModelId) -> bool {
			Terms::<T>::contains_key(model)
		}
	}
}

/// A model whose owner sells licences is for those who have one.
impl<T: Config> ModelAccess<T::AccountId> for Pallet<T> {
	fn may_use(model: ModelId, who: &T::AccountId) -> bool {
		!Self::requires_licence(model) || Self::has_licence(model, who.clone())
	}
}

/// Items on sale can neither be transferred nor burnt.
impl<T: Config> Locker<CollectionIdOf<T>, ItemIdOf<T>> for Pallet<T> {
	fn is_locked(collection: CollectionIdOf<T>, item: ItemIdOf<T>) -> bool {
		OnSale::<T>::contains_key(collection, item)
	}
}
