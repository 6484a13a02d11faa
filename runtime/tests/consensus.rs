//! Sessions, and the randomness of draws.

mod common;

use autonomy_primitives::Digest;
use autonomy_runtime::{configs::consensus::BabeDraw, AccountId, Runtime, Session, System, EPOCH_DURATION_IN_SLOTS};
use common::*;
use pallet_inference::DrawRandomness;
use sp_keyring::Sr25519Keyring as Key;

fn draw(job: u64) -> Digest {
	BabeDraw::random(job).expect("BABE always has some")
}

#[test]
fn sessions_should_rotate_and_keep_the_validators() {
	chain("local").execute_with(|| {
		let four: Vec<AccountId> = [Key::Alice, Key::Bob, Key::Charlie, Key::Dave].map(account).to_vec();
		run_to(1);
		let first = Session::current_index();
		run_to(2 * EPOCH_DURATION_IN_SLOTS as u32 + 2);
		assert!(Session::current_index() >= first + 2, "two epochs went by");
		let mut validators = Session::validators();
		validators.sort();
		let mut expected = four;
		expected.sort();
		assert_eq!(validators, expected);
	});
}

#[test]
fn draw_should_use_the_parents_vrf_output_when_there_is_one() {
	chain("development").execute_with(|| {
		run_to(3);
		let fallback = draw(1);
		pallet_babe::AuthorVrfRandomness::<Runtime>::put(Some([1; 32]));
		let first = draw(1);
		pallet_babe::AuthorVrfRandomness::<Runtime>::put(Some([2; 32]));
		let second = draw(1);
		assert_ne!(first, fallback);
		assert_ne!(first, second, "another output, another draw");
		assert_ne!(second, draw(2), "another job, another draw");
	});
}

#[test]
fn draw_should_fall_back_to_epoch_and_parent_when_there_is_no_vrf_output() {
	chain("development").execute_with(|| {
		run_to(3);
		// These blocks carry secondary plain claims, as a sealed chain's may.
		assert_eq!(pallet_babe::AuthorVrfRandomness::<Runtime>::get(), None);
		let now = draw(1);
		assert_ne!(now, draw(2));
		run_to(4);
		assert_ne!(System::parent_hash(), Default::default());
		assert_ne!(now, draw(1), "the next block draws anew");
	});
}
