//! What the events of every block say: about each job, about each operator, and about money.
//!
//! The ledger knows nothing but events. The checks at the end compare it with the chain's state.

use std::collections::BTreeMap;

use autonomy_chain_api::{
	runtime_types::{
		pallet_balances::pallet::Event as Balances,
		pallet_inference::{
			pallet::Event as Inference,
			types::{DisputeCause, Duty, FailReason},
		},
		pallet_transaction_payment::pallet::Event as Payment,
	},
	Event,
};
use autonomy_primitives::{Digest, JobId};
use subxt::utils::AccountId32;

use crate::chain::{Balance, Block, BlockNumber};

/// How a job ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
	/// With a result.
	Final(Digest),
	/// Without one, for this reason.
	Failed(&'static str),
}

/// What became of a job.
#[derive(Debug)]
pub struct Job {
	/// Fees of the seats and audit reserve, in planck.
	pub escrow: Balance,
	/// Audit reserve, in planck.
	pub reserve: Balance,
	/// Storage deposit, in planck.
	pub deposit: Balance,
	/// Block of its submission.
	pub submitted: BlockNumber,
	/// Its seed.
	pub seed: Option<Digest>,
	/// What the seats agreed on.
	pub agreed: Option<Digest>,
	/// Whether its outcome is in dispute.
	pub disputed: bool,
	/// Whether somebody challenged it.
	pub challenged: bool,
	/// Its end, with the block.
	pub end: Option<(BlockNumber, End)>,
	/// What went back to the requester at the end, in planck.
	pub refunded: Balance,
	/// What it cost the requester that did not come back, by the events, in planck.
	pub spent: Balance,
	/// Who audited, and what it found.
	auditor: Option<(AccountId32, Option<Digest>)>,
	/// Jurors, and what they revealed.
	jurors: BTreeMap<AccountId32, Option<Digest>>,
	/// To each that was right, and to the accuser, from a slash.
	share: Option<(Balance, Option<AccountId32>, Balance)>,
	/// What a lost challenge left for the jurors, in planck.
	forfeit: Balance,
}

impl Job {
	/// Whether operators work on it now.
	pub fn is_in_work(&self) -> bool {
		self.end.is_none() && (self.agreed.is_none() || self.disputed)
	}
}

/// What an operator did, or did not.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Deeds {
	/// Times that it was drawn: as seat, auditor or juror.
	pub seats: u32,
	/// Times that it did not commit.
	pub no_commit: u32,
	/// Times that it did not reveal.
	pub no_reveal: u32,
	/// Times that it did not audit.
	pub no_audit: u32,
	/// What that cost it, in planck.
	pub penalties: Balance,
	/// Times that it was slashed.
	pub slashes: u32,
	/// What that cost it, in planck.
	pub slashed: Balance,
	/// Times that it was suspended.
	pub suspensions: u32,
	/// What it was paid for seats and audits, and given from slashes and lost challenges, in planck.
	pub earned: Balance,
	/// Outcomes of its that were taken: reveals and audits.
	pub said: u32,
}

impl Deeds {
	/// Duties that it missed.
	pub fn missed(&self) -> u32 {
		self.no_commit + self.no_reveal + self.no_audit
	}
}

/// Counts over the whole run.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Counts {
	/// Disputes because the seats differed.
	pub split: u32,
	/// Disputes because the auditor differed.
	pub by_audit: u32,
	/// Disputes because of a challenge.
	pub by_challenge: u32,
	/// Panels that were drawn.
	pub panels: u32,
	/// Auditors that were drawn.
	pub audits_drawn: u32,
	/// Audits that confirmed the seats.
	pub audits_agreed: u32,
	/// Audits that nobody made.
	pub audits_skipped: u32,
	/// Challenges that a jury found right.
	pub challenges_won: u32,
	/// Challenges that a jury found wrong.
	pub challenges_lost: u32,
	/// Times that empty seats had to be drawn anew.
	pub redraws: u32,
	/// Divergences along processors.
	pub engine_faults: u32,
	/// Pay that an account could not take.
	pub returned: u32,
}

