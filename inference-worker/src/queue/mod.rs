//! What the worker owes to the chain, on disk: the answers of its seats, and the reports of evaluations and ballots.
//!
//! Guarantee: a seat's answer and salt are written and synced before anything about them is sent, and are never
//! replaced. So a worker that is killed at any point sends the same commitment again, or the reveal that belongs to it.

use std::{
	fs::{File, TryLockError},
	path::{Path, PathBuf},
};

use autonomy_primitives::{
	digest::{commitment, Cid, Sealed},
	trace::TraceOpening,
	Digest, JobId, ModelId,
};
use codec::{Decode, Encode};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use crate::chain::{AccountId, BlockNumber, Role};

/// job and round → version byte and SCALE of a [`Seat`].
const SEATS: TableDefinition<(u64, u32), &[u8]> = TableDefinition::new("seats");
const VERSION: u8 = 2;
/// "genesis" → hash of the chain's first block; "cursor" → the last block whose events were read, u32 little-endian.
const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
/// job → losses of both versions, in billionths: final evaluations whose result is to be reported.
const REPORTS: TableDefinition<u64, (u64, u64)> = TableDefinition::new("reports");
/// job → SCALE of the decision in percent, if there is one, and of the digest of the reasons: final ballots whose result is
/// to be reported.
const BALLOTS: TableDefinition<u64, &[u8]> = TableDefinition::new("ballots");
/// Ended seats that are kept for the operator to look at.
const KEEP_ENDED: usize = 10_000;

/// Why the queue cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
	/// Another process has the folder.
	#[error(
		"another worker is using {0}: stop it first, or give this one a data_dir of its own (one key must never run twice)"
	)]
	Locked(PathBuf),
	/// The folder cannot be used.
	#[error("data folder {0}: {1}")]
	Folder(PathBuf, std::io::Error),
	/// The database failed.
	#[error("queue: {0}")]
	Database(Box<redb::Error>),
	/// A record cannot be read.
	#[error("queue: the record of job {job} round {round} cannot be read; it was written by another version")]
	Record {
		/// The job.
		job: JobId,
		/// Its round.
		round: u32,
	},
	/// The folder is of a chain that was started anew, or of another one.
	#[error(
		"the data folder holds seats of the chain 0x{}, the node runs 0x{}: \
		give this worker a data_dir of its own, or remove the folder when that chain is gone for good",
		hex::encode(.ours), hex::encode(.theirs)
	)]
	OtherChain {
		/// Genesis hash of the folder's chain.
		ours: Digest,
		/// Genesis hash of the node's chain.
		theirs: Digest,
	},
	/// A step that the state machine does not have.
	#[error("queue: job {job} round {round} cannot go from {from} to {to}")]
	Transition {
		/// The job.
		job: JobId,
		/// Its round.
		round: u32,
		/// The present stage.
		from: &'static str,
		/// The stage asked for.
		to: &'static str,
	},
}

macro_rules! database_errors {
	($($error:ty),*) => { $(
		impl From<$error> for QueueError {
			fn from(error: $error) -> Self {
				Self::Database(Box::new(error.into()))
			}
		}
	)* };
}
database_errors!(redb::DatabaseError, redb::TransactionError, redb::TableError, redb::StorageError, redb::CommitError);

/// What a seat found, and the salt that hides it until the reveal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Answer {
	/// Result digest.
	pub result: Digest,
	/// Trace root.
	pub trace_root: Digest,
	/// CID of the stored file.
	pub artifact: Cid,
	/// Salt.
	pub salt: [u8; 32],
}

impl Answer {
	/// The answer in the form that the protocol's digests take.
	pub fn sealed(&self) -> Sealed {
		let Self { result, trace_root, artifact, salt } = *self;
		Sealed { result, trace_root, artifact, salt }
	}

	/// The commitment of this answer.
	pub fn commitment(&self, job: JobId, round: u32, operator: &AccountId) -> Digest {
		commitment(job, round, &operator.0, &self.sealed())
	}
}

/// What the chain is told of a final job whose result it has as a digest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Report {
	/// The losses of both versions, in billionths.
	Evaluation {
		/// Of the version that was compared with.
		base: u64,
		/// Of the candidate.
		candidate: u64,
	},
	/// How a character voted.
	Ballot {
		/// In percent; none when the proposer's words turned it round.
		decision: Option<i8>,
		/// Digest of the reasons.
		reasons: Digest,
	},
}

