//! A lie that chance does not find is found by whoever runs the job again.

use std::{
	fs::File,
	process::{Child, Command, Stdio},
};

use anyhow::{Context, Result};
use autonomy_e2e::{
	client::{account, bytes, key, list, Client, Event, Sent},
	input::{model, some, text, user_seed},
	model_dir,
	node::Node,
	program, tail,
	worker::{self, register_model, Worker},
	AUTON,
};
use autonomy_primitives::digest::{cid, commitment, Sealed};
use futures::future::try_join_all;
use subxt::dynamic::{At, Value};
use subxt_signer::sr25519::Keypair;
use tempfile::TempDir;

/// Chance has one in five replies audited: of so many lies it leaves one alone, all but surely.
const LIES: u8 = 4;
const JURORS: usize = 4;
const CHALLENGER: &str = "//Alice//e2e//challenger";

/// A chain with a model, and an operator that never runs it.
struct Stage {
	client: Client,
	liar: Keypair,
	worker: Keypair,
	requester: Keypair,
	model: u32,
	node: Node,
}

async fn set_up() -> Result<Stage> {
	let node = Node::start(500).await?;
	let client = node.client().await?;
	let model = register_model(&node.url(), &model_dir(model::KEEPER))?;
	let names = ["liar", "liar-worker", "requester", "challenger"].map(|name| key(&format!("//Alice//e2e//{name}")));
	let funds: Vec<_> = names.iter().map(|name| (account(name), 1_000)).collect();
	client.fund_all(&funds).await?;
	let [liar, worker, requester, _] = names;
	worker::register(&client, &liar, &account(&worker), &[model]).await?;
	let registered = worker::model(&client, model).await?;
	let golden = bytes(registered.at("golden_result").context("a model has a golden result")?);
	let proof = vec![Value::u128(model.into()), Value::from_bytes(golden)];
	client.call("Inference", "prove_engine", proof, &worker).await?;
	Ok(Stage { client, liar, worker, requester, model, node })
}

impl Stage {
	/// Orders a reply while the liar is the only operator, which gives it the seat.
	async fn order(&self, n: u8) -> Result<(u64, Sent)> {
		let arguments = vec![
			Value::u128(self.model.into()),
			text("who are you?", 8),
			some(Value::u128(1)),
			Value::unnamed_variant("None", []),
			user_seed(n),
			Value::u128(100 * AUTON),
		];
		let sent = self.client.call("Inference", "submit_job", arguments, &self.requester).await?;
		let job = sent.event("Inference", "JobSubmitted").number("job");
		let drawn = |e: &Event| e.is("Inference", "JobAssigned") && e.number("job") == job;
		let assigned = self.client.wait_for(sent.block, "JobAssigned", drawn).await?;
		assert_eq!(bytes(list(assigned.field("operators"))[0]), account(&self.liar));
		Ok((u64::try_from(job)?, sent))
	}

	async fn lie(&self, job: u64, n: u8) -> Result<()> {
		let sealed = Sealed { result: [n; 32], trace_root: [n; 32], artifact: cid(&[n]), salt: [n; 32] };
		let hash = commitment(job, 0, &account(&self.liar), &sealed);
		let arguments = vec![Value::u128(job.into()), Value::from_bytes(hash)];
		self.client.call("Inference", "commit", arguments, &self.worker).await?;
		let outcome = Value::named_composite([
			("result", Value::from_bytes(sealed.result)),
			("trace_root", Value::from_bytes(sealed.trace_root)),
			("artifact", Value::from_bytes(sealed.artifact)),
		]);
		let liar = Value::from_bytes(account(&self.liar));
		let nothing = Value::unnamed_variant("None", []);
		let arguments = vec![Value::u128(job.into()), liar, outcome, Value::from_bytes(sealed.salt), nothing];
		self.client.call("Inference", "reveal", arguments, &self.worker).await?;
		Ok(())
	}
}

