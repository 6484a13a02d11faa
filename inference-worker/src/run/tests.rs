//! The loop against a chain in memory: the worker is killed at every point, connections break, runs fail.

use std::{
	collections::BTreeSet,
	path::{Path, PathBuf},
	sync::{
		atomic::{AtomicBool, Ordering},
		Arc, Mutex,
	},
	time::Duration,
};

use autonomy_engine::{BallotRecord, Losses};
use autonomy_primitives::{
	digest::{cid, result, ResultContext},
	fault::{FaultCode, NO_ARTIFACT, NO_TRACE},
	job::Modality,
	JobId,
};
use tokio::{sync::watch, task::JoinHandle};

use super::{
	fake::{trace, Machine, FILE},
	ledger::{Ledger, Outcome},
	status::{Snapshot, Status, PROVED},
	traces::{Kept, Traces},
	Operator, RunError,
};
use crate::{
	artifacts::{ArtifactStore, Local},
	ballot::tests::record,
	chain::{
		memory::{ballot, evaluation, worker, Fault, Memory, AUDIT_RESERVE, SEAT_FEE, SHARE},
		AccountId, JobState, Role,
	},
	queue::{Queue, QueueError, Report, Stage},
	trace::TraceFile,
};

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
	start_with(chain, machine, folder, expected, Arc::new(Queue::open(folder).unwrap()), Duration::ZERO)
}

