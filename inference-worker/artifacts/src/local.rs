//! The files of a local folder.

use std::{
	collections::{HashMap, HashSet},
	fs::{File, Permissions},
	io::{ErrorKind, Read, Seek, SeekFrom, Write},
	os::unix::fs::PermissionsExt,
	path::{Path, PathBuf},
	sync::{
		atomic::{AtomicU64, Ordering},
		Arc, Mutex, PoisonError,
	},
	time::{Duration, Instant, SystemTime},
};

use autonomy_primitives::digest::{cid, Cid};
use bytes::Bytes;
use futures::{future::BoxFuture, stream, StreamExt};

use crate::{
	cid_of_name, cid_text,
	error::ArtifactError,
	retention::{Entry, Inventory},
	store::{check_put, ArtifactStore, Body},
};

/// Names that no file of a CID has.
const LOCK: &str = ".lock";
const MARKS: &str = ".marks";
const UNFINISHED: &str = ".unfinished-";
/// The reason of a pin, among the marks.
const PIN: &str = "pin";
/// How long a file is kept, whatever the rule, after it was stored: until the job that it belongs to has been written down.
const FRESH: Duration = Duration::from_secs(600);
/// Bytes that are read at once.
const CHUNK: usize = 256 << 10;

type Result<T> = std::result::Result<T, ArtifactError>;

/// A local folder, in which each file lies under the text of its CID. Its modification time says when it was stored or
/// last read.
///
/// A file that `put` has reported as stored is on disk, whole, and stays through a power failure. Several processes can
/// use one folder: a file is never deleted while another process stores it.
#[derive(Clone)]
pub struct Local(Arc<Folder>);

struct Folder {
	path: PathBuf,
	/// What this process stored a moment ago.
	fresh: Mutex<HashMap<Cid, Instant>>,
	/// Bytes in use when they were last counted, and those stored since.
	used: AtomicU64,
}

impl Local {
	/// A folder, made when absent. What a killed process left unfinished is removed.
	pub fn open(folder: &Path) -> Result<Self> {
		let failed = |e| ArtifactError::Folder(folder.into(), e);
		std::fs::create_dir_all(folder).map_err(failed)?;
		let local = Self::reader(folder);
		let lock = local.0.lock_file().map_err(failed)?;
		// Whoever stores something holds the lock; without it, an unfinished file belongs to nobody.
		if lock.try_lock().is_ok() {
			for entry in std::fs::read_dir(folder).map_err(failed)? {
				let entry = entry.map_err(failed)?;
				if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
					std::fs::remove_file(entry.path()).map_err(failed)?;
				}
			}
		}
		Ok(local)
	}

	/// For commands that only read: a folder that is left as it is, and counts as empty when absent.
	pub fn reader(folder: &Path) -> Self {
		let (fresh, used) = (Mutex::default(), AtomicU64::new(0));
		Self(Arc::new(Folder { path: folder.into(), fresh, used }))
	}

	/// About as many bytes as are in use: counted at the last listing, plus what this process stored since.
	pub fn used_about(&self) -> u64 {
		self.0.used.load(Ordering::Relaxed)
	}

	/// Stores a file together with marks, which keep it from being deleted. The marks come first: there is no moment at
	/// which the file is there without them.
	pub(crate) async fn put_marked(&self, expected: Cid, bytes: Vec<u8>, marks: Vec<&'static str>) -> Result<()> {
		self.blocking(move |folder| {
			check_put(&expected, &bytes)?;
			folder.store(&expected, &bytes, &marks).map_err(|e| folder.failed(e))?;
			metrics::counter!("autonomy_artifacts_stored_total").increment(1);
			metrics::counter!("autonomy_artifact_bytes_total").increment(bytes.len() as u64);
			Ok(())
		})
		.await
	}

	/// The files with a mark.
	pub(crate) async fn marked(&self, mark: &'static str) -> Result<Vec<Cid>> {
		self.blocking(move |folder| {
			let mut marked: Vec<_> = folder.marked(mark).map_err(|e| folder.failed(e))?.into_iter().collect();
			marked.sort_unstable();
			Ok(marked)
		})
		.await
	}

	/// Takes a mark off a file.
	pub(crate) async fn unmark(&self, mark: &'static str, cid: Cid) -> Result<()> {
		self.blocking(move |folder| {
			ignore_absent(std::fs::remove_file(folder.mark_path(mark, &cid))).map_err(|e| folder.failed(e))
		})
		.await
	}

	/// Takes a mark off a file that is not there, and says whether it was taken off.
	pub(crate) async fn unmark_absent(&self, mark: &'static str, cid: Cid) -> Result<bool> {
		self.blocking(move |folder| {
			let unmark = || {
				// Nobody is about to store the file while this lock is held.
				let lock = folder.lock_file()?;
				lock.lock()?;
				if folder.path.join(cid_text(&cid)).try_exists()? {
					return Ok(false);
				}
				ignore_absent(std::fs::remove_file(folder.mark_path(mark, &cid))).map(|()| true)
			};
			unmark().map_err(|e| folder.failed(e))
		})
		.await
	}

	/// Drops every mark but pins and those of `known`: nobody is left to take them off.
	pub(crate) fn forget_marks_but(&self, known: &[&'static str]) -> Result<()> {
		let folder = &self.0;
		let marks = folder.marks().map_err(|e| folder.failed(e))?;
		for mark in marks.iter().filter(|mark| *mark != PIN && !known.contains(&mark.as_str())) {
			std::fs::remove_dir_all(folder.path.join(MARKS).join(mark)).map_err(|e| folder.failed(e))?;
		}
		Ok(())
	}

	async fn blocking<T: Send + 'static>(&self, work: impl FnOnce(&Folder) -> Result<T> + Send + 'static) -> Result<T> {
		let folder = self.0.clone();
		let path = self.0.path.clone();
		tokio::task::spawn_blocking(move || work(&folder))
			.await
			.unwrap_or_else(|e| Err(ArtifactError::Folder(path, std::io::Error::other(e))))
	}
}

