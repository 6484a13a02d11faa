//! Layers of the models: a weight, a bias and the exact kernel that uses them.
//!
//! Every layer takes its tensors from a [`VarBuilder`], so the same model code serves inference (tensors of a
//! safetensors file) and training (variables of a store). The initialisation hints are PyTorch's defaults; a backend
//! that reads files ignores them.

use autonomy_kernels as kernels;
use candle_core::{DType, Result, Tensor};
use candle_nn::{Init, VarBuilder};
use std::cell::Cell;

thread_local! {
	/// Whether layers that are made on this thread copy constant weights.
	static COPIES: Cell<bool> = const { Cell::new(true) };
}

/// Makes layers, on this thread, that keep constant weights as they are given rather than a copy in the order that the
/// kernels read: for a network that is used once while its weights stay in memory, such as a training step's. The bits are
/// the same.
pub fn without_copies<T>(make: impl FnOnce() -> T) -> T {
	struct Restore(bool);
	impl Drop for Restore {
		fn drop(&mut self) {
			COPIES.set(self.0);
		}
	}
	let _restore = Restore(COPIES.replace(false));
	make()
}

/// PyTorch's default for linear and convolution layers: uniform in ±1/√fan_in.
fn fan_in_uniform(fan_in: usize) -> Init {
	let bound = 1.0 / libm::sqrt(fan_in.max(1) as f64);
	Init::Uniform { lo: -bound, up: bound }
}

/// Whether a weight can be copied once into the order that the kernels read: it is not trained, and lies on the CPU.
fn can_be_packed(weight: &Tensor) -> bool {
	COPIES.get() && !weight.track_op() && weight.device().is_cpu() && weight.dtype() == DType::F32
}

/// `y = x·Wᵀ + b` over the last dimension.
#[derive(Clone, Debug)]
pub struct Linear(LinearWeights);

/// Both give the same bits.
#[derive(Clone, Debug)]
enum LinearWeights {
	/// Weights that are trained, on a GPU, or used once.
	Plain {
		weight: Tensor,
		bias: Option<Tensor>,
	},
	Packed(kernels::PackedLinear),
}

impl Linear {
	/// Reads `weight (outputs, inputs)` and, when `bias` is set, `bias (outputs)`.
	pub fn new(inputs: usize, outputs: usize, bias: bool, vb: VarBuilder) -> Result<Self> {
		let weight = vb.get_with_hints((outputs, inputs), "weight", fan_in_uniform(inputs))?;
		let bias = match bias {
			true => Some(vb.get_with_hints(outputs, "bias", fan_in_uniform(inputs))?),
			false => None,
		};
		Self::own(weight, bias)
	}

	/// A layer that is the only user of its weight.
	fn own(weight: Tensor, bias: Option<Tensor>) -> Result<Self> {
		let constant = can_be_packed(&weight) && bias.as_ref().is_none_or(can_be_packed);
		Ok(Self(match constant {
			true => LinearWeights::Packed(kernels::PackedLinear::new(&weight, bias.as_ref())?),
			false => LinearWeights::Plain { weight, bias },
		}))
	}

	/// Reads the weight of a projection that some checkpoints store as a 1×1 convolution `(outputs, inputs, 1, 1)`.
	pub fn from_conv1x1(inputs: usize, outputs: usize, vb: VarBuilder) -> Result<Self> {
		match Self::new(inputs, outputs, true, vb.clone()) {
			Ok(layer) => Ok(layer),
			Err(first) => {
				let Ok(weight) = vb.get((outputs, inputs, 1, 1), "weight") else { return Err(first) };
				let weight = weight.reshape((outputs, inputs))?;
				Self::own(weight, Some(vb.get(outputs, "bias")?))
			}
		}
	}

	/// `(.., inputs) -> (.., outputs)`.
	pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
		match &self.0 {
			LinearWeights::Plain { weight, bias } => kernels::linear(x, weight, bias.as_ref()),
			LinearWeights::Packed(layer) => layer.forward(x),
		}
	}

	/// The activation of [`Self::forward`], in one pass.
	pub fn forward_activated(&self, x: &Tensor, activation: kernels::Activation) -> Result<Tensor> {
		match &self.0 {
			LinearWeights::Plain { weight, bias } => kernels::linear_activated(x, weight, bias.as_ref(), activation),
			LinearWeights::Packed(layer) => layer.forward_activated(x, activation),
		}
	}

	/// `residual` plus [`Self::forward`], in one pass where no gradient is needed.
	pub fn forward_add(&self, x: &Tensor, residual: &Tensor) -> Result<Tensor> {
		match &self.0 {
			LinearWeights::Packed(layer) if !x.track_op() && !residual.track_op() => layer.forward_add(x, residual),
			_ => residual + self.forward(x)?,
		}
	}
}

