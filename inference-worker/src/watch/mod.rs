//! Other operators' agreed jobs, run again. Whoever was wrong is challenged.
//!
//! A challenge puts a bond at stake, so the machine has to prove itself first. Nothing of a model is challenged before its
//! golden job came out right here, and no job before two runs of it, the second one in an engine that was started for it,
//! came to the same. A machine whose runs differ from each other challenges nothing any more.

#[cfg(test)]
mod tests;

use std::{
	collections::{BTreeMap, BTreeSet},
	fmt,
	mem::{discriminant, Discriminant},
	sync::Arc,
	time::Instant,
};

use autonomy_engine::digest::cid_text;
use autonomy_primitives::{
	fault::{FaultCode, NO_ARTIFACT, NO_TRACE},
	Digest, JobId, ModelId,
};
use sha2::{Digest as _, Sha256};
use tokio::{sync::watch, task::spawn_blocking};
use tracing::{error, info, warn};

use crate::{
	amount::Auton,
	chain::{
		follow, AccountId, Balance, BlockNumber, Chain, ChainError, Found, JobEvent, JobState, JobView, ModelView,
	},
	cli::hex32,
	run::{
		engine::{Compute, ComputeError, Computed, Task, BLOCK_TIME},
		stopped,
	},
};

/// Jobs that are remembered, so that none is looked at twice.
const MOST_REMEMBERED: usize = 100_000;
/// Blocks after which a challenge that got lost is sent again.
const RETRY: BlockNumber = 4;
/// Blocks whose events are read at most after a time without a node: a node keeps the state of about as many.
const GAP: BlockNumber = 256;
/// Blocks after which the time between them is taken from what was seen.
const LEAST_PACE: BlockNumber = 10;

/// Why a job is left alone that nobody can challenge any more.
const OVER: &str = "its time for challenges is over";
/// Why a machine challenges nothing.
const UNSOUND: &str = "this machine's own runs differ from each other";

/// What is looked at, and what is done about it.
#[derive(Clone, Debug)]
pub struct Rules {
	/// Part of the agreed jobs that is run again, 0 to 1.
	pub sample: f64,
	/// Models that are looked at; none stands for all.
	pub models: BTreeSet<ModelId>,
	/// The account that challenges.
	pub account: Option<AccountId>,
	/// Only report. Without an account, nothing else can be done.
	pub dry_run: bool,
	/// Look at the jobs of one block, and end.
	pub once: bool,
}

/// An account that cannot pay a challenge. Amounts are in planck.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Poor {
	/// The account.
	pub account: AccountId,
	/// Bond of the challenge.
	pub bond: Balance,
	/// Fee of its transaction.
	pub fee: Balance,
	/// What the account can spend.
	pub have: Balance,
}

impl Poor {
	fn needed(&self) -> Balance {
		self.bond.saturating_add(self.fee)
	}
}

impl fmt::Display for Poor {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let (needed, missing) = (self.needed(), self.needed().saturating_sub(self.have));
		write!(
			f,
			"a challenge takes {} AUTON (a bond of {} and a fee of about {}), {} can spend {}: send it at least {} more, by \
			 `autonomy-worker fund`",
			Auton(needed),
			Auton(self.bond),
			Auton(self.fee),
			self.account,
			Auton(self.have),
			Auton(missing)
		)
	}
}

/// How a challenge ended. Amounts are in planck.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
	/// The jury found this machine's result.
	Right {
		/// The bond, which came back.
		bond: Balance,
		/// What came with it, of what the others lost.
		reward: Balance,
	},
	/// The jury found another result.
	Wrong {
		/// The bond, which is the jury's.
		bond: Balance,
	},
	/// There was no verdict.
	Without {
		/// The bond, which came back.
		bond: Balance,
		/// Why the job failed.
		reason: String,
	},
	/// The node has dropped the block that says so.
	Unknown {
		/// The bond.
		bond: Balance,
	},
}

