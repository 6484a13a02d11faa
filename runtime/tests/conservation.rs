//! Nothing is made or lost on the real runtime, whatever is done in which order: AUTON, shares, items, money on hold.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use autonomy_primitives::{
	community::{CommunityId, Pot},
	digest::{canonical_evaluation, cid, commitment, result, ResultContext, Sealed},
	fault::{FaultCode, NO_ARTIFACT, NO_TRACE},
	job::{JobInput, Modality, SeedPolicy},
	trace::{TraceBuilder, TraceOpening},
	CharacterId, Digest, JobId,
};
use autonomy_runtime::{
	configs::works::TreasuryAccount, AccountId, Assets, Balance, Balances, BlockNumber, Bonds, Characters, Creations,
	Inference, Market, Models, Nfts, Runtime, RuntimeEvent, RuntimeHoldReason, RuntimeOrigin, System, AUTON, DAYS,
	MICRO_AUTON,
};
use codec::Encode;
use common::*;
use frame_support::{
	assert_ok,
	dispatch::DispatchResultWithPostInfo,
	storage::with_storage_layer,
	traits::{
		fungible::{Inspect, InspectFreeze, InspectHold},
		Get,
	},
	BoundedVec,
};
use pallet_characters::{
	Bounds, CharacterDetails, InteractionBounds, Name, PriceRule, RoundBounds, RoundTerms, SplitBounds, Template,
	TierBounds,
};
use pallet_inference::{Audit, CpuClass, Event, JobOf, JobState, JuryPhase, Outcome, SeatOf, Tier};
use pallet_market::{LicenceKind, LicenceTerms};
use pallet_models::{Candidate, Charter, Contribution, ContributionKind};
use proptest::{
	prelude::*,
	test_runner::{FileFailurePersistence, TestCaseError},
};
use sp_keyring::Sr25519Keyring as Key;
use sp_runtime::{DispatchResult, MultiAddress, Permill};

/// Whoever orders, invests, bonds, buys and sells.
const PEOPLE: [Key; 6] = [Key::Alice, Key::Bob, Key::Charlie, Key::Dave, Key::Eve, Key::Ferdie];
/// Operators on model 0. The first six have another processor than the rest.
const OPERATORS: u8 = 10;
/// First byte of the first operator's account.
const FIRST_OPERATOR: u8 = 101;
/// First byte of the first worker's account.
const FIRST_WORKER: u8 = 151;
/// Most blocks of the steps of one case.
const MAX_BLOCKS: u32 = 300;
/// Held-out losses that operators find who are right.
const LOSSES: (u64, u64) = (200_000_000, 180_000_000);
/// What operators make commitments with.
const SALT: [u8; 32] = [3; 32];

// --- who and what there is ---

fn name(text: &str) -> Name {
	text.as_bytes().to_vec().try_into().expect("short")
}

fn bounds<T>(min: T, default: T, max: T) -> Bounds<T> {
	Bounds { min, default, max }
}

fn template() -> Template<Balance, BlockNumber> {
	let share = |min, default, max| {
		bounds(Permill::from_percent(min), Permill::from_percent(default), Permill::from_percent(max))
	};
	let fan = TierBounds { name: name("Fan"), bonded: bounds(AUTON, AUTON, 10 * AUTON), spent: bounds(0, 0, AUTON) };
	Template {
		name: name("Musician"),
		split: SplitBounds {
			owner: share(20, 40, 70),
			investors: share(0, 20, 50),
			treasury: share(10, 20, 60),
			fans: share(0, 10, 30),
			platform: share(5, 10, 10),
		},
		interaction: InteractionBounds {
			max_message_bytes: bounds(1, 256, 1_024),
			max_reply_tokens: bounds(1, 128, 512),
			temperature_centi: bounds(0, 70, 200),
			price_permille: bounds(1_000, 1_200, 3_000),
		},
		tiers: BoundedVec::truncate_from(vec![fan]),
		advanced_from: bounds(0, 0, 0),
		round: Some(RoundBounds {
			supply: bounds(1, 1_000_000, 1_000_000_000),
			price: bounds(1, AUTON / 1_000_000, AUTON),
			slope: bounds(0, 0, AUTON),
			cap: bounds(1, 1_000_000, 1_000_000_000),
			duration: bounds(1, DAYS, 30 * DAYS),
			promise: share(0, 10, 50),
		}),
		dso: BoundedVec::default(),
	}
}

/// A character that draws with model 0 and sells a million shares.
fn create(origin: RuntimeOrigin) -> DispatchResult {
	let details = CharacterDetails {
		template: 0,
		name: name("Ada"),
		persona: cid(b"Ada"),
		image_model: Some(0),
		language_model: None,
		customisation: Characters::default_customisation(0).expect("the template is there"),
		round: Some(RoundTerms {
			supply: 1_000_000,
			price: PriceRule::Fixed { price: AUTON / 1_000_000 },
			cap: 600_000,
			duration: DAYS,
			promise: Permill::from_percent(10),
		}),
	};
	Characters::create(origin, Box::new(details))
}

fn community_of(character: CharacterId) -> CommunityId {
	Characters::character(character).expect("it is there").info.community
}

fn person(n: u8) -> AccountId {
	account(PEOPLE[usize::from(n) % PEOPLE.len()])
}

fn by(n: u8) -> RuntimeOrigin {
	RuntimeOrigin::signed(person(n))
}

fn operator_account(n: u8) -> AccountId {
	AccountId::new([FIRST_OPERATOR + n; 32])
}

fn worker_account(n: u8) -> AccountId {
	AccountId::new([FIRST_WORKER + n; 32])
}

fn bytes(who: &AccountId) -> &[u8; 32] {
	who.as_ref()
}

fn propose(who: u8, n: u8) -> DispatchResult {
	let candidate =
		Candidate { manifest: cid(&[b'v', n]), weights_root: [50 + n % 100; 32], golden_result: [n.max(1); 32] };
	let contribution = Contribution { kind: ContributionKind::Training, beneficiary: person(who) };
	Models::propose_version(by(who), 0, candidate, Box::new(contribution))
}

