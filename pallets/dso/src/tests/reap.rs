use autonomy_governance::Side;
use autonomy_primitives::community::Class;
use frame_support::{assert_noop, assert_ok, dispatch::Pays};

use super::pay;
use crate::{
	mock::*, Action, ActiveKeys, BallotJobs, Ballots, Capacity, ChildPolls, ControllerCasts, Decisions, EndedProposals,
	Error, Event, Proposals, Unsettled,
};

#[test]
fn reap_should_remove_everything_in_pieces_for_nothing() {
	build_and_execute(|| {
		fan(CAROL, 1);
		seat_ais(&[1, 2, 3], 100);
		let id = propose(ALICE, X, Action::Signal);
		open(id);
		for who in [ALICE, BOB, CAROL] {
			vote(who, id, Class::Token, Side::Aye);
		}
		assert_ok!(Dso::vote_child(signed(CAROL), id, of(1), Capacity::Member(Class::Fan), Side::Aye));
		let job = ask(id, 1);
		ask(id, 2);
		answer(job, Some(100));
		cut_off(id);
		settle(id, &[1]);
		close(id);
		assert_noop!(Dso::reap(signed(DAVE), id, 10), Error::<Test>::ProposalRuns);
		execute(id);
		let mut removed = 0;
		while Proposals::<Test>::contains_key(id) {
			let post = Dso::reap(signed(DAVE), id, 2).unwrap();
			assert_eq!(post.pays_fee, Pays::No);
			let Event::Reaped { removed: now, .. } = last_event() else { panic!("{:?}", last_event()) };
			assert!(now <= 2);
			removed += now;
		}
		// Four ballots, a poll, two decisions, a cast, an AI that was not settled, the proposal.
		assert_eq!(removed, 10);
		assert_eq!(Ballots::<Test>::iter().count() + ChildPolls::<Test>::iter().count(), 0);
		assert_eq!(Decisions::<Test>::iter().count() + BallotJobs::<Test>::iter().count(), 0);
		assert_eq!(ControllerCasts::<Test>::iter().count() + Unsettled::<Test>::iter().count(), 0);
		assert_eq!(EndedProposals::<Test>::iter().count(), 0);
		assert_noop!(Dso::reap(signed(DAVE), id, 2), Error::<Test>::UnknownProposal);
	});
}

#[test]
fn approved_proposal_should_be_kept_while_an_older_one_may_live() {
	build_and_execute(|| {
		execute(pass(ALICE, Action::GrantBadge { who: account(DAVE), points: 1 }));
		assert_ok!(Dso::reap(signed(DAVE), 0, 100));
		assert!(Proposals::<Test>::contains_key(0));
		assert_noop!(Dso::reap(signed(DAVE), 0, 100), Error::<Test>::NothingToReap);
		go_on(61);
		assert_ok!(Dso::reap(signed(DAVE), 0, 100));
		assert_eq!(ActiveKeys::<Test>::iter().count(), 0);
	});
}

#[test]
fn idle_blocks_should_reap() {
	build_and_execute(|| {
		endow(X, 10_000);
		let ids: Vec<_> = [ALICE, BOB].map(|who| propose(who, X, pay(DAVE, 100))).to_vec();
		for id in &ids {
			open(*id);
			close(*id);
		}
		for _ in 0..8 {
			idle();
		}
		assert_eq!(Proposals::<Test>::iter().count(), 0);
	});
}
