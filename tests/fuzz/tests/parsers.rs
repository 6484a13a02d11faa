//! A target for every parser of a file that somebody else may have written.

use std::{
	collections::{BTreeMap, HashMap},
	fmt::Display,
	fs,
	path::{Component, Path},
};

use autonomy_engine::{
	digest::{cid_text, parse_cid},
	evaluation,
	exactness::{
		llama_config, unet_config, vae_config, write_chat_model, write_latent_model, write_pixel_model,
		write_voter_model,
	},
	pipelines::{chat::Chat, text_to_image::TextToImage},
	tokenizer,
	weights::{
		checkpoint::{unet_key, vae_key},
		gguf::GgufHeader,
		survey, Header, ModelFolder, ADAPTERS_FILE,
	},
	Manifest,
};
use autonomy_fuzz::{Seed, Target};
use autonomy_train::finetune;
use candle_core::{
	quantized::{gguf_file, GgmlDType, QTensor},
	safetensors::SliceSafetensors,
	Device, Tensor,
};
use tempfile::TempDir;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

fn text(error: impl Display) -> String {
	error.to_string()
}

/// The files below a folder, as a manifest would list them.
fn listed(dir: &Path, below: &str, files: &mut Vec<String>) {
	for entry in fs::read_dir(dir.join(below)).unwrap() {
		let entry = entry.unwrap();
		let name = entry.file_name().into_string().unwrap();
		let path = if below.is_empty() { name } else { format!("{below}/{name}") };
		match entry.file_type().unwrap().is_dir() {
			true => listed(dir, &path, files),
			false => files.push(path),
		}
	}
}

fn folder(dir: &Path) -> ModelFolder {
	let mut files = Vec::new();
	listed(dir, "", &mut files);
	ModelFolder::new(dir, files)
}

/// A target that puts its input in the place of one file of a model and opens the model.
fn run_in_model(target: Target, dir: &Path, file: &str, open: impl Fn(&ModelFolder) -> Result<(), String>) {
	let (folder, path) = (folder(dir), dir.join(file));
	let good = Seed::made("good-model", fs::read(&path).unwrap());
	target.run(vec![good], |bytes| {
		fs::write(&path, bytes).map_err(text)?;
		open(&folder)
	});
}

fn open_pictures(folder: &ModelFolder) -> Result<(), String> {
	TextToImage::open(folder).map(drop).map_err(text)
}

fn open_chat(folder: &ModelFolder) -> Result<(), String> {
	Chat::open(folder).map(drop).map_err(text)
}

#[test]
fn header_of_safetensors_should_agree_with_its_file_or_be_refused() {
	let target = Target { name: "header", inputs: 20_000, room: 64 * KIB, ratio: 128 };
	target.run(vec![], |bytes| {
		let header = Header::read(Path::new("x.safetensors"), bytes, bytes.len() as u64).map_err(text)?;
		// The library that maps the file must find the same in it.
		let library = SliceSafetensors::new(bytes).expect("what is accepted here is accepted there");
		let theirs: BTreeMap<String, Vec<u64>> = library
			.tensors()
			.into_iter()
			.map(|(name, view)| (name, view.shape().iter().map(|length| *length as u64).collect()))
			.collect();
		let ours: BTreeMap<String, Vec<u64>> =
			header.tensors.into_iter().map(|(name, entry)| (name, entry.shape)).collect();
		assert_eq!(ours, theirs);
		Ok(())
	});
}

#[test]
fn weights_should_be_read_or_refused_whole() {
	let dir = TempDir::new().unwrap();
	write_chat_model(dir.path()).unwrap();
	let target = Target { name: "weights", inputs: 300, room: 64 * MIB, ratio: 64 };
	run_in_model(target, dir.path(), "model.safetensors", open_chat);
}

#[test]
fn gguf_header_should_agree_with_its_file_or_be_refused() {
	let target = Target { name: "gguf-header", inputs: 20_000, room: 64 * KIB, ratio: 256 };
	target.run(vec![], |bytes| {
		let header = GgufHeader::read(bytes, bytes.len() as u64).map_err(text)?;
		let mut places: Vec<_> = header.tensors().values().map(|tensor| (tensor.start, tensor.bytes)).collect();
		places.sort_unstable();
		for (index, (start, count)) in places.iter().enumerate() {
			let end = start.checked_add(*count).expect("it is inside the file");
			let next = places.get(index + 1).map_or(bytes.len() as u64, |(next, _)| *next);
			assert!(*count > 0 && end <= next, "{places:?}");
		}
		for tensor in header.tensors().values() {
			// No quantisation stores more than 32 values in 18 bytes.
			assert!(tensor.dims.iter().product::<usize>() as u64 <= tensor.bytes.saturating_mul(2));
		}
		Ok(())
	});
}

