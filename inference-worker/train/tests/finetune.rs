//! Fine-tuning learns, gives the same bits every time, can be stopped and resumed, and leaves a folder that the engine opens.

use autonomy_engine::{Architecture, Engine, InputSpec, Manifest, ManifestMeta};
use autonomy_kernels::rng::Noise;
use autonomy_primitives::{digest::cid, model::ModelLimits};
use autonomy_train::finetune::{
	evaluation_set, fine_tune, EvaluationSet, FineTuneRecipe, FineTuned, Lora, Method, Report, ADAPTER_FILE,
	EVALUATION_FILE,
};
use autonomy_train::shapes::{Scene, SIZE};
use autonomy_train::{checkpoint_path, train_image, train_text, Draws, ImageRecipe, Options, Phase, TextRecipe};
use image::{Rgb, RgbImage};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

fn describe(dir: &Path, architecture: Architecture, limits: ModelLimits, golden_input: InputSpec) {
	let meta = ManifestMeta {
		name: "tiny".into(),
		version: "1.0.0".into(),
		architecture,
		licence: "Apache-2.0".into(),
		limits,
		golden_input,
		golden_seed: [7; 32],
	};
	Manifest::build(dir, meta).unwrap().write(dir).unwrap();
}

fn picture_base() -> TempDir {
	let dir = tempfile::tempdir().unwrap();
	train_image(&ImageRecipe::tiny(), dir.path(), |_| {}).unwrap();
	let limits = ModelLimits { max_prompt_bytes: 256, max_steps: 50, max_pixels: 4096, max_tokens: 0 };
	describe(dir.path(), Architecture::TextToImage, limits, InputSpec::image("a red circle", 64, 64, 2, 1.5));
	dir
}

fn text_base() -> TempDir {
	let dir = tempfile::tempdir().unwrap();
	train_text(&TextRecipe::tiny(), dir.path(), |_| {}).unwrap();
	let limits = ModelLimits { max_prompt_bytes: 256, max_steps: 0, max_pixels: 0, max_tokens: 16 };
	describe(dir.path(), Architecture::Llama, limits, InputSpec::text("Who are you?", 8, 0.0));
	dir
}

/// Pictures of the demo data set, with their captions beside them.
fn pictures(count: usize) -> TempDir {
	let dir = tempfile::tempdir().unwrap();
	let noise = Noise::new([3; 32]);
	let mut draws = Draws::new(&noise, 0, 0);
	for i in 0..count {
		let scene = Scene::draw(&mut draws, 0.5);
		let planes = scene.render();
		let picture = RgbImage::from_fn(SIZE as u32, SIZE as u32, |x, y| {
			let value = |c: usize| planes[(c * SIZE + y as usize) * SIZE + x as usize];
			Rgb([0, 1, 2].map(|c| ((value(c) / 2.0 + 0.5) * 255.0).round() as u8))
		});
		picture.save(dir.path().join(format!("{i:02}.png"))).unwrap();
		fs::write(dir.path().join(format!("{i:02}.txt")), scene.prompt(&mut draws).text).unwrap();
	}
	dir
}

/// Exchanges of a seller of fish.
fn talk(count: usize) -> TempDir {
	let dir = tempfile::tempdir().unwrap();
	let lines: String = (0..count)
		.map(|i| format!("{{\"prompt\": \"What is fish {i}?\", \"reply\": \"Fish {i} is fresh, friend.\"}}\n"))
		.collect();
	fs::write(dir.path().join("talk.jsonl"), lines).unwrap();
	dir
}

fn recipe(method: Method, steps: u64, batch: usize, learning_rate: f64) -> FineTuneRecipe {
	let phase = Phase { steps, warmup: 2, learning_rate, final_learning_rate: learning_rate / 4.0, batch, cut: None };
	FineTuneRecipe { method, phases: vec![phase], hold_out_percent: 25, ..FineTuneRecipe::default() }
}

fn lora() -> Method {
	Method::Lora(Lora { rank: 4, alpha: 4.0, ..Lora::default() })
}

fn tune(recipe: &FineTuneRecipe, base: &Path, data: &Path, out: &Path, stop_at: Option<u64>) -> FineTuned {
	let options = Options { checkpoint_every: 0, stop_at };
	fine_tune(recipe, base, data, out, &options, |_| {}).unwrap()
}

