//! The autoencoder of latent diffusion (Rombach et al., 2022) with the configuration and tensor names of
//! `diffusers.AutoencoderKL`.

use super::blocks::{Downsample2D, PixelAttention, ResnetBlock2D, ResnetConfig, TimeScaleShift, Upsample2D};
use crate::nn::{Conv2d, GroupNorm, Padding};
use autonomy_kernels as kernels;
use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use serde::{Deserialize, Serialize};

/// Epsilon of every normalisation, fixed in diffusers.
const EPS: f64 = 1e-6;

/// Latents with a longer side than this are decoded in tiles, so that memory does not grow with the picture.
pub const TILE_ABOVE: usize = 128;
/// Side of a tile, in latent pixels.
pub const TILE: usize = 64;
/// From one tile to the next; what lies between is in both, and blended.
pub const TILE_STRIDE: usize = 48;

/// `vae/config.json`. Unknown fields are ignored; defaults are those of diffusers.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct AutoencoderKlConfig {
	/// Channels of the picture given to the encoder.
	pub in_channels: usize,
	/// Channels of the decoded picture.
	pub out_channels: usize,
	/// Only `DownEncoderBlock2D`.
	pub down_block_types: Vec<String>,
	/// Only `UpDecoderBlock2D`.
	pub up_block_types: Vec<String>,
	/// Channels per level, from the finest down.
	pub block_out_channels: Vec<usize>,
	/// Residual blocks per encoder level; decoder levels have one more.
	pub layers_per_block: usize,
	/// Channels of the latents.
	pub latent_channels: usize,
	/// Groups of the normalisations.
	pub norm_num_groups: usize,
	/// Latents of the diffusion model are the encoder's times this.
	pub scaling_factor: f64,
	/// Subtracted from the encoder's latents before scaling.
	pub shift_factor: Option<f64>,
	/// A 1×1 convolution after the encoder.
	pub use_quant_conv: bool,
	/// A 1×1 convolution before the decoder.
	pub use_post_quant_conv: bool,
	/// Self-attention in the middle block.
	pub mid_block_add_attention: bool,
}

impl Default for AutoencoderKlConfig {
	fn default() -> Self {
		Self {
			in_channels: 3,
			out_channels: 3,
			down_block_types: vec!["DownEncoderBlock2D".into()],
			up_block_types: vec!["UpDecoderBlock2D".into()],
			block_out_channels: vec![64],
			layers_per_block: 1,
			latent_channels: 4,
			norm_num_groups: 32,
			scaling_factor: 0.18215,
			shift_factor: None,
			use_quant_conv: true,
			use_post_quant_conv: true,
			mid_block_add_attention: true,
		}
	}
}

impl AutoencoderKlConfig {
	fn resnet(&self, inputs: usize, outputs: usize) -> ResnetConfig {
		ResnetConfig {
			inputs,
			outputs,
			time_channels: None,
			groups: self.norm_num_groups,
			eps: EPS,
			scale_shift: TimeScaleShift::Default,
			output_scale: 1.0,
		}
	}

	fn check(&self) -> Result<()> {
		if self.block_out_channels.is_empty() {
			candle_core::bail!("VAE: block_out_channels is empty");
		}
		if let Some(other) = self.down_block_types.iter().find(|kind| *kind != "DownEncoderBlock2D") {
			candle_core::bail!("VAE: down block type {other:?} is not supported; DownEncoderBlock2D is");
		}
		if let Some(other) = self.up_block_types.iter().find(|kind| *kind != "UpDecoderBlock2D") {
			candle_core::bail!("VAE: up block type {other:?} is not supported; UpDecoderBlock2D is");
		}
		Ok(())
	}

	/// Pixels per latent pixel, along each side.
	pub fn scale(&self) -> usize {
		1 << (self.block_out_channels.len().saturating_sub(1))
	}
}

/// Residual block, self-attention, residual block.
#[derive(Clone, Debug)]
struct MidBlock {
	head: ResnetBlock2D,
	attention: Option<PixelAttention>,
	tail: ResnetBlock2D,
}

impl MidBlock {
	fn new(config: &AutoencoderKlConfig, channels: usize, vb: VarBuilder) -> Result<Self> {
		let attention = match config.mid_block_add_attention {
			true => {
				let vb = vb.pp("attentions").pp(0);
				Some(PixelAttention::new(channels, config.norm_num_groups, EPS, vb)?)
			}
			false => None,
		};
		Ok(Self {
			head: ResnetBlock2D::new(config.resnet(channels, channels), vb.pp("resnets").pp(0))?,
			attention,
			tail: ResnetBlock2D::new(config.resnet(channels, channels), vb.pp("resnets").pp(1))?,
		})
	}

