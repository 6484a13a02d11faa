//! The pallet's arithmetic. Integers only, nothing of FRAME.

use sp_runtime::{traits::AtLeast32BitUnsigned, Permill, SaturatedConversion};

use crate::types::{Bounds, Division, PriceRule, RevenueSplit, SplitBounds, MAX_POINTS, PLAIN_PRICE, SLOPE_SHARES};

/// All shares together, in parts per million.
pub const WHOLE: u32 = 1_000_000;
/// What twice the area under a linear price is divided by.
const TWICE_SLOPE_SHARES: u128 = 2 * SLOPE_SHARES;

/// Sum of the shares, in parts per million.
pub fn total(split: &RevenueSplit) -> u32 {
	let Division { owner, investors, treasury, fans, platform } = split;
	[owner, investors, treasury, fans, platform]
		.into_iter()
		.map(|share| share.deconstruct())
		.fold(0, u32::saturating_add)
}

/// Bounds that let investors have what they were promised.
pub fn with_promise(bounds: &SplitBounds, promise: Permill) -> SplitBounds {
	let Bounds { min, default, max } = bounds.investors;
	let investors = Bounds { min: min.max(promise), default: default.max(promise), max: max.max(promise) };
	Division { investors, ..*bounds }
}

/// One share on the way into its bounds, in parts per million.
struct Part {
	value: u32,
	min: u32,
	max: u32,
}

impl Part {
	fn new(share: Permill, bounds: &Bounds<Permill>) -> Self {
		let value = bounds.clamp(share).deconstruct();
		Self { value, min: bounds.min.deconstruct(), max: bounds.max.deconstruct() }
	}

	/// Takes what is too much, down to `floor`.
	fn lower(&mut self, floor: u32, excess: &mut u32) {
		let step = self.value.saturating_sub(floor).min(*excess);
		self.value = self.value.saturating_sub(step);
		*excess = excess.saturating_sub(step);
	}

	/// Adds what is missing, up to `ceiling`.
	fn raise(&mut self, ceiling: u32, missing: &mut u32) {
		let step = ceiling.saturating_sub(self.value).min(*missing);
		self.value = self.value.saturating_add(step);
		*missing = missing.saturating_sub(step);
	}
}

/// A split within bounds, nearly as it was; one that is within them and whole stays as it is. Its shares always add up to
/// the whole, and investors have at least the promise.
///
/// Each share goes to the nearest end of its bounds. What is then too much is taken from treasury, fans, owner, platform and
/// investors, in this order, each down to its least. What is missing goes to treasury, owner, fans, platform and investors,
/// each up to its most. Where the promise leaves too little for the least of the others, they yield.
pub fn clamp_split(split: &RevenueSplit, bounds: &SplitBounds, promise: Permill) -> RevenueSplit {
	let bounds = with_promise(bounds, promise);
	let mut owner = Part::new(split.owner, &bounds.owner);
	let mut investors = Part::new(split.investors, &bounds.investors);
	let mut treasury = Part::new(split.treasury, &bounds.treasury);
	let mut fans = Part::new(split.fans, &bounds.fans);
	let mut platform = Part::new(split.platform, &bounds.platform);
	let sum = [&owner, &investors, &treasury, &fans, &platform]
		.into_iter()
		.map(|part| part.value)
		.fold(0, u32::saturating_add);
	let mut excess = sum.saturating_sub(WHOLE);
	for part in [&mut treasury, &mut fans, &mut owner, &mut platform, &mut investors] {
		part.lower(part.min, &mut excess);
	}
	for part in [&mut treasury, &mut fans, &mut owner, &mut platform] {
		part.lower(0, &mut excess);
	}
	let mut missing = WHOLE.saturating_sub(sum);
	for part in [&mut treasury, &mut owner, &mut fans, &mut platform, &mut investors] {
		part.raise(part.max, &mut missing);
	}
	treasury.raise(WHOLE, &mut missing);
	let share = |part: Part| Permill::from_parts(part.value);
	Division {
		owner: share(owner),
		investors: share(investors),
		treasury: share(treasury),
		fans: share(fans),
		platform: share(platform),
	}
}

/// Divides an amount. Each share is rounded down, the treasury gets what is left; the parts add up to the amount.
pub fn divide<Balance: AtLeast32BitUnsigned + Copy>(amount: Balance, split: &RevenueSplit) -> Division<Balance> {
	let mut rest = amount;
	let mut take = |share: Permill| {
		let part = share.mul_floor(amount).min(rest);
		rest = rest.saturating_sub(part);
		part
	};
	let (owner, investors) = (take(split.owner), take(split.investors));
	let (fans, platform) = (take(split.fans), take(split.platform));
	Division { owner, investors, treasury: rest, fans, platform }
}

