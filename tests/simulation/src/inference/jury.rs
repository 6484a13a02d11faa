//! Disputes: juries, their verdict, and who pays for having been wrong.

use pallet_inference::maths;

use super::{
	agents::{Act, Claim, Role, View},
	dice::Purpose,
	ledger::{Account, Cause},
	population::{PartEnd, Pool},
	protocol::{End, Job, Reason, Voice},
	rules::Balance,
};

/// What made a jury necessary.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Opener {
	/// The seats revealed different results.
	Split,
	/// The auditor found another result.
	Auditor,
	/// Somebody challenged the result.
	Challenger {
		/// The result that it says is right.
		claim: Claim,
	},
}

/// How many stand for each claim.
fn tally(voices: &[Voice]) -> (Vec<Claim>, Vec<u32>) {
	let (mut claims, mut counts) = (Vec::new(), Vec::new());
	for voice in voices {
		match claims.iter().position(|claim| *claim == voice.claim) {
			Some(index) => counts[index] += 1,
			None => {
				claims.push(voice.claim);
				counts.push(1);
			}
		}
	}
	(claims, counts)
}

impl Job<'_> {
	/// Has juries judge between `voices`.
	pub(crate) fn dispute(&mut self, mut voices: Vec<Voice>, opener: Opener) -> End {
		let challenged = matches!(opener, Opener::Challenger { claim: Claim::Lie });
		let lie = challenged || voices.iter().any(|voice| voice.claim == Claim::Lie);
		let rules = self.setting.rules;
		for (round, panel) in (0u32..).zip(rules.juries) {
			let least = rules.least_reveals.min(panel.jurors as u32);
			// Without a panel the job is given up, the first one included.
			let drawn = self.draw(Pool::Everyone, (Purpose::Jury, round), panel.jurors, least as usize);
			let Some(drawn) = drawn else { break };
			let unanimous = panel.unanimous || drawn.len() < panel.jurors;
			let jurors = self.hear(&drawn, unanimous, lie);
			let (claims, counts) = tally(&jurors);
			voices.extend(jurors);
			let found = maths::verdict(&counts, least, unanimous);
			if let Some(right) = found.and_then(|index| claims.get(index)).copied() {
				self.verdict = Some(right);
				return self.settle(&voices, right, opener);
			}
		}
		self.journal.empty(Account::Bond, Account::Challenger, Cause::Hold);
		End::Refunded(Reason::Disputed)
	}

	/// Lets a panel commit and reveal.
	fn hear(&mut self, drawn: &[usize], unanimous: bool, lie: bool) -> Vec<Voice> {
		let allies = self.allies(drawn);
		let counts = [allies as u32, (drawn.len() - allies) as u32];
		let verdict = maths::verdict(&counts, self.setting.rules.least_reveals, unanimous);
		let (carries, blocks) = (verdict == Some(0), verdict != Some(1));
		let view = View { role: Role::Juror, drawn: drawn.len(), allies, lie, carries, blocks };
		let mut voices = Vec::new();
		for operator in drawn.iter().copied() {
			match self.ask(operator, view) {
				Act::Work => voices.push(self.voice(operator, Role::Juror, Claim::Right)),
				Act::Claim(claim) => voices.push(self.voice(operator, Role::Juror, claim)),
				Act::Nothing => self.no_show(operator),
				// Its commitment does not open: nobody has published the chunk of the trace that it would take.
				Act::Copy => self.no_reveal(operator),
			}
		}
		voices
	}

	/// Slashes who was wrong and pays who was right.
	fn settle(&mut self, voices: &[Voice], right: Claim, opener: Opener) -> End {
		let rules = self.setting.rules;
		let reveals = voices.iter().map(|voice| (voice.class, voice.claim));
		let diverges = |voice: &Voice| maths::diverges(&voice.class, reveals.clone(), &right, rules.least_of_class);
		let others = voices.iter().copied().filter(|voice| voice.claim != right);
		let (suspects, wrong): (Vec<_>, Vec<_>) = others.partition(diverges);

		let accuser = match opener {
			Opener::Split => None,
			Opener::Auditor => voices
				.iter()
				.find(|voice| voice.role == Role::Auditor && voice.claim == right)
				.map(|voice| Account::Operator(voice.operator)),
			Opener::Challenger { claim } => (claim == right).then_some(Account::Challenger),
		};
		self.slash(voices, &wrong, right, accuser);
		self.settle_bond(voices, &suspects, right, opener);
		if suspects.is_empty() {
			return self.finish(voices, right);
		}
		self.complete(voices, right);
		// Whoever runs the job again finds the right result: liars are slashed, and those that a jury has outvoted are not.
		if rules.faults_are_judged && suspects.iter().all(|voice| voice.claim != Claim::Right) {
			self.slash(voices, &suspects, right, accuser);
		}
		End::Refunded(Reason::EngineFault)
	}

	/// Takes the exposure of each of the `wrong` and divides it.
	fn slash(&mut self, voices: &[Voice], wrong: &[Voice], right: Claim, accuser: Option<Account>) {
		for wrong in wrong {
			self.journal.empty(Account::Stake(wrong.operator), Account::Slashed, Cause::Slash);
			self.ends.push((wrong.operator, PartEnd::Slashed));
		}
		let honest: Vec<_> =
			voices.iter().filter(|voice| voice.claim == right && voice.role != Role::Auditor).collect();
		let total = self.journal.held(Account::Slashed);
		let shares = maths::slash_shares(total, honest.len() as u32, accuser.is_some());
		for voice in honest {
			let account = Account::Operator(voice.operator);
			self.journal.pay(Account::Slashed, account, shares.each_honest, Cause::Slash);
		}
		if let Some(account) = accuser {
			self.journal.pay(Account::Slashed, account, shares.challenger, Cause::Slash);
		}
		self.journal.pay(Account::Slashed, Account::Burned, shares.burned, Cause::Slash);
	}

	/// Gives the challenger's bond back, or to the jury when the challenge was wrong. It is not lost where operators on a
	/// processor of their own found the same.
	fn settle_bond(&mut self, voices: &[Voice], suspects: &[Voice], right: Claim, opener: Opener) {
		let won = match opener {
			Opener::Split | Opener::Auditor => return,
			Opener::Challenger { claim } => claim == right || suspects.iter().any(|voice| voice.claim == claim),
		};
		if won {
			self.journal.empty(Account::Bond, Account::Challenger, Cause::Hold);
			return;
		}
		let jurors: Vec<_> = voices.iter().filter(|voice| voice.claim == right && voice.role == Role::Juror).collect();
		let each = self.journal.held(Account::Bond) / jurors.len().max(1) as Balance;
		for juror in jurors {
			self.journal.pay(Account::Bond, Account::Operator(juror.operator), each, Cause::Bond);
		}
		self.journal.empty(Account::Bond, Account::Burned, Cause::Bond);
	}
}
