//! What holds whatever is called. Each test says which property of the design it is; the README lists them by number.

mod ais;
mod lifecycle;
mod limits;
mod money;
mod votes;

use autonomy_governance::Side;
use autonomy_primitives::community::{Class, CommunityId, Pot, Topic};
use proptest::{prelude::*, test_runner::FileFailurePersistence};

use crate::{mock::*, types::Anchor, Capacity, CommunityByAnchor};

const TOKEN: Capacity = Capacity::Member(Class::Token);
/// Holders of AUTON that take part.
const PEOPLE: [u8; 5] = [ALICE, BOB, CAROL, 20, 21];

fn config(cases: u32) -> ProptestConfig {
	ProptestConfig {
		cases: std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(cases),
		max_shrink_iters: 1_000,
		failure_persistence: Some(Box::new(FileFailurePersistence::SourceParallel("proptest-regressions"))),
		..ProptestConfig::default()
	}
}

fn side() -> impl Strategy<Value = Side> {
	prop::sample::select(Side::ALL.to_vec())
}

fn person() -> impl Strategy<Value = u8> {
	prop::sample::select(PEOPLE.to_vec())
}

/// Holders of AUTON with different bonds, since yesterday.
fn holders() {
	bond(20, X, 300_000);
	bond(21, X, 70_000);
	go_on(1);
}

/// Something that changes the world around a proposal.
#[derive(Clone, Debug)]
enum Change {
	Bond { who: u8, amount: u128 },
	Unbond { who: u8 },
	Delegate { who: u8, to: u8, topic: Topic },
	Sell { to: u8 },
	Claim { who: u8 },
	Fan { who: u8, points: u128 },
	Badge { who: u8, points: u8 },
	Invest { who: u8, amount: u128 },
	Days { count: u32 },
}

fn change() -> impl Strategy<Value = Change> {
	let topic = prop::sample::select(Topic::ALL.to_vec());
	prop_oneof![
		(person(), 100u128..1_000_000).prop_map(|(who, amount)| Change::Bond { who, amount }),
		person().prop_map(|who| Change::Unbond { who }),
		(person(), person(), topic).prop_map(|(who, to, topic)| Change::Delegate { who, to, topic }),
		person().prop_map(|to| Change::Sell { to }),
		person().prop_map(|who| Change::Claim { who }),
		(person(), 0u128..6).prop_map(|(who, points)| Change::Fan { who, points }),
		(person(), 1u8..6).prop_map(|(who, points)| Change::Badge { who, points }),
		(person(), 1u128..10_000).prop_map(|(who, amount)| Change::Invest { who, amount }),
		(1u32..4).prop_map(|count| Change::Days { count }),
	]
}

/// Does what is possible of a change.
fn apply(change: &Change) {
	match *change {
		Change::Bond { who, amount } => bond(who, X, amount),
		Change::Unbond { who } => {
			let all = Bonds::bond_of(account(who), X, Pot::Auton).map_or(0, |bond| bond.amounts.days_14);
			let _ = Bonds::unbond(signed(who), X, Pot::Auton, pallet_bonds::Tier::Days14, all);
		}
		Change::Delegate { who, to, topic } => {
			let _ = Bonds::delegate(signed(who), X, Class::Token, topic, account(to));
		}
		Change::Sell { to } => {
			let owner = <MockAnchors as crate::traits::Anchors<_>>::owner(Anchor::Character(ADA)).unwrap();
			let _ = Nfts::transfer(RuntimeOrigin::signed(owner), CHARACTERS, ADA, account(to));
		}
		Change::Claim { who } => {
			let _ = Dso::claim_seat(signed(who), of(ADA), Anchor::Character(ADA));
		}
		Change::Fan { who, points } => set_power(who, of(ADA), Class::Fan, points),
		Change::Badge { who, points } => {
			if crate::Communities::<Test>::contains_key(of(ADA)) {
				Dso::set_badge(of(ADA), account(who), Class::Contributor, points).unwrap();
			}
		}
		Change::Invest { who, amount } => invest(who, ADA, amount),
		Change::Days { count } => go_on(count),
	}
}

/// The identity of Bob, whose seat he has claimed.
fn identity() -> CommunityId {
	let anchor = Anchor::Identity(1);
	Dso::open_community(signed(BOB), anchor).unwrap();
	let community = CommunityByAnchor::<Test>::get(anchor).unwrap();
	Dso::claim_seat(signed(BOB), community, anchor).unwrap();
	community
}

/// The band of characters 7 and 8, of Alice, who has claimed their seats.
fn band() -> CommunityId {
	Collectives::mutate(|all| all.insert(0, (false, vec![7, 8])));
	let anchor = Anchor::Collective(0);
	Dso::open_community(signed(ALICE), anchor).unwrap();
	let community = CommunityByAnchor::<Test>::get(anchor).unwrap();
	for member in [7, 8] {
		Dso::claim_seat(signed(ALICE), community, Anchor::Character(member)).unwrap();
	}
	community
}
