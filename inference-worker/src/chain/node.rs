//! The chain over a node's RPC.
//!
//! A connection is used until a question fails and a probe fails too; then the next configured node is tried. Answers are
//! from the newest finalized block.

use std::{collections::VecDeque, time::Duration};

use autonomy_primitives::{
	digest::input_hash,
	job::{JobInput, SeedPolicy},
	trace::TraceOpening,
	Digest, JobId, ModelId,
};
use subxt::{
	backend::LegacyBackend,
	client::{Blocks, OnlineClientAtBlock},
	config::{DefaultExtrinsicParamsBuilder, RpcConfigFor, SubstrateConfig},
	error::{ConstantError, DispatchError, RuntimeApiError, StorageError, TransactionEventsError},
	extrinsics::ExtrinsicEvents,
	rpcs::{methods::LegacyRpcMethods, RpcClient},
	tx::{Payload, TransactionInvalid, TransactionStatus, ValidationResult},
	utils::Static,
	OnlineClient,
};
use subxt_signer::sr25519::Keypair;
use tokio::sync::Mutex;
use tracing::{debug, info};

use super::{
	api::{
		self,
		runtime_types::{pallet_inference::types as inference, pallet_models::types::Charter},
	},
	endpoints,
	nonce::{NonceSequencer, SubmitError},
	AccountId, AuditorView, Balance, BlockNumber, Chain, ChainError, ChallengeView, Found, JobEvent, JobState, JobView,
	JuryView, MembershipView, ModelView, OperatorView, Provenance, Role, SeatView,
};
use crate::{
	config::Config,
	keys,
	queue::{Answer, Report},
};

/// How the chain is configured for subxt. `SubstrateConfig`, because subxt's `PolkadotConfig` knows the block numbers of
/// Polkadot's upgrades.
pub type Conf = SubstrateConfig;
/// The chain at one block.
pub type At = OnlineClientAtBlock<Conf>;

/// Blocks for which a signed transaction stays valid.
const MORTAL_BLOCKS: u64 = 64;
/// How long a transaction may take to a finalized block before it counts as lost.
const FINALITY: Duration = Duration::from_secs(600);
/// How long a probe of a suspect connection may take.
const PROBE: Duration = Duration::from_secs(5);
/// How long the follower waits for a block before it looks whether the node still answers.
const QUIET: Duration = Duration::from_secs(30);
/// A challenger's bond, in fees of a seat, as long as governance has not set another.
const CHALLENGE_FEES: u32 = 8;
/// Least and most that governance can set.
const CHALLENGE_FEES_RANGE: (u32, u32) = (2, 100);

#[derive(Clone)]
struct Connection {
	url: String,
	client: OnlineClient<Conf>,
	rpc: LegacyRpcMethods<RpcConfigFor<Conf>>,
}

#[derive(Default)]
struct Live {
	connection: Option<Connection>,
	/// Position of the node to try first.
	next: usize,
}

/// What a job would cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quote {
	/// Fee for all seats, in planck.
	pub fee: Balance,
	/// On hold for an audit and returned without one, in planck.
	pub audit_reserve: Balance,
	/// Units of work for one operator.
	pub units: u32,
	/// Seats.
	pub k: u8,
}

impl Quote {
	/// Most that the job can cost, in planck.
	pub fn most(&self) -> Balance {
		self.fee.saturating_add(self.audit_reserve)
	}
}

/// How much depends on a job's result: more seats and longer challenges for more.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Tier {
	/// A reply.
	Text,
	/// A picture, an animation, a sprite sheet or a tile.
	Image,
	/// A work that is going to be minted.
	Creation,
}

impl Tier {
	fn on_chain(self) -> inference::Tier {
		match self {
			Self::Text => inference::Tier::Text,
			Self::Image => inference::Tier::Image,
			Self::Creation => inference::Tier::Creation,
		}
	}
}

/// A chain behind one of several nodes, and the key to sign with.
pub struct Node {
	urls: Vec<String>,
	timeout: Duration,
	expected: Option<Digest>,
	signer: Option<Keypair>,
	nonces: NonceSequencer,
	live: Mutex<Live>,
	heads: Mutex<Option<Blocks<Conf>>>,
}

impl Node {
	/// The chain of a configuration. Nothing is connected yet.
	pub fn new(config: &Config, signer: Option<Keypair>) -> Self {
		Self {
			urls: config.chain.urls.clone(),
			timeout: Duration::from_secs(config.chain.connect_timeout_seconds),
			expected: config.genesis(),
			signer,
			nonces: NonceSequencer::default(),
			live: Mutex::default(),
			heads: Mutex::default(),
		}
	}

	async fn connection(&self) -> Result<Connection, ChainError> {
		let mut live = self.live.lock().await;
		if let Some(connection) = &live.connection {
			return Ok(connection.clone());
		}
		let dial = |url| dial(url, self.expected);
		let (at, connection) = endpoints::connect(&self.urls, live.next, self.timeout, dial).await?;
		info!(url = %connection.url, "connected");
		metrics::counter!("autonomy_rpc_connections_total").increment(1);
		live.next = at;
		live.connection = Some(connection.clone());
		Ok(connection)
	}

