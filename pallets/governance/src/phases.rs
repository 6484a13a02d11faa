//! The four phases, what X decides in each, and what it takes to begin the next.

use autonomy_primitives::community::Day;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_arithmetic::Perbill;

use crate::result::{Question, Rule};

/// A fifth: most that AIs weigh in the second phase.
const FIFTH: Perbill = Perbill::from_percent(20);
/// A third, rounded down: most that AIs weigh from the third phase on.
const THIRD: Perbill = Perbill::from_parts(333_333_333);
/// Days after which a constitutional proposal that the AI house refused may be voted on again without it.
pub const SECOND_VOTE_DAYS: Day = 14;

/// A phase of governance.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Debug,
	Default,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub enum Phase {
	/// People decide, within templates.
	#[default]
	#[codec(index = 0)]
	One,
	/// AIs vote.
	#[codec(index = 1)]
	Two,
	/// X decides on the economy and on models.
	#[codec(index = 2)]
	Three,
	/// X decides on models' data and on opening them.
	#[codec(index = 3)]
	Four,
}

impl Phase {
	/// Every phase, in order.
	pub const ALL: [Self; 4] = [Self::One, Self::Two, Self::Three, Self::Four];

	/// The one after it.
	pub fn next(self) -> Option<Self> {
		match self {
			Self::One => Some(Self::Two),
			Self::Two => Some(Self::Three),
			Self::Three => Some(Self::Four),
			Self::Four => None,
		}
	}

	/// The one before it.
	pub fn previous(self) -> Option<Self> {
		match self {
			Self::One => None,
			Self::Two => Some(Self::One),
			Self::Three => Some(Self::Two),
			Self::Four => Some(Self::Three),
		}
	}

	/// Most that AIs weigh in anything.
	pub fn ai_share_limit(self) -> Perbill {
		match self {
			Self::One => Perbill::zero(),
			Self::Two => FIFTH,
			Self::Three | Self::Four => THIRD,
		}
	}

	/// Most that a community's own AI weighs in it.
	pub fn own_ai_share_limit(self) -> Perbill {
		self.ai_share_limit().min(FIFTH)
	}
}

/// What AIs weigh in a live proposal: what was frozen, but no more than the present phase allows.
pub fn ai_share_in_force(frozen: Perbill, phase: Phase) -> Perbill {
	frozen.min(phase.ai_share_limit())
}

/// A track of the X Community: a kind of decision, with thresholds of its own.
#[derive(
	Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Track {
	/// A wish, that binds nobody.
	#[codec(index = 0)]
	Wish,
	/// Templates and their bounds.
	#[codec(index = 1)]
	Templates,
	/// Rules of interaction.
	#[codec(index = 2)]
	Interaction,
	/// Fees, burned parts, rewards, the platform's part.
	#[codec(index = 3)]
	Economic,
	/// Approving, pinning and retiring models.
	#[codec(index = 4)]
	Models,
	/// Models' data and opening their source.
	#[codec(index = 5)]
	Data,
	/// Small spending of X's treasury.
	#[codec(index = 6)]
	TreasurySmall,
	/// Large spending of X's treasury.
	#[codec(index = 7)]
	TreasuryLarge,
	/// Constitution, phases, upgrades: a motion to democracy that needs a super-majority there.
	#[codec(index = 8)]
	Constitution,
	/// The same with both houses behind it: a motion to democracy that needs a simple majority there.
	#[codec(index = 9)]
	ConstitutionDual,
}

/// What a track asks for. Defaults, which governance may change within its constants.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct TrackRule {
	/// What a proposal must meet.
	pub question: Question,
	/// Days of voting.
	pub voting_days: Day,
	/// Days of the time-lock.
	pub lock_days: Day,
	/// Share of an asset of the treasury that the track may spend in any 7 days.
	pub spend: Option<Perbill>,
}

impl Track {
	/// Every track.
	pub const ALL: [Self; 10] = [
		Self::Wish,
		Self::Templates,
		Self::Interaction,
		Self::Economic,
		Self::Models,
		Self::Data,
		Self::TreasurySmall,
		Self::TreasuryLarge,
		Self::Constitution,
		Self::ConstitutionDual,
	];

