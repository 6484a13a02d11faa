//! The inputs that ended an engine process, on disk.
//!
//! Guarantee: a death is written and synced before the input is run again, so that no restart of the worker forgets it.

use std::{
	path::{Path, PathBuf},
	time::{SystemTime, UNIX_EPOCH},
};

use autonomy_primitives::Digest;
use codec::{Decode, Encode};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

/// Weights root and input hash → version byte and SCALE of a [`Record`].
const DEATHS: TableDefinition<([u8; 32], [u8; 32]), &[u8]> = TableDefinition::new("deaths");
const VERSION: u8 = 1;
/// Inputs that are remembered; the oldest beyond them are forgotten at the next start.
const KEEP: usize = 10_000;

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("quarantine {}: {why}", path.display())]
pub struct QuarantineError {
	path: PathBuf,
	why: String,
}

/// A model and an input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Key {
	/// The model's weights root.
	pub(crate) weights_root: Digest,
	/// Hash of the input.
	pub(crate) input: Digest,
}

/// What an input did.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub(crate) struct Record {
	/// Processes that it ended.
	pub(crate) deaths: u32,
	/// What the last one died of.
	pub(crate) why: String,
	/// When, in seconds of Unix time.
	pub(crate) at: u64,
}

/// The inputs that ended an engine process. One process at a time can have the file open.
pub(crate) struct Quarantine {
	database: Database,
	path: PathBuf,
}

impl Quarantine {
	/// Opens the file, which is made when absent.
	pub(crate) fn open(path: &Path) -> Result<Self, QuarantineError> {
		let failed = |error: redb::Error| QuarantineError { path: path.into(), why: error.to_string() };
		let database = Database::create(path).map_err(|e| failed(e.into()))?;
		let quarantine = Self { database, path: path.into() };
		quarantine.prune(KEEP).map_err(failed)?;
		Ok(quarantine)
	}

	/// The file.
	pub(crate) fn path(&self) -> &Path {
		&self.path
	}

	/// What is known of an input.
	pub(crate) fn get(&self, key: &Key) -> Result<Option<Record>, QuarantineError> {
		self.read(key).map_err(|error| self.failed(error))?.map(|bytes| self.decode(&bytes)).transpose()
	}

	/// Counts a death. The record after it is returned.
	pub(crate) fn died(&self, key: &Key, why: String) -> Result<Record, QuarantineError> {
		let deaths = self.get(key)?.map_or(0, |record| record.deaths).saturating_add(1);
		let record = Record { deaths, why, at: unix_seconds() };
		let mut bytes = vec![VERSION];
		record.encode_to(&mut bytes);
		self.write(|table| table.insert((key.weights_root, key.input), bytes.as_slice()).map(|_| ()))
			.map_err(|error| self.failed(error))?;
		Ok(record)
	}

	/// Forgets an input that turned out well.
	pub(crate) fn forget(&self, key: &Key) -> Result<(), QuarantineError> {
		self.write(|table| table.remove((key.weights_root, key.input)).map(|_| ())).map_err(|error| self.failed(error))
	}

	fn failed(&self, error: redb::Error) -> QuarantineError {
		QuarantineError { path: self.path.clone(), why: error.to_string() }
	}

	fn decode(&self, bytes: &[u8]) -> Result<Record, QuarantineError> {
		let record = match bytes.split_first() {
			Some((&VERSION, mut rest)) => Record::decode(&mut rest).ok(),
			_ => None,
		};
		let why = "a record cannot be read; it was written by another version, which must be used or the file removed";
		record.ok_or_else(|| QuarantineError { path: self.path.clone(), why: why.into() })
	}

	fn read(&self, key: &Key) -> Result<Option<Vec<u8>>, redb::Error> {
		let table = self.database.begin_read()?.open_table(DEATHS)?;
		Ok(table.get((key.weights_root, key.input))?.map(|value| value.value().to_vec()))
	}

