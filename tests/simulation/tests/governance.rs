//! What holds of governance with its defaults: nobody takes it over without power among the members of X, the share
//! cap's bounds come out, and more never helps less.

use std::sync::OnceLock;

use autonomy_simulation::governance::{
	attacks::{self, Attack, Captured, Farm, Hold},
	bounds::{least_members, Bound, CLOSE},
	budget::{self, strategies},
	dice::Dice,
	report::{Needed, Report, Row},
	rules::{Rules, Size},
	run::{polls, Faced},
	society::{Mood, Society},
	vote::{Matter, EASIEST},
};
use proptest::prelude::*;
use sp_runtime::Permill;

/// What `scripts/simulate governance` prints.
fn report() -> &'static Report {
	static REPORT: OnceLock<Report> = OnceLock::new();
	REPORT.get_or_init(|| Report::new(&Rules::default(), &Size::default()))
}

fn share(needed: &[Needed], attack: &str, matter: &str) -> f64 {
	let found = needed.iter().find(|needed| needed.attack == attack && needed.matter == matter);
	found.unwrap_or_else(|| panic!("no {attack} in {matter}")).share.unwrap_or(1.0)
}

fn row(attack: &str, matter: &str) -> &'static Row {
	let found = report().rows.iter().find(|row| row.attack == attack && row.matter == matter);
	found.unwrap_or_else(|| panic!("no {attack} in {matter}"))
}

fn matter(name: &str) -> Matter {
	Matter::all().into_iter().find(|matter| matter.name == name).unwrap()
}

fn is_about(one: f64, other: f64) -> bool {
	(one - other).abs() < CLOSE
}

#[test]
fn nothing_should_be_complained_of() {
	assert_eq!(report().complaints(), Vec::<String>::new());
}

#[test]
fn members_should_have_to_give_as_much_as_the_share_cap_promises_when_every_ai_is_captured() {
	let bound = |name: &str| Bound::new(&matter(name), None);
	assert!(is_about(bound("interaction P2").captured, 0.375));
	// κ is 333,333,333 billionths, so a little more than a quarter.
	let third = bound("interaction P3").captured;
	assert!((0.25..0.250_000_002).contains(&third), "{third}");
	assert!(is_about(bound("economic").captured, 0.4));
	assert!(is_about(bound("large treasury").captured, 0.66), "AIs do not weigh there");
	assert!(report().bounds.iter().all(Bound::holds));
}

#[test]
fn three_quarters_of_the_members_should_pass_what_every_ai_is_against() {
	let third = Bound::new(&matter("interaction P3"), None).opposed;
	assert!((0.749_999_998..=0.75).contains(&third), "{third}");
}

#[test]
fn nothing_should_pass_below_its_bound() {
	let report = report();
	let found = report.needed.iter().chain(&report.apathy).map(|needed| (needed.matter, needed.least));
	let found = found.chain(report.rows.iter().map(|row| (row.matter, row.least)));
	let passed: Vec<_> = found.filter_map(|(name, least)| Some((matter(name), least?))).collect();
	assert!(passed.len() > 100);
	for (matter, least) in passed {
		let bound = least_members(&matter.question.rule);
		assert!(least + CLOSE >= bound, "{}: {least} below {bound}", matter.name);
	}
	// And with every AI captured it comes near the bound.
	let easiest = &report.bounds[EASIEST];
	assert!(easiest.simulated.is_some_and(|least| least < easiest.captured_formula + 0.01), "{easiest:?}");
}

#[test]
fn no_attack_should_pass_without_power_in_x() {
	let rows: Vec<_> = report().rows.iter().filter(|row| !row.has_power).collect();
	assert!(rows.len() >= 13 * report().matters.len());
	for row in rows {
		assert_eq!((row.passed, row.objections), (0, 0), "{}, {}", row.attack, row.matter);
		assert!(row.stopped.is_some());
	}
}

#[test]
fn half_of_the_auton_should_take_the_treasury_and_not_what_ais_are_against() {
	let passed = |matter| row("51 % of the AUTON", matter).passed;
	assert_eq!((passed("small treasury"), passed("large treasury")), (report().rounds, report().rounds));
	assert_eq!((passed("economic"), passed("constitution")), (0, 0));
}

