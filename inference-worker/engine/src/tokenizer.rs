//! Text to token ids and back, through `tokenizer.json` of the Hugging Face `tokenizers` library.

use crate::weights::ModelFolder;
use crate::{EngineError, JobFault};
use base64::engine::general_purpose::STANDARD as BASE64;
use base64::Engine as _;
use serde::de::DeserializeOwned;
use serde::Deserialize;
use serde_json::{json, Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use tokenizers::{AddedToken, Encoding, ModelWrapper, PostProcessor, Tokenizer, TruncationParams};

/// What a tokenizer is tried on before it counts as one: letters, marks, white space, and characters of two to four bytes.
const TRIAL: &str = "A cat, 12 x\t\u{e9}\u{4e2d}\u{1f600}\n";

/// How many times longer a text may become before it is divided into tokens, or a token before it is read. Published files
/// have up to 12: a mark of three bytes for each space, and one in front.
const MOST_GROWTH: u64 = 256;
/// Most bytes of a token's text. Those of published files have up to 1 KB.
const MOST_TOKEN_BYTES: usize = 4096;
/// Most special tokens. Published files have up to 1,000.
const MOST_MARKS: usize = 4096;
/// Most tokens of a prompt of a text encoder: twice as many as the longest prompt has bytes.
const MOST_IDS: usize = 4096;

/// Reads the text of a `tokenizer.json` and tries it.
///
/// The library's tables are not all checked when they are read, and it gives up in ways that would end the process. A file that
/// makes it do so is refused like any other that is wrong.
pub fn parse(text: &[u8]) -> Result<Tokenizer, String> {
	let attempt = std::panic::catch_unwind(|| {
		let mut tokenizer = Tokenizer::from_bytes(text).map_err(|error| error.to_string())?;
		check_sizes(&tokenizer)?;
		// A file may ask for any length to pad to.
		let padding = tokenizer.get_padding().cloned();
		tokenizer.with_padding(None);
		// That the text has characters without a token is no fault of the file.
		if let Ok(encoding) = tokenizer.encode(TRIAL, true) {
			let _ = tokenizer.decode(encoding.get_ids(), true);
		}
		tokenizer.with_padding(padding);
		Ok(tokenizer)
	});
	attempt.unwrap_or_else(|_| Err("its tables contradict each other: the tokenizers library cannot use them".into()))
}

/// Reads a `tokenizer.json` and checks that its ids fit the network's table, and that it leaves nothing to chance.
fn open(folder: &ModelFolder, path: &str, vocab_size: usize) -> Result<(Tokenizer, PathBuf), EngineError> {
	checked(&folder.read(path)?, folder.path(path)?, vocab_size)
}

/// The tokenizer of a text. `full` is the file that it is from, for messages.
fn checked(text: &[u8], full: PathBuf, vocab_size: usize) -> Result<(Tokenizer, PathBuf), EngineError> {
	let unsupported = |why: String| EngineError::Unsupported { path: full.clone(), why };
	let mut tokenizer = parse(text).map_err(unsupported)?;
	let largest = tokenizer.get_vocab(true).into_values().max().unwrap_or(0);
	if largest as usize >= vocab_size {
		return Err(unsupported(format!(
			"it has token {largest}, the network's vocabulary ends at {}",
			vocab_size.saturating_sub(1)
		)));
	}
	// What is put around every text need not be among its tokens.
	let padding = tokenizer.get_padding().cloned();
	tokenizer.with_padding(None);
	let around = encode(&tokenizer, "", true).map_err(|error| unsupported(error.to_string()))?;
	tokenizer.with_padding(padding);
	if let Some(mark) = around.get_ids().iter().find(|id| **id as usize >= vocab_size) {
		return Err(unsupported(format!(
			"it puts token {mark} around a text, the network's vocabulary ends at {}",
			vocab_size.saturating_sub(1)
		)));
	}
	match chance(&tokenizer) {
		Some(why) => Err(unsupported(why)),
		None => Ok((tokenizer, full)),
	}
}

/// The files of CLIP's tokenizer before there was a `tokenizer.json`.
fn tables(component: &str) -> [String; 2] {
	["vocab.json", "merges.txt"].map(|name| format!("{component}/{name}"))
}

/// Whether a folder below a model's has the tokenizer of a text encoder, in either form.
pub(crate) fn has_prompt_tokenizer(folder: &ModelFolder, component: &str) -> bool {
	folder.has(&format!("{component}/tokenizer.json")) || tables(component).iter().all(|file| folder.has(file))
}

/// CLIP's tokenizer from its words and merges, as transformers makes one of them.
fn open_tables(folder: &ModelFolder, component: &str, vocab_size: usize) -> Result<(Tokenizer, PathBuf), EngineError> {
	const BEGIN: &str = "<|startoftext|>";
	const END: &str = "<|endoftext|>";
	let [words_file, merges_file] = tables(component);
	let (path, merges_path) = (folder.path(&words_file)?, folder.path(&merges_file)?);
	let words: BTreeMap<String, u32> = folder.json(&words_file)?;
	let lines = String::from_utf8(folder.read(&merges_file)?)
		.map_err(|error| EngineError::content(&merges_path, "the file", "UTF-8".into(), error.to_string()))?;
	let mut merges = Vec::new();
	for (at, line) in lines.lines().enumerate() {
		// The first line says which version the file is of.
		if line.is_empty() || at == 0 && line.starts_with("#version") {
			continue;
		}
		let Some(pair) = line.split_once(' ') else {
			let what = format!("line {}", at + 1);
			return Err(EngineError::content(&merges_path, &what, "two words".into(), "one".into()));
		};
		merges.push([pair.0, pair.1]);
	}
	let id = |mark: &str| {
		let expected = || format!("CLIP's, with {mark}");
		words.get(mark).ok_or_else(|| EngineError::content(&path, "the vocabulary", expected(), "none".into()))
	};
	let (begin, end) = (id(BEGIN)?, id(END)?);
	let added = |id: &u32, mark: &str| {
		json!({ "id": id, "content": mark, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
			"special": true })
	};
	let pieces = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";
	let tokenizer = json!({
		"version": "1.0",
		"truncation": null,
		"padding": {
			"strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": null, "pad_id": end, "pad_type_id": 0,
			"pad_token": END,
		},
		"added_tokens": [added(begin, BEGIN), added(end, END)],
		"normalizer": { "type": "Sequence", "normalizers": [
			{ "type": "NFC" },
			{ "type": "Replace", "pattern": { "Regex": r"\s+" }, "content": " " },
			{ "type": "Lowercase" },
		] },
		"pre_tokenizer": { "type": "Sequence", "pretokenizers": [
			{ "type": "Split", "pattern": { "Regex": pieces }, "behavior": "Removed", "invert": true },
			{ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true },
		] },
		"post_processor": {
			"type": "RobertaProcessing", "sep": [END, end], "cls": [BEGIN, begin], "trim_offsets": false,
			"add_prefix_space": false,
		},
		"decoder": { "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true },
		"model": {
			"type": "BPE", "dropout": null, "unk_token": END, "continuing_subword_prefix": "",
			"end_of_word_suffix": "</w>", "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
			"vocab": words, "merges": merges,
		},
	});
	checked(tokenizer.to_string().as_bytes(), path, vocab_size)
}

/// Whether a text stays about as long as it is on its way through a tokenizer, and tokens are short.
///
/// A few rules that each double a text would take more memory than there is, for a file of a few hundred bytes.
fn check_sizes(tokenizer: &Tokenizer) -> Result<(), String> {
	let json = |part: serde_json::Result<Value>| part.map_err(|error| error.to_string());
	for (name, part) in [
		("normalizer", json(serde_json::to_value(tokenizer.get_normalizer()))?),
		("pre_tokenizer", json(serde_json::to_value(tokenizer.get_pre_tokenizer()))?),
		("decoder", json(serde_json::to_value(tokenizer.get_decoder()))?),
	] {
		let most = growth(&part);
		if most > MOST_GROWTH {
			return Err(format!("its {name} can make a text {most} times longer, {MOST_GROWTH} times is the most"));
		}
	}
	let times = repeats(&json(serde_json::to_value(tokenizer.get_post_processor()))?);
	if times > 1 {
		return Err(format!("its post_processor has the text {times} times, once was expected"));
	}
	let vocabulary = tokenizer.get_vocab(true);
	match vocabulary.into_iter().filter(|(text, _)| text.len() > MOST_TOKEN_BYTES).min_by_key(|(_, id)| *id) {
		Some((text, id)) => Err(format!("token {id} has {} bytes, a token has at most {MOST_TOKEN_BYTES}", text.len())),
		None => Ok(()),
	}
}

/// By how many times a rule, or several after each other, can make a text longer. More rather than less.
fn growth(rule: &Value) -> u64 {
	let length = |field: &str| rule.get(field).and_then(Value::as_str).map_or(0, |text| text.len() as u64);
	let own = match rule.get("type").and_then(Value::as_str) {
		Some("Replace") => {
			let replaced = rule.get("pattern").and_then(|pattern| pattern.get("String")?.as_str());
			match replaced.map_or(0, |text| text.len() as u64) {
				// An expression can find nothing, between any two characters.
				0 => length("content").saturating_add(1),
				replaced => length("content").div_ceil(replaced),
			}
		}
		Some("Prepend") => length("prepend").saturating_add(1),
		Some("WordPiece" | "CTC") => length("prefix").saturating_add(length("word_delimiter_token")).saturating_add(1),
		// A table with what stands for a character: whatever is between two zeros.
		Some("Precompiled") => {
			let table = BASE64.decode(rule.get("precompiled_charsmap").and_then(Value::as_str).unwrap_or_default());
			let table = table.unwrap_or_default();
			// In front lies what finds them, with its length.
			let before = table.first_chunk::<4>().map_or(0, |length| u32::from_le_bytes(*length) as usize + 4);
			let texts = table.get(before..).unwrap_or_default();
			texts.split(|byte| *byte == 0).map(<[u8]>::len).max().unwrap_or(0) as u64 + 1
		}
		// A space becomes a mark of three bytes, and there may be one in front.
		Some("Metaspace") => 4,
		// A byte becomes a character of two; a character gets spaces around it.
		Some("ByteLevel" | "BertNormalizer") => 2,
		_ => 1,
	};
	let inner = match rule {
		Value::Array(rules) => rules.iter().map(growth).fold(1, u64::saturating_mul),
		Value::Object(fields) => fields.values().map(growth).fold(1, u64::saturating_mul),
		Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
	};
	own.max(1).saturating_mul(inner)
}

/// How many times a post-processor has the text.
fn repeats(rule: &Value) -> usize {
	match rule {
		Value::Array(rules) => rules.iter().map(repeats).fold(1, usize::saturating_mul),
		Value::Object(fields) => {
			let single = fields.get("single").and_then(Value::as_array);
			let own = single.map_or(1, |pieces| pieces.iter().filter(|piece| piece.get("Sequence").is_some()).count());
			let inner = fields.get("processors").map_or(1, repeats);
			own.max(1).saturating_mul(inner)
		}
		Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
	}
}

/// What a tokenizer makes of a text. The library gives up on some texts in ways that would end the process, on every machine
/// alike: that is the text's fault then, as it is for one without tokens.
fn encode(tokenizer: &Tokenizer, text: &str, marks: bool) -> Result<Encoding, JobFault> {
	let attempt = std::panic::catch_unwind(AssertUnwindSafe(|| tokenizer.encode_fast(text, marks)));
	let why = "the tokenizers library cannot divide the prompt with this tokenizer";
	attempt.map_err(|_| JobFault::InputInvalid(why.into()))?.map_err(invalid)
}

/// The settings of a tokenizer: `tokenizer_config.json`, behind `prefix`, which is empty or ends with `/`. Where that has no
/// list of the added tokens, as older files have not, the tokens of `special_tokens_map.json` go before its own, as in
/// transformers.
pub(crate) fn settings<T: DeserializeOwned>(folder: &ModelFolder, prefix: &str) -> Result<T, EngineError> {
	let [file, tokens] = ["tokenizer_config.json", "special_tokens_map.json"].map(|name| format!("{prefix}{name}"));
	let mut settings: Map<String, Value> = match folder.has(&file) {
		true => folder.json(&file)?,
		false => Map::new(),
	};
	if folder.has(&tokens) && !settings.contains_key("added_tokens_decoder") {
		settings.extend(folder.json::<Map<String, Value>>(&tokens)?);
	}
	serde_json::from_value(Value::Object(settings)).map_err(EngineError::json(&folder.dir().join(file)))
}

/// Why a tokenizer may read or write the same thing differently on two machines: honest operators would be slashed for
/// it.
fn chance(tokenizer: &Tokenizer) -> Option<String> {
	let dropout = match tokenizer.get_model() {
		ModelWrapper::BPE(model) => model.dropout.unwrap_or(0.0),
		// A file cannot ask these to draw.
		ModelWrapper::Unigram(_) | ModelWrapper::WordPiece(_) | ModelWrapper::WordLevel(_) => 0.0,
	};
	if dropout > 0.0 {
		return Some(format!("it leaves out merges by chance: its dropout is {dropout}, set it to null"));
	}
	// Which of two texts is the token's depends on the order of a hash table.
	let mut ids = BTreeSet::new();
	let twice = tokenizer.get_vocab(false).into_values().filter(|id| !ids.insert(*id)).min()?;
	Some(format!("token {twice} has two texts, and either may be what it is read as"))
}

/// Why a text has no tokens; the text is the requester's.
fn invalid(error: tokenizers::Error) -> JobFault {
	JobFault::InputInvalid(format!("the tokenizer rejects the prompt: {error}"))
}

/// The tokenizer of a text encoder: prompts are cut and padded to one length, or divided into several of that length.
pub struct PromptTokenizer {
	/// Cuts.
	tokenizer: Tokenizer,
	/// Does not.
	whole: Tokenizer,
	length: usize,
	pad: u32,
	/// Rows of the text encoder's table that an added token stands for.
	added: BTreeMap<u32, Vec<u32>>,
	path: PathBuf,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TokenizerConfig {
	/// Some files say 1e30 for "no limit".
	model_max_length: Option<f64>,
	/// A string, or an object with `content`.
	pad_token: Value,
}

impl PromptTokenizer {
	/// Reads `tokenizer/tokenizer.json`, or `vocab.json` and `merges.txt` where that is missing, and, if they are there,
	/// `tokenizer_config.json` and `special_tokens_map.json`. `positions` is the length of the network's position table.
	pub fn open(folder: &ModelFolder, vocab_size: usize, positions: usize) -> Result<Self, EngineError> {
		Self::open_in(folder, "tokenizer", vocab_size, positions)
	}

	/// The same of another folder than `tokenizer`, such as SDXL's `tokenizer_2`.
	pub fn open_in(
		folder: &ModelFolder,
		component: &str,
		vocab_size: usize,
		positions: usize,
	) -> Result<Self, EngineError> {
		let file = format!("{component}/tokenizer.json");
		let (mut tokenizer, path) = match !folder.has(&file) && has_prompt_tokenizer(folder, component) {
			true => open_tables(folder, component, vocab_size)?,
			false => open(folder, &file, vocab_size)?,
		};
		let config: TokenizerConfig = settings(folder, &format!("{component}/"))?;
		let length = match config.model_max_length {
			Some(length) if length >= 1.0 && length < positions as f64 => length as usize,
			_ => positions,
		};
		let pad_token = config.pad_token.as_str().or_else(|| config.pad_token.get("content")?.as_str());
		let pad = match pad_token {
			Some(token) => tokenizer.token_to_id(token),
			None => tokenizer.get_padding().map(|padding| padding.pad_id),
		};
		// transformers reads it as one token wherever it stands: SD 2 and SDXL pad with an exclamation mark.
		let is_special = |token: &&str| tokenizer.get_added_vocabulary().is_special_token(token);
		if let Some(token) = pad_token.filter(|token| pad.is_some() && !is_special(token)) {
			if let Err(error) = tokenizer.add_special_tokens([AddedToken::from(token, true)]) {
				return Err(EngineError::Unsupported { path, why: format!("token {token:?}: {error}") });
			}
		}
		let Some(pad) = pad.filter(|pad| (*pad as usize) < vocab_size) else {
			let why = "no padding token: set pad_token in tokenizer_config.json to a token of the vocabulary".into();
			return Err(EngineError::Unsupported { path, why });
		};
		tokenizer.with_padding(None);
		let mut whole = tokenizer.clone();
		if let Err(error) = whole.with_truncation(None) {
			return Err(EngineError::Unsupported { path, why: error.to_string() });
		}
		let marks = whole.get_post_processor().map_or(0, |processor| processor.added_tokens(false));
		if marks >= length {
			let why = format!("it puts {marks} tokens around a text, a prompt of the text encoder has {length}");
			return Err(EngineError::Unsupported { path, why });
		}
		let truncation = TruncationParams { max_length: length, ..Default::default() };
		if let Err(error) = tokenizer.with_truncation(Some(truncation)) {
			return Err(EngineError::Unsupported { path, why: error.to_string() });
		}
		Ok(Self { tokenizer, whole, length, pad, added: BTreeMap::new(), path })
	}

	/// Reads `token` in a prompt as these rows of the text encoder's table (textual inversion). It is found as it is written,
	/// also within a word.
	pub fn add_token(&mut self, token: &str, rows: Vec<u32>) -> Result<(), EngineError> {
		let unsupported = |why: String| EngineError::Unsupported { path: self.path.clone(), why };
		if self.whole.token_to_id(token).is_some() {
			return Err(unsupported(format!("token {token:?} is there already; give the embedding another one")));
		}
		for tokenizer in [&mut self.tokenizer, &mut self.whole] {
			let added = tokenizer.add_special_tokens([AddedToken::from(token, true)]);
			added.map_err(|error| unsupported(format!("token {token:?}: {error}")))?;
		}
		match self.whole.token_to_id(token) {
			Some(id) => self.added.insert(id, rows),
			None => return Err(unsupported(format!("token {token:?} cannot be added"))),
		};
		Ok(())
	}

	/// Pads with another token of the vocabulary, which is one token then wherever it stands in a prompt.
	pub fn pad_with(&mut self, token: &str) -> Result<(), EngineError> {
		let unsupported = |why: String| EngineError::Unsupported { path: self.path.clone(), why };
		let Some(pad) = self.whole.token_to_id(token) else {
			return Err(unsupported(format!("no token {token:?}, with which this text encoder's prompts are padded")));
		};
		for tokenizer in [&mut self.tokenizer, &mut self.whole] {
			let added = tokenizer.add_special_tokens([AddedToken::from(token, true)]);
			added.map_err(|error| unsupported(format!("token {token:?}: {error}")))?;
		}
		self.pad = pad;
		Ok(())
	}

	/// Ids of every prompt.
	pub fn length(&self) -> usize {
		self.length
	}

	/// The ids of a prompt, cut or padded to [`PromptTokenizer::length`], with the tokenizer's begin and end marks.
	pub fn encode(&self, prompt: &str) -> Result<Vec<u32>, JobFault> {
		if !self.added.is_empty() {
			return Ok(self.chunks(prompt)?.swap_remove(0));
		}
		let ids = encode(&self.tokenizer, prompt, true)?.get_ids().to_vec();
		Ok(self.padded(ids))
	}

	fn padded(&self, mut ids: Vec<u32>) -> Vec<u32> {
		ids.resize(self.length, self.pad);
		ids
	}

	/// All ids of a prompt, with or without the begin and end marks.
	fn ids(&self, prompt: &str, marks: bool) -> Result<Vec<u32>, JobFault> {
		let encoding = encode(&self.whole, prompt, marks)?;
		let mut ids = Vec::with_capacity(encoding.get_ids().len());
		for id in encoding.get_ids() {
			match self.added.get(id) {
				Some(rows) => ids.extend(rows),
				None => ids.push(*id),
			}
			if ids.len() > MOST_IDS {
				return Err(JobFault::InputInvalid(format!("the prompt has more than {MOST_IDS} tokens")));
			}
		}
		Ok(ids)
	}

	/// The ids of a prompt in one or more parts of [`PromptTokenizer::length`], each with the begin and end marks: what does
	/// not fit into one goes into the next.
	pub fn chunks(&self, prompt: &str) -> Result<Vec<Vec<u32>>, JobFault> {
		let all = self.ids(prompt, true)?;
		if all.len() <= self.length {
			return Ok(vec![self.padded(all)]);
		}
		let text = self.ids(prompt, false)?;
		let marks = all.len().saturating_sub(text.len());
		// Too long, so there is a text; a tokenizer that puts marks inside it cannot be divided.
		let begin = (!text.is_empty()).then(|| all.windows(text.len()).position(|part| part == text)).flatten();
		let (Some(begin), true) = (begin, marks < self.length) else {
			return Err(JobFault::InputInvalid(format!(
				"the prompt has {} tokens, the tokenizer takes {} and cannot divide it",
				all.len(),
				self.length
			)));
		};
		let (before, after) = (&all[..begin], &all[begin + text.len()..]);
		let parts = text.chunks(self.length - marks);
		Ok(parts.map(|part| self.padded([before, part, after].concat())).collect())
	}
}

/// What a token adds to a text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Piece {
	/// The token.
	pub id: u32,
	/// What it adds as the first one, where some tokenizers drop a space.
	pub first: String,
	/// What it adds after another one. Of a part of a character that is its replacement.
	pub later: String,
}

/// The tokenizer of a language model.
pub struct TextTokenizer {
	tokenizer: Tokenizer,
	path: PathBuf,
	/// Texts of the special tokens, the longest first.
	marks: Vec<String>,
}

impl TextTokenizer {
	/// Reads `tokenizer.json`.
	pub fn open(folder: &ModelFolder, vocab_size: usize) -> Result<Self, EngineError> {
		let (mut tokenizer, path) = open(folder, "tokenizer.json", vocab_size)?;
		tokenizer.with_padding(None);
		if let Err(error) = tokenizer.with_truncation(None) {
			return Err(EngineError::Unsupported { path, why: error.to_string() });
		}
		let added = tokenizer.get_added_vocabulary().get_added_tokens_decoder().values();
		let special = added.filter(|token| token.special && !token.content.trim().is_empty());
		let mut marks: Vec<String> = special.map(|token| token.content.clone()).collect();
		if marks.len() > MOST_MARKS {
			let why = format!("it has {} special tokens, at most {MOST_MARKS} are supported", marks.len());
			return Err(EngineError::Unsupported { path, why });
		}
		marks.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
		Ok(Self { tokenizer, path, marks })
	}

	/// The id of a token by its text.
	pub fn id(&self, token: &str) -> Result<u32, EngineError> {
		self.tokenizer
			.token_to_id(token)
			.ok_or_else(|| EngineError::Unsupported { path: self.path.clone(), why: format!("no token {token:?}") })
	}

	/// The ids of a text as it stands: the model's chat template has the marks that it wants.
	pub fn encode(&self, text: &str) -> Result<Vec<u32>, JobFault> {
		Ok(encode(&self.tokenizer, text, false)?.get_ids().to_vec())
	}

	/// A text with a space for everything in it that would be read as a special token, such as another speaker's mark.
	pub fn unmarked(&self, text: &str) -> String {
		let mut text = text.to_owned();
		// Taking one out can bring another together. Each time less is left that is no white space, so this ends.
		while let Some(mark) = self.marks.iter().find(|mark| text.contains(mark.as_str())) {
			text = text.replace(mark.as_str(), " ");
		}
		text
	}

	/// The text of ids without special tokens; incomplete UTF-8 becomes replacement characters.
	pub fn decode(&self, ids: &[u32]) -> Result<String, JobFault> {
		self.tokenizer.decode(ids, true).map_err(|error| JobFault::Io(format!("cannot decode the reply: {error}")))
	}

	/// What each token adds to a text, as [`TextTokenizer::decode`] has it, in the order of their ids. Special tokens add
	/// nothing and are left out.
	///
	/// No decoder is asked for its rules: a token is decoded alone, and after one that is plain letters.
	pub fn pieces(&self) -> Result<Vec<Piece>, JobFault> {
		let vocabulary = self.tokenizer.get_vocab(true);
		let mut ids: Vec<u32> = vocabulary.into_values().filter(|id| !self.is_special(*id)).collect();
		ids.sort_unstable();
		ids.dedup();
		let mut pieces = Vec::with_capacity(ids.len());
		for id in ids {
			pieces.push(Piece { id, first: self.decode(&[id])?, later: String::new() });
		}
		let is_plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphabetic());
		let plain = pieces.iter().find(|piece| is_plain(&piece.first)).cloned();
		let Some(Piece { id: before, first: letters, .. }) = plain else { return Ok(pieces) };
		for piece in &mut pieces {
			let both = self.decode(&[before, piece.id])?;
			piece.later = both.strip_prefix(&letters).unwrap_or_default().to_owned();
		}
		Ok(pieces)
	}

	fn is_special(&self, id: u32) -> bool {
		let token = self.tokenizer.id_to_token(id);
		token.is_none_or(|token| self.tokenizer.get_added_vocabulary().is_special_token(&token))
	}
}

/// The text of tokens as they come. What a token adds can depend on the one before it, and a character can have several
/// tokens, so it is decoded together with the last ones.
pub struct TextStream<'a> {
	tokenizer: &'a TextTokenizer,
	/// The tokens since the last but one time that the text ended with a whole character.
	ids: Vec<u32>,
	/// How many of them there were the last time.
	before: usize,
	/// Bytes of their text that were told.
	told: usize,
}

