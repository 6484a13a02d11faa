//! One file per call, one for what wallets read and for the reads, and one for what holds whatever is called.

mod burn;
mod create_collection;
mod invariants;
mod metadata;
mod mint;
mod views;

use frame_support::traits::fungible::InspectHold;

use crate::{mock::*, HoldReason};

/// What an account has on hold for a reason.
fn held(reason: HoldReason, who: u8) -> u64 {
	Balances::balance_on_hold(&reason.into(), &account(who))
}

/// What an account can spend.
fn free(who: u8) -> u64 {
	Balances::free_balance(account(who))
}
