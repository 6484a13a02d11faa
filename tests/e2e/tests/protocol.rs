//! The protocol of a job, played by operators that the test itself signs for: no model runs here, so that each of them can
//! say whatever the test needs.

use anyhow::{Context, Result};
use autonomy_e2e::{
	client::{account, bytes, key, list, number, paid, Account, Client, Event, Sent},
	input::{some, text, user_seed},
	node::Node,
	worker, AUTON,
};
use autonomy_primitives::{
	digest::{cid, commitment, Sealed},
	trace::{TraceBuilder, TraceOpening},
};
use futures::future::try_join_all;
use subxt::dynamic::{At, Value};
use subxt_signer::sr25519::Keypair;

const K: u8 = 3;
const OPERATORS: usize = 7;
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

/// A chain with one model and seven operators on it.
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
	let node = Node::start(500).await?;
	let client = node.client().await?;
	let named = |role: &str, n: usize| key(&format!("//Alice//e2e//{role}-{n}"));
	let puppets: Vec<_> =
		(0..OPERATORS).map(|n| Puppet { owner: named("owner", n), worker: named("worker", n) }).collect();
	let (author, requester) = (named("author", 0), named("requester", 0));
	let mut funds = vec![(account(&author), 1_000), (account(&requester), 1_000)];
	funds.extend(puppets.iter().flat_map(|p| [(account(&p.owner), 1_000), (account(&p.worker), 10)]));
	client.fund_all(&funds).await?;
	register_model(&client, &author).await?;
	try_join_all(puppets.iter().map(|puppet| async {
		worker::register(&client, &puppet.owner, &account(&puppet.worker), &[0]).await?;
		let proof = vec![Value::u128(0), Value::from_bytes(GOLDEN)];
		client.call("Inference", "prove_engine", proof, &puppet.worker).await
	}))
	.await?;
	Ok(Stage { client, puppets, requester, _node: node })
}

/// What somebody says the job's result is, with a trace that was really made.
struct Answer {
	states: Vec<Vec<u8>>,
	sealed: Sealed,
}

fn answer(n: u8) -> Answer {
	let states: Vec<Vec<u8>> = (0..4).map(|step| vec![n ^ step; 3_000]).collect();
	let mut trace = TraceBuilder::default();
	states.iter().for_each(|state| trace.push(state));
	let sealed = Sealed { result: [n; 32], trace_root: trace.root(), artifact: cid(&[n]), salt: [n; 32] };
	Answer { states, sealed }
}

fn outcome(sealed: &Sealed) -> Value {
	Value::named_composite([
		("result", Value::from_bytes(sealed.result)),
		("trace_root", Value::from_bytes(sealed.trace_root)),
		("artifact", Value::from_bytes(sealed.artifact)),
	])
}

/// The chunk of an answer's trace that `draw` picks for an operator.
fn opening(answer: &Answer, operator: &Account, draw: &[u8; 32]) -> Value {
	let path = |path: &[[u8; 32]]| Value::unnamed_composite(path.iter().map(Value::from_bytes));
	let o = TraceOpening::new(&answer.states, operator, draw).expect("the answer has a trace");
	some(Value::named_composite([
		("steps", Value::u128(o.steps.into())),
		("chunks", Value::u128(o.chunks.into())),
		("chunk", Value::from_bytes(&o.chunk)),
		("chunk_path", path(&o.chunk_path)),
		("step_path", path(&o.step_path)),
	]))
}

fn nothing() -> Value {
	Value::unnamed_variant("None", [])
}

