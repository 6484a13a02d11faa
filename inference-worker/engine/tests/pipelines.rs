//! Whole jobs on small random models: the same bytes whatever the machine does meanwhile, and every fault.

mod common;

use autonomy_engine::digest::state_bytes;
use autonomy_engine::pipelines::chat::Chat;
use autonomy_engine::pipelines::text_to_image::{pixel_shuffle, pixel_unshuffle};
use autonomy_engine::weights::ModelFolder;
use autonomy_engine::{
	Control, Engine, InputSpec, JobFault, JobOutput, Manifest, ManifestMeta, Model, Output, Progress,
};
use autonomy_primitives::digest::{cid, input_hash, result, ResultContext, StopCode};
use autonomy_primitives::job::JobInput;
use autonomy_primitives::trace::{root_of_steps, TraceOpening};
use candle_core::{Device, Tensor};
use common::*;
use std::path::Path;
use tempfile::TempDir;

type Writer = fn(&Path) -> Result<(), Failure>;

fn open(write: Writer, meta: ManifestMeta) -> (TempDir, Model) {
	let dir = TempDir::new().unwrap();
	write(dir.path()).unwrap();
	Manifest::build(dir.path(), meta).unwrap().write(dir.path()).unwrap();
	let model = Engine::open(dir.path()).unwrap();
	(dir, model)
}

fn input(spec: InputSpec) -> JobInput {
	spec.to_job_input().unwrap()
}

fn run(model: &Model, input: &JobInput, seed: u8) -> JobOutput {
	model.run(input, [seed; 32], [1; 32], &mut |_| Control::Continue).unwrap()
}

#[test]
fn digests_should_stay_what_they_are() {
	let lines = report().unwrap();
	assert_eq!(lines.len(), 18);
	let (traces, outputs): (Vec<_>, Vec<_>) = lines.into_iter().partition(|(name, _)| name.ends_with("trace"));
	assert_eq!(combined(&outputs), OUTPUTS, "another digest is another engine: {outputs:#?}");
	assert_eq!(combined(&traces), TRACES, "another step, or another way to hash the steps: {traces:#?}");
}
const OUTPUTS: &str = "3921ae74410534b14ada61cb88ade9fa951070ff7f2e472d55a1ca8f10305abe";
const TRACES: &str = "4577eb4f3642d8773dec698faa7880acdb332f0021e43ef34ae02f7b01ca09a9";

#[test]
fn picture_should_come_with_its_digests() {
	let (_dir, model) = open(write_latent_model, image_meta());
	let output = run(&model, &input(InputSpec::image("w8 w9 w10", 16, 24, 4, 3.0)), 5);
	let Output::Image(image) = &output.output else { panic!("a picture was asked for") };
	assert_eq!((image.width, image.height, output.steps, output.mime), (16, 24, 4, "image/png"));
	let decoded = image::load_from_memory(&output.artifact).unwrap().into_rgb8();
	assert_eq!(decoded.as_raw(), &image.rgb);
	let context = ResultContext {
		genesis: [1; 32],
		model_root: model.manifest().weights_root.0,
		engine: autonomy_kernels::engine_id(),
		input_hash: input_hash(&input(InputSpec::image("w8 w9 w10", 16, 24, 4, 3.0))),
		seed: [5; 32],
		modality: autonomy_primitives::job::Modality::Image,
	};
	assert_eq!(output.result, result(&context, &image.canonical()));
	assert_eq!(output.artifact_cid, cid(&output.artifact));
}

#[test]
fn result_should_depend_on_prompt_seed_guidance_and_chain() {
	let (_dir, model) = open(write_pixel_model, image_meta());
	let output = run(&model, &input(InputSpec::image("w8 w9 w10", 24, 16, 5, 2.0)), 5);
	let other = |spec: InputSpec, seed: u8| run(&model, &input(spec), seed).result;
	let results = [
		output.result,
		other(InputSpec::image("w8 w9 w11", 24, 16, 5, 2.0), 5),
		other(InputSpec::image("w8 w9 w10", 24, 16, 5, 2.0), 6),
		other(InputSpec::image("w8 w9 w10", 24, 16, 5, 1.0), 5),
		model
			.run(&input(InputSpec::image("w8 w9 w10", 24, 16, 5, 2.0)), [5; 32], [2; 32], &mut |_| Control::Continue)
			.unwrap()
			.result,
	];
	for (i, a) in results.iter().enumerate() {
		assert!(results[i + 1..].iter().all(|b| a != b), "prompt, seed, guidance and chain must all matter");
	}
}

