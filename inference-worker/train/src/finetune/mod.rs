//! Fine-tuning: training of an existing model on somebody's own pictures or text.
//!
//! As everywhere in this crate, the recipe decides every bit: the order of the data is that of their names, every random
//! number follows from the recipe's seed and the step, and a run that was stopped goes on to the same weights. What comes
//! out is a complete model folder with its manifest, which can be proposed as a version of the model that it began with.
//!
//! A part of the data is held out. The loss on it, before and after, is measured with the files as they were written.

mod data;
mod evaluation;
mod folder;
mod graft;
mod picture;
mod text;

pub use data::{read_exchanges, read_picture, Exchange};
pub use evaluation::{EvaluationSet, PictureSample, TextSample};

use crate::optimiser::{checkpoint_recipe, AdamW, OptimiserConfig, Phase};
use crate::run::{self, Options, Progress};
use crate::store::VarStore;
use anyhow::{bail, Context, Result};
use autonomy_engine::weights::ModelFolder;
use autonomy_engine::{Architecture, Engine, Hash32, Manifest, ManifestMeta, Model};
use autonomy_kernels::rng::Noise;
use autonomy_primitives::digest::{cid, Cid};
use autonomy_primitives::job::MAX_SAMPLES;
use candle_core::Tensor;
use graft::{Graft, Tensors};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Name of the adapter's file in a model's folder.
pub const ADAPTER_FILE: &str = "lora.safetensors";
/// Name of the evaluation set's file beside a model.
pub const EVALUATION_FILE: &str = "evaluation.json";
/// Name of the recipe's file in a model's folder.
pub const RECIPE_FILE: &str = "recipe.json";
/// Seed of what is measured and shown: the same for every run, so that numbers and pictures can be compared.
const HELD_OUT_SEED: [u8; 32] = [1; 32];
/// Pixels along each side of an evaluation set's pictures, where nobody said another number.
const EVALUATION_SIZE: usize = 64;
/// Bytes of a passage in an evaluation set, where nobody said another number.
const EVALUATION_PASSAGE: usize = 120;

/// Low-rank adaptation (Hu et al., 2021): of each chosen layer, `W + alpha/rank · B·A` is used, and A and B are trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lora {
	/// Rows of A and columns of B.
	pub rank: usize,
	/// The product is multiplied by this over the rank.
	pub alpha: f64,
	/// Which layers: `attn` (projections of the attention), `ff` (feed-forward layers), `proj` (projections around the
	/// transformers), `conv` (convolutions), `time` (embeddings of time and class), or the end of a layer's name. Empty for
	/// every group that the model has.
	pub targets: Vec<String>,
}

impl Default for Lora {
	fn default() -> Self {
		Self { rank: 8, alpha: 8.0, targets: Vec::new() }
	}
}

/// What is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
	/// Adapters, merged into the weights at the end.
	Lora(Lora),
	/// Every weight.
	Full,
}

impl Method {
	/// The method's name.
	pub fn name(&self) -> &'static str {
		match self {
			Self::Lora(_) => "lora",
			Self::Full => "full",
		}
	}
}

/// Everything that decides the bits of a fine-tuned model. Every field can be left out; what is empty or 0 is filled in
/// from the model and the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FineTuneRecipe {
	/// Name of the model; the base's if empty.
	pub name: String,
	/// Version of the weights, for people; if empty the base's with the method and the recipe's digest.
	pub version: String,
	/// Weights root (hexadecimal) of the model to begin with.
	pub base: String,
	/// Digest (hexadecimal) of the data: SHA-256 over the samples' names, captions, files and pixels in order.
	pub data: String,
	/// What is trained.
	pub method: Method,
	/// Any text; its SHA-256 keys all random numbers.
	pub seed: String,
	/// How many samples of 100 are held out, at least one in all; 1 to 90.
	pub hold_out_percent: usize,
	/// Pictures: pixels along each side.
	pub size: usize,
	/// Pictures, method full: whether the text encoder is trained too.
	pub text_encoder: bool,
	/// Pictures: how many prompts of 100 are replaced by the empty prompt, for classifier-free guidance.
	pub empty_prompts_percent: usize,
	/// Pictures: the loss of a sample is weighted by its signal-to-noise ratio, limited to this range.
	pub loss_weight: Option<[f32; 2]>,
	/// Text: most tokens of an exchange.
	pub sequence_length: usize,
	/// Settings of the optimiser.
	pub optimiser: OptimiserConfig,
	/// Course of the training; `batch` counts pictures, or tokens.
	pub phases: Vec<Phase>,
	/// SHA-256 (hexadecimal) of each weights file after the last step; empty if not known.
	pub expected: BTreeMap<String, String>,
}

