//! What a run is asked for and what it gives, in the worker's own process or in the engine process.

use std::{
	ffi::OsStr,
	fs::File,
	io::{self, Read},
	os::unix::ffi::OsStrExt,
	path::{Path, PathBuf},
};

use autonomy_engine::{
	evaluation::{too_large, MAX_SET_BYTES},
	Control, Evaluation, JobFault, JobOutput, Manifest, Message, Model, Progress, TracedStep,
};
use autonomy_primitives::{
	digest::{cid, Cid},
	fault::FaultCode,
	job::JobInput,
	trace::{root_of_steps, TraceOpening},
	Digest,
};
use codec::{Decode, Encode};

/// Endings of files of weights.
const WEIGHTS: [&str; 2] = [".safetensors", ".gguf"];
/// Characters of a model's name that are kept.
const MOST_NAME: usize = 64;

/// A model whose files are on this machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LocalModel {
	/// The folder with its `manifest.json`.
	pub folder: PathBuf,
	/// Root over its weights, as the chain has it. A folder with another one is refused.
	pub weights_root: Digest,
}

impl LocalModel {
	/// Its name, and the bytes of its files of weights. What cannot be read is nothing: opening the model says why.
	pub fn weights(&self) -> (String, u64) {
		let Ok(manifest) = Manifest::load(&self.folder) else { return Default::default() };
		let weights = manifest.files.iter().filter(|file| WEIGHTS.iter().any(|end| file.path.ends_with(end)));
		let bytes = weights.fold(0, |sum: u64, file| sum.saturating_add(file.size));
		(manifest.name.chars().take(MOST_NAME).collect(), bytes)
	}
}

/// What a model is run on.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Job {
	/// The input.
	pub input: JobInput,
	/// The seed.
	pub seed: Digest,
	/// The chain's genesis hash, or zero for a golden job.
	pub genesis: Digest,
	/// For an evaluation: where the rest of what it takes is.
	pub evaluation: Option<EvaluationFiles>,
	/// For a message to a character or a ballot of it: the bytes of its persona's file.
	pub persona: Option<Vec<u8>>,
}

/// Where the files of an evaluation are that do not belong to the version which is compared with.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct EvaluationFiles {
	/// Folder of the candidate, as the system writes it.
	candidate: Vec<u8>,
	/// File of the held-out set, as the system writes it.
	set: Vec<u8>,
}

impl EvaluationFiles {
	/// The candidate's folder and the held-out set's file.
	pub fn new(candidate: &Path, set: &Path) -> Self {
		Self { candidate: candidate.as_os_str().as_bytes().to_vec(), set: set.as_os_str().as_bytes().to_vec() }
	}

	/// Folder of the candidate.
	pub fn candidate(&self) -> &Path {
		Path::new(OsStr::from_bytes(&self.candidate))
	}

	/// File of the held-out set.
	pub fn set(&self) -> &Path {
		Path::new(OsStr::from_bytes(&self.set))
	}
}

impl Job {
	/// The candidate of an evaluation.
	pub fn candidate(&self) -> Option<LocalModel> {
		match (&self.input, &self.evaluation) {
			(JobInput::Evaluation(input), Some(files)) => {
				Some(LocalModel { folder: files.candidate().into(), weights_root: input.candidate.weights_root })
			}
			_ => None,
		}
	}

	/// Whether this is a model's golden job, which belongs to no chain.
	pub fn is_golden(&self) -> bool {
		self.genesis == [0; 32]
	}
}

/// A step of a run, for whoever follows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step<'a> {
	/// Which one, from 1. When a run had to begin again, so do its steps.
	pub step: u32,
	/// Steps in all, at most: a reply may end earlier.
	pub steps: u32,
	/// What a reply has gained since the step before, where it is told; nothing for anything else. What its last token says is
	/// in its file alone. The words are a model's and a stranger's, control characters among them: whoever prints them must
	/// escape them.
	pub said: &'a str,
}

