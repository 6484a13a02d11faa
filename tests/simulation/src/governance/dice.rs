//! Chance: a stream of random numbers for each community in each round, so that who votes in one never moves another,
//! and every attack meets the same people.

use rand_chacha::{
	rand_core::{RngCore, SeedableRng},
	ChaCha8Rng,
};
use sp_runtime::Permill;

/// Communities that a round has streams for.
const STREAMS: u64 = 1 << 20;

/// The chance of one round.
#[derive(Clone, Copy, Debug)]
pub struct Dice {
	/// Seed of the simulation.
	pub seed: u64,
	/// Number of the round.
	pub round: u64,
}

/// A stream of random numbers.
pub struct Stream(ChaCha8Rng);

impl Dice {
	/// The stream of a community: 0 is X, the others are numbered from 1. Asked twice, it begins again.
	pub fn stream(&self, community: u64) -> Stream {
		let mut stream = ChaCha8Rng::seed_from_u64(self.seed);
		stream.set_stream(self.round.wrapping_mul(STREAMS).wrapping_add(community % STREAMS));
		Stream(stream)
	}
}

impl Stream {
	/// A number from 0 to 999,999. Which of them is off by less than 10^-13.
	pub fn millionth(&mut self) -> u32 {
		(self.0.next_u64() % 1_000_000) as u32
	}

	/// Whether something happens that has this probability.
	pub fn happens(&mut self, probability: Permill) -> bool {
		self.millionth() < probability.deconstruct()
	}
}
