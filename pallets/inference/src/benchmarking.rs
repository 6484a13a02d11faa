//! Benchmarks of every call and of the agenda, each at the largest input, committee, jury, opening and split, on a job whose
//! record is as long as it gets.

use super::*;
use crate::{draw::Pick, jobs::account_bytes};
use alloc::vec;
use autonomy_primitives::{
	community::{Pot, X_COMMUNITY},
	digest::{canonical_ballot, canonical_evaluation, cid, commitment, Sealed},
	job::{
		CellPrompt, ImageInput, Modality, SpriteSheetInput, MAX_CELLS, MAX_CELL_BYTES, MAX_NEGATIVE_PROMPT_BYTES,
		MAX_PROMPT_BYTES,
	},
	payout::{Payee, MAX_CHARACTER_PAYEES, MAX_MODEL_PAYEES},
};
use frame_benchmarking::v2::*;
use frame_system::RawOrigin;
use sp_runtime::{
	traits::{Bounded, Saturating},
	Permill,
};

const SALT: [u8; 32] = [3; 32];
const CLASS: CpuClass = CpuClass::X86V3;

fn funded<T: Config>(name: &'static str, index: u32) -> T::AccountId {
	let who: T::AccountId = account(name, index, 0);
	T::Currency::set_balance(&who, BalanceOf::<T>::max_value() / 1_000_000u32.into());
	who
}

fn worker<T: Config>(index: u32) -> T::AccountId {
	account("worker", index, 0)
}

fn signed<T: Config>(who: T::AccountId) -> T::RuntimeOrigin {
	RawOrigin::Signed(who).into()
}

/// A registered operator with a bond for all slots. Returns its owner.
fn operator<T: Config>(index: u32) -> T::AccountId {
	let owner = funded::<T>("owner", index);
	let bond = Pallet::<T>::bond_of_slots(T::MaxSlotsPerOperator::get());
	Pallet::<T>::do_register_operator(owner.clone(), worker::<T>(index), bond).expect("a fresh operator");
	owner
}

/// An operator with unproved slots on a model.
fn joined<T: Config>(index: u32, model: ModelId, slots: u32) -> T::AccountId {
	let owner = operator::<T>(index);
	let engine = T::Models::terms(model).expect("the model exists").engine;
	Pallet::<T>::do_join_model(owner.clone(), model, slots, engine, CLASS).expect("the bond covers the slots");
	owner
}

/// An operator with slots in a model's draw.
fn proved<T: Config>(index: u32, model: ModelId, slots: u32) -> T::AccountId {
	let owner = joined::<T>(index, model, slots);
	let golden = T::Models::golden_result(model).expect("the model exists");
	Pallet::<T>::do_prove_engine(owner.clone(), model, golden).expect("the golden result");
	owner
}

/// Operators as a draw finds them.
fn picks<T: Config>(owners: &[T::AccountId]) -> Vec<Pick<T::AccountId>> {
	owners.iter().map(|owner| Pick { operator: owner.clone(), cpu_class: CLASS }).collect()
}

/// The largest input of the benchmark's model: enough work for everybody in the largest split to be paid something, and no
/// more than the operators' bonds cover.
fn input() -> JobInput {
	let bytes = |count: u32| vec![b'x'; count as usize];
	let image = ImageInput {
		prompt: bytes(MAX_PROMPT_BYTES).try_into().expect("at the bound"),
		negative_prompt: bytes(MAX_NEGATIVE_PROMPT_BYTES).try_into().expect("at the bound"),
		width: 64,
		height: 64,
		steps: 20,
		guidance_centi: 250,
	};
	let cell: CellPrompt = bytes(MAX_CELL_BYTES).try_into().expect("at the bound");
	let cells = vec![cell; MAX_CELLS as usize].try_into().expect("at the bound");
	JobInput::SpriteSheet(SpriteSheetInput { image, cells, columns: 4, background_tolerance: 8 })
}

