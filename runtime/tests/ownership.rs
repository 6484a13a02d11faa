//! What is owned together on the real runtime: a character's job and its split, a version that is proved better, and what an
//! account owns.

mod common;

use std::collections::BTreeMap;

use autonomy_primitives::{
	community::{CommunityId, Pot},
	digest::{canonical_evaluation, cid, input_hash, result, ResultContext, Sealed},
	job::{JobInput, Modality},
	payout::Payee,
	CharacterId, JobId,
};
use autonomy_runtime::{
	configs::works::TreasuryAccount,
	portfolio::{portfolio, ItemKind},
	AccountId, Assets, Balance, Balances, BlockNumber, Bonds, Characters, Creations, Inference, Market, Models, Nfts,
	Runtime, RuntimeOrigin, System, AUTON, DAYS,
};
use common::*;
use frame_support::{
	assert_noop, assert_ok,
	traits::fungible::{Inspect, InspectHold},
	BoundedVec,
};
use pallet_characters::{
	Bounds, CharacterDetails, InteractionBounds, Name, PriceRule, RoundBounds, RoundTerms, SplitBounds, Template,
};
use pallet_inference::{Event, Part, Payment, Purpose};
use pallet_models::{Candidate, Charter, Contribution, ContributionKind};
use sp_keyring::Sr25519Keyring as Key;
use sp_runtime::{MultiAddress, Permill};

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
		tiers: BoundedVec::default(),
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

/// A character of Eve's that draws with model 0.
fn character() -> CharacterId {
	assert_ok!(Characters::set_template(RuntimeOrigin::root(), None, Box::new(template())));
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
			cap: 1_000_000,
			duration: DAYS,
			promise: Permill::from_percent(10),
		}),
	};
	assert_ok!(Characters::create(signed(Key::Eve), Box::new(details)));
	0
}

fn community(character: CharacterId) -> CommunityId {
	Characters::character(character).expect("it is there").info.community
}

fn total(who: &AccountId) -> Balance {
	<Balances as Inspect<AccountId>>::total_balance(who)
}

fn finalised() -> (Vec<Payment<AccountId, Balance>>, Balance) {
	let found = inference_events().into_iter().find_map(|event| match event {
		Event::JobFinalised { payments, burned, .. } => Some((payments, burned)),
		_ => None,
	});
	found.expect("the job became final in this block")
}

/// Has three operators agree on a job, and waits until it is final.
fn agree(job: JobId, what: &Sealed) {
	let operators = [(Key::Bob, Key::BobStash), (Key::Charlie, Key::CharlieStash), (Key::Dave, Key::DaveStash)];
	run_until(10, |event| matches!(event, Event::JobAssigned { job: id, .. } if *id == job));
	operators.iter().for_each(|(owner, worker)| commit(job, *owner, *worker, what));
	operators.iter().for_each(|(owner, _)| reveal(job, *owner, what));
	run_until(150, |event| matches!(event, Event::JobFinalised { job: id, .. } if *id == job));
}