	/// The first phase in which X decides. Before it, Root does.
	pub fn opens(self) -> Phase {
		match self {
			Self::Wish
			| Self::Templates
			| Self::TreasurySmall
			| Self::TreasuryLarge
			| Self::Constitution
			| Self::ConstitutionDual => Phase::One,
			Self::Interaction => Phase::Two,
			Self::Economic | Self::Models => Phase::Three,
			Self::Data => Phase::Four,
		}
	}

	/// Most that AIs weigh in a phase. Nothing in treasury and constitution, in any phase.
	pub fn ai_share(self, phase: Phase) -> Perbill {
		let most = match self {
			Self::Wish | Self::Templates => FIFTH,
			Self::Interaction | Self::Economic | Self::Models | Self::Data => THIRD,
			Self::TreasurySmall | Self::TreasuryLarge | Self::Constitution | Self::ConstitutionDual => Perbill::zero(),
		};
		if phase < self.opens() {
			Perbill::zero()
		} else {
			most.min(phase.ai_share_limit())
		}
	}

	/// Least ayes of the AI house: of constitutional matters, from the third phase on.
	fn ai_house(self, phase: Phase) -> Option<Perbill> {
		let percent = match self {
			Self::Constitution => 50,
			Self::ConstitutionDual => 66,
			Self::Wish
			| Self::Templates
			| Self::Interaction
			| Self::Economic
			| Self::Models
			| Self::Data
			| Self::TreasurySmall
			| Self::TreasuryLarge => return None,
		};
		(phase >= Phase::Three).then(|| Perbill::from_percent(percent))
	}

	/// What the track asks for in a phase. `None` before it opens.
	pub fn rule(self, phase: Phase) -> Option<TrackRule> {
		let (approval, support, voting_days, lock_days, spend) = match self {
			Self::Wish => (50, 1, 7, 0, None),
			Self::Templates => (60, 5, 10, 3, None),
			Self::Interaction => (50, 3, 7, 2, None),
			Self::Economic => (60, 5, 10, 3, None),
			Self::Models => (60, 4, 7, 2, None),
			Self::Data => (60, 5, 14, 7, None),
			Self::TreasurySmall => (50, 2, 7, 2, Some(5)),
			Self::TreasuryLarge => (66, 8, 14, 7, Some(25)),
			Self::Constitution | Self::ConstitutionDual => (66, 10, 14, 7, None),
		};
		(phase >= self.opens()).then(|| TrackRule {
			question: Question {
				rule: Rule {
					approval: Perbill::from_percent(approval),
					support: Perbill::from_percent(support),
					ai_share: self.ai_share(phase),
				},
				concurring: 0,
				ai_house: self.ai_house(phase),
			},
			voting_days,
			lock_days,
			spend: spend.map(Perbill::from_percent),
		})
	}
}

/// What is on chain when a phase is to begin.
#[derive(
	Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Readiness {
	/// Active characters.
	pub active_characters: u32,
	/// Bonded operators of workers.
	pub bonded_workers: u32,
	/// Days in which AIs have voted without weight.
	pub shadow_days: Day,
	/// Decisions that were settled, of all that were asked for, lately.
	pub shadow_settled: Perbill,
	/// Days since the present phase began.
	pub days_in_phase: Day,
	/// Slashes of operators that are not resolved.
	pub unresolved_slashes: u32,
	/// Models whose provenance is known in full.
	pub models_with_provenance: u32,
}

/// What a phase cannot begin without.
#[derive(
	Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Unready {
	/// It is not the next phase.
	#[codec(index = 0)]
	NotNext,
	/// There are too few active characters.
	#[codec(index = 1)]
	Characters,
	/// There are too few bonded operators.
	#[codec(index = 2)]
	Workers,
	/// AIs have voted without weight for too few days.
	#[codec(index = 3)]
	ShadowDays,
	/// Too few of their decisions were settled.
	#[codec(index = 4)]
	ShadowSettled,
	/// The present phase began too recently.
	#[codec(index = 5)]
	DaysInPhase,
	/// A slash of an operator is not resolved.
	#[codec(index = 6)]
	Slashes,
	/// No model's provenance is known in full.
	#[codec(index = 7)]
	Provenance,
}

