//! The operator's loop: from a seat on chain to a paid answer.
//!
//! Everything is decided from two states, the chain's at its newest finalized block and the queue's on disk. Nothing
//! depends on having seen an event, so a lost connection or a killed process only costs time.

pub mod engine;
#[cfg(test)]
pub mod fake;
pub mod ledger;
pub mod models;
pub mod status;
#[cfg(test)]
mod tests;
pub mod traces;

use std::{
	collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
	sync::{
		atomic::{AtomicBool, Ordering},
		Arc,
	},
	time::{Duration, Instant},
};

use autonomy_engine::{Hash32, Losses};
use autonomy_primitives::{
	digest::{input_hash, Cid},
	fault::{FaultCode, NO_ARTIFACT, NO_TRACE},
	job::{JobInput, Modality},
	trace::TraceOpening,
	Digest, JobId, ModelId,
};
use tokio::{
	sync::watch,
	task::{JoinHandle, JoinSet},
};
use tracing::{debug, error, info, trace, warn};

use self::{
	engine::{Compute, ComputeError, Computed, Step, Task, Trace, BLOCK_TIME, TOKENS},
	ledger::{JobEnd, Ledger, Outcome},
	status::{timed, unix_time, AccountView, Meter, OpenSeat, Status, PROVED},
	traces::Traces,
};
use crate::{
	artifacts::ArtifactStore,
	ballot,
	chain::{
		endpoints::Backoff, follow, AccountId, BlockNumber, Chain, ChainError, JobEvent, JobState, JobView, ModelView,
		Place, Provenance, Role,
	},
	queue::{Answer, Queue, QueueError, Report, Seat, Stage},
	trace::{Machine, Subject, TraceFile},
};

/// Runs of one job on this machine before it is given up.
const MOST_ATTEMPTS: u32 = 2;
/// The models are looked at again after this many blocks.
const MODELS_EVERY: BlockNumber = 5;
/// Blocks after which a golden job is run again, or a model opened, that failed for this machine's sake, such as for a file
/// that it cannot fetch.
const GOLDEN_AGAIN: BlockNumber = 100;
/// Blocks after which what an input names is looked for again.
const LOOK_AGAIN: BlockNumber = 5;
/// What an input names and nobody has is given up when this many blocks are left.
const GIVE_UP: BlockNumber = 8;
/// Longest pause, in blocks, before a refused transaction is tried again.
const LONGEST_PAUSE: u32 = 16;
/// Blocks whose events are read at most after a time without a node: a node keeps the state of about as many.
const GAP: BlockNumber = 256;
/// How long a stopping worker waits for transactions on their way. What is not confirmed then is found on chain, or sent
/// again, at the next start.
const DRAIN: Duration = Duration::from_secs(20);

/// Why the loop ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
	/// The queue on disk failed: going on could break its guarantee.
	#[error(transparent)]
	Queue(#[from] QueueError),
	/// A configured owner is not the one on chain.
	#[error("the worker key {worker} is registered for operator {actual}, operator.owner says {expected}")]
	OtherOwner {
		/// The worker's address.
		worker: String,
		/// On chain.
		actual: String,
		/// In the configuration.
		expected: String,
	},
	/// The chain cannot be worked with.
	#[error(transparent)]
	Chain(ChainError),
	/// The node could not be reached in the time that was given at the start.
	#[error("{0} (gave up after {1} s)")]
	Startup(ChainError, u64),
	/// The system has no randomness for a salt.
	#[error("no randomness from the system: {0}")]
	Random(String),
}

/// Everything that the loop works with.
pub struct Operator<C, E> {
	/// The chain.
	pub chain: Arc<C>,
	/// The engine.
	pub compute: Arc<E>,
	/// What is owed.
	pub queue: Arc<Queue>,
	/// Where answers are stored.
	pub artifacts: Arc<dyn ArtifactStore>,
	/// Where the steps of runs are stored.
	pub traces: Traces,
	/// The worker's account.
	pub worker: AccountId,
	/// The operator that it must be registered for, if configured.
	pub owner: Option<AccountId>,
	/// The operator's books.
	pub ledger: Arc<Ledger>,
	/// What the outside sees.
	pub status: Arc<Status>,
	/// How long a stopping worker goes on to open its commitments.
	pub drain: Duration,
	/// Give up when no node was reached for this long after the start.
	pub startup_timeout: Option<Duration>,
}

/// A transaction on its way, by what it is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Tx {
	Commit(JobId, u32),
	Reveal(JobId, u32),
	Audit(JobId, u32),
	Decline(JobId, u32),
	Prove(ModelId),
	/// Of a job, by this call.
	Report(JobId, &'static str),
}

impl Tx {
	fn name(self) -> &'static str {
		match self {
			Self::Commit(..) => "commit",
			Self::Reveal(..) => "reveal",
			Self::Audit(..) => "audit",
			Self::Decline(..) => "decline",
			Self::Prove(_) => "prove_engine",
			Self::Report(_, call) => call,
		}
	}
}

/// What a run gave.
struct Made {
	/// The answer.
	computed: Computed,
	/// The steps.
	trace: Trace,
	/// The chunk of the trace that goes with the answer of an auditor or a juror.
	opening: Option<TraceOpening>,
	/// How long it took.
	seconds: f64,
}

/// How a run ended. It made nothing where a model was only opened.
type Ran = Result<Option<Made>, ComputeError>;

/// A run on its way.
struct Work {
	/// The seat, or nothing for a golden job and for a model that is opened.
	seat: Option<(JobId, u32)>,
	/// Whether a model is opened and nothing is run.
	is_opening: bool,
	model: ModelId,
	weights_root: Digest,
	handle: JoinHandle<Ran>,
}

impl<C: Chain, E: Compute> Operator<C, E> {
	/// Works until `stop` turns true. Then it gives back what it has not begun, opens its commitments for as long as `drain`
	/// allows, and returns.
	pub async fn run(self, mut stop: watch::Receiver<bool>) -> Result<(), RunError> {
		let genesis = tokio::select! {
			genesis = self.reach() => genesis?,
			_ = stopped(&mut stop) => return Ok(()),
		};
		self.status.update(|s| s.genesis = Some(format!("0x{}", hex::encode(genesis))));
		self.queue.bind(genesis)?;
		let (heads_sender, mut heads) = watch::channel(None);
		let status = self.status.clone();
		let follower = tokio::spawn(follow(self.chain.clone(), heads_sender, move |head| match head {
			Ok(head) => status.head(*head),
			Err(error) => status.update(|s| s.trouble = Some(error.to_string())),
		}));
		let mut state = Loop::new(self, genesis);
		// The first look does not wait for a block: on a chain that seals on demand there may be none for long.
		let mut result = state.sync(0).await;
		while result.is_ok() && !state.drained()? {
			result = tokio::select! {
				_ = stopped(&mut stop), if state.until.is_none() => state.begin_drain(),
				_ = passed(state.until) => break,
				changed = heads.changed() => match changed {
					Ok(()) => {
						let head = heads.borrow_and_update().unwrap_or_default();
						state.sync(head).await
					},
					Err(_) => Err(state.fatal()),
				},
				done = finished(&mut state.work) => state.computed(done).await,
				Some(done) = state.transactions.join_next(), if !state.transactions.is_empty() => match done {
					Ok((tx, outcome)) => state.sent(tx, outcome).await,
					Err(_) => Ok(()),
				},
			};
		}
		follower.abort();
		state.drain().await?;
		result
	}

