//! What lies in a folder of weights, by its configuration files and the headers of its weights: nothing is loaded.

use super::folder::{pickle_in, pickle_refused};
use super::header::{shown, Header};
use super::manifest::model_files;
use super::{Architecture, ModelFolder};
use crate::models::llama::LlamaConfig;
use crate::models::unet::UNet2DConditionConfig;
use crate::models::vae::AutoencoderKlConfig;
use crate::EngineError;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Configuration of a diffusers folder.
const MODEL_INDEX: &str = "model_index.json";
/// Configuration of a transformers folder.
const CONFIG: &str = "config.json";
/// Ending of files with tensors.
const WEIGHTS: &str = ".safetensors";
/// Ending of files with the same tensors in half precision.
const HALF: &str = ".fp16.safetensors";

/// One network of a model.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SurveyPart {
	/// Folder below the model's; `model` for the folder itself.
	pub name: String,
	/// Files with tensors.
	pub files: usize,
	/// Tensors.
	pub tensors: usize,
	/// Values of all tensors.
	pub parameters: u64,
	/// Types of the values, such as `F16`.
	pub dtypes: BTreeSet<String>,
}

/// What a folder of weights is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Survey {
	/// The pipeline that runs it.
	pub architecture: Architecture,
	/// What its configuration calls it: a pipeline's class, or a network's.
	pub class: String,
	/// Its networks, by name.
	pub parts: Vec<SurveyPart>,
	/// Width and height of the usual picture, in pixels.
	pub size: Option<u32>,
	/// Tokens of the longest sequence.
	pub context: Option<u32>,
}

impl Survey {
	/// Values of all tensors.
	pub fn parameters(&self) -> u64 {
		self.parts.iter().fold(0, |sum: u64, part| sum.saturating_add(part.parameters))
	}
}

/// Whether a file lies in the model's folder itself and has tensors.
fn is_at_top(file: &str) -> bool {
	!file.contains('/') && file.ends_with(WEIGHTS)
}

/// The folder of a model that is named by its folder, or by its one file of weights. A file among others of its kind is refused:
/// a model is a folder, and they would belong to it.
pub fn model_dir(path: &Path) -> Result<PathBuf, EngineError> {
	if !std::fs::metadata(path).map_err(EngineError::io(path))?.is_file() {
		return Ok(path.into());
	}
	// What it is comes first: a pickle or a LoRA is none, wherever it lies.
	let header = Header::open(path)?;
	if family(&header).is_none() {
		return Err(no_model(path, &header));
	}
	let dir = match path.parent() {
		Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
		Some(parent) => parent,
		None => path,
	};
	let others = model_files(dir)?.into_iter().filter(|file| is_at_top(file)).count();
	match others {
		1 => Ok(dir.into()),
		_ => {
			let expected = "it alone in a folder, with its tokenizer in tokenizer/tokenizer.json".into();
			let found = format!("{others} files of weights in its folder");
			Err(EngineError::content(path, "the checkpoint", expected, found))
		}
	}
}

/// Reads the configuration files of a folder and the headers of its weights, and says what they are.
///
/// Fails with the name of the file when it is no folder that this engine has a pipeline for. A checkpoint, which has all
/// networks in one file, is told by the names of its tensors.
pub fn survey(path: &Path) -> Result<Survey, EngineError> {
	let files = model_files(path)?;
	let folder = ModelFolder::new(path, files.iter().cloned());
	if folder.has(MODEL_INDEX) {
		return text_to_image(&folder, parts(&folder, &files)?);
	}
	if folder.has(CONFIG) {
		return llama(&folder, parts(&folder, &files)?);
	}
	let at_top: Vec<&String> = files.iter().filter(|file| is_at_top(file)).collect();
	if let [file] = at_top[..] {
		return checkpoint(&folder.path(file)?);
	}
	if let Some(pickle) = pickle_in(path) {
		return Err(pickle_refused(&pickle));
	}
	let expected = format!("{MODEL_INDEX}, {CONFIG} or one checkpoint");
	Err(EngineError::content(path, "the folder", expected, format!("{} files of weights alone", at_top.len())))
}

/// What a checkpoint has, in the layout of the original Stable Diffusion code.
fn checkpoint(path: &Path) -> Result<Survey, EngineError> {
	const PARTS: [(&str, &str); 4] = [
		("text_encoder", "cond_stage_model."),
		("text_encoders", "conditioner."),
		("unet", "model.diffusion_model."),
		("vae", "first_stage_model."),
	];
	let header = Header::open(path)?;
	let Some((class, size)) = family(&header) else { return Err(no_model(path, &header)) };
	let mut parts = Vec::new();
	for (name, prefix) in PARTS {
		let mut part = SurveyPart { name: name.into(), files: 1, ..SurveyPart::default() };
		for (_, entry) in header.tensors.iter().filter(|(tensor, _)| tensor.starts_with(prefix)) {
			part.tensors += 1;
			part.parameters = part.parameters.saturating_add(entry.elements());
			part.dtypes.insert(entry.dtype.clone());
		}
		if part.tensors > 0 {
			parts.push(part);
		}
	}
	let class = class.to_owned();
	Ok(Survey { architecture: Architecture::TextToImage, class, parts, size: Some(size), context: None })
}

