//! The checks at the end, and the tables.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use anyhow::Result;
use autonomy_primitives::digest::input_hash;
use subxt::utils::AccountId32;

use crate::{
	cast::Role,
	chain::{Balance, HoldReason, Operator, Outcome},
	ledger::{auton, Deeds, End},
	network::{Player, Stage, BOND},
	run::{clock, riches, Finished},
	truth::Truth,
	workload::Order,
};

/// Jobs from which on each kind of misbehaviour must have been punished; in fewer, chance may never have drawn it.
const ENOUGH_JOBS: usize = 50;

/// How a check came out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
	/// As it should be.
	Good,
	/// A violation.
	Bad,
	/// There were too few jobs to say.
	Open,
}

/// A row of the closing table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
	/// What was checked.
	pub what: &'static str,
	/// How it came out.
	pub verdict: Verdict,
	/// What was found.
	pub found: String,
}

/// What an operator ended up with.
struct Fate<'a> {
	player: &'a Player,
	deeds: Deeds,
	info: Operator,
	fees: Balance,
	had: Balance,
	has: Balance,
}

impl Fate<'_> {
	/// What it gained, in planck; negative when it lost.
	fn net(&self) -> i128 {
		self.has as i128 - self.had as i128
	}

	/// What the events say that it gained.
	fn expected(&self) -> i128 {
		let lost = self.deeds.penalties + self.deeds.slashed + self.fees;
		self.deeds.earned as i128 - lost as i128
	}
}

/// Everything that is printed at the end.
pub struct Report {
	rows: Vec<Row>,
	text: String,
}

impl Report {
	/// Whether any check failed.
	pub fn failed(&self) -> bool {
		self.rows.iter().any(|row| row.verdict == Verdict::Bad)
	}

	/// Prints the tables.
	pub fn print(&self) {
		println!("{}", self.text);
		println!("{:<60} {:<5} found", "check", "");
		for Row { what, verdict, found } in &self.rows {
			let verdict = match verdict {
				Verdict::Good => "ok",
				Verdict::Bad => "FAIL",
				Verdict::Open => "-",
			};
			println!("{what:<60} {verdict:<5} {found}");
		}
	}
}

/// Compares what the events said with the chain's state and with the engine.
pub async fn report(stage: &Stage, orders: &[Order], truth: &Truth, run: &Finished) -> Result<Report> {
	let mut checks = Checks { stage, orders, truth, run, rows: Vec::new() };
	let fates = checks.fates().await?;
	checks.ends().await?;
	checks.results().await?;
	checks.refunds();
	checks.honest(&fates);
	checks.punished(&fates);
	checks.money().await?;
	checks.operators(&fates);
	checks.requester().await?;
	checks.nothing_left().await?;
	let text = format!("{}\n{}", checks.summary(), checks.table(&fates));
	Ok(Report { rows: checks.rows, text })
}

struct Checks<'a> {
	stage: &'a Stage,
	orders: &'a [Order],
	truth: &'a Truth,
	run: &'a Finished,
	rows: Vec<Row>,
}

fn list(items: &[String]) -> String {
	const MOST: usize = 6;
	let mut text = items.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
	if items.len() > MOST {
		text += &format!(" and {} more", items.len() - MOST);
	}
	text
}

impl<'a> Checks<'a> {
	/// A check that holds when there is nothing to complain of.
	fn row(&mut self, what: &'static str, complaints: &[String], otherwise: String) {
		let (verdict, found) = match complaints.is_empty() {
			true => (Verdict::Good, otherwise),
			false => (Verdict::Bad, list(complaints)),
		};
		self.rows.push(Row { what, verdict, found });
	}

	/// A check of something that chance brings about sooner or later.
	fn in_time(&mut self, what: &'static str, good: bool, found: String) {
		let verdict = match good {
			true => Verdict::Good,
			false if self.orders.len() < ENOUGH_JOBS => Verdict::Open,
			false => Verdict::Bad,
		};
		self.rows.push(Row { what, verdict, found });
	}

