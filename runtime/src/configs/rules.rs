//! What governs each parameter: the track of X that changes it, the numbers that it is made of, and what they can be.
//!
//! A decision of X changes one number of one parameter, within its bounds and, by `CallSteps` of pallet-dso, in limited
//! steps. Root can set anything; what is out of bounds is read as the nearest bound.

use alloc::{format, string::String, vec, vec::Vec};
use codec::Encode;
use frame_support::traits::Get;
use pallet_dso::{traits::Step, SeatRules, Track};
use pallet_inference::{Disputes, FeeSplit, Penalties, TierRules, Tiers, Timing};
use sp_runtime::{
	traits::{BlakeTwo256, Hash},
	Permill,
};

use super::parameters::{
	dynamic::{characters, fees, governance, inference, market, models},
	RuntimeParameters, RuntimeParametersKey,
};
use crate::{Balance, BlockNumber, AUTON, MICRO_AUTON, MILLI_AUTON};

/// A number of a parameter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Number {
	/// Its name; empty where the parameter is one number.
	pub name: &'static str,
	/// The least that it can be.
	pub least: u128,
	/// The most that it can be.
	pub most: u128,
}

const fn number(name: &'static str, least: u128, most: u128) -> Number {
	Number { name, least, most }
}

/// What governs a parameter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rule {
	/// Its name, as polkadot.js shows it.
	pub name: &'static str,
	/// The track of X that changes it.
	pub track: Track,
	/// What it is made of, in the order in which it is encoded.
	pub numbers: &'static [Number],
}

/// A million parts.
const WHOLE: u128 = 1_000_000;
/// Most of the royalties of a model and of a character. With a creator's 10 % they stay within what a sale takes.
pub const MAX_ROYALTY: u32 = 75_000;
/// Most of each price that the market takes.
const MAX_MARKET_FEE: u128 = 100_000;
/// Most that a creation burns.
pub const MAX_CREATION_BURN: Balance = 1_000 * AUTON;
/// Least deposit of a community or a proposal: it can always be released.
pub const MIN_DEPOSIT: Balance = 100 * MILLI_AUTON;
/// Most deposit of a community or a proposal.
pub const MAX_DEPOSIT: Balance = 1_000 * AUTON;
/// Least and most that an empty transaction costs.
pub const COMPUTATION_FEE: (Balance, Balance) = (10 * MICRO_AUTON, 100 * MILLI_AUTON);
/// Least and most that a byte costs.
pub const BYTE_FEE: (Balance, Balance) = (MICRO_AUTON / 10, MILLI_AUTON);
/// Least and most that one contribution is granted.
pub const GRANT: (u32, u32) = (1_000, 200_000);
/// Least and most gain that a charter may ask for at least.
pub const GAIN: (u32, u32) = (100, 100_000);
/// Most samples of an evaluation.
const MAX_SAMPLES: u128 = autonomy_primitives::job::MAX_SAMPLES as u128;
/// Most that a seat's exposure, a backing or a floor is set to.
pub const MAX_STAKE: Balance = 1_000_000 * AUTON;
/// Fewest seats of a ballot, and most of anything.
pub const BALLOT_COMMITTEE: (u8, u8) = (5, 15);
/// Least exposure of a seat of a ballot, at least.
pub const BALLOT_EXPOSURE: Balance = AUTON;
/// Most AI seats in 30 days at which opening one costs twice as much.
pub const MAX_SEAT_TARGET: u32 = 10_000;
/// Least and most part of the AI house that one controller has, in basis points.
pub const CONTROLLER_CAP: (u16, u16) = (500, 3_300);
/// Most of a fee that X gives to others than the operators, in parts per million: nobody works for nothing.
const MOST_FOR_OTHERS: u32 = 500_000;

const TIMING: Rule = Rule {
	name: "inference.Timing",
	track: Track::Interaction,
	numbers: &[
		number("draw_delay", 2, 50),
		number("draw_retries", 0, 100),
		number("commit_grace", 1, 600),
		number("reveal_period", 2, 600),
		number("decline_period", 0, 50),
		number("redraws", 0, 3),
	],
};

