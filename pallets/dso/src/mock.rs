//! A chain of system, balances, nfts, assets with their freezer, bonds, preimages, scheduler, democracy and this pallet.
//! Characters and jobs are what a test says, and so are the holders, unless it asks for democracy itself.

use std::collections::{BTreeMap, BTreeSet};

use autonomy_governance::{Lean, Needs, Phase, Side, Track};
use autonomy_primitives::{
	community::{Class, Communities as _, CommunityId, Day, Pot, Power, PowerSink},
	digest::cid,
	CharacterId, JobId, ModelId,
};
use codec::Encode;
use frame_support::{
	assert_ok, derive_impl, parameter_types,
	traits::{
		fungible::{Inspect, Mutate},
		tokens::Preservation,
		AsEnsureOriginWithArg, Bounded, ConstBool, ConstU128, ConstU32, ConstU64, ContainsPair, EitherOf, EnsureOrigin,
		EqualPrivilegeOnly, Hooks, Nothing, QueryPreimage, ReservableCurrency,
	},
	weights::Weight,
	PalletId,
};
use frame_system::{EnsureNever, EnsureRoot, EnsureSigned};
use pallet_nfts::{CollectionConfig, CollectionSetting, CollectionSettings, ItemConfig, ItemSettings, PalletFeatures};
use sp_core::H256;
use sp_runtime::{
	traits::{IdentifyAccount, IdentityLookup, Verify},
	AccountId32, BuildStorage, DispatchError, DispatchResult, MultiSignature,
};

use crate as pallet_dso;
use crate::{
	actions::{Action, CharacterAction, ModelAction, Split, TierRow},
	origins::{EnsureCommunity, Origin, XConstitution, XConstitutionDual, XTemplate},
	traits::{
		Anchors, BallotOrder, BallotResults, Ballots, CallWords, ChainState, Mind, OnPhase, RootGate, Step, StepSource,
		Subjects, Trial, TrialSource, UsageSink,
	},
	types::{Anchor, Capacity, CollectiveId, Place, ProposalId, Prose, SeatRules, Status},
	ActionOf, Event, Outcome, ProposalOf, Proposals,
};

type Block = frame_system::mocking::MockBlock<Test>;

#[frame_support::runtime]
mod runtime {
	#[runtime::runtime]
	#[runtime::derive(
		RuntimeCall,
		RuntimeEvent,
		RuntimeError,
		RuntimeOrigin,
		RuntimeFreezeReason,
		RuntimeHoldReason,
		RuntimeSlashReason,
		RuntimeLockId,
		RuntimeTask,
		RuntimeViewFunction
	)]
	pub struct Test;

	#[runtime::pallet_index(0)]
	pub type System = frame_system;
	#[runtime::pallet_index(1)]
	pub type Balances = pallet_balances;
	#[runtime::pallet_index(2)]
	pub type Nfts = pallet_nfts;
	#[runtime::pallet_index(3)]
	pub type Assets = pallet_assets;
	#[runtime::pallet_index(4)]
	pub type AssetsFreezer = pallet_assets_freezer;
	#[runtime::pallet_index(5)]
	pub type Bonds = pallet_bonds;
	#[runtime::pallet_index(6)]
	pub type Preimage = pallet_preimage;
	#[runtime::pallet_index(7)]
	pub type Dso = pallet_dso;
	#[runtime::pallet_index(8)]
	pub type Scheduler = pallet_scheduler;
	#[runtime::pallet_index(9)]
	pub type Democracy = pallet_democracy;
}

pub type AccountPublic = <MultiSignature as Verify>::Signer;

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type AccountId = <AccountPublic as IdentifyAccount>::AccountId;
	type Lookup = IdentityLookup<Self::AccountId>;
	type Block = Block;
	type AccountData = pallet_balances::AccountData<u128>;
}

/// Existential deposit of the mock, in planck.
pub const ED: u128 = 10;

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
	type AccountStore = System;
	type Balance = u128;
	type ExistentialDeposit = ConstU128<ED>;
	type FreezeIdentifier = RuntimeFreezeReason;
	type MaxFreezes = ConstU32<1>;
}

#[derive_impl(pallet_assets::config_preludes::TestDefaultConfig)]
impl pallet_assets::Config for Test {
	type Balance = u128;
	type Currency = Balances;
	type CreateOrigin = AsEnsureOriginWithArg<EnsureSigned<Self::AccountId>>;
	type ForceOrigin = EnsureRoot<Self::AccountId>;
	type Freezer = AssetsFreezer;
}

impl pallet_assets_freezer::Config for Test {
	type RuntimeEvent = RuntimeEvent;
	type RuntimeFreezeReason = RuntimeFreezeReason;
}

