//! `autonomy-worker check`: everything that `run` needs, looked at before it is needed.

use std::{path::Path, process::ExitCode, sync::Arc};

use anyhow::Result;
use autonomy_engine::{digest::cid_text, Engine};
use autonomy_sandbox::{own_memory, LocalModel};

use crate::{
	amount::Auton,
	artifacts::{self, ArtifactStore},
	chain::{node::Node, AccountId, Chain, ModelView},
	cli::{hex32, ChainArgs},
	config::Config,
	keys,
	run::{
		engine::{memory_limit, resident_memory, run_model},
		models::{self, Library},
		status::unix_time,
	},
};

/// Arguments of `check`.
#[derive(clap::Args)]
pub struct Args {
	#[command(flatten)]
	chain: ChainArgs,
}

/// Least memory for a worker, in MiB.
const LEAST_MEMORY_MIB: u64 = 1024;
/// Least free space in the data folder, in MiB.
const LEAST_DISK_MIB: u64 = 1024;
/// Most seconds between this machine's clock and the chain's.
const MOST_CLOCK_SECONDS: u64 = 60;

#[derive(Default)]
struct Report {
	failed: u32,
}

impl Report {
	fn line(&mut self, good: bool, what: &str, text: impl std::fmt::Display) {
		println!("{} {what:12} {text}", if good { "✓" } else { "✗" });
		self.failed += u32::from(!good);
	}

	fn result<T, E: std::fmt::Display>(
		&mut self,
		what: &str,
		result: Result<T, E>,
		show: impl Fn(&T) -> String,
	) -> Option<T> {
		match result {
			Ok(value) => {
				self.line(true, what, show(&value));
				Some(value)
			}
			Err(error) => {
				self.line(false, what, error);
				None
			}
		}
	}
}

/// Runs the checks and prints a line for each.
pub async fn execute(args: Args) -> Result<ExitCode> {
	let config = args.chain.config()?;
	let mut report = Report::default();
	machine(&mut report, &config.data_dir);
	let budget = budget(&mut report, &config);
	let worker = key(&mut report, &config);
	let node = Node::new(&config, None);
	let genesis = report.result("node", node.genesis().await, |g| format!("reached, genesis {}", hex32(g)));
	if genesis.is_some() {
		if let Ok((name, url)) = node.name().await {
			report.line(true, "chain", format!("{name} at {url}"));
		}
		clock(&mut report, &node).await;
		if let Some(worker) = worker {
			operator(&mut report, &node, &config, &worker, budget.unwrap_or(u64::MAX)).await?;
		}
	}
	if report.failed == 0 {
		println!("ready");
		return Ok(ExitCode::SUCCESS);
	}
	anyhow::bail!("{} of the checks failed", report.failed)
}

fn machine(report: &mut Report, data_dir: &Path) {
	let isa = autonomy_kernels::isa();
	let fma = if isa.has_fma() { "with FMA" } else { "without FMA: exact, but far too slow for a worker" };
	report.line(isa.has_fma(), "processor", format!("{isa:?}, {fma}"));
	let floats = autonomy_kernels::assert_float_environment();
	report.result("arithmetic", floats, |()| "default float environment".into());
	report.line(true, "engine", hex32(&autonomy_kernels::engine_id()));
	match memory_mib() {
		Some(mib) => {
			report.line(mib >= LEAST_MEMORY_MIB, "memory", format!("{mib} MiB free, {LEAST_MEMORY_MIB} needed"))
		}
		None => report.line(true, "memory", "unknown on this system"),
	}
	let disk = std::fs::create_dir_all(data_dir).map_err(|e| e.to_string()).and_then(|()| disk_mib(data_dir));
	match disk {
		Ok(mib) => {
			let text = format!("{mib} MiB free in {}, {LEAST_DISK_MIB} needed", data_dir.display());
			report.line(mib >= LEAST_DISK_MIB, "disk", text);
		}
		Err(error) => report.line(false, "disk", format!("{}: {error}", data_dir.display())),
	}
}

