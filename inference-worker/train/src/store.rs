//! Trainable weights: created on demand while a model is built, with initial values that depend only on seed and name.

use anyhow::{bail, Context, Result};
use autonomy_kernels::rng::Noise;
use candle_core::{DType, Device, Shape, Tensor, Var};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Named trainable tensors (f32, CPU), in name order. Clones share the tensors.
#[derive(Clone)]
pub struct VarStore {
	seed: [u8; 32],
	vars: Arc<Mutex<BTreeMap<String, Var>>>,
}

impl VarStore {
	/// An empty store. Equal seeds give equal initial values for equal names and shapes.
	pub fn new(seed: [u8; 32]) -> Self {
		Self { seed, vars: Arc::default() }
	}

	/// A builder that creates the weights a model asks for.
	pub fn builder(&self) -> VarBuilder<'static> {
		VarBuilder::from_backend(Box::new(self.clone()), DType::F32, Device::Cpu)
	}

	/// Adds a weight that starts with a given value (f32, CPU), or gives the one of this name.
	///
	/// # Errors
	/// If the weight is there with another shape.
	pub fn insert(&self, name: &str, value: &Tensor) -> candle_core::Result<Tensor> {
		let mut vars = self.vars.lock().unwrap_or_else(PoisonError::into_inner);
		if let Some(var) = vars.get(name) {
			if var.shape() != value.shape() {
				candle_core::bail!("weight {name} has shape {:?}, given was {:?}", var.shape(), value.shape());
			}
			return Ok(var.as_tensor().clone());
		}
		let var = Var::from_tensor(value)?;
		vars.insert(name.to_owned(), var.clone());
		Ok(var.as_tensor().clone())
	}

	/// All weights in name order.
	pub fn vars(&self) -> Vec<(String, Var)> {
		let vars = self.vars.lock().unwrap_or_else(PoisonError::into_inner);
		vars.iter().map(|(name, var)| (name.clone(), var.clone())).collect()
	}

	/// Number of trainable values.
	pub fn parameters(&self) -> usize {
		self.vars().iter().map(|(_, var)| var.elem_count()).sum()
	}

	/// The weights under `prefix` (which ends with a dot or is empty), without the prefix, filled from `values`: one
	/// vector per weight in the order of [`VarStore::vars`]. The shipped precision is f16, rounded to nearest even.
	///
	/// # Errors
	/// If `values` does not have one vector of the right length per weight.
	pub fn export(&self, prefix: &str, values: &[Vec<f32>]) -> Result<BTreeMap<String, Tensor>> {
		let vars = self.vars();
		if vars.len() != values.len() {
			bail!("{} vectors given for {} weights", values.len(), vars.len());
		}
		let mut out = BTreeMap::new();
		for ((name, var), value) in vars.iter().zip(values) {
			if let Some(short) = name.strip_prefix(prefix) {
				let tensor = Tensor::from_slice(value, var.shape(), &Device::Cpu)
					.with_context(|| format!("weight {name} with {} values", value.len()))?;
				out.insert(short.to_owned(), tensor.to_dtype(DType::F16)?);
			}
		}
		Ok(out)
	}

	fn initial(&self, name: &str, shape: &Shape) -> candle_core::Result<Tensor> {
		let count = shape.elem_count();
		let values = match initial(name, shape.dims()) {
			Initial::Constant(value) => vec![value; count],
			Initial::Normal(deviation) => {
				let key: [u8; 32] = Sha256::new().chain_update(self.seed).chain_update(name).finalize().into();
				Noise::new(key).normal(0, 0, count).iter().map(|v| v * deviation).collect()
			}
		};
		Tensor::from_vec(values, shape, &Device::Cpu)
	}
}

