//! The people and AIs of X, and how they vote in a round.

use autonomy_governance::{preference, seat_weight, shares_floor, tally, ClassVotes, Lean, Power, Side, Votes};
use sp_runtime::Permill;

use super::{
	dice::{Dice, Stream},
	rules::{Rules, Size, HEAVIEST, LIGHTEST, MAX_POINTS, TIERS},
};

/// Shares that each community has issued.
const SHARES: u128 = 1_000_000;
/// Part of them that investors have bonded, in percent.
const BONDED_SHARES: u128 = 40;
/// Investors of a community.
const INVESTORS: usize = 12;
/// Fans of its advanced tiers, each of 1 to 5 points.
const FANS: usize = 30;
/// Contributors of a community, each of one point.
const CONTRIBUTORS: usize = 4;
/// How many times what a seat needs the first AI has, the second half of it, the third a third, and so on.
const FIRST_AI: u128 = 30;

/// What people think of a proposal.
#[derive(Clone, Copy, Debug)]
pub struct Mood {
	/// Part of the people who vote.
	pub turnout: Permill,
	/// Part of those who vote aye.
	pub ayes: Permill,
	/// Part of those who vote nay. The rest abstains.
	pub nays: Permill,
	/// Part of all people who have delegated to the attacker.
	pub lazy: Permill,
	/// What an AI decides.
	pub decision: Lean,
	/// Part of the AIs whose decision was asked for and agreed on.
	pub decided: Permill,
}

impl Mood {
	/// A proposal that does harm: nine of ten voters see it, one of twenty is fooled.
	pub fn harmful(turnout: Permill, lazy: Permill) -> Self {
		Self {
			turnout,
			ayes: Permill::from_percent(5),
			nays: Permill::from_percent(90),
			lazy,
			decision: Lean::NAY,
			decided: Permill::from_percent(90),
		}
	}

	/// A proposal that nearly everybody likes.
	pub fn welcome(turnout: Permill) -> Self {
		Self {
			turnout,
			ayes: Permill::from_percent(90),
			nays: Permill::from_percent(5),
			lazy: Permill::zero(),
			decision: Lean::AYE,
			decided: Permill::from_percent(90),
		}
	}

	fn side(&self, millionth: u32) -> Side {
		let ayes = self.ayes.deconstruct();
		if millionth < ayes {
			Side::Aye
		} else if millionth < ayes + self.nays.deconstruct() {
			Side::Nay
		} else {
			Side::Abstain
		}
	}
}

/// A class: its weight, its floor, and the power of each member.
#[derive(Clone, Debug)]
struct Class {
	weight: u16,
	floor: Power,
	members: Vec<Power>,
}

/// What a class casts.
#[derive(Clone, Copy, Debug)]
pub struct Cast {
	/// What its members cast themselves.
	pub class: ClassVotes,
	/// What those have who delegated to the attacker and did not vote. Whoever votes takes its power back.
	pub idle: Power,
}

impl Class {
	/// Everybody draws the same three numbers whatever the mood is, so that whoever votes at a turnout also votes at a
	/// higher one, and in the same way.
	fn cast(&self, mood: &Mood, stream: &mut Stream) -> Cast {
		let mut votes = Votes::default();
		let mut idle: Power = 0;
		for power in &self.members {
			let votes_itself = stream.happens(mood.turnout);
			let side = mood.side(stream.millionth());
			let is_lazy = stream.happens(mood.lazy);
			match side {
				_ if !votes_itself && is_lazy => idle += power,
				_ if !votes_itself => (),
				Side::Aye => votes.ayes += power,
				Side::Nay => votes.nays += power,
				Side::Abstain => votes.abstentions += power,
			}
		}
		let total = self.members.iter().sum();
		Cast { class: ClassVotes { weight: self.weight, total, floor: self.floor, votes }, idle }
	}
}

/// An AI with a seat, and its community.
#[derive(Clone, Debug)]
struct Ai {
	weight: u32,
	/// Owner, investors, fans, contributors.
	classes: [Class; 4],
}

