//! Small models with reproducible random weights, in memory and as folders.
#![allow(dead_code)]

use autonomy_engine::digest::cid_text;
use autonomy_engine::models::clip::{ClipTextConfig, ClipTextModel, HiddenActivation};
use autonomy_engine::models::llama::{Llama, LlamaConfig};
use autonomy_engine::models::unet::{PerBlock, UNet2DConditionConfig, UNet2DConditionModel};
use autonomy_engine::models::vae::{AutoencoderKl, AutoencoderKlConfig};
use autonomy_engine::samplers::SchedulerConfig;
use autonomy_engine::{Architecture, InputSpec, ManifestMeta};
use autonomy_kernels::rng::Noise;
use autonomy_primitives::digest::cid;
use autonomy_primitives::model::ModelLimits;
use candle_core::{DType, Device, Result, Shape, Tensor};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use serde_json::json;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Gives every tensor that a model asks for values that follow from its name, and keeps them.
#[derive(Clone, Default)]
pub struct RandomWeights {
	tensors: Arc<Mutex<HashMap<String, Tensor>>>,
}

impl RandomWeights {
	pub fn vb(&self) -> VarBuilder<'static> {
		VarBuilder::from_backend(Box::new(self.clone()), DType::F32, Device::Cpu)
	}

	pub fn tensors(&self) -> HashMap<String, Tensor> {
		self.tensors.lock().unwrap().clone()
	}

	pub fn save(&self, path: &Path) {
		std::fs::create_dir_all(path.parent().unwrap()).unwrap();
		candle_core::safetensors::save(&self.tensors(), path).unwrap();
	}
}

impl SimpleBackend for RandomWeights {
	fn get(&self, shape: Shape, name: &str, _: Init, _: DType, device: &Device) -> Result<Tensor> {
		let mut tensors = self.tensors.lock().unwrap();
		if let Some(tensor) = tensors.get(name) {
			assert_eq!(tensor.shape(), &shape, "{name}");
			return Ok(tensor.clone());
		}
		let mut seed = [0; 32];
		seed.copy_from_slice(&cid(name.as_bytes())[4..]);
		let dims = shape.dims().to_vec();
		let mut values = Noise::new(seed).normal(0, 0, shape.elem_count());
		let (mean, spread) = match dims.as_slice() {
			[_] if name.ends_with("weight") => (1.0, 0.1),
			[_] => (0.0, 0.1),
			[_, inner @ ..] => (0.0, 1.0 / libm::sqrtf(inner.iter().product::<usize>() as f32)),
			[] => (0.0, 1.0),
		};
		values.iter_mut().for_each(|x| *x = mean + spread * *x);
		let tensor = Tensor::from_vec(values, shape, device)?;
		tensors.insert(name.into(), tensor.clone());
		Ok(tensor)
	}

	fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> Result<Tensor> {
		candle_core::bail!("{name} without a shape")
	}

	fn contains_tensor(&self, name: &str) -> bool {
		self.tensors.lock().unwrap().contains_key(name)
	}
}

pub fn random(seed: u8, shape: &[usize]) -> Tensor {
	Noise::new([seed; 32]).normal_tensor(7, shape).unwrap()
}

pub fn ids(seed: u8, shape: (usize, usize), vocab: u32) -> Tensor {
	let ids = Noise::new([seed; 32]).bits(8, 0, shape.0 * shape.1).into_iter().map(|bits| bits % vocab).collect();
	Tensor::from_vec(ids, shape, &Device::Cpu).unwrap()
}

/// Values as their bits, named by the CID of the bytes so that a failed comparison prints one line.
pub fn bits(x: &Tensor) -> String {
	let values = x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
	let bytes: Vec<u8> = values.into_iter().flat_map(f32::to_le_bytes).collect();
	cid_text(&cid(&bytes))
}

