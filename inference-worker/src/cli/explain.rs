//! `autonomy-worker explain`: why two operators differ on a job.
//!
//! The job is run here with the root of each of its steps kept, and compared with what operators said on chain, with trace
//! files of other machines, and with the other code paths of this one.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::{bail, Context, Result};
use autonomy_engine::{
	digest::{cid_text, parse_cid},
	BallotRecord, Hash32,
};
use autonomy_kernels::{with_isa, Isa};
use autonomy_primitives::{
	digest::{input_hash, Cid},
	fault::{FaultCode, NO_ARTIFACT},
	job::JobInput,
	Digest, JobId, ModelId,
};
use autonomy_sandbox::{trace_model, Job, Step, Trace};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{json, Value};

use super::{hex32, model_dirs, ChainArgs};
use crate::{
	artifacts, ballot,
	chain::{node::Node, AccountId, BlockNumber, Chain, Found, JobState, JobView, Provenance, Role},
	run::{engine::Files, models::Library},
	trace::{short, Machine, Subject, TraceFile},
	verify,
};

/// Every code path of the kernels; a machine has some of them.
const CODE_PATHS: [Isa; 4] = [Isa::Avx512, Isa::Avx2, Isa::Neon, Isa::Scalar];

/// Arguments of `explain`.
#[derive(clap::Args)]
pub struct Args {
	/// Number of the job.
	job: JobId,
	#[command(flatten)]
	chain: ChainArgs,
	/// Folder of the model, or folder of such folders; instead of the configuration's `models.dirs`. May be given several
	/// times.
	#[arg(long, value_name = "DIR")]
	models: Vec<PathBuf>,
	/// The input of a final job as JSON, for a node that no longer has the job's block.
	#[arg(long, value_name = "FILE")]
	input: Option<PathBuf>,
	/// Blocks before the end of a final job in which its submission is looked for.
	#[arg(long, default_value_t = 5000)]
	blocks: BlockNumber,
	/// The job as it stood at this block: for one that ended without a result, of which the chain keeps nothing. The node must
	/// still have the block's state.
	#[arg(long, value_name = "BLOCK")]
	at: Option<BlockNumber>,
	/// A trace file of another machine, or its http:// or https:// address, such as that of an operator's server,
	/// http://HOST:9620/traces/JOB: the first step that differs is named. May be given several times.
	#[arg(long, value_name = "FILE|URL")]
	trace: Vec<String>,
	/// Write this machine's trace file, for somebody else's `--trace`.
	#[arg(long, value_name = "FILE")]
	write: Option<PathBuf>,
	/// Run the job on every code path that this processor has (AVX-512, AVX2, scalar) and compare them too. Scalar code can
	/// take a hundred times longer.
	#[arg(long)]
	all_paths: bool,
	/// One JSON object.
	#[arg(long)]
	json: bool,
}

/// Runs the command.
pub async fn execute(args: Args) -> Result<ExitCode> {
	let (config, node) = args.chain.node()?;
	let case = Case::of(&node, &args).await?;
	let engine = autonomy_kernels::engine_id();
	if case.engine != engine {
		bail!(
			"job {} needs engine {}, this build is engine {}: use the release of that engine",
			args.job,
			hex32(&case.engine),
			hex32(&engine)
		);
	}
	let view = node.model(case.model).await?.with_context(|| format!("model {} is not on chain", case.model))?;
	let mut files = Vec::new();
	for place in &args.trace {
		files.push((place.clone(), TraceFile::read(place).await?));
	}
	let genesis = node.genesis().await?;
	for (place, file) in &files {
		same_job(file, place, args.job, &genesis)?;
	}
	let store = Arc::new(artifacts::reader(&config)?);
	let library = Library::scan(&model_dirs(&args.models, &config), config.model_cache(), store)?;
	let (weights_root, input, seed) = (case.weights_root, case.input.clone(), case.seed);
	let (number, all_paths) = (args.job, args.all_paths);
	let (here, record, paths) = tokio::task::spawn_blocking(move || -> Result<_> {
		let files = Files::find(&library, &view, weights_root, &input)?;
		let job = files.job(input, seed, genesis);
		let runner = Runner { files, job, number, model: view.id };
		let (here, record) = runner.run_and_read(autonomy_kernels::isa())?;
		Ok((here, record, if all_paths { runner.other_paths()? } else { Vec::new() }))
	})
	.await??;
	if let Some(path) = &args.write {
		here.write(path)?;
		if case.secret {
			tracing::warn!("job {} is not revealed yet: whoever gets {} can copy the answer", args.job, path.display());
		}
	}
	let report = Report::new(&case, here, &files, &paths);
	match args.json {
		true => {
			let mut value = report.json(&case);
			value["ballot"] = json!(record);
			println!("{value}");
		}
		false => {
			let lines = report.lines(&case).into_iter();
			lines.chain(record.iter().flat_map(ballot::lines)).for_each(|line| println!("{line}"));
		}
	}
	report.conclude(args.job, args.json)
}

