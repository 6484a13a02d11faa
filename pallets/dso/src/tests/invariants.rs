//! What holds whatever is called. The numbers in the comments are those of the design's list of properties.

use std::collections::{BTreeMap, BTreeSet};

use autonomy_governance::{Bounds, Phase, Side, Track};
use autonomy_primitives::community::{Class, CommunityId, Pot, PowerSource, Topic};
use frame_support::{assert_ok, traits::fungible::Inspect};
use proptest::{
	prelude::*,
	test_runner::{FileFailurePersistence, TestCaseError},
};
use sp_runtime::{AccountId32, StateVersion};

use super::{all_below, charter, in_force, pay, with_members};
use crate::{
	mock::*, templates::default_template, types::Anchor, Action, ActionOf, Capacity, CharacterAction, Decision,
	Decisions, EndedProposals, Field, KindTag, ModelAction, Outbox, Outcome, ProposalId, Proposals, Scope, Stage,
};

const TOKEN: Capacity = Capacity::Member(Class::Token);
/// Holders of AUTON that take part.
const PEOPLE: [u8; 5] = [ALICE, BOB, CAROL, 20, 21];

fn config(cases: u32) -> ProptestConfig {
	ProptestConfig {
		cases: std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(cases),
		max_shrink_iters: 1_000,
		failure_persistence: Some(Box::new(FileFailurePersistence::SourceParallel("proptest-regressions"))),
		..ProptestConfig::default()
	}
}

fn side() -> impl Strategy<Value = Side> {
	prop::sample::select(vec![Side::Aye, Side::Nay, Side::Abstain])
}

fn person() -> impl Strategy<Value = u8> {
	prop::sample::select(PEOPLE.to_vec())
}

/// Holders of AUTON with different bonds, since yesterday.
fn holders() {
	bond(20, X, 300_000);
	bond(21, X, 70_000);
	go_on(1);
}

/// Something that somebody does with a vote.
#[derive(Clone, Debug)]
enum Move {
	Vote { who: u8, side: Side },
	Unvote { who: u8 },
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
	let step = prop_oneof![
		4 => (person(), side()).prop_map(|(who, side)| Move::Vote { who, side }),
		1 => person().prop_map(|who| Move::Unvote { who }),
	];
	proptest::collection::vec(step, 1..40)
}

/// Something that changes the world around a proposal.
#[derive(Clone, Debug)]
enum Change {
	Bond { who: u8, amount: u128 },
	Unbond { who: u8 },
	Delegate { who: u8, to: u8, topic: Topic },
	Sell { to: u8 },
	Claim { who: u8 },
	Fan { who: u8, points: u128 },
	Invest { who: u8, amount: u128 },
	Days { count: u32 },
}

fn change() -> impl Strategy<Value = Change> {
	let topic = prop::sample::select(Topic::ALL.to_vec());
	prop_oneof![
		(person(), 100u128..1_000_000).prop_map(|(who, amount)| Change::Bond { who, amount }),
		person().prop_map(|who| Change::Unbond { who }),
		(person(), person(), topic).prop_map(|(who, to, topic)| Change::Delegate { who, to, topic }),
		person().prop_map(|to| Change::Sell { to }),
		person().prop_map(|who| Change::Claim { who }),
		(person(), 0u128..6).prop_map(|(who, points)| Change::Fan { who, points }),
		(person(), 1u128..10_000).prop_map(|(who, amount)| Change::Invest { who, amount }),
		(1u32..4).prop_map(|count| Change::Days { count }),
	]
}

/// Does what is possible of a change.
fn apply(change: &Change) {
	match *change {
		Change::Bond { who, amount } => bond(who, X, amount),
		Change::Unbond { who } => {
			let all = Bonds::bond_of(account(who), X, Pot::Auton).map_or(0, |bond| bond.amounts.days_14);
			let _ = Bonds::unbond(signed(who), X, Pot::Auton, pallet_bonds::Tier::Days14, all);
		}
		Change::Delegate { who, to, topic } => {
			let _ = Bonds::delegate(signed(who), X, Class::Token, topic, account(to));
		}
		Change::Sell { to } => {
			let owner = <MockAnchors as crate::traits::Anchors<_>>::owner(Anchor::Character(ADA)).unwrap();
			let _ = Nfts::transfer(RuntimeOrigin::signed(owner), CHARACTERS, ADA, account(to));
		}
		Change::Claim { who } => {
			let _ = Dso::claim_seat(signed(who), of(ADA), Anchor::Character(ADA));
		}
		Change::Fan { who, points } => set_power(who, of(ADA), Class::Fan, points),
		Change::Invest { who, amount } => invest(who, ADA, amount),
		Change::Days { count } => go_on(count),
	}
}

