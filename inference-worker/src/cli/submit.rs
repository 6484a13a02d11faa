//! `autonomy-worker submit`: the requester's side.

use std::{
	process::ExitCode,
	time::{Duration, Instant},
};

use anyhow::{bail, Context, Result};
use autonomy_engine::{digest::cid_text, InputSpec, PictureSpec};
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
	/// A loop of pictures, from a picture model. Costs as much as its frames.
	Animation(Animation),
	/// Pictures in a grid with a transparent background, from a picture model. Costs as much as its cells.
	SpriteSheet(SpriteSheet),
	/// A picture whose opposite edges fit together, for a texture, from a picture model.
	Tile(Image),
}

/// How pictures are drawn, alone or in an animation or a sprite sheet.
#[derive(clap::Args)]
pub struct Drawing {
	/// What should not be seen.
	#[arg(long, default_value = "")]
	negative_prompt: String,
	/// Pixels per row of a picture, frame or cell.
	#[arg(long, default_value_t = 64)]
	width: u16,
	/// Rows of a picture, frame or cell.
	#[arg(long, default_value_t = 64)]
	height: u16,
	/// Denoise steps of a picture, frame or cell.
	#[arg(long, default_value_t = 20)]
	steps: u16,
	/// Guidance scale; 1 or less runs without guidance. The demo model is at its best around 1.5.
	#[arg(long, default_value_t = 1.5)]
	guidance: f64,
}

impl Drawing {
	fn of(self, prompt: String) -> PictureSpec {
		let Self { negative_prompt, width, height, steps, guidance } = self;
		PictureSpec { prompt, negative_prompt, width, height, steps, guidance }
	}
}

/// Arguments of `submit image` and `submit tile`.
#[derive(clap::Args)]
pub struct Image {
	/// What the picture should show.
	#[arg(long)]
	prompt: String,
	#[command(flatten)]
	drawing: Drawing,
	#[command(flatten)]
	job: Job,
}

/// Arguments of `submit animation`.
#[derive(clap::Args)]
pub struct Animation {
	/// What the loop shows at first and in the end.
	#[arg(long)]
	prompt: String,
	/// What it shows half-way; by default the same all the time.
	#[arg(long, default_value = "")]
	prompt_to: String,
	/// Frames, 2 to 32.
	#[arg(long, default_value_t = 8)]
	frames: u8,
	/// Frames shown in a second, 1 to 50.
	#[arg(long, value_name = "RATE", default_value_t = 8)]
	frames_per_second: u8,
	/// How far the noise moves, 0 (not at all) to 1.
	#[arg(long, default_value_t = 0.5)]
	motion: f64,
	#[command(flatten)]
	drawing: Drawing,
	#[command(flatten)]
	job: Job,
}

/// Arguments of `submit sprite-sheet`.
#[derive(clap::Args)]
pub struct SpriteSheet {
	/// What a cell shows. Given once for each cell, from the top left, row by row; at most 16.
	#[arg(long = "cell", value_name = "TEXT", required = true)]
	cells: Vec<String>,
	/// What all cells have in common, such as style and background. It follows the text of each cell.
	#[arg(long, default_value = "")]
	prompt: String,
	/// Cells in a row; by default about as many as there are rows.
	#[arg(long)]
	columns: Option<u8>,
	/// How far the colour of the background may be from that of a cell's corners, in each channel; 0 keeps the background.
	#[arg(long, value_name = "0..255", default_value_t = 32)]
	background_tolerance: u8,
	#[command(flatten)]
	drawing: Drawing,
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
	let (spec, job) = order(command);
	submit(&spec, &job).await
}