parameter_types! {
	pub Features: PalletFeatures = PalletFeatures::all_enabled();
	pub const BondsPalletId: PalletId = PalletId(*b"aut/bond");
	pub const DsoPalletId: PalletId = PalletId(*b"aut/dso_");
	/// Communities of characters.
	pub static CharacterCommunities: BTreeMap<CharacterId, CommunityId> = BTreeMap::new();
	/// Communities of models.
	pub static ModelCommunities: BTreeMap<ModelId, CommunityId> = BTreeMap::new();
	/// Parents of characters.
	pub static Parents: BTreeMap<CharacterId, CharacterId> = BTreeMap::new();
	/// Members of collectives, and whether each is pooled.
	pub static Collectives: BTreeMap<CollectiveId, (bool, Vec<CharacterId>)> = BTreeMap::new();
	/// Blocks at which characters changed last.
	pub static ChangedAt: BTreeMap<CharacterId, u32> = BTreeMap::new();
	/// Models that characters talk with, where it is not number 7.
	pub static RunsOn: BTreeMap<CharacterId, ModelId> = BTreeMap::new();
	/// What fans of characters have to have to vote.
	pub static Entries: BTreeMap<CharacterId, TierRow> = BTreeMap::new();
	/// How characters divide what they earn.
	pub static Splits: BTreeMap<CharacterId, Split> = BTreeMap::new();
	/// What communities have done to characters and models: by whom, to which, what.
	pub static Done: Vec<(CommunityId, Anchor, Vec<u8>)> = Vec::new();
	/// Whether that fails now.
	pub static SubjectsFail: bool = false;
	/// Ballot jobs in order: number 1 is the first.
	pub static Orders: Vec<BallotOrder<AccountId32>> = Vec::new();
	/// What a ballot job costs.
	pub static BallotFee: u128 = 0;
	/// Whether that is put on hold, as a job does, and not paid at once.
	pub static BallotIsHeld: bool = false;
	/// What phases need.
	pub static NeedsNow: Needs = Needs::DEFAULT;
	/// Since when that which a remark puts into use has been tried, and how it was evaluated; none for a remark that puts
	/// nothing into use.
	pub static Tried: Option<(Option<u32>, Option<[u8; 32]>)> = None;
	/// Whether the gate is pallet-democracy, and not what the statics below say.
	pub static IsDemocracy: bool = false;
	pub const MaximumWeight: Weight = Weight::MAX;
	/// What the gate has before the holders.
	pub static Tabled: Option<H256> = None;
	/// What it had, in order, with its origin.
	pub static Submitted: Vec<(Origin, H256)> = Vec::new();
	/// Calls that the gate never takes.
	pub static Blacklist: BTreeSet<H256> = BTreeSet::new();
	/// Active characters, bonded workers, slashes, models with provenance.
	pub static State: (u32, u32, u32, u32) = (20, 15, 0, 1);
	/// Phases that have begun, with those before.
	pub static Begun: Vec<(Phase, Phase)> = Vec::new();
	/// The fee that X changes.
	pub static Fee: u128 = 1_000;
	pub static SeatRulesNow: SeatRules<u128> =
		SeatRules { burn: U, backing: S, opening: F0, target: 4, controller_cap: 2_000 };
	pub const TokenFloor: Power = 1_000;
}

impl pallet_nfts::Config for Test {
	type RuntimeEvent = RuntimeEvent;
	type CollectionId = u32;
	type ItemId = u32;
	type Currency = Balances;
	type CreateOrigin = AsEnsureOriginWithArg<EnsureSigned<Self::AccountId>>;
	type ForceOrigin = EnsureRoot<Self::AccountId>;
	type Locker = ();
	type CollectionDeposit = ConstU128<200>;
	type ItemDeposit = ConstU128<100>;
	type MetadataDepositBase = ConstU128<100>;
	type AttributeDepositBase = ConstU128<100>;
	type DepositPerByte = ConstU128<1>;
	type StringLimit = ConstU32<256>;
	type KeyLimit = ConstU32<64>;
	type ValueLimit = ConstU32<256>;
	type ApprovalsLimit = ConstU32<10>;
	type ItemAttributesApprovalsLimit = ConstU32<2>;
	type MaxTips = ConstU32<10>;
	type MaxDeadlineDuration = ConstU64<10_000>;
	type MaxAttributesPerCall = ConstU32<2>;
	type Features = Features;
	type OffchainSignature = MultiSignature;
	type OffchainPublic = AccountPublic;
	type WeightInfo = ();
	#[cfg(feature = "runtime-benchmarks")]
	type Helper = ();
	type BlockNumberProvider = System;
}

/// Blocks of a day.
pub const DAY: u64 = 10;
/// Blocks from submission to the first ballot.
pub const QUEUE: u64 = 3;
/// Burned by use for a weight of 100.
pub const U: u128 = 1_000;
/// Bonded behind a seat for a weight of 100.
pub const S: u128 = 10_000;
/// What the first seat burns.
pub const F0: u128 = 500;
/// Storage deposit of a community.
pub const COMMUNITY_DEPOSIT: u128 = 100;
/// Deposit of a proposal.
pub const PROPOSAL_DEPOSIT: u128 = 1_000;