/// Power that could be cast on a proposal in each class, if everybody of the snapshot did.
fn attainable(id: ProposalId) -> Vec<u128> {
	proposal(id).lines.iter().map(|line| line.votes.total).collect()
}

proptest! {
	#![proptest_config(config(24))]

	/// 1 and 3: after any order of votes, changes and take-backs with delegations, what was cast is what a recount of the
	/// last intents gives; it is the sum of the ballots and never more than there is.
	#[test]
	fn tally_should_equal_a_recount(
		delegations in proptest::collection::vec((person(), person()), 0..6),
		moves in moves(),
	) {
		new_test_ext().execute_with(|| {
			holders();
			for (who, to) in delegations {
				let _ = Bonds::delegate(signed(who), X, Class::Token, Topic::Routine, account(to));
			}
			go_on(1);
			let id = propose(ALICE, X, Action::Signal);
			open(id);
			let mut intents: BTreeMap<u8, Side> = BTreeMap::new();
			for step in &moves {
				let root = sp_io::storage::root(StateVersion::V1);
				let done = match *step {
					Move::Vote { who, side } => Dso::vote(signed(who), id, TOKEN, side).map(|()| intents.insert(who, side)),
					Move::Unvote { who } => Dso::unvote(signed(who), id, X, TOKEN).map(|()| intents.remove(&who)),
				};
				if done.is_err() {
					prop_assert_eq!(root, sp_io::storage::root(StateVersion::V1), "a failed call left a trace: {:?}", step);
				}
				recount(id, &intents)?;
				prop_assert_eq!(check(), Ok(()));
			}
			Ok(())
		})?;
	}

	/// 2: power of a class is the sum over its members, and what is delegated the sum over the delegators, on each day that
	/// a proposal can ask for.
	#[test]
	fn totals_should_be_the_sum_of_their_parts(changes in proptest::collection::vec(change(), 1..30)) {
		new_test_ext().execute_with(|| {
			for change in &changes {
				apply(change);
			}
			go_on(1);
			let today = Bonds::today();
			for day in today.saturating_sub(40)..today {
				let own = |who: u8| Bonds::power_of(X, Class::Token, account(who), day).unwrap();
				let total = Bonds::class_total(X, Class::Token, day).unwrap();
				prop_assert_eq!(total, PEOPLE.into_iter().map(own).sum::<u128>());
				for to in PEOPLE {
					let delegates = |who: &u8| {
						let to_whom =
							<Bonds as PowerSource<_>>::delegate_at(X, Class::Token, Topic::Routine, &account(*who), day);
						to_whom == Some(account(to))
					};
					let inbound = Bonds::inbound_of(X, Class::Token, Topic::Routine, account(to), day).unwrap();
					prop_assert_eq!(inbound, PEOPLE.into_iter().filter(delegates).map(own).sum::<u128>());
				}
			}
			Ok(())
		})?;
	}

	/// 4: whatever is sold, bonded, joined or delegated after submission, no more can be cast than before, and no item and
	/// no unit counts twice.
	#[test]
	fn power_of_a_live_proposal_should_not_grow(changes in proptest::collection::vec(change(), 1..12)) {
		new_test_ext().execute_with(|| {
			with_members();
			let (below, above) = (propose(BOB, of(ADA), Action::Signal), propose(ALICE, X, Action::Signal));
			let before = (attainable(below), attainable(above));
			open(below);
			for change in &changes {
				apply(change);
				if !matches!(Dso::proposal(below).unwrap().stage, Stage::Open | Stage::Settling) {
					break;
				}
				for who in PEOPLE {
					let _ = Dso::vote(signed(who), below, Capacity::Holder(Anchor::Character(ADA)), Side::Aye);
					let _ = Dso::vote(signed(who), below, Capacity::Member(Class::Fan), Side::Aye);
					let _ = Dso::vote(signed(who), below, Capacity::Member(Class::Investor), Side::Aye);
					let _ = Dso::vote(signed(who), above, TOKEN, Side::Aye);
				}
				prop_assert_eq!((attainable(below), attainable(above)), before.clone());
				for id in [below, above] {
					for line in &proposal(id).lines {
						prop_assert!(line.votes.votes.sum().unwrap() <= line.votes.total);
					}
				}
				prop_assert_eq!(check(), Ok(()));
			}
			Ok(())
		})?;
	}

	/// 9: whatever is written to a charter is in bounds, and so is whatever is read after they tighten; a live proposal
	/// keeps what it had.
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

	/// 10: nothing is executed before its time-lock, after its end, or twice.
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

	/// 11: no action of a community reaches another one, root, or something outside its mask.
	#[test]
	fn communities_should_reach_nothing_but_their_own(
		action in action(),
		community in prop::sample::select(vec![0usize, 1, 2, 3]),
		mask in any::<u32>(),
	) {
		new_test_ext().execute_with(|| {
			let below = with_members();
			assert_ok!(Dso::claim_seat(signed(ALICE), of_model(), Anchor::Model(MODEL)));
			assert_ok!(Dso::open_group(signed(ALICE), X));
			let group = pallet_bonds::NextCommunityId::<Test>::get() - 1;
			go_on(1);
			for id in [X, below, of_model(), group] {
				endow(id, 1_000_000);
			}
			let community = [X, below, of_model(), group][community];
			let tag = Dso::community(community).unwrap().kind.tag();
			let mut template = default_template(tag);
			template.actions &= mask;
			let allows = template.allows(action.kind());
			assert_ok!(Dso::set_template(RuntimeOrigin::root(), tag, Box::new(template)));
			let others: Vec<CommunityId> =
				[X, below, of_model(), group].into_iter().filter(|id| *id != community).collect();
			let before: Vec<u128> = others.iter().map(|id| Balances::balance(&treasury(*id))).collect();
			let submitted = Dso::submit(signed(ALICE), community, Box::new(action.clone()), prose(""));
			prop_assert!(allows || submitted.is_err());
			if submitted.is_ok() {
				let id = crate::NextProposalId::<Test>::get() - 1;
				open(id);
				for class in Dso::proposal(id).unwrap().classes {
					let capacity = Capacity::Member(class.line.class);
					for who in [ALICE, BOB, CAROL, 20, 21, 22, 23] {
						let _ = Dso::vote(signed(who), id, capacity, Side::Aye);
					}
				}
				for anchor in [Anchor::Character(ADA), Anchor::Model(MODEL)] {
					let _ = Dso::vote(signed(ALICE), id, Capacity::Holder(anchor), Side::Aye);
				}
				finish(id);
				assert_ok!(Dso::close(signed(DAVE), id));
				if outcome(id).is_none() {
					unlock(id);
					let _ = Dso::execute(signed(DAVE), id, ENOUGH);
				}
			}
			let after: Vec<u128> = others.iter().map(|id| Balances::balance(&treasury(*id))).collect();
			prop_assert_eq!(before, after);
			prop_assert!(Done::get().iter().all(|(by, _, _)| *by == community));
			prop_assert_eq!(Dso::phase_now(), Phase::One);
			prop_assert_eq!(check(), Ok(()));
			Ok(())
		})?;
	}

	/// 12: the phase goes up by one with what it needs, or down; what AIs count is never more than the phase lets them.
	#[test]
	fn phases_should_go_one_by_one(steps in proptest::collection::vec((0u8..4, 0usize..4, 0u32..200), 1..30)) {
		new_test_ext().execute_with(|| {
			for (what, phase, days) in steps {
				let (to, before) = (Phase::ALL[phase], crate::CurrentPhase::<Test>::get());
				match what {
					0 => {
						let ready = State::get();
						let done = Dso::advance_phase(RuntimeOrigin::root(), before.reached, to);
						if done.is_ok() {
							prop_assert_eq!(before.reached.next(), Some(to));
							prop_assert!(to != Phase::Two || ready.0 >= 20 && ready.1 >= 15);
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
					_ => {
						crate::ShadowVotes::<Test>::put(crate::Shadow { since: Some(0), asked: 100, given: 90 + days % 11, ..Default::default() });
						go_on(days);
					}
				}
				let (now, info) = (Dso::phase_now(), crate::CurrentPhase::<Test>::get());
				prop_assert!(now <= info.reached);
				for track in Track::ALL {
					let most = now.ai_share_limit();
					prop_assert!(track.ai_share(now) <= most);
				}
			}
			Ok(())
		})?;
	}

	/// 13: bonds are one freeze of their sum; AUTON is only burned, and each deposit is returned or burned once; nothing is
	/// left of a proposal that was reaped.
	#[test]
	fn money_should_be_conserved(
		proposals in proptest::collection::vec((person(), any::<bool>(), any::<bool>(), 0u8..4), 1..8),
	) {
		new_test_ext().execute_with(|| {
			holders();
			endow(X, 1_000_000);
			let issuance = Balances::total_issuance();
			let mut burned = 0;
			for (who, supported, spends, fate) in proposals {
				let action = if spends { pay(EVE, 1_000) } else { Action::Signal };
				let free = Balances::free_balance(account(who));
				let id = propose(who, X, action);
				let deposit = proposal(id).deposit;
				prop_assert_eq!(Balances::free_balance(account(who)), free - deposit);
				match fate {
					0 => { assert_ok!(Dso::withdraw(signed(who), id)); }
					1 => {
						assert_ok!(Dso::cancel(signed(GUARD), id, [0; 32], supported));
						burned += if supported { deposit } else { 0 };
					}
					_ => {
						open(id);
						if supported {
							vote(ALICE, id, Class::Token, Side::Aye);
						}
						close(id);
						burned += if supported { 0 } else { deposit };
						if outcome(id).is_none() {
							execute(id);
						}
					}
				}
				prop_assert_eq!(Balances::total_issuance(), issuance - burned);
				prop_assert_eq!(check(), Ok(()));
				go_on(1);
			}
			for id in EndedProposals::<Test>::iter_keys().collect::<Vec<_>>() {
				assert_ok!(Dso::reap(signed(DAVE), id, 1_000));
			}
			prop_assert_eq!(Proposals::<Test>::iter().count() + crate::Ballots::<Test>::iter().count(), 0);
			let held: u128 = pallet_balances::Holds::<Test>::iter_values().flatten().map(|hold| hold.amount).sum();
			prop_assert_eq!(held, 0);
			for who in PEOPLE {
				let bonds: u128 = Bonds::portfolio(account(who)).iter().map(|bond| bond.amounts.sum()).sum();
				let frozen: u128 = pallet_balances::Freezes::<Test>::get(account(who)).iter().map(|it| it.amount).sum();
				prop_assert_eq!(bonds, frozen);
			}
			Ok(())
		})?;
	}

	/// 14: in any seven days in a row no more is spent than the limit of what there was.
	#[test]
	fn spending_should_stay_within_its_windows(spends in proptest::collection::vec((1u128..700, 0u32..4), 1..30)) {
		new_test_ext().execute_with(|| {
			let community = with_members();
			endow(community, 10_000 + ED);
			let (mut spent, mut balance): (Vec<(u32, u128)>, u128) = (Vec::new(), 10_000);
			for (amount, days) in spends {
				go_on(days);
				let today = Bonds::today();
				let path = crate::types::Path::Small;
				let done = frame_support::storage::with_storage_layer(|| {
					Dso::do_spend(community, KindTag::Character, path, None, account(DAVE), amount)
				});
				let lately: u128 = spent.iter().filter(|(day, _)| day + 7 > today).map(|(_, amount)| amount).sum();
				let fits = lately + amount <= (balance + lately) / 10;
				prop_assert_eq!(done.is_ok(), fits, "{} of {} and {}", amount, balance, lately);
				if fits {
					spent.push((today, amount));
					balance -= amount;
				}
			}
			Ok(())
		})?;
	}

	/// 15: every motion is handed over once, in whatever order the holders table, veto and fast-track, and none takes the
	/// place of another one.
	#[test]
	fn motions_should_not_be_lost(steps in proptest::collection::vec((0u8..5, 0u32..10), 1..60)) {
		new_test_ext().execute_with(|| {
			let (mut pushed, mut refused) = (Vec::new(), BTreeSet::new());
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
				all.sort();
				let mut expected = pushed.clone();
				expected.sort();
				prop_assert_eq!(all, expected);
			}
			Ok(())
		})?;
	}

	/// 16: what failed or was never answered counts as neither; a job counts for its own ballot alone; whoever controls an
	/// AI never serves.
	#[test]
	fn ballot_jobs_should_count_for_their_own_ballot(
		answers in proptest::collection::vec((0usize..6, proptest::option::of(-128i16..128)), 0..12),
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
				let value = value.map(|value| value as i8);
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
			cut_off(ids[0]);
			for id in ids {
				for character in 1..=3 {
					let before = proposal(id).ai;
					let batch = vec![of(character)].try_into().unwrap();
					let settled = Dso::settle_ai(signed(DAVE), id, batch).is_ok();
					prop_assert_eq!(settled, expected.contains_key(&(id, character)));
					if expected.get(&(id, character)) == Some(&Decision::Failed) {
						prop_assert_eq!((proposal(id).ai.ayes, proposal(id).ai.nays), (before.ayes, before.nays));
					}
				}
			}
			prop_assert_eq!(check(), Ok(()));
			Ok(())
		})?;
	}

	/// 20: stopping moves no funds, changes no vote and does nothing that was decided.
	#[test]
	fn guard_should_change_nothing(steps in proptest::collection::vec((0u8..5, 0u32..20), 1..20)) {
		new_test_ext().execute_with(|| {
			endow(X, 1_000_000);
			let live = propose(ALICE, X, Action::Signal);
			let decided = pass(BOB, pay(DAVE, 1_000));
			let later = propose(CAROL, X, Action::Signal);
			all_for(later);
			let _ = live;
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
					2 => Dso::cancel(signed(GUARD), n % 3, [0; 32], false),
					3 => Dso::regress_phase(signed(GUARD), Phase::One),
					_ => { go_on(n); Ok(()) }
				};
				let after = (Balances::total_issuance(), money(&treasury(X)), money(&account(DAVE)), Done::get());
				prop_assert_eq!(&after, &before);
				prop_assert_eq!(&proposal(later).lines, &votes);
				prop_assert!(outcome(decided) != Some(Outcome::Done));
				prop_assert_eq!(check(), Ok(()));
			}
			Ok(())
		})?;
	}
}

