//! Benchmarks of every call, at the largest input.

use super::*;
use crate::lineage::{MAX_ANCESTORS, MAX_PARENTS};
use autonomy_primitives::{
	digest::cid,
	evaluation::{Evaluated, EvaluationResults, Evaluations},
	job::{ImageInput, JobInput, Modality, MAX_NEGATIVE_PROMPT_BYTES, MAX_PROMPT_BYTES},
	model::ModelLimits,
	payout::ModelRevenue,
};
use codec::Encode;
use frame_benchmarking::v2::*;
use frame_support::storage::{with_transaction, TransactionOutcome};
use frame_system::RawOrigin;
use sp_runtime::{
	traits::{Bounded, One, Saturating},
	DispatchResult,
};

/// Details with the largest golden input and the widest limits.
fn details<T: Config>(name: &[u8]) -> Box<ModelDetails<BalanceOf<T>>> {
	let bytes = |count: u32| alloc::vec![b'x'; count as usize];
	let golden_input = Box::new(JobInput::Image(ImageInput {
		prompt: bytes(MAX_PROMPT_BYTES).try_into().expect("at the bound"),
		negative_prompt: bytes(MAX_NEGATIVE_PROMPT_BYTES).try_into().expect("at the bound"),
		width: 64,
		height: 64,
		steps: 20,
		guidance_centi: 250,
	}));
	Box::new(ModelDetails {
		modality: Modality::Image,
		manifest: cid(name),
		weights_root: [1; 32],
		engine: [2; 32],
		limits: ModelLimits {
			max_prompt_bytes: u16::MAX,
			max_steps: u16::MAX,
			max_pixels: u32::MAX,
			max_tokens: u16::MAX,
		},
		price_per_unit: One::one(),
		budget: T::MaxBudget::get(),
		golden_input,
		golden_seed: [3; 32],
		golden_result: [4; 32],
		licence: bytes(MAX_LICENCE_BYTES).try_into().expect("at the bound"),
	})
}

fn funded<T: Config>() -> T::AccountId {
	let caller: T::AccountId = whitelisted_caller();
	let amount = BalanceOf::<T>::max_value() / 1_000u32.into();
	T::Currency::set_balance(&caller, amount);
	caller
}

/// An image model that takes any input, registered by a fresh account.
pub(crate) fn registered_model<T: Config>() -> ModelId {
	let name = NextModelId::<T>::get().encode();
	Pallet::<T>::do_register(funded::<T>(), *details::<T>(&name), Parents::default())
		.expect("the benchmark's model can be registered")
}

/// As many parents as there can be, each with as many ancestors as it can have.
fn parents<T: Config>() -> Parents {
	let mut parents = Parents::default();
	for index in 0..MAX_PARENTS {
		let parent = registered_model::<T>();
		let first = 1_000u32.saturating_add(index.saturating_mul(MAX_ANCESTORS));
		let ancestors = (first..first.saturating_add(MAX_ANCESTORS)).map(|model| (model, 20_000));
		Lineages::<T>::insert(parent, Lineage::truncate_from(ancestors.collect()));
		parents.try_push((parent, 40_000)).expect("at the bound");
	}
	parents
}

/// Who speaks for a model.
fn governor<T: Config>(model: ModelId) -> Result<T::RuntimeOrigin, BenchmarkError> {
	T::ModelOrigin::try_successful_origin(&model).map_err(|()| BenchmarkError::Weightless)
}

/// The longest contribution.
fn contribution<T: Config>() -> Box<ContributionOf<T>> {
	let licence = alloc::vec![b'x'; MAX_LICENCE_BYTES as usize].try_into().expect("at the bound");
	let kind = ContributionKind::Data { dataset: cid(b"data"), size: 1, licence };
	Box::new(Contribution { kind, beneficiary: whitelisted_caller() })
}

fn candidate(name: &[u8]) -> Candidate {
	Candidate { manifest: cid(name), weights_root: [9; 32], golden_result: [9; 32] }
}

/// A charter that accepts the data of [`contribution`] at the least gain.
fn charter<T: Config>() -> Charter {
	Charter { accept_at_gain: Some(T::MinGain::get()), evaluation_set: Some(cid(b"held-out")), ..Charter::default() }
}

