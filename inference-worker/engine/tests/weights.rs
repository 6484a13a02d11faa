//! A model's folder: what is found, what is refused, and how it says so.

mod common;

use autonomy_engine::weights::{ModelFolder, MANIFEST_FILE};
use autonomy_engine::{Engine, EngineError, Hash32, InputSpec, JobFault, Manifest};
use candle_core::{DType, Device, Tensor};
use common::*;
use std::collections::HashMap;
use std::path::Path;
use tempfile::TempDir;

const WEIGHTS: &str = "unet/diffusion_pytorch_model.safetensors";

fn chat_folder() -> (TempDir, Manifest) {
	let dir = TempDir::new().unwrap();
	write_chat_model(dir.path()).unwrap();
	let manifest = Manifest::build(dir.path(), text_meta()).unwrap();
	manifest.write(dir.path()).unwrap();
	(dir, manifest)
}

fn refused(dir: &Path) -> EngineError {
	Engine::open(dir).err().expect("the folder must be refused")
}

#[test]
fn manifest_should_come_back_from_its_file() {
	let (dir, manifest) = chat_folder();
	assert_eq!(Manifest::load(dir.path()).unwrap(), manifest);
	let names: Vec<&str> = manifest.files.iter().map(|file| file.path.as_str()).collect();
	assert_eq!(names, ["chat.json", "config.json", "model.safetensors", "tokenizer.json"]);
	let on_disk = std::fs::metadata(dir.path().join("model.safetensors")).unwrap().len();
	assert_eq!(manifest.files[2].size, on_disk);
	Engine::open(dir.path()).unwrap().check_golden().unwrap();
}

#[test]
fn manifest_should_not_change_when_notes_lie_beside_the_model() {
	let (dir, manifest) = chat_folder();
	std::fs::write(dir.path().join("README.md"), "notes").unwrap();
	std::fs::write(dir.path().join(".hidden.json"), "{}").unwrap();
	assert_eq!(Manifest::build(dir.path(), text_meta()).unwrap(), manifest);
}

#[test]
fn manifest_should_be_refused_when_it_contradicts_itself() {
	let (dir, manifest) = chat_folder();
	let path = dir.path().join(MANIFEST_FILE);
	let mut outside = manifest.clone();
	outside.files[0].path = "../chat.json".into();
	let mut unsorted = manifest.clone();
	unsorted.files.swap(0, 1);
	let mut other_golden = manifest.clone();
	other_golden.golden.input = image_meta().golden_input;
	let cases = [
		(outside, "not a path below"),
		(unsorted, "must be sorted"),
		(Manifest { schema: 2, ..manifest.clone() }, "schema 2"),
		(Manifest { files: vec![], ..manifest.clone() }, "no files"),
		(Manifest { modality: autonomy_primitives::job::Modality::Image, ..manifest.clone() }, "modality"),
		(other_golden, "the golden job asks for Image, the model is for Text"),
	];
	for (manifest, needle) in cases {
		manifest.write(dir.path()).unwrap();
		let error = refused(dir.path()).to_string();
		assert!(error.contains(needle) && error.contains(MANIFEST_FILE), "{error}");
	}
	std::fs::write(&path, "{").unwrap();
	assert!(matches!(refused(dir.path()), EngineError::Json { .. }));
	std::fs::remove_file(&path).unwrap();
	assert!(refused(dir.path()).to_string().contains(MANIFEST_FILE));
}

#[test]
fn folder_should_be_refused_when_one_bit_of_the_weights_is_wrong() {
	let dir = TempDir::new().unwrap();
	write_pixel_model(dir.path()).unwrap();
	Manifest::build(dir.path(), image_meta()).unwrap().write(dir.path()).unwrap();
	let path = dir.path().join(WEIGHTS);
	let whole = std::fs::read(&path).unwrap();
	let mut wrong = whole.clone();
	let middle = wrong.len() / 2;
	wrong[middle] ^= 1;
	std::fs::write(&path, wrong).unwrap();
	let error = refused(dir.path());
	assert!(matches!(error, EngineError::Corrupt { what: "SHA-256", .. }), "{error}");
	assert!(error.to_string().contains(WEIGHTS), "{error}");

	std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
	let error = refused(dir.path()).to_string();
	assert!(error.contains(&format!("{} bytes", whole.len())), "{error}");
	assert!(error.contains(&format!("{} bytes", whole.len() - 1)), "{error}");

	std::fs::remove_file(&path).unwrap();
	assert!(refused(dir.path()).to_string().contains(WEIGHTS));
	std::fs::write(&path, &whole).unwrap();
	Engine::open(dir.path()).unwrap();
}

#[test]
fn folder_should_be_refused_when_root_or_engine_are_other_ones() {
	let (dir, manifest) = chat_folder();
	Manifest { weights_root: Hash32([3; 32]), ..manifest.clone() }.write(dir.path()).unwrap();
	assert!(matches!(refused(dir.path()), EngineError::WeightsRoot { .. }));
	Manifest { engine: Hash32([3; 32]), ..manifest }.write(dir.path()).unwrap();
	let error = refused(dir.path());
	assert!(matches!(error, EngineError::Specification { .. }), "{error}");
	assert!(error.to_string().contains("03030303"), "{error}");
}

