use proptest::prelude::*;

use crate::{mock::*, Collection};

#[derive(Clone, Debug)]
enum Step {
	Register { who: u8, name: u8, price: u64, budget: u32 },
	SetPrice { who: u8, model: u32, price: u64 },
	SetActive { who: u8, model: u32, active: bool },
	Transfer { who: u8, model: u32, to: u8 },
	Burn { who: u8, model: u32 },
}

fn step() -> impl Strategy<Value = Step> {
	// Account 9 has no money.
	let who = prop_oneof![1u8..6, Just(9u8)];
	prop_oneof![
		3 => (who.clone(), 0u8..12, 0u64..4, 0u32..103)
			.prop_map(|(who, name, price, budget)| Step::Register { who, name, price, budget }),
		1 => (who.clone(), 0u32..8, 0u64..4).prop_map(|(who, model, price)| Step::SetPrice { who, model, price }),
		1 => (who.clone(), 0u32..8, any::<bool>()).prop_map(|(who, model, active)| Step::SetActive { who, model, active }),
		1 => (who.clone(), 0u32..8, 1u8..6).prop_map(|(who, model, to)| Step::Transfer { who, model, to }),
		1 => (who, 0u32..8).prop_map(|(who, model)| Step::Burn { who, model }),
	]
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(64))]

	#[test]
	fn state_should_stay_consistent_when_calls_come_in_any_order(steps in proptest::collection::vec(step(), 1..40)) {
		new_test_ext().execute_with(|| {
			let issuance = Balances::total_issuance();
			let collection = Collection::<Test>::get().unwrap();
			let sign = |who| RuntimeOrigin::signed(account(who));
			for step in steps {
				let root = sp_io::storage::root(sp_runtime::StateVersion::V1);
				let (done, owned) = match step.clone() {
					Step::Register { who, name, price, budget } => {
						let mut details = details(&name.to_string());
						(details.price_per_unit, details.budget) = (price, budget);
						(frame_support::storage::with_storage_layer(|| Models::register(sign(who), details)), None)
					},
					Step::SetPrice { who, model, price } => {
						(Models::set_price(sign(who), model, price), Some((who, model)))
					},
					Step::SetActive { who, model, active } => {
						(Models::set_active(sign(who), model, active), Some((who, model)))
					},
					Step::Transfer { who, model, to } => {
						(Nfts::transfer(sign(who), collection, model, account(to)), None)
					},
					Step::Burn { who, model } => (Nfts::burn(sign(who), collection, model), None),
				};
				if let (Some((who, model)), Ok(())) = (owned, done) {
					prop_assert_eq!(Models::owner(model), Some(account(who)), "only the holder governs: {:?}", step);
				}
				if done.is_err() {
					prop_assert_eq!(root, sp_io::storage::root(sp_runtime::StateVersion::V1), "{:?}", step);
				}
				prop_assert_eq!(Models::do_try_state(), Ok(()), "{:?}", step);
				prop_assert_eq!(Balances::total_issuance(), issuance);
			}
			Ok(())
		})?;
	}
}
