//! Blocks that the UNet and the autoencoder share, named as in diffusers.

use crate::nn::{attention_scale, join_heads, split_heads, wrap, Conv2d, GroupNorm, LayerNorm, Linear, Padding};
use autonomy_kernels as kernels;
use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use serde::{Deserialize, Serialize};

/// How the time embedding enters a residual block (`resnet_time_scale_shift`).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeScaleShift {
	/// Added to the features before the second normalisation.
	#[default]
	Default,
	/// `norm(x)·(1 + scale) + shift` (FiLM; Perez et al., 2018).
	ScaleShift,
}

/// Shape of a [`ResnetBlock2D`].
#[derive(Clone, Copy, Debug)]
pub struct ResnetConfig {
	/// Channels of the input.
	pub inputs: usize,
	/// Channels of the output.
	pub outputs: usize,
	/// Width of the time embedding; `None` for a block without one.
	pub time_channels: Option<usize>,
	/// Groups of both normalisations.
	pub groups: usize,
	/// Epsilon of both normalisations.
	pub eps: f64,
	/// How the time embedding enters.
	pub scale_shift: TimeScaleShift,
	/// The sum of both branches is divided by it.
	pub output_scale: f64,
}

/// Residual block: norm, SiLU, conv, time embedding, norm, SiLU, conv, plus the (projected) input.
#[derive(Clone, Debug)]
pub struct ResnetBlock2D {
	norm1: GroupNorm,
	conv1: Conv2d,
	time_emb_proj: Option<Linear>,
	norm2: GroupNorm,
	conv2: Conv2d,
	conv_shortcut: Option<Conv2d>,
	config: ResnetConfig,
}

impl ResnetBlock2D {
	/// Reads the block's tensors.
	pub fn new(config: ResnetConfig, vb: VarBuilder) -> Result<Self> {
		let ResnetConfig { inputs, outputs, groups, eps, .. } = config;
		let time_emb_proj = match config.time_channels {
			Some(width) => {
				let channels = match config.scale_shift {
					TimeScaleShift::Default => outputs,
					TimeScaleShift::ScaleShift => 2 * outputs,
				};
				Some(Linear::new(width, channels, true, vb.pp("time_emb_proj"))?)
			}
			None => None,
		};
		let conv_shortcut = match inputs == outputs {
			true => None,
			false => Some(Conv2d::new(inputs, outputs, 1, 1, 0, vb.pp("conv_shortcut"))?),
		};
		Ok(Self {
			norm1: GroupNorm::new(groups, inputs, eps, vb.pp("norm1"))?,
			conv1: Conv2d::same3x3(inputs, outputs, vb.pp("conv1"))?,
			time_emb_proj,
			norm2: GroupNorm::new(groups, outputs, eps, vb.pp("norm2"))?,
			conv2: Conv2d::same3x3(outputs, outputs, vb.pp("conv2"))?,
			conv_shortcut,
			config,
		})
	}

	/// `x (b, inputs, h, w)` and `silu(time embedding) (b, time_channels)` to `(b, outputs, h, w)`.
	///
	/// The activation of the time embedding is the caller's, because every block of a model shares it.
	pub fn forward(&self, x: &Tensor, activated_time: Option<&Tensor>, padding: Padding) -> Result<Tensor> {
		let hidden = self.conv1.forward(&self.norm1.forward_silu(x)?, padding)?;
		let hidden = match (&self.time_emb_proj, activated_time) {
			(Some(projection), Some(time)) => {
				let time = projection.forward(time)?;
				match self.config.scale_shift {
					// A scale of zero: the kernel adds the shift and sums its gradient in a fixed order.
					TimeScaleShift::Default => {
						self.norm2.forward_silu(&kernels::channel_affine(&hidden, &time.zeros_like()?, &time)?)?
					}
					TimeScaleShift::ScaleShift => {
						let channels = self.config.outputs;
						let scale = time.narrow(1, 0, channels)?;
						let shift = time.narrow(1, channels, channels)?;
						kernels::silu(&kernels::channel_affine(&self.norm2.forward(&hidden)?, &scale, &shift)?)?
					}
				}
			}
			(None, _) => self.norm2.forward_silu(&hidden)?,
			(Some(_), None) => candle_core::bail!("a residual block with time_emb_proj needs a time embedding"),
		};
		let sum = match &self.conv_shortcut {
			Some(shortcut) => self.conv2.forward_add(&hidden, &shortcut.forward(x, padding)?, padding)?,
			None => self.conv2.forward_add(&hidden, x, padding)?,
		};
		match self.config.output_scale == 1.0 {
			true => Ok(sum),
			false => sum / self.config.output_scale,
		}
	}
}

