//! Text to image by diffusion in the folder layout of diffusers, in latent space (with an autoencoder) or in pixel
//! space: pictures, tiles, animations and sprite sheets.

use super::walk::Place;
use super::{Control, Observer, Progress, LATENT_STREAM, STEP_STREAM};
use crate::digest::{Animation, Image, SpriteSheet};
use crate::models::clip::{ClipTextConfig, ClipTextModel};
use crate::models::unet::{Conditioning, UNet2DConditionConfig, UNet2DConditionModel};
use crate::models::vae::{AutoencoderKl, AutoencoderKlConfig};
use crate::nn::Padding;
use crate::samplers::{PredictionType, Sampler, SchedulerConfig};
use crate::tokenizer::{has_prompt_tokenizer, PromptTokenizer};
use crate::weights::checkpoint::{unet_key, Family, Part};
use crate::weights::{placed, Adapters, Checkpoint, ModelFolder};
use crate::{EngineError, JobFault};
use autonomy_kernels::{check_finite, mse_loss, rng::Noise};
use autonomy_primitives::job::EVALUATION_LEVELS;
use candle_core::{Device, Tensor};
use candle_nn::VarBuilder;
use serde::Deserialize;
use serde_json::Value;

const MODEL_INDEX: &str = "model_index.json";
/// The pipeline of Stable Diffusion 1 and 2.
const STABLE_DIFFUSION: &str = "StableDiffusionPipeline";
/// What prompts for OpenCLIP's text encoders, of Stable Diffusion 2 and SDXL, are padded with.
const OPEN_CLIP_PADDING: &str = "!";
const UNET_CONFIG: &str = "unet/config.json";
const SECOND_TEXT_CONFIG: &str = "text_encoder_2/config.json";
const SCHEDULER_CONFIG: &str = "scheduler/scheduler_config.json";

/// `model_index.json`: which parts the folder has.
#[derive(Deserialize)]
struct ModelIndex {
	/// The pipeline of diffusers.
	#[serde(default, rename = "_class_name")]
	class_name: String,
	/// Ours: no autoencoder, the UNet works on pixels of which `n × n` are folded into channels as
	/// `torch.pixel_unshuffle` does.
	pixel_unshuffle: Option<usize>,
	/// SDXL's second text encoder.
	#[serde(default)]
	text_encoder_2: Value,
	/// SDXL's refiner wants another number in place of a size.
	#[serde(default)]
	requires_aesthetics_score: bool,
	/// An empty negative prompt is zeros rather than the text encoders' idea of nothing; of SDXL unless given.
	force_zeros_for_empty_prompt: Option<bool>,
}

/// From what the UNet leaves to pixels.
enum Decoder {
	Autoencoder(Box<AutoencoderKl>),
	PixelShuffle(usize),
}

impl Decoder {
	/// Pixels per latent pixel, along each side.
	fn scale(&self) -> usize {
		match self {
			Self::Autoencoder(vae) => vae.config().scale(),
			Self::PixelShuffle(n) => *n,
		}
	}

	/// `(1, c, h, w)` to the planes of a picture, row by row.
	fn planes(&self, latents: &Tensor, padding: Padding) -> candle_core::Result<Tensor> {
		match self {
			Self::Autoencoder(vae) => vae.decode_scaled(latents, padding),
			Self::PixelShuffle(n) => pixel_shuffle(latents, *n),
		}
	}

	/// The inverse: the planes of a picture `(1, 3, h, w)` to what the UNet is trained on. `None` for an autoencoder without
	/// an encoder.
	fn latents(&self, planes: &Tensor) -> candle_core::Result<Option<Tensor>> {
		match self {
			Self::Autoencoder(vae) if !vae.has_encoder() || vae.config().in_channels != 3 => Ok(None),
			Self::Autoencoder(vae) => vae.encode_scaled(planes).map(Some),
			Self::PixelShuffle(n) => pixel_unshuffle(planes, *n).map(Some),
		}
	}
}

/// `(b, c·n², h, w) -> (b, c, h·n, w·n)`, the inverse of [`pixel_unshuffle`].
pub fn pixel_shuffle(x: &Tensor, n: usize) -> candle_core::Result<Tensor> {
	let (b, c, h, w) = x.dims4()?;
	x.reshape(&[b, c / (n * n), n, n, h, w][..])?.permute([0, 1, 4, 2, 5, 3])?.reshape((b, c / (n * n), h * n, w * n))
}

