//! What this worker's seats brought: the operator's books, on disk.
//!
//! Guarantee: a seat counts once. Its row and every sum that it changes are written in one transaction, so the sums are
//! those of the rows that were ever recorded, however often the same end is recorded and wherever the process is killed.
//!
//! The books are in a file of their own and nothing in them is owed to the chain: an error here must never stop a worker
//! that has commitments to open, and a file that cannot be read is set aside for a new one.

use std::{
	collections::BTreeMap,
	fmt,
	path::{Path, PathBuf},
	str::FromStr,
};

use autonomy_primitives::{digest::Cid, Digest, JobId, ModelId};
use codec::{Decode, Encode};
use redb::{
	backends::InMemoryBackend, Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition,
};
use tracing::error;

pub use crate::chain::Role;
use crate::chain::{AccountId, Balance, BlockNumber};

/// job, round and role → version byte and SCALE of a [`JobEnd`].
const ROWS: TableDefinition<Key, &[u8]> = TableDefinition::new("rows");
/// The one key "totals" → version byte and SCALE of [`Totals`].
const TOTALS: TableDefinition<&str, &[u8]> = TableDefinition::new("totals");
/// Day since 1 January 1970, UTC → planck earned, planck lost, seats.
const DAYS: TableDefinition<u32, (u128, u128, u64)> = TableDefinition::new("days");
/// Account of another operator → jobs shared, of which agreed.
const PEERS: TableDefinition<&[u8; 32], (u64, u64)> = TableDefinition::new("peers");

const FILE: &str = "ledger.redb";
const VERSION: u8 = 1;
/// Rows that are kept; the sums also count older ones.
const KEEP: u64 = 100_000;
/// Seconds of a day.
pub const DAY_SECONDS: u64 = 86_400;

/// job, round, role.
type Key = (JobId, u32, u8);

/// Why the ledger cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
	/// The file cannot be used.
	#[error("ledger {0}: {1}")]
	File(PathBuf, std::io::Error),
	/// The database failed.
	#[error("ledger: {0}")]
	Database(Box<redb::Error>),
	/// A record cannot be read.
	#[error("ledger: {0} cannot be read; it was written by another version")]
	Record(String),
}

macro_rules! database_errors {
	($($error:ty),*) => { $(
		impl From<$error> for LedgerError {
			fn from(error: $error) -> Self {
				Self::Database(Box::new(error.into()))
			}
		}
	)* };
}
database_errors!(redb::DatabaseError, redb::TransactionError, redb::TableError, redb::StorageError, redb::CommitError);

impl LedgerError {
	/// Whether the file's content is at fault, rather than the disk or another process.
	fn is_content(&self) -> bool {
		use std::io::ErrorKind::{InvalidData, UnexpectedEof};
		match self {
			Self::File(..) => false,
			Self::Record(_) => true,
			Self::Database(error) => match error.as_ref() {
				redb::Error::Io(error) => matches!(error.kind(), InvalidData | UnexpectedEof),
				redb::Error::Corrupted(_)
				| redb::Error::UpgradeRequired(_)
				| redb::Error::RepairAborted
				| redb::Error::TableTypeMismatch { .. }
				| redb::Error::TableIsMultimap(_)
				| redb::Error::TypeDefinitionChanged { .. } => true,
				_ => false,
			},
		}
	}
}

/// How a seat ended. Amounts are in planck.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Outcome {
	/// The job ended with this worker's result.
	#[codec(index = 0)]
	Paid {
		/// What the operator got: its part of the fee, and of slashed bonds if there were any.
		amount: Balance,
	},
	/// The job ended without a result. Nothing was earned, nothing lost.
	#[codec(index = 1)]
	Refunded,
	/// The seat did not commit in time.
	#[codec(index = 2)]
	Missed {
		/// What it lost of its exposure.
		amount: Balance,
	},
	/// The seat committed and did not reveal in time.
	#[codec(index = 3)]
	Unrevealed {
		/// What it lost of its exposure.
		amount: Balance,
	},
	/// The job ended with another result than this worker's.
	#[codec(index = 4)]
	Slashed {
		/// What it lost: the exposure, or a challenger's bond.
		amount: Balance,
	},
	/// The worker gave the seat back in time, which is free.
	#[codec(index = 5)]
	Declined,
}