impl Folder {
	fn failed(&self, error: std::io::Error) -> ArtifactError {
		ArtifactError::Folder(self.path.clone(), error)
	}

	fn lock_file(&self) -> std::io::Result<File> {
		File::options().create(true).truncate(false).write(true).open(self.path.join(LOCK))
	}

	fn mark_path(&self, mark: &str, cid: &Cid) -> PathBuf {
		self.path.join(MARKS).join(mark).join(cid_text(cid))
	}

	fn store(&self, cid: &Cid, bytes: &[u8], marks: &[&str]) -> std::io::Result<()> {
		std::fs::create_dir_all(&self.path)?;
		let lock = self.lock_file()?;
		lock.lock_shared()?;
		marks.iter().try_for_each(|mark| self.mark(mark, cid))?;
		let mut file = tempfile::Builder::new()
			.prefix(UNFINISHED)
			// As for any other file of the user: what is stored here is meant to be read.
			.permissions(Permissions::from_mode(0o644))
			.tempfile_in(&self.path)?;
		file.write_all(bytes)?;
		file.as_file().sync_all()?;
		file.persist(self.path.join(cid_text(cid))).map_err(|e| e.error)?;
		sync_folder(&self.path)?;
		self.fresh.lock().unwrap_or_else(PoisonError::into_inner).insert(*cid, Instant::now());
		self.used.fetch_add(bytes.len() as u64, Ordering::Relaxed);
		Ok(())
	}

	fn mark(&self, mark: &str, cid: &Cid) -> std::io::Result<()> {
		let path = self.mark_path(mark, cid);
		if path.try_exists()? {
			return Ok(());
		}
		let folder = self.path.join(MARKS).join(mark);
		if !folder.is_dir() {
			std::fs::create_dir_all(&folder)?;
			sync_folder(&self.path.join(MARKS))?;
			sync_folder(&self.path)?;
		}
		File::options().create(true).truncate(false).write(true).open(path)?;
		sync_folder(&folder)
	}

