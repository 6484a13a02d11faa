use std::collections::BTreeMap;

use autonomy_primitives::{
	community::Pot, fault::FaultCode, job::SeedPolicy, payout::Payee, trace::TraceOpening, JobId, ModelId,
};
use frame_support::{
	dispatch::CheckIfFeeless,
	traits::{fungible::Mutate, tokens::Preservation},
	weights::Weight,
};
use proptest::{
	prelude::*,
	test_runner::{FileFailurePersistence, TestCaseError},
};
use sp_runtime::{DispatchResult, Permill, StateVersion};

use super::{free, held};
use crate::{
	mock::*, Audit, Call, CpuClass, EngineFaults, Event, HoldReason, JobState, Jobs, Juries, JuryPhase, OpenSeats,
	Operators, Order, Outcome, PaymentOf, Purpose, Splits, Tier,
};

/// Operators that may register. Requesters and challengers are people, owners and workers.
const OWNERS: u8 = 30;

/// What an operator, or everybody, finds in a job.
#[derive(Clone, Copy, Debug)]
enum Finding {
	/// Outcome 1.
	Right,
	/// This one.
	Other(u8),
	/// Outcome 1, but for the processors of a class.
	ByClass(u8),
	/// Each its own.
	Chaos(u8),
	/// A fault in the input.
	Fault(u8),
	/// Something that is no artifact, and cannot be revealed.
	Garbage,
}

impl Finding {
	fn outcome(self, owner: u8) -> Outcome {
		match self {
			Self::Right => outcome(1),
			Self::Other(n) => outcome(n % 4),
			Self::ByClass(class) => outcome(if class_of(owner) == classes()[usize::from(class) % 4] { 2 } else { 1 }),
			Self::Chaos(seed) => outcome(1 + (owner ^ seed) % 3 / 2),
			Self::Fault(code) => fault(FaultCode::ALL[usize::from(code) % 3]),
			Self::Garbage => Outcome { artifact: [0; 36], ..outcome(1) },
		}
	}
}

fn classes() -> [CpuClass; 4] {
	[CpuClass::X86V3, CpuClass::X86V4, CpuClass::Aarch64, CpuClass::Other]
}

/// Most operators have the same processor.
fn class_of(owner: u8) -> CpuClass {
	classes()[usize::from(owner % 8 % 5 % 4)]
}

#[derive(Clone, Debug)]
enum Step {
	Register {
		owner: u8,
		slots: u64,
	},
	SetWorker {
		owner: u8,
		worker: u8,
	},
	BondMore {
		owner: u8,
		amount: u64,
	},
	StartUnbond {
		owner: u8,
		amount: u64,
	},
	Withdraw {
		owner: u8,
	},
	Join {
		owner: u8,
		model: ModelId,
		slots: u32,
	},
	Prove {
		owner: u8,
		model: ModelId,
		right: bool,
	},
	Leave {
		owner: u8,
		model: ModelId,
	},
	Submit {
		who: u8,
		model: ModelId,
		k: Option<u8>,
		tier: Option<Tier>,
		steps: u16,
		user_seed: bool,
	},
	/// A job of the character.
	Talk {
		who: u8,
		steps: u16,
	},
	Evaluate {
		who: u8,
	},
	Ballot {
		who: u8,
		controller: Option<u8>,
	},
	/// Losses that nobody found.
	Report {
		job: JobId,
	},
	/// A decision that nobody found.
	ReportBallot {
		job: JobId,
		decision: Option<i8>,
	},
	Cancel {
		who: u8,
		job: JobId,
	},
	Commit {
		owner: u8,
		job: JobId,
		found: Finding,
	},
	Reveal {
		owner: u8,
		job: JobId,
		right: bool,
		opened: bool,
	},
	Decline {
		owner: u8,
		job: JobId,
	},
	Audit {
		owner: Option<u8>,
		job: JobId,
		found: Finding,
		opened: bool,
	},
	Challenge {
		who: u8,
		job: JobId,
		result: u8,
	},
	Resolve {
		job: JobId,
		guilty: bool,
		root: bool,
	},
	Poke {
		job: JobId,
	},
	/// Whoever has something to do on a job does it, but for those that sleep.
	Work {
		job: JobId,
		found: Finding,
		asleep: u8,
	},
	/// The same on all jobs.
	WorkAll {
		found: Finding,
		asleep: u8,
	},
	Price {
		price: u64,
	},
	/// Another version of a model.
	Version {
		model: ModelId,
		n: u8,
	},
	/// Others are paid for the image model and the character.
	Payees {
		seed: u8,
	},
	Parameters {
		seed: u8,
	},
	Drain {
		who: u8,
	},
	Randomness {
		there: bool,
	},
	Agenda {
		jobs: u64,
	},
	Blocks {
		count: u64,
	},
}

