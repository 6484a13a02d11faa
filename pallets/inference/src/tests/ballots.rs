//! Ballots as governance orders them, who has no part in them, and their end.

use std::collections::BTreeMap;

use autonomy_primitives::{
	ballot::BallotOrder,
	fault::FaultCode,
	job::{BallotInput, JobInput, Modality, SeedPolicy},
	Digest,
};
use frame_support::{
	assert_noop, assert_ok,
	traits::{fungible::Mutate, tokens::Preservation},
};
use proptest::prelude::*;
use sp_runtime::{AccountId32, Permill, TokenError};

use super::{failure, free, held, is_final, lost, payments, record};
use crate::{
	mock::*, Audit, CpuClass, Error, Event, FailReason, HoldReason, JobState, Jobs, JuryPhase, OpenBallots, Order,
	Outcome, Part, Provenance, Purpose, Tier,
};

/// What auditing a ballot pays.
const BALLOT_AUDIT: u64 = BALLOT_FEE * 3 / 2;
/// What a seat of a ballot puts at stake.
const AT_STAKE: u64 = 25 * BALLOT_FEE;

/// Governance is told that a job found nothing.
fn failed(job: u64) -> Vec<Told> {
	vec![Told::Ballot { job, decision: None }]
}

/// Orders a ballot of Alice's from which an account is barred.
fn without(barred: u8) -> u64 {
	ask(ballot_order(account(ALICE), Some(account(barred)))).unwrap()
}

fn random(n: u32) -> Digest {
	sp_io::hashing::blake2_256(&n.to_le_bytes())
}

/// Whether any of many draws of a job would seat an operator.
fn is_ever_drawn(job: u64, n: u8) -> bool {
	let stored = stored(job);
	(0..200).any(|number| {
		let (picks, _) = Inference::pick(&random(number), job, &stored, None, stored.k.into());
		picks.iter().any(|pick| pick.operator == account(n))
	})
}

#[test]
fn order_should_submit_a_job_that_asks_the_character() {
	build_and_execute(|| {
		ballot_operators(5);
		let id = ask(ballot_order(account(ALICE), Some(account(CAROL)))).unwrap();
		let job = stored(id);
		let BallotOrder { mind, question, prose, .. } = ballot_order(account(ALICE), None);
		assert_eq!(job.input, JobInput::Ballot(BallotInput { question, prose, persona: mind.persona }));
		assert_eq!((job.requester, job.barred), (account(ALICE), Some(account(CAROL))));
		assert!(job.excluded.is_empty(), "she has no operator");
		assert_eq!((job.model, job.purpose, job.seed_policy), (TEXT, Purpose::Ballot, SeedPolicy::Chain));
		assert_eq!((job.k, job.tier, job.window, job.audit_probability), (5, Tier::Ballot, 30, Permill::one()));
		assert_eq!((job.weights_root, job.engine, job.budget), (WEIGHTS, ENGINE, 2 * BUDGET));
		assert_eq!((job.seat_fee, job.audit_reserve, job.exposure), (BALLOT_FEE, BALLOT_AUDIT, AT_STAKE));
		assert_eq!(held(HoldReason::JobFee, ALICE), 5 * BALLOT_FEE + BALLOT_AUDIT);
		assert!(matches!(last_event(), Event::JobSubmitted { purpose: Purpose::Ballot, tier: Tier::Ballot, .. }));
		// Committee and tier are the protocol's.
		let quote = Inference::quote(TEXT, job.input, Some(1), Some(Tier::Text)).unwrap();
		assert_eq!((quote.k, quote.fee, quote.deposit), (5, 5 * BALLOT_FEE, job.deposit));
	});
}

#[test]
fn ballot_should_have_the_committee_of_its_tier() {
	build_and_execute(|| {
		ballot_operators(7);
		for committee in [3, 7] {
			TestTiers::mutate(|tiers| tiers.ballot.committee = committee);
			assert_eq!(stored(ballot(ALICE).unwrap()).k, committee);
		}
		TestTiers::mutate(|tiers| tiers.ballot.committee = 8);
		assert_noop!(ballot(ALICE), Error::<Test>::NotEnoughOperators);
	});
}

#[test]
fn ballot_should_be_ordered_by_governance_alone() {
	build_and_execute(|| {
		ballot_operators(5);
		add_character(&[]);
		let input = stored(ballot(ALICE).unwrap()).input;
		let submit_job = |tier| {
			let input = Box::new(input.clone());
			Inference::submit_job(signed(ALICE), TEXT, input, None, tier, SeedPolicy::Chain, u64::MAX)
		};
		assert_noop!(submit_job(None), Error::<Test>::BallotReserved);
		assert_noop!(submit_job(Some(Tier::Ballot)), Error::<Test>::TierReserved);
		let submit = |input: JobInput, purpose| {
			Inference::submit(account(ALICE), Order { model: TEXT, input, ..order(purpose) })
		};
		for purpose in [Purpose::Plain, Purpose::Character(CHARACTER), Purpose::Ballot] {
			assert_noop!(submit(input.clone(), purpose), Error::<Test>::BallotReserved);
		}
		assert_noop!(submit(input.clone(), Purpose::Evaluation), Error::<Test>::EvaluationReserved);
		assert_noop!(submit(text_input(), Purpose::Ballot), Error::<Test>::BallotReserved);
	});
}

