//! What the simulation says: rows, tables, and what is wrong with them.

use std::fmt;

use serde::Serialize;

use super::{
	bound,
	ledger::LedgerError,
	rules::{Panel, Rules, Tier, TIERS},
	run::{run, Size},
	scenarios::{self, Scenario},
	tally::{Answer, Tally},
};
use crate::table::Table;

/// What one scenario came to on one tier. Amounts are in seat fees.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
	/// The scenario.
	pub scenario: String,
	/// Whether it is beyond what the protocol has to withstand.
	pub information: bool,
	/// The tier.
	pub tier: &'static str,
	/// Jobs.
	pub jobs: u64,
	/// Jobs that ended with a result, right or wrong.
	pub completed: u64,
	/// Jobs that ended with a wrong result.
	pub wrong: u64,
	/// Jobs that ended without any and were refunded.
	pub refunded: u64,
	/// What honest operators earned on average for a piece of work, less its cost.
	pub honest_profit: f64,
	/// Honest operators that were punished although no wrong verdict was found.
	pub honest_punished: u64,
	/// Honest operators that a jury of the coalition's outvoted.
	pub honest_outvoted: u64,
	/// Attempts of the cheats.
	pub attempts: u64,
	/// What an attempt earned on average, less the cost of work.
	pub cheat: f64,
	/// What honest work would have earned in its place.
	pub honest_instead: f64,
	/// The first less the second.
	pub gain: f64,
	/// The standard error of that.
	pub gain_error: f64,
	/// Whether attempts lose money.
	pub loses_money: Answer,
	/// Whether attempts lose against honest work.
	pub loses_to_honest: Answer,
	/// What a seat puts at stake.
	pub exposure: f64,
	/// The exposure at which they would earn as much as honest work.
	pub break_even: Option<f64>,
}

impl Row {
	fn new(scenario: &Scenario, tier: &Tier, rules: &Rules, tally: &Tally) -> Self {
		let (attempts, fee) = (tally.attempts, tier.seat_fee);
		Self {
			scenario: scenario.name.clone(),
			information: scenario.information,
			tier: tier.name,
			jobs: tally.jobs,
			completed: tally.right + tally.wrong,
			wrong: tally.wrong,
			refunded: tally.refunded,
			honest_profit: tally.honest_profit_per_work(fee),
			honest_punished: tally.honest_punished,
			honest_outvoted: tally.honest_outvoted,
			attempts: attempts.gain.count,
			cheat: attempts.earned.mean(fee),
			honest_instead: attempts.honest.mean(fee),
			gain: attempts.gain.mean(fee),
			gain_error: attempts.gain.error(fee),
			loses_money: attempts.earned.is_negative(),
			loses_to_honest: attempts.gain.is_negative(),
			exposure: rules.exposure_in_fees(tier),
			break_even: attempts.break_even(rules.exposure_in_fees(tier)),
		}
	}
}

/// The exposure that a coalition's lie on a whole committee calls for, in seat fees.
#[derive(Clone, Debug, Serialize)]
pub struct Needed {
	/// Share of the coalition in the slots.
	pub share: f64,
	/// The tier.
	pub tier: &'static str,
	/// What a seat puts at stake.
	pub exposure: f64,
	/// Probability that a lie is found out.
	pub detection: f64,
	/// By the bound, when lying saves the work.
	pub bound: f64,
	/// By the bound, when lying saves the whole of the fees.
	pub bound_of_fees: f64,
	/// By the same reasoning with all that the bound leaves out.
	pub exact: f64,
	/// Where the simulated coalition earns as much as honest work.
	pub simulated: Option<f64>,
}

/// How likely a coalition is to make a panel's verdict.
#[derive(Clone, Debug, Serialize)]
pub struct Capture {
	/// The panel.
	pub panel: &'static str,
	/// Share of the coalition in the slots.
	pub share: f64,
	/// Jurors.
	pub jurors: usize,
	/// Whether they had to be unanimous.
	pub unanimous: bool,
	/// Members that it takes.
	pub least: usize,
	/// The probability.
	pub chance: f64,
}

/// All that was found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
	/// Seed of all chance.
	pub seed: u64,
	/// Operators.
	pub operators: usize,
	/// A seat's exposure, in seat fees, where the tier's least exposure is not more.
	pub exposure_factor: u32,
	/// Cost of honest work, in seat fees.
	pub work: f64,
	/// Scenarios and tiers.
	pub rows: Vec<Row>,
	/// The exposure that is called for.
	pub needed: Vec<Needed>,
	/// What coalitions can do to juries.
	pub captures: Vec<Capture>,
}

fn fraction(share: sp_runtime::Permill) -> f64 {
	f64::from(share.deconstruct()) / 1e6
}

