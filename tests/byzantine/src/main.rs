#![doc = include_str!("../README.md")]

mod cast;
mod chain;
mod ledger;
mod network;
mod report;
mod run;
mod truth;
mod workload;

use std::{
	fs::{self, File},
	path::{Path, PathBuf},
	process::ExitCode,
	time::Duration,
};

use anyhow::{Context, Result};
use clap::Parser;
use tokio::signal::unix::{signal, SignalKind};

use crate::{cast::Role, network::Stage, truth::Truth};

/// Runs jobs on a real chain where more than half of the operators misbehave, and checks that no wrong result becomes final,
/// nobody honest is slashed, and no planck is lost.
#[derive(Parser)]
struct Args {
	/// Jobs to order.
	#[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=2_000))]
	jobs: u32,
	/// Seed of orders and kills. Draws and seeds of jobs are the chain's chance and differ from run to run.
	#[arg(long, default_value_t = 1)]
	seed: u64,
	/// Operators: five misbehave, the others are real workers, one of which is killed again and again.
	#[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(8..=16))]
	operators: u32,
	/// Milliseconds between two blocks.
	#[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(100..=6_000))]
	block: u32,
	/// Minutes after which the run is given up; by default 5 and a quarter for each job.
	#[arg(long)]
	minutes: Option<u64>,
	/// Nobody challenges: with enough jobs a lie becomes final, and the checks have to say so.
	#[arg(long)]
	no_challenger: bool,
	/// Leave the chain and the workers up at the end until Ctrl-C.
	#[arg(long)]
	keep: bool,
	/// Folder of the demo models.
	#[arg(long, default_value = "inference-worker/models")]
	models: PathBuf,
	/// Folder for the journal and the logs of the last run.
	#[arg(long, default_value = "/tmp/autonomy-byzantine")]
	out: PathBuf,
}

fn main() -> ExitCode {
	// The engine of this process has to leave the cores to the workers.
	std::env::set_var("RAYON_NUM_THREADS", "1");
	let args = Args::parse();
	let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
		Ok(runtime) => runtime,
		Err(error) => {
			eprintln!("error: no runtime: {error}");
			return ExitCode::FAILURE;
		}
	};
	let code = runtime.block_on(async {
		tokio::select! {
			outcome = play(&args) => match outcome {
				Ok(good) => if good { ExitCode::SUCCESS } else { ExitCode::FAILURE },
				Err(error) => {
					eprintln!("error: {error:#}");
					ExitCode::FAILURE
				}
			},
			code = interrupted() => code,
		}
	});
	// A run of the engine may be in progress; nobody waits for it.
	runtime.shutdown_timeout(Duration::from_secs(1));
	code
}

/// Returns when somebody wants an end. What runs is dropped then, and with it every process.
async fn interrupted() -> ExitCode {
	let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()), signal(SignalKind::hangup()));
	let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) = signals else {
		return std::future::pending().await;
	};
	tokio::select! {
		_ = interrupt.recv() => ExitCode::from(130),
		_ = terminate.recv() => ExitCode::from(143),
		_ = hangup.recv() => ExitCode::from(129),
	}
}

async fn play(args: &Args) -> Result<bool> {
	fs::create_dir_all(&args.out).with_context(|| format!("the folder {}", args.out.display()))?;
	let models = args.models.canonicalize().with_context(|| format!("the models in {}", args.models.display()))?;
	println!(
		"==> Starting a chain with a block every {} ms and {} operators, {} of which misbehave (about 20 s)",
		args.block,
		args.operators,
		Role::BYZANTINE.len()
	);
	let mut stage = Stage::set_up(args.block, args.operators as usize, args.seed, &models).await?;
	let outcome = judge(args, &mut stage, &models).await;
	stage.keep_logs(&args.out).await?;
	println!("Journal and logs: {}", args.out.display());
	if args.keep {
		println!("==> Chain and workers stay up: {}. Ctrl-C stops everything.", stage.url);
		std::future::pending::<()>().await;
	}
	outcome
}

async fn judge(args: &Args, stage: &mut Stage, models: &Path) -> Result<bool> {
	let orders = workload::orders(args.seed, args.jobs as usize);
	let truth = Truth::start(models, stage.chain.genesis())?;
	let minutes = args.minutes.unwrap_or_else(|| 5 + u64::from(args.jobs).div_ceil(4));
	let journal = File::create(args.out.join("journal.txt")).context("the journal")?;
	println!(
		"==> {} jobs, at most {minutes} min; every event is in {}",
		args.jobs,
		args.out.join("journal.txt").display()
	);
	let plan = run::Plan { orders: &orders, limit: Duration::from_secs(60 * minutes), challenge: !args.no_challenger };
	let finished = run::run(stage, &plan, &truth, journal).await?;
	println!("==> The end, after {}", run::clock(finished.took.as_secs()));
	let report = report::report(stage, &orders, &truth, &finished).await?;
	report.print();
	Ok(!report.failed())
}
