//! Money: every movement has a source, a destination and a cause, so that none can appear or vanish.

use thiserror::Error;

use super::rules::Balance;

/// Whose money it is, or what it is on hold for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Account {
	/// Who orders the jobs.
	Requester,
	/// Whoever is paid for the model.
	Model,
	/// Who challenges.
	Challenger,
	/// An operator, by its number.
	Operator(usize),
	/// On hold: the requester's fee and audit reserve.
	Fee,
	/// On hold: an operator's exposure.
	Stake(usize),
	/// On hold: the challenger's bond.
	Bond,
	/// On its way: exposure that was slashed and not divided yet.
	Slashed,
	/// Destroyed.
	Burned,
}

impl Account {
	/// Whether money may only pass through: nothing of it is left when a job has ended.
	pub fn is_on_hold(self) -> bool {
		match self {
			Self::Fee | Self::Stake(_) | Self::Bond | Self::Slashed => true,
			Self::Requester | Self::Model | Self::Challenger | Self::Operator(_) | Self::Burned => false,
		}
	}
}

/// Why money moves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
	/// Put on hold, or back.
	Hold,
	/// A seat's fee.
	Seat,
	/// An audit's pay.
	Audit,
	/// A deadline that was missed.
	Penalty,
	/// A wrong result: what it costs, and who gets it.
	Slash,
	/// A challenge that was lost.
	Bond,
}

/// A movement of money.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transfer {
	/// Where it comes from.
	pub from: Account,
	/// Where it goes.
	pub to: Account,
	/// How much, in planck.
	pub amount: Balance,
	/// Why.
	pub cause: Cause,
}

/// The movements of one job, in order.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Journal(Vec<Transfer>);

impl Journal {
	/// Moves money.
	pub fn pay(&mut self, from: Account, to: Account, amount: Balance, cause: Cause) {
		self.0.push(Transfer { from, to, amount, cause });
	}

	/// Moves all that an account on hold has left.
	pub fn empty(&mut self, from: Account, to: Account, cause: Cause) {
		self.pay(from, to, self.held(from), cause);
	}

	/// What the job has put on hold in an account and not moved on, in planck.
	pub fn held(&self, account: Account) -> Balance {
		// More out than in is an overdraft, which the ledger refuses.
		Balance::try_from(self.net(|other| other == account, |_| true)).unwrap_or(0)
	}

	/// What accounts gained, or lost where it is negative, for causes, in planck.
	pub fn net(&self, accounts: impl Fn(Account) -> bool, causes: impl Fn(Cause) -> bool) -> i128 {
		self.0.iter().filter(|transfer| causes(transfer.cause)).fold(0, |sum, transfer| {
			let amount = transfer.amount as i128;
			sum + if accounts(transfer.to) { amount } else { 0 } - if accounts(transfer.from) { amount } else { 0 }
		})
	}

	/// The movements.
	pub fn transfers(&self) -> &[Transfer] {
		&self.0
	}
}

/// A rule that makes, loses or forgets money.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum LedgerError {
	/// More was taken from an account than it had.
	#[error("{account:?} has {balance} planck and was to pay {amount} ({cause:?})")]
	Overdrawn {
		/// The account.
		account: Account,
		/// What it had, in planck.
		balance: Balance,
		/// What was to be taken, in planck.
		amount: Balance,
		/// Why.
		cause: Cause,
	},
	/// The sum of all accounts has changed.
	#[error("all accounts together have {found} planck, {issued} were issued")]
	NotConserved {
		/// What was issued at the start, in planck.
		issued: Balance,
		/// What is there now, in planck.
		found: Balance,
	},
	/// A job has ended and left money on hold.
	#[error("{amount} planck are still on hold in {account:?} after the job's end")]
	LeftOnHold {
		/// The account.
		account: Account,
		/// How much, in planck.
		amount: Balance,
	},
}

/// All accounts.
#[derive(Clone, Debug)]
pub struct Ledger {
	issued: Balance,
	balances: Vec<Balance>,
}

/// The accounts that there is one of. Each operator has two more, behind them.
const SINGLE: [Account; 7] = [
	Account::Requester,
	Account::Challenger,
	Account::Model,
	Account::Fee,
	Account::Bond,
	Account::Slashed,
	Account::Burned,
];

