//! `autonomy-worker watch`: runs other operators' jobs again and challenges wrong ones.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::{anyhow, bail, Context, Result};
use autonomy_primitives::ModelId;
use tokio::sync::watch;
use tracing::{info, warn};

use super::{model_dirs, run::watch_signals, set_threads, ChainArgs, SignerArgs};
use crate::{
	amount::Auton,
	artifacts,
	chain::{node::Node, AccountId, Chain},
	config::Config,
	keys,
	run::engine::Engines,
	watch::{Rules, Said, Tally, Watcher},
};

/// Folder in the data folder for what the watch alone needs, so that a worker can run beside it.
const FOLDER: &str = "watch";
/// Exit code of `--once` when a job differs. 1 is a failure, 2 a wrong command line.
const DIFFERS: u8 = 3;

/// Arguments of `watch`.
#[derive(clap::Args)]
#[command(mut_group("SignerArgs", |group| group.required(false)))]
pub struct Args {
	/// Part of the agreed jobs that is run again, 0 to 1. Nobody can tell in advance which.
	#[arg(long, value_name = "PART", default_value_t = 0.1, value_parser = part)]
	sample: f64,
	/// Number of a model whose jobs are looked at; by default those of every model. May be given several times.
	#[arg(long, value_name = "ID")]
	model: Vec<ModelId>,
	/// Only report what differs. Needs no key.
	#[arg(long)]
	dry_run: bool,
	/// Look at the jobs that are agreed in the newest finalized block, work them off and end: with 0 when none differs, with
	/// 3 when one does.
	#[arg(long)]
	once: bool,
	/// Folder of the model, or folder of such folders; instead of the configuration's `models.dirs`. May be given several
	/// times.
	#[arg(long, value_name = "DIR")]
	models: Vec<PathBuf>,
	#[command(flatten)]
	chain: ChainArgs,
	#[command(flatten)]
	signer: Option<SignerArgs>,
}

fn part(text: &str) -> Result<f64, String> {
	let part = text.parse::<f64>().ok().filter(|part| (0.0..=1.0).contains(part));
	part.ok_or_else(|| format!("'{text}' is not a number from 0 to 1, such as 0.1"))
}

/// Runs the command until it is told to stop or, with `--once`, is done.
pub fn execute(args: Args) -> Result<ExitCode> {
	set_threads(&args.chain.config()?);
	let runtime = tokio::runtime::Runtime::new().context("cannot start the async runtime")?;
	let once = args.once;
	let tally = runtime.block_on(work(args))?;
	println!("{tally}");
	match once {
		true if tally.differed > 0 => Ok(ExitCode::from(DIFFERS)),
		true if tally.distrusted > 0 => {
			bail!("this machine's results cannot be trusted, so nothing was found out; run `autonomy-worker check`")
		}
		_ => Ok(ExitCode::SUCCESS),
	}
}

async fn work(args: Args) -> Result<Tally> {
	let (config, node, account) = match &args.signer {
		Some(signer) => {
			let (config, node, pair) = signer.node(&args.chain).await?;
			(config, node, Some(keys::account(&pair)))
		}
		None if args.dry_run => {
			let (config, node) = args.chain.node()?;
			(config, node, None)
		}
		None => bail!(
			"a challenge is signed and takes a bond: give the key of its account by --key, --suri-env or --dev, or --dry-run \
			to report only"
		),
	};
	let config = beside(config, &args.models);
	std::fs::create_dir_all(&config.data_dir).with_context(|| format!("data folder {}", config.data_dir.display()))?;
	let compute = Arc::new(Engines::new(&config, Arc::new(artifacts::reader(&config)?))?);
	let rules = Rules {
		sample: args.sample,
		models: args.model.into_iter().collect(),
		account,
		dry_run: args.dry_run,
		once: args.once,
	};
	introduce(&node, &rules).await?;
	let mut key = [0; 32];
	getrandom::fill(&mut key).map_err(|error| anyhow!("no randomness from the system: {error}"))?;
	let (stop, stopped) = watch::channel(false);
	watch_signals(stop)?;
	let say = |job, said: &Said| said.log(job);
	Ok(Watcher::new(Arc::new(node), compute, rules, key, stopped, say).run().await?)
}

/// The settings with a data folder of the watch's own. Models and files stay where they are.
fn beside(mut config: Config, models: &[PathBuf]) -> Config {
	config.models.dirs = model_dirs(models, &config);
	config.models.cache = Some(config.model_cache());
	config.artifacts.dir = Some(config.artifact_dir());
	config.data_dir = config.data_dir.join(FOLDER);
	config
}

/// Says what is going to be done, and by whom.
async fn introduce(node: &Node, rules: &Rules) -> Result<()> {
	let Some(account) = rules.account.filter(|_| !rules.dry_run) else {
		info!(sample = rules.sample, "watching; what differs is reported and not challenged");
		return Ok(());
	};
	let (least, have) = means(node, &account).await?;
	info!(%account, sample = rules.sample, "watching; the account can spend {} AUTON", Auton(have));
	if have < least {
		warn!(
			%account,
			"a challenge takes a bond of at least {} AUTON, the account can spend {}: send it some by `autonomy-worker fund`",
			Auton(least),
			Auton(have)
		);
	}
	Ok(())
}

/// The least bond of a challenge and what an account can spend, in planck.
async fn means(node: &Node, account: &AccountId) -> Result<(u128, u128)> {
	Ok((node.challenge_bond(0).await?, node.spendable(account).await?))
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn part_should_be_refused_when_it_is_none() {
		for (text, expected) in [("0", 0.0), ("0.25", 0.25), ("1", 1.0)] {
			assert_eq!(part(text), Ok(expected));
		}
		for text in ["", "1.1", "-0.1", "NaN", "inf", "10%"] {
			assert!(part(text).unwrap_err().contains(&format!("'{text}' is not a number from 0 to 1")), "{text}");
		}
	}

	#[test]
	fn folder_should_be_another_than_the_worker_s_when_it_runs_beside_it() {
		let config = Config { data_dir: "/srv/autonomy".into(), ..Config::default() };
		let config = beside(config, &[PathBuf::from("/models")]);
		assert_eq!(config.data_dir, PathBuf::from("/srv/autonomy/watch"));
		assert_eq!(config.model_cache(), PathBuf::from("/srv/autonomy/models"));
		assert_eq!(config.artifact_dir(), PathBuf::from("/srv/autonomy/artifacts"));
		assert_eq!(config.models.dirs, [PathBuf::from("/models")]);
	}
}
