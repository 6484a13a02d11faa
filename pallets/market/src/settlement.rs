//! What all sales have in common: royalties, locks, deposits, and the exchange of items for money.

use alloc::vec::Vec;
use autonomy_primitives::payout::{storage_deposit, Share};
use codec::Encode;
use frame_support::{
	ensure,
	traits::{
		fungible::{Inspect, Mutate, MutateHold},
		tokens::{DepositConsequence, Fortitude, Precision, Preservation, Provenance, Restriction},
		Get,
	},
};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::{traits::Zero, ArithmeticError, DispatchError, DispatchResult, Permill, Saturating};

use crate::{
	maths, BalanceOf, CollectionIdOf, Config, Error, Event, HoldReason, ItemIdOf, MarketItems, NextSaleId, OnSale,
	Pallet, RoyaltiesOf, Sale, SaleCount, SaleId, SplitOf, Tradable, MAX_FEE, MAX_ROYALTY,
};

/// Where a buyer's money is.
#[derive(Clone, Copy)]
pub(crate) enum Purse {
	/// In its free balance.
	Free,
	/// On hold.
	Held(HoldReason),
}

/// A price that is paid.
pub(crate) struct Payment<'a, T: Config> {
	/// Who pays.
	pub payer: &'a T::AccountId,
	/// Out of what.
	pub purse: Purse,
	/// Who gets the rest.
	pub seller: &'a T::AccountId,
	/// How the price is divided.
	pub split: SplitOf<T>,
}

/// A count as the weights take it.
pub(crate) fn count(len: usize) -> u32 {
	u32::try_from(len).unwrap_or(u32::MAX)
}

impl<T: Config> Pallet<T> {
	/// The market's share of a price now.
	pub fn fee() -> Permill {
		T::Fee::get().min(MAX_FEE)
	}

	/// Who gets which share of the price of items that are sold together now.
	pub(crate) fn royalties_of(items: &[(CollectionIdOf<T>, ItemIdOf<T>)]) -> Result<RoyaltiesOf<T>, DispatchError> {
		let mut all = Vec::with_capacity(items.len());
		for (collection, item) in items {
			let royalties = T::Tradable::royalties(collection, item).ok_or(Error::<T>::NotTradable)?;
			Self::ensure_within_cap(&royalties)?;
			all.push(royalties.into_inner());
		}
		let royalties = RoyaltiesOf::<T>::try_from(maths::bundle(&all)).map_err(|_| Error::<T>::TooManyPayees)?;
		Ok(royalties)
	}

	pub(crate) fn ensure_within_cap(royalties: &[Share<T::AccountId>]) -> DispatchResult {
		ensure!(maths::total(royalties) <= u64::from(MAX_ROYALTY.deconstruct()), Error::<T>::RoyaltyAboveCap);
		Ok(())
	}

	/// Whether a block is in the future and at most `MaxDuration` away.
	pub(crate) fn ensure_end(at: BlockNumberFor<T>) -> DispatchResult {
		let now = frame_system::Pallet::<T>::block_number();
		ensure!(at > now && at.saturating_sub(now) <= T::MaxDuration::get(), Error::<T>::EndOutOfRange);
		Ok(())
	}

	pub(crate) fn ensure_price(price: BalanceOf<T>) -> DispatchResult {
		ensure!(price >= T::MinPrice::get(), Error::<T>::PriceTooLow);
		Ok(())
	}

	// --- places and locks ---

	/// The number of a new sale of `who`, and one more to its count.
	pub(crate) fn open_sale(who: &T::AccountId) -> Result<SaleId, DispatchError> {
		let count = SaleCount::<T>::get(who).saturating_add(1);
		ensure!(count <= T::MaxSalesPerAccount::get(), Error::<T>::TooManySales);
		SaleCount::<T>::insert(who, count);
		NextSaleId::<T>::try_mutate(|next| {
			let id = *next;
			*next = id.checked_add(1).ok_or(ArithmeticError::Overflow)?;
			Ok(id)
		})
	}

	/// Ends a sale: its items are unlocked, the seller has one fewer, and its deposit back.
	pub(crate) fn end_sale(
		seller: &T::AccountId,
		items: &[(CollectionIdOf<T>, ItemIdOf<T>)],
		deposit: BalanceOf<T>,
	) -> DispatchResult {
		for (collection, item) in items {
			OnSale::<T>::remove(collection, item);
		}
		SaleCount::<T>::mutate_exists(seller, |count| {
			*count = count.unwrap_or(0).checked_sub(1).filter(|count| *count > 0);
		});
		Self::release(HoldReason::Deposit, seller, deposit)
	}

