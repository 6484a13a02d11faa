//! Runtime API of the inference pallet.

use alloc::vec::Vec;
use autonomy_primitives::{job::JobInput, JobId};
use codec::Codec;

use crate::{
	split::Split,
	types::{ChallengeTerms, JobView, OperatorView, ProvenanceRow, Quote, Tier},
};

sp_api::decl_runtime_apis! {
	/// Reads of jobs and operators for clients. `pallet-inference` has a view function of the same name for each.
	pub trait InferenceApi<AccountId, Balance, BlockNumber> where
		AccountId: Codec,
		Balance: Codec,
		BlockNumber: Codec,
	{
		/// What a job costs now. Nothing when the model is unknown or closed, the input breaks its limits, or `k` is out
		/// of range: `submit_job` then says which.
		fn quote(
			model: autonomy_primitives::ModelId,
			input: JobInput,
			k: Option<u8>,
			tier: Option<Tier>,
		) -> Option<Quote<Balance>>;
		/// A job that has not ended, with its jury.
		fn job(job: JobId) -> Option<JobView<AccountId, Balance, BlockNumber>>;
		/// Who is paid out of the fees of a job that has not ended, and which shares.
		fn split_of(job: JobId) -> Option<Split<AccountId>>;
		/// The bond that challenging a job takes now, and the last block at which it can be challenged. Nothing while no
		/// challenge is taken: before the seats agree, while an auditor is at work, and after the window.
		fn challenge_terms(job: JobId) -> Option<ChallengeTerms<Balance, BlockNumber>>;
		/// What stays of a job that became final.
		fn provenance(job: JobId) -> Option<ProvenanceRow<AccountId, BlockNumber>>;
		/// An operator, by its owner's account.
		fn operator(owner: AccountId) -> Option<OperatorView<AccountId, Balance, BlockNumber>>;
		/// Jobs on which an operator has a seat, by its owner's account; at most `MaxOpenSeats`.
		fn open_seats(operator: AccountId) -> Vec<JobId>;
	}
}
