//! Training of the picture model: a text-conditional diffusion model in pixel space, in the diffusers folder layout.

use crate::draws::Draws;
use crate::optimiser::{AdamW, OptimiserConfig, Phase};
use crate::run::{self, Options, Outcome, Progress};
use crate::shapes::{self, pixel_unshuffle, Prompt, Scene, SIZE};
use crate::store::VarStore;
use anyhow::{anyhow, bail, Context, Result};
use autonomy_engine::models::clip::{ClipTextConfig, ClipTextModel};
use autonomy_engine::models::unet::{UNet2DConditionConfig, UNet2DConditionModel};
use autonomy_engine::nn::Linear;
use autonomy_kernels::rng::Noise;
use candle_core::{Device, Tensor, Var};
use serde::{Deserialize, Serialize};
use serde_json::{json, Map, Value};
use std::collections::BTreeMap;
use std::path::Path;
use tokenizers::Tokenizer;

/// Streams of the recipe's generator. Weights use generators of their own.
const STREAM_SCENES: u32 = 1;
const STREAM_TIMES: u32 = 2;
const STREAM_NOISE: u32 = 3;
const STREAM_LESSONS: u32 = 4;
/// Words of the scene stream that one step may use.
const SCENE_WORDS_PER_STEP: u64 = 1 << 16;

/// Longest prompt in tokens, with start and end.
const PROMPT_TOKENS: usize = 16;
const UNET_FILE: &str = "unet/diffusion_pytorch_model.safetensors";
const TEXT_FILE: &str = "text_encoder/model.safetensors";

/// Everything that decides the bits of a picture model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageRecipe {
	/// Name of the model.
	pub name: String,
	/// Version of the data generator: [`shapes::VERSION`].
	pub dataset: String,
	/// Any text; its SHA-256 keys all random numbers.
	pub seed: String,
	/// Displacement and change of size of the shapes, 0 (none) to 1.
	pub jitter: f32,
	/// How many samples of 100 get a time above `high_noise_from`, besides the others' share. Colours and backgrounds show
	/// through the noise at nearly all times, so only such samples teach the model to follow the prompt.
	pub high_noise_percent: u32,
	/// Start of that range as a share of the timesteps, 0 to 1.
	pub high_noise_from: f64,
	/// Side of the pixel blocks that become channels; divides 64.
	pub pixel_unshuffle: usize,
	/// How many prompts of 100 are replaced by the empty prompt, for classifier-free guidance.
	pub empty_prompts_percent: usize,
	/// The loss of a sample is weighted by its signal-to-noise ratio, limited to this range (Salimans and Ho, 2022).
	pub loss_weight: [f32; 2],
	/// `config.json` of the UNet.
	pub unet: Value,
	/// `config.json` of the text encoder, without the fields that follow from the vocabulary.
	pub text_encoder: Value,
	/// `scheduler_config.json`.
	pub scheduler: Value,
	/// Settings of the optimiser.
	pub optimiser: OptimiserConfig,
	/// Course of the text encoder's first lessons: before the pictures it learns, alone, to tell colour, shape, background
	/// and size of a prompt by linear heads on the pooled state, so that the UNet gets a clear sign from its first step.
	pub lessons: Vec<Phase>,
	/// Weight of those heads' cross-entropy in the loss with pictures.
	pub lesson_weight: f64,
	/// Course of the training with pictures.
	pub phases: Vec<Phase>,
	/// SHA-256 (hexadecimal) of each weights file after the last step; empty if not known.
	#[serde(default)]
	pub expected: BTreeMap<String, String>,
}

