//! The operators, their records, and who is drawn.

use pallet_inference::{
	maths::{cool_down, Record},
	CpuClass,
};
use rand_chacha::rand_core::RngCore;

use super::agents::Conduct;

/// How an operator's part in a job ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PartEnd {
	/// It found what held.
	Completed,
	/// It was late.
	Missed,
	/// Neither: the job was given up without its fault.
	Released,
	/// It was wrong.
	Slashed,
}

/// An operator with one slot.
#[derive(Clone, Debug)]
pub struct Operator {
	/// How it behaves.
	pub conduct: Conduct,
	/// The processor that it says it runs on.
	pub class: CpuClass,
	/// Its last seats.
	pub record: Record,
	/// Times that it was suspended.
	pub suspensions: u32,
	/// First job for which it is drawn again.
	pub suspended_until: u64,
}

/// Whom a committee is drawn from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pool {
	/// All operators.
	Everyone,
	/// The coalition alone: what happens given that it holds every seat, which chance makes too rare to measure.
	Coalition,
}

/// All operators.
#[derive(Clone, Debug)]
pub struct Population {
	operators: Vec<Operator>,
	everyone: Vec<usize>,
	coalition: Vec<usize>,
}

/// The processor that an operator says it runs on: most have the most common one, and nobody honest has an unknown one.
fn class(number: usize, conduct: Conduct, own_class: bool) -> CpuClass {
	if own_class && conduct.is_colluding() {
		return CpuClass::Other;
	}
	match number % 10 {
		0..=5 => CpuClass::X86V3,
		6 | 7 => CpuClass::X86V4,
		_ => CpuClass::Aarch64,
	}
}

impl Population {
	/// `size` operators: groups of those that are not honest, and honest ones for the rest. With `own_class`, the
	/// coalition says that it runs on a processor that nobody else has.
	pub fn new(size: usize, groups: &[(Conduct, usize)], own_class: bool) -> Self {
		let others = groups.iter().flat_map(|(conduct, count)| std::iter::repeat_n(*conduct, *count));
		let conducts = others.chain(std::iter::repeat(Conduct::Honest)).take(size);
		let operators: Vec<_> = conducts
			.enumerate()
			.map(|(number, conduct)| Operator {
				conduct,
				class: class(number, conduct, own_class),
				record: Record::default(),
				suspensions: 0,
				suspended_until: 0,
			})
			.collect();
		let coalition = (0..size).filter(|number| operators[*number].conduct.is_colluding()).collect();
		Self { operators, everyone: (0..size).collect(), coalition }
	}

	/// One operator.
	pub fn get(&self, number: usize) -> &Operator {
		&self.operators[number]
	}

	/// How many there are.
	pub fn size(&self) -> usize {
		self.operators.len()
	}

	/// Members of the coalition.
	pub fn coalition(&self) -> usize {
		self.coalition.len()
	}

	/// Draws up to `count` different operators for job `now`, in at most so many `looks`. The suspended and the `taken` are
	/// passed over.
	pub fn draw(
		&self,
		pool: Pool,
		count: usize,
		looks: usize,
		now: u64,
		taken: &[usize],
		stream: &mut impl RngCore,
	) -> Vec<usize> {
		let slots = match pool {
			Pool::Everyone => &self.everyone,
			Pool::Coalition => &self.coalition,
		};
		let mut drawn = Vec::with_capacity(count);
		for _ in 0..looks {
			if drawn.len() == count || slots.is_empty() {
				break;
			}
			let number = slots[(stream.next_u64() % slots.len() as u64) as usize];
			let suspended = now < self.operators[number].suspended_until;
			if !suspended && !taken.contains(&number) && !drawn.contains(&number) {
				drawn.push(number);
			}
		}
		drawn
	}

	/// Notes how an operator's part in job `now` ended. One that missed too many, or was wrong, is suspended for `period` jobs
	/// or more, and its record begins anew.
	pub fn note(&mut self, number: usize, end: PartEnd, now: u64, period: u64) {
		let operator = &mut self.operators[number];
		let suspended = match end {
			PartEnd::Completed => {
				operator.record = operator.record.push(false);
				if operator.record.is_clean() {
					operator.suspensions = 0;
				}
				false
			}
			PartEnd::Missed => {
				operator.record = operator.record.push(true);
				operator.record.is_bad()
			}
			PartEnd::Released => false,
			PartEnd::Slashed => true,
		};
		if suspended {
			operator.suspended_until = now.saturating_add(cool_down(period, operator.suspensions));
			operator.suspensions = operator.suspensions.saturating_add(1);
			operator.record = Record::default();
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::inference::dice::{Dice, Purpose};

	fn stream() -> impl RngCore {
		Dice { seed: 7, job: 0 }.stream(Purpose::Committee, 0, 0)
	}

	fn draw(population: &Population, pool: Pool, count: usize, now: u64, taken: &[usize]) -> Vec<usize> {
		population.draw(pool, count, 16 * count, now, taken, &mut stream())
	}

	#[test]
	fn draw_should_give_different_operators_that_are_free() {
		let population = Population::new(10, &[], false);
		let mut drawn = draw(&population, Pool::Everyone, 7, 0, &[1, 2, 3]);
		drawn.sort();
		assert_eq!(drawn, [0, 4, 5, 6, 7, 8, 9]);
	}

	#[test]
	fn draw_should_give_fewer_when_there_are_not_enough() {
		let population = Population::new(3, &[], false);
		assert_eq!(draw(&population, Pool::Everyone, 7, 0, &[1]).len(), 2);
		assert!(draw(&population, Pool::Coalition, 1, 0, &[]).is_empty());
	}

	#[test]
	fn suspension_should_double_when_it_comes_again_and_be_forgiven_after_a_clean_record() {
		let mut population = Population::new(1, &[], false);
		(0..3).for_each(|now| population.note(0, PartEnd::Missed, now, 100));
		assert_eq!(population.get(0).suspended_until, 0, "three seats are too few to judge");
		population.note(0, PartEnd::Missed, 3, 100);
		assert_eq!(population.get(0).suspended_until, 103);
		assert_eq!(population.get(0).record.streak(), 0, "the record begins anew");
		assert!(draw(&population, Pool::Everyone, 1, 102, &[]).is_empty());
		assert_eq!(draw(&population, Pool::Everyone, 1, 103, &[]), [0]);

		(103..107).for_each(|now| population.note(0, PartEnd::Missed, now, 100));
		assert_eq!(population.get(0).suspended_until, 106 + 200);

		(0..16).for_each(|_| population.note(0, PartEnd::Completed, 400, 100));
		assert_eq!(population.get(0).suspensions, 0);
	}

	#[test]
	fn a_slash_should_suspend_at_once_and_a_job_that_was_given_up_should_change_nothing() {
		let mut population = Population::new(1, &[], false);
		population.note(0, PartEnd::Released, 0, 100);
		assert_eq!(population.get(0).record, Record::default());
		population.note(0, PartEnd::Slashed, 1, 100);
		assert_eq!(population.get(0).suspended_until, 101);
	}
}