/// What an operator said about a job on chain.
#[derive(Clone, PartialEq, Eq, Debug)]
struct OperatorFinding {
	/// The operator; nobody for the row that stays of a final job.
	account: Option<AccountId>,
	/// What it was there for.
	role: String,
	/// Result digest, or a fault's.
	result: Digest,
	/// Trace root; zero for a fault.
	trace_root: Digest,
	/// CID of the stored file.
	artifact: Cid,
}

impl OperatorFinding {
	fn of((account, role, found): (AccountId, Role, Found)) -> Self {
		let Found { result, trace_root, artifact } = found;
		Self { account: Some(account), role: role.name().into(), result, trace_root, artifact }
	}
}

/// The job, as the chain has it.
struct Case {
	job: JobId,
	state: &'static str,
	model: ModelId,
	engine: Digest,
	weights_root: Digest,
	input: JobInput,
	seed: Digest,
	/// Whether an answer could still be copied.
	secret: bool,
	findings: Vec<OperatorFinding>,
	/// What is missing among the findings, and where it is.
	missing: Option<String>,
}

impl Case {
	async fn of(node: &Node, args: &Args) -> Result<Self> {
		let number = args.job;
		if let Some(block) = args.at {
			let job = node.job_at(number, block).await?;
			let job =
				job.with_context(|| format!("job {number}: block {block} does not have it among those under way"))?;
			return Self::under_way(job, false);
		}
		if let Some(job) = node.job(number).await? {
			let secret = matches!(job.state, JobState::Open(_) | JobState::Committing(_));
			return Self::under_way(job, secret);
		}
		let Some(row) = node.provenance(number).await? else {
			let count = node.jobs_count().await?;
			if number >= count {
				bail!("job {number}: there is no such job, {count} were submitted so far");
			}
			bail!(
				"job {number} ended without a result, and the chain keeps nothing of such a job; --at with a block before its \
				 end shows what its operators said, as long as the node has that block's state"
			);
		};
		let said = node.findings_of(number, &row).await?;
		Ok(Self {
			job: number,
			state: "final",
			model: row.model,
			engine: row.engine,
			weights_root: row.weights_root,
			input: verify::input(number, node, &row, args.input.as_deref(), args.blocks).await?,
			seed: row.seed,
			secret: false,
			missing: said.is_none().then(|| {
				format!(
					"What each operator revealed is gone: the node has dropped the state of block {}. A node that keeps all \
					 states has it (--url).",
					row.finalised_at.saturating_sub(1)
				)
			}),
			findings: findings_of_final(&row, said.unwrap_or_default()),
		})
	}

	/// A job that has not ended, or had not at the time.
	fn under_way(job: JobView, secret: bool) -> Result<Self> {
		let seed = job.seed.with_context(|| {
			format!("job {} has no committee yet, and so no seed to run it with; wait for its draw", job.id)
		})?;
		Ok(Self {
			job: job.id,
			state: job.state.name(),
			model: job.model,
			engine: job.engine,
			weights_root: job.weights_root,
			seed,
			secret,
			findings: findings_of_job(&job),
			missing: None,
			input: job.input,
		})
	}
}

/// What everybody said about a job that has not ended: its committee, its auditor, its jurors.
fn findings_of_job(job: &JobView) -> Vec<OperatorFinding> {
	job.findings().into_iter().map(OperatorFinding::of).collect()
}

