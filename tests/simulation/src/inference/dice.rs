//! Chance: a stream of random numbers for each thing that is drawn, so that what happens in one draw never moves another.

use rand_chacha::{
	rand_core::{RngCore, SeedableRng},
	ChaCha8Rng,
};

/// What a draw is for.
#[derive(Clone, Copy, Debug)]
pub enum Purpose {
	/// Whether a job is audited.
	Lottery,
	/// The seats of a committee that are empty.
	Committee,
	/// Who audits a job.
	Auditor,
	/// A jury.
	Jury,
}

/// The chance of one job.
#[derive(Clone, Copy, Debug)]
pub struct Dice {
	/// Seed of the simulation.
	pub seed: u64,
	/// Number of the job.
	pub job: u64,
}

/// Streams of one job: four purposes, at most 16 rounds of each, at most 16 tries of each round.
const STREAMS: u64 = 1_024;

impl Dice {
	/// The stream of random numbers of one draw: of its round, and of the attempt in that round. Asked twice, it begins
	/// again.
	pub fn stream(&self, purpose: Purpose, round: u32, attempt: u32) -> ChaCha8Rng {
		let which = 256 * purpose as u64 + 16 * u64::from(round.min(15)) + u64::from(attempt.min(15));
		let mut stream = ChaCha8Rng::seed_from_u64(self.seed);
		stream.set_stream(self.job.wrapping_mul(STREAMS).wrapping_add(which));
		stream
	}

	/// One number of 128 bits.
	pub fn number(&self, purpose: Purpose) -> u128 {
		let mut stream = self.stream(purpose, 0, 0);
		u128::from(stream.next_u64()) << 64 | u128::from(stream.next_u64())
	}
}