impl fmt::Display for Verdict {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match self {
			Self::Right { bond, reward } => {
				let (bond, reward) = (Auton(*bond), Auton(*reward));
				write!(f, "the challenge was right: the bond of {bond} AUTON is back, and {reward} AUTON come with it")
			}
			Self::Wrong { bond } => {
				write!(f, "the challenge was wrong: the bond of {} AUTON is the jury's", Auton(*bond))
			}
			Self::Without { bond, reason } => {
				write!(f, "the challenge had no verdict ({reason}): the bond of {} AUTON is back", Auton(*bond))
			}
			Self::Unknown { bond } => {
				let bond = Auton(*bond);
				write!(
					f,
					"the challenge has ended; the node has dropped the block that says what became of {bond} AUTON"
				)
			}
		}
	}
}

/// What there is to say about a job.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Said {
	/// This machine comes to the same.
	Agrees,
	/// This machine came twice to something else.
	Differs {
		/// What this machine found.
		here: Found,
		/// What the job was agreed on.
		there: Found,
	},
	/// This machine came to something else, and the second time to something else than the first.
	Unsound {
		/// What it found first.
		first: Found,
		/// What it found then.
		second: Found,
	},
	/// It would be challenged, for this bond in planck.
	Would(Balance),
	/// It is challenged, for this bond in planck.
	Challenged(Balance),
	/// It is not challenged yet: the account cannot pay for it.
	Poor(Poor),
	/// It differs and is not challenged, or not yet, and why.
	Unchallenged(String),
	/// It was not run, or its run gave nothing, and why.
	Skipped(String),
	/// What became of a challenge.
	Ended(Verdict),
}

impl fmt::Display for Said {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match self {
			Self::Agrees => f.write_str("agrees"),
			Self::Differs { here, there } => write!(f, "differs: {}", Difference(*here, *there)),
			Self::Unsound { first, second } => write!(
				f,
				"this machine's own runs differ ({}): nothing is challenged from it any more; test its memory",
				Difference(*second, *first)
			),
			Self::Would(bond) => write!(f, "would be challenged (bond {} AUTON)", Auton(*bond)),
			Self::Challenged(bond) => write!(f, "challenged (bond {} AUTON)", Auton(*bond)),
			Self::Poor(poor) => write!(f, "not challenged: {poor}"),
			Self::Unchallenged(why) => write!(f, "not challenged: {why}"),
			Self::Skipped(why) => write!(f, "skipped ({why})"),
			Self::Ended(verdict) => write!(f, "{verdict}"),
		}
	}
}

impl Said {
	/// Writes it to the log.
	pub fn log(&self, job: JobId) {
		match self {
			Self::Agrees | Self::Skipped(_) | Self::Challenged(_) | Self::Would(_) => info!(job, "{self}"),
			Self::Differs { .. } | Self::Unchallenged(_) => warn!(job, "{self}"),
			Self::Unsound { .. } | Self::Poor(_) | Self::Ended(Verdict::Wrong { .. }) => error!(job, "{self}"),
			Self::Ended(_) => info!(job, "{self}"),
		}
	}
}

/// The first thing in which what was found here, now, is not what was found on chain, or before.
struct Difference(Found, Found);

impl fmt::Display for Difference {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let Self(here, there) = self;
		if here.result != there.result {
			write!(f, "the result is {}, not {}", named(&here.result), named(&there.result))
		} else if here.trace_root != there.trace_root {
			write!(f, "the trace root is {}, not {}", hex32(&here.trace_root), hex32(&there.trace_root))
		} else {
			write!(f, "the stored file is {}, not {}", cid_text(&here.artifact), cid_text(&there.artifact))
		}
	}
}

/// A result for people: a fault by its name.
fn named(result: &Digest) -> String {
	FaultCode::of(result).map_or_else(|| hex32(result), |code| format!("fault {code:?}"))
}

/// What was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
	/// Agreed jobs that were seen.
	pub looked_at: u64,
	/// Jobs that were run again, to an end that can be compared.
	pub rerun: u64,
	/// Jobs on which this machine agrees.
	pub agreed: u64,
	/// Jobs on which it does not.
	pub differed: u64,
	/// Jobs that were challenged.
	pub challenged: u64,
	/// Jobs that were picked, and whose run gave nothing.
	pub skipped: u64,
	/// Signs that this machine is not to be trusted: golden jobs that came out wrong, runs that differ from each other.
	pub distrusted: u64,
	/// Challenges that no jury has judged yet.
	pub open: u64,
}

