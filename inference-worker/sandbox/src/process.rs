//! One engine process, seen from the worker.

use std::{
	ffi::OsString,
	fmt,
	fs::File,
	io::{self, BufReader},
	os::unix::{
		ffi::OsStrExt,
		fs::FileExt,
		process::{CommandExt, ExitStatusExt},
	},
	path::{Path, PathBuf},
	process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
	sync::{mpsc, Arc, Condvar, Mutex, MutexGuard, PoisonError},
	thread::{self, JoinHandle},
	time::{Duration, Instant},
};

use nix::{
	sys::{
		memfd::{memfd_create, MFdFlags},
		signal::{killpg, Signal},
		wait::{waitid, Id, WaitPidFlag, WaitStatus},
	},
	unistd::Pid,
};

use crate::{
	memory::{mib, private_memory},
	protocol::{read, write, ProtocolError, Reply, Request, MAX_SAID},
	LocalModel, Step,
};

/// The worker's subcommand that is the engine process.
pub const SUBCOMMAND: &str = "engine-process";
/// Most bytes that an engine process can write to standard error in its life.
pub(crate) const STDERR_LIMIT: u64 = 1 << 20;

/// Time between two looks at a process that works on a request.
const TICK: Duration = Duration::from_millis(10);
/// Time between two looks at one that waits.
const IDLE_TICK: Duration = Duration::from_secs(1);
/// How long a process may live on after it closed its output.
const CLOSING: Duration = Duration::from_secs(1);
/// Bytes of standard error that are repeated in a message.
const LAST_WORDS: u64 = 600;
/// What the engine process keeps of the worker's environment: what the kernels read.
const ENVIRONMENT: [&str; 2] = ["RAYON_NUM_THREADS", "AUTONOMY_ISA"];

/// The program that an engine process is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Program {
	/// Its file.
	pub path: PathBuf,
	/// Its arguments.
	pub args: Vec<OsString>,
}

impl Program {
	/// The program that is running, with [`SUBCOMMAND`]. An update that replaced its file does not change which one that is.
	pub fn this() -> Self {
		Self { path: "/proc/self/exe".into(), args: vec![SUBCOMMAND.into()] }
	}
}

impl fmt::Display for Program {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "{}", self.path.display())?;
		self.args.iter().try_for_each(|arg| write!(f, " {}", arg.to_string_lossy()))
	}
}

/// What an engine process uses now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Usage {
	/// Its process id.
	pub pid: u32,
	/// Memory in use that no file backs, in bytes.
	pub memory: u64,
}

/// What an engine process died of.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Death {
	/// It was killed for its memory.
	#[error("it used {} of memory, compute.memory_limit is {}", mib(*.used), mib(*.limit))]
	Memory {
		/// Bytes in use.
		used: u64,
		/// Bytes allowed.
		limit: u64,
	},
	/// It was killed for the time it took.
	#[error("it took longer than its limit of {} s; compute.time_limit_seconds and the model's budget set that of a run", .0.as_secs_f64())]
	Time(Duration),
	/// It was killed because it made no sense.
	#[error("its answer was not understood: {0}")]
	Garbage(String),
	/// Somebody else killed it, or it crashed.
	#[error("it was ended by {}{words}", signal(*.number))]
	Signal {
		/// The signal.
		number: i32,
		/// The end of its standard error.
		words: Words,
	},
	/// It ended by itself.
	#[error("it ended by itself with exit code {code}{words}")]
	Exit {
		/// The exit code.
		code: i32,
		/// The end of its standard error.
		words: Words,
	},
	/// It cannot be watched.
	#[error("it cannot be watched: {0}; compute.isolate = false runs models without an engine process")]
	Unwatched(String),
	/// The worker needed it no longer.
	#[error("it was stopped")]
	Stopped,
}