/// `(b, c, h·n, w·n) -> (b, c·n², h, w)`: the channel of pixel (y, x) is `c·n² + (y mod n)·n + (x mod n)`, as
/// `torch.pixel_unshuffle` has it.
pub fn pixel_unshuffle(x: &Tensor, n: usize) -> candle_core::Result<Tensor> {
	let (b, c, h, w) = x.dims4()?;
	x.reshape(&[b, c, h / n, n, w / n, n][..])?.permute([0, 1, 3, 5, 2, 4])?.reshape((b, c * n * n, h / n, w / n))
}

/// What all pictures of a run are drawn with.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
	/// What they should not show; used with guidance only.
	pub negative_prompt: &'a str,
	/// Pixels per row.
	pub width: usize,
	/// Rows.
	pub height: usize,
	/// Denoise steps.
	pub steps: usize,
	/// Classifier-free guidance scale (Ho and Salimans, 2022); 1 or less runs without.
	pub guidance: f32,
}

impl Settings<'_> {
	fn guided(&self) -> bool {
		self.guidance > 1.0
	}
}

/// A loop to draw.
#[derive(Clone, Copy, Debug)]
pub struct AnimationRequest<'a> {
	/// What it shows at first.
	pub prompt: &'a str,
	/// What it shows half-way; empty for the same all the time.
	pub prompt_to: &'a str,
	/// Frames, at least one.
	pub frames: u8,
	/// Frames shown in a second.
	pub frames_per_second: u8,
	/// Radius of the circle that the noise goes round, 0 to 1.
	pub motion: f64,
}

/// A sprite sheet to draw.
#[derive(Clone, Copy, Debug)]
pub struct SpriteSheetRequest<'a> {
	/// What each cell shows.
	pub prompts: &'a [String],
	/// Cells in a row, at least one.
	pub columns: u8,
	/// How far the background may be from the colour of a cell's corners; 0 keeps it.
	pub background_tolerance: u8,
}

/// What the text encoder makes of prompts: states `(rows, tokens, width)` and pooled text `(rows, width)`.
struct Text {
	states: Tensor,
	pooled: Tensor,
}

impl Text {
	fn row(&self, row: usize) -> candle_core::Result<Self> {
		Ok(Self { states: self.states.narrow(0, row, 1)?, pooled: self.pooled.narrow(0, row, 1)? })
	}

	/// This text, and behind it the one to be led away from.
	fn guided_by(&self, unwanted: Option<&Self>) -> candle_core::Result<Self> {
		let both = |wanted: &Tensor, unwanted: Option<&Tensor>| match unwanted {
			Some(unwanted) => Tensor::cat(&[wanted, unwanted], 0),
			None => Ok(wanted.clone()),
		};
		Ok(Self {
			states: both(&self.states, unwanted.map(|text| &text.states))?,
			pooled: both(&self.pooled, unwanted.map(|text| &text.pooled))?,
		})
	}

	/// `a · self + b · other`, value by value.
	fn mixed(&self, other: &Self, [a, b]: [f32; 2]) -> candle_core::Result<Self> {
		let mix = |from: &Tensor, to: &Tensor| -> candle_core::Result<Tensor> {
			let (from_values, to_values) = (from.flatten_all()?.to_vec1::<f32>()?, to.flatten_all()?.to_vec1::<f32>()?);
			let values: Vec<f32> = from_values.iter().zip(&to_values).map(|(x, y)| a * x + b * y).collect();
			Tensor::from_vec(values, from.shape(), from.device())
		};
		Ok(Self { states: mix(&self.states, &other.states)?, pooled: mix(&self.pooled, &other.pooled)? })
	}
}

/// A run over one picture or several, in progress.
struct Run<'a, 'b> {
	settings: &'a Settings<'a>,
	/// The job's random numbers.
	random: &'a Noise,
	/// Image to image: the latent of the picture, and the step to begin at.
	from: Option<(Vec<f32>, usize)>,
	padding: Padding,
	/// Shape of the latents.
	shape: (usize, usize, usize, usize),
	progress: Progress,
	observe: &'a mut Observer<'b>,
}

impl Run<'_, '_> {
	/// Values of a latent.
	fn elements(&self) -> usize {
		self.shape.1 * self.shape.2 * self.shape.3
	}

	/// The noise that latents are made of, from the `index`-th place of its stream on.
	fn noise(&self, index: usize) -> Vec<f32> {
		let elements = self.elements();
		self.random.normal(LATENT_STREAM, (index * elements) as u64, elements)
	}

	/// Adds what a sampler with noise wants after step `i` of a picture.
	fn add_noise(&self, i: usize, factor: f32, sample: &mut [f32]) {
		if factor != 0.0 {
			let elements = self.elements();
			let fresh = self.random.normal(STEP_STREAM, (i * elements) as u64, elements);
			sample.iter_mut().zip(&fresh).for_each(|(x, n)| *x += factor * n);
		}
	}
}

