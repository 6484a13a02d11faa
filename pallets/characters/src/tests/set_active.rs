use frame_support::{assert_noop, assert_ok};

use super::info;
use crate::{mock::*, ActiveCharacters, Error, Event};

#[test]
fn set_active_should_open_and_close() {
	build_and_execute(|| {
		let ada = create(ALICE);
		for active in [false, true] {
			assert_ok!(Characters::set_active(signed(ALICE), ada, active));
			assert_eq!((info(ada).active, ActiveCharacters::<Test>::get()), (active, u32::from(active)));
			assert_eq!(last_event(), Event::ActiveSet { character: ada, active });
		}
	});
}

#[test]
fn set_active_should_fail_when_the_caller_does_not_govern() {
	build_and_execute(|| {
		let ada = create(ALICE);
		assert_noop!(Characters::set_active(signed(BOB), ada, false), Error::<Test>::NotGovernor);
		assert_noop!(Characters::set_active(signed(BOB), 9, false), Error::<Test>::UnknownCharacter);
	});
}
