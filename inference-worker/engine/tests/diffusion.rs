//! What published picture models need beyond the plain ones: SDXL, checkpoints in one file, adapters, long prompts, pictures
//! to begin with, decoding in tiles. Small random models, each beside the same thing done another way.

mod common;

use autonomy_engine::digest::Image;
use autonomy_engine::models::clip::{ClipTextConfig, ClipTextModel, HiddenActivation};
use autonomy_engine::models::unet::{Conditioning, UNet2DConditionConfig, UNet2DConditionModel};
use autonomy_engine::models::vae::{AutoencoderKl, AutoencoderKlConfig};
use autonomy_engine::nn::Padding;
use autonomy_engine::pipelines::text_to_image::{Settings, TextToImage};
use autonomy_engine::samplers::{PredictionType, SchedulerConfig};
use autonomy_engine::tokenizer::PromptTokenizer;
use autonomy_engine::weights::checkpoint::{open_clip_source, unet_key, vae_key, Source};
use autonomy_engine::weights::{Checkpoint, ModelFolder};
use autonomy_engine::{Control, EngineError, JobFault};
use autonomy_kernels::rng::Noise;
use candle_core::{DType, Device, Tensor};
use common::*;
use serde_json::json;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use tempfile::TempDir;

type Tensors = HashMap<String, Tensor>;

const UNET: &str = "unet/diffusion_pytorch_model.safetensors";
const VAE: &str = "vae/diffusion_pytorch_model.safetensors";
const TEXT: &str = "text_encoder/model.safetensors";

fn read(dir: &Path, file: &str) -> Tensors {
	candle_core::safetensors::load(dir.join(file), &Device::Cpu).unwrap()
}

fn save(tensors: &Tensors, dir: &Path, file: &str) {
	let path = dir.join(file);
	std::fs::create_dir_all(path.parent().unwrap()).unwrap();
	candle_core::safetensors::save(tensors, path).unwrap();
}

fn write(dir: &Path, file: &str, value: &impl serde::Serialize) {
	let path = dir.join(file);
	std::fs::create_dir_all(path.parent().unwrap()).unwrap();
	std::fs::write(path, serde_json::to_vec(value).unwrap()).unwrap();
}

/// Every file below a folder, as a manifest would list them.
fn folder(dir: &Path) -> ModelFolder {
	fn list(dir: &Path, below: &str, found: &mut Vec<String>) {
		for entry in std::fs::read_dir(dir).unwrap() {
			let entry = entry.unwrap();
			let name = format!("{below}{}", entry.file_name().into_string().unwrap());
			match entry.path().is_dir() {
				true => list(&entry.path(), &format!("{name}/"), found),
				false => found.push(name),
			}
		}
	}
	let mut found = vec![];
	list(dir, "", &mut found);
	ModelFolder::new(dir, found)
}

fn open(dir: &Path) -> TextToImage {
	TextToImage::open(&folder(dir)).unwrap()
}

fn refused(dir: &Path) -> EngineError {
	TextToImage::open(&folder(dir)).err().expect("the model must be refused")
}

fn settings(steps: usize, guidance: f32) -> Settings<'static> {
	Settings { negative_prompt: "w40", width: 24, height: 16, steps, guidance }
}

fn drawn(model: &TextToImage, prompt: &str, settings: &Settings) -> Image {
	model.run(prompt, settings, &Noise::new([5; 32]), &mut |_, _| Control::Continue).unwrap()
}

fn latent_model() -> TempDir {
	let dir = TempDir::new().unwrap();
	write_latent_model(dir.path()).unwrap();
	dir
}

fn second_text_config() -> ClipTextConfig {
	ClipTextConfig { hidden_act: HiddenActivation::Gelu, eos_token_id: 1, projection_dim: 24, ..clip_config() }
}

fn sdxl_unet_config() -> UNet2DConditionConfig {
	UNet2DConditionConfig {
		cross_attention_dim: 64,
		addition_embed_type: Some("text_time".into()),
		addition_time_embed_dim: Some(8),
		projection_class_embeddings_input_dim: Some(24 + 6 * 8),
		..unet_config()
	}
}

/// A model of SDXL's form.
fn sdxl_model() -> TempDir {
	let dir = latent_model();
	let tokenizer = std::fs::read(dir.path().join("tokenizer/tokenizer.json")).unwrap();
	std::fs::create_dir_all(dir.path().join("tokenizer_2")).unwrap();
	std::fs::write(dir.path().join("tokenizer_2/tokenizer.json"), tokenizer).unwrap();
	write(dir.path(), "tokenizer_2/tokenizer_config.json", &json!({ "pad_token": "w3" }));
	write(dir.path(), "text_encoder_2/config.json", &second_text_config());
	let weights = RandomWeights::default();
	ClipTextModel::with_projection(&second_text_config(), weights.vb()).unwrap();
	weights.save(&dir.path().join("text_encoder_2/model.safetensors")).unwrap();
	write(dir.path(), "unet/config.json", &sdxl_unet_config());
	let weights = RandomWeights::default();
	UNet2DConditionModel::new(&sdxl_unet_config(), weights.vb()).unwrap();
	weights.save(&dir.path().join(UNET)).unwrap();
	let index = json!({ "_class_name": "StableDiffusionXLPipeline", "text_encoder_2": ["transformers", "CLIPText"] });
	write(dir.path(), "model_index.json", &index);
	dir
}

