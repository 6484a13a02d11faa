//! What the operator's loop asks of the engine, and the engine behind it.

use std::{
	collections::HashMap,
	path::PathBuf,
	sync::{Arc, Mutex, PoisonError},
};

use autonomy_engine::{Control, Engine, JobFault, Model};
use autonomy_primitives::{
	digest::{cid, Cid},
	job::JobInput,
	Digest, ModelId,
};

use super::models::{self, Library, ModelError};
use crate::{artifacts::ArtifactStore, chain::ModelView};

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

/// What a run gave.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Computed {
	/// Result digest.
	pub result: Digest,
	/// Trace root.
	pub trace_root: Digest,
	/// CID of the file.
	pub artifact: Cid,
	/// The file: PNG or UTF-8 text.
	pub bytes: Vec<u8>,
}

/// Why a run gave nothing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ComputeError {
	/// The worker is stopping.
	#[error("cancelled")]
	Cancelled,
	/// The model cannot be served here.
	#[error("{0}")]
	Model(String),
	/// Every honest machine would fail in the same way: running it again is no use.
	#[error("{0}")]
	Fault(String),
	/// This machine failed; another try may work.
	#[error("{0}")]
	Machine(String),
}

/// Something that runs models. Calls block for as long as the model runs.
pub trait Compute: Send + Sync + 'static {
	/// Runs a task. `progress` gets the step done and the number of steps, and says whether to go on.
	fn run(&self, task: &Task, progress: &mut dyn FnMut(u32, u32) -> bool) -> Result<Computed, ComputeError>;
	/// Makes a model ready to run, or says why it cannot be served.
	fn load(&self, model: &ModelView) -> Result<(), ComputeError>;
}

/// The engine, with every model that was used kept in memory.
pub struct Engines {
	library: Library,
	loaded: Mutex<HashMap<ModelId, Arc<Model>>>,
}

impl Engines {
	/// Serves the models of some folders; what is missing there is fetched from `store` into `cache`.
	///
	/// Must be made inside a Tokio runtime, and [`Compute`]'s functions must not be called on one of its async threads.
	pub fn new(dirs: &[PathBuf], cache: PathBuf, store: Arc<dyn ArtifactStore>) -> Result<Self, ModelError> {
		Ok(Self { library: Library::scan(dirs, cache, store)?, loaded: Mutex::default() })
	}

	fn model(&self, view: &ModelView) -> Result<Arc<Model>, ModelError> {
		if let Some(model) = self.loaded.lock().unwrap_or_else(PoisonError::into_inner).get(&view.id) {
			return Ok(model.clone());
		}
		let folder = self.library.folder(&view.manifest)?;
		let model = Engine::open(&folder)?;
		models::check(&folder, model.manifest(), view)?;
		let model = Arc::new(model);
		self.loaded.lock().unwrap_or_else(PoisonError::into_inner).insert(view.id, model.clone());
		Ok(model)
	}
}

impl Compute for Engines {
	fn run(&self, task: &Task, progress: &mut dyn FnMut(u32, u32) -> bool) -> Result<Computed, ComputeError> {
		let model = self.model(&task.model).map_err(|e| ComputeError::Model(e.to_string()))?;
		run_model(&model, &task.input, task.seed, task.genesis, progress)
	}

	fn load(&self, model: &ModelView) -> Result<(), ComputeError> {
		self.model(model).map(|_| ()).map_err(|e| ComputeError::Model(e.to_string()))
	}
}

/// Runs a model and checks that the file it made has the CID that goes on chain.
pub fn run_model(
	model: &Model,
	input: &JobInput,
	seed: Digest,
	genesis: Digest,
	progress: &mut dyn FnMut(u32, u32) -> bool,
) -> Result<Computed, ComputeError> {
	let output = model
		.run(input, seed, genesis, &mut |p| {
			if progress(p.step as u32, p.steps as u32) {
				Control::Continue
			} else {
				Control::Cancel
			}
		})
		.map_err(|fault| match fault {
			JobFault::Cancelled => ComputeError::Cancelled,
			JobFault::Io(why) => ComputeError::Machine(why),
			other => ComputeError::Fault(other.to_string()),
		})?;
	let artifact = cid(&output.artifact);
	if artifact != output.artifact_cid {
		return Err(ComputeError::Machine("the engine's file and its CID differ: memory is failing".into()));
	}
	Ok(Computed { result: output.result, trace_root: output.trace_root, artifact, bytes: output.artifact })
}
