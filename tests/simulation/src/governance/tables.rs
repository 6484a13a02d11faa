//! The report as tables.

use std::fmt;

use super::{
	report::{Budget, Needed, Report},
	vote::EASIEST,
};
use crate::table::Table;

fn percent(fraction: f64) -> String {
	format!("{:.1} %", fraction * 100.0)
}

/// How often something passed.
fn passes(passed: u64, rounds: u64) -> String {
	match passed {
		0 => "no".into(),
		_ if passed == rounds => "passes".into(),
		_ => percent(passed as f64 / rounds.max(1) as f64),
	}
}

/// A whole number with commas; powers of ten where nobody would read them.
fn grouped(amount: f64) -> String {
	if amount >= 1e12 {
		return "> 10^12".into();
	}
	let digits = format!("{amount:.0}");
	let cut = |(place, digit): (usize, char)| {
		let comma = place > 0 && (digits.len() - place).is_multiple_of(3);
		comma.then_some(',').into_iter().chain([digit])
	};
	digits.chars().enumerate().flat_map(cut).collect()
}

fn needed_cell(needed: &Needed) -> String {
	match (needed.share, needed.budget) {
		(Some(share), Some(budget)) => format!("{} ({})", percent(share), grouped(budget)),
		_ => "never".into(),
	}
}

fn budget_cell(budget: &Budget) -> String {
	match (budget.budget, budget.ais) {
		(Some(budget), Some(0)) => grouped(budget),
		(Some(budget), Some(ais)) => format!("{} ({ais})", grouped(budget)),
		_ => "never".into(),
	}
}

impl Report {
	/// A heading and one column for each matter.
	fn by_matter(&self, first: &[&'static str], last: &[&'static str]) -> Table {
		Table::new(&[first, self.matters.as_slice(), last].concat())
	}

	/// Rows, as many at a time as there are matters.
	fn grouped_by<'a, T>(&self, rows: &'a [T]) -> impl Iterator<Item = (&'a T, &'a [T])> {
		rows.chunks(self.matters.len().max(1)).filter_map(|rows| rows.first().map(|first| (first, rows)))
	}

	/// A line for each attack: what it costs, how near it comes where that is easiest, and what it passes.
	pub fn attacks(&self) -> Table {
		let first = ["attack", "AUTON", "burned", "own AIs", "κ'", "r_H needed", "r_H", "A"];
		let mut table = self.by_matter(&first, &["objection", "stopped by"]);
		for (first, rows) in self.grouped_by(&self.rows) {
			let easiest = rows.get(EASIEST).unwrap_or(first);
			let mut cells = vec![first.attack.into(), grouped(first.budget), grouped(first.burned)];
			let shares = [easiest.held, easiest.weight, easiest.needed, easiest.members, easiest.support];
			cells.extend(shares.map(percent));
			cells.extend(rows.iter().map(|row| passes(row.passed, row.rounds)));
			cells.push(percent(easiest.objections as f64 / easiest.rounds.max(1) as f64));
			cells.push(easiest.stopped.unwrap_or("–").into());
			table.push(cells);
		}
		table
	}

	/// A line for each attack: what it takes besides.
	pub fn besides(&self) -> Table {
		let mut table = self.by_matter(&["attack"], &[]);
		for (first, rows) in self.grouped_by(&self.needed) {
			table.push([first.attack.to_string()].into_iter().chain(rows.iter().map(needed_cell)).collect());
		}
		table
	}

	/// A line for each way in which a rich account may spend.
	pub fn rich(&self) -> Table {
		let mut table = self.by_matter(&["bought"], &[]);
		for (first, rows) in self.grouped_by(&self.budgets) {
			table.push([first.strategy.to_string()].into_iter().chain(rows.iter().map(budget_cell)).collect());
		}
		table
	}

	/// A line for each price of a seat.
	pub fn scales(&self) -> Table {
		let mut table = self.by_matter(&["times", "U", "S", "F0"], &[]);
		for scale in &self.scales {
			let mut cells = vec![grouped(scale.times.into())];
			cells.push(format!("{:.1}", scale.burn));
			cells.extend([scale.backing, scale.opening].map(grouped));
			cells.extend(scale.budgets.iter().map(budget_cell));
			table.push(cells);
		}
		table
	}

	/// A line for each farm.
	pub fn prices(&self) -> Table {
		let first = ["bots", "months", "opening", "use", "bonded"];
		let last = ["one account", "r_H needed", "an account each", "κ'", "r_H needed"];
		let mut table = Table::new(&[first, last].concat());
		for price in &self.farms {
			let mut cells = vec![grouped(price.bots.into()), price.months.to_string()];
			cells.extend([price.opening, price.used, price.bonded].map(grouped));
			let shares = [price.held_by_one, price.needed_by_one, price.held, price.weight, price.needed];
			cells.extend(shares.map(percent));
			table.push(cells);
		}
		table
	}

	/// A line for each turnout and share of the communities' members.
	pub fn captivity(&self) -> Table {
		let mut table = Table::new(&["turnout", "captured", "m", "s", "AIs for it", "κ'", "r_H needed"]);
		for row in &self.communities {
			let mut cells = vec![percent(row.turnout), percent(row.share)];
			cells.extend([row.members, row.preference].map(|lean| format!("{lean:+.2}")));
			cells.extend([row.in_favour, row.weight, row.needed].map(percent));
			table.push(cells);
		}
		table
	}

	/// A line for each turnout and what the attacker has.
	pub fn turnouts(&self) -> Table {
		let mut table = self.by_matter(&["turnout", "attacker has"], &[]);
		for (first, rows) in self.grouped_by(&self.apathy) {
			let cells = [percent(first.turnout), first.attack.to_string()];
			table.push(cells.into_iter().chain(rows.iter().map(needed_cell)).collect());
		}
		table
	}

	/// A line for each turnout: how often a proposal passes that nearly everybody likes.
	pub fn liked(&self) -> Table {
		let mut table = self.by_matter(&["turnout"], &[]);
		for (first, rows) in self.grouped_by(&self.welcome) {
			let rates = rows.iter().map(|welcome| passes(welcome.passed, welcome.rounds));
			table.push([percent(first.turnout)].into_iter().chain(rates).collect());
		}
		table
	}

	/// A line for each matter: the bounds of the share cap, measured and by formula, and the least that passed.
	pub fn limits(&self) -> Table {
		let first = ["matter", "θ", "κ", "all AIs for it", "(θ−κ)/(1−κ)"];
		let mut table = Table::new(&[&first[..], &["least that passed", "all AIs against it", "θ/(1−κ)"]].concat());
		let exact = |share: f64| format!("{:.4} %", share * 100.0);
		for bound in &self.bounds {
			let mut cells = vec![bound.matter.to_string()];
			cells.extend([bound.threshold, bound.ai_share, bound.captured, bound.captured_formula].map(exact));
			cells.push(bound.simulated.map_or_else(|| "none".into(), exact));
			cells.extend([bound.opposed, bound.opposed_formula].map(exact));
			table.push(cells);
		}
		table
	}

	fn introduction(&self) -> String {
		let Self { rounds, seed, turnout, bonded, .. } = self;
		format!(
			"{rounds} rounds of each attack, seed {seed}. Everybody but the attacker has bonded {} AUTON in X, and {} \
			 of them vote.",
			grouped(*bonded),
			percent(*turnout)
		)
	}
}

