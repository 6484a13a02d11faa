//! Lineage: what a model pays to those that it was made from. Integers only, nothing of FRAME.
//!
//! Shares are parts per million of the *model part* of a job's fee. A model may give its ancestors at most
//! [`MAX_ANCESTORS_SHARE`] of it: a third, which is 60 of the 180 per mille of the whole fee that are the model's.
//!
//! A parent that is itself a child passes its own ancestors their shares of what it gets. Doing so at each payment would
//! walk the whole tree, so the tree is flattened once, when the child is registered. Parents are registered before their
//! children and their own lineage never changes, so there are no cycles, and what was flattened stays right.

use alloc::{collections::BTreeMap, vec::Vec};
use autonomy_primitives::ModelId;

use crate::maths::{part, MILLION};

/// Most parents of a model.
pub const MAX_PARENTS: u32 = 8;
/// Most ancestors that a model pays.
pub const MAX_ANCESTORS: u32 = 16;
/// Most that a model gives its ancestors, in parts per million of the model part: ⌊60 ÷ 180 × 10⁶⌋.
pub const MAX_ANCESTORS_SHARE: u32 = 333_333;

/// A model and its share, in parts per million.
pub type ShareOf = (ModelId, u32);

/// A parent, its share in the child's model part, and the parent's own flattened lineage.
pub type Parent = (ModelId, u32, Vec<ShareOf>);

/// Sum of shares, in parts per million.
pub fn total(shares: &[ShareOf]) -> u64 {
	shares.iter().fold(0, |sum, (_, share)| sum.saturating_add((*share).into()))
}

/// The ancestors that a child pays: the largest share first, equal ones by number; at most [`MAX_ANCESTORS`], none of them
/// twice, none with nothing. Their sum is exactly that of the parents' shares.
///
/// 1. Of the share *s* that a child gives a parent, each ancestor *a* of the parent gets ⌊*s·a* ÷ 10⁶⌋, where *a* is what it
///    gets of the parent's own revenue. The parent keeps the rest.
/// 2. What a model gets on several ways is added up.
/// 3. Of more than sixteen, the smallest are left out. What they would have got, *d*, goes to the others in proportion:
///    ⌊*d·share* ÷ kept⌋ each; what rounding leaves goes one part each to the first of them.
pub fn flatten(parents: &[Parent]) -> Vec<ShareOf> {
	let mut shares: BTreeMap<ModelId, u32> = BTreeMap::new();
	let mut add = |model: ModelId, share: u32| {
		let sum = shares.entry(model).or_default();
		*sum = sum.saturating_add(share);
	};
	for (parent, share, ancestors) in parents {
		let mut kept = *share;
		for (ancestor, of_parent) in ancestors {
			let passed = ratio(*share, *of_parent, MILLION).min(kept);
			kept = kept.saturating_sub(passed);
			add(*ancestor, passed);
		}
		add(*parent, kept);
	}
	let mut sorted: Vec<ShareOf> = shares.into_iter().filter(|(_, share)| *share > 0).collect();
	sorted.sort_by(|(a, share_a), (b, share_b)| share_b.cmp(share_a).then(a.cmp(b)));
	let kept = sorted.len().min(MAX_ANCESTORS as usize);
	let dropped = sorted.split_off(kept);
	spread(&mut sorted, dropped.iter().fold(0, |sum, (_, share)| sum.saturating_add(*share)));
	sorted
}

/// Adds `extra` to shares in proportion to them, all of it.
fn spread(shares: &mut [ShareOf], extra: u32) {
	let whole = shares.iter().fold(0u32, |sum, (_, share)| sum.saturating_add(*share));
	let mut left = extra;
	for (_, share) in shares.iter_mut() {
		let more = ratio(extra, *share, whole).min(left);
		left = left.saturating_sub(more);
		*share = share.saturating_add(more);
	}
	// Less than one part for each of them is left.
	for (_, share) in shares.iter_mut() {
		let more = left.min(1);
		left = left.saturating_sub(more);
		*share = share.saturating_add(more);
	}
}

