use frame_support::{assert_noop, assert_ok};

use super::{adopt, collective, info};
use crate::{mock::*, AskedParents, CollectiveMode, Error, Event};

#[test]
fn ask_parent_should_wait_for_the_parent() {
	build_and_execute(|| {
		let (ada, bea) = (create(ALICE), create(BOB));
		assert_ok!(Characters::ask_parent(signed(BOB), bea, Some(ada)));
		assert_eq!((AskedParents::<Test>::get(bea), info(bea).parent), (Some(ada), None));
		assert_eq!(last_event(), Event::ParentAsked { child: bea, parent: Some(ada) });
		assert_ok!(Characters::ask_parent(signed(BOB), bea, None));
		assert_eq!(AskedParents::<Test>::get(bea), None);
		assert_noop!(Characters::accept_child(signed(ALICE), ada, bea), Error::<Test>::ParentNotAsked);
	});
}

#[test]
fn ask_parent_should_fail_when_it_cannot_be() {
	build_and_execute(|| {
		let [ada, bea, cleo, dora] = [(); 4].map(|()| create(ALICE));
		let ask = |child, parent| Characters::ask_parent(signed(ALICE), child, Some(parent));
		assert_noop!(ask(ada, ada), Error::<Test>::OwnParent);
		assert_noop!(ask(ada, 9), Error::<Test>::UnknownCharacter);
		assert_noop!(Characters::ask_parent(signed(BOB), ada, Some(bea)), Error::<Test>::NotGovernor);
		adopt(ada, bea, ALICE);
		assert_noop!(ask(bea, cleo), Error::<Test>::HasParent);
		assert_noop!(ask(cleo, bea), Error::<Test>::TooDeep);
		assert_noop!(ask(ada, cleo), Error::<Test>::TooDeep);
		collective(cleo, dora, ALICE, CollectiveMode::Federated);
		assert_noop!(ask(cleo, ada), Error::<Test>::AlreadyInCollective);
	});
}
