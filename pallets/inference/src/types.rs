//! What the pallet stores and what it asks of its neighbours.

use alloc::vec::Vec;
use autonomy_primitives::{
	digest::Cid,
	fault::FaultCode,
	job::{JobInput, Modality, SeedPolicy},
	CharacterId, Digest, JobId, ModelId,
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{traits::Get, BoundedVec};
use scale_info::TypeInfo;
use sp_runtime::{
	traits::{AtLeast32BitUnsigned, ConstU32},
	Permill,
};

use crate::maths::Record;

/// Most operators on one committee. `MaxCommittee` of a runtime may be lower, never higher.
pub const MAX_COMMITTEE: u32 = 15;
/// Most jurors on one job: a first panel and a second one.
pub const MAX_JURORS: u32 = 22;
/// Most operators that a job turns away from further draws: those whose seat was drawn anew, auditors that were late, and the
/// one of whoever is barred from the job.
pub const MAX_EXCLUDED: u32 = 48;
/// Most operators in one [`EngineFault`].
pub const MAX_SUSPECTS: u32 = MAX_COMMITTEE + MAX_JURORS + 1;
/// A job's commit deadline is this many times its budget, plus `commit_grace`.
pub const BUDGET_FACTOR: u32 = 3;
/// Operators of one class of processors that must agree against a verdict before it looks like a fault of the engine.
pub const LEAST_OF_CLASS: u32 = 2;
/// Fewest seats of an evaluation.
pub const LEAST_OF_EVALUATION: u8 = 3;

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
	/// What its seats put at stake, in planck; at most the bond. A seat suspected of an engine fault stays in it until the
	/// fault is resolved.
	pub exposed: Balance,
	/// Seats that ended with a result that held.
	pub completed: u32,
	/// Seats that did not commit or did not reveal in time.
	pub missed: u32,
	/// The last seats, and which of them were missed.
	pub record: Record,
	/// Times that it was suspended; forgiven after a record without a miss.
	pub suspensions: u32,
	/// First block at which it is drawn again.
	pub suspended_until: Option<BlockNumber>,
	/// Seats declined since `declines_since`.
	pub declines: u32,
	/// Block at which the present period of declines began.
	pub declines_since: BlockNumber,
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
	/// The weights with which it reproduced the golden job last. It is drawn only for versions that it has proved.
	pub proved: Option<Digest>,
	/// The weights that it had proved before those: jobs that were submitted for them are still done.
	pub proved_before: Option<Digest>,
	/// Its indices in `SlotAt`: as many as `slots` once it has proved any version, else none.
	pub positions: BoundedVec<u32, MaxSlots>,
}

impl<MaxSlots: Get<u32>> Membership<MaxSlots> {
	/// Whether the operator can do a job with these weights. An evaluation compares two versions, which nobody has to have
	/// proved: any version will do.
	pub fn can_do(&self, purpose: Purpose, weights_root: &Digest) -> bool {
		let proved = [&self.proved, &self.proved_before];
		match purpose {
			Purpose::Plain | Purpose::Character(_) | Purpose::Ballot => {
				proved.into_iter().flatten().any(|root| root == weights_root)
			}
			Purpose::Evaluation => self.proved.is_some(),
		}
	}
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

impl Outcome {
	/// The fault that was found in place of a result, if it was one.
	pub fn fault(&self) -> Option<FaultCode> {
		use autonomy_primitives::fault::{NO_ARTIFACT, NO_TRACE};
		if self.artifact != NO_ARTIFACT || self.trace_root != NO_TRACE {
			return None;
		}
		FaultCode::of(&self.result)
	}
}

/// How much depends on a result, which decides how much is at stake for a wrong one.
#[derive(
	Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Tier {
	/// A reply.
	#[codec(index = 0)]
	Text,
	/// A picture or an animation.
	#[codec(index = 1)]
	Image,
	/// A work that is going to be minted, or the evaluation of a model.
	#[codec(index = 2)]
	Creation,
	/// A ballot of an AI. Never asked for by a signed account.
	#[codec(index = 3)]
	Ballot,
}

impl Tier {
	/// The tier of a job that does not name one.
	pub fn of(modality: Modality) -> Self {
		match modality {
			Modality::Image | Modality::Animation | Modality::SpriteSheet | Modality::Tile => Self::Image,
			Modality::Text => Self::Text,
			Modality::Evaluation => Self::Creation,
			Modality::Ballot => Self::Ballot,
		}
	}
}

/// What a job is done for, which decides who else is paid for it and who is told of its end.
#[derive(
	Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Purpose {
	/// For the requester.
	#[codec(index = 0)]
	Plain,
	/// For the requester, by a character, which has a part of the fee.
	#[codec(index = 1)]
	Character(CharacterId),
	/// For the model registry: what a version of the model is worth.
	#[codec(index = 2)]
	Evaluation,
	/// For governance: what an AI decides on a proposal.
	#[codec(index = 3)]
	Ballot,
}

impl Purpose {
	/// What a job with this input is done for when no character is named.
	pub fn of(input: &JobInput) -> Self {
		match input.modality() {
			Modality::Evaluation => Self::Evaluation,
			Modality::Ballot => Self::Ballot,
			Modality::Image | Modality::Text | Modality::Animation | Modality::SpriteSheet | Modality::Tile => {
				Self::Plain
			}
		}
	}
}

/// A job as another pallet orders it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Order<Balance> {
	/// The model.
	pub model: ModelId,
	/// What to make; within the model's limits.
	pub input: JobInput,
	/// Seats; without it as many as the tier asks for. An evaluation has at least [`LEAST_OF_EVALUATION`], a ballot always as
	/// many as its tier asks for.
	pub k: Option<u8>,
	/// How much depends on the result; without it the tier of the input's kind of output. An evaluation's is always
	/// [`Tier::Creation`], a ballot's [`Tier::Ballot`].
	pub tier: Option<Tier>,
	/// Where the seed comes from.
	pub seed_policy: SeedPolicy,
	/// Most that fee and audit reserve together may be, in planck.
	pub max_fee: Balance,
	/// What it is done for.
	pub purpose: Purpose,
}

