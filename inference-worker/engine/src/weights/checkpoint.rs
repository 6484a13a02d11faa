//! Single-file checkpoints in the layout of the original Stable Diffusion code (`model.diffusion_model.`,
//! `first_stage_model.`, `cond_stage_model.` or `conditioner.`), read under the names of diffusers.

use super::ModelFolder;
use crate::models::clip::{ClipTextConfig, HiddenActivation};
use crate::models::unet::{PerBlock, UNet2DConditionConfig};
use crate::models::vae::AutoencoderKlConfig;
use crate::samplers::{BetaSchedule, PredictionType, SchedulerConfig};
use crate::EngineError;
use candle_core::{DType, Device, Shape, Tensor};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use serde::de::DeserializeOwned;
use std::path::PathBuf;

/// Before the names of the UNet's tensors.
const UNET: &str = "model.diffusion_model.";
/// Before the names of the autoencoder's tensors.
const VAE: &str = "first_stage_model.";

/// Which family a checkpoint belongs to, told by its text encoders.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Family {
	/// Stable Diffusion 1.x: OpenAI's CLIP.
	Sd1,
	/// Stable Diffusion 2.x: OpenCLIP.
	Sd2,
	/// SDXL: both.
	Sdxl,
}

/// A network of a checkpoint.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
	/// The text encoder.
	TextEncoder,
	/// SDXL's second text encoder.
	TextEncoder2,
	/// The UNet.
	UNet,
	/// The autoencoder.
	Vae,
}

impl Part {
	/// Name of the folder that diffusers keeps it in.
	pub fn component(self) -> &'static str {
		match self {
			Self::TextEncoder => "text_encoder",
			Self::TextEncoder2 => "text_encoder_2",
			Self::UNet => "unet",
			Self::Vae => "vae",
		}
	}
}

/// Where the values of a tensor are in a checkpoint.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Source {
	/// All values of the tensor with this name.
	Whole(String),
	/// The third of its rows with this number: query, key and value are stored as one.
	Third(String, usize),
	/// Its transpose.
	Transposed(String),
}

impl Source {
	/// Name of the stored tensor.
	pub fn name(&self) -> &str {
		match self {
			Self::Whole(name) | Self::Third(name, _) | Self::Transposed(name) => name,
		}
	}
}

/// A single file with all networks.
pub struct Checkpoint<'a> {
	folder: &'a ModelFolder,
	path: String,
	tensors: VarBuilder<'static>,
	family: Family,
}

impl<'a> Checkpoint<'a> {
	/// Opens the one `.safetensors` file that lies in the model's folder itself.
	pub fn open(folder: &'a ModelFolder) -> Result<Self, EngineError> {
		let ending = ".safetensors";
		let files: Vec<&str> = folder.files().filter(|path| !path.contains('/') && path.ends_with(ending)).collect();
		let [path] = files[..] else {
			let path = folder.dir().to_path_buf();
			let why = format!(
				"{} .safetensors files and no model_index.json: a picture model is a diffusers folder or one checkpoint",
				files.len()
			);
			return Err(EngineError::Unsupported { path, why });
		};
		let tensors = folder.tensors("", path.strip_suffix(ending).unwrap_or(path))?;
		let has = |name: &str| tensors.contains_tensor(name);
		let clip = "embeddings.token_embedding.weight";
		let family = if has("conditioner.embedders.1.model.ln_final.weight") {
			Family::Sdxl
		} else if has("cond_stage_model.model.ln_final.weight") {
			Family::Sd2
		} else if has(&format!("cond_stage_model.transformer.text_model.{clip}"))
			|| has(&format!("cond_stage_model.transformer.{clip}"))
		{
			Family::Sd1
		} else {
			let why = "no text encoder of Stable Diffusion 1, 2 or SDXL base is in it: looked for cond_stage_model.transformer, \
			           cond_stage_model.model.ln_final.weight and conditioner.embedders.1.model.ln_final.weight";
			return Err(EngineError::Unsupported { path: folder.path(path)?, why: why.into() });
		};
		Ok(Self { folder, path: path.to_owned(), tensors, family })
	}

	/// The family.
	pub fn family(&self) -> Family {
		self.family
	}

	/// Path of the file below the folder.
	pub fn path(&self) -> &str {
		&self.path
	}

	/// A configuration file beside the checkpoint where there is one, else what the family has.
	fn config<T: DeserializeOwned>(&self, path: &str, usual: fn(Family) -> T) -> Result<T, EngineError> {
		match self.folder.has(path) {
			true => self.folder.json(path),
			false => Ok(usual(self.family)),
		}
	}

