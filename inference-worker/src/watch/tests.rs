//! The watcher against a chain in memory and a machine that does as it is told.

use std::{
	sync::{atomic::Ordering, Arc},
	time::Duration,
};

use autonomy_primitives::{
	digest::cid,
	fault::{FaultCode, NO_ARTIFACT, NO_TRACE},
	Digest, JobId,
};
use tokio::{sync::watch, task::JoinHandle};

use super::{Poor, Rules, Said, Tally, Verdict, Watcher, OVER, RETRY, UNSOUND};
use crate::{
	chain::{
		memory::{challenger, owner, worker, Fault, Memory, BOND, CHALLENGE_FEE, REWARD},
		ChainError, Found, JobState,
	},
	run::fake::{found, Machine},
};

/// A result that the machine does not come to by itself.
const WRONG: Digest = [1; 32];

/// An outcome with that result.
fn wrong() -> Found {
	Found { result: WRONG, ..found() }
}

fn fault(code: FaultCode) -> Found {
	Found { result: code.digest(), trace_root: NO_TRACE, artifact: NO_ARTIFACT }
}

/// Blocks in which no test ends.
const LONG: u32 = 100_000;

type Lines = Vec<(JobId, Said)>;

struct Bench {
	chain: Arc<Memory>,
	machine: Arc<Machine>,
	rules: Rules,
	said: watch::Sender<Lines>,
}

fn bench() -> Bench {
	let rules =
		Rules { sample: 1.0, models: Default::default(), account: Some(challenger()), dry_run: false, once: true };
	let (chain, machine) = (Memory::new(true), Arc::default());
	Bench { chain, machine, rules, said: watch::Sender::new(Vec::new()) }
}

impl Bench {
	fn watcher(&self, rules: Rules, stop: watch::Receiver<bool>) -> Watcher<Memory, Machine> {
		let said = self.said.clone();
		let say = move |job: JobId, line: &Said| said.send_modify(|lines| lines.push((job, line.clone())));
		Watcher::new(self.chain.clone(), self.machine.clone(), rules, [7; 32], stop, say)
	}

	/// Looks at the jobs of the newest block.
	async fn once(&self) -> Tally {
		let (_stop, stopped) = watch::channel(false);
		self.watcher(self.rules.clone(), stopped).run().await.unwrap()
	}

	/// Watches until it is stopped.
	fn start(&self) -> Running {
		let (stop, stopped) = watch::channel(false);
		let rules = Rules { once: false, ..self.rules.clone() };
		let task = tokio::spawn(self.watcher(rules, stopped).run());
		Running { task, stop, said: self.said.subscribe() }
	}

	fn lines(&self, job: JobId) -> Vec<Said> {
		self.said.borrow().iter().filter(|line| line.0 == job).map(|line| line.1.clone()).collect()
	}
}

struct Running {
	task: JoinHandle<Result<Tally, ChainError>>,
	stop: watch::Sender<bool>,
	said: watch::Receiver<Lines>,
}

impl Running {
	/// Waits for a line about a job.
	async fn until(&mut self, job: JobId, what: impl Fn(&Said) -> bool) {
		let found = self.said.wait_for(|lines| lines.iter().any(|(id, said)| *id == job && what(said)));
		let found = tokio::time::timeout(Duration::from_secs(20), found).await;
		drop(found.unwrap_or_else(|_| panic!("job {job}: nothing of the kind was said")).unwrap());
	}

	async fn stop(self) -> Tally {
		self.stop.send_replace(true);
		let ended = tokio::time::timeout(Duration::from_secs(20), self.task).await;
		ended.expect("the watch stops").unwrap().unwrap()
	}
}

fn skipped(lines: &[Said], why: &str) -> bool {
	matches!(lines, [Said::Skipped(said)] if said.contains(why))
}

