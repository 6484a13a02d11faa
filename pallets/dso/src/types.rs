//! What the pallet stores.

use alloc::vec::Vec;
use autonomy_governance::{
	basis_points, period_of, AiVotes, Bounds, ClassVotes, Lean, Perbill, Phase, Question, Side, Tally, Track, Voting,
};
use autonomy_primitives::{
	community::{Class, CommunityId, Day, Power, Topic},
	digest::Cid,
	job::MAX_PROSE_BYTES,
	CharacterId, JobId, ModelId,
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{BoundedBTreeMap, BoundedVec};
use scale_info::TypeInfo;
use sp_runtime::traits::ConstU32;

use crate::actions::ActionKind;

/// Number of a proposal, counted from 0.
pub type ProposalId = u32;
/// Number of a collective in pallet-characters.
pub type CollectiveId = u32;
/// Number of a training run, counted from 0.
pub type TrainingId = u32;
/// Version of a template, counted from 1; 0 is what the pallet begins with.
pub type TemplateVersion = u32;
/// A block number.
pub type Moment = u32;

/// Most classes of people in one community.
pub const MAX_LINES: u32 = 4;
/// Most live proposals of a community below X.
pub const MAX_LIVE: u32 = 16;
/// Most live proposals of one track of X.
pub const MAX_LIVE_ON_TRACK: u32 = 4;
/// Most motions that wait for the holders.
pub const MAX_MOTIONS: u32 = 32;
/// Days of refreshes that a seat remembers.
pub const MAX_REFRESHES: u32 = 3;
/// Most children that one call settles.
pub const MAX_BATCH: u32 = 50;
/// Levels of the tree below X.
pub const MAX_DEPTH: u8 = 3;
/// Fields of a charter.
pub const FIELDS: usize = 20;
/// Longest call that X dispatches, in bytes. What is longer goes to the holders, who vote on a hash.
pub const MAX_CALL_BYTES: u32 = 16 * 1024;
/// Longest name of a collective, in bytes of UTF-8.
pub const MAX_NAME_BYTES: u32 = 64;

/// What a proposer says of a proposal: UTF-8.
pub type Prose = BoundedVec<u8, ConstU32<MAX_PROSE_BYTES>>;
/// A name, in UTF-8.
pub type Name = BoundedVec<u8, ConstU32<MAX_NAME_BYTES>>;
/// Values of charter fields that are to change.
pub type Changes = BoundedVec<(Field, u32), ConstU32<{ FIELDS as u32 }>>;
/// Values that a community has chosen.
pub type Chosen = BoundedBTreeMap<Field, u32, ConstU32<{ FIELDS as u32 }>>;
/// The classes of people in a poll.
pub type Lines = BoundedVec<Line, ConstU32<MAX_LINES>>;
/// Days on which a seat was refreshed, the latest last.
pub type Refreshes = BoundedVec<Day, ConstU32<MAX_REFRESHES>>;
/// Children to be settled.
pub type Batch = BoundedVec<CommunityId, ConstU32<MAX_BATCH>>;

/// An item of another pallet that a community is of.
#[derive(
	Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Anchor {
	/// A character.
	#[codec(index = 0)]
	Character(CharacterId),
	/// A model.
	#[codec(index = 1)]
	Model(ModelId),
	/// The identity of a person.
	#[codec(index = 2)]
	Identity(u32),
	/// A collective of characters.
	#[codec(index = 3)]
	Collective(CollectiveId),
}

/// What a community is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Kind {
	/// The X Community.
	#[codec(index = 0)]
	X,
	/// That of an item.
	#[codec(index = 1)]
	Anchored(Anchor),
	/// A group under another community.
	#[codec(index = 2)]
	Group {
		/// The other community.
		parent: CommunityId,
	},
}

impl Kind {
	/// The kind that templates know.
	pub fn tag(self) -> KindTag {
		match self {
			Self::X => KindTag::X,
			Self::Anchored(Anchor::Character(_)) => KindTag::Character,
			Self::Anchored(Anchor::Model(_)) => KindTag::Model,
			Self::Anchored(Anchor::Identity(_)) => KindTag::Identity,
			Self::Anchored(Anchor::Collective(_)) => KindTag::Collective,
			Self::Group { .. } => KindTag::Group,
		}
	}
}

