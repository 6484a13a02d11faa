//! A development node as a process.

use std::{
	fs::File,
	path::{Path, PathBuf},
	process::{Child, Command, ExitStatus, Stdio},
	time::{Duration, Instant},
};

use anyhow::{bail, Context, Result};
use tempfile::TempDir;

use crate::{client::Client, free_port, program, tail, PATIENCE};

/// A node with a chain of its own. Killed and its folder removed when dropped.
pub struct Node {
	child: Child,
	port: u16,
	log: PathBuf,
	_dir: TempDir,
}

impl Node {
	/// Starts `autonomy-node --dev` with a block every `milliseconds` and waits for its first block.
	pub async fn start(milliseconds: u32) -> Result<Self> {
		let mut node = Self::start_with(&milliseconds.to_string()).await?;
		node.wait_for_block(1).await?;
		Ok(node)
	}

	/// Starts `autonomy-node --dev --sealing <sealing>` and waits until it answers.
	pub async fn start_with(sealing: &str) -> Result<Self> {
		let dir = tempfile::tempdir()?;
		let log = dir.path().join("node.log");
		let output = File::create(&log)?;
		let (port, p2p) = (free_port()?, free_port()?);
		let child = Command::new(program("autonomy-node")?)
			.args(["--dev", "--no-prometheus", "--sealing", sealing])
			.args(["--rpc-port", &port.to_string(), "--port", &p2p.to_string()])
			.arg("--base-path")
			.arg(dir.path().join("chain"))
			.stdin(Stdio::null())
			.stdout(output.try_clone()?)
			.stderr(output)
			.spawn()
			.context("starting autonomy-node")?;
		let mut node = Self { child, port, log, _dir: dir };
		node.wait_for_block(0).await?;
		Ok(node)
	}

	/// WebSocket address.
	pub fn url(&self) -> String {
		format!("ws://127.0.0.1:{}", self.port)
	}

	/// The node's log.
	pub fn log(&self) -> &Path {
		&self.log
	}

	/// How the process ended by itself, if it did.
	pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
		Ok(self.child.try_wait()?)
	}

	/// A client of this node.
	pub async fn client(&self) -> Result<Client> {
		Client::connect(&self.url()).await
	}

	/// Waits until a block is final; block 0 is there when the node answers.
	pub async fn wait_for_block(&mut self, block: u64) -> Result<()> {
		let deadline = Instant::now() + PATIENCE;
		loop {
			if let Some(status) = self.child.try_wait()? {
				bail!("autonomy-node ended at its start ({status}):\n{}", tail(&self.log));
			}
			if let Ok(client) = self.client().await {
				if client.newest().await.is_ok_and(|number| number >= block) {
					return Ok(());
				}
			}
			if Instant::now() > deadline {
				bail!("autonomy-node made no block {block} in {} s:\n{}", PATIENCE.as_secs(), tail(&self.log));
			}
			// Nothing tells when a port is opened, so the start alone is polled.
			tokio::time::sleep(Duration::from_millis(100)).await;
		}
	}
}

impl Drop for Node {
	fn drop(&mut self) {
		let _ = self.child.kill();
		let _ = self.child.wait();
	}
}
