//! Training of the language models: small Llamas with a byte-level tokenizer, in the layout of transformers.

use crate::council::{self, Ballot, Council};
use crate::dialogue::{self, Exchange, Grammar};
use crate::draws::Draws;
use crate::image::load_tokenizer;
use crate::optimiser::{AdamW, OptimiserConfig, Phase};
use crate::run::{self, Options, Outcome, Progress};
use crate::store::VarStore;
use anyhow::{anyhow, bail, Context, Result};
use autonomy_engine::models::llama::{Llama, LlamaConfig};
use autonomy_engine::pipelines::chat::{Chat, ChatRequest};
use autonomy_engine::pipelines::{Control, Sampling};
use autonomy_engine::weights::ModelFolder;
use autonomy_kernels::rng::Noise;
use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};
use serde_json::{json, Value};
use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use tokenizers::models::bpe::{BpeTrainerBuilder, BPE};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::{AddedToken, DecoderWrapper, NormalizerWrapper, PostProcessorWrapper, TokenizerBuilder};

const STREAM_CORPUS: u32 = 11;
const STREAM_BATCHES: u32 = 12;
const STREAM_HELD_OUT: u32 = 13;
const BATCH_WORDS_PER_STEP: u64 = 1 << 12;

/// Special tokens; their ids are 0 to 4. Only a model that reads personas has the last one.
const SPECIAL: [&str; 5] = ["<|pad|>", "<|user|>", "<|reply|>", "<|end|>", "<|persona|>"];
const PAD: u32 = 0;
const REPLY: u32 = 2;
const WEIGHTS_FILE: &str = "model.safetensors";
/// Exchanges of similar length share a batch; lengths are rounded up to this many tokens.
const LENGTH_STEP: usize = 8;

/// Everything that decides the bits of a language model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextRecipe {
	/// Name of the model.
	pub name: String,
	/// Version of the data set: [`dialogue::VERSION`] or [`council::VERSION`].
	pub dataset: String,
	/// Any text; its SHA-256 keys all random numbers.
	pub seed: String,
	/// Exchanges in the corpus.
	pub exchanges: usize,
	/// Tokens in the vocabulary, at least 260.
	pub vocabulary: usize,
	/// SHA-256 (hexadecimal) of `tokenizer.json`; empty if not known.
	#[serde(default)]
	pub tokenizer: String,
	/// `config.json` of the model without the vocabulary size.
	pub llama: Value,
	/// Who speaks, for the folder's `chat.json`.
	pub persona: String,
	/// Settings of the optimiser.
	pub optimiser: OptimiserConfig,
	/// Course of the training; `batch` counts tokens.
	pub phases: Vec<Phase>,
	/// SHA-256 (hexadecimal) of each weights file after the last step; empty if not known.
	#[serde(default)]
	pub expected: BTreeMap<String, String>,
}

impl TextRecipe {
	/// The recipe of the model in `models/keeper`.
	pub fn keeper() -> Self {
		Self {
			name: "keeper".into(),
			dataset: dialogue::VERSION.into(),
			seed: "autonomy keeper 1".into(),
			exchanges: 40_000,
			vocabulary: 1024,
			tokenizer: String::new(),
			llama: llama_config(160, 432, 4, 5, 256),
			persona:
				"Luma, keeper of the lighthouse at Grey Point: warm, a little wry, precise about weather and ships"
					.into(),
			optimiser: OptimiserConfig {
				beta1: 0.9,
				beta2: 0.98,
				epsilon: 1e-8,
				weight_decay: 0.1,
				clip: 1.0,
				average: 0.995,
			},
			phases: vec![Phase {
				steps: 2600,
				warmup: 80,
				learning_rate: 3e-3,
				final_learning_rate: 1e-4,
				batch: 1536,
				cut: None,
			}],
			expected: BTreeMap::new(),
		}
	}

