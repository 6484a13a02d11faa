//! `autonomy-worker models propose`, `evaluate`, `accept`, `reject`, `claim` and `set-evaluation-set`: from trained weights
//! to shares.

use std::{
	path::{Path, PathBuf},
	str::FromStr,
};

use anyhow::{bail, Context, Result};
use autonomy_engine::{
	digest::{cid_text, parse_cid},
	Manifest,
};
use autonomy_primitives::{
	digest::{cid, Cid},
	job::{JobInput, Modality},
	ModelId,
};
use autonomy_train::finetune::{EvaluationSet, RECIPE_FILE};
use serde_json::json;

use super::{hex32, models::upload, ChainArgs, SignerArgs};
use crate::{
	amount::Auton,
	artifacts::{self, ArtifactStore},
	chain::{
		api::{
			self,
			models::events,
			runtime_types::{
				bounded_collections::bounded_vec::BoundedVec,
				pallet_models::types::{Candidate, Charter, Contribution, ContributionKind},
				sp_arithmetic::per_things::Permill,
			},
		},
		AccountId, Chain, ModelView,
	},
	config::{parse_digest, Config},
	keys,
};

/// Longest licence that the chain takes, in bytes.
const LICENCE_BYTES: usize = 64;

/// Which chain, whose signature, and how the result is printed.
#[derive(clap::Args)]
pub struct Signed {
	#[command(flatten)]
	chain: ChainArgs,
	#[command(flatten)]
	signer: SignerArgs,
	/// One JSON object.
	#[arg(long)]
	json: bool,
}

/// What was given for a version.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
enum Given {
	/// A data set: --dataset, --size and --licence.
	Data,
	/// Compute: a run that anybody can repeat, by --recipe and --digest.
	Compute,
	/// Work: new weights, or an adapter merged into them.
	Training,
}

/// Arguments of `models propose`.
#[derive(clap::Args)]
pub struct Propose {
	/// Number of the model.
	model: ModelId,
	/// Folder of the trained model.
	dir: PathBuf,
	/// What was given for it; the model's charter says how much each kind weighs.
	#[arg(long, value_name = "KIND")]
	contribution: Given,
	/// CID of the data set.
	#[arg(long, value_name = "CID", required_if_eq("contribution", "data"))]
	dataset: Option<String>,
	/// Bytes of the data set.
	#[arg(long, value_name = "BYTES", required_if_eq("contribution", "data"))]
	size: Option<u64>,
	/// Licence of the data set: an SPDX expression.
	#[arg(long, value_name = "SPDX", required_if_eq("contribution", "data"))]
	licence: Option<String>,
	/// CID of the recipe, for compute; by default that of the folder's recipe.json.
	#[arg(long, value_name = "CID")]
	recipe: Option<String>,
	/// What running the recipe again must give, for compute: 64 hexadecimal digits; by default the weights root.
	#[arg(long, value_name = "HEX")]
	digest: Option<String>,
	/// Who gets the shares; by default whoever signs.
	#[arg(long, value_name = "ACCOUNT")]
	beneficiary: Option<AccountId>,
	#[command(flatten)]
	signed: Signed,
}

/// Arguments of `models evaluate`, `accept` and `reject`.
#[derive(clap::Args)]
pub struct OfProposal {
	/// Number of the proposal.
	proposal: u64,
	#[command(flatten)]
	signed: Signed,
}

/// Arguments of `models claim`.
#[derive(clap::Args)]
pub struct Claim {
	/// Number of the model.
	model: ModelId,
	/// Number of the contribution, which is that of the version that it made.
	contribution: u32,
	#[command(flatten)]
	signed: Signed,
}

/// Arguments of `models set-evaluation-set`.
#[derive(clap::Args)]
pub struct SetEvaluationSet {
	/// Number of the model.
	model: ModelId,
	/// The evaluation set, as `train` writes it.
	file: PathBuf,
	/// Accept a version at once when its held-out loss is lower by at least this; without it the charter's stays.
	#[arg(long, value_name = "PERCENT")]
	accept_at_gain: Option<Percent>,
	#[command(flatten)]
	signed: Signed,
}

