//! What the operator's loop asks of the engine, and the engine behind it.

use std::{
	collections::HashMap,
	path::PathBuf,
	sync::{Arc, Mutex, MutexGuard, PoisonError},
	time::{Duration, Instant},
};

use anyhow::Context;
use autonomy_artifacts::ByteSize;
use autonomy_engine::{Engine, EngineError, Model};
use autonomy_primitives::{
	digest::Cid,
	fault::FaultCode,
	job::{BallotInput, JobInput, TalkInput, MAX_PERSONA_BYTES},
	trace::TraceOpening,
	Digest,
};
use autonomy_sandbox::{
	machine_memory, open_trace, own_memory, read_set, run_job, trace_model, EvaluationFiles, InputFault, Job,
	LocalModel, Program, Ready, Residents, Room, Sandbox, Settings, QUARANTINE_FILE,
};

use super::models::{Library, ModelError};
use crate::{
	artifacts::ArtifactStore,
	chain::{BlockNumber, ModelView},
	config::Config,
};

pub use autonomy_sandbox::{run_model, ComputeError, Computed, Residency, Step, Trace};

/// Target of the log's lines with what a reply says while it is written. They are of the level trace, so that
/// `--log info,autonomy_worker::tokens=trace` shows them and `--log debug` does not: whoever reads them knows an answer before
/// it is revealed.
pub const TOKENS: &str = "autonomy_worker::tokens";

/// Time between two blocks of a live chain. A development chain is faster, and its models get more time than they need.
pub const BLOCK_TIME: Duration = Duration::from_secs(6);
/// How long an engine process may take to start. It is this program, so anything above a second means a stuck machine.
const START_LIMIT: Duration = Duration::from_secs(30);

/// One run of a model.
#[derive(Clone, Debug)]
pub struct Task {
	/// The model, as the chain has it.
	pub model: ModelView,
	/// Root over the weights that are to be run: those of the model's present version, or of an earlier one.
	pub weights_root: Digest,
	/// The input.
	pub input: JobInput,
	/// The seed.
	pub seed: Digest,
	/// The chain's genesis hash, or zero for a golden job.
	pub genesis: Digest,
}

impl Task {
	/// The golden job of a model's present version.
	pub fn golden(model: ModelView) -> Self {
		let (weights_root, input, seed) = (model.weights_root, model.golden_input.clone(), model.golden_seed);
		Self { model, weights_root, input, seed, genesis: [0; 32] }
	}

	fn job(&self, files: &Files) -> Job {
		files.job(self.input.clone(), self.seed, self.genesis)
	}
}

/// The files that a job takes, on this machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Files {
	/// The model; of an evaluation the version that is compared with.
	pub model: LocalModel,
	/// For an evaluation: the candidate, and the file of the held-out set.
	pub evaluation: Option<(LocalModel, PathBuf)>,
	/// For a message to a character or a ballot of it: the bytes of its persona's file.
	pub persona: Option<Vec<u8>>,
}

impl Files {
	/// Finds what a job on a model's weights takes, and fetches what is not there. Blocks.
	///
	/// Fails with [`ComputeError::Model`] when the model cannot be served here, and for what an evaluation names besides it
	/// with [`ComputeError::Missing`] or with the fault that every machine finds.
	pub fn find(
		library: &Library,
		view: &ModelView,
		weights_root: Digest,
		input: &JobInput,
	) -> Result<Self, ComputeError> {
		let JobInput::Evaluation(input) = input else {
			let folder = library.version(view, &weights_root).map_err(refused)?;
			let persona = match input {
				JobInput::Talk(TalkInput { persona: cid, .. }) | JobInput::Ballot(BallotInput { persona: cid, .. }) => {
					Some(persona(library, cid)?)
				}
				_ => None,
			};
			return Ok(Self { model: LocalModel { folder, weights_root }, evaluation: None, persona });
		};
		let folder = library.evaluated(view.id, &input.base, None).map_err(refused)?;
		let model = LocalModel { folder, weights_root: input.base.weights_root };
		let folder = library.evaluated(view.id, &input.candidate, Some(&model.folder)).map_err(of_input)?;
		let candidate = LocalModel { folder, weights_root: input.candidate.weights_root };
		let set = library.set(&input.set).map_err(of_input)?;
		Ok(Self { model, evaluation: Some((candidate, set)), persona: None })
	}

