//! A chain of system, balances, nfts, models and this pallet.

use std::sync::LazyLock;

use autonomy_primitives::{
	digest::{self, cid, Sealed},
	fault::{FaultCode, NO_ARTIFACT, NO_TRACE},
	job::{ImageInput, JobInput, Modality, SeedPolicy, TextInput},
	model::{ModelAccess, ModelLimits},
	trace::{TraceBuilder, TraceOpening},
	Digest, JobId, ModelId,
};
use frame_support::{
	assert_ok, derive_impl, parameter_types,
	traits::{AsEnsureOriginWithArg, ConstU32, ConstU64, ConstU8, Hooks},
	weights::Weight,
	PalletId,
};
use frame_system::EnsureRoot;
use pallet_nfts::PalletFeatures;
use sp_runtime::{
	traits::{IdentifyAccount, IdentityLookup, Verify},
	AccountId32, BuildStorage, DispatchResult, MultiSignature, Permill,
};

use crate as pallet_inference;
use crate::{
	Audit, CpuClass, Disputes, DrawRandomness, Event, FeeSplit, JobOf, JobState, Jobs, Juries, JuryOf, NextJobId,
	Outcome, Penalties, SeatOf, Tier, TierRules, Tiers, Timing,
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
	pub type Models = pallet_models;
	#[runtime::pallet_index(4)]
	pub type Inference = pallet_inference;
}

pub type AccountPublic = <MultiSignature as Verify>::Signer;

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type AccountId = <AccountPublic as IdentifyAccount>::AccountId;
	type Lookup = IdentityLookup<Self::AccountId>;
	type Block = Block;
	type AccountData = pallet_balances::AccountData<u64>;
}

/// Existential deposit of the mock, in planck.
pub const ED: u64 = 10;

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
	type AccountStore = System;
	type ExistentialDeposit = ConstU64<ED>;
}

parameter_types! {
	pub Features: PalletFeatures = PalletFeatures::all_enabled();
	pub const ModelsPalletId: PalletId = PalletId(*b"auton/md");
	/// Randomness of the next draws; `None` for a block that has none.
	pub static Randomness: Option<Digest> = Some([42; 32]);
	/// A job counts 1,000, see the weights of the mock.
	pub static AgendaWeight: Weight = FULL_AGENDA;
	pub static TestTiming: Timing<u64> = TIMING;
	pub static TestPenalties: Penalties<u64> = PENALTIES;
	pub static TestDisputes: Disputes = DISPUTES;
	pub static TestSplit: FeeSplit = SPLIT;
	pub static TestTiers: Tiers<u64, u64> = TIERS;
	/// The model that only those with a licence may use, of whom there are none.
	pub static Licensed: Option<ModelId> = None;
}

const FULL_AGENDA: Weight = Weight::from_parts(1_000_000, u64::MAX);

const TIMING: Timing<u64> =
	Timing { draw_delay: 2, draw_retries: 3, commit_grace: 10, reveal_period: 10, decline_period: 3, redraws: 3 };

const PENALTIES: Penalties<u64> = Penalties {
	no_show: Permill::from_percent(2),
	no_reveal: Permill::from_percent(10),
	suspension: 100,
	decline_quota: 3,
	decline_quota_period: 200,
};

const DISPUTES: Disputes = Disputes {
	exposure_factor: 25,
	audit_pay: 1_500,
	first_panel: 7,
	second_panel: 15,
	least_reveals: 3,
	challenge_bond: 2,
};

const SPLIT: FeeSplit = FeeSplit {
	model: Permill::from_percent(10),
	burn: Permill::from_percent(10),
	fault_pay: Permill::from_percent(20),
};

/// Texts and pictures are not audited, works always are, so that each test knows what comes.
const TIERS: Tiers<u64, u64> = Tiers {
	text: TierRules { committee: 1, audit: Permill::zero(), window: 3, least_exposure: 0 },
	image: TierRules { committee: 3, audit: Permill::zero(), window: 5, least_exposure: 0 },
	creation: TierRules { committee: 3, audit: Permill::one(), window: 10, least_exposure: 2_000 },
	ballot: TierRules { committee: 5, audit: Permill::one(), window: 30, least_exposure: 5_000 },
};