#[test]
fn ais_should_change_nothing_in_the_treasury() {
	for matter in ["small treasury", "large treasury"] {
		let alone = share(&report().needed, "nobody", matter);
		let attacks = attacks::all(Size::default().ais);
		for attack in attacks.iter().filter(|attack| attack.tokens == Permill::zero() && !attack.delegations) {
			assert!(is_about(share(&report().needed, attack.name, matter), alone), "{}, {matter}", attack.name);
		}
	}
}

#[test]
fn delegations_should_help_in_routine_matters_only() {
	let of = |attack, matter| share(&report().needed, attack, matter);
	for matter in ["interaction P2", "interaction P3", "economic", "small treasury"] {
		assert!(of("lazy delegations", matter) < of("nobody", matter), "{matter}");
	}
	for matter in ["large treasury", "constitution"] {
		assert_eq!(of("lazy delegations", matter), of("nobody", matter), "{matter}");
	}
}

#[test]
fn more_bots_should_help_but_never_more_than_every_ai() {
	let of = |attack| share(&report().needed, attack, "interaction P3");
	let shares = [
		of("nobody"),
		of("100 bots in a month, one account"),
		of("100 bots in a month, three accounts"),
		of("100 bots in a month, an account each"),
		of("500 bots in 25 months, an account each"),
		of("2,000 bots in 100 months, an account each"),
		of("every AI outright, an account each"),
	];
	assert!(shares.is_sorted_by(|one, other| one > other), "{shares:?}");
	assert!(shares[6] > 0.0);
}

#[test]
fn one_account_should_never_vote_with_more_than_a_fifth_of_the_house() {
	let held = |attack| row(attack, "interaction P3").held;
	for one in ["100 bots in a month, one account", "every AI's NFT, one account", "every AI outright, one account"] {
		assert!((0.199..=0.2).contains(&held(one)), "{one}: {}", held(one));
	}
	let three = held("100 bots in a month, three accounts");
	assert!((0.599..=0.6).contains(&three), "{three}");
	assert_eq!(held("every AI outright, an account each"), 1.0);
}

#[test]
fn half_of_a_community_should_help_less_than_all_of_it() {
	let of = |attack| share(&report().needed, attack, "interaction P2");
	assert!(of("51 % of every community") > of("every AI outright, an account each"));
	assert!(of("51 % of half of the communities") > of("half of the AIs outright, an account each"));
}

#[test]
fn members_preference_should_be_in_proportion_and_an_ais_own_decision_outweigh_half_of_them() {
	let of = |turnout: f64, share: f64| {
		let mut rows = report().communities.iter();
		rows.find(|row| is_about(row.turnout, turnout) && is_about(row.share, share)).unwrap()
	};
	for turnout in [0.5, 0.3, 0.15, 0.1, 0.05, 0.02] {
		let rows = [0.25, 0.51, 0.75].map(|share| of(turnout, share));
		assert!(rows.is_sorted_by(|one, other| one.members < other.members && one.needed > other.needed));
	}
	// Where half of the people vote, 51 % of the members are no majority for it, and few AIs follow them.
	let half = of(0.5, 0.51);
	assert!(half.members < 0.5 && half.preference < -0.05 && half.in_favour < 0.2, "{half:?}");
}

#[test]
fn apathy_should_make_attacks_cheaper_but_never_free() {
	for matter in &report().matters {
		for ais in ["no AI", "every AI"] {
			let rows = report().apathy.iter().filter(|needed| needed.attack == ais && needed.matter == *matter);
			let shares: Vec<f64> = rows.map(|needed| needed.share.unwrap_or(1.0)).collect();
			assert_eq!(shares.len(), 6);
			// Below 10 % of turnout it is often the quorum alone that decides.
			assert!(shares[..4].is_sorted_by(|one, other| one >= other), "{ais}, {matter}: {shares:?}");
			assert!(shares.iter().all(|share| *share > 0.005), "{ais}, {matter}: {shares:?}");
		}
	}
}