	/// Locks items that `owner` can sell. An item that is named twice is on sale the second time.
	pub(crate) fn lock(owner: &T::AccountId, items: &[(CollectionIdOf<T>, ItemIdOf<T>)], sale: Sale) -> DispatchResult {
		for (collection, item) in items {
			let holder = T::Items::owner(collection, item).ok_or(Error::<T>::UnknownItem)?;
			ensure!(holder == *owner, Error::<T>::NotOwner);
			ensure!(T::Items::can_transfer(collection, item), Error::<T>::NotTransferable);
			ensure!(!OnSale::<T>::contains_key(collection, item), Error::<T>::AlreadyOnSale);
			OnSale::<T>::insert(collection, item, sale);
		}
		Ok(())
	}

	// --- deposits and holds ---

	/// Storage deposit for this many encoded bytes, in planck.
	pub fn deposit_for(bytes: usize) -> BalanceOf<T> {
		storage_deposit(T::DepositBase::get(), T::DepositPerByte::get(), bytes)
	}

	/// Holds the storage deposit for a record of `bytes`. Returns it.
	pub(crate) fn hold_deposit(who: &T::AccountId, bytes: usize) -> Result<BalanceOf<T>, DispatchError> {
		let deposit = Self::deposit_for(bytes);
		T::Currency::hold(&HoldReason::Deposit.into(), who, deposit)?;
		Ok(deposit)
	}

	/// Bytes of a sale's record and of the locks of its items.
	pub(crate) fn sale_bytes(record: usize, items: &[(CollectionIdOf<T>, ItemIdOf<T>)]) -> usize {
		let locks = items.iter().map(|item| (item, Sale::Listing(0)).encoded_size()).fold(0, usize::saturating_add);
		record.saturating_add(locks)
	}

	/// Releases money on hold. What is released is at least the existential deposit, so the account can take it whatever
	/// else it has.
	pub(crate) fn release(reason: HoldReason, who: &T::AccountId, amount: BalanceOf<T>) -> DispatchResult {
		if !amount.is_zero() {
			T::Currency::release(&reason.into(), who, amount, Precision::Exact)?;
		}
		Ok(())
	}

	// --- the exchange ---

	/// Gives items to whoever pays for them. To be called in a storage layer, with the items unlocked.
	pub(crate) fn exchange(
		items: &[(CollectionIdOf<T>, ItemIdOf<T>)],
		payment: Payment<T>,
	) -> Result<SplitOf<T>, DispatchError> {
		for (collection, item) in items {
			ensure!(T::Items::owner(collection, item).as_ref() == Some(payment.seller), Error::<T>::NotOwner);
		}
		let buyer = payment.payer;
		let split = Self::pay(payment)?;
		for (collection, item) in items {
			T::Items::transfer(collection, item, buyer)?;
		}
		Ok(split)
	}

	/// Pays a price: to the payees, the treasury, and the rest to the seller. Bonded holders are told of what has arrived for
	/// them. What a payee cannot take goes to the treasury; what the treasury cannot take goes to the seller, and what a
	/// model's owner cannot take to the treasury. Returns what each has got. To be called in a storage layer.
	pub(crate) fn pay(payment: Payment<T>) -> Result<SplitOf<T>, DispatchError> {
		let Payment { payer, purse, seller, mut split } = payment;
		for (payee, amount) in core::mem::take(&mut split.royalties) {
			let account = payee.account::<BalanceOf<T>, T::Revenue>();
			if Self::can_take(&account, amount) {
				Self::transfer(payer, purse, &account, amount)?;
				payee.paid::<BalanceOf<T>, T::Revenue>(amount);
				split.royalties.push((payee, amount));
			} else {
				split.fee = split.fee.saturating_add(amount);
				Self::deposit_event(Event::RoyaltyRedirected { payee, amount });
			}
		}
		let treasury = T::Treasury::get();
		if !Self::can_take(&treasury, split.fee) {
			split.proceeds = split.proceeds.saturating_add(core::mem::take(&mut split.fee));
		}
		if !Self::can_take(seller, split.proceeds) {
			split.fee = split.fee.saturating_add(core::mem::take(&mut split.proceeds));
		}
		Self::transfer(payer, purse, &treasury, split.fee)?;
		Self::transfer(payer, purse, seller, split.proceeds)?;
		Ok(split)
	}

	fn can_take(who: &T::AccountId, amount: BalanceOf<T>) -> bool {
		T::Currency::can_deposit(who, amount, Provenance::Extant) == DepositConsequence::Success
	}

	fn transfer(payer: &T::AccountId, purse: Purse, to: &T::AccountId, amount: BalanceOf<T>) -> DispatchResult {
		if amount.is_zero() {
			return Ok(());
		}
		match purse {
			Purse::Free => T::Currency::transfer(payer, to, amount, Preservation::Preserve)?,
			// The payer's own freezes do not stop what it has bound itself to pay.
			Purse::Held(reason) => T::Currency::transfer_on_hold(
				&reason.into(),
				payer,
				to,
				amount,
				Precision::Exact,
				Restriction::Free,
				Fortitude::Force,
			)?,
		};
		Ok(())
	}
}
