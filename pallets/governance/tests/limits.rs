//! Seats, limits and phases: properties 8, 12 and 14 of governance.

use autonomy_governance::{
	ai_share_in_force, check_advance, creation_burn, seat_weight, Day, Needs, Perbill, Phase, Readiness, SeatRule,
	SpendWindow, StepRule, Steps, Track, SEAT_WEIGHT_MOST, SPEND_DAYS,
};
use num_bigint::BigInt;
use proptest::{collection::vec, prelude::*};

fn amount() -> impl Strategy<Value = u128> {
	prop_oneof![1..=1_000u128, 1..=10u128.pow(24)]
}

/// A part of an amount, in thousandths.
fn portion(amount: u128, thousandths: u128) -> u128 {
	amount / 1_000 * thousandths + amount % 1_000 * thousandths / 1_000
}

/// The default, or what a development chain may need.
fn needs() -> impl Strategy<Value = Needs> {
	let fewer = (0..=20u32, 0..=15u32, 0..=30u32, 0..=950_000_000u32, 0..=90u32, 0..=180u32);
	let fewer = fewer.prop_map(|(characters, workers, shadow_days, settled, days_in_two, days_in_three)| Needs {
		characters,
		workers,
		shadow_days,
		shadow_settled: Perbill::from_parts(settled),
		days_in_two,
		days_in_three,
	});
	prop_oneof![Just(Needs::DEFAULT), fewer]
}

