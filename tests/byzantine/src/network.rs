//! The stage: a node, the two demo models, operators of every kind, a requester and an honest challenger.

use std::{
	path::{Path, PathBuf},
	sync::{
		atomic::{AtomicU32, Ordering},
		Arc,
	},
	time::Duration,
};

use anyhow::{bail, ensure, Context, Result};
use autonomy_chain_api::{
	runtime_types::{
		autonomy_runtime::configs::parameters::{
			dynamic::inference::{Parameters, Penalties as PenaltiesKey},
			RuntimeParameters,
		},
		pallet_balances::pallet::Call as Balances,
		pallet_inference::{pallet::Call as Inference, rules::Penalties, types::CpuClass},
		pallet_parameters::pallet::Call as ParametersCall,
		pallet_sudo::pallet::Call as Sudo,
		sp_arithmetic::per_things::Permill,
	},
	Call,
};
use autonomy_e2e::{
	node::Node,
	program, tail,
	worker::{said, Worker},
	AUTON, PATIENCE,
};
use autonomy_primitives::{Digest, ModelId};
use subxt::utils::{AccountId32, MultiAddress};
use tokio::{process::Command, sync::Mutex, task::JoinHandle};

use crate::{
	cast::Role,
	chain::{Balance, BlockNumber, Chain, Signer},
	workload::{Chance, Demo},
};

/// Bond of an operator, in planck: the slots on two models take 200 AUTON, the rest is there to be lost.
pub const BOND: Balance = 500 * AUTON;
/// Price of one unit of work, in AUTON.
const PRICE: &str = "0.001";
/// Blocks that a job may take an operator; it has three times as long, and some.
const BUDGET: u32 = 5;
/// Most names that one operator uses in a run.
const MOST_NAMES: usize = 50;
/// Blocks of a first suspension. The runtime's own hour would keep whoever misbehaves away for most of the run.
pub const SUSPENSION: BlockNumber = 30;

/// What an operator that comes back under another name gets, owner and worker together, in planck.
pub const OUTFIT: Balance = BOND + 2 * POCKET;
/// What owner and worker have besides the bond, in planck.
const POCKET: Balance = 100 * AUTON;

/// An operator and its keys.
pub struct Player {
	/// Its name.
	pub name: String,
	/// How it behaves.
	pub role: Role,
	/// Place among the players of whoever is behind it: its own, unless somebody came back under another name.
	pub lineage: usize,
	/// The owner's key, by which the chain knows the operator.
	pub owner: Arc<Signer>,
	/// The worker's key.
	pub worker: Arc<Signer>,
	worker_uri: String,
}

impl Player {
	fn new(name: String, role: Role, lineage: usize, seed: u64) -> Self {
		let (owner, worker_uri) =
			(format!("//byzantine//{seed}//{name}//owner"), format!("//byzantine//{seed}//{name}//worker"));
		let (owner, worker) = (Arc::new(Signer::new(&owner)), Arc::new(Signer::new(&worker_uri)));
		Self { name, role, lineage, owner, worker, worker_uri }
	}

	/// What it takes to be an operator: the bond and something to pay fees from.
	fn outfit(&self) -> [Call; 2] {
		[transfer(self.account(), BOND + POCKET), transfer(&self.worker.account, POCKET)]
	}

	/// The operator's account.
	pub fn account(&self) -> &AccountId32 {
		&self.owner.account
	}
}

/// The worker that is killed again and again.
struct Victim {
	worker: Arc<Mutex<Worker>>,
	task: JoinHandle<Result<()>>,
}

/// The stage. Dropping it stops every process.
pub struct Stage {
	/// The chain.
	pub chain: Arc<Chain>,
	/// Address of the node.
	pub url: String,
	/// Numbers of the models, in the order of [`Demo::ALL`].
	pub models: [ModelId; 2],
	/// The operators.
	pub players: Vec<Player>,
	/// Orders every job.
	pub requester: Arc<Signer>,
	/// Runs what others agreed on, and challenges what is wrong.
	pub challenger: Arc<Signer>,
	/// Times that the victim was killed.
	pub kills: Arc<AtomicU32>,
	seed: u64,
	alice: Arc<Signer>,
	terms: Vec<Terms>,
	workers: Vec<(String, Worker)>,
	victim: Option<Victim>,
	node: Node,
}

fn players(operators: usize, seed: u64) -> Vec<Player> {
	let real = operators.saturating_sub(Role::BYZANTINE.len());
	let mut roles = vec![Role::Honest; real.saturating_sub(1)];
	roles.push(Role::Killed);
	roles.extend(Role::BYZANTINE);
	let mut players = Vec::new();
	for (lineage, role) in roles.iter().enumerate() {
		let number = 1 + players.iter().filter(|player: &&Player| player.role == *role).count();
		let alone = roles.iter().filter(|other| *other == role).count() == 1;
		let name = if alone { role.name().to_string() } else { format!("{}-{number}", role.name()) };
		players.push(Player::new(name, *role, lineage, seed));
	}
	players
}

