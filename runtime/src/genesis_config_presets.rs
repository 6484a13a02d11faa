//! How a chain starts. A chain specification only names one of these presets.

use alloc::{vec, vec::Vec};
use frame_support::build_struct_json_patch;
use serde_json::Value;
use sp_genesis_builder::PresetId;
use sp_keyring::{Ed25519Keyring, Sr25519Keyring};

use crate::{
	configs::works::TreasuryAccount, AccountId, BabeConfig, BalancesConfig, RuntimeGenesisConfig, SessionConfig,
	SessionKeys, SudoConfig, AUTON, BABE_GENESIS_EPOCH_CONFIG,
};

/// One validator, Alice; the well-known accounts are rich.
pub const DEVELOPMENT: &str = sp_genesis_builder::DEV_RUNTIME_PRESET;
/// Four validators, Alice to Dave, on one machine or a few.
pub const LOCAL: &str = "local";

/// What each well-known account owns at genesis.
pub const ENDOWMENT: u128 = 1_000_000 * AUTON;

/// A validator's account and the well-known keys it signs blocks and votes with.
type Validator = (AccountId, Sr25519Keyring, Ed25519Keyring);

fn validator(babe: Sr25519Keyring, grandpa: Ed25519Keyring) -> Validator {
	(babe.to_account_id(), babe, grandpa)
}

fn genesis(validators: Vec<Validator>) -> Value {
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
	})
}

fn development() -> Value {
	genesis(vec![validator(Sr25519Keyring::Alice, Ed25519Keyring::Alice)])
}

fn local() -> Value {
	genesis(vec![
		validator(Sr25519Keyring::Alice, Ed25519Keyring::Alice),
		validator(Sr25519Keyring::Bob, Ed25519Keyring::Bob),
		validator(Sr25519Keyring::Charlie, Ed25519Keyring::Charlie),
		validator(Sr25519Keyring::Dave, Ed25519Keyring::Dave),
	])
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
