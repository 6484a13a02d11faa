//! The Llama architecture (Touvron et al., 2023; also SmolLM2 and other models of the same layout) with the
//! configuration and tensor names of `transformers.LlamaForCausalLM`.

use crate::nn::{attention_scale, join_heads, split_heads, Embedding, Linear, RmsNorm};
use autonomy_kernels as kernels;
use candle_core::{Device, Result, Tensor};
use candle_nn::VarBuilder;
use serde::{Deserialize, Serialize};

/// `rope_scaling` of Llama 3.1 and later: low frequencies are stretched for longer contexts.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct RopeScaling {
	/// Only `llama3` (or `default`, which changes nothing).
	#[serde(alias = "type")]
	pub rope_type: String,
	/// Stretch of the low frequencies.
	#[serde(default = "one")]
	pub factor: f64,
	/// Wavelengths above the original context divided by this are stretched fully.
	#[serde(default = "one")]
	pub low_freq_factor: f64,
	/// Wavelengths below the original context divided by this are left alone.
	#[serde(default = "four")]
	pub high_freq_factor: f64,
	/// Tokens of the original context.
	#[serde(default = "original_context")]
	pub original_max_position_embeddings: usize,
}

fn one() -> f64 {
	1.0
}

fn four() -> f64 {
	4.0
}

fn original_context() -> usize {
	8192
}

/// `config.json`. Unknown fields are ignored; defaults are those of transformers.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct LlamaConfig {
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
	/// Biases on the attention projections.
	pub attention_bias: bool,
	/// Biases in the feed-forward blocks.
	pub mlp_bias: bool,
}

impl Default for LlamaConfig {
	fn default() -> Self {
		Self {
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
		}
	}
}

impl LlamaConfig {
	/// Key and value heads.
	pub fn kv_heads(&self) -> usize {
		self.num_key_value_heads.unwrap_or(self.num_attention_heads)
	}

	/// Width of a head.
	pub fn head_width(&self) -> usize {
		self.head_dim.unwrap_or(self.hidden_size / self.num_attention_heads.max(1))
	}

	fn check(&self) -> Result<()> {
		let (heads, kv_heads) = (self.num_attention_heads, self.kv_heads());
		if heads == 0 || kv_heads == 0 || !heads.is_multiple_of(kv_heads) {
			candle_core::bail!("Llama: {kv_heads} key heads do not divide {heads} query heads");
		}
		if self.head_dim.is_none() && !self.hidden_size.is_multiple_of(heads) {
			candle_core::bail!("Llama: hidden_size {} does not divide into {heads} heads", self.hidden_size);
		}
		if !self.head_width().is_multiple_of(2) {
			candle_core::bail!("Llama: the head width {} must be even for rotary embeddings", self.head_width());
		}
		if self.hidden_act != "silu" {
			candle_core::bail!("Llama: hidden_act {:?} is not supported; silu is", self.hidden_act);
		}
		match self.rope_scaling.as_ref().map(|scaling| scaling.rope_type.as_str()) {
			None | Some("default" | "llama3") => Ok(()),
			Some(other) => candle_core::bail!("Llama: rope type {other:?} is not supported; default and llama3 are"),
		}
	}

	/// Angle per position of each pair of a head, in radians.
	fn frequencies(&self) -> Vec<f64> {
		let d = self.head_width();
		let plain = (0..d / 2).map(|i| 1.0 / libm::pow(self.rope_theta, (2 * i) as f64 / d as f64));
		let Some(scaling) = self.rope_scaling.as_ref().filter(|scaling| scaling.rope_type == "llama3") else {
			return plain.collect();
		};
		let original = scaling.original_max_position_embeddings as f64;
		let (low, high) = (scaling.low_freq_factor, scaling.high_freq_factor);
		plain
			.map(|frequency| {
				let wavelength = 2.0 * std::f64::consts::PI / frequency;
				if wavelength < original / high {
					frequency
				} else if wavelength > original / low {
					frequency / scaling.factor
				} else {
					let smooth = (original / wavelength - low) / (high - low);
					(1.0 - smooth) * frequency / scaling.factor + smooth * frequency
				}
			})
			.collect()
	}
}

#[derive(Clone, Debug)]
struct DecoderLayer {
	input_layernorm: RmsNorm,
	q_proj: Linear,
	k_proj: Linear,
	v_proj: Linear,
	o_proj: Linear,
	post_attention_layernorm: RmsNorm,
	gate_proj: Linear,
	up_proj: Linear,
	down_proj: Linear,
	heads: usize,
	kv_heads: usize,
	scale: f32,
}

