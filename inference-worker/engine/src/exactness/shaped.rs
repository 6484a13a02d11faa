//! Whole pipelines with every layer of Stable Diffusion 1.5 and of a Llama with a billion parameters, in fewer channels, so
//! that an emulated CPU runs them in a minute. Sums of both are longer than the 512 terms after which the kernels begin a
//! new chain.

use super::{image_meta, named, text_meta, tokenizer_json, write_json, write_unet, Failure, RandomWeights};
use crate::models::clip::{ClipTextConfig, ClipTextModel, HiddenActivation};
use crate::models::llama::{Llama, LlamaConfig};
use crate::models::unet::{PerBlock, UNet2DConditionConfig};
use crate::models::vae::{AutoencoderKl, AutoencoderKlConfig};
use crate::samplers::{BetaSchedule, SchedulerConfig};
use crate::{Control, Engine, InputSpec, Manifest, ManifestMeta};
use candle_core::Device;
use serde_json::json;
use std::path::Path;

/// Draws a picture and writes a reply, and names the digests of output and trace.
pub fn shaped_report() -> Result<Vec<(String, String)>, Failure> {
	shaped_report_on(&Device::Cpu)
}

/// The [`shaped_report`] of pipelines on a device.
pub fn shaped_report_on(device: &Device) -> Result<Vec<(String, String)>, Failure> {
	type Case = (&'static str, fn(&Path) -> Result<(), Failure>, ManifestMeta, InputSpec);
	// The golden job runs when the manifest is built: the smallest there is.
	let picture = ManifestMeta { golden_input: InputSpec::image("w9", 64, 64, 1, 1.0), ..image_meta() };
	let text = ManifestMeta { golden_input: InputSpec::text("w9", 1, 0.0), ..text_meta() };
	let cases: [Case; 2] = [
		("stable diffusion", write_stable_diffusion, picture, InputSpec::image("w8 w9 w10", 64, 64, 3, 4.0)),
		("llama", write_llama, text, InputSpec::text("w20 w21 w22", 16, 0.8)),
	];
	let mut lines = vec![];
	for (name, write, meta, input) in cases {
		let dir = tempfile::tempdir()?;
		write(dir.path())?;
		Manifest::build(dir.path(), meta)?.write(dir.path())?;
		let model = Engine::open_on(dir.path(), device)?;
		let output = model.run(&input.to_job_input()?, [5; 32], [1; 32], &mut |_| Control::Continue)?;
		lines.extend(named(name, &output));
	}
	Ok(lines)
}

/// The 12 layers of the text encoder, the four levels of UNet and autoencoder, and the schedule of Stable Diffusion 1.5.
/// Pictures are multiples of 64 pixels.
pub fn write_stable_diffusion(dir: &Path) -> Result<(), Failure> {
	write_json(&dir.join("model_index.json"), &json!({ "_class_name": "StableDiffusionPipeline" }))?;
	write_json(&dir.join("tokenizer/tokenizer.json"), &tokenizer_json(true))?;
	write_json(&dir.join("tokenizer/tokenizer_config.json"), &json!({ "pad_token": "<pad>" }))?;
	let text = ClipTextConfig {
		vocab_size: 64,
		hidden_size: 24,
		intermediate_size: 96,
		num_hidden_layers: 12,
		num_attention_heads: 12,
		max_position_embeddings: 77,
		hidden_act: HiddenActivation::QuickGelu,
		eos_token_id: 1,
		..ClipTextConfig::default()
	};
	write_json(&dir.join("text_encoder/config.json"), &text)?;
	let weights = RandomWeights::default();
	ClipTextModel::new(&text, weights.vb())?;
	weights.save(&dir.join("text_encoder/model.safetensors"))?;

	let unet = UNet2DConditionConfig {
		block_out_channels: vec![16, 32, 64, 64],
		norm_num_groups: 8,
		cross_attention_dim: 24,
		attention_head_dim: PerBlock::One(8),
		..Default::default()
	};
	write_unet(dir, &unet)?;

	let vae = AutoencoderKlConfig {
		down_block_types: vec!["DownEncoderBlock2D".into(); 4],
		up_block_types: vec!["UpDecoderBlock2D".into(); 4],
		block_out_channels: vec![8, 16, 32, 32],
		layers_per_block: 2,
		norm_num_groups: 8,
		..Default::default()
	};
	write_json(&dir.join("vae/config.json"), &vae)?;
	let weights = RandomWeights::default();
	AutoencoderKl::decoder_only(&vae, weights.vb())?;
	weights.save(&dir.join("vae/diffusion_pytorch_model.safetensors"))?;

	let scheduler = SchedulerConfig {
		beta_start: 0.00085,
		beta_end: 0.012,
		beta_schedule: BetaSchedule::ScaledLinear,
		clip_sample: Some(false),
		set_alpha_to_one: false,
		steps_offset: 1,
		..SchedulerConfig::new("DDIMScheduler")
	};
	write_json(&dir.join("scheduler/scheduler_config.json"), &scheduler)
}

/// The 16 layers, the 32 heads over 8 of keys, the stretched rotary embedding and the tied embeddings of Llama 3.2.
pub fn write_llama(dir: &Path) -> Result<(), Failure> {
	let json = json!({
		"model_type": "llama",
		"vocab_size": 64,
		"hidden_size": 64,
		"intermediate_size": 576,
		"num_hidden_layers": 16,
		"num_attention_heads": 32,
		"num_key_value_heads": 8,
		"max_position_embeddings": 96,
		"rms_norm_eps": 1e-5,
		"rope_theta": 500_000.0,
		"rope_scaling": {
			"rope_type": "llama3",
			"factor": 32.0,
			"low_freq_factor": 1.0,
			"high_freq_factor": 4.0,
			"original_max_position_embeddings": 32,
		},
		"tie_word_embeddings": true,
	});
	let config: LlamaConfig = serde_json::from_value(json.clone())?;
	write_json(&dir.join("config.json"), &json)?;
	write_json(&dir.join("tokenizer.json"), &tokenizer_json(false))?;
	write_json(&dir.join("chat.json"), &json!({ "prefix": "<s> w5 ", "infix": " w6", "stop": "</s>" }))?;
	let weights = RandomWeights::default();
	Llama::new(&config, weights.vb())?;
	weights.save(&dir.join("model.safetensors"))
}
