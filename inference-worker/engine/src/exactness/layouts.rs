//! The weights of a folder in the other layouts that models are published in: what a reader makes of them must be the same.

use super::{make_parent, Failure};
use crate::models::llama::{Family, LlamaConfig};
use crate::models::unet::UNet2DConditionConfig;
use crate::models::vae::AutoencoderKlConfig;
use crate::weights::checkpoint::{open_clip_source, unet_key, vae_key, Source};
use candle_core::quantized::{gguf_file, GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::path::Path;

type Tensors = HashMap<String, Tensor>;

fn read(dir: &Path, file: &str) -> Result<Tensors, Failure> {
	Ok(candle_core::safetensors::load(dir.join(file), &Device::Cpu)?)
}

fn config<T: DeserializeOwned>(dir: &Path, file: &str) -> Result<T, Failure> {
	Ok(serde_json::from_slice(&std::fs::read(dir.join(file))?)?)
}

/// The tensors of a diffusers folder under the names of the original Stable Diffusion code. Those of the first text encoder
/// begin with `text`; `open_clip` is the folder of a second one, which goes into OpenCLIP's form, and what its names begin with.
pub fn as_checkpoint(dir: &Path, text: &str, open_clip: Option<(&str, &str)>) -> Result<Tensors, Failure> {
	let unet: UNet2DConditionConfig = config(dir, "unet/config.json")?;
	let vae: AutoencoderKlConfig = config(dir, "vae/config.json")?;
	let mut all = Tensors::new();
	let mut add = |name: String, tensor: Tensor| match all.insert(name.clone(), tensor) {
		None => Ok(()),
		Some(_) => Err(Failure::from(format!("{name} is there twice"))),
	};
	let placed = |key: Option<String>, name: &str| key.ok_or_else(|| Failure::from(format!("{name} has no place")));
	for (name, tensor) in read(dir, "unet/diffusion_pytorch_model.safetensors")? {
		add(format!("model.diffusion_model.{}", placed(unet_key(&unet, &name), &name)?), tensor)?;
	}
	for (name, tensor) in read(dir, "vae/diffusion_pytorch_model.safetensors")? {
		let key = placed(vae_key(vae.block_out_channels.len(), &name), &name)?;
		// Its attention is made of 1×1 convolutions there.
		let is_linear = key.contains("attn_1") && tensor.rank() == 2;
		let tensor = if is_linear { tensor.unsqueeze(2)?.unsqueeze(3)? } else { tensor };
		add(format!("first_stage_model.{key}"), tensor)?;
	}
	for (name, tensor) in read(dir, "text_encoder/model.safetensors")? {
		add(format!("{text}{name}"), tensor)?;
	}
	if let Some((component, prefix)) = open_clip {
		let tensors = read(dir, &format!("{component}/model.safetensors"))?;
		for (name, tensor) in &tensors {
			match open_clip_source(name) {
				None => return Err(format!("{name} has no place").into()),
				Some(Source::Whole(key)) => add(format!("{prefix}{key}"), tensor.clone())?,
				Some(Source::Transposed(key)) => add(format!("{prefix}{key}"), tensor.t()?.contiguous()?)?,
				Some(Source::Third(key, 0)) => {
					let third = |other: &str| {
						let name = name.replace("q_proj", other);
						tensors.get(&name).ok_or_else(|| Failure::from(format!("{name} is missing")))
					};
					let whole = Tensor::cat(&[tensor, third("k_proj")?, third("v_proj")?], 0)?;
					add(format!("{prefix}{key}"), whole)?;
				}
				Some(Source::Third(_, _)) => {}
			}
		}
	}
	Ok(all)
}

/// Writes the networks of the diffusers folder `dir` of Stable Diffusion 1's form as one checkpoint. Settings and tokenizer go
/// beside it, since no published checkpoint has networks as small.
pub fn write_checkpoint(dir: &Path, file: &Path) -> Result<(), Failure> {
	const BESIDE: [&str; 6] = [
		"scheduler/scheduler_config.json",
		"text_encoder/config.json",
		"tokenizer/tokenizer.json",
		"tokenizer/tokenizer_config.json",
		"unet/config.json",
		"vae/config.json",
	];
	make_parent(file)?;
	for name in BESIDE {
		let target = file.with_file_name(name);
		make_parent(&target)?;
		std::fs::copy(dir.join(name), target)?;
	}
	let tensors = as_checkpoint(dir, "cond_stage_model.transformer.", None)?;
	Ok(candle_core::safetensors::save(&tensors, file)?)
}

/// A tensor of transformers under its name in a GGUF file, the pairs of each head side by side.
fn stored(config: &LlamaConfig, name: &str, tensor: &Tensor) -> Result<(String, QTensor), Failure> {
	let new = [
		("model.embed_tokens", "token_embd"),
		("model.norm", "output_norm"),
		("lm_head", "output"),
		("model.layers", "blk"),
		("self_attn.q_proj", "attn_q"),
		("self_attn.k_proj", "attn_k"),
		("self_attn.v_proj", "attn_v"),
		("self_attn.o_proj", "attn_output"),
		("self_attn.q_norm", "attn_q_norm"),
		("self_attn.k_norm", "attn_k_norm"),
		("input_layernorm", "attn_norm"),
		("post_attention_layernorm", "ffn_norm"),
		("mlp.gate_proj", "ffn_gate"),
		("mlp.up_proj", "ffn_up"),
		("mlp.down_proj", "ffn_down"),
	];
	let name = new.iter().fold(name.to_owned(), |name, (theirs, ours)| name.replace(theirs, ours));
	let paired = matches!(config.model_type, Family::Llama | Family::SmolLm3);
	let heads = match paired {
		true if name.contains("attn_q.") => Some(config.num_attention_heads),
		true if name.contains("attn_k.") => Some(config.kv_heads()),
		_ => None,
	};
	let tensor = match heads {
		None => tensor.clone(),
		Some(heads) => {
			let rows = tensor.dim(0)?;
			let halves = tensor.reshape((heads, 2, rows / heads / 2, tensor.elem_count() / rows))?;
			halves.transpose(1, 2)?.contiguous()?.reshape(tensor.shape())?
		}
	};
	Ok((name, QTensor::quantize(&tensor, GgmlDType::F32)?))
}

/// Moves the weights of a language model's folder from `model.safetensors` into `model-f32.gguf`, which says that it is of
/// `architecture`.
pub fn as_gguf(dir: &Path, config: &LlamaConfig, architecture: &str) -> Result<(), Failure> {
	use gguf_file::Value;
	let tensors = read(dir, "model.safetensors")?;
	let tensors: Vec<_> = tensors.iter().map(|(name, x)| stored(config, name, x)).collect::<Result<_, _>>()?;
	let tensors: Vec<(&str, &QTensor)> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
	let mut metadata = vec![
		("general.architecture".to_owned(), Value::String(architecture.into())),
		// As published files have, whose words and scores come before the tensors.
		("tokenizer.ggml.tokens".to_owned(), Value::Array(vec![Value::String("a".into()); 70])),
		("tokenizer.ggml.scores".to_owned(), Value::Array(vec![Value::F32(0.5); 70])),
		("general.quantized".to_owned(), Value::Bool(true)),
		("general.some".to_owned(), Value::F64(0.5)),
	];
	for (name, number) in config.in_gguf() {
		metadata.push((format!("{architecture}.{name}"), Value::U32(u32::try_from(number)?)));
	}
	let metadata: Vec<(&str, &Value)> = metadata.iter().map(|(key, value)| (key.as_str(), value)).collect();
	let mut file = std::fs::File::create(dir.join("model-f32.gguf"))?;
	gguf_file::write(&mut file, &metadata, &tensors)?;
	Ok(std::fs::remove_file(dir.join("model.safetensors"))?)
}
