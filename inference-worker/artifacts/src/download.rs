//! Files that are too large for memory, and connections that break.

use std::{
	fs::{File, TryLockError},
	io::{Read, Seek, SeekFrom, Write},
	path::{Path, PathBuf},
	time::Duration,
};

use autonomy_primitives::digest::{cid_of_sha256, Cid};
use futures::StreamExt;
use sha2::{Digest, Sha256};

use crate::{
	cid_text,
	error::ArtifactError,
	local::sync_folder,
	store::{ArtifactStore, Body},
};

/// Attempts without a single new byte after which a source is given up.
const VAIN_ATTEMPTS: u32 = 3;
/// Attempts after which a source is given up however much it sends: it would take for ever.
const MOST_ATTEMPTS: u32 = 1000;
/// Pause after an attempt without a new byte; it doubles with each further one.
const PAUSE: Duration = Duration::from_millis(200);
/// Bytes that are hashed at once when a download goes on.
const CHUNK: usize = 1 << 20;

type Result<T> = std::result::Result<T, ArtifactError>;

/// Where the bytes that have come are from. When they turn out wrong, only a source that sent all of them is to blame.
#[derive(PartialEq, Eq)]
enum Origin {
	Nothing,
	Only(String),
	Several,
}

/// A file on its way to a path. What has come lies beside it, in a hidden file of the same name with `.part` behind it.
pub(crate) struct Download {
	cid: Cid,
	size: u64,
	target: PathBuf,
	partial: PathBuf,
	file: File,
	hash: Sha256,
	length: u64,
	origin: Origin,
}

impl Download {
	/// Begins, or goes on with what an earlier download left. `None` when the file is there already.
	pub(crate) async fn start(cid: Cid, size: u64, target: &Path) -> Result<Option<Self>> {
		let target = target.to_path_buf();
		let (shown, start) = (target.clone(), move || Self::start_blocking(cid, size, target));
		tokio::task::spawn_blocking(start)
			.await
			.map_err(std::io::Error::other)
			.flatten()
			.map_err(|e| ArtifactError::Target(shown, e))
	}

	fn start_blocking(cid: Cid, size: u64, target: PathBuf) -> std::io::Result<Option<Self>> {
		let name = target.file_name().ok_or_else(|| std::io::Error::other("it is no path of a file"))?;
		let partial = target.with_file_name(format!(".{}.part", name.to_string_lossy()));
		if let Ok(mut there) = File::open(&target) {
			let (hash, length) = hash_of(&mut there)?;
			if length == size && cid_of_sha256(hash.finalize().into()) == cid {
				return Ok(None);
			}
		}
		if let Some(folder) = target.parent() {
			std::fs::create_dir_all(folder)?;
		}
		let mut file = File::options().create(true).truncate(false).read(true).write(true).open(&partial)?;
		file.try_lock().map_err(|error| match error {
			TryLockError::WouldBlock => std::io::Error::other("another download of it is in progress"),
			TryLockError::Error(error) => error,
		})?;
		let (hash, length) = hash_of(&mut file)?;
		let origin = if length == 0 { Origin::Nothing } else { Origin::Several };
		let mut download = Self { cid, size, target, partial, file, hash, length, origin };
		if length > size {
			download.discard()?;
		}
		Ok(Some(download))
	}

	/// Takes what is missing from a source. `true` when the file is at its target, `false` when the source does not have
	/// it. What came before a failure stays for the next source, or the next start.
	pub(crate) async fn pull<S: ArtifactStore + ?Sized>(&mut self, source: &S) -> Result<bool> {
		let place = source.place();
		let (mut vain, mut pause) = (0, PAUSE);
		for _ in 0..MOST_ATTEMPTS {
			let before = self.length;
			let error = match self.attempt(source, &place).await {
				Ok(Some(true)) => return self.finish().await.map(|()| true),
				Ok(None) => return Ok(false),
				// Not the file: what had come was from others as well, so this source gets a chance on its own.
				Ok(Some(false)) => continue,
				Err(error) => error,
			};
			if !error.is_transient() || matches!(error, ArtifactError::Target(..)) {
				return Err(error);
			}
			if self.length > before {
				(vain, pause) = (0, PAUSE);
				continue;
			}
			vain += 1;
			if vain == VAIN_ATTEMPTS {
				return Err(error);
			}
			tracing::debug!("{error}; asking again");
			tokio::time::sleep(pause).await;
			pause *= 2;
		}
		Err(self.remote(&place, format!("it broke off {MOST_ATTEMPTS} times"), true))
	}

