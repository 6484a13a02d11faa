use frame_support::{assert_noop, assert_ok, BoundedVec};

use super::{all_below, charter, decide_below, in_force, with_members};
use crate::{mock::*, Action, ActionOf, CharacterAction, Error, Event, Field, Pending, PendingCharters, TierRow};

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

fn tiers(rows: &[(u128, u128)], advanced_from: u8) -> ActionOf<Test> {
	let rows = rows.iter().map(|(bonded, spent)| TierRow { bonded: *bonded, spent: *spent }).collect();
	Action::Character(CharacterAction::SetTiers { rows: BoundedVec::truncate_from(rows), advanced_from })
}

#[test]
fn line_between_fans_who_vote_and_others_should_move_slowly_and_late() {
	build_and_execute(|| {
		let community = with_members();
		Entries::mutate(|all| all.insert(ADA, TierRow { bonded: 100_000, spent: 0 }));
		let submit = |action| Dso::submit(signed(ALICE), community, Box::new(action), prose(""));
		// What counts is the lowest tier that votes, and those below it.
		assert_noop!(submit(tiers(&[(0, 0), (120_001, 0)], 1)), Error::<Test>::StepTooLarge);
		assert_noop!(submit(tiers(&[(120_001, 0), (0, 0)], 1)), Error::<Test>::StepTooLarge);
		assert_noop!(submit(tiers(&[(100_000, PROPOSAL_DEPOSIT + 1)], 0)), Error::<Test>::StepTooLarge);
		let id = propose(ALICE, community, tiers(&[(0, 0), (120_000, 0), (900_000, 0)], 1));
		assert_eq!(u64::from(proposal(id).lock), 7 * DAY);
		let needs_consent: Vec<_> = proposal(id).lines.iter().map(|line| line.consent).collect();
		assert_eq!(needs_consent, [false, false, true, false]);
		all_below(id);
		close(id);
		execute(id);
		Entries::mutate(|all| all.insert(ADA, TierRow { bonded: 120_000, spent: 0 }));
		// Not again a fifth of what it is now, in thirty days.
		assert_noop!(submit(tiers(&[(120_001, 0)], 0)), Error::<Test>::StepTooLarge);
		go_on(30);
		assert_ok!(submit(tiers(&[(144_000, 0)], 0)));
	});
}
