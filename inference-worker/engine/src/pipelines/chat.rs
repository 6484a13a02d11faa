//! A reply of a language model in the folder layout of transformers.

use super::ballot::StanceMask;
use super::template::ChatTemplate;
use super::{Control, Listener, Observer, Progress, Sampling, TokenSampler};
use crate::models::llama::{KvCache, Llama, LlamaConfig};
use crate::tokenizer::{TextStream, TextTokenizer};
use crate::weights::{placed, ModelFolder};
use crate::{EngineError, JobFault};
use autonomy_kernels::{check_finite, cross_entropy, rng::Noise};
use autonomy_primitives::digest::{canonical_text, StopCode};
use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// `chat.json`: how one message of a user becomes a prompt, and how the reply ends.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ChatConfig {
	/// Who speaks, for people who choose a model. The model was trained as that character: this is not part of the
	/// prompt. Instructions that a model reads belong into `prefix`.
	#[serde(default, skip_serializing_if = "Option::is_none")]
	pub system: Option<String>,
	/// Before the user's text; with any marks and instructions that the model wants.
	pub prefix: String,
	/// After the user's text, where the reply begins.
	pub infix: String,
	/// The token that ends the reply.
	pub stop: String,
	/// What stands around the persona of the character that is talked to, before `prefix`. A model without it speaks as the
	/// character that it was trained as, whatever the persona says.
	#[serde(default, skip_serializing_if = "Option::is_none")]
	pub persona: Option<PersonaMarks>,
}

/// What stands around a persona.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PersonaMarks {
	/// Before it, such as the mark of a system's message.
	pub prefix: String,
	/// After it.
	pub suffix: String,
}

impl ChatConfig {
	/// The whole prompt: `prefix + text + infix`, after the persona between its own marks if there are both.
	pub fn prompt(&self, persona: Option<&str>, text: &str) -> String {
		let before = match (&self.persona, persona) {
			(Some(PersonaMarks { prefix, suffix }), Some(persona)) => [prefix, persona, suffix].concat(),
			_ => String::new(),
		};
		[&before, &self.prefix, text, &self.infix].concat()
	}
}

/// How messages become prompts, and where replies end.
pub enum ChatFormat {
	/// As `chat.json` says. It goes before a template.
	Marks(ChatConfig),
	/// As the template of the tokenizer's files says.
	Template(Box<ChatTemplate>),
}

/// The ids of end tokens in `generation_config.json` and `config.json`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct EndTokens {
	eos_token_id: Option<EndTokenIds>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum EndTokenIds {
	One(u32),
	Many(Vec<u32>),
}

impl EndTokens {
	/// Where they are.
	fn file(folder: &ModelFolder) -> &'static str {
		match folder.has("generation_config.json") {
			true => "generation_config.json",
			false => "config.json",
		}
	}

	fn ids(self) -> Vec<u32> {
		match self.eos_token_id {
			None => Vec::new(),
			Some(EndTokenIds::One(id)) => vec![id],
			Some(EndTokenIds::Many(ids)) => ids,
		}
	}
}

impl ChatFormat {
	/// Reads `chat.json`, or the chat template if there is none.
	pub fn open(folder: &ModelFolder) -> Result<Self, EngineError> {
		match !folder.has("chat.json") && ChatTemplate::may_be_in(folder) {
			true => Ok(Self::Template(Box::new(ChatTemplate::open(folder)?))),
			false => folder.json("chat.json").map(Self::Marks),
		}
	}

	/// The whole prompt, up to where the reply begins.
	pub fn prompt(&self, persona: Option<&str>, text: &str) -> Result<String, JobFault> {
		match self {
			Self::Marks(config) => Ok(config.prompt(persona, text)),
			Self::Template(template) => template.prompt(persona, text),
		}
	}

