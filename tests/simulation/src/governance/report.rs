//! What the simulation finds, and what is wrong with it.

use autonomy_governance::Failure;
use serde::Serialize;
use sp_runtime::Permill;

use super::{
	attacks::{self, is_for_it, Attack, Captured, Farm, Hold},
	bounds::Bound,
	budget::{strategies, Cheapest, Strategy},
	rules::{Balance, Rules, Size, AUTON},
	run::{least, mean, polls, Faced, Outcome},
	society::{bond_for, power_for, Child, Mood, Poll, Society},
	vote::{fraction, Matter, EASIEST},
};

/// Turnouts that are gone through, in percent.
const TURNOUTS: [u32; 6] = [50, 30, 15, 10, 5, 2];
/// Bots of the farms that are priced, and the months over which their seats are opened.
const FARMS: [(u32, u32); 8] = [(10, 1), (30, 1), (100, 1), (300, 1), (30, 12), (100, 12), (300, 12), (1_000, 12)];
/// Times as much as seats may need and cost.
const TIMES: [u32; 4] = [1, 10, 100, 1_000];
/// Shares of every community that are looked at, in percent.
const SHARES: [u32; 3] = [25, 51, 75];

/// What one attack came to in one matter. Shares are fractions of one.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
	/// The attack.
	pub attack: &'static str,
	/// The matter.
	pub matter: &'static str,
	/// Whether the attacker has any power among the members of X in it. Without it, the attack must fail.
	pub has_power: bool,
	/// Rounds.
	pub rounds: u64,
	/// Rounds in which the proposal passed.
	pub passed: u64,
	/// Of these, those in which it passed only because of AIs.
	pub objections: u64,
	/// Rounds that broke a promise of the share cap, the quorum or the controller cap.
	pub broken: u64,
	/// Mean approval.
	pub approval: f64,
	/// θ.
	pub threshold: f64,
	/// Mean of A.
	pub support: f64,
	/// s.
	pub least_support: f64,
	/// Mean of r_H.
	pub members: f64,
	/// Mean of the r_H that would have been enough.
	pub needed: f64,
	/// Mean of κ'.
	pub weight: f64,
	/// Share of the AI house that votes as the attacker's own.
	pub held: f64,
	/// The least r_H with which it passed.
	pub least: Option<f64>,
	/// What it failed of most often.
	pub stopped: Option<&'static str>,
	/// AUTON that the attacker must have.
	pub budget: f64,
	/// AUTON of it that are burned.
	pub burned: f64,
}

/// What it takes in a matter besides what an attack has.
#[derive(Clone, Debug, Serialize)]
pub struct Needed {
	/// The attack, without its AUTON in X.
	pub attack: &'static str,
	/// The matter.
	pub matter: &'static str,
	/// Turnout of everybody else.
	pub turnout: f64,
	/// Whether nothing that the attack has can matter: no AI is heard, and nobody has delegated.
	pub is_bare: bool,
	/// Share of the AUTON bonded in X, the attacker's included, with which half of the rounds pass.
	pub share: Option<f64>,
	/// AUTON bonded for it.
	pub tokens: Option<f64>,
	/// AUTON that the attacker must have altogether.
	pub budget: Option<f64>,
	/// The least r_H with which it passes then.
	pub least: Option<f64>,
	/// Rounds that broke a promise.
	pub broken: u64,
}

/// The least that a rich account must have, spent by a strategy.
#[derive(Clone, Debug, Serialize)]
pub struct Budget {
	/// The strategy.
	pub strategy: &'static str,
	/// The matter.
	pub matter: &'static str,
	/// AIs that it makes or gets hold of.
	pub ais: Option<u32>,
	/// Share of the AUTON bonded in X, its own included.
	pub share: Option<f64>,
	/// AUTON that it must have.
	pub budget: Option<f64>,
	/// AUTON of it that are burned.
	pub burned: Option<f64>,
}

