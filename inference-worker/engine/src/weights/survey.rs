//! What lies in a folder of weights, by its configuration files and the headers of its weights: nothing is loaded.

use super::folder::{pickle_in, pickle_refused};
use super::gguf::Gguf;
use super::header::{shown, Header};
use super::manifest::model_files;
use super::{Architecture, ModelFolder, ADAPTERS_FILE};
use crate::models::llama::LlamaConfig;
use crate::models::unet::UNet2DConditionConfig;
use crate::models::vae::AutoencoderKlConfig;
use crate::tokenizer::has_prompt_tokenizer;
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
/// Ending of files in ggml's format.
const GGUF: &str = ".gguf";
/// Settings of a UNet.
const UNET_CONFIG: &str = "unet/config.json";
/// Settings of an autoencoder.
const VAE_CONFIG: &str = "vae/config.json";
/// Pixels along a latent one, where nothing says otherwise.
const USUAL_SCALE: u32 = 8;
/// Folders with the settings of a checkpoint's parts.
const PARTS: [&str; 7] = ["scheduler", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "unet", "vae"];

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
	/// Values of all tensors of the networks that are run.
	pub fn parameters(&self) -> u64 {
		let run = self.parts.iter().filter(|part| self.is_run(part));
		run.fold(0, |sum: u64, part| sum.saturating_add(part.parameters))
	}

	/// Whether the pipeline runs a network. Others are published beside them, such as a safety checker, and adapters.
	pub fn is_run(&self, part: &SurveyPart) -> bool {
		match self.architecture {
			Architecture::TextToImage => {
				matches!(part.name.as_str(), "text_encoder" | "text_encoders" | "text_encoder_2" | "unet" | "vae")
			}
			Architecture::Llama => part.name == "model",
		}
	}
}

/// Whether a file lies in the model's folder itself and has tensors.
fn is_at_top(file: &str) -> bool {
	!file.contains('/') && file.ends_with(WEIGHTS)
}

/// The same of a file in ggml's format.
fn is_gguf_at_top(file: &str) -> bool {
	!file.contains('/') && file.ends_with(GGUF)
}

/// Whether a file may lie beside a checkpoint that was named by itself: settings, tokenizers, and adapters with their list.
fn goes_with_checkpoint(file: &str, has_adapters: bool) -> bool {
	match file.split_once('/') {
		None => file == ADAPTERS_FILE,
		Some((folder, _)) => has_adapters || PARTS.contains(&folder) && !file.ends_with(WEIGHTS),
	}
}

/// The folder of a model that is named by its folder, or by its one file of weights. Everything in a folder becomes part of the
/// model, so that a file among others which have nothing to do with it is refused: they would be published with it.
pub fn model_dir(path: &Path) -> Result<PathBuf, EngineError> {
	if !std::fs::metadata(path).map_err(EngineError::io(path))?.is_file() {
		return Ok(path.into());
	}
	let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
	let is_gguf = name.ends_with(GGUF);
	// What it is comes first: a pickle or a LoRA is none, wherever it lies.
	if is_gguf {
		Gguf::open(path)?;
	} else {
		let header = Header::open(path)?;
		if family(&header).is_none() {
			return Err(no_model(path, &header));
		}
	}
	let dir = match path.parent() {
		Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
		Some(parent) => parent,
		None => path,
	};
	let files = model_files(dir)?;
	if !files.iter().any(|file| file == name) {
		let expected = format!("a name that ends in {WEIGHTS} or {GGUF} and begins with no dot");
		return Err(EngineError::content(path, "the weights", expected, format!("{:?}", shown(name))));
	}
	if is_gguf && !files.iter().any(|file| file == CONFIG) {
		return Err(settings_missing(path));
	}
	let has_adapters = files.iter().any(|file| file == ADAPTERS_FILE);
	let belongs = |file: &str| match is_gguf {
		true => !file.ends_with(WEIGHTS) && !file.ends_with(GGUF),
		false => goes_with_checkpoint(file, has_adapters),
	};
	let strays: Vec<&str> = files.iter().map(String::as_str).filter(|file| *file != name && !belongs(file)).collect();
	if strays.is_empty() {
		return Ok(dir.into());
	}
	let mut found = strays.iter().take(3).map(|file| shown(file)).collect::<Vec<_>>().join(", ");
	if strays.len() > 3 {
		found = format!("{found} and {} more", strays.len() - 3);
	}
	let beside = if is_gguf { "its settings and tokenizer" } else { "its tokenizer in tokenizer/tokenizer.json" };
	let expected = format!("it alone in a folder with {beside}, since all files of the folder become the model");
	Err(EngineError::content(path, "the file", expected, format!("{found} beside it")))
}