/// Kinds of communities that have a template each.
#[derive(
	Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum KindTag {
	/// The X Community.
	#[codec(index = 0)]
	X,
	/// Characters, sub-identities among them.
	#[codec(index = 1)]
	Character,
	/// Models.
	#[codec(index = 2)]
	Model,
	/// Identities of people.
	#[codec(index = 3)]
	Identity,
	/// Collectives.
	#[codec(index = 4)]
	Collective,
	/// Groups.
	#[codec(index = 5)]
	Group,
}

impl KindTag {
	/// Every kind.
	pub const ALL: [Self; 6] = [Self::X, Self::Character, Self::Model, Self::Identity, Self::Collective, Self::Group];

	/// Classes of people that vote in communities of the kind.
	pub fn classes(self) -> &'static [Class] {
		match self {
			Self::X => &[Class::Token, Class::Contributor],
			Self::Character | Self::Identity => &[Class::Owner, Class::Investor, Class::Fan, Class::Contributor],
			Self::Model => &[Class::Owner, Class::Investor, Class::Contributor, Class::Compute],
			Self::Collective => &[Class::Owner, Class::Contributor],
			Self::Group => &[Class::Contributor],
		}
	}
}

/// Where the AI of an item is seated. Nobody is seated twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Place {
	/// In X, for itself.
	#[codec(index = 0)]
	InX,
	/// In the community of its parent.
	#[codec(index = 1)]
	Under(CharacterId),
	/// In X, through the one seat of a collective.
	#[codec(index = 2)]
	Pooled(CollectiveId),
}

/// A community of the tree.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct CommunityInfo<AccountId, Balance> {
	/// What it is.
	pub kind: Kind,
	/// Levels below X when it was opened.
	pub depth: u8,
	/// Who paid the deposit; nobody did for X.
	pub depositor: Option<AccountId>,
	/// Storage deposit on hold, in planck.
	pub deposit: Balance,
	/// Groups directly below it.
	pub groups: u32,
	/// Proposals in it that are not decided.
	pub live: u32,
	/// Proposals in it that are not reaped.
	pub proposals: u32,
	/// Seats of people in it.
	pub seats: u32,
	/// Day on which something was proposed or claimed last.
	pub active_on: Day,
}

/// The seat of an item's holder.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Seat<AccountId> {
	/// Who claimed it.
	pub holder: AccountId,
	/// Day of the claim. It votes on proposals whose snapshot is of that day or later.
	pub since: Day,
}

/// The seat of an AI in the community above, or in that of the model that it runs on.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct AiSeat<AccountId> {
	/// The community that it votes in.
	pub parent: CommunityId,
	/// Its weight from the day of the last refresh on.
	pub weight: u32,
	/// Who controlled it when anybody has last looked: at the last refresh, or since.
	pub controller: Option<AccountId>,
	/// Days of the first refresh in each of the last three periods with one, the latest last.
	pub refreshed: Refreshes,
}

/// What the use of an AI has burned.
#[derive(
	Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Usage {
	/// The period of `burned`.
	pub period: u32,
	/// Burned in that period, in planck.
	pub burned: u128,
	/// Burned in the period before, in planck.
	pub before: u128,
}

/// AI seats that were opened.
#[derive(
	Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Openings {
	/// The period of `opened`.
	pub period: u32,
	/// Opened in that period.
	pub opened: u32,
	/// Opened in the period before.
	pub before: u32,
}

/// What AI seats cost and weigh. Read within bounds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct SeatRules<Balance> {
	/// Burned by use in a period for a weight of 100, in planck. U.
	pub burn: Balance,
	/// AUTON bonded behind the seat for a weight of 100, in planck of the shortest tier. S.
	pub backing: Balance,
	/// What opening a seat burns when nobody has opened one lately, in planck. F₀.
	pub opening: Balance,
	/// Seats opened in 30 days at which that doubles.
	pub target: u32,
	/// Part of the AI house that one controller's seats have at most, in basis points: 500 to 3,300. C.
	pub controller_cap: u16,
}