impl Death {
	/// A word for metrics.
	pub(crate) fn name(&self) -> &'static str {
		match self {
			Self::Memory { .. } => "memory",
			Self::Time(_) => "time",
			Self::Garbage(_) => "garbage",
			Self::Signal { .. } => "signal",
			Self::Exit { .. } => "exit",
			Self::Unwatched(_) => "unwatched",
			Self::Stopped => "stopped",
		}
	}

	fn of(status: ExitStatus, stderr: &File) -> Self {
		let words = Words::of(stderr);
		match status.signal() {
			Some(number) => Self::Signal { number, words },
			None => Self::Exit { code: status.code().unwrap_or_default(), words },
		}
	}
}

/// The end of what a process said on standard error, on one line.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Words(String);

impl Words {
	fn of(stderr: &File) -> Self {
		let length = stderr.metadata().map_or(0, |m| m.len());
		let mut bytes = vec![0; length.min(LAST_WORDS) as usize];
		if stderr.read_exact_at(&mut bytes, length.saturating_sub(LAST_WORDS)).is_err() {
			return Self::default();
		}
		let text = String::from_utf8_lossy(&bytes);
		// A stranger's input may have a part in it, and these words reach logs and terminals.
		let steers = |c: char| {
			let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
			c.is_control() || turns
		};
		let words = text.split_whitespace().map(|word| word.chars().filter(|c| !steers(*c)).collect::<String>());
		Self(words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "))
	}
}

impl fmt::Display for Words {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match self.0.is_empty() {
			true => Ok(()),
			false => write!(f, ", saying: {}", self.0),
		}
	}
}

fn signal(number: i32) -> String {
	let Ok(signal) = Signal::try_from(number) else { return format!("signal {number}") };
	let meaning = match signal {
		Signal::SIGKILL => ": the system was out of memory, or somebody killed it",
		Signal::SIGABRT => ": it gave up, as it does when it is refused memory",
		Signal::SIGSEGV => ": bad memory, or too deep a recursion",
		Signal::SIGBUS => ": a mapped file was cut short, or its disk failed",
		Signal::SIGILL => ": the processor lacks an instruction",
		Signal::SIGXFSZ => ": it said too much on standard error",
		_ => "",
	};
	format!("signal {number} ({signal}{meaning})")
}

/// What the keeper and the user of a process tell each other.
#[derive(Default)]
struct Watch {
	state: Mutex<State>,
	changed: Condvar,
}

#[derive(Default)]
struct State {
	/// When the process is to be killed, and what it will have died of.
	end: Option<(Instant, Death)>,
	/// Memory at the last look, in bytes.
	memory: u64,
	/// What the process died of, once it is gone.
	death: Option<Death>,
}

impl Watch {
	fn lock(&self) -> MutexGuard<'_, State> {
		self.state.lock().unwrap_or_else(PoisonError::into_inner)
	}

	/// Sets when the process is to be killed, instead of what was set before.
	fn end(&self, end: Option<(Duration, Death)>) {
		// A limit that no clock reaches is none.
		self.lock().end = end.and_then(|(after, death)| Some((Instant::now().checked_add(after)?, death)));
		self.changed.notify_one();
	}
}

/// A look at a process from outside.
#[derive(Clone)]
pub(crate) struct Observer {
	pid: u32,
	watch: Arc<Watch>,
}

impl Observer {
	/// What the process uses, or nothing once it is gone.
	pub(crate) fn usage(&self) -> Option<Usage> {
		let state = self.watch.lock();
		state.death.is_none().then_some(Usage { pid: self.pid, memory: state.memory })
	}
}

/// A living engine process. Dropping it kills it.
pub(crate) struct Process {
	input: ChildStdin,
	output: BufReader<ChildStdout>,
	opened: bool,
	memory_limit: u64,
	observer: Observer,
	keeper: Option<JoinHandle<()>>,
}