	fn marked(&self, mark: &str) -> std::io::Result<HashSet<Cid>> {
		let entries = match std::fs::read_dir(self.path.join(MARKS).join(mark)) {
			Ok(entries) => entries,
			Err(e) if e.kind() == ErrorKind::NotFound => return Ok(HashSet::new()),
			Err(e) => return Err(e),
		};
		let cids = entries.map(|entry| Ok(entry?.file_name().to_str().and_then(cid_of_name)));
		cids.filter_map(std::io::Result::transpose).collect()
	}

	/// The marks that there are.
	fn marks(&self) -> std::io::Result<Vec<String>> {
		match std::fs::read_dir(self.path.join(MARKS)) {
			Ok(entries) => entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect(),
			Err(e) if e.kind() == ErrorKind::NotFound => Ok(Vec::new()),
			Err(e) => Err(e),
		}
	}

	/// What this process stored a moment ago.
	fn fresh(&self) -> HashSet<Cid> {
		let mut fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
		fresh.retain(|_, stored| stored.elapsed() < FRESH);
		fresh.keys().copied().collect()
	}

	/// Everything that must stay whatever the rule says.
	fn kept(&self) -> std::io::Result<HashSet<Cid>> {
		let mut kept = self.fresh();
		for mark in self.marks()? {
			kept.extend(self.marked(&mark)?);
		}
		Ok(kept)
	}

	/// Whether one file is among those, without looking at the others.
	fn is_kept(&self, cid: &Cid) -> std::io::Result<bool> {
		for mark in self.marks()? {
			if self.mark_path(&mark, cid).try_exists()? {
				return Ok(true);
			}
		}
		Ok(self.fresh().contains(cid))
	}

	/// The file, with its time of use set to now.
	fn open(&self, cid: &Cid) -> std::io::Result<Option<File>> {
		let file = match File::open(self.path.join(cid_text(cid))) {
			Ok(file) => file,
			Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
			Err(e) => return Err(e),
		};
		// A folder that can only be read is read all the same.
		let _ = file.set_modified(SystemTime::now());
		Ok(Some(file))
	}

	fn list(&self) -> std::io::Result<Vec<Entry>> {
		let kept = self.kept()?;
		let entries = match std::fs::read_dir(&self.path) {
			Ok(entries) => entries,
			Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
			Err(e) => return Err(e),
		};
		let mut list = Vec::new();
		for entry in entries {
			let entry = entry?;
			let Some(cid) = entry.file_name().to_str().and_then(cid_of_name) else { continue };
			let data = match entry.metadata() {
				Ok(data) => data,
				// Deleted since the folder was opened.
				Err(e) if e.kind() == ErrorKind::NotFound => continue,
				Err(e) => return Err(e),
			};
			if data.is_file() {
				let kept = kept.contains(&cid);
				list.push(Entry { cid, size: data.len(), used: data.modified()?, kept });
			}
		}
		self.used.store(list.iter().map(|e| e.size).sum(), Ordering::Relaxed);
		Ok(list)
	}

	fn delete(&self, entry: &Entry) -> std::io::Result<bool> {
		let path = self.path.join(cid_text(&entry.cid));
		let lock = self.lock_file()?;
		// From here on nobody stores anything, so what is found now holds until the file is gone.
		lock.lock()?;
		let used = match std::fs::metadata(&path) {
			Ok(data) => data.modified()?,
			Err(e) if e.kind() == ErrorKind::NotFound => return Ok(true),
			Err(e) => return Err(e),
		};
		if used != entry.used || self.is_kept(&entry.cid)? {
			return Ok(false);
		}
		std::fs::remove_file(path)?;
		let _ = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |u| Some(u.saturating_sub(entry.size)));
		Ok(true)
	}
}

impl ArtifactStore for Local {
	fn place(&self) -> String {
		format!("folder {}", self.0.path.display())
	}

