//! One file per call, one for attacks, one for the reads, and one for what holds whatever is called.

mod accept_offer;
mod attacks;
mod bid;
mod buy;
mod buy_licence;
mod cancel_auction;
mod cancel_listing;
mod cancel_offer;
mod end_licence;
mod expire_listing;
mod expire_offer;
mod invariants;
mod list;
mod list_bundle;
mod make_offer;
mod open_licence;
mod set_licence_terms;
mod set_price;
mod settle_auction;
mod start_auction;
mod views;

use frame_support::{
	assert_ok,
	traits::{
		fungible::{InspectHold, Mutate},
		tokens::Preservation,
	},
};

use crate::{mock::*, HoldReason, Items};

/// What an account has on hold for a reason.
fn held(reason: HoldReason, who: u8) -> u128 {
	Balances::balance_on_hold(&reason.into(), &account(who))
}

/// What an account can spend.
fn free(who: u8) -> u128 {
	Balances::free_balance(account(who))
}

/// Items of [`WORKS`].
fn works(items: &[u32]) -> Items<u32, u32> {
	items.iter().map(|item| (WORKS, *item)).collect::<Vec<_>>().try_into().unwrap()
}

/// Sends all that an account can spend to somebody else, so that nothing but holds is left. Something else keeps the
/// account alive.
fn drain(who: u8) {
	frame_system::Pallet::<Test>::inc_providers(&account(who));
	let all = free(who);
	assert_ok!(<Balances as Mutate<_>>::transfer(&account(who), &account(5), all, Preservation::Expendable));
	assert_eq!(free(who), 0);
}
