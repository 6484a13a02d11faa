//! Evaluations: jobs that the model registry orders to compare two versions of a model, and the report of what they found.
//!
//! Operators agree on a digest, as in every job. Anybody can then say which two losses give that digest, and the chain
//! compares: nobody's word counts.

use autonomy_primitives::{
	digest::{self, canonical_evaluation, Cid, ResultContext},
	evaluation::{Evaluated, EvaluatedWeights, EvaluationResults, Evaluations},
	job::{EvaluationInput, JobInput, Modality, SeedPolicy, MAX_SAMPLES, PROMPT_BYTES_PER_UNIT},
	model::{ModelLimits, ModelRegistry},
	Digest, JobId, ModelId,
};
use frame_support::{
	ensure,
	pallet_prelude::{DispatchError, DispatchResult},
	traits::Get,
};
use sp_runtime::traits::{BlakeTwo256, Bounded, Hash, Zero};

use crate::{
	BalanceOf, BlockNumberFor, Config, Error, Event, OpenEvaluations, Order, Pallet, Provenance, ProvenanceOf, Purpose,
};

/// Most pixels, or tokens with the prompt's, of a sample: those of the model's largest job.
fn sample_size(model: Modality, limits: &ModelLimits) -> u32 {
	if model == Modality::Text {
		u32::from(limits.max_tokens).saturating_add(u32::from(limits.max_prompt_bytes) / PROMPT_BYTES_PER_UNIT)
	} else {
		limits.max_pixels
	}
}

impl<T: Config> Pallet<T> {
	/// The order of an evaluation, with the seats and the tier that evaluations have, whatever it costs.
	fn evaluation_order(
		model: ModelId,
		base: &EvaluatedWeights,
		candidate: &EvaluatedWeights,
		set: &Cid,
	) -> Result<Order<BalanceOf<T>>, Error<T>> {
		let terms = T::Models::terms(model).ok_or(Error::<T>::UnknownModel)?;
		ensure!([base, candidate].iter().all(|weights| weights.engine == terms.engine), Error::<T>::EnginesDiffer);
		let input = JobInput::Evaluation(EvaluationInput {
			base: base.clone(),
			candidate: candidate.clone(),
			set: *set,
			model: terms.modality,
			samples: T::EvaluationSamples::get().clamp(1, MAX_SAMPLES),
			size: sample_size(terms.modality, &terms.limits),
		});
		Ok(Order {
			model,
			input,
			k: None,
			tier: None,
			seed_policy: SeedPolicy::Chain,
			max_fee: BalanceOf::<T>::max_value(),
			purpose: Purpose::Evaluation,
		})
	}

	pub(crate) fn do_report_evaluation(id: JobId, base_loss: u64, candidate_loss: u64) -> DispatchResult {
		let row = Provenance::<T>::get(id).ok_or(Error::<T>::NotFinal)?;
		ensure!(row.purpose == Purpose::Evaluation, Error::<T>::NotEvaluation);
		ensure!(OpenEvaluations::<T>::contains_key(id), Error::<T>::AlreadyReported);
		// In the digest a loss has the range of an i64: a larger one would be taken for the largest.
		let fits = [base_loss, candidate_loss].into_iter().all(|loss| i64::try_from(loss).is_ok());
		ensure!(fits, Error::<T>::LossOutOfRange);
		let found = Self::result_of(&row, &canonical_evaluation(base_loss, candidate_loss));
		ensure!(found == row.result, Error::<T>::LossesMismatch);
		OpenEvaluations::<T>::remove(id);
		Self::deposit_event(Event::EvaluationReported { job: id, base_loss, candidate_loss });
		T::EvaluationResults::on_evaluated(id, Evaluated::Measured { base: base_loss, candidate: candidate_loss });
		Ok(())
	}

	/// The result digest of a final job whose canonical output this is.
	pub(crate) fn result_of(row: &ProvenanceOf<T>, canonical: &[u8]) -> Digest {
		let context = ResultContext {
			genesis: Self::genesis(),
			model_root: row.weights_root,
			engine: row.engine,
			input_hash: row.input_hash,
			seed: row.seed,
			modality: row.modality,
		};
		digest::result(&context, canonical)
	}

	/// Hash of the chain's first block, as operators have it in their digests; the hash of that where hashes are not 32 bytes
	/// long.
	pub(crate) fn genesis() -> Digest {
		let hash = frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero());
		let bytes: &[u8] = hash.as_ref();
		bytes.try_into().unwrap_or_else(|_| BlakeTwo256::hash(bytes).0)
	}
}

impl<T: Config> Evaluations<T::AccountId> for Pallet<T> {
	type Error = DispatchError;

	fn order(
		payer: &T::AccountId,
		model: ModelId,
		base: &EvaluatedWeights,
		candidate: &EvaluatedWeights,
		evaluation_set: &Cid,
	) -> Result<JobId, DispatchError> {
		let order = Self::evaluation_order(model, base, candidate, evaluation_set)?;
		Self::submit(payer.clone(), order)
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_ready(model: ModelId) {
		crate::OperatorCount::<T>::insert(model, crate::MAX_COMMITTEE);
	}
}
