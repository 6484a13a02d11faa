use autonomy_primitives::{
	digest::{chain_seed, draw_number},
	job::SeedPolicy,
	Digest,
};
use frame_support::{assert_ok, pallet_prelude::Get};

use super::{free, record};
use crate::{mock::*, Config, CpuClass, Event, FailReason, JobOf, JobState, Jobs, OpenSeats, Operators, PausedClasses};

fn randomness(n: u32) -> Digest {
	let mut out = [7; 32];
	out[..4].copy_from_slice(&n.to_le_bytes());
	out
}

/// The operators that a random number would seat, and the looks that it takes.
fn picked(random: u32, id: u64, job: &JobOf<Test>) -> (Vec<u8>, u32) {
	let (picks, looks) = Inference::pick(&randomness(random), id, job, None, job.k.into());
	(picks.iter().map(|pick| number(&pick.operator)).collect(), looks)
}

/// Whether any of many draws of a job for one seat would seat an operator.
fn is_ever_drawn(id: u64, n: u8) -> bool {
	let job = JobOf::<Test> { k: 1, ..stored(id) };
	(0..200).any(|random| picked(random, id, &job).0.contains(&n))
}

#[test]
fn draw_should_seat_different_operators_in_proportion_to_slots() {
	build_and_execute(|| {
		operators(5);
		let slots = [1u32, 2, 3, 4, 6];
		for (n, slots) in (1u8..).zip(slots) {
			join(n, IMAGE, slots);
		}
		let id = submit(ALICE);
		let mut job = Jobs::<Test>::get(id).unwrap();

		job.k = 1;
		let rounds = 4_000u32;
		let mut hits = [0u32; 5];
		for n in 0..rounds {
			let (operators, looks) = picked(n, id, &job);
			assert_eq!((operators.len(), looks), (1, 1));
			hits[usize::from(operators[0]) - 1] += 1;
		}
		// Pearson's statistic with 4 degrees of freedom: above 18.47 one time in a thousand, were the draw fair.
		let statistic: f64 = hits
			.iter()
			.zip(slots)
			.map(|(hits, slots)| {
				let expected = f64::from(rounds) * f64::from(slots) / 16.0;
				let off = f64::from(*hits) - expected;
				off * off / expected
			})
			.sum();
		assert!(statistic < 18.47, "{hits:?} for slots {slots:?}: {statistic}");

		job.k = 4;
		let mut complete = 0;
		for n in 0..500 {
			let (mut operators, _) = picked(n, id, &job);
			complete += usize::from(operators.len() == 4);
			let count = operators.len();
			operators.sort();
			operators.dedup();
			assert_eq!(operators.len(), count, "an operator twice on a job");
		}
		assert!(complete > 490, "{complete} of 500 draws came together");
		assert_ok!(Inference::cancel_job(signed(ALICE), id));
	});
}

#[test]
fn draw_should_pass_over_operators_that_cannot_take_the_seat() {
	build_and_execute(|| {
		serving_operators(7);
		let id = submit(1);
		assert!((2..=7).all(|n| is_ever_drawn(id, n)));
		assert!(!is_ever_drawn(id, 1), "the requester");
		// One whose worker asked, one that is suspended, one whose processor is paused, one whose bond is at stake, one
		// whose bond does not cover its slots.
		assert_ok!(Inference::set_worker_key(signed(2), account(150)));
		Jobs::<Test>::mutate(id, |job| job.as_mut().unwrap().requester = account(150));
		assert!(is_ever_drawn(id, 1) && !is_ever_drawn(id, 2));
		Operators::<Test>::mutate(account(3), |operator| operator.as_mut().unwrap().suspended_until = Some(2));
		assert!(!is_ever_drawn(id, 3));
		System::set_block_number(2);
		assert!(is_ever_drawn(id, 3), "the suspension is over");
		PausedClasses::<Test>::insert(IMAGE, CpuClass::X86V3, 1);
		assert!(!is_ever_drawn(id, 4));
		PausedClasses::<Test>::remove(IMAGE, CpuClass::X86V3);
		for (spare, drawn) in [(EXPOSURE - 1, false), (EXPOSURE, true)] {
			Operators::<Test>::mutate(account(5), |operator| operator.as_mut().unwrap().exposed = BOND - spare);
			assert_eq!(is_ever_drawn(id, 5), drawn);
		}
		for (bond, drawn) in [(2 * SLOT_BOND - 1, false), (2 * SLOT_BOND, true)] {
			Operators::<Test>::mutate(account(6), |operator| operator.as_mut().unwrap().bond = bond);
			assert_eq!(is_ever_drawn(id, 6), drawn);
		}
		// As it was.
		for n in 3..=6 {
			Operators::<Test>::mutate(account(n), |operator| {
				let operator = operator.as_mut().unwrap();
				(operator.suspended_until, operator.exposed, operator.bond) = (None, 0, BOND);
			});
		}
		Jobs::<Test>::mutate(id, |job| job.as_mut().unwrap().requester = account(1));
	});
}

