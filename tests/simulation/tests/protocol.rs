//! Single jobs: who pays whom.

use autonomy_simulation::inference::{
	agents::{Claim, Conduct, Lies, Stands},
	dice::Dice,
	ledger::Account,
	population::{PartEnd, Pool, Population},
	protocol::{play, Challenger, End, Played, Reason, Setting},
	rules::{Rules, Tier, AUTON, TIERS},
};

const TEXT: Tier = TIERS[0];
const IMAGE: Tier = TIERS[1];
const BALLOT: Tier = TIERS[3];

const COLLUDING: Conduct = Conduct::Colluding { lies: Lies::OnEverySeat, stands: Stands::WhenItCarries };

/// A hundred operators on one tier.
struct World {
	rules: Rules,
	tier: Tier,
	population: Population,
	challenger: Challenger,
	pool: Pool,
}

impl World {
	fn new(tier: Tier, cheats: Conduct, count: usize) -> Self {
		let population = Population::new(100, &[(cheats, count)], false);
		let pool = Pool::Everyone;
		Self { rules: Rules::default(), tier, population, challenger: Challenger::Nobody, pool }
	}

	fn job(&self, job: u64) -> Played {
		let Self { rules, tier, population, challenger, pool } = self;
		let dice = Dice { seed: 1, job };
		play(Setting { rules, tier, population, pool: *pool, dice, challenger: *challenger, honest: None })
	}

	/// The first job of which something holds.
	fn job_where(&self, holds: impl Fn(&Played) -> bool) -> Played {
		(0..100_000).map(|job| self.job(job)).find(holds).expect("chance brings it about in 100,000 jobs")
	}
}

fn gain(played: &Played, account: Account) -> i128 {
	played.journal.net(|other| other == account, |_| true)
}

/// What an operator gained, its exposure included.
fn operator(played: &Played, number: usize) -> i128 {
	gain(played, Account::Operator(number)) + gain(played, Account::Stake(number))
}

const FEE: i128 = AUTON as i128;

#[test]
fn honest_seats_should_share_the_fee_with_model_and_burn_when_all_agree() {
	let world = World::new(IMAGE, Conduct::Lazy, 0);
	let played = world.job_where(|played| played.worked.len() == 3);
	assert_eq!(played.end, End::Final(Claim::Right));
	assert_eq!(gain(&played, Account::Requester), -3 * FEE, "the audit's reserve is given back");
	assert!(played.worked.iter().all(|number| operator(&played, *number) == FEE * 70 / 100));
	assert_eq!(gain(&played, Account::Model), 3 * FEE * 27 / 100, "model, character and community");
	assert_eq!(gain(&played, Account::Burned), 3 * FEE * 3 / 100);
}

#[test]
fn an_audit_should_be_paid_from_the_reserve_when_it_confirms() {
	let world = World::new(IMAGE, Conduct::Lazy, 0);
	let played = world.job_where(|played| played.worked.len() == 4);
	assert_eq!(operator(&played, played.worked[3]), FEE * 3 / 2);
	assert_eq!(gain(&played, Account::Requester), -3 * FEE - FEE * 3 / 2);
}

#[test]
fn a_lazy_seat_should_lose_its_exposure_to_those_who_worked_when_results_differ() {
	let world = World::new(IMAGE, Conduct::Lazy, 10);
	let played = world.job_where(|played| played.cheated.len() == 1);
	let wrong = played.cheated[0];
	assert_eq!((played.end, played.verdict), (End::Final(Claim::Right), Some(Claim::Right)));
	assert_eq!(operator(&played, wrong), -25 * FEE);
	// Two seats and seven jurors share 30 % of 25 fees.
	let share = 25 * FEE * 3 / 10 / 9;
	assert_eq!(played.worked.len(), 9);
	for worked in &played.worked {
		let pay = operator(&played, *worked);
		assert!(pay == share || pay == share + FEE * 70 / 100, "{pay}");
	}
	assert_eq!(gain(&played, Account::Requester), -2 * FEE, "a wrong seat is not paid");
}

