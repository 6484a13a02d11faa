//! Large files over lines that break.

use std::path::{Path, PathBuf};

use autonomy_artifacts::{ArtifactError, ArtifactStore, Layered, Local, Peers};
use autonomy_primitives::digest::cid;

use crate::{
	limits,
	s3::store,
	servers::{Bucket, Fault, Server},
	text,
};

/// More than one chunk of a connection.
fn weights() -> Vec<u8> {
	(0..700_000u32).flat_map(|n| n.to_le_bytes()).collect()
}

fn peers(servers: &[&Server]) -> Peers {
	let addresses: Vec<_> = servers.iter().map(|s| s.url.clone()).collect();
	Peers::new(&addresses, limits()).unwrap()
}

fn target(dir: &tempfile::TempDir) -> PathBuf {
	dir.path().join("unet/model.safetensors")
}

fn assert_whole(target: &Path, bytes: &[u8]) {
	assert!(std::fs::read(target).unwrap() == bytes);
	let names: Vec<_> = std::fs::read_dir(target.parent().unwrap()).unwrap().map(|e| e.unwrap().file_name()).collect();
	assert_eq!(names, [target.file_name().unwrap()], "something was left beside it");
}

#[tokio::test]
async fn download_should_go_on_where_the_line_broke() {
	let (dir, file) = (tempfile::tempdir().unwrap(), weights());
	let server = Server::operator(&[&file]).await;
	server.next([Fault::BreaksOff(1_000_000), Fault::Status(502, "a moment"), Fault::BreaksOff(500_000)]);
	assert!(peers(&[&server]).download(cid(&file), file.len() as u64, &target(&dir)).await.unwrap());
	assert_whole(&target(&dir), &file);
	let seen = server.seen();
	assert_eq!(seen.len(), 4);
	assert_eq!(seen[0].header("range"), None);
	let starts: Vec<u64> = seen[1..]
		.iter()
		.map(|s| s.header("range").unwrap().trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap())
		.collect();
	assert!(starts[0] > 0 && starts[0] == starts[1] && starts[1] < starts[2], "{starts:?}");
	// Once it is there, nobody is asked.
	assert!(peers(&[&server]).download(cid(&file), file.len() as u64, &target(&dir)).await.unwrap());
	assert_eq!(server.seen().len(), 4);
}

#[tokio::test]
async fn download_should_go_on_when_the_server_has_no_ranges() {
	let (dir, file) = (tempfile::tempdir().unwrap(), weights());
	let server = Server::without_ranges(&[&file]).await;
	server.next([Fault::BreaksOff(1_000_000)]);
	assert!(peers(&[&server]).download(cid(&file), file.len() as u64, &target(&dir)).await.unwrap());
	assert_whole(&target(&dir), &file);
}

#[tokio::test]
async fn download_should_go_on_from_another_source_or_after_a_restart() {
	let (dir, file) = (tempfile::tempdir().unwrap(), weights());
	let size = file.len() as u64;
	let dying = Server::operator(&[&file]).await;
	dying.next([Fault::BreaksOff(1_500_000)]).always(Some(Fault::Status(500, "dead")));
	let error = peers(&[&dying]).download(cid(&file), size, &target(&dir)).await.unwrap_err().to_string();
	assert!(error.contains(&dying.url) && error.contains("dead"), "{error}");
	assert!(!target(&dir).exists());

	let good = Server::operator(&[&file]).await;
	assert!(peers(&[&dying, &good]).download(cid(&file), size, &target(&dir)).await.unwrap());
	assert_whole(&target(&dir), &file);
	assert!(good.seen()[0].header("range").is_some_and(|range| range != "bytes=0-"), "it began anew");
}

#[tokio::test]
async fn download_should_be_right_when_a_source_lies() {
	let file = weights();
	let mut other = file.clone();
	other[10] ^= 1;
	let size = file.len() as u64;
	let longer = [&file[..], b"and more"].concat();
	for lie in [Fault::Lies(other.clone()), Fault::Lies(longer), Fault::Endless] {
		let dir = tempfile::tempdir().unwrap();
		let (liar, good) = (Server::operator(&[&file]).await, Server::operator(&[&file]).await);
		liar.always(Some(lie.clone()));
		assert!(peers(&[&liar, &good]).download(cid(&file), size, &target(&dir)).await.unwrap(), "{lie:?}");
		assert_whole(&target(&dir), &file);
		assert_eq!(liar.seen().len(), 1, "{lie:?}: a liar was asked again");

		let error =
			peers(&[&liar]).download(cid(&file), size, &target(&tempfile::tempdir().unwrap())).await.unwrap_err();
		assert!(error.to_string().contains(&liar.url), "{error}");
	}
}

