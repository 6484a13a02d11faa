//! What a sweep deletes, and what it never does.

use std::{
	collections::HashSet,
	time::{Duration, SystemTime},
};

use autonomy_artifacts::{sweep, ArtifactStore, Cid, Inventory, Local, Reason, Rule, Swept};
use autonomy_primitives::digest::cid;
use proptest::prelude::*;

use crate::leave;

const DAY: Duration = Duration::from_secs(86_400);

/// A file as a test describes it.
#[derive(Clone, Debug)]
struct File {
	size: usize,
	/// Hours since its last use.
	age: u64,
	protected: bool,
	pinned: bool,
}

impl File {
	fn needed(&self) -> bool {
		self.protected || self.pinned
	}
}

fn file() -> impl Strategy<Value = File> {
	(0usize..4000, 0u64..1500, prop::bool::weighted(0.3), prop::bool::weighted(0.1))
		.prop_map(|(size, age, protected, pinned)| File { size, age, protected, pinned })
}

fn content(n: usize, file: &File) -> Vec<u8> {
	let mut bytes = vec![n as u8; file.size];
	bytes.extend_from_slice(&n.to_le_bytes());
	bytes
}

async fn check(files: Vec<File>, rule: Rule) {
	let dir = tempfile::tempdir().unwrap();
	let contents: Vec<_> = files.iter().enumerate().map(|(n, file)| content(n, file)).collect();
	let cids: Vec<Cid> = contents.iter().map(|bytes| cid(bytes)).collect();
	let store = Local::open(dir.path()).unwrap();
	for ((file, bytes), cid) in files.iter().zip(&contents).zip(&cids) {
		leave(dir.path(), cid, bytes, Duration::from_secs(file.age * 3600));
		if file.pinned {
			store.pin(*cid).await.unwrap();
		}
	}
	let protected: HashSet<Cid> = files.iter().zip(&cids).filter(|(f, _)| f.protected).map(|(_, cid)| *cid).collect();
	let now = SystemTime::now();
	let swept = sweep(&store, &rule, now, &protected).await.unwrap();

	let left: HashSet<Cid> = store.list().await.unwrap().iter().map(|e| e.cid).collect();
	let deleted: HashSet<Cid> = swept.deleted.iter().map(|d| d.cid).collect();
	assert!(left.is_disjoint(&deleted) && left.len() + deleted.len() == files.len());
	let size = |n: usize| contents[n].len() as u64;
	let used: u64 = (0..files.len()).filter(|n| left.contains(&cids[*n])).map(size).sum();
	assert_eq!(swept.used, used);
	assert_eq!(store.used_about(), used);

	let expired = |n: usize| Duration::from_secs(files[n].age * 3600) >= rule.keep;
	for n in 0..files.len() {
		if files[n].needed() {
			assert_eq!(store.get(cids[n]).await.unwrap().as_ref(), Some(&contents[n]), "a needed file was deleted");
		} else if left.contains(&cids[n]) {
			assert!(!expired(n), "an expired file stayed");
			assert!(used <= rule.quota, "a file that nobody needs stayed above the quota");
		}
	}
	for gone in &swept.deleted {
		let n = cids.iter().position(|cid| *cid == gone.cid).unwrap();
		assert_eq!(gone.reason, if expired(n) { Reason::Expired } else { Reason::OverQuota });
		if gone.reason == Reason::OverQuota {
			let staying = (0..files.len()).filter(|m| left.contains(&cids[*m]) && !files[*m].needed());
			assert!(staying.map(|m| files[m].age).all(|age| age <= files[n].age), "a file used later went first");
		}
	}
	match swept.full {
		None => assert!(used <= rule.quota),
		Some(full) => {
			assert!(used > rule.quota);
			assert_eq!((full.used, full.quota), (used, rule.quota));
			assert_eq!(full.protected + full.kept, left.len());
		}
	}
	let again = sweep(&store, &rule, now, &protected).await.unwrap();
	assert_eq!(again, Swept { deleted: Vec::new(), ..swept });
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(48))]
	#[test]
	fn sweep_should_keep_within_the_quota_and_never_delete_what_is_needed(
		files in prop::collection::vec(file(), 0..14),
		quota in 0u64..30_000,
		keep_days in 1u32..70,
	) {
		let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
		runtime.block_on(check(files, Rule { keep: DAY * keep_days, quota }));
	}
}

#[tokio::test]
async fn complaint_should_have_numbers_and_advice_when_the_quota_is_full_of_needed_files() {
	let dir = tempfile::tempdir().unwrap();
	let store = Local::open(dir.path()).unwrap();
	for file in [&b"of a job"[..], b"of a model"] {
		leave(dir.path(), &cid(file), file, DAY * 90);
	}
	store.pin(cid(b"of a model")).await.unwrap();
	let rule = Rule { keep: DAY * 30, quota: 10 };
	let swept = sweep(&store, &rule, SystemTime::now(), &HashSet::from([cid(b"of a job")])).await.unwrap();
	assert!(swept.deleted.is_empty());
	let complaint = swept.full.unwrap().to_string();
	for part in ["take 18 bytes", "artifacts.quota is 10 (10 bytes)", "1 belong to jobs", "1 are pinned", "at least 1G"]
	{
		assert!(complaint.contains(part), "{part}: {complaint}");
	}
}

#[tokio::test]
async fn file_should_stay_when_its_time_lies_ahead() {
	let dir = tempfile::tempdir().unwrap();
	let store = Local::open(dir.path()).unwrap();
	leave(dir.path(), &cid(b"a"), b"a", Duration::ZERO);
	let yesterday = SystemTime::now() - DAY;
	let rule = Rule { keep: DAY, quota: 100 };
	assert!(sweep(&store, &rule, yesterday, &HashSet::new()).await.unwrap().deleted.is_empty());
}

#[tokio::test]
async fn other_files_of_the_folder_should_be_left_alone() {
	let dir = tempfile::tempdir().unwrap();
	std::fs::write(dir.path().join("notes.txt"), "mine").unwrap();
	std::fs::create_dir(dir.path().join("bafkrei")).unwrap();
	let store = Local::open(dir.path()).unwrap();
	assert!(store.list().await.unwrap().is_empty());
	sweep(&store, &Rule { keep: Duration::ZERO, quota: 0 }, SystemTime::now(), &HashSet::new()).await.unwrap();
	assert!(dir.path().join("notes.txt").exists());
}
