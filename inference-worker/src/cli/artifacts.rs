//! `autonomy-worker artifacts`: files of this machine's store.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use autonomy_engine::digest::cid_text;
use autonomy_primitives::digest::cid;
use serde_json::json;

use crate::{
	artifacts::{self, ArtifactStore},
	config::Config,
};

/// Stored files.
#[derive(clap::Subcommand)]
pub enum Command {
	/// Stores a file under its CID, where operators find it, and keeps it whatever its age and the quota: a persona, an
	/// evaluation set, a data set. Prints the CID. Models are stored by `models publish`.
	Put(Put),
}

/// Arguments of `artifacts put`.
#[derive(clap::Args)]
pub struct Put {
	/// The file.
	file: PathBuf,
	/// The worker's configuration; without it the defaults and the environment count.
	#[arg(long, value_name = "FILE")]
	config: Option<PathBuf>,
	/// One JSON object.
	#[arg(long)]
	json: bool,
}

/// Runs the command.
pub async fn execute(command: Command) -> Result<ExitCode> {
	match command {
		Command::Put(args) => put(args).await?,
	}
	Ok(ExitCode::SUCCESS)
}

async fn put(args: Put) -> Result<()> {
	let config = match &args.config {
		Some(file) => Config::load(file)?,
		None => Config::from_env()?,
	};
	let bytes = std::fs::read(&args.file).with_context(|| format!("cannot read {}", args.file.display()))?;
	let (key, size) = (cid(&bytes), bytes.len());
	let store = artifacts::open(&config)?;
	store.pin(key).await?;
	store.put(key, bytes).await?;
	for failed in store.flush().await? {
		let (files, error) = (failed.waiting, failed.error);
		eprintln!("warning: {files} files wait for a mirror, `run` goes on trying: {error}");
	}
	let key = cid_text(&key);
	match args.json {
		true => println!("{}", json!({ "cid": key, "bytes": size, "file": args.file.display().to_string() })),
		false => println!("{key}"),
	}
	Ok(())
}
