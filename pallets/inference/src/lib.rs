#![cfg_attr(not(feature = "std"), no_std)]
#![doc = include_str!("../README.md")]

extern crate alloc;

mod agenda;
mod audit;
mod ballots;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod committee;
mod draw;
mod evaluations;
mod jobs;
mod jury;
pub mod maths;
#[cfg(test)]
mod mock;
mod operators;
pub mod rules;
pub mod runtime_api;
mod settlement;
mod split;
#[cfg(test)]
mod tests;
mod try_state;
mod types;
pub mod weights;

pub use pallet::*;
pub use rules::{Disputes, FeeSplit, Penalties, TierRules, Tiers, Timing};
pub use split::{CharacterSplit, Dues, Part, Payment, Split};
pub use types::*;
pub use weights::WeightInfo;

use alloc::{boxed::Box, vec::Vec};
use autonomy_primitives::{
	ballot::{BallotResults, UsageSink},
	character::Characters,
	community::RevenueSink,
	digest::Cid,
	evaluation::EvaluationResults,
	job::{JobInput, LimitExceeded, SeedPolicy},
	model::{ModelAccess, ModelRegistry},
	payout::ModelRevenue,
	trace::TraceOpening,
	Digest, JobId, ModelId,
};
use frame_support::{
	pallet_prelude::*,
	traits::fungible::{BalancedHold, Inspect, Mutate, MutateHold},
};
use frame_system::pallet_prelude::*;
use sp_runtime::traits::{One, Zero};

/// Balance of the configured currency, in planck.
pub type BalanceOf<T> = <<T as Config>::Currency as Inspect<<T as frame_system::Config>::AccountId>>::Balance;
/// An operator of this chain.
pub type OperatorOf<T> = Operator<<T as frame_system::Config>::AccountId, BalanceOf<T>, BlockNumberFor<T>>;
/// A job of this chain.
pub type JobOf<T> = Job<<T as frame_system::Config>::AccountId, BalanceOf<T>, BlockNumberFor<T>>;
/// A seat of this chain.
pub type SeatOf<T> = Seat<<T as frame_system::Config>::AccountId, BlockNumberFor<T>>;
/// A jury of this chain.
pub type JuryOf<T> = Jury<<T as frame_system::Config>::AccountId, BlockNumberFor<T>>;
/// A job of this chain with its jury.
pub type JobViewOf<T> = JobView<<T as frame_system::Config>::AccountId, BalanceOf<T>, BlockNumberFor<T>>;
/// The split of a job of this chain.
pub type SplitOf<T> = Split<<T as frame_system::Config>::AccountId>;
/// A payment out of a job's escrow on this chain.
pub type PaymentOf<T> = Payment<<T as frame_system::Config>::AccountId, BalanceOf<T>>;
/// A fault of the engine on this chain.
pub type EngineFaultOf<T> = EngineFault<<T as frame_system::Config>::AccountId, BalanceOf<T>>;
/// A provenance row of this chain.
pub type ProvenanceOf<T> = ProvenanceRow<<T as frame_system::Config>::AccountId, BlockNumberFor<T>>;
/// An operator of this chain with its open jobs.
pub type OperatorViewOf<T> = OperatorView<<T as frame_system::Config>::AccountId, BalanceOf<T>, BlockNumberFor<T>>;

#[frame_support::pallet]
pub mod pallet {
	use super::*;

	/// Configuration.
	#[pallet::config]
	pub trait Config: frame_system::Config {
		/// Currency of fees, deposits and bonds.
		type Currency: Mutate<Self::AccountId>
			+ MutateHold<Self::AccountId, Reason = Self::RuntimeHoldReason>
			+ BalancedHold<Self::AccountId, Reason = Self::RuntimeHoldReason>;
		/// The runtime's hold reasons.
		type RuntimeHoldReason: From<HoldReason>;
		/// The model registry.
		type Models: ModelRegistry<Self::AccountId, BalanceOf<Self>>;
		/// Who may order jobs on a model.
		type Access: ModelAccess<Self::AccountId>;
		/// Who is paid for a model. Asked when a job is submitted.
		type ModelRevenue: ModelRevenue<Self::AccountId>;
		/// Pots and treasuries of communities.
		type Revenue: RevenueSink<Self::AccountId, BalanceOf<Self>>;
		/// Characters that jobs are done for.
		type Characters: Characters<Self::AccountId, BalanceOf<Self>>;
		/// Whoever orders evaluations: the model registry.
		type EvaluationResults: EvaluationResults;
		/// Whoever orders ballots: governance.
		type BallotResults: BallotResults;
		/// Whoever counts what the use of AIs burns: governance.
		type Usage: UsageSink<BalanceOf<Self>>;
		/// Randomness of committees and seeds.
		type DrawRandomness: DrawRandomness;
		/// Who says what a fault of the engine was.
		type AdminOrigin: EnsureOrigin<Self::RuntimeOrigin>;

		/// How long things take. Read within its bounds, like the four below.
		type Timing: Get<Timing<BlockNumberFor<Self>>>;
		/// What operators lose for being late.
		type Penalties: Get<Penalties<BlockNumberFor<Self>>>;
		/// What a seat puts at stake, and who judges it.
		type Disputes: Get<Disputes>;
		/// Who gets what of a seat's fee.
		type FeeSplit: Get<FeeSplit>;
		/// What each tier asks for.
		type Tiers: Get<Tiers<BalanceOf<Self>, BlockNumberFor<Self>>>;

		/// Bond that one slot takes, in planck. Also the least bond.
		#[pallet::constant]
		type SlotBond: Get<BalanceOf<Self>>;
		/// Most slots of one operator, over all models.
		#[pallet::constant]
		type MaxSlotsPerOperator: Get<u32>;
		/// Most seats of one operator on jobs that have not ended. At this many it is not drawn.
		#[pallet::constant]
		type MaxOpenSeats: Get<u32>;
		/// Blocks from `start_unbond` to the first block at which the bond can be withdrawn.
		#[pallet::constant]
		type UnbondingPeriod: Get<BlockNumberFor<Self>>;

		/// Most jobs of one requester that have not ended.
		#[pallet::constant]
		type MaxOpenJobsPerAccount: Get<u32>;
		/// Part of a job's storage deposit that does not depend on size, in planck. At least the existential deposit.
		#[pallet::constant]
		type JobDepositBase: Get<BalanceOf<Self>>;
		/// Storage deposit for each encoded byte of a job, in planck.
		#[pallet::constant]
		type JobDepositPerByte: Get<BalanceOf<Self>>;
		/// Fewest seats of a job.
		#[pallet::constant]
		type MinCommittee: Get<u8>;
		/// Most seats of a job; at most [`MAX_COMMITTEE`].
		#[pallet::constant]
		type MaxCommittee: Get<u8>;
		/// Samples of an evaluation, read within 1 to [`MAX_SAMPLES`](autonomy_primitives::job::MAX_SAMPLES). Governance may
		/// change it.
		type EvaluationSamples: Get<u16>;
		/// Slots that a draw looks at for each seat. Some are of operators that are seated already or have their hands full.
		#[pallet::constant]
		type DrawAttemptsPerSeat: Get<u32>;
		/// Most weight that due jobs may take at the start of a block. The rest waits for the next block.
		#[pallet::constant]
		type AgendaWeight: Get<Weight>;