/// What a run gave.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Computed {
	/// Result digest.
	pub result: Digest,
	/// Trace root.
	pub trace_root: Digest,
	/// CID of the file.
	pub artifact: Cid,
	/// The file: a picture, UTF-8 text or JSON.
	pub bytes: Vec<u8>,
}

/// The steps of a run, 32 bytes each: enough to find the first one in which two machines differ.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct Trace {
	/// Chunks of 1 KiB of the state after each step.
	pub chunks: u32,
	/// Root over the chunks of each step, in order.
	pub step_roots: Vec<Digest>,
}

impl Trace {
	/// The trace root over these steps.
	pub fn root(&self) -> Digest {
		root_of_steps(&self.step_roots, self.chunks)
	}

	fn push(&mut self, step: &TracedStep) {
		self.chunks = step.chunks;
		self.step_roots.push(step.root);
	}

	/// Compares the steps with the trace root: they went through memory that may fail, and perhaps through a pipe.
	pub(crate) fn check(&self, computed: &Computed) -> Result<(), ComputeError> {
		match self.root() == computed.trace_root {
			true => Ok(()),
			false => {
				Err(ComputeError::Machine("the engine's steps and its trace root differ: memory is failing".into()))
			}
		}
	}
}

/// A fault of the input: what every honest machine is expected to find, so that it is an answer too.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, thiserror::Error)]
#[error("{why}")]
pub struct InputFault {
	/// What goes on chain.
	pub code: FaultCode,
	/// What happened, for people.
	pub why: String,
}

/// Why a run gave nothing.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, thiserror::Error)]
pub enum ComputeError {
	/// The worker is stopping.
	#[error("cancelled")]
	#[codec(index = 0)]
	Cancelled,
	/// The model cannot be served here.
	#[error("{0}")]
	#[codec(index = 1)]
	Model(String),
	/// The input's fault: running it again is no use.
	#[error(transparent)]
	#[codec(index = 2)]
	Fault(InputFault),
	/// This machine failed; another try may work.
	#[error("{0}")]
	#[codec(index = 3)]
	Machine(String),
	/// The model's files, intact as they are, make no model: every machine finds the same.
	#[error("{0}")]
	#[codec(index = 4)]
	Unusable(String),
	/// Something that the job's input names is nowhere to be had; it may still appear.
	#[error("{0}")]
	#[codec(index = 5)]
	Missing(String),
}

impl ComputeError {
	/// The same, of a model that the job's input names: one that no machine can use is the input's fault.
	pub fn of_input(self) -> Self {
		match self {
			Self::Unusable(why) => Self::Fault(InputFault { code: FaultCode::InputRejected, why }),
			other => other,
		}
	}
}

impl From<JobFault> for ComputeError {
	fn from(fault: JobFault) -> Self {
		let why = fault.to_string();
		match fault {
			JobFault::NonFinite(_) => Self::Fault(InputFault { code: FaultCode::NonFinite, why }),
			JobFault::InputInvalid(_) => Self::Fault(InputFault { code: FaultCode::InputRejected, why }),
			JobFault::Cancelled => Self::Cancelled,
			JobFault::Io(_) => Self::Machine(why),
		}
	}
}

/// What a job is run with, in this process.
#[derive(Clone, Copy)]
pub enum Ready<'a> {
	/// A model.
	Model(&'a Model),
	/// The versions and the set of an evaluation.
	Evaluation {
		/// The version that is compared with.
		base: &'a Model,
		/// The other version.
		candidate: &'a Model,
		/// The bytes of the held-out set's file.
		set: &'a [u8],
	},
	/// A language model and the bytes of a persona's file.
	Character {
		/// The model.
		model: &'a Model,
		/// Who is talked to, or asked.
		persona: &'a [u8],
	},
}

impl<'a> From<&'a Model> for Ready<'a> {
	fn from(model: &'a Model) -> Self {
		Self::Model(model)
	}
}

