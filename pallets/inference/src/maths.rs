//! The committee's arithmetic: who agrees, who pays, who is paid. Integers only, nothing of FRAME, so that the simulation
//! and the pallet run the same lines. Shares are rounded down; what rounding leaves over is burned or goes back to the
//! requester, as each function says.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_runtime::{
	traits::{AtLeast32BitUnsigned, Zero},
	Permill,
};

use crate::rules::FeeSplit;

/// Seats that an operator's record looks back on.
pub const RECORD_LENGTH: u32 = 16;
/// Fewest seats in the record before it can suspend.
pub const RECORD_LEAST: u32 = 4;
/// Most that a cool-down is doubled.
const MAX_DOUBLINGS: u32 = 10;

/// How a seat's fee is divided: the rest, after all other parts, is the operator's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SeatPay<Balance> {
	/// The operator's part.
	pub operator: Balance,
	/// The model's part.
	pub model: Balance,
	/// The character's part.
	pub character: Balance,
	/// The community's part.
	pub community: Balance,
	/// The part that is burned.
	pub burned: Balance,
}

/// Divides a seat's fee. Every part but the operator's is rounded down, so the operator gets what rounding leaves; the
/// parts add up to the fee. When the shares are above the whole, the earlier come first: model, character, community, burn.
pub fn seat_pay<Balance: AtLeast32BitUnsigned + Copy>(fee: Balance, split: &FeeSplit) -> SeatPay<Balance> {
	let mut rest = fee;
	let mut take = |share: Permill| {
		let part = share.mul_floor(fee).min(rest);
		rest = rest.saturating_sub(part);
		part
	};
	let model = take(split.model);
	let character = take(split.character);
	let community = take(split.community);
	let burned = take(split.burn);
	SeatPay { operator: rest, model, character, community, burned }
}

/// What a seat puts at stake: `factor` times its fee, at least `floor`.
pub fn exposure<Balance: AtLeast32BitUnsigned + Copy>(fee: Balance, factor: u32, floor: Balance) -> Balance {
	fee.saturating_mul(factor.into()).max(floor)
}

/// What a seat that did not commit in time loses: `share` of its exposure, doubled for each no-show in a row before it,
/// at most the whole exposure.
pub fn no_show_penalty<Balance: AtLeast32BitUnsigned + Copy>(
	exposure: Balance,
	share: Permill,
	streak: u32,
) -> Balance {
	let factor = 1u32.checked_shl(streak.min(MAX_DOUBLINGS)).unwrap_or(u32::MAX);
	let parts = share.deconstruct().saturating_mul(factor).min(Permill::one().deconstruct());
	Permill::from_parts(parts).mul_floor(exposure)
}

/// Where the money of slashed seats goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SlashShares<Balance> {
	/// To each honest seat and juror.
	pub each_honest: Balance,
	/// To the challenger, or the auditor whose digest opened the dispute.
	pub challenger: Balance,
	/// Burned: half, the parts that nobody takes, and what rounding leaves.
	pub burned: Balance,
}

/// Part of a slash that goes to the honest seats and the jury.
pub const HONEST_SHARE: Permill = Permill::from_percent(30);
/// Part of a slash that goes to the challenger.
pub const CHALLENGER_SHARE: Permill = Permill::from_percent(20);

/// Divides a slash: 30 % to `honest` takers in equal parts, 20 % to the challenger if there is one, the rest burned. At
/// least half is burned, so that accusing oneself always loses.
pub fn slash_shares<Balance: AtLeast32BitUnsigned + Copy>(
	total: Balance,
	honest: u32,
	challenger: bool,
) -> SlashShares<Balance> {
	let each_honest = HONEST_SHARE.mul_floor(total).checked_div(&honest.into()).unwrap_or_else(Zero::zero);
	let challenger = if challenger { CHALLENGER_SHARE.mul_floor(total) } else { Zero::zero() };
	let paid = each_honest.saturating_mul(honest.into()).saturating_add(challenger);
	SlashShares { each_honest, challenger, burned: total.saturating_sub(paid) }
}