impl Report {
	/// Name of the call.
	pub fn call(self) -> &'static str {
		match self {
			Self::Evaluation { .. } => "report_evaluation",
			Self::Ballot { .. } => "report_ballot",
		}
	}
}

/// How far a seat has come.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Stage {
	/// The chain gave us the seat.
	#[codec(index = 0)]
	Assigned,
	/// The answer is known and on disk.
	#[codec(index = 1)]
	Computed(Answer),
	/// The commitment may be on its way.
	#[codec(index = 2)]
	CommitSent(Answer),
	/// The chain has the commitment.
	#[codec(index = 3)]
	Committed(Answer),
	/// The reveal may be on its way.
	#[codec(index = 4)]
	RevealSent(Answer),
	/// The chain has the reveal.
	#[codec(index = 5)]
	Revealed(Answer),
	/// The job became final with our answer: paid.
	#[codec(index = 6)]
	Done(Answer),
	/// The seat brought nothing; why.
	#[codec(index = 7)]
	Failed(Option<Answer>, String),
}

impl Stage {
	/// The stages' names, in order.
	pub const NAMES: [&'static str; 8] =
		["assigned", "computed", "commit_sent", "committed", "reveal_sent", "revealed", "done", "failed"];

	/// Position of the stage in a seat's life.
	fn rank(&self) -> usize {
		match self {
			Self::Assigned => 0,
			Self::Computed(_) => 1,
			Self::CommitSent(_) => 2,
			Self::Committed(_) => 3,
			Self::RevealSent(_) => 4,
			Self::Revealed(_) => 5,
			Self::Done(_) => 6,
			Self::Failed(..) => 7,
		}
	}

	/// The stage's name.
	pub fn name(&self) -> &'static str {
		Self::NAMES[self.rank()]
	}

	/// The answer, once there is one.
	pub fn answer(&self) -> Option<Answer> {
		match self {
			Self::Assigned => None,
			Self::Failed(answer, _) => *answer,
			Self::Computed(a)
			| Self::CommitSent(a)
			| Self::Committed(a)
			| Self::RevealSent(a)
			| Self::Revealed(a)
			| Self::Done(a) => Some(*a),
		}
	}

	/// Whether the chain has no commitment of it yet, as far as the worker knows.
	pub fn before_commitment(&self) -> bool {
		matches!(self, Self::Assigned | Self::Computed(_) | Self::CommitSent(_))
	}

	/// Whether nothing is left to do.
	pub fn ended(&self) -> bool {
		matches!(self, Self::Done(_) | Self::Failed(..))
	}
}

/// One seat of one job.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Seat {
	/// The job.
	pub job: JobId,
	/// The job's round.
	pub round: u32,
	/// What it is for.
	pub role: Role,
	/// The job's model.
	pub model: ModelId,
	/// Runs of the model that ended without an answer.
	pub attempts: u32,
	/// How far it has come.
	pub stage: Stage,
	/// The chunk of the trace that is opened together with the answer, for a juror or an auditor.
	pub opening: Option<TraceOpening>,
}

/// The seats of one worker. One process at a time can have a folder open.
pub struct Queue {
	database: Database,
	#[cfg(test)]
	pub written: std::sync::OnceLock<Box<dyn Fn() + Send + Sync>>,
	// Held for as long as the queue lives; the operating system releases it when the process ends in any way.
	_lock: File,
}

impl Queue {
	/// Opens the queue of a data folder, which is made when absent.
	pub fn open(folder: &Path) -> Result<Self, QueueError> {
		let failed = |e| QueueError::Folder(folder.into(), e);
		std::fs::create_dir_all(folder).map_err(failed)?;
		let lock = File::options()
			.create(true)
			.truncate(false)
			.write(true)
			.open(folder.join("worker.lock"))
			.map_err(failed)?;
		lock.try_lock().map_err(|error| match error {
			TryLockError::WouldBlock => QueueError::Locked(folder.into()),
			TryLockError::Error(error) => failed(error),
		})?;
		let database = Database::create(folder.join("queue.redb"))?;
		let write = database.begin_write()?;
		write.open_table(SEATS)?;
		write.open_table(META)?;
		write.open_table(REPORTS)?;
		write.open_table(BALLOTS)?;
		write.commit()?;
		let queue = Self {
			database,
			#[cfg(test)]
			written: Default::default(),
			_lock: lock,
		};
		queue.prune()?;
		Ok(queue)
	}

