//! What the runtime's tests share: a chain in memory, started from a genesis preset as a node would.

#![allow(dead_code)]

use autonomy_primitives::{
	digest::{cid, input_hash, Sealed},
	job::{ImageInput, JobInput, Modality, SeedPolicy},
	model::ModelLimits,
	Digest, JobId,
};
use autonomy_runtime::{
	genesis_config_presets, AccountId, Balance, BlockNumber, BuildStorage, Executive, Hash, Header, Inference, Models,
	Runtime, RuntimeCall, RuntimeEvent, RuntimeGenesisConfig, RuntimeOrigin, SessionKeys, Signature, System,
	TxExtension, UncheckedExtrinsic, AUTON, MILLISECS_PER_BLOCK, VERSION,
};
use codec::Encode;
use frame_support::{assert_ok, traits::OnFinalize};
use pallet_inference::CpuClass;
use serde_json::Value;
use sp_consensus_babe::{
	digests::{PreDigest, SecondaryPlainPreDigest},
	BABE_ENGINE_ID,
};
use sp_keyring::Sr25519Keyring as Key;
use sp_runtime::{generic::Era, traits::Header as _, Digest as HeaderDigest, DigestItem};

pub const ENGINE: Digest = [7; 32];
pub const GOLDEN: Digest = [8; 32];
pub const PRICE: Balance = AUTON / 1000;

fn merge(base: &mut Value, patch: Value) {
	match (base, patch) {
		(Value::Object(base), Value::Object(patch)) => {
			for (key, value) in patch {
				merge(base.entry(key).or_insert(Value::Null), value);
			}
		}
		(base, patch) => *base = patch,
	}
}

/// The chain of a preset, before its first block.
pub fn chain(preset: &str) -> sp_io::TestExternalities {
	let patch = genesis_config_presets::get_preset(&preset.into()).expect("the preset exists");
	let mut config = serde_json::to_value(RuntimeGenesisConfig::default()).expect("genesis is JSON");
	merge(&mut config, serde_json::from_slice(&patch).expect("a preset is JSON"));
	let config: RuntimeGenesisConfig = serde_json::from_value(config).expect("a preset fits the genesis");
	let mut ext: sp_io::TestExternalities = config.build_storage().expect("genesis builds").into();
	ext.execute_with(|| System::set_block_number(0));
	ext
}

/// Starts the next block: header digest, hooks, timestamp.
pub fn next_block() {
	let number = System::block_number() + 1;
	let parent = if number == 1 {
		Hash::default()
	} else {
		// A header like the one that the block before would have had; its hash only has to be one of a kind.
		sp_io::hashing::blake2_256(&(number, System::parent_hash()).encode()).into()
	};
	// Slots count from the first block on; the clock has to agree with them.
	let slot = 1_000_000 + u64::from(number);
	let digest = HeaderDigest {
		logs: vec![DigestItem::PreRuntime(
			BABE_ENGINE_ID,
			PreDigest::SecondaryPlain(SecondaryPlainPreDigest { authority_index: 0, slot: slot.into() }).encode(),
		)],
	};
	if number > 1 {
		finish_block();
	}
	let header = Header::new(number, Default::default(), Default::default(), parent, digest);
	Executive::initialize_block(&header);
	let timestamp = RuntimeCall::Timestamp(pallet_timestamp::Call::set { now: slot * MILLISECS_PER_BLOCK });
	Executive::apply_extrinsic(UncheckedExtrinsic::new_bare(timestamp))
		.expect("the inherent is valid")
		.expect("the inherent succeeds");
}

fn finish_block() {
	use autonomy_runtime::AllPalletsWithSystem;
	let number = System::block_number();
	AllPalletsWithSystem::on_finalize(number);
	System::note_finished_extrinsics();
}

/// Runs blocks until this one has started.
pub fn run_to(number: BlockNumber) {
	while System::block_number() < number {
		next_block();
	}
}

pub fn account(key: Key) -> AccountId {
	key.to_account_id()
}

pub fn signed(key: Key) -> RuntimeOrigin {
	RuntimeOrigin::signed(account(key))
}

pub fn limits() -> ModelLimits {
	ModelLimits { max_prompt_bytes: 256, max_steps: 50, max_pixels: 64 * 64, max_tokens: 0 }
}

pub fn picture(prompt: &str) -> JobInput {
	JobInput::Image(ImageInput {
		prompt: prompt.as_bytes().to_vec().try_into().expect("short"),
		negative_prompt: Default::default(),
		width: 64,
		height: 64,
		steps: 20,
		guidance_centi: 250,
	})
}

