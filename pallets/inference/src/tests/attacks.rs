//! Attacks that the protocol has to withstand, one test each, named after the list in its design.

use autonomy_primitives::{fault::FaultCode, job::SeedPolicy, payout::Payee};
use frame_support::{assert_noop, assert_ok, traits::Hooks, weights::Weight};
use sp_runtime::Permill;

use super::{failure, free, held, is_final, lost, operator, record, to, total};
use crate::{
	mock::*, Agenda, CpuClass, Duty, EngineFaults, Error, Event, FailReason, FeeSplit, HoldReason, JobState, Jobs,
	Memberships, OpenSeats, Outcome, Part, PausedClasses, Provenance, SlotCount, Tier,
};

/// What a seat of the tier that is always audited puts at stake.
const AT_STAKE: u64 = 2_000;

/// What accounts have, bonds included.
fn wealth(who: &[u8]) -> u64 {
	who.iter().map(|n| total(*n)).sum()
}

#[test]
fn copying_anothers_commitment_should_be_worth_nothing() {
	build_and_execute(|| {
		serving_operators(3);
		let (job, seats) = submit_and_draw(ALICE);
		let (honest, copier) = (seats[0], seats[1]);
		assert_ok!(commit(job, honest, outcome(1)));
		let copied = stored(job).seats[0].commitment.unwrap();
		assert_ok!(Inference::commit(signed(worker(copier)), job, copied));
		assert_ok!(commit(job, seats[2], outcome(1)));
		assert_ok!(reveal(job, honest, outcome(1)));
		// The copier now knows everything that the honest seat sealed, and still cannot open its own seat.
		for salt in [salt(honest), salt(copier)] {
			let opened = Inference::reveal(signed(worker(copier)), job, account(copier), outcome(1), salt, None);
			assert_noop!(opened, Error::<Test>::CommitmentMismatch);
		}
		assert_ok!(reveal(job, seats[2], outcome(1)));
		run_to(13);
		assert_eq!((record(copier), lost(copier)), ((0, 1), EXPOSURE / 10));
		run_out(job);
		assert_eq!((free(ALICE), free(copier)), (FUNDS, FUNDS - BOND));
	});
}

#[test]
fn copying_a_public_digest_should_not_get_a_juror_through() {
	build_and_execute(|| {
		serving_operators(12);
		let (job, _) = split(ALICE);
		run_on(job);
		let panel = jurors(job);
		for n in &panel {
			assert_ok!(commit(job, *n, outcome(1)));
		}
		let (lazy, draw) = (panel[0], stored_jury(job).draw);
		for n in &panel[1..] {
			assert_ok!(reveal(job, *n, outcome(1)));
		}
		// It has the digests of the round before, and the others' openings: theirs are of other chunks.
		let others = panel[1..].iter().map(|n| opening(*n, outcome(1), &draw));
		let own = opening(lazy, outcome(1), &draw);
		for copied in others.filter(|other| *other != own).chain([None]) {
			let sent = Inference::reveal(signed(worker(lazy)), job, account(lazy), outcome(1), salt(lazy), copied);
			assert!(matches!(sent, Err(error) if [Error::<Test>::OpeningMissing, Error::<Test>::OpeningInvalid]
				.map(sp_runtime::DispatchError::from).contains(&error)));
		}
		run_on(job);
		assert_eq!(lost(lazy), EXPOSURE / 10);
		assert!(is_final(job));
	});
}

#[test]
fn owner_with_many_keys_should_have_one_seat_on_a_job() {
	build_and_execute(|| {
		// It has 12 of 14 slots.
		operators(3);
		for (n, slots) in [(1, 12), (2, 1), (3, 1)] {
			join(n, IMAGE, slots);
		}
		// A worker works for one owner, and a key is one thing only.
		assert_noop!(
			Inference::register_operator(signed(worker(1)), account(150), SLOT_BOND),
			Error::<Test>::OwnerIsWorker
		);
		assert_noop!(
			Inference::register_operator(signed(4), account(worker(1)), SLOT_BOND),
			Error::<Test>::WorkerTaken
		);
		for _ in 0..4 {
			let (job, mut seats) = draw_such(ALICE, |_| true);
			seats.sort();
			assert_eq!(seats, vec![1, 2, 3]);
			agree(job);
			run_out(job);
		}
		assert_eq!(record(1), (4, 0));
	});
}