#[test]
fn an_auditor_should_get_a_fifth_of_the_slash_when_a_whole_committee_lied() {
	let world = World { pool: Pool::Coalition, ..World::new(IMAGE, COLLUDING, 20) };
	let found_out = |played: &Played| played.verdict == Some(Claim::Right) && played.cheated.len() == 3;
	let played = world.job_where(found_out);
	assert_eq!(played.end, End::Final(Claim::Right), "the jury's result is the job's");
	assert!(played.cheated.iter().all(|number| operator(&played, *number) == -25 * FEE));
	let auditor = played.worked[0];
	assert_eq!(operator(&played, auditor), 75 * FEE / 5 + FEE * 3 / 2);
	assert_eq!(gain(&played, Account::Requester), -FEE * 3 / 2, "no seat was right");
}

#[test]
fn a_lie_should_be_paid_when_no_audit_finds_it() {
	let world = World { pool: Pool::Coalition, ..World::new(TEXT, COLLUDING, 20) };
	let played = world.job_where(|played| played.worked.is_empty() && played.cheated.len() == 1);
	assert_eq!(played.end, End::Final(Claim::Lie));
	assert_eq!(operator(&played, played.cheated[0]), FEE * 70 / 100);
}

#[test]
fn an_auditor_of_the_coalition_should_confirm_its_lie_and_be_paid() {
	let world = World { pool: Pool::Coalition, ..World::new(BALLOT, COLLUDING, 50) };
	let played = world.job_where(|played| played.cheated.len() == 6);
	assert_eq!((played.end, played.verdict), (End::Final(Claim::Lie), None));
}

#[test]
fn a_copied_commitment_should_cost_a_tenth_of_the_exposure_and_force_an_audit() {
	let world = World::new(IMAGE, Conduct::Copying, 10);
	let played = world.job_where(|played| played.cheated.len() == 1 && played.worked.len() == 3);
	assert_eq!(played.end, End::Final(Claim::Right));
	assert_eq!(operator(&played, played.cheated[0]), -25 * FEE / 10);
	assert_eq!(
		gain(&played, Account::Requester),
		-2 * FEE - FEE * 3 / 2,
		"two seats and the audit in the third's place"
	);
	assert!(played.served.contains(&(played.cheated[0], PartEnd::Missed)));
}

#[test]
fn a_lone_copier_should_work_when_there_is_nobody_to_copy_from() {
	let world = World::new(TEXT, Conduct::Copying, 100);
	let played = world.job(0);
	assert_eq!((played.end, played.worked.len()), (End::Final(Claim::Right), 1));
}

#[test]
fn an_aborter_should_keep_a_made_up_result_to_itself_when_the_others_contradict() {
	let world = World::new(IMAGE, Conduct::AbortsWhenItPays, 10);
	let played = world.job_where(|played| played.cheated.len() == 1);
	assert_eq!((played.end, played.verdict), (End::Final(Claim::Right), None));
	assert_eq!(operator(&played, played.cheated[0]), -25 * FEE / 10);
}

#[test]
fn a_seat_that_is_never_revealed_should_be_drawn_anew_when_it_is_the_only_one() {
	let world = World::new(TEXT, Conduct::AbortsAlways, 10);
	let played = world.job_where(|played| played.cheated.len() == 1 && played.worked.len() == 1);
	assert_eq!(played.end, End::Final(Claim::Right));
	assert_eq!(gain(&played, Account::Requester), -FEE);
}

#[test]
fn a_job_should_be_refunded_when_its_seats_stay_empty() {
	let played = World::new(BALLOT, Conduct::Offline, 100).job(0);
	assert_eq!(played.end, End::Refunded(Reason::Expired));
	assert_eq!(gain(&played, Account::Requester), 0);
	assert_eq!(played.cheated.len(), 20, "a draw and three more");
	assert!(played.cheated.iter().all(|number| operator(&played, *number) == -50 * FEE / 50));
	assert_eq!(gain(&played, Account::Burned), 20 * FEE, "penalties are burned");
}

