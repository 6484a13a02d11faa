//! The bounds that the share cap promises, measured on the function that decides.

use autonomy_governance::{decide, AiVotes, ClassVotes, Lean, Question, Rule, Votes};
use serde::Serialize;

use super::vote::{fraction, Matter};

/// Power of the electorate that is asked: its votes are billionths.
const ALL: u128 = 1_000_000_000;
/// How near what is measured must come to a formula.
pub const CLOSE: f64 = 1e-8;

/// Ayes of members, of what they cast, that a matter takes when every AI is on one side.
#[derive(Clone, Debug, Serialize)]
pub struct Bound {
	/// The matter.
	pub matter: &'static str,
	/// θ.
	pub threshold: f64,
	/// κ.
	pub ai_share: f64,
	/// With every AI for it.
	pub captured: f64,
	/// The same by the formula (θ − κ)/(1 − κ).
	pub captured_formula: f64,
	/// With every AI against it.
	pub opposed: f64,
	/// The same by the formula θ/(1 − κ).
	pub opposed_formula: f64,
	/// The least with which anything passed in the simulation.
	pub simulated: Option<f64>,
}

/// (θ − κ)/(1 − κ): no proposal passes with less of the members for it, whatever AIs there are.
pub fn least_members(rule: &Rule) -> f64 {
	let (threshold, ai_share) = (fraction(rule.approval), fraction(rule.ai_share));
	(threshold - ai_share) / (1.0 - ai_share)
}

/// θ/(1 − κ): with so much of the members for it a proposal passes, whatever AIs there are.
pub fn enough_members(rule: &Rule) -> f64 {
	fraction(rule.approval) / (1.0 - fraction(rule.ai_share))
}

/// The least billionths of ayes, everybody voting, with which it passes when all AIs vote like this.
fn least_ayes(question: &Question, ais: Lean) -> u128 {
	let house = AiVotes::new(300).add(300, ais);
	let passes = |ayes: u128| {
		let votes = Votes { ayes, nays: ALL - ayes, abstentions: 0 };
		let class = ClassVotes { weight: 1, total: ALL, floor: 0, votes };
		decide(question, &[(class, false)], &house).is_ok()
	};
	let (mut fails, mut least) = (0, ALL);
	while fails + 1 < least {
		let middle = (fails + least) / 2;
		if passes(middle) {
			least = middle;
		} else {
			fails = middle;
		}
	}
	least
}

impl Bound {
	/// Measures it, without what the AI house says besides. `simulated` is the least r_H that passed elsewhere.
	pub fn new(matter: &Matter, simulated: Option<f64>) -> Self {
		let question = Question { ai_house: None, ..matter.question };
		let least = |ais: Lean| least_ayes(&question, ais) as f64 / ALL as f64;
		Self {
			matter: matter.name,
			threshold: fraction(question.rule.approval),
			ai_share: fraction(question.rule.ai_share),
			captured: least(Lean::AYE),
			captured_formula: least_members(&question.rule),
			opposed: least(Lean::NAY),
			opposed_formula: enough_members(&question.rule),
			simulated,
		}
	}

	/// Whether what was measured is what the formulas say, to a hundred-millionth, and nothing passed below it.
	pub fn holds(&self) -> bool {
		let close = |one: f64, other: f64| (one - other).abs() < CLOSE;
		close(self.captured, self.captured_formula)
			&& close(self.opposed, self.opposed_formula)
			&& self.simulated.is_none_or(|least| least + CLOSE >= self.captured_formula)
	}
}