#[test]
fn names_should_be_those_of_the_original_layout() {
	let sd1 = UNet2DConditionConfig::default();
	let sdxl = UNet2DConditionConfig {
		block_out_channels: vec![320, 640, 1280],
		up_block_types: vec!["CrossAttnUpBlock2D".into(), "CrossAttnUpBlock2D".into(), "UpBlock2D".into()],
		..Default::default()
	};
	// As the checkpoints of Stable Diffusion 1.5 and SDXL have them.
	let cases = [
		(&sd1, "conv_in.weight", "input_blocks.0.0.weight"),
		(&sd1, "time_embedding.linear_2.bias", "time_embed.2.bias"),
		(&sd1, "down_blocks.0.resnets.1.conv1.weight", "input_blocks.2.0.in_layers.2.weight"),
		(&sd1, "down_blocks.0.downsamplers.0.conv.bias", "input_blocks.3.0.op.bias"),
		(&sd1, "down_blocks.1.resnets.0.conv_shortcut.weight", "input_blocks.4.0.skip_connection.weight"),
		(
			&sd1,
			"down_blocks.2.attentions.1.transformer_blocks.0.attn2.to_k.weight",
			"input_blocks.8.1.transformer_blocks.0.attn2.to_k.weight",
		),
		(&sd1, "down_blocks.3.resnets.1.time_emb_proj.weight", "input_blocks.11.0.emb_layers.1.weight"),
		(&sd1, "mid_block.resnets.1.norm2.weight", "middle_block.2.out_layers.0.weight"),
		(&sd1, "mid_block.attentions.0.proj_in.weight", "middle_block.1.proj_in.weight"),
		(&sd1, "up_blocks.0.upsamplers.0.conv.weight", "output_blocks.2.1.conv.weight"),
		(&sd1, "up_blocks.1.attentions.2.norm.weight", "output_blocks.5.1.norm.weight"),
		(&sd1, "up_blocks.2.upsamplers.0.conv.weight", "output_blocks.8.2.conv.weight"),
		(&sd1, "up_blocks.3.resnets.2.conv2.bias", "output_blocks.11.0.out_layers.3.bias"),
		(&sd1, "conv_norm_out.weight", "out.0.weight"),
		(&sdxl, "add_embedding.linear_1.weight", "label_emb.0.0.weight"),
		(&sdxl, "down_blocks.1.attentions.0.proj_in.weight", "input_blocks.4.1.proj_in.weight"),
		(&sdxl, "up_blocks.0.upsamplers.0.conv.weight", "output_blocks.2.2.conv.weight"),
		(&sdxl, "up_blocks.2.resnets.0.norm1.weight", "output_blocks.6.0.in_layers.0.weight"),
	];
	for (config, ours, theirs) in cases {
		assert_eq!(unet_key(config, ours).as_deref(), Some(theirs), "{ours}");
	}
	let cases = [
		("encoder.conv_in.weight", "encoder.conv_in.weight"),
		("encoder.down_blocks.1.resnets.0.conv_shortcut.bias", "encoder.down.1.block.0.nin_shortcut.bias"),
		("encoder.down_blocks.2.downsamplers.0.conv.weight", "encoder.down.2.downsample.conv.weight"),
		("encoder.mid_block.attentions.0.to_out.0.weight", "encoder.mid.attn_1.proj_out.weight"),
		("decoder.mid_block.resnets.1.norm1.weight", "decoder.mid.block_2.norm1.weight"),
		("decoder.up_blocks.0.resnets.2.conv2.weight", "decoder.up.3.block.2.conv2.weight"),
		("decoder.up_blocks.1.upsamplers.0.conv.bias", "decoder.up.2.upsample.conv.bias"),
		("decoder.conv_norm_out.weight", "decoder.norm_out.weight"),
		("post_quant_conv.weight", "post_quant_conv.weight"),
	];
	for (ours, theirs) in cases {
		assert_eq!(vae_key(4, ours).as_deref(), Some(theirs), "{ours}");
	}
	let whole = |name: &str| Some(Source::Whole(name.into()));
	let layer = "text_model.encoder.layers.7";
	let at = "transformer.resblocks.7";
	assert_eq!(open_clip_source("text_model.embeddings.position_embedding.weight"), whole("positional_embedding"));
	assert_eq!(open_clip_source(&format!("{layer}.mlp.fc2.bias")), whole(&format!("{at}.mlp.c_proj.bias")));
	let third = Some(Source::Third(format!("{at}.attn.in_proj_weight"), 2));
	assert_eq!(open_clip_source(&format!("{layer}.self_attn.v_proj.weight")), third);
	assert_eq!(open_clip_source("text_projection.weight"), Some(Source::Transposed("text_projection".into())));
	for unknown in ["down_blocks.0.other.0.weight", "down_blocks.9.resnets.0.conv1.weight", "x", ""] {
		assert_eq!((unet_key(&sd1, unknown), vae_key(4, unknown), open_clip_source(unknown)), (None, None, None));
	}
}

/// A folder with one checkpoint, its tokenizers and the configurations of the small networks.
fn checkpoint_of(dir: &Path, tensors: &Tensors) -> TempDir {
	let single = TempDir::new().unwrap();
	for path in folder(dir).files().filter(|path| path.ends_with(".json") && *path != "model_index.json") {
		let target = single.path().join(path);
		std::fs::create_dir_all(target.parent().unwrap()).unwrap();
		std::fs::copy(dir.join(path), target).unwrap();
	}
	save(tensors, single.path(), "model.safetensors");
	single
}

