//! Benchmarks of every call and of the agenda, at the largest input and committee.

use super::*;
use alloc::vec;
use autonomy_primitives::{
	digest::{cid, commitment, Sealed},
	job::{ImageInput, MAX_NEGATIVE_PROMPT_BYTES, MAX_PROMPT_BYTES},
};
use frame_benchmarking::v2::*;
use frame_system::RawOrigin;
use sp_runtime::traits::{Bounded, Saturating};

fn funded<T: Config>(name: &'static str, index: u32) -> T::AccountId {
	let who: T::AccountId = account(name, index, 0);
	T::Currency::set_balance(&who, BalanceOf::<T>::max_value() / 1_000_000u32.into());
	who
}

fn worker<T: Config>(index: u32) -> T::AccountId {
	account("worker", index, 0)
}

/// A registered operator with a bond for all slots. Returns its owner.
fn operator<T: Config>(index: u32) -> T::AccountId {
	let owner = funded::<T>("owner", index);
	let bond = Pallet::<T>::bond_of_slots(T::MaxSlotsPerOperator::get());
	Pallet::<T>::do_register_operator(owner.clone(), worker::<T>(index), bond).expect("a fresh operator");
	owner
}

/// An operator with unproved slots on a model.
fn joined<T: Config>(index: u32, model: ModelId, slots: u32) -> T::AccountId {
	let owner = operator::<T>(index);
	let engine = T::Models::terms(model).expect("the model exists").engine;
	Pallet::<T>::do_join_model(owner.clone(), model, slots, engine, CpuClass::Other)
		.expect("the bond covers the slots");
	owner
}

/// An operator with slots in a model's draw.
fn proved<T: Config>(index: u32, model: ModelId, slots: u32) -> T::AccountId {
	let owner = joined::<T>(index, model, slots);
	let golden = T::Models::golden_result(model).expect("the model exists");
	Pallet::<T>::do_prove_engine(owner.clone(), model, golden).expect("the golden result");
	owner
}

/// The largest input of the benchmark's model.
fn input() -> JobInput {
	let bytes = |count: u32| vec![b'x'; count as usize];
	JobInput::Image(ImageInput {
		prompt: bytes(MAX_PROMPT_BYTES).try_into().expect("at the bound"),
		negative_prompt: bytes(MAX_NEGATIVE_PROMPT_BYTES).try_into().expect("at the bound"),
		width: 64,
		height: 64,
		steps: 20,
		guidance_centi: 250,
	})
}

/// An open job for `k` seats on a model.
fn open<T: Config>(model: ModelId, k: u32) -> JobId {
	let requester = funded::<T>("requester", 0);
	let k = u8::try_from(k).expect("at most MAX_COMMITTEE");
	let max = BalanceOf::<T>::max_value();
	Pallet::<T>::do_submit_job(requester, model, input(), Some(k), SeedPolicy::Chain, max).expect("a good job")
}

/// A job whose committee is drawn: the first `k` operators. Seats are assigned without the draw, which needs randomness
/// that a benchmark's block may not have.
fn assigned<T: Config>(k: u32) -> (JobId, Vec<T::AccountId>) {
	let model = T::Models::benchmark_model();
	let owners: Vec<_> = (0..k).map(|index| proved::<T>(index, model, 1)).collect();
	let id = open::<T>(model, k);
	let mut job = Jobs::<T>::get(id).expect("just submitted");
	let drawn = draw::Drawn { operators: owners.clone(), seed: [7; 32] };
	Pallet::<T>::assign(id, &mut job, drawn);
	Jobs::<T>::insert(id, job);
	(id, owners)
}

fn outcome() -> Outcome {
	Outcome { result: [1; 32], trace_root: [2; 32], artifact: cid(b"picture") }
}

const SALT: [u8; 32] = [3; 32];

fn sealed<T: Config>(job: JobId, owner: &T::AccountId) -> Digest {
	let Outcome { result, trace_root, artifact } = outcome();
	commitment(job, 0, &jobs::account_bytes(owner), &Sealed { result, trace_root, artifact, salt: SALT })
}

