//! Listings at a fixed price, of one item or a bundle.

use codec::Encode;
use frame_support::{ensure, storage::with_storage_layer};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::{traits::Zero, DispatchError, DispatchResult};

use crate::{
	maths,
	settlement::{count, Payment, Purse},
	BalanceOf, Config, Error, Event, ItemsOf, Listing, ListingOf, Listings, Pallet, Sale, SaleId, SoldBy,
};

impl<T: Config> Pallet<T> {
	pub(crate) fn do_list(
		seller: T::AccountId,
		items: ItemsOf<T>,
		price: BalanceOf<T>,
		expires: Option<BlockNumberFor<T>>,
	) -> DispatchResult {
		ensure!(!items.is_empty(), Error::<T>::NoItems);
		Self::ensure_price(price)?;
		if let Some(at) = expires {
			Self::ensure_end(at)?;
		}
		with_storage_layer(|| {
			let id = Self::open_sale(&seller)?;
			Self::lock(&seller, &items, Sale::Listing(id))?;
			let (fee, royalties) = (Self::fee(), Self::royalties_of(&items)?);
			let mut listing = Listing { seller, items, price, expires, fee, royalties, deposit: Zero::zero() };
			let bytes = Self::sale_bytes(listing.encoded_size(), &listing.items);
			listing.deposit = Self::hold_deposit(&listing.seller, bytes)?;
			Listings::<T>::insert(id, &listing);
			let Listing { seller, items, royalties, deposit, .. } = listing;
			Self::deposit_event(Event::Listed { listing: id, seller, items, price, expires, fee, royalties, deposit });
			Ok(())
		})
	}

	pub(crate) fn do_set_price(who: T::AccountId, id: SaleId, price: BalanceOf<T>) -> DispatchResult {
		Self::ensure_price(price)?;
		Listings::<T>::try_mutate(id, |listing| -> DispatchResult {
			let listing = listing.as_mut().ok_or(Error::<T>::UnknownListing)?;
			ensure!(listing.seller == who, Error::<T>::NotSeller);
			listing.price = price;
			Ok(())
		})?;
		Self::deposit_event(Event::PriceSet { listing: id, price });
		Ok(())
	}

	/// Returns how many items are unlocked.
	pub(crate) fn do_cancel_listing(who: T::AccountId, id: SaleId) -> Result<u32, DispatchError> {
		let listing = Listings::<T>::get(id).ok_or(Error::<T>::UnknownListing)?;
		ensure!(listing.seller == who, Error::<T>::NotSeller);
		Self::close_listing(id, &listing)?;
		Self::deposit_event(Event::ListingClosed { listing: id, expired: false });
		Ok(count(listing.items.len()))
	}

	/// Returns how many items are unlocked.
	pub(crate) fn do_expire_listing(id: SaleId) -> Result<u32, DispatchError> {
		let listing = Listings::<T>::get(id).ok_or(Error::<T>::UnknownListing)?;
		ensure!(Self::has_expired(&listing), Error::<T>::NotExpired);
		Self::close_listing(id, &listing)?;
		Self::deposit_event(Event::ListingClosed { listing: id, expired: true });
		Ok(count(listing.items.len()))
	}

	/// Returns how many items are sold and how many payees have a share in it.
	pub(crate) fn do_buy(
		buyer: T::AccountId,
		id: SaleId,
		max_price: BalanceOf<T>,
	) -> Result<(u32, u32), DispatchError> {
		let listing = Listings::<T>::get(id).ok_or(Error::<T>::UnknownListing)?;
		ensure!(listing.seller != buyer, Error::<T>::OwnItem);
		ensure!(!Self::has_expired(&listing), Error::<T>::Expired);
		ensure!(listing.price <= max_price, Error::<T>::PriceAboveLimit);
		let counts = (count(listing.items.len()), count(listing.royalties.len()));
		with_storage_layer(|| {
			Self::close_listing(id, &listing)?;
			let Listing { seller, items, price, fee, royalties, .. } = listing;
			let split = maths::split(price, fee, &royalties);
			let payment = Payment::<T> { payer: &buyer, purse: Purse::Free, seller: &seller, split };
			let split = Self::exchange(&items, payment)?;
			Self::deposit_event(Event::Sold { by: SoldBy::Listing(id), seller, buyer, items, price, split });
			Ok(counts)
		})
	}

	fn has_expired(listing: &ListingOf<T>) -> bool {
		let now = frame_system::Pallet::<T>::block_number();
		listing.expires.is_some_and(|at| now >= at)
	}

	fn close_listing(id: SaleId, listing: &ListingOf<T>) -> DispatchResult {
		Listings::<T>::remove(id);
		Self::end_sale(&listing.seller, &listing.items, listing.deposit)
	}
}
