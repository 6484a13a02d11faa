use crate::{mock::*, Jobs, Operators, Provenance};

#[test]
fn views_should_give_what_is_stored() {
	build_and_execute(|| {
		serving_operators(3);
		assert_eq!(Inference::operator(account(9)), None);
		let (job, _) = submit_and_draw(ALICE);
		assert_eq!(Inference::job(job), Jobs::<Test>::get(job));
		let view = Inference::operator(account(1)).unwrap();
		assert_eq!(Some(view.info), Operators::<Test>::get(account(1)));
		assert_eq!((view.open_seats, Inference::open_seats(account(1))), (vec![job], vec![job]));
		assert_eq!(Inference::provenance(job), None);
		agree(job);
		run_to(8);
		assert_eq!(Inference::job(job), None);
		assert!(Inference::provenance(job).is_some());
		assert_eq!(Inference::provenance(job), Provenance::<Test>::get(job));
		assert_eq!(Inference::open_seats(account(1)), Vec::<u64>::new());
	});
}

#[test]
fn quote_should_be_what_a_submission_holds() {
	build_and_execute(|| {
		serving_operators(5);
		for k in [1, 3, 5] {
			let quote = Inference::quote(TEXT, text_input(), Some(k)).unwrap();
			let before = Balances::free_balance(account(ALICE));
			let seed = autonomy_primitives::job::SeedPolicy::Chain;
			let input = Box::new(text_input());
			frame_support::assert_ok!(Inference::submit_job(signed(ALICE), TEXT, input, Some(k), seed, quote.fee));
			assert_eq!(before - Balances::free_balance(account(ALICE)), quote.fee + quote.deposit);
		}
		assert_eq!(Inference::quote(TEXT, text_input(), Some(0)), None);
		assert_eq!(Inference::quote(9, text_input(), None), None);
	});
}
