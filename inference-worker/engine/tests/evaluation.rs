//! Evaluations: on the shipped models, whose losses mean something, and on small random ones, for the bits and the faults.

mod common;

use autonomy_engine::digest::Image;
use autonomy_engine::{
	evaluate, Control, Engine, Evaluation, JobFault, JobOutput, Losses, Manifest, ManifestMeta, Model, Output, Progress,
};
use autonomy_kernels::rng::Noise;
use autonomy_primitives::digest::{canonical_evaluation, cid, input_hash, result, ResultContext};
use autonomy_primitives::evaluation::EvaluatedWeights;
use autonomy_primitives::job::{EvaluationInput, JobInput, Modality};
use autonomy_primitives::trace::{root_of_steps, TraceOpening};
use base64::{engine::general_purpose::STANDARD, Engine as _};
use candle_core::{DType, Device, Tensor};
use common::*;
use serde_json::{json, Value};
use std::path::Path;
use tempfile::TempDir;

const UNET: &str = "unet/diffusion_pytorch_model.safetensors";
const LLAMA: &str = "model.safetensors";
const VAE: &str = "vae/diffusion_pytorch_model.safetensors";

fn shipped(name: &str) -> Model {
	Engine::open(Path::new("../models").join(name)).unwrap()
}

fn copy(from: &Path, to: &Path) {
	std::fs::create_dir_all(to).unwrap();
	for entry in std::fs::read_dir(from).unwrap() {
		let entry = entry.unwrap();
		let target = to.join(entry.file_name());
		match entry.file_type().unwrap().is_dir() {
			true => copy(&entry.path(), &target),
			false => drop(std::fs::copy(entry.path(), target).unwrap()),
		}
	}
}

/// Writes a manifest that is true of a folder and opens it.
fn sealed(dir: &Path, meta: ManifestMeta) -> Model {
	Manifest::build(dir, meta).unwrap().write(dir).unwrap();
	Engine::open(dir).unwrap()
}

fn meta_of(model: &Model) -> ManifestMeta {
	let manifest = model.manifest().clone();
	ManifestMeta {
		name: manifest.name,
		version: "damaged".into(),
		architecture: manifest.architecture,
		licence: manifest.licence,
		limits: manifest.limits,
		golden_input: manifest.golden.input,
		golden_seed: manifest.golden.seed.0,
	}
}

/// Adds noise of a given spread to every tensor of a file.
fn damage(file: &Path, spread: f32) {
	let mut tensors = candle_core::safetensors::load(file, &Device::Cpu).unwrap();
	let mut names: Vec<_> = tensors.keys().cloned().collect();
	names.sort();
	for (stream, name) in (0..).zip(names) {
		let whole = tensors[&name].to_dtype(DType::F32).unwrap();
		let noise = Noise::new([3; 32]).normal(stream, 0, whole.elem_count());
		let values = whole.flatten_all().unwrap().to_vec1::<f32>().unwrap();
		let values: Vec<f32> = values.iter().zip(noise).map(|(x, n)| x + spread * n).collect();
		tensors.insert(name, Tensor::from_vec(values, whole.shape(), &Device::Cpu).unwrap());
	}
	candle_core::safetensors::save(&tensors, file).unwrap();
}

/// A shipped model with damaged weights.
fn damaged(name: &str, file: &str, spread: f32) -> (TempDir, Model) {
	let dir = TempDir::new().unwrap();
	copy(&Path::new("../models").join(name), dir.path());
	damage(&dir.path().join(file), spread);
	let model = sealed(dir.path(), meta_of(&shipped(name)));
	(dir, model)
}

type Writer = fn(&Path) -> Result<(), Failure>;

/// A small random model, changed before its manifest is written.
fn random(write: Writer, meta: ManifestMeta, change: impl FnOnce(&Path)) -> (TempDir, Model) {
	let dir = TempDir::new().unwrap();
	write(dir.path()).unwrap();
	change(dir.path());
	let model = sealed(dir.path(), meta);
	(dir, model)
}

fn unchanged(_: &Path) {}

