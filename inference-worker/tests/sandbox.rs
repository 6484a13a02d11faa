//! Runs in an engine process, which is this package's program: the same bits as without, and whatever kills it is told.

use std::{
	fs,
	io::{BufRead, BufReader, Write},
	path::{Path, PathBuf},
	process::{Command, Stdio},
	time::{Duration, Instant},
};

use autonomy_engine::{Engine, InputSpec, Manifest};
use autonomy_primitives::{digest::cid, fault::FaultCode};
use autonomy_sandbox::{
	open_trace, run_job, run_model, ComputeError, Computed, EvaluationFiles, InputFault, Job, LocalModel, Program,
	Ready, Sandbox, Settings, Step, MOST_ATTEMPTS, SUBCOMMAND,
};

const LONG: Duration = Duration::from_secs(300);
const MIB: u64 = 1 << 20;
/// Set for the test that stands in for a worker, to the folder that it works in.
const PARENT: &str = "SANDBOX_TEST_PARENT";

fn settings(dir: &Path) -> Settings {
	Settings {
		program: Program { path: env!("CARGO_BIN_EXE_autonomy-worker").into(), args: vec![SUBCOMMAND.into()] },
		memory_limit: 4096 * MIB,
		resident_memory: 3072 * MIB,
		said: false,
		start_limit: LONG,
		load_limit: LONG,
		quarantine: dir.join("quarantine.redb"),
	}
}

fn shell(script: &str) -> Program {
	Program { path: "/bin/sh".into(), args: vec!["-c".into(), script.into()] }
}

/// A model of this package, and its golden job on some chain.
fn model(name: &str) -> (LocalModel, Job) {
	let folder = PathBuf::from("models").join(name);
	let manifest = Manifest::load(&folder).unwrap();
	let input = manifest.golden.input.to_job_input().unwrap();
	let job = Job { input, seed: manifest.golden.seed.0, genesis: [9; 32], evaluation: None, persona: None };
	(LocalModel { folder, weights_root: manifest.weights_root.0 }, job)
}

fn other(job: &Job) -> Job {
	let input = InputSpec::image("a green star on a yellow background", 64, 64, 4, 1.5).to_job_input().unwrap();
	Job { input, ..job.clone() }
}

fn run(sandbox: &Sandbox, model: &LocalModel, job: &Job) -> Result<Computed, ComputeError> {
	sandbox.run(model, job, LONG, &mut |_| true)
}

/// Runs a job and kills the engine process at the first step of each of its first `deaths` attempts.
fn run_with_kills(
	sandbox: &Sandbox,
	model: &LocalModel,
	job: &Job,
	mut deaths: u32,
) -> (Result<Computed, ComputeError>, u32) {
	let mut attempts = 0;
	let outcome = sandbox.run(model, job, LONG, &mut |Step { step, .. }| {
		attempts += u32::from(step == 1);
		if step == 1 && deaths > 0 {
			deaths -= 1;
			signal("KILL", pid(sandbox));
		}
		true
	});
	(outcome, attempts)
}

fn pid(sandbox: &Sandbox) -> u32 {
	sandbox.usage().expect("an engine process lives").pid
}

fn signal(name: &str, pid: u32) {
	let sent = Command::new("kill").args(["-s", name, &pid.to_string()]).status().unwrap();
	assert!(sent.success(), "kill -s {name} {pid}");
}