/// One operator's place on a job.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Seat<AccountId, BlockNumber> {
	/// The operator.
	pub operator: AccountId,
	/// Processor that it runs on.
	pub cpu_class: CpuClass,
	/// The job's round when it was drawn; its commitment is bound to it.
	pub round: u32,
	/// Block of its draw.
	pub drawn_at: BlockNumber,
	/// Its commitment. Immutable once made.
	pub commitment: Option<Digest>,
	/// What the commitment was opened to.
	pub revealed: Option<Outcome>,
}

/// The operator that was drawn to confirm an agreed result.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Auditor<AccountId, BlockNumber> {
	/// The operator.
	pub operator: AccountId,
	/// Processor that it runs on.
	pub cpu_class: CpuClass,
	/// The job's round when it was drawn.
	pub round: u32,
	/// Block of its draw. The time for challenges stands still while it works.
	pub drawn_at: BlockNumber,
	/// Picks the chunk of the trace that it has to open.
	pub draw: Digest,
	/// What it found.
	pub found: Option<Outcome>,
}

/// Someone's claim that an agreed result is wrong.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Challenge<AccountId, Balance> {
	/// Who claims it.
	pub challenger: AccountId,
	/// Its bond on hold, in planck.
	pub bond: Balance,
	/// What it says is right.
	pub outcome: Outcome,
}

/// The jury of a job in dispute.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Jury<AccountId, BlockNumber> {
	/// The present panel: 1 or 2.
	pub panel: u8,
	/// Picks the chunk of the trace that each juror of the present panel has to open.
	pub draw: Digest,
	/// Jurors that the present panel should have.
	pub wanted: u8,
	/// Jurors that were drawn for it. With fewer than wanted it must be unanimous.
	pub drawn: u8,
	/// The jurors. Those of the first panel stay when a second one is drawn.
	pub seats: BoundedVec<Seat<AccountId, BlockNumber>, ConstU32<MAX_JURORS>>,
	/// Where the present panel begins in `seats`.
	pub first: u8,
}

/// How far the audit of an agreed job has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Audit<BlockNumber> {
	/// Chance has not yet said whether there is one, or by whom.
	#[codec(index = 0)]
	Pending {
		/// Block at which it does.
		draw_at: BlockNumber,
		/// Whether there is one in any case: a seat was not revealed, or the auditor that was drawn was late.
		certain: bool,
	},
	/// The auditor works.
	#[codec(index = 1)]
	Waiting {
		/// First block at which its digest is not taken any more.
		deadline: BlockNumber,
	},
	/// There is nothing to wait for.
	#[codec(index = 2)]
	Closed,
}