/// What phases need. Defaults of the design; a development chain may need less.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
#[cfg_attr(
	feature = "serde",
	derive(serde::Serialize, serde::Deserialize),
	serde(rename_all = "camelCase", deny_unknown_fields)
)]
pub struct Needs {
	/// Active characters that the second phase needs.
	pub characters: u32,
	/// Bonded operators that the second phase needs.
	pub workers: u32,
	/// Days of votes without weight that the second phase needs.
	pub shadow_days: Day,
	/// Settled decisions, of all that were asked for lately, that the second phase needs; in billionths as JSON.
	pub shadow_settled: Perbill,
	/// Days in the second phase that the third needs.
	pub days_in_two: Day,
	/// Days in the third phase that the fourth needs.
	pub days_in_three: Day,
}

impl Needs {
	/// What the phases of a chain need, unless its genesis says otherwise.
	pub const DEFAULT: Self = Self {
		characters: 20,
		workers: 15,
		shadow_days: 30,
		shadow_settled: Perbill::from_percent(95),
		days_in_two: 90,
		days_in_three: 180,
	};
}

impl Default for Needs {
	fn default() -> Self {
		Self::DEFAULT
	}
}

/// Whether a phase may begin: the next one, with all that it needs. Otherwise the first thing that is missing.
pub fn check_advance(from: Phase, to: Phase, readiness: &Readiness, needs: &Needs) -> Result<(), Unready> {
	if from.next() != Some(to) {
		return Err(Unready::NotNext);
	}
	match to {
		Phase::One => Ok(()),
		Phase::Two => first_missing(&[
			(readiness.active_characters >= needs.characters, Unready::Characters),
			(readiness.bonded_workers >= needs.workers, Unready::Workers),
			(readiness.shadow_days >= needs.shadow_days, Unready::ShadowDays),
			(readiness.shadow_settled >= needs.shadow_settled, Unready::ShadowSettled),
		]),
		Phase::Three => first_missing(&[
			(readiness.days_in_phase >= needs.days_in_two, Unready::DaysInPhase),
			(readiness.unresolved_slashes == 0, Unready::Slashes),
		]),
		Phase::Four => first_missing(&[
			(readiness.days_in_phase >= needs.days_in_three, Unready::DaysInPhase),
			(readiness.models_with_provenance > 0, Unready::Provenance),
		]),
	}
}

fn first_missing(needs: &[(bool, Unready)]) -> Result<(), Unready> {
	needs.iter().find(|(is_met, _)| !is_met).map_or(Ok(()), |(_, missing)| Err(*missing))
}

#[cfg(test)]
mod tests {
	use super::*;

	const READY: Readiness = Readiness {
		active_characters: 20,
		bonded_workers: 15,
		shadow_days: 30,
		shadow_settled: Perbill::from_percent(95),
		days_in_phase: 180,
		unresolved_slashes: 0,
		models_with_provenance: 1,
	};

