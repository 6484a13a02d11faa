//! `autonomy-worker models`.

use std::{
	path::{Path, PathBuf},
	process::ExitCode,
};

use anyhow::{bail, Context, Result};
use autonomy_engine::{digest::cid_text, Architecture, Engine, InputSpec, Manifest, ManifestMeta};
use autonomy_primitives::{digest::Cid, job::JobInput, model::ModelLimits, ModelId};
use serde::Deserialize;
use serde_json::json;
use subxt::utils::Static;

use super::{add, hex32, versions, ChainArgs, SignerArgs};
use crate::{
	amount::Auton,
	artifacts::{self, Layered},
	chain::{
		api::{self, runtime_types::pallet_models::types::ModelDetails},
		node::Node,
		Chain,
	},
	config::{parse_digest, Config},
	run::{engine::run_model, models},
};

/// Models.
#[derive(clap::Subcommand)]
pub enum Command {
	/// Lists the models on chain.
	List {
		#[command(flatten)]
		chain: ChainArgs,
		/// One JSON object a line.
		#[arg(long)]
		json: bool,
	},
	/// Verifies the files of a model's folder and shows what its registration would say.
	Manifest {
		/// The folder.
		dir: PathBuf,
		/// One JSON object.
		#[arg(long)]
		json: bool,
	},
	/// Writes the manifest of a folder of weights: hashes the files and runs the golden job.
	Build {
		/// The folder.
		dir: PathBuf,
		/// JSON with name, version, architecture, licence, limits, and golden {input, seed}.
		#[arg(long, value_name = "FILE")]
		meta: PathBuf,
	},
	/// Registers a model on chain. The NFT of the model goes to the signer. The golden job is run first: a folder that
	/// does not reproduce its own manifest is not registered.
	Register(Register),
	/// From a folder of weights to a model on chain: looks at the files, writes the manifest if there is none, shows what was
	/// found, and registers it.
	Add(add::Add),
	/// Copies a model's files into the artifact store, where other operators can fetch them by CID.
	Publish {
		/// The folder.
		dir: PathBuf,
		#[command(flatten)]
		chain: ChainArgs,
	},
	/// Uploads a trained folder to the artifact store and proposes it as a version of a model. Anyone may; a deposit goes on
	/// hold until the proposal's end.
	Propose(versions::Propose),
	/// Orders the job that measures a proposed version on the model's evaluation set. Anyone may, and pays for the job.
	Evaluate(versions::OfProposal),
	/// Makes a proposed version the current one. The model's owner or community may.
	Accept(versions::OfProposal),
	/// Rejects a proposed version. The model's owner or community may.
	Reject(versions::OfProposal),
	/// Issues the shares of a contribution that have vested.
	Claim(versions::Claim),
	/// Uploads an evaluation set and names it in a model's charter. The model's owner or community may.
	SetEvaluationSet(versions::SetEvaluationSet),
}

/// Arguments of `models register`.
#[derive(clap::Args)]
pub struct Register {
	/// The folder.
	dir: PathBuf,
	/// Price of one unit of work for one operator, in AUTON: a denoise step over 64 × 64 pixels, or a token.
	#[arg(long, value_name = "AUTON")]
	price: Auton,
	/// Blocks that one job takes the slowest operator; operators have three times as long.
	#[arg(long, value_name = "BLOCKS", default_value_t = BUDGET)]
	budget: u32,
	#[command(flatten)]
	chain: ChainArgs,
	#[command(flatten)]
	signer: SignerArgs,
	/// One JSON object.
	#[arg(long)]
	json: bool,
}

/// Blocks of a job, unless said otherwise.
pub(super) const BUDGET: u32 = 20;

/// What `models build` reads.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Meta {
	name: String,
	version: String,
	architecture: Architecture,
	licence: String,
	limits: ModelLimits,
	golden: MetaGolden,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MetaGolden {
	input: InputSpec,
	seed: String,
}