	/// Turns an answer into ours. After a failure the connection is probed, and given up when the probe fails too.
	async fn answered<T, E: Into<subxt::Error>>(
		&self,
		connection: &Connection,
		answer: Result<T, E>,
	) -> Result<T, ChainError> {
		let error = match answer {
			Ok(value) => return Ok(value),
			Err(error) => explain(error.into()),
		};
		if matches!(error, ChainError::Rpc(_)) {
			metrics::counter!("autonomy_rpc_failures_total").increment(1);
			self.probe(connection).await;
		}
		Err(error)
	}

	async fn probe(&self, connection: &Connection) {
		if let Ok(Ok(_)) = tokio::time::timeout(PROBE, connection.rpc.system_health()).await {
			return;
		}
		let mut live = self.live.lock().await;
		if live.connection.as_ref().is_some_and(|c| c.url == connection.url) {
			debug!(url = %connection.url, "connection given up");
			live.connection = None;
			live.next = (live.next + 1) % self.urls.len();
		}
	}

	async fn at_head(&self) -> Result<(Connection, At), ChainError> {
		let connection = self.connection().await?;
		let at = connection.client.at_current_block().await;
		let at = self.answered(&connection, at).await?;
		Ok((connection, at))
	}

	/// The chain at a block of the past.
	pub async fn at(&self, block: BlockNumber) -> Result<At, ChainError> {
		let connection = self.connection().await?;
		let at = connection.client.at_block(block).await;
		self.answered(&connection, at).await
	}

	/// The kind of chain: `Development`, `Local` or `Live`.
	pub async fn chain_type(&self) -> Result<String, ChainError> {
		let connection = self.connection().await?;
		let kind = connection.rpc.system_chain_type().await.map_err(subxt::Error::from);
		self.answered(&connection, kind).await
	}

	/// Name of the chain and address of the node.
	pub async fn name(&self) -> Result<(String, String), ChainError> {
		let connection = self.connection().await?;
		let name = connection.rpc.system_chain().await.map_err(subxt::Error::from);
		Ok((self.answered(&connection, name).await?, connection.url))
	}

	/// Number of registered models.
	pub async fn models_count(&self) -> Result<ModelId, ChainError> {
		let (connection, at) = self.at_head().await?;
		let value = at.storage().fetch(api::storage().models().next_model_id(), ()).await;
		let value = self.answered(&connection, value).await?.decode();
		self.answered(&connection, value.map_err(subxt::Error::from)).await
	}

	/// Number of jobs that were ever submitted.
	pub async fn jobs_count(&self) -> Result<JobId, ChainError> {
		let (connection, at) = self.at_head().await?;
		let value = at.storage().fetch(api::storage().inference().next_job_id(), ()).await;
		let value = self.answered(&connection, value).await?.decode();
		self.answered(&connection, value.map_err(subxt::Error::from)).await
	}

	/// The model registered under a manifest.
	pub async fn model_by_manifest(&self, manifest: [u8; 36]) -> Result<Option<ModelId>, ChainError> {
		let (connection, at) = self.at_head().await?;
		let call = api::runtime_apis().models_api().model_by_manifest(manifest);
		self.answered(&connection, at.runtime_apis().call(call).await).await
	}

	/// The least that a registration of a model puts on hold, in planck, and the most blocks of a model's budget.
	pub async fn registration_bounds(&self) -> Result<(Balance, BlockNumber), ChainError> {
		let (connection, at) = self.at_head().await?;
		let deposit = at.constants().entry(api::constants().models().deposit_base());
		let budget = at.constants().entry(api::constants().models().max_budget());
		Ok((self.answered(&connection, deposit).await?, self.answered(&connection, budget).await?))
	}

	/// What a model's community has decided about versions.
	pub async fn charter(&self, model: ModelId) -> Result<Charter, ChainError> {
		let (connection, at) = self.at_head().await?;
		let value = at.storage().fetch(api::storage().models().charters(), (model,)).await;
		let value = self.answered(&connection, value).await?.decode();
		self.answered(&connection, value.map_err(subxt::Error::from)).await
	}

	/// The job whose output a work is, and the name that its creator gave it; `None` when there is no such work.
	pub async fn work(&self, collection: u32, item: u32) -> Result<Option<(JobId, String)>, ChainError> {
		let (connection, at) = self.at_head().await?;
		let call = api::runtime_apis().creations_api().creation(collection, item);
		let work = self.answered(&connection, at.runtime_apis().call(call).await).await?;
		Ok(work.map(|work| (work.job, String::from_utf8_lossy(&work.name.0).into_owned())))
	}

	/// What a job costs now; `None` when it would be refused.
	pub async fn quote(
		&self,
		model: ModelId,
		input: &JobInput,
		k: Option<u8>,
		tier: Option<Tier>,
	) -> Result<Option<Quote>, ChainError> {
		let (connection, at) = self.at_head().await?;
		let call = api::runtime_apis().inference_api().quote(model, Static(input.clone()), k, tier.map(Tier::on_chain));
		let quote = self.answered(&connection, at.runtime_apis().call(call).await).await?;
		Ok(quote.map(|q| Quote { fee: q.fee, audit_reserve: q.audit_reserve, units: q.units, k: q.k }))
	}