/// What a convolution reads beyond the edges of its input.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Padding {
	/// Zeros, as models are trained.
	#[default]
	Zeros,
	/// The opposite edge, as if the input were repeated without end: opposite edges of the output fit together.
	Wrap,
}

/// `x (b, c, h, w)` with its last `before` and its first `after` rows and columns repeated in front of it and behind it.
/// Values are copied and nothing else.
pub(crate) fn wrap(x: &Tensor, before: usize, after: usize) -> Result<Tensor> {
	let around = |x: &Tensor, dim: usize| -> Result<Tensor> {
		let size = x.dim(dim)?;
		if before.max(after) > size {
			candle_core::bail!("wrap: {before} before and {after} after a tensor of shape {:?}", x.dims());
		}
		let mut parts = Vec::with_capacity(3);
		if before > 0 {
			parts.push(x.narrow(dim, size - before, before)?);
		}
		parts.push(x.clone());
		if after > 0 {
			parts.push(x.narrow(dim, 0, after)?);
		}
		Tensor::cat(&parts, dim)
	};
	around(&around(x, 2)?, 3)
}

/// Two-dimensional convolution with a square kernel and a bias.
#[derive(Clone, Debug)]
pub struct Conv2d {
	weights: ConvWeights,
	stride: usize,
	padding: usize,
}

/// Both give the same bits.
#[derive(Clone, Debug)]
enum ConvWeights {
	/// Weights that are trained, on a GPU, or used once.
	Plain {
		weight: Tensor,
		bias: Tensor,
	},
	Packed(kernels::PackedConv2d),
}

impl Conv2d {
	/// Reads `weight (outputs, inputs, size, size)` and `bias (outputs)`.
	pub fn new(
		inputs: usize,
		outputs: usize,
		size: usize,
		stride: usize,
		padding: usize,
		vb: VarBuilder,
	) -> Result<Self> {
		let init = fan_in_uniform(inputs * size * size);
		let weight = vb.get_with_hints((outputs, inputs, size, size), "weight", init)?;
		let bias = vb.get_with_hints(outputs, "bias", init)?;
		let weights = match can_be_packed(&weight) && can_be_packed(&bias) {
			true => ConvWeights::Packed(kernels::PackedConv2d::new(&weight, Some(&bias), stride, padding)?),
			false => ConvWeights::Plain { weight, bias },
		};
		Ok(Self { weights, stride, padding })
	}

	/// A 3×3 convolution that keeps height and width.
	pub fn same3x3(inputs: usize, outputs: usize, vb: VarBuilder) -> Result<Self> {
		Self::new(inputs, outputs, 3, 1, 1, vb)
	}

	/// `(b, inputs, h, w) -> (b, outputs, h', w')`.
	pub fn forward(&self, x: &Tensor, padding: Padding) -> Result<Tensor> {
		let (x, padding) = self.padded(x, padding)?;
		match &self.weights {
			ConvWeights::Plain { weight, bias } => kernels::conv2d(&x, weight, Some(bias), self.stride, padding),
			ConvWeights::Packed(layer) => layer.forward_padded(&x, padding),
		}
	}

	/// `residual` plus [`Self::forward`], in one pass where no gradient is needed.
	pub fn forward_add(&self, x: &Tensor, residual: &Tensor, padding: Padding) -> Result<Tensor> {
		match &self.weights {
			ConvWeights::Packed(layer) if !x.track_op() && !residual.track_op() => {
				let (x, padding) = self.padded(x, padding)?;
				layer.forward_padded_add(&x, residual, padding)
			}
			_ => residual + self.forward(x, padding)?,
		}
	}

	/// The input as the kernel takes it, and the zeros that the kernel puts around it.
	fn padded(&self, x: &Tensor, padding: Padding) -> Result<(Tensor, usize)> {
		match padding {
			Padding::Wrap if self.padding > 0 => Ok((wrap(x, self.padding, self.padding)?, 0)),
			Padding::Wrap | Padding::Zeros => Ok((x.clone(), self.padding)),
		}
	}
}