impl Tally {
	fn count(&mut self, said: &Said) {
		match said {
			Said::Agrees => (self.rerun, self.agreed) = (self.rerun + 1, self.agreed + 1),
			Said::Differs { .. } => (self.rerun, self.differed) = (self.rerun + 1, self.differed + 1),
			Said::Unsound { .. } => (self.rerun, self.distrusted) = (self.rerun + 1, self.distrusted + 1),
			Said::Challenged(_) => self.challenged += 1,
			Said::Skipped(_) => self.skipped += 1,
			Said::Would(_) | Said::Poor(_) | Said::Unchallenged(_) | Said::Ended(_) => {}
		}
	}
}

impl fmt::Display for Tally {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let Self { looked_at, rerun, agreed, differed, challenged, skipped, open, .. } = self;
		write!(
			f,
			"looked at {looked_at}, re-run {rerun}, agreed {agreed}, differed {differed}, challenged {challenged}, skipped {skipped}"
		)?;
		match open {
			0 => Ok(()),
			open => write!(f, "; {open} challenges are not judged yet, `autonomy-worker show JOB` tells when they are"),
		}
	}
}

/// A job that was found to be wrong and is not challenged yet.
#[derive(Clone, Copy)]
struct Claim {
	/// What this machine found.
	found: Found,
	seat_fee: Balance,
	/// Before this block it is not sent again.
	after: BlockNumber,
	/// What was said last about why it is not challenged yet.
	explained: Option<Discriminant<Said>>,
}

/// A challenge that is on chain.
struct Open {
	bond: Balance,
	won: Option<bool>,
	reward: Balance,
	/// How the job ended, once it has.
	over: Option<String>,
}

impl Open {
	fn note(&mut self, event: JobEvent, challenger: Option<AccountId>) {
		match event {
			JobEvent::Shared { accuser, reward, .. } if accuser == challenger => {
				self.reward = self.reward.saturating_add(reward);
			}
			JobEvent::ChallengeEnded { challenger: who, won, .. } if Some(who) == challenger => self.won = Some(won),
			JobEvent::Final { .. } => self.over = Some("final".into()),
			JobEvent::Failed { reason, .. } => self.over = Some(reason),
			JobEvent::Shared { .. }
			| JobEvent::ChallengeEnded { .. }
			| JobEvent::Missed { .. }
			| JobEvent::Declined(_)
			| JobEvent::Slashed { .. }
			| JobEvent::EngineFault(_) => {}
		}
	}

	/// How it ended, once the job has.
	fn verdict(&self) -> Option<Verdict> {
		let (bond, reward, reason) = (self.bond, self.reward, self.over.clone()?);
		Some(match self.won {
			Some(true) => Verdict::Right { bond, reward },
			Some(false) => Verdict::Wrong { bond },
			None => Verdict::Without { bond, reason },
		})
	}
}

/// How fast blocks come.
struct Pace {
	first: Option<(Instant, BlockNumber)>,
	seconds: f64,
}

impl Pace {
	fn see(&mut self, head: BlockNumber) {
		let (began, first) = *self.first.get_or_insert((Instant::now(), head));
		let blocks = head.saturating_sub(first);
		if blocks >= LEAST_PACE {
			self.seconds = began.elapsed().as_secs_f64() / f64::from(blocks);
		}
	}
}

/// Why a job is not compared.
enum Obstacle {
	/// The chain did not answer. It is asked again.
	Chain(ChainError),
	/// The watch is over.
	Stopped,
	/// Something that stays.
	Reason(String),
}

impl From<ChainError> for Obstacle {
	fn from(error: ChainError) -> Self {
		Self::Chain(error)
	}
}

impl From<ComputeError> for Obstacle {
	fn from(error: ComputeError) -> Self {
		match error {
			ComputeError::Cancelled => Self::Stopped,
			error => Self::Reason(format!("this machine cannot run it: {error}")),
		}
	}
}

/// Is told whatever there is to say about a job.
type Say = Box<dyn FnMut(JobId, &Said) + Send>;

