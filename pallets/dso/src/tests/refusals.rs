//! Spam, what is late, what was done before, what is out of bounds, over a budget or beyond the phase: each is refused with
//! an error whose documentation, which clients show, names the rule.

use autonomy_governance::{Phase, Side, Track};
use autonomy_primitives::community::Class;
use frame_support::{assert_noop, assert_ok};
use scale_info::{TypeDef, TypeInfo};
use sp_runtime::DispatchError;

use super::{charter, holders_of_the_model, pay, with_members};
use crate::{
	mock::*, templates::default_template, types::Anchor, Action, Capacity, Error, Field, KindTag, ModelAction,
	TrackTerms,
};

const TOKEN: Capacity = Capacity::Member(Class::Token);

/// What the metadata say of an error.
fn docs(error: Error<Test>) -> String {
	let DispatchError::Module(module) = error.into() else { panic!("an error of the pallet") };
	let name = module.message.unwrap();
	let TypeDef::Variant(errors) = Error::<Test>::type_info().type_def else { panic!("errors are variants") };
	let error = errors.variants.iter().find(|variant| variant.name == name).unwrap();
	error.docs.join(" ")
}

#[test]
fn every_error_should_say_what_is_wrong() {
	let TypeDef::Variant(errors) = Error::<Test>::type_info().type_def else { panic!("errors are variants") };
	for error in errors.variants {
		let docs = error.docs.join(" ");
		assert!(docs.trim().ends_with('.') && docs.len() > 10, "{}: {docs}", error.name);
	}
}

#[test]
fn refusal_should_name_its_rule() {
	let rules: [(Error<Test>, &str); 24] = [
		// Spam.
		(Error::NotMember, "no power"),
		(Error::OneLiveProposal, "has a live proposal"),
		(Error::TooManyLive, "16 live proposals, or the track 4"),
		(Error::ProseNotUtf8, "not UTF-8"),
		// Late.
		(Error::VotingBegan, "Voting has begun"),
		(Error::VotingClosed, "takes no ballots now"),
		(Error::ExecutionExpired, "not executed in time"),
		(Error::SeatTooNew, "after the proposal's snapshot"),
		(Error::PersonaTooNew, "seven days before the snapshot"),
		(Error::NotSettling, "between the cut-off and the end"),
		// Done before.
		(Error::AskedBefore, "asked before"),
		(Error::SettledBefore, "settled"),
		(Error::SeatClaimed, "claimed"),
		(Error::OpenBefore, "open community"),
		// Out of bounds.
		(Error::FieldOutOfBounds, "template's bounds"),
		(Error::TrackOutOfBounds, "half to double"),
		(Error::TemplateUnsound, "check_template"),
		(Error::StepTooLarge, "a fifth in 30 days"),
		(Error::PointsOutOfRange, "1 to 5 points"),
		// Over a budget.
		(Error::SpendLimitReached, "limit would be spent in seven days"),
		(Error::DecisionLimitReached, "DecisionLimit"),
		(Error::BudgetExceeded, "left of the training budget"),
		// Beyond the phase.
		(Error::TrackClosed, "opens in a later phase"),
		(Error::ActionTooEarly, "fourth phase"),
	];
	for (error, rule) in rules {
		let docs = docs(error);
		assert!(docs.contains(rule), "{docs:?} does not say {rule:?}");
	}
}

#[test]
fn spam_should_be_refused_or_dear() {
	build_and_execute(|| {
		let submit = |who| Dso::submit(signed(who), X, Box::new(Action::Signal), prose(""));
		assert_noop!(submit(DAVE), Error::<Test>::NotMember);
		let id = propose(ALICE, X, Action::Signal);
		assert_noop!(submit(ALICE), Error::<Test>::OneLiveProposal);
		// What nobody supports, and what the guard calls spam, costs its deposit.
		let issuance = Balances::total_issuance();
		close(id);
		assert_eq!(Balances::total_issuance(), issuance - PROPOSAL_DEPOSIT);
		let id = propose(ALICE, X, Action::Signal);
		assert_ok!(Dso::cancel(signed(GUARD), id, [1; 32], true));
		assert_eq!(Balances::total_issuance(), issuance - 2 * PROPOSAL_DEPOSIT);
	});
}

