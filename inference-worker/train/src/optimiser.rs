//! AdamW with exact element-wise arithmetic, gradient clipping and a moving average of the weights.

use crate::store::VarStore;
use anyhow::{bail, Context, Result};
use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor, Var};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;

/// Settings of AdamW (Loshchilov and Hutter, 2019) and of the moving average.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimiserConfig {
	/// Decay of the first moment, 0 to 1.
	pub beta1: f64,
	/// Decay of the second moment, 0 to 1.
	pub beta2: f64,
	/// Added to the root of the second moment.
	pub epsilon: f64,
	/// Share of a weight that is removed per step, times the learning rate; only weights of two or more dimensions.
	pub weight_decay: f64,
	/// Largest Euclidean norm of all gradients together; larger ones are scaled down.
	pub clip: f64,
	/// Decay of the moving average of the weights. The first steps use (1 + step) / (10 + step) where that is smaller.
	pub average: f64,
}

/// A stretch of steps with one batch size and one course of the learning rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
	/// Number of steps that the course of the learning rate is laid out for.
	pub steps: u64,
	/// Steps over which the learning rate first rises linearly from 0.
	pub warmup: u64,
	/// Highest learning rate.
	pub learning_rate: f64,
	/// Learning rate at the end; in between it follows half a cosine.
	pub final_learning_rate: f64,
	/// Samples per step (pictures), or tokens per step (text).
	pub batch: usize,
	/// Ends the phase after this many of its steps, with the learning rate in mid-course.
	#[serde(default, skip_serializing_if = "Option::is_none")]
	pub cut: Option<u64>,
}

impl Phase {
	/// Steps that are made.
	pub fn length(&self) -> u64 {
		self.cut.map_or(self.steps, |cut| cut.min(self.steps))
	}
}

/// The phase that `step` (from 0) lies in, and its learning rate. After the last phase, that phase's last step.
///
/// # Errors
/// If there is no phase.
pub fn phase_at(phases: &[Phase], step: u64) -> Result<(&Phase, f64)> {
	let mut start = 0;
	for (i, phase) in phases.iter().enumerate() {
		if step < start + phase.length() || i + 1 == phases.len() {
			let at = (step - start).min(phase.length().saturating_sub(1));
			return Ok((phase, learning_rate(phase, at)));
		}
		start += phase.length();
	}
	bail!("a recipe needs at least one phase")
}

fn learning_rate(phase: &Phase, at: u64) -> f64 {
	if at < phase.warmup {
		return phase.learning_rate * (at + 1) as f64 / phase.warmup as f64;
	}
	let length = phase.steps.saturating_sub(phase.warmup).max(1);
	let course = (at - phase.warmup) as f64 / length as f64;
	let share = 0.5 + 0.5 * libm::cos(core::f64::consts::PI * course);
	phase.final_learning_rate + (phase.learning_rate - phase.final_learning_rate) * share
}

struct Slot {
	name: String,
	var: Var,
	value: Vec<f32>,
	first: Vec<f32>,
	second: Vec<f32>,
	average: Vec<f32>,
}

/// Weights, moments and averages of a run. The state after a step depends only on the state before and the gradients.
pub struct AdamW {
	config: OptimiserConfig,
	slots: Vec<Slot>,
	step: u64,
}

impl AdamW {
	/// Starts at step 0 with the current values of the store.
	///
	/// # Errors
	/// If a weight is not f32.
	pub fn new(store: &VarStore, config: OptimiserConfig) -> Result<Self> {
		let mut slots = Vec::new();
		for (name, var) in store.vars() {
			let value = var.flatten_all()?.to_vec1::<f32>().with_context(|| format!("weight {name}"))?;
			let zeros = vec![0f32; value.len()];
			slots.push(Slot { name, var, first: zeros.clone(), second: zeros, average: value.clone(), value });
		}
		Ok(Self { config, slots, step: 0 })
	}

	/// Number of steps made.
	pub fn step_number(&self) -> u64 {
		self.step
	}

	/// The moving averages, in the order of [`VarStore::vars`].
	pub fn averages(&self) -> Vec<Vec<f32>> {
		self.slots.iter().map(|slot| slot.average.clone()).collect()
	}