#[test]
fn reply_should_count_a_row_of_logits_per_token() {
	let (_dir, model) = open(write_chat_model, text_meta());
	let output = run(&model, &input(InputSpec::text("w20 w21", 30, 1.0)), 5);
	let Output::Text(reply) = &output.output else { panic!("a reply was asked for") };
	assert_eq!(output.artifact, reply.text.as_bytes());
	let ended = reply.stop == StopCode::Stop;
	assert_eq!(output.steps as usize, reply.tokens.len() + usize::from(ended));
	assert_eq!(ended, reply.tokens.len() < 30);
}

#[test]
fn output_should_not_depend_on_the_number_of_threads() {
	let (_a, picture) = open(write_pixel_model, image_meta());
	let (_b, chat) = open(write_chat_model, text_meta());
	let image_input = input(InputSpec::image("w30 w31", 32, 32, 3, 4.0));
	let text_input = input(InputSpec::text("w30 w31", 20, 0.7));
	let outputs: Vec<_> = [1, 2, 5]
		.into_iter()
		.map(|threads| {
			let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
			pool.install(|| (run(&picture, &image_input, 1), run(&chat, &text_input, 1)))
		})
		.collect();
	assert_eq!(outputs[0], outputs[1]);
	assert_eq!(outputs[0], outputs[2]);
}

#[test]
fn output_should_not_depend_on_the_instruction_set() {
	use autonomy_kernels::{isa, with_isa, Isa};
	let (_a, picture) = open(write_latent_model, image_meta());
	let (_b, chat) = open(write_chat_model, text_meta());
	let image_input = input(InputSpec::image("w30 w31", 16, 16, 2, 4.0));
	let text_input = input(InputSpec::text("w30 w31", 10, 0.7));
	let both = || (run(&picture, &image_input, 1), run(&chat, &text_input, 1));
	let best = both();
	assert_eq!(with_isa(Isa::Scalar, both).as_ref(), Some(&best));
	if isa() == Isa::Avx512 {
		assert_eq!(with_isa(Isa::Avx2, both).as_ref(), Some(&best));
	}
}

#[test]
fn progress_should_count_every_step_and_be_able_to_cancel() {
	let (_dir, model) = open(write_pixel_model, image_meta());
	let job = input(InputSpec::image("w8", 16, 16, 6, 1.0));
	let mut seen = vec![];
	let cancelled = model.run(&job, [0; 32], [0; 32], &mut |progress| {
		seen.push(progress);
		match progress.step {
			4 => Control::Cancel,
			_ => Control::Continue,
		}
	});
	assert_eq!(cancelled, Err(JobFault::Cancelled));
	assert_eq!(seen, [1, 2, 3, 4].map(|step| Progress { step, steps: 6 }));
}

/// A run with the root and the state of each of its steps.
fn traced(model: &Model, input: &JobInput, seed: u8) -> (JobOutput, Vec<[u8; 32]>, Vec<Vec<u8>>) {
	let (mut roots, mut states) = (vec![], vec![]);
	let output = model.run_traced(input, [seed; 32], [1; 32], &mut |step| {
		roots.push(step.root);
		states.push(step.state.to_vec());
		assert_eq!(step.progress.step as usize, roots.len());
		assert_eq!(step.chunks as usize, step.state.len().div_ceil(1024));
		Control::Continue
	});
	(output.unwrap(), roots, states)
}

#[test]
fn output_should_be_the_same_when_its_steps_are_kept() {
	let (_a, latent) = open(write_latent_model, image_meta());
	let (_b, chat) = open(write_chat_model, text_meta());
	let jobs =
		[(&latent, input(InputSpec::image("w8", 16, 24, 3, 3.0))), (&chat, input(InputSpec::text("w8", 9, 0.0)))];
	for (model, job) in jobs {
		let (output, roots, states) = traced(model, &job, 5);
		assert_eq!(output, run(model, &job, 5));
		assert_eq!(output.steps as usize, roots.len());
		let chunks = states[0].len().div_ceil(1024) as u32;
		assert_eq!(root_of_steps(&roots, chunks), output.trace_root);
	}
}

