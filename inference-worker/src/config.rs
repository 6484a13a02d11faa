//! The worker's settings: one TOML file, each field of which an environment variable can override.

use std::{
	net::SocketAddr,
	path::{Path, PathBuf},
};

use autonomy_artifacts::{check_url, ByteSize, IpfsSettings, S3Settings};
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OperatorConfig {
	/// SS58 address of the operator's owner account. Unset: whichever operator the worker's key is registered for.
	pub owner: Option<String>,
	/// Seconds for which a worker that is told to stop goes on to open its commitments. A second signal ends it at once; the
	/// next start goes on where it was, as long as the deadlines on chain allow.
	pub drain_seconds: u64,
}

impl Default for OperatorConfig {
	fn default() -> Self {
		Self { owner: None, drain_seconds: 60 }
	}
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

/// Where results are stored, and where files are looked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ArtifactsConfig {
	/// Local folder. Unset: `artifacts` in the data folder.
	pub dir: Option<PathBuf>,
	/// Days that a file stays in the folder after it was stored or last read, 1 to 36500. The files of jobs that have not
	/// ended and those of published models stay longer.
	pub keep_days: u32,
	/// Most bytes of the folder, at least 1M: a number, or one with K, M, G or T behind it. Beyond it those files go first
	/// that were not used for longest; never one of a job that has not ended.
	pub quota: ByteSize,
	/// Addresses of other operators' servers, from which files are fetched.
	pub peers: Vec<String>,
	/// A bucket to which every file is copied. Unset: none.
	pub s3: Option<S3Settings>,
	/// IPFS gateways to read from, and a node to which every file is copied.
	pub ipfs: IpfsSettings,
}

impl Default for ArtifactsConfig {
	fn default() -> Self {
		Self {
			dir: None,
			keep_days: 30,
			quota: ByteSize(10 << 30),
			peers: Vec::new(),
			s3: None,
			ipfs: IpfsSettings::default(),
		}
	}
}

/// Least quota of the artifact folder: a few pictures.
const LEAST_QUOTA: ByteSize = ByteSize(1 << 20);

/// The status server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
	/// Address and port of the operator's page, `/metrics`, `/healthz`, `/readyz`, `/artifacts` and `/traces`; an empty text
	/// turns the server off.
	pub listen: String,
}

impl Default for ServerConfig {
	fn default() -> Self {
		Self { listen: "127.0.0.1:9620".into() }
	}
}

/// How models are run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ComputeConfig {
	/// Threads of the kernels, 1 to 1024; 0 takes every core. The results are the same for any number.
	pub threads: usize,
	/// Whether models run in a process of their own, which the two limits below bound. Without, an input that ends the
	/// process ends the worker.
	pub isolate: bool,
	/// Most bytes of memory of that process, at least 64M: a number, or one with K, M, G or T behind it. It holds every model
	/// that is ready and a run. 0 takes 80 % of the machine's memory, or of its cgroup's.
	pub memory_limit: ByteSize,
	/// Most bytes of that memory, at least 16M, for the models that stay ready between runs. Beyond it those are closed that
	/// were not used for longest; one that does not fit is not served. 0 takes three quarters of `memory_limit`, which leaves a
	/// quarter to a run.
	pub resident_memory: ByteSize,
	/// Longest that a run, or the opening of a model, may take in seconds, 1 to 86400. A job has less where its model's budget
	/// says so: a second attempt must fit before its deadline.
	pub time_limit_seconds: u64,
}

/// Least memory of an engine process: a small model.
const LEAST_MEMORY: ByteSize = ByteSize(64 << 20);
/// Least memory of the models that stay ready.
const LEAST_RESIDENT: ByteSize = ByteSize(16 << 20);

