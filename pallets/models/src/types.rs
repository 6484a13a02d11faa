//! What the pallet stores and what it asks of its neighbours.

use alloc::{boxed::Box, vec::Vec};
use autonomy_primitives::{
	community::CommunityId,
	digest::Cid,
	evaluation::EvaluatedWeights,
	job::{JobInput, Modality},
	model::ModelLimits,
	payout::ModelPayees,
	Digest, JobId, ModelId,
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{pallet_prelude::Member, traits::Incrementable, BoundedVec, Parameter};
use pallet_nfts::{
	CollectionConfig, CollectionSetting, CollectionSettings, ItemConfig, ItemSetting, ItemSettings, MintSettings,
};
use scale_info::TypeInfo;
use sp_runtime::{traits::ConstU32, DispatchError, DispatchResult, Permill};

use crate::lineage::{ShareOf, MAX_ANCESTORS, MAX_PARENTS};

/// Longest SPDX licence expression, in bytes.
pub const MAX_LICENCE_BYTES: u32 = 64;

/// An SPDX licence expression in printable ASCII, for example `Apache-2.0`.
pub type Licence = BoundedVec<u8, ConstU32<MAX_LICENCE_BYTES>>;

/// What a registration says about a model.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct ModelDetails<Balance> {
	/// The kind of output.
	pub modality: Modality,
	/// CID of the manifest: architecture, files, tokenizer.
	pub manifest: Cid,
	/// Root over the weights' bytes in the manifest's order.
	pub weights_root: Digest,
	/// Kernel specification that results are made with.
	pub engine: Digest,
	/// Bounds of one job.
	pub limits: ModelLimits,
	/// Price of one unit of work for one operator, in planck; at least 1.
	pub price_per_unit: Balance,
	/// Blocks that one job takes the slowest supported operator; 1 to `MaxBudget`.
	pub budget: u32,
	/// Input of the golden job, which every operator has to reproduce. Within the limits.
	pub golden_input: Box<JobInput>,
	/// Seed of the golden job.
	pub golden_seed: Digest,
	/// Result digest of the golden job, with the genesis hash set to zero.
	pub golden_result: Digest,
	/// Licence of the weights.
	pub licence: Licence,
}

/// A registered model.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct ModelInfo<AccountId, Balance, BlockNumber> {
	/// The kind of output.
	pub modality: Modality,
	/// CID of the manifest.
	pub manifest: Cid,
	/// Root over the weights' bytes in the manifest's order.
	pub weights_root: Digest,
	/// Kernel specification that results are made with.
	pub engine: Digest,
	/// Bounds of one job.
	pub limits: ModelLimits,
	/// Price of one unit of work for one operator, in planck.
	pub price_per_unit: Balance,
	/// Blocks that one job takes the slowest supported operator.
	pub budget: u32,
	/// Input of the golden job.
	pub golden_input: JobInput,
	/// Seed of the golden job.
	pub golden_seed: Digest,
	/// Result digest of the golden job.
	pub golden_result: Digest,
	/// Licence of the weights.
	pub licence: Licence,
	/// Block of the registration.
	pub registered_at: BlockNumber,
	/// Storage deposit on hold, in planck.
	pub deposit: Balance,
	/// Who paid the deposit. Owning the model is another matter: the owner is whoever holds the NFT.
	pub depositor: AccountId,
	/// Whether new jobs are taken.
	pub active: bool,
	/// The community that owns the model together.
	pub community: CommunityId,
}

/// Shares in a model, in the asset's smallest unit.
pub type ShareAmount = u128;
/// Number of a version of a model, counted from 0, which is what was registered.
pub type VersionNumber = u32;
/// Number of a contribution to a model: that of the version that it made, so never 0.
pub type ContributionId = u32;
/// Number of a proposed version, counted from 0 over all models.
pub type ProposalId = u64;

/// Most data roots that a community has approved at a time.
pub const MAX_DATA_ROOTS: u32 = 64;

/// Parents of a model and their shares in its model part, in parts per million.
pub type Parents = BoundedVec<ShareOf, ConstU32<MAX_PARENTS>>;
/// All ancestors that a model pays, see [`crate::lineage`].
pub type Lineage = BoundedVec<ShareOf, ConstU32<MAX_ANCESTORS>>;

