//! The Llama architecture (Touvron et al., 2023) with the configuration and tensor names of
//! `transformers.LlamaForCausalLM`, and the models that differ from it in little: see [`Family`].

use crate::nn::{attention_scale, join_heads, split_heads, Embedding, Linear, RmsNorm};
use autonomy_kernels as kernels;
use candle_core::{Device, Result, Tensor};
use candle_nn::VarBuilder;
use serde::{Deserialize, Deserializer, Serialize};

/// The models that share this layout, by the `model_type` of `config.json`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
	/// Llama 1 to 3.2, TinyLlama, SmolLM 1 and 2: biases as the configuration says.
	#[default]
	Llama,
	/// Qwen 1.5 to 2.5: biases on queries, keys and values.
	Qwen2,
	/// Qwen 3: queries and keys of a head are normalised before they are rotated.
	Qwen3,
	/// SmolLM 3: some layers have no rotary embedding.
	SmolLm3,
}

impl Family {
	/// As in `config.json` and in the metadata of a GGUF file.
	pub fn name(self) -> &'static str {
		match self {
			Self::Llama => "llama",
			Self::Qwen2 => "qwen2",
			Self::Qwen3 => "qwen3",
			Self::SmolLm3 => "smollm3",
		}
	}

	fn is_llama(&self) -> bool {
		*self == Self::Llama
	}
}

/// `rope_scaling`, or `rope_parameters` of later releases: how the rotary embedding is stretched for longer contexts. The
/// formulas are those of `modeling_rope_utils.py` of transformers.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(try_from = "RopeScalingFile")]
pub struct RopeScaling {
	/// `default` changes nothing. `linear` divides all frequencies by `factor`. `dynamic` changes nothing up to
	/// `max_position_embeddings`, and no sequence is longer than that. `llama3` stretches the low frequencies, `yarn` (Peng
	/// et al., arXiv:2309.00071) the low ones fully and those between in part.
	pub rope_type: String,
	/// Stretch of the low frequencies.
	pub factor: f64,
	/// `llama3`: wavelengths above the original context divided by this are stretched fully.
	pub low_freq_factor: f64,
	/// `llama3`: wavelengths below the original context divided by this are left alone.
	pub high_freq_factor: f64,
	/// Tokens of the original context; `None` for 8192 with `llama3` and for `max_position_embeddings` with `yarn`.
	#[serde(skip_serializing_if = "Option::is_none")]
	pub original_max_position_embeddings: Option<usize>,
	/// `yarn`: what cosines and sines are multiplied by; `None` for 0.1·ln(factor) + 1.
	#[serde(skip_serializing_if = "Option::is_none")]
	pub attention_factor: Option<f64>,
	/// `yarn`: frequencies that turn more often than this in the original context are left alone; `None` for 32.
	#[serde(skip_serializing_if = "Option::is_none")]
	pub beta_fast: Option<f64>,
	/// `yarn`: frequencies that turn less often than this in the original context are stretched fully; `None` for 1.
	#[serde(skip_serializing_if = "Option::is_none")]
	pub beta_slow: Option<f64>,
}

impl Default for RopeScaling {
	fn default() -> Self {
		Self {
			rope_type: "default".into(),
			factor: 1.0,
			low_freq_factor: 1.0,
			high_freq_factor: 4.0,
			original_max_position_embeddings: None,
			attention_factor: None,
			beta_fast: None,
			beta_slow: None,
		}
	}
}

/// What files have. The name of the type was another one once, and some have both.
#[derive(Deserialize)]
struct RopeScalingFile {
	rope_type: Option<String>,
	#[serde(rename = "type")]
	old_rope_type: Option<String>,
	factor: Option<f64>,
	low_freq_factor: Option<f64>,
	high_freq_factor: Option<f64>,
	original_max_position_embeddings: Option<usize>,
	attention_factor: Option<f64>,
	beta_fast: Option<f64>,
	beta_slow: Option<f64>,
	mscale: Option<f64>,
	mscale_all_dim: Option<f64>,
	truncate: Option<bool>,
	partial_rotary_factor: Option<f64>,
}

impl TryFrom<RopeScalingFile> for RopeScaling {
	type Error = String;