#[tokio::test]
async fn download_should_be_right_when_a_source_lied_and_broke_off() {
	let (dir, file) = (tempfile::tempdir().unwrap(), weights());
	let mut other = file.clone();
	other[10] ^= 1;
	// It serves the wrong file under the right name, and dies in the middle.
	let name = format!("/artifacts/{}", text(&cid(&file)));
	let liar = Server::new(move |seen| {
		assert_eq!(seen.path, name);
		crate::servers::Reply::new(200, other.clone())
	})
	.await;
	liar.next([Fault::BreaksOff(1_000_000)]).always(Some(Fault::Status(404, "gone")));
	let good = Server::operator(&[&file]).await;
	assert!(peers(&[&liar, &good]).download(cid(&file), file.len() as u64, &target(&dir)).await.unwrap());
	assert_whole(&target(&dir), &file);
	let ranges: Vec<_> = good.seen().iter().map(|s| s.header("range").is_some()).collect();
	assert_eq!(ranges, [true, false], "the honest source must be heard on its own before it is blamed");
}

#[tokio::test]
async fn download_should_say_no_when_no_source_has_the_file() {
	let dir = tempfile::tempdir().unwrap();
	let server = Server::operator(&[]).await;
	assert!(!peers(&[&server]).download(cid(b"x"), 1, &target(&dir)).await.unwrap());
	let local = Local::open(&dir.path().join("artifacts")).unwrap();
	assert!(!local.download(cid(b"x"), 1, &target(&dir)).await.unwrap());
	assert!(!target(&dir).exists());
}

#[tokio::test]
async fn download_should_come_from_every_kind_of_store() {
	let (dir, file) = (tempfile::tempdir().unwrap(), weights());
	let local = Local::open(&dir.path().join("artifacts")).unwrap();
	local.put(cid(&file), file.clone()).await.unwrap();
	assert!(local.download(cid(&file), file.len() as u64, &dir.path().join("a/x")).await.unwrap());
	assert_whole(&dir.path().join("a/x"), &file);

	let bucket = Bucket::default();
	bucket.insert(text(&cid(&file)), file.clone());
	let server = bucket.serve().await;
	let empty = Local::open(&dir.path().join("empty")).unwrap();
	let layered = Layered::new(empty).source(std::sync::Arc::new(store(&server.url, "")));
	assert!(layered.download(cid(&file), file.len() as u64, &dir.path().join("b/x")).await.unwrap());
	assert_whole(&dir.path().join("b/x"), &file);
	assert_eq!(layered.local().get(cid(&file)).await.unwrap(), None, "a model's file must not be kept twice");

	let nothing = dir.path().join("c/x");
	local.put(cid(b""), Vec::new()).await.unwrap();
	assert!(local.download(cid(b""), 0, &nothing).await.unwrap());
	assert_whole(&nothing, b"");
}

#[tokio::test]
async fn download_should_be_refused_when_it_cannot_be_written_or_is_in_progress() {
	let (dir, file) = (tempfile::tempdir().unwrap(), weights());
	let server = Server::operator(&[&file]).await;
	std::fs::write(dir.path().join("unet"), "a file where a folder should be").unwrap();
	let error = peers(&[&server]).download(cid(&file), 1, &target(&dir)).await.unwrap_err();
	assert!(matches!(error, ArtifactError::Target(..)), "{error}");
	assert!(server.seen().is_empty());

	let target = dir.path().join("weights");
	let partial = std::fs::File::create(dir.path().join(".weights.part")).unwrap();
	partial.lock().unwrap();
	let error = peers(&[&server]).download(cid(&file), file.len() as u64, &target).await.unwrap_err().to_string();
	assert!(error.contains("another download of it is in progress"), "{error}");
}
