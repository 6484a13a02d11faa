//! The folder of a trained model: the base's files with the trained weights in their place.

use super::data::absolute;
use super::graft::Tensors;
use super::{FineTuneRecipe, Part, ADAPTER_FILE, RECIPE_FILE};
use crate::run;
use anyhow::{bail, Context, Result};
use autonomy_engine::Manifest;
use candle_core::{Device, Tensor};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Refuses a folder with anything in it that no run of this kind has put there.
pub(super) fn check_out(base: &Path, out: &Path, checkpoint: &Path) -> Result<()> {
	if !out.exists() || checkpoint.exists() {
		return Ok(());
	}
	if absolute(base) == absolute(out) {
		bail!("{} is the base model: train into another folder", out.display());
	}
	let mut entries = std::fs::read_dir(out).with_context(|| format!("cannot read {}", out.display()))?;
	let recipe = std::fs::read(out.join(RECIPE_FILE)).unwrap_or_default();
	if entries.next().is_some() && serde_json::from_slice::<FineTuneRecipe>(&recipe).is_err() {
		bail!("{} has other files in it: train into an empty folder", out.display());
	}
	Ok(())
}

/// Reads a file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
	std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Deletes a file, if it is there.
pub(super) fn remove(path: &Path) -> Result<()> {
	match path.exists() {
		true => std::fs::remove_file(path).with_context(|| format!("cannot delete {}", path.display())),
		false => Ok(()),
	}
}

/// Copies a model's files and puts trained weights in the place of the base's, in the precision that these have, rounded to
/// nearest even. Recipe and adapter of the base are not the new model's and stay behind. Returns the SHA-256 (hexadecimal)
/// of the files that were trained.
pub(super) fn write_model(
	base: &Path,
	manifest: &Manifest,
	out: &Path,
	parts: &[Part],
	trained: &Tensors,
) -> Result<BTreeMap<String, String>> {
	let (mut hashes, mut written) = (BTreeMap::new(), BTreeSet::new());
	for file in &manifest.files {
		let path = file.path.as_str();
		if path == RECIPE_FILE || path == ADAPTER_FILE {
			continue;
		}
		let bytes = read(&base.join(path))?;
		let prefix = parts.iter().find_map(|part| {
			let name = path.strip_prefix(part.folder)?;
			(name.ends_with(".safetensors") && !name.contains('/')).then_some(part.prefix)
		});
		let Some(prefix) = prefix else {
			run::write(&out.join(path), &bytes)?;
			continue;
		};
		let mut tensors: BTreeMap<String, Tensor> =
			candle_core::safetensors::load_buffer(&bytes, &Device::Cpu)?.into_iter().collect();
		let mut changed = false;
		for (name, tensor) in &mut tensors {
			let name = format!("{prefix}{name}");
			if let Some(value) = trained.get(&name) {
				let (shape, dtype) = (tensor.shape().clone(), tensor.dtype());
				*tensor = value.reshape(&shape)?.to_dtype(dtype)?;
				written.insert(name);
				changed = true;
			}
		}
		if changed {
			hashes.insert(path.to_owned(), run::write_weights(&out.join(path), &tensors)?);
		} else {
			run::write(&out.join(path), &bytes)?;
		}
	}
	if let Some(name) = trained.keys().find(|name| !written.contains(*name)) {
		bail!("tensor {name} is in none of the files of {}", base.display());
	}
	Ok(hashes)
}