	/// The recipe of the model in `models/council`.
	pub fn council() -> Self {
		Self {
			name: "council".into(),
			dataset: council::VERSION.into(),
			seed: "autonomy council 1".into(),
			exchanges: 60_000,
			vocabulary: 1280,
			// Far more than it is trained on: no words of a proposer may make a prompt too long to be answered.
			llama: llama_config(160, 432, 5, 5, 2048),
			persona: "A member of the council: whoever its persona says, and nobody without one".into(),
			phases: vec![Phase {
				steps: 4000,
				warmup: 120,
				learning_rate: 3e-3,
				final_learning_rate: 1e-4,
				batch: 3072,
				cut: None,
			}],
			..Self::keeper()
		}
	}

	/// A model of a few thousand weights that trains in seconds: for tests.
	pub fn tiny() -> Self {
		Self {
			name: "tiny keeper".into(),
			exchanges: 400,
			vocabulary: 300,
			llama: llama_config(32, 64, 1, 2, 256),
			phases: vec![Phase {
				steps: 6,
				warmup: 2,
				learning_rate: 1e-2,
				final_learning_rate: 1e-3,
				batch: 256,
				cut: None,
			}],
			..Self::keeper()
		}
	}

	/// [`TextRecipe::tiny`] with personas.
	pub fn tiny_council() -> Self {
		Self {
			name: "tiny council".into(),
			dataset: council::VERSION.into(),
			exchanges: 200,
			vocabulary: 400,
			llama: llama_config(32, 64, 1, 2, 2048),
			persona: Self::council().persona,
			..Self::tiny()
		}
	}

	/// Whether the model reads personas.
	fn reads_personas(&self) -> bool {
		self.dataset == council::VERSION
	}

	/// The special tokens of the model.
	fn special(&self) -> &'static [&'static str] {
		if self.reads_personas() {
			&SPECIAL
		} else {
			&SPECIAL[..4]
		}
	}

	fn check(&self) -> Result<()> {
		if ![dialogue::VERSION, council::VERSION].contains(&self.dataset.as_str()) {
			bail!(
				"the recipe needs data set {}, this build generates {} and {}",
				self.dataset,
				dialogue::VERSION,
				council::VERSION
			);
		}
		if self.exchanges == 0 || self.exchanges > 1_000_000 {
			bail!("{} exchanges: it must be 1 to 1,000,000", self.exchanges);
		}
		let special = self.special().len();
		if self.vocabulary < 256 + special {
			bail!("a vocabulary of {}: it must hold 256 bytes and {special} special tokens", self.vocabulary);
		}
		Ok(())
	}
}

fn llama_config(width: usize, inner: usize, layers: usize, heads: usize, context: usize) -> Value {
	json!({
		"architectures": ["LlamaForCausalLM"],
		"attention_bias": false,
		"attention_dropout": 0.0,
		"bos_token_id": 1,
		"eos_token_id": 3,
		"hidden_act": "silu",
		"hidden_size": width,
		"initializer_range": 0.05,
		"intermediate_size": inner,
		"max_position_embeddings": context,
		"mlp_bias": false,
		"model_type": "llama",
		"num_attention_heads": heads,
		"num_hidden_layers": layers,
		"num_key_value_heads": heads,
		"pad_token_id": PAD,
		"rms_norm_eps": 1e-5,
		"rope_scaling": null,
		"rope_theta": 10000.0,
		"tie_word_embeddings": true,
		"torch_dtype": "float16"
	})
}

/// The text that the model sees for an exchange.
pub fn format(exchange: &Exchange) -> String {
	let persona = exchange.persona.as_ref().map(|persona| format!("<|persona|>{persona}<|end|>"));
	format!("{}<|user|>{}<|end|><|reply|>{}<|end|>", persona.unwrap_or_default(), exchange.question, exchange.answer)
}

