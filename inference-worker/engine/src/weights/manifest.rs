//! `manifest.json`: what a model is, the files it consists of, what a job may ask of it, and one job whose result is
//! known.

use super::folder::read_within;
use super::header::shown;
use super::ModelFolder;
use crate::digest::{cid_text, parse_cid};
use crate::{Control, EngineError, JobFault, Model};
use autonomy_primitives::digest::{cid, Cid, WeightsRoot};
use autonomy_primitives::evaluation::EvaluatedWeights;
use autonomy_primitives::job::{
	AnimationInput, BallotInput, CellPrompt, EvaluationInput, ImageInput, JobInput, Modality, SpriteSheetInput,
	TalkInput, TextInput, MAX_CELLS, MAX_CELL_BYTES, MAX_NEGATIVE_PROMPT_BYTES, MAX_PROMPT_BYTES, MAX_PROSE_BYTES,
};
use autonomy_primitives::model::ModelLimits;
use candle_core::Device;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

/// Name of the manifest in a model's folder.
pub const MANIFEST_FILE: &str = "manifest.json";
/// Version of the manifest's layout.
const SCHEMA: u32 = 1;
/// Most bytes of a manifest.
pub const MAX_MANIFEST_BYTES: u64 = 4 << 20;
/// Most files of a model.
const MAX_FILES: usize = 4096;
/// Most bytes of a file's path below the model's folder.
const MAX_PATH_BYTES: usize = 255;
/// Most folders below each other in a model's folder.
const MAX_DEPTH: usize = 8;
/// Files with these endings belong to a model; others (notes, pictures) may lie beside them.
const MODEL_FILES: [&str; 5] = ["gguf", "jinja", "json", "safetensors", "txt"];

/// 32 bytes, written as 64 hexadecimal digits.
#[derive(Clone, Copy, Default, Eq, Hash, PartialEq)]
pub struct Hash32(pub [u8; 32]);

impl fmt::Display for Hash32 {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.write_str(&hex::encode(self.0))
	}
}

impl fmt::Debug for Hash32 {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		fmt::Display::fmt(self, f)
	}
}

impl FromStr for Hash32 {
	type Err = String;

	fn from_str(text: &str) -> Result<Self, String> {
		let digits = text.strip_prefix("0x").unwrap_or(text);
		let mut bytes = [0; 32];
		hex::decode_to_slice(digits, &mut bytes).map_err(|_| format!("{text:?} is not 64 hexadecimal digits"))?;
		Ok(Self(bytes))
	}
}

impl Serialize for Hash32 {
	fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
		serializer.collect_str(self)
	}
}

impl<'de> Deserialize<'de> for Hash32 {
	fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
		String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
	}
}

/// Which pipeline runs the model.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Architecture {
	/// A diffusers folder: text encoder, UNet, scheduler and an autoencoder or pixel space.
	#[serde(rename = "diffusers:text-to-image")]
	TextToImage,
	/// A transformers folder of the Llama architecture or one near it, see [`Family`](crate::models::llama::Family).
	#[serde(rename = "transformers:llama")]
	Llama,
}

impl Architecture {
	/// The kind of output.
	pub fn modality(self) -> Modality {
		match self {
			Self::TextToImage => Modality::Image,
			Self::Llama => Modality::Text,
		}
	}
}

/// One file of a model.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct FileEntry {
	/// Path below the model's folder, with `/`.
	pub path: String,
	/// Bytes.
	pub size: u64,
	/// SHA-256 of the bytes.
	pub sha256: Hash32,
}

/// What a picture is made of, as people write it: text and decimal numbers.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PictureSpec {
	/// What the picture should show. For a sprite sheet what all cells have in common, which may be nothing.
	#[serde(default)]
	pub prompt: String,
	/// What it should not show.
	#[serde(default)]
	pub negative_prompt: String,
	/// Pixels per row; for a sprite sheet of a cell.
	pub width: u16,
	/// Rows; for a sprite sheet of a cell.
	pub height: u16,
	/// Denoise steps.
	pub steps: u16,
	/// Guidance scale; 1 or less runs without guidance. Kept to hundredths.
	pub guidance: f64,
}

