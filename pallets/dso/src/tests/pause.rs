use autonomy_governance::Track;
use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError;

use crate::{mock::*, Action, Error, Event, Pauses, Scope};

#[test]
fn pause_should_stop_executions_for_two_weeks() {
	build_and_execute(|| {
		assert_noop!(Dso::pause(signed(ALICE), Scope::All, [1; 32]), DispatchError::BadOrigin);
		let id = pass(ALICE, Action::Signal);
		for scope in [Scope::All, Scope::Track(Track::Wish), Scope::Community(X)] {
			assert_ok!(Dso::pause(signed(GUARD), scope, [1; 32]));
			let pause = Pauses::<Test>::get(scope).unwrap();
			assert_eq!(last_event(), Event::PauseSet { scope, pause });
			assert_noop!(Dso::execute(signed(DAVE), id, ENOUGH), Error::<Test>::Paused);
			assert_ok!(Dso::lift_pause(RuntimeOrigin::root(), scope));
		}
		assert_ok!(Dso::execute(signed(DAVE), id, ENOUGH));
	});
}

#[test]
fn pause_should_not_use_up_the_time_of_what_was_approved() {
	build_and_execute(|| {
		let id = pass(ALICE, Action::Signal);
		go_on(1);
		assert_ok!(Dso::pause(signed(GUARD), Scope::All, [1; 32]));
		go_on(14);
		assert_ok!(Dso::execute(signed(DAVE), id, ENOUGH));
	});
}

#[test]
fn pause_should_not_be_set_again_at_once() {
	build_and_execute(|| {
		assert_ok!(Dso::pause(signed(GUARD), Scope::All, [1; 32]));
		assert_noop!(Dso::pause(signed(GUARD), Scope::All, [2; 32]), Error::<Test>::PausedLately);
		go_on(14);
		assert_noop!(Dso::pause(signed(GUARD), Scope::All, [2; 32]), Error::<Test>::PausedLately);
		go_on(14);
		assert_ok!(Dso::pause(signed(GUARD), Scope::All, [2; 32]));
	});
}

#[test]
fn x_should_lift_a_pause_by_its_own_decision() {
	build_and_execute(|| {
		assert_ok!(Dso::pause(signed(GUARD), Scope::Community(of(ADA)), [1; 32]));
		assert_noop!(Dso::lift_pause(signed(ALICE), Scope::Community(of(ADA))), DispatchError::BadOrigin);
		let lift = RuntimeCall::Dso(crate::Call::lift_pause { scope: Scope::Community(of(ADA)) });
		let terms = dispatch(Track::Templates, &lift);
		// A pause of a track of X could stop that, but it ends by itself.
		let id = propose(ALICE, X, terms);
		all_for(id);
		close(id);
		assert_noop!(Dso::lift_pause(signed(GUARD), Scope::All), Error::<Test>::NotPaused);
		execute(id);
		assert!(events().contains(&Event::PauseLifted { scope: Scope::Community(of(ADA)) }));
	});
}

#[test]
fn voting_should_go_on_during_a_pause() {
	build_and_execute(|| {
		let id = propose(ALICE, X, Action::Signal);
		assert_ok!(Dso::pause(signed(GUARD), Scope::All, [1; 32]));
		all_for(id);
		close(id);
	});
}

#[test]
fn pauses_under_other_names_should_not_follow_each_other_for_ever() {
	build_and_execute(|| {
		endow(X, 100_000);
		let id = pass(ALICE, Action::Spend { asset: None, to: account(DAVE), amount: 1_000 });
		unlock(id);
		let scopes = [Scope::Track(Track::TreasurySmall), Scope::Community(X), Scope::All];
		let pause = |scope| Dso::pause(signed(GUARD), scope, [1; 32]);
		for scope in scopes {
			assert_ok!(pause(scope));
			assert_noop!(Dso::execute(signed(DAVE), id, ENOUGH), Error::<Test>::Paused);
			go_on(14);
		}
		for scope in scopes {
			assert_noop!(pause(scope), Error::<Test>::PausedLately);
		}
		// Six weeks later there is all the time that there was.
		go_on(13);
		assert_ok!(Dso::execute(signed(DAVE), id, ENOUGH));
	});
}

#[test]
fn pause_of_a_part_should_wait_for_the_rest_of_the_whole() {
	build_and_execute(|| {
		assert_ok!(Dso::pause(signed(GUARD), Scope::All, [1; 32]));
		for scope in [Scope::Track(Track::Wish), Scope::Community(of(ADA))] {
			assert_noop!(Dso::pause(signed(GUARD), scope, [1; 32]), Error::<Test>::PausedLately);
			go_on(14);
		}
		assert_ok!(Dso::pause(signed(GUARD), Scope::Track(Track::Wish), [1; 32]));
		// Another community is another one's.
		assert_ok!(Dso::pause(signed(GUARD), Scope::Community(of(ADA)), [1; 32]));
		assert_ok!(Dso::pause(signed(GUARD), Scope::Community(of(2)), [1; 32]));
	});
}
