//! What communities can decide. A community below X executes these and nothing else; X dispatches calls besides, each
//! through the list of its track.

use autonomy_governance::{Phase, Track};
use autonomy_primitives::{community::Class, digest::Cid, CharacterId, ModelId};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::BoundedVec;
use scale_info::TypeInfo;
use sp_runtime::traits::ConstU32;

use crate::types::{Anchor, Changes, CollectiveId, Kind, KindTag, Name, TrainingId};

/// Most tiers of a fan club.
pub const MAX_TIERS: u32 = 8;
/// Most points of a contributor's badge.
pub const MAX_POINTS: u8 = 5;
/// The strongest conviction of pallet-democracy: six times the power, for 32 times as long.
pub const MAX_CONVICTION: u8 = 6;
/// Most days of a training run.
pub const MAX_TRAINING_DAYS: u32 = 365;

/// What a rung of a fan club asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct TierRow {
	/// AUTON bonded behind the character, in planck.
	pub bonded: u128,
	/// Lifetime spend on the character's jobs, in planck.
	pub spent: u128,
}

/// How a character's part of a fee is divided, in parts per million. The platform's share is fixed by X: it is what these
/// leave.
#[derive(
	Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Split {
	/// Holder of the NFT.
	pub owner: u32,
	/// Whoever has bonded shares.
	pub investors: u32,
	/// The character's treasury.
	pub treasury: u32,
	/// Whoever has bonded AUTON behind the character.
	pub fans: u32,
}

/// What a character's community can decide about the character.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum CharacterAction {
	/// Another persona.
	#[codec(index = 0)]
	SetPersona {
		/// CID of the persona.
		persona: Cid,
	},
	/// Other models, of those that take jobs.
	#[codec(index = 1)]
	SetModels {
		/// Model that it makes pictures with.
		image: Option<ModelId>,
		/// Model that it talks with.
		language: Option<ModelId>,
	},
	/// Another division of what the character earns.
	#[codec(index = 2)]
	SetSplit(Split),
	/// Other thresholds of the fan club.
	#[codec(index = 3)]
	SetTiers {
		/// The tiers, the lowest first.
		rows: BoundedVec<TierRow, ConstU32<MAX_TIERS>>,
		/// The lowest tier that votes, counted from 0.
		advanced_from: u8,
	},
	/// Whether it takes messages.
	#[codec(index = 4)]
	SetActive(bool),
	/// Takes a character that has asked for it as a sub-identity.
	#[codec(index = 5)]
	AcceptChild(CharacterId),
	/// Asks to become a sub-identity, or no more.
	#[codec(index = 6)]
	AskParent(Option<CharacterId>),
	/// Is no sub-identity any more.
	#[codec(index = 7)]
	LeaveParent,
	/// Founds a collective.
	#[codec(index = 8)]
	FoundCollective {
		/// Its name.
		name: Name,
		/// Whether it has one seat for all its members.
		pooled: bool,
	},
	/// Lets a character join the collective.
	#[codec(index = 9)]
	Invite(CharacterId),
	/// Joins a collective that has invited the character.
	#[codec(index = 10)]
	JoinCollective(CollectiveId),
	/// Leaves its collective.
	#[codec(index = 11)]
	LeaveCollective,
	/// The treasury votes on a referendum of the holders of AUTON. What it votes with is locked there, not spent.
	#[codec(index = 12)]
	VoteReferendum {
		/// Number of the referendum.
		referendum: u32,
		/// For it or against.
		aye: bool,
		/// How much it votes with, in planck.
		balance: u128,
		/// How long that is locked afterwards, as pallet-democracy counts: 0 to [`MAX_CONVICTION`].
		conviction: u8,
	},
	/// Takes the treasury's vote on a referendum back.
	#[codec(index = 13)]
	RemoveVote(u32),
}