fn text_to_image(folder: &ModelFolder, parts: Vec<SurveyPart>) -> Result<Survey, EngineError> {
	#[derive(Deserialize)]
	struct Index {
		#[serde(default, rename = "_class_name")]
		class_name: String,
		pixel_unshuffle: Option<u32>,
	}
	let index: Index = folder.json(MODEL_INDEX)?;
	let unet: UNet2DConditionConfig = folder.json("unet/config.json")?;
	let scale = match index.pixel_unshuffle {
		Some(n) => n,
		None => {
			let vae: AutoencoderKlConfig = folder.json("vae/config.json")?;
			u32::try_from(vae.scale()).unwrap_or(u32::MAX)
		}
	};
	let size = unet.sample_size.and_then(|latent| u32::try_from(latent).ok()?.checked_mul(scale));
	Ok(Survey {
		architecture: Architecture::TextToImage,
		class: shown(&index.class_name),
		parts,
		size,
		context: None,
	})
}

fn llama(folder: &ModelFolder, parts: Vec<SurveyPart>) -> Result<Survey, EngineError> {
	#[derive(Deserialize)]
	struct Head {
		#[serde(default)]
		architectures: Vec<String>,
	}
	let Head { architectures } = folder.json(CONFIG)?;
	let config: LlamaConfig = folder.json(CONFIG)?;
	Ok(Survey {
		architecture: Architecture::Llama,
		class: architectures.first().map(|class| shown(class)).unwrap_or_default(),
		parts,
		size: None,
		context: u32::try_from(config.max_position_embeddings).ok(),
	})
}

/// The networks of a folder: one for each folder with weights. A file in half precision beside the whole one is passed over,
/// as the engine does.
fn parts(folder: &ModelFolder, files: &[String]) -> Result<Vec<SurveyPart>, EngineError> {
	let mut parts: BTreeMap<&str, SurveyPart> = BTreeMap::new();
	for file in files.iter().filter(|file| file.ends_with(WEIGHTS)) {
		let whole = file.strip_suffix(HALF).map(|stem| format!("{stem}{WEIGHTS}"));
		if whole.is_some_and(|whole| folder.has(&whole)) {
			continue;
		}
		let header = Header::open(&folder.path(file)?)?;
		let name = file.rsplit_once('/').map_or("model", |(below, _)| below);
		let part = parts.entry(name).or_insert_with(|| SurveyPart { name: name.into(), ..SurveyPart::default() });
		part.files += 1;
		part.tensors += header.tensors.len();
		part.parameters = part.parameters.saturating_add(header.parameters());
		part.dtypes.extend(header.tensors.into_values().map(|entry| entry.dtype));
	}
	Ok(parts.into_values().collect())
}

/// Whether a file has a tensor whose name begins so.
fn has(header: &Header, prefix: &str) -> bool {
	let first = header.tensors.range(prefix.to_owned()..).next();
	first.is_some_and(|(name, _)| name.starts_with(prefix))
}

/// Of a checkpoint, what it is and the width of its usual picture in pixels.
fn family(header: &Header) -> Option<(&'static str, u32)> {
	const FAMILIES: [(&str, &str, u32); 3] = [
		("conditioner.embedders.1.", "Stable Diffusion XL checkpoint", 1024),
		("cond_stage_model.model.", "Stable Diffusion 2 checkpoint", 768),
		("cond_stage_model.transformer.", "Stable Diffusion 1 checkpoint", 512),
	];
	let found = FAMILIES.into_iter().find(|(prefix, ..)| has(header, prefix));
	found.filter(|_| has(header, "model.diffusion_model.")).map(|(_, name, size)| (name, size))
}