impl Default for ComputeConfig {
	fn default() -> Self {
		Self {
			threads: 0,
			isolate: true,
			memory_limit: ByteSize(0),
			resident_memory: ByteSize(0),
			time_limit_seconds: 3600,
		}
	}
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
		let artifacts = &self.artifacts;
		if !(1..=36_500).contains(&artifacts.keep_days) {
			return fail("artifacts.keep_days", format!("{} is not between 1 and 36500", artifacts.keep_days));
		}
		if artifacts.quota < LEAST_QUOTA {
			return fail("artifacts.quota", format!("{} is below {LEAST_QUOTA}", artifacts.quota));
		}
		for (field, addresses) in [
			("artifacts.peers", artifacts.peers.iter().collect::<Vec<_>>()),
			("artifacts.ipfs.gateways", artifacts.ipfs.gateways.iter().collect()),
			("artifacts.ipfs.api", artifacts.ipfs.api.iter().collect()),
		] {
			if let Some(why) = addresses.into_iter().find_map(|address| check_url(address).err()) {
				return fail(field, why);
			}
		}
		if let Some(Err((field, why))) = artifacts.s3.as_ref().map(S3Settings::check) {
			return fail(&format!("artifacts.s3.{field}"), why);
		}
		if !self.server.listen.is_empty() && self.server.listen.parse::<SocketAddr>().is_err() {
			let value = &self.server.listen;
			return fail("server.listen", format!("'{value}' is not an address and port, such as 127.0.0.1:9620"));
		}
		if self.compute.threads > 1024 {
			return fail("compute.threads", format!("{} is above 1024", self.compute.threads));
		}
		let memory = self.compute.memory_limit;
		if memory != ByteSize(0) && memory < LEAST_MEMORY {
			let why = format!("{memory} is below {LEAST_MEMORY}; 0 takes 80 % of the machine's memory");
			return fail("compute.memory_limit", why);
		}
		let resident = self.compute.resident_memory;
		if resident != ByteSize(0) && resident < LEAST_RESIDENT {
			let why = format!("{resident} is below {LEAST_RESIDENT}; 0 takes three quarters of compute.memory_limit");
			return fail("compute.resident_memory", why);
		}
		if memory != ByteSize(0) && resident > memory {
			let why = format!("{resident} is above compute.memory_limit, {memory}, of which it is a part");
			return fail("compute.resident_memory", why);
		}
		if !(1..=86_400).contains(&self.compute.time_limit_seconds) {
			let value = self.compute.time_limit_seconds;
			return fail("compute.time_limit_seconds", format!("{value} is not between 1 and 86400"));
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
		Kind::MissingField(field) if !path.is_empty() => format!("{name}: {path}.{field}: it must be given"),
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
			("[artifacts]\nkeep_days = 0\n", "artifacts.keep_days"),
			("[artifacts]\nkeep_days = 36501\n", "artifacts.keep_days"),
			("[artifacts]\nquota = '10X'\n", "artifacts.quota"),
			("[artifacts]\nquota = -1\n", "artifacts.quota"),
			("[artifacts]\nquota = '1023K'\n", "artifacts.quota"),
			("[artifacts]\npeers = 'http://a'\n", "artifacts.peers"),
			("[artifacts]\npeers = ['http://a', 'b:9620']\n", "artifacts.peers"),
			("[artifacts]\nmirrors = 3\n", "artifacts.mirrors"),
			("[artifacts.ipfs]\ngateways = ['ipfs.io']\n", "artifacts.ipfs.gateways"),
			("[artifacts.ipfs]\napi = '/ip4/127.0.0.1/tcp/5001'\n", "artifacts.ipfs.api"),
			("[artifacts.ipfs]\nnode = 'http://a'\n", "artifacts.ipfs.node"),
			("[artifacts.s3]\nregion = 'eu-central-1'\n", "artifacts.s3.bucket"),
			("[artifacts.s3]\nbucket = 'a b'\n", "artifacts.s3.bucket"),
			("[artifacts.s3]\nbucket = 'a'\nendpoint = 'localhost'\n", "artifacts.s3.endpoint"),
			("[artifacts.s3]\nbucket = 'a'\nprefix = '../b'\n", "artifacts.s3.prefix"),
			("[artifacts.s3]\nbucket = 'a'\nsecret_key = 'x'\n", "artifacts.s3.secret_key"),
			("[artifacts.s3]\nbucket = 'a'\nsecret_key_env = 'a/b+c'\n", "artifacts.s3.secret_key_env"),
			("[server]\nlisten = '9620'\n", "server.listen"),
			("[compute]\nthreads = 4096\n", "compute.threads"),
			("[compute]\nthreads = -1\n", "compute.threads"),
			("[compute]\nisolate = 'yes'\n", "compute.isolate"),
			("[compute]\nmemory_limit = '63M'\n", "compute.memory_limit"),
			("[compute]\nmemory_limit = '8X'\n", "compute.memory_limit"),
			("[compute]\nresident_memory = '15M'\n", "compute.resident_memory"),
			("[compute]\nmemory_limit = '1G'\nresident_memory = '2G'\n", "compute.resident_memory"),
			("[compute]\ntime_limit_seconds = 0\n", "compute.time_limit_seconds"),
			("[compute]\ntime_limit_seconds = 86401\n", "compute.time_limit_seconds"),
		] {
			let complaint = complaint(text);
			assert!(complaint.starts_with("worker.toml: ") && complaint.contains(field), "{text}: {complaint}");
		}
	}

	#[test]
	fn artifact_settings_should_have_their_defaults_when_they_are_not_given() {
		let artifacts = load("[artifacts.s3]\nbucket = 'pictures'\n").unwrap().artifacts;
		assert_eq!((artifacts.keep_days, artifacts.quota), (30, ByteSize(10 << 30)));
		assert_eq!((artifacts.peers.len(), artifacts.ipfs), (0, IpfsSettings::default()));
		let bucket = artifacts.s3.unwrap();
		assert_eq!((bucket.region.as_str(), bucket.prefix.as_str(), bucket.endpoint), ("us-east-1", "", None));
		assert_eq!(bucket.secret_key_env, "AWS_SECRET_ACCESS_KEY");
		for (text, bytes) in [("'512M'", 512 << 20), ("2147483648", 2 << 30)] {
			assert_eq!(load(&format!("[artifacts]\nquota = {text}\n")).unwrap().artifacts.quota, ByteSize(bytes));
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
			("ARTIFACTS__QUOTA", "20G"),
			("ARTIFACTS__KEEP_DAYS", "7"),
			("ARTIFACTS__S3__BUCKET", "pictures"),
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
		assert_eq!((config.artifacts.quota, config.artifacts.keep_days), (ByteSize(20 << 30), 7));
		assert_eq!(config.artifacts.s3.unwrap().bucket, "pictures");
	}
}