#[test]
fn an_honest_seat_should_stay_when_another_one_is_drawn_anew() {
	let world = World::new(IMAGE, Conduct::Offline, 10);
	let played = world.job_where(|played| played.cheated.len() == 1 && played.worked.len() == 3);
	assert_eq!(played.end, End::Final(Claim::Right));
	assert_eq!(gain(&played, Account::Requester), -3 * FEE);
}

#[test]
fn a_false_auditor_should_lose_its_exposure() {
	let world = World::new(BALLOT, Conduct::FalseAuditor, 10);
	let played = world.job_where(|played| played.cheated.len() == 1);
	assert_eq!((played.end, played.verdict), (End::Final(Claim::Right), Some(Claim::Right)));
	assert_eq!(operator(&played, played.cheated[0]), -50 * FEE, "a ballot's least exposure is 50 fees");
	assert!(played.served.contains(&(played.cheated[0], PartEnd::Slashed)));
	assert_eq!(gain(&played, Account::Requester), -5 * FEE, "a wrong audit is not paid");
}

#[test]
fn a_griefing_challenger_should_pay_the_jury() {
	let world = World { challenger: Challenger::Griefing, ..World::new(TEXT, Conduct::Lazy, 0) };
	let played = world.job_where(|played| played.worked.len() == 8);
	assert_eq!(played.end, End::Final(Claim::Right));
	assert_eq!(gain(&played, Account::Challenger), -8 * FEE);
	assert!(played.worked[1..].iter().all(|number| operator(&played, *number) == 8 * FEE / 7));
}

#[test]
fn a_coalition_should_lose_when_it_accuses_itself() {
	let world = World { challenger: Challenger::Accusing, pool: Pool::Coalition, ..World::new(IMAGE, COLLUDING, 20) };
	let played = world.job_where(|played| played.challenged && played.verdict == Some(Claim::Right));
	assert_eq!(gain(&played, Account::Challenger), 75 * FEE / 5);
	assert!(played.served.len() == 3 + 7, "no auditor is drawn any more");
	let population = &world.population;
	let coalition = |account| match account {
		Account::Operator(number) | Account::Stake(number) => population.get(number).conduct.is_colluding(),
		account => account == Account::Challenger,
	};
	assert!(played.slashes(coalition) <= -75 * FEE / 2);
}

#[test]
fn a_jury_should_be_followed_by_a_larger_one_and_then_by_a_refund_when_the_coalition_blocks() {
	let blocking = Conduct::Colluding { lies: Lies::OnMajority, stands: Stands::WhenItBlocks };
	let world = World::new(IMAGE, blocking, 45);
	let second = world.job_where(|played| played.served.len() == 25 && played.verdict == Some(Claim::Right));
	assert!(matches!(second.end, End::Final(Claim::Right)));
	let lied = |number: &&usize| operator(&second, **number) == -25 * FEE;
	assert_eq!(
		second.cheated.iter().filter(lied).count(),
		second.cheated.len(),
		"of both juries, every wrong one pays"
	);

	let refunded = world.job_where(|played| matches!(played.end, End::Refunded(_)));
	assert_eq!((refunded.end, refunded.verdict), (End::Refunded(Reason::Disputed), None));
	assert!(refunded.served.iter().all(|(number, _)| operator(&refunded, *number) == 0));
	assert_eq!(gain(&refunded, Account::Requester), 0);
}

#[test]
fn one_dissenting_juror_should_call_the_larger_jury() {
	let blocking = Conduct::Colluding { lies: Lies::OnEverySeat, stands: Stands::WhenItBlocks };
	let world = World { pool: Pool::Coalition, ..World::new(IMAGE, blocking, 20) };
	// Seats, auditor, one of the first jury.
	let played = world.job_where(|played| played.cheated.len() == 3 + 1 && played.verdict.is_some());
	assert_eq!((played.verdict, played.served.len()), (Some(Claim::Right), 3 + 1 + 7 + 15));
	assert!(played.cheated.iter().all(|number| operator(&played, *number) == -25 * FEE));
}

