//! Fine-tuning of text models of the Llama architecture.

use super::data::{self, Exchange};
use super::evaluation::{EvaluationSet, TextSample};
use super::graft::{self, Graft, Tensors};
use super::{FineTuneRecipe, Part, Task, HELD_OUT_SEED};
use crate::draws::Draws;
use anyhow::{bail, Context, Result};
use autonomy_engine::models::llama::{Llama, LlamaConfig};
use autonomy_engine::nn;
use autonomy_engine::pipelines::chat::ChatConfig;
use autonomy_engine::tokenizer::TextTokenizer;
use autonomy_engine::weights::ModelFolder;
use autonomy_engine::{Control, InputSpec, Model, Output};
use autonomy_kernels::rng::Noise;
use candle_core::{Device, Tensor};
use std::fmt::Write;
use std::path::{Path, PathBuf};

const STREAM_BATCHES: u32 = 31;
const BATCH_WORDS_PER_STEP: u64 = 1 << 12;
/// Folder, file and prefix of the network.
const MODEL: (&str, &str, &str) = ("", "model", "");
/// Longest sequence where the recipe has none.
const SEQUENCE: usize = 1024;
/// Bytes of a passage that are left for the chat's marks.
const MARKS: usize = 16;
/// Targets that are not learned.
const IGNORED: u32 = u32::MAX;
/// Prompts among the samples.
const SAMPLE_PROMPTS: usize = 6;

/// Tokens of an exchange.
struct Sequence {
	sample: TextSample,
	ids: Vec<u32>,
	/// Where the reply begins.
	reply: usize,
}

/// A text model, its data and what is held out of them.
pub(super) struct Texts {
	config: LlamaConfig,
	tensors: Tensors,
	noise: Noise,
	trained: Vec<Sequence>,
	held_out: Vec<Sequence>,
}

impl Texts {
	/// Reads model and data, and fills in what the recipe leaves to them.
	pub(super) fn open(folder: &ModelFolder, data: &Path, recipe: &mut FineTuneRecipe, noise: Noise) -> Result<Self> {
		let config: LlamaConfig = folder.json("config.json")?;
		let chat: ChatConfig = folder.json("chat.json")?;
		let tokenizer = TextTokenizer::open(folder, config.vocab_size)?;
		let stop = tokenizer.id(&chat.stop)?;
		let context = config.max_position_embeddings;
		if recipe.sequence_length == 0 {
			recipe.sequence_length = context.min(SEQUENCE);
		}
		let longest = recipe.sequence_length;
		if longest <= 2 * MARKS || longest > context {
			bail!("sequence_length is {longest}, it must be {} to the model's context of {context}", 2 * MARKS + 1);
		}
		if let Some(phase) = recipe.phases.iter().find(|phase| phase.batch == 0 || phase.batch > 1 << 20) {
			bail!("a batch of {} tokens: it must be 1 to {}", phase.batch, 1 << 20);
		}
		let tensors = graft::read(folder, MODEL, |vb| Llama::new(&config, vb))?;

		let exchanges = data::read_exchanges(data, (longest - MARKS) / 2)?;
		let keys: Vec<_> = exchanges.iter().map(|exchange| exchange.key).collect();
		super::check_data(&mut recipe.data, data::digest(keys.iter()), data)?;
		let (trained, held_out) = data::split(&keys, recipe.hold_out_percent)?;
		let encode = |Exchange { place, sample, .. }: &Exchange| -> Result<Sequence> {
			let mut ids = tokenizer.encode(&chat.prompt(None, &sample.prompt)).with_context(|| place.clone())?;
			let reply = ids.len();
			ids.extend(tokenizer.encode(&sample.reply).with_context(|| place.clone())?);
			ids.push(stop);
			if reply == 0 || ids.len() > longest {
				bail!("{place}: it has {} tokens, sequence_length is {longest}: shorten it", ids.len());
			}
			Ok(Sequence { sample: sample.clone(), ids, reply })
		};
		let take = |places: Vec<usize>| places.into_iter().map(|i| encode(&exchanges[i])).collect::<Result<Vec<_>>>();
		let (trained, held_out) = (take(trained)?, take(held_out)?);
		Ok(Self { config, tensors, noise, trained, held_out })
	}