/// A proposed version of a new model, whose charter would accept it.
fn proposed<T: Config>() -> (ModelId, ProposalId) {
	let model = registered_model::<T>();
	Pallet::<T>::do_set_charter(model, charter::<T>()).expect("a good charter");
	Pallet::<T>::do_set_data_root(model, cid(b"data"), true).expect("a good root");
	let id = NextProposalId::<T>::get();
	Pallet::<T>::do_propose(whitelisted_caller(), model, candidate(b"candidate"), *contribution::<T>())
		.expect("a good proposal");
	(model, id)
}

fn set_evaluation<T: Config>(id: ProposalId, evaluation: Evaluation) {
	Proposals::<T>::mutate(id, |proposal| {
		if let Some(proposal) = proposal {
			proposal.evaluation = evaluation;
		}
	});
}

/// A job of the benchmarks.
const JOB: JobId = 7;

/// A proposal with this evaluation job under way, which its charter accepts at the least gain.
pub(crate) fn ordered_as<T: Config>(job: JobId) -> (ModelId, ProposalId) {
	let (model, id) = proposed::<T>();
	EvaluationJobs::<T>::insert(job, id);
	set_evaluation::<T>(id, Evaluation::Ordered { job, base: 0 });
	(model, id)
}

/// A proposal with an evaluation job under way.
fn ordered<T: Config>() -> (ModelId, ProposalId) {
	ordered_as::<T>(JOB)
}

/// An accepted contribution with shares, which is the first of its model.
fn contributed<T: Config>() -> ModelId {
	let (model, _) = ordered::<T>();
	Pallet::<T>::on_evaluated(JOB, Evaluated::Measured { base: 1_000_000, candidate: 0 });
	assert_eq!(ModelStates::<T>::get(model).version, 1);
	model
}

fn pass<T: Config>(blocks: BlockNumberFor<T>) {
	let now = frame_system::Pallet::<T>::block_number();
	frame_system::Pallet::<T>::set_block_number(now.saturating_add(blocks));
}

#[benchmarks]
mod benches {
	use super::*;

	#[benchmark]
	fn register() {
		let caller = funded::<T>();

		#[extrinsic_call]
		_(RawOrigin::Signed(caller.clone()), details::<T>(b"model"));

		assert_eq!(Pallet::<T>::owner(0), Some(caller));
	}

	#[benchmark]
	fn set_price() -> Result<(), BenchmarkError> {
		let model = registered_model::<T>();
		let origin = governor::<T>(model)?;
		let price = BalanceOf::<T>::from(2u32);

		#[extrinsic_call]
		_(origin as T::RuntimeOrigin, model, price);

		assert_eq!(Models::<T>::get(model).map(|info| info.price_per_unit), Some(price));
		Ok(())
	}

	#[benchmark]
	fn set_active() -> Result<(), BenchmarkError> {
		let model = registered_model::<T>();
		let origin = governor::<T>(model)?;

		#[extrinsic_call]
		_(origin as T::RuntimeOrigin, model, false);

		assert_eq!(Models::<T>::get(model).map(|info| info.active), Some(false));
		Ok(())
	}

	#[benchmark]
	fn register_derived() {
		let parents = parents::<T>();
		let caller = funded::<T>();

		#[extrinsic_call]
		_(RawOrigin::Signed(caller.clone()), details::<T>(b"model"), parents);

		assert_eq!(Pallet::<T>::owner(MAX_PARENTS), Some(caller));
	}

	#[benchmark]
	fn propose_version() {
		let model = registered_model::<T>();

		#[extrinsic_call]
		_(RawOrigin::Signed(whitelisted_caller()), model, candidate(b"candidate"), contribution::<T>());

		assert_eq!(ModelStates::<T>::get(model).proposals, 1);
	}

	/// Weightless where no evaluation can be ordered.
	#[benchmark]
	fn evaluate() -> Result<(), BenchmarkError> {
		let (model, id) = proposed::<T>();
		T::Evaluations::benchmark_ready(model);
		let caller: T::AccountId = whitelisted_caller();
		let tried: DispatchResult =
			with_transaction(|| TransactionOutcome::Rollback(Pallet::<T>::do_evaluate(caller.clone(), id)));
		if tried.is_err() {
			return Err(BenchmarkError::Weightless);
		}

		#[extrinsic_call]
		_(RawOrigin::Signed(caller), id);

		assert_eq!(EvaluationJobs::<T>::iter_keys().count(), 1);
		Ok(())
	}

	#[benchmark]
	fn accept_version() -> Result<(), BenchmarkError> {
		let (model, id) = proposed::<T>();
		set_evaluation::<T>(id, Evaluation::Measured { base: 0, gain: 1_000_000 });
		let origin = governor::<T>(model)?;

		#[extrinsic_call]
		_(origin as T::RuntimeOrigin, id);

		assert_eq!(ModelStates::<T>::get(model).version, 1);
		Ok(())
	}