/// Registers a demo model as one of the well-known accounts, and returns its number.
async fn register_model(url: &str, folder: PathBuf, owner: &str) -> Result<ModelId> {
	let output = Command::new(program("autonomy-worker")?)
		.args(["models", "register"])
		.arg(&folder)
		.args(["--price", PRICE, "--budget", &BUDGET.to_string(), "--dev", owner, "--url", url, "--json"])
		.kill_on_drop(true)
		.output();
	let output = tokio::time::timeout(PATIENCE, output).await.context("autonomy-worker models register")??;
	ensure!(output.status.success(), "models register {}: {}", folder.display(), said(&output));
	let line: serde_json::Value = serde_json::from_slice(&output.stdout).context("models register prints JSON")?;
	let model = line["model"].as_u64().context("models register prints the model's number")?;
	Ok(u32::try_from(model)?)
}

/// A shorter first suspension than the runtime's own; everything else stays as it is.
fn shorter_suspension() -> Call {
	let percent = |percent: u32| Permill(percent * 10_000);
	let value = Penalties {
		no_show: percent(2),
		no_reveal: percent(10),
		suspension: SUSPENSION,
		decline_quota: 20,
		decline_quota_period: 14_400,
	};
	let parameter = RuntimeParameters::Inference(Parameters::Penalties(PenaltiesKey, Some(value)));
	let call = Call::Parameters(ParametersCall::set_parameter { key_value: parameter });
	Call::Sudo(Sudo::sudo { call: Box::new(call) })
}

fn transfer(to: &AccountId32, value: Balance) -> Call {
	let dest = MultiAddress::Id(*to);
	Call::Balances(Balances::transfer_keep_alive { dest, value })
}

/// A model's number, engine and golden result.
type Terms = (ModelId, Digest, Digest);

/// Registers an operator on both models. One that has no engine proves itself with the registered result, as a cheat
/// would.
async fn register(chain: &Chain, terms: &[Terms], role: Role, owner: &Signer, worker: &Signer) -> Result<()> {
	let mut calls = vec![Call::Inference(Inference::register_operator { worker: worker.account, bond: BOND })];
	// The liar says that it has a processor of its own, to pass its lies off as a fault of the engine.
	let class = || if role == Role::Lying { CpuClass::Aarch64 } else { CpuClass::Other };
	calls.extend(terms.iter().map(|(model, engine, _)| {
		Call::Inference(Inference::join_model { model: *model, slots: 1, engine: *engine, cpu_class: class() })
	}));
	chain.send_all(owner, calls).await?;
	if role.is_real() {
		return Ok(());
	}
	let proofs = terms
		.iter()
		.map(|(model, _, golden)| Call::Inference(Inference::prove_engine { model: *model, result: *golden }));
	chain.send_all(worker, proofs.collect()).await
}

impl Stage {
	/// Starts the node and everything on it. `milliseconds` lie between two blocks; `models` is the folder of the demo
	/// models.
	pub async fn set_up(milliseconds: u32, operators: usize, seed: u64, models: &Path) -> Result<Self> {
		let node = Node::start(milliseconds).await?;
		let url = node.url();
		let chain = Chain::connect(&url).await?;
		let players = players(operators, seed);
		let requester = Arc::new(Signer::new(&format!("//byzantine//{seed}//requester")));
		let challenger = Arc::new(Signer::new(&format!("//byzantine//{seed}//challenger")));

		let alice = Arc::new(Signer::new("//Alice"));
		let mut calls = vec![shorter_suspension(), transfer(&requester.account, 10_000 * AUTON)];
		calls.push(transfer(&challenger.account, 1_000 * AUTON));
		calls.extend(players.iter().flat_map(Player::outfit));
		let register = |demo: Demo, owner| register_model(&url, models.join(demo.folder()), owner);
		let (_, shapes, keeper) = tokio::try_join!(
			chain.send_all(&alice, calls),
			register(Demo::Shapes, "bob"),
			register(Demo::Keeper, "charlie")
		)?;
		let numbers = [shapes, keeper];

		let head = chain.head().await?;
		let mut terms = Vec::new();
		for model in numbers {
			let (engine, golden) = chain.model(head, model).await?;
			terms.push((model, engine, golden));
		}
		let mut stage = Self {
			seed,
			alice,
			terms,
			chain,
			models: numbers,
			players,
			requester,
			challenger,
			kills: Arc::default(),
			workers: Vec::new(),
			victim: None,
			url,
			node,
		};
		stage.register().await?;
		stage.start_workers(models).await?;
		Ok(stage)
	}

