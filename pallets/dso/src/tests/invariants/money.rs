//! Deposits, burns, treasuries.

use std::collections::BTreeMap;

use autonomy_governance::Side;
use autonomy_primitives::community::{Class, Pot};
use frame_support::{
	assert_ok,
	storage::with_storage_layer,
	traits::fungible::{Inspect, InspectHold},
};
use proptest::prelude::*;

use super::{band, config, holders, identity, person, PEOPLE};
use crate::{
	mock::*,
	tests::{holders_of_the_model, pay, with_members},
	types::{Anchor, Path},
	Action, Ballots, Capacity, EndedProposals, HoldReason, KindTag, Proposals, Trainings,
};
/// What is on hold in all accounts.
fn held() -> u128 {
	pallet_balances::Holds::<Test>::iter_values().flatten().map(|hold| hold.amount).sum()
}

proptest! {
	#![proptest_config(config(24))]

	/// Property 13 of the design: bonds and backings of an account are one freeze of their sum; AUTON is only burned, each
	/// deposit is returned or burned once, and nothing is left of a proposal that was reaped.
	#[test]
	fn money_should_be_conserved(
		proposals in proptest::collection::vec((person(), any::<bool>(), any::<bool>(), 0u8..4), 1..8),
		backings in proptest::collection::vec((person(), 1u32..4, 100u128..5_000), 0..6),
		seats in 0u32..3,
	) {
		new_test_ext().execute_with(|| {
			holders();
			endow(X, 1_000_000);
			let issuance = Balances::total_issuance();
			let mut burned = 0;
			for (who, character, amount) in backings {
				bond(who, of(character), amount);
			}
			for character in 1..=seats {
				burned += Dso::seat_burn();
				assert_ok!(Dso::open_ai_seat(signed(DAVE), of(character)));
			}
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
			prop_assert_eq!(Proposals::<Test>::iter().count() + Ballots::<Test>::iter().count(), 0);
			// The communities whose AIs have seats are still there, until those seats count no more.
			go_on(60);
			for character in 1..=seats {
				assert_ok!(Dso::close_community(signed(DAVE), of(character)));
			}
			prop_assert_eq!(held(), 0);
			for who in PEOPLE {
				let bonds: u128 = Bonds::portfolio(account(who)).iter().map(|bond| bond.amounts.sum()).sum();
				let frozen: u128 = pallet_balances::Freezes::<Test>::get(account(who)).iter().map(|it| it.amount).sum();
				prop_assert_eq!(bonds, frozen);
				// No unit backs two: what is behind each is part of the one freeze.
				let behind = [X, of(1), of(2), of(3)].map(|community| {
					Bonds::bond_of(account(who), community, Pot::Auton).map_or(0, |bond| bond.amounts.sum())
				});
				prop_assert_eq!(behind.iter().sum::<u128>(), bonds);
			}
			Ok(())
		})?;
	}

	/// Property 13 of the design, of budgets: what is put aside for training stays on hold in the treasury until it is paid
	/// or returned.
	#[test]
	fn training_budgets_should_be_paid_or_returned(
		steps in proptest::collection::vec((0u8..4, 1u128..3_000, 0u32..20), 1..20),
	) {
		new_test_ext().execute_with(|| {
			holders_of_the_model();
			let (community, treasury) = (of_model(), treasury(of_model()));
			endow(community, 100_000 + ED);
			let mut paid = 0;
			for (what, amount, days) in steps {
				let training = days % 3;
				// As executions and calls do.
				match what {
					0 => {
						let budget = amount + ED;
						let start = || {
							Dso::do_start_training(community, Path::Large, [1; 36], account(DAVE), budget, days + 1)
						};
						let _ = with_storage_layer(start);
					}
					1 => {
						let publish = || Dso::do_publish_checkpoint(community, training, [2; 36], amount);
						paid += if with_storage_layer(publish).is_ok() { amount } else { 0 };
					}
					2 => { let _ = Dso::end_training(signed(EVE), community, training); }
					_ => go_on(days),
				}
				let left: u128 = Trainings::<Test>::iter_values().map(|training| training.left).sum();
				prop_assert_eq!(Balances::balance_on_hold(&HoldReason::Training.into(), &treasury), left);
				prop_assert_eq!(Balances::total_balance(&treasury), 100_000 + ED - paid);
				prop_assert_eq!(check(), Ok(()));
			}
			go_on(20);
			for (_, training) in Trainings::<Test>::iter_keys().collect::<Vec<_>>() {
				assert_ok!(Dso::end_training(signed(EVE), community, training));
			}
			prop_assert_eq!(Balances::balance(&treasury), 100_000 + ED - paid);
			Ok(())
		})?;
	}

	/// Property 14 of the design: in any seven days in a row no more is spent than the limit of what there was, of each asset
	/// and on each path; a week later an amount is forgotten.
	#[test]
	fn spending_should_stay_within_its_windows(
		spends in proptest::collection::vec((any::<bool>(), any::<bool>(), 1u128..700, 0u32..4), 1..40),
	) {
		new_test_ext().execute_with(|| {
			let community = with_members();
			endow(community, 10_000 + ED);
			assert_ok!(Assets::mint(signed(ISSUER), 102, treasury(community), 10_001));
			let mut spent: Vec<(bool, bool, u32, u128)> = Vec::new();
			let mut balances = BTreeMap::from([(false, 10_000), (true, 10_000)]);
			for (is_asset, is_large, amount, days) in spends {
				go_on(days);
				let today = Bonds::today();
				let (asset, path) = (is_asset.then_some(102), if is_large { Path::Large } else { Path::Small });
				let done = with_storage_layer(|| {
					Dso::do_spend(community, KindTag::Character, path, asset, account(DAVE), amount)
				});
				let same = |(asset, large, day, _): &&(bool, bool, u32, u128)| {
					(*asset, *large) == (is_asset, is_large) && day + 7 > today
				};
				let lately: u128 = spent.iter().filter(same).map(|(_, _, _, amount)| amount).sum();
				let balance = balances[&is_asset];
				// A tenth, or all of it by the longer way.
				let limit = (balance + lately) / if is_large { 1 } else { 10 };
				let fits = lately + amount <= limit && amount <= balance;
				prop_assert_eq!(done.is_ok(), fits, "{} of {} and {}", amount, balance, lately);
				if fits {
					spent.push((is_asset, is_large, today, amount));
					balances.insert(is_asset, balance - amount);
				}
			}
			Ok(())
		})?;
	}
}

