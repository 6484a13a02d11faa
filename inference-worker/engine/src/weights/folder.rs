//! Access to a model's files: only those that the manifest lists, so that nothing unverified is ever read.

use crate::EngineError;
use candle_core::safetensors::MmapedSafetensors;
use candle_core::{DType, Device, Shape, Tensor};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::VarBuilder;
use serde::de::DeserializeOwned;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A folder and the files below it that may be read.
#[derive(Clone, Debug)]
pub struct ModelFolder {
	dir: PathBuf,
	files: BTreeSet<String>,
}

impl ModelFolder {
	/// A folder of which only `files` (relative paths with `/`) are read.
	pub fn new(dir: &Path, files: impl IntoIterator<Item = String>) -> Self {
		Self { dir: dir.into(), files: files.into_iter().collect() }
	}

	/// The folder itself.
	pub fn dir(&self) -> &Path {
		&self.dir
	}

	/// The files of the model, sorted.
	pub fn files(&self) -> impl Iterator<Item = &str> {
		self.files.iter().map(String::as_str)
	}

	/// Whether the model has the file.
	pub fn has(&self, path: &str) -> bool {
		self.files.contains(path)
	}

	/// The path of a file of the model, for messages and libraries.
	pub fn path(&self, path: &str) -> Result<PathBuf, EngineError> {
		let full = self.dir.join(path);
		match self.has(path) {
			true => Ok(full),
			false => {
				let missing = std::io::Error::new(std::io::ErrorKind::NotFound, "not among the files of the manifest");
				Err(EngineError::io(&full)(missing))
			}
		}
	}

	/// The bytes of a file.
	pub fn read(&self, path: &str) -> Result<Vec<u8>, EngineError> {
		let full = self.path(path)?;
		std::fs::read(&full).map_err(EngineError::io(&full))
	}

	/// A JSON file.
	pub fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T, EngineError> {
		let full = self.path(path)?;
		serde_json::from_slice(&self.read(path)?).map_err(EngineError::json(&full))
	}

	/// The tensors of `{component}/{stem}.safetensors`, of its `.fp16` variant, or of the shards that its index names.
	/// f16 and bf16 are widened to f32, which is exact. An empty component is the folder itself.
	pub fn tensors(&self, component: &str, stem: &str) -> Result<VarBuilder<'static>, EngineError> {
		let prefix = if component.is_empty() { String::new() } else { format!("{component}/") };
		let single = [format!("{prefix}{stem}.safetensors"), format!("{prefix}{stem}.fp16.safetensors")];
		let index = format!("{prefix}{stem}.safetensors.index.json");
		let files: Vec<String> = if let Some(file) = single.iter().find(|file| self.has(file)) {
			vec![file.clone()]
		} else if self.has(&index) {
			#[derive(Deserialize)]
			struct Index {
				weight_map: BTreeMap<String, String>,
			}
			let index: Index = self.json(&index)?;
			let shards: BTreeSet<&String> = index.weight_map.values().collect();
			shards.into_iter().map(|shard| format!("{prefix}{shard}")).collect()
		} else {
			return self.path(&single[0]).map(|_| unreachable!("the file was looked for above"));
		};
		let paths = files.iter().map(|file| self.path(file)).collect::<Result<Vec<_>, _>>()?;
		let name = || files.join(", ");
		// SAFETY: the map is read only while the network is built, right after the files were verified; whoever changes
		// them in that moment has the operator's rights and could change the process as well.
		let tensors = unsafe { MmapedSafetensors::multi(&paths) }.map_err(EngineError::network(&name()))?;
		for (tensor, view) in tensors.tensors() {
			let dtype = view.dtype();
			if !matches!(DType::try_from(dtype), Ok(DType::F32 | DType::F16 | DType::BF16)) {
				let why = format!("tensor {tensor} is {dtype:?}; F32, F16 and BF16 are supported");
				return Err(EngineError::Unsupported { path: paths[0].clone(), why });
			}
		}
		Ok(VarBuilder::from_backend(Box::new(Mapped(tensors)), DType::F32, Device::Cpu))
	}
}

/// Tensors of mapped files. Like Candle's own backend, with messages that name tensor and shapes.
struct Mapped(MmapedSafetensors);

impl SimpleBackend for Mapped {
	fn get(
		&self,
		shape: Shape,
		name: &str,
		_: candle_nn::Init,
		dtype: DType,
		device: &Device,
	) -> candle_core::Result<Tensor> {
		let tensor = self.get_unchecked(name, dtype, device)?;
		if tensor.shape() != &shape {
			candle_core::bail!("tensor {name} has shape {:?}, the configuration asks for {shape:?}", tensor.shape());
		}
		Ok(tensor)
	}

	fn get_unchecked(&self, name: &str, dtype: DType, device: &Device) -> candle_core::Result<Tensor> {
		if self.0.get(name).is_err() {
			candle_core::bail!("tensor {name} is missing");
		}
		self.0.load(name, device)?.to_dtype(dtype)
	}

	fn contains_tensor(&self, name: &str) -> bool {
		self.0.get(name).is_ok()
	}
}