#[test]
fn a_choice_should_never_make_an_attack_dearer() {
	let of = |strategy: &str| {
		let rows = report().budgets.iter().filter(|budget| budget.strategy == strategy);
		rows.map(|budget| budget.budget.unwrap_or(f64::INFINITY)).collect::<Vec<_>>()
	};
	let alone = of("AUTON alone");
	assert_eq!(alone.len(), report().matters.len());
	for strategy in strategies() {
		let with = of(strategy.name);
		assert!(with.iter().zip(&alone).all(|(with, alone)| with <= alone), "{}", strategy.name);
	}
	let no_dearer = |one: &str, other: &str| of(one).iter().zip(of(other)).all(|(one, other)| *one <= other);
	assert!(no_dearer("and bots, an account each", "and bots, one account"));
	assert!(no_dearer("and AIs outright, an account each", "and AIs outright, one account"));
	// And dearer seats never make it cheaper.
	let scales = &report().scales;
	assert_eq!(scales[0].budgets[EASIEST].budget, Some(of(budget::Strategy::BOTS.name)[EASIEST]));
	for (one, other) in scales.iter().zip(&scales[1..]) {
		for (one, other) in one.budgets.iter().zip(&other.budgets) {
			let budget = |budget: Option<f64>| budget.unwrap_or(f64::INFINITY);
			assert!(budget(one.budget) <= budget(other.budget), "{one:?}, {other:?}");
		}
	}
}

#[test]
fn a_quorum_should_be_reached_by_ayes_only() {
	let none = Permill::zero();
	let all_against = Mood { ayes: none, nays: Permill::one(), ..Mood::harmful(Permill::one(), none) };
	let question = matter("interaction P2");
	let (nobody, rules, size) = (Attack::default(), Rules::default(), Size { rounds: 10, ..Size::default() });
	let cast = |mood: &Mood| polls(&Society::new(&size, &rules), mood, &rules, &size);
	let against = cast(&all_against);
	let outcome = Faced::new(&nobody, &against, &rules).outcome(&question, none);
	assert_eq!((outcome.passed, outcome.support), (0, 0.0));
	let absent = cast(&Mood { turnout: none, decided: none, ..all_against });
	// 3 %, by a class that weighs 80 %.
	assert_eq!(Faced::new(&nobody, &absent, &rules).needed(&question), Some(Permill::from_parts(37_500)));
}

#[test]
fn readme_should_show_the_results_of_today() {
	let (_, results) = include_str!("../README.md").split_once("## Results of governance\n\n").unwrap();
	let today = report().to_string();
	assert!(results.starts_with(&today), "put this at the end of README.md, under Results of governance:\n\n{today}");
}

#[test]
fn a_seed_should_always_give_the_same_tables() {
	let small = Size { rounds: 4, holders: 100, contributors: 20, ..Size::default() };
	let again = |seed| Report::new(&Rules::default(), &Size { seed, ..small }).to_string();
	assert_eq!(again(1), again(1));
	assert_ne!(again(1), again(2));
}

#[test]
fn a_report_should_complain_when_an_attack_succeeds_that_must_fail() {
	let size = Size { rounds: 4, holders: 100, contributors: 20, ..Size::default() };
	let report = Report::new(&Rules::default(), &size);
	let complaints = |change: fn(&mut Report)| {
		let mut report = report.clone();
		change(&mut report);
		report.complaints()
	};
	let about = |complaints: Vec<String>, words: &str| complaints.iter().any(|complaint| complaint.contains(words));
	assert!(about(complaints(|report| report.rows[0].passed = report.rows[0].rounds), "without power in X"));
	assert!(about(complaints(|report| report.rows[0].broken = 1), "beyond their bounds"));
	assert!(about(complaints(|report| report.apathy[0].broken = 1), "beyond their bounds"));
	assert!(about(complaints(|report| report.bounds[0].captured += 0.001), "it must be"));
	assert!(about(complaints(|report| report.bounds[0].simulated = Some(0.3)), "it must be"));
	let cheaper = |report: &mut Report| {
		if let Some(last) = report.needed.iter_mut().rfind(|needed| needed.is_bare) {
			last.share = Some(0.0);
		}
	};
	assert!(about(complaints(cheaper), "not the same as without AIs"));
	let refused = |report: &mut Report| {
		let liked = report.welcome.iter_mut().filter(|welcome| welcome.support > 2.0 * welcome.least_support);
		liked.for_each(|welcome| welcome.passed = 0);
	};
	assert!(about(complaints(refused), "nearly everybody likes"));
}

fn hold() -> impl Strategy<Value = Hold> {
	prop_oneof![
		Just(Hold::Item),
		Just(Hold::Outright),
		(10_000..900_000u32).prop_map(|share| Hold::Members(Permill::from_parts(share))),
	]
}