		/// Weights of the calls and of the agenda.
		type WeightInfo: WeightInfo;
	}

	/// The in-code storage version.
	const STORAGE_VERSION: StorageVersion = StorageVersion::new(0);

	/// Operators, jobs and their settlement.
	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// Why the pallet holds money.
	#[pallet::composite_enum]
	pub enum HoldReason {
		/// Bond of an operator, the part that is unbonding included.
		Bond,
		/// Fee of a job under way.
		JobFee,
		/// Storage deposit of a job under way.
		JobDeposit,
		/// Bond of a challenger.
		Challenge,
	}

	/// Operators by their owner's account.
	#[pallet::storage]
	pub type Operators<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, OperatorOf<T>>;

	/// How many operators have a bond.
	#[pallet::storage]
	pub type BondedOperators<T: Config> = StorageValue<_, u32, ValueQuery>;

	/// The operator that an account works for.
	#[pallet::storage]
	pub type WorkerOf<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, T::AccountId>;

	/// Jobs on which an operator has a seat.
	#[pallet::storage]
	pub type OpenSeats<T: Config> =
		StorageMap<_, Blake2_128Concat, T::AccountId, BoundedVec<JobId, T::MaxOpenSeats>, ValueQuery>;

	/// Operators on a model.
	#[pallet::storage]
	pub type Memberships<T: Config> =
		StorageDoubleMap<_, Twox64Concat, ModelId, Blake2_128Concat, T::AccountId, Membership<T::MaxSlotsPerOperator>>;

	/// Slots in a model's draw.
	#[pallet::storage]
	pub type SlotCount<T: Config> = StorageMap<_, Twox64Concat, ModelId, u32, ValueQuery>;

	/// The operator of each slot in a model's draw: indices 0 to `SlotCount`, without a gap.
	#[pallet::storage]
	pub type SlotAt<T: Config> = StorageDoubleMap<_, Twox64Concat, ModelId, Twox64Concat, u32, T::AccountId>;

	/// Operators in a model's draw.
	#[pallet::storage]
	pub type OperatorCount<T: Config> = StorageMap<_, Twox64Concat, ModelId, u32, ValueQuery>;

	/// Number of the next job, which is also the count of jobs ever submitted.
	#[pallet::storage]
	pub type NextJobId<T: Config> = StorageValue<_, JobId, ValueQuery>;

	/// Jobs that have not ended.
	#[pallet::storage]
	pub type Jobs<T: Config> = StorageMap<_, Twox64Concat, JobId, JobOf<T>>;

	/// Who is paid out of the fees of jobs that have not ended, as it was when each was submitted.
	#[pallet::storage]
	pub type Splits<T: Config> = StorageMap<_, Twox64Concat, JobId, SplitOf<T>>;

	/// Juries of jobs in dispute.
	#[pallet::storage]
	pub type Juries<T: Config> = StorageMap<_, Twox64Concat, JobId, JuryOf<T>>;

	/// Faults of the engine that nobody has looked into yet, by the job that showed them.
	#[pallet::storage]
	pub type EngineFaults<T: Config> = CountedStorageMap<_, Twox64Concat, JobId, EngineFaultOf<T>>;

	/// Classes of processors that are not drawn for a model, with the faults that are the reason.
	#[pallet::storage]
	pub type PausedClasses<T: Config> =
		StorageDoubleMap<_, Twox64Concat, ModelId, Twox64Concat, CpuClass, u32, ValueQuery>;

	/// Jobs of each requester that have not ended.
	#[pallet::storage]
	pub type OpenJobs<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, u32, ValueQuery>;

	/// Jobs by the block at which their state ends by itself. Every job that has not ended stands here exactly once.
	#[pallet::storage]
	pub type Agenda<T: Config> = StorageDoubleMap<_, Twox64Concat, BlockNumberFor<T>, Twox64Concat, JobId, ()>;

	/// The first block whose agenda is not known to be served. No job is due at an earlier one.
	#[pallet::storage]
	pub type AgendaCursor<T: Config> = StorageValue<_, BlockNumberFor<T>, ValueQuery>;

	/// What stays of jobs that became final.
	#[pallet::storage]
	pub type Provenance<T: Config> = StorageMap<_, Twox64Concat, JobId, ProvenanceOf<T>>;

	/// Evaluations that are final, and whose losses nobody has reported yet.
	#[pallet::storage]
	pub type OpenEvaluations<T: Config> = StorageMap<_, Twox64Concat, JobId, ()>;

	/// Ballots that are final, and whose decision nobody has reported yet.
	#[pallet::storage]
	pub type OpenBallots<T: Config> = StorageMap<_, Twox64Concat, JobId, ()>;

