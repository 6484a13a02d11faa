//! The Autonomy runtime: which pallets the chain is made of, with which parameters.
//!
//! `lib.rs` holds the types and the list of pallets, `configs/` the parameters by area, `apis.rs` what clients may ask,
//! `genesis_config_presets.rs` how a chain starts, `weights/` what calls cost.

#![cfg_attr(not(feature = "std"), no_std)]
// The runtime macros expand to items without documentation.
#![allow(missing_docs)]
#![recursion_limit = "512"]

#[cfg(feature = "std")]
include!(concat!(env!("OUT_DIR"), "/wasm_binary.rs"));

extern crate alloc;

pub mod apis;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarks;
pub mod configs;
pub mod genesis_config_presets;
pub mod portfolio;
pub mod weights;

use alloc::{borrow::Cow, vec::Vec};
use sp_runtime::{
	generic, impl_opaque_keys,
	traits::{BlakeTwo256, IdentifyAccount, Verify},
	MultiAddress, MultiSignature,
};
use sp_version::RuntimeVersion;

pub use frame_system::Call as SystemCall;
pub use pallet_balances::Call as BalancesCall;
#[cfg(feature = "std")]
pub use sp_runtime::BuildStorage;

/// An account's signature: sr25519, ed25519 or ECDSA.
pub type Signature = MultiSignature;
/// A public key's 32-byte account id.
pub type AccountId = <<Signature as Verify>::Signer as IdentifyAccount>::AccountId;
/// How clients name an account in a call.
pub type Address = MultiAddress<AccountId, ()>;
/// An amount of AUTON in planck, 10⁻¹² AUTON.
pub type Balance = u128;
/// How many transactions an account has sent.
pub type Nonce = u32;
/// A BLAKE2b-256 hash.
pub type Hash = sp_core::H256;
/// A block's number.
pub type BlockNumber = u32;
/// A block's header.
pub type Header = generic::Header<BlockNumber, BlakeTwo256>;
/// A block.
pub type Block = generic::Block<Header, UncheckedExtrinsic>;

/// Opaque types for the node: it need not know what an extrinsic says.
pub mod opaque {
	use super::*;
	pub use sp_runtime::OpaqueExtrinsic as UncheckedExtrinsic;

	/// A header.
	pub type Header = super::Header;
	/// A block of opaque extrinsics.
	pub type Block = generic::Block<Header, UncheckedExtrinsic>;
	/// A block's identifier.
	pub type BlockId = generic::BlockId<Block>;
}

impl_opaque_keys! {
	pub struct SessionKeys {
		pub babe: Babe,
		pub grandpa: Grandpa,
	}
}

/// Symbol of the native currency.
pub const TOKEN_SYMBOL: &str = "AUTON";
/// Decimals of the native currency.
pub const TOKEN_DECIMALS: u8 = 12;
/// One AUTON in planck.
pub const AUTON: Balance = 1_000_000_000_000;
/// A thousandth of an AUTON in planck.
pub const MILLI_AUTON: Balance = AUTON / 1_000;
/// A millionth of an AUTON in planck.
pub const MICRO_AUTON: Balance = MILLI_AUTON / 1_000;

/// Time between two blocks, in milliseconds; BABE's slot duration.
pub const MILLISECS_PER_BLOCK: u64 = 6_000;
/// Blocks in a minute.
pub const MINUTES: BlockNumber = 60_000 / (MILLISECS_PER_BLOCK as BlockNumber);
/// Blocks in an hour.
pub const HOURS: BlockNumber = MINUTES * 60;
/// Blocks in a day.
pub const DAYS: BlockNumber = HOURS * 24;
/// Slots in an epoch and blocks in a session: two minutes in the development and local networks.
pub const EPOCH_DURATION_IN_SLOTS: u64 = 2 * MINUTES as u64;

/// BABE's configuration at genesis. Every slot has a block, and every block a VRF output: the committee draws need one.
pub const BABE_GENESIS_EPOCH_CONFIG: sp_consensus_babe::BabeEpochConfiguration =
	sp_consensus_babe::BabeEpochConfiguration {
		c: (1, 4),
		allowed_slots: sp_consensus_babe::AllowedSlots::PrimaryAndSecondaryVRFSlots,
	};

/// The version that clients and nodes see.
#[sp_version::runtime_version]
pub const VERSION: RuntimeVersion = RuntimeVersion {
	spec_name: Cow::Borrowed("autonomy"),
	impl_name: Cow::Borrowed("autonomy"),
	authoring_version: 1,
	spec_version: 2,
	impl_version: 1,
	apis: apis::RUNTIME_API_VERSIONS,
	transaction_version: 1,
	system_version: 3,
};