	/// Cross-entropy of the replies' tokens; the prompts are given, not learned.
	fn cross_entropy(&self, llama: &Llama, rows: &[&Sequence]) -> Result<Tensor> {
		let length = rows.iter().map(|row| row.ids.len()).max().unwrap_or(2) - 1;
		let mut inputs = vec![0; rows.len() * length];
		let mut targets = vec![IGNORED; rows.len() * length];
		for (row, Sequence { ids, reply, .. }) in rows.iter().enumerate() {
			for (i, pair) in ids.windows(2).enumerate() {
				inputs[row * length + i] = pair[0];
				if i + 1 >= *reply {
					targets[row * length + i] = pair[1];
				}
			}
		}
		let logits = llama.forward(&Tensor::from_vec(inputs, (rows.len(), length), &Device::Cpu)?)?;
		let logits = logits.reshape((rows.len() * length, logits.dim(2)?))?;
		let targets = Tensor::from_vec(targets, rows.len() * length, &Device::Cpu)?;
		Ok(autonomy_kernels::cross_entropy(&logits, &targets, Some(IGNORED))?)
	}
}

impl Task for Texts {
	fn tensors(&self) -> Tensors {
		self.tensors.clone()
	}

	fn parts(&self) -> &'static [Part] {
		&[Part { folder: "", prefix: "" }]
	}

	fn adapter_prefix(&self) -> &'static str {
		"base_model.model."
	}

	fn is_trained(&self, _: &str, _: bool) -> bool {
		true
	}

	fn counts(&self) -> (usize, usize) {
		(self.trained.len(), self.held_out.len())
	}

	/// `tokens` counts the padding too.
	fn loss(&self, graft: &Graft, step: u64, tokens: usize) -> Result<Tensor> {
		let mut draws = Draws::new(&self.noise, STREAM_BATCHES, step * BATCH_WORDS_PER_STEP);
		let mut rows = vec![draws.pick(&self.trained)];
		let mut longest = rows[0].ids.len();
		while rows.len() < BATCH_WORDS_PER_STEP as usize - 1 {
			let next = draws.pick(&self.trained);
			longest = longest.max(next.ids.len());
			if (rows.len() + 1) * longest > tokens {
				break;
			}
			rows.push(next);
		}
		// The next step makes it anew.
		let llama = nn::without_copies(|| Llama::new(&self.config, graft.builder()))?;
		self.cross_entropy(&llama, &rows)
	}

	/// The mean over the exchanges of the mean over a reply's tokens.
	fn held_out_loss(&self, graft: &Graft) -> Result<f64> {
		let llama = Llama::new(&self.config, graft.builder())?;
		let mut sum = 0.0;
		for sequence in &self.held_out {
			sum += f64::from(self.cross_entropy(&llama, &[sequence])?.to_scalar::<f32>()?);
		}
		Ok(sum / self.held_out.len() as f64)
	}

	fn read(&self, folder: &ModelFolder) -> Result<Tensors> {
		graft::read(folder, MODEL, |vb| Llama::new(&self.config, vb))
	}

	fn evaluation_set(&self) -> EvaluationSet {
		let held_out = self.held_out.iter().take(super::most_samples());
		EvaluationSet::Text(held_out.map(|sequence| sequence.sample.clone()).collect())
	}

	fn samples_file(&self) -> &'static str {
		"samples.txt"
	}

	fn write_samples(&self, base: &Model, trained: &Model, file: &Path) -> Result<Option<PathBuf>> {
		let limits = base.manifest().limits;
		let mut text = String::new();
		let sequences = self.held_out.iter().chain(&self.trained).map(|sequence| &sequence.sample);
		let fitting = sequences.filter(|sample| sample.prompt.len() <= usize::from(limits.max_prompt_bytes));
		for sample in fitting.take(SAMPLE_PROMPTS) {
			let input = InputSpec::text(&sample.prompt, limits.max_tokens, 0.0).to_job_input()?;
			let reply = |model: &Model| -> Result<String> {
				let output = model
					.run(&input, HELD_OUT_SEED, [0; 32], &mut |_| Control::Continue)
					.with_context(|| format!("the reply to {:?}", sample.prompt))?;
				let Output::Text(reply) = output.output else { bail!("the model does not write text") };
				Ok(reply.text)
			};
			let (before, after) = (reply(base)?, reply(trained)?);
			writeln!(
				text,
				"prompt   {}\nbase     {before}\ntrained  {after}\ndata     {}\n",
				sample.prompt, sample.reply
			)?;
		}
		if text.is_empty() {
			return Ok(None);
		}
		crate::run::write(file, text.as_bytes())?;
		Ok(Some(file.to_path_buf()))
	}
}
