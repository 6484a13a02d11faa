use frame_support::{assert_noop, assert_ok};
use sp_runtime::{DispatchError, Permill, TokenError};

use super::{free, held};
use crate::{
	metadata::{collection_json, uri},
	mock::*,
	CollectionCount, Collections, DefaultCollection, Error, Event, HoldReason, Name,
};

#[test]
fn genesis_should_create_the_open_collection_without_any_money() {
	build_and_execute(|| {
		let details = pallet_nfts::Collection::<Test>::get(open()).unwrap();
		assert_eq!(details.owner, Creations::account_id());
		assert_eq!(Balances::free_balance(Creations::account_id()), 0);
		let info = Creations::collection(open()).unwrap();
		assert_eq!((info.creator, info.name, info.deposit), (None, name("Creations"), 0));
		// The number is taken: a user's collection gets the next one.
		assert_ok!(Nfts::create(signed(2), account(2), Default::default()));
		assert!(pallet_nfts::Collection::<Test>::contains_key(open() + 1));
	});
}

#[test]
fn open_collection_should_be_created_at_the_first_mint_when_an_upgrade_brought_the_pallet() {
	new_test_ext().execute_with(|| {
		let before = open();
		Collections::<Test>::remove(before);
		DefaultCollection::<Test>::kill();
		finalise(1, 1);
		assert_ok!(Creations::mint(signed(1), 1, None, name("First"), Permill::zero()));
		assert_eq!(open(), before + 1);
		assert!(matches!(events().first(), Some(Event::CollectionCreated { creator: None, .. })));
		check().unwrap();
	});
}

#[test]
fn create_collection_should_make_one_that_the_pallet_owns() {
	build_and_execute(|| {
		assert_ok!(Creations::create_collection(signed(1), name("Mine")));
		let collection = open() + 1;
		let info = Collections::<Test>::get(collection).unwrap();
		assert_eq!((info.creator, info.name, info.next_item), (Some(account(1)), name("Mine"), 0));
		assert_eq!(held(HoldReason::Collection, 1), COLLECTION_DEPOSIT);
		assert_eq!(free(1), FUNDS - COLLECTION_DEPOSIT);
		assert_eq!(CollectionCount::<Test>::get(account(1)), 1);
		let details = pallet_nfts::Collection::<Test>::get(collection).unwrap();
		assert_eq!(details.owner, Creations::account_id());
		let metadata = pallet_nfts::CollectionMetadataOf::<Test>::get(collection).unwrap();
		assert_eq!(metadata.data.to_vec(), uri(&collection_json(b"Mine")).into_bytes());
		let event = Event::CollectionCreated {
			collection,
			creator: Some(account(1)),
			name: name("Mine"),
			deposit: COLLECTION_DEPOSIT,
		};
		assert_eq!(events(), vec![event]);
	});
}

#[test]
fn collection_should_keep_its_settings_when_its_creator_tries_to_change_them() {
	build_and_execute(|| {
		assert_ok!(Creations::create_collection(signed(1), name("Mine")));
		let collection = open() + 1;
		let mint_settings = Default::default();
		assert!(Nfts::update_mint_settings(signed(1), collection, mint_settings).is_err());
		assert!(Nfts::set_team(signed(1), collection, Some(account(1)), None, None).is_err());
		assert!(Nfts::transfer_ownership(signed(1), collection, account(1)).is_err());
		assert!(Nfts::force_mint(signed(1), collection, 0, account(1), Default::default()).is_err());
		assert!(Nfts::mint(signed(1), collection, 0, account(1), None).is_err());
		assert!(Nfts::set_collection_metadata(signed(1), collection, b"x".to_vec().try_into().unwrap()).is_err());
	});
}

#[test]
fn create_collection_should_fail_when_the_account_has_too_many() {
	build_and_execute(|| {
		for _ in 0..2 {
			assert_ok!(Creations::create_collection(signed(1), name("Mine")));
		}
		assert_noop!(Creations::create_collection(signed(1), name("Mine")), Error::<Test>::TooManyCollections);
		assert_ok!(Creations::create_collection(signed(2), name("Mine")));
	});
}

#[test]
fn create_collection_should_fail_when_the_name_is_no_name() {
	build_and_execute(|| {
		for bytes in [&b""[..], b"\t", b"\xc3\x28"] {
			let name = Name::try_from(bytes.to_vec()).unwrap();
			assert_noop!(Creations::create_collection(signed(1), name), Error::<Test>::NameInvalid);
		}
	});
}

#[test]
fn create_collection_should_fail_when_the_deposit_cannot_be_paid() {
	build_and_execute(|| {
		assert_noop!(
			Creations::create_collection(signed(99), name("Mine")),
			DispatchError::from(TokenError::FundsUnavailable)
		);
		assert_noop!(Creations::create_collection(RuntimeOrigin::none(), name("Mine")), DispatchError::BadOrigin);
	});
}
