//! Whole jobs on small random models: the same bytes whatever the machine does meanwhile, and every fault.

mod common;

use autonomy_engine::digest::{cid_text, state_bytes};
use autonomy_engine::pipelines::chat::Chat;
use autonomy_engine::pipelines::text_to_image::{pixel_shuffle, pixel_unshuffle};
use autonomy_engine::weights::ModelFolder;
use autonomy_engine::{
	Control, Engine, InputSpec, JobFault, JobOutput, Manifest, ManifestMeta, Message, Model, Output, PictureSpec,
	Progress,
};
use autonomy_primitives::digest::{cid, input_hash, result, ResultContext, StopCode};
use autonomy_primitives::evaluation::EvaluatedWeights;
use autonomy_primitives::job::{EvaluationInput, JobInput, Modality, TalkInput};
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
	let mut lines = report().unwrap();
	assert_eq!(lines.len(), 42);
	let ballots = lines.split_off(36);
	let of_kinds = lines.split_off(18);
	let (traces, outputs): (Vec<_>, Vec<_>) = lines.into_iter().partition(|(name, _)| name.ends_with("trace"));
	assert_eq!(combined(&outputs), OUTPUTS, "another digest is another engine: {outputs:#?}");
	assert_eq!(combined(&traces), TRACES, "another step, or another way to hash the steps: {traces:#?}");
	assert_eq!(combined(&of_kinds), KINDS, "another digest is another engine: {of_kinds:#?}");
	assert_eq!(combined(&ballots), BALLOTS, "another digest is another engine: {ballots:#?}");
}
const OUTPUTS: &str = "3921ae74410534b14ada61cb88ade9fa951070ff7f2e472d55a1ca8f10305abe";
const TRACES: &str = "4577eb4f3642d8773dec698faa7880acdb332f0021e43ef34ae02f7b01ca09a9";
const KINDS: &str = "2b8c55c862281af715a247be13b7a451d488af5e4e091d9b32e9346ce341134e";
const BALLOTS: &str = "16c3b713d4a6c2003defb7d73e3f5c187a346c84ecfd514c4009c3ce04043f2e";

#[test]
fn results_of_the_shipped_model_should_stay_what_they_are() {
	let model = Engine::open("../models/shapes").unwrap();
	let lines = golden_report(&model).unwrap();
	let expected = SHIPPED.map(|(name, digest)| (name.to_string(), digest.to_string()));
	assert_eq!(lines, expected, "another digest is another engine");
}
const SHIPPED: [(&str, &str); 4] = [
	("shapes golden", "63b73c6b91bdcb0c26edeacbb60af6aef33f889d8ca4648b39171017371535d0"),
	("shapes animation", "e54d3a21f7c7cc3ad1c32e94f7a7297020bd124e7e0984cb03aae7a517489f83"),
	("shapes sprite sheet", "d732f9fe4ca5730e547b84ca7b521c2d0cf95660f7c461b4ab52a63c4ed1f5f7"),
	("shapes tile", "29f7ce83661cc020d2ddd1125b9c80db15a3d8e08530e61fd6f0aa177824d573"),
];

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
		modality: Modality::Image,
	};
	assert_eq!(output.result, result(&context, &image.canonical()));
	assert_eq!(output.artifact_cid, cid(&output.artifact));
}

fn picture(prompt: &str, steps: u16, guidance: f64) -> PictureSpec {
	PictureSpec { prompt: prompt.into(), negative_prompt: "w40".into(), width: 24, height: 16, steps, guidance }
}

fn animation(image: PictureSpec, prompt_to: &str, frames: u8, motion: f64) -> InputSpec {
	InputSpec::Animation { image, prompt_to: prompt_to.into(), frames, frames_per_second: 10, motion }
}

fn sheet(image: PictureSpec, cells: &[&str], columns: u8, background_tolerance: u8) -> InputSpec {
	let cells = cells.iter().map(|cell| cell.to_string()).collect();
	InputSpec::SpriteSheet { image, cells, columns, background_tolerance }
}

