//! The local folder with everything around it.

use std::{collections::HashSet, path::Path, sync::Arc, time::SystemTime};

use autonomy_primitives::digest::Cid;
use futures::future::BoxFuture;
use tokio::sync::watch;

use crate::{
	cid_text,
	error::{ArtifactError, Unavailable},
	local::Local,
	retention::{sweep, Inventory, Rule, Swept},
	store::{download_first, find, open_first, ArtifactStore, Body, Found},
};

/// A local folder, mirrors to which everything is copied, and further places to read from.
///
/// What was stored is on the local disk when `put` returns, with a note for each mirror that lacks it. The notes are files
/// too: however often a mirror fails or the process is killed, the copy is made in the end, and until then the file is not
/// deleted. [`crate::Keeper`] does the copying.
///
/// Reading asks the folder, then the sources in the order in which they were added; a mirror is read from when it is a
/// source as well. What was found elsewhere stays in the folder, under the same retention as everything else.
pub struct Layered {
	local: Local,
	mirrors: Vec<Mirror>,
	/// The folder first.
	sources: Vec<Arc<dyn ArtifactStore>>,
	keeps: bool,
	stored: watch::Sender<u64>,
}

struct Mirror {
	name: &'static str,
	store: Arc<dyn ArtifactStore>,
}

/// A mirror that lacks files.
#[derive(Debug)]
pub struct Unmirrored {
	/// The mirror.
	pub place: String,
	/// Files that it lacks.
	pub waiting: usize,
	/// Why.
	pub error: ArtifactError,
}

impl Layered {
	/// A folder alone. Mirrors and sources are added to it.
	pub fn new(local: Local) -> Self {
		let sources: Vec<Arc<dyn ArtifactStore>> = vec![Arc::new(local.clone())];
		Self { local, mirrors: Vec::new(), sources, keeps: true, stored: watch::Sender::new(0) }
	}

	/// Adds a mirror. Its name must stay the same from start to start.
	pub fn mirror(mut self, name: &'static str, store: Arc<dyn ArtifactStore>) -> Self {
		self.mirrors.push(Mirror { name, store });
		self
	}

	/// Adds a place to read from.
	pub fn source(mut self, store: Arc<dyn ArtifactStore>) -> Self {
		self.sources.push(store);
		self
	}

	/// Adds several, such as those of [`crate::Peers`], each of which messages then call by its name.
	pub fn sources(mut self, stores: &[Arc<dyn ArtifactStore>]) -> Self {
		self.sources.extend_from_slice(stores);
		self
	}

	/// What is found elsewhere does not stay in the folder. For commands that only read.
	pub fn without_keeping(mut self) -> Self {
		self.keeps = false;
		self
	}

	/// Forgets what earlier starts still owed to mirrors that are no longer there. To be called once all are added.
	pub fn forget_other_mirrors(&self) -> Result<(), ArtifactError> {
		let names: Vec<_> = self.mirrors.iter().map(|m| m.name).collect();
		self.local.forget_marks_but(&names)
	}

	/// The folder alone, without mirrors and other sources: for a server that must not ask others on behalf of strangers.
	pub fn local(&self) -> &Local {
		&self.local
	}

	/// A file and where it was, or why each place did not give it.
	pub async fn find(&self, cid: Cid) -> Result<Found, Unavailable> {
		let found = find(&self.sources, cid).await?;
		for failure in found.failures.iter().filter(|f| f.error.is_some()) {
			tracing::warn!(cid = cid_text(&cid), "{failure}; it was at {}", found.place);
		}
		if self.keeps && found.source > 0 {
			match self.local.put(cid, found.bytes.clone()).await {
				Ok(()) => self.stored.send_modify(|n| *n += 1),
				Err(error) => tracing::warn!(cid = cid_text(&cid), "fetched, and not kept: {error}"),
			}
		}
		Ok(found)
	}

	/// Brings to each mirror what it lacks. Gives the mirrors that still lack something, with the last failure.
	pub async fn flush(&self) -> Result<Vec<Unmirrored>, ArtifactError> {
		let mut failures = Vec::new();
		for n in 0..self.mirrors.len() {
			failures.extend(self.flush_mirror(n).await?);
		}
		Ok(failures)
	}