/// An order of a job for `k` seats of a character, where the chain has any.
fn order<T: Config>(requester: &T::AccountId, model: ModelId, k: u32) -> Order<BalanceOf<T>> {
	let character = T::Characters::benchmark_character(requester, NextJobId::<T>::get());
	Order {
		model,
		input: input(),
		k: Some(u8::try_from(k).expect("at most MAX_COMMITTEE")),
		tier: Some(Tier::Creation),
		seed_policy: SeedPolicy::Chain,
		max_fee: BalanceOf::<T>::max_value(),
		purpose: character.map_or(Purpose::Plain, Purpose::Character),
	}
}

/// Has a job pay as many as a split can name, the model's community and the character's apart from each other. All of them
/// can take it.
fn widen<T: Config>(id: JobId) {
	const OF_MODEL: u32 = 1;
	let payees = |name: &'static str, count: u32| -> Vec<_> {
		let share = Permill::from_rational(1, count);
		let pot = (Payee::Pot(X_COMMUNITY, Pot::Auton), share);
		(1..count).map(|index| (Payee::Account(funded::<T>(name, index)), share)).chain([pot]).collect()
	};
	let treasuries = [X_COMMUNITY, OF_MODEL].map(T::Revenue::treasury);
	for account in treasuries.into_iter().chain([T::Revenue::account(X_COMMUNITY, Pot::Auton)]) {
		T::Currency::set_balance(&account, T::Currency::minimum_balance());
	}
	Splits::<T>::mutate(id, |split| {
		let split = split.as_mut().expect("the job is open");
		let character = split.character.as_ref().map_or(0, |of| of.character);
		let of_character = payees("payee of the character", MAX_CHARACTER_PAYEES);
		split.model = payees("payee of the model", MAX_MODEL_PAYEES).try_into().expect("at the bound");
		split.character = Some(CharacterSplit {
			character,
			community: X_COMMUNITY,
			payees: of_character.try_into().expect("at the bound"),
		});
		split.community = Some(OF_MODEL);
	});
}

/// An open job for `k` seats on a model, which turns away as many operators as it can but one, bars somebody, and pays as
/// many as it can.
fn open<T: Config>(model: ModelId, k: u32) -> JobId {
	let requester = funded::<T>("requester", 0);
	let order = order::<T>(&requester, model, k);
	let id = Pallet::<T>::submit(requester, order).expect("a good job");
	widen::<T>(id);
	let turned_away: Vec<_> = (1..MAX_EXCLUDED).map(|index| account("turned away", index, 0)).collect();
	change::<T>(id, |job| {
		job.excluded = turned_away.try_into().expect("below the bound");
		job.barred = Some(account("barred", 0, 0));
	});
	id
}

fn change<T: Config>(id: JobId, change: impl FnOnce(&mut JobOf<T>)) {
	let mut job = Jobs::<T>::get(id).expect("the job is open");
	change(&mut job);
	Jobs::<T>::insert(id, job);
}

fn state<T: Config>(id: JobId) -> JobState<BlockNumberFor<T>> {
	Jobs::<T>::get(id).expect("the job is open").state
}

/// A job whose committee is drawn: the first `k` operators. Seats are given without the draw, which needs randomness that
/// a benchmark's block may not have.
fn assigned<T: Config>(k: u32) -> (JobId, Vec<T::AccountId>) {
	let model = T::Models::benchmark_model();
	let owners: Vec<_> = (0..k).map(|index| proved::<T>(index, model, 1)).collect();
	let id = open::<T>(model, k);
	change::<T>(id, |job| {
		job.seed = Some([7; 32]);
		Pallet::<T>::seat_committee(id, job, picks::<T>(&owners));
	});
	(id, owners)
}

/// A result, one for each `kind`.
fn outcome(kind: u8) -> Outcome {
	Outcome { result: [kind; 32], trace_root: [2; 32], artifact: cid(b"picture") }
}

fn sealed<T: Config>(job: JobId, round: u32, owner: &T::AccountId, outcome: Outcome) -> Digest {
	let Outcome { result, trace_root, artifact } = outcome;
	commitment(job, round, &account_bytes(owner), &Sealed { result, trace_root, artifact, salt: SALT })
}