const PENALTIES: Rule = Rule {
	name: "inference.Penalties",
	track: Track::Economic,
	numbers: &[
		number("no_show", 1_000, 500_000),
		number("no_reveal", 10_000, WHOLE),
		number("suspension", 10, 100_000),
		number("decline_quota", 0, 100),
		number("decline_quota_period", 1, 100_000),
	],
};

const DISPUTES: Rule = Rule {
	name: "inference.Disputes",
	track: Track::Economic,
	numbers: &[
		number("exposure_factor", 1, 1_000),
		number("audit_pay", 1_000, 5_000),
		number("first_panel", 3, 7),
		number("second_panel", 3, 15),
		number("least_reveals", 3, 7),
		number("challenge_bond", 2, 100),
	],
};

const FEE_SPLIT: Rule = Rule {
	name: "inference.FeeSplit",
	track: Track::Economic,
	numbers: &[
		number("model", 0, 500_000),
		number("character", 0, 200_000),
		number("community", 0, 100_000),
		number("burn", 0, 200_000),
		number("fault_pay", 0, WHOLE),
	],
};

const TIERS: Rule = Rule {
	name: "inference.Tiers",
	track: Track::Interaction,
	numbers: &[
		number("text.committee", 1, 15),
		number("text.audit", 0, WHOLE),
		number("text.window", 3, 14_400),
		number("text.least_exposure", 0, MAX_STAKE),
		number("image.committee", 1, 15),
		number("image.audit", 0, WHOLE),
		number("image.window", 3, 14_400),
		number("image.least_exposure", 0, MAX_STAKE),
		number("creation.committee", 1, 15),
		number("creation.audit", 0, WHOLE),
		number("creation.window", 3, 14_400),
		number("creation.least_exposure", 0, MAX_STAKE),
		number("ballot.committee", BALLOT_COMMITTEE.0 as u128, BALLOT_COMMITTEE.1 as u128),
		number("ballot.audit", 0, WHOLE),
		number("ballot.window", 3, 14_400),
		number("ballot.least_exposure", BALLOT_EXPOSURE, MAX_STAKE),
	],
};

const EVALUATION_SAMPLES: Rule =
	Rule { name: "inference.EvaluationSamples", track: Track::Models, numbers: &[number("", 1, MAX_SAMPLES)] };

const MARKET_FEE: Rule = Rule { name: "market.Fee", track: Track::Economic, numbers: &[number("", 0, MAX_MARKET_FEE)] };

const MODEL_ROYALTY: Rule =
	Rule { name: "market.ModelRoyalty", track: Track::Economic, numbers: &[number("", 0, MAX_ROYALTY as u128)] };

const CHARACTER_ROYALTY: Rule =
	Rule { name: "market.CharacterRoyalty", track: Track::Economic, numbers: &[number("", 0, MAX_ROYALTY as u128)] };

const CREATION_BURN: Rule =
	Rule { name: "characters.CreationBurn", track: Track::Economic, numbers: &[number("", 0, MAX_CREATION_BURN)] };

const MAX_GRANT: Rule =
	Rule { name: "models.MaxGrant", track: Track::Models, numbers: &[number("", GRANT.0 as u128, GRANT.1 as u128)] };

const MIN_GAIN: Rule =
	Rule { name: "models.MinGain", track: Track::Models, numbers: &[number("", GAIN.0 as u128, GAIN.1 as u128)] };

const SEATS: Rule = Rule {
	name: "governance.Seats",
	track: Track::Templates,
	numbers: &[
		number("burn", MICRO_AUTON, MAX_STAKE),
		number("backing", MICRO_AUTON, MAX_STAKE),
		number("opening", MILLI_AUTON, MAX_STAKE),
		number("target", 1, MAX_SEAT_TARGET as u128),
		number("controller_cap", CONTROLLER_CAP.0 as u128, CONTROLLER_CAP.1 as u128),
	],
};

const TOKEN_FLOOR: Rule =
	Rule { name: "governance.TokenFloor", track: Track::Templates, numbers: &[number("", AUTON, MAX_STAKE)] };

const COMMUNITY_DEPOSIT: Rule = Rule {
	name: "governance.CommunityDeposit",
	track: Track::Economic,
	numbers: &[number("", MIN_DEPOSIT, MAX_DEPOSIT)],
};

