//! The loop against a chain in memory: the worker is killed at every point, connections break, runs fail.

use std::{
	collections::BTreeSet,
	path::{Path, PathBuf},
	sync::{
		atomic::{AtomicBool, AtomicU32, Ordering},
		Arc, Condvar, Mutex,
	},
	time::Duration,
};

use autonomy_primitives::{digest::cid, JobId};
use tokio::{sync::watch, task::JoinHandle};

use super::{
	engine::{Compute, ComputeError, Computed, Task},
	status::{Snapshot, Status, PROVED},
	Operator, RunError,
};
use crate::{
	artifacts::{ArtifactStore, Store},
	chain::{
		memory::{owner, worker, Fault, Memory},
		AccountId, ModelView,
	},
	queue::{Answer, Queue, Stage},
};

/// A model that answers at once, or as it is told to.
#[derive(Default)]
struct Machine {
	runs: AtomicU32,
	/// Runs that fail before one succeeds.
	failures: AtomicU32,
	fault: AtomicBool,
	/// While true, a run stands still after its first step.
	held: Mutex<bool>,
	moved: Condvar,
	started: tokio::sync::Notify,
}

impl Machine {
	fn hold(&self, held: bool) {
		*self.held.lock().unwrap() = held;
		self.moved.notify_all();
	}
}

const FILE: &[u8] = b"a picture";

impl Compute for Machine {
	fn run(&self, task: &Task, progress: &mut dyn FnMut(u32, u32) -> bool) -> Result<Computed, ComputeError> {
		self.runs.fetch_add(1, Ordering::SeqCst);
		if self.fault.load(Ordering::SeqCst) {
			return Err(ComputeError::Fault("not a finite number".into()));
		}
		if self.failures.load(Ordering::SeqCst) > 0 {
			self.failures.fetch_sub(1, Ordering::SeqCst);
			return Err(ComputeError::Machine("out of memory".into()));
		}
		for step in 1..=4 {
			self.started.notify_one();
			let _free = self.moved.wait_while(self.held.lock().unwrap(), |held| *held).unwrap();
			if !progress(step, 4) {
				return Err(ComputeError::Cancelled);
			}
		}
		let result = if task.genesis == [0; 32] { task.model.golden_result } else { [42; 32] };
		Ok(Computed { result, trace_root: [43; 32], artifact: cid(FILE), bytes: FILE.to_vec() })
	}

	fn load(&self, _: &ModelView) -> Result<(), ComputeError> {
		Ok(())
	}
}

/// A worker in a task of its own, on a folder that outlives it.
struct Running {
	task: JoinHandle<Result<(), RunError>>,
	stop: watch::Sender<bool>,
	status: Arc<Status>,
}

fn start(chain: &Arc<Memory>, machine: &Arc<Machine>, folder: &Path) -> Running {
	start_as(chain, machine, folder, None)
}

fn start_as(chain: &Arc<Memory>, machine: &Arc<Machine>, folder: &Path, expected: Option<AccountId>) -> Running {
	let status = Arc::new(Status::new(worker().to_string()));
	let (stop, stopped) = watch::channel(false);
	let operator = Operator {
		chain: chain.clone(),
		compute: machine.clone(),
		queue: Arc::new(Queue::open(folder).unwrap()),
		artifacts: Arc::new(Store::local(&folder.join("artifacts")).unwrap()),
		worker: worker(),
		owner: expected,
		status: status.clone(),
		startup_timeout: None,
	};
	Running { task: tokio::spawn(operator.run(stopped)), stop, status }
}

impl Running {
	async fn until(&self, what: impl FnMut(&Snapshot) -> bool) {
		let mut watch = self.status.watch();
		let waited = tokio::time::timeout(Duration::from_secs(20), watch.wait_for(what)).await;
		drop(waited.unwrap_or_else(|_| panic!("stuck at {:?}", self.status.now())).unwrap());
	}

	async fn until_stage(&self, stage: &'static str) {
		self.until(|s| s.seats.get(stage).is_some_and(|n| *n > 0)).await;
	}

	/// As `kill -9` would: nothing after this point runs.
	async fn kill(self) {
		self.task.abort();
		let _ = self.task.await;
	}

	async fn stop(self) -> Result<(), RunError> {
		self.stop.send_replace(true);
		tokio::time::timeout(Duration::from_secs(20), self.task).await.expect("the worker stops").unwrap()
	}
}

struct Bench {
	chain: Arc<Memory>,
	machine: Arc<Machine>,
	dir: tempfile::TempDir,
}

