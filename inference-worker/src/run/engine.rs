//! What the operator's loop asks of the engine, and the engine behind it.

use std::{
	collections::HashMap,
	sync::{Arc, Mutex, PoisonError},
	time::Duration,
};

use anyhow::Context;
use autonomy_engine::{Engine, Manifest, Model};
use autonomy_primitives::{job::JobInput, trace::TraceOpening, Digest, ModelId};
use autonomy_sandbox::{
	machine_memory, open_trace, trace_model, Job, LocalModel, Program, Sandbox, Settings, QUARANTINE_FILE,
};

use super::models::{self, Library, ModelError};
use crate::{
	artifacts::ArtifactStore,
	chain::{BlockNumber, ModelView},
	config::Config,
};

pub use autonomy_sandbox::{run_model, ComputeError, Computed, Trace};

/// Time between two blocks of a live chain. A development chain is faster, and its models get more time than they need.
pub const BLOCK_TIME: Duration = Duration::from_secs(6);
/// How long an engine process may take to start. It is this program, so anything above a second means a stuck machine.
const START_LIMIT: Duration = Duration::from_secs(30);

/// One run of a model.
#[derive(Clone, Debug)]
pub struct Task {
	/// The model, as the chain has it.
	pub model: ModelView,
	/// The input.
	pub input: JobInput,
	/// The seed.
	pub seed: Digest,
	/// The chain's genesis hash, or zero for a golden job.
	pub genesis: Digest,
}

impl Task {
	fn job(&self) -> Job {
		Job { input: self.input.clone(), seed: self.seed, genesis: self.genesis }
	}
}

/// Something that runs models. Calls block for as long as the model runs.
pub trait Compute: Send + Sync + 'static {
	/// Runs a task. `progress` gets the step done and the number of steps, and says whether to go on. When the engine had
	/// to begin again, so do the steps.
	fn run(&self, task: &Task, progress: &mut dyn FnMut(u32, u32) -> bool) -> Result<Computed, ComputeError>;
	/// Runs a task at the same cost, and gives the roots of its steps.
	fn trace(&self, task: &Task, progress: &mut dyn FnMut(u32, u32) -> bool)
		-> Result<(Computed, Trace), ComputeError>;
	/// Makes a model ready to run, or says why it cannot be served.
	fn load(&self, model: &ModelView) -> Result<(), ComputeError>;
	/// Runs a task and opens the chunk of its trace that `operator` has to open for `draw`: what an auditor and a juror post
	/// together with the result. Gives the roots of its steps too.
	fn open_trace(
		&self,
		task: &Task,
		operator: &[u8; 32],
		draw: &Digest,
		progress: &mut dyn FnMut(u32, u32) -> bool,
	) -> Result<(Computed, TraceOpening, Trace), ComputeError>;
	/// Forgets every model that is ready, so that the next run begins with its files and with nothing else.
	fn renew(&self);
}

/// The engine, with every model that was used kept in memory.
pub struct Engines {
	library: Library,
	place: Place,
}

/// Where models run.
enum Place {
	/// In a process of their own, with limits.
	Isolated { sandbox: Box<Sandbox>, time_limit: Duration },
	/// In this process. An input that ends it ends the worker, and nothing limits a run.
	Here(Mutex<HashMap<ModelId, Arc<Model>>>),
}

impl Engines {
	/// Serves the models of the configuration's folders; what is missing there is fetched from `store`.
	///
	/// Must be made inside a Tokio runtime, and [`Compute`]'s functions must not be called on one of its async threads.
	pub fn new(config: &Config, store: Arc<dyn ArtifactStore>) -> anyhow::Result<Self> {
		let library = Library::scan(&config.models.dirs, config.model_cache(), store)?;
		let place = match config.compute.isolate {
			true => {
				let time_limit = Duration::from_secs(config.compute.time_limit_seconds);
				let settings = Settings {
					program: Program::this(),
					memory_limit: memory_limit(config)?,
					start_limit: START_LIMIT,
					load_limit: time_limit,
					quarantine: config.data_dir.join(QUARANTINE_FILE),
				};
				Place::Isolated { sandbox: Box::new(Sandbox::new(settings)?), time_limit }
			}
			false => Place::Here(Mutex::default()),
		};
		Ok(Self { library, place })
	}

	/// A model whose folder is the one that the chain registered, for the engine process to open.
	fn local(&self, view: &ModelView) -> Result<LocalModel, ComputeError> {
		let found = || -> Result<_, ModelError> {
			let folder = self.library.folder(&view.manifest)?;
			models::check(&folder, &Manifest::load(&folder)?, view)?;
			Ok(LocalModel { folder, weights_root: view.weights_root })
		};
		found().map_err(refused)
	}

	/// A model in this process.
	fn model(
		&self,
		loaded: &Mutex<HashMap<ModelId, Arc<Model>>>,
		view: &ModelView,
	) -> Result<Arc<Model>, ComputeError> {
		if let Some(model) = loaded.lock().unwrap_or_else(PoisonError::into_inner).get(&view.id) {
			return Ok(model.clone());
		}
		let opened = || -> Result<_, ModelError> {
			let folder = self.library.folder(&view.manifest)?;
			let model = Engine::open(&folder)?;
			models::check(&folder, model.manifest(), view)?;
			Ok(Arc::new(model))
		};
		let model = opened().map_err(refused)?;
		loaded.lock().unwrap_or_else(PoisonError::into_inner).insert(view.id, model.clone());
		Ok(model)
	}
}

