use autonomy_governance::{Perbill, Phase, Track};
use autonomy_primitives::community::Topic;
use frame_support::{assert_noop, assert_ok, traits::QueryPreimage};

use super::{charter, pay, with_members};
use crate::{mock::*, Action, CharacterAction, Communities, Error, Event, Field, LiveBy, ModelAction, Split, Stage};

#[test]
fn submit_should_freeze_what_a_proposal_must_meet() {
	build_and_execute(|| {
		let community = with_members();
		let id = propose(ALICE, community, Action::Signal);
		let stored = proposal(id);
		assert_eq!((stored.snap, stored.topic, stored.track), (40, Topic::Routine, None));
		assert_eq!(stored.question.rule.approval, Perbill::from_percent(50));
		assert_eq!(stored.question.rule.support, Perbill::from_percent(10));
		let lines: Vec<_> = stored.lines.iter().map(|line| (line.votes.weight, line.votes.denominator())).collect();
		assert_eq!(lines, [(3_000, 1), (3_000, 2_000), (2_500, 25), (1_500, 25)]);
		assert_eq!(u64::from(stored.voting.start), System::block_number() + QUEUE);
		assert_eq!(u64::from(stored.voting.length), 5 * DAY);
		assert_eq!(Dso::proposal(id).unwrap().stage, Stage::Queued);
		assert!(matches!(last_event(), Event::Submitted { proposal, deposit: PROPOSAL_DEPOSIT, .. } if proposal == id));
	});
}

#[test]
fn deposit_should_double_for_each_eight_live_proposals() {
	build_and_execute(|| {
		let community = with_members();
		for who in 10..=26 {
			fan(who, ADA);
		}
		go_on(1);
		for who in 10..18 {
			let id = propose(who, community, Action::Signal);
			assert_eq!(proposal(id).deposit, PROPOSAL_DEPOSIT);
		}
		assert_eq!(Dso::deposit_now(community), 2 * PROPOSAL_DEPOSIT);
		for who in 18..26 {
			let id = propose(who, community, Action::Signal);
			assert_eq!(proposal(id).deposit, 2 * PROPOSAL_DEPOSIT);
		}
		let one_more = Dso::submit(signed(26), community, Box::new(Action::Signal), prose(""));
		assert_eq!(one_more, Err(Error::<Test>::TooManyLive.into()));
	});
}

#[test]
fn submit_should_fail_for_strangers_and_for_a_second_live_proposal() {
	build_and_execute(|| {
		let submit = |who, community| Dso::submit(signed(who), community, Box::new(Action::Signal), prose(""));
		assert_noop!(submit(DAVE, X), Error::<Test>::NotMember);
		assert_noop!(submit(ALICE, 99), Error::<Test>::UnknownCommunity);
		let id = propose(ALICE, X, Action::Signal);
		assert_noop!(submit(ALICE, X), Error::<Test>::OneLiveProposal);
		assert_eq!(LiveBy::<Test>::get(X, account(ALICE)), Some(id));
		// Elsewhere it may.
		assert_ok!(submit(ALICE, of(ADA)));
		assert!(Communities::<Test>::contains_key(of(ADA)), "it was opened on first use");
	});
}

#[test]
fn track_should_have_four_live_proposals_at_most() {
	build_and_execute(|| {
		for who in [EVE, 6] {
			bond(who, X, 1_000);
		}
		go_on(1);
		for who in [ALICE, BOB, CAROL, EVE] {
			propose(who, X, Action::Signal);
		}
		let signal = Dso::submit(signed(6), X, Box::new(Action::Signal), prose(""));
		assert_eq!(signal, Err(Error::<Test>::TooManyLive.into()));
		// Another track is free.
		propose(6, X, dispatch(Track::Templates, &template_call()));
	});
}

#[test]
fn submit_should_fail_when_the_community_cannot_do_that() {
	build_and_execute(|| {
		let community = with_members();
		let submit = |community, action| Dso::submit(signed(ALICE), community, Box::new(action), prose(""));
		let motion = motion(false, &template_call());
		let persona = || Action::Character(CharacterAction::SetPersona { persona: [0; 36] });
		assert_noop!(submit(X, persona()), Error::<Test>::ActionNotAllowed);
		assert_noop!(submit(of_model(), persona()), Error::<Test>::ActionNotAllowed);
		assert_noop!(submit(community, Action::Model(ModelAction::OpenSource)), Error::<Test>::ActionNotAllowed);
		assert_noop!(submit(community, motion), Error::<Test>::ActionNotAllowed);
		assert_noop!(submit(community, pay(DAVE, 0)), Error::<Test>::AmountIsZero);
		let not_utf8 = vec![0xff].try_into().unwrap();
		assert_noop!(
			Dso::submit(signed(ALICE), community, Box::new(Action::Signal), not_utf8),
			Error::<Test>::ProseNotUtf8
		);
	});
}

#[test]
fn template_should_forbid_actions() {
	build_and_execute(|| {
		let community = with_members();
		let mut template = crate::templates::default_template(crate::KindTag::Character);
		template.actions &= !crate::ActionKind::Spend.bit();
		assert_ok!(Dso::set_template(RuntimeOrigin::root(), crate::KindTag::Character, Box::new(template)));
		let spend = Dso::submit(signed(ALICE), community, Box::new(pay(DAVE, 1)), prose(""));
		assert_eq!(spend, Err(Error::<Test>::ActionNotAllowed.into()));
	});
}

#[test]
fn call_should_be_noted_allowed_and_on_an_open_track() {
	build_and_execute(|| {
		let submit = |action| Dso::submit(signed(ALICE), X, Box::new(action), prose(""));
		let (hash, len) = note(&template_call());
		note(&fee_call(1));
		assert_noop!(
			submit(Action::Dispatch { track: Track::Templates, hash, len: len + 1 }),
			Error::<Test>::PreimageMissing
		);
		assert_noop!(submit(dispatch(Track::Templates, &fee_call(1))), Error::<Test>::CallNotAllowed);
		assert_noop!(submit(dispatch(Track::Economic, &fee_call(1))), Error::<Test>::TrackClosed);
		assert_noop!(
			submit(Action::Dispatch { track: Track::TreasurySmall, hash, len }),
			Error::<Test>::CallNotAllowed
		);
		set_phase(Phase::Three);
		assert_ok!(submit(dispatch(Track::Economic, &fee_call(1))));
		let (hash, _) = note(&fee_call(1));
		assert!(<Preimage as QueryPreimage>::is_requested(&hash), "nobody can remove it");
	});
}

#[test]
fn action_that_takes_from_a_class_should_need_its_consent() {
	build_and_execute(|| {
		let community = with_members();
		let before = Split { owner: 400_000, investors: 200_000, treasury: 200_000, fans: 100_000 };
		Splits::mutate(|splits| splits.insert(ADA, before));
		let split = Split { investors: 100_000, treasury: 300_000, ..before };
		let id = propose(ALICE, community, Action::Character(CharacterAction::SetSplit(split)));
		let consent: Vec<_> = proposal(id).lines.iter().map(|line| line.consent).collect();
		assert_eq!(consent, [false, true, false, false]);
		let id = propose(BOB, community, charter(&[(Field::OwnerWeight, 2_900), (Field::FanWeight, 2_600)]));
		let consent: Vec<_> = proposal(id).lines.iter().map(|line| line.consent).collect();
		assert_eq!(consent, [true, false, false, false]);
		assert_eq!(proposal(id).topic, Topic::Critical);
		assert_eq!(proposal(id).question.concurring, 2);
	});
}
