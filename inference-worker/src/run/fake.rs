//! A machine for tests: it answers at once, or as it is told to.

use std::{
	collections::VecDeque,
	sync::{
		atomic::{AtomicU32, Ordering},
		Condvar, Mutex,
	},
};

use autonomy_primitives::{
	digest::cid,
	fault::FaultCode,
	trace::{TraceBuilder, TraceOpening},
	Digest,
};
use autonomy_sandbox::{InputFault, Trace};

use super::engine::{Compute, ComputeError, Computed, Residency, Step, Task};
use crate::chain::Found;

/// What a run of a job gives, unless the machine is told otherwise.
pub const RESULT: Digest = [42; 32];
/// The file that every run makes.
pub const FILE: &[u8] = b"a picture";

/// A model that answers at once, or as it is told to.
#[derive(Default)]
pub struct Machine {
	/// Runs so far, those of golden jobs among them.
	pub runs: AtomicU32,
	/// Runs that fail before one succeeds.
	pub failures: AtomicU32,
	/// What every run of a job ends in, but not that of a golden job.
	pub fault: Mutex<Option<FaultCode>>,
	/// What the next runs of jobs give, one after the other; then [`RESULT`].
	pub results: Mutex<VecDeque<Digest>>,
	/// What golden jobs give instead of what is registered.
	pub golden: Mutex<Option<Digest>>,
	/// The weights that were run, one root for each run.
	pub weights: Mutex<Vec<Digest>>,
	/// Runs that do not find what the input names.
	pub missing: AtomicU32,
	/// The file that runs of jobs make instead of [`FILE`].
	pub file: Mutex<Option<Vec<u8>>>,
	/// Why models cannot be opened.
	pub unopened: Mutex<Option<&'static str>>,
	/// How often models were opened.
	pub loads: AtomicU32,
	/// How often models were forgotten.
	pub renewed: AtomicU32,
	/// Rung by every step.
	pub started: tokio::sync::Notify,
	/// While true, a run stands still after its first step.
	held: Mutex<bool>,
	moved: Condvar,
}

impl Machine {
	/// Has runs stand still, or go on.
	pub fn hold(&self, held: bool) {
		*self.held.lock().unwrap() = held;
		self.moved.notify_all();
	}

	/// Runs so far.
	pub fn runs(&self) -> u32 {
		self.runs.load(Ordering::SeqCst)
	}
}

/// The machine's states: three steps of two chunks.
pub fn states() -> Vec<Vec<u8>> {
	(1..=3).map(|step| vec![step; 1500]).collect()
}

/// Their roots.
pub fn trace() -> Trace {
	let (mut builder, mut trace) = (TraceBuilder::default(), Trace::default());
	for state in states() {
		builder.push(&state);
		trace.chunks = builder.chunks();
		trace.step_roots.extend(builder.last_step());
	}
	trace
}

/// What a run of a job gives, as it is on chain.
pub fn found() -> Found {
	Found { result: RESULT, trace_root: trace().root(), artifact: cid(FILE) }
}

impl Compute for Machine {
	fn run(&self, task: &Task, progress: &mut dyn FnMut(Step) -> bool) -> Result<Computed, ComputeError> {
		self.runs.fetch_add(1, Ordering::SeqCst);
		self.weights.lock().unwrap().push(task.weights_root);
		let golden = task.genesis == [0; 32];
		if let Some(code) = self.fault.lock().unwrap().filter(|_| !golden) {
			return Err(ComputeError::Fault(InputFault { code, why: "it is the input".into() }));
		}
		if self.failures.load(Ordering::SeqCst) > 0 {
			self.failures.fetch_sub(1, Ordering::SeqCst);
			return Err(ComputeError::Machine("out of memory".into()));
		}
		if !golden && self.missing.load(Ordering::SeqCst) > 0 {
			self.missing.fetch_sub(1, Ordering::SeqCst);
			return Err(ComputeError::Missing("the held-out set is nowhere".into()));
		}
		for step in 1..=4 {
			self.started.notify_one();
			let _free = self.moved.wait_while(self.held.lock().unwrap(), |held| *held).unwrap();
			if !progress(Step { step, steps: 4, said: "" }) {
				return Err(ComputeError::Cancelled);
			}
		}
		let result = match golden {
			true => self.golden.lock().unwrap().unwrap_or(task.model.golden_result),
			false => self.results.lock().unwrap().pop_front().unwrap_or(RESULT),
		};
		let bytes = self.file.lock().unwrap().clone().unwrap_or_else(|| FILE.to_vec());
		Ok(Computed { result, trace_root: trace().root(), artifact: cid(&bytes), bytes })
	}

	fn trace(&self, task: &Task, progress: &mut dyn FnMut(Step) -> bool) -> Result<(Computed, Trace), ComputeError> {
		Ok((self.run(task, progress)?, trace()))
	}

	fn load(&self, _: &Task) -> Result<(), ComputeError> {
		self.loads.fetch_add(1, Ordering::SeqCst);
		self.unopened.lock().unwrap().map_or(Ok(()), |why| Err(ComputeError::Model(why.into())))
	}

	fn open_trace(
		&self,
		task: &Task,
		operator: &[u8; 32],
		draw: &Digest,
		progress: &mut dyn FnMut(Step) -> bool,
	) -> Result<(Computed, TraceOpening, Trace), ComputeError> {
		let computed = self.run(task, progress)?;
		Ok((computed, TraceOpening::new(&states(), operator, draw).unwrap(), trace()))
	}

	fn residency(&self) -> Residency {
		Residency::default()
	}

	fn renew(&self) {
		self.renewed.fetch_add(1, Ordering::SeqCst);
	}
}
