use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError;

use super::info;
use crate::{characters::metadata, mock::*, Collection, Error, Event};

#[test]
fn set_persona_should_record_the_block_and_the_metadata() {
	build_and_execute(|| {
		let ada = create(ALICE);
		run_to(50);
		assert_ok!(Characters::set_persona(signed(ALICE), ada, persona("Eve")));
		assert_eq!((info(ada).persona, info(ada).created_at, info(ada).changed_at), (persona("Eve"), DAY, 50));
		assert_eq!(Characters::unchanged_since(ada), Some(50));
		let collection = Collection::<Test>::get().unwrap();
		let uri = pallet_nfts::ItemMetadataOf::<Test>::get(collection, ada).unwrap().data;
		assert_eq!(uri.into_inner(), metadata(&persona("Eve")));
		assert_eq!(last_event(), Event::PersonaSet { character: ada, persona: persona("Eve") });
	});
}

#[test]
fn set_persona_should_be_the_communitys_roots_or_the_owners() {
	build_and_execute(|| {
		let (ada, bea) = (create(ALICE), create(BOB));
		let set = |origin| Characters::set_persona(origin, ada, persona("Eve"));
		assert_noop!(set(signed(BOB)), Error::<Test>::NotGovernor);
		assert_noop!(set(RuntimeOrigin::none()), DispatchError::BadOrigin);
		assert_ok!(set(RuntimeOrigin::root()));
		Deciding::set(Some(community(bea)));
		assert_noop!(set(signed(DSO)), Error::<Test>::NotGovernor);
		Deciding::set(Some(community(ada)));
		assert_ok!(set(signed(DSO)));
		OwnerGoverns::set(false);
		assert_noop!(set(signed(ALICE)), Error::<Test>::NotGovernor);
	});
}

#[test]
fn set_persona_should_follow_the_nft() {
	build_and_execute(|| {
		let ada = create(ALICE);
		let collection = Collection::<Test>::get().unwrap();
		assert_ok!(Nfts::transfer(signed(ALICE), collection, ada, account(BOB)));
		let set = |who| Characters::set_persona(signed(who), ada, persona("Eve"));
		assert_noop!(set(ALICE), Error::<Test>::NotGovernor);
		assert_ok!(set(BOB));
		// Without an owner the community still can.
		assert_ok!(Nfts::burn(signed(BOB), collection, ada));
		assert_noop!(set(BOB), Error::<Test>::NotGovernor);
		assert_ok!(Characters::set_persona(RuntimeOrigin::root(), ada, persona("Zoe")));
	});
}

#[test]
fn set_persona_should_fail_when_it_is_no_cid_or_no_character() {
	build_and_execute(|| {
		let ada = create(ALICE);
		assert_noop!(Characters::set_persona(signed(ALICE), ada, [1; 36]), Error::<Test>::PersonaNotCid);
		assert_noop!(Characters::set_persona(signed(ALICE), 9, persona("Eve")), Error::<Test>::UnknownCharacter);
	});
}
