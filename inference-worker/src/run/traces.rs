//! The steps of this worker's runs, with which other operators compare theirs: `autonomy-worker explain --trace`.
//!
//! Guarantee: nothing of a run is given out before its answer is revealed on chain or its job is over, for whoever has it
//! earlier could copy the answer. Until then its file is *sealed*: it has a name under which nobody is served. Wherever the
//! worker is killed, a file is whole, and it is either sealed or open.
//!
//! Nothing here is owed to anybody, so a file that cannot be written must not keep a worker from its commitments.

use std::{
	collections::HashSet,
	fs::{self, File},
	io::{self, ErrorKind, Write},
	path::{Path, PathBuf},
	time::{Duration, SystemTime},
};

use anyhow::{Context, Result};
use autonomy_primitives::JobId;

use crate::trace::TraceFile;

/// Name of the folder in the data folder.
const FOLDER: &str = "traces";
/// Most bytes of all files: those of a hundred thousand pictures. The longest reply has 5 MiB.
const MOST_BYTES: u64 = 512 << 20;

/// What is known of a job's run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kept {
	/// Its file, for everybody.
	Open(Vec<u8>),
	/// Its answer is not revealed yet.
	Sealed,
	/// There is no file.
	Nothing,
}

/// The files of a data folder, one for each job.
#[derive(Clone, Debug)]
pub struct Traces {
	folder: PathBuf,
}

impl Traces {
	/// The files of a data folder; their own folder is made when absent.
	pub fn open(data_dir: &Path) -> Result<Self> {
		let folder = data_dir.join(FOLDER);
		fs::create_dir_all(&folder).with_context(|| format!("trace folder {}", folder.display()))?;
		Ok(Self { folder })
	}

	/// Writes the file of a run, sealed, and synced to disk on return. It takes the place of an earlier one of the same job.
	pub fn keep(&self, file: &TraceFile) -> Result<()> {
		let job = file.subject.job;
		let (bytes, part, sealed) = (file.bytes()?, self.path(job, ".part"), self.path(job, ".sealed"));
		let written = || -> io::Result<()> {
			let mut out = File::create(&part)?;
			out.write_all(&bytes)?;
			out.sync_all()?;
			fs::rename(&part, &sealed)?;
			self.sync()
		};
		written().with_context(|| format!("trace file {}", sealed.display()))
	}

	/// Opens the file of a job whose answer is revealed, or which is over. Without one, or the second time, nothing happens.
	pub fn release(&self, job: JobId) -> Result<()> {
		let sealed = self.path(job, ".sealed");
		let opened = match fs::rename(&sealed, self.path(job, "")) {
			Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
			renamed => renamed.and_then(|()| self.sync()),
		};
		opened.with_context(|| format!("trace file {}", sealed.display()))
	}

	/// What is known of a job's run.
	pub fn read(&self, job: JobId) -> io::Result<Kept> {
		match fs::read(self.path(job, "")) {
			Ok(bytes) => Ok(Kept::Open(bytes)),
			Err(error) if error.kind() == ErrorKind::NotFound => {
				Ok(if self.path(job, ".sealed").try_exists()? { Kept::Sealed } else { Kept::Nothing })
			}
			Err(error) => Err(error),
		}
	}

	/// Removes the files that were written `keep` ago or earlier, and the oldest beyond [`MOST_BYTES`], but none of
	/// `unfinished` jobs.
	pub fn sweep(&self, keep: Duration, now: SystemTime, unfinished: &HashSet<JobId>) -> io::Result<()> {
		self.sweep_to(MOST_BYTES, keep, now, unfinished)
	}

	fn sweep_to(&self, most: u64, keep: Duration, now: SystemTime, unfinished: &HashSet<JobId>) -> io::Result<()> {
		let mut files = Vec::new();
		for entry in fs::read_dir(&self.folder)? {
			let entry = entry?;
			let Some(job) = job_of(&entry.file_name().to_string_lossy()) else { continue };
			match entry.metadata() {
				Ok(metadata) => files.push((metadata.modified()?, job, metadata.len(), entry.path())),
				// Renamed a moment ago.
				Err(error) if error.kind() == ErrorKind::NotFound => {}
				Err(error) => return Err(error),
			}
		}
		files.sort();
		let mut used = files.iter().fold(0u64, |sum, (_, _, size, _)| sum.saturating_add(*size));
		for (written, job, size, path) in files {
			// A time that lies ahead is that of a clock set back since: as young as can be.
			let expired = now.duration_since(written).unwrap_or_default() >= keep;
			if unfinished.contains(&job) || !(expired || used > most) {
				continue;
			}
			match fs::remove_file(&path) {
				Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
				_ => used = used.saturating_sub(size),
			}
		}
		Ok(())
	}

