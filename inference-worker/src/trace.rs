//! A run of a job, step by step, as a file: what two people compare whose machines differ.
//!
//! The file has the root of every step, 32 bytes each, and neither weights nor states. Nothing in it can be used to open a
//! chunk of a trace, so it says nothing that an auditor could copy.

use std::{
	fmt,
	path::{Path, PathBuf},
	time::Duration,
};

use anyhow::{bail, Context, Result};
use autonomy_engine::{digest::cid_text, Hash32};
use autonomy_kernels::Isa;
use autonomy_primitives::{
	fault::{FaultCode, NO_TRACE},
	trace::root_of_steps,
	JobId, ModelId,
};
use autonomy_sandbox::{ComputeError, Computed, InputFault, Trace};
use serde::{Deserialize, Serialize};

/// Version of the file's layout.
const SCHEMA: u32 = 1;
/// Most bytes of a file: the longest reply has 65,535 steps and 5 MiB.
const MOST_BYTES: usize = 16 << 20;
/// How long a server may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Most characters of a text that somebody else wrote.
const MOST_SHOWN: usize = 80;
/// Most characters of a server's reason for having no file.
const MOST_REASON: usize = 300;

/// What was run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Subject {
	/// Number of the job.
	pub job: JobId,
	/// Hash of the chain's first block.
	pub genesis: Hash32,
	/// Number of the model.
	pub model: ModelId,
	/// The model's name, for people; empty when whoever made the run did not know it.
	pub name: String,
	/// Kernel specification.
	pub engine: Hash32,
	/// Root over the model's weights.
	pub weights_root: Hash32,
	/// Digest of the input.
	pub input_hash: Hash32,
	/// The seed.
	pub seed: Hash32,
}

/// Where it was run.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Machine {
	/// Version of the worker.
	pub worker: String,
	/// Architecture: `x86_64`, `aarch64`.
	pub arch: String,
	/// Name of the processor; empty when the system does not tell.
	pub cpu: String,
	/// What the processor can do, of what matters to the kernels.
	pub features: Vec<String>,
	/// Code path of the kernels: `avx512`, `avx2`, `neon` or `scalar`.
	pub code_path: String,
	/// Threads of the kernels.
	pub threads: usize,
}

/// A fault that ended a run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Fault {
	/// What goes on chain.
	pub code: FaultCode,
	/// What happened, for people.
	pub why: String,
}

/// A run of a job.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TraceFile {
	/// Version of this layout.
	schema: u32,
	/// What was run.
	#[serde(flatten)]
	pub subject: Subject,
	/// Where.
	pub machine: Machine,
	/// Result digest, or the digest of a fault.
	pub result: Hash32,
	/// Trace root; zero after a fault.
	pub trace_root: Hash32,
	/// CID of the output's file; none after a fault.
	pub artifact: Option<String>,
	/// The fault that ended the run, if one did.
	pub fault: Option<Fault>,
	/// Chunks of 1 KiB of the state after each step.
	pub chunks: u32,
	/// Root over the chunks of each step, in order; after a fault those of the steps before it.
	pub step_roots: Vec<Hash32>,
}

impl TraceFile {
	/// A run on this machine. Fails when it came to no end that every honest machine is expected to come to.
	pub fn of_run(
		subject: Subject,
		machine: Machine,
		trace: &Trace,
		outcome: Result<&Computed, ComputeError>,
	) -> Result<Self, ComputeError> {
		let (result, trace_root, artifact, fault) = match outcome {
			Ok(c) => (c.result, c.trace_root, Some(cid_text(&c.artifact)), None),
			Err(ComputeError::Fault(InputFault { code, why })) => {
				(code.digest(), NO_TRACE, None, Some(Fault { code, why }))
			}
			Err(error) => return Err(error),
		};
		Ok(Self {
			schema: SCHEMA,
			subject,
			machine,
			result: Hash32(result),
			trace_root: Hash32(trace_root),
			artifact,
			fault,
			chunks: trace.chunks,
			step_roots: trace.step_roots.iter().copied().map(Hash32).collect(),
		})
	}