/// A contributor's badge.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Badge {
	/// Voting power.
	pub points: u8,
	/// First day on which anybody may end it, unless it is renewed.
	pub expires: Day,
	/// The class that it has power in.
	pub class: Class,
}

/// AUTON of a model's treasury that is put aside for a training run. It is on hold there.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Training<AccountId, Balance> {
	/// CID of the recipe, which anybody can run again.
	pub recipe: Cid,
	/// Who runs it, and is paid for checkpoints.
	pub trainer: AccountId,
	/// What is left, in planck.
	pub left: Balance,
	/// CID of the last checkpoint that was published.
	pub checkpoint: Option<Cid>,
	/// First day on which anybody may end it.
	pub expires: Day,
}

/// A field of a charter.
#[derive(
	Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Field {
	/// Weight of owners, in basis points. The weights add up to 10,000.
	#[codec(index = 0)]
	OwnerWeight,
	/// Weight of investors, in basis points.
	#[codec(index = 1)]
	InvestorWeight,
	/// Weight of fans, in basis points.
	#[codec(index = 2)]
	FanWeight,
	/// Weight of contributors, in basis points.
	#[codec(index = 3)]
	ContributorWeight,
	/// Weight of whoever has bonded AUTON in X, in basis points.
	#[codec(index = 4)]
	TokenWeight,
	/// The AI's own share in what it prefers above, in basis points. α.
	#[codec(index = 5)]
	AiOwnShare,
	/// Turnout at which members speak with full voice above, in basis points. u*.
	#[codec(index = 6)]
	Participation,
	/// Ayes of all power that a proposal needs, in basis points. s.
	#[codec(index = 7)]
	Quorum,
	/// Approval that a proposal needs, in basis points. θ.
	#[codec(index = 8)]
	Approval,
	/// Days of voting.
	#[codec(index = 9)]
	VotingDays,
	/// Days from approval to the first block of execution.
	#[codec(index = 10)]
	LockDays,
	/// Part of an asset that routine spending takes in seven days, in basis points.
	#[codec(index = 11)]
	SpendLimit,
	/// Least denominator of owners, in items.
	#[codec(index = 12)]
	OwnerFloor,
	/// Least denominator of fans, in points.
	#[codec(index = 13)]
	FanFloor,
	/// Least denominator of contributors, in points.
	#[codec(index = 14)]
	ContributorFloor,
	/// Least denominator of investors, in basis points of the issued shares.
	#[codec(index = 15)]
	InvestorFloor,
	/// Most that AIs count in the community, in basis points: its own and those of its sub-identities; of a model, those
	/// that run on it. κ.
	#[codec(index = 16)]
	OwnAi,
	/// Weight of whoever gave compute, in basis points.
	#[codec(index = 17)]
	ComputeWeight,
	/// Least denominator of whoever gave compute, in points.
	#[codec(index = 18)]
	ComputeFloor,
	/// Part of the treasury's AUTON that the AI's decisions take in seven days, in basis points.
	#[codec(index = 19)]
	DecisionLimit,
}

impl Field {
	/// Every field.
	pub const ALL: [Self; FIELDS] = [
		Self::OwnerWeight,
		Self::InvestorWeight,
		Self::FanWeight,
		Self::ContributorWeight,
		Self::TokenWeight,
		Self::AiOwnShare,
		Self::Participation,
		Self::Quorum,
		Self::Approval,
		Self::VotingDays,
		Self::LockDays,
		Self::SpendLimit,
		Self::OwnerFloor,
		Self::FanFloor,
		Self::ContributorFloor,
		Self::InvestorFloor,
		Self::OwnAi,
		Self::ComputeWeight,
		Self::ComputeFloor,
		Self::DecisionLimit,
	];

	/// The field with the weight of a class.
	pub fn weight_of(class: Class) -> Option<Self> {
		match class {
			Class::Owner => Some(Self::OwnerWeight),
			Class::Investor => Some(Self::InvestorWeight),
			Class::Fan => Some(Self::FanWeight),
			Class::Contributor => Some(Self::ContributorWeight),
			Class::Token => Some(Self::TokenWeight),
			Class::Compute => Some(Self::ComputeWeight),
			Class::Backing | Class::Ai => None,
		}
	}