	/// The token that ends a reply in a prompt, and all that a model may end one with.
	///
	/// With a template the first is the tokenizer's `eos_token`, and the others are those of `generation_config.json`, or of
	/// `config.json` where there is none, as transformers has it.
	fn ends(&self, folder: &ModelFolder, tokenizer: &TextTokenizer) -> Result<(u32, BTreeSet<u32>), EngineError> {
		let template = match self {
			Self::Marks(config) => {
				let stop = tokenizer.id(&config.stop)?;
				return Ok((stop, BTreeSet::from([stop])));
			}
			Self::Template(template) => template,
		};
		let file = EndTokens::file(folder);
		let ids = folder.json::<EndTokens>(file)?.ids();
		let stop = match (template.end_of_message(), ids.first()) {
			(Some(token), _) => tokenizer.id(token)?,
			(None, Some(id)) => *id,
			(None, None) => {
				let why = "it has no eos_token_id, and the tokenizer no eos_token: nothing would end a reply".into();
				return Err(EngineError::Unsupported { path: folder.path(file)?, why });
			}
		};
		Ok((stop, ids.into_iter().chain([stop]).collect()))
	}
}

/// A finished reply.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reply {
	/// The new tokens without the stop token.
	pub tokens: Vec<u32>,
	/// Why it ended.
	pub stop: StopCode,
	/// The text, without white space around it.
	pub text: String,
}

impl Reply {
	/// The bytes that the result digest covers.
	pub fn canonical(&self) -> Vec<u8> {
		canonical_text(&self.tokens, self.stop)
	}
}

/// What to reply to.
#[derive(Clone, Copy, Debug)]
pub struct ChatRequest<'a> {
	/// Who is talked to: the text of a character's persona.
	pub persona: Option<&'a str>,
	/// What the user says.
	pub text: &'a str,
	/// Most new tokens.
	pub max_tokens: usize,
	/// How tokens are chosen.
	pub sampling: Sampling,
}

/// Rows of logits that are computed at once where it does not matter how many: enough to use each weight often, few enough
/// not to take more memory than a prompt does.
const PIECE: usize = 64;
/// Tokens of a prompt that go through the model at once: their states take a few dozen MiB, however long the prompt is.
const PROMPT_PIECE: usize = 512;

/// A loaded language model.
pub struct Chat {
	pub(super) tokenizer: TextTokenizer,
	llama: Llama,
	/// Where the model runs.
	device: Device,
	format: ChatFormat,
	/// The token that ends a reply in a prompt.
	stop: u32,
	/// Every token that ends a reply.
	stops: BTreeSet<u32>,
	/// How the model's tokens spell the stances of a ballot, once it was asked for one.
	pub(super) spelling: OnceLock<Result<StanceMask, JobFault>>,
}

/// The logits `(1, vocab_size)` after ids that continue the sequence in `cache`. Piece by piece: the bits do not depend on it.
fn read(llama: &Llama, device: &Device, ids: &[u32], cache: &mut KvCache) -> Result<Tensor, JobFault> {
	let (before, last) = ids.split_at(ids.len().saturating_sub(1) / PROMPT_PIECE * PROMPT_PIECE);
	for piece in before.chunks(PROMPT_PIECE) {
		llama.feed(&Tensor::from_slice(piece, (1, piece.len()), device)?, cache)?;
	}
	Ok(llama.forward_cached(&Tensor::from_slice(last, (1, last.len()), device)?, cache)?)
}

/// A reply that is being written.
pub(super) struct Draft<'a> {
	llama: &'a Llama,
	device: &'a Device,
	cache: KvCache,
	next: Vec<u32>,
	/// The new tokens.
	pub tokens: Vec<u32>,
}

impl Draft<'_> {
	/// The row of logits `(vocab_size)` that the next token is chosen from. Once for each token.
	pub fn row(&mut self) -> Result<Vec<f32>, JobFault> {
		let next = std::mem::take(&mut self.next);
		let logits = read(self.llama, self.device, &next, &mut self.cache)?;
		let token = self.tokens.len() + 1;
		check_finite(&logits).map_err(|_| JobFault::NonFinite(format!("the logits of token {token}")))?;
		Ok(logits.flatten_all()?.to_vec1::<f32>()?)
	}

	/// Goes on with a token.
	pub fn push(&mut self, token: u32) {
		self.tokens.push(token);
		self.next.push(token);
	}
}

