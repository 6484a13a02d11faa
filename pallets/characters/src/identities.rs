//! Sub-identities: characters under a parent, by consent of both, two levels deep.

use frame_support::{ensure, storage::with_storage_layer, traits::Get};
use sp_runtime::{DispatchError, DispatchResult};

use crate::{AskedParents, CharacterId, CharacterInfoOf, Config, Error, Event, Pallet};

impl<T: Config> Pallet<T> {
	pub(crate) fn do_ask_parent(child: CharacterId, parent: Option<CharacterId>) -> DispatchResult {
		match parent {
			Some(parent) => {
				Self::ensure_can_adopt(parent, child)?;
				AskedParents::<T>::insert(child, parent);
			}
			None => AskedParents::<T>::remove(child),
		}
		Self::deposit_event(Event::ParentAsked { child, parent });
		Ok(())
	}

	pub(crate) fn do_accept_child(parent: CharacterId, child: CharacterId) -> DispatchResult {
		ensure!(AskedParents::<T>::get(child) == Some(parent), Error::<T>::ParentNotAsked);
		// Both may have changed since.
		Self::ensure_can_adopt(parent, child)?;
		with_storage_layer(|| {
			AskedParents::<T>::remove(child);
			Self::mutate(parent, |info| {
				info.children = info.children.saturating_add(1);
				Ok(())
			})?;
			Self::set_parent(child, Some(parent))
		})
	}

	pub(crate) fn do_leave_parent(child: CharacterId, parent: CharacterId) -> DispatchResult {
		with_storage_layer(|| {
			Self::mutate(parent, |info| {
				info.children = info.children.saturating_sub(1);
				Ok(())
			})?;
			Self::set_parent(child, None)
		})
	}

	/// The parent of a sub-identity.
	pub(crate) fn parent_of(child: CharacterId) -> Result<CharacterId, DispatchError> {
		Ok(Self::known(child)?.parent.ok_or(Error::<T>::NoParent)?)
	}

	/// Whether a character is seated nowhere but at X, and for itself.
	pub(crate) fn ensure_unseated(info: &CharacterInfoOf<T>) -> DispatchResult {
		ensure!(info.parent.is_none(), Error::<T>::HasParent);
		ensure!(info.collective.is_none(), Error::<T>::AlreadyInCollective);
		Ok(())
	}

	fn ensure_can_adopt(parent: CharacterId, child: CharacterId) -> DispatchResult {
		ensure!(parent != child, Error::<T>::OwnParent);
		let (above, below) = (Self::known(parent)?, Self::known(child)?);
		Self::ensure_unseated(&below)?;
		ensure!(above.parent.is_none() && below.children == 0, Error::<T>::TooDeep);
		ensure!(above.children < T::MaxChildren::get(), Error::<T>::TooManyChildren);
		Ok(())
	}

	fn set_parent(child: CharacterId, parent: Option<CharacterId>) -> DispatchResult {
		Self::mutate(child, |info| {
			info.parent = parent;
			Ok(())
		})?;
		Self::deposit_event(Event::ParentSet { child, parent });
		Ok(())
	}
}
