//! Who decides: pallet-dso over characters, models, bonds and jobs; pallet-democracy, the only way to root; the guard.

use alloc::{boxed::Box, format, string::String, vec::Vec};
use autonomy_primitives::{
	community::{Class, CommunityId, Power, PowerSource},
	CharacterId, ModelId,
};
use frame_support::{
	dispatch::RawOrigin,
	ensure, parameter_types,
	traits::{
		Bounded, ConstU128, ConstU32, Contains, ContainsPair, Currency, EitherOf, EnsureOrigin, EnsureOriginWithArg,
		Get, OnUnbalanced,
	},
	weights::Weight,
	BoundedVec, PalletId,
};
use frame_system::{EnsureNever, EnsureRoot, EnsureSigned};
use pallet_characters::{CollectiveMode, Customisation, FanTier, Seat, WeightInfo as _};
use pallet_democracy::{AccountVote, Conviction, Vote, WeightInfo as _};
use pallet_dso::{
	traits::{
		Anchors, CallWords, ChainState, CommunityOf, Mind, OnPhase, RootGate, Step, StepSource, Subjects, Trial,
		TrialSource,
	},
	Anchor, CharacterAction, CollectiveId, EnsureCommunity, EnsureCommunityOf, KindTag, ModelAction, Needs, Phase,
	Place, SeatRules, Split, TierRow, Track, XConstitution, XConstitutionDual, XData, XModels, XTemplate,
};
use pallet_inference::WeightInfo as _;
use pallet_models::{Charter, ClassWeights, Evaluation, WeightInfo as _};
use sp_core::ConstBool;
use sp_runtime::{
	traits::{BlakeTwo256, Hash as _},
	DispatchError, DispatchResult, Perbill, Permill,
};

use super::{
	parameters::{dynamic, Within},
	rules::{Moved, CONTROLLER_CAP, MAX_DEPOSIT, MAX_SEAT_TARGET, MAX_STAKE, MIN_DEPOSIT},
	system::RuntimeBlockWeights,
	works::TreasuryAccount,
};
use crate::{
	AccountId, Assets, Balance, Balances, BlockNumber, Bonds, Characters, Democracy, Hash, Inference, Models,
	OriginCaller, Preimage, Runtime, RuntimeCall, RuntimeEvent, RuntimeHoldReason, RuntimeOrigin, Scheduler, AUTON,
	MICRO_AUTON, MILLI_AUTON,
};

/// So many governance days, in blocks. How long a day is, genesis has said.
pub struct Days<const N: u32>;

impl<const N: u32> Get<BlockNumber> for Days<N> {
	fn get() -> BlockNumber {
		Bonds::blocks_per_day().saturating_mul(N)
	}
}

// --- the guard ---

/// The guard: a committee that stops things, and hurries a motion that both houses want. It decides nothing else.
pub type GuardCollective = pallet_collective::Instance1;
/// Two thirds of the guard.
pub type TwoThirdsOfGuard = pallet_collective::EnsureProportionAtLeast<AccountId, GuardCollective, 2, 3>;
/// All of the guard.
pub type WholeGuard = pallet_collective::EnsureProportionAtLeast<AccountId, GuardCollective, 1, 1>;
/// One of the guard.
pub type GuardMember = pallet_collective::EnsureMember<AccountId, GuardCollective>;

parameter_types! {
	pub MaxGuardProposalWeight: Weight = Perbill::from_percent(50) * RuntimeBlockWeights::get().max_block;
}

/// Who says nothing in the guard is for nothing, whoever leads it: two thirds are two thirds that have voted.
pub struct SilenceIsNo;

impl pallet_collective::DefaultVote for SilenceIsNo {
	fn default_vote(
		_: Option<bool>,
		_: pallet_collective::MemberCount,
		_: pallet_collective::MemberCount,
		_: pallet_collective::MemberCount,
	) -> bool {
		false
	}
}