	/// Events.
	#[pallet::event]
	#[pallet::generate_deposit(pub(super) fn deposit_event)]
	pub enum Event<T: Config> {
		/// An operator registered.
		OperatorRegistered {
			/// Owner's account.
			operator: T::AccountId,
			/// Account that works for it.
			worker: T::AccountId,
			/// Bond on hold, in planck.
			bond: BalanceOf<T>,
		},
		/// An operator changed its worker key.
		WorkerKeySet {
			/// Owner's account.
			operator: T::AccountId,
			/// Account that works for it from now on.
			worker: T::AccountId,
		},
		/// An operator bonded more.
		Bonded {
			/// Owner's account.
			operator: T::AccountId,
			/// What was added, in planck.
			amount: BalanceOf<T>,
			/// The bond after it, in planck.
			total: BalanceOf<T>,
		},
		/// An operator started to take bond out.
		UnbondStarted {
			/// Owner's account.
			operator: T::AccountId,
			/// What was taken from the bond, in planck.
			amount: BalanceOf<T>,
			/// First block at which it can be withdrawn.
			at: BlockNumberFor<T>,
		},
		/// An operator withdrew what had unbonded.
		Withdrawn {
			/// Owner's account.
			operator: T::AccountId,
			/// What was released, in planck.
			amount: BalanceOf<T>,
		},
		/// An operator withdrew its whole bond and is no operator any more.
		OperatorLeft {
			/// Owner's account.
			operator: T::AccountId,
		},
		/// An operator joined a model. It is drawn once it has proved its engine.
		ModelJoined {
			/// The model.
			model: ModelId,
			/// Owner's account.
			operator: T::AccountId,
			/// Weight in the draw.
			slots: u32,
			/// Kernel specification that it runs.
			engine: Digest,
			/// Processor that it runs on.
			cpu_class: CpuClass,
		},
		/// An operator reproduced the golden job of a model's present version; its slots are in the draw.
		EngineProved {
			/// The model.
			model: ModelId,
			/// Owner's account.
			operator: T::AccountId,
			/// Root over the version's weights.
			weights_root: Digest,
		},
		/// An operator left a model. Seats that it has go on.
		ModelLeft {
			/// The model.
			model: ModelId,
			/// Owner's account.
			operator: T::AccountId,
		},
		/// A job was submitted.
		JobSubmitted {
			/// The job.
			job: JobId,
			/// Who asked.
			requester: T::AccountId,
			/// The model.
			model: ModelId,
			/// What it is done for.
			purpose: Purpose,
			/// How much depends on the result.
			tier: Tier,
			/// Seats.
			k: u8,
			/// Fee on hold for all seats together, in planck.
			fee: BalanceOf<T>,
			/// On hold for an audit, in planck.
			audit_reserve: BalanceOf<T>,
			/// Storage deposit on hold, in planck.
			deposit: BalanceOf<T>,
			/// What each seat will put at stake, in planck.
			exposure: BalanceOf<T>,
			/// Block of the draw.
			draw_at: BlockNumberFor<T>,
		},
		/// No committee came together; the draw is tried again.
		DrawPostponed {
			/// The job.
			job: JobId,
			/// Number of the next try.
			round: u32,
			/// Block of the next draw.
			draw_at: BlockNumberFor<T>,
		},
		/// A committee was drawn.
		JobAssigned {
			/// The job.
			job: JobId,
			/// Owners' accounts of the seats.
			operators: Vec<T::AccountId>,
			/// The job's seed.
			seed: Digest,
			/// First block at which no commitment is taken any more.
			deadline: BlockNumberFor<T>,
		},
		/// A seat committed.
		Committed {
			/// The job.
			job: JobId,
			/// Owner's account.
			operator: T::AccountId,
		},
		/// Every seat has committed; reveals are taken.
		RevealOpened {
			/// The job.
			job: JobId,
			/// First block at which no reveal is taken any more.
			deadline: BlockNumberFor<T>,
		},
		/// A seat's commitment was opened.
		Revealed {
			/// The job.
			job: JobId,
			/// Owner's account.
			operator: T::AccountId,
			/// Result digest.
			result: Digest,
			/// Trace root.
			trace_root: Digest,
			/// CID of the stored file.
			artifact: Cid,
		},
		/// Every seat that revealed has the same outcome.
		JobAgreed {
			/// The job.
			job: JobId,
			/// Result digest.
			result: Digest,
			/// Block at which the job becomes final, later if it is audited or in dispute.
			final_at: BlockNumberFor<T>,
		},
		/// Operators were drawn for seats that had become empty.
		SeatsRedrawn {
			/// The job.
			job: JobId,
			/// Owners' accounts of the seats.
			operators: Vec<T::AccountId>,
			/// First block at which no commitment is taken any more.
			deadline: BlockNumberFor<T>,
		},
		/// An operator gave its seat back; another one is drawn.
		SeatDeclined {
			/// The job.
			job: JobId,
			/// Owner's account.
			operator: T::AccountId,
			/// Block of the draw.
			draw_at: BlockNumberFor<T>,
		},
		/// An operator missed a duty. Its seat is closed, and the penalty is burned from its bond.
		SeatMissed {
			/// The job.
			job: JobId,
			/// Owner's account.
			operator: T::AccountId,
			/// What it missed.
			duty: Duty,
			/// What it lost, in planck.
			penalty: BalanceOf<T>,
		},
		/// Seats became empty, and are drawn anew.
		RedrawScheduled {
			/// The job.
			job: JobId,
			/// How many.
			seats: u32,
			/// Block of the draw.
			draw_at: BlockNumberFor<T>,
		},
		/// An operator missed too much, or was wrong, and is not drawn for a while.
		OperatorSuspended {
			/// Owner's account.
			operator: T::AccountId,
			/// First block at which it is drawn again.
			until: BlockNumberFor<T>,
		},
		/// An operator was drawn to audit an agreed job.
		AuditDrawn {
			/// The job.
			job: JobId,
			/// Owner's account.
			operator: T::AccountId,
			/// First block at which its outcome is not taken any more.
			deadline: BlockNumberFor<T>,
		},
		/// The auditor said what it found.
		Audited {
			/// The job.
			job: JobId,
			/// Owner's account.
			operator: T::AccountId,
			/// Result digest.
			result: Digest,
			/// Whether it is what the seats agreed on. If not, a jury is drawn.
			agrees: bool,
		},
		/// No auditor was in time; the job goes on without.
		AuditSkipped {
			/// The job.
			job: JobId,
		},
		/// Someone claims that an agreed result is wrong.
		Challenged {
			/// The job.
			job: JobId,
			/// Who claims it.
			challenger: T::AccountId,
			/// What it says is right.
			outcome: Outcome,
			/// Its bond on hold, in planck.
			bond: BalanceOf<T>,
		},
		/// The outcome of a job is in dispute; a jury is drawn.
		JobDisputed {
			/// The job.
			job: JobId,
			/// Why.
			cause: DisputeCause,
			/// Block of the draw.
			draw_at: BlockNumberFor<T>,
		},
		/// A jury was drawn.
		JuryDrawn {
			/// The job.
			job: JobId,
			/// Number of the panel: 1 or 2.
			panel: u8,
			/// Owners' accounts of the jurors.
			operators: Vec<T::AccountId>,
			/// First block at which no commitment is taken any more.
			deadline: BlockNumberFor<T>,
		},
		/// The first panel found no verdict; a larger one is drawn.
		JuryUndecided {
			/// The job.
			job: JobId,
			/// Block of the draw.
			draw_at: BlockNumberFor<T>,
		},
		/// An operator was wrong and lost what its seat had at stake.
		Slashed {
			/// The job.
			job: JobId,
			/// Owner's account.
			operator: T::AccountId,
			/// What it lost, in planck.
			amount: BalanceOf<T>,
		},
		/// What was slashed on a job was divided.
		SlashShared {
			/// The job.
			job: JobId,
			/// To each seat and juror that was right, in planck.
			each_honest: BalanceOf<T>,
			/// The challenger or auditor that found it out.
			accuser: Option<T::AccountId>,
			/// To the accuser, in planck.
			reward: BalanceOf<T>,
			/// Burned, in planck.
			burned: BalanceOf<T>,
		},
		/// A jury found whether a challenge was right. If not, its bond went to the jury.
		ChallengeEnded {
			/// The job.
			job: JobId,
			/// Who had challenged.
			challenger: T::AccountId,
			/// Whether it was right.
			won: bool,
			/// Its bond, in planck.
			bond: BalanceOf<T>,
			/// What each juror that was right got of it, in planck; nothing when it came back.
			each_juror: BalanceOf<T>,
			/// What nobody could take of it, in planck.
			burned: BalanceOf<T>,
		},
		/// Results differ along processors. Nobody is slashed for it before `resolve_engine_fault`; these classes are not
		/// drawn for the model until then.
		EngineFaultFound {
			/// The job that showed it.
			job: JobId,
			/// The model.
			model: ModelId,
			/// The classes of processors.
			classes: Vec<CpuClass>,
			/// Owners' accounts of the operators whose exposure stays frozen.
			suspects: Vec<T::AccountId>,
		},
		/// Somebody has looked into a fault of the engine.
		EngineFaultResolved {
			/// The job that showed it.
			job: JobId,
			/// Whether the suspects were slashed.
			guilty: bool,
		},
		/// A job became final: the seats that were right are paid, and what was not used is back, the deposit included. All
		/// payments, what was burned and what went back add up to what had been on hold.
		JobFinalised {
			/// The job.
			job: JobId,
			/// Result digest.
			result: Digest,
			/// CID of the stored file.
			artifact: Cid,
			/// Owners' accounts of the seats that were right.
			operators: Vec<T::AccountId>,
			/// What each of them was to be paid, in planck.
			paid_per_seat: BalanceOf<T>,
			/// Everybody that was paid: operators, auditor, those in the job's split.
			payments: Vec<PaymentOf<T>>,
			/// What was burned, in planck.
			burned: BalanceOf<T>,
			/// What went back to the requester, the deposit included, in planck.
			refunded: BalanceOf<T>,
		},
		/// An account could not take its pay, which went back to the requester: it had no free balance and the pay is below
		/// the existential deposit. What payees of the split cannot take is tried on their community's treasury first.
		PayReturned {
			/// The job.
			job: JobId,
			/// The account.
			account: T::AccountId,
			/// The pay, in planck.
			amount: BalanceOf<T>,
		},
		/// A job failed; the requester got everything back, but for the pay of those that found a fault in its input.
		JobFailed {
			/// The job.
			job: JobId,
			/// Why.
			reason: FailReason,
			/// What each seat that found the fault was paid, in planck.
			paid_per_seat: BalanceOf<T>,
			/// What went back, the deposit included, in planck.
			refunded: BalanceOf<T>,
		},
		/// The requester took a job back.
		JobCancelled {
			/// The job.
			job: JobId,
			/// Fee and deposit, in planck.
			refunded: BalanceOf<T>,
		},
		/// The seats that found a fault in a job's input are paid for it.
		InputFaultPaid {
			/// The job.
			job: JobId,
			/// Owners' accounts of the seats.
			operators: Vec<T::AccountId>,
			/// What each of them was to be paid, in planck.
			paid_per_seat: BalanceOf<T>,
			/// Everybody that was paid: operators, auditor, those in the job's split.
			payments: Vec<PaymentOf<T>>,
			/// What was burned, in planck.
			burned: BalanceOf<T>,
		},
		/// Somebody has reported the losses that an evaluation found, and the chain has compared them with its result.
		EvaluationReported {
			/// The job.
			job: JobId,
			/// Held-out loss of the version that was compared with, in billionths.
			base_loss: u64,
			/// Held-out loss of the other version, in billionths.
			candidate_loss: u64,
		},
		/// Somebody has reported what an AI decided, and the chain has compared it with the ballot's result.
		BallotReported {
			/// The job.
			job: JobId,
			/// The decision in percent, −100 (nay) to 100 (aye); none when the proposer's words turned the AI round.
			decision: Option<i8>,
			/// Digest of what the AI said.
			reasons: Digest,
		},
	}

