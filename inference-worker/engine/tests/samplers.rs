//! The samplers beside diffusers: `reference/samplers.json` holds what its schedulers did with the same model outputs.

use autonomy_engine::samplers::{BetaSchedule, PredictionType, SchedulerConfig};
use serde::Deserialize;

const START: [f32; 8] = [0.5, -1.25, 2.0, 0.1, -0.3, 1.5, -2.5, 0.75];

#[derive(Deserialize)]
struct Case {
	config: SchedulerConfig,
	steps: usize,
	timesteps: Vec<f64>,
	initial_sigma: f64,
	samples: Vec<Vec<f64>>,
}

fn output(i: usize) -> Vec<f32> {
	(0..8).map(|j| libm::sin(i as f64 * 1.3 + j as f64 * 0.7) as f32).collect()
}

/// diffusers computes its schedules in f32, which costs the smallest noise levels a few digits.
fn close(ours: f32, theirs: f64) -> bool {
	(f64::from(ours) - theirs).abs() <= 2e-4 * theirs.abs().max(1.0)
}

#[test]
fn samples_should_be_those_of_diffusers() {
	let cases: Vec<Case> = serde_json::from_str(include_str!("reference/samplers.json")).unwrap();
	assert_eq!(cases.len(), 24);
	for Case { config, steps, timesteps, initial_sigma, samples } in cases {
		let mut sampler = config.sampler(steps).unwrap();
		let name = format!("{config:?}");
		assert_eq!(sampler.timesteps().len(), timesteps.len(), "{name}");
		for (ours, theirs) in sampler.timesteps().iter().zip(&timesteps) {
			assert!(close(*ours, *theirs), "{name}: time step {ours} for {theirs}");
		}
		let sigma = sampler.initial_sigma();
		assert!(close(sigma, initial_sigma), "{name}: sigma {sigma} for {initial_sigma}");
		let mut sample = START.map(|x| x * sigma);
		for (i, expected) in samples.iter().enumerate() {
			sampler.step(i, &output(i), &mut sample);
			let added = sampler.noise_after(i);
			for (j, x) in sample.iter_mut().enumerate() {
				*x += added * libm::cos(i as f64 * 0.9 + j as f64 * 0.4) as f32;
			}
			for (ours, theirs) in sample.iter().zip(expected) {
				assert!(close(*ours, *theirs), "{name}: {ours} for {theirs} after step {i}");
			}
		}
	}
}

/// With the true noise as the model's output, DDIM walks straight back to the clean sample.
#[test]
fn ddim_should_return_to_the_clean_sample_when_the_model_knows_the_noise() {
	let config = SchedulerConfig {
		clip_sample: Some(false),
		prediction_type: PredictionType::Epsilon,
		..SchedulerConfig::new("DDIMScheduler")
	};
	let mut sampler = config.sampler(10).unwrap();
	// Training step 900 of the linear schedule: the share of signal left is the product of 1 − beta.
	let share: f64 = (0..=900).map(|t| 1.0 - (0.0001 + (0.02 - 0.0001) * f64::from(t) / 999.0)).product();
	let (clean, noise) = ([0.3f32, -0.8], [1.1f32, 0.4]);
	let mix = |i: usize| (share.sqrt() * f64::from(clean[i]) + (1.0 - share).sqrt() * f64::from(noise[i])) as f32;
	let mut sample = [mix(0), mix(1)];
	for i in 0..10 {
		sampler.step(i, &noise, &mut sample);
	}
	for (ours, wanted) in sample.iter().zip(clean) {
		assert!((ours - wanted).abs() < 1e-3, "{ours} for {wanted}");
	}
}