const PROPOSAL_DEPOSIT: Rule = Rule {
	name: "governance.ProposalDeposit",
	track: Track::Economic,
	numbers: &[number("", MIN_DEPOSIT, MAX_DEPOSIT)],
};

const COMPUTATION: Rule = Rule {
	name: "fees.Computation",
	track: Track::Economic,
	numbers: &[number("", COMPUTATION_FEE.0, COMPUTATION_FEE.1)],
};

const BYTE: Rule = Rule { name: "fees.Byte", track: Track::Economic, numbers: &[number("", BYTE_FEE.0, BYTE_FEE.1)] };

/// What governs a parameter. Each has one rule, and so one track.
pub fn of(key: &RuntimeParametersKey) -> &'static Rule {
	use RuntimeParametersKey as Key;
	match key {
		Key::Inference(key) => match key {
			inference::ParametersKey::Timing(_) => &TIMING,
			inference::ParametersKey::Penalties(_) => &PENALTIES,
			inference::ParametersKey::Disputes(_) => &DISPUTES,
			inference::ParametersKey::FeeSplit(_) => &FEE_SPLIT,
			inference::ParametersKey::Tiers(_) => &TIERS,
			inference::ParametersKey::EvaluationSamples(_) => &EVALUATION_SAMPLES,
		},
		Key::Market(key) => match key {
			market::ParametersKey::Fee(_) => &MARKET_FEE,
			market::ParametersKey::ModelRoyalty(_) => &MODEL_ROYALTY,
			market::ParametersKey::CharacterRoyalty(_) => &CHARACTER_ROYALTY,
		},
		Key::Characters(characters::ParametersKey::CreationBurn(_)) => &CREATION_BURN,
		Key::Models(key) => match key {
			models::ParametersKey::MaxGrant(_) => &MAX_GRANT,
			models::ParametersKey::MinGain(_) => &MIN_GAIN,
		},
		Key::Governance(key) => match key {
			governance::ParametersKey::Seats(_) => &SEATS,
			governance::ParametersKey::TokenFloor(_) => &TOKEN_FLOOR,
			governance::ParametersKey::CommunityDeposit(_) => &COMMUNITY_DEPOSIT,
			governance::ParametersKey::ProposalDeposit(_) => &PROPOSAL_DEPOSIT,
		},
		Key::Fees(key) => match key {
			fees::ParametersKey::Computation(_) => &COMPUTATION,
			fees::ParametersKey::Byte(_) => &BYTE,
		},
	}
}

/// Every parameter, as it is now.
pub fn all() -> Vec<RuntimeParameters> {
	use RuntimeParameters as P;
	fn now<Key: Get<Value>, Value>() -> Option<Value> {
		Some(Key::get())
	}
	vec![
		P::Inference(inference::Parameters::Timing(inference::Timing, now::<inference::Timing, _>())),
		P::Inference(inference::Parameters::Penalties(inference::Penalties, now::<inference::Penalties, _>())),
		P::Inference(inference::Parameters::Disputes(inference::Disputes, now::<inference::Disputes, _>())),
		P::Inference(inference::Parameters::FeeSplit(inference::FeeSplit, now::<inference::FeeSplit, _>())),
		P::Inference(inference::Parameters::Tiers(inference::Tiers, now::<inference::Tiers, _>())),
		P::Inference(inference::Parameters::EvaluationSamples(
			inference::EvaluationSamples,
			now::<inference::EvaluationSamples, _>(),
		)),
		P::Market(market::Parameters::Fee(market::Fee, now::<market::Fee, _>())),
		P::Market(market::Parameters::ModelRoyalty(market::ModelRoyalty, now::<market::ModelRoyalty, _>())),
		P::Market(market::Parameters::CharacterRoyalty(market::CharacterRoyalty, now::<market::CharacterRoyalty, _>())),
		P::Characters(characters::Parameters::CreationBurn(
			characters::CreationBurn,
			now::<characters::CreationBurn, _>(),
		)),
		P::Models(models::Parameters::MaxGrant(models::MaxGrant, now::<models::MaxGrant, _>())),
		P::Models(models::Parameters::MinGain(models::MinGain, now::<models::MinGain, _>())),
		P::Governance(governance::Parameters::Seats(governance::Seats, now::<governance::Seats, _>())),
		P::Governance(governance::Parameters::TokenFloor(governance::TokenFloor, now::<governance::TokenFloor, _>())),
		P::Governance(governance::Parameters::CommunityDeposit(
			governance::CommunityDeposit,
			now::<governance::CommunityDeposit, _>(),
		)),
		P::Governance(governance::Parameters::ProposalDeposit(
			governance::ProposalDeposit,
			now::<governance::ProposalDeposit, _>(),
		)),
		P::Fees(fees::Parameters::Computation(fees::Computation, now::<fees::Computation, _>())),
		P::Fees(fees::Parameters::Byte(fees::Byte, now::<fees::Byte, _>())),
	]
}

