//! The conditional UNet of Stable Diffusion (Rombach et al., 2022) with the configuration and tensor names of
//! `diffusers.UNet2DConditionModel`.

use super::blocks::{
	Downsample2D, ResnetBlock2D, ResnetConfig, TimeScaleShift, Transformer2D, Transformer2DConfig, Upsample2D,
};
use crate::nn::{Conv2d, GroupNorm, Linear, Padding};
use autonomy_kernels as kernels;
use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use serde::{Deserialize, Serialize};

/// A number for every block, or a list with one per block.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(untagged, expecting = "a whole number, or a list with one for each block; lists inside it are not supported")]
pub enum PerBlock {
	/// The same for every block.
	One(usize),
	/// In the order of the down blocks.
	Many(Vec<usize>),
}

impl PerBlock {
	/// The value of down block `i`.
	pub(crate) fn at(&self, i: usize, name: &str) -> Result<usize> {
		match self {
			Self::One(value) => Ok(*value),
			Self::Many(values) => values.get(i).copied().ok_or_else(|| {
				candle_core::Error::Msg(format!("UNet: {name} has {} entries, block {i} needs one", values.len()))
			}),
		}
	}
}

/// `unet/config.json`. Unknown fields are ignored; defaults are those of diffusers.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct UNet2DConditionConfig {
	/// Always `UNet2DConditionModel`.
	#[serde(rename = "_class_name")]
	pub class_name: String,
	/// Height and width of the usual sample, in latent pixels; a pipeline's default size follows from it.
	pub sample_size: Option<usize>,
	/// Channels of the noisy sample.
	pub in_channels: usize,
	/// Channels of the prediction.
	pub out_channels: usize,
	/// Map samples from [0, 1] to [−1, 1] first.
	pub center_input_sample: bool,
	/// Cosines before sines in the time embedding.
	pub flip_sin_to_cos: bool,
	/// Offset in the exponent of the time frequencies.
	pub freq_shift: f64,
	/// `DownBlock2D` or `CrossAttnDownBlock2D`, from the finest level down.
	pub down_block_types: Vec<String>,
	/// `UNetMidBlock2DCrossAttn` or none.
	pub mid_block_type: Option<String>,
	/// `UpBlock2D` or `CrossAttnUpBlock2D`, from the coarsest level up.
	pub up_block_types: Vec<String>,
	/// Channels per level, from the finest down.
	pub block_out_channels: Vec<usize>,
	/// Residual blocks per down block; up blocks have one more.
	pub layers_per_block: PerBlock,
	/// Padding of the stride-two convolutions.
	pub downsample_padding: usize,
	/// The middle block's sums are divided by it.
	pub mid_block_scale_factor: f64,
	/// Only `silu` (also spelt `swish`).
	pub act_fn: String,
	/// Groups of the normalisations.
	pub norm_num_groups: usize,
	/// Epsilon of the normalisations.
	pub norm_eps: f64,
	/// Width of the text states.
	pub cross_attention_dim: usize,
	/// Transformer blocks per attention layer.
	pub transformer_layers_per_block: PerBlock,
	/// The number of attention heads: diffusers kept the misleading name for the sake of published configs.
	pub attention_head_dim: PerBlock,
	/// Linear rather than 1×1 convolution projections around the transformers.
	pub use_linear_projection: bool,
	/// `None`, or `projection` for a conditioning vector that is added to the time embedding.
	pub class_embed_type: Option<String>,
	/// Width of that vector.
	pub projection_class_embeddings_input_dim: Option<usize>,
	/// How the time embedding enters the residual blocks.
	pub resnet_time_scale_shift: TimeScaleShift,
	/// `None`, or `text_time` for pooled text and sizes (SDXL; Podell et al., 2023).
	#[serde(skip_serializing_if = "Option::is_none")]
	pub addition_embed_type: Option<String>,
	/// Width of the embedding of each of the sizes.
	#[serde(skip_serializing_if = "Option::is_none")]
	pub addition_time_embed_dim: Option<usize>,
	/// Width of the embedding of the guidance scale, of models that were distilled with guidance (LCM; Meng et al., 2023).
	#[serde(skip_serializing_if = "Option::is_none")]
	pub time_cond_proj_dim: Option<usize>,
	/// Not supported when set.
	#[serde(skip_serializing_if = "Option::is_none")]
	pub encoder_hid_dim: Option<usize>,
	/// Not supported when true.
	#[serde(skip_serializing_if = "std::ops::Not::not")]
	pub dual_cross_attention: bool,
}

