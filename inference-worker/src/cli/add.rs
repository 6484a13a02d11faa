//! `autonomy-worker models add`.

use std::path::{Path, PathBuf};

use anyhow::{bail, Context, Result};
use autonomy_engine::{
	digest::cid_text,
	weights::{model_dir, survey, Survey, SurveyPart, MANIFEST_FILE},
	Architecture, InputSpec, Manifest, ManifestMeta, PictureSpec,
};
use autonomy_primitives::{
	digest::Cid,
	job::{JobInput, Modality},
	model::ModelLimits,
};
use serde_json::{json, Value};

use super::{
	hex32,
	models::{check_licence, golden, put_on_chain, read_meta, BUDGET},
	ChainArgs, SignerArgs,
};
use crate::{
	amount::Auton,
	chain::{node::Node, AccountId, Chain},
	keys,
	run::models::manifest_cid,
};

/// Most bytes of a prompt, unless --meta says otherwise.
const PROMPT_BYTES: u16 = 1024;
/// Most denoise steps, unless --meta says otherwise.
const STEPS: u16 = 50;
/// Most new tokens, unless --meta says otherwise or the model has no room for them.
const TOKENS: u16 = 1024;
/// Denoise steps of the golden job: enough for every part of the model to have its say, few enough for a slow machine.
const GOLDEN_STEPS: u16 = 4;
/// New tokens of the golden job.
const GOLDEN_TOKENS: u16 = 32;
/// Width and height of a picture where the UNet's configuration does not say.
const USUAL_SIZE: u32 = 512;
/// Files that are listed for people.
const FILES_SHOWN: usize = 12;

/// Arguments of `models add`.
#[derive(clap::Args)]
#[command(mut_group("SignerArgs", |group| group.required(false)))]
pub struct Add {
	/// A folder as diffusers or transformers write it, or a checkpoint or GGUF file alone in a folder with its tokenizer.
	/// Without a manifest.json one is made. All model files of the folder become the model.
	path: PathBuf,
	/// Price of one unit of work for one operator, in AUTON: a denoise step over 64 × 64 pixels, or a token.
	#[arg(long, value_name = "AUTON", required_unless_present = "dry_run")]
	price: Option<Auton>,
	/// Blocks that one job takes the slowest operator; operators have three times as long.
	#[arg(long, value_name = "BLOCKS", default_value_t = BUDGET)]
	budget: u32,
	/// SPDX expression of the weights' licence; needed to make a manifest.
	#[arg(long, value_name = "SPDX", conflicts_with = "meta")]
	licence: Option<String>,
	/// Name of the model; by default that of the folder or the file.
	#[arg(long, conflicts_with = "meta")]
	name: Option<String>,
	/// Version of the weights, for people; by default 1.0.0.
	#[arg(long, value_name = "VERSION", conflicts_with = "meta")]
	weights_version: Option<String>,
	/// Prompt of the golden job, which every operator must reproduce.
	#[arg(long, value_name = "TEXT", conflicts_with = "meta")]
	prompt: Option<String>,
	/// JSON with name, version, architecture, licence, limits, and golden {input, seed}, for limits and a golden job of one's
	/// own.
	#[arg(long, value_name = "FILE")]
	meta: Option<PathBuf>,
	/// Show what was found and what would be registered; write and register nothing. No key and no node are needed.
	#[arg(long)]
	dry_run: bool,
	#[command(flatten)]
	chain: ChainArgs,
	#[command(flatten)]
	signer: Option<SignerArgs>,
	/// One JSON object.
	#[arg(long)]
	json: bool,
}

/// Where a folder's manifest comes from.
enum Plan {
	/// It has one.
	There,
	/// It gets one.
	Make(Box<ManifestMeta>),
}

/// What a folder is registered with.
struct Found {
	survey: Survey,
	manifest: Manifest,
	/// CID of the manifest's file.
	cid: Cid,
	golden_input: JobInput,
	/// Whether the folder had no manifest.
	is_new: bool,
}

/// Who registers, where, and at what price.
struct Owner {
	node: Node,
	account: AccountId,
	price: Auton,
}