/// Weights that an evaluation compares, as people write them.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WeightsSpec {
	/// CID of the manifest, in text form.
	pub manifest: String,
	/// Root over the weights.
	pub weights_root: Hash32,
	/// Hash of the numeric specification.
	pub engine: Hash32,
}

/// The input of a job as people write it: text and decimal numbers.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum InputSpec {
	/// Text to image.
	Image(PictureSpec),
	/// Text to text.
	Text {
		/// What the user says.
		prompt: String,
		/// Most new tokens.
		max_tokens: u16,
		/// Sampling temperature; 0 is greedy. Kept to hundredths.
		#[serde(default)]
		temperature: f64,
		/// Cumulative probability of nucleus sampling; 1 is off. Kept to thousandths.
		#[serde(default = "all")]
		top_p: f64,
		/// Sampling among the k likeliest tokens; 0 is off.
		#[serde(default)]
		top_k: u16,
	},
	/// A message to a character.
	Talk {
		/// What the user says.
		prompt: String,
		/// Most new tokens.
		max_tokens: u16,
		/// Sampling temperature; 0 is greedy. Kept to hundredths.
		#[serde(default)]
		temperature: f64,
		/// Cumulative probability of nucleus sampling; 1 is off. Kept to thousandths.
		#[serde(default = "all")]
		top_p: f64,
		/// Sampling among the k likeliest tokens; 0 is off.
		#[serde(default)]
		top_k: u16,
		/// CID of the persona, in text form.
		persona: String,
		/// The character's memory before the message.
		memory: Hash32,
	},
	/// Text to animation.
	Animation {
		/// What every frame is made with.
		image: PictureSpec,
		/// What the loop shows half-way; empty for the same all the time.
		#[serde(default)]
		prompt_to: String,
		/// Frames.
		frames: u8,
		/// Frames shown in a second.
		frames_per_second: u8,
		/// How far the noise moves, 0 to 1. Kept to hundredths.
		motion: f64,
	},
	/// Texts to sprite sheet.
	SpriteSheet {
		/// What every cell is made with.
		image: PictureSpec,
		/// What each cell shows, from the top left, row by row.
		cells: Vec<String>,
		/// Cells in a row.
		columns: u8,
		/// How far the background may be from the colour of a cell's corners, in each channel; 0 keeps it.
		#[serde(default)]
		background_tolerance: u8,
	},
	/// Text to a tileable picture.
	Tile(PictureSpec),
	/// Losses of two versions of a model.
	Evaluation {
		/// The version that is compared with.
		base: WeightsSpec,
		/// The other version.
		candidate: WeightsSpec,
		/// CID of the held-out set, in text form.
		set: String,
		/// The kind of model.
		model: Modality,
		/// Samples, from the first.
		samples: u16,
		/// Most pixels or tokens of a sample.
		size: u32,
	},
	/// A character's decision on a proposal.
	Ballot {
		/// What the proposal does.
		question: String,
		/// What the proposer says of it; empty for nothing.
		#[serde(default)]
		prose: String,
		/// CID of the persona, in text form.
		persona: String,
	},
}

fn all() -> f64 {
	1.0
}

/// `value` in parts of `1/parts`, as the chain stores it.
fn fixed_point(name: &str, value: f64, parts: f64) -> Result<u16, JobFault> {
	let scaled = (value * parts).round_ties_even();
	if !(0.0..=f64::from(u16::MAX)).contains(&scaled) {
		return Err(JobFault::InputInvalid(format!(
			"{name} {value}, the range is 0 to {}",
			f64::from(u16::MAX) / parts
		)));
	}
	Ok(scaled as u16)
}

/// A text in the form that goes on chain.
fn bounded<T: TryFrom<Vec<u8>>>(what: &str, text: &str, most: u32) -> Result<T, JobFault> {
	T::try_from(text.as_bytes().to_vec())
		.map_err(|_| JobFault::InputInvalid(format!("{what} has {} bytes, the limit is {most}", text.len())))
}

/// The text of bytes on chain. What is not UTF-8 is replaced.
fn lossy(bytes: &[u8]) -> String {
	String::from_utf8_lossy(bytes).into_owned()
}

