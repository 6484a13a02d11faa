#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(
	not(test),
	warn(
		clippy::arithmetic_side_effects,
		clippy::expect_used,
		clippy::indexing_slicing,
		clippy::panic,
		clippy::unwrap_used
	)
)]

mod ai;
mod lifecycle;
mod limits;
mod numbers;
mod phases;
mod result;
mod tally;

pub use ai::{
	capped_weight, creation_burn, is_fresh, is_settled_persona, period_of, preference, seat_weight, AiVotes, SeatRule,
	ABSTENTION_BAND, CONTROLLER_CAP, PERSONA_DAYS, SEAT_PERIOD_DAYS, SEAT_WEIGHT, SEAT_WEIGHT_MOST,
};
pub use autonomy_primitives::community::{Class, CommunityId, Day, Power};
pub use lifecycle::{
	deposit, is_deposit_burned, needs_objection, Voting, LEAST_SUPPORT, MAX_EXTENSIONS, PROPOSALS_PER_DOUBLING,
};
pub use limits::{
	are_weights, Bounds, CharterBounds, SpendWindow, StepRule, Steps, FRANCHISE_DELAY_DAYS, SPEND_DAYS, WEIGHTS,
};
pub use numbers::{basis_points, Lean, Parts, Side, WHOLE};
pub use phases::{
	ai_share_in_force, check_advance, Needs, Phase, Readiness, Track, TrackRule, Unready, SECOND_VOTE_DAYS,
};
pub use result::{ai_share, approval, decide, ConsentRule, Failure, Question, Rule};
pub use sp_arithmetic::Perbill;
pub use tally::{ballot_power, members_floor, shares_floor, tally, ClassVotes, Tally, Votes};