/// A job that its caller did not make ready for. No fault of the input.
fn misfit() -> JobFault {
	JobFault::Io(
		"an evaluation takes two versions and a set, a message to a character or its ballot a model and a persona, any other job \
		 one model"
			.into(),
	)
}

impl Ready<'_> {
	fn run_traced(&self, job: &Job, sink: &mut dyn FnMut(TracedStep) -> Control) -> Result<JobOutput, JobFault> {
		let Job { input, seed, genesis, .. } = job;
		match (*self, input) {
			(Self::Evaluation { base, candidate, set }, JobInput::Evaluation(input)) => {
				Evaluation { base, candidate, set, input }.run_traced(*seed, *genesis, sink)
			}
			(Self::Character { model, persona }, JobInput::Talk(_) | JobInput::Ballot(_)) => {
				Message { model, persona, input }.run_traced(*seed, *genesis, sink)
			}
			(Self::Evaluation { .. } | Self::Character { .. }, _) => Err(misfit()),
			(Self::Model(_), JobInput::Evaluation(_) | JobInput::Talk(_) | JobInput::Ballot(_)) => Err(misfit()),
			(Self::Model(model), input) => model.run_traced(input, *seed, *genesis, sink),
		}
	}

	fn run_opening(
		&self,
		job: &Job,
		operator: &[u8; 32],
		draw: &Digest,
		sink: &mut dyn FnMut(TracedStep) -> Control,
	) -> Result<(JobOutput, TraceOpening), JobFault> {
		let Job { input, seed, genesis, .. } = job;
		match (*self, input) {
			(Self::Evaluation { base, candidate, set }, JobInput::Evaluation(input)) => {
				Evaluation { base, candidate, set, input }.run_opening(*seed, *genesis, operator, draw, sink)
			}
			(Self::Character { model, persona }, JobInput::Talk(_) | JobInput::Ballot(_)) => {
				Message { model, persona, input }.run_opening(*seed, *genesis, operator, draw, sink)
			}
			(Self::Evaluation { .. } | Self::Character { .. }, _) => Err(misfit()),
			(Self::Model(_), JobInput::Evaluation(_) | JobInput::Talk(_) | JobInput::Ballot(_)) => Err(misfit()),
			(Self::Model(model), input) => model.run_opening(input, *seed, *genesis, operator, draw, sink),
		}
	}
}

/// The bytes of a held-out set's file. One that is too large is the input's fault, and not read.
pub fn read_set(path: &Path) -> Result<Vec<u8>, ComputeError> {
	let failed = |error: io::Error| ComputeError::Machine(format!("held-out set {}: {error}", path.display()));
	let file = File::open(path).map_err(failed)?;
	let size = file.metadata().map_err(failed)?.len();
	if size > MAX_SET_BYTES {
		return Err(too_large(size).into());
	}
	let mut bytes = Vec::new();
	file.take(MAX_SET_BYTES).read_to_end(&mut bytes).map_err(failed)?;
	Ok(bytes)
}

/// Runs a model in this process. `progress` gets each step when it is done, and says whether to go on.
pub fn run_model(
	model: &Model,
	input: &JobInput,
	seed: Digest,
	genesis: Digest,
	progress: &mut dyn FnMut(Step) -> bool,
) -> Result<Computed, ComputeError> {
	Computed::from(model.run_traced(input, seed, genesis, &mut |step| control(step.progress, step.said, progress))?)
		.checked()
}

/// Runs a job in this process with what it takes, as [`run_model`] runs a model.
pub fn run_job(ready: Ready, job: &Job, progress: &mut dyn FnMut(Step) -> bool) -> Result<Computed, ComputeError> {
	Computed::from(ready.run_traced(job, &mut |step| control(step.progress, step.said, progress))?).checked()
}

