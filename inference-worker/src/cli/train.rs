//! `autonomy-worker train`.

use std::{
	path::{Path, PathBuf},
	process::ExitCode,
};

use anyhow::{bail, Context, Result};
use autonomy_engine::{digest::cid_text, Manifest};
use autonomy_primitives::digest::cid;
use autonomy_train::{
	finetune::{evaluation_set, fine_tune, FineTuneRecipe, Lora, Method, Report},
	train_image_with, train_text_with, ImageRecipe, Options, Progress, TextRecipe,
};
use indicatif::{ProgressBar, ProgressStyle};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::hex32;

/// Training.
#[derive(clap::Subcommand)]
pub enum Command {
	/// Trains a text-to-image model from a recipe.
	Image(Args),
	/// Trains a text model from a recipe.
	Text(Args),
	/// Trains adapters of a model on your own pictures or text, and merges them into its weights.
	Lora {
		#[command(flatten)]
		args: FineTune,
		/// Rank of the adapters: more learn more and take longer. 8 unless the recipe says otherwise.
		#[arg(long)]
		rank: Option<usize>,
	},
	/// Trains every weight of a model on your own pictures or text.
	Full {
		#[command(flatten)]
		args: FineTune,
		/// Train the text encoder of a picture model too.
		#[arg(long)]
		text_encoder: bool,
	},
	/// Writes an evaluation set: samples that nobody trains on, for measuring versions of a model.
	EvaluationSet {
		/// Folder of pictures with captions, or a file .txt or .jsonl.
		#[arg(long, value_name = "PATH")]
		data: PathBuf,
		/// The file to write.
		#[arg(long, value_name = "FILE")]
		out: PathBuf,
		/// Pixels along each side of the pictures, 64 by default; or most bytes of a passage of a text, 120 by default.
		#[arg(long)]
		size: Option<usize>,
		/// Most samples.
		#[arg(long, default_value_t = 64)]
		samples: usize,
	},
}

/// Arguments of a training run.
#[derive(clap::Args)]
pub struct Args {
	/// The recipe (JSON).
	#[arg(long, value_name = "FILE")]
	recipe: PathBuf,
	/// Folder for the model. A run that was stopped goes on from its checkpoint there.
	#[arg(long, value_name = "DIR")]
	out: PathBuf,
	/// Steps between checkpoints; 0 writes one at the end only.
	#[arg(long, default_value_t = 200)]
	checkpoint_every: u64,
	/// Stop with a checkpoint after this step.
	#[arg(long)]
	stop_at: Option<u64>,
}

/// Arguments of training on one's own data.
#[derive(clap::Args)]
pub struct FineTune {
	/// Folder of the model to begin with.
	#[arg(long, value_name = "DIR")]
	base: PathBuf,
	/// Folder of pictures with captions (NAME.txt beside NAME.png, or metadata.jsonl), or a file: .txt, or .jsonl with a
	/// prompt and a reply in each line.
	#[arg(long, value_name = "PATH")]
	data: PathBuf,
	/// Folder for the new model. A run that was stopped goes on from its checkpoint there.
	#[arg(long, value_name = "DIR")]
	out: PathBuf,
	/// Settings (JSON); every field can be left out. That of a finished run is DIR/recipe.json.
	#[arg(long, value_name = "FILE")]
	recipe: Option<PathBuf>,
	/// Steps; 200 unless the recipe says otherwise.
	#[arg(long)]
	steps: Option<u64>,
	/// Any text, from which all random numbers follow.
	#[arg(long, value_name = "TEXT")]
	seed: Option<String>,
	/// Pixels along each side of the pictures; by default the model's.
	#[arg(long)]
	size: Option<usize>,
	/// How many samples of 100 are held out to measure with, at least one; 10 unless the recipe says otherwise.
	#[arg(long, value_name = "PERCENT")]
	hold_out: Option<usize>,
	/// Steps between checkpoints; 0 writes one at the end only.
	#[arg(long, default_value_t = 50)]
	checkpoint_every: u64,
	/// Stop with a checkpoint after this step.
	#[arg(long)]
	stop_at: Option<u64>,
}

