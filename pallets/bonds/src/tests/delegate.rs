use autonomy_primitives::community::{Class, Pot, PowerSink, PowerSource, Topic};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError;

use super::{delegate_of, inbound};
use crate::{mock::*, types::DELEGATION_DAYS, DelegationView, Error, Event, Tier};

const TOKEN: Class = Class::Token;
const ROUTINE: Topic = Topic::Routine;
const CRITICAL: Topic = Topic::Critical;

#[test]
fn delegate_should_move_power_from_the_next_day_on() {
	build_and_execute(|| {
		bond(1, X, Pot::Auton, 100);
		go_on(1);
		assert_ok!(Bonds::delegate(signed(1), X, TOKEN, ROUTINE, account(2)));
		let (community, class, topic, expires) = (X, TOKEN, ROUTINE, 2 + DELEGATION_DAYS);
		let (who, to) = (account(1), account(2));
		assert_eq!(last_event(), Event::PowerDelegated { community, class, topic, who, to: to.clone(), expires });
		assert_eq!(
			Bonds::delegation_of(X, TOKEN, ROUTINE, account(1)),
			Some(DelegationView { to: to.clone(), expires })
		);
		let delegate_at = |day| <Bonds as PowerSource<_>>::delegate_at(X, TOKEN, ROUTINE, &account(1), day);
		let inbound_at = |day| Bonds::inbound_of(X, TOKEN, ROUTINE, account(2), day);
		assert_eq!((delegate_at(1), inbound_at(1)), (None, Some(0)), "yesterday is closed");
		assert_eq!((delegate_at(2), inbound_at(2)), (None, None), "today is not");
		go_on(1);
		assert_eq!((delegate_at(2), inbound_at(2)), (Some(to), Some(200)));
		// Own power stays own power.
		assert_eq!((power(1, X, TOKEN), power(2, X, TOKEN), total(X, TOKEN)), (200, 0, 200));
	});
}

#[test]
fn delegated_power_should_follow_the_delegator() {
	build_and_execute(|| {
		bond(1, X, Pot::Auton, 1_000);
		bond(2, X, Pot::Auton, 100);
		for n in [1, 2] {
			assert_ok!(Bonds::delegate(signed(n), X, TOKEN, ROUTINE, account(3)));
		}
		assert_ok!(Bonds::delegate(signed(1), X, TOKEN, CRITICAL, account(4)));
		assert_eq!((inbound(3, X, TOKEN, ROUTINE), inbound(4, X, TOKEN, CRITICAL)), (2_200, 2_000));
		bond_in(1, X, Pot::Auton, 100, Tier::Days168);
		assert_eq!((inbound(3, X, TOKEN, ROUTINE), inbound(4, X, TOKEN, CRITICAL)), (2_800, 2_600));
		assert_ok!(Bonds::unbond(signed(1), X, Pot::Auton, Tier::Days14, 1_000));
		assert_eq!((inbound(3, X, TOKEN, ROUTINE), inbound(4, X, TOKEN, CRITICAL)), (800, 600));
		go_on(1);
		assert_eq!(Bonds::inbound_of(X, TOKEN, ROUTINE, account(3), 1), Some(800));
	});
}

#[test]
fn general_delegation_should_not_cover_what_is_critical() {
	build_and_execute(|| {
		bond(1, X, Pot::Auton, 100);
		assert_ok!(Bonds::delegate(signed(1), X, TOKEN, ROUTINE, account(2)));
		assert_eq!((inbound(2, X, TOKEN, ROUTINE), inbound(2, X, TOKEN, CRITICAL)), (200, 0));
		assert_eq!(delegate_of(1, X, TOKEN, CRITICAL), None);
	});
}

