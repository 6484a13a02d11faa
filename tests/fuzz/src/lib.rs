#![doc = include_str!("../README.md")]

mod memory;
mod mutation;

use std::{
	fmt,
	path::PathBuf,
	time::{Duration, Instant},
};

use proptest::{
	strategy::Strategy,
	test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner},
};

/// Environment variable with the seconds that each target goes on for.
const SECONDS: &str = "AUTONOMY_FUZZ_SECONDS";
/// Most bytes of an input that a failure prints.
const MOST_SHOWN: usize = 2000;

/// A parser and what it may take.
pub struct Target {
	/// Folder below `corpus/`.
	pub name: &'static str,
	/// Inputs that are made in an ordinary test run.
	pub inputs: u32,
	/// Bytes of memory that the parser may take whatever it reads.
	pub room: usize,
	/// Bytes of memory that it may take for each byte that it reads.
	pub ratio: usize,
}

/// A file of the corpus.
pub struct Seed {
	/// Its name: `good-…` is taken by the parser, all else is refused.
	pub name: String,
	/// Its bytes.
	pub bytes: Vec<u8>,
}

impl Seed {
	/// A seed that is made rather than committed, because it is large or follows from code.
	pub fn made(name: &str, bytes: Vec<u8>) -> Self {
		Self { name: name.into(), bytes }
	}
}

/// An input, printed so that it can be pasted into a test.
struct Input(Vec<u8>);

impl fmt::Debug for Input {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let shown = &self.0[..self.0.len().min(MOST_SHOWN)];
		write!(f, "{} bytes: b\"{}\"", self.0.len(), shown.escape_ascii())
	}
}

impl Target {
	/// Runs the parser over the corpus, and then over changed copies of it: the same ones in every run, or ever new ones for as
	/// long as `AUTONOMY_FUZZ_SECONDS` says. Prints a row of a table: name, files of the corpus, inputs, seconds, and inputs a
	/// second.
	///
	/// # Panics
	/// If the parser panics, takes more memory than it may, refuses a good file, takes a bad one, or refuses without a word.
	pub fn run(&self, made: Vec<Seed>, parse: impl Fn(&[u8]) -> Result<(), String>) {
		let mut seeds = self.corpus();
		seeds.extend(made);
		assert!(!seeds.is_empty(), "{}: there is no corpus", self.name);
		for Seed { name, bytes } in &seeds {
			let outcome = self.measured(bytes, &parse).unwrap_or_else(|why| panic!("{}/{name}: {why}", self.name));
			match (name.starts_with("good"), outcome) {
				(true, Err(error)) => panic!("{}/{name} was refused: {error}", self.name),
				(false, Ok(())) => panic!("{}/{name} was taken", self.name),
				(true, Ok(())) | (false, Err(_)) => {}
			}
		}
		let corpus = seeds.len();
		let seconds = std::env::var(SECONDS).ok().and_then(|text| text.parse().ok()).map(Duration::from_secs);
		let (started, mut batch) = (Instant::now(), 0u64);
		let strategy = mutation::changed(seeds.into_iter().map(|seed| seed.bytes).collect()).prop_map(Input);
		while batch == 0 || seconds.is_some_and(|seconds| started.elapsed() < seconds) {
			self.batch(batch, &strategy, &parse);
			batch += 1;
		}
		let inputs = batch * u64::from(self.inputs);
		let seconds = started.elapsed().as_secs_f64();
		println!("| `{}` | {corpus} | {inputs} | {seconds:.1} | {:.0} |", self.name, inputs as f64 / seconds);
	}

	fn batch(&self, batch: u64, strategy: &impl Strategy<Value = Input>, parse: &impl Fn(&[u8]) -> Result<(), String>) {
		let config = Config { cases: self.inputs, failure_persistence: None, ..Config::default() };
		let mut seed = [0; 32];
		seed[..8].copy_from_slice(&batch.to_le_bytes());
		let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
		let outcome = TestRunner::new_with_rng(config, rng).run(strategy, |Input(bytes)| {
			match self.measured(&bytes, parse).map_err(TestCaseError::fail)? {
				Err(error) if error.trim().is_empty() => Err(TestCaseError::fail("it was refused without a word")),
				Err(_) | Ok(()) => Ok(()),
			}
		});
		match outcome {
			Ok(()) => {}
			Err(TestError::Fail(why, input)) => panic!("{}, batch {batch}: {why}\n{input:?}", self.name),
			Err(TestError::Abort(why)) => panic!("{}, batch {batch}: {why}", self.name),
		}
	}

	/// Parses, and fails when that took too much memory.
	fn measured(
		&self,
		bytes: &[u8],
		parse: &impl Fn(&[u8]) -> Result<(), String>,
	) -> Result<Result<(), String>, String> {
		let most = self.room + self.ratio * bytes.len();
		let (outcome, taken) = memory::peak(|| parse(bytes));
		match taken > most {
			true => Err(format!("{taken} bytes of memory for a file of {} bytes, at most {most}", bytes.len())),
			false => Ok(outcome),
		}
	}

	fn corpus(&self) -> Vec<Seed> {
		let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus").join(self.name);
		let Ok(entries) = std::fs::read_dir(&folder) else { return Vec::new() };
		let read = |path: PathBuf| {
			let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
			let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
			Seed { name, bytes }
		};
		let mut seeds: Vec<Seed> = entries.filter_map(|entry| Some(read(entry.ok()?.path()))).collect();
		seeds.sort_by(|a, b| a.name.cmp(&b.name));
		seeds
	}
}
