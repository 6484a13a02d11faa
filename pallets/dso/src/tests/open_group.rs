use autonomy_primitives::community::{Class, CommunityId};
use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, types::Anchor, Badges, Communities, Error, Kind};

fn group(who: u8, parent: CommunityId) -> CommunityId {
	assert_ok!(Dso::open_group(signed(who), parent));
	pallet_bonds::NextCommunityId::<Test>::get() - 1
}

#[test]
fn open_group_should_make_the_founder_a_contributor() {
	build_and_execute(|| {
		let community = group(BOB, X);
		let info = Communities::<Test>::get(community).unwrap();
		assert_eq!((info.kind, info.depth), (Kind::Group { parent: X }, 1));
		assert_eq!(Badges::<Test>::get(community, account(BOB)).unwrap().points, 5);
		assert_eq!(Communities::<Test>::get(X).unwrap().groups, 1);
		go_on(1);
		let lines = Dso::power(community, account(BOB));
		assert_eq!((lines[0].class, lines[0].own, lines[0].total), (Class::Contributor, 5, 25));
	});
}

#[test]
fn open_group_should_fail_when_it_would_be_too_deep() {
	build_and_execute(|| {
		let mut above = X;
		for _ in 0..3 {
			above = group(BOB, above);
			go_on(1);
		}
		assert_noop!(Dso::open_group(signed(BOB), above), Error::<Test>::TooDeep);
	});
}

#[test]
fn open_group_should_fail_for_strangers_and_when_there_are_too_many() {
	build_and_execute(|| {
		assert_noop!(Dso::open_group(signed(DAVE), X), Error::<Test>::NotMember);
		for _ in 0..3 {
			group(BOB, X);
		}
		assert_noop!(Dso::open_group(signed(BOB), X), Error::<Test>::TooManyGroups);
		assert_noop!(Dso::open_group(signed(BOB), 99), Error::<Test>::UnknownCommunity);
	});
}

#[test]
fn holder_should_open_groups_of_a_character() {
	build_and_execute(|| {
		let community = group(ALICE, of(ADA));
		assert_eq!(Dso::parent(community), Some(of(ADA)));
		assert!(Communities::<Test>::contains_key(of(ADA)), "it was opened on first use");
		assert_eq!(Dso::community(of(ADA)).unwrap().kind, Kind::Anchored(Anchor::Character(ADA)));
	});
}
