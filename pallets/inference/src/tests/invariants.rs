use std::collections::BTreeMap;

use autonomy_primitives::{job::SeedPolicy, JobId};
use frame_support::{
	dispatch::CheckIfFeeless,
	traits::{fungible::Mutate, tokens::Preservation},
	weights::Weight,
};
use proptest::prelude::*;
use sp_runtime::StateVersion;

use super::{free, held};
use crate::{mock::*, Call, CpuClass, Event, HoldReason, Jobs, Operators, Outcome};

/// Operators that may register. Requesters are Alice, Bob and the first two operators' owners.
const OWNERS: u8 = 6;

#[derive(Clone, Debug)]
enum Step {
	Register {
		owner: u8,
		slots: u64,
	},
	SetWorker {
		owner: u8,
		worker: u8,
	},
	BondMore {
		owner: u8,
		amount: u64,
	},
	StartUnbond {
		owner: u8,
		amount: u64,
	},
	Withdraw {
		owner: u8,
	},
	Join {
		owner: u8,
		model: u32,
		slots: u32,
	},
	Prove {
		owner: u8,
		model: u32,
		right: bool,
	},
	Leave {
		owner: u8,
		model: u32,
	},
	Submit {
		who: u8,
		model: u32,
		k: Option<u8>,
		steps: u16,
		user_seed: bool,
	},
	Cancel {
		who: u8,
		job: JobId,
	},
	Commit {
		owner: u8,
		job: JobId,
		outcome: u8,
	},
	Reveal {
		owner: u8,
		job: JobId,
		right: bool,
	},
	/// Every seat of a job commits and reveals; the last one may differ.
	Work {
		job: JobId,
		last: u8,
	},
	Poke {
		job: JobId,
	},
	SetPrice {
		price: u64,
	},
	Drain {
		who: u8,
	},
	Randomness {
		there: bool,
	},
	Weight {
		jobs: u64,
	},
	Blocks {
		count: u64,
	},
}

fn step() -> impl Strategy<Value = Step> {
	let owner = 1..=OWNERS;
	let model = prop_oneof![6 => 0u32..2, 1 => Just(5u32)];
	let job = 0u64..16;
	let who = prop_oneof![Just(ALICE), Just(BOB), 1u8..3];
	prop_oneof![
		1 => (owner.clone(), 0u64..10).prop_map(|(owner, slots)| Step::Register { owner, slots }),
		1 => (owner.clone(), 100u8..110).prop_map(|(owner, worker)| Step::SetWorker { owner, worker }),
		1 => (owner.clone(), 0u64..3_000).prop_map(|(owner, amount)| Step::BondMore { owner, amount }),
		1 => (owner.clone(), 0u64..9_000).prop_map(|(owner, amount)| Step::StartUnbond { owner, amount }),
		1 => owner.clone().prop_map(|owner| Step::Withdraw { owner }),
		2 => (owner.clone(), model.clone(), 0u32..5).prop_map(|(owner, model, slots)| Step::Join { owner, model, slots }),
		2 => (owner.clone(), model.clone(), prop::bool::weighted(0.9))
			.prop_map(|(owner, model, right)| Step::Prove { owner, model, right }),
		1 => (owner.clone(), model.clone()).prop_map(|(owner, model)| Step::Leave { owner, model }),
		6 => (who.clone(), model, prop::option::of(0u8..5), 0u16..52, any::<bool>())
			.prop_map(|(who, model, k, steps, user_seed)| Step::Submit { who, model, k, steps, user_seed }),
		1 => (who.clone(), job.clone()).prop_map(|(who, job)| Step::Cancel { who, job }),
		3 => (owner.clone(), job.clone(), 1u8..3).prop_map(|(owner, job, outcome)| Step::Commit { owner, job, outcome }),
		2 => (owner, job.clone(), prop::bool::weighted(0.8))
			.prop_map(|(owner, job, right)| Step::Reveal { owner, job, right }),
		6 => (job.clone(), prop_oneof![5 => Just(1u8), 1 => Just(2u8)]).prop_map(|(job, last)| Step::Work { job, last }),
		2 => job.prop_map(|job| Step::Poke { job }),
		1 => (0u64..20).prop_map(|price| Step::SetPrice { price }),
		1 => who.prop_map(|who| Step::Drain { who }),
		1 => prop::bool::weighted(0.7).prop_map(|there| Step::Randomness { there }),
		1 => (0u64..4).prop_map(|jobs| Step::Weight { jobs }),
		6 => prop_oneof![5 => 1u64..4, 1 => 10u64..30].prop_map(|count| Step::Blocks { count }),
	]
}