/// Looks at other operators' jobs.
pub struct Watcher<C, E> {
	chain: Arc<C>,
	compute: Arc<E>,
	rules: Rules,
	/// What the sample is picked by.
	key: [u8; 32],
	stop: watch::Receiver<bool>,
	say: Say,
	genesis: Digest,
	/// The account and the operator that it works for.
	mine: Vec<AccountId>,
	head: BlockNumber,
	pace: Pace,
	/// Each version of a model, by its weights root, that this machine runs as the chain has it, or why nothing of it is
	/// compared.
	models: BTreeMap<(ModelId, Digest), Result<ModelView, String>>,
	/// How long the last run of each took.
	seconds: BTreeMap<ModelId, f64>,
	unsound: bool,
	taken: bool,
	looked_at: BTreeSet<JobId>,
	waiting: BTreeMap<JobId, JobView>,
	claims: BTreeMap<JobId, Claim>,
	open: BTreeMap<JobId, Open>,
	/// The last block whose events were read.
	cursor: BlockNumber,
	/// Whether events of open challenges may have been missed.
	gap: bool,
	tally: Tally,
}

impl<C: Chain, E: Compute> Watcher<C, E> {
	/// A watcher that ends when `stop` turns true, and tells `say` whatever there is to say about a job. The `key` must be
	/// known to nobody: it decides which jobs are run again.
	pub fn new(
		chain: Arc<C>,
		compute: Arc<E>,
		rules: Rules,
		key: [u8; 32],
		stop: watch::Receiver<bool>,
		say: impl FnMut(JobId, &Said) + Send + 'static,
	) -> Self {
		Self {
			chain,
			compute,
			rules,
			key,
			stop,
			say: Box::new(say),
			genesis: [0; 32],
			mine: Vec::new(),
			head: 0,
			pace: Pace { first: None, seconds: BLOCK_TIME.as_secs_f64() },
			models: BTreeMap::new(),
			seconds: BTreeMap::new(),
			unsound: false,
			taken: false,
			looked_at: BTreeSet::new(),
			waiting: BTreeMap::new(),
			claims: BTreeMap::new(),
			open: BTreeMap::new(),
			cursor: 0,
			gap: false,
			tally: Tally::default(),
		}
	}

	/// Watches until it is told to stop or, with [`Rules::once`], until the jobs of the newest finalized block are done.
	///
	/// Fails when no node can be worked with. One that does not answer is asked again at the next block, unless that is at
	/// the start or with [`Rules::once`].
	pub async fn run(mut self) -> Result<Tally, ChainError> {
		self.genesis = self.chain.genesis().await?;
		if let Some(account) = self.rules.account {
			self.mine.push(account);
			self.mine.extend(self.chain.operator_of(&account).await?);
		}
		let (sender, heads) = watch::channel(None);
		let chain = self.chain.clone();
		let follower = (!self.rules.once).then(|| tokio::spawn(follow(chain, sender, |_| {})));
		let result = self.watch(heads).await;
		if let Some(follower) = follower {
			follower.abort();
		}
		result?;
		for (id, claim) in std::mem::take(&mut self.claims) {
			if claim.explained.is_none() {
				self.tell(id, Said::Unchallenged("the watch ended first".into()));
			}
		}
		self.tally.open = self.open.len() as u64;
		Ok(self.tally)
	}

	async fn watch(&mut self, mut heads: watch::Receiver<Option<BlockNumber>>) -> Result<(), ChainError> {
		while !self.is_stopped() {
			match self.round().await {
				Ok(true) => continue,
				Ok(false) if self.rules.once => return Ok(()),
				Ok(false) => {}
				Err(error @ (ChainError::OtherChain { .. } | ChainError::Incompatible(_))) => return Err(error),
				Err(error) if self.rules.once => return Err(error),
				Err(error) => warn!("{error}; asking again at the next block"),
			}
			tokio::select! {
				() = stopped(&mut self.stop) => {},
				changed = heads.changed() => if changed.is_err() {
					return Err(ChainError::Rpc("the follower of finalized blocks ended".into()));
				},
			}
		}
		Ok(())
	}

	fn is_stopped(&self) -> bool {
		*self.stop.borrow()
	}

	/// Looks at the chain and runs one job, if there is one to run.
	async fn round(&mut self) -> Result<bool, ChainError> {
		self.look().await?;
		let Some(job) = self.next() else { return Ok(false) };
		self.examine(job).await?;
		Ok(true)
	}