	fn try_from(file: RopeScalingFile) -> std::result::Result<Self, String> {
		let unsupported = [
			("mscale", file.mscale.is_some()),
			("mscale_all_dim", file.mscale_all_dim.is_some()),
			("truncate", file.truncate == Some(false)),
			("partial_rotary_factor", file.partial_rotary_factor.is_some_and(|part| part != 1.0)),
		];
		if let Some((name, _)) = unsupported.iter().find(|(_, is_set)| *is_set) {
			return Err(format!("rope scaling: {name} is not supported"));
		}
		let base = Self::default();
		let rope_type = file.rope_type.or(file.old_rope_type).unwrap_or(base.rope_type);
		if file.factor.is_none() && matches!(rope_type.as_str(), "linear" | "llama3" | "yarn") {
			return Err(format!("rope scaling: factor is missing, which the type {rope_type} needs"));
		}
		Ok(Self {
			rope_type,
			factor: file.factor.unwrap_or(base.factor),
			low_freq_factor: file.low_freq_factor.unwrap_or(base.low_freq_factor),
			high_freq_factor: file.high_freq_factor.unwrap_or(base.high_freq_factor),
			original_max_position_embeddings: file.original_max_position_embeddings,
			attention_factor: file.attention_factor,
			beta_fast: file.beta_fast,
			beta_slow: file.beta_slow,
		})
	}
}

/// `config.json`. Unknown fields are ignored; defaults are those of transformers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LlamaConfig {
	/// Which of the models it is.
	#[serde(skip_serializing_if = "Family::is_llama")]
	pub model_type: Family,
	/// Ids are below it.
	pub vocab_size: usize,
	/// Width of a token's state.
	pub hidden_size: usize,
	/// Width inside the feed-forward blocks.
	pub intermediate_size: usize,
	/// Decoder layers.
	pub num_hidden_layers: usize,
	/// Query heads.
	pub num_attention_heads: usize,
	/// Key and value heads; `None` for as many as query heads. Must divide them.
	pub num_key_value_heads: Option<usize>,
	/// Width of a head; `None` for `hidden_size / num_attention_heads`.
	#[serde(skip_serializing_if = "Option::is_none")]
	pub head_dim: Option<usize>,
	/// Only `silu`.
	pub hidden_act: String,
	/// Tokens of the longest sequence.
	pub max_position_embeddings: usize,
	/// Epsilon of the norms.
	pub rms_norm_eps: f64,
	/// Base of the rotary embedding.
	pub rope_theta: f64,
	/// Stretching of the rotary embedding.
	#[serde(skip_serializing_if = "Option::is_none")]
	pub rope_scaling: Option<RopeScaling>,
	/// The output layer is the token table.
	pub tie_word_embeddings: bool,
	/// Biases on the attention projections. Qwen 2 has them in its own way whatever this says.
	pub attention_bias: bool,
	/// Biases in the feed-forward blocks.
	pub mlp_bias: bool,
	/// For each layer 1 if it has the rotary embedding and 0 if not, as transformers has it; `None` for 1 everywhere.
	#[serde(skip_serializing_if = "Option::is_none")]
	pub no_rope_layers: Option<Vec<u8>>,
}

/// What files have. The base classes of transformers leave out what is their default.
#[derive(Deserialize)]
struct LlamaConfigFile {
	model_type: Option<Family>,
	vocab_size: Option<usize>,
	hidden_size: Option<usize>,
	intermediate_size: Option<usize>,
	num_hidden_layers: Option<usize>,
	num_attention_heads: Option<usize>,
	num_key_value_heads: Option<usize>,
	head_dim: Option<usize>,
	hidden_act: Option<String>,
	max_position_embeddings: Option<usize>,
	original_max_position_embeddings: Option<usize>,
	rms_norm_eps: Option<f64>,
	rope_theta: Option<f64>,
	rope_scaling: Option<RopeScaling>,
	rope_parameters: Option<serde_json::Value>,
	tie_word_embeddings: Option<bool>,
	attention_bias: Option<bool>,
	mlp_bias: Option<bool>,
	no_rope_layers: Option<Vec<u8>>,
	no_rope_layer_interval: Option<usize>,
	partial_rotary_factor: Option<f64>,
	use_sliding_window: Option<bool>,
	sliding_window: Option<usize>,
	layer_types: Option<Vec<String>>,
}

