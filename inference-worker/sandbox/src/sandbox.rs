//! Runs in an engine process, with what happens when one dies.

use std::{
	path::PathBuf,
	sync::{Mutex, MutexGuard, PoisonError},
	time::{Duration, Instant},
};

use autonomy_primitives::{digest::input_hash, fault::FaultCode, trace::TraceOpening, Digest};
use tracing::{error, info, warn};

use crate::{
	process::{Death, Observer, Process, Program, Usage},
	protocol::{Reply, Request},
	quarantine::{Key, Quarantine, QuarantineError},
	residents::{Residency, Residents, Room},
	ComputeError, Computed, InputFault, Job, LocalModel, Step, Trace,
};

/// Engine processes that an input may end before it is given up for good.
pub const MOST_ATTEMPTS: u32 = 2;
/// Name of the file, in the worker's data folder, with the inputs that ended an engine process.
pub const QUARANTINE_FILE: &str = "quarantine.redb";

/// How a [`Sandbox`] works.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
	/// The engine process: [`Program::this`], unless this program does not have the subcommand.
	pub program: Program,
	/// Most memory that no file backs, in bytes, for the models in memory and a run together.
	pub memory_limit: u64,
	/// Most of that memory, in bytes, for the models that stay open between runs; the rest is a run's.
	pub resident_memory: u64,
	/// Whether replies are told while they are written, in [`Step::said`].
	pub said: bool,
	/// How long a process may take to start.
	pub start_limit: Duration,
	/// How long opening a model may take: every one of its files is read and hashed.
	pub load_limit: Duration,
	/// File with the inputs that ended an engine process; made when absent.
	pub quarantine: PathBuf,
}

/// Runs models in an engine process. One run goes on at a time, others wait for its end.
///
/// Models stay open until another one needs their memory: then those go first that were not used for longest, never one that
/// the run needs. A model that cannot fit is refused before it is opened, and nothing is closed for it. One whose run was killed
/// for its memory while others were open has the process to itself in its later runs.
///
/// Dropping it kills the process.
pub struct Sandbox {
	settings: Settings,
	quarantine: Quarantine,
	process: Mutex<Option<Process>>,
	observer: Mutex<Option<Observer>>,
	/// What is open in the process. Changed by whoever has the process alone, read by anybody.
	residents: Mutex<Residents>,
}

/// What came of opening a model.
enum Opened {
	/// It is open.
	Open,
	/// It is not, and the process is fine.
	Not(ComputeError),
	/// It needs a new process.
	Renew,
}

impl Sandbox {
	/// A sandbox without a process; the first request starts one.
	pub fn new(settings: Settings) -> Result<Self, QuarantineError> {
		let quarantine = Quarantine::open(&settings.quarantine)?;
		let residents = Mutex::new(Residents::new(settings.resident_memory));
		Ok(Self { settings, quarantine, process: Mutex::default(), observer: Mutex::default(), residents })
	}

	/// Opens a model in the engine process, unless it is open there already.
	///
	/// Fails with [`ComputeError::Model`] when the model cannot be opened, be it for its files or for the memory that it
	/// takes alone, and with [`ComputeError::Machine`] when there is no working engine process.
	pub fn load(&self, model: &LocalModel) -> Result<(), ComputeError> {
		self.open_for_later(model, None)
	}

	/// Opens both versions of an evaluation in one engine process, unless they are open there already.
	///
	/// Fails as [`Sandbox::load`] does, and with [`ComputeError::Fault`] when no machine can open the candidate.
	pub fn load_both(&self, base: &LocalModel, candidate: &LocalModel) -> Result<(), ComputeError> {
		self.open_for_later(base, Some(candidate))
	}

	/// Runs a model, which is opened first if need be. `progress` gets each step when it is done, and says whether to go on;
	/// when the process dies, steps begin anew. `limit` is the longest that one attempt may take.
	///
	/// Fails as [`Sandbox::load`] does, with [`ComputeError::Cancelled`], and with [`ComputeError::Fault`] when the engine
	/// finds a fault of the input or when the input ended its process [`MOST_ATTEMPTS`] times, counting earlier runs of the
	/// worker. A golden job is the model's own, so that one that ends its process is [`ComputeError::Model`], and is not
	/// remembered.
	pub fn run(
		&self,
		model: &LocalModel,
		job: &Job,
		limit: Duration,
		progress: &mut dyn FnMut(Step) -> bool,
	) -> Result<Computed, ComputeError> {
		let request = Request::Run { weights_root: model.weights_root, job: job.clone() };
		match self.attempts(model, job, &request, limit, progress)? {
			Reply::Done(computed) => computed.checked(),
			other => Err(out_of_place(&other)),
		}
	}