/// A job whose committee has revealed: seat by seat the `kind` of its outcome.
fn revealed<T: Config>(k: u32, kind: fn(usize) -> u8) -> (JobId, Vec<T::AccountId>) {
	let (id, owners) = assigned::<T>(k);
	for (index, owner) in owners.iter().enumerate() {
		let hash = sealed::<T>(id, 0, owner, outcome(kind(index)));
		Pallet::<T>::do_commit(owner.clone(), id, hash).expect("a seat");
	}
	for (index, owner) in owners.iter().enumerate() {
		Pallet::<T>::do_reveal(id, owner.clone(), outcome(kind(index)), SALT, None).expect("the commitment opens");
	}
	(id, owners)
}

/// Seats an auditor on an agreed job, and returns its owner.
fn auditor<T: Config>(id: JobId, index: u32) -> T::AccountId {
	let model = Jobs::<T>::get(id).expect("the job is open").model;
	let owner = proved::<T>(index, model, 1);
	change::<T>(id, |job| {
		let JobState::Agreed { final_at, .. } = job.state else { panic!("the job is not agreed") };
		let picks = picks::<T>(core::slice::from_ref(&owner));
		for pick in picks {
			let Seat { operator, cpu_class, round, drawn_at, .. } = Pallet::<T>::take_seat(id, job, pick);
			job.auditor = Some(Auditor { operator, cpu_class, round, drawn_at, draw: [8; 32], found: None });
		}
		let deadline = Pallet::<T>::commit_deadline(job.budget);
		Pallet::<T>::set_state(id, job, JobState::Agreed { final_at, audit: Audit::Waiting { deadline } });
	});
	owner
}

/// Seats `n` jurors on a disputed job, operators from number `first` on. They stand for both panels at once.
fn jury<T: Config>(id: JobId, first: u32, n: u32) -> Vec<T::AccountId> {
	let model = Jobs::<T>::get(id).expect("the job is open").model;
	let owners: Vec<_> = (first..first.saturating_add(n)).map(|index| proved::<T>(index, model, 1)).collect();
	let mut jury = Juries::<T>::get(id).expect("a job in dispute");
	(jury.panel, jury.wanted, jury.draw) = (2, u8::try_from(n).expect("at most MAX_JURORS"), [9; 32]);
	change::<T>(id, |job| {
		Pallet::<T>::seat_panel(id, job, &mut jury, picks::<T>(&owners));
	});
	Juries::<T>::insert(id, jury);
	owners
}

/// A job of the largest committee in dispute, with the largest jury.
fn disputed<T: Config>() -> (JobId, Vec<T::AccountId>) {
	let k = T::MaxCommittee::get().into();
	let (id, _) = revealed::<T>(k, |index| if index == 0 { 4 } else { 5 });
	(id, jury::<T>(id, k, MAX_JURORS))
}

/// Has every juror reveal what `of` says, and the verdict due.
fn all_reveal<T: Config>(id: JobId, of: impl Fn(&SeatOf<T>) -> Outcome) {
	Juries::<T>::mutate(id, |jury| {
		for seat in jury.iter_mut().flat_map(|jury| &mut jury.seats) {
			let outcome = of(seat);
			seat.commitment = Some(sealed::<T>(id, seat.round, &seat.operator, outcome));
			seat.revealed = Some(outcome);
		}
	});
	change::<T>(id, |job| Pallet::<T>::open_jury_reveals(id, job));
}

/// An agreed job that waits for the end of the time for challenges only.
fn agreed<T: Config>(k: u32) -> JobId {
	let (id, _) = revealed::<T>(k, |_| 4);
	change::<T>(id, |job| {
		let JobState::Agreed { final_at, .. } = job.state else { panic!("the job is not agreed") };
		Pallet::<T>::set_state(id, job, JobState::Agreed { final_at, audit: Audit::Closed });
	});
	id
}

/// Has a job be final with this output. Returns its number.
fn final_job<T: Config>(purpose: Purpose, modality: Modality, canonical: &[u8]) -> JobId {
	let mut row: ProvenanceOf<T> = ProvenanceRow {
		model: 0,
		requester: account("requester", 0, 0),
		purpose,
		modality,
		engine: [2; 32],
		weights_root: [1; 32],
		input_hash: [3; 32],
		seed: [4; 32],
		result: [0; 32],
		trace_root: [5; 32],
		artifact: cid(b"file"),
		k: 3,
		finalised_at: One::one(),
	};
	row.result = Pallet::<T>::result_of(&row, canonical);
	Provenance::<T>::insert(0, row);
	0
}

