//! The protocol of a job, played by operators that the test itself signs for: no model runs here, so that each of them can
//! say whatever the test needs.

use anyhow::Result;
use autonomy_e2e::{
	client::{account, bytes, variant, Account, Client, Event, Sent},
	input::{some, text, user_seed},
	node::Node,
	worker, AUTON,
};
use autonomy_primitives::digest::{cid, commitment, Sealed};
use subxt::dynamic::Value;
use subxt_signer::sr25519::Keypair;

const K: u8 = 3;
const GOLDEN: [u8; 32] = [9; 32];
const PRICE: u128 = 1_000_000_007;

/// An operator whose both keys the test has.
struct Puppet {
	owner: Keypair,
	worker: Keypair,
}

impl Puppet {
	fn operator(&self) -> Account {
		account(&self.owner)
	}
}

/// A chain with one model and three operators on it.
struct Stage {
	client: Client,
	puppets: Vec<Puppet>,
	requester: Keypair,
	_node: Node,
}

/// Registers a model that has no weights anywhere: nobody here will run it.
async fn register_model(client: &Client, owner: &Keypair) -> Result<()> {
	let details = Value::named_composite([
		("modality", Value::unnamed_variant("Text", [])),
		("manifest", Value::from_bytes(cid(b"a manifest"))),
		("weights_root", Value::from_bytes([1; 32])),
		("engine", Value::from_bytes([2; 32])),
		(
			"limits",
			Value::named_composite([
				("max_prompt_bytes", Value::u128(256)),
				("max_steps", Value::u128(0)),
				("max_pixels", Value::u128(0)),
				("max_tokens", Value::u128(64)),
			]),
		),
		("price_per_unit", Value::u128(PRICE)),
		("budget", Value::u128(1)),
		("golden_input", text("golden", 8)),
		("golden_seed", Value::from_bytes([3; 32])),
		("golden_result", Value::from_bytes(GOLDEN)),
		("licence", Value::from_bytes("Apache-2.0")),
	]);
	client.call("Models", "register", vec![details], owner).await?;
	Ok(())
}

async fn set_up() -> Result<Stage> {
	let node = Node::start(200).await?;
	let client = node.client().await?;
	let author = client.funded("author", 1_000).await?;
	register_model(&client, &author).await?;
	let mut puppets = Vec::new();
	for n in 0..K {
		let owner = client.funded(&format!("owner-{n}"), 1_000).await?;
		let worker = client.funded(&format!("worker-{n}"), 10).await?;
		worker::register(&client, &owner, &account(&worker), &[0]).await?;
		client.call("Inference", "prove_engine", vec![Value::u128(0), Value::from_bytes(GOLDEN)], &worker).await?;
		puppets.push(Puppet { owner, worker });
	}
	let requester = client.funded("requester", 1_000).await?;
	Ok(Stage { client, puppets, requester, _node: node })
}

impl Stage {
	/// Submits a job and waits for its committee.
	async fn submit(&self) -> Result<(u64, Sent)> {
		let arguments = vec![
			Value::u128(0),
			text("who are you?", 16),
			some(Value::u128(K.into())),
			user_seed(7),
			Value::u128(100 * AUTON),
		];
		let sent = self.client.call("Inference", "submit_job", arguments, &self.requester).await?;
		let job = sent.event("Inference", "JobSubmitted").number("job");
		self.wait(job, sent.block, "JobAssigned").await?;
		Ok((u64::try_from(job)?, sent))
	}

	async fn wait(&self, job: u128, from: u64, name: &str) -> Result<Event> {
		self.client.wait_for(from, name, |e| e.is("Inference", name) && e.number("job") == job).await
	}

	async fn commit(&self, job: u64, puppet: &Puppet, hash: [u8; 32]) -> Result<Sent> {
		let arguments = vec![Value::u128(job.into()), Value::from_bytes(hash)];
		self.client.call("Inference", "commit", arguments, &puppet.worker).await
	}