#[test]
fn checkpoint_should_draw_what_its_folder_draws() {
	let dir = latent_model();
	let expected = drawn(&open(dir.path()), "w8 w9", &settings(3, 2.0));
	for prefix in ["cond_stage_model.transformer.", "cond_stage_model.transformer.bare."] {
		let mut tensors = as_checkpoint(dir.path(), prefix, None).unwrap();
		if prefix.ends_with("bare.") {
			// Some files leave `text_model.` out.
			let renamed = tensors.drain().map(|(name, tensor)| (name.replace("bare.text_model.", ""), tensor));
			tensors = renamed.collect();
		}
		tensors.insert("alphas_cumprod".into(), random(1, &[10]));
		let ids = Tensor::arange(0i64, 12, &Device::Cpu).unwrap();
		tensors.insert("cond_stage_model.transformer.text_model.embeddings.position_ids".into(), ids);
		let single = checkpoint_of(dir.path(), &tensors);
		assert_eq!(drawn(&open(single.path()), "w8 w9", &settings(3, 2.0)), expected, "{prefix}");
	}
}

#[test]
fn checkpoint_should_be_read_in_half_precision() {
	let dir = latent_model();
	let halved = |tensors: Tensors| -> Tensors {
		tensors.into_iter().map(|(name, tensor)| (name, tensor.to_dtype(DType::F16).unwrap())).collect()
	};
	for file in [UNET, VAE, TEXT] {
		save(&halved(read(dir.path(), file)), dir.path(), file);
	}
	let tensors = as_checkpoint(dir.path(), "cond_stage_model.transformer.", None).unwrap();
	let single = checkpoint_of(dir.path(), &tensors);
	let of = |dir: &Path| drawn(&open(dir), "w8 w9", &settings(2, 2.0));
	assert_eq!(of(single.path()), of(dir.path()));
}

#[test]
fn checkpoint_of_sdxl_should_draw_what_its_folder_draws() {
	let dir = sdxl_model();
	let second = Some(("text_encoder_2", "conditioner.embedders.1.model."));
	let tensors = as_checkpoint(dir.path(), "conditioner.embedders.0.transformer.", second).unwrap();
	let single = checkpoint_of(dir.path(), &tensors);
	let of = |dir: &Path| drawn(&open(dir), "w8 w9", &settings(3, 2.0));
	assert_eq!(of(single.path()), of(dir.path()));
}

#[test]
fn checkpoint_should_say_what_it_predicts_by_its_tensors() {
	let dir = latent_model();
	let with = |names: &[&str]| {
		let mut tensors = as_checkpoint(dir.path(), "cond_stage_model.transformer.", None).unwrap();
		tensors.extend(names.iter().map(|name| (name.to_string(), random(1, &[1]))));
		let single = checkpoint_of(dir.path(), &tensors);
		std::fs::remove_dir_all(single.path().join("scheduler")).unwrap();
		let folder = folder(single.path());
		let checkpoint = Checkpoint::open(&folder).unwrap();
		let scheduler = checkpoint.scheduler().map(|config| (config.prediction_type, config.rescale_betas_zero_snr));
		scheduler.map_err(|error| error.to_string())
	};
	assert_eq!(with(&[]), Ok((PredictionType::Epsilon, false)));
	assert_eq!(with(&["v_pred"]), Ok((PredictionType::VPrediction, false)));
	assert_eq!(with(&["v_pred", "ztsnr"]), Ok((PredictionType::VPrediction, true)));
	let error = with(&["edm_mean"]).unwrap_err();
	assert!(error.contains("model.safetensors") && error.contains("a tensor edm_mean"), "{error}");
}

/// Renames the last word of a tokenizer.
fn with_exclamation_mark(path: &Path) {
	let mut tokenizer: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
	let vocab = tokenizer["model"]["vocab"].as_object_mut().unwrap();
	let id = vocab.remove("w63").unwrap();
	vocab.insert("!".into(), id);
	std::fs::write(path, tokenizer.to_string()).unwrap();
}

#[test]
fn second_text_encoder_should_pad_as_openclip_does_when_it_has_no_tokenizer_of_its_own() {
	let dir = sdxl_model();
	let single = |dir: &Path| {
		let second = Some(("text_encoder_2", "conditioner.embedders.1.model."));
		let tensors = as_checkpoint(dir, "conditioner.embedders.0.transformer.", second).unwrap();
		let single = checkpoint_of(dir, &tensors);
		std::fs::remove_dir_all(single.path().join("tokenizer_2")).unwrap();
		single
	};
	let error = refused(single(dir.path()).path()).to_string();
	assert!(error.contains("no token \"!\"") && error.contains("tokenizer.json"), "{error}");

	for file in ["tokenizer/tokenizer.json", "tokenizer_2/tokenizer.json"] {
		with_exclamation_mark(&dir.path().join(file));
	}
	let of = |dir: &Path| drawn(&open(dir), "w8 w9!", &settings(2, 2.0));
	let other = of(dir.path());
	write(dir.path(), "tokenizer_2/tokenizer_config.json", &json!({ "pad_token": "!" }));
	let expected = of(dir.path());
	assert_ne!(other, expected, "the padding reaches the picture");
	assert_eq!(of(single(dir.path()).path()), expected);
}

#[test]
fn scheduler_should_be_set_as_the_pipeline_of_diffusers_sets_it() {
	let dir = latent_model();
	let with = |pipeline: &str, scheduler: serde_json::Value| {
		write(dir.path(), "model_index.json", &json!({ "_class_name": pipeline }));
		write(dir.path(), "scheduler/scheduler_config.json", &scheduler);
		drawn(&open(dir.path()), "w8 w9", &settings(3, 2.0))
	};
	let old = || json!({ "_class_name": "DDIMScheduler", "steps_offset": 0, "clip_sample": true });
	let later = || json!({ "_class_name": "DDIMScheduler", "steps_offset": 1, "clip_sample": false });
	let picture = with("StableDiffusionPipeline", later());
	assert_eq!(with("StableDiffusionPipeline", old()), picture);
	assert_eq!(with("StableDiffusionPipeline", json!({ "_class_name": "DDIMScheduler" })), picture);
	assert_eq!(with("LatentConsistencyModelPipeline", later()), picture);
	assert_ne!(with("LatentConsistencyModelPipeline", old()), picture);
}

