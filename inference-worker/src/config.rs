//! The worker's settings: one TOML file, each field of which an environment variable can override.

use std::{
	net::SocketAddr,
	path::{Path, PathBuf},
};

use figment::{
	providers::{Env, Format, Serialized, Toml},
	Figment,
};
use serde::{Deserialize, Serialize};

use crate::chain::AccountId;

/// A setting that is missing, unknown, of the wrong type or out of range.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

/// All settings. Relative paths are relative to the folder of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
	/// Where the worker keeps its queue, artifacts and fetched models.
	pub data_dir: PathBuf,
	/// The chain's nodes.
	pub chain: ChainConfig,
	/// The operator that this worker works for.
	pub operator: OperatorConfig,
	/// The worker's key.
	pub keys: KeysConfig,
	/// Model folders.
	pub models: ModelsConfig,
	/// Where results are stored.
	pub artifacts: ArtifactsConfig,
	/// The status server.
	pub server: ServerConfig,
	/// How models are run.
	pub compute: ComputeConfig,
}

impl Default for Config {
	fn default() -> Self {
		Self {
			data_dir: "data".into(),
			chain: ChainConfig::default(),
			operator: OperatorConfig::default(),
			keys: KeysConfig::default(),
			models: ModelsConfig::default(),
			artifacts: ArtifactsConfig::default(),
			server: ServerConfig::default(),
			compute: ComputeConfig::default(),
		}
	}
}

/// Which nodes to talk to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChainConfig {
	/// WebSocket addresses of nodes, tried in this order.
	pub urls: Vec<String>,
	/// Genesis hash of the chain, 0x and 64 hexadecimal digits; a node of another chain is refused. Unset: any chain.
	pub genesis: Option<String>,
	/// Seconds until a connection attempt counts as failed, 1 to 120.
	pub connect_timeout_seconds: u64,
}

impl Default for ChainConfig {
	fn default() -> Self {
		Self { urls: vec![DEFAULT_URL.into()], genesis: None, connect_timeout_seconds: 10 }
	}
}

/// What the names of the overriding environment variables start with.
const ENV_PREFIX: &str = "AUTONOMY_";

/// Address of a node on this machine.
pub const DEFAULT_URL: &str = "ws://127.0.0.1:9944";

/// The operator.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OperatorConfig {
	/// SS58 address of the operator's owner account. Unset: whichever operator the worker's key is registered for.
	pub owner: Option<String>,
}

/// The worker's key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeysConfig {
	/// Encrypted keystore in polkadot.js JSON form, file mode 0600.
	pub file: Option<PathBuf>,
	/// File with the keystore's password, mode 0600. `AUTONOMY_KEY_PASSWORD` takes precedence.
	pub password_file: Option<PathBuf>,
}

/// Model folders.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelsConfig {
	/// Folders that hold a `manifest.json`, or folders of such folders.
	pub dirs: Vec<PathBuf>,
	/// Where models fetched from the artifact store go. Unset: `models` in the data folder.
	pub cache: Option<PathBuf>,
}

/// Where results are stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ArtifactsConfig {
	/// Local folder. Unset: `artifacts` in the data folder.
	pub dir: Option<PathBuf>,
}

/// The status server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
	/// Address and port of `/metrics`, `/healthz`, `/readyz` and `/artifacts`; an empty text turns the server off.
	pub listen: String,
}

impl Default for ServerConfig {
	fn default() -> Self {
		Self { listen: "127.0.0.1:9620".into() }
	}
}

/// How models are run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ComputeConfig {
	/// Threads of the kernels, 1 to 1024; 0 takes every core. The results are the same for any number.
	pub threads: usize,
}

impl Config {
	/// Reads the file, then `AUTONOMY_<SECTION>__<FIELD>` variables (`AUTONOMY_CHAIN__URLS='["ws://…"]'`,
	/// `AUTONOMY_DATA_DIR`), and checks every range.
	pub fn load(file: &Path) -> Result<Self, ConfigError> {
		let text = std::fs::read_to_string(file).map_err(|e| {
			ConfigError(format!(
				"cannot read the configuration {}: {e}; see config/worker.toml for an example",
				file.display()
			))
		})?;
		let base = file.parent().unwrap_or_else(|| Path::new("."));
		Self::from_text(&text, &file.display().to_string(), base, ENV_PREFIX)
	}