	/// Registers every operator on both models.
	async fn register(&self) -> Result<()> {
		let registrations = self.players.iter().map(|player| async move {
			let done = register(&self.chain, &self.terms, player.role, &player.owner, &player.worker).await;
			done.with_context(|| format!("registering {}", player.name))
		});
		futures::future::try_join_all(registrations).await?;
		Ok(())
	}

	/// Has an operator give up its places and register under another name. Returns what there is to do; the player is
	/// there at once. Nothing when it has used too many names.
	pub fn rename(&mut self, index: usize) -> Option<impl std::future::Future<Output = Result<()>> + Send + 'static> {
		let old = self.players.get(index)?;
		let (role, lineage, first) = (old.role, old.lineage, &self.players.get(old.lineage)?.name);
		let number = 1 + self.players.iter().filter(|player| player.lineage == lineage).count();
		if number > MOST_NAMES {
			return None;
		}
		let new = Player::new(format!("{first}.{number}"), role, lineage, self.seed);
		let (chain, terms, alice) = (self.chain.clone(), self.terms.clone(), self.alice.clone());
		let (old, owner, worker, outfit) = (old.owner.clone(), new.owner.clone(), new.worker.clone(), new.outfit());
		self.players.push(new);
		Some(async move {
			let leave = terms.iter().map(|(model, ..)| Call::Inference(Inference::leave_model { model: *model }));
			chain.send_all(&old, leave.collect()).await?;
			chain.send_all(&alice, outfit.into()).await?;
			register(&chain, &terms, role, &owner, &worker).await
		})
	}

	async fn start_workers(&mut self, models: &Path) -> Result<()> {
		let dirs: Vec<_> = Demo::ALL.iter().map(|demo| models.join(demo.folder())).collect();
		let mut started = Vec::new();
		for player in self.players.iter().filter(|player| player.role.is_real()) {
			let mut worker = Worker::with_keys(player.owner.pair.clone(), &player.worker_uri, &self.url, &dirs)?;
			worker.start()?;
			started.push((player, worker));
		}
		for (player, mut worker) in started {
			worker.ready().await.with_context(|| format!("the worker of {}", player.name))?;
			if player.role == Role::Killed {
				let worker = Arc::new(Mutex::new(worker));
				let task = tokio::spawn(torment(worker.clone(), self.kills.clone(), Chance::new(self.seed, 2)));
				self.victim = Some(Victim { worker, task });
			} else {
				self.workers.push((player.name.clone(), worker));
			}
		}
		Ok(())
	}

	/// Fails when a process ended that nobody stopped.
	pub fn check_processes(&mut self) -> Result<()> {
		if let Some(status) = self.node.ended()? {
			bail!("autonomy-node ended ({status}):\n{}", tail(self.node.log()));
		}
		for (name, worker) in &mut self.workers {
			if let Some(status) = worker.ended()? {
				bail!("the worker of {name} ended ({status}):\n{}", tail(&worker.log()));
			}
		}
		if self.victim.as_ref().is_some_and(|victim| victim.task.is_finished()) {
			bail!("the worker that is killed again and again cannot be started any more");
		}
		Ok(())
	}

	/// Stops killing. A victim that is dead at that moment stays so.
	pub fn spare(&mut self) {
		if let Some(victim) = &self.victim {
			victim.task.abort();
		}
	}

	/// Copies the logs of all processes into a folder.
	pub async fn keep_logs(&self, folder: &Path) -> Result<()> {
		std::fs::copy(self.node.log(), folder.join("node.log"))?;
		for (name, worker) in &self.workers {
			std::fs::copy(worker.log(), folder.join(format!("{name}.log")))?;
		}
		if let Some(victim) = &self.victim {
			std::fs::copy(victim.worker.lock().await.log(), folder.join("killed.log"))?;
		}
		Ok(())
	}
}

impl Drop for Stage {
	fn drop(&mut self) {
		self.spare();
	}
}

/// Kills a worker at random moments and starts it again, for ever.
async fn torment(worker: Arc<Mutex<Worker>>, kills: Arc<AtomicU32>, mut chance: Chance) -> Result<()> {
	loop {
		tokio::time::sleep(Duration::from_millis(chance.range(8_000, 40_000))).await;
		let mut worker = worker.lock().await;
		worker.kill()?;
		kills.fetch_add(1, Ordering::Relaxed);
		tokio::time::sleep(Duration::from_millis(chance.range(200, 4_000))).await;
		worker.start()?;
	}
}