	/// Errors. Each says what to do about it.
	#[pallet::error]
	pub enum Error<T> {
		/// This account is an operator already. Use `bond_more` or `set_worker_key`.
		AlreadyOperator,
		/// The caller is no operator. Call `register_operator` with the owner's account first.
		NotOperator,
		/// The caller is no operator's worker. Sign with the worker key that `set_worker_key` named.
		NotWorker,
		/// The worker account works for an operator already. Use a fresh account for each operator.
		WorkerTaken,
		/// The worker account is another operator's owner. Use an account of its own.
		WorkerIsOperator,
		/// The caller is an operator's worker. Register with an account that works for nobody.
		OwnerIsWorker,
		/// What would stay bonded is more than nothing and less than `SlotBond`. Bond at least one slot's worth.
		BondTooSmall,
		/// The amount is zero. State at least 1 planck.
		AmountIsZero,
		/// The amount is more than the bond. Look `bond` up in `inference.operators`.
		NotEnoughBonded,
		/// The bond is needed by slots. Leave models first, or unbond less: each slot takes one `SlotBond`.
		BondNeededForSlots,
		/// The bond is at stake on jobs that have not ended, or in a fault of the engine that nobody has resolved. Unbond less,
		/// or leave the models and wait.
		BondExposed,
		/// Nothing is unbonding. Call `start_unbond` first.
		NothingToWithdraw,
		/// The unbonding period is not over. Wait for the block that `UnbondStarted` named.
		StillUnbonding,
		/// Jobs with a seat of this operator have not ended. Leave the models and wait: every job has a deadline.
		SeatsOpen,
		/// The operator is on this model already. Leave it first to change slots or engine.
		AlreadyJoined,
		/// The operator is not on this model. Call `join_model` first.
		NotJoined,
		/// No slots. Ask for at least one.
		SlotsAreZero,
		/// More slots than `MaxSlotsPerOperator` over all models. Ask for fewer, or leave a model.
		TooManySlots,
		/// The bond does not cover the slots. Each takes one `SlotBond`: call `bond_more`, or ask for fewer.
		BondTooSmallForSlots,
		/// The operator's engine is not the model's. Run the engine that `models.models` names.
		EngineMismatch,
		/// The engine has been proved on the model's present version. Nothing to do until there is another.
		AlreadyProved,
		/// The result is not that of the model's golden job. Run `autonomy-worker check`: the engine or the weights differ.
		WrongGoldenResult,

