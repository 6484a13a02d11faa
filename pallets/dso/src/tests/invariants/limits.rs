//! What communities cannot go beyond: bounds, their own, the phase.

use autonomy_governance::{ai_share_in_force, period_of, Bounds, Phase, Side, Track};
use autonomy_primitives::community::CommunityId;
use frame_support::{assert_ok, traits::fungible::Inspect};
use proptest::prelude::*;

use super::{band, config, identity};
use crate::{
	mock::*,
	templates::default_template,
	tests::{all_below, charter, every_action, in_force, pay, with_members},
	types::Anchor,
	Action, ActionKind, ActionOf, Capacity, CharacterAction, Communities, CurrentPhase, Field, KindTag, ModelAction,
	Proposals, Shadow, ShadowVotes,
};

/// Anybody who may have a vote somewhere.
const EVERYBODY: [u8; 8] = [ALICE, BOB, CAROL, 20, 21, 22, 23, 24];

/// Anything that can be proposed, about anything.
fn action() -> impl Strategy<Value = ActionOf<Test>> {
	let id = || 0u32..10;
	let any_id = prop_oneof![
		(1u128..2_000_000, any::<bool>()).prop_map(|(amount, asset)| Action::Spend {
			asset: asset.then_some(102),
			to: account(DAVE),
			amount
		}),
		(0usize..crate::FIELDS, 0u32..11_000).prop_map(|(field, value)| charter(&[(Field::ALL[field], value)])),
		(0u8..7).prop_map(|points| Action::GrantBadge { who: account(DAVE), points }),
		id().prop_map(|id| Action::Character(CharacterAction::AcceptChild(id))),
		id().prop_map(|id| Action::Character(CharacterAction::JoinCollective(id))),
		id().prop_map(|id| Action::Model(ModelAction::AcceptVersion(id.into()))),
		id().prop_map(Action::EndTraining),
	];
	prop_oneof![2 => prop::sample::select(every_action()), 1 => any_id]
}

/// Calls that nobody but root, an account of its own, or another track makes.
fn foreign_calls() -> Vec<RuntimeCall> {
	let phase = RuntimeCall::Dso(crate::Call::advance_phase { from: Phase::One, to: Phase::Two });
	let money = pallet_balances::Call::force_set_balance { who: account(DAVE), new_free: FUNDS * 2 };
	let code = frame_system::Call::set_code { code: vec![0; 8] };
	let transfer = pallet_balances::Call::transfer_allow_death { dest: account(DAVE), value: 1 };
	vec![phase, RuntimeCall::Balances(money), RuntimeCall::System(code), RuntimeCall::Balances(transfer)]
}

/// Has everybody who can vote for something, and executes it if it passes.
fn pass_if_possible(community: CommunityId, action: ActionOf<Test>) -> bool {
	let submit = |who: &u8| Dso::submit(signed(*who), community, Box::new(action.clone()), prose("")).is_ok();
	if !EVERYBODY.iter().any(submit) {
		return false;
	}
	let id = crate::NextProposalId::<Test>::get() - 1;
	open(id);
	for who in EVERYBODY {
		for line in proposal(id).lines {
			let _ = Dso::vote(signed(who), id, Capacity::Member(line.class), Side::Aye);
		}
		for anchor in [Anchor::Character(ADA), Anchor::Model(MODEL), Anchor::Identity(1), Anchor::Character(7)] {
			let _ = Dso::vote(signed(who), id, Capacity::Holder(anchor), Side::Aye);
		}
	}
	finish(id);
	assert_ok!(Dso::close(signed(DAVE), id));
	if outcome(id).is_none() {
		unlock(id);
		return Dso::execute(signed(DAVE), id, ENOUGH).is_ok();
	}
	false
}

