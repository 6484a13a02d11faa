//! Access to a model's files: only those that the manifest lists, so that nothing unverified is ever read.

use super::bounds;
use super::header::{shown, Header};
use crate::EngineError;
use autonomy_kernels::check_finite;
use candle_core::safetensors::MmapedSafetensors;
use candle_core::{DType, Device, Shape, Tensor};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::VarBuilder;
use serde::de::DeserializeOwned;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

/// Most bytes of a file that is read whole: settings, a tokenizer, a list of shards. The largest tokenizers have 35 MB.
pub const MAX_TEXT_BYTES: u64 = 64 << 20;
/// Endings of checkpoints that are pickles: reading one runs whatever code is in it.
const PICKLES: [&str; 5] = ["bin", "ckpt", "pt", "pth", "pkl"];

/// The bytes of a file, which is refused when it has more than `most`. Takes memory for bytes that are there only.
pub(super) fn read_within(path: &Path, most: u64) -> Result<Vec<u8>, EngineError> {
	let mut bytes = Vec::new();
	let file = File::open(path).map_err(EngineError::io(path))?;
	file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(EngineError::io(path))?;
	match bytes.len() as u64 > most {
		true => Err(EngineError::content(path, "the file", format!("at most {most} bytes"), "more".into())),
		false => Ok(bytes),
	}
}

/// The first checkpoint in a folder that is a pickle.
pub(super) fn pickle_in(dir: &Path) -> Option<PathBuf> {
	let is_pickle = |path: &PathBuf| {
		let ending = path.extension().and_then(|ending| ending.to_str());
		ending.is_some_and(|ending| PICKLES.contains(&ending.to_ascii_lowercase().as_str()))
	};
	std::fs::read_dir(dir).ok()?.filter_map(|entry| Some(entry.ok()?.path())).filter(is_pickle).min()
}

/// Why a pickle is not opened.
pub(super) fn pickle_refused(path: &Path) -> EngineError {
	let found = "a pickled checkpoint, which can run code when it is read: save the model as safetensors";
	EngineError::content(path, "the weights", "a .safetensors file".into(), found.into())
}

/// Counters and positions that published files keep beside the weights, as whole numbers; nothing reads them.
const NOT_WEIGHTS: [&str; 3] = ["position_ids", "num_updates", "global_step"];

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

	/// The folder itself, for messages.
	pub fn dir(&self) -> &Path {
		&self.dir
	}

	/// Paths of the files that may be read, in order.
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
			false => Err(missing(&full)),
		}
	}

	/// The bytes of a file of at most [`MAX_TEXT_BYTES`].
	pub fn read(&self, path: &str) -> Result<Vec<u8>, EngineError> {
		read_within(&self.path(path)?, MAX_TEXT_BYTES)
	}

	/// A JSON file. The numbers of a configuration are held to bounds first, since they become sizes of tables and loops.
	pub fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T, EngineError> {
		let (full, bytes) = (self.path(path)?, self.read(path)?);
		if bounds::applies(path) {
			let config: Value = serde_json::from_slice(&bytes).map_err(EngineError::json(&full))?;
			bounds::check(&full, &config)?;
		}
		serde_json::from_slice(&bytes).map_err(EngineError::json(&full))
	}

	/// The tensors of `{component}/{stem}.safetensors`, of its `.fp16` variant, or of the shards that its index names.
	/// f16 and bf16 are widened to f32, which is exact. An empty component is the folder itself.
	///
	/// The headers are compared with the files before anything is mapped, see [`Header`], and an index with the shards. What
	/// is asked for must have the right shape and hold finite numbers only.
	pub fn tensors(&self, component: &str, stem: &str) -> Result<VarBuilder<'static>, EngineError> {
		let prefix = if component.is_empty() { String::new() } else { format!("{component}/") };
		let single = [format!("{prefix}{stem}.safetensors"), format!("{prefix}{stem}.fp16.safetensors")];
		let index = format!("{prefix}{stem}.safetensors.index.json");
		let mut shards = BTreeMap::new();
		let files: Vec<String> = if let Some(file) = single.iter().find(|file| self.has(file)) {
			vec![file.clone()]
		} else if self.has(&index) {
			shards = self.shards(&index, &prefix)?;
			shards.values().cloned().collect::<BTreeSet<_>>().into_iter().collect()
		} else {
			let wanted = self.dir.join(&single[0]);
			let pickle = wanted.parent().and_then(pickle_in);
			return Err(match pickle {
				Some(pickle) => pickle_refused(&pickle),
				None => missing(&wanted),
			});
		};
		let paths = files.iter().map(|file| self.path(file)).collect::<Result<Vec<_>, _>>()?;
		let places = places(&paths)?;
		for (tensor, shard) in &shards {
			let found = match places.get(tensor) {
				Some(place) if *place == self.dir.join(shard) => continue,
				Some(place) => format!("it in {}", place.display()),
				None => "no such tensor".into(),
			};
			let (index, what) = (self.dir.join(&index), format!("tensor {}", shown(tensor)));
			return Err(EngineError::content(&index, &what, format!("it in {shard}, as the index says"), found));
		}
		let name = || files.join(", ");
		// SAFETY: the map is read only while the network is built, right after the files were verified; whoever changes
		// them in that moment has the operator's rights and could change the process as well.
		let tensors = unsafe { MmapedSafetensors::multi(&paths) }.map_err(EngineError::network(&name()))?;
		for (tensor, view) in tensors.tensors() {
			let dtype = view.dtype();
			if NOT_WEIGHTS.iter().any(|name| tensor.ends_with(name)) {
				continue;
			}
			if !matches!(DType::try_from(dtype), Ok(DType::F32 | DType::F16 | DType::BF16)) {
				let path = places.get(&tensor).cloned().unwrap_or_else(|| self.dir.clone());
				let (what, found) = (format!("tensor {}", shown(&tensor)), format!("{dtype:?}"));
				return Err(EngineError::content(&path, &what, "values of type F32, F16 or BF16".into(), found));
			}
		}
		let backend = Mapped { tensors, places, files: name() };
		Ok(VarBuilder::from_backend(Box::new(backend), DType::F32, Device::Cpu))
	}

	/// The file of each tensor, relative to the folder, as an index says. Every shard lies beside the index.
	fn shards(&self, index: &str, prefix: &str) -> Result<BTreeMap<String, String>, EngineError> {
		#[derive(Deserialize)]
		struct Index {
			weight_map: BTreeMap<String, String>,
		}
		let (full, Index { weight_map }) = (self.path(index)?, self.json(index)?);
		if weight_map.is_empty() {
			let expected = "the file of each tensor".to_owned();
			return Err(EngineError::content(&full, "weight_map", expected, "no entries".into()));
		}
		let mut shards = BTreeMap::new();
		for (tensor, shard) in weight_map {
			let mut parts = Path::new(&shard).components();
			let is_beside = match (parts.next(), parts.next()) {
				(Some(Component::Normal(name)), None) => name == shard.as_str(),
				_ => false,
			};
			let file = format!("{prefix}{shard}");
			if !is_beside || !shard.ends_with(".safetensors") || !self.has(&file) {
				let expected = "a .safetensors file of the model, beside the index".to_owned();
				let what = format!("the file of tensor {}", shown(&tensor));
				return Err(EngineError::content(&full, &what, expected, format!("{:?}", shown(&shard))));
			}
			shards.insert(tensor, file);
		}
		Ok(shards)
	}
}

