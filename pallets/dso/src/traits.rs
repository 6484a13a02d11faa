//! What the pallet asks of its neighbours, and what they ask of it.

use alloc::vec::Vec;
use autonomy_governance::Phase;
use autonomy_primitives::{community::CommunityId, CharacterId, ModelId};
use frame_support::weights::Weight;
use sp_runtime::DispatchResult;

pub use autonomy_primitives::ballot::{BallotOrder, BallotResults, Ballots, Mind, UsageSink};

use crate::{
	actions::{CharacterAction, ModelAction, Split},
	origins::Origin,
	types::{Anchor, CollectiveId, Place},
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
	/// The numbers that a call changes, if their steps are limited. At most one for a call.
	fn step(call: &Call) -> Option<Step>;
}

/// None.
impl<Call> StepSource<Call> for () {
	fn step(_: &Call) -> Option<Step> {
		None
	}
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