/// A text encoder and what prepares its prompts.
struct TextEncoder {
	tokenizer: PromptTokenizer,
	model: ClipTextModel,
}

/// The networks and settings of a folder, whatever its layout.
struct Parts<'a> {
	folder: &'a ModelFolder,
	checkpoint: Option<Checkpoint<'a>>,
	adapters: Adapters,
	/// Where the networks run.
	device: &'a Device,
}

impl Parts<'_> {
	fn unsupported(&self, file: &str, why: String) -> EngineError {
		// A checkpoint may stand for the file.
		let file = match &self.checkpoint {
			Some(checkpoint) if !self.folder.has(file) => checkpoint.path(),
			_ => file,
		};
		match self.folder.path(file) {
			Ok(path) => EngineError::Unsupported { path, why },
			Err(error) => error,
		}
	}

	/// The tensors of a network with the adapters merged, on the device.
	fn tensors(
		&self,
		part: Part,
		unet: &UNet2DConditionConfig,
		vae: &AutoencoderKlConfig,
	) -> Result<VarBuilder<'static>, EngineError> {
		let stem = match part {
			Part::TextEncoder | Part::TextEncoder2 => "model",
			Part::UNet | Part::Vae => "diffusion_pytorch_model",
		};
		let component = part.component();
		let tensors = match &self.checkpoint {
			Some(checkpoint) => checkpoint.builder(part, unet, vae),
			None => self.folder.tensors(component, stem)?,
		};
		let unet = unet.clone();
		let tensors = match part {
			Part::Vae => tensors,
			Part::UNet => self.adapters.around(tensors, component, Box::new(move |name: &str| unet_key(&unet, name))),
			Part::TextEncoder | Part::TextEncoder2 => {
				self.adapters.around(tensors, component, Box::new(|_: &str| None))
			}
		};
		Ok(placed(tensors, self.device))
	}

	/// A text encoder with its tokenizer, and with the vectors that the adapters add to its vocabulary.
	fn text_encoder(
		&self,
		part: Part,
		config: &ClipTextConfig,
		tensors: VarBuilder<'static>,
	) -> Result<TextEncoder, EngineError> {
		let second = part == Part::TextEncoder2;
		let beside = second && has_prompt_tokenizer(self.folder, "tokenizer_2");
		let component = if beside { "tokenizer_2" } else { "tokenizer" };
		let positions = config.max_position_embeddings;
		let mut tokenizer = PromptTokenizer::open_in(self.folder, component, config.vocab_size, positions)?;
		// Whoever has a checkpoint puts the tokenizer of OpenAI's CLIP beside it, which pads with another token.
		let is_open_clip = match &self.checkpoint {
			Some(checkpoint) if !second => checkpoint.family() == Family::Sd2,
			_ => second && !beside,
		};
		if is_open_clip {
			tokenizer.pad_with(OPEN_CLIP_PADDING)?;
		}
		let network = || EngineError::network(part.component());
		let model = match second {
			true => ClipTextModel::with_projection(config, tensors),
			false => ClipTextModel::new(config, tensors),
		};
		let mut model = model.map_err(network())?;
		for embedded in self.adapters.embedded(config.hidden_size, second)? {
			let count = embedded.vectors.dim(0).map_err(network())? as u32;
			check_finite(&embedded.vectors).map_err(|_| EngineError::Unsupported {
				path: embedded.path.clone(),
				why: "a vector has a number that is not finite".into(),
			})?;
			let vectors = embedded.vectors.to_device(self.device).map_err(network())?;
			let first = model.extend_vocabulary(&vectors).map_err(network())?;
			tokenizer.add_token(&embedded.token, (first..first + count).collect())?;
		}
		Ok(TextEncoder { tokenizer, model })
	}
}

/// A loaded text-to-image model.
pub struct TextToImage {
	encoder: TextEncoder,
	/// SDXL's.
	second: Option<TextEncoder>,
	zero_empty: bool,
	unet: UNet2DConditionModel,
	decoder: Decoder,
	scheduler: SchedulerConfig,
	/// Where the networks run. Samplers run on the CPU.
	device: Device,
}

impl TextToImage {
	/// Loads tokenizers, text encoders, UNet, scheduler and, unless the model works on pixels, the autoencoder, of a diffusers
	/// folder or of a single checkpoint with its tokenizer beside it; and merges what `adapters.json` lists.
	pub fn open(folder: &ModelFolder) -> Result<Self, EngineError> {
		Self::open_on(folder, &Device::Cpu)
	}