impl Chat {
	/// Loads `config.json`, `tokenizer.json`, `chat.json` or a chat template, and `model.safetensors`, its shards or a GGUF
	/// file.
	pub fn open(folder: &ModelFolder) -> Result<Self, EngineError> {
		Self::open_on(folder, &Device::Cpu)
	}

	/// Loads the model as [`Chat::open`] does, to run on a device.
	pub fn open_on(folder: &ModelFolder, device: &Device) -> Result<Self, EngineError> {
		let llama_config: LlamaConfig = folder.json("config.json")?;
		let format = ChatFormat::open(folder)?;
		let tokenizer = TextTokenizer::open(folder, llama_config.vocab_size)?;
		let (stop, stops) = format.ends(folder, &tokenizer)?;
		if let Some(outside) = stops.iter().find(|id| **id as usize >= llama_config.vocab_size) {
			let most = llama_config.vocab_size.saturating_sub(1);
			let why = format!("token {outside} ends a reply, the network's vocabulary ends at {most}");
			return Err(EngineError::Unsupported { path: folder.path(EndTokens::file(folder))?, why });
		}
		let tensors = folder.language_model(llama_config.model_type.name(), &llama_config.in_gguf())?;
		let llama = Llama::new(&llama_config, placed(tensors, device)).map_err(EngineError::network("model"))?;
		Ok(Self { tokenizer, llama, device: device.clone(), format, stop, stops, spelling: OnceLock::new() })
	}

	/// The tokens of a prompt. Who speaks, and where, is for the marks around the text to say: whoever wrote the text could
	/// otherwise end the persona's message, or speak for it.
	fn encoded(&self, persona: Option<&str>, text: &str) -> Result<Vec<u32>, JobFault> {
		self.tokenizer.encode(&self.format.prompt(persona, &self.tokenizer.unmarked(text))?)
	}

	/// The tokens of a prompt, which has some and leaves room for `room` new ones.
	pub(super) fn prompt(&self, persona: Option<&str>, text: &str, room: usize) -> Result<Vec<u32>, JobFault> {
		let prompt = self.encoded(persona, text)?;
		let most = self.context().saturating_sub(room);
		if prompt.is_empty() || prompt.len() > most {
			let why = format!("a prompt of {} tokens, the model takes 1 to {most}", prompt.len());
			return Err(JobFault::InputInvalid(why));
		}
		Ok(prompt)
	}

	/// Most tokens of a prompt and what follows it.
	pub(super) fn context(&self) -> usize {
		self.llama.config().max_position_embeddings
	}

	/// Whether a token ends a reply.
	pub(super) fn ends(&self, token: u32) -> bool {
		self.stops.contains(&token)
	}

