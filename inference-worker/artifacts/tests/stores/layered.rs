//! The folder with mirrors and sources around it.

use std::{collections::HashSet, sync::Arc, time::Duration};

use autonomy_artifacts::{ArtifactStore, Ipfs, IpfsSettings, Layered, Local, Peers, Rule, MOST_BLOCK_BYTES};
use autonomy_primitives::digest::cid;

use crate::{
	leave, limits, nobody,
	s3::store,
	servers::{Blocks, Bucket, Fault, Server},
	text,
};

const FILE: &[u8] = b"a purple triangle";

fn peers(servers: &[&Server]) -> Peers {
	let addresses: Vec<_> = servers.iter().map(|s| s.url.clone()).collect();
	Peers::new(&addresses, limits()).unwrap()
}

fn ipfs(gateway: &Server, node: Option<&Server>) -> Arc<dyn ArtifactStore> {
	let settings = IpfsSettings { gateways: vec![gateway.url.clone()], api: node.map(|n| n.url.clone()) };
	Arc::new(Ipfs::new(&settings, limits()).unwrap())
}

#[tokio::test]
async fn file_should_reach_every_mirror_when_it_is_stored() {
	let dir = tempfile::tempdir().unwrap();
	let (bucket, blocks) = (Bucket::default(), Blocks::default());
	let (s3, node, gateway) = (bucket.serve().await, blocks.serve().await, Server::gateway(&[]).await);
	let layered = Layered::new(Local::open(dir.path()).unwrap())
		.mirror("s3", Arc::new(store(&s3.url, "")))
		.mirror("ipfs", ipfs(&gateway, Some(&node)));
	layered.put(cid(FILE), FILE.to_vec()).await.unwrap();
	assert!(s3.seen().is_empty() && node.seen().is_empty(), "a job must not wait for a mirror");
	assert!(layered.flush().await.unwrap().is_empty());
	assert_eq!(bucket.object(&text(&cid(FILE))).as_deref(), Some(FILE));
	assert_eq!(blocks.block(&cid(FILE)), Some((FILE.to_vec(), true)));
	let requests = s3.seen().len();
	assert!(layered.flush().await.unwrap().is_empty());
	assert_eq!(s3.seen().len(), requests, "it was copied twice");
}

#[tokio::test]
async fn file_should_reach_a_mirror_later_when_it_fails_and_the_worker_is_restarted() {
	let dir = tempfile::tempdir().unwrap();
	let (bucket, blocks) = (Bucket::default(), Blocks::default());
	let (s3, node, gateway) = (bucket.serve().await, blocks.serve().await, Server::gateway(&[]).await);
	let open = || {
		let bucket = Arc::new(store(&s3.url, ""));
		Layered::new(Local::open(dir.path()).unwrap())
			.mirror("s3", bucket.clone())
			.source(bucket)
			.mirror("ipfs", ipfs(&gateway, Some(&node)))
	};
	s3.always(Some(Fault::Status(500, "InternalError")));
	let layered = open();
	for file in [FILE, b"another"] {
		layered.put(cid(file), file.to_vec()).await.unwrap();
	}
	let failures = layered.flush().await.unwrap();
	assert_eq!(failures.len(), 1);
	assert_eq!(failures[0].waiting, 2);
	assert!(failures[0].place.contains(&s3.url) && failures[0].error.to_string().contains("500"), "{:?}", failures[0]);
	assert!(blocks.block(&cid(FILE)).is_some(), "one mirror's failure must not hold up another");

	// Neither quota nor age can take a file that a mirror lacks.
	let layered = open();
	let rule = Rule { keep: Duration::ZERO, quota: 0 };
	let swept = layered.sweep(&rule, &HashSet::new()).await.unwrap();
	assert!(swept.deleted.is_empty() && swept.full.is_some_and(|full| full.kept == 2));

	s3.always(None);
	assert!(layered.flush().await.unwrap().is_empty());
	assert_eq!(bucket.keys().len(), 2);
	let swept = layered.sweep(&rule, &HashSet::new()).await.unwrap();
	assert_eq!(swept.deleted.len(), 2);
	// The mirror still has it, so it is not lost.
	assert_eq!(layered.get(cid(FILE)).await.unwrap().as_deref(), Some(FILE));
}

#[tokio::test]
async fn mirror_should_be_left_alone_when_it_would_refuse_for_ever() {
	let dir = tempfile::tempdir().unwrap();
	let blocks = Blocks::default();
	let (node, gateway) = (blocks.serve().await, Server::gateway(&[]).await);
	let layered = Layered::new(Local::open(dir.path()).unwrap()).mirror("ipfs", ipfs(&gateway, Some(&node)));
	let large = vec![1; MOST_BLOCK_BYTES as usize + 1];
	for file in [&large, &FILE.to_vec()] {
		layered.put(cid(file), file.clone()).await.unwrap();
	}
	assert!(layered.flush().await.unwrap().is_empty());
	assert!(blocks.block(&cid(FILE)).is_some() && blocks.block(&cid(&large)).is_none());
	assert_eq!(layered.get(cid(&large)).await.unwrap(), Some(large));
}

