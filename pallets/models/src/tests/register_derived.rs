use autonomy_primitives::ModelId;
use codec::Encode;
use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError;

use crate::{mock::*, Error, Event, Lineages, Models as ModelMap, NextModelId, Parents, ParentsOf};

fn parents(all: &[(ModelId, u32)]) -> Parents {
	all.to_vec().try_into().unwrap()
}

#[test]
fn register_derived_should_store_the_flattened_lineage() {
	build_and_execute(|| {
		assert_ok!(Models::register(signed(1), details("grandparent")));
		assert_ok!(Models::register_derived(signed(2), details("parent"), parents(&[(0, 100_000)])));
		assert_ok!(Models::register_derived(signed(3), details("child"), parents(&[(1, 200_000), (0, 50_000)])));
		assert_eq!(ParentsOf::<Test>::get(2).to_vec(), vec![(1, 200_000), (0, 50_000)]);
		assert_eq!(Lineages::<Test>::get(2).to_vec(), vec![(1, 180_000), (0, 70_000)]);
		let event = Event::LineageSet {
			model: 2,
			parents: parents(&[(1, 200_000), (0, 50_000)]),
			lineage: vec![(1, 180_000), (0, 70_000)].try_into().unwrap(),
		};
		assert_eq!(last_event(), event);
		let info = ModelMap::<Test>::get(2).unwrap();
		let bytes =
			info.encoded_size() + ParentsOf::<Test>::get(2).encoded_size() + Lineages::<Test>::get(2).encoded_size();
		assert_eq!(info.deposit, 1_000 + 2 * bytes as u64, "the lineage is paid for");
	});
}

#[test]
fn register_derived_should_be_register_when_there_are_no_parents() {
	build_and_execute(|| {
		assert_ok!(Models::register_derived(signed(1), details("model"), Parents::default()));
		assert!(!ParentsOf::<Test>::contains_key(0));
		assert!(!Lineages::<Test>::contains_key(0));
		assert!(matches!(last_event(), Event::CommunityOpened { model: 0, .. }));
	});
}

#[test]
fn register_derived_should_fail_when_a_parent_does_not_exist() {
	build_and_execute(|| {
		assert_ok!(Models::register(signed(1), details("model")));
		// Model 1 is the one that is being registered: nothing is its own parent.
		for parent in [1, 2, u32::MAX] {
			let derived = Models::register_derived(signed(1), details("child"), parents(&[(parent, 1)]));
			assert_eq!(derived, Err(Error::<Test>::UnknownParent.into()));
		}
		assert_eq!(NextModelId::<Test>::get(), 1);
	});
}

#[test]
fn register_derived_should_fail_when_a_share_is_no_share() {
	build_and_execute(|| {
		assert_ok!(Models::register(signed(1), details("model")));
		assert_noop!(
			Models::register_derived(signed(1), details("child"), parents(&[(0, 0)])),
			Error::<Test>::ParentShareIsZero
		);
		assert_noop!(
			Models::register_derived(signed(1), details("child"), parents(&[(0, 1), (0, 2)])),
			Error::<Test>::ParentTwice
		);
	});
}

#[test]
fn register_derived_should_fail_when_ancestors_get_more_than_the_cap() {
	build_and_execute(|| {
		assert_ok!(Models::register(signed(1), details("a")));
		assert_ok!(Models::register(signed(1), details("b")));
		for too_much in [vec![(0, 333_334)], vec![(0, 333_333), (1, 1)], vec![(0, u32::MAX), (1, u32::MAX)]] {
			assert_noop!(
				Models::register_derived(signed(1), details("child"), parents(&too_much)),
				Error::<Test>::AncestorsAboveCap
			);
		}
		assert_ok!(Models::register_derived(signed(1), details("child"), parents(&[(0, 333_332), (1, 1)])));
	});
}

#[test]
fn register_derived_should_pay_sixteen_ancestors_at_most() {
	build_and_execute(|| {
		// A chain: each model gives its parent 30 %, and so on upwards.
		assert_ok!(Models::register(signed(1), details("0")));
		for n in 1..6u32 {
			assert_ok!(Models::register_derived(signed(1), details(&n.to_string()), parents(&[(n - 1, 300_000)])));
		}
		for n in 6..14u32 {
			assert_ok!(Models::register_derived(signed(1), details(&n.to_string()), parents(&[(n - 6, 300_000)])));
		}
		let all: Vec<_> = (6..14).map(|n| (n, 41_666)).collect();
		assert_ok!(Models::register_derived(signed(1), details("child"), parents(&all)));
		let lineage = Lineages::<Test>::get(14);
		assert!(lineage.len() <= 16);
		assert_eq!(lineage.iter().map(|(_, share)| share).sum::<u32>(), 8 * 41_666);
	});
}

#[test]
fn register_derived_should_fail_when_nobody_signed() {
	build_and_execute(|| {
		let derived = Models::register_derived(RuntimeOrigin::root(), details("model"), Parents::default());
		assert_eq!(derived, Err(DispatchError::BadOrigin));
	});
}