/// A model of Alice's with operators and an evaluation under way, and a character each of Eve's and Ferdie's.
fn set_up() {
	next_block();
	register_model();
	for n in 0..OPERATORS {
		let (owner, worker) = (operator_account(n), worker_account(n));
		let to = MultiAddress::Id(owner.clone());
		assert_ok!(Balances::transfer_allow_death(signed(Key::Alice), to, 2_000 * AUTON));
		let class = if n < 6 { CpuClass::X86V3 } else { CpuClass::Aarch64 };
		let origin = || RuntimeOrigin::signed(owner.clone());
		assert_ok!(Inference::register_operator(origin(), worker.clone(), 1_000 * AUTON));
		assert_ok!(Inference::join_model(origin(), 0, 1, ENGINE, class));
		assert_ok!(Inference::prove_engine(RuntimeOrigin::signed(worker), 0, GOLDEN));
	}
	let charter = Charter {
		accept_at_gain: Some(Permill::from_percent(5)),
		evaluation_set: Some(cid(b"held out")),
		..Charter::default()
	};
	assert_ok!(Models::set_charter(signed(Key::Alice), 0, charter));
	assert_ok!(Characters::set_template(RuntimeOrigin::root(), None, Box::new(template())));
	assert_ok!(create(signed(Key::Eve)));
	assert_ok!(create(signed(Key::Ferdie)));
	assert_ok!(propose(1, 0));
	assert_ok!(Models::evaluate(signed(Key::Bob), 0));
}

// --- operators ---

/// What operators find in a job.
#[derive(Clone, Copy, Debug)]
enum Finding {
	/// What is right.
	Right,
	/// The same, but something else.
	Wrong,
	/// What is right, but for one kind of processor.
	ByClass,
	/// Each what its account says.
	Chaos,
	/// A fault in the input.
	Fault,
}

/// The states of a run. They decide what a trace can be opened to.
fn states(run: u8) -> Vec<Vec<u8>> {
	vec![vec![run; 1_500]; 3]
}

fn trace_root(run: u8) -> Digest {
	let mut trace = TraceBuilder::default();
	states(run).iter().for_each(|state| trace.push(state));
	trace.root()
}

/// What comes of a run of a job, the first of which is right.
fn outcome(id: JobId, job: &JobOf<Runtime>, run: u8) -> Outcome {
	let found = match &job.input {
		JobInput::Evaluation(_) => {
			let context = ResultContext {
				genesis: System::block_hash(0).0,
				model_root: job.weights_root,
				engine: job.engine,
				input_hash: job.input_hash,
				seed: job.seed.unwrap_or_default(),
				modality: Modality::Evaluation,
			};
			result(&context, &canonical_evaluation(LOSSES.0, LOSSES.1 - 1 + u64::from(run)))
		}
		_ => sp_io::hashing::blake2_256(&(id, run).encode()),
	};
	Outcome { result: found, trace_root: trace_root(run), artifact: cid(b"png") }
}

/// What an operator finds, and in which run.
fn find(id: JobId, job: &JobOf<Runtime>, found: Finding, who: &AccountId, class: CpuClass) -> (Outcome, u8) {
	let run = match found {
		Finding::Right => 1,
		Finding::Wrong => 2,
		Finding::ByClass => 1 + u8::from(class == CpuClass::Aarch64),
		Finding::Chaos => 1 + bytes(who)[0] % 3,
		Finding::Fault => {
			let result = FaultCode::InputRejected.digest();
			return (Outcome { result, trace_root: NO_TRACE, artifact: NO_ARTIFACT }, 0);
		}
	};
	(outcome(id, job, run), run)
}

fn opening(run: u8, who: &AccountId, draw: &Digest) -> Option<Box<TraceOpening>> {
	TraceOpening::new(&states(run), bytes(who), draw).map(Box::new)
}

/// Seats that a job waits for: those of its jury, or of its committee.
fn seats(id: JobId, job: &JobOf<Runtime>) -> Vec<SeatOf<Runtime>> {
	match pallet_inference::Juries::<Runtime>::get(id) {
		Some(jury) => jury.seats.iter().skip(usize::from(jury.first)).cloned().collect(),
		None => job.seats.to_vec(),
	}
}

fn worker_of(operator: &AccountId) -> RuntimeOrigin {
	let operator = pallet_inference::Operators::<Runtime>::get(operator).expect("a seat has an operator");
	RuntimeOrigin::signed(operator.worker)
}

/// Numbers of the jobs that have not ended.
fn open_jobs() -> Vec<JobId> {
	let mut jobs: Vec<_> = pallet_inference::Jobs::<Runtime>::iter_keys().collect();
	jobs.sort_unstable();
	jobs
}

/// What a case remembers.
#[derive(Default)]
struct Book {
	/// What operators have committed to, and the run that it comes from.
	sealed: BTreeMap<(JobId, AccountId), (Outcome, u8)>,
	/// Blocks that steps have run.
	blocks: u32,
	/// What events say was burned, in planck.
	burned: Balance,
}

impl Book {
	/// Does something, and compares what is there with what events say was burned by it.
	fn watch<R>(&mut self, of_new_block: bool, run: impl FnOnce(&mut Self) -> R) -> Result<R, TestCaseError> {
		let seen = if of_new_block { 0 } else { System::events().len() };
		let before = Balances::total_issuance();
		let done = run(self);
		let events = System::events().into_iter().skip(seen);
		let burned: Balance = events.map(|record| burned_by(&record.event)).sum();
		self.burned += burned;
		let after = Balances::total_issuance();
		prop_assert_eq!(before.checked_sub(after), Some(burned), "what was burned is not what events say");
		Ok(done)
	}

	fn next_block(&mut self) -> Result<(), TestCaseError> {
		self.watch(true, |_| next_block())
	}

	/// Sends a call as a transaction would be.
	fn send(&mut self, call: impl FnOnce() -> DispatchResult) -> Result<DispatchResult, TestCaseError> {
		self.watch(false, |_| with_storage_layer(call))
	}

