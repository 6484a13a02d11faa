//! The division of a fee: everybody in the split that the job was submitted with, to the planck.

use std::collections::BTreeMap;

use autonomy_primitives::{
	community::Pot,
	fault::FaultCode,
	payout::{Payee, MAX_CHARACTER_PAYEES, MAX_MODEL_PAYEES},
};
use frame_support::assert_ok;
use proptest::prelude::*;
use sp_runtime::{AccountId32, Permill};

use super::{free, payments, to, to_treasury};
use crate::{mock::*, CharacterSplit, Event, FeeSplit, Order, Part, Payment, PaymentOf, Purpose, Splits};

fn to_pot(community: u32, pot: Pot, part: Part, amount: u64) -> PaymentOf<Test> {
	Payment { payee: Payee::Pot(community, pot), part, amount }
}

/// Who besides the operators was paid out of a job's escrow.
fn others(job: u64) -> Vec<PaymentOf<Test>> {
	payments(job).0.into_iter().filter(|payment| payment.part != Part::Operator).collect()
}

/// Has a drawn job agreed on and become final.
fn finish(job: u64) {
	run_on(job);
	agree(job);
	run_out(job);
}

#[test]
fn split_should_be_taken_down_with_the_job_and_leave_with_it() {
	build_and_execute(|| {
		serving_operators(3);
		add_character(&[(Payee::Account(account(FAN)), 100)]);
		let job = submit_for_character(ALICE);
		let split = Splits::<Test>::get(job).unwrap();
		assert_eq!((split.rates, split.community), (TestSplit::get(), Some(IMAGE_COMMUNITY)));
		assert_eq!(split.model.to_vec(), shares(&[(Payee::Account(account(MODELLER)), 100)]));
		let payees = shares(&[(Payee::Account(account(FAN)), 100)]).try_into().unwrap();
		let character = CharacterSplit { character: CHARACTER, community: CHARACTER_COMMUNITY, payees };
		assert_eq!(split.character, Some(character));
		finish(job);
		assert!(!Splits::<Test>::contains_key(job));

		let cancelled = submit(ALICE);
		assert_eq!(Splits::<Test>::get(cancelled).unwrap().character, None);
		assert_ok!(Inference::cancel_job(signed(ALICE), cancelled));
		let failed = submit(ALICE);
		run_out(failed);
		assert_eq!(Splits::<Test>::iter().count(), 0);
	});
}

#[test]
fn character_and_its_community_should_have_their_parts() {
	build_and_execute(|| {
		serving_operators(3);
		Bonded::set(vec![(CHARACTER_COMMUNITY, Pot::Shares)]);
		add_character(&[
			(Payee::Account(account(FAN)), 40),
			(Payee::Pot(CHARACTER_COMMUNITY, Pot::Shares), 30),
			(Payee::Treasury(CHARACTER_COMMUNITY), 30),
		]);
		let job = submit_for_character(ALICE);
		finish(job);
		// 12 planck are the character's: 4.8, 3.6, and what is left.
		let expected = [
			to(MODELLER, Part::Model, 3 * MODEL_PAY),
			to(FAN, Part::Character, 4),
			to_pot(CHARACTER_COMMUNITY, Pot::Shares, Part::Character, 3),
			to_treasury(CHARACTER_COMMUNITY, Part::Character, 5),
			to_treasury(CHARACTER_COMMUNITY, Part::Community, 3 * COMMUNITY_PAY),
		];
		assert_eq!(others(job), expected);
		assert_eq!((free(FAN), treasury_income(CHARACTER_COMMUNITY)), (FUNDS + 4, 8));
		assert_eq!(treasury_income(IMAGE_COMMUNITY), 0, "it is the character's job");
		assert_eq!(Divided::get(), BTreeMap::from([((CHARACTER_COMMUNITY, Pot::Shares), 3)]));
		assert_eq!((free(1), burned(), free(ALICE)), (FUNDS - BOND + SEAT_PAY, 3 * SEAT_BURN, FUNDS - 3 * SEAT_FEE));
	});
}

