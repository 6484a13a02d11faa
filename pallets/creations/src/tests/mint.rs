use autonomy_primitives::{community::Pot, payout::Payee};
use codec::Encode;
use frame_support::{assert_noop, assert_ok};
use sp_runtime::{AccountId32, ArithmeticError, DispatchError, Permill, TokenError};

use super::{free, held};
use crate::{
	metadata::{facts, item_json, uri},
	mock::*,
	Collections, Creations as CreationMap, Error, Event, FinalJob, HoldReason, MintedJobs, MintedResults, Name,
	MAX_CREATOR_SHARE, MAX_PAYEES,
};

const FIVE: Permill = Permill::from_percent(5);
/// Whoever has bonded shares of community 3.
const HOLDERS: Payee<AccountId32> = Payee::Pot(3, Pot::Shares);

#[test]
fn mint_should_store_the_work_and_mint_its_nft_when_the_job_is_final() {
	build_and_execute(|| {
		finalise(7, 1);
		Terms::set(vec![(to(50), Permill::from_percent(6)), (HOLDERS, Permill::from_percent(2))]);
		assert_ok!(Creations::mint(signed(1), 7, None, name("A work"), FIVE));

		let creation = CreationMap::<Test>::get(open(), 0).unwrap();
		assert_eq!((creation.job, &creation.work), (7, &final_job(1, 7)));
		assert_eq!(creation.name, name("A work"));
		assert_eq!(creation.minted_at, 1);
		let shares = [(to(1), 5), (to(50), 6), (HOLDERS, 2)].map(|(who, share)| (who, Permill::from_percent(share)));
		assert_eq!(creation.royalties.to_vec(), shares.to_vec());

		let attributes: usize = facts(&creation).iter().map(|(key, value)| key.len() + value.len()).sum();
		let link = uri(&item_json(&creation));
		let bytes = creation.encoded_size() + link.len() + attributes;
		let deposit = DEPOSIT_BASE + 2 * bytes as u64;
		assert_eq!(creation.deposit, deposit);
		assert_eq!(held(HoldReason::Creation, 1), deposit);
		assert_eq!(free(1), FUNDS - deposit, "the nft must cost nothing on top");

		assert_eq!(Nfts::owner(open(), 0), Some(account(1)));
		let metadata = pallet_nfts::ItemMetadataOf::<Test>::get(open(), 0).unwrap();
		assert_eq!(metadata.data.to_vec(), link.into_bytes());
		assert_eq!(MintedJobs::<Test>::get(7), Some((open(), 0)));
		assert_eq!(MintedResults::<Test>::get(final_job(1, 7).result), Some(7));
		assert_eq!(
			events(),
			vec![Event::Minted {
				collection: open(),
				item: 0,
				job: 7,
				creator: account(1),
				model: 3,
				result: final_job(1, 7).result,
				artifact: final_job(1, 7).artifact,
				name: name("A work"),
				royalties: creation.royalties,
				deposit,
			}]
		);
	});
}

#[test]
fn mint_should_number_the_works_of_each_collection() {
	build_and_execute(|| {
		assert_ok!(Creations::create_collection(signed(1), name("Mine")));
		let own = open() + 1;
		assert_eq!(minted(1, 1), (open(), 0));
		assert_eq!(minted(2, 2), (open(), 1));
		finalise(3, 1);
		assert_ok!(Creations::mint(signed(1), 3, Some(own), name("In my own"), FIVE));
		assert_eq!(Creations::creation_of_job(3), Some((own, 0)));
		assert_eq!(Nfts::owner(own, 0), Some(account(1)));
		finalise(4, 1);
		assert_ok!(Creations::mint(signed(1), 4, Some(open()), name("Named"), FIVE));
		assert_eq!(Creations::creation_of_job(4), Some((open(), 2)));
	});
}

#[test]
fn mint_should_add_up_what_a_payee_gets_several_times() {
	build_and_execute(|| {
		finalise(1, 1);
		let share = |who, percent| (who, Permill::from_percent(percent));
		let auton = Payee::Pot(3, Pot::Auton);
		let terms = [(HOLDERS, 3), (to(1), 4), (to(51), 0), (auton.clone(), 1), (Payee::Treasury(3), 1), (HOLDERS, 2)];
		Terms::set(terms.map(|(who, percent)| share(who, percent)).to_vec());
		assert_ok!(Creations::mint(signed(1), 1, None, name("A work"), FIVE));
		// The two pots of a community and its treasury are three payees.
		let expected = [(to(1), 9), (HOLDERS, 5), (auton, 1), (Payee::Treasury(3), 1)];
		let expected = expected.map(|(who, percent)| share(who, percent));
		assert_eq!(Creations::royalties(open(), 0).unwrap().to_vec(), expected.to_vec());
	});
}

