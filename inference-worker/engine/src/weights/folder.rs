//! Access to a model's files: only those that the manifest lists, so that nothing unverified is ever read.

use super::bounds;
use super::gguf::GgufType;
use super::header::{shown, Header, TensorEntry};
use super::settings;
use crate::EngineError;
use autonomy_kernels::check_finite;
use candle_core::{DType, Device, Shape, Tensor};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::VarBuilder;
use memmap2::MmapOptions;
use serde::de::DeserializeOwned;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
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

/// The text of a JSON file with a string for each number that JSON does not have: Python writes `Infinity`, `-Infinity` and
/// `NaN`, and diffusers one of them into the settings of DPM++. A setting that is read and must be a number refuses it.
fn in_plain_json(text: &[u8]) -> Vec<u8> {
	const NUMBERS: [&[u8]; 3] = [b"-Infinity", b"Infinity", b"NaN"];
	let (mut plain, mut rest, mut in_string) = (Vec::with_capacity(text.len()), text, false);
	while let [first, after @ ..] = rest {
		match (in_string, NUMBERS.iter().find(|number| rest.starts_with(number))) {
			(false, Some(number)) => {
				plain.push(b'"');
				plain.extend_from_slice(number);
				plain.push(b'"');
				rest = rest.strip_prefix(*number).unwrap_or_default();
				continue;
			}
			(true, _) if *first == b'\\' => {
				// Whatever follows belongs to the string.
				plain.push(*first);
				plain.extend(after.first());
				rest = after.get(1..).unwrap_or_default();
				continue;
			}
			_ => in_string ^= *first == b'"',
		}
		plain.push(*first);
		rest = after;
	}
	plain
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

	/// A JSON file, also as Python writes it. The numbers of a configuration are held to bounds first, since they become
	/// sizes of tables and loops, and settings that nothing here follows are refused.
	pub fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T, EngineError> {
		let (full, bytes) = (self.path(path)?, in_plain_json(&self.read(path)?));
		if bounds::applies(path) {
			let config: Value = serde_json::from_slice(&bytes).map_err(EngineError::json(&full))?;
			bounds::check(&full, &config)?;
			settings::check(&full, path, &config)?;
		}
		serde_json::from_slice(&bytes).map_err(EngineError::json(&full))
	}

	/// The tensors of `{component}/{stem}.safetensors`, of its `.fp16` variant, or of the shards that its index names.
	/// f16 and bf16 are widened to f32, which is exact. An empty component is the folder itself.
	///
	/// The headers are compared with the files before anything is mapped, see [`Header`], and an index with the shards. What
	/// is asked for must have the right shape and hold finite numbers only. It is converted once, there and then; while it is,
	/// a few MiB of its file are mapped, and afterwards nothing.
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
		let mut stored = Stored { files: vec![], tensors: BTreeMap::new() };
		for path in paths {
			stored.add(path)?;
		}
		for (tensor, shard) in &shards {
			let found = match stored.path(tensor) {
				Some(place) if place == self.dir.join(shard) => continue,
				Some(place) => format!("it in {}", place.display()),
				None => "no such tensor".into(),
			};
			let (index, what) = (self.dir.join(&index), format!("tensor {}", shown(tensor)));
			return Err(EngineError::content(&index, &what, format!("it in {shard}, as the index says"), found));
		}
		stored.check_types()?;
		Ok(VarBuilder::from_backend(Box::new(stored), DType::F32, Device::Cpu))
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

/// Bytes of a file that are mapped at a time: so many that mapping costs nothing, so few that they do not count beside the
/// values. A whole number of values of every type.
const WINDOW: u64 = 4 << 20;

/// Tensors of opened files. Each is widened when it is asked for, window by window: no part of a file stays mapped, and
/// nothing but the values stays in memory.
struct Stored {
	files: Vec<(PathBuf, File)>,
	tensors: BTreeMap<String, Place>,
}

/// Where a tensor is.
struct Place {
	/// Of the files.
	file: usize,
	/// Bytes from the beginning of the file.
	start: u64,
	entry: TensorEntry,
}

impl Place {
	/// The type of the values, if they are weights.
	fn kind(&self) -> Option<GgufType> {
		match self.entry.dtype.as_str() {
			"F32" => Some(GgufType::F32),
			"F16" => Some(GgufType::F16),
			"BF16" => Some(GgufType::BF16),
			_ => None,
		}
	}

	fn has_shape(&self, shape: &Shape) -> bool {
		self.entry.shape.iter().copied().eq(shape.dims().iter().map(|length| *length as u64))
	}

	/// Appends the values, which are those of `file`, `window` bytes at a time.
	fn widen(&self, file: &File, kind: GgufType, window: u64, values: &mut Vec<f32>) -> io::Result<()> {
		let (from, to) = self.entry.data_offsets;
		let mut done = 0;
		while done < to - from {
			let length = window.min(to - from - done);
			// SAFETY: the map is read here and now, while the network is built, right after the files were verified; whoever
			// changes them in that moment has the operator's rights and could change the process as well.
			let bytes = unsafe { MmapOptions::new().offset(self.start + done).len(length as usize).map(file) }?;
			kind.widen(&bytes, values);
			done += length;
		}
		Ok(())
	}
}

impl Stored {
	/// Reads a header. Two files with the same tensor are refused: one of them would not count.
	fn add(&mut self, path: PathBuf) -> Result<(), EngineError> {
		let file = File::open(&path).map_err(EngineError::io(&path))?;
		let size = file.metadata().map_err(EngineError::io(&path))?.len();
		let header = Header::read(&path, &file, size)?;
		let begin = size.saturating_sub(header.bytes());
		for (tensor, entry) in header.tensors {
			if let Some(before) = self.path(&tensor) {
				let (what, found) = (format!("tensor {}", shown(&tensor)), format!("it in {} too", before.display()));
				return Err(EngineError::content(&path, &what, "each tensor in one file".into(), found));
			}
			let start = begin + entry.data_offsets.0;
			self.tensors.insert(tensor, Place { file: self.files.len(), start, entry });
		}
		self.files.push((path, file));
		Ok(())
	}

	/// The file of a tensor.
	fn path(&self, tensor: &str) -> Option<&Path> {
		let (path, _) = self.files.get(self.tensors.get(tensor)?.file)?;
		Some(path)
	}

	/// Whether all weights are of a type that can be widened.
	fn check_types(&self) -> Result<(), EngineError> {
		let is_weight = |tensor: &str| !NOT_WEIGHTS.iter().any(|name| tensor.ends_with(name));
		let wrong = self.tensors.iter().find(|(tensor, place)| is_weight(tensor) && place.kind().is_none());
		match wrong {
			None => Ok(()),
			Some((tensor, place)) => {
				let (what, found) = (format!("tensor {}", shown(tensor)), place.entry.dtype.clone());
				let path = self.path(tensor).unwrap_or(Path::new(""));
				Err(EngineError::content(path, &what, "values of type F32, F16 or BF16".into(), found))
			}
		}
	}
}

impl SimpleBackend for Stored {
	fn get(
		&self,
		shape: Shape,
		name: &str,
		_: candle_nn::Init,
		dtype: DType,
		device: &Device,
	) -> candle_core::Result<Tensor> {
		// Before anything is converted: a tensor of a wrong shape may be much larger than the right one.
		if let (Some(place), Some(path)) = (self.tensors.get(name), self.path(name)) {
			if !place.has_shape(&shape) {
				candle_core::bail!(
					"{}: tensor {name} has shape {:?}, the configuration asks for {shape:?}",
					path.display(),
					place.entry.shape
				);
			}
		}
		self.get_unchecked(name, dtype, device)
	}

	fn get_unchecked(&self, name: &str, dtype: DType, device: &Device) -> candle_core::Result<Tensor> {
		let found = self.tensors.get(name).and_then(|place| Some((place, self.files.get(place.file)?)));
		let Some((place, (path, file))) = found else {
			let files: Vec<String> = self.files.iter().map(|(path, _)| path.display().to_string()).collect();
			candle_core::bail!("tensor {name} is missing; the files are {}", files.join(", "));
		};
		let path = path.display();
		let Some(kind) = place.kind() else {
			candle_core::bail!("{path}: tensor {name} has values of type {}, which are no weights", place.entry.dtype);
		};
		// The header agrees with the file: there are as many values.
		let mut values = Vec::with_capacity(place.entry.elements() as usize);
		if let Err(error) = place.widen(file, kind, WINDOW, &mut values) {
			candle_core::bail!("{path}: tensor {name}: {error}");
		}
		let shape: Vec<usize> = place.entry.shape.iter().map(|length| *length as usize).collect();
		let tensor = Tensor::from_vec(values, shape, device)?.to_dtype(dtype)?;
		if let Err(found) = check_finite(&tensor) {
			candle_core::bail!(
				"{path}: tensor {name}: expected finite numbers, found {} as value {} of shape {:?}",
				found.value,
				found.index,
				found.shape
			);
		}
		Ok(tensor)
	}

	fn contains_tensor(&self, name: &str) -> bool {
		self.tensors.contains_key(name)
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use std::collections::HashMap;

	/// A folder with one file of an f32, an f16 and a bf16 tensor, and these as Candle reads them.
	fn written(dir: &Path, values: usize) -> BTreeMap<String, Tensor> {
		let counted = Tensor::arange(0f32, values as f32, &Device::Cpu).unwrap();
		let halves = ((counted * 0.37).unwrap() - 5.0).unwrap().reshape((1, values)).unwrap();
		let stored = [("a", DType::F32), ("b", DType::F16), ("c", DType::BF16)]
			.map(|(name, dtype)| (name, halves.to_dtype(dtype).unwrap()));
		candle_core::safetensors::save(&HashMap::from(stored.clone()), dir.join("model.safetensors")).unwrap();
		stored.map(|(name, tensor)| (name.to_owned(), tensor.to_dtype(DType::F32).unwrap())).into()
	}

	#[test]
	fn settings_should_be_read_when_python_wrote_them() {
		for (text, plain) in [
			(r#"{"a": -Infinity, "b":[Infinity,NaN]}"#, r#"{"a": "-Infinity", "b":["Infinity","NaN"]}"#),
			(r#"{"NaN": "-Infinity", "a\"NaN": 1}"#, r#"{"NaN": "-Infinity", "a\"NaN": 1}"#),
			(r#"{"a\\": NaN}"#, r#"{"a\\": "NaN"}"#),
			(r#"{"a": 1.5, "é": null}"#, r#"{"a": 1.5, "é": null}"#),
			("\"\\", "\"\\"),
			("", ""),
		] {
			assert_eq!(String::from_utf8(in_plain_json(text.as_bytes())).unwrap(), plain);
		}
		let dir = tempfile::tempdir().unwrap();
		let text = r#"{"_class_name": "DPMSolverMultistepScheduler", "lambda_min_clipped": -Infinity}"#;
		std::fs::write(dir.path().join("scheduler_config.json"), text).unwrap();
		let folder = ModelFolder::new(dir.path(), ["scheduler_config.json".into()]);
		let config: crate::samplers::SchedulerConfig = folder.json("scheduler_config.json").unwrap();
		assert_eq!(config.class_name, "DPMSolverMultistepScheduler");
		std::fs::write(dir.path().join("scheduler_config.json"), text.replace("lambda_min_clipped", "beta_end"))
			.unwrap();
		let error = folder.json::<crate::samplers::SchedulerConfig>("scheduler_config.json").unwrap_err().to_string();
		assert!(error.contains("-Infinity"), "{error}");
	}

	#[test]
	fn values_should_be_the_same_when_a_tensor_has_more_than_a_window() {
		let dir = tempfile::tempdir().unwrap();
		let values = 5000;
		let expected = written(dir.path(), values);
		let mut stored = Stored { files: vec![], tensors: BTreeMap::new() };
		stored.add(dir.path().join("model.safetensors")).unwrap();
		for (name, tensor) in expected {
			let (place, tensor) = (&stored.tensors[&name], tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap());
			// Up to, at and beyond the size of a page, and in one.
			for window in [4, 24, 4092, 4096, 8196, WINDOW] {
				let mut widened = vec![];
				place.widen(&stored.files[0].1, place.kind().unwrap(), window, &mut widened).unwrap();
				let same = widened.iter().map(|x| x.to_bits()).eq(tensor.iter().map(|x| x.to_bits()));
				assert!(same && widened.len() == values, "{name} by {window} bytes");
			}
		}
	}

	#[cfg(target_os = "linux")]
	#[test]
	fn file_should_not_stay_mapped_when_its_tensors_were_read() {
		let dir = tempfile::tempdir().unwrap();
		written(dir.path(), 5000);
		let folder = ModelFolder::new(dir.path(), ["model.safetensors".into()]);
		let tensors = folder.tensors("", "model").unwrap();
		let read = ["a", "b", "c"].map(|name| tensors.get((1, 5000), name).unwrap());
		let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
		let name = dir.path().file_name().unwrap().to_str().unwrap();
		assert!(!maps.contains(name), "{maps}");
		assert_eq!(read[0].elem_count(), 5000);
	}
}