/// The RGB bytes of the picture that a prompt alone gives.
fn drawn(model: &Model, spec: PictureSpec, seed: u8) -> Vec<u8> {
	let Output::Image(image) = run(model, &input(InputSpec::Image(spec)), seed).output else { panic!("no picture") };
	image.rgb
}

#[test]
fn animation_should_begin_at_the_picture_and_pass_through_the_second_prompt() {
	for (write, guidance) in [(write_latent_model as Writer, 3.0), (write_pixel_model as Writer, 1.0)] {
		let (_dir, model) = open(write, image_meta());
		let frames_of = |spec: InputSpec| {
			let output = run(&model, &input(spec), 5);
			let Output::Animation(animation) = output.output else { panic!("an animation was asked for") };
			assert_eq!((animation.width, animation.height, animation.frames_per_second), (24, 16, 10));
			animation.frames
		};
		let spec = picture("w8 w9", 3, guidance);
		let frames = frames_of(animation(spec.clone(), "w30 w31", 4, 0.6));
		assert_eq!(frames.len(), 4);
		let first = drawn(&model, spec.clone(), 5);
		assert_eq!(frames[0], first, "frame 0 is the picture of the same prompt and seed");
		assert!((1..4).all(|i| frames[i] != frames[i - 1]), "every frame moves");

		// Without motion the noise stays, and half-way the second prompt alone is drawn.
		let still = frames_of(animation(spec.clone(), "w30 w31", 4, 0.0));
		assert_eq!(still[0], first);
		assert_eq!(still[2], drawn(&model, PictureSpec { prompt: "w30 w31".into(), ..spec.clone() }, 5));
		assert_ne!(still[2], first);
		let nothing = frames_of(animation(spec.clone(), "", 3, 0.0));
		assert!(nothing.iter().all(|frame| *frame == first), "neither noise nor text moves");

		// Frame 1 of 2 is opposite frame 0 on the circle; without a second prompt only the noise has changed.
		let turned = frames_of(animation(spec, "", 2, 1.0));
		assert!(turned[0] == first && turned[1] != first);
	}
}

#[test]
fn cells_should_be_the_pictures_of_their_prompts() {
	let (_dir, model) = open(write_pixel_model, image_meta());
	let spec = picture("w8 w9", 3, 2.0);
	let output = run(&model, &input(sheet(spec.clone(), &["w20", "w21 w22", "w23"], 2, 0)), 5);
	let Output::SpriteSheet(drawn_sheet) = &output.output else { panic!("a sprite sheet was asked for") };
	assert_eq!((drawn_sheet.width, drawn_sheet.height), (48, 32));
	assert_eq!((drawn_sheet.cell_width, drawn_sheet.cell_height), (24, 16));
	for (i, cell) in ["w20", "w21 w22", "w23"].iter().enumerate() {
		let expected = drawn(&model, PictureSpec { prompt: format!("{cell}, w8 w9"), ..spec.clone() }, 5);
		let (left, top) = (i % 2 * 24, i / 2 * 16);
		let found: Vec<u8> = (0..16)
			.flat_map(|y| drawn_sheet.rgba[4 * ((top + y) * 48 + left)..][..4 * 24].chunks_exact(4))
			.flat_map(|pixel| {
				assert_eq!(pixel[3], 255);
				pixel[..3].to_vec()
			})
			.collect();
		assert_eq!(found, expected, "cell {i}");
	}
	let decoded = image::load_from_memory(&output.artifact).unwrap().into_rgba8();
	assert_eq!(decoded.as_raw(), &drawn_sheet.rgba);

	// The same cells, cut out: pixels are kept as they are or gone.
	let cut = run(&model, &input(sheet(spec, &["w20", "w21 w22", "w23"], 2, 90)), 5);
	assert_eq!(cut.trace_root, output.trace_root);
	let Output::SpriteSheet(cut) = &cut.output else { panic!("a sprite sheet was asked for") };
	let (mut gone, mut kept) = (0, 0);
	for (pixel, whole) in cut.rgba.chunks_exact(4).zip(drawn_sheet.rgba.chunks_exact(4)) {
		match pixel == [0; 4] {
			true => gone += 1,
			false => {
				kept += 1;
				assert_eq!(pixel, whole);
			}
		}
	}
	assert!(gone > 24 * 16, "{gone} pixels are gone, {kept} are kept");
}