/// `autonomy-worker watch` with a key of its own.
struct Watch {
	child: Child,
	dir: TempDir,
}

impl Watch {
	fn start(url: &str) -> Result<Self> {
		let dir = tempfile::tempdir()?;
		let log = File::create(dir.path().join("watch.log"))?;
		let config = dir.path().join("worker.toml");
		let models = model_dir(model::KEEPER);
		std::fs::write(
			&config,
			format!("data_dir = \"data\"\n[chain]\nurls = [\"{url}\"]\n[models]\ndirs = [{models:?}]\n"),
		)?;
		let child = Command::new(program("autonomy-worker")?)
			.args(["watch", "--sample", "1", "--suri-env", "CHALLENGER", "--config"])
			.arg(config)
			.env("CHALLENGER", CHALLENGER)
			.stdin(Stdio::null())
			.stdout(log.try_clone()?)
			.stderr(log)
			.spawn()
			.context("starting autonomy-worker watch")?;
		Ok(Self { child, dir })
	}

	fn said(&self) -> String {
		tail(&self.dir.path().join("watch.log"))
	}

	/// Ends it as Ctrl-C does, and returns all that it said.
	fn stop(mut self) -> Result<String> {
		let sent = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status()?;
		assert!(sent.success());
		let status = self.child.wait()?;
		let said = std::fs::read_to_string(self.dir.path().join("watch.log"))?;
		assert!(status.success(), "{said}");
		Ok(said)
	}
}

impl Drop for Watch {
	fn drop(&mut self) {
		let _ = self.child.kill();
		let _ = self.child.wait();
	}
}

#[tokio::test]
async fn lie_should_be_challenged_and_slashed_when_somebody_watches() -> Result<()> {
	let stage = set_up().await?;
	let (url, dirs) = (stage.node.url(), [model_dir(model::KEEPER)]);
	let mut jurors = Vec::new();
	for n in 0..JURORS {
		let [owner, worker] = ["owner", "worker"].map(|role| format!("//Alice//e2e//juror-{role}-{n}"));
		stage.client.fund_all(&[(account(&key(&owner)), 1_000), (account(&key(&worker)), 10)]).await?;
		jurors.push(Worker::with_keys(key(&owner), &worker, &url, &dirs)?);
	}
	let mut jobs = Vec::new();
	for n in 1..=LIES {
		jobs.push(stage.order(n).await?);
	}
	// Whoever will judge joins after the liar has its seats.
	let models = [stage.model];
	try_join_all(jurors.iter().map(|juror| juror.register(&stage.client, &models))).await?;
	for juror in &mut jurors {
		juror.start()?;
	}
	for juror in &mut jurors {
		juror.ready().await?;
	}
	let watch = Watch::start(&url)?;
	for (n, (job, _)) in (1..=LIES).zip(&jobs) {
		stage.lie(*job, n).await?;
	}

	let mut slashed = 0;
	for (job, submitted) in &jobs {
		let end = stage.client.job_end((*job).into(), submitted.block).await.with_context(|| watch.said())?;
		// Where chance took an auditor, a jury may lack the third juror that it needs: the requester has all of it back.
		if end.name == "JobFinalised" {
			let result = bytes(end.field("result"));
			assert!((1..=LIES).all(|n| result != [n; 32]), "a lie became final: {end}\n{}", watch.said());
			slashed += 1;
		}
	}
	assert!(slashed > 0, "{}", watch.said());
	let said = watch.stop()?;
	assert!(said.contains("challenged (bond "), "{said}");
	assert!(said.contains("the challenge was right"), "{said}");
	let challenger = stage.client.balance(&account(&key(CHALLENGER)), stage.client.newest().await?).await?;
	assert_eq!(challenger.held, 0, "every bond is back");
	assert!(challenger.free > 1_000 * AUTON, "it earned a part of what the liar lost: {challenger:?}");
	Ok(())
}