	/// The genesis hash, as soon as a node answers.
	async fn reach(&self) -> Result<Digest, RunError> {
		let (started, mut backoff) = (std::time::Instant::now(), Backoff::default());
		loop {
			match self.chain.genesis().await {
				Ok(genesis) => return Ok(genesis),
				Err(fatal @ (ChainError::OtherChain { .. } | ChainError::Incompatible(_))) => {
					return Err(RunError::Chain(fatal))
				}
				Err(error) => {
					if let Some(limit) = self.startup_timeout.filter(|limit| started.elapsed() >= *limit) {
						return Err(RunError::Startup(error, limit.as_secs()));
					}
					warn!("{error}; trying again");
					self.status.update(|s| s.trouble = Some(error.to_string()));
					tokio::time::sleep(backoff.next()).await;
				}
			}
		}
	}
}

/// Returns once the worker is told to stop, or nobody is left to tell it.
pub async fn stopped(stop: &mut watch::Receiver<bool>) {
	// The guard that `wait_for` gives must not live across an await of the caller.
	drop(stop.wait_for(|s| *s).await);
}

/// Returns at that time; never, without one.
async fn passed(until: Option<tokio::time::Instant>) {
	match until {
		Some(until) => tokio::time::sleep_until(until).await,
		None => std::future::pending().await,
	}
}

/// A run at its end.
struct Done {
	/// The seat, or nothing for a golden job and for a model that was opened.
	seat: Option<(JobId, u32)>,
	is_opening: bool,
	model: ModelId,
	weights_root: Digest,
	outcome: Ran,
}

/// The end of the run in progress; never, when there is none.
async fn finished(work: &mut Option<Work>) -> Done {
	let Some(running) = work else { return std::future::pending().await };
	let outcome = (&mut running.handle).await;
	let outcome = outcome.unwrap_or_else(|e| Err(ComputeError::Machine(format!("the run crashed: {e}"))));
	let Work { seat, is_opening, model, weights_root, .. } = *running;
	let done = Done { seat, is_opening, model, weights_root, outcome };
	*work = None;
	done
}

struct Loop<C, E> {
	operator: Operator<C, E>,
	genesis: Digest,
	owner: Option<AccountId>,
	head: BlockNumber,
	models_at: Option<BlockNumber>,
	models: HashMap<ModelId, ModelView>,
	views: BTreeMap<JobId, JobView>,
	golden: VecDeque<ModelView>,
	/// The versions whose golden job was run, and from which block on it may be run again.
	golden_tried: BTreeMap<(ModelId, Digest), BlockNumber>,
	/// Proved models that are to be opened once, so that one that cannot be is known before a seat wants it.
	opening: VecDeque<ModelView>,
	/// The proved versions that were opened, and from which block on that may be tried again.
	opening_tried: BTreeMap<(ModelId, Digest), BlockNumber>,
	/// Why proved versions cannot be opened.
	unopened: BTreeMap<(ModelId, Digest), String>,
	work: Option<Work>,
	cancel: Arc<AtomicBool>,
	transactions: JoinSet<(Tx, Result<(), ChainError>)>,
	in_flight: BTreeMap<JobId, Tx>,
	/// Results of golden jobs that are to be sent, with the weights that they are of.
	proving: BTreeMap<ModelId, (Digest, Digest)>,
	proving_now: BTreeSet<ModelId>,
	pauses: HashMap<Tx, (BlockNumber, u32)>,
	alarms: BTreeSet<JobId>,
	/// Seats whose input names something that was nowhere, and the block from which on it is looked for again.
	waits: HashMap<(JobId, u32), BlockNumber>,
	/// What happened to this operator's jobs since the last look.
	news: BTreeMap<JobId, Vec<JobEvent>>,
	/// Until when commitments are opened, once the worker is stopping.
	until: Option<tokio::time::Instant>,
}

impl<C: Chain, E: Compute> Loop<C, E> {
	fn new(operator: Operator<C, E>, genesis: Digest) -> Self {
		Self {
			operator,
			genesis,
			owner: None,
			head: 0,
			models_at: None,
			models: HashMap::new(),
			views: BTreeMap::new(),
			golden: VecDeque::new(),
			golden_tried: BTreeMap::new(),
			opening: VecDeque::new(),
			opening_tried: BTreeMap::new(),
			unopened: BTreeMap::new(),
			work: None,
			cancel: Arc::default(),
			transactions: JoinSet::new(),
			in_flight: BTreeMap::new(),
			proving: BTreeMap::new(),
			proving_now: BTreeSet::new(),
			pauses: HashMap::new(),
			alarms: BTreeSet::new(),
			waits: HashMap::new(),
			news: BTreeMap::new(),
			until: None,
		}
	}

	fn fatal(&self) -> RunError {
		RunError::Chain(ChainError::Rpc("the follower of finalized blocks ended".into()))
	}

	/// Looks at the chain and does whatever is to be done. Only a broken queue or a wrong configuration is an error: what
	/// the chain did not answer now, it is asked again at the next block.
	async fn sync(&mut self, head: BlockNumber) -> Result<(), RunError> {
		self.head = self.head.max(head);
		let result = match self.look().await {
			Err(Trouble::Chain(error)) => {
				warn!(head, "{error}; asking again at the next block");
				Ok(())
			}
			Err(Trouble::Run(error)) => Err(error),
			Ok(()) => Ok(()),
		};
		if self.until.is_none() {
			self.start_work();
		}
		self.show()?;
		result
	}

	/// Puts the seats on the page.
	fn show(&self) -> Result<(), RunError> {
		let queue = &self.operator.queue;
		self.operator.status.seats(&queue.counts()?);
		let open = queue.unfinished()?.into_iter().map(|seat| {
			let state = self.views.get(&seat.job).map(|view| view.state);
			let answer = seat.stage.answer();
			OpenSeat {
				job: seat.job,
				round: seat.round,
				role: seat.role,
				model: seat.model,
				stage: seat.stage.name(),
				deadline: state.filter(|state| awaits(*state, &seat)).map(JobState::until),
				disputed: state.is_some_and(JobState::disputed),
				result: answer.map(|a| a.result),
				artifact: answer.map(|a| a.artifact).filter(|artifact| *artifact != NO_ARTIFACT),
			}
		});
		let open = open.collect();
		let resident = self.operator.compute.residency();
		self.operator.status.update(|s| {
			s.open = open;
			s.resident = resident;
		});
		Ok(())
	}