/// What a recount of everybody's last intent gives.
fn recount(id: ProposalId, intents: &BTreeMap<u8, Side>) -> Result<(), TestCaseError> {
	let stored = proposal(id);
	let own = |who: u8| Bonds::power_of(X, Class::Token, account(who), stored.snap).unwrap();
	let delegate = |who: u8| {
		let to = <Bonds as PowerSource<_>>::delegate_at(X, Class::Token, Topic::Routine, &account(who), stored.snap);
		PEOPLE.into_iter().find(|n| Some(account(*n)) == to)
	};
	let mut sums: BTreeMap<u8, u128> = BTreeMap::new();
	for who in PEOPLE {
		// A ballot of one's own, or else the delegate's.
		let side = intents.get(&who).or_else(|| intents.get(&delegate(who)?));
		if let Some(side) = side {
			*sums.entry(*side as u8).or_default() += own(who);
		}
	}
	let line = stored.lines.iter().find(|line| line.class == Class::Token).unwrap();
	for side in [Side::Aye, Side::Nay, Side::Abstain] {
		prop_assert_eq!(line.votes.votes.of(side), sums.get(&(side as u8)).copied().unwrap_or(0));
	}
	let weights: u32 = stored.lines.iter().map(|line| u32::from(line.votes.weight)).sum();
	prop_assert_eq!(weights, 10_000);
	Ok(())
}

