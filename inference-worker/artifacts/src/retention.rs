//! What is kept, and for how long.

use std::{
	collections::HashSet,
	fmt,
	time::{Duration, SystemTime},
};

use autonomy_primitives::digest::Cid;
use futures::future::BoxFuture;

use crate::{cid_text, error::ArtifactError, size::ByteSize};

/// A stored file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
	/// Its CID.
	pub cid: Cid,
	/// Its size in bytes.
	pub size: u64,
	/// When it was stored or, where the store knows, last read.
	pub used: SystemTime,
	/// Whether the store itself needs the file: it is pinned, was stored a moment ago, or waits for a mirror.
	pub kept: bool,
}

/// A store that can say what it holds.
pub trait Inventory: Send + Sync {
	/// Every file, in no particular order.
	fn list(&self) -> BoxFuture<'_, Result<Vec<Entry>, ArtifactError>>;

	/// Deletes a file that was listed; `false` when it has come into use since, and therefore stays. Deleting what is gone
	/// already is fine.
	fn delete<'a>(&'a self, entry: &'a Entry) -> BoxFuture<'a, Result<bool, ArtifactError>>;

	/// Bytes of all files.
	fn used(&self) -> BoxFuture<'_, Result<u64, ArtifactError>> {
		Box::pin(async move { Ok(self.list().await?.iter().map(|e| e.size).sum()) })
	}
}

/// What is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rule {
	/// How long after its last use a file stays.
	pub keep: Duration,
	/// Most bytes of all files; beyond it, those unused for longest go first.
	pub quota: u64,
}

/// Why a file was deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
	/// It was not used for the rule's time.
	Expired,
	/// The files took more than the quota, and it was unused for longest.
	OverQuota,
}

impl Reason {
	/// The reason as a label of metrics.
	pub fn name(self) -> &'static str {
		match self {
			Self::Expired => "expired",
			Self::OverQuota => "over_quota",
		}
	}
}

impl fmt::Display for Reason {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.write_str(match self {
			Self::Expired => "unused for artifacts.keep_days",
			Self::OverQuota => "unused for longest while artifacts.quota was exceeded",
		})
	}
}

/// A file that was deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deleted {
	/// Its CID.
	pub cid: Cid,
	/// Bytes that became free.
	pub size: u64,
	/// Why.
	pub reason: Reason,
}

/// More than the quota is needed. Nothing that is needed was deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QuotaFull {
	/// Bytes in use.
	pub used: u64,
	/// The quota in bytes.
	pub quota: u64,
	/// Files of jobs that have not ended.
	pub protected: usize,
	/// Further files that the store needs.
	pub kept: usize,
}

impl std::error::Error for QuotaFull {}

impl fmt::Display for QuotaFull {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let Self { used, quota, protected, kept } = self;
		let enough = ByteSize(used.next_multiple_of(1 << 30));
		write!(
			f,
			"the stored files take {used} bytes, artifacts.quota is {} ({quota} bytes), and none of them can go: \
			 {protected} belong to jobs that have not ended, {kept} are pinned, wait for a mirror or are minutes old. All \
			 of them are still there. Set artifacts.quota to at least {enough}, on a larger disk if need be",
			ByteSize(*quota),
		)
	}
}

/// What a sweep did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Swept {
	/// What was deleted, and why.
	pub deleted: Vec<Deleted>,
	/// Bytes that are in use now.
	pub used: u64,
	/// Set when that is still more than the quota.
	pub full: Option<QuotaFull>,
}

/// Deletes what the rule does not keep. A file of `protected`, or one that the store itself needs, is never deleted,
/// whatever the quota. Killed in between, a sweep has deleted a part of what it would have deleted; the next one goes on.
///
/// A file that cannot be deleted is logged and counts as used.
pub async fn sweep(
	store: &dyn Inventory,
	rule: &Rule,
	now: SystemTime,
	protected: &HashSet<Cid>,
) -> Result<Swept, ArtifactError> {
	let mut entries = store.list().await?;
	entries.sort_by_key(|e| (e.used, e.cid));
	let mut swept = Swept { used: entries.iter().map(|e| e.size).sum(), ..Swept::default() };
	let (mut of_jobs, mut kept) = (0, 0);
	for entry in entries {
		if protected.contains(&entry.cid) {
			of_jobs += 1;
			continue;
		}
		// A time that lies ahead is that of a clock set back since: as young as can be.
		let unused = now.duration_since(entry.used).unwrap_or_default();
		let reason = if unused >= rule.keep {
			Reason::Expired
		} else if swept.used > rule.quota {
			Reason::OverQuota
		} else {
			continue;
		};
		if entry.kept || !remove(store, &entry).await {
			kept += 1;
			continue;
		}
		swept.used = swept.used.saturating_sub(entry.size);
		swept.deleted.push(Deleted { cid: entry.cid, size: entry.size, reason });
	}
	if swept.used > rule.quota {
		swept.full = Some(QuotaFull { used: swept.used, quota: rule.quota, protected: of_jobs, kept });
	}
	Ok(swept)
}

async fn remove(store: &dyn Inventory, entry: &Entry) -> bool {
	store.delete(entry).await.unwrap_or_else(|error| {
		tracing::error!(cid = cid_text(&entry.cid), "a stored file that should go cannot be deleted: {error}");
		false
	})
}