	async fn look(&mut self) -> Result<(), Trouble> {
		let known = self.up_to_date().await?;
		let chain = self.operator.chain.clone();
		let Some(owner) = self.owner().await? else { return Ok(()) };
		let due = self.models_at.is_none_or(|at| self.head >= at.saturating_add(MODELS_EVERY));
		if due {
			self.look_at_models(&owner).await?;
			self.models_at = Some(self.head);
		}
		if let Some(account) = timed("account", chain.account(&owner)).await? {
			let suspended_until = account.suspended_until.filter(|until| *until > known);
			let (bond, exposed, unbonding) = (account.bond, account.exposed, account.unbonding);
			let (completed, missed) = (account.completed, account.missed);
			let account = AccountView { bond, exposed, unbonding, completed, missed, suspended_until };
			self.operator.status.update(|s| s.account = Some(account));
		}
		self.catch_up(known).await?;
		let unfinished = self.operator.queue.unfinished()?;
		let mut jobs: BTreeSet<JobId> = timed("open_seats", chain.open_seats(&owner)).await?.into_iter().collect();
		jobs.extend(unfinished.iter().map(|s| s.job));
		self.views.retain(|job, _| jobs.contains(job));
		for job in jobs {
			match timed("job", chain.job(job)).await? {
				Some(view) => {
					// A run needs the registration; it is read once and kept, until a job is of other weights.
					self.model(view.model, &view.weights_root).await?;
					self.views.insert(job, view);
					self.seat(job, &owner)?;
				}
				None => self.ended(job, &owner).await?,
			}
		}
		self.operator.queue.set_cursor(known)?;
		self.prove();
		self.report()?;
		Ok(())
	}

	/// The node's newest finalized block, unless the node lags behind: it does not know newer jobs yet, and its "no such
	/// job" must not be taken for the job's end.
	async fn up_to_date(&self) -> Result<BlockNumber, ChainError> {
		let known = timed("head", self.operator.chain.head()).await?;
		if known < self.head {
			return Err(ChainError::Rpc(format!("it is at block {known}, this worker has seen {}", self.head)));
		}
		Ok(known)
	}

	/// Reads the events of the blocks since the last look, also of those that went by while no node could be reached.
	async fn catch_up(&mut self, known: BlockNumber) -> Result<(), Trouble> {
		let Some(cursor) = self.operator.queue.cursor()? else { return Ok(()) };
		let first = cursor.saturating_add(1).max(known.saturating_sub(GAP));
		self.news.clear();
		for block in first..=known {
			match timed("job_events", self.operator.chain.job_events(block)).await? {
				Some(events) => {
					for (job, event) in events {
						self.news.entry(job).or_default().push(event);
					}
				}
				None => warn!(
					block,
					"the node has dropped this block's events: amounts of jobs that ended in it are unknown"
				),
			}
		}
		Ok(())
	}

	/// The operator that the worker's key is registered for.
	async fn owner(&mut self) -> Result<Option<AccountId>, Trouble> {
		if let Some(owner) = &self.owner {
			return Ok(Some(*owner));
		}
		let worker = &self.operator.worker;
		let found = self.operator.chain.operator_of(worker).await?;
		match (&found, &self.operator.owner) {
			(Some(actual), Some(expected)) if actual != expected => {
				return Err(Trouble::Run(RunError::OtherOwner {
					worker: worker.to_string(),
					actual: actual.to_string(),
					expected: expected.to_string(),
				}));
			}
			(Some(owner), _) => {
				info!(%worker, operator = %owner, "working");
				self.operator.status.update(|s| s.operator = Some(owner.to_string()));
			}
			(None, _) => warn!(%worker, "the key is registered for no operator yet: run `autonomy-worker register`"),
		}
		self.owner.clone_from(&found);
		Ok(found)
	}

	/// Finds the models that the operator is on and queues the golden job of each whose present version is not proved. A new
	/// version has other weights, which are fetched for it; seats of the version before go on with those before. The operator
	/// can be drawn for those that are proved, so each is opened once: memory, files or settings may be others than when it was
	/// proved.
	async fn look_at_models(&mut self, owner: &AccountId) -> Result<(), Trouble> {
		let memberships = self.operator.chain.memberships(owner).await?;
		// One that was left is nobody's trouble any more, and one that is joined again begins anew.
		let joined: BTreeSet<_> = memberships.iter().map(|membership| membership.model).collect();
		self.golden_tried.retain(|(id, _), _| joined.contains(id));
		self.opening_tried.retain(|(id, _), _| joined.contains(id));
		self.unopened.retain(|(id, _), _| joined.contains(id));
		self.golden.retain(|view| joined.contains(&view.id));
		self.opening.retain(|view| joined.contains(&view.id));
		self.operator.status.update(|s| s.models.retain(|id, _| joined.contains(id)));
		for membership in memberships {
			let id = membership.model;
			let Some(view) = self.read_model(id).await? else { continue };
			let version = (id, view.weights_root);
			if self.proving.get(&id).is_some_and(|(root, _)| *root != view.weights_root) {
				self.proving.remove(&id);
			}
			if membership.proved == Some(view.weights_root) {
				self.proving.remove(&id);
				self.golden_tried.remove(&version);
				let state = self.unopened.get(&version).map_or(PROVED, String::as_str).to_owned();
				self.operator.status.update(|s| drop(s.models.insert(id, state)));
				if self.opening_tried.get(&version).is_none_or(|again| self.head >= *again) {
					self.opening_tried.insert(version, BlockNumber::MAX);
					self.opening.push_back(view);
				}
				continue;
			}
			if self.golden_tried.get(&version).is_none_or(|again| self.head >= *again) {
				self.golden_tried.insert(version, BlockNumber::MAX);
				self.operator.status.update(|s| drop(s.models.insert(id, "waiting for its golden job".into())));
				self.golden.push_back(view);
			}
		}
		Ok(())
	}

	/// Has a model's registration at hand. One that is of other weights than a job's may be old, so it is read again.
	async fn model(&mut self, id: ModelId, weights_root: &Digest) -> Result<(), Trouble> {
		if self.models.get(&id).is_none_or(|view| view.weights_root != *weights_root) {
			self.read_model(id).await?;
		}
		Ok(())
	}

	async fn read_model(&mut self, id: ModelId) -> Result<Option<ModelView>, Trouble> {
		let view = self.operator.chain.model(id).await?;
		if let Some(view) = &view {
			self.models.insert(id, view.clone());
		}
		Ok(view)
	}