	/// Opens the files in this process.
	pub fn open(&self) -> Result<Opened, ComputeError> {
		self.open_by(&mut open_model)
	}

	fn open_by(
		&self,
		open: &mut dyn FnMut(&LocalModel) -> Result<Arc<Model>, ComputeError>,
	) -> Result<Opened, ComputeError> {
		let model = open(&self.model)?;
		let evaluation = match &self.evaluation {
			Some((candidate, set)) => Some((open(candidate).map_err(ComputeError::of_input)?, read_set(set)?)),
			None => None,
		};
		Ok(Opened { model, evaluation, persona: self.persona.clone() })
	}

	/// The job on these files, for the engine process or for [`Opened::ready`].
	pub fn job(&self, input: JobInput, seed: Digest, genesis: Digest) -> Job {
		let evaluation = self.evaluation.as_ref().map(|(candidate, set)| EvaluationFiles::new(&candidate.folder, set));
		Job { input, seed, genesis, evaluation, persona: self.persona.clone() }
	}
}

/// What a job takes, in this process.
pub struct Opened {
	/// The model; of an evaluation the version that is compared with.
	pub model: Arc<Model>,
	evaluation: Option<(Arc<Model>, Vec<u8>)>,
	persona: Option<Vec<u8>>,
}

impl Opened {
	/// Ready to run.
	pub fn ready(&self) -> Ready<'_> {
		match (&self.evaluation, &self.persona) {
			(Some((candidate, set)), _) => Ready::Evaluation { base: &self.model, candidate, set },
			(None, Some(persona)) => Ready::Character { model: &self.model, persona },
			(None, None) => Ready::Model(&self.model),
		}
	}
}

/// Something that runs models. Calls block for as long as the model runs.
pub trait Compute: Send + Sync + 'static {
	/// Runs a task. `progress` gets each step when it is done, and says whether to go on. When the engine had to begin again,
	/// so do the steps.
	fn run(&self, task: &Task, progress: &mut dyn FnMut(Step) -> bool) -> Result<Computed, ComputeError>;
	/// Runs a task at the same cost, and gives the roots of its steps.
	fn trace(&self, task: &Task, progress: &mut dyn FnMut(Step) -> bool) -> Result<(Computed, Trace), ComputeError>;
	/// Makes what a task takes ready to run, or says why it cannot be.
	fn load(&self, task: &Task) -> Result<(), ComputeError>;
	/// Runs a task and opens the chunk of its trace that `operator` has to open for `draw`: what an auditor and a juror post
	/// together with the result. Gives the roots of its steps too.
	fn open_trace(
		&self,
		task: &Task,
		operator: &[u8; 32],
		draw: &Digest,
		progress: &mut dyn FnMut(Step) -> bool,
	) -> Result<(Computed, TraceOpening, Trace), ComputeError>;
	/// The models that are ready. Does not wait for a run.
	fn residency(&self) -> Residency;
	/// Forgets every model that is ready, so that the next run begins with its files and with nothing else.
	fn renew(&self);
}

/// The engine, with the models that were used kept in memory as far as there is room.
pub struct Engines {
	library: Library,
	place: Place,
}

/// Where models run.
enum Place {
	/// In a process of their own, with limits.
	Isolated { sandbox: Box<Sandbox>, time_limit: Duration },
	/// In this process. An input that ends it ends the worker, and nothing limits a run.
	Here(Box<Here>),
}

/// The models of this process.
struct Here {
	/// By their weights root. Locked while one is opened, so that two do not take the same room.
	models: Mutex<HashMap<Digest, Arc<Model>>>,
	/// Which of them stay.
	residents: Mutex<Residents>,
}

