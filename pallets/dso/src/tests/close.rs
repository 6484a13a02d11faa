use autonomy_governance::{Failure, Phase, Side};
use autonomy_primitives::community::Class;
use frame_support::{assert_noop, assert_ok};

use super::{all_ais, all_below, spread_ais, with_members};
use crate::{
	mock::*, Action, ActiveKeys, CharacterAction, Error, Event, Outcome, ProposalId, SecondVotes, Split, Stage, Status,
};

#[test]
fn close_should_approve_and_return_the_deposit() {
	build_and_execute(|| {
		let before = Balances::free_balance(account(ALICE));
		let id = propose(ALICE, X, Action::Signal);
		all_for(id);
		assert_noop!(Dso::close(signed(DAVE), id), Error::<Test>::NotDue);
		finish(id);
		assert_ok!(Dso::close(signed(DAVE), id));
		let now = System::block_number() as u32;
		assert_eq!(proposal(id).status, Status::Approved { from: now, expires: now + 14 * DAY as u32 });
		assert_eq!(Balances::free_balance(account(ALICE)), before);
		assert_noop!(Dso::close(signed(DAVE), id), Error::<Test>::NotDue);
	});
}

#[test]
fn close_should_reject_and_burn_the_deposit_of_what_nobody_supports() {
	build_and_execute(|| {
		let before = Balances::total_issuance();
		let id = propose(ALICE, X, Action::Signal);
		open(id);
		vote(BOB, id, Class::Token, Side::Nay);
		close(id);
		assert_eq!(outcome(id), Some(Outcome::Rejected));
		assert_eq!(Balances::total_issuance(), before - PROPOSAL_DEPOSIT);
		assert!(events().contains(&Event::Rejected { proposal: id, failure: Failure::Support }));
	});
}

#[test]
fn neither_nays_nor_abstentions_should_help_to_reach_the_quorum() {
	build_and_execute(|| {
		bond(EVE, X, 30_000);
		go_on(1);
		let id = propose(ALICE, X, Action::Signal);
		open(id);
		// Less than one per cent of all power.
		vote(EVE, id, Class::Token, Side::Aye);
		vote(BOB, id, Class::Token, Side::Abstain);
		close(id);
		assert!(events().contains(&Event::Rejected { proposal: id, failure: Failure::Support }));
	});
}

#[test]
fn class_that_loses_should_have_to_consent() {
	build_and_execute(|| {
		let community = with_members();
		let before = Split { owner: 400_000, investors: 200_000, treasury: 200_000, fans: 100_000 };
		Splits::mutate(|splits| splits.insert(ADA, before));
		let less = Split { investors: 100_000, treasury: 300_000, ..before };
		let split = || Action::Character(CharacterAction::SetSplit(less));
		let id = propose(ALICE, community, split());
		all_below(id);
		vote(BOB, id, Class::Investor, Side::Nay);
		close(id);
		assert!(events().contains(&Event::Rejected { proposal: id, failure: Failure::Consent }));
		let id = propose(ALICE, community, split());
		all_below(id);
		close(id);
		execute(id);
		assert_eq!(Done::get().len(), 1);
	});
}

#[test]
fn class_that_has_come_to_lose_should_have_to_consent() {
	build_and_execute(|| {
		let community = with_members();
		let before = Split { owner: 400_000, investors: 200_000, treasury: 200_000, fans: 100_000 };
		Splits::mutate(|splits| splits.insert(ADA, before));
		// Nobody loses by what is so already, and nobody's consent is needed.
		let id = propose(ALICE, community, Action::Character(CharacterAction::SetSplit(before)));
		all_below(id);
		vote(BOB, id, Class::Investor, Side::Nay);
		close(id);
		unlock(id);
		// In the meantime investors get more.
		let more = Split { investors: 300_000, treasury: 100_000, ..before };
		Splits::mutate(|splits| splits.insert(ADA, more));
		assert_noop!(Dso::execute(signed(DAVE), id, ENOUGH), Error::<Test>::ConsentMissing);
		assert_eq!(Done::get().len(), 0);
		Splits::mutate(|splits| splits.insert(ADA, before));
		execute(id);
		assert_eq!(Done::get().len(), 1);
	});
}

#[test]
fn critical_action_should_need_two_classes() {
	build_and_execute(|| {
		let community = with_members();
		let id = propose(ALICE, community, super::charter(&[(crate::Field::VotingDays, 6)]));
		open(id);
		vote_as_holder(ALICE, id, ADA, Side::Aye);
		close(id);
		assert!(events().contains(&Event::Rejected { proposal: id, failure: Failure::Concurrence }));
	});
}

#[test]
fn newer_approval_should_supersede_an_older_one_of_the_same_kind() {
	build_and_execute(|| {
		let community = with_members();
		let persona = |byte| Action::Character(CharacterAction::SetPersona { persona: [byte; 36] });
		let older = propose(ALICE, community, persona(1));
		let newer = propose(BOB, community, persona(2));
		all_below(older);
		all_below(newer);
		close(older);
		close(newer);
		assert_eq!((outcome(older), outcome(newer)), (Some(Outcome::Superseded), None));
		assert_noop!(Dso::execute(signed(DAVE), older, ENOUGH), Error::<Test>::NotApproved);
		execute(newer);
		assert_eq!(ActiveKeys::<Test>::iter_values().collect::<Vec<_>>(), [newer]);
	});
}