		/// There is no such model. Look the number up in `models.models`.
		UnknownModel,
		/// The model takes no new jobs. Choose another, or ask its owner.
		ModelInactive,
		/// The model's owner sells licences, and the caller has none. Buy one by `market.buyLicence`, or choose another model.
		LicenceMissing,
		/// The model does not make this kind of output. Ask an image model for pictures, animations, sprite sheets and tiles, a
		/// text model for text.
		WrongModality,
		/// The prompt is empty. Write one.
		PromptEmpty,
		/// A prompt is not UTF-8. Encode it so.
		PromptNotUtf8,
		/// The prompt has more bytes than the model's `max_prompt_bytes`. Shorten it.
		PromptTooLong,
		/// The steps are zero or above the model's `max_steps`.
		StepsOutOfRange,
		/// A side is zero, or width times height is above the model's `max_pixels`.
		PixelsOutOfRange,
		/// The tokens are zero or above the model's `max_tokens`.
		TokensOutOfRange,
		/// Top-p is not in 1 to 1000 per mille. Use 1000 for none.
		TopPOutOfRange,
		/// The committee is smaller than `MinCommittee` or larger than `MaxCommittee`.
		CommitteeSizeOutOfRange,
		/// The tier is below that of the model's kind of output. Ask for a higher one, or for none.
		TierTooLow,
		/// Ballots are ordered by the chain itself. Ask for `Creation` or lower.
		TierReserved,
		/// Fewer operators serve the model than the job needs. Ask for a smaller committee, or wait for operators.
		NotEnoughOperators,
		/// The fee is above the caller's `max_fee`. Ask `quote` for the fee, and raise the limit or ask for less.
		FeeAboveLimit,
		/// The fee is larger than any balance. Ask for less work.
		FeeOverflow,
		/// The caller has `MaxOpenJobsPerAccount` jobs that have not ended. Wait for one to end, or cancel one.
		TooManyOpenJobs,

		/// There is no such job, or it has ended. Ended jobs that became final are in `inference.provenance`.
		UnknownJob,
		/// Only the requester may do this. Sign with the account that submitted the job.
		NotRequester,
		/// The committee has been drawn. A job can be cancelled before that only.
		NotOpen,
		/// The job takes no commitments now. They are taken from the draw until the last seat commits.
		NotCommitting,
		/// The job takes no reveals now. They are taken once every seat has committed.
		NotRevealing,
		/// The deadline has passed. Anyone may `poke` the job.
		DeadlinePassed,
		/// This operator has no seat on the job.
		NotSeated,
		/// This seat has committed. A commitment cannot be changed.
		AlreadyCommitted,
		/// This seat's commitment has been opened.
		AlreadyRevealed,
		/// The values do not open the seat's commitment. Send the result, trace root, artifact and salt that were sealed.
		CommitmentMismatch,
		/// The artifact is not a CIDv1 with the raw codec and a SHA-256 hash.
		ArtifactNotCid,
		/// A seat can be declined in the first `decline_period` blocks after its draw, and only while the job can draw another.
		TooLateToDecline,
		/// The operator has declined `decline_quota` seats in this period. Work, or leave the model.
		DeclineQuotaUsed,
		/// A juror or auditor opens a chunk of its trace. Send the opening of the chunk that the draw picked for the operator.
		OpeningMissing,
		/// The opening is not that of the operator's chunk under the revealed trace root.
		OpeningInvalid,
		/// The job has no auditor now. Audits are taken from `AuditDrawn` to the deadline.
		NotAudited,
		/// This operator was not drawn to audit the job.
		NotAuditor,
		/// Only an agreed job can be challenged, until it becomes final.
		NotAgreed,
		/// An auditor is at work on the job. Challenge when it has said what it found.
		AuditOpen,
		/// The outcome is the one that the job agreed on. Challenge with the one that is right.
		SameOutcome,
		/// The job has shown no fault of the engine, or it is resolved.
		NoEngineFault,
		/// Nothing is due. Poke the job at the block that its state names, or later.
		NothingDue,

		/// An animation has 2 to 32 frames.
		FramesOutOfRange,
		/// An animation shows 1 to 50 frames in a second.
		FrameRateOutOfRange,
		/// The motion of an animation is 0 to 100 hundredths.
		MotionOutOfRange,
		/// The sprite sheet has no cells. Describe 1 to 16.
		CellsMissing,
		/// The columns are zero or more than there are cells.
		ColumnsOutOfRange,
		/// A cell of the sprite sheet has no description. Write one, or leave the cell out.
		CellEmpty,
		/// An evaluation has 1 to 256 samples.
		SamplesOutOfRange,
		/// An evaluation's samples have no pixels or tokens. The model's limits do not allow any.
		SampleSizeIsZero,
		/// Evaluations are ordered by the model registry. Propose a version, and call `models.evaluate`.
		EvaluationReserved,
		/// Messages to a character are sent by its own call, which says who it is and what it remembers. Call
		/// `characters.talk`, or order a text.
		TalkReserved,
		/// A version of the evaluation is for another engine than the model's. Propose one that runs on the model's engine.
		EnginesDiffer,
		/// There is no such character. Look the number up in `characters.characters`.
		UnknownCharacter,
		/// The job is not final, or there is no such job. Report what it found once `JobFinalised` has said so.
		NotFinal,
		/// The job is no evaluation. Only jobs that `models.evaluate` ordered have losses to report.
		NotEvaluation,
		/// What this evaluation or ballot found has been reported. Nothing to do.
		AlreadyReported,
		/// A loss is above the largest that a result can hold, 9,223,372,036,854,775,807 billionths. Send the losses in
		/// billionths, as the job's artifact has them.
		LossOutOfRange,
		/// The losses do not give the job's result. Send those that the job's artifact has, in billionths, the base's first.
		LossesMismatch,
		/// Ballots are ordered by governance, for an AI that a proposal is put to. Call `dso.requestDecision`, or order a text.
		BallotReserved,
		/// The job is no ballot. Only jobs that `dso.requestDecision` ordered have a decision to report.
		NotBallot,
		/// A decision is −100 to 100 percent, or none. Send the one that the job's artifact has.
		DecisionOutOfRange,
		/// Decision and reasons do not give the job's result. Send the decision that the job's artifact has, and the digest of
		/// its reasons.
		DecisionMismatch,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn on_initialize(now: BlockNumberFor<T>) -> Weight {
			Self::serve_agenda(now)
		}

