//! Text to image by diffusion in the folder layout of diffusers, in latent space (with an autoencoder) or in pixel
//! space: pictures, tiles, animations and sprite sheets.

use super::walk::Place;
use super::{Control, Observer, Progress, LATENT_STREAM};
use crate::digest::{Animation, Image, SpriteSheet};
use crate::models::clip::{ClipTextConfig, ClipTextModel};
use crate::models::unet::{UNet2DConditionConfig, UNet2DConditionModel};
use crate::models::vae::{AutoencoderKl, AutoencoderKlConfig};
use crate::nn::Padding;
use crate::samplers::{PredictionType, Sampler, SchedulerConfig};
use crate::tokenizer::PromptTokenizer;
use crate::weights::ModelFolder;
use crate::{EngineError, JobFault};
use autonomy_kernels::{check_finite, mse_loss, rng::Noise};
use autonomy_primitives::job::EVALUATION_LEVELS;
use candle_core::{Device, Tensor};
use serde::Deserialize;
use serde_json::Value;

const MODEL_INDEX: &str = "model_index.json";
const UNET_CONFIG: &str = "unet/config.json";
const SCHEDULER_CONFIG: &str = "scheduler/scheduler_config.json";

/// `model_index.json`: which parts the folder has.
#[derive(Deserialize)]
struct ModelIndex {
	/// Ours: no autoencoder, the UNet works on pixels of which `n × n` are folded into channels as
	/// `torch.pixel_unshuffle` does.
	pixel_unshuffle: Option<usize>,
	/// SDXL's second text encoder.
	#[serde(default)]
	text_encoder_2: Value,
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
			Tensor::from_vec(values, from.shape(), &Device::Cpu)
		};
		Ok(Self { states: mix(&self.states, &other.states)?, pooled: mix(&self.pooled, &other.pooled)? })
	}
}

/// A run over one picture or several, in progress.
struct Run<'a, 'b> {
	settings: &'a Settings<'a>,
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
	fn noise(&self, noise: &Noise, index: usize) -> Vec<f32> {
		let elements = self.elements();
		noise.normal(LATENT_STREAM, (index * elements) as u64, elements)
	}
}

/// A loaded text-to-image model.
pub struct TextToImage {
	tokenizer: PromptTokenizer,
	text_encoder: ClipTextModel,
	unet: UNet2DConditionModel,
	decoder: Decoder,
	scheduler: SchedulerConfig,
}

impl TextToImage {
	/// Loads tokenizer, text encoder, UNet, scheduler and, unless the model works on pixels, the autoencoder.
	pub fn open(folder: &ModelFolder) -> Result<Self, EngineError> {
		let index: ModelIndex = folder.json(MODEL_INDEX)?;
		let unsupported = |file: &str, why: String| match folder.path(file) {
			Ok(path) => EngineError::Unsupported { path, why },
			Err(error) => error,
		};
		if !index.text_encoder_2.is_null() {
			return Err(unsupported(MODEL_INDEX, "models with text_encoder_2 (SDXL) are not supported".into()));
		}
		let scheduler: SchedulerConfig = folder.json(SCHEDULER_CONFIG)?;
		scheduler.check().map_err(|error| unsupported(SCHEDULER_CONFIG, error.to_string()))?;

		let text_config: ClipTextConfig = folder.json("text_encoder/config.json")?;
		let tokenizer = PromptTokenizer::open(folder, text_config.vocab_size, text_config.max_position_embeddings)?;
		let text_encoder = ClipTextModel::new(&text_config, folder.tensors("text_encoder", "model")?)
			.map_err(EngineError::network("text_encoder"))?;

		let unet_config: UNet2DConditionConfig = folder.json(UNET_CONFIG)?;
		let weights = "diffusion_pytorch_model";
		let unet = UNet2DConditionModel::new(&unet_config, folder.tensors("unet", weights)?)
			.map_err(EngineError::network("unet"))?;

		let (decoder, channels) = match index.pixel_unshuffle {
			Some(0) => return Err(unsupported(MODEL_INDEX, "pixel_unshuffle is 0; it must be at least 1".into())),
			Some(n) => (Decoder::PixelShuffle(n), 3 * n * n),
			None => {
				let config: AutoencoderKlConfig = folder.json("vae/config.json")?;
				let vae = AutoencoderKl::with_any_encoder(&config, folder.tensors("vae", weights)?)
					.map_err(EngineError::network("vae"))?;
				if config.out_channels != 3 {
					let why = format!("out_channels {}, a picture has 3", config.out_channels);
					return Err(unsupported("vae/config.json", why));
				}
				(Decoder::Autoencoder(Box::new(vae)), config.latent_channels)
			}
		};
		let (inputs, outputs) = (unet_config.in_channels, unet_config.out_channels);
		if (inputs, outputs) != (channels, channels) {
			let why = format!("in_channels {inputs} and out_channels {outputs}, the latents have {channels}");
			return Err(unsupported(UNET_CONFIG, why));
		}
		let (width, context) = (text_config.hidden_size, unet_config.cross_attention_dim);
		if width != context {
			let why = format!("cross_attention_dim {context}, the text encoder gives {width}");
			return Err(unsupported(UNET_CONFIG, why));
		}
		let class = unet_config.projection_class_embeddings_input_dim;
		if unet_config.class_embed_type.is_some() && class != Some(width) {
			let why = format!("projection_class_embeddings_input_dim {class:?}, the pooled text has {width}");
			return Err(unsupported(UNET_CONFIG, why));
		}
		Ok(Self { tokenizer, text_encoder, unet, decoder, scheduler })
	}