	/// Each operator that a job waits for does its part, but for those whose bit of `asleep` is set.
	fn work(&mut self, id: JobId, found: Finding, asleep: u16) {
		let Some(job) = pallet_inference::Jobs::<Runtime>::get(id) else { return };
		let awake = |who: &AccountId| asleep & (1u16 << (bytes(who)[0] - FIRST_OPERATOR)) == 0;
		match job.state {
			JobState::Committing { .. } | JobState::Jury { phase: JuryPhase::Committing { .. } } => {
				for seat in seats(id, &job).into_iter().filter(|seat| awake(&seat.operator)) {
					let (outcome, run) = find(id, &job, found, &seat.operator, seat.cpu_class);
					let Outcome { result, trace_root, artifact } = outcome;
					let sealed = Sealed { result, trace_root, artifact, salt: SALT };
					let hash = commitment(id, seat.round, bytes(&seat.operator), &sealed);
					let done = with_storage_layer(|| Inference::commit(worker_of(&seat.operator), id, hash));
					if done.is_ok() {
						self.sealed.insert((id, seat.operator), (outcome, run));
					}
				}
			}
			JobState::Revealing { .. } | JobState::Jury { phase: JuryPhase::Revealing { .. } } => {
				let draw = pallet_inference::Juries::<Runtime>::get(id).map(|jury| jury.draw);
				for operator in seats(id, &job).into_iter().map(|seat| seat.operator).filter(awake) {
					let Some((outcome, run)) = self.sealed.get(&(id, operator.clone())).copied() else { continue };
					let opening = draw.and_then(|draw| opening(run, &operator, &draw));
					let _ = with_storage_layer(|| Inference::reveal(by(0), id, operator, outcome, SALT, opening));
				}
			}
			JobState::Agreed { audit: Audit::Waiting { .. }, .. } => {
				let Some(auditor) = job.auditor.clone().filter(|auditor| awake(&auditor.operator)) else { return };
				let (outcome, run) = find(id, &job, found, &auditor.operator, auditor.cpu_class);
				let opening = opening(run, &auditor.operator, &auditor.draw);
				let _ = with_storage_layer(|| Inference::audit(worker_of(&auditor.operator), id, outcome, opening));
			}
			_ => (),
		}
	}

	/// Runs blocks, with operators that are right, until every job has ended.
	fn finish_jobs(&mut self) -> Result<(), TestCaseError> {
		for _ in 0..1_000 {
			let jobs = open_jobs();
			if jobs.is_empty() {
				return Ok(());
			}
			self.watch(false, |book| jobs.into_iter().for_each(|id| book.work(id, Finding::Right, 0)))?;
			self.next_block()?;
		}
		Err(TestCaseError::fail(format!("jobs that never end: {:?}", open_jobs())))
	}
}

/// What an event says was burned, in planck.
fn burned_by(event: &RuntimeEvent) -> Balance {
	match event {
		RuntimeEvent::Inference(
			Event::JobFinalised { burned, .. }
			| Event::InputFaultPaid { burned, .. }
			| Event::SlashShared { burned, .. }
			| Event::ChallengeEnded { burned, .. },
		) => *burned,
		RuntimeEvent::Inference(Event::SeatMissed { penalty, .. }) => *penalty,
		RuntimeEvent::Characters(pallet_characters::Event::CharacterCreated { burned, .. }) => *burned,
		_ => 0,
	}
}

// --- steps ---

#[derive(Clone, Debug)]
enum Step {
	Order { who: u8, character: u8 },
	Submit { who: u8, creation: bool },
	Cancel { job: u8 },
	Decline { job: u8, seat: u8 },
	Challenge { who: u8, job: u8, run: u8 },
	Resolve { guilty: bool },
	Report,
	Work { found: Finding, asleep: u16, passes: u8 },
	Prove,
	Blocks { count: u32 },
	Create { who: u8 },
	Invest { who: u8, character: u8, shares: u128 },
	Bond { who: u8, place: u8, amount: u128, tier: u8 },
	Unbond { who: u8, bond: u8, part: u128 },
	Withdraw { who: u8, bond: u8 },
	Claim { who: u8, bond: u8 },
	Join { who: u8, character: u8 },
	Leave { who: u8, character: u8 },
	Mint { job: u8, percent: u32 },
	Burn { work: u8 },
	List { item: u8, price: u128, blocks: Option<u32> },
	CancelListing { listing: u8 },
	Buy { who: u8, listing: u8 },
	Offer { who: u8, item: u8, amount: u128 },
	CancelOffer { offer: u8 },
	Accept { offer: u8 },
	Start { item: u8, reserve: u128 },
	CancelAuction { auction: u8 },
	Bid { who: u8, auction: u8, amount: u128 },
	Settle { auction: u8 },
	Terms { price: Option<u128> },
	BuyLicence { who: u8, perpetual: bool },
	Propose { who: u8, n: u8 },
	Evaluate { who: u8, proposal: u8 },
	AcceptVersion { proposal: u8 },
	WithdrawVersion { proposal: u8 },
	ClaimVested { contribution: u8 },
	TransferItem { item: u8, to: u8 },
	TransferShares { who: u8, asset: u8, to: u8, amount: u128 },
}

