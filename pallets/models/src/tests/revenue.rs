use autonomy_primitives::{
	community::Pot,
	payout::{ModelRevenue, Payee},
	ModelId,
};
use frame_support::assert_ok;
use sp_runtime::{AccountId32, Permill};

use crate::{mock::*, Collection, ModelStates, Models as ModelMap, Parents};

fn payees(model: ModelId) -> Vec<(Payee<AccountId32>, u32)> {
	let payees = <Models as ModelRevenue<AccountId32>>::revenue(model);
	let payees: Vec<_> = payees.into_iter().map(|(payee, share): (_, Permill)| (payee, share.deconstruct())).collect();
	if !payees.is_empty() {
		assert_eq!(payees.iter().map(|(_, share)| share).sum::<u32>(), 1_000_000);
	}
	payees
}

fn community(model: ModelId) -> u32 {
	ModelMap::<Test>::get(model).unwrap().community
}

fn derived(name: &str, parents: &[(ModelId, u32)]) {
	let parents: Parents = parents.to_vec().try_into().unwrap();
	assert_ok!(Models::register_derived(signed(2), details(name), parents));
}

#[test]
fn revenue_should_be_the_owners_when_no_shares_are_issued() {
	build_and_execute(|| {
		assert_eq!(payees(0), vec![]);
		let model = registered("model");
		assert_eq!(payees(model), vec![(Payee::Account(account(1)), 1_000_000)]);
		accepted(model, "next", 100_000);
		assert_eq!(payees(model), vec![(Payee::Account(account(1)), 1_000_000)], "nothing has vested");
		assert_ok!(Nfts::burn(signed(1), Collection::<Test>::get().unwrap(), model));
		assert_eq!(payees(model), vec![(Payee::Treasury(community(model)), 1_000_000)]);
	});
}

#[test]
fn revenue_should_be_the_shareholders_by_what_is_issued() {
	build_and_execute(|| {
		let model = registered("model");
		accepted(model, "next", 100_000);
		run_to(1 + VESTING);
		assert_ok!(Models::claim_vested(signed(3), model, 1));
		// 5 % of the cap.
		let pot = Payee::Pot(community(model), Pot::Shares);
		assert_eq!(payees(model), vec![(pot, 50_000), (Payee::Account(account(1)), 950_000)]);
	});
}

#[test]
fn revenue_should_pay_ancestors_first() {
	build_and_execute(|| {
		let grandparent = registered("grandparent");
		derived("parent", &[(grandparent, 100_000)]);
		derived("child", &[(1, 333_333)]);
		let expected = vec![
			(Payee::Account(account(2)), 300_000),
			(Payee::Account(account(1)), 33_333),
			(Payee::Account(account(2)), 666_667),
		];
		assert_eq!(payees(2), expected);
	});
}

#[test]
fn ancestor_should_be_its_shareholders_when_they_have_most_of_it() {
	build_and_execute(|| {
		registered("parent");
		derived("child", &[(0, 100_000)]);
		let first = || payees(1).remove(0);
		ModelStates::<Test>::mutate(0, |state| state.issued = CAP / 2);
		assert_eq!(first(), (Payee::Account(account(1)), 100_000));
		ModelStates::<Test>::mutate(0, |state| state.issued = CAP / 2 + 1);
		assert_eq!(first(), (Payee::Pot(community(0), Pot::Shares), 100_000));
		ModelStates::<Test>::mutate(0, |state| state.issued = 0);
	});
}

#[test]
fn revenue_should_have_eighteen_payees_at_most() {
	build_and_execute(|| {
		// A chain of sixteen.
		registered("0");
		for n in 1..17u32 {
			let details = details(&n.to_string());
			let parents: Parents = vec![(n - 1, 333_333)].try_into().unwrap();
			assert_ok!(Models::register_derived(signed(1), details, parents));
		}
		ModelStates::<Test>::mutate(16, |state| state.issued = CAP / 2);
		assert!(payees(16).len() <= 18);
		ModelStates::<Test>::mutate(16, |state| state.issued = CAP);
		assert!(payees(16).iter().all(|(_, share)| *share > 0));
		ModelStates::<Test>::mutate(16, |state| state.issued = 0);
	});
}
