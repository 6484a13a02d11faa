//! RPC methods beyond those that every node of the SDK serves.

use std::sync::Arc;

use autonomy_runtime::{opaque::Block, BlockNumber, Hash};
use futures::channel::mpsc;
use jsonrpsee::RpcModule;
use sc_consensus_babe::BabeWorkerHandle;
use sc_consensus_grandpa::{FinalityProofProvider, GrandpaJustificationStream, SharedAuthoritySet, SharedVoterState};
use sc_consensus_manual_seal::EngineCommand;
use sc_rpc::SubscriptionTaskExecutor;
use sp_keystore::KeystorePtr;

use crate::service::{FullBackend, FullClient, FullSelectChain, Pool};

/// What GRANDPA's methods need.
pub struct GrandpaDeps {
	/// State of the vote.
	pub voter_state: SharedVoterState,
	/// Current authorities.
	pub authority_set: SharedAuthoritySet<Hash, BlockNumber>,
	/// New justifications.
	pub justifications: GrandpaJustificationStream<Block>,
	/// Proofs of finality.
	pub finality: Arc<FinalityProofProvider<FullBackend, Block>>,
}

/// What the methods need.
pub struct FullDeps {
	/// The client.
	pub client: Arc<FullClient>,
	/// The transaction pool.
	pub pool: Arc<Pool>,
	/// Which chain is best.
	pub select_chain: FullSelectChain,
	/// The chain specification.
	pub chain_spec: Box<dyn sc_chain_spec::ChainSpec>,
	/// The node's keys.
	pub keystore: KeystorePtr,
	/// Epochs.
	pub babe: BabeWorkerHandle<Block>,
	/// Finality.
	pub grandpa: GrandpaDeps,
	/// Where requests for a block go, on a development chain that seals its own.
	pub sealing: Option<mpsc::Sender<EngineCommand<Hash>>>,
}

/// All methods beyond the SDK's own.
pub fn create(
	deps: FullDeps,
	executor: SubscriptionTaskExecutor,
) -> Result<RpcModule<()>, Box<dyn std::error::Error + Send + Sync>> {
	use pallet_transaction_payment_rpc::{TransactionPayment, TransactionPaymentApiServer};
	use sc_consensus_babe_rpc::{Babe, BabeApiServer};
	use sc_consensus_grandpa_rpc::{Grandpa, GrandpaApiServer};
	use sc_consensus_manual_seal::rpc::{ManualSeal, ManualSealApiServer};
	use sc_sync_state_rpc::{SyncState, SyncStateApiServer};
	use substrate_frame_rpc_system::{System, SystemApiServer};

	let FullDeps { client, pool, select_chain, chain_spec, keystore, babe, grandpa, sealing } = deps;
	let mut module = RpcModule::new(());
	module.merge(System::new(client.clone(), pool).into_rpc())?;
	module.merge(TransactionPayment::new(client.clone()).into_rpc())?;
	module.merge(Babe::new(client.clone(), babe.clone(), keystore, select_chain).into_rpc())?;
	module.merge(
		Grandpa::new(
			executor,
			grandpa.authority_set.clone(),
			grandpa.voter_state,
			grandpa.justifications,
			grandpa.finality,
		)
		.into_rpc(),
	)?;
	module.merge(SyncState::new(chain_spec, client, grandpa.authority_set, babe)?.into_rpc())?;
	if let Some(sink) = sealing {
		module.merge(ManualSeal::new(sink).into_rpc())?;
	}
	Ok(module)
}
