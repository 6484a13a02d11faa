//! The simulation's numbers against the runtime's, by its source: a dependency on the runtime would have every test of this
//! crate wait for it.

use autonomy_governance::{basis_points, Perbill};
use autonomy_simulation::{
	governance::rules::{self as governance, HEAVIEST, LIGHTEST, MAX_POINTS},
	inference::rules::{Balance, Rules, AUTON, TIERS},
};
use sp_runtime::Permill;

const PARAMETERS: &str = include_str!("../../../runtime/src/configs/parameters.rs");
const CONFIG: &str = include_str!("../../../runtime/src/configs/autonomy.rs");
const SYSTEM: &str = include_str!("../../../runtime/src/configs/system.rs");
const TEMPLATES: &str = include_str!("../../../pallets/dso/src/templates.rs");
const ACTIONS: &str = include_str!("../../../pallets/dso/src/actions.rs");
const BONDS: &str = include_str!("../../../pallets/bonds/src/types.rs");

/// The source of a parameter, or of one tier in it.
fn parameter(name: &str) -> &'static str {
	let (_, rest) = PARAMETERS.split_once(name).unwrap_or_else(|| panic!("parameters.rs has no `{name}`"));
	rest.split_once('}').unwrap().0
}

/// What a field is set to, as it is written.
fn field(parameter: &'static str, name: &str) -> &'static str {
	let mut lines = parameter.lines().filter_map(|line| line.trim().strip_prefix(name)?.strip_prefix(": "));
	lines.next().and_then(|value| value.strip_suffix(',')).unwrap_or_else(|| panic!("no `{name}: …,` in {parameter}"))
}

fn number(parameter: &'static str, name: &str) -> Balance {
	let value = field(parameter, name);
	value.replace('_', "").parse().unwrap_or_else(|_| panic!("{name}: `{value}` is no number"))
}

fn share(parameter: &'static str, name: &str) -> Permill {
	match field(parameter, name) {
		"Permill::one()" => Permill::one(),
		value => {
			let percent = value.strip_prefix("Permill::from_percent(").and_then(|rest| rest.strip_suffix(')'));
			let percent = percent.and_then(|percent| percent.parse().ok());
			Permill::from_percent(percent.unwrap_or_else(|| panic!("{name}: `{value}` is no share")))
		}
	}
}

/// An amount in planck.
fn amount(parameter: &'static str, name: &str) -> Balance {
	planck(field(parameter, name))
}

fn planck(value: &str) -> Balance {
	let (count, unit) = value.rsplit_once(" * ").unwrap_or(("1", value));
	let unit = match unit {
		"AUTON" => AUTON,
		"MILLI_AUTON" => AUTON / 1_000,
		_ => panic!("`{value}` is no amount"),
	};
	count.replace('_', "").parse::<Balance>().unwrap_or_else(|_| panic!("`{value}` is no amount")) * unit
}

#[test]
fn numbers_should_be_those_of_the_runtime() {
	let rules = Rules::default();
	let disputes = parameter("pub static Disputes");
	let panels = ["first_panel", "second_panel"].map(|name| number(disputes, name));
	assert_eq!(rules.juries.map(|panel| panel.jurors as Balance), panels);
	assert_eq!(Balance::from(rules.exposure_factor), number(disputes, "exposure_factor"));
	assert_eq!(Balance::from(rules.audit_pay), number(disputes, "audit_pay"));
	assert_eq!(Balance::from(rules.least_reveals), number(disputes, "least_reveals"));
	assert_eq!(Balance::from(rules.challenge_bond), number(disputes, "challenge_bond"));

	let penalties = parameter("pub static Penalties");
	assert_eq!(rules.no_show, share(penalties, "no_show"));
	assert_eq!(rules.no_reveal, share(penalties, "no_reveal"));

	let timing = parameter("pub static Timing");
	assert_eq!(Balance::from(rules.redraws), number(timing, "redraws"));
	assert_eq!(Balance::from(rules.draw_retries), number(timing, "draw_retries"));

	let split = parameter("pub static FeeSplit");
	let found =
		[rules.split.model, rules.split.character, rules.split.community, rules.split.burn, rules.split.fault_pay];
	let names = ["model", "character", "community", "burn", "fault_pay"];
	assert_eq!(found, names.map(|name| share(split, name)));

	for tier in TIERS {
		let of = parameter(&format!("\n\t\t\t{}: ", tier.name));
		assert_eq!(tier.seats as Balance, number(of, "committee"), "{}", tier.name);
		assert_eq!(tier.audit, share(of, "audit"), "{}", tier.name);
		assert_eq!(tier.least_exposure, amount(of, "least_exposure"), "{}", tier.name);
	}
}

#[test]
fn constants_should_be_those_of_the_runtime() {
	let rules = Rules::default();
	let looks = format!("type DrawAttemptsPerSeat = ConstU32<{}>;", rules.looks_per_seat);
	assert!(CONFIG.contains(&looks), "autonomy.rs has no `{looks}`");
	// The least bond of a challenger is a job's base deposit, of two items.
	assert!(CONFIG.contains("JobDepositBase: Balance = deposit(2, 0);"));
	assert!(SYSTEM.contains("items as Balance * 20 * MILLI_AUTON"));
	assert_eq!(rules.least_challenge_bond, 2 * 20 * AUTON / 1_000);
}

#[test]
fn seats_should_need_and_cost_what_they_do_in_the_runtime() {
	let rules = governance::Rules::default();
	let seats = parameter("pub static Seats");
	assert_eq!(rules.seat.burn, amount(seats, "burn"));
	assert_eq!(rules.seat.backing, amount(seats, "backing"));
	assert_eq!(rules.creation_burn, amount(seats, "opening"));
	assert_eq!(Balance::from(rules.creation_target), number(seats, "target"));
	assert_eq!(rules.controller_cap, basis_points(number(seats, "controller_cap") as u16));
	let (_, floor) = PARAMETERS.split_once("pub static TokenFloor: Balance = ").unwrap();
	assert_eq!(rules.token_floor, planck(floor.split_once(';').unwrap().0));
}

#[test]
fn classes_should_weigh_and_count_what_they_do_in_the_pallets() {
	let rules = governance::Rules::default();
	for (of, weight, bounds) in [
		("TokenWeight", rules.token_weight, "Bounds::new(6_000, 8_000, 10_000)"),
		("ContributorWeight", rules.contributor_weight, "Bounds::new(0, 2_000, 4_000)"),
	] {
		let (_, rest) = TEMPLATES.split_once(&format!("Field::{of} => match kind {{")).unwrap();
		let (_, rest) = rest.split_once("KindTag::X => ").unwrap();
		assert!(rest.starts_with(bounds), "{of}");
		assert!(bounds.contains(&format!("{}_000", weight / 1_000)), "{of}");
	}
	for bounds in ["OwnerFloor => Bounds::new(1, 1,", "InvestorFloor => Bounds::new(2_000, 2_000,"] {
		assert!(TEMPLATES.contains(&format!("Field::{bounds}")), "{bounds}");
	}
	assert_eq!(rules.least_shares, Perbill::from_percent(20));
	assert!(TEMPLATES.contains(&format!("const FLOOR_MEMBERS: u32 = {};", rules.least_members)));
	assert!(TEMPLATES.contains(&format!("const LIGHTEST: Power = {LIGHTEST};")));
	assert!(ACTIONS.contains(&format!("MAX_POINTS: u8 = {MAX_POINTS};")));

	assert!(BONDS.contains(&format!("pub const HEAVIEST: Power = {HEAVIEST};")));
	for (tier, weight) in ["Days14", "Days28", "Days84"].into_iter().zip(governance::TIERS) {
		assert!(BONDS.contains(&format!("Self::{tier} => {weight},")), "{tier}");
	}
	assert_eq!((governance::TIERS[0], governance::TIERS[3]), (LIGHTEST, HEAVIEST));
	assert_eq!(governance::AUTON, AUTON);
}
