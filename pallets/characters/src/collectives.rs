//! Collectives: characters that act together, each by its own consent, and none in two of them.

use codec::MaxEncodedLen;
use frame_support::{ensure, storage::with_storage_layer};
use sp_runtime::{ArithmeticError, DispatchError, DispatchResult};

use crate::{
	charter, AskedParents, CharacterId, Collective, CollectiveId, CollectiveMode, CollectiveOf, Collectives, Config,
	Error, Event, HoldReason, Members, Name, NextCollectiveId, Pallet,
};

impl<T: Config> Pallet<T> {
	pub(crate) fn do_found_collective(
		founder: T::AccountId,
		character: CharacterId,
		name: Name,
		mode: CollectiveMode,
	) -> DispatchResult {
		ensure!(charter::is_name(&name), Error::<T>::NameInvalid);
		Self::ensure_unseated(&Self::known(character)?)?;
		let id = NextCollectiveId::<T>::get();
		let next = id.checked_add(1).ok_or(ArithmeticError::Overflow)?;
		with_storage_layer(|| {
			// Members and invitations are paid for at once.
			let deposit = Self::hold_deposit(&founder, CollectiveOf::<T>::max_encoded_len())?;
			NextCollectiveId::<T>::put(next);
			let members = Members::truncate_from(alloc::vec![character]);
			let collective = Collective {
				name: name.clone(),
				mode,
				members,
				invited: Members::default(),
				founder: founder.clone(),
				deposit,
			};
			Collectives::<T>::insert(id, collective);
			Self::set_collective(character, Some(id))?;
			Self::deposit_event(Event::CollectiveFounded { collective: id, character, name, mode, founder, deposit });
			Ok(())
		})
	}

	pub(crate) fn do_invite(member: CharacterId, character: CharacterId) -> DispatchResult {
		let id = Self::known(member)?.collective.ok_or(Error::<T>::NotMember)?;
		Self::known(character)?;
		Collectives::<T>::try_mutate(id, |collective| -> DispatchResult {
			let collective = collective.as_mut().ok_or(Error::<T>::UnknownCollective)?;
			ensure!(!collective.members.contains(&character), Error::<T>::AlreadyInCollective);
			ensure!(!collective.invited.contains(&character), Error::<T>::InvitedBefore);
			collective.invited.try_push(character).map_err(|_| Error::<T>::CollectiveFull)?;
			Ok(())
		})?;
		Self::deposit_event(Event::Invited { collective: id, character });
		Ok(())
	}

	pub(crate) fn do_join_collective(id: CollectiveId, character: CharacterId) -> DispatchResult {
		Self::ensure_unseated(&Self::known(character)?)?;
		with_storage_layer(|| {
			Collectives::<T>::try_mutate(id, |collective| -> DispatchResult {
				let collective = collective.as_mut().ok_or(Error::<T>::UnknownCollective)?;
				ensure!(collective.invited.contains(&character), Error::<T>::NotInvited);
				collective.invited.retain(|invited| *invited != character);
				collective.members.try_push(character).map_err(|_| Error::<T>::CollectiveFull)?;
				Ok(())
			})?;
			Self::set_collective(character, Some(id))?;
			Self::deposit_event(Event::CollectiveJoined { collective: id, character });
			Ok(())
		})
	}

	pub(crate) fn do_leave_collective(character: CharacterId) -> DispatchResult {
		let id = Self::known(character)?.collective.ok_or(Error::<T>::NotMember)?;
		let mut collective = Self::known_collective(id)?;
		collective.members.retain(|member| *member != character);
		let ended = collective.members.is_empty();
		with_storage_layer(|| {
			if ended {
				Self::release(HoldReason::Deposit, &collective.founder, collective.deposit)?;
				Collectives::<T>::remove(id);
			} else {
				Collectives::<T>::insert(id, collective);
			}
			Self::set_collective(character, None)?;
			Self::deposit_event(Event::CollectiveLeft { collective: id, character, ended });
			Ok(())
		})
	}

	fn known_collective(id: CollectiveId) -> Result<CollectiveOf<T>, DispatchError> {
		Ok(Collectives::<T>::get(id).ok_or(Error::<T>::UnknownCollective)?)
	}

	fn set_collective(character: CharacterId, collective: Option<CollectiveId>) -> DispatchResult {
		// A member has no other seat to ask for.
		if AskedParents::<T>::take(character).is_some() {
			Self::deposit_event(Event::ParentAsked { child: character, parent: None });
		}
		Self::mutate(character, |info| {
			info.collective = collective;
			Ok(())
		})
	}
}