#[test]
fn order_should_fail_where_submit_job_does() {
	build_and_execute(|| {
		assert_noop!(ballot(ALICE), Error::<Test>::NotEnoughOperators);
		ballot_operators(5);
		let with = |change: fn(&mut BallotOrder<AccountId32>)| {
			let mut order = ballot_order(account(ALICE), None);
			change(&mut order);
			ask(order)
		};
		let bytes = |count: usize| vec![b'x'; count];
		assert_noop!(with(|order| order.mind.model = 7), Error::<Test>::UnknownModel);
		assert_noop!(with(|order| order.mind.model = IMAGE), Error::<Test>::WrongModality);
		assert_noop!(with(|order| order.question = Default::default()), Error::<Test>::PromptEmpty);
		assert_noop!(with(|order| order.prose = vec![0xff].try_into().unwrap()), Error::<Test>::PromptNotUtf8);
		let mut long = ballot_order(account(ALICE), None);
		// Question and words together have at most 64 bytes.
		long.prose = bytes(57).try_into().unwrap();
		assert_noop!(ask(long.clone()), Error::<Test>::PromptTooLong);
		long.prose = bytes(56).try_into().unwrap();
		assert_ok!(ask(long));
		change_model(TEXT, |model| model.terms.limits.max_tokens = 47);
		assert_noop!(ballot(ALICE), Error::<Test>::TokensOutOfRange);
		change_model(TEXT, |model| model.terms.limits.max_tokens = 48);
		set_active(TEXT, false);
		assert_noop!(ballot(ALICE), Error::<Test>::ModelInactive);
		set_active(TEXT, true);
		for _ in 0..7 {
			assert_ok!(ballot(ALICE));
		}
		assert_noop!(ballot(ALICE), Error::<Test>::TooManyOpenJobs);
	});
}

#[test]
fn owner_of_a_licensed_model_should_not_silence_the_ais_that_talk_with_it() {
	build_and_execute(|| {
		ballot_operators(5);
		Licensed::set(Some(TEXT));
		let input = Box::new(text_input());
		let text = Inference::submit_job(signed(ALICE), TEXT, input, None, None, SeedPolicy::Chain, u64::MAX);
		assert_noop!(text, Error::<Test>::LicenceMissing);
		assert_ok!(ballot(ALICE));
	});
}

#[test]
fn order_should_leave_the_payer_its_existential_deposit() {
	build_and_execute(|| {
		ballot_operators(5);
		let who = treasury(CHARACTER_COMMUNITY);
		let give = |amount| {
			let from = account(BOB);
			assert_ok!(<Balances as Mutate<_>>::transfer(&from, &who, amount, Preservation::Preserve));
		};
		let order = ballot_order(who.clone(), None);
		let (question, prose, persona) = (order.question.clone(), order.prose.clone(), order.mind.persona);
		let input = JobInput::Ballot(BallotInput { question, prose, persona });
		let quote = Inference::quote(TEXT, input, None, None).unwrap();
		let price = quote.fee + quote.audit_reserve + quote.deposit;

		assert_noop!(ask(order.clone()), TokenError::FundsUnavailable);
		give(price - 1);
		assert_noop!(ask(order.clone()), TokenError::FundsUnavailable);
		// Somebody else keeps the account alive: that is no reason to take all it has.
		System::inc_providers(&who);
		assert_noop!(ask(order.clone()), TokenError::FundsUnavailable);
		give(1);
		let job = ask(order).unwrap();
		assert_eq!(Balances::free_balance(&who), ED);
		run_out(job);
		assert_eq!(Balances::free_balance(&who), ED + price, "nobody committed");
	});
}

#[test]
fn controller_should_never_be_drawn_as_owner_or_as_worker() {
	build_and_execute(|| {
		ballot_operators(8);
		let job = ballot(ALICE).unwrap();
		assert!((1..=8).all(|n| is_ever_drawn(job, n)));
		let jobs = [3, worker(3)].map(without);
		assert!(jobs.iter().all(|job| (1..=8).all(|n| is_ever_drawn(*job, n) == (n != 3))));
		// Neither giving its key up nor working for another one is a way round.
		let other = without(POOR);
		assert!(is_ever_drawn(other, 3));
		assert_ok!(Inference::set_worker_key(signed(3), account(POOR)));
		assert!(jobs.iter().all(|job| !is_ever_drawn(*job, 3)));
		assert!(!is_ever_drawn(other, 3));
	});
}

