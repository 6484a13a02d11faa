//! The command line.

mod add;
mod artifacts;
mod chain_args;
mod engine_process;
mod explain;
mod fetch;
mod keys;
mod models;
mod register;
mod run;
mod show;
mod submit;
mod train;
mod versions;
mod watch;

use std::{io::IsTerminal, path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::{Parser, Subcommand, ValueEnum};

pub use chain_args::{ChainArgs, SignerArgs};

use crate::config::Config;

/// The daemon that an inference operator of Autonomy runs, and the tools around it.
#[derive(Parser)]
#[command(name = "autonomy-worker", version, arg_required_else_help = true)]
struct Cli {
	/// Form of the log on standard error.
	#[arg(long, global = true, value_enum, default_value_t = LogFormat::Text)]
	log_format: LogFormat,
	/// What is logged: a level, or directives such as `info,subxt=debug`.
	#[arg(long, global = true, env = "AUTONOMY_LOG")]
	log: Option<String>,
	#[command(subcommand)]
	command: Command,
}

#[derive(Clone, Copy, ValueEnum)]
enum LogFormat {
	/// Lines for people.
	Text,
	/// One JSON object a line.
	Json,
}

#[derive(Subcommand)]
enum Command {
	/// Works for an operator: runs the models of its seats, commits and reveals. SIGTERM stops it after the step in
	/// progress.
	Run(run::Args),
	/// Runs a final job again and compares its digests with the chain's. Fails when they differ.
	Verify(crate::verify::Args),
	/// Tells why operators differ on a job: runs it here and compares step by step with the chain, with other machines' trace
	/// files, and with this machine's other code paths. Fails when one differs.
	Explain(explain::Args),
	/// Runs other operators' agreed jobs again, a part of them that nobody knows, and challenges those whose outcome is wrong.
	/// SIGTERM or Ctrl-C ends it.
	Watch(watch::Args),
	/// Checks everything that `run` needs: processor, memory, disk, clock, node, key, bond and each model's golden job.
	Check(crate::check::Args),
	/// Makes and shows keys.
	#[command(subcommand)]
	Keys(keys::Command),
	/// Trains a model: from a recipe, or an existing one on your own pictures or text.
	#[command(subcommand)]
	Train(train::Command),
	/// Registers an operator with its worker key and bond, and joins models. Signed by the owner.
	Register(register::Args),
	/// Lists, describes, adds, registers and publishes models; proposes, measures and accepts their versions.
	#[command(subcommand)]
	Models(models::Command),
	/// Submits a job.
	#[command(subcommand)]
	Submit(submit::Command),
	/// Sends AUTON to an account.
	Fund(register::FundArgs),
	/// Shows a job: where it stands, or what stays of it.
	Show(show::Args),
	/// Fetches a stored picture, animation, text or ballot by its CID and checks it.
	Fetch(fetch::Args),
	/// Stores files under their CIDs.
	#[command(subcommand)]
	Artifacts(artifacts::Command),
	/// Runs models for the worker that started it.
	#[command(name = autonomy_sandbox::SUBCOMMAND, hide = true)]
	EngineProcess,
}

/// Parses the command line, runs the command, and prints an error as one line.
pub fn main() -> ExitCode {
	let cli = Cli::parse();
	match start(cli) {
		Ok(code) => code,
		Err(error) => {
			eprintln!("error: {}", one_line(&error));
			ExitCode::FAILURE
		}
	}
}

/// The chain of causes, without those that the text before already tells.
fn one_line(error: &anyhow::Error) -> String {
	let mut line = String::new();
	for cause in error.chain().map(|c| c.to_string().replace('\n', " ")) {
		if line.is_empty() {
			line = cause;
		} else if !line.contains(&cause) {
			line = format!("{line}: {cause}");
		}
	}
	line
}

fn start(cli: Cli) -> anyhow::Result<ExitCode> {
	let default = match cli.command {
		Command::Run(_) | Command::Watch(_) => "info,subxt=warn",
		_ => "warn",
	};
	log_to_stderr(cli.log.as_deref().unwrap_or(default), cli.log_format)?;
	autonomy_kernels::init();
	// Commands that block for long, or must set the environment or limit the process before any thread starts.
	let command = match cli.command {
		Command::Keys(command) => return keys::execute(command),
		Command::Train(command) => return train::execute(command),
		Command::Run(args) => return run::execute(args),
		Command::Watch(args) => return watch::execute(args),
		Command::EngineProcess => return engine_process::execute(),
		other => other,
	};
	let runtime = tokio::runtime::Runtime::new().context("cannot start the async runtime")?;
	runtime.block_on(async {
		match command {
			Command::Verify(args) => crate::verify::execute(args).await,
			Command::Explain(args) => explain::execute(args).await,
			Command::Check(args) => crate::check::execute(args).await,
			Command::Register(args) => register::execute(args).await,
			Command::Models(command) => models::execute(command).await,
			Command::Submit(command) => submit::execute(command).await,
			Command::Fund(args) => register::fund(args).await,
			Command::Show(args) => show::execute(args).await,
			Command::Fetch(args) => fetch::execute(args).await,
			Command::Artifacts(command) => artifacts::execute(command).await,
			Command::Keys(_) | Command::Train(_) | Command::Run(_) | Command::Watch(_) | Command::EngineProcess => {
				unreachable!("handled above")
			}
		}
	})
}

fn log_to_stderr(directives: &str, format: LogFormat) -> anyhow::Result<()> {
	let filter = tracing_subscriber::EnvFilter::try_new(directives)
		.with_context(|| format!("--log '{directives}' is no level (error, warn, info, debug, trace) or directive"))?;
	let builder = tracing_subscriber::fmt()
		.with_env_filter(filter)
		.with_writer(std::io::stderr)
		.with_ansi(std::io::stderr().is_terminal());
	match format {
		LogFormat::Text => builder.with_target(false).init(),
		LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).with_span_list(false).init(),
	}
	Ok(())
}