impl pallet_collective::Config<GuardCollective> for Runtime {
	type Consideration = ();
	type DefaultVote = SilenceIsNo;
	type DisapproveOrigin = EnsureRoot<AccountId>;
	type KillOrigin = EnsureRoot<AccountId>;
	type MaxMembers = ConstU32<15>;
	type MaxProposalWeight = MaxGuardProposalWeight;
	type MaxProposals = ConstU32<32>;
	type MotionDuration = Days<3>;
	type Proposal = RuntimeCall;
	type RuntimeEvent = RuntimeEvent;
	type RuntimeOrigin = RuntimeOrigin;
	/// The holders choose it, by a motion of X or their own proposal.
	type SetMembersOrigin = EnsureRoot<AccountId>;
	type WeightInfo = pallet_collective::weights::SubstrateWeight<Runtime>;
}

// --- the holders of AUTON ---

/// Puts what somebody loses where X can spend it.
pub struct ToTreasury;

impl OnUnbalanced<pallet_balances::NegativeImbalance<Runtime>> for ToTreasury {
	fn on_nonzero_unbalanced(lost: pallet_balances::NegativeImbalance<Runtime>) {
		Balances::resolve_creating(&TreasuryAccount::get(), lost);
	}
}

impl pallet_democracy::Config for Runtime {
	type BlacklistOrigin = EnsureRoot<AccountId>;
	/// A proposal of the holders' own is cancelled, and its deposits taken, by the whole guard.
	type CancelProposalOrigin = WholeGuard;
	type CancellationOrigin = TwoThirdsOfGuard;
	type CooloffPeriod = Days<7>;
	type Currency = Balances;
	type EnactmentPeriod = Days<2>;
	/// Nothing passes because nobody votes.
	type ExternalDefaultOrigin = EnsureNever<()>;
	type ExternalMajorityOrigin = XConstitutionDual;
	type ExternalOrigin = XConstitution;
	type FastTrackOrigin = TwoThirdsOfGuard;
	type FastTrackVotingPeriod = Days<1>;
	type InstantAllowed = ConstBool<false>;
	type InstantOrigin = EnsureNever<()>;
	type LaunchPeriod = Days<3>;
	type MaxBlacklisted = ConstU32<100>;
	type MaxDeposits = ConstU32<64>;
	type MaxProposals = ConstU32<32>;
	type MaxVotes = ConstU32<64>;
	type MinimumDeposit = ConstU128<{ 1_000 * AUTON }>;
	type PalletsOrigin = OriginCaller;
	type Preimages = Preimage;
	type RuntimeEvent = RuntimeEvent;
	type Scheduler = Scheduler;
	type Slash = ToTreasury;
	/// Holders can always go round X.
	type SubmitOrigin = EnsureSigned<AccountId>;
	type VetoOrigin = GuardMember;
	type VoteLockingPeriod = Days<7>;
	type VotingPeriod = Days<7>;
	type WeightInfo = pallet_democracy::weights::SubstrateWeight<Runtime>;
}

/// The way from X to root: a referendum of the holders.
pub struct Holders;

impl RootGate<Hash> for Holders {
	fn is_free() -> bool {
		!pallet_democracy::NextExternal::<Runtime>::exists()
	}

	fn submit(origin: pallet_dso::Origin, hash: Hash, len: u32) -> DispatchResult {
		let call = Bounded::Lookup { hash, len };
		match origin {
			pallet_dso::Origin::Constitution => Democracy::external_propose(origin.into(), call),
			pallet_dso::Origin::ConstitutionDual => Democracy::external_propose_majority(origin.into(), call),
			pallet_dso::Origin::Community(_)
			| pallet_dso::Origin::Templates
			| pallet_dso::Origin::Interaction
			| pallet_dso::Origin::Economic
			| pallet_dso::Origin::Models
			| pallet_dso::Origin::Data
			| pallet_dso::Origin::Treasury => Err(DispatchError::BadOrigin),
		}
	}

	fn weight() -> Weight {
		type Weights = <Runtime as pallet_democracy::Config>::WeightInfo;
		Weights::external_propose().max(Weights::external_propose_majority())
	}
}

// --- communities ---

/// Whether the community of a character or a model has taken over from whoever holds its NFT: it is open in the DSO, and
/// somebody else has a say in it. Until then the holder decides alone.
pub struct TakenOver;

impl Contains<CommunityId> for TakenOver {
	fn contains(community: &CommunityId) -> bool {
		let Some(day) = Bonds::snapshot_day() else { return false };
		let has_members = |class| Bonds::class_total(*community, class, day).is_some_and(|total| total > 0);
		pallet_dso::Communities::<Runtime>::contains_key(community)
			&& [Class::Investor, Class::Fan, Class::Contributor, Class::Compute].into_iter().any(has_members)
	}
}

