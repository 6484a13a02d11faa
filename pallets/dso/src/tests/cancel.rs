use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError;

use super::pay;
use crate::{mock::*, Action, Error, Event, Outcome};

#[test]
fn cancel_should_stop_a_proposal_at_any_time() {
	build_and_execute(|| {
		let before = Balances::free_balance(account(ALICE));
		let live = propose(ALICE, X, Action::Signal);
		assert_noop!(Dso::cancel(signed(ALICE), live, [1; 32], false), DispatchError::BadOrigin);
		assert_ok!(Dso::cancel(signed(GUARD), live, [1; 32], false));
		assert!(events().contains(&Event::Cancelled { proposal: live, reason: [1; 32], is_spam: false }));
		assert_eq!(Balances::free_balance(account(ALICE)), before);
		endow(X, 1_000);
		let approved = pass(BOB, pay(DAVE, 1));
		assert_ok!(Dso::cancel(signed(GUARD), approved, [1; 32], false));
		assert_eq!(outcome(approved), Some(Outcome::Cancelled));
		unlocked_never(approved);
		assert_noop!(Dso::cancel(signed(GUARD), approved, [1; 32], false), Error::<Test>::ProposalOver);
	});
}

fn unlocked_never(id: crate::ProposalId) {
	go_on(5);
	assert_noop!(Dso::execute(signed(DAVE), id, ENOUGH), Error::<Test>::NotApproved);
}

#[test]
fn spam_should_lose_its_deposit() {
	build_and_execute(|| {
		let before = Balances::total_issuance();
		let id = propose(ALICE, X, Action::Signal);
		assert_ok!(Dso::cancel(signed(GUARD), id, [1; 32], true));
		assert_eq!(Balances::total_issuance(), before - PROPOSAL_DEPOSIT);
	});
}