impl LlamaConfigFile {
	/// Why the model is none of this layout, whatever its type says.
	fn unsupported(&self) -> Option<String> {
		if let Some(part) = self.partial_rotary_factor.filter(|part| *part != 1.0) {
			return Some(format!("partial_rotary_factor is {part}; only whole heads, 1, are supported"));
		}
		if self.use_sliding_window == Some(true) {
			let window = self.sliding_window.unwrap_or_default();
			return Some(format!(
				"attention in a sliding window of {window} tokens is not supported: with use_sliding_window false and \
				 max_position_embeddings at most {window} the model is the same"
			));
		}
		let other = self.layer_types.iter().flatten().find(|kind| *kind != "full_attention")?;
		Some(format!("layer_types has {other:?}; only full_attention is supported"))
	}
}

impl<'de> Deserialize<'de> for LlamaConfig {
	fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
		use serde::de::Error;
		let file = LlamaConfigFile::deserialize(deserializer)?;
		if let Some(why) = file.unsupported() {
			return Err(D::Error::custom(why));
		}
		let family = file.model_type.unwrap_or_default();
		let base = Self::of(family);
		let (mut theta, mut scaling) = (file.rope_theta, file.rope_scaling);
		if let Some(parameters) = file.rope_parameters {
			// Of models whose layers differ there is one for each kind of layer.
			let of_a_kind = parameters.as_object().into_iter().flatten().find(|(_, value)| value.is_object());
			if let Some((kind, _)) = of_a_kind {
				return Err(D::Error::custom(format!(
					"rope_parameters has settings for {kind:?} alone; one rotary embedding for all layers is supported"
				)));
			}
			theta = parameters.get("rope_theta").and_then(serde_json::Value::as_f64).or(theta);
			scaling = Some(serde_json::from_value(parameters).map_err(D::Error::custom)?);
		}
		if let (Some(scaling), Some(original)) = (&mut scaling, file.original_max_position_embeddings) {
			// Outside, it goes before what is inside.
			scaling.original_max_position_embeddings = Some(original);
		}
		let num_hidden_layers = file.num_hidden_layers.unwrap_or(base.num_hidden_layers);
		let no_rope_layers = match (family, file.no_rope_layers) {
			(Family::SmolLm3, None) => {
				let every = file.no_rope_layer_interval.unwrap_or(4);
				Some((1..=num_hidden_layers).map(|layer| u8::from(!layer.is_multiple_of(every))).collect())
			}
			(Family::SmolLm3, layers) => layers,
			_ => None,
		};
		Ok(Self {
			model_type: family,
			vocab_size: file.vocab_size.unwrap_or(base.vocab_size),
			hidden_size: file.hidden_size.unwrap_or(base.hidden_size),
			intermediate_size: file.intermediate_size.unwrap_or(base.intermediate_size),
			num_hidden_layers,
			num_attention_heads: file.num_attention_heads.unwrap_or(base.num_attention_heads),
			num_key_value_heads: file.num_key_value_heads.or(base.num_key_value_heads),
			head_dim: file.head_dim.or(base.head_dim),
			hidden_act: file.hidden_act.unwrap_or(base.hidden_act),
			max_position_embeddings: file.max_position_embeddings.unwrap_or(base.max_position_embeddings),
			rms_norm_eps: file.rms_norm_eps.unwrap_or(base.rms_norm_eps),
			rope_theta: theta.unwrap_or(base.rope_theta),
			rope_scaling: scaling,
			tie_word_embeddings: file.tie_word_embeddings.unwrap_or(base.tie_word_embeddings),
			attention_bias: file.attention_bias.unwrap_or(base.attention_bias),
			mlp_bias: file.mlp_bias.unwrap_or(base.mlp_bias),
			no_rope_layers,
		})
	}
}

impl Default for LlamaConfig {
	fn default() -> Self {
		Self::of(Family::Llama)
	}
}

