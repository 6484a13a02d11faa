use frame_support::storage::with_storage_layer;
use proptest::prelude::*;
use sp_runtime::{DispatchResult, StateVersion};

use crate::{mock::*, Collection, CollectiveMode, NextCharacterId, Talks};

#[derive(Clone, Debug)]
enum Step {
	Template { owner_min: u32, price_max: u32, tiers: usize },
	Create { who: u8, round: bool, fixed: bool },
	Persona { who: u8, id: u32 },
	Models { who: u8, id: u32, language: Option<u32> },
	Customise { who: u8, id: u32, owner: u32, investors: u32, line: u8 },
	Active { who: u8, id: u32, active: bool },
	Bond { who: u8, id: u32, amount: u128 },
	Unbond { who: u8, id: u32, amount: u128 },
	Spend { who: u8, id: u32, amount: u128 },
	Join { who: u8, id: u32 },
	Upgrade { who: u8, id: u32 },
	Leave { who: u8, id: u32 },
	Refresh { who: u8, id: u32 },
	Invest { who: u8, id: u32, shares: u128 },
	Close { id: u32 },
	Ask { who: u8, child: u32, parent: Option<u32> },
	Accept { who: u8, parent: u32, child: u32 },
	LeaveParent { who: u8, child: u32 },
	Found { who: u8, id: u32, pooled: bool },
	Invite { who: u8, member: u32, id: u32 },
	JoinCollective { who: u8, collective: u32, id: u32 },
	LeaveCollective { who: u8, id: u32 },
	Talk { who: u8, id: u32, bytes: usize },
	Finish { job: u64, fails: bool },
	Transfer { who: u8, id: u32, to: u8 },
	Wait { blocks: u64 },
}

fn step() -> impl Strategy<Value = Step> {
	let (who, id) = (|| 1u8..5, || 0u32..5);
	let amount = || 0u128..9_000;
	let making = prop_oneof![
		1 => (200_000u32..=400_000, 1_000u32..=3_000, 1usize..=3)
			.prop_map(|(owner_min, price_max, tiers)| Step::Template { owner_min, price_max, tiers }),
		6 => (who(), any::<bool>(), any::<bool>()).prop_map(|(who, round, fixed)| Step::Create { who, round, fixed }),
		1 => (who(), id()).prop_map(|(who, id)| Step::Persona { who, id }),
		1 => (who(), id(), proptest::option::of(1u32..4))
			.prop_map(|(who, id, language)| Step::Models { who, id, language }),
		2 => (who(), id(), 0u32..800_000, 0u32..500_000, 0u8..3)
			.prop_map(|(who, id, owner, investors, line)| Step::Customise { who, id, owner, investors, line }),
		1 => (who(), id(), any::<bool>()).prop_map(|(who, id, active)| Step::Active { who, id, active }),
		1 => (who(), id(), who()).prop_map(|(who, id, to)| Step::Transfer { who, id, to }),
		2 => (0u64..60).prop_map(|blocks| Step::Wait { blocks }),
	];
	let people = prop_oneof![
		2 => (who(), id(), amount()).prop_map(|(who, id, amount)| Step::Bond { who, id, amount }),
		1 => (who(), id(), amount()).prop_map(|(who, id, amount)| Step::Unbond { who, id, amount }),
		1 => (who(), id(), amount()).prop_map(|(who, id, amount)| Step::Spend { who, id, amount }),
		2 => (who(), id()).prop_map(|(who, id)| Step::Join { who, id }),
		1 => (who(), id()).prop_map(|(who, id)| Step::Upgrade { who, id }),
		1 => (who(), id()).prop_map(|(who, id)| Step::Leave { who, id }),
		1 => (who(), id()).prop_map(|(who, id)| Step::Refresh { who, id }),
		3 => (who(), id(), 0u128..500).prop_map(|(who, id, shares)| Step::Invest { who, id, shares }),
		1 => id().prop_map(|id| Step::Close { id }),
		2 => (who(), id(), 0usize..150).prop_map(|(who, id, bytes)| Step::Talk { who, id, bytes }),
		2 => (0u64..8, any::<bool>()).prop_map(|(job, fails)| Step::Finish { job, fails }),
	];
	let groups = prop_oneof![
		2 => (who(), id(), proptest::option::of(id())).prop_map(|(who, child, parent)| Step::Ask { who, child, parent }),
		2 => (who(), id(), id()).prop_map(|(who, parent, child)| Step::Accept { who, parent, child }),
		1 => (who(), id()).prop_map(|(who, child)| Step::LeaveParent { who, child }),
		2 => (who(), id(), any::<bool>()).prop_map(|(who, id, pooled)| Step::Found { who, id, pooled }),
		2 => (who(), id(), id()).prop_map(|(who, member, id)| Step::Invite { who, member, id }),
		2 => (who(), 0u32..3, id()).prop_map(|(who, collective, id)| Step::JoinCollective { who, collective, id }),
		1 => (who(), id()).prop_map(|(who, id)| Step::LeaveCollective { who, id }),
	];
	prop_oneof![2 => making, 3 => people, 2 => groups]
}

/// Half of the time the caller is whoever owns the character, so that calls succeed.
fn governor(who: u8, id: u32) -> RuntimeOrigin {
	match Characters::owner(id) {
		Some(owner) if who.is_multiple_of(2) => RuntimeOrigin::signed(owner),
		_ => signed(who),
	}
}

