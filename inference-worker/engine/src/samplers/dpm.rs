//! DPM-Solver++ of first and second order, multistep ("DPM++ 2M"; Lu et al., 2022).

use super::euler::final_sigma;
use super::schedule::{interpolate, karras, sigmas, spaced, step_of_sigma, PredictionType, TimestepSpacing};
use super::{combine, predict, Sampler, SamplerError, SchedulerConfig};

/// `DPMSolverMultistepScheduler` of diffusers with algorithm type `dpmsolver++`.
pub struct DpmSolverMultistep {
	timesteps: Vec<f32>,
	/// One per step and a last one.
	sigmas: Vec<f64>,
	prediction: PredictionType,
	second_order: bool,
	heun: bool,
	first_order_last: bool,
	/// The clean sample predicted one step before.
	previous: Option<Vec<f32>>,
}

/// Signal and noise factors of a level, and half the logarithm of their ratio squared.
pub(super) fn factors(sigma: f64) -> (f64, f64, f64) {
	let alpha = 1.0 / libm::sqrt(sigma * sigma + 1.0);
	(alpha, sigma * alpha, libm::log(alpha) - libm::log(sigma * alpha))
}

/// The training steps of a run of a multistep solver, and its noise levels: one per step and a last one.
pub(super) fn levels(config: &SchedulerConfig, steps: usize) -> Result<(Vec<f64>, Vec<f64>), SamplerError> {
	let levels = sigmas(config);
	let n = config.num_train_timesteps;
	let spacing = config.timestep_spacing.unwrap_or(TimestepSpacing::Linspace);
	let mut chosen = match spaced(config, spacing, steps, steps + 1)? {
		Some(chosen) => chosen,
		None => {
			let stride = (n - 1) as f64 / steps as f64;
			(1..=steps).rev().map(|i| (i as f64 * stride).round_ties_even()).collect()
		}
	};
	let mut run: Vec<f64> = chosen.iter().map(|t| interpolate(&levels, *t)).collect();
	if config.use_karras_sigmas {
		run = karras(levels[n - 1], levels[0], steps);
		chosen = run.iter().map(|sigma| step_of_sigma(&levels, *sigma).round_ties_even()).collect();
	}
	run.push(final_sigma(config, &levels)?);
	Ok((chosen, run))
}

impl DpmSolverMultistep {
	/// A run of `steps` steps.
	pub fn new(config: &SchedulerConfig, steps: usize) -> Result<Self, SamplerError> {
		if config.algorithm_type != "dpmsolver++" || !(1..=2).contains(&config.solver_order) {
			return Err(SamplerError(format!(
				"DPMSolverMultistepScheduler with algorithm_type {:?} and solver_order {} is not supported; dpmsolver++ \
				 with order 1 or 2 is",
				config.algorithm_type, config.solver_order
			)));
		}
		let heun = match config.solver_type.as_str() {
			"midpoint" => false,
			"heun" => true,
			other => {
				let why = format!("solver_type {other:?} is not supported; midpoint and heun are");
				return Err(SamplerError(why));
			}
		};
		let (chosen, run) = levels(config, steps)?;
		let to_zero = config.final_sigmas_type == "zero";
		Ok(Self {
			timesteps: chosen.iter().map(|t| *t as f32).collect(),
			sigmas: run,
			prediction: config.prediction_type,
			second_order: config.solver_order == 2,
			heun,
			first_order_last: config.euler_at_final || (config.lower_order_final && steps < 15) || to_zero,
			previous: None,
		})
	}
}

impl Sampler for DpmSolverMultistep {
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
		let (alpha, noise, _) = factors(self.sigmas[i]);
		(alpha as f32, noise as f32)
	}

	fn step(&mut self, i: usize, output: &[f32], sample: &mut [f32]) {
		let (alpha, noise, lambda) = factors(self.sigmas[i]);
		let clean = match self.prediction {
			PredictionType::Epsilon => predict(sample, 1.0 / alpha, output, -noise / alpha),
			PredictionType::VPrediction => predict(sample, alpha, output, -noise),
			PredictionType::Sample => output.to_vec(),
		};
		let (alpha_next, noise_next, lambda_next) = factors(self.sigmas[i + 1]);
		let h = lambda_next - lambda;
		let decay = libm::exp(-h) - 1.0;
		let last = i + 1 == self.timesteps.len();
		combine(sample, noise_next / noise, &clean, -alpha_next * decay);
		if let Some(previous) = self.previous.as_ref().filter(|_| self.second_order && !(last && self.first_order_last))
		{
			let (_, _, lambda_before) = factors(self.sigmas[i - 1]);
			let r0 = (lambda - lambda_before) / h;
			let weight = match self.heun {
				false => -0.5 * alpha_next * decay,
				true => alpha_next * (decay / h + 1.0),
			};
			let slope = (weight / r0) as f32;
			for ((x, &now), &before) in sample.iter_mut().zip(&clean).zip(previous) {
				*x += slope * (now - before);
			}
		}
		self.previous = Some(clean);
	}
}