impl Default for FineTuneRecipe {
	fn default() -> Self {
		Self {
			name: String::new(),
			version: String::new(),
			base: String::new(),
			data: String::new(),
			method: Method::Lora(Lora::default()),
			seed: "autonomy fine-tuning 1".into(),
			hold_out_percent: 10,
			size: 0,
			text_encoder: false,
			empty_prompts_percent: 10,
			loss_weight: None,
			sequence_length: 0,
			optimiser: OptimiserConfig {
				beta1: 0.9,
				beta2: 0.99,
				epsilon: 1e-8,
				weight_decay: 0.0,
				clip: 1.0,
				average: 0.99,
			},
			phases: Vec::new(),
			expected: BTreeMap::new(),
		}
	}
}

impl FineTuneRecipe {
	/// Fills in the course of the training: 200 steps, which take minutes on the models that ship with Autonomy.
	fn set_phases(&mut self, architecture: Architecture) {
		if !self.phases.is_empty() {
			return;
		}
		let learning_rate = match self.method {
			Method::Lora(_) => 2e-3,
			Method::Full => 3e-4,
		};
		let batch = match architecture {
			Architecture::TextToImage => 16,
			Architecture::Llama => 1024,
		};
		self.phases = vec![Phase {
			steps: 200,
			warmup: 10,
			learning_rate,
			final_learning_rate: learning_rate / 10.0,
			batch,
			cut: None,
		}];
	}

	fn check(&self) -> Result<()> {
		if let Method::Lora(lora) = &self.method {
			if lora.rank == 0 || lora.rank > 256 {
				bail!("a rank of {}: it must be 1 to 256", lora.rank);
			}
			if !(lora.alpha > 0.0 && lora.alpha.is_finite()) {
				bail!("alpha is {}: it must be above 0", lora.alpha);
			}
			if self.text_encoder {
				bail!("text_encoder is set: adapters leave the text encoder as it is, use the method full");
			}
		}
		if self.empty_prompts_percent > 90 {
			bail!("{} percent empty prompts: it must be 0 to 90", self.empty_prompts_percent);
		}
		if self.phases.iter().map(Phase::length).sum::<u64>() == 0 {
			bail!("the phases have no steps");
		}
		Ok(())
	}

	/// Makes the run as long as `steps`. Its warm-up becomes at most a tenth of that.
	///
	/// # Errors
	/// If there are no steps, or the recipe has more than one phase.
	pub fn set_steps(&mut self, steps: u64, architecture: Architecture) -> Result<()> {
		self.set_phases(architecture);
		match self.phases.as_mut_slice() {
			[_] if steps == 0 => bail!("0 steps: it must be at least 1"),
			[phase] => {
				(phase.steps, phase.warmup, phase.cut) = (steps, phase.warmup.min(steps / 10), None);
				Ok(())
			}
			phases => bail!("the recipe has {} phases: set their steps in its file", phases.len()),
		}
	}
}

/// Files of a network: which ones, and what their tensors' names begin with here.
struct Part {
	/// Folder in the model's, with a slash; empty for the model's own.
	folder: &'static str,
	/// Prefix of the names.
	prefix: &'static str,
}