/// A job whose seats have all committed.
fn committed<T: Config>(k: u32) -> (JobId, Vec<T::AccountId>) {
	let (id, owners) = assigned::<T>(k);
	for owner in &owners {
		Pallet::<T>::do_commit(owner.clone(), id, sealed::<T>(id, owner)).expect("a seat");
	}
	(id, owners)
}

/// A job that waits for its window only.
fn agreed<T: Config>(k: u32) -> JobId {
	let (id, owners) = committed::<T>(k);
	for owner in owners {
		Pallet::<T>::do_reveal(id, owner, outcome(), SALT).expect("the commitment opens");
	}
	id
}

fn go_to<T: Config>(block: BlockNumberFor<T>) {
	frame_system::Pallet::<T>::set_block_number(block);
}

#[benchmarks]
mod benches {
	use super::*;

	#[benchmark]
	fn register_operator() {
		let owner = funded::<T>("owner", 0);

		#[extrinsic_call]
		_(RawOrigin::Signed(owner.clone()), worker::<T>(0), T::SlotBond::get());

		assert!(Operators::<T>::contains_key(owner));
	}

	#[benchmark]
	fn set_worker_key() {
		let owner = operator::<T>(0);

		#[extrinsic_call]
		_(RawOrigin::Signed(owner.clone()), worker::<T>(1));

		assert_eq!(WorkerOf::<T>::get(worker::<T>(1)), Some(owner));
	}

	#[benchmark]
	fn bond_more() {
		let owner = operator::<T>(0);
		let before = Operators::<T>::get(&owner).expect("registered").bond;

		#[extrinsic_call]
		_(RawOrigin::Signed(owner.clone()), T::SlotBond::get());

		assert!(Operators::<T>::get(owner).expect("registered").bond > before);
	}

	#[benchmark]
	fn start_unbond() {
		let owner = operator::<T>(0);

		#[extrinsic_call]
		_(RawOrigin::Signed(owner.clone()), T::SlotBond::get());

		assert_eq!(Operators::<T>::get(owner).expect("registered").unbonding, T::SlotBond::get());
	}

	#[benchmark]
	fn withdraw() {
		let owner = operator::<T>(0);
		let bond = Operators::<T>::get(&owner).expect("registered").bond;
		Pallet::<T>::do_start_unbond(owner.clone(), bond).expect("no slots");
		go_to::<T>(Pallet::<T>::after(T::UnbondingPeriod::get()));

		#[extrinsic_call]
		_(RawOrigin::Signed(owner.clone()));

		assert!(!Operators::<T>::contains_key(owner));
	}

	#[benchmark]
	fn join_model() {
		let model = T::Models::benchmark_model();
		let engine = T::Models::terms(model).expect("the model exists").engine;
		let owner = operator::<T>(0);

		#[extrinsic_call]
		_(RawOrigin::Signed(worker::<T>(0)), model, T::MaxSlotsPerOperator::get(), engine, CpuClass::Other);

		assert!(Memberships::<T>::contains_key(model, owner));
	}

	#[benchmark]
	fn leave_model(s: Linear<1, { T::MaxSlotsPerOperator::get() }>) {
		let model = T::Models::benchmark_model();
		let owner = proved::<T>(0, model, s);
		// Its slots are all filled from another operator's.
		proved::<T>(1, model, T::MaxSlotsPerOperator::get());

		#[extrinsic_call]
		_(RawOrigin::Signed(owner), model);

		assert_eq!(SlotCount::<T>::get(model), T::MaxSlotsPerOperator::get());
	}

	#[benchmark]
	fn prove_engine(s: Linear<1, { T::MaxSlotsPerOperator::get() }>) {
		let model = T::Models::benchmark_model();
		joined::<T>(0, model, s);
		let golden = T::Models::golden_result(model).expect("the model exists");

		#[extrinsic_call]
		_(RawOrigin::Signed(worker::<T>(0)), model, golden);

		assert_eq!(SlotCount::<T>::get(model), s);
	}