#[test]
fn golden_job_should_be_reported_when_it_gives_another_result() {
	let (dir, mut manifest) = chat_folder();
	manifest.golden.result = Hash32([9; 32]);
	manifest.write(dir.path()).unwrap();
	let error = Engine::open(dir.path()).unwrap().check_golden().unwrap_err();
	assert!(matches!(error, EngineError::GoldenDiffers { .. }), "{error}");
	assert!(error.to_string().contains("must not take jobs"), "{error}");
}

#[test]
fn golden_job_should_fail_to_build_when_it_is_beyond_the_limits() {
	let dir = TempDir::new().unwrap();
	write_chat_model(dir.path()).unwrap();
	let mut meta = text_meta();
	meta.limits.max_tokens = 3;
	let error = Manifest::build(dir.path(), meta).unwrap_err();
	assert!(matches!(error, EngineError::GoldenFault(JobFault::InputInvalid(_))), "{error}");
	assert!(error.to_string().contains("24 tokens, the model allows 1 to 3"), "{error}");
}

#[test]
fn golden_job_should_fail_to_build_when_it_is_of_another_kind_than_the_model() {
	let dir = TempDir::new().unwrap();
	write_pixel_model(dir.path()).unwrap();
	let mut meta = image_meta();
	let InputSpec::Image(picture) = meta.golden_input else { panic!("the golden job is a picture") };
	meta.golden_input = InputSpec::Tile(picture);
	let error = Manifest::build(dir.path(), meta).unwrap_err();
	assert!(matches!(error, EngineError::Manifest { .. }), "{error}");
	assert!(error.to_string().contains("the golden job asks for Tile, the model is for Image"), "{error}");
}

#[test]
fn files_should_not_be_read_when_the_manifest_does_not_list_them() {
	let (dir, _) = chat_folder();
	let folder = ModelFolder::new(dir.path(), ["config.json".to_string()]);
	assert!(folder.read("config.json").is_ok());
	let error = folder.read("chat.json").unwrap_err().to_string();
	assert!(error.contains("not among the files of the manifest"), "{error}");
	let error = folder.tensors("", "model").err().unwrap().to_string();
	assert!(error.contains("model.safetensors"), "{error}");
}

#[test]
fn tensors_should_be_widened_exactly_and_found_in_shards() {
	let dir = TempDir::new().unwrap();
	let values: Vec<f32> = (0..64).map(|i| (i as f32 - 31.0) / 7.0).collect();
	let full = Tensor::from_vec(values, (8, 8), &Device::Cpu).unwrap();
	let save = |name: &str, tensor: &str, dtype: DType| {
		let tensors = HashMap::from([(tensor.to_string(), full.to_dtype(dtype).unwrap())]);
		candle_core::safetensors::save(&tensors, dir.path().join(name)).unwrap();
	};
	save("model-1.safetensors", "half", DType::F16);
	save("model-2.safetensors", "brain", DType::BF16);
	let index = serde_json::json!({ "weight_map": {
		"half": "model-1.safetensors", "brain": "model-2.safetensors" } });
	std::fs::write(dir.path().join("model.safetensors.index.json"), index.to_string()).unwrap();
	let names = ["model-1.safetensors", "model-2.safetensors", "model.safetensors.index.json"];
	let folder = ModelFolder::new(dir.path(), names.map(String::from));
	let vb = folder.tensors("", "model").unwrap();
	for (name, dtype) in [("half", DType::F16), ("brain", DType::BF16)] {
		let loaded = vb.get((8, 8), name).unwrap();
		assert_eq!(loaded.dtype(), DType::F32);
		let expected = full.to_dtype(dtype).unwrap().to_dtype(DType::F32).unwrap();
		assert_eq!(bits(&loaded), bits(&expected));
	}
	let error = vb.get((8, 9), "half").unwrap_err().to_string();
	assert!(error.contains("half") && error.contains("[8, 9]"), "{error}");
	assert!(vb.get(8, "third").unwrap_err().to_string().contains("third is missing"));

	save("model.safetensors", "wide", DType::F64);
	let folder = ModelFolder::new(dir.path(), ["model.safetensors".to_string()]);
	let error = folder.tensors("", "model").err().unwrap().to_string();
	assert!(error.contains("wide") && error.contains("F64"), "{error}");
}

#[test]
fn model_should_be_refused_when_a_setting_or_a_tensor_is_missing() {
	let dir = TempDir::new().unwrap();
	write_pixel_model(dir.path()).unwrap();
	let scheduler = dir.path().join("scheduler/scheduler_config.json");
	std::fs::write(&scheduler, r#"{"_class_name": "PNDMScheduler"}"#).unwrap();
	let error = Manifest::build(dir.path(), image_meta()).unwrap_err().to_string();
	assert!(error.contains("PNDMScheduler") && error.contains("DDIMScheduler"), "{error}");

	std::fs::write(&scheduler, r#"{"_class_name": "DDIMScheduler"}"#).unwrap();
	let weights = dir.path().join(WEIGHTS);
	let mut tensors = candle_core::safetensors::load(&weights, &Device::Cpu).unwrap();
	tensors.remove("conv_in.bias").unwrap();
	candle_core::safetensors::save(&tensors, &weights).unwrap();
	let error = Manifest::build(dir.path(), image_meta()).unwrap_err().to_string();
	assert!(error.contains("unet") && error.contains("conv_in.bias is missing"), "{error}");
}
