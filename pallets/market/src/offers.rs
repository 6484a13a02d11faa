//! Offers: money on hold for an item, whoever owns it.

use codec::Encode;
use frame_support::{
	ensure,
	storage::with_storage_layer,
	traits::{fungible::MutateHold, Get},
};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::{traits::Zero, DispatchError, DispatchResult};

use crate::{
	maths,
	settlement::{count, Payment, Purse},
	BalanceOf, CollectionIdOf, Config, Error, Event, HoldReason, ItemIdOf, ItemsOf, MarketItems, Offer, OfferCount,
	OfferOf, Offers, OnSale, Pallet, SoldBy,
};

impl<T: Config> Pallet<T> {
	pub(crate) fn do_make_offer(
		bidder: T::AccountId,
		collection: CollectionIdOf<T>,
		item: ItemIdOf<T>,
		amount: BalanceOf<T>,
		expires: BlockNumberFor<T>,
	) -> DispatchResult {
		let owner = T::Items::owner(&collection, &item).ok_or(Error::<T>::UnknownItem)?;
		ensure!(owner != bidder, Error::<T>::OwnItem);
		Self::ensure_price(amount)?;
		Self::ensure_end(expires)?;
		ensure!(!Offers::<T>::contains_key((collection, item, &bidder)), Error::<T>::OfferExists);
		// Nobody's money is bound for what cannot be sold.
		Self::royalties_of(&[(collection, item)])?;
		let offers = OfferCount::<T>::get(&bidder).saturating_add(1);
		ensure!(offers <= T::MaxOffersPerAccount::get(), Error::<T>::TooManyOffers);
		with_storage_layer(|| {
			let mut offer = Offer { amount, expires, deposit: Zero::zero() };
			let bytes = (collection, item, &bidder, &offer).encoded_size();
			offer.deposit = Self::hold_deposit(&bidder, bytes)?;
			T::Currency::hold(&HoldReason::Offer.into(), &bidder, amount)?;
			let deposit = offer.deposit;
			OfferCount::<T>::insert(&bidder, offers);
			Offers::<T>::insert((collection, item, &bidder), offer);
			Self::deposit_event(Event::OfferMade { collection, item, bidder, amount, expires, deposit });
			Ok(())
		})
	}

	/// Closes an offer without a sale. With `expired`, it must have.
	pub(crate) fn do_close_offer(
		collection: CollectionIdOf<T>,
		item: ItemIdOf<T>,
		bidder: T::AccountId,
		expired: bool,
	) -> DispatchResult {
		let offer = Offers::<T>::get((collection, item, &bidder)).ok_or(Error::<T>::UnknownOffer)?;
		ensure!(!expired || Self::is_over(&offer), Error::<T>::NotExpired);
		with_storage_layer(|| {
			Self::remove_offer(collection, item, &bidder, &offer)?;
			Self::release(HoldReason::Offer, &bidder, offer.amount)?;
			Self::deposit_event(Event::OfferClosed { collection, item, bidder, expired });
			Ok(())
		})
	}

	/// Returns how many payees have a share in the sale.
	pub(crate) fn do_accept_offer(
		seller: T::AccountId,
		collection: CollectionIdOf<T>,
		item: ItemIdOf<T>,
		bidder: T::AccountId,
		min_amount: BalanceOf<T>,
	) -> Result<u32, DispatchError> {
		let offer = Offers::<T>::get((collection, item, &bidder)).ok_or(Error::<T>::UnknownOffer)?;
		let owner = T::Items::owner(&collection, &item).ok_or(Error::<T>::UnknownItem)?;
		ensure!(owner == seller, Error::<T>::NotOwner);
		// The bidder may have got the item in another way.
		ensure!(bidder != seller, Error::<T>::OwnItem);
		ensure!(!OnSale::<T>::contains_key(collection, item), Error::<T>::AlreadyOnSale);
		ensure!(!Self::is_over(&offer), Error::<T>::Expired);
		ensure!(offer.amount >= min_amount, Error::<T>::OfferBelowLimit);
		let items = ItemsOf::<T>::truncate_from(alloc::vec![(collection, item)]);
		let (fee, royalties, price) = (Self::fee(), Self::royalties_of(&items)?, offer.amount);
		with_storage_layer(|| {
			Self::remove_offer(collection, item, &bidder, &offer)?;
			let purse = Purse::Held(HoldReason::Offer);
			let split = maths::split(price, fee, &royalties);
			let split = Self::exchange(&items, Payment::<T> { payer: &bidder, purse, seller: &seller, split })?;
			Self::deposit_event(Event::Sold { by: SoldBy::Offer, seller, buyer: bidder, items, price, split });
			Ok(count(royalties.len()))
		})
	}

	fn is_over(offer: &OfferOf<T>) -> bool {
		frame_system::Pallet::<T>::block_number() >= offer.expires
	}

	/// Removes an offer and releases its deposit. The money stays on hold.
	fn remove_offer(
		collection: CollectionIdOf<T>,
		item: ItemIdOf<T>,
		bidder: &T::AccountId,
		offer: &OfferOf<T>,
	) -> DispatchResult {
		Offers::<T>::remove((collection, item, bidder));
		OfferCount::<T>::mutate_exists(bidder, |offers| {
			*offers = offers.unwrap_or(0).checked_sub(1).filter(|offers| *offers > 0);
		});
		Self::release(HoldReason::Deposit, bidder, offer.deposit)
	}
}
