//! What the worker is doing, for the status server and for whoever waits for it.

use std::{
	collections::BTreeMap,
	future::Future,
	time::{Instant, SystemTime, UNIX_EPOCH},
};

use autonomy_primitives::{digest::Cid, Digest, JobId, ModelId};
use autonomy_sandbox::Residency;
use serde::Serialize;
use tokio::sync::watch;

use super::ledger::Role;
use crate::{
	chain::{Balance, BlockNumber},
	queue::Stage,
};

/// A run in progress.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Running {
	/// The job, or nothing for a golden job.
	pub job: Option<JobId>,
	/// The model.
	pub model: ModelId,
	/// Steps done.
	pub step: u32,
	/// All steps.
	pub steps: u32,
	/// Steps per second so far.
	pub steps_per_second: f64,
	/// Seconds left at that rate.
	pub seconds_left: f64,
}

/// The operator's account with the chain: what it has at stake and how it has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountView {
	/// Bond on hold, in planck, what is exposed included.
	pub bond: Balance,
	/// Part of the bond that backs open seats and can be slashed for them, in planck.
	pub exposed: Balance,
	/// What is on its way out of the bond, in planck. It can still be slashed.
	pub unbonding: Balance,
	/// Seats that were paid.
	pub completed: u32,
	/// Seats that were missed.
	pub missed: u32,
	/// Until this block the operator is not drawn; nothing when it is not suspended.
	pub suspended_until: Option<BlockNumber>,
}

/// A seat that has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenSeat {
	/// The job.
	pub job: JobId,
	/// Its round.
	pub round: u32,
	/// What the seat is for.
	pub role: Role,
	/// The job's model.
	pub model: ModelId,
	/// How far it has come, by the name of its stage in the queue.
	pub stage: &'static str,
	/// The block before which the chain wants the seat's next transaction; nothing when it waits for others.
	pub deadline: Option<BlockNumber>,
	/// Whether the job is in dispute: a jury decides, and the seat's exposure is at stake.
	pub disputed: bool,
	/// The result digest, once it is known.
	pub result: Option<Digest>,
	/// CID of the stored file, once there is one.
	pub artifact: Option<Cid>,
}

/// How full the artifact store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ArtifactUse {
	/// Bytes of the files that are kept.
	pub used_bytes: u64,
	/// Bytes after which the oldest go; nothing when there is no limit.
	pub quota_bytes: Option<u64>,
}

/// The worker at one moment. What the worker does not know (yet) is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
	/// Version of the worker.
	pub version: &'static str,
	/// Unix time in seconds at which the process started.
	pub started: u64,
	/// The worker's address.
	pub worker: String,
	/// The operator that it works for, once it is registered.
	pub operator: Option<String>,
	/// Name of the chain, as its node gives it.
	pub chain: Option<String>,
	/// Genesis hash of the chain, once it was reached.
	pub genesis: Option<String>,
	/// Newest finalized block.
	pub head: Option<BlockNumber>,
	/// Unix time in seconds at which it was seen.
	pub head_seen: Option<u64>,
	/// What stands between the worker and the chain, if anything.
	pub trouble: Option<String>,
	/// Models: `proved`, `proving`, or why not.
	pub models: BTreeMap<ModelId, String>,
	/// Seats by stage.
	pub seats: BTreeMap<&'static str, u64>,
	/// The seats that have not ended, in any order.
	pub open: Vec<OpenSeat>,
	/// The operator's account, as of the newest look at the chain.
	pub account: Option<AccountView>,
	/// The artifact store, as of the last time that it was measured.
	pub artifacts: Option<ArtifactUse>,
	/// The models that are ready to run.
	pub resident: Residency,
	/// The run in progress.
	pub running: Option<Running>,
	/// Whether the worker is stopping.
	pub draining: bool,
}

impl Snapshot {
	/// Why the worker cannot take jobs right now, if it cannot.
	pub fn not_ready(&self, now: u64) -> Option<String> {
		if self.draining {
			return Some("stopping".into());
		}
		if let Some(trouble) = &self.trouble {
			return Some(trouble.clone());
		}
		match self.head_seen {
			None => return Some("no finalized block seen yet".into()),
			Some(seen) if now.saturating_sub(seen) > STALE_SECONDS => {
				return Some(format!("no finalized block for {} s", now.saturating_sub(seen)));
			}
			Some(_) => {}
		}
		if self.operator.is_none() {
			return Some(format!("the worker key {} is registered for no operator", self.worker));
		}
		if self.models.is_empty() {
			return Some("the operator is on no model".into());
		}
		let waiting = self.models.iter().find(|(_, state)| *state != PROVED);
		waiting.map(|(model, state)| format!("model {model} is not ready: {state}"))
	}