	/// Takes the next step of a job that has not ended.
	fn seat(&mut self, job: JobId, owner: &AccountId) -> Result<(), Trouble> {
		let Some(view) = self.views.get(&job) else { return Ok(()) };
		let (place, state, model) = (view.place(owner), view.state, view.model);
		// An evaluation names the versions that it takes itself.
		let is_evaluation = matches!(view.input, JobInput::Evaluation(_));
		let version = (model, view.weights_root);
		self.lost_seats(job, owner, place.as_ref())?;
		let Some(Place { role, round, commitment, found, .. }) = place else { return Ok(()) };
		let queue = self.operator.queue.clone();
		let seat = match queue.get(job, round)? {
			Some(seat) => seat,
			None if commitment.is_some() || found.is_some() => {
				if self.alarms.insert(job) {
					error!(
						job,
						"the chain has a commitment of this operator whose answer is not in this data folder: \
						the reveal will be missed; was the worker started with another data_dir?"
					);
				}
				return Ok(());
			}
			None => {
				info!(job, model, round, role = role.name(), "seat assigned");
				queue.assign(job, round, role, model)?
			}
		};
		// The chain takes a seat back in the first blocks only, so it does not wait behind a run.
		let hopeless = self.unopened.get(&version).filter(|_| !is_evaluation && role == Role::Committee);
		if let (Some(why), None, Stage::Assigned) = (hopeless, commitment, &seat.stage) {
			error!(job, model, "{why}");
			queue.run_failed(job, round, 1, why)?;
			self.decline(job, round);
			return Ok(());
		}
		if seat.stage.ended() {
			return Ok(());
		}
		if found.is_some() {
			if let Some(answer) = seat.stage.answer() {
				if commitment.is_some_and(|hash| answer.commitment(job, round, owner) != hash) {
					return self.foreign(job, round);
				}
				queue.revealed(job, round)?;
				self.release(job);
			}
			return Ok(());
		}
		if role == Role::Auditor {
			return match (state, seat.stage.answer()) {
				(JobState::Auditing(_), Some(answer)) => self.audit(&seat, answer),
				_ => Ok(()),
			};
		}
		let Some(hash) = commitment else {
			return match (state, &seat.stage) {
				(JobState::Committing(_) | JobState::JuryCommitting(_), Stage::Computed(_) | Stage::CommitSent(_)) => {
					self.commit(&seat, owner)
				}
				_ => Ok(()),
			};
		};
		let Some(answer) = seat.stage.answer() else { return self.foreign(job, round) };
		if answer.commitment(job, round, owner) != hash {
			return self.foreign(job, round);
		}
		if !matches!(seat.stage, Stage::RevealSent(_)) {
			queue.committed(job, round)?;
		}
		match (role, state) {
			(Role::Committee, JobState::Revealing(_)) | (Role::Juror, JobState::JuryRevealing(_)) => {
				self.reveal(&seat, answer, owner)
			}
			_ => Ok(()),
		}
	}

	/// Ends the records of seats that the chain took away from this operator while the job goes on.
	fn lost_seats(&mut self, job: JobId, owner: &AccountId, place: Option<&Place>) -> Result<(), Trouble> {
		let queue = self.operator.queue.clone();
		for seat in queue.unfinished()?.into_iter().filter(|s| s.job == job) {
			if place.is_some_and(|place| place.round == seat.round) {
				continue;
			}
			let news = self.news.get(&job).map_or(&[][..], Vec::as_slice);
			let missed = news.iter().find_map(|event| match event {
				JobEvent::Missed { operator, committed, penalty } if operator == owner => Some((*committed, *penalty)),
				_ => None,
			});
			let declined = news.iter().any(|event| matches!(event, JobEvent::Declined(who) if who == owner));
			let (outcome, why) = match missed {
				Some((true, amount)) => (Outcome::Unrevealed { amount }, "not revealed in time"),
				Some((false, amount)) => (Outcome::Missed { amount }, "not in time"),
				None if declined => (Outcome::Declined, "given back"),
				None => (Outcome::Missed { amount: 0 }, "the seat was given to another operator"),
			};
			if outcome != Outcome::Declined {
				warn!(job, round = seat.round, role = seat.role.name(), "{why}");
			}
			self.close(&seat, outcome, why)?;
		}
		Ok(())
	}

	/// Writes the end of a seat into the books, then into the queue: killed between, it is written again.
	fn close(&mut self, seat: &Seat, outcome: Outcome, why: &str) -> Result<(), QueueError> {
		let (job, round, answer) = (seat.job, seat.round, seat.stage.answer());
		let mine = answer.map(|a| a.result);
		let findings = self.views.get(&job).map(JobView::findings).unwrap_or_default();
		let others = findings.into_iter().filter(|(who, ..)| Some(who) != self.owner.as_ref());
		let end = JobEnd {
			job,
			round,
			role: seat.role,
			model: seat.model,
			outcome,
			result: mine,
			artifact: answer.map(|a| a.artifact).filter(|artifact| *artifact != NO_ARTIFACT),
			ended_at_unix: unix_time(),
			block: self.head,
			peers: others.filter_map(|(who, _, found)| Some((who, found.result == mine?))).collect(),
		};
		if let Err(error) = self.operator.ledger.record(&end) {
			error!(job, "{error}; the seat is missing in the books");
		}
		match (outcome, answer) {
			(Outcome::Paid { .. }, Some(_)) => self.operator.queue.done(job, round)?,
			_ => self.operator.queue.failed(job, round, why)?,
		};
		// A run for it would be for nothing.
		if self.work.as_ref().is_some_and(|w| w.seat == Some((job, round))) {
			self.cancel.store(true, Ordering::Relaxed);
		}
		Ok(())
	}

	/// The chain has a commitment for the seat that is not the queue's: another process has the key.
	fn foreign(&mut self, job: JobId, round: u32) -> Result<(), Trouble> {
		error!(
			job,
			"the chain has another commitment of this operator than this worker's: a second worker has its key"
		);
		self.operator.queue.failed(job, round, "the chain has a commitment that another process made")?;
		Ok(())
	}

	fn commit(&mut self, seat: &Seat, owner: &AccountId) -> Result<(), Trouble> {
		let (job, round) = (seat.job, seat.round);
		let tx = Tx::Commit(job, round);
		if !self.may_send(tx, job) {
			return Ok(());
		}
		let seat = self.operator.queue.commit_sent(job, round)?;
		let Some(answer) = seat.stage.answer() else { return Ok(()) };
		let hash = answer.commitment(job, round, owner);
		let chain = self.operator.chain.clone();
		info!(job, commitment = %hex::encode(hash), "committing");
		self.transactions.spawn(async move { (tx, chain.commit(job, hash).await) });
		self.in_flight.insert(job, tx);
		Ok(())
	}

	fn reveal(&mut self, seat: &Seat, answer: Answer, owner: &AccountId) -> Result<(), Trouble> {
		let (job, round) = (seat.job, seat.round);
		let tx = Tx::Reveal(job, round);
		if !self.may_send(tx, job) {
			return Ok(());
		}
		let seat = self.operator.queue.reveal_sent(job, round)?;
		let (chain, owner) = (self.operator.chain.clone(), *owner);
		info!(job, result = %hex::encode(answer.result), "revealing");
		self.transactions.spawn(async move { (tx, chain.reveal(job, &owner, &answer, seat.opening).await) });
		self.in_flight.insert(job, tx);
		Ok(())
	}