	/// Free balance of an account, in planck.
	pub async fn balance(&self, account: &AccountId) -> Result<Balance, ChainError> {
		let (connection, at) = self.at_head().await?;
		let value = at.storage().try_fetch(api::storage().system().account(), (*account,)).await;
		let Some(value) = self.answered(&connection, value).await? else { return Ok(0) };
		let account = self.answered(&connection, value.decode().map_err(subxt::Error::from)).await?;
		Ok(account.data.free)
	}

	/// Time of the newest finalized block, in Unix seconds.
	pub async fn timestamp(&self) -> Result<u64, ChainError> {
		let (connection, at) = self.at_head().await?;
		let value = at.storage().fetch(api::storage().timestamp().now(), ()).await;
		let value = self.answered(&connection, value).await?.decode();
		Ok(self.answered(&connection, value.map_err(subxt::Error::from)).await? / 1000)
	}

	/// The events of a block.
	pub async fn events(&self, block: BlockNumber) -> Result<subxt::events::Events<Conf>, ChainError> {
		let connection = self.connection().await?;
		let at = self.at(block).await?;
		self.answered(&connection, at.events().fetch().await).await
	}

	/// The input of a final job: from the chain's state before it ended, or else from the extrinsic that submitted it, at
	/// most `blocks` blocks back. `None` when the node has neither any more.
	pub async fn input_of(
		&self,
		job: JobId,
		provenance: &Provenance,
		blocks: BlockNumber,
	) -> Result<Option<JobInput>, ChainError> {
		let last = provenance.finalised_at.saturating_sub(1);
		match self.job_at(job, last).await {
			Ok(Some(view)) if input_hash(&view.input) == provenance.input_hash => return Ok(Some(view.input)),
			// A node keeps old states for a while only; the blocks themselves stay longer.
			Ok(_) | Err(ChainError::Rpc(_)) => {}
			Err(error) => return Err(error),
		}
		let (connection, at) = self.at_head().await?;
		for block in (last.saturating_sub(blocks)..=last).rev() {
			let hash = connection.rpc.chain_get_block_hash(Some(block.into())).await.map_err(subxt::Error::from);
			let Some(hash) = self.answered(&connection, hash).await? else { continue };
			let body = connection.rpc.chain_get_block(Some(hash)).await.map_err(subxt::Error::from);
			let Some(body) = self.answered(&connection, body).await? else { return Ok(None) };
			let bytes = body.block.extrinsics.into_iter().map(|e| e.0).collect();
			let extrinsics = at.extrinsics().from_bytes(bytes).await;
			let found = extrinsics
				.iter()
				.filter_map(|e| e.ok()?.decode_call_data_as::<api::Call>().ok())
				.find_map(|call| submitted(call, &provenance.input_hash));
			if found.is_some() {
				return Ok(found);
			}
		}
		Ok(None)
	}

	/// What each operator had said about a final job when it became so: from the chain's state before, and from the events
	/// of its last block. `None` when the node has neither any more.
	pub async fn findings_of(
		&self,
		job: JobId,
		provenance: &Provenance,
	) -> Result<Option<Vec<(AccountId, Role, Found)>>, ChainError> {
		use api::inference::events::Revealed;
		let last = provenance.finalised_at;
		let view = match self.job_at(job, last.saturating_sub(1)).await {
			Ok(Some(view)) => view,
			Ok(None) | Err(ChainError::Rpc(_)) => return Ok(None),
			Err(error) => return Err(error),
		};
		let events = match self.events(last).await {
			Ok(events) => events,
			Err(ChainError::Rpc(_)) => return Ok(None),
			Err(error) => return Err(error),
		};
		let mut findings = view.findings();
		for event in events.find::<Revealed>().flatten().filter(|event| event.job == job) {
			let Revealed { operator, result, trace_root, artifact, .. } = event;
			if let Some(place) = view.place(&operator) {
				findings.push((operator, place.role, Found { result, trace_root, artifact }));
			}
		}
		Ok(Some(findings))
	}

	/// A job as it stood at a block of the past.
	pub async fn job_at(&self, job: JobId, block: BlockNumber) -> Result<Option<JobView>, ChainError> {
		let at = self.at(block).await?;
		let call = api::runtime_apis().inference_api().job(job);
		// A discarded state is no fault of the connection, so it is not probed.
		let view = at.runtime_apis().call(call).await.map_err(|e| explain(e.into()))?;
		Ok(view.map(|view| job_view(job, view)))
	}