	/// Runs a model as [`Sandbox::trace`] does, and opens the chunk of the run's trace that `operator` has to open for `draw`.
	pub fn open_trace(
		&self,
		model: &LocalModel,
		job: &Job,
		operator: &[u8; 32],
		draw: &Digest,
		limit: Duration,
		progress: &mut dyn FnMut(Step) -> bool,
	) -> Result<(Computed, TraceOpening, Trace), ComputeError> {
		let (weights_root, job_asked) = (model.weights_root, job.clone());
		let request = Request::OpenTrace { weights_root, job: job_asked, operator: *operator, draw: *draw };
		match self.attempts(model, job, &request, limit, progress)? {
			Reply::Opened(computed, opening, trace) => {
				let (computed, opening) = computed.checked()?.opened(opening, operator, draw)?;
				trace.check(&computed)?;
				Ok((computed, opening, trace))
			}
			other => Err(out_of_place(&other)),
		}
	}

	/// Runs a model as [`Sandbox::run`] does, at the same cost, and gives the roots of the run's steps, 32 bytes each.
	pub fn trace(
		&self,
		model: &LocalModel,
		job: &Job,
		limit: Duration,
		progress: &mut dyn FnMut(Step) -> bool,
	) -> Result<(Computed, Trace), ComputeError> {
		let request = Request::Trace { weights_root: model.weights_root, job: job.clone() };
		match self.attempts(model, job, &request, limit, progress)? {
			Reply::Traced(computed, trace) => {
				let computed = computed.checked()?;
				trace.check(&computed)?;
				Ok((computed, trace))
			}
			other => Err(out_of_place(&other)),
		}
	}

	/// Ends the engine process, if there is one: the next request starts another, which opens its models anew. Waits for the
	/// end of a run.
	pub fn restart(&self) {
		let mut slot = lock(&self.process);
		*slot = None;
		self.forget();
	}

	/// The models that are open, and what they may take. Does not wait for a run.
	pub fn residency(&self) -> Residency {
		let residency = lock(&self.residents).residency();
		match self.usage() {
			Some(_) => residency,
			None => Residency { models: Vec::new(), ..residency },
		}
	}

	/// What the engine process uses now, if there is one. Does not wait for a run.
	pub fn usage(&self) -> Option<Usage> {
		lock(&self.observer).as_ref()?.usage()
	}

	/// Asks until there is an answer or the input is given up.
	fn attempts(
		&self,
		model: &LocalModel,
		job: &Job,
		request: &Request,
		limit: Duration,
		progress: &mut dyn FnMut(Step) -> bool,
	) -> Result<Reply, ComputeError> {
		let key = Key { weights_root: model.weights_root, input: input_hash(&job.input) };
		let deaths = self.deaths(&key, job)?;
		let mut slot = lock(&self.process);
		let reply = self.attempts_from(deaths, &mut slot, model, job, &key, request, limit, progress);
		lock(&self.residents).pin([]);
		reply
	}

	/// The same with the process at hand, after so many deaths.
	#[allow(clippy::too_many_arguments)]
	fn attempts_from(
		&self,
		mut deaths: u32,
		slot: &mut Option<Process>,
		model: &LocalModel,
		job: &Job,
		key: &Key,
		request: &Request,
		limit: Duration,
		progress: &mut dyn FnMut(Step) -> bool,
	) -> Result<Reply, ComputeError> {
		loop {
			if deaths > 0 {
				// The last attempt has a process and its memory to itself: whatever ends that one is the input's doing.
				*slot = None;
			}
			let mut process = self.ready(slot, model, job.candidate().as_ref())?;
			match process.ask(request, limit, progress).and_then(|reply| answer(&mut process, reply)) {
				Ok(reply) => {
					*slot = Some(process);
					lock(&self.residents).ran();
					let finished = !matches!(reply, Reply::Failed(ComputeError::Cancelled));
					if deaths > 0 && finished && !job.is_golden() {
						// Keeping a record too many costs one attempt at the next run of the same input.
						self.quarantine.forget(key).unwrap_or_else(|error| error!("{error}"));
					}
					return match reply {
						Reply::Failed(error) => Err(error),
						reply => Ok(reply),
					};
				}
				Err(death) => deaths = self.died(key, job, deaths, &death)?,
			}
		}
	}

	/// Processes that the input has ended so far, fewer than [`MOST_ATTEMPTS`]; else its fault.
	fn deaths(&self, key: &Key, job: &Job) -> Result<u32, ComputeError> {
		if job.is_golden() {
			return Ok(0);
		}
		match self.quarantine.get(key).map_err(|error| ComputeError::Machine(error.to_string()))? {
			Some(record) if record.deaths >= MOST_ATTEMPTS => Err(self.fault(record.deaths, &record.why)),
			record => Ok(record.map_or(0, |record| record.deaths)),
		}
	}