#[test]
fn tile_should_be_another_picture_than_the_one_with_edges() {
	for write in [write_latent_model as Writer, write_pixel_model as Writer] {
		let (_dir, model) = open(write, image_meta());
		let spec = picture("w8 w9", 3, 2.0);
		let output = run(&model, &input(InputSpec::Tile(spec.clone())), 5);
		let Output::Tile(tile) = &output.output else { panic!("a tile was asked for") };
		assert_eq!((tile.width, tile.height, output.mime), (24, 16, "image/png"));
		assert_ne!(tile.rgb, drawn(&model, spec.clone(), 5));
		assert_eq!(output.artifact, tile.to_png());
		// A picture with the same bytes would still be another result.
		let job = input(InputSpec::Tile(spec));
		let context = |modality| ResultContext {
			genesis: [1; 32],
			model_root: model.manifest().weights_root.0,
			engine: autonomy_kernels::engine_id(),
			input_hash: input_hash(&job),
			seed: [5; 32],
			modality,
		};
		assert_eq!(output.result, result(&context(Modality::Tile), &tile.canonical()));
		assert_ne!(output.result, result(&context(Modality::Image), &tile.canonical()));
	}
}

#[test]
fn kinds_should_come_with_their_digests_and_count_every_step() {
	let (_dir, model) = open(write_pixel_model, image_meta());
	let cases = [
		(animation(picture("w8", 3, 2.0), "w9", 4, 0.5), 12, "image/gif", &b"GIF89a"[..]),
		(sheet(picture("w8", 3, 1.0), &["w20", "w21"], 1, 30), 6, "image/png", b"\x89PNG"),
		(InputSpec::Tile(picture("w8", 3, 1.0)), 3, "image/png", b"\x89PNG"),
	];
	for (spec, steps, mime, magic) in cases {
		let job = input(spec.clone());
		let (output, roots, states) = traced(&model, &job, 5);
		assert_eq!((output.steps, roots.len(), output.mime), (steps, steps as usize, mime), "{spec:?}");
		assert!(output.artifact.starts_with(magic));
		assert!(states.iter().all(|state| state.len() == states[0].len()));
		let chunks = states[0].len().div_ceil(1024) as u32;
		assert_eq!(root_of_steps(&roots, chunks), output.trace_root);
		let context = ResultContext {
			genesis: [1; 32],
			model_root: model.manifest().weights_root.0,
			engine: autonomy_kernels::engine_id(),
			input_hash: input_hash(&job),
			seed: [5; 32],
			modality: spec.modality(),
		};
		assert_eq!(output.result, result(&context, &output.canonical));
		assert_eq!(output.artifact_cid, cid(&output.artifact));
		let mut seen = vec![];
		let cancelled = model.run(&job, [5; 32], [1; 32], &mut |progress| {
			seen.push(progress);
			match progress.step == steps - 1 {
				true => Control::Cancel,
				false => Control::Continue,
			}
		});
		assert_eq!(cancelled, Err(JobFault::Cancelled));
		assert_eq!(seen, (1..steps).map(|step| Progress { step, steps }).collect::<Vec<_>>());
	}
}