impl PictureSpec {
	fn to_input(&self) -> Result<ImageInput, JobFault> {
		Ok(ImageInput {
			prompt: bounded("the prompt", &self.prompt, MAX_PROMPT_BYTES)?,
			negative_prompt: bounded("the negative prompt", &self.negative_prompt, MAX_NEGATIVE_PROMPT_BYTES)?,
			width: self.width,
			height: self.height,
			steps: self.steps,
			guidance_centi: fixed_point("guidance", self.guidance, 100.0)?,
		})
	}

	fn from_input(input: &ImageInput) -> Self {
		Self {
			prompt: lossy(&input.prompt),
			negative_prompt: lossy(&input.negative_prompt),
			width: input.width,
			height: input.height,
			steps: input.steps,
			guidance: f64::from(input.guidance_centi) / 100.0,
		}
	}
}

impl WeightsSpec {
	fn to_input(&self) -> Result<EvaluatedWeights, JobFault> {
		Ok(EvaluatedWeights {
			manifest: cid_of("manifest", &self.manifest)?,
			weights_root: self.weights_root.0,
			engine: self.engine.0,
		})
	}

	fn from_input(input: &EvaluatedWeights) -> Self {
		Self {
			manifest: cid_text(&input.manifest),
			weights_root: Hash32(input.weights_root),
			engine: Hash32(input.engine),
		}
	}
}

fn text_input(prompt: &str, max_tokens: u16, temperature: f64, top_p: f64, top_k: u16) -> Result<TextInput, JobFault> {
	Ok(TextInput {
		prompt: bounded("the prompt", prompt, MAX_PROMPT_BYTES)?,
		max_tokens,
		temperature_centi: fixed_point("temperature", temperature, 100.0)?,
		top_p_permille: fixed_point("top_p", top_p, 1000.0)?,
		top_k,
	})
}

fn cid_of(what: &str, text: &str) -> Result<Cid, JobFault> {
	parse_cid(text).ok_or_else(|| {
		JobFault::InputInvalid(format!("{what} '{text}' is not a CID: version 1, raw, SHA-256, beginning with bafkrei"))
	})
}

impl InputSpec {
	/// A text-to-image input without a negative prompt.
	pub fn image(prompt: &str, width: u16, height: u16, steps: u16, guidance: f64) -> Self {
		let negative_prompt = String::new();
		Self::Image(PictureSpec { prompt: prompt.into(), negative_prompt, width, height, steps, guidance })
	}

	/// A text input, greedy when `temperature` is 0.
	pub fn text(prompt: &str, max_tokens: u16, temperature: f64) -> Self {
		Self::Text { prompt: prompt.into(), max_tokens, temperature, top_p: 1.0, top_k: 0 }
	}

	/// The kind of output that is asked for.
	pub fn modality(&self) -> Modality {
		match self {
			Self::Image(_) => Modality::Image,
			Self::Text { .. } | Self::Talk { .. } => Modality::Text,
			Self::Animation { .. } => Modality::Animation,
			Self::SpriteSheet { .. } => Modality::SpriteSheet,
			Self::Tile(_) => Modality::Tile,
			Self::Evaluation { .. } => Modality::Evaluation,
			Self::Ballot { .. } => Modality::Ballot,
		}
	}