impl Here {
	fn new(resident_memory: u64) -> Self {
		Self { models: Mutex::default(), residents: Mutex::new(Residents::new(resident_memory)) }
	}

	/// A model, opened unless it is, while those of `wanted` and those of runs in progress stay.
	fn open(&self, local: &LocalModel, wanted: &[Digest]) -> Result<Arc<Model>, ComputeError> {
		let (mut models, root) = (lock(&self.models), local.weights_root);
		lock(&self.residents).pin(running(&models).chain(wanted.iter().copied()));
		if let Some(model) = models.get(&root).filter(|_| lock(&self.residents).touch(&root)) {
			return Ok(model.clone());
		}
		let (name, files) = local.weights();
		self.make_room(&mut models, local, &|residents, used| residents.room(&root, files, used))?;
		let (before, started) = (own_memory().unwrap_or_default(), Instant::now());
		let model = open_model(local)?;
		metrics::histogram!("autonomy_model_open_seconds").record(started.elapsed().as_secs_f64());
		metrics::counter!("autonomy_model_opens_total").increment(1);
		let grown = own_memory().unwrap_or_default().saturating_sub(before);
		// The rest of the worker grows and shrinks beside it, and what it had freed makes an opening look cheap.
		lock(&self.residents).opened(root, name, grown.max(files));
		models.insert(root, model.clone());
		let settled = self.make_room(&mut models, local, &|residents, used| residents.settled(&root, used));
		if settled.is_err() {
			models.remove(&root);
			lock(&self.residents).closed(&root);
		}
		lock(&self.residents).publish();
		settled.map(|()| model)
	}

	/// Closes models for `local` until `look` finds room; else says why there is none.
	fn make_room(
		&self,
		models: &mut HashMap<Digest, Arc<Model>>,
		local: &LocalModel,
		look: &dyn Fn(&mut Residents, u64) -> Room,
	) -> Result<(), ComputeError> {
		let mut residents = lock(&self.residents);
		loop {
			// What else the worker takes is not the models' to give back.
			let used = residents.bytes();
			match look(&mut residents, used) {
				Room::There | Room::Renew => return Ok(()),
				Room::Refused(error) => {
					return Err(ComputeError::Model(format!("{}: {error}", local.folder.display())));
				}
				Room::Close(oldest) => {
					models.remove(&oldest);
					residents.closed(&oldest);
					metrics::counter!("autonomy_model_evictions_total").increment(1);
				}
			}
		}
	}

	/// The models that are open, as of the last time that none was being opened.
	fn residency(&self) -> Residency {
		if let Ok(models) = self.models.try_lock() {
			lock(&self.residents).pin(running(&models));
		}
		lock(&self.residents).residency()
	}

	fn clear(&self) {
		lock(&self.models).clear();
		let mut residents = lock(&self.residents);
		residents.cleared();
		residents.publish();
	}
}

/// The models that somebody has besides the map.
fn running(models: &HashMap<Digest, Arc<Model>>) -> impl Iterator<Item = Digest> + '_ {
	models.iter().filter(|(_, model)| Arc::strong_count(model) > 1).map(|(root, _)| *root)
}

/// Whatever panicked while it held a lock left nothing half-done: at worst a model is open that the rule does not know.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
	mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engines {
	/// Serves the models of the configuration's folders; what is missing there is fetched from `store`.
	///
	/// Must be made inside a Tokio runtime, and [`Compute`]'s functions must not be called on one of its async threads.
	pub fn new(config: &Config, store: Arc<dyn ArtifactStore>) -> anyhow::Result<Self> {
		let library = Library::scan(&config.models.dirs, config.model_cache(), store)?;
		let memory_limit = memory_limit(config)?;
		let resident_memory = resident_memory(config, memory_limit)?;
		let place = match config.compute.isolate {
			true => {
				let time_limit = Duration::from_secs(config.compute.time_limit_seconds);
				let settings = Settings {
					program: Program::this(),
					memory_limit,
					resident_memory,
					said: tracing::enabled!(target: TOKENS, tracing::Level::TRACE),
					start_limit: START_LIMIT,
					load_limit: time_limit,
					quarantine: config.data_dir.join(QUARANTINE_FILE),
				};
				Place::Isolated { sandbox: Box::new(Sandbox::new(settings)?), time_limit }
			}
			false => Place::Here(Box::new(Here::new(resident_memory))),
		};
		Ok(Self { library, place })
	}

	/// The files of a task.
	fn files(&self, task: &Task) -> Result<Files, ComputeError> {
		Files::find(&self.library, &task.model, task.weights_root, &task.input)
	}
}