#[test]
fn all_but_one_of_a_committee_colluding_should_be_slashed() {
	build_and_execute(|| {
		serving_operators(12);
		let (job, seats) = submit_and_draw(ALICE);
		play(job, &[(seats[0], outcome(2)), (seats[1], outcome(1)), (seats[2], outcome(2))]);
		assert!(is_in_dispute(job), "two of three are no majority");
		judge(job, |_| outcome(1));
		assert_eq!((lost(seats[0]), lost(seats[1]), lost(seats[2])), (EXPOSURE, 0, EXPOSURE));
		assert_eq!(Provenance::<Test>::get(job).unwrap().result, outcome(1).result);
		let share = 2 * EXPOSURE * 3 / 10 / 8;
		assert_eq!(free(seats[1]), FUNDS - BOND + SEAT_PAY + share);
	});
}

#[test]
fn whole_committee_colluding_should_be_slashed_when_it_is_audited() {
	build_and_execute(|| {
		serving_operators(13);
		let job = submit_with(ALICE, None, Some(Tier::Creation));
		run_on(job);
		let colluders = seats(job);
		agree_on(job, outcome(2));
		run_on(job);
		let honest = auditor(job).unwrap();
		assert_ok!(audit(job, honest, outcome(1)));
		let jurors = judge(job, |_| outcome(1));
		assert_eq!(Provenance::<Test>::get(job).unwrap().result, outcome(1).result);
		assert!(colluders.iter().all(|n| lost(*n) == AT_STAKE && free(*n) == FUNDS - BOND));
		assert_eq!(free(honest), FUNDS - BOND + AUDIT_PAY + 3 * AT_STAKE / 5);
		assert!(jurors.iter().all(|n| free(*n) == FUNDS - BOND + 3 * AT_STAKE * 3 / 10 / 7));
		assert_eq!(free(ALICE), FUNDS - AUDIT_PAY);
	});
}

#[test]
fn lazy_auditor_should_not_get_by_without_the_work() {
	build_and_execute(|| {
		serving_operators(5);
		let (job, _, lazy) = audited();
		let say = |outcome, opening| Inference::audit(signed(worker(lazy)), job, outcome, opening);
		assert_noop!(say(outcome(1), None), Error::<Test>::OpeningMissing);
		// A chunk of another run, and the right run's chunk for another operator.
		let draw = stored(job).auditor.unwrap().draw;
		assert_noop!(say(outcome(1), opening(lazy, outcome(2), &draw)), Error::<Test>::OpeningInvalid);
		let other = (1..=40).find(|n| opening(*n, outcome(1), &draw) != opening(lazy, outcome(1), &draw)).unwrap();
		assert_noop!(say(outcome(1), opening(other, outcome(1), &draw)), Error::<Test>::OpeningInvalid);
		run_on(job);
		assert_eq!(lost(lazy), AT_STAKE / 50);
	});
}

#[test]
fn committing_without_revealing_should_cost_more_than_not_committing() {
	build_and_execute(|| {
		serving_operators(6);
		let (job, seats) = submit_and_draw(ALICE);
		commit_all(job);
		for n in &seats[..2] {
			assert_ok!(reveal(job, *n, outcome(1)));
		}
		run_on(job);
		let silent = seats[2];
		let missed = Event::SeatMissed { job, operator: account(silent), duty: Duty::Reveal, penalty: EXPOSURE / 10 };
		assert!(events().contains(&missed));
		assert!(TestPenalties::get().no_reveal > TestPenalties::get().no_show);
		assert_eq!(free(silent), FUNDS - BOND);
	});
}

#[test]
fn anothers_salt_should_open_nothing_but_its_own_seat() {
	build_and_execute(|| {
		serving_operators(3);
		let (job, seats) = submit_and_draw(ALICE);
		commit_all(job);
		let (n, other) = (seats[0], seats[1]);
		let with = |outcome, salt| Inference::reveal(signed(BOB), job, account(n), outcome, salt, None);
		assert_noop!(with(outcome(1), salt(other)), Error::<Test>::CommitmentMismatch);
		// Someone who has the salt can say nothing but what was sealed, which is what the seat owes anyway.
		assert_noop!(with(outcome(2), salt(n)), Error::<Test>::CommitmentMismatch);
		assert_ok!(with(outcome(1), salt(n)));
	});
}

