//! What can go wrong: with a model's folder ([`EngineError`]) or with one job ([`JobFault`]).

use std::path::{Path, PathBuf};

/// A model folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
	/// A file or folder cannot be read or written.
	#[error("{}: {source}", path.display())]
	Io {
		/// Which.
		path: PathBuf,
		/// Why.
		source: std::io::Error,
	},
	/// A JSON file is not what it should be.
	#[error("{}: {source}", path.display())]
	Json {
		/// Which.
		path: PathBuf,
		/// Where and why.
		source: serde_json::Error,
	},
	/// A file says what cannot be, or is another kind of file.
	#[error("{}: {what}: expected {expected}, found {found}", path.display())]
	Content {
		/// Which.
		path: PathBuf,
		/// The tensor, the setting or the part of the file.
		what: String,
		/// What would be right.
		expected: String,
		/// What is there.
		found: String,
	},
	/// The manifest contradicts itself.
	#[error("{}: {why}", path.display())]
	Manifest {
		/// Which.
		path: PathBuf,
		/// Why.
		why: String,
	},
	/// A file is not the one that the manifest names.
	#[error("{}: its {what} is {actual}, the manifest says {expected}; fetch the model again", path.display())]
	Corrupt {
		/// Which.
		path: PathBuf,
		/// `size` or `SHA-256`.
		what: &'static str,
		/// What the manifest says.
		expected: String,
		/// What the file has.
		actual: String,
	},
	/// The files are those of the manifest, and the manifest's weights root is not theirs.
	#[error("{}: the weights root of the files is {actual}, the manifest says {expected}", path.display())]
	WeightsRoot {
		/// The manifest.
		path: PathBuf,
		/// What the manifest says.
		expected: String,
		/// What the files have.
		actual: String,
	},
	/// The model was made for another version of the numeric specification.
	#[error("the model needs engine {expected}, this build is engine {actual}; use the release that has it")]
	Specification {
		/// Engine id of the manifest.
		expected: String,
		/// Engine id of this build.
		actual: String,
	},
	/// A network cannot be built from its configuration and weights.
	#[error("{component}: {source}")]
	Network {
		/// Folder of the network below the model's.
		component: String,
		/// Why; names the tensor or the setting.
		source: candle_core::Error,
	},
	/// A setting that this engine does not have.
	#[error("{}: {why}", path.display())]
	Unsupported {
		/// File with the setting.
		path: PathBuf,
		/// What it says and what is supported.
		why: String,
	},
	/// The processor is set to flush denormals or to another rounding, so results would differ.
	#[error("{0}")]
	FloatEnvironment(String),
	/// The golden job of the manifest cannot be run.
	#[error("the golden job failed: {0}")]
	GoldenFault(JobFault),
	/// The golden job gave another result than the manifest says.
	#[error("the golden job gave {actual}, the manifest says {expected}; this machine must not take jobs")]
	GoldenDiffers {
		/// Result digest of the manifest.
		expected: String,
		/// Result digest found.
		actual: String,
	},
}

impl EngineError {
	/// Whether the model itself is at fault: its files are those that its manifest names, and they make no model of this
	/// engine. Every machine finds the same; all else is this machine's trouble.
	pub fn is_of_the_model(&self) -> bool {
		match self {
			Self::Json { .. }
			| Self::Content { .. }
			| Self::Manifest { .. }
			| Self::WeightsRoot { .. }
			| Self::Unsupported { .. } => true,
			Self::Network { source, .. } => !is_io(source),
			Self::Io { .. }
			| Self::Corrupt { .. }
			| Self::Specification { .. }
			| Self::FloatEnvironment(_)
			| Self::GoldenFault(_)
			| Self::GoldenDiffers { .. } => false,
		}
	}

	pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
		move |source| Self::Io { path: path.into(), source }
	}

	pub(crate) fn json(path: &Path) -> impl FnOnce(serde_json::Error) -> Self + '_ {
		move |source| Self::Json { path: path.into(), source }
	}

	pub(crate) fn content(path: &Path, what: &str, expected: String, found: String) -> Self {
		Self::Content { path: path.into(), what: what.into(), expected, found }
	}

	pub(crate) fn network(component: &str) -> impl FnOnce(candle_core::Error) -> Self + '_ {
		move |source| Self::Network { component: component.into(), source }
	}
}

/// Whether a file could not be read, rather than understood.
fn is_io(error: &candle_core::Error) -> bool {
	use candle_core::Error;
	match error {
		Error::Io(_) => true,
		Error::WithPath { inner, .. } | Error::WithBacktrace { inner, .. } | Error::Context { inner, .. } => {
			is_io(inner)
		}
		_ => false,
	}
}

/// Why a job has no output. The first two are properties of model, input and seed: every honest machine finds them.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum JobFault {
	/// An infinite or undefined number came up.
	#[error("not a finite number in {0}")]
	NonFinite(String),
	/// The input does not fit the model.
	#[error("invalid input: {0}")]
	InputInvalid(String),
	/// The caller stopped the run.
	#[error("cancelled")]
	Cancelled,
	/// This machine's trouble: a file, memory, the state of the processor.
	#[error("{0}")]
	Io(String),
}

impl From<candle_core::Error> for JobFault {
	fn from(error: candle_core::Error) -> Self {
		Self::Io(error.to_string())
	}
}