/// Communities whose holder decides alone.
pub struct HolderDecides;

impl Contains<CommunityId> for HolderDecides {
	fn contains(community: &CommunityId) -> bool {
		!TakenOver::contains(community)
	}
}

/// The community of a model.
pub struct CommunityOfModel;

impl CommunityOf<ModelId> for CommunityOfModel {
	fn community_of(model: &ModelId) -> Option<CommunityId> {
		pallet_models::Models::<Runtime>::get(model).map(|info| info.community)
	}
}

/// Who speaks for a model: its community, root, X on the tracks of models and data, and as long as the community has not
/// taken over, the holder of its NFT. The lists of the tracks say which calls X makes.
pub struct SpeaksForModel;

/// Root, and X on the tracks about models.
type RootOrX = EitherOf<EnsureRoot<AccountId>, EitherOf<XModels, XData>>;

impl EnsureOriginWithArg<RuntimeOrigin, ModelId> for SpeaksForModel {
	type Success = ();

	fn try_origin(origin: RuntimeOrigin, model: &ModelId) -> Result<(), RuntimeOrigin> {
		let origin = match <RootOrX as EnsureOrigin<RuntimeOrigin>>::try_origin(origin) {
			Ok(()) => return Ok(()),
			Err(origin) => origin,
		};
		let origin = match EnsureCommunityOf::<CommunityOfModel>::try_origin(origin, model) {
			Ok(()) => return Ok(()),
			Err(origin) => origin,
		};
		if CommunityOfModel::community_of(model).is_some_and(|community| TakenOver::contains(&community)) {
			return Err(origin);
		}
		pallet_models::Holder::<Runtime>::try_origin(origin, model)
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn try_successful_origin(model: &ModelId) -> Result<RuntimeOrigin, ()> {
		pallet_models::Holder::<Runtime>::try_successful_origin(model)
	}
}

/// Characters, models and collectives.
pub struct Items;

impl Anchors<AccountId> for Items {
	fn community(anchor: Anchor) -> Option<CommunityId> {
		match anchor {
			Anchor::Character(character) => {
				pallet_characters::Characters::<Runtime>::get(character).map(|info| info.community)
			}
			Anchor::Model(model) => CommunityOfModel::community_of(&model),
			Anchor::Identity(_) | Anchor::Collective(_) => None,
		}
	}

	fn anchor(community: CommunityId) -> Option<Anchor> {
		let character = pallet_characters::CharacterByCommunity::<Runtime>::get(community).map(Anchor::Character);
		character.or_else(|| pallet_models::ModelByCommunity::<Runtime>::get(community).map(Anchor::Model))
	}

	fn exists(anchor: Anchor) -> bool {
		match anchor {
			Anchor::Character(_) | Anchor::Model(_) | Anchor::Identity(_) => Self::owner(anchor).is_some(),
			Anchor::Collective(collective) => Self::members(collective).len() >= 2,
		}
	}

	fn owner(anchor: Anchor) -> Option<AccountId> {
		match anchor {
			Anchor::Character(character) => Characters::owner(character),
			Anchor::Model(model) => Models::owner(model),
			// People have no items yet.
			Anchor::Identity(_) | Anchor::Collective(_) => None,
		}
	}

	fn place(anchor: Anchor) -> Option<Place> {
		match anchor {
			Anchor::Character(character) => {
				Self::mind(anchor)?;
				Some(match Characters::seat(character)? {
					Seat::Own => Place::InX,
					Seat::Under(parent) => Place::Under(parent),
					Seat::Pooled(collective) => Place::Pooled(collective),
				})
			}
			Anchor::Collective(collective) => {
				let is_pooled = Characters::collective(collective)?.mode == CollectiveMode::Pooled;
				(is_pooled && Self::exists(anchor)).then_some(Place::InX)
			}
			Anchor::Model(_) | Anchor::Identity(_) => None,
		}
	}

	fn mind(anchor: Anchor) -> Option<Mind> {
		let Anchor::Character(character) = anchor else { return None };
		Self::owner(anchor)?;
		let info = pallet_characters::Characters::<Runtime>::get(character)?;
		Some(Mind { character, model: info.language_model?, persona: info.persona, changed_at: info.changed_at })
	}

