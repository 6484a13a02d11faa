#![cfg_attr(not(feature = "std"), no_std)]
#![doc = include_str!("../README.md")]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod contributions;
pub mod lineage;
pub mod maths;
#[cfg(test)]
mod mock;
mod origins;
mod registry;
mod revenue;
pub mod runtime_api;
mod shares;
#[cfg(test)]
mod tests;
mod try_state;
mod types;
mod versions;
pub mod weights;

pub use origins::{Holder, HolderOrRoot};
pub use pallet::*;
pub use shares::{AssetShares, ModelShares};
pub use types::{
	Candidate, Charter, Claim, ClassWeights, Closing, Contribution, ContributionId, ContributionInfo, ContributionKind,
	ContributionView, Evaluation, KnownOrigins, Licence, Lineage, ModelDetails, ModelInfo, ModelItems, ModelPage,
	ModelState, ModelView, NftItems, Parents, Proposal, ProposalId, ShareAmount, Version, VersionNumber,
	MAX_DATA_ROOTS, MAX_LICENCE_BYTES,
};
pub use weights::WeightInfo;

use alloc::boxed::Box;
use autonomy_primitives::{
	community::{Communities, CommunityId},
	digest::Cid,
	evaluation::Evaluations,
	model::{ModelRegistry, ModelTerms},
	payout::{storage_deposit, ModelPayees},
	Digest, JobId, ModelId,
};
use frame_support::{
	pallet_prelude::*,
	traits::{
		fungible::{Inspect, Mutate, MutateHold},
		EnsureOriginWithArg,
	},
	PalletId,
};
use frame_system::pallet_prelude::*;
use sp_runtime::{
	traits::{AccountIdConversion, Zero},
	Permill,
};

/// Balance of the configured currency, in planck.
pub type BalanceOf<T> = <<T as Config>::Currency as Inspect<<T as frame_system::Config>::AccountId>>::Balance;
/// Number of an NFT collection.
pub type CollectionIdOf<T> = <<T as Config>::Items as ModelItems<<T as frame_system::Config>::AccountId>>::CollectionId;
/// A registered model of this chain.
pub type ModelInfoOf<T> = ModelInfo<<T as frame_system::Config>::AccountId, BalanceOf<T>, BlockNumberFor<T>>;
/// A model of this chain with its owner.
pub type ModelViewOf<T> = ModelView<<T as frame_system::Config>::AccountId, BalanceOf<T>, BlockNumberFor<T>>;
/// Number of the asset that is a model's shares.
pub type ShareAssetOf<T> = <<T as Config>::Shares as ModelShares<<T as frame_system::Config>::AccountId>>::AssetId;
/// A version of a model of this chain.
pub type VersionOf<T> = Version<BlockNumberFor<T>>;
/// A proposed version of this chain.
pub type ProposalOf<T> = Proposal<<T as frame_system::Config>::AccountId, BalanceOf<T>, BlockNumberFor<T>>;
/// A proposed contribution of this chain.
pub type ContributionOf<T> = Contribution<<T as frame_system::Config>::AccountId>;
/// An accepted contribution of this chain.
pub type ContributionInfoOf<T> = ContributionInfo<<T as frame_system::Config>::AccountId, BlockNumberFor<T>>;
/// An accepted contribution of this chain, with what can be claimed.
pub type ContributionViewOf<T> = ContributionView<<T as frame_system::Config>::AccountId, BlockNumberFor<T>>;
/// Where a model of this chain stands.
pub type ModelStateOf<T> = ModelState<ShareAssetOf<T>>;
/// Everything about a model of this chain.
pub type ModelPageOf<T> =
	ModelPage<<T as frame_system::Config>::AccountId, BalanceOf<T>, BlockNumberFor<T>, ShareAssetOf<T>>;

#[frame_support::pallet]
pub mod pallet {
	use super::*;

