//! Shares of models: an asset each, issued by the registry alone.

use alloc::vec::Vec;
use autonomy_primitives::ModelId;
use codec::{Encode, MaxEncodedLen};
use frame_support::{
	pallet_prelude::{DispatchError, DispatchResult, Member},
	traits::fungibles,
	Hashable, Parameter,
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

/// [`ModelShares`] over pallet-assets.
///
/// The registry's account owns each asset and issues it; it has no key. The asset is sufficient, so that somebody without
/// AUTON can be given shares. Numbers are drawn from the parent block's hash among the upper half of all numbers, so that
/// nobody can take a model's number beforehand.
pub struct AssetShares<T, Assets>(core::marker::PhantomData<(T, Assets)>);

/// How many numbers are tried.
const TRIES: u8 = 4;
/// Numbers of shares have this bit.
const SHARES: u32 = 1 << 31;

impl<T, Assets> ModelShares<T::AccountId> for AssetShares<T, Assets>
where
	T: Config,
	Assets: fungibles::Create<T::AccountId> + fungibles::Mutate<T::AccountId>,
	<Assets as fungibles::Inspect<T::AccountId>>::AssetId: From<u32> + Parameter + Member,
{
	type AssetId = <Assets as fungibles::Inspect<T::AccountId>>::AssetId;

	fn create(model: ModelId) -> Result<Self::AssetId, DispatchError> {
		let parent = frame_system::Pallet::<T>::parent_hash();
		let number = |attempt: u8| {
			let seed: Vec<u8> = (b"AUTON/shares", parent, model, attempt).encode();
			let hash: [u8; 32] = seed.blake2_256();
			SHARES | hash.first_chunk::<4>().copied().map(u32::from_le_bytes).unwrap_or_default()
		};
		let free = |asset: &Self::AssetId| !<Assets as fungibles::Inspect<T::AccountId>>::asset_exists(asset.clone());
		let asset = (0..TRIES)
			.map(|attempt| Self::AssetId::from(number(attempt)))
			.find(free)
			.ok_or(DispatchError::Exhausted)?;
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
