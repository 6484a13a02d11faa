//! What the worker is doing, for the status server and for whoever waits for it.

use std::{
	collections::BTreeMap,
	time::{Instant, SystemTime, UNIX_EPOCH},
};

use autonomy_primitives::{JobId, ModelId};
use serde::Serialize;
use tokio::sync::watch;

use crate::{chain::BlockNumber, queue::Stage};

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

/// The worker at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Snapshot {
	/// Version of the worker.
	pub version: &'static str,
	/// The worker's address.
	pub worker: String,
	/// The operator that it works for, once it is registered.
	pub operator: Option<String>,
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
		waiting.map(|(model, state)| format!("model {model} is not proved: {state}"))
	}
}

/// How a proved model reads in [`Snapshot::models`].
pub const PROVED: &str = "proved";
/// A chain that finalizes nothing for this long counts as out of reach.
const STALE_SECONDS: u64 = 120;

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
		let snapshot = Snapshot { version: env!("CARGO_PKG_VERSION"), worker, ..Snapshot::default() };
		Self { snapshot: watch::Sender::new(snapshot) }
	}

	/// The present state.
	pub fn now(&self) -> Snapshot {
		self.snapshot.borrow().clone()
	}

	/// Changes it.
	pub fn update(&self, change: impl FnOnce(&mut Snapshot)) {
		self.snapshot.send_modify(change);
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
		assert_eq!(status.now().not_ready(now).as_deref(), Some("model 1 is not proved: proving"));
		status.update(|s| drop(s.models.insert(1, PROVED.into())));
		assert_eq!(status.now().not_ready(now), None);
		assert!(status.now().not_ready(now + 1000).unwrap().contains("no finalized block for"));
		status.update(|s| s.trouble = Some("cannot reach any node".into()));
		assert_eq!(status.now().not_ready(now).as_deref(), Some("cannot reach any node"));
		status.head(8);
		assert_eq!(status.now().not_ready(now), None);
	}
}
