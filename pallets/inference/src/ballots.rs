//! Ballots: jobs that governance orders to ask an AI what it thinks of a proposal, and the report of what it decided.
//!
//! Operators agree on a digest over the decision and over what the AI said. Anybody can then say which decision it was, and
//! the chain compares: nobody's word counts, least of all that of whoever controls the AI, who has no part in the job.

use autonomy_primitives::{
	ballot::{BallotOrder, BallotResults, Ballots},
	digest::canonical_ballot,
	job::{BallotInput, JobInput, SeedPolicy},
	Digest, JobId,
};
use frame_support::{
	ensure,
	pallet_prelude::{DispatchError, DispatchResult},
	traits::fungible::Inspect,
};
use sp_runtime::{traits::Bounded, TokenError};

use crate::{BalanceOf, Config, Error, Event, OpenBallots, Order, Pallet, Provenance, Purpose};

impl<T: Config> Pallet<T> {
	pub(crate) fn do_report_ballot(id: JobId, decision: Option<i8>, reasons: &Digest) -> DispatchResult {
		let row = Provenance::<T>::get(id).ok_or(Error::<T>::NotFinal)?;
		ensure!(row.purpose == Purpose::Ballot, Error::<T>::NotBallot);
		ensure!(OpenBallots::<T>::contains_key(id), Error::<T>::AlreadyReported);
		let fits = decision.is_none_or(|percent| (-100..=100).contains(&percent));
		ensure!(fits, Error::<T>::DecisionOutOfRange);
		let found = Self::result_of(&row, &canonical_ballot(decision, reasons));
		ensure!(found == row.result, Error::<T>::DecisionMismatch);
		OpenBallots::<T>::remove(id);
		Self::deposit_event(Event::BallotReported { job: id, decision, reasons: *reasons });
		T::BallotResults::on_ballot(id, decision);
		Ok(())
	}
}

impl<T: Config> Ballots<T::AccountId> for Pallet<T> {
	type Error = DispatchError;

	/// To be called where an error undoes everything, as it does in a call.
	fn order(order: BallotOrder<T::AccountId>) -> Result<JobId, DispatchError> {
		let BallotOrder { payer, controller, mind, question, prose } = order;
		let order = Order {
			model: mind.model,
			input: JobInput::Ballot(BallotInput { question, prose, persona: mind.persona }),
			k: None,
			tier: None,
			seed_policy: SeedPolicy::Chain,
			max_fee: BalanceOf::<T>::max_value(),
			purpose: Purpose::Ballot,
		};
		let job = Self::do_submit(payer.clone(), order, controller)?;
		// A hold leaves it to an account only while nothing else keeps the account alive.
		ensure!(T::Currency::balance(&payer) >= T::Currency::minimum_balance(), TokenError::FundsUnavailable);
		Ok(job)
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_ready(model: autonomy_primitives::ModelId) {
		crate::OperatorCount::<T>::insert(model, crate::MAX_COMMITTEE);
	}
}