impl SimpleBackend for VarStore {
	fn get(&self, shape: Shape, name: &str, _: Init, dtype: DType, device: &Device) -> candle_core::Result<Tensor> {
		if dtype != DType::F32 || !device.is_cpu() {
			candle_core::bail!("weight {name}: training needs f32 on the CPU, got {dtype:?} on {device:?}");
		}
		let mut vars = self.vars.lock().unwrap_or_else(PoisonError::into_inner);
		if let Some(var) = vars.get(name) {
			if var.shape() != &shape {
				candle_core::bail!("weight {name} has shape {:?}, asked for as {shape:?}", var.shape());
			}
			return Ok(var.as_tensor().clone());
		}
		let var = Var::from_tensor(&self.initial(name, &shape)?)?;
		vars.insert(name.to_owned(), var.clone());
		Ok(var.as_tensor().clone())
	}

	fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> candle_core::Result<Tensor> {
		let vars = self.vars.lock().unwrap_or_else(PoisonError::into_inner);
		match vars.get(name) {
			Some(var) => Ok(var.as_tensor().clone()),
			None => candle_core::bail!("weight {name} does not exist yet and no shape was given"),
		}
	}

	fn contains_tensor(&self, name: &str) -> bool {
		self.vars.lock().unwrap_or_else(PoisonError::into_inner).contains_key(name)
	}
}

#[derive(Debug, PartialEq)]
enum Initial {
	Constant(f32),
	/// Standard deviation.
	Normal(f32),
}

/// Last layers of residual branches start small, so that a new network is close to the identity.
const BRANCH_ENDS: [&str; 6] =
	["conv2.weight", "proj_out.weight", "to_out.0.weight", "ff.net.2.weight", "o_proj.weight", "down_proj.weight"];

fn initial(name: &str, dims: &[usize]) -> Initial {
	if name.ends_with(".bias") {
		return Initial::Constant(0.0);
	}
	if dims.len() < 2 {
		return Initial::Constant(1.0);
	}
	const EMBEDDINGS: [(&str, f32); 3] =
		[("embed_tokens.weight", 0.05), ("token_embedding.weight", 0.3), ("position_embedding.weight", 0.1)];
	if let Some((_, deviation)) = EMBEDDINGS.iter().find(|(end, _)| name.ends_with(end)) {
		return Initial::Normal(*deviation);
	}
	let fan_in: usize = dims[1..].iter().product();
	let gain =
		if BRANCH_ENDS.iter().any(|end| name.ends_with(end)) || name.ends_with("conv_out.weight") { 0.3 } else { 1.0 };
	Initial::Normal(gain / libm::sqrtf(fan_in as f32))
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn weights_should_be_equal_when_seed_and_name_are_equal() {
		let values = |seed: u8, name: &str| {
			let store = VarStore::new([seed; 32]);
			let tensor = store.builder().get((4, 3), name).unwrap();
			tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap()
		};
		assert_eq!(values(1, "a.weight"), values(1, "a.weight"));
		assert_ne!(values(1, "a.weight"), values(2, "a.weight"));
		assert_ne!(values(1, "a.weight"), values(1, "b.weight"));
	}

	#[test]
	fn initial_values_should_follow_the_role_of_the_weight() {
		assert_eq!(initial("down.norm1.weight", &[8]), Initial::Constant(1.0));
		assert_eq!(initial("down.conv1.bias", &[8]), Initial::Constant(0.0));
		assert_eq!(initial("down.conv1.weight", &[8, 4, 2, 2]), Initial::Normal(0.25));
		assert_eq!(initial("down.conv2.weight", &[8, 4, 2, 2]), Initial::Normal(0.3 / 4.0));
	}

	#[test]
	fn store_should_refuse_another_shape_when_a_weight_exists() {
		let store = VarStore::new([0; 32]);
		store.builder().get((2, 2), "w.weight").unwrap();
		let error = store.builder().get((2, 3), "w.weight").unwrap_err().to_string();
		assert!(error.contains("w.weight") && error.contains("[2, 2]"), "{error}");
	}
}
