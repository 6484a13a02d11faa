use super::held;
use crate::{mock::*, ChallengeTerms, HoldReason, Juries, Operators, Provenance, Splits, Tier};

#[test]
fn views_should_give_what_is_stored() {
	build_and_execute(|| {
		serving_operators(3);
		assert_eq!(Inference::operator(account(9)), None);
		let (job, _) = submit_and_draw(ALICE);
		let view = Inference::job(job).unwrap();
		assert_eq!((view.job, view.jury), (stored(job), None));
		let view = Inference::operator(account(1)).unwrap();
		assert_eq!(Some(view.info), Operators::<Test>::get(account(1)));
		assert_eq!((view.open_seats, Inference::open_seats(account(1))), (vec![job], vec![job]));
		assert_eq!(Inference::provenance(job), None);
		assert!(Inference::split_of(job).is_some());
		assert_eq!(Inference::split_of(job), Splits::<Test>::get(job));
		agree(job);
		run_to(8);
		assert_eq!((Inference::job(job), Inference::split_of(job)), (None, None));
		assert!(Inference::provenance(job).is_some());
		assert_eq!(Inference::provenance(job), Provenance::<Test>::get(job));
		assert_eq!(Inference::open_seats(account(1)), Vec::<u64>::new());
	});
}

#[test]
fn job_should_come_with_its_jury_when_it_is_in_dispute() {
	build_and_execute(|| {
		serving_operators(12);
		let (job, _) = split(ALICE);
		let view = Inference::job(job).unwrap();
		assert!(view.jury.is_some());
		assert_eq!(view.jury, Juries::<Test>::get(job));
	});
}

#[test]
fn quote_should_be_what_a_submission_holds() {
	build_and_execute(|| {
		serving_operators(5);
		for (k, tier) in [(Some(1), None), (Some(3), Some(Tier::Image)), (None, Some(Tier::Creation)), (None, None)] {
			let quote = Inference::quote(TEXT, text_input(), k, tier).unwrap();
			let before = [HoldReason::JobFee, HoldReason::JobDeposit].map(|reason| held(reason, ALICE));
			let seed = autonomy_primitives::job::SeedPolicy::Chain;
			let (input, most) = (Box::new(text_input()), quote.fee + quote.audit_reserve);
			frame_support::assert_ok!(Inference::submit_job(signed(ALICE), TEXT, input, k, tier, seed, most));
			let after = [HoldReason::JobFee, HoldReason::JobDeposit].map(|reason| held(reason, ALICE));
			assert_eq!((after[0] - before[0], after[1] - before[1]), (most, quote.deposit));
			assert_eq!(quote.fee, quote.seat_fee * u64::from(quote.k));
			assert_eq!(quote.audit_reserve > 0, tier == Some(Tier::Creation), "a reserve where audits are drawn");
		}
		assert_eq!(Inference::quote(TEXT, text_input(), Some(0), None), None);
		assert_eq!(Inference::quote(9, text_input(), None, None), None);
	});
}

#[test]
fn challenge_terms_should_be_what_a_challenge_takes() {
	build_and_execute(|| {
		serving_operators(12);
		let (job, _) = submit_and_draw(ALICE);
		assert_eq!(Inference::challenge_terms(job), None, "nothing is agreed yet");
		agree(job);
		let terms = ChallengeTerms { bond: CHALLENGE_BOND, last_block: 7 };
		assert_eq!(Inference::challenge_terms(job), Some(terms));
		run_to(7);
		frame_support::assert_ok!(challenge(job, 2));
		assert_eq!(held(HoldReason::Challenge, CAROL), CHALLENGE_BOND);
		assert_eq!(Inference::challenge_terms(job), None, "it is in dispute");
		assert_eq!(Inference::challenge_terms(9), None);
	});
}

#[test]
fn challenge_terms_should_be_none_while_an_auditor_is_at_work_and_after_the_window() {
	build_and_execute(|| {
		serving_operators(12);
		let (job, _, n) = audited();
		assert_eq!(Inference::challenge_terms(job), None);
		frame_support::assert_ok!(audit(job, n, outcome(1)));
		let last_block = Inference::challenge_terms(job).unwrap().last_block;
		stop_agenda();
		run_to(last_block);
		assert!(Inference::challenge_terms(job).is_some());
		run_for(1);
		assert_eq!(Inference::challenge_terms(job), None);
		start_agenda();
		run_for(1);
		assert!(super::is_final(job));
	});
}