#[test]
fn opening_should_hold_under_the_trace_root_whichever_chunk_chance_picks() {
	let (_a, latent) = open(write_latent_model, image_meta());
	let (_b, pixel) = open(write_pixel_model, image_meta());
	let (_c, chat) = open(write_chat_model, text_meta());
	let text = input(InputSpec::text("w20 w21", 30, 1.0));
	let mut jobs = vec![
		(&latent, input(InputSpec::image("w8 w9 w10", 16, 24, 3, 3.0)), 5),
		(&pixel, input(InputSpec::image("w8", 16, 16, 3, 1.0)), 5),
	];
	jobs.extend((0..6).map(|seed| (&chat, text.clone(), seed)));
	let (mut ended, mut cut_off) = (0, 0);
	for (model, job, seed) in jobs {
		let (expected, roots, states) = traced(model, &job, seed);
		if let Output::Text(reply) = &expected.output {
			*(if reply.stop == StopCode::Stop { &mut ended } else { &mut cut_off }) += 1;
		}
		for draw in 0..4 {
			let (operator, draw) = ([9; 32], [draw; 32]);
			let (mut steps, mut seen) = (0, vec![]);
			let opened = model.run_opening(&job, [seed; 32], [1; 32], &operator, &draw, &mut |step| {
				steps += 1;
				assert_eq!(step.progress.step, steps);
				seen.push(step.root);
				Control::Continue
			});
			let (output, opening) = opened.unwrap();
			assert_eq!((&output, steps), (&expected, expected.steps));
			assert_eq!(seen, roots);
			assert!(opening.verify(&output.trace_root, &operator, &draw));
			assert_eq!(Some(opening), TraceOpening::new(&states, &operator, &draw));
		}
	}
	assert!(ended > 0 && cut_off > 0, "{ended} replies ended, {cut_off} were cut off: both kinds must be opened");
}

#[test]
fn row_of_logits_should_be_the_same_when_it_is_computed_again_in_one_pass() {
	let (dir, model) = open(write_chat_model, text_meta());
	let (output, _, states) = traced(&model, &input(InputSpec::text("w20 w21", 30, 0.0)), 5);
	let Output::Text(reply) = &output.output else { panic!("a reply was asked for") };
	let folder = ModelFolder::new(dir.path(), model.manifest().files.iter().map(|file| file.path.clone()));
	let chat = Chat::open(&folder).unwrap();
	for (at, state) in states.iter().enumerate() {
		assert_eq!(&state_bytes(&chat.logits_after("w20 w21", &reply.tokens[..at]).unwrap()), state, "row {at}");
	}
}

#[test]
fn opening_should_end_as_a_run_does_when_it_is_cancelled_or_the_input_is_refused() {
	let (_dir, model) = open(write_pixel_model, image_meta());
	let open = |spec: InputSpec| {
		let opened = model.run_opening(&input(spec), [0; 32], [0; 32], &[1; 32], &[2; 32], &mut |step| {
			let Progress { step, .. } = step.progress;
			if step == 2 {
				Control::Cancel
			} else {
				Control::Continue
			}
		});
		opened.unwrap_err()
	};
	assert_eq!(open(InputSpec::image("w8", 16, 16, 6, 1.0)), JobFault::Cancelled);
	assert!(matches!(open(InputSpec::image("w8", 18, 16, 2, 1.0)), JobFault::InputInvalid(_)));
}

#[test]
fn steps_before_a_fault_should_be_shown() {
	let vae = "vae/diffusion_pytorch_model.safetensors";
	let model = poisoned(write_latent_model, image_meta(), vae, "decoder.conv_out.bias");
	let mut steps = 0;
	let job = input(InputSpec::image("w8", 16, 16, 3, 1.0));
	let fault = model.run_traced(&job, [0; 32], [0; 32], &mut |_| {
		steps += 1;
		Control::Continue
	});
	assert!(matches!(fault, Err(JobFault::NonFinite(_))) && steps == 3, "{steps} steps, then {fault:?}");
}

