//! The chain as the worker sees it: a few reads at the newest finalized block and a few transactions.
//!
//! [`Chain`] is what the operator's loop and the watcher of others need. [`node::Node`] is the real thing over subxt; the
//! tests have one in memory. An error of any of them means that the question was not answered, never that a job is gone:
//! only a `None` from an answered question means that.

use std::future::Future;

use autonomy_primitives::{
	digest::{self, Cid, ResultContext},
	job::{JobInput, Modality},
	model::ModelLimits,
	trace::TraceOpening,
	Digest, JobId, ModelId,
};
use codec::{Decode, Encode};

use crate::queue::{Answer, Report};

pub use autonomy_chain_api as api;
pub mod endpoints;
mod heads;
#[cfg(test)]
pub mod memory;
pub mod node;
pub mod nonce;

pub use heads::follow;
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
	/// No block takes a transaction as things are, such as one whose fee cannot be paid. Later one may.
	#[error("{call} was refused: {reason}")]
	Invalid {
		/// The call.
		call: &'static str,
		/// What is wrong with it.
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

/// What a seat is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode)]
pub enum Role {
	/// Drawn to make the job's result.
	#[codec(index = 0)]
	Committee,
	/// Drawn to make it again after the committee agreed.
	#[codec(index = 1)]
	Auditor,
	/// Drawn to decide a dispute.
	#[codec(index = 2)]
	Juror,
	/// Not drawn: it opened the dispute itself, with a bond.
	#[codec(index = 3)]
	Challenger,
}

impl Role {
	/// Every role, in the order of their indices.
	pub const ALL: [Self; 4] = [Self::Committee, Self::Auditor, Self::Juror, Self::Challenger];

	/// The role's name.
	pub fn name(self) -> &'static str {
		match self {
			Self::Committee => "committee",
			Self::Auditor => "auditor",
			Self::Juror => "juror",
			Self::Challenger => "challenger",
		}
	}
}

/// Where a job stands, with the block that the state waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JobState {
	/// Waiting for its committee, drawn at this block.
	Open(BlockNumber),
	/// Commitments are taken before this block.
	Committing(BlockNumber),
	/// Reveals are taken before this block.
	Revealing(BlockNumber),
	/// Agreed; final at this block, unless it is audited or challenged.
	Agreed(BlockNumber),
	/// Agreed; an auditor's outcome is taken before this block.
	Auditing(BlockNumber),
	/// In dispute; a jury is drawn at this block.
	JuryDraw(BlockNumber),
	/// Jurors' commitments are taken before this block.
	JuryCommitting(BlockNumber),
	/// Jurors' reveals are taken before this block.
	JuryRevealing(BlockNumber),
}

impl JobState {
	/// The state's name.
	pub fn name(self) -> &'static str {
		match self {
			Self::Open(_) => "open",
			Self::Committing(_) => "committing",
			Self::Revealing(_) => "revealing",
			Self::Agreed(_) => "agreed",
			Self::Auditing(_) => "auditing",
			Self::JuryDraw(_) => "jury_draw",
			Self::JuryCommitting(_) => "jury_committing",
			Self::JuryRevealing(_) => "jury_revealing",
		}
	}

	/// The block that it waits for.
	pub fn until(self) -> BlockNumber {
		match self {
			Self::Open(at)
			| Self::Committing(at)
			| Self::Revealing(at)
			| Self::Agreed(at)
			| Self::Auditing(at)
			| Self::JuryDraw(at)
			| Self::JuryCommitting(at)
			| Self::JuryRevealing(at) => at,
		}
	}

	/// Whether a jury decides.
	pub fn disputed(self) -> bool {
		matches!(self, Self::JuryDraw(_) | Self::JuryCommitting(_) | Self::JuryRevealing(_))
	}
}

/// What an operator says it found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Found {
	/// Result digest, or a fault's.
	pub result: Digest,
	/// Trace root.
	pub trace_root: Digest,
	/// CID of the stored file.
	pub artifact: Cid,
}

/// One operator's place on a committee or a jury.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SeatView {
	/// The operator.
	pub operator: AccountId,
	/// The job's round when it was drawn, to which its commitment is bound.
	pub round: u32,
	/// Its commitment.
	pub commitment: Option<Digest>,
	/// What it revealed.
	pub revealed: Option<Found>,
}

/// The operator that audits an agreed job.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditorView {
	/// The operator.
	pub operator: AccountId,
	/// The job's round when it was drawn.
	pub round: u32,
	/// Picks the chunk of the trace that it has to open.
	pub draw: Digest,
	/// What it found.
	pub found: Option<Found>,
}

