//! From submission to execution, to the holders, and what stops it.

use std::collections::BTreeSet;

use autonomy_governance::{Phase, Side, Track};
use autonomy_primitives::community::Class;
use frame_support::traits::fungible::Inspect;
use proptest::prelude::*;
use sp_runtime::AccountId32;

use super::config;
use crate::{
	mock::*,
	tests::{charter, in_force, pay},
	Action, Badges, Field, Outbox, Outcome, Scope, Stage,
};

proptest! {
	#![proptest_config(config(24))]

	/// Property 10 of the design: nothing is executed before its time-lock, after its end, or twice.
	#[test]
	fn proposals_should_be_executed_in_time_and_once(
		fate in proptest::collection::vec((0u8..6, 0u64..120), 1..30),
	) {
		new_test_ext().execute_with(|| {
			endow(X, 1_000_000);
			let id = propose(ALICE, X, pay(DAVE, 1));
			all_for(id);
			let before = wealth(DAVE);
			for (what, blocks) in fate {
				go_to(System::block_number() + blocks);
				let (stage, paid) = (Dso::proposal(id).unwrap().stage, wealth(DAVE) - before);
				match what {
					0 => { let _ = Dso::close(signed(EVE), id); }
					1 | 2 => {
						let done = Dso::execute(signed(EVE), id, ENOUGH);
						let paused = Dso::proposal(id).unwrap().paused;
						prop_assert_eq!(done.is_ok(), stage == Stage::Executable && !paused);
						prop_assert_eq!(wealth(DAVE) - before - paid, u128::from(done.is_ok()));
					}
					3 => { let _ = Dso::pause(signed(GUARD), Scope::All, [0; 32]); }
					4 => { let _ = Dso::lift_pause(signed(GUARD), Scope::All); }
					_ if blocks % 7 == 0 => { let _ = Dso::cancel(signed(GUARD), id, [0; 32], false); }
					_ => (),
				}
				prop_assert!(wealth(DAVE) - before <= 1);
				prop_assert_eq!(check(), Ok(()));
			}
			Ok(())
		})?;
	}

	/// Property 10 of the design: what a newer approval of the same kind has superseded is never executed after it, and each
	/// is executed once at most.
	#[test]
	fn superseded_proposals_should_never_be_executed(
		steps in proptest::collection::vec((0usize..3, any::<bool>(), 0u64..40), 1..40),
	) {
		new_test_ext().execute_with(|| {
			let grant = |points| Action::GrantBadge { who: account(DAVE), points };
			let ids: Vec<_> = [(ALICE, 1), (BOB, 2), (CAROL, 3)]
				.into_iter()
				.map(|(who, points)| propose(who, X, grant(points)))
				.collect();
			for id in &ids {
				all_for(*id);
			}
			finish(ids[2]);
			let mut newest = 0;
			for (index, closes, blocks) in steps {
				let id = ids[index];
				if closes {
					let _ = Dso::close(signed(EVE), id);
				} else if Dso::execute(signed(EVE), id, ENOUGH).is_ok() {
					let points = index as u8 + 1;
					prop_assert!(points > newest, "an older one was executed after a newer one");
					newest = points;
					prop_assert_eq!(Badges::<Test>::get(X, account(DAVE)).unwrap().points, points);
					prop_assert_eq!(outcome(id), Some(Outcome::Done));
				}
				prop_assert_eq!(check(), Ok(()));
				go_to(System::block_number() + blocks);
			}
			Ok(())
		})?;
	}

	/// Property 15 of the design: every motion is handed over once, in whatever order the holders table, veto and
	/// fast-track, unless the guard stops it; none takes the place of another one.
	#[test]
	fn motions_should_not_be_lost(steps in proptest::collection::vec((0u8..6, 0u32..10), 1..60)) {
		new_test_ext().execute_with(|| {
			let (mut pushed, mut refused, mut stopped) = (Vec::new(), BTreeSet::new(), Vec::new());
			for (what, n) in steps {
				let hash = sp_core::H256::repeat_byte(n as u8);
				match what {
					0 | 1 => {
						// As the execution of a proposal does.
						if Dso::push_motion(pushed.len() as u32, n % 2 == 0, hash, 1).is_ok() {
							pushed.push(hash);
						}
					}
					2 => { let _ = Dso::flush_outbox(signed(DAVE)); }
					// Tabled, fast-tracked or vetoed: the place is free again.
					3 => Tabled::set(None),
					4 => {
						let waits = Outbox::<Test>::get().iter().any(|motion| motion.proposal == n);
						let done = Dso::cancel(signed(GUARD), n, [0; 32], false);
						prop_assert_eq!(done.is_ok(), waits);
						if waits {
							stopped.push(pushed[n as usize]);
						}
					}
					_ => {
						if !refused.remove(&hash) {
							refused.insert(hash);
						}
						Blacklist::set(refused.clone());
					}
				}
				let waiting = Outbox::<Test>::get();
				prop_assert!(waiting.len() <= 32);
				let mut all: Vec<_> = Submitted::get().into_iter().map(|(_, hash)| hash).collect();
				all.extend(waiting.iter().map(|motion| motion.hash));
				all.extend(stopped.iter().copied());
				all.sort();
				let mut expected = pushed.clone();
				expected.sort();
				prop_assert_eq!(all, expected);
			}
			Ok(())
		})?;
	}

	/// Property 20 of the design: stopping moves no funds, changes no vote and does nothing that was decided.
	#[test]
	fn guard_should_change_nothing(steps in proptest::collection::vec((0u8..5, 0u32..20), 1..20)) {
		new_test_ext().execute_with(|| {
			endow(X, 1_000_000);
			propose(ALICE, X, Action::Signal);
			let decided = pass(BOB, pay(DAVE, 1_000));
			let later = propose(CAROL, X, Action::Signal);
			all_for(later);
			Dso::push_motion(77, false, sp_core::H256::zero(), 1).unwrap();
			let money = |who: &AccountId32| Balances::balance(who);
			let before = (Balances::total_issuance(), money(&treasury(X)), money(&account(DAVE)), Done::get());
			let votes = proposal(later).lines;
			for (what, n) in steps {
				let scope = match n % 3 {
					0 => Scope::All,
					1 => Scope::Community(X),
					_ => Scope::Track(Track::Wish),
				};
				let _ = match what {
					0 => Dso::pause(signed(GUARD), scope, [0; 32]),
					1 => Dso::lift_pause(signed(GUARD), scope),
					2 => Dso::cancel(signed(GUARD), if n == 19 { 77 } else { n % 3 }, [0; 32], false),
					3 => Dso::regress_phase(signed(GUARD), Phase::One),
					_ => { go_on(n); Ok(()) }
				};
				let after = (Balances::total_issuance(), money(&treasury(X)), money(&account(DAVE)), Done::get());
				prop_assert_eq!(&after, &before);
				prop_assert_eq!(&proposal(later).lines, &votes);
				prop_assert!(outcome(decided) != Some(Outcome::Done));
				prop_assert!(Submitted::get().is_empty());
				prop_assert_eq!(check(), Ok(()));
			}
			Ok(())
		})?;
	}
}