/// How far a jury has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum JuryPhase<BlockNumber> {
	/// Waiting for its draw.
	#[codec(index = 0)]
	Drawing {
		/// Block of the draw.
		draw_at: BlockNumber,
	},
	/// Jurors work and commit.
	#[codec(index = 1)]
	Committing {
		/// First block at which no commitment is taken any more.
		deadline: BlockNumber,
	},
	/// Commitments are opened, each with a chunk of the trace.
	#[codec(index = 2)]
	Revealing {
		/// First block at which no reveal is taken any more.
		deadline: BlockNumber,
	},
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
		/// Block at which empty seats are drawn anew, if there are any.
		fill_at: Option<BlockNumber>,
	},
	/// Every seat has committed; commitments are opened.
	#[codec(index = 2)]
	Revealing {
		/// First block at which no reveal is taken any more.
		deadline: BlockNumber,
	},
	/// Every seat revealed the same outcome; it can be challenged, and chance may have it audited.
	#[codec(index = 3)]
	Agreed {
		/// Block at which the job becomes final, if no audit is open then.
		final_at: BlockNumber,
		/// The audit.
		audit: Audit<BlockNumber>,
	},
	/// The outcome is in dispute.
	#[codec(index = 4)]
	Jury {
		/// How far the jury has come.
		phase: JuryPhase<BlockNumber>,
	},
}

impl<BlockNumber: Copy + Ord> JobState<BlockNumber> {
	/// The block at which the state ends by itself, which is the job's place in the agenda.
	pub fn due(&self) -> BlockNumber {
		match self {
			Self::Open { draw_at } => *draw_at,
			Self::Committing { deadline, fill_at } => fill_at.map_or(*deadline, |at| at.min(*deadline)),
			Self::Revealing { deadline } => *deadline,
			Self::Agreed { final_at, audit } => match audit {
				Audit::Pending { draw_at, .. } => *draw_at,
				Audit::Waiting { deadline, .. } => *deadline,
				Audit::Closed => *final_at,
			},
			Self::Jury { phase } => match phase {
				JuryPhase::Drawing { draw_at } => *draw_at,
				JuryPhase::Committing { deadline } | JuryPhase::Revealing { deadline } => *deadline,
			},
		}
	}
}

/// A job that has not ended. The model's terms and the tier's are copied at submission, as is the split, which stands in
/// [`crate::Splits`]: nothing that anyone changes later reaches a job under way.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Job<AccountId, Balance, BlockNumber> {
	/// Who asked, and whose money is on hold.
	pub requester: AccountId,
	/// The model.
	pub model: ModelId,
	/// What it is done for.
	pub purpose: Purpose,
	/// The input.
	pub input: JobInput,
	/// Digest of the input.
	pub input_hash: Digest,
	/// Seats.
	pub k: u8,
	/// How much depends on the result.
	pub tier: Tier,
	/// Where the seed comes from.
	pub seed_policy: SeedPolicy,
	/// The seed, known from the draw on.
	pub seed: Option<Digest>,
	/// Fee of one seat, in planck: price × units.
	pub seat_fee: Balance,
	/// On hold besides the seats' fees, in planck: what an audit is paid from.
	pub audit_reserve: Balance,
	/// Storage deposit on hold, in planck.
	pub deposit: Balance,
	/// What each seat puts at stake, in planck.
	pub exposure: Balance,
	/// Probability of an audit.
	pub audit_probability: Permill,
	/// Blocks for challenges.
	pub window: BlockNumber,
	/// Draws that were tried before. A seat's commitment is bound to the round of its draw.
	pub round: u32,
	/// Draws in a row that did not come together.
	pub tries: u32,
	/// Times that empty seats had to be drawn anew.
	pub redraws: u32,
	/// Where the job stands.
	pub state: JobState<BlockNumber>,
	/// The committee, empty until the draw.
	pub seats: BoundedVec<Seat<AccountId, BlockNumber>, ConstU32<MAX_COMMITTEE>>,
	/// The auditor.
	pub auditor: Option<Auditor<AccountId, BlockNumber>>,
	/// The challenge.
	pub challenge: Option<Challenge<AccountId, Balance>>,
	/// Operators that are not drawn for it any more.
	pub excluded: BoundedVec<AccountId, ConstU32<MAX_EXCLUDED>>,
	/// Whoever must have no part in it, as an operator's owner or as its worker: of a ballot, whoever controls the AI. The
	/// operator that it had from the start is among those that are not drawn.
	pub barred: Option<AccountId>,
	/// Block of the submission.
	pub submitted_at: BlockNumber,
	/// Root over the weights of the model's version at submission; of an evaluation, over the base's.
	pub weights_root: Digest,
	/// The model's kernel specification.
	pub engine: Digest,
	/// Blocks that the job takes an operator of the slowest supported kind: the model's budget, as many times as the input
	/// may take it.
	pub budget: u32,
}