impl ImageRecipe {
	/// The recipe of the model in `models/shapes`.
	pub fn shapes() -> Self {
		Self {
			name: "shapes".into(),
			dataset: shapes::VERSION.into(),
			seed: "autonomy shapes 1".into(),
			jitter: 0.5,
			high_noise_percent: 50,
			high_noise_from: 0.88,
			pixel_unshuffle: 4,
			empty_prompts_percent: 10,
			loss_weight: [1.0, 3.0],
			unet: unet_config(48, 16, [64, 96], 96),
			text_encoder: text_config(96, 192, 2, 4),
			scheduler: json!({
				"_class_name": "DDIMScheduler",
				"_diffusers_version": "0.31.0",
				"beta_end": 0.02,
				"beta_schedule": "squaredcos_cap_v2",
				"beta_start": 0.0001,
				"clip_sample": true,
				"clip_sample_range": 1.0,
				"num_train_timesteps": 1000,
				"prediction_type": "sample",
				"rescale_betas_zero_snr": false,
				"set_alpha_to_one": true,
				"steps_offset": 0,
				"thresholding": false,
				"timestep_spacing": "trailing",
				"trained_betas": null
			}),
			optimiser: OptimiserConfig {
				beta1: 0.9,
				beta2: 0.99,
				epsilon: 1e-8,
				weight_decay: 0.01,
				clip: 1.0,
				average: 0.998,
			},
			lessons: vec![Phase {
				steps: 400,
				warmup: 20,
				learning_rate: 2e-3,
				final_learning_rate: 5e-4,
				batch: 64,
				cut: None,
			}],
			lesson_weight: 0.05,
			phases: vec![
				Phase {
					steps: 2800,
					warmup: 100,
					learning_rate: 1.5e-3,
					final_learning_rate: 8e-4,
					batch: 16,
					cut: None,
				},
				Phase { steps: 1300, warmup: 0, learning_rate: 8e-4, final_learning_rate: 2e-5, batch: 32, cut: None },
			],
			expected: BTreeMap::new(),
		}
	}

	/// A model of a few thousand weights that trains in seconds: for tests.
	pub fn tiny() -> Self {
		Self {
			name: "tiny shapes".into(),
			pixel_unshuffle: 8,
			unet: unet_config(192, 8, [16, 16], 16),
			text_encoder: text_config(16, 32, 1, 2),
			lessons: vec![Phase {
				steps: 2,
				warmup: 1,
				learning_rate: 4e-3,
				final_learning_rate: 1e-3,
				batch: 4,
				cut: None,
			}],
			phases: vec![Phase {
				steps: 6,
				warmup: 2,
				learning_rate: 4e-3,
				final_learning_rate: 1e-3,
				batch: 4,
				cut: None,
			}],
			..Self::shapes()
		}
	}

	fn check(&self) -> Result<()> {
		if self.dataset != shapes::VERSION {
			bail!("the recipe needs data set {}, this build generates {}", self.dataset, shapes::VERSION);
		}
		if self.pixel_unshuffle == 0 || !SIZE.is_multiple_of(self.pixel_unshuffle) {
			bail!("pixel_unshuffle is {}, it must divide {SIZE}", self.pixel_unshuffle);
		}
		if !(0.0..=1.0).contains(&self.jitter) {
			bail!("jitter is {}, it must be between 0 and 1", self.jitter);
		}
		if self.high_noise_percent > 90 || !(0.0..1.0).contains(&self.high_noise_from) {
			bail!(
				"high_noise_percent is {} and high_noise_from {}: they must be 0 to 90 and from 0 to below 1",
				self.high_noise_percent,
				self.high_noise_from
			);
		}
		if self.scheduler["prediction_type"] != "sample" {
			bail!("prediction_type is {}, only \"sample\" is trained", self.scheduler["prediction_type"]);
		}
		if let Some(phase) =
			self.phases.iter().chain(&self.lessons).find(|phase| phase.batch == 0 || phase.batch > 1024)
		{
			bail!("a batch of {} pictures: it must be 1 to 1024", phase.batch);
		}
		Ok(())
	}

	/// Maps evenly spread numbers in [0, 1) to times in [0, 1).
	fn time(&self, even: f64) -> f64 {
		let high = f64::from(self.high_noise_percent) / 100.0;
		if even < high {
			self.high_noise_from + (1.0 - self.high_noise_from) * (even / high)
		} else {
			(even - high) / (1.0 - high)
		}
	}
}