	/// The class that has less to say when the field moves from one value to another.
	pub fn loser(self, before: u32, after: u32) -> Option<Class> {
		let (lower, higher) = (after < before, after > before);
		match self {
			Self::OwnerWeight => lower.then_some(Class::Owner),
			Self::InvestorWeight => lower.then_some(Class::Investor),
			Self::FanWeight => lower.then_some(Class::Fan),
			Self::ContributorWeight => lower.then_some(Class::Contributor),
			Self::TokenWeight => lower.then_some(Class::Token),
			Self::OwnerFloor => higher.then_some(Class::Owner),
			Self::InvestorFloor => higher.then_some(Class::Investor),
			Self::FanFloor => higher.then_some(Class::Fan),
			Self::ContributorFloor => higher.then_some(Class::Contributor),
			Self::ComputeWeight => lower.then_some(Class::Compute),
			Self::ComputeFloor => higher.then_some(Class::Compute),
			Self::AiOwnShare
			| Self::Participation
			| Self::Quorum
			| Self::Approval
			| Self::VotingDays
			| Self::LockDays
			| Self::SpendLimit
			| Self::OwnAi
			| Self::DecisionLimit => None,
		}
	}

	/// Whether it decides who decides: such fields change late and in small steps.
	pub fn is_franchise(self) -> bool {
		!matches!(self, Self::VotingDays | Self::LockDays | Self::SpendLimit | Self::DecisionLimit)
	}
}

/// What communities of a kind can choose, do and need.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Template {
	/// Bounds of each field, in the order of [`Field::ALL`].
	pub bounds: [Bounds; FIELDS],
	/// Actions that are allowed: the sum of [`ActionKind::bit`].
	pub actions: u32,
	/// Classes that must be for a critical action.
	pub concurrence: u8,
}

impl Template {
	/// Bounds of a field.
	pub fn bounds_of(&self, field: Field) -> Bounds {
		self.bounds.get(field as usize).copied().unwrap_or(Bounds::new(0, 0, 0))
	}

	/// Whether an action is allowed.
	pub fn allows(&self, action: ActionKind) -> bool {
		self.actions & action.bit() != 0
	}
}

/// What is wrong with a template.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum TemplateFault {
	/// Bounds of this field are not ordered, or outside its limits.
	#[codec(index = 0)]
	Bounds(Field),
	/// The default weights of the kind's classes add up to this instead of 10,000.
	#[codec(index = 1)]
	Weights(u32),
	/// The most of `Approval` and of `OwnAi` are more than a whole together.
	#[codec(index = 2)]
	Approval,
	/// Communities of the kind cannot take these actions.
	#[codec(index = 3)]
	Actions(u32),
}

/// The values that are in force in a community, in the order of [`Field::ALL`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Charter(pub [u32; FIELDS]);

impl Charter {
	/// The value of a field.
	pub fn get(&self, field: Field) -> u32 {
		self.0.get(field as usize).copied().unwrap_or(0)
	}

	/// A field in basis points, as a part of a whole.
	pub fn part(&self, field: Field) -> Perbill {
		basis_points(u16::try_from(self.get(field)).unwrap_or(u16::MAX))
	}
}

/// Franchise fields that change later.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Pending {
	/// First day on which they are in force.
	pub effective: Day,
	/// The new values.
	pub values: Changes,
}

/// Terms of a track of X that differ from the pallet's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct TrackTerms {
	/// Approval, in basis points. θ.
	pub approval: u16,
	/// Support, in basis points. s.
	pub support: u16,
	/// Days of voting.
	pub voting_days: u32,
	/// Days of the time-lock.
	pub lock_days: u32,
}

/// A class of people in a poll: what it weighs, what it has, what it has cast.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Line {
	/// The class.
	pub class: Class,
	/// Weight, frozen total and floor, and votes.
	pub votes: ClassVotes,
	/// Whether the proposal needs its consent.
	pub consent: bool,
}

/// A way of spending, with a limit of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Path {
	/// Within the limit of routine spending.
	#[codec(index = 0)]
	Small,
	/// Above it.
	#[codec(index = 1)]
	Large,
	/// Decisions of the AI.
	#[codec(index = 2)]
	Decision,
}