impl pallet_bonds::Config for Test {
	type Currency = Balances;
	type Shares = AssetsFreezer;
	type RuntimeFreezeReason = RuntimeFreezeReason;
	type Unvested = ();
	type Excluded = Nothing;
	type PalletId = BondsPalletId;
	type BlocksPerDay = ConstU64<DAY>;
	type MinBond = ConstU128<100>;
	type MaxBonds = ConstU32<32>;
	type MaxChunks = ConstU32<16>;
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = NoHelper;
	type WeightInfo = ();
}

/// Bonds are not benchmarked here.
#[cfg(feature = "runtime-benchmarks")]
pub struct NoHelper;
#[cfg(feature = "runtime-benchmarks")]
impl pallet_bonds::BenchmarkHelper<AccountId32, u32, u128> for NoHelper {
	fn create_shares(_: &AccountId32, _: u128) -> u32 {
		u32::MAX
	}
}

impl pallet_preimage::Config for Test {
	type RuntimeEvent = RuntimeEvent;
	type WeightInfo = ();
	type Currency = Balances;
	type ManagerOrigin = EnsureRoot<AccountId32>;
	type Consideration = ();
}

impl pallet_scheduler::Config for Test {
	type RuntimeEvent = RuntimeEvent;
	type RuntimeOrigin = RuntimeOrigin;
	type PalletsOrigin = OriginCaller;
	type RuntimeCall = RuntimeCall;
	type MaximumWeight = MaximumWeight;
	type ScheduleOrigin = EnsureRoot<AccountId32>;
	type MaxScheduledPerBlock = ConstU32<100>;
	type WeightInfo = ();
	type OriginPrivilegeCmp = EqualPrivilegeOnly;
	type Preimages = Preimage;
	type BlockNumberProvider = System;
}

/// Blocks from one referendum to the next.
pub const LAUNCH: u64 = 5;

impl pallet_democracy::Config for Test {
	type RuntimeEvent = RuntimeEvent;
	type Currency = Balances;
	type EnactmentPeriod = ConstU64<2>;
	type LaunchPeriod = ConstU64<LAUNCH>;
	type VotingPeriod = ConstU64<100_000>;
	type VoteLockingPeriod = ConstU64<3>;
	type FastTrackVotingPeriod = ConstU64<100_000>;
	type MinimumDeposit = ConstU128<100>;
	type MaxDeposits = ConstU32<64>;
	type MaxBlacklisted = ConstU32<5>;
	type SubmitOrigin = EnsureSigned<AccountId32>;
	type ExternalOrigin = XConstitution;
	type ExternalMajorityOrigin = XConstitutionDual;
	type ExternalDefaultOrigin = EnsureNever<()>;
	type FastTrackOrigin = EnsureGuard;
	type CancellationOrigin = EnsureGuard;
	type BlacklistOrigin = EnsureRoot<AccountId32>;
	type CancelProposalOrigin = EnsureRoot<AccountId32>;
	type VetoOrigin = EnsureSigned<AccountId32>;
	type CooloffPeriod = ConstU64<2>;
	type Slash = ();
	type InstantOrigin = EnsureNever<()>;
	type InstantAllowed = ConstBool<false>;
	type Scheduler = Scheduler;
	type MaxVotes = ConstU32<64>;
	type PalletsOrigin = OriginCaller;
	type WeightInfo = ();
	type MaxProposals = ConstU32<32>;
	type Preimages = Preimage;
}

/// Items of pallet-nfts, and what the statics above say.
pub struct MockAnchors;
/// Collection of characters.
pub const CHARACTERS: u32 = 0;
/// Collection of models.
pub const MODELS: u32 = 1;
/// Collection of identities.
pub const IDENTITIES: u32 = 2;

impl Anchors<AccountId32> for MockAnchors {
	fn community(anchor: Anchor) -> Option<CommunityId> {
		match anchor {
			Anchor::Character(id) => CharacterCommunities::get().get(&id).copied(),
			Anchor::Model(id) => ModelCommunities::get().get(&id).copied(),
			Anchor::Identity(_) | Anchor::Collective(_) => None,
		}
	}

	fn anchor(community: CommunityId) -> Option<Anchor> {
		let character = CharacterCommunities::get().into_iter().find(|(_, of)| *of == community);
		let model = ModelCommunities::get().into_iter().find(|(_, of)| *of == community);
		character.map(|(id, _)| Anchor::Character(id)).or(model.map(|(id, _)| Anchor::Model(id)))
	}

	fn exists(anchor: Anchor) -> bool {
		match anchor {
			Anchor::Collective(id) => Self::members(id).len() >= 2,
			Anchor::Character(_) | Anchor::Model(_) | Anchor::Identity(_) => Self::owner(anchor).is_some(),
		}
	}