	/// Configuration.
	#[pallet::config]
	pub trait Config: frame_system::Config {
		/// Currency of prices and deposits.
		type Currency: Mutate<Self::AccountId> + MutateHold<Self::AccountId, Reason = Self::RuntimeHoldReason>;
		/// The runtime's hold reasons.
		type RuntimeHoldReason: From<HoldReason>;
		/// Where a model's NFT lives: [`NftItems`] over pallet-nfts.
		type Items: ModelItems<Self::AccountId>;
		/// Source of the account that owns the collection. Nobody has a key to it.
		#[pallet::constant]
		type PalletId: Get<PalletId>;
		/// Part of the storage deposit that does not depend on size, in planck.
		#[pallet::constant]
		type DepositBase: Get<BalanceOf<Self>>;
		/// Storage deposit for each encoded byte, in planck.
		#[pallet::constant]
		type DepositPerByte: Get<BalanceOf<Self>>;
		/// Largest compute budget of a model, in blocks.
		#[pallet::constant]
		type MaxBudget: Get<u32>;
		/// Who speaks for a model: until its community has a say of its own, [`HolderOrRoot`].
		type ModelOrigin: EnsureOriginWithArg<Self::RuntimeOrigin, ModelId>;
		/// Who resolves disputes about contributions.
		type AdminOrigin: EnsureOrigin<Self::RuntimeOrigin>;
		/// Where a model's community is opened: pallet-bonds.
		type Communities: Communities<Self::AccountId, ShareAssetOf<Self>, Error = DispatchError>;
		/// The asset side of shares: [`AssetShares`] over pallet-assets.
		type Shares: ModelShares<Self::AccountId>;
		/// Orders evaluation jobs: pallet-inference.
		type Evaluations: Evaluations<Self::AccountId, Error = DispatchError>;
		/// Most shares that a model can ever have, in the asset's smallest unit.
		#[pallet::constant]
		type ShareCap: Get<ShareAmount>;
		/// Most that one contribution is granted, of `ShareCap`. Governance may change it.
		type MaxGrant: Get<Permill>;
		/// Largest weight of a class of contributions.
		#[pallet::constant]
		type MaxClassWeight: Get<Permill>;
		/// Least gain that a charter can accept versions at. Not zero. Governance may change it.
		type MinGain: Get<Permill>;
		/// Blocks over which a contribution's shares vest: 90 days.
		#[pallet::constant]
		type VestingPeriod: Get<BlockNumberFor<Self>>;
		/// Blocks after which a dispute that nobody resolved lapses.
		#[pallet::constant]
		type DisputePeriod: Get<BlockNumberFor<Self>>;
		/// Blocks for which a proposed version can be accepted.
		#[pallet::constant]
		type ProposalLifetime: Get<BlockNumberFor<Self>>;
		/// Weights of the calls.
		type WeightInfo: WeightInfo;
	}

	/// The in-code storage version.
	const STORAGE_VERSION: StorageVersion = StorageVersion::new(0);

	/// The model registry.
	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// Why the pallet holds money.
	#[pallet::composite_enum]
	pub enum HoldReason {
		/// Storage deposit of a registered model.
		Registration,
		/// Storage deposit of a proposed version.
		Proposal,
	}

	/// Number of the next model, which is also the count of models.
	#[pallet::storage]
	pub type NextModelId<T: Config> = StorageValue<_, ModelId, ValueQuery>;

	/// The models.
	#[pallet::storage]
	pub type Models<T: Config> = StorageMap<_, Twox64Concat, ModelId, ModelInfoOf<T>>;

	/// The model of each manifest: a manifest cannot be registered twice.
	#[pallet::storage]
	pub type ModelByManifest<T: Config> = StorageMap<_, Blake2_128Concat, Cid, ModelId>;

	/// The model that each community is of.
	#[pallet::storage]
	pub type ModelByCommunity<T: Config> = StorageMap<_, Twox64Concat, CommunityId, ModelId>;

	/// What is known of where each model comes from, besides the data roots that its community has approved.
	#[pallet::storage]
	pub type Origins<T: Config> = StorageMap<_, Twox64Concat, ModelId, KnownOrigins, ValueQuery>;

	/// How many models have known data and a training run that anybody can run again, see [`Pallet::has_provenance`].
	#[pallet::storage]
	pub type ModelsWithProvenance<T: Config> = StorageValue<_, u32, ValueQuery>;

	/// The NFT collection whose items are the models, created at genesis.
	#[pallet::storage]
	pub type Collection<T: Config> = StorageValue<_, CollectionIdOf<T>>;

	/// Versions, shares and access of each model.
	#[pallet::storage]
	pub type ModelStates<T: Config> = StorageMap<_, Twox64Concat, ModelId, ModelStateOf<T>, ValueQuery>;

	/// The versions of each model.
	#[pallet::storage]
	pub type Versions<T: Config> =
		StorageDoubleMap<_, Twox64Concat, ModelId, Twox64Concat, VersionNumber, VersionOf<T>>;

