//! Training gives the same bits every time, learns, and can be stopped and resumed.

use autonomy_engine::pipelines::chat::ChatConfig;
use autonomy_train::{
	ask, checkpoint_path, corpus, first_prompts, held_out_ballots, prompt_tokenizer, train_image_with, train_text_with,
	train_tokenizer, Draws, Exchange, ImageRecipe, Options, Outcome, Phase, TextRecipe,
};
use sha2::{Digest, Sha256};
use std::path::Path;

fn image(recipe: &ImageRecipe, out: &Path, stop_at: Option<u64>) -> (Outcome, Vec<f32>) {
	let mut losses = Vec::new();
	let options = Options { checkpoint_every: 0, stop_at };
	let outcome = train_image_with(recipe, out, &options, |progress| losses.push(progress.loss)).unwrap();
	(outcome, losses)
}

fn text(recipe: &TextRecipe, out: &Path, stop_at: Option<u64>) -> (Outcome, Vec<f32>) {
	let mut losses = Vec::new();
	let options = Options { checkpoint_every: 0, stop_at };
	let outcome = train_text_with(recipe, out, &options, |progress| losses.push(progress.loss)).unwrap();
	(outcome, losses)
}

fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
	rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

fn mean(values: &[f32]) -> f32 {
	values.iter().sum::<f32>() / values.len() as f32
}

#[test]
fn image_weights_should_have_the_same_bits_when_trained_again_on_other_threads() {
	let recipe = ImageRecipe::tiny();
	let run = |threads| {
		let folder = tempfile::tempdir().unwrap();
		on_threads(threads, || image(&recipe, folder.path(), None))
	};
	let (once, losses) = run(1);
	assert!(once.finished && once.step == 6 && once.weights.len() == 2);
	assert_eq!((once.clone(), losses.clone()), run(1));
	assert_eq!((once, losses), run(2));
}

#[test]
fn text_weights_should_have_the_same_bits_when_trained_again_on_other_threads() {
	let recipe = TextRecipe::tiny();
	let run = |threads| {
		let folder = tempfile::tempdir().unwrap();
		on_threads(threads, || text(&recipe, folder.path(), None))
	};
	let (once, losses) = run(1);
	assert!(once.finished && once.step == 6 && once.weights.len() == 1);
	assert_eq!((once.clone(), losses.clone()), run(1));
	assert_eq!((once, losses), run(2));
}

#[test]
fn weights_should_have_the_same_bits_when_a_council_is_trained_again() {
	let recipe = TextRecipe::tiny_council();
	let run = || {
		let folder = tempfile::tempdir().unwrap();
		let result = text(&recipe, folder.path(), None);
		let chat = std::fs::read(folder.path().join("chat.json")).unwrap();
		let chat: ChatConfig = serde_json::from_slice(&chat).unwrap();
		let reply = ask(folder.path(), &[(Some("Marta saves every coin."), "Who are you?")], 4).unwrap();
		(result, chat, reply)
	};
	let once = run();
	assert!(once.0 .0.finished);
	assert_eq!(once, run());
	let exchange = Exchange { persona: Some("p".into()), question: "q".into(), answer: "a".into() };
	assert_eq!(autonomy_train::format(&exchange), once.1.prompt(Some("p"), "q") + "a" + &once.1.stop);
	let exchange = Exchange { persona: None, ..exchange };
	assert_eq!(autonomy_train::format(&exchange), once.1.prompt(None, "q") + "a" + &once.1.stop);
}

#[test]
fn weights_should_have_the_same_bits_when_training_was_interrupted() {
	let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
	let recipe = ImageRecipe::tiny();
	let (expected, _) = image(&recipe, whole.path(), None);
	let (half, _) = image(&recipe, parts.path(), Some(3));
	assert!(!half.finished && half.step == 3 && half.weights != expected.weights);
	assert!(checkpoint_path(parts.path()).exists());
	assert_eq!(image(&recipe, parts.path(), None).0, expected);

	let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
	let recipe = TextRecipe::tiny();
	let (expected, _) = text(&recipe, whole.path(), None);
	text(&recipe, parts.path(), Some(4));
	assert_eq!(text(&recipe, parts.path(), None).0, expected);
}

#[test]
fn image_loss_should_fall_when_training() {
	let mut recipe = ImageRecipe::tiny();
	recipe.phases =
		vec![Phase { steps: 30, warmup: 4, learning_rate: 6e-3, final_learning_rate: 2e-3, batch: 8, cut: None }];
	let folder = tempfile::tempdir().unwrap();
	let (_, losses) = image(&recipe, folder.path(), None);
	let (first, last) = (mean(&losses[..5]), mean(&losses[25..]));
	assert!(last < 0.75 * first, "{first} -> {last}");
}

#[test]
fn text_loss_should_fall_when_training() {
	let mut recipe = TextRecipe::tiny();
	recipe.phases =
		vec![Phase { steps: 30, warmup: 4, learning_rate: 1e-2, final_learning_rate: 5e-3, batch: 256, cut: None }];
	let folder = tempfile::tempdir().unwrap();
	let (_, losses) = text(&recipe, folder.path(), None);
	let (first, last) = (mean(&losses[..5]), mean(&losses[25..]));
	assert!(last < 0.85 * first, "{first} -> {last}");
}

#[test]
fn every_weight_of_the_shipped_shapes_should_get_a_gradient() {
	// A step fails with the name of the weight that has no gradient.
	let mut recipe = ImageRecipe::shapes();
	recipe.phases =
		vec![Phase { steps: 1, warmup: 0, learning_rate: 1e-3, final_learning_rate: 1e-3, batch: 2, cut: None }];
	recipe.lessons[0].steps = 1;
	let folder = tempfile::tempdir().unwrap();
	assert!(image(&recipe, folder.path(), None).0.finished);
	let mut recipe = TextRecipe { exchanges: 1000, vocabulary: 512, ..TextRecipe::keeper() };
	recipe.phases =
		vec![Phase { steps: 1, warmup: 0, learning_rate: 1e-3, final_learning_rate: 1e-3, batch: 64, cut: None }];
	let folder = tempfile::tempdir().unwrap();
	assert!(text(&recipe, folder.path(), None).0.finished);
}