	async fn fates(&self) -> Result<Vec<Fate<'a>>> {
		let has = riches(self.stage, self.run.at).await?;
		let get = |money: &BTreeMap<AccountId32, Balance>, account| money.get(account).copied().unwrap_or_default();
		let mut fates = Vec::new();
		for player in &self.stage.players {
			let account = player.account();
			fates.push(Fate {
				player,
				deeds: self.run.ledger.operators.get(account).cloned().unwrap_or_default(),
				info: self.stage.chain.operator(self.run.at, account).await?,
				fees: get(&self.run.ledger.fees, account) + get(&self.run.ledger.fees, &player.worker.account),
				had: get(&self.run.had, account),
				has: get(&has, account),
			});
		}
		Ok(fates)
	}

	async fn ends(&mut self) -> Result<()> {
		let (all, ended) = (self.orders.len(), self.run.ledger.ended());
		let submitted = self.stage.chain.job_count(self.run.at).await?;
		let mut complaints = Vec::new();
		if submitted != all as u64 || ended != all {
			complaints.push(format!("{submitted} of {all} jobs were submitted, {ended} ended"));
		}
		let blocks = self.run.ledger.blocks;
		if blocks != self.run.at || self.run.ledger.head != self.run.at {
			complaints.push(format!("{blocks} of {} blocks were read", self.run.at));
		}
		self.row("every job has ended", &complaints, format!("{ended} of {all}, in {blocks} blocks, every one read"));
		Ok(())
	}

	/// Every result against the engine's.
	async fn results(&mut self) -> Result<()> {
		let (mut complaints, mut good) = (Vec::new(), 0);
		for (id, job) in &self.run.ledger.jobs {
			let row = self.stage.chain.provenance(self.run.at, *id).await?;
			let result = match &job.end {
				Some((_, End::Final(result))) => result,
				_ if row.is_some() => {
					complaints.push(format!("job {id} failed and has provenance"));
					continue;
				}
				_ => continue,
			};
			let Some(row) = row else {
				complaints.push(format!("job {id} is final without provenance"));
				continue;
			};
			let Some(order) = self.run.order_of.get(id).and_then(|order| self.orders.get(*order)) else {
				complaints.push(format!("nobody ordered job {id}"));
				continue;
			};
			let stored = Outcome { result: row.result, trace_root: row.trace_root, artifact: row.artifact };
			match self.truth.get(*id) {
				Some(Ok(right)) if right == stored && row.result == *result => good += 1,
				Some(Ok(right)) => complaints.push(format!(
					"job {id} has 0x{}, right is 0x{}",
					hex::encode(&row.result[..4]),
					hex::encode(&right.result[..4])
				)),
				Some(Err(fault)) => complaints.push(format!("job {id} cannot be run: {fault}")),
				None => complaints.push(format!("job {id} was not run again")),
			}
			let (seed, input) = (job.seed.unwrap_or_default(), input_hash(&order.input));
			if row.seed != seed || row.input_hash != input || row.requester != self.stage.requester.account {
				complaints.push(format!("the provenance of job {id} is of another order"));
			}
		}
		self.row("every final result is the engine's own", &complaints, format!("{good} run again, all the same"));
		Ok(())
	}

	fn refunds(&mut self) {
		let (mut complaints, mut whole, mut divided) = (Vec::new(), 0, 0);
		for (id, job) in &self.run.ledger.jobs {
			let held = job.escrow + job.deposit;
			match &job.end {
				Some((_, End::Final(_))) if job.spent + job.refunded == held => divided += 1,
				Some((_, End::Failed(_))) if job.refunded == held => whole += 1,
				_ => complaints.push(format!("job {id}: {held} on hold, {} spent, {} back", job.spent, job.refunded)),
			}
		}
		let found = format!("{whole} refunded in full, {divided} divided to the planck");
		self.row("every other job is refunded in full", &complaints, found);
	}

	fn honest(&mut self, fates: &[Fate]) {
		let real = || fates.iter().filter(|fate| fate.player.role.is_real());
		let slashed: Vec<_> = real()
			.filter(|fate| fate.deeds.slashes > 0)
			.map(|fate| format!("{} was slashed {} times", fate.player.name, fate.deeds.slashes))
			.collect();
		self.row("no honest operator is slashed", &slashed, format!("{} of them", real().count()));
		let late: Vec<_> = real()
			.filter(|fate| fate.player.role == Role::Honest && fate.deeds.missed() > 0)
			.map(|fate| format!("{} missed {}", fate.player.name, fate.deeds.missed()))
			.collect();
		self.row("no honest operator that was left alone misses a duty", &late, "none missed".into());
		let idle: Vec<_> = real().filter(|fate| fate.deeds.said == 0).map(|fate| fate.player.name.clone()).collect();
		if idle.is_empty() {
			self.row(
				"every honest operator worked",
				&[],
				format!("{} outcomes", real().map(|f| f.deeds.said).sum::<u32>()),
			);
		} else {
			self.in_time("every honest operator worked", false, format!("not {}", list(&idle)));
		}
		if let Some(killed) = real().find(|fate| fate.player.role == Role::Killed) {
			let kills = self.stage.kills.load(Ordering::Relaxed);
			let (missed, said) = (killed.deeds.missed(), killed.deeds.said);
			let found = format!("killed {kills} times, {said} outcomes, {missed} duties missed");
			self.in_time("the killed worker came back and worked", kills > 0 && said > 0, found);
		}
	}

	fn punished(&mut self, fates: &[Fate]) {
		let of = |role: Role| fates.iter().filter(move |fate| fate.player.role == role);
		let (mut said, mut slashes, mut slashed) = (0, 0, 0);
		for fate in of(Role::Lying) {
			said += fate.deeds.said;
			slashes += fate.deeds.slashes;
			slashed += fate.deeds.slashed;
		}
		let found = format!("{said} lies told, slashed {slashes} times, {} AUTON", auton(slashed));
		self.in_time("the liar is slashed", slashes > 0, found);
		let copied: Vec<_> = of(Role::Copying)
			.filter(|fate| fate.deeds.said > 0)
			.map(|fate| format!("{} of {} were taken", fate.deeds.said, fate.player.name))
			.collect();
		let refused = self.run.refusals.iter().filter(|((role, ..), _)| *role == Role::Copying);
		let attempts: u32 = refused.map(|(_, count)| count).sum();
		self.row("nothing that was copied is taken", &copied, format!("{attempts} attempts refused"));
		let (mut spared, mut total) = (Vec::new(), 0);
		for (lineage, player) in
			self.stage.players.iter().enumerate().filter(|(index, player)| player.lineage == *index)
		{
			if !matches!(player.role, Role::Copying | Role::Aborting | Role::Offline) {
				continue;
			}
			let own = || fates.iter().filter(|fate| fate.player.lineage == lineage).map(|fate| &fate.deeds);
			let penalties: Balance = own().map(|deeds| deeds.penalties).sum();
			let suspensions: u32 = own().map(|deeds| deeds.suspensions).sum();
			total += penalties;
			if penalties == 0 || suspensions == 0 {
				let missed: u32 = own().map(Deeds::missed).sum();
				spared.push(format!(
					"{}: {missed} missed, {suspensions} suspensions, {} AUTON",
					player.name,
					auton(penalties)
				));
			}
		}
		let found = if spared.is_empty() { format!("penalties of {} AUTON", auton(total)) } else { list(&spared) };
		self.in_time("copying, aborting, offline are penalised and suspended", spared.is_empty(), found);
	}

	/// Nothing comes out of nowhere and nothing is lost.
	async fn money(&mut self) -> Result<()> {
		let (before, ledger) = (self.run.before, &self.run.ledger);
		let after = self.stage.chain.money(self.run.at).await?;
		let gone = before.issuance as i128 + ledger.minted as i128 - after.issuance as i128;
		let burned = (ledger.burned + ledger.fees_burned) as i128;
		let mut complaints = Vec::new();
		if ledger.minted > 0 {
			complaints.push(format!("{} planck were minted", ledger.minted));
		}
		if gone != burned {
			complaints.push(format!("{gone} planck are gone, {burned} were burned by the events"));
		}
		let found = format!("{gone} planck burned, none minted");
		self.row("the issuance fell by what was burned, to the planck", &complaints, found);
		let mut complaints = Vec::new();
		for (when, money) in [("before", before), ("after", after)] {
			if money.issuance != money.balances {
				complaints.push(format!("{when}: {} issued, {} in accounts", money.issuance, money.balances));
			}
		}
		self.row("all accounts together have the issuance", &complaints, format!("{} planck", after.balances));
		Ok(())
	}

	fn operators(&mut self, fates: &[Fate]) {
		let mut complaints = Vec::new();
		for fate in fates {
			if fate.net() != fate.expected() {
				let name = &fate.player.name;
				complaints.push(format!("{name} gained {} planck, by the events {}", fate.net(), fate.expected()));
			}
			let bond = BOND - fate.deeds.penalties - fate.deeds.slashed;
			if fate.info.bond != bond {
				complaints.push(format!("{} has a bond of {}, by the events {bond}", fate.player.name, fate.info.bond));
			}
		}
		let found = format!("{} operators: pay, penalties, slashes, fees", fates.len());
		self.row("every operator has what the events say, to the planck", &complaints, found);
	}

	async fn requester(&mut self) -> Result<()> {
		let ledger = &self.run.ledger;
		let (who, watcher) = (&self.stage.requester.account, &self.stage.challenger.account);
		let get = |money: &BTreeMap<AccountId32, Balance>, account| money.get(account).copied().unwrap_or_default();
		let spent: Balance = ledger.jobs.values().map(|job| job.escrow + job.deposit - job.refunded).sum();
		let forfeits = ledger.counts.challenges_lost;
		let expected = [
			("the requester", who, get(&self.run.had, who) - spent - get(&ledger.fees, who)),
			(
				"the challenger",
				watcher,
				get(&self.run.had, watcher) + get(&ledger.rewards, watcher) - get(&ledger.fees, watcher),
			),
		];
		let mut complaints = Vec::new();
		for (name, account, expected) in expected {
			let has = self.stage.chain.balance(self.run.at, account).await?;
			if has != expected {
				complaints.push(format!("{name} has {has} planck, by the events {expected}"));
			}
		}
		if forfeits > 0 {
			complaints.push(format!("{forfeits} right challenges were lost"));
		}
		let found = format!(
			"{} AUTON for jobs, {} AUTON earned by challenges",
			auton(spent),
			auton(get(&ledger.rewards, watcher))
		);
		self.row("requester and challenger have what the events say", &complaints, found);
		Ok(())
	}

	async fn nothing_left(&mut self) -> Result<()> {
		let mut complaints = Vec::new();
		let (mut bonds, mut expected) = (0, 0);
		for (reason, account, amount) in self.stage.chain.holds(self.run.at).await? {
			let kind = match reason {
				HoldReason::Bond => {
					bonds += amount;
					continue;
				}
				HoldReason::JobFee => "job fee",
				HoldReason::JobDeposit => "job deposit",
				HoldReason::Challenge => "challenge",
			};
			complaints.push(format!("{amount} planck of {account} on hold ({kind})"));
		}
		for player in &self.stage.players {
			let info = self.stage.chain.operator(self.run.at, player.account()).await?;
			expected += info.bond + info.unbonding;
			if info.seats > 0 || info.exposed > 0 {
				complaints.push(format!("{} has {} seats and {} exposed", player.name, info.seats, info.exposed));
			}
		}
		if bonds != expected {
			complaints.push(format!("{bonds} planck on hold for bonds of {expected}"));
		}
		for (entry, count) in self.stage.chain.leftovers(self.run.at).await? {
			if count > 0 {
				complaints.push(format!("{count} entries in {entry}"));
			}
		}
		self.row("nothing is left of the jobs: holds, seats, exposure, agenda", &complaints, "nothing".into());
		Ok(())
	}

	fn summary(&self) -> String {
		let ledger = &self.run.ledger;
		let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
		for job in ledger.jobs.values() {
			if let Some((_, End::Failed(reason))) = &job.end {
				*reasons.entry(reason).or_default() += 1;
			}
		}
		let reasons: Vec<_> = reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
		let mut blocks: Vec<_> =
			ledger.jobs.values().filter_map(|job| Some(job.end.as_ref()?.0.saturating_sub(job.submitted))).collect();
		blocks.sort_unstable();
		let counts = &ledger.counts;
		let disputes = counts.split + counts.by_audit + counts.by_challenge;
		let mut text = format!(
			"jobs        {} final, {} refunded ({})\n",
			ledger.finals(),
			ledger.ended() - ledger.finals(),
			if reasons.is_empty() { "none".into() } else { reasons.join(", ") }
		);
		text += &format!(
			"disputes    {disputes}: {} split, {} by an audit, {} by a challenge; {} panels\n",
			counts.split, counts.by_audit, counts.by_challenge, counts.panels
		);
		text += &format!(
			"audits      {} auditors drawn, {} confirmed, {} found something else, {} skipped\n",
			counts.audits_drawn, counts.audits_agreed, counts.by_audit, counts.audits_skipped
		);
		text += &format!(
			"challenges  {} made, {} won, {} lost, {} without a verdict\n",
			counts.by_challenge,
			counts.challenges_won,
			counts.challenges_lost,
			counts.by_challenge.saturating_sub(counts.challenges_won + counts.challenges_lost)
		);
		text += &format!("redraws     {}\n", counts.redraws);
		let refused: Vec<_> = self
			.run
			.refusals
			.iter()
			.map(|((role, call, error), count)| format!("{} {call} {error} {count}", role.name()))
			.collect();
		text += &format!("refused     {}\n", if refused.is_empty() { "nothing".into() } else { refused.join("; ") });
		text += &format!(
			"time        {} blocks in {}, {} blocks for a job (median), {} at most\n",
			self.run.at,
			clock(self.run.took.as_secs()),
			blocks.get(blocks.len() / 2).copied().unwrap_or_default(),
			blocks.last().copied().unwrap_or_default()
		);
		text
	}

	/// One line for everybody who is behind one operator or several.
	fn table(&self, fates: &[Fate]) -> String {
		let signed = |amount: i128| format!("{}{}", if amount < 0 { "-" } else { "" }, auton(amount.unsigned_abs()));
		let header = [
			"operator",
			"names",
			"seats",
			"done",
			"missed",
			"susp.",
			"slashed",
			"penalties",
			"earned",
			"bond before",
			"after",
			"net",
		];
		let line = |cells: [String; 12]| {
			let [name, cells @ ..] = cells;
			cells.iter().fold(format!("{name:<10}"), |line, cell| format!("{line} {cell:>10}")) + "\n"
		};
		let mut text = line(header.map(String::from));
		for (lineage, player) in
			self.stage.players.iter().enumerate().filter(|(index, player)| player.lineage == *index)
		{
			let own: Vec<_> = fates.iter().filter(|fate| fate.player.lineage == lineage).collect();
			let count = |part: &dyn Fn(&Fate) -> u32| own.iter().map(|fate| part(fate)).sum::<u32>().to_string();
			let sum = |part: &dyn Fn(&Fate) -> Balance| auton(own.iter().map(|fate| part(fate)).sum());
			text += &line([
				player.name.clone(),
				own.len().to_string(),
				count(&|fate| fate.deeds.seats),
				count(&|fate| fate.info.completed),
				count(&|fate| fate.info.missed),
				count(&|fate| fate.deeds.suspensions),
				sum(&|fate| fate.deeds.slashed),
				sum(&|fate| fate.deeds.penalties),
				sum(&|fate| fate.deeds.earned),
				sum(&|_| BOND),
				sum(&|fate| fate.info.bond),
				signed(own.iter().map(|fate| fate.net()).sum()),
			]);
		}
		text
	}
}
