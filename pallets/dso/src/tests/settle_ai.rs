use autonomy_governance::{Bounds, Perbill, Phase, Side, WHOLE};
use autonomy_primitives::community::Class;
use frame_support::{assert_noop, assert_ok};

use super::with_members;
use crate::{
	mock::*, templates::default_template, Action, AiSeats, Capacity, ChildPolls, ControllerCasts, Decision, Decisions,
	Doable, Error, Event, Field, KindTag, Pending, PendingCharters, ProposalId, Unsettled,
};

/// A wish with the AIs that [`seat_ais`] has seated, in the second phase.
fn wish() -> ProposalId {
	set_phase(Phase::Two);
	let id = propose(BOB, X, Action::Signal);
	open(id);
	id
}

#[test]
fn settle_ai_should_count_decision_and_members() {
	build_and_execute(|| {
		fan(CAROL, ADA);
		seat_ais(&[1, 2, 3, 4, 5, 6], 100);
		let id = wish();
		let job = ask(id, ADA);
		assert_ok!(Dso::vote_child(signed(CAROL), id, of(ADA), Capacity::Member(Class::Fan), Side::Nay));
		assert_noop!(Dso::settle_ai(signed(DAVE), id, vec![of(ADA)].try_into().unwrap()), Error::<Test>::NotSettling);
		cut_off(id);
		// The job is under way.
		assert_noop!(
			Dso::settle_ai(signed(DAVE), id, vec![of(ADA)].try_into().unwrap()),
			Error::<Test>::NothingToSettle
		);
		answer(job, Some(100));
		settle(id, &[ADA]);
		let settlement = ChildPolls::<Test>::get(id, of(ADA)).unwrap().settled.unwrap();
		// All of the only class that has members, a fifth of whose floor has voted: m = −1. s = 0.4 · 1 − 0.6 · 1.
		assert_eq!(settlement.members, percent(-100));
		assert_eq!(settlement.preference, percent(-20));
		assert_eq!((settlement.decision, settlement.weight), (percent(100), 100));
		let ai = proposal(id).ai;
		assert_eq!((ai.nays, ai.abstentions, ai.total), (20 * u128::from(WHOLE), 80 * u128::from(WHOLE), 600));
		assert!(events().contains(&Event::AiSettled { proposal: id, child: of(ADA), settlement }));
		assert!(!Unsettled::<Test>::contains_key(id, of(ADA)));
		assert_noop!(
			Dso::settle_ai(signed(DAVE), id, vec![of(ADA)].try_into().unwrap()),
			Error::<Test>::NothingToSettle
		);
	});
}

#[test]
fn failed_decision_should_count_as_neither() {
	build_and_execute(|| {
		seat_ais(&[1, 2, 3, 4, 5], 100);
		let id = wish();
		let job = ask(id, ADA);
		answer(job, None);
		cut_off(id);
		settle(id, &[ADA]);
		let ai = proposal(id).ai;
		assert_eq!((ai.ayes, ai.nays, ai.abstentions), (0, 0, 100 * u128::from(WHOLE)));
	});
}

#[test]
fn late_decision_should_keep_nobody_from_being_counted() {
	build_and_execute(|| {
		fan(CAROL, ADA);
		seat_ais(&[1, 2, 3, 4, 5], 100);
		let id = wish();
		let job = ask(id, ADA);
		assert_ok!(Dso::vote_child(signed(CAROL), id, of(ADA), Capacity::Member(Class::Fan), Side::Aye));
		let last_answer = u64::from(proposal(id).voting.last_answer());
		go_to(last_answer - 1);
		idle();
		assert!(Unsettled::<Test>::contains_key(id, of(ADA)));
		assert!(!Dso::doable(id, account(DAVE)).contains(&Doable::SettleAi));
		go_to(last_answer);
		assert!(Dso::doable(id, account(DAVE)).contains(&Doable::SettleAi));
		settle(id, &[ADA]);
		let settlement = ChildPolls::<Test>::get(id, of(ADA)).unwrap().settled.unwrap();
		assert_eq!((settlement.decision, settlement.preference), (percent(0), percent(60)));
		// What comes later is recorded and changes nothing.
		let before = proposal(id).ai;
		answer(job, Some(-100));
		assert_eq!(Decisions::<Test>::get(id, of(ADA)), Some(Decision::Given(percent(-100))));
		let again = Dso::settle_ai(signed(DAVE), id, vec![of(ADA)].try_into().unwrap());
		assert_eq!(again, Err(Error::<Test>::NothingToSettle.into()));
		assert_eq!(proposal(id).ai, before);
	});
}