	/// The file as JSON.
	pub fn bytes(&self) -> Result<Vec<u8>> {
		let mut bytes = serde_json::to_vec_pretty(self).context("cannot write a trace as JSON")?;
		bytes.push(b'\n');
		Ok(bytes)
	}

	/// Writes the file as JSON.
	pub fn write(&self, path: &Path) -> Result<()> {
		std::fs::write(path, self.bytes()?).with_context(|| format!("cannot write {}", path.display()))
	}

	/// Reads a file, from the disk or from a server when `place` begins with `http://` or `https://`. One that contradicts
	/// itself is refused.
	pub async fn read(place: &str) -> Result<Self> {
		let bytes = match place.starts_with("http://") || place.starts_with("https://") {
			true => download(place).await.with_context(|| format!("cannot fetch {place}"))?,
			false => {
				let path = PathBuf::from(place);
				tokio::task::spawn_blocking(move || load(&path))
					.await?
					.with_context(|| format!("cannot read {place}"))?
			}
		};
		Self::parse(&bytes).with_context(|| format!("{place} is no trace file that can be compared"))
	}

	fn parse(bytes: &[u8]) -> Result<Self> {
		#[derive(Deserialize)]
		struct Layout {
			schema: u32,
		}
		let Layout { schema } = serde_json::from_slice(bytes)?;
		if schema != SCHEMA {
			bail!("its layout has version {schema}, this build knows version {SCHEMA}: use the same release on both sides");
		}
		let mut file: Self = serde_json::from_slice(bytes)?;
		file.check()?;
		// Somebody else's text goes to a terminal.
		let machine = &mut file.machine;
		let texts = [&mut file.subject.name, &mut machine.worker, &mut machine.arch, &mut machine.cpu];
		let texts = texts.into_iter().chain([&mut machine.code_path]).chain(&mut machine.features);
		texts.chain(&mut file.artifact).chain(file.fault.as_mut().map(|fault| &mut fault.why)).for_each(tame);
		Ok(file)
	}

	/// Whether the file's digests follow from each other.
	fn check(&self) -> Result<()> {
		let advice = "it was changed or damaged; ask for it again";
		let roots: Vec<_> = self.step_roots.iter().map(|root| root.0).collect();
		let (what, follows, says) = match &self.fault {
			None => ("trace root", root_of_steps(&roots, self.chunks), self.trace_root),
			Some(_) if self.trace_root.0 != NO_TRACE => ("trace root of a fault", NO_TRACE, self.trace_root),
			Some(fault) => ("result of its fault", fault.code.digest(), self.result),
		};
		if follows != says.0 {
			bail!("its {what} is 0x{says}, and 0x{} follows from the rest of it: {advice}", Hash32(follows));
		}
		Ok(())
	}

	/// Compares another run of the same job with this one.
	pub fn compare(&self, other: &Self) -> Comparison {
		let (here, there) = (&self.subject, &other.subject);
		let pairs = [
			("engine", here.engine, there.engine),
			("weights root", here.weights_root, there.weights_root),
			("input", here.input_hash, there.input_hash),
			("seed", here.seed, there.seed),
		];
		Comparison {
			other_run: pairs.into_iter().filter(|(_, here, there)| here != there).collect(),
			steps: Steps::compare(&self.step_roots, &other.step_roots),
			result: self.result == other.result,
			artifact: self.artifact == other.artifact,
			fault: (self.fault.as_ref().map(|f| f.code), other.fault.as_ref().map(|f| f.code)),
		}
	}
}

impl Machine {
	/// This machine, with the kernels on a code path.
	pub fn this(isa: Isa) -> Self {
		let threads = std::env::var("RAYON_NUM_THREADS").ok().and_then(|n| n.parse().ok()).filter(|n| *n > 0);
		Self {
			worker: env!("CARGO_PKG_VERSION").into(),
			arch: std::env::consts::ARCH.into(),
			cpu: processor().unwrap_or_default(),
			features: features().into_iter().map(Into::into).collect(),
			code_path: isa.name().into(),
			threads: threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)),
		}
	}
}

