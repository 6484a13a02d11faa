//! A chain of system, balances, nfts, models and this pallet.

use autonomy_primitives::{
	digest::{self, cid, Sealed},
	job::{ImageInput, JobInput, Modality, SeedPolicy, TextInput},
	model::ModelLimits,
	Digest, JobId, ModelId,
};
use frame_support::{
	assert_ok, derive_impl, parameter_types,
	traits::{AsEnsureOriginWithArg, ConstU32, ConstU64, ConstU8, Hooks},
	weights::Weight,
	PalletId,
};
use pallet_nfts::PalletFeatures;
use sp_runtime::{
	traits::{IdentifyAccount, IdentityLookup, Verify},
	AccountId32, BuildStorage, MultiSignature,
};

use crate as pallet_inference;
use crate::{CpuClass, DrawRandomness, Event, Jobs, NextJobId, Outcome};

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
	pub static AgendaWeight: Weight = Weight::from_parts(1_000_000, u64::MAX);
}

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

pub const SLOT_BOND: u64 = 1_000;
pub const DEPOSIT_BASE: u64 = 50;

impl pallet_inference::Config for Test {
	type Currency = Balances;
	type RuntimeHoldReason = RuntimeHoldReason;
	type Models = Models;
	type DrawRandomness = MockRandomness;
	type SlotBond = ConstU64<SLOT_BOND>;
	type MaxSlotsPerOperator = ConstU32<16>;
	type MaxOpenSeats = ConstU32<4>;
	type UnbondingPeriod = ConstU64<20>;
	type MaxOpenJobsPerAccount = ConstU32<8>;
	type JobDepositBase = ConstU64<DEPOSIT_BASE>;
	type JobDepositPerByte = ConstU64<1>;
	type MinCommittee = ConstU8<1>;
	type MaxCommittee = ConstU8<15>;
	type DefaultImageCommittee = ConstU8<3>;
	type DefaultTextCommittee = ConstU8<1>;
	type DrawDelay = ConstU64<2>;
	type MaxDrawRetries = ConstU32<3>;
	type DrawAttemptsPerSeat = ConstU32<16>;
	type CommitGrace = ConstU64<10>;
	type RevealPeriod = ConstU64<10>;
	type ImageWindow = ConstU64<5>;
	type TextWindow = ConstU64<3>;
	type AgendaWeight = AgendaWeight;
	type WeightInfo = ();
}

/// Balance that every funded account starts with.
pub const FUNDS: u64 = 1_000_000;
/// Price of one unit of the mock's models.
pub const PRICE: u64 = 7;
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

/// Registers operators `1..=n` with worker keys and a bond of 8 slots, without a place on any model.
pub fn operators(n: u8) {
	for owner in 1..=n {
		assert_ok!(Inference::register_operator(signed(owner), account(worker(owner)), 8 * SLOT_BOND));
	}
}

/// Gives an operator proved slots on a model.
pub fn join(owner: u8, model: ModelId, slots: u32) {
	assert_ok!(Inference::join_model(signed(worker(owner)), model, slots, ENGINE, CpuClass::X86V3));
	assert_ok!(Inference::prove_engine(signed(worker(owner)), model, GOLDEN));
}

/// Operators `1..=n` with one proved slot on each model.
pub fn serving_operators(n: u8) {
	operators(n);
	for owner in 1..=n {
		join(owner, IMAGE, 1);
		join(owner, TEXT, 1);
	}
}

/// Genesis with the image and the text model; block 1.
pub fn new_test_ext() -> sp_io::TestExternalities {
	let config = RuntimeGenesisConfig {
		balances: pallet_balances::GenesisConfig {
			balances: (1..=40).chain(101..=140).chain(MODELLER..=BOB).map(|n| (account(n), FUNDS)).collect(),
			..Default::default()
		},
		..Default::default()
	};
	let mut ext = sp_io::TestExternalities::new(config.build_storage().unwrap());
	ext.execute_with(|| {
		Randomness::set(Some([42; 32]));
		AgendaWeight::set(Weight::from_parts(1_000_000, u64::MAX));
		System::set_block_number(1);
		Inference::on_initialize(1);
		register_model(Modality::Image, "image");
		register_model(Modality::Text, "text");
		System::reset_events();
	});
	ext
}

/// Runs a test, and `try_state` of both pallets after it.
pub fn build_and_execute(test: impl FnOnce()) {
	new_test_ext().execute_with(|| {
		let issuance = Balances::total_issuance();
		test();
		Inference::do_try_state().unwrap();
		assert_eq!(Balances::total_issuance(), issuance, "money was made or lost");
	});
}

/// Goes on to block `n`, with the hooks of each block on the way.
pub fn run_to(n: u64) {
	while System::block_number() < n {
		let next = System::block_number() + 1;
		System::set_block_number(next);
		Inference::on_initialize(next);
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

/// Submits an image job of 10 units for three seats as `who`. The fee is 210.
pub fn submit(who: u8) -> JobId {
	assert_ok!(Inference::submit_job(signed(who), IMAGE, Box::new(image_input()), None, SeedPolicy::Chain, u64::MAX));
	NextJobId::<Test>::get() - 1
}

/// Submits a job as `who` and goes on to its draw. Returns its seats' operators.
pub fn submit_and_draw(who: u8) -> (JobId, Vec<u8>) {
	let job = submit(who);
	run_to(System::block_number() + 2);
	(job, seats(job))
}

/// Operators on a job, by their numbers.
pub fn seats(job: JobId) -> Vec<u8> {
	let job = Jobs::<Test>::get(job).unwrap();
	job.seats.iter().map(|seat| AsRef::<[u8; 32]>::as_ref(&seat.operator)[0]).collect()
}

/// An outcome that depends on `n` alone.
pub fn outcome(n: u8) -> Outcome {
	Outcome { result: [n; 32], trace_root: [n; 32], artifact: cid(&[n]) }
}

/// Salt of operator `n`.
pub fn salt(n: u8) -> [u8; 32] {
	[n; 32]
}

/// What operator `n` commits for an outcome.
pub fn sealed(job: JobId, n: u8, outcome: Outcome) -> Digest {
	let round = Jobs::<Test>::get(job).map_or(0, |job| job.round);
	let Outcome { result, trace_root, artifact } = outcome;
	digest::commitment(job, round, &[n; 32], &Sealed { result, trace_root, artifact, salt: salt(n) })
}

pub fn commit(job: JobId, n: u8, outcome: Outcome) -> sp_runtime::DispatchResult {
	Inference::commit(signed(worker(n)), job, sealed(job, n, outcome))
}

pub fn reveal(job: JobId, n: u8, outcome: Outcome) -> frame_support::dispatch::DispatchResultWithPostInfo {
	let Outcome { result, trace_root, artifact } = outcome;
	Inference::reveal(signed(worker(n)), job, account(n), result, trace_root, artifact, salt(n))
}

/// Every seat commits to the same outcome.
pub fn commit_all(job: JobId) {
	for n in seats(job) {
		assert_ok!(commit(job, n, outcome(1)));
	}
}

/// Every seat commits to and reveals the same outcome.
pub fn agree(job: JobId) {
	commit_all(job);
	for n in seats(job) {
		assert_ok!(reveal(job, n, outcome(1)));
	}
}