#[test]
fn delegation_should_hold_for_one_class_of_one_community() {
	build_and_execute(|| {
		bond(1, X, Pot::Auton, 100);
		bond(1, C, Pot::Shares, 100);
		assert_ok!(<Bonds as PowerSink<_>>::set_power(C, Class::Fan, &account(1), 5));
		assert_ok!(Bonds::delegate(signed(1), C, Class::Fan, ROUTINE, account(2)));
		assert_eq!(inbound(2, C, Class::Fan, ROUTINE), 5);
		assert_eq!((inbound(2, C, Class::Investor, ROUTINE), inbound(2, X, TOKEN, ROUTINE)), (0, 0));
		// One who delegates in one class may be a delegate in another.
		assert_ok!(Bonds::delegate(signed(1), C, Class::Investor, ROUTINE, account(2)));
		bond(2, X, Pot::Auton, 100);
		assert_ok!(Bonds::delegate(signed(2), X, TOKEN, ROUTINE, account(1)));
	});
}

#[test]
fn delegate_should_redirect_and_prolong_when_called_again() {
	build_and_execute(|| {
		bond(1, X, Pot::Auton, 100);
		assert_ok!(Bonds::delegate(signed(1), X, TOKEN, ROUTINE, account(2)));
		go_to_day(100);
		assert_ok!(Bonds::delegate(signed(1), X, TOKEN, ROUTINE, account(2)));
		assert_eq!(inbound(2, X, TOKEN, ROUTINE), 200);
		let expires = Bonds::delegation_of(X, TOKEN, ROUTINE, account(1)).unwrap().expires;
		assert_eq!(expires, 100 + DELEGATION_DAYS);
		System::reset_events();
		assert_ok!(Bonds::delegate(signed(1), X, TOKEN, ROUTINE, account(3)));
		assert_eq!((inbound(2, X, TOKEN, ROUTINE), inbound(3, X, TOKEN, ROUTINE)), (0, 200));
		let (community, class, topic, who) = (X, TOKEN, ROUTINE, account(1));
		assert_eq!(
			events(),
			vec![
				Event::DelegationEnded { community, class, topic, who: who.clone(), to: account(2) },
				Event::PowerDelegated { community, class, topic, who, to: account(3), expires },
			]
		);
	});
}

#[test]
fn delegate_should_fail_when_it_would_make_a_chain() {
	build_and_execute(|| {
		for n in 1..=3 {
			bond(n, X, Pot::Auton, 100);
		}
		assert_noop!(Bonds::delegate(signed(1), X, TOKEN, ROUTINE, account(1)), Error::<Test>::DelegateToSelf);
		assert_ok!(Bonds::delegate(signed(1), X, TOKEN, ROUTINE, account(2)));
		let delegate = |from, to| Bonds::delegate(signed(from), X, TOKEN, ROUTINE, account(to));
		assert_noop!(delegate(3, 1), Error::<Test>::DelegateDelegates);
		assert_noop!(delegate(2, 3), Error::<Test>::HasDelegators);
		assert_noop!(delegate(2, 1), Error::<Test>::DelegateDelegates);
		// Another topic is another matter.
		assert_ok!(Bonds::delegate(signed(2), X, TOKEN, CRITICAL, account(1)));
		assert_ok!(delegate(3, 2));
	});
}

#[test]
fn delegate_should_fail_when_there_is_nothing_to_delegate() {
	build_and_execute(|| {
		assert_noop!(Bonds::delegate(signed(1), X, TOKEN, ROUTINE, account(2)), Error::<Test>::NothingToDelegate);
		assert_noop!(Bonds::delegate(signed(1), 99, TOKEN, ROUTINE, account(2)), Error::<Test>::UnknownCommunity);
		for class in [Class::Owner, Class::Backing, Class::Ai] {
			assert_noop!(Bonds::delegate(signed(1), C, class, ROUTINE, account(2)), Error::<Test>::ClassNotDelegable);
		}
		assert_noop!(Bonds::delegate(RuntimeOrigin::root(), X, TOKEN, ROUTINE, account(2)), DispatchError::BadOrigin);
	});
}

#[test]
fn delegate_should_fail_when_the_delegate_is_excluded() {
	build_and_execute(|| {
		bond(1, X, Pot::Auton, 100);
		for to in [account(RESERVE), Bonds::treasury_of(C)] {
			assert_noop!(Bonds::delegate(signed(1), X, TOKEN, ROUTINE, to), Error::<Test>::AccountExcluded);
		}
	});
}
