//! Runs what the command line asks for.

use crate::{
	chain_spec,
	cli::{Cli, Subcommand},
	sealing::{Sealing, DEFAULT_INTERVAL},
	service,
};
use sc_cli::SubstrateCli;
use sc_service::{ChainType, PartialComponents};

impl SubstrateCli for Cli {
	fn impl_name() -> String {
		"Autonomy Node".into()
	}

	fn impl_version() -> String {
		env!("SUBSTRATE_CLI_IMPL_VERSION").into()
	}

	fn description() -> String {
		env!("CARGO_PKG_DESCRIPTION").into()
	}

	fn author() -> String {
		env!("CARGO_PKG_AUTHORS").into()
	}

	fn support_url() -> String {
		"the issue tracker of the project".into()
	}

	fn copyright_start_year() -> i32 {
		2026
	}

	fn load_spec(&self, id: &str) -> Result<Box<dyn sc_service::ChainSpec>, String> {
		Ok(match id {
			"dev" => Box::new(chain_spec::development()?),
			"" | "local" => Box::new(chain_spec::local()?),
			path => {
				Box::new(chain_spec::ChainSpec::from_json_file(path.into()).map_err(|e| {
					format!("'{path}' is none of dev, local, or the path of a chain specification: {e}")
				})?)
			}
		})
	}
}

/// Bytes of the trie cache of a development node, which shares its machine with everything else under test.
const DEV_TRIE_CACHE: usize = 64 * 1024 * 1024;
/// The default of a node.
const DEFAULT_TRIE_CACHE: usize = 1024 * 1024 * 1024;

/// Parses the command line and runs what it asks for.
pub fn run() -> sc_cli::Result<()> {
	let cli = Cli::from_args();

	match &cli.subcommand {
		Some(Subcommand::Key(cmd)) => cmd.run(&cli),
		Some(Subcommand::ExportChainSpec(cmd)) => {
			let chain_spec = cli.load_spec(&cmd.chain)?;
			cmd.run(chain_spec)
		}
		Some(Subcommand::CheckBlock(cmd)) => cli.create_runner(cmd)?.async_run(|config| {
			let PartialComponents { client, task_manager, import_queue, .. } = service::partial(&config, false)?;
			Ok((cmd.run(client, import_queue), task_manager))
		}),
		Some(Subcommand::ExportBlocks(cmd)) => cli.create_runner(cmd)?.async_run(|config| {
			let PartialComponents { client, task_manager, .. } = service::partial(&config, false)?;
			Ok((cmd.run(client, config.database), task_manager))
		}),
		Some(Subcommand::ExportState(cmd)) => cli.create_runner(cmd)?.async_run(|config| {
			let PartialComponents { client, task_manager, .. } = service::partial(&config, false)?;
			Ok((cmd.run(client, config.chain_spec), task_manager))
		}),
		Some(Subcommand::ImportBlocks(cmd)) => cli.create_runner(cmd)?.async_run(|config| {
			let PartialComponents { client, task_manager, import_queue, .. } = service::partial(&config, false)?;
			Ok((cmd.run(client, import_queue), task_manager))
		}),
		Some(Subcommand::PurgeChain(cmd)) => cli.create_runner(cmd)?.sync_run(|config| cmd.run(config.database)),
		Some(Subcommand::Revert(cmd)) => cli.create_runner(cmd)?.async_run(|config| {
			let PartialComponents { client, task_manager, backend, .. } = service::partial(&config, false)?;
			let aux_revert = Box::new(|client, backend, blocks| {
				sc_consensus_babe::revert(std::sync::Arc::clone(&client), backend, blocks)?;
				sc_consensus_grandpa::revert(client, blocks)?;
				Ok(())
			});
			Ok((cmd.run(client, backend, Some(aux_revert)), task_manager))
		}),
		Some(Subcommand::ChainInfo(cmd)) => {
			cli.create_runner(cmd)?.sync_run(|config| cmd.run::<autonomy_runtime::opaque::Block>(&config))
		}
		None => {
			let runner = cli.create_runner(&cli.run)?;
			let sealing = cli.sealing;
			runner.run_node_until_exit(|mut config| async move {
				let development = config.chain_spec.chain_type() == ChainType::Development;
				let sealing = match (sealing, development) {
					(Some(mode), true) => mode,
					(None, true) => Sealing::Interval(DEFAULT_INTERVAL),
					(None | Some(Sealing::Babe), false) => Sealing::Babe,
					(Some(_), false) => {
						return Err(sc_cli::Error::Input(format!(
							"--sealing is for development chains, and '{}' is none: add --dev, or leave it out",
							config.chain_spec.id()
						)))
					}
				};
				if development && config.trie_cache_maximum_size == Some(DEFAULT_TRIE_CACHE) {
					config.trie_cache_maximum_size = Some(DEV_TRIE_CACHE);
				}
				service::run(config, sealing).map_err(sc_cli::Error::Service)
			})
		}
	}
}