impl LlamaConfig {
	/// What transformers has where a file says nothing.
	fn of(model_type: Family) -> Self {
		let base = Self {
			model_type,
			vocab_size: 32000,
			hidden_size: 4096,
			intermediate_size: 11008,
			num_hidden_layers: 32,
			num_attention_heads: 32,
			num_key_value_heads: None,
			head_dim: None,
			hidden_act: "silu".into(),
			max_position_embeddings: 2048,
			rms_norm_eps: 1e-6,
			rope_theta: 10_000.0,
			rope_scaling: None,
			tie_word_embeddings: false,
			attention_bias: false,
			mlp_bias: false,
			no_rope_layers: None,
		};
		match model_type {
			Family::Llama => base,
			Family::Qwen2 => {
				Self { vocab_size: 151_936, intermediate_size: 22_016, max_position_embeddings: 32_768, ..base }
			}
			Family::Qwen3 => Self {
				vocab_size: 151_936,
				intermediate_size: 22_016,
				max_position_embeddings: 32_768,
				head_dim: Some(128),
				..base
			},
			Family::SmolLm3 => Self {
				vocab_size: 128_256,
				hidden_size: 2048,
				num_hidden_layers: 36,
				num_attention_heads: 16,
				num_key_value_heads: Some(4),
				max_position_embeddings: 32_768,
				rope_theta: 2_000_000.0,
				tie_word_embeddings: true,
				..base
			},
		}
	}

	/// Key and value heads.
	pub fn kv_heads(&self) -> usize {
		self.num_key_value_heads.unwrap_or(self.num_attention_heads)
	}

	/// Width of a head.
	pub fn head_width(&self) -> usize {
		self.head_dim.unwrap_or(self.hidden_size / self.num_attention_heads.max(1))
	}

	/// The numbers of this configuration that a GGUF file has as well, by the names that they have there.
	pub fn in_gguf(&self) -> [(&'static str, usize); 5] {
		[
			("block_count", self.num_hidden_layers),
			("embedding_length", self.hidden_size),
			("feed_forward_length", self.intermediate_size),
			("attention.head_count", self.num_attention_heads),
			("attention.head_count_kv", self.kv_heads()),
		]
	}

	fn check(&self) -> Result<()> {
		let (heads, kv_heads) = (self.num_attention_heads, self.kv_heads());
		if heads == 0 || kv_heads == 0 || !heads.is_multiple_of(kv_heads) {
			candle_core::bail!("Llama: {kv_heads} key heads do not divide {heads} query heads");
		}
		if self.head_dim.is_none() && !self.hidden_size.is_multiple_of(heads) {
			candle_core::bail!("Llama: hidden_size {} does not divide into {heads} heads", self.hidden_size);
		}
		if self.head_width() == 0 || !self.head_width().is_multiple_of(2) {
			candle_core::bail!("Llama: the head width {} must be even for rotary embeddings", self.head_width());
		}
		if self.hidden_act != "silu" {
			candle_core::bail!("Llama: hidden_act {:?} is not supported; silu is", self.hidden_act);
		}
		if let Some(layers) = self.no_rope_layers.as_ref().filter(|layers| layers.len() != self.num_hidden_layers) {
			let (said, layers) = (layers.len(), self.num_hidden_layers);
			candle_core::bail!("Llama: no_rope_layers says it of {said} layers, num_hidden_layers is {layers}");
		}
		if !(self.rope_theta > 1.0 && self.rope_theta.is_finite()) {
			candle_core::bail!("Llama: rope_theta is {}, a number above 1 is needed", self.rope_theta);
		}
		self.rope_scaling.as_ref().map_or(Ok(()), |scaling| scaling.check())
	}

	/// Angle per position of each pair of a head, in radians, and what cosines and sines are multiplied by.
	fn frequencies(&self) -> (Vec<f64>, f64) {
		let d = self.head_width();
		let plain: Vec<f64> = (0..d / 2).map(|i| 1.0 / libm::pow(self.rope_theta, (2 * i) as f64 / d as f64)).collect();
		let Some(scaling) = &self.rope_scaling else { return (plain, 1.0) };
		match scaling.rope_type.as_str() {
			"linear" => (plain.into_iter().map(|frequency| frequency / scaling.factor).collect(), 1.0),
			"llama3" => (plain.into_iter().map(|frequency| scaling.llama3(frequency)).collect(), 1.0),
			"yarn" => scaling.yarn(plain, self.rope_theta, self.max_position_embeddings),
			_ => (plain, 1.0),
		}
	}

	/// Whether a layer has the rotary embedding.
	fn rotates(&self, layer: usize) -> bool {
		let layers = self.no_rope_layers.as_ref();
		layers.and_then(|layers| layers.get(layer)).is_none_or(|rotates| *rotates != 0)
	}
}

impl RopeScaling {
	fn check(&self) -> Result<()> {
		let Self { rope_type, factor, low_freq_factor: low, high_freq_factor: high, .. } = self;
		let original = self.original_max_position_embeddings;
		let is_positive = |x: &f64| *x > 0.0 && x.is_finite();
		match rope_type.as_str() {
			"default" | "dynamic" => return Ok(()),
			"linear" | "llama3" | "yarn" => {}
			other => candle_core::bail!(
				"Llama: rope type {other:?} is not supported; default, linear, dynamic, llama3 and yarn are"
			),
		}
		if !is_positive(factor) || (rope_type != "linear" && *factor < 1.0) {
			candle_core::bail!("Llama: rope scaling has the factor {factor}, a number of at least 1 is needed");
		}
		if rope_type == "llama3" && !(is_positive(low) && is_positive(high) && low < high) {
			candle_core::bail!("Llama: low_freq_factor {low} must be above 0 and below high_freq_factor {high}");
		}
		let (fast, slow) = self.turns();
		if rope_type == "yarn" && !(is_positive(&fast) && is_positive(&slow)) {
			candle_core::bail!("Llama: beta_fast {fast} and beta_slow {slow} must be above 0");
		}
		if let Some(factor) = self.attention_factor.filter(|factor| !is_positive(factor)) {
			candle_core::bail!("Llama: attention_factor is {factor}, a number above 0 is needed");
		}
		match original {
			Some(0) => candle_core::bail!("Llama: original_max_position_embeddings is 0"),
			_ => Ok(()),
		}
	}