#[test]
fn terms_of_a_community_below_should_be_those_of_the_snapshot() {
	build_and_execute(|| {
		fan(CAROL, ADA);
		seat_ais(&[1, 2, 3, 4, 5], 100);
		let id = wish();
		// From today on the AI itself would say more, within other bounds.
		let values = vec![(Field::AiOwnShare, 5_000)].try_into().unwrap();
		PendingCharters::<Test>::insert(of(ADA), Pending { effective: Bonds::today(), values });
		let mut template = default_template(KindTag::Character);
		template.bounds[Field::Participation as usize] = Bounds::new(5_000, 5_000, 5_000);
		assert_ok!(Dso::set_template(RuntimeOrigin::root(), KindTag::Character, Box::new(template)));
		let charter = Dso::charter(of(ADA)).unwrap();
		assert_eq!((charter.get(Field::AiOwnShare), charter.get(Field::Participation)), (5_000, 5_000));
		assert_ok!(Dso::vote_child(signed(CAROL), id, of(ADA), Capacity::Member(Class::Fan), Side::Aye));
		let poll = ChildPolls::<Test>::get(id, of(ADA)).unwrap();
		assert_eq!((poll.own_share, poll.participation), (Perbill::from_percent(40), Perbill::from_percent(20)));
	});
}

#[test]
fn controller_should_vote_with_a_fifth_of_the_house_at_most() {
	build_and_execute(|| {
		// All are Alice's.
		seat_ais(&[1, 2, 3, 4], 100);
		let id = wish();
		let jobs: Vec<_> = (1..=4).map(|character| ask(id, character)).collect();
		for job in jobs {
			answer(job, Some(100));
		}
		cut_off(id);
		settle(id, &[1, 2, 3, 4]);
		// Of each weight its own decision counts 0.4.
		assert_eq!(proposal(id).ai.ayes, 32 * u128::from(WHOLE));
		assert_eq!(ControllerCasts::<Test>::get(id, account(ALICE)), 80);
	});
}

#[test]
fn seat_that_was_not_refreshed_should_weigh_nothing() {
	build_and_execute(|| {
		seat_ais(&[ADA], 100);
		// Period 4: the seat was refreshed in period 2.
		go_to_day(121);
		let id = wish();
		let job = ask(id, ADA);
		answer(job, Some(100));
		cut_off(id);
		settle(id, &[ADA]);
		assert_eq!((proposal(id).ai.ayes, proposal(id).ai.total), (0, 100));
	});
}

#[test]
fn pooled_member_should_have_no_voice_of_its_own() {
	build_and_execute(|| {
		seat_ais(&[1, 2, 3, 4, 5], 100);
		// Nobody has taken its seat away yet.
		Collectives::mutate(|all| all.insert(0, (true, vec![1, 2])));
		let id = wish();
		let job = ask(id, ADA);
		answer(job, Some(100));
		cut_off(id);
		settle(id, &[ADA]);
		assert_eq!(proposal(id).ai.ayes, 0);
	});
}

#[test]
fn later_refreshes_should_not_take_a_live_proposal_its_ais() {
	build_and_execute(|| {
		seat_ais(&[1, 2, 3, 4, 5], 100);
		go_to_day(88);
		set_phase(Phase::Four);
		let id = propose(BOB, X, motion(false, &template_call()));
		open(id);
		let job = ask(id, ADA);
		answer(job, Some(100));
		go_to_day(90);
		assert_ok!(Dso::refresh_seat(signed(DAVE), of(ADA)));
		assert_eq!(AiSeats::<Test>::get(of(ADA)).unwrap().weight, 0);
		cut_off(id);
		settle(id, &[ADA]);
		assert_eq!(proposal(id).ai.ayes, 40 * u128::from(WHOLE));
	});
}

#[test]
fn own_ai_should_vote_in_its_community_when_the_charter_seats_it() {
	build_and_execute(|| {
		let community = with_members();
		crate::Charters::<Test>::mutate(community, |chosen| chosen.try_insert(Field::OwnAi, 2_000).unwrap());
		// Before the second phase it only advises.
		let id = propose(ALICE, community, Action::Signal);
		assert_eq!((proposal(id).own_ai, proposal(id).ai.total), (false, 0));
		set_phase(Phase::Two);
		let id = propose(BOB, community, Action::Signal);
		assert_eq!((proposal(id).own_ai, proposal(id).ai.total), (true, 100));
		open(id);
		let job = ask(id, ADA);
		answer(job, Some(50));
		cut_off(id);
		settle(id, &[ADA]);
		assert_eq!(proposal(id).ai.ayes, 50 * u128::from(WHOLE));
		// Never about money.
		let id = propose(CAROL, community, Action::Spend { asset: None, to: account(DAVE), amount: 1 });
		assert!(!proposal(id).own_ai);
	});
}

#[test]
fn idle_block_should_settle_ais() {
	build_and_execute(|| {
		seat_ais(&[1, 2, 3, 4, 5], 100);
		let id = wish();
		let jobs: Vec<_> = [1, 2, 3].map(|character| ask(id, character)).to_vec();
		answer(jobs[0], Some(100));
		answer(jobs[1], Some(100));
		cut_off(id);
		idle();
		assert_eq!(Unsettled::<Test>::iter().count(), 1, "one decision is on its way");
		answer(jobs[2], Some(100));
		idle();
		idle();
		assert_eq!(Unsettled::<Test>::iter().count(), 0);
		assert_eq!(proposal(id).ai.ayes, 40 * u128::from(WHOLE), "a fifth of the house is Alice's");
	});
}