/// A share in percent with up to four decimals, kept in parts per million.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Percent(u32);

impl FromStr for Percent {
	type Err = String;

	fn from_str(text: &str) -> Result<Self, String> {
		let wrong =
			|| format!("'{text}' is not a number of percent from 0 to 100 with at most 4 decimals, such as 2.5");
		let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
		let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
		if !digits(whole) || !digits(fraction) || whole.len() > 3 || fraction.len() > 4 {
			return Err(wrong());
		}
		let parse = |digits: &str| digits.parse::<u32>().map_err(|_| wrong());
		let parts = parse(whole)? * 10_000 + parse(&format!("{fraction:0<4}"))?;
		if parts > 1_000_000 {
			return Err(wrong());
		}
		Ok(Self(parts))
	}
}

/// Parts per million as percent.
fn percent(parts: u32) -> String {
	format!("{} %", f64::from(parts) / 10_000.0)
}

/// Uploads a folder and proposes it as a version.
pub async fn propose(args: Propose) -> Result<()> {
	let kind = args.kind(&Manifest::load(&args.dir)?)?;
	let (config, node, pair) = args.signed.signer.node(&args.signed.chain).await?;
	let view = node.model(args.model).await?.with_context(|| format!("model {} is not on chain", args.model))?;
	let (manifest, golden_input) = super::models::golden(&args.dir).await?;
	fits(&args.dir, &manifest, &golden_input, &view)?;
	let signer = keys::account(&pair);
	let beneficiary = args.beneficiary.unwrap_or(signer);
	let key = upload(&args.dir, &config).await?;
	let (weights_root, golden_result) = (manifest.weights_root.0, manifest.golden.result.0);
	let candidate = Candidate { manifest: key, weights_root, golden_result };
	let contribution = Contribution { kind, beneficiary };
	let call = api::transactions().models().propose_version(args.model, candidate, contribution);
	let done = node.transact("models.propose_version", &call).await?;
	let event = done.find_first::<events::VersionProposed>().context("no VersionProposed event")??;
	let (proposal, deposit, weight) = (event.proposal, Auton(event.deposit), event.class_weight.0);
	if args.signed.json {
		let line = json!({
			"proposal": proposal, "model": args.model, "manifest": cid_text(&key), "expires": event.expires,
			"deposit": deposit.to_string(), "class_weight_ppm": weight, "beneficiary": beneficiary.to_string(),
		});
		println!("{line}");
		return Ok(());
	}
	println!("proposal {proposal} of model {}: \"{}\" {}", args.model, manifest.name, manifest.version);
	println!("manifest {} is in the artifact store", cid_text(&key));
	println!(
		"deposit {deposit} AUTON of {signer}, returned when the proposal ends, at block {} at the latest",
		event.expires
	);
	println!("a gain is worth its size times {} of the shares that are left, for {beneficiary}", percent(weight));
	println!("next: autonomy-worker models evaluate {proposal}");
	println!("then, unless the charter accepts it by itself, the owner: autonomy-worker models accept {proposal}");
	Ok(())
}

impl Propose {
	fn kind(&self, manifest: &Manifest) -> Result<ContributionKind> {
		let options = [
			("dataset", self.dataset.is_some(), Given::Data),
			("size", self.size.is_some(), Given::Data),
			("licence", self.licence.is_some(), Given::Data),
			("recipe", self.recipe.is_some(), Given::Compute),
			("digest", self.digest.is_some(), Given::Compute),
		];
		if let Some((option, ..)) = options.iter().find(|(_, given, kind)| *given && *kind != self.contribution) {
			let kind = format!("{:?}", self.contribution).to_lowercase();
			bail!("--{option} does not belong to --contribution {kind}");
		}
		Ok(match self.contribution {
			Given::Data => {
				let dataset = self.dataset.as_deref().context("--dataset is missing")?;
				let licence = self.licence.as_deref().context("--licence is missing")?;
				if licence.is_empty() || licence.len() > LICENCE_BYTES {
					bail!("licence '{licence}' has {} bytes, the chain takes 1 to {LICENCE_BYTES}", licence.len());
				}
				ContributionKind::Data {
					dataset: parse("--dataset", dataset)?,
					size: self.size.context("--size is missing")?,
					licence: BoundedVec(licence.as_bytes().to_vec()),
				}
			}
			Given::Compute => {
				let recipe = match &self.recipe {
					Some(text) => parse("--recipe", text)?,
					None => {
						let path = self.dir.join(RECIPE_FILE);
						cid(&std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?)
					}
				};
				let digest = match &self.digest {
					Some(text) => {
						parse_digest(text).with_context(|| format!("--digest '{text}' is not 64 hexadecimal digits"))?
					}
					None => manifest.weights_root.0,
				};
				ContributionKind::Compute { recipe, digest }
			}
			Given::Training => ContributionKind::Training,
		})
	}
}