#[test]
fn model_should_be_refused_when_a_file_asks_for_what_there_is_not() {
	let change = |file: &str, name: &str, value: serde_json::Value| {
		let dir = latent_model();
		let path = dir.path().join(file);
		let mut config: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
		config[name] = value;
		std::fs::write(&path, config.to_string()).unwrap();
		let error = refused(dir.path());
		assert!(error.is_of_the_model(), "{error}");
		let error = error.to_string();
		assert!(error.contains(file), "{error}");
		error
	};
	for (file, name, value) in [
		("unet/config.json", "only_cross_attention", json!([true, true])),
		("unet/config.json", "num_class_embeds", json!(10)),
		("vae/config.json", "latents_std", json!([1.0, 2.0, 3.0, 4.0])),
		("text_encoder/config.json", "use_attention_mask", json!(true)),
		("scheduler/scheduler_config.json", "use_lu_lambdas", json!(true)),
		("scheduler/scheduler_config.json", "trained_betas", json!([0.1])),
		("model_index.json", "controlnet", json!(["diffusers", "ControlNetModel"])),
	] {
		let error = change(file, name, value);
		assert!(error.contains(name), "{error}");
	}
	let error = change("unet/config.json", "transformer_layers_per_block", json!([[1, 2], 1]));
	assert!(error.contains("lists inside it are not supported"), "{error}");
}

#[test]
fn checkpoint_should_be_refused_when_it_is_something_else() {
	let dir = latent_model();
	let tensors = as_checkpoint(dir.path(), "cond_stage_model.transformer.", None).unwrap();

	let mut other = tensors.clone();
	other.retain(|name, _| !name.starts_with("cond_stage_model"));
	let error = refused(checkpoint_of(dir.path(), &other).path()).to_string();
	assert!(error.contains("no text encoder") && error.contains("model.safetensors"), "{error}");

	let mut other = tensors.clone();
	other.remove("model.diffusion_model.input_blocks.0.0.bias").unwrap();
	let error = refused(checkpoint_of(dir.path(), &other).path()).to_string();
	assert!(error.contains("unet") && error.contains("input_blocks.0.0.bias is missing"), "{error}");

	let mut other = tensors.clone();
	other.insert("model.diffusion_model.input_blocks.0.0.weight".into(), random(1, &[16, 9, 3, 3]));
	let error = refused(checkpoint_of(dir.path(), &other).path()).to_string();
	assert!(error.contains("[16, 9, 3, 3]") && error.contains("conv_in.weight"), "{error}");

	let two = checkpoint_of(dir.path(), &tensors);
	save(&tensors, two.path(), "other.safetensors");
	let error = refused(two.path()).to_string();
	assert!(error.contains("2 .safetensors files"), "{error}");
}

#[test]
fn every_tensor_should_have_a_place_of_its_own_in_a_checkpoint() {
	let weights = RandomWeights::default();
	UNet2DConditionModel::new(&sdxl_unet_config(), weights.vb()).unwrap();
	let names = weights.tensors();
	let keys: BTreeSet<_> = names.keys().map(|name| unet_key(&sdxl_unet_config(), name).expect(name)).collect();
	assert_eq!(keys.len(), names.len());
	let weights = RandomWeights::default();
	AutoencoderKl::new(&vae_config(), weights.vb()).unwrap();
	let names = weights.tensors();
	let keys: BTreeSet<_> = names.keys().map(|name| vae_key(2, name).expect(name)).collect();
	assert_eq!(keys.len(), names.len());
}

#[test]
fn sdxl_should_read_both_texts_and_the_size() {
	let dir = sdxl_model();
	let model = open(dir.path());
	let picture = drawn(&model, "w8 w9", &settings(3, 2.0));
	assert_eq!(drawn(&model, "w8 w9", &settings(3, 2.0)), picture);
	assert_ne!(drawn(&model, "w8 w10", &settings(3, 2.0)), picture);

	// Nothing to avoid is zeros, unless the model says otherwise.
	let nothing = Settings { negative_prompt: "", ..settings(3, 2.0) };
	let zeros = drawn(&model, "w8 w9", &nothing);
	let index = json!({ "text_encoder_2": ["a", "b"], "force_zeros_for_empty_prompt": false });
	write(dir.path(), "model_index.json", &index);
	assert_ne!(drawn(&open(dir.path()), "w8 w9", &nothing), zeros);
	assert_eq!(drawn(&open(dir.path()), "w8 w9", &settings(3, 2.0)), picture);

	// The second encoder's projection reaches the UNet.
	let mut tensors = read(dir.path(), "text_encoder_2/model.safetensors");
	let projection = (&tensors["text_projection.weight"] * 2.0).unwrap();
	tensors.insert("text_projection.weight".into(), projection);
	save(&tensors, dir.path(), "text_encoder_2/model.safetensors");
	assert_ne!(drawn(&open(dir.path()), "w8 w9", &settings(3, 2.0)), picture);

	let mut config = sdxl_unet_config();
	config.projection_class_embeddings_input_dim = Some(25 + 6 * 8);
	let weights = RandomWeights::default();
	UNet2DConditionModel::new(&config, weights.vb()).unwrap();
	weights.save(&dir.path().join(UNET)).unwrap();
	write(dir.path(), "unet/config.json", &config);
	let error = refused(dir.path()).to_string();
	assert!(error.contains("pooled text of 25, the text encoder gives 24"), "{error}");
}