	/// Loads the model as [`TextToImage::open`] does, to run on a device.
	pub fn open_on(folder: &ModelFolder, device: &Device) -> Result<Self, EngineError> {
		let is_file = |path: &str| !path.contains('/') && path.ends_with(".safetensors");
		let is_checkpoint = !folder.has(MODEL_INDEX) && folder.files().any(is_file);
		let checkpoint = is_checkpoint.then(|| Checkpoint::open(folder)).transpose()?;
		let parts = Parts { folder, checkpoint, adapters: Adapters::open(folder)?, device };
		let index = match &parts.checkpoint {
			Some(checkpoint) => ModelIndex {
				class_name: match checkpoint.family() {
					Family::Sd1 | Family::Sd2 => STABLE_DIFFUSION.into(),
					Family::Sdxl => "StableDiffusionXLPipeline".into(),
				},
				pixel_unshuffle: None,
				text_encoder_2: Value::Bool(checkpoint.family() == Family::Sdxl),
				requires_aesthetics_score: false,
				force_zeros_for_empty_prompt: None,
			},
			None => folder.json(MODEL_INDEX)?,
		};
		let unsupported = |file: &str, why: String| parts.unsupported(file, why);
		if index.requires_aesthetics_score {
			return Err(unsupported(MODEL_INDEX, "requires_aesthetics_score (SDXL refiner) is not supported".into()));
		}
		// Left out, `null`, `false` and diffusers' pair of nulls all mean that there is none.
		let is_sdxl = match &index.text_encoder_2 {
			Value::Null | Value::Bool(false) => false,
			Value::Array(class) => class.iter().any(|part| !part.is_null()),
			_ => true,
		};
		let mut scheduler: SchedulerConfig = match &parts.checkpoint {
			Some(checkpoint) => checkpoint.scheduler()?,
			None => folder.json(SCHEDULER_CONFIG)?,
		};
		if index.class_name == STABLE_DIFFUSION && index.pixel_unshuffle.is_none() {
			// Files of 2022 say otherwise or nothing; that pipeline of diffusers goes on as if they had said this.
			(scheduler.steps_offset, scheduler.clip_sample) = (1, Some(false));
		}
		scheduler.check().map_err(|error| unsupported(SCHEDULER_CONFIG, error.to_string()))?;

		let text_config: ClipTextConfig = match &parts.checkpoint {
			Some(checkpoint) => checkpoint.text_config()?,
			None => folder.json("text_encoder/config.json")?,
		};
		let unet_config: UNet2DConditionConfig = match &parts.checkpoint {
			Some(checkpoint) => checkpoint.unet_config()?,
			None => folder.json(UNET_CONFIG)?,
		};
		let vae_config: AutoencoderKlConfig = match (&parts.checkpoint, index.pixel_unshuffle) {
			(Some(checkpoint), _) => checkpoint.vae_config()?,
			(None, Some(_)) => AutoencoderKlConfig::default(),
			(None, None) => folder.json("vae/config.json")?,
		};
		let tensors = |part| parts.tensors(part, &unet_config, &vae_config);
		let encoder = parts.text_encoder(Part::TextEncoder, &text_config, tensors(Part::TextEncoder)?)?;
		let (mut width, mut pooled) = (text_config.hidden_size, text_config.hidden_size);
		let second = match is_sdxl {
			true => {
				let config: ClipTextConfig = match &parts.checkpoint {
					Some(checkpoint) => checkpoint.second_text_config()?,
					None => folder.json(SECOND_TEXT_CONFIG)?,
				};
				let second = parts.text_encoder(Part::TextEncoder2, &config, tensors(Part::TextEncoder2)?)?;
				let (ours, theirs) = (encoder.tokenizer.length(), second.tokenizer.length());
				if ours != theirs {
					let why = format!("prompts of {theirs} tokens, the first text encoder has {ours}");
					return Err(unsupported(SECOND_TEXT_CONFIG, why));
				}
				(width, pooled) = (width + config.hidden_size, config.projection_dim);
				Some(second)
			}
			false => None,
		};

		let unet =
			UNet2DConditionModel::new(&unet_config, tensors(Part::UNet)?).map_err(EngineError::network("unet"))?;
		let (decoder, channels) = match index.pixel_unshuffle {
			Some(0) => return Err(unsupported(MODEL_INDEX, "pixel_unshuffle is 0; it must be at least 1".into())),
			Some(n) => (Decoder::PixelShuffle(n), 3 * n * n),
			None => {
				let vae = AutoencoderKl::with_any_encoder(&vae_config, tensors(Part::Vae)?)
					.map_err(EngineError::network("vae"))?;
				if vae_config.out_channels != 3 {
					let why = format!("out_channels {}, a picture has 3", vae_config.out_channels);
					return Err(unsupported("vae/config.json", why));
				}
				(Decoder::Autoencoder(Box::new(vae)), vae_config.latent_channels)
			}
		};
		let (inputs, outputs) = (unet_config.in_channels, unet_config.out_channels);
		if (inputs, outputs) != (channels, channels) {
			let why = format!("in_channels {inputs} and out_channels {outputs}, the latents have {channels}");
			return Err(unsupported(UNET_CONFIG, why));
		}
		let context = unet_config.cross_attention_dim;
		if width != context {
			let why = format!("cross_attention_dim {context}, the text encoder gives {width}");
			return Err(unsupported(UNET_CONFIG, why));
		}
		let class = unet_config.projection_class_embeddings_input_dim;
		if unet_config.class_embed_type.is_some() && class != Some(pooled) {
			let why = format!("projection_class_embeddings_input_dim {class:?}, the pooled text has {pooled}");
			return Err(unsupported(UNET_CONFIG, why));
		}
		match unet_config.pooled_text_width() {
			Some(wanted) if wanted != pooled => {
				let why = format!(
					"addition_embed_type text_time for a pooled text of {wanted}, the text encoder gives {pooled}"
				);
				return Err(unsupported(UNET_CONFIG, why));
			}
			_ => {}
		}
		if unet_config.addition_embed_type.is_some() && second.is_none() {
			let why = "addition_embed_type text_time (SDXL) needs text_encoder_2, which the model does not have";
			return Err(unsupported(UNET_CONFIG, why.into()));
		}
		parts.adapters.check_used()?;
		let zero_empty = index.force_zeros_for_empty_prompt.unwrap_or(is_sdxl);
		Ok(Self { encoder, second, zero_empty, unet, decoder, scheduler, device: device.clone() })
	}

