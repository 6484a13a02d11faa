//! A chain in memory, for tests: one operator, jobs with one place for it each, and faults at a transaction.

use std::{
	collections::{BTreeMap, BTreeSet},
	sync::{Arc, Mutex},
};

use autonomy_primitives::{
	digest::{cid, commitment},
	evaluation::EvaluatedWeights,
	job::{BallotInput, EvaluationInput, ImageInput, JobInput, Modality},
	model::ModelLimits,
	trace::TraceOpening,
	Digest, JobId, ModelId,
};
use tokio::sync::{watch, Notify};

use super::{
	AccountId, AuditorView, Balance, BlockNumber, Chain, ChainError, ChallengeView, Found, JobEvent, JobState, JobView,
	JuryView, MembershipView, ModelView, OperatorView, Provenance, Role, SeatView,
};
use crate::queue::{Answer, Report};

/// What goes wrong with the next transaction of a kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
	/// The worker dies before the transaction reached the chain.
	DieBefore,
	/// The worker dies after the chain took it, before it heard of that.
	DieAfter,
	/// The connection breaks before the chain took it.
	LostBefore,
	/// The connection breaks after the chain took it.
	LostAfter,
	/// Its fee cannot be paid.
	Unpaid,
}

#[derive(Clone, Default)]
struct State {
	jobs: BTreeMap<JobId, JobView>,
	finals: BTreeMap<JobId, Provenance>,
	membership: Option<MembershipView>,
	models: BTreeMap<ModelId, ModelView>,
	faults: BTreeMap<&'static str, Fault>,
	commits: Vec<(JobId, Digest)>,
	reveals: Vec<(JobId, Digest)>,
	proofs: Vec<(ModelId, Digest)>,
	declined: Vec<JobId>,
	challenges: Vec<(JobId, Found)>,
	reports: Vec<(JobId, Report)>,
	reported: BTreeSet<JobId>,
	funds: Balance,
	events: BTreeMap<BlockNumber, Vec<(JobId, JobEvent)>>,
	now: BlockNumber,
	down: bool,
	behind: bool,
}

/// The chain.
pub struct Memory {
	state: Mutex<State>,
	head: watch::Sender<BlockNumber>,
	follower: tokio::sync::Mutex<watch::Receiver<BlockNumber>>,
	/// Rung when a worker died in a transaction.
	pub died: Notify,
}

/// The operator of the chain.
pub fn owner() -> AccountId {
	AccountId::from([1; 32])
}

/// Fee of one seat, in planck.
pub const SEAT_FEE: u128 = 4;
/// What an auditor is paid, in planck.
pub const AUDIT_RESERVE: u128 = 6;
/// What a juror gets of a slash, in planck.
pub const SHARE: u128 = 5;
/// Picks the chunk that an auditor or a juror has to open.
pub const DRAW: Digest = [11; 32];
/// Bond of a challenge, in planck.
pub const BOND: u128 = 8 * SEAT_FEE;
/// Fee of a challenge, in planck.
pub const CHALLENGE_FEE: u128 = 1;
/// What a challenger that was right gets besides its bond, in planck.
pub const REWARD: u128 = 20;

/// Somebody with money and no operator.
pub fn challenger() -> AccountId {
	AccountId::from([3; 32])
}

/// Its worker.
pub fn worker() -> AccountId {
	AccountId::from([2; 32])
}

/// An input that fits [`model`].
pub fn input() -> JobInput {
	JobInput::Image(ImageInput {
		prompt: b"a red circle".to_vec().try_into().expect("short"),
		negative_prompt: Default::default(),
		width: 64,
		height: 64,
		steps: 4,
		guidance_centi: 100,
	})
}

/// The input of an evaluation of [`model`], whose base version it is.
pub fn evaluation() -> JobInput {
	let version = |weights_root| EvaluatedWeights { manifest: cid(b"manifest"), weights_root, engine: [4; 32] };
	JobInput::Evaluation(EvaluationInput {
		base: version([3; 32]),
		candidate: version([13; 32]),
		set: cid(b"set"),
		model: Modality::Image,
		samples: 2,
		size: 4096,
	})
}

/// The input of a ballot of a character whose persona is "wry".
pub fn ballot() -> JobInput {
	JobInput::Ballot(BallotInput {
		question: b"Shall we?".to_vec().try_into().expect("short"),
		prose: b"It is cheap.".to_vec().try_into().expect("short"),
		persona: cid(b"wry"),
	})
}