/// Why a GGUF file is no model by itself.
fn settings_missing(path: &Path) -> EngineError {
	let expected = "config.json and the tokenizer's files of the model that it was made from, beside it".into();
	EngineError::content(path, "the model", expected, "a GGUF file without them".into())
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
		return llama(&folder, language_parts(&folder, &files)?);
	}
	let at_top: Vec<&String> = files.iter().filter(|file| is_at_top(file)).collect();
	if let [file] = at_top[..] {
		return checkpoint(&folder, &folder.path(file)?);
	}
	if let Some(pickle) = pickle_in(path) {
		return Err(pickle_refused(&pickle));
	}
	if let Some(file) = files.iter().find(|file| is_gguf_at_top(file)) {
		return Err(settings_missing(&folder.path(file)?));
	}
	let expected = format!("{MODEL_INDEX}, {CONFIG} or one checkpoint");
	Err(EngineError::content(path, "the folder", expected, format!("{} files of weights alone", at_top.len())))
}

/// What a checkpoint has, in the layout of the original Stable Diffusion code.
fn checkpoint(folder: &ModelFolder, path: &Path) -> Result<Survey, EngineError> {
	const NETWORKS: [(&str, &str); 4] = [
		("text_encoder", "cond_stage_model."),
		("text_encoders", "conditioner."),
		("unet", "model.diffusion_model."),
		("vae", "first_stage_model."),
	];
	let header = Header::open(path)?;
	let Some((class, usual)) = family(&header) else { return Err(no_model(path, &header)) };
	if !has_prompt_tokenizer(folder, "tokenizer") {
		let expected = "tokenizer/tokenizer.json beside it: CLIP's, the same for all models of Stable Diffusion".into();
		let found = "none, and no checkpoint has one in it".into();
		return Err(EngineError::content(path, "the checkpoint", expected, found));
	}
	let size = match folder.has(UNET_CONFIG) {
		true => {
			let scale = if folder.has(VAE_CONFIG) { vae_scale(folder)? } else { USUAL_SCALE };
			usual_size(folder, scale)?
		}
		false => Some(usual),
	};
	let mut parts = Vec::new();
	for (name, prefix) in NETWORKS {
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
	Ok(Survey { architecture: Architecture::TextToImage, class, parts, size, context: None })
}

/// Pixels along a latent one.
fn vae_scale(folder: &ModelFolder) -> Result<u32, EngineError> {
	let vae: AutoencoderKlConfig = folder.json(VAE_CONFIG)?;
	Ok(u32::try_from(vae.scale()).unwrap_or(u32::MAX))
}

/// Width and height of the usual picture in pixels, if the UNet's settings say so.
fn usual_size(folder: &ModelFolder, scale: u32) -> Result<Option<u32>, EngineError> {
	let unet: UNet2DConditionConfig = folder.json(UNET_CONFIG)?;
	Ok(unet.sample_size.and_then(|latent| u32::try_from(latent).ok()?.checked_mul(scale)))
}

fn text_to_image(folder: &ModelFolder, parts: Vec<SurveyPart>) -> Result<Survey, EngineError> {
	#[derive(Deserialize)]
	struct Index {
		#[serde(default, rename = "_class_name")]
		class_name: String,
		pixel_unshuffle: Option<u32>,
	}
	let index: Index = folder.json(MODEL_INDEX)?;
	let scale = match index.pixel_unshuffle {
		Some(n) => n,
		None => vae_scale(folder)?,
	};
	let size = usual_size(folder, scale)?;
	Ok(Survey { architecture: Architecture::TextToImage, class: shown(&index.class_name), parts, size, context: None })
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

/// The networks of a language model. Its weights are in the only GGUF file where no file of safetensors has them, as the engine
/// reads them.
fn language_parts(folder: &ModelFolder, files: &[String]) -> Result<Vec<SurveyPart>, EngineError> {
	let mut parts = parts(folder, files)?;
	let stored: Vec<&String> = files.iter().filter(|file| is_gguf_at_top(file)).collect();
	if let ([file], false) = (&stored[..], parts.iter().any(|part| part.name == "model")) {
		let gguf = Gguf::open(&folder.path(file)?)?;
		let tensors = gguf.header().tensors();
		let values = tensors.values().map(|tensor| {
			let dims = tensor.dims.iter().map(|dim| *dim as u64);
			dims.fold(1, |product: u64, dim| product.saturating_mul(dim))
		});
		parts.push(SurveyPart {
			name: "model".into(),
			files: 1,
			tensors: tensors.len(),
			parameters: values.fold(0, |sum: u64, part| sum.saturating_add(part)),
			dtypes: tensors.values().map(|tensor| tensor.kind.to_string()).collect(),
		});
	}
	Ok(parts)
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
	use crate::exactness::{
		as_gguf, llama_config, write_chat_model, write_checkpoint, write_latent_model, write_pixel_model,
	};
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
		let error = survey(dir.path()).unwrap_err().to_string();
		assert!(error.contains("sd.safetensors") && error.contains("tokenizer/tokenizer.json beside it"), "{error}");
		std::fs::create_dir(dir.path().join("tokenizer")).unwrap();
		std::fs::write(dir.path().join("tokenizer/tokenizer.json"), "{}").unwrap();
		assert_eq!(model_dir(&path).unwrap(), dir.path());
		let found = survey(dir.path()).unwrap();
		assert_eq!((found.class.as_str(), found.size), ("Stable Diffusion 1 checkpoint", Some(512)));
		let parts: Vec<_> = found.parts.iter().map(|part| (part.name.as_str(), part.parameters)).collect();
		assert_eq!(parts, [("text_encoder", 6), ("unet", 6), ("vae", 12)]);

		let lora = file("lora.safetensors", &["lora_unet_a"]);
		assert!(model_dir(&lora).unwrap_err().to_string().contains("found a LoRA"));
		let error = model_dir(&path).unwrap_err().to_string();
		assert!(error.contains("sd.safetensors") && error.contains("found lora.safetensors beside it"), "{error}");
	}

	#[test]
	fn file_should_be_refused_when_it_lies_among_files_of_something_else() {
		let (folder, dir) = (TempDir::new().unwrap(), TempDir::new().unwrap());
		write_latent_model(folder.path()).unwrap();
		let path = dir.path().join("little.safetensors");
		write_checkpoint(folder.path(), &path).unwrap();
		assert_eq!(model_dir(&path).unwrap(), dir.path());
		for name in ["a.txt", "b.json", "c.safetensors", "d.gguf", "e.png"] {
			std::fs::write(dir.path().join(name), "x").unwrap();
		}
		let error = model_dir(&path).unwrap_err().to_string();
		assert!(error.contains("found a.txt, b.json, c.safetensors and 1 more beside it"), "{error}");
		for name in ["a.txt", "b.json", "c.safetensors", "d.gguf"] {
			std::fs::remove_file(dir.path().join(name)).unwrap();
		}
		assert_eq!(model_dir(&path).unwrap(), dir.path());
		let hidden = dir.path().join(".little.safetensors");
		std::fs::rename(&path, &hidden).unwrap();
		assert!(model_dir(&hidden).unwrap_err().to_string().contains("begins with no dot"));
		std::fs::rename(&hidden, &path).unwrap();
		std::fs::create_dir(dir.path().join("safety_checker")).unwrap();
		std::fs::copy(&path, dir.path().join("safety_checker/model.safetensors")).unwrap();
		let error = model_dir(&path).unwrap_err().to_string();
		assert!(error.contains("found safety_checker/model.safetensors beside it"), "{error}");
	}

	#[test]
	fn checkpoint_should_have_the_size_that_the_settings_beside_it_say() {
		let (folder, dir) = (TempDir::new().unwrap(), TempDir::new().unwrap());
		write_latent_model(folder.path()).unwrap();
		let unet = UNet2DConditionConfig { sample_size: Some(24), ..crate::exactness::unet_config() };
		std::fs::write(folder.path().join(UNET_CONFIG), serde_json::to_vec(&unet).unwrap()).unwrap();
		write_checkpoint(folder.path(), &dir.path().join("little.safetensors")).unwrap();
		let (whole, single) = (survey(folder.path()).unwrap(), survey(dir.path()).unwrap());
		assert_eq!((whole.size, single.size), (Some(48), Some(48)));
		assert_eq!(whole.parameters(), single.parameters());
		std::fs::remove_file(dir.path().join(UNET_CONFIG)).unwrap();
		assert_eq!(survey(dir.path()).unwrap().size, Some(512));
	}

	#[test]
	fn networks_that_nothing_runs_should_not_be_counted() {
		let dir = TempDir::new().unwrap();
		write_latent_model(dir.path()).unwrap();
		let before = survey(dir.path()).unwrap();
		std::fs::create_dir(dir.path().join("safety_checker")).unwrap();
		let weights = dir.path().join("unet/diffusion_pytorch_model.safetensors");
		std::fs::copy(weights, dir.path().join("safety_checker/model.safetensors")).unwrap();
		let after = survey(dir.path()).unwrap();
		assert_eq!((after.parts.len(), after.parameters()), (before.parts.len() + 1, before.parameters()));
		let idle: Vec<_> = after.parts.iter().filter(|part| !after.is_run(part)).map(|part| &part.name).collect();
		assert_eq!(idle, ["safety_checker"]);
	}

	#[test]
	fn survey_should_count_what_a_gguf_file_has() {
		let dir = TempDir::new().unwrap();
		write_chat_model(dir.path()).unwrap();
		let before = survey(dir.path()).unwrap();
		as_gguf(dir.path(), &llama_config(), "llama").unwrap();
		let found = survey(dir.path()).unwrap();
		assert_eq!(found, before);
		assert!(found.parameters() > 0);
		let path = dir.path().join("model-f32.gguf");
		assert_eq!(model_dir(&path).unwrap(), dir.path());

		std::fs::copy(&path, dir.path().join("other.gguf")).unwrap();
		assert!(model_dir(&path).unwrap_err().to_string().contains("found other.gguf beside it"));
		std::fs::remove_file(dir.path().join("other.gguf")).unwrap();
		std::fs::remove_file(dir.path().join(CONFIG)).unwrap();
		for error in [model_dir(&path).unwrap_err(), survey(dir.path()).unwrap_err()] {
			let error = error.to_string();
			assert!(error.contains("model-f32.gguf") && error.contains("config.json and the tokenizer's"), "{error}");
		}
		std::fs::write(&path, "GGML").unwrap();
		assert!(model_dir(&path).unwrap_err().to_string().contains("a GGUF file with"));
	}
}
