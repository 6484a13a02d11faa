//! The chain as this program sees it: every finalized block, reads at one, and transactions.

use std::{sync::Arc, time::Duration};

use anyhow::{bail, ensure, Context, Result};
use autonomy_chain_api as api;
use autonomy_primitives::{digest::Cid, Digest, JobId, ModelId};
use subxt::{
	backend::LegacyBackend,
	client::{Blocks, OnlineClientAtBlock},
	config::{DefaultExtrinsicParamsBuilder, RpcConfigFor, SubstrateConfig},
	error::{DispatchError, TransactionEventsError},
	extrinsics::ExtrinsicEvents,
	rpcs::{methods::LegacyRpcMethods, RpcClient},
	tx::Payload,
	utils::AccountId32,
	OnlineClient,
};
use subxt_signer::sr25519::Keypair;
use tokio::sync::Mutex;

use api::runtime_types::{
	pallet_inference as inference, pallet_inference::types, pallet_utility::pallet::Call as Utility,
};

/// How the chain is configured for subxt.
type Conf = SubstrateConfig;
/// The chain at one block.
type At = OnlineClientAtBlock<Conf>;

/// Number of a block.
pub type BlockNumber = u32;
/// Planck.
pub type Balance = u128;
/// A job with its jury, as the chain has it.
pub type JobView = types::JobView<AccountId32, Balance, BlockNumber>;
/// A job, as the chain has it.
pub type Job = types::Job<AccountId32, Balance, BlockNumber>;
/// A jury, as the chain has it.
pub type Jury = types::Jury<AccountId32, BlockNumber>;
/// A seat, as the chain has it.
pub type Seat = types::Seat<AccountId32, BlockNumber>;
/// An operator, as the chain has it.
pub type Operator = types::Operator<AccountId32, Balance, BlockNumber>;
/// What stays of a final job.
pub type Provenance = types::ProvenanceRow<AccountId32, BlockNumber>;
/// Why the pallet holds money.
pub use inference::pallet::HoldReason;

/// Blocks for which a transaction stays valid.
const MORTAL_BLOCKS: u64 = 64;
/// How long a transaction may take to its finalized block.
const FINALITY: Duration = Duration::from_secs(120);

/// What an operator found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outcome {
	/// Result digest.
	pub result: Digest,
	/// Trace root.
	pub trace_root: Digest,
	/// CID of the stored file.
	pub artifact: Cid,
}

impl From<&types::Outcome> for Outcome {
	fn from(outcome: &types::Outcome) -> Self {
		Self { result: outcome.result, trace_root: outcome.trace_root, artifact: outcome.artifact }
	}
}

impl From<Outcome> for types::Outcome {
	fn from(outcome: Outcome) -> Self {
		Self { result: outcome.result, trace_root: outcome.trace_root, artifact: outcome.artifact }
	}
}

/// A commitment that was opened, with what only the transaction says: its salt.
#[derive(Clone, Copy, Debug)]
pub struct Opened {
	/// The job.
	pub job: JobId,
	/// What was revealed.
	pub outcome: Outcome,
	/// What it had been sealed with.
	pub salt: [u8; 32],
}

/// What happened in a finalized block.
pub struct Block {
	/// Its number.
	pub number: BlockNumber,
	/// Its events in order.
	pub events: Vec<api::Event>,
	/// The commitments that were opened in it.
	pub opened: Vec<Opened>,
}

/// A key, and one transaction of it at a time on the way to the node.
pub struct Signer {
	/// The key.
	pub pair: Keypair,
	/// Its account.
	pub account: AccountId32,
	sending: Mutex<()>,
}

impl Signer {
	/// The key of a secret URI.
	pub fn new(uri: &str) -> Self {
		let pair = autonomy_e2e::client::key(uri);
		Self { account: AccountId32(pair.public_key().0), pair, sending: Mutex::new(()) }
	}
}

/// A transaction that reached no finalized block, or failed in one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
	/// The pallet's error, such as `CommitmentMismatch`.
	Pallet(String),
	/// Anything else.
	Other(String),
}

impl std::fmt::Display for Refusal {
	fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		match self {
			Self::Pallet(name) => f.write_str(name),
			Self::Other(why) => f.write_str(why),
		}
	}
}

impl std::error::Error for Refusal {}

/// What all accounts have together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Money {
	/// The chain's own number.
	pub issuance: Balance,
	/// Every account's balance, added up.
	pub balances: Balance,
}

/// A connection to the node.
pub struct Chain {
	client: OnlineClient<Conf>,
	rpc: LegacyRpcMethods<RpcConfigFor<Conf>>,
}

