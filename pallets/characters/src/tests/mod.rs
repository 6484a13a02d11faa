//! One file per call, one for what a character earns, for jobs, for attacks and for the reads each, and one for what holds
//! whatever is called.

mod accept_child;
mod ask_parent;
mod attacks;
mod close_round;
mod create;
mod customise;
mod found_collective;
mod invariants;
mod invest;
mod invite;
mod jobs;
mod join;
mod join_collective;
mod leave;
mod leave_collective;
mod leave_parent;
mod refresh_fan;
mod set_active;
mod set_models;
mod set_persona;
mod set_template;
mod talk;
mod terms;
mod upgrade;
mod views;

use frame_support::{assert_ok, traits::fungible::InspectHold};

use crate::{
	mock::*, Badge, CharacterId, CharacterInfoOf, Characters as Stored, CollectiveId, CollectiveMode, Fans, HoldReason,
};

/// Something that a test changes.
type Change<T> = fn(&mut T);

/// What an account has on hold for a reason.
fn held(reason: HoldReason, who: u8) -> u128 {
	Balances::balance_on_hold(&reason.into(), &account(who))
}

/// What an account can spend.
fn free(who: u8) -> u128 {
	Balances::free_balance(account(who))
}

fn info(character: CharacterId) -> CharacterInfoOf<Test> {
	Stored::<Test>::get(character).unwrap()
}

fn badge(character: CharacterId, who: u8) -> Option<Badge<u128, u64>> {
	Fans::<Test>::get(character, account(who))
}

/// Tier and points of a fan.
fn rank(character: CharacterId, who: u8) -> (u8, u8) {
	badge(character, who).map(|badge| (badge.tier, badge.points)).unwrap()
}

/// Voting power of a fan from tomorrow on.
fn fan_power(character: CharacterId, who: u8) -> u128 {
	use autonomy_primitives::community::{Class, PowerSource};
	Bonds::standing(community(character), Class::Fan, &account(who))
}

/// Makes a character a sub-identity of another one, both of the same owner.
fn adopt(parent: CharacterId, child: CharacterId, owner: u8) {
	assert_ok!(Characters::ask_parent(signed(owner), child, Some(parent)));
	assert_ok!(Characters::accept_child(signed(owner), parent, child));
}

/// Founds a collective of two characters of the same owner.
fn collective(one: CharacterId, other: CharacterId, owner: u8, mode: CollectiveMode) -> CollectiveId {
	assert_ok!(Characters::found_collective(signed(owner), one, name("Band"), mode));
	let id = info(one).collective.unwrap();
	assert_ok!(Characters::invite(signed(owner), one, other));
	assert_ok!(Characters::join_collective(signed(owner), id, other));
	id
}
