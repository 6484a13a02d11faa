//! One engine with one model, at the pace that `scripts/bench-engine` sets.
//!
//! `bench ENGINE CASE FOLDER`: ENGINE is `autonomy`, `autonomy-cuda`, which is the same on the first NVIDIA GPU in a build with
//! the feature `cuda`, or `candle`, which is Candle with the models of candle-transformers;
//! CASE is `unet`, `unet-guided`, `vae`, `decode` or `prefill`; FOLDER has `config.json`, the weights and `inputs.safetensors`.
//! Or it is `picture` or `chat`, for `autonomy` alone: FOLDER is a whole model with its manifest, opened as a worker opens it, and
//! `.request.json` in it a job's input. `bench manifest FOLDER` writes the manifest, and the noise of the job beside it.
//! It loads the model and says `ready`. For every line that it reads it then does the work of one round, and says on a line of
//! JSON how many seconds that took and what came out.

use autonomy_engine::models::llama::{KvCache, Llama, LlamaConfig};
use autonomy_engine::models::unet::{UNet2DConditionConfig, UNet2DConditionModel};
use autonomy_engine::models::vae::{AutoencoderKl, AutoencoderKlConfig};
use autonomy_engine::pipelines::LATENT_STREAM;
use autonomy_engine::weights::{placed, ModelFolder};
use autonomy_engine::{Architecture, Control, Engine, InputSpec, Manifest, ManifestMeta, Output};
use autonomy_kernels::rng::Noise;
use autonomy_primitives::model::ModelLimits;
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::{llama as stock_llama, stable_diffusion::StableDiffusionConfig};
use serde_json::json;
use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Tensors = HashMap<String, Tensor>;
/// Does the work of one round: how long it took, and what came out.
type Round = Box<dyn FnMut() -> Result<(Duration, Tensor), Failure>>;

/// The training step that the UNet is asked at.
const TIMESTEP: f32 = 500.0;

/// Seed of the whole jobs.
const SEED: [u8; 32] = [7; 32];
/// In the folder of a whole model: its name begins with a dot, so that it is none of its files.
const REQUEST: &str = ".request.json";
/// The noise that a picture begins with, for peers.
const NOISE: &str = ".noise.safetensors";

const USAGE: &str = "bench autonomy|autonomy-cuda|candle CASE FOLDER, or bench manifest FOLDER; CASE is unet, unet-guided, vae, decode, \
                     prefill, or for autonomy picture or chat";

fn main() {
	if let Err(error) = run() {
		eprintln!("bench: {error}");
		std::process::exit(1);
	}
}

fn run() -> Result<(), Failure> {
	let arguments: Vec<String> = std::env::args().skip(1).collect();
	let (engine, case, dir) = match arguments.as_slice() {
		[engine, case, dir] => (engine.as_str(), case.as_str(), Path::new(dir)),
		[what, dir] if what == "manifest" => return write_manifest(Path::new(dir)),
		_ => return Err(USAGE.into()),
	};
	let inputs = || candle_core::safetensors::load(dir.join("inputs.safetensors"), &Device::Cpu);
	let mut round = match (engine, case) {
		("autonomy", "picture" | "chat") => whole(dir)?,
		("autonomy", _) => ours(case, dir, &inputs()?, &Device::Cpu)?,
		("autonomy-cuda", _) => ours(case, dir, &inputs()?, &Device::new_cuda_with_stream(0)?)?,
		("candle", _) => stock(case, dir, &inputs()?)?,
		(other, _) => return Err(format!("no engine `{other}`: {USAGE}").into()),
	};
	say("\"ready\"")?;
	for line in std::io::stdin().lock().lines() {
		line?;
		let (time, output) = round()?;
		let values = output.flatten_all()?.to_vec1::<f32>()?;
		let squares: f64 = values.iter().map(|x| f64::from(*x) * f64::from(*x)).sum();
		let peek: Vec<f32> = values.iter().step_by((values.len() / 16).max(1)).take(16).copied().collect();
		let size = (squares / values.len() as f64).sqrt();
		say(&json!({ "seconds": time.as_secs_f64(), "size": size, "peek": peek }).to_string())?;
	}
	Ok(())
}

fn say(line: &str) -> std::io::Result<()> {
	let mut out = std::io::stdout().lock();
	writeln!(out, "{line}")?;
	out.flush()
}