impl fmt::Display for Machine {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let cpu = if self.cpu.is_empty() { &self.arch } else { &self.cpu };
		write!(f, "{cpu}, {} code", self.code_path)
	}
}

/// Name of this machine's processor.
fn processor() -> Option<String> {
	let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
	let line = text.lines().find(|line| line.starts_with("model name") || line.starts_with("CPU part"))?;
	Some(line.split_once(':')?.1.trim().to_string())
}

/// Of this machine's processor, what the kernels use or what tells processors apart.
fn features() -> Vec<&'static str> {
	#[cfg(target_arch = "x86_64")]
	{
		macro_rules! found {
			($($name:tt),*) => { [$(($name, is_x86_feature_detected!($name))),*] };
		}
		let all = found!("sse4.2", "avx", "avx2", "fma", "f16c", "avx512f", "avx512vl", "avx512bw", "avx512vnni");
		all.into_iter().filter_map(|(name, found)| found.then_some(name)).collect()
	}
	#[cfg(not(target_arch = "x86_64"))]
	if cfg!(target_arch = "aarch64") {
		vec!["neon"]
	} else {
		Vec::new()
	}
}

/// Where two runs part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Steps {
	/// Every step is the same.
	Same(usize),
	/// This one, counted from 1, is the first that differs.
	Differ(usize),
	/// One of them ended earlier; so far they are the same.
	Shorter {
		/// Steps here.
		here: usize,
		/// Steps there.
		there: usize,
	},
}

impl Steps {
	fn compare(here: &[Hash32], there: &[Hash32]) -> Self {
		match here.iter().zip(there).position(|(here, there)| here != there) {
			Some(at) => Self::Differ(at + 1),
			None if here.len() == there.len() => Self::Same(here.len()),
			None => Self::Shorter { here: here.len(), there: there.len() },
		}
	}
}

impl fmt::Display for Steps {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match *self {
			Self::Same(steps) => write!(f, "all {steps} steps are the same"),
			Self::Differ(1) => f.write_str("step 1, the first, differs"),
			Self::Differ(2) => f.write_str("step 2 is the first that differs, step 1 is the same"),
			Self::Differ(at) => write!(f, "step {at} is the first that differs, steps 1 to {} are the same", at - 1),
			Self::Shorter { here, there } if here == 0 || there == 0 => {
				write!(f, "{here} steps were made here and {there} there")
			}
			Self::Shorter { here, there } => {
				write!(
					f,
					"the first {} steps are the same, then {here} are made here and {there} there",
					here.min(there)
				)
			}
		}
	}
}

/// Another run of a job beside one of this machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Comparison {
	/// What they were not given alike: name, value here, value there. Then the rest has a simple reason.
	pub other_run: Vec<(&'static str, Hash32, Hash32)>,
	/// Where they part.
	pub steps: Steps,
	/// Whether the results are the same.
	pub result: bool,
	/// Whether the stored files are the same.
	pub artifact: bool,
	/// The faults that ended them, here and there.
	pub fault: (Option<FaultCode>, Option<FaultCode>),
}

impl Comparison {
	/// Whether there is no difference at all.
	pub fn same(&self) -> bool {
		self.other_run.is_empty() && matches!(self.steps, Steps::Same(_)) && self.result && self.artifact
	}

	/// The first step that differs, counted from 1; the first that only one of them has.
	pub fn first_step(&self) -> Option<usize> {
		match self.steps {
			Steps::Same(_) => None,
			Steps::Differ(at) => Some(at),
			Steps::Shorter { here, there } => Some(here.min(there) + 1),
		}
	}
}