/// A value as the numbers that its rule names, in that order.
pub trait Numbers {
	/// The numbers.
	fn numbers(&self) -> Vec<u128>;
}

impl Numbers for Balance {
	fn numbers(&self) -> Vec<u128> {
		vec![*self]
	}
}

impl Numbers for u16 {
	fn numbers(&self) -> Vec<u128> {
		vec![(*self).into()]
	}
}

impl Numbers for Permill {
	fn numbers(&self) -> Vec<u128> {
		vec![self.deconstruct().into()]
	}
}

impl Numbers for Timing<BlockNumber> {
	fn numbers(&self) -> Vec<u128> {
		let Self { draw_delay, draw_retries, commit_grace, reveal_period, decline_period, redraws } = *self;
		[draw_delay, draw_retries, commit_grace, reveal_period, decline_period, redraws].map(u128::from).into()
	}
}

impl Numbers for Penalties<BlockNumber> {
	fn numbers(&self) -> Vec<u128> {
		let Self { no_show, no_reveal, suspension, decline_quota, decline_quota_period } = *self;
		[no_show.deconstruct(), no_reveal.deconstruct(), suspension, decline_quota, decline_quota_period]
			.map(u128::from)
			.into()
	}
}

impl Numbers for Disputes {
	fn numbers(&self) -> Vec<u128> {
		let Self { exposure_factor, audit_pay, first_panel, second_panel, least_reveals, challenge_bond } = *self;
		vec![
			exposure_factor.into(),
			audit_pay.into(),
			first_panel.into(),
			second_panel.into(),
			least_reveals.into(),
			challenge_bond.into(),
		]
	}
}

impl Numbers for FeeSplit {
	fn numbers(&self) -> Vec<u128> {
		let Self { model, character, community, burn, fault_pay } = *self;
		[model, character, community, burn, fault_pay].map(|share| u128::from(share.deconstruct())).into()
	}
}

impl Numbers for TierRules<Balance, BlockNumber> {
	fn numbers(&self) -> Vec<u128> {
		let Self { committee, audit, window, least_exposure } = *self;
		vec![committee.into(), audit.deconstruct().into(), window.into(), least_exposure]
	}
}

impl Numbers for Tiers<Balance, BlockNumber> {
	fn numbers(&self) -> Vec<u128> {
		let Self { text, image, creation, ballot } = *self;
		[text, image, creation, ballot].iter().flat_map(Numbers::numbers).collect()
	}
}

impl Numbers for SeatRules<Balance> {
	fn numbers(&self) -> Vec<u128> {
		let Self { burn, backing, opening, target, controller_cap } = *self;
		vec![burn, backing, opening, target.into(), controller_cap.into()]
	}
}

/// A parameter as numbers: what they are, and what they would be.
type Change = (Vec<u128>, Option<Vec<u128>>);

fn change<Key: Get<Value>, Value: Numbers>(new: &Option<Value>) -> Change {
	(Key::get().numbers(), new.as_ref().map(Numbers::numbers))
}

