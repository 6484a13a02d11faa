//! One job, from its order to its end: committee, reveals, audit. Disputes are in [`super::jury`].

use pallet_inference::{maths, CpuClass};

use super::{
	agents::{Act, Claim, Conduct, Role, View},
	dice::{Dice, Purpose},
	jury::Opener,
	ledger::{Account, Cause, Journal},
	population::{PartEnd, Pool, Population},
	rules::{Balance, Rules, Tier},
};

/// Who challenges agreed results.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Challenger {
	/// Nobody.
	Nobody,
	/// Somebody who challenges every right result with the coalition's lie, to have honest operators slashed.
	Griefing,
	/// The coalition itself, as soon as it has lied: it takes the accuser's share. Once an auditor is drawn, who would find the
	/// lie out, no challenge is taken any more.
	Accusing,
	/// The coalition itself, only where it is certain by then that its lie is audited: after an auditor that was late, and
	/// before the next one is drawn.
	AccusingWhenCertain,
}

/// Everything that a job depends on.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
	/// What holds for every tier.
	pub rules: &'a Rules,
	/// The job's tier.
	pub tier: &'a Tier,
	/// The operators, as they are when the job begins.
	pub population: &'a Population,
	/// Whom the committee is drawn from.
	pub pool: Pool,
	/// The job's chance. Its number is also the time.
	pub dice: Dice,
	/// Who challenges.
	pub challenger: Challenger,
	/// A conduct whose operators are honest in this job.
	pub honest: Option<Conduct>,
}

impl Setting<'_> {
	/// The same job with the same chance, had the operators of a conduct been honest and had nobody challenged.
	pub fn had_they_been_honest(self, conduct: Option<Conduct>) -> Self {
		Self { challenger: Challenger::Nobody, honest: conduct, ..self }
	}
}

/// Why a job was given up and its requester refunded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
	/// No committee could be drawn.
	NotEnoughOperators,
	/// A seat stayed empty or unrevealed, or an audit that had to take its place did not come together.
	Expired,
	/// No jury found a verdict, or none could be drawn.
	Disputed,
	/// Results differed along the operators' processors.
	EngineFault,
}

/// How a job ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
	/// With a result.
	Final(Claim),
	/// Without one. The requester has everything back.
	Refunded(Reason),
}

/// What happened in a job.
#[derive(Clone, Debug)]
pub struct Played {
	/// How it ended.
	pub end: End,
	/// All that was paid.
	pub journal: Journal,
	/// Operators that were drawn, and how their part ended.
	pub served: Vec<(usize, PartEnd)>,
	/// Operators that did the job's work.
	pub worked: Vec<usize>,
	/// Operators that committed to something else than the result of their work, or to nothing.
	pub cheated: Vec<usize>,
	/// What a jury found.
	pub verdict: Option<Claim>,
	/// Whether the result was challenged.
	pub challenged: bool,
}

impl Played {
	/// What accounts gained in money, less what their operators' work cost, in planck.
	pub fn profit(&self, work_cost: Balance, accounts: impl Fn(Account) -> bool) -> i128 {
		let works = self.worked.iter().filter(|number| accounts(Account::Operator(**number))).count();
		self.journal.net(accounts, |_| true) - works as i128 * work_cost as i128
	}

	/// What accounts gained by slashes, or lost where it is negative, in planck.
	pub fn slashes(&self, accounts: impl Fn(Account) -> bool) -> i128 {
		self.journal.net(accounts, |cause| cause == Cause::Slash)
	}
}

/// A seat on a committee, once it has committed.
struct Seat {
	operator: usize,
	/// What its commitment opens to; a copied one opens to nothing.
	sealed: Option<Claim>,
	revealed: Option<Claim>,
}

/// A result that somebody stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Voice {
	pub operator: usize,
	pub class: CpuClass,
	pub role: Role,
	pub claim: Claim,
}

