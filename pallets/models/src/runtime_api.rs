//! Runtime API of the model registry.

use autonomy_primitives::{digest::Cid, ModelId};
use codec::Codec;

use crate::types::ModelView;

sp_api::decl_runtime_apis! {
	/// Reads of the model registry for clients. `pallet-models` has a view function of the same name for each.
	pub trait ModelsApi<AccountId, Balance, BlockNumber> where
		AccountId: Codec,
		Balance: Codec,
		BlockNumber: Codec,
	{
		/// A model and its owner, or nothing when there is no such model.
		fn model(model: ModelId) -> Option<ModelView<AccountId, Balance, BlockNumber>>;
		/// The model registered under a manifest.
		fn model_by_manifest(manifest: Cid) -> Option<ModelId>;
		/// Holder of the model's NFT.
		fn owner(model: ModelId) -> Option<AccountId>;
	}
}
