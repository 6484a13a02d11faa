use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, types::Anchor, Communities, CommunityByAnchor, Error, Event, Kind, KindTag};

#[test]
fn open_community_should_take_the_number_of_the_item() {
	build_and_execute(|| {
		let (anchor, before) = (Anchor::Character(ADA), wealth(DAVE));
		assert_ok!(Dso::open_community(signed(DAVE), anchor));
		let info = Communities::<Test>::get(of(ADA)).unwrap();
		assert_eq!((info.kind, info.depth, info.deposit), (Kind::Anchored(anchor), 1, COMMUNITY_DEPOSIT));
		assert_eq!(CommunityByAnchor::<Test>::get(anchor), Some(of(ADA)));
		assert_eq!((Dso::parent(of(ADA)), wealth(DAVE)), (Some(X), before));
		assert_eq!(
			last_event(),
			Event::CommunityOpened {
				community: of(ADA),
				kind: info.kind,
				depositor: account(DAVE),
				deposit: COMMUNITY_DEPOSIT
			}
		);
	});
}

#[test]
fn open_community_should_fail_when_it_is_open_or_there_is_no_item() {
	build_and_execute(|| {
		assert_ok!(Dso::open_community(signed(DAVE), Anchor::Model(MODEL)));
		assert_noop!(Dso::open_community(signed(DAVE), Anchor::Model(MODEL)), Error::<Test>::OpenBefore);
		assert_noop!(Dso::open_community(signed(DAVE), Anchor::Character(99)), Error::<Test>::UnknownAnchor);
	});
}

#[test]
fn identity_should_get_a_number_of_its_own() {
	build_and_execute(|| {
		assert_ok!(Dso::open_community(signed(BOB), Anchor::Identity(1)));
		let community = CommunityByAnchor::<Test>::get(Anchor::Identity(1)).unwrap();
		assert!(pallet_bonds::Communities::<Test>::contains_key(community));
		assert_eq!(Communities::<Test>::get(community).unwrap().kind.tag(), KindTag::Identity);
	});
}

#[test]
fn collective_should_need_two_members() {
	build_and_execute(|| {
		Collectives::mutate(|all| all.insert(0, (true, vec![1])));
		assert_noop!(Dso::open_community(signed(DAVE), Anchor::Collective(0)), Error::<Test>::UnknownAnchor);
		Collectives::mutate(|all| all.insert(0, (true, vec![1, 2])));
		assert_ok!(Dso::open_community(signed(DAVE), Anchor::Collective(0)));
	});
}

#[test]
fn sub_identity_should_stand_under_its_parent() {
	build_and_execute(|| {
		Parents::mutate(|parents| parents.insert(2, ADA));
		assert_ok!(Dso::open_community(signed(DAVE), Anchor::Character(2)));
		assert_eq!(Dso::parent(of(2)), Some(of(ADA)));
		assert_eq!(Communities::<Test>::get(of(2)).unwrap().depth, 2);
	});
}