fn needed(scenario: &Scenario, tier: &Tier, rules: &Rules, size: Size, row: &Row) -> Needed {
	let coalition = scenario.share().mul_floor(size.operators as u64) as usize;
	let detection = bound::detection(tier, size.operators, coalition);
	Needed {
		share: fraction(scenario.share()),
		tier: tier.name,
		exposure: row.exposure,
		detection,
		bound: bound::exposure_factor(detection, bound::saved_work(rules, tier.seats), tier.seats),
		bound_of_fees: bound::exposure_factor(detection, tier.seats as f64, tier.seats),
		exact: bound::break_even(rules, tier, size.operators, coalition),
		simulated: row.break_even,
	}
}

fn captures(rules: &Rules) -> Vec<Capture> {
	let [first, second] = rules.juries;
	let panels =
		[("first", first), ("second", second), ("first, were two thirds enough", Panel { unanimous: false, ..first })];
	let of = |(name, panel): (&'static str, Panel)| {
		let least = bound::carrying(panel, rules.least_reveals);
		scenarios::shares().map(|(_, share, _)| {
			let share = fraction(share);
			let chance = bound::at_least(least, panel.jurors, share);
			Capture { panel: name, share, jurors: panel.jurors, unanimous: panel.unanimous, least, chance }
		})
	};
	panels.into_iter().flat_map(of).collect()
}

impl Report {
	/// Plays every scenario on every tier. Fails when a rule makes, loses or forgets money.
	pub fn new(rules: &Rules, size: Size) -> Result<Self, LedgerError> {
		let (mut rows, mut all_needed) = (Vec::new(), Vec::new());
		for scenario in scenarios::all() {
			for tier in &TIERS {
				let row = Row::new(&scenario, tier, rules, &run(&scenario, tier, rules, size)?);
				if scenario.is_of_the_bound() {
					all_needed.push(needed(&scenario, tier, rules, size, &row));
				}
				rows.push(row);
			}
		}
		Ok(Self {
			seed: size.seed,
			operators: size.operators,
			exposure_factor: rules.exposure_factor,
			work: fraction(rules.work),
			rows,
			needed: all_needed,
			captures: captures(rules),
		})
	}

	/// What must not be: an honest operator punished without a wrong verdict, or a cheat that earns money, or more than by
	/// honest work, where the protocol has to withstand it.
	pub fn complaints(&self) -> Vec<String> {
		let punished = self.rows.iter().filter(|row| row.honest_punished > 0).map(|row| {
			format!(
				"{}, {}: honest operators were punished {} times, and must never be",
				row.scenario, row.tier, row.honest_punished
			)
		});
		let judged = || self.rows.iter().filter(|row| !row.information && row.attempts > 0);
		let earns = judged().filter(|row| row.loses_money == Answer::No && row.cheat > 0.0).map(|row| {
			format!("{}, {}: an attempt earns {:.3} seat fees, and must cost some", row.scenario, row.tier, row.cheat)
		});
		let pays = |row: &&Row| row.loses_to_honest == Answer::No && row.gain > 0.0;
		let gains = judged().filter(pays).map(|row| {
			format!(
				"{}, {}: an attempt earns {:.3} ± {:.3} seat fees more than honest work{}",
				row.scenario,
				row.tier,
				row.gain,
				row.gain_error,
				row.break_even.map_or_else(
					|| ", whatever the exposure".into(),
					|needed| format!("; exposure would have to be {needed:.1} seat fees, not {}", row.exposure)
				)
			)
		});
		punished.chain(earns).chain(gains).collect()
	}
}

fn percent(part: u64, of: u64) -> String {
	format!("{:.2} %", part as f64 * 100.0 / of.max(1) as f64)
}

fn small_percent(chance: f64) -> String {
	format!("{:.4} %", chance * 100.0)
}

fn share(share: f64) -> String {
	scenarios::shares()
		.into_iter()
		.find(|(_, of, _)| fraction(*of) == share)
		.map_or_else(|| format!("{share}"), |(name, ..)| name.into())
}

fn answer(answer: Answer) -> &'static str {
	match answer {
		Answer::Yes => "yes",
		Answer::No => "no",
		Answer::Unclear => "unclear",
	}
}

/// The worst answer on any tier.
fn worst(rows: &[Row], answer_of: impl Fn(&Row) -> Answer) -> &'static str {
	let mut answers = rows.iter().filter(|row| row.attempts > 0).map(answer_of).peekable();
	if answers.peek().is_none() {
		return "–";
	}
	let worse = |one, other| match (one, other) {
		(Answer::No, _) | (_, Answer::No) => Answer::No,
		(Answer::Unclear, _) | (_, Answer::Unclear) => Answer::Unclear,
		(Answer::Yes, Answer::Yes) => Answer::Yes,
	};
	answer(answers.fold(Answer::Yes, worse))
}

