//! The networks beside diffusers and transformers: `reference/networks.json` holds what those computed with the same
//! weights and inputs. With `REFERENCE_DIR` set, weights and inputs are written there for `reference/networks.py`.

mod common;

use autonomy_engine::models::blocks::TimeScaleShift;
use autonomy_engine::models::clip::{ClipTextConfig, ClipTextModel, HiddenActivation};
use autonomy_engine::models::llama::{Llama, LlamaConfig, RopeScaling};
use autonomy_engine::models::unet::{Conditioning, PerBlock, UNet2DConditionConfig, UNet2DConditionModel};
use autonomy_engine::models::vae::AutoencoderKl;
use autonomy_engine::nn::Padding;
use candle_core::{Device, Tensor};
use common::*;
use std::collections::HashMap;
use std::path::PathBuf;

/// The outputs that diffusers or transformers gave, every 7th value.
fn expected(name: &str) -> Vec<Vec<f64>> {
	let mut all: HashMap<String, Vec<Vec<f64>>> =
		serde_json::from_str(include_str!("reference/networks.json")).unwrap();
	all.remove(name).unwrap_or_else(|| panic!("no reference for {name}"))
}

fn compare(
	name: &str,
	config: &impl serde::Serialize,
	weights: &RandomWeights,
	inputs: &[(&str, &Tensor)],
	outputs: &[Tensor],
) {
	if let Some(dir) = std::env::var_os("REFERENCE_DIR").map(PathBuf::from) {
		weights.save(&dir.join(format!("{name}.weights.safetensors"))).unwrap();
		let inputs: HashMap<_, _> = inputs.iter().map(|(key, x)| (key.to_string(), (*x).clone())).collect();
		candle_core::safetensors::save(&inputs, dir.join(format!("{name}.inputs.safetensors"))).unwrap();
		std::fs::write(dir.join(format!("{name}.config.json")), serde_json::to_vec(config).unwrap()).unwrap();
		return;
	}
	let expected = expected(name);
	assert_eq!(expected.len(), outputs.len());
	for (theirs, ours) in expected.iter().zip(outputs) {
		let ours: Vec<f32> = ours.flatten_all().unwrap().to_vec1::<f32>().unwrap().into_iter().step_by(7).collect();
		assert_eq!(ours.len(), theirs.len(), "{name}");
		for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
			assert!((f64::from(*a) - b).abs() < 2e-5, "{name}: value {}: {a} for {b}", 7 * i);
		}
	}
}

#[test]
fn clip_should_agree_with_transformers() {
	let gelu = ClipTextConfig { hidden_act: HiddenActivation::Gelu, eos_token_id: 9, ..clip_config() };
	for (name, config) in [("clip", clip_config()), ("clip_gelu", gelu)] {
		let weights = RandomWeights::default();
		let model = ClipTextModel::new(&config, weights.vb()).unwrap();
		let rows = [[0u32, 5, 61, 9, 7, 9, 1, 3], [1, 9, 4, 4, 63, 8, 8, 2]];
		let ids = Tensor::new(&rows, &Device::Cpu).unwrap();
		let (states, pooled) = model.forward(&ids).unwrap();
		compare(name, &config, &weights, &[("ids", &ids)], &[states, pooled]);
	}
}

#[test]
fn unet_should_agree_with_diffusers() {
	let plain = UNet2DConditionConfig { use_linear_projection: true, ..unet_config() };
	let film = UNet2DConditionConfig {
		in_channels: 12,
		out_channels: 6,
		block_out_channels: vec![16, 24, 32],
		down_block_types: vec!["DownBlock2D".into(), "CrossAttnDownBlock2D".into(), "CrossAttnDownBlock2D".into()],
		up_block_types: vec!["CrossAttnUpBlock2D".into(), "CrossAttnUpBlock2D".into(), "UpBlock2D".into()],
		layers_per_block: PerBlock::Many(vec![1, 2, 1]),
		attention_head_dim: PerBlock::Many(vec![2, 3, 4]),
		transformer_layers_per_block: PerBlock::Many(vec![1, 2, 1]),
		class_embed_type: Some("projection".into()),
		projection_class_embeddings_input_dim: Some(32),
		resnet_time_scale_shift: TimeScaleShift::ScaleShift,
		flip_sin_to_cos: false,
		freq_shift: 1.0,
		mid_block_scale_factor: 1.5,
		..unet_config()
	};
	for (name, config) in [("unet", plain), ("unet_film", film)] {
		let weights = RandomWeights::default();
		let model = UNet2DConditionModel::new(&config, weights.vb()).unwrap();
		let (sample, states) = (random(2, &[2, config.in_channels, 8, 12]), random(3, &[2, 12, 32]));
		let (times, class) = ([481.0, 17.0], random(4, &[2, 32]));
		let labels = config.class_embed_type.as_ref().map(|_| &class);
		let output = model.forward(&sample, &times, &states, labels).unwrap();
		let times = Tensor::new(&times, &Device::Cpu).unwrap();
		let mut inputs = vec![("sample", &sample), ("states", &states), ("timesteps", &times)];
		inputs.extend(labels.map(|labels| ("class", labels)));
		compare(name, &config, &weights, &inputs, &[output]);
	}
}