fn refused(error: ModelError) -> ComputeError {
	ComputeError::Model(error.to_string())
}

impl Compute for Engines {
	fn run(&self, task: &Task, progress: &mut dyn FnMut(u32, u32) -> bool) -> Result<Computed, ComputeError> {
		match &self.place {
			Place::Isolated { sandbox, time_limit } => {
				let (model, limit) = (self.local(&task.model)?, run_limit(task, *time_limit));
				sandbox.run(&model, &task.job(), limit, progress)
			}
			Place::Here(loaded) => {
				let model = self.model(loaded, &task.model)?;
				run_model(&model, &task.input, task.seed, task.genesis, progress)
			}
		}
	}

	fn trace(
		&self,
		task: &Task,
		progress: &mut dyn FnMut(u32, u32) -> bool,
	) -> Result<(Computed, Trace), ComputeError> {
		match &self.place {
			Place::Isolated { sandbox, time_limit } => {
				let (model, limit) = (self.local(&task.model)?, run_limit(task, *time_limit));
				sandbox.trace(&model, &task.job(), limit, progress)
			}
			Place::Here(loaded) => {
				let model = self.model(loaded, &task.model)?;
				let mut trace = Trace::default();
				let computed = trace_model(&model, &task.job(), &mut trace, progress)?;
				Ok((computed, trace))
			}
		}
	}

	fn load(&self, model: &ModelView) -> Result<(), ComputeError> {
		match &self.place {
			Place::Isolated { sandbox, .. } => sandbox.load(&self.local(model)?),
			Place::Here(loaded) => self.model(loaded, model).map(|_| ()),
		}
	}

	fn open_trace(
		&self,
		task: &Task,
		operator: &[u8; 32],
		draw: &Digest,
		progress: &mut dyn FnMut(u32, u32) -> bool,
	) -> Result<(Computed, TraceOpening, Trace), ComputeError> {
		match &self.place {
			Place::Isolated { sandbox, time_limit } => {
				let (model, limit) = (self.local(&task.model)?, run_limit(task, *time_limit));
				sandbox.open_trace(&model, &task.job(), operator, draw, limit, progress)
			}
			Place::Here(loaded) => {
				let model = self.model(loaded, &task.model)?;
				open_trace(&model, &task.job(), operator, draw, progress)
			}
		}
	}

	fn renew(&self) {
		match &self.place {
			Place::Isolated { sandbox, .. } => sandbox.restart(),
			Place::Here(loaded) => loaded.lock().unwrap_or_else(PoisonError::into_inner).clear(),
		}
	}
}

/// Memory of the engine process, in bytes.
fn memory_limit(config: &Config) -> anyhow::Result<u64> {
	match config.compute.memory_limit.0 {
		0 => {
			let machine = machine_memory().context(
				"the machine's memory cannot be read, of which compute.memory_limit = 0 takes 80 %; set it, such as to 8G",
			)?;
			Ok(machine / 5 * 4)
		}
		bytes => Ok(bytes),
	}
}

/// Longest that one attempt at a task may take. A second one and its commitment still fit before the deadline, which is
/// three times the budget after the draw, and some blocks. The budget is the model's, for each picture of the task.
fn run_limit(task: &Task, most: Duration) -> Duration {
	const SPARE: BlockNumber = 3;
	let budget = task.model.budget.saturating_mul(task.input.runs());
	let blocks = budget.saturating_mul(3).div_ceil(2).saturating_add(SPARE);
	BLOCK_TIME.saturating_mul(blocks).min(most)
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::chain::memory::{input, model};
	use autonomy_primitives::job::AnimationInput;

	#[test]
	fn run_limit_should_follow_the_budget_when_the_configuration_allows_it() {
		let mut task = Task { model: model(0), input: input(), seed: [0; 32], genesis: [0; 32] };
		task.model.budget = 1;
		assert_eq!(run_limit(&task, Duration::MAX), Duration::from_secs(30));
		task.model.budget = 20;
		assert_eq!(run_limit(&task, Duration::MAX), Duration::from_secs(198));
		assert_eq!(run_limit(&task, Duration::from_secs(60)), Duration::from_secs(60));
		let JobInput::Image(image) = input() else { panic!("the input is a picture's") };
		let animation =
			AnimationInput { image, prompt_to: Default::default(), frames: 4, frames_per_second: 8, motion_centi: 50 };
		task.input = JobInput::Animation(animation);
		assert_eq!(run_limit(&task, Duration::MAX), Duration::from_secs(738), "four pictures");
		task.model.budget = u32::MAX;
		assert_eq!(run_limit(&task, Duration::from_secs(60)), Duration::from_secs(60));
	}

	#[test]
	fn memory_limit_should_be_most_of_the_machine_when_none_is_set() {
		let mut config = Config::default();
		assert_eq!(memory_limit(&config).unwrap(), machine_memory().unwrap() / 5 * 4);
		config.compute.memory_limit.0 = 2 << 30;
		assert_eq!(memory_limit(&config).unwrap(), 2 << 30);
	}
}
