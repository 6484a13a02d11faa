use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError;

use super::Change;
use crate::{charter, mock::*, Error, Event, Field, NextTemplateId, TemplateVersions, Templates};

#[test]
fn set_template_should_store_every_version() {
	build_and_execute(|| {
		let mut newer = template();
		newer.advanced_from.max = 1;
		assert_ok!(Characters::set_template(RuntimeOrigin::root(), Some(0), Box::new(newer.clone())));
		assert_ok!(Characters::set_template(RuntimeOrigin::root(), None, Box::new(template())));
		assert_eq!(Templates::<Test>::get(0, 1), Some(template()));
		assert_eq!(Templates::<Test>::get(0, 2), Some(newer.clone()));
		assert_eq!((TemplateVersions::<Test>::get(0), TemplateVersions::<Test>::get(1)), (Some(2), Some(1)));
		assert_eq!(NextTemplateId::<Test>::get(), 2);
		let set = |template, version, bounds| Event::TemplateSet { template, version, bounds: Box::new(bounds) };
		assert_eq!(events(), vec![set(0, 2, newer), set(1, 1, template())]);
	});
}

#[test]
fn set_template_should_fail_when_the_caller_is_not_the_origin() {
	build_and_execute(|| {
		let done = Characters::set_template(signed(ALICE), None, Box::new(template()));
		assert_eq!(done, Err(DispatchError::BadOrigin));
	});
}

#[test]
fn set_template_should_fail_when_there_is_none_to_renew() {
	build_and_execute(|| {
		let done = || Characters::set_template(RuntimeOrigin::root(), Some(1), Box::new(template()));
		assert_noop!(done(), Error::<Test>::UnknownTemplate);
	});
}

#[test]
fn set_template_should_fail_when_the_name_is_blank() {
	build_and_execute(|| {
		let mut blank = template();
		blank.name = name(" ");
		let done = || Characters::set_template(RuntimeOrigin::root(), None, Box::new(blank.clone()));
		assert_noop!(done(), Error::<Test>::NameInvalid);
	});
}

#[test]
fn set_template_should_fail_when_it_contradicts_itself() {
	build_and_execute(|| {
		let change: [(Field, Change<crate::TemplateOf<Test>>); 9] = [
			(Field::SplitOwner, |t| t.split.owner.min = ppm(500_000)),
			(Field::SplitSum, |t| t.split.owner.default = ppm(400_001)),
			(Field::MessageBytes, |t| t.interaction.max_message_bytes.min = 0),
			(Field::PricePermille, |t| t.interaction.price_permille.min = 999),
			(Field::TierBonded, |t| t.tiers[1].bonded.max = 0),
			(Field::TierName, |t| t.tiers[0].name = name("\n")),
			(Field::AdvancedFrom, |t| t.advanced_from.min = 2),
			(Field::RoundSupply, |t| t.round.as_mut().unwrap().supply.min = 0),
			(Field::Dso, |t| t.dso[0].min = 50),
		];
		for (field, change) in change {
			let mut bounds = template();
			change(&mut bounds);
			assert_eq!(charter::check_template(&bounds).unwrap_err().field, field);
			let done = || Characters::set_template(RuntimeOrigin::root(), None, Box::new(bounds.clone()));
			assert_noop!(done(), Error::<Test>::TemplateInvalid);
		}
	});
}
