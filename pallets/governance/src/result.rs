//! The result of a proposal: the approval of members and AIs together, and what else it must meet.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_arithmetic::{PerThing, Perbill};

use crate::{
	ai::AiVotes,
	numbers::{ratio, share, BILLION},
	tally::{tally_of, ClassVotes, Tally},
};

/// What members and AIs together must reach. Frozen when a proposal is submitted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Rule {
	/// θ: least approval.
	pub approval: Perbill,
	/// s: least ayes of members, of all that they could cast. At least 0.01 % keeps the approval within 3 billionths of
	/// the exact one.
	pub support: Perbill,
	/// κ: most that AIs weigh in the approval.
	pub ai_share: Perbill,
}

impl Rule {
	/// Whether members alone can pass what every AI is against: θ ≤ 1 − κ.
	pub fn is_sound(&self) -> bool {
		self.approval <= self.ai_share.left_from_one()
	}
}

/// What AIs weigh in the approval: κ' = κ·y / (1 − κ + κ·y), where y is the AIs' turnout of the members', at most 1.
/// Rounded down, never above `most`. Nothing while no member has voted.
pub fn ai_share(tally: &Tally, ai: &AiVotes, most: Perbill) -> Perbill {
	let human = tally.cast();
	let (ayes, nays) = ai.parts();
	let cast = ayes.saturating_add(nays);
	if human == 0 {
		return Perbill::zero();
	}
	if cast >= human {
		return most;
	}
	let weighed = u128::from(most.deconstruct()).saturating_mul(cast);
	let rest = u128::from(most.left_from_one().deconstruct()).saturating_mul(human);
	ratio(weighed, rest.saturating_add(weighed)).unwrap_or_default()
}

/// The approval of members and AIs: (1 − κ')·r_H + κ'·r_I, rounded down, once. `None` when no member voted for or against;
/// AIs alone never pass anything.
///
/// An aye more, of a member or an AI, never lowers it, a nay more never raises it. Every rounding goes against the
/// proposal, so it is never above the exact fraction.
pub fn approval(tally: &Tally, ai: &AiVotes, most: Perbill) -> Option<Perbill> {
	let (ayes, human) = (u128::from(tally.ayes), tally.cast());
	let (ai_ayes, ai_nays) = ai.parts();
	let cast = ai_ayes.saturating_add(ai_nays);
	let most = u128::from(most.deconstruct());
	let rest = BILLION.saturating_sub(most);
	if human == 0 {
		return None;
	}
	if cast <= human {
		// With y = x_I/x_H the formula is one quotient: ((1−κ)·A + κ·a) / ((1−κ)·x_H + κ·x_I).
		let pro = rest.saturating_mul(ayes).saturating_add(most.saturating_mul(ai_ayes));
		return ratio(pro, rest.saturating_mul(human).saturating_add(most.saturating_mul(cast)));
	}
	// y = 1: ((1−κ)·A·x_I + κ·a·x_H) / (x_H·x_I), below 10^9 · (2·10^14)², which is a ninth of what 128 bits hold.
	let of_humans = rest.saturating_mul(ayes).saturating_mul(cast);
	let of_ais = most.saturating_mul(ai_ayes).saturating_mul(human);
	of_humans.saturating_add(of_ais).checked_div(human.saturating_mul(cast)).map(share)
}

/// When a single class is for a proposal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct ConsentRule {
	/// Least ayes of what was cast for and against.
	pub approval: Perbill,
	/// Least ayes of the class's denominator.
	pub support: Perbill,
}

impl ConsentRule {
	/// Of a class whose revenue, weight or rights are lowered: half of what was cast, and a tenth of the class.
	pub const CONSENT: Self = Self { approval: Perbill::from_percent(50), support: Perbill::from_percent(10) };
	/// Of a class that concurs: half of what was cast.
	pub const CONCURRENCE: Self = Self { approval: Perbill::from_percent(50), support: Perbill::zero() };
}