	/// The settings without a file: defaults and environment.
	pub fn from_env() -> Result<Self, ConfigError> {
		Self::from_text("", "the environment", Path::new("."), ENV_PREFIX)
	}

	fn from_text(text: &str, name: &str, base: &Path, env_prefix: &str) -> Result<Self, ConfigError> {
		// Other AUTONOMY_ variables are not settings: the key's password and URI, and the kernels' own switches.
		let env = Env::prefixed(env_prefix).filter(|key| key.as_str().contains("__") || key == "data_dir").split("__");
		let config: Self = Figment::from(Serialized::defaults(Self::default()))
			.merge(Toml::string(text))
			.merge(env)
			.extract()
			.map_err(|error| ConfigError(explain(error, name)))?;
		config.resolved(base).checked(name)
	}

	fn resolved(mut self, base: &Path) -> Self {
		let resolve = |path: &mut PathBuf| {
			if path.is_relative() {
				*path = base.join(&*path);
			}
		};
		resolve(&mut self.data_dir);
		self.keys.file.iter_mut().for_each(resolve);
		self.keys.password_file.iter_mut().for_each(resolve);
		self.models.dirs.iter_mut().for_each(resolve);
		self.models.cache.iter_mut().for_each(resolve);
		self.artifacts.dir.iter_mut().for_each(resolve);
		self
	}

	fn checked(self, name: &str) -> Result<Self, ConfigError> {
		let fail = |field: &str, why: String| Err(ConfigError(format!("{name}: {field}: {why}")));
		if self.chain.urls.is_empty() {
			return fail("chain.urls", format!("no address; give at least one, such as {DEFAULT_URL}"));
		}
		if let Some(url) = self.chain.urls.iter().find(|u| !u.starts_with("ws://") && !u.starts_with("wss://")) {
			return fail("chain.urls", format!("'{url}' is not a WebSocket address; it starts with ws:// or wss://"));
		}
		if !(1..=120).contains(&self.chain.connect_timeout_seconds) {
			let value = self.chain.connect_timeout_seconds;
			return fail("chain.connect_timeout_seconds", format!("{value} is not between 1 and 120"));
		}
		if let Some(text) = &self.chain.genesis {
			if parse_digest(text).is_none() {
				return fail("chain.genesis", format!("'{text}' is not a hash: 0x and 64 hexadecimal digits"));
			}
		}
		if let Some(owner) = &self.operator.owner {
			if let Err(error) = owner.parse::<AccountId>() {
				return fail("operator.owner", format!("'{owner}' is not an SS58 address: {error}"));
			}
		}
		if !self.server.listen.is_empty() && self.server.listen.parse::<SocketAddr>().is_err() {
			let value = &self.server.listen;
			return fail("server.listen", format!("'{value}' is not an address and port, such as 127.0.0.1:9620"));
		}
		if self.compute.threads > 1024 {
			return fail("compute.threads", format!("{} is above 1024", self.compute.threads));
		}
		Ok(self)
	}

	/// Folder of the artifact store.
	pub fn artifact_dir(&self) -> PathBuf {
		self.artifacts.dir.clone().unwrap_or_else(|| self.data_dir.join("artifacts"))
	}

	/// Folder of models fetched by their CID.
	pub fn model_cache(&self) -> PathBuf {
		self.models.cache.clone().unwrap_or_else(|| self.data_dir.join("models"))
	}

	/// The genesis hash to insist on.
	pub fn genesis(&self) -> Option<[u8; 32]> {
		self.chain.genesis.as_deref().and_then(parse_digest)
	}
}

/// 32 bytes from hexadecimal digits with or without `0x`.
pub fn parse_digest(text: &str) -> Option<[u8; 32]> {
	let mut out = [0; 32];
	hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), &mut out).ok()?;
	Some(out)
}

