//! `autonomy-simulate`: plays the protocols with participants that do not all play fair, and says who gains.

use std::{
	io::{self, ErrorKind, Write},
	process::ExitCode,
};

use autonomy_simulation::{
	governance,
	inference::{report::Report, rules::Rules, run::Size},
};
use clap::{Parser, Subcommand};
use sp_runtime::Permill;

/// Plays Autonomy's protocols with participants of every kind and says who gains. Fails when cheating pays, or when
/// somebody takes governance over who must not.
#[derive(Parser)]
#[command(name = "autonomy-simulate", version, arg_required_else_help = true)]
struct Cli {
	#[command(subcommand)]
	command: Command,
}

#[derive(Subcommand)]
enum Command {
	/// Inference jobs: lazy, copying, colluding, aborting and absent operators, false auditors, griefing challengers.
	Inference(Inference),
	/// Governance: farms of AIs, rich accounts, captured communities, apathy.
	Governance(Governance),
}

#[derive(clap::Args)]
struct Governance {
	/// Rounds of each attack: each draws anew who votes.
	#[arg(long, default_value_t = governance::rules::Size::default().rounds, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
	rounds: u64,
	/// Seed of all chance. The same seed gives the same tables.
	#[arg(long, default_value_t = 0)]
	seed: u64,
	/// Part of the people besides the attacker who vote, in percent.
	#[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=100))]
	turnout: u32,
	/// What holders have bonded in X, in AUTON.
	#[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(1_000..=1_000_000_000_000))]
	bonded: u64,
	/// Prints one JSON object in place of tables.
	#[arg(long)]
	json: bool,
}

#[derive(clap::Args)]
struct Inference {
	/// Jobs of each scenario and tier.
	#[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
	jobs: u64,
	/// Seed of all chance. The same seed gives the same tables.
	#[arg(long, default_value_t = 0)]
	seed: u64,
	/// Operators, each with one slot.
	#[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(50..=100_000))]
	operators: u32,
	/// What honest work costs an operator, in percent of the seat fee.
	#[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(0..=100))]
	work: u32,
	/// What a seat puts at stake, in seat fees.
	#[arg(long, default_value_t = Rules::default().exposure_factor, value_parser = clap::value_parser!(u32).range(1..=1_000))]
	exposure: u32,
	/// Prints one JSON object in place of tables.
	#[arg(long)]
	json: bool,
}

/// Prints. That the reader has seen enough (`| head`) is no failure.
fn print(text: &str) -> io::Result<()> {
	match io::stdout().write_all(text.as_bytes()) {
		Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
		result => result,
	}
}

/// Runs the simulation. Gives whether there is nothing to complain about.
fn inference(arguments: Inference) -> anyhow::Result<bool> {
	let Inference { jobs, seed, operators, work, exposure, json } = arguments;
	let rules = Rules { work: Permill::from_percent(work), exposure_factor: exposure, ..Rules::default() };
	let report = Report::new(&rules, Size { jobs, operators: operators as usize, seed })?;
	print(&if json { serde_json::to_string_pretty(&report)? + "\n" } else { report.to_string() })?;
	let complaints = report.complaints();
	complaints.iter().for_each(|complaint| eprintln!("error: {complaint}"));
	Ok(complaints.is_empty())
}

/// The same for governance.
fn governance(arguments: Governance) -> anyhow::Result<bool> {
	let Governance { rounds, seed, turnout, bonded, json } = arguments;
	let size = governance::rules::Size {
		rounds,
		seed,
		turnout: Permill::from_percent(turnout),
		bonded: u128::from(bonded) * governance::rules::AUTON,
		..Default::default()
	};
	let report = governance::report::Report::new(&governance::rules::Rules::default(), &size);
	print(&if json { serde_json::to_string_pretty(&report)? + "\n" } else { report.to_string() })?;
	let complaints = report.complaints();
	complaints.iter().for_each(|complaint| eprintln!("error: {complaint}"));
	Ok(complaints.is_empty())
}

fn main() -> ExitCode {
	let result = match Cli::parse().command {
		Command::Inference(arguments) => inference(arguments),
		Command::Governance(arguments) => governance(arguments),
	};
	match result {
		Ok(true) => ExitCode::SUCCESS,
		Ok(false) => ExitCode::FAILURE,
		Err(error) => {
			eprintln!("error: {error:#}");
			ExitCode::FAILURE
		}
	}
}
