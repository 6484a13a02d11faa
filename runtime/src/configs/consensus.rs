//! BABE, GRANDPA, sessions and offences.

use alloc::vec::Vec;
use codec::Encode;
use frame_support::{
	parameter_types,
	traits::{ConstU32, ConstU64, KeyOwnerProofSystem, Randomness},
};
use sp_core::crypto::KeyTypeId;
use sp_runtime::traits::{Convert, ConvertInto, Hash as _, OpaqueKeys};
use sp_staking::SessionIndex;

use crate::{
	AccountId, Babe, Balances, BlockNumber, Hash, Historical, Offences, Runtime, RuntimeEvent, Session, SessionKeys,
	System, Timestamp, EPOCH_DURATION_IN_SLOTS, MILLISECS_PER_BLOCK,
};

parameter_types! {
	pub const EpochDuration: u64 = EPOCH_DURATION_IN_SLOTS;
	pub const ExpectedBlockTime: u64 = MILLISECS_PER_BLOCK;
	/// Blocks for which an equivocation can be reported: a week of sessions.
	pub const ReportLongevity: u64 = 7 * crate::DAYS as u64;
	/// Sessions for which the validators of a GRANDPA set can be looked up: as long as equivocations can be reported.
	pub const MaxSetIdSessionEntries: u64 = ReportLongevity::get() / EPOCH_DURATION_IN_SLOTS;
	pub const KeyDeposit: u128 = crate::configs::system::deposit(1, 64);
}

/// Most validators.
pub type MaxAuthorities = ConstU32<100>;

impl pallet_timestamp::Config for Runtime {
	type MinimumPeriod = ConstU64<{ MILLISECS_PER_BLOCK / 2 }>;
	type Moment = u64;
	type OnTimestampSet = Babe;
	type WeightInfo = pallet_timestamp::weights::SubstrateWeight<Runtime>;
}

impl pallet_babe::Config for Runtime {
	type DisabledValidators = Session;
	type EpochChangeTrigger = pallet_babe::ExternalTrigger;
	type EpochDuration = EpochDuration;
	type EquivocationReportSystem = pallet_babe::EquivocationReportSystem<Self, Offences, Historical, ReportLongevity>;
	type ExpectedBlockTime = ExpectedBlockTime;
	type KeyOwnerProof = <Historical as KeyOwnerProofSystem<(KeyTypeId, pallet_babe::AuthorityId)>>::Proof;
	type MaxAuthorities = MaxAuthorities;
	type MaxNominators = ConstU32<0>;
	type WeightInfo = ();
}

impl pallet_grandpa::Config for Runtime {
	type EquivocationReportSystem =
		pallet_grandpa::EquivocationReportSystem<Self, Offences, Historical, ReportLongevity>;
	type KeyOwnerProof = <Historical as KeyOwnerProofSystem<(KeyTypeId, pallet_grandpa::AuthorityId)>>::Proof;
	type MaxAuthorities = MaxAuthorities;
	type MaxNominators = ConstU32<0>;
	type MaxSetIdSessionEntries = MaxSetIdSessionEntries;
	type RuntimeEvent = RuntimeEvent;
	type WeightInfo = ();
}

impl pallet_authorship::Config for Runtime {
	type EventHandler = ();
	type FindAuthor = pallet_session::FindAccountFromAuthorIndex<Self, Babe>;
}

/// Keeps the validators of genesis from session to session.
pub struct GenesisValidators;

impl pallet_session::historical::SessionManager<AccountId, ()> for GenesisValidators {
	fn new_session(_: SessionIndex) -> Option<Vec<(AccountId, ())>> {
		let validators = Session::validators();
		// At genesis there are none yet, and the session pallet takes those that the preset gives keys for.
		(!validators.is_empty()).then(|| validators.into_iter().map(|v| (v, ())).collect())
	}

	fn start_session(_: SessionIndex) {}

	fn end_session(_: SessionIndex) {}
}

impl pallet_session::SessionManager<AccountId> for GenesisValidators {
	fn new_session(index: SessionIndex) -> Option<Vec<AccountId>> {
		<Self as pallet_session::historical::SessionManager<AccountId, ()>>::new_session(index)
			.map(|validators| validators.into_iter().map(|(v, _)| v).collect())
	}

	fn start_session(_: SessionIndex) {}

	fn end_session(_: SessionIndex) {}
}

impl pallet_session::Config for Runtime {
	type Currency = Balances;
	type DisablingStrategy = pallet_session::disabling::UpToLimitWithReEnablingDisablingStrategy;
	type KeyDeposit = KeyDeposit;
	type Keys = SessionKeys;
	type NextSessionRotation = Babe;
	type RuntimeEvent = RuntimeEvent;
	type SessionHandler = <SessionKeys as OpaqueKeys>::KeyTypeIdProviders;
	type SessionManager = pallet_session::historical::NoteHistoricalRoot<Self, GenesisValidators>;
	type ShouldEndSession = Babe;
	type ValidatorId = AccountId;
	type ValidatorIdOf = ConvertInto;
	type WeightInfo = pallet_session::weights::SubstrateWeight<Runtime>;
}

/// A validator needs no identification beyond its account.
pub struct NoIdentification;

impl Convert<AccountId, Option<()>> for NoIdentification {
	fn convert(_: AccountId) -> Option<()> {
		Some(())
	}
}

impl pallet_session::historical::Config for Runtime {
	type FullIdentification = ();
	type FullIdentificationOf = NoIdentification;
	type RuntimeEvent = RuntimeEvent;
}

impl pallet_offences::Config for Runtime {
	type IdentificationTuple = pallet_session::historical::IdentificationTuple<Self>;
	type OnOffenceHandler = ();
	type RuntimeEvent = RuntimeEvent;
}

/// Randomness for committee draws: the VRF output in the parent block's header, mixed with the job's number.
///
/// Nobody knows it when a job is submitted, and the one validator who makes that block can only bias it by giving the
/// block up. Where a block has no VRF output, which is so only where a development chain seals blocks that it holds no
/// key for, the epoch's randomness mixed with the parent's hash stands in: fit for tests, not for a network.
pub struct BabeDraw;

impl pallet_inference::DrawRandomness for BabeDraw {
	fn random(job: autonomy_primitives::JobId) -> Option<autonomy_primitives::Digest> {
		let subject = (b"AUTON/draw/1", job).encode();
		let (fresh, _) =
			<pallet_babe::ParentBlockRandomness<Runtime> as Randomness<Option<Hash>, BlockNumber>>::random(&subject);
		let random = fresh.unwrap_or_else(|| {
			let (epoch, _) =
				<pallet_babe::RandomnessFromOneEpochAgo<Runtime> as Randomness<Hash, BlockNumber>>::random(&subject);
			<Runtime as frame_system::Config>::Hashing::hash_of(&(epoch, System::parent_hash()))
		});
		Some(random.0)
	}
}

/// Milliseconds since 1970, as of this block.
pub fn now() -> u64 {
	Timestamp::get()
}