/// The index of the outcome that carries a panel, given how many reveals each outcome has: two thirds of all reveals, or
/// all of them when the panel `must_be_unanimous` because it is smaller than it should be. None without `least` reveals.
pub fn verdict(counts: &[u32], least: u32, must_be_unanimous: bool) -> Option<usize> {
	let reveals = counts.iter().fold(0u32, |sum, count| sum.saturating_add(*count));
	if reveals < least.max(1) {
		return None;
	}
	let (index, most) = counts.iter().enumerate().max_by_key(|(_, count)| **count)?;
	let carried = if must_be_unanimous {
		*most == reveals
	} else {
		u64::from(*most).saturating_mul(3) >= u64::from(reveals).saturating_mul(2)
	};
	carried.then_some(index)
}

/// Whether chance picks a job for an audit: `random` is uniform over all 128-bit numbers. The bias is below 2^-108.
pub fn is_audited(random: u128, probability: Permill) -> bool {
	random % u128::from(Permill::one().deconstruct()) < u128::from(probability.deconstruct())
}

/// An operator's last seats, newest in the lowest bit; a set bit is a seat that was missed.
#[derive(
	Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Record {
	/// The seats' bits.
	pub bits: u16,
	/// Seats in the record, at most [`RECORD_LENGTH`].
	pub length: u8,
}

impl Record {
	/// Adds a seat.
	pub fn push(self, missed: bool) -> Self {
		let length = self.length.saturating_add(1).min(RECORD_LENGTH as u8);
		Self { bits: (self.bits << 1) | u16::from(missed), length }
	}

	/// Seats missed in the record.
	pub fn missed(self) -> u32 {
		self.bits.count_ones()
	}

	/// No-shows in a row up to now.
	pub fn streak(self) -> u32 {
		self.bits.trailing_ones().min(self.length.into())
	}

	/// Whether the operator is to be suspended: more than a quarter missed, of at least [`RECORD_LEAST`].
	pub fn is_bad(self) -> bool {
		let length = u32::from(self.length);
		length >= RECORD_LEAST && self.missed().saturating_mul(4) > length
	}

	/// Whether the whole record is without a miss: an earlier suspension is then forgiven.
	pub fn is_clean(self) -> bool {
		u32::from(self.length) == RECORD_LENGTH && self.bits == 0
	}
}

/// Blocks of a suspension: `period`, doubled for each suspension before it, at most 1,024 fold.
pub fn cool_down<BlockNumber: AtLeast32BitUnsigned + Copy>(period: BlockNumber, suspensions: u32) -> BlockNumber {
	period.saturating_mul(1u32.checked_shl(suspensions.min(MAX_DOUBLINGS)).unwrap_or(u32::MAX).into())
}