impl pallet_nfts::Config for Test {
	type RuntimeEvent = RuntimeEvent;
	type CollectionId = u32;
	type ItemId = u32;
	type Currency = Balances;
	type CreateOrigin = AsEnsureOriginWithArg<frame_system::EnsureSigned<Self::AccountId>>;
	type ForceOrigin = frame_system::EnsureRoot<Self::AccountId>;
	type Locker = ();
	type CollectionDeposit = ConstU64<200>;
	type ItemDeposit = ConstU64<100>;
	type MetadataDepositBase = ConstU64<100>;
	type AttributeDepositBase = ConstU64<100>;
	type DepositPerByte = ConstU64<1>;
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

impl pallet_models::Config for Test {
	type Currency = Balances;
	type RuntimeHoldReason = RuntimeHoldReason;
	type Items = pallet_models::NftItems<Test>;
	type PalletId = ModelsPalletId;
	type DepositBase = ConstU64<1_000>;
	type DepositPerByte = ConstU64<1>;
	type MaxBudget = ConstU32<100>;
	type WeightInfo = ();
}

pub struct MockRandomness;
impl DrawRandomness for MockRandomness {
	fn random(_: JobId) -> Option<Digest> {
		Randomness::get()
	}
}

pub struct Licences;
impl ModelAccess<AccountId32> for Licences {
	fn may_use(model: ModelId, _: &AccountId32) -> bool {
		Licensed::get() != Some(model)
	}
}

pub const SLOT_BOND: u64 = 1_000;
pub const DEPOSIT_BASE: u64 = 50;

impl pallet_inference::Config for Test {
	type Currency = Balances;
	type RuntimeHoldReason = RuntimeHoldReason;
	type Models = Models;
	type Access = Licences;
	type DrawRandomness = MockRandomness;
	type AdminOrigin = EnsureRoot<Self::AccountId>;
	type Timing = TestTiming;
	type Penalties = TestPenalties;
	type Disputes = TestDisputes;
	type FeeSplit = TestSplit;
	type Tiers = TestTiers;
	type SlotBond = ConstU64<SLOT_BOND>;
	type MaxSlotsPerOperator = ConstU32<16>;
	type MaxOpenSeats = ConstU32<4>;
	type UnbondingPeriod = ConstU64<20>;
	type MaxOpenJobsPerAccount = ConstU32<8>;
	type JobDepositBase = ConstU64<DEPOSIT_BASE>;
	type JobDepositPerByte = ConstU64<1>;
	type MinCommittee = ConstU8<1>;
	type MaxCommittee = ConstU8<15>;
	type DrawAttemptsPerSeat = ConstU32<16>;
	type AgendaWeight = AgendaWeight;
	type WeightInfo = ();
}

/// Balance that every funded account starts with.
pub const FUNDS: u64 = 1_000_000;
/// Bond of every operator of the mock.
pub const BOND: u64 = 20 * SLOT_BOND;
/// Price of one unit of the mock's models.
pub const PRICE: u64 = 7;
/// Fee of one seat of [`image_input`].
pub const SEAT_FEE: u64 = 10 * PRICE;
/// What its operator, the model's owner and nobody get of it.
pub const SEAT_PAY: u64 = 56;
pub const MODEL_PAY: u64 = 7;
pub const SEAT_BURN: u64 = 7;
/// What a seat of [`image_input`] puts at stake.
pub const EXPOSURE: u64 = 25 * SEAT_FEE;
/// What challenging it takes.
pub const CHALLENGE_BOND: u64 = 2 * SEAT_FEE;
/// What auditing it pays.
pub const AUDIT_PAY: u64 = 105;
/// Budget of the mock's models, in blocks.
pub const BUDGET: u32 = 4;
/// Engine of the mock's models.
pub const ENGINE: Digest = [2; 32];
/// Golden result of the mock's models.
pub const GOLDEN: Digest = [4; 32];
/// The account that registers models.
pub const MODELLER: u8 = 200;
/// The account that asks for jobs.
pub const ALICE: u8 = 201;
/// Another one.
pub const BOB: u8 = 202;
/// Someone who watches.
pub const CAROL: u8 = 203;
/// An image model.
pub const IMAGE: ModelId = 0;
/// A text model.
pub const TEXT: ModelId = 1;

pub fn account(n: u8) -> AccountId32 {
	AccountId32::new([n; 32])
}

pub fn signed(n: u8) -> RuntimeOrigin {
	RuntimeOrigin::signed(account(n))
}

/// Number of operator `n`'s worker account.
pub fn worker(n: u8) -> u8 {
	n + 100
}

pub fn image(prompt: &[u8], steps: u16) -> JobInput {
	JobInput::Image(ImageInput {
		prompt: prompt.to_vec().try_into().unwrap(),
		negative_prompt: Default::default(),
		width: 64,
		height: 64,
		steps,
		guidance_centi: 100,
	})
}

/// An image job of 10 units.
pub fn image_input() -> JobInput {
	image(b"a red circle", 10)
}

/// A text job of 17 units.
pub fn text_input() -> JobInput {
	JobInput::Text(TextInput {
		prompt: b"hey!".to_vec().try_into().unwrap(),
		max_tokens: 16,
		temperature_centi: 0,
		top_p_permille: 1000,
		top_k: 0,
	})
}

pub fn register_model(modality: Modality, name: &str) {
	let golden_input = match modality {
		Modality::Image => image_input(),
		Modality::Text => text_input(),
	};
	let details = pallet_models::ModelDetails {
		modality,
		manifest: cid(name.as_bytes()),
		weights_root: [1; 32],
		engine: ENGINE,
		limits: ModelLimits { max_prompt_bytes: 64, max_steps: 50, max_pixels: 128 * 128, max_tokens: 64 },
		price_per_unit: PRICE,
		budget: BUDGET,
		golden_input: Box::new(golden_input),
		golden_seed: [3; 32],
		golden_result: GOLDEN,
		licence: b"Apache-2.0".to_vec().try_into().unwrap(),
	};
	assert_ok!(Models::register(signed(MODELLER), Box::new(details)));
}

/// Registers operators `1..=n` with worker keys and bonds, without a place on any model.
pub fn operators(n: u8) {
	for owner in 1..=n {
		assert_ok!(Inference::register_operator(signed(owner), account(worker(owner)), BOND));
	}
}

/// Gives an operator proved slots on a model.
pub fn join_as(owner: u8, model: ModelId, slots: u32, class: CpuClass) {
	assert_ok!(Inference::join_model(signed(worker(owner)), model, slots, ENGINE, class));
	assert_ok!(Inference::prove_engine(signed(worker(owner)), model, GOLDEN));
}

/// The same on the processor that most operators have.
pub fn join(owner: u8, model: ModelId, slots: u32) {
	join_as(owner, model, slots, CpuClass::X86V3);
}

/// Operators `1..=n` with one proved slot on each model.
pub fn serving_operators(n: u8) {
	operators_from(1, n);
}

/// Operators `first..=last` with one proved slot on each model.
pub fn operators_from(first: u8, last: u8) {
	for owner in first..=last {
		assert_ok!(Inference::register_operator(signed(owner), account(worker(owner)), BOND));
		join(owner, IMAGE, 1);
		join(owner, TEXT, 1);
	}
}

fn reset_parameters() {
	Randomness::set(Some([42; 32]));
	AgendaWeight::set(FULL_AGENDA);
	TestTiming::set(TIMING);
	TestPenalties::set(PENALTIES);
	TestDisputes::set(DISPUTES);
	TestSplit::set(SPLIT);
	TestTiers::set(TIERS);
}

/// Genesis with the image and the text model; block 1.
pub fn new_test_ext() -> sp_io::TestExternalities {
	let config = RuntimeGenesisConfig {
		balances: pallet_balances::GenesisConfig {
			balances: (1..=40).chain(101..=140).chain(MODELLER..=CAROL).map(|n| (account(n), FUNDS)).collect(),
			..Default::default()
		},
		..Default::default()
	};
	let mut ext = sp_io::TestExternalities::new(config.build_storage().unwrap());
	ext.execute_with(|| {
		reset_parameters();
		System::set_block_number(1);
		Inference::on_initialize(1);
		register_model(Modality::Image, "image");
		register_model(Modality::Text, "text");
		System::reset_events();
	});
	ext
}

/// Runs a test. After it `try_state` holds, nothing is on hold that the pallet does not know of, and the money that is
/// gone is what the events say was burned.
pub fn build_and_execute(test: impl FnOnce()) {
	new_test_ext().execute_with(|| {
		let issuance = Balances::total_issuance();
		test();
		check(issuance).unwrap();
	});
}

/// See [`build_and_execute`].
pub fn check(issuance: u64) -> Result<(), sp_runtime::TryRuntimeError> {
	Inference::do_try_state()?;
	let held: u64 = pallet_balances::Holds::<Test>::iter_values()
		.flatten()
		.filter(|hold| matches!(hold.id, RuntimeHoldReason::Inference(_)))
		.map(|hold| hold.amount)
		.sum();
	let bonds: u64 = crate::Operators::<Test>::iter_values().map(|operator| operator.bond + operator.unbonding).sum();
	let jobs: u64 = Jobs::<Test>::iter_values()
		.map(|job| job.escrow() + job.deposit + job.challenge.map_or(0, |challenge| challenge.bond))
		.sum();
	frame_support::ensure!(held == bonds + jobs, "money is on hold for nothing");
	frame_support::ensure!(issuance == Balances::total_issuance() + burned(), "money was made or lost");
	Ok(())
}

/// What the events say was burned.
pub fn burned() -> u64 {
	let of_event = |event| match event {
		Event::SeatMissed { penalty, .. } => penalty,
		Event::SlashShared { burned, .. }
		| Event::ChallengeEnded { burned, .. }
		| Event::InputFaultPaid { burned, .. }
		| Event::JobFinalised { burned, .. } => burned,
		_ => 0,
	};
	events().into_iter().map(of_event).sum()
}

/// Goes on to block `n`, with the hooks of each block on the way.
pub fn run_to(n: u64) {
	while System::block_number() < n {
		let next = System::block_number() + 1;
		System::set_block_number(next);
		Inference::on_initialize(next);
	}
}

/// Leaves the agenda no room for any job: its base costs 10.
pub fn stop_agenda() {
	AgendaWeight::set(Weight::from_parts(10, u64::MAX));
}

pub fn start_agenda() {
	AgendaWeight::set(FULL_AGENDA);
}

/// Goes on by some blocks.
pub fn run_for(blocks: u64) {
	run_to(System::block_number() + blocks);
}

/// Goes on to the block at which a job's state ends by itself, the next step taken.
pub fn run_on(job: JobId) {
	run_to(stored(job).state.due());
}

/// Goes on until a job has ended.
pub fn run_out(job: JobId) {
	while Jobs::<Test>::contains_key(job) {
		run_on(job);
	}
}

/// Events of this pallet so far, oldest first.
pub fn events() -> Vec<Event<Test>> {
	let of_pallet = |record: frame_system::EventRecord<RuntimeEvent, _>| match record.event {
		RuntimeEvent::Inference(event) => Some(event),
		_ => None,
	};
	System::events().into_iter().filter_map(of_pallet).collect()
}

pub fn last_event() -> Event<Test> {
	events().pop().unwrap()
}

pub fn stored(job: JobId) -> JobOf<Test> {
	Jobs::<Test>::get(job).unwrap()
}

pub fn stored_jury(job: JobId) -> JuryOf<Test> {
	Juries::<Test>::get(job).unwrap()
}

/// Submits an image job of 10 units for three seats as `who`. The fee is 210.
pub fn submit(who: u8) -> JobId {
	submit_with(who, None, None)
}

/// Submits an image job of 10 units as `who`.
pub fn submit_with(who: u8, k: Option<u8>, tier: Option<Tier>) -> JobId {
	let input = Box::new(image_input());
	assert_ok!(Inference::submit_job(signed(who), IMAGE, input, k, tier, SeedPolicy::Chain, u64::MAX));
	NextJobId::<Test>::get() - 1
}

/// Submits a job as `who` and goes on to its draw. Returns its seats' operators.
pub fn submit_and_draw(who: u8) -> (JobId, Vec<u8>) {
	let job = submit(who);
	run_on(job);
	(job, seats(job))
}

/// Picks the randomness with which a job's next draw takes operators that fit.
pub fn choose(job: JobId, fits: impl Fn(&[u8]) -> bool) {
	let (stored, jury) = (stored(job), Juries::<Test>::get(job));
	let count = match stored.state {
		JobState::Jury { .. } => jury.as_ref().unwrap().wanted.into(),
		JobState::Agreed { .. } => 1,
		_ => usize::from(stored.k) - stored.seats.len(),
	};
	let random = (0u32..20_000).map(|n| sp_io::hashing::blake2_256(&n.to_le_bytes())).find(|random| {
		let (picks, _) = Inference::pick(random, job, &stored, jury.as_ref(), count);
		fits(&picks.iter().map(|pick| number(&pick.operator)).collect::<Vec<_>>())
	});
	assert!(random.is_some(), "no draw fits");
	Randomness::set(random);
}

/// Submits a job as `who` and goes on to a draw whose seats' operators fit.
pub fn draw_such(who: u8, fits: impl Fn(&[u8]) -> bool) -> (JobId, Vec<u8>) {
	let job = submit(who);
	choose(job, |seats| seats.len() == 3 && fits(seats));
	run_on(job);
	(job, seats(job))
}

/// An agreed job of Alice's in the tier that is always audited, with its seats and its auditor at work.
pub fn audited() -> (JobId, Vec<u8>, u8) {
	let job = submit_with(ALICE, None, Some(Tier::Creation));
	run_on(job);
	let seats = seats(job);
	agree(job);
	run_on(job);
	(job, seats, auditor(job).unwrap())
}

/// The number of an account.
pub fn number(who: &AccountId32) -> u8 {
	AsRef::<[u8; 32]>::as_ref(who)[0]
}

/// Operators on a job, by their numbers.
pub fn seats(job: JobId) -> Vec<u8> {
	stored(job).seats.iter().map(|seat| number(&seat.operator)).collect()
}

/// The present panel of a job's jury, by their numbers.
pub fn jurors(job: JobId) -> Vec<u8> {
	let jury = stored_jury(job);
	jury.seats.iter().skip(jury.first.into()).map(|seat| number(&seat.operator)).collect()
}

pub fn auditor(job: JobId) -> Option<u8> {
	stored(job).auditor.map(|auditor| number(&auditor.operator))
}

/// An operator among `1..=n` that has nothing to do with a job.
pub fn outsider(job: JobId, n: u8) -> u8 {
	let (stored, jury) = (stored(job), Juries::<Test>::get(job));
	(1..=n).find(|n| !Inference::is_involved(&account(*n), &stored, jury.as_ref())).unwrap()
}

/// Outcomes that have a trace.
const OUTCOMES: u8 = 10;

/// The states of a run: four steps of three chunks.
pub fn states(n: u8) -> Vec<Vec<u8>> {
	(0u8..4).map(|step| vec![n ^ step << 4; 2_100]).collect()
}

static TRACES: LazyLock<Vec<Outcome>> = LazyLock::new(|| {
	let outcome = |n| {
		let mut builder = TraceBuilder::default();
		states(n).iter().for_each(|state| builder.push(state));
		Outcome { result: [n; 32], trace_root: builder.root(), artifact: cid(&[n]) }
	};
	(0..OUTCOMES).map(outcome).collect()
});

/// An outcome that depends on `n` alone, below 10. Its trace can be opened.
pub fn outcome(n: u8) -> Outcome {
	TRACES[usize::from(n)]
}

/// What is found in place of a result.
pub fn fault(code: FaultCode) -> Outcome {
	Outcome { result: code.digest(), trace_root: NO_TRACE, artifact: NO_ARTIFACT }
}

/// The chunk that operator `n` has to open for a draw, out of the run that an outcome comes from.
pub fn opening(n: u8, outcome: Outcome, draw: &Digest) -> Option<Box<TraceOpening>> {
	let run = TRACES.iter().position(|other| other.trace_root == outcome.trace_root)?;
	TraceOpening::new(&states(run as u8), &[n; 32], draw).map(Box::new)
}

/// Salt of operator `n`.
pub fn salt(n: u8) -> [u8; 32] {
	[n; 32]
}

fn seat(job: JobId, n: u8) -> Option<SeatOf<Test>> {
	let jury = Juries::<Test>::get(job).map(|jury| jury.seats.into_inner()).unwrap_or_default();
	let seats = Jobs::<Test>::get(job).map(|job| job.seats.into_inner()).unwrap_or_default();
	jury.into_iter().chain(seats).find(|seat| seat.operator == account(n))
}

/// What operator `n` commits for an outcome.
pub fn sealed(job: JobId, n: u8, outcome: Outcome) -> Digest {
	let round = seat(job, n).map_or(0, |seat| seat.round);
	let Outcome { result, trace_root, artifact } = outcome;
	digest::commitment(job, round, &[n; 32], &Sealed { result, trace_root, artifact, salt: salt(n) })
}

pub fn commit(job: JobId, n: u8, outcome: Outcome) -> DispatchResult {
	Inference::commit(signed(worker(n)), job, sealed(job, n, outcome))
}

/// Reveals as operator `n`, with an opening if it is a juror.
pub fn reveal(job: JobId, n: u8, outcome: Outcome) -> DispatchResult {
	let opening = Juries::<Test>::get(job).and_then(|jury| opening(n, outcome, &jury.draw));
	Inference::reveal(signed(worker(n)), job, account(n), outcome, salt(n), opening)
}

/// Audits as operator `n`.
pub fn audit(job: JobId, n: u8, outcome: Outcome) -> DispatchResult {
	let draw = Jobs::<Test>::get(job).and_then(|job| job.auditor).map(|auditor| auditor.draw);
	let opening = opening(n, outcome, &draw.unwrap_or_default());
	Inference::audit(signed(worker(n)), job, outcome, opening)
}

/// Challenges as Carol.
pub fn challenge(job: JobId, n: u8) -> DispatchResult {
	Inference::challenge(signed(CAROL), job, outcome(n))
}

/// Every seat commits to the same outcome.
pub fn commit_all(job: JobId) {
	for n in seats(job) {
		assert_ok!(commit(job, n, outcome(1)));
	}
}

/// Every seat commits to and reveals the same outcome.
pub fn agree(job: JobId) {
	agree_on(job, outcome(1));
}

pub fn agree_on(job: JobId, outcome: Outcome) {
	let found = seats(job).into_iter().map(|n| (n, outcome)).collect::<Vec<_>>();
	play(job, &found);
}

/// Each operator commits to and reveals its outcome.
pub fn play(job: JobId, found: &[(u8, Outcome)]) {
	for (n, outcome) in found {
		assert_ok!(commit(job, *n, *outcome));
	}
	for (n, outcome) in found {
		assert_ok!(reveal(job, *n, *outcome));
	}
}

/// A committee of three with two outcomes: the last seat's differs. Returns the job before its jury's draw.
pub fn split(who: u8) -> (JobId, Vec<u8>) {
	let (job, seats) = submit_and_draw(who);
	play(job, &[(seats[0], outcome(1)), (seats[1], outcome(1)), (seats[2], outcome(2))]);
	(job, seats)
}

/// Goes on to the draw of a jury, whose jurors find what `found` says for each index, and on to the verdict.
pub fn judge(job: JobId, found: impl Fn(usize) -> Outcome) -> Vec<u8> {
	run_on(job);
	let panel = jurors(job);
	let found: Vec<_> = panel.iter().enumerate().map(|(index, n)| (*n, found(index))).collect();
	play(job, &found);
	run_on(job);
	panel
}

pub fn is_waiting_for_audit(job: JobId) -> bool {
	matches!(Jobs::<Test>::get(job), Some(job) if matches!(job.state, JobState::Agreed { audit: Audit::Waiting { .. }, .. }))
}

pub fn is_in_dispute(job: JobId) -> bool {
	matches!(Jobs::<Test>::get(job), Some(job) if matches!(job.state, JobState::Jury { .. }))
}
