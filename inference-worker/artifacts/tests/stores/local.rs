//! The folder, when its process is killed.

use std::{
	io::{BufRead, BufReader, Write},
	process::{Command, Stdio},
};

use autonomy_artifacts::{ArtifactStore, Inventory, Local};
use autonomy_primitives::digest::cid;

use crate::text;

/// Folder of the process that stores until it is killed.
const FOLDER: &str = "AUTONOMY_ARTIFACTS_TEST_FOLDER";

/// Not a test by itself: the process that the next one kills.
#[tokio::test]
async fn writer() {
	let Some(folder) = std::env::var_os(FOLDER) else { return };
	let store = Local::open(folder.as_ref()).unwrap();
	for n in 0u64.. {
		let file = n.to_le_bytes().repeat(1 << 15);
		store.put(cid(&file), file.clone()).await.unwrap();
		writeln!(std::io::stderr(), "stored {}", text(&cid(&file))).unwrap();
	}
}

#[tokio::test]
async fn folder_should_hold_every_stored_file_whole_when_the_process_is_killed() {
	for kill_after in [1, 7, 20] {
		let dir = tempfile::tempdir().unwrap();
		let mut child = Command::new(std::env::current_exe().unwrap())
			.args(["--exact", "local::writer", "--nocapture"])
			.env(FOLDER, dir.path())
			.stderr(Stdio::piped())
			.stdout(Stdio::null())
			.spawn()
			.unwrap();
		let lines = BufReader::new(child.stderr.take().unwrap()).lines();
		let told = lines.map(|line| line.unwrap()).filter_map(|line| Some(line.strip_prefix("stored ")?.to_string()));
		let told: Vec<String> = told.take(kill_after).collect();
		child.kill().unwrap();
		child.wait().unwrap();

		let store = Local::open(dir.path()).unwrap();
		let listed = store.list().await.unwrap();
		for entry in &listed {
			// `get` compares the bytes with the CID.
			assert_eq!(store.get(entry.cid).await.unwrap().unwrap().len() as u64, entry.size);
		}
		let names: Vec<_> = listed.iter().map(|e| text(&e.cid)).collect();
		assert!(told.iter().all(|name| names.contains(name)), "a file that was reported as stored is gone");
		let visible = std::fs::read_dir(dir.path()).unwrap().filter(|e| {
			let name = e.as_ref().unwrap().file_name();
			!name.to_string_lossy().starts_with(".lock") && !names.contains(&name.to_string_lossy().into_owned())
		});
		assert_eq!(visible.count(), 0, "something unfinished was left");
	}
}