	/// The form that goes on chain. Fails when a text or a number does not fit it.
	pub fn to_job_input(&self) -> Result<JobInput, JobFault> {
		Ok(match self {
			Self::Image(picture) => JobInput::Image(picture.to_input()?),
			Self::Text { prompt, max_tokens, temperature, top_p, top_k } => {
				JobInput::Text(text_input(prompt, *max_tokens, *temperature, *top_p, *top_k)?)
			}
			Self::Talk { prompt, max_tokens, temperature, top_p, top_k, persona, memory } => {
				JobInput::Talk(TalkInput {
					text: text_input(prompt, *max_tokens, *temperature, *top_p, *top_k)?,
					persona: cid_of("persona", persona)?,
					memory: memory.0,
				})
			}
			Self::Animation { image, prompt_to, frames, frames_per_second, motion } => {
				let motion_centi = u8::try_from(fixed_point("motion", *motion, 100.0)?)
					.map_err(|_| JobFault::InputInvalid(format!("motion {motion}, the range is 0 to 1")))?;
				JobInput::Animation(AnimationInput {
					image: image.to_input()?,
					prompt_to: bounded("the second prompt", prompt_to, MAX_PROMPT_BYTES)?,
					frames: *frames,
					frames_per_second: *frames_per_second,
					motion_centi,
				})
			}
			Self::SpriteSheet { image, cells, columns, background_tolerance } => {
				let mut described: Vec<CellPrompt> = Vec::with_capacity(cells.len());
				for (index, cell) in cells.iter().enumerate() {
					described.push(bounded(&format!("cell {index}"), cell, MAX_CELL_BYTES)?);
				}
				JobInput::SpriteSheet(SpriteSheetInput {
					image: image.to_input()?,
					cells: described.try_into().map_err(|_| {
						JobFault::InputInvalid(format!("{} cells, a sprite sheet has 1 to {MAX_CELLS}", cells.len()))
					})?,
					columns: *columns,
					background_tolerance: *background_tolerance,
				})
			}
			Self::Tile(picture) => JobInput::Tile(picture.to_input()?),
			Self::Evaluation { base, candidate, set, model, samples, size } => JobInput::Evaluation(EvaluationInput {
				base: base.to_input()?,
				candidate: candidate.to_input()?,
				set: cid_of("set", set)?,
				model: *model,
				samples: *samples,
				size: *size,
			}),
			Self::Ballot { question, prose, persona } => JobInput::Ballot(BallotInput {
				question: bounded("the question", question, MAX_PROMPT_BYTES)?,
				prose: bounded("the proposer's text", prose, MAX_PROSE_BYTES)?,
				persona: cid_of("persona", persona)?,
			}),
		})
	}

	/// The form for people of an input on chain. Bytes that are not UTF-8 are replaced.
	pub fn from_job_input(input: &JobInput) -> Self {
		match input {
			JobInput::Image(input) => Self::Image(PictureSpec::from_input(input)),
			JobInput::Text(input) => Self::Text {
				prompt: lossy(&input.prompt),
				max_tokens: input.max_tokens,
				temperature: f64::from(input.temperature_centi) / 100.0,
				top_p: f64::from(input.top_p_permille) / 1000.0,
				top_k: input.top_k,
			},
			JobInput::Talk(TalkInput { text, persona, memory }) => Self::Talk {
				prompt: lossy(&text.prompt),
				max_tokens: text.max_tokens,
				temperature: f64::from(text.temperature_centi) / 100.0,
				top_p: f64::from(text.top_p_permille) / 1000.0,
				top_k: text.top_k,
				persona: cid_text(persona),
				memory: Hash32(*memory),
			},
			JobInput::Animation(input) => Self::Animation {
				image: PictureSpec::from_input(&input.image),
				prompt_to: lossy(&input.prompt_to),
				frames: input.frames,
				frames_per_second: input.frames_per_second,
				motion: f64::from(input.motion_centi) / 100.0,
			},
			JobInput::SpriteSheet(input) => Self::SpriteSheet {
				image: PictureSpec::from_input(&input.image),
				cells: input.cells.iter().map(|cell| lossy(cell)).collect(),
				columns: input.columns,
				background_tolerance: input.background_tolerance,
			},
			JobInput::Tile(input) => Self::Tile(PictureSpec::from_input(input)),
			JobInput::Evaluation(input) => Self::Evaluation {
				base: WeightsSpec::from_input(&input.base),
				candidate: WeightsSpec::from_input(&input.candidate),
				set: cid_text(&input.set),
				model: input.model,
				samples: input.samples,
				size: input.size,
			},
			JobInput::Ballot(input) => Self::Ballot {
				question: lossy(&input.question),
				prose: lossy(&input.prose),
				persona: cid_text(&input.persona),
			},
		}
	}
}

/// A job with a known result: a worker must reproduce it before it may take jobs of the model.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Golden {
	/// The input.
	pub input: InputSpec,
	/// The seed.
	pub seed: Hash32,
	/// The result digest, with a genesis hash of zeros.
	pub result: Hash32,
	/// CID of the artifact, in text form.
	pub artifact: String,
}

