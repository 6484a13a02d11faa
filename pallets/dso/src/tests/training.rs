use autonomy_governance::{Perbill, Phase, Side};
use frame_support::{assert_noop, assert_ok, traits::fungible::Inspect};

use super::holders_of_the_model;
use crate::{
	mock::*,
	types::{Anchor, Path},
	Action, ActionOf, Capacity, Error, Event, ProposalId, Training, TrainingId, Trainings,
};

const RECIPE: [u8; 36] = [7; 36];

fn start(budget: u128, days: u32) -> ActionOf<Test> {
	Action::StartTraining { recipe: RECIPE, trainer: account(DAVE), budget, days }
}

fn publish(training: TrainingId, payment: u128) -> ActionOf<Test> {
	Action::PublishCheckpoint { training, checkpoint: [9; 36], payment }
}

/// Passes something in the model's community, as its only member.
fn pass_below(action: ActionOf<Test>) -> ProposalId {
	let id = propose(ALICE, of_model(), action);
	open(id);
	assert_ok!(Dso::vote(signed(ALICE), id, Capacity::Holder(Anchor::Model(MODEL)), Side::Aye));
	close(id);
	unlock(id);
	id
}

fn decide(action: ActionOf<Test>) {
	let id = pass_below(action);
	assert_ok!(Dso::execute(signed(DAVE), id, ENOUGH));
}

#[test]
fn training_should_be_paid_for_by_its_checkpoints() {
	build_and_execute(|| {
		holders_of_the_model();
		endow(of_model(), 10_000 + ED);
		decide(start(1_000, 30));
		let details = Training {
			recipe: RECIPE,
			trainer: account(DAVE),
			left: 1_000,
			checkpoint: None,
			expires: Bonds::today() + 30,
		};
		assert_eq!(Trainings::<Test>::get(of_model(), 0), Some(details.clone()));
		assert!(events().contains(&Event::TrainingStarted { community: of_model(), training: 0, details }));
		assert_eq!(Dso::spendable_now(of_model(), None).unwrap().1, 9_000, "what is put aside is not to be spent");
		let before = wealth(DAVE);
		decide(publish(0, 600));
		assert_eq!(wealth(DAVE), before + 600);
		let training = Trainings::<Test>::get(of_model(), 0).unwrap();
		assert_eq!((training.left, training.checkpoint), (400, Some([9; 36])));
		// Two that were decided on at the same time, of which one is left without money.
		let [one, two] = [publish(0, 300), publish(0, 300)].map(pass_below);
		assert_ok!(Dso::execute(signed(DAVE), one, ENOUGH));
		assert_noop!(Dso::execute(signed(DAVE), two, ENOUGH), Error::<Test>::BudgetExceeded);
		assert_eq!(wealth(DAVE), before + 900);
	});
}

#[test]
fn training_should_end_when_its_time_is_over_or_the_community_says_so() {
	build_and_execute(|| {
		holders_of_the_model();
		endow(of_model(), 10_000 + ED);
		decide(start(500, 30));
		decide(start(400, 30));
		let end = |training| Dso::end_training(signed(EVE), of_model(), training);
		assert_noop!(end(0), Error::<Test>::TrainingRuns);
		assert_noop!(end(2), Error::<Test>::UnknownTraining);
		decide(Action::EndTraining(1));
		assert_noop!(end(1), Error::<Test>::UnknownTraining);
		go_on(30);
		assert_ok!(end(0));
		assert_eq!(last_event(), Event::TrainingEnded { community: of_model(), training: 0, returned: 500 });
		assert_eq!(Balances::balance(&treasury(of_model())), 10_000 + ED);
		assert_eq!(Trainings::<Test>::iter().count(), 0);
	});
}

#[test]
fn training_should_count_as_spending() {
	build_and_execute(|| {
		holders_of_the_model();
		endow(of_model(), 10_000 + ED);
		// A tenth is routine, more takes the longer way; people decide alone.
		let routine = propose(ALICE, of_model(), start(1_000, 30));
		assert_eq!((proposal(routine).path, proposal(routine).question.rule.ai_share), (Path::Small, Perbill::zero()));
		assert_ok!(Dso::edit(signed(ALICE), routine, Box::new(start(1_001, 30)), prose("")));
		assert_eq!(proposal(routine).path, Path::Large);
		assert_ok!(Dso::withdraw(signed(ALICE), routine));
		let [one, two] = [start(600, 30), start(600, 30)].map(pass_below);
		assert_ok!(Dso::execute(signed(DAVE), one, ENOUGH));
		assert_noop!(Dso::execute(signed(DAVE), two, ENOUGH), Error::<Test>::SpendLimitReached);
	});
}

#[test]
fn training_should_have_a_budget_a_time_and_the_last_phase() {
	build_and_execute(|| {
		holders_of_the_model();
		let submit = |community, action| Dso::submit(signed(ALICE), community, Box::new(action), prose(""));
		assert_noop!(submit(of_model(), start(ED - 1, 30)), Error::<Test>::AmountIsZero);
		assert_noop!(submit(of_model(), start(ED, 0)), Error::<Test>::TrainingDaysOutOfRange);
		assert_noop!(submit(of_model(), start(ED, 366)), Error::<Test>::TrainingDaysOutOfRange);
		assert_noop!(submit(of_model(), publish(0, 1)), Error::<Test>::UnknownTraining);
		assert_noop!(submit(of_model(), Action::EndTraining(0)), Error::<Test>::UnknownTraining);
		assert_noop!(submit(of(ADA), start(ED, 30)), Error::<Test>::ActionNotAllowed);
		assert_noop!(submit(X, start(ED, 30)), Error::<Test>::ActionNotAllowed);
		set_phase(Phase::Three);
		assert_noop!(submit(of_model(), start(ED, 30)), Error::<Test>::ActionTooEarly);
	});
}