impl Stage {
	/// Submits a job and waits for its committee. Returns its number, the submission, and the puppets with a seat.
	async fn submit(&self) -> Result<(u64, Sent, Vec<&Puppet>)> {
		let arguments = vec![
			Value::u128(0),
			text("who are you?", 16),
			some(Value::u128(K.into())),
			nothing(),
			user_seed(7),
			Value::u128(100 * AUTON),
		];
		let sent = self.client.call("Inference", "submit_job", arguments, &self.requester).await?;
		let job = sent.event("Inference", "JobSubmitted").number("job");
		let assigned = self.wait(job, sent.block, "JobAssigned").await?;
		let seats = self.drawn(&assigned);
		assert_eq!(seats.len(), usize::from(K));
		Ok((u64::try_from(job)?, sent, seats))
	}

	/// The puppets that an event names.
	fn drawn(&self, event: &Event) -> Vec<&Puppet> {
		let drawn: Vec<_> = list(event.field("operators")).into_iter().map(bytes).collect();
		self.puppets.iter().filter(|puppet| drawn.iter().any(|who| *who == puppet.operator())).collect()
	}

	async fn wait(&self, job: u128, from: u64, name: &str) -> Result<Event> {
		self.client.wait_for(from, name, |e| e.is("Inference", name) && e.number("job") == job).await
	}

	/// The job's round: commitments of seats that were drawn last are bound to it.
	async fn commit(&self, job: u64, round: u32, puppet: &Puppet, answer: &Answer) -> Result<Sent> {
		self.commit_hash(job, puppet, commitment(job, round, &puppet.operator(), &answer.sealed)).await
	}

	async fn commit_hash(&self, job: u64, puppet: &Puppet, hash: [u8; 32]) -> Result<Sent> {
		let arguments = vec![Value::u128(job.into()), Value::from_bytes(hash)];
		self.client.call("Inference", "commit", arguments, &puppet.worker).await
	}

	async fn reveal(&self, job: u64, puppet: &Puppet, answer: &Answer, opening: Value) -> Result<Sent> {
		let arguments = vec![
			Value::u128(job.into()),
			Value::from_bytes(puppet.operator()),
			outcome(&answer.sealed),
			Value::from_bytes(answer.sealed.salt),
			opening,
		];
		self.client.call("Inference", "reveal", arguments, &puppet.worker).await
	}

	/// Jurors open their commitments, each with the chunk of the trace that the draw picked for it.
	async fn jurors_reveal(&self, job: u64, jurors: &[&Puppet], answer: &Answer, draw: &[u8; 32]) -> Result<Vec<Sent>> {
		try_join_all(jurors.iter().map(|juror| {
			let opening = opening(answer, &juror.operator(), draw);
			self.reveal(job, juror, answer, opening)
		}))
		.await
	}

	/// Reads a field of a stored item that belongs to the job.
	async fn stored(&self, job: u64, item: &str) -> Result<Value> {
		let newest = self.client.newest().await?;
		let value = self.client.read(newest, "Inference", item, vec![Value::u128(job.into())]).await?;
		value.with_context(|| format!("{item} has an entry of job {job}"))
	}

	/// What an account has gained from before the submission to the end, in planck, money on hold included.
	async fn gained(&self, who: &Account, submitted: &Sent, end: &Event) -> Result<i128> {
		let before = self.client.balance(who, submitted.block - 1).await?;
		let after = self.client.balance(who, end.block).await?;
		Ok((after.free + after.held) as i128 - (before.free + before.held) as i128)
	}
}

fn draw_of(value: &Value) -> [u8; 32] {
	bytes(value.at("draw").expect("it has a draw")).try_into().expect("32 bytes")
}

fn round_of(value: &Value) -> u32 {
	u32::try_from(number(value.at("round").expect("it has a round"))).expect("a round")
}