#[test]
fn kinds_should_be_the_same_on_every_run_and_number_of_threads() {
	let (_a, latent) = open(write_latent_model, image_meta());
	let (_b, pixel) = open(write_pixel_model, image_meta());
	for model in [&latent, &pixel] {
		for spec in [
			animation(picture("w8", 2, 2.0), "w9", 3, 0.5),
			sheet(picture("w8", 2, 2.0), &["w20", "w21"], 2, 30),
			InputSpec::Tile(picture("w8", 2, 2.0)),
		] {
			let job = input(spec);
			let outputs = [1, 3].map(|threads| {
				let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
				pool.install(|| run(model, &job, 1))
			});
			assert_eq!(outputs[0], outputs[1]);
			assert_eq!(outputs[0], run(model, &job, 1));
		}
	}
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
	jobs.push((&pixel, input(animation(picture("w8", 2, 1.0), "", 3, 1.0)), 5));
	jobs.push((&latent, input(sheet(picture("w8", 2, 1.0), &["w20", "w21"], 2, 9)), 5));
	jobs.push((&latent, input(InputSpec::Tile(picture("w8", 2, 1.0))), 5));
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
		assert_eq!(&state_bytes(&chat.logits_after(None, "w20 w21", &reply.tokens[..at]).unwrap()), state, "row {at}");
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
	let model = poisoned(write_latent_model, image_meta(), vae, "decoder.conv_out.weight");
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
	let (_a, picture_model) = open(write_pixel_model, image_meta());
	let (_b, chat) = open(write_chat_model, text_meta());
	let cases = [
		(&picture_model, InputSpec::image("w8", 16, 16, 21, 1.0), "21 steps, the model allows 1 to 20"),
		(&picture_model, InputSpec::image("w8", 16, 16, 0, 1.0), "0 steps"),
		(&picture_model, InputSpec::image("w8", 68, 64, 2, 1.0), "4352 pixels, the model allows 1 to 4096"),
		(&picture_model, InputSpec::image("w8", 18, 16, 2, 1.0), "multiples of 4"),
		(&picture_model, InputSpec::image("", 16, 16, 2, 1.0), "prompt is empty"),
		(&picture_model, InputSpec::text("w8", 2, 0.0), "Image"),
		(&chat, InputSpec::text("w8", 41, 0.0), "41 tokens, the model allows 1 to 40"),
		(&chat, InputSpec::text(&"w8 ".repeat(22), 3, 0.0), "66 bytes, the model takes 64"),
		(&chat, InputSpec::image("w8", 16, 16, 2, 1.0), "Text"),
		(&chat, InputSpec::Tile(picture("w8", 2, 1.0)), "Text"),
		(&chat, ballot("wry", "w8", ""), "48 tokens, the model allows 1 to 40"),
		(&picture_model, ballot("wry", "w8", ""), "Image"),
		(&picture_model, InputSpec::Tile(PictureSpec { width: 18, ..picture("w8", 2, 1.0) }), "multiples of 4"),
		(&picture_model, animation(picture("w8", 2, 1.0), "", 1, 1.0), "1 frames, an animation has 2 to 32"),
		(&picture_model, animation(picture("w8", 2, 1.0), "", 33, 1.0), "33 frames"),
		(&picture_model, animation(picture("w8", 2, 1.0), "", 2, 1.01), "101 hundredths, allowed are 0 to 100"),
		(&picture_model, animation(picture("w8", 2, 1.0), &"w8 ".repeat(22), 2, 1.0), "66 bytes"),
		(&picture_model, animation(picture("", 2, 1.0), "w8", 2, 1.0), "prompt is empty"),
		(&picture_model, animation(PictureSpec { height: 6, ..picture("w8", 2, 1.0) }, "", 2, 1.0), "multiples of 4"),
		(&picture_model, sheet(picture("w8", 2, 1.0), &[], 1, 0), "without cells"),
		(&picture_model, sheet(picture("w8", 2, 1.0), &["w9"], 0, 0), "0 columns"),
		(&picture_model, sheet(picture("w8", 2, 1.0), &["w9"], 2, 0), "2 columns, allowed are 1 to 1"),
		(&picture_model, sheet(picture("w8", 2, 1.0), &["w9", ""], 2, 0), "cell 1 has no description"),
		(&picture_model, sheet(picture("w8", 2, 1.0), &[&"w8 ".repeat(21)], 1, 0), "67 bytes"),
	];
	for (model, spec, needle) in cases {
		let fault = model.run(&input(spec), [0; 32], [0; 32], &mut |_| Control::Continue).unwrap_err();
		assert!(matches!(&fault, JobFault::InputInvalid(why) if why.contains(needle)), "{fault}");
	}
	let cases = [
		(InputSpec::image("w8", 16, 16, 2, 700.0), "guidance 700, the range is 0 to 655.35"),
		(animation(picture("w8", 2, 1.0), "", 2, 2.6), "motion 2.6, the range is 0 to 1"),
		(animation(picture("w8", 2, 1.0), &"w".repeat(2049), 2, 1.0), "the second prompt has 2049 bytes"),
		(sheet(picture("w8", 2, 1.0), &["w9"; 17], 1, 0), "17 cells, a sprite sheet has 1 to 16"),
		(sheet(picture("w8", 2, 1.0), &["w9", &"w".repeat(257)], 1, 0), "cell 1 has 257 bytes, the limit is 256"),
	];
	for (spec, needle) in cases {
		let error = spec.to_job_input().unwrap_err().to_string();
		assert!(error.contains(needle), "{error}");
	}
}

