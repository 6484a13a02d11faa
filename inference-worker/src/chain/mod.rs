//! The chain as the worker sees it: a few reads at the newest finalized block and a few transactions.
//!
//! [`Chain`] is what the operator's loop needs. [`node::Node`] is the real thing over subxt; the tests have one in
//! memory. An error of any of them means that the question was not answered, never that a job is gone: only a `None`
//! from an answered question means that.

use std::future::Future;

use autonomy_primitives::{
	digest::Cid,
	job::{JobInput, Modality},
	model::ModelLimits,
	Digest, JobId, ModelId,
};

use crate::queue::Answer;

pub use autonomy_chain_api as api;
pub mod endpoints;
#[cfg(test)]
pub mod memory;
pub mod node;
pub mod nonce;

pub use subxt::utils::AccountId32 as AccountId;

/// Planck.
pub type Balance = u128;
/// Number of a block.
pub type BlockNumber = u32;

/// Why the chain did not answer, or refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
	/// No configured node can be reached.
	#[error("cannot reach any node: {0}; start one with autonomy-node --dev or set chain.urls")]
	Unreachable(String),
	/// A node runs another chain than the configured one.
	#[error("{url} runs another chain: its genesis is 0x{actual}, chain.genesis says 0x{expected}")]
	OtherChain {
		/// The node.
		url: String,
		/// Its genesis hash.
		actual: String,
		/// The configured one.
		expected: String,
	},
	/// The chain's runtime is not the one this worker was built for.
	#[error(
		"the chain's runtime and this worker do not fit together ({0}); use the worker's release for this runtime"
	)]
	Incompatible(String),
	/// A question was not answered.
	#[error("the node did not answer: {0}")]
	Rpc(String),
	/// The chain refused a transaction; sending it again as it is would be refused again.
	#[error("{call} was refused: {reason}")]
	Refused {
		/// The call.
		call: &'static str,
		/// The pallet's error.
		reason: String,
	},
	/// A transaction did not reach a finalized block; it may or may not still do so.
	#[error("{call} did not reach a finalized block: {reason}")]
	Lost {
		/// The call.
		call: &'static str,
		/// What the node said.
		reason: String,
	},
	/// There is no key to sign with.
	#[error("{0} needs a key to sign with")]
	NoKey(&'static str),
}

/// Where a job stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JobState {
	/// Waiting for its committee, drawn at this block.
	Open(BlockNumber),
	/// Commitments are taken before this block.
	Committing(BlockNumber),
	/// Reveals are taken before this block.
	Revealing(BlockNumber),
	/// Agreed; final at this block.
	Agreed(BlockNumber),
}

/// One operator's place on a job.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SeatView {
	/// The operator.
	pub operator: AccountId,
	/// Its commitment.
	pub commitment: Option<Digest>,
	/// The result digest that it revealed.
	pub revealed: Option<Digest>,
}

/// A job that has not ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JobView {
	/// Number of the job.
	pub id: JobId,
	/// Who asked.
	pub requester: AccountId,
	/// The model.
	pub model: ModelId,
	/// The input.
	pub input: JobInput,
	/// The seed, known from the draw on.
	pub seed: Option<Digest>,
	/// Seats.
	pub k: u8,
	/// Fee on hold for all seats, in planck.
	pub fee: Balance,
	/// Draws before this one.
	pub round: u32,
	/// Where it stands.
	pub state: JobState,
	/// The committee.
	pub seats: Vec<SeatView>,
	/// The model's weights root.
	pub weights_root: Digest,
	/// The model's kernel specification.
	pub engine: Digest,
}

/// What stays of a final job.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Provenance {
	/// The model.
	pub model: ModelId,
	/// Who asked.
	pub requester: AccountId,
	/// Kernel specification.
	pub engine: Digest,
	/// Root over the model's weights.
	pub weights_root: Digest,
	/// Digest of the input.
	pub input_hash: Digest,
	/// The seed.
	pub seed: Digest,
	/// Result digest.
	pub result: Digest,
	/// Trace root.
	pub trace_root: Digest,
	/// CID of the stored file.
	pub artifact: Cid,
	/// Operators that agreed.
	pub k: u8,
	/// Block at which the job became final.
	pub finalised_at: BlockNumber,
}

