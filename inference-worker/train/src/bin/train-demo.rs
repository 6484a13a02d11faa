//! Trains the demo models and looks at them: `train-demo image|text OUT [RECIPE]`, `data FILE.png`,
//! `preview MODEL FILE.png STEPS GUIDANCE PROMPT..`, `chat MODEL QUESTION..`.

use anyhow::{anyhow, bail, Context, Result};
use autonomy_engine::models::clip::ClipTextModel;
use autonomy_engine::models::llama::Llama;
use autonomy_engine::models::unet::UNet2DConditionModel;
use autonomy_engine::samplers::SchedulerConfig;
use autonomy_kernels::rng::Noise;
use autonomy_train::shapes::{Scene, SIZE};
use autonomy_train::{sheet, train_image, train_text, Draws, ImageRecipe, Progress, TextRecipe};
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use image::{Rgb, RgbImage};
use serde::de::DeserializeOwned;
use std::path::Path;

fn main() -> Result<()> {
	autonomy_kernels::init();
	let args: Vec<String> = std::env::args().skip(1).collect();
	let args: Vec<&str> = args.iter().map(String::as_str).collect();
	match args.as_slice() {
		["image", out, rest @ ..] => {
			let recipe = recipe(rest, ImageRecipe::shapes)?;
			println!("{:?}", train_image(&recipe, Path::new(out), report())?);
		},
		["text", out, rest @ ..] => {
			let recipe = recipe(rest, TextRecipe::keeper)?;
			println!("{:?}", train_text(&recipe, Path::new(out), report())?);
		},
		["recipe", "image"] => println!("{}", serde_json::to_string_pretty(&ImageRecipe::shapes())?),
		["recipe", "text"] => println!("{}", serde_json::to_string_pretty(&TextRecipe::keeper())?),
		["data", file] => data(Path::new(file))?,
		["preview", model, file, steps, guidance, prompts @ ..] => {
			preview(Path::new(model), Path::new(file), steps.parse()?, guidance.parse()?, prompts)?;
		},
		["chat", model, questions @ ..] => chat(Path::new(model), questions)?,
		_ => bail!("train-demo image|text OUT [RECIPE] | data FILE | preview MODEL FILE STEPS GUIDANCE PROMPT.. | chat MODEL QUESTION.."),
	}
	Ok(())
}

fn recipe<T: DeserializeOwned>(rest: &[&str], default: fn() -> T) -> Result<T> {
	match rest.first() {
		Some(path) => read(Path::new(path)),
		None => Ok(default()),
	}
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
	let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
	serde_json::from_slice(&bytes).with_context(|| path.display().to_string())
}

fn report() -> impl FnMut(Progress) {
	let mut mean = None;
	move |p: Progress| {
		let value = mean.map_or(p.loss, |m: f32| m + (p.loss - m) * 0.02);
		mean = Some(value);
		if p.step % 20 == 0 || p.step < 6 {
			println!("step {}/{} loss {:.4} mean {value:.4} {:.0} s", p.step, p.steps, p.loss, p.seconds);
		}
	}
}

fn data(file: &Path) -> Result<()> {
	let noise = Noise::new([7; 32]);
	let mut draws = Draws::new(&noise, 0, 0);
	let pictures: Vec<_> = (0..24)
		.map(|_| {
			let scene = Scene::draw(&mut draws, 1.0);
			(scene.prompt(&mut draws).text, picture(&scene.render(), 1))
		})
		.collect();
	Ok(sheet::contact_sheet(&pictures, 6)?.save(file)?)
}

/// Planes of pixel blocks in [-1, 1] to a picture.
fn picture(planes: &[f32], factor: usize) -> RgbImage {
	let side = SIZE / factor;
	RgbImage::from_fn(SIZE as u32, SIZE as u32, |x, y| {
		let (x, y) = (x as usize, y as usize);
		Rgb([0, 1, 2].map(|c| {
			let channel = (c * factor + y % factor) * factor + x % factor;
			let value = planes[(channel * side + y / factor) * side + x / factor];
			((value / 2.0 + 0.5).clamp(0.0, 1.0) * 255.0).round_ties_even() as u8
		}))
	})
}

