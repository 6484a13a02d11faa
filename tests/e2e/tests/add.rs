//! A model's owner puts a folder, and a checkpoint of the same weights, on chain by one command each; operators draw with them.

use std::{
	fs,
	path::{Path, PathBuf},
	process::Output,
	time::Duration,
};

use anyhow::{anyhow, ensure, Context, Result};
use autonomy_e2e::{
	client::{account, bytes, key, number, variant, Client},
	input::{image, some, user_seed},
	node::Node,
	worker::{self, autonomy_worker, autonomy_worker_as, said, Worker},
	AUTON, PATIENCE,
};
use autonomy_engine::{
	digest::cid_text, exactness, weights::MANIFEST_FILE, Control, Engine, InputSpec, Manifest, PictureSpec,
};
use autonomy_primitives::digest::cid;
use subxt::dynamic::{At, Value};

const K: usize = 3;
/// Secret URI of the models' owner.
const OWNER: &str = "//Alice//e2e//owner-of-models";
/// In words of the small models' tokenizer.
const PROMPT: &str = "w8 w9 w10";

fn written<T>(result: Result<T, exactness::Failure>) -> Result<T> {
	result.map_err(|failure| anyhow!("{failure}"))
}

/// A diffusers folder whose usual pictures have 64 × 64 pixels, and a checkpoint with the same weights in a folder of its own.
fn write_models(dir: &Path) -> Result<(PathBuf, PathBuf)> {
	let (folder, file) = (dir.join("little"), dir.join("single/little-one.safetensors"));
	written(exactness::write_latent_model(&folder))?;
	let settings = folder.join("unet/config.json");
	let mut unet: serde_json::Value = serde_json::from_slice(&fs::read(&settings)?)?;
	unet["sample_size"] = 32.into();
	fs::write(&settings, unet.to_string())?;
	written(exactness::write_checkpoint(&folder, &file))?;
	Ok((folder, file))
}

/// `models add`, signed by the owner.
fn add(url: &str, path: &Path, more: &[&str]) -> Result<Output> {
	let path = path.to_string_lossy();
	let arguments = ["models", "add", &*path, "--price", "0.001", "--licence", "Apache-2.0", "--url", url];
	autonomy_worker_as(OWNER, arguments.iter().chain(more))
}

/// `models add --dry-run`, which needs neither a key nor a node.
fn look(path: &Path) -> Result<String> {
	let output = autonomy_worker(["models", "add", &*path.to_string_lossy(), "--licence", "MIT", "--dry-run"])?;
	let text = said(&output);
	ensure!(output.status.success(), "{text}");
	ensure!(text.contains("nothing was written or registered"), "{text}");
	let dir = if path.is_dir() { path } else { path.parent().context("a folder")? };
	ensure!(!dir.join(MANIFEST_FILE).exists(), "a manifest in {}", dir.display());
	Ok(text)
}

fn assert_says(text: &str, words: &[&str]) {
	for word in words {
		assert!(text.contains(word), "no {word:?} in: {text}");
	}
}

/// The lines of `models add` are what the folder's manifest says.
fn assert_shows(text: &str, manifest: &Manifest, class: &str) {
	let hex = |hash: &[u8; 32]| format!("0x{}", hex::encode(hash));
	for (name, value) in [
		("architecture ", format!("diffusers:text-to-image ({class})")),
		("limits ", "prompts of 1024 bytes, 50 steps, 4 096 pixels".into()),
		("files ", format!("{}, ", manifest.files.len())),
		("licence ", "Apache-2.0".into()),
		("manifest ", cid_text(&manifest.cid())),
		("weights root ", hex(&manifest.weights_root.0)),
		("engine ", hex(&manifest.engine.0)),
		("golden result ", hex(&manifest.golden.result.0)),
		("golden file ", manifest.golden.artifact.clone()),
	] {
		let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name}in: {text}"));
		assert!(line[name.len()..].trim_start().starts_with(&value), "{line:?} instead of {value}");
	}
	assert_says(text, &["text_encoder: ", "unet: ", "vae: ", "parameters "]);
}