	/// Sets the gauges of what is known.
	fn publish(&self) {
		use metrics::gauge;
		let (rate, left) = self.running.as_ref().map_or((0.0, 0.0), |r| (r.steps_per_second, r.seconds_left));
		gauge!("autonomy_steps_per_second").set(rate);
		gauge!("autonomy_run_seconds_left").set(left);
		let proved = self.models.values().filter(|state| *state == PROVED).count();
		gauge!("autonomy_models", "state" => "proved").set(proved as f64);
		gauge!("autonomy_models", "state" => "waiting").set((self.models.len() - proved) as f64);
		gauge!("autonomy_disputed_seats").set(self.open.iter().filter(|seat| seat.disputed).count() as f64);
		if let Some(account) = &self.account {
			gauge!("autonomy_bond_planck").set(account.bond as f64);
			gauge!("autonomy_exposed_planck").set(account.exposed as f64);
			gauge!("autonomy_unbonding_planck").set(account.unbonding as f64);
			gauge!("autonomy_completed_seats").set(account.completed);
			gauge!("autonomy_missed_seats").set(account.missed);
			gauge!("autonomy_suspended").set(u8::from(account.suspended_until.is_some()));
		}
		if let Some(artifacts) = self.artifacts {
			gauge!("autonomy_artifact_used_bytes").set(artifacts.used_bytes as f64);
			if let Some(quota) = artifacts.quota_bytes {
				gauge!("autonomy_artifact_quota_bytes").set(quota as f64);
			}
		}
	}
}

/// How a proved model reads in [`Snapshot::models`].
pub const PROVED: &str = "proved";
/// A chain that finalizes nothing for this long counts as out of reach.
const STALE_SECONDS: u64 = 120;

/// Asks the chain something and records how long the answer took, under a name that does not vary with the question's
/// details: each name is a series.
pub async fn timed<T>(question: &'static str, answer: impl Future<Output = T>) -> T {
	let started = Instant::now();
	let answer = answer.await;
	metrics::histogram!("autonomy_rpc_seconds", "question" => question).record(started.elapsed());
	answer
}

