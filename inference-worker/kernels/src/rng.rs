//! Random numbers that are a function of a seed, a stream and an index.
//!
//! Word `i` of a stream is word `i` of the ChaCha20 key stream (RFC 8439) whose key is the seed and whose nonce is
//! the stream number in little-endian order followed by eight zero bytes. Any part of a stream can be made without
//! the rest.

use candle_core::{Device, Result, Shape, Tensor};
use chacha20::cipher::consts::U10;
use chacha20::cipher::{KeyIvInit, StreamCipherCore, StreamCipherSeekCore};
use chacha20::ChaChaCore;

use crate::math::{cos_f64, ln_f64, sin_f64};

/// Words of a ChaCha20 block.
const BLOCK_WORDS: u64 = 16;

/// A source of noise, given by its seed.
#[derive(Clone)]
pub struct Noise {
	seed: [u8; 32],
}

impl Noise {
	/// The noise of a 32-byte seed: of a job, of a training run.
	pub fn new(seed: [u8; 32]) -> Self {
		Self { seed }
	}

	/// Words `offset..offset + n` of a stream. A stream has 2^36 words; the index wraps there.
	pub fn bits(&self, stream: u32, offset: u64, n: usize) -> Vec<u32> {
		let mut nonce = [0u8; 12];
		nonce[..4].copy_from_slice(&stream.to_le_bytes());
		let mut cipher = ChaChaCore::<U10>::new(&self.seed.into(), &nonce.into());
		let skip = (offset % BLOCK_WORDS) as usize;
		let mut blocks = vec![Default::default(); (skip + n).div_ceil(BLOCK_WORDS as usize)];
		// The block counter has 32 bits: a read over the end of the stream goes on at its start.
		let first = (offset / BLOCK_WORDS) as u32;
		let until_end = usize::try_from((1u64 << 32) - u64::from(first)).unwrap_or(usize::MAX).min(blocks.len());
		let (before, after) = blocks.split_at_mut(until_end);
		cipher.set_block_pos(first);
		cipher.write_keystream_blocks(before);
		cipher.set_block_pos(0);
		cipher.write_keystream_blocks(after);
		let words = blocks.iter().flat_map(|block| block.chunks_exact(4));
		let word = |bytes: &[u8]| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
		words.skip(skip).take(n).map(word).collect()
	}

	/// Values `offset..offset + n` of a stream, uniform in [0, 1): the upper 24 bits of a word, times 2^-24.
	pub fn uniform(&self, stream: u32, offset: u64, n: usize) -> Vec<f32> {
		self.bits(stream, offset, n).into_iter().map(|word| (word >> 8) as f32 * (1.0 / 16_777_216.0)).collect()
	}

	/// Values `offset..offset + n` of a stream, normal with mean 0 and variance 1.
	///
	/// Box–Muller in f64, rounded once: with u = (word\[2j\] + 1) / 2^32 and v = word\[2j + 1\] / 2^32, value 2j is
	/// sqrt(−2 ln u) · cos(2 π v) and value 2j + 1 the same with the sine.
	pub fn normal(&self, stream: u32, offset: u64, n: usize) -> Vec<f32> {
		if n == 0 {
			return Vec::new();
		}
		let first = offset / 2 * 2;
		let skip = (offset - first) as usize;
		let words = self.bits(stream, first, (skip + n).next_multiple_of(2));
		let mut out = Vec::with_capacity(words.len());
		for pair in words.chunks_exact(2) {
			const SCALE: f64 = 1.0 / 4_294_967_296.0;
			let radius = (-2.0 * ln_f64((f64::from(pair[0]) + 1.0) * SCALE)).sqrt();
			let angle = f64::from(pair[1]) * SCALE * std::f64::consts::TAU;
			out.push((radius * cos_f64(angle)) as f32);
			out.push((radius * sin_f64(angle)) as f32);
		}
		out.drain(..skip);
		out.truncate(n);
		out
	}

	/// The first values of a stream, normal, as a tensor.
	///
	/// # Errors
	///
	/// The shape has more elements than memory allows.
	pub fn normal_tensor(&self, stream: u32, shape: impl Into<Shape>) -> Result<Tensor> {
		let shape = shape.into();
		let count = shape.elem_count();
		Tensor::from_vec(self.normal(stream, 0, count), shape, &Device::Cpu)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn bits_should_be_the_chacha20_key_stream_when_the_seed_is_zero() {
		// RFC 8439, appendix A.1, test vector 1 (key, nonce and counter zero).
		let words = Noise::new([0; 32]).bits(0, 0, 4);
		assert_eq!(words, [0xade0_b876, 0x903d_f1a0, 0xe56a_5d40, 0x28bd_8653]);
		// Test vector 2: the same with counter 1, the second block of 16 words.
		assert_eq!(Noise::new([0; 32]).bits(0, 16, 2), [0xbee7_079f, 0x7a38_5155]);
	}

	#[test]
	fn values_should_not_depend_on_where_reading_starts() {
		let noise = Noise::new([7; 32]);
		let all = noise.normal(3, 0, 100);
		for (offset, n) in [(0, 1), (1, 1), (1, 2), (5, 50), (16, 20), (99, 1)] {
			assert_eq!(noise.normal(3, offset as u64, n), all[offset..offset + n]);
		}
		assert_ne!(noise.normal(4, 0, 4), all[..4]);
	}

	#[test]
	fn bits_should_start_again_when_a_stream_ends() {
		let noise = Noise::new([3; 32]);
		let end = 1u64 << 36;
		let around = noise.bits(9, end - 20, 40);
		assert_eq!(around[..20], noise.bits(9, end - 20, 20));
		assert_eq!(around[20..], noise.bits(9, 0, 20));
	}

	#[test]
	fn normal_should_have_the_moments_of_a_normal_distribution() {
		let values = Noise::new([1; 32]).normal(0, 0, 200_000);
		let moment = |power: i32| {
			values.iter().map(|v| (0..power).fold(1.0, |p, _| p * f64::from(*v))).sum::<f64>() / values.len() as f64
		};
		assert!(moment(1).abs() < 0.01, "{}", moment(1));
		assert!((moment(2) - 1.0).abs() < 0.01, "{}", moment(2));
		assert!(moment(3).abs() < 0.03, "{}", moment(3));
		assert!((moment(4) - 3.0).abs() < 0.06, "{}", moment(4));
	}

	#[test]
	fn uniform_should_fill_the_unit_interval() {
		let values = Noise::new([2; 32]).uniform(0, 0, 100_000);
		assert!(values.iter().all(|v| (0.0..1.0).contains(v)));
		let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / values.len() as f64;
		assert!((mean - 0.5).abs() < 0.01, "{mean}");
	}
}