/// The ledger.
#[derive(Default)]
pub struct Ledger {
	/// The last block that it knows.
	pub head: BlockNumber,
	/// Blocks that it was given.
	pub blocks: u32,
	/// The jobs.
	pub jobs: BTreeMap<JobId, Job>,
	/// The operators.
	pub operators: BTreeMap<AccountId32, Deeds>,
	/// What each account paid for transactions, in planck.
	pub fees: BTreeMap<AccountId32, Balance>,
	/// What was given to accounts that are no operators: challengers, in planck.
	pub rewards: BTreeMap<AccountId32, Balance>,
	/// What the pallet says that it burned, in planck.
	pub burned: Balance,
	/// Transaction fees that no author took, in planck.
	pub fees_burned: Balance,
	/// What was minted, in planck.
	pub minted: Balance,
	/// Counts.
	pub counts: Counts,
	/// What stands out, one line each.
	pub notes: Vec<String>,
	/// Who is who, for the notes.
	names: BTreeMap<AccountId32, String>,
}

/// An amount as people read it.
pub fn auton(planck: Balance) -> String {
	let (whole, rest) = (planck / autonomy_e2e::AUTON, planck % autonomy_e2e::AUTON);
	format!("{whole}.{:04}", rest / (autonomy_e2e::AUTON / 10_000))
}

/// A reason as people read it.
fn reason(reason: &FailReason) -> &'static str {
	match reason {
		FailReason::NotEnoughOperators => "no committee",
		FailReason::Expired => "expired",
		FailReason::Disputed => "disputed",
		FailReason::InputFault(_) => "input fault",
		FailReason::EngineFault => "engine fault",
	}
}

impl Ledger {
	/// A ledger of these operators.
	pub fn new(operators: impl IntoIterator<Item = (AccountId32, String)>) -> Self {
		let names: BTreeMap<_, _> = operators.into_iter().collect();
		let operators = names.keys().map(|account| (*account, Deeds::default())).collect();
		Self { names, operators, ..Self::default() }
	}

	/// Takes in one more operator.
	pub fn enlist(&mut self, operator: AccountId32, name: String) {
		self.operators.entry(operator).or_default();
		self.names.insert(operator, name);
	}

	/// Jobs that have ended.
	pub fn ended(&self) -> usize {
		self.jobs.values().filter(|job| job.end.is_some()).count()
	}

	/// Jobs that became final.
	pub fn finals(&self) -> usize {
		self.jobs.values().filter(|job| matches!(job.end, Some((_, End::Final(_))))).count()
	}

	/// Jobs that operators work on now.
	pub fn in_work(&self) -> usize {
		self.jobs.values().filter(|job| job.is_in_work()).count()
	}

	/// Takes a block in. Blocks come in order and without a gap.
	pub fn apply(&mut self, block: &Block) {
		self.head = block.number;
		self.blocks += 1;
		// A fee that the block's author takes is deposited right before the event that names it.
		let mut deposited = None;
		for event in &block.events {
			match event {
				Event::Balances(event) => {
					if let Balances::Deposit { amount, .. } = event {
						deposited = Some(*amount);
					}
					self.mint(event);
				}
				Event::TransactionPayment(Payment::TransactionFeePaid { who, actual_fee, tip }) => {
					let fee = actual_fee + tip;
					*self.fees.entry(*who).or_default() += fee;
					if deposited.take() != Some(fee) {
						self.fees_burned += fee;
					}
				}
				Event::Inference(event) => self.inference(block.number, event),
				_ => {}
			}
		}
	}

	fn mint(&mut self, event: &Balances) {
		match event {
			Balances::Minted { amount, .. } | Balances::MintedCredit { amount } | Balances::Issued { amount } => {
				self.minted += amount;
			}
			Balances::TotalIssuanceForced { old, new } => self.minted += new.saturating_sub(*old),
			_ => {}
		}
	}

	fn name(&self, account: &AccountId32) -> String {
		self.names.get(account).cloned().unwrap_or_else(|| account.to_string())
	}

	fn note(&mut self, text: String) {
		self.notes.push(text);
	}

