use frame_support::{assert_noop, assert_ok};

use super::{all_below, charter, decide_below, in_force, with_members};
use crate::{mock::*, Error, Event, Field, Pending, PendingCharters};

#[test]
fn routine_fields_should_change_at_once() {
	build_and_execute(|| {
		let community = with_members();
		decide_below(charter(&[(Field::VotingDays, 7), (Field::SpendLimit, 2_000)]));
		let charter = in_force(community);
		assert_eq!((charter.get(Field::VotingDays), charter.get(Field::SpendLimit)), (7, 2_000));
	});
}

#[test]
fn franchise_fields_should_change_a_week_later() {
	build_and_execute(|| {
		let community = with_members();
		decide_below(charter(&[(Field::Quorum, 1_200)]));
		let effective = Bonds::today() + 7;
		let pending = PendingCharters::<Test>::get(community).unwrap();
		assert_eq!(pending, Pending { effective, values: vec![(Field::Quorum, 1_200)].try_into().unwrap() });
		assert!(events().contains(&Event::CharterSet { community, changes: pending.values, effective }));
		assert_eq!(in_force(community).get(Field::Quorum), 1_000);
		go_on(7);
		assert_eq!(in_force(community).get(Field::Quorum), 1_200);
	});
}

#[test]
fn franchise_fields_should_move_a_fifth_in_thirty_days() {
	build_and_execute(|| {
		let community = with_members();
		let submit = |value| {
			Dso::submit(signed(ALICE), community, Box::new(charter(&[(Field::Participation, value)])), prose(""))
		};
		assert_noop!(submit(2_401), Error::<Test>::StepTooLarge);
		assert_noop!(submit(1_599), Error::<Test>::StepTooLarge);
		decide_below(charter(&[(Field::Participation, 2_400)]));
		go_on(8);
		// Not again a fifth of what it is now.
		assert_noop!(submit(2_401), Error::<Test>::StepTooLarge);
		go_on(30);
		assert_ok!(submit(2_880));
	});
}

#[test]
fn weights_should_stay_whole_and_fields_within_bounds() {
	build_and_execute(|| {
		let community = with_members();
		let submit =
			|changes: &[(Field, u32)]| Dso::submit(signed(ALICE), community, Box::new(charter(changes)), prose(""));
		assert_noop!(submit(&[]), Error::<Test>::NothingChanges);
		assert_noop!(submit(&[(Field::VotingDays, 11)]), Error::<Test>::FieldOutOfBounds);
		assert_noop!(submit(&[(Field::VotingDays, 4), (Field::VotingDays, 5)]), Error::<Test>::FieldTwice);
		assert_noop!(submit(&[(Field::OwnerWeight, 2_900)]), Error::<Test>::WeightsNotWhole);
		assert_ok!(submit(&[(Field::OwnerWeight, 2_900), (Field::FanWeight, 2_600)]));
	});
}

#[test]
fn second_franchise_change_should_wait_for_the_first() {
	build_and_execute(|| {
		let community = with_members();
		// Both are decided at the same time.
		let first = propose(ALICE, community, charter(&[(Field::Quorum, 1_100)]));
		let second = propose(BOB, community, charter(&[(Field::AiOwnShare, 4_100)]));
		all_below(first);
		all_below(second);
		close(first);
		close(second);
		execute(first);
		assert_noop!(Dso::execute(signed(DAVE), second, ENOUGH), Error::<Test>::ChangePending);
		go_on(7);
		assert_ok!(Dso::execute(signed(DAVE), second, ENOUGH));
		go_on(7);
		let charter = in_force(community);
		assert_eq!((charter.get(Field::Quorum), charter.get(Field::AiOwnShare)), (1_100, 4_100));
	});
}
