#![cfg_attr(not(feature = "std"), no_std)]
#![doc = include_str!("../README.md")]

extern crate alloc;

pub mod actions;
mod ai;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod communities;
mod execution;
mod guard;
#[cfg(test)]
mod mock;
pub mod origins;
mod outbox;
mod phases;
pub mod prompt;
mod proposals;
mod reaping;
pub mod runtime_api;
mod seats;
pub mod templates;
#[cfg(test)]
mod tests;
mod training;
pub mod traits;
mod treasury;
mod try_state;
mod types;
mod views;
mod votes;
pub mod weights;

pub use actions::{Action, ActionKind, CharacterAction, ModelAction, Split, TierRow, VersionRules};
pub use autonomy_governance::{Failure, Lean, Needs, Phase, Readiness, Side, Steps, Track};
pub use origins::{
	EnsureCommunity, EnsureCommunityOf, Scope, XConstitution, XConstitutionDual, XData, XEconomic, XInteraction,
	XModels, XTemplate, XTreasury,
};
pub use pallet::*;
pub use types::*;
pub use weights::WeightInfo;

use alloc::{boxed::Box, vec::Vec};
use autonomy_governance::{SpendWindow, Voting};
use autonomy_primitives::{
	community::{Communities as CommunityRegistry, CommunityId, Power, PowerSink, PowerSource, Topic},
	digest::Cid,
	JobId,
};
use frame_support::{
	pallet_prelude::*,
	storage::with_storage_layer,
	traits::{fungible, fungibles, ContainsPair, GetCallMetadata, QueryPreimage},
	PalletId,
};
use frame_system::pallet_prelude::*;

/// Balance of the configured currency, in planck; assets are counted in the same type.
pub type BalanceOf<T> = <<T as Config>::Currency as fungible::Inspect<<T as frame_system::Config>::AccountId>>::Balance;
/// Number of an asset.
pub type AssetIdOf<T> = <<T as Config>::Assets as fungibles::Inspect<<T as frame_system::Config>::AccountId>>::AssetId;
/// What a proposal of this chain does.
pub type ActionOf<T> =
	Action<<T as frame_system::Config>::AccountId, AssetIdOf<T>, BalanceOf<T>, <T as frame_system::Config>::Hash>;
/// A proposal of this chain.
pub type ProposalOf<T> = Proposal<<T as frame_system::Config>::AccountId, BalanceOf<T>, ActionOf<T>>;
/// A community of this chain.
pub type CommunityInfoOf<T> = CommunityInfo<<T as frame_system::Config>::AccountId, BalanceOf<T>>;
/// An AI's seat on this chain.
pub type AiSeatOf<T> = AiSeat<<T as frame_system::Config>::AccountId>;
/// A training run of this chain.
pub type TrainingOf<T> = Training<<T as frame_system::Config>::AccountId, BalanceOf<T>>;
/// A motion of this chain.
pub type MotionOf<T> = Motion<<T as frame_system::Config>::Hash>;
/// All about a proposal of this chain.
pub type ProposalPageOf<T> = ProposalPage<ProposalOf<T>>;
/// What an account of this chain has in a class.
pub type PowerLineOf<T> = PowerLine<<T as frame_system::Config>::AccountId>;
/// Number of an asset, or none for AUTON, and a way of spending.
pub type SpendKeyOf<T> = (Option<AssetIdOf<T>>, Path);

#[frame_support::pallet]
pub mod pallet {
	use super::*;

	/// Configuration.
	#[pallet::config]
	pub trait Config: frame_system::Config<RuntimeOrigin: From<Origin>, RuntimeCall: GetCallMetadata> {
		/// AUTON: deposits, burns and treasuries.
		type Currency: fungible::Mutate<Self::AccountId>
			+ fungible::MutateHold<Self::AccountId, Reason = Self::RuntimeHoldReason>;
		/// The runtime's hold reasons.
		type RuntimeHoldReason: From<HoldReason>;
		/// Other assets that treasuries have, shares among them: pallet-assets.
		type Assets: fungibles::Mutate<Self::AccountId, Balance = BalanceOf<Self>>;
		/// Where communities are opened and have their treasuries: pallet-bonds.
		type Registry: CommunityRegistry<Self::AccountId, AssetIdOf<Self>, Error = DispatchError>;
		/// Voting power: pallet-bonds.
		type Power: PowerSource<Self::AccountId> + PowerSink<Self::AccountId, Error = DispatchError>;
		/// Characters, models and collectives.
		type Anchors: traits::Anchors<Self::AccountId>;
		/// What their communities decide about them.
		type Subjects: traits::Subjects<Self::RuntimeOrigin, BalanceOf<Self>>;
		/// Calls that X decides on: pallet-preimage.
		type Preimages: QueryPreimage<H = Self::Hashing>;
		/// The calls that each track dispatches.
		type TrackCalls: ContainsPair<Track, Self::RuntimeCall>;
		/// The numbers that calls change in limited steps.
		type Steps: traits::StepSource<Self::RuntimeCall>;
		/// What must have been tried before X decides on it; `()` for nothing.
		type Trials: traits::TrialSource<Self::RuntimeCall>;
		/// Calls in words, for AIs; `()` for their pallets and names.
		type Words: traits::CallWords<Self::RuntimeCall>;
		/// Where AIs are asked: pallet-inference.
		type Ballots: traits::Ballots<Self::AccountId, Error = DispatchError>;
		/// The most that ordering a ballot job takes.
		type BallotWeight: Get<Weight>;
		/// The way to the root origin: pallet-democracy.
		type Gate: traits::RootGate<Self::Hash>;
		/// What phases need and this pallet does not know.
		type State: traits::ChainState;
		/// What phases need, unless the chain's genesis says otherwise.
		type PhaseNeeds: Get<Needs>;
		/// Who is told that another phase has begun.
		type OnPhase: traits::OnPhase;
		/// Who sets templates: root, or X on its track. That of X itself is root's alone.
		type TemplateOrigin: EnsureOrigin<Self::RuntimeOrigin>;
		/// Who sets terms of tracks and lifts pauses: root, or X on the track of templates. Terms of the constitution and of
		/// large spending are root's alone.
		type AdminOrigin: EnsureOrigin<Self::RuntimeOrigin>;
		/// Who may stop things: two thirds of a committee.
		type GuardOrigin: EnsureOrigin<Self::RuntimeOrigin>;
		/// What AI seats cost and weigh.
		type SeatRules: Get<SeatRules<BalanceOf<Self>>>;
		/// Least denominator of holders of AUTON in X.
		type TokenFloor: Get<Power>;
		/// Source of the accounts of seats. Nobody has a key to them.
		#[pallet::constant]
		type PalletId: Get<PalletId>;
		/// Blocks of a governance day: those of pallet-bonds. Fixed at genesis, not zero.
		type BlocksPerDay: Get<BlockNumberFor<Self>>;
		/// Blocks from submission to the first ballot.
		#[pallet::constant]
		type QueuePeriod: Get<BlockNumberFor<Self>>;
		/// Storage deposit of a community, in planck. At least the existential deposit. Governance may change it.
		type CommunityDeposit: Get<BalanceOf<Self>>;
		/// Deposit of a proposal, in planck; twice as much for each eight that are live. At least the existential deposit.
		/// Governance may change it.
		type ProposalDeposit: Get<BalanceOf<Self>>;
		/// Days that a contributor's badge lasts.
		#[pallet::constant]
		type BadgeDays: Get<u32>;
		/// Days without a proposal or a claim after which anybody may close an empty community.
		#[pallet::constant]
		type DormantDays: Get<u32>;
		/// Most groups directly below one community.
		#[pallet::constant]
		type MaxGroups: Get<u32>;
		/// Makes what benchmarks need.
		#[cfg(feature = "runtime-benchmarks")]
		type BenchmarkHelper: traits::BenchmarkHelper<Self::AccountId, Self::RuntimeCall>;
		/// Weights of the calls.
		type WeightInfo: WeightInfo;
	}