/// The input that a command describes, and the rest of it.
fn order(command: Command) -> (InputSpec, Job) {
	match command {
		Command::Image(Image { prompt, drawing, job }) => (InputSpec::Image(drawing.of(prompt)), job),
		Command::Tile(Image { prompt, drawing, job }) => (InputSpec::Tile(drawing.of(prompt)), job),
		Command::Text(Text { prompt, max_tokens, temperature, top_p, top_k, job }) => {
			(InputSpec::Text { prompt, max_tokens, temperature, top_p, top_k }, job)
		}
		Command::Animation(Animation { prompt, prompt_to, frames, frames_per_second, motion, drawing, job }) => {
			let image = drawing.of(prompt);
			(InputSpec::Animation { image, prompt_to, frames, frames_per_second, motion }, job)
		}
		Command::SpriteSheet(SpriteSheet { cells, prompt, columns, background_tolerance, drawing, job }) => {
			let (image, columns) = (drawing.of(prompt), columns.unwrap_or_else(|| square(cells.len())));
			(InputSpec::SpriteSheet { image, cells, columns, background_tolerance }, job)
		}
	}
}

/// The fewest columns of which as many rows hold so many cells.
fn square(cells: usize) -> u8 {
	(1..=u8::MAX).find(|columns| usize::from(*columns).pow(2) >= cells).unwrap_or(u8::MAX)
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

/// What the job cost its requester: all that was paid, and what went up in flames.
fn spent(job: &events::JobFinalised) -> u128 {
	job.payments.iter().fold(job.burned, |sum, payment| sum.saturating_add(payment.amount))
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

#[cfg(test)]
mod tests {
	use super::*;
	use clap::Parser;

	#[derive(Parser)]
	struct Line {
		#[command(subcommand)]
		command: Command,
	}

	fn spec(words: &[&str]) -> InputSpec {
		let words = ["submit"].iter().chain(words).chain(&["--model", "0", "--dev", "alice"]);
		order(Line::try_parse_from(words).unwrap_or_else(|e| panic!("{e}")).command).0
	}

	fn picture(prompt: &str) -> PictureSpec {
		let prompt = prompt.to_string();
		PictureSpec { prompt, negative_prompt: String::new(), width: 64, height: 64, steps: 20, guidance: 1.5 }
	}

	#[test]
	fn command_should_describe_the_input_of_its_kind() {
		assert_eq!(spec(&["image", "--prompt", "a star"]), InputSpec::Image(picture("a star")));
		let wide = PictureSpec { width: 32, steps: 4, ..picture("grass") };
		assert_eq!(spec(&["tile", "--prompt", "grass", "--width", "32", "--steps", "4"]), InputSpec::Tile(wide));
		let animation = InputSpec::Animation {
			image: picture("a star"),
			prompt_to: "a ring".into(),
			frames: 12,
			frames_per_second: 8,
			motion: 0.25,
		};
		let words = ["animation", "--prompt", "a star", "--prompt-to", "a ring", "--frames", "12", "--motion", "0.25"];
		assert_eq!(spec(&words), animation);
		let sheet = |columns| InputSpec::SpriteSheet {
			image: picture("on black"),
			cells: ["a star", "a ring", "a heart"].map(String::from).to_vec(),
			columns,
			background_tolerance: 32,
		};
		let words =
			["sprite-sheet", "--cell", "a star", "--cell", "a ring", "--cell", "a heart", "--prompt", "on black"];
		assert_eq!(spec(&words), sheet(2));
		assert_eq!(spec(&[&words[..], &["--columns", "3"]].concat()), sheet(3));
	}

	#[test]
	fn columns_should_make_about_as_many_rows() {
		let columns = [1, 2, 3, 4, 5, 9, 10, 16].map(square);
		assert_eq!(columns, [1, 2, 2, 2, 3, 3, 4, 4]);
	}

	#[test]
	fn sprite_sheet_should_be_refused_when_it_has_no_cells() {
		let line = ["submit", "sprite-sheet", "--prompt", "x", "--model", "0", "--dev", "alice"];
		let error = Line::try_parse_from(line).err().expect("it must be refused").to_string();
		assert!(error.contains("--cell"), "{error}");
	}
}
