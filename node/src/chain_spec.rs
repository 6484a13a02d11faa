//! Chain specifications. Each only names a genesis preset of the runtime.

use autonomy_runtime::{
	genesis_config_presets::{DEVELOPMENT, LOCAL},
	opaque::Block,
	TOKEN_DECIMALS, TOKEN_SYMBOL, WASM_BINARY,
};
use sc_chain_spec::{ChainSpecExtension, Properties};
use sc_service::ChainType;
use serde::{Deserialize, Serialize};

/// What a specification holds beyond genesis.
#[derive(Default, Clone, Serialize, Deserialize, ChainSpecExtension)]
#[serde(rename_all = "camelCase")]
pub struct Extensions {
	/// Blocks with known hashes.
	pub fork_blocks: sc_client_api::ForkBlocks<Block>,
	/// Blocks that are never imported.
	pub bad_blocks: sc_client_api::BadBlocks<Block>,
	/// Where a light client starts, once there is a finalised chain.
	pub light_sync_state: sc_sync_state_rpc::LightSyncStateExtension,
}

/// A specification of this chain.
pub type ChainSpec = sc_service::GenericChainSpec<Extensions>;

fn properties() -> Properties {
	let mut properties = Properties::new();
	properties.insert("tokenSymbol".into(), TOKEN_SYMBOL.into());
	properties.insert("tokenDecimals".into(), TOKEN_DECIMALS.into());
	properties.insert("ss58Format".into(), 42.into());
	properties
}

fn spec(name: &str, id: &str, chain_type: ChainType, preset: &str) -> Result<ChainSpec, String> {
	let wasm = WASM_BINARY.ok_or(
		"this node was built without its runtime (SKIP_WASM_BUILD was set): build it again without that variable",
	)?;
	Ok(ChainSpec::builder(wasm, Extensions::default())
		.with_name(name)
		.with_id(id)
		.with_protocol_id("autonomy")
		.with_chain_type(chain_type)
		.with_properties(properties())
		.with_genesis_config_preset_name(preset)
		.build())
}

/// A chain of one validator on this machine.
pub fn development() -> Result<ChainSpec, String> {
	spec("Autonomy Development", "autonomy_dev", ChainType::Development, DEVELOPMENT)
}

/// A network of four validators, Alice to Dave.
pub fn local() -> Result<ChainSpec, String> {
	spec("Autonomy Local", "autonomy_local", ChainType::Local, LOCAL)
}