impl Default for UNet2DConditionConfig {
	fn default() -> Self {
		let cross = |name: &str| name.to_string();
		Self {
			class_name: "UNet2DConditionModel".into(),
			sample_size: None,
			in_channels: 4,
			out_channels: 4,
			center_input_sample: false,
			flip_sin_to_cos: true,
			freq_shift: 0.0,
			down_block_types: vec![
				cross("CrossAttnDownBlock2D"),
				cross("CrossAttnDownBlock2D"),
				cross("CrossAttnDownBlock2D"),
				cross("DownBlock2D"),
			],
			mid_block_type: Some("UNetMidBlock2DCrossAttn".into()),
			up_block_types: vec![
				cross("UpBlock2D"),
				cross("CrossAttnUpBlock2D"),
				cross("CrossAttnUpBlock2D"),
				cross("CrossAttnUpBlock2D"),
			],
			block_out_channels: vec![320, 640, 1280, 1280],
			layers_per_block: PerBlock::One(2),
			downsample_padding: 1,
			mid_block_scale_factor: 1.0,
			act_fn: "silu".into(),
			norm_num_groups: 32,
			norm_eps: 1e-5,
			cross_attention_dim: 1280,
			transformer_layers_per_block: PerBlock::One(1),
			attention_head_dim: PerBlock::One(8),
			use_linear_projection: false,
			class_embed_type: None,
			projection_class_embeddings_input_dim: None,
			resnet_time_scale_shift: TimeScaleShift::Default,
			addition_embed_type: None,
			addition_time_embed_dim: None,
			time_cond_proj_dim: None,
			encoder_hid_dim: None,
			dual_cross_attention: false,
		}
	}
}

/// Numbers that say how the picture was cut: its height and width, where the crop begins, height and width of the crop.
pub const SIZES: usize = 6;

/// What the UNet is told beside the text states. The default is nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Conditioning<'a> {
	/// For `class_embed_type` `projection`: `(b, projection_class_embeddings_input_dim)`.
	pub class_labels: Option<&'a Tensor>,
	/// For `addition_embed_type` `text_time`: the pooled text `(b, width)` and the sizes, the same for every sample.
	pub text_and_sizes: Option<(&'a Tensor, [f32; SIZES])>,
	/// For `time_cond_proj_dim`: the guidance scale, the same for every sample.
	pub guidance: Option<f32>,
}

impl UNet2DConditionConfig {
	/// Width of the pooled text that `text_time` takes.
	pub fn pooled_text_width(&self) -> Option<usize> {
		self.addition_embed_type.as_ref()?;
		self.projection_class_embeddings_input_dim?.checked_sub(SIZES * self.addition_time_embed_dim?)
	}

	/// Names the first setting that this implementation does not have.
	fn check(&self) -> Result<()> {
		let levels = self.block_out_channels.len();
		if levels == 0 || self.down_block_types.len() != levels || self.up_block_types.len() != levels {
			candle_core::bail!(
				"UNet: {levels} block_out_channels, {} down_block_types and {} up_block_types; they must be as many",
				self.down_block_types.len(),
				self.up_block_types.len()
			);
		}
		if !matches!(self.act_fn.as_str(), "silu" | "swish") {
			candle_core::bail!("UNet: act_fn {:?} is not supported; silu is", self.act_fn);
		}
		let sizes = (self.addition_time_embed_dim, self.projection_class_embeddings_input_dim);
		match (self.addition_embed_type.as_deref(), sizes) {
			(None, _) => {}
			(Some("text_time"), (Some(each), Some(all))) if each > 0 && all > each.saturating_mul(SIZES) => {}
			(Some("text_time"), (each, all)) => candle_core::bail!(
				"UNet: addition_embed_type text_time with addition_time_embed_dim {each:?} and \
				 projection_class_embeddings_input_dim {all:?}; the second must be the width of the pooled text and {SIZES} \
				 times the first"
			),
			(Some(kind), _) => candle_core::bail!("UNet: addition_embed_type {kind:?} is not supported; text_time is"),
		}
		if self.encoder_hid_dim.is_some() || self.dual_cross_attention {
			candle_core::bail!("UNet: encoder_hid_dim and dual_cross_attention are not supported");
		}
		Ok(())
	}

