//! Sampling of latent consistency models (Luo et al., 2023): each step predicts the clean latent, then noises it again.

use super::schedule::{alphas_cumprod, PredictionType};
use super::{combine, predict, Sampler, SamplerError, SchedulerConfig};

/// Standard deviation of the data in the boundary condition, fixed in diffusers.
const SIGMA_DATA: f64 = 0.5;

/// `LCMScheduler` of diffusers.
pub struct Lcm {
	timesteps: Vec<f32>,
	/// ᾱ at each step.
	alphas: Vec<f64>,
	prediction: PredictionType,
	clip: Option<f32>,
	timestep_scaling: f64,
}

impl Lcm {
	/// A run of `steps` steps, at most as many as the model was distilled from.
	pub fn new(config: &SchedulerConfig, steps: usize) -> Result<Self, SamplerError> {
		let (n, original) = (config.num_train_timesteps, config.original_inference_steps);
		if original == 0 || original > n {
			return Err(SamplerError(format!("original_inference_steps {original}, the range is 1 to {n}")));
		}
		if steps > original {
			return Err(SamplerError(format!(
				"{steps} steps, LCMScheduler allows 1 to {original} (original_inference_steps)"
			)));
		}
		let cumprod = alphas_cumprod(config);
		let stride = n / original;
		// Of the distillation's steps, from the last, evenly.
		let chosen: Vec<usize> = (0..steps).map(|i| (original - i * original / steps) * stride - 1).collect();
		Ok(Self {
			timesteps: chosen.iter().map(|t| *t as f32).collect(),
			alphas: chosen.iter().map(|t| cumprod[*t]).collect(),
			prediction: config.prediction_type,
			clip: config.clip_sample.unwrap_or(false).then_some(config.clip_sample_range as f32),
			timestep_scaling: config.timestep_scaling,
		})
	}
}

impl Sampler for Lcm {
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
		(libm::sqrt(self.alphas[i]) as f32, libm::sqrt(1.0 - self.alphas[i]) as f32)
	}

	fn noise_after(&self, i: usize) -> f32 {
		self.alphas.get(i + 1).map_or(0.0, |alpha| libm::sqrt(1.0 - alpha) as f32)
	}

	fn step(&mut self, i: usize, output: &[f32], sample: &mut [f32]) {
		let (signal, noise) = (libm::sqrt(self.alphas[i]), libm::sqrt(1.0 - self.alphas[i]));
		let mut clean = match self.prediction {
			PredictionType::Epsilon => predict(sample, 1.0 / signal, output, -noise / signal),
			PredictionType::VPrediction => predict(sample, signal, output, -noise),
			PredictionType::Sample => output.to_vec(),
		};
		if let Some(range) = self.clip {
			super::clamp(&mut clean, range);
		}
		let time = f64::from(self.timesteps[i]) * self.timestep_scaling;
		let total = time * time + SIGMA_DATA * SIGMA_DATA;
		let (skip, out) = (SIGMA_DATA * SIGMA_DATA / total, time / libm::sqrt(total));
		let next = self.alphas.get(i + 1).map_or(1.0, |alpha| libm::sqrt(*alpha));
		combine(sample, next * skip, &clean, next * out);
	}
}
