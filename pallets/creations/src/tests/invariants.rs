use std::collections::BTreeSet;

use autonomy_primitives::{community::Pot, payout::Payee};
use proptest::prelude::*;
use sp_runtime::{AccountId32, Permill, StateVersion};

use crate::{mock::*, FinalJob, Name, MAX_ROYALTY};

#[derive(Clone, Debug)]
enum Step {
	/// The result is that of job `result`: jobs may have equal outputs.
	Finalise {
		job: u64,
		who: u8,
		result: u64,
	},
	Mint {
		who: u8,
		job: u64,
		collection: Option<u32>,
		named: bool,
		share: u32,
		terms: Vec<(u8, u32)>,
	},
	Create {
		who: u8,
	},
	Burn {
		who: u8,
		collection: u32,
		item: u32,
	},
	Transfer {
		who: u8,
		collection: u32,
		item: u32,
		to: u8,
	},
	BurnNft {
		who: u8,
		collection: u32,
		item: u32,
	},
	Lock {
		collection: u32,
		item: u32,
		locked: bool,
	},
}

fn step() -> impl Strategy<Value = Step> {
	// Account 9 has no money.
	let who = || prop_oneof![8 => 1u8..6, 1 => Just(9u8)];
	let place = || (0u32..4, 0u32..5);
	let terms = proptest::collection::vec((50u8..54, 0u32..130_000), 0..4);
	prop_oneof![
		3 => (0u64..10, who(), 0u64..10).prop_map(|(job, who, result)| Step::Finalise { job, who, result }),
		6 => (who(), 0u64..10, proptest::option::of(0u32..4), any::<bool>(), 0u32..110_000, terms).prop_map(
			|(who, job, collection, named, share, terms)| Step::Mint { who, job, collection, named, share, terms }
		),
		1 => who().prop_map(|who| Step::Create { who }),
		3 => (who(), place()).prop_map(|(who, (collection, item))| Step::Burn { who, collection, item }),
		2 => (who(), place(), 1u8..6)
			.prop_map(|(who, (collection, item), to)| Step::Transfer { who, collection, item, to }),
		1 => (who(), place()).prop_map(|(who, (collection, item))| Step::BurnNft { who, collection, item }),
		1 => (place(), any::<bool>())
			.prop_map(|((collection, item), locked)| Step::Lock { collection, item, locked }),
	]
}

/// An account, or a community's holders or treasury.
fn payee(n: u8) -> Payee<AccountId32> {
	match n {
		52 => Payee::Pot(0, Pot::Shares),
		53 => Payee::Treasury(0),
		n => to(n),
	}
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(64))]

	#[test]
	fn state_should_stay_consistent_when_calls_come_in_any_order(steps in proptest::collection::vec(step(), 1..60)) {
		new_test_ext().execute_with(|| {
			let issuance = Balances::total_issuance();
			let (mut jobs, mut results) = (BTreeSet::new(), BTreeSet::new());
			for step in steps {
				let root = sp_io::storage::root(StateVersion::V1);
				let done = match step.clone() {
					// A job that is final stays as it is.
					Step::Finalise { job, who, result } => {
						if !FinalJobs::get().contains_key(&job) {
							let like = final_job(who, result);
							finalise_as(job, FinalJob { requester: account(who), ..like });
						}
						Ok(())
					},
					Step::Mint { who, job, collection, named, share, terms } => {
						Terms::set(terms.iter().map(|(who, share)| (payee(*who), Permill::from_parts(*share))).collect());
						let name = if named { name("A work") } else { Name::default() };
						let done = Creations::mint(signed(who), job, collection, name, Permill::from_parts(share));
						if done.is_ok() {
							let left = FinalJobs::get().get(&job).cloned().unwrap();
							prop_assert_eq!(left.requester, account(who), "only the requester mints");
							prop_assert!(jobs.insert(job), "a job was minted twice");
							prop_assert!(results.insert(left.result), "an output was minted twice");
							let (collection, item) = Creations::creation_of_job(job).unwrap();
							let royalties = Creations::royalties(collection, item).unwrap();
							let total: u32 = royalties.iter().map(|(_, share)| share.deconstruct()).sum();
							let asked: u32 = share + terms.iter().map(|(_, share)| share).sum::<u32>();
							prop_assert_eq!(total, asked, "a share was lost");
							prop_assert!(total <= MAX_ROYALTY.deconstruct());
							let payees: BTreeSet<_> = royalties.iter().map(|(payee, _)| payee).collect();
							prop_assert_eq!(payees.len(), royalties.len(), "a payee twice");
						}
						done
					},
					Step::Create { who } => Creations::create_collection(signed(who), name("Mine")),
					Step::Burn { who, collection, item } => {
						let owner = Nfts::owner(collection, item);
						let done = Creations::burn(signed(who), collection, item);
						if done.is_ok() {
							prop_assert!(owner.is_none_or(|owner| owner == account(who)), "only the holder burns");
						}
						done
					},
					Step::Transfer { who, collection, item, to } => {
						Nfts::transfer(signed(who), collection, item, account(to))
					},
					Step::BurnNft { who, collection, item } => Nfts::burn(signed(who), collection, item),
					Step::Lock { collection, item, locked } => {
						Locked::mutate(|items| {
							items.retain(|other| *other != (collection, item));
							if locked {
								items.push((collection, item));
							}
						});
						Ok(())
					},
				};
				if done.is_err() {
					prop_assert_eq!(root, sp_io::storage::root(StateVersion::V1), "{:?}", step);
				}
				prop_assert_eq!(check(), Ok(()), "{:?}", step);
				prop_assert_eq!(Balances::total_issuance(), issuance);
			}
			Ok(())
		})?;
	}
}