	/// Height and width of a sample must be multiples of this.
	pub fn size_multiple(&self) -> usize {
		1 << (self.block_out_channels.len().saturating_sub(1))
	}
}

/// Two linear layers with SiLU between them (`TimestepEmbedding`).
#[derive(Clone, Debug)]
struct EmbeddingMlp {
	linear_1: Linear,
	linear_2: Linear,
}

impl EmbeddingMlp {
	fn new(inputs: usize, outputs: usize, vb: VarBuilder) -> Result<Self> {
		Ok(Self {
			linear_1: Linear::new(inputs, outputs, true, vb.pp("linear_1"))?,
			linear_2: Linear::new(outputs, outputs, true, vb.pp("linear_2"))?,
		})
	}

	fn forward(&self, x: &Tensor) -> Result<Tensor> {
		self.linear_2.forward(&kernels::silu(&self.linear_1.forward(x)?)?)
	}
}

/// Embedding of sizes and pooled text (`add_embedding` of SDXL).
#[derive(Clone, Debug)]
struct TextTime {
	mlp: EmbeddingMlp,
	/// Width of the embedding of a size.
	each: usize,
}

/// Residual blocks, each optionally followed by a transformer, then an optional change of resolution.
#[derive(Clone, Debug)]
struct Level<R> {
	resnets: Vec<ResnetBlock2D>,
	/// Empty, or one per residual block.
	attentions: Vec<Transformer2D>,
	resample: Option<R>,
}

impl<R> Level<R> {
	/// Residual block `i` and the transformer after it, if any.
	fn layer(&self, i: usize, x: &Tensor, time: &Tensor, context: &Tensor, padding: Padding) -> Result<Tensor> {
		let x = self.resnets[i].forward(x, Some(time), padding)?;
		match self.attentions.get(i) {
			Some(attention) => attention.forward(&x, context),
			None => Ok(x),
		}
	}
}

/// The conditional UNet.
#[derive(Clone, Debug)]
pub struct UNet2DConditionModel {
	conv_in: Conv2d,
	time_embedding: EmbeddingMlp,
	/// Of the guidance scale, added to the time embedding's input.
	guidance: Option<(Linear, usize)>,
	class_embedding: Option<EmbeddingMlp>,
	text_time: Option<TextTime>,
	down_blocks: Vec<Level<Downsample2D>>,
	mid_block: Option<(ResnetBlock2D, Vec<(Transformer2D, ResnetBlock2D)>)>,
	up_blocks: Vec<Level<Upsample2D>>,
	conv_norm_out: GroupNorm,
	conv_out: Conv2d,
	config: UNet2DConditionConfig,
}

