use autonomy_governance::{period_of, Needs, Perbill, Phase, Side, Track};
use autonomy_primitives::community::Class;
use frame_support::{assert_noop, assert_ok};
use sp_runtime::{BuildStorage, DispatchError};

use super::{all_ais, spread_ais};
use crate::{mock::*, Action, CurrentPhase, Error, Event, Shadow, ShadowVotes};

/// Thirty days of AI votes without weight, 95 % of them settled.
fn shadow() {
	let (today, period) = (Bonds::today(), period_of(Bonds::today()));
	let shadow = Shadow { since: Some(today - 30), period, asked: 100, given: 95, ..Shadow::default() };
	ShadowVotes::<Test>::put(shadow);
}

fn advance(from: Phase, to: Phase) -> frame_support::dispatch::DispatchResult {
	Dso::advance_phase(RuntimeOrigin::root(), from, to)
}

#[test]
fn advance_phase_should_need_what_the_phase_needs() {
	build_and_execute(|| {
		let two = || advance(Phase::One, Phase::Two);
		assert_noop!(Dso::advance_phase(signed(ALICE), Phase::One, Phase::Two), DispatchError::BadOrigin);
		assert_noop!(two(), Error::<Test>::ShadowTooShort);
		shadow();
		State::set((19, 15, 0, 1));
		assert_noop!(two(), Error::<Test>::TooFewCharacters);
		State::set((20, 14, 0, 1));
		assert_noop!(two(), Error::<Test>::TooFewWorkers);
		State::set((20, 15, 0, 1));
		assert_noop!(advance(Phase::One, Phase::Three), Error::<Test>::OtherPhase);
		assert_noop!(advance(Phase::Two, Phase::Three), Error::<Test>::OtherPhase);
		assert_eq!(Begun::get(), vec![]);
		assert_ok!(two());
		assert_eq!(last_event(), Event::PhaseSet { phase: Phase::Two });
		assert_eq!(Begun::get(), vec![(Phase::One, Phase::Two)]);
		assert_noop!(advance(Phase::Two, Phase::Three), Error::<Test>::PhaseTooYoung);
		go_on(90);
		State::set((20, 15, 1, 1));
		assert_noop!(advance(Phase::Two, Phase::Three), Error::<Test>::SlashesUnresolved);
		State::set((20, 15, 0, 0));
		assert_ok!(advance(Phase::Two, Phase::Three));
		go_on(180);
		assert_noop!(advance(Phase::Three, Phase::Four), Error::<Test>::NoProvenance);
		State::set((20, 15, 0, 1));
		assert_ok!(advance(Phase::Three, Phase::Four));
		assert_eq!(Dso::phase_now(), Phase::Four);
	});
}

#[test]
fn regress_phase_should_be_for_good_by_root_and_for_two_weeks_by_the_guard() {
	build_and_execute(|| {
		set_phase(Phase::Three);
		assert_noop!(Dso::regress_phase(signed(ALICE), Phase::One), DispatchError::BadOrigin);
		assert_noop!(Dso::regress_phase(signed(GUARD), Phase::Three), Error::<Test>::NotLower);
		assert_ok!(Dso::regress_phase(signed(GUARD), Phase::One));
		let until = Bonds::today() + 14;
		assert_eq!(last_event(), Event::PhaseSuspended { phase: Phase::One, until });
		assert_eq!(Dso::phase_now(), Phase::One);
		go_on(14);
		assert_eq!(Dso::phase_now(), Phase::Three);
		assert_noop!(Dso::regress_phase(signed(GUARD), Phase::One), Error::<Test>::PausedLately);
		assert_ok!(Dso::regress_phase(RuntimeOrigin::root(), Phase::Two));
		go_on(100);
		assert_eq!((Dso::phase_now(), CurrentPhase::<Test>::get().suspension), (Phase::Two, None));
	});
}

#[test]
fn regressed_phase_should_lower_what_ais_count_in_live_proposals() {
	build_and_execute(|| {
		spread_ais();
		set_phase(Phase::Three);
		let id = propose(ALICE, X, dispatch(Track::Economic, &fee_call(1_100)));
		open(id);
		vote(ALICE, id, Class::Token, Side::Aye);
		all_ais(id, -100);
		assert!(Dso::proposal(id).unwrap().ai_share > Perbill::from_percent(20));
		set_phase(Phase::Two);
		assert!(Dso::proposal(id).unwrap().ai_share <= Perbill::from_percent(20));
		set_phase(Phase::One);
		assert_eq!(Dso::proposal(id).unwrap().ai_share, Perbill::zero());
		// A later phase does not raise what was frozen.
		set_phase(Phase::Four);
		assert!(Dso::proposal(id).unwrap().ai_share <= Perbill::from_parts(333_333_333));
	});
}

#[test]
fn phase_should_not_advance_while_the_guard_has_set_it_back() {
	build_and_execute(|| {
		set_phase(Phase::Two);
		go_on(90);
		assert_ok!(Dso::regress_phase(signed(GUARD), Phase::One));
		assert_noop!(advance(Phase::Two, Phase::Three), Error::<Test>::PhaseIsSuspended);
	});
}

#[test]
fn genesis_should_say_what_phases_need() {
	let needs = Needs { characters: 1, workers: 0, shadow_days: 0, days_in_two: 2, ..Needs::DEFAULT };
	let genesis = RuntimeGenesisConfig {
		dso: crate::GenesisConfig { needs: Some(needs), ..Default::default() },
		..Default::default()
	};
	sp_io::TestExternalities::new(genesis.build_storage().unwrap()).execute_with(|| {
		go_to_day(40);
		assert_eq!(Dso::needs(), needs);
		State::set((1, 0, 0, 1));
		let shadow = Shadow { since: Some(40), period: 1, asked: 20, given: 19, ..Shadow::default() };
		ShadowVotes::<Test>::put(shadow);
		assert_ok!(advance(Phase::One, Phase::Two));
		assert_noop!(advance(Phase::Two, Phase::Three), Error::<Test>::PhaseTooYoung);
		go_on(2);
		assert_ok!(advance(Phase::Two, Phase::Three));
	});
	build_and_execute(|| assert_eq!(Dso::needs(), Needs::DEFAULT));
}

#[test]
fn shadow_votes_should_be_those_of_the_last_two_periods() {
	let first = Shadow { since: Some(3), period: 0, asked: 100, given: 10, ..Shadow::default() };
	let next = first.on(30);
	assert_eq!((next.since, next.asked, next.asked_before, next.given_before), (Some(3), 0, 100, 10));
	assert_eq!(next.on(59), next);
	let third = Shadow { asked: 20, given: 20, ..next }.on(60);
	assert_eq!((third.asked_before, third.given_before), (20, 20), "a bad beginning is forgotten");
	// Nobody was asked for a whole period.
	assert_eq!(first.on(60), Shadow { period: 2, ..Shadow::default() });
}

#[test]
fn shadow_votes_should_be_counted_in_the_first_phase() {
	build_and_execute(|| {
		seat_ais(&[2, 3, 4, 5, 6], 100);
		let id = propose(ALICE, X, Action::Signal);
		open(id);
		vote(ALICE, id, Class::Token, Side::Aye);
		let job = ask(id, 2);
		answer(job, Some(-100));
		cut_off(id);
		settle(id, &[2]);
		let page = Dso::proposal(id).unwrap();
		assert_eq!((page.ai_share, page.passes), (Perbill::zero(), true));
		assert_eq!(page.ai_house, Some(Perbill::zero()), "recorded, and nothing else");
		assert_eq!(Dso::readiness().shadow_settled, Perbill::one());
	});
}
