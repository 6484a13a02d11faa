//! Ballots of AIs.

use std::collections::BTreeMap;

use autonomy_governance::{AiVotes, Lean, Perbill, Phase, Side, Track};
use autonomy_primitives::community::Class;
use proptest::prelude::*;

use super::{config, side};
use crate::{
	mock::*,
	tests::{all_below, spread_ais, with_members},
	Action, ActionOf, AiSeats, Capacity, ChildPolls, ControllerCasts, Decision, Decisions, Error, Field, ProposalId,
};

/// The characters that [`spread_ais`] seats, of accounts 12 to 16.
const AIS: [u32; 5] = [2, 3, 4, 5, 6];

/// Answers of the five AIs, in percent; none for a job that fails.
fn answers() -> impl Strategy<Value = Vec<Option<i8>>> {
	let answer = prop_oneof![3 => (-100i8..=100).prop_map(Some), 1 => Just(None)];
	proptest::collection::vec(answer, 5)
}

fn votes() -> impl Strategy<Value = Vec<Option<Side>>> {
	proptest::collection::vec(proptest::option::of(side()), 3)
}

/// A proposal of X on which the holders of AUTON vote and each AI answers. It is the cut-off afterwards.
fn answered(action: ActionOf<Test>, votes: &[Option<Side>], answers: &[Option<i8>]) -> ProposalId {
	let id = propose(ALICE, X, action);
	open(id);
	for (who, side) in [ALICE, BOB, CAROL].into_iter().zip(votes) {
		if let Some(side) = side {
			vote(who, id, Class::Token, *side);
		}
	}
	let jobs: Vec<_> = AIS.into_iter().map(|character| ask(id, character)).collect();
	for (job, percent) in jobs.into_iter().zip(answers) {
		answer(job, *percent);
	}
	cut_off(id);
	id
}

