//! The weights of an existing model with what is trained on top of them.

use super::Lora;
use crate::store::VarStore;
use anyhow::{bail, Context, Result};
use autonomy_engine::nn;
use autonomy_engine::weights::ModelFolder;
use candle_core::{DType, Device, Shape, Tensor};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Tensors (f32) by name.
pub(super) type Tensors = BTreeMap<String, Tensor>;

/// Layers that a target stands for; any other target is the end of a layer's name.
pub(super) const GROUPS: [(&str, &[&str]); 5] = [
	("attn", &["to_q", "to_k", "to_v", "to_out.0", "q_proj", "k_proj", "v_proj", "o_proj"]),
	("ff", &["ff.net.0.proj", "ff.net.2", "gate_proj", "up_proj", "down_proj"]),
	("proj", &["proj_in", "proj_out"]),
	("conv", &["conv", "conv1", "conv2", "conv_shortcut", "conv_in", "conv_out"]),
	("time", &["time_emb_proj", "linear_1", "linear_2"]),
];
/// Tables are no layers, whatever a target says.
const TABLES: [&str; 3] = ["embed_tokens", "token_embedding", "position_embedding"];

/// Notes every tensor that a network takes while it is built.
struct Recorder {
	inner: VarBuilder<'static>,
	seen: Arc<Mutex<Tensors>>,
}

impl Recorder {
	fn note(&self, name: &str, tensor: &Tensor) {
		self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), tensor.clone());
	}
}

impl SimpleBackend for Recorder {
	fn get(&self, shape: Shape, name: &str, hint: Init, _: DType, _: &Device) -> candle_core::Result<Tensor> {
		let tensor = self.inner.get_with_hints(shape, name, hint)?;
		self.note(name, &tensor);
		Ok(tensor)
	}

	fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> candle_core::Result<Tensor> {
		let tensor = self.inner.get_unchecked(name)?;
		self.note(name, &tensor);
		Ok(tensor)
	}

	fn contains_tensor(&self, name: &str) -> bool {
		self.inner.contains_tensor(name)
	}
}

