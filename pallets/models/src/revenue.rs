//! Who is paid for a model, and the model's page.

use autonomy_primitives::{
	community::{CommunityId, Pot},
	payout::{ModelPayees, ModelRevenue, Payee},
	ModelId,
};
use frame_support::traits::Get;
use sp_runtime::Permill;

use crate::{
	maths::{part, MILLION},
	Charters, Config, Lineages, ModelInfoOf, ModelPage, ModelPageOf, ModelStates, Models, Pallet, ParentsOf, Versions,
};

/// Most versions that a page shows.
const PAGE_VERSIONS: u32 = 32;

impl<T: Config> Pallet<T> {
	/// The payees of a model: its ancestors, then its shareholders for the part of the cap that has been issued to them, then
	/// the holder of its NFT with the rest.
	pub(crate) fn payees(model: ModelId) -> ModelPayees<T::AccountId> {
		let Some(info) = Models::<T>::get(model) else { return Default::default() };
		let mut left = MILLION;
		let mut payees = alloc::vec::Vec::new();
		for (ancestor, share) in Lineages::<T>::get(model) {
			let Some(above) = Models::<T>::get(ancestor) else { continue };
			let share = share.min(left);
			left = left.saturating_sub(share);
			payees.push((Self::payee_of_ancestor(ancestor, &above), Permill::from_parts(share)));
		}
		let state = ModelStates::<T>::get(model);
		let of_shares = part(left.into(), state.issued, T::ShareCap::get());
		let of_shares = u32::try_from(of_shares).unwrap_or(left).min(left);
		if of_shares > 0 {
			payees.push((Payee::Pot(info.community, Pot::Shares), Permill::from_parts(of_shares)));
		}
		let rest = left.saturating_sub(of_shares);
		if rest > 0 {
			payees.push((Self::payee_of_owner(model, &info), Permill::from_parts(rest)));
		}
		ModelPayees::truncate_from(payees)
	}

	fn payee_of_owner(model: ModelId, info: &ModelInfoOf<T>) -> Payee<T::AccountId> {
		Self::owner(model).map_or(Payee::Treasury(info.community), Payee::Account)
	}

	/// An ancestor is one payee: its shareholders once they have most of its shares, else the holder of its NFT.
	fn payee_of_ancestor(model: ModelId, info: &ModelInfoOf<T>) -> Payee<T::AccountId> {
		let state = ModelStates::<T>::get(model);
		let unissued = T::ShareCap::get().saturating_sub(state.issued);
		if state.issued > unissued {
			Payee::Pot(info.community, Pot::Shares)
		} else {
			Self::payee_of_owner(model, info)
		}
	}

	pub(crate) fn page_of(model: ModelId) -> Option<ModelPageOf<T>> {
		let view = Self::model(model)?;
		let state = ModelStates::<T>::get(model);
		let oldest = state.version.saturating_sub(PAGE_VERSIONS.saturating_sub(1));
		let versions = (oldest..=state.version).rev();
		Some(ModelPage {
			model: view,
			charter: Charters::<T>::get(model),
			parents: ParentsOf::<T>::get(model).into_inner(),
			lineage: Lineages::<T>::get(model).into_inner(),
			versions: versions.filter_map(|n| Versions::<T>::get(model, n).map(|version| (n, version))).collect(),
			revenue: Self::payees(model),
			state,
		})
	}
}

impl<T: Config> ModelRevenue<T::AccountId> for Pallet<T> {
	fn revenue(model: ModelId) -> ModelPayees<T::AccountId> {
		Self::payees(model)
	}

	fn community(model: ModelId) -> Option<CommunityId> {
		Some(Models::<T>::get(model)?.community)
	}
}
