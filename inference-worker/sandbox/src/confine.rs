//! The limits that an engine process sets on itself before it reads anything of a stranger's.

use std::{fs, io, os::fd::RawFd};

use nix::{
	errno::Errno,
	sys::{
		prctl::{set_name, set_no_new_privs, set_pdeathsig},
		resource::{getrlimit, setrlimit, Resource},
		signal::{SigSet, Signal},
	},
	unistd::{close, getppid},
};

use crate::process::STDERR_LIMIT;

/// Memory that the allocator reserves for each thread beyond what the thread uses: a heap of glibc, and a stack.
const RESERVED_PER_THREAD: u64 = 128 << 20;

/// Why the limits cannot be set. The process does nothing then.
#[derive(Debug, thiserror::Error)]
pub enum ConfineError {
	/// The system refused a limit.
	#[error("the engine process cannot limit itself: {what}: {source}; compute.isolate = false runs models without")]
	Refused {
		/// Which limit.
		what: &'static str,
		/// Why.
		source: io::Error,
	},
	/// The worker ended while the process started.
	#[error("the worker with process id {0} is gone")]
	Orphan(u32),
}

/// Limits this process and everything that it starts, for good.
pub(crate) fn confine(parent: u32, memory_limit: u64) -> Result<(), ConfineError> {
	let refused = |what| move |source: Errno| ConfineError::Refused { what, source: source.into() };
	set_pdeathsig(Signal::SIGKILL).map_err(refused("PR_SET_PDEATHSIG"))?;
	// A worker that ended before the line above sends no signal any more.
	if u32::try_from(getppid().as_raw()) != Ok(parent) {
		return Err(ConfineError::Orphan(parent));
	}
	// A service manager sends these to every process of a service. Whether a run ends is the worker's to say.
	let polite = SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP]);
	polite.thread_block().map_err(refused("the signal mask"))?;
	close_inherited().map_err(|source| ConfineError::Refused { what: "closing /proc/self/fd", source })?;
	set_no_new_privs().map_err(refused("PR_SET_NO_NEW_PRIVS"))?;
	// Not 0: where core dumps go to a program, the kernel takes 1 alone for "none".
	lower(Resource::RLIMIT_CORE, 1).map_err(refused("RLIMIT_CORE"))?;
	// The only file that it writes is the one behind standard error.
	lower(Resource::RLIMIT_FSIZE, STDERR_LIMIT).map_err(refused("RLIMIT_FSIZE"))?;
	lower(Resource::RLIMIT_DATA, data_limit(memory_limit)).map_err(refused("RLIMIT_DATA"))?;
	set_name(c"autonomy-engine").map_err(refused("PR_SET_NAME"))
}

/// Closes whatever is open beyond the standard streams. The worker opens nothing that a child inherits, but whoever started
/// the worker may have.
fn close_inherited() -> io::Result<()> {
	let open = fs::read_dir("/proc/self/fd")?;
	let open: Vec<RawFd> = open.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
	for fd in open.into_iter().filter(|fd| *fd > 2) {
		// One of them was the folder itself, which is closed already.
		let _ = close(fd);
	}
	Ok(())
}

/// The backstop behind the worker's watch on the memory in use, for an allocation too large to wait for the next look, and
/// for memory that was moved to swap.
///
/// `RLIMIT_DATA` counts memory that is private and writable, whether in use or reserved. `RLIMIT_AS` would count the mapped
/// weights and every thread's reserved addresses too, by which a limit that fits one machine is wrong on the next. A demo
/// model on two threads has 8 MiB in use, 198 MiB of data and 301 MiB of addresses.
fn data_limit(memory_limit: u64) -> u64 {
	let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
	let threads = threads.max(std::env::var("RAYON_NUM_THREADS").ok().and_then(|n| n.parse().ok()).unwrap_or(0));
	// One for the thread that runs the model, one for Candle's.
	memory_limit.saturating_mul(2).saturating_add(threads.saturating_add(2).saturating_mul(RESERVED_PER_THREAD))
}

/// Lowers a limit for good, where it is not lower already.
fn lower(resource: Resource, limit: u64) -> nix::Result<()> {
	let limit = getrlimit(resource)?.1.min(limit);
	setrlimit(resource, limit, limit)
}