proptest! {
	#![proptest_config(config(24))]

	/// Property 6 of the design: AIs never weigh more than κ, and κ never more than the phase lets it; with every AI captured
	/// people must still give (θ − κ) / (1 − κ).
	#[test]
	fn ais_should_never_weigh_more_than_their_share(
		phase in prop::sample::select(Phase::ALL.to_vec()),
		on_rules in any::<bool>(),
		votes in votes(),
		answers in prop_oneof![2 => answers(), 1 => Just(vec![Some(100); 5]), 1 => Just(vec![Some(-100); 5])],
	) {
		new_test_ext().execute_with(|| {
			spread_ais();
			set_phase(phase);
			let on_rules = on_rules && phase > Phase::One;
			let action = if on_rules { dispatch(Track::Interaction, &fee_call(1_100)) } else { Action::Signal };
			let id = answered(action, &votes, &answers);
			settle(id, &AIS);
			let (page, rule) = (Dso::proposal(id).unwrap(), proposal(id).question.rule);
			prop_assert!(page.ai_share <= rule.ai_share && rule.ai_share <= phase.ai_share_limit());
			if let (Some(human), Some(approval)) = (page.human, page.approval) {
				let moved = human.deconstruct().abs_diff(approval.deconstruct());
				prop_assert!(moved <= rule.ai_share.deconstruct() + 1, "AIs have moved the result by {}", moved);
				let part = |share: Perbill| u64::from(share.deconstruct());
				let (whole, most) = (part(Perbill::one()), part(rule.ai_share));
				if part(human) * (whole - most) < part(rule.approval).saturating_sub(most) * whole {
					prop_assert!(!page.passes, "AIs alone have made it pass");
				}
			}
			if phase == Phase::One {
				prop_assert_eq!(page.approval, page.human);
			}
			prop_assert_eq!(check(), Ok(()));
			Ok(())
		})?;
	}

	/// Property 6 of the design: all AIs of one controller are counted with a fifth of the house at most, whichever is
	/// settled first.
	#[test]
	fn controller_should_stay_within_its_cap_in_any_order(
		owners in proptest::collection::vec(12u8..15, 5),
		order in Just(AIS.to_vec()).prop_shuffle(),
		weights in proptest::collection::vec(100u128..300, 5),
	) {
		new_test_ext().execute_with(|| {
			for (character, owner) in AIS.into_iter().zip(&owners) {
				sell(character, ALICE, *owner);
			}
			for (character, weight) in AIS.into_iter().zip(&weights) {
				use_ai(character, U * weight / 100 - U);
				bond(EVE, of(character), S * weight / 100);
			}
			// One U and one S more for each of them.
			seat_ais(&AIS, 100);
			set_phase(Phase::Two);
			let id = answered(Action::Signal, &[], &[Some(100); 5]);
			for character in order {
				settle(id, &[character]);
			}
			let total = proposal(id).ai.total;
			let own = |of_whom: u8| {
				let seats = AIS.into_iter().zip(&owners).filter(|(_, owner)| **owner == of_whom);
				let weight = |character| u128::from(AiSeats::<Test>::get(of(character)).unwrap().weight);
				seats.map(|(character, _)| weight(character)).sum::<u128>()
			};
			for owner in 12..15 {
				let cast = ControllerCasts::<Test>::get(id, account(owner));
				prop_assert_eq!(cast, own(owner).min(total / 5));
			}
			prop_assert_eq!(check(), Ok(()));
			Ok(())
		})?;
	}

	/// Property 7 of the design: a preference lies between all nay and all aye; each AI is settled once; the order changes
	/// nothing when no cap binds.
	#[test]
	fn settling_should_be_once_and_in_any_order(
		answers in answers(),
		order in Just(AIS.to_vec()).prop_shuffle(),
		fans in proptest::collection::vec((0usize..5, side()), 0..5),
	) {
		new_test_ext().execute_with(|| {
			for character in AIS {
				fan(CAROL, character);
			}
			spread_ais();
			set_phase(Phase::Two);
			let id = propose(BOB, X, Action::Signal);
			open(id);
			for (index, side) in fans {
				let _ = Dso::vote_child(signed(CAROL), id, of(AIS[index]), Capacity::Member(Class::Fan), side);
			}
			let jobs: Vec<_> = AIS.into_iter().map(|character| ask(id, character)).collect();
			for (job, percent) in jobs.into_iter().zip(&answers) {
				answer(job, *percent);
			}
			cut_off(id);
			for character in &order {
				settle(id, &[*character]);
				let mut stored = proposal(id);
				let again = Dso::settle(id, &mut stored, of(*character));
				prop_assert_eq!(again, Err(Error::<Test>::SettledBefore.into()));
			}
			let mut house = AiVotes::new(500);
			for character in AIS {
				let settlement = ChildPolls::<Test>::get(id, of(character)).unwrap().settled.unwrap();
				prop_assert!(Lean::NAY <= settlement.preference && settlement.preference <= Lean::AYE);
				house = house.add(settlement.weight, settlement.preference);
			}
			prop_assert_eq!(proposal(id).ai, house);
			prop_assert_eq!(check(), Ok(()));
			Ok(())
		})?;
	}

	/// Property 5 of the design, of AIs and of their members: a stronger aye of the one or an aye more of the other never
	/// turns a pass into a failure.
	#[test]
	fn aye_more_of_an_ai_should_never_harm_its_side(
		votes in votes(),
		answers in answers(),
		index in 0usize..5,
		stronger in -100i8..=100,
		member in side(),
	) {
		let result = |answers: &[Option<i8>], member: Side| {
			new_test_ext().execute_with(|| {
				for character in AIS {
					fan(CAROL, character);
				}
				spread_ais();
				set_phase(Phase::Two);
				let id = propose(ALICE, X, Action::Signal);
				open(id);
				let child = of(AIS[index]);
				Dso::vote_child(signed(CAROL), id, child, Capacity::Member(Class::Fan), member).unwrap();
				for (who, side) in [ALICE, BOB, CAROL].into_iter().zip(&votes) {
					if let Some(side) = side {
						vote(who, id, Class::Token, *side);
					}
				}
				let jobs: Vec<_> = AIS.into_iter().map(|character| ask(id, character)).collect();
				for (job, percent) in jobs.into_iter().zip(answers) {
					answer(job, *percent);
				}
				cut_off(id);
				settle(id, &AIS);
				let page = Dso::proposal(id).unwrap();
				(page.passes, page.approval)
			})
		};
		let before = result(&answers, member);
		let mut others = answers.clone();
		// A failed job counts as neither.
		others[index] = Some(stronger.max(answers[index].unwrap_or(0)));
		prop_assert!(result(&others, member) >= before);
		prop_assert!(result(&answers, Side::Aye) >= before);
		prop_assert!(result(&answers, Side::Nay) <= before);
	}

	/// Property 16 of the design: what failed or was never answered counts as neither; a job counts for its own ballot alone;
	/// whoever controls an AI is named, so that it never serves.
	#[test]
	fn ballot_jobs_should_count_for_their_own_ballot(
		answers in proptest::collection::vec((0usize..6, proptest::option::of(any::<i8>())), 0..12),
		waits in any::<bool>(),
	) {
		new_test_ext().execute_with(|| {
			seat_ais(&[1, 2, 3], 100);
			let ids = [ALICE, BOB].map(|who| propose(who, X, Action::Signal));
			open(ids[1]);
			let mut jobs = Vec::new();
			for id in ids {
				for character in 1..=3 {
					jobs.push((ask(id, character), id, character));
				}
			}
			let mut expected: BTreeMap<(ProposalId, u32), Decision> = BTreeMap::new();
			for (index, value) in answers {
				let (job, id, character) = jobs[index];
				answer(job, value);
				let decision =
					value.map_or(Decision::Failed, |value| Decision::Given(percent(value.clamp(-100, 100))));
				expected.entry((id, character)).or_insert(decision);
			}
			for (job, id, character) in &jobs {
				let stored = Decisions::<Test>::get(id, of(*character)).unwrap();
				prop_assert_eq!(stored, expected.get(&(*id, *character)).copied().unwrap_or(Decision::Ordered(*job)));
			}
			prop_assert!(Orders::get().iter().all(|order| order.controller == Some(account(ALICE))));
			if waits {
				go_to(proposal(ids[0]).voting.last_answer().into());
			} else {
				cut_off(ids[0]);
			}
			for id in ids {
				for character in 1..=3 {
					let before = proposal(id).ai;
					let batch = vec![of(character)].try_into().unwrap();
					let settled = Dso::settle_ai(signed(DAVE), id, batch).is_ok();
					let decision = expected.get(&(id, character));
					// From 85 % of the period on nobody waits for an answer.
					prop_assert_eq!(settled, waits || decision.is_some());
					if !matches!(decision, Some(Decision::Given(_))) {
						prop_assert_eq!((proposal(id).ai.ayes, proposal(id).ai.nays), (before.ayes, before.nays));
					}
				}
			}
			prop_assert_eq!(check(), Ok(()));
			Ok(())
		})?;
	}

	/// Property 6 of the design, in a community of its own: its AI weighs a fifth at most, and nothing before the second
	/// phase.
	#[test]
	fn own_ai_should_never_weigh_more_than_a_fifth(
		phase in prop::sample::select(Phase::ALL.to_vec()),
		own_ai in 0u32..5_000,
		percent in -100i8..=100,
	) {
		new_test_ext().execute_with(|| {
			let community = with_members();
			crate::Charters::<Test>::mutate(community, |chosen| chosen.try_insert(Field::OwnAi, own_ai).unwrap());
			set_phase(phase);
			let id = propose(ALICE, community, Action::Signal);
			all_below(id);
			let job = ask(id, ADA);
			answer(job, Some(percent));
			cut_off(id);
			settle(id, &[ADA]);
			let page = Dso::proposal(id).unwrap();
			prop_assert!(page.ai_share <= phase.own_ai_share_limit());
			prop_assert!(page.ai_share.deconstruct() <= own_ai.min(2_000) * 100_000);
			// People are all for it.
			prop_assert!(page.passes);
			prop_assert_eq!(check(), Ok(()));
			Ok(())
		})?;
	}
}