#[test]
fn training_should_refuse_a_checkpoint_when_the_recipe_is_another() {
	let folder = tempfile::tempdir().unwrap();
	image(&ImageRecipe::tiny(), folder.path(), Some(1));
	let other = ImageRecipe { seed: "another".into(), ..ImageRecipe::tiny() };
	let error = train_image_with(&other, folder.path(), &Options::default(), |_| {}).unwrap_err();
	assert!(error.to_string().contains("another recipe"), "{error}");
}

#[test]
fn training_should_refuse_the_result_when_the_recipe_expects_other_weights() {
	let folder = tempfile::tempdir().unwrap();
	let mut recipe = TextRecipe::tiny();
	recipe.expected.insert("model.safetensors".into(), "00".into());
	let error = train_text_with(&recipe, folder.path(), &Options::default(), |_| {}).unwrap_err();
	assert!(error.to_string().contains("model.safetensors"), "{error}");
}

#[test]
fn training_should_name_the_setting_when_a_recipe_is_invalid() {
	let folder = tempfile::tempdir().unwrap();
	let refuse = |recipe: ImageRecipe, word: &str| {
		let error = train_image_with(&recipe, folder.path(), &Options::default(), |_| {}).unwrap_err();
		assert!(format!("{error:#}").contains(word), "{error:#}");
	};
	refuse(ImageRecipe { pixel_unshuffle: 5, ..ImageRecipe::tiny() }, "pixel_unshuffle");
	refuse(ImageRecipe { jitter: 2.0, ..ImageRecipe::tiny() }, "jitter");
	refuse(ImageRecipe { dataset: "shapes-0".into(), ..ImageRecipe::tiny() }, "shapes-0");
	let text = TextRecipe { vocabulary: 10, ..TextRecipe::tiny() };
	let error = train_text_with(&text, folder.path(), &Options::default(), |_| {}).unwrap_err();
	assert!(error.to_string().contains("vocabulary"), "{error}");
}

#[test]
fn pictures_should_have_golden_digests() {
	let noise = autonomy_kernels::rng::Noise::new([5; 32]);
	let mut draws = Draws::new(&noise, 0, 0);
	let mut hash = Sha256::new();
	for _ in 0..40 {
		let scene = autonomy_train::shapes::Scene::draw(&mut draws, 1.0);
		hash.update(scene.prompt(&mut draws).text);
		for value in scene.render() {
			assert!((-1.0..=1.0).contains(&value));
			hash.update(value.to_le_bytes());
		}
	}
	assert_eq!(hex::encode(hash.finalize()), "b3fbd801ece9a1ca728945a0f8353ba7e9f5a3e1814537d9119ae7d9e7d166d1");
}

#[test]
fn corpus_and_tokenizer_should_have_golden_digests() {
	let corpus = corpus(&TextRecipe::keeper()).unwrap();
	let mut hash = Sha256::new();
	for exchange in &corpus {
		hash.update(autonomy_train::format(exchange));
	}
	assert_eq!(hex::encode(hash.finalize()), "aed30e00836675851e91cc5591dc387352acb86b4d09bd81a1b524711745dd26");
	let tokenizer = train_tokenizer(&TextRecipe::keeper(), &corpus).unwrap();
	assert_eq!(tokenizer, train_tokenizer(&TextRecipe::keeper(), &corpus).unwrap());
	let hash = Sha256::digest(serde_json::to_vec(&tokenizer).unwrap());
	assert_eq!(hex::encode(hash), "eac2574c5950f05f127e20af50bcd530088b7a6d7a6599abe27134434dc11a54");
}

#[test]
fn ballots_should_have_golden_digests() {
	let mut hash = Sha256::new();
	for exchange in corpus(&TextRecipe { exchanges: 2000, ..TextRecipe::council() }).unwrap() {
		hash.update(autonomy_train::format(&exchange));
	}
	assert_eq!(hex::encode(hash.finalize()), "5bffc1dc7a6be25a98e1430164a4a60b9317d92deec99cde20a6a2639551714f");
}

#[test]
fn held_out_ballots_should_not_be_in_the_corpus() {
	let recipe = TextRecipe::tiny_council();
	let seen = corpus(&recipe).unwrap();
	let ballots = held_out_ballots(&recipe, 50).unwrap();
	assert_eq!(ballots.len(), 50);
	assert!(ballots.iter().all(|ballot| !seen.contains(&ballot.exchange())));
	let error = held_out_ballots(&TextRecipe::tiny(), 1).unwrap_err();
	assert!(error.to_string().contains("luma-1"), "{error}");
}

#[test]
fn prompts_should_fit_without_unknown_words() {
	let vocabulary = &prompt_tokenizer()["model"]["vocab"];
	let id = |token: &str| vocabulary[token].as_u64().unwrap() as u32;
	for (prompt, ids) in first_prompts(&ImageRecipe::shapes(), 3000).unwrap() {
		assert_eq!(ids.len(), 16);
		assert_eq!(ids[0], id("<|startoftext|>"));
		assert!(!ids.contains(&id("[UNK]")), "{prompt}");
		let words = prompt.replace(',', " ,").split_whitespace().count();
		assert_eq!(ids[words + 1], id("<|endoftext|>"), "{prompt}");
		assert_eq!(ids.iter().max(), Some(&id("<|endoftext|>")));
	}
}