/// Runs the command. What the folder, the command line or the chain stand in the way of is found out before the golden job, which
/// takes minutes for a large model.
pub async fn execute(args: Add) -> Result<()> {
	let dir = model_dir(&args.path)?;
	let place = dir.clone();
	let survey = tokio::task::spawn_blocking(move || survey(&place)).await??;
	let plan = args.plan(&dir, &survey)?;
	let owner = match args.dry_run {
		true => None,
		false => Some(args.owner().await?),
	};
	if let (Some(owner), Plan::There) = (&owner, &plan) {
		if owner.has_registered(manifest_cid(&dir)?, &args).await? {
			return Ok(());
		}
	}
	if !args.json {
		print_survey(&survey);
	}
	let found = look(&dir, survey, plan).await?;
	if let Some(warning) = links(&dir, found.manifest.files.iter().map(|file| file.path.as_str()))? {
		eprintln!("warning: {warning}");
	}
	if !args.json {
		found.print();
	}
	let Some(owner) = owner else {
		match args.json {
			true => println!("{}", found.json()),
			false => println!("nothing was written or registered (--dry-run)"),
		}
		return Ok(());
	};
	let file = dir.join(MANIFEST_FILE);
	if found.is_new {
		found.manifest.write(&dir)?;
		// Another copy of these files may have been registered from elsewhere.
		if owner.has_registered(found.cid, &args).await? {
			return Ok(());
		}
	}
	let Owner { node, account, price } = &owner;
	let registered = put_on_chain(node, &dir, &found.manifest, found.golden_input.clone(), *price, args.budget)
		.await
		.with_context(|| format!("{} stays, and the same command goes on from there", file.display()))?;
	let deposit = registered.deposit;
	if args.json {
		let mut line = found.json();
		line["model"] = json!(registered.model);
		line["owner"] = json!(account.to_string());
		line["deposit"] = json!(deposit.to_string());
		line["price_per_unit"] = json!(price.to_string());
		line["budget"] = json!(args.budget);
		println!("{line}");
		return Ok(());
	}
	println!("model {} of {account}, deposit {deposit} AUTON, {price} AUTON a unit", registered.model);
	println!("next: autonomy-worker models publish {}", dir.display());
	Ok(())
}

/// Reads the folder's manifest, or makes one. Either way the golden job was run here.
async fn look(dir: &Path, survey: Survey, plan: Plan) -> Result<Found> {
	match plan {
		Plan::There => {
			let (manifest, golden_input) = golden(dir).await.with_context(|| {
				let file = dir.join(MANIFEST_FILE);
				format!(
					"{} does not fit; if the model is another one now, delete it and it is made anew",
					file.display()
				)
			})?;
			let cid = manifest_cid(dir)?;
			Ok(Found { survey, manifest, cid, golden_input, is_new: false })
		}
		Plan::Make(meta) => {
			let place = dir.to_path_buf();
			let manifest = tokio::task::spawn_blocking(move || Manifest::build(&place, *meta)).await??;
			let golden_input = manifest.golden.input.to_job_input()?;
			let cid = manifest.cid();
			Ok(Found { survey, manifest, cid, golden_input, is_new: true })
		}
	}
}

impl Add {
	/// Whether the folder's manifest is there and says what the command line says, or what it will be made from.
	fn plan(&self, dir: &Path, survey: &Survey) -> Result<Plan> {
		let file = dir.join(MANIFEST_FILE);
		if file.is_file() {
			self.agree_with(&Manifest::load(dir)?, &file)?;
			return Ok(Plan::There);
		}
		if file.symlink_metadata().is_ok() {
			bail!("{} is no file, and the manifest is written there: move it away", file.display());
		}
		let meta = match &self.meta {
			Some(file) => read_meta(file)?,
			None => self.meta_of(dir, survey)?,
		};
		check_licence(&meta.licence)?;
		if meta.architecture != survey.architecture {
			bail!("{} is {:?}, --meta says {:?}", dir.display(), survey.architecture, meta.architecture);
		}
		if !self.dry_run {
			check_writable(dir)?;
		}
		Ok(Plan::Make(Box::new(meta)))
	}