#[test]
fn mint_should_leave_the_creator_out_when_no_share_is_asked_for() {
	build_and_execute(|| {
		finalise(1, 1);
		assert_ok!(Creations::mint(signed(1), 1, None, name("A gift"), Permill::zero()));
		assert!(Creations::royalties(open(), 0).unwrap().is_empty());
	});
}

#[test]
fn mint_should_keep_the_royalties_when_the_terms_change() {
	build_and_execute(|| {
		Terms::set(vec![(to(50), FIVE)]);
		let (collection, item) = minted(1, 1);
		let before = Creations::royalties(collection, item);
		Terms::set(vec![(to(51), FIVE)]);
		assert_eq!(Creations::royalties(collection, item), before);
	});
}

#[test]
fn mint_should_fail_when_the_job_is_not_final() {
	build_and_execute(|| {
		assert_noop!(Creations::mint(signed(1), 7, None, name("A work"), FIVE), Error::<Test>::JobNotFinal);
	});
}

#[test]
fn mint_should_fail_when_the_job_is_anothers() {
	build_and_execute(|| {
		finalise(7, 1);
		assert_noop!(Creations::mint(signed(2), 7, None, name("A work"), FIVE), Error::<Test>::NotRequester);
		assert_noop!(Creations::mint(RuntimeOrigin::root(), 7, None, name("A work"), FIVE), DispatchError::BadOrigin);
	});
}

#[test]
fn mint_should_fail_when_the_job_was_minted() {
	build_and_execute(|| {
		assert_ok!(Creations::create_collection(signed(1), name("Mine")));
		let (collection, item) = minted(7, 1);
		for into in [None, Some(open()), Some(open() + 1)] {
			assert_noop!(Creations::mint(signed(1), 7, into, name("Again"), FIVE), Error::<Test>::JobMinted);
		}
		assert_ok!(Nfts::transfer(signed(1), collection, item, account(2)));
		assert_ok!(Creations::burn(signed(2), collection, item));
		assert_noop!(Creations::mint(signed(1), 7, None, name("Again"), FIVE), Error::<Test>::JobMinted);
	});
}

#[test]
fn mint_should_fail_when_an_equal_output_was_minted() {
	build_and_execute(|| {
		let (collection, item) = minted(7, 1);
		finalise_as(8, FinalJob { requester: account(2), ..final_job(1, 7) });
		assert_noop!(Creations::mint(signed(2), 8, None, name("Copy"), FIVE), Error::<Test>::OutputMinted);
		assert_ok!(Creations::burn(signed(1), collection, item));
		assert_noop!(Creations::mint(signed(2), 8, None, name("Copy"), FIVE), Error::<Test>::OutputMinted);
	});
}

#[test]
fn mint_should_fail_when_the_collection_is_unknown_or_anothers() {
	build_and_execute(|| {
		finalise(7, 1);
		let error = Error::<Test>::UnknownCollection;
		assert_noop!(Creations::mint(signed(1), 7, Some(9), name("A work"), FIVE), error);
		// A collection of pallet-nfts that this pallet does not know of.
		assert_ok!(Nfts::create(signed(1), account(1), Default::default()));
		let error = Error::<Test>::UnknownCollection;
		assert_noop!(Creations::mint(signed(1), 7, Some(open() + 1), name("A work"), FIVE), error);
		assert_ok!(Creations::create_collection(signed(2), name("Hers")));
		let error = Error::<Test>::NotCollectionCreator;
		assert_noop!(Creations::mint(signed(1), 7, Some(open() + 2), name("A work"), FIVE), error);
	});
}