	/// Signs, checks, sends and follows a transaction to a finalized block, and returns its events.
	pub async fn transact<P: Payload>(
		&self,
		call: &'static str,
		payload: &P,
	) -> Result<ExtrinsicEvents<Conf>, ChainError> {
		let signer = self.signer.as_ref().ok_or(ChainError::NoKey(call))?;
		let connection = self.connection().await?;
		let account = keys::account(signer);
		let fetch = || async {
			let next = connection.rpc.system_account_next_index(&account).await.map_err(subxt::Error::from);
			self.answered(&connection, next).await
		};
		let send = |nonce| self.send(call, &connection, payload, signer, nonce);
		let mut progress = self.nonces.submit(fetch, send).await?;
		let lost = |reason: String| ChainError::Lost { call, reason };
		let finalized = async {
			loop {
				match progress.next().await {
					Some(Ok(TransactionStatus::InFinalizedBlock(block))) => return Ok(block),
					Some(Ok(
						TransactionStatus::Error { message }
						| TransactionStatus::Invalid { message }
						| TransactionStatus::Dropped { message },
					)) => return Err(lost(message)),
					Some(Ok(_)) => {}
					Some(Err(error)) => return Err(lost(error.to_string())),
					None => return Err(lost("the connection was closed".into())),
				}
			}
		};
		let block = match tokio::time::timeout(FINALITY, finalized).await {
			Ok(Ok(block)) => block,
			Ok(Err(error)) => {
				self.nonces.resync().await;
				self.probe(&connection).await;
				return Err(error);
			}
			Err(_) => {
				self.nonces.resync().await;
				return Err(lost(format!("not in a finalized block after {} s", FINALITY.as_secs())));
			}
		};
		match block.wait_for_success().await {
			Ok(events) => Ok(events),
			Err(TransactionEventsError::ExtrinsicFailed(error)) => {
				Err(ChainError::Refused { call, reason: dispatch_reason(&error) })
			}
			Err(error) => Err(lost(error.to_string())),
		}
	}

	async fn send<P: Payload>(
		&self,
		call: &'static str,
		connection: &Connection,
		payload: &P,
		signer: &Keypair,
		nonce: u64,
	) -> Result<
		subxt::tx::TransactionProgress<Conf, subxt::client::OnlineClientAtBlockImpl<Conf>>,
		SubmitError<ChainError>,
	> {
		let at = connection.client.at_current_block().await;
		let at = self.answered(connection, at).await.map_err(SubmitError::Other)?;
		let params = DefaultExtrinsicParamsBuilder::<Conf>::new().mortal(MORTAL_BLOCKS).nonce(nonce).build();
		let signed = at.transactions().create_signed(payload, signer, params).await;
		let signed = self.answered(connection, signed).await.map_err(SubmitError::Other)?;
		let checked = self.answered(connection, signed.validate().await).await.map_err(SubmitError::Other)?;
		let invalid = |reason: String| ChainError::Invalid { call, reason };
		match checked {
			ValidationResult::Invalid(TransactionInvalid::Stale) => {
				return Err(SubmitError::Nonce(invalid(format!("nonce {nonce} is used"))));
			}
			// An earlier transaction of ours is in the pool and not in a block yet.
			ValidationResult::Invalid(TransactionInvalid::Future) => {}
			ValidationResult::Invalid(TransactionInvalid::Payment) => {
				let account = keys::account(signer);
				let why = format!("{account} has no AUTON to pay its fee or to exist; send it some");
				return Err(SubmitError::Other(invalid(why)));
			}
			ValidationResult::Invalid(reason) => {
				return Err(SubmitError::Other(invalid(format!("the transaction is invalid ({reason:?})"))));
			}
			ValidationResult::Valid(_) | ValidationResult::Unknown(_) => {}
		}
		signed.submit_and_watch().await.map_err(|error| {
			let text = error.to_string();
			let nonce = ["outdated", "Priority is too low", "Already Imported", "in the future", "1014", "1013"];
			if nonce.iter().any(|n| text.contains(n)) {
				SubmitError::Nonce(ChainError::Lost { call, reason: text })
			} else {
				SubmitError::Other(ChainError::Lost { call, reason: text })
			}
		})
	}

	/// Submits a job and gives its number and its block.
	pub async fn submit_job(
		&self,
		model: ModelId,
		input: JobInput,
		k: Option<u8>,
		tier: Option<Tier>,
		seed: SeedPolicy,
		max_fee: Balance,
	) -> Result<JobId, ChainError> {
		let tier = tier.map(Tier::on_chain);
		let call = api::transactions().inference().submit_job(model, Static(input), k, tier, Static(seed), max_fee);
		let events = self.transact("submit_job", &call).await?;
		match events.find_first::<api::inference::events::JobSubmitted>() {
			Some(Ok(event)) => Ok(event.job),
			_ => Err(ChainError::Rpc("the block of the submission has no JobSubmitted event".into())),
		}
	}
}

async fn dial(url: String, expected: Option<Digest>) -> Result<Connection, ChainError> {
	let failed = |e: subxt::Error| ChainError::Rpc(e.to_string());
	let client = RpcClient::from_insecure_url(&url).await.map_err(|e| failed(e.into()))?;
	let rpc = LegacyRpcMethods::new(client.clone());
	let backend = LegacyBackend::<Conf>::builder().build(client);
	let client = OnlineClient::from_backend_with_config(Conf::new(), std::sync::Arc::new(backend))
		.await
		.map_err(|e| failed(e.into()))?;
	let genesis = client.genesis_hash().0;
	match expected {
		Some(expected) if expected != genesis => {
			Err(ChainError::OtherChain { url, actual: hex::encode(genesis), expected: hex::encode(expected) })
		}
		_ => Ok(Connection { url, client, rpc }),
	}
}