/// Hexadecimal digits with `0x`.
pub fn hex32(bytes: &[u8]) -> String {
	format!("0x{}", hex::encode(bytes))
}

/// Has the kernels, here and in engine processes, use the configuration's threads. Must be called before any thread exists:
/// their pool reads the environment when it starts.
fn set_threads(config: &Config) {
	if config.compute.threads > 0 {
		std::env::set_var("RAYON_NUM_THREADS", config.compute.threads.to_string());
	}
}

/// The folders that `--models` or the configuration name.
pub fn model_dirs(given: &[PathBuf], config: &Config) -> Vec<PathBuf> {
	if given.is_empty() {
		config.models.dirs.clone()
	} else {
		given.to_vec()
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use clap::CommandFactory;

	#[test]
	fn command_line_should_be_consistent() {
		Cli::command().debug_assert();
	}

	#[test]
	fn error_should_be_one_line_that_says_each_thing_once() {
		let inner = std::io::Error::other("no space");
		let error = anyhow::Error::new(inner).context("key.json: no space").context("cannot write");
		assert_eq!(one_line(&error), "cannot write: key.json: no space");
	}

	#[test]
	fn secrets_should_not_be_taken_from_the_command_line() {
		fn arguments(command: &clap::Command, found: &mut Vec<String>) {
			found.extend(command.get_arguments().map(|a| a.get_id().to_string()));
			command.get_subcommands().for_each(|c| arguments(c, found));
		}
		let mut found = Vec::new();
		arguments(&Cli::command(), &mut found);
		assert!(found.contains(&"suri_env".to_string()), "{found:?}");
		for name in found {
			assert!(!["suri", "password", "phrase", "secret", "mnemonic"].contains(&name.as_str()), "{name}");
		}
	}
}