fn attack() -> impl Strategy<Value = Attack> {
	let farm = (0..=1_000u32, 1..=100u32, 1..=5u32).prop_map(|(bots, months, times)| Farm { bots, months, times });
	let captured = (0..=60usize, hold()).prop_map(|(communities, hold)| Captured { communities, hold });
	let accounts = prop_oneof![Just(None), (1..=8u32).prop_map(Some)];
	let tokens = prop_oneof![Just(0), 0..=999_999u32].prop_map(Permill::from_parts);
	(farm, captured, accounts, tokens, any::<bool>()).prop_map(|(farm, captured, accounts, tokens, delegations)| {
		Attack { name: "any", tokens, delegations, farm, captured, accounts }
	})
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(256))]

	/// Whatever an attacker has, nothing passes below the bound of the members' ayes, AIs weigh no more than κ and no
	/// account votes with more than its cap.
	#[test]
	fn bounds_should_hold_whatever_the_attack(
		attack in attack(),
		turnout in 0..=1_000_000u32,
		ayes in 0..=500_000u32,
		seed: u64,
	) {
		let turnout = Permill::from_parts(turnout);
		let (ayes, nays) = (Permill::from_parts(ayes), Permill::from_percent(50));
		let mood = Mood { ayes, nays, ..Mood::harmful(turnout, turnout) };
		let (rules, size) = (Rules::default(), Size { holders: 50, contributors: 10, ..Size::default() });
		let polled = [Society::new(&size, &rules).poll(&mood, &rules, Dice { seed, round: 0 })];
		let faced = Faced::new(&attack, &polled, &rules);
		for matter in Matter::all() {
			let outcome = faced.outcome(&matter, attack.tokens);
			prop_assert_eq!(outcome.broken, 0);
			let bound = least_members(&matter.question.rule);
			prop_assert!(outcome.least.is_none_or(|least| least + CLOSE >= bound));
			prop_assert!(outcome.weight <= f64::from(matter.question.rule.ai_share.deconstruct()) / 1e9);
			if attack.accounts == Some(1) {
				prop_assert!(outcome.held <= 0.2 + CLOSE);
			}
		}
	}

	/// AIs alone pass nothing, and cost no less when they are made in haste.
	#[test]
	fn ais_alone_should_pass_nothing(attack in attack(), seed: u64) {
		let attack = Attack { tokens: Permill::zero(), delegations: false, ..attack };
		let none = Permill::zero();
		let mood = Mood { ayes: none, ..Mood::harmful(Permill::from_percent(30), none) };
		let (rules, size) = (Rules::default(), Size { holders: 50, contributors: 10, ..Size::default() });
		let society = Society::new(&size, &rules);
		let polled = [society.poll(&mood, &rules, Dice { seed, round: 0 })];
		let faced = Faced::new(&attack, &polled, &rules);
		for matter in Matter::all() {
			prop_assert_eq!(faced.outcome(&matter, none).passed, 0);
		}
		let slower = Attack { farm: Farm { months: attack.farm.months + 1, ..attack.farm }, ..attack };
		let burned = |attack: &Attack| attack.cost(none, &society, &size, &rules).burned();
		prop_assert!(burned(&slower) <= burned(&attack));
	}

	/// More AUTON, or more bots that no cap stops, never turn a success into a failure, and never cost less.
	#[test]
	fn more_should_never_help_less(
		attack in attack(),
		more_tokens in 0..=999_999u32,
		more_bots in 0..=500u32,
		percent in 1..=60u32,
		seed: u64,
	) {
		let attack = Attack { accounts: None, ..attack };
		let lazy = Permill::from_percent(5);
		let mood = Mood::harmful(Permill::from_percent(percent), lazy);
		let (rules, size) = (Rules::default(), Size { holders: 50, contributors: 10, ..Size::default() });
		let society = Society::new(&size, &rules);
		let polled = [society.poll(&mood, &rules, Dice { seed, round: 0 })];
		let richer = attack.tokens.max(Permill::from_parts(more_tokens));
		let larger = Attack { farm: Farm { bots: attack.farm.bots + more_bots, ..attack.farm }, ..attack };
		let (few, many) = (Faced::new(&attack, &polled, &rules), Faced::new(&larger, &polled, &rules));
		for matter in Matter::all() {
			let passed = few.outcome(&matter, attack.tokens).passed;
			prop_assert!(passed <= few.outcome(&matter, richer).passed);
			prop_assert!(passed <= many.outcome(&matter, attack.tokens).passed);
		}
		let cost = |attack: &Attack, tokens| attack.cost(tokens, &society, &size, &rules).sum();
		prop_assert!(cost(&attack, attack.tokens) <= cost(&attack, richer));
		prop_assert!(cost(&attack, attack.tokens) <= cost(&larger, attack.tokens));
	}
}