impl Step {
	/// Whether it is one call, rather than many or none.
	fn may_fail(&self) -> bool {
		!matches!(
			self,
			Self::Work { .. }
				| Self::WorkAll { .. }
				| Self::Price { .. }
				| Self::Version { .. }
				| Self::Payees { .. }
				| Self::Parameters { .. }
				| Self::Randomness { .. }
				| Self::Agenda { .. }
				| Self::Blocks { .. }
		)
	}
}

fn finding() -> impl Strategy<Value = Finding> {
	prop_oneof![
		12 => Just(Finding::Right),
		2 => (0u8..4).prop_map(Finding::Other),
		4 => (0u8..4).prop_map(Finding::ByClass),
		2 => any::<u8>().prop_map(Finding::Chaos),
		1 => (0u8..3).prop_map(Finding::Fault),
		1 => Just(Finding::Garbage),
	]
}

fn step() -> impl Strategy<Value = Step> {
	let owner = || 1..=OWNERS;
	let model = || prop_oneof![6 => 0u32..2, 1 => Just(5u32)];
	// The n-th job that has not ended, or any number.
	let job = || prop_oneof![12 => 1_000u64..1_008, 1 => 0u64..12];
	let who = || prop_oneof![3 => ALICE..=CAROL, 1 => 1u8..4, 1 => 101u8..104];
	let tier = prop_oneof![
		10 => Just(None),
		8 => Just(Some(Tier::Creation)),
		3 => Just(Some(Tier::Image)),
		1 => Just(Some(Tier::Text)),
		1 => Just(Some(Tier::Ballot)),
	];
	let asleep = || prop_oneof![4 => Just(0u8), 1 => any::<u8>()];
	prop_oneof![
		1 => (owner(), 0u64..10).prop_map(|(owner, slots)| Step::Register { owner, slots }),
		1 => (owner(), 100u8..135).prop_map(|(owner, worker)| Step::SetWorker { owner, worker }),
		1 => (owner(), 0u64..3_000).prop_map(|(owner, amount)| Step::BondMore { owner, amount }),
		1 => (owner(), 0u64..25_000).prop_map(|(owner, amount)| Step::StartUnbond { owner, amount }),
		1 => owner().prop_map(|owner| Step::Withdraw { owner }),
		1 => (owner(), model(), 0u32..5).prop_map(|(owner, model, slots)| Step::Join { owner, model, slots }),
		1 => (owner(), model(), prop::bool::weighted(0.9))
			.prop_map(|(owner, model, right)| Step::Prove { owner, model, right }),
		1 => (owner(), model()).prop_map(|(owner, model)| Step::Leave { owner, model }),
		10 => (who(), model(), prop::option::weighted(0.3, 0u8..6), tier, 0u16..20, any::<bool>())
			.prop_map(|(who, model, k, tier, steps, user_seed)| Step::Submit { who, model, k, tier, steps, user_seed }),
		3 => (who(), 0u16..20).prop_map(|(who, steps)| Step::Talk { who, steps }),
		2 => who().prop_map(|who| Step::Evaluate { who }),
		4 => (who(), prop::option::weighted(0.8, prop_oneof![1..=OWNERS, 101u8..=130]))
			.prop_map(|(who, controller)| Step::Ballot { who, controller }),
		1 => job().prop_map(|job| Step::Report { job }),
		1 => (job(), any::<Option<i8>>()).prop_map(|(job, decision)| Step::ReportBallot { job, decision }),
		1 => (who(), job()).prop_map(|(who, job)| Step::Cancel { who, job }),
		2 => (owner(), job(), finding()).prop_map(|(owner, job, found)| Step::Commit { owner, job, found }),
		2 => (owner(), job(), prop::bool::weighted(0.8), prop::bool::weighted(0.8))
			.prop_map(|(owner, job, right, opened)| Step::Reveal { owner, job, right, opened }),
		4 => (owner(), job()).prop_map(|(owner, job)| Step::Decline { owner, job }),
		2 => (prop::option::of(owner()), job(), finding(), prop::bool::weighted(0.8))
			.prop_map(|(owner, job, found, opened)| Step::Audit { owner, job, found, opened }),
		8 => (who(), job(), 0u8..4).prop_map(|(who, job, result)| Step::Challenge { who, job, result }),
		2 => (job(), any::<bool>(), prop::bool::weighted(0.9))
			.prop_map(|(job, guilty, root)| Step::Resolve { job, guilty, root }),
		2 => job().prop_map(|job| Step::Poke { job }),
		10 => (job(), finding(), asleep()).prop_map(|(job, found, asleep)| Step::Work { job, found, asleep }),
		30 => (finding(), asleep()).prop_map(|(found, asleep)| Step::WorkAll { found, asleep }),
		1 => (1u64..20).prop_map(|price| Step::Price { price }),
		1 => (0u32..2, 1u8..4).prop_map(|(model, n)| Step::Version { model, n }),
		2 => any::<u8>().prop_map(|seed| Step::Payees { seed }),
		2 => any::<u8>().prop_map(|seed| Step::Parameters { seed }),
		1 => who().prop_map(|who| Step::Drain { who }),
		1 => prop::bool::weighted(0.7).prop_map(|there| Step::Randomness { there }),
		1 => (0u64..4).prop_map(|jobs| Step::Agenda { jobs }),
		24 => prop_oneof![12 => 1u64..4, 1 => 10u64..30].prop_map(|count| Step::Blocks { count }),
	]
}

