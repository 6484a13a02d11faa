//! `autonomy-worker run`.

use std::{
	collections::HashSet,
	future::Future,
	path::PathBuf,
	process::ExitCode,
	sync::Arc,
	time::{Duration, SystemTime},
};

use anyhow::{Context, Result};
use tokio::{
	signal::unix::{signal, SignalKind},
	sync::watch,
};
use tracing::{error, info};

use super::{hex32, set_threads};
use crate::{
	artifacts::{self, Cid, Keeper, Layered, Swept},
	chain::{endpoints::Backoff, node::Node, AccountId},
	config::Config,
	keys,
	queue::{Queue, QueueError},
	run::{
		engine::Engines,
		ledger::Ledger,
		status::{ArtifactUse, Status},
		traces::Traces,
		Operator,
	},
	server,
};

/// Arguments of `run`.
#[derive(clap::Args)]
pub struct Args {
	/// The configuration.
	#[arg(long, value_name = "FILE")]
	config: PathBuf,
	/// Seconds after which the worker gives up when no node could be reached at the start; by default it tries for ever.
	#[arg(long, value_name = "SECONDS")]
	startup_timeout: Option<u64>,
}

/// Runs the worker until it is told to stop.
pub fn execute(args: Args) -> Result<ExitCode> {
	let config = Config::load(&args.config)?;
	set_threads(&config);
	let runtime = tokio::runtime::Runtime::new().context("cannot start the async runtime")?;
	runtime.block_on(work(config, args.startup_timeout.map(Duration::from_secs)))?;
	Ok(ExitCode::SUCCESS)
}

async fn work(config: Config, startup_timeout: Option<Duration>) -> Result<()> {
	let pair = keys::load(&config.keys)?;
	let worker = keys::account(&pair);
	let owner = config.operator.owner.as_deref().map(str::parse::<AccountId>).transpose()?;
	let queue = Arc::new(Queue::open(&config.data_dir)?);
	let artifacts = Arc::new(artifacts::open(&config)?);
	artifacts.forget_other_mirrors()?;
	let traces = Traces::open(&config.data_dir)?;
	let compute = Arc::new(Engines::new(&config, artifacts.clone())?);

	// Before anything that records.
	let metrics = server::metrics::install()?;
	tokio::spawn(server::upkeep(metrics.clone()));
	let status = Arc::new(Status::new(worker.to_string()));
	// Books that cannot be kept are no reason to leave a commitment unopened.
	let ledger = Ledger::open(&config.data_dir).or_else(|error| {
		error!("{error}; the earnings of this run are kept in memory alone");
		Ledger::in_memory()
	});
	let ledger = Arc::new(ledger?);
	let engine = hex32(&autonomy_kernels::engine_id());
	let isa = format!("{:?}", autonomy_kernels::isa());
	info!(%worker, engine, isa, version = env!("CARGO_PKG_VERSION"), "autonomy-worker starts");
	let labels = [("version", env!("CARGO_PKG_VERSION").to_string()), ("engine", engine), ("isa", isa)];
	metrics::gauge!("autonomy_worker_info", &labels).set(1);

	let (stop, stopped) = watch::channel(false);
	watch_signals(stop.clone())?;
	if !config.server.listen.is_empty() {
		let address = config.server.listen.parse().context("server.listen")?;
		let listener = server::bind(address).await.with_context(|| {
			format!("server.listen: cannot listen on {address}; give each worker a port of its own")
		})?;
		info!(address = %listener.local_addr()?, "the operator's page");
		let (status, ledger, traces) = (status.clone(), ledger.clone(), traces.clone());
		let (artifacts, data_dir) = (artifacts.local().clone(), config.data_dir.clone());
		let pages = server::Pages { status, ledger, artifacts, traces, metrics, data_dir };
		tokio::spawn(server::serve(listener, pages, stopped.clone()));
	}
	let kept = (artifacts.clone(), traces.clone());
	tokio::spawn(keep_files(&config, kept, queue.clone(), status.clone(), stopped.clone()));
	let chain = Arc::new(Node::new(&config, Some(pair)));
	tokio::spawn(name_chain(chain.clone(), status.clone()));
	let drain = Duration::from_secs(config.operator.drain_seconds);
	let operator =
		Operator { chain, compute, queue, artifacts, traces, worker, owner, ledger, status, drain, startup_timeout };
	operator.run(stopped).await?;
	Ok(())
}

/// Keeps the artifact folder and the traces within their rule and the mirrors complete, until the worker stops.
fn keep_files(
	config: &Config,
	(store, traces): (Arc<Layered>, Traces),
	queue: Arc<Queue>,
	status: Arc<Status>,
	stopped: watch::Receiver<bool>,
) -> impl Future<Output = ()> {
	let rule = artifacts::rule(config);
	let open_jobs = {
		let queue = queue.clone();
		move || -> Result<HashSet<Cid>, QueueError> {
			let answers = queue.unfinished()?.into_iter().filter_map(|seat| seat.stage.answer());
			Ok(answers.map(|answer| answer.artifact).collect())
		}
	};
	let sweep_traces = move || -> Result<()> {
		let unfinished = queue.unfinished()?.into_iter().map(|seat| seat.job).collect();
		Ok(traces.sweep(rule.keep, SystemTime::now(), &unfinished)?)
	};
	let measured = move |swept: &Swept| {
		let artifacts = ArtifactUse { used_bytes: swept.used, quota_bytes: Some(rule.quota) };
		status.update(|s| s.artifacts = Some(artifacts));
		sweep_traces().unwrap_or_else(|error| error!("the trace folder cannot be looked through: {error:#}"));
	};
	Keeper::new(store, rule, open_jobs).run(measured, stopped)
}

/// Tells the page the chain's name, as soon as a node gives it.
async fn name_chain(node: Arc<Node>, status: Arc<Status>) {
	let mut backoff = Backoff::default();
	loop {
		match node.name().await {
			Ok((name, _)) => return status.update(|s| s.chain = Some(name)),
			// The operator's loop asks the same node and says what is wrong.
			Err(_) => tokio::time::sleep(backoff.next()).await,
		}
	}
}

/// The first SIGTERM or SIGINT drains; the second ends the process at once, which loses nothing but time.
pub fn watch_signals(stop: watch::Sender<bool>) -> Result<()> {
	let mut term = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
	let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
	tokio::spawn(async move {
		for round in 0.. {
			tokio::select! {
				_ = term.recv() => {},
				_ = interrupt.recv() => {},
			}
			if round > 0 {
				std::process::exit(130);
			}
			info!("told to stop");
			stop.send_replace(true);
		}
	});
	Ok(())
}
