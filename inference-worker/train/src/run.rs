//! What every training run shares: options, progress, checkpoints and the loop.

use crate::optimiser::{phase_at, AdamW, Phase};
use anyhow::{bail, Context, Result};
use candle_core::Tensor;
use serde::Serialize;
use serde_json::{Number, Value};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// State of a run after a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
	/// Steps made, from 1.
	pub step: u64,
	/// Steps of the whole recipe.
	pub steps: u64,
	/// Loss of this step.
	pub loss: f32,
	/// Seconds since the run was started or resumed.
	pub seconds: f64,
}

/// How a run is carried out. Nothing here changes the weights.
#[derive(Debug, Clone)]
pub struct Options {
	/// Write a checkpoint and the model files after this many steps; 0 only at the end.
	pub checkpoint_every: u64,
	/// Stop with a checkpoint once this step is reached.
	pub stop_at: Option<u64>,
}

impl Default for Options {
	fn default() -> Self {
		Self { checkpoint_every: 200, stop_at: None }
	}
}

/// Result of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
	/// Steps made in total.
	pub step: u64,
	/// Whether the recipe is complete.
	pub finished: bool,
	/// Number of trained values.
	pub parameters: usize,
	/// SHA-256 (hexadecimal) of each weights file by its path in the model folder.
	pub weights: BTreeMap<String, String>,
}

/// Path of the checkpoint inside the output folder. The dot keeps it out of the model's manifest; a finished run deletes
/// it.
pub fn checkpoint_path(out: &Path) -> PathBuf {
	out.join(".checkpoint.safetensors")
}

/// Deletes the checkpoint of a finished run.
pub(crate) fn remove_checkpoint(out: &Path) -> Result<()> {
	let path = checkpoint_path(out);
	if path.exists() {
		std::fs::remove_file(&path).with_context(|| format!("cannot delete {}", path.display()))?;
	}
	Ok(())
}

/// The value with the keys of every object in alphabetical order and fractions in their shortest form, so that its bytes
/// do not depend on how serde_json was built or how a file spelt them.
pub(crate) fn canonical(value: Value) -> Value {
	match value {
		Value::Object(map) => {
			let sorted: BTreeMap<String, Value> = map.into_iter().map(|(key, value)| (key, canonical(value))).collect();
			Value::Object(sorted.into_iter().collect())
		}
		Value::Array(values) => Value::Array(values.into_iter().map(canonical).collect()),
		Value::Number(number) if !number.is_i64() && !number.is_u64() => {
			let shortest = number.as_f64().and_then(Number::from_f64);
			Value::Number(shortest.unwrap_or(number))
		}
		other => other,
	}
}

/// Lower-case hexadecimal SHA-256 of a value's canonical JSON.
pub(crate) fn fingerprint(value: &impl Serialize) -> Result<String> {
	Ok(sha256(&serde_json::to_vec(&canonical(serde_json::to_value(value)?))?))
}

/// Lower-case hexadecimal SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> String {
	Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Key of all random streams of a recipe.
pub(crate) fn seed(text: &str) -> [u8; 32] {
	Sha256::digest(text).into()
}

/// Compares the files of a finished run with what the recipe expects, if it expects anything.
pub(crate) fn check_expected(expected: &BTreeMap<String, String>, found: &BTreeMap<String, String>) -> Result<()> {
	for (file, hash) in expected {
		let got = found.get(file).map_or("nothing", String::as_str);
		if got != hash {
			bail!("{file}: the recipe expects weights with SHA-256 {hash}, training gave {got}");
		}
	}
	Ok(())
}

/// Writes a file, creating its folder.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
	if let Some(folder) = path.parent() {
		std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
	}
	std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// Writes pretty canonical JSON with a final line feed.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
	let mut bytes = serde_json::to_vec_pretty(&canonical(serde_json::to_value(value)?))?;
	bytes.push(b'\n');
	write(path, &bytes)
}

/// Writes tensors as safetensors and returns the file's SHA-256.
pub(crate) fn write_weights(path: &Path, tensors: &BTreeMap<String, Tensor>) -> Result<String> {
	let about = Some(std::collections::HashMap::from([("format".to_owned(), "pt".to_owned())]));
	let bytes = safetensors::serialize(tensors, about)?;
	write(path, &bytes)?;
	Ok(sha256(&bytes))
}

/// Runs the steps of `phases` from where `adam` stands. `loss` builds the graph of one step from its number and batch
/// size; `save` writes model files and is called at each checkpoint.
pub(crate) fn run(
	adam: &mut AdamW,
	phases: &[Phase],
	options: &Options,
	mut loss: impl FnMut(u64, usize) -> Result<Tensor>,
	mut save: impl FnMut(&AdamW) -> Result<()>,
	mut progress: impl FnMut(Progress),
) -> Result<()> {
	let steps = phases.iter().map(Phase::length).sum();
	let end = options.stop_at.unwrap_or(steps).min(steps);
	let start = Instant::now();
	while adam.step_number() < end {
		let step = adam.step_number();
		let (phase, rate) = phase_at(phases, step)?;
		let graph = loss(step, phase.batch)?;
		let value = graph.to_scalar::<f32>()?;
		if !value.is_finite() {
			bail!("the loss is {value} at step {step}: lower the learning rate");
		}
		let norm = adam.step(&graph.backward()?, rate)?;
		let step = adam.step_number();
		let seconds = start.elapsed().as_secs_f64();
		tracing::debug!(step, steps, loss = value, norm, rate, seconds, "trained");
		progress(Progress { step, steps, loss: value, seconds });
		if step == end || (options.checkpoint_every > 0 && step.is_multiple_of(options.checkpoint_every)) {
			save(adam)?;
		}
	}
	Ok(())
}