/// What a model's community decides about versions, in parts per million.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct VersionRules {
	/// Accepts at once what is measured better by at least this; none to accept nothing by itself.
	pub accept_at_gain: Option<u32>,
	/// Weight of data.
	pub data: u32,
	/// Weight of compute.
	pub compute: u32,
	/// Weight of training.
	pub training: u32,
	/// CID of the held-out set.
	pub evaluation_set: Option<Cid>,
}

/// What a model's community can decide about the model.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum ModelAction<Balance> {
	/// Makes a proposed version the current one.
	#[codec(index = 0)]
	AcceptVersion(u64),
	/// Rejects a proposed version.
	#[codec(index = 1)]
	RejectVersion(u64),
	/// Decides how versions are accepted.
	#[codec(index = 2)]
	SetRules(VersionRules),
	/// Approves training data, or withdraws the approval.
	#[codec(index = 3)]
	SetDataRoot {
		/// CID of the data's root.
		root: Cid,
		/// Whether it may be used.
		approved: bool,
	},
	/// Opens the model to everybody, for ever.
	#[codec(index = 4)]
	OpenSource,
	/// Another price of a unit of work, in planck.
	#[codec(index = 5)]
	SetPrice(Balance),
	/// Whether new jobs are taken.
	#[codec(index = 6)]
	SetActive(bool),
}

/// What a proposal does when it is executed.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Action<AccountId, AssetId, Balance, Hash> {
	/// Nothing: it says what the community thinks of the proposal's words.
	#[codec(index = 0)]
	Signal,
	/// Other values in the charter.
	#[codec(index = 1)]
	SetCharter(Changes),
	/// Pays from the community's treasury.
	#[codec(index = 2)]
	Spend {
		/// The asset; none for AUTON.
		asset: Option<AssetId>,
		/// To whom.
		to: AccountId,
		/// How much, in planck or the asset's smallest unit.
		amount: Balance,
	},
	/// Gives a contributor of data or work a badge, or renews it.
	#[codec(index = 3)]
	GrantBadge {
		/// The contributor.
		who: AccountId,
		/// Its voting power, 1 to [`MAX_POINTS`].
		points: u8,
	},
	/// Ends a contributor's badge.
	#[codec(index = 4)]
	LapseBadge {
		/// The contributor.
		who: AccountId,
	},
	/// About the community's character.
	#[codec(index = 5)]
	Character(CharacterAction),
	/// About the community's model.
	#[codec(index = 6)]
	Model(ModelAction<Balance>),
	/// X: dispatches a call with the origin of a track.
	#[codec(index = 7)]
	Dispatch {
		/// The track.
		track: Track,
		/// Hash of the encoded call, a preimage.
		hash: Hash,
		/// Its length in bytes.
		len: u32,
	},
	/// X: asks the holders of AUTON for a call with the root origin.
	#[codec(index = 8)]
	Motion {
		/// Whether it asks for a simple majority of the holders, which needs more here.
		dual: bool,
		/// Hash of the encoded call, a preimage.
		hash: Hash,
		/// Its length in bytes.
		len: u32,
	},
	/// A model's: puts AUTON of the treasury aside for a training run.
	#[codec(index = 9)]
	StartTraining {
		/// CID of the recipe.
		recipe: Cid,
		/// Who runs it, and is paid for checkpoints.
		trainer: AccountId,
		/// How much is put aside, in planck.
		budget: Balance,
		/// Days after which anybody may end it, 1 to [`MAX_TRAINING_DAYS`].
		days: u32,
	},
	/// A model's: publishes a checkpoint of a training run and pays for it, of what was put aside.
	#[codec(index = 10)]
	PublishCheckpoint {
		/// Number of the training run.
		training: TrainingId,
		/// CID of the checkpoint.
		checkpoint: Cid,
		/// What the trainer gets for it, in planck.
		payment: Balance,
	},
	/// A model's: ends a training run. What is left is the treasury's again.
	#[codec(index = 11)]
	EndTraining(TrainingId),
	/// A model's: gives a contributor of compute a badge, or renews it.
	#[codec(index = 12)]
	GrantComputeBadge {
		/// The contributor.
		who: AccountId,
		/// Its voting power, 1 to [`MAX_POINTS`].
		points: u8,
	},
}

