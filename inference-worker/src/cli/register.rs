//! `autonomy-worker register` and `fund`: the owner's side.

use std::{process::ExitCode, str::FromStr};

use anyhow::{bail, Context, Result};
use autonomy_primitives::ModelId;
use serde_json::json;

use super::{ChainArgs, SignerArgs};
use crate::{
	amount::Auton,
	chain::{
		api::{self, runtime_types::pallet_inference::types::CpuClass},
		node::Node,
		AccountId, Balance, Chain,
	},
	config::Config,
	keys,
};

/// A model and the slots on it: `0:1`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Join {
	model: ModelId,
	slots: u32,
}

impl FromStr for Join {
	type Err = String;

	fn from_str(text: &str) -> Result<Self, String> {
		let (model, slots) = text.split_once(':').unwrap_or((text, "1"));
		match (model.parse(), slots.parse()) {
			(Ok(model), Ok(slots)) if slots > 0 => Ok(Self { model, slots }),
			_ => Err(format!("'{text}' is not MODEL:SLOTS, such as 0:1")),
		}
	}
}

/// Arguments of `register`.
#[derive(clap::Args)]
pub struct Args {
	/// Bond in AUTON. It is put on hold at the owner and backs the slots.
	#[arg(long, value_name = "AUTON")]
	bond: Auton,
	/// Models to join, as MODEL:SLOTS, separated by commas. Each slot takes part of the bond.
	#[arg(long, value_name = "MODEL:SLOTS", value_delimiter = ',')]
	join: Vec<Join>,
	/// A model to join with --slots slots; may be given several times.
	#[arg(long, value_name = "MODEL")]
	model: Vec<ModelId>,
	/// Slots on each --model.
	#[arg(long, default_value_t = 1, requires = "model")]
	slots: u32,
	/// Address of the worker's key; by default the one of the configuration's keystore or of AUTONOMY_WORKER_SURI.
	#[arg(long, value_name = "SS58")]
	worker: Option<AccountId>,
	/// AUTON that the worker's account is topped up to, so that it exists and can pay the fee of `prove_engine`.
	#[arg(long, value_name = "AUTON", default_value = "1")]
	fund_worker: Auton,
	#[command(flatten)]
	chain: ChainArgs,
	#[command(flatten)]
	signer: SignerArgs,
	/// One JSON object.
	#[arg(long)]
	json: bool,
}

/// Arguments of `fund`.
#[derive(clap::Args)]
pub struct FundArgs {
	/// Address of the account.
	address: AccountId,
	/// AUTON to send.
	amount: Auton,
	#[command(flatten)]
	chain: ChainArgs,
	#[command(flatten)]
	signer: SignerArgs,
}

/// Registers an operator. What is done already is left as it is, so that the command can be repeated.
pub async fn execute(args: Args) -> Result<ExitCode> {
	let (config, node, pair) = args.signer.node(&args.chain).await?;
	let owner = keys::account(&pair);
	let worker = match &args.worker {
		Some(worker) => *worker,
		None => worker_address(&config)?,
	};
	if worker == owner {
		bail!("the worker's key {worker} is the owner's too: the worker must have a key of its own, which cannot withdraw");
	}
	match node.account(&owner).await? {
		None => {
			let call = api::transactions().inference().register_operator(worker, args.bond.0);
			node.transact("register_operator", &call).await?;
		}
		Some(operator) if operator.worker != worker => {
			node.transact("set_worker_key", &api::transactions().inference().set_worker_key(worker)).await?;
		}
		Some(_) => {}
	}
	let balance = node.balance(&worker).await?;
	if balance < args.fund_worker.0 {
		transfer(&node, &worker, args.fund_worker.0 - balance).await?;
	}
	let joined = node.memberships(&owner).await?;
	let given = args.model.iter().map(|model| Join { model: *model, slots: args.slots });
	for Join { model, slots } in args.join.iter().copied().chain(given) {
		if joined.iter().any(|m| m.model == model) {
			continue;
		}
		let call = api::transactions().inference().join_model(model, slots, autonomy_kernels::engine_id(), cpu_class());
		node.transact("join_model", &call).await.with_context(|| format!("model {model}"))?;
	}
	let view = node.account(&owner).await?.context("the operator is not on chain after its registration")?;
	let models: Vec<_> = node.memberships(&owner).await?.iter().map(|m| m.model).collect();
	if args.json {
		let line = json!({
			"operator": owner.to_string(), "worker": worker.to_string(), "bond": Auton(view.bond).to_string(),
			"slots": view.slots_used, "models": models,
		});
		println!("{line}");
	} else {
		println!(
			"operator {owner} worker {worker} bond {} AUTON, {} slots on models {models:?}",
			Auton(view.bond),
			view.slots_used
		);
	}
	Ok(ExitCode::SUCCESS)
}

/// Sends AUTON.
pub async fn fund(args: FundArgs) -> Result<ExitCode> {
	let (_, node, _) = args.signer.node(&args.chain).await?;
	transfer(&node, &args.address, args.amount.0).await?;
	println!("sent {} AUTON to {}", args.amount, args.address);
	Ok(ExitCode::SUCCESS)
}

async fn transfer(node: &Node, to: &AccountId, amount: Balance) -> Result<()> {
	let call = api::transactions().balances().transfer_keep_alive(subxt::utils::MultiAddress::Id(*to), amount);
	node.transact("transfer", &call).await?;
	Ok(())
}

/// The worker's address, which needs no password.
fn worker_address(config: &Config) -> Result<AccountId> {
	if std::env::var_os(keys::SURI_VAR).is_some() {
		return Ok(keys::account(&keys::from_env(keys::SURI_VAR)?));
	}
	let file = config.keys.file.as_deref().context("which worker? give --worker, or --config with keys.file")?;
	Ok(keys::address(file)?)
}

/// The class of this machine's processor, as the chain distinguishes them.
fn cpu_class() -> CpuClass {
	#[cfg(target_arch = "x86_64")]
	{
		if std::is_x86_feature_detected!("avx512f") {
			return CpuClass::X86V4;
		}
		if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
			return CpuClass::X86V3;
		}
	}
	if cfg!(target_arch = "aarch64") {
		return CpuClass::Aarch64;
	}
	CpuClass::Other
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn join_should_read_model_and_slots() {
		assert_eq!("3:2".parse(), Ok(Join { model: 3, slots: 2 }));
		assert_eq!("3".parse(), Ok(Join { model: 3, slots: 1 }));
		for text in ["", "a:1", "0:0", "0:-1", "0:1:2"] {
			assert!(text.parse::<Join>().unwrap_err().contains(text), "{text}");
		}
	}
}