/// Bytes for the models that stay ready.
fn budget(report: &mut Report, config: &Config) -> Option<u64> {
	let limits = memory_limit(config).and_then(|limit| Ok((limit, resident_memory(config, limit)?)));
	let limits = report.result("compute", limits, |(limit, resident)| {
		format!(
			"models may stay ready in {} (compute.resident_memory) of the {} that they and a run have (compute.memory_limit)",
			mib(*resident),
			mib(*limit)
		)
	});
	limits.map(|(_, resident)| resident)
}

fn mib(bytes: u64) -> String {
	format!("{} MiB", bytes.div_ceil(1 << 20))
}

/// Whether a model that takes so many bytes is served within a budget, and what is to be said about it.
fn room(taken: u64, budget: u64) -> Result<String> {
	if taken > budget {
		anyhow::bail!(
			"it takes {} of memory, compute.resident_memory is {}: `run` refuses it and its seats are lost; raise it, which \
			compute.memory_limit bounds, or leave the model by inference.leaveModel",
			mib(taken),
			mib(budget)
		);
	}
	let twice = taken.saturating_mul(2);
	if twice > budget {
		return Ok(format!(
			"takes {}; an evaluation takes two versions at once, about {}, and compute.resident_memory is {}: such seats would be \
			given back or missed",
			mib(taken),
			mib(twice),
			mib(budget)
		));
	}
	Ok(format!("takes {}", mib(taken)))
}

/// Memory that programs can still get, in MiB.
fn memory_mib() -> Option<u64> {
	let text = std::fs::read_to_string("/proc/meminfo").ok()?;
	let line = text.lines().find(|l| l.starts_with("MemAvailable:"))?;
	line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib / 1024)
}

/// Space that this user can still fill, in MiB.
fn disk_mib(folder: &Path) -> Result<u64, String> {
	let stat = rustix::fs::statvfs(folder).map_err(|e| e.to_string())?;
	Ok(stat.f_bavail.saturating_mul(stat.f_frsize) >> 20)
}

fn key(report: &mut Report, config: &Config) -> Option<AccountId> {
	let source = match &config.keys.file {
		_ if std::env::var_os(keys::SURI_VAR).is_some() => format!("the variable {}", keys::SURI_VAR),
		Some(file) => format!("{}, mode 0600", file.display()),
		None => "none".into(),
	};
	let pair = keys::load(&config.keys);
	report.result("key", pair, |pair| format!("{} from {source}", keys::account(pair))).map(|pair| keys::account(&pair))
}

async fn clock(report: &mut Report, node: &Node) {
	let (Ok(chain), Ok(kind)) = (node.timestamp().await, node.chain_type().await) else {
		report.line(false, "clock", "the chain's time cannot be read");
		return;
	};
	let here = unix_time();
	let (ahead, behind) = (chain.saturating_sub(here), here.saturating_sub(chain));
	if ahead > 0 && kind == "Development" {
		report.line(true, "clock", "not compared: the time of a development chain runs with its blocks");
		return;
	}
	let text = if ahead > 0 {
		format!("{ahead} s behind the chain, at most {MOST_CLOCK_SECONDS} are fine; set it by NTP")
	} else {
		format!("the newest finalized block is {behind} s old")
	};
	report.line(ahead <= MOST_CLOCK_SECONDS, "clock", text);
}