fn readiness() -> impl Strategy<Value = Readiness> {
	let counts = (0..=40u32, 0..=30u32, 0..=60u32, 900_000_000..=1_000_000_000u32);
	(counts, 0..=360u32, 0..=1u32, 0..=1u32).prop_map(|(counts, days_in_phase, slashes, models)| {
		let (active_characters, bonded_workers, shadow_days, settled) = counts;
		Readiness {
			active_characters,
			bonded_workers,
			shadow_days,
			shadow_settled: Perbill::from_parts(settled),
			days_in_phase,
			unresolved_slashes: slashes,
			models_with_provenance: models,
		}
	})
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(512))]

	/// Property 8 of the design: what one seat has, among several, weighs no more, as long as that seat is below its cap.
	#[test]
	fn splitting_a_seat_should_never_raise_its_weight(
		rule in (amount(), amount()).prop_map(|(burn, backing)| SeatRule { burn, backing }),
		has in (0..=3_000u128, 0..=3_000u128),
		parts in vec((0..=1_000u128, 0..=1_000u128), 1..8),
	) {
		let (mut burned, mut backed) = (portion(rule.burn, has.0), portion(rule.backing, has.1));
		let whole = seat_weight(burned, backed, &rule);
		prop_assert!(whole <= SEAT_WEIGHT_MOST);
		let mut sum = 0;
		for (of_burned, of_backed) in parts {
			let (burn, backing) = (portion(burned, of_burned), portion(backed, of_backed));
			sum += seat_weight(burn, backing, &rule);
			burned -= burn;
			backed -= backing;
		}
		sum += seat_weight(burned, backed, &rule);
		prop_assert!(sum <= whole, "{sum} in parts, {whole} whole");
	}

	/// More of either never weighs less.
	#[test]
	fn seat_should_never_weigh_less_with_more(
		rule in (amount(), amount()).prop_map(|(burn, backing)| SeatRule { burn, backing }),
		has in (0..=4_000u128, 0..=4_000u128),
		more in (amount(), amount()),
	) {
		let (burned, backed) = (portion(rule.burn, has.0), portion(rule.backing, has.1));
		let weight = seat_weight(burned, backed, &rule);
		prop_assert!(seat_weight(burned + more.0, backed, &rule) >= weight);
		prop_assert!(seat_weight(burned, backed + more.1, &rule) >= weight);
	}

	/// The creation burn against the power of two, exactly: both to the power of the target.
	#[test]
	fn creation_burn_should_be_the_power_of_two_and_a_sixteenth_at_most(
		base in amount(),
		opened in 0..=200u32,
		target in 1..=20u32,
	) {
		// More doublings of the largest base have no room.
		prop_assume!(opened / target < 40);
		let burn = creation_burn(base, opened, target);
		let power = |number: BigInt| number.pow(target);
		let doubled = BigInt::from(1u32) << opened;
		let exact = power(BigInt::from(base)) * doubled.clone();
		prop_assert!(power(BigInt::from(burn)) >= exact, "{burn} is too little");
		// Rounding up adds less than a planck.
		let most = power(BigInt::from(base) * 1_062u32) * doubled;
		prop_assert!(power(BigInt::from(burn - 1) * 1_000u32) <= most, "{burn} is too much");
		prop_assert!(creation_burn(base, opened + 1, target) >= burn);
	}

	/// Property 12 of the design: a phase begins after the one before it and with all that it needs, and no κ is above its
	/// limit.
	#[test]
	fn phase_should_move_by_one_and_limit_what_ais_weigh(
		readiness in readiness(),
		needs in needs(),
		frozen in 0..=1_000_000_000u32,
	) {
		for (from, to) in Phase::ALL.into_iter().flat_map(|from| Phase::ALL.map(|to| (from, to))) {
			let is_ready = match to {
				Phase::One => false,
				Phase::Two => {
					readiness.active_characters >= needs.characters
						&& readiness.bonded_workers >= needs.workers
						&& readiness.shadow_days >= needs.shadow_days
						&& readiness.shadow_settled >= needs.shadow_settled
				}
				Phase::Three => readiness.days_in_phase >= needs.days_in_two && readiness.unresolved_slashes == 0,
				Phase::Four => readiness.days_in_phase >= needs.days_in_three && readiness.models_with_provenance > 0,
			};
			let is_next = from as u8 + 1 == to as u8;
			let may_begin = check_advance(from, to, &readiness, &needs).is_ok();
			prop_assert_eq!(may_begin, is_next && is_ready, "{:?} to {:?}", from, to);
		}
		for phase in Phase::ALL {
			let share = ai_share_in_force(Perbill::from_parts(frozen), phase);
			prop_assert!(share <= phase.ai_share_limit() && share.deconstruct() <= frozen);
			prop_assert!(phase.previous().is_none_or(|before| before.ai_share_limit() <= phase.ai_share_limit()));
			for track in Track::ALL {
				prop_assert!(track.ai_share(phase) <= phase.ai_share_limit());
				prop_assert_eq!(track.rule(phase).map(|rule| rule.question.rule.ai_share), {
					(phase >= track.opens()).then(|| track.ai_share(phase))
				});
			}
		}
	}

	/// Property 14 of the design: whatever comes in and goes out, any seven days are within the limit, and a day is
	/// forgotten after them.
	#[test]
	fn spending_should_be_within_the_limit_in_any_seven_days(
		limit in (1..=100u32).prop_map(Perbill::from_percent),
		start in 0..=1_000_000u128,
		steps in vec((0..=9u32, 0..=100_000u128, 0..=1_500u128), 1..60),
	) {
		let (mut window, mut today, mut balance): (SpendWindow, Day, u128) = (SpendWindow::default(), 0, start);
		let mut book: Vec<(Day, u128)> = Vec::new();
		for (days, income, thousandths) in steps {
			today += days;
			balance += income;
			let week = |book: &[(Day, u128)]| {
				book.iter().filter(|(day, _)| today - day < SPEND_DAYS as Day).map(|(_, spent)| *spent).sum::<u128>()
			};
			let spent = week(&book);
			prop_assert_eq!(window.spent(today), spent);
			let most = u128::from(limit.deconstruct()) * (balance + spent) / 1_000_000_000;
			let left = most.saturating_sub(spent).min(balance);
			prop_assert_eq!(window.left(today, balance, limit), left);
			let amount = portion(left, thousandths);
			match window.spend(today, balance, limit, amount) {
				Some(after) => {
					prop_assert!(amount <= left);
					book.push((today, amount));
					prop_assert!(week(&book) <= most.max(spent));
					(window, balance) = (after, balance - amount);
				}
				None => prop_assert!(amount > left),
			}
		}
	}

	/// A value stays within the limit of all that it was in the last days, however its changes are spread.
	#[test]
	fn value_should_never_move_further_than_its_step_in_its_days(
		rule in prop::sample::select(vec![StepRule::FRANCHISE, StepRule::ECONOMIC]),
		start in 0..=10_000u128,
		changes in vec((0..=45u32, 0..=1_000u128), 1..40),
	) {
		let (mut steps, mut today, mut value): (Option<Steps>, Day, u128) = (None, 0, start);
		// What it was, until the day it was replaced.
		let mut replaced: Vec<(Day, u128)> = Vec::new();
		for (days, thousandths) in changes {
			today += days;
			let (least, most) = Steps::allowed(steps, value, today, &rule);
			prop_assert!(least <= value && value <= most);
			prop_assert!(Steps::step(steps, value, most + 1, today, &rule).is_none());
			prop_assert!(least == 0 || Steps::step(steps, value, least - 1, today, &rule).is_none());
			let next = least + portion(most - least, thousandths);
			let after = Steps::step(steps, value, next, today, &rule);
			prop_assert!(after.is_some());
			replaced.push((today, value));
			(steps, value) = (after, next);
			for (_, was) in replaced.iter().filter(|(until, _)| today - until < rule.days) {
				let step = (u128::from(rule.relative.deconstruct()) * was / 1_000_000_000).max(rule.absolute);
				prop_assert!(was.abs_diff(value) <= step, "{was} became {value}");
			}
		}
	}
}
