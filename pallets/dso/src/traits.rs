//! What the pallet asks of its neighbours, and what they ask of it.

use alloc::{format, string::String, vec::Vec};
use autonomy_governance::Phase;
use autonomy_primitives::{community::CommunityId, CharacterId, ModelId};
use frame_support::{
	traits::{CallMetadata, GetCallMetadata},
	weights::Weight,
};
use sp_runtime::DispatchResult;

pub use autonomy_primitives::ballot::{BallotOrder, BallotResults, Ballots, Mind, UsageSink};

use crate::{
	actions::{CharacterAction, ModelAction, Split, TierRow},
	origins::Origin,
	types::{Anchor, CollectiveId, Moment, Place},
};

/// Characters, models and collectives as this pallet sees them.
pub trait Anchors<AccountId> {
	/// The community of an item that has one of its own. `None` for others, and when there is no such item.
	fn community(anchor: Anchor) -> Option<CommunityId>;
	/// The item that a community is of.
	fn anchor(community: CommunityId) -> Option<Anchor>;
	/// Whether there is such an item. A collective needs two members.
	fn exists(anchor: Anchor) -> bool;
	/// Holder of the item's NFT. Collectives have none.
	fn owner(anchor: Anchor) -> Option<AccountId>;
	/// Where the item's AI is seated; `None` when it has no AI.
	fn place(anchor: Anchor) -> Option<Place>;
	/// Persona and model; `None` without one of them.
	fn mind(anchor: Anchor) -> Option<Mind>;
	/// Members of a collective, at most 16.
	fn members(collective: CollectiveId) -> Vec<CharacterId>;
	/// How a character's part is divided now.
	fn split(character: CharacterId) -> Option<Split>;
	/// What a fan has to have bonded and spent to vote now: the most of the lowest tier that votes and of those below it.
	/// `None` when the character has no such tier: then nothing limits how far it moves.
	fn entry(_: CharacterId) -> Option<TierRow> {
		None
	}
}

/// Doing what communities decide about characters and models.
pub trait Subjects<RuntimeOrigin, Balance> {
	/// Does something to a character, with the origin of its community.
	fn character(origin: RuntimeOrigin, character: CharacterId, action: CharacterAction) -> DispatchResult;
	/// Does something to a model, with the origin of its community.
	fn model(origin: RuntimeOrigin, model: ModelId, action: ModelAction<Balance>) -> DispatchResult;
	/// The most that either takes.
	fn weight() -> Weight;
}

/// The way to the root origin: pallet-democracy, or whatever takes its place.
pub trait RootGate<Hash> {
	/// Whether a motion can be handed over now without taking another one's place.
	fn is_free() -> bool;
	/// Hands a motion over. `origin` is [`Origin::Constitution`] or [`Origin::ConstitutionDual`].
	fn submit(origin: Origin, hash: Hash, len: u32) -> DispatchResult;
	/// The most that handing over takes.
	fn weight() -> Weight;
}

/// A number that a call changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
	/// What tells it from others.
	pub key: [u8; 32],
	/// What it is now.
	pub from: u128,
	/// What it would be.
	pub to: u128,
}

/// Which numbers the calls of X change.
pub trait StepSource<Call> {
	/// The number that a call changes, if its steps are limited.
	fn step(call: &Call) -> Option<Step>;
	/// All numbers that a call changes and whose steps are limited, for calls that change several.
	fn steps(call: &Call) -> Vec<Step> {
		Self::step(call).into_iter().collect()
	}
}

/// None.
impl<Call> StepSource<Call> for () {
	fn step(_: &Call) -> Option<Step> {
		None
	}
}

/// How what a call puts into use has been tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trial {
	/// Block since which it has been there without being used for anything: in the shadow. `None` when it is not there.
	pub since: Option<Moment>,
	/// Digest of its evaluation.
	pub evaluation: Option<[u8; 32]>,
}

/// What calls of the track of models put into use.
pub trait TrialSource<Call> {
	/// The trial of what a call approves or pins; `None` for a call that puts nothing new into use.
	fn trial(call: &Call) -> Option<Trial>;
}

/// Nothing.
impl<Call> TrialSource<Call> for () {
	fn trial(_: &Call) -> Option<Trial> {
		None
	}
}

/// Calls in words, for AIs.
pub trait CallWords<Call> {
	/// What a call does, as a clause in ASCII, in words that do not come from whoever wrote the call; `None` to have its
	/// pallet and name said.
	fn words(call: &Call) -> Option<String>;
}

/// Pallet and name.
impl<Call: GetCallMetadata> CallWords<Call> for () {
	fn words(call: &Call) -> Option<String> {
		Some(name_of(call))
	}
}

/// Pallet and name of a call, as a clause.
pub(crate) fn name_of(call: &impl GetCallMetadata) -> String {
	let CallMetadata { function_name, pallet_name } = call.get_call_metadata();
	format!("the call {pallet_name}.{function_name} is made")
}

/// What this pallet cannot know of a phase's conditions.
pub trait ChainState {
	/// Characters that take messages.
	fn active_characters() -> u32;
	/// Operators with a bond.
	fn bonded_workers() -> u32;
	/// Slashes of operators that nobody has looked into.
	fn unresolved_slashes() -> u32;
	/// Models of which all data, compute and training are known.
	fn models_with_provenance() -> u32;
}

/// Being told that another phase has begun.
pub trait OnPhase {
	/// The chain goes from one phase to another, forward or back.
	fn on_phase(from: Phase, to: Phase);
}

/// Nobody.
impl OnPhase for () {
	fn on_phase(_: Phase, _: Phase) {}
}

/// The community that something belongs to.
pub trait CommunityOf<Id> {
	/// Its number.
	fn community_of(id: &Id) -> Option<CommunityId>;
}

/// What a benchmark needs of the neighbours.
#[cfg(feature = "runtime-benchmarks")]
pub trait BenchmarkHelper<AccountId, Call> {
	/// A character of `owner` with a persona and a model that have not changed for long, and a treasury that can pay.
	fn character(owner: &AccountId) -> CharacterId;
	/// Gives an account power in X that counts from tomorrow.
	fn bond_in_x(who: &AccountId);
	/// Goes to the first block of the day after today.
	fn next_day();
	/// A call that the track of templates allows.
	fn call() -> Call;
}