#[test]
fn character_job_should_pay_everybody_who_shares_in_it_to_the_planck() {
	chain("development").execute_with(|| {
		next_block();
		register_model();
		three_operators();
		let ada = character();
		let home = community(ada);
		// An investor and a fan, from whose bonds on revenue is divided.
		assert_ok!(Characters::invest(signed(Key::Ferdie), ada, 500_000, AUTON));
		let tier = pallet_bonds::Tier::Days14;
		assert_ok!(Bonds::bond(signed(Key::Ferdie), home, Pot::Shares, 500_000, tier));
		assert_ok!(Bonds::bond(signed(Key::EveStash), home, Pot::Auton, 10 * AUTON, tier));

		let requester = account(Key::FerdieStash);
		let before = total(&requester);
		assert_ok!(Characters::order(signed(Key::FerdieStash), ada, Box::new(picture("a blue star")), AUTON));
		assert_eq!(Inference::split_of(0).and_then(|split| split.character).map(|c| c.character), Some(ada));
		let issuance = Balances::total_issuance();
		agree(0, &sealed(1));

		let (payments, burned) = finalised();
		let fee = 3 * 40 * PRICE;
		let of = |part| -> Balance { payments.iter().filter(|paid| paid.part == part).map(|paid| paid.amount).sum() };
		let audit = of(Part::Auditor);
		assert_eq!(
			[Part::Operator, Part::Model, Part::Character, Part::Community].map(of),
			[70, 18, 7, 2].map(|percent| fee * percent / 100)
		);
		assert_eq!((burned, issuance - Balances::total_issuance()), (fee * 3 / 100, fee * 3 / 100));
		let part = fee * 7 / 100;
		let among: BTreeMap<_, _> = payments
			.iter()
			.filter(|paid| paid.part == Part::Character)
			.map(|paid| (paid.payee.clone(), paid.amount))
			.collect();
		let expected = [
			(Payee::Account(account(Key::Eve)), part * 40 / 100),
			(Payee::Account(TreasuryAccount::get()), part * 10 / 100),
			(Payee::Pot(home, Pot::Shares), part * 20 / 100),
			(Payee::Pot(home, Pot::Auton), part * 10 / 100),
			(Payee::Treasury(home), part * 20 / 100),
		];
		assert_eq!(among, BTreeMap::from(expected));

		// On top of the fee the character takes a fifth of it, divided in the same way.
		let surcharge = (fee + fee * 3 / 2 / 3) / 5;
		let claims = |who, pot| Bonds::claimable(account(who), home, pot);
		let shares = [claims(Key::Ferdie, Pot::Shares), claims(Key::EveStash, Pot::Auton)];
		for (claimed, percent) in shares.into_iter().zip([20, 10]) {
			let due = part * percent / 100 + surcharge * percent / 100;
			assert!(claimed <= due && due - claimed <= 2, "{claimed} of {due}: dust stays in the pot");
		}
		assert_eq!(total(&requester), before - fee - audit - surcharge, "nothing else was taken");
		assert_eq!(Characters::fan_page(ada, requester.clone()).expect("it is there").spent, fee + audit);
		assert_eq!(Characters::memory_at(ada).sequence, 1);

		let had = total(&account(Key::Ferdie));
		assert_ok!(Bonds::claim(signed(Key::Ferdie), home, Pot::Shares));
		assert_eq!(total(&account(Key::Ferdie)), had + shares[0]);

		// The picture is the requester's to mint, and the character has a part in its sales.
		assert_ok!(Creations::mint(
			signed(Key::FerdieStash),
			0,
			None,
			b"Star".to_vec().try_into().expect("short"),
			Permill::from_percent(10)
		));
		let works = pallet_creations::DefaultCollection::<Runtime>::get().expect("there from genesis");
		let royalties = Creations::royalties(works, 0).expect("it was minted");
		assert!(royalties.contains(&(Payee::Pot(home, Pot::Shares), Permill::from_percent(5))));
		assert!(royalties.contains(&(Payee::Account(account(Key::Alice)), Permill::from_percent(5))));
	});
}

#[test]
fn failed_character_job_should_cost_nothing() {
	chain("development").execute_with(|| {
		next_block();
		register_model();
		three_operators();
		let ada = character();
		let requester = account(Key::FerdieStash);
		let before = total(&requester);
		assert_ok!(Characters::order(signed(Key::FerdieStash), ada, Box::new(picture("a blue star")), AUTON));
		assert_ok!(Inference::cancel_job(signed(Key::FerdieStash), 0));
		assert_eq!(total(&requester), before);
		assert_eq!(<Balances as InspectHold<AccountId>>::total_balance_on_hold(&requester), 0);
		assert_eq!((Characters::talk_of(0), Characters::memory_at(ada).sequence), (None, 0));
	});
}