/// Runs the command.
pub fn execute(command: Command) -> Result<ExitCode> {
	match &command {
		Command::Image(args) => {
			let recipe: ImageRecipe = read(&args.recipe)?;
			from_recipe(args, |options, progress| train_image_with(&recipe, &args.out, options, progress))?;
		}
		Command::Text(args) => {
			let recipe: TextRecipe = read(&args.recipe)?;
			from_recipe(args, |options, progress| train_text_with(&recipe, &args.out, options, progress))?;
		}
		Command::Lora { args, rank } => {
			let mut recipe = args.recipe(Method::Lora(Lora::default()))?;
			if let (Some(rank), Method::Lora(lora)) = (rank, &mut recipe.method) {
				// The product keeps its strength.
				lora.alpha *= *rank as f64 / lora.rank.max(1) as f64;
				lora.rank = *rank;
				recipe.expected.clear();
			}
			args.train(&recipe)?;
		}
		Command::Full { args, text_encoder } => {
			let mut recipe = args.recipe(Method::Full)?;
			if *text_encoder && !recipe.text_encoder {
				recipe.text_encoder = true;
				recipe.expected.clear();
			}
			args.train(&recipe)?;
		}
		Command::EvaluationSet { data, out, size, samples } => {
			let set = evaluation_set(data, *size, *samples)?;
			let bytes = set.to_json()?;
			std::fs::write(out, &bytes).with_context(|| format!("cannot write {}", out.display()))?;
			println!("{} samples  {}  {}", set.samples(), cid_text(&cid(&bytes)), out.display());
		}
	}
	Ok(ExitCode::SUCCESS)
}

fn from_recipe(
	args: &Args,
	run: impl FnOnce(&Options, &mut dyn FnMut(Progress)) -> Result<autonomy_train::Outcome>,
) -> Result<()> {
	let outcome = with_bar(args.checkpoint_every, args.stop_at, run)?;
	let state = if outcome.finished { "trained" } else { "stopped" };
	println!("{state} after {} steps, {} parameters, in {}", outcome.step, outcome.parameters, args.out.display());
	for (file, sha256) in &outcome.weights {
		println!("  {sha256}  {file}");
	}
	Ok(())
}

impl FineTune {
	/// The recipe of the file, if one is given, with what the command line says instead.
	fn recipe(&self, method: Method) -> Result<FineTuneRecipe> {
		let mut recipe = match &self.recipe {
			Some(path) => of_method(path, method)?,
			None => FineTuneRecipe { method, ..FineTuneRecipe::default() },
		};
		let before = recipe.clone();
		if let Some(seed) = &self.seed {
			recipe.seed.clone_from(seed);
		}
		recipe.size = self.size.unwrap_or(recipe.size);
		recipe.hold_out_percent = self.hold_out.unwrap_or(recipe.hold_out_percent);
		if let Some(steps) = self.steps {
			recipe.set_steps(steps, Manifest::load(&self.base)?.architecture).context("--steps")?;
		}
		if recipe != before {
			// Another run gives other weights.
			recipe.expected.clear();
		}
		Ok(recipe)
	}

	fn train(&self, recipe: &FineTuneRecipe) -> Result<()> {
		let Self { base, data, out, .. } = self;
		let tuned = with_bar(self.checkpoint_every, self.stop_at, |options, progress| {
			fine_tune(recipe, base, data, out, options, progress)
		})?;
		let state = if tuned.report.is_some() { "trained" } else { "stopped" };
		println!("{state} after {} steps, {} parameters, in {}", tuned.step, tuned.parameters, out.display());
		match &tuned.report {
			Some(report) => show(report, out),
			None => println!("the same command without --stop-at goes on"),
		}
		Ok(())
	}
}

fn show(report: &Report, out: &Path) {
	let Report { before, after, held_out, trained_on, .. } = report;
	let (fall, word) = match report.fall_percent() {
		fall if fall < 0.0 => (-fall, "rise"),
		fall => (fall, "fall"),
	};
	println!("held-out loss  {before:.6} → {after:.6}, a {word} of {fall:.2} %");
	println!("samples        {trained_on} trained on, {held_out} held out");
	for (file, sha256) in &report.weights {
		println!("  {sha256}  {file}");
	}
	println!("weights root   {}", hex32(&report.manifest.weights_root.0));
	println!("manifest       {}", cid_text(&report.manifest_cid));
	println!("recipe         {}", cid_text(&report.recipe_cid));
	println!("evaluation set {}  {}", cid_text(&report.evaluation_cid), report.evaluation.display());
	if let Some(samples) = &report.samples {
		println!("sample sheet   {}", samples.display());
	}
	println!("next: autonomy-worker models propose MODEL {} --contribution training --key KEY.json", out.display());
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
	let bytes = std::fs::read(path).with_context(|| format!("cannot read the recipe {}", path.display()))?;
	serde_json::from_slice(&bytes).with_context(|| format!("{} is no recipe of this kind", path.display()))
}