impl UNet2DConditionModel {
	/// Reads the tensors. Fails on a setting or a block type that is not supported, naming it.
	pub fn new(config: &UNet2DConditionConfig, vb: VarBuilder) -> Result<Self> {
		config.check()?;
		let channels = &config.block_out_channels;
		let levels = channels.len();
		let (first, last) = (channels[0], channels[levels - 1]);
		let sizes = (config.addition_time_embed_dim, config.projection_class_embeddings_input_dim);
		let time_channels = 4 * first;
		let resnet = |inputs, outputs, output_scale| ResnetConfig {
			inputs,
			outputs,
			time_channels: Some(time_channels),
			groups: config.norm_num_groups,
			eps: config.norm_eps,
			scale_shift: config.resnet_time_scale_shift,
			output_scale,
		};
		let transformer = |level: usize| -> Result<Transformer2DConfig> {
			Ok(Transformer2DConfig {
				channels: channels[level],
				heads: config.attention_head_dim.at(level, "attention_head_dim")?,
				layers: config.transformer_layers_per_block.at(level, "transformer_layers_per_block")?,
				context: config.cross_attention_dim,
				groups: config.norm_num_groups,
				linear_projection: config.use_linear_projection,
			})
		};
		let class_embedding = match (config.class_embed_type.as_deref(), config.projection_class_embeddings_input_dim) {
			(None, _) => None,
			(Some("projection"), Some(width)) => {
				Some(EmbeddingMlp::new(width, time_channels, vb.pp("class_embedding"))?)
			}
			(Some("projection"), None) => {
				candle_core::bail!("UNet: class_embed_type projection needs projection_class_embeddings_input_dim")
			}
			(Some(other), _) => candle_core::bail!("UNet: class_embed_type {other:?} is not supported; projection is"),
		};
		let text_time = match (&config.addition_embed_type, sizes) {
			(Some(_), (Some(each), Some(width))) => {
				Some(TextTime { mlp: EmbeddingMlp::new(width, time_channels, vb.pp("add_embedding"))?, each })
			}
			_ => None,
		};
		let guidance = match config.time_cond_proj_dim {
			Some(width) => {
				let vb = vb.pp("time_embedding").pp("cond_proj");
				Some((Linear::new(width, first, false, vb)?, width))
			}
			None => None,
		};

		let mut down_blocks = Vec::with_capacity(levels);
		for (i, kind) in config.down_block_types.iter().enumerate() {
			let attends = match kind.as_str() {
				"DownBlock2D" => false,
				"CrossAttnDownBlock2D" => true,
				other => candle_core::bail!("UNet: down block type {other:?} is not supported"),
			};
			let vb = vb.pp("down_blocks").pp(i);
			let inputs = if i == 0 { first } else { channels[i - 1] };
			let mut level = Level { resnets: vec![], attentions: vec![], resample: None };
			for j in 0..config.layers_per_block.at(i, "layers_per_block")? {
				let inputs = if j == 0 { inputs } else { channels[i] };
				let vb_resnet = vb.pp("resnets").pp(j);
				level.resnets.push(ResnetBlock2D::new(resnet(inputs, channels[i], 1.0), vb_resnet)?);
				if attends {
					level.attentions.push(Transformer2D::new(transformer(i)?, vb.pp("attentions").pp(j))?);
				}
			}
			if i + 1 < levels {
				let vb = vb.pp("downsamplers").pp(0);
				level.resample = Some(Downsample2D::new(channels[i], config.downsample_padding, vb)?);
			}
			down_blocks.push(level);
		}

		let mid_block = match config.mid_block_type.as_deref() {
			None => None,
			Some("UNetMidBlock2DCrossAttn") => {
				let vb = vb.pp("mid_block");
				let shape = resnet(last, last, config.mid_block_scale_factor);
				let head = ResnetBlock2D::new(shape, vb.pp("resnets").pp(0))?;
				let attention = Transformer2D::new(transformer(levels - 1)?, vb.pp("attentions").pp(0))?;
				let tail = ResnetBlock2D::new(shape, vb.pp("resnets").pp(1))?;
				Some((head, vec![(attention, tail)]))
			}
			Some(other) => candle_core::bail!("UNet: mid block type {other:?} is not supported"),
		};

		let mut up_blocks = Vec::with_capacity(levels);
		for (i, kind) in config.up_block_types.iter().enumerate() {
			let attends = match kind.as_str() {
				"UpBlock2D" => false,
				"CrossAttnUpBlock2D" => true,
				other => candle_core::bail!("UNet: up block type {other:?} is not supported"),
			};
			let vb = vb.pp("up_blocks").pp(i);
			let source = levels - 1 - i;
			let outputs = channels[source];
			let before = channels[(source + 1).min(levels - 1)];
			let skipped_last = channels[source.saturating_sub(1)];
			let layers = config.layers_per_block.at(source, "layers_per_block")? + 1;
			let mut level = Level { resnets: vec![], attentions: vec![], resample: None };
			for j in 0..layers {
				let inputs = if j == 0 { before } else { outputs };
				let skipped = if j + 1 == layers { skipped_last } else { outputs };
				let vb_resnet = vb.pp("resnets").pp(j);
				level.resnets.push(ResnetBlock2D::new(resnet(inputs + skipped, outputs, 1.0), vb_resnet)?);
				if attends {
					level.attentions.push(Transformer2D::new(transformer(source)?, vb.pp("attentions").pp(j))?);
				}
			}
			if i + 1 < levels {
				level.resample = Some(Upsample2D::new(outputs, vb.pp("upsamplers").pp(0))?);
			}
			up_blocks.push(level);
		}

		Ok(Self {
			conv_in: Conv2d::same3x3(config.in_channels, first, vb.pp("conv_in"))?,
			time_embedding: EmbeddingMlp::new(first, time_channels, vb.pp("time_embedding"))?,
			guidance,
			class_embedding,
			text_time,
			down_blocks,
			mid_block,
			up_blocks,
			conv_norm_out: GroupNorm::new(config.norm_num_groups, first, config.norm_eps, vb.pp("conv_norm_out"))?,
			conv_out: Conv2d::same3x3(first, config.out_channels, vb.pp("conv_out"))?,
			config: config.clone(),
		})
	}