impl Process {
	/// Starts a program. It has said nothing yet.
	pub(crate) fn start(program: &Program, memory_limit: u64) -> io::Result<Self> {
		let watch = Arc::new(Watch::default());
		let (started, start) = mpsc::sync_channel(1);
		// The signal that ends the process with its parent comes when the *thread* that started it ends. So this thread
		// lives exactly as long as the process, and watches it meanwhile.
		let keeper = thread::Builder::new().name("engine-keeper".into()).spawn({
			let (program, watch) = (program.clone(), watch.clone());
			move || match spawn(&program) {
				Ok(Spawned { child, input, output, stderr }) => {
					// The receiver waits for it.
					let _ = started.send(Ok((child.id(), input, output)));
					keep(child, &stderr, &watch, memory_limit);
				}
				Err(error) => drop(started.send(Err(error))),
			}
		})?;
		let (pid, input, output) = start.recv().map_err(|_| io::Error::other("the keeper's thread crashed"))??;
		let (observer, output) = (Observer { pid, watch }, BufReader::new(output));
		Ok(Self { input, output, opened: false, memory_limit, observer, keeper: Some(keeper) })
	}

	pub(crate) fn observer(&self) -> Observer {
		self.observer.clone()
	}

	/// Whether it lives. Asked right before a request, so that an earlier death is not taken for the request's.
	pub(crate) fn lives(&self) -> bool {
		let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
		// The keeper waits for the process, this only looks. Gone from the system means that the keeper was first.
		waitid(Id::Pid(pid(self.observer.pid)), look) == Ok(WaitStatus::StillAlive)
	}

	/// Whether it has opened no model yet.
	pub(crate) fn is_new(&self) -> bool {
		!self.opened
	}

	/// Memory in use that no file backs, in bytes; 0 once it is gone.
	pub(crate) fn memory(&self) -> u64 {
		private_memory(&statm(self.observer.pid)).unwrap_or_default()
	}

	/// Opens a model.
	pub(crate) fn load(&mut self, model: &LocalModel, limit: Duration) -> Result<Reply, Death> {
		let folder = model.folder.as_os_str().as_bytes().to_vec();
		let request = Request::Load { folder, weights_root: model.weights_root };
		let reply = self.ask(&request, limit, &mut |_| true)?;
		if reply != Reply::Loaded {
			return Ok(reply);
		}
		// A model without room is the model's fault, so it must show now and not in the first run.
		match look(&statm(self.observer.pid), self.memory_limit) {
			Ok(0) => return Err(self.bury(ProtocolError::Ended)),
			Ok(_) => {}
			Err(death) => {
				self.observer.watch.end(Some((Duration::ZERO, death)));
				return Err(self.join());
			}
		}
		self.opened = true;
		Ok(reply)
	}

	/// Asks for something and waits for the answer, at most for `limit`. An error means that the process is gone.
	pub(crate) fn ask(
		&mut self,
		request: &Request,
		limit: Duration,
		progress: &mut dyn FnMut(Step) -> bool,
	) -> Result<Reply, Death> {
		self.observer.watch.end(Some((limit, Death::Time(limit))));
		let reply = self.exchange(request, progress).map_err(|error| self.bury(error))?;
		self.observer.watch.end(None);
		Ok(reply)
	}

	fn exchange(&mut self, request: &Request, progress: &mut dyn FnMut(Step) -> bool) -> Result<Reply, ProtocolError> {
		write(&mut self.input, request)?;
		loop {
			match read(&mut self.output)? {
				Reply::Progress { said, .. } if said.len() > MAX_SAID => {
					return Err(ProtocolError::Length(said.len() as u64, MAX_SAID as u32));
				}
				Reply::Progress { step, steps, said } => {
					let next = match progress(Step { step, steps, said: &said }) {
						true => Request::Continue,
						false => Request::Cancel,
					};
					write(&mut self.input, &next)?;
				}
				reply => return Ok(reply),
			}
		}
	}

	/// Kills the process for an answer that was not expected.
	pub(crate) fn refuse(&mut self, reply: &Reply) -> Death {
		self.bury(ProtocolError::Unexpected(reply.name()))
	}

	/// Finds out what the process died of, after its pipes failed or what came out of them made no sense.
	fn bury(&mut self, error: ProtocolError) -> Death {
		let end = match error {
			// Pipes end with a process, a moment before the keeper sees why it did.
			ProtocolError::Ended => {
				(CLOSING, Death::Garbage("it closed its side of the connection and went on".into()))
			}
			error => (Duration::ZERO, Death::Garbage(error.to_string())),
		};
		if self.observer.watch.lock().end.as_ref().is_none_or(|(at, _)| *at > Instant::now()) {
			self.observer.watch.end(Some(end));
		}
		self.join()
	}