/// Property 19 of the design: with no AI, no worker and an empty class, every track that is open in the first phase can
/// pass.
#[test]
fn every_track_of_the_first_phase_should_be_able_to_pass() {
	build_and_execute(|| {
		State::set((0, 0, 0, 0));
		endow(X, 1_000_000);
		assert_eq!(Bonds::class_total(X, Class::Contributor, 39), Some(0));
		let actions = [
			Action::Signal,
			dispatch(Track::Templates, &template_call()),
			pay(DAVE, 10_000),
			pay(DAVE, 100_000),
			motion(false, &template_call()),
			motion(true, &template_call()),
		];
		let mut tracks = BTreeSet::new();
		for action in actions {
			let id = pass(ALICE, action);
			tracks.insert(proposal(id).track.unwrap() as u8);
			execute(id);
			assert_eq!(outcome(id), Some(Outcome::Done));
		}
		let open = Track::ALL.into_iter().filter(|track| track.opens() == Phase::One);
		assert_eq!(tracks, open.map(|track| track as u8).collect::<BTreeSet<_>>());
	});
}

/// Property 19 of the design, in the last phase: no AI has to vote for anything.
#[test]
fn tracks_of_later_phases_should_be_able_to_pass_without_ais() {
	build_and_execute(|| {
		set_phase(Phase::Four);
		let tracks = [Track::Interaction, Track::Economic, Track::Models, Track::Data];
		for (fee, track) in (1_001..).zip(tracks) {
			let id = pass(ALICE, dispatch(track, &fee_call(fee)));
			execute(id);
			assert_eq!(outcome(id), Some(Outcome::Done));
		}
		for dual in [false, true] {
			execute(pass(BOB, motion(dual, &template_call())));
		}
	});
}

/// Property 19 of the design: and so can a character whose only members are its holder and one class more.
#[test]
fn community_with_empty_classes_should_be_able_to_decide() {
	build_and_execute(|| {
		claim(ALICE, ADA);
		go_on(1);
		let id = propose(ALICE, of(ADA), charter(&[(Field::VotingDays, 6)]));
		open(id);
		vote_as_holder(ALICE, id, ADA, Side::Aye);
		close(id);
		execute(id);
		assert_eq!(in_force(of(ADA)).get(Field::VotingDays), 6);
	});
}
