//! An operator: two keys, a configuration and the worker's process.

use std::{
	fs::{self, File, OpenOptions},
	os::unix::fs::{OpenOptionsExt, PermissionsExt},
	path::{Path, PathBuf},
	process::{Child, Command, ExitStatus, Output, Stdio},
	time::{Duration, Instant},
};

use anyhow::{bail, ensure, Context, Result};
use subxt::dynamic::Value;
use subxt_signer::sr25519::Keypair;
use tempfile::TempDir;
use tokio::{
	io::{AsyncReadExt, AsyncWriteExt},
	net::TcpStream,
};

use crate::{
	client::{self, bytes, Account, Client},
	free_port, program, tail, AUTON,
};

/// Bond that backs a slot on each of two models, in AUTON, with room to spare.
const BOND: u128 = 500;
/// Password of the test's keystores.
const PASSWORD: &str = "a test of the worker";

/// Environment variable with the secret URI of [`autonomy_worker_as`].
const SURI: &str = "AUTONOMY_E2E_SURI";

/// Runs the worker's program to its end.
pub fn autonomy_worker<I, S>(arguments: I) -> Result<Output>
where
	I: IntoIterator<Item = S>,
	S: AsRef<std::ffi::OsStr>,
{
	finished(command()?.args(arguments))
}

/// Runs a signing command of the worker's program to its end, as the account of a secret URI.
pub fn autonomy_worker_as<I, S>(secret: &str, arguments: I) -> Result<Output>
where
	I: IntoIterator<Item = S>,
	S: AsRef<std::ffi::OsStr>,
{
	finished(command()?.args(arguments).args(["--suri-env", SURI]).env(SURI, secret))
}

fn command() -> Result<Command> {
	let mut command = Command::new(program("autonomy-worker")?);
	command.env("AUTONOMY_KEY_PASSWORD", PASSWORD).stdin(Stdio::null());
	Ok(command)
}

fn finished(command: &mut Command) -> Result<Output> {
	command.output().context("starting autonomy-worker")
}