fn bench() -> Bench {
	Bench { chain: Memory::new(true), machine: Arc::default(), dir: tempfile::tempdir().unwrap() }
}

impl Bench {
	fn folder(&self) -> PathBuf {
		self.dir.path().join("data")
	}

	fn start(&self) -> Running {
		start(&self.chain, &self.machine, &self.folder())
	}

	fn one_commitment(&self, job: JobId) {
		let all: BTreeSet<_> = self.chain.commits(job).into_iter().collect();
		assert_eq!(all.len(), 1, "job {job} got {} different commitments", all.len());
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn seat_should_be_paid_when_nothing_goes_wrong() {
	let bench = bench();
	bench.chain.assign(7);
	let running = bench.start();
	running.until_stage("done").await;
	assert_eq!(bench.chain.final_result(7), Some([42; 32]));
	assert_eq!(running.status.now().models[&0], PROVED);
	running.stop().await.unwrap();
	bench.one_commitment(7);
	let store = Store::local(&bench.folder().join("artifacts")).unwrap();
	assert_eq!(store.get(cid(FILE)).await.unwrap().as_deref(), Some(FILE));
}

#[tokio::test(flavor = "multi_thread")]
async fn seat_should_be_paid_with_one_commitment_when_the_worker_is_killed_in_a_transaction() {
	for call in ["commit", "reveal"] {
		for fault in [Fault::DieBefore, Fault::DieAfter] {
			let bench = bench();
			bench.chain.fault(call, fault);
			bench.chain.assign(7);
			let running = bench.start();
			bench.chain.died.notified().await;
			running.kill().await;

			let running = bench.start();
			running.until_stage("done").await;
			running.stop().await.unwrap();
			bench.one_commitment(7);
			assert_eq!(bench.chain.final_result(7), Some([42; 32]), "{call} {fault:?}");
			assert_eq!(bench.machine.runs.load(Ordering::SeqCst), 1, "{call} {fault:?}: the model ran again");
		}
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn seat_should_be_paid_with_one_commitment_when_a_connection_breaks_in_a_transaction() {
	for call in ["commit", "reveal"] {
		for fault in [Fault::LostBefore, Fault::LostAfter] {
			let bench = bench();
			bench.chain.fault(call, fault);
			bench.chain.assign(7);
			let running = bench.start();
			// A lost transaction is looked at again some blocks later.
			let (chain, ticking) = (bench.chain.clone(), Arc::new(AtomicBool::new(true)));
			let blocks = tokio::spawn({
				let ticking = ticking.clone();
				async move {
					while ticking.load(Ordering::SeqCst) {
						chain.block();
						tokio::task::yield_now().await;
					}
				}
			});
			running.until_stage("done").await;
			ticking.store(false, Ordering::SeqCst);
			blocks.await.unwrap();
			running.stop().await.unwrap();
			bench.one_commitment(7);
		}
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn seat_should_go_on_when_the_worker_was_killed_at_any_record() {
	let answer = Answer { result: [42; 32], trace_root: [43; 32], artifact: cid(FILE), salt: [99; 32] };
	let hash = answer.commitment(7, 0, &owner());
	type Step = fn(&Queue, Answer);
	let steps: [Step; 5] = [
		|q, _| drop(q.assign(7, 0, 0).unwrap()),
		|q, a| drop(q.computed(7, 0, a).unwrap()),
		|q, _| drop(q.commit_sent(7, 0).unwrap()),
		|q, _| drop(q.committed(7, 0).unwrap()),
		|q, _| drop(q.reveal_sent(7, 0).unwrap()),
	];
	for reached in 1..=steps.len() {
		let bench = bench();
		bench.chain.assign(7);
		let queue = Queue::open(&bench.folder()).unwrap();
		steps[..reached].iter().for_each(|step| step(&queue, answer));
		drop(queue);
		if reached >= 4 {
			use crate::chain::Chain;
			bench.chain.commit(7, hash).await.unwrap();
		}
		let running = bench.start();
		running.until_stage("done").await;
		running.stop().await.unwrap();
		if reached > 1 {
			assert_eq!(bench.chain.commits(7), [hash], "from record {reached}");
			assert_eq!(bench.machine.runs.load(Ordering::SeqCst), 0, "from record {reached}: the model ran again");
		}
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn run_should_start_over_when_the_worker_is_killed_in_it() {
	let bench = bench();
	bench.machine.hold(true);
	bench.chain.assign(7);
	let running = bench.start();
	bench.machine.started.notified().await;
	running.kill().await;
	bench.machine.hold(false);
	let running = bench.start();
	running.until_stage("done").await;
	running.stop().await.unwrap();
	bench.one_commitment(7);
}

#[tokio::test(flavor = "multi_thread")]
async fn worker_should_stop_after_the_step_in_progress_when_told_to() {
	let bench = bench();
	bench.machine.hold(true);
	bench.chain.assign(7);
	let running = bench.start();
	bench.machine.started.notified().await;
	running.stop.send_replace(true);
	running.until(|s| s.draining).await;
	bench.machine.hold(false);
	running.stop().await.unwrap();
	let seat = Queue::open(&bench.folder()).unwrap().get(7, 0).unwrap().unwrap();
	assert_eq!(seat.stage, Stage::Assigned);
	assert!(bench.chain.commits(7).is_empty());

	let running = bench.start();
	running.until_stage("done").await;
	running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_should_be_kept_when_the_node_does_not_answer() {
	let bench = bench();
	bench.machine.hold(true);
	bench.chain.assign(7);
	let running = bench.start();
	bench.machine.started.notified().await;
	bench.chain.down(true);
	running.until(|s| s.trouble.is_some()).await;
	bench.machine.hold(false);
	running.until_stage("computed").await;
	bench.chain.down(false);
	// The follower's pause ends, then the next block is enough.
	let (chain, done) = (bench.chain.clone(), AtomicBool::new(false));
	tokio::join!(
		async {
			running.until_stage("done").await;
			done.store(true, Ordering::SeqCst);
		},
		async {
			while !done.load(Ordering::SeqCst) {
				chain.block();
				tokio::task::yield_now().await;
			}
		}
	);
	running.stop().await.unwrap();
	bench.one_commitment(7);
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_should_be_kept_when_the_next_node_is_behind() {
	let bench = bench();
	bench.machine.hold(true);
	bench.chain.assign(7);
	let running = bench.start();
	bench.machine.started.notified().await;
	let before = running.status.now().head;
	bench.chain.behind(true);
	running.until(|s| s.head > before).await;
	bench.machine.hold(false);
	running.until_stage("computed").await;
	bench.chain.behind(false);
	running.until_stage("done").await;
	running.stop().await.unwrap();
	bench.one_commitment(7);
}

#[tokio::test(flavor = "multi_thread")]
async fn seat_should_fail_when_the_job_ends_without_a_result() {
	let bench = bench();
	bench.machine.hold(true);
	bench.chain.assign(7);
	let running = bench.start();
	bench.machine.started.notified().await;
	bench.chain.fail(7);
	running.until_stage("failed").await;
	bench.machine.hold(false);
	running.stop().await.unwrap();
	assert!(bench.chain.commits(7).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn run_should_be_tried_again_once_when_the_machine_fails_and_never_when_the_input_is_at_fault() {
	for (failures, fault, runs, stage) in [(1, false, 2, "done"), (9, false, 2, "failed"), (0, true, 1, "failed")] {
		let bench = bench();
		bench.machine.failures.store(failures, Ordering::SeqCst);
		bench.machine.fault.store(fault, Ordering::SeqCst);
		bench.chain.assign(7);
		let running = bench.start();
		running.until_stage(stage).await;
		running.stop().await.unwrap();
		assert_eq!(bench.machine.runs.load(Ordering::SeqCst), runs);
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn engine_should_be_proved_when_the_model_is_not_proved_yet() {
	let bench = Bench { chain: Memory::new(false), ..bench() };
	let running = bench.start();
	running.until(|s| s.models.get(&0).is_some_and(|m| m == PROVED)).await;
	running.stop().await.unwrap();
	assert_eq!(bench.chain.proofs(), [(0, [6; 32])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn worker_should_leave_a_seat_alone_when_another_process_committed_for_it() {
	use crate::chain::Chain;
	let bench = bench();
	bench.chain.assign(7);
	bench.chain.commit(7, [77; 32]).await.unwrap();
	bench.chain.assign(8);
	let running = bench.start();
	running.until_stage("done").await;
	running.stop().await.unwrap();
	assert_eq!(bench.chain.commits(7), [[77; 32]]);
	assert_eq!(bench.chain.final_result(8), Some([42; 32]));
}

#[tokio::test(flavor = "multi_thread")]
async fn worker_should_end_when_the_key_belongs_to_another_owner_than_configured() {
	let bench = bench();
	let other = AccountId::from([5; 32]);
	let running = start_as(&bench.chain, &bench.machine, &bench.folder(), Some(other));
	let error = running.task.await.unwrap().unwrap_err();
	assert!(matches!(error, RunError::OtherOwner { .. }), "{error}");
}