	/// `beta_fast` and `beta_slow`, where 0 is as good as nothing.
	fn turns(&self) -> (f64, f64) {
		let or = |turns: Option<f64>, usual| turns.filter(|turns| *turns != 0.0).unwrap_or(usual);
		(or(self.beta_fast, 32.0), or(self.beta_slow, 1.0))
	}

	fn llama3(&self, frequency: f64) -> f64 {
		let original = self.original_max_position_embeddings.unwrap_or(8192) as f64;
		let (low, high) = (self.low_freq_factor, self.high_freq_factor);
		let wavelength = 2.0 * std::f64::consts::PI / frequency;
		if wavelength < original / high {
			frequency
		} else if wavelength > original / low {
			frequency / self.factor
		} else {
			let smooth = (original / wavelength - low) / (high - low);
			(1.0 - smooth) * frequency / self.factor + smooth * frequency
		}
	}

	fn yarn(&self, plain: Vec<f64>, theta: f64, context: usize) -> (Vec<f64>, f64) {
		let d = (2 * plain.len()) as f64;
		let original = self.original_max_position_embeddings.unwrap_or(context) as f64;
		// The pair that turns so often in the original context.
		let pair =
			|turns: f64| d * libm::log(original / (turns * 2.0 * std::f64::consts::PI)) / (2.0 * libm::log(theta));
		let (fast, slow) = self.turns();
		let (low, high) = (libm::floor(pair(fast)), libm::ceil(pair(slow)));
		let low = if low > 0.0 { low } else { 0.0 };
		let high = if high < d - 1.0 { high } else { d - 1.0 };
		let high = if high == low { high + 0.001 } else { high };
		let stretched = |(i, frequency): (usize, f64)| {
			let share = ((i as f64 - low) / (high - low)).clamp(0.0, 1.0);
			frequency / self.factor * share + frequency * (1.0 - share)
		};
		let usual = if self.factor > 1.0 { 0.1 * libm::log(self.factor) + 1.0 } else { 1.0 };
		(plain.into_iter().enumerate().map(stretched).collect(), self.attention_factor.unwrap_or(usual))
	}
}

#[derive(Clone, Debug)]
struct DecoderLayer {
	input_layernorm: RmsNorm,
	q_proj: Linear,
	k_proj: Linear,
	v_proj: Linear,
	o_proj: Linear,
	/// Norms of queries and keys.
	head_norms: Option<(RmsNorm, RmsNorm)>,
	post_attention_layernorm: RmsNorm,
	gate_proj: Linear,
	up_proj: Linear,
	down_proj: Linear,
	heads: usize,
	kv_heads: usize,
	scale: f32,
	rotates: bool,
}

impl DecoderLayer {
	fn new(config: &LlamaConfig, layer: usize, vb: VarBuilder) -> Result<Self> {
		let (width, inner, eps) = (config.hidden_size, config.intermediate_size, config.rms_norm_eps);
		let (heads, kv_heads, d) = (config.num_attention_heads, config.kv_heads(), config.head_width());
		let (bias, output_bias) = match config.model_type {
			Family::Qwen2 => (true, false),
			Family::Llama | Family::Qwen3 | Family::SmolLm3 => (config.attention_bias, config.attention_bias),
		};
		let mlp_bias = config.mlp_bias;
		let (attn, mlp) = (vb.pp("self_attn"), vb.pp("mlp"));
		let head_norms = match config.model_type {
			Family::Qwen3 => {
				let norm = |name: &str| RmsNorm::new(d, eps, attn.pp(name));
				Some((norm("q_norm")?, norm("k_norm")?))
			}
			Family::Llama | Family::Qwen2 | Family::SmolLm3 => None,
		};
		Ok(Self {
			input_layernorm: RmsNorm::new(width, eps, vb.pp("input_layernorm"))?,
			q_proj: Linear::new(width, heads * d, bias, attn.pp("q_proj"))?,
			k_proj: Linear::new(width, kv_heads * d, bias, attn.pp("k_proj"))?,
			v_proj: Linear::new(width, kv_heads * d, bias, attn.pp("v_proj"))?,
			o_proj: Linear::new(heads * d, width, output_bias, attn.pp("o_proj"))?,
			head_norms,
			post_attention_layernorm: RmsNorm::new(width, eps, vb.pp("post_attention_layernorm"))?,
			gate_proj: Linear::new(width, inner, mlp_bias, mlp.pp("gate_proj"))?,
			up_proj: Linear::new(width, inner, mlp_bias, mlp.pp("up_proj"))?,
			down_proj: Linear::new(inner, width, mlp_bias, mlp.pp("down_proj"))?,
			heads,
			kv_heads,
			scale: attention_scale(d),
			rotates: config.rotates(layer),
		})
	}