fn unet_config(channels: usize, side: usize, blocks: [usize; 2], text: usize) -> Value {
	json!({
		"_class_name": "UNet2DConditionModel",
		"_diffusers_version": "0.31.0",
		"act_fn": "silu",
		"attention_head_dim": 4,
		"block_out_channels": blocks,
		"center_input_sample": false,
		"class_embed_type": "projection",
		"cross_attention_dim": text,
		"down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"],
		"downsample_padding": 1,
		"flip_sin_to_cos": true,
		"freq_shift": 0,
		"in_channels": channels,
		"layers_per_block": 1,
		"mid_block_scale_factor": 1,
		"mid_block_type": "UNetMidBlock2DCrossAttn",
		"norm_eps": 1e-5,
		"norm_num_groups": 8,
		"only_cross_attention": false,
		"out_channels": channels,
		"projection_class_embeddings_input_dim": text,
		"resnet_time_scale_shift": "scale_shift",
		"sample_size": side,
		"up_block_types": ["UpBlock2D", "UpBlock2D"],
		"use_linear_projection": true
	})
}

fn text_config(width: usize, inner: usize, layers: usize, heads: usize) -> Value {
	json!({
		"architectures": ["CLIPTextModel"],
		"attention_dropout": 0.0,
		"dropout": 0.0,
		"hidden_act": "quick_gelu",
		"hidden_size": width,
		"initializer_factor": 1.0,
		"initializer_range": 0.02,
		"intermediate_size": inner,
		"layer_norm_eps": 1e-5,
		"max_position_embeddings": PROMPT_TOKENS,
		"model_type": "clip_text_model",
		"num_attention_heads": heads,
		"num_hidden_layers": layers,
		"projection_dim": width
	})
}

/// `tokenizer.json` for prompts: whole words, lower case; a word it does not know becomes `[UNK]`. Every prompt has 16
/// tokens: start, at most 14 words, end, padding. The end token has the highest id, as in CLIP.
pub fn prompt_tokenizer() -> Value {
	const SPECIAL: [&str; 3] = ["<|pad|>", "[UNK]", "<|startoftext|>"];
	let mut vocabulary = Map::new();
	for token in SPECIAL.iter().map(|s| s.to_string()).chain(shapes::words()).chain(["<|endoftext|>".into()]) {
		let id = vocabulary.len();
		vocabulary.entry(token).or_insert(id.into());
	}
	let id = |token: &str| vocabulary[token].as_u64();
	let added = |token: &str| {
		json!({"id": id(token), "content": token, "single_word": false, "lstrip": false, "rstrip": false,
			"normalized": false, "special": true})
	};
	let special = |token: &str| json!({"id": token, "ids": [id(token)], "tokens": [token]});
	let one = |token: &str| json!({"SpecialToken": {"id": token, "type_id": 0}});
	run::canonical(json!({
		"version": "1.0",
		"truncation": {"direction": "Right", "max_length": PROMPT_TOKENS, "strategy": "LongestFirst", "stride": 0},
		"padding": {"strategy": {"Fixed": PROMPT_TOKENS}, "direction": "Right", "pad_to_multiple_of": null,
			"pad_id": id("<|pad|>"), "pad_type_id": 0, "pad_token": "<|pad|>"},
		"added_tokens": [added("<|pad|>"), added("[UNK]"), added("<|startoftext|>"), added("<|endoftext|>")],
		"normalizer": {"type": "Lowercase"},
		"pre_tokenizer": {"type": "Whitespace"},
		"post_processor": {"type": "TemplateProcessing",
			"single": [one("<|startoftext|>"), {"Sequence": {"id": "A", "type_id": 0}}, one("<|endoftext|>")],
			"pair": [one("<|startoftext|>"), {"Sequence": {"id": "A", "type_id": 0}},
				{"Sequence": {"id": "B", "type_id": 0}}, one("<|endoftext|>")],
			"special_tokens": {"<|startoftext|>": special("<|startoftext|>"),
				"<|endoftext|>": special("<|endoftext|>")}},
		"decoder": null,
		"model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]"}
	}))
}