	/// Refuses options that say otherwise than the manifest that is there. Those that say the same are welcome: a command that
	/// was cut off can be repeated as it is.
	fn agree_with(&self, manifest: &Manifest, file: &Path) -> Result<()> {
		let there = |option: &str, given: &str, found: &str| -> Result<()> {
			bail!(
				"--{option} says {given:?}, {} is there and says {found:?}: leave the option out to register the model as it is, \
				 or delete the file to make a new one",
				file.display()
			)
		};
		let options = [
			("licence", &self.licence, manifest.licence.as_str()),
			("name", &self.name, manifest.name.as_str()),
			("weights-version", &self.weights_version, manifest.version.as_str()),
			("prompt", &self.prompt, prompt_of(&manifest.golden.input)),
		];
		for (option, given, found) in options {
			if let Some(given) = given.as_deref().filter(|given| *given != found) {
				return there(option, given, found);
			}
		}
		let Some(path) = &self.meta else { return Ok(()) };
		let meta = read_meta(path)?;
		let golden = &manifest.golden;
		let same = [
			("name", meta.name == manifest.name),
			("version", meta.version == manifest.version),
			("architecture", meta.architecture == manifest.architecture),
			("licence", meta.licence == manifest.licence),
			("limits", meta.limits == manifest.limits),
			("golden.input", meta.golden_input == golden.input),
			("golden.seed", meta.golden_seed == golden.seed.0),
		];
		match same.into_iter().find(|(_, same)| !same) {
			Some((field, _)) => there("meta", &format!("another {field}"), "its own"),
			None => Ok(()),
		}
	}

	/// Who signs, once nothing speaks against the registration that can be known without the golden job.
	async fn owner(&self) -> Result<Owner> {
		let Some(signer) = &self.signer else {
			bail!("a registration is signed: give a key by --key, --suri-env or --dev, or --dry-run to look only")
		};
		let price = self.price.context("--price is missing")?;
		if price.0 == 0 {
			bail!("--price 0: operators are paid by it, give more");
		}
		let (_, node, pair) = signer.node(&self.chain).await?;
		let account = keys::account(&pair);
		let (deposit, most) = node.registration_bounds().await?;
		if !(1..=most).contains(&self.budget) {
			bail!("--budget {}: a model's budget is 1 to {most} blocks", self.budget);
		}
		let spendable = node.spendable(&account).await?;
		if spendable <= deposit {
			bail!(
				"{account} has {} AUTON to spend; a registration has a fee and puts more than {} on hold: send it some",
				Auton(spendable),
				Auton(deposit)
			);
		}
		Ok(Owner { node, account, price })
	}

	/// What nobody has to say of a model of a known kind.
	fn meta_of(&self, dir: &Path, survey: &Survey) -> Result<ManifestMeta> {
		let licence = self.licence.clone().context("--licence is missing: an SPDX expression, such as Apache-2.0")?;
		let name = match &self.name {
			Some(name) => name.clone(),
			None if self.path.is_file() => stem(&self.path)?,
			None => folder_name(dir)?,
		};
		let (limits, golden_input) = usual(survey, self.prompt.as_deref());
		Ok(ManifestMeta {
			name,
			version: self.weights_version.clone().unwrap_or_else(|| "1.0.0".into()),
			architecture: survey.architecture,
			licence,
			limits,
			golden_input,
			golden_seed: [0; 32],
		})
	}
}