fn start_with(
	chain: &Arc<Memory>,
	machine: &Arc<Machine>,
	folder: &Path,
	expected: Option<AccountId>,
	queue: Arc<Queue>,
	drain: Duration,
) -> Running {
	let status = Arc::new(Status::new(worker().to_string()));
	let (stop, stopped) = watch::channel(false);
	let operator = Operator {
		chain: chain.clone(),
		compute: machine.clone(),
		queue,
		artifacts: Arc::new(Local::open(&folder.join("artifacts")).unwrap()),
		traces: Traces::open(folder).unwrap(),
		worker: worker(),
		owner: expected,
		ledger: Arc::new(Ledger::open(folder).unwrap()),
		status: status.clone(),
		drain,
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
	let store = Local::open(&bench.folder().join("artifacts")).unwrap();
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
			assert_eq!(bench.machine.runs(), 1, "{call} {fault:?}: the model ran again");
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

/// How many seats of a role ended in this way, and what they earned and lost.
fn books(folder: &Path) -> Vec<(Role, Outcome)> {
	let ledger = Ledger::open(folder).unwrap();
	ledger.jobs(100, None).unwrap().rows.into_iter().map(|row| (row.role, row.outcome)).collect()
}

fn paid(role: Role) -> Outcome {
	Outcome::Paid {
		amount: match role {
			Role::Auditor => AUDIT_RESERVE,
			Role::Juror => SHARE,
			_ => SEAT_FEE,
		},
	}
}

const ROLES: [Role; 3] = [Role::Committee, Role::Auditor, Role::Juror];

#[tokio::test(flavor = "multi_thread")]
async fn every_role_should_be_paid_and_booked_when_nothing_goes_wrong() {
	for role in ROLES {
		let bench = bench();
		let running = bench.start();
		running.until(|s| s.models.get(&0).is_some_and(|m| m == PROVED)).await;
		bench.chain.assign_as(7, role);
		running.until_stage("done").await;
		running.stop().await.unwrap();
		bench.one_commitment(7);
		assert_eq!(bench.chain.final_result(7), Some([42; 32]), "{role:?}");
		assert_eq!(books(&bench.folder()), [(role, paid(role))]);
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn trace_should_be_that_of_the_run_when_the_seat_is_revealed() {
	for role in ROLES {
		let bench = bench();
		bench.chain.assign_as(7, role);
		let running = bench.start();
		running.until_stage("done").await;
		running.stop().await.unwrap();
		let path = bench.folder().join("traces/7.json");
		let file = TraceFile::read(path.to_str().unwrap()).await.unwrap();
		let (ours, trace) = (&file.subject, trace());
		assert_eq!((ours.job, ours.genesis.0, ours.seed.0), (7, [8; 32], [7; 32]), "{role:?}");
		assert_eq!((file.trace_root.0, file.chunks), (trace.root(), trace.chunks), "{role:?}");
		assert!(file.step_roots.iter().map(|root| root.0).eq(trace.step_roots), "{role:?}");
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn trace_should_stay_sealed_until_the_reveal_when_the_worker_is_killed_before_it() {
	for (role, call) in [(Role::Committee, "reveal"), (Role::Juror, "reveal"), (Role::Auditor, "audit")] {
		let bench = bench();
		bench.chain.fault(call, Fault::DieBefore);
		bench.chain.assign_as(7, role);
		let running = bench.start();
		bench.chain.died.notified().await;
		running.kill().await;
		let traces = Traces::open(&bench.folder()).unwrap();
		assert_eq!(traces.read(7).unwrap(), Kept::Sealed, "{role:?}");

		let running = bench.start();
		running.until_stage("done").await;
		running.stop().await.unwrap();
		assert!(matches!(traces.read(7).unwrap(), Kept::Open(_)), "{role:?}");
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn trace_should_be_open_when_its_job_ended_otherwise() {
	let bench = bench();
	bench.chain.fault("reveal", Fault::DieBefore);
	bench.chain.assign(7);
	let running = bench.start();
	bench.chain.died.notified().await;
	running.kill().await;
	bench.chain.fail(7);
	let running = bench.start();
	running.until_stage("failed").await;
	running.stop().await.unwrap();
	let traces = Traces::open(&bench.folder()).unwrap();
	assert!(matches!(traces.read(7).unwrap(), Kept::Open(_)), "nobody can copy it any more");
}

fn copy(from: &Path, to: &Path) {
	std::fs::create_dir_all(to).unwrap();
	for entry in std::fs::read_dir(from).unwrap() {
		let entry = entry.unwrap();
		let target = to.join(entry.file_name());
		match entry.file_type().unwrap().is_dir() {
			true => copy(&entry.path(), &target),
			false => drop(std::fs::copy(entry.path(), target).unwrap()),
		}
	}
}

/// A worker is killed right after each record that it ever writes: the folder and the chain are copied at that moment, and
/// a new worker goes on from each copy.
#[tokio::test(flavor = "multi_thread")]
async fn seat_should_go_on_when_the_worker_was_killed_at_any_record() {
	let mut points = 0;
	for role in ROLES {
		let bench = bench();
		let queue = Arc::new(Queue::open(&bench.folder()).unwrap());
		let copies = Arc::new(Mutex::new(Vec::new()));
		let written = {
			let (chain, folder, root, copies) =
				(bench.chain.clone(), bench.folder(), bench.dir.path().to_path_buf(), copies.clone());
			move || {
				let mut copies = copies.lock().unwrap();
				let target = root.join(format!("copy{}", copies.len()));
				copy(&folder, &target);
				copies.push((target, chain.snapshot()));
			}
		};
		assert!(queue.written.set(Box::new(written)).is_ok());
		bench.chain.assign_as(7, role);
		let running = start_with(&bench.chain, &bench.machine, &bench.folder(), None, queue, Duration::ZERO);
		running.until_stage("done").await;
		running.stop().await.unwrap();

		let copies = std::mem::take(&mut *copies.lock().unwrap());
		assert!(copies.len() >= if role == Role::Auditor { 4 } else { 6 }, "{role:?}: {} records", copies.len());
		for (n, (folder, chain)) in copies.iter().enumerate() {
			let seat = Queue::open(folder).unwrap().get(7, 0).unwrap().unwrap();
			let machine = Arc::new(Machine::default());
			let running = start(chain, &machine, folder);
			running.until_stage("done").await;
			running.stop().await.unwrap();
			let at = format!("{role:?}, record {n} ({})", seat.stage.name());
			let sent: BTreeSet<_> = chain.commits(7).into_iter().collect();
			assert_eq!(sent.len(), 1, "{at}: another answer was sent");
			assert_eq!(chain.final_result(7), Some([42; 32]), "{at}");
			let runs = machine.runs();
			assert_eq!(runs, u32::from(seat.stage == Stage::Assigned), "{at}: runs of the model");
			assert_eq!(books(folder).len(), 1, "{at}: booked once");
			points += 1;
		}
	}
	println!("killed at {points} records");
	assert!(points >= 16);
}

#[tokio::test(flavor = "multi_thread")]
async fn jurors_and_auditors_should_answer_once_when_the_worker_is_killed_in_a_transaction() {
	for (role, call) in [(Role::Juror, "commit"), (Role::Juror, "reveal"), (Role::Auditor, "audit")] {
		for fault in [Fault::DieBefore, Fault::DieAfter] {
			let bench = bench();
			bench.chain.fault(call, fault);
			bench.chain.assign_as(7, role);
			let running = bench.start();
			bench.chain.died.notified().await;
			running.kill().await;

			let running = bench.start();
			running.until_stage("done").await;
			running.stop().await.unwrap();
			bench.one_commitment(7);
			assert_eq!(bench.machine.runs(), 1, "{role:?} {call} {fault:?}: the model ran again");
		}
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn seat_should_be_booked_as_missed_when_the_chain_gave_it_to_another_operator() {
	let bench = bench();
	bench.machine.hold(true);
	let running = bench.start();
	running.until(|s| !s.seats.is_empty()).await;
	bench.chain.assign(7);
	bench.machine.started.notified().await;
	bench.chain.evict(7, 3);
	running.until_stage("failed").await;
	bench.machine.hold(false);
	running.stop().await.unwrap();
	assert_eq!(books(&bench.folder()), [(Role::Committee, Outcome::Missed { amount: 3 })]);
}

#[tokio::test(flavor = "multi_thread")]
async fn input_fault_should_be_the_answer_when_every_machine_finds_it() {
	let bench = bench();
	*bench.machine.fault.lock().unwrap() = Some(FaultCode::NonFinite);
	bench.chain.assign(7);
	let running = bench.start();
	running.until_stage("done").await;
	running.stop().await.unwrap();
	assert_eq!(bench.chain.final_result(7), Some(FaultCode::NonFinite.digest()));
	let seat = Queue::open(&bench.folder()).unwrap().get(7, 0).unwrap().unwrap();
	let answer = seat.stage.answer().unwrap();
	assert_eq!((answer.trace_root, answer.artifact), (NO_TRACE, NO_ARTIFACT));
}

#[tokio::test(flavor = "multi_thread")]
async fn seat_should_be_given_back_when_this_machine_cannot_do_it() {
	let bench = bench();
	*bench.machine.fault.lock().unwrap() = Some(FaultCode::ResourceLimit);
	bench.chain.assign(7);
	let running = bench.start();
	running.until_stage("failed").await;
	tokio::time::timeout(Duration::from_secs(20), async {
		while bench.chain.declined().is_empty() {
			tokio::time::sleep(Duration::from_millis(5)).await;
		}
	})
	.await
	.expect("the seat is given back");
	running.stop().await.unwrap();
	assert!(bench.chain.commits(7).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn seat_should_be_given_back_at_once_when_its_model_can_no_longer_be_opened() {
	let bench = bench();
	*bench.machine.unopened.lock().unwrap() = Some("compute.resident_memory is 16.0 MiB");
	let running = bench.start();
	// The chain has its proof, so it is looked at before a seat comes.
	running.until(|s| s.models.get(&0).is_some_and(|why| why.contains("resident_memory is 16.0 MiB"))).await;
	assert!(running.status.now().models[&0].contains("the chain still draws this operator for it"));
	let loads = bench.machine.loads.load(Ordering::SeqCst);
	assert_eq!(loads, 1);
	bench.chain.assign(7);
	bench.chain.block();
	tokio::time::timeout(Duration::from_secs(20), async {
		while bench.chain.declined().is_empty() {
			tokio::time::sleep(Duration::from_millis(5)).await;
		}
	})
	.await
	.expect("the seat is given back");
	assert_eq!((bench.chain.declined(), bench.machine.runs()), (vec![7], 0));
	assert_eq!(bench.machine.loads.load(Ordering::SeqCst), loads, "it is not tried for a seat again");

	// Once that is mended, it is found without a restart.
	*bench.machine.unopened.lock().unwrap() = None;
	for _ in 0..=super::GOLDEN_AGAIN {
		bench.chain.block();
	}
	running.until(|s| s.models.get(&0).is_some_and(|m| m == PROVED)).await;
	assert!(bench.chain.commits(7).is_empty());

	// A model that was left is on no list any more.
	bench.chain.leave();
	for _ in 0..=super::MODELS_EVERY {
		bench.chain.block();
	}
	running.until(|s| s.models.is_empty()).await;
	running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn commitment_should_be_opened_first_when_the_worker_is_told_to_stop() {
	let bench = bench();
	let queue = Arc::new(Queue::open(&bench.folder()).unwrap());
	bench.machine.hold(true);
	bench.chain.assign(7);
	bench.chain.assign(8);
	let drain = Duration::from_secs(30);
	let running = start_with(&bench.chain, &bench.machine, &bench.folder(), None, queue, drain);
	bench.machine.started.notified().await;
	running.stop.send_replace(true);
	running.until(|s| s.draining).await;
	bench.machine.hold(false);
	running.stop().await.unwrap();
	assert_eq!(bench.chain.final_result(7), Some([42; 32]), "what was begun is finished");
	assert_eq!(bench.chain.declined(), [8], "what was not begun is given back");
}

#[tokio::test(flavor = "multi_thread")]
async fn worker_should_refuse_a_folder_when_it_is_of_another_chain() {
	let bench = bench();
	let queue = Queue::open(&bench.folder()).unwrap();
	queue.bind([1; 32]).unwrap();
	drop(queue);
	let running = bench.start();
	let error = running.task.await.unwrap().unwrap_err();
	assert!(matches!(error, RunError::Queue(QueueError::OtherChain { .. })), "{error}");
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
async fn run_should_be_tried_again_once_when_the_machine_fails() {
	for (failures, runs, stage) in [(1, 2, "done"), (9, 2, "failed")] {
		let bench = bench();
		bench.machine.failures.store(failures, Ordering::SeqCst);
		bench.chain.assign(7);
		let running = bench.start();
		running.until_stage(stage).await;
		running.stop().await.unwrap();
		assert_eq!(bench.machine.runs(), runs);
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

#[tokio::test(flavor = "multi_thread")]
async fn seat_should_run_the_weights_that_it_was_drawn_for_when_the_model_has_another_version() {
	let bench = bench();
	bench.chain.assign(7);
	bench.chain.upgrade([33; 32], [66; 32]);
	let running = bench.start();
	running.until_stage("done").await;
	running.until(|s| s.models.get(&0).is_some_and(|m| m == PROVED)).await;
	running.stop().await.unwrap();
	bench.one_commitment(7);
	let weights: BTreeSet<_> = bench.machine.weights.lock().unwrap().iter().copied().collect();
	assert_eq!(weights, BTreeSet::from([[3; 32], [33; 32]]));
	assert_eq!(bench.chain.proofs(), [(0, [66; 32])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn engine_should_be_proved_again_when_the_model_gets_a_version() {
	let bench = bench();
	let running = bench.start();
	running.until(|s| s.models.get(&0).is_some_and(|m| m == PROVED)).await;
	bench.chain.upgrade([33; 32], [66; 32]);
	let done = AtomicBool::new(false);
	tokio::join!(
		async {
			while bench.chain.proofs().is_empty() {
				tokio::time::sleep(Duration::from_millis(1)).await;
			}
			done.store(true, Ordering::SeqCst);
		},
		// The models are looked at some blocks later.
		async {
			while !done.load(Ordering::SeqCst) {
				bench.chain.block();
				tokio::time::sleep(Duration::from_millis(1)).await;
			}
		}
	);
	running.stop().await.unwrap();
	assert_eq!(bench.chain.proofs(), [(0, [66; 32])]);
	assert_eq!(*bench.machine.weights.lock().unwrap(), [[33; 32]]);
}

/// What is reported of a job that [`evaluates`].
const LOSSES: Report = Report::Evaluation { base: 30, candidate: 20 };

/// Has the machine find these losses in the next run of a job, as the chain in memory has its result.
fn evaluates(bench: &Bench, job: JobId) {
	let losses = Losses {
		base_loss: 30,
		base_samples: vec![20, 40],
		candidate_loss: 20,
		candidate_samples: vec![10, 30],
		gain_ppm: 333_333,
		schema: 1,
	};
	finds(bench, Modality::Evaluation, losses.to_json(), &losses.canonical());
	bench.chain.assign(job);
	bench.chain.change(job, |view| view.input = evaluation());
}

/// The same with a ballot, of which this is reported.
fn votes(bench: &Bench, job: JobId, decision: Option<i8>) -> Report {
	let record = BallotRecord { decision, ..record() };
	finds(bench, Modality::Ballot, record.to_json(), &record.canonical());
	bench.chain.assign(job);
	bench.chain.change(job, |view| view.input = ballot());
	Report::Ballot { decision, reasons: record.reasons.0 }
}

/// Has the machine make this file in the next runs of jobs, and this output in the next one.
fn finds(bench: &Bench, modality: Modality, file: Vec<u8>, canonical: &[u8]) {
	let context = ResultContext {
		genesis: [8; 32],
		model_root: [3; 32],
		engine: [4; 32],
		input_hash: [0; 32],
		seed: [7; 32],
		modality,
	};
	*bench.machine.file.lock().unwrap() = Some(file);
	bench.machine.results.lock().unwrap().push_back(result(&context, canonical));
}

/// Waits until the chain has seen this many reports.
async fn until_reported(bench: &Bench, count: usize) {
	let reported = async {
		while bench.chain.reports().len() < count {
			tokio::time::sleep(Duration::from_millis(2)).await;
		}
	};
	tokio::time::timeout(Duration::from_secs(20), reported).await.expect("what the job found is reported");
}

#[tokio::test(flavor = "multi_thread")]
async fn losses_should_be_reported_once_when_an_evaluation_is_final() {
	let bench = bench();
	evaluates(&bench, 7);
	let running = bench.start();
	running.until_stage("done").await;
	until_reported(&bench, 1).await;
	// Any other job has nothing to report, whatever its file looks like.
	bench.chain.assign(8);
	running.until(|s| s.seats.get("done").is_some_and(|n| *n == 2)).await;
	running.stop().await.unwrap();
	assert_eq!(bench.chain.reports(), [(7, LOSSES)]);
	let running = bench.start();
	running.until(|s| s.seats.get("done").is_some_and(|n| *n == 2)).await;
	running.stop().await.unwrap();
	assert_eq!(bench.chain.reports(), [(7, LOSSES)]);
	assert!(Queue::open(&bench.folder()).unwrap().reports().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn losses_should_be_reported_when_the_worker_is_killed_in_the_report() {
	for (fault, sent) in [(Fault::DieBefore, 1), (Fault::DieAfter, 2)] {
		let bench = bench();
		bench.chain.fault("report_evaluation", fault);
		evaluates(&bench, 7);
		let running = bench.start();
		bench.chain.died.notified().await;
		running.kill().await;
		let running = bench.start();
		until_reported(&bench, sent).await;
		running.stop().await.unwrap();
		// What the chain took before the worker heard of it is refused the second time, and that is the end of it.
		assert_eq!(bench.chain.reports(), vec![(7, LOSSES); sent], "{fault:?}");
		assert!(Queue::open(&bench.folder()).unwrap().reports().unwrap().is_empty(), "{fault:?}");
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn report_should_be_let_go_when_another_seat_was_first() {
	let bench = bench();
	bench.chain.report_by_others(7);
	evaluates(&bench, 7);
	let running = bench.start();
	until_reported(&bench, 1).await;
	running.stop().await.unwrap();
	assert!(Queue::open(&bench.folder()).unwrap().reports().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn decision_should_be_reported_once_when_a_ballot_is_final() {
	for decision in [Some(-50), None] {
		let bench = bench();
		let report = votes(&bench, 7, decision);
		let running = bench.start();
		running.until_stage("done").await;
		until_reported(&bench, 1).await;
		// Any other job has nothing to report, whatever its file looks like.
		bench.chain.assign(8);
		running.until(|s| s.seats.get("done").is_some_and(|n| *n == 2)).await;
		running.stop().await.unwrap();
		let running = bench.start();
		running.until(|s| s.seats.get("done").is_some_and(|n| *n == 2)).await;
		running.stop().await.unwrap();
		assert_eq!(bench.chain.reports(), [(7, report)], "{decision:?}");
		assert!(Queue::open(&bench.folder()).unwrap().reports().unwrap().is_empty());
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn decision_should_be_reported_when_the_worker_is_killed_in_the_report() {
	for (fault, sent) in [(Fault::DieBefore, 1), (Fault::DieAfter, 2)] {
		let bench = bench();
		bench.chain.fault("report_ballot", fault);
		let report = votes(&bench, 7, Some(100));
		let running = bench.start();
		bench.chain.died.notified().await;
		running.kill().await;
		let running = bench.start();
		until_reported(&bench, sent).await;
		running.stop().await.unwrap();
		assert_eq!(bench.chain.reports(), vec![(7, report); sent], "{fault:?}");
		assert!(Queue::open(&bench.folder()).unwrap().reports().unwrap().is_empty(), "{fault:?}");
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn decision_should_be_reported_later_when_the_fee_could_not_be_paid() {
	let bench = bench();
	bench.chain.fault("report_ballot", Fault::Unpaid);
	let report = votes(&bench, 7, Some(50));
	let running = bench.start();
	running.until_stage("done").await;
	let (chain, done) = (bench.chain.clone(), AtomicBool::new(false));
	tokio::join!(
		async {
			until_reported(&bench, 1).await;
			done.store(true, Ordering::SeqCst);
		},
		// It is sent again some blocks later.
		async {
			while !done.load(Ordering::SeqCst) {
				chain.block();
				tokio::time::sleep(Duration::from_millis(1)).await;
			}
		}
	);
	running.stop().await.unwrap();
	assert_eq!(bench.chain.reports(), [(7, report)]);
	assert!(Queue::open(&bench.folder()).unwrap().reports().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn decision_should_not_be_reported_when_the_result_is_no_digest_of_it() {
	let bench = bench();
	votes(&bench, 7, Some(-50));
	// The file says something else than what was agreed on.
	*bench.machine.file.lock().unwrap() = Some(BallotRecord { decision: Some(100), ..record() }.to_json());
	let running = bench.start();
	running.until_stage("done").await;
	bench.chain.block();
	running.stop().await.unwrap();
	assert!(bench.chain.reports().is_empty(), "{:?}", bench.chain.reports());
	assert!(Queue::open(&bench.folder()).unwrap().reports().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn input_should_be_looked_for_again_when_what_it_names_is_nowhere() {
	let bench = bench();
	bench.machine.missing.store(2, Ordering::SeqCst);
	bench.chain.assign(7);
	let running = bench.start();
	let (chain, done) = (bench.chain.clone(), AtomicBool::new(false));
	tokio::join!(
		async {
			running.until_stage("done").await;
			done.store(true, Ordering::SeqCst);
		},
		async {
			while !done.load(Ordering::SeqCst) {
				chain.block();
				tokio::time::sleep(Duration::from_millis(1)).await;
			}
		}
	);
	running.stop().await.unwrap();
	assert_eq!(bench.chain.final_result(7), Some([42; 32]));
	assert_eq!(bench.machine.runs(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn input_should_be_at_fault_when_nobody_has_what_it_names_and_the_time_is_over() {
	let bench = bench();
	bench.machine.missing.store(u32::MAX, Ordering::SeqCst);
	bench.chain.assign(7);
	bench.chain.change(7, |job| job.state = JobState::Committing(8));
	let running = bench.start();
	running.until_stage("done").await;
	running.stop().await.unwrap();
	assert_eq!(bench.chain.final_result(7), Some(FaultCode::InputRejected.digest()));
}

#[tokio::test(flavor = "multi_thread")]
async fn seat_should_be_missed_when_others_had_what_this_worker_cannot_find() {
	let bench = bench();
	bench.machine.missing.store(u32::MAX, Ordering::SeqCst);
	bench.chain.assign_as(7, Role::Juror);
	bench.chain.change(7, |job| job.state = JobState::JuryCommitting(8));
	let running = bench.start();
	running.until_stage("failed").await;
	running.stop().await.unwrap();
	assert!(bench.chain.commits(7).is_empty(), "a fault that others did not find was claimed");
}

#[test]
fn reply_should_be_logged_on_one_line_when_it_is_asked_for() {
	#[derive(Clone, Default)]
	struct Log(Arc<Mutex<Vec<u8>>>);

	impl std::io::Write for Log {
		fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
			self.0.lock().unwrap().write(bytes)
		}

		fn flush(&mut self) -> std::io::Result<()> {
			Ok(())
		}
	}

	let logged = |directives: &str| {
		let log = Log::default();
		let writer = log.clone();
		let subscriber = tracing_subscriber::fmt()
			.with_env_filter(tracing_subscriber::EnvFilter::new(directives))
			.with_writer(move || writer.clone())
			.with_ansi(false)
			.finish();
		tracing::subscriber::with_default(subscriber, || {
			super::log_said(Some(7), 3, 2, " l\u{e4}mp\r\n\u{1b}[2J\u{202e}\"");
			super::log_said(None, 3, 3, "");
		});
		let bytes = log.0.lock().unwrap().clone();
		String::from_utf8(bytes).unwrap()
	};
	assert_eq!(logged("info"), "");
	assert_eq!(logged("debug"), "", "answers are nobody's before they are revealed");
	let text = logged("info,autonomy_worker::tokens=trace");
	assert_eq!(text.lines().count(), 1, "{text:?}");
	assert!(text.contains("said= l\u{e4}mp\\r\\n\\u{1b}[2J\\u{202e}\\\""), "{text}");
	assert!(text.contains("job=7") && text.contains("step=2"), "{text}");
}
