//! Fine-tuning of picture models, in latent space or on pixels.

use super::data;
use super::evaluation::{EvaluationSet, PictureSample};
use super::graft::{self, Graft, Tensors};
use super::{FineTuneRecipe, Part, Task, HELD_OUT_SEED};
use crate::draws::Draws;
use crate::sheet;
use anyhow::{bail, Context, Result};
use autonomy_engine::models::clip::{ClipTextConfig, ClipTextModel};
use autonomy_engine::models::unet::{UNet2DConditionConfig, UNet2DConditionModel};
use autonomy_engine::models::vae::{AutoencoderKl, AutoencoderKlConfig};
use autonomy_engine::nn;
use autonomy_engine::pipelines::text_to_image::pixel_unshuffle;
use autonomy_engine::samplers::{alphas_cumprod, PredictionType, SchedulerConfig};
use autonomy_engine::tokenizer::PromptTokenizer;
use autonomy_engine::weights::ModelFolder;
use autonomy_engine::{Control, InputSpec, Manifest, Model, Output};
use autonomy_kernels::rng::Noise;
use autonomy_primitives::job::EVALUATION_LEVELS;
use candle_core::{Device, Tensor};
use image::RgbImage;
use serde_json::Value;
use std::path::{Path, PathBuf};

const STREAM_PICTURES: u32 = 21;
const STREAM_TIMES: u32 = 22;
const STREAM_NOISE: u32 = 23;
/// Words of the streams of choices that one step may use.
const WORDS_PER_STEP: u64 = 1 << 12;
/// Largest batch.
const MOST_IN_BATCH: usize = 1024;
/// Captions on the sample sheet.
const SHEET_CAPTIONS: usize = 6;

/// Folder, file and prefix of the two networks that can be trained.
const UNET: (&str, &str, &str) = ("unet", "diffusion_pytorch_model", "unet.");
const TEXT_ENCODER: (&str, &str, &str) = ("text_encoder", "model", "text_encoder.");

/// From pixels to what the UNet works on.
enum Space {
	Pixels(usize),
	Latents(Box<AutoencoderKl>),
}

impl Space {
	fn open(folder: &ModelFolder) -> Result<Self> {
		let index: Value = folder.json("model_index.json")?;
		if let Some(n) = index["pixel_unshuffle"].as_u64() {
			return Ok(Self::Pixels(n as usize));
		}
		let config: AutoencoderKlConfig = folder.json("vae/config.json")?;
		let vae = AutoencoderKl::new(&config, folder.tensors("vae", "diffusion_pytorch_model")?)
			.context("training in latent space needs the autoencoder with its encoder")?;
		Ok(Self::Latents(Box::new(vae)))
	}

	/// Pixels per latent pixel, along each side.
	fn scale(&self) -> usize {
		match self {
			Self::Pixels(n) => *n,
			Self::Latents(vae) => vae.config().scale(),
		}
	}

	/// The values (c, h, w) of a picture: its pixels in [−1, 1], folded, or the mean of its latents.
	fn encode(&self, picture: &RgbImage) -> Result<Vec<f32>> {
		let (width, height) = (picture.width() as usize, picture.height() as usize);
		let bytes = picture.as_raw();
		let planes: Vec<f32> =
			(0..3).flat_map(|c| bytes.iter().skip(c).step_by(3)).map(|byte| f32::from(*byte) / 127.5 - 1.0).collect();
		let planes = Tensor::from_vec(planes, (1, 3, height, width), &Device::Cpu)?;
		let values = match self {
			Self::Pixels(n) => pixel_unshuffle(&planes, *n)?,
			Self::Latents(vae) => {
				let (scale, shift) = (vae.scaling_factor(), vae.config().shift_factor.unwrap_or(0.0));
				vae.encode_mean(&planes)?.affine(scale, -shift * scale)?
			}
		};
		Ok(values.flatten_all()?.to_vec1::<f32>()?)
	}
}

/// What a picture model is made of, but for its weights.
struct Design {
	unet: UNet2DConditionConfig,
	text: ClipTextConfig,
	tokenizer: PromptTokenizer,
	prediction: PredictionType,
	alphas: Vec<f64>,
}

/// The networks of one step.
struct Networks {
	text: ClipTextModel,
	unet: UNet2DConditionModel,
}

impl Design {
	fn open(folder: &ModelFolder) -> Result<Self> {
		let text: ClipTextConfig = folder.json("text_encoder/config.json")?;
		let scheduler: SchedulerConfig = folder.json("scheduler/scheduler_config.json")?;
		Ok(Self {
			unet: folder.json("unet/config.json")?,
			tokenizer: PromptTokenizer::open(folder, text.vocab_size, text.max_position_embeddings)?,
			prediction: scheduler.prediction_type,
			alphas: alphas_cumprod(&scheduler),
			text,
		})
	}

