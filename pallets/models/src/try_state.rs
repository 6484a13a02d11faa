//! What must hold between the storage items at the end of every block.

#![cfg(any(feature = "try-runtime", test))]

use alloc::collections::BTreeMap;
use frame_support::{ensure, traits::fungible::InspectHold};
use sp_runtime::{traits::Saturating, TryRuntimeError};

use crate::{BalanceOf, Config, HoldReason, ModelByManifest, Models, NextModelId, Pallet};

impl<T: Config> Pallet<T> {
	/// - models are numbered without a gap up to `NextModelId`;
	/// - `ModelByManifest` is the inverse of the models' manifests;
	/// - what each depositor has on hold is the sum of its models' deposits.
	pub(crate) fn do_try_state() -> Result<(), TryRuntimeError> {
		let next = NextModelId::<T>::get();
		let mut count: u32 = 0;
		let mut held: BTreeMap<T::AccountId, BalanceOf<T>> = BTreeMap::new();
		for (model, info) in Models::<T>::iter() {
			ensure!(model < next, "a model's number is not below NextModelId");
			ensure!(ModelByManifest::<T>::get(info.manifest) == Some(model), "a manifest does not lead to its model");
			ensure!(
				info.golden_input.check(info.modality, &info.limits).is_ok(),
				"a golden input breaks its own limits"
			);
			let sum = held.entry(info.depositor).or_default();
			*sum = sum.saturating_add(info.deposit);
			count = count.saturating_add(1);
		}
		ensure!(count == next, "models are not numbered without a gap");
		ensure!(ModelByManifest::<T>::iter().count() == count as usize, "a manifest leads to no model");
		for (depositor, sum) in held {
			let on_hold = T::Currency::balance_on_hold(&HoldReason::Registration.into(), &depositor);
			ensure!(on_hold == sum, "a deposit on hold is not the sum of the models' deposits");
		}
		Ok(())
	}
}