/// A disc of a colour on another one.
fn disc(side: u32, colour: [u8; 3], ground: [u8; 3], radius: f32) -> Vec<u8> {
	let middle = side as f32 / 2.0 - 0.5;
	let inside = |x: u32, y: u32| {
		let (dx, dy) = (x as f32 - middle, y as f32 - middle);
		dx * dx + dy * dy <= radius * radius
	};
	let pixels = (0..side * side).flat_map(|i| if inside(i % side, i / side) { colour } else { ground });
	Image { width: side, height: side, rgb: pixels.collect() }.to_png()
}

fn pictures(samples: &[(&str, Vec<u8>)]) -> Value {
	let samples: Vec<_> =
		samples.iter().map(|(caption, png)| json!({ "caption": caption, "png": STANDARD.encode(png) })).collect();
	json!({ "schema": 1, "model": "image", "samples": samples })
}

/// Two pictures that the shipped picture model knows.
fn discs() -> Value {
	pictures(&[
		("a red circle on a black background", disc(64, [220, 40, 40], [0, 0, 0], 20.0)),
		("a blue circle on a white background", disc(64, [40, 80, 220], [255, 255, 255], 16.0)),
	])
}

fn exchanges(samples: &[(&str, &str)]) -> Value {
	let samples: Vec<_> = samples.iter().map(|(prompt, reply)| json!({ "prompt": prompt, "reply": reply })).collect();
	json!({ "schema": 1, "model": "text", "samples": samples })
}

/// What the shipped language model says, which it finds likely.
fn own_words() -> Value {
	let keeper = shipped("keeper");
	let golden = keeper.manifest().golden.input.to_job_input().unwrap();
	let reply = keeper.run(&golden, [1; 32], [0; 32], &mut |_| Control::Continue).unwrap();
	let reply = String::from_utf8(reply.artifact).unwrap();
	exchanges(&[("Who are you?", &reply), ("What is the weather like?", "Fog from the west."), ("Hello!", "")])
}

/// Both versions, a set, and the input that asks for all of it.
fn input(base: &Model, candidate: &Model, set: &[u8], samples: u16, size: u32) -> EvaluationInput {
	let of = |model: &Model| EvaluatedWeights {
		manifest: model.manifest().cid(),
		weights_root: model.manifest().weights_root.0,
		engine: model.manifest().engine.0,
	};
	EvaluationInput {
		base: of(base),
		candidate: of(candidate),
		set: cid(set),
		model: base.manifest().modality,
		samples,
		size,
	}
}

fn run(base: &Model, candidate: &Model, set: &Value, samples: u16, size: u32) -> Result<JobOutput, JobFault> {
	let set = set.to_string().into_bytes();
	let input = input(base, candidate, &set, samples, size);
	evaluate(base, candidate, &set, &input, [5; 32], [1; 32], &mut |_| Control::Continue)
}

fn losses(output: &JobOutput) -> &Losses {
	let Output::Evaluation(losses) = &output.output else { panic!("an evaluation was asked for") };
	losses
}

/// The most that is taken of a sample in these tests: pixels or tokens.
const SIZE: u32 = 4096;

#[test]
fn losses_should_be_equal_when_both_versions_are_the_same() {
	for (name, set) in [("shapes", discs()), ("keeper", own_words())] {
		let model = shipped(name);
		let output = run(&model, &model, &set, 2, SIZE).unwrap();
		let losses = losses(&output);
		assert_eq!(losses.base_loss, losses.candidate_loss, "{name}");
		assert_eq!(losses.base_samples, losses.candidate_samples, "{name}");
		assert_eq!((losses.gain_ppm, losses.base_samples.len()), (0, 2), "{name}");
		assert!(losses.base_loss > 0, "{name}: a loss of nothing shows nothing");
	}
}

