use autonomy_governance::{Perbill, Phase, Side, WHOLE};
use autonomy_primitives::community::{Class, PowerSource};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::AccountId32;

use super::holders_of_the_model;
use crate::{
	mock::*,
	types::{Anchor, Capacity},
	Action, ActionOf, AiSeats, ControllerCasts, Error, Event, Field, Missing, ModelAction, ModelSeats, ProposalId,
};

/// Characters 2 to 6, each of another holder, talk with [`MODEL`] and have seats in X and in its community since
/// yesterday.
fn run_on_the_model() {
	super::spread_ais();
	for character in 2..=6 {
		RunsOn::mutate(|models| models.insert(character, MODEL));
	}
	holders_of_the_model();
	for character in 2..=6 {
		assert_ok!(Dso::refresh_model_seat(signed(DAVE), of(character)));
	}
	go_on(1);
}

/// Weight of the AIs in the community of the model at the end of yesterday.
fn house() -> u128 {
	<Bonds as PowerSource<AccountId32>>::total_at(of_model(), Class::Ai, Bonds::today() - 1).unwrap()
}

fn price() -> ActionOf<Test> {
	Action::Model(ModelAction::SetPrice(7))
}

fn settled(id: ProposalId) -> u128 {
	proposal(id).ai.ayes
}

#[test]
fn ais_that_run_on_a_model_should_vote_in_its_community() {
	build_and_execute(|| {
		fan(CAROL, 3);
		run_on_the_model();
		assert_eq!(house(), 500);
		let id = propose(ALICE, of_model(), price());
		assert_eq!(proposal(id).question.rule.ai_share, Perbill::from_percent(20));
		assert_eq!(proposal(id).ai.total, 500);
		open(id);
		assert!(Dso::doable(id, account(DAVE)).contains(&crate::Doable::RequestDecision));
		let job = ask(id, 2);
		answer(job, Some(100));
		// Members move theirs here as they do in X.
		assert_ok!(Dso::vote_child(signed(CAROL), id, of(3), Capacity::Member(Class::Fan), Side::Aye));
		cut_off(id);
		settle(id, &[2, 3]);
		// A hundred each: of the one its own decision counts 0.4, of the other what its members say 0.6.
		assert_eq!(settled(id), 100 * u128::from(WHOLE));
		assert_eq!(ControllerCasts::<Test>::get(id, account(12)), 100);
	});
}

#[test]
fn ais_should_count_in_a_model_s_community_from_the_last_phase_on() {
	build_and_execute(|| {
		run_on_the_model();
		set_phase(Phase::Three);
		let id = propose(ALICE, of_model(), price());
		assert_eq!(proposal(id).question.rule.ai_share, Perbill::zero());
		set_phase(Phase::Four);
		// Never about money.
		endow(of_model(), 1_000);
		let id = propose(BOB, of_model(), Action::Spend { asset: None, to: account(DAVE), amount: 1 });
		assert_eq!(proposal(id).question.rule.ai_share, Perbill::zero());
		let charter = Dso::charter(of_model()).unwrap();
		assert_eq!((charter.get(Field::OwnAi), charter.get(Field::ComputeWeight)), (2_000, 2_000));
	});
}

#[test]
fn refresh_model_seat_should_follow_the_seat_above() {
	build_and_execute(|| {
		run_on_the_model();
		let refresh = |character| Dso::refresh_model_seat(signed(DAVE), of(character));
		assert_noop!(refresh(2), Error::<Test>::RefreshedLately);
		assert_noop!(refresh(1), Error::<Test>::NoSeat);
		// A period later nobody has used it.
		go_on(30);
		assert_ok!(Dso::refresh_seat(signed(DAVE), of(2)));
		assert_ok!(refresh(2));
		let controller = Some(account(12));
		let event = Event::AiSeatRefreshed { child: of(2), parent: of_model(), weight: 0, controller };
		assert_eq!(last_event(), event);
		go_on(1);
		assert_eq!(house(), 400);
	});
}

