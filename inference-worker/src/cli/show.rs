//! `autonomy-worker show`.

use std::process::ExitCode;

use anyhow::{bail, Result};
use autonomy_engine::{digest::cid_text, InputSpec};
use autonomy_primitives::JobId;
use serde_json::json;

use super::{hex32, ChainArgs};
use crate::{
	amount::Auton,
	artifacts::{ArtifactStore, Local},
	ballot,
	chain::{Chain, SeatView},
};

/// Arguments of `show`.
#[derive(clap::Args)]
pub struct Args {
	/// Number of the job.
	job: JobId,
	#[command(flatten)]
	chain: ChainArgs,
	/// One JSON object instead of lines.
	#[arg(long)]
	json: bool,
}

/// Runs the command.
pub async fn execute(args: Args) -> Result<ExitCode> {
	let (config, node) = args.chain.node()?;
	let mut lines = Vec::new();
	let value = if let Some(job) = node.job(args.job).await? {
		let (state, until) = (job.state.name(), job.state.until());
		let seat = |seat: &SeatView| {
			json!({
				"operator": seat.operator.to_string(),
				"committed": seat.commitment.is_some(),
				"revealed": seat.revealed.map(|r| hex32(&r.result)),
			})
		};
		let seats: Vec<_> = job.seats.iter().map(seat).collect();
		let jury: Option<Vec<_>> = job.jury.as_ref().map(|jury| jury.seats.iter().map(seat).collect());
		let auditor = job.auditor.as_ref().map(|auditor| {
			json!({
				"operator": auditor.operator.to_string(),
				"found": auditor.found.map(|found| hex32(&found.result)),
			})
		});
		json!({
			"job": job.id, "state": state, "until_block": until, "model": job.model, "k": job.k,
			"tier": job.tier, "requester": job.requester.to_string(), "fee": Auton(job.fee()).to_string(),
			"audit_reserve": Auton(job.audit_reserve).to_string(), "exposure": Auton(job.exposure).to_string(),
			"seed": job.seed.map(|s| hex32(&s)), "input": InputSpec::from_job_input(&job.input), "seats": seats,
			"auditor": auditor, "jury": jury,
		})
	} else if let Some(row) = node.provenance(args.job).await? {
		// What a ballot says is in its file. Only this machine's folder is looked into: `fetch` asks everywhere.
		let file = Local::reader(&config.artifact_dir()).get(row.artifact).await.ok().flatten();
		let genesis = node.genesis().await?;
		let record = file.and_then(|file| ballot::of_job(&file, &row, genesis));
		lines.extend(record.iter().flat_map(ballot::lines));
		json!({
			"job": args.job, "state": "final", "model": row.model, "k": row.k, "requester": row.requester.to_string(),
			"result": hex32(&row.result), "trace_root": hex32(&row.trace_root), "artifact": cid_text(&row.artifact),
			"seed": hex32(&row.seed), "input_hash": hex32(&row.input_hash), "engine": hex32(&row.engine),
			"weights_root": hex32(&row.weights_root), "finalised_at": row.finalised_at, "ballot": record,
		})
	} else {
		bail!("job {}: there is no such job, or it ended without a result and was refunded", args.job);
	};
	if args.json {
		println!("{value}");
	} else if let Some(fields) = value.as_object() {
		for (name, value) in fields.iter().filter(|(name, _)| *name != "ballot") {
			match value.as_str() {
				Some(text) => println!("{name:13} {text}"),
				None => println!("{name:13} {value}"),
			}
		}
		lines.into_iter().for_each(|line| println!("{line}"));
	}
	Ok(ExitCode::SUCCESS)
}
