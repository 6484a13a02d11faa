//! The task that sweeps and copies while a worker runs.

use std::{
	collections::HashSet,
	convert::Infallible,
	path::Path,
	sync::{
		atomic::{AtomicU32, Ordering},
		Arc,
	},
	time::Duration,
};

use autonomy_artifacts::{ArtifactStore, Cid, Keeper, Layered, Local, Rule};
use autonomy_primitives::digest::cid;
use tokio::{sync::watch, task::JoinHandle};

use crate::{
	leave,
	s3::store,
	servers::{Bucket, Fault},
	text, until,
};

const HOUR: Duration = Duration::from_secs(3600);
const RULE: Rule = Rule { keep: Duration::from_secs(30 * 86_400), quota: 100 };

fn start<P, E>(keeper: Keeper<P>) -> (watch::Sender<bool>, JoinHandle<()>)
where
	P: Fn() -> Result<HashSet<Cid>, E> + Send + Sync + 'static,
	E: std::fmt::Display + Send + 'static,
{
	let (stop, stopped) = watch::channel(false);
	(stop, tokio::spawn(keeper.run(|_| (), stopped)))
}

fn nothing() -> Result<HashSet<Cid>, Infallible> {
	Ok(HashSet::new())
}

fn open(folder: &Path) -> Arc<Layered> {
	Arc::new(Layered::new(Local::open(folder).unwrap()))
}

#[tokio::test]
async fn old_files_should_go_when_a_new_one_exceeds_the_quota() {
	let dir = tempfile::tempdir().unwrap();
	let old: Vec<Vec<u8>> = (0..9).map(|n| vec![n; 10]).collect();
	for (n, file) in old.iter().enumerate() {
		leave(dir.path(), &cid(file), file, HOUR * (20 - n as u32));
	}
	let store = open(dir.path());
	let (stop, task) = start(Keeper { every: HOUR, ..Keeper::new(store.clone(), RULE, nothing) });
	until("the first sweep", || store.local().used_about() == 90).await;
	let new = vec![99; 25];
	store.put(cid(&new), new.clone()).await.unwrap();
	let there = |file: &Vec<u8>| dir.path().join(text(&cid(file))).exists();
	until("the sweep after the store", || !there(&old[1])).await;
	assert!(!there(&old[0]) && there(&old[2]) && there(&new));
	stop.send_replace(true);
	task.await.unwrap();
}

#[tokio::test]
async fn nothing_should_go_while_it_is_not_known_what_is_needed() {
	let dir = tempfile::tempdir().unwrap();
	let file = vec![1; 1000];
	leave(dir.path(), &cid(&file), &file, HOUR);
	let asked = Arc::new(AtomicU32::new(0));
	let protected = {
		let (asked, path) = (asked.clone(), dir.path().join(text(&cid(&file))));
		move || match asked.fetch_add(1, Ordering::SeqCst) {
			0..3 => {
				assert!(path.exists(), "it went before it was known that it may");
				Err("the queue is busy")
			}
			_ => Ok(HashSet::new()),
		}
	};
	let keeper = Keeper { every: Duration::from_millis(1), ..Keeper::new(open(dir.path()), RULE, protected) };
	let (stop, task) = start(keeper);
	until("the sweep", || !dir.path().join(text(&cid(&file))).exists()).await;
	assert!(asked.load(Ordering::SeqCst) >= 4);
	stop.send_replace(true);
	task.await.unwrap();
}

#[tokio::test]
async fn mirror_should_get_everything_when_it_comes_back() {
	let dir = tempfile::tempdir().unwrap();
	let bucket = Bucket::default();
	let server = bucket.serve().await;
	server.always(Some(Fault::Status(503, "SlowDown")));
	let layered = Layered::new(Local::open(dir.path()).unwrap()).mirror("s3", Arc::new(store(&server.url, "")));
	let layered = Arc::new(layered);
	let pause = Duration::from_millis(1);
	let (stop, task) = start(Keeper { pause, ..Keeper::new(layered.clone(), RULE, nothing) });
	for n in 0..5 {
		layered.put(cid(&[n]), vec![n]).await.unwrap();
	}
	until("an attempt", || !server.seen().is_empty()).await;
	server.always(None);
	until("the copies", || bucket.keys().len() == 5).await;
	layered.put(cid(b"later"), b"later".to_vec()).await.unwrap();
	until("the copy of a later file", || bucket.keys().len() == 6).await;
	stop.send_replace(true);
	task.await.unwrap();
}