/// `amount × numerator ÷ denominator`, rounded down.
fn ratio(amount: u32, numerator: u32, denominator: u32) -> u32 {
	u32::try_from(part(amount.into(), numerator.into(), denominator.into())).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	#[test]
	fn cap_should_be_sixty_of_a_hundred_and_eighty() {
		assert_eq!(MAX_ANCESTORS_SHARE, 60 * MILLION / 180);
	}

	#[test]
	fn flatten_should_pass_ancestors_their_share_of_the_parents() {
		assert_eq!(flatten(&[]), vec![]);
		assert_eq!(flatten(&[(0, 100_000, vec![])]), vec![(0, 100_000)]);
		// The parent gives a tenth of what it gets to its own parent.
		assert_eq!(flatten(&[(1, 200_000, vec![(0, 100_000)])]), vec![(1, 180_000), (0, 20_000)]);
	}

	#[test]
	fn flatten_should_add_up_what_comes_on_several_ways() {
		let two = [(1, 100_000, vec![(0, 100_000)]), (2, 100_000, vec![(0, 300_000)])];
		assert_eq!(flatten(&two), vec![(1, 90_000), (2, 70_000), (0, 40_000)]);
		// A model that is a parent and a parent's parent.
		assert_eq!(flatten(&[(0, 50_000, vec![]), (1, 100_000, vec![(0, 100_000)])]), vec![(1, 90_000), (0, 60_000)]);
	}

	#[test]
	fn flatten_should_leave_out_whoever_gets_less_than_a_part() {
		assert_eq!(flatten(&[(1, 9, vec![(0, 100_000)])]), vec![(1, 9)]);
	}

	#[test]
	fn flatten_should_leave_out_the_smallest_and_keep_the_sum() {
		// Parent 100 with 16 ancestors of 1 % each, the first of a little more: 17 payees.
		let ancestors: Vec<_> = (0..16).map(|n| (n, if n == 0 { 10_100 } else { 10_000 })).collect();
		let flat = flatten(&[(100, 300_000, ancestors)]);
		assert_eq!(flat.len(), 16);
		assert_eq!(total(&flat), 300_000);
		assert_eq!(flat[0].0, 100);
		assert_eq!(flat[1].0, 0);
		assert!(flat.iter().all(|(model, _)| *model != 15), "of equals the youngest is left out");
	}

	fn ancestors() -> impl Strategy<Value = Vec<ShareOf>> {
		proptest::collection::btree_map(0u32..60, 1..=MAX_ANCESTORS_SHARE / 16, 0..=16)
			.prop_map(|shares| shares.into_iter().collect())
	}

	fn parents() -> impl Strategy<Value = Vec<Parent>> {
		proptest::collection::btree_map(30u32..80, (1..=MAX_ANCESTORS_SHARE / 8, ancestors()), 0..=8)
			.prop_map(|all| all.into_iter().map(|(model, (share, above))| (model, share, above)).collect())
	}

	/// A forest in which each model has up to eight older parents: per child, seeds of parents and their shares.
	type Seeds = Vec<Vec<(usize, u32)>>;

	fn forest() -> impl Strategy<Value = Seeds> {
		let parent = (any::<usize>(), 1..=MAX_ANCESTORS_SHARE / 8);
		proptest::collection::vec(proptest::collection::vec(parent, 0..=8), 1..40)
	}

	fn check(flat: &[ShareOf], given: u64) -> Result<(), TestCaseError> {
		prop_assert_eq!(total(flat), given, "a part was made or lost");
		prop_assert!(total(flat) <= u64::from(MAX_ANCESTORS_SHARE));
		prop_assert!(flat.len() <= MAX_ANCESTORS as usize);
		prop_assert!(flat.iter().all(|(_, share)| *share > 0));
		for (index, (model, share)) in flat.iter().enumerate() {
			for (other, other_share) in flat.iter().skip(index + 1) {
				prop_assert!(model != other, "a payee twice");
				prop_assert!(share >= other_share, "not sorted");
			}
		}
		Ok(())
	}

	proptest! {
		#[test]
		fn flatten_should_keep_sum_cap_and_count(parents in parents()) {
			let given = parents.iter().map(|(_, share, _)| u64::from(*share)).sum::<u64>();
			let flat = flatten(&parents);
			check(&flat, given)?;
			prop_assert_eq!(flatten(&parents), flat, "not deterministic");
		}

		#[test]
		fn flatten_should_not_depend_on_the_order_of_the_parents(parents in parents()) {
			let mut reversed = parents.clone();
			reversed.reverse();
			prop_assert_eq!(flatten(&parents), flatten(&reversed));
		}

		#[test]
		fn a_model_should_never_be_its_own_ancestor(seeds in forest()) {
			let mut lineages: Vec<Vec<ShareOf>> = Vec::new();
			for (child, parents) in seeds.into_iter().enumerate() {
				let mut chosen: BTreeMap<ModelId, u32> = BTreeMap::new();
				for (seed, share) in parents {
					if child > 0 {
						chosen.insert((seed % child) as u32, share);
					}
				}
				let given = chosen.values().map(|share| u64::from(*share)).sum::<u64>();
				let parents: Vec<_> =
					chosen.into_iter().map(|(model, share)| (model, share, lineages[model as usize].clone())).collect();
				let flat = flatten(&parents);
				check(&flat, given)?;
				prop_assert!(flat.iter().all(|(model, _)| (*model as usize) < child));
				lineages.push(flat);
			}
		}
	}
}