/// Kinds of actions: the bits of a template's mask.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum ActionKind {
	/// Signals.
	#[codec(index = 0)]
	Signal,
	/// Charter fields.
	#[codec(index = 1)]
	Charter,
	/// Spending.
	#[codec(index = 2)]
	Spend,
	/// Badges of contributors.
	#[codec(index = 3)]
	Badges,
	/// Persona of a character.
	#[codec(index = 4)]
	Persona,
	/// Models of a character.
	#[codec(index = 5)]
	Models,
	/// Split of a character.
	#[codec(index = 6)]
	Split,
	/// Tiers of a fan club.
	#[codec(index = 7)]
	Tiers,
	/// Whether a character or a model takes jobs.
	#[codec(index = 8)]
	Activity,
	/// Parents and children.
	#[codec(index = 9)]
	Family,
	/// Collectives.
	#[codec(index = 10)]
	Collective,
	/// Versions of a model and how they are accepted.
	#[codec(index = 11)]
	Versions,
	/// Data of a model.
	#[codec(index = 12)]
	Data,
	/// Opening a model.
	#[codec(index = 13)]
	OpenSource,
	/// Price of a model.
	#[codec(index = 14)]
	Price,
	/// Calls of X.
	#[codec(index = 15)]
	Dispatch,
	/// Motions of X.
	#[codec(index = 16)]
	Motion,
	/// Votes of a character's treasury on referenda.
	#[codec(index = 17)]
	Referendum,
	/// Training runs of a model.
	#[codec(index = 18)]
	Training,
}

impl ActionKind {
	/// Every kind.
	pub const ALL: [Self; 19] = [
		Self::Signal,
		Self::Charter,
		Self::Spend,
		Self::Badges,
		Self::Persona,
		Self::Models,
		Self::Split,
		Self::Tiers,
		Self::Activity,
		Self::Family,
		Self::Collective,
		Self::Versions,
		Self::Data,
		Self::OpenSource,
		Self::Price,
		Self::Dispatch,
		Self::Motion,
		Self::Referendum,
		Self::Training,
	];

	/// The bit of a template's mask.
	pub const fn bit(self) -> u32 {
		1u32.wrapping_shl(self as u32)
	}

	/// Whether communities of a kind can do it at all, whatever their template says.
	pub fn fits(self, kind: KindTag) -> bool {
		match self {
			Self::Signal | Self::Charter | Self::Spend | Self::Badges => true,
			Self::Persona
			| Self::Models
			| Self::Split
			| Self::Tiers
			| Self::Family
			| Self::Collective
			| Self::Referendum => kind == KindTag::Character,
			Self::Activity => matches!(kind, KindTag::Character | KindTag::Model),
			Self::Versions | Self::Data | Self::OpenSource | Self::Price | Self::Training => kind == KindTag::Model,
			Self::Dispatch | Self::Motion => kind == KindTag::X,
		}
	}

	/// The first phase in which communities decide on it. What X decides has a phase by its track.
	pub fn opens(self) -> Phase {
		match self {
			Self::Data | Self::OpenSource | Self::Training => Phase::Four,
			Self::Signal
			| Self::Charter
			| Self::Spend
			| Self::Badges
			| Self::Persona
			| Self::Models
			| Self::Split
			| Self::Tiers
			| Self::Activity
			| Self::Family
			| Self::Collective
			| Self::Versions
			| Self::Price
			| Self::Dispatch
			| Self::Motion
			| Self::Referendum => Phase::One,
		}
	}

	/// The mask of everything that communities of a kind can do.
	pub fn mask(kind: KindTag) -> u32 {
		Self::ALL.into_iter().filter(|action| action.fits(kind)).fold(0, |mask, action| mask | action.bit())
	}
}

