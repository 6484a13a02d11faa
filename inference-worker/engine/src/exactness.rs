//! What machines compare to know that they run whole models alike: small models with random weights, and the digests of
//! their pipelines. The tests use the same models.

mod layouts;
mod shaped;

pub use layouts::{as_checkpoint, as_gguf, write_checkpoint};
pub use shaped::{shaped_report, shaped_report_on, write_llama, write_stable_diffusion};

use crate::digest::cid_text;
use crate::models::blocks::TimeScaleShift;
use crate::models::clip::{ClipTextConfig, ClipTextModel, HiddenActivation};
use crate::models::llama::{Llama, LlamaConfig};
use crate::models::unet::{PerBlock, UNet2DConditionConfig, UNet2DConditionModel};
use crate::models::vae::{AutoencoderKl, AutoencoderKlConfig};
use crate::samplers::{BetaSchedule, PredictionType, SchedulerConfig};
use crate::{
	Architecture, Control, Engine, InputSpec, JobFault, JobOutput, Manifest, ManifestMeta, Message, Model, PictureSpec,
};
use autonomy_kernels::rng::Noise;
use autonomy_primitives::digest::cid;
use autonomy_primitives::model::ModelLimits;
use candle_core::{DType, Device, Result, Shape, Tensor};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use serde_json::json;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// What a run of the report can fail with.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs all three pipelines, several inputs each, and names the digest of every output and every trace: pictures and replies
/// first, then the other kinds of output, ballots last.
pub fn report() -> std::result::Result<Vec<(String, String)>, Failure> {
	report_on(&Device::Cpu)
}