	#[benchmark]
	fn reject_version() -> Result<(), BenchmarkError> {
		let (model, id) = ordered::<T>();
		let origin = governor::<T>(model)?;

		#[extrinsic_call]
		_(origin as T::RuntimeOrigin, id);

		assert!(!Proposals::<T>::contains_key(id));
		Ok(())
	}

	#[benchmark]
	fn withdraw_version() {
		let (_, id) = ordered::<T>();

		#[extrinsic_call]
		_(RawOrigin::Signed(whitelisted_caller()), id);

		assert!(!Proposals::<T>::contains_key(id));
	}

	#[benchmark]
	fn expire_version() {
		let (_, id) = ordered::<T>();
		pass::<T>(T::ProposalLifetime::get());

		#[extrinsic_call]
		_(RawOrigin::Signed(whitelisted_caller()), id);

		assert!(!Proposals::<T>::contains_key(id));
	}

	#[benchmark]
	fn claim_vested() {
		let model = contributed::<T>();
		pass::<T>(T::VestingPeriod::get());

		#[extrinsic_call]
		_(RawOrigin::Signed(whitelisted_caller()), model, 1);

		assert!(ModelStates::<T>::get(model).shares.is_some());
	}

	#[benchmark]
	fn dispute() -> Result<(), BenchmarkError> {
		let model = contributed::<T>();
		let origin = governor::<T>(model)?;

		#[extrinsic_call]
		_(origin as T::RuntimeOrigin, model, 1);

		assert!(Contributions::<T>::get(model, 1).is_some_and(|info| info.claim != Claim::Open));
		Ok(())
	}

	#[benchmark]
	fn resolve_dispute() -> Result<(), BenchmarkError> {
		let model = contributed::<T>();
		Pallet::<T>::do_dispute(model, 1)?;
		let origin = T::AdminOrigin::try_successful_origin().map_err(|()| BenchmarkError::Weightless)?;

		#[extrinsic_call]
		_(origin as T::RuntimeOrigin, model, 1, true);

		assert_eq!(Contributions::<T>::get(model, 1).map(|info| info.claim), Some(Claim::Cut));
		Ok(())
	}

	#[benchmark]
	fn set_charter() -> Result<(), BenchmarkError> {
		let model = registered_model::<T>();
		let origin = governor::<T>(model)?;

		#[extrinsic_call]
		_(origin as T::RuntimeOrigin, model, charter::<T>());

		assert_eq!(Charters::<T>::get(model), charter::<T>());
		Ok(())
	}

	#[benchmark]
	fn set_data_root() -> Result<(), BenchmarkError> {
		let model = registered_model::<T>();
		for index in 1..MAX_DATA_ROOTS {
			Pallet::<T>::do_set_data_root(model, cid(&index.encode()), true)?;
		}
		let origin = governor::<T>(model)?;

		#[extrinsic_call]
		_(origin as T::RuntimeOrigin, model, cid(b"data"), true);

		assert_eq!(DataRoots::<T>::get(model).len(), MAX_DATA_ROOTS as usize);
		Ok(())
	}

	#[benchmark]
	fn open_source() -> Result<(), BenchmarkError> {
		let model = registered_model::<T>();
		let origin = governor::<T>(model)?;

		#[extrinsic_call]
		_(origin as T::RuntimeOrigin, model);

		assert!(Pallet::<T>::is_open(model));
		Ok(())
	}

	#[benchmark]
	fn on_evaluated() {
		let (model, _) = ordered::<T>();

		#[block]
		{
			<Pallet<T> as EvaluationResults>::on_evaluated(JOB, Evaluated::Measured { base: 1_000_000, candidate: 0 });
		}

		assert_eq!(ModelStates::<T>::get(model).version, 1);
	}

	#[benchmark]
	fn revenue() {
		let mut lineage = Lineage::default();
		for _ in 0..MAX_ANCESTORS {
			lineage.try_push((registered_model::<T>(), 20_000)).expect("at the bound");
		}
		let model = registered_model::<T>();
		Lineages::<T>::insert(model, lineage);
		ModelStates::<T>::mutate(model, |state| state.issued = T::ShareCap::get() / 2);
		let payees;

		#[block]
		{
			payees = <Pallet<T> as ModelRevenue<T::AccountId>>::revenue(model);
		}

		assert!(payees.len() > MAX_ANCESTORS as usize);
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
