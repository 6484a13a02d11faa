//! Orders of other pallets: the checks are those of `submit_job`, and whoever a job is done for is told how it ended.

use autonomy_primitives::{
	evaluation::Evaluated,
	fault::FaultCode,
	job::{JobInput, SeedPolicy, TalkInput, TextInput},
};
use frame_support::{assert_noop, assert_ok};

use super::{failure, free, held, is_final};
use crate::{mock::*, Error, Event, FailReason, HoldReason, Order, Provenance, Purpose, Tier};

const OF_CHARACTER: Purpose = Purpose::Character(CHARACTER);

fn submit_order(change: impl FnOnce(&mut Order<u64>)) -> Result<u64, sp_runtime::DispatchError> {
	let mut order = order(OF_CHARACTER);
	change(&mut order);
	Inference::submit(account(ALICE), order)
}

/// What the character's pallet is told of a job that became final.
fn told_final(job: u64, spent: u64) -> Told {
	let (requester, result) = (account(ALICE), outcome(1).result);
	Told::Final { job, character: CHARACTER, requester, spent, result }
}

#[test]
fn submit_should_do_what_submit_job_does_and_take_down_the_purpose() {
	build_and_execute(|| {
		serving_operators(3);
		add_character(&[]);
		let id = submit_order(|_| ()).unwrap();
		let job = stored(id);
		assert_eq!((job.purpose, job.tier, job.k, job.seat_fee), (OF_CHARACTER, Tier::Image, 3, SEAT_FEE));
		assert_eq!(held(HoldReason::JobFee, ALICE), 3 * SEAT_FEE);
		assert_eq!(held(HoldReason::JobDeposit, ALICE), job.deposit);
		assert!(matches!(last_event(), Event::JobSubmitted { purpose: OF_CHARACTER, .. }));
		let quote = Inference::quote_for(IMAGE, &image_input(), None, None, OF_CHARACTER).unwrap();
		assert_eq!((quote.fee, quote.deposit), (3 * SEAT_FEE, job.deposit));
		let plain = Inference::quote(IMAGE, image_input(), None, None).unwrap();
		assert_eq!(quote.deposit - plain.deposit, 4 + 4 + 1, "the character, its community and no payees");
	});
}

#[test]
fn submit_should_fail_where_submit_job_does() {
	build_and_execute(|| {
		serving_operators(3);
		assert_noop!(submit_order(|_| ()), Error::<Test>::UnknownCharacter);
		add_character(&[]);
		assert_noop!(submit_order(|order| order.model = 7), Error::<Test>::UnknownModel);
		assert_noop!(submit_order(|order| order.input = text_input()), Error::<Test>::WrongModality);
		assert_noop!(submit_order(|order| order.k = Some(4)), Error::<Test>::NotEnoughOperators);
		assert_noop!(submit_order(|order| order.k = Some(16)), Error::<Test>::CommitteeSizeOutOfRange);
		assert_noop!(submit_order(|order| order.tier = Some(Tier::Text)), Error::<Test>::TierTooLow);
		assert_noop!(submit_order(|order| order.max_fee = 3 * SEAT_FEE - 1), Error::<Test>::FeeAboveLimit);
		Licensed::set(Some(IMAGE));
		assert_noop!(submit_order(|_| ()), Error::<Test>::LicenceMissing);
		Licensed::set(None);
		set_active(IMAGE, false);
		assert_noop!(submit_order(|_| ()), Error::<Test>::ModelInactive);
		set_active(IMAGE, true);
		assert_ok!(submit_order(|order| order.seed_policy = SeedPolicy::User([7; 32])));
	});
}

#[test]
fn submit_should_fail_when_purpose_and_input_do_not_fit() {
	build_and_execute(|| {
		serving_operators(3);
		add_character(&[]);
		assert_noop!(submit_order(|order| order.purpose = Purpose::Evaluation), Error::<Test>::EvaluationReserved);
		let input = stored(evaluate(ALICE).unwrap()).input;
		for purpose in [Purpose::Plain, OF_CHARACTER] {
			let with = |order: &mut Order<u64>| (order.input, order.purpose) = (input.clone(), purpose);
			assert_noop!(submit_order(with), Error::<Test>::EvaluationReserved);
		}
	});
}