/// Reads the `weight` and `bias` of a normalisation layer.
fn affine(channels: usize, vb: &VarBuilder) -> Result<(Tensor, Tensor)> {
	let weight = vb.get_with_hints(channels, "weight", Init::Const(1.0))?;
	let bias = vb.get_with_hints(channels, "bias", Init::Const(0.0))?;
	Ok((weight, bias))
}

/// Group normalisation over `(b, channels, ..)`.
#[derive(Clone, Debug)]
pub struct GroupNorm {
	weight: Tensor,
	bias: Tensor,
	groups: usize,
	eps: f64,
}

impl GroupNorm {
	/// Reads `weight` and `bias`, both `(channels)`; `groups` must divide `channels`.
	pub fn new(groups: usize, channels: usize, eps: f64, vb: VarBuilder) -> Result<Self> {
		if groups == 0 || !channels.is_multiple_of(groups) {
			candle_core::bail!("{}: {channels} channels do not divide into {groups} norm groups", vb.prefix());
		}
		let (weight, bias) = affine(channels, &vb)?;
		Ok(Self { weight, bias, groups, eps })
	}

	/// Same shape as `x`.
	pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
		kernels::group_norm(x, &self.weight, &self.bias, self.groups, self.eps)
	}

	/// SiLU of [`Self::forward`], in one pass.
	pub fn forward_silu(&self, x: &Tensor) -> Result<Tensor> {
		let silu = kernels::Activation::Silu;
		kernels::group_norm_activated(x, &self.weight, &self.bias, self.groups, self.eps, silu)
	}
}

/// Layer normalisation over the last dimension.
#[derive(Clone, Debug)]
pub struct LayerNorm {
	weight: Tensor,
	bias: Tensor,
	eps: f64,
}

impl LayerNorm {
	/// Reads `weight` and `bias`, both `(size)`.
	pub fn new(size: usize, eps: f64, vb: VarBuilder) -> Result<Self> {
		let (weight, bias) = affine(size, &vb)?;
		Ok(Self { weight, bias, eps })
	}

	/// Same shape as `x`.
	pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
		kernels::layer_norm(x, &self.weight, &self.bias, self.eps)
	}
}

/// Root-mean-square normalisation over the last dimension (Zhang and Sennrich, 2019).
#[derive(Clone, Debug)]
pub struct RmsNorm {
	weight: Tensor,
	eps: f64,
}

impl RmsNorm {
	/// Reads `weight (size)`.
	pub fn new(size: usize, eps: f64, vb: VarBuilder) -> Result<Self> {
		Ok(Self { weight: vb.get_with_hints(size, "weight", Init::Const(1.0))?, eps })
	}

	/// Same shape as `x`.
	pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
		kernels::rms_norm(x, &self.weight, self.eps)
	}
}

/// A table of `(rows, width)` vectors looked up by `u32` ids.
#[derive(Clone, Debug)]
pub struct Embedding {
	/// Without a bias: the layer that gives logits where both are tied.
	table: Linear,
	rows: usize,
}

impl Embedding {
	/// Reads `weight (rows, width)`.
	pub fn new(rows: usize, width: usize, vb: VarBuilder) -> Result<Self> {
		let table = vb.get_with_hints((rows, width), "weight", Init::Randn { mean: 0.0, stdev: 0.02 })?;
		Ok(Self { table: Linear::own(table, None)?, rows })
	}

	/// The same table with further rows behind its own.
	pub fn extended(&self, rows: &Tensor) -> Result<Self> {
		let own = match &self.table.0 {
			LinearWeights::Plain { weight, .. } => weight.clone(),
			LinearWeights::Packed(layer) => layer.weight()?,
		};
		let table = Tensor::cat(&[&own, rows], 0)?;
		Ok(Self { rows: table.dim(0)?, table: Linear::own(table, None)? })
	}

	/// The layer from vectors to the logits of all rows, over the same weights (tied embeddings).
	pub fn logits(&self) -> Linear {
		self.table.clone()
	}

	/// Number of rows: ids must be below it.
	pub fn rows(&self) -> usize {
		self.rows
	}

	/// `(..) u32 -> (.., width)`.
	pub fn forward(&self, ids: &Tensor) -> Result<Tensor> {
		match &self.table.0 {
			LinearWeights::Plain { weight, .. } => kernels::embedding(ids, weight),
			LinearWeights::Packed(layer) => layer.rows(ids),
		}
	}
}

