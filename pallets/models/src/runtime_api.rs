//! Runtime API of the model registry.

use autonomy_primitives::{digest::Cid, payout::ModelPayees, ModelId};
use codec::Codec;

use crate::types::{
	ContributionId, ContributionView, ModelPage, ModelView, Proposal, ProposalId, ShareAmount, Version, VersionNumber,
};

sp_api::decl_runtime_apis! {
	/// Reads of the model registry for clients. `pallet-models` has a view function of the same name for each.
	pub trait ModelsApi<AccountId, Balance, BlockNumber, AssetId> where
		AccountId: Codec,
		Balance: Codec,
		BlockNumber: Codec,
		AssetId: Codec,
	{
		/// A model and its owner, or nothing when there is no such model.
		fn model(model: ModelId) -> Option<ModelView<AccountId, Balance, BlockNumber>>;
		/// The model registered under a manifest.
		fn model_by_manifest(manifest: Cid) -> Option<ModelId>;
		/// Holder of the model's NFT.
		fn owner(model: ModelId) -> Option<AccountId>;
		/// Everything about a model that a page shows: lineage, versions, shares and who is paid.
		fn page(model: ModelId) -> Option<ModelPage<AccountId, Balance, BlockNumber, AssetId>>;
		/// Number and weights of a model's current version.
		fn version(model: ModelId) -> Option<(VersionNumber, Version<BlockNumber>)>;
		/// A proposed version.
		fn proposal(proposal: ProposalId) -> Option<Proposal<AccountId, Balance, BlockNumber>>;
		/// A contribution, what of it has vested and what can be claimed now.
		fn contribution(
			model: ModelId,
			contribution: ContributionId,
		) -> Option<ContributionView<AccountId, BlockNumber>>;
		/// Shares that an account can claim now for a contribution.
		fn claimable(who: AccountId, model: ModelId, contribution: ContributionId) -> ShareAmount;
		/// Who is paid for a job on a model that is submitted now, in parts of the model part of its fee.
		fn revenue(model: ModelId) -> ModelPayees<AccountId>;
		/// Whether a model is open to everybody.
		fn is_open(model: ModelId) -> bool;
	}
}