#[tokio::test]
async fn nothing_should_be_sent_when_this_machine_agrees() {
	let bench = bench();
	bench.chain.agree(7, found(), LONG);
	let tally = bench.once().await;
	assert_eq!(tally, Tally { looked_at: 1, rerun: 1, agreed: 1, ..Tally::default() });
	assert_eq!(bench.lines(7), [Said::Agrees]);
	assert_eq!((bench.machine.runs(), bench.chain.challenges().len()), (2, 0), "the golden job and the job");
	let said = "looked at 1, re-run 1, agreed 1, differed 0, challenged 0, skipped 0";
	assert_eq!(tally.to_string(), said);
}

#[tokio::test]
async fn job_should_be_challenged_once_when_it_differs_twice() {
	let bench = bench();
	bench.chain.agree(7, wrong(), LONG);
	bench.chain.agree(8, found(), LONG);
	let tally = bench.once().await;
	let expected = Tally { looked_at: 2, rerun: 2, agreed: 1, differed: 1, challenged: 1, open: 1, ..Tally::default() };
	assert_eq!(tally, expected);
	assert_eq!(bench.chain.challenges(), [(7, found())]);
	assert_eq!(bench.lines(7), [Said::Differs { here: found(), there: wrong() }, Said::Challenged(BOND)]);
	let runs = (bench.machine.runs(), bench.machine.renewed.load(Ordering::SeqCst));
	assert_eq!(runs, (4, 1), "the golden job, job 7 twice, the second time with an engine of its own, and job 8");
}

#[tokio::test]
async fn job_should_be_challenged_when_only_its_trace_or_its_file_differs() {
	for (there, said) in [
		(Found { trace_root: [1; 32], ..found() }, "differs: the trace root is 0x"),
		(Found { artifact: cid(b"another"), ..found() }, "differs: the stored file is bafkrei"),
	] {
		let bench = bench();
		bench.chain.agree(7, there, LONG);
		assert_eq!(bench.once().await.challenged, 1);
		assert_eq!(bench.chain.challenges(), [(7, found())]);
		let line = bench.lines(7)[0].to_string();
		assert!(line.starts_with(said), "{line}");
	}
}

#[tokio::test]
async fn nothing_should_be_challenged_when_the_runs_of_this_machine_differ() {
	let bench = bench();
	bench.chain.agree(7, found(), 900);
	bench.chain.agree(8, wrong(), 950);
	// Once wrong, then right: the next look at another job must not be trusted either.
	bench.machine.results.lock().unwrap().push_back(WRONG);
	let tally = bench.once().await;
	assert_eq!(bench.lines(7), [Said::Unsound { first: wrong(), second: found() }]);
	assert!(bench.lines(7)[0].to_string().contains("test its memory"));
	assert!(skipped(&bench.lines(8), UNSOUND), "{:?}", bench.lines(8));
	assert_eq!((tally.distrusted, tally.differed, tally.challenged), (1, 0, 0));
	assert!(bench.chain.challenges().is_empty());
}

#[tokio::test]
async fn nothing_should_be_challenged_when_the_golden_job_comes_out_wrong() {
	let bench = bench();
	*bench.machine.golden.lock().unwrap() = Some([9; 32]);
	bench.chain.agree(7, wrong(), LONG);
	bench.chain.agree(8, wrong(), LONG);
	let tally = bench.once().await;
	assert!(skipped(&bench.lines(7), "the golden job of model 0 gave 0x0909"), "{:?}", bench.lines(7));
	assert!(skipped(&bench.lines(8), "nothing of this model is challenged"), "{:?}", bench.lines(8));
	assert_eq!((tally.distrusted, tally.skipped, tally.rerun), (1, 2, 0));
	assert_eq!((bench.machine.runs(), bench.chain.challenges().len()), (1, 0), "the golden job, once");
}

#[tokio::test(flavor = "multi_thread")]
async fn job_should_be_challenged_after_the_audit_when_an_auditor_is_at_work() {
	let bench = bench();
	bench.machine.hold(true);
	bench.chain.agree(7, wrong(), LONG);
	let mut running = bench.start();
	bench.machine.started.notified().await;
	bench.chain.change(7, |job| job.state = JobState::Auditing(LONG));
	bench.machine.hold(false);
	running.until(7, |said| matches!(said, Said::Unchallenged(why) if why.contains("an auditor"))).await;
	bench.chain.block();
	bench.chain.change(7, |job| job.state = JobState::Agreed(LONG));
	running.until(7, |said| *said == Said::Challenged(BOND)).await;
	assert_eq!(running.stop().await.challenged, 1);
	assert_eq!(bench.chain.challenges(), [(7, found())]);
	assert_eq!(bench.lines(7).len(), 3, "the auditor is named once: {:?}", bench.lines(7));
}