/// What the operators remember of their commitments.
type Sealed = BTreeMap<(JobId, u8), Outcome>;

fn worker_of(owner: u8) -> Option<RuntimeOrigin> {
	Operators::<Test>::get(account(owner)).map(|operator| RuntimeOrigin::signed(operator.worker))
}

fn apply(step: &Step, sealed_outcomes: &mut Sealed) -> Result<(), sp_runtime::DispatchError> {
	let post = |result: frame_support::dispatch::DispatchResultWithPostInfo| result.map(|_| ()).map_err(|e| e.error);
	match *step {
		Step::Register { owner, slots } => {
			Inference::register_operator(signed(owner), account(worker(owner)), slots * SLOT_BOND)
		}
		Step::SetWorker { owner, worker } => Inference::set_worker_key(signed(owner), account(worker)),
		Step::BondMore { owner, amount } => Inference::bond_more(signed(owner), amount),
		Step::StartUnbond { owner, amount } => Inference::start_unbond(signed(owner), amount),
		Step::Withdraw { owner } => Inference::withdraw(signed(owner)),
		Step::Join { owner, model, slots } => {
			Inference::join_model(signed(owner), model, slots, ENGINE, CpuClass::X86V3)
		}
		Step::Prove { owner, model, right } => {
			let Some(origin) = worker_of(owner) else { return Ok(()) };
			post(Inference::prove_engine(origin, model, if right { GOLDEN } else { [0; 32] }))
		}
		Step::Leave { owner, model } => post(Inference::leave_model(signed(owner), model)),
		Step::Submit { who, model, k, steps, user_seed } => {
			let input = if model == TEXT { text_input() } else { image(b"x", steps) };
			let seed = if user_seed { SeedPolicy::User([who; 32]) } else { SeedPolicy::Chain };
			Inference::submit_job(signed(who), model, Box::new(input), k, seed, 20_000)
		}
		Step::Cancel { who, job } => Inference::cancel_job(signed(who), job),
		Step::Commit { owner, job, outcome: n } => {
			let Some(origin) = worker_of(owner) else { return Ok(()) };
			let hash = sealed(job, owner, outcome(n));
			let feeless = Call::<Test>::commit { job, hash }.is_feeless(&origin);
			let done = Inference::commit(origin, job, hash);
			assert_eq!(feeless, done.is_ok(), "free of charge exactly when it succeeds");
			if done.is_ok() {
				sealed_outcomes.insert((job, owner), outcome(n));
			}
			done
		}
		Step::Reveal { owner, job, right } => {
			let Some(known) = sealed_outcomes.get(&(job, owner)) else { return Ok(()) };
			let Outcome { result, trace_root, artifact } = if right { *known } else { outcome(9) };
			let (operator, salt) = (account(owner), salt(owner));
			let call = Call::<Test>::reveal { job, operator: operator.clone(), result, trace_root, artifact, salt };
			let feeless = call.is_feeless(&signed(BOB));
			let done = post(Inference::reveal(signed(BOB), job, operator, result, trace_root, artifact, salt));
			assert_eq!(feeless, done.is_ok(), "free of charge exactly when it succeeds");
			done
		}
		Step::Work { job, last } => {
			let Some(stored) = Jobs::<Test>::get(job) else { return Ok(()) };
			let seats: Vec<u8> = stored.seats.iter().map(|s| AsRef::<[u8; 32]>::as_ref(&s.operator)[0]).collect();
			for (index, owner) in seats.iter().enumerate() {
				let outcome = if index + 1 == seats.len() { last } else { 1 };
				let _ = apply(&Step::Commit { owner: *owner, job, outcome }, sealed_outcomes);
			}
			for owner in seats {
				let _ = apply(&Step::Reveal { owner, job, right: true }, sealed_outcomes);
			}
			Ok(())
		}
		Step::Poke { job } => post(Inference::poke(signed(BOB), job)),
		Step::SetPrice { price } => Models::set_price(signed(MODELLER), IMAGE, price),
		Step::Drain { who } => <Balances as Mutate<_>>::transfer(
			&account(who),
			&account(MODELLER),
			free(who) / 2,
			Preservation::Expendable,
		)
		.map(|_| ()),
		Step::Randomness { there } => {
			let random = sp_io::hashing::blake2_256(&System::block_number().to_le_bytes());
			Randomness::set(there.then_some(random));
			Ok(())
		}
		Step::Weight { jobs } => {
			AgendaWeight::set(Weight::from_parts(20 + 1_000 * jobs, u64::MAX));
			Ok(())
		}
		Step::Blocks { count } => {
			run_to(System::block_number() + count);
			Ok(())
		}
	}
}

