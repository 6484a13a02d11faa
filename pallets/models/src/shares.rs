//! Shares of models: an asset each, issued by the registry alone.

use autonomy_primitives::ModelId;
use codec::MaxEncodedLen;
use frame_support::{
	pallet_prelude::{DispatchError, DispatchResult, Member},
	traits::{fungibles, Get},
	Parameter,
};
use sp_runtime::{traits::One, ArithmeticError, SaturatedConversion};

use crate::{types::ShareAmount, Config, Pallet};

/// The asset side of shares. Nobody but the registry may issue them.
pub trait ModelShares<AccountId> {
	/// Number of an asset.
	type AssetId: Parameter + Member + MaxEncodedLen;

	/// Creates the asset of a model, without any supply. Nobody has a key to it.
	fn create(model: ModelId) -> Result<Self::AssetId, DispatchError>;
	/// Issues shares to an account.
	fn mint(asset: &Self::AssetId, to: &AccountId, amount: ShareAmount) -> DispatchResult;
	/// Shares there are.
	fn supply(asset: &Self::AssetId) -> ShareAmount;
}

/// [`ModelShares`] over pallet-assets: the shares of a model are the asset `First + model`. Nobody else may be able to create
/// assets from `First` on.
///
/// The registry's account owns each asset and issues it; it has no key. The asset is sufficient, so that somebody without
/// AUTON can be given shares.
pub struct AssetShares<T, Assets, First>(core::marker::PhantomData<(T, Assets, First)>);

impl<T, Assets, First> ModelShares<T::AccountId> for AssetShares<T, Assets, First>
where
	T: Config,
	Assets: fungibles::Create<T::AccountId> + fungibles::Mutate<T::AccountId>,
	<Assets as fungibles::Inspect<T::AccountId>>::AssetId: From<u32> + Parameter + Member,
	First: Get<u32>,
{
	type AssetId = <Assets as fungibles::Inspect<T::AccountId>>::AssetId;

	fn create(model: ModelId) -> Result<Self::AssetId, DispatchError> {
		let asset: Self::AssetId = First::get().checked_add(model).ok_or(ArithmeticError::Overflow)?.into();
		<Assets as fungibles::Create<T::AccountId>>::create(
			asset.clone(),
			Pallet::<T>::account_id(),
			true,
			One::one(),
		)?;
		Ok(asset)
	}

	fn mint(asset: &Self::AssetId, to: &T::AccountId, amount: ShareAmount) -> DispatchResult {
		let amount: <Assets as fungibles::Inspect<T::AccountId>>::Balance =
			amount.try_into().map_err(|_| ArithmeticError::Overflow)?;
		<Assets as fungibles::Mutate<T::AccountId>>::mint_into(asset.clone(), to, amount).map(|_| ())
	}

	fn supply(asset: &Self::AssetId) -> ShareAmount {
		<Assets as fungibles::Inspect<T::AccountId>>::total_issuance(asset.clone()).saturated_into()
	}
}