	/// Configuration of the UNet.
	pub fn unet_config(&self) -> Result<UNet2DConditionConfig, EngineError> {
		self.config("unet/config.json", unet_config)
	}

	/// Configuration of the first text encoder.
	pub fn text_config(&self) -> Result<ClipTextConfig, EngineError> {
		self.config("text_encoder/config.json", text_config)
	}

	/// Configuration of SDXL's second text encoder.
	pub fn second_text_config(&self) -> Result<ClipTextConfig, EngineError> {
		self.config("text_encoder_2/config.json", |_| second_text_config())
	}

	/// Configuration of the autoencoder.
	pub fn vae_config(&self) -> Result<AutoencoderKlConfig, EngineError> {
		self.config("vae/config.json", vae_config)
	}

	/// Configuration of the scheduler. A tensor with the name `v_pred` says that the model predicts the velocity, and `ztsnr`
	/// that its last training step is pure noise. Other checkpoints do not say what the model predicts: of Stable Diffusion 2 it
	/// is taken to be the velocity, of the others the noise.
	pub fn scheduler(&self) -> Result<SchedulerConfig, EngineError> {
		const FILE: &str = "scheduler/scheduler_config.json";
		if self.folder.has(FILE) {
			return self.folder.json(FILE);
		}
		// Models with the noise levels of Karras et al. (2022).
		if let Some(mark) = ["edm_mean", "edm_vpred.sigma_max"].iter().find(|name| self.tensors.contains_tensor(name)) {
			let why = format!("it has a tensor {mark}: models of EDM are not supported");
			return Err(EngineError::Unsupported { path: self.folder.path(&self.path)?, why });
		}
		let mut usual = scheduler(self.family);
		if self.tensors.contains_tensor("v_pred") {
			usual.prediction_type = PredictionType::VPrediction;
		}
		usual.rescale_betas_zero_snr = self.tensors.contains_tensor("ztsnr");
		Ok(usual)
	}

	/// The tensors of a network under the names of diffusers.
	pub fn builder(&self, part: Part, unet: &UNet2DConditionConfig, vae: &AutoencoderKlConfig) -> VarBuilder<'static> {
		let renamed = Renamed {
			inner: self.tensors.clone(),
			file: self.folder.dir().join(&self.path),
			family: self.family,
			part,
			unet: unet.clone(),
			levels: vae.block_out_channels.len(),
		};
		VarBuilder::from_backend(Box::new(renamed), DType::F32, Device::Cpu)
	}
}

fn unet_config(family: Family) -> UNet2DConditionConfig {
	let usual = UNet2DConditionConfig::default();
	match family {
		Family::Sd1 => UNet2DConditionConfig { sample_size: Some(64), cross_attention_dim: 768, ..usual },
		Family::Sd2 => UNet2DConditionConfig {
			sample_size: Some(96),
			cross_attention_dim: 1024,
			attention_head_dim: PerBlock::Many(vec![5, 10, 20, 20]),
			use_linear_projection: true,
			..usual
		},
		Family::Sdxl => {
			let (plain, cross) = ("DownBlock2D".to_owned(), "CrossAttnDownBlock2D".to_owned());
			let (up_plain, up_cross) = ("UpBlock2D".to_owned(), "CrossAttnUpBlock2D".to_owned());
			UNet2DConditionConfig {
				sample_size: Some(128),
				down_block_types: vec![plain, cross.clone(), cross],
				up_block_types: vec![up_cross.clone(), up_cross, up_plain],
				block_out_channels: vec![320, 640, 1280],
				cross_attention_dim: 2048,
				transformer_layers_per_block: PerBlock::Many(vec![1, 2, 10]),
				attention_head_dim: PerBlock::Many(vec![5, 10, 20]),
				use_linear_projection: true,
				addition_embed_type: Some("text_time".into()),
				addition_time_embed_dim: Some(256),
				projection_class_embeddings_input_dim: Some(2816),
				..usual
			}
		}
	}
}

fn text_config(family: Family) -> ClipTextConfig {
	let usual = ClipTextConfig {
		hidden_size: 768,
		intermediate_size: 3072,
		num_attention_heads: 12,
		eos_token_id: 2,
		..Default::default()
	};
	match family {
		Family::Sd1 | Family::Sdxl => usual,
		// The last of OpenCLIP's 24 layers is not used.
		Family::Sd2 => ClipTextConfig {
			hidden_size: 1024,
			intermediate_size: 4096,
			num_hidden_layers: 23,
			num_attention_heads: 16,
			hidden_act: HiddenActivation::Gelu,
			..usual
		},
	}
}

