//! A chain of system, balances and this pallet, with a registry of models, revenue, characters and listeners of its own.

use std::{collections::BTreeMap, sync::LazyLock};

use autonomy_primitives::{
	ballot::{BallotOrder, BallotResults, Ballots, Mind, UsageSink},
	character::{CharacterTerms, Characters},
	community::{CommunityId, Pot, RevenueSink},
	digest::{self, cid, Cid, Sealed},
	evaluation::{Evaluated, EvaluatedWeights, EvaluationResults, Evaluations},
	fault::{FaultCode, NO_ARTIFACT, NO_TRACE},
	job::{ImageInput, JobInput, Modality, SeedPolicy, TextInput},
	model::{ModelAccess, ModelLimits, ModelRegistry, ModelTerms},
	payout::{CharacterPayees, ModelPayees, ModelRevenue, Payee},
	trace::{TraceBuilder, TraceOpening},
	CharacterId, Digest, JobId, ModelId,
};
use frame_support::{
	assert_ok, derive_impl, parameter_types,
	traits::{ConstU16, ConstU32, ConstU64, ConstU8, Hooks},
	weights::Weight,
};
use frame_system::EnsureRoot;
use sp_runtime::{traits::IdentityLookup, AccountId32, BuildStorage, DispatchError, DispatchResult, Permill};

use crate as pallet_inference;
use crate::{
	Audit, CpuClass, Disputes, DrawRandomness, Event, FeeSplit, JobOf, JobState, Jobs, Juries, JuryOf, NextJobId,
	Order, Outcome, Penalties, Purpose, SeatOf, Tier, TierRules, Tiers, Timing,
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
	pub type Inference = pallet_inference;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type AccountId = AccountId32;
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
	/// The models, by their numbers.
	pub static Registry: Vec<Model> = Vec::new();
	/// The characters.
	pub static Cast: BTreeMap<CharacterId, CharacterTerms<AccountId32>> = BTreeMap::new();
	/// Pots into which anybody has bonded.
	pub static Bonded: Vec<(CommunityId, Pot)> = Vec::new();
	/// What has been divided among whoever has bonded into a pot, in planck.
	pub static Divided: BTreeMap<(CommunityId, Pot), u64> = BTreeMap::new();
	/// What the pallet has told others, oldest first.
	pub static Heard: Vec<Told> = Vec::new();
	/// What it has said that the use of AIs burned, oldest first, in planck.
	pub static Used: Vec<(CommunityId, u64)> = Vec::new();
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
	model: Permill::from_percent(18),
	character: Permill::from_percent(7),
	community: Permill::from_percent(2),
	burn: Permill::from_percent(3),
	fault_pay: Permill::from_percent(20),
};

/// Texts and pictures are not audited, works always are, so that each test knows what comes.
const TIERS: Tiers<u64, u64> = Tiers {
	text: TierRules { committee: 1, audit: Permill::zero(), window: 3, least_exposure: 0 },
	image: TierRules { committee: 3, audit: Permill::zero(), window: 5, least_exposure: 0 },
	creation: TierRules { committee: 3, audit: Permill::one(), window: 10, least_exposure: 2_000 },
	ballot: TierRules { committee: 5, audit: Permill::one(), window: 30, least_exposure: 5_000 },
};

/// A model of the registry.
#[derive(Clone)]
pub struct Model {
	pub terms: ModelTerms<AccountId32, u64>,
	pub golden: Digest,
	pub payees: ModelPayees<AccountId32>,
	pub community: Option<CommunityId>,
}

/// The registry.
pub struct Models;

impl Models {
	fn get(model: ModelId) -> Option<Model> {
		Registry::get().get(model as usize).cloned()
	}
}

impl ModelRegistry<AccountId32, u64> for Models {
	fn terms(model: ModelId) -> Option<ModelTerms<AccountId32, u64>> {
		Self::get(model).map(|model| model.terms)
	}

	fn golden_result(model: ModelId) -> Option<Digest> {
		Self::get(model).map(|model| model.golden)
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_model() -> ModelId {
		let model = register_model(Modality::Image);
		change_model(model, |model| {
			model.terms.limits = ModelLimits {
				max_prompt_bytes: u16::MAX,
				max_steps: u16::MAX,
				max_pixels: u32::MAX,
				max_tokens: u16::MAX,
			};
			model.terms.price_per_unit = 1;
		});
		model
	}
}

impl ModelRevenue<AccountId32> for Models {
	fn revenue(model: ModelId) -> ModelPayees<AccountId32> {
		Self::get(model).map(|model| model.payees).unwrap_or_default()
	}