	fn deeds(&mut self, operator: &AccountId32) -> &mut Deeds {
		self.operators.entry(*operator).or_default()
	}

	/// Gives an operator what it earned, or a challenger its reward.
	fn give(&mut self, to: &AccountId32, amount: Balance) {
		match self.operators.get_mut(to) {
			Some(deeds) => deeds.earned += amount,
			None => *self.rewards.entry(*to).or_default() += amount,
		}
	}

	fn drawn(&mut self, operators: &[AccountId32]) {
		for operator in operators {
			self.deeds(operator).seats += 1;
		}
	}

	fn inference(&mut self, now: BlockNumber, event: &Inference) {
		match event {
			Inference::JobSubmitted { job, fee, audit_reserve, deposit, .. } => {
				let submitted = Job {
					escrow: fee + audit_reserve,
					reserve: *audit_reserve,
					deposit: *deposit,
					submitted: now,
					seed: None,
					agreed: None,
					disputed: false,
					challenged: false,
					end: None,
					refunded: 0,
					spent: 0,
					auditor: None,
					jurors: BTreeMap::new(),
					share: None,
					forfeit: 0,
				};
				self.jobs.insert(*job, submitted);
			}
			Inference::JobAssigned { operators, job, seed, .. } => {
				self.drawn(operators);
				self.job(*job, |job| job.seed = Some(*seed));
			}
			Inference::SeatsRedrawn { operators, .. } => self.drawn(operators),
			Inference::RedrawScheduled { .. } => self.counts.redraws += 1,
			Inference::AuditDrawn { job, operator, .. } => {
				self.counts.audits_drawn += 1;
				self.drawn(std::slice::from_ref(operator));
				self.job(*job, |job| job.auditor = Some((*operator, None)));
			}
			Inference::JuryDrawn { job, operators, .. } => {
				self.counts.panels += 1;
				self.drawn(operators);
				self.job(*job, |job| job.jurors.extend(operators.iter().map(|operator| (*operator, None))));
			}
			Inference::Revealed { job, operator, result, .. } => {
				self.deeds(operator).said += 1;
				self.job(*job, |job| {
					if let Some(found) = job.jurors.get_mut(operator) {
						*found = Some(*result);
					}
				});
			}
			Inference::Audited { job, operator, result, agrees } => {
				self.deeds(operator).said += 1;
				self.counts.audits_agreed += u32::from(*agrees);
				self.job(*job, |job| job.auditor = Some((*operator, Some(*result))));
			}
			Inference::AuditSkipped { .. } => self.counts.audits_skipped += 1,
			Inference::JobAgreed { job, result, .. } => self.job(*job, |job| job.agreed = Some(*result)),
			Inference::Challenged { job, .. } => self.job(*job, |job| job.challenged = true),
			Inference::JobDisputed { job, cause, .. } => {
				match cause {
					DisputeCause::Split => self.counts.split += 1,
					DisputeCause::Audit => self.counts.by_audit += 1,
					DisputeCause::Challenge => self.counts.by_challenge += 1,
				}
				self.job(*job, |job| job.disputed = true);
			}
			_ => self.penalty(now, event),
		}
	}

