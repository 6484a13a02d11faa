//! `autonomy-worker run`.

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use tokio::{
	signal::unix::{signal, SignalKind},
	sync::watch,
};
use tracing::info;

use super::hex32;
use crate::{
	artifacts::{ArtifactStore, Store},
	chain::{node::Node, AccountId},
	config::Config,
	keys,
	queue::Queue,
	run::{engine::Engines, status::Status, Operator},
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
	if config.compute.threads > 0 {
		// Before any thread exists. The kernels' pool reads it when it starts.
		std::env::set_var("RAYON_NUM_THREADS", config.compute.threads.to_string());
	}
	let runtime = tokio::runtime::Runtime::new().context("cannot start the async runtime")?;
	runtime.block_on(work(config, args.startup_timeout.map(Duration::from_secs)))?;
	Ok(ExitCode::SUCCESS)
}

async fn work(config: Config, startup_timeout: Option<Duration>) -> Result<()> {
	let pair = keys::load(&config.keys)?;
	let worker = keys::account(&pair);
	let owner = config.operator.owner.as_deref().map(str::parse::<AccountId>).transpose()?;
	let queue = Arc::new(Queue::open(&config.data_dir)?);
	let artifacts: Arc<dyn ArtifactStore> = Arc::new(Store::local(&config.artifact_dir())?);
	let compute = Arc::new(Engines::new(&config.models.dirs, config.model_cache(), artifacts.clone())?);
	let status = Arc::new(Status::new(worker.to_string()));

	let metrics = server::install_metrics()?;
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
		info!(address = %listener.local_addr()?, "status server");
		let pages = server::Pages { status: status.clone(), artifacts: artifacts.clone(), metrics };
		tokio::spawn(server::serve(listener, pages, stopped.clone()));
	}
	let chain = Arc::new(Node::new(&config, Some(pair)));
	let operator = Operator { chain, compute, queue, artifacts, worker, owner, status, startup_timeout };
	operator.run(stopped).await?;
	Ok(())
}

/// The first SIGTERM or SIGINT drains; the second ends the process at once, which loses nothing but time.
fn watch_signals(stop: watch::Sender<bool>) -> Result<()> {
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