	/// Width and height of a picture must be multiples of this, in pixels.
	pub fn size_multiple(&self) -> usize {
		self.decoder.scale() * self.unet.config().size_multiple()
	}

	/// Draws a picture. The noise of the job's seed gives the initial latent; nothing else is random.
	pub fn run(
		&self,
		prompt: &str,
		settings: &Settings,
		noise: &Noise,
		observe: &mut Observer,
	) -> Result<Image, JobFault> {
		self.draw_one(prompt, self.begin(settings, Padding::Zeros, 1, observe)?, noise)
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
		self.draw_one(prompt, self.begin(settings, Padding::Wrap, 1, observe)?, noise)
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
		let mut run = self.begin(settings, Padding::Zeros, frames, observe)?;
		let mut prompts = vec![request.prompt];
		prompts.extend(Some(request.prompt_to).filter(|prompt| !prompt.is_empty()));
		let (texts, unwanted) = self.encode_prompts(&prompts, settings)?;
		let noises = [0, 1, 2].map(|index| run.noise(noise, index));
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
		let mut run = self.begin(settings, Padding::Zeros, request.prompts.len() as u32, observe)?;
		let prompts: Vec<&str> = request.prompts.iter().map(String::as_str).collect();
		let (texts, unwanted) = self.encode_prompts(&prompts, settings)?;
		let noise = run.noise(noise, 0);
		let mut cells = Vec::with_capacity(texts.len());
		for text in &texts {
			cells.push(self.draw(&mut run, noise.clone(), &text.guided_by(unwanted.as_ref())?)?);
		}
		Ok(SpriteSheet::new(&cells, request.columns.into(), request.background_tolerance))
	}

	/// A run over `pictures` pictures, once their settings were checked.
	fn begin<'a, 'b>(
		&self,
		settings: &'a Settings<'a>,
		padding: Padding,
		pictures: u32,
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
		Ok(Run { settings, padding, shape, progress, observe })
	}

	fn sampler(&self, steps: usize) -> Result<Box<dyn Sampler>, JobFault> {
		self.scheduler.sampler(steps).map_err(|error| JobFault::InputInvalid(error.to_string()))
	}

	fn draw_one(&self, prompt: &str, mut run: Run, noise: &Noise) -> Result<Image, JobFault> {
		let (texts, unwanted) = self.encode_prompts(&[prompt], run.settings)?;
		let noise = run.noise(noise, 0);
		self.draw(&mut run, noise, &texts[0].guided_by(unwanted.as_ref())?)
	}

