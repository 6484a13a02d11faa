//! One sequence of nonces for one key, however many transactions are under way.

use std::future::Future;

use tokio::sync::Mutex;

/// What a node said to a submission.
#[derive(Debug)]
pub enum SubmitError<E> {
	/// The nonce is used or too far ahead: another process used the key, or transactions were dropped.
	Nonce(E),
	/// Anything else.
	Other(E),
}

/// Hands out nonces in order. The lock is held until the node has taken the transaction, so that two submissions cannot
/// arrive in the wrong order, and not while it waits for its block.
#[derive(Debug, Default)]
pub struct NonceSequencer {
	next: Mutex<Option<u64>>,
}

/// Attempts of one submission whose nonce the node refuses.
const ATTEMPTS: u32 = 4;

impl NonceSequencer {
	/// Submits with the next nonce. `fetch` asks the node for the account's next nonce, pool included; it is asked at
	/// first and after every failure, because a failure leaves it open which nonces are used.
	pub async fn submit<T, E, F, G>(&self, fetch: impl Fn() -> F, submit: impl Fn(u64) -> G) -> Result<T, E>
	where
		F: Future<Output = Result<u64, E>>,
		G: Future<Output = Result<T, SubmitError<E>>>,
	{
		let mut next = self.next.lock().await;
		let mut attempt = 1;
		loop {
			let nonce = match *next {
				Some(nonce) => nonce,
				None => fetch().await?,
			};
			// Forget the number first: when this future is dropped half way, nobody knows whether it is used.
			*next = None;
			match submit(nonce).await {
				Ok(done) => {
					*next = Some(nonce + 1);
					return Ok(done);
				}
				Err(SubmitError::Nonce(_)) if attempt < ATTEMPTS => attempt += 1,
				Err(SubmitError::Nonce(error) | SubmitError::Other(error)) => return Err(error),
			}
		}
	}

	/// Forgets the sequence: the next submission asks the node.
	pub async fn resync(&self) {
		*self.next.lock().await = None;
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use std::{
		collections::BTreeSet,
		sync::{
			atomic::{AtomicU64, Ordering},
			Arc, Mutex as StdMutex,
		},
	};

	/// A pool that takes each nonce once and in order.
	#[derive(Default)]
	struct Pool {
		next: AtomicU64,
		fetches: AtomicU64,
		taken: StdMutex<BTreeSet<u64>>,
	}

	impl Pool {
		async fn fetch(&self) -> Result<u64, String> {
			self.fetches.fetch_add(1, Ordering::SeqCst);
			Ok(self.next.load(Ordering::SeqCst))
		}

		async fn submit(&self, nonce: u64) -> Result<u64, SubmitError<String>> {
			tokio::task::yield_now().await;
			let expected = self.next.load(Ordering::SeqCst);
			if nonce != expected {
				return Err(SubmitError::Nonce(format!("{nonce}, expected {expected}")));
			}
			self.next.store(expected + 1, Ordering::SeqCst);
			assert!(self.taken.lock().unwrap().insert(nonce), "nonce {nonce} twice");
			Ok(nonce)
		}
	}

	#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
	async fn nonces_should_be_in_order_when_many_submit_at_once() {
		let (pool, sequencer) = (Arc::new(Pool::default()), Arc::new(NonceSequencer::default()));
		let tasks: Vec<_> = (0..50)
			.map(|_| {
				let (pool, sequencer) = (pool.clone(), sequencer.clone());
				tokio::spawn(async move { sequencer.submit(|| pool.fetch(), |n| pool.submit(n)).await })
			})
			.collect();
		for task in tasks {
			task.await.unwrap().unwrap();
		}
		assert_eq!(*pool.taken.lock().unwrap(), (0..50).collect());
		assert_eq!(pool.fetches.load(Ordering::SeqCst), 1);
	}

	#[tokio::test]
	async fn nonces_should_be_asked_again_when_another_process_used_the_key() {
		let (pool, sequencer) = (Pool::default(), NonceSequencer::default());
		assert_eq!(sequencer.submit(|| pool.fetch(), |n| pool.submit(n)).await, Ok(0));
		pool.next.store(7, Ordering::SeqCst);
		assert_eq!(sequencer.submit(|| pool.fetch(), |n| pool.submit(n)).await, Ok(7));
		assert_eq!(sequencer.submit(|| pool.fetch(), |n| pool.submit(n)).await, Ok(8));
	}

	#[tokio::test]
	async fn nonce_should_be_used_again_when_the_submission_failed() {
		let (pool, sequencer) = (Pool::default(), NonceSequencer::default());
		let failed: Result<u64, String> = sequencer
			.submit(|| pool.fetch(), |_| async { Err(SubmitError::Other("connection lost".to_string())) })
			.await;
		assert_eq!(failed, Err("connection lost".into()));
		assert_eq!(sequencer.submit(|| pool.fetch(), |n| pool.submit(n)).await, Ok(0));
	}

	#[tokio::test]
	async fn submission_should_end_when_the_node_never_takes_the_nonce() {
		let (pool, sequencer) = (Pool::default(), NonceSequencer::default());
		let refused: Result<u64, String> =
			sequencer.submit(|| pool.fetch(), |_| async { Err(SubmitError::Nonce("stale".to_string())) }).await;
		assert_eq!(refused, Err("stale".into()));
		assert_eq!(pool.fetches.load(Ordering::SeqCst), u64::from(ATTEMPTS));
	}
}
