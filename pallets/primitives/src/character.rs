//! Characters as the inference pallet sees them.

use crate::{community::CommunityId, payout::CharacterPayees, CharacterId, Digest, JobId};

/// How a character's part of a fee is divided, as it is when the job is submitted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CharacterTerms<AccountId> {
	/// The character's community, which has the community's part of the fee.
	pub community: CommunityId,
	/// Payees and their shares, the treasury last.
	pub payees: CharacterPayees<AccountId>,
}

/// Characters that jobs are done for.
pub trait Characters<AccountId, Balance> {
	/// How the character's part of a fee is divided; `None` when there is no such character.
	fn terms(character: CharacterId) -> Option<CharacterTerms<AccountId>>;
	/// A job of the character is final, and `requester` paid `spent` planck for it. Called once for each job.
	fn on_job_final(job: JobId, character: CharacterId, requester: &AccountId, spent: Balance, result: &Digest);
	/// A job of the character will never be final: it failed, or was taken back. Called once for each job.
	fn on_job_failed(job: JobId, character: CharacterId);
	/// Creates a character that `requester`, who is funded, orders `job` of, with all that the end of the job has to settle,
	/// for a benchmark; `None` where there are none.
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_character(_: &AccountId, _: JobId) -> Option<CharacterId> {
		None
	}
}

/// There are none.
impl<AccountId, Balance> Characters<AccountId, Balance> for () {
	fn terms(_: CharacterId) -> Option<CharacterTerms<AccountId>> {
		None
	}

	fn on_job_final(_: JobId, _: CharacterId, _: &AccountId, _: Balance, _: &Digest) {}

	fn on_job_failed(_: JobId, _: CharacterId) {}
}
