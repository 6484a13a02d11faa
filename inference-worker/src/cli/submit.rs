//! `autonomy-worker submit`: the requester's side.

use std::{
	process::ExitCode,
	time::{Duration, Instant},
};

use anyhow::{bail, Context, Result};
use autonomy_engine::{digest::cid_text, InputSpec};
use autonomy_primitives::{job::SeedPolicy, Digest, JobId, ModelId};
use serde_json::{json, Value};
use subxt::events::Events;

use super::{hex32, ChainArgs, SignerArgs};
use crate::{
	amount::Auton,
	chain::{
		api::inference::events,
		endpoints::Backoff,
		node::{Conf, Node, Tier},
		BlockNumber, Chain, ChainError,
	},
	config::parse_digest,
};

/// Jobs.
#[derive(clap::Subcommand)]
pub enum Command {
	/// A picture.
	Image(Image),
	/// A reply.
	Text(Text),
}

/// Arguments of `submit image`.
#[derive(clap::Args)]
pub struct Image {
	/// What the picture should show.
	#[arg(long)]
	prompt: String,
	/// What it should not show.
	#[arg(long, default_value = "")]
	negative_prompt: String,
	/// Pixels per row.
	#[arg(long, default_value_t = 64)]
	width: u16,
	/// Rows.
	#[arg(long, default_value_t = 64)]
	height: u16,
	/// Denoise steps.
	#[arg(long, default_value_t = 20)]
	steps: u16,
	/// Guidance scale; 1 or less runs without guidance. The demo model is at its best around 1.5.
	#[arg(long, default_value_t = 1.5)]
	guidance: f64,
	#[command(flatten)]
	job: Job,
}

/// Arguments of `submit text`.
#[derive(clap::Args)]
pub struct Text {
	/// What you say.
	#[arg(long)]
	prompt: String,
	/// Most new tokens.
	#[arg(long, default_value_t = 64)]
	max_tokens: u16,
	/// Sampling temperature; 0 is greedy.
	#[arg(long, default_value_t = 0.0)]
	temperature: f64,
	/// Cumulative probability of nucleus sampling; 1 is off.
	#[arg(long, default_value_t = 1.0)]
	top_p: f64,
	/// Sampling among the k likeliest tokens; 0 is off.
	#[arg(long, default_value_t = 0)]
	top_k: u16,
	#[command(flatten)]
	job: Job,
}

/// What every job has.
#[derive(clap::Args)]
pub struct Job {
	/// Number of the model.
	#[arg(long, value_name = "ID")]
	model: ModelId,
	/// Operators that must agree; by default as many as the chain wants for this kind of job.
	#[arg(long)]
	k: Option<u8>,
	/// How much depends on the result; by default that of the model's kind of output.
	#[arg(long, value_name = "TIER")]
	tier: Option<Tier>,
	/// Seed, 64 hexadecimal digits: the same seed and input give the same output again.
	#[arg(long, value_name = "HEX", conflicts_with = "chain_seed")]
	seed: Option<String>,
	/// Let the chain draw the seed together with the operators. This is the default.
	#[arg(long)]
	chain_seed: bool,
	/// Most AUTON to pay; by default what the chain quotes now.
	#[arg(long, value_name = "AUTON")]
	max_fee: Option<Auton>,
	/// Wait until the job is final. Fails when it ends without a result.
	#[arg(long)]
	wait: bool,
	/// Seconds to wait at most.
	#[arg(long, value_name = "SECONDS", default_value_t = 900)]
	timeout: u64,
	#[command(flatten)]
	chain: ChainArgs,
	#[command(flatten)]
	signer: SignerArgs,
	/// One JSON object on standard output; progress goes to standard error.
	#[arg(long)]
	json: bool,
}

/// Runs the command.
pub async fn execute(command: Command) -> Result<ExitCode> {
	let (spec, job) = match command {
		Command::Image(Image { prompt, negative_prompt, width, height, steps, guidance, job }) => {
			(InputSpec::Image { prompt, negative_prompt, width, height, steps, guidance }, job)
		}
		Command::Text(Text { prompt, max_tokens, temperature, top_p, top_k, job }) => {
			(InputSpec::Text { prompt, max_tokens, temperature, top_p, top_k }, job)
		}
	};
	submit(&spec, &job).await
}

