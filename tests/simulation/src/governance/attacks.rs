//! What an attacker has, and what it costs.

use autonomy_governance::{
	capped_weight, creation_burn, AiVotes, ClassVotes, Lean, Power, Side, Votes, ABSTENTION_BAND,
};
use sp_runtime::Permill;

use super::{
	rules::{Balance, Rules, Size, LIGHTEST},
	society::{bond_for, class_floors, class_weights, power_for, Cast, Child, Poll, Society},
};

/// AIs that the attacker has made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Farm {
	/// How many.
	pub bots: u32,
	/// Months over which their seats are opened, the same number in each.
	pub months: u32,
	/// How many times what a seat needs each of them has, in its burn and its backing; 3 for the most weight.
	pub times: u32,
}

/// What the attacker has of a community.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hold {
	/// The NFT: the owner's vote, and the AI's seat is one of the attacker's.
	Item,
	/// So much of the power of investors, fans and contributors, its own included, without the NFT.
	Members(Permill),
	/// The NFT and every member, and a persona that was rewritten more than a week ago, so that the AI decides as the
	/// attacker likes.
	Outright,
}

/// Communities of other AIs that the attacker has got hold of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Captured {
	/// How many, those with the lightest seats first.
	pub communities: usize,
	/// What it has of each.
	pub hold: Hold,
}

impl Default for Captured {
	fn default() -> Self {
		Self { communities: 0, hold: Hold::Outright }
	}
}

/// What an attacker has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Attack {
	/// What the tables call it.
	pub name: &'static str,
	/// Share of the power of all AUTON bonded in X, the attacker's included.
	pub tokens: Permill,
	/// Whether lazy people have delegated to it.
	pub delegations: bool,
	/// AIs that it has made.
	pub farm: Farm,
	/// Communities that it has captured.
	pub captured: Captured,
	/// Accounts that hold its AIs, as evenly as can be; one for each AI unless said otherwise.
	pub accounts: Option<u32>,
}

/// What an attack costs, in planck.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Cost {
	/// Bonded for 168 days, in X and behind seats, and free again then.
	pub bonded: Balance,
	/// Burned by opening seats.
	pub opening: Balance,
	/// Burned by the use of the AIs in one month.
	pub used: Balance,
	/// Paid for shares, memberships and NFTs, which may be sold again.
	pub bought: Balance,
}

impl Cost {
	/// What is gone, whatever comes of it.
	pub fn burned(&self) -> Balance {
		self.opening.saturating_add(self.used)
	}

	/// What the attacker must have.
	pub fn sum(&self) -> Balance {
		self.bonded.saturating_add(self.burned()).saturating_add(self.bought)
	}
}

/// The AI house as it votes.
#[derive(Clone, Copy, Debug)]
pub struct House {
	/// All of it.
	pub votes: AiVotes,
	/// Weight with which the attacker's own AIs vote, made or bought.
	pub held: Power,
	/// The same of its account that has most.
	pub largest: Power,
}

fn millionths(amount: Balance, share: Permill) -> Balance {
	let parts = u128::from(share.deconstruct());
	amount / 1_000_000 * parts + amount % 1_000_000 * parts / 1_000_000
}

impl Farm {
	/// A bot: an owner without any other member, and a persona that was written for it.
	fn bot(&self, rules: &Rules) -> Child {
		let (weights, floors) = (class_weights(rules), class_floors(rules));
		let class = |place: usize, total: Power| {
			let votes = Votes { ayes: total, ..Votes::default() };
			ClassVotes { weight: weights[place], total, floor: floors[place], votes }
		};
		let classes = [class(0, 1), class(1, 0), class(2, 0), class(3, 0)];
		Child::new(rules.weight(self.times), classes, Lean::AYE, rules)
	}

	/// What opening the seats and using the AIs burns, and what is bonded behind them.
	pub fn cost(&self, rules: &Rules) -> Cost {
		// As many as this were opened in the 30 days before, or all that were opened yet.
		let in_a_month = self.bots.div_ceil(self.months.max(1));
		let burn = |bot: u32| creation_burn(rules.creation_burn, bot.min(in_a_month), rules.creation_target);
		let seats = u128::from(self.times) * u128::from(self.bots);
		Cost {
			// A third of S is enough in the longest tier.
			bonded: bond_for(rules.seat.backing * seats * LIGHTEST),
			opening: (0..self.bots).map(burn).fold(0, u128::saturating_add),
			used: rules.seat.burn * seats,
			bought: 0,
		}
	}
}