	/// Number of mirrors.
	pub(crate) fn mirrors(&self) -> usize {
		self.mirrors.len()
	}

	/// [`Layered::flush`] for one mirror. The first failure that may pass ends it: the others would most likely fail too.
	pub(crate) async fn flush_mirror(&self, n: usize) -> Result<Option<Unmirrored>, ArtifactError> {
		let Some(mirror) = self.mirrors.get(n) else { return Ok(None) };
		let waiting = self.local.marked(mirror.name).await?;
		let gauge = metrics::gauge!("autonomy_artifacts_unmirrored", "mirror" => mirror.name);
		let (mut left, mut last) = (waiting.len(), None);
		for cid in waiting {
			gauge.set(left as f64);
			match self.copy(mirror, cid).await {
				Ok(()) => left -= 1,
				Err(error) if error.is_transient() => {
					last = Some(error);
					break;
				}
				Err(error) => last = Some(error),
			}
		}
		gauge.set(left as f64);
		Ok(last.map(|error| Unmirrored { place: mirror.store.place(), waiting: left, error }))
	}

	async fn copy(&self, mirror: &Mirror, cid: Cid) -> Result<(), ArtifactError> {
		let Some(bytes) = self.local.get(cid).await? else {
			// The process was killed between the note and the file, or the file was removed by hand.
			self.local.unmark_absent(mirror.name, cid).await?;
			return Ok(());
		};
		match mirror.store.put(cid, bytes).await {
			Ok(()) => tracing::debug!(cid = cid_text(&cid), mirror = mirror.name, "mirrored"),
			// It would be refused for ever.
			Err(error @ ArtifactError::TooLarge { .. }) => {
				tracing::warn!(cid = cid_text(&cid), "not mirrored, and not tried again: {error}");
			}
			Err(error) => return Err(error),
		}
		self.local.unmark(mirror.name, cid).await
	}

	/// Deletes from the folder what the rule does not keep. `protected` are the files of jobs that have not ended.
	pub async fn sweep(&self, rule: &Rule, protected: &HashSet<Cid>) -> Result<Swept, ArtifactError> {
		let swept = sweep(&self.local, rule, SystemTime::now(), protected).await?;
		for deleted in &swept.deleted {
			metrics::counter!("autonomy_artifacts_deleted_total", "reason" => deleted.reason.name()).increment(1);
			tracing::info!(cid = cid_text(&deleted.cid), bytes = deleted.size, "deleted: {}", deleted.reason);
		}
		Ok(swept)
	}

	/// Counts what was put into the folder.
	pub(crate) fn stored(&self) -> watch::Receiver<u64> {
		self.stored.subscribe()
	}
}

impl ArtifactStore for Layered {
	fn place(&self) -> String {
		self.local.place()
	}

	fn put(&self, cid: Cid, bytes: Vec<u8>) -> BoxFuture<'_, Result<(), ArtifactError>> {
		Box::pin(async move {
			let marks = self.mirrors.iter().map(|m| m.name).collect();
			self.local.put_marked(cid, bytes, marks).await?;
			self.stored.send_modify(|n| *n += 1);
			Ok(())
		})
	}

	fn get(&self, cid: Cid) -> BoxFuture<'_, Result<Option<Vec<u8>>, ArtifactError>> {
		Box::pin(async move {
			match self.find(cid).await {
				Ok(found) => Ok(Some(found.bytes)),
				Err(unavailable) => unavailable.or_none(),
			}
		})
	}

	fn open(&self, cid: Cid, from: u64) -> BoxFuture<'_, Result<Option<Body>, ArtifactError>> {
		Box::pin(open_first(&self.sources, cid, from))
	}

	/// The file goes to `target` alone, not into the folder as well: it may be as large as a model.
	fn download<'a>(&'a self, cid: Cid, size: u64, target: &'a Path) -> BoxFuture<'a, Result<bool, ArtifactError>> {
		Box::pin(download_first(&self.sources, cid, size, target))
	}

	fn pin(&self, cid: Cid) -> BoxFuture<'_, Result<(), ArtifactError>> {
		self.local.pin(cid)
	}

	fn inventory(&self) -> Option<&dyn Inventory> {
		self.local.inventory()
	}
}