/// Cumulative products ᾱ of diffusers' schedule `squaredcos_cap_v2` (Nichol and Dhariwal, 2021), one per timestep.
///
/// # Errors
/// If the scheduler has no number of timesteps or another schedule.
pub fn alphas_cumprod(scheduler: &Value) -> Result<Vec<f64>> {
	let count = scheduler["num_train_timesteps"].as_u64().context("scheduler: num_train_timesteps is missing")?;
	if scheduler["beta_schedule"] != "squaredcos_cap_v2" {
		bail!("scheduler: beta_schedule {} is not trained, squaredcos_cap_v2 is", scheduler["beta_schedule"]);
	}
	let cosine = |i: u64| {
		let c = libm::cos((i as f64 / count as f64 + 0.008) / 1.008 * core::f64::consts::FRAC_PI_2);
		c * c
	};
	let mut product = 1.0;
	Ok((0..count)
		.map(|i| {
			let beta = 1.0 - cosine(i + 1) / cosine(i);
			product *= 1.0 - if beta < 0.999 { beta } else { 0.999 };
			product
		})
		.collect())
}

/// Target of an attribute that the prompt does not name.
const UNNAMED: u32 = u32::MAX;

/// The text encoder with the linear heads that name the attributes of a prompt; the heads are not shipped.
struct Reader {
	text: ClipTextModel,
	heads: [Linear; 4],
}

impl Reader {
	fn new(config: &Value, store: &VarStore) -> Result<Self> {
		let clip: ClipTextConfig =
			serde_json::from_value(config.clone()).context("the recipe's text_encoder configuration")?;
		let width = config["hidden_size"].as_u64().context("text_encoder: hidden_size is missing")? as usize;
		let head = |name: &str, classes: usize| Linear::new(width, classes, true, store.builder().pp("heads").pp(name));
		Ok(Self {
			text: ClipTextModel::new(&clip, store.builder().pp("text_encoder"))?,
			heads: [
				head("colour", shapes::COLOURS.len())?,
				head("shape", shapes::SHAPES.len())?,
				head("background", shapes::BACKGROUNDS.len())?,
				head("size", 3)?,
			],
		})
	}

	/// Mean cross-entropy of the four heads; `attributes` holds four classes per prompt.
	fn lesson(&self, sentence: &Tensor, attributes: &[[u32; 4]]) -> Result<Tensor> {
		let mut sum: Option<Tensor> = None;
		for (i, head) in self.heads.iter().enumerate() {
			let targets: Vec<u32> = attributes.iter().map(|of| of[i]).collect();
			if targets.iter().all(|target| *target == UNNAMED) {
				bail!("no prompt of {} names attribute {i}: use larger batches", targets.len());
			}
			let targets = Tensor::from_vec(targets, attributes.len(), &Device::Cpu)?;
			let loss = autonomy_kernels::cross_entropy(&head.forward(sentence)?, &targets, Some(UNNAMED))?;
			sum = Some(match sum {
				Some(sum) => (sum + loss)?,
				None => loss,
			});
		}
		Ok(sum.context("no heads")?.affine(0.25, 0.0)?)
	}
}

fn attributes(scene: &Scene, prompt: &Prompt) -> [u32; 4] {
	let named = |named: bool, class: usize| if named { class as u32 } else { UNNAMED };
	[
		named(prompt.names_colour, scene.colour),
		scene.shape as u32,
		named(prompt.names_background, scene.background),
		scene.size as u32,
	]
}

