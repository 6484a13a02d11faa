use frame_support::{assert_ok, traits::Hooks, weights::Weight};

use crate::{mock::*, Agenda, AgendaCursor, Event, JobState, Jobs};

fn drawn() -> usize {
	Jobs::<Test>::iter_values().filter(|job| !matches!(job.state, JobState::Open { .. })).count()
}

#[test]
fn agenda_should_carry_jobs_over_when_a_block_has_no_room() {
	build_and_execute(|| {
		serving_operators(3);
		// Room for one job in each block.
		AgendaWeight::set(Weight::from_parts(2_000, u64::MAX));
		for who in [ALICE, BOB, ALICE, BOB] {
			submit(who);
		}
		for (block, expected, cursor) in [(2, 0, 3), (3, 1, 3), (4, 2, 3), (5, 3, 3), (6, 4, 7)] {
			run_to(block);
			assert_eq!((drawn(), AgendaCursor::<Test>::get()), (expected, cursor), "at block {block}");
			Inference::do_try_state().unwrap();
		}
		// Later deadlines are not lost either: nobody commits, and the draws that follow find nobody.
		for block in 7..60 {
			run_to(block);
			Inference::do_try_state().unwrap();
		}
		assert_eq!((Jobs::<Test>::iter().count(), Agenda::<Test>::iter().count()), (0, 0));
	});
}

#[test]
fn agenda_should_let_poke_go_first_when_it_is_late() {
	build_and_execute(|| {
		serving_operators(3);
		AgendaWeight::set(Weight::from_parts(2_000, u64::MAX));
		let jobs = [submit(ALICE), submit(ALICE), submit(ALICE)];
		run_to(3);
		let waiting: Vec<_> = jobs
			.into_iter()
			.filter(|job| matches!(Jobs::<Test>::get(job).unwrap().state, JobState::Open { .. }))
			.collect();
		assert_eq!(waiting.len(), 2);
		for job in waiting {
			assert_ok!(Inference::poke(signed(BOB), job));
		}
		assert_eq!(drawn(), 3);
		run_to(5);
		assert_eq!(AgendaCursor::<Test>::get(), 6);
	});
}

#[test]
fn agenda_should_stay_within_its_weight_when_much_is_due() {
	build_and_execute(|| {
		serving_operators(15);
		for who in [ALICE, BOB] {
			for _ in 0..8 {
				submit(who);
			}
		}
		for limit in [10, 11, 1_010, 1_011, 3_500] {
			let limit = Weight::from_parts(limit, u64::MAX);
			AgendaWeight::set(limit);
			let next = System::block_number() + 1;
			System::set_block_number(next);
			let used = Inference::on_initialize(next);
			assert!(used.all_lte(limit), "{used:?} of {limit:?}");
		}
		assert!(drawn() > 0);
	});
}

#[test]
fn agenda_should_catch_up_when_many_blocks_were_empty() {
	build_and_execute(|| {
		serving_operators(3);
		stop_agenda();
		let job = submit(ALICE);
		run_to(5_000);
		assert_eq!(AgendaCursor::<Test>::get(), 2);
		AgendaWeight::set(Weight::from_parts(1_100, u64::MAX));
		run_to(5_001);
		assert!(matches!(Jobs::<Test>::get(job).unwrap().state, JobState::Committing { .. }));
		assert!(matches!(last_event(), Event::JobAssigned { .. }));
		// After the job, 88 units are left, which is as many empty blocks; the next block's whole weight goes to more.
		assert_eq!(AgendaCursor::<Test>::get(), 3 + 88 + 1);
		run_to(5_002);
		assert_eq!(AgendaCursor::<Test>::get(), 92 + 1_090);
		run_to(5_010);
		assert_eq!(AgendaCursor::<Test>::get(), 5_011);
	});
}
