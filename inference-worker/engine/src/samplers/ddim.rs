//! DDIM without noise (Song et al., 2021; eta 0).

use super::schedule::{alphas_cumprod, spaced, PredictionType, TimestepSpacing};
use super::{clamp, combine, predict, Sampler, SamplerError, SchedulerConfig};

/// `DDIMScheduler` of diffusers with eta 0.
pub struct Ddim {
	timesteps: Vec<f32>,
	/// ᾱ at each step and after it.
	alphas: Vec<(f64, f64)>,
	prediction: PredictionType,
	clip: Option<f32>,
}

impl Ddim {
	/// A run of `steps` steps.
	pub fn new(config: &SchedulerConfig, steps: usize) -> Result<Self, SamplerError> {
		let cumprod = alphas_cumprod(config);
		let n = config.num_train_timesteps;
		let spacing = config.timestep_spacing.unwrap_or(TimestepSpacing::Leading);
		let chosen = match spaced(config, spacing, steps, steps)? {
			Some(chosen) => chosen,
			None => {
				let stride = if steps == 1 { 0.0 } else { (n - 1) as f64 / (steps - 1) as f64 };
				(0..steps).rev().map(|i| (i as f64 * stride).round_ties_even()).collect()
			}
		};
		let last = if config.set_alpha_to_one { 1.0 } else { cumprod[0] };
		let alphas = chosen
			.iter()
			.map(|&t| {
				let before = t as i64 - (n / steps) as i64;
				let after = usize::try_from(before).map_or(last, |before| cumprod[before]);
				(cumprod[t as usize], after)
			})
			.collect();
		Ok(Self {
			timesteps: chosen.iter().map(|t| *t as f32).collect(),
			alphas,
			prediction: config.prediction_type,
			clip: config.clip_sample.unwrap_or(true).then_some(config.clip_sample_range as f32),
		})
	}
}

impl Sampler for Ddim {
	fn timesteps(&self) -> &[f32] {
		&self.timesteps
	}

	fn initial_sigma(&self) -> f32 {
		1.0
	}

	fn input_scale(&self, _: usize) -> f32 {
		1.0
	}

	fn mix(&self, i: usize) -> (f32, f32) {
		let (alpha, _) = self.alphas[i];
		(libm::sqrt(alpha) as f32, libm::sqrt(1.0 - alpha) as f32)
	}

	fn step(&mut self, i: usize, output: &[f32], sample: &mut [f32]) {
		let (alpha, alpha_next) = self.alphas[i];
		let (signal, noise) = (libm::sqrt(alpha), libm::sqrt(1.0 - alpha));
		let mut clean = match self.prediction {
			PredictionType::Epsilon => predict(sample, 1.0 / signal, output, -noise / signal),
			PredictionType::VPrediction => predict(sample, signal, output, -noise),
			PredictionType::Sample => output.to_vec(),
		};
		// The noise direction follows from the unclipped prediction, as in diffusers.
		match self.prediction {
			PredictionType::Epsilon => sample.copy_from_slice(output),
			PredictionType::VPrediction => combine(sample, noise, output, signal),
			PredictionType::Sample => combine(sample, 1.0 / noise, output, -signal / noise),
		}
		if let Some(range) = self.clip {
			clamp(&mut clean, range);
		}
		combine(sample, libm::sqrt(1.0 - alpha_next), &clean, libm::sqrt(alpha_next));
	}
}