impl Outcome {
	/// The outcome without its amount.
	pub fn ending(&self) -> Ending {
		match self {
			Self::Paid { .. } => Ending::Paid,
			Self::Refunded => Ending::Refunded,
			Self::Missed { .. } => Ending::Missed,
			Self::Unrevealed { .. } => Ending::Unrevealed,
			Self::Slashed { .. } => Ending::Slashed,
			Self::Declined => Ending::Declined,
		}
	}

	/// What the operator got, in planck.
	pub fn earned(&self) -> Balance {
		match self {
			Self::Paid { amount } => *amount,
			Self::Refunded | Self::Missed { .. } | Self::Unrevealed { .. } | Self::Slashed { .. } | Self::Declined => 0,
		}
	}

	/// What the operator lost of its bond, in planck.
	pub fn lost(&self) -> Balance {
		match self {
			Self::Missed { amount } | Self::Unrevealed { amount } | Self::Slashed { amount } => *amount,
			Self::Paid { .. } | Self::Refunded | Self::Declined => 0,
		}
	}
}

/// An [`Outcome`] without its amount.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode)]
pub enum Ending {
	/// [`Outcome::Paid`].
	#[codec(index = 0)]
	Paid,
	/// [`Outcome::Refunded`].
	#[codec(index = 1)]
	Refunded,
	/// [`Outcome::Missed`].
	#[codec(index = 2)]
	Missed,
	/// [`Outcome::Unrevealed`].
	#[codec(index = 3)]
	Unrevealed,
	/// [`Outcome::Slashed`].
	#[codec(index = 4)]
	Slashed,
	/// [`Outcome::Declined`].
	#[codec(index = 5)]
	Declined,
}

impl Ending {
	/// Every ending, in the order of their indices.
	pub const ALL: [Self; 6] =
		[Self::Paid, Self::Refunded, Self::Missed, Self::Unrevealed, Self::Slashed, Self::Declined];

	/// The ending's name.
	pub fn name(self) -> &'static str {
		match self {
			Self::Paid => "paid",
			Self::Refunded => "refunded",
			Self::Missed => "missed",
			Self::Unrevealed => "unrevealed",
			Self::Slashed => "slashed",
			Self::Declined => "declined",
		}
	}
}

/// The end of one seat.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct JobEnd {
	/// The job.
	pub job: JobId,
	/// The job's round in which the seat was drawn.
	pub round: u32,
	/// What the seat was for.
	pub role: Role,
	/// The job's model.
	pub model: ModelId,
	/// How the seat ended.
	pub outcome: Outcome,
	/// This worker's result digest, if it came to one.
	pub result: Option<Digest>,
	/// CID of the file that this worker stored for it.
	pub artifact: Option<Cid>,
	/// When the worker learned of the end, in Unix seconds.
	pub ended_at_unix: u64,
	/// The finalized block at which it did.
	pub block: BlockNumber,
	/// The other operators that revealed a result for the job, and whether it was this worker's. Empty when there were none,
	/// or when this worker has no result.
	pub peers: Vec<(AccountId, bool)>,
}

impl JobEnd {
	/// The seat's place in the ledger.
	pub fn cursor(&self) -> Cursor {
		Cursor((self.job, self.round, self.role as u8))
	}
}

/// A seat's place in the ledger: `JOB.ROUND.ROLE` as text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Cursor(Key);

impl fmt::Display for Cursor {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let (job, round, role) = self.0;
		let role = Role::ALL.get(usize::from(role)).map_or("?", |r| r.name());
		write!(f, "{job}.{round}.{role}")
	}
}

impl FromStr for Cursor {
	type Err = String;