fn second_text_config() -> ClipTextConfig {
	ClipTextConfig {
		hidden_size: 1280,
		intermediate_size: 5120,
		num_hidden_layers: 32,
		num_attention_heads: 20,
		hidden_act: HiddenActivation::Gelu,
		eos_token_id: 2,
		projection_dim: 1280,
		..Default::default()
	}
}

fn vae_config(family: Family) -> AutoencoderKlConfig {
	let scaling_factor = match family {
		Family::Sd1 | Family::Sd2 => 0.18215,
		Family::Sdxl => 0.13025,
	};
	AutoencoderKlConfig {
		down_block_types: vec!["DownEncoderBlock2D".into(); 4],
		up_block_types: vec!["UpDecoderBlock2D".into(); 4],
		block_out_channels: vec![128, 256, 512, 512],
		layers_per_block: 2,
		scaling_factor,
		..Default::default()
	}
}

fn scheduler(family: Family) -> SchedulerConfig {
	let class_name = match family {
		Family::Sd1 | Family::Sd2 => "DDIMScheduler",
		Family::Sdxl => "EulerDiscreteScheduler",
	};
	SchedulerConfig {
		beta_start: 0.00085,
		beta_end: 0.012,
		beta_schedule: BetaSchedule::ScaledLinear,
		prediction_type: match family {
			Family::Sd2 => PredictionType::VPrediction,
			Family::Sd1 | Family::Sdxl => PredictionType::Epsilon,
		},
		timestep_spacing: Some(crate::samplers::TimestepSpacing::Leading),
		steps_offset: 1,
		clip_sample: Some(false),
		set_alpha_to_one: false,
		..SchedulerConfig::new(class_name)
	}
}

/// Takes `prefix` and a number off the front of a name: `("resnets.", "resnets.1.norm1")` gives 1 and `norm1`.
fn numbered<'n>(prefix: &str, name: &'n str) -> Option<(usize, &'n str)> {
	let (number, rest) = name.strip_prefix(prefix)?.split_once('.')?;
	Some((number.parse().ok()?, rest))
}

/// The first pair whose left side begins the name, with the right side in its place.
fn swapped(pairs: &[(&str, &str)], name: &str) -> Option<String> {
	pairs.iter().find_map(|(ours, theirs)| name.strip_prefix(ours).map(|rest| format!("{theirs}{rest}")))
}

/// The layers of a residual block of the UNet.
const UNET_RESNET: [(&str, &str); 6] = [
	("norm1.", "in_layers.0."),
	("conv1.", "in_layers.2."),
	("time_emb_proj.", "emb_layers.1."),
	("norm2.", "out_layers.0."),
	("conv2.", "out_layers.3."),
	("conv_shortcut.", "skip_connection."),
];

/// The name that a tensor of a `UNet2DConditionModel` has in the original layout, without the prefix of the network.
/// `None` for a name that the model does not have.
pub fn unet_key(config: &UNet2DConditionConfig, name: &str) -> Option<String> {
	const OUTSIDE: [(&str, &str); 8] = [
		("conv_in.", "input_blocks.0.0."),
		("time_embedding.linear_1.", "time_embed.0."),
		("time_embedding.linear_2.", "time_embed.2."),
		("time_embedding.cond_proj.", "time_embed.cond_proj."),
		("add_embedding.linear_1.", "label_emb.0.0."),
		("add_embedding.linear_2.", "label_emb.0.2."),
		("conv_norm_out.", "out.0."),
		("conv_out.", "out.2."),
	];
	if let Some(key) = swapped(&OUTSIDE, name) {
		return Some(key);
	}
	let inside = |block: String, at: usize, rest: &str| Some(format!("{block}.{at}.{}", swapped(&UNET_RESNET, rest)?));
	if let Some(rest) = name.strip_prefix("mid_block.") {
		return match numbered("resnets.", rest) {
			Some((j, rest)) => inside("middle_block".into(), 2 * j, rest),
			None => Some(format!("middle_block.1.{}", rest.strip_prefix("attentions.0.")?)),
		};
	}
	let levels = config.block_out_channels.len();
	let layers = |i: usize| config.layers_per_block.at(i, "layers_per_block").ok();
	if let Some((i, rest)) = numbered("down_blocks.", name).filter(|(i, _)| *i < levels) {
		// Before a level lie the first convolution and, of each finer level, its layers and its downsampling.
		let first = (0..i).try_fold(1, |sum, finer| Some(sum + layers(finer)? + 1))?;
		if let Some((j, rest)) = numbered("resnets.", rest) {
			return inside(format!("input_blocks.{}", first + j), 0, rest);
		}
		if let Some((j, rest)) = numbered("attentions.", rest) {
			return Some(format!("input_blocks.{}.1.{rest}", first + j));
		}
		let rest = rest.strip_prefix("downsamplers.0.conv.")?;
		return Some(format!("input_blocks.{}.0.op.{rest}", first + layers(i)?));
	}
	let (i, rest) = numbered("up_blocks.", name).filter(|(i, _)| *i < levels)?;
	let layers_up = |i: usize| Some(layers(levels.checked_sub(i + 1)?)? + 1);
	let first = (0..i).try_fold(0, |sum, coarser| Some(sum + layers_up(coarser)?))?;
	if let Some((j, rest)) = numbered("resnets.", rest) {
		return inside(format!("output_blocks.{}", first + j), 0, rest);
	}
	if let Some((j, rest)) = numbered("attentions.", rest) {
		return Some(format!("output_blocks.{}.1.{rest}", first + j));
	}
	// The upsampling follows the last layer's transformer, if it has one.
	let rest = rest.strip_prefix("upsamplers.0.conv.")?;
	let place = if config.up_block_types.get(i)?.starts_with("CrossAttn") { 2 } else { 1 };
	Some(format!("output_blocks.{}.{place}.conv.{rest}", first + layers_up(i)? - 1))
}

