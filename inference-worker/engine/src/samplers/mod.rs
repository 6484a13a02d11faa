//! Samplers of diffusion models, with the configuration and the arithmetic of diffusers' schedulers.
//!
//! Every step is a linear combination of the sample and of model outputs. Its coefficients are computed in f64 with
//! `libm` and rounded once to f32; the combination itself is plain f32 in a fixed order. No sampler here draws noise: those
//! that need it say how much after each step ([`Sampler::noise_after`]), and the caller adds it.

mod ddim;
mod dpm;
mod euler;
mod euler_ancestral;
mod lcm;
mod schedule;
mod unipc;

pub use ddim::Ddim;
pub use dpm::DpmSolverMultistep;
pub use euler::EulerDiscrete;
pub use euler_ancestral::EulerAncestral;
pub use lcm::Lcm;
pub use schedule::{alphas_cumprod, BetaSchedule, PredictionType, TimestepSpacing};
pub use unipc::UniPc;

use serde::{Deserialize, Serialize};

/// `scheduler/scheduler_config.json`. Unknown fields are ignored; a missing one has the default that diffusers gives
/// it in that scheduler, but for the betas of LCM, which a [`ModelFolder`](crate::weights::ModelFolder) refuses to go without.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct SchedulerConfig {
	/// `DDIMScheduler`, `EulerDiscreteScheduler`, `EulerAncestralDiscreteScheduler`, `DPMSolverMultistepScheduler` (DPM++
	/// 2M), `UniPCMultistepScheduler` or `LCMScheduler`.
	#[serde(rename = "_class_name")]
	pub class_name: String,
	/// Steps that the model was trained with.
	#[serde(default = "default_train_timesteps")]
	pub num_train_timesteps: usize,
	/// First beta.
	#[serde(default = "default_beta_start")]
	pub beta_start: f64,
	/// Last beta.
	#[serde(default = "default_beta_end")]
	pub beta_end: f64,
	/// How the betas run between them.
	#[serde(default)]
	pub beta_schedule: BetaSchedule,
	/// What the model predicts.
	#[serde(default)]
	pub prediction_type: PredictionType,
	/// Which of the training steps are sampled.
	#[serde(default, skip_serializing_if = "Option::is_none")]
	pub timestep_spacing: Option<TimestepSpacing>,
	/// Added to the training steps with spacing `leading`.
	#[serde(default)]
	pub steps_offset: i64,
	/// Rescale the betas so that the last training step is pure noise.
	#[serde(default)]
	pub rescale_betas_zero_snr: bool,
	/// DDIM (true unless given) and LCM (false unless given): clamp the predicted sample.
	#[serde(default, skip_serializing_if = "Option::is_none")]
	pub clip_sample: Option<bool>,
	/// DDIM and LCM: clamp to ± this.
	#[serde(default = "default_clip_sample_range")]
	pub clip_sample_range: f64,
	/// DDIM: the last step ends at a clean sample rather than at training step 0.
	#[serde(default = "default_true")]
	pub set_alpha_to_one: bool,
	/// Euler, DPM++ and UniPC: the noise levels of Karras et al. (2022).
	#[serde(default)]
	pub use_karras_sigmas: bool,
	/// DPM++ and UniPC: 1 or 2.
	#[serde(default = "default_solver_order")]
	pub solver_order: usize,
	/// DPM++: only `dpmsolver++`.
	#[serde(default = "default_algorithm_type")]
	pub algorithm_type: String,
	/// DPM++: `midpoint` or `heun`; UniPC: `bh1` or, as which it takes these, `bh2`.
	#[serde(default = "default_solver_type")]
	pub solver_type: String,
	/// DPM++: a first-order last step below 15 steps; UniPC: one always.
	#[serde(default = "default_true")]
	pub lower_order_final: bool,
	/// DPM++: a first-order last step always.
	#[serde(default)]
	pub euler_at_final: bool,
	/// Euler, DPM++ and UniPC: `zero` or `sigma_min`.
	#[serde(default = "default_final_sigmas_type")]
	pub final_sigmas_type: String,
	/// Not supported when true.
	#[serde(default)]
	pub thresholding: bool,
	/// LCM: steps of the sampler that the model was distilled from.
	#[serde(default = "default_original_steps", skip_serializing_if = "is_default_original_steps")]
	pub original_inference_steps: usize,
	/// LCM: factor of the training step in the boundary condition.
	#[serde(default = "default_timestep_scaling", skip_serializing_if = "is_default_timestep_scaling")]
	pub timestep_scaling: f64,
	/// UniPC: only true.
	#[serde(default = "default_true", skip_serializing_if = "is_true")]
	pub predict_x0: bool,
	/// UniPC: steps that are not corrected.
	#[serde(default, skip_serializing_if = "Vec::is_empty")]
	pub disable_corrector: Vec<usize>,
}

fn default_train_timesteps() -> usize {
	1000
}

fn default_beta_start() -> f64 {
	0.0001
}