/// What every signed transaction carries. All of it is stock, so that polkadot.js, PAPI, subxt and Ledger sign without
/// knowing this chain. A call that its pallet marks as feeless skips the fee.
pub type TxExtension = (
	frame_system::AuthorizeCall<Runtime>,
	frame_system::CheckNonZeroSender<Runtime>,
	frame_system::CheckSpecVersion<Runtime>,
	frame_system::CheckTxVersion<Runtime>,
	frame_system::CheckGenesis<Runtime>,
	frame_system::CheckEra<Runtime>,
	frame_system::CheckNonce<Runtime>,
	frame_system::CheckWeight<Runtime>,
	pallet_skip_feeless_payment::SkipCheckIfFeeless<
		Runtime,
		pallet_transaction_payment::ChargeTransactionPayment<Runtime>,
	>,
	frame_metadata_hash_extension::CheckMetadataHash<Runtime>,
	frame_system::WeightReclaim<Runtime>,
);

/// An extrinsic as it stands in a block.
pub type UncheckedExtrinsic = generic::UncheckedExtrinsic<Address, RuntimeCall, Signature, TxExtension>;
/// What a transaction's signature covers.
pub type SignedPayload = generic::SignedPayload<RuntimeCall, TxExtension>;

/// Dispatches extrinsics and runs the hooks.
pub type Executive =
	frame_executive::Executive<Runtime, Block, frame_system::ChainContext<Runtime>, Runtime, AllPalletsWithSystem>;

/// Migrations that run once, in the block after an upgrade. None: no chain was started before version 2.
pub type SingleBlockMigrations = ();

// The offence reports of BABE and GRANDPA are transactions without a signer.
impl<LocalCall> frame_system::offchain::CreateTransactionBase<LocalCall> for Runtime
where
	RuntimeCall: From<LocalCall>,
{
	type Extrinsic = UncheckedExtrinsic;
	type RuntimeCall = RuntimeCall;
}

impl<LocalCall> frame_system::offchain::CreateBare<LocalCall> for Runtime
where
	RuntimeCall: From<LocalCall>,
{
	fn create_bare(call: RuntimeCall) -> UncheckedExtrinsic {
		UncheckedExtrinsic::new_bare(call)
	}
}

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
	pub struct Runtime;

	// Consensus and money.
	#[runtime::pallet_index(0)]
	pub type System = frame_system;
	#[runtime::pallet_index(1)]
	pub type Timestamp = pallet_timestamp;
	#[runtime::pallet_index(2)]
	pub type Babe = pallet_babe;
	#[runtime::pallet_index(3)]
	pub type Authorship = pallet_authorship;
	#[runtime::pallet_index(4)]
	pub type Balances = pallet_balances;
	#[runtime::pallet_index(5)]
	pub type TransactionPayment = pallet_transaction_payment;
	#[runtime::pallet_index(6)]
	pub type Offences = pallet_offences;
	#[runtime::pallet_index(7)]
	pub type Historical = pallet_session::historical;
	#[runtime::pallet_index(8)]
	pub type Session = pallet_session;
	#[runtime::pallet_index(9)]
	pub type Grandpa = pallet_grandpa;

	// Accounts and calls.
	#[runtime::pallet_index(10)]
	pub type Utility = pallet_utility;
	#[runtime::pallet_index(11)]
	pub type Multisig = pallet_multisig;
	#[runtime::pallet_index(12)]
	pub type Proxy = pallet_proxy;
	#[runtime::pallet_index(13)]
	pub type Preimage = pallet_preimage;
	#[runtime::pallet_index(14)]
	pub type Scheduler = pallet_scheduler;
	#[runtime::pallet_index(15)]
	pub type Sudo = pallet_sudo;
	#[runtime::pallet_index(16)]
	pub type SkipFeelessPayment = pallet_skip_feeless_payment;
	#[runtime::pallet_index(17)]
	pub type Parameters = pallet_parameters;

	// Tokens.
	#[runtime::pallet_index(20)]
	pub type Assets = pallet_assets;
	#[runtime::pallet_index(21)]
	pub type Nfts = pallet_nfts;
	#[runtime::pallet_index(22)]
	pub type AssetsFreezer = pallet_assets_freezer;

	// Autonomy.
	#[runtime::pallet_index(30)]
	pub type Models = pallet_models;
	#[runtime::pallet_index(31)]
	pub type Inference = pallet_inference;
	#[runtime::pallet_index(32)]
	pub type Bonds = pallet_bonds;
	#[runtime::pallet_index(33)]
	pub type Characters = pallet_characters;
	#[runtime::pallet_index(34)]
	pub type Creations = pallet_creations;
	#[runtime::pallet_index(35)]
	pub type Market = pallet_market;

	// Governance.
	#[runtime::pallet_index(40)]
	pub type Dso = pallet_dso;
	#[runtime::pallet_index(41)]
	pub type Democracy = pallet_democracy;
	#[runtime::pallet_index(42)]
	pub type GuardCommittee = pallet_collective<Instance1>;
}