impl fmt::Display for Comparison {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		for (what, here, there) in &self.other_run {
			write!(f, "another {what}, {} there and {} here; ", short(&there.0), short(&here.0))?;
		}
		if self.same() {
			return f.write_str("the same");
		}
		write!(f, "{}", self.steps)?;
		match (self.steps, self.fault) {
			_ if !self.other_run.is_empty() => Ok(()),
			(_, (Some(here), Some(there))) if here != there => {
				write!(f, "; there it ends in the fault {there:?}, here in {here:?}")
			}
			(_, (None, Some(there))) => write!(f, "; there it ends in the fault {there:?}, here in a result"),
			(_, (Some(here), None)) => write!(f, "; here it ends in the fault {here:?}, there in a result"),
			(Steps::Same(_), _) if !self.result => {
				f.write_str(", only the output differs: what is made of the last step")
			}
			(Steps::Same(_), _) if !self.artifact => {
				f.write_str(", the result too, and only the stored file differs: how the output is encoded")
			}
			(Steps::Shorter { .. }, _) if !self.result => {
				f.write_str(": the same logits, and another token was chosen")
			}
			(Steps::Differ(_) | Steps::Shorter { .. }, _) if self.result => f.write_str("; the result is the same"),
			_ => Ok(()),
		}
	}
}

/// The beginning of a digest, enough to tell one from another.
pub fn short(digest: &[u8; 32]) -> String {
	format!("0x{}…", hex::encode(&digest[..8]))
}

/// Takes out of a text what would steer a terminal, and what is too long for a line.
fn tame(text: &mut String) {
	*text = tamed(text, MOST_SHOWN);
}

fn tamed(text: &str, most: usize) -> String {
	text.chars().filter(|c| !c.is_control()).take(most).collect()
}

fn too_large() -> anyhow::Error {
	anyhow::anyhow!("it has more than {} MiB, which no trace file has", MOST_BYTES >> 20)
}

fn load(path: &Path) -> Result<Vec<u8>> {
	use std::io::Read;
	let mut bytes = Vec::new();
	std::fs::File::open(path)?.take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes)?;
	if bytes.len() > MOST_BYTES {
		return Err(too_large());
	}
	Ok(bytes)
}

async fn download(url: &str) -> Result<Vec<u8>> {
	let client = reqwest::Client::builder().timeout(PATIENCE).connect_timeout(PATIENCE / 4).build()?;
	let mut response = client.get(url).send().await?;
	let status = response.status();
	let most = if status.is_success() { MOST_BYTES } else { MOST_REASON };
	let mut bytes = Vec::new();
	while let Some(chunk) = response.chunk().await? {
		bytes.extend_from_slice(&chunk);
		if bytes.len() > most {
			break;
		}
	}
	match status.is_success() {
		true if bytes.len() > MOST_BYTES => Err(too_large()),
		true => Ok(bytes),
		false => bail!("it answered {status}, saying: '{}'", tamed(&String::from_utf8_lossy(&bytes), MOST_REASON)),
	}
}

#[cfg(test)]
impl TraceFile {
	/// Makes the trace root follow from steps that a test changed.
	pub(crate) fn restate(&mut self) {
		let roots: Vec<_> = self.step_roots.iter().map(|root| root.0).collect();
		self.trace_root = Hash32(root_of_steps(&roots, self.chunks));
	}
}

#[cfg(test)]
pub(crate) mod tests {
	use super::*;
	use autonomy_primitives::digest::cid;
	use proptest::prelude::*;

	/// The file of a short run.
	pub(crate) fn of_job(job: JobId) -> TraceFile {
		let file = run(3);
		TraceFile { subject: Subject { job, ..file.subject }, ..file }
	}

	fn computed(trace: &Trace) -> Computed {
		Computed {
			result: [8; 32],
			trace_root: trace.root(),
			artifact: cid(b"a picture"),
			bytes: b"a picture".to_vec(),
		}
	}