/// One version of a model.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Version<BlockNumber> {
	/// CID of the manifest.
	pub manifest: Cid,
	/// Root over the weights' bytes in the manifest's order.
	pub weights_root: Digest,
	/// Kernel specification that results are made with.
	pub engine: Digest,
	/// Result digest of the golden job.
	pub golden_result: Digest,
	/// Block at which it became the current one.
	pub accepted_at: BlockNumber,
	/// The contribution that made it; none for the registered version.
	pub contribution: Option<ContributionId>,
}

impl<BlockNumber> Version<BlockNumber> {
	/// As an evaluation job finds it.
	pub(crate) fn weights(&self) -> EvaluatedWeights {
		EvaluatedWeights { manifest: self.manifest, weights_root: self.weights_root, engine: self.engine }
	}
}

/// The new weights of a proposed version. Kind of output, limits, engine and golden input are those of the model.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Candidate {
	/// CID of the manifest; it must be new.
	pub manifest: Cid,
	/// Root over the weights' bytes in the manifest's order.
	pub weights_root: Digest,
	/// Result digest of the model's golden job with these weights.
	pub golden_result: Digest,
}

/// What somebody gave for a version.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum ContributionKind {
	/// A data set.
	#[codec(index = 0)]
	Data {
		/// CID of the data set's root.
		dataset: Cid,
		/// Size in bytes.
		size: u64,
		/// Licence of the data.
		licence: Licence,
	},
	/// Compute: a training run that anybody can run again.
	#[codec(index = 1)]
	Compute {
		/// CID of the recipe.
		recipe: Cid,
		/// Digest of the run: what running the recipe again must give.
		digest: Digest,
	},
	/// Work: new weights, or an adapter merged into them.
	#[codec(index = 2)]
	Training,
}

/// A contribution as it is proposed.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Contribution<AccountId> {
	/// What was given.
	pub kind: ContributionKind,
	/// Who gets the shares.
	pub beneficiary: AccountId,
}

/// How far the evaluation of a proposal is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Evaluation {
	/// Nobody ordered one, or it failed.
	#[codec(index = 0)]
	None,
	/// A job is under way.
	#[codec(index = 1)]
	Ordered {
		/// The job.
		job: JobId,
		/// The version that it compares with.
		base: VersionNumber,
	},
	/// A job's operators agreed.
	#[codec(index = 2)]
	Measured {
		/// The version that it compared with.
		base: VersionNumber,
		/// Relative fall of the held-out loss, in parts per million.
		gain: u32,
	},
}

/// A proposed version.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Proposal<AccountId, Balance, BlockNumber> {
	/// The model.
	pub model: ModelId,
	/// Who proposed it and paid the deposit.
	pub proposer: AccountId,
	/// The new weights.
	pub candidate: Candidate,
	/// What was given for it, and who gets the shares.
	pub contribution: Contribution<AccountId>,
	/// Weight of the contribution's class when it was proposed.
	pub class_weight: Permill,
	/// How far its evaluation is.
	pub evaluation: Evaluation,
	/// First block at which it cannot be accepted any more.
	pub expires: BlockNumber,
	/// Storage deposit on hold, in planck.
	pub deposit: Balance,
}

/// Whether a contribution's claim is disputed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Claim<BlockNumber> {
	/// It was never disputed.
	#[codec(index = 0)]
	Open,
	/// It is frozen. Unless the dispute is resolved, it lapses after `DisputePeriod` blocks.
	#[codec(index = 1)]
	Disputed {
		/// Block of the dispute.
		at: BlockNumber,
	},
	/// A dispute was dismissed or has lapsed. It cannot be disputed again.
	#[codec(index = 2)]
	Cleared,
	/// A dispute was upheld: what had not vested was burnt, the rest can be claimed.
	#[codec(index = 3)]
	Cut,
}