	async fn look(&mut self) -> Result<(), ChainError> {
		let jobs = self.chain.agreed_jobs().await?;
		let head = self.chain.head().await?;
		// A node that lags behind does not know newer jobs: its "no such job" must not be taken for the job's end.
		if head < self.head {
			return Err(ChainError::Rpc(format!("it is at block {head}, this watch has seen {}", self.head)));
		}
		self.head = head;
		self.pace.see(head);
		self.follow_up().await?;
		self.drop_ended(&jobs).await?;
		self.take(jobs);
		let claims: Vec<_> = self.claims.keys().copied().collect();
		for id in claims {
			self.press(id).await?;
		}
		Ok(())
	}

	/// Reads what happened to the challenged jobs.
	async fn follow_up(&mut self) -> Result<(), ChainError> {
		if self.open.is_empty() {
			self.cursor = self.head;
			return Ok(());
		}
		let next = self.cursor.saturating_add(1);
		let first = next.max(self.head.saturating_sub(GAP));
		self.gap |= first > next;
		for block in first..=self.head {
			match self.chain.job_events(block).await? {
				Some(events) => {
					for (job, event) in events {
						if let Some(open) = self.open.get_mut(&job) {
							open.note(event, self.rules.account);
						}
					}
				}
				None => self.gap = true,
			}
			self.cursor = block;
		}
		let ended: Vec<_> = self.open.iter().filter_map(|(id, open)| Some((*id, open.verdict()?))).collect();
		for (id, verdict) in ended {
			self.open.remove(&id);
			self.tell(id, Said::Ended(verdict));
		}
		if self.gap {
			let open: Vec<_> = self.open.iter().map(|(id, open)| (*id, open.bond)).collect();
			for (id, bond) in open {
				if self.chain.job(id).await?.is_none() {
					self.open.remove(&id);
					self.tell(id, Said::Ended(Verdict::Unknown { bond }));
				}
			}
			self.gap = false;
		}
		Ok(())
	}

	/// Drops what waits for its run and cannot be challenged any more.
	async fn drop_ended(&mut self, agreed: &[JobView]) -> Result<(), ChainError> {
		let agreed: BTreeSet<_> = agreed.iter().map(|job| job.id).collect();
		let others: Vec<_> = self.waiting.keys().copied().filter(|id| !agreed.contains(id)).collect();
		for id in others {
			match self.chain.job(id).await? {
				// It can be run while the auditor works.
				Some(job) if job.agreed().is_some() => drop(self.waiting.insert(id, job)),
				Some(_) => self.skip(id, "it is in dispute already"),
				None => self.skip(id, OVER),
			}
		}
		Ok(())
	}

	/// Picks from the agreed jobs, each of which has one chance.
	fn take(&mut self, jobs: Vec<JobView>) {
		let closed = self.rules.once && std::mem::replace(&mut self.taken, true);
		for job in jobs {
			let id = job.id;
			if !self.waiting.contains_key(&id) {
				let wanted = self.rules.models.is_empty() || self.rules.models.contains(&job.model);
				if closed || !wanted || !self.looked_at.insert(id) {
					continue;
				}
				self.tally.looked_at += 1;
				if !self.picks(id) {
					continue;
				}
			}
			if self.head >= job.state.until() {
				self.skip(id, OVER);
			} else if self.mine.iter().any(|account| job.place(account).is_some()) {
				self.skip(id, "this account's operator has a seat on it");
			} else {
				self.waiting.insert(id, job);
			}
		}
		while self.looked_at.len() > MOST_REMEMBERED {
			self.looked_at.pop_first();
		}
	}

	/// Whether chance has a job run again. It depends on the key, so that an operator cannot tell in advance.
	fn picks(&self, job: JobId) -> bool {
		let hash = Sha256::new().chain_update(self.key).chain_update(job.to_le_bytes()).finalize();
		let mut first = [0; 8];
		first.copy_from_slice(&hash[..8]);
		// As many bits as a number of this type has, so that it is below 1.
		let number = (u64::from_le_bytes(first) >> 11) as f64 / (1u64 << 53) as f64;
		number < self.rules.sample
	}

	/// The job to run next: the one whose time ends first, and those that will be late after all others.
	fn next(&self) -> Option<JobView> {
		self.waiting.values().min_by_key(|job| (self.shortage(job).is_some(), job.state.until(), job.id)).cloned()
	}