/// Runs the command.
pub async fn execute(command: Command) -> Result<ExitCode> {
	match command {
		Command::List { chain, json } => list(&chain, json).await?,
		Command::Manifest { dir, json } => manifest(&dir, json)?,
		Command::Build { dir, meta } => build(&dir, &meta)?,
		Command::Register(args) => register(args).await?,
		Command::Add(args) => add::execute(args).await?,
		Command::Publish { dir, chain } => println!("{}", cid_text(&upload(&dir, &chain.config()?).await?)),
		Command::Propose(args) => versions::propose(args).await?,
		Command::Evaluate(args) => versions::evaluate(args).await?,
		Command::Accept(args) => versions::accept(args).await?,
		Command::Reject(args) => versions::reject(args).await?,
		Command::Claim(args) => versions::claim(args).await?,
		Command::SetEvaluationSet(args) => versions::set_evaluation_set(args).await?,
	}
	Ok(ExitCode::SUCCESS)
}

/// Copies a model's files into the artifact store and its mirrors.
pub(super) async fn upload(dir: &Path, config: &Config) -> Result<Cid> {
	let store = artifacts::open(config)?;
	let key = models::publish(dir, &store).await?;
	flush(&store).await?;
	Ok(key)
}

/// Sends what is in the store to its mirrors. A mirror that fails is said on standard error, and tried again by `run`.
pub(super) async fn flush(store: &Layered) -> Result<()> {
	for failed in store.flush().await? {
		let (files, error) = (failed.waiting, failed.error);
		eprintln!("warning: {files} files wait for a mirror, `run` goes on trying: {error}");
	}
	Ok(())
}

/// The manifest of a folder and the input of its golden job, once that gave the result of the manifest here.
pub(super) async fn golden(dir: &Path) -> Result<(Manifest, JobInput)> {
	let dir = dir.to_path_buf();
	tokio::task::spawn_blocking(move || -> Result<_> {
		let model = Engine::open(&dir)?;
		let manifest = model.manifest().clone();
		let input = manifest.golden.input.to_job_input()?;
		let computed = run_model(&model, &input, manifest.golden.seed.0, [0; 32], &mut |_| true)?;
		if computed.result != manifest.golden.result.0 {
			bail!(
				"{}: the golden job gave {} here, the manifest says {}: this folder is not put on chain",
				dir.display(),
				hex32(&computed.result),
				hex32(&manifest.golden.result.0)
			);
		}
		Ok((manifest, input))
	})
	.await?
}

async fn list(chain: &ChainArgs, json: bool) -> Result<()> {
	let (_, node) = chain.node()?;
	let count = node.models_count().await?;
	if count == 0 && !json {
		println!("no models are registered");
	}
	for id in 0..count {
		let Some(model) = node.model(id).await? else { continue };
		let owner = model.owner.as_ref().map(ToString::to_string);
		if json {
			let line = json!({
				"model": id, "modality": model.modality, "manifest": cid_text(&model.manifest), "owner": owner,
				"price_per_unit": Auton(model.price_per_unit).to_string(), "budget": model.budget,
				"weights_root": hex32(&model.weights_root), "engine": hex32(&model.engine), "licence": model.licence,
				"limits": model.limits, "active": model.active,
			});
			println!("{line}");
		} else {
			println!(
				"model {id}  {:?}  {} AUTON a unit  {}  owner {}  manifest {}",
				model.modality,
				Auton(model.price_per_unit),
				if model.active { "active" } else { "closed" },
				owner.as_deref().unwrap_or("none"),
				cid_text(&model.manifest),
			);
		}
	}
	Ok(())
}

fn manifest(dir: &Path, json: bool) -> Result<()> {
	let manifest = Manifest::load(dir)?;
	manifest.verify(dir)?;
	let cid = cid_text(&models::manifest_cid(dir)?);
	if json {
		let line = json!({
			"name": manifest.name, "version": manifest.version, "modality": manifest.modality, "manifest": cid,
			"weights_root": hex32(&manifest.weights_root.0), "engine": hex32(&manifest.engine.0),
			"licence": manifest.licence, "bytes": manifest.total_size(), "files": manifest.files.len(),
			"golden_result": hex32(&manifest.golden.result.0),
		});
		println!("{line}");
		return Ok(());
	}
	println!("name          {} {}", manifest.name, manifest.version);
	println!("modality      {:?}", manifest.modality);
	println!("manifest      {cid}");
	println!("weights root  {}", hex32(&manifest.weights_root.0));
	println!("engine        {}", hex32(&manifest.engine.0));
	println!("golden result {}", hex32(&manifest.golden.result.0));
	println!("licence       {}", manifest.licence);
	println!("files         {} verified, {} bytes", manifest.files.len(), manifest.total_size());
	Ok(())
}