	fn from_str(text: &str) -> Result<Self, String> {
		let wrong = || format!("'{text}' is not JOB.ROUND.ROLE, such as 17.0.committee; take it from `next`");
		let mut parts = text.split('.');
		let (Some(job), Some(round), Some(role), None) = (parts.next(), parts.next(), parts.next(), parts.next())
		else {
			return Err(wrong());
		};
		let role = Role::ALL.into_iter().find(|r| r.name() == role).ok_or_else(wrong)?;
		let job = job.parse().map_err(|_| wrong())?;
		let round = round.parse().map_err(|_| wrong())?;
		Ok(Self((job, round, role as u8)))
	}
}

/// Some rows, newest job first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page {
	/// The rows.
	pub rows: Vec<JobEnd>,
	/// Where the next page begins, if there is one.
	pub next: Option<Cursor>,
}

/// Seats with the same role and ending.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct Tally {
	/// How many.
	pub seats: u64,
	/// What they earned, in planck.
	pub earned: Balance,
	/// What they lost, in planck.
	pub lost: Balance,
}

/// The sums over every seat that was ever recorded, those whose rows have been dropped among them.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct Totals {
	/// By role and ending. What did not occur is absent.
	pub tallies: BTreeMap<(Role, Ending), Tally>,
	/// Pairs of a job and another operator on it whose results could be compared.
	pub shared: u64,
	/// Pairs of them with equal results.
	pub agreed: u64,
	/// The last row that was dropped; whatever is not after it counts as recorded.
	floor: Option<Key>,
}

impl Totals {
	/// All seats.
	pub fn seats(&self) -> u64 {
		self.tallies.values().map(|t| t.seats).sum()
	}

	/// Planck earned.
	pub fn earned(&self) -> Balance {
		self.tallies.values().fold(0, |sum, t| sum.saturating_add(t.earned))
	}

	/// Planck lost.
	pub fn lost(&self) -> Balance {
		self.tallies.values().fold(0, |sum, t| sum.saturating_add(t.lost))
	}

	/// The part of the comparable pairs that agreed, 0 to 1; nothing before the first pair.
	pub fn agreement(&self) -> Option<f64> {
		(self.shared > 0).then(|| self.agreed as f64 / self.shared as f64)
	}

	fn add(&mut self, end: &JobEnd) {
		let tally = self.tallies.entry((end.role, end.outcome.ending())).or_default();
		tally.seats += 1;
		tally.earned = tally.earned.saturating_add(end.outcome.earned());
		tally.lost = tally.lost.saturating_add(end.outcome.lost());
		self.shared += end.peers.len() as u64;
		self.agreed += end.peers.iter().filter(|(_, agreed)| *agreed).count() as u64;
	}

	fn publish(&self) {
		// With the zeros: an alert cannot see the increase of a counter that begins at one.
		for (role, ending) in Role::ALL.into_iter().flat_map(|role| Ending::ALL.map(|ending| (role, ending))) {
			let labels = [("role", role.name()), ("outcome", ending.name())];
			let seats = self.tallies.get(&(role, ending)).map_or(0, |tally| tally.seats);
			metrics::counter!("autonomy_jobs_ended_total", &labels).absolute(seats);
		}
		// A counter holds 64 bits: 18 million AUTON.
		let planck = |amount: Balance| u64::try_from(amount).unwrap_or(u64::MAX);
		metrics::counter!("autonomy_earned_planck_total").absolute(planck(self.earned()));
		metrics::counter!("autonomy_lost_planck_total").absolute(planck(self.lost()));
		if let Some(ratio) = self.agreement() {
			metrics::gauge!("autonomy_agreement_ratio").set(ratio);
		}
	}
}

/// One day, UTC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Day {
	/// Days since 1 January 1970.
	pub day: u32,
	/// Planck earned.
	pub earned: Balance,
	/// Planck lost.
	pub lost: Balance,
	/// Seats that ended.
	pub seats: u64,
}

/// How often another operator came to the same result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Peer {
	/// The operator.
	pub operator: AccountId,
	/// Jobs on which both revealed a result.
	pub shared: u64,
	/// Jobs of them on which the results were equal.
	pub agreed: u64,
}