fn default_beta_end() -> f64 {
	0.02
}

fn default_clip_sample_range() -> f64 {
	1.0
}

fn default_true() -> bool {
	true
}

fn default_solver_order() -> usize {
	2
}

fn default_algorithm_type() -> String {
	"dpmsolver++".into()
}

fn default_solver_type() -> String {
	"midpoint".into()
}

fn default_final_sigmas_type() -> String {
	"zero".into()
}

fn default_original_steps() -> usize {
	50
}

fn is_default_original_steps(steps: &usize) -> bool {
	*steps == default_original_steps()
}

fn default_timestep_scaling() -> f64 {
	10.0
}

fn is_default_timestep_scaling(scaling: &f64) -> bool {
	*scaling == default_timestep_scaling()
}

fn is_true(value: &bool) -> bool {
	*value
}

/// A scheduler configuration that cannot be followed, or a number of steps that it cannot make.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct SamplerError(pub String);

/// One run of a sampler: made for a number of steps, then called once per step in order.
pub trait Sampler {
	/// The training step that each sampling step is at, as the model is told it.
	fn timesteps(&self) -> &[f32];

	/// Standard deviation of the initial noise.
	fn initial_sigma(&self) -> f32;

	/// Factor of the sample when it is given to the model at step `i`.
	fn input_scale(&self, i: usize) -> f32;

	/// Factors of a clean latent and of noise whose sum is a sample at the beginning of step `i`: for a run that begins
	/// there, with a picture.
	fn mix(&self, i: usize) -> (f32, f32);

	/// Factor of the fresh normal noise that the caller adds to the sample after step `i`; 0 for none.
	fn noise_after(&self, _i: usize) -> f32 {
		0.0
	}

	/// Replaces the sample of step `i` by the next one, given the model's output at step `i`.
	fn step(&mut self, i: usize, output: &[f32], sample: &mut [f32]);
}

impl SchedulerConfig {
	/// A configuration of the named class with diffusers' defaults.
	pub fn new(class_name: &str) -> Self {
		let json = serde_json::json!({ "_class_name": class_name });
		let usual: Self = serde_json::from_value(json).expect("every other field has a default");
		match class_name {
			"LCMScheduler" => {
				Self { beta_start: 0.00085, beta_end: 0.012, beta_schedule: BetaSchedule::ScaledLinear, ..usual }
			}
			_ => usual,
		}
	}

	/// The share of signal variance after each training step, as diffusers' `alphas_cumprod` has it.
	pub fn alphas_cumprod(&self) -> Vec<f64> {
		schedule::alphas_cumprod(self)
	}

	/// Checks class and settings without making a sampler.
	pub fn check(&self) -> Result<(), SamplerError> {
		self.sampler(1).map(|_| ())
	}

	/// A sampler for `steps` steps, 1 to `num_train_timesteps`.
	pub fn sampler(&self, steps: usize) -> Result<Box<dyn Sampler>, SamplerError> {
		let limit = self.num_train_timesteps;
		if steps == 0 || steps > limit {
			return Err(SamplerError(format!("{steps} steps, the scheduler allows 1 to {limit}")));
		}
		if self.thresholding {
			return Err(SamplerError("thresholding is not supported; set it to false".into()));
		}
		match self.class_name.as_str() {
			"DDIMScheduler" => Ok(Box::new(Ddim::new(self, steps)?)),
			"EulerDiscreteScheduler" => Ok(Box::new(EulerDiscrete::new(self, steps)?)),
			"EulerAncestralDiscreteScheduler" => Ok(Box::new(EulerAncestral::new(self, steps)?)),
			"DPMSolverMultistepScheduler" => Ok(Box::new(DpmSolverMultistep::new(self, steps)?)),
			"UniPCMultistepScheduler" => Ok(Box::new(UniPc::new(self, steps)?)),
			"LCMScheduler" => Ok(Box::new(Lcm::new(self, steps)?)),
			other => Err(SamplerError(format!(
				"scheduler {other:?} is not supported; DDIMScheduler, EulerDiscreteScheduler, \
				 EulerAncestralDiscreteScheduler, DPMSolverMultistepScheduler, UniPCMultistepScheduler and LCMScheduler \
				 are"
			))),
		}
	}
}

/// `sample = a·sample + b·output`.
fn combine(sample: &mut [f32], a: f64, output: &[f32], b: f64) {
	let (a, b) = (a as f32, b as f32);
	for (x, &y) in sample.iter_mut().zip(output) {
		*x = a * *x + b * y;
	}
}

/// Holds every value to ± `range`.
fn clamp(values: &mut [f32], range: f32) {
	for x in values {
		*x = if *x > range { range } else { *x };
		*x = if *x < -range { -range } else { *x };
	}
}

/// The predicted clean sample `a·sample + b·output`.
fn predict(sample: &[f32], a: f64, output: &[f32], b: f64) -> Vec<f32> {
	let mut clean = sample.to_vec();
	combine(&mut clean, a, output, b);
	clean
}