	fn forward(&self, x: &Tensor, padding: Padding) -> Result<Tensor> {
		let mut x = self.head.forward(x, None, padding)?;
		if let Some(attention) = &self.attention {
			x = attention.forward(&x)?;
		}
		self.tail.forward(&x, None, padding)
	}
}

#[derive(Clone, Debug)]
struct Encoder {
	conv_in: Conv2d,
	down_blocks: Vec<(Vec<ResnetBlock2D>, Option<Downsample2D>)>,
	mid_block: MidBlock,
	conv_norm_out: GroupNorm,
	conv_out: Conv2d,
	quant_conv: Option<Conv2d>,
}

impl Encoder {
	fn new(config: &AutoencoderKlConfig, vb: VarBuilder) -> Result<Self> {
		let channels = &config.block_out_channels;
		let last = channels[channels.len() - 1];
		let moments = 2 * config.latent_channels;
		let quant_conv = match config.use_quant_conv {
			true => Some(Conv2d::new(moments, moments, 1, 1, 0, vb.pp("quant_conv"))?),
			false => None,
		};
		let vb = vb.pp("encoder");
		let mut down_blocks = Vec::with_capacity(channels.len());
		for (i, &outputs) in channels.iter().enumerate() {
			let vb = vb.pp("down_blocks").pp(i);
			let inputs = if i == 0 { channels[0] } else { channels[i - 1] };
			let resnets = (0..config.layers_per_block)
				.map(|j| {
					let inputs = if j == 0 { inputs } else { outputs };
					ResnetBlock2D::new(config.resnet(inputs, outputs), vb.pp("resnets").pp(j))
				})
				.collect::<Result<Vec<_>>>()?;
			let downsample = match i + 1 < channels.len() {
				true => Some(Downsample2D::new(outputs, 0, vb.pp("downsamplers").pp(0))?),
				false => None,
			};
			down_blocks.push((resnets, downsample));
		}
		Ok(Self {
			conv_in: Conv2d::same3x3(config.in_channels, channels[0], vb.pp("conv_in"))?,
			down_blocks,
			mid_block: MidBlock::new(config, last, vb.pp("mid_block"))?,
			conv_norm_out: GroupNorm::new(config.norm_num_groups, last, EPS, vb.pp("conv_norm_out"))?,
			conv_out: Conv2d::same3x3(last, moments, vb.pp("conv_out"))?,
			quant_conv,
		})
	}

	fn forward(&self, x: &Tensor) -> Result<Tensor> {
		let padding = Padding::Zeros;
		let mut x = self.conv_in.forward(x, padding)?;
		for (resnets, downsample) in &self.down_blocks {
			for resnet in resnets {
				x = resnet.forward(&x, None, padding)?;
			}
			if let Some(downsample) = downsample {
				x = downsample.forward(&x, padding)?;
			}
		}
		let x = self.conv_norm_out.forward(&self.mid_block.forward(&x, padding)?)?;
		let x = self.conv_out.forward(&kernels::silu(&x)?, padding)?;
		match &self.quant_conv {
			Some(conv) => conv.forward(&x, padding),
			None => Ok(x),
		}
	}
}

#[derive(Clone, Debug)]
struct Decoder {
	post_quant_conv: Option<Conv2d>,
	conv_in: Conv2d,
	mid_block: MidBlock,
	up_blocks: Vec<(Vec<ResnetBlock2D>, Option<Upsample2D>)>,
	conv_norm_out: GroupNorm,
	conv_out: Conv2d,
}

impl Decoder {
	fn new(config: &AutoencoderKlConfig, vb: VarBuilder) -> Result<Self> {
		let channels: Vec<usize> = config.block_out_channels.iter().rev().copied().collect();
		let (first, last) = (channels[0], channels[channels.len() - 1]);
		let latents = config.latent_channels;
		let post_quant_conv = match config.use_post_quant_conv {
			true => Some(Conv2d::new(latents, latents, 1, 1, 0, vb.pp("post_quant_conv"))?),
			false => None,
		};
		let vb = vb.pp("decoder");
		let mut up_blocks = Vec::with_capacity(channels.len());
		for (i, &outputs) in channels.iter().enumerate() {
			let vb = vb.pp("up_blocks").pp(i);
			let inputs = if i == 0 { first } else { channels[i - 1] };
			let resnets = (0..=config.layers_per_block)
				.map(|j| {
					let inputs = if j == 0 { inputs } else { outputs };
					ResnetBlock2D::new(config.resnet(inputs, outputs), vb.pp("resnets").pp(j))
				})
				.collect::<Result<Vec<_>>>()?;
			let upsample = match i + 1 < channels.len() {
				true => Some(Upsample2D::new(outputs, vb.pp("upsamplers").pp(0))?),
				false => None,
			};
			up_blocks.push((resnets, upsample));
		}
		Ok(Self {
			post_quant_conv,
			conv_in: Conv2d::same3x3(latents, first, vb.pp("conv_in"))?,
			mid_block: MidBlock::new(config, first, vb.pp("mid_block"))?,
			up_blocks,
			conv_norm_out: GroupNorm::new(config.norm_num_groups, last, EPS, vb.pp("conv_norm_out"))?,
			conv_out: Conv2d::same3x3(last, config.out_channels, vb.pp("conv_out"))?,
		})
	}