#[test]
fn loss_should_be_larger_when_the_candidate_is_damaged() {
	for (name, file, spread, set) in [("shapes", UNET, 0.05, discs()), ("keeper", LLAMA, 0.1, own_words())] {
		let base = shipped(name);
		let (_dir, candidate) = damaged(name, file, spread);
		let output = run(&base, &candidate, &set, 2, SIZE).unwrap();
		let there = losses(&output).clone();
		assert!(there.candidate_loss > there.base_loss && there.gain_ppm < 0, "{name}: {there:?}");
		let back = run(&candidate, &base, &set, 2, SIZE).unwrap();
		let back = losses(&back);
		assert_eq!((back.base_loss, back.candidate_loss), (there.candidate_loss, there.base_loss), "{name}");
		assert!(back.gain_ppm > 0, "{name}");
	}
}

#[test]
fn loss_of_a_reply_should_be_small_when_the_model_says_it_itself() {
	let keeper = shipped("keeper");
	let output = run(&keeper, &keeper, &own_words(), 2, SIZE).unwrap();
	let samples = &losses(&output).base_samples;
	// Its own greedy words, in nats a token, and words that it was not taught.
	assert!(samples[0] < 1_000_000_000 && samples[0] < samples[1], "{samples:?}");
}

#[test]
fn output_should_come_with_its_digests() {
	let (_a, base) = random(write_chat_model, text_meta(), unchanged);
	let (_b, candidate) = random(write_chat_model, text_meta(), |dir| damage(&dir.join(LLAMA), 0.2));
	let set = exchanges(&[("w8 w9", "w10 w11"), ("w12", "w13")]).to_string().into_bytes();
	let input = input(&base, &candidate, &set, 2, 100);
	let output = evaluate(&base, &candidate, &set, &input, [5; 32], [1; 32], &mut |_| Control::Continue).unwrap();
	let losses = losses(&output);
	let context = ResultContext {
		genesis: [1; 32],
		model_root: base.manifest().weights_root.0,
		engine: autonomy_kernels::engine_id(),
		input_hash: input_hash(&JobInput::Evaluation(input)),
		seed: [5; 32],
		modality: Modality::Evaluation,
	};
	assert_eq!(output.canonical, canonical_evaluation(losses.base_loss, losses.candidate_loss));
	assert_eq!(output.result, result(&context, &output.canonical));
	assert_eq!((output.artifact_cid, output.mime, output.steps), (cid(&output.artifact), "application/json", 4));
	assert_eq!(Losses::from_json(&output.artifact).as_ref(), Some(losses));
}

#[test]
fn bits_should_be_the_same_whatever_the_machine_does_meanwhile() {
	use autonomy_kernels::{isa, with_isa, Isa};
	let (_a, pixel) = random(write_pixel_model, image_meta(), unchanged);
	let (_b, pixel_2) = random(write_pixel_model, image_meta(), |dir| damage(&dir.join(UNET), 0.1));
	let (_c, latent) = random(write_latent_model, image_meta(), unchanged);
	let (_d, latent_2) = random(write_latent_model, image_meta(), |dir| damage(&dir.join(UNET), 0.1));
	let (_e, chat) = random(write_chat_model, text_meta(), unchanged);
	let (_f, chat_2) = random(write_chat_model, text_meta(), |dir| damage(&dir.join(LLAMA), 0.1));
	let images =
		pictures(&[("w8 w9", disc(16, [9, 200, 30], [90, 0, 200], 5.0)), ("w10", disc(8, [0; 3], [255; 3], 3.0))]);
	let texts = exchanges(&[("w8 w9", "w10 w11 w12"), ("w13", "w14")]);
	let all = || {
		[(&pixel, &pixel_2, &images), (&latent, &latent_2, &images), (&chat, &chat_2, &texts)]
			.map(|(base, candidate, set)| run(base, candidate, set, 2, 256).unwrap())
	};
	let best = all();
	assert_eq!(all(), best, "a second time");
	for threads in [1, 2, 5] {
		let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
		assert_eq!(pool.install(all), best, "{threads} threads");
	}
	assert_eq!(with_isa(Isa::Scalar, all).as_ref(), Some(&best));
	if isa() == Isa::Avx512 {
		assert_eq!(with_isa(Isa::Avx2, all).as_ref(), Some(&best));
	}
	for output in &best {
		let losses = losses(output);
		assert!(losses.base_loss > 0 && losses.base_loss != losses.candidate_loss, "{losses:?}");
	}
}