	/// The configuration that the model was built from.
	pub fn config(&self) -> &UNet2DConditionConfig {
		&self.config
	}

	/// The prediction `(b, out_channels, h, w)` for a noisy `sample (b, in_channels, h, w)`, one time step per sample
	/// (in training steps, usually 0 to 999), the text states `(b, t, cross_attention_dim)` and, for a model with
	/// `class_embed_type` `projection`, the vectors `(b, projection_class_embeddings_input_dim)`.
	///
	/// Height and width must be multiples of [`UNet2DConditionConfig::size_multiple`].
	pub fn forward(
		&self,
		sample: &Tensor,
		timesteps: &[f32],
		encoder_hidden_states: &Tensor,
		class_labels: Option<&Tensor>,
	) -> Result<Tensor> {
		self.forward_padded(sample, timesteps, encoder_hidden_states, class_labels, Padding::Zeros)
	}

	/// The prediction as [`Self::forward`] has it, where every convolution pads as told. With [`Padding::Wrap`] the sample
	/// is its own neighbour on all sides.
	pub fn forward_padded(
		&self,
		sample: &Tensor,
		timesteps: &[f32],
		encoder_hidden_states: &Tensor,
		class_labels: Option<&Tensor>,
		padding: Padding,
	) -> Result<Tensor> {
		let conditioning = Conditioning { class_labels, ..Default::default() };
		self.forward_conditioned(sample, timesteps, encoder_hidden_states, &conditioning, padding)
	}

