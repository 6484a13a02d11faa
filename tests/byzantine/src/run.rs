//! A run: orders jobs at a bounded rate, follows every finalized block, lets each operator make its moves, and challenges
//! what is wrong, until every job has ended.

use std::{
	collections::{BTreeMap, BTreeSet},
	fs::File,
	io::Write,
	sync::Arc,
	time::{Duration, Instant},
};

use anyhow::{bail, Context, Result};
use autonomy_chain_api::{
	self as api,
	runtime_types::{
		pallet_inference::{pallet::Event as Inference, types::Tier},
		pallet_transaction_payment::pallet::Event as Payment,
	},
	Event,
};
use autonomy_primitives::{job::SeedPolicy, JobId};
use subxt::utils::{AccountId32, Static};
use tokio::task::JoinSet;

use crate::{
	cast::{is_time_to_challenge, next_move, Move, Role, Salts},
	chain::{newest, Block, BlockNumber, Chain, JobView, Money, Refusal, Signer},
	ledger::Ledger,
	network::{Stage, OUTFIT, SUSPENSION},
	truth::Truth,
	workload::Order,
};

/// Most jobs that operators work on at a time, so that their seats and a machine of two cores keep up.
const MOST_IN_WORK: usize = 6;
/// Most jobs that have not ended, those that only wait for challenges included.
const MOST_OPEN: usize = 60;
/// Most jobs that are ordered in one block.
const MOST_AT_ONCE: usize = 2;
/// Time between two lines of progress.
const PROGRESS: Duration = Duration::from_secs(15);
/// Blocks without any event of a job after which the run counts as stuck: more than any deadline of the protocol.
const LONGEST_SILENCE: BlockNumber = 200;
/// Most that a requester lets a job cost, in planck.
const MAX_FEE: u128 = 100 * autonomy_e2e::AUTON;

/// What a transaction was for.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Sent {
	/// The order of a job.
	Order(usize),
	/// An operator's move.
	Move { player: usize, call: &'static str },
	/// A challenge.
	Challenge(JobId),
}

/// Attempts of one kind of operator that the chain refused, by the call and the pallet's error.
pub type Refusals = BTreeMap<(Role, &'static str, String), u32>;

/// A run that has come to its end, and what the checks look at.
pub struct Finished {
	/// What the events said.
	pub ledger: Ledger,
	/// What the chain refused to those that misbehave.
	pub refusals: Refusals,
	/// The order of each job.
	pub order_of: BTreeMap<JobId, usize>,
	/// All money before the first block.
	pub before: Money,
	/// What each account had when its operator began to work, owner and worker together, in planck.
	pub had: BTreeMap<AccountId32, u128>,
	/// How long it took.
	pub took: Duration,
	/// The last block that was followed, at which the checks read the chain.
	pub at: BlockNumber,
}

struct Run<'a> {
	stage: &'a mut Stage,
	orders: &'a [Order],
	challenges: bool,
	truth: &'a Truth,
	ledger: Ledger,
	salts: Salts,
	/// Operators that may have something to do on a job.
	duties: BTreeSet<(JobId, usize)>,
	/// Wrong results that nobody has found out yet.
	suspects: BTreeSet<JobId>,
	/// Moves that were made: job, operator and call. An operator has one part in a job, so each comes once.
	made: BTreeSet<(JobId, usize, &'static str)>,
	challenged: BTreeSet<JobId>,
	ordered: usize,
	/// The order of each job.
	order_of: BTreeMap<JobId, usize>,
	under_way: JoinSet<(Sent, Result<Option<JobId>, Refusal>)>,
	/// Operators that are about to come back under another name.
	renaming: JoinSet<Result<()>>,
	/// What each account had when its operator began to work.
	had: BTreeMap<AccountId32, u128>,
	refusals: Refusals,
	journal: File,
	last_event: BlockNumber,
}

/// What every operator has, owner and worker together, and the requester and the challenger.
pub async fn riches(stage: &Stage, block: BlockNumber) -> Result<BTreeMap<AccountId32, u128>> {
	let mut had = BTreeMap::new();
	for player in &stage.players {
		let mut sum = 0;
		for account in [player.account(), &player.worker.account] {
			sum += stage.chain.balance(block, account).await?;
		}
		had.insert(*player.account(), sum);
	}
	for signer in [&stage.requester, &stage.challenger] {
		had.insert(signer.account, stage.chain.balance(block, &signer.account).await?);
	}
	Ok(had)
}

/// What is to be run.
pub struct Plan<'a> {
	/// The jobs.
	pub orders: &'a [Order],
	/// Time after which the run is given up.
	pub limit: Duration,
	/// Whether somebody challenges wrong results.
	pub challenge: bool,
}