#[test]
fn what_is_late_should_be_refused() {
	build_and_execute(|| {
		seat_ais(&[ADA], 100);
		let id = propose(ALICE, X, Action::Signal);
		open(id);
		assert_noop!(Dso::withdraw(signed(ALICE), id), Error::<Test>::VotingBegan);
		vote(ALICE, id, Class::Token, Side::Aye);
		cut_off(id);
		assert_noop!(Dso::request_decision(signed(DAVE), id, of(ADA)), Error::<Test>::VotingClosed);
		finish(id);
		assert_noop!(Dso::vote(signed(BOB), id, TOKEN, Side::Nay), Error::<Test>::VotingClosed);
		assert_noop!(Dso::unvote(signed(ALICE), id, X, TOKEN), Error::<Test>::VotingClosed);
		let batch: crate::Batch = vec![of(ADA)].try_into().unwrap();
		assert_noop!(Dso::settle_ai(signed(DAVE), id, batch.clone()), Error::<Test>::NotSettling);
		close(id);
		go_on(15);
		assert_noop!(Dso::execute(signed(DAVE), id, ENOUGH), Error::<Test>::ExecutionExpired);
	});
}

#[test]
fn what_was_done_before_should_be_refused() {
	build_and_execute(|| {
		seat_ais(&[1, 2], 100);
		claim(ALICE, ADA);
		assert_noop!(Dso::claim_seat(signed(ALICE), of(ADA), Anchor::Character(ADA)), Error::<Test>::SeatClaimed);
		assert_noop!(Dso::open_community(signed(DAVE), Anchor::Character(ADA)), Error::<Test>::OpenBefore);
		assert_noop!(Dso::open_ai_seat(signed(DAVE), of(ADA)), Error::<Test>::SeatClaimed);
		let id = propose(ALICE, X, Action::Signal);
		open(id);
		let job = ask(id, ADA);
		assert_noop!(Dso::request_decision(signed(DAVE), id, of(ADA)), Error::<Test>::AskedBefore);
		answer(job, Some(100));
		cut_off(id);
		settle(id, &[ADA]);
		let mut stored = proposal(id);
		assert_eq!(Dso::settle(id, &mut stored, of(ADA)), Err(Error::<Test>::SettledBefore.into()));
	});
}

#[test]
fn what_is_out_of_bounds_should_be_refused() {
	build_and_execute(|| {
		let community = with_members();
		let submit = |action| Dso::submit(signed(ALICE), community, Box::new(action), prose(""));
		assert_noop!(submit(charter(&[(Field::VotingDays, 11)])), Error::<Test>::FieldOutOfBounds);
		assert_noop!(submit(charter(&[(Field::Quorum, 1_201)])), Error::<Test>::StepTooLarge);
		let badge = Action::GrantBadge { who: account(DAVE), points: 6 };
		assert_noop!(submit(badge), Error::<Test>::PointsOutOfRange);
		let terms = TrackTerms { approval: 4_999, support: 100, voting_days: 7, lock_days: 0 };
		assert_noop!(Dso::set_track(RuntimeOrigin::root(), Track::Wish, Some(terms)), Error::<Test>::TrackOutOfBounds);
		let mut template = default_template(KindTag::Group);
		template.bounds[Field::Approval as usize].least = 4_999;
		assert_noop!(
			Dso::set_template(RuntimeOrigin::root(), KindTag::Group, Box::new(template)),
			Error::<Test>::TemplateUnsound
		);
	});
}

#[test]
fn what_is_over_a_budget_should_be_refused() {
	build_and_execute(|| {
		endow(X, 100_000 + ED);
		// Both are routine, together they are not.
		let [one, two] = [ALICE, BOB].map(|who| propose(who, X, pay(DAVE, 3_000)));
		all_for(one);
		all_for(two);
		close(one);
		close(two);
		execute(one);
		assert_noop!(Dso::execute(signed(DAVE), two, ENOUGH), Error::<Test>::SpendLimitReached);
	});
}

#[test]
fn what_is_beyond_the_phase_should_be_refused() {
	build_and_execute(|| {
		for (track, before) in
			[(Track::Interaction, Phase::One), (Track::Economic, Phase::Two), (Track::Models, Phase::Two)]
		{
			set_phase(before);
			let call = dispatch(track, &fee_call(1_100));
			assert_noop!(Dso::submit(signed(ALICE), X, Box::new(call), prose("")), Error::<Test>::TrackClosed);
		}
		holders_of_the_model();
		let open_source = || Action::Model(ModelAction::OpenSource);
		let submit = || Dso::submit(signed(ALICE), of_model(), Box::new(open_source()), prose(""));
		set_phase(Phase::Three);
		assert_noop!(submit(), Error::<Test>::ActionTooEarly);
		set_phase(Phase::Four);
		assert_ok!(submit());
		// Nor is it done once the phase has been set back.
		open(0);
		assert_ok!(Dso::vote(signed(ALICE), 0, Capacity::Holder(Anchor::Model(MODEL)), Side::Aye));
		for (who, class) in [(BOB, Class::Contributor), (CAROL, Class::Compute)] {
			vote(who, 0, class, Side::Aye);
		}
		close(0);
		unlock(0);
		set_phase(Phase::Three);
		assert_noop!(Dso::execute(signed(DAVE), 0, ENOUGH), Error::<Test>::ActionTooEarly);
	});
}
