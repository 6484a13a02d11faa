//! The one trait behind which every storage lies.

use std::{path::Path, sync::Arc};

use autonomy_primitives::digest::{cid_of_sha256, Cid};
use bytes::Bytes;
use futures::{future::BoxFuture, stream::BoxStream, StreamExt};
use sha2::{Digest, Sha256};

use crate::{
	cid_text,
	download::Download,
	error::{ArtifactError, Failure, Unavailable},
	retention::Inventory,
};

/// A file on its way. Its bytes have not been compared with a CID yet.
pub struct Body {
	/// Where in the file the first byte lies, in bytes: what was asked for, or less from a server without ranges.
	pub from: u64,
	/// The bytes from there to the end.
	pub bytes: BoxStream<'static, Result<Bytes, ArtifactError>>,
}

/// A content-addressed store.
pub trait ArtifactStore: Send + Sync {
	/// What messages call the store.
	fn place(&self) -> String;

	/// Stores bytes under their CID; the bytes must have it. Storing twice is fine. After success the file stays through
	/// a crash; after a failure nothing is there that was not before.
	fn put(&self, cid: Cid, bytes: Vec<u8>) -> BoxFuture<'_, Result<(), ArtifactError>>;

	/// The bytes of a CID, checked; `None` when the store does not have them. The file is held in memory: for the files
	/// of models there is [`ArtifactStore::download`].
	fn get(&self, cid: Cid) -> BoxFuture<'_, Result<Option<Vec<u8>>, ArtifactError>>;

	/// Opens a file at a byte; `None` when the store does not have it. What comes is **not** checked.
	fn open(&self, cid: Cid, from: u64) -> BoxFuture<'_, Result<Option<Body>, ArtifactError>>;

	/// Brings a file of `size` bytes, however large, to `target`; `false` when the store does not have it. `target`
	/// appears checked and complete, or not at all. What had come when a download was cut off lies beside it, and the next
	/// download goes on from there.
	fn download<'a>(&'a self, cid: Cid, size: u64, target: &'a Path) -> BoxFuture<'a, Result<bool, ArtifactError>> {
		Box::pin(async move {
			let Some(mut download) = Download::start(cid, size, target).await? else { return Ok(true) };
			download.pull(self).await
		})
	}

	/// Exempts a file from retention, whether it is stored already or will be.
	fn pin(&self, _cid: Cid) -> BoxFuture<'_, Result<(), ArtifactError>> {
		Box::pin(async { Ok(()) })
	}

	/// What retention works on, where the store can say what it holds.
	fn inventory(&self) -> Option<&dyn Inventory> {
		None
	}
}

/// Refuses bytes that are not those of a CID.
pub(crate) fn check_put(expected: &Cid, bytes: &[u8]) -> Result<(), ArtifactError> {
	let actual = autonomy_primitives::digest::cid(bytes);
	if actual == *expected {
		return Ok(());
	}
	Err(ArtifactError::WrongCid { expected: cid_text(expected), actual: cid_text(&actual) })
}

/// Reads a whole file into memory, hashing as it comes, and gives up as soon as it is longer than `most` bytes.
pub(crate) async fn collect(place: &str, cid: Cid, body: Body, most: u64) -> Result<Vec<u8>, ArtifactError> {
	let (mut stream, mut bytes, mut hash) = (body.bytes, Vec::new(), Sha256::new());
	while let Some(chunk) = stream.next().await {
		let chunk = chunk?;
		if bytes.len() as u64 + chunk.len() as u64 > most {
			return Err(ArtifactError::TooLarge {
				place: place.into(),
				limit: most,
				why: "more than is read into memory",
			});
		}
		hash.update(&chunk);
		bytes.extend_from_slice(&chunk);
	}
	let actual = cid_of_sha256(hash.finalize().into());
	if actual != cid {
		let (expected, actual) = (cid_text(&cid), cid_text(&actual));
		return Err(ArtifactError::WrongBytes { place: place.into(), expected, actual });
	}
	Ok(bytes)
}

/// A file, and where it was.
pub struct Found {
	/// The bytes, checked.
	pub bytes: Vec<u8>,
	/// Position, among the sources, of the one that had it.
	pub source: usize,
	/// That source's [`ArtifactStore::place`].
	pub place: String,
	/// The sources before it, and why they did not give it.
	pub failures: Vec<Failure>,
}

/// Asks one source after the other for a file. A source that fails or lies does not keep the next from being asked.
pub async fn find(sources: &[Arc<dyn ArtifactStore>], cid: Cid) -> Result<Found, Unavailable> {
	let mut failures = Vec::new();
	for (n, source) in sources.iter().enumerate() {
		match source.get(cid).await {
			Ok(Some(bytes)) => return Ok(Found { bytes, source: n, place: source.place(), failures }),
			Ok(None) => failures.push(Failure { place: source.place(), error: None }),
			Err(error) => note(&mut failures, source.place(), error),
		}
	}
	Err(Unavailable { cid, failures })
}

/// As [`find`], for [`ArtifactStore::open`].
pub(crate) async fn open_first(
	sources: &[Arc<dyn ArtifactStore>],
	cid: Cid,
	from: u64,
) -> Result<Option<Body>, ArtifactError> {
	let mut failures = Vec::new();
	for source in sources {
		match source.open(cid, from).await {
			Ok(Some(body)) => return Ok(Some(body)),
			Ok(None) => failures.push(Failure { place: source.place(), error: None }),
			Err(error) => note(&mut failures, source.place(), error),
		}
	}
	Unavailable { cid, failures }.or_none()
}

/// As [`find`], for [`ArtifactStore::download`]: a source goes on where the one before it stopped.
pub(crate) async fn download_first(
	sources: &[Arc<dyn ArtifactStore>],
	cid: Cid,
	size: u64,
	target: &Path,
) -> Result<bool, ArtifactError> {
	let Some(mut download) = Download::start(cid, size, target).await? else { return Ok(true) };
	let mut failures = Vec::new();
	for source in sources {
		match download.pull(source.as_ref()).await {
			Ok(true) => return Ok(true),
			Ok(false) => failures.push(Failure { place: source.place(), error: None }),
			// The disk is full or broken: another source would not help.
			Err(error @ ArtifactError::Target(..)) => return Err(error),
			Err(error) => note(&mut failures, source.place(), error),
		}
	}
	Unavailable { cid, failures }.or_none::<()>().map(|_| false)
}

/// A source that consists of sources is listed as those.
fn note(failures: &mut Vec<Failure>, place: String, error: ArtifactError) {
	match error {
		ArtifactError::Unavailable(inner) => failures.extend(inner.failures),
		error => failures.push(Failure { place, error: Some(error) }),
	}
}