impl Report {
	/// A line for each scenario: the worst that it did on any tier, and what cheating gained on each.
	pub fn summary(&self) -> Table {
		let mut table = Table::new(&[
			"operators",
			"completed",
			"wrong",
			"honest profit",
			"punished",
			"outvoted",
			"text",
			"image",
			"creation",
			"ballot",
			"loses to honest work",
			"loses money",
		]);
		for rows in self.rows.chunks(TIERS.len()) {
			let Some(first) = rows.first() else { continue };
			let completed = rows.iter().map(|row| row.completed).min().unwrap_or(0);
			let wrong = rows.iter().map(|row| row.wrong).max().unwrap_or(0);
			let profit = rows.iter().map(|row| row.honest_profit).fold(f64::INFINITY, f64::min);
			let mut cells = vec![
				format!("{}{}", first.scenario, if first.information { " †" } else { "" }),
				percent(completed, first.jobs),
				percent(wrong, first.jobs),
				format!("{profit:+.2}"),
				rows.iter().map(|row| row.honest_punished).sum::<u64>().to_string(),
				rows.iter().map(|row| row.honest_outvoted).sum::<u64>().to_string(),
			];
			let gain = |row: &Row| if row.attempts == 0 { "–".into() } else { format!("{:+.2}", row.gain) };
			cells.extend(rows.iter().map(gain));
			cells.push(worst(rows, |row| row.loses_to_honest).into());
			cells.push(worst(rows, |row| row.loses_money).into());
			table.push(cells);
		}
		table
	}

	/// A line for each scenario and tier.
	pub fn details(&self) -> Table {
		let mut table = Table::new(&[
			"operators",
			"tier",
			"completed",
			"wrong",
			"refunded",
			"honest profit",
			"punished",
			"outvoted",
			"attempts",
			"cheat",
			"honest work",
			"gain",
			"±",
			"loses money",
			"loses to honest work",
		]);
		for row in &self.rows {
			let mut cells = vec![
				row.scenario.clone(),
				row.tier.into(),
				percent(row.completed, row.jobs),
				percent(row.wrong, row.jobs),
				percent(row.refunded, row.jobs),
				format!("{:+.3}", row.honest_profit),
				row.honest_punished.to_string(),
				row.honest_outvoted.to_string(),
				row.attempts.to_string(),
			];
			if row.attempts > 0 {
				cells.extend([row.cheat, row.honest_instead, row.gain].map(|amount| format!("{amount:+.3}")));
				cells.push(format!("{:.3}", row.gain_error));
				cells.extend([row.loses_money, row.loses_to_honest].map(|of| answer(of).into()));
			}
			table.push(cells);
		}
		table
	}

	/// A line for each coalition and tier.
	pub fn exposures(&self) -> Table {
		let mut table =
			Table::new(&["f", "tier", "found out", "V = fees", "V = work", "closed form", "simulated", "exposure"]);
		for row in &self.needed {
			table.push(vec![
				share(row.share),
				row.tier.into(),
				percent((row.detection * 1e6) as u64, 1_000_000),
				format!("{:.2}", row.bound_of_fees),
				format!("{:.2}", row.bound),
				format!("{:.2}", row.exact),
				row.simulated.map_or_else(|| "–".into(), |factor| format!("{factor:.2}")),
				row.exposure.to_string(),
			]);
		}
		table
	}

	/// A line for each panel.
	pub fn juries(&self) -> Table {
		let mut header = vec!["panel".to_string(), "verdict of".to_string()];
		header.extend(scenarios::shares().map(|(f, ..)| format!("f = {f}")));
		let mut table = Table::new(&header.iter().map(String::as_str).collect::<Vec<_>>());
		for captures in self.captures.chunks(scenarios::shares().len()) {
			let Some(first) = captures.first() else { continue };
			let mut cells = vec![first.panel.into(), format!("{} of {} jurors", first.least, first.jurors)];
			cells.extend(captures.iter().map(|capture| small_percent(capture.chance)));
			table.push(cells);
		}
		table
	}
}

impl Report {
	/// What there is to say in short: all tables but the one of everything.
	pub fn results(&self) -> String {
		let jobs = self.rows.first().map_or(0, |row| row.jobs);
		let Self { operators, exposure_factor, work, seed, .. } = self;
		[
			format!(
				"{jobs} jobs of each scenario and tier, {operators} operators, exposure {exposure_factor} seat fees, \
				 cost of work {work} seat fees, seed {seed}. All amounts are in seat fees."
			),
			"### What an attempt to cheat gains over honest work, by tier".into(),
			"Completed, wrong and honest profit (per piece of work): the worst of the four tiers. Punished: honest operators \
			 that lost money although no verdict was wrong. Outvoted: honest operators that a jury of the coalition's had \
			 slashed. †: for information."
				.into(),
			self.summary().to_string(),
			"### Exposure at which a lie on a whole committee stops paying".into(),
			self.exposures().to_string(),
			"### Chance that a coalition makes a panel's verdict".into(),
			self.juries().to_string(),
		]
		.map(|paragraph| format!("{}\n", paragraph.trim_end()))
		.join("\n")
	}
}

impl fmt::Display for Report {
	fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
		write!(f, "{}\n### Every scenario on every tier\n\n{}", self.results(), self.details())
	}
}
