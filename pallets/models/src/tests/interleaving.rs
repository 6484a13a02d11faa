use autonomy_primitives::evaluation::{Evaluated, EvaluationResults};
use proptest::prelude::*;
use sp_runtime::DispatchResult;

use crate::{mock::*, Contributions, ModelStates, Parents};

#[derive(Clone, Debug)]
enum Step {
	Register { who: u8, name: u8, parents: Vec<(u32, u32)> },
	Propose { who: u8, model: u32, name: u8, of_data: bool },
	Evaluate { proposal: u64 },
	Measured { job: u64, base: u64, candidate: u64 },
	Failed { job: u64 },
	Accept { who: u8, proposal: u64 },
	Reject { who: u8, proposal: u64 },
	Withdraw { who: u8, proposal: u64 },
	Expire { proposal: u64 },
	Claim { who: u8, model: u32, contribution: u32 },
	Dispute { who: u8, model: u32, contribution: u32 },
	Resolve { model: u32, contribution: u32, uphold: bool },
	Charter { who: u8, model: u32, gain: Option<u32> },
	Open { who: u8, model: u32 },
	Transfer { who: u8, model: u32, to: u8 },
	Pass { blocks: u64 },
}

fn step() -> impl Strategy<Value = Step> {
	let who = || prop_oneof![1u8..4, Just(COMMUNITY)];
	let model = || 0u32..4;
	let proposal = || 0u64..12;
	let contribution = || 1u32..5;
	let parents = proptest::collection::vec((0u32..4, 0u32..200_000), 0..4);
	prop_oneof![
		2 => (1u8..4, 0u8..12, parents).prop_map(|(who, name, parents)| Step::Register { who, name, parents }),
		4 => (1u8..4, model(), 0u8..40, any::<bool>())
			.prop_map(|(who, model, name, of_data)| Step::Propose { who, model, name, of_data }),
		4 => proposal().prop_map(|proposal| Step::Evaluate { proposal }),
		4 => (proposal(), 1u64..1_000, 0u64..1_000)
			.prop_map(|(job, base, candidate)| Step::Measured { job, base, candidate }),
		1 => proposal().prop_map(|job| Step::Failed { job }),
		4 => (who(), proposal()).prop_map(|(who, proposal)| Step::Accept { who, proposal }),
		1 => (who(), proposal()).prop_map(|(who, proposal)| Step::Reject { who, proposal }),
		1 => (who(), proposal()).prop_map(|(who, proposal)| Step::Withdraw { who, proposal }),
		1 => proposal().prop_map(|proposal| Step::Expire { proposal }),
		5 => (1u8..4, model(), contribution())
			.prop_map(|(who, model, contribution)| Step::Claim { who, model, contribution }),
		2 => (who(), model(), contribution())
			.prop_map(|(who, model, contribution)| Step::Dispute { who, model, contribution }),
		2 => (model(), contribution(), any::<bool>())
			.prop_map(|(model, contribution, uphold)| Step::Resolve { model, contribution, uphold }),
		3 => (who(), model(), proptest::option::of(0u32..300_000))
			.prop_map(|(who, model, gain)| Step::Charter { who, model, gain }),
		1 => (who(), model()).prop_map(|(who, model)| Step::Open { who, model }),
		1 => (1u8..4, model(), 1u8..4).prop_map(|(who, model, to)| Step::Transfer { who, model, to }),
		3 => (1u64..40).prop_map(|blocks| Step::Pass { blocks }),
	]
}

/// Takes a step. The outcomes of jobs and the passing of time cannot fail.
fn take(step: Step) -> DispatchResult {
	match step {
		Step::Register { who, name, parents } => {
			let parents: Parents = parents.try_into().unwrap();
			Models::register_derived(signed(who), details(&format!("model {name}")), parents)
		}
		Step::Propose { who, model, name, of_data } => {
			let contribution = if of_data { data("cats", who) } else { training(who) };
			Models::propose_version(signed(who), model, candidate(&format!("version {name}")), contribution)
		}
		Step::Evaluate { proposal } => Models::evaluate(signed(1), proposal),
		Step::Measured { job, base, candidate } => {
			Models::on_evaluated(job, Evaluated::Measured { base, candidate });
			Ok(())
		}
		Step::Failed { job } => {
			Models::on_evaluated(job, Evaluated::Failed);
			Ok(())
		}
		Step::Accept { who, proposal } => Models::accept_version(signed(who), proposal),
		Step::Reject { who, proposal } => Models::reject_version(signed(who), proposal),
		Step::Withdraw { who, proposal } => Models::withdraw_version(signed(who), proposal),
		Step::Expire { proposal } => Models::expire_version(signed(1), proposal),
		Step::Claim { who, model, contribution } => Models::claim_vested(signed(who), model, contribution),
		Step::Dispute { who, model, contribution } => Models::dispute(signed(who), model, contribution),
		Step::Resolve { model, contribution, uphold } => {
			Models::resolve_dispute(RuntimeOrigin::root(), model, contribution, uphold)
		}
		Step::Charter { who, model, gain } => Models::set_charter(signed(who), model, charter(gain)),
		Step::Open { who, model } => Models::open_source(signed(who), model),
		Step::Transfer { who, model, to } => {
			Nfts::transfer(signed(who), crate::Collection::<Test>::get().unwrap(), model, account(to))
		}
		Step::Pass { blocks } => {
			run_to(System::block_number() + blocks);
			Ok(())
		}
	}
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(64))]

	#[test]
	fn shares_should_stay_within_their_bounds_when_calls_come_in_any_order(
		steps in proptest::collection::vec(step(), 1..80),
	) {
		new_test_ext().execute_with(|| {
			let issuance = Balances::total_issuance();
			// So that there is something to begin with.
			registered("first");
			accepted(0, "second", 100_000);
			for step in steps {
				let root = sp_io::storage::root(sp_runtime::StateVersion::V1);
				let (open, version) = (ModelStates::<Test>::get(0).open, ModelStates::<Test>::get(0).version);
				if take(step.clone()).is_err() {
					prop_assert_eq!(root, sp_io::storage::root(sp_runtime::StateVersion::V1), "{:?}", step);
				}
				prop_assert_eq!(Models::do_try_state(), Ok(()), "{:?}", step);
				prop_assert_eq!(Balances::total_issuance(), issuance);
				let state = ModelStates::<Test>::get(0);
				prop_assert!(state.open || !open, "an open model was closed");
				prop_assert!(state.version >= version, "a version was taken back");
				for (model, state) in ModelStates::<Test>::iter() {
					prop_assert!(state.issued <= state.granted && state.granted <= CAP);
					let about: u64 = (1..=5).map(|who| shares(model, who)).sum();
					prop_assert_eq!(u128::from(about), state.issued, "shares were made or lost");
					let payees = Models::revenue(model);
					let whole: u32 = payees.iter().map(|(_, share)| share.deconstruct()).sum();
					prop_assert_eq!(whole, 1_000_000, "{:?}", payees);
				}
				for (_, _, contribution) in Contributions::<Test>::iter() {
					prop_assert!(contribution.claimed <= contribution.granted);
				}
			}
			Ok(())
		})?;
	}
}