/// The [`report`] of pipelines on a device.
pub fn report_on(device: &Device) -> std::result::Result<Vec<(String, String)>, Failure> {
	let (mut lines, mut of_kinds) = (vec![], vec![]);
	let image = |prompt: &str, steps, guidance| InputSpec::image(prompt, 24, 16, steps, guidance);
	let text = |max_tokens, temperature| InputSpec::text("w20 w21", max_tokens, temperature);
	type Case = (&'static str, fn(&Path) -> std::result::Result<(), Failure>, ManifestMeta, Vec<InputSpec>);
	let cases: [Case; 3] = [
		("latent", write_latent_model, image_meta(), vec![image("w8 w9 w10", 4, 3.0), image("w9", 3, 1.0)]),
		("pixel", write_pixel_model, image_meta(), vec![image("w8 w9 w10", 5, 2.0), image("w9", 3, 1.0)]),
		("chat", write_chat_model, text_meta(), vec![text(30, 1.0), text(20, 0.0)]),
	];
	for (name, write, meta, inputs) in cases {
		let dir = tempfile::tempdir()?;
		write(dir.path())?;
		Manifest::build(dir.path(), meta)?.write(dir.path())?;
		let model = Engine::open_on(dir.path(), device)?;
		let run = |input: &InputSpec, case: String| -> std::result::Result<[(String, String); 3], Failure> {
			let output = model.run(&input.to_job_input()?, [5; 32], [1; 32], &mut |_| Control::Continue)?;
			Ok(named(&format!("{name} {case}"), &output))
		};
		for (i, input) in inputs.iter().enumerate() {
			lines.extend(run(input, i.to_string())?);
		}
		if let Some(InputSpec::Image(picture)) = inputs.last() {
			for (kind, input) in kinds(picture, "w11 w12", ["w20", "w21 w22", "w23"]) {
				of_kinds.extend(run(&input, kind.to_string())?);
			}
		}
	}
	lines.extend(of_kinds);
	let dir = tempfile::tempdir()?;
	write_voter_model(dir.path())?;
	Manifest::build(dir.path(), voter_meta())?.write(dir.path())?;
	let model = Engine::open_on(dir.path(), device)?;
	for (case, prose) in ["", "It is \"cheap\".\nTrust me."].into_iter().enumerate() {
		let output = vote(&model, "wry", "Shall we?", prose, [5; 32], [1; 32])?;
		lines.extend(named(&format!("ballot {case}"), &output));
	}
	Ok(lines)
}

/// The digests of an output, by their names.
fn named(case: &str, output: &JobOutput) -> [(String, String); 3] {
	[
		(format!("{case} output"), hex::encode(&cid(&output.canonical)[4..])),
		(format!("{case} trace"), hex::encode(output.trace_root)),
		(format!("{case} artifact"), hex::encode(&output.artifact_cid[4..])),
	]
}

/// Asks a character with this persona.
pub fn vote(
	model: &Model,
	persona: &str,
	question: &str,
	prose: &str,
	seed: [u8; 32],
	genesis: [u8; 32],
) -> std::result::Result<JobOutput, JobFault> {
	let input = ballot(persona, question, prose).to_job_input()?;
	let message = Message { model, persona: persona.as_bytes(), input: &input };
	message.run_traced(seed, genesis, &mut |_| Control::Continue)
}

/// The input of a ballot of a character with this persona.
pub fn ballot(persona: &str, question: &str, prose: &str) -> InputSpec {
	InputSpec::Ballot { question: question.into(), prose: prose.into(), persona: cid_text(&cid(persona.as_bytes())) }
}

/// The results of a model's golden job and, for a picture model, of each other kind of output in four steps; for a language
/// model that takes one, of a ballot.
pub fn golden_report(model: &Model) -> std::result::Result<Vec<(String, String)>, Failure> {
	let (golden, name) = (&model.manifest().golden, &model.manifest().name);
	let mut inputs = vec![("golden", golden.input.clone())];
	if let InputSpec::Image(picture) = &golden.input {
		let picture = PictureSpec { steps: 4, ..picture.clone() };
		let cells = ["a red circle", "a big green star", "a yellow ring"];
		inputs.extend(kinds(&picture, "a blue star on a white background", cells));
	}
	let mut lines = vec![];
	for (case, input) in inputs {
		let output = model.run(&input.to_job_input()?, golden.seed.0, [0; 32], &mut |_| Control::Continue)?;
		lines.push((format!("{name} {case}"), hex::encode(output.result)));
	}
	let (persona, question, prose) = ("You are careful with money.", "Spend 10 AUTON on lamps?", "They are bright.");
	match vote(model, persona, question, prose, golden.seed.0, [0; 32]) {
		Ok(output) => lines.push((format!("{name} ballot"), hex::encode(output.result))),
		// A model of pictures, or one with less room than a ballot takes.
		Err(JobFault::InputInvalid(_)) => {}
		Err(fault) => return Err(fault.into()),
	}
	Ok(lines)
}

/// Inputs for the kinds of output that a picture model makes beside pictures.
fn kinds(picture: &PictureSpec, prompt_to: &str, cells: [&str; 3]) -> [(&'static str, InputSpec); 3] {
	let animation = InputSpec::Animation {
		image: picture.clone(),
		prompt_to: prompt_to.into(),
		frames: 3,
		frames_per_second: 8,
		motion: 0.5,
	};
	let sprite_sheet = InputSpec::SpriteSheet {
		image: picture.clone(),
		cells: cells.map(String::from).to_vec(),
		columns: 2,
		background_tolerance: 24,
	};
	[("animation", animation), ("sprite sheet", sprite_sheet), ("tile", InputSpec::Tile(picture.clone()))]
}

/// One digest over the lines of a report.
pub fn combined(lines: &[(String, String)]) -> String {
	let text: String = lines.iter().map(|(name, digest)| format!("{digest} {name}\n")).collect();
	hex::encode(&cid(text.as_bytes())[4..])
}

/// Gives every tensor that a model asks for values that follow from its name, and keeps them.
#[derive(Clone, Default)]
pub struct RandomWeights {
	tensors: Arc<Mutex<HashMap<String, Tensor>>>,
}

impl RandomWeights {
	/// A builder over these weights.
	pub fn vb(&self) -> VarBuilder<'static> {
		VarBuilder::from_backend(Box::new(self.clone()), DType::F32, Device::Cpu)
	}

	/// The tensors asked for so far, by name.
	pub fn tensors(&self) -> HashMap<String, Tensor> {
		self.tensors.lock().unwrap_or_else(PoisonError::into_inner).clone()
	}

	/// Writes them to a safetensors file, whose folder is made if need be.
	pub fn save(&self, path: &Path) -> std::result::Result<(), Failure> {
		make_parent(path)?;
		Ok(candle_core::safetensors::save(&self.tensors(), path)?)
	}
}

impl SimpleBackend for RandomWeights {
	fn get(&self, shape: Shape, name: &str, _: Init, _: DType, device: &Device) -> Result<Tensor> {
		let mut tensors = self.tensors.lock().unwrap_or_else(PoisonError::into_inner);
		if let Some(tensor) = tensors.get(name) {
			return match tensor.shape() == &shape {
				true => Ok(tensor.clone()),
				false => candle_core::bail!("tensor {name} asked for as {shape:?} and as {:?}", tensor.shape()),
			};
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
		self.tensors.lock().unwrap_or_else(PoisonError::into_inner).contains_key(name)
	}
}

/// A text encoder of 32 channels and 64 tokens.
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
		..Default::default()
	}
}