impl Chain {
	/// Connects to a node.
	pub async fn connect(url: &str) -> Result<Arc<Self>> {
		let client = RpcClient::from_insecure_url(url).await.with_context(|| format!("connecting to {url}"))?;
		let rpc = LegacyRpcMethods::new(client.clone());
		let backend = LegacyBackend::<Conf>::builder().build(client);
		let client = OnlineClient::from_backend_with_config(Conf::new(), Arc::new(backend)).await?;
		Ok(Arc::new(Self { client, rpc }))
	}

	/// Hash of the chain's first block.
	pub fn genesis(&self) -> Digest {
		self.client.genesis_hash().0
	}

	/// The finalized blocks from now on. Some may be left out, when several are made final at once.
	pub async fn heads(&self) -> Result<Blocks<Conf>> {
		Ok(self.client.stream_blocks().await?)
	}

	/// Number of the newest finalized block.
	pub async fn head(&self) -> Result<BlockNumber> {
		Ok(u32::try_from(self.client.at_current_block().await?.block_number())?)
	}

	async fn at(&self, block: BlockNumber) -> Result<At> {
		self.client.at_block(u64::from(block)).await.with_context(|| format!("block {block}"))
	}

	/// A finalized block.
	pub async fn block(&self, number: BlockNumber) -> Result<Block> {
		let at = self.at(number).await?;
		let events = at.events().fetch().await?;
		let events = events.iter().map(|event| Ok(event?.decode_as::<api::Event>()?)).collect::<Result<Vec<_>>>()?;
		let reveals = events
			.iter()
			.any(|event| matches!(event, api::Event::Inference(inference::pallet::Event::Revealed { .. })));
		let opened = if reveals { opened(&at).await? } else { Vec::new() };
		Ok(Block { number, events, opened })
	}

	/// A job that has not ended, with its jury.
	pub async fn job(&self, block: BlockNumber, job: JobId) -> Result<Option<JobView>> {
		let call = api::runtime_apis().inference_api().job(job);
		Ok(self.at(block).await?.runtime_apis().call(call).await?)
	}

	/// What stays of a final job.
	pub async fn provenance(&self, block: BlockNumber, job: JobId) -> Result<Option<Provenance>> {
		let call = api::runtime_apis().inference_api().provenance(job);
		Ok(self.at(block).await?.runtime_apis().call(call).await?)
	}

	/// An operator, by its owner's account.
	pub async fn operator(&self, block: BlockNumber, owner: &AccountId32) -> Result<Operator> {
		let call = api::runtime_apis().inference_api().operator(*owner);
		let view = self.at(block).await?.runtime_apis().call(call).await?;
		Ok(view.with_context(|| format!("{owner} is no operator"))?.info)
	}

	/// A model's engine and golden result.
	pub async fn model(&self, block: BlockNumber, model: ModelId) -> Result<(Digest, Digest)> {
		let call = api::runtime_apis().models_api().model(model);
		let view = self.at(block).await?.runtime_apis().call(call).await?;
		let info = view.with_context(|| format!("model {model} is not registered"))?.info;
		Ok((info.engine, info.golden_result))
	}

	/// What an account has, free and on hold.
	pub async fn balance(&self, block: BlockNumber, account: &AccountId32) -> Result<Balance> {
		let at = self.at(block).await?;
		let found = at.storage().try_fetch(api::storage().system().account(), (*account,)).await?;
		let Some(found) = found else { return Ok(0) };
		let data = found.decode()?.data;
		Ok(data.free + data.reserved)
	}

	/// All money at a block.
	pub async fn money(&self, block: BlockNumber) -> Result<Money> {
		let at = self.at(block).await?;
		let issuance = at.storage().fetch(api::storage().balances().total_issuance(), ()).await?.decode()?;
		let mut balances = 0;
		let mut accounts = at.storage().iter(api::storage().system().account(), ()).await?;
		while let Some(entry) = accounts.next().await {
			let data = entry?.value().decode()?.data;
			balances += data.free + data.reserved;
		}
		Ok(Money { issuance, balances })
	}

	/// What is on hold for jobs, challenges and bonds: the reason and the amount of each hold.
	pub async fn holds(&self, block: BlockNumber) -> Result<Vec<(HoldReason, AccountId32, Balance)>> {
		let at = self.at(block).await?;
		let mut holds = at.storage().iter(api::storage().balances().holds(), ()).await?;
		let mut found = Vec::new();
		while let Some(entry) = holds.next().await {
			let entry = entry?;
			let (account,) = entry.key()?.decode()?;
			for hold in entry.value().decode()?.0 {
				if let api::runtime_types::autonomy_runtime::RuntimeHoldReason::Inference(reason) = hold.id {
					found.push((reason, account, hold.amount));
				}
			}
		}
		Ok(found)
	}

