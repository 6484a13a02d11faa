//! What the pallet stores and what it asks of its neighbours.

use alloc::vec::Vec;
use autonomy_primitives::{
	digest::Cid,
	job::{JobInput, SeedPolicy},
	Digest, JobId, ModelId,
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{traits::Get, BoundedVec};
use scale_info::TypeInfo;
use sp_runtime::traits::ConstU32;

/// Most operators on one job. `MaxCommittee` of a runtime may be lower, never higher.
pub const MAX_COMMITTEE: u32 = 15;
/// A job's commit deadline is this many times the model's budget, plus `CommitGrace`.
pub const BUDGET_FACTOR: u32 = 3;

/// Randomness for the draw of committees and seeds.
pub trait DrawRandomness {
	/// Randomness for a job's draw in this block, which nobody could know when the job was submitted; `None` when this
	/// block has none, and the draw is tried again in the next one.
	fn random(job: JobId) -> Option<Digest>;
}

/// The kind of processor that an operator runs on. Two operators whose results differ along this line point to a fault
/// of the engine.
#[derive(
	Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum CpuClass {
	/// x86-64-v3: AVX2 and FMA.
	#[codec(index = 0)]
	X86V3,
	/// x86-64-v4: AVX-512.
	#[codec(index = 1)]
	X86V4,
	/// 64-bit Arm.
	#[codec(index = 2)]
	Aarch64,
	/// Anything else.
	#[codec(index = 3)]
	Other,
}

/// An operator, identified by its owner's account.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Operator<AccountId, Balance, BlockNumber> {
	/// The account that commits and proves. It can never move the bond.
	pub worker: AccountId,
	/// Bond that backs slots, in planck.
	pub bond: Balance,
	/// Bond that is on its way out and still on hold, in planck.
	pub unbonding: Balance,
	/// First block at which `unbonding` can be withdrawn.
	pub withdraw_at: Option<BlockNumber>,
	/// Slots over all models, proved or not; each takes one `SlotBond` of the bond.
	pub slots_used: u32,
	/// Seats on jobs that have not ended.
	pub seats: u32,
	/// Seats that were paid.
	pub completed: u32,
	/// Seats that did not commit or did not reveal in time.
	pub missed: u32,
}

/// An operator's place on a model.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
#[scale_info(skip_type_params(MaxSlots))]
pub struct Membership<MaxSlots: Get<u32>> {
	/// Weight in the draw.
	pub slots: u32,
	/// Kernel specification that the operator runs.
	pub engine: Digest,
	/// Processor that it runs on.
	pub cpu_class: CpuClass,
	/// Whether it has reproduced the golden job. Only then it is drawn.
	pub proved: bool,
	/// Its indices in `SlotAt`: as many as `slots` once proved, else none.
	pub positions: BoundedVec<u32, MaxSlots>,
}

/// What an operator revealed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Outcome {
	/// Result digest.
	pub result: Digest,
	/// Trace root.
	pub trace_root: Digest,
	/// CID of the stored file.
	pub artifact: Cid,
}

/// One operator's place on a job.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Seat<AccountId> {
	/// The operator.
	pub operator: AccountId,
	/// Its commitment. Immutable once made.
	pub commitment: Option<Digest>,
	/// What the commitment was opened to.
	pub revealed: Option<Outcome>,
}

/// Where a job stands. Every state has one block at which it ends by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum JobState<BlockNumber> {
	/// Waiting for its committee.
	#[codec(index = 0)]
	Open {
		/// Block of the draw.
		draw_at: BlockNumber,
	},
	/// Operators work and commit.
	#[codec(index = 1)]
	Committing {
		/// First block at which no commitment is taken any more.
		deadline: BlockNumber,
	},
	/// Every seat has committed; commitments are opened.
	#[codec(index = 2)]
	Revealing {
		/// First block at which no reveal is taken any more.
		deadline: BlockNumber,
	},
	/// Every seat revealed the same outcome; the window runs.
	#[codec(index = 3)]
	Agreed {
		/// Block at which the job becomes final.
		final_at: BlockNumber,
	},
}

impl<BlockNumber: Copy> JobState<BlockNumber> {
	/// The block at which the state ends by itself, which is the job's place in the agenda.
	pub fn due(&self) -> BlockNumber {
		match self {
			Self::Open { draw_at } => *draw_at,
			Self::Committing { deadline } | Self::Revealing { deadline } => *deadline,
			Self::Agreed { final_at } => *final_at,
		}
	}
}

/// A job that has not ended. The model's terms are copied at submission: nothing that its owner changes reaches a job
/// under way.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Job<AccountId, Balance, BlockNumber> {
	/// Who asked, and whose money is on hold.
	pub requester: AccountId,
	/// The model.
	pub model: ModelId,
	/// The input.
	pub input: JobInput,
	/// Digest of the input.
	pub input_hash: Digest,
	/// Seats.
	pub k: u8,
	/// Where the seed comes from.
	pub seed_policy: SeedPolicy,
	/// The seed, known from the draw on.
	pub seed: Option<Digest>,
	/// Fee on hold for all seats together, in planck: price × units × k.
	pub fee: Balance,
	/// Storage deposit on hold, in planck.
	pub deposit: Balance,
	/// Draws that were tried before. Commitments are bound to it.
	pub round: u32,
	/// Where the job stands.
	pub state: JobState<BlockNumber>,
	/// The committee, empty until the draw.
	pub seats: BoundedVec<Seat<AccountId>, ConstU32<MAX_COMMITTEE>>,
	/// Block of the submission.
	pub submitted_at: BlockNumber,
	/// The model's weights root.
	pub weights_root: Digest,
	/// The model's kernel specification.
	pub engine: Digest,
	/// The model's budget for one job, in blocks.
	pub budget: u32,
}

/// What stays of a job that became final: enough to make its output again and to compare.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct ProvenanceRow<AccountId, BlockNumber> {
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

/// Why a job failed. The requester got everything back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum FailReason {
	/// No committee could be drawn.
	#[codec(index = 0)]
	NotEnoughOperators,
	/// A seat did not commit in time.
	#[codec(index = 1)]
	MissingCommit,
	/// A seat did not reveal in time.
	#[codec(index = 2)]
	MissingReveal,
	/// The seats revealed different outcomes.
	#[codec(index = 3)]
	Split,
}

/// What a job would cost if it were submitted now.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct Quote<Balance> {
	/// Fee for all seats together, in planck.
	pub fee: Balance,
	/// Storage deposit, returned when the job ends, in planck.
	pub deposit: Balance,
	/// Units of work for one operator.
	pub units: u32,
	/// Seats.
	pub k: u8,
}

/// An operator together with its open jobs, as the runtime API and the view functions give it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct OperatorView<AccountId, Balance, BlockNumber> {
	/// The operator.
	pub info: Operator<AccountId, Balance, BlockNumber>,
	/// Jobs on which it has a seat.
	pub open_seats: Vec<JobId>,
}

/// A job that has not ended, as the runtime API and the view functions give it.
pub type JobView<AccountId, Balance, BlockNumber> = Job<AccountId, Balance, BlockNumber>;
