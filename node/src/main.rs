//! The Autonomy node: a BABE and GRANDPA validator, with a development chain that seals blocks on its own.

mod chain_spec;
mod cli;
mod command;
mod rpc;
mod sealing;
mod service;

fn main() -> sc_cli::Result<()> {
	command::run()
}
