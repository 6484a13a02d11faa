//! Runtime API of the DSO pallet.

use alloc::vec::Vec;
use autonomy_governance::{Needs, Phase, Readiness};
use autonomy_primitives::community::CommunityId;
use codec::Codec;

use crate::{
	actions::Action,
	types::{
		Charter, CommunityInfo, Doable, KindTag, Motion, PowerLine, Proposal, ProposalId, ProposalPage, Template,
		TemplateFault, TemplateVersion,
	},
};

/// All about a proposal whose action is written with these types.
pub type ProposalReport<AccountId, AssetId, Balance, Hash> =
	ProposalPage<Proposal<AccountId, Balance, Action<AccountId, AssetId, Balance, Hash>>>;

sp_api::decl_runtime_apis! {
	/// Reads of communities and their decisions for clients. `pallet-dso` has a view function of the same name for each.
	pub trait DsoApi<AccountId, AssetId, Balance, Hash> where
		AccountId: Codec,
		AssetId: Codec,
		Balance: Codec,
		Hash: Codec,
	{
		/// A community of the tree.
		fn community(community: CommunityId) -> Option<CommunityInfo<AccountId, Balance>>;
		/// The community above; none for X.
		fn parent(community: CommunityId) -> Option<CommunityId>;
		/// The newest template of a kind, with its version.
		fn template(kind: KindTag) -> (TemplateVersion, Template);
		/// What is wrong with a template.
		fn check_template(kind: KindTag, template: Template) -> Result<(), TemplateFault>;
		/// What is in force in a community.
		fn charter(community: CommunityId) -> Option<Charter>;
		/// What an account has in a community, class by class, and where it comes from.
		fn power(community: CommunityId, who: AccountId) -> Vec<PowerLine<AccountId>>;
		/// A proposal: what each class, each AI and the formula say, and what it lacks.
		fn proposal(proposal: ProposalId) -> Option<ProposalReport<AccountId, AssetId, Balance, Hash>>;
		/// What an account may do with a proposal now.
		fn doable(proposal: ProposalId, who: AccountId) -> Vec<Doable>;
		/// The deposit of a proposal submitted now, in planck.
		fn deposit_now(community: CommunityId) -> Balance;
		/// What opening an AI's seat burns now, in planck.
		fn seat_burn() -> Balance;
		/// What a community can spend now, in the asset's smallest unit: as routine, and by the longer way.
		fn spendable_now(community: CommunityId, asset: Option<AssetId>) -> Option<(u128, u128)>;
		/// The phase that is in force.
		fn phase_now() -> Phase;
		/// What there is of what the next phase needs.
		fn readiness() -> Readiness;
		/// What phases need on this chain.
		fn needs() -> Needs;
		/// Motions that wait for the holders, the oldest first.
		fn motions() -> Vec<Motion<Hash>>;
	}
}