	/// Applies one step and returns the norm of the gradients before clipping.
	///
	/// # Errors
	/// If a weight has no gradient (the message names it) or the norm is not finite.
	pub fn step(&mut self, gradients: &GradStore, learning_rate: f64) -> Result<f64> {
		let mut all = Vec::with_capacity(self.slots.len());
		for slot in &self.slots {
			let Some(gradient) = gradients.get(&slot.var) else {
				bail!("weight {} got no gradient: an operation of the model does not pass it on", slot.name);
			};
			all.push(gradient.contiguous()?.flatten_all()?.to_vec1::<f32>()?);
		}
		// One fixed order: elements of a weight from first to last, weights in name order.
		let squares: Vec<f64> = all
			.par_iter()
			.map(|gradient| gradient.iter().fold(0.0, |sum, g| sum + f64::from(*g) * f64::from(*g)))
			.collect();
		let norm = squares.iter().fold(0.0, |sum, s| sum + s).sqrt();
		if !norm.is_finite() {
			bail!("the gradient norm is {norm} at step {}: lower the learning rate", self.step);
		}
		let scale = if norm > self.config.clip { (self.config.clip / norm) as f32 } else { 1.0 };
		let c = &self.config;
		let n = (self.step + 1) as f64;
		let rise1 = 1.0 - libm::pow(c.beta1, n);
		let rise2 = 1.0 - libm::pow(c.beta2, n);
		let decay_average = c.average.min((1.0 + self.step as f64) / (10.0 + self.step as f64)) as f32;
		let (beta1, beta2, epsilon) = (c.beta1 as f32, c.beta2 as f32, c.epsilon as f32);
		let (rate, root2) = ((learning_rate / rise1) as f32, libm::sqrt(rise2) as f32);
		self.slots.par_iter_mut().zip(all.par_iter()).try_for_each(|(slot, gradient)| -> Result<()> {
			let decay = if slot.var.rank() >= 2 { (learning_rate * c.weight_decay) as f32 } else { 0.0 };
			for (i, gradient) in gradient.iter().enumerate() {
				let g = gradient * scale;
				slot.first[i] = beta1 * slot.first[i] + (1.0 - beta1) * g;
				slot.second[i] = beta2 * slot.second[i] + (1.0 - beta2) * (g * g);
				let move_by = rate * slot.first[i] / (slot.second[i].sqrt() / root2 + epsilon);
				slot.value[i] = slot.value[i] * (1.0 - decay) - move_by;
				slot.average[i] = slot.average[i] * decay_average + slot.value[i] * (1.0 - decay_average);
			}
			slot.var.set(&Tensor::from_slice(&slot.value, slot.var.shape(), &Device::Cpu)?)?;
			Ok(())
		})?;
		self.step += 1;
		Ok(norm)
	}

	/// Writes the whole state to a safetensors file, through a temporary file beside it.
	///
	/// # Errors
	/// If the file cannot be written.
	pub fn save(&self, path: &Path, recipe: &str) -> Result<()> {
		let mut tensors: HashMap<String, Tensor> = HashMap::new();
		for slot in &self.slots {
			for (kind, values) in
				[("value", &slot.value), ("first", &slot.first), ("second", &slot.second), ("average", &slot.average)]
			{
				let tensor = Tensor::from_slice(values, slot.var.shape(), &Device::Cpu)?;
				tensors.insert(format!("{kind}/{}", slot.name), tensor);
			}
		}
		let about =
			HashMap::from([("step".to_owned(), self.step.to_string()), ("recipe".to_owned(), recipe.to_owned())]);
		let part = path.with_extension("part");
		safetensors::serialize_to_file(&tensors, Some(about), &part)
			.with_context(|| format!("cannot write {}", part.display()))?;
		std::fs::rename(&part, path).with_context(|| format!("cannot rename {} into place", part.display()))
	}

