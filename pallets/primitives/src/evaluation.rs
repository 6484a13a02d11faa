//! Evaluation jobs: what the model registry asks of the inference pallet, and what it is told.
//!
//! A loss is a fixed-point number of billionths: the mean, over the samples of a held-out set, of the squared error of a
//! picture model's prediction or of the cross-entropy of a reply's tokens.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use crate::{digest::Cid, Digest, JobId, ModelId};

/// Weights as an evaluation job finds them.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct EvaluatedWeights {
	/// CID of the manifest.
	pub manifest: Cid,
	/// Root over the weights' bytes in the manifest's order.
	pub weights_root: Digest,
	/// Kernel specification that the loss is computed with.
	pub engine: Digest,
}

/// What an evaluation job found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Evaluated {
	/// The operators agreed on both losses, in billionths.
	#[codec(index = 0)]
	Measured {
		/// Loss of the version that was compared with.
		base: u64,
		/// Loss of the candidate.
		candidate: u64,
	},
	/// The job ended without an agreed result.
	#[codec(index = 1)]
	Failed,
}

/// Ordering evaluation jobs.
pub trait Evaluations<AccountId> {
	/// Why something was refused: the runtime's dispatch error.
	type Error;

	/// Submits a job that computes the loss of two versions of a model on a held-out set, paid by `payer`. Once its result
	/// has been reported or it has failed, [`EvaluationResults::on_evaluated`] is told, exactly once and never within this
	/// call.
	fn order(
		payer: &AccountId,
		model: ModelId,
		base: &EvaluatedWeights,
		candidate: &EvaluatedWeights,
		evaluation_set: &Cid,
	) -> Result<JobId, Self::Error>;
	/// Makes a model's evaluations find as many operators as they take, for a benchmark.
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_ready(_: ModelId) {}
}

/// Being told of the end of an evaluation job.
pub trait EvaluationResults {
	/// Tells what a job found. A job that nobody ordered, or that was told of before, changes nothing.
	fn on_evaluated(job: JobId, outcome: Evaluated);
	/// Has `job` be an evaluation whose gain makes the most work, for a benchmark.
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_evaluation(_: JobId) {}
}

impl EvaluationResults for () {
	fn on_evaluated(_: JobId, _: Evaluated) {}
}