/// Whether a process runs. One that nobody waited for yet does not.
fn runs(pid: u32) -> bool {
	let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
	stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// Memory of a process that no file backs, in bytes.
fn private_memory(pid: u32) -> u64 {
	let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
	let kib = status.lines().find_map(|l| l.strip_prefix("RssAnon:")?.split_whitespace().next());
	kib.unwrap().parse::<u64>().unwrap() * 1024
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
	let started = Instant::now();
	while !done() {
		assert!(started.elapsed() < LONG, "{what} did not come about");
		std::thread::yield_now();
	}
}

fn fault(outcome: Result<Computed, ComputeError>) -> InputFault {
	match outcome {
		Err(ComputeError::Fault(fault)) => fault,
		other => panic!("no fault: {other:?}"),
	}
}

fn machine(outcome: Result<Computed, ComputeError>) -> String {
	match outcome {
		Err(ComputeError::Machine(why)) => why,
		other => panic!("no failure of the machine: {other:?}"),
	}
}

#[test]
fn run_should_give_the_same_bits_when_it_is_isolated() {
	let dir = tempfile::tempdir().unwrap();
	let sandbox = Sandbox::new(settings(dir.path())).unwrap();
	let mut pids = Vec::new();
	for name in ["keeper", "shapes"] {
		let (local, job) = model(name);
		let here = Engine::open(&local.folder).unwrap();
		for (seed, genesis) in [(job.seed, [0; 32]), (job.seed, [9; 32]), ([7; 32], [9; 32])] {
			let job = Job { seed, genesis, ..job.clone() };
			let mut steps_here = Vec::new();
			let expected = run_model(&here, &job.input, seed, genesis, &mut |Step { step, steps, .. }| {
				steps_here.push((step, steps));
				true
			});
			let mut steps = Vec::new();
			let computed = sandbox.run(&local, &job, LONG, &mut |Step { step, steps: all, .. }| {
				steps.push((step, all));
				true
			});
			assert_eq!(computed, expected, "{name}");
			assert_eq!(steps, steps_here, "{name}");
			pids.push(pid(&sandbox));
			if job.is_golden() {
				assert_eq!(computed.unwrap().result, here.manifest().golden.result.0, "{name}");
			}
		}
	}
	pids.dedup();
	assert_eq!(pids.len(), 1, "the process with its models did not stay");
}

#[test]
fn opening_and_steps_should_belong_to_the_run_when_it_is_isolated() {
	let dir = tempfile::tempdir().unwrap();
	let sandbox = Sandbox::new(settings(dir.path())).unwrap();
	for name in ["keeper", "shapes"] {
		let (local, job) = model(name);
		let here = Engine::open(&local.folder).unwrap();
		let expected = run(&sandbox, &local, &job).unwrap();
		let mut steps = 0;
		let mut count = |now: Step| {
			steps = now.step;
			true
		};
		let (computed, trace) = sandbox.trace(&local, &job, LONG, &mut count).unwrap();
		assert_eq!((&computed, trace.root()), (&expected, expected.trace_root), "{name}");
		assert_eq!(trace.step_roots.len(), steps as usize, "{name}");
		for n in 0..3 {
			let (operator, draw) = ([n; 32], [7; 32]);
			let opened = sandbox.open_trace(&local, &job, &operator, &draw, LONG, &mut |_| true);
			assert_eq!(opened, open_trace(&here, &job, &operator, &draw, &mut |_| true), "{name} {n}");
			let (computed, opening, steps_too) = opened.unwrap();
			assert_eq!((&computed, &steps_too), (&expected, &trace), "{name} {n}");
			assert!(opening.verify(&expected.trace_root, &operator, &draw), "{name} {n}");
		}
		let before = pid(&sandbox);
		let outcome = sandbox.open_trace(&local, &job, &[1; 32], &[2; 32], LONG, &mut |_| false);
		assert_eq!(outcome, Err(ComputeError::Cancelled), "{name}");
		assert_eq!(pid(&sandbox), before);
	}
}

#[test]
fn fault_should_be_the_same_when_it_is_found_in_the_engine_process() {
	let dir = tempfile::tempdir().unwrap();
	let sandbox = Sandbox::new(settings(dir.path())).unwrap();
	let (keeper, text) = model("keeper");
	let (shapes, image) = model("shapes");
	for (local, job) in [(&keeper, &image), (&shapes, &text)] {
		let here = Engine::open(&local.folder).unwrap();
		let expected = run_model(&here, &job.input, job.seed, job.genesis, &mut |_| true);
		let outcome = run(&sandbox, local, job);
		assert_eq!(outcome, expected);
		assert_eq!(fault(outcome).code, FaultCode::InputRejected);
	}
}

#[test]
fn engine_process_should_stay_when_a_run_is_cancelled() {
	let dir = tempfile::tempdir().unwrap();
	let sandbox = Sandbox::new(settings(dir.path())).unwrap();
	let (shapes, job) = model("shapes");
	let mut last = 0;
	let outcome = sandbox.run(&shapes, &job, LONG, &mut |Step { step, .. }| {
		last = step;
		step < 3
	});
	assert_eq!((outcome, last), (Err(ComputeError::Cancelled), 3));
	let before = pid(&sandbox);
	run(&sandbox, &shapes, &other(&job)).unwrap();
	assert_eq!(pid(&sandbox), before);
}

#[test]
fn run_should_be_made_again_when_its_process_is_killed_once() {
	let dir = tempfile::tempdir().unwrap();
	let sandbox = Sandbox::new(settings(dir.path())).unwrap();
	let (shapes, job) = model("shapes");
	let expected = run(&sandbox, &shapes, &job).unwrap();
	for _ in 0..2 {
		// A run that ends well is forgiven: the second time has as many attempts as the first.
		let (outcome, attempts) = run_with_kills(&sandbox, &shapes, &job, 1);
		assert_eq!((outcome, attempts), (Ok(expected.clone()), 2));
	}
}

#[test]
fn input_should_be_given_up_for_good_when_its_process_is_killed_twice() {
	let dir = tempfile::tempdir().unwrap();
	let sandbox = Sandbox::new(settings(dir.path())).unwrap();
	let (shapes, job) = model("shapes");
	let (outcome, attempts) = run_with_kills(&sandbox, &shapes, &job, u32::MAX);
	assert_eq!(attempts, MOST_ATTEMPTS);
	let first = fault(outcome);
	assert_eq!(first.code, FaultCode::ResourceLimit);
	for part in ["2 times", "signal 9 (SIGKILL", "quarantine.redb"] {
		assert!(first.why.contains(part), "{part}: {first}");
	}

	// Not in this worker's life, whatever the seed, and not in the next one's.
	let (again, attempts) = run_with_kills(&sandbox, &shapes, &Job { seed: [8; 32], ..job.clone() }, 0);
	assert_eq!((fault(again), attempts), (first.clone(), 0));
	drop(sandbox);
	let sandbox = Sandbox::new(settings(dir.path())).unwrap();
	assert_eq!(fault(run(&sandbox, &shapes, &job)), first);
	assert_eq!(sandbox.usage(), None, "a process was started for it");

	// Another input, and the model's own job with the same one, are another matter.
	run(&sandbox, &shapes, &other(&job)).unwrap();
	run(&sandbox, &shapes, &Job { genesis: [0; 32], ..job }).unwrap();
}

#[test]
fn death_should_count_when_the_worker_was_started_again_since() {
	let dir = tempfile::tempdir().unwrap();
	let (shapes, job) = model("shapes");
	let sandbox = Sandbox::new(settings(dir.path())).unwrap();
	let mut killed = false;
	let outcome = sandbox.run(&shapes, &job, LONG, &mut |_| {
		// The worker is told to stop in the second attempt.
		!std::mem::replace(&mut killed, true) && {
			signal("KILL", pid(&sandbox));
			true
		}
	});
	assert_eq!(outcome, Err(ComputeError::Cancelled));
	drop(sandbox);
	let sandbox = Sandbox::new(settings(dir.path())).unwrap();
	let (outcome, attempts) = run_with_kills(&sandbox, &shapes, &job, u32::MAX);
	assert_eq!((fault(outcome).code, attempts), (FaultCode::ResourceLimit, 1));
}

#[test]
fn golden_job_should_blame_the_model_when_it_kills_its_process() {
	let dir = tempfile::tempdir().unwrap();
	let sandbox = Sandbox::new(settings(dir.path())).unwrap();
	let (shapes, job) = model("shapes");
	let golden = Job { genesis: [0; 32], ..job };
	let (outcome, attempts) = run_with_kills(&sandbox, &shapes, &golden, u32::MAX);
	assert_eq!(attempts, MOST_ATTEMPTS);
	assert!(matches!(&outcome, Err(ComputeError::Model(why)) if why.contains("golden job")), "{outcome:?}");
	run(&sandbox, &shapes, &golden).unwrap();
}

#[test]
fn input_should_not_be_blamed_when_its_process_died_between_runs() {
	let dir = tempfile::tempdir().unwrap();
	let sandbox = Sandbox::new(settings(dir.path())).unwrap();
	let (shapes, job) = model("shapes");
	for _ in 0..=MOST_ATTEMPTS {
		run(&sandbox, &shapes, &job).unwrap();
		let before = pid(&sandbox);
		signal("KILL", before);
		until("the end of the process", || !runs(before));
	}
	run(&sandbox, &shapes, &job).unwrap();
}

#[test]
fn input_should_be_given_up_when_it_takes_too_long() {
	let dir = tempfile::tempdir().unwrap();
	let sandbox = Sandbox::new(settings(dir.path())).unwrap();
	let (shapes, job) = model("shapes");
	sandbox.load(&shapes).unwrap();
	let fault = fault(sandbox.run(&shapes, &job, Duration::from_millis(1), &mut |_| true));
	assert_eq!(fault.code, FaultCode::ResourceLimit);
	assert!(fault.why.contains("limit of 0.001 s; compute.time_limit_seconds"), "{fault}");
}

#[test]
fn input_should_be_given_up_when_it_takes_too_much_memory() {
	let dir = tempfile::tempdir().unwrap();
	let (shapes, job) = model("shapes");
	let sandbox = Sandbox::new(settings(dir.path())).unwrap();
	sandbox.load(&shapes).unwrap();
	let opened = private_memory(pid(&sandbox));
	let mut most = 0;
	let measured = sandbox.run(&shapes, &job, LONG, &mut |_| {
		most = most.max(private_memory(pid(&sandbox)));
		true
	});
	measured.unwrap();
	drop(sandbox);
	assert!(most > opened + 2 * MIB, "a run on {opened} bytes takes {most}: too little to tell them apart");

	// Room for the model, not for the run.
	let limit = opened + (most - opened) / 2;
	let sandbox = Sandbox::new(Settings { memory_limit: limit, ..settings(dir.path()) }).unwrap();
	sandbox.load(&shapes).unwrap();
	let fault = fault(run(&sandbox, &shapes, &job));
	assert_eq!(fault.code, FaultCode::ResourceLimit);
	assert!(fault.why.contains("MiB of memory, compute.memory_limit is"), "{fault}");
}

#[test]
fn model_should_be_refused_when_there_is_no_memory_for_it() {
	let dir = tempfile::tempdir().unwrap();
	let (shapes, _) = model("shapes");
	let sandbox = Sandbox::new(Settings { memory_limit: 4 * MIB, ..settings(dir.path()) }).unwrap();
	let Err(ComputeError::Model(why)) = sandbox.load(&shapes) else { panic!("there was room for the model") };
	assert!(why.contains("models/shapes") && why.contains("compute.memory_limit is 4.0 MiB"), "{why}");
}

#[test]
fn model_should_be_opened_alone_when_there_is_no_memory_for_two() {
	let dir = tempfile::tempdir().unwrap();
	let ((shapes, _), (keeper, _)) = (model("shapes"), model("keeper"));
	let taken = |models: &[&LocalModel]| {
		let sandbox = Sandbox::new(settings(dir.path())).unwrap();
		models.iter().for_each(|model| sandbox.load(model).unwrap());
		private_memory(pid(&sandbox))
	};
	let (larger, both) = (taken(&[&shapes]).max(taken(&[&keeper])), taken(&[&shapes, &keeper]));
	assert!(both > larger + MIB, "{both} bytes for two models, {larger} for one: too little to tell them apart");
	let limit = larger + (both - larger) / 2;
	let sandbox = Sandbox::new(Settings { memory_limit: limit, ..settings(dir.path()) }).unwrap();
	sandbox.load(&shapes).unwrap();
	let first = pid(&sandbox);
	sandbox.load(&keeper).unwrap();
	assert_ne!(pid(&sandbox), first);
}

/// Weights roots of the models that are open, the one used last first.
fn open(sandbox: &Sandbox) -> Vec<[u8; 32]> {
	sandbox.residency().models.into_iter().map(|model| model.weights_root).collect()
}

#[test]
fn models_should_take_turns_when_the_budget_has_no_room_for_two() {
	let dir = tempfile::tempdir().unwrap();
	let models = [model("shapes"), model("keeper")];
	let taken = |models: &[&LocalModel]| {
		let sandbox = Sandbox::new(settings(dir.path())).unwrap();
		models.iter().for_each(|model| sandbox.load(model).unwrap());
		assert_eq!(sandbox.residency().models.len(), models.len());
		assert!(sandbox.residency().models.iter().all(|model| model.bytes > 0 && !model.in_use));
		private_memory(pid(&sandbox))
	};
	let [(shapes, _), (keeper, _)] = &models;
	let (larger, both) = (taken(&[shapes]).max(taken(&[keeper])), taken(&[shapes, keeper]));
	assert!(both > larger + MIB, "{both} bytes for two models, {larger} for one: too little to tell them apart");
	let budget = larger + (both - larger) / 4;
	let sandbox = Sandbox::new(Settings { resident_memory: budget, ..settings(dir.path()) }).unwrap();
	for _ in 0..3 {
		for (local, job) in &models {
			sandbox.load(local).unwrap();
			// The system counts a thread's pages when it has some, not each at once.
			let used = private_memory(pid(&sandbox));
			assert!(used <= budget + MIB / 4, "{used} bytes are used, {budget} are allowed");
			assert_eq!(open(&sandbox), [local.weights_root]);
			let golden = Manifest::load(&local.folder).unwrap().golden;
			let mut in_use = true;
			let done = sandbox.run(local, &Job { genesis: [0; 32], ..job.clone() }, LONG, &mut |_| {
				in_use &= sandbox.residency().models.iter().all(|model| model.in_use);
				true
			});
			assert_eq!(done.unwrap().result, golden.result.0, "{}", local.folder.display());
			assert!(in_use);
		}
	}
	let residency = sandbox.residency();
	assert_eq!((residency.limit, residency.models[0].name.is_empty()), (budget, false));

	// With room for both, both stay, and answer the same.
	drop(sandbox);
	let sandbox = Sandbox::new(settings(dir.path())).unwrap();
	for (local, job) in models.iter().chain(&models) {
		let golden = Manifest::load(&local.folder).unwrap().golden;
		let done = run(&sandbox, local, &Job { genesis: [0; 32], ..job.clone() });
		assert_eq!(done.unwrap().result, golden.result.0);
	}
	assert_eq!(open(&sandbox), [keeper.weights_root, shapes.weights_root]);
	sandbox.restart();
	assert!(open(&sandbox).is_empty());
}

#[test]
fn model_should_be_refused_when_the_budget_has_no_room_for_it() {
	let dir = tempfile::tempdir().unwrap();
	let ((shapes, _), (keeper, job)) = (model("shapes"), model("keeper"));
	let takes = format!("the model takes {:.1} MiB", shapes.weights().1 as f64 / MIB as f64);
	let sandbox = Sandbox::new(Settings { resident_memory: MIB, ..settings(dir.path()) }).unwrap();
	let Err(ComputeError::Model(why)) = sandbox.load(&shapes) else { panic!("there was room for the model") };
	for part in ["models/shapes", takes.as_str(), "compute.resident_memory is 1.0 MiB; raise it"] {
		assert!(why.contains(part), "{part}: {why}");
	}
	assert!(open(&sandbox).is_empty());

	// One that turns out too large is closed again, and not opened a second time.
	drop(sandbox);
	let (_, files) = keeper.weights();
	let sandbox = Sandbox::new(Settings { resident_memory: files, ..settings(dir.path()) }).unwrap();
	for _ in 0..2 {
		let outcome = run(&sandbox, &keeper, &job);
		assert!(matches!(&outcome, Err(ComputeError::Model(why)) if why.contains("resident_memory")), "{outcome:?}");
		assert!(open(&sandbox).is_empty());
		assert!(runs(pid(&sandbox)));
	}
}

#[test]
fn versions_of_an_evaluation_should_stay_while_it_runs_and_be_refused_when_one_has_room_only() {
	let dir = tempfile::tempdir().unwrap();
	let candidate = variant(&dir.path().join("next"), "chat.json", "Grey Point", "Red Point");
	let (keeper, job) = evaluation(&candidate, &dir.path().join("set.json"));
	let (shapes, _) = model("shapes");
	let sandbox = Sandbox::new(settings(dir.path())).unwrap();
	sandbox.load_both(&keeper, &candidate).unwrap();
	let both = private_memory(pid(&sandbox));
	let expected = run(&sandbox, &keeper, &job).unwrap();
	drop(sandbox);
	// Room for both versions, not for a third model.
	let sandbox = Sandbox::new(Settings { resident_memory: both + MIB, ..settings(dir.path()) }).unwrap();
	sandbox.load(&shapes).unwrap();
	assert_eq!(run(&sandbox, &keeper, &job), Ok(expected));
	assert_eq!(open(&sandbox)[..2], [candidate.weights_root, keeper.weights_root]);
	// Room for one of them.
	drop(sandbox);
	let (_, files) = keeper.weights();
	let sandbox = Sandbox::new(Settings { resident_memory: 2 * files - 1, ..settings(dir.path()) }).unwrap();
	let outcome = run(&sandbox, &keeper, &job);
	assert!(matches!(&outcome, Err(ComputeError::Model(why)) if why.contains("resident_memory")), "{outcome:?}");
}

#[test]
fn reply_should_be_told_while_it_is_written_when_it_is_asked_for() {
	let dir = tempfile::tempdir().unwrap();
	let (keeper, job) = model("keeper");
	let here = Engine::open(&keeper.folder).unwrap();
	let mut heard_here = Vec::new();
	let expected = run_model(&here, &job.input, job.seed, job.genesis, &mut |now| {
		heard_here.push(now.said.to_owned());
		true
	});
	let expected = expected.unwrap();
	let text = String::from_utf8(expected.bytes.clone()).unwrap();
	assert!(text.starts_with(heard_here.concat().trim()) && !heard_here.concat().trim().is_empty(), "{heard_here:?}");
	for said in [true, false] {
		let sandbox = Sandbox::new(Settings { said, ..settings(dir.path()) }).unwrap();
		let mut heard = Vec::new();
		let computed = sandbox.run(&keeper, &job, LONG, &mut |now| {
			heard.push(now.said.to_owned());
			true
		});
		assert_eq!(computed, Ok(expected.clone()));
		match said {
			true => assert_eq!(heard, heard_here),
			false => assert!(heard.iter().all(String::is_empty), "{heard:?}"),
		}
	}
	// A picture says nothing, and a ballot is not told before it is cast.
	let sandbox = Sandbox::new(Settings { said: true, ..settings(dir.path()) }).unwrap();
	let spec = InputSpec::Ballot {
		question: "Spend 5 AUTON on lamp oil?".into(),
		prose: "The nights are long.".into(),
		persona: autonomy_engine::digest::cid_text(&cid(b"wry")),
	};
	let ballot = Job { input: spec.to_job_input().unwrap(), persona: Some(b"wry".to_vec()), ..job };
	for (local, job) in [model("shapes"), (keeper, ballot)] {
		let silent = sandbox.run(&local, &job, LONG, &mut |now| {
			assert_eq!(now.said, "");
			true
		});
		silent.unwrap();
	}
}

#[test]
fn machine_should_be_blamed_when_the_program_is_no_engine() {
	let (shapes, job) = model("shapes");
	let cat = Program { path: "/bin/cat".into(), args: vec![] };
	let nowhere = Program { path: "/nowhere/engine".into(), args: vec![] };
	for (program, limit, expected) in [
		(cat, LONG, "a message that cannot be read"),
		(Program { path: "/bin/true".into(), args: vec![] }, LONG, "exit code 0"),
		(nowhere, LONG, "No such file"),
		(shell("echo good morning; exec sleep 1000"), LONG, "not understood: a message of"),
		(shell("exec sleep 1000"), Duration::from_millis(50), "its limit of 0.05 s"),
		(shell("echo 'no such library' >&2; exit 127"), LONG, "exit code 127, saying: no such library"),
	] {
		let dir = tempfile::tempdir().unwrap();
		let name = program.to_string();
		let settings = Settings { program, start_limit: limit, ..settings(dir.path()) };
		let sandbox = Sandbox::new(settings).unwrap();
		for _ in 0..=MOST_ATTEMPTS {
			let why = machine(run(&sandbox, &shapes, &job));
			assert!(why.contains(&name) && why.contains("did not start") && why.contains(expected), "{name}: {why}");
		}
	}
}

#[test]
fn input_should_be_given_up_when_the_engine_talks_nonsense_in_a_run() {
	let dir = tempfile::tempdir().unwrap();
	let (shapes, job) = model("shapes");
	// Ready, Loaded, then words.
	let script = r"printf '\002\000\000\000\002\201\002\000\000\000\002\202and now?'; exec cat >/dev/null";
	let sandbox = Sandbox::new(Settings { program: shell(script), ..settings(dir.path()) }).unwrap();
	let fault = fault(run(&sandbox, &shapes, &job));
	assert_eq!(fault.code, FaultCode::ResourceLimit);
	assert!(fault.why.contains("its answer was not understood"), "{fault}");
}

#[test]
fn model_should_be_refused_when_its_folder_is_another_model() {
	let dir = tempfile::tempdir().unwrap();
	let sandbox = Sandbox::new(settings(dir.path())).unwrap();
	let (shapes, _) = model("shapes");
	let (keeper, job) = model("keeper");
	let mixed = LocalModel { folder: shapes.folder, ..keeper.clone() };
	let Err(ComputeError::Model(why)) = sandbox.load(&mixed) else { panic!("it was opened") };
	assert!(why.contains("weights root"), "{why}");
	let before = pid(&sandbox);
	run(&sandbox, &keeper, &job).unwrap();
	assert_eq!(pid(&sandbox), before, "a refusal ended the process");
}

#[test]
fn engine_process_should_have_nothing_but_what_it_needs() {
	let dir = tempfile::tempdir().unwrap();
	std::env::set_var("AUTONOMY_KEY_PASSWORD", "correct horse battery");
	let sandbox = Sandbox::new(settings(dir.path())).unwrap();
	let (shapes, job) = model("shapes");
	run(&sandbox, &shapes, &job).unwrap();
	let proc = PathBuf::from(format!("/proc/{}", pid(&sandbox)));
	let read = |name: &str| String::from_utf8_lossy(&fs::read(proc.join(name)).unwrap()).into_owned();

	let environment = read("environ");
	let names: Vec<_> = environment.split('\0').filter_map(|pair| Some(pair.split_once('=')?.0)).collect();
	assert!(names.iter().all(|n| ["RAYON_NUM_THREADS", "AUTONOMY_ISA"].contains(n)), "{names:?}");
	assert_eq!(fs::read_dir(proc.join("fd")).unwrap().count(), 3, "more than the standard streams is open");

	let status = read("status");
	let field = |name: &str| status.lines().find_map(|l| l.strip_prefix(name)).unwrap_or_default().trim().to_string();
	assert_eq!(field("NoNewPrivs:"), "1");
	assert_eq!(field("Name:"), "autonomy-engine");
	// SIGHUP, SIGINT and SIGTERM.
	assert_eq!(u64::from_str_radix(&field("SigBlk:"), 16).unwrap(), 1 | 1 << 1 | 1 << 14);

	let limits = read("limits");
	let hard = |name: &str| -> u64 {
		let line = limits.lines().find_map(|l| l.strip_prefix(name)).unwrap();
		line.split_whitespace().nth(1).unwrap().parse().unwrap()
	};
	assert!(hard("Max core file size") <= 1);
	assert_eq!(hard("Max file size"), MIB);
	assert!(hard("Max data size") >= 8192 * MIB);
}

#[test]
fn engine_process_should_go_on_when_a_service_manager_asks_everybody_to_stop() {
	let dir = tempfile::tempdir().unwrap();
	let sandbox = Sandbox::new(settings(dir.path())).unwrap();
	let (shapes, job) = model("shapes");
	let mut attempts = 0;
	let outcome = sandbox.run(&shapes, &job, LONG, &mut |Step { step, .. }| {
		attempts += u32::from(step == 1);
		signal("TERM", pid(&sandbox));
		true
	});
	assert!(outcome.is_ok(), "{outcome:?}");
	assert_eq!(attempts, 1);
}

#[test]
fn model_should_be_opened_by_another_process_when_the_sandbox_is_restarted() {
	let dir = tempfile::tempdir().unwrap();
	let sandbox = Sandbox::new(settings(dir.path())).unwrap();
	let (keeper, job) = model("keeper");
	let expected = run(&sandbox, &keeper, &job).unwrap();
	let before = pid(&sandbox);
	sandbox.restart();
	assert!(!runs(before));
	assert_eq!(sandbox.usage(), None);
	assert_eq!(run(&sandbox, &keeper, &job).unwrap(), expected);
	assert_ne!(pid(&sandbox), before);
}

#[test]
fn engine_process_should_end_when_the_sandbox_is_dropped() {
	let dir = tempfile::tempdir().unwrap();
	let sandbox = Sandbox::new(settings(dir.path())).unwrap();
	sandbox.load(&model("keeper").0).unwrap();
	let pid = pid(&sandbox);
	assert!(runs(pid));
	drop(sandbox);
	assert!(!runs(pid));
}

/// Stands in for a worker in the next test: opens a model, says its engine process's id, and waits to be killed.
#[test]
#[ignore = "started by engine_process_should_end_when_its_worker_is_killed"]
fn parent() {
	let Some(dir) = std::env::var_os(PARENT) else { return };
	let sandbox = Sandbox::new(settings(Path::new(&dir))).unwrap();
	sandbox.load(&model("keeper").0).unwrap();
	println!("\nengine {}", pid(&sandbox));
	std::io::stdout().flush().unwrap();
	let mut line = String::new();
	std::io::stdin().read_line(&mut line).unwrap();
}

#[test]
fn engine_process_should_end_when_its_worker_is_killed() {
	for stopped in [false, true] {
		let dir = tempfile::tempdir().unwrap();
		let mut worker = Command::new(std::env::current_exe().unwrap())
			.args(["--exact", "parent", "--ignored", "--nocapture"])
			.env(PARENT, dir.path())
			.stdin(Stdio::piped())
			.stdout(Stdio::piped())
			.spawn()
			.unwrap();
		let mut lines = BufReader::new(worker.stdout.take().unwrap()).lines().map(Result::unwrap);
		let engine: u32 = lines.find_map(|l| l.strip_prefix("engine ")?.parse().ok()).expect("an engine process");
		assert!(runs(engine));
		if stopped {
			// It cannot see that its input ended, as one deep in a run cannot.
			signal("STOP", engine);
		}
		worker.kill().unwrap();
		worker.wait().unwrap();
		until("the end of the engine process", || !runs(engine));
	}
}

#[test]
fn engine_process_should_not_be_for_people() {
	let help = Command::new(env!("CARGO_BIN_EXE_autonomy-worker")).arg("--help").output().unwrap();
	assert!(!String::from_utf8_lossy(&help.stdout).contains(SUBCOMMAND));
	// Whoever does not say Hello, or is not its parent, is not served.
	let mut engine = Command::new(env!("CARGO_BIN_EXE_autonomy-worker"))
		.arg(SUBCOMMAND)
		.stdin(Stdio::piped())
		.stdout(Stdio::piped())
		.stderr(Stdio::piped())
		.spawn()
		.unwrap();
	engine.stdin.take().unwrap().write_all(b"hello?\n").unwrap();
	let output = engine.wait_with_output().unwrap();
	let error = String::from_utf8_lossy(&output.stderr).into_owned();
	assert!(!output.status.success() && error.contains("was not understood"), "{error}");
	assert!(output.stdout.is_empty());
}

#[test]
fn artifact_should_have_its_cid_when_it_came_through_the_pipe() {
	let dir = tempfile::tempdir().unwrap();
	let sandbox = Sandbox::new(settings(dir.path())).unwrap();
	let (shapes, job) = model("shapes");
	let computed = run(&sandbox, &shapes, &job).unwrap();
	assert_eq!(cid(&computed.bytes), computed.artifact);
	assert!(computed.bytes.starts_with(b"\x89PNG"));
}

/// A copy of the shipped language model that differs in a file: another version of it.
fn variant(folder: &Path, name: &str, from: &str, to: &str) -> LocalModel {
	let original = Path::new("models/keeper");
	fs::create_dir_all(folder).unwrap();
	for entry in fs::read_dir(original).unwrap() {
		let entry = entry.unwrap();
		fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
	}
	let text = fs::read_to_string(folder.join(name)).unwrap();
	assert!(text.contains(from), "{name}: {text}");
	fs::write(folder.join(name), text.replace(from, to)).unwrap();
	let mut manifest = Manifest::load(original).unwrap();
	let mut root = autonomy_primitives::digest::WeightsRoot::default();
	for file in &mut manifest.files {
		let bytes = fs::read(folder.join(&file.path)).unwrap();
		(file.size, file.sha256.0) = (bytes.len() as u64, cid(&bytes)[4..].try_into().unwrap());
		root.update(&bytes);
		root.end_file();
	}
	manifest.weights_root.0 = root.root();
	manifest.write(folder).unwrap();
	LocalModel { folder: folder.into(), weights_root: manifest.weights_root.0 }
}

/// An evaluation of a candidate beside the shipped language model.
fn evaluation(candidate: &LocalModel, set: &Path) -> (LocalModel, Job) {
	use autonomy_primitives::{
		evaluation::EvaluatedWeights,
		job::{EvaluationInput, JobInput, Modality},
	};
	let (keeper, job) = model("keeper");
	let version = |local: &LocalModel| EvaluatedWeights {
		manifest: cid(&fs::read(local.folder.join("manifest.json")).unwrap()),
		weights_root: local.weights_root,
		engine: autonomy_kernels::engine_id(),
	};
	let bytes = br#"{"schema":1,"model":"text","samples":[{"prompt":"Who are you?","reply":"Luma."},{"prompt":"Hello!","reply":"Hello."}]}"#;
	fs::write(set, bytes).unwrap();
	let input = EvaluationInput {
		base: version(&keeper),
		candidate: version(candidate),
		set: cid(bytes),
		model: Modality::Text,
		samples: 2,
		size: 100,
	};
	let evaluation = Some(EvaluationFiles::new(&candidate.folder, set));
	(keeper, Job { input: JobInput::Evaluation(input), evaluation, ..job })
}

#[test]
fn evaluation_should_give_the_same_bits_when_it_is_isolated() {
	let dir = tempfile::tempdir().unwrap();
	let sandbox = Sandbox::new(settings(dir.path())).unwrap();
	let candidate = variant(&dir.path().join("next"), "chat.json", "Grey Point", "Red Point");
	let set = dir.path().join("set.json");
	let (keeper, job) = evaluation(&candidate, &set);
	let (base, next) = (Engine::open(&keeper.folder).unwrap(), Engine::open(&candidate.folder).unwrap());
	let bytes = fs::read(&set).unwrap();
	let here = Ready::Evaluation { base: &base, candidate: &next, set: &bytes };
	let expected = run_job(here, &job, &mut |_| true).unwrap();
	sandbox.load_both(&keeper, &candidate).unwrap();
	let before = pid(&sandbox);
	assert_eq!(run(&sandbox, &keeper, &job), Ok(expected.clone()));
	let (operator, draw) = ([4; 32], [7; 32]);
	let opened = sandbox.open_trace(&keeper, &job, &operator, &draw, LONG, &mut |_| true).unwrap();
	assert_eq!(Ok(opened), open_trace(here, &job, &operator, &draw, &mut |_| true));
	// A new process opens both versions by itself.
	sandbox.restart();
	let mut steps = Vec::new();
	let (computed, trace) = sandbox
		.trace(&keeper, &job, LONG, &mut |Step { step, steps: all, .. }| {
			steps.push((step, all));
			true
		})
		.unwrap();
	assert_eq!((computed, trace.step_roots.len()), (expected, 4));
	assert_eq!(steps, [(1, 4), (2, 4), (3, 4), (4, 4)]);
	assert_ne!(pid(&sandbox), before);
}

#[test]
fn ballot_should_give_the_same_bits_when_it_is_isolated() {
	let dir = tempfile::tempdir().unwrap();
	let sandbox = Sandbox::new(settings(dir.path())).unwrap();
	let (keeper, job) = model("keeper");
	let spec = InputSpec::Ballot {
		question: "Spend 5 AUTON on lamp oil?".into(),
		prose: "The nights are long.".into(),
		persona: autonomy_engine::digest::cid_text(&cid(b"wry")),
	};
	let job = Job { input: spec.to_job_input().unwrap(), persona: Some(b"wry".to_vec()), ..job };
	let engine = Engine::open(&keeper.folder).unwrap();
	let here = Ready::Character { model: &engine, persona: b"wry" };
	let expected = run_job(here, &job, &mut |_| true).unwrap();
	assert_eq!(run(&sandbox, &keeper, &job), Ok(expected));
	for n in 0..3 {
		let (operator, draw) = ([n; 32], [7; 32]);
		let opened = sandbox.open_trace(&keeper, &job, &operator, &draw, LONG, &mut |_| true);
		assert_eq!(opened, open_trace(here, &job, &operator, &draw, &mut |_| true), "{n}");
	}
	// A persona that is another one than the job names is this machine's trouble.
	let other = Job { persona: Some(b"warm".to_vec()), ..job };
	assert!(machine(run(&sandbox, &keeper, &other)).contains("the job names"));
}

#[test]
fn candidate_that_no_machine_can_open_should_be_the_inputs_fault() {
	let dir = tempfile::tempdir().unwrap();
	let sandbox = Sandbox::new(settings(dir.path())).unwrap();
	let candidate = variant(&dir.path().join("next"), "chat.json", "\"<|end|>\"", "\"<|fin|>\"");
	let (keeper, job) = evaluation(&candidate, &dir.path().join("set.json"));
	assert_eq!(fault(run(&sandbox, &keeper, &job)).code, FaultCode::InputRejected);
	assert!(matches!(sandbox.load_both(&keeper, &candidate), Err(ComputeError::Fault(_))));
	// The same folder alone is this operator's business, and one that is damaged is this machine's.
	assert!(matches!(sandbox.load(&candidate), Err(ComputeError::Unusable(_))));
	fs::write(candidate.folder.join("model.safetensors"), b"damaged").unwrap();
	assert!(matches!(run(&sandbox, &keeper, &job), Err(ComputeError::Model(_))));
}