/// The books of one worker. One process at a time can have them open.
pub struct Ledger {
	database: Database,
	keep: u64,
}

impl Ledger {
	/// Opens the ledger of a data folder, which is made when absent. A file whose content cannot be read is renamed to
	/// `ledger.redb.unreadable`, with an error in the log, and a new one is begun.
	///
	/// Its metrics go to the recorder that is installed, so that comes first.
	pub fn open(folder: &Path) -> Result<Self, LedgerError> {
		Self::open_with(folder, KEEP)
	}

	fn open_with(folder: &Path, keep: u64) -> Result<Self, LedgerError> {
		let path = folder.join(FILE);
		std::fs::create_dir_all(folder).map_err(|e| LedgerError::File(folder.into(), e))?;
		match Self::open_file(&path, keep) {
			Err(why) if why.is_content() => {
				let aside = folder.join(format!("{FILE}.unreadable"));
				error!(
					"{why}; {} becomes {}, and the books begin anew: jobs and money are not touched",
					path.display(),
					aside.display()
				);
				std::fs::rename(&path, &aside).map_err(|e| LedgerError::File(path.clone(), e))?;
				Self::open_file(&path, keep)
			}
			other => other,
		}
	}

	/// A ledger that ends with the process: for a worker that must go on although its file cannot be used, and for tests.
	pub fn in_memory() -> Result<Self, LedgerError> {
		Self::with_database(Database::builder().create_with_backend(InMemoryBackend::new())?, KEEP)
	}

	fn open_file(path: &Path, keep: u64) -> Result<Self, LedgerError> {
		Self::with_database(Database::create(path)?, keep)
	}

	fn with_database(database: Database, keep: u64) -> Result<Self, LedgerError> {
		let write = database.begin_write()?;
		write.open_table(ROWS)?;
		write.open_table(TOTALS)?;
		write.open_table(DAYS)?;
		write.open_table(PEERS)?;
		write.commit()?;
		let ledger = Self { database, keep };
		ledger.totals()?.publish();
		Ok(ledger)
	}

	/// Records the end of a seat, synced to disk on return, and says whether it was new. The first record of a job, round
	/// and role stands; recording it again changes nothing.
	///
	/// Call it before the queue forgets the seat: killed between the two, the worker records it again at its next start.
	/// An error is to be logged and no more.
	pub fn record(&self, end: &JobEnd) -> Result<bool, LedgerError> {
		let Cursor(key) = end.cursor();
		let write = self.database.begin_write()?;
		let totals = {
			let mut rows = write.open_table(ROWS)?;
			let mut sums = write.open_table(TOTALS)?;
			let mut totals = read_totals(&sums)?;
			if totals.floor.is_some_and(|floor| key <= floor) || rows.get(key)?.is_some() {
				return Ok(false);
			}
			rows.insert(key, encoded(end).as_slice())?;
			totals.add(end);
			while rows.len()? > self.keep {
				let Some((oldest, _)) = rows.pop_first()? else { break };
				totals.floor = Some(oldest.value());
			}
			sums.insert(TOTALS_KEY, encoded(&totals).as_slice())?;

			let mut days = write.open_table(DAYS)?;
			let day = day_of(end.ended_at_unix);
			let (earned, lost, seats) = days.get(day)?.map_or((0, 0, 0), |v| v.value());
			let earned = end.outcome.earned().saturating_add(earned);
			let lost = end.outcome.lost().saturating_add(lost);
			days.insert(day, (earned, lost, seats + 1))?;

			let mut peers = write.open_table(PEERS)?;
			for (peer, same) in &end.peers {
				let (shared, agreed) = peers.get(&peer.0)?.map_or((0, 0), |v| v.value());
				peers.insert(&peer.0, (shared + 1, agreed + u64::from(*same)))?;
			}
			totals
		};
		write.commit()?;
		totals.publish();
		Ok(true)
	}

