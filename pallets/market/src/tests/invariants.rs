use std::collections::BTreeMap;

use autonomy_primitives::community::Pot;
use frame_support::storage::with_storage_layer;
use proptest::prelude::*;
use sp_runtime::{AccountId32, DispatchResult, StateVersion};

use super::{free, works};
use crate::{mock::*, Event, LicenceKind, LicenceTerms, OnSale, SoldBy};

/// Who sends a call.
#[derive(Clone, Copy, Debug)]
enum Who {
	/// One of the five.
	Any(u8),
	/// Whoever owns the item, sells in the sale or owns the model.
	Right,
}

#[derive(Clone, Debug)]
enum Step {
	List { who: Who, item: u32, price: u128, blocks: Option<u64> },
	Bundle { who: Who, items: Vec<u32>, price: u128 },
	SetPrice { who: Who, sale: u64, price: u128 },
	CancelListing { who: Who, sale: u64 },
	ExpireListing { sale: u64 },
	Buy { who: u8, sale: u64, max: u128 },
	Offer { who: u8, item: u32, amount: u128, blocks: u64 },
	CancelOffer { who: u8, item: u32 },
	ExpireOffer { item: u32, bidder: u8 },
	Accept { who: Who, item: u32, bidder: u8, min: u128 },
	Start { who: Who, item: u32, reserve: u128, increment: u16, duration: u64 },
	Bid { who: u8, sale: u64, amount: u128 },
	CancelAuction { who: Who, sale: u64 },
	Settle { sale: u64 },
	Terms { who: Who, per_period: Option<u128>, perpetual: Option<u128>, none: bool },
	Open { who: Who },
	BuyLicence { who: u8, perpetual: bool, max: u128 },
	EndLicence { who: u8, licensee: u8 },
	Transfer { who: Who, item: u32, to: u8 },
	SellModel { to: u8 },
	LockItem { item: u32, locked: bool },
	Bond { bonded: bool },
	Wait { blocks: u64 },
}

fn step() -> impl Strategy<Value = Step> {
	let anyone = || 1u8..6;
	let who = || prop_oneof![3 => Just(Who::Right), 1 => anyone().prop_map(Who::Any)];
	// Some below the least, most payable, some above what anybody has.
	let price = || prop_oneof![1 => 0u128..200, 8 => 200u128..400_000_000, 1 => 900_000_000u128..3_000_000_000];
	let (item, sale) = (|| 0u32..6, || 0u64..14);
	let items = proptest::collection::vec(0u32..6, 0..4);
	let blocks = || 0u64..40;
	let market = prop_oneof![
		4 => (who(), item(), price(), proptest::option::of(blocks()))
			.prop_map(|(who, item, price, blocks)| Step::List { who, item, price, blocks }),
		2 => (who(), items, price()).prop_map(|(who, items, price)| Step::Bundle { who, items, price }),
		1 => (who(), sale(), price()).prop_map(|(who, sale, price)| Step::SetPrice { who, sale, price }),
		1 => (who(), sale()).prop_map(|(who, sale)| Step::CancelListing { who, sale }),
		1 => sale().prop_map(|sale| Step::ExpireListing { sale }),
		4 => (anyone(), sale(), price()).prop_map(|(who, sale, max)| Step::Buy { who, sale, max }),
		4 => (anyone(), item(), price(), blocks())
			.prop_map(|(who, item, amount, blocks)| Step::Offer { who, item, amount, blocks }),
		1 => (anyone(), item()).prop_map(|(who, item)| Step::CancelOffer { who, item }),
		1 => (item(), anyone()).prop_map(|(item, bidder)| Step::ExpireOffer { item, bidder }),
		4 => (who(), item(), anyone(), 0u128..1_000)
			.prop_map(|(who, item, bidder, min)| Step::Accept { who, item, bidder, min }),
		4 => (who(), item(), price(), 0u16..1_100, 5u64..40).prop_map(|(who, item, reserve, increment, duration)| {
			Step::Start { who, item, reserve, increment, duration }
		}),
		6 => (anyone(), sale(), price()).prop_map(|(who, sale, amount)| Step::Bid { who, sale, amount }),
		1 => (who(), sale()).prop_map(|(who, sale)| Step::CancelAuction { who, sale }),
		4 => sale().prop_map(|sale| Step::Settle { sale }),
	];
	let rest = prop_oneof![
		4 => (who(), proptest::option::of(price()), proptest::option::of(price()), proptest::bool::weighted(0.2))
			.prop_map(|(who, per_period, perpetual, none)| Step::Terms { who, per_period, perpetual, none }),
		1 => proptest::bool::weighted(0.1).prop_map(|right| Step::Open { who: if right { Who::Right } else { Who::Any(5) } }),
		4 => (anyone(), any::<bool>(), price()).prop_map(|(who, perpetual, max)| Step::BuyLicence { who, perpetual, max }),
		1 => (anyone(), anyone()).prop_map(|(who, licensee)| Step::EndLicence { who, licensee }),
		4 => (who(), item(), anyone()).prop_map(|(who, item, to)| Step::Transfer { who, item, to }),
		1 => anyone().prop_map(|to| Step::SellModel { to }),
		1 => (item(), any::<bool>()).prop_map(|(item, locked)| Step::LockItem { item, locked }),
		1 => any::<bool>().prop_map(|bonded| Step::Bond { bonded }),
		4 => blocks().prop_map(|blocks| Step::Wait { blocks }),
	];
	prop_oneof![3 => market, 1 => rest]
}