fn build(dir: &Path, meta: &Path) -> Result<()> {
	let manifest = Manifest::build(dir, read_meta(meta)?)?;
	manifest.write(dir)?;
	println!("{}", cid_text(&manifest.cid()));
	Ok(())
}

/// What a person says of a model, from a file.
pub(super) fn read_meta(file: &Path) -> Result<ManifestMeta> {
	let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
	let meta: Meta = serde_json::from_slice(&bytes).with_context(|| file.display().to_string())?;
	let golden_seed = parse_digest(&meta.golden.seed)
		.with_context(|| format!("golden.seed: '{}' is not 64 hexadecimal digits", meta.golden.seed))?;
	Ok(ManifestMeta {
		name: meta.name,
		version: meta.version,
		architecture: meta.architecture,
		licence: meta.licence,
		limits: meta.limits,
		golden_input: meta.golden.input,
		golden_seed,
	})
}

async fn register(args: Register) -> Result<()> {
	let (_, node, pair) = args.signer.node(&args.chain).await?;
	let (manifest, golden_input) = golden(&args.dir).await?;
	let registered = put_on_chain(&node, &args.dir, &manifest, golden_input, args.price, args.budget).await?;
	let (owner, cid) = (crate::keys::account(&pair), cid_text(&registered.manifest));
	if args.json {
		let line = json!({
			"model": registered.model, "name": manifest.name, "manifest": cid, "owner": owner.to_string(),
			"deposit": registered.deposit.to_string(), "price_per_unit": args.price.to_string(),
		});
		println!("{line}");
	} else {
		println!(
			"model {} \"{}\" {:?} manifest {cid} owner {owner} deposit {} AUTON",
			registered.model, manifest.name, manifest.modality, registered.deposit
		);
	}
	Ok(())
}

/// A model that was put on chain.
pub(super) struct Registered {
	/// Its number.
	pub model: ModelId,
	/// CID of its manifest.
	pub manifest: Cid,
	/// What the chain holds for it.
	pub deposit: Auton,
}

/// Refuses a licence that the chain would not take.
pub(super) fn check_licence(licence: &str) -> Result<()> {
	let printable = licence.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
	match licence.len() {
		1..=64 if printable => Ok(()),
		bytes => bail!(
			"licence {licence:?} has {bytes} bytes, the chain takes 1 to 64 of printable ASCII: give an SPDX expression, such \
			 as MIT"
		),
	}
}

/// Registers the model of a folder whose golden job gave what its manifest says.
pub(super) async fn put_on_chain(
	node: &Node,
	dir: &Path,
	manifest: &Manifest,
	golden_input: JobInput,
	price: Auton,
	budget: u32,
) -> Result<Registered> {
	let cid = models::manifest_cid(dir)?;
	if let Some(model) = node.model_by_manifest(cid).await? {
		bail!("{}: its manifest {} is registered already as model {model}", dir.display(), cid_text(&cid));
	}
	check_licence(&manifest.licence)?;
	let licence = manifest.licence.as_bytes();
	let details = ModelDetails {
		modality: Static(manifest.modality),
		manifest: cid,
		weights_root: manifest.weights_root.0,
		engine: manifest.engine.0,
		limits: Static(manifest.limits),
		price_per_unit: price.0,
		budget,
		golden_input: Box::new(Static(golden_input)),
		golden_seed: manifest.golden.seed.0,
		golden_result: manifest.golden.result.0,
		licence: api::runtime_types::bounded_collections::bounded_vec::BoundedVec(licence.to_vec()),
	};
	let events = node.transact("models.register", &api::transactions().models().register(details)).await?;
	let event = events.find_first::<api::models::events::ModelRegistered>().context("no ModelRegistered event")??;
	Ok(Registered { model: event.model, manifest: cid, deposit: Auton(event.deposit) })
}