/// What a program said, on both of its outputs.
pub fn said(output: &Output) -> String {
	format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Registers an operator as its owner would from any wallet: bond, worker key, a slot on each model.
pub async fn register(client: &Client, owner: &Keypair, worker: &Account, models: &[u32]) -> Result<()> {
	let arguments = vec![Value::from_bytes(worker), Value::u128(BOND * AUTON)];
	client.call("Inference", "register_operator", arguments, owner).await?;
	for model in models {
		let engine = engine(client, *model).await?;
		let arguments = vec![
			Value::u128((*model).into()),
			Value::u128(1),
			Value::from_bytes(engine),
			Value::unnamed_variant("Other", []),
		];
		client.call("Inference", "join_model", arguments, owner).await?;
	}
	Ok(())
}

/// Registers a demo model as Alice, and returns its number.
pub fn register_model(url: &str, dir: &Path) -> Result<u32> {
	let dir = dir.to_string_lossy();
	let output =
		autonomy_worker(["models", "register", &dir, "--price", "0.001", "--dev", "alice", "--url", url, "--json"])?;
	ensure!(output.status.success(), "models register {dir}: {}", said(&output));
	let line: serde_json::Value = serde_json::from_slice(&output.stdout).context("models register prints JSON")?;
	let model = line["model"].as_u64().context("models register prints the model's number")?;
	Ok(u32::try_from(model)?)
}

/// The registration of a model.
pub async fn model(client: &Client, id: u32) -> Result<Value> {
	let newest = client.newest().await?;
	let found = client.read(newest, "Models", "Models", vec![Value::u128(id.into())]).await?;
	found.with_context(|| format!("model {id} is not registered"))
}

async fn engine(client: &Client, id: u32) -> Result<Vec<u8>> {
	use subxt::dynamic::At;
	Ok(bytes(model(client, id).await?.at("engine").context("a model has an engine")?))
}

/// Copies a model's folder, to damage the copy.
pub fn copy_model(from: &Path, to: &Path) -> Result<()> {
	fs::create_dir_all(to)?;
	for entry in fs::read_dir(from).with_context(|| format!("the model folder {}", from.display()))? {
		let entry = entry?;
		let target = to.join(entry.file_name());
		if entry.file_type()?.is_dir() {
			copy_model(&entry.path(), &target)?;
		} else {
			fs::copy(entry.path(), target)?;
		}
	}
	Ok(())
}

/// A worker with its own folder and keys. Its process is killed and its folder removed when dropped.
pub struct Worker {
	child: Option<Child>,
	dir: TempDir,
	port: u16,
	owner: Keypair,
	account: Account,
	/// The worker's secret URI, where it has no keystore.
	secret: Option<String>,
}

impl Worker {
	/// Makes the keystore and the configuration. The worker's account gets the existential deposit, the owner's the bond.
	pub async fn new(client: &Client, name: &str, url: &str, models: &[PathBuf]) -> Result<Self> {
		let dir = tempfile::tempdir()?;
		let key = dir.path().join("key.json");
		let output = autonomy_worker([Path::new("keys"), Path::new("generate"), key.as_path()])?;
		ensure!(output.status.success(), "keys generate: {}", said(&output));
		let account = keystore_account(&key)?;
		client.fund(&account, 1).await?;
		let owner = client.funded(name, BOND + 100).await?;
		let mut worker = Self { child: None, dir, port: free_port()?, owner, account, secret: None };
		worker.configure(url, models)?;
		Ok(worker)
	}

	/// A worker of keys that the caller has and has funded: nothing is asked of the chain. The process gets the worker's
	/// secret URI in its environment, which spares it the keystore's slow decryption.
	pub fn with_keys(owner: Keypair, secret: &str, url: &str, models: &[PathBuf]) -> Result<Self> {
		let account = client::account(&client::key(secret));
		let (dir, port, secret) = (tempfile::tempdir()?, free_port()?, Some(secret.to_string()));
		let mut worker = Self { child: None, dir, port, owner, account, secret };
		worker.configure(url, models)?;
		Ok(worker)
	}

	/// Writes the configuration.
	pub fn configure(&mut self, url: &str, models: &[PathBuf]) -> Result<()> {
		let password = self.dir.path().join("password");
		if !password.exists() {
			use std::io::Write;
			let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&password)?;
			file.write_all(PASSWORD.as_bytes())?;
		}
		let keys = match self.secret {
			Some(_) => "",
			None => "[keys]\nfile = \"key.json\"\npassword_file = \"password\"\n",
		};
		let text = format!(
			"data_dir = \"data\"\n[chain]\nurls = [\"{url}\"]\nconnect_timeout_seconds = 5\n{keys}[models]\n\
			dirs = {models:?}\n[server]\nlisten = \"127.0.0.1:{}\"\n[compute]\nthreads = 1\n",
			self.port
		);
		fs::write(self.config(), text)?;
		Ok(())
	}

	/// The configuration's file.
	pub fn config(&self) -> PathBuf {
		self.dir.path().join("worker.toml")
	}

	/// The keystore's file.
	pub fn keystore(&self) -> PathBuf {
		self.dir.path().join("key.json")
	}

	/// Port of the status server.
	pub fn port(&self) -> u16 {
		self.port
	}

	/// The log of all its runs.
	pub fn log(&self) -> PathBuf {
		self.dir.path().join("worker.log")
	}

	/// The owner's account, by which the chain knows the operator.
	pub fn operator(&self) -> Account {
		client::account(&self.owner)
	}

	/// Registers the operator and joins the models.
	pub async fn register(&self, client: &Client, models: &[u32]) -> Result<()> {
		register(client, &self.owner, &self.account, models).await
	}

	/// Starts `autonomy-worker run`.
	pub fn start(&mut self) -> Result<()> {
		let log = OpenOptions::new().create(true).append(true).open(self.log())?;
		self.child = Some(self.spawn(log)?);
		Ok(())
	}

	fn spawn(&self, log: File) -> Result<Child> {
		let mut command = Command::new(program("autonomy-worker")?);
		if let Some(secret) = &self.secret {
			command.env("AUTONOMY_WORKER_SURI", secret);
		}
		command
			.arg("run")
			.arg("--config")
			.arg(self.config())
			.args(["--startup-timeout", "30"])
			.env_remove("AUTONOMY_KEY_PASSWORD")
			.stdin(Stdio::null())
			.stdout(log.try_clone()?)
			.stderr(log)
			.spawn()
			.context("starting autonomy-worker")
	}

	/// Waits until the worker takes jobs: it follows the chain, and its engine is proved on every model.
	pub async fn ready(&mut self) -> Result<()> {
		let deadline = Instant::now() + crate::PATIENCE;
		let mut last = String::new();
		loop {
			if let Some(status) = self.child.as_mut().context("the worker was not started")?.try_wait()? {
				bail!("autonomy-worker ended ({status}):\n{}", tail(&self.log()));
			}
			match get(self.port, "/readyz").await {
				Ok(answer) if answer.starts_with("HTTP/1.1 200") => return Ok(()),
				Ok(answer) => last = answer,
				Err(error) => last = format!("{last}\n{error}"),
			}
			ensure!(Instant::now() < deadline, "autonomy-worker is not ready: {last}\n{}", tail(&self.log()));
			// The server has no way to be waited on.
			tokio::time::sleep(Duration::from_millis(200)).await;
		}
	}

	/// How the process ended by itself, if it did.
	pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
		Ok(self.child.as_mut().map(Child::try_wait).transpose()?.flatten())
	}

	/// Kills the process as a power cut would.
	pub fn kill(&mut self) -> Result<()> {
		if let Some(mut child) = self.child.take() {
			child.kill()?;
			child.wait()?;
		}
		Ok(())
	}
}

impl Drop for Worker {
	fn drop(&mut self) {
		let _ = self.kill();
	}
}

/// The account of a keystore in polkadot.js form, from its address.
fn keystore_account(file: &Path) -> Result<Account> {
	let mode = fs::metadata(file)?.permissions().mode() & 0o7777;
	ensure!(mode == 0o600, "the keystore has mode {mode:o}");
	let json: serde_json::Value = serde_json::from_str(&fs::read_to_string(file)?)?;
	let address = json["address"].as_str().context("a keystore has an address")?;
	let account: subxt::utils::AccountId32 = address.parse().context("the keystore's address")?;
	Ok(account.0)
}

/// The answer to a GET on this machine, headers and all.
pub async fn get(port: u16, path: &str) -> Result<String> {
	let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
	let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
	stream.write_all(request.as_bytes()).await?;
	let mut answer = Vec::new();
	stream.read_to_end(&mut answer).await?;
	Ok(String::from_utf8_lossy(&answer).into_owned())
}
