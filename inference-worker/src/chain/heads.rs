//! The finalized blocks as they come, whatever happens to the connection.

use std::sync::Arc;

use tokio::sync::watch;
use tracing::warn;

use super::{endpoints::Backoff, BlockNumber, Chain, ChainError};

/// Passes on finalized heads until nobody listens any more, and tells `seen` of each, or why there is none.
pub async fn follow<C: Chain>(
	chain: Arc<C>,
	heads: watch::Sender<Option<BlockNumber>>,
	seen: impl Fn(&Result<BlockNumber, ChainError>) + Send,
) {
	let mut backoff = Backoff::default();
	while !heads.is_closed() {
		let head = chain.next_head().await;
		seen(&head);
		match head {
			Ok(head) => {
				backoff.reset();
				heads.send_replace(Some(head));
			}
			Err(error) => {
				warn!("{error}; trying again");
				tokio::time::sleep(backoff.next()).await;
			}
		}
	}
}
