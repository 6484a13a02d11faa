//! A vote of X.

use autonomy_governance::{
	ai_share, approval, decide, needs_objection, tally, AiVotes, ClassVotes, Failure, Perbill, Phase, Question, Rule,
	Track,
};

/// What is decided, by what the tables call it.
#[derive(Clone, Copy, Debug)]
pub struct Matter {
	/// The name.
	pub name: &'static str,
	/// What a proposal must meet.
	pub question: Question,
	/// Whether a delegation of routine matters does not cover it.
	pub is_critical: bool,
}

/// The matters that are attacked: name, track, phase, and whether they are critical.
const MATTERS: [(&str, Track, Phase, bool); 6] = [
	("interaction P2", Track::Interaction, Phase::Two, false),
	("interaction P3", Track::Interaction, Phase::Three, false),
	("economic", Track::Economic, Phase::Three, false),
	("small treasury", Track::TreasurySmall, Phase::Three, false),
	("large treasury", Track::TreasuryLarge, Phase::Three, true),
	("constitution", Track::Constitution, Phase::Three, true),
];

/// The place of the matter that is easiest to attack among all: AIs weigh most, and half is enough.
pub const EASIEST: usize = 1;

impl Matter {
	/// Every matter that is attacked, with the defaults of its track.
	pub fn all() -> Vec<Self> {
		let matter = |(name, track, phase, is_critical): (&'static str, Track, Phase, bool)| {
			track.rule(phase).map(|rule| Self { name, question: rule.question, is_critical })
		};
		MATTERS.into_iter().filter_map(matter).collect()
	}

	/// Whether AIs have any part in it.
	pub fn hears_ais(&self) -> bool {
		self.question.rule.ai_share > Perbill::zero() || self.question.ai_house.is_some()
	}
}

/// A share as a fraction of one.
pub fn fraction(share: Perbill) -> f64 {
	f64::from(share.deconstruct()) / 1e9
}

/// What a vote came to.
#[derive(Clone, Copy, Debug)]
pub struct Played {
	/// What it failed of, if it failed.
	pub failure: Option<Failure>,
	/// Approval of members and AIs; none when no member voted for or against.
	pub approval: Option<Perbill>,
	/// A: ayes of all that members could cast.
	pub support: Perbill,
	/// r_H: ayes of what members cast for and against.
	pub members: Option<Perbill>,
	/// r_I: the same of AIs.
	pub ais: Option<Perbill>,
	/// κ': what AIs weighed.
	pub weight: Perbill,
	/// Whether a day of objections follows, because AIs made it pass.
	pub objection: bool,
}

/// Counts a vote.
pub fn vote(question: &Question, classes: &[ClassVotes; 2], house: &AiVotes) -> Played {
	let needed = classes.map(|class| (class, false));
	let result = decide(question, &needed, house);
	let without = Question {
		rule: Rule { ai_share: Perbill::zero(), ..question.rule },
		ai_house: None,
		concurring: question.concurring,
	};
	let passes_without = decide(&without, &needed, &AiVotes::new(0)).is_ok();
	let sums = tally(classes);
	Played {
		failure: result.err(),
		approval: approval(&sums, house, question.rule.ai_share),
		support: sums.support(),
		members: sums.share_of_ayes(),
		ais: house.share_of_ayes(),
		weight: ai_share(&sums, house, question.rule.ai_share),
		objection: needs_objection(passes_without, result.is_ok()),
	}
}

impl Played {
	/// r_H that would have been just enough with these AIs: the approval (1 − κ')·r_H + κ'·r_I, solved for it at θ.
	pub fn needed(&self, threshold: Perbill) -> f64 {
		let (weight, ais) = (fraction(self.weight), self.ais.map_or(0.0, fraction));
		(fraction(threshold) - weight * ais) / (1.0 - weight)
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use autonomy_governance::{Lean, Votes};

	#[test]
	fn every_matter_should_be_open_in_its_phase() {
		let matters = Matter::all();
		assert_eq!(matters.len(), MATTERS.len());
		let weighs = |matter: &Matter| fraction(matter.question.rule.ai_share);
		assert!(matters.iter().all(|matter| weighs(matter) <= weighs(&matters[EASIEST])));
		assert_eq!(matters[EASIEST].question.rule.approval, Perbill::from_percent(50));
		let silent = matters.iter().filter(|matter| !matter.hears_ais()).map(|matter| matter.name);
		assert_eq!(silent.collect::<Vec<_>>(), ["small treasury", "large treasury"]);
	}

	#[test]
	fn needed_ayes_should_be_just_enough() {
		let matter = Matter::all()[EASIEST];
		let classes = |ayes: u128| {
			let votes = Votes { ayes, nays: 10_000 - ayes, abstentions: 0 };
			[ClassVotes { weight: 1, total: 10_000, floor: 0, votes }, ClassVotes::default()]
		};
		let house = AiVotes::new(100).add(60, Lean::AYE).add(40, Lean::NAY);
		let played = vote(&matter.question, &classes(4_000), &house);
		assert!(played.failure.is_some() && !played.objection);
		// (1/2 − 1/3 · 0.6) / (2/3)
		let needed = played.needed(matter.question.rule.approval);
		assert!((needed - 0.45).abs() < 1e-6, "{needed}");
		assert!(vote(&matter.question, &classes(4_499), &house).failure.is_some());
		let passed = vote(&matter.question, &classes(4_501), &house);
		assert!(passed.failure.is_none() && passed.objection);
	}
}