	fn community(model: ModelId) -> Option<CommunityId> {
		Self::get(model).and_then(|model| model.community)
	}
}

/// Pots and treasuries: the money is in the balances, what a pot owes in [`Divided`].
pub struct Revenue;

impl RevenueSink<AccountId32, u64> for Revenue {
	fn account(community: CommunityId, pot: Pot) -> AccountId32 {
		if Bonded::get().contains(&(community, pot)) {
			pot_account(community, pot)
		} else {
			treasury(community)
		}
	}

	fn treasury(community: CommunityId) -> AccountId32 {
		treasury(community)
	}

	fn distribute(community: CommunityId, pot: Pot, amount: u64) {
		if Bonded::get().contains(&(community, pot)) {
			Divided::mutate(|divided| *divided.entry((community, pot)).or_default() += amount);
		}
	}
}

/// Something that another pallet would have been told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Told {
	Final { job: JobId, character: CharacterId, requester: AccountId32, spent: u64, result: Digest },
	Failed { job: JobId, character: CharacterId },
	Evaluated { job: JobId, outcome: Evaluated },
	Ballot { job: JobId, decision: Option<i8> },
}

impl Told {
	/// The job that it is about.
	pub fn job(&self) -> JobId {
		match self {
			Self::Final { job, .. }
			| Self::Failed { job, .. }
			| Self::Evaluated { job, .. }
			| Self::Ballot { job, .. } => *job,
		}
	}
}

/// Whoever is told.
pub struct Listeners;

impl Characters<AccountId32, u64> for Listeners {
	fn terms(character: CharacterId) -> Option<CharacterTerms<AccountId32>> {
		Cast::get().get(&character).cloned()
	}

	fn on_job_final(job: JobId, character: CharacterId, requester: &AccountId32, spent: u64, result: &Digest) {
		let (requester, result) = (requester.clone(), *result);
		Heard::mutate(|heard| heard.push(Told::Final { job, character, requester, spent, result }));
	}