fn number(who: &AccountId32) -> u8 {
	AsRef::<[u8; 32]>::as_ref(who)[0]
}

fn owner_of(item: u32) -> u8 {
	number(&owner(item).unwrap())
}

fn resolve(who: Who, right: Option<u8>) -> u8 {
	match who {
		Who::Any(who) => who,
		Who::Right => right.unwrap_or(5),
	}
}

fn seller_of(sale: u64) -> Option<u8> {
	let listing = Market::listing(sale).map(|listing| listing.seller);
	listing.or(Market::auction(sale).map(|view| view.auction.seller)).as_ref().map(number)
}

fn model_owner() -> Option<u8> {
	ModelOwners::get().get(&MODEL).map(number)
}

/// Sends a call. What it says of its weight is left out.
fn run(step: Step) -> DispatchResult {
	let now = System::block_number();
	let plain = |done: frame_support::dispatch::DispatchResultWithPostInfo| done.map(|_| ()).map_err(|fail| fail.error);
	match step {
		Step::List { who, item, price, blocks } => {
			let who = resolve(who, Some(owner_of(item)));
			Market::list(signed(who), WORKS, item, price, blocks.map(|blocks| now + blocks))
		}
		Step::Bundle { who, items, price } => {
			let who = resolve(who, items.first().map(|item| owner_of(*item)));
			Market::list_bundle(signed(who), works(&items), price, None)
		}
		Step::SetPrice { who, sale, price } => Market::set_price(signed(resolve(who, seller_of(sale))), sale, price),
		Step::CancelListing { who, sale } => plain(Market::cancel_listing(signed(resolve(who, seller_of(sale))), sale)),
		Step::ExpireListing { sale } => plain(Market::expire_listing(signed(5), sale)),
		Step::Buy { who, sale, max } => plain(Market::buy(signed(who), sale, max)),
		Step::Offer { who, item, amount, blocks } => Market::make_offer(signed(who), WORKS, item, amount, now + blocks),
		Step::CancelOffer { who, item } => Market::cancel_offer(signed(who), WORKS, item),
		Step::ExpireOffer { item, bidder } => Market::expire_offer(signed(5), WORKS, item, account(bidder)),
		Step::Accept { who, item, bidder, min } => {
			let who = resolve(who, Some(owner_of(item)));
			plain(Market::accept_offer(signed(who), WORKS, item, account(bidder), min))
		}
		Step::Start { who, item, reserve, increment, duration } => {
			let who = resolve(who, Some(owner_of(item)));
			Market::start_auction(signed(who), WORKS, item, reserve, increment, duration)
		}
		Step::Bid { who, sale, amount } => Market::bid(signed(who), sale, amount),
		Step::CancelAuction { who, sale } => Market::cancel_auction(signed(resolve(who, seller_of(sale))), sale),
		Step::Settle { sale } => plain(Market::settle_auction(signed(5), sale)),
		Step::Terms { who, per_period, perpetual, none } => {
			let terms = (!none).then_some(LicenceTerms { per_period, period: 20, perpetual });
			Market::set_licence_terms(signed(resolve(who, model_owner())), MODEL, terms)
		}
		Step::Open { who } => Market::open_licence(signed(resolve(who, model_owner())), MODEL),
		Step::BuyLicence { who, perpetual, max } => {
			let kind = if perpetual { LicenceKind::Perpetual } else { LicenceKind::Period };
			plain(Market::buy_licence(signed(who), MODEL, kind, max))
		}
		Step::EndLicence { who, licensee } => Market::end_licence(signed(who), MODEL, account(licensee)),
		Step::Transfer { who, item, to } => {
			let who = resolve(who, Some(owner_of(item)));
			Nfts::transfer(signed(who), WORKS, item, account(to))
		}
		Step::SellModel { to } => {
			ModelOwners::mutate(|owners| owners.insert(MODEL, account(to)));
			Ok(())
		}
		Step::LockItem { item, locked: true } => Nfts::lock_item_transfer(signed(TEAM), WORKS, item),
		Step::LockItem { item, locked: false } => Nfts::unlock_item_transfer(signed(TEAM), WORKS, item),
		Step::Bond { bonded } => {
			set_bonded(0, Pot::Shares, bonded);
			Ok(())
		}
		Step::Wait { blocks } => {
			run_to(now + blocks);
			Ok(())
		}
	}
}

