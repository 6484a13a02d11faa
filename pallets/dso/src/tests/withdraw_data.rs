use autonomy_governance::{Phase, Side};
use codec::Encode;
use frame_support::{assert_noop, assert_ok};

use super::holders_of_the_model;
use crate::{
	mock::*,
	types::{Anchor, Capacity},
	Action, DataGivers, Error, Event, ModelAction,
};

const ROOT: [u8; 36] = [5; 36];

fn set_root(approved: bool) -> ModelAction<u128> {
	ModelAction::SetDataRoot { root: ROOT, approved }
}

/// A contributor of data offers some, and the community approves of it.
fn offered(giver: u8) {
	assert_eq!(Dso::community(of_model()).map(|info| info.seats), Some(1));
	let id = propose(giver, of_model(), Action::Model(set_root(true)));
	open(id);
	assert_ok!(Dso::vote(signed(ALICE), id, Capacity::Holder(Anchor::Model(MODEL)), Side::Aye));
	close(id);
	execute(id);
}

#[test]
fn giver_should_take_its_data_back_without_a_vote() {
	build_and_execute(|| {
		holders_of_the_model();
		offered(BOB);
		assert_eq!(DataGivers::<Test>::get(of_model(), ROOT), Some(account(BOB)));
		assert_noop!(Dso::withdraw_data(signed(ALICE), of_model(), ROOT), Error::<Test>::NotGiver);
		assert_noop!(Dso::withdraw_data(signed(BOB), of_model(), [6; 36]), Error::<Test>::UnknownData);
		assert_ok!(Dso::withdraw_data(signed(BOB), of_model(), ROOT));
		assert_eq!(Done::get().last(), Some(&(of_model(), Anchor::Model(MODEL), set_root(false).encode())));
		assert_eq!(last_event(), Event::DataWithdrawn { community: of_model(), root: ROOT, giver: account(BOB) });
		assert_noop!(Dso::withdraw_data(signed(BOB), of_model(), ROOT), Error::<Test>::UnknownData);
	});
}

#[test]
fn giver_should_take_its_data_back_in_every_phase_and_in_spite_of_a_pause() {
	build_and_execute(|| {
		holders_of_the_model();
		offered(BOB);
		set_phase(Phase::One);
		assert_ok!(Dso::pause(signed(GUARD), crate::Scope::All, [1; 32]));
		assert_ok!(Dso::withdraw_data(signed(BOB), of_model(), ROOT));
	});
}

#[test]
fn data_should_stay_its_giver_s_while_it_is_approved() {
	build_and_execute(|| {
		holders_of_the_model();
		offered(BOB);
		// Somebody else offers the same.
		offered(ALICE);
		assert_eq!(DataGivers::<Test>::get(of_model(), ROOT), Some(account(BOB)));
		let id = propose(ALICE, of_model(), Action::Model(set_root(false)));
		open(id);
		assert_ok!(Dso::vote(signed(ALICE), id, Capacity::Holder(Anchor::Model(MODEL)), Side::Aye));
		close(id);
		execute(id);
		assert_noop!(Dso::withdraw_data(signed(BOB), of_model(), ROOT), Error::<Test>::UnknownData);
	});
}

#[test]
fn nothing_should_be_withdrawn_that_the_model_does_not_let_go() {
	build_and_execute(|| {
		holders_of_the_model();
		offered(BOB);
		SubjectsFail::set(true);
		assert!(Dso::withdraw_data(signed(BOB), of_model(), ROOT).is_err());
		assert_eq!(DataGivers::<Test>::get(of_model(), ROOT), Some(account(BOB)));
	});
}