/// A registered model.
pub fn model(id: ModelId) -> ModelView {
	ModelView {
		id,
		owner: None,
		modality: Modality::Image,
		manifest: cid(b"manifest"),
		weights_root: [3; 32],
		engine: [4; 32],
		limits: ModelLimits { max_prompt_bytes: 100, max_steps: 50, max_pixels: 4096, max_tokens: 0 },
		price_per_unit: 1,
		budget: 10,
		golden_input: input(),
		golden_seed: [5; 32],
		golden_result: [6; 32],
		licence: "Apache-2.0".into(),
		active: true,
	}
}

impl Memory {
	/// A chain with model 0 and the operator on it.
	pub fn new(proved: bool) -> Arc<Self> {
		let (head, follower) = watch::channel(1);
		let model = model(0);
		let (engine, proved) = (model.engine, proved.then_some(model.weights_root));
		let state = State {
			membership: Some(MembershipView { model: 0, slots: 1, engine, proved, proved_before: None }),
			models: [(0, model)].into(),
			funds: 1_000,
			..State::default()
		};
		Arc::new(Self {
			state: Mutex::new(state),
			head,
			follower: tokio::sync::Mutex::new(follower),
			died: Notify::new(),
		})
	}

	fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
		f(&mut self.state.lock().expect("no test panics while it holds the lock"))
	}

	/// One more block.
	pub fn block(&self) {
		self.head.send_modify(|h| *h += 1);
	}

	/// The same chain as of now, with nobody connected.
	pub fn snapshot(&self) -> Arc<Self> {
		let state = self.with(|s| State { faults: BTreeMap::new(), ..s.clone() });
		let (head, follower) = watch::channel(*self.head.borrow());
		let follower = tokio::sync::Mutex::new(follower);
		Arc::new(Self { state: Mutex::new(state), head, follower, died: Notify::new() })
	}

	/// A job whose only seat is the operator's.
	pub fn assign(&self, id: JobId) {
		self.assign_as(id, Role::Committee);
	}

	/// A job with a place for the operator.
	pub fn assign_as(&self, id: JobId, role: Role) {
		let seat = |operator, revealed| SeatView { operator, round: 0, commitment: None, revealed };
		let others = Found { result: [42; 32], trace_root: [1; 32], artifact: [2; 36] };
		let others = seat(AccountId::from([9; 32]), Some(others));
		let (state, seats, auditor, jury) = match role {
			Role::Auditor => {
				let auditor = AuditorView { operator: owner(), round: 0, draw: DRAW, found: None };
				(JobState::Auditing(1000), vec![others], Some(auditor), None)
			}
			Role::Juror => {
				let jury = JuryView { panel: 1, draw: DRAW, first: 0, seats: vec![seat(owner(), None)] };
				(JobState::JuryCommitting(1000), vec![others], None, Some(jury))
			}
			_ => (JobState::Committing(1000), vec![seat(owner(), None)], None, None),
		};
		let job = JobView {
			id,
			requester: AccountId::from([9; 32]),
			model: 0,
			input: input(),
			seed: Some([7; 32]),
			k: 1,
			tier: "image",
			seat_fee: SEAT_FEE,
			audit_reserve: AUDIT_RESERVE,
			exposure: 100,
			round: 0,
			state,
			seats,
			auditor,
			jury,
			challenge: None,
			weights_root: [3; 32],
			engine: [4; 32],
		};
		self.with(|s| s.jobs.insert(id, job));
		self.block();
	}

	/// A job that others have agreed on, and the block at which it becomes final.
	pub fn agree(&self, id: JobId, found: Found, final_at: BlockNumber) {
		// An auditor's place with somebody else in it.
		self.assign_as(id, Role::Auditor);
		self.change(id, |job| {
			(job.state, job.auditor) = (JobState::Agreed(final_at), None);
			job.seats.iter_mut().for_each(|seat| seat.revealed = Some(found));
		});
	}

	/// Changes a job as nothing else here does.
	pub fn change(&self, id: JobId, change: impl FnOnce(&mut JobView)) {
		self.with(|s| {
			if let Some(job) = s.jobs.get_mut(&id) {
				change(job);
			}
		});
		self.block();
	}

	/// A jury ends a job: with the challenger's result, with that of the seats, or with none.
	pub fn judge(&self, id: JobId, won: Option<bool>) {
		let block = *self.head.borrow() + 1;
		self.with(|s| {
			s.now = block;
			let challenger = challenger();
			if won == Some(true) {
				s.event(id, JobEvent::Shared { each_honest: SHARE, accuser: Some(challenger), reward: REWARD });
			}
			if let Some(won) = won {
				s.event(id, JobEvent::ChallengeEnded { challenger, won, bond: BOND, each_juror: 0 });
				s.event(id, JobEvent::Final { operators: vec![AccountId::from([9; 32])], each: SEAT_FEE });
			} else {
				s.event(id, JobEvent::Failed { reason: "Disputed".into(), each: 0 });
			}
			s.jobs.remove(&id);
		});
		self.block();
	}

	/// Model 0 gets a version with these weights, and a golden job that gives this.
	pub fn upgrade(&self, weights_root: Digest, golden_result: Digest) {
		self.with(|s| {
			if let Some(model) = s.models.get_mut(&0) {
				(model.weights_root, model.golden_result) = (weights_root, golden_result);
				model.manifest = cid(&weights_root);
			}
		});
		self.block();
	}

	/// The operator leaves its model.
	pub fn leave(&self) {
		self.with(|s| s.membership = None);
	}

	/// Every report of an evaluation or a ballot that the chain saw, also those it refused.
	pub fn reports(&self) -> Vec<(JobId, Report)> {
		self.with(|s| s.reports.clone())
	}

	/// Somebody else reports an evaluation or a ballot first.
	pub fn report_by_others(&self, job: JobId) {
		self.with(|s| s.reported.insert(job));
	}

	/// What accounts have.
	pub fn fund(&self, planck: Balance) {
		self.with(|s| s.funds = planck);
	}

	/// Every challenge that the chain saw, also those it refused.
	pub fn challenges(&self) -> Vec<(JobId, Found)> {
		self.with(|s| s.challenges.clone())
	}

	/// Has somebody else drawn in the operator's place, for having been late.
	pub fn evict(&self, id: JobId, penalty: u128) {
		let block = *self.head.borrow() + 1;
		self.with(|s| {
			if let Some(job) = s.jobs.get_mut(&id) {
				job.seats.clear();
			}
			let missed = JobEvent::Missed { operator: owner(), committed: false, penalty };
			s.events.entry(block).or_default().push((id, missed));
		});
		self.block();
	}

	/// Seats that were given back.
	pub fn declined(&self) -> Vec<JobId> {
		self.with(|s| s.declined.clone())
	}

	/// Ends a job without a result.
	pub fn fail(&self, id: JobId) {
		self.with(|s| s.jobs.remove(&id));
		self.block();
	}

	/// The next transaction of this kind fails in this way.
	pub fn fault(&self, call: &'static str, fault: Fault) {
		self.with(|s| s.faults.insert(call, fault));
	}

	/// Whether the node answers at all.
	pub fn down(&self, down: bool) {
		self.with(|s| s.down = down);
		self.block();
	}

	/// Whether the node is one that has not seen any of this yet.
	pub fn behind(&self, behind: bool) {
		self.with(|s| s.behind = behind);
		self.block();
	}

	/// Every commitment that the chain saw for a job, also those it refused.
	pub fn commits(&self, job: JobId) -> Vec<Digest> {
		self.with(|s| s.commits.iter().filter(|c| c.0 == job).map(|c| c.1).collect())
	}

	/// The result revealed for a job that became final.
	pub fn final_result(&self, job: JobId) -> Option<Digest> {
		self.with(|s| s.finals.get(&job).map(|p| p.result))
	}

	/// Proofs of the engine that arrived.
	pub fn proofs(&self) -> Vec<(ModelId, Digest)> {
		self.with(|s| s.proofs.clone())
	}

	fn up(&self) -> Result<(), ChainError> {
		if self.with(|s| s.down) {
			return Err(ChainError::Rpc("connection closed".into()));
		}
		Ok(())
	}

	async fn transact(
		&self,
		call: &'static str,
		apply: impl FnOnce(&mut State) -> Result<(), ChainError>,
	) -> Result<(), ChainError> {
		let block = *self.head.borrow() + 1;
		let apply = |s: &mut State| {
			s.now = block;
			apply(s)
		};
		self.up()?;
		let fault = self.with(|s| s.faults.remove(call));
		let lost = || Err(ChainError::Lost { call, reason: "connection closed".into() });
		match fault {
			Some(Fault::DieBefore) => {
				self.died.notify_one();
				std::future::pending().await
			}
			Some(Fault::LostBefore) => {
				self.block();
				lost()
			}
			Some(Fault::DieAfter) => {
				self.with(apply)?;
				self.block();
				self.died.notify_one();
				std::future::pending().await
			}
			Some(Fault::LostAfter) => {
				self.with(apply)?;
				self.block();
				lost()
			}
			Some(Fault::Unpaid) => {
				self.block();
				Err(ChainError::Invalid { call, reason: "no AUTON to pay its fee".into() })
			}
			None => {
				let result = self.with(apply);
				self.block();
				result
			}
		}
	}
}