	/// The in-code storage version.
	const STORAGE_VERSION: StorageVersion = StorageVersion::new(0);

	/// The tree of communities and their decisions.
	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// Why the pallet holds money.
	#[pallet::composite_enum]
	pub enum HoldReason {
		/// Storage deposit of a community.
		Community,
		/// Deposit of a proposal.
		Proposal,
		/// AUTON of a model's treasury that is put aside for a training run.
		Training,
	}

	/// A decision, as other pallets accept it.
	#[pallet::origin]
	#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
	pub enum Origin {
		/// Of a community, about what it is of.
		#[codec(index = 0)]
		Community(CommunityId),
		/// Of X, on templates and bounds.
		#[codec(index = 1)]
		Templates,
		/// Of X, on rules of interaction.
		#[codec(index = 2)]
		Interaction,
		/// Of X, on the economy.
		#[codec(index = 3)]
		Economic,
		/// Of X, on models.
		#[codec(index = 4)]
		Models,
		/// Of X, on models' data and opening them.
		#[codec(index = 5)]
		Data,
		/// Of X, on its treasury.
		#[codec(index = 6)]
		Treasury,
		/// Of X, on the constitution.
		#[codec(index = 7)]
		Constitution,
		/// Of X, on the constitution, with both houses behind it.
		#[codec(index = 8)]
		ConstitutionDual,
	}

	/// The communities of the tree. Numbers are those of pallet-bonds.
	#[pallet::storage]
	pub type Communities<T: Config> = StorageMap<_, Twox64Concat, CommunityId, CommunityInfoOf<T>>;

	/// The open community of each item.
	#[pallet::storage]
	pub type CommunityByAnchor<T: Config> = StorageMap<_, Twox64Concat, Anchor, CommunityId>;

	/// Newest version of each kind's template; 0 for the one that the pallet begins with.
	#[pallet::storage]
	pub type TemplateVersions<T: Config> = StorageMap<_, Twox64Concat, KindTag, TemplateVersion, ValueQuery>;

	/// The templates, every version.
	#[pallet::storage]
	pub type Templates<T: Config> = StorageDoubleMap<_, Twox64Concat, KindTag, Twox64Concat, TemplateVersion, Template>;

	/// What each community has chosen. It is read within the newest bounds.
	#[pallet::storage]
	pub type Charters<T: Config> = StorageMap<_, Twox64Concat, CommunityId, Chosen, ValueQuery>;

	/// What each community has chosen and waits for its day.
	#[pallet::storage]
	pub type PendingCharters<T: Config> = StorageMap<_, Twox64Concat, CommunityId, Pending>;

	/// How far franchise fields have moved lately.
	#[pallet::storage]
	pub type FieldSteps<T: Config> = StorageDoubleMap<_, Twox64Concat, CommunityId, Twox64Concat, Field, Steps>;

	/// How far numbers that X changes have moved lately, and what fan clubs ask of whoever votes.
	#[pallet::storage]
	pub type CallSteps<T: Config> = StorageMap<_, Blake2_128Concat, [u8; 32], Steps>;

	/// Terms of tracks that differ from the pallet's own.
	#[pallet::storage]
	pub type TrackRules<T: Config> = StorageMap<_, Twox64Concat, Track, TrackTerms>;

	/// Seats of holders of items.
	#[pallet::storage]
	pub type Seats<T: Config> =
		StorageDoubleMap<_, Twox64Concat, CommunityId, Twox64Concat, Anchor, Seat<T::AccountId>>;

	/// Seats of AIs, by their community.
	#[pallet::storage]
	pub type AiSeats<T: Config> = StorageMap<_, Twox64Concat, CommunityId, AiSeatOf<T>>;

	/// Seats of AIs in the communities of the models that they run on, by their own community.
	#[pallet::storage]
	pub type ModelSeats<T: Config> = StorageMap<_, Twox64Concat, CommunityId, AiSeatOf<T>>;

	/// What the use of each community's AI has burned.
	#[pallet::storage]
	pub type Usages<T: Config> = StorageMap<_, Twox64Concat, CommunityId, Usage, ValueQuery>;

	/// AI seats that were opened lately.
	#[pallet::storage]
	pub type SeatOpenings<T: Config> = StorageValue<_, Openings, ValueQuery>;

	/// Badges of contributors.
	#[pallet::storage]
	pub type Badges<T: Config> = StorageDoubleMap<_, Twox64Concat, CommunityId, Blake2_128Concat, T::AccountId, Badge>;

	/// Number of the next proposal.
	#[pallet::storage]
	pub type NextProposalId<T: Config> = StorageValue<_, ProposalId, ValueQuery>;

	/// The proposals, until they are reaped.
	#[pallet::storage]
	pub type Proposals<T: Config> = StorageMap<_, Twox64Concat, ProposalId, ProposalOf<T>>;

	/// Proposals that are over and not reaped.
	#[pallet::storage]
	pub type EndedProposals<T: Config> = StorageMap<_, Twox64Concat, ProposalId, ()>;

	/// The live proposal of each proposer in each community.
	#[pallet::storage]
	pub type LiveBy<T: Config> =
		StorageDoubleMap<_, Twox64Concat, CommunityId, Blake2_128Concat, T::AccountId, ProposalId>;

	/// Live proposals of each track of X.
	#[pallet::storage]
	pub type LiveOnTrack<T: Config> = StorageMap<_, Twox64Concat, Track, u32, ValueQuery>;

	/// The newest approved proposal of each kind of action in each community.
	#[pallet::storage]
	pub type ActiveKeys<T: Config> =
		StorageDoubleMap<_, Twox64Concat, CommunityId, Blake2_128Concat, [u8; 32], ProposalId>;

	/// Days on which people have decided on the constitution for the first time against the AIs.
	#[pallet::storage]
	pub type SecondVotes<T: Config> = StorageMap<_, Blake2_128Concat, [u8; 32], autonomy_governance::Day>;

	/// Ballots: by proposal, by the community in which they were cast, and by voter.
	#[pallet::storage]
	pub type Ballots<T: Config> = StorageNMap<
		_,
		(
			NMapKey<Twox64Concat, ProposalId>,
			NMapKey<Twox64Concat, CommunityId>,
			NMapKey<Blake2_128Concat, VoterKey<T::AccountId>>,
		),
		Ballot,
	>;

	/// Polls of communities below on a proposal of the community above.
	#[pallet::storage]
	pub type ChildPolls<T: Config> =
		StorageDoubleMap<_, Twox64Concat, ProposalId, Twox64Concat, CommunityId, ChildPoll>;

	/// What AIs were asked and have decided.
	#[pallet::storage]
	pub type Decisions<T: Config> = StorageDoubleMap<_, Twox64Concat, ProposalId, Twox64Concat, CommunityId, Decision>;

	/// What each ballot job is about.
	#[pallet::storage]
	pub type BallotJobs<T: Config> = StorageMap<_, Twox64Concat, JobId, (ProposalId, CommunityId)>;