fn step() -> impl Strategy<Value = Step> {
	let (who, any_of) = (|| 0u8..6, any::<u8>);
	let price =
		|| prop_oneof![1 => 0..AUTON / 50, 8 => AUTON / 50..100 * AUTON, 1 => 999_000 * AUTON..2_000_000 * AUTON];
	let found = prop_oneof![
		12 => Just(Finding::Right),
		2 => Just(Finding::Wrong),
		2 => Just(Finding::ByClass),
		3 => Just(Finding::Chaos),
		1 => Just(Finding::Fault),
	];
	let asleep = prop_oneof![5 => Just(0u16), 1 => any::<u16>()];
	let jobs = prop_oneof![
		8 => (who(), any_of()).prop_map(|(who, character)| Step::Order { who, character }),
		3 => (who(), any::<bool>()).prop_map(|(who, creation)| Step::Submit { who, creation }),
		1 => any_of().prop_map(|job| Step::Cancel { job }),
		1 => (any_of(), any_of()).prop_map(|(job, seat)| Step::Decline { job, seat }),
		2 => (who(), any_of(), 1u8..4).prop_map(|(who, job, run)| Step::Challenge { who, job, run }),
		1 => any::<bool>().prop_map(|guilty| Step::Resolve { guilty }),
		1 => Just(Step::Report),
		10 => (found, asleep, 1u8..3).prop_map(|(found, asleep, passes)| Step::Work { found, asleep, passes }),
		1 => Just(Step::Prove),
		10 => prop_oneof![6 => 1u32..5, 2 => 10u32..30, 2 => 50u32..60].prop_map(|count| Step::Blocks { count }),
	];
	let shares = prop_oneof![
		1 => who().prop_map(|who| Step::Create { who }),
		4 => (who(), any_of(), 0u128..700_000)
			.prop_map(|(who, character, shares)| Step::Invest { who, character, shares }),
		6 => (who(), any_of(), prop_oneof![0u128..500_000, AUTON..1_000 * AUTON], any_of())
			.prop_map(|(who, place, amount, tier)| Step::Bond { who, place, amount, tier }),
		3 => (who(), any_of(), 1u128..4).prop_map(|(who, bond, part)| Step::Unbond { who, bond, part }),
		1 => (who(), any_of()).prop_map(|(who, bond)| Step::Withdraw { who, bond }),
		4 => (who(), any_of()).prop_map(|(who, bond)| Step::Claim { who, bond }),
		2 => (who(), any_of()).prop_map(|(who, character)| Step::Join { who, character }),
		1 => (who(), any_of()).prop_map(|(who, character)| Step::Leave { who, character }),
		2 => (who(), any_of(), who(), 0u128..500_000)
			.prop_map(|(who, asset, to, amount)| Step::TransferShares { who, asset, to, amount }),
	];
	let market = prop_oneof![
		5 => (any_of(), 0u32..12).prop_map(|(job, percent)| Step::Mint { job, percent }),
		1 => any_of().prop_map(|work| Step::Burn { work }),
		4 => (any_of(), price(), prop::option::of(1u32..100))
			.prop_map(|(item, price, blocks)| Step::List { item, price, blocks }),
		1 => any_of().prop_map(|listing| Step::CancelListing { listing }),
		4 => (who(), any_of()).prop_map(|(who, listing)| Step::Buy { who, listing }),
		3 => (who(), any_of(), price()).prop_map(|(who, item, amount)| Step::Offer { who, item, amount }),
		1 => any_of().prop_map(|offer| Step::CancelOffer { offer }),
		3 => any_of().prop_map(|offer| Step::Accept { offer }),
		3 => (any_of(), price()).prop_map(|(item, reserve)| Step::Start { item, reserve }),
		1 => any_of().prop_map(|auction| Step::CancelAuction { auction }),
		5 => (who(), any_of(), price()).prop_map(|(who, auction, amount)| Step::Bid { who, auction, amount }),
		2 => any_of().prop_map(|auction| Step::Settle { auction }),
		2 => (any_of(), who()).prop_map(|(item, to)| Step::TransferItem { item, to }),
	];
	let models = prop_oneof![
		3 => prop::option::weighted(0.4, price()).prop_map(|price| Step::Terms { price }),
		3 => (who(), any::<bool>()).prop_map(|(who, perpetual)| Step::BuyLicence { who, perpetual }),
		2 => (who(), any_of()).prop_map(|(who, n)| Step::Propose { who, n }),
		2 => (who(), any_of()).prop_map(|(who, proposal)| Step::Evaluate { who, proposal }),
		1 => any_of().prop_map(|proposal| Step::AcceptVersion { proposal }),
		1 => any_of().prop_map(|proposal| Step::WithdrawVersion { proposal }),
		2 => any_of().prop_map(|contribution| Step::ClaimVested { contribution }),
	];
	prop_oneof![5 => jobs, 3 => shares, 3 => market, 1 => models]
}

fn post(done: DispatchResultWithPostInfo) -> DispatchResult {
	done.map(|_| ()).map_err(|error| error.error)
}

/// One of those that there are.
fn pick<T: Ord>(n: u8, all: impl Iterator<Item = T>) -> Option<T> {
	let mut all: Vec<_> = all.collect();
	all.sort_unstable();
	let index = usize::from(n).checked_rem(all.len())?;
	all.into_iter().nth(index)
}

fn pick_character(n: u8) -> CharacterId {
	u32::from(n) % pallet_characters::NextCharacterId::<Runtime>::get().max(1)
}

fn pick_item(n: u8) -> Option<(u32, u32)> {
	pick(n, pallet_nfts::Item::<Runtime>::iter_keys())
}

/// The account that an item belongs to, to sign with.
fn owner_of((collection, item): (u32, u32)) -> RuntimeOrigin {
	RuntimeOrigin::signed(Nfts::owner(collection, item).expect("the item is there"))
}

fn model_owner() -> RuntimeOrigin {
	RuntimeOrigin::signed(Models::owner(0).expect("the model is there"))
}

/// One of the pots that an account has bonded into.
fn pick_bond(who: u8, n: u8) -> Option<(CommunityId, Pot)> {
	let bonds = Bonds::portfolio(person(who));
	let index = usize::from(n).checked_rem(bonds.len())?;
	bonds.get(index).map(|bond| (bond.community, bond.pot))
}