/// How an audit went.
enum Audit {
	/// There was none.
	None,
	/// Every auditor that was drawn was late.
	Missing,
	/// An auditor found something.
	Found(Voice),
	/// The coalition accused itself before another auditor was drawn.
	Accused,
}

/// A job under way.
pub(crate) struct Job<'a> {
	pub setting: Setting<'a>,
	pub journal: Journal,
	/// Operators that had a part in the job and are not drawn for it again.
	pub involved: Vec<usize>,
	/// Operators whose part ended otherwise than with the job being given up.
	pub ends: Vec<(usize, PartEnd)>,
	worked: Vec<usize>,
	cheated: Vec<usize>,
	pub verdict: Option<Claim>,
	challenged: bool,
}

/// Plays one job.
pub fn play(setting: Setting) -> Played {
	let mut job = Job::open(setting);
	let end = match job.committee() {
		Ok(voices) => job.compare(voices),
		Err(reason) => End::Refunded(reason),
	};
	job.close(end)
}

impl<'a> Job<'a> {
	fn open(setting: Setting<'a>) -> Self {
		let Setting { rules, tier, .. } = setting;
		let fee = tier.seat_fee * tier.seats as Balance + rules.audit_pay(tier);
		let mut journal = Journal::default();
		journal.pay(Account::Requester, Account::Fee, fee, Cause::Hold);
		Self {
			setting,
			journal,
			involved: Vec::new(),
			ends: Vec::new(),
			worked: Vec::new(),
			cheated: Vec::new(),
			verdict: None,
			challenged: false,
		}
	}

	/// Ends the job. What is left of the requester's money goes back, and so do exposures.
	fn close(mut self, end: End) -> Played {
		self.journal.empty(Account::Fee, Account::Requester, Cause::Hold);
		for operator in self.involved.iter().copied() {
			self.journal.empty(Account::Stake(operator), Account::Operator(operator), Cause::Hold);
		}
		let Self { journal, involved, ends, worked, cheated, verdict, challenged, .. } = self;
		let ended = |operator: usize| ends.iter().find(|(who, _)| *who == operator).map(|(_, end)| *end);
		let served =
			involved.into_iter().map(|operator| (operator, ended(operator).unwrap_or(PartEnd::Released))).collect();
		Played { end, journal, served, worked, cheated, verdict, challenged }
	}

	// --- operators ---

	pub(crate) fn conduct(&self, operator: usize) -> Conduct {
		let conduct = self.setting.population.get(operator).conduct;
		if self.setting.honest == Some(conduct) {
			Conduct::Honest
		} else {
			conduct
		}
	}

	pub(crate) fn allies(&self, operators: &[usize]) -> usize {
		operators.iter().filter(|operator| self.conduct(**operator).is_colluding()).count()
	}

	/// Draws up to `count` operators, each of which puts its exposure at stake. A draw that finds fewer than `least` is tried
	/// again, and none of them is asked; none when that does not help.
	pub(crate) fn draw(
		&mut self,
		pool: Pool,
		(purpose, round): (Purpose, u32),
		count: usize,
		least: usize,
	) -> Option<Vec<usize>> {
		let Setting { rules, tier, population, dice, .. } = self.setting;
		let looks = count * rules.looks_per_seat;
		let mut draws = (0..=rules.draw_retries).map(|attempt| {
			let mut stream = dice.stream(purpose, round, attempt);
			population.draw(pool, count, looks, dice.job, &self.involved, &mut stream)
		});
		let drawn = draws.find(|drawn| drawn.len() >= least)?;
		for operator in drawn.iter().copied() {
			let exposure = rules.exposure(tier);
			self.journal.pay(Account::Operator(operator), Account::Stake(operator), exposure, Cause::Hold);
		}
		self.involved.extend(&drawn);
		Some(drawn)
	}

	/// Lets an operator do what it does when it has to commit.
	pub(crate) fn ask(&mut self, operator: usize, view: View) -> Act {
		let act = self.conduct(operator).act(operator, view);
		match act {
			Act::Work => self.worked.push(operator),
			Act::Nothing | Act::Claim(_) | Act::Copy => self.cheated.push(operator),
		}
		act
	}

