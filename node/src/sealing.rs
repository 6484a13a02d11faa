//! Making blocks without consensus, on development chains.

use std::{str::FromStr, sync::Arc, time::Duration};

use futures::{
	channel::{mpsc, oneshot},
	stream, Stream, StreamExt,
};
use sc_consensus_manual_seal::{rpc::CreatedBlock, EngineCommand, Error};
use sc_transaction_pool_api::TransactionPool;

use autonomy_runtime::{opaque::Block, Hash};

/// How a development chain makes blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealing {
	/// One block for each transaction, at once.
	Instant,
	/// A block on the RPC call `engine_createBlock` only.
	Manual,
	/// Real BABE slots and GRANDPA votes.
	Babe,
	/// A block each so many milliseconds.
	Interval(u64),
}

/// Milliseconds between two blocks of a development chain unless told otherwise.
pub const DEFAULT_INTERVAL: u64 = 1000;
/// Shortest interval, in milliseconds.
const MIN_INTERVAL: u64 = 20;
/// Longest interval, in milliseconds.
const MAX_INTERVAL: u64 = 3_600_000;

impl FromStr for Sealing {
	type Err = String;

	fn from_str(s: &str) -> Result<Self, String> {
		match s {
			"instant" => Ok(Self::Instant),
			"manual" => Ok(Self::Manual),
			"babe" => Ok(Self::Babe),
			millis => match millis.parse() {
				Ok(ms) if (MIN_INTERVAL..=MAX_INTERVAL).contains(&ms) => Ok(Self::Interval(ms)),
				_ => Err(format!(
					"'{s}' is none of instant, manual, babe, or {MIN_INTERVAL} to {MAX_INTERVAL} milliseconds"
				)),
			},
		}
	}
}

/// What is still to do for one block.
enum Step {
	/// Make it.
	Seal,
	/// Make it final, once it is known.
	Finalise(oneshot::Receiver<Result<CreatedBlock<Hash>, Error>>),
	/// Wait until it is final.
	Settle(oneshot::Receiver<Result<(), Error>>),
}

/// The requests for one block: make it, then make it final. Final in a second step, because the import of a block that
/// is final at once cannot find its own header.
fn seal(create_empty: bool) -> impl Stream<Item = EngineCommand<Hash>> {
	stream::unfold(Step::Seal, move |step| async move {
		match step {
			Step::Seal => {
				let (sender, created) = oneshot::channel();
				let (finalize, sender) = (false, Some(sender));
				let command = EngineCommand::SealNewBlock { create_empty, finalize, parent_hash: None, sender };
				Some((command, Step::Finalise(created)))
			}
			Step::Finalise(created) => match created.await {
				Ok(Ok(block)) => {
					let (sender, done) = oneshot::channel();
					let command =
						EngineCommand::FinalizeBlock { hash: block.hash, sender: Some(sender), justification: None };
					Some((command, Step::Settle(done)))
				}
				// Another block took the transactions already.
				Ok(Err(Error::EmptyTransactionPool)) => None,
				Ok(Err(error)) => {
					log::error!("cannot make a block: {error}");
					None
				}
				Err(_) => None,
			},
			Step::Settle(done) => {
				if let Ok(Err(error)) = done.await {
					log::error!("cannot make a block final: {error}");
				}
				None
			}
		}
	})
}

/// A request that manual seal understands as it is meant. It takes a block for empty when it has as many extrinsics as
/// there are inherent data: BABE gives two, time and slot, of which only the time becomes an extrinsic, so a block with
/// a single transaction would be thrown away. Whether there is anything to include is asked of the pool instead.
fn seal_when_ready(command: EngineCommand<Hash>, ready: bool) -> EngineCommand<Hash> {
	match command {
		EngineCommand::SealNewBlock { create_empty, finalize, parent_hash, sender } => {
			EngineCommand::SealNewBlock { create_empty: create_empty || ready, finalize, parent_hash, sender }
		}
		finality @ EngineCommand::FinalizeBlock { .. } => finality,
	}
}

/// The stream of requests that a mode gives rise to, together with those that come in by RPC.
pub fn commands<P>(
	mode: Sealing,
	pool: &Arc<P>,
	rpc: mpsc::Receiver<EngineCommand<Hash>>,
) -> Box<dyn Stream<Item = EngineCommand<Hash>> + Send + Unpin>
where
	P: TransactionPool<Block = Block> + 'static,
{
	let requests: Box<dyn Stream<Item = EngineCommand<Hash>> + Send + Unpin> = match mode {
		Sealing::Instant => {
			Box::new(stream::select(rpc, pool.import_notification_stream().flat_map(|_| seal(false).boxed())))
		}
		Sealing::Interval(ms) => {
			let ticks = stream::unfold((), move |()| async move {
				tokio::time::sleep(Duration::from_millis(ms)).await;
				Some(((), ()))
			});
			Box::new(stream::select(rpc, ticks.flat_map(|()| seal(true).boxed()).boxed()))
		}
		Sealing::Manual | Sealing::Babe => Box::new(rpc),
	};
	let pool = pool.clone();
	Box::new(requests.map(move |command| seal_when_ready(command, pool.status().ready > 0)))
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn sealing_should_parse_modes_and_milliseconds() {
		assert_eq!("instant".parse(), Ok(Sealing::Instant));
		assert_eq!("manual".parse(), Ok(Sealing::Manual));
		assert_eq!("babe".parse(), Ok(Sealing::Babe));
		assert_eq!("250".parse(), Ok(Sealing::Interval(250)));
	}

	#[test]
	fn sealing_should_keep_a_block_when_it_has_a_single_transaction() {
		let asked = |create_empty, ready| {
			let (finalize, parent_hash, sender) = (false, None, None);
			let command = EngineCommand::SealNewBlock { create_empty, finalize, parent_hash, sender };
			match seal_when_ready(command, ready) {
				EngineCommand::SealNewBlock { create_empty, .. } => create_empty,
				EngineCommand::FinalizeBlock { .. } => panic!("a block was asked for"),
			}
		};
		assert!(asked(false, true));
		assert!(asked(true, false));
		assert!(!asked(false, false));
	}

	#[test]
	fn sealing_should_say_what_is_allowed_when_it_does_not_parse() {
		for bad in ["", "0", "19", "3600001", "-5", "fast"] {
			let error = bad.parse::<Sealing>().unwrap_err();
			assert!(error.contains("20 to 3600000 milliseconds"), "{error}");
		}
	}
}