#[test]
fn poisonous_input_should_cost_its_requester_and_nobody_else() {
	for code in FaultCode::ALL {
		build_and_execute(|| {
			serving_operators(3);
			let modeller = free(MODELLER);
			let (job, seats) = submit_and_draw(ALICE);
			agree_on(job, fault(code));
			run_out(job);
			assert_eq!(failure(job), Some(FailReason::InputFault(code)));
			assert!(!is_final(job));
			// A fifth of the fee: 14, of which 2.52 are the model's and the other parts less than one.
			assert!(seats.iter().all(|n| free(*n) == FUNDS - BOND + 12 && record(*n) == (1, 0)));
			assert_eq!((free(ALICE), free(MODELLER) - modeller, burned()), (FUNDS - 3 * 14, 6, 0));
			let mut payments: Vec<_> = seats.iter().map(|n| to(*n, Part::Operator, 12)).collect();
			payments.push(to(MODELLER, Part::Model, 6));
			let operators = seats.into_iter().map(account).collect();
			let paid = Event::InputFaultPaid { job, operators, paid_per_seat: 12, payments, burned: 0 };
			assert!(events().contains(&paid));
		});
	}
}

#[test]
fn calling_a_good_input_poisonous_should_be_slashed() {
	build_and_execute(|| {
		serving_operators(12);
		let (job, seats) = submit_and_draw(ALICE);
		let lazy = fault(FaultCode::ResourceLimit);
		play(job, &[(seats[0], outcome(1)), (seats[1], lazy), (seats[2], lazy)]);
		judge(job, |_| outcome(1));
		assert!(is_final(job));
		assert_eq!((lost(seats[0]), lost(seats[1]), lost(seats[2])), (0, EXPOSURE, EXPOSURE));
	});
}

#[test]
fn spam_of_unpaid_work_should_be_bounded_and_cost_deposits() {
	build_and_execute(|| {
		serving_operators(12);
		for _ in 0..8 {
			submit(ALICE);
		}
		let again = |who| {
			let input = Box::new(image_input());
			Inference::submit_job(signed(who), IMAGE, input, None, None, SeedPolicy::Chain, u64::MAX)
		};
		assert_noop!(again(ALICE), Error::<Test>::TooManyOpenJobs);
		assert!(held(HoldReason::JobDeposit, ALICE) > 8 * DEPOSIT_BASE);
		assert_eq!(held(HoldReason::JobFee, ALICE), 8 * 3 * SEAT_FEE);
		// Work can be asked for by whoever has the whole fee only.
		super::drain(BOB);
		assert!(again(BOB).is_err());
		// An operator is never asked for more than it has hands, however much is asked for.
		run_to(3);
		assert!((1..=12).all(|n| OpenSeats::<Test>::get(account(n)).len() <= 4));
	});
}

#[test]
fn bond_should_not_leave_before_the_dispute() {
	build_and_execute(|| {
		serving_operators(12);
		let (job, seats) = submit_and_draw(ALICE);
		let cheat = seats[2];
		// Everything that is not at stake goes, places and all.
		for model in [IMAGE, TEXT] {
			assert_ok!(Inference::leave_model(signed(cheat), model));
		}
		assert_noop!(Inference::start_unbond(signed(cheat), BOND - EXPOSURE + 1), Error::<Test>::BondExposed);
		assert_ok!(Inference::start_unbond(signed(cheat), BOND - EXPOSURE));
		run_to(23);
		assert_noop!(Inference::withdraw(signed(cheat)), Error::<Test>::SeatsOpen);
		play(job, &[(seats[0], outcome(1)), (seats[1], outcome(1)), (cheat, outcome(2))]);
		judge(job, |_| outcome(1));
		assert_eq!((operator(cheat).bond, operator(cheat).unbonding), (0, BOND - EXPOSURE));
		assert_ok!(Inference::withdraw(signed(cheat)));
		assert_eq!(total(cheat), FUNDS - EXPOSURE);
	});
}

