//! Benchmarks of every call, at the largest input.

use super::*;
use autonomy_primitives::{
	digest::cid,
	job::{ImageInput, JobInput, Modality, MAX_NEGATIVE_PROMPT_BYTES, MAX_PROMPT_BYTES},
	model::ModelLimits,
};
use frame_benchmarking::v2::*;
use frame_system::RawOrigin;
use sp_runtime::traits::{Bounded, One};

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
	Pallet::<T>::do_register(funded::<T>(), *details::<T>(&name)).expect("the benchmark's model can be registered")
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
	fn set_price() {
		let model = registered_model::<T>();
		let price = BalanceOf::<T>::from(2u32);

		#[extrinsic_call]
		_(RawOrigin::Signed(whitelisted_caller()), model, price);

		assert_eq!(Models::<T>::get(model).map(|info| info.price_per_unit), Some(price));
	}

	#[benchmark]
	fn set_active() {
		let model = registered_model::<T>();

		#[extrinsic_call]
		_(RawOrigin::Signed(whitelisted_caller()), model, false);

		assert_eq!(Models::<T>::get(model).map(|info| info.active), Some(false));
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
