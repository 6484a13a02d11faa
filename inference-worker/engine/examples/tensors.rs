//! Runs a part of a model that diffusers or transformers saved, so that `scripts/agree` can compare what it computes.
//!
//! `tensors PART FOLDER INPUTS OUTPUTS`: PART is `text-encoder`, `unet`, `vae`, `language-model`, `scheduler`, `pipeline` or
//! `image-to-image`; FOLDER is the part's own, or the whole pipeline's; INPUTS is a safetensors file, for a pipeline a job's
//! input as JSON, which for `image-to-image` has `strength` and the file of a `picture` beside the `image`; OUTPUTS is a
//! safetensors file to write.

use autonomy_engine::digest::Image;
use autonomy_engine::models::clip::{ClipTextConfig, ClipTextModel};
use autonomy_engine::models::llama::{KvCache, Llama, LlamaConfig};
use autonomy_engine::models::unet::{Conditioning, UNet2DConditionConfig, UNet2DConditionModel, SIZES};
use autonomy_engine::models::vae::{AutoencoderKl, AutoencoderKlConfig};
use autonomy_engine::nn::Padding;
use autonomy_engine::pipelines::text_to_image::{Settings, TextToImage};
use autonomy_engine::pipelines::LATENT_STREAM;
use autonomy_engine::samplers::SchedulerConfig;
use autonomy_engine::weights::{ModelFolder, PictureSpec};
use autonomy_engine::{Architecture, Control, Engine, InputSpec, Manifest, ManifestMeta, Output};
use autonomy_kernels::rng::Noise;
use autonomy_primitives::model::ModelLimits;
use candle_core::{DType, Device, Tensor};
use serde::Deserialize;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Tensors = HashMap<String, Tensor>;

/// Seed of the pipelines' jobs.
const SEED: [u8; 32] = [7; 32];

const USAGE: &str =
	"tensors text-encoder|unet|vae|language-model|scheduler|pipeline|image-to-image FOLDER INPUTS OUTPUTS";

fn main() {
	if let Err(error) = run() {
		eprintln!("tensors: {error}");
		std::process::exit(1);
	}
}

fn run() -> Result<(), Failure> {
	autonomy_kernels::init();
	autonomy_kernels::assert_float_environment()?;
	let arguments: Vec<String> = std::env::args().skip(1).collect();
	let [part, dir, inputs, outputs] = arguments.as_slice() else { return Err(USAGE.into()) };
	let (dir, inputs) = (Path::new(dir), Path::new(inputs));
	let result = match part.as_str() {
		"text-encoder" => text_encoder(&folder(dir)?, &load(inputs)?),
		"unet" => unet(&folder(dir)?, &load(inputs)?),
		"vae" => vae(&folder(dir)?, &load(inputs)?),
		"language-model" => language_model(&folder(dir)?, &load(inputs)?),
		"scheduler" => scheduler(&folder(dir)?, &load(inputs)?),
		"pipeline" => pipeline(dir, inputs),
		"image-to-image" => image_to_image(dir, inputs),
		other => return Err(format!("no part `{other}`: {USAGE}").into()),
	};
	Ok(candle_core::safetensors::save(&result?, outputs)?)
}

/// A folder all of whose files may be read.
fn folder(dir: &Path) -> Result<ModelFolder, Failure> {
	let mut files = vec![];
	for entry in std::fs::read_dir(dir)? {
		files.extend(entry?.file_name().into_string().ok());
	}
	Ok(ModelFolder::new(dir, files))
}

fn load(path: &Path) -> Result<Tensors, Failure> {
	Ok(candle_core::safetensors::load(path, &Device::Cpu)?)
}

fn input<'a>(inputs: &'a Tensors, name: &str) -> Result<&'a Tensor, Failure> {
	inputs.get(name).ok_or_else(|| format!("the inputs have no tensor `{name}`").into())
}

fn ids(inputs: &Tensors, name: &str) -> Result<Tensor, Failure> {
	Ok(input(inputs, name)?.to_dtype(DType::U32)?)
}

fn named<const N: usize>(tensors: [(&str, Tensor); N]) -> Tensors {
	tensors.into_iter().map(|(name, tensor)| (name.to_string(), tensor)).collect()
}

