use autonomy_primitives::{
	job::{Modality, SeedPolicy},
	payout::Payee,
};
use frame_support::assert_ok;

use super::{drain, free, held, payments, record, to, to_treasury};
use crate::{
	mock::*, Agenda, Event, FailReason, FeeSplit, HoldReason, Jobs, OpenJobs, OpenSeats, Operators, Outcome, Part,
	Provenance, Purpose, Splits,
};

#[test]
fn job_should_pay_every_seat_to_the_planck_when_it_becomes_final() {
	build_and_execute(|| {
		serving_operators(3);
		let (job, seats) = submit_and_draw(ALICE);
		let (assigned, modeller) = (stored(job), free(MODELLER));
		agree(job);
		run_to(7);
		assert!(Jobs::<Test>::contains_key(job), "the window is not over");
		run_to(8);
		for n in 1..=3 {
			assert_eq!(free(n), FUNDS - BOND + SEAT_PAY);
			assert_eq!(record(n), (1, 0));
			assert_eq!(Operators::<Test>::get(account(n)).unwrap().seats, 0);
		}
		assert_eq!(free(ALICE), FUNDS - 3 * SEAT_FEE);
		assert_eq!((free(MODELLER) - modeller, burned()), (3 * MODEL_PAY, 3 * SEAT_BURN));
		assert_eq!(treasury_income(IMAGE_COMMUNITY), 3 * (CHARACTER_PAY + COMMUNITY_PAY));
		assert_eq!((held(HoldReason::JobFee, ALICE), held(HoldReason::JobDeposit, ALICE)), (0, 0));

		let Outcome { result, trace_root, artifact } = outcome(1);
		let mut payments: Vec<_> = seats.iter().map(|n| to(*n, Part::Operator, SEAT_PAY)).collect();
		payments.push(to(MODELLER, Part::Model, 3 * MODEL_PAY));
		payments.push(to_treasury(IMAGE_COMMUNITY, Part::Character, 3 * CHARACTER_PAY));
		payments.push(to_treasury(IMAGE_COMMUNITY, Part::Community, 3 * COMMUNITY_PAY));
		let operators = seats.into_iter().map(account).collect();
		let finalised = Event::JobFinalised {
			job,
			result,
			artifact,
			operators,
			paid_per_seat: SEAT_PAY,
			payments,
			burned: 3 * SEAT_BURN,
			refunded: assigned.deposit,
		};
		assert_eq!(last_event(), finalised);

		let row = Provenance::<Test>::get(job).unwrap();
		assert_eq!((row.result, row.trace_root, row.artifact), (result, trace_root, artifact));
		assert_eq!((row.requester, row.model, row.k, row.finalised_at), (account(ALICE), IMAGE, 3, 8));
		assert_eq!((row.input_hash, Some(row.seed)), (assigned.input_hash, assigned.seed));
		assert_eq!((row.engine, row.weights_root), (ENGINE, WEIGHTS));
		assert_eq!((row.purpose, row.modality), (Purpose::Plain, Modality::Image));

		assert_eq!(Jobs::<Test>::iter().count() + Agenda::<Test>::iter().count() + Splits::<Test>::iter().count(), 0);
		assert_eq!(OpenJobs::<Test>::iter().count() + OpenSeats::<Test>::iter().count(), 0);
	});
}

#[test]
fn text_job_should_become_final_after_its_own_window() {
	build_and_execute(|| {
		serving_operators(1);
		let input = Box::new(text_input());
		assert_ok!(Inference::submit_job(signed(ALICE), TEXT, input, None, None, SeedPolicy::Chain, u64::MAX));
		run_to(3);
		agree(0);
		run_to(5);
		assert!(Jobs::<Test>::contains_key(0));
		run_to(6);
		// Of 119 planck 21.42, 8.33, 2.38 and 3.57 are others'.
		assert!(matches!(last_event(), Event::JobFinalised { paid_per_seat: 85, burned: 3, .. }));
		assert_eq!((free(1), treasury_income(IMAGE_COMMUNITY + 1)), (FUNDS - BOND + 85, 10));
	});
}

#[test]
fn job_should_keep_its_terms_when_the_owner_changes_the_models() {
	build_and_execute(|| {
		serving_operators(3);
		let (job, _) = submit_and_draw(ALICE);
		set_price(IMAGE, 1_000);
		set_active(IMAGE, false);
		agree(job);
		run_to(8);
		assert!(matches!(last_event(), Event::JobFinalised { paid_per_seat: SEAT_PAY, .. }));
		assert_eq!(free(ALICE), FUNDS - 210);
	});
}

#[test]
fn model_should_be_paid_when_its_owner_asked_for_the_job_itself() {
	build_and_execute(|| {
		serving_operators(3);
		let before = free(MODELLER);
		let (job, _) = submit_and_draw(MODELLER);
		agree(job);
		run_to(8);
		assert_eq!(free(MODELLER), before - 3 * (SEAT_FEE - MODEL_PAY));
	});
}

#[test]
fn operators_should_have_the_models_part_when_nobody_is_to_be_paid_for_the_model() {
	build_and_execute(|| {
		serving_operators(3);
		set_payees(IMAGE, &[]);
		let (job, _) = submit_and_draw(ALICE);
		agree(job);
		run_out(job);
		assert!(matches!(last_event(), Event::JobFinalised { paid_per_seat: 63, burned: 6, .. }));
		assert_eq!((free(1), free(ALICE)), (FUNDS - BOND + 63, FUNDS - 3 * SEAT_FEE));
		assert_eq!(treasury_income(IMAGE_COMMUNITY), 15);

		// Without a community either all is theirs but what is burned.
		change_model(IMAGE, |model| model.community = None);
		let (job, _) = submit_and_draw(ALICE);
		agree(job);
		run_out(job);
		assert!(matches!(last_event(), Event::JobFinalised { paid_per_seat: 68, burned: 6, .. }));
		assert_eq!((free(1), treasury_income(IMAGE_COMMUNITY)), (FUNDS - BOND + 63 + 68, 15));
	});
}

