//! A chain of system, balances, nfts and this pallet. Jobs, royalty terms and locks are what a test says.

use std::collections::BTreeMap;

use autonomy_primitives::{
	digest::cid,
	job::Modality,
	payout::{Payee, Share},
	JobId, ModelId,
};
use frame_support::{
	assert_ok, derive_impl, parameter_types,
	traits::{tokens::Locker, AsEnsureOriginWithArg, ConstU32, ConstU64},
	PalletId,
};
use pallet_nfts::PalletFeatures;
use sp_runtime::{
	traits::{IdentifyAccount, IdentityLookup, Verify},
	AccountId32, BuildStorage, MultiSignature, Permill,
};

use crate as pallet_creations;
use crate::{DefaultCollection, Event, FinalJob, ItemId, Name, NftItems, Provenance, RoyaltyTerms};

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
	pub type Creations = pallet_creations;
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
	pub const CreationsPalletId: PalletId = PalletId(*b"auton/cr");
	/// The jobs that are final.
	pub static FinalJobs: BTreeMap<JobId, FinalJob<AccountId32, u64>> = BTreeMap::new();
	/// What [`RoyaltyTerms`] answers for every job.
	pub static Terms: Vec<Share<AccountId32>> = Vec::new();
	/// Items that are on sale.
	pub static Locked: Vec<(u32, ItemId)> = Vec::new();
}

pub struct MockLocker;
impl Locker<u32, ItemId> for MockLocker {
	fn is_locked(collection: u32, item: ItemId) -> bool {
		Locked::get().contains(&(collection, item))
	}
}

impl pallet_nfts::Config for Test {
	type RuntimeEvent = RuntimeEvent;
	type CollectionId = u32;
	type ItemId = ItemId;
	type Currency = Balances;
	type CreateOrigin = AsEnsureOriginWithArg<frame_system::EnsureSigned<Self::AccountId>>;
	type ForceOrigin = frame_system::EnsureRoot<Self::AccountId>;
	type Locker = MockLocker;
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

pub struct MockJobs;
impl Provenance<AccountId32, u64> for MockJobs {
	fn final_job(job: JobId) -> Option<FinalJob<AccountId32, u64>> {
		FinalJobs::get().get(&job).cloned()
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_job(requester: &AccountId32) -> JobId {
		let job = FinalJobs::get().len() as JobId;
		FinalJobs::mutate(|jobs| jobs.insert(job, FinalJob { requester: requester.clone(), ..final_job(1, job) }));
		job
	}
}

pub struct MockTerms;
impl RoyaltyTerms<AccountId32> for MockTerms {
	fn terms(_: JobId, _: ModelId) -> Vec<Share<AccountId32>> {
		Terms::get()
	}
}

pub const DEPOSIT_BASE: u64 = 1_000;
pub const COLLECTION_DEPOSIT: u64 = 5_000;

impl pallet_creations::Config for Test {
	type Currency = Balances;
	type RuntimeHoldReason = RuntimeHoldReason;
	type Jobs = MockJobs;
	type RoyaltyTerms = MockTerms;
	type Items = NftItems<Test>;
	type PalletId = CreationsPalletId;
	type DepositBase = ConstU64<DEPOSIT_BASE>;
	type DepositPerByte = ConstU64<2>;
	type CollectionDeposit = ConstU64<COLLECTION_DEPOSIT>;
	type MaxCollectionsPerAccount = ConstU32<2>;
	type WeightInfo = ();
}

/// Balance that every funded account starts with.
pub const FUNDS: u64 = 1_000_000;

pub fn account(n: u8) -> AccountId32 {
	AccountId32::new([n; 32])
}

/// An account as a payee.
pub fn to(n: u8) -> Payee<AccountId32> {
	Payee::Account(account(n))
}

pub fn signed(n: u8) -> RuntimeOrigin {
	RuntimeOrigin::signed(account(n))
}

pub fn name(text: &str) -> Name {
	text.as_bytes().to_vec().try_into().unwrap()
}

/// Number of the collection that is open to everybody.
pub fn open() -> u32 {
	DefaultCollection::<Test>::get().unwrap()
}

/// What a final job of `who` leaves: an image, another result for each job.
pub fn final_job(who: u8, job: JobId) -> FinalJob<AccountId32, u64> {
	FinalJob {
		requester: account(who),
		model: 3,
		modality: Modality::Image,
		engine: [1; 32],
		weights_root: [2; 32],
		seed: [3; 32],
		input_hash: [4; 32],
		result: sp_io::hashing::blake2_256(&job.to_le_bytes()),
		artifact: cid(&job.to_le_bytes()),
		finalised_at: 1,
	}
}

/// Makes a job of `who` final.
pub fn finalise(job: JobId, who: u8) {
	finalise_as(job, final_job(who, job));
}

pub fn finalise_as(job: JobId, left: FinalJob<AccountId32, u64>) {
	FinalJobs::mutate(|jobs| jobs.insert(job, left));
}

/// Makes a job of `who` final and mints it into the open collection with a creator's share of 5 %.
pub fn minted(job: JobId, who: u8) -> (u32, ItemId) {
	finalise(job, who);
	assert_ok!(Creations::mint(signed(who), job, None, name("A work"), Permill::from_percent(5)));
	Creations::creation_of_job(job).unwrap()
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
	ext.execute_with(|| {
		FinalJobs::set(BTreeMap::new());
		Terms::set(Vec::new());
		Locked::set(Vec::new());
		System::set_block_number(1);
	});
	ext
}

/// Runs a test, and [`check`] after it.
pub fn build_and_execute(test: impl FnOnce()) {
	new_test_ext().execute_with(|| {
		test();
		check().unwrap();
	});
}

/// `try_state` holds, and nothing is on hold that the pallet does not know of.
pub fn check() -> Result<(), sp_runtime::TryRuntimeError> {
	Creations::do_try_state()?;
	let held: u64 = pallet_balances::Holds::<Test>::iter_values().flatten().map(|hold| hold.amount).sum();
	let works: u64 = crate::Creations::<Test>::iter_values().map(|creation| creation.deposit).sum();
	let collections: u64 = crate::Collections::<Test>::iter_values().map(|info| info.deposit).sum();
	frame_support::ensure!(held == works + collections, "money is on hold for nothing");
	Ok(())
}

/// Events of this pallet so far, oldest first.
pub fn events() -> Vec<Event<Test>> {
	let of_pallet = |record: frame_system::EventRecord<RuntimeEvent, _>| match record.event {
		RuntimeEvent::Creations(event) => Some(event),
		_ => None,
	};
	System::events().into_iter().filter_map(of_pallet).collect()
}
