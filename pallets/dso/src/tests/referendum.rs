use autonomy_governance::{Perbill, Phase};
use autonomy_primitives::community::Topic;
use codec::Encode;
use frame_support::{assert_noop, assert_ok};

use super::{decide_below, with_members};
use crate::{mock::*, types::Anchor, Action, ActionOf, CharacterAction, Error, Field};

fn vote_with(balance: u128, conviction: u8) -> ActionOf<Test> {
	Action::Character(CharacterAction::VoteReferendum { referendum: 3, aye: true, balance, conviction })
}

#[test]
fn treasury_should_vote_on_a_referendum_by_the_community_s_decision() {
	build_and_execute(|| {
		let community = with_members();
		decide_below(vote_with(500, 1));
		decide_below(Action::Character(CharacterAction::RemoveVote(3)));
		let vote = CharacterAction::VoteReferendum { referendum: 3, aye: true, balance: 500, conviction: 1 };
		let done = [vote.encode(), CharacterAction::RemoveVote(3).encode()];
		assert_eq!(Done::get(), done.clone().map(|what| (community, Anchor::Character(ADA), what)));
		// Their indices are those that clients know.
		assert_eq!(done.map(|what| what[0]), [12, 13]);
	});
}

#[test]
fn vote_on_a_referendum_should_have_an_amount_and_a_conviction_that_there_is() {
	build_and_execute(|| {
		let community = with_members();
		let submit = |action| Dso::submit(signed(ALICE), community, Box::new(action), prose(""));
		assert_noop!(submit(vote_with(0, 1)), Error::<Test>::AmountIsZero);
		assert_noop!(submit(vote_with(1, 7)), Error::<Test>::ConvictionOutOfRange);
		assert_ok!(submit(vote_with(1, 6)));
		assert_noop!(
			Dso::submit(signed(ALICE), X, Box::new(vote_with(1, 1)), prose("")),
			Error::<Test>::ActionNotAllowed
		);
	});
}

#[test]
fn people_should_decide_alone_what_the_treasury_votes() {
	build_and_execute(|| {
		let community = with_members();
		crate::Charters::<Test>::mutate(community, |chosen| chosen.try_insert(Field::OwnAi, 2_000).unwrap());
		set_phase(Phase::Two);
		let id = propose(ALICE, community, vote_with(1, 1));
		assert_eq!((proposal(id).own_ai, proposal(id).question.rule.ai_share), (false, Perbill::zero()));
		assert_eq!((proposal(id).topic, proposal(id).question.concurring), (Topic::Critical, 2));
	});
}