#[test]
fn sampler_should_be_refused_when_it_cannot_be_followed() {
	let new = SchedulerConfig::new;
	let cases = [
		(new("PNDMScheduler"), 5, "PNDMScheduler"),
		(new("DDIMScheduler"), 0, "0 steps, the scheduler allows 1 to 1000"),
		(new("DDIMScheduler"), 1001, "1001 steps"),
		(SchedulerConfig { thresholding: true, ..new("DDIMScheduler") }, 5, "thresholding"),
		(SchedulerConfig { steps_offset: 300, ..new("DDIMScheduler") }, 5, "training step 1100"),
		(SchedulerConfig { solver_order: 3, ..new("DPMSolverMultistepScheduler") }, 5, "solver_order 3"),
		(SchedulerConfig { algorithm_type: "sde".into(), ..new("DPMSolverMultistepScheduler") }, 5, "sde"),
		(SchedulerConfig { solver_order: 3, ..new("UniPCMultistepScheduler") }, 5, "solver_order 3"),
		(SchedulerConfig { predict_x0: false, ..new("UniPCMultistepScheduler") }, 5, "predict_x0 false"),
		(SchedulerConfig { solver_type: "bh3".into(), ..new("UniPCMultistepScheduler") }, 5, "bh3"),
		(new("LCMScheduler"), 51, "51 steps, LCMScheduler allows 1 to 50"),
		(SchedulerConfig { original_inference_steps: 0, ..new("LCMScheduler") }, 1, "original_inference_steps 0"),
		(
			SchedulerConfig { prediction_type: PredictionType::Sample, ..new("EulerAncestralDiscreteScheduler") },
			5,
			"EulerAncestralDiscreteScheduler does not support",
		),
		(SchedulerConfig { final_sigmas_type: "x".into(), ..new("EulerDiscreteScheduler") }, 5, "final_sigmas_type"),
		(SchedulerConfig { prediction_type: PredictionType::Sample, ..new("EulerDiscreteScheduler") }, 5, "sample"),
	];
	for (config, steps, needle) in cases {
		let error = config.sampler(steps).err().expect(needle).to_string();
		assert!(error.contains(needle), "{error}");
	}
}

#[test]
fn configuration_should_come_back_from_its_json_and_ignore_unknown_fields() {
	let json = r#"{"_class_name": "DDIMScheduler", "_diffusers_version": "0.6.0", "beta_end": 0.012,
		"beta_schedule": "scaled_linear", "trained_betas": null, "timestep_spacing": "trailing"}"#;
	let config: SchedulerConfig = serde_json::from_str(json).unwrap();
	assert_eq!((config.beta_end, config.set_alpha_to_one, config.num_train_timesteps), (0.012, true, 1000));
	let again: SchedulerConfig = serde_json::from_str(&serde_json::to_string(&config).unwrap()).unwrap();
	assert_eq!(again, config);
	assert!(serde_json::from_str::<SchedulerConfig>(r#"{"_class_name": "x", "beta_schedule": "sigmoid"}"#).is_err());

	let (lcm, ddim) = (SchedulerConfig::new("LCMScheduler"), SchedulerConfig::new("DDIMScheduler"));
	assert_eq!((lcm.beta_start, lcm.beta_end, lcm.beta_schedule), (0.00085, 0.012, BetaSchedule::ScaledLinear));
	assert_eq!((ddim.beta_start, ddim.beta_end, ddim.beta_schedule), (0.0001, 0.02, BetaSchedule::Linear));
}

/// Whatever else is built with the engine: settings are part of a job's result.
#[test]
fn numbers_should_be_the_nearest_to_their_digits() {
	for digits in ["1.1386294361119891", "1.2431526306379115", "1.4773894590841445", "0.00085", "1e-05", "5e-324"] {
		let nearest: f64 = digits.parse().unwrap();
		let json = format!(r#"{{"_class_name": "x", "beta_end": {digits}}}"#);
		let config: SchedulerConfig = serde_json::from_str(&json).unwrap();
		let value: serde_json::Value = serde_json::from_str(&json).unwrap();
		let again: SchedulerConfig = serde_json::from_value(value).unwrap();
		assert_eq!([config.beta_end, again.beta_end].map(f64::to_bits), [nearest.to_bits(); 2], "{digits}");
	}
}