	fn join(&mut self) -> Death {
		let joined = self.keeper.take().map(JoinHandle::join);
		let death = self.observer.watch.lock().death.clone();
		death.unwrap_or_else(|| Death::Unwatched(format!("its keeper ended first ({joined:?})")))
	}
}

impl Drop for Process {
	fn drop(&mut self) {
		if self.keeper.is_some() {
			self.observer.watch.end(Some((Duration::ZERO, Death::Stopped)));
			self.join();
		}
	}
}

struct Spawned {
	child: Child,
	input: ChildStdin,
	output: ChildStdout,
	stderr: File,
}

fn spawn(program: &Program) -> io::Result<Spawned> {
	let stderr = File::from(memfd_create("engine-process-stderr", MFdFlags::MFD_CLOEXEC)?);
	let mut command = Command::new(&program.path);
	command.args(&program.args).env_clear();
	command.envs(ENVIRONMENT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
	command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr.try_clone()?);
	// A group of its own: Ctrl-C at a terminal reaches the worker alone, and whatever the process starts can be killed
	// with it.
	command.process_group(0);
	let mut child = command.spawn()?;
	match (child.stdin.take(), child.stdout.take()) {
		(Some(input), Some(output)) => Ok(Spawned { child, input, output, stderr }),
		_ => unreachable!("both were asked for"),
	}
}

/// Watches a process until it is gone, killing it when it is to end or goes beyond its memory.
fn keep(mut child: Child, stderr: &File, watch: &Watch, memory_limit: u64) {
	let statm = statm(child.id());
	let death = loop {
		match child.try_wait() {
			Ok(Some(status)) => break Death::of(status, stderr),
			Ok(None) => {}
			Err(error) => break killed(&mut child, Death::Unwatched(error.to_string())),
		}
		let memory = look(&statm, memory_limit);
		let mut state = watch.lock();
		match (memory, &state.end) {
			(Err(death), _) => {
				drop(state);
				break killed(&mut child, death);
			}
			(_, Some((at, death))) if *at <= Instant::now() => {
				let death = death.clone();
				drop(state);
				break killed(&mut child, death);
			}
			(Ok(memory), _) => state.memory = memory,
		}
		let pause = match &state.end {
			Some((at, _)) => at.saturating_duration_since(Instant::now()).min(TICK),
			None => IDLE_TICK,
		};
		drop(watch.changed.wait_timeout(state, pause));
	};
	watch.lock().death = Some(death);
}

fn statm(pid: u32) -> PathBuf {
	format!("/proc/{pid}/statm").into()
}

/// Memory of a process, 0 once it is dead and not yet waited for.
fn look(statm: &Path, limit: u64) -> Result<u64, Death> {
	match private_memory(statm) {
		Ok(used) if used > limit => Err(Death::Memory { used, limit }),
		Ok(used) => Ok(used),
		Err(error) => Err(Death::Unwatched(format!("{}: {error}", statm.display()))),
	}
}

/// Kills a process with whatever it started, and waits until it is gone.
fn killed(child: &mut Child, death: Death) -> Death {
	// Its number cannot have become another process's: nobody waited for it yet. Either can fail when it ends by itself.
	let _ = killpg(pid(child.id()), Signal::SIGKILL);
	let _ = child.kill();
	let _ = child.wait();
	death
}

fn pid(id: u32) -> Pid {
	// A pid_t is what the system gave; only its sign was lost.
	Pid::from_raw(id as i32)
}

#[cfg(test)]
mod tests {
	use super::*;

	/// A process of the shell. Its answers are bytes, as `printf` takes them.
	fn shell(script: &str) -> Process {
		let program = Program { path: "/bin/sh".into(), args: vec!["-c".into(), script.into()] };
		Process::start(&program, u64::MAX).unwrap()
	}