	/// An input ended a process: counts it, and gives the input up after too many.
	fn died(&self, key: &Key, job: &Job, deaths: u32, death: &Death) -> Result<u32, ComputeError> {
		if matches!(death, Death::Memory { .. }) {
			lock(&self.residents).killed(&key.weights_root);
		}
		self.lost(death);
		if let Death::Unwatched(_) = death {
			return Err(ComputeError::Machine(format!("the engine process was killed: {death}")));
		}
		let deaths = if job.is_golden() {
			deaths.saturating_add(1)
		} else {
			let record = self.quarantine.died(key, death.to_string());
			record.map_err(|error| ComputeError::Machine(error.to_string()))?.deaths
		};
		if deaths < MOST_ATTEMPTS {
			warn!("the engine process died in a run: {death}; running again in a new one");
			return Ok(deaths);
		}
		Err(match job.is_golden() {
			true => ComputeError::Model(format!("its golden job ended the engine process {deaths} times: {death}")),
			false => self.fault(deaths, &death.to_string()),
		})
	}

	fn fault(&self, deaths: u32, why: &str) -> ComputeError {
		ComputeError::Fault(InputFault {
			code: FaultCode::ResourceLimit,
			why: format!(
				"the input ended the engine process {deaths} times, {MOST_ATTEMPTS} are allowed; the last time {why}. \
				 It is not run again; to allow it, stop the worker and remove {}",
				self.quarantine.path().display()
			),
		})
	}

	/// Takes the process out of its slot, or a new one, with the model open, and the candidate of an evaluation. It is put
	/// back by whoever finds it well.
	fn ready(
		&self,
		slot: &mut Option<Process>,
		model: &LocalModel,
		candidate: Option<&LocalModel>,
	) -> Result<Process, ComputeError> {
		let pinned = [Some(model), candidate].into_iter().flatten().map(|model| model.weights_root);
		lock(&self.residents).pin(pinned);
		let mut kept = slot.take().filter(Process::lives);
		loop {
			let mut process = match kept.take() {
				Some(process) => process,
				None => self.start()?,
			};
			let was_new = process.is_new();
			match self.open(&mut process, model, candidate) {
				Ok(Opened::Open) => return Ok(process),
				Ok(Opened::Not(error)) => {
					*slot = Some(process);
					return Err(error);
				}
				Ok(Opened::Renew) => {
					info!(
						bytes = process.memory(),
						"the engine process keeps memory of models that were closed; a new one goes on"
					);
				}
				Err((death, folder)) => {
					self.lost(&death);
					if was_new {
						let why = format!("{folder}: opening the model ended the engine process: {death}");
						return Err(ComputeError::Model(why));
					}
					info!("opening {folder} beside other models ended the engine process: {death}; a new one opens it alone");
				}
			}
		}
	}

	/// Opens what is not open yet. The error is that of a process that died, with the folder that it died of.
	fn open(
		&self,
		process: &mut Process,
		model: &LocalModel,
		candidate: Option<&LocalModel>,
	) -> Result<Opened, (Death, String)> {
		for (model, is_candidate) in [(Some(model), false), (candidate, true)] {
			let Some(model) = model else { continue };
			let opened = self.open_one(process, model);
			self.publish();
			match opened.map_err(|death| (death, model.folder.display().to_string()))? {
				Opened::Open => {}
				Opened::Not(error) if is_candidate => return Ok(Opened::Not(error.of_input())),
				other => return Ok(other),
			}
		}
		let cleared = self.clear_the_way(process, model);
		self.publish();
		cleared.map_err(|death| (death, model.folder.display().to_string()))?;
		Ok(Opened::Open)
	}

	/// Closes what is open beside a model whose run was killed for its memory once.
	fn clear_the_way(&self, process: &mut Process, model: &LocalModel) -> Result<(), Death> {
		loop {
			let oldest = lock(&self.residents).in_the_way(&model.weights_root);
			let Some(oldest) = oldest else { return Ok(()) };
			self.close(process, &oldest)?;
			metrics::counter!("autonomy_model_evictions_total").increment(1);
		}
	}

