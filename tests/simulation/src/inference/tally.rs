//! Counting.

use super::{
	agents::Claim,
	protocol::{End, Played},
	rules::Balance,
};

/// Amounts, their mean and its standard error.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Sample {
	/// How many amounts.
	pub count: u64,
	/// Their sum, in planck.
	pub total: i128,
	squares: f64,
}

impl Sample {
	/// Adds an amount, in planck.
	pub fn add(&mut self, amount: i128) {
		self.count += 1;
		self.total += amount;
		self.squares += amount as f64 * amount as f64;
	}

	/// The mean, in units of `unit` planck; 0 without any amount.
	pub fn mean(&self, unit: Balance) -> f64 {
		if self.count == 0 {
			return 0.0;
		}
		self.total as f64 / self.count as f64 / unit as f64
	}

	/// The mean's standard error, in units of `unit` planck; 0 with fewer than two amounts.
	pub fn error(&self, unit: Balance) -> f64 {
		if self.count < 2 {
			return 0.0;
		}
		let (count, total) = (self.count as f64, self.total as f64);
		let variance = (self.squares - total / count * total) / (count - 1.0);
		// Rounding can leave a little less than nothing where all amounts are equal.
		if variance <= 0.0 {
			return 0.0;
		}
		(variance / count).sqrt() / unit as f64
	}

	/// Whether the mean is below zero.
	pub fn is_negative(&self) -> Answer {
		let (mean, error) = (self.mean(1), self.error(1));
		match (mean + 2.0 * error < 0.0, mean - 2.0 * error < 0.0) {
			(true, _) => Answer::Yes,
			(false, false) => Answer::No,
			(false, true) => Answer::Unclear,
		}
	}
}

/// What a sample says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
	/// Yes, by two standard errors at least.
	Yes,
	/// No, by two standard errors at least.
	No,
	/// The mean is nearer to zero than two standard errors.
	Unclear,
}

/// What cheats made of their attempts. Amounts are per attempt: of one operator on one job, or of all of a coalition.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Attempts {
	/// What they earned, less what their work cost.
	pub earned: Sample,
	/// What they would have earned on the same jobs with honest work.
	pub honest: Sample,
	/// The first less the second.
	pub gain: Sample,
	/// What slashes took from them, less what came back to them as honest seats, jurors or accusers.
	pub slashed: Sample,
}

impl Attempts {
	/// Adds an attempt. Amounts in planck.
	pub fn add(&mut self, earned: i128, honest: i128, slashed: i128) {
		self.earned.add(earned);
		self.honest.add(honest);
		self.gain.add(earned - honest);
		self.slashed.add(slashed);
	}

	/// The exposure, in seat fees, at which cheating earns as much as honest work, when these attempts were made with an
	/// `exposure` of so many seat fees: 0 when it earns less without any. None when no slash was lost.
	pub fn break_even(&self, exposure: f64) -> Option<f64> {
		let (gain, slashed) = (self.gain.total as f64, self.slashed.total as f64);
		// All that depends on the exposure is what slashes take, and that is proportional to it.
		(slashed < 0.0).then(|| (exposure * (gain - slashed) / -slashed).max(0.0))
	}
}

/// What happened in all jobs.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Tally {
	/// Jobs.
	pub jobs: u64,
	/// Jobs that ended with the right result.
	pub right: u64,
	/// Jobs that ended with a wrong one.
	pub wrong: u64,
	/// Jobs that ended without any.
	pub refunded: u64,
	/// Seats, audits and jury duties that honest operators worked for.
	pub honest_works: u64,
	/// What honest operators earned, less what their work cost, in planck.
	pub honest_profit: i128,
	/// Honest operators that were slashed or penalised although no jury had found a wrong verdict.
	pub honest_punished: u64,
	/// Honest operators that were slashed because a jury of the coalition's had found a wrong verdict.
	pub honest_outvoted: u64,
	/// What cheats made of it.
	pub attempts: Attempts,
}

impl Tally {
	/// Counts a job's end.
	pub fn end(&mut self, played: &Played) {
		self.jobs += 1;
		match played.end {
			End::Final(Claim::Right) => self.right += 1,
			End::Final(Claim::Lie | Claim::MadeUp(_)) => self.wrong += 1,
			End::Refunded(_) => self.refunded += 1,
		}
	}

	/// What honest operators earned on average for a seat, an audit or a jury duty that they worked for, less what the work
	/// cost, in units of `unit` planck.
	pub fn honest_profit_per_work(&self, unit: Balance) -> f64 {
		if self.honest_works == 0 {
			return 0.0;
		}
		self.honest_profit as f64 / self.honest_works as f64 / unit as f64
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn sample(amounts: &[i128]) -> Sample {
		let mut sample = Sample::default();
		amounts.iter().for_each(|amount| sample.add(*amount));
		sample
	}

	#[test]
	fn sample_should_give_mean_and_standard_error() {
		let sample = sample(&[1, 2, 3, 4]);
		assert_eq!(sample.mean(1), 2.5);
		// Variance 5/3, over 4 amounts.
		assert!((sample.error(1) - (5.0f64 / 12.0).sqrt()).abs() < 1e-12);
		assert_eq!((Sample::default().mean(1), Sample::default().error(1)), (0.0, 0.0));
	}

	#[test]
	fn sample_should_say_when_it_cannot_tell() {
		assert_eq!(sample(&[-3, -3, -3]).is_negative(), Answer::Yes);
		assert_eq!(sample(&[0, 0, 0]).is_negative(), Answer::No);
		assert_eq!(sample(&[-100, 99]).is_negative(), Answer::Unclear);
		assert_eq!(sample(&[-100, 101]).is_negative(), Answer::Unclear);
	}

	#[test]
	fn break_even_should_be_where_slashes_take_what_cheating_saves() {
		let mut attempts = Attempts::default();
		// Saves 2 each time and loses 10 once in two times: with 4 in place of 10 it would come to nothing.
		attempts.add(2, 0, 0);
		attempts.add(2 - 10, 0, -10);
		assert_eq!(attempts.break_even(25.0), Some(10.0));
		assert_eq!(Attempts::default().break_even(25.0), None);
	}
}