#[test]
fn order_should_fail_when_there_are_too_few_operators_besides_the_controllers() {
	build_and_execute(|| {
		ballot_operators(5);
		assert_ok!(Inference::register_operator(signed(6), account(worker(6)), BOND));
		join(6, IMAGE, 1);
		for barred in [2, worker(2)] {
			let order = ballot_order(account(ALICE), Some(account(barred)));
			assert_noop!(ask(order), Error::<Test>::NotEnoughOperators);
		}
		// One that is not on the model takes nobody away, and neither does one that has not proved its engine.
		without(6);
		assert_ok!(Inference::join_model(signed(6), TEXT, 1, ENGINE, CpuClass::X86V3));
		without(6);
		without(CAROL);
		prove(6, TEXT);
		without(6);
		without(2);
	});
}

#[test]
fn ballot_should_fail_with_a_refund_when_too_few_others_are_left() {
	build_and_execute(|| {
		ballot_operators(6);
		let job = without(6);
		assert_ok!(Inference::leave_model(signed(1), TEXT));
		run_out(job);
		assert_eq!((failure(job), free(ALICE)), (Some(FailReason::NotEnoughOperators), FUNDS));
		assert_eq!(told(job), failed(job));
		assert_eq!(record(6), (0, 0));

		// A seat that is empty is not the controller's to fill either.
		join(1, TEXT, 1);
		let job = without(6);
		run_on(job);
		assert_eq!(seats(job).len(), 5);
		assert_ok!(Inference::decline(signed(worker(seats(job)[0])), job));
		run_out(job);
		assert_eq!((failure(job), free(ALICE)), (Some(FailReason::Expired), FUNDS));
		assert_eq!(told(job), failed(job));
	});
}

#[test]
fn ballot_should_wait_for_its_report_when_it_is_final() {
	build_and_execute(|| {
		ballot_operators(12);
		let job = without(12);
		run_on(job);
		let seats = seats(job);
		let deadline = System::block_number() + u64::from(3 * 2 * BUDGET) + 10;
		assert_eq!(stored(job).state, JobState::Committing { deadline, fill_at: None });
		agree(job);
		run_on(job);
		assert!(is_waiting_for_audit(job), "every ballot is audited");
		assert_ok!(audit(job, auditor(job).unwrap(), outcome(1)));
		run_out(job);
		assert!(is_final(job) && OpenBallots::<Test>::contains_key(job));
		assert_eq!(told(job), []);
		let row = Provenance::<Test>::get(job).unwrap();
		assert_eq!((row.purpose, row.modality, row.k), (Purpose::Ballot, Modality::Ballot, 6));
		assert_eq!(free(ALICE), FUNDS - 5 * BALLOT_FEE - BALLOT_AUDIT);
		let (payments, ..) = payments(job);
		assert_eq!(payments.iter().filter(|payment| payment.part == Part::Operator).count(), seats.len());
		assert!(Used::get().is_empty(), "asking an AI is no use of it");
	});
}

#[test]
fn ballot_should_have_the_jurys_result_when_the_committee_was_wrong() {
	build_and_execute(|| {
		ballot_operators(14);
		let job = without(14);
		run_on(job);
		let seats = seats(job);
		agree_on(job, outcome(2));
		run_on(job);
		assert_ok!(audit(job, auditor(job).unwrap(), outcome(1)));
		let panel = judge(job, |_| outcome(1));
		assert!(!panel.contains(&14));
		assert_eq!(Provenance::<Test>::get(job).unwrap().result, outcome(1).result);
		assert!(OpenBallots::<Test>::contains_key(job));
		assert_eq!(told(job), []);
		assert!(seats.iter().all(|n| lost(*n) == AT_STAKE));
	});
}