/// A registered model.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ModelView {
	/// Number of the model.
	pub id: ModelId,
	/// Holder of its NFT.
	pub owner: Option<AccountId>,
	/// The kind of output.
	pub modality: Modality,
	/// CID of its manifest.
	pub manifest: Cid,
	/// Root over its weights.
	pub weights_root: Digest,
	/// Kernel specification.
	pub engine: Digest,
	/// Bounds of one job.
	pub limits: ModelLimits,
	/// Price of one unit for one operator, in planck.
	pub price_per_unit: Balance,
	/// Blocks for one job.
	pub budget: u32,
	/// Input of the golden job.
	pub golden_input: JobInput,
	/// Seed of the golden job.
	pub golden_seed: Digest,
	/// Result of the golden job.
	pub golden_result: Digest,
	/// SPDX licence.
	pub licence: String,
	/// Whether new jobs are taken.
	pub active: bool,
}

/// An operator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OperatorView {
	/// The account that commits.
	pub worker: AccountId,
	/// Bond, in planck.
	pub bond: Balance,
	/// Slots over all models.
	pub slots_used: u32,
	/// Seats that were paid.
	pub completed: u32,
	/// Seats that were missed.
	pub missed: u32,
}

/// An operator's place on a model.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MembershipView {
	/// The model.
	pub model: ModelId,
	/// Weight in the draw.
	pub slots: u32,
	/// Kernel specification that it said it runs.
	pub engine: Digest,
	/// Whether it has reproduced the golden job.
	pub proved: bool,
}

/// The chain, for one worker. Reads are at the newest finalized block; a transaction returns once it is in a finalized
/// block and succeeded.
pub trait Chain: Send + Sync + 'static {
	/// Waits for the next finalized block and gives its number. Blocks may be skipped, never repeated in order: every
	/// read tells the whole state, so nothing is lost with a skipped block.
	fn next_head(&self) -> impl Future<Output = Result<BlockNumber, ChainError>> + Send;
	/// Number of the newest finalized block that the node knows.
	fn head(&self) -> impl Future<Output = Result<BlockNumber, ChainError>> + Send;
	/// Hash of the chain's first block.
	fn genesis(&self) -> impl Future<Output = Result<Digest, ChainError>> + Send;
	/// The operator that a worker's key is registered for.
	fn operator_of(&self, worker: &AccountId) -> impl Future<Output = Result<Option<AccountId>, ChainError>> + Send;
	/// Jobs on which an operator has a seat and which have not ended.
	fn open_seats(&self, operator: &AccountId) -> impl Future<Output = Result<Vec<JobId>, ChainError>> + Send;
	/// A job that has not ended.
	fn job(&self, job: JobId) -> impl Future<Output = Result<Option<JobView>, ChainError>> + Send;
	/// What stays of a final job.
	fn provenance(&self, job: JobId) -> impl Future<Output = Result<Option<Provenance>, ChainError>> + Send;
	/// A registered model.
	fn model(&self, model: ModelId) -> impl Future<Output = Result<Option<ModelView>, ChainError>> + Send;
	/// The models that an operator is on.
	fn memberships(&self, operator: &AccountId)
		-> impl Future<Output = Result<Vec<MembershipView>, ChainError>> + Send;
	/// Commits to an answer.
	fn commit(&self, job: JobId, commitment: Digest) -> impl Future<Output = Result<(), ChainError>> + Send;
	/// Opens the commitment.
	fn reveal(
		&self,
		job: JobId,
		operator: &AccountId,
		answer: &Answer,
	) -> impl Future<Output = Result<(), ChainError>> + Send;
	/// Shows that the worker reproduces a model's golden job.
	fn prove_engine(&self, model: ModelId, result: Digest) -> impl Future<Output = Result<(), ChainError>> + Send;
}