	/// The parents of models that have any.
	#[pallet::storage]
	pub type ParentsOf<T: Config> = StorageMap<_, Twox64Concat, ModelId, Parents, ValueQuery>;

	/// All ancestors that a model pays.
	#[pallet::storage]
	pub type Lineages<T: Config> = StorageMap<_, Twox64Concat, ModelId, Lineage, ValueQuery>;

	/// What communities have decided about versions; the default where they have not.
	#[pallet::storage]
	pub type Charters<T: Config> = StorageMap<_, Twox64Concat, ModelId, Charter, ValueQuery>;

	/// Data roots that communities have approved.
	#[pallet::storage]
	pub type DataRoots<T: Config> =
		StorageMap<_, Twox64Concat, ModelId, BoundedVec<Cid, ConstU32<MAX_DATA_ROOTS>>, ValueQuery>;

	/// Number of the next proposal.
	#[pallet::storage]
	pub type NextProposalId<T: Config> = StorageValue<_, ProposalId, ValueQuery>;

	/// Open proposals.
	#[pallet::storage]
	pub type Proposals<T: Config> = StorageMap<_, Twox64Concat, ProposalId, ProposalOf<T>>;

	/// The open proposal of each manifest: a manifest cannot be proposed twice at a time.
	#[pallet::storage]
	pub type ProposalByManifest<T: Config> = StorageMap<_, Blake2_128Concat, Cid, ProposalId>;

	/// The proposal of each evaluation job under way.
	#[pallet::storage]
	pub type EvaluationJobs<T: Config> = StorageMap<_, Twox64Concat, JobId, ProposalId>;

	/// Accepted contributions of each model.
	#[pallet::storage]
	pub type Contributions<T: Config> =
		StorageDoubleMap<_, Twox64Concat, ModelId, Twox64Concat, ContributionId, ContributionInfoOf<T>>;

	/// Creates the Models collection.
	#[pallet::genesis_config]
	#[derive(frame_support::DefaultNoBound)]
	pub struct GenesisConfig<T: Config> {
		#[doc(hidden)]
		#[serde(skip)]
		pub _config: core::marker::PhantomData<T>,
	}