impl Owner {
	/// Whether this account has registered a manifest before; says so if it has. Fails when somebody else has.
	async fn has_registered(&self, cid: Cid, args: &Add) -> Result<bool> {
		let Some(id) = self.node.model_by_manifest(cid).await? else { return Ok(false) };
		let view = self.node.model(id).await?.with_context(|| format!("model {id} cannot be read"))?;
		let (account, manifest) = (&self.account, cid_text(&cid));
		if view.owner.as_ref() != Some(account) {
			let owner = view.owner.map_or("nobody".into(), |owner| owner.to_string());
			bail!(
				"the manifest {manifest} is registered already as model {id} of {owner}, and you sign as {account}: use that \
				 model, or propose a version of it by `models propose`"
			);
		}
		let (price, budget) = (Auton(view.price_per_unit), view.budget);
		if args.json {
			let line = json!({
				"model": id, "manifest": manifest, "owner": account.to_string(), "price_per_unit": price.to_string(),
				"budget": budget, "registered_before": true,
			});
			println!("{line}");
		} else {
			println!("model {id} of {account} is registered already, {price} AUTON a unit, manifest {manifest}");
		}
		if price.0 != self.price.0 {
			eprintln!("warning: --price {} changes nothing: models.setPrice does", self.price);
		}
		if budget != args.budget {
			eprintln!("warning: --budget {} changes nothing: the model has {budget} blocks", args.budget);
		}
		Ok(true)
	}
}

/// Fails where a manifest could not be written at the end of all the work.
fn check_writable(dir: &Path) -> Result<()> {
	// A name that begins with a dot is none of a model's files. It is never one that is there: the folder may be a stranger's,
	// with a link of this name to a file of the user's.
	let file = dir.join(format!(".{MANIFEST_FILE}.{}.try", std::process::id()));
	let tried = std::fs::File::create_new(&file).and_then(|_| std::fs::remove_file(&file));
	tried.with_context(|| {
		format!(
			"cannot write into {}: the manifest belongs beside the weights, copy them to a folder of yours",
			dir.display()
		)
	})
}

/// What is to be said of files that are links out of the folder: `models publish` would upload what they lead to.
fn links<'a>(dir: &Path, files: impl Iterator<Item = &'a str>) -> Result<Option<String>> {
	let full = dir.canonicalize().with_context(|| format!("cannot read {}", dir.display()))?;
	let mut leading = Vec::new();
	for file in files {
		let path = dir.join(file);
		let to = path.canonicalize().with_context(|| format!("cannot read {}", path.display()))?;
		if !to.starts_with(&full) {
			leading.push(format!("{file} to {}", plain(&to.display().to_string())));
		}
	}
	let Some(first) = leading.first() else { return Ok(None) };
	Ok(Some(format!(
		"{} of the files are links that lead out of {}, such as {first}: what they lead to becomes part of the model and is \
		 published with it",
		leading.len(),
		dir.display()
	)))
}

/// What the user says in a job.
fn prompt_of(input: &InputSpec) -> &str {
	match input {
		InputSpec::Image(PictureSpec { prompt, .. })
		| InputSpec::Tile(PictureSpec { prompt, .. })
		| InputSpec::Animation { image: PictureSpec { prompt, .. }, .. }
		| InputSpec::SpriteSheet { image: PictureSpec { prompt, .. }, .. }
		| InputSpec::Text { prompt, .. }
		| InputSpec::Talk { prompt, .. } => prompt,
		InputSpec::Ballot { question, .. } => question,
		InputSpec::Evaluation { .. } => "",
	}
}

/// Limits and golden job of a model, by its configuration.
fn usual(survey: &Survey, prompt: Option<&str>) -> (ModelLimits, InputSpec) {
	match survey.architecture {
		Architecture::TextToImage => {
			let side = u16::try_from(survey.size.unwrap_or(USUAL_SIZE)).unwrap_or(u16::MAX);
			let limits = ModelLimits {
				max_prompt_bytes: PROMPT_BYTES,
				max_steps: STEPS,
				max_pixels: u32::from(side) * u32::from(side),
				max_tokens: 0,
			};
			let prompt = prompt.unwrap_or("a lighthouse on a cliff at dusk");
			(limits, InputSpec::image(prompt, side, side, GOLDEN_STEPS, 7.5))
		}
		Architecture::Llama => {
			// Half of the context is left to the prompt.
			let room = survey.context.map_or(TOKENS, |context| u16::try_from(context / 2).unwrap_or(u16::MAX));
			let max_tokens = room.clamp(1, TOKENS);
			let limits = ModelLimits { max_prompt_bytes: PROMPT_BYTES, max_steps: 0, max_pixels: 0, max_tokens };
			let prompt = prompt.unwrap_or("Who are you, and what do you like?");
			(limits, InputSpec::text(prompt, max_tokens.min(GOLDEN_TOKENS), 0.7))
		}
	}
}