/// Anything that can be proposed.
fn action() -> impl Strategy<Value = ActionOf<Test>> {
	let id = || 0u32..10;
	prop_oneof![
		Just(Action::Signal),
		(1u128..2_000_000, any::<bool>()).prop_map(|(amount, asset)| Action::Spend {
			asset: asset.then_some(102),
			to: account(DAVE),
			amount
		}),
		(0usize..crate::FIELDS, 0u32..11_000).prop_map(|(field, value)| charter(&[(Field::ALL[field], value)])),
		(0u8..7).prop_map(|points| Action::GrantBadge { who: account(DAVE), points }),
		Just(Action::LapseBadge { who: account(ALICE) }),
		id().prop_map(|id| Action::Character(CharacterAction::AcceptChild(id))),
		id().prop_map(|id| Action::Character(CharacterAction::JoinCollective(id))),
		Just(Action::Character(CharacterAction::SetPersona { persona: [1; 36] })),
		Just(Action::Character(CharacterAction::LeaveCollective)),
		id().prop_map(|id| Action::Model(ModelAction::AcceptVersion(id.into()))),
		Just(Action::Model(ModelAction::OpenSource)),
		(0usize..10).prop_map(|track| Action::Dispatch {
			track: Track::ALL[track],
			hash: sp_core::H256::zero(),
			len: 3
		}),
		any::<bool>().prop_map(|dual| Action::Motion { dual, hash: sp_core::H256::zero(), len: 3 }),
	]
}

/// 19: with no AI, no worker and an empty class, every track that is open in the first phase can pass.
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

/// 19: and so can a character whose only members are its holder and one class more.
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