	/// `cached` holds the keys and values of the positions before `x`; the new ones are appended to it.
	fn forward(&self, x: &Tensor, rope: &Rope, cached: Option<&mut LayerCache>) -> Result<Tensor> {
		let hidden = self.input_layernorm.forward(x)?;
		let mut q = split_heads(&self.q_proj.forward(&hidden)?, self.heads)?;
		let mut k = split_heads(&self.k_proj.forward(&hidden)?, self.kv_heads)?;
		if let Some((q_norm, k_norm)) = &self.head_norms {
			(q, k) = (q_norm.forward(&q)?, k_norm.forward(&k)?);
		}
		if self.rotates {
			(q, k) = (rope.apply(&q)?, rope.apply(&k)?);
		}
		let v = split_heads(&self.v_proj.forward(&hidden)?, self.kv_heads)?;
		let (k, v) = match cached {
			None => (k, v),
			Some(cached) => cached.append(rope.start, &k, &v)?,
		};
		let hidden = kernels::attention(&q, &k, &v, self.scale, Some(rope.start))?;
		let x = self.o_proj.forward_add(&join_heads(&hidden)?, x)?;
		let hidden = self.post_attention_layernorm.forward(&x)?;
		let (up, gate) = (self.up_proj.forward(&hidden)?, self.gate_proj.forward(&hidden)?);
		self.down_proj.forward_add(&kernels::gated(&up, &gate, kernels::Activation::Silu)?, &x)
	}
}

/// Cosines and sines of a run of positions.
struct Rope {
	cos: Tensor,
	sin: Tensor,
	start: usize,
}

impl Rope {
	/// Computed in f64 and rounded once, so that a position's values do not depend on the run that it is in.
	fn new((frequencies, scale): &(Vec<f64>, f64), start: usize, count: usize, device: &Device) -> Result<Self> {
		let angles = || (start..start + count).flat_map(|t| frequencies.iter().map(move |f| t as f64 * f));
		let table = |function: fn(f64) -> f64| {
			let values: Vec<f32> = angles().map(|angle| (function(angle) * scale) as f32).collect();
			Tensor::from_vec(values, (count, frequencies.len()), device)
		};
		Ok(Self { cos: table(libm::cos)?, sin: table(libm::sin)?, start })
	}

