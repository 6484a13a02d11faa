//! `adapters.json`: low-rank adapters (LoRA; Hu et al., 2021) that are merged into the weights, and vectors that are added
//! to the vocabulary (textual inversion; Gal et al., 2022).
//!
//! ```json
//! {"loras": [{"file": "loras/ink.safetensors", "scale": 0.8}],
//!  "embeddings": [{"file": "embeddings/cat.safetensors", "token": "<cat>"}]}
//! ```
//!
//! The file and what it names belong to the model like any other: they are in its manifest, and another scale is another
//! model.

use super::header::{shown, Header};
use super::ModelFolder;
use crate::EngineError;
use autonomy_kernels::{check_finite, matmul};
use candle_core::{DType, Device, Shape, Tensor};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Name of the list in a model's folder.
pub const ADAPTERS_FILE: &str = "adapters.json";
/// Most adapters of a model. Each is a file, which is in memory while the networks are built.
const MOST_ADAPTERS: usize = 64;
/// Most vectors that stand for one token. Published ones have up to 75.
const MOST_VECTORS: usize = 128;
/// Most bytes of that token.
const MOST_TOKEN_BYTES: usize = 256;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct List {
	loras: Vec<LoraEntry>,
	embeddings: Vec<EmbeddingEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LoraEntry {
	/// Path below the model's folder.
	file: String,
	/// Factor of the UNet's changes.
	#[serde(default = "one")]
	scale: f64,
	/// Factor of the text encoders' changes; `scale` unless given.
	text_scale: Option<f64>,
	/// Alpha of the layers for which the file has none; their rank unless given.
	alpha: Option<f64>,
}

fn one() -> f64 {
	1.0
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EmbeddingEntry {
	/// Path below the model's folder.
	file: String,
	/// What stands for the vectors in a prompt.
	token: String,
}

/// An adapter in memory.
struct Lora {
	path: PathBuf,
	tensors: BTreeMap<String, Tensor>,
	scale: f64,
	text_scale: f64,
	alpha: Option<f64>,
	/// Names of the tensors that were merged.
	used: Mutex<BTreeSet<String>>,
}

/// Learnt vectors `(n, width)` and the token that stands for them, for one text encoder.
pub struct Embedded {
	/// The token.
	pub token: String,
	/// The vectors.
	pub vectors: Tensor,
	/// The file, for messages.
	pub path: PathBuf,
}

/// File, token and tensors of a textual inversion.
type LearntWord = (PathBuf, String, BTreeMap<String, Tensor>);

/// The adapters of a model.
#[derive(Clone, Default)]
pub struct Adapters {
	loras: Arc<Vec<Lora>>,
	embeddings: Arc<Vec<LearntWord>>,
}

/// Another name that a layer goes by, if it has one.
pub type Alias = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Tensors of a file in f32, checked as the model's own are: type, place in the file, finite values.
fn load(folder: &ModelFolder, file: &str) -> Result<(PathBuf, BTreeMap<String, Tensor>), EngineError> {
	let path = folder.path(file)?;
	let Some(stem) = file.strip_suffix(".safetensors") else {
		let why = "only .safetensors files are read: others can run code".into();
		return Err(EngineError::Unsupported { path, why });
	};
	let (component, stem) = stem.rsplit_once('/').unwrap_or(("", stem));
	let tensors = folder.tensors(component, stem)?;
	let mut floats = BTreeMap::new();
	for (name, entry) in Header::open(&path)?.tensors {
		// The others are counters, see `ModelFolder::tensors`.
		if matches!(entry.dtype.as_str(), "F32" | "F16" | "BF16") {
			let tensor = tensors.get_unchecked(&name).map_err(EngineError::network(file))?;
			floats.insert(name, tensor);
		}
	}
	Ok((path, floats))
}

/// Whether layers without an alpha of their own may be taken to have their rank for it: diffusers notes in a file when that is
/// another number, by networks (`unet.lora_alpha`) or without their names.
fn check_notes(path: &Path) -> Result<(), EngineError> {
	#[derive(Deserialize)]
	struct Notes {
		lora_adapter_metadata: Option<String>,
	}
	#[derive(Deserialize)]
	struct Noted {
		#[serde(rename = "__metadata__")]
		notes: Option<Notes>,
	}
	// The header has been read and checked before.
	let mut file = File::open(path).map_err(EngineError::io(path))?;
	let (mut length, mut header) = ([0; 8], Vec::new());
	file.read_exact(&mut length).map_err(EngineError::io(path))?;
	file.take(u64::from_le_bytes(length)).read_to_end(&mut header).map_err(EngineError::io(path))?;
	let Noted { notes } = serde_json::from_slice(&header).map_err(EngineError::json(path))?;
	let Some(text) = notes.and_then(|notes| notes.lora_adapter_metadata) else { return Ok(()) };
	let notes: Map<String, Value> = serde_json::from_str(&text).map_err(EngineError::json(path))?;
	let is_other = |name: &str, value: &Value| match name.rsplit('.').next() {
		Some("lora_alpha") => {
			let rank = notes.get(&[name.strip_suffix("lora_alpha").unwrap_or_default(), "r"].concat());
			rank.and_then(Value::as_f64) != value.as_f64()
		}
		Some("alpha_pattern" | "rank_pattern") => value.as_object().is_some_and(|pattern| !pattern.is_empty()),
		Some("use_rslora") => *value == Value::Bool(true),
		_ => false,
	};
	match notes.iter().find(|(name, value)| is_other(name, value)) {
		Some((name, value)) => {
			let (name, value) = (shown(name), shown(&value.to_string()));
			let why = format!(
				"its notes say {name} {value}, so that alpha is not the rank of every layer: give the alpha in {ADAPTERS_FILE}"
			);
			Err(EngineError::Unsupported { path: path.into(), why })
		}
		None => Ok(()),
	}
}

/// Whether a list is short enough and names each file once. The same file many times would take many times its memory.
fn check_list(path: &Path, list: &List) -> Result<(), EngineError> {
	let count = list.loras.len() + list.embeddings.len();
	if count > MOST_ADAPTERS {
		let expected = format!("at most {MOST_ADAPTERS} adapters");
		return Err(EngineError::content(path, "the list", expected, count.to_string()));
	}
	let mut seen = BTreeSet::new();
	let loras = list.loras.iter().map(|lora| lora.file.as_str());
	for file in loras.chain(list.embeddings.iter().map(|embedding| embedding.file.as_str())) {
		if !seen.insert(file) {
			let expected = "each file once".to_owned();
			return Err(EngineError::content(path, "the list", expected, format!("{:?} twice", shown(file))));
		}
	}
	Ok(())
}

impl Adapters {
	/// Reads the list and every file that it names. A model without a list has no adapters.
	pub fn open(folder: &ModelFolder) -> Result<Self, EngineError> {
		if !folder.has(ADAPTERS_FILE) {
			return Ok(Self::default());
		}
		let list: List = folder.json(ADAPTERS_FILE)?;
		check_list(&folder.path(ADAPTERS_FILE)?, &list)?;
		let (mut loras, mut embeddings) = (vec![], vec![]);
		for LoraEntry { file, scale, text_scale, alpha } in list.loras {
			let text_scale = text_scale.unwrap_or(scale);
			if let Some(wrong) =
				[scale, text_scale, alpha.unwrap_or(0.0)].into_iter().find(|x| x.is_nan() || x.abs() > 100.0)
			{
				let why = format!("{}: a scale or alpha of {wrong}; the range is -100 to 100", shown(&file));
				return Err(EngineError::Unsupported { path: folder.path(ADAPTERS_FILE)?, why });
			}
			let (path, tensors) = load(folder, &file)?;
			if alpha.is_none() {
				check_notes(&path)?;
			}
			loras.push(Lora { path, tensors, scale, text_scale, alpha, used: Mutex::default() });
		}
		for EmbeddingEntry { file, token } in list.embeddings {
			if token.trim() != token || token.is_empty() || token.len() > MOST_TOKEN_BYTES {
				let why = format!(
					"{}: token {:?} is empty, has more than {MOST_TOKEN_BYTES} bytes, or begins or ends with white space",
					shown(&file),
					shown(&token)
				);
				return Err(EngineError::Unsupported { path: folder.path(ADAPTERS_FILE)?, why });
			}
			let (path, tensors) = load(folder, &file)?;
			embeddings.push((path, token, tensors));
		}
		Ok(Self { loras: Arc::new(loras), embeddings: Arc::new(embeddings) })
	}

	/// The tensors of a component (`unet`, `text_encoder`, `text_encoder_2`) with every adapter merged, in the order of the
	/// list. `alias` is what a layer is called in the original layout, as SDXL's adapters have it.
	pub fn around(
		&self,
		inner: VarBuilder<'static>,
		component: &'static str,
		alias: Box<Alias>,
	) -> VarBuilder<'static> {
		if self.loras.is_empty() {
			return inner;
		}
		let merged = Merged { inner, loras: self.loras.clone(), component, alias };
		VarBuilder::from_backend(Box::new(merged), DType::F32, Device::Cpu)
	}

	/// The vectors for a text encoder of that width: `clip_l` or `clip_g` of a file for both, `emb_params` of the older
	/// layout, or a tensor named by its token. `second` is SDXL's second one.
	pub fn embedded(&self, width: usize, second: bool) -> Result<Vec<Embedded>, EngineError> {
		let mut found = vec![];
		for (path, token, tensors) in self.embeddings.iter() {
			let unsupported = |why: String| EngineError::Unsupported { path: path.clone(), why };
			let one_of_two = if second { "clip_g" } else { "clip_l" };
			let tensor = match (tensors.get(one_of_two), tensors.get("emb_params")) {
				(Some(tensor), _) => tensor,
				(None, Some(tensor)) if !second => tensor,
				_ if tensors.contains_key("clip_g") || second => {
					return Err(unsupported(format!("no tensor {one_of_two}, which this text encoder needs")));
				}
				_ => match tensors.values().collect::<Vec<_>>()[..] {
					[tensor] => tensor,
					_ => {
						let why = format!("{} tensors; one with the vectors was expected", tensors.len());
						return Err(unsupported(why));
					}
				},
			};
			let vectors = match *tensor.dims() {
				[got] if got == width => tensor.unsqueeze(0).map_err(EngineError::network("embedding"))?,
				[n, got] if (1..=MOST_VECTORS).contains(&n) && got == width => tensor.clone(),
				_ => {
					let why = format!(
						"vectors of shape {:?}, the text encoder has a width of {width}; 1 to {MOST_VECTORS} can be one token",
						tensor.dims()
					);
					return Err(unsupported(why));
				}
			};
			found.push(Embedded { token: token.clone(), vectors, path: path.clone() });
		}
		Ok(found)
	}

	/// To be called when all networks are built: an adapter with a tensor that was made for no layer of them is an error,
	/// since the pictures would not be what its author saw.
	pub fn check_used(&self) -> Result<(), EngineError> {
		for lora in self.loras.iter() {
			let used = lora.used.lock().unwrap_or_else(PoisonError::into_inner);
			let mut unused = lora.tensors.keys().filter(|name| !used.contains(*name));
			if let Some(first) = unused.next() {
				let why = format!(
					"tensor {} and {} others fit no layer of the model; LoRA files with the names of kohya, diffusers or PEFT \
					 are supported, LoHa, LoKr and DoRA are not",
					shown(first),
					unused.count()
				);
				return Err(EngineError::Unsupported { path: lora.path.clone(), why });
			}
		}
		Ok(())
	}
}

/// The names under which `(down, up, alpha)` of a layer may be stored.
fn candidates(component: &str, layer: &str, alias: Option<&str>) -> Vec<[String; 3]> {
	let mut names = vec![];
	let mut layers = vec![layer.to_owned()];
	if component != "unet" && !layer.starts_with("text_projection") {
		// Some text encoders are stored without the name that the others have in front.
		const OUTER: &str = "text_model.";
		let inner = layer.strip_prefix(OUTER).unwrap_or(layer);
		layers = vec![format!("{OUTER}{inner}"), inner.to_owned()];
	}
	// kohya's scripts: dots become underlines.
	let prefixes: &[&str] = match component {
		"unet" => &["lora_unet_"],
		"text_encoder" => &["lora_te_", "lora_te1_"],
		_ => &["lora_te2_"],
	};
	for prefix in prefixes {
		for layer in layers.iter().map(String::as_str).chain(alias) {
			let base = format!("{prefix}{}", layer.replace('.', "_"));
			let [down, up, alpha] = ["lora_down.weight", "lora_up.weight", "alpha"].map(|end| format!("{base}.{end}"));
			names.push([down, up, alpha]);
		}
	}
	// PEFT and diffusers, with the component in front or, in a file for one network, a wrapper or nothing.
	let bare: &[&str] = if component == "unet" { &["base_model.model.", ""] } else { &[] };
	let prefixes = std::iter::once(format!("{component}.")).chain(bare.iter().map(|prefix| (*prefix).to_owned()));
	for base in prefixes.flat_map(|prefix| layers.iter().map(move |layer| format!("{prefix}{layer}"))) {
		let ends = [
			["lora_A.weight", "lora_B.weight"],
			["lora_A.default.weight", "lora_B.default.weight"],
			["lora.down.weight", "lora.up.weight"],
			["lora_linear_layer.down.weight", "lora_linear_layer.up.weight"],
		];
		for [down, up] in ends {
			names.push([format!("{base}.{down}"), format!("{base}.{up}"), format!("{base}.alpha")]);
		}
		// The attention processors of 2023: attn1.processor.to_q_lora.down.weight.
		let split = base.strip_suffix(".0").unwrap_or(&base).rsplit_once('.');
		if let Some((block, projection)) = split.filter(|(_, projection)| projection.starts_with("to_")) {
			let base = format!("{block}.processor.{projection}_lora");
			names.push([format!("{base}.down.weight"), format!("{base}.up.weight"), format!("{base}.alpha")]);
		}
	}
	names
}

/// A component with its adapters merged.
struct Merged {
	inner: VarBuilder<'static>,
	loras: Arc<Vec<Lora>>,
	component: &'static str,
	alias: Box<Alias>,
}

impl Merged {
	fn merge(&self, name: &str, tensor: Tensor) -> candle_core::Result<Tensor> {
		let Some(layer) = name.strip_suffix(".weight").filter(|_| tensor.rank() > 1) else { return Ok(tensor) };
		let alias = (self.alias)(name);
		let alias = alias.as_deref().and_then(|alias| alias.strip_suffix(".weight"));
		let names = candidates(self.component, layer, alias);
		let mut tensor = tensor;
		for lora in self.loras.iter() {
			let scale = if self.component == "unet" { lora.scale } else { lora.text_scale };
			let path = lora.path.display();
			let mut before: Option<&str> = None;
			for [down, up, alpha] in &names {
				let (Some(a), Some(b)) = (lora.tensors.get(down), lora.tensors.get(up)) else { continue };
				match before {
					// The layer's name is the same in both layouts.
					Some(before) if before == down.as_str() => continue,
					Some(before) => {
						candle_core::bail!("{path}: {before} and {down} are both for {name}; one of them was expected")
					}
					None => before = Some(down.as_str()),
				}
				let mut used = lora.used.lock().unwrap_or_else(PoisonError::into_inner);
				used.extend([down.clone(), up.clone()]);
				let stored = match lora.tensors.get(alpha) {
					Some(value) => {
						used.insert(alpha.clone());
						let [number] = value.flatten_all()?.to_vec1::<f32>()?[..] else {
							candle_core::bail!("{path}: {alpha} has shape {:?}, one number was expected", value.dims());
						};
						Some(f64::from(number))
					}
					None => lora.alpha,
				};
				tensor = match add_low_rank(name, &tensor, (down, a), (up, b), stored, scale) {
					Ok(tensor) => tensor,
					Err(error) => candle_core::bail!("{path}: {error}"),
				};
			}
		}
		Ok(tensor)
	}
}

/// `tensor + scale · alpha / rank · up · down`. The product is the kernels', the factor is computed in f64 and rounded once.
fn add_low_rank(
	name: &str,
	tensor: &Tensor,
	(down_name, down): (&str, &Tensor),
	(up_name, up): (&str, &Tensor),
	alpha: Option<f64>,
	scale: f64,
) -> candle_core::Result<Tensor> {
	let outputs = tensor.dim(0)?;
	let inputs = tensor.elem_count() / outputs.max(1);
	let rank = down.dims().first().copied().unwrap_or(0);
	let fits = rank > 0
		&& up.dims().first() == Some(&outputs)
		&& up.elem_count() == outputs * rank
		&& down.elem_count() == rank * inputs;
	if !fits {
		candle_core::bail!(
			"{down_name} of shape {:?} and {up_name} of shape {:?} do not fit {name} of shape {:?}: (r, {inputs}) and \
			 ({outputs}, r) are needed",
			down.dims(),
			up.dims(),
			tensor.dims()
		);
	}
	let change = matmul(&up.reshape((outputs, rank))?, &down.reshape((rank, inputs))?)?;
	let factor = (scale * alpha.unwrap_or(rank as f64) / rank as f64) as f32;
	let change = change.flatten_all()?.to_vec1::<f32>()?;
	let values: Vec<f32> =
		tensor.flatten_all()?.to_vec1::<f32>()?.iter().zip(&change).map(|(w, c)| w + factor * c).collect();
	let sum = Tensor::from_vec(values, tensor.shape(), &Device::Cpu)?;
	match check_finite(&sum) {
		Ok(()) => Ok(sum),
		// Finite numbers and a factor can be too large together.
		Err(found) => candle_core::bail!(
			"{down_name} and {up_name} times {factor} make {} of value {} of {name}: expected finite numbers",
			found.value,
			found.index
		),
	}
}

impl SimpleBackend for Merged {
	fn get(&self, shape: Shape, name: &str, hint: Init, _: DType, _: &Device) -> candle_core::Result<Tensor> {
		self.merge(name, self.inner.get_with_hints(shape, name, hint)?)
	}

	fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> candle_core::Result<Tensor> {
		self.merge(name, self.inner.get_unchecked(name)?)
	}

	fn contains_tensor(&self, name: &str) -> bool {
		self.inner.contains_tensor(name)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn names_should_be_those_of_kohya_peft_and_diffusers() {
		let layer = "down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_out.0";
		let names = candidates("unet", layer, Some("input_blocks.2.1.transformer_blocks.0.attn1.to_out.0"));
		let downs: Vec<&str> = names.iter().map(|[down, _, _]| down.as_str()).collect();
		for wanted in [
			"lora_unet_down_blocks_0_attentions_1_transformer_blocks_0_attn1_to_out_0.lora_down.weight",
			"lora_unet_input_blocks_2_1_transformer_blocks_0_attn1_to_out_0.lora_down.weight",
			"unet.down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_out.0.lora_A.weight",
			"unet.down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_out.0.lora.down.weight",
			"unet.down_blocks.0.attentions.1.transformer_blocks.0.attn1.processor.to_out_lora.down.weight",
			"down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_out.0.lora_A.weight",
		] {
			assert!(downs.contains(&wanted), "{wanted} is not among {downs:#?}");
		}
		let names = candidates("text_encoder", "text_model.encoder.layers.3.self_attn.q_proj", None);
		let alphas: Vec<&str> = names.iter().map(|[_, _, alpha]| alpha.as_str()).collect();
		assert!(alphas.contains(&"lora_te_text_model_encoder_layers_3_self_attn_q_proj.alpha"));
		assert!(alphas.contains(&"lora_te1_text_model_encoder_layers_3_self_attn_q_proj.alpha"));
		assert!(alphas.contains(&"text_encoder.text_model.encoder.layers.3.self_attn.q_proj.alpha"));
		for layer in ["text_model.encoder.layers.3.mlp.fc1", "encoder.layers.3.mlp.fc1"] {
			let second = candidates("text_encoder_2", layer, None);
			assert_eq!(second[0][1], "lora_te2_text_model_encoder_layers_3_mlp_fc1.lora_up.weight");
			let downs: Vec<&str> = second.iter().map(|[down, _, _]| down.as_str()).collect();
			for stored in ["text_model.encoder", "encoder"] {
				let wanted = format!("text_encoder_2.{stored}.layers.3.mlp.fc1.lora_A.weight");
				assert!(downs.contains(&wanted.as_str()), "{wanted} is not among {downs:#?}");
			}
		}
		let projection = candidates("text_encoder_2", "text_projection", None);
		assert_eq!(projection[0][0], "lora_te2_text_projection.lora_down.weight");
	}

	#[test]
	fn low_rank_change_should_be_scaled_by_alpha_over_rank() {
		let tensor = |values: &[f32], shape: &[usize]| Tensor::from_slice(values, shape, &Device::Cpu).unwrap();
		let base = tensor(&[1., 2., 3., 4., 5., 6.], &[2, 3, 1, 1]);
		let down = tensor(&[1., 0., 2., 0., 1., 0.], &[2, 3, 1, 1]);
		let up = tensor(&[1., 2., 3., 4.], &[2, 2, 1, 1]);
		// up · down = [[1, 2, 2], [3, 4, 6]], times 0.5 · 4 / 2.
		let sum = add_low_rank("w", &base, ("d", &down), ("u", &up), Some(4.0), 0.5).unwrap();
		assert_eq!(sum.dims(), [2, 3, 1, 1]);
		assert_eq!(sum.flatten_all().unwrap().to_vec1::<f32>().unwrap(), [2., 4., 5., 7., 9., 12.]);
		let same = add_low_rank("w", &base, ("d", &down), ("u", &up), None, 0.0).unwrap();
		assert_eq!(same.flatten_all().unwrap().to_vec1::<f32>().unwrap(), [1., 2., 3., 4., 5., 6.]);
		let error = add_low_rank("w", &base, ("d", &up), ("u", &up), None, 1.0).unwrap_err().to_string();
		assert!(error.contains("do not fit w of shape [2, 3, 1, 1]"), "{error}");
		let error = add_low_rank("w", &base, ("d", &down), ("u", &up), Some(1e39), 1.0).unwrap_err().to_string();
		assert!(error.contains("d and u times inf") && error.contains("of w: expected finite numbers"), "{error}");
	}
}