	/// What costs somebody something.
	fn penalty(&mut self, now: BlockNumber, event: &Inference) {
		match event {
			Inference::SeatMissed { operator, duty, penalty, .. } => {
				self.burned += penalty;
				let deeds = self.deeds(operator);
				deeds.penalties += penalty;
				match duty {
					Duty::Commit => deeds.no_commit += 1,
					Duty::Reveal => deeds.no_reveal += 1,
					Duty::Audit => deeds.no_audit += 1,
				}
			}
			Inference::OperatorSuspended { operator, until } => {
				self.deeds(operator).suspensions += 1;
				let blocks = until.saturating_sub(now);
				self.note(format!("{} suspended for {blocks} blocks", self.name(operator)));
			}
			Inference::Slashed { job, operator, amount } => {
				let deeds = self.deeds(operator);
				deeds.slashes += 1;
				deeds.slashed += amount;
				self.note(format!("job {job}: {} slashed {} AUTON", self.name(operator), auton(*amount)));
			}
			Inference::SlashShared { job, each_honest, accuser, reward, burned } => {
				self.burned += burned;
				self.job(*job, |job| job.share = Some((*each_honest, *accuser, *reward)));
			}
			Inference::ChallengeEnded { job, won, bond, burned, .. } => {
				self.burned += burned;
				match won {
					true => self.counts.challenges_won += 1,
					false => self.counts.challenges_lost += 1,
				}
				let forfeit = if *won { 0 } else { bond.saturating_sub(*burned) };
				self.job(*job, |job| job.forfeit = forfeit);
			}
			Inference::EngineFaultFound { job, .. } => {
				self.counts.engine_faults += 1;
				self.note(format!("job {job}: results differ along processors"));
			}
			Inference::PayReturned { account, amount, .. } => {
				self.counts.returned += 1;
				self.note(format!("{} could not take {} AUTON", self.name(account), auton(*amount)));
			}
			_ => self.ending(now, event),
		}
	}

	/// The end of a job.
	fn ending(&mut self, now: BlockNumber, event: &Inference) {
		match event {
			Inference::JobFinalised { job, result, operators, paid_per_seat, payments, burned, refunded, .. } => {
				self.burned += burned;
				let paid = payments.iter().map(|payment| payment.amount).sum::<Balance>();
				self.settle(*job, operators, result, *paid_per_seat);
				self.job(*job, |job| {
					job.spent = paid + burned;
					job.refunded = *refunded;
					job.end = Some((now, End::Final(*result)));
				});
			}
			Inference::InputFaultPaid { operators, paid_per_seat, burned, .. } => {
				self.burned += burned;
				for operator in operators {
					self.give(operator, *paid_per_seat);
				}
			}
			Inference::JobFailed { job, reason: why, refunded, .. } => {
				self.job(*job, |job| {
					job.refunded = *refunded;
					job.end = Some((now, End::Failed(reason(why))));
				});
			}
			Inference::JobCancelled { job, refunded } => self.job(*job, |job| {
				job.refunded = *refunded;
				job.end = Some((now, End::Failed("cancelled")));
			}),
			_ => {}
		}
	}

	/// Books what everybody gets out of a job that became final. Returns what the audit was paid.
	fn settle(&mut self, id: JobId, seats: &[AccountId32], result: &Digest, pay: Balance) -> Balance {
		let Some(job) = self.jobs.get(&id) else { return 0 };
		let jurors: Vec<_> =
			job.jurors.iter().filter(|(_, found)| found.as_ref() == Some(result)).map(|(who, _)| *who).collect();
		let auditor = job.auditor.as_ref().filter(|(_, found)| found.as_ref() == Some(result)).map(|(who, _)| *who);
		let (reserve, share, forfeit) = (job.reserve, job.share, job.forfeit);
		for seat in seats {
			self.give(seat, pay);
		}
		let audit = if auditor.is_some() { reserve } else { 0 };
		if let Some(auditor) = auditor {
			self.give(&auditor, reserve);
		}
		if let Some((each, accuser, reward)) = share {
			for honest in seats.iter().chain(&jurors) {
				self.give(honest, each);
			}
			if let Some(accuser) = accuser {
				self.give(&accuser, reward);
			}
		}
		for juror in &jurors {
			self.give(juror, forfeit / jurors.len() as Balance);
		}
		audit
	}