/// What [`Manifest::build`] cannot find in the folder.
#[derive(Clone, Debug)]
pub struct ManifestMeta {
	/// Name of the model.
	pub name: String,
	/// Version of the weights, for people.
	pub version: String,
	/// Pipeline that runs it.
	pub architecture: Architecture,
	/// SPDX expression of the weights' licence.
	pub licence: String,
	/// Bounds of one job; a bound that does not apply is 0.
	pub limits: ModelLimits,
	/// Input of the golden job.
	pub golden_input: InputSpec,
	/// Seed of the golden job.
	pub golden_seed: [u8; 32],
}

/// The contents of `manifest.json`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
	/// Version of this layout: 1.
	pub schema: u32,
	/// Name of the model.
	pub name: String,
	/// Version of the weights, for people.
	pub version: String,
	/// Pipeline that runs it.
	pub architecture: Architecture,
	/// Kind of output; follows from the architecture.
	pub modality: Modality,
	/// SPDX expression of the weights' licence.
	pub licence: String,
	/// The files, sorted by path. The weights root depends on the order.
	pub files: Vec<FileEntry>,
	/// Bounds of one job; a bound that does not apply is 0.
	pub limits: ModelLimits,
	/// Hash of the numeric specification that the golden result was made with.
	pub engine: Hash32,
	/// Root over the 1 KiB chunks of the files, see [`WeightsRoot`].
	pub weights_root: Hash32,
	/// A job with a known result.
	pub golden: Golden,
}

impl Manifest {
	/// Describes the model in `dir`: hashes its files, loads it and runs the golden job.
	///
	/// Every `.gguf`, `.jinja`, `.json`, `.safetensors` and `.txt` file below the folder belongs to the model, but for the
	/// manifest itself and names that begin with a dot.
	pub fn build(dir: impl AsRef<Path>, meta: ManifestMeta) -> Result<Self, EngineError> {
		let dir = dir.as_ref();
		let paths = model_files(dir)?;
		let mut manifest = Self {
			schema: SCHEMA,
			name: meta.name,
			version: meta.version,
			architecture: meta.architecture,
			modality: meta.architecture.modality(),
			licence: meta.licence,
			files: vec![],
			limits: meta.limits,
			engine: Hash32(autonomy_kernels::engine_id()),
			weights_root: Hash32::default(),
			golden: Golden {
				input: meta.golden_input,
				seed: Hash32(meta.golden_seed),
				result: Hash32::default(),
				artifact: String::new(),
			},
		};
		manifest.check_golden_input().map_err(|why| EngineError::Manifest { path: dir.join(MANIFEST_FILE), why })?;
		let mut root = WeightsRoot::default();
		for path in paths {
			let (size, sha256) = hash_file(&dir.join(&path), &mut root)?;
			manifest.files.push(FileEntry { path, size, sha256: Hash32(sha256) });
		}
		manifest.weights_root = Hash32(root.root());
		let model = Model::from_verified(dir, manifest.clone(), &Device::Cpu)?;
		let input = manifest.golden.input.to_job_input().map_err(EngineError::GoldenFault)?;
		let output = model
			.run(&input, meta.golden_seed, [0; 32], &mut |_| Control::Continue)
			.map_err(EngineError::GoldenFault)?;
		manifest.golden.result = Hash32(output.result);
		manifest.golden.artifact = cid_text(&output.artifact_cid);
		Ok(manifest)
	}

	/// Reads `manifest.json` of a folder and checks that it agrees with itself. The files are not touched.
	pub fn load(dir: impl AsRef<Path>) -> Result<Self, EngineError> {
		let path = dir.as_ref().join(MANIFEST_FILE);
		Self::from_json(&path, &read_within(&path, MAX_MANIFEST_BYTES)?)
	}

	/// Reads the text of a manifest and checks that it agrees with itself. `path` is for messages.
	pub fn from_json(path: &Path, text: &[u8]) -> Result<Self, EngineError> {
		if text.len() as u64 > MAX_MANIFEST_BYTES {
			let (expected, found) = (format!("at most {MAX_MANIFEST_BYTES} bytes"), format!("{} bytes", text.len()));
			return Err(EngineError::content(path, "the file", expected, found));
		}
		let manifest: Self = serde_json::from_slice(text).map_err(EngineError::json(path))?;
		manifest.check().map_err(|why| EngineError::Manifest { path: path.into(), why })?;
		Ok(manifest)
	}