	/// Weight that each controller's AIs were counted with.
	#[pallet::storage]
	pub type ControllerCasts<T: Config> =
		StorageDoubleMap<_, Twox64Concat, ProposalId, Blake2_128Concat, T::AccountId, Power, ValueQuery>;

	/// AIs that were asked, or whose members have voted, and that are not counted.
	#[pallet::storage]
	pub type Unsettled<T: Config> = StorageDoubleMap<_, Twox64Concat, ProposalId, Twox64Concat, CommunityId, ()>;

	/// The last entry of `Unsettled` that was looked at with what was left of a block.
	#[pallet::storage]
	pub type SettleCursor<T: Config> = StorageValue<_, BoundedVec<u8, ConstU32<128>>>;

	/// The last proposal that was looked at with what was left of a block, to be reaped.
	#[pallet::storage]
	pub type ReapCursor<T: Config> = StorageValue<_, ProposalId>;

	/// What was spent lately.
	#[pallet::storage]
	pub type SpendWindows<T: Config> =
		StorageDoubleMap<_, Twox64Concat, CommunityId, Blake2_128Concat, SpendKeyOf<T>, SpendWindow, ValueQuery>;

	/// Number of the next training run.
	#[pallet::storage]
	pub type NextTrainingId<T: Config> = StorageValue<_, TrainingId, ValueQuery>;

	/// Training runs of models, by their community.
	#[pallet::storage]
	pub type Trainings<T: Config> =
		StorageDoubleMap<_, Twox64Concat, CommunityId, Twox64Concat, TrainingId, TrainingOf<T>>;

	/// Who has offered the data that a model's community has approved of, by the CID of its root.
	#[pallet::storage]
	pub type DataGivers<T: Config> =
		StorageDoubleMap<_, Twox64Concat, CommunityId, Blake2_128Concat, Cid, T::AccountId>;

	/// What phases need, when the chain's genesis says so.
	#[pallet::storage]
	pub type GenesisNeeds<T: Config> = StorageValue<_, Needs>;

	/// The phase of the chain.
	#[pallet::storage]
	pub type CurrentPhase<T: Config> = StorageValue<_, PhaseInfo, ValueQuery>;

	/// Votes of AIs lately.
	#[pallet::storage]
	pub type ShadowVotes<T: Config> = StorageValue<_, Shadow, ValueQuery>;

	/// What the guard has stopped, last time.
	#[pallet::storage]
	pub type Pauses<T: Config> = StorageMap<_, Twox64Concat, Scope, Pause>;

	/// Motions that wait for the holders, the oldest first.
	#[pallet::storage]
	pub type Outbox<T: Config> = StorageValue<_, BoundedVec<MotionOf<T>, ConstU32<MAX_MOTIONS>>, ValueQuery>;

	/// Opens the X Community, and may say what phases need.
	#[pallet::genesis_config]
	#[derive(frame_support::DefaultNoBound)]
	pub struct GenesisConfig<T: Config> {
		/// What phases need, for ever; none for `PhaseNeeds`. A development chain needs little.
		pub needs: Option<Needs>,
		#[doc(hidden)]
		#[serde(skip)]
		pub _config: core::marker::PhantomData<T>,
	}