/// The tensors that `build` takes of `{component}/{stem}.safetensors`, with `prefix` before their names.
pub(super) fn read<T>(
	folder: &ModelFolder,
	(component, stem, prefix): (&str, &str, &str),
	build: impl FnOnce(VarBuilder<'static>) -> candle_core::Result<T>,
) -> Result<Tensors> {
	let seen = Arc::new(Mutex::new(Tensors::new()));
	let recorder = Recorder { inner: folder.tensors(component, stem)?, seen: seen.clone() };
	// Only the names of its tensors are wanted.
	nn::without_copies(|| build(VarBuilder::from_backend(Box::new(recorder), DType::F32, Device::Cpu)))
		.with_context(|| format!("{component}/{stem}.safetensors").trim_start_matches('/').to_owned())?;
	let seen = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
	Ok(seen.into_iter().map(|(name, tensor)| (format!("{prefix}{name}"), tensor)).collect())
}

/// What stands in the place of a tensor of the base.
#[derive(Clone)]
enum Over {
	/// Another tensor.
	Whole(Tensor),
	/// The base's, plus `scale · up · down` (Hu et al., 2021).
	LowRank { down: Tensor, up: Tensor, scale: f64 },
}

/// Names of the two trained parts of an adapted layer, as PEFT has them.
fn parts(weight: &str) -> (String, String) {
	let layer = weight.strip_suffix(".weight").unwrap_or(weight);
	(format!("{layer}.lora_A.weight"), format!("{layer}.lora_B.weight"))
}

/// `scale · up · down`, in the shape of the weight that it is added to. A convolution's `down` is a convolution to as many
/// channels as the rank, its `up` one of 1×1 (as in LoCon), and their composition is the same product of matrices.
fn product(down: &Tensor, up: &Tensor, scale: f64, shape: &Shape) -> candle_core::Result<Tensor> {
	let product = autonomy_kernels::matmul(&up.flatten_from(1)?, &down.flatten_from(1)?)?;
	let product = if scale == 1.0 { product } else { product.affine(scale, 0.0)? };
	product.reshape(shape)
}

/// A source of weights for networks. Networks are built from it anew for every step: an adapted weight is a node of the
/// step's graph, so its parts get their gradients from the weight's.
#[derive(Clone)]
pub(super) struct Graft {
	base: Arc<Tensors>,
	over: Arc<BTreeMap<String, Over>>,
}

impl Graft {
	/// The base as it is.
	pub(super) fn plain(base: Arc<Tensors>) -> Self {
		Self { base, over: Arc::default() }
	}

	/// Trains the tensors whose names `wanted` accepts.
	pub(super) fn full(base: Arc<Tensors>, store: &VarStore, wanted: impl Fn(&str) -> bool) -> Result<Self> {
		let mut over = BTreeMap::new();
		for (name, tensor) in base.iter().filter(|(name, _)| wanted(name)) {
			over.insert(name.clone(), Over::Whole(store.insert(name, tensor)?));
		}
		Ok(Self { base, over: Arc::new(over) })
	}

	/// Trains adapters on the layers that the targets name, among those that `wanted` accepts.
	pub(super) fn lora(
		base: Arc<Tensors>,
		store: &VarStore,
		lora: &Lora,
		wanted: impl Fn(&str) -> bool,
	) -> Result<Self> {
		let layers = layers(&base, &wanted);
		if let Some(target) = lora.targets.iter().find(|target| !layers.iter().any(|layer| is_target(layer, target))) {
			let groups: Vec<_> = GROUPS.iter().map(|(group, _)| *group).collect();
			bail!(
				"target {target:?} names no layer of the model; use some of {} or the end of a layer's name, such as {:?}",
				groups.join(", "),
				layers.first().copied().unwrap_or_default()
			);
		}
		let mut over = BTreeMap::new();
		for layer in layers.into_iter().filter(|layer| lora.targets.iter().any(|target| is_target(layer, target))) {
			let name = format!("{layer}.weight");
			let tensor = base.get(&name).with_context(|| format!("tensor {name} is missing"))?;
			let (outputs, mut down, mut up) = (tensor.dims()[0], tensor.dims().to_vec(), vec![1; tensor.rank()]);
			down[0] = lora.rank;
			(up[0], up[1]) = (outputs, lora.rank);
			let (down_name, up_name) = parts(&name);
			let down = store.builder().get(down, &down_name)?;
			let up = store.insert(&up_name, &Tensor::zeros(up, DType::F32, &Device::Cpu)?)?;
			over.insert(name, Over::LowRank { down, up, scale: lora.alpha / lora.rank as f64 });
		}
		Ok(Self { base, over: Arc::new(over) })
	}

	/// A builder for networks over these weights.
	pub(super) fn builder(&self) -> VarBuilder<'static> {
		VarBuilder::from_backend(Box::new(self.clone()), DType::F32, Device::Cpu)
	}

	/// The trained weights of the model if those of the store were `values`: one vector per weight in the order of
	/// [`VarStore::vars`].
	pub(super) fn merged(&self, store: &VarStore, values: &[Vec<f32>]) -> Result<Tensors> {
		let given = given(store, values)?;
		let find = |name: &str| given.get(name).with_context(|| format!("weight {name} is not in the store"));
		let mut merged = Tensors::new();
		for (name, over) in self.over.iter() {
			let tensor = match over {
				Over::Whole(_) => find(name)?.clone(),
				Over::LowRank { scale, .. } => {
					let (down, up) = parts(name);
					let base = self.base.get(name).with_context(|| format!("tensor {name} is missing"))?;
					add(base, &product(find(&down)?, find(&up)?, *scale, base.shape())?)?
				}
			};
			merged.insert(name.clone(), tensor);
		}
		Ok(merged)
	}

	/// The adapter if the weights of the store were `values`, in f16. Its `B` is multiplied by alpha over rank, so that
	/// whoever reads it needs no alpha.
	pub(super) fn adapter(&self, store: &VarStore, values: &[Vec<f32>], prefix: &str) -> Result<Tensors> {
		let given = given(store, values)?;
		let mut adapter = Tensors::new();
		for (name, over) in self.over.iter() {
			let Over::LowRank { scale, .. } = over else { continue };
			let (down, up) = parts(name);
			for (name, scale) in [(down, 1.0), (up, *scale)] {
				let tensor = given.get(&name).with_context(|| format!("weight {name} is not in the store"))?;
				adapter.insert(format!("{prefix}{name}"), tensor.affine(scale, 0.0)?.to_dtype(DType::F16)?);
			}
		}
		Ok(adapter)
	}

	fn tensor(&self, name: &str) -> candle_core::Result<Tensor> {
		let Some(base) = self.base.get(name) else { candle_core::bail!("tensor {name} is missing") };
		match self.over.get(name) {
			None => Ok(base.clone()),
			Some(Over::Whole(tensor)) => Ok(tensor.clone()),
			Some(Over::LowRank { down, up, scale }) => base + product(down, up, *scale, base.shape())?,
		}
	}
}

