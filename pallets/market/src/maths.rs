//! The market's arithmetic. Integers only, nothing of FRAME. Shares are rounded down; the seller gets what rounding leaves.

use alloc::vec::Vec;
use autonomy_primitives::payout::Share;
use sp_runtime::{traits::AtLeast32BitUnsigned, Permill};

use crate::types::Split;

/// Sum of shares, in parts per million.
pub fn total<Payee>(shares: &[(Payee, Permill)]) -> u64 {
	shares.iter().map(|(_, share)| u64::from(share.deconstruct())).fold(0, u64::saturating_add)
}

/// The royalties of items that are sold together, as shares of the whole price. What one payee gets several times is
/// added up; whoever gets nothing is left out.
///
/// The price bears the highest royalty among the items, and everybody has a part of it in proportion to its shares: with
/// the shares *s* of a payee over all items, all shares *w*, and the largest sum *r* of one item's shares, *r·s/w*. So an
/// item's royalty is not diluted by others that bear none, and one item alone bears its own.
pub fn bundle<Payee: Clone + PartialEq>(items: &[Vec<(Payee, Permill)>]) -> Vec<(Payee, Permill)> {
	let mut sums: Vec<(Payee, u64)> = Vec::new();
	for (payee, share) in items.iter().flatten() {
		let parts = u64::from(share.deconstruct());
		if parts == 0 {
			continue;
		}
		if let Some((_, sum)) = sums.iter_mut().find(|(known, _)| known == payee) {
			*sum = sum.saturating_add(parts);
		} else {
			sums.push((payee.clone(), parts));
		}
	}
	let highest = items.iter().map(|shares| total(shares)).max().unwrap_or(0);
	let all = sums.iter().map(|(_, sum)| *sum).fold(0, u64::saturating_add);
	let share = |sum: u64| highest.saturating_mul(sum).checked_div(all).and_then(|parts| u32::try_from(parts).ok());
	let shares = sums.into_iter().map(|(payee, sum)| (payee, Permill::from_parts(share(sum).unwrap_or(0))));
	shares.filter(|(_, share)| !share.is_zero()).collect()
}

/// Divides a price. Fee and royalties are rounded down each for itself, so the seller gets what rounding leaves; the parts
/// add up to the price. Should the shares be above the whole, royalties come first, in their order, and then the fee.
pub fn split<AccountId, Balance>(
	price: Balance,
	fee: Permill,
	royalties: &[Share<AccountId>],
) -> Split<AccountId, Balance>
where
	AccountId: Clone,
	Balance: AtLeast32BitUnsigned + Copy,
{
	let mut rest = price;
	let mut take = |share: Permill| {
		let amount = share.mul_floor(price).min(rest);
		rest = rest.saturating_sub(amount);
		amount
	};
	let royalties = royalties
		.iter()
		.map(|(payee, share)| (payee.clone(), take(*share)))
		.filter(|(_, amount)| !amount.is_zero())
		.collect();
	let fee = take(fee);
	Split { royalties, fee, proceeds: rest }
}

/// Divides the price of a licence. The fee comes first; of what is left each payee gets its share and the owner the rest.
/// Fee and shares are rounded down, and the parts add up to the price. Should the shares be above the whole, they are
/// served in their order.
pub fn licence<AccountId, Balance>(
	price: Balance,
	fee: Permill,
	shares: &[Share<AccountId>],
) -> Split<AccountId, Balance>
where
	AccountId: Clone,
	Balance: AtLeast32BitUnsigned + Copy,
{
	let fee = fee.mul_floor(price);
	Split { fee, ..split(price.saturating_sub(fee), Permill::zero(), shares) }
}

/// Least next bid: the reserve, or after a bid the bid and `increment` per mille of it, rounded up, at least 1 more. `None`
/// when no balance is large enough.
pub fn least_bid<Balance: AtLeast32BitUnsigned + Copy>(
	reserve: Balance,
	top: Option<Balance>,
	increment: u16,
) -> Option<Balance> {
	let Some(top) = top else { return Some(reserve) };
	let step = Permill::from_parts(u32::from(increment).saturating_mul(1_000)).mul_ceil(top);
	top.checked_add(&step.max(Balance::one()))
}