	/// A run of some steps.
	fn run(steps: u8) -> TraceFile {
		let trace = Trace { chunks: 3, step_roots: (1..=steps).map(|n| [n; 32]).collect() };
		let subject = Subject {
			job: 12,
			genesis: Hash32([1; 32]),
			model: 0,
			name: "shapes".into(),
			engine: Hash32([2; 32]),
			weights_root: Hash32([3; 32]),
			input_hash: Hash32([4; 32]),
			seed: Hash32([5; 32]),
		};
		TraceFile::of_run(subject, Machine::this(Isa::Scalar), &trace, Ok(&computed(&trace))).unwrap()
	}

	/// A run that ended in a fault after some steps.
	fn faulty(steps: u8, code: FaultCode) -> TraceFile {
		let ran = run(steps);
		let trace = Trace { chunks: 3, step_roots: ran.step_roots.iter().map(|root| root.0).collect() };
		let fault = ComputeError::Fault(InputFault { code, why: "not a finite number".into() });
		TraceFile::of_run(ran.subject, ran.machine, &trace, Err(fault)).unwrap()
	}

	fn json(file: &TraceFile) -> Vec<u8> {
		serde_json::to_vec(file).unwrap()
	}

	fn refused(bytes: &[u8]) -> String {
		format!("{:#}", TraceFile::parse(bytes).unwrap_err())
	}

	#[test]
	fn machine_should_say_what_it_is() {
		let machine = Machine::this(Isa::Avx2);
		assert_eq!((machine.code_path.as_str(), machine.arch.as_str()), ("avx2", std::env::consts::ARCH));
		assert!(machine.threads > 0);
	}

	#[test]
	fn run_should_give_no_file_when_the_machine_failed() {
		let TraceFile { subject, machine, .. } = run(1);
		let failed = Err(ComputeError::Machine("out of memory".into()));
		let outcome = TraceFile::of_run(subject, machine, &Trace::default(), failed);
		assert_eq!(outcome, Err(ComputeError::Machine("out of memory".into())));
	}

	/// A server with one answer, on a free port.
	async fn served(path: &str, status: u16, body: Vec<u8>) -> (String, tokio::task::JoinHandle<()>) {
		let status = axum::http::StatusCode::from_u16(status).unwrap();
		let app = axum::Router::new().route(path, axum::routing::get(move || async move { (status, body) }));
		let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
		let address = format!("http://{}", listener.local_addr().unwrap());
		(address, tokio::spawn(async move { axum::serve(listener, app).await.unwrap() }))
	}

	async fn unread(place: &str) -> String {
		format!("{:#}", TraceFile::read(place).await.unwrap_err())
	}

	#[tokio::test]
	async fn file_should_be_read_from_disk_and_from_a_server() {
		let dir = tempfile::tempdir().unwrap();
		let path = dir.path().join("trace.json");
		for file in [run(50), faulty(3, FaultCode::NonFinite), faulty(0, FaultCode::InputRejected)] {
			file.write(&path).unwrap();
			assert_eq!(TraceFile::read(path.to_str().unwrap()).await.unwrap(), file);
		}
		let (address, server) = served("/traces/12", 200, std::fs::read(&path).unwrap()).await;
		let fetched = TraceFile::read(&format!("{address}/traces/12")).await.unwrap();
		assert_eq!(fetched, faulty(0, FaultCode::InputRejected));
		let error = unread(&format!("{address}/nowhere")).await;
		assert!(error.contains("cannot fetch") && error.contains("404"), "{error}");
		server.abort();
		let error = unread("/nowhere/trace.json").await;
		assert!(error.contains("cannot read /nowhere/trace.json"), "{error}");
	}

	#[tokio::test]
	async fn file_should_be_refused_when_it_is_too_large() {
		let dir = tempfile::tempdir().unwrap();
		let path = dir.path().join("trace.json");
		std::fs::File::create(&path).unwrap().set_len(MOST_BYTES as u64 + 1).unwrap();
		let error = unread(path.to_str().unwrap()).await;
		assert!(error.contains("more than 16 MiB"), "{error}");
		let (address, server) = served("/traces/12", 200, vec![b' '; MOST_BYTES + 1]).await;
		let error = unread(&format!("{address}/traces/12")).await;
		assert!(error.contains("cannot fetch") && error.contains("more than 16 MiB"), "{error}");
		server.abort();
	}

