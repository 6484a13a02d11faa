//! How much memory there is, and how much a process has.

use std::{
	fs, io,
	path::{Path, PathBuf},
};

use nix::unistd::{sysconf, SysconfVar};

/// Memory that this process could have at most, in bytes: the machine's, or less where a cgroup (v2) limits it.
pub fn machine_memory() -> io::Result<u64> {
	let text = fs::read_to_string("/proc/meminfo")?;
	let machine = total(&text).ok_or_else(|| io::Error::other("/proc/meminfo has no MemTotal"))?;
	let cgroup = fs::read_to_string("/proc/self/cgroup").ok().and_then(|text| own_cgroup(&text));
	Ok(cgroup.map_or(machine, |folder| cgroup_limit(&folder).map_or(machine, |limit| limit.min(machine))))
}

fn total(meminfo: &str) -> Option<u64> {
	let kib: u64 =
		meminfo.lines().find_map(|l| l.strip_prefix("MemTotal:"))?.split_whitespace().next()?.parse().ok()?;
	kib.checked_mul(1024)
}

/// The folder of the cgroup that `/proc/self/cgroup` names.
fn own_cgroup(text: &str) -> Option<PathBuf> {
	let path = text.lines().find_map(|line| line.strip_prefix("0::/"))?;
	Some(Path::new("/sys/fs/cgroup").join(path))
}

/// The least limit of a cgroup and those around it.
fn cgroup_limit(folder: &Path) -> Option<u64> {
	let limit = |folder: &Path| fs::read_to_string(folder.join("memory.max")).ok()?.trim().parse().ok();
	folder.ancestors().filter_map(limit).min()
}

/// Memory of a process in bytes that no file backs, from its `/proc/PID/statm`. Mapped weights are not counted: the system
/// can take those pages back at any time.
pub(crate) fn private_memory(statm: &Path) -> io::Result<u64> {
	let text = fs::read_to_string(statm)?;
	let pages = private_pages(&text).ok_or_else(|| io::Error::other(format!("'{}' is no statm", text.trim())))?;
	Ok(pages.saturating_mul(page_size()?))
}

/// Memory of this process in bytes that no file backs.
pub fn own_memory() -> io::Result<u64> {
	private_memory(Path::new("/proc/self/statm"))
}

/// Gives the system back what was freed and the allocator keeps.
pub(crate) fn give_back() {
	#[cfg(target_env = "gnu")]
	// SAFETY: any thread may call it at any time; it takes the allocator's locks itself and touches free memory alone.
	unsafe {
		nix::libc::malloc_trim(0);
	}
}

fn page_size() -> io::Result<u64> {
	let size = sysconf(SysconfVar::PAGE_SIZE)?.and_then(|size| u64::try_from(size).ok());
	size.ok_or_else(|| io::Error::other("the system does not say how large a page is"))
}

/// Resident pages less those of files, the second and the third number.
fn private_pages(statm: &str) -> Option<u64> {
	let mut numbers = statm.split_whitespace().skip(1).map(|n| n.parse::<u64>().ok());
	let (resident, shared) = (numbers.next()??, numbers.next()??);
	Some(resident.saturating_sub(shared))
}

/// Bytes for people.
pub(crate) fn mib(bytes: u64) -> String {
	format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn memory_of_this_machine_should_be_known() {
		let machine = machine_memory().unwrap();
		let own = own_memory().unwrap();
		assert!(machine > own && own > 0, "{machine} {own}");
	}

	#[test]
	fn memory_should_be_read_as_the_kernel_writes_it() {
		assert_eq!(total("MemTotal:       24683856 kB\nMemFree: 1 kB\n"), Some(24683856 * 1024));
		assert_eq!(total("MemFree: 1 kB\n"), None);
		assert_eq!(private_pages("266378 54704 52902 1 0 2059 0\n"), Some(1802));
		assert_eq!(private_pages("0 0 0 0 0 0 0\n"), Some(0));
		assert_eq!(private_pages("12"), None);
		let folder = own_cgroup("4:memory:/v1\n0::/system.slice/autonomy-worker.service\n").unwrap();
		assert_eq!(folder, Path::new("/sys/fs/cgroup/system.slice/autonomy-worker.service"));
		assert_eq!(own_cgroup("4:memory:/v1\n"), None);
	}

	#[test]
	fn least_limit_should_count_when_cgroups_are_nested() {
		let dir = tempfile::tempdir().unwrap();
		let inner = dir.path().join("a/b");
		fs::create_dir_all(&inner).unwrap();
		assert_eq!(cgroup_limit(&inner), None);
		fs::write(inner.join("memory.max"), "max\n").unwrap();
		fs::write(dir.path().join("a/memory.max"), "1048576\n").unwrap();
		fs::write(dir.path().join("memory.max"), "2097152\n").unwrap();
		assert_eq!(cgroup_limit(&inner), Some(1 << 20));
	}
}