#[test]
fn job_should_keep_its_terms_when_everything_changes_under_it() {
	build_and_execute(|| {
		serving_operators(5);
		let job = submit_with(ALICE, None, Some(Tier::Creation));
		let modeller = free(MODELLER);
		set_price(IMAGE, 1_000);
		set_active(IMAGE, false);
		// The model is sold.
		set_payees(IMAGE, &[(Payee::Account(account(BOB)), 100)]);
		change_model(IMAGE, |model| model.community = None);
		new_version(IMAGE, 9);
		let all = Permill::one();
		TestSplit::set(FeeSplit { model: all, character: all, community: all, burn: all, fault_pay: all });
		TestTiers::mutate(|tiers| {
			let creation = &mut tiers.creation;
			(creation.audit, creation.window, creation.least_exposure) = (Permill::zero(), 500, 1_000_000);
		});
		TestDisputes::mutate(|disputes| (disputes.exposure_factor, disputes.audit_pay) = (1_000, 5_000));
		run_on(job);
		let seats = seats(job);
		agree(job);
		run_on(job);
		let n = auditor(job).unwrap();
		assert_ok!(audit(job, n, outcome(1)));
		assert_eq!(operator(n).exposed, AT_STAKE);
		run_to(13);
		assert!(is_final(job));
		assert!(seats.iter().all(|n| free(*n) == FUNDS - BOND + SEAT_PAY));
		assert_eq!(free(n), FUNDS - BOND + AUDIT_PAY);
		assert_eq!((free(ALICE), free(BOB)), (FUNDS - 3 * SEAT_FEE - AUDIT_PAY, FUNDS));
		assert_eq!(free(MODELLER), modeller + 3 * MODEL_PAY, "the owner at submission is paid");
		assert_eq!(treasury_income(IMAGE_COMMUNITY), 3 * (CHARACTER_PAY + COMMUNITY_PAY));
		assert_eq!(Provenance::<Test>::get(job).unwrap().weights_root, WEIGHTS);
	});
}

#[test]
fn withheld_weights_and_artifacts_should_not_stop_a_job() {
	build_and_execute(|| {
		serving_operators(3);
		let (job, _) = submit_and_draw(ALICE);
		set_active(IMAGE, false);
		agree(job);
		run_out(job);
		// Nothing that anyone holds is asked for: what is needed to make the output again stands on chain.
		let row = Provenance::<Test>::get(job).unwrap();
		let Outcome { result, trace_root, artifact } = outcome(1);
		assert_eq!((row.result, row.trace_root, row.artifact), (result, trace_root, artifact));
		assert_eq!((row.model, row.weights_root, row.engine), (IMAGE, WEIGHTS, ENGINE));
		assert!(row.seed != [0; 32] && row.input_hash != [0; 32]);
	});
}

/// A job on which a new class of processors differs from all others. Returns it with its suspects.
fn honest_divergence() -> (u64, Vec<u8>) {
	operators(12);
	for n in 1..=12 {
		join_as(n, IMAGE, 1, if n <= 3 { CpuClass::Aarch64 } else { CpuClass::X86V3 });
	}
	let (job, seats) = draw_such(ALICE, |seats| seats[0] <= 3 && seats[1] <= 3 && seats[2] > 3);
	play(job, &[(seats[0], outcome(2)), (seats[1], outcome(2)), (seats[2], outcome(1))]);
	choose(job, |panel| panel.len() == 7 && panel.iter().all(|n| *n > 3));
	judge(job, |_| outcome(1));
	(job, seats[..2].to_vec())
}

#[test]
fn honest_divergence_of_a_new_processor_should_slash_nobody() {
	for guilty in [false, true] {
		build_and_execute(|| {
			let (job, suspects) = honest_divergence();
			assert_eq!((failure(job), free(ALICE)), (Some(FailReason::EngineFault), FUNDS));
			assert!(suspects.iter().all(|n| lost(*n) == 0 && operator(*n).exposed == EXPOSURE));
			assert!(PausedClasses::<Test>::contains_key(IMAGE, CpuClass::Aarch64));
			assert_ok!(Inference::resolve_engine_fault(RuntimeOrigin::root(), job, guilty));
			let expected = if guilty { EXPOSURE } else { 0 };
			assert!(suspects.iter().all(|n| lost(*n) == expected && operator(*n).exposed == 0));
			assert!(!PausedClasses::<Test>::contains_key(IMAGE, CpuClass::Aarch64));
			assert_eq!(EngineFaults::<Test>::iter().count(), 0);
		});
	}
}