/// What `shares` shares cost after `sold` were sold, rounded up. `None` when no number is large enough.
///
/// At a linear price the share number *i* costs *start + slope·i/m* with *m* = [`SLOPE_SHARES`], so that *n* shares after
/// *s* cost *n·start + slope·n·(2s+n−1)/2m*, exactly.
pub fn cost(rule: &PriceRule<u128>, sold: u128, shares: u128) -> Option<u128> {
	match rule {
		PriceRule::Fixed { price } => price.checked_mul(shares),
		PriceRule::Linear { start, slope } => {
			if shares == 0 {
				return Some(0);
			}
			let flat = start.checked_mul(shares)?;
			let ends = sold.checked_mul(2)?.checked_add(shares)?.checked_sub(1)?;
			let area = shares.checked_mul(ends)?.checked_mul(*slope)?;
			flat.checked_add(area.div_ceil(TWICE_SLOPE_SHARES))
		}
	}
}

/// What a character gets on top of a job's fee, rounded up, at least `least` unless it is nothing. `None` when no balance is
/// large enough.
pub fn surcharge<Balance: AtLeast32BitUnsigned + Copy>(
	fee: Balance,
	price_permille: u32,
	least: Balance,
) -> Option<Balance> {
	let extra = price_permille.saturating_sub(PLAIN_PRICE);
	if extra == 0 || fee.is_zero() {
		return Some(Balance::zero());
	}
	let fee: u128 = fee.saturated_into();
	let amount = fee.checked_mul(extra.into())?.div_ceil(PLAIN_PRICE.into());
	Balance::try_from(amount).ok().map(|amount| amount.max(least))
}

/// The tier that a fan deserves: the highest of those whose thresholds, and those of every lower one, it meets. A tier is
/// what is bonded and what was spent.
pub fn tier<Balance: PartialOrd>(
	tiers: impl Iterator<Item = (Balance, Balance)>,
	bonded: &Balance,
	spent: &Balance,
) -> Option<u8> {
	let met = tiers.take_while(|(bond, spend)| bonded >= bond && spent >= spend).count();
	met.checked_sub(1).and_then(|tier| u8::try_from(tier).ok())
}