/// The corpus of a recipe.
///
/// # Errors
/// If the recipe is invalid.
pub fn corpus(recipe: &TextRecipe) -> Result<Vec<Exchange>> {
	recipe.check()?;
	let noise = Noise::new(run::seed(&recipe.seed));
	let mut draws = Draws::new(&noise, STREAM_CORPUS, 0);
	if recipe.reads_personas() {
		let council = Council::new()?;
		return Ok((0..recipe.exchanges).map(|_| council.draw(&mut draws)).collect());
	}
	let grammar = Grammar::luma()?;
	Ok((0..recipe.exchanges).map(|_| grammar.draw(&mut draws)).collect())
}

/// Ballots of a council's recipe that its corpus does not have.
///
/// # Errors
/// If the recipe is invalid or not that of a council.
pub fn held_out_ballots(recipe: &TextRecipe, ballots: usize) -> Result<Vec<Ballot>> {
	if !recipe.reads_personas() {
		bail!("data set {} has no ballots, {} has", recipe.dataset, council::VERSION);
	}
	let seen: HashSet<String> = corpus(recipe)?.iter().map(format).collect();
	let council = Council::new()?;
	let noise = Noise::new(run::seed(&recipe.seed));
	let mut draws = Draws::new(&noise, STREAM_HELD_OUT, 0);
	let drawn = std::iter::repeat_with(|| council.ballot(&mut draws));
	Ok(drawn.filter(|ballot| !seen.contains(&format(&ballot.exchange()))).take(ballots).collect())
}

/// Trains the byte-level BPE tokenizer of a recipe on its corpus and returns `tokenizer.json`. Equal corpora give equal
/// bytes. Where ballots are read each digit is a token, since numbers are compared there.
///
/// # Errors
/// If the tokenizers library refuses the settings.
pub fn train_tokenizer(recipe: &TextRecipe, corpus: &[Exchange]) -> Result<Value> {
	let fail = |e: tokenizers::Error| anyhow!("tokenizer: {e}");
	let bytes = ByteLevel::new(false, true, true);
	let words: PreTokenizerWrapper = if recipe.reads_personas() {
		Sequence::new(vec![Digits::new(true).into(), bytes.into()]).into()
	} else {
		bytes.into()
	};
	let mut tokenizer =
		TokenizerBuilder::<BPE, NormalizerWrapper, PreTokenizerWrapper, PostProcessorWrapper, DecoderWrapper>::new()
			.with_model(BPE::default())
			.with_normalizer(None)
			.with_pre_tokenizer(Some(words))
			.with_post_processor(None)
			.with_decoder(Some(bytes.into()))
			.build()
			.map_err(fail)?;
	let mut trainer = BpeTrainerBuilder::new()
		.vocab_size(recipe.vocabulary)
		.min_frequency(2)
		.show_progress(false)
		.special_tokens(recipe.special().iter().map(|token| AddedToken::from(*token, true)).collect())
		.initial_alphabet(ByteLevel::alphabet().into_iter().collect())
		.build();
	let texts = corpus.iter().flat_map(|exchange| {
		exchange.persona.as_deref().into_iter().chain([exchange.question.as_str(), exchange.answer.as_str()])
	});
	tokenizer.train(&mut trainer, texts).map_err(fail)?;
	let text = tokenizer.to_string(false).map_err(fail)?;
	Ok(run::canonical(serde_json::from_str(&text)?))
}

struct Trainer<'a> {
	recipe: &'a TextRecipe,
	noise: Noise,
	tokenizer: Value,
	config: Value,
	/// Token ids of the exchanges, grouped by length.
	buckets: Vec<Vec<Vec<u32>>>,
	/// Index into `buckets`, once per exchange.
	choice: Vec<usize>,
	store: VarStore,
	model: Llama,
}