	fn tensors(&self, folder: &ModelFolder) -> Result<Tensors> {
		let mut tensors = graft::read(folder, UNET, |vb| UNet2DConditionModel::new(&self.unet, vb))?;
		tensors.extend(graft::read(folder, TEXT_ENCODER, |vb| ClipTextModel::new(&self.text, vb))?);
		Ok(tensors)
	}

	fn networks(&self, graft: &Graft) -> Result<Networks> {
		let vb = graft.builder();
		Ok(Networks {
			text: ClipTextModel::new(&self.text, vb.pp("text_encoder"))?,
			unet: UNet2DConditionModel::new(&self.unet, vb.pp("unet"))?,
		})
	}

	/// What the UNet says about noisy pictures (b, c, h, w) at these times, with these prompts one after the other.
	fn predict(&self, networks: &Networks, noisy: &Tensor, times: &[f32], ids: Vec<u32>) -> Result<Tensor> {
		let ids = Tensor::from_vec(ids, (times.len(), self.tokenizer.length()), &Device::Cpu)?;
		let (words, sentence) = networks.text.forward(&ids)?;
		let class = self.unet.class_embed_type.as_ref().map(|_| &sentence);
		Ok(networks.unet.forward(noisy, times, &words, class)?)
	}

	/// Appends the noisy picture and what the network should say of it.
	fn ask(&self, clean: &[f32], noise: &[f32], time: usize, noisy: &mut Vec<f32>, wanted: &mut Vec<f32>) {
		let alpha = self.alphas[time];
		let (signal, spread) = (root(alpha), root(1.0 - alpha));
		noisy.extend(clean.iter().zip(noise).map(|(x, n)| signal * x + spread * n));
		match self.prediction {
			PredictionType::Sample => wanted.extend(clean),
			PredictionType::Epsilon => wanted.extend(noise),
			PredictionType::VPrediction => wanted.extend(clean.iter().zip(noise).map(|(x, n)| signal * n - spread * x)),
		}
	}

	/// Weight of a sample's loss at a time: the signal-to-noise ratio, limited to a range, as a weight of the error of the
	/// clean picture (Salimans and Ho, 2022; Hang et al., 2023), whatever the network predicts.
	fn weight(&self, time: usize, [low, high]: [f32; 2]) -> f32 {
		let alpha = self.alphas[time];
		let spread = if alpha < 1.0 { 1.0 - alpha } else { f64::EPSILON };
		let ratio = alpha / spread;
		let limited = ratio.clamp(low.into(), high.into());
		let weight = match self.prediction {
			PredictionType::Sample => limited,
			PredictionType::Epsilon => limited / if ratio > 1e-8 { ratio } else { 1e-8 },
			PredictionType::VPrediction => limited / (ratio + 1.0),
		};
		weight as f32
	}

	/// Range of [`Design::weight`] where the recipe has none.
	fn default_weights(&self) -> [f32; 2] {
		match self.prediction {
			PredictionType::Sample => [1.0, 3.0],
			PredictionType::Epsilon | PredictionType::VPrediction => [0.0, 5.0],
		}
	}
}

/// The root, rounded once to f32.
fn root(x: f64) -> f32 {
	libm::sqrt(if x > 0.0 { x } else { 0.0 }) as f32
}

/// A picture as the UNet sees it, with its caption.
struct Sample {
	caption: String,
	values: Vec<f32>,
}

/// A picture model, its data and what is held out of them.
pub(super) struct Pictures {
	design: Design,
	tensors: Tensors,
	noise: Noise,
	size: usize,
	/// Shape of one picture's values.
	shape: (usize, usize, usize),
	weights: [f32; 2],
	empty_prompts_percent: usize,
	trained: Vec<Sample>,
	held_out: Vec<Sample>,
	evaluation: Vec<PictureSample>,
}

