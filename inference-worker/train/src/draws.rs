//! Random choices for data generation, indexed so that any step can be replayed alone.

use autonomy_kernels::rng::Noise;

/// How many words are fetched from the generator at a time.
const BLOCK: usize = 256;

/// A sequence of random choices that starts at a given place of one stream of [`Noise`].
///
/// Everything is integer arithmetic or an exact conversion, so the choices are the same on every machine. A training
/// step starts its own sequence at an offset computed from the step number: resuming needs no generator state.
pub struct Draws<'a> {
	noise: &'a Noise,
	stream: u32,
	next: u64,
	block: Vec<u32>,
	at: usize,
}

impl<'a> Draws<'a> {
	/// Starts at word `offset` of `stream`.
	pub fn new(noise: &'a Noise, stream: u32, offset: u64) -> Self {
		Self { noise, stream, next: offset, block: Vec::new(), at: 0 }
	}

	/// The next 32 random bits.
	pub fn bits(&mut self) -> u32 {
		if self.at == self.block.len() {
			self.block = self.noise.bits(self.stream, self.next, BLOCK);
			self.next += BLOCK as u64;
			self.at = 0;
		}
		let word = self.block[self.at];
		self.at += 1;
		word
	}

	/// A number in `0..n`; the bias of at most n / 2^32 is irrelevant here. `n` must be at least 1.
	pub fn below(&mut self, n: usize) -> usize {
		((u64::from(self.bits()) * n as u64) >> 32) as usize
	}

	/// A number in `[0, 1)` with 24 random bits.
	pub fn unit(&mut self) -> f32 {
		(self.bits() >> 8) as f32 / 16_777_216.0
	}

	/// A number in `[-1, 1)`.
	pub fn signed(&mut self) -> f32 {
		self.unit() * 2.0 - 1.0
	}

	/// True in `percent` of 100 cases.
	pub fn chance(&mut self, percent: usize) -> bool {
		self.below(100) < percent
	}

	/// One element of a non-empty slice.
	pub fn pick<'t, T>(&mut self, of: &'t [T]) -> &'t T {
		&of[self.below(of.len())]
	}
}