fn go_to<T: Config>(block: BlockNumberFor<T>) {
	frame_system::Pallet::<T>::set_block_number(block);
}

#[benchmarks]
mod benches {
	use super::*;

	#[benchmark]
	fn register_operator() {
		let owner = funded::<T>("owner", 0);

		#[extrinsic_call]
		_(RawOrigin::Signed(owner.clone()), worker::<T>(0), T::SlotBond::get());

		assert!(Operators::<T>::contains_key(owner));
	}

	#[benchmark]
	fn set_worker_key() {
		let owner = operator::<T>(0);

		#[extrinsic_call]
		_(RawOrigin::Signed(owner.clone()), worker::<T>(1));

		assert_eq!(WorkerOf::<T>::get(worker::<T>(1)), Some(owner));
	}

	#[benchmark]
	fn bond_more() {
		let owner = operator::<T>(0);
		let before = Operators::<T>::get(&owner).expect("registered").bond;

		#[extrinsic_call]
		_(RawOrigin::Signed(owner.clone()), T::SlotBond::get());

		assert!(Operators::<T>::get(owner).expect("registered").bond > before);
	}

	#[benchmark]
	fn start_unbond() {
		let owner = operator::<T>(0);

		#[extrinsic_call]
		_(RawOrigin::Signed(owner.clone()), T::SlotBond::get());

		assert_eq!(Operators::<T>::get(owner).expect("registered").unbonding, T::SlotBond::get());
	}

	#[benchmark]
	fn withdraw() {
		let owner = operator::<T>(0);
		let bond = Operators::<T>::get(&owner).expect("registered").bond;
		Pallet::<T>::do_start_unbond(owner.clone(), bond).expect("no slots");
		go_to::<T>(Pallet::<T>::after(T::UnbondingPeriod::get()));

		#[extrinsic_call]
		_(RawOrigin::Signed(owner.clone()));

		assert!(!Operators::<T>::contains_key(owner));
	}

	#[benchmark]
	fn join_model() {
		let model = T::Models::benchmark_model();
		let engine = T::Models::terms(model).expect("the model exists").engine;
		let owner = operator::<T>(0);

		#[extrinsic_call]
		_(RawOrigin::Signed(worker::<T>(0)), model, T::MaxSlotsPerOperator::get(), engine, CLASS);

		assert!(Memberships::<T>::contains_key(model, owner));
	}

	#[benchmark]
	fn leave_model(s: Linear<1, { T::MaxSlotsPerOperator::get() }>) {
		let model = T::Models::benchmark_model();
		let owner = proved::<T>(0, model, s);
		// Its slots are all filled from another operator's.
		proved::<T>(1, model, T::MaxSlotsPerOperator::get());

		#[extrinsic_call]
		_(RawOrigin::Signed(owner), model);

		assert_eq!(SlotCount::<T>::get(model), T::MaxSlotsPerOperator::get());
	}

	#[benchmark]
	fn prove_engine(s: Linear<1, { T::MaxSlotsPerOperator::get() }>) {
		let model = T::Models::benchmark_model();
		joined::<T>(0, model, s);
		let golden = T::Models::golden_result(model).expect("the model exists");

		#[extrinsic_call]
		_(RawOrigin::Signed(worker::<T>(0)), model, golden);

		assert_eq!(SlotCount::<T>::get(model), s);
	}

	/// A job of a character, where the chain has any, from which the worker of an operator is barred: nothing that other
	/// pallets order costs more.
	#[benchmark]
	fn submit_job() -> Result<(), BenchmarkError> {
		let model = T::Models::benchmark_model();
		let k = T::MaxCommittee::get().into();
		for index in 0..=k {
			proved::<T>(index, model, 1);
		}
		let requester = funded::<T>("requester", 0);
		let order = order::<T>(&requester, model, k);

		#[block]
		{
			Pallet::<T>::do_submit(requester, order, Some(worker::<T>(k)))?;
		}

		assert!(Jobs::<T>::contains_key(0));
		Ok(())
	}