/// How far a proposal is, as it is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Status {
	/// It is queued, open, or to be counted: the clock says which.
	#[codec(index = 0)]
	Voting,
	/// The AIs turned a failure into a pass: people may still vote nay.
	#[codec(index = 1)]
	Objection {
		/// First block in which they cannot.
		until: Moment,
	},
	/// It has passed.
	#[codec(index = 2)]
	Approved {
		/// First block in which it can be executed.
		from: Moment,
		/// First block in which it cannot any more.
		expires: Moment,
	},
	/// It is over.
	#[codec(index = 3)]
	Ended(Outcome),
}

/// How a proposal ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Outcome {
	/// It was executed.
	#[codec(index = 0)]
	Done,
	/// It did not pass.
	#[codec(index = 1)]
	Rejected,
	/// Nobody has counted or executed it in time.
	#[codec(index = 2)]
	Expired,
	/// A newer one of the same kind was approved.
	#[codec(index = 3)]
	Superseded,
	/// The guard has stopped it.
	#[codec(index = 4)]
	Cancelled,
	/// Its proposer has taken it back.
	#[codec(index = 5)]
	Withdrawn,
}

/// How far a proposal is now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Stage {
	/// It can be edited and withdrawn. Voting begins later.
	#[codec(index = 0)]
	Queued,
	/// People vote in it and, on it, in the communities below. AIs can be asked.
	#[codec(index = 1)]
	Open,
	/// People vote in it. AIs are settled.
	#[codec(index = 2)]
	Settling,
	/// `close` counts it.
	#[codec(index = 3)]
	Counting,
	/// People may vote nay.
	#[codec(index = 4)]
	Objection,
	/// It has passed and waits.
	#[codec(index = 5)]
	Locked,
	/// `execute` does what it says.
	#[codec(index = 6)]
	Executable,
	/// Its time is over: `close` ends it.
	#[codec(index = 7)]
	Lapsed,
	/// It is over.
	#[codec(index = 8)]
	Ended(Outcome),
}

/// A proposal.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Proposal<AccountId, Balance, Action> {
	/// The community that decides.
	pub community: CommunityId,
	/// Who proposed it.
	pub proposer: AccountId,
	/// Deposit on hold, in planck; 0 once it was returned or burned.
	pub deposit: Balance,
	/// What it does.
	pub action: Action,
	/// What the proposer says of it.
	pub prose: Prose,
	/// The track, when X decides.
	pub track: Option<Track>,
	/// What delegations must cover.
	pub topic: Topic,
	/// The way of spending.
	pub path: Path,
	/// Block of submission, or of the last edit.
	pub submitted: Moment,
	/// The closed day that power is taken from.
	pub snap: Day,
	/// Versions of the templates of characters and of collectives at submission: charters of communities below are read by
	/// these.
	pub templates: (TemplateVersion, TemplateVersion),
	/// When it is voted on.
	pub voting: Voting,
	/// Blocks from approval to the first block of execution.
	pub lock: Moment,
	/// What it must meet, as it was at submission.
	pub question: Question,
	/// Classes of people, with their power at the snapshot.
	pub lines: Lines,
	/// The AI house.
	pub ai: AiVotes,
	/// Whether the community's own AI is in the AI house.
	pub own_ai: bool,
	/// How far it is.
	pub status: Status,
}

impl<AccountId, Balance, Action> Proposal<AccountId, Balance, Action> {
	/// How far it is at a block. `expires` is when it lapses, pauses counted.
	pub fn stage(&self, now: Moment, expires: Moment) -> Stage {
		match self.status {
			Status::Voting if now < self.voting.start => Stage::Queued,
			Status::Voting if now < self.voting.cut_off() => Stage::Open,
			Status::Voting if now < self.voting.end() => Stage::Settling,
			Status::Voting => Stage::Counting,
			Status::Objection { until } if now < until => Stage::Objection,
			Status::Objection { .. } => Stage::Counting,
			Status::Approved { from, .. } if now < from => Stage::Locked,
			Status::Approved { .. } if now < expires => Stage::Executable,
			Status::Approved { .. } => Stage::Lapsed,
			Status::Ended(outcome) => Stage::Ended(outcome),
		}
	}

