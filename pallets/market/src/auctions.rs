//! English auctions with a reserve, a least increment and a soft close.

use codec::{Encode, MaxEncodedLen};
use frame_support::{
	ensure,
	storage::with_storage_layer,
	traits::{fungible::MutateHold, Get},
};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::{
	traits::{Saturating, Zero},
	ArithmeticError, DispatchError, DispatchResult,
};

use crate::{
	maths,
	settlement::{count, Payment, Purse},
	Auction, AuctionOf, Auctions, BalanceOf, Bid, CollectionIdOf, Config, Error, Event, HoldReason, ItemIdOf, ItemsOf,
	Pallet, Sale, SaleId, SoldBy, MAX_INCREMENT, MIN_INCREMENT,
};

impl<T: Config> Pallet<T> {
	pub(crate) fn do_start_auction(
		seller: T::AccountId,
		collection: CollectionIdOf<T>,
		item: ItemIdOf<T>,
		reserve: BalanceOf<T>,
		increment: u16,
		duration: BlockNumberFor<T>,
	) -> DispatchResult {
		Self::ensure_price(reserve)?;
		ensure!((MIN_INCREMENT..=MAX_INCREMENT).contains(&increment), Error::<T>::IncrementOutOfRange);
		let soft_close = T::SoftClose::get();
		ensure!(duration >= soft_close && duration <= T::MaxDuration::get(), Error::<T>::DurationOutOfRange);
		let ends_at = frame_system::Pallet::<T>::block_number().saturating_add(duration);
		with_storage_layer(|| {
			let items = [(collection, item)];
			let id = Self::open_sale(&seller)?;
			Self::lock(&seller, &items, Sale::Auction(id))?;
			let (fee, royalties) = (Self::fee(), Self::royalties_of(&items)?);
			let mut auction = Auction {
				seller: seller.clone(),
				collection,
				item,
				reserve,
				increment,
				ends_at,
				soft_close,
				top: None,
				fee,
				royalties: royalties.clone(),
				deposit: Zero::zero(),
			};
			// A bid will stand in it too.
			let record = auction.encoded_size().saturating_add(Bid::<T::AccountId, BalanceOf<T>>::max_encoded_len());
			let deposit = Self::hold_deposit(&seller, Self::sale_bytes(record, &items))?;
			auction.deposit = deposit;
			Auctions::<T>::insert(id, auction);
			Self::deposit_event(Event::AuctionStarted {
				auction: id,
				seller,
				collection,
				item,
				reserve,
				increment,
				ends_at,
				fee,
				royalties,
				deposit,
			});
			Ok(())
		})
	}

	pub(crate) fn do_bid(bidder: T::AccountId, id: SaleId, amount: BalanceOf<T>) -> DispatchResult {
		let mut auction = Auctions::<T>::get(id).ok_or(Error::<T>::UnknownAuction)?;
		let now = frame_system::Pallet::<T>::block_number();
		ensure!(now < auction.ends_at, Error::<T>::AuctionOver);
		ensure!(auction.seller != bidder, Error::<T>::OwnItem);
		let least = Self::least_bid(&auction).ok_or(ArithmeticError::Overflow)?;
		ensure!(amount >= least, Error::<T>::BidTooLow);
		with_storage_layer(|| {
			let mut outbid = None;
			if let Some(top) = auction.top.take() {
				Self::release(HoldReason::Bid, &top.bidder, top.amount)?;
				outbid = Some(top.bidder);
			}
			T::Currency::hold(&HoldReason::Bid.into(), &bidder, amount)?;
			let ends_at = maths::end_after_bid(auction.ends_at, now, auction.soft_close);
			auction.ends_at = ends_at;
			auction.top = Some(Bid { bidder: bidder.clone(), amount });
			Auctions::<T>::insert(id, auction);
			Self::deposit_event(Event::BidPlaced { auction: id, bidder, amount, outbid, ends_at });
			Ok(())
		})
	}

	pub(crate) fn do_cancel_auction(who: T::AccountId, id: SaleId) -> DispatchResult {
		let auction = Auctions::<T>::get(id).ok_or(Error::<T>::UnknownAuction)?;
		ensure!(auction.seller == who, Error::<T>::NotSeller);
		ensure!(auction.top.is_none(), Error::<T>::HasBid);
		Self::close_auction(id, &auction)?;
		Self::deposit_event(Event::AuctionClosed { auction: id, cancelled: true });
		Ok(())
	}

	/// Returns how many payees have a share in the sale.
	pub(crate) fn do_settle_auction(id: SaleId) -> Result<u32, DispatchError> {
		let auction = Auctions::<T>::get(id).ok_or(Error::<T>::UnknownAuction)?;
		ensure!(frame_system::Pallet::<T>::block_number() >= auction.ends_at, Error::<T>::AuctionRunning);
		with_storage_layer(|| {
			Self::close_auction(id, &auction)?;
			let Auction { seller, collection, item, top, fee, royalties, .. } = auction;
			let Some(Bid { bidder, amount }) = top else {
				Self::deposit_event(Event::AuctionClosed { auction: id, cancelled: false });
				return Ok(0);
			};
			let items = ItemsOf::<T>::truncate_from(alloc::vec![(collection, item)]);
			let payment = Payment::<T> {
				payer: &bidder,
				purse: Purse::Held(HoldReason::Bid),
				seller: &seller,
				split: maths::split(amount, fee, &royalties),
			};
			match with_storage_layer(|| Self::exchange(&items, payment)) {
				Ok(split) => {
					let (by, price) = (SoldBy::Auction(id), amount);
					Self::deposit_event(Event::Sold { by, seller, buyer: bidder, items, price, split });
				}
				// The item is locked by its collection's team now, or is gone: nobody loses anything.
				Err(error) => {
					Self::release(HoldReason::Bid, &bidder, amount)?;
					Self::deposit_event(Event::AuctionVoid { auction: id, bidder, amount, error });
				}
			}
			Ok(count(royalties.len()))
		})
	}

	/// Least next bid; `None` when no balance is large enough.
	pub(crate) fn least_bid(auction: &AuctionOf<T>) -> Option<BalanceOf<T>> {
		let top = auction.top.as_ref().map(|bid| bid.amount);
		maths::least_bid(auction.reserve, top, auction.increment)
	}

	fn close_auction(id: SaleId, auction: &AuctionOf<T>) -> DispatchResult {
		Auctions::<T>::remove(id);
		Self::end_sale(&auction.seller, &[(auction.collection, auction.item)], auction.deposit)
	}
}