#[test]
fn sizes_and_guidance_should_reach_the_unet() {
	let config = UNet2DConditionConfig { time_cond_proj_dim: Some(16), ..sdxl_unet_config() };
	let model = UNet2DConditionModel::new(&config, RandomWeights::default().vb()).unwrap();
	let (sample, states, pooled) = (random(1, &[1, 4, 8, 8]), random(2, &[1, 12, 64]), random(3, &[1, 24]));
	let run = |sizes: [f32; 6], guidance: f32| {
		let text_and_sizes = Some((&pooled, sizes));
		let conditioning = Conditioning { text_and_sizes, guidance: Some(guidance), ..Default::default() };
		bits(&model.forward_conditioned(&sample, &[500.0], &states, &conditioning, Padding::Zeros).unwrap())
	};
	let sizes = [64.0, 64.0, 0.0, 0.0, 64.0, 64.0];
	assert_eq!(run(sizes, 7.5), run(sizes, 7.5));
	assert_ne!(run(sizes, 7.5), run(sizes, 8.0));
	assert_ne!(run(sizes, 7.5), run([64.0, 64.0, 0.0, 8.0, 64.0, 64.0], 7.5));
	let error = model.forward(&sample, &[500.0], &states, None).unwrap_err().to_string();
	assert!(error.contains("guidance scale is needed"), "{error}");
}

#[test]
fn adapters_should_change_the_weights_as_if_they_were_trained_so() {
	let dir = latent_model();
	let plain = drawn(&open(dir.path()), "w8 w9", &settings(2, 2.0));
	let (unet_layer, text_layer) =
		("mid_block.attentions.0.transformer_blocks.0.attn1.to_q", "text_model.encoder.layers.1.self_attn.q_proj");
	let conv = "down_blocks.0.resnets.0.conv1";
	let (mut unet, mut text) = (read(dir.path(), UNET), read(dir.path(), TEXT));
	let shape = |tensors: &Tensors, layer: &str| tensors[&format!("{layer}.weight")].dims().to_vec();
	let (q, t, c) = (shape(&unet, unet_layer), shape(&text, text_layer), shape(&unet, conv));
	let pair = |seed, down: &[usize], up: &[usize]| (random(seed, down), random(seed + 1, up));
	let (q_down, q_up) = pair(10, &[2, q[1]], &[q[0], 2]);
	let (t_down, t_up) = pair(20, &[3, t[1]], &[t[0], 3]);
	let (c_down, c_up) = pair(30, &[2, c[1], c[2], c[3]], &[c[0], 2, 1, 1]);
	let under = |layer: &str| layer.replace('.', "_");
	let kohya = Tensors::from([
		(format!("lora_unet_{}.lora_down.weight", under(unet_layer)), q_down.clone()),
		(format!("lora_unet_{}.lora_up.weight", under(unet_layer)), q_up.clone()),
		(format!("lora_unet_{}.alpha", under(unet_layer)), Tensor::new(1f32, &Device::Cpu).unwrap()),
		(format!("lora_unet_{}.lora_down.weight", under(conv)), c_down.clone()),
		(format!("lora_unet_{}.lora_up.weight", under(conv)), c_up.clone()),
	]);
	let peft = Tensors::from([
		(format!("unet.{unet_layer}.lora_A.weight"), q_down.clone()),
		(format!("unet.{unet_layer}.lora_B.weight"), q_up.clone()),
		(format!("text_encoder.{text_layer}.lora_A.weight"), t_down.clone()),
		(format!("text_encoder.{text_layer}.lora_B.weight"), t_up.clone()),
	]);
	save(&kohya, dir.path(), "loras/a.safetensors");
	save(&peft, dir.path(), "loras/b.safetensors");
	let list = json!({ "loras": [
		{ "file": "loras/a.safetensors", "scale": 0.5 },
		{ "file": "loras/b.safetensors", "scale": 0.25, "text_scale": 2.0 },
	] });
	write(dir.path(), "adapters.json", &list);
	let adapted = drawn(&open(dir.path()), "w8 w9", &settings(2, 2.0));
	assert_ne!(adapted, plain);

	// The same by hand, one product after the other.
	let merge = |tensors: &mut Tensors, layer: &str, down: &Tensor, up: &Tensor, factor: f32| {
		let base = &tensors[&format!("{layer}.weight")];
		let (rows, rank) = (up.dims()[0], down.dims()[0]);
		let inner = base.elem_count() / rows;
		let flat = |x: &Tensor, a, b| x.reshape((a, b)).unwrap();
		let change = autonomy_kernels::matmul(&flat(up, rows, rank), &flat(down, rank, inner)).unwrap();
		let values = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
		let sum: Vec<f32> = values(base).iter().zip(values(&change)).map(|(w, c)| w + factor * c).collect();
		let sum = Tensor::from_vec(sum, base.shape(), &Device::Cpu).unwrap();
		tensors.insert(format!("{layer}.weight"), sum);
	};
	merge(&mut unet, unet_layer, &q_down, &q_up, 0.5 / 2.0);
	merge(&mut unet, conv, &c_down, &c_up, 0.5);
	merge(&mut unet, unet_layer, &q_down, &q_up, 0.25);
	merge(&mut text, text_layer, &t_down, &t_up, 2.0);
	let by_hand = latent_model();
	save(&unet, by_hand.path(), UNET);
	save(&text, by_hand.path(), TEXT);
	assert_eq!(drawn(&open(by_hand.path()), "w8 w9", &settings(2, 2.0)), adapted);

	// A scale of nothing is nothing.
	let list = json!({ "loras": [{ "file": "loras/a.safetensors", "scale": 0.0 }] });
	write(dir.path(), "adapters.json", &list);
	assert_eq!(drawn(&open(dir.path()), "w8 w9", &settings(2, 2.0)), plain);
}