#[test]
fn draw_should_follow_the_numbers_that_anyone_can_compute() {
	build_and_execute(|| {
		serving_operators(3);
		Randomness::set(Some(randomness(5)));
		let (job, seats) = submit_and_draw(ALICE);
		let mut expected: Vec<u8> = Vec::new();
		for n in 0.. {
			let index = (draw_number(&randomness(5), job, 0, n) % 3) as u8;
			if !expected.contains(&(index + 1)) {
				expected.push(index + 1);
			}
			if expected.len() == 3 {
				break;
			}
		}
		assert_eq!(seats, expected);
		assert_eq!(Jobs::<Test>::get(job).unwrap().seed, Some(chain_seed(&randomness(5), job)));
	});
}

#[test]
fn draw_should_use_the_requesters_seed_when_there_is_one() {
	build_and_execute(|| {
		serving_operators(3);
		let seed = SeedPolicy::User([9; 32]);
		assert_ok!(Inference::submit_job(signed(ALICE), IMAGE, Box::new(image_input()), None, None, seed, 210));
		run_to(3);
		let operators = seats(0).into_iter().map(account).collect();
		assert_eq!(last_event(), Event::JobAssigned { job: 0, operators, seed: [9; 32], deadline: 25 });
	});
}

#[test]
fn draw_should_be_tried_again_and_then_refunded_when_there_is_no_randomness() {
	build_and_execute(|| {
		serving_operators(3);
		Randomness::set(None);
		let job = submit(ALICE);
		let paid = FUNDS - free(ALICE);
		for round in 1..=3u32 {
			let block = 2 + u64::from(round);
			run_to(block);
			assert_eq!(last_event(), Event::DrawPostponed { job, round, draw_at: block + 1 });
			assert_eq!(Jobs::<Test>::get(job).unwrap().state, JobState::Open { draw_at: block + 1 });
		}
		run_to(6);
		let expected =
			Event::JobFailed { job, reason: FailReason::NotEnoughOperators, paid_per_seat: 0, refunded: paid };
		assert_eq!(last_event(), expected);
		assert_eq!(free(ALICE), FUNDS);
	});
}

#[test]
fn draw_should_succeed_when_randomness_comes_back() {
	build_and_execute(|| {
		serving_operators(3);
		Randomness::set(None);
		let job = submit(ALICE);
		run_to(4);
		Randomness::set(Some([1; 32]));
		run_to(5);
		assert_eq!(Jobs::<Test>::get(job).unwrap().round, 2);
		agree(job);
		run_to(10);
		assert!(matches!(last_event(), Event::JobFinalised { .. }));
	});
}

#[test]
fn draw_should_fail_with_a_refund_when_operators_leave_before_it() {
	build_and_execute(|| {
		serving_operators(3);
		let job = submit(ALICE);
		for n in 1..=3 {
			assert_ok!(Inference::leave_model(signed(n), IMAGE));
		}
		run_to(6);
		assert!(matches!(last_event(), Event::JobFailed { reason: FailReason::NotEnoughOperators, .. }));
		assert!(!Jobs::<Test>::contains_key(job));
		assert_eq!(free(ALICE), FUNDS);
	});
}

#[test]
fn draw_should_skip_operators_when_their_hands_are_full() {
	build_and_execute(|| {
		serving_operators(4);
		let most: u32 = <Test as Config>::MaxOpenSeats::get();
		// Twelve seats for four operators with four each: the sixth job of three seats cannot be staffed.
		for _ in 0..7 {
			submit(ALICE);
		}
		run_to(3);
		for n in 1..=4 {
			assert!(OpenSeats::<Test>::get(account(n)).len() <= most as usize);
		}
		run_to(6);
		Inference::do_try_state().unwrap();
		let assigned = events().iter().filter(|event| matches!(event, Event::JobAssigned { .. })).count();
		let failed = events().iter().filter(|event| matches!(event, Event::JobFailed { .. })).count();
		assert!(assigned >= 4, "{assigned}");
		assert_eq!(assigned + failed, 7);
		assert!(failed >= 2, "sixteen seats cannot serve six jobs");
		assert_eq!(record(1), (0, 0), "a job that is not staffed is nobody's miss");
	});
}