fn change_of(parameter: &RuntimeParameters) -> Change {
	use RuntimeParameters as P;
	match parameter {
		P::Inference(parameter) => match parameter {
			inference::Parameters::Timing(_, new) => change::<inference::Timing, _>(new),
			inference::Parameters::Penalties(_, new) => change::<inference::Penalties, _>(new),
			inference::Parameters::Disputes(_, new) => change::<inference::Disputes, _>(new),
			inference::Parameters::FeeSplit(_, new) => change::<inference::FeeSplit, _>(new),
			inference::Parameters::Tiers(_, new) => change::<inference::Tiers, _>(new),
			inference::Parameters::EvaluationSamples(_, new) => change::<inference::EvaluationSamples, _>(new),
		},
		P::Market(parameter) => match parameter {
			market::Parameters::Fee(_, new) => change::<market::Fee, _>(new),
			market::Parameters::ModelRoyalty(_, new) => change::<market::ModelRoyalty, _>(new),
			market::Parameters::CharacterRoyalty(_, new) => change::<market::CharacterRoyalty, _>(new),
		},
		P::Characters(characters::Parameters::CreationBurn(_, new)) => change::<characters::CreationBurn, _>(new),
		P::Models(parameter) => match parameter {
			models::Parameters::MaxGrant(_, new) => change::<models::MaxGrant, _>(new),
			models::Parameters::MinGain(_, new) => change::<models::MinGain, _>(new),
		},
		P::Governance(parameter) => match parameter {
			governance::Parameters::Seats(_, new) => change::<governance::Seats, _>(new),
			governance::Parameters::TokenFloor(_, new) => change::<governance::TokenFloor, _>(new),
			governance::Parameters::CommunityDeposit(_, new) => change::<governance::CommunityDeposit, _>(new),
			governance::Parameters::ProposalDeposit(_, new) => change::<governance::ProposalDeposit, _>(new),
		},
		P::Fees(parameter) => match parameter {
			fees::Parameters::Computation(_, new) => change::<fees::Computation, _>(new),
			fees::Parameters::Byte(_, new) => change::<fees::Byte, _>(new),
		},
	}
}

/// The one number that setting a parameter changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moved {
	/// The parameter.
	pub rule: &'static Rule,
	/// The number.
	pub number: &'static Number,
	/// What it is.
	pub from: u128,
	/// What it would be.
	pub to: u128,
	/// Whether the parameter's numbers would fit together.
	pub fits: bool,
}

/// Whether the numbers of a parameter fit together: others than the operators get no more than half of a fee.
fn fit_together(parameter: &RuntimeParameters) -> bool {
	let RuntimeParameters::Inference(inference::Parameters::FeeSplit(_, Some(split))) = parameter else { return true };
	let FeeSplit { model, character, community, burn, fault_pay: _ } = *split;
	let others = [model, character, community, burn].map(|share| share.deconstruct());
	others.into_iter().fold(0, u32::saturating_add) <= MOST_FOR_OTHERS
}

impl Moved {
	/// What setting a parameter changes. `None` when it changes nothing or several numbers, and when it clears what was set.
	pub fn by(parameter: &RuntimeParameters) -> Option<Self> {
		use frame_support::traits::dynamic_params::AggregatedKeyValue;
		let (from, to) = change_of(parameter);
		let rule = of(&parameter.clone().into_parts().0);
		let pairs = from.into_iter().zip(to?).zip(rule.numbers);
		let mut moved = pairs.filter(|((from, to), _)| from != to);
		let ((from, to), number) = moved.next()?;
		moved.next().is_none().then(|| Self { rule, number, from, to, fits: fit_together(parameter) })
	}

	/// Whether it stays within its bounds, and what it is part of fits together, or comes nearer to it.
	pub fn is_within_bounds(&self) -> bool {
		(self.number.least..=self.number.most).contains(&self.to) && (self.fits || self.to < self.from)
	}

	/// Its name, as polkadot.js shows it.
	pub fn name(&self) -> String {
		match self.number.name {
			"" => self.rule.name.into(),
			number => format!("{}.{number}", self.rule.name),
		}
	}