#[tokio::test]
async fn job_should_pay_its_seats_and_the_model_when_three_operators_agree() -> Result<()> {
	let stage = set_up().await?;
	let (job, submitted, seats) = stage.submit().await?;
	let right = answer(42);
	for sent in try_join_all(seats.iter().map(|puppet| stage.commit(job, 0, puppet, &right))).await? {
		assert_eq!(sent.fee, 0, "a valid commitment is free");
	}
	for sent in try_join_all(seats.iter().map(|puppet| stage.reveal(job, puppet, &right, nothing()))).await? {
		assert_eq!(sent.fee, 0, "a valid reveal is free");
	}
	// Chance may have it audited: the auditor then says the same.
	let end = stage.play_audit(job, &submitted, &right).await?;
	assert_eq!(end.name, "JobFinalised", "{end}");
	assert_eq!(bytes(end.field("result")), [42; 32]);

	let sent = submitted.event("Inference", "JobSubmitted");
	let fee = sent.number("fee");
	// 16 tokens and 12 bytes of prompt in fours.
	let seat_fee = PRICE * (16 + 3);
	assert_eq!(fee, seat_fee * u128::from(K));
	assert_eq!(sent.number("audit_reserve"), seat_fee * 3 / 2);
	let percent = |share| seat_fee * share / 100;
	let (others, burned) = (percent(18) + percent(7) + percent(2), percent(3));
	let each = seat_fee - others - burned;
	assert_eq!(end.number("paid_per_seat"), each);
	assert_eq!(end.number("burned"), burned * u128::from(K));
	let to_operators = each * u128::from(K);
	let audit = if paid(&end) > to_operators + others * u128::from(K) { seat_fee * 3 / 2 } else { 0 };
	assert_eq!(paid(&end), to_operators + others * u128::from(K) + audit, "model, character and community have theirs");
	for puppet in &seats {
		let gained = stage.gained(&puppet.operator(), &submitted, &end).await?;
		assert_eq!(gained, each as i128);
	}
	let before = stage.client.balance(&account(&stage.requester), submitted.block - 1).await?;
	let after = stage.client.balance(&account(&stage.requester), end.block).await?;
	assert_eq!(before.held, after.held, "nothing stays on hold");
	let keys = || vec![Value::u128(job.into())];
	assert!(
		stage.client.read(end.block, "Inference", "Jobs", keys()).await?.is_none(),
		"an ended job is no longer open"
	);
	assert!(stage.client.read(end.block, "Inference", "Provenance", keys()).await?.is_some(), "its provenance stays");
	Ok(())
}

#[tokio::test]
async fn liar_should_lose_its_exposure_to_those_who_were_right_when_a_jury_decides() -> Result<()> {
	let stage = set_up().await?;
	let (job, submitted, seats) = stage.submit().await?;
	let (right, wrong) = (answer(42), answer(66));
	let liar = seats[0];
	let says = |puppet: &Puppet| if puppet.operator() == liar.operator() { &wrong } else { &right };
	try_join_all(seats.iter().map(|puppet| stage.commit(job, 0, puppet, says(puppet)))).await?;
	try_join_all(seats.iter().map(|puppet| stage.reveal(job, puppet, says(puppet), nothing()))).await?;
	let drawn = stage.wait(job.into(), submitted.block, "JuryDrawn").await?;
	let jurors = stage.drawn(&drawn);
	assert_eq!(jurors.len(), OPERATORS - usize::from(K), "everybody who has no part in the job yet");
	let jury = stage.stored(job, "Juries").await?;
	let (draw, round) = (draw_of(&jury), round_of(&stage.stored(job, "Jobs").await?));
	try_join_all(jurors.iter().map(|juror| stage.commit(job, round, juror, &right))).await?;
	let blind = stage.reveal(job, jurors[0], &right, nothing()).await.expect_err("digests alone are not enough");
	assert!(format!("{blind:#}").contains("OpeningMissing"), "{blind:#}");
	for sent in stage.jurors_reveal(job, &jurors, &right, &draw).await? {
		assert_eq!(sent.fee, 0, "a valid reveal is free");
	}
	let end = stage.client.job_end(job.into(), submitted.block).await?;
	assert_eq!(end.name, "JobFinalised", "{end}");
	assert_eq!(bytes(end.field("result")), [42; 32]);
	assert_eq!(list(end.field("operators")).len(), 2, "the liar's seat is not paid");

	let exposure = submitted.event("Inference", "JobSubmitted").number("exposure");
	assert_eq!(stage.gained(&liar.operator(), &submitted, &end).await?, -(exposure as i128));
	// 30 % to the two seats and four jurors that were right; nobody accused it.
	let share = exposure * 30 / 100 / 6;
	for juror in &jurors {
		assert_eq!(stage.gained(&juror.operator(), &submitted, &end).await?, share as i128);
	}
	for seat in &seats[1..] {
		let paid = end.number("paid_per_seat") + share;
		assert_eq!(stage.gained(&seat.operator(), &submitted, &end).await?, paid as i128);
	}
	Ok(())
}

