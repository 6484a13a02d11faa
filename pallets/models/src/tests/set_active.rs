use autonomy_primitives::model::ModelRegistry;
use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError;

use crate::{mock::*, Error, Event};

#[test]
fn set_active_should_close_and_open_the_model_when_the_owner_asks() {
	build_and_execute(|| {
		let owner = RuntimeOrigin::signed(account(1));
		assert_ok!(Models::register(owner.clone(), details("model")));
		for active in [false, true] {
			assert_ok!(Models::set_active(owner.clone(), 0, active));
			assert_eq!(<Models as ModelRegistry<sp_runtime::AccountId32, u64>>::terms(0).unwrap().active, active);
			assert_eq!(events().pop(), Some(Event::ActiveSet { model: 0, active }));
		}
	});
}

#[test]
fn set_active_should_fail_when_the_caller_is_not_the_owner() {
	build_and_execute(|| {
		assert_ok!(Models::register(RuntimeOrigin::signed(account(1)), details("model")));
		assert_noop!(Models::set_active(RuntimeOrigin::signed(account(2)), 0, false), Error::<Test>::NotOwner);
		assert_noop!(Models::set_active(RuntimeOrigin::none(), 0, false), DispatchError::BadOrigin);
	});
}

#[test]
fn set_active_should_fail_when_the_model_is_unknown() {
	build_and_execute(|| {
		assert_noop!(Models::set_active(RuntimeOrigin::signed(account(1)), 3, false), Error::<Test>::UnknownModel);
	});
}