/// What stays of a final job, one row on which its committee agreed or a jury decided, and what each operator had said.
fn findings_of_final(row: &Provenance, said: Vec<(AccountId, Role, Found)>) -> Vec<OperatorFinding> {
	let Provenance { result, trace_root, artifact, k, .. } = *row;
	let role = format!("final, {k} seat{}", if k == 1 { "" } else { "s" });
	let mut findings = vec![OperatorFinding { account: None, role, result, trace_root, artifact }];
	findings.extend(said.into_iter().map(OperatorFinding::of));
	findings
}

fn same_job(file: &TraceFile, place: &str, job: JobId, genesis: &Digest) -> Result<()> {
	let subject = &file.subject;
	if subject.genesis.0 != *genesis {
		bail!("{place} is of another chain: its genesis is 0x{}, this one's {}", subject.genesis, hex32(genesis));
	}
	if subject.job != job {
		bail!("{place} is of job {}, not of job {job}", subject.job);
	}
	Ok(())
}

/// Runs the job on this machine.
struct Runner {
	files: Files,
	job: Job,
	number: JobId,
	model: ModelId,
}

impl Runner {
	/// Runs the job with the kernels as they are, which is on `isa`. The model is opened for it, so that what is prepared
	/// then is prepared on that code path too.
	fn run(&self, isa: Isa) -> Result<TraceFile> {
		Ok(self.run_and_read(isa)?.0)
	}

	/// The same, and what it says if it is a ballot.
	fn run_and_read(&self, isa: Isa) -> Result<(TraceFile, Option<BallotRecord>)> {
		let opened = self.files.open()?;
		let manifest = opened.model.manifest();
		let subject = Subject {
			job: self.number,
			genesis: Hash32(self.job.genesis),
			model: self.model,
			name: manifest.name.clone(),
			engine: manifest.engine,
			weights_root: manifest.weights_root,
			input_hash: Hash32(input_hash(&self.job.input)),
			seed: Hash32(self.job.seed),
		};
		let bar = ProgressBar::new(0).with_message(isa.name()).with_style(
			ProgressStyle::with_template("{msg:7} {bar:30} {pos}/{len} steps  {per_sec}  {eta} left")
				.context("the template of the progress bar")?,
		);
		let mut trace = Trace::default();
		let outcome = trace_model(opened.ready(), &self.job, &mut trace, &mut |Step { step, steps, .. }| {
			bar.set_length(steps.into());
			bar.set_position(step.into());
			true
		});
		bar.finish_and_clear();
		let asked = matches!(self.job.input, JobInput::Ballot(_));
		let record = outcome.as_ref().ok().filter(|_| asked).and_then(|done| BallotRecord::from_json(&done.bytes));
		let file = TraceFile::of_run(subject, Machine::this(isa), &trace, outcome.as_ref().map_err(Clone::clone))?;
		Ok((file, record))
	}

	/// Runs the job on every other code path that this processor has.
	fn other_paths(&self) -> Result<Vec<TraceFile>> {
		let used = autonomy_kernels::isa();
		let others = CODE_PATHS.into_iter().filter(|isa| *isa != used);
		others.filter_map(|isa| with_isa(isa, || self.run(isa))).collect()
	}
}

/// Somebody's answer beside this machine's.
#[derive(Debug)]
struct Row {
	who: String,
	role: String,
	result: Digest,
	trace_root: Digest,
	same: bool,
	/// The first step that differs, from 1, where the steps are known.
	first_step: Option<usize>,
	verdict: String,
}

/// This machine's answer, and all the others beside it.
struct Report {
	here: TraceFile,
	rows: Vec<Row>,
}

impl Report {
	fn new(case: &Case, here: TraceFile, files: &[(String, TraceFile)], paths: &[TraceFile]) -> Self {
		let mut rows: Vec<_> = case.findings.iter().map(|finding| of_finding(&here, finding)).collect();
		for (place, file) in files {
			let mut row = of_run(&here, file, format!("{place} ({})", file.machine), "trace file");
			row.verdict.push_str(&who_revealed(file, &case.findings));
			rows.push(row);
		}
		for path in paths {
			rows.push(of_run(&here, path, format!("{} code", path.machine.code_path), "this machine"));
		}
		Self { here, rows }
	}

	fn differences(&self) -> usize {
		self.rows.iter().filter(|row| !row.same).count()
	}