/// An accepted contribution.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct ContributionInfo<AccountId, BlockNumber> {
	/// What was given.
	pub kind: ContributionKind,
	/// Who gets the shares.
	pub beneficiary: AccountId,
	/// Measured gain, in parts per million; 0 when it was accepted without an evaluation.
	pub gain: u32,
	/// Shares granted, less what was burnt.
	pub granted: ShareAmount,
	/// Shares claimed, which are those issued.
	pub claimed: ShareAmount,
	/// Block at which vesting began.
	pub started: BlockNumber,
	/// Whether the claim is disputed.
	pub claim: Claim<BlockNumber>,
}

/// Where a model stands: versions, shares, access.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct ModelState<AssetId> {
	/// The current version.
	pub version: VersionNumber,
	/// The version that candidates are compared with: the last one that an evaluation proved better, or the first. So
	/// nobody is paid for making good what it has spoilt.
	pub baseline: VersionNumber,
	/// Shares granted to contributions, less what was burnt; at most `ShareCap`.
	pub granted: ShareAmount,
	/// Shares claimed, which are those issued; at most `granted`.
	pub issued: ShareAmount,
	/// The asset that is the model's shares; none before the first claim.
	pub shares: Option<AssetId>,
	/// Proposals that are open.
	pub proposals: u32,
	/// Whether the model is open to everybody, for ever.
	pub open: bool,
}

impl<AssetId> Default for ModelState<AssetId> {
	fn default() -> Self {
		Self { version: 0, baseline: 0, granted: 0, issued: 0, shares: None, proposals: 0, open: false }
	}
}

/// What is known of where a model comes from: contributions that were accepted, and whose claim no dispute has cut.
#[derive(
	Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct KnownOrigins {
	/// Data sets.
	pub data: u32,
	/// Training runs that anybody can run again.
	pub runs: u32,
}

/// How much the classes of contributions weigh: the part of what remains of the shares that a gain of 100 % would get.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct ClassWeights {
	/// Weight of data.
	pub data: Permill,
	/// Weight of compute.
	pub compute: Permill,
	/// Weight of training.
	pub training: Permill,
}

impl ClassWeights {
	/// The weight of a contribution.
	pub fn of(&self, kind: &ContributionKind) -> Permill {
		match kind {
			ContributionKind::Data { .. } => self.data,
			ContributionKind::Compute { .. } => self.compute,
			ContributionKind::Training => self.training,
		}
	}

	/// Every weight.
	pub(crate) fn all(&self) -> [Permill; 3] {
		[self.data, self.compute, self.training]
	}
}

/// What a model's community has decided about versions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Charter {
	/// Accepts at once what an evaluation proves better by at least this; none to accept nothing by itself.
	pub accept_at_gain: Option<Permill>,
	/// How much the classes of contributions weigh.
	pub weights: ClassWeights,
	/// CID of the held-out set that candidates are evaluated on. Nothing can be evaluated without one.
	pub evaluation_set: Option<Cid>,
}

impl Default for Charter {
	/// Nothing is accepted by itself; training weighs a half, data and compute a quarter.
	fn default() -> Self {
		let quarter = Permill::from_percent(25);
		let weights = ClassWeights { data: quarter, compute: quarter, training: Permill::from_percent(50) };
		Self { accept_at_gain: None, weights, evaluation_set: None }
	}
}

/// Why a proposal is no more.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Closing {
	/// The community rejected it.
	#[codec(index = 0)]
	Rejected,
	/// Its proposer withdrew it.
	#[codec(index = 1)]
	Withdrawn,
	/// Its time was over.
	#[codec(index = 2)]
	Expired,
}

/// A contribution, what of it has vested and what can be claimed now.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct ContributionView<AccountId, BlockNumber> {
	/// The contribution.
	pub info: ContributionInfo<AccountId, BlockNumber>,
	/// Shares vested by now.
	pub vested: ShareAmount,
	/// Shares that the beneficiary can claim now: nothing while the claim is frozen.
	pub claimable: ShareAmount,
}

