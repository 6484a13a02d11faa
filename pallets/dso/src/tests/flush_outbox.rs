use autonomy_governance::{Phase, Track};
use frame_support::{assert_noop, assert_ok, traits::QueryPreimage};

use crate::{mock::*, origins::Origin, Error, Event, Outbox, Scope, TrackTerms};

/// Some calls that are different from each other.
fn call(n: u32) -> RuntimeCall {
	let terms = TrackTerms { approval: 5_000, support: 100, voting_days: n, lock_days: 0 };
	RuntimeCall::Dso(crate::Call::set_track { track: Track::Wish, terms: Some(terms) })
}

fn queue(who: u8, n: u32, dual: bool) -> sp_core::H256 {
	execute(pass(who, motion(dual, &call(n))));
	note(&call(n)).0
}

#[test]
fn flush_outbox_should_hand_motions_over_one_by_one() {
	build_and_execute(|| {
		assert_noop!(Dso::flush_outbox(signed(DAVE)), Error::<Test>::OutboxEmpty);
		let (one, two) = (queue(ALICE, 5, false), queue(ALICE, 6, true));
		assert_ok!(Dso::flush_outbox(signed(DAVE)));
		assert!(matches!(last_event(), Event::MotionSubmitted { hash, .. } if hash == one));
		assert_noop!(Dso::flush_outbox(signed(DAVE)), Error::<Test>::GateBusy);
		Tabled::set(None);
		assert_ok!(Dso::flush_outbox(signed(DAVE)));
		assert_eq!(Submitted::get(), [(Origin::Constitution, one), (Origin::ConstitutionDual, two)]);
		assert!(!<Preimage as QueryPreimage>::is_requested(&one));
	});
}

#[test]
fn motion_that_is_refused_should_not_block_the_others() {
	build_and_execute(|| {
		let (one, two) = (queue(ALICE, 5, false), queue(ALICE, 6, false));
		Blacklist::mutate(|list| list.insert(one));
		assert_ok!(Dso::flush_outbox(signed(DAVE)));
		assert_eq!(Submitted::get(), [(Origin::Constitution, two)]);
		Tabled::set(None);
		assert_noop!(Dso::flush_outbox(signed(DAVE)), Error::<Test>::GateRefuses);
		let id = Outbox::<Test>::get()[0].proposal;
		assert_noop!(Dso::drop_motion(signed(DAVE), id), Error::<Test>::MotionRuns);
		go_on(180);
		assert_ok!(Dso::drop_motion(signed(DAVE), id));
		assert_noop!(Dso::drop_motion(signed(DAVE), id), Error::<Test>::NoMotion);
	});
}

#[test]
fn pause_should_stop_motions() {
	build_and_execute(|| {
		queue(ALICE, 5, false);
		assert_ok!(Dso::pause(signed(GUARD), Scope::All, [1; 32]));
		assert_noop!(Dso::flush_outbox(signed(DAVE)), Error::<Test>::Paused);
	});
}

#[test]
fn idle_block_should_hand_a_motion_over() {
	build_and_execute(|| {
		queue(ALICE, 5, false);
		idle();
		assert_eq!((Submitted::get().len(), Outbox::<Test>::get().len()), (1, 0));
	});
}

#[test]
fn dual_motion_should_need_both_houses_by_two_thirds() {
	build_and_execute(|| {
		seat_ais(&[2, 3, 4, 5, 6], 100);
		set_phase(Phase::Three);
		let id = propose(ALICE, X, motion(true, &call(5)));
		assert_eq!(proposal(id).question.ai_house, Some(autonomy_governance::Perbill::from_percent(66)));
		all_for(id);
		let job = ask(id, 2);
		answer(job, Some(-100));
		cut_off(id);
		settle(id, &[2]);
		close(id);
		assert_eq!(outcome(id), Some(crate::Outcome::Rejected));
	});
}

#[test]
fn guard_should_stop_a_motion_that_waits() {
	build_and_execute(|| {
		let (one, two) = (queue(ALICE, 5, false), queue(ALICE, 6, false));
		let id = Outbox::<Test>::get()[0].proposal;
		assert_noop!(Dso::cancel(signed(ALICE), id, [1; 32], false), sp_runtime::DispatchError::BadOrigin);
		// Even once nothing else is left of the proposal.
		go_on(61);
		assert_ok!(Dso::reap(signed(DAVE), id, 100));
		assert_ok!(Dso::cancel(signed(GUARD), id, [1; 32], false));
		assert!(events().contains(&Event::MotionDropped { proposal: id, hash: one }));
		assert_eq!(last_event(), Event::Cancelled { proposal: id, reason: [1; 32], is_spam: false });
		assert!(!<Preimage as QueryPreimage>::is_requested(&one));
		assert_ok!(Dso::flush_outbox(signed(DAVE)));
		assert_eq!(Submitted::get(), [(Origin::Constitution, two)]);
		assert_noop!(Dso::cancel(signed(GUARD), id, [1; 32], false), Error::<Test>::UnknownProposal);
	});
}