	#[tokio::test]
	async fn file_should_be_refused_when_a_server_gives_something_else() {
		for (body, why) in
			[(&b"<html>"[..], "expected value"), (b"", "EOF"), (b"{\"schema\":9}", "layout has version 9")]
		{
			let (address, server) = served("/traces/12", 200, body.to_vec()).await;
			let error = unread(&format!("{address}/traces/12")).await;
			assert!(error.contains("is no trace file that can be compared") && error.contains(why), "{error}");
			server.abort();
		}
	}

	#[tokio::test]
	async fn reason_of_a_server_should_be_repeated_when_it_has_no_file() {
		let body = "job 12: not revealed\n\u{1b}]0;steered\u{7}".to_string() + &"x".repeat(5000);
		let (address, server) = served("/traces/12", 404, body.into_bytes()).await;
		let error = unread(&format!("{address}/traces/12")).await;
		assert!(error.contains("404 Not Found, saying: 'job 12: not revealed"), "{error}");
		assert!(!error.contains(char::is_control) && error.len() < 500, "{error}");
		server.abort();
	}

	#[test]
	fn file_should_be_refused_when_it_contradicts_itself() {
		let good = run(20);
		assert_eq!(TraceFile::parse(&json(&good)).unwrap(), good);
		let mut doctored = good.clone();
		doctored.step_roots[6].0[31] ^= 1;
		assert!(refused(&json(&doctored)).contains("its trace root is 0x"));
		let doctored = TraceFile { trace_root: Hash32([7; 32]), ..good.clone() };
		assert!(refused(&json(&doctored)).contains("it was changed or damaged"));
		let doctored = TraceFile { chunks: 4, ..good.clone() };
		assert!(refused(&json(&doctored)).contains("its trace root is 0x"));
		let shorter = TraceFile { step_roots: good.step_roots[1..].to_vec(), ..good.clone() };
		assert!(refused(&json(&shorter)).contains("its trace root is 0x"));

		let fault = faulty(3, FaultCode::NonFinite);
		let doctored = TraceFile { trace_root: good.trace_root, ..fault.clone() };
		assert!(refused(&json(&doctored)).contains("its trace root of a fault"));
		let doctored = TraceFile { result: good.result, ..fault };
		assert!(refused(&json(&doctored)).contains("its result of its fault"));
	}

	#[test]
	fn file_should_be_refused_when_it_is_something_else() {
		let later = TraceFile { schema: 2, ..run(1) };
		assert!(refused(&json(&later)).contains("layout has version 2, this build knows version 1"));
		for bytes in [&b""[..], b"{}", b"[]", b"\xff", b"{\"schema\":1}"] {
			refused(bytes);
		}
	}

	proptest! {
		#[test]
		fn reader_should_never_panic_when_a_file_is_damaged(
			changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
			end in any::<prop::sample::Index>(),
			is_cut in any::<bool>(),
			is_fault in any::<bool>(),
		) {
			let good = if is_fault { faulty(2, FaultCode::NonFinite) } else { run(3) };
			let mut bytes = json(&good);
			for (at, byte) in changes {
				let at = at.index(bytes.len());
				bytes[at] = byte;
			}
			if is_cut {
				bytes.truncate(end.index(bytes.len()));
			}
			// What is taken says what it says: its digests follow from each other.
			if let Ok(read) = TraceFile::parse(&bytes) {
				prop_assert!(read.check().is_ok());
				prop_assert_eq!(TraceFile::parse(&json(&read)).ok(), Some(read));
			}
		}

		#[test]
		fn reader_should_never_panic_when_bytes_are_random(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
			let _ = TraceFile::parse(&bytes);
		}
	}