impl SimpleBackend for Graft {
	fn get(&self, shape: Shape, name: &str, _: Init, _: DType, _: &Device) -> candle_core::Result<Tensor> {
		let tensor = self.tensor(name)?;
		if tensor.shape() != &shape {
			candle_core::bail!("tensor {name} has shape {:?}, the configuration asks for {shape:?}", tensor.shape());
		}
		Ok(tensor)
	}

	fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> candle_core::Result<Tensor> {
		self.tensor(name)
	}

	fn contains_tensor(&self, name: &str) -> bool {
		self.base.contains_key(name)
	}
}

/// Names of the linear and convolution layers.
fn layers(base: &Tensors, wanted: impl Fn(&str) -> bool) -> Vec<&str> {
	let weights = base.iter().filter(|(name, tensor)| wanted(name) && matches!(tensor.rank(), 2 | 4));
	let layers = weights.filter_map(|(name, _)| name.strip_suffix(".weight"));
	layers.filter(|layer| !TABLES.iter().any(|table| ends_with_part(layer, table))).collect()
}

/// The groups that name a layer of the model.
pub(super) fn groups(base: &Tensors, wanted: impl Fn(&str) -> bool) -> Vec<String> {
	let layers = layers(base, wanted);
	let used = GROUPS.iter().filter(|(group, _)| layers.iter().any(|layer| is_target(layer, group)));
	used.map(|(group, _)| (*group).to_owned()).collect()
}