/// The bytes of a persona's file. One that is too long is the input's fault, and goes nowhere.
fn persona(library: &Library, persona: &Cid) -> Result<Vec<u8>, ComputeError> {
	let bytes = library.persona(persona).map_err(of_input)?;
	if bytes.len() > MAX_PERSONA_BYTES as usize {
		let why = format!("a persona of {} bytes, it may have 1 to {MAX_PERSONA_BYTES}", bytes.len());
		return Err(ComputeError::Fault(InputFault { code: FaultCode::InputRejected, why }));
	}
	Ok(bytes)
}

/// The files in this process, of which models stay open.
fn opened(here: &Here, files: &Files) -> Result<Opened, ComputeError> {
	let candidate = files.evaluation.as_ref().map(|(candidate, _)| candidate.weights_root);
	let wanted: Vec<_> = candidate.into_iter().chain([files.model.weights_root]).collect();
	files.open_by(&mut |local| here.open(local, &wanted))
}

fn open_model(local: &LocalModel) -> Result<Arc<Model>, ComputeError> {
	let model = Engine::open(&local.folder).map_err(broken)?;
	let actual = model.manifest().weights_root;
	match actual.0 == local.weights_root {
		true => Ok(Arc::new(model)),
		false => Err(ComputeError::Model(format!(
			"{}: its weights root became {actual}; fetch the model again",
			local.folder.display()
		))),
	}
}

fn broken(error: EngineError) -> ComputeError {
	match error.is_of_the_model() {
		true => ComputeError::Unusable(error.to_string()),
		false => ComputeError::Model(error.to_string()),
	}
}

/// Why a model is not served here.
fn refused(error: ModelError) -> ComputeError {
	ComputeError::Model(error.to_string())
}

/// Why what an evaluation names besides its model cannot be had: it is the input's fault as far as every machine finds the
/// same.
fn of_input(error: ModelError) -> ComputeError {
	let why = error.to_string();
	match error {
		ModelError::Missing { .. } | ModelError::NoSet(_) | ModelError::NoPersona(_) => ComputeError::Missing(why),
		ModelError::Differs { .. } | ModelError::TooLarge { .. } => ComputeError::Unusable(why).of_input(),
		ModelError::Engine(error) => broken(error).of_input(),
		ModelError::Folder { .. } | ModelError::OtherVersion { .. } | ModelError::Changed(_) | ModelError::Store(_) => {
			ComputeError::Machine(why)
		}
	}
}

impl Compute for Engines {
	fn run(&self, task: &Task, progress: &mut dyn FnMut(Step) -> bool) -> Result<Computed, ComputeError> {
		let files = self.files(task)?;
		let job = task.job(&files);
		match &self.place {
			Place::Isolated { sandbox, time_limit } => {
				sandbox.run(&files.model, &job, run_limit(task, *time_limit), progress)
			}
			Place::Here(here) => run_job(opened(here, &files)?.ready(), &job, progress),
		}
	}

	fn trace(&self, task: &Task, progress: &mut dyn FnMut(Step) -> bool) -> Result<(Computed, Trace), ComputeError> {
		let files = self.files(task)?;
		let job = task.job(&files);
		match &self.place {
			Place::Isolated { sandbox, time_limit } => {
				sandbox.trace(&files.model, &job, run_limit(task, *time_limit), progress)
			}
			Place::Here(here) => {
				let mut trace = Trace::default();
				let computed = trace_model(opened(here, &files)?.ready(), &job, &mut trace, progress)?;
				Ok((computed, trace))
			}
		}
	}