	#[benchmark]
	fn submit_job() {
		let model = T::Models::benchmark_model();
		proved::<T>(0, model, 1);
		let requester = funded::<T>("requester", 0);
		let max = BalanceOf::<T>::max_value();

		#[extrinsic_call]
		_(RawOrigin::Signed(requester), model, Box::new(input()), Some(1), SeedPolicy::Chain, max);

		assert!(Jobs::<T>::contains_key(0));
	}

	#[benchmark]
	fn cancel_job() {
		let model = T::Models::benchmark_model();
		proved::<T>(0, model, 1);
		let job = open::<T>(model, 1);

		#[extrinsic_call]
		_(RawOrigin::Signed(account("requester", 0, 0)), job);

		assert!(!Jobs::<T>::contains_key(job));
	}

	#[benchmark]
	fn commit() {
		let (job, owners) = assigned::<T>(T::MaxCommittee::get().into());
		let last = owners.len().saturating_sub(1);
		for owner in owners.iter().take(last) {
			Pallet::<T>::do_commit(owner.clone(), job, sealed::<T>(job, owner)).expect("a seat");
		}
		let hash = sealed::<T>(job, owners.last().expect("at least one seat"));

		#[extrinsic_call]
		_(RawOrigin::Signed(worker::<T>(last as u32)), job, hash);

		assert!(matches!(Jobs::<T>::get(job).expect("open").state, JobState::Revealing { .. }));
	}

	#[benchmark]
	fn reveal() {
		let (job, mut owners) = committed::<T>(T::MaxCommittee::get().into());
		let last = owners.pop().expect("at least one seat");
		for owner in owners {
			Pallet::<T>::do_reveal(job, owner, outcome(), SALT).expect("the commitment opens");
		}
		let Outcome { result, trace_root, artifact } = outcome();

		#[extrinsic_call]
		_(RawOrigin::Signed(worker::<T>(0)), job, last, result, trace_root, artifact, SALT);

		assert!(matches!(Jobs::<T>::get(job).expect("open").state, JobState::Agreed { .. }));
	}

	#[benchmark]
	fn poke() {
		let job = agreed::<T>(T::MaxCommittee::get().into());
		go_to::<T>(Jobs::<T>::get(job).expect("open").state.due());

		#[extrinsic_call]
		_(RawOrigin::Signed(funded::<T>("anyone", 0)), job);

		assert!(Provenance::<T>::contains_key(job));
	}

	#[benchmark]
	fn agenda_base() {
		let now = Pallet::<T>::after(One::one());
		AgendaCursor::<T>::put(now);

		#[block]
		{
			Pallet::<T>::serve_agenda(now);
		}

		assert_eq!(AgendaCursor::<T>::get(), now.saturating_add(One::one()));
	}

	#[benchmark]
	fn agenda_block() {
		let now = Pallet::<T>::after(One::one());
		AgendaCursor::<T>::put(now.saturating_sub(One::one()));

		#[block]
		{
			Pallet::<T>::serve_agenda(now);
		}

		assert_eq!(AgendaCursor::<T>::get(), now.saturating_add(One::one()));
	}

	#[benchmark]
	fn agenda_job(k: Linear<1, { T::MaxCommittee::get().into() }>) {
		let job = agreed::<T>(k);
		let due = Jobs::<T>::get(job).expect("open").state.due();
		go_to::<T>(due);
		AgendaCursor::<T>::put(due);

		#[block]
		{
			Pallet::<T>::serve_agenda(due);
		}

		assert!(Provenance::<T>::contains_key(job));
	}

	/// One operator has the only slot, so a second seat is never found and every look is taken.
	#[benchmark]
	fn agenda_draw(a: Linear<1, { u32::from(T::MaxCommittee::get()).saturating_mul(T::DrawAttemptsPerSeat::get()) }>) {
		let model = T::Models::benchmark_model();
		proved::<T>(0, model, 1);
		let id = open::<T>(model, 1);
		let mut job = Jobs::<T>::get(id).expect("open");
		job.k = T::MaxCommittee::get();
		let drawn;

		#[block]
		{
			drawn = Pallet::<T>::draw_operators(&[7; 32], id, &job, a);
		}

		assert_eq!(drawn, (None, a));
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