		fn integrity_test() {
			let (min, max) = (T::MinCommittee::get(), T::MaxCommittee::get());
			assert!(u32::from(max) <= MAX_COMMITTEE, "MaxCommittee is above MAX_COMMITTEE");
			assert!(min >= 1 && min <= max, "MinCommittee is not in 1 to MaxCommittee");
			// A refund releases the deposit first, so that an account without a free balance can take the fee after it.
			assert!(T::JobDepositBase::get() >= T::Currency::minimum_balance(), "JobDepositBase is below the ED");
			assert!(!T::SlotBond::get().is_zero(), "SlotBond is zero");
			assert!(T::MaxSlotsPerOperator::get() > 0 && T::MaxOpenSeats::get() > 0, "operators could never be drawn");
			let least = T::WeightInfo::agenda_base()
				.saturating_add(T::WeightInfo::agenda_block())
				.saturating_add(Self::worst_job());
			assert!(T::AgendaWeight::get().all_gte(least), "AgendaWeight does not fit one job");
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::call(weight = <T as Config>::WeightInfo)]
	impl<T: Config> Pallet<T> {
		/// Registers the caller as an operator and puts its bond on hold. The caller is the owner, whose key can stay cold.
		///
		/// - `worker`: account that will commit and prove. It needs the existential deposit, works for nobody else and can
		///   never move the bond.
		/// - `bond`: at least `SlotBond`, in planck.
		///
		/// Emits [`Event::OperatorRegistered`].
		#[pallet::call_index(0)]
		pub fn register_operator(
			origin: OriginFor<T>,
			worker: T::AccountId,
			#[pallet::compact] bond: BalanceOf<T>,
		) -> DispatchResult {
			let owner = ensure_signed(origin)?;
			Self::do_register_operator(owner, worker, bond)
		}

		/// Changes the caller's worker key. The old key can do nothing from then on; seats go on under the new one.
		///
		/// - `worker`: account that works for nobody and owns no operator but the caller's.
		///
		/// Emits [`Event::WorkerKeySet`].
		#[pallet::call_index(1)]
		pub fn set_worker_key(origin: OriginFor<T>, worker: T::AccountId) -> DispatchResult {
			let owner = ensure_signed(origin)?;
			Self::do_set_worker_key(owner, worker)
		}

		/// Adds to the caller's bond.
		///
		/// - `amount`: at least 1 planck.
		///
		/// Emits [`Event::Bonded`].
		#[pallet::call_index(2)]
		pub fn bond_more(origin: OriginFor<T>, #[pallet::compact] amount: BalanceOf<T>) -> DispatchResult {
			let owner = ensure_signed(origin)?;
			Self::do_bond_more(owner, amount)
		}

		/// Starts to take bond out. It stays on hold for `UnbondingPeriod` blocks; a second call starts the period again for
		/// the whole of it.
		///
		/// - `amount`: in planck. What stays must cover the slots, and be nothing or at least `SlotBond`.
		///
		/// Emits [`Event::UnbondStarted`].
		#[pallet::call_index(3)]
		pub fn start_unbond(origin: OriginFor<T>, #[pallet::compact] amount: BalanceOf<T>) -> DispatchResult {
			let owner = ensure_signed(origin)?;
			Self::do_start_unbond(owner, amount)
		}

		/// Releases what has unbonded, once the period is over and no seat is open. An operator without any bond left is
		/// removed.
		///
		/// Emits [`Event::Withdrawn`], and [`Event::OperatorLeft`] when nothing is left.
		#[pallet::call_index(4)]
		pub fn withdraw(origin: OriginFor<T>) -> DispatchResult {
			let owner = ensure_signed(origin)?;
			Self::do_withdraw(owner)
		}

		/// Takes a place on a model. The caller is the owner or the worker.
		///
		/// - `model`: number of the model.
		/// - `slots`: weight in the draw. Each slot takes one `SlotBond` of the bond.
		/// - `engine`: kernel specification that the operator runs; must be the model's.
		/// - `cpu_class`: processor that it runs on.
		///
		/// Emits [`Event::ModelJoined`].
		#[pallet::call_index(5)]
		pub fn join_model(
			origin: OriginFor<T>,
			model: ModelId,
			slots: u32,
			engine: Digest,
			cpu_class: CpuClass,
		) -> DispatchResult {
			let operator = Self::operator_of(&ensure_signed(origin)?).ok_or(Error::<T>::NotOperator)?;
			Self::do_join_model(operator, model, slots, engine, cpu_class)
		}

		/// Gives up the place on a model. The caller is the owner or the worker. Seats on jobs under way go on.
		///
		/// - `model`: number of the model.
		///
		/// Emits [`Event::ModelLeft`].
		#[pallet::call_index(6)]
		#[pallet::weight(T::WeightInfo::leave_model(T::MaxSlotsPerOperator::get()))]
		pub fn leave_model(origin: OriginFor<T>, model: ModelId) -> DispatchResultWithPostInfo {
			let operator = Self::operator_of(&ensure_signed(origin)?).ok_or(Error::<T>::NotOperator)?;
			let slots = Self::do_leave_model(operator, model)?;
			Ok(Some(T::WeightInfo::leave_model(slots)).into())
		}

		/// Shows that the caller's operator reproduces the golden job of the model's present version, and puts its slots into
		/// the draw. It is drawn for jobs of that version and of the one that it had proved before; each new version has to be
		/// proved again. The caller is the worker.
		///
		/// - `model`: number of the model.
		/// - `result`: result digest of the golden job.
		///
		/// Emits [`Event::EngineProved`].
		#[pallet::call_index(7)]
		#[pallet::weight(T::WeightInfo::prove_engine(T::MaxSlotsPerOperator::get()))]
		pub fn prove_engine(origin: OriginFor<T>, model: ModelId, result: Digest) -> DispatchResultWithPostInfo {
			let operator = WorkerOf::<T>::get(ensure_signed(origin)?).ok_or(Error::<T>::NotWorker)?;
			let slots = Self::do_prove_engine(operator, model, result)?;
			Ok(Some(T::WeightInfo::prove_engine(slots)).into())
		}

		/// Submits a job. The fee, price × units × `k`, what an audit is paid from, and a storage deposit go on hold. The
		/// committee is drawn `draw_delay` blocks later. Whatever goes wrong after that, the requester gets all of it back.
		/// Whoever is paid out of the fee is who it would be now.
		///
		/// - `model`: number of the model.
		/// - `input`: what to make; within the model's limits. Evaluations are for `models.evaluate`, ballots for
		///   `dso.requestDecision`.
		/// - `k`: seats; without it as many as the tier asks for.
		/// - `tier`: how much depends on the result; without it the tier of the input's kind of output. `Creation` for a work
		///   that is going to be minted.
		/// - `seed`: the requester's own seed, or the chain's.
		/// - `max_fee`: most that fee and audit reserve together may be, in planck; the deposit is not part of it.
		///
		/// Emits [`Event::JobSubmitted`].
		#[pallet::call_index(8)]
		pub fn submit_job(
			origin: OriginFor<T>,
			model: ModelId,
			input: Box<JobInput>,
			k: Option<u8>,
			tier: Option<Tier>,
			seed: SeedPolicy,
			#[pallet::compact] max_fee: BalanceOf<T>,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			ensure!(tier != Some(Tier::Ballot), Error::<T>::TierReserved);
			let (seed_policy, purpose) = (seed, Purpose::Plain);
			Self::submit(who, Order { model, input: *input, k, tier, seed_policy, max_fee, purpose }).map(|_| ())
		}

