//! What has to be done again and again while a worker runs.

use std::{collections::HashSet, fmt::Display, sync::Arc, time::Duration};

use autonomy_primitives::digest::Cid;
use futures::future::join_all;
use tokio::sync::watch;

use crate::{
	layered::Layered,
	retention::{QuotaFull, Rule, Swept},
};

/// Keeps the folder of a [`Layered`] store within its rule and its mirrors complete.
pub struct Keeper<P> {
	/// The store.
	pub store: Arc<Layered>,
	/// What stays in the folder.
	pub rule: Rule,
	/// The files of jobs that have not ended, at the time of the call. While they are not known, nothing is deleted.
	pub protected: P,
	/// Longest time between two sweeps. There is one as well when something was stored and the quota is exceeded.
	pub every: Duration,
	/// Pause after a mirror's first failure; it doubles with each further one, up to `every`.
	pub pause: Duration,
}

impl<P, E> Keeper<P>
where
	P: Fn() -> Result<HashSet<Cid>, E>,
	E: Display,
{
	/// A keeper that sweeps every ten minutes.
	pub fn new(store: Arc<Layered>, rule: Rule, protected: P) -> Self {
		Self { store, rule, protected, every: Duration::from_secs(600), pause: Duration::from_secs(10) }
	}

	/// Works until `stop` turns true, and tells `swept` what each sweep did. What is left undone then is done after the next
	/// start.
	pub async fn run(self, swept: impl Fn(&Swept), mut stop: watch::Receiver<bool>) {
		let mirrors = join_all((0..self.store.mirrors()).map(|n| self.mirror(n)));
		tokio::select! {
			_ = self.sweep_for_ever(swept) => {},
			_ = async { mirrors.await; std::future::pending::<()>().await } => {},
			_ = async { drop(stop.wait_for(|s| *s).await) } => {},
		}
	}

	async fn sweep_for_ever(&self, swept: impl Fn(&Swept)) {
		let mut stored = self.store.stored();
		let mut full = None;
		loop {
			stored.mark_unchanged();
			full = self.sweep(full, &swept).await;
			let crowded = async {
				while stored.changed().await.is_ok() {
					if self.store.local().used_about() > self.rule.quota {
						return;
					}
				}
				// The store is held here, so this is never reached.
				std::future::pending().await
			};
			// Running out is the other way to end the wait.
			let _ = tokio::time::timeout(self.every, crowded).await;
		}
	}

	/// One sweep. The complaint that the quota is full is made once for each state, not once for each picture.
	async fn sweep(&self, before: Option<QuotaFull>, tell: &impl Fn(&Swept)) -> Option<QuotaFull> {
		let protected = match (self.protected)() {
			Ok(protected) => protected,
			Err(error) => {
				tracing::warn!("nothing is deleted, because the jobs that have not ended are not known: {error}");
				return before;
			}
		};
		match self.store.sweep(&self.rule, &protected).await {
			Ok(swept) => {
				if let Some(full) = swept.full.filter(|_| before.is_none()) {
					tracing::error!("{full}");
				}
				tell(&swept);
				swept.full
			}
			Err(error) => {
				tracing::error!("the artifact folder cannot be looked through: {error}");
				before
			}
		}
	}

	async fn mirror(&self, n: usize) {
		let mut stored = self.store.stored();
		let mut pause = self.pause;
		loop {
			stored.mark_unchanged();
			let trouble = match self.store.flush_mirror(n).await {
				Ok(None) => None,
				Ok(Some(failed)) => Some(format!("{} files wait for a mirror: {}", failed.waiting, failed.error)),
				Err(error) => Some(format!("the notes for mirrors cannot be read: {error}")),
			};
			match trouble {
				None => {
					pause = self.pause;
					if stored.changed().await.is_err() {
						return;
					}
				}
				Some(trouble) => {
					tracing::warn!("{trouble}; trying again in {pause:?}");
					tokio::time::sleep(pause).await;
					pause = (pause * 2).min(self.every);
				}
			}
		}
	}
}
