//! `autonomy-worker`: the daemon that an inference operator runs, and the tools around it.

mod amount;
mod artifacts;
mod ballot;
mod chain;
mod check;
mod cli;
mod config;
mod keys;
mod queue;
mod run;
mod server;
mod trace;
mod verify;
mod watch;

use std::process::ExitCode;

fn main() -> ExitCode {
	cli::main()
}