/// Voting power of a tier: nothing below the line, 1 at it, one more for each tier above, at most [`MAX_POINTS`].
pub fn points(tier: u8, advanced_from: u8) -> u8 {
	tier.checked_sub(advanced_from).map_or(0, |above| above.saturating_add(1).min(MAX_POINTS))
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	fn split(parts: [u32; 5]) -> RevenueSplit {
		let [owner, investors, treasury, fans, platform] = parts.map(Permill::from_parts);
		Division { owner, investors, treasury, fans, platform }
	}

	fn shares(split: &RevenueSplit) -> [Permill; 5] {
		[split.owner, split.investors, split.treasury, split.fans, split.platform]
	}

	fn bounds(ends: [(u32, u32); 5]) -> SplitBounds {
		let [owner, investors, treasury, fans, platform] = ends.map(|(one, other)| {
			let (min, max) = (Permill::from_parts(one.min(other)), Permill::from_parts(one.max(other)));
			Bounds { min, default: min, max }
		});
		Division { owner, investors, treasury, fans, platform }
	}

	fn of_bounds(bounds: &SplitBounds) -> [Bounds<Permill>; 5] {
		[bounds.owner, bounds.investors, bounds.treasury, bounds.fans, bounds.platform]
	}

	/// Five shares that add up to the whole.
	fn whole() -> impl Strategy<Value = RevenueSplit> {
		proptest::array::uniform4(0..=WHOLE).prop_map(|mut cuts| {
			cuts.sort();
			let [a, b, c, d] = cuts;
			split([a, b - a, c - b, d - c, WHOLE - d])
		})
	}

	/// Bounds around a whole split, so that there is one within them.
	fn feasible() -> impl Strategy<Value = (RevenueSplit, SplitBounds)> {
		(whole(), proptest::array::uniform5(0..=WHOLE), proptest::array::uniform5(0..=WHOLE)).prop_map(
			|(within, below, above)| {
				let shares = shares(&within).map(Permill::deconstruct);
				let mut ends = [(0, 0); 5];
				for (n, end) in ends.iter_mut().enumerate() {
					*end = (shares[n].saturating_sub(below[n]), shares[n].saturating_add(above[n]).min(WHOLE));
				}
				(within, bounds(ends))
			},
		)
	}

	#[test]
	fn promise_should_come_before_the_least_of_the_others() {
		let bounds = bounds([(500_000, 600_000), (0, 100_000), (0, 100_000), (0, 100_000), (300_000, 400_000)]);
		let chosen = split([600_000, 100_000, 0, 0, 300_000]);
		let clamped = clamp_split(&chosen, &bounds, Permill::from_percent(40));
		assert_eq!(clamped, split([300_000, 400_000, 0, 0, 300_000]));
	}

	#[test]
	fn cost_should_be_the_area_rounded_up() {
		let linear = PriceRule::Linear { start: 10, slope: 1_000_000 };
		// 10 + 11 + 12, then 13 + 14.
		assert_eq!(cost(&linear, 0, 3), Some(33));
		assert_eq!(cost(&linear, 3, 2), Some(27));
		assert_eq!(cost(&PriceRule::Linear { start: 10, slope: 1 }, 0, 2), Some(21));
		assert_eq!(cost(&PriceRule::Fixed { price: 7 }, 99, 3), Some(21));
		for rule in [PriceRule::Fixed { price: u128::MAX }, PriceRule::Linear { start: 0, slope: u128::MAX }] {
			assert_eq!((cost(&rule, 9, 0), cost(&rule, 9, 2)), (Some(0), None));
		}
	}

	#[test]
	fn surcharge_should_be_nothing_or_at_least_the_least() {
		assert_eq!(surcharge(1_000u64, 1_000, 10), Some(0));
		assert_eq!(surcharge(0u64, 2_000, 10), Some(0));
		assert_eq!(surcharge(1_001u64, 1_500, 10), Some(501));
		assert_eq!(surcharge(1u64, 1_001, 10), Some(10));
		assert_eq!(surcharge(u64::MAX, 3_000, 10), None);
		assert_eq!(surcharge(u128::MAX, 3_000, 10), None);
	}

	#[test]
	fn tier_should_be_climbed_rung_by_rung() {
		let of = |bonded: u64, spent: u64| tier([(0, 10), (100, 10), (50, 20)].into_iter(), &bonded, &spent);
		assert_eq!((of(1_000, 9), of(99, 99), of(100, 10), of(100, 20)), (None, Some(0), Some(1), Some(2)));
		assert_eq!(tier(core::iter::empty(), &1u64, &1), None);
	}

	#[test]
	fn points_should_begin_at_the_line_and_stop_at_five() {
		assert_eq!([0, 1, 2, 3, 6, 7, 8].map(|tier| points(tier, 2)), [0, 0, 1, 2, 5, 5, 5]);
		assert_eq!(points(u8::MAX, 0), MAX_POINTS);
	}

	proptest! {
		#[test]
		fn divided_amount_should_add_up(amount in any::<u128>(), split in whole()) {
			let Division { owner, investors, treasury, fans, platform } = divide(amount, &split);
			let sum = [investors, treasury, fans, platform].into_iter().try_fold(owner, u128::checked_add);
			prop_assert_eq!(sum, Some(amount));
			prop_assert!(treasury >= split.treasury.mul_floor(amount));
		}

		#[test]
		fn clamped_split_should_be_whole_whatever_the_bounds(
			chosen in proptest::array::uniform5(0..=WHOLE),
			(_, bounds) in feasible(),
			promise in 0..=WHOLE,
		) {
			let promise = Permill::from_parts(promise);
			let clamped = clamp_split(&split(chosen), &bounds, promise);
			prop_assert_eq!(total(&clamped), WHOLE);
			prop_assert!(clamped.investors >= promise);
		}

		#[test]
		fn clamped_split_should_be_within_the_bounds_when_nothing_is_promised(
			chosen in proptest::array::uniform5(0..=WHOLE),
			(_, bounds) in feasible(),
		) {
			let clamped = clamp_split(&split(chosen), &bounds, Permill::zero());
			for (share, bounds) in shares(&clamped).into_iter().zip(of_bounds(&bounds)) {
				prop_assert!(bounds.contains(share));
			}
			prop_assert_eq!(clamp_split(&clamped, &bounds, Permill::zero()), clamped);
		}

		#[test]
		fn split_within_the_bounds_should_stay((within, bounds) in feasible()) {
			prop_assert_eq!(clamp_split(&within, &bounds, Permill::zero()), within);
			prop_assert_eq!(clamp_split(&within, &bounds, within.investors), within);
		}

		#[test]
		fn value_should_be_clamped_to_the_nearest(value in any::<u64>(), ends in any::<[u64; 3]>()) {
			let mut ends = ends;
			ends.sort();
			let [min, default, max] = ends;
			let bounds = Bounds { min, default, max };
			prop_assert!(bounds.is_ordered());
			prop_assert_eq!(bounds.clamp(value), value.clamp(min, max));
			prop_assert_eq!(bounds.contains(value), bounds.clamp(value) == value);
		}

		#[test]
		fn linear_cost_should_be_the_naive_sum(
			start in 0u128..1_000_000,
			slope in 0u128..10_000_000_000,
			sold in 0u128..10_000,
			shares in 0u128..500,
		) {
			let rule = PriceRule::Linear { start, slope };
			// In millionths of a planck, rounded up once.
			let exact: u128 = (sold..sold + shares).map(|i| start * SLOPE_SHARES + slope * i).sum();
			prop_assert_eq!(cost(&rule, sold, shares), Some(exact.div_ceil(SLOPE_SHARES)));
		}

		#[test]
		fn buying_in_parts_should_never_be_cheaper(
			start in 0u128..1_000_000,
			slope in 0u128..10_000_000_000,
			(one, other) in (0u128..5_000, 0u128..5_000),
		) {
			let rule = PriceRule::Linear { start, slope };
			let parts = cost(&rule, 0, one).unwrap() + cost(&rule, one, other).unwrap();
			let together = cost(&rule, 0, one + other).unwrap();
			prop_assert!(parts == together || parts == together + 1);
		}
	}
}