	#[test]
	fn text_of_somebody_else_should_not_steer_a_terminal() {
		let mut file = run(1);
		file.machine.cpu = "\u{1b}]0;steered\u{7} and so on".repeat(20);
		file.subject.name = "two\nlines".into();
		let read = TraceFile::parse(&json(&file)).unwrap();
		assert!(!read.machine.cpu.contains(char::is_control) && read.machine.cpu.chars().count() == MOST_SHOWN);
		assert_eq!(read.subject.name, "twolines");
	}

	#[test]
	fn first_step_should_be_found_wherever_it_is() {
		let here = run(20);
		for at in 1..=20 {
			let mut there = here.clone();
			// Whatever comes after is of no account.
			there.step_roots[at - 1..].iter_mut().for_each(|root| root.0[0] ^= 0x80);
			there.restate();
			there.result.0[0] ^= 1;
			let there = TraceFile::parse(&json(&there)).unwrap();
			let comparison = here.compare(&there);
			assert_eq!((comparison.first_step(), comparison.same()), (Some(at), false));
			assert!(comparison.to_string().starts_with(&format!("step {at}")), "{comparison}");
		}
		let mut there = here.clone();
		there.step_roots[6].0[0] ^= 1;
		let comparison = here.compare(&there);
		let expected = "step 7 is the first that differs, steps 1 to 6 are the same; the result is the same";
		assert_eq!(comparison.to_string(), expected);
	}

	#[test]
	fn difference_should_be_said_when_the_steps_are_the_same() {
		let here = run(20);
		assert_eq!((here.compare(&here).same(), here.compare(&here).to_string()), (true, "the same".into()));
		let output = TraceFile { result: Hash32([9; 32]), artifact: None, ..here.clone() };
		let said = here.compare(&output).to_string();
		assert_eq!(said, "all 20 steps are the same, only the output differs: what is made of the last step");
		let file = TraceFile { artifact: Some("bafkrei".into()), ..here.clone() };
		let comparison = here.compare(&file);
		assert!(!comparison.same() && comparison.to_string().contains("only the stored file differs"), "{comparison}");
	}

	#[test]
	fn difference_should_be_said_when_one_ends_earlier() {
		let (here, mut there) = (run(14), run(12));
		there.result = Hash32([9; 32]);
		let comparison = here.compare(&there);
		assert_eq!((comparison.first_step(), comparison.same()), (Some(13), false));
		let expected =
			"the first 12 steps are the same, then 14 are made here and 12 there: the same logits, and another \
		                token was chosen";
		assert_eq!(comparison.to_string(), expected);
	}

	#[test]
	fn difference_should_be_said_when_one_ends_in_a_fault() {
		let (here, there) = (run(20), faulty(3, FaultCode::NonFinite));
		let said = here.compare(&there).to_string();
		assert!(said.ends_with("there it ends in the fault NonFinite, here in a result"), "{said}");
		let said = there.compare(&here).to_string();
		assert!(said.ends_with("here it ends in the fault NonFinite, there in a result"), "{said}");
		let said = there.compare(&faulty(0, FaultCode::InputRejected)).to_string();
		let expected =
			"3 steps were made here and 0 there; there it ends in the fault InputRejected, here in NonFinite";
		assert_eq!(said, expected);
		assert!(there.compare(&there).same());
		// The chain compares faults by their codes alone; where they came up is more than it knows.
		assert!(!there.compare(&faulty(4, FaultCode::NonFinite)).same());
	}

	#[test]
	fn difference_should_have_its_reason_when_another_run_was_made() {
		let here = run(20);
		let mut there = here.clone();
		there.subject.weights_root = Hash32([0xab; 32]);
		there.result = Hash32([9; 32]);
		let comparison = here.compare(&there);
		assert!(!comparison.same());
		let said = comparison.to_string();
		let expected = "another weights root, 0xabababababababab… there and 0x0303030303030303… here; all 20 steps";
		assert!(said.starts_with(expected), "{said}");
	}
}