	/// A seat's record.
	pub fn get(&self, job: JobId, round: u32) -> Result<Option<Seat>, QueueError> {
		let table = self.database.begin_read()?.open_table(SEATS)?;
		let value = table.get((job, round))?;
		value.map(|v| decode((job, round), v.value())).transpose()
	}

	/// Every record, in the order of job and round.
	pub fn all(&self) -> Result<Vec<Seat>, QueueError> {
		let table = self.database.begin_read()?.open_table(SEATS)?;
		let mut seats = Vec::new();
		for row in table.iter()? {
			let (key, value) = row?;
			seats.push(decode(key.value(), value.value())?);
		}
		Ok(seats)
	}

	/// The seats with something left to do.
	pub fn unfinished(&self) -> Result<Vec<Seat>, QueueError> {
		Ok(self.all()?.into_iter().filter(|s| !s.stage.ended()).collect())
	}

	/// How many seats are in each stage, in the order of [`Stage::NAMES`].
	pub fn counts(&self) -> Result<[u64; Stage::NAMES.len()], QueueError> {
		let mut counts = [0; Stage::NAMES.len()];
		for seat in self.all()? {
			counts[seat.stage.rank()] += 1;
		}
		Ok(counts)
	}

	/// Ties the folder to a chain, at the first call; refuses another chain from then on.
	pub fn bind(&self, genesis: Digest) -> Result<(), QueueError> {
		let bound = self.meta("genesis")?.and_then(|bytes| Digest::try_from(bytes).ok());
		match bound {
			Some(ours) if ours != genesis => Err(QueueError::OtherChain { ours, theirs: genesis }),
			Some(_) => Ok(()),
			None => self.set_meta("genesis", &genesis),
		}
	}

	/// The last block whose events were read.
	pub fn cursor(&self) -> Result<Option<BlockNumber>, QueueError> {
		let bytes = self.meta("cursor")?.and_then(|bytes| bytes.try_into().ok());
		Ok(bytes.map(BlockNumber::from_le_bytes))
	}

	/// Notes that the events up to this block were read and what they bring was written.
	pub fn set_cursor(&self, block: BlockNumber) -> Result<(), QueueError> {
		self.set_meta("cursor", &block.to_le_bytes())
	}

	fn meta(&self, key: &str) -> Result<Option<Vec<u8>>, QueueError> {
		let table = self.database.begin_read()?.open_table(META)?;
		let value = table.get(key)?.map(|value| value.value().to_vec());
		Ok(value)
	}

	fn set_meta(&self, key: &str, value: &[u8]) -> Result<(), QueueError> {
		let write = self.database.begin_write()?;
		write.open_table(META)?.insert(key, value)?;
		write.commit()?;
		Ok(())
	}

	/// Notes that something is to be reported of a job. Noting it twice is fine.
	pub fn report_due(&self, job: JobId, report: Report) -> Result<(), QueueError> {
		let write = self.database.begin_write()?;
		match report {
			Report::Evaluation { base, candidate } => {
				write.open_table(REPORTS)?.insert(job, (base, candidate))?;
			}
			Report::Ballot { decision, reasons } => {
				write.open_table(BALLOTS)?.insert(job, (decision, reasons).encode().as_slice())?;
			}
		}
		write.commit()?;
		Ok(())
	}

	/// What is to be reported, evaluations first.
	pub fn reports(&self) -> Result<Vec<(JobId, Report)>, QueueError> {
		let read = self.database.begin_read()?;
		let mut reports = Vec::new();
		for row in read.open_table(REPORTS)?.iter()? {
			let (job, losses) = row?;
			let (base, candidate) = losses.value();
			reports.push((job.value(), Report::Evaluation { base, candidate }));
		}
		for row in read.open_table(BALLOTS)?.iter()? {
			let (job, ballot) = row?;
			let job = job.value();
			let (decision, reasons) = <(Option<i8>, Digest)>::decode(&mut ballot.value())
				.map_err(|_| QueueError::Record { job, round: 0 })?;
			reports.push((job, Report::Ballot { decision, reasons }));
		}
		Ok(reports)
	}