/// Sends the call of a step. Nothing when there is nothing that it could be about.
fn call(step: &Step) -> Option<DispatchResult> {
	let now = System::block_number();
	let all_jobs = || open_jobs().into_iter();
	Some(match *step {
		// These are no single calls.
		Step::Work { .. } | Step::Prove | Step::Blocks { .. } => return None,
		Step::Order { who, character } => {
			let input = Box::new(picture("a blue star"));
			Characters::order(by(who), pick_character(character), input, 10 * AUTON)
		}
		Step::Submit { who, creation } => {
			let (input, tier) = (Box::new(picture("a red ring")), creation.then_some(Tier::Creation));
			Inference::submit_job(by(who), 0, input, None, tier, SeedPolicy::Chain, 10 * AUTON)
		}
		Step::Cancel { job } => {
			let id = pick(job, all_jobs())?;
			let requester = pallet_inference::Jobs::<Runtime>::get(id)?.requester;
			Inference::cancel_job(RuntimeOrigin::signed(requester), id)
		}
		Step::Decline { job, seat } => {
			let id = pick(job, all_jobs())?;
			let seats = pallet_inference::Jobs::<Runtime>::get(id)?.seats;
			let operator = pick(seat, seats.iter().map(|seat| seat.operator.clone()))?;
			Inference::decline(worker_of(&operator), id)
		}
		Step::Challenge { who, job, run } => {
			let id = pick(job, all_jobs())?;
			let outcome = outcome(id, &pallet_inference::Jobs::<Runtime>::get(id)?, run);
			Inference::challenge(by(who), id, outcome)
		}
		Step::Resolve { guilty } => {
			let job = pallet_inference::EngineFaults::<Runtime>::iter_keys().next()?;
			post(Inference::resolve_engine_fault(RuntimeOrigin::root(), job, guilty))
		}
		Step::Report => {
			let job = pallet_inference::OpenEvaluations::<Runtime>::iter_keys().next()?;
			post(Inference::report_evaluation(by(0), job, LOSSES.0, LOSSES.1))
		}
		Step::Create { who } => create(by(who)),
		Step::Invest { who, character, shares } => {
			Characters::invest(by(who), pick_character(character), shares, Balance::MAX)
		}
		Step::Bond { who, place, amount, tier } => {
			let communities = pallet_bonds::Communities::<Runtime>::iter_keys();
			let (community, is_auton) = pick(place, communities.flat_map(|id| [(id, false), (id, true)]))?;
			let pot = if is_auton { Pot::Auton } else { Pot::Shares };
			let tier = pallet_bonds::Tier::ALL[usize::from(tier) % 4];
			Bonds::bond(by(who), community, pot, amount, tier)
		}
		Step::Unbond { who, bond, part } => {
			let (community, pot) = pick_bond(who, bond)?;
			let amounts = Bonds::bond_of(person(who), community, pot)?.amounts;
			let tier = pallet_bonds::Tier::ALL.into_iter().find(|tier| amounts.of(*tier) > 0)?;
			Bonds::unbond(by(who), community, pot, tier, amounts.of(tier) / part)
		}
		Step::Withdraw { who, bond } => {
			let (community, pot) = pick_bond(who, bond)?;
			Bonds::withdraw(by(who), community, pot)
		}
		Step::Claim { who, bond } => {
			let (community, pot) = pick_bond(who, bond)?;
			Bonds::claim(by(who), community, pot)
		}
		Step::Join { who, character } => Characters::join(by(who), pick_character(character)),
		Step::Leave { who, character } => Characters::leave(by(who), pick_character(character)),
		Step::Mint { job, percent } => {
			let id = pick(job, pallet_inference::Provenance::<Runtime>::iter_keys())?;
			let requester = RuntimeOrigin::signed(Inference::provenance(id)?.requester);
			let name = b"Star".to_vec().try_into().expect("short");
			Creations::mint(requester, id, None, name, Permill::from_percent(percent))
		}
		Step::Burn { work } => {
			let works = pallet_creations::Creations::<Runtime>::iter_keys();
			let (collection, item) = pick(work, works)?;
			Creations::burn(owner_of((collection, item)), collection, item)
		}
		Step::List { item, price, blocks } => {
			let (collection, item) = pick_item(item)?;
			Market::list(owner_of((collection, item)), collection, item, price, blocks.map(|blocks| now + blocks))
		}
		Step::CancelListing { listing } => {
			let id = pick(listing, pallet_market::Listings::<Runtime>::iter_keys())?;
			post(Market::cancel_listing(RuntimeOrigin::signed(Market::listing(id)?.seller), id))
		}
		Step::Buy { who, listing } => {
			let id = pick(listing, pallet_market::Listings::<Runtime>::iter_keys())?;
			post(Market::buy(by(who), id, Balance::MAX))
		}
		Step::Offer { who, item, amount } => {
			let (collection, item) = pick_item(item)?;
			Market::make_offer(by(who), collection, item, amount, now + 100)
		}
		Step::CancelOffer { offer } => {
			let (collection, item, bidder) = pick(offer, pallet_market::Offers::<Runtime>::iter_keys())?;
			Market::cancel_offer(RuntimeOrigin::signed(bidder), collection, item)
		}
		Step::Accept { offer } => {
			let (collection, item, bidder) = pick(offer, pallet_market::Offers::<Runtime>::iter_keys())?;
			let owner = RuntimeOrigin::signed(Nfts::owner(collection, item)?);
			post(Market::accept_offer(owner, collection, item, bidder, 0))
		}
		Step::Start { item, reserve } => {
			let (collection, item) = pick_item(item)?;
			Market::start_auction(owner_of((collection, item)), collection, item, reserve, 50, 100)
		}
		Step::CancelAuction { auction } => {
			let id = pick(auction, pallet_market::Auctions::<Runtime>::iter_keys())?;
			Market::cancel_auction(RuntimeOrigin::signed(Market::auction(id)?.auction.seller), id)
		}
		Step::Bid { who, auction, amount } => {
			let id = pick(auction, pallet_market::Auctions::<Runtime>::iter_keys())?;
			Market::bid(by(who), id, amount)
		}
		Step::Settle { auction } => {
			let id = pick(auction, pallet_market::Auctions::<Runtime>::iter_keys())?;
			post(Market::settle_auction(by(0), id))
		}
		Step::Terms { price } => {
			let terms = price.map(|price| LicenceTerms { per_period: Some(price), period: 50, perpetual: Some(price) });
			Market::set_licence_terms(model_owner(), 0, terms)
		}
		Step::BuyLicence { who, perpetual } => {
			let kind = if perpetual { LicenceKind::Perpetual } else { LicenceKind::Period };
			post(Market::buy_licence(by(who), 0, kind, Balance::MAX))
		}
		Step::Propose { who, n } => propose(who, n),
		Step::Evaluate { who, proposal } => {
			Models::evaluate(by(who), pick(proposal, pallet_models::Proposals::<Runtime>::iter_keys())?)
		}
		Step::AcceptVersion { proposal } => {
			Models::accept_version(model_owner(), pick(proposal, pallet_models::Proposals::<Runtime>::iter_keys())?)
		}
		Step::WithdrawVersion { proposal } => {
			let id = pick(proposal, pallet_models::Proposals::<Runtime>::iter_keys())?;
			let proposer = pallet_models::Proposals::<Runtime>::get(id)?.proposer;
			Models::withdraw_version(RuntimeOrigin::signed(proposer), id)
		}
		Step::ClaimVested { contribution } => {
			let (model, id) = pick(contribution, pallet_models::Contributions::<Runtime>::iter_keys())?;
			let beneficiary = pallet_models::Contributions::<Runtime>::get(model, id)?.beneficiary;
			Models::claim_vested(RuntimeOrigin::signed(beneficiary), model, id)
		}
		Step::TransferItem { item, to } => {
			let (collection, item) = pick_item(item)?;
			Nfts::transfer(owner_of((collection, item)), collection, item, MultiAddress::Id(person(to)))
		}
		Step::TransferShares { who, asset, to, amount } => {
			let asset = pick(asset, pallet_assets::Asset::<Runtime>::iter_keys())?;
			Assets::transfer(by(who), asset.into(), MultiAddress::Id(person(to)), amount)
		}
	})
}

