//! Many rounds of an attack.

use autonomy_governance::{decide, Failure, Perbill};
use sp_runtime::Permill;

use super::{
	attacks::{Attack, House},
	bounds::{least_members, CLOSE},
	dice::Dice,
	rules::{Rules, Size},
	society::{Mood, Poll, Society},
	vote::{fraction, vote, Matter, Played},
};

/// What everybody but the attacker casts, round by round.
pub fn polls(society: &Society, mood: &Mood, rules: &Rules, size: &Size) -> Vec<Poll> {
	(0..size.rounds).map(|round| society.poll(mood, rules, Dice { seed: size.seed, round })).collect()
}

/// An attack in every round: who votes in X, and the AI house as it is with the attacker's AIs.
pub struct Faced<'a> {
	attack: &'a Attack,
	rounds: Vec<(&'a Poll, House)>,
	/// Share of the house that one controller may vote with.
	cap: Perbill,
}

/// What an attack came to over all rounds. Shares are means.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
	/// Rounds.
	pub rounds: u64,
	/// Rounds in which the proposal passed.
	pub passed: u64,
	/// Of these, rounds in which it passed only because of AIs, so that a day of objections would follow.
	pub objections: u64,
	/// What must never be: rounds in which it passed below the bound of r_H or below s, in which AIs weighed more than
	/// κ, or in which an account voted with more than its cap.
	pub broken: u64,
	/// Approval, over the rounds in which any member voted for or against.
	pub approval: f64,
	/// A.
	pub support: f64,
	/// r_H.
	pub members: f64,
	/// κ'.
	pub weight: f64,
	/// r_H that would have been just enough with these AIs.
	pub needed: f64,
	/// Share of the AI house that the attacker's own AIs vote with.
	pub held: f64,
	/// The least r_H with which it passed.
	pub least: Option<f64>,
	/// What it failed of most often.
	pub stopped: Option<Failure>,
}

/// The mean; 0 of nothing.
pub fn mean(values: impl Iterator<Item = f64>) -> f64 {
	let (sum, count) = values.fold((0.0, 0u64), |(sum, count), value| (sum + value, count + 1));
	sum / count.max(1) as f64
}

/// The smaller of what is there.
pub fn least(values: impl Iterator<Item = f64>) -> Option<f64> {
	values.fold(None, |least, value| match least {
		Some(other) if other <= value => least,
		_ => Some(value),
	})
}

const FAILURES: [Failure; 6] = [
	Failure::NobodyVoted,
	Failure::Support,
	Failure::Approval,
	Failure::AiHouse,
	Failure::Concurrence,
	Failure::Consent,
];

impl<'a> Faced<'a> {
	/// Has the attack's AIs vote in every round.
	pub fn new(attack: &'a Attack, polls: &'a [Poll], rules: &Rules) -> Self {
		let rounds = polls.iter().map(|poll| (poll, attack.house(poll, rules))).collect();
		Self { attack, rounds, cap: rules.controller_cap }
	}

	fn is_broken(&self, matter: &Matter, played: &Played, house: &House) -> bool {
		let rule = matter.question.rule;
		let members = played.members.map_or(0.0, fraction);
		let passes = played.failure.is_none();
		let below = passes && (members + CLOSE < least_members(&rule) || played.support < rule.support);
		let exceeds = house.largest * 1_000_000_000 > house.votes.total * u128::from(self.cap.deconstruct());
		below || played.weight > rule.ai_share || exceeds
	}

	/// What it comes to with so much of the AUTON.
	pub fn outcome(&self, matter: &Matter, tokens: Permill) -> Outcome {
		let play = |(poll, house): &(&Poll, House)| {
			let classes = self.attack.classes(poll, tokens, matter.is_critical);
			let played = vote(&matter.question, &classes, &house.votes);
			(played, self.is_broken(matter, &played, house))
		};
		let played: Vec<(Played, bool)> = self.rounds.iter().map(play).collect();
		let votes = || played.iter().map(|(played, _)| played);
		let passed = || votes().filter(|played| played.failure.is_none());
		let failed_of = |failure: Failure| votes().filter(|played| played.failure == Some(failure)).count();
		let stopped = FAILURES.into_iter().max_by_key(|failure| failed_of(*failure));
		let held = |(_, house): &(&Poll, House)| house.held as f64 / house.votes.total.max(1) as f64;
		Outcome {
			rounds: played.len() as u64,
			passed: passed().count() as u64,
			objections: votes().filter(|played| played.objection).count() as u64,
			broken: played.iter().filter(|(_, is_broken)| *is_broken).count() as u64,
			approval: mean(votes().filter_map(|played| played.approval.map(fraction))),
			support: mean(votes().map(|played| fraction(played.support))),
			members: mean(votes().filter_map(|played| played.members.map(fraction))),
			weight: mean(votes().map(|played| fraction(played.weight))),
			needed: mean(votes().map(|played| played.needed(matter.question.rule.approval))),
			held: mean(self.rounds.iter().map(held)),
			least: least(passed().filter_map(|played| played.members.map(fraction))),
			stopped: stopped.filter(|failure| failed_of(*failure) > 0),
		}
	}

	fn passes_mostly(&self, matter: &Matter, tokens: Permill) -> bool {
		let passes = |(poll, house): &&(&Poll, House)| {
			let classes = self.attack.classes(poll, tokens, matter.is_critical).map(|class| (class, false));
			decide(&matter.question, &classes, &house.votes).is_ok()
		};
		let half = self.rounds.len().div_ceil(2);
		self.rounds.iter().filter(passes).take(half).count() == half
	}

	/// The least share of the AUTON, the attacker's included, with which it passes in half of the rounds. `None` when
	/// none is enough.
	pub fn needed(&self, matter: &Matter) -> Option<Permill> {
		let passes = |millionths: u32| self.passes_mostly(matter, Permill::from_parts(millionths));
		if passes(0) {
			return Some(Permill::zero());
		}
		let (mut fails, mut least) = (0, 999_999);
		if !passes(least) {
			return None;
		}
		while fails + 1 < least {
			let middle = (fails + least) / 2;
			if passes(middle) {
				least = middle;
			} else {
				fails = middle;
			}
		}
		Some(Permill::from_parts(least))
	}
}