/// Nearest-neighbour doubling followed by a 3×3 convolution.
#[derive(Clone, Debug)]
pub struct Upsample2D {
	conv: Conv2d,
}

impl Upsample2D {
	/// Reads `conv`.
	pub fn new(channels: usize, vb: VarBuilder) -> Result<Self> {
		Ok(Self { conv: Conv2d::same3x3(channels, channels, vb.pp("conv"))? })
	}

	/// `(b, c, h, w) -> (b, c, 2h, 2w)`.
	pub fn forward(&self, x: &Tensor, padding: Padding) -> Result<Tensor> {
		self.conv.forward(&kernels::upsample_nearest2x(x)?, padding)
	}
}

/// 3×3 convolution of stride two.
#[derive(Clone, Debug)]
pub struct Downsample2D {
	conv: Conv2d,
	padding: usize,
}

impl Downsample2D {
	/// Reads `conv`. With `padding` 0 one row and one column are added at the end, as the autoencoder does.
	pub fn new(channels: usize, padding: usize, vb: VarBuilder) -> Result<Self> {
		Ok(Self { conv: Conv2d::new(channels, channels, 3, 2, padding, vb.pp("conv"))?, padding })
	}

	/// `(b, c, h, w) -> (b, c, h/2, w/2)` for even `h` and `w`.
	pub fn forward(&self, x: &Tensor, padding: Padding) -> Result<Tensor> {
		match (self.padding, padding) {
			(0, Padding::Zeros) => self.conv.forward(&x.pad_with_zeros(2, 0, 1)?.pad_with_zeros(3, 0, 1)?, padding),
			(0, Padding::Wrap) => self.conv.forward(&wrap(x, 0, 1)?, padding),
			_ => self.conv.forward(x, padding),
		}
	}
}

/// Multi-head attention of a transformer block: no bias on query, key and value, a bias on the output.
#[derive(Clone, Debug)]
struct Attention {
	to_q: Linear,
	to_k: Linear,
	to_v: Linear,
	to_out: Linear,
	heads: usize,
	scale: f32,
}

impl Attention {
	fn new(width: usize, context: usize, heads: usize, vb: VarBuilder) -> Result<Self> {
		Ok(Self {
			to_q: Linear::new(width, width, false, vb.pp("to_q"))?,
			to_k: Linear::new(context, width, false, vb.pp("to_k"))?,
			to_v: Linear::new(context, width, false, vb.pp("to_v"))?,
			to_out: Linear::new(width, width, true, vb.pp("to_out").pp("0"))?,
			heads,
			scale: attention_scale(width / heads),
		})
	}

	/// `residual` plus the attention of `x` to `context`, or to itself.
	fn forward_add(&self, x: &Tensor, context: Option<&Tensor>, residual: &Tensor) -> Result<Tensor> {
		let context = context.unwrap_or(x);
		let q = split_heads(&self.to_q.forward(x)?, self.heads)?;
		let k = split_heads(&self.to_k.forward(context)?, self.heads)?;
		let v = split_heads(&self.to_v.forward(context)?, self.heads)?;
		self.to_out.forward_add(&join_heads(&kernels::attention(&q, &k, &v, self.scale, None)?)?, residual)
	}
}