	/// Up to `limit` rows, newest job first, beginning with the newest or with the one after `before`.
	pub fn jobs(&self, limit: usize, before: Option<Cursor>) -> Result<Page, LedgerError> {
		let table = self.database.begin_read()?.open_table(ROWS)?;
		let end = before.map_or((JobId::MAX, u32::MAX, u8::MAX), |Cursor(key)| key);
		let mut rows = Vec::new();
		for row in table.range(..end)?.rev() {
			let (key, value) = row?;
			if rows.len() == limit {
				let next = rows.last().map(JobEnd::cursor);
				return Ok(Page { rows, next });
			}
			let record = || format!("the record of {}", Cursor(key.value()));
			rows.push(decoded::<JobEnd>(value.value()).ok_or_else(|| LedgerError::Record(record()))?);
		}
		Ok(Page { rows, next: None })
	}

	/// The sums over everything.
	pub fn totals(&self) -> Result<Totals, LedgerError> {
		read_totals(&self.database.begin_read()?.open_table(TOTALS)?)
	}

	/// `count` days up to and with the day of a Unix time in seconds, oldest first, those without a seat too.
	pub fn days(&self, until_unix: u64, count: u32) -> Result<Vec<Day>, LedgerError> {
		let table = self.database.begin_read()?.open_table(DAYS)?;
		let last = day_of(until_unix);
		let first = last.saturating_sub(count.saturating_sub(1));
		(first..=last)
			.map(|day| {
				let (earned, lost, seats) = table.get(day)?.map_or((0, 0, 0), |v| v.value());
				Ok(Day { day, earned, lost, seats })
			})
			.collect()
	}

	/// The `limit` operators with which most jobs were shared, those first.
	pub fn peers(&self, limit: usize) -> Result<Vec<Peer>, LedgerError> {
		let table = self.database.begin_read()?.open_table(PEERS)?;
		let mut peers = Vec::new();
		for row in table.iter()? {
			let (operator, counts) = row?;
			let (shared, agreed) = counts.value();
			peers.push(Peer { operator: AccountId::from(*operator.value()), shared, agreed });
		}
		peers.sort_by_key(|p| (std::cmp::Reverse(p.shared), p.operator));
		peers.truncate(limit);
		Ok(peers)
	}
}

const TOTALS_KEY: &str = "totals";

fn read_totals(table: &impl ReadableTable<&'static str, &'static [u8]>) -> Result<Totals, LedgerError> {
	match table.get(TOTALS_KEY)? {
		None => Ok(Totals::default()),
		Some(value) => decoded(value.value()).ok_or_else(|| LedgerError::Record("the sums".into())),
	}
}

fn day_of(unix: u64) -> u32 {
	u32::try_from(unix / DAY_SECONDS).unwrap_or(u32::MAX)
}

fn encoded(value: &impl Encode) -> Vec<u8> {
	let mut bytes = vec![VERSION];
	value.encode_to(&mut bytes);
	bytes
}

fn decoded<T: Decode>(bytes: &[u8]) -> Option<T> {
	let (&VERSION, mut rest) = bytes.split_first()? else { return None };
	T::decode(&mut rest).ok()
}

#[cfg(test)]
pub mod tests {
	use super::*;
	use proptest::{collection::vec, prelude::*};

	/// A seat on the committee of a job that ended well for everybody.
	pub fn paid(job: JobId, amount: Balance) -> JobEnd {
		JobEnd {
			job,
			round: 0,
			role: Role::Committee,
			model: 0,
			outcome: Outcome::Paid { amount },
			result: Some([1; 32]),
			artifact: Some(autonomy_primitives::digest::cid(b"a picture")),
			ended_at_unix: 20_000 * DAY_SECONDS + job,
			block: 100,
			peers: vec![(AccountId::from([7; 32]), true), (AccountId::from([8; 32]), true)],
		}
	}

	fn outcome() -> impl Strategy<Value = Outcome> {
		(0u8..6, 0u128..1_000_000_000_000_000).prop_map(|(kind, amount)| match kind {
			0 => Outcome::Paid { amount },
			1 => Outcome::Refunded,
			2 => Outcome::Missed { amount },
			3 => Outcome::Unrevealed { amount },
			4 => Outcome::Slashed { amount },
			_ => Outcome::Declined,
		})
	}