/// What the operators remember of their commitments, by their hashes.
type Sealed = BTreeMap<(JobId, u8), Outcome>;

fn worker_of(owner: u8) -> Option<RuntimeOrigin> {
	Operators::<Test>::get(account(owner)).map(|operator| RuntimeOrigin::signed(operator.worker))
}

fn post(result: frame_support::dispatch::DispatchResultWithPostInfo) -> DispatchResult {
	result.map(|_| ()).map_err(|error| error.error)
}

/// Makes a call that is free of charge exactly when it succeeds.
fn feeless(call: Call<Test>, origin: RuntimeOrigin) -> DispatchResult {
	use frame_support::traits::UnfilteredDispatchable;
	let free = call.is_feeless(&origin);
	let done = post(call.dispatch_bypass_filter(origin));
	assert_eq!(free, done.is_ok(), "free of charge exactly when it succeeds");
	done
}

fn opening_for(n: u8, found: Outcome, draw: Option<[u8; 32]>, opened: bool) -> Option<Box<TraceOpening>> {
	opening(n, found, &draw.unwrap_or_default()).filter(|_| opened)
}

fn commit_to(owner: u8, job: JobId, found: Outcome, remembered: &mut Sealed) -> DispatchResult {
	let Some(origin) = worker_of(owner) else { return Ok(()) };
	feeless(Call::commit { job, hash: sealed(job, owner, found) }, origin)?;
	remembered.insert((job, owner), found);
	Ok(())
}

fn reveal_as(owner: u8, job: JobId, found: Outcome, opened: bool) -> DispatchResult {
	let draw = Juries::<Test>::get(job).map(|jury| jury.draw);
	let opening = opening_for(owner, found, draw, opened);
	let operator = account(owner);
	feeless(Call::reveal { job, operator, outcome: found, salt: salt(owner), opening }, signed(BOB))
}

fn audit_as(owner: u8, job: JobId, found: Outcome, opened: bool) -> DispatchResult {
	let Some(origin) = worker_of(owner) else { return Ok(()) };
	let draw = Jobs::<Test>::get(job).and_then(|job| job.auditor).map(|auditor| auditor.draw);
	feeless(Call::audit { job, outcome: found, opening: opening_for(owner, found, draw, opened) }, origin)
}