	fn owner(anchor: Anchor) -> Option<AccountId32> {
		match anchor {
			Anchor::Character(id) => Nfts::owner(CHARACTERS, id),
			Anchor::Model(id) => Nfts::owner(MODELS, id),
			Anchor::Identity(id) => Nfts::owner(IDENTITIES, id),
			Anchor::Collective(_) => None,
		}
	}

	fn place(anchor: Anchor) -> Option<Place> {
		match anchor {
			Anchor::Character(id) => {
				Self::owner(anchor)?;
				if let Some(parent) = Parents::get().get(&id) {
					return Some(Place::Under(*parent));
				}
				let pooled = Collectives::get().into_iter().find(|(_, (pooled, of))| *pooled && of.contains(&id));
				Some(pooled.map_or(Place::InX, |(collective, _)| Place::Pooled(collective)))
			}
			Anchor::Collective(id) => {
				Collectives::get().get(&id).is_some_and(|(pooled, _)| *pooled).then_some(Place::InX)
			}
			Anchor::Model(_) | Anchor::Identity(_) => None,
		}
	}

	fn mind(anchor: Anchor) -> Option<Mind> {
		let Anchor::Character(character) = anchor else { return None };
		Self::owner(anchor)?;
		let changed_at = ChangedAt::get().get(&character).copied().unwrap_or(0);
		let model = RunsOn::get().get(&character).copied().unwrap_or(7);
		Some(Mind { character, model, persona: cid(&character.to_le_bytes()), changed_at })
	}

	fn members(collective: CollectiveId) -> Vec<CharacterId> {
		Collectives::get().get(&collective).map(|(_, members)| members.clone()).unwrap_or_default()
	}

	fn split(character: CharacterId) -> Option<Split> {
		Splits::get().get(&character).copied()
	}

	fn entry(character: CharacterId) -> Option<TierRow> {
		Entries::get().get(&character).copied()
	}
}

/// Records what is done, after checking whose origin it is.
pub struct MockSubjects;
impl MockSubjects {
	fn record(origin: RuntimeOrigin, anchor: Anchor, what: Vec<u8>) -> DispatchResult {
		let community = EnsureCommunity::try_origin(origin).map_err(|_| DispatchError::BadOrigin)?;
		frame_support::ensure!(MockAnchors::community(anchor) == Some(community), "another community's");
		frame_support::ensure!(!SubjectsFail::get(), "it fails");
		Done::mutate(|done| done.push((community, anchor, what)));
		Ok(())
	}
}
impl Subjects<RuntimeOrigin, u128> for MockSubjects {
	fn character(origin: RuntimeOrigin, character: CharacterId, action: CharacterAction) -> DispatchResult {
		Self::record(origin, Anchor::Character(character), action.encode())
	}

	fn model(origin: RuntimeOrigin, model: ModelId, action: ModelAction<u128>) -> DispatchResult {
		Self::record(origin, Anchor::Model(model), action.encode())
	}

	fn weight() -> Weight {
		Weight::zero()
	}
}

/// Numbers jobs in order and keeps them in [`Orders`]. The issuer of shares gets what they cost.
pub struct MockBallots;
impl Ballots<AccountId32> for MockBallots {
	type Error = DispatchError;

	fn order(order: BallotOrder<AccountId32>) -> Result<JobId, DispatchError> {
		let fee = BallotFee::get();
		if fee > 0 {
			let (payer, keep) = (&order.payer, Preservation::Preserve);
			if BallotIsHeld::get() {
				<Balances as ReservableCurrency<AccountId32>>::reserve(payer, fee)?;
			} else {
				<Balances as Mutate<AccountId32>>::transfer(payer, &account(ISSUER), fee, keep)?;
			}
		}
		Orders::mutate(|orders| orders.push(order));
		Ok(Orders::get().len() as JobId)
	}
}

/// Takes one motion at a time, as democracy does; or is democracy.
pub struct MockGate;
impl RootGate<H256> for MockGate {
	fn is_free() -> bool {
		if IsDemocracy::get() {
			!pallet_democracy::NextExternal::<Test>::exists()
		} else {
			Tabled::get().is_none()
		}
	}

	fn submit(origin: Origin, hash: H256, len: u32) -> DispatchResult {
		if IsDemocracy::get() {
			let call = Bounded::Lookup { hash, len };
			return match origin {
				Origin::ConstitutionDual => Democracy::external_propose_majority(origin.into(), call),
				_ => Democracy::external_propose(origin.into(), call),
			};
		}
		frame_support::ensure!(Self::is_free(), "it would take another one's place");
		frame_support::ensure!(!Blacklist::get().contains(&hash), "it is on the blacklist");
		Tabled::set(Some(hash));
		Submitted::mutate(|submitted| submitted.push((origin, hash)));
		Ok(())
	}

	fn weight() -> Weight {
		Weight::zero()
	}
}

/// What [`State`] says.
pub struct MockState;
impl ChainState for MockState {
	fn active_characters() -> u32 {
		State::get().0
	}

	fn bonded_workers() -> u32 {
		State::get().1
	}

	fn unresolved_slashes() -> u32 {
		State::get().2
	}