/// All that a proposal must meet. Frozen when it is submitted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Question {
	/// What members and AIs together must reach.
	pub rule: Rule,
	/// Classes that must each be for it; where fewer have members, all of those.
	pub concurring: u8,
	/// Least ayes of what AIs cast for and against, if any do.
	pub ai_house: Option<Perbill>,
}

/// Why a proposal fails.
#[derive(
	Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Failure {
	/// No member voted for or against.
	#[codec(index = 0)]
	NobodyVoted,
	/// Too few ayes of all that members could cast.
	#[codec(index = 1)]
	Support,
	/// Too little approval.
	#[codec(index = 2)]
	Approval,
	/// The AI house is against it.
	#[codec(index = 3)]
	AiHouse,
	/// Too few classes are for it.
	#[codec(index = 4)]
	Concurrence,
	/// A class that loses by it does not consent.
	#[codec(index = 5)]
	Consent,
}

/// The result: the approval if a proposal passes, or what it fails of first. Each class comes with whether its consent is
/// needed; one without members has none to give.
///
/// A share κ above 1 − θ counts as 1 − θ, so that members alone can always pass what every AI is against.
pub fn decide(question: &Question, classes: &[(ClassVotes, bool)], ai: &AiVotes) -> Result<Perbill, Failure> {
	let Question { rule, concurring, ai_house } = question;
	let tally = tally_of(classes.iter().map(|(class, _)| *class));
	let most = rule.ai_share.min(rule.approval.left_from_one());
	let approval = approval(&tally, ai, most).ok_or(Failure::NobodyVoted)?;
	if tally.support() < rule.support {
		return Err(Failure::Support);
	}
	if approval < rule.approval {
		return Err(Failure::Approval);
	}
	if ai_house.zip(ai.share_of_ayes()).is_some_and(|(least, ayes)| ayes < least) {
		return Err(Failure::AiHouse);
	}
	let members = || classes.iter().filter(|(class, _)| class.has_members());
	let concur = members().filter(|(class, _)| class.agrees(&ConsentRule::CONCURRENCE)).count();
	if concur < usize::from(*concurring).min(members().count()) {
		return Err(Failure::Concurrence);
	}
	if members().any(|(class, is_needed)| *is_needed && !class.agrees(&ConsentRule::CONSENT)) {
		return Err(Failure::Consent);
	}
	Ok(approval)
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::{Lean, Parts, Votes, WHOLE};

	const THIRD: Perbill = Perbill::from_parts(333_333_333);

	fn percent(percent: u64) -> Parts {
		WHOLE / 100 * percent
	}

	fn human(ayes: u64, nays: u64) -> Tally {
		Tally { ayes: percent(ayes), nays: percent(nays), abstentions: 0 }
	}

	fn house(ayes: u32, nays: u32) -> AiVotes {
		AiVotes::new(100).add(ayes, Lean::AYE).add(nays, Lean::NAY)
	}

	fn class(ayes: u128, nays: u128) -> ClassVotes {
		ClassVotes { weight: 1, total: 100, floor: 0, votes: Votes { ayes, nays, abstentions: 0 } }
	}

	const QUESTION: Question = Question {
		rule: Rule {
			approval: Perbill::from_percent(50),
			support: Perbill::from_percent(10),
			ai_share: Perbill::from_percent(20),
		},
		concurring: 0,
		ai_house: None,
	};

	#[test]
	fn approval_should_be_that_of_members_when_no_ai_votes() {
		let most = Perbill::from_percent(20);
		assert_eq!(approval(&human(30, 10), &house(0, 0), most), Some(Perbill::from_percent(75)));
		assert_eq!(ai_share(&human(30, 10), &house(0, 0), most), Perbill::zero());
		assert_eq!(approval(&human(0, 0), &house(100, 0), most), None, "AIs alone pass nothing");
	}

	#[test]
	fn ais_should_weigh_their_share_when_they_vote_as_much_as_members() {
		let most = Perbill::from_percent(20);
		assert_eq!(ai_share(&human(10, 10), &house(20, 0), most), most);
		assert_eq!(approval(&human(10, 10), &house(20, 0), most), Some(Perbill::from_percent(60)));
		assert_eq!(approval(&human(10, 10), &house(100, 0), most), Some(Perbill::from_percent(60)));
		assert_eq!(approval(&human(10, 10), &house(0, 100), most), Some(Perbill::from_percent(40)));
	}

	#[test]
	fn ais_should_weigh_less_when_they_vote_less() {
		// y = 1/2: κ' = 0.1 / 0.9.
		let most = Perbill::from_percent(20);
		assert_eq!(ai_share(&human(20, 20), &house(20, 0), most), Perbill::from_parts(111_111_111));
		assert_eq!(approval(&human(20, 20), &house(20, 0), most), Some(Perbill::from_parts(555_555_555)));
	}

	#[test]
	fn members_should_be_needed_when_every_ai_is_captured() {
		let result = |ayes: u128, ai_share: Perbill| {
			let rule = Rule { ai_share, ..QUESTION.rule };
			decide(&Question { rule, ..QUESTION }, &[(class(ayes, 80 - ayes), false)], &house(100, 0))
		};
		// 37.5 % of 80, and 25 %.
		assert!(result(30, Perbill::from_percent(20)).is_ok());
		assert_eq!(result(29, Perbill::from_percent(20)), Err(Failure::Approval));
		assert!(result(21, THIRD).is_ok());
		assert_eq!(result(20, THIRD), Err(Failure::Approval), "a third in billionths is just below");
	}

	#[test]
	fn members_should_pass_alone_when_three_quarters_are_for_it_and_every_ai_is_against() {
		let rule = Rule { ai_share: THIRD, ..QUESTION.rule };
		let result = |ayes| decide(&Question { rule, ..QUESTION }, &[(class(ayes, 80 - ayes), false)], &house(0, 100));
		assert!(result(60).is_ok());
		assert_eq!(result(59), Err(Failure::Approval));
	}

	#[test]
	fn share_of_ais_should_never_leave_members_helpless() {
		let rule = Rule { approval: Perbill::from_percent(80), ai_share: THIRD, ..QUESTION.rule };
		assert!(!rule.is_sound() && QUESTION.rule.is_sound());
		assert!(decide(&Question { rule, ..QUESTION }, &[(class(80, 0), false)], &house(0, 100)).is_ok());
	}

	#[test]
	fn only_ayes_should_count_towards_support() {
		let result = |ayes, nays| decide(&QUESTION, &[(class(ayes, nays), false)], &house(0, 0));
		assert!(result(10, 0).is_ok());
		assert_eq!(result(9, 0), Err(Failure::Support));
		assert_eq!(result(9, 5), Err(Failure::Support));
		assert_eq!(result(0, 0), Err(Failure::NobodyVoted));
	}

	#[test]
	fn ai_house_should_be_heard_when_any_ai_votes() {
		let question = Question { ai_house: Some(Perbill::from_percent(50)), ..QUESTION };
		let result = |ayes, nays| decide(&question, &[(class(90, 0), false)], &house(ayes, nays));
		assert!(result(0, 0).is_ok() && result(10, 10).is_ok());
		assert_eq!(result(10, 11), Err(Failure::AiHouse));
	}

	#[test]
	fn classes_should_concur_as_far_as_there_are_any() {
		let question = Question { concurring: 2, ..QUESTION };
		let empty = (ClassVotes { weight: 1, ..ClassVotes::default() }, true);
		let result = |classes: &[(ClassVotes, bool)]| decide(&question, classes, &house(0, 0));
		assert!(result(&[(class(60, 0), false), (class(1, 1), false)]).is_ok());
		assert_eq!(result(&[(class(60, 0), false), (class(1, 2), false)]), Err(Failure::Concurrence));
		assert!(result(&[(class(60, 0), false), empty]).is_ok(), "nobody is left who could concur or consent");
	}

	#[test]
	fn a_class_that_loses_should_consent() {
		let result = |other| decide(&QUESTION, &[(class(90, 0), false), (other, true)], &house(0, 0));
		assert!(result(class(10, 10)).is_ok());
		assert_eq!(result(class(10, 11)), Err(Failure::Consent));
		assert_eq!(result(class(9, 0)), Err(Failure::Consent));
	}
}