/// Puts the weights of the small language model into a GGUF file.
fn to_gguf(dir: &Path) {
	const NAMES: [(&str, &str); 13] = [
		("model.embed_tokens", "token_embd"),
		("model.norm", "output_norm"),
		("lm_head", "output"),
		("model.layers", "blk"),
		("self_attn.q_proj", "attn_q"),
		("self_attn.k_proj", "attn_k"),
		("self_attn.v_proj", "attn_v"),
		("self_attn.o_proj", "attn_output"),
		("input_layernorm", "attn_norm"),
		("post_attention_layernorm", "ffn_norm"),
		("mlp.gate_proj", "ffn_gate"),
		("mlp.up_proj", "ffn_up"),
		("mlp.down_proj", "ffn_down"),
	];
	let path = dir.join("model.safetensors");
	let mut tensors: Vec<(String, QTensor)> = candle_core::safetensors::load(&path, &Device::Cpu)
		.unwrap()
		.iter()
		.map(|(name, tensor)| {
			let name = NAMES.iter().fold(name.clone(), |name, (theirs, ours)| name.replace(theirs, ours));
			(name, QTensor::quantize(tensor, GgmlDType::F32).unwrap())
		})
		.collect();
	// A hash table has another order in every run, and the inputs are to be the same.
	tensors.sort_by(|a, b| a.0.cmp(&b.0));
	let tensors: Vec<(&str, &QTensor)> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
	let config = llama_config();
	let family = config.model_type.name();
	let architecture = gguf_file::Value::String(family.into());
	let numbers =
		config.in_gguf().map(|(name, number)| (format!("{family}.{name}"), gguf_file::Value::U32(number as u32)));
	let mut metadata = vec![("general.architecture", &architecture)];
	metadata.extend(numbers.iter().map(|(key, number)| (key.as_str(), number)));
	let mut file = fs::File::create(dir.join("model.gguf")).unwrap();
	gguf_file::write(&mut file, &metadata, &tensors).unwrap();
	fs::remove_file(path).unwrap();
}

#[test]
fn gguf_should_be_read_or_refused_whole() {
	let dir = TempDir::new().unwrap();
	write_chat_model(dir.path()).unwrap();
	to_gguf(dir.path());
	let target = Target { name: "gguf", inputs: 300, room: 64 * MIB, ratio: 64 };
	run_in_model(target, dir.path(), "model.gguf", open_chat);
}

/// Puts the networks of the small picture model into one file, as the original code of Stable Diffusion 1 has them.
fn to_checkpoint(dir: &Path) {
	let load = |file: &str| candle_core::safetensors::load(dir.join(file), &Device::Cpu).unwrap();
	let (unet, levels) = (unet_config(), vae_config().block_out_channels.len());
	let mut all: HashMap<String, Tensor> = HashMap::new();
	for (name, tensor) in load("unet/diffusion_pytorch_model.safetensors") {
		all.insert(format!("model.diffusion_model.{}", unet_key(&unet, &name).unwrap()), tensor);
	}
	for (name, tensor) in load("vae/diffusion_pytorch_model.safetensors") {
		all.insert(format!("first_stage_model.{}", vae_key(levels, &name).unwrap()), tensor);
	}
	for (name, tensor) in load("text_encoder/model.safetensors") {
		all.insert(format!("cond_stage_model.transformer.{name}"), tensor);
	}
	fs::remove_file(dir.join("model_index.json")).unwrap();
	candle_core::safetensors::save(&all, dir.join("model.safetensors")).unwrap();
}

#[test]
fn checkpoint_should_be_read_or_refused_whole() {
	let dir = TempDir::new().unwrap();
	write_latent_model(dir.path()).unwrap();
	to_checkpoint(dir.path());
	let target = Target { name: "checkpoint", inputs: 300, room: 64 * MIB, ratio: 64 };
	run_in_model(target, dir.path(), "model.safetensors", open_pictures);
}

#[test]
fn survey_should_tell_a_checkpoint_or_refuse_it() {
	let dir = TempDir::new().unwrap();
	let path = dir.path().join("x.safetensors");
	// A checkpoint has none in it.
	for tokenizer in ["tokenizer", "tokenizer_2"] {
		fs::create_dir(dir.path().join(tokenizer)).unwrap();
		fs::write(dir.path().join(tokenizer).join("tokenizer.json"), "{}").unwrap();
	}
	let target = Target { name: "survey", inputs: 5000, room: 256 * KIB, ratio: 128 };
	target.run(vec![], |bytes| {
		fs::write(&path, bytes).map_err(text)?;
		let found = survey(dir.path()).map_err(text)?;
		assert!(found.parts.iter().all(|part| part.parameters <= bytes.len() as u64), "{found:?}");
		Ok(())
	});
}

