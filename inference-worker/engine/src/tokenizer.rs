//! Text to token ids and back, through `tokenizer.json` of the Hugging Face `tokenizers` library.

use crate::weights::ModelFolder;
use crate::{EngineError, JobFault};
use serde::Deserialize;
use serde_json::{json, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use tokenizers::{AddedToken, ModelWrapper, Tokenizer, TruncationParams};

/// What a tokenizer is tried on before it counts as one: letters, marks, white space, and characters of two to four bytes.
const TRIAL: &str = "A cat, 12 x\t\u{e9}\u{4e2d}\u{1f600}\n";

/// Reads the text of a `tokenizer.json` and tries it.
///
/// The library's tables are not all checked when they are read, and it gives up in ways that would end the process. A file that
/// makes it do so is refused like any other that is wrong.
pub fn parse(text: &[u8]) -> Result<Tokenizer, String> {
	let attempt = std::panic::catch_unwind(|| {
		let mut tokenizer = Tokenizer::from_bytes(text).map_err(|error| error.to_string())?;
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
	let tokenizer = parse(text).map_err(unsupported)?;
	let largest = tokenizer.get_vocab(true).into_values().max().unwrap_or(0);
	if largest as usize >= vocab_size {
		return Err(unsupported(format!(
			"it has token {largest}, the network's vocabulary ends at {}",
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
		"padding": null,
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
	/// Reads `tokenizer/tokenizer.json`, or `vocab.json` and `merges.txt` where that is missing, and, if there is one,
	/// `tokenizer/tokenizer_config.json`. `positions` is the length of the network's position table.
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
		let config = format!("{component}/tokenizer_config.json");
		let config: TokenizerConfig = match folder.has(&config) {
			true => folder.json(&config)?,
			false => TokenizerConfig::default(),
		};
		let length = match config.model_max_length {
			Some(length) if length >= 1.0 && length < positions as f64 => length as usize,
			_ => positions,
		};
		let pad_token = config.pad_token.as_str().or_else(|| config.pad_token.get("content")?.as_str());
		let pad = match pad_token {
			Some(token) => tokenizer.token_to_id(token),
			None => tokenizer.get_padding().map(|padding| padding.pad_id),
		};
		let Some(pad) = pad.filter(|pad| (*pad as usize) < vocab_size) else {
			let why = "no padding token: set pad_token in tokenizer_config.json to a token of the vocabulary".into();
			return Err(EngineError::Unsupported { path, why });
		};
		tokenizer.with_padding(None);
		let mut whole = tokenizer.clone();
		if let Err(error) = whole.with_truncation(None) {
			return Err(EngineError::Unsupported { path, why: error.to_string() });
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

	/// Ids of every prompt.
	pub fn length(&self) -> usize {
		self.length
	}

	/// The ids of a prompt, cut or padded to [`PromptTokenizer::length`], with the tokenizer's begin and end marks.
	pub fn encode(&self, prompt: &str) -> Result<Vec<u32>, JobFault> {
		if !self.added.is_empty() {
			return Ok(self.chunks(prompt)?.swap_remove(0));
		}
		let ids = self.tokenizer.encode_fast(prompt, true).map_err(invalid)?.get_ids().to_vec();
		Ok(self.padded(ids))
	}

	fn padded(&self, mut ids: Vec<u32>) -> Vec<u32> {
		ids.resize(self.length, self.pad);
		ids
	}

	/// All ids of a prompt, with or without the begin and end marks.
	fn ids(&self, prompt: &str, marks: bool) -> Result<Vec<u32>, JobFault> {
		let encoding = self.whole.encode_fast(prompt, marks).map_err(invalid)?;
		let mut ids = Vec::with_capacity(encoding.get_ids().len());
		for id in encoding.get_ids() {
			match self.added.get(id) {
				Some(rows) => ids.extend(rows),
				None => ids.push(*id),
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
		Ok(self.tokenizer.encode_fast(text, false).map_err(invalid)?.get_ids().to_vec())
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