fn apply(step: &Step, book: &mut Book) -> Result<(), TestCaseError> {
	match *step {
		Step::Work { found, asleep, passes } => {
			for _ in 0..passes {
				book.watch(false, |book| open_jobs().into_iter().for_each(|id| book.work(id, found, asleep)))?;
			}
		}
		Step::Prove => prove(book)?,
		Step::Blocks { count } => {
			for _ in 0..count.min(MAX_BLOCKS.saturating_sub(book.blocks)) {
				book.blocks += 1;
				book.next_block()?;
			}
		}
		_ => {
			// Most fail: what is said of them is that they leave no trace.
			let _ = book.send(|| call(step).unwrap_or(Ok(())))?;
		}
	}
	Ok(())
}

/// Every operator proves the present version of the model.
fn prove(book: &mut Book) -> Result<(), TestCaseError> {
	let golden = pallet_models::Models::<Runtime>::get(0).expect("the model is there").golden_result;
	for n in 0..OPERATORS {
		let worker = RuntimeOrigin::signed(worker_account(n));
		let _ = book.send(|| post(Inference::prove_engine(worker, 0, golden)))?;
	}
	Ok(())
}

// --- what always holds ---

/// All that accounts have is what was issued.
fn check_money() -> Result<(), TestCaseError> {
	let accounts = frame_system::Account::<Runtime>::iter_values();
	let sum: Balance = accounts.map(|account| account.data.free + account.data.reserved).sum();
	prop_assert_eq!(sum, Balances::total_issuance(), "accounts do not have what was issued");
	Ok(())
}

/// Shares are those that were sold or have vested, at most as many as there can be, and accounts have all of them.
fn check_shares() -> Result<(), TestCaseError> {
	let mut issued = BTreeMap::new();
	for (_, round) in pallet_characters::Rounds::<Runtime>::iter() {
		issued.insert(round.shares, (round.sold, round.terms.supply));
	}
	let cap: u128 = <<Runtime as pallet_models::Config>::ShareCap as Get<u128>>::get();
	for (_, state) in pallet_models::ModelStates::<Runtime>::iter() {
		if let Some(asset) = state.shares {
			prop_assert!(state.issued <= state.granted);
			issued.insert(asset, (state.issued, cap));
		}
	}
	for (asset, details) in pallet_assets::Asset::<Runtime>::iter() {
		let balances = pallet_assets::Account::<Runtime>::iter_prefix_values(asset).map(|account| account.balance);
		let sum: Balance = balances.sum();
		let (sold, cap) = issued.remove(&asset).unwrap_or_default();
		prop_assert_eq!((sum, details.supply), (sold, sold), "asset {}", asset);
		prop_assert!(sold <= cap, "asset {}: {} of {}", asset, sold, cap);
	}
	prop_assert!(issued.is_empty(), "shares without an asset: {:?}", issued);
	Ok(())
}

/// What accounts have frozen is what they have bonded and what is unbonding, of shares and of AUTON.
fn check_bonds() -> Result<(), TestCaseError> {
	let mut shares: BTreeMap<(u32, AccountId), Balance> = BTreeMap::new();
	let mut auton: BTreeMap<AccountId, Balance> = BTreeMap::new();
	for ((community, pot, who), bond) in pallet_bonds::Bonds::<Runtime>::iter() {
		let unbonding = Bonds::unbonding_of(who.clone(), community, pot);
		let sum = bond.amounts.sum() + unbonding.iter().map(|chunk| chunk.amount).sum::<Balance>();
		match pot {
			Pot::Auton => *auton.entry(who).or_default() += sum,
			Pot::Shares => {
				let asset = Bonds::community(community).and_then(|info| info.shares);
				prop_assert!(asset.is_some(), "bonded shares of community {} without any", community);
				*shares.entry((asset.unwrap_or_default(), who)).or_default() += sum;
			}
		}
	}
	let frozen = pallet_assets_freezer::FrozenBalances::<Runtime>::iter();
	let frozen: BTreeMap<_, _> =
		frozen.filter(|(.., amount)| *amount > 0).map(|(asset, who, amount)| ((asset, who), amount)).collect();
	for ((asset, who), amount) in &frozen {
		prop_assert!(*amount <= Assets::balance(*asset, who), "more of asset {} is frozen than there is", asset);
	}
	shares.retain(|_, amount| *amount > 0);
	prop_assert_eq!(frozen, shares, "frozen shares are not the bonded ones");
	for who in PEOPLE.map(account) {
		let reason = pallet_bonds::FreezeReason::Bond.into();
		let frozen = <Balances as InspectFreeze<AccountId>>::balance_frozen(&reason, &who);
		prop_assert_eq!(frozen, auton.remove(&who).unwrap_or(0), "frozen AUTON is not the bonded one");
	}
	prop_assert!(auton.is_empty(), "bonds of others: {:?}", auton);
	Ok(())
}

/// Every model, character and work is there once, and belongs to one of the people.
fn check_items() -> Result<(), TestCaseError> {
	let models = pallet_models::Collection::<Runtime>::get().expect("there from genesis");
	let characters = pallet_characters::Collection::<Runtime>::get().expect("there from genesis");
	let mut expected: BTreeSet<(u32, u32)> = pallet_creations::Creations::<Runtime>::iter_keys().collect();
	expected.extend((0..pallet_models::NextModelId::<Runtime>::get()).map(|id| (models, id)));
	expected.extend((0..pallet_characters::NextCharacterId::<Runtime>::get()).map(|id| (characters, id)));
	let there: BTreeSet<(u32, u32)> = pallet_nfts::Item::<Runtime>::iter_keys().collect();
	prop_assert_eq!(&there, &expected, "an item is lost, or there is one too many");
	let people = PEOPLE.map(account);
	for (collection, item) in there {
		let owner = Nfts::owner(collection, item);
		prop_assert!(owner.as_ref().is_some_and(|owner| people.contains(owner)), "{} {} is lost", collection, item);
	}
	Ok(())
}

fn check() -> Result<(), TestCaseError> {
	check_money()?;
	check_shares()?;
	check_bonds()?;
	check_items()
}