pub fn assert_close(ours: &Tensor, theirs: &Tensor, tolerance: f32) {
	assert_eq!(ours.dims(), theirs.dims());
	let flat = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
	let (ours, theirs) = (flat(ours), flat(theirs));
	let spread = theirs.iter().fold(0f32, |most, x| most.max(x.abs()));
	assert!(spread > 0.05, "outputs of at most {spread} show nothing");
	for (i, (a, b)) in ours.iter().zip(&theirs).enumerate() {
		assert!((a - b).abs() < tolerance, "element {i}: {a} and {b}");
	}
}

pub fn clip_config() -> ClipTextConfig {
	ClipTextConfig {
		vocab_size: 64,
		hidden_size: 32,
		intermediate_size: 48,
		num_hidden_layers: 2,
		num_attention_heads: 4,
		max_position_embeddings: 12,
		hidden_act: HiddenActivation::QuickGelu,
		layer_norm_eps: 1e-5,
		eos_token_id: 2,
	}
}

pub fn unet_config() -> UNet2DConditionConfig {
	UNet2DConditionConfig {
		in_channels: 4,
		out_channels: 4,
		down_block_types: vec!["CrossAttnDownBlock2D".into(), "DownBlock2D".into()],
		up_block_types: vec!["UpBlock2D".into(), "CrossAttnUpBlock2D".into()],
		block_out_channels: vec![16, 32],
		layers_per_block: PerBlock::One(2),
		norm_num_groups: 4,
		cross_attention_dim: 32,
		attention_head_dim: PerBlock::One(4),
		..Default::default()
	}
}

pub fn vae_config() -> AutoencoderKlConfig {
	AutoencoderKlConfig {
		down_block_types: vec!["DownEncoderBlock2D".into(); 2],
		up_block_types: vec!["UpDecoderBlock2D".into(); 2],
		block_out_channels: vec![16, 32],
		norm_num_groups: 4,
		..Default::default()
	}
}

pub fn llama_config() -> LlamaConfig {
	LlamaConfig {
		vocab_size: 64,
		hidden_size: 32,
		intermediate_size: 80,
		num_hidden_layers: 2,
		num_attention_heads: 4,
		num_key_value_heads: Some(2),
		max_position_embeddings: 96,
		rms_norm_eps: 1e-5,
		..Default::default()
	}
}

/// Words `w3` to `w63` after three marks: begin, end, padding.
fn tokenizer_json(marks: bool) -> serde_json::Value {
	let special = ["<s>", "</s>", "<pad>"];
	let mut vocab: serde_json::Map<String, serde_json::Value> =
		special.iter().enumerate().map(|(id, word)| (word.to_string(), json!(id))).collect();
	vocab.extend((3..64).map(|id| (format!("w{id}"), json!(id))));
	let added: Vec<_> = special
		.iter()
		.enumerate()
		.map(|(id, word)| {
			json!({ "id": id, "content": word, "single_word": false, "lstrip": false, "rstrip": false,
				"normalized": false, "special": true })
		})
		.collect();
	let template = json!({
		"type": "TemplateProcessing",
		"single": [
			{ "SpecialToken": { "id": "<s>", "type_id": 0 } },
			{ "Sequence": { "id": "A", "type_id": 0 } },
			{ "SpecialToken": { "id": "</s>", "type_id": 0 } },
		],
		"pair": [],
		"special_tokens": {
			"<s>": { "id": "<s>", "ids": [0], "tokens": ["<s>"] },
			"</s>": { "id": "</s>", "ids": [1], "tokens": ["</s>"] },
		},
	});
	json!({
		"version": "1.0",
		"truncation": null,
		"padding": null,
		"added_tokens": added,
		"normalizer": null,
		"pre_tokenizer": { "type": "Whitespace" },
		"post_processor": if marks { template } else { json!(null) },
		"decoder": null,
		"model": { "type": "WordLevel", "vocab": vocab, "unk_token": "w3" },
	})
}

fn write_json(path: &Path, value: &impl serde::Serialize) {
	std::fs::create_dir_all(path.parent().unwrap()).unwrap();
	std::fs::write(path, serde_json::to_vec(value).unwrap()).unwrap();
}