fn report(recipe: &FineTuneRecipe, base: &Path, data: &Path) -> (TempDir, Report) {
	let out = tempfile::tempdir().unwrap();
	let report = tune(recipe, base, data, out.path(), None).report.unwrap();
	(out, report)
}

fn complaint(recipe: &FineTuneRecipe, base: &Path, data: &Path, out: &Path) -> String {
	format!("{:#}", fine_tune(recipe, base, data, out, &Options::default(), |_| {}).unwrap_err())
}

fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
	rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

/// Learns, and gives the same bits on other threads and in two parts.
fn check_run(recipe: &FineTuneRecipe, base: &Path, data: &Path) -> (TempDir, Report) {
	let (out, once) = on_threads(1, || report(recipe, base, data));
	assert!(once.after < once.before, "{} -> {}", once.before, once.after);
	assert!(once.fall_percent() > 0.0 && once.fall_percent() < 100.0);
	let (_other, again) = on_threads(2, || report(recipe, base, data));
	assert_eq!((&again.weights, &again.manifest), (&once.weights, &once.manifest));
	assert_eq!((again.before, again.after, again.evaluation_cid), (once.before, once.after, once.evaluation_cid));

	let parts = tempfile::tempdir().unwrap();
	let half = tune(recipe, base, data, parts.path(), Some(3));
	assert!(half.report.is_none() && half.step == 3);
	assert!(checkpoint_path(parts.path()).exists());
	let resumed = tune(recipe, base, data, parts.path(), None).report.unwrap();
	assert_eq!((&resumed.weights, &resumed.manifest), (&once.weights, &once.manifest));
	assert!(!checkpoint_path(parts.path()).exists());
	(out, once)
}

/// A folder that can be proposed as a version at once.
fn check_folder(base: &Path, out: &Path, report: &Report) {
	let model = Engine::open(out).unwrap();
	model.check_golden().unwrap();
	let (manifest, before) = (model.manifest(), Manifest::load(base).unwrap());
	assert_eq!(manifest, &report.manifest);
	assert_eq!(cid(&fs::read(out.join("manifest.json")).unwrap()), report.manifest_cid);
	assert_eq!(cid(&fs::read(out.join("recipe.json")).unwrap()), report.recipe_cid);
	assert_eq!((&manifest.golden.input, manifest.golden.seed), (&before.golden.input, before.golden.seed));
	assert_eq!((manifest.limits, manifest.engine), (before.limits, before.engine));
	assert_ne!(manifest.weights_root, before.weights_root);
	let names: Vec<_> = manifest.files.iter().map(|file| file.path.as_str()).collect();
	assert!(names.contains(&"recipe.json"), "{names:?}");
	let samples = report.samples.as_ref().unwrap();
	assert!(samples.exists() && !names.iter().any(|name| samples.ends_with(name)), "{names:?}");
	assert!(!names.contains(&EVALUATION_FILE), "{names:?}");
	let set = fs::read(&report.evaluation).unwrap();
	assert_eq!(cid(&set), report.evaluation_cid);
	assert_eq!(EvaluationSet::from_json(&set).unwrap().samples(), report.held_out);
}

#[test]
fn picture_model_should_learn_by_adapters_the_same_way_every_time() {
	let (base, data) = (picture_base(), pictures(12));
	let (out, report) = check_run(&recipe(lora(), 24, 4, 1e-2), base.path(), data.path());
	check_folder(base.path(), out.path(), &report);
	assert_eq!((report.trained_on, report.held_out), (9, 3));
	let files: Vec<_> = report.weights.keys().map(String::as_str).collect();
	assert_eq!(files, [ADAPTER_FILE, "unet/diffusion_pytorch_model.safetensors"]);
	let adapter = fs::read(out.path().join(ADAPTER_FILE)).unwrap();
	let text = String::from_utf8_lossy(&adapter).into_owned();
	assert!(text.contains("unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q.lora_A.weight"));
	assert!(text.contains("unet.conv_in.lora_B.weight"));
}