	async fn reveal(&self, job: u64, puppet: &Puppet, sealed: &Sealed) -> Result<Sent> {
		let arguments = vec![
			Value::u128(job.into()),
			Value::from_bytes(puppet.operator()),
			Value::from_bytes(sealed.result),
			Value::from_bytes(sealed.trace_root),
			Value::from_bytes(sealed.artifact),
			Value::from_bytes(sealed.salt),
		];
		self.client.call("Inference", "reveal", arguments, &puppet.worker).await
	}

	/// Checks that a failed job cost its requester the transaction alone, and earned nobody anything.
	async fn check_refund(&self, submitted: &Sent, end: &Event) -> Result<()> {
		let requester = account(&self.requester);
		let before = self.client.balance(&requester, submitted.block - 1).await?;
		let during = self.client.balance(&requester, submitted.block).await?;
		let after = self.client.balance(&requester, end.block).await?;
		let job = submitted.event("Inference", "JobSubmitted");
		assert_eq!(during.held - before.held, job.number("fee") + job.number("deposit"));
		assert_eq!(after.held, before.held, "nothing stays on hold");
		assert_eq!(before.free - after.free, submitted.fee, "the transaction alone is gone");
		for puppet in &self.puppets {
			let before = self.client.balance(&puppet.operator(), submitted.block - 1).await?;
			let after = self.client.balance(&puppet.operator(), end.block).await?;
			assert_eq!(before, after, "an operator of a failed job earns nothing");
		}
		Ok(())
	}
}

fn sealed(answer: u8, salt: u8) -> Sealed {
	Sealed { result: [answer; 32], trace_root: [answer; 32], artifact: cid(&[answer]), salt: [salt; 32] }
}

#[tokio::test]
async fn job_should_pay_equal_parts_when_three_operators_agree() -> Result<()> {
	let stage = set_up().await?;
	let (job, submitted) = stage.submit().await?;
	let answers: Vec<_> = (0u8..).map(|n| sealed(42, n)).take(K.into()).collect();
	for (puppet, answer) in stage.puppets.iter().zip(&answers) {
		let sent = stage.commit(job, puppet, commitment(job, 0, &puppet.operator(), answer)).await?;
		assert_eq!(sent.fee, 0, "a valid commitment is free");
	}
	for (puppet, answer) in stage.puppets.iter().zip(&answers) {
		let sent = stage.reveal(job, puppet, answer).await?;
		assert_eq!(sent.fee, 0, "a valid reveal is free");
	}
	let end = stage.client.job_end(job.into(), submitted.block).await?;
	assert_eq!(end.name, "JobFinalised", "{end}");
	assert_eq!(bytes(end.field("result")), [42; 32]);

	let fee = submitted.event("Inference", "JobSubmitted").number("fee");
	// 16 tokens and 12 bytes of prompt in fours.
	assert_eq!(fee, PRICE * (16 + 3) * u128::from(K));
	let requester = account(&stage.requester);
	let before = stage.client.balance(&requester, submitted.block - 1).await?;
	let after = stage.client.balance(&requester, end.block).await?;
	assert_eq!(before.free - after.free, fee + submitted.fee);
	assert_eq!(before.held, after.held);
	for puppet in &stage.puppets {
		let before = stage.client.balance(&puppet.operator(), submitted.block - 1).await?;
		let after = stage.client.balance(&puppet.operator(), end.block).await?;
		assert_eq!(after.free - before.free, fee / u128::from(K));
	}
	let keys = || vec![Value::u128(job.into())];
	assert!(
		stage.client.read(end.block, "Inference", "Jobs", keys()).await?.is_none(),
		"an ended job is no longer open"
	);
	assert!(stage.client.read(end.block, "Inference", "Provenance", keys()).await?.is_some(), "its provenance stays");
	Ok(())
}