	fn job(&mut self, id: JobId, change: impl FnOnce(&mut Job)) {
		if let Some(job) = self.jobs.get_mut(&id) {
			change(job);
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use autonomy_chain_api::runtime_types::{
		autonomy_primitives::payout::Payee,
		pallet_inference::{
			split::{Part, Payment as Share},
			types::{Purpose, Tier},
		},
	};

	const LIAR: AccountId32 = AccountId32([1; 32]);
	const JUROR: AccountId32 = AccountId32([2; 32]);
	const WATCH: AccountId32 = AccountId32([3; 32]);
	const RIGHT: Digest = [9; 32];

	fn block(number: u32, events: Vec<Inference>) -> Block {
		Block { number, events: events.into_iter().map(Event::Inference).collect(), opened: Vec::new() }
	}

	fn ledger() -> Ledger {
		Ledger::new([(LIAR, "liar".to_string()), (JUROR, "juror".to_string())])
	}

	fn submitted() -> Inference {
		Inference::JobSubmitted {
			job: 0,
			requester: WATCH,
			model: 0,
			purpose: Purpose::Plain,
			tier: Tier::Text,
			k: 1,
			fee: 100,
			audit_reserve: 150,
			deposit: 30,
			exposure: 2_500,
			draw_at: 3,
		}
	}

	#[test]
	fn ledger_should_know_who_got_what_when_a_liar_is_slashed() {
		let mut ledger = ledger();
		ledger.apply(&block(1, vec![submitted()]));
		assert_eq!(ledger.in_work(), 1);
		ledger.apply(&block(
			9,
			vec![
				Inference::JuryDrawn { job: 0, panel: 1, operators: vec![JUROR], deadline: 20 },
				Inference::Revealed { job: 0, operator: JUROR, result: RIGHT, trace_root: [0; 32], artifact: [0; 36] },
				Inference::Slashed { job: 0, operator: LIAR, amount: 2_500 },
				Inference::SlashShared { job: 0, each_honest: 750, accuser: Some(WATCH), reward: 500, burned: 1_250 },
				Inference::JobFinalised {
					job: 0,
					result: RIGHT,
					artifact: [0; 36],
					operators: Vec::new(),
					paid_per_seat: 85,
					payments: Vec::new(),
					burned: 0,
					refunded: 280,
				},
			],
		));
		assert_eq!(ledger.operators[&JUROR].earned, 750);
		assert_eq!(ledger.operators[&LIAR].slashed, 2_500);
		assert_eq!(ledger.rewards[&WATCH], 500);
		assert_eq!(ledger.burned, 1_250);
		let job = &ledger.jobs[&0];
		assert_eq!((job.spent + job.refunded, &job.end), (280, &Some((9, End::Final(RIGHT)))));
		assert_eq!((ledger.ended(), ledger.finals(), ledger.in_work()), (1, 1, 0));
	}

	#[test]
	fn ledger_should_pay_the_auditor_when_it_confirmed_the_seats() {
		let mut ledger = ledger();
		ledger.apply(&block(1, vec![submitted()]));
		ledger.apply(&block(
			5,
			vec![
				Inference::AuditDrawn { job: 0, operator: JUROR, deadline: 9 },
				Inference::Audited { job: 0, operator: JUROR, result: RIGHT, agrees: true },
				Inference::JobFinalised {
					job: 0,
					result: RIGHT,
					artifact: [0; 36],
					operators: vec![LIAR],
					paid_per_seat: 85,
					payments: vec![
						Share { payee: Payee::Account(LIAR), part: Part::Operator, amount: 85 },
						Share { payee: Payee::Account(JUROR), part: Part::Auditor, amount: 150 },
						Share { payee: Payee::Treasury(1), part: Part::Model, amount: 10 },
					],
					burned: 5,
					refunded: 30,
				},
			],
		));
		assert_eq!((ledger.operators[&JUROR].earned, ledger.operators[&LIAR].earned), (150, 85));
		assert_eq!(ledger.jobs[&0].spent, 250);
		assert_eq!(ledger.burned, 5);
	}

	#[test]
	fn fee_should_count_as_burned_when_no_author_takes_it() {
		let paid = |fee| Event::TransactionPayment(Payment::TransactionFeePaid { who: WATCH, actual_fee: fee, tip: 0 });
		let taken = |fee| Event::Balances(Balances::Deposit { who: LIAR, amount: fee });
		let mut ledger = ledger();
		let events = vec![taken(7), paid(7), paid(5), taken(3), paid(4)];
		ledger.apply(&Block { number: 1, events, opened: Vec::new() });
		assert_eq!((ledger.fees[&WATCH], ledger.fees_burned), (16, 9));
	}
}