#[test]
fn use_of_a_character_should_be_counted_once_by_what_its_final_job_burned() {
	build_and_execute(|| {
		serving_operators(12);
		add_character(&[(Payee::Account(account(FAN)), 100)]);
		let job = submit_for_character(ALICE);
		assert!(Used::get().is_empty());
		finish(job);
		let used = [(CHARACTER_COMMUNITY, 3 * SEAT_BURN)];
		assert_eq!(Used::get(), used);

		// Not one that was taken back, failed, or could not be computed.
		let cancelled = submit_for_character(ALICE);
		assert_ok!(Inference::cancel_job(signed(ALICE), cancelled));
		run_out(submit_for_character(ALICE));
		TestSplit::mutate(|split| split.fault_pay = Permill::one());
		let job = submit_for_character(ALICE);
		run_on(job);
		agree_on(job, fault(FaultCode::NonFinite));
		run_out(job);
		assert_eq!(payments(job).1, 3 * SEAT_BURN);
		// Nor one that nobody's AI did.
		finish(submit(ALICE));
		assert_eq!(Used::get(), used);

		// The community is the one that it was when the job was submitted.
		let job = submit_for_character(ALICE);
		Cast::set(BTreeMap::new());
		finish(job);
		assert_eq!(Used::get(), [used[0], used[0]]);
		add_character(&[]);
		TestSplit::mutate(|split| split.burn = Permill::zero());
		finish(submit_for_character(ALICE));
		assert_eq!(Used::get().len(), 2, "nothing was burned");
	});
}

#[test]
fn ancestors_and_shareholders_should_be_paid_before_the_owner() {
	build_and_execute(|| {
		serving_operators(3);
		Bonded::set(vec![(IMAGE_COMMUNITY, Pot::Shares)]);
		set_payees(
			IMAGE,
			&[
				(Payee::Account(account(BOB)), 20),
				(Payee::Pot(IMAGE_COMMUNITY, Pot::Shares), 33),
				(Payee::Account(account(MODELLER)), 47),
			],
		);
		let job = submit(ALICE);
		finish(job);
		// 36 planck are the model's: 7.2, 11.88, and what is left.
		let expected = [
			to(BOB, Part::Model, 7),
			to_pot(IMAGE_COMMUNITY, Pot::Shares, Part::Model, 11),
			to(MODELLER, Part::Model, 18),
		];
		assert_eq!(others(job)[..3], expected);
		assert_eq!(Divided::get(), BTreeMap::from([((IMAGE_COMMUNITY, Pot::Shares), 11)]));

		// While nobody has bonded, the treasury has what the shareholders would have.
		Bonded::set(Vec::new());
		let before = treasury_income(IMAGE_COMMUNITY);
		let job = submit(ALICE);
		finish(job);
		assert_eq!(others(job)[..3], expected);
		assert_eq!(treasury_income(IMAGE_COMMUNITY) - before, 11 + 3 * (CHARACTER_PAY + COMMUNITY_PAY));
		assert_eq!(Divided::get(), BTreeMap::from([((IMAGE_COMMUNITY, Pot::Shares), 11)]));
	});
}

#[test]
fn largest_split_should_be_paid_to_the_planck() {
	build_and_execute(|| {
		serving_operators(5);
		let accounts = |count: u32| -> Vec<_> {
			(1u8..).take(count as usize).map(|n| (Payee::Account(account(worker(n))), 100 / count)).collect()
		};
		set_payees(IMAGE, &accounts(MAX_MODEL_PAYEES));
		add_character(&accounts(MAX_CHARACTER_PAYEES));
		let order = Order { input: image(b"x", 50), k: Some(5), ..order(Purpose::Character(CHARACTER)) };
		let job = Inference::submit(account(ALICE), order).unwrap();
		let (fee, deposit) = (5 * 50 * PRICE, stored(job).deposit);
		finish(job);
		let (payments, burned, refunded) = payments(job);
		assert_eq!(payments.len(), 5 + 18 + 5 + 1);
		// 350 planck a seat: 63, 24.5, 7 and 10.5 are not the operator's.
		let of = |part| payments.iter().filter(|payment| payment.part == part).map(|p| p.amount).sum::<u64>();
		let parts = [Part::Operator, Part::Model, Part::Character, Part::Community].map(of);
		assert_eq!((parts, burned, refunded), ([5 * 246, 5 * 63, 5 * 24, 5 * 7], 5 * 10, deposit));
		assert_eq!(parts.iter().sum::<u64>() + burned, fee);
	});
}

