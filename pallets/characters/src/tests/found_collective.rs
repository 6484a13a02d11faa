use frame_support::{assert_noop, assert_ok};

use super::{adopt, held, info};
use crate::{mock::*, CollectiveMode, Collectives, Error, Event, HoldReason, Seat};

#[test]
fn found_collective_should_have_one_member_and_no_seat_yet() {
	build_and_execute(|| {
		let ada = create(ALICE);
		let before = held(HoldReason::Deposit, ALICE);
		assert_ok!(Characters::found_collective(signed(ALICE), ada, name("Band"), CollectiveMode::Pooled));
		let stored = Collectives::<Test>::get(0).unwrap();
		assert_eq!((stored.members.into_inner(), stored.invited.into_inner()), (vec![ada], vec![]));
		assert_eq!(held(HoldReason::Deposit, ALICE), before + stored.deposit);
		assert_eq!((info(ada).collective, Characters::seat(ada)), (Some(0), Some(Seat::Own)));
		let event = Event::CollectiveFounded {
			collective: 0,
			character: ada,
			name: name("Band"),
			mode: CollectiveMode::Pooled,
			founder: account(ALICE),
			deposit: stored.deposit,
		};
		assert_eq!(last_event(), event);
	});
}

#[test]
fn found_collective_should_be_paid_by_the_treasury_when_the_community_decides() {
	build_and_execute(|| {
		let ada = create(ALICE);
		assert_ok!(Balances::transfer_allow_death(signed(BOB), treasury(ada), 10_000));
		Deciding::set(Some(community(ada)));
		assert_ok!(Characters::found_collective(signed(DSO), ada, name("Band"), CollectiveMode::Pooled));
		assert_eq!(Collectives::<Test>::get(0).unwrap().founder, treasury(ada));
	});
}

#[test]
fn found_collective_should_fail_when_the_character_is_seated() {
	build_and_execute(|| {
		let (ada, bea) = (create(ALICE), create(ALICE));
		let found =
			|who, id, text| Characters::found_collective(signed(who), id, name(text), CollectiveMode::Federated);
		assert_noop!(found(BOB, ada, "Band"), Error::<Test>::NotGovernor);
		assert_noop!(found(ALICE, 9, "Band"), Error::<Test>::UnknownCharacter);
		assert_noop!(found(ALICE, ada, " "), Error::<Test>::NameInvalid);
		adopt(ada, bea, ALICE);
		assert_noop!(found(ALICE, bea, "Band"), Error::<Test>::HasParent);
		assert_ok!(found(ALICE, ada, "Band"));
		assert_noop!(found(ALICE, ada, "Duo"), Error::<Test>::AlreadyInCollective);
	});
}
