//! A proposal's time and deposit.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_arithmetic::{Perbill, Rounding};

use crate::{ai::doubled, numbers::mul_div};

/// Most that a voting period is extended.
pub const MAX_EXTENSIONS: u8 = 2;
/// Part of the voting period in which members of a child community can still move its AI.
const CUT_OFF: u32 = 70;
/// Part of the voting period after which an AI that has not answered is counted without its answer.
const LAST_ANSWER: u32 = 85;
/// Part of the voting period, before its end, in which a change of the leading side extends it.
const LATE: u32 = 20;
/// Part of the voting period that an extension adds.
const EXTENSION: u32 = 25;
/// Proposals in a community for which the deposit doubles.
pub const PROPOSALS_PER_DOUBLING: u32 = 8;
/// The deposit of a proposal with fewer ayes than this, of all that members could cast, is burned.
pub const LEAST_SUPPORT: Perbill = Perbill::from_percent(1);

fn percent_of(blocks: u32, percent: u32, rounding: Rounding) -> u32 {
	u32::try_from(mul_div(blocks.into(), percent.into(), 100, rounding)).unwrap_or(u32::MAX)
}

/// A voting period, in blocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Voting {
	/// The first block in which ballots are taken.
	pub start: u32,
	/// Blocks from there to the end, as the charter or the track says, without extensions.
	pub length: u32,
	/// Times that it was extended.
	pub extensions: u8,
}

impl Voting {
	/// From `start`, for `length` blocks.
	pub fn new(start: u32, length: u32) -> Self {
		Self { start, length, extensions: 0 }
	}

	/// From here on, ballots of children's members move their AIs no more and AIs are settled: 70 % of the period, rounded
	/// down. Extensions do not move it.
	pub fn cut_off(&self) -> u32 {
		self.start.saturating_add(percent_of(self.length, CUT_OFF, Rounding::Down))
	}

	/// From here on, an AI whose decision is still on its way is settled without it: 85 % of the period, rounded down.
	/// Extensions do not move it.
	pub fn last_answer(&self) -> u32 {
		self.start.saturating_add(percent_of(self.length, LAST_ANSWER, Rounding::Down))
	}

	/// The first block in which no ballot is taken any more. Each extension adds 25 % of the period, rounded up.
	pub fn end(&self) -> u32 {
		let extension = percent_of(self.length, EXTENSION, Rounding::Up).saturating_mul(self.extensions.into());
		self.start.saturating_add(self.length).saturating_add(extension)
	}

	/// Whether ballots are taken.
	pub fn is_open(&self, now: u32) -> bool {
		(self.start..self.end()).contains(&now)
	}

	/// Whether it is open and no more than 20 % of the period, rounded up, are left.
	pub fn is_late(&self, now: u32) -> bool {
		self.is_open(now) && self.end().saturating_sub(now) <= percent_of(self.length, LATE, Rounding::Up)
	}

	/// The period after the leading side has changed at `now`: a late change extends it, twice at most.
	pub fn flipped(self, now: u32) -> Self {
		if self.is_late(now) && self.extensions < MAX_EXTENSIONS {
			Self { extensions: self.extensions.saturating_add(1), ..self }
		} else {
			self
		}
	}
}

/// Whether a day of objections follows, in which only nays are taken: AIs have turned a failure into a pass. When they have
/// turned a pass into a failure, a nay more would change nothing.
pub fn needs_objection(passes_without_ai: bool, passes_with_ai: bool) -> bool {
	passes_with_ai && !passes_without_ai
}

/// The deposit of a proposal, in planck, while so many others are live in its community: `base`, doubled for every eight.
/// What has no room is [`u128::MAX`].
pub fn deposit(base: u128, live: u32) -> u128 {
	doubled(base, live / PROPOSALS_PER_DOUBLING)
}

/// Whether a closed proposal's deposit is burned.
pub fn is_deposit_burned(support: Perbill, is_spam: bool) -> bool {
	is_spam || support < LEAST_SUPPORT
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn period_should_have_its_parts() {
		let voting = Voting::new(1_000, 100);
		assert_eq!((voting.cut_off(), voting.last_answer(), voting.end()), (1_070, 1_085, 1_100));
		assert!(!voting.is_open(999) && voting.is_open(1_000) && voting.is_open(1_099) && !voting.is_open(1_100));
		assert!(!voting.is_late(1_079) && voting.is_late(1_080) && !voting.is_late(1_100));
	}

	#[test]
	fn late_change_should_extend_twice_at_most() {
		let voting = Voting::new(1_000, 100);
		assert_eq!(voting.flipped(1_079), voting, "not late");
		let once = voting.flipped(1_099);
		assert_eq!((once.end(), once.cut_off(), once.last_answer()), (1_125, 1_070, 1_085));
		assert_eq!(once.flipped(1_104), once, "not late any more");
		let twice = once.flipped(1_105);
		assert_eq!(twice.end(), 1_150);
		assert_eq!(twice.flipped(1_149), twice);
	}

	#[test]
	fn short_periods_should_be_rounded() {
		let voting = Voting::new(0, 3);
		assert_eq!((voting.cut_off(), voting.last_answer(), voting.end()), (2, 2, 3));
		assert!(voting.is_late(2) && !voting.is_late(1));
		assert_eq!(voting.flipped(2).end(), 4);
		assert!(!Voting::new(5, 0).is_open(5));
		assert_eq!(Voting { start: u32::MAX, length: u32::MAX, extensions: u8::MAX }.end(), u32::MAX);
	}

	#[test]
	fn objection_should_follow_only_when_ais_made_it_pass() {
		let cases = [(false, false), (false, true), (true, false), (true, true)];
		assert_eq!(cases.map(|(without, with)| needs_objection(without, with)), [false, true, false, false]);
	}

	#[test]
	fn deposit_should_double_with_every_eight_live_proposals() {
		assert_eq!([0, 7, 8, 15, 16].map(|live| deposit(10, live)), [10, 10, 20, 20, 40]);
		assert_eq!(deposit(10, u32::MAX), u128::MAX);
	}

	#[test]
	fn deposit_should_be_burned_when_hardly_anybody_is_for_it() {
		assert!(is_deposit_burned(Perbill::from_parts(9_999_999), false));
		assert!(!is_deposit_burned(Perbill::from_percent(1), false));
		assert!(is_deposit_burned(Perbill::one(), true));
	}
}