		/// Takes a job back before its committee is drawn. Everything is refunded. The caller is the requester.
		///
		/// - `job`: number of the job.
		///
		/// Emits [`Event::JobCancelled`].
		#[pallet::call_index(9)]
		#[pallet::weight(T::WeightInfo::cancel_job().saturating_add(T::WeightInfo::ballot_failed()))]
		pub fn cancel_job(origin: OriginFor<T>, job: JobId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_cancel_job(who, job)
		}

		/// Commits a seat to its outcome without saying it. Once, and for good. The caller is the worker of a seat. Free of
		/// charge when it succeeds.
		///
		/// - `job`: number of the job.
		/// - `hash`: `autonomy_primitives::digest::commitment` over the job, its round, the operator and what is sealed.
		///
		/// Emits [`Event::Committed`], and [`Event::RevealOpened`] with the last seat.
		#[pallet::call_index(10)]
		#[pallet::feeless_if(|origin: &OriginFor<T>, job: &JobId, _hash: &Digest| -> bool {
			Pallet::<T>::can_commit(origin, *job)
		})]
		pub fn commit(origin: OriginFor<T>, job: JobId, hash: Digest) -> DispatchResult {
			let operator = WorkerOf::<T>::get(ensure_signed(origin)?).ok_or(Error::<T>::NotWorker)?;
			Self::do_commit(operator, job, hash)
		}

		/// Opens a seat's commitment, once every seat has committed. The caller is anyone. Free of charge when it succeeds.
		///
		/// - `job`: number of the job.
		/// - `operator`: owner's account of the seat.
		/// - `outcome`: the result, trace root and artifact that were sealed.
		/// - `salt`: what they were sealed with.
		/// - `opening`: for a juror with a result, the chunk of its trace that `Jury::draw` picks for `operator`.
		///
		/// Emits [`Event::Revealed`], and with the last seat [`Event::JobAgreed`] or [`Event::JobDisputed`].
		#[pallet::call_index(11)]
		#[pallet::feeless_if(|
			_origin: &OriginFor<T>,
			job: &JobId,
			operator: &T::AccountId,
			outcome: &Outcome,
			salt: &[u8; 32],
			opening: &Option<Box<TraceOpening>>,
		| -> bool {
			Pallet::<T>::can_reveal(*job, operator, *outcome, *salt, opening.as_deref())
		})]
		pub fn reveal(
			origin: OriginFor<T>,
			job: JobId,
			operator: T::AccountId,
			outcome: Outcome,
			salt: [u8; 32],
			opening: Option<Box<TraceOpening>>,
		) -> DispatchResult {
			ensure_signed(origin)?;
			Self::do_reveal(job, operator, outcome, salt, opening.as_deref())
		}

		/// Serves a job whose deadline has passed, as the agenda does at the start of a block. The caller is anyone.
		///
		/// - `job`: number of the job.
		///
		/// Emits what the job's next step emits.
		#[pallet::call_index(12)]
		#[pallet::weight(T::WeightInfo::poke().saturating_add(Pallet::<T>::worst_job()))]
		pub fn poke(origin: OriginFor<T>, job: JobId) -> DispatchResultWithPostInfo {
			ensure_signed(origin)?;
			let served = Self::do_poke(job)?;
			Ok(Some(T::WeightInfo::poke().saturating_add(served)).into())
		}

		/// Gives a seat on a committee back that has not committed, in the first `decline_period` blocks after its draw and
		/// at most `decline_quota` times in a period. Another operator is drawn. The caller is the worker of the seat. Free of
		/// charge when it succeeds.
		///
		/// - `job`: number of the job.
		///
		/// Emits [`Event::SeatDeclined`].
		#[pallet::call_index(13)]
		#[pallet::feeless_if(|origin: &OriginFor<T>, job: &JobId| -> bool { Pallet::<T>::can_decline(origin, *job) })]
		pub fn decline(origin: OriginFor<T>, job: JobId) -> DispatchResult {
			let operator = WorkerOf::<T>::get(ensure_signed(origin)?).ok_or(Error::<T>::NotWorker)?;
			Self::do_decline(operator, job)
		}

		/// Says what the drawn auditor found. The same outcome as the seats' closes the audit, another one has a jury drawn.
		/// The caller is the auditor's worker. Free of charge when it succeeds.
		///
		/// - `job`: number of the job.
		/// - `outcome`: what it found.
		/// - `opening`: with a result, the chunk of its trace that `Auditor::draw` picks for the operator.
		///
		/// Emits [`Event::Audited`], and [`Event::JobDisputed`] when it differs.
		#[pallet::call_index(14)]
		#[pallet::feeless_if(|
			origin: &OriginFor<T>,
			job: &JobId,
			outcome: &Outcome,
			opening: &Option<Box<TraceOpening>>,
		| -> bool {
			Pallet::<T>::can_audit(origin, *job, *outcome, opening.as_deref())
		})]
		pub fn audit(
			origin: OriginFor<T>,
			job: JobId,
			outcome: Outcome,
			opening: Option<Box<TraceOpening>>,
		) -> DispatchResult {
			let operator = WorkerOf::<T>::get(ensure_signed(origin)?).ok_or(Error::<T>::NotWorker)?;
			Self::do_audit(operator, job, outcome, opening.as_deref())
		}

		/// Claims that an agreed job's outcome is wrong, and has a jury drawn. A bond of `challenge_bond` seat fees goes on
		/// hold: it comes back, with a fifth of what is slashed, when the jury finds `outcome`, and pays the jury otherwise. The
		/// caller is anyone.
		///
		/// - `job`: number of the job.
		/// - `outcome`: the result, trace root and artifact that are right.
		///
		/// Emits [`Event::Challenged`] and [`Event::JobDisputed`].
		#[pallet::call_index(15)]
		pub fn challenge(origin: OriginFor<T>, job: JobId, outcome: Outcome) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_challenge(who, job, outcome)
		}

		/// Says what a fault of the engine was: the suspects are slashed, or have their exposure back. Their classes of
		/// processors are drawn for the model again. The caller is `AdminOrigin`.
		///
		/// - `job`: number of the job that showed it.
		/// - `guilty`: whether the suspects lied rather than their processors.
		///
		/// Emits [`Event::EngineFaultResolved`], and [`Event::Slashed`] for each suspect that is guilty.
		#[pallet::call_index(16)]
		#[pallet::weight(T::WeightInfo::resolve_engine_fault(MAX_SUSPECTS))]
		pub fn resolve_engine_fault(origin: OriginFor<T>, job: JobId, guilty: bool) -> DispatchResultWithPostInfo {
			T::AdminOrigin::ensure_origin(origin)?;
			let suspects = Self::do_resolve_engine_fault(job, guilty)?;
			Ok(Some(T::WeightInfo::resolve_engine_fault(suspects)).into())
		}

		/// Says which losses an evaluation found. They are compared with its result, and the model registry is told. The caller
		/// is anyone, and pays nothing when it succeeds.
		///
		/// - `job`: number of the job, which is final.
		/// - `base_loss`: held-out loss of the version that was compared with, in billionths.
		/// - `candidate_loss`: held-out loss of the other version, in billionths.
		///
		/// Emits [`Event::EvaluationReported`].
		#[pallet::call_index(17)]
		pub fn report_evaluation(
			origin: OriginFor<T>,
			job: JobId,
			base_loss: u64,
			candidate_loss: u64,
		) -> DispatchResultWithPostInfo {
			ensure_signed(origin)?;
			Self::do_report_evaluation(job, base_loss, candidate_loss)?;
			Ok(Pays::No.into())
		}

		/// Says what an AI decided. Decision and reasons are compared with the ballot's result, and governance is told. The
		/// caller is anyone, and pays nothing when it succeeds.
		///
		/// - `job`: number of the job, which is final.
		/// - `decision`: in percent, −100 (nay) to 100 (aye); none when the proposer's words turned the AI round.
		/// - `reasons`: `autonomy_primitives::digest::reasons` of what the AI said.
		///
		/// Emits [`Event::BallotReported`].
		#[pallet::call_index(18)]
		pub fn report_ballot(
			origin: OriginFor<T>,
			job: JobId,
			decision: Option<i8>,
			reasons: Digest,
		) -> DispatchResultWithPostInfo {
			ensure_signed(origin)?;
			Self::do_report_ballot(job, decision, &reasons)?;
			Ok(Pays::No.into())
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// What a job costs now. Nothing when the model is unknown or closed, the input breaks its limits, or `k` is out of
		/// range: `submit_job` then says which.
		pub fn quote(
			model: ModelId,
			input: JobInput,
			k: Option<u8>,
			tier: Option<Tier>,
		) -> Option<Quote<BalanceOf<T>>> {
			Self::quote_for(model, &input, k, tier, Purpose::of(&input)).ok()
		}

		/// A job that has not ended, with its jury.
		pub fn job(job: JobId) -> Option<JobViewOf<T>> {
			let (job, jury) = Jobs::<T>::get(job).map(|found| (found, Juries::<T>::get(job)))?;
			Some(JobView { job, jury })
		}

		/// Who is paid out of the fees of a job that has not ended, and which shares.
		pub fn split_of(job: JobId) -> Option<SplitOf<T>> {
			Splits::<T>::get(job)
		}

		/// The bond that challenging a job takes now, and the last block at which it can be challenged. Nothing while no
		/// challenge is taken: before the seats agree, while an auditor is at work, and after the window.
		pub fn challenge_terms(job: JobId) -> Option<ChallengeTerms<BalanceOf<T>, BlockNumberFor<T>>> {
			Self::do_challenge_terms(job)
		}

		/// What stays of a job that became final.
		pub fn provenance(job: JobId) -> Option<ProvenanceOf<T>> {
			Provenance::<T>::get(job)
		}

		/// An operator, by its owner's account.
		pub fn operator(owner: T::AccountId) -> Option<OperatorViewOf<T>> {
			let info = Operators::<T>::get(&owner)?;
			Some(OperatorView { info, open_seats: Self::open_seats(owner) })
		}

		/// Jobs on which an operator has a seat, by its owner's account; at most `MaxOpenSeats`.
		pub fn open_seats(operator: T::AccountId) -> Vec<JobId> {
			OpenSeats::<T>::get(operator).into_inner()
		}
	}
}