	/// One request. `Some(true)` when all bytes are there and right, `Some(false)` when they are wrong and were discarded,
	/// `None` when the source does not have the file.
	async fn attempt<S: ArtifactStore + ?Sized>(&mut self, source: &S, place: &str) -> Result<Option<bool>> {
		if self.length < self.size || self.size == 0 {
			let Some(body) = source.open(self.cid, self.length).await? else { return Ok(None) };
			self.append(body, place).await?;
		}
		if self.length < self.size {
			let why = format!("it sent {} of {} bytes", self.length, self.size);
			return Err(self.remote(place, why, true));
		}
		let actual = cid_of_sha256(self.hash.clone().finalize().into());
		if actual == self.cid {
			return Ok(Some(true));
		}
		let several = self.origin == Origin::Several;
		self.discard().map_err(|e| self.unwritable(e))?;
		if several {
			return Ok(Some(false));
		}
		let (expected, actual) = (cid_text(&self.cid), cid_text(&actual));
		Err(ArtifactError::WrongBytes { place: place.into(), expected, actual })
	}

	async fn append(&mut self, body: Body, place: &str) -> Result<()> {
		let Body { from, mut bytes } = body;
		let mut known = self.length.checked_sub(from).ok_or_else(|| {
			let why = format!("it began at byte {from}, {} was asked for", self.length);
			self.remote(place, why, false)
		})?;
		while let Some(chunk) = bytes.next().await {
			let chunk = chunk?;
			// A server without ranges begins at the start again.
			let skipped = known.min(chunk.len() as u64);
			known -= skipped;
			let new = &chunk[skipped as usize..];
			if new.is_empty() {
				continue;
			}
			if self.length + new.len() as u64 > self.size {
				return Err(ArtifactError::TooLarge {
					place: place.into(),
					limit: self.size,
					why: "the size that the manifest gives it",
				});
			}
			match &self.origin {
				Origin::Nothing => self.origin = Origin::Only(place.into()),
				Origin::Only(other) if other != place => self.origin = Origin::Several,
				Origin::Only(_) | Origin::Several => {}
			}
			// A chunk is small and goes to the page cache.
			self.file.write_all(new).map_err(|e| self.unwritable(e))?;
			self.hash.update(new);
			self.length += new.len() as u64;
		}
		Ok(())
	}

	async fn finish(&mut self) -> Result<()> {
		let file = self.file.try_clone().map_err(|e| self.unwritable(e))?;
		let (partial, target) = (self.partial.clone(), self.target.clone());
		let finish = move || {
			file.sync_all()?;
			std::fs::rename(partial, &target)?;
			target.parent().map_or(Ok(()), sync_folder)
		};
		let done = tokio::task::spawn_blocking(finish).await.map_err(std::io::Error::other).flatten();
		done.map_err(|e| self.unwritable(e))
	}

	fn discard(&mut self) -> std::io::Result<()> {
		self.file.set_len(0)?;
		self.file.seek(SeekFrom::Start(0))?;
		(self.hash, self.length, self.origin) = (Sha256::new(), 0, Origin::Nothing);
		Ok(())
	}

	fn unwritable(&self, error: std::io::Error) -> ArtifactError {
		ArtifactError::Target(self.target.clone(), error)
	}

	fn remote(&self, place: &str, why: String, again: bool) -> ArtifactError {
		ArtifactError::Remote { place: place.into(), why: format!("{}: {why}", cid_text(&self.cid)), again }
	}
}

/// Hash and length of what is left of a file, whose end is then its position.
fn hash_of(file: &mut File) -> std::io::Result<(Sha256, u64)> {
	let (mut hash, mut length, mut chunk) = (Sha256::new(), 0, vec![0; CHUNK]);
	loop {
		let read = file.read(&mut chunk)?;
		if read == 0 {
			return Ok((hash, length));
		}
		hash.update(&chunk[..read]);
		length += read as u64;
	}
}