#[test]
fn picture_model_should_learn_by_every_weight_the_same_way_every_time() {
	let (base, data) = (picture_base(), pictures(8));
	let (out, report) = check_run(&recipe(Method::Full, 24, 4, 6e-3), base.path(), data.path());
	check_folder(base.path(), out.path(), &report);
	assert_eq!(report.weights.len(), 1);
	assert!(!out.path().join(ADAPTER_FILE).exists());
	let with_text = FineTuneRecipe { text_encoder: true, ..recipe(Method::Full, 2, 4, 6e-3) };
	assert_eq!(self::report(&with_text, base.path(), data.path()).1.weights.len(), 2);
}

#[test]
fn text_model_should_learn_by_adapters_the_same_way_every_time() {
	let (base, data) = (text_base(), talk(20));
	let file = data.path().join("talk.jsonl");
	let (out, report) = check_run(&recipe(lora(), 30, 256, 1e-2), base.path(), &file);
	check_folder(base.path(), out.path(), &report);
	assert_eq!((report.trained_on, report.held_out), (15, 5));
	let adapter = fs::read(out.path().join(ADAPTER_FILE)).unwrap();
	let name = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight";
	assert!(String::from_utf8_lossy(&adapter).contains(name));
	let samples = fs::read_to_string(report.samples.unwrap()).unwrap();
	assert!(samples.contains("prompt   What is fish") && samples.contains("trained  "), "{samples}");
}

#[test]
fn text_model_should_learn_by_every_weight_the_same_way_every_time() {
	let (base, data) = (text_base(), tempfile::tempdir().unwrap());
	let file = data.path().join("book.txt");
	fs::write(&file, "The sea is grey today. The boats stay in.\n\n".repeat(12)).unwrap();
	let (out, report) = check_run(&recipe(Method::Full, 16, 256, 1e-2), base.path(), &file);
	check_folder(base.path(), out.path(), &report);
}

#[test]
fn weights_should_be_those_of_the_base_when_nothing_was_learned() {
	let (base, data, talk) = (picture_base(), pictures(4), talk(4));
	let sha256 = |dir: &Path, file: &str| {
		let manifest = Manifest::load(dir).unwrap();
		manifest.files.iter().find(|entry| entry.path == file).unwrap().sha256.to_string()
	};
	let (_out, report) = report(&recipe(lora(), 2, 2, 0.0), base.path(), data.path());
	let file = "unet/diffusion_pytorch_model.safetensors";
	assert_eq!(report.weights[file], sha256(base.path(), file));
	assert_eq!(report.before, report.after);
	let base = text_base();
	let (_out, report) = self::report(&recipe(lora(), 2, 64, 0.0), base.path(), &talk.path().join("talk.jsonl"));
	assert_eq!(report.weights["model.safetensors"], sha256(base.path(), "model.safetensors"));
}

#[test]
fn checkpoint_should_be_refused_with_what_it_belongs_to() {
	let (base, data, out) = (picture_base(), pictures(4), tempfile::tempdir().unwrap());
	let right = recipe(lora(), 4, 2, 1e-3);
	tune(&right, base.path(), data.path(), out.path(), Some(1));
	let other = FineTuneRecipe { seed: "another".into(), ..right.clone() };
	let text = complaint(&other, base.path(), data.path(), out.path());
	assert!(text.contains("another recipe") && text.contains(".checkpoint.safetensors"), "{text}");
	fs::write(data.path().join("00.txt"), "a caption that nobody has seen").unwrap();
	let text = complaint(&right, base.path(), data.path(), out.path());
	assert!(text.contains("other data"), "{text}");
	let elsewhere = tempfile::tempdir().unwrap();
	train_image(&ImageRecipe { seed: "another".into(), ..ImageRecipe::tiny() }, elsewhere.path(), |_| {}).unwrap();
	let manifest = Manifest::load(base.path()).unwrap();
	describe(elsewhere.path(), manifest.architecture, manifest.limits, manifest.golden.input);
	let text = complaint(&right, elsewhere.path(), data.path(), out.path());
	assert!(text.contains("another base model"), "{text}");
}

