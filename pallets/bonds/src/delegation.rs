//! Delegation of voting power: one level, by class and topic, for a limited time.

use autonomy_primitives::community::{Class, CommunityId, Power, Topic};
use frame_support::{ensure, pallet_prelude::DispatchResult};
use sp_runtime::ArithmeticError;

use crate::{ring::Ring, types::DELEGATION_DAYS, Config, Delegation, Delegations, Error, Event, Inbound, Pallet};

impl<T: Config> Pallet<T> {
	/// Whom an account delegates to now.
	pub(crate) fn delegate_of(
		community: CommunityId,
		class: Class,
		topic: Topic,
		who: &T::AccountId,
	) -> Option<T::AccountId> {
		Delegations::<T>::get((community, class, topic, who))?.to.latest().clone()
	}

	/// Changes what is delegated to an account: one delegator's power from `before` to `after`, and the count of delegators.
	pub(crate) fn mutate_inbound(
		community: CommunityId,
		class: Class,
		topic: Topic,
		to: &T::AccountId,
		before: Power,
		after: Power,
		delegators: i8,
	) -> DispatchResult {
		let mut inbound = Inbound::<T>::get((community, class, topic, to));
		let power = inbound.power.latest().checked_sub(before).and_then(|rest| rest.checked_add(after));
		inbound.power.set(Self::today(), power.ok_or(ArithmeticError::Overflow)?);
		let count = inbound.delegators.checked_add_signed(delegators.into());
		inbound.delegators = count.ok_or(ArithmeticError::Overflow)?;
		if inbound.delegators == 0 && inbound.power.is_blank(&0) {
			Inbound::<T>::remove((community, class, topic, to));
		} else {
			Inbound::<T>::insert((community, class, topic, to), inbound);
		}
		Ok(())
	}

	pub(crate) fn do_delegate(
		who: &T::AccountId,
		community: CommunityId,
		class: Class,
		topic: Topic,
		to: T::AccountId,
	) -> DispatchResult {
		Self::known(community)?;
		ensure!(class.is_delegable(), Error::<T>::ClassNotDelegable);
		ensure!(*who != to, Error::<T>::DelegateToSelf);
		ensure!(!Self::is_excluded(&to), Error::<T>::AccountExcluded);
		let own = Self::own(community, class, who);
		ensure!(own > 0, Error::<T>::NothingToDelegate);
		ensure!(Self::delegate_of(community, class, topic, &to).is_none(), Error::<T>::DelegateDelegates);
		let delegators = Inbound::<T>::get((community, class, topic, who)).delegators;
		ensure!(delegators == 0, Error::<T>::HasDelegators);

		let expires = Self::today().saturating_add(DELEGATION_DAYS);
		if Self::delegate_of(community, class, topic, who).as_ref() != Some(&to) {
			Self::end_delegation(community, class, topic, who)?;
			Self::mutate_inbound(community, class, topic, &to, 0, own, 1)?;
		}
		Delegations::<T>::mutate((community, class, topic, who), |stored| {
			let delegation = stored.get_or_insert_with(|| Delegation { to: Ring::new(None), expires });
			delegation.to.set(Self::today(), Some(to.clone()));
			delegation.expires = expires;
		});
		Self::deposit_event(Event::PowerDelegated { community, class, topic, who: who.clone(), to, expires });
		Ok(())
	}

	pub(crate) fn do_undelegate(
		who: &T::AccountId,
		community: CommunityId,
		class: Class,
		topic: Topic,
	) -> DispatchResult {
		ensure!(Self::end_delegation(community, class, topic, who)?, Error::<T>::NotDelegating);
		Ok(())
	}

	pub(crate) fn do_expire_delegation(
		caller: &T::AccountId,
		who: &T::AccountId,
		community: CommunityId,
		class: Class,
		topic: Topic,
	) -> DispatchResult {
		let key = (community, class, topic, who);
		let mut delegation = Delegations::<T>::get(key).ok_or(Error::<T>::NotDelegating)?;
		let Some(to) = delegation.to.latest() else {
			delegation.to.collapse(Self::today());
			ensure!(delegation.to.is_blank(&None), Error::<T>::NotDelegating);
			Delegations::<T>::remove(key);
			return Ok(());
		};
		ensure!(caller == to || Self::today() >= delegation.expires, Error::<T>::NotExpired);
		Self::end_delegation(community, class, topic, who).map(|_| ())
	}

	/// Ends the delegation that there is. Returns whether there was one.
	fn end_delegation(
		community: CommunityId,
		class: Class,
		topic: Topic,
		who: &T::AccountId,
	) -> Result<bool, sp_runtime::DispatchError> {
		let key = (community, class, topic, who);
		let Some(mut delegation) = Delegations::<T>::get(key) else { return Ok(false) };
		let Some(to) = delegation.to.latest().clone() else { return Ok(false) };
		let own = Self::own(community, class, who);
		Self::mutate_inbound(community, class, topic, &to, own, 0, -1)?;
		delegation.to.set(Self::today(), None);
		if delegation.to.is_blank(&None) {
			Delegations::<T>::remove(key);
		} else {
			Delegations::<T>::insert(key, delegation);
		}
		Self::deposit_event(Event::DelegationEnded { community, class, topic, who: who.clone(), to });
		Ok(true)
	}
}
