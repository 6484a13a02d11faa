//! A job on the real runtime, from the operators' bond to the last planck.

mod common;

use autonomy_primitives::job::JobInput;
use autonomy_runtime::{AccountId, Balance, Balances, Executive, Inference, Runtime, RuntimeCall, System, AUTON};
use common::*;
use frame_support::{
	assert_noop, assert_ok,
	traits::{fungible::Inspect, Get},
};
use pallet_inference::{Event, FailReason};
use sp_keyring::Sr25519Keyring as Key;
use sp_runtime::traits::Dispatchable;

fn free(key: Key) -> Balance {
	Balances::free_balance(account(key))
}

fn total(key: Key) -> Balance {
	<Balances as Inspect<AccountId>>::total_balance(&account(key))
}

/// Submits a picture for three operators and runs to the draw.
fn drawn_job() -> Balance {
	let input = picture("a blue star on sand");
	let fee = PRICE * Balance::from(input.units()) * 3;
	// An audit is paid one and a half seat fees, on hold from the beginning.
	let most = fee + fee / 2;
	assert_ok!(Inference::submit_job(signed(Key::Ferdie), 0, Box::new(input), Some(3), None, seed(), most));
	let now = System::block_number();
	run_to(now + 2);
	assert!(inference_events().iter().any(|e| matches!(e, Event::JobAssigned { job: 0, .. })));
	fee
}

fn test(run: impl FnOnce([(Key, Key); 3])) {
	chain("development").execute_with(|| {
		next_block();
		register_model();
		let operators = three_operators();
		run(operators);
	});
}

#[test]
fn three_equal_results_should_be_paid_the_model_too_and_a_part_burned() {
	test(|operators| {
		let before = total(Key::Ferdie);
		let issuance = Balances::total_issuance();
		let fee = drawn_job();
		let (owners, model) = (operators.map(|(owner, _)| free(owner)), free(Key::Alice));
		for (owner, worker) in operators {
			commit(0, owner, worker, &sealed(1));
		}
		for (owner, _) in operators {
			reveal(0, owner, &sealed(1));
		}
		run_until(70, |event| matches!(event, Event::JobFinalised { job: 0, .. }));
		let row = pallet_inference::Provenance::<Runtime>::get(0).expect("the job is final");
		assert_eq!((row.result, row.k, row.input_hash), ([1; 32], 3, hash_of(&picture("a blue star on sand"))));
		assert_eq!(pallet_inference::Jobs::<Runtime>::get(0), None);
		assert_eq!(total(Key::Ferdie), before - fee);
		assert_eq!(free(Key::Ferdie), before - fee, "nothing is left on hold");
		for ((owner, _), had) in operators.into_iter().zip(owners) {
			assert_eq!(free(owner), had + fee / 3 * 70 / 100);
		}
		assert_eq!(free(Key::Alice), model + fee * 18 / 100, "eighteen per cent are the model's");
		let community = pallet_models::Models::<Runtime>::get(0).expect("it is registered").community;
		let treasury = Balances::free_balance(autonomy_runtime::Bonds::treasury_of(community));
		assert_eq!(treasury, fee * 9 / 100, "seven per cent without a character, and two");
		assert_eq!(Balances::total_issuance(), issuance - fee * 3 / 100, "three per cent are burned");
	});
}

#[test]
fn a_differing_result_should_give_everything_back_when_there_is_nobody_for_a_jury() {
	test(|operators| {
		let before = free(Key::Ferdie);
		drawn_job();
		for (i, (owner, worker)) in operators.into_iter().enumerate() {
			commit(0, owner, worker, &sealed(if i == 2 { 2 } else { 1 }));
		}
		for (i, (owner, _)) in operators.into_iter().enumerate() {
			reveal(0, owner, &sealed(if i == 2 { 2 } else { 1 }));
		}
		run_until(20, |event| matches!(event, Event::JobFailed { job: 0, reason: FailReason::Disputed, .. }));
		assert_eq!(free(Key::Ferdie), before);
		assert_eq!(pallet_inference::Provenance::<Runtime>::get(0), None);
	});
}

