//! How a chain starts. A chain specification only names one of these presets.

use alloc::{vec, vec::Vec};
use frame_support::build_struct_json_patch;
use pallet_dso::Needs;
use serde_json::Value;
use sp_genesis_builder::PresetId;
use sp_keyring::{Ed25519Keyring, Sr25519Keyring};
use sp_runtime::Perbill;

use crate::{
	configs::works::TreasuryAccount, AccountId, BabeConfig, BalancesConfig, BlockNumber, BondsConfig, DsoConfig,
	GuardCommitteeConfig, RuntimeGenesisConfig, SessionConfig, SessionKeys, SudoConfig, AUTON,
	BABE_GENESIS_EPOCH_CONFIG,
};

/// One validator, Alice; the well-known accounts are rich.
pub const DEVELOPMENT: &str = sp_genesis_builder::DEV_RUNTIME_PRESET;
/// Four validators, Alice to Dave, on one machine or a few.
pub const LOCAL: &str = "local";

/// What each well-known account owns at genesis.
pub const ENDOWMENT: u128 = 1_000_000 * AUTON;

/// Blocks of a governance day on a development chain: what takes a week can be watched in minutes.
pub const DEVELOPMENT_DAY: BlockNumber = 20;
/// Blocks of a governance day on a local network: ten minutes.
pub const LOCAL_DAY: BlockNumber = 100;
/// What phases need on a development chain: so little that one person can walk through all of them.
pub const DEVELOPMENT_NEEDS: Needs = Needs {
	characters: 1,
	workers: 5,
	shadow_days: 1,
	shadow_settled: Perbill::from_percent(50),
	days_in_two: 1,
	days_in_three: 1,
};

/// A validator's account and the well-known keys it signs blocks and votes with.
type Validator = (AccountId, Sr25519Keyring, Ed25519Keyring);

fn validator(babe: Sr25519Keyring, grandpa: Ed25519Keyring) -> Validator {
	(babe.to_account_id(), babe, grandpa)
}

fn genesis(validators: Vec<Validator>, day: BlockNumber, needs: Option<Needs>) -> Value {
	let guard = [Sr25519Keyring::Alice, Sr25519Keyring::Bob, Sr25519Keyring::Charlie];
	build_struct_json_patch!(RuntimeGenesisConfig {
		balances: BalancesConfig {
			balances: Sr25519Keyring::iter()
				.filter(|key| !matches!(key, Sr25519Keyring::One | Sr25519Keyring::Two))
				.map(|key| (key.to_account_id(), ENDOWMENT))
				// So that it can take any amount, however small.
				.chain([(TreasuryAccount::get(), AUTON)])
				.collect::<Vec<_>>(),
		},
		babe: BabeConfig { epoch_config: BABE_GENESIS_EPOCH_CONFIG },
		session: SessionConfig {
			keys: validators
				.into_iter()
				.map(|(account, babe, grandpa)| {
					let keys = SessionKeys { babe: babe.public().into(), grandpa: grandpa.public().into() };
					(account.clone(), account, keys)
				})
				.collect::<Vec<_>>(),
		},
		sudo: SudoConfig { key: Some(Sr25519Keyring::Alice.to_account_id()) },
		bonds: BondsConfig { day_length: Some(day) },
		dso: DsoConfig { needs },
		guard_committee: GuardCommitteeConfig {
			members: guard.iter().map(|key| key.to_account_id()).collect::<Vec<_>>(),
		},
	})
}

fn development() -> Value {
	let validators = vec![validator(Sr25519Keyring::Alice, Ed25519Keyring::Alice)];
	genesis(validators, DEVELOPMENT_DAY, Some(DEVELOPMENT_NEEDS))
}

fn local() -> Value {
	let validators = vec![
		validator(Sr25519Keyring::Alice, Ed25519Keyring::Alice),
		validator(Sr25519Keyring::Bob, Ed25519Keyring::Bob),
		validator(Sr25519Keyring::Charlie, Ed25519Keyring::Charlie),
		validator(Sr25519Keyring::Dave, Ed25519Keyring::Dave),
	];
	genesis(validators, LOCAL_DAY, None)
}

/// The preset of that name as a JSON patch of the default genesis.
pub fn get_preset(id: &PresetId) -> Option<Vec<u8>> {
	let patch = match id.as_ref() {
		DEVELOPMENT => development(),
		LOCAL => local(),
		_ => return None,
	};
	serde_json::to_vec(&patch).ok()
}

/// The names of the presets.
pub fn preset_names() -> Vec<PresetId> {
	vec![PresetId::from(DEVELOPMENT), PresetId::from(LOCAL)]
}