/// The name that a tensor of an `AutoencoderKL` of that many levels has in the original layout, without the prefix of the
/// network.
pub fn vae_key(levels: usize, name: &str) -> Option<String> {
	const SAME: [&str; 6] = [
		"quant_conv.",
		"post_quant_conv.",
		"encoder.conv_in.",
		"encoder.conv_out.",
		"decoder.conv_in.",
		"decoder.conv_out.",
	];
	const ATTENTION: [(&str, &str); 5] =
		[("group_norm.", "norm."), ("to_q.", "q."), ("to_k.", "k."), ("to_v.", "v."), ("to_out.0.", "proj_out.")];
	if SAME.iter().any(|same| name.starts_with(same)) {
		return Some(name.into());
	}
	let (side, rest) = name.split_once('.').filter(|(side, _)| matches!(*side, "encoder" | "decoder"))?;
	if let Some(rest) = rest.strip_prefix("conv_norm_out.") {
		return Some(format!("{side}.norm_out.{rest}"));
	}
	let resnet = |rest: &str| match rest.strip_prefix("conv_shortcut.") {
		Some(rest) => format!("nin_shortcut.{rest}"),
		None => rest.into(),
	};
	if let Some(rest) = rest.strip_prefix("mid_block.") {
		return match numbered("resnets.", rest) {
			Some((j, rest)) => Some(format!("{side}.mid.block_{}.{}", j + 1, resnet(rest))),
			None => Some(format!("{side}.mid.attn_1.{}", swapped(&ATTENTION, rest.strip_prefix("attentions.0.")?)?)),
		};
	}
	let (level, way, rest) = match numbered("down_blocks.", rest) {
		Some((i, rest)) => (i, "down", rest),
		None => {
			let (i, rest) = numbered("up_blocks.", rest)?;
			// Counted from the finest level there.
			(levels.checked_sub(i + 1)?, "up", rest)
		}
	};
	if let Some((j, rest)) = numbered("resnets.", rest) {
		return Some(format!("{side}.{way}.{level}.block.{j}.{}", resnet(rest)));
	}
	let rest = rest.strip_prefix(&format!("{way}samplers.0."))?;
	Some(format!("{side}.{way}.{level}.{way}sample.{rest}"))
}

/// Where a tensor of a `CLIPTextModel` lies in an OpenCLIP text encoder, without the prefix of the network.
pub fn open_clip_source(name: &str) -> Option<Source> {
	const LAYER: [(&str, &str); 5] = [
		("layer_norm1.", "ln_1."),
		("layer_norm2.", "ln_2."),
		("self_attn.out_proj.", "attn.out_proj."),
		("mlp.fc1.", "mlp.c_fc."),
		("mlp.fc2.", "mlp.c_proj."),
	];
	const OUTSIDE: [(&str, &str); 3] = [
		("text_model.embeddings.token_embedding.", "token_embedding."),
		("text_model.embeddings.position_embedding.weight", "positional_embedding"),
		("text_model.final_layer_norm.", "ln_final."),
	];
	if name == "text_projection.weight" {
		return Some(Source::Transposed("text_projection".into()));
	}
	if let Some(key) = swapped(&OUTSIDE, name) {
		return Some(Source::Whole(key));
	}
	let (i, rest) = numbered("text_model.encoder.layers.", name)?;
	if let Some(key) = swapped(&LAYER, rest) {
		return Some(Source::Whole(format!("transformer.resblocks.{i}.{key}")));
	}
	let (projection, kind) = rest.strip_prefix("self_attn.")?.split_once("_proj.")?;
	let third = ["q", "k", "v"].iter().position(|letter| *letter == projection)?;
	Some(Source::Third(format!("transformer.resblocks.{i}.attn.in_proj_{kind}"), third))
}