fn weights(path: &Path) -> Result<VarBuilder<'static>> {
	let tensors = candle_core::safetensors::load(path, &Device::Cpu)?;
	Ok(VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu))
}

fn preview(model: &Path, file: &Path, steps: usize, guidance: f64, prompts: &[&str]) -> Result<()> {
	let index: serde_json::Value = read(&model.join("model_index.json"))?;
	let factor = index["pixel_unshuffle"].as_u64().context("pixel_unshuffle")? as usize;
	let unet = UNet2DConditionModel::new(
		&read(&model.join("unet/config.json"))?,
		weights(&model.join("unet/diffusion_pytorch_model.safetensors"))?,
	)?;
	let text = ClipTextModel::new(
		&read(&model.join("text_encoder/config.json"))?,
		weights(&model.join("text_encoder/model.safetensors"))?,
	)?;
	let tokenizer = tokenizers::Tokenizer::from_file(model.join("tokenizer/tokenizer.json")).map_err(|e| anyhow!(e))?;
	let scheduler: SchedulerConfig = read(&model.join("scheduler/scheduler_config.json"))?;
	let noise = Noise::new([9; 32]);
	let mut pictures = Vec::new();
	let start = std::time::Instant::now();
	for (i, prompt) in prompts.iter().enumerate() {
		let mut ids = Vec::new();
		for text in [*prompt, ""] {
			ids.extend(tokenizer.encode(text, true).map_err(|e| anyhow!(e))?.get_ids().to_vec());
		}
		let ids = Tensor::from_vec(ids.clone(), (2, ids.len() / 2), &Device::Cpu)?;
		let (words, sentence) = text.forward(&ids)?;
		let mut sample = noise.normal(i as u32, 0, 3 * SIZE * SIZE);
		let mut sampler = scheduler.sampler(steps)?;
		let side = SIZE / factor;
		for (step, time) in sampler.timesteps().to_vec().into_iter().enumerate() {
			let x = Tensor::from_slice(&sample, (1, 3 * factor * factor, side, side), &Device::Cpu)?;
			let out = unet.forward(&Tensor::cat(&[&x, &x], 0)?, &[time, time], &words, Some(&sentence))?;
			let out = out.flatten_all()?.to_vec1::<f32>()?;
			let (with, without) = out.split_at(out.len() / 2);
			let guided: Vec<f32> =
				with.iter().zip(without).map(|(with, without)| without + (with - without) * guidance as f32).collect();
			sampler.step(step, &guided, &mut sample);
		}
		pictures.push((prompt.to_string(), picture(&sample, factor)));
	}
	println!("{} pictures in {:.1} s", pictures.len(), start.elapsed().as_secs_f64());
	Ok(sheet::contact_sheet(&pictures, 6)?.save(file)?)
}

fn chat(model: &Path, questions: &[&str]) -> Result<()> {
	let llama = Llama::new(&read(&model.join("config.json"))?, weights(&model.join("model.safetensors"))?)?;
	let tokenizer = tokenizers::Tokenizer::from_file(model.join("tokenizer.json")).map_err(|e| anyhow!(e))?;
	let end = tokenizer.token_to_id("<|end|>").context("no <|end|> token")?;
	for question in questions {
		let prompt = format!("<|user|>{question}<|end|><|reply|>");
		let mut ids = tokenizer.encode(prompt, false).map_err(|e| anyhow!(e))?.get_ids().to_vec();
		let start = ids.len();
		while ids.len() < start + 90 {
			let logits = llama.forward(&Tensor::new(ids.as_slice(), &Device::Cpu)?.unsqueeze(0)?)?;
			let last = logits.squeeze(0)?.get(ids.len() - 1)?.to_vec1::<f32>()?;
			let best = last.iter().enumerate().fold(0, |best, (i, v)| if *v > last[best] { i } else { best }) as u32;
			if best == end {
				break;
			}
			ids.push(best);
		}
		println!("> {question}\n  {}", tokenizer.decode(&ids[start..], true).map_err(|e| anyhow!(e))?);
	}
	Ok(())
}