	#[benchmark]
	fn cancel_job() {
		let model = T::Models::benchmark_model();
		proved::<T>(0, model, 1);
		let job = open::<T>(model, 1);

		#[extrinsic_call]
		_(RawOrigin::Signed(account("requester", 0, 0)), job);

		assert!(!Jobs::<T>::contains_key(job));
	}

	/// The last juror's commitment, with the check that decides whether the call is free.
	#[benchmark]
	fn commit() -> Result<(), BenchmarkError> {
		let (job, jurors) = disputed::<T>();
		let (last, others) = jurors.split_last().expect("a jury");
		let round = Jobs::<T>::get(job).expect("the job is open").round;
		for owner in others {
			Pallet::<T>::do_commit(owner.clone(), job, sealed::<T>(job, round, owner, outcome(4))).expect("a seat");
		}
		let origin = signed::<T>(Operators::<T>::get(last).expect("registered").worker);
		let hash = sealed::<T>(job, round, last, outcome(4));

		#[block]
		{
			assert!(Pallet::<T>::can_commit(&origin, job));
			Pallet::<T>::commit(origin, job, hash)?;
		}

		assert!(matches!(state::<T>(job), JobState::Jury { phase: JuryPhase::Revealing { .. } }));
		Ok(())
	}

	/// The last juror's reveal with the longest opening, and the check that decides whether the call is free.
	#[benchmark]
	fn reveal() -> Result<(), BenchmarkError> {
		let (job, jurors) = disputed::<T>();
		let last = jurors.last().expect("a jury").clone();
		let draw = Juries::<T>::get(job).expect("in dispute").draw;
		let deepest = TraceOpening::deepest(&account_bytes(&last), &draw);
		let (opening, trace_root) = deepest.expect("a run has steps and chunks");
		let found = Outcome { trace_root, ..outcome(4) };
		all_reveal::<T>(job, |_| found);
		Juries::<T>::mutate(job, |jury| {
			let seat = jury.as_mut().and_then(|jury| jury.seats.last_mut()).expect("a jury");
			seat.revealed = None;
		});
		let (origin, opening) = (signed::<T>(funded::<T>("anyone", 0)), Some(Box::new(opening)));

		#[block]
		{
			assert!(Pallet::<T>::can_reveal(job, &last, found, SALT, opening.as_deref()));
			Pallet::<T>::reveal(origin, job, last, found, SALT, opening)?;
		}

		let jury = Juries::<T>::get(job).expect("in dispute");
		assert!(jury.seats.iter().all(|seat| seat.revealed.is_some()));
		Ok(())
	}

	/// Without the job's step, which is counted by itself.
	#[benchmark]
	fn poke() {
		let job = agreed::<T>(T::MaxCommittee::get().into());
		let origin = signed::<T>(funded::<T>("anyone", 0));

		#[block]
		{
			assert!(Pallet::<T>::poke(origin, job).is_err());
		}

		assert!(Jobs::<T>::contains_key(job));
	}

	/// The first seat of a committee whose others have committed, with the check that decides whether the call is free.
	#[benchmark]
	fn decline() -> Result<(), BenchmarkError> {
		let (job, owners) = assigned::<T>(T::MaxCommittee::get().into());
		for owner in owners.iter().skip(1) {
			Pallet::<T>::do_commit(owner.clone(), job, sealed::<T>(job, 0, owner, outcome(4))).expect("a seat");
		}
		let origin = signed::<T>(worker::<T>(0));

		#[block]
		{
			assert!(Pallet::<T>::can_decline(&origin, job));
			Pallet::<T>::decline(origin, job)?;
		}

		assert!(matches!(state::<T>(job), JobState::Committing { fill_at: Some(_), .. }));
		Ok(())
	}

	/// An audit with the longest opening that differs, with the check that decides whether the call is free.
	#[benchmark]
	fn audit() -> Result<(), BenchmarkError> {
		let k = T::MaxCommittee::get().into();
		let (job, _) = revealed::<T>(k, |_| 4);
		let owner = auditor::<T>(job, k);
		let deepest = TraceOpening::deepest(&account_bytes(&owner), &[8; 32]);
		let (opening, trace_root) = deepest.expect("a run has steps and chunks");
		let found = Outcome { trace_root, ..outcome(5) };
		let (origin, opening) = (signed::<T>(worker::<T>(k)), Some(Box::new(opening)));

		#[block]
		{
			assert!(Pallet::<T>::can_audit(&origin, job, found, opening.as_deref()));
			Pallet::<T>::audit(origin, job, found, opening)?;
		}

		assert!(Juries::<T>::contains_key(job));
		Ok(())
	}

