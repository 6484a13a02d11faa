//! What the operating system knows of the worker, read when the metrics are.

use std::{fs, path::Path};

/// Sets the gauges of the process, its children and its disk. What cannot be read is left out: a wrong number would be
/// worse than none.
pub fn observe(data_dir: &Path) {
	if let Some(bytes) = resident("self") {
		metrics::gauge!("process_resident_memory_bytes").set(bytes as f64);
	}
	if let Ok(entries) = fs::read_dir("/proc/self/fd") {
		// One of them is the folder that is being read.
		metrics::gauge!("process_open_fds").set(entries.count().saturating_sub(1) as f64);
	}
	if let Some(most) = fs::read_to_string("/proc/self/limits").ok().and_then(|text| most_fds(&text)) {
		metrics::gauge!("process_max_fds").set(most as f64);
	}
	metrics::gauge!("autonomy_engine_memory_bytes")
		.set(children().iter().filter_map(|c| resident(c)).sum::<u64>() as f64);
	if let Ok(disk) = rustix::fs::statvfs(data_dir) {
		metrics::gauge!("autonomy_disk_free_bytes").set(disk.f_bavail.saturating_mul(disk.f_frsize) as f64);
	}
}

/// Resident memory of a process, in bytes.
fn resident(process: &str) -> Option<u64> {
	let text = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
	let line = text.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
	line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// The soft limit of open files in the text of `/proc/PID/limits`.
fn most_fds(limits: &str) -> Option<u64> {
	let line = limits.lines().find_map(|l| l.strip_prefix("Max open files"))?;
	line.split_whitespace().next()?.parse().ok()
}

/// Process ids of the children, whichever thread started them.
fn children() -> Vec<String> {
	let Ok(threads) = fs::read_dir("/proc/self/task") else { return Vec::new() };
	let lists = threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("children")).ok());
	lists.flat_map(|list| list.split_whitespace().map(String::from).collect::<Vec<_>>()).collect()
}

#[cfg(test)]
mod tests {
	use super::*;
	use std::{
		io::{Read, Write},
		process::{Command, Stdio},
	};

	fn value(text: &str, name: &str) -> f64 {
		let line = text.lines().find_map(|l| l.strip_prefix(name)).unwrap_or_else(|| panic!("no {name} in\n{text}"));
		line.trim().parse().unwrap()
	}

	#[test]
	fn process_should_be_measured_when_the_metrics_are_read() {
		let (recorder, handle) = super::super::metrics::recorder().unwrap();
		let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
		// Once it has answered, it is in memory; then it waits for more, which never comes.
		child.stdin.as_mut().unwrap().write_all(b"x").unwrap();
		child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
		metrics::with_local_recorder(&recorder, || observe(Path::new(".")));
		child.kill().unwrap();
		child.wait().unwrap();
		let text = handle.render();
		let (open, most) = (value(&text, "process_open_fds "), value(&text, "process_max_fds "));
		assert!(open >= 5.0 && open <= most, "{open} of {most}");
		for name in ["process_resident_memory_bytes ", "autonomy_engine_memory_bytes ", "autonomy_disk_free_bytes "] {
			assert!(value(&text, name) > 4096.0, "{name}");
		}
	}

	#[test]
	fn limit_of_files_should_be_read_when_it_is_a_number() {
		let line = "Limit                     Soft Limit           Hard Limit           Units\n\
			Max open files            1024                 1048576              files\n";
		assert_eq!(most_fds(line), Some(1024));
		assert_eq!(most_fds("Max open files            unlimited            unlimited            files\n"), None);
		assert_eq!(most_fds(""), None);
	}
}