/// Each operator that a job waits for does what it should, but for those whose bit of `asleep` is set.
fn work(job: JobId, found: Finding, asleep: u8, remembered: &mut Sealed) {
	let Some(stored) = Jobs::<Test>::get(job) else { return };
	let awake = |n: &u8| asleep & (1 << (n % 8)) == 0;
	let of_jury = matches!(stored.state, JobState::Jury { .. });
	let waited_for = if of_jury { jurors(job) } else { seats(job) };
	match stored.state {
		JobState::Committing { .. } | JobState::Jury { phase: JuryPhase::Committing { .. } } => {
			for n in waited_for.into_iter().filter(awake) {
				let _ = commit_to(n, job, found.outcome(n), remembered);
			}
		}
		JobState::Revealing { .. } | JobState::Jury { phase: JuryPhase::Revealing { .. } } => {
			for n in waited_for.into_iter().filter(awake) {
				let known = remembered.get(&(job, n)).copied().unwrap_or(outcome(0));
				let _ = reveal_as(n, job, known, true);
			}
		}
		JobState::Agreed { audit: Audit::Waiting { .. }, .. } => {
			if let Some(n) = auditor(job).filter(awake) {
				let _ = audit_as(n, job, found.outcome(n), true);
			}
		}
		_ => (),
	}
}

/// Parameters of every size, out of their bounds too.
fn change_parameters(seed: u8) {
	let n = |bits: u32| u64::from(seed >> (bits % 6));
	TestTiming::mutate(|timing| {
		(timing.draw_delay, timing.draw_retries, timing.redraws) = (n(4), seed as u32 % 7, seed as u32 % 5);
		(timing.commit_grace, timing.reveal_period, timing.decline_period) = (n(3) % 12, n(2) % 12, n(4));
	});
	TestPenalties::mutate(|penalties| {
		penalties.no_show = Permill::from_percent(seed.into());
		penalties.no_reveal = Permill::from_percent(n(1) as u32);
		(penalties.suspension, penalties.decline_quota, penalties.decline_quota_period) = (n(3), seed as u32 % 5, n(2));
	});
	TestDisputes::mutate(|disputes| {
		(disputes.exposure_factor, disputes.audit_pay) = (seed as u32 % 40, 50 * seed as u32);
		(disputes.first_panel, disputes.second_panel) = (seed % 9, seed % 17);
		(disputes.least_reveals, disputes.challenge_bond) = (seed as u32 % 9, seed as u32 % 7);
	});
	TestSplit::mutate(|split| {
		split.model = Permill::from_percent(n(1) as u32);
		split.character = Permill::from_percent(n(3) as u32);
		split.community = Permill::from_percent(n(4) as u32);
		split.burn = Permill::from_percent(n(2) as u32);
		split.fault_pay = Permill::from_percent(n(1) as u32);
	});
	TestTiers::mutate(|tiers| {
		(tiers.text.audit, tiers.image.audit) =
			(Permill::from_percent(n(1) as u32), Permill::from_percent(seed.into()));
		(tiers.image.window, tiers.creation.committee, tiers.text.least_exposure) = (n(4), seed % 18, 10 * n(0));
	});
}

/// Payees of every kind, those that cannot take small amounts among them, in every order.
fn change_payees(seed: u8) {
	let all = [
		Payee::Account(account(MODELLER)),
		Payee::Account(account(POOR)),
		Payee::Pot(IMAGE_COMMUNITY, Pot::Shares),
		Payee::Pot(CHARACTER_COMMUNITY, Pot::Auton),
		Payee::Treasury(CHARACTER_COMMUNITY),
		Payee::Treasury(IMAGE_COMMUNITY),
	];
	let picked: Vec<_> = (0u8..8).filter(|bit| seed & (1 << bit) != 0).collect();
	let share = |bit: &u8| (all[usize::from(*bit) % all.len()].clone(), 100 / picked.len() as u32);
	let payees: Vec<_> = picked.iter().map(share).collect();
	set_payees(IMAGE, &payees);
	add_character(&payees[payees.len() / 2..]);
	change_model(IMAGE, |model| model.community = (!seed.is_multiple_of(7)).then_some(IMAGE_COMMUNITY));
	Bonded::set(if seed.is_multiple_of(3) { Vec::new() } else { vec![(IMAGE_COMMUNITY, Pot::Shares)] });
}

/// The job that a number means: from 1,000 on it counts those that have not ended.
fn job_of(n: JobId) -> JobId {
	let mut open: Vec<_> = Jobs::<Test>::iter_keys().collect();
	open.sort_unstable();
	match n.checked_sub(1_000).zip(open.len().checked_sub(1)) {
		Some((index, last)) => open[index as usize % (last + 1)],
		None => n,
	}
}