	/// Width and height of a picture must be multiples of this, in pixels.
	pub fn size_multiple(&self) -> usize {
		self.decoder.scale() * self.unet.config().size_multiple()
	}

	/// Draws a picture. The noise of the job's seed gives the initial latent and, for samplers with noise, what is added after
	/// their steps; nothing else is random.
	pub fn run(
		&self,
		prompt: &str,
		settings: &Settings,
		noise: &Noise,
		observe: &mut Observer,
	) -> Result<Image, JobFault> {
		self.draw_one(prompt, self.begin(settings, Padding::Zeros, 1, noise, observe)?)
	}

	/// Draws a picture from another (SDEdit; Meng et al., 2022): of the steps, the last `strength` per cent are run, from the
	/// picture's latent with as much noise as is left there. 100 keeps nothing of the picture, but for what the scheduler's
	/// first level of noise leaves of it.
	///
	/// The picture must be as large as the settings say, and the autoencoder must have its encoder. The latent is the mean
	/// that it gives, so that nothing is drawn for it.
	pub fn run_from(
		&self,
		picture: &Image,
		strength: u8,
		prompt: &str,
		settings: &Settings,
		noise: &Noise,
		observe: &mut Observer,
	) -> Result<Image, JobFault> {
		let mut run = self.begin(settings, Padding::Zeros, 1, noise, observe)?;
		let (width, height) = (picture.width as usize, picture.height as usize);
		if (width, height) != (settings.width, settings.height) {
			let why = format!(
				"a picture of {width}x{height} to begin with, {}x{} is asked for; make it that size first",
				settings.width, settings.height
			);
			return Err(JobFault::InputInvalid(why));
		}
		let steps = settings.steps * usize::from(strength) / 100;
		if strength > 100 || steps == 0 {
			let why =
				format!("strength {strength} with {} steps; 1 to 100 and at least one step are needed", settings.steps);
			return Err(JobFault::InputInvalid(why));
		}
		let latent = self.latent(picture)?.flatten_all()?.to_vec1::<f32>()?;
		run.from = Some((latent, settings.steps - steps));
		run.progress.steps = steps as u32;
		self.draw_one(prompt, run)
	}

	/// Draws a picture whose opposite edges fit together: every convolution reads beyond an edge what lies at the opposite
	/// one. Attention sees no edges.
	pub fn run_tile(
		&self,
		prompt: &str,
		settings: &Settings,
		noise: &Noise,
		observe: &mut Observer,
	) -> Result<Image, JobFault> {
		self.draw_one(prompt, self.begin(settings, Padding::Wrap, 1, noise, observe)?)
	}