#[test]
fn older_proposal_should_not_be_approved_after_a_newer_one() {
	build_and_execute(|| {
		let community = with_members();
		let persona = |byte| Action::Character(CharacterAction::SetPersona { persona: [byte; 36] });
		let older = propose(ALICE, community, persona(1));
		let newer = propose(BOB, community, persona(2));
		all_below(older);
		all_below(newer);
		close(newer);
		assert_ok!(Dso::close(signed(DAVE), older));
		assert_eq!((outcome(older), outcome(newer)), (Some(Outcome::Superseded), None));
	});
}

#[test]
fn older_proposal_should_not_be_approved_when_a_newer_one_is_forgotten() {
	build_and_execute(|| {
		let grant = |points| Action::GrantBadge { who: account(DAVE), points };
		let older = propose(ALICE, X, grant(1));
		let newer = propose(BOB, X, grant(2));
		all_for(older);
		all_for(newer);
		close(newer);
		execute(newer);
		go_on(60);
		assert_ok!(Dso::reap(signed(EVE), newer, 100));
		assert_eq!(ActiveKeys::<Test>::iter().count(), 0);
		assert_ok!(Dso::close(signed(EVE), older));
		assert_eq!(outcome(older), Some(Outcome::Expired));
	});
}

#[test]
fn close_should_end_what_nobody_executed() {
	build_and_execute(|| {
		let id = pass(ALICE, Action::Signal);
		go_on(15);
		assert_noop!(Dso::execute(signed(DAVE), id, ENOUGH), Error::<Test>::ExecutionExpired);
		assert_ok!(Dso::close(signed(DAVE), id));
		assert_eq!(outcome(id), Some(Outcome::Expired));
	});
}

/// AIs that turn a wish which people refuse into one that passes.
fn flipped_by_ais() -> ProposalId {
	spread_ais();
	set_phase(Phase::Two);
	bond(EVE, X, 200_000);
	go_on(1);
	let id = propose(ALICE, X, Action::Signal);
	open(id);
	vote(ALICE, id, Class::Token, Side::Aye);
	vote(BOB, id, Class::Token, Side::Nay);
	vote(EVE, id, Class::Token, Side::Nay);
	all_ais(id, 100);
	id
}

#[test]
fn ais_that_turn_the_result_should_be_followed_by_an_objection() {
	build_and_execute(|| {
		let id = flipped_by_ais();
		close(id);
		let until = System::block_number() as u32 + DAY as u32;
		assert_eq!(proposal(id).status, Status::Objection { until });
		assert_eq!(last_event(), Event::ObjectionOpened { proposal: id, until });
		let vote = |who, side| Dso::vote(signed(who), id, crate::Capacity::Member(Class::Token), side);
		assert_noop!(vote(CAROL, Side::Aye), Error::<Test>::NaysOnly);
		assert_noop!(Dso::close(signed(DAVE), id), Error::<Test>::NotDue);
		assert_ok!(vote(CAROL, Side::Nay));
		go_to(until.into());
		assert_ok!(Dso::close(signed(DAVE), id));
		assert_eq!(outcome(id), Some(Outcome::Rejected));
	});
}

#[test]
fn proposal_should_pass_when_nobody_objects() {
	build_and_execute(|| {
		let id = flipped_by_ais();
		close(id);
		go_on(2);
		assert_eq!(Dso::proposal(id).unwrap().stage, Stage::Counting);
		assert_ok!(Dso::close(signed(DAVE), id));
		assert!(matches!(proposal(id).status, Status::Approved { .. }));
	});
}

/// A motion that people want and AIs do not, in the third phase.
fn refused_by_ais() -> ProposalId {
	let id = propose(ALICE, X, motion(false, &template_call()));
	all_for(id);
	let job = ask(id, 2);
	answer(job, Some(-100));
	cut_off(id);
	settle(id, &[2]);
	close(id);
	id
}

#[test]
fn people_should_decide_on_the_constitution_alone_in_a_second_vote() {
	build_and_execute(|| {
		seat_ais(&[2, 3, 4, 5, 6], 100);
		set_phase(Phase::Three);
		let id = refused_by_ais();
		assert_eq!(outcome(id), Some(Outcome::Rejected));
		assert!(events().contains(&Event::Rejected { proposal: id, failure: Failure::AiHouse }));
		assert_eq!(SecondVotes::<Test>::iter_values().collect::<Vec<_>>(), [Bonds::today()]);
		go_on(14);
		let id = refused_by_ais();
		assert!(matches!(proposal(id).status, Status::Approved { .. }));
		assert_eq!(SecondVotes::<Test>::iter().count(), 0);
	});
}

#[test]
fn vote_beside_the_first_should_be_no_second_vote() {
	build_and_execute(|| {
		seat_ais(&[2, 3, 4, 5, 6], 100);
		set_phase(Phase::Three);
		let ids = [ALICE, BOB].map(|who| propose(who, X, motion(false, &template_call())));
		for id in ids {
			all_for(id);
			let job = ask(id, 2);
			answer(job, Some(-100));
		}
		for id in ids {
			cut_off(id);
			settle(id, &[2]);
		}
		close(ids[0]);
		let first = Bonds::today();
		go_on(14);
		assert_ok!(Dso::close(signed(DAVE), ids[1]));
		assert_eq!(outcome(ids[1]), Some(Outcome::Rejected));
		assert_eq!(SecondVotes::<Test>::iter_values().collect::<Vec<_>>(), [first]);
	});
}
