use autonomy_primitives::community::{Class, Pot, PowerSource, Topic};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError;

use super::{delegate_of, inbound};
use crate::{mock::*, Delegations, Error, Event, Inbound};

const KEY: (u32, Class, Topic) = (X, Class::Token, Topic::Routine);

#[test]
fn undelegate_should_give_the_power_back_from_the_next_day_on() {
	build_and_execute(|| {
		let (community, class, topic) = KEY;
		bond(1, X, Pot::Auton, 100);
		assert_ok!(Bonds::delegate(signed(1), community, class, topic, account(2)));
		go_to_day(5);
		assert_ok!(Bonds::undelegate(signed(1), community, class, topic));
		let (who, to) = (account(1), account(2));
		assert_eq!(last_event(), Event::DelegationEnded { community, class, topic, who, to });
		assert_eq!((inbound(2, X, class, topic), delegate_of(1, X, class, topic)), (0, None));
		go_to_day(6);
		let delegate_at = |day| <Bonds as PowerSource<_>>::delegate_at(X, class, topic, &account(1), day);
		assert_eq!((delegate_at(4), delegate_at(5)), (Some(account(2)), None));
		assert_eq!(Bonds::inbound_of(X, class, topic, account(2), 4), Some(200));
		assert_eq!(Bonds::inbound_of(X, class, topic, account(2), 5), Some(0));
	});
}

#[test]
fn undelegate_should_leave_nothing_when_it_is_the_same_day() {
	build_and_execute(|| {
		let (community, class, topic) = KEY;
		bond(1, X, Pot::Auton, 100);
		assert_ok!(Bonds::delegate(signed(1), community, class, topic, account(2)));
		assert_ok!(Bonds::undelegate(signed(1), community, class, topic));
		assert_eq!((Delegations::<Test>::iter().count(), Inbound::<Test>::iter().count()), (0, 0));
	});
}

#[test]
fn undelegate_should_fail_when_there_is_no_delegation() {
	build_and_execute(|| {
		let (community, class, topic) = KEY;
		let undelegate = |topic| Bonds::undelegate(signed(1), community, class, topic);
		assert_noop!(undelegate(topic), Error::<Test>::NotDelegating);
		bond(1, X, Pot::Auton, 100);
		assert_ok!(Bonds::delegate(signed(1), community, class, topic, account(2)));
		assert_noop!(undelegate(Topic::Critical), Error::<Test>::NotDelegating);
		go_on(1);
		assert_ok!(undelegate(topic));
		assert_noop!(undelegate(topic), Error::<Test>::NotDelegating);
		let root = RuntimeOrigin::root();
		assert_noop!(Bonds::undelegate(root, community, class, topic), DispatchError::BadOrigin);
	});
}