	#[benchmark]
	fn challenge() {
		let job = agreed::<T>(T::MaxCommittee::get().into());
		let challenger = funded::<T>("challenger", 0);

		#[extrinsic_call]
		_(RawOrigin::Signed(challenger), job, outcome(5));

		assert!(Juries::<T>::contains_key(job));
	}

	/// A fault of `n` suspects of all classes that turn out to have lied, against as many that did not.
	#[benchmark]
	fn resolve_engine_fault(n: Linear<1, MAX_SUSPECTS>) -> Result<(), BenchmarkError> {
		let model = T::Models::benchmark_model();
		let exposure = T::SlotBond::get();
		let classes = [CpuClass::X86V3, CpuClass::X86V4, CpuClass::Aarch64, CpuClass::Other];
		for class in classes {
			PausedClasses::<T>::insert(model, class, 1);
		}
		let suspects: Vec<_> = (0..n).map(operator::<T>).collect();
		let honest: Vec<_> = (n..n.saturating_mul(2)).map(operator::<T>).collect();
		for suspect in &suspects {
			Operators::<T>::mutate(suspect, |account| {
				if let Some(account) = account {
					account.exposed = exposure;
				}
			});
		}
		let fault = EngineFault {
			model,
			classes: classes.to_vec().try_into().expect("at the bound"),
			exposure,
			suspects: suspects.try_into().expect("within the bound"),
			honest: honest.try_into().expect("within the bound"),
			accuser: Some(funded::<T>("challenger", 0)),
		};
		EngineFaults::<T>::insert(0, fault);
		let origin = T::AdminOrigin::try_successful_origin().map_err(|_| BenchmarkError::Weightless)?;

		#[extrinsic_call]
		_(origin as T::RuntimeOrigin, 0, true);

		assert!(!PausedClasses::<T>::contains_key(model, CLASS));
		Ok(())
	}

	/// The report of an evaluation that nobody waits for. What the registry does with one that it waits for is its own
	/// pallet's to count.
	#[benchmark]
	fn report_evaluation() {
		let (base, candidate) = (2_000_000_000u64, 1_900_000_000u64);
		let canonical = canonical_evaluation(base, candidate);
		let job = final_job::<T>(Purpose::Evaluation, Modality::Evaluation, &canonical);
		OpenEvaluations::<T>::insert(job, ());
		T::EvaluationResults::benchmark_evaluation(job);
		let anyone = funded::<T>("anyone", 0);

		#[extrinsic_call]
		_(RawOrigin::Signed(anyone), job, base, candidate);

		assert!(!OpenEvaluations::<T>::contains_key(job));
	}

	/// The report of a ballot, with what governance does when it is told.
	#[benchmark]
	fn report_ballot() {
		let (decision, reasons) = (Some(-50i8), [6; 32]);
		let canonical = canonical_ballot(decision, &reasons);
		let job = final_job::<T>(Purpose::Ballot, Modality::Ballot, &canonical);
		OpenBallots::<T>::insert(job, ());
		T::BallotResults::benchmark_ballot(job);
		let anyone = funded::<T>("anyone", 0);

		#[extrinsic_call]
		_(RawOrigin::Signed(anyone), job, decision, reasons);

		assert!(!OpenBallots::<T>::contains_key(job));
	}

	/// What governance does when a ballot has failed: the end of a job comes to this besides its own.
	#[benchmark]
	fn ballot_failed() {
		T::BallotResults::benchmark_ballot(0);

		#[block]
		{
			Pallet::<T>::tell_failed(0, Purpose::Ballot);
		}

		assert!(!OpenBallots::<T>::contains_key(0));
	}

	#[benchmark]
	fn agenda_base() {
		let now = Pallet::<T>::after(One::one());
		AgendaCursor::<T>::put(now.saturating_add(One::one()));

		#[block]
		{
			Pallet::<T>::serve_agenda(now);
		}

		assert_eq!(AgendaCursor::<T>::get(), now.saturating_add(One::one()));
	}

