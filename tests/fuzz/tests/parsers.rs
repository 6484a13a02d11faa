//! A target for every parser of a file that somebody else may have written.

use std::{
	collections::{BTreeMap, HashMap},
	fmt::Display,
	fs,
	path::Path,
};

use autonomy_engine::{
	evaluation,
	exactness::{write_chat_model, write_latent_model, write_pixel_model, write_voter_model},
	pipelines::{chat::Chat, text_to_image::TextToImage},
	tokenizer,
	weights::{Header, ModelFolder},
	Manifest,
};
use autonomy_fuzz::{Seed, Target};
use autonomy_train::finetune;
use candle_core::{safetensors::SliceSafetensors, Device, Tensor};
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
			assert!(full.starts_with("/models/x/") && !file.path.contains(".."), "{full:?}");
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