/// The name of a folder, whatever the path to it looks like.
fn folder_name(path: &Path) -> Result<String> {
	let full = path.canonicalize().with_context(|| format!("cannot read {}", path.display()))?;
	let name = full.file_name().and_then(|name| name.to_str());
	Ok(name.with_context(|| format!("{} has no name in UTF-8: give --name", full.display()))?.to_owned())
}

/// The name of a file without its ending.
fn stem(path: &Path) -> Result<String> {
	let name = path.file_stem().and_then(|name| name.to_str());
	Ok(name.with_context(|| format!("{} has no name in UTF-8: give --name", path.display()))?.to_owned())
}

/// A text from a file, which must not steer the terminal.
fn plain(text: &str) -> String {
	text.chars().filter(|c| !c.is_control()).collect()
}

/// A number with a space between thousands.
fn grouped(number: u64) -> String {
	let digits = number.to_string();
	let mut text = String::new();
	for (at, digit) in digits.chars().enumerate() {
		if at > 0 && (digits.len() - at).is_multiple_of(3) {
			text.push(' ');
		}
		text.push(digit);
	}
	text
}

/// Shows what the files are, before anything is computed.
fn print_survey(survey: &Survey) {
	let architecture = json!(survey.architecture);
	let class = if survey.class.is_empty() { String::new() } else { format!(" ({})", survey.class) };
	println!("architecture  {}{class}", architecture.as_str().unwrap_or_default());
	for part in &survey.parts {
		let dtypes: Vec<&str> = part.dtypes.iter().map(String::as_str).collect();
		println!(
			"{}       {}: {} parameters in {} tensors, {}",
			if survey.is_run(part) { "network" } else { "not run" },
			plain(&part.name),
			grouped(part.parameters),
			part.tensors,
			dtypes.join(" and ")
		);
	}
	println!("parameters    {}", grouped(survey.parameters()));
}

impl Found {
	/// Shows what is registered.
	fn print(&self) {
		let manifest = &self.manifest;
		println!("name          {} {}", plain(&manifest.name), plain(&manifest.version));
		println!("limits        {}", limits(manifest.modality, &manifest.limits));
		println!("files         {}, {} bytes", manifest.files.len(), grouped(manifest.total_size()));
		for file in manifest.files.iter().take(FILES_SHOWN) {
			println!("              {}, {} bytes", file.path, grouped(file.size));
		}
		if manifest.files.len() > FILES_SHOWN {
			println!("              and {} more", manifest.files.len() - FILES_SHOWN);
		}
		println!("licence       {}", plain(&manifest.licence));
		println!("manifest      {}{}", cid_text(&self.cid), if self.is_new { " (new)" } else { "" });
		println!("weights root  {}", hex32(&manifest.weights_root.0));
		println!("engine        {}", hex32(&manifest.engine.0));
		println!("golden result {}", hex32(&manifest.golden.result.0));
		println!("golden file   {}", plain(&manifest.golden.artifact));
	}

	fn json(&self) -> Value {
		let (survey, manifest) = (&self.survey, &self.manifest);
		let part = |part: &SurveyPart| {
			json!({
				"name": part.name, "files": part.files, "tensors": part.tensors, "parameters": part.parameters,
				"dtypes": part.dtypes, "is_run": survey.is_run(part),
			})
		};
		json!({
			"name": manifest.name, "version": manifest.version, "architecture": survey.architecture,
			"class": survey.class, "networks": survey.parts.iter().map(part).collect::<Vec<_>>(),
			"parameters": survey.parameters(), "limits": manifest.limits, "files": manifest.files.len(),
			"bytes": manifest.total_size(), "licence": manifest.licence, "manifest": cid_text(&self.cid),
			"manifest_is_new": self.is_new, "weights_root": hex32(&manifest.weights_root.0),
			"engine": hex32(&manifest.engine.0), "golden_result": hex32(&manifest.golden.result.0),
			"golden_artifact": manifest.golden.artifact,
		})
	}
}