	/// Seconds that two runs of a job take and seconds that are left for them, if those are fewer.
	fn shortage(&self, job: &JobView) -> Option<(f64, f64)> {
		let needed = *self.seconds.get(&job.model)? * 2.0;
		let left = f64::from(job.state.until().saturating_sub(self.head)) * self.pace.seconds;
		(matches!(job.state, JobState::Agreed(_)) && needed > left).then_some((needed, left))
	}

	/// Runs a job, says what came of it, and challenges it if need be.
	async fn examine(&mut self, job: JobView) -> Result<(), ChainError> {
		let id = job.id;
		let said = match self.compare(&job).await {
			Ok(said) => said,
			Err(Obstacle::Chain(error)) => return Err(error),
			Err(Obstacle::Stopped) => return Ok(()),
			Err(Obstacle::Reason(why)) => Said::Skipped(why),
		};
		self.waiting.remove(&id);
		let differs = match &said {
			Said::Differs { here, .. } => Some(*here),
			_ => None,
		};
		self.tell(id, said);
		if let Some(found) = differs {
			let claim = Claim { found, seat_fee: job.seat_fee, after: 0, explained: None };
			self.claims.insert(id, claim);
			self.press(id).await?;
		}
		Ok(())
	}

	/// Runs a job again, twice if need be.
	async fn compare(&mut self, job: &JobView) -> Result<Said, Obstacle> {
		let (Some(seed), Some(there)) = (job.seed, job.agreed()) else {
			return Err(Obstacle::Reason("nothing is agreed on".into()));
		};
		if self.unsound {
			return Err(Obstacle::Reason(UNSOUND.into()));
		}
		let model = self.model(job).await?;
		if let Some((needed, left)) = self.shortage(job) {
			warn!(
				job = job.id,
				"two runs take about {needed:.0} s, the time for challenges ends in about {left:.0} s: it may come too late"
			);
		}
		let (weights_root, input) = (job.weights_root, job.input.clone());
		let task = Task { model, weights_root, input, seed, genesis: self.genesis };
		let here = self.found(&task).await?;
		if here == there {
			return Ok(Said::Agrees);
		}
		warn!(job = job.id, "{}: running it again in a new engine", Difference(here, there));
		let compute = self.compute.clone();
		spawn_blocking(move || compute.renew())
			.await
			.map_err(|error| Obstacle::Reason(format!("the engine cannot be renewed: {error}")))?;
		let again = self.found(&task).await?;
		if again == here {
			return Ok(Said::Differs { here, there });
		}
		self.unsound = true;
		for (id, _) in std::mem::take(&mut self.claims) {
			self.tell(id, Said::Unchallenged(UNSOUND.into()));
		}
		Ok(Said::Unsound { first: here, second: again })
	}

	/// A job's model, as soon as its golden job came out right here.
	async fn model(&mut self, job: &JobView) -> Result<ModelView, Obstacle> {
		let (id, version) = (job.model, (job.model, job.weights_root));
		let other = || Obstacle::Reason(format!("it is not of the weights and the engine that model {id} has now"));
		let known = match self.models.get(&version) {
			Some(known) => known.clone(),
			None => {
				let view = self.chain.model(id).await?;
				let view = view.ok_or_else(|| Obstacle::Reason(format!("model {id} is not on chain")))?;
				if view.weights_root != job.weights_root {
					return Err(other());
				}
				let known = self.prove(view).await?;
				self.models.insert(version, known.clone());
				known
			}
		};
		let model = known.map_err(Obstacle::Reason)?;
		if model.engine != job.engine {
			return Err(other());
		}
		Ok(model)
	}

	/// Runs a model's golden job: a machine that fails it knows nothing about the model's jobs.
	async fn prove(&mut self, model: ModelView) -> Result<Result<ModelView, String>, Obstacle> {
		let (id, expected) = (model.id, model.golden_result);
		info!(model = id, "computing the golden job");
		let task = Task::golden(model);
		let found = self.found(&task).await;
		let why = match found {
			Ok(found) if found.result == expected => return Ok(Ok(task.model)),
			Ok(found) => {
				self.tally.distrusted += 1;
				format!(
					"the golden job of model {id} gave {}, the chain says {}: nothing of this model is challenged from this \
					machine; run `autonomy-worker check`",
					named(&found.result),
					hex32(&expected)
				)
			}
			Err(ComputeError::Model(why) | ComputeError::Unusable(why)) => {
				format!("model {id} cannot be run here: {why}")
			}
			// The next job may find the machine in better health.
			Err(error) => return Err(error.into()),
		};
		error!(model = id, "{why}");
		Ok(Err(why))
	}