	fn load(&self, task: &Task) -> Result<(), ComputeError> {
		let files = self.files(task)?;
		match (&self.place, &files.evaluation) {
			(Place::Isolated { sandbox, .. }, Some((candidate, _))) => sandbox.load_both(&files.model, candidate),
			(Place::Isolated { sandbox, .. }, None) => sandbox.load(&files.model),
			(Place::Here(here), _) => opened(here, &files).map(|_| ()),
		}
	}

	fn open_trace(
		&self,
		task: &Task,
		operator: &[u8; 32],
		draw: &Digest,
		progress: &mut dyn FnMut(Step) -> bool,
	) -> Result<(Computed, TraceOpening, Trace), ComputeError> {
		let files = self.files(task)?;
		let job = task.job(&files);
		match &self.place {
			Place::Isolated { sandbox, time_limit } => {
				sandbox.open_trace(&files.model, &job, operator, draw, run_limit(task, *time_limit), progress)
			}
			Place::Here(here) => open_trace(opened(here, &files)?.ready(), &job, operator, draw, progress),
		}
	}

	fn residency(&self) -> Residency {
		match &self.place {
			Place::Isolated { sandbox, .. } => sandbox.residency(),
			Place::Here(here) => here.residency(),
		}
	}

	fn renew(&self) {
		match &self.place {
			Place::Isolated { sandbox, .. } => sandbox.restart(),
			Place::Here(here) => here.clear(),
		}
	}
}