fn timed(work: impl FnOnce() -> candle_core::Result<Tensor>) -> Result<(Duration, Tensor), Failure> {
	let start = Instant::now();
	let output = work()?;
	// A GPU works on after it was told what to do.
	output.device().synchronize()?;
	Ok((start.elapsed(), output))
}

fn input(inputs: &Tensors, name: &str) -> Result<Tensor, Failure> {
	inputs.get(name).cloned().ok_or_else(|| format!("inputs.safetensors has no tensor `{name}`").into())
}

fn ids(inputs: &Tensors, name: &str) -> Result<Tensor, Failure> {
	Ok(input(inputs, name)?.to_dtype(DType::U32)?)
}

/// The noisy sample and the text states: once, or twice as guidance has it.
fn unet_inputs(inputs: &Tensors, guided: bool) -> Result<(Tensor, Tensor), Failure> {
	let (sample, states) = (input(inputs, "sample")?, input(inputs, "states")?);
	match guided {
		true => Ok((Tensor::cat(&[&sample, &sample], 0)?, Tensor::cat(&[&states, &states], 0)?)),
		false => Ok((sample, states)),
	}
}

/// The columns of `ids (1, n)`, one token each.
fn single_tokens(ids: &Tensor) -> Result<Vec<Tensor>, Failure> {
	Ok((0..ids.dim(1)?).map(|i| ids.narrow(1, i, 1)).collect::<candle_core::Result<_>>()?)
}

/// What a whole model is asked for.
fn request(dir: &Path) -> Result<InputSpec, Failure> {
	Ok(serde_json::from_slice(&std::fs::read(dir.join(REQUEST))?)?)
}

/// Describes a whole model, unless this version of the engine has done it. Its known job is a small one.
fn write_manifest(dir: &Path) -> Result<(), Failure> {
	let spec = request(dir)?;
	if let InputSpec::Image(picture) = &spec {
		// Eight pixels for one of the latent along each side, and four channels.
		let elements = 4 * usize::from(picture.width / 8) * usize::from(picture.height / 8);
		let noise = Tensor::from_vec(Noise::new(SEED).normal(LATENT_STREAM, 0, elements), elements, &Device::Cpu)?;
		candle_core::safetensors::save(&Tensors::from([("noise".into(), noise)]), dir.join(NOISE))?;
	}
	if Manifest::load(dir).is_ok_and(|manifest| manifest.engine.0 == autonomy_kernels::engine_id()) {
		return Ok(());
	}
	let (architecture, golden_input) = match spec {
		InputSpec::Image(_) => (Architecture::TextToImage, InputSpec::image("a cat", 64, 64, 1, 1.0)),
		_ => (Architecture::Llama, InputSpec::text("a cat", 1, 0.0)),
	};
	let meta = ManifestMeta {
		name: "random".into(),
		version: "1".into(),
		architecture,
		licence: "Apache-2.0".into(),
		limits: ModelLimits { max_prompt_bytes: 2048, max_steps: 50, max_pixels: 512 * 512, max_tokens: 64 },
		golden_input,
		golden_seed: SEED,
	};
	Ok(Manifest::build(dir, meta)?.write(dir)?)
}

/// A whole job of a model that was verified and opened: the bytes of the picture, or the tokens of the reply.
fn whole(dir: &Path) -> Result<Round, Failure> {
	let input = request(dir)?.to_job_input()?;
	let model = Engine::open(dir)?;
	Ok(Box::new(move || -> Result<(Duration, Tensor), Failure> {
		let start = Instant::now();
		let job = model.run(&input, SEED, [0; 32], &mut |_| Control::Continue)?;
		let time = start.elapsed();
		let values: Vec<f32> = match job.output {
			Output::Image(image) => image.rgb.into_iter().map(f32::from).collect(),
			Output::Text(reply) => reply.tokens.into_iter().map(|token| token as f32).collect(),
			_ => return Err(format!("the job of {REQUEST} must be an `image` or a `text`").into()),
		};
		let count = values.len();
		Ok((time, Tensor::from_vec(values, count, &Device::Cpu)?))
	}))
}

fn no_case(case: &str) -> Failure {
	format!("no case `{case}`: {USAGE}").into()
}

