use autonomy_governance::Track;
use autonomy_primitives::community::Topic;
use frame_support::{assert_noop, assert_ok};

use super::{all_below, pay, with_members};
use crate::{mock::*, types::Path, Action, Error, Event};

#[test]
fn small_spending_should_be_routine_and_large_spending_critical() {
	build_and_execute(|| {
		let community = with_members();
		endow(community, 10_010);
		let small = propose(ALICE, community, pay(DAVE, 1_000));
		let large = propose(BOB, community, pay(DAVE, 1_001));
		assert_eq!((proposal(small).path, proposal(small).topic), (Path::Small, Topic::Routine));
		assert_eq!((proposal(large).path, proposal(large).topic), (Path::Large, Topic::Critical));
		assert_eq!(proposal(large).question.concurring, 2);
	});
}

#[test]
fn spending_should_stop_at_the_limit_of_seven_days_and_go_on_afterwards() {
	build_and_execute(|| {
		let community = with_members();
		endow(community, 10_000 + ED);
		let [one, two] = [ALICE, BOB].map(|who| propose(who, community, pay(DAVE, 600)));
		for id in [one, two] {
			all_below(id);
		}
		close(one);
		close(two);
		execute(one);
		let to = account(DAVE);
		assert_eq!(last_event(), Event::Spent { community, asset: None, to, amount: 600, path: Path::Small });
		assert_noop!(Dso::execute(signed(CAROL), two, ENOUGH), Error::<Test>::SpendLimitReached);
		assert_eq!(Dso::spendable_now(community, None), Some((400, 9_400)));
		go_on(6);
		assert_noop!(Dso::execute(signed(CAROL), two, ENOUGH), Error::<Test>::SpendLimitReached);
		go_on(1);
		assert_ok!(Dso::execute(signed(CAROL), two, ENOUGH));
	});
}

#[test]
fn x_should_spend_on_two_tracks() {
	build_and_execute(|| {
		endow(X, 100_000 + ED);
		let small = propose(ALICE, X, pay(DAVE, 5_000));
		let large = propose(BOB, X, pay(DAVE, 5_001));
		assert_eq!(proposal(small).track, Some(Track::TreasurySmall));
		assert_eq!(proposal(large).track, Some(Track::TreasuryLarge));
		assert_eq!(Dso::spendable_now(X, None), Some((5_000, 25_000)));
	});
}

#[test]
fn large_track_of_x_should_have_a_limit_too() {
	build_and_execute(|| {
		endow(X, 100_000 + ED);
		let id = pass(ALICE, pay(DAVE, 25_001));
		unlock(id);
		assert_noop!(Dso::execute(signed(DAVE), id, ENOUGH), Error::<Test>::SpendLimitReached);
		endow(X, 4);
		assert_ok!(Dso::execute(signed(DAVE), id, ENOUGH));
	});
}

#[test]
fn each_asset_should_have_a_window_of_its_own() {
	build_and_execute(|| {
		let community = with_members();
		endow(community, 10_000 + ED);
		assert_ok!(Assets::mint(signed(ISSUER), 102, treasury(community), 1_000));
		let [auton, shares] = [(ALICE, None, 1_000), (BOB, Some(102), 99)]
			.map(|(who, asset, amount)| propose(who, community, Action::Spend { asset, to: account(DAVE), amount }));
		for id in [auton, shares] {
			all_below(id);
		}
		close(auton);
		close(shares);
		execute(auton);
		execute(shares);
		assert_eq!(Assets::balance(102, account(DAVE)), 99);
	});
}