	/// What should be empty once every job has ended: entries of jobs, juries, the agenda, open seats and open jobs.
	pub async fn leftovers(&self, block: BlockNumber) -> Result<Vec<(&'static str, usize)>> {
		let at = self.at(block).await?;
		let storage = at.storage();
		let inference = api::storage().inference();
		macro_rules! count {
			($entry:ident) => {{
				let mut entries = storage.iter(inference.$entry(), ()).await?;
				let mut count = 0;
				while let Some(entry) = entries.next().await {
					entry?;
					count += 1;
				}
				(stringify!($entry), count)
			}};
		}
		Ok(vec![
			count!(jobs),
			count!(juries),
			count!(agenda),
			count!(open_seats),
			count!(open_jobs),
			count!(engine_faults),
			count!(paused_classes),
		])
	}

	/// Jobs that were ever submitted.
	pub async fn job_count(&self, block: BlockNumber) -> Result<JobId> {
		let at = self.at(block).await?;
		Ok(at.storage().fetch(api::storage().inference().next_job_id(), ()).await?.decode()?)
	}

	/// Signs a call, sends it, and waits until it has succeeded in a finalized block.
	pub async fn send<P: Payload>(&self, signer: &Signer, call: &P) -> Result<ExtrinsicEvents<Conf>, Refusal> {
		let other = |error: subxt::Error| Refusal::Other(error.to_string());
		let progress = {
			let _alone = signer.sending.lock().await;
			// Asked from the node every time: what its pool refuses leaves no gap.
			let nonce = self.rpc.system_account_next_index(&signer.account).await.map_err(|e| other(e.into()))?;
			let params = DefaultExtrinsicParamsBuilder::<Conf>::new().mortal(MORTAL_BLOCKS).nonce(nonce).build();
			let at = self.client.at_current_block().await.map_err(|e| other(e.into()))?;
			let sent = at.transactions().sign_and_submit_then_watch(call, &signer.pair, params).await;
			sent.map_err(|e| other(e.into()))?
		};
		let included = tokio::time::timeout(FINALITY, progress.wait_for_finalized());
		let included = included.await.map_err(|_| Refusal::Other("in no finalized block after 2 min".into()))?;
		match included.map_err(|e| other(e.into()))?.wait_for_success().await {
			Ok(events) => Ok(events),
			Err(TransactionEventsError::ExtrinsicFailed(error)) => Err(Refusal::Pallet(name(&error))),
			Err(error) => Err(Refusal::Other(error.to_string())),
		}
	}

	/// Sends the order of a job, and returns the job's number.
	pub async fn submit_job<P: Payload>(&self, signer: &Signer, call: &P) -> Result<JobId, Refusal> {
		let events = self.send(signer, call).await?;
		match events.find_first::<api::inference::events::JobSubmitted>() {
			Some(Ok(event)) => Ok(event.job),
			_ => Err(Refusal::Other("the order gave rise to no JobSubmitted event".into())),
		}
	}

	/// Sends several calls as one that succeeds as a whole or not at all.
	pub async fn send_all(&self, signer: &Signer, calls: Vec<api::Call>) -> Result<()> {
		ensure!(!calls.is_empty(), "no calls to send");
		self.send(signer, &api::transactions().utility().batch_all(calls)).await?;
		Ok(())
	}
}

/// The name that a pallet gives its error.
fn name(error: &DispatchError) -> String {
	match error {
		DispatchError::Module(module) => match module.details() {
			Ok(details) => details.variant.name.clone(),
			Err(_) => module.to_string(),
		},
		other => other.to_string(),
	}
}

/// The reveals among a block's transactions, also inside batches. Those that failed are among them.
async fn opened(at: &At) -> Result<Vec<Opened>> {
	let mut calls = Vec::new();
	for extrinsic in at.extrinsics().fetch().await?.iter() {
		calls.push(extrinsic?.decode_call_data_as::<api::Call>()?);
	}
	let mut found = Vec::new();
	while let Some(call) = calls.pop() {
		match call {
			api::Call::Inference(inference::pallet::Call::reveal { job, outcome, salt, .. }) => {
				found.push(Opened { job, outcome: (&outcome).into(), salt });
			}
			api::Call::Utility(
				Utility::batch { calls: inner }
				| Utility::batch_all { calls: inner }
				| Utility::force_batch { calls: inner },
			) => calls.extend(inner),
			_ => {}
		}
	}
	Ok(found)
}

/// Waits for the next finalized block that the stream tells of, and gives its number.
pub async fn newest(heads: &mut Blocks<Conf>) -> Result<BlockNumber> {
	match heads.next().await {
		Some(block) => Ok(u32::try_from(block?.number())?),
		None => bail!("the node ended the stream of finalized blocks"),
	}
}