#[test]
fn nothing_should_be_burned_when_the_split_says_so() {
	build_and_execute(|| {
		serving_operators(3);
		let none = sp_runtime::Permill::zero();
		TestSplit::set(FeeSplit { model: none, character: none, community: none, burn: none, fault_pay: none });
		let (job, _) = submit_and_draw(ALICE);
		agree(job);
		run_to(8);
		assert_eq!((free(1), burned()), (FUNDS - BOND + SEAT_FEE, 0));
	});
}

#[test]
fn requester_should_get_everything_back_when_its_account_holds_nothing_else() {
	build_and_execute(|| {
		serving_operators(1);
		// The fee of 7 alone is below the existential deposit of 10, so the deposit has to come back first.
		let input = Box::new(image(b"x", 1));
		assert_ok!(Inference::submit_job(signed(ALICE), IMAGE, input, Some(1), None, SeedPolicy::Chain, u64::MAX));
		assert_eq!(held(HoldReason::JobFee, ALICE), 7);
		run_to(3);
		let paid = FUNDS - free(ALICE);
		drain(ALICE);
		run_out(0);
		let expected = Event::JobFailed { job: 0, reason: FailReason::Expired, paid_per_seat: 0, refunded: paid };
		assert_eq!((last_event(), free(ALICE)), (expected, paid));
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
		assert_eq!(free(1), FUNDS - BOND + SEAT_PAY);
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
		assert_eq!(free(2), FUNDS - BOND + SEAT_PAY);
	});
}

#[test]
fn pay_should_go_back_to_the_requester_when_an_account_cannot_take_it() {
	build_and_execute(|| {
		serving_operators(3);
		// One unit: each seat is paid 6 and the model 1, below the existential deposit of 10.
		let input = Box::new(image(b"x", 1));
		assert_ok!(Inference::submit_job(signed(ALICE), IMAGE, input, None, None, SeedPolicy::Chain, u64::MAX));
		run_to(3);
		drain(2);
		agree(0);
		run_to(8);
		assert!(events().contains(&Event::PayReturned { job: 0, account: account(2), amount: 6 }));
		assert!(matches!(last_event(), Event::JobFinalised { paid_per_seat: 6, burned: 0, .. }));
		assert_eq!((free(1), free(2), free(3)), (FUNDS - BOND + 6, 0, FUNDS - BOND + 6));
		assert_eq!((free(ALICE), free(MODELLER)), (FUNDS - 15, FUNDS + 3));
	});
}

#[test]
fn pay_of_the_models_owner_should_go_to_the_treasury_when_its_account_cannot_take_it() {
	build_and_execute(|| {
		serving_operators(1);
		set_payees(IMAGE, &[(Payee::Account(account(POOR)), 100)]);
		// Of 35 planck the model has 6, the character 2, the community nothing.
		let submit = || {
			let input = Box::new(image(b"x", 5));
			assert_ok!(Inference::submit_job(signed(ALICE), IMAGE, input, Some(1), None, SeedPolicy::Chain, u64::MAX));
			let job = crate::NextJobId::<Test>::get() - 1;
			run_on(job);
			job
		};
		let job = submit();
		agree(job);
		run_out(job);
		let operator = to(1, Part::Operator, 26);
		let of_model = to_treasury(IMAGE_COMMUNITY, Part::Model, 6);
		let of_character = to_treasury(IMAGE_COMMUNITY, Part::Character, 2);
		assert_eq!(payments(job).0, [operator.clone(), of_model, of_character]);
		assert_eq!((free(POOR), treasury_income(IMAGE_COMMUNITY), free(ALICE)), (0, 8, FUNDS - 35));

		// A treasury that has nothing takes no less than the existential deposit either.
		let job = submit();
		empty_treasury(IMAGE_COMMUNITY);
		agree(job);
		run_out(job);
		assert!(events().contains(&Event::PayReturned { job, account: treasury(IMAGE_COMMUNITY), amount: 8 }));
		assert_eq!(payments(job).0, [operator]);
		assert_eq!((free(POOR), free(ALICE)), (0, FUNDS - 35 - 27));
	});
}

#[test]
fn slash_should_be_burned_where_an_account_cannot_take_its_part() {
	build_and_execute(|| {
		serving_operators(10);
		let input = Box::new(image(b"x", 1));
		assert_ok!(Inference::submit_job(signed(ALICE), IMAGE, input, None, None, SeedPolicy::Chain, u64::MAX));
		run_to(3);
		let seats = seats(0);
		play(0, &[(seats[0], outcome(1)), (seats[1], outcome(1)), (seats[2], outcome(2))]);
		drain(seats[0]);
		judge(0, |_| outcome(1));
		// 30 % of 175 among two seats and seven jurors are 5 each, below the existential deposit.
		let shared = Event::SlashShared { job: 0, each_honest: 5, accuser: None, reward: 0, burned: 175 - 8 * 5 };
		assert!(events().contains(&shared));
		assert_eq!((free(seats[0]), free(seats[1])), (0, FUNDS - BOND + 5 + 6));
	});
}