	/// As a step, for the limit on how fast it may move.
	pub fn step(&self) -> Step {
		let name = (b"aut/step", self.rule.name, self.number.name).encode();
		Step { key: BlakeTwo256::hash(&name).0, from: self.from, to: self.to }
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::configs::parameters::RootOrTrack;
	use alloc::collections::BTreeSet;
	use frame_support::traits::{dynamic_params::AggregatedKeyValue, EnsureOriginWithArg};
	use pallet_dso::Origin;
	use scale_info::{TypeDef, TypeInfo};
	use sp_keyring::Sr25519Keyring as Key;

	fn test(run: impl FnOnce()) {
		sp_io::TestExternalities::default().execute_with(run);
	}

	fn keys() -> Vec<RuntimeParametersKey> {
		all().into_iter().map(|parameter| parameter.into_parts().0).collect()
	}

	/// The parameters that the type of all keys has.
	fn declared() -> usize {
		let TypeDef::Variant(groups) = RuntimeParametersKey::type_info().type_def else { panic!("keys are an enum") };
		let of_group = |fields: &[scale_info::Field]| match fields[0].ty.type_info().type_def {
			TypeDef::Variant(keys) => keys.variants.len(),
			other => panic!("a group of keys is an enum: {other:?}"),
		};
		groups.variants.iter().map(|group| of_group(&group.fields)).sum()
	}

	fn set_fee(parts: u32) -> RuntimeParameters {
		RuntimeParameters::Market(market::Parameters::Fee(market::Fee, Some(Permill::from_parts(parts))))
	}

	#[test]
	fn every_parameter_should_have_a_rule_that_its_value_fits() {
		test(|| {
			assert_eq!(all().len(), declared(), "a parameter is missing in `all`");
			let names: BTreeSet<_> = keys().iter().map(|key| of(key).name).collect();
			assert_eq!(names.len(), all().len(), "two parameters have one name");
			for parameter in all() {
				let (now, then) = change_of(&parameter);
				let rule = of(&parameter.clone().into_parts().0);
				assert_eq!(Some(&now), then.as_ref());
				assert_eq!(now.len(), rule.numbers.len(), "{}", rule.name);
				for (value, number) in now.iter().zip(rule.numbers) {
					let within = (number.least..=number.most).contains(value);
					assert!(
						within,
						"{} {}: {value} is not in {} to {}",
						rule.name, number.name, number.least, number.most
					);
				}
			}
		});
	}

	#[test]
	fn every_parameter_should_be_changed_on_one_track_and_by_no_account() {
		test(|| {
			let tracks = [
				(Origin::Templates, Some(Track::Templates)),
				(Origin::Interaction, Some(Track::Interaction)),
				(Origin::Economic, Some(Track::Economic)),
				(Origin::Models, Some(Track::Models)),
				(Origin::Data, Some(Track::Data)),
				(Origin::Treasury, None),
				(Origin::Constitution, None),
				(Origin::ConstitutionDual, None),
				(Origin::Community(0), None),
				(Origin::Community(1), None),
			];
			for key in keys() {
				let may = |origin| RootOrTrack::try_origin(origin, &key).is_ok();
				let found: Vec<_> =
					tracks.iter().filter(|(origin, _)| may((*origin).into())).map(|(_, track)| *track).collect();
				assert_eq!(found, [Some(of(&key).track)], "{}", of(&key).name);
				assert!(may(crate::RuntimeOrigin::root()));
				assert!(!may(crate::RuntimeOrigin::signed(Key::Alice.to_account_id())));
				assert!(!may(crate::RuntimeOrigin::none()));
			}
		});
	}

	#[test]
	fn call_should_move_one_number_within_its_bounds() {
		test(|| {
			let moved = Moved::by(&set_fee(15_000)).expect("one number");
			assert_eq!((moved.name().as_str(), moved.from, moved.to), ("market.Fee", 20_000, 15_000));
			assert!(moved.is_within_bounds());
			assert_ne!(moved.step().key, [0; 32]);
			assert!(!Moved::by(&set_fee(100_001)).expect("one number").is_within_bounds());
			assert_eq!(Moved::by(&set_fee(20_000)), None, "it changes nothing");
			assert_eq!(Moved::by(&RuntimeParameters::Market(market::Parameters::Fee(market::Fee, None))), None);
		});
	}

	#[test]
	fn call_should_not_move_two_numbers() {
		test(|| {
			let split: FeeSplit = inference::FeeSplit::get();
			let set =
				|split| RuntimeParameters::Inference(inference::Parameters::FeeSplit(inference::FeeSplit, Some(split)));
			let burn = Permill::from_percent(2);
			let moved = Moved::by(&set(FeeSplit { burn, ..split })).expect("one number");
			assert_eq!((moved.name().as_str(), moved.from, moved.to), ("inference.FeeSplit.burn", 30_000, 20_000));
			assert_eq!(Moved::by(&set(FeeSplit { burn, model: Permill::zero(), ..split })), None);
		});
	}

	#[test]
	fn operators_should_keep_half_of_a_fee() {
		test(|| {
			let move_of = |split| {
				let set = inference::Parameters::FeeSplit(inference::FeeSplit, Some(split));
				Moved::by(&RuntimeParameters::Inference(set)).expect("one number")
			};
			let split: FeeSplit = inference::FeeSplit::get();
			// 7 + 2 + 3 % go to others besides the model.
			let model = |percent| FeeSplit { model: Permill::from_percent(percent), ..split };
			assert!(move_of(model(38)).is_within_bounds());
			assert!(!move_of(model(39)).is_within_bounds());
			assert!(move_of(FeeSplit { fault_pay: Permill::one(), ..split }).is_within_bounds());
			// What root has set can come down again.
			let greedy = inference::Parameters::FeeSplit(inference::FeeSplit, Some(model(50)));
			let origin = crate::RuntimeOrigin::root();
			assert_eq!(crate::Parameters::set_parameter(origin, RuntimeParameters::Inference(greedy)), Ok(()));
			assert!(move_of(model(45)).is_within_bounds());
		});
	}

	/// A bound as the README of pallet-dso writes it: digits in groups of three.
	fn grouped(value: u128) -> String {
		let digits = format!("{value}");
		let first = digits.len() % 3;
		let (head, rest) = digits.split_at(first);
		let groups = rest.as_bytes().chunks(3).map(|group| core::str::from_utf8(group).expect("digits"));
		let parts = (!head.is_empty()).then_some(head).into_iter().chain(groups);
		parts.collect::<Vec<_>>().join(",")
	}

	/// The row of a parameter in the README of pallet-dso.
	fn row(rule: &Rule) -> String {
		let bounds = |number: &Number| {
			let range = format!("{} to {}", grouped(number.least), grouped(number.most));
			if number.name.is_empty() {
				range
			} else {
				format!("`{}` {range}", number.name)
			}
		};
		let numbers: Vec<_> = rule.numbers.iter().map(bounds).collect();
		format!("| `{}` | `{:?}` | {} |", rule.name, rule.track, numbers.join(", "))
	}

	#[test]
	fn readme_of_the_pallet_should_have_each_parameter_with_its_track_and_bounds() {
		test(|| {
			let readme = include_str!("../../../pallets/dso/README.md");
			let (_, section) = readme.split_once("\n## Parameters and their tracks\n").expect("the section is there");
			let section = section.split("\n## ").next().expect("it has text");
			let written: Vec<_> = section.lines().filter(|line| line.starts_with("| `")).collect();
			let expected: Vec<_> = keys().iter().map(|key| row(of(key))).collect();
			assert_eq!(written, expected, "write the rows anew:\n{}", expected.join("\n"));
		});
	}

	#[test]
	fn page_about_governance_should_have_each_parameter_with_its_track() {
		test(|| {
			let page = include_str!("../../../docs/governance.md");
			for key in keys() {
				let Rule { name, track, .. } = of(&key);
				let row = page.lines().find(|line| line.starts_with('|') && line.contains(&format!("`{name}`")));
				let cell = row.expect("it has a row").split('|').nth(2).map(str::trim);
				assert_eq!(cell, Some(format!("`{track:?}`").as_str()), "{name}");
			}
		});
	}

	#[test]
	fn numbers_of_one_parameter_should_have_steps_of_their_own() {
		test(|| {
			let split: FeeSplit = inference::FeeSplit::get();
			let step = |split| {
				let set = inference::Parameters::FeeSplit(inference::FeeSplit, Some(split));
				Moved::by(&RuntimeParameters::Inference(set)).expect("one number").step().key
			};
			let (burn, model) = (Permill::from_percent(2), Permill::from_percent(17));
			assert_ne!(step(FeeSplit { burn, ..split }), step(FeeSplit { model, ..split }));
		});
	}
}