impl<T: Config> From<LimitExceeded> for Error<T> {
	fn from(limit: LimitExceeded) -> Self {
		match limit {
			LimitExceeded::Modality { .. } => Self::WrongModality,
			LimitExceeded::EmptyPrompt => Self::PromptEmpty,
			LimitExceeded::NotUtf8 => Self::PromptNotUtf8,
			LimitExceeded::PromptBytes(..) => Self::PromptTooLong,
			LimitExceeded::Steps(..) => Self::StepsOutOfRange,
			LimitExceeded::Pixels(..) => Self::PixelsOutOfRange,
			LimitExceeded::Tokens(..) => Self::TokensOutOfRange,
			LimitExceeded::TopP(_) => Self::TopPOutOfRange,
			LimitExceeded::Frames(_) => Self::FramesOutOfRange,
			LimitExceeded::FramesPerSecond(_) => Self::FrameRateOutOfRange,
			LimitExceeded::Motion(_) => Self::MotionOutOfRange,
			LimitExceeded::NoCells => Self::CellsMissing,
			LimitExceeded::Columns(..) => Self::ColumnsOutOfRange,
			LimitExceeded::EmptyCell(_) => Self::CellEmpty,
			LimitExceeded::Samples(_) => Self::SamplesOutOfRange,
			LimitExceeded::SampleSize(_) => Self::SampleSizeIsZero,
		}
	}
}

impl<T: Config> Pallet<T> {
	/// The block that is `delay` from now, at least the next.
	pub(crate) fn after(delay: BlockNumberFor<T>) -> BlockNumberFor<T> {
		use sp_runtime::traits::Saturating;
		frame_system::Pallet::<T>::block_number().saturating_add(delay.max(One::one()))
	}

	/// How long things take, within its bounds.
	pub fn timing() -> Timing<BlockNumberFor<T>> {
		T::Timing::get().clamped()
	}

	/// What operators lose for being late, within its bounds.
	pub fn penalties() -> Penalties<BlockNumberFor<T>> {
		T::Penalties::get().clamped()
	}

	/// What a seat puts at stake and who judges it, within its bounds.
	pub fn disputes() -> Disputes {
		T::Disputes::get().clamped()
	}

	/// Who gets what of a seat's fee, within its bounds.
	pub fn fee_split() -> FeeSplit {
		T::FeeSplit::get().clamped()
	}

	/// What each tier asks for, within its bounds.
	pub fn tiers() -> Tiers<BalanceOf<T>, BlockNumberFor<T>> {
		T::Tiers::get().clamped()
	}

	/// Weight of serving one job at its worst: a draw of the largest bench, a verdict over everybody, and governance that is
	/// told.
	pub(crate) fn worst_job() -> Weight {
		let attempts = MAX_COMMITTEE.saturating_mul(T::DrawAttemptsPerSeat::get());
		T::WeightInfo::agenda_draw(attempts)
			.saturating_add(T::WeightInfo::agenda_job(MAX_SUSPECTS))
			.saturating_add(T::WeightInfo::ballot_failed())
	}
}