	fn models_with_provenance() -> u32 {
		State::get().3
	}
}

/// Takes down what it is told in [`Begun`].
pub struct MockListener;
impl OnPhase for MockListener {
	fn on_phase(from: Phase, to: Phase) {
		Begun::mutate(|begun| begun.push((from, to)));
	}
}

/// Templates set templates and terms of tracks and lift pauses; the others remark.
pub struct MockCalls;
impl ContainsPair<Track, RuntimeCall> for MockCalls {
	fn contains(track: &Track, call: &RuntimeCall) -> bool {
		match call {
			RuntimeCall::Dso(
				crate::Call::set_template { .. } | crate::Call::set_track { .. } | crate::Call::lift_pause { .. },
			) => *track == Track::Templates,
			RuntimeCall::System(frame_system::Call::remark { .. }) => {
				matches!(track, Track::Economic | Track::Interaction | Track::Models | Track::Data)
			}
			_ => false,
		}
	}
}

/// A remark of sixteen bytes sets the fee to what they say.
pub struct MockSteps;
impl StepSource<RuntimeCall> for MockSteps {
	fn step(call: &RuntimeCall) -> Option<Step> {
		let RuntimeCall::System(frame_system::Call::remark { remark }) = call else { return None };
		let to = u128::from_le_bytes(remark.as_slice().try_into().ok()?);
		Some(Step { key: [7; 32], from: Fee::get(), to })
	}
}

/// What [`Tried`] says, of remarks.
pub struct MockTrials;
impl TrialSource<RuntimeCall> for MockTrials {
	fn trial(call: &RuntimeCall) -> Option<Trial> {
		let RuntimeCall::System(frame_system::Call::remark { .. }) = call else { return None };
		Tried::get().map(|(since, evaluation)| Trial { since, evaluation })
	}
}

/// A remark of sixteen bytes in words.
pub struct MockWords;
impl CallWords<RuntimeCall> for MockWords {
	fn words(call: &RuntimeCall) -> Option<String> {
		Some(format!("the fee becomes {}", MockSteps::step(call)?.to))
	}
}

/// The account [`GUARD`].
pub struct EnsureGuard;
impl EnsureOrigin<RuntimeOrigin> for EnsureGuard {
	type Success = ();

	fn try_origin(origin: RuntimeOrigin) -> Result<(), RuntimeOrigin> {
		match frame_system::ensure_signed(origin.clone()) {
			Ok(who) if who == account(GUARD) => Ok(()),
			_ => Err(origin),
		}
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn try_successful_origin() -> Result<RuntimeOrigin, ()> {
		Ok(signed(GUARD))
	}
}

impl pallet_dso::Config for Test {
	type Currency = Balances;
	type RuntimeHoldReason = RuntimeHoldReason;
	type Assets = Assets;
	type Registry = Bonds;
	type Power = Bonds;
	type Anchors = MockAnchors;
	type Subjects = MockSubjects;
	type Preimages = Preimage;
	type TrackCalls = MockCalls;
	type Steps = MockSteps;
	type Trials = MockTrials;
	type Words = MockWords;
	type BallotWeight = ();
	type Ballots = MockBallots;
	type Gate = MockGate;
	type State = MockState;
	type PhaseNeeds = NeedsNow;
	type OnPhase = MockListener;
	type TemplateOrigin = EitherOf<EnsureRoot<AccountId32>, XTemplate>;
	type AdminOrigin = EitherOf<EnsureRoot<AccountId32>, XTemplate>;
	type GuardOrigin = EnsureGuard;
	type SeatRules = SeatRulesNow;
	type TokenFloor = TokenFloor;
	type PalletId = DsoPalletId;
	type BlocksPerDay = ConstU64<DAY>;
	type QueuePeriod = ConstU64<QUEUE>;
	type CommunityDeposit = ConstU128<COMMUNITY_DEPOSIT>;
	type ProposalDeposit = ConstU128<PROPOSAL_DEPOSIT>;
	type BadgeDays = ConstU32<60>;
	type DormantDays = ConstU32<100>;
	type MaxGroups = ConstU32<3>;
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = MockHelper;
	type WeightInfo = ();
}

/// Makes what benchmarks need.
#[cfg(feature = "runtime-benchmarks")]
pub struct MockHelper;
#[cfg(feature = "runtime-benchmarks")]
impl crate::traits::BenchmarkHelper<AccountId32, RuntimeCall> for MockHelper {
	fn character(owner: &AccountId32) -> CharacterId {
		let id = CharacterCommunities::get().len() as CharacterId + 1;
		new_character(id, owner.clone());
		RunsOn::mutate(|models| models.insert(id, MODEL));
		id
	}

	fn bond_in_x(who: &AccountId32) {
		assert_ok!(Balances::force_set_balance(RuntimeOrigin::root(), who.clone(), FUNDS));
		let tier = pallet_bonds::Tier::Days168;
		assert_ok!(Bonds::bond(RuntimeOrigin::signed(who.clone()), X, Pot::Auton, FUNDS / 2, tier));
	}