impl<'a> TextStream<'a> {
	/// The stream of a text that begins.
	pub fn new(tokenizer: &'a TextTokenizer) -> Self {
		Self { tokenizer, ids: Vec::new(), before: 0, told: 0 }
	}

	/// What the text gains by a token; `None` for nothing, as while a character is not whole.
	pub fn push(&mut self, id: u32) -> Option<String> {
		self.ids.push(id);
		let text = self.tokenizer.decode(&self.ids).ok()?;
		// What is not whole is a replacement until it is: only the end of a text can change.
		let whole = text.trim_end_matches(char::REPLACEMENT_CHARACTER).len();
		let gained = text.get(self.told..whole).filter(|gained| !gained.is_empty())?.to_owned();
		self.told = whole;
		if whole == text.len() {
			self.ids.drain(..self.before);
			self.before = self.ids.len();
			self.told = self.tokenizer.decode(&self.ids).ok()?.len();
		}
		Some(gained)
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use serde_json::json;

	/// A tokenizer of single letters with these parts.
	fn tokenizer(parts: Value) -> Result<Tokenizer, String> {
		let mut file = json!({
			"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
			"pre_tokenizer": null, "post_processor": null, "decoder": null,
			"model": { "type": "WordLevel", "vocab": { "a": 0, "b": 1, "?": 2 }, "unk_token": "?" },
		});
		for (name, part) in parts.as_object().unwrap() {
			file[name] = part.clone();
		}
		parse(file.to_string().as_bytes())
	}

	fn refused(parts: Value) -> String {
		tokenizer(parts).expect_err("the tokenizer must be refused")
	}

	fn replace(pattern: Value, content: &str) -> Value {
		json!({ "type": "Replace", "pattern": pattern, "content": content })
	}

	#[test]
	fn tokenizer_should_be_refused_when_a_text_can_grow_without_end() {
		let doubled = vec![replace(json!({ "String": "a" }), "aa"); 40];
		let error = refused(json!({ "normalizer": { "type": "Sequence", "normalizers": doubled } }));
		assert!(error.contains("its normalizer can make a text 1099511627776 times longer"), "{error}");
		let error = refused(json!({ "decoder": replace(json!({ "Regex": "a*" }), &"x".repeat(1000)) }));
		assert!(error.contains("its decoder can make a text 1001 times longer, 256 times is the most"), "{error}");
		let letters =
			json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false });
		let parts = json!({ "pre_tokenizer": { "type": "Sequence", "pretokenizers": vec![letters; 30] } });
		assert!(refused(parts).contains("its pre_tokenizer can make a text 1073741824 times longer"));
		let piece = json!({ "Sequence": { "id": "A", "type_id": 0 } });
		let template = json!({
			"type": "TemplateProcessing", "single": vec![piece; 3], "pair": [], "special_tokens": {},
		});
		assert!(refused(json!({ "post_processor": template })).contains("has the text 3 times"));
		let vocab = json!({ "a": 0, "?": 1, ("x".repeat(5000)): 2 });
		let model = json!({ "type": "WordLevel", "vocab": vocab, "unk_token": "?" });
		let error = refused(json!({ "model": model }));
		assert!(error.contains("token 2 has 5000 bytes, a token has at most 4096"), "{error}");
	}

	#[test]
	fn tokenizer_should_pass_when_its_rules_are_those_of_published_ones() {
		let llama = json!([
			{ "type": "Prepend", "prepend": "\u{2581}" }, replace(json!({ "String": " " }), "\u{2581}"),
		]);
		assert_eq!(growth(&llama), 12);
		tokenizer(json!({ "normalizer": { "type": "Sequence", "normalizers": llama } })).unwrap();
		let clip = json!([{ "type": "NFC" }, replace(json!({ "Regex": "\\s+" }), " "), { "type": "Lowercase" }]);
		assert_eq!(growth(&clip), 2);
		tokenizer(json!({ "normalizer": { "type": "Sequence", "normalizers": clip } })).unwrap();
		let table = BASE64.encode(b"\x04\0\0\0abcdefghij\0k\0");
		assert_eq!(growth(&json!({ "type": "Precompiled", "precompiled_charsmap": table })), 7);
	}
}
