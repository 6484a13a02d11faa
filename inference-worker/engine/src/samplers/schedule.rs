//! Noise schedules and the choice of steps, in f64.

use super::{SamplerError, SchedulerConfig};
use serde::{Deserialize, Serialize};

/// How betas run over the training steps.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BetaSchedule {
	/// Evenly.
	#[default]
	Linear,
	/// Their square roots run evenly (Stable Diffusion).
	ScaledLinear,
	/// The cosine schedule (Nichol and Dhariwal, 2021).
	#[serde(rename = "squaredcos_cap_v2")]
	SquaredcosCapV2,
}

/// What the model predicts.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PredictionType {
	/// The noise.
	#[default]
	Epsilon,
	/// The velocity (Salimans and Ho, 2022).
	VPrediction,
	/// The clean sample.
	Sample,
}

/// Which training steps are sampled (Lin et al., 2024, table 2).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TimestepSpacing {
	/// From 0, in equal whole strides.
	Leading,
	/// From the last step, in equal strides.
	Trailing,
	/// From 0 to the last step inclusive.
	Linspace,
}

/// `alphas_cumprod`: the share of signal variance after each training step.
pub fn alphas_cumprod(config: &SchedulerConfig) -> Vec<f64> {
	let n = config.num_train_timesteps;
	let ramp = |start: f64, end: f64, i: usize| match n {
		1 => start,
		_ => start + (end - start) * i as f64 / (n - 1) as f64,
	};
	let alpha_bar = |i: usize| {
		let cos = libm::cos((i as f64 / n as f64 + 0.008) / 1.008 * std::f64::consts::FRAC_PI_2);
		cos * cos
	};
	let mut product = 1.0;
	let cumprod: Vec<f64> = (0..n)
		.map(|i| {
			let beta = match config.beta_schedule {
				BetaSchedule::Linear => ramp(config.beta_start, config.beta_end, i),
				BetaSchedule::ScaledLinear => {
					let root = ramp(libm::sqrt(config.beta_start), libm::sqrt(config.beta_end), i);
					root * root
				}
				BetaSchedule::SquaredcosCapV2 => {
					let beta = 1.0 - alpha_bar(i + 1) / alpha_bar(i);
					if beta < 0.999 {
						beta
					} else {
						0.999
					}
				}
			};
			product *= 1.0 - beta;
			product
		})
		.collect();
	match config.rescale_betas_zero_snr {
		true => zero_terminal_snr(&cumprod),
		false => cumprod,
	}
}

/// Algorithm 1 of Lin et al. (2024): shifts the roots so that the last is zero and the first stays.
fn zero_terminal_snr(cumprod: &[f64]) -> Vec<f64> {
	let roots: Vec<f64> = cumprod.iter().map(|a| libm::sqrt(*a)).collect();
	let (Some(&first), Some(&last)) = (roots.first(), roots.last()) else { return vec![] };
	roots
		.iter()
		.map(|root| {
			let root = (root - last) * (first / (first - last));
			root * root
		})
		.collect()
}

/// The descending training steps with spacing `leading` or `trailing`, or `None` for `linspace`, which every scheduler
/// of diffusers does in its own way. `stride_parts` is what `leading` divides the training steps by.
pub fn spaced(
	config: &SchedulerConfig,
	spacing: TimestepSpacing,
	steps: usize,
	stride_parts: usize,
) -> Result<Option<Vec<f64>>, SamplerError> {
	let n = config.num_train_timesteps;
	let chosen: Vec<f64> = match spacing {
		TimestepSpacing::Leading => {
			let stride = n / stride_parts;
			let first = stride_parts - steps;
			(first..stride_parts).rev().map(|i| ((i * stride) as i64 + config.steps_offset) as f64).collect()
		}
		TimestepSpacing::Trailing => {
			let stride = n as f64 / steps as f64;
			(0..steps).map(|i| (n as f64 - i as f64 * stride).round_ties_even() - 1.0).collect()
		}
		TimestepSpacing::Linspace => return Ok(None),
	};
	match chosen.iter().find(|t| **t < 0.0 || **t > (n - 1) as f64) {
		Some(t) => Err(SamplerError(format!(
			"training step {t} with {steps} steps and steps_offset {}, the range is 0 to {}",
			config.steps_offset,
			n - 1
		))),
		None => Ok(Some(chosen)),
	}
}

/// Noise levels `√((1 − ᾱ)/ᾱ)` of all training steps.
///
/// With zero terminal SNR the last one is infinite; ᾱ is kept at 2⁻²⁴ there, as diffusers does.
pub fn sigmas(config: &SchedulerConfig) -> Vec<f64> {
	let mut cumprod = alphas_cumprod(config);
	if config.rescale_betas_zero_snr {
		if let Some(last) = cumprod.last_mut() {
			*last = 1.0 / (1u32 << 24) as f64;
		}
	}
	cumprod.iter().map(|a| libm::sqrt((1.0 - a) / a)).collect()
}

/// The level of a fractional training step, linear between its neighbours.
pub fn interpolate(levels: &[f64], t: f64) -> f64 {
	let low = (libm::floor(t).max(0.0) as usize).min(levels.len() - 1);
	let high = (low + 1).min(levels.len() - 1);
	levels[low] + (levels[high] - levels[low]) * (t - low as f64)
}

/// `steps` levels from `max` down to `min`, evenly in the 7th root (Karras et al., 2022, equation 5).
pub fn karras(max: f64, min: f64, steps: usize) -> Vec<f64> {
	const RHO: f64 = 7.0;
	let (high, low) = (libm::pow(max, 1.0 / RHO), libm::pow(min, 1.0 / RHO));
	(0..steps)
		.map(|i| {
			let ramp = if steps == 1 { 0.0 } else { i as f64 / (steps - 1) as f64 };
			libm::pow(high + ramp * (low - high), RHO)
		})
		.collect()
}

/// The fractional training step of a level: the inverse of [`interpolate`] over the logarithms, as in diffusers.
pub fn step_of_sigma(levels: &[f64], sigma: f64) -> f64 {
	let log = |x: f64| libm::log(if x > 1e-10 { x } else { 1e-10 });
	let wanted = log(sigma);
	let below = levels.iter().rposition(|level| libm::log(*level) <= wanted).unwrap_or(0);
	let low = below.min(levels.len().saturating_sub(2));
	let high = (low + 1).min(levels.len() - 1);
	let (from, to) = (libm::log(levels[low]), libm::log(levels[high]));
	let share = if to == from { 0.0 } else { (from - wanted) / (from - to) };
	let share = if share < 0.0 { 0.0 } else { share };
	let share = if share > 1.0 { 1.0 } else { share };
	(1.0 - share) * low as f64 + share * high as f64
}