#[test]
fn adapters_should_be_refused_when_they_do_not_fit() {
	let dir = latent_model();
	let one = |name: &str, shape: &[usize]| Tensors::from([(name.to_owned(), random(1, shape))]);
	let list = |value: serde_json::Value| write(dir.path(), "adapters.json", &value);
	save(&one("lora_unet_mid_block_other.lora_down.weight", &[2, 3]), dir.path(), "a.lora/a.safetensors");
	list(json!({ "loras": [{ "file": "a.lora/a.safetensors" }] }));
	let error = refused(dir.path()).to_string();
	assert!(error.contains("lora_unet_mid_block_other") && error.contains("fit no layer"), "{error}");

	let mut wrong = one("unet.conv_in.lora_A.weight", &[2, 3]);
	wrong.extend(one("unet.conv_in.lora_B.weight", &[16, 2]));
	save(&wrong, dir.path(), "a.lora/a.safetensors");
	let error = refused(dir.path()).to_string();
	assert!(error.contains("unet.conv_in.lora_A.weight of shape [2, 3]") && error.contains("(r, 36)"), "{error}");

	list(json!({ "loras": [{ "file": "a.lora/a.safetensors", "scale": 1e9 }] }));
	assert!(refused(dir.path()).to_string().contains("-100 to 100"));
	list(json!({ "loras": [{ "file": "a.lora/none.safetensors" }] }));
	assert!(refused(dir.path()).to_string().contains("none.safetensors"));
	list(json!({ "loras": [{ "path": "x" }] }));
	assert!(matches!(refused(dir.path()), EngineError::Json { .. }));
	std::fs::write(dir.path().join("a.lora/a.pt"), "pickle").unwrap();
	list(json!({ "loras": [{ "file": "a.lora/a.pt" }] }));
	assert!(refused(dir.path()).to_string().contains("only .safetensors files are read"));

	save(&one("emb_params", &[1, 31]), dir.path(), "cat/cat.safetensors");
	list(json!({ "embeddings": [{ "file": "cat/cat.safetensors", "token": "<cat>" }] }));
	let error = refused(dir.path()).to_string();
	assert!(error.contains("[1, 31]") && error.contains("width of 32"), "{error}");
	save(&one("emb_params", &[1, 32]), dir.path(), "cat/cat.safetensors");
	list(json!({ "embeddings": [{ "file": "cat/cat.safetensors", "token": "w9" }] }));
	assert!(refused(dir.path()).to_string().contains("is there already"));
}

/// Writes into the header of a file what diffusers notes there.
fn note(path: &Path, notes: &serde_json::Value) {
	let bytes = std::fs::read(path).unwrap();
	let (length, rest) = bytes.split_at(8);
	let (header, values) = rest.split_at(u64::from_le_bytes(length.try_into().unwrap()) as usize);
	let mut header: serde_json::Value = serde_json::from_slice(header).unwrap();
	header["__metadata__"] = json!({ "format": "pt", "lora_adapter_metadata": notes.to_string() });
	let header = header.to_string();
	let length = (header.len() as u64).to_le_bytes();
	std::fs::write(path, [&length[..], header.as_bytes(), values].concat()).unwrap();
}

#[test]
fn adapter_should_be_refused_when_its_alpha_is_noted_elsewhere_and_is_not_its_rank() {
	let dir = latent_model();
	let layer = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q";
	let shape = read(dir.path(), UNET)[&format!("{layer}.weight")].dims().to_vec();
	let lora = Tensors::from([
		(format!("unet.{layer}.lora_A.weight"), random(1, &[2, shape[1]])),
		(format!("unet.{layer}.lora_B.weight"), random(2, &[shape[0], 2])),
	]);
	let file = "loras/a.safetensors";
	save(&lora, dir.path(), file);
	let list = |alpha: Option<f64>| {
		write(dir.path(), "adapters.json", &json!({ "loras": [{ "file": file, "scale": 1.0, "alpha": alpha }] }));
	};
	list(None);
	let of = || drawn(&open(dir.path()), "w8 w9", &settings(2, 2.0));
	let (plain, path) = (of(), dir.path().join(file));
	note(&path, &json!({ "unet.r": 2, "unet.lora_alpha": 2.0, "unet.alpha_pattern": {}, "unet.use_rslora": false }));
	assert_eq!(of(), plain);
	for (notes, why) in [
		(json!({ "unet.r": 2, "unet.lora_alpha": 8 }), "unet.lora_alpha 8"),
		(json!({ "r": 4, "lora_alpha": 2 }), "lora_alpha 2"),
		(json!({ "unet.r": 2, "unet.lora_alpha": 2, "unet.rank_pattern": { "to_k": 4 } }), "unet.rank_pattern"),
		(json!({ "unet.r": 2, "unet.lora_alpha": 2, "unet.use_rslora": true }), "unet.use_rslora true"),
	] {
		list(None);
		note(&path, &notes);
		let error = refused(dir.path()).to_string();
		assert!(error.contains(why) && error.contains("adapters.json") && error.contains("a.safetensors"), "{error}");
		list(Some(8.0));
		assert_ne!(of(), plain);
	}
}

