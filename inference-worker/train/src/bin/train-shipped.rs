//! Trains, describes and tries the models that ship with Autonomy: `shapes`, `keeper` and `council`.
//!
//! ```text
//! train-shipped recipe NAME                  print the built-in recipe
//! train-shipped train NAME DIR               train into DIR; goes on from a checkpoint there
//! train-shipped manifest NAME DIR            write DIR/manifest.json
//! train-shipped ask DIR PERSONA QUESTION..   one reply per question; PERSONA is a file, or - for nobody
//! ```

use anyhow::{bail, Context, Result};
use autonomy_engine::{Architecture, InputSpec, Manifest, ManifestMeta};
use autonomy_primitives::model::ModelLimits;
use autonomy_train::{ask, shapes, train_image, train_text, ImageRecipe, Outcome, Progress, TextRecipe};
use std::path::Path;

const USAGE: &str = "train-shipped recipe NAME | train NAME DIR | manifest NAME DIR | ask DIR PERSONA QUESTION..; \
	NAME is shapes, keeper or council";

/// Longest question and words of a proposer on chain, in bytes.
const MAX_BALLOT_BYTES: u16 = 2048 + 512;

fn main() -> Result<()> {
	autonomy_kernels::init();
	let args: Vec<String> = std::env::args().skip(1).collect();
	let args: Vec<&str> = args.iter().map(String::as_str).collect();
	match args.as_slice() {
		["recipe", "shapes"] => println!("{}", serde_json::to_string_pretty(&ImageRecipe::shapes())?),
		["recipe", name] => println!("{}", serde_json::to_string_pretty(&text_recipe(name)?)?),
		["train", "shapes", dir] => show(&train_image(&ImageRecipe::shapes(), Path::new(dir), report())?),
		["train", name, dir] => show(&train_text(&text_recipe(name)?, Path::new(dir), report())?),
		["manifest", name, dir] => {
			let manifest = Manifest::build(dir, meta(name)?)?;
			manifest.write(dir)?;
			println!("{dir}: {} bytes, golden artifact {}", manifest.total_size(), manifest.golden.artifact);
		}
		["ask", dir, persona, questions @ ..] => {
			let persona = match *persona {
				"-" => None,
				path => Some(std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?),
			};
			let questions: Vec<(Option<&str>, &str)> =
				questions.iter().map(|question| (persona.as_deref(), *question)).collect();
			for ((_, question), reply) in questions.iter().zip(ask(Path::new(dir), &questions, 96)?) {
				println!("> {question}\n  {reply}");
			}
		}
		_ => bail!("{USAGE}"),
	}
	Ok(())
}

fn text_recipe(name: &str) -> Result<TextRecipe> {
	match name {
		"keeper" => Ok(TextRecipe::keeper()),
		"council" => Ok(TextRecipe::council()),
		_ => bail!("no model {name:?}: {USAGE}"),
	}
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

fn show(outcome: &Outcome) {
	println!("{} steps, {} parameters", outcome.step, outcome.parameters);
	for (file, sha256) in &outcome.weights {
		println!("  {sha256}  {file}");
	}
}

/// What a manifest says of a model besides its files.
fn meta(name: &str) -> Result<ManifestMeta> {
	let side = shapes::SIZE as u16;
	let text = |max_prompt_bytes| ModelLimits { max_prompt_bytes, max_steps: 0, max_pixels: 0, max_tokens: 96 };
	let (architecture, limits, golden_input) = match name {
		"shapes" => (
			Architecture::TextToImage,
			ModelLimits { max_prompt_bytes: 256, max_steps: 50, max_pixels: u32::from(side).pow(2), max_tokens: 0 },
			InputSpec::image("a red circle on a black background", side, side, 20, 1.5),
		),
		"keeper" => (Architecture::Llama, text(256), InputSpec::text("Who are you?", 64, 0.0)),
		"council" => (Architecture::Llama, text(MAX_BALLOT_BYTES), InputSpec::text("Who are you?", 64, 0.0)),
		_ => bail!("no model {name:?}: {USAGE}"),
	};
	Ok(ManifestMeta {
		name: name.into(),
		version: "1.0.0".into(),
		architecture,
		licence: "Apache-2.0".into(),
		limits,
		golden_input,
		golden_seed: [1; 32],
	})
}