	fn members(collective: CollectiveId) -> Vec<CharacterId> {
		Characters::collective(collective).map(|found| found.members.into_inner()).unwrap_or_default()
	}

	fn split(character: CharacterId) -> Option<Split> {
		let split = charter(character).ok()?.split;
		Some(Split {
			owner: split.owner.deconstruct(),
			investors: split.investors.deconstruct(),
			treasury: split.treasury.deconstruct(),
			fans: split.fans.deconstruct(),
		})
	}

	fn entry(character: CharacterId) -> Option<TierRow> {
		let charter = charter(character).ok()?;
		let first = usize::from(charter.advanced_from);
		let lowest = charter.tiers.get(..=first)?.iter();
		Some(lowest.fold(TierRow { bonded: 0, spent: 0 }, |most, tier| TierRow {
			bonded: most.bonded.max(tier.bonded),
			spent: most.spent.max(tier.spent),
		}))
	}
}

/// What a character has chosen, within the newest bounds of its template.
fn charter(character: CharacterId) -> Result<Customisation<Balance>, DispatchError> {
	let page = Characters::character(character).ok_or(pallet_characters::Error::<Runtime>::UnknownCharacter)?;
	Ok(page.charter)
}

/// What communities decide, done by the pallets that it is about, with the community's own origin. A referendum is voted on
/// by the character's treasury.
pub struct Doing;

impl Doing {
	fn customise(
		origin: RuntimeOrigin,
		character: CharacterId,
		change: impl FnOnce(&mut Customisation<Balance>) -> DispatchResult,
	) -> DispatchResult {
		let mut charter = charter(character)?;
		change(&mut charter)?;
		Characters::customise(origin, character, Box::new(charter))
	}

	fn split(origin: RuntimeOrigin, character: CharacterId, split: Split) -> DispatchResult {
		Self::customise(origin, character, |charter| {
			let Split { owner, investors, treasury, fans } = split;
			let named = [owner, investors, treasury, fans].into_iter().try_fold(0u32, u32::checked_add);
			let platform = named.and_then(|named| Permill::one().deconstruct().checked_sub(named));
			charter.split = pallet_characters::RevenueSplit {
				owner: Permill::from_parts(owner),
				investors: Permill::from_parts(investors),
				treasury: Permill::from_parts(treasury),
				fans: Permill::from_parts(fans),
				platform: platform
					.map(Permill::from_parts)
					.ok_or(pallet_characters::Error::<Runtime>::SplitNotWhole)?,
			};
			Ok(())
		})
	}

	fn tiers(origin: RuntimeOrigin, character: CharacterId, rows: &[TierRow], advanced_from: u8) -> DispatchResult {
		type Refused = pallet_characters::Error<Runtime>;
		Self::customise(origin, character, |charter| {
			let mut tiers = Vec::new();
			for (index, row) in rows.iter().enumerate() {
				// Tiers keep their names. A template says how many there can be.
				let name = charter.tiers.get(index).map(|tier| tier.name.clone()).ok_or(Refused::TiersOutOfBounds)?;
				tiers.push(FanTier { name, bonded: row.bonded, spent: row.spent });
			}
			charter.tiers = BoundedVec::try_from(tiers).map_err(|_| Refused::TiersOutOfBounds)?;
			charter.advanced_from = advanced_from;
			Ok(())
		})
	}