	/// Draws a loop, frame after frame, each as a picture is drawn; [`walk`](super::walk) has the noise and the text of each.
	pub fn run_animation(
		&self,
		request: &AnimationRequest,
		settings: &Settings,
		noise: &Noise,
		observe: &mut Observer,
	) -> Result<Animation, JobFault> {
		let frames = u32::from(request.frames);
		let mut run = self.begin(settings, Padding::Zeros, frames, noise, observe)?;
		let mut prompts = vec![request.prompt];
		prompts.extend(Some(request.prompt_to).filter(|prompt| !prompt.is_empty()));
		let (texts, unwanted) = self.encode_prompts(&prompts, settings)?;
		let noises = [0, 1, 2].map(|index| run.noise(index));
		let mut drawn = Vec::with_capacity(frames as usize);
		for frame in 0..frames {
			let place = Place::of(frame, frames, request.motion);
			let text = match &texts[..] {
				[from, to] => from.mixed(to, place.text)?.guided_by(unwanted.as_ref())?,
				texts => texts[0].guided_by(unwanted.as_ref())?,
			};
			drawn.push(self.draw(&mut run, place.noise(&noises), &text)?.rgb);
		}
		Ok(Animation {
			width: settings.width as u32,
			height: settings.height as u32,
			frames_per_second: request.frames_per_second.into(),
			frames: drawn,
		})
	}

	/// Draws a sprite sheet, cell after cell, each as a picture is drawn and all from the same noise.
	pub fn run_sprite_sheet(
		&self,
		request: &SpriteSheetRequest,
		settings: &Settings,
		noise: &Noise,
		observe: &mut Observer,
	) -> Result<SpriteSheet, JobFault> {
		let mut run = self.begin(settings, Padding::Zeros, request.prompts.len() as u32, noise, observe)?;
		let noise = run.noise(0);
		let mut cells = Vec::with_capacity(request.prompts.len());
		for prompt in request.prompts {
			// Each as if it were alone: how many parts a prompt has does not depend on the others.
			let (texts, unwanted) = self.encode_prompts(&[prompt.as_str()], settings)?;
			cells.push(self.draw(&mut run, noise.clone(), &texts[0].guided_by(unwanted.as_ref())?)?);
		}
		Ok(SpriteSheet::new(&cells, request.columns.into(), request.background_tolerance))
	}

	/// A run over `pictures` pictures, once their settings were checked.
	fn begin<'a, 'b>(
		&self,
		settings: &'a Settings<'a>,
		padding: Padding,
		pictures: u32,
		random: &'a Noise,
		observe: &'a mut Observer<'b>,
	) -> Result<Run<'a, 'b>, JobFault> {
		let Settings { width, height, steps, .. } = *settings;
		let multiple = self.size_multiple();
		if width == 0 || height == 0 || !width.is_multiple_of(multiple) || !height.is_multiple_of(multiple) {
			let why = format!("a picture of {width}x{height}; both sides must be multiples of {multiple} pixels");
			return Err(JobFault::InputInvalid(why));
		}
		self.sampler(steps)?;
		let scale = self.decoder.scale();
		let shape = (1, self.unet.config().in_channels, height / scale, width / scale);
		let progress = Progress { step: 0, steps: pictures * steps as u32 };
		Ok(Run { settings, random, from: None, padding, shape, progress, observe })
	}

	fn sampler(&self, steps: usize) -> Result<Box<dyn Sampler>, JobFault> {
		self.scheduler.sampler(steps).map_err(|error| JobFault::InputInvalid(error.to_string()))
	}

	fn draw_one(&self, prompt: &str, mut run: Run) -> Result<Image, JobFault> {
		let (texts, unwanted) = self.encode_prompts(&[prompt], run.settings)?;
		let noise = run.noise(0);
		self.draw(&mut run, noise, &texts[0].guided_by(unwanted.as_ref())?)
	}