fn parse(option: &str, text: &str) -> Result<Cid> {
	parse_cid(text).with_context(|| format!("{option} '{text}' is not a CID of version 1, raw, SHA-256"))
}

/// Whether a folder can be a version of a model: everything but the weights stays as it is registered.
fn fits(dir: &Path, manifest: &Manifest, golden_input: &JobInput, view: &ModelView) -> Result<()> {
	let (folder, model) = (dir.display(), view.id);
	if manifest.modality != view.modality {
		bail!("{folder} makes {:?}, model {model} makes {:?}", manifest.modality, view.modality);
	}
	if manifest.engine.0 != view.engine {
		bail!("{folder} is of engine {}, model {model} of {}", hex32(&manifest.engine.0), hex32(&view.engine));
	}
	if manifest.limits != view.limits {
		bail!("{folder} has limits {:?}, model {model} has {:?}: they stay", manifest.limits, view.limits);
	}
	if *golden_input != view.golden_input || manifest.golden.seed.0 != view.golden_seed {
		bail!("{folder}: its golden job has another input or seed than that of model {model}: begin with that model");
	}
	if manifest.weights_root.0 == view.weights_root {
		bail!("{folder} has the weights of the current version of model {model}: there is nothing to propose");
	}
	Ok(())
}

/// Orders the job that measures a proposal.
pub async fn evaluate(args: OfProposal) -> Result<()> {
	let (_, node, _) = args.signed.signer.node(&args.signed.chain).await?;
	let done = node.transact("models.evaluate", &api::transactions().models().evaluate(args.proposal)).await?;
	let event = done.find_first::<events::EvaluationOrdered>().context("no EvaluationOrdered event")??;
	if args.signed.json {
		let line = json!({
			"proposal": event.proposal, "job": event.job, "base_version": event.base,
			"evaluation_set": cid_text(&event.evaluation_set),
		});
		println!("{line}");
		return Ok(());
	}
	println!("job {} compares proposal {} with version {}", event.job, event.proposal, event.base);
	println!("evaluation set {}", cid_text(&event.evaluation_set));
	println!("next: autonomy-worker show {}", event.job);
	Ok(())
}

/// Makes a proposal the current version.
pub async fn accept(args: OfProposal) -> Result<()> {
	let (_, node, _) = args.signed.signer.node(&args.signed.chain).await?;
	let call = api::transactions().models().accept_version(args.proposal);
	let done = node.transact("models.accept_version", &call).await?;
	let event = done.find_first::<events::VersionAccepted>().context("no VersionAccepted event")??;
	if args.signed.json {
		let line = json!({
			"proposal": event.proposal, "model": event.model, "version": event.version, "gain_ppm": event.gain,
			"granted": event.granted.to_string(), "beneficiary": event.beneficiary.to_string(),
		});
		println!("{line}");
		return Ok(());
	}
	println!("version {} of model {} is current, with a gain of {}", event.version, event.model, percent(event.gain));
	println!("{} shares vest for {}", event.granted, event.beneficiary);
	println!("next, for the beneficiary: autonomy-worker models claim {} {}", event.model, event.version);
	Ok(())
}