/// Why a file of weights is no model by itself.
fn no_model(path: &Path, header: &Header) -> EngineError {
	const KINDS: [(&str, &str); 9] = [
		("model.diffusion_model.", "a diffusion model without its text encoder"),
		("lora_unet_", "a LoRA in the layout of kohya, which needs a base model"),
		("lora_te", "a LoRA in the layout of kohya, which needs a base model"),
		("unet.", "a LoRA in the layout of diffusers, which needs a base model"),
		("emb_params", "a textual inversion, which needs a base model"),
		("text_model.", "a CLIP text encoder"),
		("decoder.conv_in.", "an autoencoder"),
		("down_blocks.", "a UNet"),
		("model.embed_tokens.", "a language model without its settings"),
	];
	let known = KINDS.iter().find(|(prefix, _)| has(header, prefix));
	let kind = known.map_or("tensors of an unknown layout", |(_, kind)| *kind);
	let found = format!("{kind}, {} tensors with {} parameters", header.tensors.len(), header.parameters());
	let expected = "a folder as diffusers or transformers write it, or a checkpoint of Stable Diffusion".into();
	EngineError::content(path, "the model", expected, found)
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::exactness::{write_chat_model, write_latent_model, write_pixel_model};
	use tempfile::TempDir;

	#[test]
	fn survey_should_tell_networks_and_sizes_of_a_folder() {
		let dir = TempDir::new().unwrap();
		write_latent_model(dir.path()).unwrap();
		let found = survey(dir.path()).unwrap();
		assert_eq!(found.architecture, Architecture::TextToImage);
		let names: Vec<_> = found.parts.iter().map(|part| part.name.as_str()).collect();
		assert_eq!(names, ["text_encoder", "unet", "vae"]);
		assert!(found.parts.iter().all(|part| part.parameters > 0 && part.tensors > 0 && part.files == 1));
		assert_eq!(found.parts[1].dtypes.iter().collect::<Vec<_>>(), ["F32"]);

		let dir = TempDir::new().unwrap();
		write_chat_model(dir.path()).unwrap();
		let found = survey(dir.path()).unwrap();
		assert_eq!((found.architecture, found.parts.len(), found.size), (Architecture::Llama, 1, None));
		assert!(found.context.is_some() && found.parameters() == found.parts[0].parameters);
	}

	#[test]
	fn survey_should_be_refused_with_what_was_found() {
		let dir = TempDir::new().unwrap();
		let refused = |path: &Path, words: &[&str]| {
			let error = survey(path).unwrap_err().to_string();
			for word in words {
				assert!(error.contains(word), "no {word:?} in: {error}");
			}
		};
		refused(&dir.path().join("nowhere"), &["nowhere"]);
		refused(dir.path(), &["model_index.json, config.json or one checkpoint", "found 0 files"]);
		std::fs::write(dir.path().join("pytorch_model.bin"), b"PK\x03\x04").unwrap();
		refused(dir.path(), &["pytorch_model.bin", ".safetensors file", "pickled checkpoint"]);

		let dir = TempDir::new().unwrap();
		write_pixel_model(dir.path()).unwrap();
		let weights = dir.path().join("unet/diffusion_pytorch_model.safetensors");
		let error = model_dir(&weights).unwrap_err().to_string();
		assert!(error.contains("a folder as diffusers") && error.contains("found a UNet"), "{error}");
		assert_eq!(model_dir(dir.path()).unwrap(), dir.path());
		let whole = std::fs::read(&weights).unwrap();
		std::fs::write(&weights, &whole[..whole.len() - 1]).unwrap();
		refused(dir.path(), &["unet/diffusion_pytorch_model.safetensors", "tensor ", "cut off"]);
	}

	#[test]
	fn survey_should_tell_a_checkpoint_by_the_names_of_its_tensors() {
		let dir = TempDir::new().unwrap();
		let file = |name: &str, tensors: &[&str]| {
			let one = candle_core::Tensor::zeros((2, 3), candle_core::DType::F16, &candle_core::Device::Cpu).unwrap();
			let tensors: std::collections::HashMap<String, _> =
				tensors.iter().map(|tensor| (tensor.to_string(), one.clone())).collect();
			let path = dir.path().join(name);
			candle_core::safetensors::save(&tensors, &path).unwrap();
			path
		};
		let names = ["model.diffusion_model.a", "first_stage_model.b", "first_stage_model.c"];
		let path = file("sd.safetensors", &[&names[..], &["cond_stage_model.transformer.d"]].concat());
		assert_eq!(model_dir(&path).unwrap(), dir.path());
		let found = survey(dir.path()).unwrap();
		assert_eq!((found.class.as_str(), found.size), ("Stable Diffusion 1 checkpoint", Some(512)));
		let parts: Vec<_> = found.parts.iter().map(|part| (part.name.as_str(), part.parameters)).collect();
		assert_eq!(parts, [("text_encoder", 6), ("unet", 6), ("vae", 12)]);

		let lora = file("lora.safetensors", &["lora_unet_a"]);
		assert!(model_dir(&lora).unwrap_err().to_string().contains("found a LoRA"));
		let error = model_dir(&path).unwrap_err().to_string();
		assert!(error.contains("sd.safetensors") && error.contains("found 2 files of weights"), "{error}");
	}
}