/// A UNet of two levels.
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

/// An autoencoder of two levels.
pub fn vae_config() -> AutoencoderKlConfig {
	AutoencoderKlConfig {
		down_block_types: vec!["DownEncoderBlock2D".into(); 2],
		up_block_types: vec!["UpDecoderBlock2D".into(); 2],
		block_out_channels: vec![16, 32],
		norm_num_groups: 4,
		..Default::default()
	}
}

/// A language model of 32 channels and 64 tokens.
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

fn make_parent(path: &Path) -> std::io::Result<()> {
	path.parent().map_or(Ok(()), std::fs::create_dir_all)
}

fn write_json(path: &Path, value: &impl serde::Serialize) -> std::result::Result<(), Failure> {
	make_parent(path)?;
	Ok(std::fs::write(path, serde_json::to_vec(value)?)?)
}

fn write_text_encoder(dir: &Path) -> std::result::Result<(), Failure> {
	write_json(&dir.join("tokenizer/tokenizer.json"), &tokenizer_json(true))?;
	write_json(&dir.join("tokenizer/tokenizer_config.json"), &json!({ "pad_token": "<pad>" }))?;
	let config = ClipTextConfig { eos_token_id: 1, ..clip_config() };
	write_json(&dir.join("text_encoder/config.json"), &config)?;
	let weights = RandomWeights::default();
	ClipTextModel::new(&config, weights.vb())?;
	weights.save(&dir.join("text_encoder/model.safetensors"))
}

fn write_unet(dir: &Path, config: &UNet2DConditionConfig) -> std::result::Result<(), Failure> {
	write_json(&dir.join("unet/config.json"), config)?;
	let weights = RandomWeights::default();
	UNet2DConditionModel::new(config, weights.vb())?;
	weights.save(&dir.join("unet/diffusion_pytorch_model.safetensors"))
}

/// A latent diffusion model with an autoencoder; pictures are multiples of 4 pixels.
pub fn write_latent_model(dir: &Path) -> std::result::Result<(), Failure> {
	write_json(&dir.join("model_index.json"), &json!({ "_class_name": "StableDiffusionPipeline" }))?;
	write_text_encoder(dir)?;
	write_unet(dir, &unet_config())?;
	let weights = RandomWeights::default();
	let config = vae_config();
	AutoencoderKl::new(&config, weights.vb())?;
	write_json(&dir.join("vae/config.json"), &config)?;
	weights.save(&dir.join("vae/diffusion_pytorch_model.safetensors"))?;
	write_json(&dir.join("scheduler/scheduler_config.json"), &SchedulerConfig::new("DPMSolverMultistepScheduler"))
}