#[tokio::test]
async fn job_should_not_be_looked_at_when_an_auditor_is_at_work_already() {
	let bench = bench();
	bench.chain.agree(7, wrong(), LONG);
	bench.chain.change(7, |job| job.state = JobState::Auditing(LONG));
	assert_eq!(bench.once().await, Tally::default());
	assert_eq!(bench.machine.runs(), 0);
}

#[tokio::test]
async fn nothing_should_be_sent_when_the_run_is_dry() {
	for account in [Some(challenger()), None] {
		let mut bench = bench();
		(bench.rules.dry_run, bench.rules.account) = (account.is_some(), account);
		bench.chain.agree(7, wrong(), LONG);
		let tally = bench.once().await;
		assert_eq!((tally.differed, tally.challenged), (1, 0));
		assert_eq!(bench.lines(7), [Said::Differs { here: found(), there: wrong() }, Said::Would(BOND)]);
		assert!(bench.chain.challenges().is_empty());
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn challenge_should_wait_when_the_account_cannot_pay_for_it() {
	let bench = bench();
	bench.chain.fund(BOND);
	bench.chain.agree(7, wrong(), LONG);
	let mut running = bench.start();
	running.until(7, |said| matches!(said, Said::Poor(_))).await;
	let poor = Poor { account: challenger(), bond: BOND, fee: CHALLENGE_FEE, have: BOND };
	assert_eq!(bench.lines(7)[1], Said::Poor(poor.clone()));
	let said = poor.to_string();
	for part in [
		"a challenge takes 0.000000000033 AUTON (a bond of 0.000000000032 and a fee of about 0.000000000001)",
		&format!("{} can spend 0.000000000032", challenger()),
		"send it at least 0.000000000001 more, by `autonomy-worker fund`",
	] {
		assert!(said.contains(part), "{said}");
	}
	assert!(bench.chain.challenges().is_empty());
	bench.chain.fund(BOND + CHALLENGE_FEE);
	bench.chain.block();
	running.until(7, |said| *said == Said::Challenged(BOND)).await;
	running.stop().await;
	assert_eq!(bench.chain.challenges(), [(7, found())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn job_should_be_looked_at_once_when_it_stays_agreed() {
	let bench = bench();
	bench.chain.agree(7, found(), LONG);
	let mut running = bench.start();
	running.until(7, |said| *said == Said::Agrees).await;
	for job in [8, 9] {
		bench.chain.block();
		bench.chain.agree(job, found(), LONG);
		running.until(job, |said| *said == Said::Agrees).await;
	}
	let tally = running.stop().await;
	assert_eq!((tally.looked_at, tally.rerun), (3, 3));
	assert_eq!(bench.machine.runs(), 4);
}

#[tokio::test]
async fn fault_should_be_an_answer_like_any_other_unless_it_is_this_machine_s_own() {
	let (non_finite, rejected) = (fault(FaultCode::NonFinite), fault(FaultCode::InputRejected));
	for (there, own, challenged) in [
		(non_finite, Some(FaultCode::NonFinite), None),
		(non_finite, None, Some(found())),
		(found(), Some(FaultCode::NonFinite), Some(non_finite)),
		(rejected, Some(FaultCode::NonFinite), Some(non_finite)),
		(fault(FaultCode::ResourceLimit), None, Some(found())),
		(found(), Some(FaultCode::ResourceLimit), None),
		(non_finite, Some(FaultCode::ResourceLimit), None),
	] {
		let bench = bench();
		*bench.machine.fault.lock().unwrap() = own;
		bench.chain.agree(7, there, LONG);
		let tally = bench.once().await;
		let expected: Vec<_> = challenged.map(|found| (7, found)).into_iter().collect();
		assert_eq!(bench.chain.challenges(), expected, "{own:?}");
		let failed = own == Some(FaultCode::ResourceLimit);
		assert_eq!((tally.skipped, tally.rerun), (u64::from(failed), u64::from(!failed)), "{own:?}");
	}
}

#[tokio::test]
async fn job_should_be_skipped_when_this_machine_fails() {
	let bench = bench();
	bench.chain.agree(7, wrong(), 900);
	bench.chain.agree(8, wrong(), 950);
	// The golden job fails once, and is made again for the next job.
	bench.machine.failures.store(1, Ordering::SeqCst);
	let tally = bench.once().await;
	assert!(skipped(&bench.lines(7), "out of memory"), "{:?}", bench.lines(7));
	assert_eq!((tally.skipped, tally.distrusted), (1, 0));
	assert_eq!(bench.chain.challenges(), [(8, found())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn job_should_be_left_alone_when_its_time_is_over() {
	let bench = bench();
	bench.chain.agree(7, wrong(), 1);
	let tally = bench.once().await;
	assert!(skipped(&bench.lines(7), OVER), "{:?}", bench.lines(7));
	assert_eq!((tally.skipped, bench.machine.runs()), (1, 0));

	// The same, when it becomes so during the run.
	bench.machine.hold(true);
	bench.chain.agree(8, wrong(), LONG);
	let mut running = bench.start();
	bench.machine.started.notified().await;
	bench.chain.fail(8);
	bench.machine.hold(false);
	running.until(8, |said| matches!(said, Said::Unchallenged(why) if why == OVER)).await;
	assert_eq!(running.stop().await.differed, 1);
	assert!(bench.chain.challenges().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn job_should_be_left_alone_when_somebody_else_disputes_it() {
	let bench = bench();
	bench.machine.hold(true);
	bench.chain.agree(7, wrong(), LONG);
	let mut running = bench.start();
	bench.machine.started.notified().await;
	bench.chain.change(7, |job| job.state = JobState::JuryDraw(LONG));
	bench.machine.hold(false);
	running.until(7, |said| matches!(said, Said::Unchallenged(why) if why.contains("in dispute"))).await;
	running.stop().await;
	assert!(bench.chain.challenges().is_empty());
}

#[tokio::test]
async fn job_should_be_skipped_when_its_seat_is_one_s_own() {
	// Both with the owner's account and with the worker's.
	for account in [owner(), worker()] {
		let mut bench = bench();
		bench.rules.account = Some(account);
		bench.chain.agree(7, wrong(), LONG);
		bench.chain.change(7, |job| job.seats[0].operator = owner());
		bench.once().await;
		assert!(skipped(&bench.lines(7), "has a seat on it"), "{:?}", bench.lines(7));
		assert!(bench.chain.challenges().is_empty());
	}
}

#[tokio::test]
async fn job_should_be_skipped_when_its_model_has_other_weights_now() {
	let bench = bench();
	bench.chain.agree(7, wrong(), LONG);
	bench.chain.change(7, |job| job.weights_root = [9; 32]);
	bench.once().await;
	assert!(skipped(&bench.lines(7), "not of the weights"), "{:?}", bench.lines(7));
}

#[tokio::test]
async fn jobs_should_be_left_out_when_chance_or_the_rules_say_so() {
	let mut bench = bench();
	bench.chain.agree(7, wrong(), LONG);
	bench.rules.sample = 0.0;
	assert_eq!(bench.once().await, Tally { looked_at: 1, ..Tally::default() });
	bench.rules = Rules { sample: 1.0, models: [5].into(), ..bench.rules.clone() };
	assert_eq!(bench.once().await, Tally::default());
	assert_eq!(bench.machine.runs(), 0);
}

#[test]
fn sample_should_be_of_the_size_asked_for_and_another_one_with_another_key() {
	let bench = bench();
	let picked = |sample, key| {
		let (_stop, stopped) = watch::channel(false);
		let mut watcher = bench.watcher(Rules { sample, ..bench.rules.clone() }, stopped);
		watcher.key = key;
		(0..10_000).filter(|job| watcher.picks(*job)).collect::<Vec<JobId>>()
	};
	let tenth = picked(0.1, [7; 32]);
	assert!((850..1150).contains(&tenth.len()), "{}", tenth.len());
	assert_eq!(picked(0.1, [7; 32]), tenth);
	let other = picked(0.1, [8; 32]);
	let both = tenth.iter().filter(|job| other.contains(job)).count();
	assert!(both < 200, "{both} of both");
	assert_eq!((picked(0.0, [7; 32]).len(), picked(1.0, [7; 32]).len()), (0, 10_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn end_of_a_challenge_should_be_told_with_its_amounts() {
	for (won, verdict, said) in [
		(
			Some(true),
			Verdict::Right { bond: BOND, reward: REWARD },
			"AUTON is back, and 0.00000000002 AUTON come with it",
		),
		(Some(false), Verdict::Wrong { bond: BOND }, "the bond of 0.000000000032 AUTON is the jury's"),
		(None, Verdict::Without { bond: BOND, reason: "Disputed".into() }, "no verdict (Disputed)"),
	] {
		let bench = bench();
		bench.chain.agree(7, wrong(), LONG);
		let mut running = bench.start();
		running.until(7, |said| *said == Said::Challenged(BOND)).await;
		bench.chain.block();
		bench.chain.judge(7, won);
		running.until(7, |said| matches!(said, Said::Ended(_))).await;
		let tally = running.stop().await;
		assert_eq!(bench.lines(7).last(), Some(&Said::Ended(verdict.clone())));
		assert!(verdict.to_string().contains(said), "{verdict}");
		assert_eq!((tally.challenged, tally.open), (1, 0));
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn job_should_be_challenged_once_when_the_connection_breaks_in_the_transaction() {
	for fault in [Fault::LostBefore, Fault::LostAfter] {
		let bench = bench();
		bench.chain.fault("challenge", fault);
		bench.chain.agree(7, wrong(), LONG);
		let mut running = bench.start();
		running.until(7, |said| matches!(said, Said::Differs { .. })).await;
		let blocks = tokio::spawn({
			let chain = bench.chain.clone();
			async move {
				loop {
					chain.block();
					tokio::time::sleep(Duration::from_millis(5)).await;
				}
			}
		});
		running.until(7, |said| *said == Said::Challenged(BOND)).await;
		blocks.abort();
		assert_eq!(running.stop().await.challenged, 1, "{fault:?}");
		assert_eq!(bench.chain.challenges(), [(7, found())], "{fault:?}, and {RETRY} blocks later");
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_should_go_on_when_the_node_does_not_answer_for_a_while() {
	let bench = bench();
	let mut running = bench.start();
	bench.chain.agree(7, found(), LONG);
	running.until(7, |said| *said == Said::Agrees).await;
	bench.chain.down(true);
	bench.chain.agree(8, found(), LONG);
	bench.chain.down(false);
	let blocks = tokio::spawn({
		let chain = bench.chain.clone();
		async move {
			loop {
				chain.block();
				tokio::time::sleep(Duration::from_millis(5)).await;
			}
		}
	});
	running.until(8, |said| *said == Said::Agrees).await;
	blocks.abort();
	running.stop().await;
	bench.chain.down(true);
	let (_stop, stopped) = watch::channel(false);
	let error = bench.watcher(bench.rules.clone(), stopped).run().await.unwrap_err();
	assert!(matches!(error, ChainError::Rpc(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn run_should_be_given_up_when_the_watch_is_stopped() {
	let bench = bench();
	bench.machine.hold(true);
	bench.chain.agree(7, wrong(), LONG);
	let running = bench.start();
	bench.machine.started.notified().await;
	running.stop.send_replace(true);
	bench.machine.hold(false);
	let tally = running.stop().await;
	assert_eq!((tally.looked_at, tally.rerun, tally.challenged), (1, 0, 0));
	assert!(bench.lines(7).is_empty());
}