	fn path(&self, job: JobId, ending: &str) -> PathBuf {
		self.folder.join(format!("{job}.json{ending}"))
	}

	/// A name is as durable as the folder that has it.
	fn sync(&self) -> io::Result<()> {
		File::open(&self.folder)?.sync_all()
	}
}

/// The job of a file's name; `None` for a file that is none of ours.
fn job_of(name: &str) -> Option<JobId> {
	let (job, ending) = name.split_once(".json")?;
	matches!(ending, "" | ".sealed" | ".part").then(|| job.parse().ok())?
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::trace::tests::of_job;

	fn traces() -> (tempfile::TempDir, Traces) {
		let dir = tempfile::tempdir().unwrap();
		let traces = Traces::open(dir.path()).unwrap();
		(dir, traces)
	}

	fn opened(traces: &Traces, job: JobId) -> Kept {
		traces.keep(&of_job(job)).unwrap();
		traces.release(job).unwrap();
		traces.read(job).unwrap()
	}

	#[test]
	fn file_should_be_open_from_its_release_on_and_after_a_restart() {
		let (dir, traces) = traces();
		assert_eq!(traces.read(7).unwrap(), Kept::Nothing);
		traces.keep(&of_job(7)).unwrap();
		let again = Traces::open(dir.path()).unwrap();
		assert_eq!(again.read(7).unwrap(), Kept::Sealed);
		for _ in 0..2 {
			again.release(7).unwrap();
			let Kept::Open(bytes) = Traces::open(dir.path()).unwrap().read(7).unwrap() else { panic!("it is sealed") };
			assert_eq!(bytes, of_job(7).bytes().unwrap());
		}
		traces.release(8).unwrap();
		assert_eq!(traces.read(8).unwrap(), Kept::Nothing);
		let names: Vec<_> = fs::read_dir(dir.path().join("traces")).unwrap().map(|e| e.unwrap().file_name()).collect();
		assert_eq!(names, ["7.json"]);
	}

	#[test]
	fn file_should_go_when_it_is_old_unless_its_job_goes_on() {
		let (_dir, traces) = traces();
		opened(&traces, 7);
		traces.keep(&of_job(8)).unwrap();
		let day = Duration::from_secs(86_400);
		let sweep = |now, unfinished: &[JobId]| {
			traces.sweep(day, now, &unfinished.iter().copied().collect()).unwrap();
			[7, 8].map(|job| traces.read(job).unwrap() != Kept::Nothing)
		};
		let now = SystemTime::now();
		assert_eq!(sweep(now, &[]), [true, true]);
		assert_eq!(sweep(now - day, &[]), [true, true], "a clock that was set back");
		assert_eq!(sweep(now + 2 * day, &[8]), [false, true]);
		assert_eq!(sweep(now + 2 * day, &[]), [false, false]);
	}

	#[test]
	fn oldest_files_should_go_when_they_take_too_much() {
		let (_dir, traces) = traces();
		let Kept::Open(bytes) = opened(&traces, 7) else { panic!("it is sealed") };
		let long_ago = SystemTime::now() - Duration::from_secs(60);
		File::options().write(true).open(traces.path(7, "")).unwrap().set_modified(long_ago).unwrap();
		opened(&traces, 8);
		let most = bytes.len() as u64 + 10;
		let day = Duration::from_secs(86_400);
		traces.sweep_to(most, day, SystemTime::now(), &HashSet::new()).unwrap();
		assert_eq!(traces.read(7).unwrap(), Kept::Nothing);
		assert!(matches!(traces.read(8).unwrap(), Kept::Open(_)));
	}

	#[test]
	fn foreign_files_should_be_left_alone() {
		let (dir, traces) = traces();
		for name in ["notes.txt", "x.json", "7.json.bak", "7.jsonx"] {
			fs::write(dir.path().join("traces").join(name), b"mine").unwrap();
		}
		traces.sweep_to(0, Duration::ZERO, SystemTime::now(), &HashSet::new()).unwrap();
		assert_eq!(fs::read_dir(dir.path().join("traces")).unwrap().count(), 4);
	}
}