impl State {
	fn event(&mut self, job: JobId, event: JobEvent) {
		self.events.entry(self.now).or_default().push((job, event));
	}

	fn finish(&mut self, job: JobId, answer: Answer) -> Result<(), ChainError> {
		let view = self.jobs.remove(&job).ok_or(refused("finish", "UnknownJob"))?;
		let provenance = Provenance {
			model: view.model,
			requester: view.requester,
			engine: view.engine,
			weights_root: view.weights_root,
			input_hash: [0; 32],
			seed: [7; 32],
			result: answer.result,
			trace_root: answer.trace_root,
			artifact: answer.artifact,
			k: 1,
			finalised_at: 1,
		};
		self.finals.insert(job, provenance);
		Ok(())
	}
}

fn check_opening(answer: &Answer, opening: Option<TraceOpening>) -> Result<(), ChainError> {
	let opening = opening.ok_or(refused("opening", "OpeningMissing"))?;
	match opening.verify(&answer.trace_root, &owner().0, &DRAW) {
		true => Ok(()),
		false => Err(refused("opening", "OpeningInvalid")),
	}
}

fn refused(call: &'static str, reason: &str) -> ChainError {
	ChainError::Refused { call, reason: reason.into() }
}

impl Chain for Memory {
	async fn next_head(&self) -> Result<BlockNumber, ChainError> {
		let mut follower = self.follower.lock().await;
		follower.changed().await.map_err(|e| ChainError::Rpc(e.to_string()))?;
		let head = *follower.borrow_and_update();
		self.up()?;
		Ok(head)
	}

