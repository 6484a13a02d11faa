//! The models of the repository are what their recipes give.

use autonomy_train::{corpus, train_image_with, train_text_with, train_tokenizer, ImageRecipe, Options, TextRecipe};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::PathBuf;

fn models() -> PathBuf {
	PathBuf::from("../models")
}

fn recipe<T: DeserializeOwned>(name: &str) -> T {
	let bytes = std::fs::read(models().join(name).join("recipe.json")).unwrap();
	serde_json::from_slice(&bytes).unwrap()
}

fn check_files(name: &str, expected: &BTreeMap<String, String>) {
	for (file, sha256) in expected {
		let bytes = std::fs::read(models().join(name).join(file)).unwrap();
		assert_eq!(&hex::encode(Sha256::digest(&bytes)), sha256, "{name}/{file}");
	}
}

#[test]
fn shapes_should_be_the_result_of_the_built_in_recipe() {
	let shipped: ImageRecipe = recipe("shapes");
	assert_eq!(shipped.expected.len(), 2);
	check_files("shapes", &shipped.expected);
	assert_eq!(ImageRecipe { expected: BTreeMap::new(), ..shipped }, ImageRecipe::shapes());
}

#[test]
fn keeper_should_be_the_result_of_the_built_in_recipe() {
	let shipped: TextRecipe = recipe("keeper");
	assert_eq!(shipped.expected.len(), 1);
	check_files("keeper", &shipped.expected);
	let corpus = corpus(&TextRecipe::keeper()).unwrap();
	let tokenizer = train_tokenizer(&shipped, &corpus).unwrap();
	assert_eq!(shipped.tokenizer, hex::encode(Sha256::digest(serde_json::to_vec(&tokenizer).unwrap())));
	let bytes = std::fs::read(models().join("keeper/tokenizer.json")).unwrap();
	assert_eq!(serde_json::from_slice::<serde_json::Value>(&bytes).unwrap(), tokenizer);
	let built_in = TextRecipe { tokenizer: shipped.tokenizer.clone(), ..TextRecipe::keeper() };
	assert_eq!(TextRecipe { expected: BTreeMap::new(), ..shipped }, built_in);
}

#[test]
fn models_should_be_at_most_ten_megabytes_together() {
	fn size(dir: &std::path::Path) -> u64 {
		let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
		entries.map(|path| if path.is_dir() { size(&path) } else { path.metadata().unwrap().len() }).sum()
	}
	let total = size(&models());
	assert!(total <= 10_000_000, "{total} bytes");
}

#[test]
fn shipped_recipes_should_start_with_golden_weights() {
	let options = Options { checkpoint_every: 0, stop_at: Some(2) };
	let mut shapes = ImageRecipe::shapes();
	shapes.lessons[0].cut = Some(3);
	let folder = tempfile::tempdir().unwrap();
	let mut weights = train_image_with(&shapes, folder.path(), &options, |_| {}).unwrap().weights;
	let folder = tempfile::tempdir().unwrap();
	weights.extend(train_text_with(&TextRecipe::keeper(), folder.path(), &options, |_| {}).unwrap().weights);
	let golden = [
		("model.safetensors", "4a9e4b7d1e65e174125df3ea656065c18f4aa8c25cc544d3c586e95f90c9c2e3"),
		("text_encoder/model.safetensors", "74c8627a711024814f9adc90b75b5314300a75cdb91d3495b62fcaed7338ea62"),
		(
			"unet/diffusion_pytorch_model.safetensors",
			"e547a070fdc6d166c23badba0804b486ff680d90104bc63aafdc65ccb34545a8",
		),
	];
	assert_eq!(weights, golden.map(|(file, sha256)| (file.to_owned(), sha256.to_owned())).into());
}
