//! The CLIP text encoder (Radford et al., 2021) with the tensor names of `transformers.CLIPTextModel`.

use crate::nn::{attention_scale, join_heads, split_heads, Embedding, LayerNorm, Linear};
use autonomy_kernels as kernels;
use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use serde::{Deserialize, Serialize};

/// Activation between the two layers of a feed-forward block.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HiddenActivation {
	/// `x·sigmoid(1.702·x)`, of OpenAI's models.
	#[default]
	QuickGelu,
	/// The exact form with erf, of the OpenCLIP models.
	Gelu,
}

/// `text_encoder/config.json`. Unknown fields are ignored; defaults are those of transformers.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct ClipTextConfig {
	/// Ids are below it.
	pub vocab_size: usize,
	/// Width of a token's state.
	pub hidden_size: usize,
	/// Width inside the feed-forward blocks.
	pub intermediate_size: usize,
	/// Encoder layers.
	pub num_hidden_layers: usize,
	/// Attention heads; must divide `hidden_size`.
	pub num_attention_heads: usize,
	/// Tokens of a padded prompt.
	pub max_position_embeddings: usize,
	/// Activation of the feed-forward blocks.
	pub hidden_act: HiddenActivation,
	/// Epsilon of the layer norms.
	pub layer_norm_eps: f64,
	/// Id whose first occurrence gives the pooled state. 2 is the historical mistake in the configs of OpenAI's
	/// models: the position of the largest id is taken instead.
	pub eos_token_id: u32,
	/// Width of the pooled state's projection, of models that have one (`CLIPTextModelWithProjection`).
	#[serde(skip_serializing_if = "is_default_projection_dim")]
	pub projection_dim: usize,
}

fn is_default_projection_dim(width: &usize) -> bool {
	*width == ClipTextConfig::default().projection_dim
}

impl Default for ClipTextConfig {
	fn default() -> Self {
		Self {
			vocab_size: 49408,
			hidden_size: 512,
			intermediate_size: 2048,
			num_hidden_layers: 12,
			num_attention_heads: 8,
			max_position_embeddings: 77,
			hidden_act: HiddenActivation::QuickGelu,
			layer_norm_eps: 1e-5,
			eos_token_id: 49407,
			projection_dim: 512,
		}
	}
}

#[derive(Clone, Debug)]
struct EncoderLayer {
	layer_norm1: LayerNorm,
	q_proj: Linear,
	k_proj: Linear,
	v_proj: Linear,
	out_proj: Linear,
	layer_norm2: LayerNorm,
	fc1: Linear,
	fc2: Linear,
	heads: usize,
	scale: f32,
	activation: HiddenActivation,
}

impl EncoderLayer {
	fn new(config: &ClipTextConfig, vb: VarBuilder) -> Result<Self> {
		let (width, inner, eps) = (config.hidden_size, config.intermediate_size, config.layer_norm_eps);
		let (attn, mlp) = (vb.pp("self_attn"), vb.pp("mlp"));
		Ok(Self {
			layer_norm1: LayerNorm::new(width, eps, vb.pp("layer_norm1"))?,
			q_proj: Linear::new(width, width, true, attn.pp("q_proj"))?,
			k_proj: Linear::new(width, width, true, attn.pp("k_proj"))?,
			v_proj: Linear::new(width, width, true, attn.pp("v_proj"))?,
			out_proj: Linear::new(width, width, true, attn.pp("out_proj"))?,
			layer_norm2: LayerNorm::new(width, eps, vb.pp("layer_norm2"))?,
			fc1: Linear::new(width, inner, true, mlp.pp("fc1"))?,
			fc2: Linear::new(inner, width, true, mlp.pp("fc2"))?,
			heads: config.num_attention_heads,
			scale: attention_scale(width / config.num_attention_heads),
			activation: config.hidden_act,
		})
	}

	fn forward(&self, x: &Tensor) -> Result<Tensor> {
		let hidden = self.layer_norm1.forward(x)?;
		let q = split_heads(&self.q_proj.forward(&hidden)?, self.heads)?;
		let k = split_heads(&self.k_proj.forward(&hidden)?, self.heads)?;
		let v = split_heads(&self.v_proj.forward(&hidden)?, self.heads)?;
		let hidden = join_heads(&kernels::attention(&q, &k, &v, self.scale, Some(0))?)?;
		let x = (x + self.out_proj.forward(&hidden)?)?;
		let hidden = self.fc1.forward(&self.layer_norm2.forward(&x)?)?;
		let hidden = match self.activation {
			HiddenActivation::QuickGelu => kernels::quick_gelu(&hidden)?,
			HiddenActivation::Gelu => kernels::gelu_erf(&hidden)?,
		};
		x + self.fc2.forward(&hidden)?
	}
}

/// The CLIP text encoder.
#[derive(Clone, Debug)]
pub struct ClipTextModel {
	token_embedding: Embedding,
	position_embedding: Embedding,
	layers: Vec<EncoderLayer>,
	final_layer_norm: LayerNorm,
	text_projection: Option<Linear>,
	eos_token_id: u32,
	/// Ids of the published vocabulary are below it, those of added rows are not.
	vocab_size: usize,
}