proptest! {
	#![proptest_config(config(24))]

	/// Property 9 of the design: whatever is written to a charter is in bounds, and so is whatever is read after they
	/// tighten; a live proposal keeps what it had.
	#[test]
	fn charters_should_stay_in_bounds(
		changes in proptest::collection::vec((0usize..crate::FIELDS, 0u32..12_000), 1..4),
		tighter in proptest::collection::vec((0usize..crate::FIELDS, 0u32..100), 0..8),
	) {
		new_test_ext().execute_with(|| {
			let community = with_members();
			let live = propose(BOB, community, Action::Signal);
			let frozen = (proposal(live).question, proposal(live).lines, proposal(live).voting);
			let changes: Vec<_> = changes.into_iter().map(|(field, value)| (Field::ALL[field], value)).collect();
			let submitted = Dso::submit(signed(ALICE), community, Box::new(charter(&changes)), prose(""));
			if submitted.is_ok() {
				let id = crate::NextProposalId::<Test>::get() - 1;
				all_below(id);
				finish(id);
				assert_ok!(Dso::close(signed(DAVE), id));
				if outcome(id).is_none() {
					execute(id);
				}
				go_on(8);
			}
			let mut template = default_template(KindTag::Character);
			let within = |template: &crate::Template| {
				let charter = in_force(community);
				Field::ALL.iter().all(|field| template.bounds_of(*field).contains(charter.get(*field)))
			};
			prop_assert!(within(&template));
			for (field, percent) in tighter {
				let bounds = template.bounds[field];
				let room = bounds.most - bounds.default;
				template.bounds[field] = Bounds { most: bounds.default + room * percent / 100, ..bounds };
			}
			assert_ok!(Dso::set_template(RuntimeOrigin::root(), KindTag::Character, Box::new(template.clone())));
			prop_assert!(within(&template));
			let now = proposal(live);
			prop_assert_eq!((now.question, now.lines, now.voting), frozen);
			prop_assert_eq!(check(), Ok(()));
			Ok(())
		})?;
	}

	/// Property 11 of the design: no action of a community reaches another one, root, or something outside its mask.
	#[test]
	fn communities_should_reach_nothing_but_their_own(
		action in action(),
		index in 0usize..6,
		mask in prop_oneof![Just(u32::MAX), any::<u32>()],
		phase in prop::sample::select(Phase::ALL.to_vec()),
	) {
		new_test_ext().execute_with(|| {
			let below = with_members();
			assert_ok!(Dso::claim_seat(signed(ALICE), of_model(), Anchor::Model(MODEL)));
			assert_ok!(Dso::open_group(signed(ALICE), X));
			let group = pallet_bonds::NextCommunityId::<Test>::get() - 1;
			let all = [X, below, of_model(), group, identity(), band()];
			go_on(1);
			set_phase(phase);
			for id in all {
				endow(id, 1_000_000);
			}
			let community = all[index];
			let tag = Dso::community(community).unwrap().kind.tag();
			let mut template = default_template(tag);
			template.actions &= mask;
			let may = template.allows(action.kind()) && phase >= action.kind().opens();
			assert_ok!(Dso::set_template(RuntimeOrigin::root(), tag, Box::new(template)));
			let others: Vec<CommunityId> = all.into_iter().filter(|id| *id != community).collect();
			let money = || others.iter().map(|id| Balances::total_balance(&treasury(*id))).collect::<Vec<_>>();
			let badges = || others.iter().map(|id| crate::Badges::<Test>::iter_prefix(*id).count()).collect::<Vec<_>>();
			let before = (money(), badges(), Communities::<Test>::iter().count(), CurrentPhase::<Test>::get());
			let done = pass_if_possible(community, action.clone());
			prop_assert!(may || !done);
			let after = (money(), badges(), Communities::<Test>::iter().count(), CurrentPhase::<Test>::get());
			prop_assert_eq!(before, after);
			let own = |anchor: &Anchor| match anchor {
				Anchor::Character(ADA) => community == below,
				Anchor::Model(MODEL) => community == of_model(),
				_ => false,
			};
			prop_assert!(Done::get().iter().all(|(by, anchor, _)| *by == community && own(anchor)));
			prop_assert!(crate::Trainings::<Test>::iter_keys().all(|(of, _)| of == community));
			prop_assert_eq!(check(), Ok(()));
			Ok(())
		})?;
	}

	/// Property 11 of the design, of X: what is not on the list of a track is never dispatched, whoever votes for it.
	#[test]
	fn x_should_dispatch_nothing_but_the_calls_of_its_track(
		index in 0usize..6,
		track in prop::sample::select(Track::ALL.to_vec()),
	) {
		new_test_ext().execute_with(|| {
			set_phase(Phase::Four);
			let mut calls = foreign_calls();
			calls.push(template_call());
			calls.push(fee_call(1_100));
			let call = &calls[index];
			let before = (wealth(DAVE), CurrentPhase::<Test>::get(), Dso::template(KindTag::Group).0);
			let done = pass_if_possible(X, dispatch(track, call));
			let is_listed = <MockCalls as frame_support::traits::ContainsPair<_, _>>::contains(&track, call);
			prop_assert_eq!(done, is_listed);
			let sets_template = is_listed && index == 4;
			let after = (wealth(DAVE), CurrentPhase::<Test>::get(), Dso::template(KindTag::Group).0);
			prop_assert_eq!(after, (before.0, before.1, before.2 + u32::from(sets_template)));
			prop_assert_eq!(check(), Ok(()));
			Ok(())
		})?;
	}

	/// Property 12 of the design: the phase goes up by one with what it needs, or down; what AIs count in a live proposal is
	/// never more than the phase in force lets them.
	#[test]
	fn phases_should_go_one_by_one(steps in proptest::collection::vec((0u8..5, 0usize..4, 0u32..200), 1..30)) {
		new_test_ext().execute_with(|| {
			for (what, phase, days) in steps {
				let (to, before) = (Phase::ALL[phase], CurrentPhase::<Test>::get());
				match what {
					0 => {
						let (ready, shadow) = (State::get(), Dso::readiness());
						let done = Dso::advance_phase(RuntimeOrigin::root(), before.reached, to);
						if done.is_ok() {
							prop_assert_eq!(before.reached.next(), Some(to));
							prop_assert!(to != Phase::Two || ready.0 >= 20 && ready.1 >= 15);
							prop_assert!(to != Phase::Two || shadow.shadow_days >= 30);
							let days = Bonds::today() - before.since;
							prop_assert!(to != Phase::Three || days >= 90 && ready.2 == 0);
							prop_assert!(to != Phase::Four || days >= 180 && ready.3 > 0);
						}
					}
					1 => {
						let origin = if days % 2 == 0 { RuntimeOrigin::root() } else { signed(GUARD) };
						if Dso::regress_phase(origin, to).is_ok() {
							prop_assert!(to < before.reached);
						}
					}
					2 => State::set((days, days / 2, days % 2, days % 3)),
					3 => {
						let (today, given) = (Bonds::today(), 90 + days % 11);
						let (since, period) = (Some(today.saturating_sub(days)), period_of(today));
						ShadowVotes::<Test>::put(Shadow { since, period, asked: 100, given, ..Shadow::default() });
						go_on(days % 20);
					}
					_ => {
						go_on(days);
						// Something to be counted by whatever phase comes.
						let _ = Dso::submit(signed(ALICE), X, Box::new(Action::Signal), prose(""));
					}
				}
				let (now, info) = (Dso::phase_now(), CurrentPhase::<Test>::get());
				prop_assert!(now <= info.reached);
				for stored in Proposals::<Test>::iter_values() {
					let share = Dso::question_of(&stored).rule.ai_share;
					prop_assert_eq!(share, ai_share_in_force(stored.question.rule.ai_share, now));
					prop_assert!(share <= now.ai_share_limit());
				}
			}
			Ok(())
		})?;
	}
}

/// What is fuzzed above is all that there is.
#[test]
fn every_kind_of_action_should_be_tried() {
	let kinds: u32 = every_action().iter().map(|action| action.kind().bit()).fold(0, |all, bit| all | bit);
	let all = ActionKind::ALL.into_iter().fold(0, |all, kind| all | kind.bit());
	assert_eq!(kinds, all);
}

/// Property 11 of the design: a community spends what is its own.
#[test]
fn spending_should_leave_other_treasuries_alone() {
	build_and_execute(|| {
		let community = with_members();
		endow(community, 10_000 + ED);
		endow(X, 10_000);
		let id = propose(ALICE, community, pay(DAVE, 1_000));
		all_below(id);
		close(id);
		execute(id);
		assert_eq!(Balances::total_balance(&treasury(community)), 9_000 + ED);
		assert_eq!(Balances::total_balance(&treasury(X)), 10_000);
	});
}