fn text_encoder(folder: &ModelFolder, inputs: &Tensors) -> Result<Tensors, Failure> {
	let config: ClipTextConfig = folder.json("config.json")?;
	let model = ClipTextModel::new(&config, folder.tensors("", "model")?)?;
	let (states, pooled) = model.forward(&ids(inputs, "ids")?)?;
	Ok(named([("states", states), ("pooled", pooled)]))
}

fn unet(folder: &ModelFolder, inputs: &Tensors) -> Result<Tensors, Failure> {
	let config: UNet2DConditionConfig = folder.json("config.json")?;
	let model = UNet2DConditionModel::new(&config, folder.tensors("", "diffusion_pytorch_model")?)?;
	let timesteps = input(inputs, "timesteps")?.to_vec1::<f32>()?;
	let (sample, states) = (input(inputs, "sample")?, input(inputs, "states")?);
	let text_and_sizes = match inputs.get("text_embeds") {
		Some(text) => {
			let sizes = input(inputs, "time_ids")?.get(0)?.to_vec1::<f32>()?;
			let wrong = |sizes: Vec<f32>| format!("time_ids has rows of {}, and must have {SIZES}", sizes.len());
			Some((text, <[f32; SIZES]>::try_from(sizes).map_err(wrong)?))
		}
		None => None,
	};
	let conditioning = Conditioning { text_and_sizes, ..Default::default() };
	let prediction = model.forward_conditioned(sample, &timesteps, states, &conditioning, Padding::Zeros)?;
	Ok(named([("prediction", prediction)]))
}

fn vae(folder: &ModelFolder, inputs: &Tensors) -> Result<Tensors, Failure> {
	let config: AutoencoderKlConfig = folder.json("config.json")?;
	let model = AutoencoderKl::new(&config, folder.tensors("", "diffusion_pytorch_model")?)?;
	let decoded = model.decode(input(inputs, "latents")?)?;
	Ok(named([("decoded", decoded), ("encoded", model.encode_mean(input(inputs, "picture")?)?)]))
}

/// The logits of `ids`, and as many of the likeliest tokens after `prompt` as `count` says.
fn language_model(folder: &ModelFolder, inputs: &Tensors) -> Result<Tensors, Failure> {
	let config: LlamaConfig = folder.json("config.json")?;
	let tensors = folder.language_model(config.model_type.name(), &config.in_gguf())?;
	let model = Llama::new(&config, tensors)?;
	let logits = model.forward(&ids(inputs, "ids")?)?;
	let count = input(inputs, "count")?.to_vec1::<i64>()?.first().copied().unwrap_or(0);
	let (mut cache, mut next, mut tokens) = (KvCache::new(), ids(inputs, "prompt")?, vec![]);
	for _ in 0..count {
		let row = model.forward_cached(&next, &mut cache)?.flatten_all()?.to_vec1::<f32>()?;
		let mut best = 0;
		for (token, logit) in row.iter().enumerate() {
			best = if *logit > row[best] { token } else { best };
		}
		tokens.push(best as u32);
		next = Tensor::from_vec(vec![best as u32], (1, 1), &Device::Cpu)?;
	}
	let tokens = Tensor::new(tokens, &Device::Cpu)?;
	Ok(named([("logits", logits), ("tokens", tokens)]))
}

/// Where `start` goes when the model's output at step i is row i of `outputs`, and the noise drawn there row i of `noise`.
fn scheduler(folder: &ModelFolder, inputs: &Tensors) -> Result<Tensors, Failure> {
	let config: SchedulerConfig = folder.json("scheduler_config.json")?;
	let outputs = input(inputs, "outputs")?.to_vec2::<f32>()?;
	let noise = input(inputs, "noise")?.to_vec2::<f32>()?;
	let mut sampler = config.sampler(outputs.len())?;
	let sigma = sampler.initial_sigma();
	let timesteps = sampler.timesteps().to_vec();
	let scales: Vec<f32> = (0..outputs.len()).map(|i| sampler.input_scale(i)).collect();
	let mut sample: Vec<f32> = input(inputs, "start")?.to_vec1::<f32>()?.iter().map(|x| x * sigma).collect();
	let mut samples = vec![];
	for (i, (output, noise)) in outputs.iter().zip(&noise).enumerate() {
		sampler.step(i, output, &mut sample);
		let share = sampler.noise_after(i);
		for (x, n) in sample.iter_mut().zip(noise) {
			*x += share * n;
		}
		samples.extend_from_slice(&sample);
	}
	let samples = Tensor::from_vec(samples, (outputs.len(), sample.len()), &Device::Cpu)?;
	let sigma = Tensor::new(vec![sigma], &Device::Cpu)?;
	let (timesteps, scales) = (Tensor::new(timesteps, &Device::Cpu)?, Tensor::new(scales, &Device::Cpu)?);
	Ok(named([("samples", samples), ("timesteps", timesteps), ("scales", scales), ("sigma", sigma)]))
}

