use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Action, Error, Event, LiveBy, LiveOnTrack, Outcome};
use autonomy_governance::Track;

#[test]
fn withdraw_should_return_the_deposit_before_voting_begins() {
	build_and_execute(|| {
		let before = Balances::free_balance(account(ALICE));
		let id = propose(ALICE, X, Action::Signal);
		assert_eq!(Balances::free_balance(account(ALICE)), before - PROPOSAL_DEPOSIT);
		assert_noop!(Dso::withdraw(signed(BOB), id), Error::<Test>::NotProposer);
		assert_ok!(Dso::withdraw(signed(ALICE), id));
		assert_eq!(Balances::free_balance(account(ALICE)), before);
		assert_eq!((LiveBy::<Test>::iter().count(), LiveOnTrack::<Test>::get(Track::Wish)), (0, 0));
		assert_eq!(last_event(), Event::Ended { proposal: id, outcome: Outcome::Withdrawn });
	});
}

#[test]
fn withdraw_should_fail_once_voting_has_begun() {
	build_and_execute(|| {
		let id = propose(ALICE, X, Action::Signal);
		open(id);
		assert_noop!(Dso::withdraw(signed(ALICE), id), Error::<Test>::VotingBegan);
		assert_noop!(Dso::withdraw(signed(ALICE), 9), Error::<Test>::UnknownProposal);
	});
}
