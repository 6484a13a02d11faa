//! `autonomy-worker verify`: runs a final job, or the one behind a work, again and compares. An evaluation is run on the two
//! versions and the set that its input names, any other job on the weights that it was made with, that of a character with
//! its persona. What a ballot says is printed.

use std::{
	path::{Path, PathBuf},
	process::ExitCode,
	sync::Arc,
};

use anyhow::{bail, Context, Result};
use autonomy_engine::{digest::cid_text, BallotRecord, InputSpec};
use autonomy_primitives::{digest::input_hash, job::JobInput, JobId};
use autonomy_sandbox::run_job;
use serde_json::json;

use crate::{
	artifacts, ballot,
	chain::{node::Node, BlockNumber, Chain, Provenance},
	cli::{hex32, model_dirs, ChainArgs},
	run::{
		engine::{Computed, Files},
		models::Library,
	},
};

/// Arguments of `verify`.
#[derive(clap::Args)]
pub struct Args {
	/// Number of the job, or a work as COLLECTION/ITEM, the numbers of its NFT.
	#[arg(value_name = "JOB", value_parser = subject)]
	subject: Subject,
	#[command(flatten)]
	chain: ChainArgs,
	/// Folder of the model, or folder of such folders; instead of the configuration's `models.dirs`. May be given several
	/// times.
	#[arg(long, value_name = "DIR")]
	models: Vec<PathBuf>,
	/// The job's input as JSON, for a node that no longer has the job's block.
	#[arg(long, value_name = "FILE")]
	input: Option<PathBuf>,
	/// Blocks before the end of the job in which its submission is looked for.
	#[arg(long, default_value_t = 5000)]
	blocks: BlockNumber,
	/// Write the file here: a PNG, a GIF, a text or JSON.
	#[arg(long, value_name = "FILE")]
	out: Option<PathBuf>,
	/// One JSON object.
	#[arg(long)]
	json: bool,
}

/// What is verified.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Subject {
	/// A job that became final.
	Job(JobId),
	/// The work that a job's output was minted as.
	Work {
		/// Number of the collection in pallet-nfts.
		collection: u32,
		/// Number of the item in it.
		item: u32,
	},
}

fn subject(text: &str) -> Result<Subject, String> {
	let found = match text.split_once('/') {
		Some((collection, item)) => match (collection.parse(), item.parse()) {
			(Ok(collection), Ok(item)) => Some(Subject::Work { collection, item }),
			_ => None,
		},
		None => text.parse().ok().map(Subject::Job),
	};
	found.ok_or_else(|| format!("'{text}' is neither the number of a job, such as 12, nor a work, such as 1/0"))
}

/// The job that stands behind a subject.
async fn job_of(node: &Node, subject: Subject) -> Result<JobId> {
	let (collection, item) = match subject {
		Subject::Job(job) => return Ok(job),
		Subject::Work { collection, item } => (collection, item),
	};
	let (job, name) = node
		.work(collection, item)
		.await?
		.with_context(|| format!("there is no work {collection}/{item}, or it has been burnt"))?;
	tracing::info!(job, "work {collection}/{item}, \"{name}\"");
	Ok(job)
}