/// Blocks from submission to the end of a job at the latest, while the agenda keeps up: draw and its retries, work,
/// reveals, window.
const LONGEST: u64 = 2 + 3 + (3 * BUDGET as u64 + 10) + 10 + 5;

proptest! {
	#![proptest_config(ProptestConfig::with_cases(96))]

	#[test]
	fn state_should_stay_consistent_when_calls_come_in_any_order(
		ready in 0u8..=5,
		steps in proptest::collection::vec(step(), 1..120),
	) {
		new_test_ext().execute_with(|| {
			let issuance = Balances::total_issuance();
			serving_operators(ready);
			let mut sealed_outcomes = Sealed::new();
			for step in &steps {
				let root = sp_io::storage::root(StateVersion::V1);
				let done = apply(step, &mut sealed_outcomes);
				if done.is_err() {
					prop_assert_eq!(root, sp_io::storage::root(StateVersion::V1), "a failed call left a trace: {:?}", step);
				}
				prop_assert_eq!(Inference::do_try_state(), Ok(()), "{:?}", step);
				prop_assert_eq!(Balances::total_issuance(), issuance, "{:?}", step);
			}

			let punctual = !steps.iter().any(|step| matches!(step, Step::Weight { .. }));
			// Whatever happened, the agenda alone ends every job.
			AgendaWeight::set(Weight::from_parts(1_000_000, u64::MAX));
			let end = System::block_number() + LONGEST;
			for block in System::block_number() + 1..=end {
				run_to(block);
				for job in Jobs::<Test>::iter_values() {
					prop_assert!(job.state.due() > block, "a deadline has passed: {:?}", job.state);
					prop_assert!(!punctual || block <= job.submitted_at + LONGEST, "a job outlives its last deadline");
				}
			}
			prop_assert_eq!(Jobs::<Test>::iter().count(), 0);
			prop_assert_eq!(Inference::do_try_state(), Ok(()));
			prop_assert_eq!(Balances::total_issuance(), issuance);
			for who in (1..=OWNERS).chain([ALICE, BOB]) {
				prop_assert_eq!(held(HoldReason::JobFee, who) + held(HoldReason::JobDeposit, who), 0);
			}

			// Each job ended once, and pay is what the finalised jobs say.
			let mut ends = BTreeMap::<JobId, u32>::new();
			for event in events() {
				match event {
					Event::JobFinalised { job, .. } | Event::JobFailed { job, .. } | Event::JobCancelled { job, .. } => {
						*ends.entry(job).or_default() += 1;
					},
					_ => (),
				}
			}
			prop_assert_eq!(ends.len() as u64, crate::NextJobId::<Test>::get());
			prop_assert!(ends.values().all(|count| *count == 1));
			Ok(())
		})?;
	}
}
