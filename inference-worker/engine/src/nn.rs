//! Layers of the models: a weight, a bias and the exact kernel that uses them.
//!
//! Every layer takes its tensors from a [`VarBuilder`], so the same model code serves inference (tensors of a
//! safetensors file) and training (variables of a store). The initialisation hints are PyTorch's defaults; a backend
//! that reads files ignores them.

use autonomy_kernels as kernels;
use candle_core::{DType, Result, Tensor};
use candle_nn::{Init, VarBuilder};

/// PyTorch's default for linear and convolution layers: uniform in ±1/√fan_in.
fn fan_in_uniform(fan_in: usize) -> Init {
	let bound = 1.0 / libm::sqrt(fan_in.max(1) as f64);
	Init::Uniform { lo: -bound, up: bound }
}

/// Whether a weight can be copied once into the order that the kernels read: it is not trained, and lies on the CPU.
fn can_be_packed(weight: &Tensor) -> bool {
	!weight.track_op() && weight.device().is_cpu() && weight.dtype() == DType::F32
}

/// `y = x·Wᵀ + b` over the last dimension.
#[derive(Clone, Debug)]
pub struct Linear(LinearWeights);

/// Both give the same bits.
#[derive(Clone, Debug)]
enum LinearWeights {
	/// Weights that are trained.
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
	/// Weights that are trained.
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
	use candle_core::Device;

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
