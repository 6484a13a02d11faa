use frame_support::{assert_noop, assert_ok};
use sp_runtime::{DispatchError, TokenError};

use super::{free, held, info};
use crate::{
	characters::metadata, mock::*, CharacterByCommunity, CharacterDetails, Collection, CollectionIdOf, Customisations,
	Error, Event, HoldReason, NextCharacterId, Rounds,
};

fn collection() -> CollectionIdOf<Test> {
	Collection::<Test>::get().unwrap()
}

/// Details that a test has changed.
fn changed(change: impl FnOnce(&mut CharacterDetails<u128, u64>)) -> Box<CharacterDetails<u128, u64>> {
	let mut details = details();
	change(&mut details);
	details
}

#[test]
fn create_should_mint_burn_hold_and_open() {
	build_and_execute(|| {
		assert_ok!(Characters::create(signed(ALICE), details()));
		let deposit = Characters::character_deposit(true);
		assert_eq!(held(HoldReason::Deposit, ALICE), deposit);
		assert_eq!(free(ALICE), FUNDS - deposit - BURN);
		assert_eq!(Nfts::owner(collection(), 0), Some(account(ALICE)));
		let uri = pallet_nfts::ItemMetadataOf::<Test>::get(collection(), 0).unwrap().data;
		assert_eq!(uri.into_inner(), metadata(&persona("Ada")));
		let stored = info(0);
		assert_eq!((stored.template, stored.persona, stored.active), (0, persona("Ada"), true));
		assert_eq!((stored.created_at, stored.changed_at), (DAY, DAY));
		assert_eq!((stored.promise, stored.creator, stored.deposit), (ppm(100_000), account(ALICE), deposit));
		assert_eq!(Customisations::<Test>::get(0), Some(chosen()));
		assert_eq!(CharacterByCommunity::<Test>::get(stored.community), Some(0));
		let round = Rounds::<Test>::get(0).unwrap();
		assert_eq!((round.shares, round.closes_at, round.sold), (FIRST_SHARES, DAY + 100, 0));
		assert_eq!(pallet_bonds::Communities::<Test>::get(stored.community).unwrap().shares, Some(FIRST_SHARES));
		let event = Event::CharacterCreated {
			character: 0,
			owner: account(ALICE),
			community: stored.community,
			shares: Some(FIRST_SHARES),
			details: details(),
			burned: BURN,
			deposit,
		};
		assert_eq!(events(), vec![event]);
	});
}

#[test]
fn create_should_need_neither_models_nor_a_round() {
	build_and_execute(|| {
		let bare = changed(|details| {
			details.image_model = None;
			details.language_model = None;
			details.round = None;
		});
		assert_ok!(Characters::create(signed(ALICE), bare));
		assert_eq!((Rounds::<Test>::get(0), info(0).promise), (None, ppm(0)));
		assert_eq!(info(0).deposit, Characters::character_deposit(false));
	});
}

#[test]
fn create_should_fail_when_what_is_said_is_wrong() {
	build_and_execute(|| {
		let create = |details| Characters::create(signed(ALICE), details);
		assert_noop!(create(changed(|details| details.template = 1)), Error::<Test>::UnknownTemplate);
		assert_noop!(create(changed(|details| details.name = name(""))), Error::<Test>::NameInvalid);
		assert_noop!(create(changed(|details| details.persona = [0; 36])), Error::<Test>::PersonaNotCid);
		for model in [TEXT, 9] {
			assert_noop!(create(changed(|details| details.image_model = Some(model))), Error::<Test>::ModelUnfit);
		}
		for model in [IMAGE, CLOSED] {
			assert_noop!(create(changed(|details| details.language_model = Some(model))), Error::<Test>::ModelUnfit);
		}
		assert_noop!(Characters::create(RuntimeOrigin::root(), details()), DispatchError::BadOrigin);
	});
}

#[test]
fn create_should_fail_when_the_round_is_out_of_bounds() {
	build_and_execute(|| {
		let change: [fn(&mut crate::RoundTermsOf<Test>); 6] = [
			|terms| terms.supply = 0,
			|terms| terms.price = crate::PriceRule::Fixed { price: 10_001 },
			|terms| terms.price = crate::PriceRule::Linear { start: 1, slope: 1_000_000_001 },
			|terms| terms.cap = 0,
			|terms| terms.duration = 1_001,
			// More than the split gives them.
			|terms| terms.promise = ppm(300_001),
		];
		for change in change {
			let details = changed(|details| change(details.round.as_mut().unwrap()));
			assert_noop!(Characters::create(signed(ALICE), details), Error::<Test>::RoundOutOfBounds);
		}
		let mut without = template();
		without.round = None;
		assert_ok!(Characters::set_template(RuntimeOrigin::root(), Some(0), Box::new(without)));
		assert_noop!(Characters::create(signed(ALICE), details()), Error::<Test>::RoundOutOfBounds);
	});
}

#[test]
fn create_should_fail_when_it_cannot_be_paid() {
	build_and_execute(|| {
		let poor = 50;
		let create = || Characters::create(signed(poor), details());
		assert_noop!(create(), DispatchError::from(TokenError::FundsUnavailable));
		assert_eq!(NextCharacterId::<Test>::get(), 0);
	});
}