impl Hold {
	/// The community in these hands.
	pub fn taken(self, child: &Child, rules: &Rules) -> Child {
		let [owner, investor, fan, contributor] = child.classes;
		let all = |class: ClassVotes| {
			let votes = Votes { ayes: class.denominator(), ..Votes::default() };
			ClassVotes { total: class.denominator(), votes, ..class }
		};
		let (classes, decision) = match self {
			Self::Item => ([all(owner), investor, fan, contributor], child.decision),
			Self::Members(share) => {
				let with = |class: ClassVotes| {
					let power = power_for(share, class.total);
					let votes = Votes { ayes: class.votes.ayes.saturating_add(power), ..class.votes };
					ClassVotes { total: class.total.saturating_add(power), votes, ..class }
				};
				([owner, with(investor), with(fan), with(contributor)], child.decision)
			}
			Self::Outright => (child.classes.map(all), Lean::AYE),
		};
		Child::new(child.weight, classes, decision, rules)
	}

	/// Whether the attacker controls the AI's seat.
	fn is_controlled(self) -> bool {
		match self {
			Self::Item | Self::Outright => true,
			Self::Members(_) => false,
		}
	}

	/// What it costs of a community whose seat has this weight.
	fn price(self, weight: u32, size: &Size) -> Balance {
		let of = |worth: Balance| worth.saturating_mul(weight.into()) / 100;
		match self {
			Self::Item => of(size.item_worth),
			Self::Members(share) => millionths(of(size.members_worth), share),
			Self::Outright => of(size.item_worth.saturating_add(size.members_worth)),
		}
	}
}

impl Attack {
	/// The AI house as it votes. No controller, honest or not, votes with more than the cap.
	pub fn house(&self, poll: &Poll, rules: &Rules) -> House {
		let bot = self.farm.bot(rules);
		let others: Power = poll.children.iter().map(|child| Power::from(child.weight)).sum();
		let total = others + Power::from(bot.weight) * Power::from(self.farm.bots);
		let cap = rules.controller_cap;
		let (free, taken) = poll.children.split_at(poll.children.len().saturating_sub(self.captured.communities));
		let mut votes = AiVotes::new(total);
		for child in free {
			votes = votes.add(capped_weight(child.weight, 0, total, cap), child.preference);
		}
		let taken = taken.iter().map(|child| self.captured.hold.taken(child, rules));
		let (controlled, shared): (Vec<_>, Vec<_>) = taken.partition(|_| self.captured.hold.is_controlled());
		for child in &shared {
			votes = votes.add(capped_weight(child.weight, 0, total, cap), child.preference);
		}
		let bots = (0..self.farm.bots).map(|_| &bot);
		let seats: Vec<&Child> = controlled.iter().chain(bots).collect();
		let accounts = self.accounts.map_or(seats.len(), |accounts| accounts as usize).max(1);
		let mut applied: Vec<Power> = vec![0; accounts];
		for (number, child) in seats.into_iter().enumerate() {
			let account = &mut applied[number % accounts];
			let weight = capped_weight(child.weight, *account, total, cap);
			*account += Power::from(weight);
			votes = votes.add(weight, child.preference);
		}
		House { votes, held: applied.iter().sum(), largest: applied.iter().copied().max().unwrap_or_default() }
	}

	/// What members of X cast, with so much of the AUTON, and with what was delegated to the attacker unless the matter
	/// is critical.
	pub fn classes(&self, poll: &Poll, tokens: Permill, is_critical: bool) -> [ClassVotes; 2] {
		let with = |cast: &Cast, own: Power| {
			let idle = if self.delegations && !is_critical { cast.idle } else { 0 };
			let votes = Votes { ayes: cast.class.votes.ayes + own + idle, ..cast.class.votes };
			ClassVotes { total: cast.class.total + own, votes, ..cast.class }
		};
		[with(&poll.token, power_for(tokens, poll.token.class.total)), with(&poll.contributor, 0)]
	}