impl Pictures {
	/// Reads model and data, and fills in what the recipe leaves to them.
	pub(super) fn open(
		folder: &ModelFolder,
		manifest: &Manifest,
		data: &Path,
		recipe: &mut FineTuneRecipe,
		noise: Noise,
	) -> Result<Self> {
		let (design, space) = (Design::open(folder)?, Space::open(folder)?);
		if recipe.size == 0 {
			recipe.size = match (design.unet.sample_size, &manifest.golden.input) {
				(Some(side), _) => side * space.scale(),
				(None, InputSpec::Image(picture)) => usize::from(picture.width),
				(None, _) => bail!("the model does not say how large its pictures are: give a size"),
			};
		}
		let size = recipe.size;
		let multiple = space.scale() * design.unet.size_multiple();
		if !size.is_multiple_of(multiple) || size * size > manifest.limits.max_pixels as usize {
			bail!(
				"pictures of {size}x{size} pixels: the side must be a multiple of {multiple}, and the model takes {} pixels",
				manifest.limits.max_pixels
			);
		}
		let weights = *recipe.loss_weight.get_or_insert_with(|| design.default_weights());
		if !(weights[0] >= 0.0 && weights[0] <= weights[1] && weights[1].is_finite()) {
			bail!("loss_weight is {weights:?}, it must be a range from 0 or more");
		}
		if let Some(phase) = recipe.phases.iter().find(|phase| phase.batch == 0 || phase.batch > MOST_IN_BATCH) {
			bail!("a batch of {} pictures: it must be 1 to {MOST_IN_BATCH}", phase.batch);
		}
		let tensors = design.tensors(folder)?;

		let listed = data::list_pictures(data)?;
		let (mut keys, mut digests, mut samples) = (Vec::new(), Vec::new(), Vec::new());
		for sample in &listed {
			let prepared = data::prepare(data, sample, size as u32)?;
			keys.push(prepared.key);
			digests.push(prepared.digest);
			let values = space.encode(&prepared.picture)?;
			samples.push(Some(Sample { caption: sample.caption.clone(), values }));
		}
		let digest = data::digest(digests.iter());
		super::check_data(&mut recipe.data, digest, data)?;
		let (trained, held_out) = data::split(&keys, recipe.hold_out_percent)?;
		let mut evaluation = Vec::new();
		for i in held_out.iter().take(super::most_samples()) {
			let picture = data::prepare(data, &listed[*i], size as u32)?.picture;
			evaluation.push(PictureSample::new(&listed[*i].caption, &picture));
		}
		let mut take = |places: Vec<usize>| places.into_iter().filter_map(|i| samples[i].take()).collect::<Vec<_>>();
		let (trained, held_out) = (take(trained), take(held_out));
		let side = size / space.scale();
		Ok(Self {
			shape: (design.unet.in_channels, side, side),
			design,
			tensors,
			noise,
			size,
			weights,
			empty_prompts_percent: recipe.empty_prompts_percent,
			trained,
			held_out,
			evaluation,
		})
	}

	fn numbers(&self) -> usize {
		self.shape.0 * self.shape.1 * self.shape.2
	}

	fn tensor(&self, values: Vec<f32>, count: usize) -> Result<Tensor> {
		let (channels, height, width) = self.shape;
		Ok(Tensor::from_vec(values, (count, channels, height, width), &Device::Cpu)?)
	}

	/// Steps and guidance of the pictures on the sheet: those of the golden job.
	fn sheet_settings(manifest: &Manifest) -> (u16, f64) {
		match &manifest.golden.input {
			InputSpec::Image(picture) => (picture.steps, picture.guidance),
			_ => (manifest.limits.max_steps.min(20), 1.5),
		}
	}
}

impl Task for Pictures {
	fn tensors(&self) -> Tensors {
		self.tensors.clone()
	}

