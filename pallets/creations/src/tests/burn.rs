use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError;

use super::{free, held};
use crate::{mock::*, Creations as CreationMap, Error, Event, HoldReason, MintedJobs, MintedResults};

/// Entries that pallet-nfts has of an item: details, configuration, metadata, attributes.
fn left(collection: u32, item: u32) -> usize {
	let details = usize::from(pallet_nfts::Item::<Test>::contains_key(collection, item));
	let config = usize::from(pallet_nfts::ItemConfigOf::<Test>::contains_key(collection, item));
	let metadata = usize::from(pallet_nfts::ItemMetadataOf::<Test>::contains_key(collection, item));
	details + config + metadata + pallet_nfts::Attribute::<Test>::iter_prefix((collection, Some(item))).count()
}

#[test]
fn burn_should_leave_nothing_but_the_record_that_the_job_was_minted() {
	build_and_execute(|| {
		let (collection, item) = minted(7, 1);
		assert_eq!(left(collection, item), 11);
		let deposit = CreationMap::<Test>::get(collection, item).unwrap().deposit;
		assert_ok!(Creations::burn(signed(1), collection, item));

		assert_eq!((free(1), held(HoldReason::Creation, 1)), (FUNDS, 0));
		assert!(!CreationMap::<Test>::contains_key(collection, item));
		assert_eq!(left(collection, item), 0);
		assert_eq!(MintedJobs::<Test>::get(7), Some((collection, item)));
		assert_eq!(MintedResults::<Test>::get(final_job(1, 7).result), Some(7));
		let event = Event::Burnt { collection, item, job: 7, creator: account(1), deposit };
		assert_eq!(events().pop(), Some(event));
	});
}

#[test]
fn burn_should_return_the_deposit_to_the_creator_when_the_holder_is_another() {
	build_and_execute(|| {
		let (collection, item) = minted(7, 1);
		assert_ok!(Nfts::transfer(signed(1), collection, item, account(2)));
		assert_noop!(Creations::burn(signed(1), collection, item), Error::<Test>::NotOwner);
		assert_ok!(Creations::burn(signed(2), collection, item));
		assert_eq!((free(1), free(2)), (FUNDS, FUNDS));
	});
}

#[test]
fn burn_should_clean_up_for_anyone_when_the_nft_was_burnt_in_pallet_nfts() {
	build_and_execute(|| {
		let (collection, item) = minted(7, 1);
		assert_ok!(Nfts::burn(signed(1), collection, item));
		assert_eq!(left(collection, item), 8, "the attributes are left");
		assert!(held(HoldReason::Creation, 1) > 0);
		check().unwrap();
		assert_ok!(Creations::burn(signed(5), collection, item));
		assert_eq!(left(collection, item), 0);
		assert_eq!(free(1), FUNDS);
		assert_noop!(Creations::burn(signed(5), collection, item), Error::<Test>::UnknownCreation);
	});
}

#[test]
fn burn_should_pass_over_an_attribute_that_root_has_cleared() {
	build_and_execute(|| {
		let (collection, item) = minted(7, 1);
		let namespace = pallet_nfts::AttributeNamespace::Pallet;
		let key = b"seed".to_vec().try_into().unwrap();
		assert_ok!(Nfts::clear_attribute(RuntimeOrigin::root(), collection, Some(item), namespace, key));
		assert_ok!(Creations::burn(signed(1), collection, item));
		assert_eq!(left(collection, item), 0);
	});
}

#[test]
fn burn_should_fail_when_the_work_is_on_sale() {
	build_and_execute(|| {
		let (collection, item) = minted(7, 1);
		Locked::set(vec![(collection, item)]);
		assert_noop!(Creations::burn(signed(1), collection, item), pallet_nfts::Error::<Test>::ItemLocked);
		Locked::set(vec![]);
		assert_ok!(Creations::burn(signed(1), collection, item));
	});
}

#[test]
fn burn_should_fail_when_the_work_is_unknown() {
	build_and_execute(|| {
		assert_noop!(Creations::burn(signed(1), open(), 0), Error::<Test>::UnknownCreation);
		assert_noop!(Creations::burn(RuntimeOrigin::root(), open(), 0), DispatchError::BadOrigin);
	});
}

#[test]
fn burn_should_pay_the_deposit_back_when_the_creator_has_nothing_else() {
	use frame_support::traits::{fungible::Mutate, tokens::Preservation};
	build_and_execute(|| {
		let (collection, item) = minted(7, 1);
		assert_ok!(Nfts::transfer(signed(1), collection, item, account(2)));
		// Something else keeps the account alive.
		frame_system::Pallet::<Test>::inc_providers(&account(1));
		let all = free(1);
		assert_ok!(<Balances as Mutate<_>>::transfer(&account(1), &account(3), all, Preservation::Expendable));
		assert_eq!(free(1), 0);
		let deposit = held(HoldReason::Creation, 1);
		assert_ok!(Creations::burn(signed(2), collection, item));
		assert_eq!(free(1), deposit);
	});
}