async fn operator(report: &mut Report, node: &Node, config: &Config, worker: &AccountId, budget: u64) -> Result<()> {
	let Some(owner) = node.operator_of(worker).await? else {
		report.line(false, "role", format!("{worker} is the worker of no operator; run `autonomy-worker register`"));
		return Ok(());
	};
	let expected = config.operator.owner.as_deref().is_none_or(|o| o == owner.to_string());
	let note = if expected { "" } else { ", which is not operator.owner of the configuration" };
	report.line(expected, "role", format!("worker of operator {owner}{note}"));
	if let Some(view) = node.account(&owner).await? {
		report.line(view.bond > 0, "bond", format!("{} AUTON for {} slots", Auton(view.bond), view.slots_used));
		let paid = format!("{} seats paid, {} missed", view.completed, view.missed);
		report.line(true, "record", paid);
	}
	let balance = node.balance(worker).await?;
	report.line(balance > 0, "balance", format!("{} AUTON at the worker's account", Auton(balance)));

	let memberships = node.memberships(&owner).await?;
	if memberships.is_empty() {
		report.line(false, "models", "the operator is on none; run `autonomy-worker register --join MODEL:SLOTS`");
	}
	let Some(store) = report.result("artifacts", artifacts::reader(config), |s| s.place()) else { return Ok(()) };
	let scanned = Library::scan(&config.models.dirs, config.model_cache(), Arc::new(store));
	let Some(library) = report.result("folders", scanned, |_| "readable".into()) else {
		return Ok(());
	};
	let library = Arc::new(library);
	let mut together: u64 = 0;
	for membership in memberships {
		let Some(view) = node.model(membership.model).await? else { continue };
		let what = format!("model {}", view.id);
		let proved = match membership.proved {
			Some(root) if root == view.weights_root => "proved on chain",
			Some(_) => "an earlier version is proved on chain: `run` proves this one",
			None => "not proved on chain yet: `run` does it",
		};
		let library = library.clone();
		let done = tokio::task::spawn_blocking(move || golden(&library, &view, budget)).await?;
		let done = report.result(&what, done, |(text, _)| format!("{text}; {proved}"));
		together = together.saturating_add(done.map_or(0, |(_, taken)| taken));
	}
	if together > budget {
		let text = format!(
			"together they take {}, compute.resident_memory is {}: one is closed for another, and opened again for its next job",
			mib(together),
			mib(budget)
		);
		report.line(true, "models", text);
	}
	Ok(())
}

/// Verifies a model's files, reproduces its golden job, and looks whether there is room for it. Gives the bytes that it takes.
fn golden(library: &Library, view: &ModelView, budget: u64) -> Result<(String, u64)> {
	let folder = library.folder(&view.manifest)?;
	let (_, files) = LocalModel { folder: folder.clone(), weights_root: view.weights_root }.weights();
	room(files, budget)?;
	let before = own_memory().unwrap_or_default();
	let (model, started) = (Engine::open(&folder)?, std::time::Instant::now());
	// `run` goes by its files before it has opened it, and by what it takes afterwards.
	let taken = own_memory().unwrap_or_default().saturating_sub(before).max(files);
	models::check(&folder, model.manifest(), view)?;
	let computed = run_model(&model, &view.golden_input, view.golden_seed, [0; 32], &mut |_| true)?;
	if computed.result != view.golden_result {
		anyhow::bail!("the golden job gave {}, the chain says {}", hex32(&computed.result), hex32(&view.golden_result));
	}
	let seconds = started.elapsed().as_secs_f64();
	let (cid, room) = (cid_text(&view.manifest), room(taken, budget)?);
	let name = &model.manifest().name;
	Ok((format!("\"{name}\" {cid}: files verified, golden job reproduced in {seconds:.1} s, {room}"), taken))
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn model_should_be_refused_before_it_is_drawn_when_there_is_no_room_for_it() {
		const MIB: u64 = 1 << 20;
		assert_eq!(room(3 * MIB, 6 * MIB).unwrap(), "takes 3 MiB");
		let tight = room(4 * MIB, 6 * MIB).unwrap();
		assert!(tight.contains("two versions at once, about 8 MiB") && tight.contains("is 6 MiB"), "{tight}");
		let error = room(6 * MIB + 1, 6 * MIB).unwrap_err().to_string();
		for part in ["takes 7 MiB", "compute.resident_memory is 6 MiB", "inference.leaveModel"] {
			assert!(error.contains(part), "no {part:?} in: {error}");
		}
	}
}