/// What pictures and text do differently.
trait Task {
	/// The base's weights.
	fn tensors(&self) -> Tensors;
	/// Where the weights lie.
	fn parts(&self) -> &'static [Part];
	/// What the names of an adapter begin with.
	fn adapter_prefix(&self) -> &'static str;
	/// Whether a weight may be trained.
	fn is_trained(&self, name: &str, text_encoder: bool) -> bool;
	/// Samples to train on, and held out.
	fn counts(&self) -> (usize, usize);
	/// Loss of one step.
	fn loss(&self, graft: &Graft, step: u64, batch: usize) -> Result<Tensor>;
	/// Loss on what was held out.
	fn held_out_loss(&self, graft: &Graft) -> Result<f64>;
	/// The weights of a folder of the same design.
	fn read(&self, folder: &ModelFolder) -> Result<Tensors>;
	/// What was held out, as an evaluation set.
	fn evaluation_set(&self) -> EvaluationSet;
	/// Name of the file with samples.
	fn samples_file(&self) -> &'static str;
	/// Shows what both models make of the same prompts. Nothing is written when no prompt fits the model's limits.
	fn write_samples(&self, base: &Model, trained: &Model, file: &Path) -> Result<Option<PathBuf>>;
}

/// What a finished run has made.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
	/// SHA-256 (hexadecimal) of each file that was trained, by its path in the folder.
	pub weights: BTreeMap<String, String>,
	/// The manifest of the folder.
	pub manifest: Manifest,
	/// CID of the manifest's file.
	pub manifest_cid: Cid,
	/// CID of the recipe's file.
	pub recipe_cid: Cid,
	/// Samples trained on.
	pub trained_on: usize,
	/// Samples held out.
	pub held_out: usize,
	/// Loss of the base on what was held out.
	pub before: f64,
	/// Loss of the trained model on what was held out.
	pub after: f64,
	/// The file with what was held out, as an evaluation set.
	pub evaluation: PathBuf,
	/// Its CID.
	pub evaluation_cid: Cid,
	/// The sample sheet, or the file with replies.
	pub samples: Option<PathBuf>,
}

impl Report {
	/// How much the loss fell, in percent; negative when it rose.
	pub fn fall_percent(&self) -> f64 {
		(1.0 - self.after / self.before) * 100.0
	}
}

/// How far a run came.
#[derive(Debug, Clone, PartialEq)]
pub struct FineTuned {
	/// Steps made in total.
	pub step: u64,
	/// Number of trained values.
	pub parameters: usize,
	/// What it made; `None` if it was stopped before its end.
	pub report: Option<Report>,
}

/// Most samples of an evaluation set.
fn most_samples() -> usize {
	usize::from(MAX_SAMPLES)
}

/// Compares the digest of the data with the recipe's, if it has one, and notes it.
fn check_data(expected: &mut String, found: String, path: &Path) -> Result<()> {
	if !expected.is_empty() && *expected != found {
		bail!("the recipe was made for other data: {} has digest {found}, the recipe says {expected}", path.display());
	}
	*expected = found;
	Ok(())
}

/// What a checkpoint belongs to.
struct Identity {
	base: String,
	data: String,
	recipe: String,
}

impl Identity {
	fn text(&self) -> String {
		[self.base.as_str(), self.data.as_str(), self.recipe.as_str()].join(":")
	}

	/// Refuses a checkpoint of something else, and says of what.
	fn check(&self, checkpoint: &Path) -> Result<()> {
		let written = checkpoint_recipe(checkpoint)?;
		let mut parts = written.split(':');
		let [base, data, recipe] = [(); 3].map(|()| parts.next().unwrap_or_default());
		let what = if base != self.base {
			"another base model"
		} else if data != self.data {
			"other data"
		} else if recipe != self.recipe {
			"another recipe"
		} else {
			return Ok(());
		};
		bail!(
			"{} was written by a run with {what} ({written}, this one is {}): delete it or train into another folder",
			checkpoint.display(),
			self.text()
		)
	}
}

