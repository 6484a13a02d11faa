//! Benchmarks of every call, at the largest input.

use super::*;
use alloc::vec;
use autonomy_primitives::{
	community::Pot,
	digest::{chain_seed, cid},
	job::Modality,
};
use frame_benchmarking::v2::*;
use frame_system::RawOrigin;
use sp_runtime::traits::Bounded;

fn funded<T: Config>() -> T::AccountId {
	let caller: T::AccountId = whitelisted_caller();
	T::Currency::set_balance(&caller, BalanceOf::<T>::max_value() / 1_000u32.into());
	caller
}

fn name() -> Name {
	Name::truncate_from(vec![b'"'; MAX_NAME_BYTES as usize])
}

/// A work of `owner` with [`MAX_PAYEES`] pots of bonded holders that share [`MAX_ROYALTY`] in equal parts.
pub(crate) fn creation_of<T: Config>(owner: &T::AccountId) -> (CollectionIdOf<T>, ItemId) {
	let amount = Pallet::<T>::deposit_for(4_096).saturating_add(T::Currency::minimum_balance());
	T::Currency::mint_into(owner, amount).expect("an account can be funded");
	let (collection, item) = Pallet::<T>::next_item(owner, None).expect("the open collection takes everybody's works");
	let job = JobId::MAX.saturating_sub(item.into());
	let share = Permill::from_parts(MAX_ROYALTY.deconstruct() / MAX_PAYEES);
	let royalties = (0..MAX_PAYEES).map(|index| (Payee::Pot(index, Pot::Shares), share)).collect::<Vec<_>>();
	let work = FinalJob {
		requester: owner.clone(),
		model: 0,
		modality: Modality::Image,
		engine: [1; 32],
		weights_root: [2; 32],
		seed: [3; 32],
		input_hash: [4; 32],
		result: chain_seed(&[5; 32], job),
		artifact: cid(b"picture"),
		finalised_at: Zero::zero(),
	};
	let creation = Creation {
		job,
		work,
		name: name(),
		royalties: RoyaltiesOf::<T>::truncate_from(royalties),
		minted_at: Zero::zero(),
		deposit: Zero::zero(),
	};
	Pallet::<T>::insert(collection, item, creation).expect("the deposit is paid");
	(collection, item)
}

#[benchmarks]
mod benches {
	use super::*;

	#[benchmark]
	fn mint() {
		let caller = funded::<T>();
		let job = T::Jobs::benchmark_job(&caller);

		#[extrinsic_call]
		_(RawOrigin::Signed(caller), job, None, name(), MAX_CREATOR_SHARE);

		assert!(MintedJobs::<T>::contains_key(job));
	}

	#[benchmark]
	fn create_collection() {
		let caller = funded::<T>();

		#[extrinsic_call]
		_(RawOrigin::Signed(caller.clone()), name());

		assert_eq!(CollectionCount::<T>::get(caller), 1);
	}

	#[benchmark]
	fn burn() {
		let caller = funded::<T>();
		let (collection, item) = creation_of::<T>(&caller);

		#[extrinsic_call]
		_(RawOrigin::Signed(caller), collection, item);

		assert!(!Creations::<T>::contains_key(collection, item));
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
