//! Faults that other protocols of this kind had, each a test that would have found it.

use autonomy_primitives::Digest;
use frame_support::assert_ok;
use sp_runtime::Permill;

use super::{failure, free, is_final, lost, record};
use crate::{mock::*, Audit, Event, FailReason, JobState, Jobs, Provenance};

fn random(n: u32) -> Digest {
	sp_io::hashing::blake2_256(&n.to_le_bytes())
}

/// How many of `draws` draws audit a job with this probability.
fn audits(probability: Permill, draws: u32) -> u32 {
	let mut count = 0;
	build_and_execute(|| {
		serving_operators(5);
		// A job that is not audited has no draw at all.
		TestTiers::mutate(|tiers| tiers.image.audit = Permill::from_parts(1));
		let (job, _) = submit_and_draw(ALICE);
		agree(job);
		let agreed = stored(job);
		for n in 0..draws {
			frame_support::storage::with_transaction(|| {
				Randomness::set(Some(random(n)));
				Jobs::<Test>::mutate(job, |job| job.as_mut().unwrap().audit_probability = probability);
				run_to(5);
				count += u32::from(is_waiting_for_audit(job));
				System::set_block_number(3);
				sp_runtime::TransactionOutcome::Rollback(Ok::<_, sp_runtime::DispatchError>(()))
			})
			.unwrap();
		}
		assert_eq!(stored(job), agreed);
	});
	count
}

#[test]
fn sampling_should_not_be_inverted() {
	assert_eq!(audits(Permill::zero(), 50), 0);
	assert_eq!(audits(Permill::one(), 50), 50);
	// 200 are expected; four standard deviations of 12.6 are 51.
	let drawn = audits(Permill::from_percent(20), 1_000);
	assert!((149..=251).contains(&drawn), "{drawn} of 1000");
}

#[test]
fn job_without_audits_should_have_none() {
	build_and_execute(|| {
		serving_operators(5);
		let (job, _) = submit_and_draw(ALICE);
		agree(job);
		assert_eq!(stored(job).state, JobState::Agreed { final_at: 8, audit: Audit::Closed });
	});
}

#[test]
fn retries_should_be_counted_and_end() {
	build_and_execute(|| {
		serving_operators(3);
		Randomness::set(None);
		let job = submit(ALICE);
		for tries in 0..=3 {
			assert_eq!(stored(job).tries, tries);
			run_on(job);
		}
		assert_eq!(failure(job), Some(FailReason::NotEnoughOperators));
	});
}

#[test]
fn redraws_should_be_counted_and_end() {
	build_and_execute(|| {
		serving_operators(40);
		let (job, _) = submit_and_draw(ALICE);
		let mut steps = 0;
		while Jobs::<Test>::contains_key(job) {
			assert!(stored(job).redraws <= 3);
			run_on(job);
			steps += 1;
		}
		assert_eq!((steps, failure(job)), (7, Some(FailReason::Expired)), "four committees and three draws");
	});
}

#[test]
fn redraw_should_never_pick_who_is_seated_or_was_turned_away() {
	for n in 0..40 {
		build_and_execute(|| {
			// So few that a draw which does not look would pick one of them again.
			serving_operators(7);
			Randomness::set(Some(random(n)));
			let (job, drawn) = submit_and_draw(ALICE);
			assert_ok!(commit(job, drawn[0], outcome(1)));
			assert_ok!(Inference::decline(signed(worker(drawn[1])), job));
			let mut gone = vec![drawn[1]];
			for _ in 0..3 {
				if Jobs::<Test>::get(job).is_none() {
					break;
				}
				run_on(job);
				let Some(now) = Jobs::<Test>::get(job) else { break };
				let mut seats: Vec<_> = now.seats.iter().map(|seat| number(&seat.operator)).collect();
				assert!(seats.iter().all(|n| !gone.contains(n)), "{seats:?} after {gone:?}");
				assert!(seats.contains(&drawn[0]));
				gone = (1..=7).filter(|n| now.excluded.contains(&account(*n))).collect();
				let count = seats.len();
				seats.sort();
				seats.dedup();
				assert_eq!(seats.len(), count);
			}
		});
	}
}

#[test]
fn phantom_votes_should_not_be_paid() {
	build_and_execute(|| {
		serving_operators(12);
		let (job, seats) = submit_and_draw(ALICE);
		commit_all(job);
		// A seat that committed and said nothing, jurors that were drawn and said nothing.
		for n in &seats[..2] {
			assert_ok!(reveal(job, *n, outcome(1)));
		}
		run_on(job);
		assert_ok!(challenge(job, 2));
		run_on(job);
		let panel = jurors(job);
		let said: Vec<_> = panel[..4].iter().map(|n| (*n, outcome(1))).collect();
		for (n, outcome) in &said {
			assert_ok!(commit(job, *n, *outcome));
		}
		run_on(job);
		for (n, outcome) in &said {
			assert_ok!(reveal(job, *n, *outcome));
		}
		run_on(job);
		assert!(is_final(job));
		assert_eq!(Provenance::<Test>::get(job).unwrap().k, 6, "two seats and four jurors");
		assert_eq!(free(seats[0]), FUNDS - BOND + SEAT_PAY);
		assert!(panel[..4].iter().all(|n| free(*n) == FUNDS - BOND + CHALLENGE_BOND / 4));
		for n in panel[4..].iter().chain([&seats[2]]) {
			assert_eq!((free(*n), record(*n)), (FUNDS - BOND, (0, 1)));
			assert!(lost(*n) > 0);
		}
		assert_eq!(free(ALICE), FUNDS - 2 * SEAT_FEE, "the third seat's fee is back");
	});
}

#[test]
fn redundant_answers_should_be_compared() {
	for k in [2u8, 3, 5] {
		for different in 0..usize::from(k) {
			build_and_execute(|| {
				serving_operators(5);
				let job = submit_with(ALICE, Some(k), None);
				run_on(job);
				let found = |index| outcome(if index == different { 2 } else { 1 });
				let found: Vec<_> = seats(job).into_iter().enumerate().map(|(index, n)| (n, found(index))).collect();
				play(job, &found);
				assert!(is_in_dispute(job), "seat {different} of {k}");
			});
		}
	}
}

#[test]
fn fee_should_not_change_after_submission() {
	build_and_execute(|| {
		serving_operators(3);
		let job = submit(ALICE);
		for price in [1, 1_000] {
			set_price(IMAGE, price);
			assert_eq!((stored(job).seat_fee, stored(job).exposure), (SEAT_FEE, EXPOSURE));
		}
		run_on(job);
		agree(job);
		run_out(job);
		assert!(matches!(last_event(), Event::JobFinalised { paid_per_seat: SEAT_PAY, .. }));
		assert_eq!(free(ALICE), FUNDS - 3 * SEAT_FEE);
	});
}
