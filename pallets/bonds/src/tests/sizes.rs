//! How much storage the pallet takes.

use autonomy_primitives::community::{Pot, Power};
use codec::MaxEncodedLen;
use frame_support::assert_ok;

use crate::{
	mock::*, ring::Ring, BondInfoOf, ChunksOf, ClassTotals, CommunityInfoOf, DelegationOf, OwnPower, PotInfoOf, Tier,
};

#[test]
fn stored_values_should_stay_within_their_sizes() {
	let sizes = [
		("community", CommunityInfoOf::<Test>::max_encoded_len(), 16),
		("pot", PotInfoOf::<Test>::max_encoded_len(), 64),
		("bond", BondInfoOf::<Test>::max_encoded_len(), 96),
		("unbonding", ChunksOf::<Test>::max_encoded_len(), 96),
		("power", Ring::<Power>::max_encoded_len(), 820),
		("delegation", DelegationOf::<Test>::max_encoded_len(), 1_520),
	];
	for (name, size, most) in sizes {
		println!("{name}: at most {size} bytes");
		assert!(size <= most, "{name}: {size} bytes, {most} at most");
	}
}

#[test]
fn bond_that_is_gone_should_leave_only_its_history() {
	build_and_execute(|| {
		let keys = || {
			let mut keys = 0;
			let mut next = sp_io::storage::next_key(&[]);
			while let Some(key) = next {
				keys += 1;
				next = sp_io::storage::next_key(&key);
			}
			keys
		};
		bond(2, X, Pot::Auton, 100);
		System::reset_events();
		let before = keys();
		bond(1, X, Pot::Auton, 100);
		go_on(1);
		assert_ok!(Bonds::unbond(signed(1), X, Pot::Auton, Tier::Days14, 100));
		go_on(15);
		assert_ok!(Bonds::withdraw(signed(1), X, Pot::Auton));
		System::reset_events();
		assert_eq!(keys(), before + 1, "the history of its power");
		assert_eq!((OwnPower::<Test>::iter().count(), ClassTotals::<Test>::iter().count()), (2, 1));
	});
}