#[test]
fn mint_should_fail_when_the_name_is_no_name() {
	build_and_execute(|| {
		finalise(7, 1);
		for bytes in [&b""[..], b"  ", b"a\nb", b"a\0", b"\xff\xfe", "\u{85}".as_bytes()] {
			let name = Name::try_from(bytes.to_vec()).unwrap();
			assert_noop!(Creations::mint(signed(1), 7, None, name, FIVE), Error::<Test>::NameInvalid);
		}
		assert_ok!(Creations::mint(signed(1), 7, None, name("Ein \"Bild\" – 絵"), FIVE));
	});
}

#[test]
fn mint_should_fail_when_the_creators_share_is_too_high() {
	build_and_execute(|| {
		finalise(7, 1);
		let above = Permill::from_parts(MAX_CREATOR_SHARE.deconstruct() + 1);
		assert_noop!(Creations::mint(signed(1), 7, None, name("Dear"), above), Error::<Test>::CreatorShareTooHigh);
		assert_ok!(Creations::mint(signed(1), 7, None, name("Dear"), MAX_CREATOR_SHARE));
	});
}

#[test]
fn mint_should_fail_when_the_royalties_are_above_the_cap() {
	build_and_execute(|| {
		finalise(7, 1);
		Terms::set(vec![(to(50), Permill::from_percent(15)), (HOLDERS, Permill::from_parts(50_001))]);
		assert_noop!(Creations::mint(signed(1), 7, None, name("Dear"), FIVE), Error::<Test>::RoyaltyAboveCap);
		Terms::set(vec![(to(50), Permill::one()), (HOLDERS, Permill::one())]);
		assert_noop!(Creations::mint(signed(1), 7, None, name("Dear"), FIVE), Error::<Test>::RoyaltyAboveCap);
		Terms::set(vec![(to(50), Permill::from_percent(15)), (HOLDERS, FIVE)]);
		assert_ok!(Creations::mint(signed(1), 7, None, name("At the cap"), FIVE));
	});
}

#[test]
fn mint_should_fail_when_there_are_too_many_payees() {
	build_and_execute(|| {
		finalise(7, 1);
		let payees = |count: u32| (0..count).map(|n| (Payee::Pot(n, Pot::Shares), Permill::from_parts(1))).collect();
		Terms::set(payees(MAX_PAYEES));
		assert_noop!(Creations::mint(signed(1), 7, None, name("Shared"), FIVE), Error::<Test>::TooManyPayees);
		Terms::set(payees(MAX_PAYEES - 1));
		assert_ok!(Creations::mint(signed(1), 7, None, name("Shared"), FIVE));
		assert_eq!(Creations::royalties(open(), 0).unwrap().len(), MAX_PAYEES as usize);
	});
}

#[test]
fn mint_should_fail_when_the_deposit_cannot_be_paid() {
	build_and_execute(|| {
		finalise(7, 99);
		assert_noop!(
			Creations::mint(signed(99), 7, None, name("A work"), FIVE),
			DispatchError::from(TokenError::FundsUnavailable)
		);
	});
}

#[test]
fn mint_should_fail_when_numbers_run_out() {
	new_test_ext().execute_with(|| {
		finalise(7, 1);
		Collections::<Test>::mutate(open(), |info| info.as_mut().unwrap().next_item = u32::MAX);
		assert_noop!(Creations::mint(signed(1), 7, None, name("A work"), FIVE), ArithmeticError::Overflow);
	});
}

#[test]
fn output_of_a_job_should_be_minted_once_whoever_tries_in_whichever_order() {
	build_and_execute(|| {
		assert_ok!(Creations::create_collection(signed(1), name("Mine")));
		// Two jobs of two requesters with an equal output, and one of the first requester's again.
		finalise(7, 1);
		finalise_as(8, FinalJob { requester: account(2), ..final_job(1, 7) });
		finalise_as(9, final_job(1, 7));
		assert_ok!(Creations::mint(signed(2), 8, None, name("First"), FIVE));
		for (job, who) in [(7, 1), (9, 1)] {
			for into in [None, Some(open()), Some(open() + 1)] {
				assert_noop!(Creations::mint(signed(who), job, into, name("Again"), FIVE), Error::<Test>::OutputMinted);
			}
		}
		assert_noop!(Creations::mint(signed(2), 8, None, name("Again"), FIVE), Error::<Test>::JobMinted);
		assert_eq!(CreationMap::<Test>::iter().count(), 1);
		assert_eq!((MintedJobs::<Test>::iter().count(), MintedResults::<Test>::iter().count()), (1, 1));
	});
}
