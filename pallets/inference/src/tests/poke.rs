use frame_support::{assert_noop, assert_ok, weights::Weight};

use crate::{mock::*, Duty, Error, Event, JobState, Jobs};

#[test]
fn poke_should_serve_every_deadline_when_the_agenda_cannot() {
	build_and_execute(|| {
		serving_operators(12);
		stop_agenda();
		let job = submit(ALICE);
		run_to(3);
		assert_ok!(Inference::poke(signed(BOB), job));
		assert!(matches!(Jobs::<Test>::get(job).unwrap().state, JobState::Committing { .. }));
		agree(job);
		run_to(8);
		assert_ok!(Inference::poke(signed(BOB), job));
		assert!(matches!(last_event(), Event::JobFinalised { .. }));

		let (late, _) = submit_and_draw(ALICE);
		assert_ok!(Inference::poke(signed(BOB), late));
		run_to(40);
		assert_ok!(Inference::poke(signed(BOB), late));
		assert!(matches!(last_event(), Event::RedrawScheduled { seats: 3, draw_at: 42, .. }));
		run_to(42);
		assert_ok!(Inference::poke(signed(BOB), late));
		assert!(matches!(last_event(), Event::SeatsRedrawn { .. }));
		commit_all(late);
		run_to(52);
		assert_ok!(Inference::poke(signed(BOB), late));
		assert!(events().iter().any(|event| matches!(event, Event::SeatMissed { duty: Duty::Reveal, .. })));
		Inference::do_try_state().unwrap();
		while Jobs::<Test>::contains_key(late) {
			run_for(1);
			let due = stored(late).state.due();
			assert_eq!(Inference::poke(signed(BOB), late).is_ok(), due <= System::block_number());
		}
		// The agenda finds nothing left to do when it comes round.
		AgendaWeight::set(Weight::from_parts(1_000_000, u64::MAX));
		let before = events();
		run_for(60);
		assert_eq!(events(), before);
	});
}

#[test]
fn poke_should_fail_when_nothing_is_due() {
	build_and_execute(|| {
		serving_operators(3);
		let job = submit(ALICE);
		run_to(2);
		assert_noop!(Inference::poke(signed(BOB), job), Error::<Test>::NothingDue);
		run_to(3);
		assert_noop!(Inference::poke(signed(BOB), job), Error::<Test>::NothingDue);
	});
}

#[test]
fn poke_should_fail_when_the_job_is_unknown() {
	build_and_execute(|| {
		assert_noop!(Inference::poke(signed(BOB), 0), Error::<Test>::UnknownJob);
	});
}