/// Closes a proposal.
pub async fn reject(args: OfProposal) -> Result<()> {
	let (_, node, _) = args.signed.signer.node(&args.signed.chain).await?;
	let call = api::transactions().models().reject_version(args.proposal);
	let done = node.transact("models.reject_version", &call).await?;
	let event = done.find_first::<events::ProposalClosed>().context("no ProposalClosed event")??;
	match args.signed.json {
		true => println!("{}", json!({ "proposal": event.proposal, "rejected": true })),
		false => println!("proposal {} is rejected, its deposit is returned", event.proposal),
	}
	Ok(())
}

/// Issues shares that have vested.
pub async fn claim(args: Claim) -> Result<()> {
	let (_, node, _) = args.signed.signer.node(&args.signed.chain).await?;
	let call = api::transactions().models().claim_vested(args.model, args.contribution);
	let done = node.transact("models.claim_vested", &call).await?;
	let event = done.find_first::<events::SharesClaimed>().context("no SharesClaimed event")??;
	if args.signed.json {
		let line = json!({
			"model": event.model, "contribution": event.contribution, "amount": event.amount.to_string(),
			"beneficiary": event.beneficiary.to_string(),
		});
		println!("{line}");
		return Ok(());
	}
	println!("{} shares of model {} are issued to {}", event.amount, event.model, event.beneficiary);
	println!("bonded behind the model they earn and vote; the rest vests");
	Ok(())
}

/// Uploads an evaluation set and names it in the model's charter.
pub async fn set_evaluation_set(args: SetEvaluationSet) -> Result<()> {
	let bytes = std::fs::read(&args.file).with_context(|| format!("cannot read {}", args.file.display()))?;
	let set = EvaluationSet::from_json(&bytes).with_context(|| args.file.display().to_string())?;
	let (config, node, _) = args.signed.signer.node(&args.signed.chain).await?;
	let view = node.model(args.model).await?.with_context(|| format!("model {} is not on chain", args.model))?;
	let of = match set {
		EvaluationSet::Image(_) => Modality::Image,
		EvaluationSet::Text(_) => Modality::Text,
	};
	if of != view.modality {
		bail!("{} is a set of {of:?}, model {} makes {:?}", args.file.display(), args.model, view.modality);
	}
	let key = upload_file(bytes, &config).await?;
	let before = node.charter(args.model).await?;
	let accept_at_gain = args.accept_at_gain.map(|Percent(parts)| Permill(parts)).or(before.accept_at_gain);
	let charter = Charter { accept_at_gain, evaluation_set: Some(key), ..before };
	let call = api::transactions().models().set_charter(args.model, charter);
	let done = node.transact("models.set_charter", &call).await?;
	let event = done.find_first::<events::CharterSet>().context("no CharterSet event")??;
	let gain = event.charter.accept_at_gain.map(|Permill(parts)| parts);
	if args.signed.json {
		let line = json!({
			"model": args.model, "evaluation_set": cid_text(&key), "samples": set.samples(), "accept_at_gain_ppm": gain,
		});
		println!("{line}");
		return Ok(());
	}
	println!("versions of model {} are measured on {}, {} samples", args.model, cid_text(&key), set.samples());
	match gain {
		Some(parts) => println!("what lowers the loss by {} or more is accepted at once", percent(parts)),
		None => println!("nothing is accepted by itself; --accept-at-gain PERCENT changes that"),
	}
	Ok(())
}