	fn answer(script: &str, limit: Duration) -> Result<Reply, Death> {
		shell(script).ask(&Request::Continue, limit, &mut |_| true)
	}

	const LONG: Duration = Duration::from_secs(60);

	#[test]
	fn process_should_answer_when_it_speaks_the_protocol() {
		assert_eq!(answer(r"printf '\002\000\000\000\002\201'; exec cat", LONG), Ok(Reply::Ready));
	}

	#[test]
	fn death_should_say_how_when_the_process_ends_by_itself() {
		let death = answer("echo 'no   memory\nleft' >&2; exit 7", LONG).unwrap_err();
		assert_eq!(death.to_string(), "it ended by itself with exit code 7, saying: no memory left");
		let death = answer(r"printf 'a \033[2Jlamp \007 \342\200\256off' >&2; exit 7", LONG).unwrap_err();
		assert_eq!(death.to_string(), "it ended by itself with exit code 7, saying: a [2Jlamp off");
		let death = answer("kill -SEGV $$", LONG).unwrap_err();
		assert!(matches!(death, Death::Signal { number: 11, .. }), "{death:?}");
		assert!(death.to_string().contains("signal 11 (SIGSEGV"), "{death}");
	}

	#[test]
	fn process_should_be_killed_when_it_is_silent() {
		let limit = Duration::from_millis(50);
		assert_eq!(answer("exec sleep 1000", limit), Err(Death::Time(limit)));
		// A child of it, which would hold the pipe open, is killed with it.
		assert_eq!(answer("sleep 1000; true", limit), Err(Death::Time(limit)));
	}

	#[test]
	fn process_should_be_killed_when_it_talks_nonsense() {
		for script in ["echo what is this; exec sleep 1000", "exec cat", "exec 1>&-; exec sleep 1000"] {
			let death = answer(script, LONG).unwrap_err();
			assert!(matches!(death, Death::Garbage(_)), "{script}: {death:?}");
		}
	}

	#[test]
	fn process_should_be_killed_when_a_step_says_too_much() {
		// Index, step, steps, and a text of 1,025 bytes after its length in compact form.
		let script = r"printf '\015\004\000\000\002\203\001\000\000\000\002\000\000\000\005\020'; \
			head -c 1025 /dev/zero | tr '\000' 'a'; exec sleep 1000";
		let death = answer(script, LONG).unwrap_err();
		assert!(matches!(&death, Death::Garbage(why) if why.contains("1025") && why.contains("1024")), "{death:?}");
	}

	#[test]
	fn process_should_be_killed_when_it_is_beyond_its_memory() {
		let program = Program { path: "/bin/sleep".into(), args: vec!["1000".into()] };
		let mut process = Process::start(&program, 4096).unwrap();
		let death = process.ask(&Request::Continue, LONG, &mut |_| true).unwrap_err();
		let Death::Memory { used, limit: 4096 } = death else { panic!("{death:?}") };
		assert!(used > 4096);
		assert_eq!(process.observer().usage(), None);
	}

	#[test]
	fn process_should_be_gone_when_it_is_dropped() {
		let process = shell("exec cat");
		let observer = process.observer();
		let pid = observer.usage().unwrap().pid;
		drop(process);
		assert_eq!(observer.watch.lock().death, Some(Death::Stopped));
		assert!(!Path::new(&format!("/proc/{pid}")).exists());
	}

	#[test]
	fn program_should_be_the_one_that_runs() {
		let program = Program { args: vec!["--help".into()], ..Program::this() };
		let mut process = Process::start(&program, u64::MAX).unwrap();
		let death = process.ask(&Request::Continue, LONG, &mut |_| true).unwrap_err();
		// The help of the tests' program, or its end when it was read too late.
		assert!(matches!(death, Death::Garbage(_) | Death::Exit { code: 0, .. }), "{death:?}");
	}

	#[test]
	fn start_should_fail_when_there_is_no_such_program() {
		let program = Program { path: "/nowhere/engine".into(), args: vec![] };
		assert_eq!(Process::start(&program, 0).err().map(|e| e.kind()), Some(io::ErrorKind::NotFound));
	}
}