/// Sorts subxt's errors into "the node did not answer" and "chain and worker do not fit together".
fn explain(error: subxt::Error) -> ChainError {
	use subxt::error::ExtrinsicError;
	match &error {
		subxt::Error::RuntimeApiError(
			RuntimeApiError::IncompatibleCodegen
			| RuntimeApiError::TraitNotFound(_)
			| RuntimeApiError::MethodNotFound { .. }
			| RuntimeApiError::CouldNotDecodeResponse(_),
		)
		| subxt::Error::StorageError(
			StorageError::IncompatibleCodegen
			| StorageError::PalletNameNotFound(_)
			| StorageError::StorageEntryNotFound { .. },
		)
		| subxt::Error::ExtrinsicError(
			ExtrinsicError::IncompatibleCodegen
			| ExtrinsicError::PalletNameNotFound(_)
			| ExtrinsicError::CallNameNotFound { .. },
		)
		| subxt::Error::ConstantError(
			ConstantError::IncompatibleCodegen
			| ConstantError::PalletNameNotFound(_)
			| ConstantError::ConstantNameNotFound { .. },
		) => ChainError::Incompatible(error.to_string()),
		_ => ChainError::Rpc(error.to_string()),
	}
}

/// A pallet's error with what its documentation says to do about it.
fn dispatch_reason(error: &DispatchError) -> String {
	let DispatchError::Module(module) = error else { return error.to_string() };
	match module.details() {
		Ok(details) => {
			let docs = details.variant.docs.iter().map(|d| d.trim()).collect::<Vec<_>>().join(" ");
			format!("{}.{}: {docs}", details.pallet.name(), details.variant.name)
		}
		Err(_) => module.to_string(),
	}
}

/// The input of a `submit_job` with this hash, also inside batches.
fn submitted(call: api::Call, hash: &Digest) -> Option<JobInput> {
	use api::runtime_types::{pallet_inference::pallet::Call as Inference, pallet_utility::pallet::Call as Utility};
	let mut calls = VecDeque::from([call]);
	while let Some(call) = calls.pop_front() {
		match call {
			api::Call::Inference(Inference::submit_job { input, .. }) if input_hash(&input.0) == *hash => {
				return Some(input.0);
			}
			api::Call::Utility(
				Utility::batch { calls: inner }
				| Utility::batch_all { calls: inner }
				| Utility::force_batch { calls: inner },
			) => calls.extend(inner),
			_ => {}
		}
	}
	None
}

/// Whether a node says that it has dropped a block's state.
fn is_pruned(error: &str) -> bool {
	["State already discarded", "UnknownBlock", "not found"].iter().any(|text| error.contains(text))
}

fn number(block: u64) -> BlockNumber {
	BlockNumber::try_from(block).unwrap_or(BlockNumber::MAX)
}

fn outcome(answer: &Answer) -> inference::Outcome {
	let Answer { result, trace_root, artifact, .. } = *answer;
	inference::Outcome { result, trace_root, artifact }
}

fn on_chain(found: Found) -> inference::Outcome {
	let Found { result, trace_root, artifact } = found;
	inference::Outcome { result, trace_root, artifact }
}

fn found(outcome: inference::Outcome) -> Found {
	let inference::Outcome { result, trace_root, artifact } = outcome;
	Found { result, trace_root, artifact }
}

fn seat_view(seat: inference::Seat<AccountId, u32>) -> SeatView {
	let inference::Seat { operator, round, commitment, revealed, .. } = seat;
	SeatView { operator, round, commitment, revealed: revealed.map(found) }
}

fn job_view(id: JobId, view: inference::JobView<AccountId, u128, u32>) -> JobView {
	use inference::{Audit, JuryPhase};
	let inference::JobView { job, jury } = view;
	JobView {
		id,
		requester: job.requester,
		model: job.model,
		input: job.input.0,
		seed: job.seed,
		k: job.k,
		tier: match job.tier {
			inference::Tier::Text => "text",
			inference::Tier::Image => "image",
			inference::Tier::Creation => "creation",
			inference::Tier::Ballot => "ballot",
		},
		seat_fee: job.seat_fee,
		audit_reserve: job.audit_reserve,
		exposure: job.exposure,
		round: job.round,
		state: match job.state {
			inference::JobState::Open { draw_at } => JobState::Open(draw_at),
			inference::JobState::Committing { deadline, .. } => JobState::Committing(deadline),
			inference::JobState::Revealing { deadline } => JobState::Revealing(deadline),
			inference::JobState::Agreed { audit: Audit::Waiting { deadline }, .. } => JobState::Auditing(deadline),
			inference::JobState::Agreed { final_at, .. } => JobState::Agreed(final_at),
			inference::JobState::Jury { phase: JuryPhase::Drawing { draw_at } } => JobState::JuryDraw(draw_at),
			inference::JobState::Jury { phase: JuryPhase::Committing { deadline } } => {
				JobState::JuryCommitting(deadline)
			}
			inference::JobState::Jury { phase: JuryPhase::Revealing { deadline } } => JobState::JuryRevealing(deadline),
		},
		seats: job.seats.0.into_iter().map(seat_view).collect(),
		auditor: job.auditor.map(|auditor| AuditorView {
			operator: auditor.operator,
			round: auditor.round,
			draw: auditor.draw,
			found: auditor.found.map(found),
		}),
		jury: jury.map(|jury| JuryView {
			panel: jury.panel,
			draw: jury.draw,
			first: jury.first.into(),
			seats: jury.seats.0.into_iter().map(seat_view).collect(),
		}),
		challenge: job.challenge.map(|c| ChallengeView { challenger: c.challenger, bond: c.bond }),
		weights_root: job.weights_root,
		engine: job.engine,
	}
}