	/// The treasury of the community that has decided, as the account that votes. It has to be the character's own.
	fn voter(origin: RuntimeOrigin, character: CharacterId) -> Result<RuntimeOrigin, DispatchError> {
		let community = EnsureCommunity::ensure_origin(origin)?;
		let own = Items::community(Anchor::Character(character)) == Some(community);
		ensure!(own, pallet_characters::Error::<Runtime>::NotGovernor);
		Ok(RawOrigin::Signed(Bonds::treasury_of(community)).into())
	}
}

impl Subjects<RuntimeOrigin, Balance> for Doing {
	fn character(origin: RuntimeOrigin, character: CharacterId, action: CharacterAction) -> DispatchResult {
		match action {
			CharacterAction::SetPersona { persona } => Characters::set_persona(origin, character, persona),
			CharacterAction::SetModels { image, language } => {
				Characters::set_models(origin, character, image, language)
			}
			CharacterAction::SetSplit(split) => Self::split(origin, character, split),
			CharacterAction::SetTiers { rows, advanced_from } => Self::tiers(origin, character, &rows, advanced_from),
			CharacterAction::SetActive(active) => Characters::set_active(origin, character, active),
			CharacterAction::AcceptChild(child) => Characters::accept_child(origin, character, child),
			CharacterAction::AskParent(parent) => Characters::ask_parent(origin, character, parent),
			CharacterAction::LeaveParent => Characters::leave_parent(origin, character),
			CharacterAction::FoundCollective { name, pooled } => {
				let mode = if pooled { CollectiveMode::Pooled } else { CollectiveMode::Federated };
				Characters::found_collective(origin, character, name, mode)
			}
			CharacterAction::Invite(other) => Characters::invite(origin, character, other),
			CharacterAction::JoinCollective(collective) => Characters::join_collective(origin, collective, character),
			CharacterAction::LeaveCollective => Characters::leave_collective(origin, character),
			CharacterAction::VoteReferendum { referendum, aye, balance, conviction } => {
				let voter = Self::voter(origin, character)?;
				let conviction =
					Conviction::try_from(conviction).map_err(|()| pallet_dso::Error::<Runtime>::ActionNotAllowed)?;
				let vote = AccountVote::Standard { vote: Vote { aye, conviction }, balance };
				Democracy::vote(voter, referendum, vote)
			}
			CharacterAction::RemoveVote(referendum) => {
				Democracy::remove_vote(Self::voter(origin, character)?, referendum)
			}
		}
	}

	fn model(origin: RuntimeOrigin, model: ModelId, action: ModelAction<Balance>) -> DispatchResult {
		match action {
			ModelAction::AcceptVersion(proposal) => Models::accept_version(origin, proposal),
			ModelAction::RejectVersion(proposal) => Models::reject_version(origin, proposal),
			ModelAction::SetRules(rules) => {
				let charter = Charter {
					accept_at_gain: rules.accept_at_gain.map(Permill::from_parts),
					weights: ClassWeights {
						data: Permill::from_parts(rules.data),
						compute: Permill::from_parts(rules.compute),
						training: Permill::from_parts(rules.training),
					},
					evaluation_set: rules.evaluation_set,
				};
				Models::set_charter(origin, model, charter)
			}
			ModelAction::SetDataRoot { root, approved } => Models::set_data_root(origin, model, root, approved),
			ModelAction::OpenSource => Models::open_source(origin, model),
			ModelAction::SetPrice(price) => Models::set_price(origin, model, price),
			ModelAction::SetActive(active) => Models::set_active(origin, model, active),
		}
	}