/// Runs a plan on the stage until every job has ended.
pub async fn run(stage: &mut Stage, plan: &Plan<'_>, truth: &Truth, journal: File) -> Result<Finished> {
	let started = Instant::now();
	let Plan { orders, limit, challenge } = *plan;
	let names = stage.players.iter().map(|player| (*player.account(), player.name.clone()));
	let ledger = Ledger::new(names);
	let chain = stage.chain.clone();
	let before = chain.money(0).await?;
	let mut run = Run {
		stage,
		orders,
		challenges: challenge,
		truth,
		ledger,
		salts: Salts::new(),
		duties: BTreeSet::new(),
		suspects: BTreeSet::new(),
		made: BTreeSet::new(),
		challenged: BTreeSet::new(),
		ordered: 0,
		order_of: BTreeMap::new(),
		under_way: JoinSet::new(),
		renaming: JoinSet::new(),
		had: BTreeMap::new(),
		refusals: Refusals::new(),
		journal,
		last_event: 0,
	};
	let mut heads = chain.heads().await?;
	let mut progress = tokio::time::interval(PROGRESS);
	progress.tick().await;
	// The blocks of the set-up: nothing of theirs may be missing from the books.
	let start = chain.head().await?;
	run.follow(start).await?;
	run.had = riches(run.stage, start).await?;
	let paid_before: BTreeMap<_, _> = run.ledger.fees.clone();
	while !run.is_over() {
		if started.elapsed() > limit {
			let ended = run.ledger.ended();
			bail!("{ended} of {} jobs ended in {} min: see --minutes", orders.len(), limit.as_secs() / 60);
		}
		tokio::select! {
			head = tokio::time::timeout(Duration::from_secs(60), newest(&mut heads)) => {
				let head = head.context("no finalized block for a minute")??;
				run.follow(head).await?;
				run.act().await?;
			}
			Some(done) = run.under_way.join_next(), if !run.under_way.is_empty() => {
				let (sent, outcome) = done.context("a transaction's task crashed")?;
				run.sent(sent, outcome)?;
			}
			Some(done) = run.renaming.join_next(), if !run.renaming.is_empty() => {
				done.context("a registration's task crashed")?.context("coming back under another name")?;
			}
			_ = progress.tick() => {
				run.stage.check_processes()?;
				run.tell(started);
			}
		}
	}
	run.stage.spare();
	let at = run.ledger.head;
	// What was paid before the operators' money was counted is no part of what changed it.
	let mut ledger = run.ledger;
	for (account, fees) in paid_before {
		if let Some(all) = ledger.fees.get_mut(&account) {
			*all -= fees;
		}
	}
	Ok(Finished {
		ledger,
		refusals: run.refusals,
		order_of: run.order_of,
		before,
		had: run.had,
		took: started.elapsed(),
		at,
	})
}

