use autonomy_primitives::community::{Class, Pot, Topic};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::{DispatchError, DispatchResult};

use super::{delegate_of, inbound};
use crate::{mock::*, ring::WINDOW, types::DELEGATION_DAYS, Delegations, Error, Event};

const KEY: (u32, Class, Topic) = (X, Class::Token, Topic::Routine);

/// `caller` ends the delegation of account 1.
fn expire(caller: u8) -> DispatchResult {
	let (community, class, topic) = KEY;
	Bonds::expire_delegation(signed(caller), account(1), community, class, topic)
}

fn delegate() {
	let (community, class, topic) = KEY;
	bond(1, X, Pot::Auton, 100);
	assert_ok!(Bonds::delegate(signed(1), community, class, topic, account(2)));
}

#[test]
fn expire_delegation_should_end_it_when_its_time_is_over() {
	build_and_execute(|| {
		delegate();
		go_to_day(DELEGATION_DAYS);
		assert_noop!(expire(3), Error::<Test>::NotExpired);
		go_to_day(1 + DELEGATION_DAYS);
		assert_ok!(expire(3));
		let ((community, class, topic), who, to) = (KEY, account(1), account(2));
		assert_eq!(last_event(), Event::DelegationEnded { community, class, topic, who, to });
		assert_eq!((inbound(2, X, class, topic), delegate_of(1, X, class, topic)), (0, None));
	});
}

#[test]
fn expire_delegation_should_let_the_delegate_refuse_at_any_time() {
	build_and_execute(|| {
		delegate();
		assert_noop!(expire(1), Error::<Test>::NotExpired);
		assert_ok!(expire(2));
		// Now it may delegate itself.
		bond(2, X, Pot::Auton, 100);
		let (community, class, topic) = KEY;
		assert_ok!(Bonds::delegate(signed(2), community, class, topic, account(3)));
	});
}

#[test]
fn expire_delegation_should_remove_what_no_closed_day_needs() {
	build_and_execute(|| {
		delegate();
		go_to_day(5);
		assert_ok!(expire(2));
		go_to_day(4 + WINDOW);
		assert_noop!(expire(3), Error::<Test>::NotDelegating);
		go_to_day(5 + WINDOW);
		assert_ok!(expire(3));
		assert_eq!(Delegations::<Test>::iter().count(), 0);
		assert_noop!(expire(3), Error::<Test>::NotDelegating);
	});
}

#[test]
fn expire_delegation_should_fail_when_there_is_none() {
	build_and_execute(|| {
		assert_noop!(expire(3), Error::<Test>::NotDelegating);
		let (community, class, topic) = KEY;
		let root = RuntimeOrigin::root();
		assert_noop!(Bonds::expire_delegation(root, account(1), community, class, topic), DispatchError::BadOrigin);
	});
}
