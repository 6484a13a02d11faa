use autonomy_governance::Track;
use frame_support::{assert_noop, assert_ok, traits::QueryPreimage};

use super::pay;
use crate::{mock::*, Action, Error, Event};

#[test]
fn edit_should_take_everything_anew_before_voting_begins() {
	build_and_execute(|| {
		let community = of(ADA);
		claim(ALICE, ADA);
		let id = propose(ALICE, community, Action::Signal);
		go_to(System::block_number() + 2);
		assert_noop!(Dso::edit(signed(BOB), id, Box::new(Action::Signal), prose("")), Error::<Test>::NotProposer);
		assert_ok!(Dso::edit(signed(ALICE), id, Box::new(pay(DAVE, 5)), prose("pay")));
		let stored = proposal(id);
		assert_eq!((stored.action, stored.prose), (pay(DAVE, 5), prose("pay")));
		assert_eq!(u64::from(stored.voting.start), System::block_number() + QUEUE);
		assert!(matches!(last_event(), Event::Edited { proposal, .. } if proposal == id));
		open(id);
		assert_noop!(Dso::edit(signed(ALICE), id, Box::new(Action::Signal), prose("")), Error::<Test>::VotingBegan);
	});
}

#[test]
fn edit_should_keep_the_track_and_release_the_former_call() {
	build_and_execute(|| {
		let id = propose(ALICE, X, dispatch(Track::Templates, &template_call()));
		let (hash, _) = note(&template_call());
		assert_noop!(Dso::edit(signed(ALICE), id, Box::new(Action::Signal), prose("")), Error::<Test>::OtherTrack);
		let grant = Action::GrantBadge { who: account(DAVE), points: 1 };
		assert_ok!(Dso::edit(signed(ALICE), id, Box::new(grant), prose("")));
		assert!(!<Preimage as QueryPreimage>::is_requested(&hash));
	});
}