/// What a rich account must have that makes bots, if seats need and cost so many times as much.
#[derive(Clone, Debug, Serialize)]
pub struct Scale {
	/// So many times.
	pub times: u32,
	/// U, in AUTON.
	pub burn: f64,
	/// S, in AUTON.
	pub backing: f64,
	/// F0, in AUTON.
	pub opening: f64,
	/// By matter.
	pub budgets: Vec<Budget>,
}

/// What a farm costs and weighs, where AIs weigh most.
#[derive(Clone, Debug, Serialize)]
pub struct Price {
	/// Bots, each at the most weight of a seat.
	pub bots: u32,
	/// Months over which their seats are opened.
	pub months: u32,
	/// AUTON burned by opening the seats.
	pub opening: f64,
	/// AUTON burned by use in a month.
	pub used: f64,
	/// AUTON bonded behind the seats, for 168 days.
	pub bonded: f64,
	/// Share of the house, held by one account.
	pub held_by_one: f64,
	/// r_H that is needed then.
	pub needed_by_one: f64,
	/// Share of the house, held by an account each.
	pub held: f64,
	/// r_H that is needed then.
	pub needed: f64,
	/// κ' then.
	pub weight: f64,
}

/// What a share of the members of every community is worth, without the NFTs.
#[derive(Clone, Debug, Serialize)]
pub struct Captivity {
	/// Share of the power of investors, fans and contributors.
	pub share: f64,
	/// Turnout of everybody else.
	pub turnout: f64,
	/// Mean of m.
	pub members: f64,
	/// Mean of s.
	pub preference: f64,
	/// Part of the AIs that are for it.
	pub in_favour: f64,
	/// κ' where AIs weigh most.
	pub weight: f64,
	/// r_H that is needed there.
	pub needed: f64,
}

/// How often a proposal passes that nearly everybody likes.
#[derive(Clone, Debug, Serialize)]
pub struct Welcome {
	/// The matter.
	pub matter: &'static str,
	/// Turnout.
	pub turnout: f64,
	/// Rounds.
	pub rounds: u64,
	/// Rounds in which it passed.
	pub passed: u64,
	/// Mean of A.
	pub support: f64,
	/// s.
	pub least_support: f64,
}

/// All that was found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
	/// Seed of all chance.
	pub seed: u64,
	/// Rounds of each attack.
	pub rounds: u64,
	/// Turnout of everybody but the attacker.
	pub turnout: f64,
	/// Part of the people who have delegated to the attacker where it says so.
	pub lazy: f64,
	/// AUTON that everybody but the attacker has bonded in X.
	pub bonded: f64,
	/// Matters, in the order of each group of rows.
	pub matters: Vec<&'static str>,
	/// Attacks and matters.
	pub rows: Vec<Row>,
	/// What attacks need besides.
	pub needed: Vec<Needed>,
	/// What a rich account must have.
	pub budgets: Vec<Budget>,
	/// What it must have if seats cost more.
	pub scales: Vec<Scale>,
	/// What farms cost.
	pub farms: Vec<Price>,
	/// What shares of communities are worth.
	pub communities: Vec<Captivity>,
	/// What it takes at each turnout.
	pub apathy: Vec<Needed>,
	/// What passes when nobody attacks.
	pub welcome: Vec<Welcome>,
	/// The bounds of the share cap.
	pub bounds: Vec<Bound>,
}

fn part(share: Permill) -> f64 {
	f64::from(share.deconstruct()) / 1e6
}

fn auton(amount: Balance) -> f64 {
	amount as f64 / AUTON as f64
}

fn called(failure: Failure) -> &'static str {
	match failure {
		Failure::NobodyVoted => "nobody voted",
		Failure::Support => "support",
		Failure::Approval => "approval",
		Failure::AiHouse => "AI house",
		Failure::Concurrence => "concurrence",
		Failure::Consent => "consent",
	}
}