	fn audit(&mut self, seat: &Seat, answer: Answer) -> Result<(), Trouble> {
		let (job, round) = (seat.job, seat.round);
		let tx = Tx::Audit(job, round);
		if !self.may_send(tx, job) {
			return Ok(());
		}
		let seat = self.operator.queue.audit_sent(job, round)?;
		let chain = self.operator.chain.clone();
		info!(job, result = %hex::encode(answer.result), "auditing");
		self.transactions.spawn(async move { (tx, chain.audit(job, &answer, seat.opening).await) });
		self.in_flight.insert(job, tx);
		Ok(())
	}

	/// Gives a seat back, so that another operator is drawn in time. The chain takes it in the first blocks only.
	fn decline(&mut self, job: JobId, round: u32) {
		let tx = Tx::Decline(job, round);
		let committing = self.views.get(&job).is_some_and(|view| matches!(view.state, JobState::Committing(_)));
		if !committing || !self.may_send(tx, job) {
			return;
		}
		info!(job, "giving the seat back");
		let chain = self.operator.chain.clone();
		self.transactions.spawn(async move { (tx, chain.decline(job).await) });
		self.in_flight.insert(job, tx);
	}

	/// Sends the proofs that are due.
	fn prove(&mut self) {
		let due: Vec<_> = self.proving.iter().map(|(model, (_, result))| (*model, *result)).collect();
		for (model, result) in due {
			let tx = Tx::Prove(model);
			if self.proving_now.contains(&model) || self.paused(tx) {
				continue;
			}
			let chain = self.operator.chain.clone();
			info!(model, result = %hex::encode(result), "proving the engine");
			self.transactions.spawn(async move { (tx, chain.prove_engine(model, result).await) });
			self.proving_now.insert(model);
		}
	}

	/// Sends the reports of evaluations and ballots that are due. Every seat sends one; the chain takes the first.
	fn report(&mut self) -> Result<(), QueueError> {
		for (job, report) in self.operator.queue.reports()? {
			let tx = Tx::Report(job, report.call());
			if !self.may_send(tx, job) {
				continue;
			}
			let chain = self.operator.chain.clone();
			match report {
				Report::Evaluation { base, candidate } => info!(job, base, candidate, "reporting the evaluation"),
				Report::Ballot { decision, .. } => info!(job, ?decision, "reporting the ballot"),
			}
			self.transactions.spawn(async move { (tx, chain.report(job, report).await) });
			self.in_flight.insert(job, tx);
		}
		Ok(())
	}

	fn may_send(&self, tx: Tx, job: JobId) -> bool {
		!self.in_flight.contains_key(&job) && !self.paused(tx)
	}

	fn paused(&self, tx: Tx) -> bool {
		self.pauses.get(&tx).is_some_and(|(until, _)| self.head < *until)
	}

	/// A transaction reached its end.
	async fn sent(&mut self, tx: Tx, outcome: Result<(), ChainError>) -> Result<(), RunError> {
		let name = tx.name();
		match tx {
			Tx::Commit(job, _) | Tx::Reveal(job, _) | Tx::Audit(job, _) | Tx::Decline(job, _) | Tx::Report(job, _) => {
				self.in_flight.remove(&job);
			}
			Tx::Prove(model) => {
				self.proving_now.remove(&model);
			}
		}
		match outcome {
			Ok(()) => {
				metrics::counter!("autonomy_transactions_total", "call" => name, "outcome" => "finalized").increment(1);
				self.pauses.remove(&tx);
				match tx {
					Tx::Commit(job, round) => {
						info!(job, "committed");
						self.operator.queue.committed(job, round)?;
					}
					Tx::Reveal(job, round) | Tx::Audit(job, round) => {
						info!(job, "{}", if matches!(tx, Tx::Audit(..)) { "audited" } else { "revealed" });
						self.operator.queue.revealed(job, round)?;
						self.release(job);
					}
					Tx::Decline(job, _) => info!(job, "the seat was given back"),
					Tx::Prove(model) => {
						info!(model, "engine proved: the operator can be drawn for this model");
						self.proving.remove(&model);
						self.operator.status.update(|s| drop(s.models.insert(model, PROVED.into())));
					}
					Tx::Report(job, _) => {
						info!(job, "what the job found is reported");
						self.operator.queue.reported(job)?;
					}
				}
			}
			Err(error @ ChainError::Refused { .. }) if matches!(tx, Tx::Decline(..) | Tx::Report(..)) => {
				info!(?tx, "{error}");
				// Another seat's report came first, as a rule.
				if let Tx::Report(job, _) = tx {
					self.operator.queue.reported(job)?;
				}
			}
			Err(error @ ChainError::Invalid { .. }) if matches!(tx, Tx::Decline(..)) => info!(?tx, "{error}"),
			// A report whose fee could not be paid among them: it is still owed.
			Err(error) => {
				let refused = matches!(error, ChainError::Refused { .. } | ChainError::Invalid { .. });
				let outcome = if refused { "refused" } else { "lost" };
				metrics::counter!("autonomy_transactions_total", "call" => name, "outcome" => outcome).increment(1);
				let failures = self.pauses.get(&tx).map_or(0, |(_, n)| *n).saturating_add(1);
				let pause = (1u32 << failures.min(5)).min(LONGEST_PAUSE);
				self.pauses.insert(tx, (self.head.saturating_add(pause), failures));
				warn!(?tx, pause, "{error}; looking again in {pause} blocks");
			}
		}
		self.sync(self.head).await
	}

	/// A job is no longer among the open ones.
	async fn ended(&mut self, job: JobId, owner: &AccountId) -> Result<(), Trouble> {
		let provenance = self.operator.chain.provenance(job).await?;
		// Another node may have answered than at the start of this look.
		self.up_to_date().await?;
		for seat in self.operator.queue.unfinished()?.into_iter().filter(|s| s.job == job) {
			let (earned, lost) = self.amounts(&seat, owner, provenance.as_ref().map(|p| p.result));
			let answer = seat.stage.answer();
			if let Some((row, answer)) = provenance.as_ref().zip(answer).filter(|(row, mine)| row.result == mine.result)
			{
				self.note_report(job, row, answer.artifact).await?;
			}
			let (outcome, why) = match (&provenance, answer) {
				_ if lost > 0 => {
					error!(
						job,
						"the job ended with another result than this worker's: run `autonomy-worker explain {job}`"
					);
					(Outcome::Slashed { amount: lost }, "the job ended with another result")
				}
				(Some(p), Some(answer)) if p.result == answer.result => {
					info!(job, result = %hex::encode(p.result), role = seat.role.name(), "final: the seat is paid");
					(Outcome::Paid { amount: earned }, "")
				}
				(Some(_), Some(_)) => {
					error!(
						job,
						"the job became final with another result than this worker's: run `autonomy-worker explain {job}`"
					);
					(Outcome::Slashed { amount: 0 }, "the job became final with another result")
				}
				(Some(_), None) => {
					warn!(job, "the job became final without this worker");
					(Outcome::Missed { amount: 0 }, "the job became final without this worker")
				}
				(None, Some(_)) if earned > 0 => {
					info!(job, "the job's input is at fault; the seat is paid for finding that");
					(Outcome::Paid { amount: earned }, "")
				}
				(None, _) => {
					warn!(job, "the job ended without a result; its requester was refunded");
					(Outcome::Refunded, "the job ended without a result")
				}
			};
			self.close(&seat, outcome, why)?;
		}
		self.release(job);
		self.views.remove(&job);
		self.alarms.remove(&job);
		self.waits.retain(|(waiting, _), _| *waiting != job);
		Ok(())
	}