/// The end of an auction after a bid at `now`: at least `soft_close` blocks are left for others.
pub fn end_after_bid<BlockNumber: AtLeast32BitUnsigned + Copy>(
	ends_at: BlockNumber,
	now: BlockNumber,
	soft_close: BlockNumber,
) -> BlockNumber {
	ends_at.max(now.saturating_add(soft_close))
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::types::{MAX_FEE, MAX_ROYALTY};
	use autonomy_primitives::{community::Pot, payout::Payee};
	use proptest::prelude::*;

	fn ppm(parts: u32) -> Permill {
		Permill::from_parts(parts)
	}

	fn to(who: &'static str) -> Payee<&'static str> {
		Payee::Account(who)
	}

	const HOLDERS: Payee<&str> = Payee::Pot(3, Pot::Shares);

	#[test]
	fn split_should_round_royalties_and_fee_down_and_leave_the_rest_to_the_seller() {
		let split = split(999u128, ppm(25_000), &[(to("a"), ppm(100_000)), (HOLDERS, ppm(33_333)), (to("c"), ppm(1))]);
		assert_eq!(split.royalties, vec![(to("a"), 99), (HOLDERS, 33)]);
		assert_eq!((split.fee, split.proceeds), (24, 843));
	}

	#[test]
	fn licence_should_take_the_fee_first_and_leave_the_rest_to_the_owner() {
		let split = licence(1_003u128, ppm(25_000), &[(to("a"), ppm(300_000)), (HOLDERS, ppm(500_000))]);
		assert_eq!((split.fee, split.royalties), (25, vec![(to("a"), 293), (HOLDERS, 489)]));
		assert_eq!(split.proceeds, 1_003 - 25 - 293 - 489);
		// Shareholders that have everything leave the owner what rounding leaves, and the treasury its fee.
		let whole = licence(1_003u128, ppm(25_000), &[(to("a"), ppm(333_333)), (HOLDERS, ppm(666_667))]);
		assert_eq!((whole.fee, whole.proceeds), (25, 978 - 325 - 652));
		let above = licence(100u128, ppm(100_000), &[(to("a"), Permill::one()), (HOLDERS, Permill::one())]);
		assert_eq!(above, Split { royalties: vec![(to("a"), 90)], fee: 10, proceeds: 0 });
	}

	#[test]
	fn split_should_not_overflow_when_the_price_is_the_largest() {
		let split = split(u128::MAX, ppm(100_000), &[(to("a"), ppm(250_000))]);
		let royalty = split.royalties[0].1;
		assert_eq!(royalty, u128::MAX / 4);
		assert_eq!(split.fee, u128::MAX / 10);
		assert_eq!(royalty + split.fee + split.proceeds, u128::MAX);
	}

	#[test]
	fn split_should_never_give_more_than_the_price() {
		let split = split(100u128, Permill::one(), &[(to("a"), Permill::one()), (to("b"), Permill::one())]);
		assert_eq!(split, Split { royalties: vec![(to("a"), 100)], fee: 0, proceeds: 0 });
	}

	#[test]
	fn bundle_should_bear_the_highest_royalty_among_its_items() {
		// An item of 20 % is not diluted by one without any.
		assert_eq!(bundle(&[vec![("a", ppm(200_000))], vec![]]), vec![("a", ppm(200_000))]);
		// Two of 10 % share 10 %.
		let two = bundle(&[vec![("a", ppm(100_000))], vec![("b", ppm(100_000))]]);
		assert_eq!(two, vec![("a", ppm(50_000)), ("b", ppm(50_000))]);
		// The same creator twice.
		assert_eq!(bundle(&[vec![("a", ppm(100_000))], vec![("a", ppm(100_000))]]), vec![("a", ppm(100_000))]);
		// One item alone.
		let one = vec![("a", ppm(100_000)), ("b", ppm(1)), ("c", ppm(0))];
		assert_eq!(bundle(&[one]), vec![("a", ppm(100_000)), ("b", ppm(1))]);
		// The same holders twice, and those of another pot: equal payees alone are one.
		let pots =
			[vec![(HOLDERS, ppm(100_000))], vec![(HOLDERS, ppm(50_000)), (Payee::Pot(3, Pot::Auton), ppm(50_000))]];
		assert_eq!(bundle(&pots), vec![(HOLDERS, ppm(75_000)), (Payee::Pot(3, Pot::Auton), ppm(25_000))]);
		assert_eq!(bundle::<u8>(&[]), vec![]);
		assert_eq!(bundle::<u8>(&[vec![], vec![]]), vec![]);
	}

	#[test]
	fn least_bid_should_be_a_step_above_the_highest() {
		assert_eq!(least_bid(100u128, None, 50), Some(100));
		assert_eq!(least_bid(100u128, Some(100), 50), Some(105));
		assert_eq!(least_bid(1u128, Some(1), 10), Some(2));
		assert_eq!(least_bid(100u128, Some(101), 50), Some(107), "5.05 is rounded up");
		assert_eq!(least_bid(100u128, Some(u128::MAX), 10), None);
		assert_eq!(least_bid(100u128, Some(u128::MAX - 1), 1_000), None);
	}

	#[test]
	fn end_should_move_only_when_a_bid_is_late() {
		assert_eq!(end_after_bid(100u32, 10, 20), 100);
		assert_eq!(end_after_bid(100u32, 80, 20), 100);
		assert_eq!(end_after_bid(100u32, 81, 20), 101);
		assert_eq!(end_after_bid(100u32, 99, 20), 119);
	}

	fn payee() -> impl Strategy<Value = Payee<u8>> {
		let pot = (0u32..2, any::<bool>()).prop_map(|(id, shares)| (id, if shares { Pot::Shares } else { Pot::Auton }));
		prop_oneof![
			2 => (0u8..4).prop_map(Payee::Account),
			1 => pot.prop_map(|(community, pot)| Payee::Pot(community, pot)),
			1 => (0u32..2).prop_map(Payee::Treasury),
		]
	}

	fn shares() -> impl Strategy<Value = Vec<Share<u8>>> {
		proptest::collection::vec((payee(), 0u32..=60_000).prop_map(|(who, parts)| (who, ppm(parts))), 0..4)
	}

	proptest! {
		#[test]
		fn split_should_add_up_to_the_price(price: u128, fee in 0u32..=100_000, shares in shares()) {
			let split = split(price, ppm(fee), &shares);
			let royalties = split.royalties.iter().fold(0u128, |sum, (_, amount)| sum + amount);
			prop_assert_eq!(royalties + split.fee + split.proceeds, price);
			prop_assert!(royalties <= MAX_ROYALTY.mul_ceil(price));
			prop_assert!(split.fee <= MAX_FEE.mul_floor(price));
			if price > 0 {
				prop_assert!(split.proceeds > 0, "the seller always gets something");
			}
		}

		#[test]
		fn licence_should_add_up_to_the_price(
			price: u128,
			fee in 0u32..=100_000,
			shares in proptest::collection::vec((payee(), 0u32..=1_000_000), 0..=20),
		) {
			let shares: Vec<_> = shares.into_iter().map(|(who, parts)| (who, ppm(parts))).collect();
			let split = licence(price, ppm(fee), &shares);
			let paid = split.royalties.iter().fold(0u128, |sum, (_, amount)| sum + amount);
			prop_assert_eq!(paid + split.fee + split.proceeds, price);
			prop_assert_eq!(split.fee, ppm(fee).mul_floor(price), "shares never take from the fee");
		}

		#[test]
		fn bundle_should_stay_within_the_cap(items in proptest::collection::vec(shares(), 1..=16)) {
			let shares = bundle(&items);
			let highest = items.iter().map(|shares| total(shares)).max().unwrap();
			prop_assert!(total(&shares) <= highest);
			// Rounding takes less than one part per million of each payee.
			prop_assert!(total(&shares) + shares.len() as u64 + 10 > highest);
			for (index, (payee, _)) in shares.iter().enumerate() {
				prop_assert!(shares.iter().skip(index + 1).all(|(other, _)| other != payee), "a payee twice");
			}
		}
	}
}