	#[benchmark]
	fn agenda_block() {
		let now = Pallet::<T>::after(One::one());
		AgendaCursor::<T>::put(now);

		#[block]
		{
			Pallet::<T>::serve_agenda(now);
		}

		assert_eq!(AgendaCursor::<T>::get(), now.saturating_add(One::one()));
	}

	/// The verdict of a jury on a committee of which every second seat was wrong, after a challenge that was wrong too:
	/// `n` seats are slashed, paid or have a share, and the challenger's bond is divided between the jurors.
	#[benchmark]
	fn agenda_job(n: Linear<3, { MAX_SUSPECTS - 1 }>) {
		let k = n.div_ceil(3).max(n.saturating_sub(MAX_JURORS));
		let job = agreed::<T>(k);
		let challenger = funded::<T>("challenger", 0);
		Pallet::<T>::do_challenge(challenger, job, outcome(6)).expect("an agreed job");
		change::<T>(job, |job| {
			for seat in job.seats.iter_mut().step_by(2) {
				seat.revealed = Some(outcome(5));
			}
		});
		jury::<T>(job, k, n.saturating_sub(k));
		all_reveal::<T>(job, |_| outcome(4));
		let due = state::<T>(job).due();
		go_to::<T>(due);

		#[block]
		{
			Pallet::<T>::serve(job, due);
		}

		assert!(Provenance::<T>::contains_key(job));
	}

	/// Every look meets another operator, whose class of processors is paused, so that none is taken.
	#[benchmark]
	fn agenda_draw(a: Linear<1, { MAX_COMMITTEE.saturating_mul(T::DrawAttemptsPerSeat::get()) }>) {
		let model = T::Models::benchmark_model();
		for index in 0..a {
			proved::<T>(index, model, 1);
		}
		let id = open::<T>(model, 1);
		let job = Jobs::<T>::get(id).expect("the job is open");
		PausedClasses::<T>::insert(model, CLASS, 1);
		let drawn;

		#[block]
		{
			drawn = Pallet::<T>::pick_within(a, &[7; 32], id, &job, None, 1);
		}

		assert_eq!((drawn.0.len(), drawn.1), (0, a));
	}

	/// The entries that such a draw reads, read by themselves among those of `o` operators: what the depth of the state trie
	/// costs.
	#[benchmark(extra)]
	fn read_among_operators(o: Linear<10, 10_000>) {
		let model = T::Models::benchmark_model();
		for index in 0..o {
			proved::<T>(index, model, 1);
		}
		let mut found = 0u32;

		#[block]
		{
			for slot in 0..3 {
				let owner = SlotAt::<T>::get(model, slot).expect("at least ten slots");
				let complete = Operators::<T>::contains_key(&owner) && Memberships::<T>::contains_key(model, &owner);
				found.saturating_accrue(complete.into());
			}
		}

		assert_eq!(found, 3);
	}

	/// A committee of three drawn from `o` operators. Its cost must not depend on them.
	#[benchmark(extra)]
	fn draw_from_operators(o: Linear<10, 10_000>) {
		let model = T::Models::benchmark_model();
		for index in 0..o {
			proved::<T>(index, model, 1);
		}
		let id = open::<T>(model, 3);
		let job = Jobs::<T>::get(id).expect("the job is open");
		let drawn;

		#[block]
		{
			drawn = Pallet::<T>::pick(&[7; 32], id, &job, None, 3);
		}

		assert_eq!(drawn.0.len(), 3);
	}

	/// A job of three seats that becomes final among `o` operators. Its cost must not depend on them.
	#[benchmark(extra)]
	fn settle_among_operators(o: Linear<10, 10_000>) {
		let job = agreed::<T>(3);
		let model = Jobs::<T>::get(job).expect("the job is open").model;
		for index in 3..o {
			proved::<T>(index, model, 1);
		}
		let due = state::<T>(job).due();
		go_to::<T>(due);

		#[block]
		{
			Pallet::<T>::serve(job, due);
		}

		assert!(Provenance::<T>::contains_key(job));
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