fn operator_view(info: inference::Operator<AccountId, u128, u32>) -> OperatorView {
	OperatorView {
		worker: info.worker,
		bond: info.bond,
		unbonding: info.unbonding,
		exposed: info.exposed,
		suspended_until: info.suspended_until,
		slots_used: info.slots_used,
		completed: info.completed,
		missed: info.missed,
	}
}

/// What an event of the inference pallet says about a job, if it is about somebody's money or seat.
fn job_event(event: api::inference::Event) -> Option<(JobId, JobEvent)> {
	use api::inference::Event;
	Some(match event {
		Event::JobFinalised { job, operators, paid_per_seat, .. } => {
			(job, JobEvent::Final { operators, each: paid_per_seat })
		}
		Event::JobFailed { job, reason, paid_per_seat, .. } => {
			(job, JobEvent::Failed { reason: format!("{reason:?}"), each: paid_per_seat })
		}
		Event::SeatMissed { job, operator, duty, penalty } => {
			let committed = matches!(duty, inference::Duty::Reveal);
			(job, JobEvent::Missed { operator, committed, penalty })
		}
		Event::SeatDeclined { job, operator, .. } => (job, JobEvent::Declined(operator)),
		Event::Slashed { job, operator, amount } => (job, JobEvent::Slashed { operator, amount }),
		Event::SlashShared { job, each_honest, accuser, reward, .. } => {
			(job, JobEvent::Shared { each_honest, accuser, reward })
		}
		Event::ChallengeEnded { job, challenger, won, bond, each_juror, .. } => {
			(job, JobEvent::ChallengeEnded { challenger, won, bond, each_juror })
		}
		Event::EngineFaultFound { job, suspects, .. } => (job, JobEvent::EngineFault(suspects)),
		_ => return None,
	})
}

impl Chain for Node {
	async fn next_head(&self) -> Result<BlockNumber, ChainError> {
		let mut heads = self.heads.lock().await;
		loop {
			let connection = self.connection().await?;
			if heads.is_none() {
				let blocks = connection.client.stream_blocks().await;
				*heads = Some(self.answered(&connection, blocks).await?);
			}
			let Some(blocks) = heads.as_mut() else { continue };
			match tokio::time::timeout(QUIET, blocks.next()).await {
				Ok(Some(Ok(block))) => {
					let mut newest = block.number();
					// What piled up while nobody asked: only the newest matters.
					while let Some(Some(Ok(block))) = futures::FutureExt::now_or_never(blocks.next()) {
						newest = block.number();
					}
					return Ok(number(newest));
				}
				Ok(Some(Err(error))) => {
					*heads = None;
					return self.answered(&connection, Err(error)).await;
				}
				Ok(None) => {
					*heads = None;
					self.probe(&connection).await;
					return Err(ChainError::Rpc("the node closed the connection".into()));
				}
				// A chain that seals on demand has no blocks for long; but is the node still there?
				Err(_) => match tokio::time::timeout(PROBE, connection.rpc.system_health()).await {
					Ok(Ok(_)) => return self.head().await,
					_ => {
						*heads = None;
						self.probe(&connection).await;
						return Err(ChainError::Rpc("the node stopped answering".into()));
					}
				},
			}
		}
	}

	async fn head(&self) -> Result<BlockNumber, ChainError> {
		let (_, at) = self.at_head().await?;
		Ok(number(at.block_number()))
	}

	async fn genesis(&self) -> Result<Digest, ChainError> {
		Ok(self.connection().await?.client.genesis_hash().0)
	}

	async fn operator_of(&self, worker: &AccountId) -> Result<Option<AccountId>, ChainError> {
		let (connection, at) = self.at_head().await?;
		let value = at.storage().try_fetch(api::storage().inference().worker_of(), (*worker,)).await;
		let Some(value) = self.answered(&connection, value).await? else { return Ok(None) };
		self.answered(&connection, value.decode().map_err(subxt::Error::from)).await.map(Some)
	}

	async fn open_seats(&self, operator: &AccountId) -> Result<Vec<JobId>, ChainError> {
		let (connection, at) = self.at_head().await?;
		let call = api::runtime_apis().inference_api().open_seats(*operator);
		self.answered(&connection, at.runtime_apis().call(call).await).await
	}

	async fn job(&self, job: JobId) -> Result<Option<JobView>, ChainError> {
		let (connection, at) = self.at_head().await?;
		let call = api::runtime_apis().inference_api().job(job);
		let view = self.answered(&connection, at.runtime_apis().call(call).await).await?;
		Ok(view.map(|view| job_view(job, view)))
	}

