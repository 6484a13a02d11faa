use frame_support::{assert_noop, assert_ok};

use super::info;
use crate::{mock::*, Error, Event};

#[test]
fn set_models_should_record_the_block() {
	build_and_execute(|| {
		let ada = create(ALICE);
		run_to(60);
		assert_ok!(Characters::set_models(signed(ALICE), ada, None, Some(TEXT)));
		assert_eq!((info(ada).image_model, info(ada).language_model, info(ada).changed_at), (None, Some(TEXT), 60));
		assert_eq!(last_event(), Event::ModelsSet { character: ada, image_model: None, language_model: Some(TEXT) });
	});
}

#[test]
fn set_models_should_fail_when_a_model_is_unfit() {
	build_and_execute(|| {
		let ada = create(ALICE);
		for (image, language) in [(Some(TEXT), None), (None, Some(IMAGE)), (None, Some(CLOSED)), (Some(9), None)] {
			let set = Characters::set_models(signed(ALICE), ada, image, language);
			assert_eq!(set, Err(Error::<Test>::ModelUnfit.into()));
		}
	});
}

#[test]
fn set_models_should_fail_when_the_caller_does_not_govern() {
	build_and_execute(|| {
		let ada = create(ALICE);
		assert_noop!(Characters::set_models(signed(BOB), ada, None, None), Error::<Test>::NotGovernor);
		assert_noop!(Characters::set_models(signed(BOB), 9, None, None), Error::<Test>::UnknownCharacter);
	});
}