/// Runs a job in this process as [`run_job`] does, at the same cost, and adds its steps to `trace`, which should be empty.
/// When the run fails, the steps before stay there.
pub fn trace_model<'a>(
	ready: impl Into<Ready<'a>>,
	job: &Job,
	trace: &mut Trace,
	progress: &mut dyn FnMut(Step) -> bool,
) -> Result<Computed, ComputeError> {
	let output = ready.into().run_traced(job, &mut |step| {
		trace.push(&step);
		control(step.progress, step.said, progress)
	})?;
	let computed = Computed::from(output).checked()?;
	trace.check(&computed)?;
	Ok(computed)
}

/// Runs a job in this process and opens the chunk of its trace that `operator` has to open for `draw`: what an auditor
/// and a juror post together with the result. Gives the steps too. Takes 64 bytes a step and one state more memory than
/// [`run_job`], and at most a pass over the tokens of a reply more time.
///
/// Fails as [`run_job`] does. An opening that is given holds under the trace root that is given with it.
pub fn open_trace<'a>(
	ready: impl Into<Ready<'a>>,
	job: &Job,
	operator: &[u8; 32],
	draw: &Digest,
	progress: &mut dyn FnMut(Step) -> bool,
) -> Result<(Computed, TraceOpening, Trace), ComputeError> {
	let mut trace = Trace::default();
	let (output, opening) = ready.into().run_opening(job, operator, draw, &mut |step| {
		trace.push(&step);
		control(step.progress, step.said, progress)
	})?;
	let (computed, opening) = Computed::from(output).checked()?.opened(opening, operator, draw)?;
	trace.check(&computed)?;
	Ok((computed, opening, trace))
}

fn control(now: Progress, said: &str, progress: &mut dyn FnMut(Step) -> bool) -> Control {
	match progress(Step { step: now.step, steps: now.steps, said }) {
		true => Control::Continue,
		false => Control::Cancel,
	}
}

impl From<JobOutput> for Computed {
	fn from(output: JobOutput) -> Self {
		let JobOutput { result, trace_root, artifact_cid, artifact, .. } = output;
		Self { result, trace_root, artifact: artifact_cid, bytes: artifact }
	}
}

impl Computed {
	/// Compares the file with its CID: it went through memory that may fail, and perhaps through a pipe.
	pub(crate) fn checked(self) -> Result<Self, ComputeError> {
		if cid(&self.bytes) != self.artifact {
			return Err(ComputeError::Machine("the engine's file and its CID differ: memory is failing".into()));
		}
		Ok(self)
	}