/// A version of model 0, proposed by Ferdie, whose evaluation is ordered as job 0.
fn evaluated_version() {
	let charter = Charter {
		accept_at_gain: Some(Permill::from_percent(5)),
		evaluation_set: Some(cid(b"held out")),
		..Charter::default()
	};
	assert_ok!(Models::set_charter(signed(Key::Alice), 0, charter));
	let candidate = Candidate { manifest: cid(b"better"), weights_root: [9; 32], golden_result: [10; 32] };
	let contribution = Contribution { kind: ContributionKind::Training, beneficiary: account(Key::Ferdie) };
	assert_ok!(Models::propose_version(signed(Key::Ferdie), 0, candidate, Box::new(contribution)));
	assert_ok!(Models::evaluate(signed(Key::Ferdie), 0));
}

#[test]
fn version_should_be_accepted_and_its_trainer_get_shares_when_an_evaluation_proves_it_better() {
	chain("development").execute_with(|| {
		next_block();
		register_model();
		three_operators();
		evaluated_version();
		let job = pallet_inference::Jobs::<Runtime>::get(0).expect("it was ordered");
		assert_eq!((job.purpose, job.k, job.weights_root), (Purpose::Evaluation, 3, [5; 32]));
		let JobInput::Evaluation(input) = &job.input else { panic!("an evaluation") };
		assert_eq!((input.candidate.weights_root, input.model, input.size), ([9; 32], Modality::Image, 64 * 64));

		// Operators find that the loss falls from 0.2 to 0.18, which is a tenth.
		run_until(10, |event| matches!(event, Event::JobAssigned { job: 0, .. }));
		let seed = pallet_inference::Jobs::<Runtime>::get(0).and_then(|job| job.seed).expect("it was drawn");
		let context = ResultContext {
			genesis: System::block_hash(0).0,
			model_root: [5; 32],
			engine: ENGINE,
			input_hash: input_hash(&job.input),
			seed,
			modality: Modality::Evaluation,
		};
		let (base, candidate) = (200_000_000, 180_000_000);
		let found = Sealed { result: result(&context, &canonical_evaluation(base, candidate)), ..sealed(1) };
		agree(0, &found);
		let wrong = pallet_inference::Error::<Runtime>::LossesMismatch;
		assert_noop!(Inference::report_evaluation(signed(Key::Ferdie), 0, base, 1), wrong);
		assert_eq!(Models::version(0).map(|(number, _)| number), Some(0), "nobody's word counts");
		assert_ok!(Inference::report_evaluation(signed(Key::Ferdie), 0, base, candidate));
		let (number, version) = Models::version(0).expect("it is registered");
		assert_eq!((number, version.weights_root, version.contribution), (1, [9; 32], Some(1)));

		// A gain of a tenth times a half of a million shares with six decimals.
		let granted = 50_000 * 1_000_000u128;
		let view = Models::contribution(0, 1).expect("it was accepted");
		assert_eq!((view.info.granted, view.info.gain, view.claimable), (granted, 100_000, 0));
		let row = pallet_models::Contributions::<Runtime>::get(0, 1).expect("it was accepted");
		System::set_block_number(row.started + 45 * DAYS);
		assert_ok!(Models::claim_vested(signed(Key::Ferdie), 0, 1));
		let shares = pallet_models::ModelStates::<Runtime>::get(0).shares.expect("they were issued");
		assert_eq!(Assets::balance(shares, account(Key::Ferdie)), granted / 2);
		assert_eq!(pallet_assets::Metadata::<Runtime>::get(shares).symbol.to_vec(), b"M0");
		// Nobody else can make shares, not even beforehand.
		let eve = MultiAddress::Id(account(Key::Eve));
		assert!(Assets::create(signed(Key::Eve), (shares + 1).into(), eve.clone(), 1).is_err());
		assert!(Assets::mint(signed(Key::Alice), shares.into(), eve, 1).is_err());

		// Operators have to prove the new version before they are drawn for it.
		assert_ok!(Inference::prove_engine(signed(Key::BobStash), 0, [10; 32]));
		let membership = pallet_inference::Memberships::<Runtime>::get(0, account(Key::Bob)).expect("he joined");
		assert_eq!((membership.proved, membership.proved_before), (Some([9; 32]), Some([5; 32])));
		// An evaluation's report is no work.
		let name = b"Report".to_vec().try_into().expect("short");
		assert!(Creations::mint(signed(Key::Ferdie), 0, None, name, Permill::zero()).is_err());
	});
}