	fn next_day() {
		go_on(1);
	}

	fn call() -> RuntimeCall {
		template_call()
	}
}

/// Balance that every funded account starts with.
pub const FUNDS: u128 = 1_000_000_000;
/// X.
pub const X: CommunityId = 0;
/// Holds the first characters; has bonded in X.
pub const ALICE: u8 = 1;
/// Has bonded in X.
pub const BOB: u8 = 2;
/// Has bonded in X.
pub const CAROL: u8 = 3;
/// Has nothing but money.
pub const DAVE: u8 = 4;
/// Another one.
pub const EVE: u8 = 5;
/// Last of the accounts with money.
pub const LAST: u8 = 40;
/// The committee.
pub const GUARD: u8 = 99;
/// The account that issues shares.
pub const ISSUER: u8 = 98;
/// The character that most tests are about.
pub const ADA: CharacterId = 1;
/// The model that tests are about.
pub const MODEL: ModelId = 1;

pub fn account(n: u8) -> AccountId32 {
	AccountId32::new([n; 32])
}

pub fn signed(n: u8) -> RuntimeOrigin {
	RuntimeOrigin::signed(account(n))
}

/// What an account has, what is on hold counted.
pub fn wealth(n: u8) -> u128 {
	Balances::total_balance(&account(n))
}

/// First block of a day.
pub fn go_to_day(day: Day) {
	go_to(u64::from(day) * DAY);
}

/// First block of the day that is some days from now.
pub fn go_on(days: Day) {
	go_to_day(Bonds::today() + days);
}

/// A block, later than now.
pub fn go_to(block: u64) {
	System::set_block_number(block.max(System::block_number()));
}

/// Mints the NFT of a character and opens its community in pallet-bonds. Its shares are the asset `100 + id`.
pub fn new_character(id: CharacterId, owner: AccountId32) -> CommunityId {
	mint(CHARACTERS, id, owner);
	let shares = 100 + id;
	assert_ok!(Assets::force_create(RuntimeOrigin::root(), shares, account(ISSUER), true, 1));
	let community = Bonds::open(Some(shares)).unwrap();
	CharacterCommunities::mutate(|map| map.insert(id, community));
	community
}

fn mint(collection: u32, id: u32, owner: AccountId32) {
	let config = ItemConfig { settings: ItemSettings::all_enabled() };
	assert_ok!(Nfts::force_mint(RuntimeOrigin::root(), collection, id, owner, config));
}

/// The community of a character.
pub fn of(character: CharacterId) -> CommunityId {
	CharacterCommunities::get()[&character]
}

/// The community of [`MODEL`].
pub fn of_model() -> CommunityId {
	ModelCommunities::get()[&MODEL]
}

pub fn treasury(community: CommunityId) -> AccountId32 {
	Bonds::treasury_of(community)
}

/// Gives a treasury money.
pub fn endow(community: CommunityId, amount: u128) {
	assert_ok!(Balances::transfer_allow_death(signed(LAST), treasury(community), amount));
}

/// Sells the NFT of a character.
pub fn sell(character: CharacterId, from: u8, to: u8) {
	assert_ok!(Nfts::transfer(signed(from), CHARACTERS, character, account(to)));
}

/// Bonds AUTON in the shortest tier.
pub fn bond(who: u8, community: CommunityId, amount: u128) {
	assert_ok!(Bonds::bond(signed(who), community, Pot::Auton, amount, pallet_bonds::Tier::Days14));
}

/// Gives an account shares of a character, and bonds them.
pub fn invest(who: u8, character: CharacterId, shares: u128) {
	assert_ok!(Assets::mint(signed(ISSUER), 100 + character, account(who), shares));
	assert_ok!(Bonds::bond(signed(who), of(character), Pot::Shares, shares, pallet_bonds::Tier::Days14));
}

/// Sets the power of an account in a class that is not bonded.
pub fn set_power(who: u8, community: CommunityId, class: Class, power: Power) {
	assert_ok!(<Bonds as PowerSink<AccountId32>>::set_power(community, class, &account(who), power));
}

/// Makes an account a fan of the most points.
pub fn fan(who: u8, character: CharacterId) {
	set_power(who, of(character), Class::Fan, 5);
}

/// An account claims the seat of its character.
pub fn claim(who: u8, character: CharacterId) {
	assert_ok!(Dso::claim_seat(signed(who), of(character), Anchor::Character(character)));
}

/// The use of a character's AI burns something.
pub fn use_ai(character: CharacterId, burned: u128) {
	<Dso as UsageSink<u128>>::on_burned(of(character), burned);
}

/// Opens seats of characters' AIs in X with a weight each: use in this period, backing by Eve, and the seats in the next
/// one. It is the second day of that period afterwards.
pub fn seat_ais(characters: &[CharacterId], weight: u128) {
	for character in characters {
		if !crate::CommunityByAnchor::<Test>::contains_key(Anchor::Character(*character)) {
			assert_ok!(Dso::open_community(signed(DAVE), Anchor::Character(*character)));
		}
		use_ai(*character, U * weight / 100);
		bond(EVE, of(*character), S * weight / 100);
	}
	go_to_day((Bonds::today() / 30 + 1) * 30);
	for character in characters {
		assert_ok!(Dso::open_ai_seat(signed(DAVE), of(*character)));
	}
	go_on(1);
}

/// A call that the track of templates allows: the template of groups, as it is.
pub fn template_call() -> RuntimeCall {
	let kind = crate::KindTag::Group;
	RuntimeCall::Dso(crate::Call::set_template { kind, template: Box::new(crate::templates::default_template(kind)) })
}

/// A call that the tracks of the economy and of interaction allow.
pub fn fee_call(fee: u128) -> RuntimeCall {
	RuntimeCall::System(frame_system::Call::remark { remark: fee.to_le_bytes().to_vec() })
}

/// Notes a call, and gives its hash and length.
pub fn note(call: &RuntimeCall) -> (H256, u32) {
	let bytes = call.encode();
	let len = bytes.len() as u32;
	// As a user does: the preimage is the user's until it is requested.
	let noted = Preimage::note_preimage(signed(LAST), bytes.clone());
	let hash = sp_crypto_hashing::blake2_256(&bytes).into();
	assert!(noted.is_ok() || <Preimage as QueryPreimage>::len(&hash) == Some(len));
	(hash, len)
}

/// Weight that is enough for any call.
pub const ENOUGH: Weight = Weight::MAX;

pub fn prose(text: &str) -> Prose {
	text.as_bytes().to_vec().try_into().unwrap()
}

/// Proposes something and gives its number.
pub fn propose(who: u8, community: CommunityId, action: ActionOf<Test>) -> ProposalId {
	assert_ok!(Dso::submit(signed(who), community, Box::new(action), prose("please")));
	crate::NextProposalId::<Test>::get() - 1
}

pub fn dispatch(track: Track, call: &RuntimeCall) -> ActionOf<Test> {
	let (hash, len) = note(call);
	Action::Dispatch { track, hash, len }
}

pub fn motion(dual: bool, call: &RuntimeCall) -> ActionOf<Test> {
	let (hash, len) = note(call);
	Action::Motion { dual, hash, len }
}

pub fn proposal(id: ProposalId) -> ProposalOf<Test> {
	Proposals::<Test>::get(id).unwrap()
}

/// Goes to the first block in which ballots are taken.
pub fn open(id: ProposalId) {
	go_to(proposal(id).voting.start.into());
}

/// Goes to the cut-off.
pub fn cut_off(id: ProposalId) {
	go_to(proposal(id).voting.cut_off().into());
}

/// Goes to the end of voting.
pub fn finish(id: ProposalId) {
	go_to(proposal(id).voting.end().into());
}

/// Ends voting and counts.
pub fn close(id: ProposalId) {
	finish(id);
	assert_ok!(Dso::close(signed(DAVE), id));
}

/// Goes to the end of the time-lock.
pub fn unlock(id: ProposalId) {
	let Status::Approved { from, .. } = proposal(id).status else { panic!("{:?}", proposal(id).status) };
	go_to(from.into());
}

/// Waits for the time-lock and executes.
pub fn execute(id: ProposalId) {
	unlock(id);
	assert_ok!(Dso::execute(signed(DAVE), id, ENOUGH));
}

/// Votes as member of a class.
pub fn vote(who: u8, id: ProposalId, class: Class, side: Side) {
	assert_ok!(Dso::vote(signed(who), id, Capacity::Member(class), side));
}

/// Votes as holder of a character.
pub fn vote_as_holder(who: u8, id: ProposalId, character: CharacterId, side: Side) {
	assert_ok!(Dso::vote(signed(who), id, Capacity::Holder(Anchor::Character(character)), side));
}

/// Holders of AUTON: Alice, Bob and Carol for it.
pub fn all_for(id: ProposalId) {
	open(id);
	for who in [ALICE, BOB, CAROL] {
		vote(who, id, Class::Token, Side::Aye);
	}
}

/// Proposes in X, has everybody vote for it, and counts.
pub fn pass(who: u8, action: ActionOf<Test>) -> ProposalId {
	let id = propose(who, X, action);
	all_for(id);
	close(id);
	id
}

/// Asks an AI and gives the job.
pub fn ask(id: ProposalId, character: CharacterId) -> JobId {
	assert_ok!(Dso::request_decision(signed(DAVE), id, of(character)));
	Orders::get().len() as JobId
}

/// A job ends.
pub fn answer(job: JobId, percent: Option<i8>) {
	<Dso as BallotResults>::on_ballot(job, percent);
}

/// Counts AIs.
pub fn settle(id: ProposalId, characters: &[CharacterId]) {
	let children: Vec<_> = characters.iter().map(|id| of(*id)).collect();
	assert_ok!(Dso::settle_ai(signed(DAVE), id, children.try_into().unwrap()));
}

/// The chain is in a phase, whatever it takes.
pub fn set_phase(phase: Phase) {
	crate::CurrentPhase::<Test>::put(crate::PhaseInfo { reached: phase, since: Bonds::today(), suspension: None });
}

pub fn percent(value: i8) -> Lean {
	Lean::from_billionths(i32::from(value) * 10_000_000)
}

/// Everything that `on_idle` does with all the weight that it wants.
pub fn idle() {
	Dso::on_idle(System::block_number(), Weight::MAX);
}

/// Genesis with three holders of AUTON in X, 1,000,000 each; characters 1 to 8 of Alice; a model of Alice. Block 400, the
/// first of day 40, so that every day of the window is there.
pub fn new_test_ext() -> sp_io::TestExternalities {
	let config = RuntimeGenesisConfig {
		balances: pallet_balances::GenesisConfig {
			balances: (ALICE..=LAST).chain([GUARD, ISSUER]).map(|n| (account(n), FUNDS)).collect(),
			..Default::default()
		},
		..Default::default()
	};
	let mut ext = sp_io::TestExternalities::new(config.build_storage().unwrap());
	ext.execute_with(|| {
		CharacterCommunities::set(BTreeMap::new());
		ModelCommunities::set(BTreeMap::new());
		Parents::set(BTreeMap::new());
		Collectives::set(BTreeMap::new());
		ChangedAt::set(BTreeMap::new());
		RunsOn::set(BTreeMap::new());
		Entries::set(BTreeMap::new());
		Splits::set(BTreeMap::new());
		Done::set(Vec::new());
		SubjectsFail::set(false);
		Orders::set(Vec::new());
		BallotFee::set(0);
		BallotIsHeld::set(false);
		NeedsNow::set(Needs::DEFAULT);
		Tried::set(None);
		IsDemocracy::set(false);
		Tabled::set(None);
		Submitted::set(Vec::new());
		Blacklist::set(BTreeSet::new());
		State::set((20, 15, 0, 1));
		Begun::set(Vec::new());
		Fee::set(1_000);
		SeatRulesNow::set(SeatRules { burn: U, backing: S, opening: F0, target: 4, controller_cap: 2_000 });
		System::set_block_number(39 * DAY);
		for _ in [CHARACTERS, MODELS, IDENTITIES] {
			let settings = CollectionSettings::from_disabled(CollectionSetting::DepositRequired.into());
			let config = CollectionConfig { settings, max_supply: None, mint_settings: Default::default() };
			assert_ok!(Nfts::force_create(RuntimeOrigin::root(), account(ISSUER), config));
		}
		for character in 1..=8 {
			new_character(character, account(ALICE));
		}
		mint(MODELS, MODEL, account(ALICE));
		let community = Bonds::open(None).unwrap();
		ModelCommunities::mutate(|map| map.insert(MODEL, community));
		mint(IDENTITIES, 1, account(BOB));
		for who in [ALICE, BOB, CAROL] {
			bond(who, X, 1_000_000);
		}
		System::set_block_number(40 * DAY);
		System::reset_events();
	});
	// Benchmarks go back to this state for each of their steps.
	ext.commit_all().unwrap();
	ext
}

/// Runs a test. After it [`check`] holds.
pub fn build_and_execute(test: impl FnOnce()) {
	new_test_ext().execute_with(|| {
		test();
		check().unwrap();
	});
}

/// `try_state` holds, and nothing is on hold that the pallet does not know of.
pub fn check() -> Result<(), sp_runtime::TryRuntimeError> {
	Dso::do_try_state()?;
	let held: u128 = pallet_balances::Holds::<Test>::iter_values().flatten().map(|hold| hold.amount).sum();
	let communities: u128 = crate::Communities::<Test>::iter_values().map(|info| info.deposit).sum();
	let proposals: u128 = Proposals::<Test>::iter_values().map(|proposal| proposal.deposit).sum();
	let trainings: u128 = crate::Trainings::<Test>::iter_values().map(|training| training.left).sum();
	frame_support::ensure!(held == communities + proposals + trainings, "money is on hold for nothing");
	Ok(())
}

/// Events of this pallet so far, oldest first.
pub fn events() -> Vec<Event<Test>> {
	let of_pallet = |record: frame_system::EventRecord<RuntimeEvent, _>| match record.event {
		RuntimeEvent::Dso(event) => Some(event),
		_ => None,
	};
	System::events().into_iter().filter_map(of_pallet).collect()
}

pub fn last_event() -> Event<Test> {
	events().pop().unwrap()
}

/// How a proposal ended.
pub fn outcome(id: ProposalId) -> Option<Outcome> {
	match proposal(id).status {
		Status::Ended(outcome) => Some(outcome),
		Status::Voting | Status::Objection { .. } | Status::Approved { .. } => None,
	}
}