	/// Draws the next picture of a run from its noise and its text.
	fn draw(&self, run: &mut Run, noise: Vec<f32>, text: &Text) -> Result<Image, JobFault> {
		let Settings { width, height, steps, guidance, .. } = *run.settings;
		let (shape, elements, guided) = (run.shape, run.elements(), run.settings.guided());
		let class_labels = self.unet.config().class_embed_type.as_ref().map(|_| &text.pooled);
		let mut sampler = self.sampler(steps)?;
		let sigma = sampler.initial_sigma();
		let mut sample = noise;
		sample.iter_mut().for_each(|x| *x *= sigma);

		for i in 0..steps {
			let factor = sampler.input_scale(i);
			let scaled: Vec<f32> = sample.iter().map(|x| x * factor).collect();
			let input = Tensor::from_vec(scaled, shape, &Device::Cpu)?;
			let timestep = sampler.timesteps()[i];
			let output = match guided {
				true => {
					let input = Tensor::cat(&[&input, &input], 0)?;
					let times = [timestep; 2];
					let both = self.unet.forward_padded(&input, &times, &text.states, class_labels, run.padding)?;
					let both = both.flatten_all()?.to_vec1::<f32>()?;
					let (wanted, unwanted) = both.split_at(elements);
					wanted.iter().zip(unwanted).map(|(w, u)| u + guidance * (w - u)).collect()
				}
				false => {
					let times = [timestep];
					let output = self.unet.forward_padded(&input, &times, &text.states, class_labels, run.padding)?;
					output.flatten_all()?.to_vec1::<f32>()?
				}
			};
			sampler.step(i, &output, &mut sample);
			run.progress.step += 1;
			if !sample.iter().all(|x| x.is_finite()) {
				return Err(JobFault::NonFinite(format!("the latent after step {}", run.progress.step)));
			}
			if (run.observe)(run.progress, &sample) == Control::Cancel {
				return Err(JobFault::Cancelled);
			}
		}

		let planes = self.decoder.planes(&Tensor::from_vec(sample, shape, &Device::Cpu)?, run.padding)?;
		check_finite(&planes).map_err(|_| JobFault::NonFinite("the decoded picture".into()))?;
		Ok(Image::from_planes(width as u32, height as u32, &planes.flatten_all()?.to_vec1::<f32>()?))
	}

	/// What the text encoder makes of each prompt, and with guidance of the negative prompt. All go through it at once, which
	/// changes no bit.
	fn encode_prompts(&self, prompts: &[&str], settings: &Settings) -> Result<(Vec<Text>, Option<Text>), JobFault> {
		let mut all = prompts.to_vec();
		all.extend(settings.guided().then_some(settings.negative_prompt));
		let mut ids = Vec::with_capacity(all.len() * self.tokenizer.length());
		for prompt in &all {
			ids.extend(self.tokenizer.encode(prompt)?);
		}
		let ids = Tensor::from_vec(ids, (all.len(), self.tokenizer.length()), &Device::Cpu)?;
		let (states, pooled) = self.text_encoder.forward(&ids)?;
		check_finite(&states).map_err(|_| JobFault::NonFinite("the text states".into()))?;
		let encoded = Text { states, pooled };
		let texts = (0..prompts.len()).map(|row| encoded.row(row)).collect::<candle_core::Result<_>>()?;
		let unwanted = settings.guided().then(|| encoded.row(prompts.len())).transpose()?;
		Ok((texts, unwanted))
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
		let planes = Tensor::from_vec(image.planes(), (1, 3, height, width), &Device::Cpu)?;
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
		let ids = Tensor::from_vec(self.tokenizer.encode(caption)?, (1, self.tokenizer.length()), &Device::Cpu)?;
		let (states, pooled) = self.text_encoder.forward(&ids)?;
		check_finite(&states).map_err(|_| JobFault::NonFinite("the text states".into()))?;
		let class_labels = self.unet.config().class_embed_type.as_ref().map(|_| &pooled);
		let shape = latent.dims4()?;
		let clean = latent.flatten_all()?.to_vec1::<f32>()?;
		let (prediction, levels) = self.levels();
		let mut losses = Vec::with_capacity(levels.len());
		for (level, (step, share)) in (0..).zip(levels) {
			let noise = noise_of(level);
			let (signal, spread) = (libm::sqrt(share) as f32, libm::sqrt(1.0 - share) as f32);
			let pairs = || clean.iter().zip(&noise);
			let noisy = Tensor::from_vec(pairs().map(|(x, n)| signal * x + spread * n).collect(), shape, &Device::Cpu)?;
			let target = match prediction {
				PredictionType::Sample => clean.clone(),
				PredictionType::Epsilon => noise.clone(),
				PredictionType::VPrediction => pairs().map(|(x, n)| signal * n - spread * x).collect(),
			};
			let target = Tensor::from_vec(target, shape, &Device::Cpu)?;
			let predicted = self.unet.forward(&noisy, &[step as f32], &states, class_labels)?;
			let loss = mse_loss(&predicted, &target, None)?.to_scalar::<f32>()?;
			if !loss.is_finite() {
				return Err(JobFault::NonFinite(format!("the loss at training step {step}")));
			}
			losses.push(loss);
		}
		Ok(losses)
	}
}
