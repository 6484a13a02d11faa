//! Trains the demo models, describes their folders and shows what they make.
//!
//! ```text
//! train-demo image|text OUT [RECIPE]                     train; goes on from a checkpoint in OUT
//! train-demo recipe image|text                           print the built-in recipe
//! train-demo manifest image|text DIR                     write DIR/manifest.json
//! train-demo sheet DIR FILE.png STEPS GUIDANCE PROMPT..  one picture per prompt, with the prompt below
//! train-demo chat DIR QUESTION..                         one reply per question
//! train-demo data FILE.png                               pictures and prompts of the data set
//! ```

use anyhow::{bail, Context, Result};
use autonomy_engine::{Architecture, Control, Engine, InputSpec, Manifest, ManifestMeta, Output};
use autonomy_kernels::rng::Noise;
use autonomy_primitives::model::ModelLimits;
use autonomy_train::shapes::{Scene, SIZE};
use autonomy_train::{sheet, train_image, train_text, Draws, ImageRecipe, Progress, TextRecipe};
use image::{Rgb, RgbImage};
use serde::de::DeserializeOwned;
use std::path::Path;

const USAGE: &str = "train-demo image|text OUT [RECIPE] | recipe image|text | manifest image|text DIR | \
	sheet DIR FILE STEPS GUIDANCE PROMPT.. | chat DIR QUESTION.. | data FILE";

fn main() -> Result<()> {
	autonomy_kernels::init();
	let args: Vec<String> = std::env::args().skip(1).collect();
	let args: Vec<&str> = args.iter().map(String::as_str).collect();
	match args.as_slice() {
		["image", out, rest @ ..] => {
			let recipe = recipe(rest, ImageRecipe::shapes)?;
			println!("{:?}", train_image(&recipe, Path::new(out), report())?);
		}
		["text", out, rest @ ..] => {
			let recipe = recipe(rest, TextRecipe::keeper)?;
			println!("{:?}", train_text(&recipe, Path::new(out), report())?);
		}
		["recipe", "image"] => println!("{}", serde_json::to_string_pretty(&ImageRecipe::shapes())?),
		["recipe", "text"] => println!("{}", serde_json::to_string_pretty(&TextRecipe::keeper())?),
		["manifest", "image", dir] => write_manifest(dir, shapes_meta())?,
		["manifest", "text", dir] => write_manifest(dir, keeper_meta())?,
		["sheet", model, file, steps, guidance, prompts @ ..] => {
			contact_sheet(Path::new(model), Path::new(file), steps.parse()?, guidance.parse()?, prompts)?;
		}
		["chat", model, questions @ ..] => chat(Path::new(model), questions)?,
		["data", file] => data(Path::new(file))?,
		_ => bail!("{USAGE}"),
	}
	Ok(())
}

fn recipe<T: DeserializeOwned>(rest: &[&str], default: fn() -> T) -> Result<T> {
	let Some(path) = rest.first() else { return Ok(default()) };
	let bytes = std::fs::read(path).with_context(|| format!("cannot read {path}"))?;
	serde_json::from_slice(&bytes).with_context(|| path.to_string())
}

fn report() -> impl FnMut(Progress) {
	let mut mean = None;
	move |p: Progress| {
		let value = mean.map_or(p.loss, |m: f32| m + (p.loss - m) * 0.02);
		mean = Some(value);
		if p.step.is_multiple_of(20) || p.step < 6 {
			println!("step {}/{} loss {:.4} mean {value:.4} {:.0} s", p.step, p.steps, p.loss, p.seconds);
		}
	}
}

fn shapes_meta() -> ManifestMeta {
	ManifestMeta {
		name: "shapes".into(),
		version: "1.0.0".into(),
		architecture: Architecture::TextToImage,
		licence: "Apache-2.0".into(),
		limits: ModelLimits { max_prompt_bytes: 256, max_steps: 50, max_pixels: (SIZE * SIZE) as u32, max_tokens: 0 },
		golden_input: InputSpec::image("a red circle on a black background", SIZE as u16, SIZE as u16, 20, 1.5),
		golden_seed: [1; 32],
	}
}

fn keeper_meta() -> ManifestMeta {
	ManifestMeta {
		name: "keeper".into(),
		version: "1.0.0".into(),
		architecture: Architecture::Llama,
		licence: "Apache-2.0".into(),
		limits: ModelLimits { max_prompt_bytes: 256, max_steps: 0, max_pixels: 0, max_tokens: 96 },
		golden_input: InputSpec::text("Who are you?", 64, 0.0),
		golden_seed: [1; 32],
	}
}

fn write_manifest(dir: &str, meta: ManifestMeta) -> Result<()> {
	let manifest = Manifest::build(dir, meta)?;
	manifest.write(dir)?;
	println!("{dir}: {} bytes, golden artifact {}", manifest.total_size(), manifest.golden.artifact);
	Ok(())
}

fn contact_sheet(model: &Path, file: &Path, steps: u16, guidance: f64, prompts: &[&str]) -> Result<()> {
	let model = Engine::open(model)?;
	let mut pictures = Vec::new();
	for (i, prompt) in prompts.iter().enumerate() {
		let input = InputSpec::image(prompt, SIZE as u16, SIZE as u16, steps, guidance).to_job_input()?;
		let output = model.run(&input, [i as u8 + 1; 32], [0; 32], &mut |_| Control::Continue)?;
		let Output::Image(image) = output.output else { bail!("the model does not make pictures") };
		let picture = RgbImage::from_raw(image.width, image.height, image.rgb).context("a picture of another size")?;
		pictures.push((prompt.to_string(), picture));
	}
	Ok(sheet::contact_sheet(&pictures, 3.max(pictures.len().div_ceil(2) as u32).min(6))?.save(file)?)
}

fn chat(model: &Path, questions: &[&str]) -> Result<()> {
	let model = Engine::open(model)?;
	for question in questions {
		let input = InputSpec::text(question, 96, 0.0).to_job_input()?;
		let output = model.run(&input, [1; 32], [0; 32], &mut |_| Control::Continue)?;
		let Output::Text(reply) = output.output else { bail!("the model does not write text") };
		println!("> {question}\n  {}", reply.text);
	}
	Ok(())
}

fn data(file: &Path) -> Result<()> {
	let noise = Noise::new([7; 32]);
	let mut draws = Draws::new(&noise, 0, 0);
	let pictures: Vec<_> = (0..24)
		.map(|_| {
			let scene = Scene::draw(&mut draws, 1.0);
			let prompt = scene.prompt(&mut draws).text;
			let planes = scene.render();
			let picture = RgbImage::from_fn(SIZE as u32, SIZE as u32, |x, y| {
				let value = |c: usize| planes[(c * SIZE + y as usize) * SIZE + x as usize];
				Rgb([0, 1, 2].map(|c| ((value(c) / 2.0 + 0.5).clamp(0.0, 1.0) * 255.0).round_ties_even() as u8))
			});
			(prompt, picture)
		})
		.collect();
	Ok(sheet::contact_sheet(&pictures, 6)?.save(file)?)
}