/// Feed-forward layer with a gated exact GELU (GEGLU; Shazeer, 2020). diffusers uses the erf form.
#[derive(Clone, Debug)]
struct FeedForward {
	proj: Linear,
	out: Linear,
}

impl FeedForward {
	fn new(width: usize, vb: VarBuilder) -> Result<Self> {
		let inner = 4 * width;
		let vb = vb.pp("net");
		Ok(Self {
			proj: Linear::new(width, 2 * inner, true, vb.pp("0").pp("proj"))?,
			out: Linear::new(inner, width, true, vb.pp("2"))?,
		})
	}

	/// `residual` plus the layer's output for `x`.
	fn forward_add(&self, x: &Tensor, residual: &Tensor) -> Result<Tensor> {
		self.out.forward_add(&kernels::gated_halves(&self.proj.forward(x)?, kernels::Activation::GeluErf)?, residual)
	}
}

/// Self-attention, cross-attention and feed-forward, each behind a layer norm and added to its input.
#[derive(Clone, Debug)]
struct BasicTransformerBlock {
	norm1: LayerNorm,
	attn1: Attention,
	norm2: LayerNorm,
	attn2: Attention,
	norm3: LayerNorm,
	ff: FeedForward,
}

impl BasicTransformerBlock {
	fn new(width: usize, context: usize, heads: usize, vb: VarBuilder) -> Result<Self> {
		const EPS: f64 = 1e-5;
		Ok(Self {
			norm1: LayerNorm::new(width, EPS, vb.pp("norm1"))?,
			attn1: Attention::new(width, width, heads, vb.pp("attn1"))?,
			norm2: LayerNorm::new(width, EPS, vb.pp("norm2"))?,
			attn2: Attention::new(width, context, heads, vb.pp("attn2"))?,
			norm3: LayerNorm::new(width, EPS, vb.pp("norm3"))?,
			ff: FeedForward::new(width, vb.pp("ff"))?,
		})
	}

	fn forward(&self, x: &Tensor, context: &Tensor) -> Result<Tensor> {
		let x = self.attn1.forward_add(&self.norm1.forward(x)?, None, x)?;
		let x = self.attn2.forward_add(&self.norm2.forward(&x)?, Some(context), &x)?;
		self.ff.forward_add(&self.norm3.forward(&x)?, &x)
	}
}

/// Shape of a [`Transformer2D`].
#[derive(Clone, Copy, Debug)]
pub struct Transformer2DConfig {
	/// Channels of input and output; `heads` must divide it.
	pub channels: usize,
	/// Attention heads.
	pub heads: usize,
	/// Transformer blocks.
	pub layers: usize,
	/// Width of the text states.
	pub context: usize,
	/// Groups of the first normalisation.
	pub groups: usize,
	/// Project by a linear layer over pixels (SD 2 and later) rather than a 1×1 convolution. Same arithmetic, other
	/// shape of the stored weight.
	pub linear_projection: bool,
}

/// The input or output projection of a [`Transformer2D`], in either stored shape. Both read one pixel at a time and never
/// pad.
#[derive(Clone, Debug)]
enum Projection {
	Conv(Conv2d),
	Linear(Linear),
}

impl Projection {
	fn new(channels: usize, linear: bool, vb: VarBuilder) -> Result<Self> {
		Ok(match linear {
			true => Self::Linear(Linear::new(channels, channels, true, vb)?),
			false => Self::Conv(Conv2d::new(channels, channels, 1, 1, 0, vb)?),
		})
	}
}

/// `(b, c, h, w) -> (b, h·w, c)`.
fn pixels_to_rows(x: &Tensor) -> Result<Tensor> {
	x.flatten_from(2)?.transpose(1, 2)
}

/// `(b, h·w, c) -> (b, c, h, w)`.
fn rows_to_pixels(x: &Tensor, h: usize, w: usize) -> Result<Tensor> {
	let (b, _, c) = x.dims3()?;
	x.transpose(1, 2)?.reshape((b, c, h, w))
}

