//! Investment rounds: shares of a character at a fixed or a linear price.

use autonomy_primitives::community::Communities;
use frame_support::{
	ensure,
	storage::with_storage_layer,
	traits::{fungible::Mutate, tokens::Preservation},
};
use sp_runtime::{
	traits::{CheckedAdd, Zero},
	ArithmeticError, DispatchError, DispatchResult, Permill, SaturatedConversion, Saturating,
};

use crate::{
	charter, maths, AssetIdOf, BalanceOf, CharacterId, Config, Error, Event, Invested, Pallet, Round, RoundOf,
	RoundQuote, RoundTermsOf, Rounds, ShareAssets,
};

impl<T: Config> Pallet<T> {
	pub(crate) fn open_round(character: CharacterId, terms: RoundTermsOf<T>, shares: AssetIdOf<T>) {
		let closes_at = frame_system::Pallet::<T>::block_number().saturating_add(terms.duration);
		let round = Round { terms, shares, closes_at, sold: Zero::zero(), raised: Zero::zero(), closed: false };
		Rounds::<T>::insert(character, round);
	}

	pub(crate) fn do_invest(
		who: T::AccountId,
		character: CharacterId,
		shares: BalanceOf<T>,
		max_price: BalanceOf<T>,
	) -> DispatchResult {
		let info = Self::known(character)?;
		let mut round = Rounds::<T>::get(character).ok_or(Error::<T>::NoRound)?;
		ensure!(!Self::is_over(&round), Error::<T>::RoundOver);
		ensure!(!shares.is_zero(), Error::<T>::SharesAreZero);
		ensure!(shares <= Self::left(&round), Error::<T>::NotEnoughShares);
		let invested = Invested::<T>::get(character, &who).checked_add(&shares).ok_or(ArithmeticError::Overflow)?;
		ensure!(invested <= round.terms.cap, Error::<T>::InvestorCapReached);
		let cost = Self::cost(&round, shares)?;
		ensure!(cost <= max_price, Error::<T>::PriceAboveLimit);
		with_storage_layer(|| {
			if !cost.is_zero() {
				let treasury = T::Communities::treasury(info.community);
				T::Currency::transfer(&who, &treasury, cost, Preservation::Preserve)?;
			}
			T::Shares::mint(&round.shares, &who, shares)?;
			round.sold = round.sold.saturating_add(shares);
			round.raised = round.raised.saturating_add(cost);
			Rounds::<T>::insert(character, round);
			Invested::<T>::insert(character, &who, invested);
			Self::deposit_event(Event::Invested { character, who, shares, cost });
			Ok(())
		})
	}

	pub(crate) fn do_close_round(character: CharacterId) -> DispatchResult {
		let mut round = Rounds::<T>::get(character).ok_or(Error::<T>::NoRound)?;
		ensure!(!round.closed, Error::<T>::RoundOver);
		ensure!(Self::is_over(&round) || Self::left(&round).is_zero(), Error::<T>::RoundRunning);
		let (sold, raised) = (round.sold, round.raised);
		let promise = if sold.is_zero() { Permill::zero() } else { round.terms.promise };
		with_storage_layer(|| {
			round.closed = true;
			Rounds::<T>::insert(character, round);
			Self::mutate(character, |info| {
				info.promise = promise;
				Ok(())
			})?;
			Self::deposit_event(Event::RoundClosed { character, sold, raised, promise });
			Ok(())
		})
	}

	pub(crate) fn quote(character: CharacterId, shares: BalanceOf<T>) -> Option<RoundQuote<BalanceOf<T>>> {
		let round = Rounds::<T>::get(character)?;
		let left = Self::left(&round);
		if shares > left {
			return None;
		}
		let cost = Self::cost(&round, shares).ok()?;
		Some(RoundQuote { cost, left, open: !Self::is_over(&round) && !left.is_zero() })
	}

	/// Shares that nobody has bought.
	fn left(round: &RoundOf<T>) -> BalanceOf<T> {
		round.terms.supply.saturating_sub(round.sold)
	}

	/// Whether a round takes no money any more.
	fn is_over(round: &RoundOf<T>) -> bool {
		round.closed || frame_system::Pallet::<T>::block_number() >= round.closes_at
	}

	/// What the next shares cost.
	fn cost(round: &RoundOf<T>, shares: BalanceOf<T>) -> Result<BalanceOf<T>, DispatchError> {
		let rule = charter::price(&round.terms.price);
		let cost = maths::cost(&rule, round.sold.saturated_into(), shares.saturated_into());
		Ok(cost.and_then(|cost| BalanceOf::<T>::try_from(cost).ok()).ok_or(ArithmeticError::Overflow)?)
	}
}
