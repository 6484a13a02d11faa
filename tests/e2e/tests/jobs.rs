//! Real workers run the demo models for jobs on a real chain.

use anyhow::{ensure, Context, Result};
use autonomy_e2e::{
	client::{account, bytes, list, paid, Account, Client, Event, Sent},
	input::{image, model, some, text, user_seed},
	model_dir,
	node::Node,
	worker::{autonomy_worker, copy_model, get, register_model, said, Worker},
	AUTON,
};
use subxt::dynamic::Value;
use subxt_signer::sr25519::Keypair;

const K: usize = 3;

/// A chain with both demo models and three operators on them.
struct Network {
	client: Client,
	shapes: u32,
	keeper: u32,
	workers: Vec<Worker>,
	requester: Keypair,
	node: Node,
}

async fn set_up() -> Result<Network> {
	let node = Node::start(500).await?;
	let client = node.client().await?;
	let url = node.url();
	let dirs = [model_dir(model::SHAPES), model_dir(model::KEEPER)];
	let (shapes, keeper) = (register_model(&url, &dirs[0])?, register_model(&url, &dirs[1])?);
	let mut workers = Vec::new();
	for n in 0..K {
		let mut worker = Worker::new(&client, &format!("operator-{n}"), &url, &dirs).await?;
		worker.register(&client, &[shapes, keeper]).await?;
		worker.start()?;
		workers.push(worker);
	}
	for worker in &mut workers {
		worker.ready().await?;
	}
	let requester = client.funded("requester", 1_000).await?;
	Ok(Network { client, shapes, keeper, workers, requester, node })
}

impl Network {
	async fn submit(&self, model: u32, input: Value) -> Result<(u64, Sent)> {
		let arguments = vec![
			Value::u128(model.into()),
			input,
			some(Value::u128(K as u128)),
			Value::unnamed_variant("None", []),
			user_seed(5),
			Value::u128(100 * AUTON),
		];
		let sent = self.client.call("Inference", "submit_job", arguments, &self.requester).await?;
		let job = sent.event("Inference", "JobSubmitted").number("job");
		Ok((u64::try_from(job)?, sent))
	}

	async fn committed(&self, job: u64, from: u64, operator: Account) -> Result<()> {
		let what = "Committed of one operator";
		let matches = |e: &Event| {
			e.is("Inference", "Committed") && e.number("job") == u128::from(job) && e.account("operator") == operator
		};
		self.client.wait_for(from, what, matches).await.map(drop)
	}

	fn verify(&self, job: u64, models: &std::path::Path) -> Result<std::process::Output> {
		let models = models.to_string_lossy();
		autonomy_worker(["verify", &job.to_string(), "--url", &self.node.url(), "--models", &models])
	}

	/// Every planck of a job that became final.
	async fn check_payment(&self, submitted: &Sent, end: &Event) -> Result<()> {
		let (end_block, each) = (end.block, end.number("paid_per_seat"));
		let fee = submitted.event("Inference", "JobSubmitted").number("fee");
		let requester = account(&self.requester);
		let before = self.client.balance(&requester, submitted.block - 1).await?;
		let after = self.client.balance(&requester, end_block).await?;
		assert_eq!(before.free - after.free, fee + submitted.fee, "the requester pays the fee and the transaction");
		assert_eq!(before.held, after.held, "nothing stays on hold");
		for worker in &self.workers {
			let before = self.client.balance(&worker.operator(), submitted.block - 1).await?;
			let after = self.client.balance(&worker.operator(), end_block).await?;
			assert_eq!(after.free - before.free, each, "each of three operators gets its part");
		}
		assert_eq!(paid(end) + end.number("burned"), fee, "and that is all");
		Ok(())
	}
}

#[tokio::test]
async fn jobs_should_be_final_paid_and_verifiable_when_three_workers_run_them() -> Result<()> {
	let network = set_up().await?;
	let jobs =
		[(network.shapes, image("a red circle on a blue background")), (network.keeper, text("who are you?", 24))];
	for (model, input) in jobs {
		let (job, submitted) = network.submit(model, input).await?;
		let end = network.client.job_end(job.into(), submitted.block).await?;
		assert_eq!(end.name, "JobFinalised", "{end}");
		assert_eq!(list(end.field("operators")).len(), K);
		network.check_payment(&submitted, &end).await?;

		let output = network.verify(job, &model_dir(""))?;
		let text = said(&output);
		assert!(output.status.success(), "{text}");
		assert!(text.contains(&format!("verified job {job}")), "{text}");
		assert!(text.contains(&hex::encode(bytes(end.field("result")))), "{text}");
	}
	Ok(())
}