	/// Notes that what a final evaluation or ballot found is to be reported. It is in the file that was stored, and it is what
	/// the chain's result is a digest of; of any other job nothing of the kind can be found.
	async fn note_report(&self, job: JobId, row: &Provenance, artifact: Cid) -> Result<(), QueueError> {
		let other = |view: &JobView| !matches!(view.input, JobInput::Evaluation(_) | JobInput::Ballot(_));
		if artifact == NO_ARTIFACT || self.views.get(&job).is_some_and(other) {
			return Ok(());
		}
		let file = match self.operator.artifacts.get(artifact).await {
			Ok(file) => file,
			Err(error) => {
				warn!(job, "{error}; should it be an evaluation or a ballot, its report is left to others");
				None
			}
		};
		match file.and_then(|file| report_in(&file, row, self.genesis)) {
			Some(report) => self.operator.queue.report_due(job, report),
			None => Ok(()),
		}
	}

	/// Lets everybody have the steps of a run whose answer nobody can copy any more.
	fn release(&self, job: JobId) {
		self.operator.traces.release(job).unwrap_or_else(|error| warn!(job, "{error:#}; its steps are not served"));
	}

	/// What a seat of an ended job earned and lost, in planck, from the events of its end.
	fn amounts(&self, seat: &Seat, owner: &AccountId, result: Option<Digest>) -> (u128, u128) {
		let news = self.news.get(&seat.job).map_or(&[][..], Vec::as_slice);
		let sum = |amounts: &mut dyn Iterator<Item = u128>| amounts.fold(0u128, u128::saturating_add);
		let lost = sum(&mut news.iter().filter_map(|event| match event {
			JobEvent::Slashed { operator, amount } if operator == owner => Some(*amount),
			_ => None,
		}));
		let Some(answer) = seat.stage.answer() else { return (0, lost) };
		let found_fault = answer.trace_root == NO_TRACE;
		let right = lost == 0 && result.map_or(found_fault, |result| result == answer.result);
		if !right {
			return (0, lost);
		}
		let mut earned = sum(&mut news.iter().filter_map(|event| match event {
			JobEvent::Final { operators, each } if operators.contains(owner) => Some(*each),
			JobEvent::Failed { each, .. } if seat.role == Role::Committee => Some(*each),
			JobEvent::Shared { each_honest, .. } if seat.role != Role::Auditor => Some(*each_honest),
			JobEvent::Shared { accuser, reward, .. } if accuser.as_ref() == Some(owner) => Some(*reward),
			JobEvent::ChallengeEnded { each_juror, .. } if seat.role == Role::Juror => Some(*each_juror),
			_ => None,
		}));
		if let (Role::Auditor, Some(view)) = (seat.role, self.views.get(&seat.job)) {
			earned = earned.saturating_add(view.audit_reserve);
		}
		(earned, lost)
	}

	/// Starts the next run if none is in progress: the job whose deadline is nearest, else a golden job.
	fn start_work(&mut self) {
		if self.work.is_some() {
			return;
		}
		let Some(owner) = self.owner else { return };
		let queue = &self.operator.queue;
		let assigned = |job, round| matches!(queue.get(job, round), Ok(Some(Seat { stage: Stage::Assigned, .. })));
		let next = self
			.views
			.values()
			.filter_map(|view| match (view.state, view.seed, view.place(&owner)) {
				(
					JobState::Committing(deadline) | JobState::Auditing(deadline) | JobState::JuryCommitting(deadline),
					Some(seed),
					Some(place),
				) => Some((deadline, view, seed, place)),
				_ => None,
			})
			.filter(|(_, view, _, place)| assigned(view.id, place.round))
			.filter(|(_, view, _, place)| {
				self.waits.get(&(view.id, place.round)).is_none_or(|again| self.head >= *again)
			})
			.filter_map(|(deadline, view, seed, place)| {
				Some((deadline, view, seed, place, self.models.get(&view.model)?))
			})
			.min_by_key(|(deadline, view, ..)| (*deadline, view.id));
		let (seat, draw, task, is_opening) = match next {
			Some((_, view, seed, place, model)) => {
				let (model, weights_root, input) = (model.clone(), view.weights_root, view.input.clone());
				let task = Task { model, weights_root, input, seed, genesis: self.genesis };
				(Some((view.id, place.round)), place.draw, task, false)
			}
			None => match self.opening.pop_front() {
				Some(model) => (None, None, Task::golden(model), true),
				None => {
					let Some(model) = self.golden.pop_front() else { return };
					(None, None, Task::golden(model), false)
				}
			},
		};
		let (model, weights_root) = (task.model.id, task.weights_root);
		match seat {
			Some((job, _)) => info!(job, model, "computing"),
			None if is_opening => info!(model, "opening the model"),
			None => info!(model, "computing the golden job"),
		}
		self.cancel = Arc::default();
		let (compute, cancel, status) =
			(self.operator.compute.clone(), self.cancel.clone(), self.operator.status.clone());
		let job = seat.map(|s| s.0);
		let handle = tokio::task::spawn_blocking(move || {
			if is_opening {
				return open_model(&*compute, &task, &status).map(|()| None);
			}
			let opening = draw.map(|draw| (owner.0, draw));
			run_task(&*compute, &task, opening, job, &cancel, &status).map(Some)
		});
		self.work = Some(Work { seat, is_opening, model, weights_root, handle });
	}