	/// Ends over so few jobs that many are recorded twice.
	fn end() -> impl Strategy<Value = JobEnd> {
		let key = (0u64..8, 0u32..2, 0usize..4);
		let peers = vec((0u8..4).prop_flat_map(|n| (Just(AccountId::from([n; 32])), any::<bool>())), 0..4);
		(key, outcome(), any::<Option<[u8; 32]>>(), 0u64..10, peers).prop_map(
			|((job, round, role), outcome, result, day, peers)| JobEnd {
				round,
				role: Role::ALL[role],
				outcome,
				result,
				ended_at_unix: day * DAY_SECONDS,
				peers,
				..paid(job, 0)
			},
		)
	}

	fn all(ledger: &Ledger, limit: usize) -> Vec<JobEnd> {
		let (mut rows, mut before) = (Vec::new(), None);
		loop {
			let page = ledger.jobs(limit, before).unwrap();
			assert!(page.rows.len() <= limit);
			rows.extend(page.rows);
			match page.next {
				None => return rows,
				next => before = next,
			}
		}
	}

	proptest! {
		#![proptest_config(ProptestConfig::with_cases(48))]

		#[test]
		fn sums_should_be_those_of_the_rows_when_ends_are_recorded_in_any_order_and_again(
			ends in vec(end(), 0..40),
			reopen_at in 0usize..40,
			limit in 1usize..8,
		) {
			let dir = tempfile::tempdir().unwrap();
			let mut ledger = Ledger::open(dir.path()).unwrap();
			let mut first = BTreeMap::new();
			for (n, end) in ends.iter().enumerate() {
				if n == reopen_at {
					drop(ledger);
					ledger = Ledger::open(dir.path()).unwrap();
				}
				let new = !first.contains_key(&end.cursor());
				prop_assert_eq!(ledger.record(end).unwrap(), new);
				first.entry(end.cursor()).or_insert_with(|| end.clone());
			}
			let rows = all(&ledger, limit);
			let expected: Vec<_> = first.into_values().rev().collect();
			prop_assert_eq!(&rows, &expected);

			let mut totals = Totals::default();
			rows.iter().for_each(|row| totals.add(row));
			prop_assert_eq!(ledger.totals().unwrap(), totals.clone());
			let days = ledger.days(9 * DAY_SECONDS, 10).unwrap();
			prop_assert_eq!(days.len(), 10);
			prop_assert_eq!(days.iter().map(|d| d.earned).sum::<Balance>(), totals.earned());
			prop_assert_eq!(days.iter().map(|d| d.lost).sum::<Balance>(), totals.lost());
			prop_assert_eq!(days.iter().map(|d| d.seats).sum::<u64>(), rows.len() as u64);
			let peers = ledger.peers(usize::MAX).unwrap();
			prop_assert_eq!(peers.iter().map(|p| p.shared).sum::<u64>(), totals.shared);
			prop_assert_eq!(peers.iter().map(|p| p.agreed).sum::<u64>(), totals.agreed);
		}

		#[test]
		fn seats_should_count_once_when_their_rows_were_dropped(ends in vec(end(), 0..40), keep in 1u64..6) {
			let dir = tempfile::tempdir().unwrap();
			let ledger = Ledger::open_with(dir.path(), keep).unwrap();
			let mut counted = BTreeMap::new();
			for end in &ends {
				if ledger.record(end).unwrap() {
					prop_assert!(counted.insert(end.cursor(), end.clone()).is_none(), "{} counted twice", end.cursor());
				}
			}
			prop_assert!(all(&ledger, 2).len() as u64 <= keep);
			let mut totals = Totals::default();
			counted.values().for_each(|end| totals.add(end));
			let found = ledger.totals().unwrap();
			prop_assert_eq!(found.tallies, totals.tallies);
		}

		#[test]
		fn cursor_should_come_back_when_printed(job: u64, round: u32, role in 0usize..4) {
			let cursor = Cursor((job, round, Role::ALL[role] as u8));
			prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
		}

		#[test]
		fn cursor_should_be_refused_with_the_text_when_it_is_none(text in "[0-9a-z.]{0,12}") {
			if let Err(why) = text.parse::<Cursor>() {
				prop_assert!(why.contains(&format!("'{text}'")), "{}", why);
			}
		}
	}