	/// What a task gives here: a result, or a fault that every sound machine finds. What only this one may find is none.
	async fn found(&mut self, task: &Task) -> Result<Found, ComputeError> {
		let (compute, stop, id, task) = (self.compute.clone(), self.stop.clone(), task.model.id, task.clone());
		let started = Instant::now();
		let ran = spawn_blocking(move || compute.run(&task, &mut |_| !*stop.borrow())).await;
		match ran.unwrap_or_else(|error| Err(ComputeError::Machine(format!("the run crashed: {error}")))) {
			Ok(Computed { result, trace_root, artifact, .. }) => {
				self.seconds.insert(id, started.elapsed().as_secs_f64());
				Ok(Found { result, trace_root, artifact })
			}
			Err(ComputeError::Fault(fault)) if fault.code != FaultCode::ResourceLimit => {
				Ok(Found { result: fault.code.digest(), trace_root: NO_TRACE, artifact: NO_ARTIFACT })
			}
			Err(error) => Err(error),
		}
	}

	/// Challenges a job, if that can be done now.
	async fn press(&mut self, id: JobId) -> Result<(), ChainError> {
		let Some(claim) = self.claims.get(&id).copied() else { return Ok(()) };
		let Some(job) = self.chain.job(id).await? else {
			self.give_up(id, OVER.into());
			return Ok(());
		};
		let account = self.rules.account.filter(|_| !self.rules.dry_run);
		match (job.state, job.challenge) {
			(JobState::Agreed(final_at), _) if self.head < final_at => {}
			(JobState::Agreed(_), _) => {
				self.give_up(id, OVER.into());
				return Ok(());
			}
			(JobState::Auditing(_), _) => {
				self.explain(id, Said::Unchallenged("an auditor is at work on it".into()));
				return Ok(());
			}
			// One that seemed lost.
			(_, Some(challenge)) if Some(challenge.challenger) == account => {
				self.challenged(id, challenge.bond);
				return Ok(());
			}
			_ => {
				self.give_up(id, "it is in dispute already".into());
				return Ok(());
			}
		}
		let bond = self.chain.challenge_bond(claim.seat_fee).await?;
		let Some(account) = account else {
			self.claims.remove(&id);
			self.tell(id, Said::Would(bond));
			return Ok(());
		};
		if self.head < claim.after {
			return Ok(());
		}
		let fee = self.chain.challenge_fee(id, claim.found).await?;
		let poor = Poor { account, bond, fee, have: self.chain.spendable(&account).await? };
		if poor.have < poor.needed() {
			self.explain(id, Said::Poor(poor));
			return Ok(());
		}
		match self.chain.challenge(id, claim.found).await {
			Ok(bond) => self.challenged(id, bond),
			Err(error @ (ChainError::Refused { .. } | ChainError::Invalid { .. })) => {
				self.give_up(id, error.to_string());
			}
			Err(error) => {
				// It may still reach a block, which the job's state will show.
				let after = self.head.saturating_add(RETRY);
				self.claims.insert(id, Claim { after, ..claim });
				return Err(error);
			}
		}
		Ok(())
	}

	fn challenged(&mut self, id: JobId, bond: Balance) {
		self.claims.remove(&id);
		self.open.insert(id, Open { bond, won: None, reward: 0, over: None });
		self.tell(id, Said::Challenged(bond));
	}

	fn give_up(&mut self, id: JobId, why: String) {
		self.claims.remove(&id);
		self.tell(id, Said::Unchallenged(why));
	}

	/// Says why a job is not challenged yet, unless that was the last thing said about it.
	fn explain(&mut self, id: JobId, said: Said) {
		let kind = discriminant(&said);
		if self.claims.get_mut(&id).is_some_and(|claim| claim.explained.replace(kind) != Some(kind)) {
			self.tell(id, said);
		}
	}

	fn skip(&mut self, id: JobId, why: &str) {
		self.waiting.remove(&id);
		self.tell(id, Said::Skipped(why.into()));
	}

	fn tell(&mut self, id: JobId, said: Said) {
		self.tally.count(&said);
		(self.say)(id, &said);
	}
}
