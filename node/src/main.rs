//! The Autonomy node: a BABE and GRANDPA validator, with a development chain that seals blocks on its own.

// The SDK's own error types are large.
#![allow(clippy::result_large_err)]

mod chain_spec;
mod cli;
mod command;
mod rpc;
mod sealing;
mod service;

fn main() -> sc_cli::Result<()> {
	command::run()
}