/// Reads a recipe for a method. A file that names none is one for any.
fn of_method(path: &Path, method: Method) -> Result<FineTuneRecipe> {
	let value: Value = read(path)?;
	let recipe: FineTuneRecipe = serde_json::from_value(value.clone())
		.with_context(|| format!("{} is no recipe of this kind", path.display()))?;
	if recipe.method.name() == method.name() {
		return Ok(recipe);
	}
	if value.get("method").is_some() {
		let name = recipe.method.name();
		bail!("{} is a recipe for `train {name}`: use that command", path.display());
	}
	Ok(FineTuneRecipe { method, ..recipe })
}

/// Runs something that trains, with a bar on standard error.
fn with_bar<T>(
	checkpoint_every: u64,
	stop_at: Option<u64>,
	run: impl FnOnce(&Options, &mut dyn FnMut(Progress)) -> Result<T>,
) -> Result<T> {
	if stop_at == Some(0) {
		bail!("--stop-at 0: the first step is 1");
	}
	let bar = ProgressBar::new(0).with_style(
		ProgressStyle::with_template("{bar:30} {pos}/{len} steps  {per_sec}  {eta} left  {msg}")
			.context("the template of the progress bar")?,
	);
	let options = Options { checkpoint_every, stop_at };
	let outcome = run(&options, &mut |progress: Progress| {
		if bar.length() != Some(progress.steps) {
			// The rate counts from here: a resumed run does not start at zero.
			bar.set_length(progress.steps);
			bar.set_position(progress.step);
			bar.reset_eta();
		}
		bar.set_position(progress.step);
		let after = if progress.step == progress.steps { ", measuring and describing the model" } else { "" };
		bar.set_message(format!("loss {:.4}{after}", progress.loss));
	})?;
	bar.finish();
	Ok(outcome)
}

#[cfg(test)]
mod tests {
	use super::*;

	fn arguments(recipe: Option<&Path>) -> FineTune {
		FineTune {
			base: "models/keeper".into(),
			data: "talk.jsonl".into(),
			out: "out".into(),
			recipe: recipe.map(Path::to_path_buf),
			steps: None,
			seed: None,
			size: None,
			hold_out: None,
			checkpoint_every: 50,
			stop_at: None,
		}
	}

	#[test]
	fn recipe_should_have_what_the_command_line_says() {
		let lora = Method::Lora(Lora::default());
		assert_eq!(arguments(None).recipe(lora.clone()).unwrap(), FineTuneRecipe::default());
		let arguments =
			FineTune { steps: Some(30), seed: Some("x".into()), size: Some(32), hold_out: Some(20), ..arguments(None) };
		let recipe = arguments.recipe(lora).unwrap();
		assert_eq!((recipe.seed.as_str(), recipe.size, recipe.hold_out_percent), ("x", 32, 20));
		assert_eq!((recipe.phases.len(), recipe.phases[0].steps, recipe.phases[0].warmup), (1, 30, 3));
	}

	#[test]
	fn recipe_file_should_be_for_the_method_of_the_command() {
		let dir = tempfile::tempdir().unwrap();
		let path = dir.path().join("recipe.json");
		let read = |text: &str, method: Method| {
			std::fs::write(&path, text).unwrap();
			arguments(Some(&path)).recipe(method)
		};
		assert_eq!(read(r#"{"seed": "y"}"#, Method::Full).unwrap().method, Method::Full);
		let error = read(r#"{"method": "full"}"#, Method::Lora(Lora::default())).unwrap_err().to_string();
		assert!(error.contains("train full"), "{error}");
		let Method::Lora(lora) =
			read(r#"{"method": {"lora": {"rank": 2}}}"#, Method::Lora(Lora::default())).unwrap().method
		else {
			panic!("another method")
		};
		assert_eq!((lora.rank, lora.alpha), (2, 8.0));
		let error = read(r#"{"rnak": 2}"#, Method::Full).unwrap_err();
		assert!(format!("{error:#}").contains("rnak"), "{error:#}");
	}

	#[test]
	fn expected_weights_should_be_forgotten_when_something_else_is_trained() {
		let dir = tempfile::tempdir().unwrap();
		let path = dir.path().join("recipe.json");
		std::fs::write(&path, r#"{"method": "full", "expected": {"model.safetensors": "00"}}"#).unwrap();
		assert_eq!(arguments(Some(&path)).recipe(Method::Full).unwrap().expected.len(), 1);
		let other = FineTune { seed: Some("z".into()), ..arguments(Some(&path)) };
		assert!(other.recipe(Method::Full).unwrap().expected.is_empty());
	}
}
