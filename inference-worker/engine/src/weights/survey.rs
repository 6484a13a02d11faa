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
use std::path::Path;

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

/// Reads the configuration files of a folder and the headers of its weights, and says what they are.
///
/// Fails with the name of the file when it is no folder that this engine has a pipeline for. A single file is told by the
/// names of its tensors.
pub fn survey(path: &Path) -> Result<Survey, EngineError> {
	if std::fs::metadata(path).map_err(EngineError::io(path))?.is_file() {
		return Err(single_file(path));
	}
	let files = model_files(path)?;
	let folder = ModelFolder::new(path, files.iter().cloned());
	if folder.has(MODEL_INDEX) {
		return text_to_image(&folder, parts(&folder, &files)?);
	}
	if folder.has(CONFIG) {
		return llama(&folder, parts(&folder, &files)?);
	}
	if let Some(pickle) = pickle_in(path) {
		return Err(pickle_refused(&pickle));
	}
	let (expected, found) = match files.iter().find(|file| file.ends_with(WEIGHTS)) {
		Some(file) => ("with the weights", format!("{} alone", shown(file))),
		None => ("and weights", "neither".into()),
	};
	Err(EngineError::content(path, "the folder", format!("{MODEL_INDEX} or {CONFIG} {expected}"), found))
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

/// What a single file is, and why it is not enough.
fn single_file(path: &Path) -> EngineError {
	let header = match Header::open(path) {
		Ok(header) => header,
		Err(error) => return error,
	};
	let found = format!("{}, {} tensors with {} parameters", kind(&header), header.tensors.len(), header.parameters());
	let expected = "a folder as diffusers or transformers write it, which has the settings too".into();
	EngineError::content(path, "the model", expected, found)
}

/// What the tensors of a file belong to, by the layouts in use.
fn kind(header: &Header) -> &'static str {
	const KINDS: [(&str, &str); 12] = [
		("conditioner.embedders.1.", "a Stable Diffusion XL checkpoint"),
		("cond_stage_model.model.", "a Stable Diffusion 2 checkpoint"),
		("cond_stage_model.transformer.", "a Stable Diffusion 1 checkpoint"),
		("model.diffusion_model.", "a diffusion model without a text encoder"),
		("lora_unet_", "a LoRA in the layout of kohya, which needs a base model"),
		("lora_te", "a LoRA in the layout of kohya, which needs a base model"),
		("unet.", "a LoRA in the layout of diffusers, which needs a base model"),
		("emb_params", "a textual inversion, which needs a base model"),
		("text_model.", "a CLIP text encoder"),
		("decoder.conv_in.", "an autoencoder"),
		("down_blocks.", "a UNet"),
		("model.embed_tokens.", "a language model without its configuration"),
	];
	let found = KINDS.iter().find(|(prefix, _)| {
		let first = header.tensors.range(prefix.to_string()..).next();
		first.is_some_and(|(name, _)| name.starts_with(*prefix))
	});
	found.map_or("tensors of an unknown layout", |(_, kind)| *kind)
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
		refused(dir.path(), &["model_index.json or config.json", "found neither"]);
		std::fs::write(dir.path().join("pytorch_model.bin"), b"PK\x03\x04").unwrap();
		refused(dir.path(), &["pytorch_model.bin", ".safetensors file", "pickled checkpoint"]);

		let dir = TempDir::new().unwrap();
		write_pixel_model(dir.path()).unwrap();
		let weights = dir.path().join("unet/diffusion_pytorch_model.safetensors");
		refused(&weights, &["a folder as diffusers", "found a UNet", "parameters"]);
		let whole = std::fs::read(&weights).unwrap();
		std::fs::write(&weights, &whole[..whole.len() - 1]).unwrap();
		refused(dir.path(), &["unet/diffusion_pytorch_model.safetensors", "tensor ", "cut off"]);
	}
}