/// The manifest of a picture model, with a golden job like the request.
fn manifest(dir: &Path, golden_input: InputSpec) -> Result<Manifest, Failure> {
	let meta = ManifestMeta {
		name: "random".into(),
		version: "1".into(),
		architecture: Architecture::TextToImage,
		licence: "Apache-2.0".into(),
		limits: ModelLimits { max_prompt_bytes: 256, max_steps: 50, max_pixels: 512 * 512, max_tokens: 0 },
		golden_input,
		golden_seed: SEED,
	};
	Ok(Manifest::build(dir, meta)?)
}

/// The noise that a picture begins with, the latents after each step one after the other, and the picture.
fn drawn(latents: Vec<f32>, steps: usize, image: Image) -> Result<Tensors, Failure> {
	let elements = latents.len().checked_div(steps).ok_or("no step was run")?;
	let noise = Tensor::from_vec(Noise::new(SEED).normal(LATENT_STREAM, 0, elements), elements, &Device::Cpu)?;
	let latents = Tensor::from_vec(latents, (steps, elements), &Device::Cpu)?;
	let picture = Tensor::from_vec(image.rgb, (image.height as usize, image.width as usize, 3), &Device::Cpu)?;
	Ok(named([("noise", noise), ("latents", latents), ("picture", picture)]))
}

/// A whole job: the noise that it begins with, the latents after each step, and the picture.
fn pipeline(dir: &Path, request: &Path) -> Result<Tensors, Failure> {
	let spec: InputSpec = serde_json::from_slice(&std::fs::read(request)?)?;
	manifest(dir, spec.clone())?.write(dir)?;
	let model = Engine::open(dir)?;
	let (mut latents, mut steps) = (vec![], 0);
	let job = model.run_traced(&spec.to_job_input()?, SEED, [0; 32], &mut |step| {
		latents.extend(step.state.chunks_exact(4).map(|x| f32::from_le_bytes([x[0], x[1], x[2], x[3]])));
		steps += 1;
		Control::Continue
	})?;
	let Output::Image(image) = job.output else { return Err("the request must be an `image`".into()) };
	drawn(latents, steps, image)
}

/// What `image-to-image` is asked for.
#[derive(Deserialize)]
struct FromPicture {
	image: PictureSpec,
	/// In per cent.
	strength: u8,
	/// A safetensors file with `picture (height, width, 3)`.
	picture: PathBuf,
}

/// The same of a picture that is drawn from another one, which no job asks for.
fn image_to_image(dir: &Path, request: &Path) -> Result<Tensors, Failure> {
	let FromPicture { image, strength, picture } = serde_json::from_slice(&std::fs::read(request)?)?;
	let golden = InputSpec::Image(PictureSpec { steps: 1, ..image.clone() });
	let model = TextToImage::open(&manifest(dir, golden)?.verify(dir)?)?;
	let (width, height) = (usize::from(image.width), usize::from(image.height));
	let rgb = input(&load(&picture)?, "picture")?.flatten_all()?.to_vec1::<u8>()?;
	let begin = Image { width: width as u32, height: height as u32, rgb };
	let settings = Settings {
		negative_prompt: &image.negative_prompt,
		width,
		height,
		steps: image.steps.into(),
		guidance: image.guidance as f32,
	};
	let (mut latents, mut steps) = (vec![], 0);
	let picture = model.run_from(&begin, strength, &image.prompt, &settings, &Noise::new(SEED), &mut |_, state| {
		latents.extend_from_slice(state);
		steps += 1;
		Control::Continue
	})?;
	drawn(latents, steps, picture)
}