/// What payees and treasury were paid, by what the events say, and whether each price was divided as it has to be.
fn paid(events: &[Event<Test>]) -> Result<BTreeMap<u8, u128>, TestCaseError> {
	let mut paid = BTreeMap::from([(CREATOR, 0), (COMMUNITY, 0), (TREASURY, 0)]);
	for event in events {
		let (split, expected) = match event {
			Event::Sold { price, split, .. } => (split, divided(*price)),
			Event::LicenceBought { price, split, .. } => (split, divided_licence(*price)),
			Event::RoyaltyRedirected { .. } => return Err(TestCaseError::fail("everybody can be paid here")),
			_ => continue,
		};
		prop_assert_eq!(split, &expected, "a royalty was not paid");
		for (to, amount) in &split.royalties {
			let who = if *to == payee(COMMUNITY) { COMMUNITY } else { CREATOR };
			*paid.entry(who).or_default() += amount;
		}
		*paid.entry(TREASURY).or_default() += split.fee;
	}
	Ok(paid)
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(64))]

	#[test]
	fn market_should_lose_nothing_when_calls_come_in_any_order(steps in proptest::collection::vec(step(), 1..120)) {
		new_test_ext().execute_with(|| {
			let issuance = Balances::total_issuance();
			for step in steps {
				let before = sp_io::storage::root(StateVersion::V1);
				let done = with_storage_layer(|| run(step.clone()));
				if done.is_err() {
					prop_assert_eq!(before, sp_io::storage::root(StateVersion::V1), "{:?}", step);
				}
				// Locks, holds, counts and owners of what is on sale.
				prop_assert_eq!(check(), Ok(()), "{:?}", step);
				prop_assert_eq!(Balances::total_issuance(), issuance, "{:?}", step);
				for item in 0..6 {
					let owner = owner(item).map(|owner| number(&owner));
					prop_assert!(owner.is_some_and(|owner| (1..6).contains(&owner)), "{:?}: item {} is lost", step, item);
				}
			}
			for (who, amount) in paid(&events())? {
				let got = match who {
					// While nobody has bonded, the community's treasury gets the part of its holders.
					COMMUNITY => divided_among(0, Pot::Shares) + free(COMMUNITY_TREASURY),
					who => free(who),
				};
				prop_assert_eq!(got, FUNDS + amount, "a payee has something else than its royalties");
			}
			Ok(())
		})?;
	}

	#[test]
	fn every_bid_should_win_or_come_back(bids in proptest::collection::vec((2u8..6, 100u128..300_000_000), 1..30)) {
		new_test_ext().execute_with(|| {
			let auction = auction(0, ALICE, 100);
			let before: Vec<u128> = (1..6).map(free).collect();
			for (bidder, amount) in bids {
				let _ = with_storage_layer(|| Market::bid(signed(bidder), auction, amount));
				prop_assert_eq!(check(), Ok(()));
			}
			let top = Market::auction(auction).unwrap().auction.top;
			run_to(1_000);
			prop_assert!(Market::settle_auction(signed(5), auction).is_ok());
			prop_assert!(!OnSale::<Test>::contains_key(WORKS, 0));
			let winner = top.as_ref().map(|top| number(&top.bidder));
			for (who, before) in (1u8..6).zip(before) {
				let after = free(who);
				match &top {
					_ if who == ALICE => prop_assert!(after > before, "the seller has its deposit back"),
					Some(top) if winner == Some(who) => prop_assert_eq!(after, before - top.amount),
					_ => prop_assert_eq!(after, before, "a bid was lost"),
				}
			}
			prop_assert_eq!(owner(0), Some(account(winner.unwrap_or(ALICE))));
			let sold = events().iter().any(|event| matches!(event, Event::Sold { by: SoldBy::Auction(_), .. }));
			prop_assert_eq!(sold, winner.is_some());
			Ok(())
		})?;
	}
}