#[test]
fn governance_should_be_told_at_once_when_a_ballot_has_no_result() {
	build_and_execute(|| {
		ballot_operators(6);
		let job = ballot(ALICE).unwrap();
		assert_ok!(Inference::cancel_job(signed(ALICE), job));
		assert_eq!(told(job), failed(job));

		TestTiers::mutate(|tiers| tiers.ballot.audit = Permill::zero());
		let job = ballot(ALICE).unwrap();
		run_on(job);
		agree_on(job, fault(FaultCode::InputRejected));
		run_out(job);
		assert_eq!(failure(job), Some(FailReason::InputFault(FaultCode::InputRejected)));
		assert_eq!(told(job), failed(job));

		// The sixth operator alone is no jury.
		let job = ballot(ALICE).unwrap();
		run_on(job);
		let found: Vec<_> = seats(job).into_iter().zip([1, 1, 1, 1, 2]).map(|(n, kind)| (n, outcome(kind))).collect();
		play(job, &found);
		run_out(job);
		assert_eq!((failure(job), told(job)), (Some(FailReason::Disputed), failed(job)));

		let job = ballot(ALICE).unwrap();
		run_out(job);
		assert_eq!((failure(job), told(job)), (Some(FailReason::Expired), failed(job)));
		assert_eq!(OpenBallots::<Test>::iter().count(), 0);
	});
	build_and_execute(|| {
		operators(14);
		set_price(TEXT, 1);
		for n in 1..=14 {
			join_as(n, TEXT, 1, if n <= 2 { CpuClass::Aarch64 } else { CpuClass::X86V3 });
		}
		let job = ballot(ALICE).unwrap();
		choose(job, |seats| seats.len() == 5 && seats.contains(&1) && seats.contains(&2));
		run_on(job);
		let found: Vec<_> = seats(job).into_iter().map(|n| (n, outcome(if n <= 2 { 2 } else { 1 }))).collect();
		play(job, &found);
		choose(job, |panel| panel.len() == 7);
		judge(job, |_| outcome(1));
		assert_eq!((failure(job), told(job)), (Some(FailReason::EngineFault), failed(job)));
	});
}

/// Numbers that look like chance.
struct Dice(u64);

impl Dice {
	fn random(&mut self) -> Digest {
		self.0 = self.0.wrapping_add(1);
		sp_io::hashing::blake2_256(&self.0.to_le_bytes())
	}

	/// A number from 0 to 11.
	fn roll(&mut self) -> u8 {
		self.random()[0] % 12
	}
}

/// Whoever a job waits for does its part: most are right, some wrong, some late.
fn work(job: u64, dice: &mut Dice, known: &mut BTreeMap<u8, Outcome>) {
	let Some(stored) = Jobs::<Test>::get(job) else { return };
	let of_jury = matches!(stored.state, JobState::Jury { .. });
	let waited_for = if of_jury { jurors(job) } else { seats(job) };
	match stored.state {
		JobState::Committing { .. } | JobState::Jury { phase: JuryPhase::Committing { .. } } => {
			for n in waited_for {
				let found = match dice.roll() {
					0 => continue,
					1 => outcome(2),
					_ => outcome(1),
				};
				if commit(job, n, found).is_ok() {
					known.insert(n, found);
				}
			}
		}
		JobState::Revealing { .. } | JobState::Jury { phase: JuryPhase::Revealing { .. } } => {
			for n in waited_for {
				let found = known.get(&n).copied().filter(|_| dice.roll() > 0);
				if let Some(found) = found {
					let _ = reveal(job, n, found);
				}
			}
		}
		JobState::Agreed { audit: Audit::Waiting { .. }, .. } => {
			let found = match dice.roll() {
				0 => return,
				1 => outcome(2),
				_ => outcome(1),
			};
			if let Some(n) = auditor(job) {
				let _ = audit(job, n, found);
			}
		}
		_ => (),
	}
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(64))]

	#[test]
	fn controller_should_have_no_part_however_a_ballot_goes(
		operators in 6u8..=34,
		controller: u8,
		as_worker: bool,
		seed: u64,
	) {
		new_test_ext().execute_with(|| {
			let issuance = Balances::total_issuance();
			ballot_operators(operators);
			let controller = controller % operators + 1;
			let job = without(if as_worker { worker(controller) } else { controller });
			let (mut dice, mut known) = (Dice(seed), BTreeMap::new());
			for _ in 0..50 {
				let (picks, _) = Inference::pick(&dice.random(), job, &stored(job), None, operators.into());
				prop_assert!(picks.iter().all(|pick| pick.operator != account(controller)));
			}
			while Jobs::<Test>::contains_key(job) {
				Randomness::set(Some(dice.random()));
				work(job, &mut dice, &mut known);
				work(job, &mut dice, &mut known);
				run_on(job);
				prop_assert_eq!(check(issuance), Ok(()));
			}
			let drawn = events().into_iter().flat_map(|event| match event {
				Event::JobAssigned { operators, .. }
				| Event::SeatsRedrawn { operators, .. }
				| Event::JuryDrawn { operators, .. } => operators,
				Event::AuditDrawn { operator, .. } => vec![operator],
				_ => Vec::new(),
			});
			let drawn: Vec<_> = drawn.map(|operator| number(&operator)).collect();
			prop_assert!(!drawn.contains(&controller), "{:?}", drawn);
			let expected = if is_final(job) { Vec::new() } else { failed(job) };
			prop_assert_eq!(told(job), expected);
			prop_assert_eq!(OpenBallots::<Test>::contains_key(job), is_final(job));
			prop_assert!(is_final(job) || free(ALICE) == FUNDS);
			Ok(())
		})?;
	}
}