/// Runs the command.
pub async fn execute(args: Args) -> Result<ExitCode> {
	let (config, node) = args.chain.node()?;
	let job = job_of(&node, args.subject).await?;
	let row = provenance(&node, job).await?;
	let engine = autonomy_kernels::engine_id();
	if row.engine != engine {
		bail!(
			"job {} was made with engine {}, this build is engine {}: use the release of that engine",
			job,
			hex32(&row.engine),
			hex32(&engine)
		);
	}
	let input = input(job, &node, &row, args.input.as_deref(), args.blocks).await?;
	let view = node.model(row.model).await?.with_context(|| format!("model {} is not on chain", row.model))?;
	let genesis = node.genesis().await?;
	let store = Arc::new(artifacts::reader(&config)?);
	let library = Library::scan(&model_dirs(&args.models, &config), config.model_cache(), store)?;
	let (seed, weights_root) = (row.seed, row.weights_root);
	let is_ballot = matches!(input, JobInput::Ballot(_));
	let (name, computed) = tokio::task::spawn_blocking(move || -> Result<_> {
		let files = Files::find(&library, &view, weights_root, &input)?;
		let opened = files.open()?;
		let computed = run_job(opened.ready(), &files.job(input, seed, genesis), &mut |_| true)?;
		Ok((opened.model.manifest().name.clone(), computed))
	})
	.await??;
	if let Some(out) = &args.out {
		std::fs::write(out, &computed.bytes).with_context(|| format!("cannot write {}", out.display()))?;
	}
	let differences = differences(&row, &computed);
	let record = BallotRecord::from_json(&computed.bytes).filter(|_| is_ballot);
	if args.json {
		let line = json!({
			"job": job, "verified": differences.is_empty(), "model": row.model, "name": name,
			"result": hex32(&row.result), "engine": hex32(&engine), "k": row.k, "artifact": cid_text(&row.artifact),
			"differences": differences.iter().map(|d| d.0).collect::<Vec<_>>(), "ballot": record,
		});
		println!("{line}");
	} else if differences.is_empty() {
		println!(
			"verified job {}: result {} model {} \"{name}\" engine {} ({} operator{})",
			job,
			hex32(&row.result),
			row.model,
			hex32(&engine),
			row.k,
			if row.k == 1 { "" } else { "s" }
		);
	} else {
		println!("job {} differs:", job);
		for (what, chain, here) in &differences {
			println!("  {what:10}  chain {chain}");
			println!("  {:10}  here  {here}", "");
		}
	}
	if !args.json {
		record.iter().flat_map(ballot::lines).for_each(|line| println!("{line}"));
	}
	if !differences.is_empty() && !args.json {
		bail!("job {} is not what its model makes of its input here; run `autonomy-worker check`", job);
	}
	Ok(if differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn provenance(node: &Node, job: JobId) -> Result<Provenance> {
	if let Some(row) = node.provenance(job).await? {
		return Ok(row);
	}
	match node.job(job).await? {
		Some(view) => bail!("job {job} is not final yet ({:?}); only a final job can be verified", view.state),
		None => bail!("job {job}: there is no such job, or it ended without a result"),
	}
}

/// A final job's input, from `file` or else from the chain, there from at most `blocks` blocks before its end, checked
/// against its hash on chain.
pub(crate) async fn input(
	job: JobId,
	node: &Node,
	row: &Provenance,
	file: Option<&Path>,
	blocks: BlockNumber,
) -> Result<JobInput> {
	let Some(file) = file else {
		return node.input_of(job, row, blocks).await?.with_context(|| {
			format!(
				"job {job}: the node no longer has its input, neither in the state of block {} nor in the {blocks} blocks \
				 before; ask a node with more history, raise --blocks, or give --input FILE",
				row.finalised_at.saturating_sub(1)
			)
		});
	};
	let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
	let spec: InputSpec = serde_json::from_slice(&bytes).with_context(|| format!("{} is no input", file.display()))?;
	let input = spec.to_job_input()?;
	if input_hash(&input) != row.input_hash {
		bail!(
			"{}: its hash is {}, the chain has {} for job {job}: it is another input",
			file.display(),
			hex32(&input_hash(&input)),
			hex32(&row.input_hash)
		);
	}
	Ok(input)
}

/// What differs between the chain and this run: name, chain's value, value here.
fn differences(row: &Provenance, computed: &Computed) -> Vec<(&'static str, String, String)> {
	let pairs = [
		("result", hex32(&row.result), hex32(&computed.result)),
		("trace root", hex32(&row.trace_root), hex32(&computed.trace_root)),
		("artifact", cid_text(&row.artifact), cid_text(&computed.artifact)),
	];
	pairs.into_iter().filter(|(_, chain, here)| chain != here).collect()
}

#[cfg(test)]
mod tests {
	use super::*;
	use autonomy_primitives::digest::cid;

	#[test]
	fn subject_should_be_a_job_or_a_work() {
		assert_eq!(subject("12"), Ok(Subject::Job(12)));
		assert_eq!(subject("1/0"), Ok(Subject::Work { collection: 1, item: 0 }));
		for text in ["", "x", "1/", "/0", "1/0/2", "-1", "1/4294967296"] {
			assert!(subject(text).unwrap_err().contains(&format!("'{text}' is neither")), "{text}");
		}
	}

	#[test]
	fn differences_should_name_each_digest_that_differs() {
		let row = Provenance {
			model: 0,
			requester: crate::chain::AccountId::from([0; 32]),
			engine: [0; 32],
			weights_root: [0; 32],
			input_hash: [0; 32],
			seed: [0; 32],
			result: [1; 32],
			trace_root: [2; 32],
			artifact: cid(b"a"),
			k: 3,
			finalised_at: 9,
		};
		let same = Computed { result: [1; 32], trace_root: [2; 32], artifact: cid(b"a"), bytes: b"a".to_vec() };
		assert!(differences(&row, &same).is_empty());
		let other = Computed { result: [9; 32], artifact: cid(b"b"), ..same };
		let names: Vec<_> = differences(&row, &other).into_iter().map(|d| d.0).collect();
		assert_eq!(names, ["result", "artifact"]);
	}
}