/// An AI in a round: what its seat weighs, what its members cast and what it decided itself.
#[derive(Clone, Copy, Debug)]
pub struct Child {
	/// Weight of the seat.
	pub weight: u32,
	/// Owner, investors, fans, contributors.
	pub classes: [ClassVotes; 4],
	/// Its own decision.
	pub decision: Lean,
	/// m: what its members prefer.
	pub members: Lean,
	/// s: what it prefers, of its decision and its members.
	pub preference: Lean,
}

impl Child {
	/// With the preferences that follow.
	pub fn new(weight: u32, classes: [ClassVotes; 4], decision: Lean, rules: &Rules) -> Self {
		let members = tally(&classes).lean(rules.participation());
		Self { weight, classes, decision, members, preference: preference(rules.own_share(), decision, members) }
	}
}

/// What everybody but the attacker cast in a round.
#[derive(Clone, Debug)]
pub struct Poll {
	/// Holders of AUTON.
	pub token: Cast,
	/// Contributors.
	pub contributor: Cast,
	/// AIs, the heaviest first.
	pub children: Vec<Child>,
}

/// Everybody but the attacker.
#[derive(Clone, Debug)]
pub struct Society {
	token: Class,
	contributor: Class,
	ais: Vec<Ai>,
}

/// An amount among so many, as 1/10, 1/11, 1/12 and so on: of 2,000, the first has a fiftieth, the first 130 have half.
fn divided(amount: u128, among: usize) -> Vec<u128> {
	let part = |number: usize| 1_000_000_000u128 / (number as u128 + 10);
	let all: u128 = (0..among).map(part).sum();
	(0..among).map(|number| amount / all * part(number) + amount % all * part(number) / all).collect()
}

/// Power of amounts that are bonded in each tier in turn.
fn bonded(amounts: Vec<u128>) -> Vec<Power> {
	amounts.into_iter().zip(TIERS.into_iter().cycle()).map(|(amount, weight)| amount * weight).collect()
}

/// Badges of 1 to 5 points in turn.
fn badges(count: usize) -> Vec<Power> {
	(0..count).map(|number| number as Power % MAX_POINTS + 1).collect()
}

/// Weights of owner, investors, fans and contributors by the charter.
pub fn class_weights(rules: &Rules) -> [u16; 4] {
	rules.charter.weights.map(|weight| weight.default as u16)
}

/// Floors of the same.
pub fn class_floors(rules: &Rules) -> [Power; 4] {
	[1, shares_floor(SHARES, rules.least_shares, LIGHTEST), rules.badges_floor(), rules.badges_floor()]
}

impl Ai {
	fn new(number: usize, rules: &Rules) -> Self {
		let has = |needed: u128| needed * FIRST_AI / (number as u128 + 1) + needed / 2;
		let [owner, investor, fan, contributor] = class_weights(rules);
		let [of_owner, of_investor, of_fan, of_contributor] = class_floors(rules);
		let investors = bonded(divided(SHARES * BONDED_SHARES / 100, INVESTORS));
		let class = |weight, floor, members| Class { weight, floor, members };
		Self {
			weight: seat_weight(has(rules.seat.burn), has(rules.seat.backing), &rules.seat),
			classes: [
				class(owner, of_owner, vec![1]),
				class(investor, of_investor, investors),
				class(fan, of_fan, badges(FANS)),
				class(contributor, of_contributor, vec![1; CONTRIBUTORS]),
			],
		}
	}
}

impl Society {
	/// Everybody. No chance in it.
	pub fn new(size: &Size, rules: &Rules) -> Self {
		let holders = bonded(divided(size.bonded, size.holders));
		let floor = rules.token_floor * LIGHTEST;
		let token = Class { weight: rules.token_weight, floor, members: holders };
		let contributor =
			Class { weight: rules.contributor_weight, floor: rules.badges_floor(), members: badges(size.contributors) };
		Self { token, contributor, ais: (0..size.ais).map(|number| Ai::new(number, rules)).collect() }
	}

	/// Power of all AUTON that is bonded in X.
	pub fn token_power(&self) -> Power {
		self.token.members.iter().sum()
	}

	/// Weights of the AIs' seats, the heaviest first.
	pub fn weights(&self) -> Vec<u32> {
		self.ais.iter().map(|ai| ai.weight).collect()
	}