impl<AccountId, Balance: AtLeast32BitUnsigned + Copy, BlockNumber> Job<AccountId, Balance, BlockNumber> {
	/// What is on hold for it besides the deposit, in planck: the seats' fees and the audit's.
	pub fn escrow(&self) -> Balance {
		self.seat_fee.saturating_mul(self.k.into()).saturating_add(self.audit_reserve)
	}

	/// What the seats of an agreed job found.
	pub fn outcome(&self) -> Option<Outcome> {
		self.seats.iter().find_map(|seat| seat.revealed)
	}
}

/// Operators whose results differ from a verdict along their processors. Their exposure stays frozen, and their class is
/// not drawn for the model, until `resolve_engine_fault` says what it was.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct EngineFault<AccountId, Balance> {
	/// The model.
	pub model: ModelId,
	/// The classes of processors that differ.
	pub classes: BoundedVec<CpuClass, ConstU32<4>>,
	/// What each of the suspects has frozen, in planck.
	pub exposure: Balance,
	/// The suspects.
	pub suspects: BoundedVec<AccountId, ConstU32<MAX_SUSPECTS>>,
	/// Operators whose result held.
	pub honest: BoundedVec<AccountId, ConstU32<MAX_SUSPECTS>>,
	/// Whoever brought the dispute about and was right: a challenger or an auditor.
	pub accuser: Option<AccountId>,
}

/// What stays of a job that became final: enough to make its output again and to compare.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct ProvenanceRow<AccountId, BlockNumber> {
	/// The model.
	pub model: ModelId,
	/// Who asked.
	pub requester: AccountId,
	/// What it was done for.
	pub purpose: Purpose,
	/// The kind of output.
	pub modality: Modality,
	/// Kernel specification.
	pub engine: Digest,
	/// Root over the weights of the model's version at submission; of an evaluation, over the base's.
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
	/// Operators that found this result: seats, auditor and jurors.
	pub k: u8,
	/// Block at which the job became final.
	pub finalised_at: BlockNumber,
}

/// Why a job failed. The requester got everything back, but for an input fault, which costs `fault_pay`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum FailReason {
	/// No committee could be drawn.
	#[codec(index = 0)]
	NotEnoughOperators,
	/// Seats stayed empty or unrevealed although they were drawn anew as often as is allowed.
	#[codec(index = 1)]
	Expired,
	/// Not even the second jury found two thirds for one outcome, or none could be drawn.
	#[codec(index = 2)]
	Disputed,
	/// Every operator found the same fault in the input.
	#[codec(index = 3)]
	InputFault(FaultCode),
	/// Results differed along the operators' processors.
	#[codec(index = 4)]
	EngineFault,
}

/// What made a jury necessary.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum DisputeCause {
	/// The seats revealed different outcomes.
	#[codec(index = 0)]
	Split,
	/// The auditor found another outcome.
	#[codec(index = 1)]
	Audit,
	/// Someone challenged the outcome.
	#[codec(index = 2)]
	Challenge,
}

/// What an operator missed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Duty {
	/// To commit in time.
	#[codec(index = 0)]
	Commit,
	/// To reveal in time.
	#[codec(index = 1)]
	Reveal,
	/// To audit in time.
	#[codec(index = 2)]
	Audit,
}

/// What a job would cost if it were submitted now.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct Quote<Balance> {
	/// Fee for one seat, in planck: price × units.
	pub seat_fee: Balance,
	/// Fee for all seats together, in planck.
	pub fee: Balance,
	/// Put on hold for an audit, in planck; returned when chance picks none.
	pub audit_reserve: Balance,
	/// Storage deposit, returned when the job ends, in planck.
	pub deposit: Balance,
	/// Units of work for one operator.
	pub units: u32,
	/// Seats.
	pub k: u8,
}

/// What it takes to challenge a job now.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct ChallengeTerms<Balance, BlockNumber> {
	/// The challenger's bond, in planck.
	pub bond: Balance,
	/// Last block at which a challenge is taken.
	pub last_block: BlockNumber,
}

/// An operator together with its open jobs, as the runtime API and the view functions give it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct OperatorView<AccountId, Balance, BlockNumber> {
	/// The operator.
	pub info: Operator<AccountId, Balance, BlockNumber>,
	/// Jobs on which it has a seat.
	pub open_seats: Vec<JobId>,
}

/// A job that has not ended with its jury, as the runtime API and the view functions give it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct JobView<AccountId, Balance, BlockNumber> {
	/// The job.
	pub job: Job<AccountId, Balance, BlockNumber>,
	/// Its jury, while its outcome is in dispute.
	pub jury: Option<Jury<AccountId, BlockNumber>>,
}