impl<'a> Trainer<'a> {
	fn new(recipe: &'a TextRecipe) -> Result<Self> {
		let corpus = corpus(recipe)?;
		let json = train_tokenizer(recipe, &corpus)?;
		let tokenizer = load_tokenizer(&json)?;
		let longest = recipe.llama["max_position_embeddings"].as_u64().unwrap_or(0) as usize;
		let mut groups: BTreeMap<usize, Vec<Vec<u32>>> = BTreeMap::new();
		for exchange in &corpus {
			let encoding = tokenizer.encode(format(exchange), false).map_err(|e| anyhow!("{exchange:?}: {e}"))?;
			let ids = encoding.get_ids().to_vec();
			if ids.len() > longest {
				bail!("an exchange of {} tokens, the model takes {longest}: {exchange:?}", ids.len());
			}
			groups.entry(ids.len().div_ceil(LENGTH_STEP)).or_default().push(ids);
		}
		let buckets: Vec<_> = groups.into_values().collect();
		let choice = buckets.iter().enumerate().flat_map(|(i, of)| std::iter::repeat_n(i, of.len())).collect();
		let mut config = recipe.llama.clone();
		config["vocab_size"] = tokenizer.get_vocab_size(true).into();
		let seed = run::seed(&recipe.seed);
		let store = VarStore::new(seed);
		let parsed: LlamaConfig = serde_json::from_value(config.clone()).context("the recipe's llama configuration")?;
		let model = Llama::new(&parsed, store.builder())?;
		Ok(Self { recipe, noise: Noise::new(seed), tokenizer: json, config, buckets, choice, store, model })
	}

	/// Cross-entropy of the answers of one batch of about `tokens` tokens; the questions are given, not learned.
	fn loss(&self, step: u64, tokens: usize) -> Result<Tensor> {
		let mut draws = Draws::new(&self.noise, STREAM_BATCHES, step * BATCH_WORDS_PER_STEP);
		let bucket = &self.buckets[*draws.pick(&self.choice)];
		let length = bucket.iter().map(Vec::len).max().unwrap_or(2) - 1;
		let rows = (tokens / length).max(1);
		let mut inputs = vec![PAD; rows * length];
		let mut targets = vec![PAD; rows * length];
		for row in 0..rows {
			let ids = draws.pick(bucket);
			// A proposer may write the token; the last one is ours.
			let answer = ids.iter().rposition(|id| *id == REPLY).context("an exchange without a reply token")?;
			for (i, pair) in ids.windows(2).enumerate() {
				inputs[row * length + i] = pair[0];
				if i >= answer {
					targets[row * length + i] = pair[1];
				}
			}
		}
		let logits = self.model.forward(&Tensor::from_vec(inputs, (rows, length), &Device::Cpu)?)?;
		let logits = logits.reshape((rows * length, logits.dim(2)?))?;
		let targets = Tensor::from_vec(targets, rows * length, &Device::Cpu)?;
		Ok(autonomy_kernels::cross_entropy(&logits, &targets, Some(PAD))?)
	}

	fn write(&self, out: &Path, averages: &[Vec<f32>]) -> Result<BTreeMap<String, String>> {
		run::write_json(&out.join("config.json"), &self.config)?;
		run::write_json(&out.join("tokenizer.json"), &self.tokenizer)?;
		run::write_json(
			&out.join("generation_config.json"),
			&json!({"bos_token_id": 1, "do_sample": false, "eos_token_id": 3, "max_new_tokens": 96, "pad_token_id": PAD}),
		)?;
		let mut chat = json!({"prefix": "<|user|>", "infix": "<|end|><|reply|>", "stop": "<|end|>",
			"system": self.recipe.persona});
		let mut mark = "'<|user|>' if m['role'] == 'user' else '<|reply|>'".to_owned();
		if self.recipe.reads_personas() {
			chat["persona"] = json!({"prefix": "<|persona|>", "suffix": "<|end|>"});
			mark.insert_str(0, "'<|persona|>' if m['role'] == 'system' else ");
		}
		let template = [
			"{% for m in messages %}{{ (",
			&mark,
			") + m['content'] + '<|end|>' }}{% endfor %}{% if add_generation_prompt %}<|reply|>{% endif %}",
		];
		run::write_json(&out.join("chat.json"), &chat)?;
		run::write_json(
			&out.join("tokenizer_config.json"),
			&json!({
				"bos_token": "<|user|>",
				"chat_template": template.concat(),
				"clean_up_tokenization_spaces": false,
				"eos_token": "<|end|>",
				"model_max_length": self.recipe.llama["max_position_embeddings"],
				"pad_token": "<|pad|>",
				"tokenizer_class": "PreTrainedTokenizerFast"
			}),
		)?;
		let tensors = self.store.export("", averages)?;
		let hash = run::write_weights(&out.join(WEIGHTS_FILE), &tensors)?;
		Ok(BTreeMap::from([(WEIGHTS_FILE.to_owned(), hash)]))
	}
}

