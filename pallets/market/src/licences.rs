//! Licences to models: for a period, for ever, or open to everybody.

use autonomy_primitives::ModelId;
use codec::{Encode, MaxEncodedLen};
use frame_support::{ensure, storage::with_storage_layer, traits::Get};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::{
	traits::{CheckedAdd, Zero},
	ArithmeticError, DispatchError, DispatchResult, Permill,
};

use crate::{
	maths,
	settlement::{count, Payment, Purse},
	BalanceOf, Config, Error, Event, HoldReason, Licence, LicenceKind, LicenceOf, LicenceTermsOf, Licences,
	LicensedModels, OpenModels, Pallet, StoredTerms, Terms,
};

impl<T: Config> Pallet<T> {
	pub(crate) fn do_set_licence_terms(
		who: T::AccountId,
		model: ModelId,
		terms: Option<LicenceTermsOf<T>>,
	) -> DispatchResult {
		Self::ensure_owns_closed(&who, model)?;
		match &terms {
			Some(terms) => Self::ensure_terms(terms)?,
			None => ensure!(Terms::<T>::contains_key(model), Error::<T>::NoTerms),
		}
		with_storage_layer(|| {
			Self::remove_terms(model)?;
			let mut deposit = Zero::zero();
			if let Some(terms) = terms.clone() {
				let mut stored = StoredTerms { terms, depositor: who, deposit };
				deposit = Self::hold_deposit(&stored.depositor, stored.encoded_size())?;
				stored.deposit = deposit;
				Terms::<T>::insert(model, stored);
			}
			Self::deposit_event(Event::LicenceTermsSet { model, terms, deposit });
			Ok(())
		})
	}

	pub(crate) fn do_open_licence(who: T::AccountId, model: ModelId) -> DispatchResult {
		Self::ensure_owns_closed(&who, model)?;
		with_storage_layer(|| {
			Self::remove_terms(model)?;
			OpenModels::<T>::insert(model, ());
			Self::deposit_event(Event::ModelOpened { model });
			Ok(())
		})
	}

	/// Returns how many payees have a share in the price.
	pub(crate) fn do_buy_licence(
		licensee: T::AccountId,
		model: ModelId,
		kind: LicenceKind,
		max_price: BalanceOf<T>,
	) -> Result<u32, DispatchError> {
		ensure!(!OpenModels::<T>::contains_key(model), Error::<T>::ModelIsOpen);
		let owner = T::Models::owner(model).ok_or(Error::<T>::UnknownModel)?;
		ensure!(owner != licensee, Error::<T>::OwnItem);
		let terms = Terms::<T>::get(model).ok_or(Error::<T>::NoTerms)?.terms;
		let price = match kind {
			LicenceKind::Period => terms.per_period,
			LicenceKind::Perpetual => terms.perpetual,
		};
		let price = price.ok_or(Error::<T>::KindNotSold)?;
		ensure!(price <= max_price, Error::<T>::PriceAboveLimit);
		let held = Licences::<T>::get(model, &licensee);
		let until = Self::licence_end(kind, terms.period, held.as_ref())?;
		let (fee, shares) = (Self::fee(), T::Models::royalties(model));
		ensure!(maths::total(&shares) <= u64::from(Permill::one().deconstruct()), Error::<T>::RoyaltyAboveCap);
		with_storage_layer(|| {
			let deposit = match held {
				Some(licence) => licence.deposit,
				None => Self::hold_deposit(&licensee, LicenceOf::<T>::max_encoded_len())?,
			};
			Licences::<T>::insert(model, &licensee, Licence { until, deposit });
			let payment = Payment::<T> {
				payer: &licensee,
				purse: Purse::Free,
				seller: &owner,
				split: maths::licence(price, fee, &shares),
			};
			let split = Self::pay(payment)?;
			Self::deposit_event(Event::LicenceBought { model, licensee, owner, kind, until, price, split });
			Ok(count(shares.len()))
		})
	}

	pub(crate) fn do_end_licence(who: T::AccountId, model: ModelId, licensee: T::AccountId) -> DispatchResult {
		let licence = Licences::<T>::get(model, &licensee).ok_or(Error::<T>::UnknownLicence)?;
		let now = frame_system::Pallet::<T>::block_number();
		let may = who == licensee || !licence.holds_at(&now) || OpenModels::<T>::contains_key(model);
		ensure!(may, Error::<T>::NotExpired);
		Licences::<T>::remove(model, &licensee);
		Self::release(HoldReason::Deposit, &licensee, licence.deposit)?;
		Self::deposit_event(Event::LicenceEnded { model, licensee });
		Ok(())
	}

	/// Whether the caller holds the NFT of a model that is not open.
	fn ensure_owns_closed(who: &T::AccountId, model: ModelId) -> DispatchResult {
		let owner = T::Models::owner(model).ok_or(Error::<T>::UnknownModel)?;
		ensure!(owner == *who, Error::<T>::NotModelOwner);
		ensure!(!OpenModels::<T>::contains_key(model), Error::<T>::ModelIsOpen);
		Ok(())
	}

	fn ensure_terms(terms: &LicenceTermsOf<T>) -> DispatchResult {
		ensure!(terms.per_period.is_some() || terms.perpetual.is_some(), Error::<T>::NoPrice);
		for price in [terms.per_period, terms.perpetual].into_iter().flatten() {
			Self::ensure_price(price)?;
		}
		let fits = !terms.period.is_zero() && terms.period <= T::MaxDuration::get();
		ensure!(fits, Error::<T>::PeriodOutOfRange);
		Ok(())
	}

	/// Removes a model's terms, if it has any, and returns their deposit to whoever paid it.
	fn remove_terms(model: ModelId) -> DispatchResult {
		match Terms::<T>::take(model) {
			Some(stored) => Self::release(HoldReason::Deposit, &stored.depositor, stored.deposit),
			None => Ok(()),
		}
	}

	/// The end of a licence that is bought now. A period begins at the end of what the licensee has, or now.
	fn licence_end(
		kind: LicenceKind,
		period: BlockNumberFor<T>,
		held: Option<&LicenceOf<T>>,
	) -> Result<Option<BlockNumberFor<T>>, DispatchError> {
		let now = frame_system::Pallet::<T>::block_number();
		let held_until = match held {
			Some(licence) => licence.until.ok_or(Error::<T>::AlreadyLicensed)?,
			None => now,
		};
		match kind {
			LicenceKind::Perpetual => Ok(None),
			LicenceKind::Period => {
				let end = held_until.max(now).checked_add(&period).ok_or(ArithmeticError::Overflow)?;
				Ok(Some(end))
			}
		}
	}
}
