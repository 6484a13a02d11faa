//! One file per call or for calls that belong together, one for what other pallets ask, for origins, reads and attacks each,
//! and one for what holds whatever is called.

mod attacks;
mod badges;
mod cancel;
mod claim_seat;
mod close;
mod close_community;
mod edit;
mod execute;
mod flush_outbox;
mod invariants;
mod open_community;
mod open_group;
mod origins;
mod pause;
mod phases;
mod purge_seat;
mod reap;
mod refresh_seat;
mod request_decision;
mod set_charter;
mod set_template;
mod settle_ai;
mod sizes;
mod submit;
mod treasury;
mod unvote;
mod views;
mod vote;
mod vote_child;
mod withdraw;

use autonomy_governance::Votes;
use autonomy_primitives::community::{Class, CommunityId};
use frame_support::BoundedVec;

use crate::{
	mock::*,
	types::{Ballot, Field, VoterKey},
	Action, ActionOf, Ballots, Charter, ProposalId,
};

/// What was cast in a class of a proposal's own community.
fn cast(id: ProposalId, class: Class) -> Votes {
	proposal(id).lines.iter().find(|line| line.class == class).unwrap().votes.votes
}

/// Ayes, nays and abstentions.
fn sides(votes: Votes) -> (u128, u128, u128) {
	(votes.ayes, votes.nays, votes.abstentions)
}

fn ballot(id: ProposalId, community: CommunityId, class: Class, who: u8) -> Option<Ballot> {
	Ballots::<Test>::get((id, community, VoterKey::Account(class, account(who))))
}

/// A change of charter fields.
fn charter(changes: &[(Field, u32)]) -> ActionOf<Test> {
	Action::SetCharter(BoundedVec::truncate_from(changes.to_vec()))
}

/// The charter of a community that is in force.
fn in_force(community: CommunityId) -> Charter {
	Dso::charter(community).unwrap()
}

fn pay(to: u8, amount: u128) -> ActionOf<Test> {
	Action::Spend { asset: None, to: account(to), amount }
}

/// Alice holds [`ADA`] and has claimed the seat, Bob is an investor and Carol a fan, since yesterday.
fn with_members() -> CommunityId {
	claim(ALICE, ADA);
	invest(BOB, ADA, 1_000);
	for fan_of_hers in [CAROL, 20, 21, 22, 23] {
		fan(fan_of_hers, ADA);
	}
	go_on(1);
	of(ADA)
}

/// Everybody in the community of [`ADA`] votes for a proposal.
fn all_below(id: ProposalId) {
	use autonomy_governance::Side;
	open(id);
	vote_as_holder(ALICE, id, ADA, Side::Aye);
	vote(BOB, id, Class::Investor, Side::Aye);
	for fan_of_hers in [CAROL, 20, 21, 22, 23] {
		vote(fan_of_hers, id, Class::Fan, Side::Aye);
	}
}

/// Passes a proposal in the community of [`ADA`], with everybody for it, and executes it.
fn decide_below(action: ActionOf<Test>) -> ProposalId {
	let id = propose(ALICE, of(ADA), action);
	all_below(id);
	close(id);
	execute(id);
	id
}

/// Seats the AIs of characters 2 to 6, each of another holder, with a weight of 100.
fn spread_ais() {
	for owner in 2..=6u8 {
		sell(owner.into(), ALICE, 10 + owner);
	}
	seat_ais(&[2, 3, 4, 5, 6], 100);
}

/// All of [`spread_ais`] are asked, give the same answer and are counted.
fn all_ais(id: ProposalId, percent: i8) {
	let jobs: Vec<_> = (2..=6).map(|character| ask(id, character)).collect();
	for job in jobs {
		answer(job, Some(percent));
	}
	cut_off(id);
	settle(id, &[2, 3, 4, 5, 6]);
}
