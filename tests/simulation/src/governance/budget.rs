//! A rich account: the least that buys a result, spent as well as can be.

use sp_runtime::Permill;

use super::{
	attacks::{Attack, Captured, Farm, Hold},
	rules::{Balance, Rules, Size},
	run::Faced,
	society::{Poll, Society},
	vote::Matter,
};

/// Months over which an account that does not hurry opens the seats of its bots.
const MONTHS: u32 = 12;
/// Bots that are tried.
const BOTS: [u32; 8] = [10, 20, 40, 80, 160, 320, 640, 1_280];
/// Parts of all AIs that are tried, out of as many.
const PARTS: usize = 6;

/// What an account buys besides AUTON in X.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Goods {
	/// Nothing.
	Nothing,
	/// Bots of its own.
	Bots,
	/// The same of each of so many communities.
	Communities(Hold),
}

/// How an account spends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Strategy {
	/// What the tables call it.
	pub name: &'static str,
	/// What it buys.
	pub goods: Goods,
	/// Accounts that hold its AIs; one for each AI unless said otherwise.
	pub accounts: Option<u32>,
	/// Whether lazy people have delegated to it.
	pub delegations: bool,
}

/// The cheapest way to a result by a strategy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cheapest {
	/// Bots or communities that it buys.
	pub ais: u32,
	/// Share of the AUTON, its own included.
	pub tokens: Permill,
	/// What it must have, in planck.
	pub budget: Balance,
	/// What of that is burned, in planck.
	pub burned: Balance,
}

/// Every strategy that is tried.
pub fn strategies() -> [Strategy; 7] {
	let strategy = |name, goods, accounts| Strategy { name, goods, accounts, delegations: false };
	let members = Hold::Members(Permill::from_percent(51));
	let alone = strategy("AUTON alone", Goods::Nothing, None);
	[
		alone,
		Strategy { name: "and lazy delegations", delegations: true, ..alone },
		strategy("and bots, one account", Goods::Bots, Some(1)),
		Strategy::BOTS,
		strategy("and AIs outright, one account", Goods::Communities(Hold::Outright), Some(1)),
		strategy("and AIs outright, an account each", Goods::Communities(Hold::Outright), None),
		strategy("and 51 % of communities", Goods::Communities(members), None),
	]
}

impl Strategy {
	/// Bots, each held by an account of its own: no controller cap binds.
	pub const BOTS: Self =
		Self { name: "and bots, an account each", goods: Goods::Bots, accounts: None, delegations: false };

	/// Numbers of AIs that are tried: none at first.
	fn counts(&self, size: &Size) -> Vec<u32> {
		match self.goods {
			Goods::Nothing => vec![0],
			Goods::Bots => [0].into_iter().chain(BOTS).collect(),
			Goods::Communities(_) => (0..=PARTS).map(|part| (size.ais * part / PARTS) as u32).collect(),
		}
	}

	/// The attack with so many AIs, without its AUTON.
	pub fn attack(&self, ais: u32) -> Attack {
		let base =
			Attack { name: self.name, accounts: self.accounts, delegations: self.delegations, ..Attack::default() };
		match self.goods {
			Goods::Nothing => base,
			Goods::Bots => Attack { farm: Farm { bots: ais, months: MONTHS, times: 3 }, ..base },
			Goods::Communities(hold) => Attack { captured: Captured { communities: ais as usize, hold }, ..base },
		}
	}

	/// The cheapest way to each matter. `None` where there is none.
	pub fn cheapest(
		&self,
		matters: &[Matter],
		polls: &[Poll],
		society: &Society,
		rules: &Rules,
		size: &Size,
	) -> Vec<Option<Cheapest>> {
		let mut best: Vec<Option<Cheapest>> = vec![None; matters.len()];
		for ais in self.counts(size) {
			let attack = self.attack(ais);
			let faced = Faced::new(&attack, polls, rules);
			for (matter, best) in matters.iter().zip(&mut best) {
				// AIs that nobody hears are not worth anything.
				if ais > 0 && !matter.hears_ais() {
					continue;
				}
				let Some(tokens) = faced.needed(matter) else { continue };
				let cost = attack.cost(tokens, society, size, rules);
				let found = Cheapest { ais, tokens, budget: cost.sum(), burned: cost.burned() };
				if best.is_none_or(|best| found.budget < best.budget) {
					*best = Some(found);
				}
			}
		}
		best
	}
}