	fn weight() -> Weight {
		type OfCharacters = <Runtime as pallet_characters::Config>::WeightInfo;
		type OfModels = <Runtime as pallet_models::Config>::WeightInfo;
		type OfDemocracy = <Runtime as pallet_democracy::Config>::WeightInfo;
		let most = <Runtime as pallet_democracy::Config>::MaxVotes::get();
		// What is read of a character before it is customised is what customising reads.
		let customise = OfCharacters::customise().saturating_mul(2);
		[
			customise,
			OfCharacters::set_persona(),
			OfCharacters::set_models(),
			OfCharacters::set_active(),
			OfCharacters::ask_parent(),
			OfCharacters::accept_child(),
			OfCharacters::leave_parent(),
			OfCharacters::found_collective(),
			OfCharacters::invite(),
			OfCharacters::join_collective(),
			OfCharacters::leave_collective(),
			OfDemocracy::vote_new(),
			OfDemocracy::vote_existing(),
			OfDemocracy::remove_vote(most),
			OfModels::accept_version(),
			OfModels::reject_version(),
			OfModels::set_charter(),
			OfModels::set_data_root(),
			OfModels::open_source(),
			OfModels::set_price(),
			OfModels::set_active(),
		]
		.into_iter()
		.fold(Weight::zero(), |most, weight| most.max(weight))
	}
}

// --- calls of X ---

/// The calls that each track of X dispatches. Nothing else is ever called with its origin.
pub struct AllowedCalls;

impl ContainsPair<Track, RuntimeCall> for AllowedCalls {
	fn contains(track: &Track, call: &RuntimeCall) -> bool {
		if let RuntimeCall::Parameters(pallet_parameters::Call::set_parameter { key_value }) = call {
			return Moved::by(key_value).is_some_and(|moved| moved.rule.track == *track && moved.is_within_bounds());
		}
		match track {
			Track::Templates => match call {
				RuntimeCall::Characters(pallet_characters::Call::set_template { .. })
				| RuntimeCall::Dso(pallet_dso::Call::lift_pause { .. }) => true,
				// Who decides in X, and what asks for more than this track does, is root's.
				RuntimeCall::Dso(pallet_dso::Call::set_template { kind, .. }) => *kind != KindTag::X,
				RuntimeCall::Dso(pallet_dso::Call::set_track { track, .. }) => {
					!matches!(track, Track::TreasuryLarge | Track::Constitution | Track::ConstitutionDual)
				}
				_ => false,
			},
			Track::Models => matches!(
				call,
				RuntimeCall::Models(
					pallet_models::Call::set_active { .. }
						| pallet_models::Call::accept_version { .. }
						| pallet_models::Call::reject_version { .. }
						| pallet_models::Call::resolve_dispute { .. }
				) | RuntimeCall::Inference(pallet_inference::Call::resolve_engine_fault { .. })
			),
			Track::Data => matches!(
				call,
				RuntimeCall::Models(
					pallet_models::Call::open_source { .. } | pallet_models::Call::set_data_root { .. }
				)
			),
			// These change parameters alone, or dispatch nothing.
			Track::Interaction
			| Track::Economic
			| Track::Wish
			| Track::TreasurySmall
			| Track::TreasuryLarge
			| Track::Constitution
			| Track::ConstitutionDual => false,
		}
	}
}

/// The number of a parameter that a call moves.
pub struct ParameterSteps;

impl StepSource<RuntimeCall> for ParameterSteps {
	fn step(call: &RuntimeCall) -> Option<Step> {
		let RuntimeCall::Parameters(pallet_parameters::Call::set_parameter { key_value }) = call else { return None };
		Moved::by(key_value).map(|moved| moved.step())
	}
}

/// Proposed versions of models: in the shadow from their proposal on, and evaluated by a job.
pub struct ProposedVersions;

impl TrialSource<RuntimeCall> for ProposedVersions {
	fn trial(call: &RuntimeCall) -> Option<Trial> {
		let RuntimeCall::Models(pallet_models::Call::accept_version { proposal }) = call else { return None };
		let Some(proposal) = pallet_models::Proposals::<Runtime>::get(proposal) else {
			return Some(Trial { since: None, evaluation: None });
		};
		let lifetime: BlockNumber = <Runtime as pallet_models::Config>::ProposalLifetime::get();
		let evaluation = match proposal.evaluation {
			Evaluation::None | Evaluation::Ordered { .. } => None,
			Evaluation::Measured { .. } => Some(BlakeTwo256::hash_of(&(proposal.candidate, proposal.evaluation)).0),
		};
		Some(Trial { since: Some(proposal.expires.saturating_sub(lifetime)), evaluation })
	}
}

/// Calls in words that an AI understands and nobody has chosen: ASCII, at most 300 bytes.
pub struct InWords;

impl CallWords<RuntimeCall> for InWords {
	fn words(call: &RuntimeCall) -> Option<String> {
		match call {
			RuntimeCall::Parameters(pallet_parameters::Call::set_parameter { key_value }) => {
				let moved = Moved::by(key_value)?;
				let (name, from, to) = (moved.name(), moved.from, moved.to);
				let moves = if to < from { "lowers" } else { "raises" };
				Some(format!("the call parameters.set_parameter {moves} {name}, from {from} to {to}"))
			}
			RuntimeCall::Characters(pallet_characters::Call::set_template { template, .. }) => Some(match template {
				Some(template) => format!("the call characters.set_template changes template {template} of characters"),
				None => "the call characters.set_template makes a new template of characters".into(),
			}),
			RuntimeCall::Dso(call) => of_dso(call),
			RuntimeCall::Models(call) => of_models(call),
			RuntimeCall::Inference(pallet_inference::Call::resolve_engine_fault { job, .. }) => {
				Some(format!("the call inference.resolve_engine_fault says what the fault of job {job} was"))
			}
			RuntimeCall::System(frame_system::Call::set_code { .. }) => {
				Some("the call system.set_code replaces the rules of the chain".into())
			}
			_ => None,
		}
	}
}

fn of_dso(call: &pallet_dso::Call<Runtime>) -> Option<String> {
	use pallet_dso::Call;
	match call {
		Call::set_template { kind, .. } => {
			Some(format!("the call dso.set_template changes what communities of the kind {kind:?} may choose"))
		}
		Call::set_track { track, terms: Some(terms) } => Some(format!(
			"the call dso.set_track asks on the track {track:?} for {} basis points of approval and {} of support",
			terms.approval, terms.support
		)),
		Call::set_track { track, terms: None } => {
			Some(format!("the call dso.set_track gives the track {track:?} its own terms again"))
		}
		Call::lift_pause { .. } => Some("the call dso.lift_pause lets what the guard has stopped go on".into()),
		Call::advance_phase { from, to } => {
			Some(format!("the call dso.advance_phase takes the chain from phase {from:?} to phase {to:?}"))
		}
		Call::regress_phase { to } => Some(format!("the call dso.regress_phase takes the chain back to phase {to:?}")),
		_ => None,
	}
}

fn of_models(call: &pallet_models::Call<Runtime>) -> Option<String> {
	use pallet_models::Call;
	match call {
		Call::set_active { model, active: true } => {
			Some(format!("the call models.set_active has model {model} take jobs"))
		}
		Call::set_active { model, active: false } => {
			Some(format!("the call models.set_active has model {model} take no jobs"))
		}
		Call::accept_version { proposal } => Some(format!(
			"the call models.accept_version makes proposed version {proposal} the current one of its model"
		)),
		Call::reject_version { proposal } => {
			Some(format!("the call models.reject_version rejects proposed version {proposal}"))
		}
		Call::resolve_dispute { model, contribution, uphold } => Some(format!(
			"the call models.resolve_dispute decides on contribution {contribution} to model {model}, upheld: {uphold}"
		)),
		Call::open_source { model } => {
			Some(format!("the call models.open_source opens model {model} to everybody, for ever"))
		}
		Call::set_data_root { model, approved, .. } => {
			Some(format!("the call models.set_data_root is about training data of model {model}, approved: {approved}"))
		}
		_ => None,
	}
}

// --- what phases need ---

/// What phases need of the other pallets. Each is one read.
pub struct Counts;

impl ChainState for Counts {
	fn active_characters() -> u32 {
		pallet_characters::ActiveCharacters::<Runtime>::get()
	}