/// What the chain has of a model is what its folder's manifest says. Returns its deposit.
async fn check_record(client: &Client, id: u32, dir: &Path) -> Result<u128> {
	let manifest = Manifest::load(dir)?;
	// Another program registered it, so this client may hear of its block a little later.
	let heard = async {
		loop {
			match worker::model(client, id).await {
				Ok(model) => break model,
				Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
			}
		}
	};
	let model = tokio::time::timeout(PATIENCE, heard).await.context("the model is not on chain")?;
	let field = |name: &str| model.at(name).unwrap_or_else(|| panic!("model {id} has no {name}"));
	assert_eq!(bytes(field("manifest")), cid(&fs::read(dir.join(MANIFEST_FILE))?));
	assert_eq!(bytes(field("weights_root")), manifest.weights_root.0);
	assert_eq!(bytes(field("engine")), manifest.engine.0);
	assert_eq!(bytes(field("golden_result")), manifest.golden.result.0);
	assert_eq!(bytes(field("golden_seed")), manifest.golden.seed.0);
	assert_eq!(bytes(field("licence")), manifest.licence.as_bytes());
	assert_eq!(variant(field("modality")), "Image");
	let limits = [
		("max_prompt_bytes", manifest.limits.max_prompt_bytes.into()),
		("max_steps", manifest.limits.max_steps.into()),
		("max_pixels", u128::from(manifest.limits.max_pixels)),
		("max_tokens", manifest.limits.max_tokens.into()),
	];
	for (name, expected) in limits {
		assert_eq!(number(field("limits").at(name).context("a limit")?), expected, "{name}");
	}
	assert_eq!(number(field("price_per_unit")), AUTON / 1000);
	assert_eq!(bytes(field("depositor")), account(&key(OWNER)));
	Ok(number(field("deposit")))
}

/// Orders the same picture from each model, and compares the results with what the folders give here.
async fn check_jobs(client: &Client, models: &[(u32, PathBuf)]) -> Result<()> {
	let requester = client.funded("requester", 1_000).await?;
	let mut jobs = Vec::new();
	for (model, dir) in models {
		let arguments = vec![
			Value::u128((*model).into()),
			image(PROMPT),
			some(Value::u128(K as u128)),
			Value::unnamed_variant("None", []),
			user_seed(5),
			Value::u128(100 * AUTON),
		];
		let sent = client.call("Inference", "submit_job", arguments, &requester).await?;
		jobs.push((sent.event("Inference", "JobSubmitted").number("job"), sent.block, dir));
	}
	// The input of `image`.
	let input = InputSpec::image(PROMPT, 64, 64, 8, 2.5).to_job_input()?;
	for (job, block, dir) in jobs {
		let end = client.job_end(job, block).await?;
		assert_eq!(end.name, "JobFinalised", "{end}");
		let output = Engine::open(dir)?.run(&input, [5; 32], client.genesis(), &mut |_| Control::Continue)?;
		assert_eq!(bytes(end.field("result")), output.result, "{}", dir.display());
		assert_eq!(bytes(end.field("artifact")), output.artifact_cid, "{}", dir.display());
	}
	Ok(())
}