	async fn head(&self) -> Result<BlockNumber, ChainError> {
		self.up()?;
		Ok(if self.with(|s| s.behind) { 0 } else { *self.head.borrow() })
	}

	async fn genesis(&self) -> Result<Digest, ChainError> {
		self.up()?;
		Ok([8; 32])
	}

	async fn operator_of(&self, account: &AccountId) -> Result<Option<AccountId>, ChainError> {
		self.up()?;
		Ok((*account == worker()).then(owner))
	}

	async fn open_seats(&self, operator: &AccountId) -> Result<Vec<JobId>, ChainError> {
		self.up()?;
		Ok(self.with(|s| {
			if s.behind {
				return Vec::new();
			}
			s.jobs.values().filter(|job| job.place(operator).is_some()).map(|job| job.id).collect()
		}))
	}

	async fn job(&self, job: JobId) -> Result<Option<JobView>, ChainError> {
		self.up()?;
		Ok(self.with(|s| if s.behind { None } else { s.jobs.get(&job).cloned() }))
	}

	async fn provenance(&self, job: JobId) -> Result<Option<Provenance>, ChainError> {
		self.up()?;
		Ok(self.with(|s| s.finals.get(&job).cloned()))
	}

	async fn account(&self, _: &AccountId) -> Result<Option<OperatorView>, ChainError> {
		self.up()?;
		let (bond, unbonding, exposed, suspended_until) = (1_000, 0, 100, None);
		let (slots_used, completed, missed) = (1, 2, 0);
		let worker = worker();
		Ok(Some(OperatorView { worker, bond, unbonding, exposed, suspended_until, slots_used, completed, missed }))
	}

	async fn job_events(&self, block: BlockNumber) -> Result<Option<Vec<(JobId, JobEvent)>>, ChainError> {
		self.up()?;
		Ok(Some(self.with(|s| s.events.get(&block).cloned().unwrap_or_default())))
	}

	async fn model(&self, model: ModelId) -> Result<Option<ModelView>, ChainError> {
		self.up()?;
		Ok(self.with(|s| s.models.get(&model).cloned()))
	}

	async fn memberships(&self, _: &AccountId) -> Result<Vec<MembershipView>, ChainError> {
		self.up()?;
		Ok(self.with(|s| s.membership.iter().cloned().collect()))
	}

	async fn commit(&self, job: JobId, hash: Digest) -> Result<(), ChainError> {
		self.transact("commit", |s| {
			s.commits.push((job, hash));
			let job = s.jobs.get_mut(&job).ok_or(refused("commit", "UnknownJob"))?;
			let (seat, next) = match &mut job.jury {
				Some(jury) => (&mut jury.seats[0], JobState::JuryRevealing(1000)),
				None => (&mut job.seats[0], JobState::Revealing(1000)),
			};
			if seat.commitment.is_some() {
				return Err(refused("commit", "AlreadyCommitted"));
			}
			seat.commitment = Some(hash);
			job.state = next;
			Ok(())
		})
		.await
	}