	/// Notes that a job's finding is reported, by whomever.
	pub fn reported(&self, job: JobId) -> Result<(), QueueError> {
		let write = self.database.begin_write()?;
		write.open_table(REPORTS)?.remove(job)?;
		write.open_table(BALLOTS)?.remove(job)?;
		write.commit()?;
		Ok(())
	}

	/// Notes a seat that the chain gave us; an existing record stays as it is and is returned.
	pub fn assign(&self, job: JobId, round: u32, role: Role, model: ModelId) -> Result<Seat, QueueError> {
		self.change((job, round), |seat| {
			let new = Seat { job, round, role, model, attempts: 0, stage: Stage::Assigned, opening: None };
			Ok(seat.unwrap_or(new))
		})
	}

	/// Writes the answer of a seat, with the opening that goes with it. The first answer stands: the record after the call
	/// is returned, with whichever answer and salt were there first.
	pub fn computed(
		&self,
		job: JobId,
		round: u32,
		answer: Answer,
		opening: Option<TraceOpening>,
	) -> Result<Seat, QueueError> {
		self.change((job, round), |seat| {
			let mut seat = seat.ok_or(QueueError::Record { job, round })?;
			if seat.stage == Stage::Assigned {
				seat.stage = Stage::Computed(answer);
				seat.opening = opening;
			}
			Ok(seat)
		})
	}

	/// Counts a run that ended without an answer, and gives up with the reason after `most` of them.
	pub fn run_failed(&self, job: JobId, round: u32, most: u32, why: &str) -> Result<Seat, QueueError> {
		self.change((job, round), |seat| {
			let mut seat = seat.ok_or(QueueError::Record { job, round })?;
			seat.attempts = seat.attempts.saturating_add(1);
			if seat.stage == Stage::Assigned && seat.attempts >= most {
				seat.stage = Stage::Failed(None, why.into());
			}
			Ok(seat)
		})
	}

	/// Notes that the commitment is about to be sent.
	pub fn commit_sent(&self, job: JobId, round: u32) -> Result<Seat, QueueError> {
		self.forward((job, round), 1..=2, Stage::CommitSent)
	}

	/// Notes that the chain has the commitment.
	pub fn committed(&self, job: JobId, round: u32) -> Result<Seat, QueueError> {
		self.forward((job, round), 1..=3, Stage::Committed)
	}

	/// Notes that the reveal is about to be sent.
	pub fn reveal_sent(&self, job: JobId, round: u32) -> Result<Seat, QueueError> {
		self.forward((job, round), 3..=4, Stage::RevealSent)
	}

	/// Notes that an auditor's answer is about to be sent: it has no commitment.
	pub fn audit_sent(&self, job: JobId, round: u32) -> Result<Seat, QueueError> {
		self.forward((job, round), 1..=4, Stage::RevealSent)
	}

	/// Notes that the chain has the reveal.
	pub fn revealed(&self, job: JobId, round: u32) -> Result<Seat, QueueError> {
		self.forward((job, round), 1..=5, Stage::Revealed)
	}

	/// Ends a seat whose job became final with our answer.
	pub fn done(&self, job: JobId, round: u32) -> Result<Seat, QueueError> {
		self.forward((job, round), 1..=6, Stage::Done)
	}

	/// Ends a seat that brought nothing.
	pub fn failed(&self, job: JobId, round: u32, why: impl Into<String>) -> Result<Seat, QueueError> {
		let why = why.into();
		self.existing((job, round), |seat| match &seat.stage {
			ended if ended.ended() => Ok(ended.clone()),
			stage => Ok(Stage::Failed(stage.answer(), why)),
		})
	}