/// Memory of the engine process, in bytes.
pub fn memory_limit(config: &Config) -> anyhow::Result<u64> {
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

/// Memory of the models that stay ready, in bytes: a part of `memory_limit`.
pub fn resident_memory(config: &Config, memory_limit: u64) -> anyhow::Result<u64> {
	match config.compute.resident_memory.0 {
		0 => Ok(memory_limit / 4 * 3),
		bytes if bytes <= memory_limit => Ok(bytes),
		bytes => anyhow::bail!(
			"compute.resident_memory is {}, above the {} that compute.memory_limit = 0 gives on this machine; lower it, or set both",
			ByteSize(bytes),
			ByteSize(memory_limit)
		),
	}
}

/// Longest that one attempt at a job may take. A second one and its commitment still fit before the deadline, which is three
/// times the model's budget after the draw for each run that the job counts as, and some blocks.
fn run_limit(task: &Task, most: Duration) -> Duration {
	const SPARE: BlockNumber = 3;
	let budget = task.model.budget.saturating_mul(task.input.runs());
	let blocks = budget.saturating_mul(3).div_ceil(2).saturating_add(SPARE);
	BLOCK_TIME.saturating_mul(blocks).min(most)
}

#[cfg(test)]
mod tests {
	use super::*;
	use autonomy_primitives::job::{AnimationInput, TextInput};

	use crate::chain::memory::{ballot, evaluation, input, model};

	#[test]
	fn run_limit_should_follow_the_budget_when_the_configuration_allows_it() {
		let mut task = Task::golden(model(0));
		task.input = input();
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
		task.input = evaluation();
		task.model.budget = 1;
		assert_eq!(run_limit(&task, Duration::MAX), Duration::from_secs(90));
		task.input = ballot();
		task.model.budget = 20;
		assert_eq!(run_limit(&task, Duration::MAX), Duration::from_secs(378), "two replies");
	}

	#[tokio::test(flavor = "multi_thread")]
	async fn persona_should_be_at_hand_when_a_character_is_talked_to_or_asked() {
		use autonomy_primitives::digest::cid;

		use crate::artifacts::Local;
		let dir = tempfile::tempdir().unwrap();
		let store = Arc::new(Local::open(dir.path()).unwrap());
		let keeper: PathBuf = "models/keeper".into();
		let manifest = autonomy_engine::Manifest::load(&keeper).unwrap();
		let bytes = std::fs::read(keeper.join("manifest.json")).unwrap();
		let view = ModelView {
			manifest: cid(&bytes),
			weights_root: manifest.weights_root.0,
			engine: manifest.engine.0,
			..model(0)
		};
		let library = Arc::new(Library::scan(&[keeper], dir.path().join("cache"), store.clone()).unwrap());
		let find = |input: JobInput| {
			let (library, view) = (library.clone(), view.clone());
			tokio::task::spawn_blocking(move || Files::find(&library, &view, view.weights_root, &input))
		};
		let JobInput::Ballot(asked) = ballot() else { panic!("a ballot") };
		let missing = find(JobInput::Ballot(asked.clone())).await.unwrap();
		assert!(matches!(&missing, Err(ComputeError::Missing(why)) if why.contains("persona")), "{missing:?}");
		store.put(asked.persona, b"wry".to_vec()).await.unwrap();
		let text = TextInput {
			prompt: b"hi".to_vec().try_into().unwrap(),
			max_tokens: 8,
			temperature_centi: 0,
			top_p_permille: 1000,
			top_k: 0,
		};
		let talk = TalkInput { text: text.clone(), persona: asked.persona, memory: [7; 32] };
		for input in [JobInput::Talk(talk), JobInput::Ballot(asked)] {
			assert_eq!(find(input).await.unwrap().unwrap().persona.as_deref(), Some(&b"wry"[..]));
		}
		assert_eq!(find(JobInput::Text(text)).await.unwrap().unwrap().persona, None);
		// One that is too long goes nowhere.
		let long = vec![b'w'; 8193];
		store.put(cid(&long), long.clone()).await.unwrap();
		let JobInput::Ballot(asked) = ballot() else { panic!("a ballot") };
		let refused = find(JobInput::Ballot(BallotInput { persona: cid(&long), ..asked })).await.unwrap();
		assert!(
			matches!(&refused, Err(ComputeError::Fault(InputFault { code: FaultCode::InputRejected, .. }))),
			"{refused:?}"
		);
	}

	#[test]
	fn fault_should_be_the_inputs_when_every_machine_finds_it() {
		let differs = ModelError::Differs {
			folder: "x".into(),
			what: "the engine",
			actual: String::new(),
			expected: String::new(),
			model: 4,
		};
		let json = serde_json::from_slice::<u8>(b"{}").unwrap_err();
		let json = EngineError::Json { path: "manifest.json".into(), source: json };
		for error in [differs, ModelError::TooLarge { manifest: String::new(), bytes: 9, most: 1 }, json.into()] {
			let outcome = of_input(error);
			assert!(
				matches!(&outcome, ComputeError::Fault(InputFault { code: FaultCode::InputRejected, .. })),
				"{outcome:?}"
			);
		}
		for error in
			[ModelError::NoSet("x".into()), ModelError::Missing { manifest: String::new(), missing: "it".into() }]
		{
			assert!(matches!(of_input(error), ComputeError::Missing(_)));
		}
		let full = std::io::Error::other("disk full");
		assert!(matches!(of_input(ModelError::Folder { path: "x".into(), source: full }), ComputeError::Machine(_)));
		// The model that operators joined is theirs to have.
		assert!(matches!(refused(ModelError::NoSet("x".into())), ComputeError::Model(_)));
	}

	#[test]
	fn memory_limit_should_be_most_of_the_machine_when_none_is_set() {
		let mut config = Config::default();
		assert_eq!(resident_memory(&config, 8 << 30).unwrap(), 6 << 30);
		config.compute.resident_memory.0 = 7 << 30;
		assert_eq!(resident_memory(&config, 8 << 30).unwrap(), 7 << 30);
		let error = resident_memory(&config, 6 << 30).unwrap_err().to_string();
		assert!(error.contains("compute.resident_memory is 7G, above the 6G"), "{error}");
		assert_eq!(memory_limit(&config).unwrap(), machine_memory().unwrap() / 5 * 4);
		config.compute.memory_limit.0 = 2 << 30;
		assert_eq!(memory_limit(&config).unwrap(), 2 << 30);
	}
}