	fn parts(&self) -> &'static [Part] {
		&[Part { folder: "unet/", prefix: "unet." }, Part { folder: "text_encoder/", prefix: "text_encoder." }]
	}

	fn adapter_prefix(&self) -> &'static str {
		""
	}

	fn is_trained(&self, name: &str, text_encoder: bool) -> bool {
		text_encoder || name.starts_with(UNET.2)
	}

	fn counts(&self) -> (usize, usize) {
		(self.trained.len(), self.held_out.len())
	}

	fn loss(&self, graft: &Graft, step: u64, size: usize) -> Result<Tensor> {
		let (numbers, timesteps) = (self.numbers(), self.design.alphas.len());
		let mut draws = Draws::new(&self.noise, STREAM_PICTURES, step * WORDS_PER_STEP);
		let mut times = Draws::new(&self.noise, STREAM_TIMES, step * WORDS_PER_STEP);
		let noise = self.noise.normal(STREAM_NOISE, step * (MOST_IN_BATCH * numbers) as u64, size * numbers);
		let (mut noisy, mut wanted) = (Vec::with_capacity(size * numbers), Vec::with_capacity(size * numbers));
		let (mut steps, mut weights, mut ids) = (Vec::new(), Vec::new(), Vec::new());
		// One picture and one time from each of `size` equal stretches: the same expectation as independent ones, less
		// variance. The stretches are matched anew in each step.
		let turn = times.below(size);
		for (i, noise) in noise.chunks_exact(numbers).enumerate() {
			let sample = &self.trained[stretch(i, size, &mut draws, self.trained.len())];
			let empty = draws.chance(self.empty_prompts_percent);
			ids.extend(self.design.tokenizer.encode(if empty { "" } else { &sample.caption })?);
			let time = stretch((i + turn) % size, size, &mut times, timesteps);
			self.design.ask(&sample.values, noise, time, &mut noisy, &mut wanted);
			weights.push(self.design.weight(time, self.weights));
			steps.push(time as f32);
		}
		// The next step makes them anew.
		let networks = nn::without_copies(|| self.design.networks(graft))?;
		let predicted = self.design.predict(&networks, &self.tensor(noisy, size)?, &steps, ids)?;
		let weights = Tensor::from_vec(weights, size, &Device::Cpu)?;
		Ok(autonomy_kernels::mse_loss(&predicted, &self.tensor(wanted, size)?, Some(&weights))?)
	}

	/// The mean squared error of the prediction at evenly spread noise levels. The noise of a sample is always the same.
	fn held_out_loss(&self, graft: &Graft) -> Result<f64> {
		let (numbers, timesteps, levels) = (self.numbers(), self.design.alphas.len(), EVALUATION_LEVELS as usize);
		let (networks, noise) = (self.design.networks(graft)?, Noise::new(HELD_OUT_SEED));
		let mut sum = 0.0;
		for (i, sample) in self.held_out.iter().enumerate() {
			let noise = noise.normal(STREAM_NOISE, (i * levels * numbers) as u64, levels * numbers);
			let (mut noisy, mut wanted) = (Vec::new(), Vec::new());
			let (mut steps, mut ids) = (Vec::new(), Vec::new());
			for (level, noise) in noise.chunks_exact(numbers).enumerate() {
				let time = (2 * level + 1) * timesteps / (2 * levels);
				self.design.ask(&sample.values, noise, time, &mut noisy, &mut wanted);
				ids.extend(self.design.tokenizer.encode(&sample.caption)?);
				steps.push(time as f32);
			}
			let predicted = self.design.predict(&networks, &self.tensor(noisy, levels)?, &steps, ids)?;
			let loss = autonomy_kernels::mse_loss(&predicted, &self.tensor(wanted, levels)?, None)?;
			sum += f64::from(loss.to_scalar::<f32>()?);
		}
		Ok(sum / self.held_out.len() as f64)
	}

	fn read(&self, folder: &ModelFolder) -> Result<Tensors> {
		self.design.tensors(folder)
	}

	fn evaluation_set(&self) -> EvaluationSet {
		EvaluationSet::Image(self.evaluation.clone())
	}

	fn samples_file(&self) -> &'static str {
		"samples.png"
	}

	fn write_samples(&self, base: &Model, trained: &Model, file: &Path) -> Result<Option<PathBuf>> {
		let manifest = base.manifest();
		let (steps, guidance) = Self::sheet_settings(manifest);
		let mut captions: Vec<&str> = Vec::new();
		for sample in self.held_out.iter().chain(&self.trained) {
			let fits = sample.caption.len() <= usize::from(manifest.limits.max_prompt_bytes);
			if fits && captions.len() < SHEET_CAPTIONS && !captions.contains(&sample.caption.as_str()) {
				captions.push(&sample.caption);
			}
		}
		let mut pictures = Vec::new();
		for model in [base, trained] {
			for caption in &captions {
				let input = InputSpec::image(caption, self.size as u16, self.size as u16, steps, guidance);
				let output = model
					.run(&input.to_job_input()?, HELD_OUT_SEED, [0; 32], &mut |_| Control::Continue)
					.with_context(|| format!("a picture of {caption:?}"))?;
				let Output::Image(picture) = output.output else { bail!("the model does not make pictures") };
				let picture = RgbImage::from_raw(picture.width, picture.height, picture.rgb);
				pictures.push(((*caption).to_owned(), picture.context("the picture is incomplete")?));
			}
		}
		if pictures.is_empty() {
			return Ok(None);
		}
		let sheet = sheet::contact_sheet(&pictures, captions.len() as u32)?;
		sheet.save(file).with_context(|| format!("cannot write {}", file.display()))?;
		Ok(Some(file.to_path_buf()))
	}
}

/// A place in `0..n` out of stretch `i` of `of` equal ones.
fn stretch(i: usize, of: usize, draws: &mut Draws, n: usize) -> usize {
	let share = (i as f64 + f64::from(draws.unit())) / of as f64;
	((share * n as f64) as usize).min(n - 1)
}