impl DecoderLayer {
	fn new(config: &LlamaConfig, vb: VarBuilder) -> Result<Self> {
		let (width, inner, eps) = (config.hidden_size, config.intermediate_size, config.rms_norm_eps);
		let (heads, kv_heads, d) = (config.num_attention_heads, config.kv_heads(), config.head_width());
		let (bias, mlp_bias) = (config.attention_bias, config.mlp_bias);
		let (attn, mlp) = (vb.pp("self_attn"), vb.pp("mlp"));
		Ok(Self {
			input_layernorm: RmsNorm::new(width, eps, vb.pp("input_layernorm"))?,
			q_proj: Linear::new(width, heads * d, bias, attn.pp("q_proj"))?,
			k_proj: Linear::new(width, kv_heads * d, bias, attn.pp("k_proj"))?,
			v_proj: Linear::new(width, kv_heads * d, bias, attn.pp("v_proj"))?,
			o_proj: Linear::new(heads * d, width, bias, attn.pp("o_proj"))?,
			post_attention_layernorm: RmsNorm::new(width, eps, vb.pp("post_attention_layernorm"))?,
			gate_proj: Linear::new(width, inner, mlp_bias, mlp.pp("gate_proj"))?,
			up_proj: Linear::new(width, inner, mlp_bias, mlp.pp("up_proj"))?,
			down_proj: Linear::new(inner, width, mlp_bias, mlp.pp("down_proj"))?,
			heads,
			kv_heads,
			scale: attention_scale(d),
		})
	}

	/// `cached` holds the keys and values of the positions before `x`; the new ones are appended to it.
	fn forward(&self, x: &Tensor, rope: &Rope, cached: Option<&mut Option<(Tensor, Tensor)>>) -> Result<Tensor> {
		let hidden = self.input_layernorm.forward(x)?;
		let q = rope.apply(&split_heads(&self.q_proj.forward(&hidden)?, self.heads)?)?;
		let k = rope.apply(&split_heads(&self.k_proj.forward(&hidden)?, self.kv_heads)?)?;
		let v = split_heads(&self.v_proj.forward(&hidden)?, self.kv_heads)?;
		let (k, v) = match cached {
			None => (k, v),
			Some(slot) => {
				let pair = match slot.take() {
					Some((keys, values)) => (Tensor::cat(&[&keys, &k], 2)?, Tensor::cat(&[&values, &v], 2)?),
					None => (k.contiguous()?, v.contiguous()?),
				};
				slot.insert(pair).clone()
			}
		};
		let hidden = kernels::attention(&q, &k, &v, self.scale, Some(rope.start))?;
		let x = (x + self.o_proj.forward(&join_heads(&hidden)?)?)?;
		let hidden = self.post_attention_layernorm.forward(&x)?;
		let gate = kernels::silu(&self.gate_proj.forward(&hidden)?)?;
		x + self.down_proj.forward(&(gate * self.up_proj.forward(&hidden)?)?)?
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
	fn new(frequencies: &[f64], start: usize, count: usize) -> Result<Self> {
		let angles = || (start..start + count).flat_map(|t| frequencies.iter().map(move |f| t as f64 * f));
		let table = |function: fn(f64) -> f64| {
			let values: Vec<f32> = angles().map(|angle| function(angle) as f32).collect();
			Tensor::from_vec(values, (count, frequencies.len()), &Device::Cpu)
		};
		Ok(Self { cos: table(libm::cos)?, sin: table(libm::sin)?, start })
	}

	fn apply(&self, x: &Tensor) -> Result<Tensor> {
		kernels::rope(x, &self.cos, &self.sin)
	}
}

/// Keys and values of the tokens seen so far, per layer.
#[derive(Clone, Debug, Default)]
pub struct KvCache {
	layers: Vec<Option<(Tensor, Tensor)>>,
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
}

/// A causal language model of the Llama architecture.
#[derive(Clone, Debug)]
pub struct Llama {
	embed_tokens: Embedding,
	layers: Vec<DecoderLayer>,
	norm: RmsNorm,
	lm_head: Linear,
	frequencies: Vec<f64>,
	config: LlamaConfig,
}

impl Llama {
	/// Reads the tensors below `model` and, unless the embeddings are tied, `lm_head`.
	pub fn new(config: &LlamaConfig, vb: VarBuilder) -> Result<Self> {
		config.check()?;
		let model = vb.pp("model");
		let embed_tokens = Embedding::new(config.vocab_size, config.hidden_size, model.pp("embed_tokens"))?;
		let lm_head = match config.tie_word_embeddings {
			true => Linear::from_weight(embed_tokens.table().clone()),
			false => Linear::new(config.hidden_size, config.vocab_size, false, vb.pp("lm_head"))?,
		};
		Ok(Self {
			layers: (0..config.num_hidden_layers)
				.map(|i| DecoderLayer::new(config, model.pp("layers").pp(i)))
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

	fn states(&self, ids: &Tensor, mut cache: Option<&mut KvCache>) -> Result<Tensor> {
		let (_, t) = ids.dims2()?;
		let start = cache.as_ref().map_or(0, |cache| cache.tokens);
		let limit = self.config.max_position_embeddings;
		if t == 0 || start + t > limit {
			candle_core::bail!("Llama: a sequence of {} tokens, the limits are 1 and {limit}", start + t);
		}
		if let Some(cache) = cache.as_deref_mut() {
			cache.layers.resize(self.layers.len(), None);
			cache.tokens = start + t;
		}
		let rope = Rope::new(&self.frequencies, start, t)?;
		let mut x = self.embed_tokens.forward(ids)?;
		for (i, layer) in self.layers.iter().enumerate() {
			x = layer.forward(&x, &rope, cache.as_deref_mut().map(|cache| &mut cache.layers[i]))?;
		}
		self.norm.forward(&x)
	}
}
