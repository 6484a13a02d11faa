use frame_support::{assert_noop, assert_ok};

use super::Change;
use crate::{mock::*, Customisation, Customisations, Error, Event, Field};

/// [`chosen`] that a test has changed.
fn changed(change: impl FnOnce(&mut Customisation<u128>)) -> Box<Customisation<u128>> {
	let mut customisation = chosen();
	change(&mut customisation);
	Box::new(customisation)
}

#[test]
fn customise_should_store_what_is_within_bounds() {
	build_and_execute(|| {
		let ada = create(ALICE);
		let other = changed(|chosen| {
			chosen.split = split([700_000, 100_000, 150_000, 0, 50_000]);
			chosen.tiers.truncate(1);
			chosen.dso = Default::default();
		});
		assert_ok!(Characters::customise(signed(ALICE), ada, other.clone()));
		assert_eq!(Customisations::<Test>::get(ada), Some(*other.clone()));
		assert_eq!(last_event(), Event::Customised { character: ada, customisation: other });
	});
}

#[test]
fn customise_should_fail_and_name_the_field_when_it_is_out_of_bounds() {
	build_and_execute(|| {
		let ada = create(ALICE);
		let cases: [(Field, Error<Test>, Change<Customisation<u128>>); 12] = [
			(Field::SplitOwner, Error::SplitOutOfBounds, |c| c.split.owner = ppm(199_999)),
			(Field::SplitInvestors, Error::SplitOutOfBounds, |c| c.split.investors = ppm(500_001)),
			(Field::SplitSum, Error::SplitNotWhole, |c| c.split.owner = ppm(300_001)),
			(Field::MessageBytes, Error::InteractionOutOfBounds, |c| c.interaction.max_message_bytes = 0),
			(Field::ReplyTokens, Error::InteractionOutOfBounds, |c| c.interaction.max_reply_tokens = 513),
			(Field::Temperature, Error::InteractionOutOfBounds, |c| c.interaction.temperature_centi = 201),
			(Field::PricePermille, Error::InteractionOutOfBounds, |c| c.interaction.price_permille = 999),
			(Field::TierCount, Error::TiersOutOfBounds, |c| c.tiers.try_push(tier("More", 0, 0)).unwrap()),
			(Field::TierName, Error::TiersOutOfBounds, |c| c.tiers[2].name = name("")),
			(Field::TierBonded, Error::TiersOutOfBounds, |c| c.tiers[1].bonded = 99),
			(Field::AdvancedFrom, Error::TiersOutOfBounds, |c| c.advanced_from = 3),
			(Field::Dso, Error::DsoOutOfBounds, |c| c.dso[1] = 81),
		];
		for (field, error, change) in cases {
			let customisation = changed(change);
			let check = Characters::check_customisation(0, *customisation.clone(), None);
			assert_eq!(check.unwrap().unwrap_err().field, field);
			assert_noop!(Characters::customise(signed(ALICE), ada, customisation), error);
		}
		let many = changed(|c| c.dso.try_push(1).unwrap());
		assert_noop!(Characters::customise(signed(ALICE), ada, many), Error::<Test>::DsoOutOfBounds);
	});
}

#[test]
fn customise_should_fail_when_the_promise_is_lowered() {
	build_and_execute(|| {
		let ada = create(ALICE);
		let less = changed(|chosen| chosen.split = split([500_000, 99_999, 250_001, 100_000, 50_000]));
		assert_noop!(Characters::customise(signed(ALICE), ada, less), Error::<Test>::PromiseLowered);
	});
}

#[test]
fn customise_should_fail_when_the_caller_does_not_govern() {
	build_and_execute(|| {
		let ada = create(ALICE);
		let customise = |who, id| Characters::customise(signed(who), id, Box::new(chosen()));
		assert_noop!(customise(BOB, ada), Error::<Test>::NotGovernor);
		assert_noop!(customise(ALICE, 9), Error::<Test>::UnknownCharacter);
	});
}