/// Property 13 of the design: a community that is closed returns its deposit, once.
#[test]
fn deposits_of_communities_should_come_back() {
	build_and_execute(|| {
		let before = [ALICE, BOB].map(wealth);
		let (person, band) = (identity(), band());
		assert_eq!(held(), 2 * COMMUNITY_DEPOSIT);
		for (who, community, anchors) in
			[(BOB, person, vec![Anchor::Identity(1)]), (ALICE, band, vec![Anchor::Character(7), Anchor::Character(8)])]
		{
			for anchor in anchors {
				assert_ok!(Dso::purge_seat(signed(who), community, anchor));
			}
			assert_ok!(Dso::close_community(signed(who), community));
			assert!(Dso::close_community(signed(who), community).is_err());
		}
		assert_eq!((held(), [ALICE, BOB].map(wealth)), (0, before));
	});
}

/// Property 13 of the design: a ballot costs and gives nothing.
#[test]
fn votes_should_never_be_paid() {
	build_and_execute(|| {
		let community = with_members();
		endow(community, 10_000);
		let id = propose(ALICE, community, Action::Signal);
		open(id);
		let before = Balances::free_balance(account(BOB));
		assert_ok!(Dso::vote(signed(BOB), id, Capacity::Member(Class::Investor), Side::Aye));
		assert_eq!(Balances::free_balance(account(BOB)), before);
	});
}