fn write_text_encoder(dir: &Path) {
	write_json(&dir.join("tokenizer/tokenizer.json"), &tokenizer_json(true));
	write_json(&dir.join("tokenizer/tokenizer_config.json"), &json!({ "pad_token": "<pad>" }));
	let config = ClipTextConfig { eos_token_id: 1, ..clip_config() };
	write_json(&dir.join("text_encoder/config.json"), &config);
	let weights = RandomWeights::default();
	ClipTextModel::new(&config, weights.vb()).unwrap();
	weights.save(&dir.join("text_encoder/model.safetensors"));
}

fn write_unet(dir: &Path, config: &UNet2DConditionConfig) {
	write_json(&dir.join("unet/config.json"), config);
	let weights = RandomWeights::default();
	UNet2DConditionModel::new(config, weights.vb()).unwrap();
	weights.save(&dir.join("unet/diffusion_pytorch_model.safetensors"));
}

/// A latent diffusion model with an autoencoder; pictures are multiples of 4 pixels.
pub fn write_latent_model(dir: &Path) {
	write_json(&dir.join("model_index.json"), &json!({ "_class_name": "StableDiffusionPipeline" }));
	write_text_encoder(dir);
	write_unet(dir, &unet_config());
	let weights = RandomWeights::default();
	let config = vae_config();
	AutoencoderKl::new(&config, weights.vb()).unwrap();
	write_json(&dir.join("vae/config.json"), &config);
	weights.save(&dir.join("vae/diffusion_pytorch_model.safetensors"));
	write_json(&dir.join("scheduler/scheduler_config.json"), &SchedulerConfig::new("DPMSolverMultistepScheduler"));
}

/// A pixel-space model with pooled text and scale-shift time embeddings; pictures are multiples of 4 pixels.
pub fn write_pixel_model(dir: &Path) {
	write_json(
		&dir.join("model_index.json"),
		&json!({ "_class_name": "StableDiffusionPipeline", "pixel_unshuffle": 2 }),
	);
	write_text_encoder(dir);
	let config = UNet2DConditionConfig {
		in_channels: 12,
		out_channels: 12,
		class_embed_type: Some("projection".into()),
		projection_class_embeddings_input_dim: Some(32),
		resnet_time_scale_shift: autonomy_engine::models::blocks::TimeScaleShift::ScaleShift,
		..unet_config()
	};
	write_unet(dir, &config);
	let scheduler = SchedulerConfig {
		beta_schedule: autonomy_engine::samplers::BetaSchedule::SquaredcosCapV2,
		prediction_type: autonomy_engine::samplers::PredictionType::VPrediction,
		..SchedulerConfig::new("DDIMScheduler")
	};
	write_json(&dir.join("scheduler/scheduler_config.json"), &scheduler);
}

/// A language model over the words above.
pub fn write_chat_model(dir: &Path) {
	let config = llama_config();
	write_json(&dir.join("config.json"), &config);
	write_json(&dir.join("tokenizer.json"), &tokenizer_json(false));
	write_json(&dir.join("chat.json"), &json!({ "prefix": "<s> w5 ", "infix": " w6", "stop": "</s>" }));
	let weights = RandomWeights::default();
	Llama::new(&config, weights.vb()).unwrap();
	weights.save(&dir.join("model.safetensors"));
}

pub fn image_meta() -> ManifestMeta {
	ManifestMeta {
		name: "test picture".into(),
		version: "1".into(),
		architecture: Architecture::TextToImage,
		licence: "Apache-2.0".into(),
		limits: ModelLimits { max_prompt_bytes: 64, max_steps: 20, max_pixels: 64 * 64, max_tokens: 0 },
		golden_input: InputSpec::image("w8 w9 w10", 16, 24, 3, 2.5),
		golden_seed: [7; 32],
	}
}

pub fn text_meta() -> ManifestMeta {
	ManifestMeta {
		name: "test text".into(),
		version: "1".into(),
		architecture: Architecture::Llama,
		licence: "Apache-2.0".into(),
		limits: ModelLimits { max_prompt_bytes: 64, max_steps: 0, max_pixels: 0, max_tokens: 40 },
		golden_input: InputSpec::text("w8 w9", 24, 0.9),
		golden_seed: [7; 32],
	}
}