#[test]
fn split_should_bind_when_everybody_in_it_changes_after_submission() {
	build_and_execute(|| {
		serving_operators(3);
		add_character(&[(Payee::Account(account(FAN)), 50), (Payee::Treasury(CHARACTER_COMMUNITY), 50)]);
		let job = submit_for_character(ALICE);
		set_payees(IMAGE, &[(Payee::Account(account(BOB)), 100)]);
		change_model(IMAGE, |model| model.community = Some(99));
		Cast::set(BTreeMap::new());
		let half = Permill::from_percent(50);
		TestSplit::set(FeeSplit { model: half, character: half, community: half, burn: half, fault_pay: half });
		finish(job);
		let expected = [
			to(MODELLER, Part::Model, 3 * MODEL_PAY),
			to(FAN, Part::Character, 6),
			to_treasury(CHARACTER_COMMUNITY, Part::Character, 6),
			to_treasury(CHARACTER_COMMUNITY, Part::Community, 3 * COMMUNITY_PAY),
		];
		assert_eq!(others(job), expected);
		assert_eq!((free(1), free(BOB), burned()), (FUNDS - BOND + SEAT_PAY, FUNDS, 3 * SEAT_BURN));
	});
}

#[test]
fn what_a_payee_cannot_take_should_go_to_the_treasury_of_its_part() {
	build_and_execute(|| {
		serving_operators(3);
		set_payees(IMAGE, &[(Payee::Account(account(POOR)), 10), (Payee::Account(account(MODELLER)), 90)]);
		add_character(&[(Payee::Account(account(POOR)), 50), (Payee::Account(account(FAN)), 50)]);
		let job = submit_for_character(ALICE);
		finish(job);
		let expected = [
			to(MODELLER, Part::Model, 33),
			to(FAN, Part::Character, 6),
			to_treasury(IMAGE_COMMUNITY, Part::Model, 3),
			to_treasury(CHARACTER_COMMUNITY, Part::Character, 6),
			to_treasury(CHARACTER_COMMUNITY, Part::Community, 3),
		];
		assert_eq!(others(job), expected);
		assert_eq!((treasury_income(IMAGE_COMMUNITY), treasury_income(CHARACTER_COMMUNITY)), (3, 9));
	});
}

#[test]
fn treasury_should_take_together_what_it_cannot_take_alone() {
	build_and_execute(|| {
		serving_operators(3);
		empty_treasury(IMAGE_COMMUNITY);
		set_payees(IMAGE, &[(Payee::Account(account(POOR)), 20), (Payee::Account(account(MODELLER)), 80)]);
		let job = submit_with(ALICE, Some(1), None);
		finish(job);
		// 2 of the model's, 4 of the character's, 1 of its own: below the existential deposit of 10.
		let returned = Event::PayReturned { job, account: treasury(IMAGE_COMMUNITY), amount: 7 };
		assert!(events().contains(&returned));
		assert_eq!(others(job), [to(MODELLER, Part::Model, 10)]);
		assert_eq!(free(ALICE), FUNDS - SEAT_FEE + 7);

		let job = submit_with(ALICE, Some(2), None);
		finish(job);
		let expected = [
			to(MODELLER, Part::Model, 20),
			to_treasury(IMAGE_COMMUNITY, Part::Model, 4),
			to_treasury(IMAGE_COMMUNITY, Part::Character, 8),
			to_treasury(IMAGE_COMMUNITY, Part::Community, 2),
		];
		assert_eq!(others(job), expected);
		assert_eq!(Balances::free_balance(treasury(IMAGE_COMMUNITY)), 14);
	});
}

fn share(most: u32) -> impl Strategy<Value = Permill> {
	(0..=most * 10_000).prop_map(Permill::from_parts)
}

fn rates() -> impl Strategy<Value = FeeSplit> {
	(share(50), share(20), share(10), share(20), share(100)).prop_map(
		|(model, character, community, burn, fault_pay)| FeeSplit { model, character, community, burn, fault_pay },
	)
}