	/// Moves a seat that has an answer to a later stage. Being there or further is fine: what the chain says about a job
	/// can overtake the end of the transaction that brought it there.
	fn forward(
		&self,
		key: (JobId, u32),
		from: std::ops::RangeInclusive<usize>,
		to: fn(Answer) -> Stage,
	) -> Result<Seat, QueueError> {
		self.existing(key, |seat| {
			let target = to(seat.stage.answer().unwrap_or(NOTHING));
			match seat.stage.answer() {
				_ if seat.stage.rank() > target.rank() => Ok(seat.stage.clone()),
				Some(_) if from.contains(&seat.stage.rank()) => Ok(target),
				_ => {
					let (from, to) = (seat.stage.name(), target.name());
					Err(QueueError::Transition { job: key.0, round: key.1, from, to })
				}
			}
		})
	}

	fn existing(
		&self,
		key: (JobId, u32),
		next: impl FnOnce(&Seat) -> Result<Stage, QueueError>,
	) -> Result<Seat, QueueError> {
		self.change(key, |seat| {
			let mut seat = seat.ok_or(QueueError::Record { job: key.0, round: key.1 })?;
			seat.stage = next(&seat)?;
			Ok(seat)
		})
	}

	/// Reads, changes and writes one record in one transaction, synced to disk on return.
	fn change(
		&self,
		key: (JobId, u32),
		change: impl FnOnce(Option<Seat>) -> Result<Seat, QueueError>,
	) -> Result<Seat, QueueError> {
		let write = self.database.begin_write()?;
		let seat;
		{
			let mut table = write.open_table(SEATS)?;
			let before = table.get(key)?.map(|v| decode(key, v.value())).transpose()?;
			seat = change(before.clone())?;
			if before.as_ref() == Some(&seat) {
				return Ok(seat);
			}
			let mut bytes = vec![VERSION];
			seat.encode_to(&mut bytes);
			table.insert(key, bytes.as_slice())?;
		}
		write.commit()?;
		#[cfg(test)]
		if let Some(written) = self.written.get() {
			written();
		}
		Ok(seat)
	}

	/// Drops the oldest ended seats beyond [`KEEP_ENDED`].
	fn prune(&self) -> Result<(), QueueError> {
		let ended: Vec<_> = self.all()?.into_iter().filter(|s| s.stage.ended()).collect();
		let Some(excess) = ended.len().checked_sub(KEEP_ENDED).filter(|n| *n > 0) else { return Ok(()) };
		let write = self.database.begin_write()?;
		{
			let mut table = write.open_table(SEATS)?;
			for seat in &ended[..excess] {
				table.remove((seat.job, seat.round))?;
			}
		}
		write.commit()?;
		Ok(())
	}
}

/// Stands in for an answer where only the name of a stage is wanted.
const NOTHING: Answer = Answer { result: [0; 32], trace_root: [0; 32], artifact: [0; 36], salt: [0; 32] };

