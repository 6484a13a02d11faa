//! A chain in memory, for tests: one operator, jobs with one seat each, and faults at a transaction.

use std::{
	collections::BTreeMap,
	sync::{Arc, Mutex},
};

use autonomy_primitives::{
	digest::commitment,
	job::{ImageInput, JobInput, Modality},
	model::ModelLimits,
	Digest, JobId, ModelId,
};
use tokio::sync::{watch, Notify};

use super::{
	AccountId, BlockNumber, Chain, ChainError, JobState, JobView, MembershipView, ModelView, Provenance, SeatView,
};
use crate::queue::Answer;

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
}

#[derive(Default)]
struct State {
	jobs: BTreeMap<JobId, JobView>,
	finals: BTreeMap<JobId, Provenance>,
	membership: Option<MembershipView>,
	models: BTreeMap<ModelId, ModelView>,
	faults: BTreeMap<&'static str, Fault>,
	commits: Vec<(JobId, Digest)>,
	reveals: Vec<(JobId, Digest)>,
	proofs: Vec<(ModelId, Digest)>,
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

/// A registered model.
pub fn model(id: ModelId) -> ModelView {
	ModelView {
		id,
		owner: None,
		modality: Modality::Image,
		manifest: autonomy_primitives::digest::cid(b"manifest"),
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
		let state = State {
			membership: Some(MembershipView { model: 0, slots: 1, engine: [4; 32], proved }),
			models: [(0, model(0))].into(),
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

	/// A job whose only seat is the operator's.
	pub fn assign(&self, id: JobId) {
		let seats = vec![SeatView { operator: owner(), commitment: None, revealed: None }];
		let job = JobView {
			id,
			requester: AccountId::from([9; 32]),
			model: 0,
			input: input(),
			seed: Some([7; 32]),
			k: 1,
			fee: 4,
			round: 0,
			state: JobState::Committing(1000),
			seats,
			weights_root: [3; 32],
			engine: [4; 32],
		};
		self.with(|s| s.jobs.insert(id, job));
		self.block();
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
			None => {
				let result = self.with(apply);
				self.block();
				result
			}
		}
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
			s.jobs.values().filter(|j| j.seats.iter().any(|seat| seat.operator == *operator)).map(|j| j.id).collect()
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
			if job.seats[0].commitment.is_some() {
				return Err(refused("commit", "AlreadyCommitted"));
			}
			job.seats[0].commitment = Some(hash);
			job.state = JobState::Revealing(1000);
			Ok(())
		})
		.await
	}

	async fn reveal(&self, job: JobId, operator: &AccountId, answer: &Answer) -> Result<(), ChainError> {
		let (operator, answer) = (operator.clone(), *answer);
		self.transact("reveal", move |s| {
			s.reveals.push((job, answer.result));
			let view = s.jobs.get_mut(&job).ok_or(refused("reveal", "UnknownJob"))?;
			let hash = commitment(job, view.round, &operator.0, &answer.sealed());
			if view.seats[0].commitment != Some(hash) {
				return Err(refused("reveal", "WrongOpening"));
			}
			let view = s.jobs.remove(&job).ok_or(refused("reveal", "UnknownJob"))?;
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
			s.finals.insert(job, provenance);
			Ok(())
		})
		.await
	}

	async fn prove_engine(&self, model: ModelId, result: Digest) -> Result<(), ChainError> {
		self.transact("prove_engine", |s| {
			s.proofs.push((model, result));
			let membership = s.membership.as_mut().ok_or(refused("prove_engine", "NotAMember"))?;
			membership.proved = true;
			Ok(())
		})
		.await
	}
}