/// A transformer over the pixels of a feature map (`Transformer2DModel`).
#[derive(Clone, Debug)]
pub struct Transformer2D {
	norm: GroupNorm,
	proj_in: Projection,
	blocks: Vec<BasicTransformerBlock>,
	proj_out: Projection,
}

impl Transformer2D {
	/// Reads the tensors.
	pub fn new(config: Transformer2DConfig, vb: VarBuilder) -> Result<Self> {
		let Transformer2DConfig { channels, heads, layers, context, groups, linear_projection } = config;
		if heads == 0 || !channels.is_multiple_of(heads) {
			candle_core::bail!("{}: {channels} channels do not divide into {heads} heads", vb.prefix());
		}
		let blocks = vb.pp("transformer_blocks");
		Ok(Self {
			norm: GroupNorm::new(groups, channels, 1e-6, vb.pp("norm"))?,
			proj_in: Projection::new(channels, linear_projection, vb.pp("proj_in"))?,
			blocks: (0..layers)
				.map(|i| BasicTransformerBlock::new(channels, context, heads, blocks.pp(i)))
				.collect::<Result<_>>()?,
			proj_out: Projection::new(channels, linear_projection, vb.pp("proj_out"))?,
		})
	}

	/// `x (b, channels, h, w)` and the text states `(b, t, context)` to `(b, channels, h, w)`.
	pub fn forward(&self, x: &Tensor, context: &Tensor) -> Result<Tensor> {
		let (_, _, h, w) = x.dims4()?;
		let hidden = self.norm.forward(x)?;
		let mut rows = match &self.proj_in {
			// The rows are read three times, so they are put in order once.
			Projection::Conv(conv) => pixels_to_rows(&conv.forward(&hidden, Padding::Zeros)?)?.contiguous()?,
			Projection::Linear(linear) => linear.forward(&pixels_to_rows(&hidden)?)?,
		};
		for block in &self.blocks {
			rows = block.forward(&rows, context)?;
		}
		match &self.proj_out {
			Projection::Conv(conv) => conv.forward_add(&rows_to_pixels(&rows, h, w)?, x, Padding::Zeros),
			Projection::Linear(linear) => rows_to_pixels(&linear.forward(&rows)?, h, w)? + x,
		}
	}
}

/// Single-head self-attention over pixels, of the autoencoder's middle block.
#[derive(Clone, Debug)]
pub struct PixelAttention {
	group_norm: GroupNorm,
	query: Linear,
	key: Linear,
	value: Linear,
	out: Linear,
	scale: f32,
}

impl PixelAttention {
	/// Reads the tensors under today's names (`to_q`, `to_k`, `to_v`, `to_out.0`) or, where a checkpoint still has
	/// them, the names of 2022 (`query`, `key`, `value`, `proj_attn`).
	pub fn new(channels: usize, groups: usize, eps: f64, vb: VarBuilder) -> Result<Self> {
		let (q, k, v, out) = match vb.contains_tensor("query.weight") {
			true => ("query", "key", "value", "proj_attn"),
			false => ("to_q", "to_k", "to_v", "to_out.0"),
		};
		let linear = |name: &str| Linear::from_conv1x1(channels, channels, vb.pp(name));
		Ok(Self {
			group_norm: GroupNorm::new(groups, channels, eps, vb.pp("group_norm"))?,
			query: linear(q)?,
			key: linear(k)?,
			value: linear(v)?,
			out: linear(out)?,
			scale: attention_scale(channels),
		})
	}

	/// `(b, channels, h, w)` to the same shape.
	pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
		let (_, _, h, w) = x.dims4()?;
		let rows = pixels_to_rows(&self.group_norm.forward(x)?)?;
		let q = self.query.forward(&rows)?.unsqueeze(1)?;
		let k = self.key.forward(&rows)?.unsqueeze(1)?;
		let v = self.value.forward(&rows)?.unsqueeze(1)?;
		let rows = kernels::attention(&q, &k, &v, self.scale, None)?.squeeze(1)?;
		rows_to_pixels(&self.out.forward(&rows)?, h, w)? + x
	}
}