	async fn provenance(&self, job: JobId) -> Result<Option<Provenance>, ChainError> {
		let (connection, at) = self.at_head().await?;
		let call = api::runtime_apis().inference_api().provenance(job);
		let row = self.answered(&connection, at.runtime_apis().call(call).await).await?;
		Ok(row.map(|row| Provenance {
			model: row.model,
			requester: row.requester,
			engine: row.engine,
			weights_root: row.weights_root,
			input_hash: row.input_hash,
			seed: row.seed,
			result: row.result,
			trace_root: row.trace_root,
			artifact: row.artifact,
			k: row.k,
			finalised_at: row.finalised_at,
		}))
	}

	async fn account(&self, owner: &AccountId) -> Result<Option<OperatorView>, ChainError> {
		let (connection, at) = self.at_head().await?;
		let call = api::runtime_apis().inference_api().operator(*owner);
		let view = self.answered(&connection, at.runtime_apis().call(call).await).await?;
		Ok(view.map(|view| operator_view(view.info)))
	}

	async fn job_events(&self, block: BlockNumber) -> Result<Option<Vec<(JobId, JobEvent)>>, ChainError> {
		let events = match self.events(block).await {
			Ok(events) => events,
			Err(ChainError::Rpc(error)) if is_pruned(&error) => return Ok(None),
			Err(error) => return Err(error),
		};
		let ours = events.iter().flatten().filter(|event| event.pallet_name() == "Inference");
		let decoded = ours.filter_map(|event| match event.decode_as::<api::Event>() {
			Ok(api::Event::Inference(event)) => job_event(event),
			_ => None,
		});
		Ok(Some(decoded.collect()))
	}

	async fn model(&self, model: ModelId) -> Result<Option<ModelView>, ChainError> {
		let (connection, at) = self.at_head().await?;
		let call = api::runtime_apis().models_api().model(model);
		let view = self.answered(&connection, at.runtime_apis().call(call).await).await?;
		Ok(view.map(|view| ModelView {
			id: view.id,
			owner: view.owner,
			modality: view.info.modality.0,
			manifest: view.info.manifest,
			weights_root: view.info.weights_root,
			engine: view.info.engine,
			limits: view.info.limits.0,
			price_per_unit: view.info.price_per_unit,
			budget: view.info.budget,
			golden_input: view.info.golden_input.0,
			golden_seed: view.info.golden_seed,
			golden_result: view.info.golden_result,
			licence: String::from_utf8_lossy(&view.info.licence.0).into_owned(),
			active: view.info.active,
		}))
	}

	async fn memberships(&self, operator: &AccountId) -> Result<Vec<MembershipView>, ChainError> {
		let (connection, at) = self.at_head().await?;
		let count = at.storage().fetch(api::storage().models().next_model_id(), ()).await;
		let count = self.answered(&connection, count).await?.decode();
		let count: ModelId = self.answered(&connection, count.map_err(subxt::Error::from)).await?;
		let entry = at.storage().entry(api::storage().inference().memberships());
		let entry = self.answered(&connection, entry).await?;
		let mut found = Vec::new();
		for model in 0..count {
			let value = entry.try_fetch((model, *operator)).await;
			let Some(value) = self.answered(&connection, value).await? else { continue };
			let membership = self.answered(&connection, value.decode().map_err(subxt::Error::from)).await?;
			let (slots, engine) = (membership.slots, membership.engine);
			let (proved, proved_before) = (membership.proved, membership.proved_before);
			found.push(MembershipView { model, slots, engine, proved, proved_before });
		}
		Ok(found)
	}

	async fn commit(&self, job: JobId, commitment: Digest) -> Result<(), ChainError> {
		let call = api::transactions().inference().commit(job, commitment);
		self.transact("commit", &call).await.map(|_| ())
	}

	async fn reveal(
		&self,
		job: JobId,
		operator: &AccountId,
		answer: &Answer,
		opening: Option<TraceOpening>,
	) -> Result<(), ChainError> {
		let (outcome, opening) = (outcome(answer), opening.map(Static));
		let call = api::transactions().inference().reveal(job, *operator, outcome, answer.salt, opening);
		self.transact("reveal", &call).await.map(|_| ())
	}

	async fn audit(&self, job: JobId, answer: &Answer, opening: Option<TraceOpening>) -> Result<(), ChainError> {
		let call = api::transactions().inference().audit(job, outcome(answer), opening.map(Static));
		self.transact("audit", &call).await.map(|_| ())
	}

	async fn decline(&self, job: JobId) -> Result<(), ChainError> {
		let call = api::transactions().inference().decline(job);
		self.transact("decline", &call).await.map(|_| ())
	}

	async fn prove_engine(&self, model: ModelId, result: Digest) -> Result<(), ChainError> {
		let call = api::transactions().inference().prove_engine(model, result);
		self.transact("prove_engine", &call).await.map(|_| ())
	}

	async fn report(&self, job: JobId, report: Report) -> Result<(), ChainError> {
		let calls = api::transactions().inference();
		let sent = match report {
			Report::Evaluation { base, candidate } => {
				self.transact(report.call(), &calls.report_evaluation(job, base, candidate)).await
			}
			Report::Ballot { decision, reasons } => {
				self.transact(report.call(), &calls.report_ballot(job, decision, reasons)).await
			}
		};
		sent.map(|_| ())
	}