/// Where an account's balance is.
fn place(account: Account) -> usize {
	match account {
		Account::Requester => 0,
		Account::Challenger => 1,
		Account::Model => 2,
		Account::Fee => 3,
		Account::Bond => 4,
		Account::Slashed => 5,
		Account::Burned => 6,
		Account::Operator(number) => SINGLE.len() + 2 * number,
		Account::Stake(number) => SINGLE.len() + 2 * number + 1,
	}
}

impl Ledger {
	/// Gives `each` planck to every operator, the requester and the challenger.
	pub fn new(operators: usize, each: Balance) -> Self {
		let mut balances = vec![0; SINGLE.len() + 2 * operators];
		let owners = (0..operators).map(Account::Operator).chain([Account::Requester, Account::Challenger]);
		owners.for_each(|owner| balances[place(owner)] = each);
		Self { issued: balances.iter().sum(), balances }
	}

	/// What an account has, in planck.
	pub fn balance(&self, account: Account) -> Balance {
		self.balances[place(account)]
	}

	/// Makes a job's movements. Fails at the first that overdraws an account.
	pub fn apply(&mut self, journal: &Journal) -> Result<(), LedgerError> {
		for Transfer { from, to, amount, cause } in journal.transfers().iter().copied() {
			let balance = self.balance(from);
			let rest = balance.checked_sub(amount);
			self.balances[place(from)] =
				rest.ok_or(LedgerError::Overdrawn { account: from, balance, amount, cause })?;
			self.balances[place(to)] += amount;
		}
		Ok(())
	}

	/// Checks that the accounts add up to what was issued and that nothing is left on hold.
	pub fn check(&self) -> Result<(), LedgerError> {
		let found = self.balances.iter().sum();
		if found != self.issued {
			return Err(LedgerError::NotConserved { issued: self.issued, found });
		}
		let stakes = (0..(self.balances.len() - SINGLE.len()) / 2).map(Account::Stake);
		match SINGLE.into_iter().chain(stakes).find(|account| account.is_on_hold() && self.balance(*account) > 0) {
			Some(account) => Err(LedgerError::LeftOnHold { account, amount: self.balance(account) }),
			None => Ok(()),
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn ledger_should_refuse_a_payment_above_the_balance() {
		let mut ledger = Ledger::new(1, 10);
		let mut journal = Journal::default();
		journal.pay(Account::Operator(0), Account::Burned, 11, Cause::Slash);
		let expected =
			LedgerError::Overdrawn { account: Account::Operator(0), balance: 10, amount: 11, cause: Cause::Slash };
		assert_eq!(ledger.apply(&journal), Err(expected));
	}

	#[test]
	fn ledger_should_notice_money_that_is_left_on_hold() {
		let mut ledger = Ledger::new(2, 10);
		let mut journal = Journal::default();
		journal.pay(Account::Operator(1), Account::Stake(1), 4, Cause::Hold);
		ledger.apply(&journal).unwrap();
		assert_eq!(ledger.check(), Err(LedgerError::LeftOnHold { account: Account::Stake(1), amount: 4 }));
		journal = Journal::default();
		journal.pay(Account::Stake(1), Account::Burned, 4, Cause::Slash);
		ledger.apply(&journal).unwrap();
		assert_eq!(ledger.check(), Ok(()));
		assert_eq!(ledger.balance(Account::Burned), 4);
	}

	#[test]
	fn ledger_should_notice_money_from_nowhere() {
		let mut ledger = Ledger::new(1, 10);
		ledger.balances[place(Account::Model)] += 1;
		assert_eq!(ledger.check(), Err(LedgerError::NotConserved { issued: 30, found: 31 }));
	}

	#[test]
	fn journal_should_empty_what_it_holds_and_no_more() {
		let mut journal = Journal::default();
		journal.pay(Account::Requester, Account::Fee, 9, Cause::Hold);
		journal.pay(Account::Fee, Account::Operator(3), 4, Cause::Seat);
		journal.empty(Account::Fee, Account::Requester, Cause::Hold);
		assert_eq!(journal.held(Account::Fee), 0);
		assert_eq!(journal.net(|account| account == Account::Requester, |_| true), -4);
		assert_eq!(journal.net(|account| account == Account::Operator(3), |cause| cause == Cause::Slash), 0);
	}
}