	#[test]
	fn indices_should_never_change() {
		assert_eq!(Phase::ALL.encode(), [0, 1, 2, 3]);
		assert_eq!(Track::ALL.encode(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
	}

	#[test]
	fn phases_should_follow_each_other() {
		for (one, other) in Phase::ALL.into_iter().zip(Phase::ALL.into_iter().skip(1)) {
			assert_eq!((one.next(), other.previous()), (Some(other), Some(one)));
		}
		assert_eq!((Phase::Four.next(), Phase::One.previous()), (None, None));
	}

	#[test]
	fn every_track_should_be_passable_by_members_alone() {
		for (track, phase) in Track::ALL.into_iter().flat_map(|track| Phase::ALL.map(|phase| (track, phase))) {
			let rule = track.rule(phase);
			assert_eq!(rule.is_some(), phase >= track.opens());
			assert!(rule.is_none_or(|rule| rule.question.rule.is_sound()), "{track:?} in {phase:?}");
		}
	}

	#[test]
	fn ais_should_never_weigh_on_treasury_and_constitution() {
		use Track::*;
		for phase in Phase::ALL {
			for track in [TreasurySmall, TreasuryLarge, Constitution, ConstitutionDual] {
				assert_eq!(track.ai_share(phase), Perbill::zero());
			}
		}
		let shares = |track: Track| Phase::ALL.map(|phase| track.ai_share(phase).deconstruct());
		assert_eq!(shares(Wish), [0, 200_000_000, 200_000_000, 200_000_000]);
		assert_eq!(shares(Interaction), [0, 200_000_000, 333_333_333, 333_333_333]);
		assert_eq!(shares(Economic), [0, 0, 333_333_333, 333_333_333]);
		assert_eq!(shares(Data), [0, 0, 0, 333_333_333]);
	}

	#[test]
	fn ai_house_should_be_asked_from_the_third_phase_on() {
		let house = |phase| Track::Constitution.rule(phase).and_then(|rule| rule.question.ai_house);
		assert_eq!(house(Phase::Two), None);
		assert_eq!(house(Phase::Three), Some(Perbill::from_percent(50)));
		let dual = Track::ConstitutionDual.rule(Phase::Four).and_then(|rule| rule.question.ai_house);
		assert_eq!(dual, Some(Perbill::from_percent(66)));
	}

	#[test]
	fn own_ai_should_weigh_a_fifth_at_most() {
		let limits = Phase::ALL.map(|phase| phase.own_ai_share_limit().deconstruct());
		assert_eq!(limits, [0, 200_000_000, 200_000_000, 200_000_000]);
	}

	#[test]
	fn phase_should_begin_only_when_everything_is_there() {
		use Phase::*;
		let check = |from, to, readiness: &Readiness| check_advance(from, to, readiness, &Needs::DEFAULT);
		assert_eq!(check(One, Two, &READY), Ok(()));
		assert_eq!(check(Two, Three, &READY), Ok(()));
		assert_eq!(check(Three, Four, &READY), Ok(()));
		for (from, to) in [(One, Three), (Two, Two), (Two, One), (Four, One)] {
			assert_eq!(check(from, to, &READY), Err(Unready::NotNext));
		}
		let missing = [
			(One, Readiness { active_characters: 19, ..READY }, Unready::Characters),
			(One, Readiness { bonded_workers: 14, ..READY }, Unready::Workers),
			(One, Readiness { shadow_days: 29, ..READY }, Unready::ShadowDays),
			(One, Readiness { shadow_settled: Perbill::from_percent(94), ..READY }, Unready::ShadowSettled),
			(Two, Readiness { days_in_phase: 89, ..READY }, Unready::DaysInPhase),
			(Two, Readiness { unresolved_slashes: 1, ..READY }, Unready::Slashes),
			(Three, Readiness { days_in_phase: 179, ..READY }, Unready::DaysInPhase),
			(Three, Readiness { models_with_provenance: 0, ..READY }, Unready::Provenance),
		];
		for (from, readiness, unready) in missing {
			let to = from.next().unwrap();
			assert_eq!(check(from, to, &readiness), Err(unready));
		}
	}

	#[test]
	fn development_chain_should_be_able_to_need_less() {
		let needs = Needs { characters: 1, workers: 0, shadow_days: 0, days_in_two: 1, ..Needs::DEFAULT };
		let few = Readiness { active_characters: 1, bonded_workers: 0, shadow_days: 0, ..READY };
		assert_eq!(check_advance(Phase::One, Phase::Two, &few, &needs), Ok(()));
		assert_eq!(check_advance(Phase::One, Phase::Two, &few, &Needs::DEFAULT), Err(Unready::Characters));
		let young = Readiness { days_in_phase: 1, ..READY };
		assert_eq!(check_advance(Phase::Two, Phase::Three, &young, &needs), Ok(()));
	}
}
