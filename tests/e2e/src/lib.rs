//! A chain, operators and a client for end-to-end tests.
//!
//! Everything runs as it would for an operator: the programs of the target directory as processes of their own, in
//! temporary folders, on free ports of the loopback interface. [`node::Node`] and [`worker::Worker`] stop theirs when they
//! are dropped. [`client::Client`] reads and signs over subxt with the chain's own metadata.

pub mod client;
pub mod input;
pub mod node;
pub mod worker;

use std::{
	fs,
	net::TcpListener,
	path::{Path, PathBuf},
	time::Duration,
};

use anyhow::{bail, Context, Result};

/// Planck in one AUTON.
pub const AUTON: u128 = 1_000_000_000_000;

/// Longest wait for one thing, far above what a machine of two cores needs.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// A program of the target directory that this test was built into, or of the folder that `AUTONOMY_BIN_DIR` names.
pub fn program(name: &str) -> Result<PathBuf> {
	let folder = match std::env::var_os("AUTONOMY_BIN_DIR") {
		Some(folder) => PathBuf::from(folder),
		// A test runs as target/<profile>/deps/<test>-<hash>, a program as target/<profile>/<program>.
		None => {
			let this = std::env::current_exe().context("this program does not know where it runs from")?;
			let mut folders = this.ancestors().skip(1).skip_while(|folder| folder.ends_with("deps"));
			folders.next().context("this program runs outside of a target directory")?.to_path_buf()
		}
	};
	let file = folder.join(name);
	if !file.is_file() {
		bail!(
			"{} is missing: build it with `cargo build --release --workspace`, or set AUTONOMY_BIN_DIR",
			file.display()
		);
	}
	Ok(file)
}

/// The repository's root. Cargo runs a test in its package's folder; a path compiled in would be that of the checkout
/// that the test was built in, which need not be this one when two share a target directory.
pub fn repository() -> PathBuf {
	Path::new("../..").canonicalize().expect("the working directory is there")
}

/// Folder of a demo model.
pub fn model_dir(name: &str) -> PathBuf {
	repository().join("inference-worker/models").join(name)
}

/// A TCP port of the loopback interface that nobody listens on.
pub fn free_port() -> Result<u16> {
	let listener = TcpListener::bind("127.0.0.1:0").context("no free port on 127.0.0.1")?;
	Ok(listener.local_addr()?.port())
}

/// The last lines of a log, to say what went wrong.
pub fn tail(log: &Path) -> String {
	let text = fs::read_to_string(log).unwrap_or_default();
	let lines: Vec<_> = text.lines().collect();
	lines[lines.len().saturating_sub(12)..].join("\n")
}
