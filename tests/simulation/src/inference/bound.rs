//! What can be said without simulating.
//!
//! A coalition that holds every seat of a committee is found out with probability q, when an audit falls upon somebody else.
//! It saves V by lying and loses the exposure E of its k seats when it is found out, so it loses on average when
//! q·k·E ≥ (1 − q)·V.

use pallet_inference::maths;

use sp_runtime::Permill;

use super::rules::{Panel, Rules, Tier};

/// Probability that a lie of a coalition which holds every seat is audited by an operator that is not one of it: `coalition`
/// of `operators` belong to it, and the auditor is drawn from those that have no seat.
pub fn detection(tier: &Tier, operators: usize, coalition: usize) -> f64 {
	let others = operators.saturating_sub(coalition) as f64;
	let drawn_from = operators.saturating_sub(tier.seats).max(1) as f64;
	f64::from(tier.audit.deconstruct()) / 1e6 * (others / drawn_from)
}

/// The least exposure, in seat fees, at which a lie on `seats` seats that saves `value` seat fees does not pay, when it is
/// found out with probability `detection`.
pub fn exposure_factor(detection: f64, value: f64, seats: usize) -> f64 {
	(1.0 - detection) * value / (detection * seats as f64)
}

/// What a lie saves on `seats` seats, in seat fees: the cost of the work.
pub fn saved_work(rules: &Rules, seats: usize) -> f64 {
	f64::from(rules.work.deconstruct()) / 1e6 * seats as f64
}

/// The exposure, in seat fees, at which such a coalition earns as much as with honest work, by the same reasoning with all
/// that the bound leaves out: the pay that is lost with a lie, juries that the coalition makes the verdict of, the audits
/// that its auditors are paid for without work, and what its jurors work for and get of the slash.
pub fn break_even(rules: &Rules, tier: &Tier, operators: usize, coalition: usize) -> f64 {
	let part = |share: Permill| f64::from(share.deconstruct()) / 1e6;
	let ([jury, _], seats, share) = (rules.juries, tier.seats as f64, coalition as f64 / operators as f64);
	let captured = at_least(carrying(jury, rules.least_reveals), jury.jurors, share);
	let convicted = detection(tier, operators, coalition) * (1.0 - captured);
	let work = part(rules.work);
	let pay = 1.0 - rules.fees_of_others() - work;
	let saved = (1.0 - convicted) * seats * work + part(tier.audit) * share * work;
	let forgone = convicted * (seats * pay + jury.jurors as f64 * share * work);
	let lost = convicted * seats * (1.0 - part(maths::HONEST_SHARE) * share);
	((saved - forgone) / lost).max(0.0)
}

/// Fewest members of a coalition on a jury whose verdict they make.
pub fn carrying(panel: Panel, least_reveals: u32) -> usize {
	let jurors = panel.jurors as u32;
	let carries = |allies: u32| maths::verdict(&[allies, jurors - allies], least_reveals, panel.unanimous) == Some(0);
	(0..=jurors).find(|allies| carries(*allies)).map_or(panel.jurors + 1, |allies| allies as usize)
}

/// Probability that at least `least` of `drawn` operators belong to a coalition which has `share` of the slots of very many
/// operators.
pub fn at_least(least: usize, drawn: usize, share: f64) -> f64 {
	// Of exactly none; each further one follows from the one before it.
	let mut exactly = (0..drawn).fold(1.0, |product, _| product * (1.0 - share));
	let mut sum = 0.0;
	for members in 0..=drawn {
		if members >= least {
			sum += exactly;
		}
		exactly *= (drawn - members) as f64 / (members + 1) as f64 * share / (1.0 - share);
	}
	sum
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::inference::rules::TIERS;

	fn near(a: f64, b: f64, relative: f64) -> bool {
		(a - b).abs() <= relative * b.abs()
	}

	#[test]
	fn a_fifth_of_the_slots_should_need_an_exposure_of_24_seat_fees_on_an_image() {
		// The design's own example: p = 5 %, f = 0.2, V = k fees.
		assert!(near(exposure_factor(0.05 * 0.8, 3.0, 3), 24.0, 1e-9));
		let rules = Rules::default();
		assert!(exposure_factor(0.2 * 0.8, 1.0, 1) < f64::from(rules.exposure_factor));
		assert!(near(saved_work(&rules, 3), 1.8, 1e-9));
	}

	#[test]
	fn break_even_should_be_a_little_above_the_bound_because_some_of_the_slash_comes_back() {
		let (rules, image) = (Rules::default(), &TIERS[1]);
		let needed = exposure_factor(detection(image, 1_000, 200), saved_work(&rules, 3), 3);
		let exact = break_even(&rules, image, 1_000, 200);
		assert!(needed < exact && near(needed, exact, 0.05), "{needed} {exact}");
		assert_eq!(
			break_even(&rules, &TIERS[3], 1_000, 100),
			0.0,
			"nearly every lie is found out: honest pay is enough"
		);
	}

	#[test]
	fn detection_should_leave_out_the_seats() {
		assert!(near(detection(&TIERS[1], 1_000, 200), 0.05 * 800.0 / 997.0, 1e-12));
		assert_eq!(detection(&TIERS[3], 10, 10), 0.0);
	}

	#[test]
	fn juries_should_be_carried_by_two_thirds_or_by_all() {
		let panel = |jurors, unanimous| carrying(Panel { jurors, unanimous }, 3);
		assert_eq!((panel(7, false), panel(15, false), panel(7, true)), (5, 10, 7));
		assert_eq!(panel(2, false), 3, "two reveals are not enough for a verdict");
	}

	#[test]
	fn chances_should_be_those_of_the_binomial_distribution() {
		assert!(near(at_least(5, 7, 0.2), 0.004_672, 1e-3));
		assert!(near(at_least(10, 15, 0.2), 0.000_113, 1e-2));
		assert!(near(at_least(0, 7, 0.3), 1.0, 1e-12));
		assert!(near(at_least(3, 3, 0.2), 0.008, 1e-12));
	}
}
