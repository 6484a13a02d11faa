//! A chain of system, balances, nfts and this pallet.

use autonomy_primitives::{
	digest::cid,
	job::{ImageInput, JobInput, Modality, TextInput},
	model::ModelLimits,
};
use frame_support::{
	derive_impl, parameter_types,
	traits::{AsEnsureOriginWithArg, ConstU32, ConstU64},
	PalletId,
};
use pallet_nfts::PalletFeatures;
use sp_runtime::{
	traits::{IdentifyAccount, IdentityLookup, Verify},
	AccountId32, BuildStorage, MultiSignature,
};

use crate as pallet_models;
use crate::{Event, ModelDetails, NftItems};

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
}

pub type AccountPublic = <MultiSignature as Verify>::Signer;

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type AccountId = <AccountPublic as IdentifyAccount>::AccountId;
	type Lookup = IdentityLookup<Self::AccountId>;
	type Block = Block;
	type AccountData = pallet_balances::AccountData<u64>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
	type AccountStore = System;
	type ExistentialDeposit = ConstU64<10>;
}

parameter_types! {
	pub Features: PalletFeatures = PalletFeatures::all_enabled();
	pub const ModelsPalletId: PalletId = PalletId(*b"auton/md");
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
	type Items = NftItems<Test>;
	type PalletId = ModelsPalletId;
	type DepositBase = ConstU64<1_000>;
	type DepositPerByte = ConstU64<2>;
	type MaxBudget = ConstU32<100>;
	type WeightInfo = ();
}

/// Balance that every funded account starts with.
pub const FUNDS: u64 = 1_000_000;

pub fn account(n: u8) -> AccountId32 {
	AccountId32::new([n; 32])
}

pub fn image_input() -> JobInput {
	JobInput::Image(ImageInput {
		prompt: b"a red circle".to_vec().try_into().unwrap(),
		negative_prompt: Default::default(),
		width: 64,
		height: 64,
		steps: 20,
		guidance_centi: 250,
	})
}

pub fn text_input() -> JobInput {
	JobInput::Text(TextInput {
		prompt: b"hello".to_vec().try_into().unwrap(),
		max_tokens: 16,
		temperature_centi: 0,
		top_p_permille: 1000,
		top_k: 0,
	})
}

/// An image model whose manifest is the CID of `name`.
pub fn details(name: &str) -> Box<ModelDetails<u64>> {
	Box::new(ModelDetails {
		modality: Modality::Image,
		manifest: cid(name.as_bytes()),
		weights_root: [1; 32],
		engine: [2; 32],
		limits: ModelLimits { max_prompt_bytes: 64, max_steps: 50, max_pixels: 128 * 128, max_tokens: 0 },
		price_per_unit: 7,
		budget: 5,
		golden_input: Box::new(image_input()),
		golden_seed: [3; 32],
		golden_result: [4; 32],
		licence: b"Apache-2.0".to_vec().try_into().unwrap(),
	})
}

pub fn new_test_ext() -> sp_io::TestExternalities {
	let config = RuntimeGenesisConfig {
		balances: pallet_balances::GenesisConfig {
			balances: (1..=5).map(|n| (account(n), FUNDS)).collect(),
			..Default::default()
		},
		..Default::default()
	};
	let mut ext = sp_io::TestExternalities::new(config.build_storage().unwrap());
	ext.execute_with(|| System::set_block_number(1));
	ext
}

/// Runs a test, and `try_state` after it.
pub fn build_and_execute(test: impl FnOnce()) {
	new_test_ext().execute_with(|| {
		test();
		Models::do_try_state().unwrap();
	});
}

/// Events of this pallet so far, oldest first.
pub fn events() -> Vec<Event<Test>> {
	let of_pallet = |record: frame_system::EventRecord<RuntimeEvent, _>| match record.event {
		RuntimeEvent::Models(event) => Some(event),
		_ => None,
	};
	System::events().into_iter().filter_map(of_pallet).collect()
}
