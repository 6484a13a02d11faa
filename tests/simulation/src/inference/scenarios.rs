//! The mixes of operators that are simulated.

use sp_runtime::Permill;

use super::{
	agents::{Conduct, Lies, Stands},
	protocol::Challenger,
};

/// A mix of operators.
#[derive(Clone, Debug)]
pub struct Scenario {
	/// What the tables call it.
	pub name: String,
	/// Operators that are not honest, and their share of all.
	pub groups: Vec<(Conduct, Permill)>,
	/// Those of them whose attempts are counted. In a coalition, all its members make an attempt together.
	pub cheat: Option<Conduct>,
	/// Who challenges.
	pub challenger: Challenger,
	/// Whether the coalition says that it runs on processors that nobody else has.
	pub own_class: bool,
	/// Whether governance clears such a coalition of its lie instead of slashing it.
	pub forgiven: bool,
	/// Whether it is beyond what the protocol has to withstand, and shown for information.
	pub information: bool,
}

impl Scenario {
	fn new(name: &str, cheat: Option<Conduct>, share: Permill) -> Self {
		Self {
			name: name.into(),
			groups: cheat.map(|conduct| (conduct, share)).into_iter().collect(),
			cheat,
			challenger: Challenger::Nobody,
			own_class: false,
			forgiven: false,
			information: false,
		}
	}

	/// Whether the cheats act as one.
	pub fn is_coalition(&self) -> bool {
		self.challenger != Challenger::Nobody || self.cheat.is_some_and(Conduct::is_colluding)
	}

	/// Whether the cheats only act where they hold every seat, which a random draw makes too rare to measure.
	pub fn needs_every_seat(&self) -> bool {
		matches!(self.cheat, Some(Conduct::Colluding { lies: Lies::OnEverySeat, .. }))
	}

	/// Whether it is the case that the bound on the exposure speaks of: a coalition that lies where it holds every seat, and
	/// does no more.
	pub fn is_of_the_bound(&self) -> bool {
		let plain = Conduct::Colluding { lies: Lies::OnEverySeat, stands: Stands::WhenItCarries };
		self.cheat == Some(plain) && self.challenger == Challenger::Nobody && !self.own_class
	}

	/// Share of the coalition in all slots.
	pub fn share(&self) -> Permill {
		self.groups.first().map_or(Permill::zero(), |(_, share)| *share)
	}
}

/// Shares of the slots that a coalition may hold, as the tables write them. The protocol is to withstand the first two.
pub fn shares() -> [(&'static str, Permill, bool); 3] {
	[
		("0.1", Permill::from_percent(10), false),
		("0.2", Permill::from_percent(20), false),
		("1/3", Permill::from_rational(1u32, 3), true),
	]
}

fn alone() -> Vec<Scenario> {
	let tenth = Permill::from_percent(10);
	let cheats = [
		("lazy", Conduct::Lazy),
		("copying", Conduct::Copying),
		("aborting when it pays", Conduct::AbortsWhenItPays),
		("aborting always", Conduct::AbortsAlways),
		("offline", Conduct::Offline),
		("false auditor", Conduct::FalseAuditor),
	];
	let mut scenarios: Vec<_> = cheats.map(|(name, conduct)| Scenario::new(name, Some(conduct), tenth)).into();
	for scenario in &mut scenarios {
		if scenario.cheat == Some(Conduct::Copying) {
			// Without anybody wrong there would be no juries to copy on.
			scenario.groups.push((Conduct::Lazy, Permill::from_percent(5)));
		}
	}
	scenarios
}

fn challengers() -> [Scenario; 4] {
	let alone = Scenario::new("griefing challenger", None, Permill::zero());
	let helped = |how: &str, stands: Stands| {
		let jurors = Conduct::Colluding { lies: Lies::Never, stands };
		Scenario::new(&format!("griefing challenger, f = 0.2 {how}"), Some(jurors), Permill::from_percent(20))
	};
	let voting = helped("on its side", Stands::WhenItCarries);
	let judged = Scenario { own_class: true, ..helped("on a processor of its own", Stands::Always) };
	let forgiven = helped("on a processor of its own, forgiven", Stands::Always);
	let forgiven = Scenario { own_class: true, forgiven: true, information: true, ..forgiven };
	[alone, voting, judged, forgiven].map(|scenario| Scenario { challenger: Challenger::Griefing, ..scenario })
}

fn coalitions() -> Vec<Scenario> {
	let mut scenarios = Vec::new();
	for (lies, what) in [(Lies::OnEverySeat, "colluding"), (Lies::OnMajority, "colluding carelessly")] {
		for (f, share, information) in shares() {
			let conduct = Conduct::Colluding { lies, stands: Stands::WhenItCarries };
			let scenario = Scenario::new(&format!("{what}, f = {f}"), Some(conduct), share);
			scenarios.push(Scenario { information, ..scenario });
		}
	}
	for (f, share, information) in shares().into_iter().skip(1) {
		let conduct = Conduct::Colluding { lies: Lies::OnEverySeat, stands: Stands::WhenItBlocks };
		let scenario = Scenario::new(&format!("colluding and blocking juries, f = {f}"), Some(conduct), share);
		scenarios.push(Scenario { information, ..scenario });
	}
	let fifth = |what: &str, stands: Stands| {
		let conduct = Conduct::Colluding { lies: Lies::OnEverySeat, stands };
		Scenario::new(&format!("colluding {what}, f = 0.2"), Some(conduct), Permill::from_percent(20))
	};
	let accusing = fifth("and accusing itself", Stands::WhenItCarries);
	scenarios.push(Scenario { challenger: Challenger::Accusing, ..accusing });
	let mut accusing = fifth("and accusing itself once an auditor is late", Stands::WhenItCarries);
	// Auditors that are late.
	accusing.groups.push((Conduct::Offline, Permill::from_percent(10)));
	scenarios.push(Scenario { challenger: Challenger::AccusingWhenCertain, ..accusing });
	let judged = fifth("on a processor of its own", Stands::Always);
	scenarios.push(Scenario { own_class: true, ..judged });
	let forgiven = fifth("on a processor of its own, forgiven", Stands::Always);
	scenarios.push(Scenario { own_class: true, forgiven: true, information: true, ..forgiven });
	scenarios
}

/// All of them.
pub fn all() -> Vec<Scenario> {
	let honest = Scenario::new("honest", None, Permill::zero());
	[honest].into_iter().chain(alone()).chain(challengers()).chain(coalitions()).collect()
}
