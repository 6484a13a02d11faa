use autonomy_primitives::community::{Class, Pot, PowerSink, PowerSource, Topic};
use frame_support::{assert_noop, assert_ok};

use super::inbound;
use crate::{mock::*, ring::WINDOW, Error, Event, Tier};

fn set_power(n: u8, class: Class, power: u128) -> sp_runtime::DispatchResult {
	<Bonds as PowerSink<_>>::set_power(C, class, &account(n), power)
}

fn standing(n: u8, community: u32, class: Class) -> u128 {
	<Bonds as PowerSource<_>>::standing(community, class, &account(n))
}

#[test]
fn day_should_change_with_its_first_block() {
	build_and_execute(|| {
		System::set_block_number(2 * DAY - 1);
		assert_eq!((Bonds::today(), <Bonds as PowerSource<_>>::snapshot_day()), (1, Some(0)));
		System::set_block_number(2 * DAY);
		assert_eq!((Bonds::today(), <Bonds as PowerSource<_>>::snapshot_day()), (2, Some(1)));
		System::set_block_number(1);
		assert_eq!((Bonds::today(), <Bonds as PowerSource<_>>::snapshot_day()), (0, None));
	});
}

#[test]
fn set_power_should_count_from_the_next_day() {
	build_and_execute(|| {
		assert_ok!(set_power(1, Class::Fan, 3));
		assert_ok!(set_power(2, Class::Fan, 4));
		let (community, class, who) = (C, Class::Fan, account(2));
		assert_eq!(last_event(), Event::PowerSet { community, class, who, power: 4 });
		assert_eq!((power(1, C, Class::Fan), total(C, Class::Fan)), (0, 0));
		go_on(1);
		assert_eq!((power(1, C, Class::Fan), total(C, Class::Fan)), (3, 7));
		assert_ok!(set_power(1, Class::Fan, 1));
		go_on(1);
		assert_eq!((power(1, C, Class::Fan), total(C, Class::Fan)), (1, 5));
		assert_eq!(standing(1, C, Class::Fan), 1);
	});
}

#[test]
fn set_power_should_say_nothing_when_nothing_changes() {
	build_and_execute(|| {
		assert_ok!(set_power(1, Class::Contributor, 3));
		System::reset_events();
		assert_ok!(set_power(1, Class::Contributor, 3));
		assert_eq!(events(), vec![]);
	});
}

#[test]
fn set_power_should_move_what_is_delegated() {
	build_and_execute(|| {
		assert_ok!(set_power(1, Class::Fan, 3));
		assert_ok!(Bonds::delegate(signed(1), C, Class::Fan, Topic::Routine, account(2)));
		assert_ok!(set_power(1, Class::Fan, 9));
		assert_eq!(inbound(2, C, Class::Fan, Topic::Routine), 9);
		assert_ok!(set_power(1, Class::Fan, 0));
		assert_eq!(inbound(2, C, Class::Fan, Topic::Routine), 0);
	});
}

#[test]
fn set_power_should_fail_when_the_class_is_bonded() {
	build_and_execute(|| {
		for class in [Class::Investor, Class::Token, Class::Backing] {
			assert_noop!(set_power(1, class, 1), Error::<Test>::PowerIsBonded);
		}
		let unknown = <Bonds as PowerSink<_>>::set_power(99, Class::Fan, &account(1), 1);
		assert_noop!(unknown, Error::<Test>::UnknownCommunity);
	});
}

#[test]
fn set_power_should_fail_when_the_sum_is_too_large() {
	build_and_execute(|| {
		assert_ok!(set_power(1, Class::Ai, u128::MAX));
		assert_noop!(set_power(2, Class::Ai, 1), sp_runtime::ArithmeticError::Overflow);
	});
}

#[test]
fn any_closed_day_of_the_last_forty_should_be_known() {
	build_and_execute(|| {
		for day in 1..=100 {
			go_to_day(day);
			assert_ok!(set_power(1, Class::Fan, u128::from(day)));
		}
		for day in 100 - WINDOW..100 {
			assert_eq!(Bonds::power_of(C, Class::Fan, account(1), day), Some(u128::from(day)));
			assert_eq!(Bonds::class_total(C, Class::Fan, day), Some(u128::from(day)));
		}
		assert_eq!(Bonds::power_of(C, Class::Fan, account(1), 99 - WINDOW), None);
		assert_eq!(Bonds::class_total(C, Class::Fan, 100), None);
	});
}

#[test]
fn standing_should_count_what_is_unbonding_until_it_is_withdrawn() {
	build_and_execute(|| {
		bond_in(1, X, Pot::Auton, 1_000, Tier::Days84);
		assert_eq!((standing(1, X, Class::Token), standing(1, X, Class::Backing)), (4_000, 0));
		assert_ok!(Bonds::unbond(signed(1), X, Pot::Auton, Tier::Days84, 1_000));
		assert_eq!(standing(1, X, Class::Token), 4_000);
		go_on(85);
		assert_ok!(Bonds::withdraw(signed(1), X, Pot::Auton));
		assert_eq!(standing(1, X, Class::Token), 0);
		bond(1, PLAIN, Pot::Auton, 100);
		assert_eq!((standing(1, PLAIN, Class::Backing), standing(1, PLAIN, Class::Token)), (200, 0));
		assert_eq!(standing(1, PLAIN, Class::Investor), 0);
	});
}

#[test]
fn standing_should_fall_with_a_slash_before_anybody_pokes() {
	build_and_execute(|| {
		bond_in(1, X, Pot::Auton, 600_000, Tier::Days168);
		bond_in(1, PLAIN, Pot::Auton, 100_000, Tier::Days168);
		slash_to(1, 650_000);
		// What is missing counts against each of the bonds, at its heaviest.
		assert_eq!(standing(1, X, Class::Token), 6 * 550_000);
		assert_eq!(standing(1, PLAIN, Class::Backing), 6 * 50_000);
		assert_ok!(Bonds::poke_bond(signed(2), account(1), PLAIN, Pot::Auton));
		assert_eq!(standing(1, X, Class::Token), 6 * 600_000);
		assert_eq!(standing(1, PLAIN, Class::Backing), 6 * 50_000);
	});
}