	/// Penalises an operator that did nothing in time.
	pub(crate) fn no_show(&mut self, operator: usize) {
		let Setting { rules, tier, population, .. } = self.setting;
		let streak = population.get(operator).record.streak();
		self.miss(operator, maths::no_show_penalty(rules.exposure(tier), rules.no_show, streak));
	}

	/// Penalises an operator that committed and did not reveal.
	pub(crate) fn no_reveal(&mut self, operator: usize) {
		let Setting { rules, tier, .. } = self.setting;
		self.miss(operator, rules.no_reveal.mul_floor(rules.exposure(tier)));
	}

	fn miss(&mut self, operator: usize, penalty: Balance) {
		self.ends.push((operator, PartEnd::Missed));
		self.journal.pay(Account::Stake(operator), Account::Burned, penalty, Cause::Penalty);
	}

	pub(crate) fn voice(&self, operator: usize, role: Role, claim: Claim) -> Voice {
		Voice { operator, class: self.setting.population.get(operator).class, role, claim }
	}

	// --- committee ---

	/// Draws the committee and lets it commit and reveal. Gives what was revealed, or why there is nothing.
	fn committee(&mut self) -> Result<Vec<Voice>, Reason> {
		let Setting { rules, tier, .. } = self.setting;
		let mut seats = Vec::new();
		for round in 0..=rules.redraws {
			self.fill(&mut seats, round)?;
			if seats.len() < tier.seats {
				continue;
			}
			self.reveal(&mut seats);
			let revealed = |seat: &Seat| Some(self.voice(seat.operator, Role::Seat, seat.revealed?));
			let voices: Vec<_> = seats.iter().filter_map(revealed).collect();
			if !voices.is_empty() {
				return Ok(voices);
			}
			seats.clear();
		}
		Err(Reason::Expired)
	}

	/// Draws operators for all of the empty seats and lets them commit. Seats that are taken stay.
	fn fill(&mut self, seats: &mut Vec<Seat>, round: u32) -> Result<(), Reason> {
		let empty = self.setting.tier.seats - seats.len();
		let failed = if round == 0 { Reason::NotEnoughOperators } else { Reason::Expired };
		let drawn = self.draw(self.setting.pool, (Purpose::Committee, round), empty, empty).ok_or(failed)?;
		let members: Vec<_> = seats.iter().map(|seat| seat.operator).chain(drawn.iter().copied()).collect();
		let view = View {
			role: Role::Seat,
			drawn: members.len(),
			allies: self.allies(&members),
			lie: false,
			carries: false,
			blocks: false,
		};
		for operator in drawn {
			let sealed = match self.ask(operator, view) {
				Act::Nothing => {
					self.no_show(operator);
					continue;
				}
				Act::Work => Some(Claim::Right),
				Act::Claim(claim) => Some(claim),
				Act::Copy => None,
			};
			seats.push(Seat { operator, sealed, revealed: None });
		}
		Ok(())
	}

	/// Lets the seats reveal, those last that look at the others first.
	fn reveal(&mut self, seats: &mut [Seat]) {
		let mut public = Vec::new();
		let (last, first): (Vec<_>, Vec<_>) = seats.iter_mut().partition(|seat| self.conduct(seat.operator).waits());
		for seat in first.into_iter().chain(last) {
			let conduct = self.conduct(seat.operator);
			seat.revealed = seat.sealed.filter(|claim| conduct.reveals(*claim, &public));
			match seat.revealed {
				Some(claim) => public.push(claim),
				None => self.no_reveal(seat.operator),
			}
		}
	}

