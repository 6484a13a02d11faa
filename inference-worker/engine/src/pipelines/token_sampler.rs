//! The choice of a token from a row of logits, exact on every machine.

use super::TOKEN_STREAM;
use autonomy_kernels::{math, rng::Noise};

/// How tokens are chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
	/// Logits are divided by it; 0 takes the largest logit always.
	pub temperature: f32,
	/// Keep the likeliest tokens up to this cumulative probability; 1 keeps all.
	pub top_p: f32,
	/// Keep this many of the likeliest tokens; 0 keeps all.
	pub top_k: usize,
}

/// Chooses tokens with the numbers of a job's seed.
pub struct TokenSampler<'a> {
	sampling: Sampling,
	noise: &'a Noise,
}

impl<'a> TokenSampler<'a> {
	/// A sampler over the job's random numbers.
	pub fn new(sampling: Sampling, noise: &'a Noise) -> Self {
		Self { sampling, noise }
	}

	/// The token after `index` new tokens. The logits must be finite and at least one.
	pub fn choose(&self, logits: &[f32], index: u64) -> u32 {
		let Sampling { temperature, top_p, top_k } = self.sampling;
		if temperature == 0.0 {
			return largest(logits) as u32;
		}
		// Likeliest first; equal logits, zeros of either sign among them, in the order of their ids.
		let mut kept: Vec<usize> = (0..logits.len()).collect();
		let order = |a: &usize, b: &usize| (logits[*b] + 0.0).total_cmp(&(logits[*a] + 0.0)).then(a.cmp(b));
		if top_k > 0 && top_k < kept.len() {
			kept.select_nth_unstable_by(top_k - 1, order);
			kept.truncate(top_k);
		}
		let max = logits[largest(logits)];
		let weight = |i: usize| math::exp((logits[i] - max) / temperature);
		if top_p < 1.0 {
			kept.sort_unstable_by(order);
			let total = sum(kept.iter().map(|i| weight(*i)));
			let mut reached = 0.0;
			let enough = kept.iter().position(|i| {
				reached += weight(*i);
				reached >= top_p * total
			});
			kept.truncate(enough.map_or(kept.len(), |last| last + 1));
		}
		kept.sort_unstable();
		let total = sum(kept.iter().map(|i| weight(*i)));
		let threshold = self.noise.uniform(TOKEN_STREAM, index, 1)[0] * total;
		let mut reached = 0.0;
		let chosen = kept.iter().find(|i| {
			reached += weight(**i);
			reached > threshold
		});
		// Rounding may leave the threshold at the total: the last token that weighs anything is meant then.
		let last = || kept.iter().rev().find(|i| weight(**i) > 0.0);
		chosen.or_else(last).map_or(0, |i| *i as u32)
	}
}

/// The first of the largest.
pub(super) fn largest(logits: &[f32]) -> usize {
	let mut best = 0;
	for (i, logit) in logits.iter().enumerate() {
		if *logit > logits[best] {
			best = i;
		}
	}
	best
}

/// In order, in f32.
fn sum(values: impl Iterator<Item = f32>) -> f32 {
	values.fold(0.0, |sum, value| sum + value)
}

#[cfg(test)]
mod tests {
	use super::*;

	fn draws(sampling: Sampling, logits: &[f32], n: u64) -> Vec<u32> {
		let noise = Noise::new([9; 32]);
		let sampler = TokenSampler::new(sampling, &noise);
		(0..n).map(|i| sampler.choose(logits, i)).collect()
	}

	#[test]
	fn choice_should_be_the_first_largest_when_temperature_is_zero() {
		let greedy = Sampling { temperature: 0.0, top_p: 1.0, top_k: 0 };
		assert_eq!(draws(greedy, &[0.0, 3.0, 3.0, -1.0], 3), [1, 1, 1]);
	}

	#[test]
	fn frequencies_should_be_the_softmax_when_nothing_is_cut() {
		let sampling = Sampling { temperature: 2.0, top_p: 1.0, top_k: 0 };
		let logits = [0.0, 2.0 * libm::logf(2.0), 2.0 * libm::logf(5.0)];
		let mut counts = [0; 3];
		draws(sampling, &logits, 8000).into_iter().for_each(|token| counts[token as usize] += 1);
		for (count, share) in counts.into_iter().zip([1.0, 2.0, 5.0]) {
			// Five standard deviations of a binomial.
			let (mean, p) = (8000.0 * share / 8.0, share / 8.0);
			assert!(f64::abs(count as f64 - mean) < 5.0 * f64::sqrt(8000.0 * p * (1.0 - p)), "{count} for {mean}");
		}
	}