/// SDXL's second text encoder: the states before the last layer, and the projection.
#[test]
fn clip_with_projection_should_agree_with_transformers() {
	let config =
		ClipTextConfig { hidden_act: HiddenActivation::Gelu, eos_token_id: 9, projection_dim: 24, ..clip_config() };
	let weights = RandomWeights::default();
	let model = ClipTextModel::with_projection(&config, weights.vb()).unwrap();
	let rows = [[0u32, 5, 61, 9, 7, 9, 1, 3], [1, 9, 4, 4, 63, 8, 8, 2]];
	let ids = Tensor::new(&rows, &Device::Cpu).unwrap();
	let states = model.states(&ids).unwrap();
	compare("clip_projection", &config, &weights, &[("ids", &ids)], &[states.penultimate, states.projected.unwrap()]);
}

/// SDXL's sizes and pooled text, and the guidance scale of a latent consistency model.
#[test]
fn unet_of_sdxl_should_agree_with_diffusers() {
	let config = UNet2DConditionConfig {
		cross_attention_dim: 64,
		addition_embed_type: Some("text_time".into()),
		addition_time_embed_dim: Some(8),
		projection_class_embeddings_input_dim: Some(24 + 6 * 8),
		time_cond_proj_dim: Some(16),
		use_linear_projection: true,
		..unet_config()
	};
	let weights = RandomWeights::default();
	let model = UNet2DConditionModel::new(&config, weights.vb()).unwrap();
	let (sample, states, pooled) = (random(2, &[2, 4, 8, 12]), random(3, &[2, 12, 64]), random(4, &[2, 24]));
	let (times, sizes, guidance) = ([481.0, 17.0], [96.0, 64.0, 0.0, 8.0, 96.0, 64.0], 7.5);
	let text_and_sizes = Some((&pooled, sizes));
	let conditioning = Conditioning { text_and_sizes, guidance: Some(guidance), ..Default::default() };
	let output = model.forward_conditioned(&sample, &times, &states, &conditioning, Padding::Zeros).unwrap();
	let row = |values: &[f32]| Tensor::new(values, &Device::Cpu).unwrap();
	let (times, sizes, guidance) = (row(&times), row(&sizes).unsqueeze(0).unwrap(), row(&[guidance]));
	let inputs = [
		("sample", &sample),
		("states", &states),
		("timesteps", &times),
		("pooled", &pooled),
		("sizes", &sizes),
		("guidance", &guidance),
	];
	compare("unet_sdxl", &config, &weights, &inputs, &[output]);
}

#[test]
fn vae_should_agree_with_diffusers() {
	let (config, weights) = (vae_config(), RandomWeights::default());
	let model = AutoencoderKl::new(&config, weights.vb()).unwrap();
	let (latents, picture) = (random(5, &[1, 4, 6, 8]), random(6, &[2, 3, 8, 12]));
	let outputs = [model.decode(&latents).unwrap(), model.encode_mean(&picture).unwrap()];
	compare("vae", &config, &weights, &[("latents", &latents), ("picture", &picture)], &outputs);
}

#[test]
fn llama_should_agree_with_transformers() {
	let scaled = LlamaConfig {
		tie_word_embeddings: true,
		rope_scaling: Some(RopeScaling {
			rope_type: "llama3".into(),
			factor: 4.0,
			low_freq_factor: 1.0,
			high_freq_factor: 4.0,
			original_max_position_embeddings: Some(48),
			..Default::default()
		}),
		..llama_config()
	};
	for (name, config) in [("llama", llama_config()), ("llama_scaled", scaled)] {
		let weights = RandomWeights::default();
		let model = Llama::new(&config, weights.vb()).unwrap();
		let ids = ids(4, (2, 50), 64);
		compare(name, &config, &weights, &[("ids", &ids)], &[model.forward(&ids).unwrap()]);
	}
}