	async fn agreed_jobs(&self) -> Result<Vec<JobView>, ChainError> {
		let (connection, at) = self.at_head().await?;
		let rows = at.storage().iter(api::storage().inference().jobs(), ()).await;
		let mut rows = self.answered(&connection, rows).await?;
		let mut jobs = Vec::new();
		while let Some(row) = rows.next().await {
			let row = self.answered(&connection, row).await?;
			let job = row.value().decode().map_err(subxt::Error::from);
			let job = self.answered(&connection, job).await?;
			let id = row.key().and_then(|key| key.decode()).map_err(subxt::Error::from);
			let (id,) = self.answered(&connection, id).await?;
			let view = job_view(id, inference::JobView { job, jury: None });
			if matches!(view.state, JobState::Agreed(_)) {
				jobs.push(view);
			}
		}
		Ok(jobs)
	}

	async fn challenge_bond(&self, seat_fee: Balance) -> Result<Balance, ChainError> {
		use api::runtime_types::autonomy_runtime::configs::parameters::{
			dynamic::inference::{Disputes, ParametersKey, ParametersValue},
			RuntimeParametersKey, RuntimeParametersValue,
		};
		let (connection, at) = self.at_head().await?;
		let key = RuntimeParametersKey::Inference(ParametersKey::Disputes(Disputes));
		let set = at.storage().try_fetch(api::storage().parameters().parameters(), (key,)).await;
		let fees = match self.answered(&connection, set).await? {
			None => CHALLENGE_FEES,
			Some(set) => match self.answered(&connection, set.decode().map_err(subxt::Error::from)).await? {
				RuntimeParametersValue::Inference(ParametersValue::Disputes(disputes)) => disputes.challenge_bond,
				_ => CHALLENGE_FEES,
			},
		};
		let least = at.constants().entry(api::constants().inference().job_deposit_base());
		let least = self.answered(&connection, least).await?;
		let (fewest, most) = CHALLENGE_FEES_RANGE;
		Ok(seat_fee.saturating_mul(fees.clamp(fewest, most).into()).max(least))
	}

	async fn challenge_fee(&self, job: JobId, found: Found) -> Result<Balance, ChainError> {
		let call = api::transactions().inference().challenge(job, on_chain(found));
		let signer = self.signer.as_ref().ok_or(ChainError::NoKey("challenge"))?;
		let (connection, at) = self.at_head().await?;
		let params = DefaultExtrinsicParamsBuilder::<Conf>::new().mortal(MORTAL_BLOCKS).nonce(0).build();
		let signed = at.transactions().create_signed(&call, signer, params).await;
		let signed = self.answered(&connection, signed).await?;
		self.answered(&connection, signed.partial_fee_estimate().await).await
	}

	async fn spendable(&self, account: &AccountId) -> Result<Balance, ChainError> {
		let (connection, at) = self.at_head().await?;
		let least = at.constants().entry(api::constants().balances().existential_deposit());
		let least = self.answered(&connection, least).await?;
		Ok(self.balance(account).await?.saturating_sub(least))
	}

	async fn challenge(&self, job: JobId, found: Found) -> Result<Balance, ChainError> {
		let call = api::transactions().inference().challenge(job, on_chain(found));
		let events = self.transact("challenge", &call).await?;
		match events.find_first::<api::inference::events::Challenged>() {
			Some(Ok(event)) => Ok(event.bond),
			_ => Err(ChainError::Rpc("the block of the challenge has no Challenged event".into())),
		}
	}
}

#[cfg(test)]
mod tests {
	use super::{super::memory, *};
	use api::runtime_types::{pallet_inference::pallet::Call as Inference, pallet_utility::pallet::Call as Utility};

	fn submission(prompt: &str) -> (api::Call, JobInput) {
		let JobInput::Image(mut input) = memory::input() else { panic!("the input is a picture's") };
		input.prompt = prompt.as_bytes().to_vec().try_into().unwrap();
		let input = JobInput::Image(input);
		let call = Inference::submit_job {
			model: 0,
			input: Box::new(Static(input.clone())),
			k: None,
			tier: None,
			seed: Static(SeedPolicy::Chain),
			max_fee: 1,
		};
		(api::Call::Inference(call), input)
	}

	#[test]
	fn input_should_be_found_when_its_submission_stands_alone_or_in_a_batch() {
		let (call, input) = submission("a red circle");
		let hash = input_hash(&input);
		assert_eq!(submitted(call, &hash), Some(input.clone()));
		let inner = api::Call::Utility(Utility::batch_all {
			calls: vec![submission("a star").0, submission("a red circle").0],
		});
		let outer = api::Call::Utility(Utility::force_batch { calls: vec![inner] });
		assert_eq!(submitted(outer, &hash), Some(input));
	}

	#[test]
	fn input_should_not_be_found_when_another_was_submitted() {
		let (call, _) = submission("a red circle");
		assert_eq!(submitted(call, &[0; 32]), None);
	}
}