#[tokio::test]
async fn folder_and_checkpoint_should_draw_on_chain_as_here_when_they_were_added() -> Result<()> {
	let dir = tempfile::tempdir()?;
	let (folder, file) = write_models(dir.path())?;
	let single = file.parent().context("a folder")?.to_path_buf();
	let node = Node::start(500).await?;
	let (client, url) = (node.client().await?, node.url());

	// What would be refused at the end is refused at the beginning, and nothing is written.
	let output = add(&url, &folder, &[])?;
	assert!(!output.status.success());
	assert_says(&said(&output), &["has 0 AUTON to spend", "send it some"]);
	client.fund(&account(&key(OWNER)), 10).await?;
	for (more, words) in [
		(&["--budget", "0"][..], &["--budget 0", "1 to "][..]),
		(&["--meta", "nowhere.json"][..], &["cannot be used with"][..]),
	] {
		let output = add(&url, &folder, more)?;
		assert!(!output.status.success());
		assert_says(&said(&output), words);
	}
	let note = single.join("diary.txt");
	fs::write(&note, "not for everybody")?;
	let output = add(&url, &file, &[])?;
	assert!(!output.status.success());
	assert_says(&said(&output), &["little-one.safetensors", "found diary.txt beside it"]);
	fs::remove_file(note)?;
	assert!(!folder.join(MANIFEST_FILE).exists() && !single.join(MANIFEST_FILE).exists());

	// The folder, for people.
	let output = add(&url, &folder, &[])?;
	let text = said(&output);
	assert!(output.status.success(), "{text}");
	let of_folder = Manifest::load(&folder)?;
	assert_eq!(of_folder.name, "little");
	assert_shows(&text, &of_folder, "StableDiffusionPipeline");
	let id = text.lines().find_map(|line| line.strip_prefix("model ")?.split(' ').next()).context("no number")?;
	let first: u32 = id.parse()?;
	let deposit = check_record(&client, first, &folder).await?;

	// The file, for programs.
	let output = add(&url, &file, &["--json"])?;
	assert!(output.status.success(), "{}", said(&output));
	let line: serde_json::Value = serde_json::from_slice(&output.stdout)?;
	let second = u32::try_from(line["model"].as_u64().context("a number")?)?;
	let of_file = Manifest::load(&single)?;
	assert_eq!(of_file.name, "little-one");
	assert_eq!(line["golden_result"], format!("0x{}", of_file.golden.result));
	assert_eq!(line["class"], "Stable Diffusion 1 checkpoint");
	let deposits = deposit + check_record(&client, second, &single).await?;
	assert_eq!(client.balance(&account(&key(OWNER)), client.newest().await?).await?.held, deposits);
	assert_ne!(of_file.golden.result, of_folder.golden.result, "other files are another model");
	assert_eq!(of_file.golden.artifact, of_folder.golden.artifact, "and the same weights draw the same picture");
	let InputSpec::Image(PictureSpec { width, height, .. }) = of_file.golden.input else { panic!("no picture") };
	assert_eq!((width, height), (64, 64));

	// Again, and as somebody else.
	let output = add(&url, &folder, &[])?;
	assert!(output.status.success(), "{}", said(&output));
	assert_says(&said(&output), &[&format!("model {first} of"), "is registered already, 0.001 AUTON a unit"]);
	let path = folder.to_string_lossy();
	let output = autonomy_worker(["models", "add", &*path, "--price", "2", "--dev", "bob", "--url", &url])?;
	assert!(!output.status.success());
	assert_says(&said(&output), &[&format!("is registered already as model {first} of"), "models propose"]);

	let mut workers = Vec::new();
	for n in 0..K {
		let [owner, own] = ["operator", "worker"].map(|role| format!("//Alice//e2e//added-{role}-{n}"));
		client.fund_all(&[(account(&key(&owner)), 600), (account(&key(&own)), 1)]).await?;
		let mut worker = Worker::with_keys(key(&owner), &own, &url, &[folder.clone(), single.clone()])?;
		worker.register(&client, &[first, second]).await?;
		worker.start()?;
		workers.push(worker);
	}
	for worker in &mut workers {
		worker.ready().await?;
	}
	check_jobs(&client, &[(first, folder), (second, single)]).await
}

#[test]
fn language_model_should_be_shown_when_it_is_looked_at() -> Result<()> {
	let dir = tempfile::tempdir()?;
	let folder = dir.path().join("chatty");
	written(exactness::write_chat_model(&folder))?;
	let tensors = look(&folder)?;
	assert_says(&tensors, &["architecture  transformers:llama", "network       model: ", "name          chatty 1.0.0"]);
	assert_says(&tensors, &["prompts of 1024 bytes, 48 new tokens", "model.safetensors, ", "golden result 0x"]);

	written(exactness::as_gguf(&folder, &exactness::llama_config(), "llama"))?;
	let gguf = look(&folder)?;
	assert_says(&gguf, &["model-f32.gguf, "]);
	let lines = |text: &str, name: &str| text.lines().find(|line| line.starts_with(name)).map(str::to_owned);
	for name in ["network", "parameters", "limits", "golden file"] {
		assert_eq!(lines(&gguf, name), lines(&tensors, name), "the same model from other files");
		assert!(lines(&gguf, name).is_some(), "no {name} in: {gguf}");
	}
	assert_says(&look(&folder.join("model-f32.gguf"))?, &["name          model-f32 1.0.0"]);
	Ok(())
}