/// What the encoder makes of padded prompts.
pub struct ClipStates {
	/// The final states `(b, t, hidden_size)`.
	pub last: Tensor,
	/// The states before the last layer `(b, t, hidden_size)`, without the final normalisation: what SDXL reads.
	pub penultimate: Tensor,
	/// The final state at the end-of-text token `(b, hidden_size)`.
	pub pooled: Tensor,
	/// Its projection `(b, projection_dim)`, of models that have one.
	pub projected: Option<Tensor>,
}

impl ClipTextModel {
	/// Reads the tensors below `text_model`.
	pub fn new(config: &ClipTextConfig, vb: VarBuilder) -> Result<Self> {
		let (width, heads) = (config.hidden_size, config.num_attention_heads);
		if heads == 0 || !width.is_multiple_of(heads) {
			candle_core::bail!("CLIP: hidden_size {width} does not divide into {heads} attention heads");
		}
		// transformers 5 saves this model without the prefix.
		let vb = match vb.contains_tensor("embeddings.token_embedding.weight") {
			true => vb,
			false => vb.pp("text_model"),
		};
		let (embeddings, layers) = (vb.pp("embeddings"), vb.pp("encoder").pp("layers"));
		Ok(Self {
			token_embedding: Embedding::new(config.vocab_size, width, embeddings.pp("token_embedding"))?,
			position_embedding: Embedding::new(
				config.max_position_embeddings,
				width,
				embeddings.pp("position_embedding"),
			)?,
			layers: (0..config.num_hidden_layers)
				.map(|i| EncoderLayer::new(config, layers.pp(i)))
				.collect::<Result<_>>()?,
			final_layer_norm: LayerNorm::new(width, config.layer_norm_eps, vb.pp("final_layer_norm"))?,
			text_projection: None,
			eos_token_id: config.eos_token_id,
			vocab_size: config.vocab_size,
		})
	}

	/// Reads the same tensors and `text_projection`.
	pub fn with_projection(config: &ClipTextConfig, vb: VarBuilder) -> Result<Self> {
		let projection = vb.pp("text_projection");
		let projection = Linear::new(config.hidden_size, config.projection_dim, false, projection)?;
		Ok(Self { text_projection: Some(projection), ..Self::new(config, vb)? })
	}

	/// Appends learnt vectors `(n, hidden_size)` to the vocabulary (textual inversion); the id of the first is returned.
	pub fn extend_vocabulary(&mut self, vectors: &Tensor) -> Result<u32> {
		let first = self.token_embedding.rows() as u32;
		self.token_embedding = self.token_embedding.extended(vectors)?;
		Ok(first)
	}

	/// `ids (b, t) u32` to the final states `(b, t, hidden_size)` and the pooled states `(b, hidden_size)`, which are
	/// the final states at the end-of-text token.
	///
	/// Fails when `t` is above `max_position_embeddings`.
	pub fn forward(&self, ids: &Tensor) -> Result<(Tensor, Tensor)> {
		let ClipStates { last, pooled, .. } = self.states(ids)?;
		Ok((last, pooled))
	}

	/// `ids (b, t) u32` to all that pipelines read. Fails as [`Self::forward`] does.
	pub fn states(&self, ids: &Tensor) -> Result<ClipStates> {
		let (b, t) = ids.dims2()?;
		if t > self.position_embedding.rows() {
			candle_core::bail!("CLIP: {t} tokens, the limit is {}", self.position_embedding.rows());
		}
		// One row of positions per sample: the kernel then sums their gradients in its fixed order.
		let positions: Vec<u32> = (0..b).flat_map(|_| 0..t as u32).collect();
		let positions = Tensor::from_vec(positions, (b, t), ids.device())?;
		let mut x = (self.token_embedding.forward(ids)? + self.position_embedding.forward(&positions)?)?;
		let mut penultimate = x.clone();
		for layer in &self.layers {
			penultimate = x;
			x = layer.forward(&penultimate)?;
		}
		let x = self.final_layer_norm.forward(&x)?;
		let pooled = ids
			.to_vec2::<u32>()?
			.iter()
			.enumerate()
			.map(|(i, row)| x.narrow(0, i, 1)?.narrow(1, self.end_of_text(row), 1)?.squeeze(1))
			.collect::<Result<Vec<_>>>()?;
		let pooled = Tensor::cat(&pooled, 0)?;
		let projected = self.text_projection.as_ref().map(|layer| layer.forward(&pooled)).transpose()?;
		Ok(ClipStates { last: x, penultimate, pooled, projected })
	}

	/// Position of the pooled token; the first one when no end-of-text token is there, as transformers has it.
	fn end_of_text(&self, ids: &[u32]) -> usize {
		let wanted = match self.eos_token_id {
			2 => ids.iter().copied().filter(|id| (*id as usize) < self.vocab_size).max().unwrap_or(0),
			id => id,
		};
		ids.iter().position(|&id| id == wanted).unwrap_or(0)
	}
}