	fn apply(&self, x: &Tensor) -> Result<Tensor> {
		kernels::rope(x, &self.cos, &self.sin)
	}
}

/// Keys and values `(b, kv_heads, room, d)` of one layer. What lies past the tokens seen so far is room for others, which no
/// query sees.
#[derive(Debug, Default)]
struct LayerCache(Option<(Tensor, Tensor)>);

impl LayerCache {
	/// Writes `k` and `v` of the positions from `start` on; returns all of them, and the room behind them.
	fn append(&mut self, start: usize, k: &Tensor, v: &Tensor) -> Result<(Tensor, Tensor)> {
		/// Tokens that every cache has room for.
		const ROOM: usize = 64;
		let end = start + k.dim(2)?;
		let grown = |old: Option<&Tensor>, new: &Tensor| -> Result<Tensor> {
			let (b, heads, _, d) = new.dims4()?;
			// Half as many again: each is then copied twice on average, however long the sequence becomes.
			let room = (end + end / 2).next_multiple_of(ROOM);
			let roomy = Tensor::zeros((b, heads, room, d), new.dtype(), new.device())?;
			if let Some(old) = old {
				roomy.slice_set(&old.narrow(2, 0, start)?.contiguous()?, 2, 0)?;
			}
			Ok(roomy)
		};
		let (keys, values) = match self.0.take() {
			Some((keys, values)) if end <= keys.dim(2)? => (keys, values),
			Some((keys, values)) => (grown(Some(&keys), k)?, grown(Some(&values), v)?),
			None => (grown(None, k)?, grown(None, v)?),
		};
		keys.slice_set(&k.contiguous()?, 2, start)?;
		values.slice_set(&v.contiguous()?, 2, start)?;
		Ok(self.0.insert((keys, values)).clone())
	}

	/// A cache of its own: appending to one does not show in the other.
	fn copied(&self) -> Result<Self> {
		Ok(Self(match &self.0 {
			Some((keys, values)) => Some((keys.copy()?, values.copy()?)),
			None => None,
		}))
	}
}

/// Keys and values of the tokens seen so far, per layer.
#[derive(Debug, Default)]
pub struct KvCache {
	layers: Vec<LayerCache>,
	tokens: usize,
}

impl KvCache {
	/// An empty cache.
	pub fn new() -> Self {
		Self::default()
	}

	/// Tokens seen so far.
	pub fn tokens(&self) -> usize {
		self.tokens
	}

	/// Another cache with the same tokens, from where a sequence can go on in two ways.
	pub fn copied(&self) -> Result<Self> {
		let layers = self.layers.iter().map(LayerCache::copied).collect::<Result<_>>()?;
		Ok(Self { layers, tokens: self.tokens })
	}
}

/// A causal language model of the Llama architecture.
#[derive(Clone, Debug)]
pub struct Llama {
	embed_tokens: Embedding,
	layers: Vec<DecoderLayer>,
	norm: RmsNorm,
	lm_head: Linear,
	/// Of the rotary embedding, see [`LlamaConfig::frequencies`].
	frequencies: (Vec<f64>, f64),
	config: LlamaConfig,
}

impl Llama {
	/// Reads the tensors below `model` and, unless the embeddings are tied, `lm_head`.
	pub fn new(config: &LlamaConfig, vb: VarBuilder) -> Result<Self> {
		config.check()?;
		let model = vb.pp("model");
		let embed_tokens = Embedding::new(config.vocab_size, config.hidden_size, model.pp("embed_tokens"))?;
		let lm_head = match config.tie_word_embeddings {
			true => embed_tokens.logits(),
			false => Linear::new(config.hidden_size, config.vocab_size, false, vb.pp("lm_head"))?,
		};
		Ok(Self {
			layers: (0..config.num_hidden_layers)
				.map(|i| DecoderLayer::new(config, i, model.pp("layers").pp(i)))
				.collect::<Result<_>>()?,
			norm: RmsNorm::new(config.hidden_size, config.rms_norm_eps, model.pp("norm"))?,
			embed_tokens,
			lm_head,
			frequencies: config.frequencies(),
			config: config.clone(),
		})
	}

	/// The configuration that the model was built from.
	pub fn config(&self) -> &LlamaConfig {
		&self.config
	}

	/// `ids (b, t) u32` to the logits `(b, t, vocab_size)` of each next token.
	pub fn forward(&self, ids: &Tensor) -> Result<Tensor> {
		self.lm_head.forward(&self.states(ids, None)?)
	}

	/// The states `(b, t, hidden_size)` after `ids (b, t) u32`, of which [`Llama::logits`] makes the rows of
	/// [`Llama::forward`]: for whoever wants few of them.
	pub fn hidden_states(&self, ids: &Tensor) -> Result<Tensor> {
		self.states(ids, None)
	}