#[test]
fn input_should_be_refused_when_it_does_not_fit_the_model() {
	let (_a, picture) = open(write_pixel_model, image_meta());
	let (_b, chat) = open(write_chat_model, text_meta());
	let cases = [
		(&picture, InputSpec::image("w8", 16, 16, 21, 1.0), "21 steps, the model allows 1 to 20"),
		(&picture, InputSpec::image("w8", 16, 16, 0, 1.0), "0 steps"),
		(&picture, InputSpec::image("w8", 68, 64, 2, 1.0), "4352 pixels, the model allows 1 to 4096"),
		(&picture, InputSpec::image("w8", 18, 16, 2, 1.0), "multiples of 4"),
		(&picture, InputSpec::image("", 16, 16, 2, 1.0), "prompt is empty"),
		(&picture, InputSpec::text("w8", 2, 0.0), "Image"),
		(&chat, InputSpec::text("w8", 41, 0.0), "41 tokens, the model allows 1 to 40"),
		(&chat, InputSpec::text(&"w8 ".repeat(22), 3, 0.0), "66 bytes, the model takes 64"),
		(&chat, InputSpec::image("w8", 16, 16, 2, 1.0), "Text"),
	];
	for (model, spec, needle) in cases {
		let fault = model.run(&input(spec), [0; 32], [0; 32], &mut |_| Control::Continue).unwrap_err();
		assert!(matches!(&fault, JobFault::InputInvalid(why) if why.contains(needle)), "{fault}");
	}
	let error = InputSpec::image("w8", 16, 16, 2, 700.0).to_job_input().unwrap_err().to_string();
	assert!(error.contains("guidance 700, the range is 0 to 655.35"), "{error}");
}

/// A model whose `tensor` has one value that is not finite, with a manifest that is true of the files.
fn poisoned(write: Writer, meta: ManifestMeta, file: &str, tensor: &str) -> Model {
	let dir = TempDir::new().unwrap();
	write(dir.path()).unwrap();
	let mut manifest = Manifest::build(dir.path(), meta.clone()).unwrap();
	let path = dir.path().join(file);
	let mut tensors = candle_core::safetensors::load(&path, &Device::Cpu).unwrap();
	let whole = &tensors[tensor];
	let mut values = whole.flatten_all().unwrap().to_vec1::<f32>().unwrap();
	values[0] = f32::INFINITY;
	tensors.insert(tensor.into(), Tensor::from_vec(values, whole.shape(), &Device::Cpu).unwrap());
	candle_core::safetensors::save(&tensors, &path).unwrap();
	// The golden job of such a model cannot be run, so the manifest of the sound one gets the new hashes.
	let error = Manifest::build(dir.path(), meta).unwrap_err();
	assert!(error.to_string().contains("not a finite number"), "{error}");
	let bytes = std::fs::read(&path).unwrap();
	let cid = autonomy_primitives::digest::cid(&bytes);
	for entry in manifest.files.iter_mut().filter(|entry| entry.path == file) {
		entry.size = bytes.len() as u64;
		entry.sha256.0.copy_from_slice(&cid[4..]);
	}
	let mut root = autonomy_primitives::digest::WeightsRoot::default();
	for entry in &manifest.files {
		root.update(&std::fs::read(dir.path().join(&entry.path)).unwrap());
		root.end_file();
	}
	manifest.weights_root.0 = root.root();
	manifest.write(dir.path()).unwrap();
	Engine::open(dir.path()).unwrap()
}

#[test]
fn job_should_end_in_a_fault_when_a_number_is_not_finite() {
	let unet = "unet/diffusion_pytorch_model.safetensors";
	let vae = "vae/diffusion_pytorch_model.safetensors";
	let picture = input(InputSpec::image("w8", 16, 16, 2, 1.0));
	let text = input(InputSpec::text("w8", 4, 0.0));
	let cases = [
		(poisoned(write_pixel_model, image_meta(), unet, "conv_out.bias"), &picture, "step 1"),
		(poisoned(write_latent_model, image_meta(), vae, "decoder.conv_out.bias"), &picture, "decoded picture"),
		(poisoned(write_chat_model, text_meta(), "model.safetensors", "model.norm.weight"), &text, "token 1"),
	];
	for (model, input, place) in cases {
		let fault = model.run(input, [0; 32], [0; 32], &mut |_| Control::Continue).unwrap_err();
		assert!(matches!(&fault, JobFault::NonFinite(at) if at.contains(place)), "{fault}");
	}
}

#[test]
fn pixel_unshuffle_should_order_channels_as_torch_does() {
	// torch.pixel_unshuffle(torch.arange(16.).reshape(1, 1, 4, 4), 2)
	let x = Tensor::arange(0f32, 16f32, &Device::Cpu).unwrap().reshape((1, 1, 4, 4)).unwrap();
	let folded = pixel_unshuffle(&x, 2).unwrap();
	assert_eq!(folded.dims(), [1, 4, 2, 2]);
	let values = folded.flatten_all().unwrap().to_vec1::<f32>().unwrap();
	let expected = [0., 2., 8., 10., 1., 3., 9., 11., 4., 6., 12., 14., 5., 7., 13., 15.];
	assert_eq!(values, expected);
	assert_eq!(bits(&pixel_shuffle(&folded, 2).unwrap()), bits(&x));
}
