//! One file per call, one for the draw, the agenda and the settlement each, and one for what holds whatever is called.

mod agenda;
mod bond_more;
mod cancel_job;
mod commit;
mod draw;
mod invariants;
mod join_model;
mod leave_model;
mod poke;
mod prove_engine;
mod register_operator;
mod reveal;
mod set_worker_key;
mod settlement;
mod start_unbond;
mod submit_job;
mod views;
mod withdraw;

use frame_support::traits::fungible::InspectHold;

use crate::{mock::*, HoldReason, Operators};

/// What an account has on hold for a reason.
fn held(reason: HoldReason, who: u8) -> u64 {
	Balances::balance_on_hold(&reason.into(), &account(who))
}

/// What an account can spend.
fn free(who: u8) -> u64 {
	Balances::free_balance(account(who))
}

/// An operator's seats paid and missed.
fn record(who: u8) -> (u32, u32) {
	let operator = Operators::<Test>::get(account(who)).unwrap();
	(operator.completed, operator.missed)
}