fn new_template(owner_min: u32, price_max: u32, tiers: usize) -> DispatchResult {
	let mut bounds = template();
	bounds.split.owner.min = ppm(owner_min);
	bounds.interaction.price_permille.max = price_max;
	bounds.tiers.truncate(tiers);
	Characters::set_template(RuntimeOrigin::root(), Some(0), Box::new(bounds))
}

fn new_character(who: u8, round: bool, fixed: bool) -> DispatchResult {
	let mut details = *details();
	details.customisation = Characters::default_customisation(0).unwrap();
	match details.round.as_mut() {
		Some(terms) if fixed => terms.price = crate::PriceRule::Fixed { price: 33 },
		_ => {}
	}
	if !round {
		details.round = None;
	}
	Characters::create(signed(who), Box::new(details))
}

fn community_of(id: u32) -> u32 {
	crate::Characters::<Test>::get(id).map_or(99, |info| info.community)
}

fn run(step: Step) -> DispatchResult {
	use autonomy_primitives::community::Pot;
	let tier = pallet_bonds::Tier::Days28;
	match step {
		Step::Template { owner_min, price_max, tiers } => new_template(owner_min, price_max, tiers),
		Step::Create { who, round, fixed } => new_character(who, round, fixed),
		Step::Persona { who, id } => Characters::set_persona(governor(who, id), id, persona("Eve")),
		Step::Models { who, id, language } => Characters::set_models(governor(who, id), id, None, language),
		Step::Customise { who, id, owner, investors, line } => {
			let mut charter = chosen();
			let treasury = 850_000u32.saturating_sub(owner).saturating_sub(investors);
			charter.split = split([owner, investors, treasury, 100_000, 50_000]);
			charter.advanced_from = line;
			charter.tiers.truncate(1);
			Characters::customise(governor(who, id), id, Box::new(charter))
		}
		Step::Active { who, id, active } => Characters::set_active(governor(who, id), id, active),
		Step::Bond { who, id, amount } => Bonds::bond(signed(who), community_of(id), Pot::Auton, amount, tier),
		Step::Unbond { who, id, amount } => Bonds::unbond(signed(who), community_of(id), Pot::Auton, tier, amount),
		Step::Spend { who, id, amount } => {
			spend(who, id, amount);
			Ok(())
		}
		Step::Join { who, id } => Characters::join(signed(who), id),
		Step::Upgrade { who, id } => Characters::upgrade(signed(who), id),
		Step::Leave { who, id } => Characters::leave(signed(who), id),
		Step::Refresh { who, id } => Characters::refresh_fan(signed(5), id, account(who)),
		Step::Invest { who, id, shares } => Characters::invest(signed(who), id, shares, u128::MAX),
		Step::Close { id } => Characters::close_round(signed(5), id),
		Step::Ask { who, child, parent } => Characters::ask_parent(governor(who, child), child, parent),
		Step::Accept { who, parent, child } => Characters::accept_child(governor(who, parent), parent, child),
		Step::LeaveParent { who, child } => Characters::leave_parent(governor(who, child), child),
		Step::Found { who, id, pooled } => {
			let mode = if pooled { CollectiveMode::Pooled } else { CollectiveMode::Federated };
			Characters::found_collective(governor(who, id), id, name("Band"), mode)
		}
		Step::Invite { who, member, id } => Characters::invite(governor(who, member), member, id),
		Step::JoinCollective { who, collective, id } => Characters::join_collective(governor(who, id), collective, id),
		Step::LeaveCollective { who, id } => Characters::leave_collective(governor(who, id), id),
		Step::Talk { who, id, bytes } => {
			Characters::talk(signed(who), id, vec![b'x'; bytes].try_into().unwrap(), 10_000)
		}
		Step::Finish { job, fails } => {
			match Talks::<Test>::get(job) {
				Some(_) if fails => fail(job),
				Some(talk) => {
					let result = [7; 32];
					use autonomy_primitives::character::Characters as Jobs;
					<Characters as Jobs<_, u128>>::on_job_final(job, talk.character, &talk.requester, 7, &result);
				}
				None => {}
			}
			Ok(())
		}
		Step::Transfer { who, id, to } => {
			Nfts::transfer(governor(who, id), Collection::<Test>::get().unwrap(), id, account(to))
		}
		Step::Wait { blocks } => {
			run_to(System::block_number() + blocks);
			Ok(())
		}
	}
}

/// What investors of every character have at least been promised.
fn promises() -> Vec<(u32, u32, bool)> {
	(0..NextCharacterId::<Test>::get())
		.map(|id| {
			let page = Characters::character(id).unwrap();
			let sold = page.round.is_some_and(|round| round.sold > 0);
			(page.info.promise.deconstruct(), page.charter.split.investors.deconstruct(), sold)
		})
		.collect()
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(48))]

	#[test]
	fn characters_should_lose_nothing_when_calls_come_in_any_order(steps in proptest::collection::vec(step(), 1..120)) {
		new_test_ext().execute_with(|| {
			let mut before_promises = promises();
			for step in steps {
				let before = sp_io::storage::root(StateVersion::V1);
				let done = with_storage_layer(|| run(step.clone()));
				if done.is_err() {
					prop_assert_eq!(before, sp_io::storage::root(StateVersion::V1), "{:?}", step);
				}
				// Money, shares, deposits, seats, tiers and charters.
				prop_assert_eq!(check(), Ok(()), "{:?}", step);
				let now = promises();
				for ((was, _, _), (is, share, sold)) in before_promises.iter().zip(&now) {
					prop_assert!(is == was || !sold, "{:?}: a promise was changed", step);
					prop_assert!(share >= is, "{:?}: investors have less than they were promised", step);
				}
				before_promises = now;
			}
			Ok(())
		})?;
	}
}