struct Batch {
	/// Noisy pictures (b, c, h, w).
	noisy: Tensor,
	/// Clean pictures (b, c, h, w).
	clean: Tensor,
	/// Timesteps, one per picture.
	times: Vec<f32>,
	/// Token ids (b, 16).
	ids: Tensor,
	/// Classes that each prompt names.
	attributes: Vec<[u32; 4]>,
	/// Loss weights (b).
	weights: Tensor,
}

/// Model, data and optimiser of a run.
struct Trainer<'a> {
	recipe: &'a ImageRecipe,
	noise: Noise,
	alphas: Vec<f64>,
	tokenizer: Tokenizer,
	store: VarStore,
	unet: UNet2DConditionModel,
	reader: Reader,
	text_config: Value,
}

impl<'a> Trainer<'a> {
	fn new(recipe: &'a ImageRecipe) -> Result<Self> {
		recipe.check()?;
		let seed = run::seed(&recipe.seed);
		let tokenizer = load_tokenizer(&prompt_tokenizer())?;
		let mut text_config = recipe.text_encoder.clone();
		for (field, token) in
			[("pad_token_id", "<|pad|>"), ("bos_token_id", "<|startoftext|>"), ("eos_token_id", "<|endoftext|>")]
		{
			text_config[field] = tokenizer.token_to_id(token).into();
		}
		text_config["vocab_size"] = tokenizer.get_vocab_size(true).into();
		let store = VarStore::new(seed);
		let unet: UNet2DConditionConfig =
			serde_json::from_value(recipe.unet.clone()).context("the recipe's unet configuration")?;
		let unet = UNet2DConditionModel::new(&unet, store.builder().pp("unet"))?;
		let reader = Reader::new(&text_config, &store)?;
		let alphas = alphas_cumprod(&recipe.scheduler)?;
		Ok(Self { recipe, noise: Noise::new(seed), alphas, tokenizer, store, unet, reader, text_config })
	}