#[test]
fn evaluation_should_be_refused_when_one_model_alone_is_asked_for_it() {
	let (_dir, model) = open(write_pixel_model, image_meta());
	let weights = || EvaluatedWeights { manifest: cid(b"m"), weights_root: [1; 32], engine: [2; 32] };
	let job = JobInput::Evaluation(EvaluationInput {
		base: weights(),
		candidate: weights(),
		set: cid(b"set"),
		model: Modality::Image,
		samples: 4,
		size: 4096,
	});
	let fault = model.run(&job, [0; 32], [0; 32], &mut |_| Control::Continue).unwrap_err();
	assert_eq!(fault, JobFault::InputInvalid("an evaluation is not run on one model alone".into()));
}

#[test]
fn input_should_come_back_from_its_json_and_from_its_form_on_chain() {
	let specs = [
		InputSpec::image("w8", 16, 24, 3, 2.5),
		InputSpec::text("w8", 9, 0.7),
		animation(picture("w8", 3, 1.5), "w9", 8, 0.35),
		sheet(picture("", 3, 1.5), &["w20", "w21"], 2, 24),
		InputSpec::Tile(picture("w8", 3, 1.5)),
		ballot("wry", "Shall we?", "It is \"cheap\"."),
	];
	for spec in specs {
		let json = serde_json::to_string(&spec).unwrap();
		assert_eq!(serde_json::from_str::<InputSpec>(&json).unwrap(), spec, "{json}");
		let job = input(spec.clone());
		assert_eq!((job.modality(), InputSpec::from_job_input(&job)), (spec.modality(), spec));
	}
	let weights = |name: &[u8]| EvaluatedWeights { manifest: cid(name), weights_root: [1; 32], engine: [2; 32] };
	let job = JobInput::Evaluation(EvaluationInput {
		base: weights(b"base"),
		candidate: weights(b"candidate"),
		set: cid(b"set"),
		model: Modality::Text,
		samples: 4,
		size: 64,
	});
	let spec = InputSpec::from_job_input(&job);
	let json = serde_json::to_string(&spec).unwrap();
	assert_eq!(input(serde_json::from_str::<InputSpec>(&json).unwrap()), job);
	let InputSpec::Evaluation { base, candidate, model, samples, size, .. } = spec else { panic!("{spec:?}") };
	let other = InputSpec::Evaluation { base, candidate, set: "bafy".into(), model, samples, size };
	assert!(other.to_job_input().unwrap_err().to_string().contains("set 'bafy' is not a CID"));
	// What manifests were written with before there were other kinds.
	let json = r#"{"image":{"prompt":"w8","negative_prompt":"","width":16,"height":24,"steps":3,"guidance":2.5}}"#;
	assert_eq!(serde_json::to_string(&InputSpec::image("w8", 16, 24, 3, 2.5)).unwrap(), json);
	let json = format!(r#"{{"ballot":{{"question":"Shall we?","persona":"{}"}}}}"#, cid_text(&cid(b"wry")));
	assert_eq!(serde_json::from_str::<InputSpec>(&json).unwrap(), ballot("wry", "Shall we?", ""));
	let json = r#"{"tile":{"width":1,"height":1,"steps":1,"guidance":1,"depth":1}}"#;
	assert!(serde_json::from_str::<InputSpec>(json).unwrap_err().to_string().contains("depth"));
}

/// A model whose `tensor` is so large that every product with it overflows, with a manifest that is true of the files.
fn poisoned(write: Writer, meta: ManifestMeta, file: &str, tensor: &str) -> Model {
	let dir = TempDir::new().unwrap();
	write(dir.path()).unwrap();
	let mut manifest = Manifest::build(dir.path(), meta.clone()).unwrap();
	let path = dir.path().join(file);
	let mut tensors = candle_core::safetensors::load(&path, &Device::Cpu).unwrap();
	let whole = &tensors[tensor];
	let mut values = whole.flatten_all().unwrap().to_vec1::<f32>().unwrap();
	values.fill(f32::MAX);
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
		(poisoned(write_pixel_model, image_meta(), unet, "conv_out.weight"), &picture, "step 1"),
		(poisoned(write_latent_model, image_meta(), vae, "decoder.conv_out.weight"), &picture, "decoded picture"),
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

#[test]
fn persona_should_be_read_when_the_model_has_a_place_for_it() {
	let (_a, plain) = open(write_chat_model, text_meta());
	let (_b, reader) = open(
		|dir| {
			write_chat_model(dir)?;
			let path = dir.join("chat.json");
			let mut chat: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
			chat["persona"] = serde_json::json!({ "prefix": "w3 ", "suffix": " w4 " });
			std::fs::write(&path, serde_json::to_vec(&chat).unwrap()).unwrap();
			Ok(())
		},
		text_meta(),
	);
	let talk = |persona: &[u8]| {
		let JobInput::Text(text) = input(InputSpec::text("w20 w21", 8, 0.0)) else { panic!("a text input") };
		JobInput::Talk(TalkInput { text, persona: cid(persona), memory: [7; 32] })
	};
	let say = |model: &Model, persona: &[u8]| {
		let input = talk(persona);
		let message = Message { model, persona, input: &input };
		let output = message.run_traced([1; 32], [0; 32], &mut |_| Control::Continue).unwrap();
		let (opened, opening) =
			message.run_opening([1; 32], [0; 32], &[2; 32], &[3; 32], &mut |_| Control::Continue).unwrap();
		assert_eq!(opened, output);
		assert!(opening.verify(&output.trace_root, &[2; 32], &[3; 32]));
		output
	};
	let (wry, warm) = (say(&reader, b"w30 w31"), say(&reader, b"w40 w41"));
	assert_ne!(wry.canonical, warm.canonical);
	// A model without a place for it says the same to everybody, and yet each digest says who was talked to.
	let (one, other) = (say(&plain, b"w30 w31"), say(&plain, b"w40 w41"));
	assert_eq!(one.canonical, other.canonical);
	assert_ne!(one.result, other.result);
	assert_eq!(one.canonical, run(&plain, &input(InputSpec::text("w20 w21", 8, 0.0)), 1).canonical);
}

#[test]
fn persona_should_be_refused_when_it_is_not_the_jobs_or_no_text() {
	let (_a, model) = open(write_chat_model, text_meta());
	let JobInput::Text(text) = input(InputSpec::text("w20", 8, 0.0)) else { panic!("a text input") };
	let refused = |persona: &[u8], named: &[u8]| {
		let input = JobInput::Talk(TalkInput { text: text.clone(), persona: cid(named), memory: [7; 32] });
		let message = Message { model: &model, persona, input: &input };
		message.run_traced([1; 32], [0; 32], &mut |_| Control::Continue).unwrap_err()
	};
	assert!(matches!(refused(b"w1", b"w2"), JobFault::Io(why) if why.contains("the job names")));
	for persona in [&b""[..], &[0xff; 4], &[b'w'; 8193]] {
		assert!(matches!(refused(persona, persona), JobFault::InputInvalid(_)));
	}
	let input = JobInput::Talk(TalkInput { text, persona: cid(b"w1"), memory: [7; 32] });
	let alone = model.run(&input, [1; 32], [0; 32], &mut |_| Control::Continue).unwrap_err();
	assert!(matches!(alone, JobFault::Io(why) if why.contains("persona")));
}