#[test]
fn seat_should_be_as_old_as_the_one_above() {
	build_and_execute(|| {
		super::spread_ais();
		RunsOn::mutate(|models| models.insert(2, MODEL));
		let refreshed = AiSeats::<Test>::get(of(2)).unwrap().refreshed;
		go_on(70);
		holders_of_the_model();
		assert_ok!(Dso::refresh_model_seat(signed(DAVE), of(2)));
		assert_eq!(ModelSeats::<Test>::get(of(2)).unwrap().refreshed, refreshed);
		go_on(1);
		let id = propose(ALICE, of_model(), price());
		open(id);
		let job = ask(id, 2);
		answer(job, Some(100));
		cut_off(id);
		settle(id, &[2]);
		assert_eq!(settled(id), 0, "nobody has refreshed it for two periods");
	});
}

#[test]
fn seat_should_end_when_the_ai_runs_on_another_model() {
	build_and_execute(|| {
		run_on_the_model();
		let id = propose(ALICE, of_model(), price());
		open(id);
		let job = ask(id, 2);
		answer(job, Some(100));
		RunsOn::mutate(|models| models.insert(2, 7));
		cut_off(id);
		settle(id, &[2]);
		assert_eq!(settled(id), 0, "it has no say here any more");
		assert_ok!(Dso::refresh_model_seat(signed(DAVE), of(2)));
		assert_eq!(last_event(), Event::AiSeatEnded { child: of(2), parent: of_model() });
		assert!(AiSeats::<Test>::contains_key(of(2)), "above it stays");
		// And with the seat above.
		Collectives::mutate(|all| all.insert(0, (true, vec![3, 4])));
		assert_ok!(Dso::refresh_seat(signed(DAVE), of(3)));
		assert!(!ModelSeats::<Test>::contains_key(of(3)));
	});
}

#[test]
fn pooled_member_should_have_no_voice_with_its_model() {
	build_and_execute(|| {
		run_on_the_model();
		let id = propose(ALICE, of_model(), price());
		open(id);
		let job = ask(id, 2);
		answer(job, Some(100));
		// Nobody has taken its seats away yet.
		Collectives::mutate(|all| all.insert(0, (true, vec![2, 3])));
		cut_off(id);
		settle(id, &[2]);
		assert_eq!(settled(id), 0);
		assert_ok!(Dso::refresh_model_seat(signed(DAVE), of(2)));
		assert_eq!(last_event(), Event::AiSeatEnded { child: of(2), parent: of_model() });
	});
}

#[test]
fn contributors_of_data_and_of_compute_should_be_two_classes() {
	build_and_execute(|| {
		holders_of_the_model();
		let id = propose(ALICE, of_model(), Action::Model(ModelAction::OpenSource));
		let lines: Vec<_> = proposal(id).lines.iter().map(|line| (line.class, line.consent)).collect();
		let expected =
			[(Class::Owner, false), (Class::Investor, false), (Class::Contributor, true), (Class::Compute, true)];
		assert_eq!(lines, expected);
		open(id);
		assert_ok!(Dso::vote(signed(ALICE), id, Capacity::Holder(Anchor::Model(MODEL)), Side::Aye));
		vote(BOB, id, Class::Contributor, Side::Aye);
		assert_eq!(Dso::proposal(id).unwrap().missing, [Missing::Consent(Class::Compute)]);
		vote(CAROL, id, Class::Compute, Side::Aye);
		assert!(Dso::proposal(id).unwrap().passes);
	});
}

#[test]
fn badge_of_compute_should_take_the_place_of_another_one() {
	build_and_execute(|| {
		holders_of_the_model();
		let grant = |who| Action::GrantComputeBadge { who: account(who), points: 5 };
		assert_noop!(
			Dso::submit(signed(ALICE), of(ADA), Box::new(grant(BOB)), prose("")),
			Error::<Test>::ActionNotAllowed
		);
		let id = propose(ALICE, of_model(), grant(BOB));
		open(id);
		assert_ok!(Dso::vote(signed(ALICE), id, Capacity::Holder(Anchor::Model(MODEL)), Side::Aye));
		close(id);
		execute(id);
		let standing = |class| <Bonds as PowerSource<AccountId32>>::standing(of_model(), class, &account(BOB));
		assert_eq!((standing(Class::Contributor), standing(Class::Compute)), (0, 5));
		go_on(60);
		assert_ok!(Dso::lapse_badge(signed(DAVE), of_model(), account(BOB)));
		assert_eq!(standing(Class::Compute), 0);
	});
}
