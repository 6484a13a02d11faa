//! UniPC of first and second order, multistep (Zhao et al., 2023): a predictor, and a corrector that uses the next model
//! output to mend the step before.

use super::dpm::{factors, levels};
use super::schedule::PredictionType;
use super::{combine, predict, Sampler, SamplerError, SchedulerConfig};

/// `UniPCMultistepScheduler` of diffusers, predicting the clean sample.
pub struct UniPc {
	timesteps: Vec<f32>,
	/// One per step and a last one.
	sigmas: Vec<f64>,
	prediction: PredictionType,
	/// B(h) = e^h − 1 ("bh2") rather than h ("bh1").
	exponential: bool,
	order: usize,
	lower_order_final: bool,
	disable_corrector: Vec<usize>,
	last: Option<Last>,
}

/// What a step leaves to the next.
struct Last {
	/// The sample that the step began with, corrected.
	sample: Vec<f32>,
	/// The clean sample predicted from it.
	clean: Vec<f32>,
	/// The one before that.
	before: Option<Vec<f32>>,
	/// Order of the step.
	order: usize,
}

/// What the solution over a step from `from` to `to` is made of.
struct Span {
	/// Factor of the sample.
	keep: f64,
	/// Factor of the clean sample.
	toward: f64,
	/// Factor of the corrections.
	bend: f64,
	/// Right-hand sides of the order conditions.
	conditions: [f64; 2],
	/// Half the logarithm of the signal-to-noise ratio at the start, and its change.
	lambda: f64,
	h: f64,
}

impl UniPc {
	/// A run of `steps` steps.
	pub fn new(config: &SchedulerConfig, steps: usize) -> Result<Self, SamplerError> {
		if !config.predict_x0 || !(1..=2).contains(&config.solver_order) {
			return Err(SamplerError(format!(
				"UniPCMultistepScheduler with predict_x0 {} and solver_order {} is not supported; true with order 1 or 2 is",
				config.predict_x0, config.solver_order
			)));
		}
		let exponential = match config.solver_type.as_str() {
			"bh1" => false,
			// The names that other solvers have stand for the default, as in diffusers.
			"bh2" | "midpoint" | "heun" | "logrho" => true,
			other => return Err(SamplerError(format!("solver_type {other:?} is not supported; bh1 and bh2 are"))),
		};
		let (chosen, sigmas) = levels(config, steps)?;
		Ok(Self {
			timesteps: chosen.iter().map(|t| *t as f32).collect(),
			sigmas,
			prediction: config.prediction_type,
			exponential,
			order: config.solver_order,
			lower_order_final: config.lower_order_final || config.final_sigmas_type == "zero",
			disable_corrector: config.disable_corrector.clone(),
			last: None,
		})
	}

	fn span(&self, from: usize, to: usize) -> Span {
		let (_, noise, lambda) = factors(self.sigmas[from]);
		let (alpha_next, noise_next, lambda_next) = factors(self.sigmas[to]);
		let h = lambda_next - lambda;
		let decay = libm::expm1(-h);
		let b = if self.exponential { decay } else { -h };
		let first = decay / -h - 1.0;
		let second = first / -h - 0.5;
		Span {
			keep: noise_next / noise,
			toward: -alpha_next * decay,
			bend: -alpha_next * b,
			conditions: [first / b, second * 2.0 / b],
			lambda,
			h,
		}
	}

	/// Where the predictions before a span's start lie, in parts of the span; below 0.
	fn ratio(&self, before: usize, span: &Span) -> f64 {
		let (_, _, lambda) = factors(self.sigmas[before]);
		(lambda - span.lambda) / span.h
	}

	/// Mends the sample that step `i` begins with, now that the clean sample there is predicted.
	fn correct(&self, i: usize, last: &Last, clean: &[f32], sample: &mut [f32]) {
		let span = self.span(i - 1, i);
		let before = last.before.as_ref().filter(|_| last.order == 2);
		// The order conditions: for two unknowns a + b = c₀ and r·a + b = c₁.
		let (past, now) = match before {
			Some(_) => {
				let ratio = self.ratio(i - 2, &span);
				let past = (span.conditions[0] - span.conditions[1]) / (1.0 - ratio);
				(past / ratio, span.conditions[0] - past)
			}
			None => (0.0, 0.5),
		};
		sample.copy_from_slice(&last.sample);
		combine(sample, span.keep, &last.clean, span.toward);
		if let Some(before) = before {
			lean(sample, span.bend * past, before, &last.clean);
		}
		lean(sample, span.bend * now, clean, &last.clean);
	}
}

/// `sample += a·(to − from)`.
fn lean(sample: &mut [f32], a: f64, to: &[f32], from: &[f32]) {
	let a = a as f32;
	for ((x, to), from) in sample.iter_mut().zip(to).zip(from) {
		*x += a * (to - from);
	}
}

impl Sampler for UniPc {
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
		let (alpha, noise, _) = factors(self.sigmas[i]);
		let clean = match self.prediction {
			PredictionType::Epsilon => predict(sample, 1.0 / alpha, output, -noise / alpha),
			PredictionType::VPrediction => predict(sample, alpha, output, -noise),
			PredictionType::Sample => output.to_vec(),
		};
		let last = self.last.take();
		if let Some(last) = last.as_ref().filter(|_| i > 0 && !self.disable_corrector.contains(&(i - 1))) {
			self.correct(i, last, &clean, sample);
		}
		let left = self.timesteps.len() - i;
		let most = if self.lower_order_final && left < self.order { left } else { self.order };
		let before = last.map(|last| last.clean);
		let order = if before.is_some() { most } else { 1 };
		let start = sample.to_vec();
		let span = self.span(i, i + 1);
		combine(sample, span.keep, &clean, span.toward);
		if let Some(before) = before.as_ref().filter(|_| order == 2) {
			lean(sample, span.bend * 0.5 / self.ratio(i - 1, &span), before, &clean);
		}
		self.last = Some(Last { sample: start, clean, before, order });
	}
}