	/// Opens a model unless it is open, and closes others for it if need be.
	fn open_one(&self, process: &mut Process, model: &LocalModel) -> Result<Opened, Death> {
		let root = model.weights_root;
		if lock(&self.residents).touch(&root) {
			return Ok(Opened::Open);
		}
		let (name, files) = model.weights();
		if !process.is_new() {
			// What runs left behind is nobody's, and would be taken for the models'.
			self.free(process, None)?;
		}
		let stopped = self.make_room(process, model, &|residents, used| residents.room(&root, files, used))?;
		if let Some(stopped) = stopped {
			return Ok(stopped);
		}
		let (before, started) = (process.memory(), Instant::now());
		let reply = process.load(model, self.settings.load_limit)?;
		match answer(process, reply)? {
			Reply::Failed(error) => return Ok(Opened::Not(error)),
			Reply::Loaded => {}
			other => return Err(process.refuse(&other)),
		}
		metrics::histogram!("autonomy_model_open_seconds").record(started.elapsed().as_secs_f64());
		if process.memory() > self.settings.resident_memory {
			// Reading and packing took more than the model does.
			self.free(process, None)?;
		}
		let grown = process.memory().saturating_sub(before);
		lock(&self.residents).opened(root, name, grown);
		metrics::counter!("autonomy_model_opens_total").increment(1);
		match self.make_room(process, model, &|residents, used| residents.settled(&root, used))? {
			Some(Opened::Not(error)) => {
				self.close(process, &root)?;
				Ok(Opened::Not(error))
			}
			stopped => Ok(stopped.unwrap_or(Opened::Open)),
		}
	}

	/// Closes models for `model` until `look` finds room; else says why there is none.
	fn make_room(
		&self,
		process: &mut Process,
		model: &LocalModel,
		look: &dyn Fn(&mut Residents, u64) -> Room,
	) -> Result<Option<Opened>, Death> {
		loop {
			let room = look(&mut lock(&self.residents), process.memory());
			match room {
				Room::There => return Ok(None),
				Room::Renew => return Ok(Some(Opened::Renew)),
				Room::Refused(error) => {
					let why = format!("{}: {error}", model.folder.display());
					return Ok(Some(Opened::Not(ComputeError::Model(why))));
				}
				Room::Close(oldest) => {
					self.close(process, &oldest)?;
					metrics::counter!("autonomy_model_evictions_total").increment(1);
				}
			}
		}
	}

	fn close(&self, process: &mut Process, root: &Digest) -> Result<(), Death> {
		self.free(process, Some(*root))?;
		lock(&self.residents).closed(root);
		Ok(())
	}

	/// Has the process close a model, if one is named, and give back what is free.
	fn free(&self, process: &mut Process, weights_root: Option<Digest>) -> Result<(), Death> {
		match process.ask(&Request::Free { weights_root }, self.settings.start_limit, &mut |_| true)? {
			Reply::Freed => Ok(()),
			other => Err(process.refuse(&other)),
		}
	}

	fn open_for_later(&self, model: &LocalModel, candidate: Option<&LocalModel>) -> Result<(), ComputeError> {
		let mut slot = lock(&self.process);
		let outcome = self.ready(&mut slot, model, candidate).map(|process| *slot = Some(process));
		lock(&self.residents).pin([]);
		outcome
	}

	/// There is no process, and no model open.
	fn forget(&self) {
		lock(&self.residents).cleared();
		self.publish();
	}

	fn publish(&self) {
		lock(&self.residents).publish();
	}

	fn lost(&self, death: &Death) {
		metrics::counter!("autonomy_engine_deaths_total", "reason" => death.name()).increment(1);
		self.forget();
	}

	fn start(&self) -> Result<Process, ComputeError> {
		let Settings { program, memory_limit, start_limit, said, .. } = &self.settings;
		let failed =
			|why: String| ComputeError::Machine(format!("the engine process '{program}' did not start: {why}"));
		let mut process = Process::start(program, *memory_limit).map_err(|error| failed(error.to_string()))?;
		*lock(&self.observer) = Some(process.observer());
		self.forget();
		let hello = Request::Hello { parent: std::process::id(), memory_limit: *memory_limit, said: *said };
		match process.ask(&hello, *start_limit, &mut |_| true) {
			Ok(Reply::Ready) => Ok(process),
			Ok(other) => Err(failed(process.refuse(&other).to_string())),
			Err(death) => Err(failed(death.to_string())),
		}
	}
}

/// An answer to a request that has come to its end.
fn answer(process: &mut Process, reply: Reply) -> Result<Reply, Death> {
	match reply {
		Reply::Ready | Reply::Progress { .. } => Err(process.refuse(&reply)),
		reply => Ok(reply),
	}
}

fn out_of_place(reply: &Reply) -> ComputeError {
	ComputeError::Machine(format!("the engine process answered {} to another question", reply.name()))
}

/// A panic while a lock was held leaves nothing half-done behind it: a process that is in use is not in its slot.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
	mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
