//! Playing many jobs.

use super::{
	agents::{Claim, Conduct},
	dice::Dice,
	ledger::{Account, Cause, Ledger, LedgerError},
	population::{Pool, Population},
	protocol::{play, Played, Setting},
	rules::{Balance, Rules, Tier},
	scenarios::Scenario,
	tally::Tally,
};

/// How much is simulated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Size {
	/// Jobs of each scenario and tier.
	pub jobs: u64,
	/// Operators, each with one slot.
	pub operators: usize,
	/// Seed of all chance.
	pub seed: u64,
}

/// Whose attempt it is.
#[derive(Clone, Copy, Debug)]
enum Party {
	/// One operator's.
	One(usize),
	/// All operators' of a conduct, and the challenger's.
	Coalition(Option<Conduct>),
}

impl Party {
	fn owns(self, population: &Population, account: Account) -> bool {
		match (self, account) {
			(Self::One(who), Account::Operator(number) | Account::Stake(number)) => who == number,
			(Self::Coalition(conduct), Account::Operator(number) | Account::Stake(number)) => {
				conduct == Some(population.get(number).conduct)
			}
			(Self::Coalition(_), Account::Challenger) => true,
			(Self::One(_), Account::Challenger) => false,
			(
				_,
				Account::Requester | Account::Model | Account::Fee | Account::Bond | Account::Slashed | Account::Burned,
			) => false,
		}
	}
}

/// Who made an attempt in a job.
fn parties(scenario: &Scenario, population: &Population, played: &Played) -> Vec<Party> {
	let cheats = played.cheated.iter().copied();
	let cheats = cheats.filter(|number| scenario.cheat == Some(population.get(*number).conduct));
	if scenario.is_coalition() {
		let acted = played.challenged || cheats.count() > 0;
		return acted.then_some(Party::Coalition(scenario.cheat)).into_iter().collect();
	}
	cheats.map(Party::One).collect()
}

/// Counts what became of honest operators.
fn note_honest(tally: &mut Tally, population: &Population, played: &Played, work_cost: Balance) {
	let honest = |number: usize| population.get(number).conduct == Conduct::Honest;
	let account = |account: Account| match account {
		Account::Operator(number) | Account::Stake(number) => honest(number),
		Account::Requester
		| Account::Model
		| Account::Challenger
		| Account::Fee
		| Account::Bond
		| Account::Slashed
		| Account::Burned => false,
	};
	tally.honest_works += played.worked.iter().filter(|number| honest(**number)).count() as u64;
	tally.honest_profit += played.profit(work_cost, account);
	let lost = |cause: Cause| cause == Cause::Slash || cause == Cause::Penalty;
	let lost = played.journal.transfers().iter().filter(|transfer| lost(transfer.cause) && account(transfer.from));
	match played.verdict {
		None | Some(Claim::Right) => tally.honest_punished += lost.count() as u64,
		Some(Claim::Lie | Claim::MadeUp(_)) => tally.honest_outvoted += lost.count() as u64,
	}
}

/// More than anyone can pay in all jobs together: operators go on whatever they lose, so that means are not those of the
/// few attempts before ruin.
fn endowment(rules: &Rules, tier: &Tier, jobs: u64) -> Balance {
	let fees = tier.seat_fee * tier.seats as Balance + rules.audit_pay(tier);
	(rules.exposure(tier) + fees + rules.challenge_bond(tier)) * Balance::from(jobs)
}

/// Plays the jobs of a scenario on one tier, with committees from `pool`. Fails when a rule makes, loses or forgets money.
pub fn simulate(scenario: &Scenario, tier: &Tier, rules: &Rules, size: Size, pool: Pool) -> Result<Tally, LedgerError> {
	let rules = &Rules { faults_are_judged: rules.faults_are_judged && !scenario.forgiven, ..*rules };
	let groups = scenario.groups.iter().map(|(conduct, share)| (*conduct, share.mul_floor(size.operators as u64)));
	let groups: Vec<_> = groups.map(|(conduct, count)| (conduct, count as usize)).collect();
	let mut population = Population::new(size.operators, &groups, scenario.own_class);
	let mut ledger = Ledger::new(size.operators, endowment(rules, tier, size.jobs));
	let mut tally = Tally::default();
	let work_cost = rules.work_cost(tier);
	for job in 0..size.jobs {
		let dice = Dice { seed: size.seed, job };
		let setting =
			Setting { rules, tier, population: &population, pool, dice, challenger: scenario.challenger, honest: None };
		let played = play(setting);
		ledger.apply(&played.journal)?;
		tally.end(&played);
		note_honest(&mut tally, &population, &played, work_cost);
		let parties = parties(scenario, &population, &played);
		if !parties.is_empty() {
			let honest = play(setting.had_they_been_honest(scenario.cheat));
			for party in parties {
				let owns = |account| party.owns(&population, account);
				let (earned, otherwise) = (played.profit(work_cost, owns), honest.profit(work_cost, owns));
				tally.attempts.add(earned, otherwise, played.slashes(owns));
			}
		}
		// A coalition that is given one committee after the other would soon be suspended as a whole, and be missing among
		// auditors and jurors: what it gains where chance gives it a committee once in a while, is what is asked.
		if pool == Pool::Everyone {
			for (operator, end) in played.served.iter().copied() {
				population.note(operator, end, job, rules.suspension);
			}
		}
	}
	ledger.check()?;
	Ok(tally)
}

/// Plays a scenario on one tier. Where cheats only act when they hold every seat, their attempts are measured on as many
/// jobs again, whose committees are drawn from them alone; all else is of committees drawn from everyone.
pub fn run(scenario: &Scenario, tier: &Tier, rules: &Rules, size: Size) -> Result<Tally, LedgerError> {
	let mut tally = simulate(scenario, tier, rules, size, Pool::Everyone)?;
	if scenario.needs_every_seat() {
		let given = simulate(scenario, tier, rules, size, Pool::Coalition)?;
		tally.attempts = given.attempts;
		tally.honest_punished += given.honest_punished;
		tally.honest_outvoted += given.honest_outvoted;
	}
	Ok(tally)
}