	/// Goes on with what the committee revealed.
	fn compare(&mut self, voices: Vec<Voice>) -> End {
		let answer = voices[0].claim;
		if voices.iter().any(|voice| voice.claim != answer) {
			return self.dispute(voices, Opener::Split);
		}
		if self.setting.challenger == Challenger::Accusing && answer == Claim::Lie {
			return self.challenge(voices, Claim::Right);
		}
		let certain = voices.len() < self.setting.tier.seats;
		match self.audit(answer, certain) {
			Audit::None => self.window(voices, answer),
			// Nobody has confirmed what is left of the committee.
			Audit::Missing if certain => End::Refunded(Reason::Expired),
			Audit::Missing => self.window(voices, answer),
			Audit::Found(auditor) => self.audited(voices, answer, auditor),
			Audit::Accused => self.challenge(voices, Claim::Right),
		}
	}

	// --- audit and challenge ---

	fn audit(&mut self, answer: Claim, certain: bool) -> Audit {
		let Setting { rules, tier, dice, challenger, .. } = self.setting;
		if !certain && !maths::is_audited(dice.number(Purpose::Lottery), tier.audit) {
			return Audit::None;
		}
		let lie = answer == Claim::Lie;
		for round in 0..=rules.redraws {
			if round > 0 && lie && challenger == Challenger::AccusingWhenCertain {
				return Audit::Accused;
			}
			let drawn = self.draw(Pool::Everyone, (Purpose::Auditor, round), 1, 1).unwrap_or_default();
			let Some(operator) = drawn.first().copied() else { break };
			let allies = self.allies(&drawn);
			let view = View { role: Role::Auditor, drawn: 1, allies, lie, carries: false, blocks: false };
			match self.ask(operator, view) {
				Act::Work => return Audit::Found(self.voice(operator, Role::Auditor, Claim::Right)),
				Act::Claim(claim) => return Audit::Found(self.voice(operator, Role::Auditor, claim)),
				// A copied digest comes without the chunk of the trace and is not taken.
				Act::Nothing | Act::Copy => self.no_show(operator),
			}
		}
		Audit::Missing
	}

	/// Goes on with what the auditor found.
	fn audited(&mut self, mut voices: Vec<Voice>, answer: Claim, auditor: Voice) -> End {
		voices.push(auditor);
		if auditor.claim == answer {
			return self.window(voices, answer);
		}
		self.dispute(voices, Opener::Auditor)
	}

	/// The time in which an agreed result can be challenged.
	fn window(&mut self, voices: Vec<Voice>, answer: Claim) -> End {
		if self.setting.challenger == Challenger::Griefing && answer == Claim::Right {
			return self.challenge(voices, Claim::Lie);
		}
		self.finish(&voices, answer)
	}

	fn challenge(&mut self, voices: Vec<Voice>, claim: Claim) -> End {
		let Setting { rules, tier, .. } = self.setting;
		self.challenged = true;
		self.journal.pay(Account::Challenger, Account::Bond, rules.challenge_bond(tier), Cause::Hold);
		self.dispute(voices, Opener::Challenger { claim })
	}

	// --- end ---

	/// Notes who found what held.
	pub(crate) fn complete(&mut self, voices: &[Voice], result: Claim) {
		let right = voices.iter().filter(|voice| voice.claim == result);
		self.ends.extend(right.map(|voice| (voice.operator, PartEnd::Completed)));
	}

	/// Pays the seats and the auditor that found the job's result.
	pub(crate) fn finish(&mut self, voices: &[Voice], result: Claim) -> End {
		let Setting { rules, tier, .. } = self.setting;
		let pay = rules.seat_pay(tier);
		self.complete(voices, result);
		for voice in voices.iter().filter(|voice| voice.claim == result) {
			let operator = Account::Operator(voice.operator);
			match voice.role {
				Role::Seat => {
					self.journal.pay(Account::Fee, operator, pay.operator, Cause::Seat);
					let others = pay.model + pay.character + pay.community;
					self.journal.pay(Account::Fee, Account::Model, others, Cause::Seat);
					self.journal.pay(Account::Fee, Account::Burned, pay.burned, Cause::Seat);
				}
				Role::Auditor => self.journal.pay(Account::Fee, operator, rules.audit_pay(tier), Cause::Audit),
				Role::Juror => (),
			}
		}
		End::Final(result)
	}
}
