//! What an account owns, in one answer.

use alloc::vec::Vec;
use codec::{Decode, Encode};
use frame_support::traits::fungible::{Inspect, InspectHold};
use pallet_bonds::BondView;
use scale_info::TypeInfo;

use crate::{AccountId, Balance, Balances, Bonds, Market, Runtime};

/// Most items in one answer.
pub const PAGE: usize = 256;

/// What an item of pallet-nfts is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub enum ItemKind {
	/// A model: its number is the item's.
	#[codec(index = 0)]
	Model,
	/// A character: its number is the item's.
	#[codec(index = 1)]
	Character,
	/// A work: the output of a final job.
	#[codec(index = 2)]
	Creation,
	/// Anything else that somebody has minted.
	#[codec(index = 3)]
	Other,
}

/// An item that an account holds.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct OwnedItem {
	/// Its collection.
	pub collection: u32,
	/// Its number there.
	pub item: u32,
	/// What it is.
	pub kind: ItemKind,
	/// What it is on sale by; it cannot be transferred as long as it is.
	pub sale: Option<pallet_market::Sale>,
}

/// What an account owns.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct Portfolio {
	/// AUTON that is there, frozen or not, without what is on hold; in planck.
	pub free: Balance,
	/// AUTON on hold: deposits, escrows, bids, operators' bonds; in planck.
	pub held: Balance,
	/// AUTON that can be spent now, in planck.
	pub spendable: Balance,
	/// NFTs, at most [`PAGE`].
	pub items: Vec<OwnedItem>,
	/// The last item, when there may be more of them: ask again with it.
	pub next: Option<(u32, u32)>,
	/// Bonds in communities, with what is unbonding and what can be claimed.
	pub bonds: Vec<BondView<Balance>>,
	/// What all bonds together can claim now, in planck.
	pub claimable: Balance,
}

sp_api::decl_runtime_apis! {
	/// What an account owns.
	pub trait PortfolioApi {
		/// Money, NFTs, bonds and claims of an account. `after` is where the last answer's items ended.
		fn portfolio(who: AccountId, after: Option<(u32, u32)>) -> Portfolio;
	}
}

/// The answer to [`PortfolioApi::portfolio`].
pub fn portfolio(who: &AccountId, after: Option<(u32, u32)>) -> Portfolio {
	use frame_support::traits::tokens::{Fortitude, Preservation};
	let owned = |(collection, item)| OwnedItem {
		collection,
		item,
		kind: kind_of(collection, item),
		sale: Market::sale_of(collection, item),
	};
	let keys = match after {
		Some((collection, item)) => {
			let from = pallet_nfts::Account::<Runtime>::hashed_key_for((who, collection, item));
			pallet_nfts::Account::<Runtime>::iter_key_prefix_from((who,), from)
		}
		None => pallet_nfts::Account::<Runtime>::iter_key_prefix((who,)),
	};
	let items: Vec<OwnedItem> = keys.take(PAGE).map(owned).collect();
	let next = items.last().filter(|_| items.len() == PAGE).map(|last| (last.collection, last.item));
	let bonds = Bonds::portfolio(who.clone());
	let claimable = bonds.iter().fold(0, |sum: Balance, bond| sum.saturating_add(bond.claimable));
	Portfolio {
		free: Balances::balance(who),
		held: Balances::total_balance_on_hold(who),
		spendable: Balances::reducible_balance(who, Preservation::Preserve, Fortitude::Polite),
		items,
		next,
		bonds,
		claimable,
	}
}

fn kind_of(collection: u32, item: u32) -> ItemKind {
	if pallet_models::Collection::<Runtime>::get() == Some(collection) {
		ItemKind::Model
	} else if pallet_characters::Collection::<Runtime>::get() == Some(collection) {
		ItemKind::Character
	} else if crate::Creations::creation(collection, item).is_some() {
		ItemKind::Creation
	} else {
		ItemKind::Other
	}
}
