//! Arguments that many commands share: which chain, and whose signature.

use std::path::PathBuf;

use anyhow::{bail, Context, Result};
use subxt_signer::sr25519::Keypair;

use crate::{chain::node::Node, config::Config, keys};

/// Which chain.
#[derive(clap::Args, Clone, Default)]
pub struct ChainArgs {
	/// The worker's configuration; without it the defaults and the environment count.
	#[arg(long, value_name = "FILE")]
	pub config: Option<PathBuf>,
	/// WebSocket address of a node, instead of the configuration's. May be given several times.
	#[arg(long, value_name = "WS")]
	pub url: Vec<String>,
}

impl ChainArgs {
	/// The configuration with the addresses of the command line.
	pub fn config(&self) -> Result<Config> {
		let mut config = match &self.config {
			Some(file) => Config::load(file)?,
			None => Config::from_env()?,
		};
		if let Some(url) = self.url.iter().find(|u| !u.starts_with("ws://") && !u.starts_with("wss://")) {
			bail!("--url '{url}' is not a WebSocket address; it starts with ws:// or wss://");
		}
		if !self.url.is_empty() {
			config.chain.urls.clone_from(&self.url);
		}
		Ok(config)
	}

	/// The chain without a key.
	pub fn node(&self) -> Result<(Config, Node)> {
		let config = self.config()?;
		let node = Node::new(&config, None);
		Ok((config, node))
	}
}

/// Whose signature. Exactly one source.
#[derive(clap::Args, Clone)]
#[group(required = true, multiple = false)]
pub struct SignerArgs {
	/// A well-known development key: alice, bob, charlie, dave, eve or ferdie. Only on a development or local chain.
	#[arg(long, value_name = "NAME")]
	pub dev: Option<String>,
	/// Name of an environment variable that holds a secret URI.
	#[arg(long, value_name = "VARIABLE")]
	pub suri_env: Option<String>,
	/// Encrypted keystore of mode 0600; its password is in AUTONOMY_KEY_PASSWORD.
	#[arg(long, value_name = "FILE")]
	pub key: Option<PathBuf>,
}

impl SignerArgs {
	fn pair(&self) -> Result<Keypair> {
		if let Some(name) = &self.dev {
			return Ok(keys::dev(name)?);
		}
		if let Some(variable) = &self.suri_env {
			return Ok(keys::from_env(variable)?);
		}
		let file = self.key.as_deref().context("no key: give --dev, --suri-env or --key")?;
		keys::check_mode(file)?;
		let password = keys::password(file, None)?;
		Ok(keys::open(file, &password)?)
	}

	/// The chain with this key. A development key is refused on any other chain: everybody knows it.
	pub async fn node(&self, chain: &ChainArgs) -> Result<(Config, Node, Keypair)> {
		let config = chain.config()?;
		let pair = self.pair()?;
		let node = Node::new(&config, Some(pair.clone()));
		if let Some(name) = &self.dev {
			let kind = node.chain_type().await?;
			if kind != "Development" && kind != "Local" {
				bail!(
					"--dev {name}: everybody knows this key, and the chain is of type {kind}; use --key or --suri-env"
				);
			}
		}
		Ok((config, node, pair))
	}
}
