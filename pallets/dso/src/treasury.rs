//! Treasuries: keyless accounts, of which a part can be spent in seven days.

use autonomy_governance::{Perbill, Phase, SpendWindow, Track};
use autonomy_primitives::community::{Communities as _, CommunityId, PowerSource as _, X_COMMUNITY};
use frame_support::{
	pallet_prelude::DispatchResult,
	traits::{
		fungible::{Inspect as _, Mutate as _},
		fungibles::{Inspect as _, Mutate as _},
		tokens::{Fortitude, Preservation},
	},
};
use sp_runtime::SaturatedConversion;

use crate::{
	types::{Field, KindTag, Path},
	AssetIdOf, BalanceOf, Config, Error, Event, Pallet, SpendWindows,
};

impl<T: Config> Pallet<T> {
	/// What a treasury can spend of an asset, in its smallest unit.
	pub(crate) fn spendable(community: CommunityId, asset: &Option<AssetIdOf<T>>) -> u128 {
		let treasury = T::Registry::treasury(community);
		let (preserve, polite) = (Preservation::Preserve, Fortitude::Polite);
		match asset {
			None => T::Currency::reducible_balance(&treasury, preserve, polite).saturated_into(),
			Some(asset) => T::Assets::reducible_balance(asset.clone(), &treasury, preserve, polite).saturated_into(),
		}
	}

	/// Part of an asset that a track of X spends in seven days.
	pub(crate) fn x_limit(path: Path) -> Perbill {
		let track = match path {
			Path::Small => Track::TreasurySmall,
			Path::Large => Track::TreasuryLarge,
			// X has no AI of its own.
			Path::Decision => return Perbill::zero(),
		};
		// Limits are the same in every phase.
		track.rule(Phase::Four).and_then(|rule| rule.spend).unwrap_or_default()
	}

	/// The way that an amount takes: routine when it is within the routine limit of an untouched window.
	pub(crate) fn path_of(
		community: CommunityId,
		asset: &Option<AssetIdOf<T>>,
		amount: BalanceOf<T>,
		limit: Perbill,
	) -> Path {
		let left = SpendWindow::default().left(T::Power::today(), Self::spendable(community, asset), limit);
		if amount.saturated_into::<u128>() <= left {
			Path::Small
		} else {
			Path::Large
		}
	}

	/// Part of an asset that may be spent on a path in seven days, as it is now.
	fn limit_of(community: CommunityId, kind: KindTag, path: Path) -> Perbill {
		match path {
			path if community == X_COMMUNITY => Self::x_limit(path),
			Path::Small => Self::charter_of(community, kind).part(Field::SpendLimit),
			// A longer way, not an absolute stop.
			Path::Large => Perbill::one(),
			Path::Decision => Self::charter_of(community, kind).part(Field::DecisionLimit),
		}
	}

	/// What can be spent now on a path, in the asset's smallest unit.
	pub(crate) fn left_to_spend(
		community: CommunityId,
		kind: KindTag,
		asset: &Option<AssetIdOf<T>>,
		path: Path,
	) -> u128 {
		let window = SpendWindows::<T>::get(community, (asset, path));
		let limit = Self::limit_of(community, kind, path);
		window.left(T::Power::today(), Self::spendable(community, asset), limit)
	}

	/// Notes what is spent of a balance, unless it is more than is left.
	pub(crate) fn note_spending(
		community: CommunityId,
		kind: KindTag,
		path: Path,
		asset: &Option<AssetIdOf<T>>,
		balance: u128,
		amount: u128,
	) -> Result<(), Error<T>> {
		let (today, limit) = (T::Power::today(), Self::limit_of(community, kind, path));
		let window = SpendWindows::<T>::get(community, (asset, path)).spend(today, balance, limit, amount);
		let exceeded = if path == Path::Decision { Error::DecisionLimitReached } else { Error::SpendLimitReached };
		SpendWindows::<T>::insert(community, (asset, path), window.ok_or(exceeded)?);
		Ok(())
	}

	pub(crate) fn do_spend(
		community: CommunityId,
		kind: KindTag,
		path: Path,
		asset: Option<AssetIdOf<T>>,
		to: T::AccountId,
		amount: BalanceOf<T>,
	) -> DispatchResult {
		let balance = Self::spendable(community, &asset);
		Self::note_spending(community, kind, path, &asset, balance, amount.saturated_into())?;
		let treasury = T::Registry::treasury(community);
		match &asset {
			None => T::Currency::transfer(&treasury, &to, amount, Preservation::Preserve)?,
			Some(asset) => T::Assets::transfer(asset.clone(), &treasury, &to, amount, Preservation::Preserve)?,
		};
		Self::deposit_event(Event::Spent { community, asset, to, amount, path });
		Ok(())
	}
}
