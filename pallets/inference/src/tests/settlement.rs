use autonomy_primitives::job::SeedPolicy;
use frame_support::{assert_ok, traits::fungible::Mutate, traits::tokens::Preservation};

use super::{free, held, record};
use crate::{
	mock::*, Agenda, Event, FailReason, HoldReason, Jobs, OpenJobs, OpenSeats, Operators, Outcome, Provenance,
};

/// Sends all that an account can spend to the modeller, so that nothing but holds is left. Something else keeps the
/// account alive.
fn drain(who: u8) {
	frame_system::Pallet::<Test>::inc_providers(&account(who));
	assert_ok!(<Balances as Mutate<_>>::transfer(
		&account(who),
		&account(MODELLER),
		free(who),
		Preservation::Expendable
	));
	assert_eq!(free(who), 0);
}

#[test]
fn job_should_pay_every_seat_to_the_planck_when_it_becomes_final() {
	build_and_execute(|| {
		serving_operators(3);
		let (job, seats) = submit_and_draw(ALICE);
		let assigned = Jobs::<Test>::get(job).unwrap();
		agree(job);
		run_to(7);
		assert!(Jobs::<Test>::contains_key(job), "the window is not over");
		run_to(8);
		for n in 1..=3 {
			assert_eq!(free(n), FUNDS - 8 * SLOT_BOND + PRICE * 10);
			assert_eq!(record(n), (1, 0));
			assert_eq!(Operators::<Test>::get(account(n)).unwrap().seats, 0);
		}
		assert_eq!(free(ALICE), FUNDS - PRICE * 10 * 3);
		assert_eq!((held(HoldReason::JobFee, ALICE), held(HoldReason::JobDeposit, ALICE)), (0, 0));

		let Outcome { result, trace_root, artifact } = outcome(1);
		let operators = seats.into_iter().map(account).collect();
		let finalised = Event::JobFinalised { job, result, artifact, paid_per_seat: PRICE * 10, operators };
		assert_eq!(last_event(), finalised);

		let row = Provenance::<Test>::get(job).unwrap();
		assert_eq!((row.result, row.trace_root, row.artifact), (result, trace_root, artifact));
		assert_eq!((row.requester, row.model, row.k, row.finalised_at), (account(ALICE), IMAGE, 3, 8));
		assert_eq!((row.input_hash, Some(row.seed)), (assigned.input_hash, assigned.seed));
		assert_eq!((row.engine, row.weights_root), (ENGINE, [1; 32]));

		assert_eq!(Jobs::<Test>::iter().count() + Agenda::<Test>::iter().count(), 0);
		assert_eq!(OpenJobs::<Test>::iter().count() + OpenSeats::<Test>::iter().count(), 0);
	});
}

#[test]
fn text_job_should_become_final_after_its_own_window() {
	build_and_execute(|| {
		serving_operators(1);
		let input = Box::new(text_input());
		assert_ok!(Inference::submit_job(signed(ALICE), TEXT, input, None, SeedPolicy::Chain, u64::MAX));
		run_to(3);
		agree(0);
		run_to(5);
		assert!(Jobs::<Test>::contains_key(0));
		run_to(6);
		assert!(matches!(last_event(), Event::JobFinalised { paid_per_seat: 119, .. }));
		assert_eq!(free(1), FUNDS - 8 * SLOT_BOND + 119);
	});
}

#[test]
fn job_should_keep_its_terms_when_the_owner_changes_the_models() {
	build_and_execute(|| {
		serving_operators(3);
		let (job, _) = submit_and_draw(ALICE);
		assert_ok!(Models::set_price(signed(MODELLER), IMAGE, 1_000));
		assert_ok!(Models::set_active(signed(MODELLER), IMAGE, false));
		agree(job);
		run_to(8);
		assert!(matches!(last_event(), Event::JobFinalised { paid_per_seat: 70, .. }));
		assert_eq!(free(ALICE), FUNDS - 210);
	});
}

#[test]
fn operator_should_be_paid_when_it_asked_for_the_job_itself() {
	build_and_execute(|| {
		serving_operators(3);
		let (job, _) = submit_and_draw(1);
		agree(job);
		run_to(8);
		assert_eq!(free(1), FUNDS - 8 * SLOT_BOND - 210 + 70);
	});
}

#[test]
fn requester_should_get_everything_back_when_its_account_holds_nothing_else() {
	build_and_execute(|| {
		serving_operators(3);
		// The fee of 7 alone is below the existential deposit of 10, so the deposit has to come back first.
		let input = Box::new(image(b"x", 1));
		assert_ok!(Inference::submit_job(signed(ALICE), IMAGE, input, Some(1), SeedPolicy::Chain, u64::MAX));
		assert_eq!(held(HoldReason::JobFee, ALICE), 7);
		run_to(3);
		let paid = FUNDS - free(ALICE);
		drain(ALICE);
		run_to(25);
		assert!(matches!(last_event(), Event::JobFailed { reason: FailReason::MissingCommit, .. }));
		assert_eq!(free(ALICE), paid);
	});
}

#[test]
fn operators_should_be_paid_when_the_requester_holds_nothing_else() {
	build_and_execute(|| {
		serving_operators(3);
		let (job, _) = submit_and_draw(ALICE);
		let deposit = held(HoldReason::JobDeposit, ALICE);
		drain(ALICE);
		agree(job);
		run_to(8);
		assert!(matches!(last_event(), Event::JobFinalised { .. }));
		assert_eq!(free(ALICE), deposit);
		assert_eq!(free(1), FUNDS - 8 * SLOT_BOND + 70);
	});
}

#[test]
fn operators_should_be_paid_when_the_requesters_balance_is_frozen() {
	use frame_support::traits::LockableCurrency;
	build_and_execute(|| {
		serving_operators(3);
		let (job, _) = submit_and_draw(ALICE);
		let reasons = frame_support::traits::WithdrawReasons::all();
		<Balances as LockableCurrency<_>>::set_lock(*b"voting__", &account(ALICE), u64::MAX, reasons);
		agree(job);
		run_to(8);
		assert_eq!(free(2), FUNDS - 8 * SLOT_BOND + 70);
	});
}

#[test]
fn pay_should_go_back_to_the_requester_when_an_operators_account_cannot_take_it() {
	build_and_execute(|| {
		serving_operators(3);
		// One unit: each seat is paid 7, below the existential deposit of 10.
		let input = Box::new(image(b"x", 1));
		assert_ok!(Inference::submit_job(signed(ALICE), IMAGE, input, None, SeedPolicy::Chain, u64::MAX));
		run_to(3);
		drain(2);
		agree(0);
		run_to(8);
		assert!(events().contains(&Event::PayReturned { job: 0, operator: account(2), amount: 7 }));
		assert!(matches!(last_event(), Event::JobFinalised { paid_per_seat: 7, .. }));
		assert_eq!((free(1), free(2), free(3)), (FUNDS - 8 * SLOT_BOND + 7, 0, FUNDS - 8 * SLOT_BOND + 7));
		assert_eq!(free(ALICE), FUNDS - 14);
	});
}
