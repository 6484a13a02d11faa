//! Bounds of the numbers in a model's configuration files. A file is read by every operator of a model, and what it says
//! becomes table sizes, loops and divisors: a number beyond these bounds is refused with file, field and range before any code
//! sees it. The bounds are far from any published model, so that they never refuse one.

use crate::EngineError;
use serde_json::Value;
use std::path::Path;

/// Most entries of a list of numbers, such as `block_out_channels`.
const MAX_ENTRIES: usize = 64;

/// Field, least and most. A list is held to them entry by entry; `null` stands for the default.
const BOUNDS: [(&str, u64, u64); 33] = [
	("attention_head_dim", 1, 4096),
	("block_out_channels", 1, 1 << 16),
	("cross_attention_dim", 1, 1 << 16),
	("downsample_padding", 0, 16),
	("encoder_hid_dim", 1, 1 << 16),
	("head_dim", 1, 1 << 14),
	("hidden_size", 1, 1 << 16),
	("image_size", 1, 1 << 14),
	("in_channels", 1, 1 << 12),
	("intermediate_size", 1, 1 << 20),
	("latent_channels", 1, 1 << 12),
	("layers_per_block", 1, 64),
	("max_position_embeddings", 1, 1 << 24),
	("norm_num_groups", 1, 1 << 16),
	("num_attention_heads", 1, 4096),
	("num_hidden_layers", 1, 1024),
	("num_key_value_heads", 1, 4096),
	("num_train_timesteps", 1, 100_000),
	("original_inference_steps", 1, 100_000),
	("original_max_position_embeddings", 1, 1 << 24),
	("out_channels", 1, 1 << 12),
	("pixel_unshuffle", 1, 64),
	("projection_class_embeddings_input_dim", 1, 1 << 16),
	("projection_dim", 0, 1 << 16),
	("reverse_transformer_layers_per_block", 0, 256),
	("sample_size", 1, 1 << 14),
	("solver_order", 1, 3),
	("steps_offset", 0, 100_000),
	("time_embedding_dim", 1, 1 << 16),
	("time_cond_proj_dim", 1, 1 << 16),
	("addition_time_embed_dim", 1, 1 << 16),
	("transformer_layers_per_block", 0, 256),
	("vocab_size", 1, 1 << 24),
];

/// Whether a file of this name has a network's or a scheduler's settings.
pub(super) fn applies(name: &str) -> bool {
	let name = name.rsplit('/').next().unwrap_or(name);
	matches!(name, "config.json" | "scheduler_config.json" | "model_index.json")
}

/// Refuses a configuration with a number beyond its bounds, wherever it stands in the file.
pub(super) fn check(path: &Path, config: &Value) -> Result<(), EngineError> {
	// A list would be taken for the fields in their order, and would pass by their names.
	if !config.is_object() {
		return Err(EngineError::content(path, "the file", "an object with settings".into(), "something else".into()));
	}
	check_fields(path, config)
}

fn check_fields(path: &Path, config: &Value) -> Result<(), EngineError> {
	match config {
		Value::Object(fields) => {
			for (name, value) in fields {
				if let Some((_, least, most)) = BOUNDS.iter().find(|(bounded, ..)| bounded == name) {
					check_numbers(path, name, value, *least, *most)?;
				}
				check_fields(path, value)?;
			}
			Ok(())
		}
		Value::Array(entries) => entries.iter().try_for_each(|entry| check_fields(path, entry)),
		Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
	}
}

fn check_numbers(path: &Path, name: &str, value: &Value, least: u64, most: u64) -> Result<(), EngineError> {
	match value {
		Value::Number(number) => match number.as_u64().filter(|number| (least..=most).contains(number)) {
			Some(_) => Ok(()),
			None => {
				let expected = format!("a whole number from {least} to {most}");
				Err(EngineError::content(path, name, expected, number.to_string()))
			}
		},
		Value::Array(entries) if entries.len() > MAX_ENTRIES => {
			let found = format!("{} entries", entries.len());
			Err(EngineError::content(path, name, format!("at most {MAX_ENTRIES} entries"), found))
		}
		Value::Array(entries) => entries.iter().try_for_each(|entry| check_numbers(path, name, entry, least, most)),
		// Whether another kind of value belongs there is for the type of the setting to say.
		Value::Null | Value::Bool(_) | Value::String(_) | Value::Object(_) => Ok(()),
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use serde_json::json;

	fn refused(config: Value) -> String {
		check(Path::new("unet/config.json"), &config).unwrap_err().to_string()
	}

	#[test]
	fn configuration_should_be_refused_with_field_and_range_when_a_number_is_absurd() {
		for (config, words) in [
			(json!({ "hidden_size": 0 }), ["hidden_size", "1 to 65536", "found 0"]),
			(json!({ "hidden_size": u64::MAX }), ["hidden_size", "1 to 65536", "found 18446744073709551615"]),
			(json!({ "vocab_size": -1 }), ["vocab_size", "whole number", "found -1"]),
			(json!({ "norm_num_groups": 1.5 }), ["norm_num_groups", "whole number", "found 1.5"]),
			(json!({ "num_train_timesteps": 1_000_000_000 }), ["num_train_timesteps", "100000", "1000000000"]),
			(json!({ "block_out_channels": [320, 0] }), ["block_out_channels", "1 to 65536", "found 0"]),
			(json!({ "block_out_channels": vec![1; 65] }), ["block_out_channels", "64 entries", "65 entries"]),
			(json!({ "transformer_layers_per_block": [[1, 9999]] }), ["transformer_layers", "256", "9999"]),
			(json!([1, 99_999_999]), ["the file", "an object", "something else"]),
			(json!({ "text_config": { "num_hidden_layers": 4096 } }), ["num_hidden_layers", "1024", "4096"]),
		] {
			let error = refused(config);
			assert!(error.contains("unet/config.json"), "{error}");
			for word in words {
				assert!(error.contains(word), "no {word:?} in: {error}");
			}
		}
	}

	#[test]
	fn configuration_should_pass_when_its_numbers_are_those_of_a_model() {
		let config = json!({
			"vocab_size": 151_936, "hidden_size": 8192, "sample_size": null, "block_out_channels": [320, 640, 1280],
			"transformer_layers_per_block": [0, 2, 10], "rope_theta": 1e6, "architectures": ["LlamaForCausalLM"],
			"attention_head_dim": [5, 10, 20], "max_position_embeddings": 10_485_760, "head_dim": null,
		});
		check(Path::new("config.json"), &config).unwrap();
		assert!(applies("unet/config.json") && applies("model_index.json"));
		assert!(!applies("tokenizer/tokenizer_config.json") && !applies("chat.json"));
	}

	#[test]
	fn fields_should_be_bounded_once() {
		let mut names: Vec<_> = BOUNDS.iter().map(|(name, ..)| *name).collect();
		names.sort_unstable();
		names.dedup();
		assert_eq!(names.len(), BOUNDS.len());
		assert!(BOUNDS.iter().all(|(_, least, most)| least < most));
	}
}
