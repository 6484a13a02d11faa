//! Ballot jobs: what governance asks of the inference pallet, and what it is told.

use bounded_collections::{BoundedVec, ConstU32};

use crate::{
	community::CommunityId,
	digest::Cid,
	job::{Prompt, MAX_PROSE_BYTES},
	CharacterId, JobId, ModelId,
};

/// Who an AI is when it is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mind {
	/// The character.
	pub character: CharacterId,
	/// Model that it talks with.
	pub model: ModelId,
	/// CID of its persona.
	pub persona: Cid,
	/// Block at which persona or models changed last.
	pub changed_at: u32,
}

/// A question to an AI.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BallotOrder<AccountId> {
	/// Who pays: the AI's treasury.
	pub payer: AccountId,
	/// Who must not serve, audit or judge: whoever controls the AI.
	pub controller: Option<AccountId>,
	/// Who is asked.
	pub mind: Mind,
	/// What the proposal does, in words that nobody has chosen.
	pub question: Prompt,
	/// What the proposer says of it; empty for nothing.
	pub prose: BoundedVec<u8, ConstU32<MAX_PROSE_BYTES>>,
}

/// Asking AIs: pallet-inference.
pub trait Ballots<AccountId> {
	/// Why something was refused: the runtime's dispatch error.
	type Error;

	/// Orders a ballot job: five operators, unanimous or a jury. [`BallotResults::on_ballot`] is told of its end, once and
	/// never within this call.
	fn order(order: BallotOrder<AccountId>) -> Result<JobId, Self::Error>;
	/// Makes a model answer ballots, for a benchmark: there are as many operators as it takes.
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_ready(_: ModelId) {}
}

/// Being told of the end of a ballot job.
pub trait BallotResults {
	/// The decision in percent, −100 (nay) to 100 (aye); `None` when the job failed or the two runs disagreed. A job that
	/// nobody ordered, or that was told of before, changes nothing.
	fn on_ballot(job: JobId, decision: Option<i8>);
	/// Has `job` be a ballot that somebody waits for, for a benchmark.
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_ballot(_: JobId) {}
}

impl BallotResults for () {
	fn on_ballot(_: JobId, _: Option<i8>) {}
}

/// Being told what the use of AIs has burned.
pub trait UsageSink<Balance> {
	/// A job of the community's AI has burned `amount` planck.
	fn on_burned(community: CommunityId, amount: Balance);
}

impl<Balance> UsageSink<Balance> for () {
	fn on_burned(_: CommunityId, _: Balance) {}
}
