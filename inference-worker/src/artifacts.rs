//! The artifact store as the configuration describes it.

use std::{sync::Arc, time::Duration};

pub use autonomy_artifacts::{
	find, ArtifactError, ArtifactStore, Cid, Found, Keeper, Layered, Limits, Local, Peers, Rule, Swept,
};
use autonomy_artifacts::{Credentials, Ipfs, IpfsSettings, S3};

use crate::config::Config;

/// The name of the bucket among the mirrors.
const BUCKET: &str = "s3";
/// The name of the IPFS node among the mirrors.
const IPFS: &str = "ipfs";

/// A worker's store: its folder, which is made when absent, with mirrors and further places to read from.
pub fn open(config: &Config) -> Result<Layered, ArtifactError> {
	layers(Local::open(&config.artifact_dir())?, config)
}

/// The same for commands that only read: nothing is written to the folder.
pub fn reader(config: &Config) -> Result<Layered, ArtifactError> {
	Ok(layers(Local::reader(&config.artifact_dir()), config)?.without_keeping())
}

/// What stays in the folder.
pub fn rule(config: &Config) -> Rule {
	let days = u64::from(config.artifacts.keep_days);
	Rule { keep: Duration::from_secs(days * 86_400), quota: config.artifacts.quota.0 }
}

/// Order of reading: folder, bucket, IPFS, other operators.
fn layers(local: Local, config: &Config) -> Result<Layered, ArtifactError> {
	let settings = &config.artifacts;
	let limits = Limits::default();
	let mut store = Layered::new(local);
	if let Some(bucket) = &settings.s3 {
		let bucket = Arc::new(S3::new(bucket, Credentials::from_env(bucket)?, limits)?);
		store = store.mirror(BUCKET, bucket.clone()).source(bucket);
	}
	if settings.ipfs != IpfsSettings::default() {
		let ipfs = Ipfs::new(&settings.ipfs, limits)?;
		store = store.sources(ipfs.sources());
		if ipfs.writes() {
			store = store.mirror(IPFS, Arc::new(ipfs));
		}
	}
	if !settings.peers.is_empty() {
		store = store.sources(Peers::new(&settings.peers, limits)?.sources());
	}
	Ok(store)
}