#[test]
fn loss_of_a_picture_should_depend_on_the_seed_and_that_of_a_reply_should_not() {
	let (_a, picture) = random(write_pixel_model, image_meta(), unchanged);
	let (_b, chat) = random(write_chat_model, text_meta(), unchanged);
	let images = pictures(&[("w8", disc(16, [255; 3], [0; 3], 5.0))]);
	for (model, set, differs) in [(&picture, images, true), (&chat, exchanges(&[("w8", "w9")]), false)] {
		let set = set.to_string().into_bytes();
		let input = input(model, model, &set, 1, 256);
		let [one, two] = [[5; 32], [6; 32]].map(|seed| {
			let output = evaluate(model, model, &set, &input, seed, [1; 32], &mut |_| Control::Continue).unwrap();
			losses(&output).base_loss
		});
		assert_eq!(one != two, differs);
	}
}

#[test]
fn samples_should_be_taken_from_the_first_and_in_their_order() {
	let (_dir, chat) = random(write_chat_model, text_meta(), unchanged);
	let all = [("w8", "w9 w10"), ("w11", "w12"), ("w13 w14", "w15 w16 w17")];
	let reversed: Vec<_> = all.iter().rev().copied().collect();
	let of = |set: &[(&str, &str)], samples| {
		let output = run(&chat, &chat, &exchanges(set), samples, 100).unwrap();
		losses(&output).clone()
	};
	let (there, back) = (of(&all, 3), of(&reversed, 3));
	assert_eq!(there.base_samples.iter().rev().collect::<Vec<_>>(), back.base_samples.iter().collect::<Vec<_>>());
	assert_eq!(of(&all, 2).base_samples, there.base_samples[..2]);
	assert_eq!(of(&all, 1).base_loss, there.base_samples[0]);
}

#[test]
fn trace_should_have_a_step_for_each_version_and_sample() {
	let (_a, base) = random(write_pixel_model, image_meta(), unchanged);
	let (_b, candidate) = random(write_pixel_model, image_meta(), |dir| damage(&dir.join(UNET), 0.1));
	let set = pictures(&[("w8", disc(16, [255; 3], [0; 3], 5.0)), ("w9", disc(8, [9; 3], [80; 3], 2.0))]);
	let set = set.to_string().into_bytes();
	let input = input(&base, &candidate, &set, 2, 256);
	let (mut roots, mut states) = (vec![], vec![]);
	let output = evaluate(&base, &candidate, &set, &input, [5; 32], [1; 32], &mut |step| {
		assert_eq!((step.progress, step.chunks), (Progress { step: roots.len() as u32 + 1, steps: 4 }, 1));
		roots.push(step.root);
		states.push(step.state.to_vec());
		Control::Continue
	});
	let output = output.unwrap();
	assert_eq!((roots.len(), output.trace_root), (4, root_of_steps(&roots, 1)));
	for state in &states {
		assert_eq!(state.len(), 1024);
		assert!(state[..16].chunks(4).all(|value| value != [0; 4]) && state[16..].iter().all(|byte| *byte == 0));
	}
	let first = f32::from_le_bytes(states[0][..4].try_into().unwrap());
	assert!(
		f64::from(first) / 4.0 <= losses(&output).base_samples[0] as f64 / 1e9 + 1e-9,
		"a quarter of the sum at most"
	);

	let evaluation = Evaluation { base: &base, candidate: &candidate, set: &set, input: &input };
	for draw in 0..6 {
		let (operator, draw) = ([9; 32], [draw; 32]);
		let opened = evaluation.run_opening([5; 32], [1; 32], &operator, &draw, &mut |_| Control::Continue);
		let (again, opening) = opened.unwrap();
		assert_eq!(again, output);
		assert!(opening.verify(&output.trace_root, &operator, &draw));
		assert_eq!(Some(opening), TraceOpening::new(&states, &operator, &draw));
	}
	let mut steps = 0;
	let cancelled = evaluation.run_traced([5; 32], [1; 32], &mut |_| {
		steps += 1;
		match steps {
			3 => Control::Cancel,
			_ => Control::Continue,
		}
	});
	assert_eq!((cancelled, steps), (Err(JobFault::Cancelled), 3));
}