/// People with and without money, the requester and operators among them, pots and treasuries.
fn payee() -> impl Strategy<Value = Payee<AccountId32>> {
	let community = || prop_oneof![Just(IMAGE_COMMUNITY), Just(CHARACTER_COMMUNITY), Just(99u32)];
	let pot = prop_oneof![Just(Pot::Shares), Just(Pot::Auton)];
	prop_oneof![
		3 => (198u8..220).prop_map(|n| Payee::Account(account(n))),
		1 => (1u8..8).prop_map(|n| Payee::Account(account(n))),
		2 => (community(), pot).prop_map(|(community, pot)| Payee::Pot(community, pot)),
		1 => community().prop_map(Payee::Treasury),
	]
}

fn payees(most: u32) -> impl Strategy<Value = Vec<(Payee<AccountId32>, Permill)>> {
	proptest::collection::vec((payee(), share(30)), 0..=most as usize)
}

/// What every account has, holds included.
fn wealth() -> BTreeMap<AccountId32, u64> {
	let accounts = frame_system::Account::<Test>::iter();
	accounts.map(|(who, info)| (who, info.data.free + info.data.reserved)).filter(|(_, total)| *total > 0).collect()
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(96))]

	#[test]
	fn every_planck_should_be_with_whom_the_events_name(
		rates in rates(),
		of_model in payees(MAX_MODEL_PAYEES),
		of_character in prop::option::of(payees(MAX_CHARACTER_PAYEES)),
		has_community: bool,
		bonded: bool,
		poor: bool,
		(k, wrong, faulty) in (1u8..=5, 0u8..=1, any::<bool>()),
		units in 1u16..=50,
	) {
		new_test_ext().execute_with(|| {
			serving_operators(14);
			TestSplit::set(rates);
			change_model(IMAGE, |model| {
				model.payees = of_model.try_into().unwrap();
				model.community = has_community.then_some(IMAGE_COMMUNITY);
			});
			let purpose = match of_character {
				Some(payees) => {
					add_character(&[]);
					Cast::mutate(|cast| cast.get_mut(&CHARACTER).unwrap().payees = payees.try_into().unwrap());
					Purpose::Character(CHARACTER)
				}
				None => Purpose::Plain,
			};
			if bonded {
				Bonded::set(vec![(IMAGE_COMMUNITY, Pot::Shares), (CHARACTER_COMMUNITY, Pot::Auton)]);
			}
			if poor {
				[IMAGE_COMMUNITY, CHARACTER_COMMUNITY].into_iter().for_each(empty_treasury);
			}
			let (issuance, mut expected) = (Balances::total_issuance(), wealth());
			let order = Order { input: image(b"x", units), k: Some(k), ..order(purpose) };
			let job = Inference::submit(account(ALICE), order).unwrap();
			let held = stored(job).escrow() + stored(job).deposit;
			run_on(job);
			let right = if faulty { fault(FaultCode::NonFinite) } else { outcome(1) };
			let found: Vec<_> = seats(job).into_iter().map(|n| (n, right)).collect();
			// A seat that does not reveal is not paid. Its penalty is burned.
			let silent = usize::from(wrong.min(k - 1));
			for (n, outcome) in &found {
				assert_ok!(commit(job, *n, *outcome));
			}
			for (n, outcome) in &found[silent..] {
				assert_ok!(reveal(job, *n, *outcome));
			}
			while let Some(stored) = crate::Jobs::<Test>::get(job) {
				run_to(stored.state.due());
				if let Some(n) = crate::Jobs::<Test>::get(job).and_then(|_| auditor(job)) {
					let _ = audit(job, n, right);
				}
			}

			let (payments, burned_fee, refunded) = payments(job);
			let paid: u64 = payments.iter().map(|payment| payment.amount).sum();
			prop_assert_eq!(paid + burned_fee + refunded, held);
			prop_assert_eq!(Balances::total_issuance() + burned(), issuance);
			for Payment { payee, amount, .. } in payments {
				*expected.entry(payee.account::<u64, Revenue>()).or_default() += amount;
			}
			*expected.get_mut(&account(ALICE)).unwrap() -= held - refunded;
			for event in events() {
				if let Event::SeatMissed { operator, penalty, .. } = event {
					*expected.get_mut(&operator).unwrap() -= penalty;
				}
			}
			prop_assert_eq!(wealth(), expected);
			prop_assert_eq!(check(issuance), Ok(()));
			Ok(())
		})?;
	}
}