	fn put(&self, cid: Cid, bytes: Vec<u8>) -> BoxFuture<'_, Result<()>> {
		Box::pin(self.put_marked(cid, bytes, Vec::new()))
	}

	fn get(&self, expected: Cid) -> BoxFuture<'_, Result<Option<Vec<u8>>>> {
		Box::pin(self.blocking(move |folder| {
			let mut bytes = Vec::new();
			match folder.open(&expected).map_err(|e| folder.failed(e))? {
				Some(mut file) => file.read_to_end(&mut bytes).map_err(|e| folder.failed(e))?,
				None => return Ok(None),
			};
			let actual = cid(&bytes);
			if actual != expected {
				let (expected, actual) = (cid_text(&expected), cid_text(&actual));
				return Err(ArtifactError::Corrupt { expected, actual });
			}
			Ok(Some(bytes))
		}))
	}

	fn open(&self, cid: Cid, from: u64) -> BoxFuture<'_, Result<Option<Body>>> {
		Box::pin(async move {
			let opened = self.blocking(move |folder| {
				let open = || {
					let Some(mut file) = folder.open(&cid)? else { return Ok(None) };
					file.seek(SeekFrom::Start(from))?;
					Ok(Some(file))
				};
				open().map_err(|e| folder.failed(e))
			});
			let Some(file) = opened.await? else { return Ok(None) };
			let next = |(local, file): (Self, File)| async move {
				let read = local.blocking(move |folder| {
					let (mut file, mut chunk) = (file, Vec::with_capacity(CHUNK));
					(&mut file).take(CHUNK as u64).read_to_end(&mut chunk).map_err(|e| folder.failed(e))?;
					Ok((file, chunk))
				});
				let (file, chunk) = read.await?;
				Ok((!chunk.is_empty()).then(|| (Bytes::from(chunk), (local, file))))
			};
			Ok(Some(Body { from, bytes: stream::try_unfold((self.clone(), file), next).boxed() }))
		})
	}

	fn pin(&self, cid: Cid) -> BoxFuture<'_, Result<()>> {
		Box::pin(self.blocking(move |folder| {
			let pin = || {
				std::fs::create_dir_all(&folder.path)?;
				let lock = folder.lock_file()?;
				lock.lock_shared()?;
				folder.mark(PIN, &cid)
			};
			pin().map_err(|e| folder.failed(e))
		}))
	}

	fn inventory(&self) -> Option<&dyn Inventory> {
		Some(self)
	}
}

impl Inventory for Local {
	fn list(&self) -> BoxFuture<'_, Result<Vec<Entry>>> {
		Box::pin(self.blocking(|folder| folder.list().map_err(|e| folder.failed(e))))
	}

	fn delete<'a>(&'a self, entry: &'a Entry) -> BoxFuture<'a, Result<bool>> {
		let entry = *entry;
		Box::pin(self.blocking(move |folder| folder.delete(&entry).map_err(|e| folder.failed(e))))
	}
}

/// Makes the names in a folder survive a power failure.
pub(crate) fn sync_folder(folder: &Path) -> std::io::Result<()> {
	File::open(folder)?.sync_all()
}

