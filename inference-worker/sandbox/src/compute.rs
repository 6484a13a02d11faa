//! What a run is asked for and what it gives, in the worker's own process or in the engine process.

use std::path::PathBuf;

use autonomy_engine::{Control, JobFault, JobOutput, Model, Progress, TracedStep};
use autonomy_primitives::{
	digest::{cid, Cid},
	fault::FaultCode,
	job::JobInput,
	trace::{root_of_steps, TraceOpening},
	Digest,
};
use codec::{Decode, Encode};

/// A model whose files are on this machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LocalModel {
	/// The folder with its `manifest.json`.
	pub folder: PathBuf,
	/// Root over its weights, as the chain has it. A folder with another one is refused.
	pub weights_root: Digest,
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
}

impl Job {
	/// Whether this is a model's golden job, which belongs to no chain.
	pub fn is_golden(&self) -> bool {
		self.genesis == [0; 32]
	}
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
	/// The file: PNG, GIF or UTF-8 text.
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

/// Runs a model in this process. `progress` gets the step done and the number of steps, and says whether to go on.
pub fn run_model(
	model: &Model,
	input: &JobInput,
	seed: Digest,
	genesis: Digest,
	progress: &mut dyn FnMut(u32, u32) -> bool,
) -> Result<Computed, ComputeError> {
	Computed::from(model.run(input, seed, genesis, &mut |p| control(p, progress))?).checked()
}

/// Runs a model in this process as [`run_model`] does, at the same cost, and adds its steps to `trace`, which should be
/// empty. When the run fails, the steps before stay there.
pub fn trace_model(
	model: &Model,
	job: &Job,
	trace: &mut Trace,
	progress: &mut dyn FnMut(u32, u32) -> bool,
) -> Result<Computed, ComputeError> {
	let output = model.run_traced(&job.input, job.seed, job.genesis, &mut |step| {
		trace.push(&step);
		control(step.progress, progress)
	})?;
	let computed = Computed::from(output).checked()?;
	trace.check(&computed)?;
	Ok(computed)
}

/// Runs a model in this process and opens the chunk of its trace that `operator` has to open for `draw`: what an auditor
/// and a juror post together with the result. Gives the steps too. Takes 64 bytes a step and one state more memory than
/// [`run_model`], and at most a pass over the tokens of a reply more time.
///
/// Fails as [`run_model`] does. An opening that is given holds under the trace root that is given with it.
pub fn open_trace(
	model: &Model,
	job: &Job,
	operator: &[u8; 32],
	draw: &Digest,
	progress: &mut dyn FnMut(u32, u32) -> bool,
) -> Result<(Computed, TraceOpening, Trace), ComputeError> {
	let Job { input, seed, genesis } = job;
	let mut trace = Trace::default();
	let (output, opening) = model.run_opening(input, *seed, *genesis, operator, draw, &mut |step| {
		trace.push(&step);
		control(step.progress, progress)
	})?;
	let (computed, opening) = Computed::from(output).checked()?.opened(opening, operator, draw)?;
	trace.check(&computed)?;
	Ok((computed, opening, trace))
}

fn control(now: Progress, progress: &mut dyn FnMut(u32, u32) -> bool) -> Control {
	match progress(now.step, now.steps) {
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