	fn on_job_failed(job: JobId, character: CharacterId) {
		Heard::mutate(|heard| heard.push(Told::Failed { job, character }));
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_character(_: &AccountId32, _: JobId) -> Option<CharacterId> {
		add_character(&[(Payee::Account(account(FAN)), 100)]);
		Some(CHARACTER)
	}
}

impl EvaluationResults for Listeners {
	fn on_evaluated(job: JobId, outcome: Evaluated) {
		Heard::mutate(|heard| heard.push(Told::Evaluated { job, outcome }));
	}
}

impl BallotResults for Listeners {
	fn on_ballot(job: JobId, decision: Option<i8>) {
		Heard::mutate(|heard| heard.push(Told::Ballot { job, decision }));
	}
}

impl UsageSink<u64> for Listeners {
	fn on_burned(community: CommunityId, amount: u64) {
		Used::mutate(|used| used.push((community, amount)));
	}
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
	type ModelRevenue = Models;
	type Revenue = Revenue;
	type Characters = Listeners;
	type EvaluationResults = Listeners;
	type BallotResults = Listeners;
	type Usage = Listeners;
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
	type EvaluationSamples = ConstU16<SAMPLES>;
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
/// What its operator, the model's payees, the character's or else the treasury, the treasury and nobody get of it: 18 %, 7 %,
/// 2 % and 3 % of 70 are 12.6, 4.9, 1.4 and 2.1.
pub const SEAT_PAY: u64 = 51;
pub const MODEL_PAY: u64 = 12;
pub const CHARACTER_PAY: u64 = 4;
pub const COMMUNITY_PAY: u64 = 1;
pub const SEAT_BURN: u64 = 2;
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
/// Weights of the mock's models, before any further version.
pub const WEIGHTS: Digest = [1; 32];
/// Golden result of the mock's models, before any further version.
pub const GOLDEN: Digest = [4; 32];
/// Samples of an evaluation.
pub const SAMPLES: u16 = 2;
/// Fee of one seat of an evaluation of [`IMAGE`]: two versions at four noise levels over four tiles of each sample.
pub const EVALUATION_FEE: u64 = 2 * 4 * 4 * SAMPLES as u64 * PRICE;
/// Fee of one seat of a ballot of [`ballot_order`] at a price of 1: 256 for the persona, 48 for the reason and 2 for the
/// question, twice, and 2 for the proposer's words.
pub const BALLOT_FEE: u64 = 2 * (256 + 48 + 2) + 2;
/// The account that owns the models.
pub const MODELLER: u8 = 200;
/// The account that asks for jobs.
pub const ALICE: u8 = 201;
/// Another one.
pub const BOB: u8 = 202;
/// Someone who watches.
pub const CAROL: u8 = 203;
/// An account that nobody has paid anything yet.
pub const POOR: u8 = 210;
/// An account with money that a split can name.
pub const FAN: u8 = 204;
/// An image model.
pub const IMAGE: ModelId = 0;
/// A text model.
pub const TEXT: ModelId = 1;
/// The community of the image model; that of the text model is the next one.
pub const IMAGE_COMMUNITY: CommunityId = 10;
/// A character.
pub const CHARACTER: CharacterId = 3;
/// Its community.
pub const CHARACTER_COMMUNITY: CommunityId = 20;

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

/// An account of a community, which has no key.
fn community_account(kind: u8, community: CommunityId) -> AccountId32 {
	let mut bytes = [kind; 32];
	bytes[28..].copy_from_slice(&community.to_le_bytes());
	AccountId32::new(bytes)
}

pub fn treasury(community: CommunityId) -> AccountId32 {
	community_account(249, community)
}

pub fn pot_account(community: CommunityId, pot: Pot) -> AccountId32 {
	community_account(if pot == Pot::Shares { 250 } else { 251 }, community)
}

/// What a treasury has got.
pub fn treasury_income(community: CommunityId) -> u64 {
	Balances::free_balance(treasury(community)) - ED
}

/// Takes away what keeps a treasury alive, so that it cannot take less than the existential deposit.
pub fn empty_treasury(community: CommunityId) {
	use frame_support::traits::{fungible::Mutate, tokens::Preservation};
	let (from, to) = (treasury(community), account(BOB));
	assert_ok!(<Balances as Mutate<_>>::transfer(&from, &to, Balances::free_balance(&from), Preservation::Expendable));
}

/// Payees with their shares in per cent.
pub fn shares(payees: &[(Payee<AccountId32>, u32)]) -> Vec<(Payee<AccountId32>, Permill)> {
	payees.iter().map(|(payee, share)| (payee.clone(), Permill::from_percent(*share))).collect()
}

/// Registers a model whose owner has all of its part.
pub fn register_model(modality: Modality) -> ModelId {
	let id = Registry::get().len() as ModelId;
	let owner = account(MODELLER);
	let model = Model {
		terms: ModelTerms {
			owner: Some(owner.clone()),
			modality,
			weights_root: WEIGHTS,
			engine: ENGINE,
			limits: ModelLimits { max_prompt_bytes: 64, max_steps: 50, max_pixels: 128 * 128, max_tokens: 64 },
			price_per_unit: PRICE,
			budget: BUDGET,
			active: true,
		},
		golden: GOLDEN,
		payees: shares(&[(Payee::Account(owner), 100)]).try_into().unwrap(),
		community: Some(IMAGE_COMMUNITY + id),
	};
	Registry::mutate(|registry| registry.push(model));
	id
}

/// Changes a model of the registry.
pub fn change_model(model: ModelId, change: impl FnOnce(&mut Model)) {
	Registry::mutate(|registry| change(&mut registry[model as usize]));
}

pub fn set_price(model: ModelId, price: u64) {
	change_model(model, |model| model.terms.price_per_unit = price);
}

pub fn set_active(model: ModelId, active: bool) {
	change_model(model, |model| model.terms.active = active);
}

/// Changes who is paid for a model, in per cent of its part.
pub fn set_payees(model: ModelId, payees: &[(Payee<AccountId32>, u32)]) {
	change_model(model, |model| model.payees = shares(payees).try_into().unwrap());
}

/// Gives a model new weights.
pub fn new_version(model: ModelId, n: u8) {
	change_model(model, |model| (model.terms.weights_root, model.golden) = ([n; 32], [n ^ 0x80; 32]));
}

/// Golden result of a model's present version; none of an unknown model's.
pub fn golden(model: ModelId) -> Digest {
	Models::golden_result(model).unwrap_or_default()
}

/// Adds the character, with its payees in per cent of its part.
pub fn add_character(payees: &[(Payee<AccountId32>, u32)]) {
	let payees: CharacterPayees<_> = shares(payees).try_into().unwrap();
	let terms = CharacterTerms { community: CHARACTER_COMMUNITY, payees };
	Cast::mutate(|cast| cast.insert(CHARACTER, terms));
}

/// An order of an image job of 10 units.
pub fn order(purpose: Purpose) -> Order<u64> {
	let (input, seed_policy, max_fee) = (image_input(), SeedPolicy::Chain, u64::MAX);
	Order { model: IMAGE, input, k: None, tier: None, seed_policy, max_fee, purpose }
}

/// Submits an image job of 10 units of the character as `who`.
pub fn submit_for_character(who: u8) -> JobId {
	Inference::submit(account(who), order(Purpose::Character(CHARACTER))).unwrap()
}

/// A version of a model as an evaluation finds it.
pub fn version(n: u8) -> EvaluatedWeights {
	EvaluatedWeights { manifest: cid(&[n]), weights_root: [n; 32], engine: ENGINE }
}

pub fn evaluation_set() -> Cid {
	cid(b"held out")
}

/// Orders an evaluation of the image model's version 2 against version 1 as `who`.
pub fn evaluate(who: u8) -> Result<JobId, DispatchError> {
	<Inference as Evaluations<_>>::order(&account(who), IMAGE, &version(1), &version(2), &evaluation_set())
}

/// A question to the character, with the words of a proposer.
pub fn ballot_order(payer: AccountId32, controller: Option<AccountId32>) -> BallotOrder<AccountId32> {
	let mind = Mind { character: CHARACTER, model: TEXT, persona: cid(b"persona"), changed_at: 0 };
	let (question, prose) = (b"Approve?".to_vec().try_into().unwrap(), b"For all.".to_vec().try_into().unwrap());
	BallotOrder { payer, controller, mind, question, prose }
}

/// Orders a ballot from which nobody is barred as `who`.
pub fn ballot(who: u8) -> Result<JobId, DispatchError> {
	ask(ballot_order(account(who), None))
}

/// Orders a ballot, as in a call.
pub fn ask(order: BallotOrder<AccountId32>) -> Result<JobId, DispatchError> {
	frame_support::storage::with_storage_layer(|| <Inference as Ballots<_>>::order(order))
}

/// Operators `1..=n` with one proved slot on each model, whose bonds cover a seat of a ballot.
pub fn ballot_operators(n: u8) {
	serving_operators(n);
	set_price(TEXT, 1);
}

/// What the pallet has told others about a job.
pub fn told(job: JobId) -> Vec<Told> {
	Heard::get().into_iter().filter(|told| told.job() == job).collect()
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
	prove(owner, model);
}

/// Proves a model's present version as an operator.
pub fn prove(owner: u8, model: ModelId) {
	assert_ok!(Inference::prove_engine(signed(worker(owner)), model, golden(model)));
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
	Licensed::set(None);
	Registry::set(Vec::new());
	Cast::set(BTreeMap::new());
	Bonded::set(Vec::new());
	Divided::set(BTreeMap::new());
	Heard::set(Vec::new());
	Used::set(Vec::new());
}

/// Accounts of communities, which have the existential deposit from the start.
fn community_accounts() -> impl Iterator<Item = AccountId32> {
	[IMAGE_COMMUNITY, IMAGE_COMMUNITY + 1, CHARACTER_COMMUNITY].into_iter().flat_map(|community| {
		[treasury(community), pot_account(community, Pot::Shares), pot_account(community, Pot::Auton)]
	})
}

/// Genesis with the image and the text model; block 1.
pub fn new_test_ext() -> sp_io::TestExternalities {
	let config = RuntimeGenesisConfig {
		balances: pallet_balances::GenesisConfig {
			balances: (1..=40)
				.chain(101..=140)
				.chain(MODELLER..=FAN)
				.map(|n| (account(n), FUNDS))
				.chain(community_accounts().map(|account| (account, ED)))
				.collect(),
			..Default::default()
		},
		..Default::default()
	};
	let mut ext = sp_io::TestExternalities::new(config.build_storage().unwrap());
	ext.execute_with(|| {
		reset_parameters();
		System::set_block_number(1);
		Inference::on_initialize(1);
		register_model(Modality::Image);
		register_model(Modality::Text);
		System::reset_events();
	});
	ext
}

/// Runs a test. After it `try_state` holds, nothing is on hold that the pallet does not know of, the money that is gone is
/// what the events say was burned, and the pots have what was divided among those that bonded.
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
	for ((community, pot), divided) in Divided::get() {
		let balance = Balances::free_balance(pot_account(community, pot));
		frame_support::ensure!(balance == ED + divided, "a pot does not have what it has divided");
	}
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