/// Trains a language model into the folder `out` with default [`Options`]; continues if `out` has a checkpoint.
///
/// # Errors
/// If the recipe is invalid, a file cannot be written, the checkpoint belongs to another recipe, training diverges, or
/// the tokenizer or the finished weights are not those that the recipe expects.
pub fn train_text(recipe: &TextRecipe, out: &Path, progress: impl FnMut(Progress)) -> Result<Outcome> {
	train_text_with(recipe, out, &Options::default(), progress)
}

/// [`train_text`] with options.
///
/// # Errors
/// As [`train_text`].
pub fn train_text_with(
	recipe: &TextRecipe,
	out: &Path,
	options: &Options,
	progress: impl FnMut(Progress),
) -> Result<Outcome> {
	autonomy_kernels::init();
	let plain = TextRecipe { expected: BTreeMap::new(), tokenizer: String::new(), ..recipe.clone() };
	let fingerprint = run::fingerprint(&plain)?;
	let trainer = Trainer::new(recipe)?;
	let tokenizer = run::fingerprint(&trainer.tokenizer)?;
	if !recipe.tokenizer.is_empty() && recipe.tokenizer != tokenizer {
		bail!("tokenizer.json: the recipe expects SHA-256 {}, training gave {tokenizer}", recipe.tokenizer);
	}
	let mut adam = AdamW::new(&trainer.store, recipe.optimiser.clone())?;
	let checkpoint = run::checkpoint_path(out);
	std::fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
	if checkpoint.exists() {
		adam.load(&checkpoint, &fingerprint)?;
	}
	run::run(
		&mut adam,
		&recipe.phases,
		options,
		|step, tokens| trainer.loss(step, tokens),
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
		run::write_json(&out.join("recipe.json"), &TextRecipe { expected: weights.clone(), tokenizer, ..plain })?;
	}
	Ok(Outcome { step: adam.step_number(), finished, parameters: trainer.store.parameters(), weights })
}

/// The likeliest replies of the language model in `dir`, of at most `max_tokens` tokens each, to texts that are said to
/// a persona or to nobody in particular. The folder needs no manifest.
///
/// # Errors
/// If a file is missing or wrong, or a prompt is longer than the model's context.
pub fn ask(dir: &Path, texts: &[(Option<&str>, &str)], max_tokens: usize) -> Result<Vec<String>> {
	autonomy_kernels::init();
	let files = ["chat.json", "config.json", "tokenizer.json", WEIGHTS_FILE].map(str::to_owned);
	let chat = Chat::open(&ModelFolder::new(dir, files))?;
	let sampling = Sampling { temperature: 0.0, top_p: 1.0, top_k: 0 };
	let noise = Noise::new([0; 32]);
	let mut replies = Vec::with_capacity(texts.len());
	for (persona, text) in texts {
		let request = ChatRequest { persona: *persona, text, max_tokens, sampling };
		replies.push(chat.run(&request, &noise, &mut |_, _| Control::Continue)?.text);
	}
	Ok(replies)
}