/// The jury of a job in dispute.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JuryView {
	/// Number of the present panel: 1 or 2.
	pub panel: u8,
	/// Picks the chunk of the trace that each juror of the present panel has to open.
	pub draw: Digest,
	/// Where the present panel begins in `seats`.
	pub first: usize,
	/// The jurors of both panels.
	pub seats: Vec<SeatView>,
}

/// Somebody's claim that a job's answer is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChallengeView {
	/// Who claims it.
	pub challenger: AccountId,
	/// Its bond on hold, in planck.
	pub bond: Balance,
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
	/// Name of its tier.
	pub tier: &'static str,
	/// Fee of one seat, in planck.
	pub seat_fee: Balance,
	/// On hold for an audit, in planck.
	pub audit_reserve: Balance,
	/// What each seat has at stake, in planck.
	pub exposure: Balance,
	/// Number of the next draw.
	pub round: u32,
	/// Where it stands.
	pub state: JobState,
	/// The committee.
	pub seats: Vec<SeatView>,
	/// The auditor.
	pub auditor: Option<AuditorView>,
	/// The jury.
	pub jury: Option<JuryView>,
	/// The challenge.
	pub challenge: Option<ChallengeView>,
	/// The model's weights root.
	pub weights_root: Digest,
	/// The model's kernel specification.
	pub engine: Digest,
}

/// An operator's part in a job.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
	/// What it is there for.
	pub role: Role,
	/// The job's round when it was drawn.
	pub round: u32,
	/// Its commitment; an auditor makes none.
	pub commitment: Option<Digest>,
	/// What it revealed or found.
	pub found: Option<Found>,
	/// Picks the chunk of the trace that it has to open, if it has to.
	pub draw: Option<Digest>,
}

impl JobView {
	/// Fee of all seats together, in planck.
	pub fn fee(&self) -> Balance {
		self.seat_fee.saturating_mul(self.k.into())
	}

	/// What the committee agreed on, once all of it is revealed and equal.
	pub fn agreed(&self) -> Option<Found> {
		match self.state {
			JobState::Agreed(_) | JobState::Auditing(_) => self.seats.iter().find_map(|seat| seat.revealed),
			JobState::Open(_)
			| JobState::Committing(_)
			| JobState::Revealing(_)
			| JobState::JuryDraw(_)
			| JobState::JuryCommitting(_)
			| JobState::JuryRevealing(_) => None,
		}
	}

	/// An operator's part in the job. It has at most one.
	pub fn place(&self, operator: &AccountId) -> Option<Place> {
		let of = |seat: &SeatView, role, draw| Place {
			role,
			round: seat.round,
			commitment: seat.commitment,
			found: seat.revealed,
			draw,
		};
		if let Some(seat) = self.seats.iter().find(|seat| seat.operator == *operator) {
			return Some(of(seat, Role::Committee, None));
		}
		if let Some(auditor) = self.auditor.as_ref().filter(|auditor| auditor.operator == *operator) {
			let AuditorView { round, draw, found, .. } = *auditor;
			return Some(Place { role: Role::Auditor, round, commitment: None, found, draw: Some(draw) });
		}
		let jury = self.jury.as_ref()?;
		let (index, seat) = jury.seats.iter().enumerate().find(|(_, seat)| seat.operator == *operator)?;
		Some(of(seat, Role::Juror, (index >= jury.first).then_some(jury.draw)))
	}

	/// Everybody who said what it found: operator, role and finding.
	pub fn findings(&self) -> Vec<(AccountId, Role, Found)> {
		let seats = self.seats.iter().map(|seat| (seat.operator, Role::Committee, seat.revealed));
		let auditor = self.auditor.iter().map(|auditor| (auditor.operator, Role::Auditor, auditor.found));
		let jurors = self.jury.iter().flat_map(|jury| &jury.seats);
		let jurors = jurors.map(|seat| (seat.operator, Role::Juror, seat.revealed));
		seats.chain(auditor).chain(jurors).filter_map(|(who, role, found)| Some((who, role, found?))).collect()
	}
}