#[test]
fn stolen_worker_key_should_not_reach_the_money() {
	build_and_execute(|| {
		serving_operators(3);
		let (job, seats) = submit_and_draw(ALICE);
		let n = seats[0];
		let thief = signed(worker(n));
		assert_noop!(Inference::start_unbond(thief.clone(), 1), Error::<Test>::NotOperator);
		assert_noop!(Inference::withdraw(thief.clone()), Error::<Test>::NotOperator);
		assert_noop!(Inference::set_worker_key(thief.clone(), account(150)), Error::<Test>::NotOperator);
		assert_ok!(Inference::set_worker_key(signed(n), account(150)));
		for call in [
			Inference::commit(thief.clone(), job, [0; 32]),
			Inference::decline(thief.clone(), job),
			Inference::audit(thief.clone(), job, outcome(1), None),
		] {
			assert_noop!(call, Error::<Test>::NotWorker);
		}
		assert_ok!(Inference::commit(signed(150), job, sealed(job, n, outcome(1))));
		for n in &seats[1..] {
			assert_ok!(commit(job, *n, outcome(1)));
		}
		for n in &seats {
			assert_ok!(reveal(job, *n, outcome(1)));
		}
		run_out(job);
		assert_eq!((free(n), free(worker(n))), (FUNDS - BOND + SEAT_PAY, FUNDS), "pay goes to the owner");
	});
}

#[test]
fn slots_should_not_be_inherited_after_a_new_registration() {
	build_and_execute(|| {
		serving_operators(2);
		for model in [IMAGE, TEXT] {
			assert_ok!(Inference::leave_model(signed(1), model));
		}
		assert_ok!(Inference::start_unbond(signed(1), BOND));
		run_for(20);
		assert_ok!(Inference::withdraw(signed(1)));
		assert_ok!(Inference::register_operator(signed(1), account(150), SLOT_BOND));
		assert_eq!((SlotCount::<Test>::get(IMAGE), operator(1).slots_used), (1, 0));
		assert!(!Memberships::<Test>::contains_key(IMAGE, account(1)));
		assert_noop!(Inference::prove_engine(signed(150), IMAGE, GOLDEN), Error::<Test>::NotJoined);
	});
}

#[test]
fn block_full_of_deadlines_should_stay_within_its_weight_and_lose_nothing() {
	build_and_execute(|| {
		operators(40);
		for n in 1..=40 {
			join(n, IMAGE, 1);
		}
		let jobs: Vec<_> =
			[ALICE, BOB, CAROL].into_iter().flat_map(|who| (0..8).map(move |_| who)).map(submit).collect();
		let limit = Weight::from_parts(5_100, u64::MAX);
		AgendaWeight::set(limit);
		let mut block = System::block_number();
		while Jobs::<Test>::iter().count() > 0 {
			block += 1;
			assert!(block < 200, "a job is stuck");
			System::set_block_number(block);
			assert!(Inference::on_initialize(block).all_lte(limit));
			// Nobody is punished for the agenda's delay: seats work as soon as they are drawn.
			for job in &jobs {
				if Jobs::<Test>::get(job).is_some_and(|job| matches!(job.state, JobState::Committing { .. })) {
					agree(*job);
				}
			}
			Inference::do_try_state().unwrap();
		}
		assert!(jobs.into_iter().all(is_final));
		assert_eq!(Agenda::<Test>::iter().count(), 0);
	});
}

