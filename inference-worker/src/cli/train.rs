//! `autonomy-worker train`.

use std::{
	path::{Path, PathBuf},
	process::ExitCode,
};

use anyhow::{bail, Context, Result};
use autonomy_train::{train_image_with, train_text_with, ImageRecipe, Options, Outcome, Progress, TextRecipe};
use indicatif::{ProgressBar, ProgressStyle};
use serde::de::DeserializeOwned;

/// Training.
#[derive(clap::Subcommand)]
pub enum Command {
	/// Trains a text-to-image model.
	Image(Args),
	/// Trains a text model.
	Text(Args),
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

/// Runs the command.
pub fn execute(command: Command) -> Result<ExitCode> {
	let (args, outcome) = match &command {
		Command::Image(args) => {
			let recipe: ImageRecipe = read(&args.recipe)?;
			(args, train(args, |options, progress| train_image_with(&recipe, &args.out, options, progress))?)
		}
		Command::Text(args) => {
			let recipe: TextRecipe = read(&args.recipe)?;
			(args, train(args, |options, progress| train_text_with(&recipe, &args.out, options, progress))?)
		}
	};
	let state = if outcome.finished { "trained" } else { "stopped" };
	println!("{state} after {} steps, {} parameters, in {}", outcome.step, outcome.parameters, args.out.display());
	for (file, sha256) in &outcome.weights {
		println!("  {sha256}  {file}");
	}
	Ok(ExitCode::SUCCESS)
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
	let bytes = std::fs::read(path).with_context(|| format!("cannot read the recipe {}", path.display()))?;
	serde_json::from_slice(&bytes).with_context(|| format!("{} is no recipe of this kind", path.display()))
}

fn train(args: &Args, run: impl FnOnce(&Options, &mut dyn FnMut(Progress)) -> Result<Outcome>) -> Result<Outcome> {
	if args.stop_at == Some(0) {
		bail!("--stop-at 0: the first step is 1");
	}
	let bar = ProgressBar::new(0).with_style(
		ProgressStyle::with_template("{bar:30} {pos}/{len} steps  {per_sec}  {eta} left  {msg}")
			.context("the template of the progress bar")?,
	);
	let options = Options { checkpoint_every: args.checkpoint_every, stop_at: args.stop_at };
	let outcome = run(&options, &mut |progress: Progress| {
		if bar.length() != Some(progress.steps) {
			// The rate counts from here: a resumed run does not start at zero.
			bar.set_length(progress.steps);
			bar.set_position(progress.step);
			bar.reset_eta();
		}
		bar.set_position(progress.step);
		bar.set_message(format!("loss {:.4}", progress.loss));
	})?;
	bar.finish();
	Ok(outcome)
}
