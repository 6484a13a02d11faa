//! The command line.

use crate::sealing::Sealing;
use sc_cli::RunCmd;

/// Flags and subcommands.
#[derive(Debug, clap::Parser)]
pub struct Cli {
	/// What to do instead of running a node.
	#[command(subcommand)]
	pub subcommand: Option<Subcommand>,

	/// How a development chain makes blocks: `instant` (one for each transaction), `manual` (on the RPC call
	/// `engine_createBlock`), `babe` (in its slots, finalised by GRANDPA), or a number of milliseconds between two
	/// blocks. With `--dev` the default is 1000.
	#[arg(long, value_name = "MODE")]
	pub sealing: Option<Sealing>,

	/// Flags of a node.
	#[clap(flatten)]
	pub run: RunCmd,
}

/// What the binary does instead of running a node.
#[derive(Debug, clap::Subcommand)]
#[allow(clippy::large_enum_variant)]
pub enum Subcommand {
	/// Generate, inspect and insert keys.
	#[command(subcommand)]
	Key(sc_cli::KeySubcommand),

	/// Write a chain specification as JSON, plain or raw.
	ExportChainSpec(sc_cli::ExportChainSpecCmd),

	/// Check blocks of the database again.
	CheckBlock(sc_cli::CheckBlockCmd),

	/// Export blocks to a file.
	ExportBlocks(sc_cli::ExportBlocksCmd),

	/// Export the state of a block as a chain specification.
	ExportState(sc_cli::ExportStateCmd),

	/// Import blocks from a file.
	ImportBlocks(sc_cli::ImportBlocksCmd),

	/// Remove the whole chain.
	PurgeChain(sc_cli::PurgeChainCmd),

	/// Take the chain back by some blocks.
	Revert(sc_cli::RevertCmd),

	/// Show what the database holds about the chain.
	ChainInfo(sc_cli::ChainInfoCmd),
}