/// The fault of an input that every machine refuses.
fn refused(outcome: Result<JobOutput, JobFault>) -> String {
	match outcome {
		Err(JobFault::InputInvalid(why)) => why,
		other => panic!("not refused: {other:?}"),
	}
}

#[test]
fn sample_should_be_refused_by_its_number_when_it_does_not_fit() {
	let (_a, pixel) = random(write_pixel_model, image_meta(), unchanged);
	let (_b, chat) = random(write_chat_model, text_meta(), unchanged);
	let good = || disc(16, [255; 3], [0; 3], 5.0);
	let cases = [
		(&pixel, pictures(&[("w8", good())]), 2, 256, "samples: it has 1, the job takes 2"),
		(&pixel, pictures(&[("w8", good()), ("w9", good())]), 2, 255, "samples[0].png: 16 x 16 are 256 pixels"),
		(
			&pixel,
			pictures(&[("w8", good()), ("w9", disc(10, [1; 3], [2; 3], 2.0))]),
			2,
			256,
			"samples[1]: a picture of 10x10",
		),
		(&pixel, pictures(&[("w8", b"GIF89a".to_vec())]), 1, 256, "samples[0].png: it is no PNG file"),
		(&pixel, exchanges(&[("w8", "w9")]), 1, 256, "it is for Text models, the job is for Image"),
		(&chat, pictures(&[("w8", good())]), 1, 256, "it is for Image models, the job is for Text"),
		(
			&chat,
			exchanges(&[("w8", "w9 w10 w11")]),
			1,
			7,
			"samples[0]: 8 tokens with the prompt's, the job takes at most 7",
		),
		(&chat, json!({ "schema": 1, "model": "text", "samples": [{ "prompt": "w8" }] }), 1, 9, "samples[0].reply"),
		(&chat, exchanges(&[("w8", &"w9 ".repeat(600))]), 1, 1 << 20, "the model takes 1 to"),
	];
	for (model, set, samples, size, needle) in cases {
		let why = refused(run(model, model, &set, samples, size));
		assert!(why.contains(needle), "{needle}: {why}");
	}
	for (samples, size, needle) in [(0, 9, "0 samples"), (257, 9, "257 samples"), (1, 0, "samples of at most 0")] {
		let why = refused(run(&chat, &chat, &exchanges(&[("w8", "w9")]), samples, size));
		assert!(why.contains(needle), "{needle}: {why}");
	}
}

#[test]
fn candidate_should_be_refused_when_it_would_be_asked_something_else() {
	let replace = |file: &'static str, from: &'static str, to: &'static str| {
		move |dir: &Path| {
			let text = std::fs::read_to_string(dir.join(file)).unwrap();
			assert!(text.contains(from), "{file}: {text}");
			std::fs::write(dir.join(file), text.replace(from, to)).unwrap();
		}
	};
	let images = pictures(&[("w8", disc(16, [255; 3], [0; 3], 5.0))]);
	let scheduler = "scheduler/scheduler_config.json";
	let (_a, pixel) = random(write_pixel_model, image_meta(), unchanged);
	let (_b, epsilon) = random(write_pixel_model, image_meta(), replace(scheduler, "v_prediction", "epsilon"));
	let (_c, quiet) = random(write_pixel_model, image_meta(), replace(scheduler, "squaredcos_cap_v2", "linear"));
	for candidate in [&epsilon, &quiet] {
		assert!(refused(run(&pixel, candidate, &images, 1, 256)).contains("losses cannot be compared"));
	}
	let (_d, latent) = random(write_latent_model, image_meta(), unchanged);
	let (_e, other) = random(write_latent_model, image_meta(), |dir| damage(&dir.join(VAE), 0.1));
	let why = refused(run(&latent, &other, &images, 1, 256));
	assert!(why.contains("samples[0]: the candidate makes other latents"), "{why}");

	let (_f, chat) = random(write_chat_model, text_meta(), unchanged);
	let (_g, swapped) = random(write_chat_model, text_meta(), replace("chat.json", "</s>", "<pad>"));
	let why = refused(run(&chat, &swapped, &exchanges(&[("w8", "w9")]), 1, 100));
	assert!(why.contains("samples[0]: the candidate makes other tokens"), "{why}");
	assert!(refused(run(&chat, &pixel, &exchanges(&[("w8", "w9")]), 1, 100)).contains("the candidate version"));
}