/// Figment's first complaint, led by the field's full name.
fn explain(error: figment::Error, name: &str) -> String {
	use figment::error::Kind;
	let first = error.into_iter().next();
	let Some(first) = first else { return format!("{name}: unreadable") };
	let path = first.path.join(".");
	match &first.kind {
		Kind::UnknownField(field, known) => {
			let field = if path.is_empty() { field.clone() } else { format!("{path}.{field}") };
			format!("{name}: {field}: there is no such field; known here: {}", known.join(", "))
		}
		Kind::InvalidType(actual, expected) => format!("{name}: {path}: {actual} where {expected} is expected"),
		Kind::InvalidValue(actual, expected) => format!("{name}: {path}: {actual} where {expected} is expected"),
		other if path.is_empty() => format!("{name}: {other}"),
		other => format!("{name}: {path}: {other}"),
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn load(text: &str) -> Result<Config, ConfigError> {
		Config::from_text(text, "worker.toml", Path::new("/etc/autonomy"), "NO_SUCH_PREFIX_")
	}

	fn complaint(text: &str) -> String {
		load(text).expect_err(text).to_string()
	}

	#[test]
	fn config_should_resolve_paths_when_they_are_relative() {
		let config = load("data_dir = 'state'\n[models]\ndirs = ['shapes', '/models']\n").unwrap();
		assert_eq!(config.data_dir, Path::new("/etc/autonomy/state"));
		assert_eq!(config.models.dirs, [Path::new("/etc/autonomy/shapes"), Path::new("/models")]);
		assert_eq!(config.artifact_dir(), Path::new("/etc/autonomy/state/artifacts"));
	}

	#[test]
	fn config_should_name_the_field_when_it_is_wrong() {
		for (text, field) in [
			("[chain]\nurlz = ['ws://a']\n", "chain.urlz"),
			("dataa_dir = 'x'\n", "dataa_dir"),
			("[chain]\nurls = 'ws://a'\n", "chain.urls"),
			("[chain]\nurls = []\n", "chain.urls"),
			("[chain]\nurls = ['http://a']\n", "chain.urls"),
			("[chain]\nconnect_timeout_seconds = 0\n", "chain.connect_timeout_seconds"),
			("[chain]\nconnect_timeout_seconds = 'soon'\n", "chain.connect_timeout_seconds"),
			("[chain]\ngenesis = '0x12'\n", "chain.genesis"),
			("[operator]\nowner = 'Alice'\n", "operator.owner"),
			("[server]\nlisten = '9620'\n", "server.listen"),
			("[compute]\nthreads = 4096\n", "compute.threads"),
			("[compute]\nthreads = -1\n", "compute.threads"),
		] {
			let complaint = complaint(text);
			assert!(complaint.starts_with("worker.toml: ") && complaint.contains(field), "{text}: {complaint}");
		}
	}

	#[test]
	fn config_should_say_what_is_missing_when_the_file_is_not_there() {
		let error = Config::load(Path::new("/nowhere/worker.toml")).unwrap_err().to_string();
		assert!(error.contains("/nowhere/worker.toml"), "{error}");
	}

	#[test]
	fn config_example_should_load() {
		let text = include_str!("../config/worker.toml");
		load(text).unwrap();
	}

	#[test]
	fn config_should_take_the_environment_when_it_overrides_the_file() {
		// A prefix of its own, because the environment belongs to every test of the process.
		for (name, value) in [
			("CHAIN__URLS", "[\"ws://b:1\", \"wss://c\"]"),
			("COMPUTE__THREADS", "3"),
			("DATA_DIR", "/elsewhere"),
			("KEY_PASSWORD", "not a setting"),
			("ISA", "avx2"),
		] {
			std::env::set_var(format!("OVERRIDE_TEST_{name}"), value);
		}
		let base = Path::new("/etc/autonomy");
		let config = Config::from_text("[chain]\nurls = ['ws://a']\n", "worker.toml", base, "OVERRIDE_TEST_").unwrap();
		assert_eq!(config.chain.urls, ["ws://b:1", "wss://c"]);
		assert_eq!(config.compute.threads, 3);
		assert_eq!(config.data_dir, Path::new("/elsewhere"));
	}
}