/// Registers a picture model, owned by Alice.
pub fn register_model() -> u32 {
	assert_ok!(Models::register(
		signed(Key::Alice),
		Box::new(pallet_models::ModelDetails {
			modality: Modality::Image,
			manifest: cid(b"manifest"),
			weights_root: [5; 32],
			engine: ENGINE,
			limits: limits(),
			price_per_unit: PRICE,
			budget: 4,
			golden_input: Box::new(picture("a red circle")),
			golden_seed: [6; 32],
			golden_result: GOLDEN,
			licence: b"Apache-2.0".to_vec().try_into().expect("short"),
		})
	));
	0
}

/// Registers an operator with a worker, seats it on model 0 and proves its engine.
pub fn operator(owner: Key, worker: Key) {
	assert_ok!(Inference::register_operator(signed(owner), account(worker), 1_000 * AUTON));
	assert_ok!(Inference::join_model(signed(owner), 0, 1, ENGINE, CpuClass::X86V3));
	assert_ok!(Inference::prove_engine(signed(worker), 0, GOLDEN));
}

/// Three operators on model 0: Bob, Charlie and Dave with their stash accounts as workers.
pub fn three_operators() -> [(Key, Key); 3] {
	let all = [(Key::Bob, Key::BobStash), (Key::Charlie, Key::CharlieStash), (Key::Dave, Key::DaveStash)];
	all.iter().for_each(|(owner, worker)| operator(*owner, *worker));
	all
}

pub fn sealed(result: u8) -> Sealed {
	Sealed { result: [result; 32], trace_root: [2; 32], artifact: cid(b"png"), salt: [3; 32] }
}

/// The seed policy of tests that bring their own seed.
pub fn seed() -> SeedPolicy {
	SeedPolicy::User([9; 32])
}

pub fn hash_of(input: &JobInput) -> Digest {
	input_hash(input)
}

/// The events of the inference pallet in this block.
pub fn inference_events() -> Vec<pallet_inference::Event<Runtime>> {
	System::events()
		.into_iter()
		.filter_map(|record| match record.event {
			RuntimeEvent::Inference(event) => Some(event),
			_ => None,
		})
		.collect()
}

/// A transaction as a wallet would sign it.
pub fn transaction(key: Key, nonce: u32, call: RuntimeCall) -> UncheckedExtrinsic {
	let extension: TxExtension = (
		frame_system::AuthorizeCall::new(),
		frame_system::CheckNonZeroSender::new(),
		frame_system::CheckSpecVersion::new(),
		frame_system::CheckTxVersion::new(),
		frame_system::CheckGenesis::new(),
		frame_system::CheckEra::from(Era::Immortal),
		frame_system::CheckNonce::from(nonce),
		frame_system::CheckWeight::new(),
		pallet_skip_feeless_payment::SkipCheckIfFeeless::from(
			pallet_transaction_payment::ChargeTransactionPayment::from(0),
		),
		frame_metadata_hash_extension::CheckMetadataHash::new(false),
		frame_system::WeightReclaim::new(),
	);
	let genesis = System::block_hash(0);
	let implicit = ((), (), VERSION.spec_version, VERSION.transaction_version, genesis, genesis, (), (), (), None, ());
	let payload = autonomy_runtime::SignedPayload::from_raw(call.clone(), extension.clone(), implicit);
	let signature: Signature = payload.using_encoded(|bytes| key.sign(bytes)).into();
	UncheckedExtrinsic::new_signed(call, account(key).into(), signature, extension)
}

/// Commits and reveals for one seat.
pub fn commit(job: JobId, owner: Key, worker: Key, what: &Sealed) {
	let round = pallet_inference::Jobs::<Runtime>::get(job).expect("the job is open").round;
	let hash = autonomy_primitives::digest::commitment(job, round, account(owner).as_ref(), what);
	assert_ok!(Inference::commit(signed(worker), job, hash));
}

pub fn reveal(job: JobId, owner: Key, what: &Sealed) {
	let Sealed { result, trace_root, artifact, salt } = *what;
	let outcome = pallet_inference::Outcome { result, trace_root, artifact };
	assert_ok!(Inference::reveal(signed(Key::Eve), job, account(owner), outcome, salt, None));
}

/// Runs blocks until one has an event of the inference pallet that matches, at most `most` of them.
pub fn run_until(most: u32, matches: impl Fn(&pallet_inference::Event<Runtime>) -> bool) {
	for _ in 0..most {
		if inference_events().iter().any(&matches) {
			return;
		}
		next_block();
	}
	panic!("no such event in {most} blocks");
}

/// The session keys of genesis, for tests of rotation.
pub fn genesis_keys() -> Option<SessionKeys> {
	autonomy_runtime::Session::load_keys(&account(Key::Alice))
}