#[test]
fn a_jury_should_be_smaller_when_operators_are_few_and_find_nothing_with_two() {
	let few = |operators: usize| World {
		population: Population::new(operators, &[(Conduct::Lazy, 1)], false),
		..World::new(IMAGE, Conduct::Lazy, 1)
	};
	let split = |played: &Played| played.cheated.len() == 1;
	let six = few(9).job_where(split);
	assert_eq!((six.end, six.served.len()), (End::Final(Claim::Right), 9));
	let two = few(5).job_where(split);
	assert_eq!(
		(two.end, two.served.len()),
		(End::Refunded(Reason::Disputed), 3),
		"two are no jury: they are not asked"
	);
}

#[test]
fn a_lie_along_a_processor_should_be_slashed_only_when_governance_judges_it() {
	let population = Population::new(100, &[(COLLUDING, 20)], true);
	let judged = World { population, pool: Pool::Coalition, ..World::new(IMAGE, COLLUDING, 20) };
	let fault = |played: &Played| played.end == End::Refunded(Reason::EngineFault);
	let played = judged.job_where(fault);
	assert!(played.cheated.iter().all(|number| operator(&played, *number) == -25 * FEE));
	assert_eq!(gain(&played, Account::Requester), 0);

	let rules = Rules { faults_are_judged: false, ..judged.rules };
	let played = World { rules, ..judged }.job_where(fault);
	assert!(played.cheated.iter().all(|number| operator(&played, *number) == 0));
	assert!(played.cheated.iter().all(|number| played.served.contains(&(*number, PartEnd::Released))));
}

#[test]
fn a_challenge_should_not_cost_its_bond_when_a_processor_agrees_with_it() {
	let griefing = Conduct::Colluding { lies: Lies::Never, stands: Stands::Always };
	let population = Population::new(100, &[(griefing, 20)], true);
	let world = World { population, challenger: Challenger::Griefing, ..World::new(IMAGE, griefing, 20) };
	let played = world.job_where(|played| played.end == End::Refunded(Reason::EngineFault));
	assert_eq!(gain(&played, Account::Challenger), 0, "nor does it earn from its own side's slash");
	assert!(played.cheated.iter().all(|number| operator(&played, *number) == -25 * FEE));

	let alone = world.job_where(|played| played.cheated.len() == 1);
	assert_eq!(alone.end, End::Final(Claim::Right), "one voice is no processor");
	assert_eq!(gain(&alone, Account::Challenger), -8 * FEE);
}

#[test]
fn honest_operators_that_a_jury_outvoted_should_be_cleared_when_they_look_like_a_processor() {
	let everywhere = Conduct::Colluding { lies: Lies::OnMajority, stands: Stands::WhenItCarries };
	let population = Population::new(100, &[(everywhere, 80)], true);
	let world = World { population, ..World::new(BALLOT, everywhere, 80) };
	let outvoted =
		|played: &Played| played.verdict == Some(Claim::Lie) && played.end == End::Refunded(Reason::EngineFault);
	let played = world.job_where(outvoted);
	let honest = |number: &&usize| world.population.get(**number).conduct == Conduct::Honest;
	let kept = played.worked.iter().filter(honest).filter(|number| operator(&played, **number) == 0).count();
	assert!(kept >= 2, "{kept} of {} kept what they had", played.worked.len());
}

#[test]
fn a_coalition_should_accuse_itself_in_time_only_when_an_auditor_is_late() {
	let population = Population::new(100, &[(COLLUDING, 20), (Conduct::Offline, 40)], false);
	let challenger = Challenger::AccusingWhenCertain;
	let world = World { population, challenger, pool: Pool::Coalition, ..World::new(IMAGE, COLLUDING, 20) };
	let played = world.job_where(|played| played.challenged && played.verdict == Some(Claim::Right));
	let late =
		played.served.iter().filter(|(_, end)| *end == PartEnd::Missed).map(|(number, _)| *number).next().unwrap();
	assert_eq!(world.population.get(late).conduct, Conduct::Offline);
	let audited = world.job_where(|played| !played.challenged && played.verdict == Some(Claim::Right));
	assert_eq!(gain(&audited, Account::Challenger), 0);
}