/// Where attacks are played.
struct World<'a> {
	rules: &'a Rules,
	size: &'a Size,
	society: Society,
	matters: Vec<Matter>,
}

impl World<'_> {
	fn easiest(&self, faced: &Faced) -> Outcome {
		self.matters.get(EASIEST).map(|matter| faced.outcome(matter, Permill::zero())).unwrap_or_default()
	}

	fn harmed(&self, turnout: Permill) -> Vec<Poll> {
		polls(&self.society, &Mood::harmful(turnout, self.size.lazy), self.rules, self.size)
	}

	fn row(&self, attack: &Attack, matter: &Matter, faced: &Faced) -> Row {
		let (rule, outcome) = (matter.question.rule, faced.outcome(matter, attack.tokens));
		let cost = attack.cost(attack.tokens, &self.society, self.size, self.rules);
		Row {
			attack: attack.name,
			matter: matter.name,
			has_power: attack.has_power(matter.is_critical),
			rounds: outcome.rounds,
			passed: outcome.passed,
			objections: outcome.objections,
			broken: outcome.broken,
			approval: outcome.approval,
			threshold: fraction(rule.approval),
			support: outcome.support,
			least_support: fraction(rule.support),
			members: outcome.members,
			needed: outcome.needed,
			weight: outcome.weight,
			held: outcome.held,
			least: outcome.least,
			stopped: outcome.stopped.map(called),
			budget: auton(cost.sum()),
			burned: auton(cost.burned()),
		}
	}

	fn needed(&self, attack: &Attack, matter: &Matter, faced: &Faced, turnout: Permill) -> Needed {
		let share = faced.needed(matter);
		let outcome = faced.outcome(matter, share.unwrap_or_default());
		let tokens = |share: Permill| auton(bond_for(power_for(share, self.society.token_power())));
		let budget = |share: Permill| auton(attack.cost(share, &self.society, self.size, self.rules).sum());
		Needed {
			attack: attack.name,
			matter: matter.name,
			turnout: part(turnout),
			is_bare: !matter.hears_ais() && (!attack.delegations || matter.is_critical),
			share: share.map(part),
			tokens: share.map(tokens),
			budget: share.map(budget),
			least: outcome.least,
			broken: outcome.broken,
		}
	}

	fn budgets(&self, strategy: &Strategy, polls: &[Poll], rules: &Rules) -> Vec<Budget> {
		let found = strategy.cheapest(&self.matters, polls, &self.society, rules, self.size);
		let of = |(matter, cheapest): (&Matter, Option<Cheapest>)| Budget {
			strategy: strategy.name,
			matter: matter.name,
			ais: cheapest.map(|cheapest| cheapest.ais),
			share: cheapest.map(|cheapest| part(cheapest.tokens)),
			budget: cheapest.map(|cheapest| auton(cheapest.budget)),
			burned: cheapest.map(|cheapest| auton(cheapest.burned)),
		};
		self.matters.iter().zip(found).map(of).collect()
	}

	/// Everybody's seats weigh the same as before: who is there has so many times of what is needed.
	fn scale(&self, times: u32, polls: &[Poll]) -> Scale {
		let rules = self.rules.scaled(times);
		Scale {
			times,
			burn: auton(rules.seat.burn),
			backing: auton(rules.seat.backing),
			opening: auton(rules.creation_burn),
			budgets: self.budgets(&Strategy::BOTS, polls, &rules),
		}
	}

	fn price(&self, bots: u32, months: u32, polls: &[Poll]) -> Price {
		let farm = Farm { bots, months, times: 3 };
		let outcome = |accounts| {
			let attack = Attack { farm, accounts, ..Attack::default() };
			self.easiest(&Faced::new(&attack, polls, self.rules))
		};
		let (one, each, cost) = (outcome(Some(1)), outcome(None), farm.cost(self.rules));
		Price {
			bots,
			months,
			opening: auton(cost.opening),
			used: auton(cost.used),
			bonded: auton(cost.bonded),
			held_by_one: one.held,
			needed_by_one: one.needed,
			held: each.held,
			needed: each.needed,
			weight: each.weight,
		}
	}

	fn captivity(&self, percent: u32, turnout: Permill, polls: &[Poll]) -> Captivity {
		let share = Permill::from_percent(percent);
		let hold = Hold::Members(share);
		let captured = Captured { communities: self.size.ais, hold };
		let attack = Attack { captured, ..Attack::default() };
		let outcome = self.easiest(&Faced::new(&attack, polls, self.rules));
		let children = polls.iter().flat_map(|poll| &poll.children);
		let taken: Vec<Child> = children.map(|child| hold.taken(child, self.rules)).collect();
		let of = |value: fn(&Child) -> f64| mean(taken.iter().map(value));
		Captivity {
			share: part(share),
			turnout: part(turnout),
			members: of(|child| f64::from(child.members.billionths()) / 1e9),
			preference: of(|child| f64::from(child.preference.billionths()) / 1e9),
			in_favour: of(|child| if is_for_it(child) { 1.0 } else { 0.0 }),
			weight: outcome.weight,
			needed: outcome.needed,
		}
	}

	/// What it takes at a turnout.
	fn apathy(&self, turnout: Permill, polls: &[Poll]) -> Vec<Needed> {
		let captured = Captured { communities: self.size.ais, hold: Hold::Outright };
		let attack = |name| Attack { name, ..Attack::default() };
		let attacks = [
			attack("no AI"),
			Attack { captured, ..attack("every AI") },
			Attack { delegations: true, ..attack("lazy delegations") },
			Attack { captured, delegations: true, ..attack("both") },
		];
		let of = |attack: &Attack| -> Vec<Needed> {
			let faced = Faced::new(attack, polls, self.rules);
			self.matters.iter().map(|matter| self.needed(attack, matter, &faced, turnout)).collect()
		};
		attacks.iter().flat_map(of).collect()
	}

	fn welcome(&self, turnout: Permill) -> Vec<Welcome> {
		let pleased = polls(&self.society, &Mood::welcome(turnout), self.rules, self.size);
		let nobody = Attack::default();
		let faced = Faced::new(&nobody, &pleased, self.rules);
		let of = |matter: &Matter| {
			let Outcome { rounds, passed, support, .. } = faced.outcome(matter, Permill::zero());
			let least_support = fraction(matter.question.rule.support);
			Welcome { matter: matter.name, turnout: part(turnout), rounds, passed, support, least_support }
		};
		self.matters.iter().map(of).collect()
	}
}