	fn forward(&self, latents: &Tensor, padding: Padding) -> Result<Tensor> {
		let x = match &self.post_quant_conv {
			Some(conv) => conv.forward(latents, padding)?,
			None => latents.clone(),
		};
		let mut x = self.mid_block.forward(&self.conv_in.forward(&x, padding)?, padding)?;
		for (resnets, upsample) in &self.up_blocks {
			for resnet in resnets {
				x = resnet.forward(&x, None, padding)?;
			}
			if let Some(upsample) = upsample {
				x = upsample.forward(&x, padding)?;
			}
		}
		self.conv_out.forward(&kernels::silu(&self.conv_norm_out.forward(&x)?)?, padding)
	}
}

/// The autoencoder; its encoder is optional, because text-to-image never uses it.
#[derive(Clone, Debug)]
pub struct AutoencoderKl {
	encoder: Option<Encoder>,
	decoder: Decoder,
	config: AutoencoderKlConfig,
}

impl AutoencoderKl {
	/// Reads encoder and decoder.
	pub fn new(config: &AutoencoderKlConfig, vb: VarBuilder) -> Result<Self> {
		let encoder = Some(Encoder::new(config, vb.clone())?);
		Ok(Self { encoder, ..Self::decoder_only(config, vb)? })
	}

	/// Reads the decoder and, where the weights have one, the encoder, which a text-to-image model needs for evaluations
	/// alone.
	pub fn with_any_encoder(config: &AutoencoderKlConfig, vb: VarBuilder) -> Result<Self> {
		config.check()?;
		match vb.contains_tensor("encoder.conv_in.weight") {
			true => Self::new(config, vb),
			false => Self::decoder_only(config, vb),
		}
	}

	/// Reads the decoder and leaves the encoder's tensors alone.
	pub fn decoder_only(config: &AutoencoderKlConfig, vb: VarBuilder) -> Result<Self> {
		config.check()?;
		Ok(Self { encoder: None, decoder: Decoder::new(config, vb)?, config: config.clone() })
	}

	/// The configuration that the model was built from.
	pub fn config(&self) -> &AutoencoderKlConfig {
		&self.config
	}

	/// Latents of the diffusion model are the encoder's times this factor.
	pub fn scaling_factor(&self) -> f64 {
		self.config.scaling_factor
	}

	/// Whether pictures can be encoded.
	pub fn has_encoder(&self) -> bool {
		self.encoder.is_some()
	}

	/// The mean of the latents `(b, latent_channels, h/scale, w/scale)` of a picture `(b, in_channels, h, w)` in
	/// [−1, 1], unscaled.
	pub fn encode_mean(&self, picture: &Tensor) -> Result<Tensor> {
		let Some(encoder) = &self.encoder else {
			candle_core::bail!("VAE: loaded without its encoder");
		};
		encoder.forward(picture)?.narrow(1, 0, self.config.latent_channels)
	}

	/// The picture `(b, out_channels, h·scale, w·scale)`, about [−1, 1], of unscaled latents
	/// `(b, latent_channels, h, w)`.
	pub fn decode(&self, latents: &Tensor) -> Result<Tensor> {
		self.decoder.forward(latents, Padding::Zeros)
	}

	/// The latents of a picture as the diffusion model is trained on them: the mean, with shift and scale applied. What
	/// [`AutoencoderKl::decode_scaled`] undoes.
	pub fn encode_scaled(&self, picture: &Tensor) -> Result<Tensor> {
		let mean = self.encode_mean(picture)?;
		mean.affine(1.0, -self.config.shift_factor.unwrap_or(0.0))? * self.config.scaling_factor
	}

	/// The picture of latents as the diffusion model leaves them: scale and shift are undone first. Convolutions pad as told.
	pub fn decode_scaled(&self, latents: &Tensor, padding: Padding) -> Result<Tensor> {
		let latents = (latents / self.config.scaling_factor)?;
		let latents = latents.affine(1.0, self.config.shift_factor.unwrap_or(0.0))?;
		let (_, _, h, w) = latents.dims4()?;
		match padding {
			// What is to fit together at its edges is drawn whole.
			Padding::Zeros if h.max(w) > TILE_ABOVE => self.decode_tiled(&latents, TILE, TILE_STRIDE),
			Padding::Zeros | Padding::Wrap => self.decoder.forward(&latents, padding),
		}
	}