	fn bonded_workers() -> u32 {
		pallet_inference::BondedOperators::<Runtime>::get()
	}

	fn unresolved_slashes() -> u32 {
		pallet_inference::EngineFaults::<Runtime>::count()
	}

	fn models_with_provenance() -> u32 {
		pallet_models::ModelsWithProvenance::<Runtime>::get()
	}
}

/// The key of sudo goes with the first advance: from then on only the holders are root. A development chain keeps it.
pub struct EndOfSudo;

impl OnPhase for EndOfSudo {
	fn on_phase(from: Phase, to: Phase) {
		// Only a development chain says at genesis what its phases need.
		let is_development = pallet_dso::GenesisNeeds::<Runtime>::exists();
		if to > from && !is_development {
			pallet_sudo::Key::<Runtime>::kill();
		}
	}
}

// --- the pallet ---

/// An hour of a governance day; at least a block.
pub struct QueuePeriod;

impl Get<BlockNumber> for QueuePeriod {
	fn get() -> BlockNumber {
		(Bonds::blocks_per_day() / 24).max(1)
	}
}

/// What AI seats cost and weigh, within the bounds of its rule.
pub struct BoundedSeatRules;

impl Get<SeatRules<Balance>> for BoundedSeatRules {
	fn get() -> SeatRules<Balance> {
		let rules: SeatRules<Balance> = dynamic::governance::Seats::get();
		SeatRules {
			burn: rules.burn.clamp(MICRO_AUTON, MAX_STAKE),
			backing: rules.backing.clamp(MICRO_AUTON, MAX_STAKE),
			opening: rules.opening.clamp(MILLI_AUTON, MAX_STAKE),
			target: rules.target.clamp(1, MAX_SEAT_TARGET),
			controller_cap: rules.controller_cap.clamp(CONTROLLER_CAP.0, CONTROLLER_CAP.1),
		}
	}
}

/// Least denominator of the holders in X: power of so many planck in the shortest tier.
pub struct TokenFloor;

impl Get<Power> for TokenFloor {
	fn get() -> Power {
		let floor: Balance = Within::<dynamic::governance::TokenFloor, AUTON, MAX_STAKE>::get();
		floor.saturating_mul(pallet_bonds::Tier::Days14.weight())
	}
}

/// The most that ordering a ballot job takes.
pub struct BallotWeight;

impl Get<Weight> for BallotWeight {
	fn get() -> Weight {
		<Runtime as pallet_inference::Config>::WeightInfo::submit_job()
	}
}

parameter_types! {
	pub const DsoPalletId: PalletId = PalletId(*b"aut/dso_");
	pub const PhaseNeeds: Needs = Needs::DEFAULT;
}

impl pallet_dso::Config for Runtime {
	type AdminOrigin = EitherOf<EnsureRoot<AccountId>, XTemplate>;
	type Anchors = Items;
	type Assets = Assets;
	type BadgeDays = ConstU32<180>;
	type BallotWeight = BallotWeight;
	type Ballots = Inference;
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = Helper;
	type BlocksPerDay = Days<1>;
	type CommunityDeposit = Within<dynamic::governance::CommunityDeposit, MIN_DEPOSIT, MAX_DEPOSIT>;
	type Currency = Balances;
	type DormantDays = ConstU32<180>;
	type Gate = Holders;
	type GuardOrigin = TwoThirdsOfGuard;
	type MaxGroups = ConstU32<16>;
	type OnPhase = EndOfSudo;
	type PalletId = DsoPalletId;
	type PhaseNeeds = PhaseNeeds;
	type Power = Bonds;
	type Preimages = Preimage;
	type ProposalDeposit = Within<dynamic::governance::ProposalDeposit, MIN_DEPOSIT, MAX_DEPOSIT>;
	type QueuePeriod = QueuePeriod;
	type Registry = Bonds;
	type RuntimeHoldReason = RuntimeHoldReason;
	type SeatRules = BoundedSeatRules;
	type State = Counts;
	type Steps = ParameterSteps;
	type Subjects = Doing;
	type TemplateOrigin = EitherOf<EnsureRoot<AccountId>, XTemplate>;
	type TokenFloor = TokenFloor;
	type TrackCalls = AllowedCalls;
	type Trials = ProposedVersions;
	type WeightInfo = pallet_dso::weights::SubstrateWeight<Runtime>;
	type Words = InWords;
}

/// Makes what benchmarks of pallet-dso need.
#[cfg(feature = "runtime-benchmarks")]
pub struct Helper;

#[cfg(feature = "runtime-benchmarks")]
impl pallet_dso::traits::BenchmarkHelper<AccountId, RuntimeCall> for Helper {
	fn character(owner: &AccountId) -> CharacterId {
		let _ = Balances::make_free_balance_be(owner, 1_000_000 * AUTON);
		let character = Characters::benchmark_character(owner);
		let treasury = Items::community(Anchor::Character(character)).map(Bonds::treasury_of);
		let _ = Balances::make_free_balance_be(&treasury.expect("it has a community"), 1_000_000 * AUTON);
		character
	}

	fn bond_in_x(who: &AccountId) {
		let _ = Balances::make_free_balance_be(who, 1_000_000 * AUTON);
		let origin = RawOrigin::Signed(who.clone()).into();
		let (x, pot) = (autonomy_primitives::community::X_COMMUNITY, autonomy_primitives::community::Pot::Auton);
		Bonds::bond(origin, x, pot, 500_000 * AUTON, pallet_bonds::Tier::Days168).expect("it has the money");
	}

	fn next_day() {
		let next = Bonds::today().saturating_add(1).saturating_mul(Bonds::blocks_per_day());
		frame_system::Pallet::<Runtime>::set_block_number(next);
	}

	fn call() -> RuntimeCall {
		RuntimeCall::Dso(pallet_dso::Call::lift_pause { scope: pallet_dso::Scope::All })
	}
}