/// Trains the model in the folder `base` on `data`, into the folder `out`; continues if `out` has a checkpoint.
///
/// `out` becomes a complete model folder: the base's files with the trained weights in their place, `recipe.json`, for
/// method LoRA the adapter as `lora.safetensors`, and a manifest with the base's golden job. Beside what the manifest
/// lists lie `evaluation.json` with what was held out, and samples of both models.
///
/// # Errors
/// If the base cannot be opened, a sample cannot be used (the message names its file), the recipe is invalid or made for
/// something else, the checkpoint belongs to another run, training diverges, or the finished weights are not those that the
/// recipe expects.
pub fn fine_tune(
	recipe: &FineTuneRecipe,
	base: &Path,
	data: &Path,
	out: &Path,
	options: &Options,
	progress: impl FnMut(Progress),
) -> Result<FineTuned> {
	autonomy_kernels::init();
	let checkpoint = run::checkpoint_path(out);
	folder::check_out(base, out, &checkpoint)?;
	let manifest = Engine::open(base)?.manifest().clone();
	let root = manifest.weights_root.to_string();
	if !recipe.base.is_empty() && recipe.base != root {
		bail!(
			"the recipe was made for another base model: {} has weights root {root}, the recipe says {}",
			base.display(),
			recipe.base
		);
	}
	let files = model_folder(base, &manifest);
	let mut recipe = FineTuneRecipe { base: root, ..recipe.clone() };
	let expected = std::mem::take(&mut recipe.expected);
	recipe.set_phases(manifest.architecture);
	recipe.check()?;
	let seed = run::seed(&recipe.seed);
	let noise = Noise::new(seed);
	let task: Box<dyn Task> = match manifest.architecture {
		Architecture::TextToImage => Box::new(picture::Pictures::open(&files, &manifest, data, &mut recipe, noise)?),
		Architecture::Llama => Box::new(text::Texts::open(&files, data, &mut recipe, noise)?),
	};
	let tensors = Arc::new(task.tensors());
	let text_encoder = recipe.text_encoder;
	let wanted = |name: &str| task.is_trained(name, text_encoder);
	let store = VarStore::new(seed);
	let graft = match &mut recipe.method {
		Method::Lora(lora) => {
			if lora.targets.is_empty() {
				lora.targets = graft::groups(&tensors, wanted);
			}
			Graft::lora(tensors.clone(), &store, lora, wanted)?
		}
		Method::Full => Graft::full(tensors.clone(), &store, wanted)?,
	};
	let identity = Identity {
		base: recipe.base.clone(),
		data: recipe.data.clone(),
		recipe: run::fingerprint(&FineTuneRecipe { base: String::new(), data: String::new(), ..recipe.clone() })?,
	};

	std::fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
	let mut adam = AdamW::new(&store, recipe.optimiser.clone())?;
	if checkpoint.exists() {
		identity.check(&checkpoint)?;
		adam.load(&checkpoint, &identity.text())?;
	}
	run::run(
		&mut adam,
		&recipe.phases,
		options,
		|step, batch| task.loss(&graft, step, batch),
		|adam| adam.save(&checkpoint, &identity.text()),
		progress,
	)?;
	let finished = adam.step_number() == recipe.phases.iter().map(Phase::length).sum::<u64>();
	let report = match finished {
		true => {
			let finish = Finish { task: task.as_ref(), recipe, expected, identity, manifest, base, out };
			Some(finish.report(&graft, &store, &adam.averages(), tensors)?)
		}
		false => None,
	};
	if finished {
		run::remove_checkpoint(out)?;
	}
	Ok(FineTuned { step: adam.step_number(), parameters: store.parameters(), report })
}

fn model_folder(dir: &Path, manifest: &Manifest) -> ModelFolder {
	ModelFolder::new(dir, manifest.files.iter().map(|file| file.path.clone()))
}

/// The end of a run: from trained values to a folder.
struct Finish<'a> {
	task: &'a dyn Task,
	recipe: FineTuneRecipe,
	expected: BTreeMap<String, String>,
	identity: Identity,
	manifest: Manifest,
	base: &'a Path,
	out: &'a Path,
}