	/// Draws the next picture of a run from its noise and its text.
	fn draw(&self, run: &mut Run, noise: Vec<f32>, text: &Text) -> Result<Image, JobFault> {
		let Settings { width, height, steps, guidance, .. } = *run.settings;
		let (shape, elements, guided) = (run.shape, run.elements(), self.guided(run.settings));
		let conditioning = self.conditioning(text, (width, height), guidance);
		let mut sampler = self.sampler(steps)?;
		let (mut sample, first): (Vec<f32>, usize) = match &run.from {
			Some((clean, first)) => {
				let (signal, spread) = sampler.mix(*first);
				(clean.iter().zip(&noise).map(|(x, n)| signal * x + spread * n).collect(), *first)
			}
			None => {
				let (sigma, mut sample) = (sampler.initial_sigma(), noise);
				sample.iter_mut().for_each(|x| *x *= sigma);
				(sample, 0)
			}
		};

		for i in first..steps {
			let factor = sampler.input_scale(i);
			let scaled: Vec<f32> = sample.iter().map(|x| x * factor).collect();
			let input = Tensor::from_vec(scaled, shape, &self.device)?;
			let timestep = sampler.timesteps()[i];
			let predict = |input: &Tensor, times: &[f32]| -> candle_core::Result<Vec<f32>> {
				let output = self.unet.forward_conditioned(input, times, &text.states, &conditioning, run.padding)?;
				output.flatten_all()?.to_vec1::<f32>()
			};
			let output = match guided {
				true => {
					let both = predict(&Tensor::cat(&[&input, &input], 0)?, &[timestep; 2])?;
					let (wanted, unwanted) = both.split_at(elements);
					wanted.iter().zip(unwanted).map(|(w, u)| u + guidance * (w - u)).collect()
				}
				false => predict(&input, &[timestep])?,
			};
			sampler.step(i, &output, &mut sample);
			run.add_noise(i, sampler.noise_after(i), &mut sample);
			run.progress.step += 1;
			if !sample.iter().all(|x| x.is_finite()) {
				return Err(JobFault::NonFinite(format!("the latent after step {}", run.progress.step)));
			}
			if (run.observe)(run.progress, &sample) == Control::Cancel {
				return Err(JobFault::Cancelled);
			}
		}

		let planes = self.decoder.planes(&Tensor::from_vec(sample, shape, &self.device)?, run.padding)?;
		check_finite(&planes).map_err(|_| JobFault::NonFinite("the decoded picture".into()))?;
		Ok(Image::from_planes(width as u32, height as u32, &planes.flatten_all()?.to_vec1::<f32>()?))
	}

	/// Whether each step asks the model twice, with and without the text. A model distilled with guidance is told the scale
	/// instead.
	fn guided(&self, settings: &Settings) -> bool {
		settings.guided() && self.unet.config().time_cond_proj_dim.is_none()
	}

	/// What the UNet is told beside the text states: pooled text, and the size as that of a picture that was never cropped.
	fn conditioning<'t>(&self, text: &'t Text, (width, height): (usize, usize), guidance: f32) -> Conditioning<'t> {
		let config = self.unet.config();
		let (width, height) = (width as f32, height as f32);
		let sizes = [height, width, 0.0, 0.0, height, width];
		Conditioning {
			class_labels: config.class_embed_type.as_ref().map(|_| &text.pooled),
			text_and_sizes: config.addition_embed_type.as_ref().map(|_| (&text.pooled, sizes)),
			guidance: config.time_cond_proj_dim.map(|_| guidance),
		}
	}

	/// What the text encoder makes of each prompt, and with guidance of the negative prompt. All go through it at once, which
	/// changes no bit.
	fn encode_prompts(&self, prompts: &[&str], settings: &Settings) -> Result<(Vec<Text>, Option<Text>), JobFault> {
		let guided = self.guided(settings);
		let mut all = prompts.to_vec();
		all.extend(guided.then_some(settings.negative_prompt));
		let encoded = self.encode(&all, true)?;
		let texts = (0..prompts.len()).map(|row| encoded.row(row)).collect::<candle_core::Result<_>>()?;
		let unwanted = guided.then(|| encoded.row(prompts.len())).transpose()?;
		let unwanted = match unwanted {
			Some(text) if self.zero_empty && settings.negative_prompt.is_empty() => {
				Some(Text { states: text.states.zeros_like()?, pooled: text.pooled.zeros_like()? })
			}
			unwanted => unwanted,
		};
		Ok((texts, unwanted))
	}

	/// What the text encoders make of prompts. A prompt too long for them is divided, its parts are encoded alone and their
	/// states follow each other; with `whole` unset it is cut. All prompts get as many parts as the longest has, empty ones at
	/// the end; the pooled text is that of the first part.
	fn encode(&self, prompts: &[&str], whole: bool) -> Result<Text, JobFault> {
		let encoders = std::iter::once(&self.encoder).chain(&self.second);
		let mut divided = Vec::with_capacity(2);
		for encoder in encoders {
			let mut parts: Vec<Vec<Vec<u32>>> = Vec::with_capacity(prompts.len());
			for prompt in prompts {
				parts.push(match whole {
					true => encoder.tokenizer.chunks(prompt)?,
					false => vec![encoder.tokenizer.encode(prompt)?],
				});
			}
			divided.push((encoder, parts));
		}
		let most = divided.iter().flat_map(|(_, parts)| parts).map(Vec::len).max().unwrap_or(1);
		let length = self.encoder.tokenizer.length();
		let (mut states, mut pooled) = (Vec::with_capacity(2), None);
		for (encoder, mut parts) in divided {
			if parts.iter().any(|parts| parts.len() < most) {
				let nothing = encoder.tokenizer.encode("")?;
				parts.iter_mut().for_each(|parts| parts.resize(most, nothing.clone()));
			}
			let ids: Vec<u32> = parts.into_iter().flatten().flatten().collect();
			let ids = Tensor::from_vec(ids, (prompts.len() * most, length), &self.device)?;
			let encoded = encoder.model.states(&ids)?;
			let of_each = if self.second.is_some() { encoded.penultimate } else { encoded.last };
			check_finite(&of_each).map_err(|_| JobFault::NonFinite("the text states".into()))?;
			let width = of_each.dim(2)?;
			states.push(of_each.reshape((prompts.len(), most * length, width))?);
			let of_all = encoded.projected.unwrap_or(encoded.pooled);
			let width = of_all.dim(1)?;
			let of_all = of_all.reshape((prompts.len(), most, width))?;
			pooled = Some(of_all.narrow(1, 0, 1)?.squeeze(1)?.contiguous()?);
		}
		let Some(pooled) = pooled else { return Err(JobFault::Io("a model without a text encoder".into())) };
		check_finite(&pooled).map_err(|_| JobFault::NonFinite("the pooled text".into()))?;
		Ok(Text { states: Tensor::cat(&states, 2)?, pooled })
	}
}