#[tokio::test]
async fn verify_should_refuse_when_a_weights_file_is_corrupt() -> Result<()> {
	let network = set_up().await?;
	let (job, submitted) = network.submit(network.keeper, text("hello", 8)).await?;
	let end = network.client.job_end(job.into(), submitted.block).await?;
	assert_eq!(end.name, "JobFinalised", "{end}");

	let damaged = tempfile::tempdir()?;
	copy_model(&model_dir(model::KEEPER), damaged.path())?;
	let file = flip_a_bit(damaged.path())?;
	let output = network.verify(job, damaged.path())?;
	let text = said(&output);
	assert!(!output.status.success(), "{text}");
	assert!(text.contains(&file), "the message names the damaged file: {text}");
	assert!(!text.contains("verified job"), "{text}");
	Ok(())
}

#[tokio::test]
async fn worker_should_finish_its_job_when_killed_after_its_commit() -> Result<()> {
	let mut network = set_up().await?;
	// Without the third operator the job stays where commitments are taken.
	network.workers[2].kill()?;
	let (job, submitted) = network.submit(network.keeper, text("tell me a story", 16)).await?;
	network.committed(job, submitted.block, network.workers[0].operator()).await?;
	network.workers[0].kill()?;
	network.workers[0].start()?;
	network.workers[2].start()?;

	let end = network.client.job_end(job.into(), submitted.block).await?;
	assert_eq!(end.name, "JobFinalised", "{end}");
	network.check_payment(&submitted, &end).await?;
	let mut commits = 0;
	for block in submitted.block..=end.block {
		commits += network.client.events(block).await?.iter().filter(|e| e.is("Inference", "Committed")).count();
	}
	assert_eq!(commits, K, "nobody committed twice");
	Ok(())
}

#[tokio::test]
async fn worker_should_not_serve_a_model_when_its_weights_are_corrupt() -> Result<()> {
	let node = Node::start(500).await?;
	let client = node.client().await?;
	let keeper = register_model(&node.url(), &model_dir(model::KEEPER))?;
	let damaged = tempfile::tempdir()?;
	copy_model(&model_dir(model::KEEPER), damaged.path())?;
	let file = flip_a_bit(damaged.path())?;
	let mut worker = Worker::new(&client, "damaged", &node.url(), &[damaged.path().into()]).await?;
	worker.register(&client, &[keeper]).await?;

	let config = worker.config();
	let output = autonomy_worker(["check", "--config", &config.to_string_lossy()])?;
	let text = said(&output);
	assert!(!output.status.success(), "{text}");
	assert!(text.contains(&file), "the message names the damaged file: {text}");

	worker.start()?;
	let answer = loop {
		let answer = get(worker.port(), "/readyz").await.unwrap_or_default();
		if answer.contains(&file) {
			break answer;
		}
		ensure!(!answer.starts_with("HTTP/1.1 200"), "a worker with damaged weights is ready");
		let log = std::fs::read_to_string(worker.log())?;
		ensure!(log.len() < 1 << 20, "the worker only repeats itself:\n{}", autonomy_e2e::tail(&worker.log()));
		tokio::time::timeout(autonomy_e2e::PATIENCE, client.wait_for(client.newest().await? + 1, "block", |_| true))
			.await
			.context("the chain goes on")??;
	};
	assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
	let newest = client.newest().await?;
	let proved = client.events(newest).await?.iter().any(|e| e.is("Inference", "EngineProved"));
	assert!(!proved);
	Ok(())
}

/// Changes one bit in the middle of the largest weights file below a folder, and returns the file's name.
fn flip_a_bit(folder: &std::path::Path) -> Result<String> {
	let mut files = Vec::new();
	let mut folders = vec![folder.to_path_buf()];
	while let Some(folder) = folders.pop() {
		for entry in std::fs::read_dir(folder)? {
			let path = entry?.path();
			if path.is_dir() {
				folders.push(path);
			} else if path.extension().is_some_and(|e| e == "safetensors") {
				files.push(path);
			}
		}
	}
	let size = |path: &std::path::PathBuf| std::fs::metadata(path).map_or(0, |m| m.len());
	let file = files.into_iter().max_by_key(size).context("the model has weights")?;
	let mut content = std::fs::read(&file)?;
	let middle = content.len() / 2;
	content[middle] ^= 1;
	std::fs::write(&file, content)?;
	Ok(file.file_name().context("a name")?.to_string_lossy().into_owned())
}