#[test]
fn learnt_vectors_should_stand_for_words() {
	let dir = latent_model();
	let table = read(dir.path(), TEXT)["text_model.embeddings.token_embedding.weight"].clone();
	let words = Tensor::cat(&[table.get(9).unwrap(), table.get(30).unwrap()], 0).unwrap().reshape((2, 32)).unwrap();
	save(&Tensors::from([("<cat>".into(), words)]), dir.path(), "cat/cat.safetensors");
	let plain = drawn(&open(dir.path()), "w8 w9 w30 w5", &settings(2, 2.0));
	let list = json!({ "embeddings": [{ "file": "cat/cat.safetensors", "token": "<cat>" }] });
	write(dir.path(), "adapters.json", &list);
	let model = open(dir.path());
	assert_eq!(drawn(&model, "w8 <cat> w5", &settings(2, 2.0)), plain);
	assert_eq!(drawn(&model, "w8 w9 w30 w5", &settings(2, 2.0)), plain);
	assert_ne!(drawn(&model, "w8 w9 w5", &settings(2, 2.0)), plain);
}

#[test]
fn long_prompts_should_be_divided() {
	let dir = latent_model();
	let tokenizer = PromptTokenizer::open(&folder(dir.path()), 64, 12).unwrap();
	let words = |range: std::ops::Range<u32>| range.map(|i| format!("w{i}")).collect::<Vec<_>>().join(" ");
	// Ten words and the two marks fit.
	assert_eq!(tokenizer.chunks(&words(10..20)).unwrap(), [tokenizer.encode(&words(10..20)).unwrap()]);
	let parts = tokenizer.chunks(&words(10..33)).unwrap();
	let expected = [words(10..20), words(20..30), words(30..33)].map(|part| tokenizer.encode(&part).unwrap());
	assert_eq!(parts, expected);
	assert!(parts.iter().all(|part| part.len() == 12 && part[0] == 0));
	assert_eq!(tokenizer.chunks("").unwrap(), [tokenizer.encode("").unwrap()]);

	let model = open(dir.path());
	let short = drawn(&model, &words(10..20), &settings(2, 2.0));
	let long = drawn(&model, &words(10..24), &settings(2, 2.0));
	assert_ne!(short, long, "what does not fit into the first part counts");
	assert_ne!(long, drawn(&model, &words(10..25), &settings(2, 2.0)));
}

/// The ids are those of transformers 5.23 for the same words and merges.
#[test]
fn tokenizer_should_be_made_of_words_and_merges_when_it_has_no_file_of_its_own() {
	const MERGES: [&str; 10] =
		["a t</w>", "c at</w>", "e d</w>", "r ed</w>", "o n</w>", "b l", "u e</w>", "bl ue</w>", "o g</w>", "d og</w>"];
	let mut others = 256..;
	let mut words: Vec<String> = (0..256u32)
		.map(|byte| match byte {
			33..=126 | 161..=172 | 174..=255 => byte,
			_ => others.next().unwrap(),
		})
		.map(|letter| char::from_u32(letter).unwrap().to_string())
		.collect();
	words.extend(words.clone().into_iter().map(|letter| letter + "</w>"));
	words.extend(MERGES.map(|merge| merge.replace(' ', "")));
	words.extend(["<|startoftext|>", "<|endoftext|>"].map(String::from));
	let vocab: HashMap<&str, usize> = words.iter().enumerate().map(|(id, word)| (word.as_str(), id)).collect();
	let dir = TempDir::new().unwrap();
	write(dir.path(), "tokenizer/vocab.json", &vocab);
	write(dir.path(), "tokenizer/tokenizer_config.json", &json!({ "pad_token": "!", "model_max_length": 40 }));
	let merges = dir.path().join("tokenizer/merges.txt");
	let open = || PromptTokenizer::open(&folder(dir.path()), 524, 77);
	assert!(open().err().unwrap().to_string().contains("tokenizer.json"), "half of the tables is none");
	std::fs::write(&merges, format!("#version: 0.2\n{}\n", MERGES.join("\n"))).unwrap();
	let tokenizer = open().unwrap();
	for (text, ids) in [
		(
			"A  red\tCAT's on blue dogs, 12!",
			&[522, 353, 515, 513, 39, 371, 516, 519, 100, 111, 103, 371, 300, 305, 306, 33, 523][..],
		),
		("e\u{301} cat\n\ncat_dog's!!'s", &[522, 195, 425, 513, 513, 351, 521, 39, 371, 33, 33, 39, 371, 523][..]),
		("", &[522, 523][..]),
	] {
		let found = tokenizer.encode(text).unwrap();
		assert_eq!((found.len(), &found[..ids.len()]), (40, ids), "{text:?}");
		assert!(found[ids.len()..].iter().all(|id| *id == 33), "{text:?} is padded with its padding token");
	}

	// The padding token is one token in a text as well. Older files name it in a file of its own.
	let (marked, plain) =
		(&[522, 353, 33, 33, 33, 33, 33, 39, 371, 523][..], &[522, 353, 289, 33, 289, 33, 33, 295, 371, 523][..]);
	let (config, tokens) = ("tokenizer/tokenizer_config.json", "tokenizer/special_tokens_map.json");
	let ids = |length: usize| {
		let mut ids = open().unwrap().encode("a! !! !!'s").unwrap();
		assert_eq!(ids.len(), 77);
		let padding = ids.split_off(length);
		assert!(padding.iter().all(|id| *id == padding[0]));
		(ids, padding[0])
	};
	write(dir.path(), config, &json!({ "pad_token": "<|endoftext|>" }));
	assert_eq!(ids(10), (plain.to_vec(), 523));
	write(dir.path(), tokens, &json!({ "pad_token": { "content": "!", "lstrip": false } }));
	assert_eq!(ids(10), (marked.to_vec(), 33));
	write(dir.path(), config, &json!({ "pad_token": "<|endoftext|>", "added_tokens_decoder": {} }));
	assert_eq!(ids(10), (plain.to_vec(), 523));
	for file in [config, tokens] {
		std::fs::remove_file(dir.path().join(file)).unwrap();
	}
	assert_eq!(ids(10), (plain.to_vec(), 523));
	let mut tokenizer = open().unwrap();
	tokenizer.pad_with("!").unwrap();
	assert_eq!(&tokenizer.encode("a! !! !!'s").unwrap()[..11], [marked, &[33]].concat());
	assert!(tokenizer.pad_with("none").unwrap_err().to_string().contains("no token \"none\""));

	std::fs::write(&merges, "a t</w>\nalone\n").unwrap();
	let error = open().err().unwrap().to_string();
	assert!(error.contains("merges.txt: line 2: expected two words"), "{error}");
	std::fs::write(&merges, "a zz</w>\n").unwrap();
	assert!(open().err().unwrap().to_string().contains("vocab.json"));
	std::fs::write(&merges, "").unwrap();
	write(dir.path(), "tokenizer/vocab.json", &json!({ "a": 0 }));
	let error = open().err().unwrap().to_string();
	assert!(error.contains("vocab.json") && error.contains("<|startoftext|>"), "{error}");
}