	#[test]
	fn only_the_likeliest_should_be_drawn_when_cut() {
		let logits = [1.0, 4.0, 3.9, -2.0, 3.8];
		let top_k = draws(Sampling { temperature: 5.0, top_p: 1.0, top_k: 2 }, &logits, 500);
		assert!(top_k.iter().all(|token| [1, 2].contains(token)) && top_k.contains(&2));
		let top_p = draws(Sampling { temperature: 1.0, top_p: 0.6, top_k: 0 }, &logits, 500);
		assert!(top_p.iter().all(|token| [1, 2].contains(token)) && top_p.contains(&2));
	}

	/// The specification's choice, word for word.
	fn specified(Sampling { temperature, top_p, top_k }: Sampling, logits: &[f32], uniform: f32) -> u32 {
		let max = logits.iter().copied().fold(f32::NEG_INFINITY, |max, x| if x > max { x } else { max });
		if temperature == 0.0 {
			return logits.iter().position(|x| *x == max).unwrap() as u32;
		}
		let weight = |i: &usize| math::exp((logits[*i] - max) / temperature);
		let plain_sum = |ids: &[usize]| ids.iter().fold(0.0f32, |sum, i| sum + weight(i));
		let mut kept: Vec<usize> = (0..logits.len()).collect();
		// A stable sort: equal logits stay in the order of their ids.
		kept.sort_by(|a, b| logits[*b].partial_cmp(&logits[*a]).unwrap());
		if 0 < top_k && top_k < logits.len() {
			kept.truncate(top_k);
		}
		if top_p < 1.0 {
			let total = plain_sum(&kept);
			let reaches = |count: &usize| plain_sum(&kept[..*count]) >= top_p * total;
			let count = (1..=kept.len()).find(reaches).unwrap_or(kept.len());
			kept.truncate(count);
		}
		kept.sort();
		let total = plain_sum(&kept);
		let exceeds = |count: &usize| plain_sum(&kept[..*count]) > uniform * total;
		match (1..=kept.len()).find(exceeds) {
			Some(count) => kept[count - 1] as u32,
			None => *kept.iter().rev().find(|i| weight(i) > 0.0).unwrap() as u32,
		}
	}

	#[test]
	fn choice_should_be_the_specifications_for_any_settings_when_logits_are_equal_or_zero() {
		let noise = Noise::new([9; 32]);
		let wide = noise.normal(1, 0, 60);
		let coarse: Vec<f32> = wide.iter().map(|x| (x * 2.0).round_ties_even() * 0.5).collect();
		let zeros: Vec<f32> = (0..60).map(|i| if i % 3 == 0 { 0.0 } else { -0.0 }).collect();
		let far: Vec<f32> = wide.iter().map(|x| x * 60.0).collect();
		let cases: [&[f32]; 5] = [&wide, &coarse, &zeros, &far, &[3.5]];
		for logits in cases {
			for temperature in [0.0, 0.3, 1.0, 20.0] {
				for top_p in [1e-6, 0.3, 0.9, 1.0] {
					for top_k in [0, 1, 7, 59, 60, 100] {
						let sampling = Sampling { temperature, top_p, top_k };
						for (index, token) in draws(sampling, logits, 12).into_iter().enumerate() {
							let uniform = noise.uniform(TOKEN_STREAM, index as u64, 1)[0];
							assert_eq!(token, specified(sampling, logits, uniform), "{sampling:?} of {logits:?}");
						}
					}
				}
			}
		}
	}

	#[test]
	fn choice_should_depend_on_the_index_alone_when_seed_and_logits_are_the_same() {
		let sampling = Sampling { temperature: 1.0, top_p: 0.9, top_k: 40 };
		let logits: Vec<f32> = (0..100).map(|i| (i * 37 % 11) as f32 * 0.3).collect();
		let all = draws(sampling, &logits, 20);
		let noise = Noise::new([9; 32]);
		assert_eq!(TokenSampler::new(sampling, &noise).choose(&logits, 13), all[13]);
		assert!(all.iter().any(|token| *token != all[0]));
	}
}