async fn submit(spec: &InputSpec, args: &Job) -> Result<ExitCode> {
	let input = spec.to_job_input()?;
	let seed = match &args.seed {
		None => SeedPolicy::Chain,
		Some(text) => SeedPolicy::User(
			parse_digest(text).with_context(|| format!("--seed '{text}' is not 64 hexadecimal digits"))?,
		),
	};
	let (_, node, _) = args.signer.node(&args.chain).await?;
	// What the chain would refuse is said here with its numbers, before a fee is paid for the attempt.
	let Some(model) = node.model(args.model).await? else {
		let count = node.models_count().await?;
		bail!(
			"model {}: there is no such model, {count} are registered; see `autonomy-worker models list`",
			args.model
		);
	};
	if !model.active {
		bail!("model {}: its owner has closed it to new jobs", args.model);
	}
	input.check(model.modality, &model.limits).map_err(|e| anyhow::anyhow!("model {}: {e}", args.model))?;
	let quote = node.quote(args.model, &input, args.k, args.tier).await?;
	let max_fee = match (quote, args.max_fee) {
		(Some(quote), Some(limit)) if quote.most() > limit.0 => {
			let price = Auton(model.price_per_unit);
			bail!(
				"the job costs at most {} AUTON ({price} a unit × {} units × {} operators, and {} for an audit, returned \
				without one), --max-fee is {limit}",
				Auton(quote.most()),
				quote.units,
				quote.k,
				Auton(quote.audit_reserve)
			);
		}
		(_, Some(limit)) => limit.0,
		(Some(quote), None) => quote.most(),
		// The chain will say why.
		(None, None) => 0,
	};
	let before = node.head().await?;
	let job = node.submit_job(args.model, input, args.k, args.tier, seed, max_fee).await?;
	if !args.wait {
		if args.json {
			println!(
				"{}",
				json!({ "job": job, "model": args.model, "state": "open", "max_fee": Auton(max_fee).to_string() })
			);
		} else {
			println!("job {job}");
		}
		return Ok(ExitCode::SUCCESS);
	}
	let say = |line: String| {
		if args.json {
			eprintln!("{line}");
		} else {
			println!("{line}");
		}
	};
	say(format!("job {job} submitted for at most {} AUTON", Auton(max_fee)));
	let limit = Duration::from_secs(args.timeout);
	let Ok(ended) = tokio::time::timeout(limit, follow(&node, job, before, &say)).await else {
		bail!("job {job} is not final after {} s; `autonomy-worker show {job}` tells where it stands", args.timeout);
	};
	let ended = ended?;
	if args.json {
		println!("{}", ended.json(job, args.model));
	} else {
		ended.lines(job).into_iter().for_each(|line| println!("{line}"));
	}
	Ok(if matches!(ended, Ended::Final { .. }) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// How a job ended.
#[derive(Debug, PartialEq)]
enum Ended {
	Final {
		result: Digest,
		trace_root: Digest,
		seed: Digest,
		artifact: String,
		fee: u128,
		operators: Vec<String>,
		block: BlockNumber,
		seconds: f64,
	},
	Failed {
		reason: String,
		refunded: u128,
	},
}

impl Ended {
	fn json(&self, job: JobId, model: ModelId) -> Value {
		match self {
			Self::Final { result, trace_root, seed, artifact, fee, operators, block, seconds } => json!({
				"job": job, "model": model, "state": "final", "result": hex32(result), "trace_root": hex32(trace_root),
				"seed": hex32(seed), "artifact": artifact, "fee": Auton(*fee).to_string(), "fee_planck": fee.to_string(),
				"k": operators.len(), "operators": operators, "finalised_at": block, "seconds": seconds,
			}),
			Self::Failed { reason, refunded } => json!({
				"job": job, "model": model, "state": "failed", "reason": reason, "refunded": Auton(*refunded).to_string(),
				"refunded_planck": refunded.to_string(),
			}),
		}
	}

	fn lines(&self, job: JobId) -> Vec<String> {
		match self {
			Self::Final { result, artifact, fee, operators, .. } => vec![
				format!("job {job} final"),
				format!("result    {}", hex32(result)),
				format!("artifact  {artifact}"),
				format!("fee paid  {} AUTON", Auton(*fee)),
				format!("operators {}", operators.join(" ")),
			],
			Self::Failed { reason, refunded } => {
				vec![format!("job {job} failed: {reason}; {} AUTON refunded", Auton(*refunded))]
			}
		}
	}
}

/// Reads the events of every block from the submission on, however often the connection breaks.
async fn follow(node: &Node, job: JobId, before: BlockNumber, say: &impl Fn(String)) -> Result<Ended> {
	let (started, mut next, mut backoff) = (Instant::now(), before.saturating_add(1), Backoff::default());
	loop {
		match catch_up(node, job, &mut next, started, say).await {
			Ok(Some(ended)) => return Ok(ended),
			Ok(None) => {
				backoff.reset();
				if let Err(error) = node.next_head().await {
					tracing::warn!("{error}; trying again");
					tokio::time::sleep(backoff.next()).await;
				}
			}
			Err(error @ (ChainError::Incompatible(_) | ChainError::OtherChain { .. })) => return Err(error.into()),
			Err(error) => {
				tracing::warn!("{error}; trying again");
				tokio::time::sleep(backoff.next()).await;
			}
		}
	}
}

async fn catch_up(
	node: &Node,
	job: JobId,
	next: &mut BlockNumber,
	started: Instant,
	say: &impl Fn(String),
) -> Result<Option<Ended>, ChainError> {
	let head = node.head().await?;
	while *next <= head {
		let block = *next;
		let block_events = node.events(block).await?;
		let seconds = started.elapsed().as_secs_f64();
		progress(&block_events, job).into_iter().for_each(|line| say(format!("{seconds:6.1} s  {line}")));
		if let Some(Ok(e)) = block_events.find::<events::JobFailed>().find(|e| matches!(e, Ok(e) if e.job == job)) {
			return Ok(Some(Ended::Failed { reason: format!("{:?}", e.reason), refunded: e.refunded }));
		}
		if let Some(Ok(e)) = block_events.find::<events::JobCancelled>().find(|e| matches!(e, Ok(e) if e.job == job)) {
			return Ok(Some(Ended::Failed { reason: "Cancelled".into(), refunded: e.refunded }));
		}
		if let Some(Ok(e)) = block_events.find::<events::JobFinalised>().find(|e| matches!(e, Ok(e) if e.job == job)) {
			let row = node.provenance(job).await?;
			let row = row.ok_or_else(|| ChainError::Rpc(format!("job {job} is final and has no provenance row")))?;
			let operators: Vec<_> = e.operators.iter().map(ToString::to_string).collect();
			return Ok(Some(Ended::Final {
				result: row.result,
				trace_root: row.trace_root,
				seed: row.seed,
				artifact: cid_text(&row.artifact),
				fee: spent(&e),
				operators,
				block,
				seconds,
			}));
		}
		*next = block.saturating_add(1);
	}
	Ok(None)
}

/// What the job cost its requester: what went to the seats, to the model and up in flames.
fn spent(job: &events::JobFinalised) -> u128 {
	let seats = job.paid_per_seat.saturating_mul(job.operators.len() as u128);
	seats.saturating_add(job.paid_to_model).saturating_add(job.burned)
}

/// What happened to the job in one block.
fn progress(block: &Events<Conf>, job: JobId) -> Vec<String> {
	let mut lines = Vec::new();
	for e in block.find::<events::JobAssigned>().flatten().filter(|e| e.job == job) {
		let operators: Vec<_> = e.operators.iter().map(ToString::to_string).collect();
		lines.push(format!("assigned to {} (commit before block {})", operators.join(", "), e.deadline));
	}
	for e in block.find::<events::Committed>().flatten().filter(|e| e.job == job) {
		lines.push(format!("{} committed", e.operator));
	}
	for e in block.find::<events::Revealed>().flatten().filter(|e| e.job == job) {
		lines.push(format!("{} revealed {}", e.operator, hex32(&e.result)));
	}
	for e in block.find::<events::JobAgreed>().flatten().filter(|e| e.job == job) {
		lines.push(format!("agreed on {} (final at block {})", hex32(&e.result), e.final_at));
	}
	for e in block.find::<events::SeatMissed>().flatten().filter(|e| e.job == job) {
		lines.push(format!("{} was late", e.operator));
	}
	for e in block.find::<events::SeatDeclined>().flatten().filter(|e| e.job == job) {
		lines.push(format!("{} gave its seat back", e.operator));
	}
	for e in block.find::<events::SeatsRedrawn>().flatten().filter(|e| e.job == job) {
		let operators: Vec<_> = e.operators.iter().map(ToString::to_string).collect();
		lines.push(format!("{} drawn instead (commit before block {})", operators.join(", "), e.deadline));
	}
	for e in block.find::<events::AuditDrawn>().flatten().filter(|e| e.job == job) {
		lines.push(format!("chance has it audited, by {} (before block {})", e.operator, e.deadline));
	}
	for e in block.find::<events::Audited>().flatten().filter(|e| e.job == job) {
		let verdict = if e.agrees { "agrees" } else { "differs" };
		lines.push(format!("the auditor {verdict}: {}", hex32(&e.result)));
	}
	for e in block.find::<events::Challenged>().flatten().filter(|e| e.job == job) {
		lines.push(format!("{} challenges the result: it says {}", e.challenger, hex32(&e.outcome.result)));
	}
	for e in block.find::<events::JuryDrawn>().flatten().filter(|e| e.job == job) {
		lines.push(format!("a jury of {} decides (commit before block {})", e.operators.len(), e.deadline));
	}
	for e in block.find::<events::Slashed>().flatten().filter(|e| e.job == job) {
		lines.push(format!("{} was wrong and lost {} AUTON", e.operator, Auton(e.amount)));
	}
	lines
}