impl Report {
	/// Plays every attack in every matter.
	pub fn new(rules: &Rules, size: &Size) -> Self {
		let world = World { rules, size, society: Society::new(size, rules), matters: Matter::all() };
		let harmed = world.harmed(size.turnout);
		let (mut rows, mut needed) = (Vec::new(), Vec::new());
		for attack in &attacks::all(size.ais) {
			let faced = Faced::new(attack, &harmed, rules);
			rows.extend(world.matters.iter().map(|matter| world.row(attack, matter, &faced)));
			if attack.tokens == Permill::zero() {
				needed.extend(world.matters.iter().map(|matter| world.needed(attack, matter, &faced, size.turnout)));
			}
		}
		let (mut apathy, mut communities, mut welcome) = (Vec::new(), Vec::new(), Vec::new());
		for turnout in TURNOUTS.map(Permill::from_percent) {
			let harmed = world.harmed(turnout);
			apathy.extend(world.apathy(turnout, &harmed));
			communities.extend(SHARES.map(|share| world.captivity(share, turnout, &harmed)));
			welcome.extend(world.welcome(turnout));
		}
		if !TURNOUTS.map(Permill::from_percent).contains(&size.turnout) {
			welcome.extend(world.welcome(size.turnout));
		}
		let simulated = |matter: &Matter| {
			let rows = rows.iter().filter(|row| row.matter == matter.name).filter_map(|row| row.least);
			let needed = needed.iter().chain(&apathy).filter(|needed| needed.matter == matter.name);
			least(rows.chain(needed.filter_map(|needed| needed.least)))
		};
		let bounds = world.matters.iter().map(|matter| Bound::new(matter, simulated(matter))).collect();
		Self {
			seed: size.seed,
			rounds: size.rounds,
			turnout: part(size.turnout),
			lazy: part(size.lazy),
			bonded: auton(size.bonded),
			matters: world.matters.iter().map(|matter| matter.name).collect(),
			budgets: strategies().iter().flat_map(|strategy| world.budgets(strategy, &harmed, rules)).collect(),
			scales: TIMES.into_iter().map(|times| world.scale(times, &harmed)).collect(),
			farms: FARMS.into_iter().map(|(bots, months)| world.price(bots, months, &harmed)).collect(),
			rows,
			needed,
			communities,
			apathy,
			welcome,
			bounds,
		}
	}

