//! Settings of published files that change what a network or a scheduler computes, and that this engine does not have.
//!
//! A file that sets one is refused by its name. Passed over, the model would be another one than its owner tried elsewhere, and
//! nobody would be told.

use crate::EngineError;
use serde_json::Value;
use std::path::Path;

/// A setting, and the values of it that ask for nothing. Left out, `null` and `false` never do.
type Rule = (&'static str, &'static [&'static str]);

/// Of a UNet.
const UNET: [Rule; 14] = [
	("_class_name", &["UNet2DConditionModel"]),
	("attention_type", &["default"]),
	("class_embeddings_concat", &[]),
	("conv_in_kernel", &["3"]),
	("conv_out_kernel", &["3"]),
	("encoder_hid_dim_type", &[]),
	("num_attention_heads", &[]),
	("num_class_embeds", &[]),
	("only_cross_attention", &[]),
	("reverse_transformer_layers_per_block", &[]),
	("time_embedding_act_fn", &[]),
	("time_embedding_dim", &[]),
	("time_embedding_type", &["positional"]),
	("timestep_post_act", &[]),
];

/// Of an autoencoder.
const VAE: [Rule; 4] =
	[("_class_name", &["AutoencoderKL"]), ("act_fn", &["silu", "swish"]), ("latents_mean", &[]), ("latents_std", &[])];

/// Of a text encoder.
const TEXT_ENCODER: [Rule; 1] = [("use_attention_mask", &[])];

/// Of every scheduler.
const SCHEDULER: [Rule; 1] = [("trained_betas", &[])];

/// Of one scheduler. The others pass over them, as in diffusers: a file that was made of another scheduler's still has them.
const EULER: [Rule; 4] = [
	("interpolation_type", &["linear"]),
	("timestep_type", &["discrete"]),
	("use_beta_sigmas", &[]),
	("use_exponential_sigmas", &[]),
];
const DPM: [Rule; 6] = [
	("lambda_min_clipped", &["-Infinity"]),
	("use_beta_sigmas", &[]),
	("use_exponential_sigmas", &[]),
	("use_flow_sigmas", &[]),
	("use_lu_lambdas", &[]),
	("variance_type", &[]),
];
const UNIPC: [Rule; 4] =
	[("solver_p", &[]), ("use_beta_sigmas", &[]), ("use_exponential_sigmas", &[]), ("use_flow_sigmas", &[])];

/// Of the noise levels of Karras et al.
const KARRAS: [Rule; 2] = [("sigma_max", &[]), ("sigma_min", &[])];

/// What `LCMScheduler` takes to be something else than the other schedulers do, where a file does not say it.
const LCM_BETAS: [&str; 3] = ["beta_start", "beta_end", "beta_schedule"];

/// The parts of a pipeline that are run, and those that change no picture.
const COMPONENTS: [&str; 10] = [
	"feature_extractor",
	"image_encoder",
	"safety_checker",
	"scheduler",
	"text_encoder",
	"text_encoder_2",
	"tokenizer",
	"tokenizer_2",
	"unet",
	"vae",
];

/// Whether a value asks for nothing, as every entry of a list must.
fn asks_for_nothing(value: &Value, usual: &[&str]) -> bool {
	match value {
		Value::Null | Value::Bool(false) => true,
		Value::Bool(true) | Value::Object(_) => false,
		Value::String(text) => usual.contains(&text.as_str()),
		Value::Number(number) => usual.contains(&number.to_string().as_str()),
		Value::Array(entries) => entries.iter().all(|entry| asks_for_nothing(entry, usual)),
	}
}

/// The rules for a file of that name below a model's folder.
fn rules(file: &str, config: &Value) -> Vec<Rule> {
	match file {
		"unet/config.json" => UNET.to_vec(),
		"vae/config.json" => VAE.to_vec(),
		"text_encoder/config.json" | "text_encoder_2/config.json" => TEXT_ENCODER.to_vec(),
		"scheduler/scheduler_config.json" => {
			let of_class: &[Rule] = match config.get("_class_name").and_then(Value::as_str) {
				Some("EulerDiscreteScheduler") => &EULER,
				Some("DPMSolverMultistepScheduler") => &DPM,
				Some("UniPCMultistepScheduler") => &UNIPC,
				_ => &[],
			};
			let is_karras = !of_class.is_empty() && config.get("use_karras_sigmas") == Some(&Value::Bool(true));
			let karras: &[Rule] = if is_karras { &KARRAS } else { &[] };
			[&SCHEDULER[..], of_class, karras].concat()
		}
		_ => Vec::new(),
	}
}

/// Refuses a configuration that asks for what there is not. `file` is its name below the model's folder.
pub(super) fn check(path: &Path, file: &str, config: &Value) -> Result<(), EngineError> {
	let unsupported = |why: String| Err(EngineError::Unsupported { path: path.into(), why });
	for (name, usual) in rules(file, config) {
		let Some(value) = config.get(name).filter(|value| !asks_for_nothing(value, usual)) else { continue };
		let supported = match usual {
			[] => "null".to_owned(),
			usual => usual.join(" or "),
		};
		let mut value = value.to_string();
		if value.chars().count() > 64 {
			value = value.chars().take(64).chain("…".chars()).collect();
		}
		return unsupported(format!("{name} is {value}, which is not supported; {supported} is"));
	}
	match file {
		"scheduler/scheduler_config.json" if config.get("_class_name") == Some(&"LCMScheduler".into()) => {
			match LCM_BETAS.iter().find(|name| config.get(**name).is_none()) {
				Some(name) => unsupported(format!("LCMScheduler needs {name}: what its usual value is differs")),
				None => Ok(()),
			}
		}
		"model_index.json" => {
			let is_part =
				|value: &Value| value.as_array().is_some_and(|class| class.iter().any(|name| !name.is_null()));
			let parts = config.as_object().into_iter().flatten().filter(|(_, value)| is_part(value));
			let mut others = parts.filter(|(name, _)| !name.starts_with('_') && !COMPONENTS.contains(&name.as_str()));
			match others.next() {
				Some((name, _)) => unsupported(format!(
					"the pipeline has a part {:?}, which is not supported; what it does to pictures would be missing",
					super::shown(name)
				)),
				None => Ok(()),
			}
		}
		_ => Ok(()),
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use serde_json::json;

	fn checked(file: &str, config: Value) -> Result<(), String> {
		check(&Path::new("model").join(file), file, &config).map_err(|error| error.to_string())
	}

	#[test]
	fn configuration_should_pass_when_it_is_a_published_one() {
		for (file, config) in [
			(
				// Stable Diffusion XL.
				"unet/config.json",
				json!({
					"_class_name": "UNet2DConditionModel", "addition_embed_type": "text_time",
					"addition_embed_type_num_heads": 64, "attention_type": "default", "class_embeddings_concat": false,
					"conv_in_kernel": 3, "cross_attention_norm": null, "encoder_hid_dim_type": null,
					"mid_block_only_cross_attention": null, "num_attention_heads": null, "num_class_embeds": null,
					"only_cross_attention": [false, false, false], "resnet_out_scale_factor": 1.0,
					"resnet_skip_time_act": false, "time_embedding_type": "positional", "upcast_attention": null,
				}),
			),
			("vae/config.json", json!({ "_class_name": "AutoencoderKL", "act_fn": "silu", "force_upcast": true })),
			(
				"scheduler/scheduler_config.json",
				json!({
					"_class_name": "EulerDiscreteScheduler", "interpolation_type": "linear", "sample_max_value": 1.0,
					"sigma_max": null, "skip_prk_steps": true, "timestep_type": "discrete", "trained_betas": null,
				}),
			),
			(
				"scheduler/scheduler_config.json",
				json!({
					"_class_name": "DPMSolverMultistepScheduler", "dynamic_thresholding_ratio": 0.995,
					"lambda_min_clipped": "-Infinity", "use_lu_lambdas": false, "variance_type": null,
				}),
			),
			// Settings of another scheduler.
			(
				"scheduler/scheduler_config.json",
				json!({ "_class_name": "DDIMScheduler", "use_exponential_sigmas": true, "lambda_min_clipped": -5.1 }),
			),
			("scheduler/scheduler_config.json", json!({ "_class_name": "EulerDiscreteScheduler", "sigma_min": 0.02 })),
			(
				"model_index.json",
				json!({
					"_class_name": "StableDiffusionXLPipeline", "_diffusers_version": "0.19.0", "unet": ["diffusers", "x"],
					"force_zeros_for_empty_prompt": true, "image_encoder": [null, null], "add_watermarker": null,
					"controlnet": [null, null],
				}),
			),
			// Another file with a name that would be refused.
			("config.json", json!({ "_class_name": "other", "num_attention_heads": 8 })),
		] {
			checked(file, config).unwrap();
		}
	}

	#[test]
	fn configuration_should_be_refused_by_name_when_it_asks_for_what_there_is_not() {
		let scheduler = |class: &str, name: &str, value: Value| {
			("scheduler/scheduler_config.json", json!({ "_class_name": class, name: value, "use_karras_sigmas": true }))
		};
		let unet = |name: &str, value: Value| ("unet/config.json", json!({ name: value }));
		let (euler, dpm, unipc) = ("EulerDiscreteScheduler", "DPMSolverMultistepScheduler", "UniPCMultistepScheduler");
		for ((file, config), why) in [
			(unet("_class_name", json!("UNetMotionModel")), "_class_name is \"UNetMotionModel\""),
			(unet("only_cross_attention", json!([true, false])), "only_cross_attention is [true,false]"),
			(unet("time_embedding_type", json!("fourier")), "time_embedding_type is \"fourier\""),
			(unet("time_embedding_act_fn", json!("gelu")), "time_embedding_act_fn"),
			(unet("timestep_post_act", json!("silu")), "timestep_post_act"),
			(unet("num_class_embeds", json!(1000)), "num_class_embeds is 1000"),
			(unet("attention_type", json!("gated")), "attention_type is \"gated\", which is not supported; default is"),
			(unet("num_attention_heads", json!(8)), "num_attention_heads is 8"),
			(unet("encoder_hid_dim_type", json!("image_proj")), "encoder_hid_dim_type"),
			(unet("reverse_transformer_layers_per_block", json!([[1, 2], 3])), "reverse_transformer_layers_per_block"),
			(unet("conv_in_kernel", json!(1)), "conv_in_kernel is 1, which is not supported; 3 is"),
			(("vae/config.json", json!({ "latents_mean": [-1.6, 2.1] })), "latents_mean is [-1.6,2.1]"),
			(("vae/config.json", json!({ "act_fn": "gelu" })), "silu or swish is"),
			(("vae/config.json", json!({ "_class_name": "AsymmetricAutoencoderKL" })), "AsymmetricAutoencoderKL"),
			(("text_encoder_2/config.json", json!({ "use_attention_mask": true })), "use_attention_mask is true"),
			(scheduler("DDIMScheduler", "trained_betas", json!([0.1, 0.2])), "trained_betas is [0.1,0.2]"),
			(scheduler(euler, "use_exponential_sigmas", json!(true)), "use_exponential_sigmas is true"),
			(scheduler(euler, "use_beta_sigmas", json!(true)), "use_beta_sigmas"),
			(scheduler(euler, "interpolation_type", json!("log_linear")), "interpolation_type is \"log_linear\""),
			(scheduler(euler, "timestep_type", json!("continuous")), "timestep_type"),
			(scheduler(euler, "sigma_max", json!(700.0)), "sigma_max is 700.0"),
			(scheduler(dpm, "use_lu_lambdas", json!(true)), "use_lu_lambdas"),
			(scheduler(dpm, "use_flow_sigmas", json!(true)), "use_flow_sigmas"),
			(scheduler(dpm, "lambda_min_clipped", json!(-5.1)), "lambda_min_clipped is -5.1"),
			(scheduler(dpm, "variance_type", json!("learned_range")), "variance_type"),
			(scheduler(unipc, "solver_p", json!({ "_class_name": dpm })), "solver_p"),
			(scheduler(unipc, "use_flow_sigmas", json!(true)), "use_flow_sigmas"),
			(scheduler("LCMScheduler", "beta_start", json!(0.00085)), "LCMScheduler needs beta_end"),
			(("model_index.json", json!({ "controlnet": ["diffusers", "ControlNetModel"] })), "\"controlnet\""),
			(("model_index.json", json!({ "motion_adapter": ["diffusers", "x"] })), "\"motion_adapter\""),
		] {
			let error = checked(file, config).unwrap_err();
			assert!(error.contains(why) && error.contains(file), "{error}");
		}
		let error = checked("unet/config.json", json!({ "only_cross_attention": vec![true; 99] })).unwrap_err();
		assert!(error.len() < 200 && error.contains('…'), "{error}");
	}
}