fn apply(step: &Step, remembered: &mut Sealed) -> DispatchResult {
	match *step {
		Step::Register { owner, slots } => {
			Inference::register_operator(signed(owner), account(worker(owner)), slots * SLOT_BOND)
		}
		Step::SetWorker { owner, worker } => Inference::set_worker_key(signed(owner), account(worker)),
		Step::BondMore { owner, amount } => Inference::bond_more(signed(owner), amount),
		Step::StartUnbond { owner, amount } => Inference::start_unbond(signed(owner), amount),
		Step::Withdraw { owner } => Inference::withdraw(signed(owner)),
		Step::Join { owner, model, slots } => {
			Inference::join_model(signed(owner), model, slots, ENGINE, class_of(owner))
		}
		Step::Prove { owner, model, right } => {
			let Some(origin) = worker_of(owner) else { return Ok(()) };
			post(Inference::prove_engine(origin, model, if right { golden(model) } else { [0xff; 32] }))
		}
		Step::Leave { owner, model } => post(Inference::leave_model(signed(owner), model)),
		Step::Submit { who, model, k, tier, steps, user_seed } => {
			let input = if model == TEXT { text_input() } else { image(b"x", steps) };
			let seed = if user_seed { SeedPolicy::User([who; 32]) } else { SeedPolicy::Chain };
			Inference::submit_job(signed(who), model, Box::new(input), k, tier, seed, 20_000)
		}
		Step::Talk { who, steps } => {
			let order = Order { input: image(b"x", steps), ..order(Purpose::Character(CHARACTER)) };
			let submit = || Inference::submit(account(who), order).map(|_| ());
			frame_support::storage::with_storage_layer(submit)
		}
		Step::Evaluate { who } => frame_support::storage::with_storage_layer(|| evaluate(who).map(|_| ())),
		Step::Ballot { who, controller } => ask(ballot_order(account(who), controller.map(account))).map(|_| ()),
		Step::ReportBallot { job, decision } => {
			post(Inference::report_ballot(signed(BOB), job_of(job), decision, [0; 32]))
		}
		Step::Report { job } => post(Inference::report_evaluation(signed(BOB), job_of(job), 2, 1)),
		Step::Cancel { who, job } => {
			let job = job_of(job);
			let requester = Jobs::<Test>::get(job).map(|job| RuntimeOrigin::signed(job.requester));
			Inference::cancel_job(requester.filter(|_| who < CAROL).unwrap_or(signed(who)), job)
		}
		Step::Commit { owner, job, found } => commit_to(owner, job_of(job), found.outcome(owner), remembered),
		Step::Reveal { owner, job, right, opened } => {
			let job = job_of(job);
			let known = remembered.get(&(job, owner)).copied().filter(|_| right);
			reveal_as(owner, job, known.unwrap_or(outcome(9)), opened)
		}
		Step::Decline { owner, job } => {
			let job = job_of(job);
			// One of its seats, if it has any.
			let seats = Jobs::<Test>::get(job).map_or(Vec::new(), |_| seats(job));
			let owner = seats.get(usize::from(owner) % seats.len().max(1)).copied().unwrap_or(owner);
			let Some(origin) = worker_of(owner) else { return Ok(()) };
			feeless(Call::decline { job }, origin)
		}
		Step::Audit { owner, job, found, opened } => {
			let job = job_of(job);
			let drawn = Jobs::<Test>::get(job).and_then(|job| job.auditor).map(|auditor| number(&auditor.operator));
			let owner = owner.or(drawn).unwrap_or(1);
			audit_as(owner, job, found.outcome(owner), opened)
		}
		Step::Challenge { who, job, result } => Inference::challenge(signed(who), job_of(job), outcome(result)),
		Step::Resolve { job, guilty, root } => {
			let origin = if root { RuntimeOrigin::root() } else { signed(ALICE) };
			let job = EngineFaults::<Test>::iter_keys().next().unwrap_or(job);
			post(Inference::resolve_engine_fault(origin, job, guilty))
		}
		Step::Poke { job } => post(Inference::poke(signed(BOB), job_of(job))),
		Step::Work { job, found, asleep } => {
			let job = job_of(job);
			work(job, found, asleep, remembered);
			work(job, found, asleep, remembered);
			Ok(())
		}
		Step::WorkAll { found, asleep } => {
			for job in Jobs::<Test>::iter_keys().collect::<Vec<_>>() {
				work(job, found, asleep, remembered);
				work(job, found, asleep, remembered);
			}
			Ok(())
		}
		Step::Price { price } => {
			set_price(IMAGE, price);
			Ok(())
		}
		Step::Version { model, n } => {
			new_version(model, n);
			Ok(())
		}
		Step::Payees { seed } => {
			change_payees(seed);
			Ok(())
		}
		Step::Parameters { seed } => {
			change_parameters(seed);
			Ok(())
		}
		Step::Drain { who } => {
			let amount = if free(who) > 100 * ED { free(who) / 2 } else { 0 };
			let (from, to) = (account(who), account(MODELLER));
			<Balances as Mutate<_>>::transfer(&from, &to, amount, Preservation::Preserve).map(|_| ())
		}
		Step::Randomness { there } => {
			let random = sp_io::hashing::blake2_256(&System::block_number().to_le_bytes());
			Randomness::set(there.then_some(random));
			Ok(())
		}
		Step::Agenda { jobs } => {
			AgendaWeight::set(Weight::from_parts(20 + 1_000 * jobs, u64::MAX));
			Ok(())
		}
		Step::Blocks { count } => {
			for _ in 0..count {
				run_for(1);
				// So that a draw of another block is another draw.
				if let Some(random) = Randomness::get() {
					Randomness::set(Some(sp_io::hashing::blake2_256(&random)));
				}
			}
			Ok(())
		}
	}
}

