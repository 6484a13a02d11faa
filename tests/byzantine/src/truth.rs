//! The right results: the engine in a thread of its own, for the honest challenger and for the checks at the end.

use std::{
	collections::{BTreeMap, BTreeSet},
	path::Path,
	sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
	thread,
};

use anyhow::{Context, Result};
use autonomy_engine::{Control, Engine, Model};
use autonomy_primitives::{job::JobInput, Digest, JobId};

use crate::{
	chain::Outcome,
	workload::{Demo, Order},
};

/// A job to run.
struct Task {
	model: Demo,
	input: JobInput,
	seed: Digest,
}

#[derive(Default)]
struct State {
	/// Jobs to run; those that nobody waits for come last.
	waiting: BTreeSet<(bool, JobId)>,
	tasks: BTreeMap<JobId, Task>,
	found: BTreeMap<JobId, Result<Outcome, String>>,
	stopped: bool,
}

#[derive(Default)]
struct Shared {
	state: Mutex<State>,
	changed: Condvar,
}

impl Shared {
	fn lock(&self) -> MutexGuard<'_, State> {
		self.state.lock().unwrap_or_else(PoisonError::into_inner)
	}
}

/// The right results of jobs, as far as they have been asked for. Its thread ends when it is dropped.
pub struct Truth {
	shared: Arc<Shared>,
}

impl Truth {
	/// Opens the demo models below a folder and starts the thread.
	pub fn start(models: &Path, genesis: Digest) -> Result<Self> {
		let open = |demo: Demo| {
			let folder = models.join(demo.folder());
			Engine::open(&folder).with_context(|| format!("the model in {}", folder.display()))
		};
		let models = [open(Demo::Shapes)?, open(Demo::Keeper)?];
		let shared = Arc::new(Shared::default());
		let theirs = shared.clone();
		thread::Builder::new().name("truth".into()).spawn(move || work(&theirs, &models, genesis))?;
		Ok(Self { shared })
	}

	/// Has a job run. `urgent` when somebody may have to act on it. Asking again only makes it urgent.
	pub fn ask(&self, job: JobId, order: &Order, seed: Digest, urgent: bool) {
		let mut state = self.shared.lock();
		if state.found.contains_key(&job) {
			return;
		}
		let asked = state.tasks.contains_key(&job);
		state.tasks.entry(job).or_insert_with(|| Task { model: order.model, input: order.input.clone(), seed });
		if !asked || state.waiting.remove(&(true, job)) {
			state.waiting.insert((!urgent, job));
			self.shared.changed.notify_all();
		}
	}

	/// What a job's result is, or why it has none; `None` as long as it has not been run.
	pub fn get(&self, job: JobId) -> Option<Result<Outcome, String>> {
		self.shared.lock().found.get(&job).cloned()
	}

	/// Jobs that are still to be run.
	pub fn left(&self) -> usize {
		let state = self.shared.lock();
		state.tasks.len() - state.found.len()
	}
}

impl Drop for Truth {
	fn drop(&mut self) {
		self.shared.lock().stopped = true;
		self.shared.changed.notify_all();
	}
}

fn work(shared: &Shared, models: &[Model; 2], genesis: Digest) {
	loop {
		let (job, model, input, seed) = {
			let mut state = shared.lock();
			loop {
				if state.stopped {
					return;
				}
				if let Some((_, job)) = state.waiting.pop_first() {
					let Some(task) = state.tasks.get(&job) else { continue };
					break (job, task.model, task.input.clone(), task.seed);
				}
				state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
			}
		};
		let output = models[model.index()].run(&input, seed, genesis, &mut |_| Control::Continue);
		let found = output.map(|output| Outcome {
			result: output.result,
			trace_root: output.trace_root,
			artifact: output.artifact_cid,
		});
		shared.lock().found.insert(job, found.map_err(|fault| fault.to_string()));
	}
}