#[tokio::test]
async fn seat_should_be_drawn_anew_when_its_operator_is_silent() -> Result<()> {
	let stage = set_up().await?;
	let (job, submitted, seats) = stage.submit().await?;
	let right = answer(42);
	try_join_all(seats[1..].iter().map(|puppet| stage.commit(job, 0, puppet, &right))).await?;
	let missed = stage.wait(job.into(), submitted.block, "SeatMissed").await?;
	assert_eq!(missed.account("operator"), seats[0].operator());
	assert!(missed.number("penalty") > 0);
	let redrawn = stage.wait(job.into(), missed.block, "SeatsRedrawn").await?;
	let [instead] = stage.drawn(&redrawn)[..] else { panic!("one seat was drawn: {redrawn}") };
	let round = round_of(&stage.stored(job, "Jobs").await?);
	stage.commit(job, round, instead, &right).await?;
	let revealing = seats[1..].iter().chain([&instead]);
	try_join_all(revealing.map(|puppet| stage.reveal(job, puppet, &right, nothing()))).await?;
	let end = stage.play_audit(job, &submitted, &right).await?;
	assert_eq!(end.name, "JobFinalised", "{end}");
	assert_eq!(list(end.field("operators")).len(), usize::from(K));
	let lost = stage.gained(&seats[0].operator(), &submitted, &end).await?;
	assert_eq!(lost, -(missed.number("penalty") as i128));
	Ok(())
}

#[tokio::test]
async fn commitment_should_be_worthless_when_it_is_copied_and_an_audit_takes_the_seats_place() -> Result<()> {
	let stage = set_up().await?;
	let (job, submitted, seats) = stage.submit().await?;
	let [author, copycat, third] = seats.as_slice() else { panic!("three operators") };
	let right = answer(42);
	let hash = commitment(job, 0, &author.operator(), &right.sealed);
	try_join_all([author, copycat].map(|puppet| stage.commit_hash(job, puppet, hash))).await?;
	let early = stage.reveal(job, author, &right, nothing()).await.expect_err("no reveal before the last commitment");
	assert!(format!("{early:#}").contains("Inference"), "{early:#}");
	stage.commit(job, 0, third, &right).await?;
	try_join_all([author, third].map(|puppet| stage.reveal(job, puppet, &right, nothing()))).await?;
	let copied = stage.reveal(job, copycat, &right, nothing()).await.expect_err("a copy opens for nobody");
	assert!(format!("{copied:#}").contains("Inference"), "{copied:#}");
	let missed = stage.wait(job.into(), submitted.block, "SeatMissed").await?;
	assert_eq!(missed.account("operator"), copycat.operator());
	let end = stage.play_audit(job, &submitted, &right).await?;
	assert_eq!(end.name, "JobFinalised", "{end}");
	assert_eq!(list(end.field("operators")).len(), 2, "the copy is not paid");
	Ok(())
}