#[tokio::test]
async fn notes_should_be_dropped_when_their_file_or_their_mirror_is_gone() {
	let dir = tempfile::tempdir().unwrap();
	let s3 = Bucket::default().serve().await;
	let layered = Layered::new(Local::open(dir.path()).unwrap()).mirror("s3", Arc::new(store(&s3.url, "")));
	layered.put(cid(FILE), FILE.to_vec()).await.unwrap();
	std::fs::remove_file(dir.path().join(text(&cid(FILE)))).unwrap();
	assert!(layered.flush().await.unwrap().is_empty());
	assert!(s3.seen().is_empty());

	layered.put(cid(FILE), FILE.to_vec()).await.unwrap();
	layered.pin(cid(b"pinned")).await.unwrap();
	leave(dir.path(), &cid(b"pinned"), b"pinned", Duration::ZERO);
	// The next start has no mirror any more.
	let layered = Layered::new(Local::open(dir.path()).unwrap());
	layered.forget_other_mirrors().unwrap();
	let swept = layered.sweep(&Rule { keep: Duration::ZERO, quota: 0 }, &HashSet::new()).await.unwrap();
	assert_eq!(swept.deleted.iter().map(|d| d.cid).collect::<Vec<_>>(), [cid(FILE)]);
}

#[tokio::test]
async fn places_should_be_asked_in_order_and_what_was_found_should_stay() {
	let dir = tempfile::tempdir().unwrap();
	let bucket = Bucket::default();
	let (s3, gateway, peer) = (bucket.serve().await, Server::gateway(&[FILE]).await, Server::operator(&[FILE]).await);
	let open = |folder: &str| {
		let bucket = Arc::new(store(&s3.url, ""));
		Layered::new(Local::open(&dir.path().join(folder)).unwrap())
			.mirror("s3", bucket.clone())
			.source(bucket)
			.source(ipfs(&gateway, None))
			.sources(peers(&[&peer]).sources())
	};
	let first = open("a");
	let found = first.find(cid(FILE)).await.unwrap();
	assert_eq!(found.bytes, FILE);
	assert!(found.source == 2 && found.place.contains("IPFS"), "{}", found.place);
	assert_eq!((s3.seen().len(), gateway.seen().len(), peer.seen().len()), (1, 1, 0));
	assert!(first.flush().await.unwrap().is_empty());
	assert!(bucket.keys().is_empty(), "what was fetched is not copied to mirrors");

	assert!(open("a").find(cid(FILE)).await.unwrap().place.contains("folder"));
	assert_eq!(s3.seen().len(), 1, "what was found must stay");

	let passing = open("b").without_keeping();
	passing.find(cid(FILE)).await.unwrap();
	assert_eq!(passing.local().get(cid(FILE)).await.unwrap(), None);

	gateway.always(Some(Fault::Status(502, "no upstream")));
	assert_eq!(open("c").get(cid(FILE)).await.unwrap().as_deref(), Some(FILE));
	assert_eq!(peer.seen().len(), 1);
}

#[tokio::test]
async fn corrupt_file_should_be_healed_when_another_place_has_it() {
	let dir = tempfile::tempdir().unwrap();
	let peer = Server::operator(&[FILE]).await;
	leave(dir.path(), &cid(FILE), b"a purple triangl3", Duration::ZERO);
	let alone = Layered::new(Local::open(dir.path()).unwrap());
	assert!(alone.get(cid(FILE)).await.unwrap_err().to_string().contains("corrupt"));
	let layered = alone.sources(peers(&[&peer]).sources());
	assert_eq!(layered.get(cid(FILE)).await.unwrap().as_deref(), Some(FILE));
	assert_eq!(layered.local().get(cid(FILE)).await.unwrap().as_deref(), Some(FILE));
}

#[tokio::test]
async fn complaint_should_list_every_place_when_none_gives_the_file() {
	let dir = tempfile::tempdir().unwrap();
	let (without, dead) = (Server::operator(&[]).await, nobody());
	let both = Peers::new(&[without.url.clone(), dead.clone()], limits()).unwrap();
	let layered = Layered::new(Local::open(dir.path()).unwrap()).sources(both.sources());
	let complaint = layered.get(cid(FILE)).await.unwrap_err().to_string();
	for part in [
		text(&cid(FILE)),
		format!("folder {}: does not have it", dir.path().display()),
		format!("{}: does not have it", without.url),
		format!("{dead}: no answer: Connection refused"),
	] {
		assert!(complaint.contains(&part), "{part}: {complaint}");
	}
	let layered = Layered::new(Local::open(dir.path()).unwrap()).sources(peers(&[&without]).sources());
	assert_eq!(layered.get(cid(FILE)).await.unwrap(), None);
}
