use autonomy_governance::period_of;
use frame_support::{
	assert_noop, assert_ok,
	traits::{fungible::Inspect, LockableCurrency, WithdrawReasons},
};

use crate::{mock::*, Action, BallotJobs, Decision, Decisions, Error, Event, Shadow, ShadowVotes};

#[test]
fn request_decision_should_order_a_job_that_the_ai_pays() {
	build_and_execute(|| {
		seat_ais(&[ADA], 100);
		let id = propose(BOB, X, Action::Spend { asset: None, to: account(DAVE), amount: 5 });
		open(id);
		let job = ask(id, ADA);
		assert_eq!(Decisions::<Test>::get(id, of(ADA)), Some(Decision::Ordered(job)));
		assert_eq!(last_event(), Event::DecisionRequested { proposal: id, child: of(ADA), job });
		let order = Orders::get().pop().unwrap();
		assert_eq!((order.payer, order.controller), (treasury(of(ADA)), Some(account(ALICE))));
		assert_eq!((order.mind.character, order.prose), (ADA, prose("please")));
		let prompt = String::from_utf8(order.question.into_inner()).unwrap();
		assert!(prompt.contains("5 planck are paid to 0x0404"), "{prompt}");
		assert!(!prompt.contains("please"), "the proposer's words are apart");
		assert_noop!(Dso::request_decision(signed(DAVE), id, of(ADA)), Error::<Test>::AskedBefore);
	});
}

#[test]
fn request_decision_should_fail_for_strangers_and_out_of_time() {
	build_and_execute(|| {
		seat_ais(&[ADA], 100);
		let id = propose(BOB, X, Action::Signal);
		let ask = |child| Dso::request_decision(signed(DAVE), id, child);
		assert_noop!(ask(of(ADA)), Error::<Test>::VotingClosed);
		open(id);
		assert_noop!(ask(of(2)), Error::<Test>::NotBelow);
		assert_noop!(ask(X), Error::<Test>::NoAi);
		cut_off(id);
		assert_noop!(ask(of(ADA)), Error::<Test>::VotingClosed);
	});
}

#[test]
fn persona_should_be_a_week_old_at_the_snapshot() {
	build_and_execute(|| {
		seat_ais(&[1, 2], 100);
		let id = propose(BOB, X, Action::Signal);
		let snap = proposal(id).snap;
		let block = |day: u32| day * DAY as u32;
		ChangedAt::mutate(|changed| {
			changed.insert(1, block(snap - 6));
			changed.insert(2, block(snap - 7));
		});
		open(id);
		assert_noop!(Dso::request_decision(signed(DAVE), id, of(1)), Error::<Test>::PersonaTooNew);
		assert_ok!(Dso::request_decision(signed(DAVE), id, of(2)));
	});
}

#[test]
fn on_ballot_should_record_a_decision_once() {
	build_and_execute(|| {
		seat_ais(&[1, 2], 100);
		let id = propose(BOB, X, Action::Signal);
		open(id);
		let (one, two) = (ask(id, 1), ask(id, 2));
		answer(one, Some(-60));
		answer(two, None);
		assert_eq!(Decisions::<Test>::get(id, of(1)), Some(Decision::Given(percent(-60))));
		assert_eq!(Decisions::<Test>::get(id, of(2)), Some(Decision::Failed));
		// Told again, or of a job that nobody ordered.
		answer(one, Some(100));
		answer(99, Some(100));
		assert_eq!(Decisions::<Test>::get(id, of(1)), Some(Decision::Given(percent(-60))));
		assert_eq!(BallotJobs::<Test>::iter().count(), 0);
		let (since, period) = (Some(Bonds::today()), period_of(Bonds::today()));
		assert_eq!(ShadowVotes::<Test>::get(), Shadow { since, period, asked: 2, given: 1, ..Shadow::default() });
	});
}

#[test]
fn decision_should_never_be_more_than_whole() {
	build_and_execute(|| {
		seat_ais(&[ADA], 100);
		let id = propose(BOB, X, Action::Signal);
		open(id);
		let job = ask(id, ADA);
		answer(job, Some(i8::MIN));
		assert_eq!(Decisions::<Test>::get(id, of(ADA)), Some(Decision::Given(percent(-100))));
	});
}

#[test]
fn treasury_should_pay_a_part_for_decisions_in_seven_days() {
	build_and_execute(|| {
		bond(20, X, 1_000);
		seat_ais(&[ADA], 100);
		endow(of(ADA), 10_000 + ED);
		// A quarter is 2,500.
		BallotFee::set(1_000);
		let ids = [ALICE, BOB, CAROL].map(|who| propose(who, X, Action::Signal));
		open(ids[2]);
		for id in &ids[..2] {
			ask(*id, ADA);
		}
		let request = || Dso::request_decision(signed(DAVE), ids[2], of(ADA));
		assert_noop!(request(), Error::<Test>::DecisionLimitReached);
		assert_eq!(Balances::balance(&treasury(of(ADA))), 8_000 + ED);
		// The oldest is forgotten after seven days.
		BallotFee::set(500);
		assert_ok!(request());
		go_on(7);
		BallotFee::set(1_875);
		let id = propose(20, X, Action::Signal);
		open(id);
		ask(id, ADA);
	});
}

#[test]
fn locks_of_referenda_should_not_hide_what_decisions_cost() {
	build_and_execute(|| {
		seat_ais(&[ADA], 100);
		endow(of(ADA), 10_000 + ED);
		// What is on hold is part of what is locked: what can be spent stays 4,000 and `ED`, of which a quarter is the limit.
		let reasons = WithdrawReasons::except(WithdrawReasons::RESERVE);
		<Balances as LockableCurrency<_>>::set_lock(*b"democrac", &treasury(of(ADA)), 6_000, reasons);
		BallotFee::set(1_000);
		BallotIsHeld::set(true);
		let ids = [ALICE, BOB, CAROL].map(|who| propose(who, X, Action::Signal));
		open(ids[2]);
		ask(ids[0], ADA);
		for id in &ids[1..] {
			let request = || Dso::request_decision(signed(DAVE), *id, of(ADA));
			assert_noop!(request(), Error::<Test>::DecisionLimitReached);
		}
	});
}

#[test]
fn decision_that_nobody_can_pay_should_not_be_asked_for() {
	build_and_execute(|| {
		seat_ais(&[ADA], 100);
		BallotFee::set(1_000);
		let id = propose(BOB, X, Action::Signal);
		open(id);
		assert!(Dso::request_decision(signed(DAVE), id, of(ADA)).is_err());
		assert_eq!((Decisions::<Test>::iter().count(), Orders::get().len()), (0, 0));
	});
}