	fn check(&self) -> Result<(), String> {
		if self.schema != SCHEMA {
			return Err(format!("schema {}, this engine reads schema {SCHEMA}", self.schema));
		}
		if self.modality != self.architecture.modality() {
			return Err(format!("modality {:?} does not fit {:?}", self.modality, self.architecture));
		}
		self.check_golden_input()?;
		if self.files.is_empty() {
			return Err("no files".into());
		}
		for pair in self.files.windows(2) {
			if pair[0].path >= pair[1].path {
				return Err(format!("{:?} after {:?}: files must be sorted, each once", pair[1].path, pair[0].path));
			}
		}
		let paths: Vec<&str> = self.files.iter().map(|file| file.path.as_str()).collect();
		check_paths(&paths)
	}

	/// A model is known by what it is registered for, not by what else can be made with it.
	fn check_golden_input(&self) -> Result<(), String> {
		let asked = self.golden.input.modality();
		match asked == self.modality {
			true => Ok(()),
			false => Err(format!("the golden job asks for {asked:?}, the model is for {:?}", self.modality)),
		}
	}

	/// The text of the file: the same manifest always gives the same bytes.
	pub fn to_json(&self) -> String {
		let mut text = serde_json::to_string_pretty(self).expect("a manifest has only strings and numbers");
		text.push('\n');
		text
	}

	/// CID of [`Manifest::to_json`].
	pub fn cid(&self) -> Cid {
		cid(self.to_json().as_bytes())
	}

	/// Writes `manifest.json` into a folder, whole or not at all.
	pub fn write(&self, dir: impl AsRef<Path>) -> Result<(), EngineError> {
		let (path, part) = (dir.as_ref().join(MANIFEST_FILE), dir.as_ref().join(format!(".{MANIFEST_FILE}.part")));
		let write = || -> std::io::Result<()> {
			// What is left of an earlier attempt goes, and a link of this name in a stranger's folder is not followed.
			match std::fs::remove_file(&part) {
				Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
				_ => {}
			}
			std::io::Write::write_all(&mut std::fs::File::create_new(&part)?, self.to_json().as_bytes())
		};
		write().map_err(EngineError::io(&part))?;
		std::fs::rename(&part, &path).map_err(EngineError::io(&path))
	}

	/// Bytes of all files.
	pub fn total_size(&self) -> u64 {
		self.files.iter().fold(0, |sum, file| sum.saturating_add(file.size))
	}

	/// Reads every file of the folder and compares size, SHA-256 and the weights root.
	pub fn verify(&self, dir: impl AsRef<Path>) -> Result<ModelFolder, EngineError> {
		let dir = dir.as_ref();
		let mut root = WeightsRoot::default();
		for file in &self.files {
			let path = dir.join(&file.path);
			let size = std::fs::metadata(&path).map_err(EngineError::io(&path))?.len();
			let differs = |what, expected: String, actual: String| EngineError::Corrupt {
				path: path.clone(),
				what,
				expected,
				actual,
			};
			if size != file.size {
				return Err(differs("size", format!("{} bytes", file.size), format!("{size} bytes")));
			}
			let (_, sha256) = hash_file(&path, &mut root)?;
			if sha256 != file.sha256.0 {
				return Err(differs("SHA-256", file.sha256.to_string(), hex::encode(sha256)));
			}
		}
		if root.root() != self.weights_root.0 {
			return Err(EngineError::WeightsRoot {
				path: dir.join(MANIFEST_FILE),
				expected: self.weights_root.to_string(),
				actual: hex::encode(root.root()),
			});
		}
		Ok(ModelFolder::new(dir, self.files.iter().map(|file| file.path.clone())))
	}
}