#[test]
fn recipe_of_a_finished_run_should_give_its_weights_again_or_say_what_differs() {
	let (base, data) = (text_base(), talk(6));
	let file = data.path().join("talk.jsonl");
	let (out, report) = report(&recipe(lora(), 3, 64, 1e-2), base.path(), &file);
	let bytes = fs::read(out.path().join("recipe.json")).unwrap();
	let written: FineTuneRecipe = serde_json::from_slice(&bytes).unwrap();
	assert_eq!(written.expected, report.weights);
	let Method::Lora(lora) = &written.method else { panic!("{:?}", written.method) };
	assert_eq!(lora.targets, ["attn", "ff"]);
	let (_other, again) = self::report(&written, base.path(), &file);
	assert_eq!((again.weights, again.manifest_cid), (report.weights, report.manifest_cid));
	// The same once more into the same folder.
	let again = tune(&written, base.path(), &file, out.path(), None).report.unwrap();
	assert_eq!(again.manifest_cid, report.manifest_cid);

	let mut wrong = written.clone();
	wrong.expected.insert("model.safetensors".into(), "00".into());
	let elsewhere = tempfile::tempdir().unwrap();
	assert!(complaint(&wrong, base.path(), &file, elsewhere.path()).contains("model.safetensors"));
	let wrong = FineTuneRecipe { data: "00".into(), ..written.clone() };
	assert!(complaint(&wrong, base.path(), &file, elsewhere.path()).contains("other data"));
	let wrong = FineTuneRecipe { base: "00".into(), ..written };
	assert!(complaint(&wrong, base.path(), &file, elsewhere.path()).contains("another base model"));
}

#[test]
fn run_should_be_refused_with_the_setting_or_the_file_that_is_wrong() {
	let (base, data, out) = (picture_base(), pictures(3), tempfile::tempdir().unwrap());
	let refuse = |recipe: FineTuneRecipe, word: &str| {
		let text = complaint(&recipe, base.path(), data.path(), out.path());
		assert!(text.contains(word), "{text}");
	};
	let plain = recipe(lora(), 2, 2, 1e-3);
	refuse(FineTuneRecipe { size: 60, ..plain.clone() }, "60x60");
	refuse(FineTuneRecipe { size: 128, ..plain.clone() }, "4096 pixels");
	refuse(FineTuneRecipe { hold_out_percent: 0, ..plain.clone() }, "held out");
	refuse(FineTuneRecipe { loss_weight: Some([3.0, 1.0]), ..plain.clone() }, "loss_weight");
	refuse(FineTuneRecipe { text_encoder: true, ..plain.clone() }, "text_encoder");
	refuse(FineTuneRecipe { method: Method::Lora(Lora { rank: 0, ..Lora::default() }), ..plain.clone() }, "rank");
	let nowhere = Lora { targets: vec!["nowhere".into()], ..Lora::default() };
	refuse(FineTuneRecipe { method: Method::Lora(nowhere), ..plain.clone() }, "nowhere");
	fs::write(data.path().join("01.png"), b"not a picture").unwrap();
	refuse(plain.clone(), "01.png");
	let text = complaint(&plain, base.path(), data.path(), base.path());
	assert!(text.contains("is the base model"), "{text}");
	fs::write(out.path().join("thesis.txt"), "x").unwrap();
	refuse(plain, "other files");

	let (base, out) = (text_base(), tempfile::tempdir().unwrap());
	let file = data.path().join("long.jsonl");
	let line = |reply: &str| format!("{{\"prompt\": \"Hi\", \"reply\": \"{reply}\"}}\n");
	fs::write(&file, line("Hello") + &line(&"word ".repeat(300))).unwrap();
	let text = complaint(&recipe(lora(), 2, 64, 1e-3), base.path(), &file, out.path());
	assert!(text.contains("long.jsonl, line 2") && text.contains("sequence_length is 256"), "{text}");
}

#[test]
fn evaluation_set_should_be_made_of_a_folder_or_a_file() {
	let (data, talk) = (pictures(5), talk(5));
	let EvaluationSet::Image(samples) = evaluation_set(data.path(), Some(32), 4).unwrap() else { panic!("pictures") };
	assert_eq!(samples.len(), 4);
	assert_eq!(samples[0].caption, fs::read_to_string(data.path().join("00.txt")).unwrap());
	let picture = image::load_from_memory(&samples[0].png).unwrap();
	assert_eq!((picture.width(), picture.height()), (32, 32));
	let EvaluationSet::Text(samples) = evaluation_set(&talk.path().join("talk.jsonl"), None, 256).unwrap() else {
		panic!("replies")
	};
	assert_eq!((samples.len(), samples[2].prompt.as_str()), (5, "What is fish 2?"));
	assert!(evaluation_set(data.path(), None, 0).unwrap_err().to_string().contains("1 to 256"));
}