fn ours(case: &str, dir: &Path, inputs: &Tensors, device: &Device) -> Result<Round, Failure> {
	autonomy_kernels::init();
	autonomy_kernels::assert_float_environment()?;
	let moved = inputs.iter().map(|(name, tensor)| tensor.to_device(device).map(|tensor| (name.clone(), tensor)));
	let inputs = &moved.collect::<candle_core::Result<Tensors>>()?;
	let mut files = vec![];
	for entry in std::fs::read_dir(dir)? {
		files.extend(entry?.file_name().into_string().ok());
	}
	let folder = ModelFolder::new(dir, files);
	let tensors = |stem: &str| folder.tensors("", stem).map(|tensors| placed(tensors, device));
	match case {
		"unet" | "unet-guided" => {
			let config: UNet2DConditionConfig = folder.json("config.json")?;
			let unet = UNet2DConditionModel::new(&config, tensors("diffusion_pytorch_model")?)?;
			let (sample, states) = unet_inputs(inputs, case == "unet-guided")?;
			let timesteps = vec![TIMESTEP; sample.dim(0)?];
			Ok(Box::new(move || timed(|| unet.forward(&sample, &timesteps, &states, None))))
		}
		"vae" => {
			let config: AutoencoderKlConfig = folder.json("config.json")?;
			let vae = AutoencoderKl::decoder_only(&config, tensors("diffusion_pytorch_model")?)?;
			let latents = input(inputs, "latents")?;
			Ok(Box::new(move || timed(|| vae.decode(&latents))))
		}
		"decode" | "prefill" => {
			let config: LlamaConfig = folder.json("config.json")?;
			let llama = Llama::new(&config, tensors("model")?)?;
			let prompt = ids(inputs, "prompt")?;
			if case == "prefill" {
				return Ok(Box::new(move || timed(|| llama.forward_cached(&prompt, &mut KvCache::new()))));
			}
			let next = single_tokens(&ids(inputs, "next")?)?;
			let mut full = KvCache::new();
			let mut logits = llama.forward_cached(&prompt, &mut full)?;
			Ok(Box::new(move || {
				let mut cache = full.copied()?;
				timed(|| {
					for token in &next {
						logits = llama.forward_cached(token, &mut cache)?;
					}
					Ok(logits.clone())
				})
			}))
		}
		other => Err(no_case(other)),
	}
}

fn stock(case: &str, dir: &Path, inputs: &Tensors) -> Result<Round, Failure> {
	let weights = |stem: &str| -> PathBuf { dir.join(format!("{stem}.safetensors")) };
	let stable_diffusion = || StableDiffusionConfig::v1_5(None, Some(512), Some(512));
	match case {
		"unet" | "unet-guided" => {
			let file = weights("diffusion_pytorch_model");
			let unet = stable_diffusion().build_unet(file, &Device::Cpu, 4, false, DType::F32)?;
			let (sample, states) = unet_inputs(inputs, case == "unet-guided")?;
			Ok(Box::new(move || timed(|| unet.forward(&sample, f64::from(TIMESTEP), &states))))
		}
		"vae" => {
			let file = weights("diffusion_pytorch_model");
			let vae = stable_diffusion().build_vae(file, &Device::Cpu, DType::F32)?;
			let latents = input(inputs, "latents")?;
			Ok(Box::new(move || timed(|| vae.decode(&latents))))
		}
		"decode" | "prefill" => {
			let config: stock_llama::LlamaConfig = serde_json::from_slice(&std::fs::read(dir.join("config.json"))?)?;
			let config = config.into_config(false);
			// SAFETY: the file was written for this run, and nobody changes it before its end.
			let vb = unsafe { VarBuilder::from_mmaped_safetensors(&[weights("model")], DType::F32, &Device::Cpu)? };
			let llama = stock_llama::Llama::load(vb, &config)?;
			let empty = stock_llama::Cache::new(true, DType::F32, &config, &Device::Cpu)?;
			let prompt = ids(inputs, "prompt")?;
			if case == "prefill" {
				return Ok(Box::new(move || {
					let mut cache = empty.clone();
					timed(|| llama.forward(&prompt, 0, &mut cache))
				}));
			}
			let next = single_tokens(&ids(inputs, "next")?)?;
			let start = prompt.dim(1)?;
			let mut full = empty;
			let mut logits = llama.forward(&prompt, 0, &mut full)?;
			Ok(Box::new(move || {
				let mut cache = full.clone();
				timed(|| {
					for (i, token) in next.iter().enumerate() {
						logits = llama.forward(token, start + i, &mut cache)?;
					}
					Ok(logits.clone())
				})
			}))
		}
		other => Err(no_case(other)),
	}
}