/// Nobody has anything on hold for one of these reasons.
fn check_nothing_held(reasons: &[RuntimeHoldReason]) -> Result<(), TestCaseError> {
	for (who, holds) in pallet_balances::Holds::<Runtime>::iter() {
		let left = holds.iter().find(|hold| reasons.contains(&hold.id) && hold.amount > 0);
		prop_assert!(left.is_none(), "{:?} has {:?} on hold", who, left);
	}
	Ok(())
}

/// What each of our pallets says of its own state.
#[cfg(feature = "try-runtime")]
fn try_state() -> Result<(), TestCaseError> {
	use frame_support::traits::Hooks;
	let now = System::block_number();
	let pallets = [
		("models", <Models as Hooks<BlockNumber>>::try_state(now)),
		("inference", <Inference as Hooks<BlockNumber>>::try_state(now)),
		("bonds", <Bonds as Hooks<BlockNumber>>::try_state(now)),
		("characters", <Characters as Hooks<BlockNumber>>::try_state(now)),
		("creations", <Creations as Hooks<BlockNumber>>::try_state(now)),
		("market", <Market as Hooks<BlockNumber>>::try_state(now)),
	];
	for (name, found) in pallets {
		prop_assert_eq!(found, Ok(()), "{}", name);
	}
	Ok(())
}

/// The pallets' own checks are built with the feature only.
#[cfg(not(feature = "try-runtime"))]
fn try_state() -> Result<(), TestCaseError> {
	Ok(())
}

/// Everybody unbonds, waits, and takes all that is due: bonds, revenue, vested shares, what is on sale, bids, offers.
fn leave_all(book: &mut Book) -> Result<(), TestCaseError> {
	for n in 0..6 {
		for bond in Bonds::portfolio(person(n)) {
			for tier in pallet_bonds::Tier::ALL.into_iter().filter(|tier| bond.amounts.of(*tier) > 0) {
				let amount = bond.amounts.of(tier);
				let done = book.send(|| Bonds::unbond(by(n), bond.community, bond.pot, tier, amount))?;
				prop_assert_eq!(done, Ok(()), "unbonding of {:?}", bond);
			}
		}
	}
	// No block begins any more, so that no hook has to make up for the days between.
	System::set_block_number(System::block_number() + 170 * DAYS);
	let contributions: Vec<_> = pallet_models::Contributions::<Runtime>::iter().collect();
	for (model, id, info) in contributions.into_iter().filter(|(.., info)| info.claimed < info.granted) {
		let origin = RuntimeOrigin::signed(info.beneficiary);
		prop_assert_eq!(book.send(|| Models::claim_vested(origin, model, id))?, Ok(()), "contribution {}", id);
	}
	for (_, state) in pallet_models::ModelStates::<Runtime>::iter() {
		prop_assert_eq!(state.issued, state.granted, "all of the shares have vested");
	}
	for n in 0..6 {
		for bond in Bonds::portfolio(person(n)) {
			let (community, pot) = (bond.community, bond.pot);
			if !bond.unbonding.is_empty() {
				prop_assert_eq!(book.send(|| Bonds::withdraw(by(n), community, pot))?, Ok(()), "{:?}", bond);
			}
			if bond.claimable > 0 {
				prop_assert_eq!(book.send(|| Bonds::claim(by(n), community, pot))?, Ok(()), "{:?}", bond);
			}
		}
		prop_assert!(Bonds::portfolio(person(n)).is_empty(), "{} cannot leave", person(n));
	}
	let auctions: Vec<_> = pallet_market::Auctions::<Runtime>::iter_keys().collect();
	for id in auctions {
		let done = book.send(|| post(Market::settle_auction(by(0), id)))?;
		prop_assert_eq!(done, Ok(()), "auction {}", id);
	}
	let listings: Vec<_> = pallet_market::Listings::<Runtime>::iter().collect();
	for (id, listing) in listings {
		let origin = RuntimeOrigin::signed(listing.seller);
		prop_assert_eq!(book.send(|| post(Market::cancel_listing(origin, id)))?, Ok(()), "listing {}", id);
	}
	let offers: Vec<_> = pallet_market::Offers::<Runtime>::iter_keys().collect();
	for (collection, item, bidder) in offers {
		let origin = RuntimeOrigin::signed(bidder);
		let done = book.send(|| Market::cancel_offer(origin, collection, item))?;
		prop_assert_eq!(done, Ok(()), "an offer for {} {}", collection, item);
	}
	Ok(())
}

fn play(steps: &[Step]) -> Result<(), TestCaseError> {
	set_up();
	let (mut book, issuance) = (Book::default(), Balances::total_issuance());
	check()?;
	for step in steps {
		let done = apply(step, &mut book).and_then(|()| check());
		done.map_err(|error| TestCaseError::fail(format!("{step:?}: {error}")))?;
	}
	try_state()?;

	book.finish_jobs()?;
	check()?;
	check_nothing_held(&[
		pallet_inference::HoldReason::JobFee.into(),
		pallet_inference::HoldReason::JobDeposit.into(),
		pallet_inference::HoldReason::Challenge.into(),
		pallet_characters::HoldReason::Surcharge.into(),
	])?;
	prop_assert_eq!(pallet_characters::Talks::<Runtime>::iter_keys().count(), 0);
	let evaluations: Vec<_> = pallet_inference::OpenEvaluations::<Runtime>::iter_keys().collect();
	for id in evaluations {
		// Losses that were not found are refused.
		let _ = book.send(|| post(Inference::report_evaluation(by(0), id, LOSSES.0, LOSSES.1)))?;
	}
	check()?;
	try_state()?;

	leave_all(&mut book)?;
	check()?;
	check_nothing_held(&[pallet_market::HoldReason::Bid.into(), pallet_market::HoldReason::Offer.into()])?;
	try_state()?;
	prop_assert_eq!(issuance - Balances::total_issuance(), book.burned);
	Ok(())
}

proptest! {
	#![proptest_config(ProptestConfig {
		cases: std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(32),
		max_shrink_iters: 200,
		failure_persistence: Some(Box::new(FileFailurePersistence::Direct(concat!(
			env!("CARGO_MANIFEST_DIR"),
			"/tests/conservation.proptest-regressions"
		)))),
		..ProptestConfig::default()
	})]

	#[test]
	fn nothing_should_be_made_or_lost_when_calls_come_in_any_order(
		steps in proptest::collection::vec(step(), 20..=40),
	) {
		chain("development").execute_with(|| play(&steps))?;
	}
}