/// Puts one file into the artifact store, where it stays whatever the age and the quota.
async fn upload_file(bytes: Vec<u8>, config: &Config) -> Result<Cid> {
	let (store, key) = (artifacts::open(config)?, cid(&bytes));
	store.pin(key).await?;
	store.put(key, bytes).await?;
	super::models::flush(&store).await?;
	Ok(key)
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::chain::memory;
	use clap::Parser;

	#[derive(clap::Parser)]
	struct Line {
		#[command(flatten)]
		propose: Propose,
	}

	fn line(options: &[&str]) -> Result<Propose, String> {
		let words = [&["propose", "0", "models/keeper", "--dev", "alice"][..], options].concat();
		Line::try_parse_from(words).map(|line| line.propose).map_err(|error| error.to_string())
	}

	fn manifest() -> Manifest {
		Manifest::load("models/keeper").unwrap()
	}

	const FILE: &str = "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq";

	#[test]
	fn percent_should_be_exact() {
		for (text, parts) in [("0", 0), ("2.5", 25_000), ("0.0001", 1), ("100", 1_000_000), ("12", 120_000)] {
			assert_eq!(text.parse(), Ok(Percent(parts)), "{text}");
		}
		for text in ["", "100.0001", "-1", "1e2", "0.00001", "1.", ".5", "1000", "5%"] {
			assert!(text.parse::<Percent>().unwrap_err().contains(text), "{text}");
		}
		assert_eq!(percent(25_000), "2.5 %");
	}

	#[test]
	fn contribution_should_hold_what_its_kind_needs() {
		let data = ["--contribution", "data", "--dataset", FILE, "--size", "1000", "--licence", "CC0-1.0"];
		match line(&data).unwrap().kind(&manifest()).unwrap() {
			ContributionKind::Data { dataset, size, licence } => {
				assert_eq!((dataset, size, licence.0), (cid(b"hello"), 1000, b"CC0-1.0".to_vec()));
			}
			_ => panic!("another kind"),
		}
		let folder_recipe = cid(&std::fs::read("models/keeper/recipe.json").unwrap());
		for (options, recipe, digest) in [
			(&["--contribution", "compute"][..], folder_recipe, manifest().weights_root.0),
			(
				&["--contribution", "compute", "--recipe", FILE, "--digest", &"0a".repeat(32)][..],
				cid(b"hello"),
				[10; 32],
			),
		] {
			match line(options).unwrap().kind(&manifest()).unwrap() {
				ContributionKind::Compute { recipe: r, digest: d } => assert_eq!((r, d), (recipe, digest)),
				_ => panic!("another kind"),
			}
		}
		let kind = line(&["--contribution", "training"]).unwrap().kind(&manifest()).unwrap();
		assert!(matches!(kind, ContributionKind::Training));
	}

	#[test]
	fn contribution_should_be_refused_with_the_option_that_is_wrong() {
		assert!(line(&[]).err().unwrap().contains("--contribution"));
		assert!(line(&["--contribution", "data", "--dataset", FILE]).err().unwrap().contains("--licence"));
		let refuse = |options: &[&str], word: &str| {
			let Err(error) = line(options).unwrap().kind(&manifest()) else { panic!("{options:?}") };
			assert!(error.to_string().contains(word), "{error}");
		};
		let data = |cid| ["--contribution", "data", "--dataset", cid, "--size", "1", "--licence", ""];
		refuse(&data("nonsense"), "licence ''");
		let mut options = data("nonsense");
		options[7] = "MIT";
		refuse(&options, "--dataset 'nonsense'");
		refuse(&["--contribution", "compute", "--digest", "12"], "--digest '12'");
		refuse(&["--contribution", "training", "--size", "1"], "--size");
		refuse(&["--contribution", "compute", "--licence", "MIT"], "--licence");
	}

	#[test]
	fn folder_should_be_refused_when_more_than_its_weights_differs() {
		let manifest = manifest();
		let input = manifest.golden.input.to_job_input().unwrap();
		let right = ModelView {
			modality: manifest.modality,
			engine: manifest.engine.0,
			limits: manifest.limits,
			golden_input: input.clone(),
			golden_seed: manifest.golden.seed.0,
			weights_root: [1; 32],
			..memory::model(4)
		};
		let check = |view: &ModelView| fits(Path::new("out"), &manifest, &input, view);
		check(&right).unwrap();
		let refuse = |view: ModelView, word: &str| {
			let error = check(&view).unwrap_err().to_string();
			assert!(error.contains("out") && error.contains(word), "{error}");
		};
		refuse(ModelView { modality: Modality::Image, ..right.clone() }, "makes Text");
		refuse(ModelView { engine: [9; 32], ..right.clone() }, "engine");
		refuse(ModelView { golden_seed: [9; 32], ..right.clone() }, "golden job");
		refuse(ModelView { limits: Default::default(), ..right.clone() }, "limits");
		refuse(ModelView { weights_root: manifest.weights_root.0, ..right.clone() }, "current version");
	}
}