	/// A run ended.
	async fn computed(&mut self, done: Done) -> Result<(), RunError> {
		let Done { seat, is_opening, model, weights_root, outcome } = done;
		self.operator.status.update(|s| s.running = None);
		match (seat, outcome) {
			(Some((job, round)), Ok(Some(made))) => {
				info!(job, seconds = made.seconds, result = %hex::encode(made.computed.result), "computed");
				self.keep(job, round, made).await?;
			}
			(None, Ok(Some(made))) => self.golden_done(model, weights_root, &made.computed),
			(_, Ok(None)) => self.opening_done(model, weights_root, None),
			(_, Err(ComputeError::Cancelled)) => debug!(model, "run cancelled"),
			// What every honest machine finds in the same input is an answer too. What only this one may find is not: others
			// may have more memory or time.
			(Some((job, round)), Err(ComputeError::Fault(fault))) if fault.code != FaultCode::ResourceLimit => {
				warn!(job, model, "the input is at fault: {fault}");
				self.answer_fault(job, round, fault.code)?;
			}
			(Some((job, round)), Err(ComputeError::Missing(why))) => self.missing(job, round, &why)?,
			(Some((job, round)), Err(error)) => {
				// An input that ended the engine twice is not tried again; a machine's own trouble once more.
				let most = if matches!(error, ComputeError::Machine(_)) { MOST_ATTEMPTS } else { 1 };
				error!(job, model, "the run failed: {error}");
				metrics::counter!("autonomy_runs_failed_total").increment(1);
				let seat = self.operator.queue.run_failed(job, round, most, &error.to_string())?;
				if seat.stage.ended() && seat.role == Role::Committee {
					self.decline(job, round);
				}
			}
			(None, Err(error)) if is_opening => self.opening_done(model, weights_root, Some(&error)),
			(None, Err(error)) => {
				error!(model, "the golden job failed, so the model is not served: {error}");
				self.golden_tried.insert((model, weights_root), self.head.saturating_add(GOLDEN_AGAIN));
				self.operator.status.update(|s| drop(s.models.insert(model, error.to_string())));
			}
		}
		self.sync(self.head).await
	}

	/// Answers with a fault of the input.
	fn answer_fault(&self, job: JobId, round: u32, code: FaultCode) -> Result<(), RunError> {
		let answer = Answer { result: code.digest(), trace_root: NO_TRACE, artifact: NO_ARTIFACT, salt: salt()? };
		self.operator.queue.computed(job, round, answer, None)?;
		Ok(())
	}

	/// Something that an input names is nowhere to be had. It may still come, so it is looked for until the time is nearly
	/// over. What nobody has by then is the input's fault; but what somebody had who found a result is only missing here.
	fn missing(&mut self, job: JobId, round: u32, why: &str) -> Result<(), RunError> {
		let Some(view) = self.views.get(&job) else { return Ok(()) };
		let fault = FaultCode::InputRejected;
		let nobody = view.findings().iter().all(|(.., found)| found.result == fault.digest());
		let left = view.state.until().saturating_sub(self.head);
		if left > GIVE_UP {
			warn!(job, left, "{why}; looking again in {LOOK_AGAIN} blocks");
			self.waits.insert((job, round), self.head.saturating_add(LOOK_AGAIN));
			return Ok(());
		}
		if nobody {
			warn!(job, "the input is at fault: {why}");
			return self.answer_fault(job, round, fault);
		}
		error!(job, "{why}, and others had it: the seat is missed; are artifacts.peers complete?");
		self.operator.queue.run_failed(job, round, 1, why)?;
		Ok(())
	}

	/// Stores an answer: the file first, then the record, then nothing can change it any more.
	async fn keep(&mut self, job: JobId, round: u32, made: Made) -> Result<(), RunError> {
		let Made { computed, trace, opening, .. } = made;
		self.keep_trace(job, &computed, &trace).unwrap_or_else(|error| warn!(job, "{error:#}; its steps are not kept"));
		let Computed { result, trace_root, artifact, bytes } = computed;
		if let Err(error) = self.operator.artifacts.put(artifact, bytes).await {
			error!(job, "{error}; the job is run again");
			self.operator.queue.run_failed(job, round, MOST_ATTEMPTS, &error.to_string())?;
			return Ok(());
		}
		self.operator.queue.computed(job, round, Answer { result, trace_root, artifact, salt: salt()? }, opening)?;
		Ok(())
	}

	/// Writes the steps of a run to disk.
	fn keep_trace(&self, job: JobId, computed: &Computed, trace: &Trace) -> anyhow::Result<()> {
		// A job that ended meanwhile wants no answer any more.
		let Some(view) = self.views.get(&job) else { return Ok(()) };
		let subject = Subject {
			job,
			genesis: Hash32(self.genesis),
			model: view.model,
			name: String::new(),
			engine: Hash32(view.engine),
			weights_root: Hash32(view.weights_root),
			input_hash: Hash32(input_hash(&view.input)),
			seed: Hash32(view.seed.unwrap_or_default()),
		};
		let machine = Machine::this(autonomy_kernels::isa());
		self.operator.traces.keep(&TraceFile::of_run(subject, machine, trace, Ok(computed))?)
	}

	/// A model whose engine is proved, so that the chain draws this operator for it, was opened, or cannot be.
	fn opening_done(&mut self, model: ModelId, weights_root: Digest, failed: Option<&ComputeError>) {
		let version = (model, weights_root);
		let Some(error) = failed else {
			if self.unopened.remove(&version).is_some() {
				info!(model, "the model can be opened again");
				self.operator.status.update(|s| drop(s.models.insert(model, PROVED.into())));
			}
			return;
		};
		let why = format!("it cannot be opened here, and the chain still draws this operator for it: {error}");
		error!(model, "{why}; mend that, or leave the model by inference.leaveModel until it is");
		self.opening_tried.insert(version, self.head.saturating_add(GOLDEN_AGAIN));
		self.operator.status.update(|s| drop(s.models.insert(model, why.clone())));
		self.unopened.insert(version, why);
	}

	fn golden_done(&mut self, model: ModelId, weights_root: Digest, computed: &Computed) {
		// A run opened it.
		self.opening_tried.insert((model, weights_root), BlockNumber::MAX);
		let Some(view) = self.models.get(&model) else { return };
		if view.weights_root != weights_root {
			// The model got another version meanwhile, whose golden job comes at the next look.
			self.golden_tried.remove(&(model, weights_root));
			return;
		}
		if computed.result == view.golden_result {
			self.proving.insert(model, (weights_root, computed.result));
			self.operator.status.update(|s| drop(s.models.insert(model, "proving".into())));
			return;
		}
		let why = format!(
			"the golden job gave 0x{}, the chain says 0x{}: this machine must not take jobs of the model",
			hex::encode(computed.result),
			hex::encode(view.golden_result)
		);
		error!(model, "{why}");
		self.operator.status.update(|s| drop(s.models.insert(model, why)));
	}

	/// Gives back the seats that were not begun, and goes on for the others.
	fn begin_drain(&mut self) -> Result<(), RunError> {
		info!(seconds = self.operator.drain.as_secs(), "stopping: commitments are opened first");
		// Whoever reads that the worker is stopping can rely on it: the run in progress is told first.
		let at_once = self.operator.drain.is_zero();
		if at_once {
			self.cancel.store(true, Ordering::SeqCst);
		}
		self.operator.status.update(|s| s.draining = true);
		self.until = Some(tokio::time::Instant::now() + self.operator.drain);
		if at_once {
			return Ok(());
		}
		let running = self.work.as_ref().and_then(|work| work.seat);
		for seat in self.operator.queue.unfinished()? {
			let begun = running == Some((seat.job, seat.round)) || seat.stage != Stage::Assigned;
			if !begun && seat.role == Role::Committee {
				self.decline(seat.job, seat.round);
			}
		}
		Ok(())
	}