	/// The beginning of a reply to a prompt.
	pub(super) fn draft(&self, prompt: Vec<u32>) -> Draft<'_> {
		Draft { llama: &self.llama, device: &self.device, cache: KvCache::new(), next: prompt, tokens: Vec::new() }
	}

	/// Writes a reply, at most `max_tokens` new tokens and never past the model's context.
	pub fn run(&self, request: &ChatRequest, noise: &Noise, observe: &mut Observer) -> Result<Reply, JobFault> {
		self.run_heard(request, noise, observe, &mut |_| {})
	}

	/// Writes a reply as [`Chat::run`] does, and tells `listen` what it says as soon as it says it.
	///
	/// All that was told is the text of the reply's tokens, with the white space around it that a reply's text has not, and
	/// without characters at its end of which not all tokens are there.
	pub fn run_heard(
		&self,
		request: &ChatRequest,
		noise: &Noise,
		observe: &mut Observer,
		listen: &mut Listener,
	) -> Result<Reply, JobFault> {
		let prompt = self.prompt(request.persona, request.text, 1)?;
		let limit = request.max_tokens.min(self.context() - prompt.len());
		let sampler = TokenSampler::new(request.sampling, noise);
		let (mut draft, mut stop) = (self.draft(prompt), StopCode::Length);
		let mut stream = TextStream::new(&self.tokenizer);
		while draft.tokens.len() < limit {
			let logits = draft.row()?;
			let row = draft.tokens.len();
			let progress = Progress { step: row as u32 + 1, steps: limit as u32 };
			if observe(progress, &logits) == Control::Cancel {
				return Err(JobFault::Cancelled);
			}
			let token = sampler.choose(&logits, row as u64);
			if self.ends(token) {
				stop = StopCode::Stop;
				break;
			}
			draft.push(token);
			if let Some(said) = stream.push(token) {
				listen(&said);
			}
		}
		let tokens = draft.tokens;
		let text = self.tokenizer.decode(&tokens)?.trim().to_owned();
		Ok(Reply { tokens, stop, text })
	}

	/// The logits `(vocab_size)` that follow the prompt of `persona` and `text` and these tokens of a reply: the row that [`Chat::run`]
	/// chose the next token from, bit for bit. One pass over all of them, which is much cheaper than a pass for each.
	pub fn logits_after(&self, persona: Option<&str>, text: &str, tokens: &[u32]) -> Result<Vec<f32>, JobFault> {
		let mut ids = self.encoded(persona, text)?;
		ids.extend(tokens);
		Ok(read(&self.llama, &self.device, &ids, &mut KvCache::new())?.flatten_all()?.to_vec1::<f32>()?)
	}

	/// The tokens of a prompt, and those of a reply to it with the token that ends it.
	pub fn exchange(&self, text: &str, reply: &str) -> Result<(Vec<u32>, Vec<u32>), JobFault> {
		let prompt = self.encoded(None, text)?;
		let mut reply = self.tokenizer.encode(reply)?;
		reply.push(self.stop);
		let context = self.llama.config().max_position_embeddings;
		// The last token is asked for and never read.
		let read = prompt.len() + reply.len() - 1;
		if prompt.is_empty() || read > context {
			let why = format!(
				"a prompt of {} tokens and {read} with its reply, the model takes 1 to {context}",
				prompt.len()
			);
			return Err(JobFault::InputInvalid(why));
		}
		Ok((prompt, reply))
	}

	/// The mean cross-entropy, in nats, of the tokens of a reply after those of a prompt. One pass over all of them.
	pub fn loss(&self, prompt: &[u32], reply: &[u32]) -> Result<f32, JobFault> {
		let (Some(first), Some((_, given))) = (prompt.len().checked_sub(1), reply.split_last()) else {
			return Err(JobFault::InputInvalid("an exchange without a prompt or without a reply has no loss".into()));
		};
		let ids = [prompt, given].concat();
		let count = ids.len();
		let states = self.llama.hidden_states(&Tensor::from_vec(ids, (1, count), &self.device)?)?;
		let states = states.squeeze(0)?.narrow(0, first, reply.len())?;
		let (mut sum, mut done) = (0f64, 0);
		for targets in reply.chunks(PIECE) {
			let logits = self.llama.logits(&states.narrow(0, done, targets.len())?)?.to_device(&Device::Cpu)?;
			check_finite(&logits).map_err(|_| JobFault::NonFinite("the logits of a reply".into()))?;
			for (row, target) in targets.iter().enumerate() {
				let target = Tensor::from_vec(vec![*target], 1, &Device::Cpu)?;
				let loss = cross_entropy(&logits.narrow(0, row, 1)?, &target, None)?;
				sum += f64::from(loss.to_scalar::<f32>()?);
			}
			done += targets.len();
		}
		Ok((sum / reply.len() as f64) as f32)
	}
}
