//! `autonomy-worker models add`.

use std::path::{Path, PathBuf};

use anyhow::{bail, Context, Result};
use autonomy_engine::{
	digest::cid_text,
	weights::{model_dir, survey, Survey, SurveyPart, MANIFEST_FILE},
	Architecture, InputSpec, Manifest, ManifestMeta,
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
use crate::{amount::Auton, keys, run::models::manifest_cid};

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

/// Arguments of `models add`.
#[derive(clap::Args)]
pub struct Add {
	/// A folder as diffusers or transformers write it, or a checkpoint alone in a folder with its tokenizer. Without a
	/// manifest.json one is made.
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
	/// Name of the model; by default that of the folder.
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

/// What a folder has, and what it is registered with.
struct Found {
	survey: Survey,
	manifest: Manifest,
	/// CID of the manifest's file.
	cid: Cid,
	golden_input: JobInput,
	/// Whether the folder had no manifest.
	is_new: bool,
}

/// Runs the command.
pub async fn execute(mut args: Add) -> Result<()> {
	let signed = match (&args.signer, args.price) {
		_ if args.dry_run => None,
		(Some(signer), Some(price)) => Some((signer.node(&args.chain).await?, price)),
		(None, _) => {
			bail!("a registration is signed: give a key by --key, --suri-env or --dev, or --dry-run to look only")
		}
		(_, None) => bail!("--price is missing"),
	};
	args.path = model_dir(&args.path)?;
	let found = look(&args).await?;
	if !args.json {
		found.print();
	}
	let Some(((_, node, pair), price)) = signed else {
		match args.json {
			true => println!("{}", found.json()),
			false => println!("nothing was written or registered (--dry-run)"),
		}
		return Ok(());
	};
	let Found { manifest, golden_input, is_new, .. } = &found;
	if *is_new {
		manifest.write(&args.path)?;
	}
	let registered = put_on_chain(&node, &args.path, manifest, golden_input.clone(), price, args.budget).await?;
	let (owner, deposit) = (keys::account(&pair), registered.deposit);
	if args.json {
		let mut line = found.json();
		line["model"] = json!(registered.model);
		line["owner"] = json!(owner.to_string());
		line["deposit"] = json!(deposit.to_string());
		line["price_per_unit"] = json!(price.to_string());
		println!("{line}");
		return Ok(());
	}
	println!("model {} of {owner}, deposit {deposit} AUTON, {price} AUTON a unit", registered.model);
	println!("next: autonomy-worker models publish {}", args.path.display());
	Ok(())
}

/// Looks at the folder and at its manifest, or makes one. Either way the golden job was run here.
async fn look(args: &Add) -> Result<Found> {
	let dir = args.path.clone();
	let survey = tokio::task::spawn_blocking(move || survey(&dir)).await??;
	if args.path.join(MANIFEST_FILE).is_file() {
		let given = [
			("meta", args.meta.is_some()),
			("licence", args.licence.is_some()),
			("name", args.name.is_some()),
			("weights-version", args.weights_version.is_some()),
			("prompt", args.prompt.is_some()),
		];
		if let Some((option, _)) = given.into_iter().find(|(_, given)| *given) {
			let file = args.path.join(MANIFEST_FILE);
			bail!("--{option} is for a folder without a manifest, and {} is there: delete one of them", file.display());
		}
		let (manifest, golden_input) = golden(&args.path).await?;
		let cid = manifest_cid(&args.path)?;
		return Ok(Found { survey, manifest, cid, golden_input, is_new: false });
	}
	let meta = match &args.meta {
		Some(file) => read_meta(file)?,
		None => args.meta_of(&survey)?,
	};
	check_licence(&meta.licence)?;
	if meta.architecture != survey.architecture {
		bail!("{} is {:?}, --meta says {:?}", args.path.display(), survey.architecture, meta.architecture);
	}
	let dir = args.path.clone();
	let manifest = tokio::task::spawn_blocking(move || Manifest::build(&dir, meta)).await??;
	let golden_input = manifest.golden.input.to_job_input()?;
	let cid = manifest.cid();
	Ok(Found { survey, manifest, cid, golden_input, is_new: true })
}

impl Add {
	/// What nobody has to say of a model of a known kind.
	fn meta_of(&self, survey: &Survey) -> Result<ManifestMeta> {
		let licence = self.licence.clone().context("--licence is missing: an SPDX expression, such as Apache-2.0")?;
		let name = match &self.name {
			Some(name) => name.clone(),
			None => folder_name(&self.path)?,
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

impl Found {
	fn print(&self) {
		let (survey, manifest) = (&self.survey, &self.manifest);
		let architecture = json!(survey.architecture);
		let class = if survey.class.is_empty() { String::new() } else { format!(" ({})", survey.class) };
		println!("name          {} {}", manifest.name, manifest.version);
		println!("architecture  {}{class}", architecture.as_str().unwrap_or_default());
		for part in &survey.parts {
			let dtypes: Vec<&str> = part.dtypes.iter().map(String::as_str).collect();
			println!(
				"network       {}: {} parameters in {} tensors, {}",
				part.name,
				grouped(part.parameters),
				part.tensors,
				dtypes.join(" and ")
			);
		}
		println!("parameters    {}", grouped(survey.parameters()));
		println!("limits        {}", limits(manifest.modality, &manifest.limits));
		println!("files         {}, {} bytes", manifest.files.len(), grouped(manifest.total_size()));
		println!("licence       {}", manifest.licence);
		println!("manifest      {}{}", cid_text(&self.cid), if self.is_new { " (new)" } else { "" });
		println!("weights root  {}", hex32(&manifest.weights_root.0));
		println!("engine        {}", hex32(&manifest.engine.0));
		println!("golden result {}", hex32(&manifest.golden.result.0));
		println!("golden file   {}", manifest.golden.artifact);
	}

	fn json(&self) -> Value {
		let (survey, manifest) = (&self.survey, &self.manifest);
		let part = |part: &SurveyPart| {
			json!({
				"name": part.name, "files": part.files, "tensors": part.tensors, "parameters": part.parameters,
				"dtypes": part.dtypes,
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
		Modality::Image
		| Modality::Animation
		| Modality::SpriteSheet
		| Modality::Tile
		| Modality::Evaluation => {
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

	#[test]
	fn numbers_should_be_grouped_by_thousands() {
		for (number, text) in [(0, "0"), (999, "999"), (1000, "1 000"), (859_520_964, "859 520 964")] {
			assert_eq!(grouped(number), text);
		}
	}
}
