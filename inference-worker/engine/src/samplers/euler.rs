//! Euler's method over noise levels (Karras et al., 2022, algorithm 2 without churn).

use super::schedule::{interpolate, karras, sigmas, spaced, step_of_sigma, PredictionType, TimestepSpacing};
use super::{combine, predict, Sampler, SamplerError, SchedulerConfig};

/// `EulerDiscreteScheduler` of diffusers.
pub struct EulerDiscrete {
	timesteps: Vec<f32>,
	/// One per step and a last one.
	sigmas: Vec<f64>,
	initial_sigma: f32,
	prediction: PredictionType,
}

impl EulerDiscrete {
	/// The noise level at the beginning of step `i` and at its end.
	pub(super) fn sigmas(&self, i: usize) -> (f64, f64) {
		(self.sigmas[i], self.sigmas[i + 1])
	}

	/// One step of `derivative · (next − σ)`, gathered by terms.
	pub(super) fn go_to(&self, i: usize, next: f64, output: &[f32], sample: &mut [f32]) {
		let sigma = self.sigmas[i];
		let variance = sigma * sigma + 1.0;
		let clean = match self.prediction {
			PredictionType::Epsilon => predict(sample, 1.0, output, -sigma),
			PredictionType::VPrediction => predict(sample, 1.0 / variance, output, -sigma / libm::sqrt(variance)),
			PredictionType::Sample => output.to_vec(),
		};
		combine(sample, next / sigma, &clean, 1.0 - next / sigma);
	}

	/// A run of `steps` steps.
	pub fn new(config: &SchedulerConfig, steps: usize) -> Result<Self, SamplerError> {
		if config.prediction_type == PredictionType::Sample {
			let name = &config.class_name;
			let why = format!("{name} does not support prediction_type sample; use DDIMScheduler");
			return Err(SamplerError(why));
		}
		let levels = sigmas(config);
		let n = config.num_train_timesteps;
		let spacing = config.timestep_spacing.unwrap_or(TimestepSpacing::Linspace);
		let mut chosen = match spaced(config, spacing, steps, steps)? {
			Some(chosen) => chosen,
			None => {
				let stride = if steps == 1 { 0.0 } else { (n - 1) as f64 / (steps - 1) as f64 };
				(0..steps).rev().map(|i| i as f64 * stride).collect()
			}
		};
		let mut run: Vec<f64> = chosen.iter().map(|t| interpolate(&levels, *t)).collect();
		if config.use_karras_sigmas {
			run = karras(run[0], run[steps - 1], steps);
			chosen = run.iter().map(|sigma| step_of_sigma(&levels, *sigma)).collect();
		}
		let largest = run[0];
		run.push(final_sigma(config, &levels)?);
		let initial_sigma = match spacing {
			TimestepSpacing::Leading => libm::sqrt(largest * largest + 1.0),
			TimestepSpacing::Linspace | TimestepSpacing::Trailing => largest,
		};
		Ok(Self {
			timesteps: chosen.iter().map(|t| *t as f32).collect(),
			sigmas: run,
			initial_sigma: initial_sigma as f32,
			prediction: config.prediction_type,
		})
	}
}

/// The level after the last step.
pub(super) fn final_sigma(config: &SchedulerConfig, levels: &[f64]) -> Result<f64, SamplerError> {
	match config.final_sigmas_type.as_str() {
		"zero" => Ok(0.0),
		"sigma_min" => Ok(levels[0]),
		other => Err(SamplerError(format!("final_sigmas_type {other:?} is not supported; zero and sigma_min are"))),
	}
}

impl Sampler for EulerDiscrete {
	fn timesteps(&self) -> &[f32] {
		&self.timesteps
	}

	fn initial_sigma(&self) -> f32 {
		self.initial_sigma
	}

	fn input_scale(&self, i: usize) -> f32 {
		(1.0 / libm::sqrt(self.sigmas[i] * self.sigmas[i] + 1.0)) as f32
	}

	fn mix(&self, i: usize) -> (f32, f32) {
		(1.0, self.sigmas[i] as f32)
	}

	fn step(&mut self, i: usize, output: &[f32], sample: &mut [f32]) {
		self.go_to(i, self.sigmas[i + 1], output, sample);
	}
}