	/// The same with an opening of its trace, which is checked: one that does not hold is worth less than none.
	pub(crate) fn opened(
		self,
		opening: TraceOpening,
		operator: &[u8; 32],
		draw: &Digest,
	) -> Result<(Self, TraceOpening), ComputeError> {
		if !opening.verify(&self.trace_root, operator, draw) {
			return Err(ComputeError::Machine("the engine's opening does not hold: memory is failing".into()));
		}
		Ok((self, opening))
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	/// A run of two steps of three chunks, with an opening for operator 1 and draw 2.
	fn run() -> (Computed, Trace, TraceOpening) {
		let states = [vec![5; 3000], vec![6; 3000]];
		let mut builder = autonomy_primitives::trace::TraceBuilder::default();
		let mut trace = Trace { chunks: 3, ..Trace::default() };
		for state in &states {
			builder.push(state);
			trace.step_roots.extend(builder.last_step());
		}
		let bytes = b"a picture".to_vec();
		let computed = Computed { result: [1; 32], trace_root: builder.root(), artifact: cid(&bytes), bytes };
		(computed, trace, TraceOpening::new(&states, &[1; 32], &[2; 32]).unwrap())
	}

	fn memory(outcome: Result<impl std::fmt::Debug, ComputeError>) -> bool {
		matches!(outcome, Err(ComputeError::Machine(why)) if why.contains("memory is failing"))
	}

	#[test]
	fn weights_should_be_those_of_the_manifest() {
		let model = LocalModel { folder: "../models/keeper".into(), weights_root: [0; 32] };
		let size = std::fs::metadata("../models/keeper/model.safetensors").unwrap().len();
		let (name, bytes) = model.weights();
		assert_eq!((name.is_empty(), bytes), (false, size));
		let nowhere = LocalModel { folder: "/nowhere".into(), ..model };
		assert_eq!(nowhere.weights(), (String::new(), 0));
	}

	#[test]
	fn files_of_an_evaluation_should_be_those_of_the_input() {
		use autonomy_primitives::{
			evaluation::EvaluatedWeights,
			job::{EvaluationInput, Modality},
		};
		let version = |n| EvaluatedWeights { manifest: cid(&[n]), weights_root: [n; 32], engine: [9; 32] };
		let input = EvaluationInput {
			base: version(1),
			candidate: version(2),
			set: cid(b"set"),
			model: Modality::Text,
			samples: 1,
			size: 9,
		};
		let files = EvaluationFiles::new(Path::new("/models/two"), Path::new("/sets/\u{e9}.json"));
		assert_eq!(files.set(), Path::new("/sets/\u{e9}.json"));
		let input = JobInput::Evaluation(input);
		let job = Job { input, seed: [1; 32], genesis: [2; 32], evaluation: Some(files), persona: None };
		let candidate = LocalModel { folder: "/models/two".into(), weights_root: [2; 32] };
		assert_eq!(job.candidate(), Some(candidate));
		assert_eq!(Job { evaluation: None, ..job }.candidate(), None);
	}

	#[test]
	fn set_should_be_the_inputs_fault_when_it_is_too_large_and_not_when_it_cannot_be_read() {
		let dir = tempfile::tempdir().unwrap();
		let path = dir.path().join("set.json");
		assert!(matches!(read_set(&path), Err(ComputeError::Machine(why)) if why.contains("set.json")));
		let file = File::create(&path).unwrap();
		file.set_len(MAX_SET_BYTES + 1).unwrap();
		let outcome = read_set(&path);
		assert!(
			matches!(&outcome, Err(ComputeError::Fault(fault)) if fault.code == FaultCode::InputRejected),
			"{outcome:?}"
		);
		std::fs::write(&path, b"{}").unwrap();
		assert_eq!(read_set(&path), Ok(b"{}".to_vec()));
	}

	#[test]
	fn model_that_nobody_can_use_should_be_the_inputs_fault_when_the_input_names_it() {
		let fault = InputFault { code: FaultCode::InputRejected, why: "no unet".into() };
		assert_eq!(ComputeError::Unusable("no unet".into()).of_input(), ComputeError::Fault(fault));
		for error in
			[ComputeError::Model("corrupt".into()), ComputeError::Missing("gone".into()), ComputeError::Cancelled]
		{
			assert_eq!(error.clone().of_input(), error);
		}
	}

	#[test]
	fn machine_should_be_blamed_when_a_part_of_an_answer_does_not_belong_to_it() {
		let (computed, trace, opening) = run();
		assert_eq!(computed.clone().checked(), Ok(computed.clone()));
		assert_eq!(trace.check(&computed), Ok(()));
		let opened = computed.clone().opened(opening.clone(), &[1; 32], &[2; 32]);
		assert_eq!(opened, Ok((computed.clone(), opening.clone())));

		let file = Computed { bytes: b"a Picture".to_vec(), ..computed.clone() };
		assert!(memory(file.checked()));
		let other = Computed { trace_root: [9; 32], ..computed.clone() };
		assert!(memory(trace.check(&other)) && memory(other.opened(opening.clone(), &[1; 32], &[2; 32])));
		let mut flipped = opening;
		flipped.chunk[7] ^= 1;
		assert!(memory(computed.opened(flipped, &[1; 32], &[2; 32])));
	}
}