/// Whether every path, of those in order, leads to a file of its own below the folder, spelt in the one way that it has.
fn check_paths(paths: &[&str]) -> Result<(), String> {
	if paths.len() > MAX_FILES {
		return Err(format!("{} files, a model has at most {MAX_FILES}", paths.len()));
	}
	let mut folders = BTreeSet::new();
	for path in paths.iter().copied() {
		let mut parts = Path::new(path).components();
		let stays_inside = parts.all(|part| matches!(part, Component::Normal(_)));
		// `components` passes over what another system, or another reader, may not: `a//b`, `a/./b`, `a\..\b`.
		let is_plain = path.split('/').all(|part| !part.is_empty() && part != ".")
			&& !path.contains(|c: char| c.is_control() || c == '\\' || c == ':');
		if !stays_inside || !is_plain {
			return Err(format!("{path:?} is not a path below the model's folder"));
		}
		if path.len() > MAX_PATH_BYTES || path.split('/').count() > MAX_DEPTH + 1 {
			return Err(format!(
				"{:?} has {} bytes and {} parts, a path has at most {MAX_PATH_BYTES} and {}",
				shown(path),
				path.len(),
				path.split('/').count(),
				MAX_DEPTH + 1
			));
		}
		if path == MANIFEST_FILE {
			return Err(format!("{path:?} is the manifest itself, which is none of its files"));
		}
		folders.extend(path.match_indices('/').filter_map(|(at, _)| path.get(..at)));
	}
	match paths.iter().find(|path| folders.contains(**path)) {
		Some(path) => Err(format!("{path:?} is a file and a folder with files")),
		None => Ok(()),
	}
}

/// The paths of a model's files, relative to its folder and sorted.
pub(super) fn model_files(dir: &Path) -> Result<Vec<String>, EngineError> {
	let mut paths = Vec::new();
	list_files(dir, "", 0, &mut paths)?;
	paths.sort();
	let listed: Vec<&str> = paths.iter().map(String::as_str).collect();
	check_paths(&listed).map_err(|why| EngineError::Manifest { path: dir.into(), why })?;
	Ok(paths)
}

/// Collects the paths of a model's files, relative to `root`, which is `depth` folders above `below`. A link to a file is
/// followed, as the caches of model hubs have them; a link to a folder, which may lead anywhere or in a circle, is refused.
fn list_files(root: &Path, below: &str, depth: usize, found: &mut Vec<String>) -> Result<(), EngineError> {
	let dir = root.join(below);
	if depth > MAX_DEPTH {
		let expected = format!("at most {MAX_DEPTH} folders below each other");
		return Err(EngineError::content(&dir, "the folder", expected, depth.to_string()));
	}
	for entry in std::fs::read_dir(&dir).map_err(EngineError::io(&dir))? {
		let entry = entry.map_err(EngineError::io(&dir))?;
		let Ok(name) = entry.file_name().into_string() else { continue };
		let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
		if name.starts_with('.') || path == MANIFEST_FILE {
			continue;
		}
		let full = entry.path();
		let kind = std::fs::metadata(&full).map_err(EngineError::io(&full))?;
		let belongs = PathBuf::from(&name)
			.extension()
			.and_then(|ending| ending.to_str())
			.is_some_and(|ending| MODEL_FILES.contains(&ending));
		if kind.is_dir() {
			if entry.file_type().map_err(EngineError::io(&full))?.is_symlink() {
				let expected = "a folder or a file".to_owned();
				return Err(EngineError::content(&full, "the model's folder", expected, "a link to a folder".into()));
			}
			list_files(root, &path, depth + 1, found)?;
		} else if belongs {
			found.push(path);
		}
	}
	Ok(())
}

/// Size and SHA-256 of a file, whose bytes also go into the weights root.
fn hash_file(path: &Path, root: &mut WeightsRoot) -> Result<(u64, [u8; 32]), EngineError> {
	let mut file = File::open(path).map_err(EngineError::io(path))?;
	let (mut hasher, mut size, mut buffer) = (Sha256::new(), 0, vec![0; 1 << 20]);
	loop {
		let read = file.read(&mut buffer).map_err(EngineError::io(path))?;
		if read == 0 {
			root.end_file();
			return Ok((size, hasher.finalize().into()));
		}
		size += read as u64;
		hasher.update(&buffer[..read]);
		root.update(&buffer[..read]);
	}
}