#[test]
fn shares_should_not_be_there_without_an_agreed_evaluation() {
	chain("development").execute_with(|| {
		next_block();
		register_model();
		three_operators();
		evaluated_version();
		let under_way = pallet_models::Error::<Runtime>::EvaluationUnderWay;
		assert_noop!(Models::accept_version(signed(Key::Alice), 0), under_way);
		let not_final = pallet_inference::Error::<Runtime>::NotFinal;
		assert_noop!(Inference::report_evaluation(signed(Key::Ferdie), 0, 2, 1), not_final);
		let unknown = pallet_models::Error::<Runtime>::UnknownContribution;
		assert_noop!(Models::claim_vested(signed(Key::Ferdie), 0, 1), unknown);
		let reserved = pallet_inference::Error::<Runtime>::EvaluationReserved;
		let job = pallet_inference::Jobs::<Runtime>::get(0).expect("it was ordered");
		let call = Inference::submit_job(signed(Key::Ferdie), 0, Box::new(job.input), None, None, seed(), AUTON * 100);
		assert_eq!(call, Err(reserved.into()));
		// Nobody took it up: the evaluation ends without a result, and the owner may accept it for nothing.
		run_until(600, |event| matches!(event, Event::JobFailed { job: 0, .. }));
		assert_ok!(Models::accept_version(signed(Key::Alice), 0));
		assert_eq!(Models::contribution(0, 1).map(|view| (view.info.granted, view.info.gain)), Some((0, 0)));
	});
}

#[test]
fn open_model_should_need_no_licence_any_more() {
	chain("development").execute_with(|| {
		next_block();
		register_model();
		three_operators();
		let terms = pallet_market::LicenceTerms { per_period: None, period: 1, perpetual: Some(10 * AUTON) };
		assert_ok!(Market::set_licence_terms(signed(Key::Alice), 0, Some(terms)));
		let order =
			|| Inference::submit_job(signed(Key::Ferdie), 0, Box::new(picture("a star")), None, None, seed(), AUTON);
		assert_eq!(order(), Err(pallet_inference::Error::<Runtime>::LicenceMissing.into()));
		assert_ok!(Models::open_source(signed(Key::Alice), 0));
		assert_ok!(order());
	});
}

#[test]
fn portfolio_should_show_what_an_account_owns() {
	chain("development").execute_with(|| {
		next_block();
		register_model();
		let ada = character();
		let tier = pallet_bonds::Tier::Days28;
		assert_ok!(Bonds::bond(signed(Key::Eve), community(ada), Pot::Auton, 7 * AUTON, tier));
		let eve = portfolio(&account(Key::Eve), None);
		let kinds: Vec<_> = eve.items.iter().map(|item| (item.item, item.kind, item.sale)).collect();
		assert_eq!(kinds, [(ada, ItemKind::Character, None)]);
		assert_eq!(eve.bonds.iter().map(|bond| bond.amounts.sum()).collect::<Vec<_>>(), [7 * AUTON]);
		assert_eq!(eve.free, Balances::free_balance(account(Key::Eve)));
		assert!(eve.held > 0 && eve.spendable < eve.free, "a deposit is on hold, and what is bonded cannot be spent");
		assert_eq!((eve.next, eve.claimable), (None, 0));
		let alice = portfolio(&account(Key::Alice), None);
		assert_eq!(alice.items.iter().map(|item| item.kind).collect::<Vec<_>>(), [ItemKind::Model]);
		let collection = alice.items[0].collection;
		assert!(portfolio(&account(Key::Alice), Some((collection, 0))).items.is_empty());
		assert_eq!(Nfts::owner(collection, 0), Some(account(Key::Alice)));
	});
}
