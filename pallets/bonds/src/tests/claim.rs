use autonomy_primitives::community::{Communities as _, Pot};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError;

use crate::{mock::*, Bonds as BondMap, Error, Event, Pots, Tier};

#[test]
fn claim_should_pay_what_the_bond_has_earned() {
	build_and_execute(|| {
		bond_in(1, X, Pot::Auton, 100, Tier::Days14);
		bond_in(2, X, Pot::Auton, 100, Tier::Days168);
		earn(X, Pot::Auton, 800);
		assert_eq!((claimable(1, X, Pot::Auton), claimable(2, X, Pot::Auton)), (200, 600));
		let before = balance(&account(2));
		assert_ok!(Bonds::claim(signed(2), X, Pot::Auton));
		assert_eq!(balance(&account(2)), before + 600);
		let (community, pot, who) = (X, Pot::Auton, account(2));
		assert_eq!(last_event(), Event::Claimed { community, pot, who, amount: 600 });
		assert_eq!((claimable(1, X, Pot::Auton), claimable(2, X, Pot::Auton)), (200, 0));
		assert_eq!(Pots::<Test>::get(X, Pot::Auton).unclaimed, 200);
	});
}

#[test]
fn claim_should_pay_holders_of_shares_in_auton() {
	build_and_execute(|| {
		bond(1, C, Pot::Shares, 4);
		bond(2, C, Pot::Shares, 12);
		earn(C, Pot::Shares, 1_600);
		let before = balance(&account(1));
		assert_ok!(Bonds::claim(signed(1), C, Pot::Shares));
		assert_ok!(Bonds::claim(signed(2), C, Pot::Shares));
		assert_eq!(balance(&account(1)), before + 400);
		assert_eq!(balance(&Bonds::pot_account(C, Pot::Shares)), ED, "the account stays");
	});
}

#[test]
fn claim_should_add_up_over_changes_of_the_bond() {
	build_and_execute(|| {
		bond(1, X, Pot::Auton, 100);
		bond(2, X, Pot::Auton, 100);
		earn(X, Pot::Auton, 400);
		bond(1, X, Pot::Auton, 200);
		earn(X, Pot::Auton, 400);
		assert_ok!(Bonds::unbond(signed(1), X, Pot::Auton, Tier::Days14, 300));
		earn(X, Pot::Auton, 400);
		assert_eq!((stored(1, X, Pot::Auton).owed, claimable(1, X, Pot::Auton)), (500, 500));
		assert_eq!((stored(2, X, Pot::Auton).owed, claimable(2, X, Pot::Auton)), (0, 700));
		assert_ok!(Bonds::claim(signed(1), X, Pot::Auton));
		assert_ok!(Bonds::claim(signed(2), X, Pot::Auton));
	});
}

#[test]
fn claim_should_remove_the_bond_when_nothing_else_was_left() {
	build_and_execute(|| {
		bond(1, X, Pot::Auton, 100);
		earn(X, Pot::Auton, 200);
		assert_ok!(Bonds::unbond(signed(1), X, Pot::Auton, Tier::Days14, 100));
		go_to_day(16);
		assert_ok!(Bonds::withdraw(signed(1), X, Pot::Auton));
		assert!(BondMap::<Test>::contains_key((X, Pot::Auton, account(1))));
		assert_ok!(Bonds::claim(signed(1), X, Pot::Auton));
		assert!(!BondMap::<Test>::contains_key((X, Pot::Auton, account(1))));
	});
}

#[test]
fn claim_should_fail_when_nothing_is_owed() {
	build_and_execute(|| {
		assert_noop!(Bonds::claim(signed(1), X, Pot::Auton), Error::<Test>::NothingToClaim);
		bond(1, X, Pot::Auton, 100);
		assert_noop!(Bonds::claim(signed(1), X, Pot::Auton), Error::<Test>::NothingToClaim);
		earn(X, Pot::Auton, 200);
		assert_noop!(Bonds::claim(signed(2), X, Pot::Auton), Error::<Test>::NothingToClaim);
		assert_ok!(Bonds::claim(signed(1), X, Pot::Auton));
		assert_noop!(Bonds::claim(signed(1), X, Pot::Auton), Error::<Test>::NothingToClaim);
		assert_noop!(Bonds::claim(signed(1), 99, Pot::Auton), Error::<Test>::UnknownCommunity);
		assert_noop!(Bonds::claim(RuntimeOrigin::root(), X, Pot::Auton), DispatchError::BadOrigin);
	});
}

#[test]
fn claim_should_wait_while_claims_are_frozen() {
	build_and_execute(|| {
		bond(1, C, Pot::Shares, 100);
		bond(1, X, Pot::Auton, 100);
		earn(C, Pot::Shares, 200);
		earn(X, Pot::Auton, 200);
		assert_ok!(Bonds::set_claims_frozen(C, true));
		assert_eq!(last_event(), Event::ClaimsFrozenSet { community: C, frozen: true });
		assert_noop!(Bonds::claim(signed(1), C, Pot::Shares), Error::<Test>::ClaimsFrozen);
		// Only there, and only claims.
		assert_ok!(Bonds::claim(signed(1), X, Pot::Auton));
		assert_ok!(Bonds::unbond(signed(1), C, Pot::Shares, Tier::Days14, 50));
		earn(C, Pot::Shares, 100);
		assert_ok!(Bonds::set_claims_frozen(C, false));
		assert_ok!(Bonds::claim(signed(1), C, Pot::Shares));
		let (community, pot, who) = (C, Pot::Shares, account(1));
		assert_eq!(last_event(), Event::Claimed { community, pot, who, amount: 300 });
	});
}