/// The small picture model with a LoRA and a learnt word beside it, neither of them listed.
fn model_with_adapters() -> TempDir {
	let dir = TempDir::new().unwrap();
	write_latent_model(dir.path()).unwrap();
	let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
	for (good, file) in [
		("adapter/good-kohya.safetensors", "loras/a.safetensors"),
		("embedding/good-emb-params.safetensors", "embeddings/cat.safetensors"),
	] {
		let path = dir.path().join(file);
		fs::create_dir_all(path.parent().unwrap()).unwrap();
		fs::copy(corpus.join(good), path).unwrap();
	}
	dir
}

#[test]
fn adapters_should_be_merged_or_refused() {
	let lora = r#"{"loras":[{"file":"loras/a.safetensors","scale":0.5}]}"#;
	let word = r#"{"embeddings":[{"file":"embeddings/cat.safetensors","token":"<cat>"}]}"#;
	for (name, file, list) in [
		("adapter", "loras/a.safetensors", lora),
		("embedding", "embeddings/cat.safetensors", word),
		("adapters", ADAPTERS_FILE, lora),
	] {
		let dir = model_with_adapters();
		fs::write(dir.path().join(ADAPTERS_FILE), list).unwrap();
		let target = Target { name, inputs: 300, room: 64 * MIB, ratio: 128 };
		run_in_model(target, dir.path(), file, open_pictures);
	}
}