	/// The logits `(.., vocab_size)` of states `(.., hidden_size)`.
	pub fn logits(&self, states: &Tensor) -> Result<Tensor> {
		self.lm_head.forward(states)
	}

	/// The logits `(b, vocab_size)` after the last of `ids (b, t) u32`, which continue the sequence in `cache`.
	///
	/// The bits are those of the same row of [`Llama::forward`] over the whole sequence, however it was cut.
	pub fn forward_cached(&self, ids: &Tensor, cache: &mut KvCache) -> Result<Tensor> {
		let states = self.states(ids, Some(cache))?;
		let last = states.dim(1)? - 1;
		self.lm_head.forward(&states.narrow(1, last, 1)?.squeeze(1)?)
	}

	/// Takes `ids (b, t) u32`, which continue the sequence in `cache`, without asking what follows them: for the parts of a
	/// long prompt.
	pub fn feed(&self, ids: &Tensor, cache: &mut KvCache) -> Result<()> {
		self.states(ids, Some(cache)).map(|_| ())
	}

	fn states(&self, ids: &Tensor, mut cache: Option<&mut KvCache>) -> Result<Tensor> {
		let (_, t) = ids.dims2()?;
		let start = cache.as_ref().map_or(0, |cache| cache.tokens);
		let limit = self.config.max_position_embeddings;
		if t == 0 || start + t > limit {
			candle_core::bail!("Llama: a sequence of {} tokens, the limits are 1 and {limit}", start + t);
		}
		if let Some(cache) = cache.as_deref_mut() {
			cache.layers.resize_with(self.layers.len(), LayerCache::default);
			cache.tokens = start + t;
		}
		let rope = Rope::new(&self.frequencies, start, t, ids.device())?;
		let mut x = self.embed_tokens.forward(ids)?;
		for (i, layer) in self.layers.iter().enumerate() {
			x = layer.forward(&x, &rope, cache.as_deref_mut().map(|cache| &mut cache.layers[i]))?;
		}
		self.norm.forward(&x)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	/// Numbers that transformers' formulas give in double precision.
	#[test]
	fn frequencies_should_be_those_of_transformers_when_they_are_stretched() {
		let yarn = |heads: usize, context: usize, beta_fast: Option<f64>| {
			let scaling = RopeScaling { rope_type: "yarn".into(), factor: 4.0, beta_fast, ..Default::default() };
			let config = LlamaConfig {
				hidden_size: 32,
				num_attention_heads: heads,
				max_position_embeddings: context,
				rope_scaling: Some(scaling),
				..Default::default()
			};
			config.check().unwrap();
			config.frequencies()
		};
		let wide = [
			1.0,
			0.23717082451262847,
			0.05,
			0.007905694150420948,
			0.0025,
			0.0007905694150420947,
			0.00025,
			7.905694150420948e-05,
		];
		for ((found, scale), expected) in
			[(yarn(2, 64, None), &wide[..]), (yarn(4, 96, Some(4.0)), &[1.0, 0.0625, 0.0025, 0.00025][..])]
		{
			assert_eq!(found.len(), expected.len());
			for (found, expected) in found.iter().zip(expected) {
				assert!((found - expected).abs() < 1e-12 * expected, "{found} for {expected}");
			}
			assert!((scale - 1.138629436111989).abs() < 1e-12);
		}
		let given = RopeScaling { attention_factor: Some(1.5), rope_type: "yarn".into(), ..Default::default() };
		let config = LlamaConfig { rope_scaling: Some(given), ..Default::default() };
		assert_eq!(config.frequencies().1, 1.5);
		let halved = RopeScaling { factor: 2.0, rope_type: "linear".into(), ..Default::default() };
		let config = LlamaConfig { rope_scaling: Some(halved), ..Default::default() };
		let (plain, _) = LlamaConfig::default().frequencies();
		assert!(config.frequencies().0.iter().zip(&plain).all(|(half, whole)| half * 2.0 == *whole));
	}

	#[test]
	fn layers_should_rotate_unless_the_configuration_says_otherwise() {
		let config = LlamaConfig { no_rope_layers: Some(vec![1, 0]), ..Default::default() };
		assert_eq!([0, 1, 2].map(|layer| config.rotates(layer)), [true, false, true]);
		assert!(LlamaConfig::default().rotates(7));
	}
}