fn ends_with_part(layer: &str, end: &str) -> bool {
	layer.strip_suffix(end).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

fn is_target(layer: &str, target: &str) -> bool {
	match GROUPS.iter().find(|(group, _)| *group == target) {
		Some((_, members)) => members.iter().any(|member| ends_with_part(layer, member)),
		None => ends_with_part(layer, target),
	}
}

/// The values of a store's weights as tensors.
fn given(store: &VarStore, values: &[Vec<f32>]) -> Result<Tensors> {
	let vars = store.vars();
	if vars.len() != values.len() {
		bail!("{} vectors given for {} weights", values.len(), vars.len());
	}
	let tensor = |((name, var), value): ((String, candle_core::Var), &Vec<f32>)| -> Result<(String, Tensor)> {
		let tensor = Tensor::from_slice(value, var.shape(), &Device::Cpu)
			.with_context(|| format!("weight {name} with {} values", value.len()))?;
		Ok((name, tensor))
	};
	vars.into_iter().zip(values).map(tensor).collect()
}

/// The sum. Where nothing is added the base's bits stay: −0 + 0 would be +0.
fn add(base: &Tensor, delta: &Tensor) -> Result<Tensor> {
	let delta = delta.flatten_all()?.to_vec1::<f32>()?;
	let mut values = base.flatten_all()?.to_vec1::<f32>()?;
	for (value, delta) in values.iter_mut().zip(delta) {
		if delta != 0.0 {
			*value += delta;
		}
	}
	Ok(Tensor::from_vec(values, base.shape(), &Device::Cpu)?)
}

#[cfg(test)]
mod tests {
	use super::*;

	fn base() -> Arc<Tensors> {
		let tensor = |values: Vec<f32>, shape: &[usize]| Tensor::from_vec(values, shape, &Device::Cpu).unwrap();
		let linear = tensor(vec![1.0, -0.0, 0.5, -2.0, 0.0, 3.0], &[2, 3]);
		let conv = tensor((0..36).map(|i| i as f32 - 18.0).collect(), &[2, 2, 3, 3]);
		let table = tensor(vec![0.0; 8], &[4, 2]);
		let tensors = [
			("attn.to_q.weight", linear),
			("block.conv1.weight", conv),
			("block.conv1.bias", tensor(vec![0.0; 2], &[2])),
			("embed_tokens.weight", table),
		];
		Arc::new(tensors.into_iter().map(|(name, tensor)| (name.to_owned(), tensor)).collect())
	}

	fn lora(targets: &[&str]) -> Lora {
		Lora { rank: 2, alpha: 1.0, targets: targets.iter().map(|target| (*target).to_owned()).collect() }
	}

	fn bits(tensor: &Tensor) -> Vec<u32> {
		tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap().into_iter().map(f32::to_bits).collect()
	}

	fn start(store: &VarStore) -> Vec<Vec<f32>> {
		store.vars().iter().map(|(_, var)| var.flatten_all().unwrap().to_vec1().unwrap()).collect()
	}

	#[test]
	fn merged_weights_should_have_the_bits_of_the_base_when_nothing_was_trained() {
		let (base, store) = (base(), VarStore::new([1; 32]));
		let graft = Graft::lora(base.clone(), &store, &lora(&["attn", "conv"]), |_| true).unwrap();
		let merged = graft.merged(&store, &start(&store)).unwrap();
		assert_eq!(merged.keys().collect::<Vec<_>>(), ["attn.to_q.weight", "block.conv1.weight"]);
		for (name, tensor) in &merged {
			assert_eq!(bits(tensor), bits(&base[name]), "{name}");
		}
		let store = VarStore::new([1; 32]);
		let graft = Graft::full(base.clone(), &store, |_| true).unwrap();
		let merged = graft.merged(&store, &start(&store)).unwrap();
		assert_eq!(merged.len(), 4);
		assert!(merged.iter().all(|(name, tensor)| bits(tensor) == bits(&base[name])));
	}

	#[test]
	fn gradients_should_reach_both_parts_when_a_weight_is_adapted() {
		let (base, store) = (base(), VarStore::new([1; 32]));
		let graft = Graft::lora(base.clone(), &store, &lora(&["to_q", "conv"]), |_| true).unwrap();
		let mut values = start(&store);
		for ((name, var), value) in store.vars().iter().zip(&mut values) {
			if name.ends_with("lora_B.weight") {
				value.iter_mut().for_each(|x| *x = 0.25);
				var.set(&Tensor::from_slice(&value[..], var.shape(), &Device::Cpu).unwrap()).unwrap();
			}
		}
		let merged = graft.merged(&store, &values).unwrap();
		for (name, shape) in [("attn.to_q", &[2, 3][..]), ("block.conv1", &[2, 2, 3, 3])] {
			let weight = graft.builder().pp(name).get(shape, "weight").unwrap();
			assert_eq!(bits(&weight), bits(&merged[&format!("{name}.weight")]), "{name}");
			let gradients = autonomy_kernels::sum_all(&weight.sqr().unwrap()).unwrap().backward().unwrap();
			for (part, var) in store.vars().iter().filter(|(part, _)| part.starts_with(name)) {
				let gradient = gradients.get(var).unwrap_or_else(|| panic!("{part} has no gradient"));
				assert_eq!(gradient.shape(), var.shape());
				assert!(gradient.flatten_all().unwrap().to_vec1::<f32>().unwrap().iter().any(|g| *g != 0.0), "{part}");
			}
		}
	}

	#[test]
	fn adapter_should_need_no_alpha() {
		let (base, store) = (base(), VarStore::new([1; 32]));
		let graft = Graft::lora(base, &store, &lora(&["attn"]), |_| true).unwrap();
		let mut values = start(&store);
		values[1] = vec![1.0; 4];
		let adapter = graft.adapter(&store, &values, "base_model.model.").unwrap();
		let names: Vec<_> = adapter.keys().cloned().collect();
		assert_eq!(names, ["base_model.model.attn.to_q.lora_A.weight", "base_model.model.attn.to_q.lora_B.weight"]);
		let up = adapter[&names[1]].to_dtype(DType::F32).unwrap();
		assert_eq!(up.flatten_all().unwrap().to_vec1::<f32>().unwrap(), [0.5; 4]);
	}

	#[test]
	fn target_should_be_refused_when_it_names_no_layer() {
		for target in ["embed_tokens", "q", "ff", "bias"] {
			let store = VarStore::new([1; 32]);
			let Err(error) = Graft::lora(base(), &store, &lora(&[target]), |_| true) else { panic!("{target}") };
			assert!(error.to_string().contains(target), "{error}");
		}
		assert_eq!(groups(&base(), |_| true), ["attn", "conv"]);
		assert_eq!(groups(&base(), |name| !name.starts_with("attn")), ["conv"]);
	}
}
