//! What must hold between the storage items at the end of every block.

#![cfg(any(feature = "try-runtime", test))]

use alloc::collections::BTreeMap;
use frame_support::{
	ensure,
	traits::{fungible::InspectHold, Get},
};
use sp_runtime::{traits::Saturating, TryRuntimeError};

use crate::{
	maths, Auctions, BalanceOf, CollectionIdOf, Config, HoldReason, ItemIdOf, Licences, Listings, MarketItems,
	NextSaleId, OfferCount, Offers, OnSale, OpenModels, Pallet, RoyaltiesOf, Sale, SaleCount, Terms, MAX_FEE,
	MAX_ROYALTY,
};

type Sums<T> = BTreeMap<<T as frame_system::Config>::AccountId, BalanceOf<T>>;
type Counts<T> = BTreeMap<<T as frame_system::Config>::AccountId, u32>;

fn add<T: Config>(sums: &mut Sums<T>, who: &T::AccountId, amount: BalanceOf<T>) {
	let sum = sums.entry(who.clone()).or_default();
	*sum = sum.saturating_add(amount);
}

fn count<T: Config>(counts: &mut Counts<T>, who: &T::AccountId) {
	let count = counts.entry(who.clone()).or_default();
	*count = count.saturating_add(1);
}

fn ensure_held<T: Config>(reason: HoldReason, sums: Sums<T>) -> Result<(), TryRuntimeError> {
	let reason = reason.into();
	for (who, sum) in sums {
		ensure!(
			T::Currency::balance_on_hold(&reason, &who) == sum,
			"money on hold is not the sum of what it is held for"
		);
	}
	Ok(())
}

impl<T: Config> Pallet<T> {
	pub(crate) fn do_try_state() -> Result<(), TryRuntimeError> {
		let mut deposits = Sums::<T>::new();
		Self::try_state_sales(&mut deposits)?;
		Self::try_state_offers(&mut deposits)?;
		Self::try_state_licences(&mut deposits)?;
		ensure_held::<T>(HoldReason::Deposit, deposits)
	}

	/// - an item is locked if and only if it is in one listing or auction, whose seller owns it;
	/// - numbers are below the next, fees and royalties within their caps;
	/// - every seller's count is that of its sales, and within the bound;
	/// - what a bidder has on hold is the sum of its highest bids.
	fn try_state_sales(deposits: &mut Sums<T>) -> Result<(), TryRuntimeError> {
		let next = NextSaleId::<T>::get();
		let (mut bids, mut sales) = (Sums::<T>::new(), Counts::<T>::new());
		let mut items = 0u32;
		for (id, listing) in Listings::<T>::iter() {
			ensure!(id < next, "a listing's number is not below the next");
			ensure!(!listing.items.is_empty(), "a listing of nothing");
			ensure!(listing.fee <= MAX_FEE, "a fee above the cap");
			Self::ensure_royalties(&listing.royalties)?;
			for (collection, item) in &listing.items {
				Self::ensure_locked(&listing.seller, *collection, *item, Sale::Listing(id))?;
				items = items.saturating_add(1);
			}
			add::<T>(deposits, &listing.seller, listing.deposit);
			count::<T>(&mut sales, &listing.seller);
		}
		for (id, auction) in Auctions::<T>::iter() {
			ensure!(id < next, "an auction's number is not below the next");
			ensure!(auction.fee <= MAX_FEE, "a fee above the cap");
			Self::ensure_royalties(&auction.royalties)?;
			Self::ensure_locked(&auction.seller, auction.collection, auction.item, Sale::Auction(id))?;
			items = items.saturating_add(1);
			add::<T>(deposits, &auction.seller, auction.deposit);
			count::<T>(&mut sales, &auction.seller);
			if let Some(top) = auction.top {
				ensure!(top.amount >= auction.reserve, "a bid below the reserve");
				ensure!(top.bidder != auction.seller, "a seller's own bid");
				add::<T>(&mut bids, &top.bidder, top.amount);
			}
		}
		ensure!(OnSale::<T>::iter_keys().count() == items as usize, "an item is locked without a sale");
		ensure!(SaleCount::<T>::iter().collect::<BTreeMap<_, _>>() == sales, "SaleCount is not the count of sales");
		ensure!(sales.values().all(|sales| *sales <= T::MaxSalesPerAccount::get()), "an account has too many sales");
		ensure_held::<T>(HoldReason::Bid, bids)
	}

	fn ensure_locked(
		seller: &T::AccountId,
		collection: CollectionIdOf<T>,
		item: ItemIdOf<T>,
		sale: Sale,
	) -> Result<(), TryRuntimeError> {
		ensure!(OnSale::<T>::get(collection, item) == Some(sale), "an item is not locked by its sale");
		ensure!(T::Items::owner(&collection, &item).as_ref() == Some(seller), "a seller does not own what is on sale");
		Ok(())
	}

	fn ensure_royalties(royalties: &RoyaltiesOf<T>) -> Result<(), TryRuntimeError> {
		ensure!(maths::total(royalties) <= u64::from(MAX_ROYALTY.deconstruct()), "royalties above the cap");
		Ok(())
	}

	/// - every bidder's count is that of its offers, and within the bound;
	/// - what a bidder has on hold is the sum of its offers.
	fn try_state_offers(deposits: &mut Sums<T>) -> Result<(), TryRuntimeError> {
		let (mut amounts, mut offers) = (Sums::<T>::new(), Counts::<T>::new());
		for ((_, _, bidder), offer) in Offers::<T>::iter() {
			add::<T>(&mut amounts, &bidder, offer.amount);
			add::<T>(deposits, &bidder, offer.deposit);
			count::<T>(&mut offers, &bidder);
		}
		ensure!(OfferCount::<T>::iter().collect::<BTreeMap<_, _>>() == offers, "OfferCount is not the count of offers");
		ensure!(
			offers.values().all(|offers| *offers <= T::MaxOffersPerAccount::get()),
			"an account has too many offers"
		);
		ensure_held::<T>(HoldReason::Offer, amounts)
	}

	/// - terms have a price and a period, and no open model has terms.
	fn try_state_licences(deposits: &mut Sums<T>) -> Result<(), TryRuntimeError> {
		for (model, stored) in Terms::<T>::iter() {
			ensure!(!OpenModels::<T>::contains_key(model), "an open model has licence terms");
			ensure!(stored.terms.per_period.is_some() || stored.terms.perpetual.is_some(), "terms without a price");
			add::<T>(deposits, &stored.depositor, stored.deposit);
		}
		for (_, licensee, licence) in Licences::<T>::iter() {
			add::<T>(deposits, &licensee, licence.deposit);
		}
		Ok(())
	}
}
