//! Who speaks for a model.

use autonomy_primitives::ModelId;
use frame_support::{
	dispatch::RawOrigin,
	traits::{EnsureOriginWithArg, OriginTrait},
};

use crate::{Config, Pallet};

/// The holder of the model's NFT.
pub struct Holder<T>(core::marker::PhantomData<T>);

impl<T: Config> EnsureOriginWithArg<T::RuntimeOrigin, ModelId> for Holder<T> {
	type Success = ();

	fn try_origin(origin: T::RuntimeOrigin, model: &ModelId) -> Result<(), T::RuntimeOrigin> {
		let holds = origin.as_signer().is_some_and(|who| Pallet::<T>::holds(who, *model));
		if holds {
			Ok(())
		} else {
			Err(origin)
		}
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn try_successful_origin(model: &ModelId) -> Result<T::RuntimeOrigin, ()> {
		Pallet::<T>::owner(*model).map(|who| RawOrigin::Signed(who).into()).ok_or(())
	}
}

/// Root, or the holder of the model's NFT: until the model's community has a say of its own.
pub struct HolderOrRoot<T>(core::marker::PhantomData<T>);

impl<T: Config> EnsureOriginWithArg<T::RuntimeOrigin, ModelId> for HolderOrRoot<T> {
	type Success = ();

	fn try_origin(origin: T::RuntimeOrigin, model: &ModelId) -> Result<(), T::RuntimeOrigin> {
		let is_root = matches!(origin.as_system_ref(), Some(RawOrigin::Root));
		if is_root {
			Ok(())
		} else {
			Holder::<T>::try_origin(origin, model)
		}
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn try_successful_origin(model: &ModelId) -> Result<T::RuntimeOrigin, ()> {
		Holder::<T>::try_successful_origin(model)
	}
}