	#[pallet::genesis_build]
	impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
		fn build(&self) {
			Pallet::<T>::open_x();
			if let Some(needs) = &self.needs {
				GenesisNeeds::<T>::put(needs);
			}
		}
	}

	/// Events.
	#[pallet::event]
	#[pallet::generate_deposit(pub(super) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A community joined the tree.
		CommunityOpened {
			/// The community.
			community: CommunityId,
			/// What it is.
			kind: Kind,
			/// Who paid the deposit.
			depositor: T::AccountId,
			/// Storage deposit put on hold, in planck.
			deposit: BalanceOf<T>,
		},
		/// A community left the tree. The deposit is back.
		CommunityClosed {
			/// The community.
			community: CommunityId,
		},
		/// The holder of an item has a seat, from the snapshot of this day on.
		SeatClaimed {
			/// The community.
			community: CommunityId,
			/// The item.
			anchor: Anchor,
			/// Who holds it.
			holder: T::AccountId,
			/// The day.
			since: autonomy_governance::Day,
		},
		/// The seat of an item is free.
		SeatPurged {
			/// The community.
			community: CommunityId,
			/// The item.
			anchor: Anchor,
		},
		/// An AI has a seat in the community above.
		AiSeatOpened {
			/// Its community.
			child: CommunityId,
			/// The community above.
			parent: CommunityId,
			/// What that burned, in planck.
			burned: BalanceOf<T>,
		},
		/// The weight of an AI's seat was taken anew. It counts from tomorrow.
		AiSeatRefreshed {
			/// Its community.
			child: CommunityId,
			/// The community above, or that of its model.
			parent: CommunityId,
			/// Its weight.
			weight: u32,
			/// Who controls it.
			controller: Option<T::AccountId>,
		},
		/// An AI has no seat there any more.
		AiSeatEnded {
			/// Its community.
			child: CommunityId,
			/// The community above, or that of its model.
			parent: CommunityId,
		},
		/// The use of an AI has burned something.
		UsageRecorded {
			/// Its community.
			community: CommunityId,
			/// How much, in planck.
			amount: BalanceOf<T>,
		},
		/// A kind of communities has a new template. Every charter is read by it.
		TemplateSet {
			/// The kind.
			kind: KindTag,
			/// The version.
			version: TemplateVersion,
			/// What it says.
			template: Box<Template>,
		},
		/// A track of X has other terms, or its own again.
		TrackSet {
			/// The track.
			track: Track,
			/// Its terms.
			terms: Option<TrackTerms>,
		},
		/// A community has changed its charter.
		CharterSet {
			/// The community.
			community: CommunityId,
			/// What it has changed.
			changes: Changes,
			/// First day on which that is in force.
			effective: autonomy_governance::Day,
		},
		/// A contributor has a badge, or keeps it.
		BadgeSet {
			/// The community.
			community: CommunityId,
			/// The contributor.
			who: T::AccountId,
			/// The badge.
			badge: Badge,
		},
		/// A contributor has no badge any more.
		BadgeEnded {
			/// The community.
			community: CommunityId,
			/// The former contributor.
			who: T::AccountId,
		},
		/// Something was proposed.
		Submitted {
			/// The proposal.
			proposal: ProposalId,
			/// The community that decides.
			community: CommunityId,
			/// Who proposed it.
			proposer: T::AccountId,
			/// The track, when X decides.
			track: Option<Track>,
			/// What delegations must cover.
			topic: Topic,
			/// What it does.
			action: Box<ActionOf<T>>,
			/// What the proposer says of it.
			prose: Prose,
			/// The day that power is taken from.
			snap: autonomy_governance::Day,
			/// When it is voted on.
			voting: Voting,
			/// Deposit put on hold, in planck.
			deposit: BalanceOf<T>,
		},
		/// A proposal was changed before voting began.
		Edited {
			/// The proposal.
			proposal: ProposalId,
			/// What delegations must cover.
			topic: Topic,
			/// What it does.
			action: Box<ActionOf<T>>,
			/// What the proposer says of it.
			prose: Prose,
			/// The day that power is taken from.
			snap: autonomy_governance::Day,
			/// When it is voted on.
			voting: Voting,
		},
		/// Somebody voted, or voted otherwise.
		Voted {
			/// The proposal.
			proposal: ProposalId,
			/// The community that the ballot counts in.
			community: CommunityId,
			/// Who voted.
			who: T::AccountId,
			/// As what.
			capacity: Capacity,
			/// For or against.
			side: Side,
		},
		/// Somebody took a ballot back.
		Unvoted {
			/// The proposal.
			proposal: ProposalId,
			/// The community that the ballot counted in.
			community: CommunityId,
			/// Who had voted.
			who: T::AccountId,
			/// As what.
			capacity: Capacity,
		},
		/// The leading side has changed late: voting goes on for longer.
		Extended {
			/// The proposal.
			proposal: ProposalId,
			/// First block in which no ballot is taken.
			ends: Moment,
		},
		/// An AI is asked.
		DecisionRequested {
			/// The proposal.
			proposal: ProposalId,
			/// Its community.
			child: CommunityId,
			/// The ballot job.
			job: JobId,
		},
		/// An AI has decided, or could not.
		DecisionReported {
			/// The proposal.
			proposal: ProposalId,
			/// Its community.
			child: CommunityId,
			/// The ballot job.
			job: JobId,
			/// What came of it.
			decision: Decision,
		},
		/// An AI was counted.
		AiSettled {
			/// The proposal.
			proposal: ProposalId,
			/// Its community.
			child: CommunityId,
			/// How.
			settlement: Settlement,
		},
		/// The AIs have turned a failure into a pass: people may still vote nay.
		ObjectionOpened {
			/// The proposal.
			proposal: ProposalId,
			/// First block in which they cannot.
			until: Moment,
		},
		/// People are for it and the AIs against: the same can be decided by people alone in a second vote.
		SecondVoteNeeded {
			/// The proposal.
			proposal: ProposalId,
			/// First day on which a second vote can be closed.
			from: autonomy_governance::Day,
		},
		/// A proposal has passed.
		Approved {
			/// The proposal.
			proposal: ProposalId,
			/// Its approval.
			approval: autonomy_governance::Perbill,
			/// First block in which it can be executed.
			from: Moment,
			/// First block in which it cannot any more.
			expires: Moment,
		},
		/// A proposal has not passed.
		Rejected {
			/// The proposal.
			proposal: ProposalId,
			/// What it failed of.
			failure: Failure,
		},
		/// A proposal's deposit is back, or burned.
		DepositSettled {
			/// The proposal.
			proposal: ProposalId,
			/// Who had paid it.
			who: T::AccountId,
			/// How much, in planck.
			amount: BalanceOf<T>,
			/// Whether it was burned.
			burned: bool,
		},
		/// A proposal is over.
		Ended {
			/// The proposal.
			proposal: ProposalId,
			/// How.
			outcome: Outcome,
		},
		/// X has dispatched a call.
		Dispatched {
			/// The proposal.
			proposal: ProposalId,
			/// The track.
			track: Track,
			/// Hash of the call.
			hash: T::Hash,
		},
		/// A community has paid from its treasury.
		Spent {
			/// The community.
			community: CommunityId,
			/// The asset; none for AUTON.
			asset: Option<AssetIdOf<T>>,
			/// To whom.
			to: T::AccountId,
			/// How much.
			amount: BalanceOf<T>,
			/// The way it took.
			path: Path,
		},
		/// A model's community has put a budget for training aside.
		TrainingStarted {
			/// The community.
			community: CommunityId,
			/// The training run.
			training: TrainingId,
			/// Recipe, trainer, budget and time.
			details: TrainingOf<T>,
		},
		/// A model's community has published a checkpoint, and paid for it.
		CheckpointPublished {
			/// The community.
			community: CommunityId,
			/// The training run.
			training: TrainingId,
			/// CID of the checkpoint.
			checkpoint: Cid,
			/// What the trainer got, in planck.
			payment: BalanceOf<T>,
		},
		/// A training run is over.
		TrainingEnded {
			/// The community.
			community: CommunityId,
			/// The training run.
			training: TrainingId,
			/// What is the treasury's again, in planck.
			returned: BalanceOf<T>,
		},
		/// Whoever had offered data has taken it back.
		DataWithdrawn {
			/// The community of the model.
			community: CommunityId,
			/// CID of the data's root.
			root: Cid,
			/// Who had offered it.
			giver: T::AccountId,
		},
		/// A motion waits for the holders.
		MotionQueued {
			/// The proposal that asked for it.
			proposal: ProposalId,
			/// Whether it asks for a simple majority.
			dual: bool,
			/// Hash of the call.
			hash: T::Hash,
		},
		/// A motion is before the holders.
		MotionSubmitted {
			/// The proposal that asked for it.
			proposal: ProposalId,
			/// Hash of the call.
			hash: T::Hash,
		},
		/// A motion waited too long, or the guard has stopped it.
		MotionDropped {
			/// The proposal that asked for it.
			proposal: ProposalId,
			/// Hash of the call.
			hash: T::Hash,
		},
		/// The guard has stopped a proposal, or its motion.
		Cancelled {
			/// The proposal.
			proposal: ProposalId,
			/// Digest of the reason.
			reason: [u8; 32],
			/// Whether it was spam: its deposit is burned then.
			is_spam: bool,
		},
		/// The guard has stopped executions.
		PauseSet {
			/// Which.
			scope: Scope,
			/// For how long, and why.
			pause: Pause,
		},
		/// Executions go on before their time.
		PauseLifted {
			/// Which.
			scope: Scope,
		},
		/// Something of a proposal that is over was removed.
		Reaped {
			/// The proposal.
			proposal: ProposalId,
			/// Entries that were removed.
			removed: u32,
		},
		/// Another phase has begun.
		PhaseSet {
			/// The phase.
			phase: Phase,
		},
		/// The guard has set the phase back for a while.
		PhaseSuspended {
			/// The phase that is in force.
			phase: Phase,
			/// First day on which the other one is back.
			until: autonomy_governance::Day,
		},
	}

	/// Errors. Each says what to do about it.
	#[pallet::error]
	pub enum Error<T> {
		/// There is no such community, or it is not open here. Open it with `open_community`, or look the number up in
		/// `dso.communities`.
		UnknownCommunity,
		/// There is no such item, or its collective has fewer than two members.
		UnknownAnchor,
		/// The item has an open community. Look it up in `dso.communityByAnchor`.
		OpenBefore,
		/// The tree has three levels below X. Open the group further up.
		TooDeep,
		/// The community has `MaxGroups` groups. Open the group elsewhere, or wait until one is closed.
		TooManyGroups,
		/// The account had no power among the people of the community yesterday. Bond, join or contribute, and come back
		/// tomorrow.
		NotMember,
		/// Only who paid the deposit closes a community that is not dormant.
		NotDepositor,
		/// The community is not dormant: `DormantDays` have to pass after `activeOn`.
		NotDormant,
		/// The X Community is never closed.
		XNeverCloses,
		/// The community has groups, seats or proposals, or others than the owner have power in it. Close, leave and reap them
		/// first; who has power has to give it up.
		CommunityNotEmpty,

		/// The account does not hold the item's NFT, or did not when the seat was claimed. Claim the seat first.
		NotHolder,
		/// Holders of this item have no seat in this community.
		NotSeatedHere,
		/// The seat is claimed. Nothing is to be done.
		SeatClaimed,
		/// There is no such seat. Claim or open it first.
		NoSeat,
		/// Whoever claimed the seat holds the item. It cannot be purged.
		SeatStands,
		/// The seat was claimed after the proposal's snapshot. It votes on later proposals.
		SeatTooNew,
		/// The community has no AI with a seat of its own above it, with a persona and a model that talks.
		NoAi,
		/// The seat was refreshed in this period of 30 days. Wait for the next.
		RefreshedLately,

		/// The template is unsound. `check_template` says why.
		TemplateUnsound,
		/// The terms are not near enough to the track's own: half to double, at most 24 days of voting, and an approval of 50 to
		/// 80 %.
		TrackOutOfBounds,
		/// No field is named. Name at least one.
		NothingChanges,
		/// A field is named twice.
		FieldTwice,
		/// The value is out of the template's bounds. Ask `template`.
		FieldOutOfBounds,
		/// The value moves too far at once: a fifth in 30 days for fields of a charter, a quarter in 7 days for the
		/// economy.
		StepTooLarge,
		/// The weights of the classes must add up to 10,000. Change the others in the same proposal.
		WeightsNotWhole,
		/// An earlier change waits for its day. Try again after `dso.pendingCharters` says.
		ChangePending,
		/// There is no such badge.
		NoBadge,
		/// The badge runs until the day that `dso.badges` names.
		BadgeRuns,
		/// A badge has 1 to 5 points.
		PointsOutOfRange,

		/// There is no such proposal, or it was reaped.
		UnknownProposal,
		/// The chain has no closed day yet. Wait for tomorrow.
		TooEarly,
		/// Power of the proposal's snapshot cannot be read any more.
		SnapshotGone,
		/// The account has a live proposal in this community. Wait for its end.
		OneLiveProposal,
		/// The community has 16 live proposals, or the track 4. Wait until one is decided.
		TooManyLive,
		/// What is said of the proposal is not UTF-8.
		ProseNotUtf8,
		/// Communities of this kind cannot do this, or their template does not let them.
		ActionNotAllowed,
		/// Communities of models decide on data, opening and training from the fourth phase on. Wait for it.
		ActionTooEarly,
		/// Conviction goes from 0 to 6.
		ConvictionOutOfRange,
		/// The amount is zero, or too little to be put aside.
		AmountIsZero,
		/// The track opens in a later phase. Until then root decides.
		TrackClosed,
		/// This track dispatches no calls.
		TrackDispatchesNothing,
		/// The call is not noted with this hash and length. Note it with `preimage.notePreimage`.
		PreimageMissing,
		/// The call is longer than 16 KiB. Ask the holders by a motion instead.
		CallTooLong,
		/// The preimage is not a call of this runtime.
		CallUndecodable,
		/// The track does not dispatch this call.
		CallNotAllowed,
		/// What the call puts into use must have been in the shadow, unused, for 7 days. Wait until then.
		TrialTooShort,
		/// What the call puts into use was not evaluated. Order its evaluation first.
		NotEvaluated,
		/// The account has not proposed this.
		NotProposer,
		/// Voting has begun: what is proposed stays as it is.
		VotingBegan,
		/// The change would put the proposal on another track. Withdraw it and propose anew.
		OtherTrack,
		/// The proposal takes no ballots now, or none for a community below any more.
		VotingClosed,
		/// In the objection only nays are taken.
		NaysOnly,
		/// This class does not vote in this community.
		ClassDoesNotVote,
		/// Members of this class do not vote as accounts. Holders of items vote as `Holder`.
		NotAMemberClass,
		/// The account had no power in this class at the snapshot, or others have voted with all of it.
		NoPower,
		/// There is no ballot to take back.
		NotVoted,
		/// The community has no seat where the proposal is decided.
		NotBelow,

		/// The AI was asked before.
		AskedBefore,
		/// Persona or models changed less than seven days before the snapshot. The AI decides on later proposals.
		PersonaTooNew,
		/// The job is another ballot's.
		JobTaken,
		/// The AI's treasury would pay more for decisions in seven days than `DecisionLimit` of its charter. Ask again later, or
		/// fund it.
		DecisionLimitReached,
		/// AIs are settled between the cut-off and the end of voting.
		NotSettling,
		/// Nothing of this can be settled now.
		NothingToSettle,
		/// The AI's decision is on its way. After 85 % of the voting period it counts without it.
		DecisionPending,
		/// The AI was settled.
		SettledBefore,

		/// The proposal cannot be closed now. `proposal` says how far it is.
		NotDue,
		/// The proposal has not passed.
		NotApproved,
		/// The time-lock runs until the block that `Approved` named.
		Locked,
		/// The proposal was not executed in time. Close it.
		ExecutionExpired,
		/// The guard has stopped this. Wait until `dso.pauses` ends.
		Paused,
		/// The call may weigh more than `weight_limit`. Raise it.
		WeightLimitTooLow,
		/// More than the limit would be spent in seven days. Try again when less was, within 14 days.
		SpendLimitReached,

		/// There is no such training run, or it has ended.
		UnknownTraining,
		/// A training run lasts 1 to 365 days.
		TrainingDaysOutOfRange,
		/// The payment is more than what is left of the training budget.
		BudgetExceeded,
		/// The training run has time and money left. Wait until it expires, or have the community end it.
		TrainingRuns,
		/// Nobody has offered this data here, or its approval has ended.
		UnknownData,
		/// Only whoever offered the data takes it back.
		NotGiver,

		/// The proposal is over.
		ProposalOver,
		/// The proposal is not over.
		ProposalRuns,
		/// Nothing of it can be removed now.
		NothingToReap,
		/// It, or everything of which it is a part, was stopped lately. As much time has to pass as it was stopped for.
		PausedLately,
		/// It is not stopped.
		NotPaused,
		/// 32 motions wait. Flush them first.
		OutboxFull,
		/// No motion waits.
		OutboxEmpty,
		/// The holders have a motion before them. Wait until it is tabled.
		GateBusy,
		/// No motion that waits can be handed over now.
		GateRefuses,
		/// No motion of this proposal waits.
		NoMotion,
		/// The motion may wait for longer.
		MotionRuns,

		/// The phases follow each other, and the present one is another.
		OtherPhase,
		/// The phase is not below the one that was reached.
		NotLower,
		/// The guard has set the phase back. Wait until it is over.
		PhaseIsSuspended,
		/// The phase needs more active characters: 20, unless `needs` says otherwise.
		TooFewCharacters,
		/// The phase needs more operators with a bond: 15, unless `needs` says otherwise.
		TooFewWorkers,
		/// The phase needs 30 days of AI votes without weight, 95 % of them settled lately, unless `needs` says otherwise.
		ShadowTooShort,
		/// The present phase has not lasted long enough: 90 days for the second and 180 for the third, unless `needs` says
		/// otherwise.
		PhaseTooYoung,
		/// A slash of an operator is unresolved.
		SlashesUnresolved,
		/// No model's provenance is known in full.
		NoProvenance,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn on_idle(_: BlockNumberFor<T>, limit: Weight) -> Weight {
			Self::idle(limit)
		}

		fn integrity_test() {
			// What a chain says in its state is checked by `try_state`: there is none here.
			assert!(T::BadgeDays::get() > 0 && T::DormantDays::get() > 0, "badges or communities end at once");
			for kind in KindTag::ALL {
				let template = templates::default_template(kind);
				assert!(templates::check_template(kind, &template).is_ok(), "a template that is unsound");
			}
			let accounts = [
				Self::seat_account(Anchor::Collective(u32::MAX)),
				Self::seat_account(Anchor::Collective(u32::MAX.wrapping_sub(1))),
				Self::ai_account(CommunityId::MAX),
			];
			let [one, other, ai] = &accounts;
			assert!(one != other && one != ai, "an account is too short for the pallet's sub-accounts");
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::call(weight = <T as Config>::WeightInfo)]
	impl<T: Config> Pallet<T> {
		/// Opens the community of a character, a model, an identity or a collective. Anyone can; whoever uses it first by
		/// claiming a seat or proposing opens it too. The storage deposit goes on hold until it is closed.
		///
		/// - `anchor`: the item. A collective has two members at least.
		///
		/// Emits [`Event::CommunityOpened`].
		#[pallet::call_index(0)]
		pub fn open_community(origin: OriginFor<T>, anchor: Anchor) -> DispatchResult {
			let who = ensure_signed(origin)?;
			with_storage_layer(|| Self::do_open_community(&who, anchor).map(|_| ()))
		}

		/// Opens a group under a community of which the caller is a member. The caller is its first contributor. The storage
		/// deposit goes on hold until it is closed.
		///
		/// - `parent`: number of the community above.
		///
		/// Emits [`Event::CommunityOpened`] and [`Event::BadgeSet`].
		#[pallet::call_index(1)]
		pub fn open_group(origin: OriginFor<T>, parent: CommunityId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			with_storage_layer(|| Self::do_open_group(&who, parent).map(|_| ()))
		}

		/// Closes a community without groups, seats and proposals, and in which nobody has power; that of a character or a
		/// model goes on elsewhere, and only nobody but its owner may have. The caller paid the deposit, which comes back.
		///
		/// - `community`: number of the community.
		///
		/// Emits [`Event::CommunityClosed`].
		#[pallet::call_index(2)]
		pub fn close_community(origin: OriginFor<T>, community: CommunityId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			with_storage_layer(|| Self::do_close_community(&who, community))
		}

		/// Closes such a community in which nothing has been proposed or claimed for `DormantDays`. Anyone can. The deposit
		/// goes back to whoever paid it.
		///
		/// - `community`: number of the community.
		///
		/// Emits [`Event::CommunityClosed`].
		#[pallet::call_index(3)]
		pub fn reap_dormant(origin: OriginFor<T>, community: CommunityId) -> DispatchResult {
			ensure_signed(origin)?;
			with_storage_layer(|| Self::do_reap_dormant(community))
		}

		/// Claims the seat of an item that the caller holds. It votes on proposals that are submitted from tomorrow on.
		///
		/// - `community`: the item's own community, or that of a collective it is in.
		/// - `anchor`: the item.
		///
		/// Emits [`Event::SeatClaimed`].
		#[pallet::call_index(4)]
		pub fn claim_seat(origin: OriginFor<T>, community: CommunityId, anchor: Anchor) -> DispatchResult {
			let who = ensure_signed(origin)?;
			with_storage_layer(|| Self::do_claim_seat(who, community, anchor))
		}

		/// Frees the seat of an item that whoever claimed it does not hold any more; or the caller's own. Anyone can.
		///
		/// - `community`: number of the community.
		/// - `anchor`: the item.
		///
		/// Emits [`Event::SeatPurged`].
		#[pallet::call_index(5)]
		pub fn purge_seat(origin: OriginFor<T>, community: CommunityId, anchor: Anchor) -> DispatchResult {
			let who = ensure_signed(origin)?;
			let own = Seats::<T>::get(community, anchor).is_some_and(|seat| seat.holder == who);
			if own {
				with_storage_layer(|| Self::do_leave_seat(&who, community, anchor))
			} else {
				with_storage_layer(|| Self::do_purge_seat(community, anchor))
			}
		}

		/// Opens the seat of an AI in the community above: a character's in X, a sub-identity's in its character's, a pooled
		/// collective's in X. Anyone can; it burns AUTON, the more the more seats were opened lately.
		///
		/// - `child`: number of the AI's community.
		///
		/// Emits [`Event::AiSeatOpened`] and [`Event::AiSeatRefreshed`].
		#[pallet::call_index(6)]
		pub fn open_ai_seat(origin: OriginFor<T>, child: CommunityId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			with_storage_layer(|| Self::do_open_ai_seat(&who, child))
		}

		/// Takes the weight of an AI's seat anew: from what its use burned in the last closed period of 30 days, and what is
		/// bonded behind it. Anyone can, once in a period, and when the AI has moved; when its item was sold, only who controls
		/// it is taken anew. A seat that was refreshed neither in the period of a proposal's snapshot nor in the one before has
		/// no weight there.
		///
		/// - `child`: number of the AI's community.
		///
		/// Emits [`Event::AiSeatRefreshed`] or [`Event::AiSeatEnded`].
		#[pallet::call_index(7)]
		pub fn refresh_seat(origin: OriginFor<T>, child: CommunityId) -> DispatchResult {
			ensure_signed(origin)?;
			with_storage_layer(|| Self::do_refresh_seat(child))
		}

		/// Sets the template of a kind of communities. The caller is `TemplateOrigin`, for the X Community root. Charters are
		/// read by it at once; live proposals keep what they had.
		///
		/// - `kind`: the kind.
		/// - `template`: see [`Template`]; `check_template` says what is wrong with it.
		///
		/// Emits [`Event::TemplateSet`].
		#[pallet::call_index(8)]
		pub fn set_template(origin: OriginFor<T>, kind: KindTag, template: Box<Template>) -> DispatchResult {
			// Who decides in X, and on what, is not for a track of X.
			if kind == KindTag::X {
				ensure_root(origin)?;
			} else {
				T::TemplateOrigin::ensure_origin(origin)?;
			}
			Self::do_set_template(kind, template)
		}

		/// Sets terms of a track, or its own again. The caller is `AdminOrigin`, for the constitution and large spending root.
		/// Live proposals keep what they had.
		///
		/// - `track`: the track.
		/// - `terms`: within a half and the double of its own; none for its own.
		///
		/// Emits [`Event::TrackSet`].
		#[pallet::call_index(9)]
		pub fn set_track(origin: OriginFor<T>, track: Track, terms: Option<TrackTerms>) -> DispatchResult {
			// What asks for more than the track of templates does is not weakened by it.
			match track {
				Track::TreasuryLarge | Track::Constitution | Track::ConstitutionDual => ensure_root(origin)?,
				Track::Wish
				| Track::Templates
				| Track::Interaction
				| Track::Economic
				| Track::Models
				| Track::Data
				| Track::TreasurySmall => {
					T::AdminOrigin::ensure_origin(origin)?;
				}
			}
			Self::do_set_track(track, terms)
		}

		/// Ends a contributor's badge that nobody has renewed in time. Anyone can.
		///
		/// - `community`: number of the community.
		/// - `who`: the contributor.
		///
		/// Emits [`Event::BadgeEnded`].
		#[pallet::call_index(10)]
		pub fn lapse_badge(origin: OriginFor<T>, community: CommunityId, who: T::AccountId) -> DispatchResult {
			ensure_signed(origin)?;
			with_storage_layer(|| Self::do_lapse_badge(community, who))
		}

		/// Proposes something. The caller is a member and has no other live proposal there. A deposit goes on hold; it is
		/// burned when the proposal finds no support of one per cent, or was spam.
		///
		/// - `community`: who decides.
		/// - `action`: what to do, see [`Action`].
		/// - `prose`: what the caller says of it, at most 512 bytes of UTF-8.
		///
		/// Emits [`Event::Submitted`].
		#[pallet::call_index(11)]
		pub fn submit(
			origin: OriginFor<T>,
			community: CommunityId,
			action: Box<ActionOf<T>>,
			prose: Prose,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			with_storage_layer(|| Self::do_submit(who, community, *action, prose).map(|_| ()))
		}

		/// Changes a proposal before voting begins. The snapshot and the times are taken anew. The caller proposed it.
		///
		/// - `proposal`: number of the proposal.
		/// - `action`, `prose`: see `submit`. The track stays.
		///
		/// Emits [`Event::Edited`].
		#[pallet::call_index(12)]
		pub fn edit(
			origin: OriginFor<T>,
			proposal: ProposalId,
			action: Box<ActionOf<T>>,
			prose: Prose,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			with_storage_layer(|| Self::do_edit(&who, proposal, *action, prose))
		}

		/// Takes a proposal back before voting begins. The caller proposed it. The deposit comes back.
		///
		/// - `proposal`: number of the proposal.
		///
		/// Emits [`Event::Ended`].
		#[pallet::call_index(13)]
		pub fn withdraw(origin: OriginFor<T>, proposal: ProposalId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			with_storage_layer(|| Self::do_withdraw(&who, proposal))
		}

		/// Votes, or votes otherwise, until voting ends. Power is that of the proposal's snapshot, as far as the caller still
		/// stands behind it, and what was delegated to the caller. It overrides the caller's delegate.
		///
		/// - `proposal`: number of the proposal.
		/// - `capacity`: as holder of an item, or as member of a class.
		/// - `side`: for, against or neither.
		///
		/// Emits [`Event::Voted`], and [`Event::Extended`] when the leading side has changed late.
		#[pallet::call_index(14)]
		pub fn vote(origin: OriginFor<T>, proposal: ProposalId, capacity: Capacity, side: Side) -> DispatchResult {
			let who = ensure_signed(origin)?;
			with_storage_layer(|| Self::do_vote(&who, proposal, capacity, side))
		}

		/// Votes, in a community below, on a proposal of the community above. It moves what the AI of the community below
		/// prefers there. Until 70 % of the voting period.
		///
		/// - `proposal`: number of the proposal.
		/// - `child`: number of the community below, which has an AI seat above.
		/// - `capacity`, `side`: see `vote`.
		///
		/// Emits [`Event::Voted`].
		#[pallet::call_index(15)]
		pub fn vote_child(
			origin: OriginFor<T>,
			proposal: ProposalId,
			child: CommunityId,
			capacity: Capacity,
			side: Side,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			with_storage_layer(|| Self::do_vote_child(&who, proposal, child, capacity, side))
		}

		/// Takes a ballot back. The caller's delegate votes with its power again.
		///
		/// - `proposal`: number of the proposal.
		/// - `community`: the community that the ballot counts in.
		/// - `capacity`: as what it was cast.
		///
		/// Emits [`Event::Unvoted`].
		#[pallet::call_index(16)]
		pub fn unvote(
			origin: OriginFor<T>,
			proposal: ProposalId,
			community: CommunityId,
			capacity: Capacity,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			with_storage_layer(|| Self::do_unvote(&who, proposal, community, capacity))
		}

		/// Asks an AI what it thinks of a proposal. Its treasury pays the ballot job, within the limit of its charter. Anyone
		/// can, once, until 70 % of the voting period. In the first phase the answer is recorded and counts nothing.
		///
		/// - `proposal`: number of the proposal.
		/// - `child`: number of the AI's community: one with a seat where the proposal is, or the community that decides.
		///
		/// Emits [`Event::DecisionRequested`].
		#[pallet::call_index(17)]
		#[pallet::weight(
			<T as Config>::WeightInfo::request_decision()
				.saturating_add(T::BallotWeight::get())
		)]
		pub fn request_decision(origin: OriginFor<T>, proposal: ProposalId, child: CommunityId) -> DispatchResult {
			ensure_signed(origin)?;
			with_storage_layer(|| Self::do_request_decision(proposal, child))
		}

		/// Counts AIs, after 70 % of the voting period and before its end. Anyone can; those that were counted in the
		/// meantime are passed over. Until 85 %, an AI whose decision is on its way waits for it; afterwards it counts without.
		///
		/// - `proposal`: number of the proposal.
		/// - `children`: numbers of the AIs' communities, at most 50.
		///
		/// Emits [`Event::AiSettled`] for each.
		#[pallet::call_index(18)]
		#[pallet::weight(<T as Config>::WeightInfo::settle_ai(children.len() as u32))]
		pub fn settle_ai(origin: OriginFor<T>, proposal: ProposalId, children: Batch) -> DispatchResult {
			ensure_signed(origin)?;
			Self::do_settle_ai(proposal, children).map(|_| ())
		}

		/// Counts a proposal whose voting has ended, or ends one that nobody has executed in time. Anyone can.
		///
		/// - `proposal`: number of the proposal.
		///
		/// Emits [`Event::Approved`], [`Event::ObjectionOpened`] or [`Event::Ended`].
		#[pallet::call_index(19)]
		pub fn close(origin: OriginFor<T>, proposal: ProposalId) -> DispatchResult {
			ensure_signed(origin)?;
			with_storage_layer(|| Self::do_close(proposal))
		}

		/// Does what was approved, once. Anyone can, from the end of the time-lock on and for 14 days. What fails can be tried
		/// again.
		///
		/// - `proposal`: number of the proposal.
		/// - `weight_limit`: most that a call of X may weigh; zero for anything else.
		///
		/// Emits [`Event::Ended`].
		#[pallet::call_index(20)]
		#[pallet::weight(
			<T as Config>::WeightInfo::execute()
				.saturating_add(<T::Subjects as traits::Subjects<T::RuntimeOrigin, BalanceOf<T>>>::weight())
				.saturating_add(*weight_limit)
		)]
		pub fn execute(origin: OriginFor<T>, proposal: ProposalId, weight_limit: Weight) -> DispatchResult {
			ensure_signed(origin)?;
			Self::do_execute(proposal, weight_limit)
		}

		/// Stops a proposal for good, or the motion that is all that is left of one. The caller is `GuardOrigin`.
		///
		/// - `proposal`: number of the proposal.
		/// - `reason`: digest of the reason.
		/// - `is_spam`: whether its deposit is burned.
		///
		/// Emits [`Event::Cancelled`], with [`Event::Ended`] or [`Event::MotionDropped`].
		#[pallet::call_index(21)]
		pub fn cancel(origin: OriginFor<T>, proposal: ProposalId, reason: [u8; 32], is_spam: bool) -> DispatchResult {
			T::GuardOrigin::ensure_origin(origin)?;
			with_storage_layer(|| Self::do_cancel(proposal, reason, is_spam))
		}

		/// Stops executions for 14 days. Votes go on. The caller is `GuardOrigin`. The same cannot be stopped again for as
		/// long as it was.
		///
		/// - `scope`: which executions.
		/// - `reason`: digest of the reason.
		///
		/// Emits [`Event::PauseSet`].
		#[pallet::call_index(22)]
		pub fn pause(origin: OriginFor<T>, scope: Scope, reason: [u8; 32]) -> DispatchResult {
			T::GuardOrigin::ensure_origin(origin)?;
			Self::do_pause(scope, reason)
		}

		/// Lets executions go on. The caller is `AdminOrigin` or `GuardOrigin`.
		///
		/// - `scope`: which executions.
		///
		/// Emits [`Event::PauseLifted`].
		#[pallet::call_index(23)]
		pub fn lift_pause(origin: OriginFor<T>, scope: Scope) -> DispatchResult {
			if T::AdminOrigin::ensure_origin(origin.clone()).is_err() {
				T::GuardOrigin::ensure_origin(origin)?;
			}
			Self::do_lift_pause(scope)
		}

		/// Hands the oldest motion that can be handed over to the holders of AUTON, when they have none before them. Anyone
		/// can.
		///
		/// Emits [`Event::MotionSubmitted`].
		#[pallet::call_index(24)]
		#[pallet::weight(
			<T as Config>::WeightInfo::flush_outbox()
				.saturating_add(
					<T::Gate as traits::RootGate<T::Hash>>::weight().saturating_mul(MAX_MOTIONS.into())
				)
		)]
		pub fn flush_outbox(origin: OriginFor<T>) -> DispatchResult {
			ensure_signed(origin)?;
			Self::do_flush_outbox()
		}

		/// Drops a motion that could not be handed over for 180 days. Anyone can.
		///
		/// - `proposal`: number of the proposal that asked for it.
		///
		/// Emits [`Event::MotionDropped`].
		#[pallet::call_index(25)]
		pub fn drop_motion(origin: OriginFor<T>, proposal: ProposalId) -> DispatchResult {
			ensure_signed(origin)?;
			Self::do_drop_motion(proposal)
		}

		/// Removes ballots and whatever else is left of a proposal that is over. Anyone can, and pays no fee when something
		/// was removed.
		///
		/// - `proposal`: number of the proposal.
		/// - `limit`: most entries to remove.
		///
		/// Emits [`Event::Reaped`].
		#[pallet::call_index(26)]
		#[pallet::weight(<T as Config>::WeightInfo::reap(*limit))]
		pub fn reap(origin: OriginFor<T>, proposal: ProposalId, limit: u32) -> DispatchResultWithPostInfo {
			ensure_signed(origin)?;
			let removed = Self::do_reap(proposal, limit)?;
			let weight = <T as Config>::WeightInfo::reap(removed);
			Ok((Some(weight), Pays::No).into())
		}

		/// Begins the next phase. The caller is root, which the holders of AUTON decide for. What the phase needs is checked
		/// now.
		///
		/// - `from`: the present phase.
		/// - `to`: the next one.
		///
		/// Emits [`Event::PhaseSet`].
		#[pallet::call_index(27)]
		pub fn advance_phase(origin: OriginFor<T>, from: Phase, to: Phase) -> DispatchResult {
			ensure_root(origin)?;
			Self::do_advance_phase(from, to)
		}

		/// Sets the phase back: for good when the caller is root, for 14 days when it is `GuardOrigin`. From then on AIs count
		/// no more in live proposals than that phase lets them.
		///
		/// - `to`: a lower phase.
		///
		/// Emits [`Event::PhaseSet`] or [`Event::PhaseSuspended`].
		#[pallet::call_index(28)]
		pub fn regress_phase(origin: OriginFor<T>, to: Phase) -> DispatchResult {
			if ensure_root(origin.clone()).is_ok() {
				return Self::do_regress_phase(to);
			}
			T::GuardOrigin::ensure_origin(origin)?;
			Self::suspend_phase(to)
		}

		/// Takes the weight of an AI's seat in the community of the model that it talks with anew, as that of its seat above;
		/// opens or ends that seat. Anyone can, whenever it would change, or the seat above was refreshed since.
		///
		/// - `child`: number of the AI's community, which has a seat above.
		///
		/// Emits [`Event::AiSeatRefreshed`] or [`Event::AiSeatEnded`].
		#[pallet::call_index(29)]
		pub fn refresh_model_seat(origin: OriginFor<T>, child: CommunityId) -> DispatchResult {
			ensure_signed(origin)?;
			with_storage_layer(|| Self::do_refresh_model_seat(child))
		}

		/// Ends a training run whose time is over, or whose budget is paid out. Anyone can. What is left is the treasury's
		/// again.
		///
		/// - `community`: number of the model's community.
		/// - `training`: number of the training run.
		///
		/// Emits [`Event::TrainingEnded`].
		#[pallet::call_index(30)]
		pub fn end_training(origin: OriginFor<T>, community: CommunityId, training: TrainingId) -> DispatchResult {
			ensure_signed(origin)?;
			with_storage_layer(|| Self::do_end_training(community, training))
		}

		/// Takes data back that the caller had offered and a model's community has approved. Nobody votes on it. Versions that
		/// were made from it stay.
		///
		/// - `community`: number of the model's community.
		/// - `root`: CID of the data's root.
		///
		/// Emits [`Event::DataWithdrawn`].
		#[pallet::call_index(31)]
		#[pallet::weight(
			<T as Config>::WeightInfo::withdraw_data()
				.saturating_add(<T::Subjects as traits::Subjects<T::RuntimeOrigin, BalanceOf<T>>>::weight())
		)]
		pub fn withdraw_data(origin: OriginFor<T>, community: CommunityId, root: Cid) -> DispatchResult {
			let who = ensure_signed(origin)?;
			with_storage_layer(|| Self::do_withdraw_data(&who, community, root))
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// A community of the tree.
		pub fn community(community: CommunityId) -> Option<CommunityInfoOf<T>> {
			Communities::<T>::get(community)
		}

		/// The community above; none for X.
		pub fn parent(community: CommunityId) -> Option<CommunityId> {
			Self::parent_of(Communities::<T>::get(community)?.kind)
		}

		/// The newest template of a kind, with its version.
		pub fn template(kind: KindTag) -> (TemplateVersion, Template) {
			Self::template_of(kind)
		}

		/// What is wrong with a template.
		pub fn check_template(kind: KindTag, template: Template) -> Result<(), TemplateFault> {
			templates::check_template(kind, &template)
		}

		/// What is in force in a community.
		pub fn charter(community: CommunityId) -> Option<Charter> {
			let info = Communities::<T>::get(community)?;
			Some(Self::charter_of(community, info.kind.tag()))
		}

		/// What an account has in a community, class by class, and where it comes from.
		pub fn power(community: CommunityId, who: T::AccountId) -> Vec<PowerLineOf<T>> {
			Self::power_page(community, &who)
		}

		/// A proposal: what each class, each AI and the formula say, and what it lacks.
		pub fn proposal(proposal: ProposalId) -> Option<ProposalPageOf<T>> {
			Self::proposal_page(proposal)
		}

		/// What an account may do with a proposal now.
		pub fn doable(proposal: ProposalId, who: T::AccountId) -> Vec<Doable> {
			Self::doables(proposal, &who)
		}

		/// The deposit of a proposal submitted now, in planck.
		pub fn deposit_now(community: CommunityId) -> BalanceOf<T> {
			Self::present_deposit(community)
		}

		/// What opening an AI's seat burns now, in planck.
		pub fn seat_burn() -> BalanceOf<T> {
			Self::opening_burn()
		}

		/// What a community can spend now, in the asset's smallest unit: as routine, and by the longer way.
		pub fn spendable_now(community: CommunityId, asset: Option<AssetIdOf<T>>) -> Option<(u128, u128)> {
			let tag = Communities::<T>::get(community)?.kind.tag();
			let left = |path| Self::left_to_spend(community, tag, &asset, path);
			Some((left(Path::Small), left(Path::Large)))
		}

		/// The phase that is in force.
		pub fn phase_now() -> Phase {
			Self::phase()
		}

		/// What there is of what the next phase needs.
		pub fn readiness() -> Readiness {
			Self::readiness_now()
		}

		/// What phases need on this chain.
		pub fn needs() -> Needs {
			Self::phase_needs()
		}

		/// Motions that wait for the holders, the oldest first.
		pub fn motions() -> Vec<MotionOf<T>> {
			Outbox::<T>::get().into_inner()
		}
	}
}