/// A job takes no more steps than these, whoever works on it or does not: draws and their retries, redraws, auditors,
/// panels; each at most a few hundred blocks long.
const LONGEST: u64 = 6_000;

fn nothing_left() -> Result<(), TestCaseError> {
	prop_assert_eq!(Jobs::<Test>::iter().count() + Splits::<Test>::iter().count(), 0);
	prop_assert_eq!(OpenSeats::<Test>::iter().count(), 0);
	prop_assert_eq!(Juries::<Test>::iter().count(), 0);
	for who in (1..=OWNERS).chain(101..=104).chain(ALICE..=CAROL) {
		let reasons = [HoldReason::JobFee, HoldReason::JobDeposit, HoldReason::Challenge];
		prop_assert_eq!(reasons.map(|reason| held(reason, who)), [0; 3]);
	}
	let frozen: u64 =
		EngineFaults::<Test>::iter_values().map(|fault| fault.exposure * fault.suspects.len() as u64).sum();
	let exposed: u64 = Operators::<Test>::iter_values().map(|operator| operator.exposed).sum();
	prop_assert_eq!(exposed, frozen, "nothing is at stake but what faults of the engine froze");
	Ok(())
}

/// What has to be known of everything that happened.
#[derive(Default)]
struct History {
	issuance: u64,
	/// What each job put on hold, the deposit included, and what it is done for.
	submitted: BTreeMap<JobId, (u64, Purpose)>,
	/// What the jobs with a fault in their input paid.
	faults: BTreeMap<JobId, u64>,
	ends: BTreeMap<JobId, u32>,
	finals: u32,
	/// What the final jobs of the character burned, oldest first.
	used: Vec<u64>,
}

fn sum(payments: &[PaymentOf<Test>]) -> u64 {
	payments.iter().map(|payment| payment.amount).sum()
}

impl History {
	/// Checks the state, and takes the events off the chain.
	fn check(&mut self, step: impl std::fmt::Debug) -> Result<(), TestCaseError> {
		prop_assert_eq!(check(self.issuance), Ok(()), "{:?}", step);
		for event in events() {
			self.account(event)?;
		}
		System::reset_events();
		self.issuance = Balances::total_issuance();
		Ok(())
	}

	/// Every planck that a job put on hold is with somebody whom an event names, burned, or back.
	fn account(&mut self, event: Event<Test>) -> Result<(), TestCaseError> {
		let (job, spent) = match event {
			Event::JobSubmitted { job, purpose, fee, audit_reserve, deposit, .. } => {
				self.submitted.insert(job, (fee + audit_reserve + deposit, purpose));
				return Ok(());
			}
			Event::InputFaultPaid { job, payments, burned, .. } => {
				self.faults.insert(job, sum(&payments) + burned);
				return Ok(());
			}
			Event::JobFinalised { job, payments, burned, refunded, .. } => {
				self.finals += 1;
				let purpose = self.submitted.get(&job).map(|(_, purpose)| *purpose);
				if burned > 0 && matches!(purpose, Some(Purpose::Character(_))) {
					self.used.push(burned);
				}
				(job, sum(&payments) + burned + refunded)
			}
			Event::JobFailed { job, refunded, .. } => (job, self.faults.remove(&job).unwrap_or(0) + refunded),
			Event::JobCancelled { job, refunded } => (job, refunded),
			_ => return Ok(()),
		};
		*self.ends.entry(job).or_default() += 1;
		prop_assert_eq!(self.submitted.get(&job).map(|(held, _)| *held), Some(spent), "job {}", job);
		Ok(())
	}