fn decode((job, round): (JobId, u32), bytes: &[u8]) -> Result<Seat, QueueError> {
	match bytes.split_first() {
		Some((&VERSION, mut rest)) => Seat::decode(&mut rest).map_err(|_| QueueError::Record { job, round }),
		_ => Err(QueueError::Record { job, round }),
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	fn answer(n: u8) -> Answer {
		Answer { result: [n; 32], trace_root: [n; 32], artifact: [n; 36], salt: [n; 32] }
	}

	#[test]
	fn queue_should_be_refused_when_another_worker_has_it() {
		let dir = tempfile::tempdir().unwrap();
		let first = Queue::open(dir.path()).unwrap();
		assert!(matches!(Queue::open(dir.path()), Err(QueueError::Locked(_))));
		drop(first);
		Queue::open(dir.path()).unwrap();
	}

	#[test]
	fn first_answer_should_stand_when_a_second_comes() {
		let dir = tempfile::tempdir().unwrap();
		let queue = Queue::open(dir.path()).unwrap();
		queue.assign(3, 0, Role::Committee, 1).unwrap();
		assert_eq!(queue.computed(3, 0, answer(1), None).unwrap().stage, Stage::Computed(answer(1)));
		drop(queue);
		let queue = Queue::open(dir.path()).unwrap();
		assert_eq!(queue.computed(3, 0, answer(2), None).unwrap().stage, Stage::Computed(answer(1)));
		queue.commit_sent(3, 0).unwrap();
		assert_eq!(queue.computed(3, 0, answer(2), None).unwrap().stage, Stage::CommitSent(answer(1)));
		assert_eq!(queue.assign(3, 0, Role::Committee, 1).unwrap().stage, Stage::CommitSent(answer(1)));
		assert_eq!(queue.assign(3, 1, Role::Committee, 1).unwrap().stage, Stage::Assigned);
	}

	#[test]
	fn nothing_should_be_sent_when_there_is_no_answer() {
		let dir = tempfile::tempdir().unwrap();
		let queue = Queue::open(dir.path()).unwrap();
		queue.assign(0, 0, Role::Committee, 0).unwrap();
		assert!(matches!(
			queue.commit_sent(0, 0),
			Err(QueueError::Transition { from: "assigned", to: "commit_sent", .. })
		));
		assert!(matches!(queue.reveal_sent(0, 0), Err(QueueError::Transition { .. })));
		queue.computed(0, 0, answer(1), None).unwrap();
		assert!(matches!(queue.reveal_sent(0, 0), Err(QueueError::Transition { .. })));
		assert!(queue.commit_sent(9, 0).is_err());
	}

	#[test]
	fn report_should_be_due_across_restarts_until_it_is_made() {
		let dir = tempfile::tempdir().unwrap();
		let queue = Queue::open(dir.path()).unwrap();
		let evaluation = |base, candidate| Report::Evaluation { base, candidate };
		let ballot = |decision, n| Report::Ballot { decision, reasons: [n; 32] };
		queue.report_due(7, evaluation(30, 20)).unwrap();
		queue.report_due(9, evaluation(5, u64::MAX)).unwrap();
		queue.report_due(8, ballot(Some(-50), 1)).unwrap();
		queue.report_due(6, ballot(None, 2)).unwrap();
		queue.report_due(7, evaluation(30, 20)).unwrap();
		queue.report_due(8, ballot(Some(-50), 1)).unwrap();
		drop(queue);
		let queue = Queue::open(dir.path()).unwrap();
		let due =
			[(7, evaluation(30, 20)), (9, evaluation(5, u64::MAX)), (6, ballot(None, 2)), (8, ballot(Some(-50), 1))];
		assert_eq!(queue.reports().unwrap(), due);
		for job in [7, 7, 8, 8] {
			queue.reported(job).unwrap();
		}
		assert_eq!(queue.reports().unwrap(), [due[1], due[2]]);
	}

	#[test]
	fn seat_should_be_given_up_when_its_run_fails_too_often() {
		let dir = tempfile::tempdir().unwrap();
		let queue = Queue::open(dir.path()).unwrap();
		queue.assign(0, 0, Role::Committee, 0).unwrap();
		assert_eq!(queue.run_failed(0, 0, 2, "out of memory").unwrap().stage, Stage::Assigned);
		let seat = queue.run_failed(0, 0, 2, "out of memory").unwrap();
		assert_eq!(seat.stage, Stage::Failed(None, "out of memory".into()));
		assert!(queue.unfinished().unwrap().is_empty());
		assert_eq!(queue.counts().unwrap(), [0, 0, 0, 0, 0, 0, 0, 1]);
	}

	proptest! {
		#![proptest_config(ProptestConfig::with_cases(16))]
		#[test]
		fn answer_should_never_change_when_steps_come_in_any_order(steps in proptest::collection::vec(0u8..8, 1..24)) {
			let dir = tempfile::tempdir().unwrap();
			let queue = Queue::open(dir.path()).unwrap();
			queue.assign(0, 0, Role::Committee, 0).unwrap();
			let (mut first, mut rank) = (None, 0);
			for (n, step) in steps.into_iter().enumerate() {
				let _ = match step {
					0 => queue.assign(0, 0, Role::Committee, 0),
					1 => queue.computed(0, 0, answer(n as u8), None),
					2 => queue.commit_sent(0, 0),
					3 => queue.committed(0, 0),
					4 => queue.reveal_sent(0, 0),
					5 => queue.revealed(0, 0),
					6 => queue.done(0, 0),
					_ => queue.run_failed(0, 0, 99, "x"),
				};
				let seat = queue.get(0, 0).unwrap().unwrap();
				prop_assert!(seat.stage.rank() >= rank, "went back to {}", seat.stage.name());
				rank = seat.stage.rank();
				if let Some(answer) = seat.stage.answer() {
					prop_assert_eq!(*first.get_or_insert(answer), answer);
				}
			}
		}
	}
}