	/// What everybody casts in a round.
	pub fn poll(&self, mood: &Mood, rules: &Rules, dice: Dice) -> Poll {
		let mut stream = dice.stream(0);
		let (token, contributor) = (self.token.cast(mood, &mut stream), self.contributor.cast(mood, &mut stream));
		let children = self.ais.iter().zip(1..).map(|(ai, number)| {
			let mut stream = dice.stream(number);
			let classes = ai.classes.each_ref().map(|class| class.cast(mood, &mut stream).class);
			let decision = if stream.happens(mood.decided) { mood.decision } else { Lean::NEUTRAL };
			Child::new(ai.weight, classes, decision, rules)
		});
		Poll { token, contributor, children: children.collect() }
	}
}

/// Power that somebody needs to have `share` of all, theirs included, where others have `others`; rounded up.
pub fn power_for(share: Permill, others: Power) -> Power {
	let share = u128::from(share.deconstruct().min(999_999));
	others.saturating_mul(share).div_ceil(1_000_000 - share)
}

/// What an attacker bonds for such power, in planck: in the longest tier, where a planck weighs most.
pub fn bond_for(power: Power) -> u128 {
	power.div_ceil(HEAVIEST)
}

#[cfg(test)]
mod tests {
	use super::*;

	const SIZE: Size = Size {
		rounds: 1,
		seed: 0,
		holders: 100,
		bonded: 1_000_000,
		contributors: 10,
		ais: 60,
		turnout: Permill::from_percent(50),
		lazy: Permill::from_percent(10),
		item_worth: 1,
		members_worth: 1,
	};

	fn poll(turnout: u32, seed: u64, round: u64) -> Poll {
		let rules = Rules::default();
		let mood = Mood::harmful(Permill::from_percent(turnout), SIZE.lazy);
		Society::new(&SIZE, &rules).poll(&mood, &rules, Dice { seed, round })
	}

	#[test]
	fn amounts_should_be_divided_the_first_having_most() {
		assert_eq!(divided(22, 2), [11, 10]);
		let parts = divided(1_000_000, 100);
		assert!(parts.iter().sum::<u128>() > 999_800 && parts.is_sorted_by(|one, other| one >= other));
		assert_eq!(bonded(vec![10, 10, 10, 10, 10]), [20, 30, 40, 60, 20]);
		assert_eq!(badges(6), [1, 2, 3, 4, 5, 1]);
	}

	#[test]
	fn seats_should_weigh_from_the_most_to_one() {
		let weights = Society::new(&SIZE, &Rules::default()).weights();
		assert_eq!((weights.first(), weights.last()), (Some(&300), Some(&100)));
		assert!(weights.is_sorted_by(|one, other| one >= other));
	}

	#[test]
	fn poll_should_be_the_same_for_the_same_chance() {
		let votes = |seed, round| {
			let poll = poll(50, seed, round);
			(poll.token.class.votes, poll.children.iter().map(|child| child.classes).collect::<Vec<_>>())
		};
		assert_eq!(votes(1, 2), votes(1, 2));
		assert_ne!(votes(1, 2), votes(1, 3));
		assert_ne!(votes(1, 2), votes(2, 2));
	}

	#[test]
	fn whoever_votes_should_also_vote_at_a_higher_turnout_and_leave_nothing_idle() {
		let casts = [0, 10, 40, 100].map(|turnout| poll(turnout, 3, 0).token);
		for (low, high) in casts.iter().zip(&casts[1..]) {
			let (less, more) = (low.class.votes, high.class.votes);
			assert!(less.ayes <= more.ayes && less.nays < more.nays && less.abstentions <= more.abstentions);
			assert!(low.idle >= high.idle);
		}
		assert!(casts[0].idle > 0);
		assert_eq!(casts[3].class.votes.sum(), Some(casts[3].class.total));
		assert_eq!(casts[3].idle, 0);
	}

	#[test]
	fn power_should_be_of_all_including_ones_own() {
		assert_eq!(power_for(Permill::from_percent(50), 70), 70);
		assert_eq!(power_for(Permill::from_percent(20), 80), 20);
		assert_eq!(power_for(Permill::zero(), 80), 0);
		assert_eq!(bond_for(13), 3);
	}
}