/// What evaluations ask.
impl TextToImage {
	/// What the model was trained to predict, and the levels of noise at which an evaluation asks it: for each the training
	/// step and the share of signal variance. They lie in the middles of [`EVALUATION_LEVELS`] equal stretches.
	pub fn levels(&self) -> (PredictionType, Vec<(usize, f64)>) {
		let signal = self.scheduler.alphas_cumprod();
		let parts = 2 * EVALUATION_LEVELS as usize;
		let steps = (1..parts).step_by(2).map(|part| part * signal.len() / parts);
		(self.scheduler.prediction_type, steps.map(|step| (step, signal[step])).collect())
	}

	/// The latent `(1, c, h, w)` of a picture, to which training adds noise.
	pub fn latent(&self, image: &Image) -> Result<Tensor, JobFault> {
		let (width, height) = (image.width as usize, image.height as usize);
		let multiple = self.size_multiple();
		if width == 0 || height == 0 || !width.is_multiple_of(multiple) || !height.is_multiple_of(multiple) {
			let why = format!("a picture of {width}x{height}; both sides must be multiples of {multiple} pixels");
			return Err(JobFault::InputInvalid(why));
		}
		let planes = Tensor::from_vec(image.planes(), (1, 3, height, width), &self.device)?;
		let Some(latent) = self.decoder.latents(&planes)? else {
			let why =
				"the model's autoencoder has no encoder for RGB pictures; only a folder with one can be evaluated";
			return Err(JobFault::InputInvalid(why.into()));
		};
		check_finite(&latent).map_err(|_| JobFault::NonFinite("the latent of a picture".into()))?;
		Ok(latent)
	}

	/// The mean squared error of the prediction at each of [`TextToImage::levels`], for a latent and its caption. `noise_of`
	/// gives the noise of a level, as many values as the latent has.
	pub fn losses(
		&self,
		caption: &str,
		latent: &Tensor,
		noise_of: &dyn Fn(u32) -> Vec<f32>,
	) -> Result<Vec<f32>, JobFault> {
		// Captions are cut, as they are in training.
		let text = self.encode(&[caption], false)?;
		let shape = latent.dims4()?;
		let scale = self.decoder.scale();
		let conditioning = self.conditioning(&text, (shape.3 * scale, shape.2 * scale), 1.0);
		let clean = latent.flatten_all()?.to_vec1::<f32>()?;
		let (prediction, levels) = self.levels();
		let mut losses = Vec::with_capacity(levels.len());
		for (level, (step, share)) in (0..).zip(levels) {
			let noise = noise_of(level);
			let (signal, spread) = (libm::sqrt(share) as f32, libm::sqrt(1.0 - share) as f32);
			let pairs = || clean.iter().zip(&noise);
			let noisy: Vec<f32> = pairs().map(|(x, n)| signal * x + spread * n).collect();
			let noisy = Tensor::from_vec(noisy, shape, &self.device)?;
			let target = match prediction {
				PredictionType::Sample => clean.clone(),
				PredictionType::Epsilon => noise.clone(),
				PredictionType::VPrediction => pairs().map(|(x, n)| signal * n - spread * x).collect(),
			};
			let target = Tensor::from_vec(target, shape, &Device::Cpu)?;
			let predicted =
				self.unet.forward_conditioned(&noisy, &[step as f32], &text.states, &conditioning, Padding::Zeros)?;
			let loss = mse_loss(&predicted.to_device(&Device::Cpu)?, &target, None)?.to_scalar::<f32>()?;
			if !loss.is_finite() {
				return Err(JobFault::NonFinite(format!("the loss at training step {step}")));
			}
			losses.push(loss);
		}
		Ok(losses)
	}
}