#[test]
fn job_should_end_on_its_own_terms_when_an_upgrade_changes_the_rules() {
	build_and_execute(|| {
		serving_operators(13);
		let job = submit_with(ALICE, None, Some(Tier::Creation));
		run_on(job);
		let seats = seats(job);
		let deadline = stored(job).state.due();
		TestTiming::mutate(|timing| {
			(timing.commit_grace, timing.reveal_period, timing.draw_delay, timing.redraws) = (1, 2, 5, 0);
		});
		TestTiers::mutate(|tiers| tiers.creation.audit = Permill::zero());
		run_to(deadline - 1);
		// A deadline that was named stays; those that begin later are the new ones.
		for n in &seats {
			assert_ok!(commit(job, *n, outcome(1)));
		}
		assert_eq!(stored(job).state, JobState::Revealing { deadline: deadline + 1 });
		for n in &seats {
			assert_ok!(reveal(job, *n, outcome(1)));
		}
		run_on(job);
		assert_ok!(audit(job, auditor(job).unwrap(), outcome(2)));
		TestDisputes::mutate(|disputes| (disputes.exposure_factor, disputes.first_panel) = (1, 3));
		let jurors = judge(job, |_| outcome(1));
		assert_eq!(jurors.len(), 7);
		assert!(is_final(job));
		assert_eq!(free(seats[0]), FUNDS - BOND + SEAT_PAY + AT_STAKE * 3 / 10 / 10);
	});
}

#[test]
fn accusing_oneself_should_never_pay() {
	build_and_execute(|| {
		serving_operators(10);
		// One owner has every seat of the committee and of the jury, and challenges itself.
		let everybody: Vec<u8> = (1..=10).chain([CAROL]).collect();
		let before = wealth(&everybody);
		let (job, _) = submit_and_draw(ALICE);
		agree_on(job, outcome(2));
		assert_ok!(challenge(job, 1));
		judge(job, |_| outcome(1));
		assert!(is_final(job));
		assert!(before - wealth(&everybody) >= 3 * EXPOSURE / 2, "half of it is burned");
	});
	build_and_execute(|| {
		serving_operators(11);
		// As its own auditor.
		let before = wealth(&(1..=11).collect::<Vec<_>>());
		let job = submit_with(ALICE, None, Some(Tier::Creation));
		run_on(job);
		agree_on(job, outcome(2));
		run_on(job);
		assert_ok!(audit(job, auditor(job).unwrap(), outcome(1)));
		judge(job, |_| outcome(1));
		let after = wealth(&(1..=11).collect::<Vec<_>>());
		assert!(before + AUDIT_PAY - after >= 3 * AT_STAKE / 2);
	});
}

#[test]
fn griefing_challenger_should_lose_its_bond_to_the_jury() {
	build_and_execute(|| {
		serving_operators(10);
		let (job, seats) = submit_and_draw(ALICE);
		agree(job);
		assert_ok!(challenge(job, 9));
		let jurors = judge(job, |_| outcome(1));
		assert_eq!(total(CAROL), FUNDS - CHALLENGE_BOND);
		assert_eq!(jurors.iter().map(|n| free(*n) + BOND - FUNDS).sum::<u64>(), CHALLENGE_BOND);
		assert!(seats.iter().all(|n| free(*n) == FUNDS - BOND + SEAT_PAY));
		assert_eq!(free(ALICE), FUNDS - 3 * SEAT_FEE);
	});
}

#[test]
fn wrong_file_under_the_right_result_should_be_slashed_when_it_is_challenged() {
	build_and_execute(|| {
		serving_operators(10);
		let (job, seats) = submit_and_draw(ALICE);
		agree_on(job, Outcome { artifact: outcome(2).artifact, ..outcome(1) });
		assert_ok!(challenge(job, 1));
		judge(job, |_| outcome(1));
		assert_eq!(Inference::provenance(job).unwrap().artifact, outcome(1).artifact);
		assert!(seats.iter().all(|n| Inference::operator(account(*n)).unwrap().info.bond == BOND - EXPOSURE));
		assert!(total(CAROL) > FUNDS, "its bond and a fifth of the slashes");
	});
}

#[test]
fn challenge_should_be_refused_while_an_audit_is_open() {
	build_and_execute(|| {
		serving_operators(12);
		let (job, _, n) = audited();
		// With a wrong challenge the auditor would never have had to say what it found.
		assert_noop!(challenge(job, 2), Error::<Test>::AuditOpen);
		assert_ok!(audit(job, n, outcome(1)));
		assert_ok!(challenge(job, 2));
	});
}