	/// The prediction as [`Self::forward_padded`] has it, with whatever else the model is told.
	///
	/// Fails when something that the configuration asks for is missing, or when something else is there.
	pub fn forward_conditioned(
		&self,
		sample: &Tensor,
		timesteps: &[f32],
		encoder_hidden_states: &Tensor,
		conditioning: &Conditioning,
		padding: Padding,
	) -> Result<Tensor> {
		let (b, _, h, w) = sample.dims4()?;
		let multiple = self.config.size_multiple();
		if !h.is_multiple_of(multiple) || !w.is_multiple_of(multiple) {
			candle_core::bail!("UNet: a sample of {h}x{w} must have sides that are multiples of {multiple}");
		}
		if timesteps.len() != b {
			candle_core::bail!("UNet: {} time steps for a batch of {b}", timesteps.len());
		}
		let sample = match self.config.center_input_sample {
			true => sample.affine(2.0, -1.0)?,
			false => sample.clone(),
		};
		let time = timestep_embedding(
			timesteps,
			self.config.block_out_channels[0],
			self.config.flip_sin_to_cos,
			self.config.freq_shift,
		)?
		.to_device(sample.device())?;
		let time = match (&self.guidance, conditioning.guidance) {
			// diffusers embeds what the scale is above 1, in thousandths.
			(Some((projection, width)), Some(scale)) => {
				let scale = (f64::from(scale) - 1.0) * 1000.0;
				let embedded = timestep_embedding(&vec![scale as f32; b], *width, false, 1.0)?;
				(time + projection.forward(&embedded.to_device(sample.device())?)?)?
			}
			(None, None) => time,
			(Some(_), None) => candle_core::bail!("UNet: time_cond_proj_dim is set, so the guidance scale is needed"),
			(None, Some(_)) => candle_core::bail!("UNet: guidance given, but time_cond_proj_dim is not set"),
		};
		let mut time = self.time_embedding.forward(&time)?;
		match (&self.text_time, conditioning.text_and_sizes) {
			(Some(embedding), Some((text, sizes))) => {
				let (flip, shift) = (self.config.flip_sin_to_cos, self.config.freq_shift);
				let sizes = timestep_embedding(&sizes.repeat(b), embedding.each, flip, shift)?;
				let sizes = sizes.reshape((b, SIZES * embedding.each))?.to_device(sample.device())?;
				time = (time + embedding.mlp.forward(&Tensor::cat(&[text, &sizes], 1)?)?)?;
			}
			(None, None) => {}
			(Some(_), None) => {
				candle_core::bail!("UNet: addition_embed_type is set, so pooled text and sizes are needed")
			}
			(None, Some(_)) => candle_core::bail!("UNet: sizes given, but addition_embed_type is not set"),
		}
		match (&self.class_embedding, conditioning.class_labels) {
			(Some(embedding), Some(labels)) => time = (time + embedding.forward(labels)?)?,
			(None, None) => {}
			(Some(_), None) => candle_core::bail!("UNet: class_embed_type is set, so class_labels are needed"),
			(None, Some(_)) => candle_core::bail!("UNet: class_labels given, but class_embed_type is not set"),
		}
		let time = kernels::silu(&time)?;
		let context = encoder_hidden_states;

		let mut x = self.conv_in.forward(&sample, padding)?;
		let mut skipped = vec![x.clone()];
		for level in &self.down_blocks {
			for i in 0..level.resnets.len() {
				x = level.layer(i, &x, &time, context, padding)?;
				skipped.push(x.clone());
			}
			if let Some(downsample) = &level.resample {
				x = downsample.forward(&x, padding)?;
				skipped.push(x.clone());
			}
		}
		if let Some((head, layers)) = &self.mid_block {
			x = head.forward(&x, Some(&time), padding)?;
			for (attention, resnet) in layers {
				x = resnet.forward(&attention.forward(&x, context)?, Some(&time), padding)?;
			}
		}
		for level in &self.up_blocks {
			for i in 0..level.resnets.len() {
				let Some(skip) = skipped.pop() else {
					candle_core::bail!("UNet: more up layers than down layers; check layers_per_block");
				};
				x = level.layer(i, &Tensor::cat(&[&x, &skip], 1)?, &time, context, padding)?;
			}
			if let Some(upsample) = &level.resample {
				x = upsample.forward(&x, padding)?;
			}
		}
		self.conv_out.forward(&kernels::silu(&self.conv_norm_out.forward(&x)?)?, padding)
	}
}

/// Sinusoidal embedding `(b, width)` of time steps (`get_timestep_embedding` of diffusers, period 10,000), computed in
/// f64 and rounded once, on the CPU.
pub fn timestep_embedding(timesteps: &[f32], width: usize, flip_sin_to_cos: bool, freq_shift: f64) -> Result<Tensor> {
	let half = width / 2;
	let mut data = vec![0f32; timesteps.len() * width];
	for (row, &t) in data.chunks_exact_mut(width.max(1)).zip(timesteps) {
		for i in 0..half {
			let exponent = -libm::log(10_000.0) * i as f64 / (half as f64 - freq_shift);
			let angle = f64::from(t) * libm::exp(exponent);
			let (sin, cos) = (libm::sin(angle) as f32, libm::cos(angle) as f32);
			let (low, high) = if flip_sin_to_cos { (cos, sin) } else { (sin, cos) };
			row[i] = low;
			row[half + i] = high;
		}
	}
	Tensor::from_vec(data, (timesteps.len(), width), &candle_core::Device::Cpu)
}