// --- one story ---

fn total(who: &AccountId) -> Balance {
	<Balances as Inspect<AccountId>>::total_balance(who)
}

/// Three operators agree on a job, and it becomes final.
fn agree(job: JobId) {
	let operators = [(Key::Bob, Key::BobStash), (Key::Charlie, Key::CharlieStash), (Key::Dave, Key::DaveStash)];
	run_until(10, |event| matches!(event, Event::JobAssigned { job: id, .. } if *id == job));
	operators.iter().for_each(|(owner, worker)| commit(job, *owner, *worker, &sealed(1)));
	operators.iter().for_each(|(owner, _)| reveal(job, *owner, &sealed(1)));
	run_until(150, |event| matches!(event, Event::JobFinalised { job: id, .. } if *id == job));
}

#[test]
fn every_planck_of_a_story_should_be_somebodys() {
	chain("development").execute_with(|| {
		next_block();
		register_model();
		three_operators();
		assert_ok!(Characters::set_template(RuntimeOrigin::root(), None, Box::new(template())));
		assert_ok!(create(signed(Key::Eve)));
		let (ada, home) = (0, community_of(0));
		let parties: [(AccountId, i128); 14] = [
			// The model's owner, the operators, the character's owner.
			(account(Key::Alice), 671_600),
			(account(Key::Bob), 28_000),
			(account(Key::Charlie), 28_000),
			(account(Key::Dave), 28_000),
			(account(Key::Eve), 17_760),
			// The investor, the fan, whoever orders and sells, the winner, who was outbid.
			(account(Key::Ferdie), 157_880),
			(account(Key::EveStash), 3_440),
			(account(Key::FerdieStash), 11_284_000),
			(account(Key::AliceStash), -13_000_000),
			(account(Key::CharlieStash), 0),
			// The platform, the character's treasury, its pots with what opened them.
			(TreasuryAccount::get(), 264_440),
			(Bonds::treasury_of(home), 511_280),
			(Bonds::pot_account(home, Pot::Shares), 1_000),
			(Bonds::pot_account(home, Pot::Auton), 1_000),
		];
		let before = parties.each_ref().map(|(who, _)| total(who));
		let issuance = Balances::total_issuance();
		check_money().expect("nothing is lost at genesis");

		// Half an AUTON for half of the shares. Both bonds divide what comes without a remainder.
		let tier = pallet_bonds::Tier::Days14;
		assert_ok!(Characters::invest(signed(Key::Ferdie), ada, 500_000, AUTON));
		assert_ok!(Bonds::bond(signed(Key::Ferdie), home, Pot::Shares, 500_000, tier));
		assert_ok!(Bonds::bond(signed(Key::EveStash), home, Pot::Auton, 234_375 << 23, tier));

		// A fee of 120 mAUTON and a surcharge of 36.
		assert_ok!(Characters::order(signed(Key::FerdieStash), ada, Box::new(picture("a blue star")), AUTON));
		agree(0);
		assert_eq!(issuance - Balances::total_issuance(), 3_600 * MICRO_AUTON, "3 % of the fee are burned");
		let claimable = |who, pot| Bonds::claimable(account(who), home, pot);
		assert_eq!(claimable(Key::Ferdie, Pot::Shares), 8_880 * MICRO_AUTON);
		assert_eq!(claimable(Key::EveStash, Pot::Auton), 4_440 * MICRO_AUTON);
		assert_ok!(Bonds::claim(signed(Key::Ferdie), home, Pot::Shares));
		assert_ok!(Bonds::claim(signed(Key::EveStash), home, Pot::Auton));

		let name = b"Star".to_vec().try_into().expect("short");
		assert_ok!(Creations::mint(signed(Key::FerdieStash), 0, None, name, Permill::from_percent(10)));
		let works = pallet_creations::DefaultCollection::<Runtime>::get().expect("there from genesis");
		assert_ok!(Market::start_auction(signed(Key::FerdieStash), works, 0, 10 * AUTON, 100, 200));
		let held = |key: Key| {
			let reason = pallet_market::HoldReason::Bid.into();
			<Balances as InspectHold<AccountId>>::balance_on_hold(&reason, &account(key))
		};
		for (bidder, amount, bids) in
			[(Key::AliceStash, 10, [10, 0]), (Key::CharlieStash, 11, [0, 11]), (Key::AliceStash, 13, [13, 0])]
		{
			assert_ok!(Market::bid(signed(bidder), 0, amount * AUTON));
			assert_eq!([Key::AliceStash, Key::CharlieStash].map(held), bids.map(|bid| bid * AUTON));
		}
		System::set_block_number(System::block_number() + 200);
		assert_ok!(Market::settle_auction(signed(Key::Eve), 0));
		assert_eq!(Nfts::owner(works, 0), Some(account(Key::AliceStash)));
		assert_eq!([Key::AliceStash, Key::CharlieStash].map(held), [0, 0]);
		// 5 % of the price are for whoever has bonded the character's shares.
		assert_eq!(claimable(Key::Ferdie, Pot::Shares), 650_000 * MICRO_AUTON);
		assert_ok!(Bonds::claim(signed(Key::Ferdie), home, Pot::Shares));

		let signed_planck = |amount: Balance| i128::try_from(amount).expect("less than half of all there could be");
		for ((who, change), had) in parties.iter().zip(before) {
			let changed = signed_planck(total(who)) - signed_planck(had);
			assert_eq!(changed, change * signed_planck(MICRO_AUTON), "{who}");
		}
		let sum: i128 = parties.iter().map(|(_, change)| change).sum();
		assert_eq!(sum, -3_600, "what nobody has was burned");
		assert_eq!(issuance - Balances::total_issuance(), 3_600 * MICRO_AUTON);
		check_money().expect("every planck is somebody's");
		check_shares().expect("every share is somebody's");
		check_nothing_held(&[
			pallet_inference::HoldReason::JobFee.into(),
			pallet_inference::HoldReason::JobDeposit.into(),
			pallet_characters::HoldReason::Surcharge.into(),
			pallet_market::HoldReason::Bid.into(),
		])
		.expect("nothing is left on hold");
	});
}