	/// Each job ended once, and whoever it was done for was told once.
	fn each_ended_once(&self) -> Result<(), TestCaseError> {
		prop_assert_eq!(self.ends.len() as u64, crate::NextJobId::<Test>::get());
		prop_assert!(self.ends.values().all(|count| *count == 1));
		prop_assert_eq!(self.finals as usize, crate::Provenance::<Test>::iter().count());
		let used: Vec<_> = self.used.iter().map(|burned| (CHARACTER_COMMUNITY, *burned)).collect();
		prop_assert_eq!(Used::get(), used);
		for (job, (_, purpose)) in &self.submitted {
			let is_final = crate::Provenance::<Test>::contains_key(job);
			match (purpose, told(*job).as_slice()) {
				(Purpose::Plain, []) => (),
				(Purpose::Character(_), [Told::Final { .. }]) => prop_assert!(is_final),
				(Purpose::Character(_), [Told::Failed { .. }]) => prop_assert!(!is_final),
				// What it found is still to be reported.
				(Purpose::Evaluation, []) => prop_assert!(is_final),
				(Purpose::Evaluation, [Told::Evaluated { outcome, .. }]) => {
					prop_assert_eq!(*outcome, autonomy_primitives::evaluation::Evaluated::Failed);
					prop_assert!(!is_final);
				}
				(Purpose::Ballot, []) => prop_assert!(is_final && crate::OpenBallots::<Test>::contains_key(job)),
				(Purpose::Ballot, [Told::Ballot { decision: None, .. }]) => prop_assert!(!is_final),
				(purpose, told) => prop_assert!(false, "{:?} was told {:?}", purpose, told),
			}
		}
		Ok(())
	}
}

proptest! {
	#![proptest_config(ProptestConfig {
		cases: std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(24),
		max_shrink_iters: 2_000,
		failure_persistence: Some(Box::new(FileFailurePersistence::SourceParallel("proptest-regressions"))),
		..ProptestConfig::default()
	})]

	#[test]
	fn state_should_stay_consistent_when_calls_come_in_any_order(
		ready in prop_oneof![1 => 0u8..=6, 3 => 10u8..=OWNERS],
		poor: bool,
		steps in proptest::collection::vec(step(), 1..100),
	) {
		new_test_ext().execute_with(|| {
			let mut history = History { issuance: Balances::total_issuance(), ..Default::default() };
			operators(ready);
			add_character(&[(Payee::Account(account(POOR)), 60), (Payee::Treasury(CHARACTER_COMMUNITY), 40)]);
			if poor {
				[IMAGE_COMMUNITY, IMAGE_COMMUNITY + 1, CHARACTER_COMMUNITY].into_iter().for_each(empty_treasury);
			}
			TestTiers::mutate(|tiers| tiers.text.audit = Permill::from_percent(40));
			// So that bonds cover ballots.
			set_price(TEXT, 1);
			for owner in 1..=ready {
				join_as(owner, IMAGE, 1 + u32::from(owner % 5 == 0), class_of(owner));
				if owner % 3 != 0 {
					join_as(owner, TEXT, 1, class_of(owner));
				}
			}
			let mut remembered = Sealed::new();
			for step in &steps {
				let root = step.may_fail().then(|| sp_io::storage::root(StateVersion::V1));
				if apply(step, &mut remembered).is_err() {
					let now = Some(sp_io::storage::root(StateVersion::V1));
					prop_assert_eq!(root, now, "a failed call left a trace: {:?}", step);
				}
				history.check(step)?;
			}

			// Whatever happened, the agenda alone ends every job.
			start_agenda();
			let end = System::block_number() + LONGEST;
			while let Some(due) = Jobs::<Test>::iter_values().map(|job| job.state.due()).min() {
				prop_assert!(due > System::block_number() || System::block_number() < end - LONGEST + 2, "a deadline has passed");
				prop_assert!(due < end, "a job never ends");
				run_to(due.max(System::block_number() + 1));
			}
			history.check("the end")?;
			nothing_left()?;
			history.each_ended_once()
		})?;
	}
}