#[test]
fn evaluation_should_be_refused_when_the_autoencoder_has_no_encoder() {
	let strip = |dir: &Path| {
		let mut tensors = candle_core::safetensors::load(dir.join(VAE), &Device::Cpu).unwrap();
		tensors.retain(|name, _| !name.starts_with("encoder.") && !name.starts_with("quant_conv."));
		candle_core::safetensors::save(&tensors, dir.join(VAE)).unwrap();
	};
	let (_dir, model) = random(write_latent_model, image_meta(), strip);
	let images = pictures(&[("w8", disc(16, [255; 3], [0; 3], 5.0))]);
	assert!(refused(run(&model, &model, &images, 1, 256)).contains("no encoder"));
}

#[test]
fn machine_should_be_blamed_when_it_was_given_something_else() {
	let (_a, base) = random(write_chat_model, text_meta(), unchanged);
	let (_b, other) = random(write_chat_model, text_meta(), |dir| damage(&dir.join(LLAMA), 0.1));
	let set = exchanges(&[("w8", "w9")]).to_string().into_bytes();
	let input = input(&base, &other, &set, 1, 100);
	let run = |base: &Model, candidate: &Model, set: &[u8]| {
		evaluate(base, candidate, set, &input, [5; 32], [1; 32], &mut |_| Control::Continue).unwrap_err()
	};
	for (fault, needle) in [
		(run(&other, &other, &set), "the weights root of the base version"),
		(run(&base, &base, &set), "the weights root of the candidate version"),
		(run(&base, &other, b"{}"), "the held-out set"),
	] {
		assert!(matches!(&fault, JobFault::Io(why) if why.contains(needle)), "{fault}");
	}
	// The registration is the chain's, so what it says of the engine is the input's.
	let mut wrong = input.clone();
	wrong.candidate.engine = [9; 32];
	let outcome = evaluate(&base, &other, &set, &wrong, [5; 32], [1; 32], &mut |_| Control::Continue);
	assert!(refused(outcome).contains("the candidate version is registered for engine 09090909"));
	// One model alone cannot be evaluated.
	let outcome = base.run(&JobInput::Evaluation(input.clone()), [5; 32], [1; 32], &mut |_| Control::Continue);
	assert!(refused(outcome).contains("one model alone"));
}

#[test]
fn evaluation_should_end_in_a_fault_when_a_number_is_not_finite() {
	let (_a, base) = random(write_chat_model, text_meta(), unchanged);
	// So large that attention overflows; the golden job would find it too, so the manifest is that of the sound model.
	let dir = TempDir::new().unwrap();
	write_chat_model(dir.path()).unwrap();
	let mut manifest = Manifest::build(dir.path(), text_meta()).unwrap();
	damage(&dir.path().join(LLAMA), 1e18);
	let mut root = autonomy_primitives::digest::WeightsRoot::default();
	for entry in &mut manifest.files {
		let bytes = std::fs::read(dir.path().join(&entry.path)).unwrap();
		entry.size = bytes.len() as u64;
		entry.sha256.0.copy_from_slice(&cid(&bytes)[4..]);
		root.update(&bytes);
		root.end_file();
	}
	manifest.weights_root.0 = root.root();
	manifest.write(dir.path()).unwrap();
	let broken = Engine::open(dir.path()).unwrap();
	let fault = run(&base, &broken, &exchanges(&[("w8", "w9")]), 1, 100).unwrap_err();
	assert!(matches!(&fault, JobFault::NonFinite(place) if place.contains("samples[0]")), "{fault}");
}