impl fmt::Display for Report {
	fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
		let easiest = self.matters.get(EASIEST).copied().unwrap_or_default();
		let paragraphs = [
			self.introduction(),
			"### Attacks".into(),
			format!(
				"What the attacker must have and what of it is burned, in AUTON. Then, in {easiest}: the part of the \
				 house that its own AIs vote with, κ', the r_H that would be enough, r_H, and A. Then whether a \
				 harmful proposal passes, by matter, in all rounds or in so many. At last, in {easiest} again, the \
				 rounds that end in a day of objections, and what the others fail of most often."
			),
			self.attacks().to_string(),
			"### What each attack needs besides".into(),
			"Share of the AUTON bonded in X, the attacker's included, with which half of the rounds pass. In brackets: \
			 all that the attacker must have, in AUTON."
				.into(),
			self.besides().to_string(),
			"### The least that a rich account must have".into(),
			"In AUTON, with the number of AIs that is best in brackets. Half of the rounds pass.".into(),
			self.rich().to_string(),
			"### The same with bots, an account each, if seats needed and cost more".into(),
			self.scales().to_string(),
			"### What bots cost".into(),
			format!("In AUTON; what they are of the house, and the r_H that is needed in {easiest}."),
			self.prices().to_string(),
			"### Every community captured, without the NFTs".into(),
			format!(
				"By the share of the power of investors, fans and contributors: what members and AIs prefer on \
				 average, from −1 to 1, and the r_H that is needed in {easiest}."
			),
			self.captivity().to_string(),
			"### When fewer or more people vote".into(),
			format!("As above. Lazy delegations are those of {} of the people.", percent(self.lazy)),
			self.turnouts().to_string(),
			"### How often a proposal passes that nearly everybody likes".into(),
			self.liked().to_string(),
			"### Members that must be for it".into(),
			self.limits().to_string(),
		];
		f.write_str(&paragraphs.map(|paragraph| format!("{}\n", paragraph.trim_end())).join("\n"))
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn amounts_should_be_grouped() {
		assert_eq!(grouped(0.4), "0");
		assert_eq!(grouped(999.0), "999");
		assert_eq!(grouped(1_000.0), "1,000");
		assert_eq!(grouped(1_234_567.0), "1,234,567");
		assert_eq!(grouped(1e26), "> 10^12");
	}

	#[test]
	fn outcomes_should_be_words_where_they_are_certain() {
		assert_eq!([passes(0, 8), passes(3, 8), passes(8, 8)], ["no", "37.5 %", "passes"]);
	}
}
