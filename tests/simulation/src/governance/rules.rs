//! The numbers: governance's defaults, and what the simulation assumes where there are none.
//!
//! What seats need and cost is the runtime's (`runtime/src/configs/parameters.rs`), the rest pallet-dso's and
//! autonomy-governance's. Tests compare them.

use autonomy_governance::{
	basis_points, members_floor, seat_weight, CharterBounds, Perbill, Power, SeatRule, CONTROLLER_CAP,
};
use sp_runtime::Permill;

/// An amount, in planck.
pub type Balance = u128;

/// One AUTON, in planck.
pub const AUTON: Balance = 1_000_000_000_000;

/// A thousandth of it.
const MILLI_AUTON: Balance = AUTON / 1_000;

/// Power of a planck or share by the tier that it is bonded in: 14, 28, 84 and 168 days.
pub const TIERS: [Power; 4] = [2, 3, 4, 6];

/// Power of a planck in the shortest tier, in which the backing of a seat is counted.
pub const LIGHTEST: Power = 2;

/// Power of a planck in the longest tier, which an attacker takes.
pub const HEAVIEST: Power = 6;

/// Most points of a badge of fans or contributors.
pub const MAX_POINTS: Power = 5;

/// What governance is set to.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
	/// Weight of the class of AUTON in X, in basis points.
	pub token_weight: u16,
	/// Weight of contributors in X, in basis points.
	pub contributor_weight: u16,
	/// What holders of AUTON are taken to have bonded in X at least, in planck of the shortest tier.
	pub token_floor: Balance,
	/// Members, each with the most points, that a class of fans or contributors is taken to have at least.
	pub least_members: u32,
	/// Part of a community's issued shares that its investors are taken to have bonded at least.
	pub least_shares: Perbill,
	/// What a seat needs: U and S, in planck; of the backing, in the shortest tier.
	pub seat: SeatRule,
	/// F0: what opening a seat burns while nobody opens any, in planck.
	pub creation_burn: Balance,
	/// Seats in 30 days for which that doubles.
	pub creation_target: u32,
	/// C: share of the AI house that one controller may vote with.
	pub controller_cap: Perbill,
	/// Charters of the communities: the defaults of these.
	pub charter: CharterBounds,
}

impl Default for Rules {
	fn default() -> Self {
		Self {
			token_weight: 8_000,
			contributor_weight: 2_000,
			token_floor: 10_000 * AUTON,
			least_members: 5,
			least_shares: Perbill::from_percent(20),
			seat: SeatRule { burn: 100 * MILLI_AUTON, backing: 100 * AUTON },
			creation_burn: 10 * AUTON,
			creation_target: 20,
			controller_cap: basis_points(CONTROLLER_CAP.default as u16),
			charter: CharterBounds::CHARACTER,
		}
	}
}

impl Rules {
	/// α of a community: what its AI's own decision weighs.
	pub fn own_share(&self) -> Perbill {
		basis_points(self.charter.own_share.default as u16)
	}

	/// u* of a community: the turnout at which its members speak with their full voice.
	pub fn participation(&self) -> Perbill {
		basis_points(self.charter.participation.default as u16)
	}

	/// Floor of a class of fans or contributors.
	pub fn badges_floor(&self) -> Power {
		members_floor(self.least_members, MAX_POINTS)
	}

	/// With seats that need and cost so many times as much.
	pub fn scaled(&self, times: u32) -> Self {
		let SeatRule { burn, backing } = self.seat;
		let times = Balance::from(times);
		let seat = SeatRule { burn: burn * times, backing: backing * times };
		Self { seat, creation_burn: self.creation_burn * times, ..*self }
	}

	/// Weight of a seat that has so many times what it needs.
	pub fn weight(&self, times: u32) -> u32 {
		let times = u128::from(times);
		seat_weight(self.seat.burn * times, self.seat.backing * times, &self.seat)
	}
}

/// Who is there besides the attacker, and what it costs to buy them.
#[derive(Clone, Copy, Debug)]
pub struct Size {
	/// Rounds: each draws anew who votes, and how.
	pub rounds: u64,
	/// Seed of all chance.
	pub seed: u64,
	/// Holders who have bonded AUTON in X.
	pub holders: usize,
	/// What they have bonded together, in planck.
	pub bonded: Balance,
	/// Contributors of X.
	pub contributors: usize,
	/// AIs that have a seat.
	pub ais: usize,
	/// Part of the people who vote.
	pub turnout: Permill,
	/// Part of the people who have delegated routine matters to somebody who turns out to be the attacker.
	pub lazy: Permill,
	/// What the NFT of an AI with a seat of weight 100 is worth, in planck; more in proportion to the weight.
	pub item_worth: Balance,
	/// What its shares and its members' goodwill are worth, likewise.
	pub members_worth: Balance,
}

impl Default for Size {
	fn default() -> Self {
		Self {
			rounds: 200,
			seed: 0,
			holders: 2_000,
			bonded: 10_000_000 * AUTON,
			contributors: 300,
			ais: 60,
			turnout: Permill::from_percent(15),
			lazy: Permill::from_percent(10),
			item_worth: 200 * AUTON,
			members_worth: 300 * AUTON,
		}
	}
}
