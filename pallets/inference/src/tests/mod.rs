//! One file per call, one for the draw, the committee, the audit, the jury, the agenda, the settlement, the split, evaluations,
//! ballots and versions each, those of attacks and of faults that others had, and one for what holds whatever is called.

mod agenda;
mod attacks;
mod audit;
mod ballots;
mod bond_more;
mod cancel_job;
mod challenge;
mod commit;
mod decline;
mod draw;
mod evaluations;
mod invariants;
mod join_model;
mod jury;
mod known_faults;
mod leave_model;
mod penalties;
mod poke;
mod prove_engine;
mod redraw;
mod register_operator;
mod report_ballot;
mod report_evaluation;
mod resolve_engine_fault;
mod reveal;
mod set_worker_key;
mod settlement;
mod sizes;
mod split;
mod start_unbond;
mod submit;
mod submit_job;
mod versions;
mod views;
mod withdraw;

use autonomy_primitives::{payout::Payee, JobId};
use frame_support::{
	assert_ok,
	traits::{
		fungible::{InspectHold, Mutate},
		tokens::Preservation,
	},
};

use crate::{mock::*, Event, FailReason, HoldReason, OperatorOf, Operators, Part, PaymentOf};

/// What an account has on hold for a reason.
fn held(reason: HoldReason, who: u8) -> u64 {
	Balances::balance_on_hold(&reason.into(), &account(who))
}

/// What an account can spend.
fn free(who: u8) -> u64 {
	Balances::free_balance(account(who))
}

/// Everything that an account has.
fn total(who: u8) -> u64 {
	use frame_support::traits::fungible::Inspect;
	Balances::total_balance(&account(who))
}

fn operator(who: u8) -> OperatorOf<Test> {
	Operators::<Test>::get(account(who)).unwrap()
}

/// An operator's seats completed and missed.
fn record(who: u8) -> (u32, u32) {
	let operator = operator(who);
	(operator.completed, operator.missed)
}

/// What an operator lost of its bond.
fn lost(who: u8) -> u64 {
	BOND - operator(who).bond
}

/// Why a job failed.
fn failure(job: JobId) -> Option<FailReason> {
	events().into_iter().find_map(|event| match event {
		Event::JobFailed { job: failed, reason, .. } if failed == job => Some(reason),
		_ => None,
	})
}

/// Who was paid out of the escrow of a job, and how much was burned and went back, in planck.
fn payments(job: JobId) -> (Vec<PaymentOf<Test>>, u64, u64) {
	let mut returned = 0;
	let mut found = None;
	for event in events() {
		match event {
			Event::JobFinalised { job: of, payments, burned, refunded, .. } if of == job => {
				returned = refunded;
				found = Some((payments, burned));
			}
			Event::InputFaultPaid { job: of, payments, burned, .. } if of == job => found = Some((payments, burned)),
			Event::JobFailed { job: of, refunded, .. } if of == job => returned = refunded,
			_ => (),
		}
	}
	let (payments, burned) = found.unwrap_or_default();
	(payments, burned, returned)
}

/// A payment to an account.
fn to(n: u8, part: Part, amount: u64) -> PaymentOf<Test> {
	PaymentOf::<Test> { payee: Payee::Account(account(n)), part, amount }
}

/// A payment to a treasury.
fn to_treasury(community: u32, part: Part, amount: u64) -> PaymentOf<Test> {
	PaymentOf::<Test> { payee: Payee::Treasury(community), part, amount }
}

fn is_final(job: JobId) -> bool {
	crate::Provenance::<Test>::contains_key(job)
}

/// Sends all that an account can spend to somebody else, so that nothing but holds is left. Something else keeps the
/// account alive.
fn drain(who: u8) {
	frame_system::Pallet::<Test>::inc_providers(&account(who));
	let (from, to) = (account(who), account(if who == BOB { CAROL } else { BOB }));
	assert_ok!(<Balances as Mutate<_>>::transfer(&from, &to, free(who), Preservation::Expendable));
	assert_eq!(free(who), 0);
}