/// Splits `(b, t, heads·d)` into `(b, heads, t, d)`.
pub(crate) fn split_heads(x: &Tensor, heads: usize) -> Result<Tensor> {
	let (b, t, width) = x.dims3()?;
	x.reshape((b, t, heads, width / heads))?.transpose(1, 2)
}

/// Joins `(b, heads, t, d)` to `(b, t, heads·d)`.
pub(crate) fn join_heads(x: &Tensor) -> Result<Tensor> {
	let (b, heads, t, d) = x.dims4()?;
	x.transpose(1, 2)?.reshape((b, t, heads * d))
}

/// `1/√d`, rounded once to f32: the usual scale of attention scores.
pub(crate) fn attention_scale(d: usize) -> f32 {
	(1.0 / libm::sqrt(d as f64)) as f32
}

#[cfg(test)]
mod tests {
	use super::*;
	use autonomy_kernels::rng::Noise;
	use candle_core::{Device, Var};
	use std::collections::HashMap;

	fn noise(stream: u32, shape: &[usize]) -> Tensor {
		Noise::new([3; 32]).normal_tensor(stream, shape).unwrap()
	}

	fn bits(tensor: &Tensor) -> Vec<u32> {
		tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap().into_iter().map(f32::to_bits).collect()
	}

	fn builder(tensors: &[(&str, &Tensor)]) -> VarBuilder<'static> {
		let tensors: HashMap<_, _> =
			tensors.iter().map(|(name, tensor)| ((*name).to_owned(), (*tensor).clone())).collect();
		VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu)
	}

	fn is_packed(layer: &Linear) -> bool {
		matches!(layer.0, LinearWeights::Packed(_))
	}

	/// A weight whose values follow from trained ones, as that of an adapted layer.
	fn adapted(base: &Tensor, part: &Var) -> Tensor {
		(base + part.as_tensor()).unwrap()
	}

	#[test]
	fn layers_should_copy_their_weights_only_when_nothing_of_them_is_trained() {
		let (weight, bias) = (noise(0, &[4, 6]), noise(1, &[4]));
		let (trained_weight, trained_bias) = (Var::from_tensor(&weight).unwrap(), Var::from_tensor(&bias).unwrap());
		let part = Var::from_tensor(&noise(2, &[4, 6])).unwrap();
		let linear = |weight: &Tensor, bias: &Tensor| {
			Linear::new(6, 4, true, builder(&[("weight", weight), ("bias", bias)])).unwrap()
		};
		assert!(is_packed(&linear(&weight, &bias)));
		assert!(!is_packed(&linear(trained_weight.as_tensor(), &bias)));
		assert!(!is_packed(&linear(&weight, trained_bias.as_tensor())));
		assert!(!is_packed(&linear(&adapted(&weight, &part), &bias)));
		let table = |weight: &Tensor| Embedding::new(4, 6, builder(&[("weight", weight)])).unwrap();
		assert!(is_packed(&table(&weight).logits()));
		assert!(!is_packed(&table(trained_weight.as_tensor()).logits()));
		assert!(!is_packed(&table(&weight).extended(part.as_tensor()).unwrap().logits()));
		let (kernel, part) = (noise(3, &[4, 2, 3, 3]), Var::from_tensor(&noise(4, &[4, 2, 3, 3])).unwrap());
		let conv = |weight: &Tensor, bias: &Tensor| {
			let layer = Conv2d::same3x3(2, 4, builder(&[("weight", weight), ("bias", bias)])).unwrap();
			matches!(layer.weights, ConvWeights::Packed(_))
		};
		assert!(conv(&kernel, &bias));
		assert!(!conv(&kernel, trained_bias.as_tensor()));
		assert!(!conv(&adapted(&kernel, &part), &bias));
	}

	#[test]
	fn gradients_should_reach_what_is_trained_when_only_some_layers_are() {
		let (base, bias, x) = (noise(0, &[5, 6]), noise(1, &[5]), noise(2, &[3, 6]));
		let part = Var::from_tensor(&noise(3, &[5, 6])).unwrap();
		let first = Linear::new(6, 5, true, builder(&[("weight", &adapted(&base, &part)), ("bias", &bias)])).unwrap();
		let kernel = noise(4, &[2, 1, 3, 3]);
		let conv = Conv2d::same3x3(1, 2, builder(&[("weight", &kernel), ("bias", &noise(5, &[2]))])).unwrap();
		let last = Linear::new(5, 5, false, builder(&[("weight", &noise(6, &[5, 5]))])).unwrap();
		assert!(is_packed(&last) && !is_packed(&first));
		let hidden = first.forward(&x).unwrap();
		let images = conv.forward(&hidden.reshape((1, 1, 3, 5)).unwrap(), Padding::Zeros).unwrap();
		let images = conv.forward_add(&hidden.reshape((1, 1, 3, 5)).unwrap(), &images, Padding::Zeros).unwrap();
		let rows = images.reshape((6, 5)).unwrap();
		let y = last.forward_add(&rows, &last.forward_activated(&rows, kernels::Activation::Silu).unwrap()).unwrap();
		let gradients = kernels::sum_all(&y).unwrap().backward().unwrap();
		let gradient = gradients.get(part.as_tensor()).expect("a gradient");
		assert!(gradient.flatten_all().unwrap().to_vec1::<f32>().unwrap().iter().all(|g| *g != 0.0 && g.is_finite()));
	}

	#[test]
	fn results_should_have_the_same_bits_when_weights_are_not_copied() {
		let (weight, bias, x) = (noise(0, &[40, 600]), noise(1, &[40]), noise(2, &[7, 600]));
		let linear = || Linear::new(600, 40, true, builder(&[("weight", &weight), ("bias", &bias)])).unwrap();
		let (packed, plain) = (linear(), without_copies(linear));
		assert!(is_packed(&packed) && !is_packed(&plain));
		assert!(is_packed(&linear()), "the copies are back");
		let residual = noise(3, &[7, 40]);
		let gelu = kernels::Activation::GeluErf;
		for results in [
			[&packed, &plain].map(|layer| layer.forward(&x)),
			[&packed, &plain].map(|layer| layer.forward_add(&x, &residual)),
			[&packed, &plain].map(|layer| layer.forward_activated(&x, gelu)),
		] {
			let [packed, plain] = results.map(|result| bits(&result.unwrap()));
			assert_eq!(packed, plain);
		}
		let (kernel, images) = (noise(4, &[9, 3, 3, 3]), noise(5, &[2, 3, 6, 5]));
		let bias = noise(6, &[9]);
		let conv = || Conv2d::new(3, 9, 3, 1, 1, builder(&[("weight", &kernel), ("bias", &bias)])).unwrap();
		let layers = [conv(), without_copies(conv)];
		let residual = noise(7, &[2, 9, 6, 5]);
		for padding in [Padding::Zeros, Padding::Wrap] {
			let [packed, plain] = [0, 1].map(|i| bits(&layers[i].forward(&images, padding).unwrap()));
			assert_eq!(packed, plain, "{padding:?}");
			let [packed, plain] = [0, 1].map(|i| bits(&layers[i].forward_add(&images, &residual, padding).unwrap()));
			assert_eq!(packed, plain, "{padding:?}");
		}
		let ids = Tensor::new(&[39u32, 0, 7], &Device::Cpu).unwrap();
		let table = || Embedding::new(40, 600, builder(&[("weight", &weight)])).unwrap();
		let [packed, plain] = [table(), without_copies(table)].map(|table| bits(&table.forward(&ids).unwrap()));
		assert_eq!(packed, plain);
	}

	#[test]
	fn wrap_should_repeat_rows_and_columns_of_the_opposite_edge() {
		let x = Tensor::arange(0f32, 6f32, &Device::Cpu).unwrap().reshape((1, 1, 2, 3)).unwrap();
		let wrapped = |before, after| wrap(&x, before, after).unwrap().squeeze(0).unwrap().squeeze(0).unwrap();
		let around = wrapped(1, 1).to_vec2::<f32>().unwrap();
		assert_eq!(around, [[5., 3., 4., 5., 3.], [2., 0., 1., 2., 0.], [5., 3., 4., 5., 3.], [2., 0., 1., 2., 0.]]);
		assert_eq!(wrapped(0, 1).to_vec2::<f32>().unwrap(), [[0., 1., 2., 0.], [3., 4., 5., 3.], [0., 1., 2., 0.]]);
		assert_eq!(wrapped(0, 0).to_vec2::<f32>().unwrap(), [[0., 1., 2.], [3., 4., 5.]]);
		assert!(wrap(&x, 3, 0).unwrap_err().to_string().contains("3 before"));
	}
}