	/// Whether it takes one of the community's places for live proposals.
	pub fn is_live(&self) -> bool {
		matches!(self.status, Status::Voting | Status::Objection { .. })
	}

	/// The classes as the arithmetic takes them.
	pub fn classes(&self) -> Vec<(ClassVotes, bool)> {
		self.lines.iter().map(|line| (line.votes, line.consent)).collect()
	}
}

/// Who a ballot is of.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum VoterKey<AccountId> {
	/// Whoever holds an item. The ballot is the item's: it stays when the item is sold.
	#[codec(index = 0)]
	Item(Anchor),
	/// An account in a class.
	#[codec(index = 1)]
	Account(Class, AccountId),
}

/// In which capacity somebody votes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Capacity {
	/// As holder of an item.
	#[codec(index = 0)]
	Holder(Anchor),
	/// As member of a class.
	#[codec(index = 1)]
	Member(Class),
}

/// A ballot.
#[derive(
	Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Ballot {
	/// The side; none when only others have overridden their delegate.
	pub side: Option<Side>,
	/// Power that it counts.
	pub power: Power,
	/// Delegated power whose owners have voted themselves.
	pub overridden: Power,
}

/// The poll of a community's members on a proposal of the community above.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct ChildPoll {
	/// Classes of people, with their power at the snapshot.
	pub lines: Lines,
	/// The AI's own share in the preference. α.
	pub own_share: Perbill,
	/// Turnout at which members speak with full voice. u*.
	pub participation: Perbill,
	/// What was settled.
	pub settled: Option<Settlement>,
}

/// How an AI was counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Settlement {
	/// What it decided itself. d.
	pub decision: Lean,
	/// What its members prefer. m.
	pub members: Lean,
	/// What came of both. s.
	pub preference: Lean,
	/// Weight that was applied.
	pub weight: u32,
}

/// What an AI has decided itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Decision {
	/// A job is under way.
	#[codec(index = 0)]
	Ordered(JobId),
	/// Operators have agreed on it.
	#[codec(index = 1)]
	Given(Lean),
	/// The job failed, or its two runs disagreed. It counts as neither.
	#[codec(index = 2)]
	Failed,
}

/// The phase of the chain.
#[derive(
	Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct PhaseInfo {
	/// The phase that was reached.
	pub reached: Phase,
	/// Day on which it was.
	pub since: Day,
	/// A lower one that the guard has set.
	pub suspension: Option<Suspension>,
}

/// A phase that the guard has set back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Suspension {
	/// The lower phase.
	pub phase: Phase,
	/// First day on which the other one is back.
	pub until: Day,
}

/// AI votes that were asked for lately: in the present period of 30 days, and in the one before.
#[derive(
	Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Shadow {
	/// Day of the first one. When nobody is asked for a whole period, the next one is the first again.
	pub since: Option<Day>,
	/// The period of `asked` and `given`.
	pub period: u32,
	/// Decisions asked for in that period.
	pub asked: u32,
	/// Decisions given in that period.
	pub given: u32,
	/// Decisions asked for in the period before.
	pub asked_before: u32,
	/// Decisions given in the period before.
	pub given_before: u32,
}

impl Shadow {
	/// As it is on a day.
	pub fn on(self, today: Day) -> Self {
		let period = period_of(today);
		match period.checked_sub(self.period) {
			None | Some(0) => self,
			Some(1) => Self { period, asked: 0, given: 0, asked_before: self.asked, given_before: self.given, ..self },
			// Nobody was asked for a whole period: it begins anew.
			Some(_) => Self { period, ..Self::default() },
		}
	}
}

/// Something that the guard has stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Pause {
	/// Block at which it was stopped.
	pub since: Moment,
	/// First block at which it goes on.
	pub until: Moment,
	/// Digest of the reason.
	pub reason: [u8; 32],
}

/// A motion that waits for the holders.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Motion<Hash> {
	/// The proposal that asked for it.
	pub proposal: ProposalId,
	/// Whether it asks for a simple majority.
	pub dual: bool,
	/// Hash of the call.
	pub hash: Hash,
	/// Its length in bytes.
	pub len: u32,
	/// First day on which it may be dropped.
	pub expires: Day,
}

