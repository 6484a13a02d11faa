use autonomy_governance::{Phase, Track};
use codec::Encode;
use frame_support::{assert_noop, assert_ok, traits::QueryPreimage, weights::Weight};

use super::{all_below, decide_below, pay, with_members};
use crate::{mock::*, types::Anchor, Action, CallSteps, CharacterAction, Error, Event, ModelAction, Outbox, Outcome};

#[test]
fn execute_should_act_as_the_community_once() {
	build_and_execute(|| {
		let community = with_members();
		let action = CharacterAction::AcceptChild(2);
		let id = propose(ALICE, community, Action::Character(action.clone()));
		all_below(id);
		assert_noop!(Dso::execute(signed(DAVE), id, ENOUGH), Error::<Test>::NotApproved);
		close(id);
		assert_noop!(Dso::execute(signed(DAVE), id, ENOUGH), Error::<Test>::Locked);
		execute(id);
		assert_eq!(Done::get(), [(community, Anchor::Character(ADA), action.encode())]);
		assert_eq!(last_event(), Event::Ended { proposal: id, outcome: Outcome::Done });
		assert_noop!(Dso::execute(signed(DAVE), id, ENOUGH), Error::<Test>::NotApproved);
	});
}

#[test]
fn model_should_be_governed_by_its_community() {
	build_and_execute(|| {
		let anchor = Anchor::Model(MODEL);
		assert_ok!(Dso::claim_seat(signed(ALICE), of_model(), anchor));
		go_on(1);
		// Data and opening are for the last phase.
		set_phase(Phase::Four);
		for action in [
			ModelAction::AcceptVersion(3),
			ModelAction::RejectVersion(4),
			ModelAction::SetDataRoot { root: [1; 36], approved: true },
			ModelAction::OpenSource,
			ModelAction::SetPrice(7),
		] {
			let id = propose(ALICE, of_model(), Action::Model(action));
			open(id);
			let holder = crate::Capacity::Holder(anchor);
			assert_ok!(Dso::vote(signed(ALICE), id, holder, autonomy_governance::Side::Aye));
			close(id);
			execute(id);
		}
		assert_eq!(Done::get().len(), 5);
	});
}

#[test]
fn what_fails_should_be_tried_again() {
	build_and_execute(|| {
		let community = with_members();
		let id = propose(ALICE, community, Action::Character(CharacterAction::SetActive(false)));
		all_below(id);
		close(id);
		unlock(id);
		SubjectsFail::set(true);
		assert_noop!(Dso::execute(signed(DAVE), id, ENOUGH), sp_runtime::DispatchError::Other("it fails"));
		SubjectsFail::set(false);
		assert_ok!(Dso::execute(signed(DAVE), id, ENOUGH));
	});
}

#[test]
fn x_should_dispatch_calls_within_the_weight_limit() {
	build_and_execute(|| {
		set_phase(Phase::Two);
		let id = pass(ALICE, dispatch(Track::Interaction, &fee_call(1_100)));
		let (hash, _) = note(&fee_call(1_100));
		unlock(id);
		assert_noop!(Dso::execute(signed(DAVE), id, Weight::zero()), Error::<Test>::WeightLimitTooLow);
		assert_ok!(Dso::execute(signed(DAVE), id, ENOUGH));
		assert!(!<Preimage as QueryPreimage>::is_requested(&hash), "it can be removed again");
		assert!(events().contains(&Event::Dispatched { proposal: id, track: Track::Interaction, hash }));
	});
}

#[test]
fn model_should_be_in_the_shadow_and_evaluated_before_x_decides_on_it() {
	build_and_execute(|| {
		set_phase(Phase::Three);
		let now = System::block_number() as u32;
		let approve = dispatch(Track::Models, &fee_call(1_100));
		let submit = || Dso::submit(signed(ALICE), X, Box::new(approve.clone()), prose(""));
		let week = 7 * DAY as u32;
		Tried::set(Some((None, Some([1; 32]))));
		assert_noop!(submit(), Error::<Test>::TrialTooShort);
		Tried::set(Some((Some(now - week + 1), Some([1; 32]))));
		assert_noop!(submit(), Error::<Test>::TrialTooShort);
		Tried::set(Some((Some(now - week), None)));
		assert_noop!(submit(), Error::<Test>::NotEvaluated);
		Tried::set(Some((Some(now - week), Some([1; 32]))));
		assert_ok!(submit());
		all_for(0);
		close(0);
		unlock(0);
		// It is looked at once more.
		Tried::set(Some((None, None)));
		assert_noop!(Dso::execute(signed(DAVE), 0, ENOUGH), Error::<Test>::TrialTooShort);
		Tried::set(Some((Some(now - week), Some([2; 32]))));
		assert_ok!(Dso::execute(signed(DAVE), 0, ENOUGH));
		// What puts nothing into use needs no trial.
		Tried::set(None);
		assert_ok!(submit());
	});
}

#[test]
fn call_should_be_short_enough_to_be_read() {
	build_and_execute(|| {
		set_phase(Phase::Two);
		let remark = vec![0; crate::MAX_CALL_BYTES as usize];
		let call = RuntimeCall::System(frame_system::Call::remark { remark });
		let long = dispatch(Track::Interaction, &call);
		assert_noop!(Dso::submit(signed(ALICE), X, Box::new(long), prose("")), Error::<Test>::CallTooLong);
		// The holders vote on a hash.
		assert_ok!(Dso::submit(signed(ALICE), X, Box::new(motion(false, &call)), prose("")));
	});
}

#[test]
fn economic_numbers_should_move_a_quarter_in_a_week() {
	build_and_execute(|| {
		set_phase(Phase::Three);
		let too_far = pass(ALICE, dispatch(Track::Economic, &fee_call(1_251)));
		unlock(too_far);
		assert_noop!(Dso::execute(signed(DAVE), too_far, ENOUGH), Error::<Test>::StepTooLarge);
		let id = pass(BOB, dispatch(Track::Economic, &fee_call(1_250)));
		execute(id);
		assert_eq!(CallSteps::<Test>::iter().count(), 1);
		Fee::set(1_250);
		// A week later it counts from there.
		let id = pass(CAROL, dispatch(Track::Economic, &fee_call(1_500)));
		execute(id);
	});
}

#[test]
fn track_should_not_dispatch_while_its_phase_is_set_back() {
	build_and_execute(|| {
		set_phase(Phase::Three);
		let id = pass(ALICE, dispatch(Track::Economic, &fee_call(1_100)));
		unlock(id);
		set_phase(Phase::Two);
		assert_noop!(Dso::execute(signed(DAVE), id, ENOUGH), Error::<Test>::TrackClosed);
		set_phase(Phase::Three);
		assert_ok!(Dso::execute(signed(DAVE), id, ENOUGH));
	});
}

#[test]
fn motion_should_wait_in_the_outbox() {
	build_and_execute(|| {
		execute(pass(ALICE, motion(false, &template_call())));
		let (hash, _) = note(&template_call());
		assert_eq!(Outbox::<Test>::get().len(), 1);
		assert!(<Preimage as QueryPreimage>::is_requested(&hash));
		assert_eq!(Dso::motions()[0].hash, hash);
	});
}

#[test]
fn community_should_pay_from_its_treasury() {
	build_and_execute(|| {
		let community = with_members();
		endow(community, 10_000);
		let before = wealth(DAVE);
		decide_below(pay(DAVE, 900));
		assert_eq!(wealth(DAVE), before + 900);
	});
}
