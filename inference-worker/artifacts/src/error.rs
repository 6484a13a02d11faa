//! What can go wrong, in words for the person who runs the worker.

use std::{fmt, io, path::PathBuf};

use autonomy_primitives::digest::Cid;

use crate::cid_text;

/// Why a file cannot be stored or read. Each says which place it speaks of.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
	/// The bytes in the local folder are not those of the CID.
	#[error("the stored file {expected} is corrupt: its bytes have the CID {actual}; delete it and store it again")]
	Corrupt {
		/// What was asked for.
		expected: String,
		/// What was found.
		actual: String,
	},
	/// The bytes to be stored are not those of the CID.
	#[error("refused to store {actual} as {expected}")]
	WrongCid {
		/// The CID given.
		expected: String,
		/// That of the bytes.
		actual: String,
	},
	/// A server sent other bytes than those of the CID.
	#[error("{place} sent wrong bytes for {expected}: theirs have the CID {actual}")]
	WrongBytes {
		/// Who sent them.
		place: String,
		/// What was asked for.
		expected: String,
		/// What came.
		actual: String,
	},
	/// A file is larger than it may be here. Trying again is no use.
	#[error("{place}: the file has more than {limit} bytes, {why}")]
	TooLarge {
		/// Where it lies or should go.
		place: String,
		/// Most bytes.
		limit: u64,
		/// Where the limit comes from.
		why: &'static str,
	},
	/// A server could not be used, or answered with an error.
	#[error("{place}: {why}")]
	Remote {
		/// Which server.
		place: String,
		/// What happened.
		why: String,
		/// Whether the same request may succeed later.
		again: bool,
	},
	/// The local folder cannot be used.
	#[error("artifact folder {path}: {1}", path = .0.display())]
	Folder(PathBuf, io::Error),
	/// The file that a download should become cannot be written.
	#[error("cannot write {path}: {1}", path = .0.display())]
	Target(PathBuf, io::Error),
	/// Nothing can be stored there.
	#[error("{0} can only be read")]
	ReadOnly(String),
	/// A setting that no store can be made from.
	#[error("{field}: {why}")]
	Setting {
		/// Name of the field in the configuration.
		field: String,
		/// What is wrong with it and what to do.
		why: String,
	},
	/// No place had the file, and some failed.
	#[error(transparent)]
	Unavailable(#[from] Unavailable),
}

impl ArtifactError {
	/// Whether the same request may succeed later.
	pub fn is_transient(&self) -> bool {
		match self {
			Self::Remote { again, .. } => *again,
			Self::Folder(..) | Self::Target(..) | Self::Unavailable(_) => true,
			Self::Corrupt { .. }
			| Self::WrongCid { .. }
			| Self::WrongBytes { .. }
			| Self::TooLarge { .. }
			| Self::ReadOnly(_)
			| Self::Setting { .. } => false,
		}
	}
}

/// A place that did not give a file.
#[derive(Debug)]
pub struct Failure {
	/// The place.
	pub place: String,
	/// Why; nothing when it answered that it does not have the file.
	pub error: Option<ArtifactError>,
}

impl fmt::Display for Failure {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match &self.error {
			Some(error) => error.fmt(f),
			None => write!(f, "{}: does not have it", self.place),
		}
	}
}

/// Every place that was asked for a file, and why it did not give it.
#[derive(Debug)]
pub struct Unavailable {
	/// The file.
	pub cid: Cid,
	/// The places in the order in which they were asked.
	pub failures: Vec<Failure>,
}

impl Unavailable {
	/// Whether every place answered that it does not have the file.
	pub fn is_absent(&self) -> bool {
		self.failures.iter().all(|f| f.error.is_none())
	}

	/// The answer of a store that consists of these places.
	pub(crate) fn or_none<T>(self) -> Result<Option<T>, ArtifactError> {
		if self.is_absent() {
			Ok(None)
		} else {
			Err(self.into())
		}
	}
}

impl std::error::Error for Unavailable {}

impl fmt::Display for Unavailable {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "{} cannot be had", cid_text(&self.cid))?;
		for (n, failure) in self.failures.iter().enumerate() {
			write!(f, "{} {failure}", if n == 0 { ":" } else { ";" })?;
		}
		Ok(())
	}
}