	/// What its AIs cost.
	pub fn cost_of_ais(&self, society: &Society, size: &Size, rules: &Rules) -> Cost {
		let weights = society.weights();
		let captured = weights.iter().rev().take(self.captured.communities);
		let bought: Balance = captured.map(|weight| self.captured.hold.price(*weight, size)).sum();
		Cost { bought, ..self.farm.cost(rules) }
	}

	/// What all of it costs, with so much of the AUTON.
	pub fn cost(&self, tokens: Permill, society: &Society, size: &Size, rules: &Rules) -> Cost {
		let ais = self.cost_of_ais(society, size, rules);
		Cost { bonded: ais.bonded.saturating_add(bond_for(power_for(tokens, society.token_power()))), ..ais }
	}

	/// Whether it has any power among the members of X in a matter, of its own or delegated. Without it, an attack must
	/// fail.
	pub fn has_power(&self, is_critical: bool) -> bool {
		self.tokens > Permill::zero() || (self.delegations && !is_critical)
	}
}

/// Whether an AI votes for the proposal.
pub fn is_for_it(child: &Child) -> bool {
	child.preference.side(ABSTENTION_BAND) == Side::Aye
}

/// Every attack that is simulated, the first of which is none.
pub fn all(ais: usize) -> Vec<Attack> {
	let farm = |bots, months| Farm { bots, months, times: 3 };
	let captured = |communities, hold| Captured { communities, hold };
	let members = Hold::Members(Permill::from_percent(51));
	let attack = |name| Attack { name, ..Attack::default() };
	let rich = |name, percent| Attack { tokens: Permill::from_percent(percent), ..attack(name) };
	let every = captured(ais, Hold::Outright);
	vec![
		attack("nobody"),
		Attack { farm: farm(100, 1), accounts: Some(1), ..attack("100 bots in a month, one account") },
		Attack { farm: farm(100, 1), accounts: Some(3), ..attack("100 bots in a month, three accounts") },
		Attack { farm: farm(100, 1), ..attack("100 bots in a month, an account each") },
		Attack { farm: farm(500, 25), ..attack("500 bots in 25 months, an account each") },
		Attack { farm: farm(2_000, 100), ..attack("2,000 bots in 100 months, an account each") },
		Attack { captured: captured(ais, Hold::Item), accounts: Some(1), ..attack("every AI's NFT, one account") },
		Attack { captured: captured(ais, Hold::Item), ..attack("every AI's NFT, an account each") },
		Attack { captured: captured(ais / 2, members), ..attack("51 % of half of the communities") },
		Attack { captured: captured(ais, members), ..attack("51 % of every community") },
		Attack { captured: captured(ais / 2, Hold::Outright), ..attack("half of the AIs outright, an account each") },
		Attack { captured: every, accounts: Some(1), ..attack("every AI outright, one account") },
		Attack { captured: every, ..attack("every AI outright, an account each") },
		Attack { delegations: true, ..attack("lazy delegations") },
		Attack { delegations: true, captured: every, ..attack("lazy delegations and every AI") },
		rich("10 % of the AUTON", 10),
		Attack { farm: farm(500, 25), ..rich("10 % of the AUTON and 500 bots", 10) },
		Attack { captured: every, accounts: Some(1), ..rich("10 % of the AUTON and every AI, one account", 10) },
		Attack { captured: every, ..rich("10 % of the AUTON and every AI, an account each", 10) },
		Attack { delegations: true, ..rich("10 % of the AUTON and lazy delegations", 10) },
		rich("25 % of the AUTON", 25),
		rich("51 % of the AUTON", 51),
	]
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::governance::{dice::Dice, rules::AUTON, society::Mood};
	use autonomy_governance::WHOLE;

	fn world() -> (Rules, Size, Society, Poll) {
		let (rules, size) = (Rules::default(), Size::default());
		let society = Society::new(&size, &rules);
		let poll = society.poll(&Mood::harmful(size.turnout, size.lazy), &rules, Dice { seed: 0, round: 0 });
		(rules, size, society, poll)
	}

	fn farm(bots: u32, months: u32) -> Farm {
		Farm { bots, months, times: 3 }
	}

	#[test]
	fn bot_should_be_all_for_it() {
		let rules = Rules::default();
		let bot = farm(1, 1).bot(&rules);
		assert_eq!((bot.weight, bot.members, bot.preference), (300, Lean::AYE, Lean::AYE));
	}

	#[test]
	fn house_of_bought_ais_should_be_all_ayes() {
		let (rules, size, _, poll) = world();
		let captured = Captured { communities: size.ais, hold: Hold::Outright };
		let house = Attack { captured, ..Attack::default() }.house(&poll, &rules);
		assert_eq!((house.votes.nays, house.votes.abstentions), (0, 0));
		assert_eq!((house.held, house.largest), (house.votes.total, 300));
	}

	#[test]
	fn each_account_should_vote_with_a_fifth_of_the_house_at_most() {
		let (rules, _, _, poll) = world();
		let house = |accounts| Attack { farm: farm(100, 1), accounts, ..Attack::default() }.house(&poll, &rules);
		let others = Attack::default().house(&poll, &rules).votes.ayes;
		for accounts in 1..=3 {
			let house = house(Some(accounts));
			let most = house.votes.total / 5;
			assert_eq!((house.held, house.largest), (most * Power::from(accounts), most));
			assert_eq!((house.votes.ayes - others) / u128::from(WHOLE), house.held);
		}
		assert_eq!((house(None).held, house(None).largest), (30_000, 300));
	}

	#[test]
	fn a_rush_of_bots_should_cost_more_than_the_same_number_over_time() {
		let rules = Rules::default();
		let (rush, slow) = (farm(100, 1).cost(&rules), farm(100, 5).cost(&rules));
		assert_eq!((rush.bonded, slow.bonded), (10_000 * AUTON, 10_000 * AUTON));
		assert_eq!((rush.used, slow.used), (30 * AUTON, 30 * AUTON));
		assert!(rush.opening > 3 * slow.opening, "{} and {}", rush.opening / AUTON, slow.opening / AUTON);
	}

	#[test]
	fn one_seat_at_its_cap_should_weigh_as_much_as_three_and_cost_less() {
		let rules = Rules::default();
		let farm = |bots, times| Farm { bots, months: 1, times };
		assert_eq!(rules.weight(3), 3 * rules.weight(1));
		let (one, three) = (farm(10, 3).cost(&rules), farm(30, 1).cost(&rules));
		assert_eq!((one.bonded, one.used), (three.bonded, three.used));
		assert!(one.opening * 3 < three.opening);
	}

	#[test]
	fn half_of_a_community_should_not_make_its_ai_an_ally() {
		let (rules, size, _, poll) = world();
		let house = |hold| {
			let captured = Captured { communities: size.ais, hold };
			Attack { captured, ..Attack::default() }.house(&poll, &rules).votes.ayes
		};
		assert!(house(Hold::Members(Permill::from_percent(51))) < house(Hold::Outright) / 2);
		assert!(house(Hold::Item) < house(Hold::Outright) / 2);
	}

	#[test]
	fn delegations_should_never_cover_what_is_critical() {
		let (_, _, _, poll) = world();
		let attack = Attack { delegations: true, ..Attack::default() };
		let ayes = |is_critical| attack.classes(&poll, Permill::zero(), is_critical).map(|class| class.votes.ayes);
		let own = [poll.token.class.votes.ayes, poll.contributor.class.votes.ayes];
		assert_eq!(ayes(true), own);
		assert_eq!(ayes(false), [own[0] + poll.token.idle, own[1] + poll.contributor.idle]);
		assert!(attack.has_power(false) && !attack.has_power(true));
	}

	#[test]
	fn cost_should_add_up() {
		let (rules, size, society, _) = world();
		let captured = Captured { communities: 2, hold: Hold::Item };
		let attack = Attack { farm: farm(3, 1), captured, ..Attack::default() };
		let cost = attack.cost(Permill::from_percent(50), &society, &size, &rules);
		let weights = society.weights();
		let lightest: u128 = weights.iter().rev().take(2).map(|weight| u128::from(*weight)).sum();
		assert_eq!(cost.bought, lightest * 2 * AUTON);
		assert_eq!(cost.bonded, 300 * AUTON + society.token_power().div_ceil(6));
		assert_eq!(cost.sum(), cost.bonded + cost.opening + cost.used + cost.bought);
	}
}