	async fn reveal(
		&self,
		job: JobId,
		operator: &AccountId,
		answer: &Answer,
		opening: Option<TraceOpening>,
	) -> Result<(), ChainError> {
		let (operator, answer) = (*operator, *answer);
		self.transact("reveal", move |s| {
			s.reveals.push((job, answer.result));
			let view = s.jobs.get(&job).ok_or(refused("reveal", "UnknownJob"))?;
			let seat = view.jury.as_ref().map_or(&view.seats[0], |jury| &jury.seats[0]);
			if seat.commitment != Some(commitment(job, seat.round, &operator.0, &answer.sealed())) {
				return Err(refused("reveal", "WrongOpening"));
			}
			if view.jury.is_some() {
				check_opening(&answer, opening)?;
				s.event(job, JobEvent::Shared { each_honest: SHARE, accuser: None, reward: 0 });
			} else {
				s.event(job, JobEvent::Final { operators: vec![operator], each: SEAT_FEE });
			}
			s.finish(job, answer)
		})
		.await
	}

	async fn audit(&self, job: JobId, answer: &Answer, opening: Option<TraceOpening>) -> Result<(), ChainError> {
		let answer = *answer;
		self.transact("audit", move |s| {
			s.commits.push((job, answer.result));
			let view = s.jobs.get(&job).ok_or(refused("audit", "UnknownJob"))?;
			if view.auditor.is_none() {
				return Err(refused("audit", "NotAuditor"));
			}
			check_opening(&answer, opening)?;
			s.finish(job, answer)
		})
		.await
	}

	async fn decline(&self, job: JobId) -> Result<(), ChainError> {
		self.transact("decline", move |s| {
			s.declined.push(job);
			let view = s.jobs.get_mut(&job).ok_or(refused("decline", "UnknownJob"))?;
			view.seats.clear();
			s.event(job, JobEvent::Declined(owner()));
			Ok(())
		})
		.await
	}

	async fn prove_engine(&self, model: ModelId, result: Digest) -> Result<(), ChainError> {
		self.transact("prove_engine", |s| {
			s.proofs.push((model, result));
			let membership = s.membership.as_mut().ok_or(refused("prove_engine", "NotAMember"))?;
			let root = s.models.get(&model).map(|model| model.weights_root);
			(membership.proved_before, membership.proved) = (membership.proved, root);
			Ok(())
		})
		.await
	}

	async fn report(&self, job: JobId, report: Report) -> Result<(), ChainError> {
		let call = report.call();
		self.transact(call, |s| {
			s.reports.push((job, report));
			if !s.finals.contains_key(&job) {
				return Err(refused(call, "NotFinal"));
			}
			match s.reported.insert(job) {
				true => Ok(()),
				false => Err(refused(call, "AlreadyReported")),
			}
		})
		.await
	}

	async fn agreed_jobs(&self) -> Result<Vec<JobView>, ChainError> {
		self.up()?;
		let agreed = |job: &&JobView| matches!(job.state, JobState::Agreed(_));
		Ok(self.with(|s| if s.behind { Vec::new() } else { s.jobs.values().filter(agreed).cloned().collect() }))
	}

	async fn challenge_bond(&self, seat_fee: Balance) -> Result<Balance, ChainError> {
		self.up()?;
		Ok(8 * seat_fee)
	}

	async fn challenge_fee(&self, _: JobId, _: Found) -> Result<Balance, ChainError> {
		self.up()?;
		Ok(CHALLENGE_FEE)
	}

	async fn spendable(&self, _: &AccountId) -> Result<Balance, ChainError> {
		self.up()?;
		Ok(self.with(|s| s.funds))
	}

	async fn challenge(&self, job: JobId, found: Found) -> Result<Balance, ChainError> {
		self.transact("challenge", move |s| {
			s.challenges.push((job, found));
			let now = s.now;
			let view = s.jobs.get_mut(&job).ok_or(refused("challenge", "UnknownJob"))?;
			match view.state {
				JobState::Agreed(final_at) if now >= final_at => return Err(refused("challenge", "DeadlinePassed")),
				JobState::Agreed(_) => {}
				JobState::Auditing(_) => return Err(refused("challenge", "AuditOpen")),
				_ => return Err(refused("challenge", "NotAgreed")),
			}
			if view.agreed() == Some(found) {
				return Err(refused("challenge", "SameOutcome"));
			}
			view.challenge = Some(ChallengeView { challenger: challenger(), bond: BOND });
			view.state = JobState::JuryDraw(1000);
			Ok(())
		})
		.await?;
		Ok(BOND)
	}
}