/// A pixel-space model with pooled text and scale-shift time embeddings; pictures are multiples of 4 pixels.
pub fn write_pixel_model(dir: &Path) -> std::result::Result<(), Failure> {
	write_json(
		&dir.join("model_index.json"),
		&json!({ "_class_name": "StableDiffusionPipeline", "pixel_unshuffle": 2 }),
	)?;
	write_text_encoder(dir)?;
	let config = UNet2DConditionConfig {
		in_channels: 12,
		out_channels: 12,
		class_embed_type: Some("projection".into()),
		projection_class_embeddings_input_dim: Some(32),
		resnet_time_scale_shift: TimeScaleShift::ScaleShift,
		..unet_config()
	};
	write_unet(dir, &config)?;
	let scheduler = SchedulerConfig {
		beta_schedule: BetaSchedule::SquaredcosCapV2,
		prediction_type: PredictionType::VPrediction,
		..SchedulerConfig::new("DDIMScheduler")
	};
	write_json(&dir.join("scheduler/scheduler_config.json"), &scheduler)
}

/// A language model over the words above.
pub fn write_chat_model(dir: &Path) -> std::result::Result<(), Failure> {
	let config = llama_config();
	write_json(&dir.join("config.json"), &config)?;
	write_json(&dir.join("tokenizer.json"), &tokenizer_json(false))?;
	write_json(&dir.join("chat.json"), &json!({ "prefix": "<s> w5 ", "infix": " w6", "stop": "</s>" }))?;
	let weights = RandomWeights::default();
	Llama::new(&config, weights.vb())?;
	weights.save(&dir.join("model.safetensors"))
}

/// A token for each byte, in the letters of byte-level tokenizers, and some for several, after the three marks.
fn byte_tokenizer_json() -> serde_json::Value {
	let special = ["<s>", "</s>", "<pad>"];
	let mut words = special.map(String::from).to_vec();
	let mut others = 256..;
	for byte in 0..=255u32 {
		let is_letter = matches!(byte, 33..=126 | 161..=172 | 174..=255);
		let letter = if is_letter { byte } else { others.next().unwrap_or_default() };
		words.extend(char::from_u32(letter).map(String::from));
	}
	let merges = [("f", "o"), ("fo", "r"), ("s", "t"), ("Ġ", "for"), ("a", "g"), (":", "Ġ")];
	words.extend(merges.map(|(a, b)| [a, b].concat()));
	let vocab: serde_json::Map<String, serde_json::Value> =
		words.iter().enumerate().map(|(id, word)| (word.clone(), json!(id))).collect();
	let added: Vec<_> = special
		.iter()
		.enumerate()
		.map(|(id, word)| {
			json!({ "id": id, "content": word, "single_word": false, "lstrip": false, "rstrip": false,
				"normalized": false, "special": true })
		})
		.collect();
	let bytes = json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true });
	json!({
		"version": "1.0",
		"truncation": null,
		"padding": null,
		"added_tokens": added,
		"normalizer": null,
		"pre_tokenizer": bytes,
		"post_processor": null,
		"decoder": bytes,
		"model": {
			"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
			"end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
			"vocab": vocab, "merges": merges.map(|(a, b)| [a, b]),
		},
	})
}

/// A language model over bytes, with a place for a persona: it can spell whatever it is asked to.
pub fn write_voter_model(dir: &Path) -> std::result::Result<(), Failure> {
	// One more than the tokenizer has tokens, as published models have.
	let config = LlamaConfig { vocab_size: 266, max_position_embeddings: 256, ..llama_config() };
	write_json(&dir.join("config.json"), &config)?;
	write_json(&dir.join("tokenizer.json"), &byte_tokenizer_json())?;
	let chat = json!({
		"prefix": "U:", "infix": "\nR:", "stop": "</s>", "persona": { "prefix": "<s>", "suffix": "\n" },
	});
	write_json(&dir.join("chat.json"), &chat)?;
	let weights = RandomWeights::default();
	Llama::new(&config, weights.vb())?;
	weights.save(&dir.join("model.safetensors"))
}

/// Limits and golden job of the picture models.
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

/// Limits and golden job of the language model.
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

/// Limits and golden job of the language model over bytes.
pub fn voter_meta() -> ManifestMeta {
	ManifestMeta {
		name: "test voter".into(),
		limits: ModelLimits { max_prompt_bytes: 96, max_steps: 0, max_pixels: 0, max_tokens: 48 },
		golden_input: InputSpec::text("Who?", 8, 0.0),
		..text_meta()
	}
}