	#[pallet::genesis_build]
	impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
		fn build(&self) {
			Pallet::<T>::collection_or_create().expect("the first collection of a new chain can be created");
		}
	}

	/// Events.
	#[pallet::event]
	#[pallet::generate_deposit(pub(super) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A model was registered and its NFT minted.
		ModelRegistered {
			/// Number of the model and of its NFT.
			model: ModelId,
			/// Who got the NFT.
			owner: T::AccountId,
			/// The kind of output.
			modality: autonomy_primitives::job::Modality,
			/// CID of the manifest.
			manifest: Cid,
			/// Root over the weights' bytes.
			weights_root: Digest,
			/// Kernel specification.
			engine: Digest,
			/// Price of one unit of work for one operator, in planck.
			price_per_unit: BalanceOf<T>,
			/// Storage deposit put on hold, in planck.
			deposit: BalanceOf<T>,
		},
		/// The price changed. Jobs that were submitted before keep theirs.
		PriceSet {
			/// The model.
			model: ModelId,
			/// New price of one unit of work for one operator, in planck.
			price_per_unit: BalanceOf<T>,
		},
		/// The model was opened to new jobs, or closed.
		ActiveSet {
			/// The model.
			model: ModelId,
			/// Whether new jobs are taken.
			active: bool,
		},
		/// A model's community was opened.
		CommunityOpened {
			/// The model.
			model: ModelId,
			/// Its community.
			community: CommunityId,
		},
		/// A model was registered as made from others.
		LineageSet {
			/// The model.
			model: ModelId,
			/// Its parents and their shares in its model part, in parts per million.
			parents: Parents,
			/// All ancestors that it pays, in parts per million of its model part.
			lineage: Lineage,
		},
		/// A version was proposed.
		VersionProposed {
			/// Number of the proposal.
			proposal: ProposalId,
			/// The model.
			model: ModelId,
			/// Who proposed it.
			proposer: T::AccountId,
			/// The new weights.
			candidate: Candidate,
			/// What was given for it, and who gets the shares.
			contribution: ContributionOf<T>,
			/// Weight of the contribution's class.
			class_weight: Permill,
			/// First block at which it cannot be accepted any more.
			expires: BlockNumberFor<T>,
			/// Storage deposit put on hold, in planck.
			deposit: BalanceOf<T>,
		},
		/// An evaluation of a proposal was ordered.
		EvaluationOrdered {
			/// The proposal.
			proposal: ProposalId,
			/// The job.
			job: JobId,
			/// The version that it compares with.
			base: VersionNumber,
			/// CID of the held-out set.
			evaluation_set: Cid,
			/// Who pays for the job.
			payer: T::AccountId,
		},
		/// An evaluation was agreed.
		Evaluated {
			/// The proposal.
			proposal: ProposalId,
			/// The job.
			job: JobId,
			/// The version that it compared with.
			base: VersionNumber,
			/// Held-out loss of that version, fixed point.
			base_loss: u64,
			/// Held-out loss of the candidate, fixed point.
			candidate_loss: u64,
			/// Relative fall of the loss, in parts per million.
			gain: u32,
		},
		/// An evaluation job ended without a result. Another can be ordered.
		EvaluationFailed {
			/// The proposal.
			proposal: ProposalId,
			/// The job.
			job: JobId,
		},
		/// A version became the current one. Operators have to reproduce its golden result before they are drawn again. Jobs
		/// that were submitted before keep the version that they were submitted for.
		VersionAccepted {
			/// The model.
			model: ModelId,
			/// Number of the version, which is that of its contribution.
			version: VersionNumber,
			/// The proposal, which is no more.
			proposal: ProposalId,
			/// The new weights.
			candidate: Candidate,
			/// Who gets the shares.
			beneficiary: T::AccountId,
			/// Measured gain, in parts per million; 0 without an evaluation.
			gain: u32,
			/// Shares granted, which vest from now on.
			granted: ShareAmount,
			/// Whether the charter accepted it at its gain.
			automatic: bool,
		},
		/// A version that its charter accepts could not be. It waits for the community.
		AcceptanceFailed {
			/// The proposal.
			proposal: ProposalId,
			/// Why.
			error: DispatchError,
		},
		/// A proposal was closed without being accepted. Its deposit was returned.
		ProposalClosed {
			/// The proposal.
			proposal: ProposalId,
			/// Why.
			reason: Closing,
		},
		/// The asset that is a model's shares was created.
		SharesOpened {
			/// The model.
			model: ModelId,
			/// The asset.
			asset: ShareAssetOf<T>,
		},
		/// Vested shares were issued.
		SharesClaimed {
			/// The model.
			model: ModelId,
			/// The contribution.
			contribution: ContributionId,
			/// Who got them.
			beneficiary: T::AccountId,
			/// How many.
			amount: ShareAmount,
		},
		/// A contribution is disputed. Its claims are frozen.
		ContributionDisputed {
			/// The model.
			model: ModelId,
			/// The contribution.
			contribution: ContributionId,
		},
		/// A dispute has ended. Claims go on.
		DisputeResolved {
			/// The model.
			model: ModelId,
			/// The contribution.
			contribution: ContributionId,
			/// Whether it was upheld.
			upheld: bool,
			/// Shares that had not vested when it began and are gone; 0 unless it was upheld.
			burnt: ShareAmount,
		},
		/// A community has decided anew about versions.
		CharterSet {
			/// The model.
			model: ModelId,
			/// What it has decided.
			charter: Charter,
		},
		/// A community has approved a data root, or withdrawn its approval.
		DataRootSet {
			/// The model.
			model: ModelId,
			/// CID of the data's root.
			root: Cid,
			/// Whether it is approved.
			approved: bool,
		},
		/// A model was opened to everybody, for ever.
		ModelOpened {
			/// The model.
			model: ModelId,
		},
	}

	/// Errors. Each says what to do about it.
	#[pallet::error]
	pub enum Error<T> {
		/// There is no such model. Look the number up in `models.models`.
		UnknownModel,
		/// The caller does not hold the model's NFT, nor speak for its community. Sign with the account that `nfts.item`
		/// names as its owner.
		NotOwner,
		/// A model with this manifest is registered. Use it, or change the manifest: its CID must be new.
		ManifestTaken,
		/// The manifest is not a CIDv1 with the raw codec and a SHA-256 hash. Add the file with
		/// `ipfs add --cid-version 1 --raw-leaves`.
		ManifestNotCid,
		/// The price is zero. Operators are paid by it: set at least 1 planck per unit.
		PriceIsZero,
		/// The budget is zero or above `MaxBudget`. State the blocks that one job takes a slow operator.
		BudgetOutOfRange,
		/// The golden job's input does not fit the model's own kind and limits. Correct the one or the other.
		GoldenInputOutOfLimits,
		/// The licence is empty or has bytes outside printable ASCII. Give an SPDX expression such as `Apache-2.0`.
		LicenceNotSpdx,
		/// There is no such parent. A model is registered after those that it was made from.
		UnknownParent,
		/// A parent is named twice. Add its shares up.
		ParentTwice,
		/// A parent's share is zero. Give at least 1 part per million, or leave the parent out.
		ParentShareIsZero,
		/// The parents' shares are above 333,333 parts per million together, 60 of the 180 per mille of a fee. Lower them.
		AncestorsAboveCap,
		/// There is no such proposal: it was accepted or closed. Look `models.proposals` up.
		UnknownProposal,
		/// The proposal's time is over. Propose the version again.
		ProposalExpired,
		/// The proposal can still be accepted. Wait for its `expires`.
		ProposalNotExpired,
		/// The caller did not propose this version.
		NotProposer,
		/// This manifest is proposed already. Wait for that proposal's end, or change the manifest.
		ManifestProposed,
		/// The weights are those of the current version. Propose others.
		SameWeights,
		/// The data set is not a CIDv1 with the raw codec and a SHA-256 hash.
		DatasetNotCid,
		/// The data set has no bytes.
		DatasetEmpty,
		/// The recipe is not a CIDv1 with the raw codec and a SHA-256 hash.
		RecipeNotCid,
		/// The model's charter names no evaluation set. Its community has to set one with `models.setCharter`.
		NoEvaluationSet,
		/// An evaluation of the proposal is under way. Wait for its end.
		EvaluationUnderWay,
		/// The proposal was evaluated against the version that counts. There is no second try.
		EvaluatedBefore,
		/// A better version was accepted after the evaluation. Order another with `models.evaluate`.
		EvaluationOutdated,
		/// The job evaluates another proposal.
		JobTaken,
		/// There is no such contribution to this model. Its number is that of the version that it made.
		UnknownContribution,
		/// The shares of this contribution are another account's.
		NotBeneficiary,
		/// Nothing has vested since the last claim. Wait.
		NothingToClaim,
		/// The contribution is disputed. Claims go on when the dispute is resolved or lapses.
		ClaimFrozen,
		/// The contribution was disputed before. That is possible once.
		DisputedBefore,
		/// All shares have vested: a dispute could take nothing.
		AllVested,
		/// The contribution is not disputed, or the dispute has lapsed.
		NotDisputed,
		/// A class weighs more than `MaxClassWeight`. Lower it.
		ClassWeightAboveBound,
		/// Accepting at a gain below `MinGain` would accept noise. Raise it, or accept nothing by itself.
		GainBelowBound,
		/// The evaluation set is not a CIDv1 with the raw codec and a SHA-256 hash.
		EvaluationSetNotCid,
		/// The data root is not a CIDv1 with the raw codec and a SHA-256 hash.
		DataRootNotCid,
		/// The data root is approved, or not approved, already.
		DataRootUnchanged,
		/// The community has approved 64 data roots. Withdraw one first.
		TooManyDataRoots,
		/// The model is open to everybody already.
		ModelIsOpen,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn integrity_test() {
			// So that a deposit can always be released, even to an account without any free balance.
			assert!(T::DepositBase::get() >= T::Currency::minimum_balance(), "DepositBase is below the ED");
			assert!(!T::ShareCap::get().is_zero(), "ShareCap is zero");
			assert!(!T::VestingPeriod::get().is_zero(), "VestingPeriod is zero: a dispute would come too late");
			assert!(!T::ProposalLifetime::get().is_zero(), "ProposalLifetime is zero");
			let charter = Charter::default();
			let fits = charter.weights.all().into_iter().all(|weight| weight <= T::MaxClassWeight::get());
			assert!(fits, "MaxClassWeight is below the default charter's weights");
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::call(weight = <T as Config>::WeightInfo)]
	impl<T: Config> Pallet<T> {
		/// Registers a model and mints its NFT to the caller.
		///
		/// The storage deposit, `DepositBase + DepositPerByte × encoded size`, stays on hold as long as the model is
		/// registered. The model takes jobs at once.
		///
		/// - `details`: see [`ModelDetails`].
		///
		/// Emits [`Event::ModelRegistered`].
		#[pallet::call_index(0)]
		pub fn register(origin: OriginFor<T>, details: Box<ModelDetails<BalanceOf<T>>>) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_register(who, *details, Parents::default()).map(|_| ())
		}

		/// Sets the price of a model. Its community or the holder of its NFT may. Jobs under way keep the price they were submitted at.
		///
		/// - `model`: number of the model.
		/// - `price_per_unit`: price of one unit of work for one operator, in planck; at least 1.
		///
		/// Emits [`Event::PriceSet`].
		#[pallet::call_index(1)]
		pub fn set_price(
			origin: OriginFor<T>,
			model: ModelId,
			#[pallet::compact] price_per_unit: BalanceOf<T>,
		) -> DispatchResult {
			Self::ensure_governs(origin, model)?;
			ensure!(!price_per_unit.is_zero(), Error::<T>::PriceIsZero);
			Self::mutate(model, |info| info.price_per_unit = price_per_unit)?;
			Self::deposit_event(Event::PriceSet { model, price_per_unit });
			Ok(())
		}

		/// Opens a model to new jobs, or closes it. Its community or the holder of its NFT may. Jobs under way go on.
		///
		/// - `model`: number of the model.
		/// - `active`: whether new jobs are taken.
		///
		/// Emits [`Event::ActiveSet`].
		#[pallet::call_index(2)]
		pub fn set_active(origin: OriginFor<T>, model: ModelId, active: bool) -> DispatchResult {
			Self::ensure_governs(origin, model)?;
			Self::mutate(model, |info| info.active = active)?;
			Self::deposit_event(Event::ActiveSet { model, active });
			Ok(())
		}

		/// Registers a model that was made from others, and says what they get of its revenue. Otherwise as `register`. The
		/// lineage can never be changed.
		///
		/// - `details`: see [`ModelDetails`].
		/// - `parents`: at most 8 models, each with its share in the model part of a job's fee, in parts per million; at most
		///   333,333 together. Each passes its own ancestors their shares; at most 16 are paid.
		///
		/// Emits [`Event::ModelRegistered`] and [`Event::LineageSet`].
		#[pallet::call_index(3)]
		pub fn register_derived(
			origin: OriginFor<T>,
			details: Box<ModelDetails<BalanceOf<T>>>,
			parents: Parents,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_register(who, *details, parents).map(|_| ())
		}

		/// Proposes a version of a model. The caller is anyone. A storage deposit goes on hold until the proposal's end.
		///
		/// - `model`: number of the model.
		/// - `candidate`: the new weights.
		/// - `contribution`: what was given for it, and who gets the shares.
		///
		/// Emits [`Event::VersionProposed`].
		#[pallet::call_index(4)]
		pub fn propose_version(
			origin: OriginFor<T>,
			model: ModelId,
			candidate: Candidate,
			contribution: Box<ContributionOf<T>>,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_propose(who, model, candidate, *contribution)
		}

		/// Orders a job that compares a proposed version with the best one so far, on the charter's evaluation set. The caller
		/// is anyone and pays for the job.
		///
		/// - `proposal`: number of the proposal.
		///
		/// Emits [`Event::EvaluationOrdered`].
		#[pallet::call_index(5)]
		pub fn evaluate(origin: OriginFor<T>, #[pallet::compact] proposal: ProposalId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_evaluate(who, proposal)
		}

		/// Makes a proposed version the current one. The model's community or the holder of its NFT may. Shares are granted
		/// for a measured gain alone: without an evaluation there are none.
		///
		/// - `proposal`: number of the proposal.
		///
		/// Emits [`Event::VersionAccepted`].
		#[pallet::call_index(6)]
		pub fn accept_version(origin: OriginFor<T>, #[pallet::compact] proposal: ProposalId) -> DispatchResult {
			Self::do_accept(origin, proposal)
		}

		/// Rejects a proposed version. The model's community or the holder of its NFT may. The deposit returns.
		///
		/// - `proposal`: number of the proposal.
		///
		/// Emits [`Event::ProposalClosed`].
		#[pallet::call_index(7)]
		pub fn reject_version(origin: OriginFor<T>, #[pallet::compact] proposal: ProposalId) -> DispatchResult {
			Self::do_reject(origin, proposal)
		}

		/// Withdraws a proposed version. The caller proposed it. The deposit returns.
		///
		/// - `proposal`: number of the proposal.
		///
		/// Emits [`Event::ProposalClosed`].
		#[pallet::call_index(8)]
		pub fn withdraw_version(origin: OriginFor<T>, #[pallet::compact] proposal: ProposalId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_withdraw(who, proposal)
		}

		/// Closes a proposal whose time is over. The caller is anyone. The deposit goes back to the proposer.
		///
		/// - `proposal`: number of the proposal.
		///
		/// Emits [`Event::ProposalClosed`].
		#[pallet::call_index(9)]
		pub fn expire_version(origin: OriginFor<T>, #[pallet::compact] proposal: ProposalId) -> DispatchResult {
			ensure_signed(origin)?;
			Self::do_expire(proposal)
		}

		/// Issues the caller's shares that have vested since the last claim. The first claim of a model creates the asset.
		///
		/// - `model`: number of the model.
		/// - `contribution`: number of the contribution, which is that of the version that it made.
		///
		/// Emits [`Event::SharesClaimed`].
		#[pallet::call_index(10)]
		pub fn claim_vested(origin: OriginFor<T>, model: ModelId, contribution: ContributionId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_claim(who, model, contribution)
		}

		/// Disputes a contribution: its claims are frozen until the dispute is resolved, at most `DisputePeriod` blocks. The
		/// model's community or the holder of its NFT may, once, while not everything has vested. Balances are not touched.
		///
		/// - `model`: number of the model.
		/// - `contribution`: number of the contribution.
		///
		/// Emits [`Event::ContributionDisputed`].
		#[pallet::call_index(11)]
		pub fn dispute(origin: OriginFor<T>, model: ModelId, contribution: ContributionId) -> DispatchResult {
			Self::ensure_governs(origin, model)?;
			Self::do_dispute(model, contribution)
		}

		/// Resolves a dispute. The caller is `AdminOrigin`. Upheld, it burns what had not vested when it began; what had can be
		/// claimed. Dismissed, vesting is as if there had been no dispute.
		///
		/// - `model`: number of the model.
		/// - `contribution`: number of the contribution.
		/// - `uphold`: whether the dispute was right.
		///
		/// Emits [`Event::DisputeResolved`].
		#[pallet::call_index(12)]
		pub fn resolve_dispute(
			origin: OriginFor<T>,
			model: ModelId,
			contribution: ContributionId,
			uphold: bool,
		) -> DispatchResult {
			T::AdminOrigin::ensure_origin(origin)?;
			Self::do_resolve(model, contribution, uphold)
		}

		/// Decides about versions. The model's community or the holder of its NFT may. Open proposals keep the weight of their
		/// class.
		///
		/// - `model`: number of the model.
		/// - `charter`: see [`Charter`].
		///
		/// Emits [`Event::CharterSet`].
		#[pallet::call_index(13)]
		pub fn set_charter(origin: OriginFor<T>, model: ModelId, charter: Charter) -> DispatchResult {
			Self::ensure_governs(origin, model)?;
			Self::do_set_charter(model, charter)
		}

		/// Approves training data by its root, or withdraws the approval. The model's community or the holder of its NFT may.
		/// A version made from data is accepted by the charter itself only when its root is approved.
		///
		/// - `model`: number of the model.
		/// - `root`: CID of the data's root.
		/// - `approved`: whether it may be used.
		///
		/// Emits [`Event::DataRootSet`].
		#[pallet::call_index(14)]
		pub fn set_data_root(origin: OriginFor<T>, model: ModelId, root: Cid, approved: bool) -> DispatchResult {
			Self::ensure_governs(origin, model)?;
			Self::do_set_data_root(model, root, approved)
		}

		/// Opens a model to everybody, for ever: nobody can undo it. The model's community or the holder of its NFT may.
		///
		/// - `model`: number of the model.
		///
		/// Emits [`Event::ModelOpened`].
		#[pallet::call_index(15)]
		pub fn open_source(origin: OriginFor<T>, model: ModelId) -> DispatchResult {
			Self::ensure_governs(origin, model)?;
			ModelStates::<T>::try_mutate(model, |state| -> DispatchResult {
				ensure!(!state.open, Error::<T>::ModelIsOpen);
				state.open = true;
				Ok(())
			})?;
			Self::deposit_event(Event::ModelOpened { model });
			Ok(())
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// A model and its owner, or nothing when there is no such model.
		pub fn model(model: ModelId) -> Option<ModelViewOf<T>> {
			let info = Models::<T>::get(model)?;
			Some(ModelView { id: model, owner: Self::owner(model), info })
		}

		/// The model registered under a manifest.
		pub fn model_by_manifest(manifest: Cid) -> Option<ModelId> {
			ModelByManifest::<T>::get(manifest)
		}

		/// Holder of the model's NFT.
		pub fn owner(model: ModelId) -> Option<T::AccountId> {
			T::Items::owner(&Collection::<T>::get()?, model)
		}

		/// Everything about a model that a page shows: lineage, versions, shares and who is paid.
		pub fn page(model: ModelId) -> Option<ModelPageOf<T>> {
			Self::page_of(model)
		}

		/// Number and weights of a model's current version.
		pub fn version(model: ModelId) -> Option<(VersionNumber, VersionOf<T>)> {
			let number = ModelStates::<T>::get(model).version;
			Versions::<T>::get(model, number).map(|version| (number, version))
		}

		/// A proposed version.
		pub fn proposal(proposal: ProposalId) -> Option<ProposalOf<T>> {
			Proposals::<T>::get(proposal)
		}

		/// A contribution, what of it has vested and what can be claimed now.
		pub fn contribution(model: ModelId, contribution: ContributionId) -> Option<ContributionViewOf<T>> {
			Self::contribution_of(model, contribution)
		}

		/// Shares that an account can claim now for a contribution.
		pub fn claimable(who: T::AccountId, model: ModelId, contribution: ContributionId) -> ShareAmount {
			let view = Self::contribution_of(model, contribution).filter(|view| view.info.beneficiary == who);
			view.map_or(0, |view| view.claimable)
		}

		/// Who is paid for a job on a model that is submitted now, in parts of the model part of its fee.
		pub fn revenue(model: ModelId) -> ModelPayees<T::AccountId> {
			Self::payees(model)
		}

		/// Whether a model is open to everybody.
		pub fn is_open(model: ModelId) -> bool {
			ModelStates::<T>::get(model).open
		}
	}
}