fn missing(path: &Path) -> EngineError {
	let missing = std::io::Error::new(std::io::ErrorKind::NotFound, "not among the files of the manifest");
	EngineError::io(path)(missing)
}

/// Which file each tensor is in, by their headers. Two files with the same tensor are refused: one of them would not count.
fn places(paths: &[PathBuf]) -> Result<BTreeMap<String, PathBuf>, EngineError> {
	let mut places: BTreeMap<String, PathBuf> = BTreeMap::new();
	for path in paths {
		for tensor in Header::open(path)?.tensors.into_keys() {
			let what = format!("tensor {}", shown(&tensor));
			if let Some(before) = places.insert(tensor, path.clone()) {
				let found = format!("it in {} too", before.display());
				return Err(EngineError::content(path, &what, "each tensor in one file".into(), found));
			}
		}
	}
	Ok(places)
}

/// Tensors of mapped files. Like Candle's own backend, with messages that name file, tensor and shapes.
struct Mapped {
	tensors: MmapedSafetensors,
	places: BTreeMap<String, PathBuf>,
	/// All files, for messages.
	files: String,
}

impl SimpleBackend for Mapped {
	fn get(
		&self,
		shape: Shape,
		name: &str,
		_: candle_nn::Init,
		dtype: DType,
		device: &Device,
	) -> candle_core::Result<Tensor> {
		// Before anything is converted: a tensor of a wrong shape may be much larger than the right one.
		if let (Ok(view), Some(place)) = (self.tensors.get(name), self.places.get(name)) {
			if view.shape() != shape.dims() {
				candle_core::bail!(
					"{}: tensor {name} has shape {:?}, the configuration asks for {shape:?}",
					place.display(),
					view.shape()
				);
			}
		}
		self.get_unchecked(name, dtype, device)
	}

	fn get_unchecked(&self, name: &str, dtype: DType, device: &Device) -> candle_core::Result<Tensor> {
		let Some(place) = self.places.get(name) else {
			candle_core::bail!("tensor {name} is missing; the files are {}", self.files);
		};
		let tensor = self.tensors.load(name, device)?.to_dtype(dtype)?;
		if let Err(found) = check_finite(&tensor) {
			candle_core::bail!(
				"{}: tensor {name}: expected finite numbers, found {} as value {} of shape {:?}",
				place.display(),
				found.value,
				found.index,
				found.shape
			);
		}
		Ok(tensor)
	}

	fn contains_tensor(&self, name: &str) -> bool {
		self.places.contains_key(name)
	}
}