	/// A difference is a failure, with a line for people.
	fn conclude(&self, job: JobId, json: bool) -> Result<ExitCode> {
		match self.differences() {
			0 => Ok(ExitCode::SUCCESS),
			_ if json => Ok(ExitCode::FAILURE),
			n => bail!("job {job}: {n} of {} differ from this machine", self.rows.len()),
		}
	}

	fn lines(&self, case: &Case) -> Vec<String> {
		let (here, subject) = (&self.here, &self.here.subject);
		let steps = here.step_roots.len();
		let mut lines = vec![
			format!("job {} ({}), model {} \"{}\", {steps} steps", case.job, case.state, case.model, subject.name),
			format!("  engine 0x{}  weights 0x{}", subject.engine, subject.weights_root),
			format!("  input  0x{}  seed    0x{}", subject.input_hash, subject.seed),
			format!("  here   {}, {} threads", here.machine, here.machine.threads),
		];
		if let Some(fault) = &here.fault {
			lines.push(format!("  fault  {:?} after {steps} steps: {}", fault.code, fault.why));
		}
		lines.push(String::new());
		let mut table = vec![["who", "role", "result", "trace root", "beside this machine"].map(String::from)];
		table.push(["this machine".into(), "".into(), answer(&here.result.0), short(&here.trace_root.0), "".into()]);
		for row in &self.rows {
			let mark = if row.same { "" } else { "DIFFERS: " };
			let verdict = format!("{mark}{}", row.verdict);
			table.push([row.who.clone(), row.role.clone(), answer(&row.result), short(&row.trace_root), verdict]);
		}
		lines.extend(aligned(&table));
		lines.push(String::new());
		lines.push(match (self.rows.len(), self.differences()) {
			(0, _) => {
				"Nobody has revealed anything yet; --trace and --all-paths give something to compare with.".into()
			}
			(1, 0) => "It is the same as on this machine.".into(),
			(n, 0) => format!("All {n} are the same as on this machine."),
			(n, differ) => format!("{} of {n} are the same as on this machine, {differ} differ.", n - differ),
		});
		lines.extend(case.missing.clone());
		lines
	}

	fn json(&self, case: &Case) -> Value {
		let here = &self.here;
		let compared: Vec<_> = self
			.rows
			.iter()
			.map(|row| {
				json!({
					"who": row.who, "role": row.role, "same": row.same, "first_step": row.first_step, "why": row.verdict,
					"result": hex32(&row.result), "trace_root": hex32(&row.trace_root),
				})
			})
			.collect();
		// As the chain takes it, for a challenge.
		let bytes = hex32(&here.artifact.as_deref().and_then(parse_cid).unwrap_or(NO_ARTIFACT));
		json!({
			"job": case.job, "state": case.state, "model": case.model, "name": here.subject.name,
			"steps": here.step_roots.len(), "result": hex32(&here.result.0), "trace_root": hex32(&here.trace_root.0),
			"artifact": here.artifact, "artifact_bytes": bytes, "fault": here.fault, "machine": here.machine,
			"differences": self.differences(), "compared": compared, "missing": case.missing,
		})
	}
}

/// A result for people: a fault by its name.
fn answer(result: &Digest) -> String {
	FaultCode::of(result).map_or_else(|| short(result), |code| format!("fault {code:?}"))
}

/// Columns as wide as they have to be; the last one ends where its text does.
fn aligned<const N: usize>(table: &[[String; N]]) -> impl Iterator<Item = String> + '_ {
	let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
	let widths: [usize; N] = std::array::from_fn(width);
	table.iter().map(move |row| {
		let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
		cells.collect::<Vec<_>>().join("  ").trim_end().to_string()
	})
}