	fn write<R>(&self, change: impl FnOnce(&mut Deaths) -> Result<R, redb::StorageError>) -> Result<R, redb::Error> {
		let write = self.database.begin_write()?;
		let done = change(&mut write.open_table(DEATHS)?)?;
		write.commit()?;
		Ok(done)
	}

	/// Drops the oldest records beyond `keep`, and those that cannot be read. Makes the table.
	fn prune(&self, keep: usize) -> Result<(), redb::Error> {
		self.write(|table| {
			let mut rows = Vec::new();
			for row in table.iter()? {
				let (key, value) = row?;
				rows.push((self.decode(value.value()).map_or(0, |record| record.at), key.value()));
			}
			rows.sort_unstable();
			for (_, key) in &rows[..rows.len().saturating_sub(keep)] {
				table.remove(key)?;
			}
			Ok(())
		})
	}
}

type Deaths<'a> = redb::Table<'a, ([u8; 32], [u8; 32]), &'static [u8]>;

fn unix_seconds() -> u64 {
	SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
	use super::*;

	fn key(n: u8) -> Key {
		Key { weights_root: [1; 32], input: [n; 32] }
	}

	#[test]
	fn deaths_should_be_counted_across_restarts() {
		let dir = tempfile::tempdir().unwrap();
		let path = dir.path().join("quarantine.redb");
		let quarantine = Quarantine::open(&path).unwrap();
		assert_eq!(quarantine.get(&key(1)).unwrap(), None);
		assert_eq!(quarantine.died(&key(1), "memory".into()).unwrap().deaths, 1);
		drop(quarantine);

		let quarantine = Quarantine::open(&path).unwrap();
		let record = quarantine.died(&key(1), "time".into()).unwrap();
		assert_eq!((record.deaths, record.why.as_str()), (2, "time"));
		assert_eq!(quarantine.get(&key(1)).unwrap(), Some(record));
		assert_eq!(quarantine.get(&key(2)).unwrap(), None);
		quarantine.forget(&key(1)).unwrap();
		quarantine.forget(&key(1)).unwrap();
		assert_eq!(quarantine.get(&key(1)).unwrap(), None);
	}

	#[test]
	fn oldest_should_be_forgotten_when_there_are_too_many() {
		let dir = tempfile::tempdir().unwrap();
		let quarantine = Quarantine::open(&dir.path().join("quarantine.redb")).unwrap();
		for (n, at) in [(3, 30), (1, 10), (2, 20)] {
			let mut bytes = vec![VERSION];
			Record { deaths: 1, why: String::new(), at }.encode_to(&mut bytes);
			quarantine.write(|table| table.insert(([1; 32], [n; 32]), bytes.as_slice()).map(|_| ())).unwrap();
		}
		quarantine.prune(2).unwrap();
		let kept: Vec<_> = (1..=3).filter(|n| quarantine.get(&key(*n)).unwrap().is_some()).collect();
		assert_eq!(kept, [2, 3]);
	}

	#[test]
	fn record_should_be_refused_when_another_version_wrote_it() {
		let dir = tempfile::tempdir().unwrap();
		let path = dir.path().join("quarantine.redb");
		let quarantine = Quarantine::open(&path).unwrap();
		quarantine.write(|table| table.insert(([1; 32], [1; 32]), &[9u8, 9][..]).map(|_| ())).unwrap();
		let error = quarantine.get(&key(1)).unwrap_err().to_string();
		assert!(error.contains("another version") && error.contains(&path.display().to_string()), "{error}");
	}

	#[test]
	fn file_should_be_refused_when_it_is_no_database() {
		let dir = tempfile::tempdir().unwrap();
		let path = dir.path().join("quarantine.redb");
		std::fs::write(&path, [7; 8192]).unwrap();
		let Err(error) = Quarantine::open(&path) else { panic!("it was opened") };
		assert!(error.to_string().contains("quarantine.redb"), "{error}");
	}
}