impl Run<'_> {
	/// Whether every job has ended, every transaction has come to its end, and every final job was run again here.
	fn is_over(&self) -> bool {
		self.ledger.ended() == self.orders.len()
			&& self.under_way.is_empty()
			&& self.renaming.is_empty()
			&& self.truth.left() == 0
	}

	/// Reads every block up to `head` that has not been read.
	async fn follow(&mut self, head: BlockNumber) -> Result<()> {
		while self.ledger.head < head {
			let block = self.stage.chain.block(self.ledger.head + 1).await?;
			self.ledger.apply(&block);
			self.note(&block)?;
		}
		Ok(())
	}

	/// Remembers what those that misbehave, the challenger and the checks need of a block.
	fn note(&mut self, block: &Block) -> Result<()> {
		for opened in &block.opened {
			self.salts.insert((opened.job, opened.outcome.result, opened.outcome.trace_root), opened.salt);
		}
		for event in &block.events {
			if let Event::TransactionPayment(Payment::TransactionFeePaid { who, actual_fee, .. }) = event {
				let payer =
					self.stage.players.iter().find(|player| [player.account(), &player.worker.account].contains(&who));
				if let Some(player) = payer {
					writeln!(self.journal, "{} {} paid a fee of {actual_fee}", block.number, player.name)?;
				}
			}
			let Event::Inference(event) = event else { continue };
			writeln!(self.journal, "{} {event:?}", block.number)?;
			self.last_event = block.number;
			match event {
				Inference::JobAssigned { job, operators, .. }
				| Inference::SeatsRedrawn { job, operators, .. }
				| Inference::JuryDrawn { job, operators, .. } => self.assign(*job, operators),
				Inference::AuditDrawn { job, operator, .. } => self.assign(*job, std::slice::from_ref(operator)),
				Inference::JobAgreed { job, .. } => drop(self.suspects.insert(*job)),
				Inference::JobFinalised { job, .. } | Inference::JobFailed { job, .. } => {
					if matches!(event, Inference::JobFinalised { .. }) {
						self.ask(*job, false);
					}
					self.duties.retain(|(other, _)| other != job);
					self.suspects.remove(job);
					self.salts.retain(|(other, ..), _| other != job);
				}
				// The first suspension is sat out, the next ones are dodged.
				Inference::OperatorSuspended { operator, until } if until.saturating_sub(block.number) > SUSPENSION => {
					self.rename(operator);
				}
				_ => {}
			}
		}
		Ok(())
	}

	/// Has an operator that misbehaves come back under another name.
	fn rename(&mut self, operator: &AccountId32) {
		let all_ordered = self.ordered == self.orders.len();
		let found = self.stage.players.iter().position(|player| player.account() == operator);
		let Some(index) = found.filter(|index| !self.stage.players[*index].role.is_real()) else { return };
		let lineage = self.stage.players[index].lineage;
		let newest = self.stage.players.iter().rposition(|player| player.lineage == lineage);
		// A name that was given up can be suspended once more, for seats that it still had.
		if all_ordered || newest != Some(index) {
			return;
		}
		if let Some(work) = self.stage.rename(index) {
			if let Some(player) = self.stage.players.last() {
				self.ledger.enlist(*player.account(), player.name.clone());
				self.had.insert(*player.account(), OUTFIT);
			}
			self.renaming.spawn(work);
		}
	}

	fn assign(&mut self, job: JobId, operators: &[AccountId32]) {
		for (index, player) in self.stage.players.iter().enumerate() {
			if !player.role.is_real() && player.role != Role::Offline && operators.contains(player.account()) {
				self.duties.insert((job, index));
			}
		}
	}

	/// Has the right result of a job found.
	fn ask(&mut self, job: JobId, urgent: bool) {
		let seed = self.ledger.jobs.get(&job).and_then(|job| job.seed);
		let order = self.order_of.get(&job).and_then(|order| self.orders.get(*order));
		if let (Some(order), Some(seed)) = (order, seed) {
			self.truth.ask(job, order, seed, urgent);
		}
	}

	/// Makes the moves that are possible after the newest block.
	async fn act(&mut self) -> Result<()> {
		let now = self.ledger.head;
		if now.saturating_sub(self.last_event) > LONGEST_SILENCE {
			bail!("nothing has happened for {LONGEST_SILENCE} blocks, but jobs are open");
		}
		for job in self.suspects.clone() {
			self.ask(job, true);
		}
		let mut views: BTreeMap<JobId, Option<JobView>> = BTreeMap::new();
		let wrong = if self.challenges { self.wrong() } else { Vec::new() };
		let jobs: BTreeSet<_> = self.duties.iter().map(|(job, _)| *job).chain(wrong.iter().copied()).collect();
		for job in jobs {
			views.insert(job, self.stage.chain.job(now, job).await?);
		}
		for (job, index) in self.duties.clone() {
			if let Some(Some(view)) = views.get(&job) {
				self.make_move(job, index, view);
			}
		}
		for job in wrong {
			if let Some(Some(view)) = views.get(&job) {
				self.challenge(job, view, now);
			}
		}
		self.order();
		Ok(())
	}

	/// Jobs that agreed on something else than the engine's result, as far as that is known.
	fn wrong(&mut self) -> Vec<JobId> {
		let (ledger, truth) = (&self.ledger, self.truth);
		let mut wrong = Vec::new();
		self.suspects.retain(|job| {
			let agreed = ledger.jobs.get(job).and_then(|job| job.agreed);
			match truth.get(*job) {
				None => true,
				Some(Ok(right)) if Some(right.result) != agreed => {
					wrong.push(*job);
					true
				}
				Some(_) => false,
			}
		});
		wrong
	}

	fn make_move(&mut self, job: JobId, index: usize, view: &JobView) {
		let Some(player) = self.stage.players.get(index) else { return };
		let Some(next) = next_move(player.role, player.account(), job, view, &self.salts) else { return };
		let call = next.call();
		if !self.made.insert((job, index, call)) {
			return;
		}
		let (chain, signer, operator) = (self.stage.chain.clone(), player.worker.clone(), *player.account());
		let sent = Sent::Move { player: index, call };
		self.under_way
			.spawn(async move { (sent, send_move(&chain, &signer, operator, job, next).await.map(|()| None)) });
	}

	fn challenge(&mut self, job: JobId, view: &JobView, now: BlockNumber) {
		let Some(Ok(right)) = self.truth.get(job) else { return };
		if !is_time_to_challenge(&view.job, &right, now) || !self.challenged.insert(job) {
			return;
		}
		let (chain, signer) = (self.stage.chain.clone(), self.stage.challenger.clone());
		self.under_way.spawn(async move {
			let call = api::transactions().inference().challenge(job, right.into());
			(Sent::Challenge(job), chain.send(&signer, &call).await.map(|_| None))
		});
	}

	/// Orders jobs, as many as there is room for.
	fn order(&mut self) {
		for _ in 0..MOST_AT_ONCE {
			// Orders on their way count as jobs in work.
			let coming = self.ordered - self.ledger.jobs.len();
			let open = self.ordered - self.ledger.ended();
			if self.ledger.in_work() + coming >= MOST_IN_WORK || open >= MOST_OPEN {
				return;
			}
			let Some(order) = self.orders.get(self.ordered) else { return };
			let sent = Sent::Order(self.ordered);
			self.ordered += 1;
			let call = api::transactions().inference().submit_job(
				self.stage.models[order.model.index()],
				Static(order.input.clone()),
				Some(order.k),
				order.creation.then_some(Tier::Creation),
				Static(SeedPolicy::Chain),
				MAX_FEE,
			);
			let (chain, signer) = (self.stage.chain.clone(), self.stage.requester.clone());
			self.under_way.spawn(async move { (sent, chain.submit_job(&signer, &call).await.map(Some)) });
		}
	}

	/// A transaction came to its end.
	fn sent(&mut self, sent: Sent, outcome: Result<Option<JobId>, Refusal>) -> Result<()> {
		let refusal = match (outcome, &sent) {
			(Ok(Some(job)), Sent::Order(order)) => {
				self.order_of.insert(job, *order);
				return Ok(());
			}
			(Ok(_), _) => return Ok(()),
			(Err(refusal), _) => refusal,
		};
		match sent {
			Sent::Order(order) => bail!("order {order} was refused: {refusal}"),
			// An auditor was drawn in the meantime, or the window is over: the next look says which.
			Sent::Challenge(job) => {
				self.challenged.remove(&job);
				self.say(&format!("job {job}: the challenge was refused: {refusal}"));
			}
			Sent::Move { player, call } => {
				let role = self.stage.players[player].role;
				let why: String = refusal.to_string().chars().take(60).collect();
				*self.refusals.entry((role, call, why)).or_default() += 1;
			}
		}
		Ok(())
	}

	fn say(&mut self, text: &str) {
		println!("    {text}");
	}

	/// One line of progress, after what stood out since the last one.
	fn tell(&mut self, started: Instant) {
		for note in self.ledger.notes.drain(..).collect::<Vec<_>>() {
			println!("    {note}");
		}
		let (all, ended, finals) = (self.orders.len(), self.ledger.ended(), self.ledger.finals());
		let seconds = started.elapsed().as_secs();
		let left = match ended {
			0 => String::new(),
			// The first jobs take a while to come through, so the rate is that of those that were ordered too.
			_ => {
				let share = (ended as f64 + self.ordered as f64) / (2 * all) as f64;
				let left = (seconds as f64 * (1.0 - share) / share) as u64;
				format!(", about {} left", clock(left))
			}
		};
		println!(
			"{} block {}: {ended} of {all} jobs ended, {finals} final, {} in work{left}",
			clock(seconds),
			self.ledger.head,
			self.ledger.in_work(),
		);
	}
}

async fn send_move(
	chain: &Chain,
	signer: &Arc<Signer>,
	operator: AccountId32,
	job: JobId,
	next: Move,
) -> Result<(), Refusal> {
	let inference = api::transactions().inference();
	let sent = match next {
		Move::Commit(hash) => chain.send(signer, &inference.commit(job, hash)).await,
		Move::Reveal { outcome, salt, opening } => {
			let call = inference.reveal(job, operator, outcome.into(), salt, opening.map(Static));
			chain.send(signer, &call).await
		}
		Move::Audit { outcome, opening } => {
			chain.send(signer, &inference.audit(job, outcome.into(), opening.map(Static))).await
		}
	};
	sent.map(drop)
}

/// Minutes and seconds.
pub fn clock(seconds: u64) -> String {
	format!("{}:{:02}", seconds / 60, seconds % 60)
}