#[tokio::test]
async fn challenge_should_cost_its_bond_when_the_result_was_right() -> Result<()> {
	let stage = set_up().await?;
	let (job, submitted, seats) = stage.submit().await?;
	let right = answer(42);
	try_join_all(seats.iter().map(|puppet| stage.commit(job, 0, puppet, &right))).await?;
	try_join_all(seats.iter().map(|puppet| stage.reveal(job, puppet, &right, nothing()))).await?;
	let griefer = stage.client.funded("griefer", 1_000).await?;
	let challenge = || {
		let arguments = vec![Value::u128(job.into()), outcome(&answer(13).sealed)];
		stage.client.call("Inference", "challenge", arguments, &griefer)
	};
	let sent = match challenge().await {
		Ok(sent) => sent,
		// Chance had it audited: a challenge has to wait for what the auditor says.
		Err(error) => {
			assert!(format!("{error:#}").contains("AuditOpen"), "{error:#}");
			stage.audit(job, &right).await?;
			challenge().await?
		}
	};
	let bond = sent.event("Inference", "Challenged").number("bond");
	let drawn = stage.wait(job.into(), sent.block, "JuryDrawn").await?;
	let jurors = stage.drawn(&drawn);
	let (draw, round) = (draw_of(&stage.stored(job, "Juries").await?), round_of(&stage.stored(job, "Jobs").await?));
	try_join_all(jurors.iter().map(|juror| stage.commit(job, round, juror, &right))).await?;
	stage.jurors_reveal(job, &jurors, &right, &draw).await?;
	let end = stage.client.job_end(job.into(), submitted.block).await?;
	assert_eq!(end.name, "JobFinalised", "{end}");
	let before = stage.client.balance(&account(&griefer), sent.block - 1).await?;
	let after = stage.client.balance(&account(&griefer), end.block).await?;
	assert_eq!(before.free - after.free, bond + sent.fee, "the bond is gone");
	assert_eq!(after.held, 0);
	for juror in &jurors {
		let gained = stage.gained(&juror.operator(), &submitted, &end).await?;
		assert_eq!(gained, (bond / jurors.len() as u128) as i128);
	}
	Ok(())
}

impl Stage {
	/// Goes on to the end of an agreed job, with an honest auditor if chance draws one.
	async fn play_audit(&self, job: u64, submitted: &Sent, right: &Answer) -> Result<Event> {
		let next = self
			.client
			.wait_for(submitted.block, "audit or end", |e| {
				let ours =
					e.pallet == "Inference" && ["AuditDrawn", "JobFinalised", "JobFailed"].contains(&e.name.as_str());
				ours && e.number("job") == u128::from(job)
			})
			.await?;
		if next.name != "AuditDrawn" {
			return Ok(next);
		}
		self.audit(job, right).await?;
		self.client.job_end(job.into(), submitted.block).await
	}

	/// Audits a job as the operator that was drawn.
	async fn audit(&self, job: u64, right: &Answer) -> Result<()> {
		let stored = self.stored(job, "Jobs").await?;
		let drawn = stored.at("auditor").and_then(|auditor| auditor.at(0)).context("the job has its auditor")?;
		let who = bytes(drawn.at("operator").context("an auditor is an operator")?);
		let auditor = self.puppets.iter().find(|p| who == p.operator()).context("it is one of the puppets")?;
		let opening = opening(right, &auditor.operator(), &draw_of(drawn));
		let arguments = vec![Value::u128(job.into()), outcome(&right.sealed), opening];
		let sent = self.client.call("Inference", "audit", arguments, &auditor.worker).await?;
		assert_eq!(sent.fee, 0, "an audit is free");
		Ok(())
	}
}

#[tokio::test]
async fn job_should_cost_the_transaction_alone_when_it_is_refused() -> Result<()> {
	let stage = set_up().await?;
	let submit = |model: u32, input: Value, max_fee: u128| {
		let seed = user_seed(1);
		let k = some(Value::u128(K.into()));
		let arguments = vec![Value::u128(model.into()), input, k, nothing(), seed, Value::u128(max_fee)];
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