#[test]
fn a_missing_seat_should_give_everything_back_when_there_is_nobody_to_take_it() {
	test(|operators| {
		let before = free(Key::Ferdie);
		drawn_job();
		for (owner, worker) in &operators[..2] {
			commit(0, *owner, *worker, &sealed(1));
		}
		// Budget 4, three times, and ten blocks of grace after the draw.
		run_until(23, |event| matches!(event, Event::SeatMissed { job: 0, .. }));
		run_until(20, |event| matches!(event, Event::JobFailed { job: 0, reason: FailReason::Expired, .. }));
		assert_eq!(free(Key::Ferdie), before);
	});
}

#[test]
fn governance_should_change_a_number_within_its_bounds_and_no_job_under_way() {
	use autonomy_runtime::configs::parameters::{dynamic::inference, RuntimeParameters};
	test(|_| {
		drawn_job();
		let mut numbers = <inference::Disputes as Get<pallet_inference::Disputes>>::get();
		numbers.exposure_factor = 5_000;
		let parameter = inference::Parameters::Disputes(inference::Disputes, Some(numbers));
		let set = RuntimeCall::Parameters(pallet_parameters::Call::set_parameter {
			key_value: RuntimeParameters::Inference(parameter),
		});
		assert_noop!(set.clone().dispatch(signed(Key::Alice)), sp_runtime::DispatchError::BadOrigin);
		let before = pallet_inference::Jobs::<Runtime>::get(0);
		assert_ok!(set.dispatch(frame_system::RawOrigin::Root.into()));
		assert_eq!(Inference::disputes().exposure_factor, 1_000, "the nearest bound");
		assert_eq!(pallet_inference::Jobs::<Runtime>::get(0), before);
	});
}

#[test]
fn a_job_should_be_refused_when_it_breaks_a_limit_and_cost_nothing() {
	test(|_| {
		let submit = |input: JobInput, fee| {
			Inference::submit_job(signed(Key::Ferdie), 0, Box::new(input), Some(3), None, seed(), fee)
		};
		let JobInput::Image(base) = picture("a red ring") else { unreachable!("it is a picture") };
		let rich = 1_000 * AUTON;
		let before = free(Key::Ferdie);
		let steps = JobInput::Image(autonomy_primitives::job::ImageInput { steps: 51, ..base.clone() });
		let pixels = JobInput::Image(autonomy_primitives::job::ImageInput { width: 65, ..base.clone() });
		assert_noop!(submit(steps, rich), pallet_inference::Error::<Runtime>::StepsOutOfRange);
		assert_noop!(submit(pixels, rich), pallet_inference::Error::<Runtime>::PixelsOutOfRange);
		assert_noop!(submit(JobInput::Image(base), 1), pallet_inference::Error::<Runtime>::FeeAboveLimit);
		assert_eq!(free(Key::Ferdie), before);
	});
}

#[test]
fn a_seats_commit_should_be_free_of_charge_and_anyone_elses_should_not() {
	test(|operators| {
		drawn_job();
		let (owner, worker) = operators[0];
		let hash = autonomy_primitives::digest::commitment(0, 0, account(owner).as_ref(), &sealed(1));
		let call = RuntimeCall::Inference(pallet_inference::Call::commit { job: 0, hash });
		let (had, others) = (free(worker), free(Key::One));
		let nonce = System::account_nonce(account(worker));
		assert_ok!(Executive::apply_extrinsic(transaction(worker, nonce, call.clone())).expect("it is valid"));
		assert_eq!(free(worker), had);

		// Eve has no seat: the same call is charged, and fails.
		let had = free(Key::Eve);
		assert!(Executive::apply_extrinsic(transaction(Key::Eve, 0, call)).expect("it is valid").is_err());
		assert!(free(Key::Eve) < had);
		assert_eq!(others, free(Key::One));
	});
}

#[test]
fn runtime_apis_should_tell_what_a_client_needs() {
	test(|_| {
		let quote = Inference::quote(0, picture("a green heart"), Some(3), None).expect("the model is open");
		assert_eq!(quote.fee, PRICE * 40 * 3);
		assert_eq!(quote.audit_reserve, PRICE * 40 * 3 / 2);
		assert_eq!((quote.units, quote.k), (40, 3));
		assert!(Inference::quote(1, picture("a green heart"), None, None).is_none());
		drawn_job();
		let bob = Inference::operator(account(Key::Bob)).expect("Bob is an operator");
		assert_eq!(bob.open_seats, [0]);
	});
}