/// The small model over bytes with a chat template in `tokenizer_config.json` in place of `chat.json`.
fn templated_model() -> TempDir {
	let dir = TempDir::new().unwrap();
	write_voter_model(dir.path()).unwrap();
	fs::remove_file(dir.path().join("chat.json")).unwrap();
	let template = "{{ bos_token }}{% for m in messages %}{{ m.role + ': ' + m.content }}{% endfor %}";
	let config = format!(r#"{{"bos_token":"<s>","eos_token":"</s>","chat_template":"{template}"}}"#);
	fs::write(dir.path().join("tokenizer_config.json"), config).unwrap();
	dir
}

#[test]
fn chat_template_should_make_a_prompt_or_be_refused() {
	for (name, file, good) in [
		("jinja", "chat_template.jinja", Some("{{ messages[-1].content }}")),
		("tokenizer-config", "tokenizer_config.json", None),
		("generation-config", "generation_config.json", Some(r#"{"eos_token_id":[1]}"#)),
	] {
		let dir = templated_model();
		if let Some(good) = good {
			fs::write(dir.path().join(file), good).unwrap();
		}
		// What a template itself takes is not in it: it runs on a thread of its own.
		let target = Target { name, inputs: 1000, room: 64 * MIB, ratio: 128 };
		run_in_model(target, dir.path(), file, open_chat);
	}
}

#[test]
fn cid_should_be_one_and_no_path_or_be_refused() {
	let target = Target { name: "cid", inputs: 20_000, room: 4 * KIB, ratio: 16 };
	target.run(vec![], |bytes| {
		let words = std::str::from_utf8(bytes).map_err(text)?;
		let cid = parse_cid(words).ok_or("it is no CID of version 1, raw, SHA-256")?;
		// What files are stored under, whatever form the CID came in.
		let name = cid_text(&cid);
		assert!(name.starts_with("bafkrei") && name.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{name}");
		assert_eq!(parse_cid(&name), Some(cid));
		Ok(())
	});
}

#[test]
fn index_of_shards_should_name_files_beside_it_or_be_refused() {
	let dir = TempDir::new().unwrap();
	let one = Tensor::new(&[1f32, 2.0], &Device::Cpu).unwrap();
	for (tensor, file) in [("a", "model-1.safetensors"), ("b", "model-2.safetensors")] {
		let tensors = HashMap::from([(tensor.to_string(), one.clone())]);
		candle_core::safetensors::save(&tensors, dir.path().join(file)).unwrap();
	}
	let index = dir.path().join("model.safetensors.index.json");
	let files = ["model-1.safetensors", "model-2.safetensors", "model.safetensors.index.json"];
	let folder = ModelFolder::new(dir.path(), files.map(String::from));
	let target = Target { name: "index", inputs: 2000, room: MIB, ratio: 128 };
	target.run(vec![], |bytes| {
		fs::write(&index, bytes).map_err(text)?;
		folder.tensors("", "model").map(drop).map_err(text)
	});
}

#[test]
fn settings_of_picture_models_should_be_followed_or_refused() {
	let dir = TempDir::new().unwrap();
	write_latent_model(dir.path()).unwrap();
	for (name, file) in [
		("unet-config", "unet/config.json"),
		("text-config", "text_encoder/config.json"),
		("vae-config", "vae/config.json"),
		("scheduler", "scheduler/scheduler_config.json"),
	] {
		let good = fs::read(dir.path().join(file)).unwrap();
		let target = Target { name, inputs: 300, room: 64 * MIB, ratio: 128 };
		run_in_model(target, dir.path(), file, open_pictures);
		fs::write(dir.path().join(file), good).unwrap();
	}
	let dir = TempDir::new().unwrap();
	write_pixel_model(dir.path()).unwrap();
	let target = Target { name: "model-index", inputs: 300, room: 64 * MIB, ratio: 128 };
	run_in_model(target, dir.path(), "model_index.json", open_pictures);
}

#[test]
fn settings_of_language_models_should_be_followed_or_refused() {
	let dir = TempDir::new().unwrap();
	write_chat_model(dir.path()).unwrap();
	for (name, file) in [("chat-config", "config.json"), ("chat-template", "chat.json")] {
		let good = fs::read(dir.path().join(file)).unwrap();
		let target = Target { name, inputs: 1000, room: 64 * MIB, ratio: 128 };
		run_in_model(target, dir.path(), file, open_chat);
		fs::write(dir.path().join(file), good).unwrap();
	}
}

#[test]
fn tokenizer_should_be_read_or_refused() {
	let dir = TempDir::new().unwrap();
	write_chat_model(dir.path()).unwrap();
	let words = Seed::made("good-words", fs::read(dir.path().join("tokenizer.json")).unwrap());
	write_voter_model(dir.path()).unwrap();
	let bytes = Seed::made("good-bytes", fs::read(dir.path().join("tokenizer.json")).unwrap());
	let target = Target { name: "tokenizer", inputs: 2000, room: 32 * MIB, ratio: 1024 };
	target.run(vec![words, bytes], |bytes| tokenizer::parse(bytes).map(drop));
}

#[test]
fn manifest_should_come_back_as_it_was_written_or_be_refused() {
	let target = Target { name: "manifest", inputs: 5000, room: 64 * KIB, ratio: 128 };
	target.run(vec![], |bytes| {
		let path = Path::new("manifest.json");
		let manifest = Manifest::from_json(path, bytes).map_err(text)?;
		for file in &manifest.files {
			let full = Path::new("/models/x").join(&file.path);
			// Two dots may end a name; alone they would lead out of the folder.
			let names = Path::new(&file.path).components().all(|part| matches!(part, Component::Normal(_)));
			assert!(full.starts_with("/models/x/") && names, "{full:?}");
		}
		let again = Manifest::from_json(path, manifest.to_json().as_bytes()).expect("it was written by us");
		assert_eq!(again.to_json(), manifest.to_json());
		Ok(())
	});
}

#[test]
fn evaluation_set_should_be_read_or_refused_by_worker_and_trainer() {
	let target = || Target { name: "evaluation-set", inputs: 5000, room: 64 * KIB, ratio: 512 };
	target().run(vec![], |bytes| evaluation::EvaluationSet::parse(bytes).map(drop).map_err(text));
	// A trainer decodes the pictures.
	let target = Target { room: 256 * MIB, ratio: 512, inputs: 1000, ..target() };
	target.run(vec![], |bytes| finetune::EvaluationSet::from_json(bytes).map(drop).map_err(|e| format!("{e:#}")));
}

#[test]
fn picture_should_take_no_more_memory_than_its_file_can_mean() {
	let target = Target { name: "picture", inputs: 2000, room: 320 * MIB, ratio: 32 * KIB };
	target.run(vec![], |bytes| finetune::read_picture(bytes).map(drop).map_err(|e| format!("{e:#}")));
}

#[test]
fn exchanges_should_be_read_or_refused() {
	let dir = TempDir::new().unwrap();
	let path = dir.path().join("talk.jsonl");
	let target = Target { name: "exchanges", inputs: 3000, room: 64 * KIB, ratio: 128 };
	target.run(vec![], |bytes| {
		fs::write(&path, bytes).map_err(text)?;
		finetune::read_exchanges(&path, 64).map(drop).map_err(|e| format!("{e:#}"))
	});
}