	/// Whether a stopping worker has nothing left that cannot wait for its next start.
	fn drained(&self) -> Result<bool, RunError> {
		if self.until.is_none() || self.work.is_some() || !self.transactions.is_empty() {
			return Ok(false);
		}
		let waits = |seat: &Seat| matches!(seat.stage, Stage::Assigned | Stage::Revealed(_));
		Ok(self.operator.queue.unfinished()?.iter().all(waits))
	}

	/// Ends the run after its step in progress, keeps what was computed, and waits a while for transactions.
	async fn drain(mut self) -> Result<(), RunError> {
		self.cancel.store(true, Ordering::Relaxed);
		self.operator.status.update(|s| s.draining = true);
		if self.work.is_some() {
			info!("stopping after the step in progress");
			let Done { seat, outcome, .. } = finished(&mut self.work).await;
			if let (Some((job, round)), Ok(Some(made))) = (seat, outcome) {
				self.keep(job, round, made).await?;
			}
		}
		if !self.transactions.is_empty() {
			info!(count = self.transactions.len(), "waiting for transactions");
		}
		let wait = async {
			while let Some(done) = self.transactions.join_next().await {
				match done {
					Ok((Tx::Commit(job, round), Ok(()))) => drop(self.operator.queue.committed(job, round)?),
					Ok((Tx::Reveal(job, round) | Tx::Audit(job, round), Ok(()))) => {
						self.operator.queue.revealed(job, round)?;
						self.release(job);
					}
					Ok((Tx::Report(job, _), Ok(()) | Err(ChainError::Refused { .. }))) => {
						self.operator.queue.reported(job)?
					}
					_ => {}
				}
			}
			Ok::<_, QueueError>(())
		};
		match tokio::time::timeout(DRAIN, wait).await {
			Ok(result) => result?,
			Err(_) => warn!("transactions are still on their way; the next start goes on from the chain's state"),
		}
		info!("stopped");
		Ok(())
	}
}

/// What a stored file has to report of the final job that it belongs to.
fn report_in(file: &[u8], row: &Provenance, genesis: Digest) -> Option<Report> {
	if let Some(record) = ballot::of_job(file, row, genesis) {
		return Some(Report::Ballot { decision: record.decision, reasons: record.reasons.0 });
	}
	let losses = Losses::from_json(file)?;
	let (base, candidate) = (losses.base_loss, losses.candidate_loss);
	row.is_of(genesis, Modality::Evaluation, &losses.canonical()).then_some(Report::Evaluation { base, candidate })
}

/// Whether a state waits for a seat's next step.
fn awaits(state: JobState, seat: &Seat) -> bool {
	match state {
		JobState::Committing(_) => seat.role == Role::Committee && seat.stage.before_commitment(),
		JobState::JuryCommitting(_) => seat.role == Role::Juror && seat.stage.before_commitment(),
		JobState::Revealing(_) => seat.role == Role::Committee && !matches!(seat.stage, Stage::Revealed(_)),
		JobState::JuryRevealing(_) => seat.role == Role::Juror && !matches!(seat.stage, Stage::Revealed(_)),
		JobState::Auditing(_) => seat.role == Role::Auditor && !matches!(seat.stage, Stage::Revealed(_)),
		JobState::Open(_) | JobState::Agreed(_) | JobState::JuryDraw(_) => false,
	}
}

/// A salt that nobody can guess.
fn salt() -> Result<[u8; 32], RunError> {
	let mut salt = [0; 32];
	getrandom::fill(&mut salt).map_err(|e| RunError::Random(e.to_string()))?;
	Ok(salt)
}

/// Has what a task takes ready to run, on the thread of the caller.
fn open_model<E: Compute>(compute: &E, task: &Task, status: &Status) -> Result<(), ComputeError> {
	let (model, started) = (task.model.id, Instant::now());
	compute.load(task)?;
	let seconds = started.elapsed().as_secs();
	// A job has three budgets, two of which are for two runs.
	let budget = BLOCK_TIME.saturating_mul(task.model.budget).as_secs();
	if seconds > budget {
		warn!(
			model,
			seconds,
			budget,
			"opening the model took longer than its budget for a whole job: seats that have to open it may be late; raise \
			compute.resident_memory so that it stays open, or leave the model by inference.leaveModel"
		);
	}
	status.update(|s| s.resident = compute.residency());
	Ok(())
}

/// Runs one task on the thread of the caller, reporting each step. With an operator and a draw, it opens the chunk of the
/// trace that they pick.
fn run_task<E: Compute>(
	compute: &E,
	task: &Task,
	opening: Option<([u8; 32], Digest)>,
	job: Option<JobId>,
	cancel: &AtomicBool,
	status: &Status,
) -> Result<Made, ComputeError> {
	let model = task.model.id;
	open_model(compute, task, status)?;
	let mut meter = Meter::new();
	let mut progress = |Step { step, steps, said }: Step| {
		let (running, due) = meter.step(job, model, step, steps);
		metrics::counter!("autonomy_steps_total").increment(1);
		if due {
			let rate = (running.steps_per_second * 100.0).round() / 100.0;
			let left = running.seconds_left.round();
			match job {
				Some(job) => info!(job, model, step, steps, steps_per_second = rate, seconds_left = left, "progress"),
				None => info!(model, step, steps, steps_per_second = rate, seconds_left = left, "golden job"),
			}
		}
		log_said(job, model, step, said);
		status.update(|s| s.running = Some(running));
		!cancel.load(Ordering::Relaxed)
	};
	let (computed, opening, trace) = match opening {
		Some((operator, draw)) => {
			let (computed, opening, trace) = compute.open_trace(task, &operator, &draw, &mut progress)?;
			(computed, Some(opening), trace)
		}
		None => {
			let (computed, trace) = compute.trace(task, &mut progress)?;
			(computed, None, trace)
		}
	};
	let seconds = meter.seconds();
	metrics::histogram!("autonomy_compute_seconds").record(seconds);
	Ok(Made { computed, trace, opening, seconds })
}

/// Logs what a reply has gained by a step. The words are a stranger's as much as the model's: a line break in them must not
/// begin a line of the log, and no sequence of theirs may reach a terminal.
fn log_said(job: Option<JobId>, model: ModelId, step: u32, said: &str) {
	if !said.is_empty() {
		trace!(target: TOKENS, job, model, step, said = %said.escape_debug(), "reply");
	}
}

/// Inside one look at the chain: what is asked again, and what ends the worker.
enum Trouble {
	Chain(ChainError),
	Run(RunError),
}

impl From<ChainError> for Trouble {
	fn from(error: ChainError) -> Self {
		Self::Chain(error)
	}
}

impl From<QueueError> for Trouble {
	fn from(error: QueueError) -> Self {
		Self::Run(error.into())
	}
}
