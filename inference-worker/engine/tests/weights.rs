//! A model's folder: what is found, what is refused, and how it says so.

mod common;

use autonomy_engine::weights::gguf::GgufHeader;
use autonomy_engine::weights::{ModelFolder, ADAPTERS_FILE, MANIFEST_FILE};
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
fn manifest_should_be_written_through_no_link() {
	let (dir, manifest) = chat_folder();
	let elsewhere = TempDir::new().unwrap();
	let mine = elsewhere.path().join("mine");
	std::fs::write(&mine, "precious").unwrap();
	// What a stranger's folder can have in it.
	std::os::unix::fs::symlink(&mine, dir.path().join(format!(".{MANIFEST_FILE}.part"))).unwrap();
	manifest.write(dir.path()).unwrap();
	assert_eq!(std::fs::read_to_string(&mine).unwrap(), "precious");
	assert!(!dir.path().join(MANIFEST_FILE).is_symlink());
	assert_eq!(Manifest::load(dir.path()).unwrap(), manifest);
	// What an earlier attempt left behind is in nobody's way.
	std::fs::write(dir.path().join(format!(".{MANIFEST_FILE}.part")), "half").unwrap();
	manifest.write(dir.path()).unwrap();
	assert_eq!(Manifest::load(dir.path()).unwrap(), manifest);
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

/// Replaces a tensor in a file of weights.
fn replace(path: &Path, name: &str, tensor: Tensor) {
	let mut tensors = candle_core::safetensors::load(path, &Device::Cpu).unwrap();
	assert!(tensors.insert(name.into(), tensor).is_some(), "there is no {name}");
	candle_core::safetensors::save(&tensors, path).unwrap();
}

fn complaint(dir: &Path, meta: autonomy_engine::ManifestMeta, words: &[&str]) {
	let error = Manifest::build(dir, meta).unwrap_err();
	let text = error.to_string();
	assert!(error.is_of_the_model(), "every machine finds it: {text}");
	for word in words {
		assert!(text.contains(word), "no {word:?} in: {text}");
	}
}

#[test]
fn weights_should_be_refused_with_file_and_tensor_when_a_value_is_not_finite() {
	for (value, word) in [(f32::NAN, "found NaN"), (f32::INFINITY, "found inf"), (f32::NEG_INFINITY, "found -inf")] {
		let dir = TempDir::new().unwrap();
		write_pixel_model(dir.path()).unwrap();
		let path = dir.path().join(WEIGHTS);
		let old = candle_core::safetensors::load(&path, &Device::Cpu).unwrap().remove("conv_in.bias").unwrap();
		let mut values = old.to_vec1::<f32>().unwrap();
		values[3] = value;
		replace(&path, "conv_in.bias", Tensor::from_vec(values, old.shape(), &Device::Cpu).unwrap());
		complaint(dir.path(), image_meta(), &[WEIGHTS, "tensor conv_in.bias", "expected finite", word, "value 3"]);
	}
}

#[test]
fn weights_should_be_refused_with_file_and_tensor_when_shape_or_type_is_wrong() {
	let dir = TempDir::new().unwrap();
	write_pixel_model(dir.path()).unwrap();
	let path = dir.path().join(WEIGHTS);
	let zeros = |shape: &[usize], dtype| Tensor::zeros(shape, dtype, &Device::Cpu).unwrap();
	replace(&path, "conv_in.bias", zeros(&[7], DType::F32));
	complaint(dir.path(), image_meta(), &[WEIGHTS, "tensor conv_in.bias", "[7]", "the configuration asks for [16]"]);
	replace(&path, "conv_in.bias", zeros(&[16], DType::F64));
	complaint(dir.path(), image_meta(), &[WEIGHTS, "tensor conv_in.bias", "F32, F16 or BF16", "found F64"]);
	let whole = std::fs::read(&path).unwrap();
	std::fs::write(&path, &whole[..whole.len() - 4]).unwrap();
	complaint(dir.path(), image_meta(), &[WEIGHTS, "tensor ", "expected", "cut off"]);
	std::fs::write(&path, [&u64::MAX.to_le_bytes()[..], &whole].concat()).unwrap();
	complaint(dir.path(), image_meta(), &[WEIGHTS, "a header of 18446744073709551615 bytes"]);
	std::fs::remove_file(&path).unwrap();
	std::fs::write(dir.path().join("unet/diffusion_pytorch_model.bin"), b"PK\x03\x04").unwrap();
	complaint(dir.path(), image_meta(), &["unet/diffusion_pytorch_model.bin", "pickled checkpoint", "safetensors"]);
}

#[test]
fn model_should_be_refused_when_its_tokenizer_does_not_fit() {
	let dir = TempDir::new().unwrap();
	write_chat_model(dir.path()).unwrap();
	let path = dir.path().join("tokenizer.json");
	let text = std::fs::read_to_string(&path).unwrap();
	std::fs::write(&path, text.replace("\"w63\":63", "\"w63\":64")).unwrap();
	complaint(dir.path(), text_meta(), &["tokenizer.json", "token 64", "ends at 63"]);
	std::fs::write(&path, &text[..text.len() / 2]).unwrap();
	complaint(dir.path(), text_meta(), &["tokenizer.json"]);
}

#[test]
fn shards_should_be_refused_when_the_index_says_something_else() {
	let dir = TempDir::new().unwrap();
	let one = Tensor::zeros(2, DType::F32, &Device::Cpu).unwrap();
	let save = |file: &str, names: &[&str]| {
		let tensors: HashMap<String, Tensor> = names.iter().map(|name| (name.to_string(), one.clone())).collect();
		candle_core::safetensors::save(&tensors, dir.path().join(file)).unwrap();
	};
	save("model-1.safetensors", &["a"]);
	save("model-2.safetensors", &["b"]);
	let names = ["model-1.safetensors", "model-2.safetensors", "model.safetensors.index.json"];
	let folder = ModelFolder::new(dir.path(), names.map(String::from));
	let refused = |map: serde_json::Value, words: &[&str]| {
		let index = serde_json::json!({ "weight_map": map }).to_string();
		std::fs::write(dir.path().join("model.safetensors.index.json"), index).unwrap();
		let error = folder.tensors("", "model").err().unwrap().to_string();
		for word in words {
			assert!(error.contains(word), "no {word:?} in: {error}");
		}
	};
	let (first, second) = ("model-1.safetensors", "model-2.safetensors");
	refused(serde_json::json!({ "a": second, "b": first }), &["index.json", "tensor a", "in model-2", "found it in"]);
	refused(serde_json::json!({ "a": first, "c": second }), &["index.json", "tensor c", "found no such tensor"]);
	for trick in ["../model-1.safetensors", "/model-1.safetensors", "./model-1.safetensors", "model-9.safetensors", ""]
	{
		refused(serde_json::json!({ "a": trick }), &["index.json", "the file of tensor a", "beside the index", trick]);
	}
	refused(serde_json::json!({}), &["weight_map", "no entries"]);
	save("model-2.safetensors", &["a", "b"]);
	refused(serde_json::json!({ "a": first, "b": second }), &["model-2", "tensor a", "in one file", "model-1"]);
}

#[test]
fn manifest_should_be_refused_when_a_path_plays_tricks() {
	let (dir, manifest) = chat_folder();
	for path in ["a/./b", "a//b", "a/", "a\\..\\b", "C:b", "a\0b", "a\u{1b}[2Jb", "", "/a", "a/../b"] {
		let mut tricked = manifest.clone();
		tricked.files[0].path = path.into();
		tricked.files.sort_by(|a, b| a.path.cmp(&b.path));
		tricked.write(dir.path()).unwrap();
		let error = refused(dir.path()).to_string();
		assert!(error.contains("is not a path below") && !error.contains(char::is_control), "{path:?}: {error}");
	}
	let refuse = |manifest: Manifest, word: &str| {
		manifest.write(dir.path()).unwrap();
		let error = refused(dir.path()).to_string();
		assert!(error.contains(word) && error.contains(MANIFEST_FILE), "{error}");
	};
	let mut both = manifest.clone();
	both.files[0].path = "config.json/x".into();
	both.files.sort_by(|a, b| a.path.cmp(&b.path));
	refuse(both, "is a file and a folder");
	let mut deep = manifest.clone();
	deep.files[0].path = "a/".repeat(20) + "x";
	refuse(deep, "21 parts");
	let many = (0..5000).map(|i| {
		let mut file = manifest.files[0].clone();
		file.path = format!("{i:04}");
		file
	});
	refuse(Manifest { files: many.collect(), ..manifest.clone() }, "5000 files, a model has at most 4096");
	std::fs::write(dir.path().join(MANIFEST_FILE), vec![b' '; 5 << 20]).unwrap();
	assert!(refused(dir.path()).to_string().contains("at most 4194304 bytes"));
}

#[test]
fn model_should_be_refused_when_its_tokenizer_adds_marks_that_the_network_has_not() {
	let dir = TempDir::new().unwrap();
	write_pixel_model(dir.path()).unwrap();
	let path = dir.path().join("tokenizer/tokenizer.json");
	let text = std::fs::read_to_string(&path).unwrap();
	std::fs::write(&path, text.replace(r#""ids":[0]"#, r#""ids":[64]"#)).unwrap();
	complaint(dir.path(), image_meta(), &["tokenizer/tokenizer.json", "token 64 around a text", "ends at 63"]);
	let marks: Vec<u32> = vec![0; 12];
	let ids = serde_json::json!({ "id": "<s>", "ids": marks, "tokens": vec!["<s>"; 12] }).to_string();
	let many = text.replace(r#"{"id":"<s>","ids":[0],"tokens":["<s>"]}"#, &ids);
	assert_ne!(many, text);
	std::fs::write(&path, many).unwrap();
	complaint(dir.path(), image_meta(), &["tokenizer/tokenizer.json", "13 tokens around a text", "has 12"]);
}

/// Name, dimensions, type and offset of a tensor of a GGUF file.
type Entry = (&'static str, &'static [u64], u32, u64);

/// A GGUF file without metadata, with so many bytes behind the header.
fn gguf(tensors: &[Entry], data: usize) -> Vec<u8> {
	let mut bytes = b"GGUF\x03\0\0\0".to_vec();
	bytes.extend((tensors.len() as u64).to_le_bytes());
	bytes.extend(0u64.to_le_bytes());
	for (name, dims, kind, offset) in tensors {
		bytes.extend((name.len() as u64).to_le_bytes());
		bytes.extend(name.bytes());
		bytes.extend((dims.len() as u32).to_le_bytes());
		dims.iter().for_each(|dim| bytes.extend(dim.to_le_bytes()));
		bytes.extend(kind.to_le_bytes());
		bytes.extend(offset.to_le_bytes());
	}
	bytes.resize(bytes.len().next_multiple_of(32) + data, 0);
	bytes
}

#[test]
fn gguf_should_be_refused_when_tensors_share_bytes_or_begin_anywhere() {
	let read = |bytes: &[u8]| GgufHeader::read(bytes, bytes.len() as u64);
	let whole = gguf(&[("a", &[4, 4], 0, 0), ("b", &[4], 0, 64)], 80);
	assert_eq!(read(&whole).unwrap().tensors().len(), 2);
	let overlap = ["tensor \"b\"", "tensor \"a\" ends at", "they overlap"];
	let cases: [([Entry; 2], [&str; 3]); 4] = [
		([("a", &[4, 4], 0, 0), ("b", &[4], 0, 32)], overlap),
		([("a", &[4, 4], 0, 0), ("b", &[4, 4], 0, 0)], overlap),
		([("a", &[4], 0, 0), ("b", &[4], 0, 20)], ["tensor \"b\"", "begins at byte", "a multiple of 32"]),
		([("a", &[4], 0, 0), ("\u{1b}[2J", &[5], 9, 32)], ["tensor \"[2J…\"", "type 9", "are supported"]),
	];
	for (tensors, words) in cases {
		let error = read(&gguf(&tensors, 80)).unwrap_err().to_string();
		assert!(words.iter().all(|word| error.contains(word)), "{error}");
		assert!(!error.contains(char::is_control), "{error}");
	}
	let mut many = gguf(&[], 1 << 20);
	many.resize(4 << 20, 0);
	many[8..16].copy_from_slice(&70_000u64.to_le_bytes());
	let error = read(&many).unwrap_err().to_string();
	assert!(error.contains("70000 tensors") && error.contains("at most 65536"), "{error}");
	let mut list = gguf(&[], 0);
	list.truncate(24);
	list[16..24].copy_from_slice(&1u64.to_le_bytes());
	list.extend(1u64.to_le_bytes());
	list.extend(b"x\x09\0\0\0\x09\0\0\0");
	list.extend([0; 64]);
	let error = read(&list).unwrap_err().to_string();
	assert!(error.contains("\"x\" is a list of lists") && error.contains("are supported"), "{error}");
}

#[test]
fn adapter_should_be_refused_with_file_and_tensor_when_it_is_damaged() {
	let dir = TempDir::new().unwrap();
	write_latent_model(dir.path()).unwrap();
	let file = "loras/a.safetensors";
	std::fs::create_dir(dir.path().join("loras")).unwrap();
	let list = |entries: serde_json::Value| {
		std::fs::write(dir.path().join(ADAPTERS_FILE), serde_json::json!({ "loras": entries }).to_string()).unwrap();
	};
	let lora = |change: &dyn Fn(&mut HashMap<String, Tensor>)| {
		let mut tensors = HashMap::from([
			("lora_unet_conv_in.lora_down.weight".to_string(), random(1, &[2, 36])),
			("lora_unet_conv_in.lora_up.weight".to_string(), random(2, &[16, 2])),
		]);
		change(&mut tensors);
		candle_core::safetensors::save(&tensors, dir.path().join(file)).unwrap();
	};
	let number = |values: &[f32]| Tensor::new(values, &Device::Cpu).unwrap();
	list(serde_json::json!([{ "file": file }]));
	lora(&|_| {});
	Manifest::build(dir.path(), image_meta()).unwrap();

	let down = "lora_unet_conv_in.lora_down.weight";
	lora(&|tensors| drop(tensors.insert(down.into(), number(&[f32::NAN; 72]))));
	complaint(dir.path(), image_meta(), &[file, down, "expected finite numbers", "found NaN as value 0"]);
	lora(&|tensors| drop(tensors.insert(down.into(), Tensor::zeros((2, 36), DType::F64, &Device::Cpu).unwrap())));
	complaint(dir.path(), image_meta(), &[file, down, "F32, F16 or BF16", "found F64"]);
	let alpha = "lora_unet_conv_in.alpha";
	lora(&|tensors| drop(tensors.insert(alpha.into(), number(&[1.0, 2.0]))));
	complaint(dir.path(), image_meta(), &[file, alpha, "[2]", "one number was expected"]);
	lora(&|tensors| drop(tensors.insert(alpha.into(), number(&[f32::MAX]))));
	list(serde_json::json!([{ "file": file, "scale": 100.0 }]));
	complaint(dir.path(), image_meta(), &[file, down, "conv_in.weight", "expected finite numbers"]);
	list(serde_json::json!([{ "file": file }]));
	lora(&|tensors| {
		for (other, name) in [("lora_A", "lora_down"), ("lora_B", "lora_up")] {
			let same = tensors[&format!("lora_unet_conv_in.{name}.weight")].clone();
			tensors.insert(format!("unet.conv_in.{other}.weight"), same);
		}
	});
	complaint(dir.path(), image_meta(), &[file, down, "unet.conv_in.lora_A.weight", "one of them was expected"]);
	lora(&|_| {});
	let whole = std::fs::read(dir.path().join(file)).unwrap();
	std::fs::write(dir.path().join(file), &whole[..whole.len() - 1]).unwrap();
	complaint(dir.path(), image_meta(), &[file, "tensor lora_unet_conv_in", "cut off"]);
	std::fs::write(dir.path().join(file), b"\x80\x04\x95\0\0\0\0\x10}.").unwrap();
	complaint(dir.path(), image_meta(), &[file, "a pickle"]);

	list(serde_json::json!([{ "file": file }, { "file": file }]));
	complaint(dir.path(), image_meta(), &[ADAPTERS_FILE, "each file once", "a.safetensors\" twice"]);
	let many: Vec<_> = (0..65).map(|i| serde_json::json!({ "file": format!("loras/{i}.safetensors") })).collect();
	list(serde_json::json!(many));
	complaint(dir.path(), image_meta(), &[ADAPTERS_FILE, "at most 64 adapters", "found 65"]);
}

#[test]
fn learnt_vectors_should_be_refused_when_they_are_too_many() {
	let dir = TempDir::new().unwrap();
	write_latent_model(dir.path()).unwrap();
	std::fs::create_dir(dir.path().join("words")).unwrap();
	let tensors = HashMap::from([("emb_params".to_string(), random(1, &[129, 32]))]);
	candle_core::safetensors::save(&tensors, dir.path().join("words/cat.safetensors")).unwrap();
	let list = |token: &str| {
		let list = serde_json::json!({ "embeddings": [{ "file": "words/cat.safetensors", "token": token }] });
		std::fs::write(dir.path().join(ADAPTERS_FILE), list.to_string()).unwrap();
	};
	list("<cat>");
	complaint(dir.path(), image_meta(), &["words/cat.safetensors", "[129, 32]", "1 to 128"]);
	list(&"c".repeat(257));
	complaint(dir.path(), image_meta(), &[ADAPTERS_FILE, "more than 256 bytes"]);
}

#[cfg(unix)]
#[test]
fn folder_should_be_refused_when_a_link_leads_to_a_folder() {
	let dir = TempDir::new().unwrap();
	write_chat_model(dir.path()).unwrap();
	std::os::unix::fs::symlink(dir.path(), dir.path().join("circle")).unwrap();
	complaint(dir.path(), text_meta(), &["circle", "a link to a folder"]);
}
