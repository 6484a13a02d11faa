//! One file per call, one for communities, power, revenue, reads and sizes each, one for attacks, and one for what holds
//! whatever is called.

mod attacks;
mod bond;
mod claim;
mod communities;
mod delegate;
mod expire_delegation;
mod extend;
mod invariants;
mod poke_bond;
mod power;
mod revenue;
mod sizes;
mod unbond;
mod undelegate;
mod views;
mod withdraw;

use autonomy_primitives::community::{Class, CommunityId, Day, Pot, Power, Topic};

use crate::{mock::*, ChunksOf, Inbound, Portfolios, Unbonding};

/// What is unbonding of a bond: when, and how much.
fn unbonding(n: u8, community: CommunityId, pot: Pot) -> Vec<(Day, u64)> {
	let chunks: ChunksOf<Test> = Unbonding::<Test>::get((community, pot, account(n)));
	chunks.into_iter().map(|chunk| (chunk.due, chunk.amount)).collect()
}

/// The bonds of an account, the oldest first.
fn portfolio(n: u8) -> Vec<(CommunityId, Pot)> {
	Portfolios::<Test>::get(account(n)).into_inner()
}

/// Power that is delegated to an account from now on.
fn inbound(n: u8, community: CommunityId, class: Class, topic: Topic) -> Power {
	*Inbound::<Test>::get((community, class, topic, account(n))).power.latest()
}

/// Whom an account delegates to.
fn delegate_of(n: u8, community: CommunityId, class: Class, topic: Topic) -> Option<u8> {
	let delegation = Bonds::delegation_of(community, class, topic, account(n))?;
	(0..=LAST).find(|n| account(*n) == delegation.to)
}