	fn batch(&self, step: u64, size: usize) -> Result<Batch> {
		let numbers = 3 * SIZE * SIZE;
		let mut draws = Draws::new(&self.noise, STREAM_SCENES, step * SCENE_WORDS_PER_STEP);
		let mut times = Draws::new(&self.noise, STREAM_TIMES, step * 1024);
		let noise = self.noise.normal(STREAM_NOISE, step * (1024 * numbers) as u64, size * numbers);
		let (mut clean, mut noisy) = (Vec::with_capacity(size * numbers), Vec::with_capacity(size * numbers));
		let (mut steps, mut weights, mut ids, mut attributes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
		for (i, noise) in noise.chunks_exact(numbers).enumerate() {
			let scene = Scene::draw(&mut draws, self.recipe.jitter);
			let prompt = scene.prompt(&mut draws);
			if draws.chance(self.recipe.empty_prompts_percent) {
				ids.extend(self.encode("")?);
				attributes.push([UNNAMED; 4]);
			} else {
				ids.extend(self.encode(&prompt.text)?);
				attributes.push(self::attributes(&scene, &prompt));
			}
			// One time from each of `size` equal stretches: the same expectation as independent times, less variance.
			let share = self.recipe.time((i as f64 + f64::from(times.unit())) / size as f64);
			let time = ((share * self.alphas.len() as f64) as usize).min(self.alphas.len() - 1);
			let alpha = self.alphas[time];
			let (signal, spread) = (libm::sqrt(alpha) as f32, libm::sqrt(1.0 - alpha) as f32);
			let ratio = (alpha / (1.0 - alpha)) as f32;
			let [low, high] = self.recipe.loss_weight;
			weights.push(ratio.clamp(low, high));
			steps.push(time as f32);
			let picture = pixel_unshuffle(&scene.render(), self.recipe.pixel_unshuffle);
			noisy.extend(picture.iter().zip(noise).map(|(x, n)| signal * x + spread * n));
			clean.extend(picture);
		}
		let side = SIZE / self.recipe.pixel_unshuffle;
		let shape = (size, 3 * self.recipe.pixel_unshuffle * self.recipe.pixel_unshuffle, side, side);
		Ok(Batch {
			noisy: Tensor::from_vec(noisy, shape, &Device::Cpu)?,
			clean: Tensor::from_vec(clean, shape, &Device::Cpu)?,
			times: steps,
			ids: Tensor::from_vec(ids, (size, PROMPT_TOKENS), &Device::Cpu)?,
			attributes,
			weights: Tensor::from_vec(weights, size, &Device::Cpu)?,
		})
	}

	fn encode(&self, prompt: &str) -> Result<Vec<u32>> {
		let encoding = self.tokenizer.encode(prompt, true).map_err(|e| anyhow!("prompt {prompt:?}: {e}"))?;
		Ok(encoding.get_ids().to_vec())
	}

	fn loss(&self, step: u64, size: usize) -> Result<Tensor> {
		let batch = self.batch(step, size)?;
		let (words, sentence) = self.reader.text.forward(&batch.ids)?;
		let predicted = self.unet.forward(&batch.noisy, &batch.times, &words, Some(&sentence))?;
		let picture = autonomy_kernels::mse_loss(&predicted, &batch.clean, Some(&batch.weights))?;
		let lesson = self.reader.lesson(&sentence, &batch.attributes)?;
		Ok((picture + lesson.affine(self.recipe.lesson_weight, 0.0)?)?)
	}

	/// Number of shipped values.
	fn parameters(&self) -> usize {
		let vars = self.store.vars();
		vars.iter().filter(|(name, _)| !name.starts_with("heads.")).map(|(_, var)| var.elem_count()).sum()
	}

	/// The text encoder's first lessons, in a store of its own; their result becomes the start of the training.
	fn teach(&self) -> Result<()> {
		let store = VarStore::new(run::seed(&self.recipe.seed));
		let reader = Reader::new(&self.text_config, &store)?;
		let mut adam = AdamW::new(&store, self.recipe.optimiser.clone())?;
		let lesson = |step: u64, size: usize| {
			let mut draws = Draws::new(&self.noise, STREAM_LESSONS, step * SCENE_WORDS_PER_STEP);
			let (mut ids, mut attributes) = (Vec::new(), Vec::new());
			for _ in 0..size {
				let scene = Scene::draw(&mut draws, self.recipe.jitter);
				let prompt = scene.prompt(&mut draws);
				ids.extend(self.encode(&prompt.text)?);
				attributes.push(self::attributes(&scene, &prompt));
			}
			let ids = Tensor::from_vec(ids, (size, PROMPT_TOKENS), &Device::Cpu)?;
			reader.lesson(&reader.text.forward(&ids)?.1, &attributes)
		};
		let options = Options { checkpoint_every: 0, stop_at: None };
		let mut last = 0.0;
		run::run(&mut adam, &self.recipe.lessons, &options, lesson, |_| Ok(()), |progress| last = progress.loss)?;
		tracing::info!(loss = last, "the text encoder knows the attributes");
		let mine: BTreeMap<String, Var> = self.store.vars().into_iter().collect();
		for (name, var) in store.vars() {
			mine.get(&name).with_context(|| format!("weight {name} is not part of the model"))?.set(&var)?;
		}
		Ok(())
	}

	fn write(&self, out: &Path, averages: &[Vec<f32>]) -> Result<BTreeMap<String, String>> {
		run::write_json(
			&out.join("model_index.json"),
			&json!({
				"_class_name": "StableDiffusionPipeline",
				"_diffusers_version": "0.31.0",
				"_name_or_path": self.recipe.name,
				"feature_extractor": [null, null],
				"pixel_unshuffle": self.recipe.pixel_unshuffle,
				"safety_checker": [null, null],
				"scheduler": ["diffusers", "DDIMScheduler"],
				"text_encoder": ["transformers", "CLIPTextModel"],
				"tokenizer": ["transformers", "PreTrainedTokenizerFast"],
				"unet": ["diffusers", "UNet2DConditionModel"],
				"vae": [null, null]
			}),
		)?;
		run::write_json(&out.join("unet/config.json"), &self.recipe.unet)?;
		run::write_json(&out.join("text_encoder/config.json"), &self.text_config)?;
		run::write_json(&out.join("scheduler/scheduler_config.json"), &self.recipe.scheduler)?;
		run::write_json(&out.join("tokenizer/tokenizer.json"), &prompt_tokenizer())?;
		let mut hashes = BTreeMap::new();
		for (file, prefix) in [(UNET_FILE, "unet."), (TEXT_FILE, "text_encoder.")] {
			let tensors = self.store.export(prefix, averages)?;
			hashes.insert(file.to_owned(), run::write_weights(&out.join(file), &tensors)?);
		}
		Ok(hashes)
	}
}

pub(crate) fn load_tokenizer(json: &Value) -> Result<Tokenizer> {
	Tokenizer::from_bytes(serde_json::to_vec(json)?).map_err(|e| anyhow!("tokenizer.json: {e}"))
}

/// Trains a picture model into the folder `out` with default [`Options`]; continues if `out` has a checkpoint.
///
/// # Errors
/// If the recipe is invalid, a file cannot be written, the checkpoint belongs to another recipe, training diverges, or
/// the finished weights are not those that the recipe expects.
pub fn train_image(recipe: &ImageRecipe, out: &Path, progress: impl FnMut(Progress)) -> Result<Outcome> {
	train_image_with(recipe, out, &Options::default(), progress)
}

/// [`train_image`] with options.
///
/// # Errors
/// As [`train_image`].
pub fn train_image_with(
	recipe: &ImageRecipe,
	out: &Path,
	options: &Options,
	progress: impl FnMut(Progress),
) -> Result<Outcome> {
	autonomy_kernels::init();
	let plain = ImageRecipe { expected: BTreeMap::new(), ..recipe.clone() };
	let fingerprint = run::fingerprint(&plain)?;
	let trainer = Trainer::new(recipe)?;
	let checkpoint = run::checkpoint_path(out);
	std::fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
	if !checkpoint.exists() {
		trainer.teach()?;
	}
	let mut adam = AdamW::new(&trainer.store, recipe.optimiser.clone())?;
	if checkpoint.exists() {
		adam.load(&checkpoint, &fingerprint)?;
	}
	run::run(
		&mut adam,
		&recipe.phases,
		options,
		|step, size| trainer.loss(step, size),
		|adam| {
			trainer.write(out, &adam.averages())?;
			adam.save(&checkpoint, &fingerprint)
		},
		progress,
	)?;
	let weights = trainer.write(out, &adam.averages())?;
	let finished = adam.step_number() == recipe.phases.iter().map(Phase::length).sum::<u64>();
	if finished {
		run::check_expected(&recipe.expected, &weights)?;
		run::remove_checkpoint(out)?;
		run::write_json(&out.join("recipe.json"), &ImageRecipe { expected: weights.clone(), ..plain })?;
	}
	Ok(Outcome { step: adam.step_number(), finished, parameters: trainer.parameters(), weights })
}

/// The prompts of the first step of a recipe with the ids they become, for inspection and tests.
///
/// # Errors
/// If the recipe is invalid.
pub fn first_prompts(recipe: &ImageRecipe, count: usize) -> Result<Vec<(String, Vec<u32>)>> {
	recipe.check()?;
	let tokenizer = load_tokenizer(&prompt_tokenizer())?;
	let noise = Noise::new(run::seed(&recipe.seed));
	let mut draws = Draws::new(&noise, STREAM_SCENES, 0);
	let mut out = Vec::new();
	for _ in 0..count {
		let prompt = Scene::draw(&mut draws, recipe.jitter).prompt(&mut draws).text;
		let encoding = tokenizer.encode(prompt.as_str(), true).map_err(|e| anyhow!("{prompt}: {e}"))?;
		out.push((prompt, encoding.get_ids().to_vec()));
	}
	Ok(out)
}