impl<AccountId: Encode, AssetId: Encode, Balance: Encode, Hash: Encode + Copy>
	Action<AccountId, AssetId, Balance, Hash>
{
	/// The kind of the action.
	pub fn kind(&self) -> ActionKind {
		match self {
			Self::Signal => ActionKind::Signal,
			Self::SetCharter(_) => ActionKind::Charter,
			Self::Spend { .. } => ActionKind::Spend,
			Self::GrantBadge { .. } | Self::GrantComputeBadge { .. } | Self::LapseBadge { .. } => ActionKind::Badges,
			Self::Character(action) => match action {
				CharacterAction::SetPersona { .. } => ActionKind::Persona,
				CharacterAction::SetModels { .. } => ActionKind::Models,
				CharacterAction::SetSplit(_) => ActionKind::Split,
				CharacterAction::SetTiers { .. } => ActionKind::Tiers,
				CharacterAction::SetActive(_) => ActionKind::Activity,
				CharacterAction::AcceptChild(_) | CharacterAction::AskParent(_) | CharacterAction::LeaveParent => {
					ActionKind::Family
				}
				CharacterAction::FoundCollective { .. }
				| CharacterAction::Invite(_)
				| CharacterAction::JoinCollective(_)
				| CharacterAction::LeaveCollective => ActionKind::Collective,
				CharacterAction::VoteReferendum { .. } | CharacterAction::RemoveVote(_) => ActionKind::Referendum,
			},
			Self::Model(action) => match action {
				ModelAction::AcceptVersion(_) | ModelAction::RejectVersion(_) | ModelAction::SetRules(_) => {
					ActionKind::Versions
				}
				ModelAction::SetDataRoot { .. } => ActionKind::Data,
				ModelAction::OpenSource => ActionKind::OpenSource,
				ModelAction::SetPrice(_) => ActionKind::Price,
				ModelAction::SetActive(_) => ActionKind::Activity,
			},
			Self::Dispatch { .. } => ActionKind::Dispatch,
			Self::Motion { .. } => ActionKind::Motion,
			Self::StartTraining { .. } | Self::PublishCheckpoint { .. } | Self::EndTraining(_) => ActionKind::Training,
		}
	}

	/// What an approved proposal shares with an earlier one that it replaces. Nothing for what can be done many times.
	pub fn key(&self) -> Option<[u8; 32]> {
		let hash = |subject: &[u8]| Some(sp_crypto_hashing::blake2_256(&(self.kind(), subject).encode()));
		match self {
			Self::Signal | Self::Spend { .. } | Self::StartTraining { .. } | Self::PublishCheckpoint { .. } => None,
			Self::EndTraining(training) => hash(&training.encode()),
			Self::SetCharter(changes) => {
				let mut fields: alloc::vec::Vec<_> = changes.iter().map(|(field, _)| *field).collect();
				fields.sort();
				hash(&fields.encode())
			}
			Self::GrantBadge { who, .. } | Self::GrantComputeBadge { who, .. } | Self::LapseBadge { who } => {
				hash(&who.encode())
			}
			Self::Character(action) => match action {
				CharacterAction::SetPersona { .. }
				| CharacterAction::SetModels { .. }
				| CharacterAction::SetSplit(_)
				| CharacterAction::SetTiers { .. }
				| CharacterAction::SetActive(_)
				| CharacterAction::AskParent(_)
				| CharacterAction::LeaveParent => hash(&[]),
				CharacterAction::AcceptChild(child) | CharacterAction::Invite(child) => hash(&child.encode()),
				CharacterAction::FoundCollective { .. }
				| CharacterAction::JoinCollective(_)
				| CharacterAction::LeaveCollective => hash(b"member"),
				CharacterAction::VoteReferendum { referendum, .. } | CharacterAction::RemoveVote(referendum) => {
					hash(&referendum.encode())
				}
			},
			Self::Model(action) => match action {
				ModelAction::AcceptVersion(version) | ModelAction::RejectVersion(version) => hash(&version.encode()),
				ModelAction::SetDataRoot { root, .. } => hash(root),
				ModelAction::SetRules(_)
				| ModelAction::OpenSource
				| ModelAction::SetPrice(_)
				| ModelAction::SetActive(_) => hash(&[]),
			},
			Self::Dispatch { hash: call, .. } | Self::Motion { hash: call, .. } => hash(&call.encode()),
		}
	}

	/// The preimage that the action needs: its hash and length.
	pub fn preimage(&self) -> Option<(Hash, u32)> {
		match self {
			Self::Dispatch { hash, len, .. } | Self::Motion { hash, len, .. } => Some((*hash, *len)),
			_ => None,
		}
	}

	/// Whether the action can be taken in a community of this kind: it is about what the community is anchored to.
	pub fn fits(&self, kind: Kind) -> bool {
		self.kind().fits(kind.tag())
			&& match self {
				Self::Character(_) => matches!(kind, Kind::Anchored(Anchor::Character(_))),
				Self::Model(_) | Self::GrantComputeBadge { .. } => matches!(kind, Kind::Anchored(Anchor::Model(_))),
				_ => true,
			}
	}

	/// Whether it touches who decides, what cannot be undone, or who the character is. What it spends is another question.
	pub fn is_critical(&self) -> bool {
		match self {
			Self::SetCharter(_) | Self::Motion { .. } => true,
			Self::Signal
			| Self::Spend { .. }
			| Self::GrantBadge { .. }
			| Self::GrantComputeBadge { .. }
			| Self::LapseBadge { .. }
			| Self::StartTraining { .. }
			| Self::PublishCheckpoint { .. }
			| Self::EndTraining(_) => false,
			Self::Character(action) => match action {
				CharacterAction::SetSplit(_)
				| CharacterAction::SetTiers { .. }
				| CharacterAction::AskParent(_)
				| CharacterAction::LeaveParent
				| CharacterAction::JoinCollective(_)
				| CharacterAction::FoundCollective { .. }
				| CharacterAction::LeaveCollective
				| CharacterAction::VoteReferendum { .. }
				| CharacterAction::RemoveVote(_) => true,
				CharacterAction::SetPersona { .. }
				| CharacterAction::SetModels { .. }
				| CharacterAction::SetActive(_)
				| CharacterAction::AcceptChild(_)
				| CharacterAction::Invite(_) => false,
			},
			Self::Model(action) => matches!(action, ModelAction::OpenSource | ModelAction::SetRules(_)),
			Self::Dispatch { track, .. } => matches!(track, Track::Templates | Track::Data | Track::Constitution),
		}
	}

	/// Whether people decide alone, in every phase: no AI has a say in a community's money, nor in what the holders of
	/// AUTON vote on.
	pub fn is_for_people_alone(&self) -> bool {
		match self.kind() {
			ActionKind::Spend | ActionKind::Training | ActionKind::Referendum | ActionKind::Motion => true,
			ActionKind::Signal
			| ActionKind::Charter
			| ActionKind::Badges
			| ActionKind::Persona
			| ActionKind::Models
			| ActionKind::Split
			| ActionKind::Tiers
			| ActionKind::Activity
			| ActionKind::Family
			| ActionKind::Collective
			| ActionKind::Versions
			| ActionKind::Data
			| ActionKind::OpenSource
			| ActionKind::Price
			| ActionKind::Dispatch => false,
		}
	}
}

impl Split {
	/// Classes that get less of this split than of another.
	pub fn losers(&self, before: &Self) -> impl Iterator<Item = Class> {
		[
			(Class::Owner, self.owner < before.owner),
			(Class::Investor, self.investors < before.investors),
			(Class::Fan, self.fans < before.fans),
		]
		.into_iter()
		.filter_map(|(class, loses)| loses.then_some(class))
	}
}