/// What an operator said beside this machine's run. Equal trace roots mean that every step is the same; more than that
/// only a trace file can tell.
fn of_finding(here: &TraceFile, finding: &OperatorFinding) -> Row {
	let OperatorFinding { account, role, result, trace_root, artifact } = finding;
	let file = if *artifact == NO_ARTIFACT { None } else { Some(cid_text(artifact)) };
	let same = (here.result.0 == *result, here.trace_root.0 == *trace_root, here.artifact == file);
	let fault = (here.fault.as_ref().map(|fault| fault.code), FaultCode::of(result));
	let verdict = match (same, fault) {
		((true, true, true), _) => "the same".into(),
		(_, (None, Some(_))) => "it found a fault, and this machine an output".into(),
		(_, (Some(code), None)) => format!("it found an output, and this machine the fault {code:?}"),
		(_, (Some(_), Some(_))) => "another fault".into(),
		((true, true, false), _) => "steps and result are the same, the stored file is not: how it is encoded".into(),
		((true, false, _), _) => "the result is the same, a step on the way is not; --trace tells which".into(),
		((false, true, _), _) => {
			"all steps are the same, only the output differs: what is made of the last step".into()
		}
		((false, false, _), _) => "a step differs; --trace with its trace file tells which".into(),
	};
	Row {
		who: account.as_ref().map_or_else(|| "the chain".into(), ToString::to_string),
		role: role.clone(),
		result: *result,
		trace_root: *trace_root,
		same: same == (true, true, true),
		first_step: None,
		verdict,
	}
}

/// Another run beside this machine's, step by step.
fn of_run(here: &TraceFile, there: &TraceFile, who: String, role: &str) -> Row {
	let comparison = here.compare(there);
	Row {
		who,
		role: role.into(),
		result: there.result.0,
		trace_root: there.trace_root.0,
		same: comparison.same(),
		first_step: comparison.first_step(),
		verdict: comparison.to_string(),
	}
}