#[tokio::test]
async fn job_should_fail_and_refund_when_an_operator_lies() -> Result<()> {
	let stage = set_up().await?;
	let (job, submitted) = stage.submit().await?;
	let answers = [sealed(42, 1), sealed(42, 2), sealed(66, 3)];
	for (puppet, answer) in stage.puppets.iter().zip(&answers) {
		stage.commit(job, puppet, commitment(job, 0, &puppet.operator(), answer)).await?;
	}
	for (puppet, answer) in stage.puppets.iter().zip(&answers) {
		stage.reveal(job, puppet, answer).await?;
	}
	let end = stage.client.job_end(job.into(), submitted.block).await?;
	assert_eq!(end.name, "JobFailed", "{end}");
	assert_eq!(variant(end.field("reason")), "Split");
	stage.check_refund(&submitted, &end).await
}

#[tokio::test]
async fn job_should_fail_and_refund_when_an_operator_is_silent() -> Result<()> {
	let stage = set_up().await?;
	let (job, submitted) = stage.submit().await?;
	for (n, puppet) in (0u8..).zip(&stage.puppets[1..]) {
		stage.commit(job, puppet, commitment(job, 0, &puppet.operator(), &sealed(42, n))).await?;
	}
	let end = stage.client.job_end(job.into(), submitted.block).await?;
	assert_eq!(end.name, "JobFailed", "{end}");
	assert_eq!(variant(end.field("reason")), "MissingCommit");
	stage.check_refund(&submitted, &end).await
}

#[tokio::test]
async fn commitment_should_be_worthless_when_it_is_copied() -> Result<()> {
	let stage = set_up().await?;
	let (job, submitted) = stage.submit().await?;
	let [author, copycat, third] = stage.puppets.as_slice() else { panic!("three operators") };
	let (work, other) = (sealed(42, 1), sealed(42, 2));
	let hash = commitment(job, 0, &author.operator(), &work);
	stage.commit(job, author, hash).await?;
	stage.commit(job, copycat, hash).await?;
	let early = stage.reveal(job, author, &work).await.expect_err("no reveal before the last commitment");
	assert!(format!("{early:#}").contains("Inference"), "{early:#}");
	stage.commit(job, third, commitment(job, 0, &third.operator(), &other)).await?;
	stage.reveal(job, author, &work).await?;
	stage.reveal(job, third, &other).await?;
	let copied = stage.reveal(job, copycat, &work).await.expect_err("a copied commitment opens for nobody");
	assert!(format!("{copied:#}").contains("Inference"), "{copied:#}");
	let end = stage.client.job_end(job.into(), submitted.block).await?;
	assert_eq!(end.name, "JobFailed", "{end}");
	assert_eq!(variant(end.field("reason")), "MissingReveal");
	stage.check_refund(&submitted, &end).await
}

#[tokio::test]
async fn job_should_cost_the_transaction_alone_when_it_is_refused() -> Result<()> {
	let stage = set_up().await?;
	let submit = |model: u32, input: Value, max_fee: u128| {
		let seed = user_seed(1);
		let arguments = vec![Value::u128(model.into()), input, some(Value::u128(K.into())), seed, Value::u128(max_fee)];
		stage.client.call("Inference", "submit_job", arguments, &stage.requester)
	};
	let cases = [
		("UnknownModel", submit(77, text("hi", 8), AUTON).await),
		("FeeAboveLimit", submit(0, text("hi", 8), 1).await),
		("TokensOutOfRange", submit(0, text("hi", 65), AUTON).await),
		("PromptTooLong", submit(0, text(&"x".repeat(257), 8), AUTON).await),
		("PromptEmpty", submit(0, text("", 8), AUTON).await),
		("WrongModality", submit(0, autonomy_e2e::input::image("a red circle"), AUTON).await),
	];
	for (name, outcome) in cases {
		let error = format!("{:#}", outcome.expect_err(name));
		assert!(error.contains(name), "{name}: {error}");
	}
	let newest = stage.client.newest().await?;
	let balance = stage.client.balance(&account(&stage.requester), newest).await?;
	assert_eq!(balance.held, 0, "a refused job holds nothing");
	assert!(balance.free > 999 * AUTON, "{} planck are left of 1,000 AUTON", balance.free);
	Ok(())
}