// --- what the runtime API gives ---

/// What an account has in a class of a community.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct PowerLine<AccountId> {
	/// The class.
	pub class: Class,
	/// The item, for holders.
	pub item: Option<Anchor>,
	/// Its own power yesterday.
	pub own: Power,
	/// What it still stands behind now. A ballot counts the lesser.
	pub standing: Power,
	/// What others had delegated to it yesterday, for routine and for critical matters.
	pub inbound: (Power, Power),
	/// Whom it had delegated to yesterday, for routine and for critical matters.
	pub delegate: (Option<AccountId>, Option<AccountId>),
	/// Power of the whole class yesterday, at least the floor.
	pub total: Power,
	/// Weight of the class among those with members, in basis points.
	pub weight: u16,
}

/// What a class says on a proposal.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct ClassPage {
	/// The class, its totals and votes.
	pub line: Line,
	/// Ayes among ayes and nays.
	pub share_of_ayes: Option<Perbill>,
	/// Whether it is for the proposal, as consent asks.
	pub agrees: bool,
}

/// What an AI says on a proposal.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct AiPage {
	/// The community below.
	pub child: CommunityId,
	/// What was asked of it.
	pub decision: Option<Decision>,
	/// Weight of its seat at the snapshot.
	pub weight: u32,
	/// What its members prefer so far.
	pub members: Lean,
	/// What it would be counted as now, or was.
	pub preference: Lean,
	/// How it was counted.
	pub settled: Option<Settlement>,
}

/// What a proposal lacks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub enum Missing {
	/// More ayes of all power.
	#[codec(index = 0)]
	Support {
		/// What there is.
		has: Perbill,
		/// What it takes.
		needs: Perbill,
	},
	/// More ayes among those who vote.
	#[codec(index = 1)]
	Approval {
		/// What there is; none when nobody has voted.
		has: Option<Perbill>,
		/// What it takes.
		needs: Perbill,
	},
	/// More ayes among AIs.
	#[codec(index = 2)]
	AiHouse {
		/// What there is.
		has: Perbill,
		/// What it takes.
		needs: Perbill,
	},
	/// The consent of a class.
	#[codec(index = 3)]
	Consent(Class),
	/// More classes that are for it.
	#[codec(index = 4)]
	Concurrence {
		/// How many are.
		has: u8,
		/// How many must be.
		needs: u8,
	},
}

/// All about a proposal.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct ProposalPage<Proposal> {
	/// Its number.
	pub id: ProposalId,
	/// What is stored of it.
	pub proposal: Proposal,
	/// How far it is.
	pub stage: Stage,
	/// Whether the guard has stopped its execution.
	pub paused: bool,
	/// What each class says.
	pub classes: Vec<ClassPage>,
	/// What each AI says that was asked or whose members voted; at most 50.
	pub ais: Vec<AiPage>,
	/// A, N and B.
	pub tally: Tally,
	/// Ayes among people. r_H.
	pub human: Option<Perbill>,
	/// Ayes among AIs. r_I.
	pub ai_house: Option<Perbill>,
	/// The AIs' share in the result. κ'.
	pub ai_share: Perbill,
	/// Ayes in all.
	pub approval: Option<Perbill>,
	/// Whether it would pass now.
	pub passes: bool,
	/// What it lacks.
	pub missing: Vec<Missing>,
}

/// Something that an account may do with a proposal now.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub enum Doable {
	/// `edit` it.
	#[codec(index = 0)]
	Edit,
	/// `withdraw` it.
	#[codec(index = 1)]
	Withdraw,
	/// `vote` in this capacity.
	#[codec(index = 2)]
	Vote(Capacity),
	/// `vote` nay in this capacity.
	#[codec(index = 3)]
	Object(Capacity),
	/// `request_decision` of the AIs.
	#[codec(index = 4)]
	RequestDecision,
	/// `settle_ai`.
	#[codec(index = 5)]
	SettleAi,
	/// `close` it.
	#[codec(index = 6)]
	Close,
	/// `execute` it.
	#[codec(index = 7)]
	Execute,
	/// `reap` it.
	#[codec(index = 8)]
	Reap,
}