/// Everything about a model that a page shows.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct ModelPage<AccountId, Balance, BlockNumber, AssetId> {
	/// Number, owner and registration.
	pub model: ModelView<AccountId, Balance, BlockNumber>,
	/// Versions, shares, access.
	pub state: ModelState<AssetId>,
	/// What the community has decided about versions.
	pub charter: Charter,
	/// Parents and their shares in the model part, in parts per million.
	pub parents: Vec<ShareOf>,
	/// All ancestors that are paid, in parts per million of the model part.
	pub lineage: Vec<ShareOf>,
	/// The latest versions, the newest first; at most 32.
	pub versions: Vec<(VersionNumber, Version<BlockNumber>)>,
	/// Who is paid for a job that is submitted now.
	pub revenue: ModelPayees<AccountId>,
}

/// A model together with its owner, as the runtime API and the view functions give it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct ModelView<AccountId, Balance, BlockNumber> {
	/// Number of the model and of its NFT.
	pub id: ModelId,
	/// Holder of the NFT; `None` once it has been burnt.
	pub owner: Option<AccountId>,
	/// The registration.
	pub info: ModelInfo<AccountId, Balance, BlockNumber>,
}

/// The NFT side of a model: one collection whose items are the models.
pub trait ModelItems<AccountId> {
	/// Number of a collection.
	type CollectionId: Parameter + Member + MaxEncodedLen + Copy;

	/// Creates the collection, owned by `owner`, free of any deposit.
	fn create_collection(owner: &AccountId) -> Result<Self::CollectionId, DispatchError>;
	/// Mints item `model` to `to` with fixed metadata, free of any deposit.
	fn mint(collection: &Self::CollectionId, model: ModelId, to: &AccountId, metadata: &[u8]) -> DispatchResult;
	/// Holder of item `model`.
	fn owner(collection: &Self::CollectionId, model: ModelId) -> Option<AccountId>;
}

/// [`ModelItems`] over pallet-nfts. Items can be transferred; metadata and attributes are fixed, so that an item says
/// the same about its model for ever.
///
/// The collection needs no deposit: the pallet's account owns it and has no money, and every item is paid for by the
/// registration's own deposit.
pub struct NftItems<T, I = ()>(core::marker::PhantomData<(T, I)>);

impl<T, I> ModelItems<T::AccountId> for NftItems<T, I>
where
	T: pallet_nfts::Config<I, ItemId = ModelId>,
	I: 'static,
{
	type CollectionId = T::CollectionId;

	fn create_collection(owner: &T::AccountId) -> Result<Self::CollectionId, DispatchError> {
		let collection = pallet_nfts::NextCollectionId::<T, I>::get()
			.or(T::CollectionId::initial_value())
			.ok_or(pallet_nfts::Error::<T, I>::UnknownCollection)?;
		let locked = CollectionSetting::UnlockedMetadata
			| CollectionSetting::UnlockedAttributes
			| CollectionSetting::DepositRequired;
		let config = CollectionConfig {
			settings: CollectionSettings::from_disabled(locked),
			max_supply: None,
			mint_settings: MintSettings { default_item_settings: item_settings(), ..Default::default() },
		};
		pallet_nfts::Pallet::<T, I>::do_create_collection(
			collection,
			owner.clone(),
			owner.clone(),
			config,
			Default::default(),
			pallet_nfts::Event::ForceCreated { collection, owner: owner.clone() },
		)?;
		pallet_nfts::NextCollectionId::<T, I>::set(collection.increment());
		Ok(collection)
	}

	fn mint(collection: &Self::CollectionId, model: ModelId, to: &T::AccountId, metadata: &[u8]) -> DispatchResult {
		use frame_support::traits::nonfungibles_v2::Mutate;
		let config = ItemConfig { settings: item_settings() };
		<pallet_nfts::Pallet<T, I> as Mutate<_, _>>::mint_into(collection, &model, to, &config, true)?;
		<pallet_nfts::Pallet<T, I> as Mutate<T::AccountId, ItemConfig>>::set_item_metadata(
			None, collection, &model, metadata,
		)
	}

	fn owner(collection: &Self::CollectionId, model: ModelId) -> Option<T::AccountId> {
		pallet_nfts::Pallet::<T, I>::owner(*collection, model)
	}
}

fn item_settings() -> ItemSettings {
	ItemSettings::from_disabled(ItemSetting::UnlockedMetadata | ItemSetting::UnlockedAttributes)
}