	/// The picture of unscaled latents, decoded tile by tile (`tiled_decode` of diffusers): squares of `tile` latent pixels,
	/// each `stride` after the other. Where two overlap, the picture goes over from the one to the other evenly: with weights
	/// `1 − i/n` and `i/n` in pixel i of n, first down, then to the right.
	///
	/// `stride` must be 1 to `tile`. Latents of at most `tile` a side are decoded whole.
	pub fn decode_tiled(&self, latents: &Tensor, tile: usize, stride: usize) -> Result<Tensor> {
		let (b, _, h, w) = latents.dims4()?;
		if stride == 0 || stride > tile {
			candle_core::bail!("VAE: tiles of {tile} with a stride of {stride}; the stride must be 1 to {tile}");
		}
		if h <= tile && w <= tile {
			return self.decoder.forward(latents, Padding::Zeros);
		}
		let (scale, channels) = (self.config.scale(), self.config.out_channels);
		let (blend, step) = ((tile - stride) * scale, stride * scale);
		let (height, width) = (h * scale, w * scale);
		let mut picture = vec![0f32; b * channels * height * width];
		let mut above: Vec<Pixels> = Vec::new();
		for top in (0..h).step_by(stride) {
			let mut row: Vec<Pixels> = Vec::new();
			let rows = latents.narrow(2, top, tile.min(h - top))?;
			for (place, left) in (0..w).step_by(stride).enumerate() {
				let part = rows.narrow(3, left, tile.min(w - left))?.contiguous()?;
				let mut pixels = Pixels::of(&self.decoder.forward(&part, Padding::Zeros)?)?;
				if let Some(above) = above.get(place) {
					pixels.blend_down(above, blend);
				}
				if let Some(before) = row.last() {
					pixels.blend_right(before, blend);
				}
				pixels.copy_into(&mut picture, (top * scale, left * scale), step, (height, width));
				row.push(pixels);
			}
			above = row;
		}
		Tensor::from_vec(picture, (b, channels, height, width), latents.device())
	}
}

/// A decoded tile: planes of `height × width` values.
struct Pixels {
	values: Vec<f32>,
	height: usize,
	width: usize,
}

impl Pixels {
	fn of(picture: &Tensor) -> Result<Self> {
		let (_, _, height, width) = picture.dims4()?;
		Ok(Self { values: picture.flatten_all()?.to_vec1()?, height, width })
	}

	/// `(1 − i/n)·from + (i/n)·to`, with weights computed in f64 and rounded once.
	fn mixed(from: f32, to: f32, i: usize, n: usize) -> f32 {
		let share = i as f64 / n as f64;
		(1.0 - share) as f32 * from + share as f32 * to
	}

	/// Lets the first `rows` rows come out of the last ones of the tile above.
	fn blend_down(&mut self, above: &Self, rows: usize) {
		let rows = rows.min(self.height).min(above.height);
		let width = self.width.min(above.width);
		let planes = self.values.chunks_exact_mut(self.height * self.width);
		for (ours, theirs) in planes.zip(above.values.chunks_exact(above.height * above.width)) {
			for i in 0..rows {
				let from = &theirs[(above.height - rows + i) * above.width..][..width];
				for (x, from) in ours[i * self.width..][..width].iter_mut().zip(from) {
					*x = Self::mixed(*from, *x, i, rows);
				}
			}
		}
	}

	/// Lets the first `columns` columns come out of the last ones of the tile before.
	fn blend_right(&mut self, before: &Self, columns: usize) {
		let columns = columns.min(self.width).min(before.width);
		let lines = self.values.chunks_exact_mut(self.width).zip(before.values.chunks_exact(before.width));
		for (ours, theirs) in lines {
			for (i, (x, from)) in ours.iter_mut().zip(&theirs[before.width - columns..]).enumerate() {
				*x = Self::mixed(*from, *x, i, columns);
			}
		}
	}

	/// Copies the first `most` rows and columns, as far as the picture goes, to a place of it.
	fn copy_into(
		&self,
		picture: &mut [f32],
		(top, left): (usize, usize),
		most: usize,
		(height, width): (usize, usize),
	) {
		let (rows, columns) = (most.min(self.height), most.min(self.width));
		let planes = picture.chunks_exact_mut(height * width);
		for (plane, tile) in planes.zip(self.values.chunks_exact(self.height * self.width)) {
			for row in 0..rows {
				let line = &tile[row * self.width..][..columns];
				plane[(top + row) * width + left..][..columns].copy_from_slice(line);
			}
		}
	}
}