#[test]
fn picture_should_be_redrawn_as_far_as_the_strength_says() {
	let dir = latent_model();
	let model = open(dir.path());
	let first = drawn(&model, "w8 w9", &settings(10, 2.0));
	let mut seen = vec![];
	let mut from = |strength: u8, steps: usize| {
		seen.clear();
		let settings = settings(steps, 2.0);
		let noise = Noise::new([6; 32]);
		let redrawn = model.run_from(&first, strength, "w8 w9", &settings, &noise, &mut |progress, _| {
			seen.push((progress.step, progress.steps));
			Control::Continue
		});
		(redrawn, seen.clone())
	};
	let (some, steps) = from(45, 10);
	assert_eq!(steps, [(1, 4), (2, 4), (3, 4), (4, 4)]);
	let (again, _) = from(45, 10);
	assert_eq!(some.clone().unwrap(), again.unwrap());
	let (all, steps) = from(100, 10);
	assert_eq!(steps.len(), 10);
	assert_ne!(all.unwrap(), some.unwrap());
	for (strength, steps) in [(0, 10), (101, 10), (9, 10)] {
		let fault = from(strength, steps).0.unwrap_err();
		assert!(fault.to_string().contains(&format!("strength {strength}")), "{fault}");
	}
	let small = Settings { width: 16, ..settings(4, 2.0) };
	let fault =
		model.run_from(&first, 50, "w8", &small, &Noise::new([6; 32]), &mut |_, _| Control::Continue).unwrap_err();
	assert!(matches!(&fault, JobFault::InputInvalid(why) if why.contains("24x16")), "{fault}");
}

#[test]
fn every_sampler_should_draw_the_same_picture_again() {
	let dir = latent_model();
	let mut pictures = vec![];
	for class in [
		"DDIMScheduler",
		"EulerDiscreteScheduler",
		"EulerAncestralDiscreteScheduler",
		"DPMSolverMultistepScheduler",
		"UniPCMultistepScheduler",
		"LCMScheduler",
	] {
		let config = SchedulerConfig { clip_sample: Some(false), ..SchedulerConfig::new(class) };
		write(dir.path(), "scheduler/scheduler_config.json", &config);
		let model = open(dir.path());
		let picture = drawn(&model, "w8 w9", &settings(4, 2.0));
		assert_eq!(drawn(&model, "w8 w9", &settings(4, 2.0)), picture, "{class}");
		assert!(!pictures.contains(&picture), "{class} draws as another does");
		pictures.push(picture);
	}
}

/// Two tiles side by side, put together by hand.
#[test]
fn tiles_should_go_over_into_each_other() {
	let config = AutoencoderKlConfig { use_post_quant_conv: false, ..vae_config() };
	let model = AutoencoderKl::new(&config, RandomWeights::default().vb()).unwrap();
	let latents = random(3, &[1, 4, 8, 12]);
	assert_eq!(bits(&model.decode_tiled(&latents, 12, 9).unwrap()), bits(&model.decode(&latents).unwrap()));

	// Tiles of 8 latents, 6 apart, are pictures of 16 pixels, 12 apart: four columns are in both.
	let tiled = model.decode_tiled(&latents, 8, 6).unwrap();
	assert_eq!(tiled.dims(), [1, 3, 16, 24]);
	let part = |left, width| model.decode(&latents.narrow(3, left, width).unwrap().contiguous().unwrap()).unwrap();
	let flat = |x: &Tensor| x.squeeze(0).unwrap().to_vec3::<f32>().unwrap();
	let (ours, left, right) = (flat(&tiled), flat(&part(0, 8)), flat(&part(6, 6)));
	let at = |picture: &[Vec<Vec<f32>>], channel: usize, y: usize, x: usize| picture[channel][y][x];
	// The rows from 12 on are of the tiles below, blended in their own right.
	for (channel, y) in (0..3).flat_map(|channel| (0..12).map(move |y| (channel, y))) {
		for x in 0..24 {
			let expected = match x {
				0..12 => at(&left, channel, y, x),
				12..16 => {
					let share = (x - 12) as f32 / 4.0;
					(1.0 - share) * at(&left, channel, y, x) + share * at(&right, channel, y, x - 12)
				}
				_ => at(&right, channel, y, x - 12),
			};
			assert!((at(&ours, channel, y, x) - expected).abs() < 1e-6, "({x}, {y}) of channel {channel}");
		}
	}
	let error = model.decode_tiled(&latents, 8, 9).unwrap_err().to_string();
	assert!(error.contains("stride must be 1 to 8"), "{error}");
}