/// Whose answer on chain a trace file is. A machine whose file is not what it revealed had a fault that passed.
fn who_revealed(file: &TraceFile, findings: &[OperatorFinding]) -> String {
	if findings.is_empty() {
		return String::new();
	}
	let is = |f: &&OperatorFinding| (f.result, f.trace_root) == (file.result.0, file.trace_root.0);
	let who: Vec<_> = findings
		.iter()
		.filter(is)
		.map(|f| f.account.as_ref().map_or_else(|| "the chain has".into(), |account| format!("{account} revealed")))
		.collect();
	match who.is_empty() {
		true => " (nobody revealed this)".into(),
		false => format!(" (this is what {})", who.join(", ")),
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use autonomy_engine::{InputSpec, Manifest};
	use autonomy_primitives::{digest::cid, fault::NO_TRACE};
	use autonomy_sandbox::LocalModel;

	const NUMBER: JobId = 12;
	const GENESIS: Digest = [9; 32];

	/// A short job for the model that talks.
	fn runner(input: &InputSpec) -> Runner {
		let weights_root = Manifest::load("models/keeper").unwrap().weights_root.0;
		let files = Files {
			model: LocalModel { folder: "models/keeper".into(), weights_root },
			evaluation: None,
			persona: None,
		};
		let job = files.job(input.to_job_input().unwrap(), [5; 32], GENESIS);
		Runner { files, job, number: NUMBER, model: 3 }
	}

	fn talk() -> Runner {
		runner(&InputSpec::text("Who are you?", 5, 0.7))
	}

	fn case(runner: &Runner, findings: Vec<OperatorFinding>) -> Case {
		Case {
			job: NUMBER,
			state: "jury_revealing",
			model: 3,
			engine: autonomy_kernels::engine_id(),
			weights_root: [0; 32],
			input: runner.job.input.clone(),
			seed: [5; 32],
			secret: false,
			findings,
			missing: None,
		}
	}

	/// What an operator that computed the same has revealed.
	fn finding(n: u8, file: &TraceFile) -> OperatorFinding {
		let artifact = file.artifact.as_deref().map_or(NO_ARTIFACT, |cid| parse_cid(cid).unwrap());
		OperatorFinding {
			account: Some(AccountId::from([n; 32])),
			role: "committee".into(),
			result: file.result.0,
			trace_root: file.trace_root.0,
			artifact,
		}
	}

	#[test]
	fn run_should_be_the_same_on_every_code_path_and_through_a_file() {
		let runner = talk();
		let here = runner.run(autonomy_kernels::isa()).unwrap();
		assert_eq!(here.step_roots.len(), 5);
		assert_eq!((here.subject.job, here.subject.genesis.0, here.subject.name.is_empty()), (NUMBER, GENESIS, false));
		let paths = runner.other_paths().unwrap();
		assert!(paths.iter().all(|path| path.machine.code_path != here.machine.code_path));
		if autonomy_kernels::isa() > Isa::Scalar {
			assert!(!paths.is_empty());
		}

		let dir = tempfile::tempdir().unwrap();
		let path = dir.path().join("here.json");
		here.write(&path).unwrap();
		let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
		let file = runtime.block_on(TraceFile::read(path.to_str().unwrap())).unwrap();
		assert_eq!(file, here);

		let case = case(&runner, vec![finding(1, &here), finding(2, &here)]);
		let report = Report::new(&case, here, &[("here.json".into(), file)], &paths);
		assert_eq!(report.differences(), 0, "{:#?}", report.rows);
		let lines = report.lines(&case);
		assert!(lines.last().unwrap().ends_with("are the same as on this machine."), "{lines:#?}");
		assert!(matches!(report.conclude(NUMBER, false), Ok(code) if code == ExitCode::SUCCESS));
		let row = lines.iter().find(|line| line.starts_with("here.json")).unwrap();
		assert!(row.contains("(this is what ") && row.contains(&AccountId::from([1; 32]).to_string()), "{row}");
	}

	#[test]
	fn first_step_should_be_named_when_a_trace_file_was_doctored() {
		let runner = talk();
		let here = runner.run(autonomy_kernels::isa()).unwrap();
		for at in 1..=5 {
			let mut file = here.clone();
			file.step_roots[at - 1].0[0] ^= 1;
			file.restate();
			file.result.0[0] ^= 1;
			let case = case(&runner, vec![finding(1, &here)]);
			let report = Report::new(&case, here.clone(), &[("bob.json".into(), file)], &[]);
			assert_eq!((report.differences(), report.rows[1].first_step), (1, Some(at)));
			let lines = report.lines(&case);
			let row = lines.iter().find(|line| line.starts_with("bob.json")).unwrap();
			assert!(row.contains("DIFFERS: step ") && row.contains(&format!("step {at}")), "{row}");
			assert!(row.contains("nobody revealed this"), "{row}");
			assert_eq!(report.json(&case)["compared"][1]["first_step"], at);
			let complaint = report.conclude(NUMBER, false).unwrap_err().to_string();
			assert_eq!(complaint, "job 12: 1 of 2 differ from this machine");
			assert!(matches!(report.conclude(NUMBER, true), Ok(code) if code == ExitCode::FAILURE));
		}
	}

	#[test]
	fn finding_should_tell_as_much_as_its_digests_do() {
		let runner = talk();
		let here = runner.run(autonomy_kernels::isa()).unwrap();
		let same = finding(1, &here);
		let fault = OperatorFinding {
			result: FaultCode::NonFinite.digest(),
			trace_root: NO_TRACE,
			artifact: NO_ARTIFACT,
			..same.clone()
		};
		let cases = [
			(same.clone(), true, "the same"),
			(OperatorFinding { result: [1; 32], ..same.clone() }, false, "only the output differs"),
			(OperatorFinding { trace_root: [1; 32], ..same.clone() }, false, "a step on the way is not"),
			(OperatorFinding { artifact: cid(b"x"), ..same.clone() }, false, "stored file"),
			(
				OperatorFinding { result: [1; 32], trace_root: [1; 32], ..same.clone() },
				false,
				"a step differs; --trace",
			),
			(fault, false, "it found a fault, and this machine an output"),
		];
		for (finding, expected, verdict) in cases {
			let row = of_finding(&here, &finding);
			assert!(row.same == expected && row.verdict.contains(verdict), "{row:?}");
		}
		let row = of_finding(&here, &OperatorFinding { account: None, role: "final, 3 seats".into(), ..same });
		assert_eq!((row.who.as_str(), row.same), ("the chain", true));
	}

	#[test]
	fn operators_of_a_final_job_should_be_compared_when_the_node_still_knows_them() {
		let runner = talk();
		let here = runner.run(autonomy_kernels::isa()).unwrap();
		let artifact = parse_cid(here.artifact.as_deref().unwrap()).unwrap();
		let ours = Found { result: here.result.0, trace_root: here.trace_root.0, artifact };
		let row = Provenance {
			model: 3,
			requester: AccountId::from([7; 32]),
			engine: [0; 32],
			weights_root: [0; 32],
			input_hash: [0; 32],
			seed: [5; 32],
			result: ours.result,
			trace_root: ours.trace_root,
			artifact,
			k: 2,
			finalised_at: 9,
		};
		let (a, b) = (AccountId::from([1; 32]), AccountId::from([2; 32]));
		let wrong = Found { result: [1; 32], ..ours };
		let said = vec![(a, Role::Committee, wrong), (b, Role::Juror, ours)];
		let case = Case { state: "final", ..case(&runner, findings_of_final(&row, said)) };
		let report = Report::new(&case, here.clone(), &[], &[]);
		let rows: Vec<_> = report.rows.iter().map(|row| (row.who.clone(), row.role.as_str(), row.same)).collect();
		let expected = [
			("the chain".to_string(), "final, 2 seats", true),
			(a.to_string(), "committee", false),
			(b.to_string(), "juror", true),
		];
		assert_eq!(rows, expected);

		let missing = "What each operator revealed is gone: the node has dropped the state of block 8.";
		let case = Case { findings: findings_of_final(&row, Vec::new()), missing: Some(missing.into()), ..case };
		let report = Report::new(&case, here, &[], &[]);
		assert_eq!((report.rows.len(), report.differences()), (1, 0));
		assert_eq!(report.lines(&case).last().map(String::as_str), Some(missing));
		assert_eq!(report.json(&case)["missing"], missing);
	}

	#[test]
	fn fault_should_be_an_answer_like_any_other() {
		let runner = runner(&InputSpec::image("a red circle", 64, 64, 4, 1.0));
		let here = runner.run(autonomy_kernels::isa()).unwrap();
		assert_eq!(here.fault.as_ref().unwrap().code, FaultCode::InputRejected);
		let case = case(&runner, vec![finding(1, &here)]);
		let report = Report::new(&case, here.clone(), &[], &[]);
		assert_eq!(report.differences(), 0);
		let text = report.lines(&case).join("\n");
		assert!(text.contains("fault InputRejected"), "{text}");
		let other = OperatorFinding { result: FaultCode::NonFinite.digest(), ..finding(1, &here) };
		assert_eq!(of_finding(&here, &other).verdict, "another fault");
		let found = OperatorFinding { result: [1; 32], trace_root: [1; 32], artifact: [1; 36], ..other };
		assert!(of_finding(&here, &found).verdict.contains("it found an output"));
	}

	#[test]
	fn ballot_should_be_run_with_its_persona_and_read() {
		let spec = InputSpec::Ballot {
			question: "Spend 5 AUTON on lamp oil?".into(),
			prose: "The nights are long.".into(),
			persona: cid_text(&cid(b"wry")),
		};
		let Runner { mut files, mut job, number, model } = runner(&spec);
		(files.persona, job.persona) = (Some(b"wry".to_vec()), Some(b"wry".to_vec()));
		let runner = Runner { files, job, number, model };
		let (here, record) = runner.run_and_read(autonomy_kernels::isa()).unwrap();
		assert_eq!((here.fault.as_ref(), record.map(|record| record.runs.len())), (None, Some(2)));
		let case = case(&runner, vec![finding(1, &here)]);
		assert_eq!(Report::new(&case, here, &[], &[]).differences(), 0);
		// A job of another kind is read as what it is.
		assert_eq!(talk().run_and_read(autonomy_kernels::isa()).unwrap().1, None);
	}

	#[test]
	fn trace_file_should_be_refused_when_it_is_of_another_job_or_chain() {
		let file = runner(&InputSpec::image("a red circle", 64, 64, 4, 1.0)).run(autonomy_kernels::isa()).unwrap();
		same_job(&file, "bob.json", NUMBER, &GENESIS).unwrap();
		let error = same_job(&file, "bob.json", 13, &GENESIS).unwrap_err().to_string();
		assert_eq!(error, "bob.json is of job 12, not of job 13");
		let error = same_job(&file, "bob.json", NUMBER, &[1; 32]).unwrap_err().to_string();
		assert!(error.contains("bob.json is of another chain"), "{error}");
	}

	#[test]
	fn columns_should_stand_below_each_other() {
		let table = [["a", "bb", "c"], ["ä–", "b", "longer"]].map(|row| row.map(String::from));
		assert_eq!(aligned(&table).collect::<Vec<_>>(), ["a   bb  c", "ä–  b   longer"]);
	}
}