/// A network of a checkpoint under the names of diffusers.
struct Renamed {
	inner: VarBuilder<'static>,
	/// For messages.
	file: PathBuf,
	family: Family,
	part: Part,
	unet: UNet2DConditionConfig,
	/// Of the autoencoder.
	levels: usize,
}

impl Renamed {
	fn source(&self, name: &str) -> Option<Source> {
		let open_clip = |prefix: &str| {
			let prefixed = |name: String| format!("{prefix}{name}");
			Some(match open_clip_source(name)? {
				Source::Whole(name) => Source::Whole(prefixed(name)),
				Source::Third(name, third) => Source::Third(prefixed(name), third),
				// Some files have it as a linear layer.
				Source::Transposed(name) => match prefixed(format!("{name}.weight")) {
					layer if self.inner.contains_tensor(&layer) => Source::Whole(layer),
					_ => Source::Transposed(prefixed(name)),
				},
			})
		};
		match (self.part, self.family) {
			(Part::UNet, _) => Some(Source::Whole(format!("{UNET}{}", unet_key(&self.unet, name)?))),
			(Part::Vae, _) => Some(Source::Whole(format!("{VAE}{}", vae_key(self.levels, name)?))),
			(Part::TextEncoder, Family::Sd1) => {
				let prefix = "cond_stage_model.transformer.";
				let whole = format!("{prefix}{name}");
				let bare = name.strip_prefix("text_model.").map(|name| format!("{prefix}{name}"));
				match bare.filter(|bare| self.inner.contains_tensor(bare)) {
					Some(bare) => Some(Source::Whole(bare)),
					None => Some(Source::Whole(whole)),
				}
			}
			(Part::TextEncoder, Family::Sd2) => open_clip("cond_stage_model.model."),
			(Part::TextEncoder, Family::Sdxl) => {
				Some(Source::Whole(format!("conditioner.embedders.0.transformer.{name}")))
			}
			(Part::TextEncoder2, _) => open_clip("conditioner.embedders.1.model."),
		}
	}

	fn load(&self, name: &str) -> candle_core::Result<(Tensor, Source)> {
		let file = self.file.display();
		let Some(source) = self.source(name) else {
			candle_core::bail!("{file}: tensor {name} has no place in a checkpoint");
		};
		let stored = self.inner.get_unchecked(source.name())?;
		let tensor = match &source {
			Source::Whole(_) => stored,
			Source::Third(key, third) => {
				let rows = stored.dims().first().copied().unwrap_or(0);
				if rows == 0 || !rows.is_multiple_of(3) {
					candle_core::bail!(
						"{file}: tensor {key} has shape {:?}; query, key and value need thirds",
						stored.dims()
					);
				}
				stored.narrow(0, third * (rows / 3), rows / 3)?.contiguous()?
			}
			Source::Transposed(key) if stored.rank() != 2 => {
				candle_core::bail!("{file}: tensor {key} has shape {:?}; two dimensions were expected", stored.dims())
			}
			Source::Transposed(_) => stored.t()?.contiguous()?,
		};
		Ok((tensor, source))
	}
}

impl SimpleBackend for Renamed {
	fn get(&self, shape: Shape, name: &str, _: Init, _: DType, _: &Device) -> candle_core::Result<Tensor> {
		let (tensor, source) = self.load(name)?;
		// A 1×1 convolution here may be a linear layer there, and the other way round.
		let without_ones = |dims: &[usize]| dims.iter().copied().filter(|dim| *dim != 1).collect::<Vec<_>>();
		if tensor.shape() != &shape && without_ones(tensor.dims()) != without_ones(shape.dims()) {
			candle_core::bail!(
				"{}: tensor {} has shape {:?}, the configuration asks for {shape:?} ({name})",
				self.file.display(),
				source.name(),
				tensor.shape()
			);
		}
		tensor.reshape(shape)
	}

	fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> candle_core::Result<Tensor> {
		Ok(self.load(name)?.0)
	}

	fn contains_tensor(&self, name: &str) -> bool {
		self.source(name).is_some_and(|source| self.inner.contains_tensor(source.name()))
	}
}