impl<T: Config> Pallet<T> {
	/// The account that owns the collection.
	pub fn account_id() -> T::AccountId {
		T::PalletId::get().into_account_truncating()
	}

	/// Storage deposit of a model of this encoded size, in planck.
	pub fn deposit_for(bytes: usize) -> BalanceOf<T> {
		storage_deposit(T::DepositBase::get(), T::DepositPerByte::get(), bytes)
	}

	/// Whether an account holds the model's NFT.
	pub(crate) fn holds(who: &T::AccountId, model: ModelId) -> bool {
		Self::owner(model).as_ref() == Some(who)
	}

	/// Whether the caller speaks for a model that there is.
	pub(crate) fn ensure_governs(origin: OriginFor<T>, model: ModelId) -> DispatchResult {
		let governs = match T::ModelOrigin::try_origin(origin, &model) {
			Ok(_) => true,
			Err(origin) => {
				ensure_signed(origin)?;
				false
			}
		};
		ensure!(Models::<T>::contains_key(model), Error::<T>::UnknownModel);
		ensure!(governs, Error::<T>::NotOwner);
		Ok(())
	}

	fn mutate(model: ModelId, change: impl FnOnce(&mut ModelInfoOf<T>)) -> DispatchResult {
		Models::<T>::try_mutate(model, |info| {
			change(info.as_mut().ok_or(Error::<T>::UnknownModel)?);
			Ok(())
		})
	}
}

impl<T: Config> ModelRegistry<T::AccountId, BalanceOf<T>> for Pallet<T> {
	fn terms(model: ModelId) -> Option<ModelTerms<T::AccountId, BalanceOf<T>>> {
		let info = Models::<T>::get(model)?;
		Some(ModelTerms {
			owner: Self::owner(model),
			modality: info.modality,
			weights_root: info.weights_root,
			engine: info.engine,
			limits: info.limits,
			price_per_unit: info.price_per_unit,
			budget: info.budget,
			active: info.active,
		})
	}

	fn golden_result(model: ModelId) -> Option<Digest> {
		Models::<T>::get(model).map(|info| info.golden_result)
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_model() -> ModelId {
		benchmarking::registered_model::<T>()
	}
}
