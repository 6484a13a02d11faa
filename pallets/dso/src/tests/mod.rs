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
mod kinds;
mod open_community;
mod open_group;
mod origins;
mod pause;
mod phases;
mod prompt;
mod purge_seat;
mod reap;
mod referendum;
mod refresh_model_seat;
mod refresh_seat;
mod refusals;
mod request_decision;
mod set_charter;
mod set_template;
mod settle_ai;
mod sizes;
mod submit;
mod training;
mod treasury;
mod unvote;
mod views;
mod vote;
mod vote_child;
mod withdraw;
mod withdraw_data;

use autonomy_governance::{Phase, Track, Votes};
use autonomy_primitives::community::{Class, CommunityId};
use frame_support::{assert_ok, BoundedVec};

use crate::{
	mock::*,
	types::{Anchor, Ballot, Field, VoterKey},
	Action, ActionOf, Ballots, CharacterAction, Charter, ModelAction, ProposalId, Split, TierRow, VersionRules,
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

/// Something of each sort that can be proposed. What X dispatches or asks the holders for is not noted.
fn every_action() -> Vec<ActionOf<Test>> {
	let (hash, len) = (sp_core::H256::zero(), 3);
	let character = [
		CharacterAction::SetPersona { persona: [1; 36] },
		CharacterAction::SetModels { image: Some(1), language: None },
		CharacterAction::SetSplit(Split { owner: 400_000, investors: 200_000, treasury: 200_000, fans: 100_000 }),
		CharacterAction::SetTiers {
			rows: BoundedVec::truncate_from(vec![TierRow { bonded: 5, spent: 7 }]),
			advanced_from: 0,
		},
		CharacterAction::SetActive(false),
		CharacterAction::AcceptChild(2),
		CharacterAction::AskParent(Some(3)),
		CharacterAction::LeaveParent,
		CharacterAction::FoundCollective { name: BoundedVec::truncate_from(b"band".to_vec()), pooled: true },
		CharacterAction::Invite(2),
		CharacterAction::JoinCollective(1),
		CharacterAction::LeaveCollective,
		CharacterAction::VoteReferendum { referendum: 1, aye: true, balance: 5, conviction: 1 },
		CharacterAction::RemoveVote(1),
	];
	let rules = VersionRules {
		accept_at_gain: None,
		data: 250_000,
		compute: 250_000,
		training: 500_000,
		evaluation_set: Some([4; 36]),
	};
	let model = [
		ModelAction::AcceptVersion(1),
		ModelAction::RejectVersion(1),
		ModelAction::SetRules(rules),
		ModelAction::SetDataRoot { root: [5; 36], approved: true },
		ModelAction::OpenSource,
		ModelAction::SetPrice(7),
		ModelAction::SetActive(true),
	];
	let others = [
		Action::Signal,
		charter(&[(Field::VotingDays, 6)]),
		pay(DAVE, 100),
		Action::Spend { asset: Some(102), to: account(DAVE), amount: 100 },
		Action::GrantBadge { who: account(DAVE), points: 2 },
		Action::LapseBadge { who: account(ALICE) },
		Action::Motion { dual: false, hash, len },
		Action::Motion { dual: true, hash, len },
		Action::StartTraining { recipe: [6; 36], trainer: account(DAVE), budget: 100, days: 10 },
		Action::PublishCheckpoint { training: 0, checkpoint: [7; 36], payment: 10 },
		Action::EndTraining(0),
		Action::GrantComputeBadge { who: account(DAVE), points: 3 },
	];
	let tracks = Track::ALL.into_iter().map(|track| Action::Dispatch { track, hash, len });
	let of_character = character.into_iter().map(Action::Character);
	others.into_iter().chain(tracks).chain(of_character).chain(model.into_iter().map(Action::Model)).collect()
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

/// Alice holds [`MODEL`] and has claimed the seat, Bob gives data and Carol compute, since yesterday. It is the last phase.
fn holders_of_the_model() {
	assert_ok!(Dso::claim_seat(signed(ALICE), of_model(), Anchor::Model(MODEL)));
	assert_ok!(Dso::set_badge(of_model(), account(BOB), Class::Contributor, 5));
	assert_ok!(Dso::set_badge(of_model(), account(CAROL), Class::Compute, 5));
	go_on(1);
	set_phase(Phase::Four);
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
