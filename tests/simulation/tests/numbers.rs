//! The simulation's numbers against the runtime's, by its source: a dependency on the runtime would have every test of this
//! crate wait for it.

use autonomy_simulation::inference::rules::{Balance, Rules, AUTON, TIERS};
use sp_runtime::Permill;

const PARAMETERS: &str = include_str!("../../../runtime/src/configs/parameters.rs");
const CONFIG: &str = include_str!("../../../runtime/src/configs/autonomy.rs");
const SYSTEM: &str = include_str!("../../../runtime/src/configs/system.rs");

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
	match field(parameter, name) {
		"AUTON" => AUTON,
		value => {
			let auton = value.strip_suffix(" * AUTON").and_then(|auton| auton.replace('_', "").parse::<Balance>().ok());
			auton.unwrap_or_else(|| panic!("{name}: `{value}` is no amount")) * AUTON
		}
	}
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