#[test]
fn submit_should_fail_when_a_talk_is_of_no_character() {
	build_and_execute(|| {
		serving_operators(3);
		let text = TextInput {
			prompt: b"hello".to_vec().try_into().unwrap(),
			max_tokens: 8,
			temperature_centi: 0,
			top_p_permille: 1_000,
			top_k: 0,
		};
		let input = JobInput::Talk(TalkInput { text, persona: [0; 36], memory: [0; 32] });
		let plain = |order: &mut Order<u64>| (order.input, order.purpose) = (input, Purpose::Plain);
		assert_noop!(submit_order(plain), Error::<Test>::TalkReserved);
	});
}

#[test]
fn character_should_be_told_what_was_paid_when_its_job_is_final() {
	build_and_execute(|| {
		serving_operators(5);
		add_character(&[]);
		let job = submit_order(|order| order.tier = Some(Tier::Creation)).unwrap();
		run_on(job);
		agree(job);
		run_on(job);
		assert_ok!(audit(job, auditor(job).unwrap(), outcome(1)));
		assert_eq!(told(job), []);
		run_out(job);
		assert!(is_final(job));
		assert_eq!(told(job), [told_final(job, 3 * SEAT_FEE + AUDIT_PAY)]);
		assert_eq!(free(ALICE), FUNDS - 3 * SEAT_FEE - AUDIT_PAY);
		assert_eq!(Provenance::<Test>::get(job).unwrap().purpose, OF_CHARACTER);
		// Whoever cannot take its pay has not been paid.
		let job = submit_order(|order| (order.input, order.k) = (image(b"x", 1), Some(1))).unwrap();
		run_on(job);
		super::drain(seats(job)[0]);
		agree(job);
		run_out(job);
		assert_eq!(told(job), [told_final(job, 1)]);
	});
}

#[test]
fn character_should_be_told_when_its_job_has_no_result() {
	let failed = |job| [Told::Failed { job, character: CHARACTER }];
	build_and_execute(|| {
		serving_operators(3);
		add_character(&[]);
		let job = submit_for_character(ALICE);
		assert_ok!(Inference::cancel_job(signed(ALICE), job));
		assert_eq!(told(job), failed(job));

		let job = submit_for_character(ALICE);
		run_on(job);
		agree_on(job, fault(FaultCode::NonFinite));
		run_out(job);
		assert_eq!(failure(job), Some(FailReason::InputFault(FaultCode::NonFinite)));
		assert_eq!(told(job), failed(job));

		let job = submit_for_character(ALICE);
		run_out(job);
		assert_eq!((failure(job), told(job)), (Some(FailReason::Expired), failed(job).to_vec()));
	});
	build_and_execute(|| {
		operators(12);
		add_character(&[]);
		for n in 1..=12 {
			join_as(n, IMAGE, 1, if n <= 3 { crate::CpuClass::Aarch64 } else { crate::CpuClass::X86V3 });
		}
		let job = submit_for_character(ALICE);
		choose(job, |seats| seats.len() == 3 && seats[0] <= 3 && seats[1] <= 3 && seats[2] > 3);
		run_on(job);
		let seats = seats(job);
		play(job, &[(seats[0], outcome(2)), (seats[1], outcome(2)), (seats[2], outcome(1))]);
		choose(job, |panel| panel.len() == 7 && panel.iter().all(|n| *n > 3));
		judge(job, |_| outcome(1));
		assert_eq!((failure(job), told(job)), (Some(FailReason::EngineFault), failed(job).to_vec()));
	});
}

#[test]
fn nobody_should_be_told_of_a_plain_job() {
	build_and_execute(|| {
		serving_operators(3);
		let (job, _) = submit_and_draw(ALICE);
		agree(job);
		run_out(job);
		let other = submit(ALICE);
		assert_ok!(Inference::cancel_job(signed(ALICE), other));
		assert_eq!(Heard::get(), []);
		assert_ok!(Inference::cancel_job(signed(ALICE), evaluate(ALICE).unwrap()));
		assert_eq!(Heard::get(), [Told::Evaluated { job: 2, outcome: Evaluated::Failed }]);
	});
}