	#[test]
	fn newest_jobs_should_come_first_when_a_page_is_asked_for() {
		let dir = tempfile::tempdir().unwrap();
		let ledger = Ledger::open(dir.path()).unwrap();
		for job in [3, 1, 2] {
			ledger.record(&paid(job, 5)).unwrap();
		}
		let page = ledger.jobs(2, None).unwrap();
		assert_eq!(page.rows.iter().map(|r| r.job).collect::<Vec<_>>(), [3, 2]);
		let page = ledger.jobs(2, page.next).unwrap();
		assert_eq!((page.rows.len(), page.rows[0].job, page.next), (1, 1, None));
	}

	#[test]
	fn oldest_rows_should_go_and_their_sums_stay_when_there_are_too_many() {
		let dir = tempfile::tempdir().unwrap();
		let ledger = Ledger::open_with(dir.path(), 2).unwrap();
		for job in 0..5 {
			assert!(ledger.record(&paid(job, 5)).unwrap());
		}
		assert_eq!(all(&ledger, 10).iter().map(|r| r.job).collect::<Vec<_>>(), [4, 3]);
		assert!(!ledger.record(&paid(1, 5)).unwrap(), "a dropped row was recorded again");
		let totals = ledger.totals().unwrap();
		assert_eq!((totals.seats(), totals.earned(), totals.agreement()), (5, 25, Some(1.0)));
	}

	#[test]
	fn seats_should_count_when_there_is_no_file() {
		let ledger = Ledger::in_memory().unwrap();
		assert!(ledger.record(&paid(0, 1)).unwrap());
		assert_eq!(ledger.totals().unwrap().earned(), 1);
	}

	#[test]
	fn file_should_be_set_aside_when_it_cannot_be_read() {
		let dir = tempfile::tempdir().unwrap();
		std::fs::write(dir.path().join(FILE), [7; 4096]).unwrap();
		let ledger = Ledger::open(dir.path()).unwrap();
		assert!(ledger.record(&paid(0, 1)).unwrap());
		assert_eq!(std::fs::read(dir.path().join("ledger.redb.unreadable")).unwrap(), [7; 4096]);
	}

	#[test]
	fn file_should_stay_when_another_process_has_it() {
		let dir = tempfile::tempdir().unwrap();
		let first = Ledger::open(dir.path()).unwrap();
		first.record(&paid(0, 1)).unwrap();
		assert!(matches!(Ledger::open(dir.path()), Err(LedgerError::Database(_))));
		drop(first);
		assert_eq!(Ledger::open(dir.path()).unwrap().totals().unwrap().seats(), 1);
	}

	#[test]
	fn metrics_should_show_the_sums_when_the_books_are_opened_again() {
		let dir = tempfile::tempdir().unwrap();
		let mut end = paid(0, 2_000);
		end.peers[0].1 = false;
		Ledger::open(dir.path()).unwrap().record(&end).unwrap();
		let (recorder, handle) = crate::server::metrics::recorder().unwrap();
		metrics::with_local_recorder(&recorder, || {
			let ledger = Ledger::open(dir.path()).unwrap();
			let slashed = JobEnd { role: Role::Juror, outcome: Outcome::Slashed { amount: 300 }, ..paid(1, 0) };
			ledger.record(&JobEnd { peers: Vec::new(), ..slashed }).unwrap();
		});
		let text = handle.render();
		for line in [
			"autonomy_jobs_ended_total{role=\"committee\",outcome=\"paid\"} 1",
			"autonomy_jobs_ended_total{role=\"juror\",outcome=\"slashed\"} 1",
			"autonomy_earned_planck_total 2000",
			"autonomy_lost_planck_total 300",
			"autonomy_agreement_ratio 0.5",
		] {
			assert!(text.contains(line), "no {line} in\n{text}");
		}
	}
}