	/// What must not be. An attacker without power among the members of X who passes anything (more than once in a
	/// hundred rounds: people who are fooled may do it themselves); a broken promise; AIs that count where nobody hears
	/// them; a bound that does not hold; and a proposal that nearly everybody likes, that has twice the ayes it needs
	/// and still fails more than once in ten rounds.
	pub fn complaints(&self) -> Vec<String> {
		let helpless = self.rows.iter().filter(|row| !row.has_power && row.passed * 100 > row.rounds).map(|row| {
			let Row { attack, matter, passed, rounds, .. } = row;
			format!("{attack}, {matter}: passed in {passed} of {rounds} rounds without power in X, and must never")
		});
		let rows = self.rows.iter().map(|row| (row.attack, row.matter, row.broken));
		let needed = self.needed.iter().chain(&self.apathy).map(|row| (row.attack, row.matter, row.broken));
		let broken = rows.chain(needed).filter(|(_, _, broken)| *broken > 0).map(|(attack, matter, broken)| {
			format!("{attack}, {matter}: in {broken} rounds members, κ or an account were beyond their bounds")
		});
		let bounds = self.bounds.iter().filter(|bound| !bound.holds()).map(|bound| {
			let Bound { matter, captured, captured_formula, opposed, opposed_formula, simulated, .. } = bound;
			format!(
				"{matter}: with all AIs for it or against it, {captured:.9} or {opposed:.9} of members pass it, and \
				 {simulated:?} did; it must be {captured_formula:.9} or {opposed_formula:.9}"
			)
		});
		let failing = self.welcome.iter().filter(|welcome| welcome.support > 2.0 * welcome.least_support);
		let failing = failing.filter(|welcome| welcome.passed * 10 < welcome.rounds * 9).map(|welcome| {
			let Welcome { matter, turnout, passed, rounds, .. } = welcome;
			format!("{matter}, turnout {turnout}: what nearly everybody likes passed in {passed} of {rounds} rounds")
		});
		helpless.chain(broken).chain(self.heard()).chain(bounds).chain(failing).collect()
	}

	/// Attacks to which AIs were of use where nobody hears them.
	fn heard(&self) -> Vec<String> {
		let bare = |matter: &str| {
			let mut of = self.needed.iter().filter(|needed| needed.is_bare && needed.matter == matter);
			of.next().and_then(|needed| needed.share)
		};
		let helped = self.needed.iter().filter(|needed| needed.is_bare && needed.share != bare(needed.matter));
		let complaint = |needed: &Needed| {
			let Needed { attack, matter, share, .. } = needed;
			format!("{attack}, {matter}: takes {share:?} of the AUTON and not the same as without AIs")
		};
		helped.map(complaint).collect()
	}
}