/// Whether a divergence runs along the processors: `reveals` are a class and an outcome each, `right` is the verdict. True
/// when some class revealed nothing but one outcome that is not the verdict, at least `least` times.
///
/// Such a class looks like a fault of the engine on that processor, which no honest operator must be slashed for; a class
/// with a single voice against the verdict does not.
pub fn diverges<Class: PartialEq, Outcome: PartialEq>(
	class: &Class,
	reveals: impl Iterator<Item = (Class, Outcome)> + Clone,
	right: &Outcome,
	least: u32,
) -> bool {
	let mut of_class = reveals.filter(|(other, _)| other == class).map(|(_, outcome)| outcome);
	let Some(first) = of_class.next() else { return false };
	let mut count = 1u32;
	for outcome in of_class {
		if outcome != first {
			return false;
		}
		count = count.saturating_add(1);
	}
	first != *right && count >= least
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::{collection::vec, prelude::*};

	/// Amounts of every size up to 2^120 planck.
	fn amount() -> impl Strategy<Value = u128> {
		(0u32..=120, any::<u128>()).prop_map(|(bits, random)| random & ((1 << bits) - 1))
	}

	fn share() -> impl Strategy<Value = Permill> {
		(0u32..=1_000_000).prop_map(Permill::from_parts)
	}

	fn split() -> impl Strategy<Value = FeeSplit> {
		proptest::array::uniform5(share()).prop_map(|[model, character, community, burn, fault_pay]| FeeSplit {
			model,
			character,
			community,
			burn,
			fault_pay,
		})
	}

	fn record(missed: &[bool]) -> Record {
		missed.iter().fold(Record::default(), |record, missed| record.push(*missed))
	}

	/// Panels of up to five outcomes.
	fn counts() -> impl Strategy<Value = Vec<u32>> {
		vec(0u32..=15, 0..5)
	}

	proptest! {
		#[test]
		fn seat_pay_should_add_up_to_the_fee(fee in amount(), split in split()) {
			let pay = seat_pay(fee, &split);
			prop_assert_eq!(pay.operator + pay.model + pay.character + pay.community + pay.burned, fee);
			prop_assert_eq!(pay.model, split.model.mul_floor(fee));
			prop_assert!(pay.character <= split.character.mul_floor(fee));
			prop_assert!(pay.community <= split.community.mul_floor(fee));
			prop_assert!(pay.burned <= split.burn.mul_floor(fee));
		}

		#[test]
		fn seat_pay_should_give_the_operator_its_share_and_what_rounding_leaves(fee in amount(), split in split()) {
			// Within their bounds the shares are never above the whole.
			let split = split.clamped();
			let pay = seat_pay(fee, &split);
			let shares = [split.model, split.character, split.community, split.burn];
			let others: u32 = shares.iter().map(|share| share.deconstruct()).sum();
			let least = Permill::from_parts(1_000_000 - others).mul_floor(fee);
			prop_assert!((least..=least + 4).contains(&pay.operator), "{} of {fee}", pay.operator);
			let parts = [pay.model, pay.character, pay.community, pay.burned];
			prop_assert_eq!(parts, shares.map(|share| share.mul_floor(fee)));
		}

		#[test]
		fn exposure_should_be_the_multiple_of_the_fee_or_the_floor(
			fee in 0u128..1 << 100,
			factor in 0u32..=1_000,
			floor in amount(),
		) {
			let exposed = exposure(fee, factor, floor);
			prop_assert_eq!(exposed, (fee * u128::from(factor)).max(floor));
		}

		#[test]
		fn no_show_penalty_should_never_exceed_the_exposure(exposed in amount(), share in share(), streak in any::<u32>()) {
			prop_assert!(no_show_penalty(exposed, share, streak) <= exposed);
		}

		#[test]
		fn no_show_penalty_should_double_with_each_no_show_in_a_row(
			exposed in 0u128..1 << 100,
			share in share(),
			streak in 0u32..9,
		) {
			// A multiple of a million planck is divided without rounding.
			let exposed = exposed * 1_000_000;
			let (once, then) = (no_show_penalty(exposed, share, streak), no_show_penalty(exposed, share, streak + 1));
			prop_assert_eq!(then, (once * 2).min(exposed));
		}

		#[test]
		fn slash_shares_should_add_up_and_burn_at_least_half(total in amount(), honest in 0u32..=40, challenger: bool) {
			let shares = slash_shares(total, honest, challenger);
			let paid = shares.each_honest * u128::from(honest) + shares.challenger;
			prop_assert_eq!(paid + shares.burned, total);
			prop_assert!(shares.burned >= total.div_ceil(2));
			prop_assert!(challenger || shares.challenger == 0);
			prop_assert!(shares.each_honest * u128::from(honest) <= HONEST_SHARE.mul_floor(total));
		}

		#[test]
		fn a_self_accuser_should_lose_when_it_holds_every_place(
			exposed in 1u128..1 << 100,
			wrong in 1u32..=37,
			honest in 0u32..=37,
			challenger: bool,
		) {
			// It is every wrong seat, every honest seat and juror, and the challenger at once.
			let slashed = exposed * u128::from(wrong);
			let shares = slash_shares(slashed, honest, challenger);
			let back = shares.each_honest * u128::from(honest) + shares.challenger;
			prop_assert!(back * 2 <= slashed, "{back} back of {slashed}");
		}

		#[test]
		fn verdict_should_be_the_outcome_with_two_thirds(counts in counts(), least in 0u32..=7) {
			let reveals: u32 = counts.iter().sum();
			let carries = |count: u32| reveals >= least.max(1) && count * 3 >= reveals * 2;
			let expected = counts.iter().position(|count| carries(*count));
			prop_assert_eq!(verdict(&counts, least, false), expected);
		}

		#[test]
		fn verdict_should_take_everyone_when_it_must_be_unanimous(counts in counts(), least in 0u32..=7) {
			let reveals: u32 = counts.iter().sum();
			let expected = counts.iter().position(|count| reveals >= least.max(1) && *count == reveals);
			prop_assert_eq!(verdict(&counts, least, true), expected);
			// Whatever carries unanimously carries with two thirds.
			prop_assert!(expected.is_none() || verdict(&counts, least, false) == expected);
		}

		#[test]
		fn verdict_should_not_depend_on_the_order_of_the_outcomes(counts in counts(), unanimous: bool) {
			let reversed: Vec<_> = counts.iter().rev().copied().collect();
			let mirrored = verdict(&reversed, 3, unanimous).map(|index| counts.len() - 1 - index);
			prop_assert_eq!(verdict(&counts, 3, unanimous), mirrored);
		}

		#[test]
		fn record_should_remember_the_last_seats_alone(missed in vec(any::<bool>(), 0..60)) {
			let record = record(&missed);
			let last = &missed[missed.len().saturating_sub(RECORD_LENGTH as usize)..];
			let count = last.iter().filter(|missed| **missed).count();
			prop_assert_eq!(usize::from(record.length), last.len());
			prop_assert_eq!(record.missed() as usize, count);
			prop_assert_eq!(record.streak() as usize, last.iter().rev().take_while(|missed| **missed).count());
			prop_assert_eq!(record.is_bad(), last.len() >= RECORD_LEAST as usize && count * 4 > last.len());
			prop_assert_eq!(record.is_clean(), last.len() == RECORD_LENGTH as usize && count == 0);
			prop_assert!(!(record.is_bad() && record.is_clean()));
		}

		#[test]
		fn cool_down_should_double_up_to_its_limit(period in 1u64..1 << 32, suspensions in 0u32..=40) {
			let factor = if suspensions < MAX_DOUBLINGS { 1 << suspensions } else { 1_024 };
			prop_assert_eq!(cool_down(period, suspensions), period * factor);
		}

		#[test]
		fn a_class_should_diverge_only_when_it_speaks_with_one_voice_against_the_verdict(
			reveals in vec((0u8..3, 0u8..3), 0..24),
			right in 0u8..3,
			least in 0u32..=4,
		) {
			for class in 0..3 {
				let outcomes: Vec<u8> = reveals.iter().filter(|(of, _)| *of == class).map(|(_, outcome)| *outcome).collect();
				let one_voice = outcomes.windows(2).all(|pair| pair[0] == pair[1]);
				let against = outcomes.first().is_some_and(|outcome| *outcome != right);
				let expected = one_voice && against && outcomes.len() >= least as usize;
				prop_assert_eq!(diverges(&class, reveals.iter().copied(), &right, least), expected, "class {}", class);
			}
		}

		#[test]
		fn a_class_should_never_diverge_when_one_of_it_found_the_verdict(
			mut reveals in vec((0u8..3, 0u8..3), 0..24),
			class in 0u8..3,
			right in 0u8..3,
			at: proptest::sample::Index,
		) {
			reveals.insert(at.index(reveals.len() + 1), (class, right));
			prop_assert!(!diverges(&class, reveals.into_iter(), &right, 0));
		}
	}

	#[test]
	fn an_audit_should_be_drawn_for_its_share_of_all_numbers() {
		for parts in [0, 1, 50_000, 200_000, 250_000, 999_999, 1_000_000] {
			for start in [0, 12_345_678_901, u128::MAX - 1_000_000] {
				// Any million numbers in a row hold every remainder once.
				let audited = (0..1_000_000).filter(|n| is_audited(start + n, Permill::from_parts(parts))).count();
				assert_eq!(audited, parts as usize, "from {start}");
			}
		}
	}

	fn percent([model, character, community, burn]: [u32; 4]) -> FeeSplit {
		let share = Permill::from_percent;
		let (model, character, community, burn) = (share(model), share(character), share(community), share(burn));
		FeeSplit { model, character, community, burn, fault_pay: Permill::zero() }
	}

	#[test]
	fn seat_pay_should_be_70_18_7_2_3_when_governance_has_changed_nothing() {
		let pay = seat_pay(1_000u128, &percent([18, 7, 2, 3]));
		assert_eq!(pay, SeatPay { operator: 700, model: 180, character: 70, community: 20, burned: 30 });
		// 70 planck are 12.6, 4.9, 1.4 and 2.1.
		let pay = seat_pay(70u128, &percent([18, 7, 2, 3]));
		assert_eq!(pay, SeatPay { operator: 51, model: 12, character: 4, community: 1, burned: 2 });
	}

	#[test]
	fn seat_pay_should_pay_the_earlier_first_when_the_shares_exceed_the_whole() {
		let pay = seat_pay(1_000u128, &percent([70, 20, 5, 60]));
		assert_eq!(pay, SeatPay { operator: 0, model: 700, character: 200, community: 50, burned: 50 });
		let pay = seat_pay(1_000u128, &percent([70, 40, 10, 60]));
		assert_eq!(pay, SeatPay { operator: 0, model: 700, character: 300, community: 0, burned: 0 });
	}

	#[test]
	fn exposure_should_stop_at_the_largest_amount_when_the_product_is_larger() {
		assert_eq!(exposure(u128::MAX / 2, 3, 0), u128::MAX);
	}

	#[test]
	fn no_show_penalty_should_go_from_its_share_to_the_whole_exposure() {
		let penalty = |streak| no_show_penalty(10_000u128, Permill::from_percent(2), streak);
		assert_eq!([0, 1, 2, 5, 6, 7, u32::MAX].map(penalty), [200, 400, 800, 6_400, 10_000, 10_000, 10_000]);
	}

	#[test]
	fn slash_shares_should_burn_the_parts_that_nobody_takes() {
		let shares = |honest, challenger| slash_shares(1_000u128, honest, challenger);
		assert_eq!(shares(9, true), SlashShares { each_honest: 33, challenger: 200, burned: 503 });
		assert_eq!(shares(3, false), SlashShares { each_honest: 100, challenger: 0, burned: 700 });
		assert_eq!(shares(0, true), SlashShares { each_honest: 0, challenger: 200, burned: 800 });
		assert_eq!(shares(0, false), SlashShares { each_honest: 0, challenger: 0, burned: 1_000 });
	}

	#[test]
	fn verdict_should_take_five_of_seven_and_ten_of_fifteen() {
		assert_eq!(verdict(&[2, 5], 3, false), Some(1));
		assert_eq!(verdict(&[3, 4], 3, false), None);
		assert_eq!(verdict(&[10, 5], 3, false), Some(0));
		assert_eq!(verdict(&[9, 6], 3, false), None);
	}

	#[test]
	fn verdict_should_be_none_when_nobody_or_too_few_revealed() {
		assert_eq!(verdict(&[], 0, false), None);
		assert_eq!(verdict(&[0, 0], 0, true), None);
		assert_eq!(verdict(&[2], 3, true), None);
		assert_eq!(verdict(&[3], 3, true), Some(0));
		assert_eq!(verdict(&[3, 1], 3, true), None);
	}

	#[test]
	fn audits_should_take_the_low_numbers_and_not_the_high_ones() {
		// A comparison the other way round would audit 80 % in place of 20 %.
		let twenty = Permill::from_percent(20);
		assert!(is_audited(0, twenty) && is_audited(199_999, twenty));
		assert!(!is_audited(200_000, twenty) && !is_audited(999_999, twenty));
		assert!(is_audited(1_000_000, twenty));
		assert!(is_audited(u128::MAX, Permill::one()) && !is_audited(0, Permill::zero()));
	}

	#[test]
	fn record_should_be_bad_above_a_quarter_of_at_least_four() {
		let missed = |missed: usize, of: usize| record(&(0..of).map(|n| n < missed).collect::<Vec<_>>());
		assert!(!missed(3, 3).is_bad(), "three seats are too few to judge");
		assert!(!missed(1, 4).is_bad() && missed(2, 4).is_bad());
		assert!(!missed(4, 16).is_bad() && missed(5, 16).is_bad());
		assert!(!missed(5, 21).is_bad(), "the first misses have left the record");
		assert!(!Record::default().is_clean() && missed(0, 16).is_clean());
	}

	#[test]
	fn cool_down_should_stop_at_the_largest_block_number() {
		assert_eq!(cool_down(u32::MAX, 1), u32::MAX);
		assert_eq!(
			[0, 1, 2, 10, 11, u32::MAX].map(|n| cool_down(100u32, n)),
			[100, 200, 400, 102_400, 102_400, 102_400]
		);
	}

	#[test]
	fn a_class_should_not_diverge_on_a_single_voice() {
		let reveals = [('a', 1), ('b', 2), ('b', 2), ('b', 2)];
		assert!(!diverges(&'a', reveals.into_iter(), &2, 2));
		assert!(diverges(&'a', [('a', 1)].into_iter().chain(reveals), &2, 2));
		assert!(!diverges(&'c', reveals.into_iter(), &2, 0), "nobody of the class revealed");
	}
}