fn ignore_absent(result: std::io::Result<()>) -> std::io::Result<()> {
	match result {
		Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
		other => other,
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn store() -> (tempfile::TempDir, Local) {
		let dir = tempfile::tempdir().unwrap();
		let store = Local::open(&dir.path().join("artifacts")).unwrap();
		(dir, store)
	}

	#[tokio::test]
	async fn store_should_give_back_the_bytes_when_asked_by_their_cid() {
		let (_dir, store) = store();
		let bytes = b"a red circle".to_vec();
		assert_eq!(store.get(cid(&bytes)).await.unwrap(), None);
		store.put(cid(&bytes), bytes.clone()).await.unwrap();
		store.put(cid(&bytes), bytes.clone()).await.unwrap();
		assert_eq!(store.get(cid(&bytes)).await.unwrap(), Some(bytes));
	}

	#[tokio::test]
	async fn store_should_refuse_when_the_bytes_are_not_those_of_the_cid() {
		let (_dir, store) = store();
		let error = store.put(cid(b"a"), b"b".to_vec()).await.unwrap_err();
		assert!(matches!(error, ArtifactError::WrongCid { .. }), "{error}");
		assert_eq!(store.get(cid(b"a")).await.unwrap(), None);
	}

	#[tokio::test]
	async fn store_should_complain_when_a_stored_file_is_corrupt_until_it_is_stored_again() {
		let (dir, store) = store();
		store.put(cid(b"a"), b"a".to_vec()).await.unwrap();
		std::fs::write(dir.path().join("artifacts").join(cid_text(&cid(b"a"))), b"b").unwrap();
		let error = store.get(cid(b"a")).await.unwrap_err();
		assert!(matches!(&error, ArtifactError::Corrupt { actual, .. } if *actual == cid_text(&cid(b"b"))), "{error}");
		store.put(cid(b"a"), b"a".to_vec()).await.unwrap();
		assert_eq!(store.get(cid(b"a")).await.unwrap(), Some(b"a".to_vec()));
	}

	#[tokio::test]
	async fn folder_should_hold_whole_files_only_when_it_is_opened_after_a_crash() {
		let (dir, store) = store();
		store.put(cid(b"a"), b"a".to_vec()).await.unwrap();
		let folder = dir.path().join("artifacts");
		std::fs::write(folder.join(format!("{UNFINISHED}x7f")), b"half of a pict").unwrap();
		let store = Local::open(&folder).unwrap();
		let names: HashSet<_> =
			std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
		assert_eq!(names, HashSet::from([LOCK.to_string(), cid_text(&cid(b"a"))]));
		assert_eq!(store.used().await.unwrap(), 1);
	}

	#[tokio::test]
	async fn folder_should_be_left_as_it_is_when_it_is_only_read() {
		let dir = tempfile::tempdir().unwrap();
		let folder = dir.path().join("none");
		let store = Local::reader(&folder);
		assert_eq!(store.get(cid(b"a")).await.unwrap(), None);
		assert!(store.list().await.unwrap().is_empty());
		assert!(!folder.exists());
	}

	#[tokio::test]
	async fn file_should_stay_when_it_came_into_use_after_it_was_listed() {
		let (dir, store) = store();
		store.put(cid(b"a"), b"a".to_vec()).await.unwrap();
		// As after a restart: nothing is fresh.
		let store = Local::open(&dir.path().join("artifacts")).unwrap();
		let path = dir.path().join("artifacts").join(cid_text(&cid(b"a")));
		File::open(&path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
		let listed = store.list().await.unwrap()[0];
		assert!(!listed.kept);
		store.get(cid(b"a")).await.unwrap().unwrap();
		assert!(!store.delete(&listed).await.unwrap(), "it was read in between");

		let listed = store.list().await.unwrap()[0];
		store.pin(cid(b"a")).await.unwrap();
		assert!(!store.delete(&listed).await.unwrap(), "it was pinned in between");
		assert!(store.list().await.unwrap()[0].kept);
		assert!(path.exists());
	}

	#[tokio::test]
	async fn file_should_be_kept_when_it_was_stored_a_moment_ago() {
		let (_dir, store) = store();
		store.put(cid(b"a"), b"a".to_vec()).await.unwrap();
		let listed = store.list().await.unwrap()[0];
		assert!(listed.kept);
		assert!(!store.delete(&listed).await.unwrap());
	}

	#[tokio::test]
	async fn file_should_be_read_from_its_middle_when_it_is_opened_there() {
		let (_dir, store) = store();
		let bytes: Vec<u8> = (0..2 * CHUNK + 7).map(|n| n as u8).collect();
		store.put(cid(&bytes), bytes.clone()).await.unwrap();
		for from in [0, 1, CHUNK, bytes.len()] {
			let body = store.open(cid(&bytes), from as u64).await.unwrap().unwrap();
			assert_eq!(body.from, from as u64);
			let chunks: Vec<Bytes> = body.bytes.map(|c| c.unwrap()).collect().await;
			assert_eq!(chunks.concat(), bytes[from..]);
		}
	}
}