impl Finish<'_> {
	fn report(self, graft: &Graft, store: &VarStore, averages: &[Vec<f32>], base: Arc<Tensors>) -> Result<Report> {
		let Self { task, recipe, expected, identity, manifest, base: from, out } = self;
		let samples_file = out.join(task.samples_file());
		let evaluation = out.join(EVALUATION_FILE);
		// What an earlier run left must not be taken for a part of the model.
		for file in [&samples_file, &evaluation, &out.join(ADAPTER_FILE)] {
			folder::remove(file)?;
		}
		let merged = graft.merged(store, averages)?;
		let mut weights = folder::write_model(from, &manifest, out, task.parts(), &merged)?;
		let adapter = graft.adapter(store, averages, task.adapter_prefix())?;
		if !adapter.is_empty() {
			let sha256 = run::write_weights(&out.join(ADAPTER_FILE), &adapter)?;
			weights.insert(ADAPTER_FILE.to_owned(), sha256);
		}
		run::check_expected(&expected, &weights)?;
		let recipe = FineTuneRecipe { expected: weights.clone(), ..recipe };
		run::write_json(&out.join(RECIPE_FILE), &recipe)?;

		let described = describe(&recipe, &identity, &manifest, out)?;
		described.write(out)?;
		let before = task.held_out_loss(&Graft::plain(base))?;
		let trained = Arc::new(task.read(&model_folder(out, &described))?);
		let after = task.held_out_loss(&Graft::plain(trained))?;
		let set = task.evaluation_set().to_json()?;
		run::write(&evaluation, &set)?;
		let samples = task.write_samples(&Engine::open(from)?, &Engine::open(out)?, &samples_file)?;
		let (trained_on, held_out) = task.counts();
		Ok(Report {
			weights,
			manifest_cid: described.cid(),
			manifest: described,
			recipe_cid: cid(&folder::read(&out.join(RECIPE_FILE))?),
			trained_on,
			held_out,
			before,
			after,
			evaluation,
			evaluation_cid: cid(&set),
			samples,
		})
	}
}

/// The manifest of the trained folder, with the base's golden job.
fn describe(recipe: &FineTuneRecipe, identity: &Identity, base: &Manifest, out: &Path) -> Result<Manifest> {
	let given = |text: &str, otherwise: String| if text.is_empty() { otherwise } else { text.to_owned() };
	let digest: String = identity.recipe.chars().take(8).collect();
	// Nothing after a plus sign counts in the order of versions.
	let version = base.version.split('+').next().unwrap_or_default();
	let Hash32(golden_seed) = base.golden.seed;
	let meta = ManifestMeta {
		name: given(&recipe.name, base.name.clone()),
		version: given(&recipe.version, format!("{version}+{}.{digest}", recipe.method.name())),
		architecture: base.architecture,
		licence: base.licence.clone(),
		limits: base.limits,
		golden_input: base.golden.input.clone(),
		golden_seed,
	};
	Ok(Manifest::build(out, meta)?)
}

/// An evaluation set of the first `samples` of a folder of pictures, `size` pixels along each side (64 by default), or of a
/// file of text, whose passages have at most `size` bytes (120 by default).
///
/// # Errors
/// If a sample cannot be used. The message names its file.
pub fn evaluation_set(data: &Path, size: Option<usize>, samples: usize) -> Result<EvaluationSet> {
	if samples == 0 || samples > most_samples() {
		bail!("{samples} samples: an evaluation set has 1 to {}", most_samples());
	}
	if !data.is_dir() {
		let passage = size.unwrap_or(EVALUATION_PASSAGE);
		if passage == 0 {
			bail!("passages of 0 bytes: give at least 1");
		}
		let exchanges = data::read_exchanges(data, passage)?;
		return Ok(EvaluationSet::Text(exchanges.into_iter().take(samples).map(|exchange| exchange.sample).collect()));
	}
	let size = size.unwrap_or(EVALUATION_SIZE);
	if size == 0 || size > 4096 {
		bail!("pictures of {size}x{size} pixels: the side must be 1 to 4096");
	}
	let mut pictures = Vec::new();
	for sample in data::list_pictures(data)?.iter().take(samples) {
		let picture = data::prepare(data, sample, size as u32)?.picture;
		pictures.push(PictureSample::new(&sample.caption, &picture));
	}
	Ok(EvaluationSet::Image(pictures))
}