/// Unix time in seconds.
pub fn unix_time() -> u64 {
	SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

/// The current [`Snapshot`], and the gauges that mirror it.
pub struct Status {
	snapshot: watch::Sender<Snapshot>,
}

impl Status {
	/// The state of a worker that has just started.
	pub fn new(worker: String) -> Self {
		let started = unix_time();
		metrics::gauge!("process_start_time_seconds").set(started as f64);
		let snapshot = Snapshot { version: env!("CARGO_PKG_VERSION"), started, worker, ..Snapshot::default() };
		Self { snapshot: watch::Sender::new(snapshot) }
	}

	/// The present state.
	pub fn now(&self) -> Snapshot {
		self.snapshot.borrow().clone()
	}

	/// Changes it, and the gauges with it.
	pub fn update(&self, change: impl FnOnce(&mut Snapshot)) {
		self.snapshot.send_modify(|snapshot| {
			change(snapshot);
			snapshot.publish();
		});
	}

	/// Sets the gauges that change with time alone. `now` is Unix time in seconds.
	pub fn tick(&self, now: u64) {
		let snapshot = self.snapshot.borrow();
		metrics::gauge!("autonomy_ready").set(u8::from(snapshot.not_ready(now).is_none()));
		if let Some(seen) = snapshot.head_seen {
			metrics::gauge!("autonomy_head_lag_seconds").set(now.saturating_sub(seen) as f64);
		}
	}

	/// To wait for a state.
	#[cfg(test)]
	pub fn watch(&self) -> watch::Receiver<Snapshot> {
		self.snapshot.subscribe()
	}

	/// A new finalized block.
	pub fn head(&self, head: BlockNumber) {
		metrics::gauge!("autonomy_finalized_head").set(head);
		self.update(|s| {
			s.head = Some(head);
			s.head_seen = Some(unix_time());
			s.trouble = None;
		});
	}

	/// The seats in each stage.
	pub fn seats(&self, counts: &[u64; Stage::NAMES.len()]) {
		for (name, count) in Stage::NAMES.iter().zip(counts) {
			metrics::gauge!("autonomy_seats", "stage" => *name).set(*count as f64);
		}
		metrics::gauge!("autonomy_open_seats").set(counts[..6].iter().sum::<u64>() as f64);
		self.update(|s| s.seats = Stage::NAMES.iter().copied().zip(counts.iter().copied()).collect());
	}
}

/// Measures a run as it goes.
pub struct Meter {
	started: Instant,
	logged: Option<Instant>,
}

impl Meter {
	/// Begins now.
	pub fn new() -> Self {
		Self { started: Instant::now(), logged: None }
	}

	/// The state after `step` of `steps`, and whether it is time for a line in the log: at the first and the last step
	/// and once a second between.
	pub fn step(&mut self, job: Option<JobId>, model: ModelId, step: u32, steps: u32) -> (Running, bool) {
		let seconds = self.started.elapsed().as_secs_f64().max(1e-6);
		let steps_per_second = f64::from(step) / seconds;
		let seconds_left = f64::from(steps.saturating_sub(step)) / steps_per_second.max(1e-9);
		let due = step >= steps || self.logged.is_none_or(|t| t.elapsed().as_secs() >= 1);
		if due {
			self.logged = Some(Instant::now());
		}
		(Running { job, model, step, steps, steps_per_second, seconds_left }, due)
	}

	/// Seconds since the beginning.
	pub fn seconds(&self) -> f64 {
		self.started.elapsed().as_secs_f64()
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn worker_should_be_ready_when_it_has_a_chain_an_operator_and_proved_models() {
		let status = Status::new("5Worker".into());
		let now = unix_time();
		assert_eq!(status.now().not_ready(now).as_deref(), Some("no finalized block seen yet"));
		status.head(7);
		assert!(status.now().not_ready(now).unwrap().contains("5Worker is registered for no operator"));
		status.update(|s| s.operator = Some("5Owner".into()));
		assert_eq!(status.now().not_ready(now).as_deref(), Some("the operator is on no model"));
		status.update(|s| drop(s.models.insert(0, PROVED.into())));
		status.update(|s| drop(s.models.insert(1, "proving".into())));
		assert_eq!(status.now().not_ready(now).as_deref(), Some("model 1 is not ready: proving"));
		status.update(|s| drop(s.models.insert(1, PROVED.into())));
		assert_eq!(status.now().not_ready(now), None);
		assert!(status.now().not_ready(now + 1000).unwrap().contains("no finalized block for"));
		status.update(|s| s.trouble = Some("cannot reach any node".into()));
		assert_eq!(status.now().not_ready(now).as_deref(), Some("cannot reach any node"));
		status.head(8);
		assert_eq!(status.now().not_ready(now), None);
	}

	#[test]
	fn gauges_should_follow_the_state_when_it_changes() {
		let (recorder, handle) = crate::server::metrics::recorder().unwrap();
		metrics::with_local_recorder(&recorder, || {
			let status = Status::new("5Worker".into());
			status.tick(unix_time());
			status.head(7);
			status.update(|s| {
				s.operator = Some("5Owner".into());
				s.models = [(0, PROVED.to_string()), (1, "proving".to_string())].into();
				let (bond, exposed, unbonding) = (200_000_000_000_000, 5_000_000_000_000, 0);
				let (completed, missed, suspended_until) = (12, 1, Some(40));
				s.account = Some(AccountView { bond, exposed, unbonding, completed, missed, suspended_until });
				s.artifacts = Some(ArtifactUse { used_bytes: 10, quota_bytes: Some(100) });
			});
			status.tick(unix_time() + 50);
		});
		let text = handle.render();
		for line in [
			"autonomy_ready 0",
			"autonomy_models{state=\"proved\"} 1",
			"autonomy_models{state=\"waiting\"} 1",
			"autonomy_bond_planck 200000000000000",
			"autonomy_exposed_planck 5000000000000",
			"autonomy_unbonding_planck 0",
			"autonomy_completed_seats 12",
			"autonomy_missed_seats 1",
			"autonomy_suspended 1",
			"autonomy_disputed_seats 0",
			"autonomy_artifact_used_bytes 10",
			"autonomy_artifact_quota_bytes 100",
		] {
			assert!(text.lines().any(|l| l == line), "no {line} in\n{text}");
		}
		let lag = text.lines().find_map(|l| l.strip_prefix("autonomy_head_lag_seconds ")).unwrap();
		assert!((50.0..60.0).contains(&lag.parse::<f64>().unwrap()), "{lag}");
	}

	#[tokio::test]
	async fn question_should_be_timed_when_it_was_answered() {
		let (recorder, handle) = crate::server::metrics::recorder().unwrap();
		let _local = metrics::set_default_local_recorder(&recorder);
		assert_eq!(timed("head", async { 5 }).await, 5);
		assert!(handle.render().contains("autonomy_rpc_seconds_count{question=\"head\"} 1"));
	}
}