	/// Takes the state from a file written by [`AdamW::save`]; later steps then have the same bits as without a break.
	///
	/// # Errors
	/// If the file is damaged, belongs to another recipe, or lacks a weight.
	pub fn load(&mut self, path: &Path, recipe: &str) -> Result<()> {
		let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
		let (_, about) = safetensors::SafeTensors::read_metadata(&bytes)
			.with_context(|| format!("{} is not a safetensors file", path.display()))?;
		let about = about.metadata().clone().unwrap_or_default();
		let written = about.get("recipe").map_or("none", String::as_str);
		if written != recipe {
			bail!(
				"{} was written by another recipe ({written}, this one is {recipe}): delete it or train into another folder",
				path.display()
			);
		}
		let step = about.get("step").and_then(|s| s.parse().ok());
		let step = step.with_context(|| format!("{} has no step number", path.display()))?;
		let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu)?;
		for slot in &mut self.slots {
			let read = |kind: &str| -> Result<Vec<f32>> {
				let key = format!("{kind}/{}", slot.name);
				let tensor = tensors.get(&key).with_context(|| format!("{} lacks {key}", path.display()))?;
				if tensor.shape() != slot.var.shape() {
					bail!("{key} has shape {:?}, the model needs {:?}", tensor.shape(), slot.var.shape());
				}
				Ok(tensor.flatten_all()?.to_vec1::<f32>()?)
			};
			let (value, first, second, average) = (read("value")?, read("first")?, read("second")?, read("average")?);
			slot.var.set(&Tensor::from_slice(&value, slot.var.shape(), &Device::Cpu)?)?;
			(slot.value, slot.first, slot.second, slot.average) = (value, first, second, average);
		}
		self.step = step;
		Ok(())
	}
}

/// What a checkpoint says it is of: what was given to [`AdamW::save`].
pub(crate) fn checkpoint_recipe(path: &Path) -> Result<String> {
	let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
	let (_, about) = safetensors::SafeTensors::read_metadata(&bytes)
		.with_context(|| format!("{} is not a safetensors file", path.display()))?;
	let recipe = about.metadata().as_ref().and_then(|about| about.get("recipe")).cloned();
	recipe.with_context(|| format!("{} does not say what it is a checkpoint of", path.display()))
}

#[cfg(test)]
mod tests {
	use super::*;

	fn phase(steps: u64, warmup: u64, from: f64, to: f64) -> Phase {
		Phase { steps, warmup, learning_rate: from, final_learning_rate: to, batch: 1, cut: None }
	}

	#[test]
	fn learning_rate_should_rise_then_fall_when_steps_pass() {
		let phases = [phase(10, 2, 1.0, 0.0), phase(4, 0, 0.5, 0.1)];
		let rate = |step| phase_at(&phases, step).unwrap().1;
		assert_eq!(rate(0), 0.5);
		assert_eq!(rate(1), 1.0);
		assert_eq!(rate(2), 1.0);
		assert!(rate(9) < 0.1 && rate(9) > 0.0);
		assert_eq!(rate(10), 0.5);
		assert_eq!(rate(13), rate(99));
		assert!(phase_at(&[], 0).is_err());
		let cut = [Phase { cut: Some(4), ..phases[0].clone() }, phases[1].clone()];
		assert_eq!(phase_at(&cut, 3).unwrap().1, rate(3));
		assert_eq!(phase_at(&cut, 4).unwrap().1, 0.5);
	}

	#[test]
	fn step_should_name_the_weight_when_it_has_no_gradient() {
		let store = VarStore::new([1; 32]);
		let used = store.builder().get((2, 2), "used.weight").unwrap();
		store.builder().get((2, 2), "forgotten.weight").unwrap();
		let mut adam = AdamW::new(&store, config()).unwrap();
		let gradients = autonomy_kernels::sum_all(&used).unwrap().backward().unwrap();
		let error = adam.step(&gradients, 0.1).unwrap_err().to_string();
		assert!(error.contains("forgotten.weight"), "{error}");
	}

	#[test]
	fn step_should_lower_a_quadratic() {
		let store = VarStore::new([1; 32]);
		let w = store.builder().get((3, 2), "w.weight").unwrap();
		let mut adam = AdamW::new(&store, config()).unwrap();
		let loss = || autonomy_kernels::sum_all(&w.sqr().unwrap()).unwrap();
		let before = loss().to_scalar::<f32>().unwrap();
		for _ in 0..50 {
			adam.step(&loss().backward().unwrap(), 0.02).unwrap();
		}
		let after = loss().to_scalar::<f32>().unwrap();
		assert!(after < before * 0.3, "{before} -> {after}");
	}

	fn config() -> OptimiserConfig {
		OptimiserConfig { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weight_decay: 0.0, clip: 100.0, average: 0.99 }
	}
}