/// What happened to a job in a block, as far as somebody's money or seat is concerned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum JobEvent {
	/// It became final: each of these seats got this much, in planck.
	Final {
		/// Owners' accounts of the seats.
		operators: Vec<AccountId>,
		/// What each was paid.
		each: Balance,
	},
	/// It ended without a result.
	Failed {
		/// Why.
		reason: String,
		/// What each seat was paid that found a fault in the input, in planck.
		each: Balance,
	},
	/// An operator missed a duty.
	Missed {
		/// Owner's account.
		operator: AccountId,
		/// Whether it had committed.
		committed: bool,
		/// What it lost, in planck.
		penalty: Balance,
	},
	/// An operator gave its seat back.
	Declined(AccountId),
	/// An operator was wrong.
	Slashed {
		/// Owner's account.
		operator: AccountId,
		/// What it lost, in planck.
		amount: Balance,
	},
	/// What was slashed was divided.
	Shared {
		/// To each seat and juror that was right, in planck.
		each_honest: Balance,
		/// The challenger or auditor.
		accuser: Option<AccountId>,
		/// To the accuser, in planck.
		reward: Balance,
	},
	/// A challenge was judged.
	ChallengeEnded {
		/// Who had challenged.
		challenger: AccountId,
		/// Whether it was right.
		won: bool,
		/// Its bond, in planck.
		bond: Balance,
		/// What each juror that was right got of it, in planck.
		each_juror: Balance,
	},
	/// Results differ along processors; these operators' exposure is frozen.
	EngineFault(Vec<AccountId>),
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

impl Provenance {
	/// Whether the job's result is a digest of this output.
	pub fn is_of(&self, genesis: Digest, modality: Modality, canonical: &[u8]) -> bool {
		let Self { weights_root: model_root, engine, input_hash, seed, .. } = *self;
		let context = ResultContext { genesis, model_root, engine, input_hash, seed, modality };
		digest::result(&context, canonical) == self.result
	}
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
	/// What is on its way out of the bond, in planck.
	pub unbonding: Balance,
	/// Part of the bond that is at stake on jobs, in planck.
	pub exposed: Balance,
	/// First block at which it is drawn again, if it is suspended.
	pub suspended_until: Option<BlockNumber>,
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
	/// Root over the weights of the version whose golden job it reproduced last.
	pub proved: Option<Digest>,
	/// The same of the version before.
	pub proved_before: Option<Digest>,
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
	/// An operator, by its owner's account.
	fn account(&self, owner: &AccountId) -> impl Future<Output = Result<Option<OperatorView>, ChainError>> + Send;
	/// What happened to jobs in a finalized block. `None` when the node has dropped that block's state.
	fn job_events(
		&self,
		block: BlockNumber,
	) -> impl Future<Output = Result<Option<Vec<(JobId, JobEvent)>>, ChainError>> + Send;
	/// A registered model.
	fn model(&self, model: ModelId) -> impl Future<Output = Result<Option<ModelView>, ChainError>> + Send;
	/// The models that an operator is on.
	fn memberships(&self, operator: &AccountId)
		-> impl Future<Output = Result<Vec<MembershipView>, ChainError>> + Send;
	/// Commits to an answer.
	fn commit(&self, job: JobId, commitment: Digest) -> impl Future<Output = Result<(), ChainError>> + Send;
	/// Opens the commitment. A juror with a result also opens a chunk of its trace.
	fn reveal(
		&self,
		job: JobId,
		operator: &AccountId,
		answer: &Answer,
		opening: Option<TraceOpening>,
	) -> impl Future<Output = Result<(), ChainError>> + Send;
	/// Says what the auditor found.
	fn audit(
		&self,
		job: JobId,
		answer: &Answer,
		opening: Option<TraceOpening>,
	) -> impl Future<Output = Result<(), ChainError>> + Send;
	/// Gives a seat back that has not committed.
	fn decline(&self, job: JobId) -> impl Future<Output = Result<(), ChainError>> + Send;
	/// Shows that the worker reproduces a model's golden job.
	fn prove_engine(&self, model: ModelId, result: Digest) -> impl Future<Output = Result<(), ChainError>> + Send;
	/// Reports what a final evaluation or ballot found: the chain has only its digest. Anyone may, once.
	fn report(&self, job: JobId, report: Report) -> impl Future<Output = Result<(), ChainError>> + Send;
	/// The jobs whose answer is agreed and can be challenged: no auditor is at work on them.
	fn agreed_jobs(&self) -> impl Future<Output = Result<Vec<JobView>, ChainError>> + Send;
	/// The bond that challenging a job with this fee of a seat takes, in planck.
	fn challenge_bond(&self, seat_fee: Balance) -> impl Future<Output = Result<Balance, ChainError>> + Send;
	/// About the fee of challenging a job, in planck.
	fn challenge_fee(&self, job: JobId, found: Found) -> impl Future<Output = Result<Balance, ChainError>> + Send;
	/// What an account can pay or put on hold and still exist, in planck.
	fn spendable(&self, account: &AccountId) -> impl Future<Output = Result<Balance, ChainError>> + Send;
	/// Claims that an agreed job's outcome is another one. Gives the bond that went on hold, in planck.
	fn challenge(&self, job: JobId, found: Found) -> impl Future<Output = Result<Balance, ChainError>> + Send;
}
