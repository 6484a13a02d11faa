use autonomy_primitives::community::Class;
use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Action, Badge, Badges, Error, Event};

#[test]
fn badge_should_be_granted_renewed_and_ended_by_the_community() {
	build_and_execute(|| {
		let grant = |points| Action::GrantBadge { who: account(DAVE), points };
		assert_noop!(Dso::submit(signed(ALICE), X, Box::new(grant(6)), prose("")), Error::<Test>::PointsOutOfRange);
		let id = pass(ALICE, grant(3));
		execute(id);
		let badge = Badges::<Test>::get(X, account(DAVE)).unwrap();
		let expires = Bonds::today() + 60;
		assert_eq!(badge, Badge { points: 3, expires, class: Class::Contributor });
		go_on(1);
		assert_noop!(Dso::lapse_badge(signed(BOB), X, account(DAVE)), Error::<Test>::BadgeRuns);
		// A contributor can propose.
		let id = propose(DAVE, X, Action::LapseBadge { who: account(DAVE) });
		all_for(id);
		close(id);
		execute(id);
		assert_eq!(Badges::<Test>::iter().count(), 0);
	});
}

#[test]
fn lapse_badge_should_end_what_nobody_renewed() {
	build_and_execute(|| {
		execute(pass(ALICE, Action::GrantBadge { who: account(DAVE), points: 3 }));
		go_on(60);
		assert_ok!(Dso::lapse_badge(signed(BOB), X, account(DAVE)));
		assert_eq!(last_event(), Event::BadgeEnded { community: X, who: account(DAVE) });
		assert_noop!(Dso::lapse_badge(signed(BOB), X, account(DAVE)), Error::<Test>::NoBadge);
	});
}