/// What one job may ask for.
fn limits(modality: Modality, limits: &ModelLimits) -> String {
	let prompt = format!("prompts of {} bytes", limits.max_prompt_bytes);
	match modality {
		Modality::Text | Modality::Ballot => format!("{prompt}, {} new tokens", limits.max_tokens),
		Modality::Image | Modality::Animation | Modality::SpriteSheet | Modality::Tile | Modality::Evaluation => {
			let pixels = grouped(limits.max_pixels.into());
			format!("{prompt}, {} steps, {pixels} pixels", limits.max_steps)
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn limits_and_golden_job_should_follow_from_the_configuration() {
		let shapes = survey(Path::new("models/shapes")).unwrap();
		let (limits, golden) = usual(&shapes, Some("a red circle"));
		let InputSpec::Image(picture) = golden else { panic!("the golden job is a picture") };
		assert_eq!(picture.prompt, "a red circle");
		assert_eq!(u32::from(picture.width) * u32::from(picture.height), limits.max_pixels);
		assert_eq!(limits.max_tokens, 0);
		let large = Survey { size: Some(1_000_000), ..shapes };
		assert_eq!(usual(&large, None).0.max_pixels, u32::from(u16::MAX) * u32::from(u16::MAX));

		let keeper = survey(Path::new("models/keeper")).unwrap();
		let (limits, golden) = usual(&keeper, None);
		assert!((1..=TOKENS).contains(&limits.max_tokens) && limits.max_pixels == 0);
		assert!(matches!(golden, InputSpec::Text { max_tokens, .. } if max_tokens <= limits.max_tokens));
		let tiny = Survey { context: Some(1), ..keeper };
		assert_eq!(usual(&tiny, None).0.max_tokens, 1);
	}

	fn args(line: &[&str]) -> Result<Add, String> {
		#[derive(clap::Parser)]
		struct Line {
			#[command(flatten)]
			add: Add,
		}
		let line = ["add"].iter().chain(line).copied();
		<Line as clap::Parser>::try_parse_from(line).map(|line| line.add).map_err(|error| error.to_string())
	}

	#[test]
	fn key_and_price_should_not_be_asked_for_when_nothing_is_registered() {
		for line in [&["models", "add", "x", "--dry-run"][..], &["models", "add", "x", "--price", "1"]] {
			let line = ["autonomy-worker"].iter().chain(line).copied();
			assert!(<super::super::Cli as clap::Parser>::try_parse_from(line).is_ok());
		}
		assert!(args(&["x"]).err().unwrap().contains("--price"));
		assert!(args(&["x", "--price", "1", "--dev", "alice", "--key", "k"]).is_err());
	}

	#[test]
	fn registration_should_be_refused_when_nobody_signs_it_or_it_is_for_nothing() {
		let refused = |line: &[&str]| {
			let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
			let error = runtime.block_on(args(line).unwrap().owner()).err().unwrap();
			error.to_string()
		};
		assert!(refused(&["x", "--price", "1"]).contains("a registration is signed"));
		assert!(refused(&["x", "--price", "0", "--dev", "alice"]).contains("--price 0"));
	}

	#[test]
	fn command_should_go_on_when_its_options_are_those_of_the_manifest_that_is_there() {
		let (file, manifest) = (Path::new("manifest.json"), Manifest::load("models/shapes").unwrap());
		let agree =
			|line: &[&str]| args(&[&["x", "--dry-run"][..], line].concat()).unwrap().agree_with(&manifest, file);
		let prompt = prompt_of(&manifest.golden.input).to_owned();
		agree(&[]).unwrap();
		let (licence, name) = (manifest.licence.as_str(), manifest.name.as_str());
		agree(&["--licence", licence, "--name", name, "--prompt", prompt.as_str()]).unwrap();
		let error = agree(&["--licence", "MIT-0"]).unwrap_err().to_string();
		for word in ["--licence says \"MIT-0\"", "manifest.json", licence, "delete the file"] {
			assert!(error.contains(word), "no {word:?} in: {error}");
		}
		assert!(agree(&["--weights-version", "9"]).is_err());

		let dir = tempfile::tempdir().unwrap();
		let meta = dir.path().join("meta.json");
		let golden = &manifest.golden;
		let mut text = json!({
			"name": manifest.name, "version": manifest.version, "architecture": manifest.architecture,
			"licence": manifest.licence, "limits": manifest.limits,
			"golden": { "input": golden.input, "seed": golden.seed },
		});
		let line = ["--meta", meta.to_str().unwrap()];
		std::fs::write(&meta, text.to_string()).unwrap();
		agree(&line).unwrap();
		text["limits"]["max_steps"] = json!(7);
		std::fs::write(&meta, text.to_string()).unwrap();
		assert!(agree(&line).unwrap_err().to_string().contains("another limits"));
	}

	#[test]
	fn manifest_should_be_refused_before_the_work_when_it_cannot_be_written() {
		let (dir, shapes) = (tempfile::tempdir().unwrap(), survey(Path::new("models/shapes")).unwrap());
		let plan =
			|line: &[&str]| args(&[&["x", "--price", "1"][..], line].concat()).unwrap().plan(dir.path(), &shapes);
		assert!(matches!(plan(&["--licence", "MIT"]), Ok(Plan::Make(meta)) if meta.licence == "MIT"));
		assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left");
		assert!(plan(&[]).err().unwrap().to_string().contains("--licence is missing"));
		let long = "x".repeat(65);
		for licence in ["", "MIT\n", "Apache-2.0 ©", long.as_str()] {
			let error = plan(&["--licence", licence]).err().unwrap().to_string();
			assert!(error.contains("1 to 64 of printable ASCII"), "{error}");
		}
		let mine = dir.path().join("mine");
		std::fs::write(&mine, "precious").unwrap();
		let name = format!(".{MANIFEST_FILE}.{}.try", std::process::id());
		std::os::unix::fs::symlink(&mine, dir.path().join(&name)).unwrap();
		assert!(check_writable(dir.path()).is_err(), "a link that leads elsewhere was followed");
		assert_eq!(std::fs::read_to_string(&mine).unwrap(), "precious");
		std::fs::remove_file(dir.path().join(name)).unwrap();
		let nowhere = dir.path().join("nowhere");
		let error = check_writable(&nowhere).unwrap_err().to_string();
		assert!(error.contains("nowhere") && error.contains("copy them"), "{error}");
		std::fs::create_dir(dir.path().join(MANIFEST_FILE)).unwrap();
		assert!(plan(&["--licence", "MIT"]).err().unwrap().to_string().contains("is no file"));
	}

	#[test]
	fn link_should_be_told_when_it_leads_out_of_the_folder() {
		let root = tempfile::tempdir().unwrap();
		let dir = root.path().join("model");
		std::fs::create_dir(&dir).unwrap();
		std::fs::write(root.path().join("secrets.json"), "{}").unwrap();
		std::fs::write(dir.join("config.json"), "{}").unwrap();
		std::os::unix::fs::symlink("config.json", dir.join("inside.json")).unwrap();
		assert_eq!(links(&dir, ["config.json", "inside.json"].into_iter()).unwrap(), None);
		std::os::unix::fs::symlink("../secrets.json", dir.join("notes.json")).unwrap();
		let warning = links(&dir, ["config.json", "inside.json", "notes.json"].into_iter()).unwrap().unwrap();
		assert!(warning.starts_with("1 of the files") && warning.contains("notes.json to "), "{warning}");
		assert!(warning.contains("secrets.json: what they lead to becomes part"), "{warning}");
	}

	#[test]
	fn numbers_should_be_grouped_by_thousands() {
		for (number, text) in [(0, "0"), (999, "999"), (1000, "1 000"), (859_520_964, "859 520 964")] {
			assert_eq!(grouped(number), text);
		}
	}
}
